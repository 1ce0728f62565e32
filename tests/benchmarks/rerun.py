"""A morning's rerun: `python tests/benchmarks/rerun.py [--articles 100000]`. Whole commands, in processes of their own.

Fills an archive (1 % on talks), runs the case once (cold), then again with 20 new articles (warm), none of them on talks
and then all of them, when every chart is drawn anew. `--folder` keeps the archive for another time. Exit code 1 where the
first rerun takes 3 s or more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import forecast as fc
from forecast.archive import Archive
from forecast.sample_texts import LAST, made_articles


def run(folder: Path) -> tuple[float, str]:
    """Seconds of one `forecast run`, and in words its processor time (to be read on a busy machine) and what it says of coding."""
    command = [sys.executable, "-m", "forecast", "run", str(folder), "--offline", "--reference-date", f"{LAST:%Y-%m-%d}"]
    start, before = time.perf_counter(), os.times()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    passed, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return passed, f"(processor {cpu:.2f} s)  " + next(x for x in said.splitlines() if "articles coded" in x)


def fill(case: fc.Case, n: int) -> None:
    """An archive of so many articles, unless there is one."""
    if not case.archive_path.exists():
        start = time.perf_counter()
        with Archive(case.archive_path) as archive:
            archive.add_articles(made_articles(n, 2500, 0.01))
        print(f"archive of {n} articles filled in {time.perf_counter() - start:.1f} s, {case.archive_path.stat().st_size / 1e6:.0f} MB")


def main() -> int:
    """Print the times; 1 where the limit is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--articles", type=int, default=100_000)
    options.add_argument("--folder", type=Path, help="where to keep the case; a temporary folder otherwise")
    o = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = o.folder or Path(temporary) / "case"
        case = fc.Case.open(folder) if (folder / "case.toml").exists() else fc.Case.create(folder)
        fill(case, o.articles)
        print("cold:            {:6.2f} s  {}".format(*run(folder)))
        print("nothing new:     {:6.2f} s  {}".format(*run(folder)))
        took = []
        for what, share in (("20 not on talks", 0.0), ("20 on talks", 1.0)):
            with Archive(case.archive_path) as archive:
                seed = archive.count_articles()
                archive.add_articles(made_articles(20, 2500, share, seed=seed, days=1))
            seconds, said = run(folder)
            took.append(seconds)
            print(f"{what + ':':<16} {seconds:6.2f} s  {said}")
    print(f"rerun with 20 new articles: {took[0]:.2f} s (under 3)")
    return 1 if took[0] >= 3 else 0


if __name__ == "__main__":
    sys.exit(main())
