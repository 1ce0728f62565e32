"""Notebooks as files: short, without functions, stripped of outputs, and every public name in them exists. CI runs them."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import forecast as fc

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


def cells(file: Path, kind: str) -> list[str]:
    return ["".join(c["source"]) for c in json.loads(file.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == kind]


def test_all_five_are_there() -> None:
    assert [p.name[:2] for p in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda p: p.name)
def test_notebook_is_short_and_plain(file: Path) -> None:
    code = cells(file, "code")
    assert sum(bool(line.strip()) for c in code for line in c.splitlines()) <= 60
    assert len(cells(file, "markdown")) >= len(code) // 2
    for c in code:
        tree = ast.parse(re.sub(r"(?m)^%.*$", "", c))
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda | ast.ClassDef)]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda p: p.name)
def test_no_outputs_are_stored(file: Path) -> None:
    for c in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        assert not c.get("outputs")
        assert c.get("execution_count") is None


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda p: p.name)
def test_names_exist(file: Path) -> None:
    for name in re.findall(r"\bfc\.([a-zA-Z_]+)", "\n".join([*cells(file, "code"), *cells(file, "markdown")])):
        assert hasattr(fc, name), name
