"""The codebook's word lists, loaded from `codebook/*.toml` into phrases for the automaton."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Any

STANCES = ("demands", "offers", "accepts", "rejects", "conditions")


@functools.cache
def load(name: str) -> dict[str, Any]:
    """One file of the codebook as a dictionary."""
    text = resources.files("forecast.coding").joinpath("codebook", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def issues() -> tuple[str, ...]:
    """The codebook's issues, in its order.

    >>> len(issues()), issues()[:2]
    (29, ('talks', 'ceasefire'))
    """
    return tuple(load("issues"))


def phrases() -> Iterator[tuple[str, str, str]]:
    """(kind, phrase, value) of every list. Values of issues and stances end in `|n`, `|v` or `|s` for noun, verb, state."""
    from forecast.coding.text import inflect

    for issue, entry in load("issues").items():
        for noun in entry["nouns"]:
            yield "issue", noun, f"{issue}|n"
        for verb in entry["verbs"]:
            for form in inflect(verb):
                yield "issue", form, f"{issue}|v"
    for stance, entry in load("stances").items():
        for verb in entry.get("verbs", []):
            for form in inflect(verb):
                yield "stance", form, f"{stance}|v"
        for noun in entry.get("nouns", []):
            yield "stance", noun, f"{stance}|n"
        for state in entry.get("states", []):
            yield "stance", state, f"{stance}|s"
    for kind, entry in load("modifiers").items():
        for phrase in entry:
            for form in inflect(phrase) if kind == "say" else (phrase,):
                yield kind, form, kind
    talks = load("talks")
    for kind in ("round", "general", "other_talks"):
        for phrase in talks[kind]:
            yield kind, phrase, phrase
    for kind in ("level", "status"):
        for value, entry in talks[kind].items():
            for phrase in entry:
                yield kind, phrase, value
    for kind, entry in load("tone").items():
        for phrase in entry:
            yield "tone", phrase, kind
