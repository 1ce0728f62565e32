"""Statements: who demands, offers, accepts, rejects or conditions what (codebook section 3).

A sentence is cut into clauses (`clauses`); each clause has a subject (or inherits one) and perhaps a speaker. Stance
words (`stances`) take their issues from the right (from the left in passives), and negation, modality, conditions and
gates turn them. The words are data (`codebook/`); the small words between them are patterns (`grammar`).
"""

from __future__ import annotations

import bisect
import itertools

from forecast.coding.actors import Named
from forecast.coding.clauses import ATTACHED, Clause, ClauseReader, Context
from forecast.coding.grammar import (
    BE,
    BY,
    BY_NEXT,
    BY_OR_FROM,
    DEAL,
    DOUBTFUL,
    ENUMERATED,
    FRAGMENT,
    HOPELESS,
    HYPO,
    IMPERSONAL,
    JOIN,
    LIGHT,
    NEED_AFTER,
    NEGATION,
    OCCASION,
    PLACE,
    POSSIBLE,
    PRECONDITION_OF,
    PREP,
    TO_FOR_BY,
    TOPIC,
    WITH_BEFORE,
)
from forecast.coding.learned import Reading, stems_of
from forecast.coding.net import Pairs, words_of
from forecast.coding.stances import Cue, stance_cues, suspended
from forecast.coding.text import Hit, Sentence
from forecast.records import Statement

SURE = 0.75  # confidence of readings that stand whatever the learned part says: lists of wants in a quote
_GATES = {"talks": "talks", "ceasefire": "ceasefire", "leaders_summit": "summit", "settlement": "signature"}
_Attachment = tuple[str, str, list[str], int]  # a condition or gate: role, intro, issues, end


class SentenceReader:
    """Reads the statements of one sentence; `context` carries over to the next."""

    def __init__(self, text: str, folded: str, context: Context) -> None:
        self.text = text
        self.folded = folded
        self.ctx = context
        self.syntax = ClauseReader(text, folded, context)

    def read(self, sentence: Sentence, hits: list[Hit], named: list[Named]) -> Reading:
        """What is in the sentence, the statements the rules read included. `hits` and `named` are those inside it, in order."""
        clauses = self.syntax.cut(sentence, hits, named)
        out: list[Statement] = []
        for i, clause in enumerate(clauses):
            if clause.role not in ATTACHED:
                out += self._statements(clauses, i, sentence)
        found = _unique(out)
        facts, mentions = self._candidates(sentence, clauses, found)
        words, places = words_of(self.folded, sentence, self.syntax.named)
        at = {a: [k for m in starts if (k := bisect.bisect_left(places, m)) < len(places)] for a, starts in mentions.items()}
        actors = tuple(facts)
        pairs = Pairs(
            words=tuple(words),
            positions=tuple(tuple(sorted(set(at.get(a, ())))) for a in actors),
            facts=tuple(frozenset(facts[a]) for a in actors),
            ruled=tuple({x.issue: x.stance for x in found if x.actor == a} for a in actors),
            listed=frozenset(h.value.split("|")[0] for h in self.syntax.hits if h.kind == "issue"),
        )
        doubtful = self._doubtful(sentence, clauses)
        conditions = tuple(h.value.split("|")[0] for c in clauses if c.role in ATTACHED for h in c.hits if h.kind == "issue")
        tokens = stems_of(words)
        hits_ = tuple(self.syntax.hits)
        self.syntax.carry_over(clauses, sentence)
        return Reading(sentence, tokens, hits_, tuple(found), actors, pairs, self.ctx.speaker, doubtful, conditions)

    def _candidates(self, s: Sentence, clauses: list[Clause], found: list[Statement]) -> tuple[dict[str, set[str]], dict[str, list[int]]]:
        """Actors that may take a stance here: what speaks for each, and the offsets at which it is named."""
        facts: dict[str, set[str]] = {}
        positions: dict[str, list[int]] = {}

        def add(actor: str, *what: str) -> None:
            if not actor.startswith("*"):
                facts.setdefault(actor, set()).update(what)

        order: list[str] = []
        for n in self.syntax.named:
            whole = self.syntax.resolve(n, self.ctx.subject, None)
            for actor in whole:
                if actor.startswith("*"):
                    continue
                add(actor, f"how:{n.how}", *(["both"] if n.actor == "*both" else []))
                before = PREP.search(self.folded[max(s.start, n.start - 40) : n.start])
                add(actor, f"prep:{before.group().split()[0]}" if before else "noprep", *(["poss"] if self.syntax.is_possessor(n) else []))
                if n.how != "pronoun" or n.actor == "*both" or len(whole) == 1:
                    positions.setdefault(actor, []).append(n.start)
                if actor not in order:
                    order.append(actor)
        for rank, actor in enumerate(order):
            add(actor, f"rank:{min(rank, 3)}")
        for i, c in enumerate(c for c in clauses if c.role not in ATTACHED):
            for actor in c.subject:
                add(actor, "subject", f"subject{min(i, 2)}")
            if c.speaker:
                add(c.speaker, "speaker", *(["speaks_first"] if i == 0 else []))
        if self.ctx.speaker:
            add(self.ctx.speaker, "was_speaker", *(["in_quote"] if self.ctx.open_quote or self.ctx.pending else []))
        for actor in self.ctx.subject[:1]:
            add(actor, "was_subject")
        for st in found:
            add(st.actor, "ruled")
        # Parties nobody names here may yet be the ones that act ("the gunmen answered"): the learner weighs that.
        for rank, actor in enumerate(self.ctx.parties[:4]):
            add(actor, *(["party"] if actor in facts else ["offstage"]), "first_party" if rank == 0 else "other_party")
            if actor == self.ctx.government:
                add(actor, "governs")
            if actor == self.ctx.rebels:
                add(actor, "rebels")
        for actor in facts:
            if actor not in positions:
                facts[actor].add("unnamed")
            facts[actor].add(f"n:{min(len(order), 4)}")
        return facts, positions

    def _doubtful(self, s: Sentence, clauses: list[Clause]) -> bool:
        """Whether the sentence asks, imagines or denies a refusal, so that only a sure reading may stand."""
        words = self.folded[s.start : s.end]
        return bool(DOUBTFUL.search(words)) or words.rstrip('"').endswith("?") or any(c.analyst for c in clauses)

    # -- statements -----------------------------------------------------------------------------

    def _statements(self, clauses: list[Clause], i: int, s: Sentence) -> list[Statement]:
        """The statements of clause `i`, each cue with its agents and objects."""
        c = clauses[i]
        if c.analyst or self._asks(c):
            return []
        cues = stance_cues(self.syntax, c)
        conds = _attached(clauses, i)
        out: list[Statement] = []
        tail = self._tail(clauses, i)  # objects of the last cue may lie there as well
        for k, cue in enumerate(cues):
            after = next((q for q in cues[k + 1 :] if not (cue.form in "vs" and q.form == "n")), None)
            limit = after.start if after else c.end
            if cue.stance is None or suspended(self.syntax, c, cue):
                continue
            actors, left = self._agents(c, cue)
            if not actors:
                continue
            objects = self._objects(c, cue, limit, left, tail if after is None else [])
            if not objects and left and cue.form == "v" and i > 0:
                objects = [h for h in clauses[i - 1].hits if h.kind == "issue"][:1]
            for issue in objects:
                for actor in actors:
                    out.append(self._emit(c, s, actor, issue, cue.stance, conds))
        if not out and not cues:
            out += self._without_cue(c, s, conds)
        return out

    def _asks(self, c: Clause) -> bool:
        return self.folded[c.end : c.end + 2].strip()[:1] == "?" or self.folded[c.start : c.end].rstrip().endswith("?")

    def _tail(self, clauses: list[Clause], i: int) -> list[Clause]:
        """Following clauses that only continue this one: complements of "demand that", list items."""
        out = []
        for c in clauses[i + 1 :]:
            if c.role in ATTACHED:
                break
            own = [h for h in c.hits if h.kind == "say" or (h.kind == "stance" and h.value[-1] in "vs")]
            if c.role == "that" and not any(h.kind == "say" and not self._is_stance(h) for h in clauses[i].hits):
                out.append(c)
                if own and c.own_subject:
                    break
                continue
            if own or (c.own_subject and c.intro not in ("and", "or")) or c.role != "comma" or c.intro not in ("and", "or", "as"):
                break
            out.append(c)
        return out

    def _is_stance(self, say: Hit) -> bool:
        return any(h.kind == "stance" and h.start <= say.start < h.end for h in self.syntax.hits)

    # -- agents ---------------------------------------------------------------------------------

    def _agents(self, c: Clause, cue: Cue) -> tuple[tuple[str, ...], bool]:
        """Who takes the stance, and whether its object stands to the left."""
        word = self.folded[cue.start : cue.end]
        before = self.folded[max(c.start, cue.start - 30) : cue.start]
        if cue.form == "v" and (BE.search(before) or BY_NEXT.match(self.folded[cue.end : c.end])) and not word.split()[0].endswith("ing"):
            return self._by_agents(c, cue), True
        if cue.form == "n":
            return self._owners(c, cue), False
        if cue.form in ("must", "no"):
            return ((c.speaker,) if c.speaker else ()), False
        if cue.form == "s" and IMPERSONAL.search(word):
            return self._holders(c, cue), True
        if cue.form == "will" and not c.own_subject and c.speaker and not c.subject:
            return (c.speaker,), False
        if c.subject:
            return (self._with_partner(c, cue) if cue.stance == "accepts" and DEAL.search(word) else c.subject), False
        if c.speaker and (c.say or c.role == "that"):
            return (c.speaker,), False
        return (), False

    def _by_agents(self, c: Clause, cue: Cue) -> tuple[str, ...]:
        """The actors behind the "by" of a passive."""
        m = BY.search(self.folded[cue.end : c.end])
        if not m:
            return ()
        at = cue.end + m.end()
        who: list[str] = []
        end = None
        for n in c.actors:
            if n.start < cue.end + m.start():
                continue
            if (end is None and n.start <= at + 25) or (end is not None and JOIN.match(self.folded[end : n.start])):
                who += self.syntax.resolve(n, c.subject, c.speaker)
                end = n.end
        return tuple(dict.fromkeys(a for a in who if not a.startswith("*")))

    def _owners(self, c: Clause, cue: Cue) -> tuple[str, ...]:
        """Whose a noun of stance is: its possessor, the one it comes from, or the subject."""
        owner = self.syntax.possessor(c, cue.start)
        if owner:
            return tuple(a for a in self.syntax.resolve(owner, c.subject or self.ctx.subject, c.speaker) if not a.startswith("*"))
        m = BY_OR_FROM.match(self.folded[cue.end : c.end])
        by = [a for a in c.actors if m and abs(a.start - (cue.end + m.end())) <= 2]
        if by:
            return self.syntax.resolve(by[0], c.subject, c.speaker)
        # Without an owner the noun belongs to the subject only behind a light verb: "renewed its call", not "noted the call".
        if " " not in self.folded[cue.start : cue.end] and not LIGHT.search(self.folded[max(c.start, cue.start - 45) : cue.start]):
            return ()
        if c.own_subject and c.subject_end <= cue.start:
            return c.subject
        return c.subject if c.role in ("ing", "comma", "with") else ()

    def _holders(self, c: Clause, cue: Cue) -> tuple[str, ...]:
        """To whom an issue is "unacceptable" or "on the table": those named after "to", the speaker, or the subject."""
        for m in TO_FOR_BY.finditer(self.folded[cue.end : c.end][:40]):
            near = [n for n in c.actors if n.start == cue.end + m.end()]
            if near:
                return self.syntax.resolve(near[0], c.subject, c.speaker)
        return (c.speaker,) if c.speaker else c.subject

    def _with_partner(self, c: Clause, cue: Cue) -> tuple[str, ...]:
        """The subject of a deal and those it is struck with: "X signs a truce with Y"."""
        who = list(c.subject)
        for n in c.actors:
            if n.start > cue.end and n.start - cue.end < 90 and WITH_BEFORE.search(self.folded[cue.end : n.start]):
                who += [a for a in self.syntax.resolve(n, c.subject, c.speaker) if a not in who and not a.startswith("*")]
                break
        return tuple(who)

    # -- objects and conditions -----------------------------------------------------------------

    def _objects(self, c: Clause, cue: Cue, limit: int, left: bool, tail: list[Clause]) -> list[Hit]:
        """The issues a cue is about, up to `limit` and in what continues the clause; or to the left of it."""
        found = [h for h in c.hits if h.kind == "issue" and cue.end <= h.start < limit]
        if not left:
            for t in tail:
                found += [h for h in t.hits if h.kind == "issue"]
        if cue.form == "must":
            found = [h for h in c.hits if h.kind == "issue" and (h.start >= cue.start or NEED_AFTER.match(self.folded[h.end : c.end][:60]))]
        if (left and cue.form in "vs") or (not found and cue.form == "s"):
            found = [h for h in c.hits if h.kind == "issue" and h.end <= cue.start] or ([] if left and cue.form == "v" else found)
        kept: list[Hit] = []
        for h in found:
            issue = h.value.split("|")[0]
            before = self.folded[max(c.start, cue.end if not left else c.start, h.start - 30) : h.start]
            if kept and kept[-1].value.startswith("talks|") and issue != "talks" and TOPIC.search(self.folded[kept[-1].end : h.start]):
                continue
            if kept and PLACE.search(before) and not ENUMERATED.search(self.folded[kept[-1].end : h.start]):
                continue
            if issue in ("talks", "settlement") and PLACE.search(before) and (kept or OCCASION.search(before)):
                continue
            if any(k.value.split("|")[0] == issue for k in kept):
                continue
            kept.append(h)
        return kept

    def _emit(self, c: Clause, s: Sentence, actor: str, issue: Hit, stance: str, conds: list[_Attachment]) -> Statement:
        """The statement of one actor on one issue, with the conditions and gates that hang on the clause."""
        name = issue.value.split("|")[0]
        gate: str | None = None
        on: str | None = None
        end = c.end
        for role, intro, issues, stop in conds:
            others = [x for x in issues if x != name] or issues
            first = others[0] if others else None
            end = max(end, stop)
            if role == "gate" and stance != "rejects":
                gate = gate or (_GATES.get(first or "") if first else None)
            elif role == "cond" and intro in ("in exchange for", "in return for") and stance in ("offers", "demands", "accepts"):
                on = first
            elif stance in ("rejects", "offers", "accepts", "conditions") and first:
                if role == "if_" and stance == "rejects":
                    continue
                stance, on = "conditions", first
        if gate is None:
            after = self.folded[issue.end : min(c.end, issue.end + 60)]
            m = PRECONDITION_OF.match(after)
            if m:
                gate = "talks" if m.group(1).startswith(("talk", "nego", "meet")) else gate
        if end == c.end:
            end = max(end, issue.end)
        start, stop_at = self._trim(min(c.start, issue.start), end)
        reporter = c.speaker if c.speaker and c.speaker != actor else None
        # A need in a speaker's own quoted words is as plain as a list of wants.
        sure = SURE if stance == "demands" and c.quoted and NEED_AFTER.match(self.folded[issue.end : c.end][:60]) else 0.6
        return Statement(s.index, actor, name, stance, gate, on, self.text[start:stop_at], start, stop_at, sure, reporter)

    def _trim(self, start: int, end: int) -> tuple[int, int]:
        while start < end and self.text[start] in " ,;\"“”'\n\t":
            start += 1
        while end > start and self.text[end - 1] in " ,;\"“”\n\t":
            end -= 1
        return start, end

    def _without_cue(self, c: Clause, s: Sentence, conds: list[_Attachment]) -> list[Statement]:
        """Clauses with no stance word: "no X until Y", and bare lists in a speaker's mouth."""
        issues = [h for h in c.hits if h.kind == "issue"]
        actor = c.speaker or (c.subject[0] if c.subject else None)
        if not issues or not actor:
            return []
        words = self.folded[c.start : c.end]
        negative = bool(NEGATION.search(words)) or bool(HOPELESS.search(words))
        hypothetical = HYPO.search(words)
        for role, intro, others, end in conds:
            strong = role == "cond" and intro not in ("in exchange for", "in return for") and (negative or intro not in ("without", "until", "as long as", "so long as"))
            if (strong or (negative and role == "gate")) and others and (c.speaker or c.subject):
                if hypothetical and not POSSIBLE.search(hypothetical.group()):
                    continue
                on = next((o for o in others if o != issues[0].value.split("|")[0]), None)
                if on is None:
                    continue
                start, stop = self._trim(c.start, max(c.end, end))  # the condition may stand before
                return [Statement(s.index, actor, issues[0].value.split("|")[0], "conditions", None, on, self.text[start:stop], start, stop, 0.55, None)]
        fragment = len(words.split()) <= 7 and not FRAGMENT.search(words) and c.role in ("main", "comma")
        if c.speaker and fragment and (c.quoted or self.ctx.open_quote or self.ctx.pending) and not negative:
            out = []
            for h in issues[:2]:
                start, stop = self._trim(c.start, c.end)
                out.append(Statement(s.index, c.speaker, h.value.split("|")[0], "demands", None, None, self.text[start:stop], start, stop, SURE, None))
            return out
        return []


def _attached(clauses: list[Clause], i: int) -> list[_Attachment]:
    """Conditions and gates that hang on clause i: (role, intro, issues, end)."""
    hung = list(itertools.takewhile(lambda c: c.role in ATTACHED, clauses[i + 1 :]))
    if i > 0 and clauses[i - 1].role in ATTACHED and clauses[i].role == "main" and not clauses[i].intro:
        hung.append(clauses[i - 1])
    return [(c.role, c.intro, [h.value.split("|")[0] for h in c.hits if h.kind == "issue"], c.end) for c in hung]


def _unique(statements: list[Statement]) -> list[Statement]:
    """One statement a sentence for the same actor, issue and stance; a condition outranks what it qualifies."""
    best: dict[tuple[str, str, str], Statement] = {}
    for st in statements:
        key = (st.actor, st.issue, st.stance)
        if key not in best or (best[key].gate is None and st.gate):
            best[key] = st
    conditioned = {(s.actor, s.issue) for s in best.values() if s.stance == "conditions"}
    return [s for s in best.values() if s.stance in ("conditions", "demands") or (s.actor, s.issue) not in conditioned]
