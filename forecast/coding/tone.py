"""Tone: the outlook for the talks as reported, not the mood of the vocabulary (codebook section 4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from forecast.coding.text import Hit

_VALUE = {"very_good": 1.0, "good": 0.5, "bad": -0.5, "very_bad": -1.0}
_NEGATION = re.compile(
    r"\b(?:no|not|never|without|little|nor|neither|hardly|few|lack of|far from|cannot|unlikely to|doubts? (?:that|of|about)|nobody expects?|don't expect|too early for|rather than|prospects? for a|failed to|yet to)\b|n't\b"
)
_UNREAL = re.compile(r"\b(?:need(?:ed|s)? (?:a|to)|calls? for|called for|urged|must|should|hop(?:e|es|ed|ing) (?:for|that|to)|if)\b")


def sentence_tone(folded: str, start: int, end: int, hits: Sequence[Hit]) -> float | None:
    """Outlook of one sentence in -1..+1, or None where it says nothing of the prospects."""
    values = []
    for h in hits:
        if h.kind != "tone":
            continue
        value = _VALUE[h.value]
        before = folded[max(start, h.start - 40) : h.start]
        m = None
        for m in _NEGATION.finditer(before):  # noqa: B007  the last one counts
            pass
        if m is not None and len(before[m.end() :].split()) <= 5:
            value = -0.5 * abs(value) - 0.1 if value > 0 else 0.1
        elif value > 0 and _UNREAL.search(before):
            value *= 0.2
        values.append(value)
    if not values:
        return None
    # A hope beside a doubt is a doubt: reports name what is hoped for before they say it will not come.
    low, high = min(values), max(values)
    score = sum(values) / len(values) if low * high >= 0 else 0.7 * low + 0.3 * high
    extra = 0.1 * (len(values) - 1)
    return max(-1.0, min(1.0, score + (extra if score > 0 else -extra if score < 0 else 0.0)))


def weigh(learned: float | None, listed: float | None, stated: float | None) -> tuple[float, float] | None:
    """Tone of a sentence and its weight in the article; None where nothing speaks of the prospects.

    Parameters
    ----------
    learned : from the learned part, where there is one.
    listed : from the word lists.
    stated : outlook stated outright ("no breakthrough expected"), -1..+1; it counts for most.
    """
    if learned is None and listed is None and stated is None:
        return None
    if learned is None or listed is None:
        tone = learned if learned is not None else listed if listed is not None else 0.0
    else:
        tone = 0.5 * learned + 0.5 * listed
    if stated is not None:
        tone = 0.3 * tone + 0.7 * stated
    return tone, (abs(tone) + 0.05) * (6.0 if stated is not None else 1.0)


def article_tone(tones: Sequence[tuple[float, float]]) -> float | None:
    """Tone of an article: the weighted mean of its sentences (tone, weight).

    >>> article_tone([]) is None
    True
    >>> article_tone([(-0.5, 1.0), (0.25, 1.0)])
    -0.125
    """
    total = sum(w for _, w in tones)
    return sum(t * w for t, w in tones) / total if total else None
