"""The rules of the design that code can hold: imports point one way, are late where they are heavy, and nothing below `cli` prints."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import forecast as fc

PACKAGE = Path(fc.__file__).parent
# From the top down; when it is loaded, a module may import only from its own line and those below.
ORDER = [
    ["cli"], ["whatif"], ["outlook"], ["replay"], ["report"], ["charts"], ["backtest"], ["agreement"], ["history"], ["record", "health", "watch"], ["bench"], ["reading", "file_coding", "sample_texts"], ["imports", "pages"], ["feeds", "archive_rescue"],
    ["archive", "feed_formats"], ["archive_files", "retrieve", "feed_dates", "feed_rss"], ["archive_codings"], ["archive_schema"], ["near_copies"], ["addresses"], ["processes", "cluster"], ["engine", "rounds"], ["coding_identity", "coding_format"], ["coded_rows"], ["coding"], ["scoring", "model"], ["features"], ["new_case"], ["case"], ["tables", "bundled"], ["records"], ["errors"],
]  # fmt: skip
LEVEL = {name: n for n, names in enumerate(ORDER) for name in names}
READING = {
    "feeds", "retrieve", "feed_formats", "feed_dates", "feed_rss", "addresses", "pages", "imports", "health", "archive", "archive_schema",
    "archive_files", "archive_codings", "archive_rescue", "reading", "file_coding", "coded_rows", "near_copies", "coding", "coding_identity", "coding_format", "rounds", "engine", "processes", "cluster",
}  # fmt: skip
JUDGING = {"model", "scoring", "backtest", "history", "features"}
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "data" not in p.relative_to(PACKAGE).parts)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "coding" if parts[0] == "coding" else parts[0]


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module of this package, whether it is imported when the file is loaded) for every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        id(n)
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) or (isinstance(f, ast.If) and "TYPE_CHECKING" in ast.dump(f.test))
        for n in ast.walk(f)
    }
    out = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"forecast.{a.name}" for a in node.names] if node.module == "forecast" else [node.module]
        out += [(n.split(".")[1], id(node) not in late) for n in names if n.startswith("forecast.")]
    return out


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    mine = module_of(path)
    if mine in ("__init__", "__main__"):
        return
    assert mine in LEVEL, f"give {mine} its place in the order of design"
    for other, at_load in imports(path):
        if other == mine or not at_load or other.startswith("_"):
            continue
        assert LEVEL[other] >= LEVEL[mine], f"{mine} imports {other}, which stands above it"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_arms_are_strangers(path: Path) -> None:
    mine = module_of(path)
    met = {other for other, _ in imports(path)}
    if mine in READING:
        assert not met & (JUDGING - {"features"}), f"{mine} reads and must not judge"
    if mine in JUDGING:
        assert not met & READING, f"{mine} judges and must not read"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_below_cli_prints(path: Path) -> None:
    if module_of(path) == "cli":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = node.func if isinstance(node, ast.Call) else None
        assert not (isinstance(called, ast.Name) and called.id in ("print", "input")), f"line {getattr(node, 'lineno', '?')}"
        assert not (isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr") and ast.unparse(node.value) == "sys")


HEAVY = ("pandas", "numpy", "sklearn", "scipy", "matplotlib", "lxml", "dask", "feedparser", "requests", "jinja2", "trafilatura")


def loaded_after(code: str) -> set[str]:
    probe = f"import sys; {code}; print(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_import_is_light() -> None:
    assert loaded_after("import forecast") == set()


def test_command_line_is_light() -> None:
    assert loaded_after("import forecast.cli") == set()


def test_coding_needs_no_pandas() -> None:
    code = "import forecast as fc; fc.Coder(fc.Case.bundled('russia-ukraine')).code('Ukraine demanded a ceasefire.', fc.day('2025-07-19'))"
    assert not loaded_after(code) & {"pandas", "sklearn", "matplotlib"}


@pytest.mark.parametrize("name", fc.__all__)
def test_public_names_exist_and_are_documented(name: str) -> None:
    thing = getattr(fc, name)
    assert inspect.getdoc(thing), name
    if inspect.isclass(thing):
        for method, f in inspect.getmembers(thing, inspect.isfunction):
            if not method.startswith("_") and f.__module__.startswith("forecast"):
                assert inspect.getdoc(f), f"{name}.{method}"


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fc.nothing  # noqa: B018
    assert set(fc.__all__) <= set(dir(fc))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_and_public_functions_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path.name != "__main__.py":
        assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_no_leftover_module_names() -> None:
    for path in FILES:
        assert path.stem not in ("utils", "helpers", "common", "misc", "base")


def test_docstring_of_the_package_is_short_and_imports_as_fc() -> None:
    examples = [x for x in (fc.__doc__ or "").splitlines() if x.startswith(">>>")]
    assert examples[0] == ">>> import forecast as fc"
    assert len(examples) <= 5
    assert import_module("forecast") is fc
