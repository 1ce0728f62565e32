"""What README tells people to type or to put into files is understood by the programs it is meant for."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forecast.cli import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)
CODE = "\n".join([*(text for kind, text in BLOCKS if kind != "python"), *re.findall(r"`(forecast [^`\n]+)`", README)])


def understood(command: str) -> None:
    """Have the real parser read `forecast VERB ...` without carrying it out."""
    import typer

    group = typer.main.get_command(app)
    words = shlex.split(command, comments=True)[1:]
    top = group.make_context("forecast", words, resilient_parsing=False)
    if words[0].startswith("--"):
        return
    name, verb, rest = group.resolve_command(top, words)  # type: ignore[attr-defined]
    with contextlib.suppress(typer.Exit):  # --help
        verb.make_context(name, rest, parent=top)


COMMANDS = sorted({m.split("&&")[0].split(">>")[0].strip() for m in re.findall(r"(?:^|[\s/\"'=])(forecast\"? [a-z][^\n`]*)", CODE)})


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 8


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command: str) -> None:
    understood(command.replace('forecast"', "forecast"))


def test_a_wrong_command_is_not() -> None:
    with pytest.raises(Exception, match="No such option"):
        understood("forecast run my-case --nonsense")


def block(kind: str, holds: str) -> str:
    (found,) = [text for k, text in BLOCKS if k == kind and holds in text]
    return found


FIELD = r"(?:\*|\d+(?:-\d+)?)(?:/\d+)?(?:,\d+(?:-\d+)?)*"


def test_cron_lines() -> None:
    lines = block("crontab", "run my-case").splitlines()
    assert len(lines) == 2
    for line in lines:
        m = re.fullmatch(rf"({FIELD}(?:\s+{FIELD}){{4}})\s+(\S.*)", line)
        assert m, line
        minute, hour, day, month, weekday = m[1].split()
        for value, top in ((minute, 59), (hour, 23), (day, 31), (month, 12), (weekday, 7)):
            assert all(int(n) <= top for n in re.findall(r"\d+", value))
        assert "%" not in m[2], "cron ends the command at a per cent sign"
        subprocess.run(["sh", "-n", "-c", m[2]], check=True)


def test_cron_line_runs(tmp_path: Path) -> None:
    """The line itself, by `sh` with hardly any environment, as cron would; the program is one that notes how it is called."""
    program = tmp_path / ".local" / "bin" / "forecast"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\npwd\necho "called with $*"\n', encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "talks").mkdir()
    line = re.split(r"\s+", block("crontab", "run my-case").splitlines()[0], maxsplit=5)[5]
    subprocess.run(["sh", "-c", line], check=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert "called with run my-case" in (tmp_path / "talks" / "my-case.log").read_text(encoding="utf-8")


def units() -> dict[str, configparser.ConfigParser]:
    out = {}
    for name in ("forecast.service", "forecast.timer"):
        unit = configparser.ConfigParser(interpolation=None, strict=True)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(block("ini", f"# {name}"))
        out[name] = unit
    return out


def test_systemd_units() -> None:
    found = units()
    service, timer = found["forecast.service"], found["forecast.timer"]
    assert service["Service"]["Type"] == "oneshot"
    program, *words = service["Service"]["ExecStart"].split()
    assert program.startswith(("/", "%h/"))
    understood(shlex.join(["forecast", *words]))
    assert service["Service"]["SuccessExitStatus"] == "1"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert re.fullmatch(r"\*-\*-\* 06,18:15", timer["Timer"]["OnCalendar"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_itself_agrees(tmp_path: Path) -> None:
    for name in ("forecast.service", "forecast.timer"):
        text = block("ini", f"# {name}").replace("%h/.local/bin/forecast", "/bin/true").replace("%h/talks", "/")
        (tmp_path / name).write_text(text, encoding="utf-8")
    ran = subprocess.run(["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "forecast" not in ran.stderr
    subprocess.run(["systemd-analyze", "calendar", units()["forecast.timer"]["Timer"]["OnCalendar"]], check=True, capture_output=True)


# -- completion -----------------------------------------------------------------------------------


def complete(shell: str, line: str, *, instruction: str) -> str:
    words = line.split(" ")
    env = {
        **os.environ, "PYTHONPATH": str(ROOT), "_FORECAST_COMPLETE": f"{instruction}_{shell}", "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1), "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    code = "import sys; sys.argv = ['forecast']; from forecast.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_offers_verbs_and_options(shell: str) -> None:
    assert "doctor" in complete(shell, "forecast do", instruction="complete")
    assert "--reference-date" in complete(shell, "forecast run --ref", instruction="complete")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_one_the_shell_reads(shell: str) -> None:
    script = complete(shell, "forecast", instruction="source")
    assert "_FORECAST_COMPLETE" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)
