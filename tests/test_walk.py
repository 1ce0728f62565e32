"""From a clean folder to an outlook on a conflict that is not bundled, with nothing but what README and `--help` say.

The conflict is that of Bougainville, as of 12 January 1998, a week before the talks at Lincoln in New Zealand. The
articles are renditions in our own words of what was public then, written for this test.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feed_server import Answer, FeedServer, item, rss

import forecast as fc

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARTICLES = (
    ("1997-10-11", "Truce signed at Burnham", "Papua New Guinea and the rebels of Bougainville signed a truce at Burnham, New Zealand, on Friday after ten days of talks. The Bougainville Revolutionary Army agreed to stop attacks on government troops. New Zealand, which hosted the talks, offered to lead an unarmed group that is to watch over the truce."),
    ("1997-11-25", "Officials meet in Cairns", "Delegations of Papua New Guinea and the Bougainville Revolutionary Army met in Cairns, Australia, on Monday and agreed on the mandate of the truce monitors. Both sides said that leaders would meet again in January."),
    ("1998-01-06", "Leaders to meet in New Zealand", "New Zealand will host a new round of talks between Papua New Guinea and the Bougainville Revolutionary Army at Lincoln University near Christchurch on 19 January, Foreign Minister Don McKinnon said on Tuesday. Papua New Guinea confirmed that its Prime Minister Bill Skate will attend."),
    ("1998-01-07", "Rebels want troops out", "The Bougainville Revolutionary Army demanded the withdrawal of all Papua New Guinea troops from the island before a permanent ceasefire is signed. Joseph Kabui, who leads the rebel delegation, said that his side is ready for talks in Lincoln on 19 January."),
    ("1998-01-08", "Port Moresby offers amnesty", "Port Moresby offered an amnesty for fighters of the Bougainville Revolutionary Army. Papua New Guinea proposed a permanent ceasefire from the end of April. Skate rejected independence for the island."),
    ("1998-01-11", "Peacekeepers on the table", "Papua New Guinea and the Bougainville Revolutionary Army will meet at Lincoln University on 19 January for a round of talks expected to last five days. The rebels demanded a peacekeeping force under the United Nations. Australia said it was ready to take part in a monitoring group."),
)  # fmt: skip
PARTIES = ("Papua New Guinea", "Bougainville Revolutionary Army")
OPTIONS = """
    --from-scratch --name Bougainville
    --party 'Papua New Guinea'
    --party 'Bougainville Revolutionary Army | BRA, Bougainville rebels | Bougainvilleans'
    --mediator 'New Zealand' --mediator Australia
    --person 'Bill Skate | prime minister | Papua New Guinea | 1997-07-22 | 1999-07-14'
    --person 'Joseph Kabui | head of the delegation | Bougainville Revolutionary Army | 1995-04-10'
    --venue 'Lincoln University | NZ | Lincoln'
"""


def forecast(*args: str, folder: Path, answers: str = "", code: int = 0) -> str:
    """Run `forecast ARGS` in a folder as a person would, typing these answers; returns what it printed."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    ran = subprocess.run(
        [sys.executable, "-m", "forecast", *args], cwd=folder, input=answers, capture_output=True, text=True, encoding="utf-8", env=env,
        timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def check_outlook(folder: Path, said: str) -> None:
    """The round at Lincoln is found with its day, and what both sides want is read."""
    out = folder / "my-case" / "outlook" / "1998-01-12"
    table = pd.read_csv(out / "outlook.csv")
    (row,) = table.to_dict("records")
    assert (row["window_start"], row["status"]) == ("1998-01-19", "confirmed")
    assert 0 < row["p_ge5"] < row["p_ge3"] < row["p_held"] < 1
    assert "Lincoln University, 19 Jan 1998" in said
    assert "base rate" in said
    statements = pd.read_csv(out / "statements.csv")
    assert set(PARTIES) <= set(statements.actor)
    read = set(zip(statements.actor, statements.stance, statements.issue, strict=True))
    assert (PARTIES[1], "demands", "withdrawal") in read
    assert (PARTIES[0], "offers", "amnesty_justice") in read
    assert (out / "report.html").stat().st_size > 20_000
    assert (out / "charts" / "outlook.png").exists()


@pytest.fixture
def outlet() -> Any:
    """A feed of these articles on this machine."""
    import datetime as dt

    items = [
        item(n, title=title, text=text, link=f"https://outlet.example/{n}", date=format_datetime(dt.datetime.fromisoformat(f"{day}T08:00:00+00:00")))
        for n, (day, title, text) in enumerate(ARTICLES)
    ]  # fmt: skip
    with FeedServer() as server:
        server.play("/rss", Answer(rss(*items)))
        yield server.url("/rss")


def test_by_answering_questions(tmp_path: Path, outlet: str) -> None:
    assert "init" in forecast("--help", folder=tmp_path)
    assert "--from-scratch" in forecast("init", "--help", folder=tmp_path)
    probe = forecast("init", "probe", "--from-scratch", folder=tmp_path, answers="Bougainville Revolutionary Army\n", code=130)
    assert not (tmp_path / "probe").exists(), "a case that was not finished leaves a folder behind"
    words = [] if "Bougainville Revolutionary Army is known" in probe else ["BRA, Bougainville rebels", "Bougainvilleans", "", ""]
    answers = [
        "Papua New Guinea", "Bougainville Revolutionary Army", *words, "",
        "Bougainville", "peace", "civil",
        "New Zealand", "Australia", "",
        "Bill Skate | prime minister | Papua New Guinea", "Bill Skate | prime minister | Papua New Guinea | 1997-07-22 | 1999-07-14",
        "Joseph Kabui | head of the delegation | Bougainville Revolutionary Army | 1995-04-10", "",
        "Lincoln University | NZ | Lincoln", "",
        outlet, "",
        "5",
    ]  # fmt: skip
    said = forecast("init", "my-case", "--from-scratch", folder=tmp_path, answers="\n".join(answers) + "\n")
    assert "Papua New Guinea is known" in said
    assert "'peace' is none of interstate, civil" in said
    assert "Write it as: NAME | OFFICE" in said
    assert "Next: forecast run my-case" in said
    case = fc.Case.open(tmp_path / "my-case")
    assert case.parties == PARTIES
    assert [f.url for f in case.feeds] == [outlet]
    said = forecast("run", "my-case", "--reference-date", "1998-01-12", folder=tmp_path)
    assert f"1 of 1 feeds read, {len(ARTICLES)} new articles" in said
    check_outlook(tmp_path, said)
    again = forecast("run", "my-case", "--reference-date", "1998-01-12", folder=tmp_path)
    assert "Nothing changed since the last forecast." in again


def test_by_options_and_a_file(tmp_path: Path) -> None:
    rows = [{"id": str(n), "published": day, "title": title, "text": text} for n, (day, title, text) in enumerate(ARTICLES)]
    (tmp_path / "articles.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    said = forecast("init", "my-case", *shlex.split(OPTIONS), folder=tmp_path)
    assert "No feed yet" in said
    (collect, run) = re.findall(r"forecast (?:collect|run) my-case[^,\n]*", said)
    forecast(*shlex.split(collect.replace("ARTICLES", "articles"))[1:], folder=tmp_path)
    said = forecast(*shlex.split(run)[1:], "--reference-date", "1998-01-12", folder=tmp_path)
    check_outlook(tmp_path, said)


def test_the_readme_says_how() -> None:
    own = README.partition("## Your own conflict")[2].partition("\n## ")[0]
    for words in ("forecast init my-case --from-scratch", "forecast run my-case", "forecast collect my-case --from articles.jsonl", "--offline", "--reference-date"):
        assert words in own, words
