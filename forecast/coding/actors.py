"""Who is named: parties, mediators and third countries, through their capitals, institutions, offices and persons.

An office counts only while it is held. People the tables do not know are learnt from the article itself
("Freedonian Foreign Minister Rufus Firefly" makes "Firefly" speak for Freedonia below).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from forecast.bundled import data_path
from forecast.case import CaseData
from forecast.coding.text import Hit


@dataclass(frozen=True, slots=True)
class ActorRef:
    """What one phrase says of one actor, and when it holds."""

    actor: str
    how: str  # name, demonym, capital, seat, person
    start: date | None = None
    end: date | None = None

    def valid_on(self, day: date) -> bool:
        """Whether the office behind this reference is held on that day."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


def _rows(name: str) -> Iterator[dict[str, str]]:
    file = data_path("world", name)
    if file.is_file():
        with file.open(encoding="utf-8", newline="") as f:
            yield from csv.DictReader(f)


def _split(value: str | None) -> list[str]:
    return [v.strip() for v in (value or "").split(";") if v.strip()]


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


class Gazetteer:
    """Phrases for every actor and venue known, from the world tables and the given cases.

    Where a case and the world tables disagree on a phrase, the case wins.
    """

    def __init__(self, cases: Iterable[CaseData]) -> None:
        self.kinds: dict[str, str] = {}
        self.refs: dict[str, list[ActorRef]] = {}
        self.venues: dict[str, tuple[str, str]] = {}  # phrase -> (name, country)
        self._load_world()
        for case in cases:
            self._load_case(case)

    def _add(self, phrase: str, ref: ActorRef) -> None:
        slot = self.refs.setdefault(phrase, [])
        if ref not in slot:
            slot.append(ref)

    def _load_world(self) -> None:
        for row in _rows("actors.csv"):
            name = row["name"]
            self.kinds[name] = row["kind"]
            for column, how in (("names", "name"), ("demonyms", "demonym"), ("capitals", "capital"), ("seats", "seat")):
                for phrase in _split(row[column]):
                    self._add(phrase, ActorRef(name, how))
            self._add(name, ActorRef(name, "name"))
        for row in _rows("persons.csv"):
            ref = ActorRef(row["of"], "person", _day(row["start"]), _day(row["end"]))
            for phrase in {row["name"], *_split(row["names"])}:
                self._add(phrase, ref)
        for row in _rows("venues.csv"):
            for phrase in {row["name"], *_split(row["names"])}:
                self.venues[phrase] = (row["name"], row["country"])

    def _load_case(self, case: CaseData) -> None:
        civil = case.conflict_type != "interstate"
        for actor in (*case.parties, *case.mediators):
            self.kinds.setdefault(actor.name, "group" if civil else "state")
            for phrases, how in (
                ([actor.name, *actor.names], "name"),
                (actor.demonyms, "demonym"),
                (actor.capitals, "capital"),
                (actor.institutions, "seat"),
            ):
                for phrase in phrases:
                    self._add(phrase, ActorRef(actor.name, how))
        for person in case.persons:
            for phrase in {person.name, *person.names}:
                for office in person.offices:
                    self._add(phrase, ActorRef(office.of, "person", office.start, office.end))
        for venue in case.venues:
            for phrase in {venue.name, *venue.names}:
                self.venues[phrase] = (venue.name, venue.country)

    def phrases(self) -> Iterator[tuple[str, str, str]]:
        """(kind, phrase, value) for the phrase book."""
        for phrase in self.refs:
            yield "actor", phrase, phrase
        for phrase in self.venues:
            yield "venue", phrase, phrase

    def resolve(self, phrase: str, day: date, prefer: frozenset[str] = frozenset()) -> ActorRef | None:
        """The actor a phrase stands for on a day; None where nobody held the office then."""
        valid = [r for r in self.refs.get(phrase, []) if r.valid_on(day)]
        if not valid:
            return None
        return min(valid, key=lambda r: (r.actor not in prefer, r.how == "person"))


@dataclass(frozen=True, slots=True)
class Named:
    """An actor named at a place in the text."""

    start: int
    end: int
    actor: str
    how: str


_NOT_STATE = re.compile(
    r"\s+(?:[\w-]+\s+){0,2}?(?:militants?|rebels?|insurgents?|insurgency|resistance|cleric|clerics|opposition|separatists?|guerrillas?|protesters?|people|civilians?|refugees?|hostages?|"
    r"citizens?|journalists?|analysts?|activists?|dissidents?|factions?|tribes?|tribal|villagers|residents|families|workers|students|detainees|prisoners|captives|newspapers?|news agency|media|scholar|"
    r"professor|experts?|jihadists?|islamists?|extremists?|exiles|diaspora|company|bank|firm|economy|children|women|soil|territory|border|language)\b"
)
_TITLE = (
    r"(?:(?:the|acting|former|new|newly|deputy|first|senior|chief|top|lead|vice|prime|foreign|defen[cs]e|interior|justice|information|state|"
    r"national|security|special|presidential|government|army|military|armed|forces|rebel|peace|political|appointed|secretary|general)[\s-]+)*"
    r"(?:president|premier|minister|secretary|spokesman|spokeswoman|spokesperson|negotiator|envoy|ambassador|leader|commander|chief|general|"
    r"king|emir|prince|representative|adviser|advisor|aide|diplomat|official|chairman|chairwoman|head|delegate|mediator|colonel|lawmaker|delegation)"
)
_NAME = r"(?:[A-ZÀ-Ž][\w'’-]+\s+){0,2}(?:(?:al|el|bin|de|van|von|ben|ul|ur|abu)[\s-])?[A-ZÀ-Ž][\w'’-]+"
_TITLED = re.compile(rf"^(?:'s|’s)?[\s-]+(?:\w+\s+){{0,2}}?(?i:{_TITLE}),?\s+(?P<name>{_NAME})")
_APPOSED = re.compile(
    rf"(?P<name>{_NAME}),\s+(?:(?i:an?|the)\s+)?(?i:{_TITLE})\s+(?i:of|for|to|from)\s+(?:the\s+)?$"
)
_APPOSED_POSS = re.compile(rf"(?P<name>{_NAME}),\s+(?:(?i:the|an?)\s+)?$")
_TITLE_AFTER = re.compile(rf"^(?:'s|’s)?\s+(?:\w+\s+){{0,2}}?(?i:{_TITLE})\b")
_NOT_NAMES = frozenset(
    ["The", "A", "An", "In", "On", "At", "But", "And", "He", "She", "It", "They", "We", "I", "President", "Minister", "Foreign", "Prime", "General", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December", "Talks", "Peace"]
)


def named_actors(
    text: str, hits: Iterable[Hit], gazetteer: Gazetteer, day: date, prefer: frozenset[str]
) -> list[Named]:
    """Actors named in the article, people learnt from it included, in order of place."""
    out: list[Named] = []
    learnt: dict[str, str] = {}
    known: set[str] = set()
    for h in hits:
        if h.kind != "actor":
            continue
        ref = gazetteer.resolve(h.value, day, prefer)
        if ref is None:
            known.add(text[h.start : h.end].split()[-1])
            continue
        if h.end - h.start <= 3 and not text[h.start].isupper():
            continue
        if ref.how == "demonym" and _NOT_STATE.match(text[h.end : h.end + 60]):
            continue  # "Iraqi militants" are not Iraq
        if not text[h.start].isupper() and not text[h.start].isdigit():
            continue  # proper names only: "turkey" on the table is not a mediator
        out.append(Named(h.start, h.end, ref.actor, ref.how))
        if ref.how == "person":
            known.add(text[h.start : h.end].split()[-1])
            continue
        for name in _people_at(text, h.start, h.end):
            last = re.split(r"\s+", name)[-1]
            if len(last) > 2 and last not in _NOT_NAMES:
                learnt.setdefault(last, ref.actor)
    taken = [(n.start, n.end) for n in out]
    for last, actor in learnt.items():
        if last in known or last in gazetteer.refs:
            continue
        for m in re.finditer(rf"\b{re.escape(last)}\b", text):
            if not any(a <= m.start() < b for a, b in taken):
                out.append(Named(m.start(), m.end(), actor, "person"))
    return sorted(out, key=lambda n: (n.start, -n.end))


def _people_at(text: str, start: int, end: int) -> Iterator[str]:
    after = text[end : end + 120]
    m = _TITLED.match(after)
    if m:
        yield m["name"]
    before = text[max(0, start - 120) : start]
    m = _APPOSED.search(before)
    if m:
        yield m["name"]
    elif _TITLE_AFTER.match(after):
        m = _APPOSED_POSS.search(before)
        if m:
            yield m["name"]
