"""A run killed at a random moment and done again gives what an undisturbed run gives: a small sample of the benchmark."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs fork, and loopback addresses beyond 127.0.0.1")
@pytest.mark.parametrize(("what", "moments"), [("collect", 6), ("run", 2)])
def test_killed_and_done_again(what: str, moments: int) -> None:
    script = ROOT / "tests" / "benchmarks" / "kill_collect.py"
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")} | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, str(script), "--what", what, "--seed", "3", "--moments", str(moments), "--seconds", "1"],  # a single day
        capture_output=True, text=True, env=env, timeout=240, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(rf"^{what}: killed at [1-9]\d* moments in [1-9]\d* days", ran.stdout, re.M), ran.stdout
    assert " 0 days differ" in ran.stdout
