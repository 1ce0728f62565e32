"""A case: the parties, people, venues and feeds of one conflict, read from `case.toml`.

Another conflict needs no code, only another `case.toml` (see `data/cases/` for examples).
"""

from __future__ import annotations

import difflib
import itertools
import shutil
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AnyUrl, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from forecast.bundled import data_path
from forecast.errors import CaseError
from forecast.records import Feed

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseActor(_Strict):
    """A party or mediator and the words newspapers use for it."""

    name: str = Field(min_length=2)
    names: list[str] = []
    demonyms: list[str] = []
    capitals: list[str] = []
    institutions: list[str] = []


class Office(_Strict):
    """An office and the days on which it was held (both inclusive)."""

    title: str
    of: str
    start: date
    end: date | None = None


class Person(_Strict):
    """Somebody who speaks for an actor while in office."""

    name: str
    names: list[str] = []
    offices: list[Office] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_overlap(self) -> Person:
        held = sorted(self.offices, key=lambda o: o.start)
        for a in held:
            if a.end and a.end < a.start:
                raise ValueError(f"{self.name}: the office '{a.title}' ends before it starts")
        for a, b in itertools.pairwise(held):
            if a.end is None or a.end >= b.start:
                raise ValueError(
                    f"{self.name}: the offices '{a.title}' and '{b.title}' overlap on {b.start}; "
                    f"give '{a.title}' an end before that day"
                )
        return self


class Venue(_Strict):
    """A place where rounds are held."""

    name: str
    country: str = Field(pattern=r"^[A-Z]{2}$")
    names: list[str] = []


class Process(_Strict):
    """One negotiation track: rounds inside its span belong to it."""

    id: Slug
    start: date
    end: date | None = None


class CaseFeed(_Strict):
    """A feed and the side it reports from."""

    name: str = Field(min_length=1)
    url: str
    side: str

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        if AnyUrl(value).scheme not in ("http", "https", "file"):
            raise ValueError(f"'{value}' is not an http, https or file address")
        return value


class CaseData(_Strict):
    """The content of `case.toml`."""

    id: Slug
    name: str
    conflict_type: Literal["interstate", "civil", "internationalised", "nuclear"]
    headline_level: Literal[3, 4, 5] = 5
    began: date | None = None
    allow_private: bool = False
    parties: list[CaseActor] = Field(min_length=2)
    mediators: list[CaseActor] = []
    persons: list[Person] = []
    venues: list[Venue] = []
    processes: list[Process] = []
    feeds: list[CaseFeed] = []

    @model_validator(mode="after")
    def _names_agree(self) -> CaseData:
        faults = []
        actors = [a.name for a in (*self.parties, *self.mediators)]
        for what, names in (("party or mediator", actors), ("feed", [f.name for f in self.feeds])):
            faults += [f"the {what} '{n}' is listed twice" for n in sorted({n for n in names if names.count(n) > 1})]
        sides = [p.name for p in self.parties] + ["third", "agency"]
        for feed in self.feeds:
            if feed.side not in sides:
                faults.append(f"feeds '{feed.name}': side '{feed.side}' is unknown{_nearest(feed.side, sides)}")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(known)}"


class Case:
    """A case folder: `case.toml` plus, once used, `archive.sqlite` and `outlook/`.

    >>> case = Case.bundled("russia-ukraine")
    >>> case.id, case.parties
    ('russia-ukraine', ('Ukraine', 'Russia'))
    """

    def __init__(self, data: CaseData, path: Path | None = None) -> None:
        self.data = data
        self.path = path

    @property
    def id(self) -> str:
        """Conflict id, a slug."""
        return self.data.id

    @property
    def name(self) -> str:
        """Name for headings."""
        return self.data.name

    @property
    def parties(self) -> tuple[str, ...]:
        """Canonical names of the primary parties."""
        return tuple(p.name for p in self.data.parties)

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds to collect."""
        return tuple(Feed(f.name, f.url, f.side) for f in self.data.feeds)

    @property
    def folder(self) -> Path:
        """The case folder. Raises CaseError for a case that was not opened from one."""
        if self.path is None:
            raise CaseError(f"the case '{self.id}' has no folder", "Make one with `forecast init DIR`")
        return self.path

    @property
    def archive_path(self) -> Path:
        """Where this case's archive lies."""
        return self.folder / "archive.sqlite"

    @classmethod
    def open(cls, folder: str | Path) -> Case:
        """Open a case folder. Raises CaseError naming file, key and the nearest valid one."""
        folder = Path(folder)
        file = folder / "case.toml"
        if not folder.is_dir():
            raise CaseError(f"there is no folder {folder}", f"Make a case with `forecast init {folder}`")
        if not file.is_file():
            raise CaseError(
                f"{folder} is not a case folder: it has no case.toml", f"Make one with `forecast init {folder}`"
            )
        return cls(read_case_file(file), folder)

    @classmethod
    def bundled(cls, name: str) -> Case:
        """A case that ships with the package; `bundled_cases()` lists them."""
        file = data_path("cases", name, "case.toml")
        if not file.is_file():
            raise CaseError(f"no bundled case is called '{name}'{_nearest(name, bundled_cases())}")
        return cls(read_case_file(file))

    @classmethod
    def create(cls, folder: str | Path, case: str = "russia-ukraine") -> Case:
        """Make a working folder from a bundled case. Raises CaseError where one exists already."""
        folder = Path(folder)
        if (folder / "case.toml").exists():
            raise CaseError(f"{folder} already holds a case.toml", "Choose another folder, or edit that file")
        cls.bundled(case)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data_path("cases", case, "case.toml"), folder / "case.toml")
        return cls.open(folder)

    @classmethod
    def write(cls, folder: str | Path, text: str) -> Case:
        """Make a case folder of the text of a `case.toml`, once that text is found sound.

        Raises CaseError where the folder holds a case already, where the text is at fault, or where it cannot be written.
        """
        folder = Path(folder)
        file = folder / "case.toml"
        if file.exists():
            raise CaseError(f"{folder} already holds a case.toml", "Choose another folder, or edit that file")
        try:
            check_case(tomllib.loads(text), "the new case")
        except tomllib.TOMLDecodeError as e:
            raise CaseError(f"the new case is not valid TOML: {e}") from None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        except OSError as e:
            raise CaseError(f"{file} cannot be written: {e.strerror}", "Choose another folder") from None
        return cls.open(folder)

    def __repr__(self) -> str:
        return f"Case({self.id!r}, parties={list(self.parties)}, feeds={len(self.data.feeds)})"

    def _repr_html_(self) -> str:
        from forecast.report import case_html

        return case_html(self)


def bundled_cases() -> list[str]:
    """Names of the cases that ship with the package."""
    return sorted(p.parent.name for p in data_path("cases").glob("*/case.toml"))


def read_case_file(file: Path) -> CaseData:
    """Read and check one `case.toml`; all faults are listed together in one CaseError."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise CaseError(f"{file} is not valid TOML: {e}", "Mend that line and run again") from None
    except OSError as e:
        raise CaseError(f"{file} cannot be read: {e.strerror}") from None
    return check_case(raw, str(file))


def check_case(raw: dict[str, Any], where: str) -> CaseData:
    """The content of a case from the tables of its TOML; all faults are listed together in one CaseError, after `where`."""
    try:
        return CaseData.model_validate(raw)
    except ValidationError as e:
        faults = [_explain(err, raw) for err in e.errors()]
        raise CaseError(f"{where}: " + "; ".join(faults)) from None


def _explain(err: Any, raw: dict[str, Any]) -> str:
    loc = [str(p) for p in err["loc"]]
    where = ".".join(loc) or "case"
    if err["type"] == "extra_forbidden":
        model = _model_at(err["loc"][:-1])
        return f"unknown key '{where}'{_nearest(loc[-1], list(model.model_fields))}"
    if err["type"] == "missing":
        return f"key '{where}' is missing{_label(err['loc'], raw)}"
    return f"{where}: {err['msg'].removeprefix('Value error, ')}"


def _label(loc: tuple[Any, ...], raw: Any) -> str:
    for part in loc[:-1]:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            return ""
    name = raw.get("name") if isinstance(raw, dict) else None
    return f" (of '{name}')" if name else ""


def _model_at(loc: tuple[Any, ...]) -> type[BaseModel]:
    model: type[BaseModel] = CaseData
    below: dict[str, type[BaseModel]] = {
        "parties": CaseActor, "mediators": CaseActor, "persons": Person, "venues": Venue,
        "processes": Process, "feeds": CaseFeed, "offices": Office,
    }  # fmt: skip
    for part in loc:
        model = below.get(str(part), model)
    return model
