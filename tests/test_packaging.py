"""What is written outside the code says the same as the code: README, CI, conda, notebook, wheel."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import forecast as fc

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
INSTALL, TEST = "pip install . && forecast run", 'pip install ".[test]" && pytest'


def test_top_level_is_as_agreed() -> None:
    agreed = {
        "pyproject.toml", "environment.yml", "notebooks", "forecast", "data", "tests", "README.md", "LICENSE", "CHANGELOG.md",
        "CONTRIBUTING.md",
    }  # fmt: skip
    there = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")}
    assert agreed <= there
    assert there - agreed <= {"build", "dist", "outlook-demo"}  # what tools leave behind, none of it kept
    assert (ROOT / ".ci" / "run").exists()


def test_version_is_one() -> None:
    assert PROJECT["project"]["version"] == fc.__version__
    assert f"## {fc.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)


def test_readme_has_exactly_two_setup_commands() -> None:
    commands = [x.strip() for b in blocks(README) for x in b.splitlines() if re.search(r"\b(?:pip|conda|uv)\b.* install", x) or x.startswith("pip")]
    assert commands == [INSTALL, TEST]


def test_ci_calls_the_readmes_second_command() -> None:
    """CI takes the command from README.md itself."""
    pattern = re.search(r"grep -m 1 -x '(.*)' README\.md", CI)
    assert pattern
    found = [x for x in README.splitlines() if re.fullmatch(pattern[1], x)]
    assert found == [TEST]


def test_contributing_shows_what_ci_runs() -> None:
    shown = {re.sub(r"\s+#.*", "", x).strip() for b in blocks((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")) for x in b.splitlines()}
    run = " ".join(CI.replace("\\\n", " ").split())
    for verb in ("ruff check forecast tests notebooks", "mypy", "nbstripout --verify notebooks/*.ipynb"):
        assert verb in shown
        assert verb in run
    (notebooks,) = [x for x in shown if "--nbmake" in x]
    assert notebooks in run


def test_ci_is_executable_and_stops_at_the_first_failure() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "set -euo pipefail" in CI


def test_readme_picture_is_there_and_made_by_a_command() -> None:
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert picture == "data/samples/outlook.png"
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
    assert f"cp outlook-demo/outlook/2025-07-20/charts/outlook.png {picture}" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "data/README.md"])
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (ROOT / name).parent.joinpath(target).exists(), target


def test_readme_verbs_exist(cli: Any) -> None:
    known = set(re.findall(r"^\s+([a-z][a-z-]+)\b", cli("--help").out.partition("Commands")[2], re.M))
    code = "\n".join([*blocks(README), *re.findall(r"`([^`\n]+)`", README)])
    for verb in re.findall(r"^forecast ([a-z][a-z-]+)", code, re.M):
        assert verb in known, verb


def test_readme_python_runs(demo: Any) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    exec(compile(code.replace("fc.run(", "_run("), "README.md", "exec"), {"_run": lambda *a, **k: demo, "fc": fc})


def test_documents_name_no_workplace() -> None:
    for p in (*ROOT.glob("*.md"), ROOT / "data" / "README.md", ROOT / "environment.yml", ROOT / ".ci" / "run", *ROOT.glob("notebooks/*.ipynb")):
        text = p.read_text(encoding="utf-8")
        assert not re.search(r"/work/|\.\./shared|issues show", text), p.name


# -- conda --------------------------------------------------------------------------------------


def test_environment_agrees_with_pyproject() -> None:
    env = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert env["name"] == PROJECT["project"]["name"]
    assert env["channels"] == ["conda-forge"]
    conda = [x for x in env["dependencies"] if isinstance(x, str)]
    (pip,) = [x["pip"] for x in env["dependencies"] if isinstance(x, dict)]
    assert pip == ["-e .[test]"]
    assert "test" in PROJECT["project"]["optional-dependencies"]
    wanted = {Requirement(x).name: str(Requirement(x).specifier) for x in PROJECT["project"]["dependencies"]}
    wanted["python"] = PROJECT["project"]["requires-python"]
    for line in conda:
        if line == "pip":
            continue
        r = Requirement(line)
        assert wanted[r.name] == str(r.specifier), line
    assert {Requirement(x).name for x in conda} == {"python", "jupyterlab", "pip"}


def test_cluster_extra_is_dask_and_comes_with_the_test_environment() -> None:
    """What conda users get is `.[test]`: it holds the extra that the engines' tests need."""
    extras = {k: [Requirement(x) for x in v] for k, v in PROJECT["project"]["optional-dependencies"].items()}
    dask = next(r for r in extras["cluster"] if r.name == "dask")
    assert dask.extras == {"distributed"}
    assert dask.specifier
    (own,) = [r for r in extras["test"] if r.name == PROJECT["project"]["name"]]
    assert "cluster" in own.extras
    assert "dask" not in {Requirement(x).name for x in PROJECT["project"]["dependencies"]}


def test_fixed_packages_are_base_dependencies() -> None:
    base = {Requirement(x).name for x in PROJECT["project"]["dependencies"]}
    assert {"jupyterlab", "pandas", "scikit-learn", "matplotlib", "feedparser"} <= base


def test_data_goes_into_the_wheel() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["forecast"]
    assert wheel["force-include"] == {"data": "forecast/data"}
    assert PROJECT["project"]["scripts"] == {"forecast": "forecast.cli:main"}


# -- notebooks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.name)
def test_notebooks_hold_no_outputs(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    assert code
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in code)
    assert sum(len("".join(c["source"])) for c in cells if c["cell_type"] == "markdown") > 500


def test_first_notebook_does_the_main_job_in_five_lines() -> None:
    cells = json.loads((ROOT / "notebooks" / "01_first_outlook.ipynb").read_text(encoding="utf-8"))["cells"]
    (main,) = ["".join(c["source"]) for c in cells if c["cell_type"] == "code" and "import forecast as fc" in "".join(c["source"])]
    lines = [x for x in main.splitlines() if x.strip()]
    assert len(lines) <= 5
    assert lines[:2] == ["import forecast as fc", "outlook = fc.run()"]
