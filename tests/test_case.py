"""Cases: the bundled ones are sound; wrong ones are refused with file, key and the nearest valid key."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import forecast as fc
from forecast.case import CaseData, read_case_file
from forecast.errors import CaseError

SMALL = """
id = "a-b"
name = "A and B"
conflict_type = "civil"
[[parties]]
name = "Aland"
[[parties]]
name = "Beland"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder


def fault(folder: Path, text: str) -> str:
    with pytest.raises(CaseError) as e:
        fc.Case.open(write(folder, text))
    said = str(e.value)
    assert str(folder / "case.toml") in said
    assert "\n" not in said
    return said


@pytest.mark.parametrize("name", fc.bundled_cases())
def test_bundled_cases_are_sound(name: str) -> None:
    case = fc.Case.bundled(name)
    assert case.id == name
    assert len(case.parties) >= 2
    sides = {*case.parties, "third", "agency"}
    assert {f.side for f in case.feeds} <= sides


def test_main_case_has_feeds_of_all_sides() -> None:
    case = fc.Case.bundled("russia-ukraine")
    assert len(case.feeds) >= 12
    assert {"Ukraine", "Russia", "third", "agency"} <= {f.side for f in case.feeds}
    assert all(f.url.startswith("http") for f in case.feeds)
    assert len({f.url for f in case.feeds}) == len(case.feeds)


def test_feeds_are_said_to_be_unverified() -> None:
    from forecast.bundled import data_path

    assert "unverified" in data_path("cases", "russia-ukraine", "case.toml").read_text(encoding="utf-8").lower()


def test_create_and_open(tmp_path: Path) -> None:
    made = fc.Case.create(tmp_path / "mine")
    assert made.folder == tmp_path / "mine"
    assert made.data == fc.Case.bundled("russia-ukraine").data
    assert made.archive_path == tmp_path / "mine" / "archive.sqlite"
    with pytest.raises(CaseError, match="already holds"):
        fc.Case.create(tmp_path / "mine")


def test_bundled_case_has_no_folder() -> None:
    with pytest.raises(CaseError, match="has no folder"):
        _ = fc.Case.bundled("russia-ukraine").folder


def test_unknown_bundled_case_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no bundled case"):
        fc.Case.create(tmp_path / "x", "atlantis")
    assert not (tmp_path / "x").exists()


def test_small_case(tmp_path: Path) -> None:
    case = fc.Case.open(write(tmp_path, SMALL))
    assert (case.id, case.parties, case.feeds, case.data.headline_level) == ("a-b", ("Aland", "Beland"), (), 5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("nmae = 1", ["unknown key 'nmae'", "did you mean 'name'?"]),
        ("headline_levl = 3", ["unknown key 'headline_levl'", "did you mean 'headline_level'?"]),
        ("headline_level = 2", ["headline_level"]),
        ("[[feed]]\nname = 'x'", ["unknown key 'feed'", "did you mean 'feeds'?"]),
        ("[[venues]]\nname = 'Oslo'\ncuntry = 'NO'", ["venues.0.cuntry", "did you mean 'country'?"]),
        ("[[venues]]\nname = 'Oslo'\ncountry = 'Norway'", ["venues.0.country"]),
        ("[[persons]]\nname = 'X'\noffices = [{titel = 'envoy', of = 'Aland', start = 2020-01-01}]", ["titel", "did you mean 'title'?"]),
        ("[[persons]]\nname = 'X'\noffices = []", ["persons.0.offices"]),
        ("[[feeds]]\nname = 'F'\nurl = 'https://f.example/'\nside = 'Alnd'", ["side 'Alnd' is unknown", "did you mean 'Aland'?"]),
        ("[[feeds]]\nname = 'F'\nurl = 'https://f.example/'", ["feeds.0.side", "missing", "'F'"]),
        ("[[feeds]]\nname = 'F'\nurl = 'ftp://f.example/'\nside = 'third'", ["not an http"]),
        ("[[feeds]]\nname = 'F'\nurl = 'no address'\nside = 'third'", ["feeds.0.url"]),
        ("[[parties]]\nname = 'Aland'", ["'Aland' is listed twice"]),
        ("[[processes]]\nid = 'Not A Slug'\nstart = 2020-01-01", ["processes.0.id"]),
    ],
)  # fmt: skip
def test_faults(tmp_path: Path, change: str, said: list[str]) -> None:
    head, tail = SMALL.split("[[parties]]", 1)
    text = f"{head}{change}\n[[parties]]{tail}" if not change.startswith("[[") else SMALL + change
    found = fault(tmp_path, text)
    for part in said:
        assert part in found


def test_all_faults_are_listed_together(tmp_path: Path) -> None:
    found = fault(tmp_path, 'id = "a"\nname = "A"\nconflict_type = "war"\nnmae = 1\n[[parties]]\nname = "Aland"\n')
    for part in ("conflict_type", "nmae", "parties"):
        assert part in found


OFFICES = "[[persons]]\nname = 'Ada'\noffices = [{{title = 'minister', of = 'Aland', start = {0}{1}}}, {{title = 'envoy', of = 'Aland', start = {2}}}]"


@pytest.mark.parametrize(
    ("first", "end", "second", "sound"),
    [
        ("2020-01-01", ", end = 2020-05-31", "2020-06-01", True),
        ("2020-01-01", ", end = 2020-06-01", "2020-06-01", False),
        ("2020-01-01", "", "2020-06-01", False),
        ("2020-06-01", "", "2020-01-01", False),
        ("2020-01-01", ", end = 2019-01-01", "2021-01-01", False),
    ],
)
def test_offices(tmp_path: Path, first: str, end: str, second: str, sound: bool) -> None:
    text = SMALL + OFFICES.format(first, end, second)
    if sound:
        fc.Case.open(write(tmp_path, text))
    else:
        assert "Ada" in fault(tmp_path, text)


def test_bad_bytes(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_bytes(b"id = '\xff\xfe'")
    with pytest.raises(CaseError, match="not valid TOML"):
        fc.Case.open(tmp_path)


def test_offices_of_the_main_case_are_dated() -> None:
    data: CaseData = fc.Case.bundled("russia-ukraine").data
    umerov = next(p for p in data.persons if "Umerov" in p.name)
    held = sorted(umerov.offices, key=lambda o: o.start)
    assert len(held) >= 2
    assert held[0].end is not None
    assert held[-1].start <= date(2025, 7, 19)


def test_repr_names_case(tmp_path: Path) -> None:
    assert repr(fc.Case.open(write(tmp_path, SMALL))) == "Case('a-b', parties=['Aland', 'Beland'], feeds=0)"


def test_read_case_file_absent(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot be read"):
        read_case_file(tmp_path / "case.toml")


def test_case_is_frozen() -> None:
    data: Any = fc.Case.bundled("russia-ukraine").data
    with pytest.raises(ValueError, match="frozen"):
        data.name = "x"
