"""A case from scratch: what an analyst answers, on the command line or to questions, becomes a `case.toml`.

An answer is one line: fields apart by `|`, words within a field by commas. Words for states that the package knows
(demonyms, capitals) need not be given.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from forecast.bundled import data_path
from forecast.case import Case, CaseData, check_case
from forecast.errors import CaseError

TYPES: tuple[str, ...] = get_args(CaseData.model_fields["conflict_type"].annotation)
_WORDS = ("names", "demonyms", "capitals", "institutions")
FORMS = {  # what one answer holds, field by field; those in brackets may be left out
    "party": "NAME [| other names [| demonyms [| capitals [| institutions]]]]",
    "mediator": "NAME [| other names [| demonyms [| capitals [| institutions]]]]",
    "person": "NAME | OFFICE | PARTY OR MEDIATOR | SINCE [| UNTIL]",
    "venue": "NAME | COUNTRY (two letters) [| other names]",
    "feed": "NAME | ADDRESS [| SIDE: a party, third or agency]",
}


@dataclass
class Answers:
    """What was answered; each of the lists holds lines in the form of FORMS."""

    name: str = ""
    type: str = ""
    parties: list[str] = field(default_factory=list)
    mediators: list[str] = field(default_factory=list)
    persons: list[str] = field(default_factory=list)
    venues: list[str] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)
    headline: int = 5


def case_text(answers: Answers) -> str:
    """The `case.toml` these answers make. Raises CaseError for an answer that cannot be used, naming it."""
    parties = [_actor(a, "party") for a in answers.parties]
    if len(parties) < 2:
        raise CaseError("a case needs two parties at least", f"Give each as --party '{FORMS['party']}'")
    name = answers.name.strip() or "-".join(p["name"] for p in parties[:2])
    kind = answers.type.strip().lower() or "civil"
    if kind not in TYPES:
        raise CaseError(f"'{kind}' is no type of conflict", f"Choose one of {', '.join(TYPES)}")
    raw: dict[str, Any] = {
        "id": slug(name), "name": name, "conflict_type": kind, "headline_level": answers.headline,
        "parties": parties, "mediators": [_actor(a, "mediator") for a in answers.mediators],
        "persons": _persons(answers.persons), "venues": [_venue(a) for a in answers.venues],
        "feeds": [_feed(a) for a in answers.feeds],
    }  # fmt: skip
    actors = [a["name"] for a in (*raw["parties"], *raw["mediators"])]
    for person in raw["persons"]:
        for office in person["offices"]:
            if office["of"] not in actors:
                raise CaseError(
                    f"the person '{person['name']}' speaks for '{office['of']}', who is no party or mediator",
                    f"Known: {', '.join(actors)}",
                )
    check_case(raw, "the new case")
    return _toml(raw)


def write_case(folder: str | Path, answers: Answers) -> Case:
    """Make a case folder of these answers. Raises CaseError for an answer that cannot be used, and where a case exists."""
    return Case.write(folder, case_text(answers))


def slug(name: str) -> str:
    """A name as an id: small letters, digits and hyphens.

    >>> slug("Côte d'Ivoire: North & South"), slug("Грузия")
    ('cote-d-ivoire-north-south', 'case')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "case"


# -- one answer -----------------------------------------------------------------------------------


def _fields(answer: str, what: str, least: int) -> list[str]:
    parts = [" ".join(p.split()) for p in answer.split("|")]
    most = FORMS[what].count("|") + 1
    if not parts[0] or len([p for p in parts[:least] if p]) < least or len(parts) > most:
        raise CaseError(f"the {what} '{answer.strip()}' cannot be read", f"Write it as: {FORMS[what]}")
    return parts + [""] * (most - len(parts))


def _list(text: str) -> list[str]:
    return list(dict.fromkeys(w for w in (" ".join(p.split()) for p in text.split(",")) if w))


def _actor(answer: str, what: str) -> dict[str, Any]:
    name, *words = _fields(answer, what, 1)
    known = known_words(name)
    out: dict[str, Any] = {"name": name}
    for key, given in zip(_WORDS, words, strict=True):
        found = _list(given) or known.get(key, [])
        if found:
            out[key] = found
    return out


def known_words(name: str) -> dict[str, list[str]]:
    """What the package knows of a state or group: names, demonyms, capitals and institutions, each where there are any.

    >>> known_words("Indonesia")["demonyms"], known_words("Atlantis")
    (['Indonesian', 'Indonesians'], {})
    """
    with data_path("world", "actors.csv").open(encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            if row["name"] == name:
                columns = zip(_WORDS, ("names", "demonyms", "capitals", "seats"), strict=True)
                return {key: row[column].split(";") for key, column in columns if row[column]}
    return {}


def _persons(answers: Sequence[str]) -> list[dict[str, Any]]:
    """Persons with their offices; a person answered for twice held two offices."""
    out: dict[str, dict[str, Any]] = {}
    for answer in answers:
        name, title, of, since, until = _fields(answer, "person", 4)
        office: dict[str, Any] = {"title": title, "of": of, "start": _day(since, answer)}
        if until:
            office["end"] = _day(until, answer)
        last = name.split()[-1]
        names = [last] if last != name else []
        person = out.setdefault(name, {"name": name, **({"names": names} if names else {}), "offices": []})
        person["offices"].append(office)
    return list(out.values())


def _day(text: str, answer: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CaseError(f"the person '{answer.strip()}': '{text}' is not a date", "Write dates as YYYY-MM-DD") from None


def _venue(answer: str) -> dict[str, Any]:
    name, country, words = _fields(answer, "venue", 2)
    return {"name": name, "country": country.upper(), **({"names": _list(words)} if words else {})}


def _feed(answer: str) -> dict[str, Any]:
    name, url, side = _fields(answer, "feed", 2)
    return {"name": name, "url": url, "side": side or "third"}


# -- TOML -----------------------------------------------------------------------------------------

_HEAD = """\
# A case is data: who the parties are, who spoke for them and when, where they meet, which feeds to read.
# Edit it in any editor; an unknown key, or an office held twice at once, is refused with the line to look at.
# Dates are the days on which an office was held; `end` is left out while it is still held.
# `headline_level`: 3 a humanitarian deal, 4 a limited truce, 5 a general ceasefire, or more.
# `side` of a feed: the party it reports from, "third" or "agency".

"""


def _value(v: Any) -> str:
    if isinstance(v, list):
        return "[" + ", ".join(_value(x) for x in v) + "]"
    if isinstance(v, dict):
        return "{" + ", ".join(f"{k} = {_value(x)}" for k, x in v.items()) + "}"
    if isinstance(v, date):
        return v.isoformat()
    if isinstance(v, int):
        return str(v)
    return json.dumps(v, ensure_ascii=False).replace("\x7f", "\\u007f")  # all else that JSON may hold, TOML may too


def _toml(raw: dict[str, Any]) -> str:
    lines = [f"{k} = {_value(v)}\n" for k, v in raw.items() if not isinstance(v, list)]
    for key, rows in raw.items():
        if isinstance(rows, list):
            lines += ["\n" + f"[[{key}]]\n" + "".join(f"{k} = {_value(v)}\n" for k, v in row.items()) for row in rows]
    if not raw["feeds"]:
        lines.append('\n# [[feeds]]\n# name = "An outlet"\n# url = "https://outlet.example/rss"\n# side = "third"\n')
    return _HEAD + "".join(lines)


# -- questions ------------------------------------------------------------------------------------

Ask = Callable[[str, str], str]  # (question, default) -> answer


def ask_for(ask: Ask, say: Callable[[str], None]) -> Answers:
    """Put the questions one by one; an answer that cannot be used is said and asked for again, an empty one goes on."""
    out = Answers()

    def fits(kind: str) -> Callable[[list[str]], object]:
        """Whether lines of this kind agree with all that was answered before: a fault found at the end would be too late."""

        def check(lines: list[str]) -> None:
            draft = replace(out)
            setattr(draft, kind, lines)
            case_text(draft)

        return check

    def words(name: str) -> str:
        return _ask_words(ask, say, name)

    say("The parties, as newspapers call them. Two at least; an empty line goes on.")
    out.parties = _each(ask, say, "Party", _distinct, least=2, more=words)
    names = [_actor(a, "party")["name"] for a in out.parties]
    out.name = ask("Name of the conflict", "-".join(names[:2]))
    out.type = _until_good(ask, say, f"Type ({', '.join(TYPES)})", "civil", _type)
    say("Mediators and hosts, one a line; an empty line goes on.")
    out.mediators = _each(ask, say, "Mediator", fits("mediators"), more=words)
    say(f"Who speaks for them: {FORMS['person']}. An empty line goes on.")
    out.persons = _each(ask, say, "Person", fits("persons"))
    say(f"Where they may meet: {FORMS['venue']}. An empty line goes on.")
    out.venues = _each(ask, say, "Venue", fits("venues"))
    say(f"Feeds: {FORMS['feed']}. Or only the address. An empty line goes on.")
    out.feeds = _each(ask, say, "Feed", fits("feeds"), mend=_named_feed)
    level = _until_good(ask, say, "Headline level (3 humanitarian deal, 4 limited truce, 5 general ceasefire)", "5", _level)
    out.headline = int(level)
    return out


def _each(
    ask: Ask, say: Callable[[str], None], what: str, check: Callable[[list[str]], object], *, least: int = 0,
    more: Callable[[str], str] | None = None, mend: Callable[[str], str] = str,
) -> list[str]:  # fmt: skip
    """Lines until an empty one; `mend` completes a line, `check` refuses one, `more` asks on where only a name was given."""
    lines: list[str] = []
    while True:
        line = mend(ask(f"{what} {len(lines) + 1}", "").strip())
        if not line:
            if len(lines) >= least:
                return lines
            say(f"{least} are needed.")
            continue
        try:
            check([*lines, line])
        except CaseError as e:
            say(str(e))
            continue
        lines.append(more(line) if more and "|" not in line else line)


def _distinct(parties: list[str]) -> None:
    """Raises CaseError for a party that cannot be read or was named before."""
    names = [_actor(p, "party")["name"] for p in parties]
    if len(set(names)) < len(names):
        raise CaseError(f"'{names[-1]}' is listed already")


def _ask_words(ask: Ask, say: Callable[[str], None], name: str) -> str:
    """The line of an actor given by name only: what is known of it, or else what is answered."""
    known = known_words(name)
    if known:
        say(f"  {name} is known: {', '.join(dict.fromkeys(w for words in known.values() for w in words))}")
        return name
    questions = ("other names, by commas", "its people (such as Danish, Danes)", "its capital or seat", "institutions that speak for it")
    return " | ".join([name, *(ask(f"  {name}: {q}", "").replace("|", " ") for q in questions)])


def _named_feed(line: str) -> str:
    """A feed given by its address only is named after its host."""
    if "|" in line or not line:
        return line
    try:
        host = urlsplit(line).hostname
    except ValueError:
        host = None
    return f"{host or line} | {line}"


def _until_good(ask: Ask, say: Callable[[str], None], question: str, default: str, fault: Callable[[str], str]) -> str:
    while True:
        answer = ask(question, default).strip()
        if not (wrong := fault(answer)):
            return answer
        say(wrong)


def _type(answer: str) -> str:
    return "" if answer.lower() in TYPES else f"'{answer}' is none of {', '.join(TYPES)}."


def _level(answer: str) -> str:
    return "" if answer in ("3", "4", "5") else "Answer 3, 4 or 5."


def missing(case: Case) -> Iterable[str]:
    """What a reader of the new case should know: a line for each thing that is missing, in words."""
    if not case.feeds:
        yield "No feed yet: add [[feeds]] to case.toml, or `forecast discover URL` to find some."
    for actor in case.data.parties:
        if not (actor.names or actor.demonyms or actor.capitals):
            yield f"{actor.name}: no other names are known; add those that newspapers use."
