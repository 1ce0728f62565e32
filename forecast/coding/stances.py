"""Stance cues: the words of a clause that demand, offer, accept, reject, and what turns or suspends them.

Most cues are stance words of the codebook. Where there is none before an issue, promise ("will withdraw"), refusal,
need ("a truce is essential") and declaration count as cues too.
"""

from __future__ import annotations

from dataclasses import dataclass

from forecast.coding.clauses import Clause, ClauseReader
from forecast.coding.grammar import (
    BE_BETWEEN,
    COMPLEMENT_AFTER,
    COPULA_BEFORE,
    CUT_OFF,
    DECLARED,
    DESCRIBING,
    DETERMINED,
    GOVERNING,
    HISTORY,
    HYPO,
    JOINT,
    NEED,
    NEED_AFTER,
    NEGATION,
    NEITHER,
    NEW_VERB,
    NO_ISSUE,
    NOBODY,
    NOT,
    NOT_NEXT,
    ONLY_NEXT,
    PAST_MARK,
    THAT_BEFORE,
    THAT_OR_S,
    THERE_IS,
    THREE_WORDS,
    WILL,
    WILL_NOT,
    WILLING,
    WITHDRAWN,
    last_match,
)
from forecast.coding.text import Hit

_NEGATED = {"offers": "rejects", "accepts": "rejects", "demands": None, "rejects": None, "conditions": "rejects"}


@dataclass(frozen=True)
class Cue:
    """A place that takes a stance; None where a stance word stands but takes none ("did not demand")."""

    start: int
    end: int
    stance: str | None
    form: str  # v, n, s as in the codebook (verb, noun, state of mind); must, will, no, declare


def stance_cues(reader: ClauseReader, c: Clause) -> list[Cue]:
    """Stance cues of the clause in order, those governed by an earlier one left out."""
    folded = reader.folded
    cues: list[Cue] = []
    for h in c.hits:
        if h.kind != "stance":
            continue
        stance, form = h.value.split("|")
        if any(x.kind == "issue" and x.start <= h.start and x.end > h.end for x in c.hits):
            continue  # inside a longer issue phrase
        if any(x.kind == "stance" and x is not h and x.start <= h.start and x.end >= h.end and (x.end - x.start) > (h.end - h.start) for x in c.hits):
            continue
        if cues and cues[-1].start == h.start:
            continue
        before = folded[max(c.start, h.start - 60) : h.start]
        word = folded[h.start : h.end]
        if form == "v" and DETERMINED.search(before[-22:]) and not word.endswith(("ed", "ing")) and not THAT_OR_S.search(before):
            form = "n"  # "the offer", "its demand": a noun
        if form == "v" and word.endswith("ed") and DESCRIBING.search(before[-24:]) and not THAT_BEFORE.search(before) and not COMPLEMENT_AFTER.match(folded[h.end : h.end + 6]):
            continue  # "the proposed truce": a participle that only describes
        if form == "s" and not COPULA_BEFORE.search(before) and stance != "rejects" and not WILLING.search(word):
            continue
        if cues and _governed(reader, cues[-1], h, form):
            if cues[-1].stance == "rejects" and stance == "rejects" and not reader.possessor(c, h.start):
                cues[-1] = Cue(cues[-1].start, h.end, None, cues[-1].form)
            continue
        value: str | None = None if stance == "none" else stance
        if value and form in "vs" and _negated(reader, c, cues, h):
            value = _NEGATED[value]
        if value and form == "n" and WITHDRAWN.search(before):
            value = "rejects" if stance in ("accepts", "offers") and "no " in before[-14:] else None
        cues.append(Cue(h.start, h.end, value, form))
    cues += _modal_cues(reader, c, cues)
    return sorted(cues, key=lambda q: q.start)


def suspended(reader: ClauseReader, c: Clause, cue: Cue) -> bool:
    """Whether the clause only imagines the stance or tells of an earlier time."""
    before = reader.folded[c.start : cue.start]
    m = last_match(HYPO, before, 0, len(before))
    if m and (len(before) - m.end() < 30 or m.group().startswith(("whether", "hope", "fear", "specul", "predict", "unclear"))):
        return True
    sentence = reader.folded[c.start : c.end]
    return bool(HISTORY.search(sentence)) and bool(PAST_MARK.search(sentence)) and cue.form != "must"


def _modal_cues(reader: ClauseReader, c: Clause, cues: list[Cue]) -> list[Cue]:
    """Cues of issues that no stance word reaches: promise, refusal, need, declaration."""
    folded, out = reader.folded, []
    for h in c.hits:
        if h.kind != "issue":
            continue
        issue_verb = h.value.endswith("|v")
        before = folded[max(c.start, h.start - 45) : h.start]
        if any(q.start < h.start and not CUT_OFF.search(folded[q.end : h.start]) for q in cues):
            continue
        if issue_verb and WILL_NOT.search(before):
            out.append(Cue(h.start, h.start, "rejects", "will"))
        elif issue_verb and WILL.search(before) and c.subject:
            out.append(Cue(h.start, h.start, "offers", "will"))
        elif not issue_verb and c.speaker and NO_ISSUE.search(before) and THERE_IS.search(NO_ISSUE.sub("", before)):
            out.append(Cue(h.start, h.start, "rejects", "no"))
        elif c.speaker and NEED_AFTER.match(folded[h.end : c.end][:60]) and not NOT.search(folded[h.end : h.end + 15]):
            out.append(Cue(h.start, h.start, "demands", "must"))
        elif c.speaker and (m := last_match(NEED, folded, c.start, h.start)) and h.start - m.end() < 70:
            if not NOT_NEXT.match(folded[m.end() : m.end() + 5]):
                out.append(Cue(m.start(), m.end(), "demands", "must"))
        elif not issue_verb and h.value.startswith("ceasefire|") and (m := DECLARED.search(before)):
            both = len(c.subject) >= 2
            out.append(Cue(c.start + max(0, len(folded[c.start : h.start]) - len(before)) + m.start(), h.start, "accepts" if both else "offers", "declare"))
    return list({(q.start, q.form): q for q in out}.values())


def _governed(reader: ClauseReader, previous: Cue, h: Hit, form: str) -> bool:
    """Whether a stance word only completes the cue before it: "refused to accept", "rejected the offer"."""
    gap = reader.folded[previous.end : h.start]
    if len(gap) > 70 or NEW_VERB.search(gap):
        return False
    joint = JOINT.search(gap)
    if form in "vs" and not joint:
        word = reader.folded[h.start : h.end].split()[0]
        if word.endswith("ed") and not BE_BETWEEN.search(gap):
            return False
        if not gap.strip() or GOVERNING.search(" " + reader.folded[previous.start : previous.end].split()[-1] + gap):
            return True
        return bool(THREE_WORDS.fullmatch(gap)) and word.endswith("ing")
    if form == "n" and not joint:
        return not any(n.end <= h.start and n.start >= previous.end and h.start - n.end < 25 and reader.is_possessor(n) for n in reader.named)
    return False


def _negated(reader: ClauseReader, c: Clause, cues: list[Cue], h: Hit) -> bool:
    """Whether a negation turns the stance word `h`."""
    start = max(c.start, h.start - 38, cues[-1].end if cues else c.start)
    window = reader.folded[start : h.start]
    m = last_match(NEGATION, window, 0, len(window))
    if NEITHER.search(reader.folded[c.start : h.start]):
        return True
    if m is None:
        return False
    between = window[m.end() :]
    if m.group() == "no":
        return bool(NOBODY.fullmatch(between)) and "longer" not in between
    if m.group() == "not" and ONLY_NEXT.match(between):
        return False
    return len(between.split()) <= 4 and "," not in between
