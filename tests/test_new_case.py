"""Answers become a case; what cannot be used is refused in words that say how to write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import forecast as fc
from forecast.errors import CaseError
from forecast.new_case import Answers, ask_for, case_text, known_words, missing, slug, write_case

TWO = ["Aland | Alander Union, A.U. | Alandic | Alcity | Alander council", "Beland"]


def answers(**more: Any) -> Answers:
    return Answers(**{"parties": TWO, **more})


def test_everything_answered(tmp_path: Path) -> None:
    case = write_case(
        tmp_path / "c",
        answers(
            name="Aland & Béland", type="Interstate", mediators=["Norway", "Elders | The Elders"], headline=3,
            persons=["Ada Bo | envoy | Aland | 2020-01-01 | 2021-01-31", "Ada Bo | minister | Aland | 2021-02-01", "Cy | king | Norway | 1990-05-05"],
            venues=["Oslo | no | Christiania"], feeds=["F | https://f.example/rss?a=b | Aland", "G | https://g.example/"],
        ),
    )  # fmt: skip
    d = case.data
    assert (case.id, case.name, d.conflict_type, d.headline_level) == ("aland-beland", "Aland & Béland", "interstate", 3)
    aland = d.parties[0]
    assert (aland.names, aland.demonyms, aland.capitals, aland.institutions) == (["Alander Union", "A.U."], ["Alandic"], ["Alcity"], ["Alander council"])
    assert d.mediators[0].capitals == ["Oslo"], "the package knows Norway"
    assert [len(p.offices) for p in d.persons] == [2, 1]
    assert (d.persons[0].names, d.persons[1].names) == (["Bo"], [])
    assert (d.venues[0].country, d.venues[0].names) == ("NO", ["Christiania"])
    assert [(f.url, f.side) for f in case.feeds] == [("https://f.example/rss?a=b", "Aland"), ("https://g.example/", "third")]
    assert list(missing(case)) == ["Beland: no other names are known; add those that newspapers use."]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"parties": ["Aland"]}, "two parties at least"),
        ({"parties": ["Aland", " | x"]}, "the party '| x' cannot be read"),
        ({"parties": ["Aland", "Aland"]}, "'Aland' is listed twice"),
        ({"parties": ["Aland", "B | a | b | c | d | e"]}, "Write it as: NAME"),
        ({"type": "war"}, "Choose one of interstate, civil"),
        ({"persons": ["Ada | envoy | Aland"]}, "Write it as: NAME | OFFICE"),
        ({"persons": ["Ada | envoy | Aland | May 2020"]}, "'May 2020' is not a date"),
        ({"persons": ["Ada | envoy | Atlantis | 2020-01-01"]}, "no party or mediator"),
        ({"persons": ["Ada | a | Aland | 2020-01-01", "Ada | b | Aland | 2021-01-01"]}, "overlap on 2021-01-01"),
        ({"venues": ["Oslo"]}, "Write it as: NAME | COUNTRY"),
        ({"venues": ["Oslo | Norway"]}, "venues.0.country"),
        ({"feeds": ["F"]}, "Write it as: NAME | ADDRESS"),
        ({"feeds": ["F | ftp://f.example/"]}, "not an http"),
        ({"feeds": ["F | https://f.example/ | Alnd"]}, "did you mean 'Aland'?"),
        ({"headline": 2}, "headline_level"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseError) as e:
        write_case(tmp_path / "c", answers(**more))
    assert said in str(e.value)
    assert "\n" not in str(e.value)
    assert not (tmp_path / "c").exists()


def test_hostile_answers_are_only_text(tmp_path: Path) -> None:
    evil = 'A"] \\ \x7f\x1b[31m\u202e [[feeds]] # \'\'\' """'
    case = write_case(tmp_path / "c", Answers(name=evil, parties=[evil, "Beland"], feeds=[f"{evil} | https://f.example/"]))
    assert case.name == evil.strip()
    assert case.feeds[0].name == " ".join(evil.split())
    assert len(case.feeds) == 1


def test_an_existing_case_is_left_alone(tmp_path: Path) -> None:
    write_case(tmp_path, answers())
    before = (tmp_path / "case.toml").read_bytes()
    with pytest.raises(CaseError, match="already holds"):
        write_case(tmp_path, answers(name="Other"))
    assert (tmp_path / "case.toml").read_bytes() == before
    (tmp_path / "file").write_text("")
    with pytest.raises(CaseError, match="cannot be written"):
        write_case(tmp_path / "file", answers())


def test_a_case_without_feeds_says_so(tmp_path: Path) -> None:
    case = write_case(tmp_path / "c", answers())
    assert next(iter(missing(case))).startswith("No feed yet")
    with pytest.raises(CaseError, match="lists no feeds"):
        fc.run(tmp_path / "c")


def test_names_make_ids() -> None:
    assert slug("Aland-Beland") == "aland-beland"
    assert slug("—") == "case"
    assert known_words("Atlantis") == {}
    assert case_text(answers(name="Сторона")).count('id = "case"') == 1


def test_questions_are_asked_until_answered() -> None:
    asked = [
        "", "Aland|", "Aland | x", "Beland", "", "bees", "", "", "",  # parties: none yet, twice the same
        "A and B", "x", "civil", "Aland", "",  # a mediator that is a party
        "Ada | envoy | Atlantis | 2020-01-01", "Ada | envoy | Aland | 2020-01-01", "Ada | queen | Aland | 2021-01-01", "",
        "nowhere", "", "F | https://f.example/ | Alnd", "http://[", "https://f.example/rss", "", "9", "4",
    ]  # fmt: skip
    lines, told = iter(asked), []

    def ask(question: str, default: str) -> str:
        return next(lines) or default

    out = ask_for(ask, told.append)
    assert next(lines, None) is None
    assert out.parties == ["Aland|", "Beland |  | bees |  | "]
    assert (out.name, out.headline, out.mediators, out.venues) == ("A and B", 4, [], [])
    assert out.persons == ["Ada | envoy | Aland | 2020-01-01"]
    assert out.feeds == ["f.example | https://f.example/rss"]
    for words in (
        "2 are needed.", "'Aland' is listed already", "'x' is none of interstate", "'Aland' is listed twice", "no party or mediator", "overlap",
        "Write it as: NAME | COUNTRY", "did you mean 'Aland'?", "feeds.0.url",
    ):  # fmt: skip
        assert any(words in t for t in told), words
    case_text(out)


def test_command_line(cli: Any, tmp_path: Path) -> None:
    assert cli("init", tmp_path / "a", "--from-scratch", "--party", "Aland", "--party", "Beland", "--feed", "F|https://f.example/").code == 0
    again = cli("init", tmp_path / "a", "--from-scratch")
    assert (again.code, "already holds" in again.err) == (2, True)
    assert "Add --from-scratch" in cli("init", tmp_path / "b", "--party", "Aland").err
    assert cli("init", tmp_path / "b", "--from-scratch", "--party", "Aland").code == 2
    assert not (tmp_path / "b").exists()
