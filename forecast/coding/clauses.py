"""Clauses: a sentence cut into pieces, each with its subject and its speaker.

A clause has a subject of its own or inherits one, and perhaps a speaker in whose mouth it is. What later sentences
need to know of earlier ones (who spoke, who "he" is, whether a quotation is open) is carried over in `Context`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from forecast.coding.actors import Named
from forecast.coding.grammar import (
    AND_THEN,
    APPOSITION,
    BREAK,
    HALF,
    JOIN,
    LEAD,
    OWNER_GAP,
    PREP,
    PRONOUNS,
    RULER,
    SAME_NAME,
    SAY_GAP,
    THAT,
)
from forecast.coding.text import Hit, Sentence

ATTACHED = ("cond", "if_", "gate")  # roles of clauses that hang on another and state nothing of their own
_NOT_SUBJECTS = ("*its", "*their", "*his", "*her", "*our", "*us", "*them", "*him")


@dataclass
class Context:
    """What later sentences of an article inherit from earlier ones."""

    parties: tuple[str, ...] = ()
    government: str | None = None
    rebels: str | None = None
    mediator: str | None = None
    state: str | None = None  # the party last named that is a state, for "the president" between two states
    states: frozenset[str] = frozenset()
    subject: tuple[str, ...] = ()  # of the previous main clause
    person: str | None = None  # actor of the person last named
    speaker: str | None = None
    open_quote: bool = False
    pending: bool = False  # the previous sentence ended in "X stated:"
    issues: tuple[str, ...] = ()  # last issues spoken of, for "the proposal", "it"


@dataclass
class Clause:
    """A piece of a sentence, with what is found in it."""

    start: int
    end: int
    role: str  # main, cond, if_, gate, that, ing, with, comma
    intro: str
    quoted: bool = False
    subject: tuple[str, ...] = ()
    own_subject: bool = False
    subject_end: int = -1
    speaker: str | None = None
    say: bool = False
    analyst: bool = False
    hits: list[Hit] = field(default_factory=list)
    actors: list[Named] = field(default_factory=list)


class ClauseReader:
    """Cuts sentences into clauses; `context` is read and, by `carry_over`, updated from one to the next.

    `hits` and `named` are those of the sentence last cut, `named` with roles and pronouns added. An actor that begins
    with `*` is a place-holder ("*he", "*both"), which `resolve` replaces.
    """

    def __init__(self, text: str, folded: str, context: Context) -> None:
        self.text = text
        self.folded = folded
        self.context = context
        self.hits: list[Hit] = []
        self.named: list[Named] = []

    def cut(self, sentence: Sentence, hits: list[Hit], named: list[Named]) -> list[Clause]:
        """The clauses of a sentence, subjects and speakers filled in. `hits` and `named` are those inside it, in order."""
        self.hits = hits
        self.named = self._with_pronouns(sentence, hits, named)
        clauses = self._clauses(sentence)
        self._subjects(clauses)
        self._speakers(clauses)
        return clauses

    # -- actors ---------------------------------------------------------------------------------

    def _with_pronouns(self, s: Sentence, hits: list[Hit], named: list[Named]) -> list[Named]:
        """Named actors, plus "both sides", "the government", "the rebels" and pronouns as place-holders."""
        out = list(named)
        taken = [(n.start, n.end) for n in named]
        for h in hits:
            if h.kind not in ("both", "government", "rebels", "mediators") or any(a < h.end and h.start < b for a, b in taken):
                continue
            if any(0 <= h.start - n.end <= 3 and self.folded[n.end : h.start] in (" ", "'s ", "' ", "-") for n in named):
                continue  # "the Turkish army" is Turkey already
            taken.append((h.start, h.end))
            who = {"government": self.context.government, "rebels": self.context.rebels, "mediators": self.context.mediator}.get(h.kind)
            if h.kind == "both" and self.context.parties:
                out.append(Named(h.start, h.end, "*both", "role"))
            elif h.kind == "government" and who is None and self.context.state:
                out.append(Named(h.start, h.end, self.context.state, "role"))
            elif who:
                out.append(Named(h.start, h.end, who, "role"))
        halves = {p.split()[0].lower(): p for p in self.context.parties if p.startswith(("North ", "South "))}
        for m in HALF.finditer(self.folded, s.start, s.end) if halves else ():
            if m.group(1) in halves and not any(a < m.end() and m.start() < b for a, b in taken):
                out.append(Named(m.start(), m.end(), halves[m.group(1)], "name"))
        ruling = self.context.government or self.context.state
        for m in RULER.finditer(self.text, s.start, s.end) if ruling else ():
            if not any(a < m.end() and m.start() < b for a, b in taken):
                taken.append(m.span())
                out.append(Named(m.start(), m.end(), ruling or "", "person"))
        for m in PRONOUNS.finditer(self.folded, s.start, s.end):
            if m.group() in ("i", "us") and self.text[m.start() : m.end()] not in ("I", "us"):
                continue
            out.append(Named(m.start(), m.end(), "*" + m.group(), "pronoun"))
        return sorted(out, key=lambda n: n.start)

    def resolve(self, n: Named, previous: tuple[str, ...], speaker: str | None) -> tuple[str, ...]:
        """The actors a name, role or pronoun stands for; `previous` is the subject so far. Others stay place-holders or go."""
        if not n.actor.startswith("*"):
            return (n.actor,)
        word = n.actor[1:]
        if word == "both":
            return self.context.parties[:2] if len(self.context.parties) >= 2 else ()
        if word in ("we", "i", "us", "our", "ours"):
            return (speaker,) if speaker else ((self.context.speaker,) if self.context.speaker else ())
        if word in ("he", "she", "his", "her", "him"):
            if speaker and n.how == "pronoun" and word in ("his", "her"):
                return (speaker,)
            who = self.context.person or self.context.speaker
            return (who,) if who else previous[:1]
        if word in ("it", "its"):
            return previous[:1] or self.context.subject[:1]
        return previous or self.context.subject

    def is_possessor(self, n: Named) -> bool:
        """Whether an actor is named as an owner: "Kyiv's", "Russian", "their"."""
        return n.how == "demonym" or self.folded[n.end : n.end + 2] == "'s" or self.folded[n.end : n.end + 1] == "'" or n.actor in ("*its", "*their", "*his", "*her", "*our")

    def possessor(self, c: Clause, at: int) -> Named | None:
        """The owner of the noun at a place."""
        near = [n for n in c.actors if n.end <= at and at - n.end < 28 and self.is_possessor(n)]
        if near and OWNER_GAP.fullmatch(self.folded[near[-1].end : at]):
            return near[-1]
        return None

    # -- clauses --------------------------------------------------------------------------------

    def _clauses(self, s: Sentence) -> list[Clause]:
        """The clauses with the hits and actors inside each; empty ones are left out."""
        quoted = self.context.open_quote
        position = s.start
        out: list[Clause] = []
        for c in _merge_leads(self.folded, self._pieces(s)):
            quoted ^= self.folded.count('"', position, max(position, c.start)) % 2 == 1
            position = max(position, c.start)
            c.quoted = quoted
            c.hits = [h for h in self.hits if c.start <= h.start and h.end <= c.end]
            c.actors = [n for n in self.named if c.start <= n.start and n.end <= c.end]
            if c.end > c.start and self.folded[c.start : c.end].strip(' ,.;:"'):
                out.append(c)
        return out

    def _pieces(self, s: Sentence) -> list[Clause]:
        """The sentence cut at its marks, each piece with the role its conjunction gives it."""
        length, role, intro = self._lead(s.start, s.end)
        start = s.start + length
        clauses = []
        for at, begin, next_role, next_intro in self._marks(s):
            if at >= start:
                clauses.append(Clause(start, at, role, intro))
            start, role, intro = max(begin, start), next_role, next_intro
            if role in ("main", "comma"):  # `", said that unless ...`
                length, lead_role, lead = self._lead(start, s.end)
                if lead_role in ATTACHED:
                    role, intro = lead_role, lead
                    start += length
        clauses.append(Clause(start, s.end, role, intro))
        return clauses

    def _lead(self, start: int, end: int) -> tuple[int, str, str]:
        """Length, role and words of the conjunction that opens a stretch of text; of none, an empty main clause's."""
        lead = LEAD.match(self.folded[start:end])
        if not lead:
            return 0, "main", ""
        role = next(k for k, v in lead.groupdict().items() if v is not None)
        return lead.end(), "with" if lead.group() in ("with ", "as ") else role, lead.group().strip()

    def _marks(self, s: Sentence) -> list[tuple[int, int, str, str]]:
        """Where the sentence breaks, in order: start of the break, start of the clause after it, its role and intro."""
        marks: list[tuple[int, int, str, str]] = []
        position = s.start
        while True:
            m = BREAK.search(self.folded, position, s.end)
            if not m:
                break
            name = next(k for k, v in m.groupdict().items() if v is not None)
            begin = m.start("ing") if name == "ing" else m.end()
            role = {"stop": "main", "bare": "comma"}.get(name, name)
            if name == "ing" and not self._is_cue(m.start("ing"), m.end("ing")):
                position = m.end()
                continue
            intro = m.group(name).strip()
            if intro in ("with", "as"):
                role = "with"
            marks.append((m.start(), begin, role, intro))
            position = max(begin, m.start() + 1)
        return sorted([*marks, *self._that_and_breaks(s)])

    def _that_and_breaks(self, s: Sentence) -> Iterable[tuple[int, int, str, str]]:
        """Breaks that only the words around tell: "that" after a verb, "said X", "and X demanded"."""
        folded = self.folded
        for m in THAT.finditer(folded, s.start, s.end):
            if any(h.kind in ("say", "stance") and h.end <= m.end() and m.start() - h.end < 45 for h in self.hits):
                yield m.start(), m.end(), "that", "that"
        # "said X", without "that": the clause begins at the next subject
        for h in self.hits:
            if h.kind == "say":
                nxt = next((n for n in self.named if h.end < n.start <= h.end + 12), None)
                gap = folded[h.end : nxt.start] if nxt else "x"
                if nxt and gap.strip() in ("", "the", "on monday", "on tuesday", "on wednesday", "on thursday", "on friday", "on saturday", "on sunday"):
                    before = folded[max(s.start, h.start - 3) : h.start]
                    if before.strip()[-1:] in (",", '"') or h.start == s.start or _tell(folded[h.start : h.end]):
                        continue
                    yield h.end, h.end + 1, "that", "said"
        for m in AND_THEN.finditer(folded, s.start, s.end):
            who = next((n for n in self.named if n.start == m.end()), None)
            cue_before = [h for h in self.hits if h.kind in ("stance", "say", "must") and h.end <= m.start()]
            if who and cue_before:
                after = next((h for h in self.hits if h.kind in ("stance", "say", "must") and h.start >= who.end), None)
                if after and after.start - who.end < 60 and not PREP.search(folded[max(s.start, m.start() - 25) : m.start() + 1]):
                    joined = JOIN.match(folded[_last_actor_end(self.named, m.start()) : who.start])
                    if not joined:
                        yield m.start(), m.end(), "comma", m.group(1)

    def _is_cue(self, start: int, end: int) -> bool:
        return any(h.kind in ("stance", "say") and h.start < end and start < h.end for h in self.hits)

    # -- subjects -------------------------------------------------------------------------------

    def _subjects(self, clauses: list[Clause]) -> None:
        """Fill in the subjects: a clause's own or, where it only goes on, that of the clause before."""
        previous: tuple[str, ...] = ()
        for c in clauses:
            c.subject, c.subject_end = self._own_subject(c, previous)
            c.own_subject = bool(c.subject)
            if not c.subject and c.role in ("ing", "comma", "with") and c.intro not in ("which", "after", "since", "because", "despite", "amid", "when"):
                c.subject = previous
            if c.subject and c.role not in ATTACHED:
                previous = c.subject

    def _own_subject(self, c: Clause, previous: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        """The first actors before the verb that no preposition governs, and where the last of them ends."""
        verbs = [h.start for h in c.hits if h.kind in ("say", "must") or (h.kind == "stance" and h.value[-1] in "vs")]
        limit = min(verbs, default=c.end)
        who: list[str] = []
        last_end = -1
        governed: Named | None = None
        role_only = False
        for n in c.actors:
            if n.start >= limit:
                break
            if who:
                gap = self.folded[last_end : n.start]
                if n.actor == who[-1] and n.how == "person" and len(gap) < 60 and "," not in gap:
                    last_end = n.end
                elif role_only and n.how == "name" and APPOSITION.fullmatch(gap):
                    who, last_end, role_only = [n.actor], n.end, False  # "the rebel group, the X"
                elif JOIN.match(gap) and not (n.how == "pronoun" and n.actor != "*both"):
                    who += [a for a in self.resolve(n, previous, None) if a not in who]
                    last_end = n.end
                elif n.actor in who:
                    last_end = n.end
                continue
            if n.actor in _NOT_SUBJECTS:
                continue
            if c.role != "with" and PREP.search(self.folded[max(c.start, n.start - 40) : n.start]):
                governed = n
                continue
            if governed and n.actor == governed.actor and SAME_NAME.match(self.folded[governed.end : n.start]):
                governed = n
                continue
            role_only = n.how == "role" and n.actor != "*both"
            who = list(self.resolve(n, previous, None)) or ([n.actor] if n.actor.startswith("*") else [])
            last_end = n.end
        return tuple(who), last_end

    # -- speakers -------------------------------------------------------------------------------

    def _speakers(self, clauses: list[Clause]) -> None:
        """Who says each clause. A speaker lasts until another one or a full stop; one named last holds for all before."""
        ctx = self.context
        speaker: str | None = ctx.speaker if (ctx.open_quote or ctx.pending) else None
        analyst = False
        trailing: tuple[int, str | None, bool] | None = None
        for i, c in enumerate(clauses):
            says = [h for h in c.hits if h.kind == "say"]
            according = [h for h in c.hits if h.kind == "according"]
            names_analyst = any(h.kind == "analysts" for h in c.hits)
            if according and c.actors:
                after = [n for n in c.actors if n.start >= according[0].end]
                who = self.resolve(after[0], (), None) if after else ()
                speaker, analyst = (who[0] if who else None), names_analyst and not who
                trailing, c.say = (i, speaker, analyst), True
            elif according and names_analyst:
                trailing, analyst, c.say = (i, None, True), True, True
            elif says:
                speaker, analyst = self._said_by(c, says[0], speaker, analyst, names_analyst)
                c.say = True
                content = [h for h in c.hits if h.kind == "issue"]
                if not content or self.folded[c.start : says[0].end].strip(" ,").startswith(("said", "says", "added")):
                    trailing = (i, speaker, analyst)
            elif c.role == "main" and c.intro in (".", ";") and not (c.quoted or ctx.open_quote):
                speaker, analyst = None, False
            c.speaker, c.analyst = speaker, analyst or (names_analyst and not c.own_subject)
        if trailing:
            at, said_by, is_analyst = trailing
            for c in clauses[:at]:
                if c.speaker is None:
                    c.speaker, c.analyst = said_by, c.analyst or is_analyst
        _speakers_as_subjects(clauses)

    def _said_by(
        self, c: Clause, say: Hit, speaker: str | None, analyst: bool, names_analyst: bool
    ) -> tuple[str | None, bool]:
        """The speaker a say word points to and whether it is an analyst, given those of the clause before."""
        who = c.subject if (c.own_subject and c.subject_end <= say.start) or c.role == "ing" else ()
        if not who:
            after = [n for n in c.actors if n.start >= say.end and SAY_GAP.match(self.folded[say.end : n.start])]
            if after and not self.folded[c.start : say.start].strip(" ,"):
                who = self.resolve(after[0], (), None)
        if not who and names_analyst:
            return None, True
        if who:
            who = tuple(w for w in who if not w.startswith("*"))
            return (who[0] if who else speaker), False
        return (c.subject[0] if c.subject else speaker), analyst

    # -- the next sentence ----------------------------------------------------------------------

    def carry_over(self, clauses: list[Clause], s: Sentence) -> None:
        """Note in the context what the sentence just read leaves for the next."""
        ctx = self.context
        persons = [n for n in self.named if n.how == "person"]
        if persons:
            ctx.person = persons[0].actor if not ctx.speaker else persons[-1].actor
        for n in self.named:
            if n.actor in ctx.states:
                ctx.state = n.actor
        mains = [c for c in clauses if c.subject and c.role not in ATTACHED]
        if mains:
            ctx.subject = mains[0].subject
        spoken = [c for c in clauses if c.say and c.speaker]
        if spoken:
            ctx.speaker = spoken[-1].speaker
            ctx.person = spoken[-1].speaker
        quotes = self.folded.count('"', s.start, s.end)
        if quotes % 2:
            ctx.open_quote = not ctx.open_quote
        if ctx.open_quote and self.text.find("\n", s.end, s.end + 3) >= 0 and quotes % 2 == 0:
            ctx.open_quote = self.folded[s.end :].lstrip()[:1] == '"'
        ctx.pending = self.folded[s.start : s.end].rstrip(' "').endswith(":") and ctx.speaker is not None
        issues = tuple(dict.fromkeys(h.value.split("|")[0] for h in self.hits if h.kind == "issue"))
        if issues:
            ctx.issues = issues


def _merge_leads(folded: str, clauses: Iterable[Clause]) -> list[Clause]:
    """A leading condition ends at its comma: "Unless X, Y" is a condition and a main clause."""
    out: list[Clause] = []
    for c in clauses:
        if c.role in ("cond", "if_", "gate", "comma", "with"):
            comma = folded.find(", ", c.start, c.end)
            first = not out or (out[-1].end < c.start and folded[out[-1].end : c.start].strip()[:1] in (".", '"', ";", "!"))
            if comma > 0 and (first or (out and out[-1].role == "that" and out[-1].end - out[-1].start < 3)):
                out.append(Clause(c.start, comma, c.role, c.intro))
                out.append(Clause(comma + 2, c.end, "main", ""))
                continue
        out.append(c)
    return out


def _speakers_as_subjects(clauses: Sequence[Clause]) -> None:
    """Put the speaker in the place of the subjects "we" and "I"; other place-holders go."""
    for c in clauses:
        resolved: list[str] = []
        for a in c.subject:
            if a in ("*we", "*i", "*us"):
                resolved += [c.speaker] if c.speaker else []
            elif not a.startswith("*"):
                resolved.append(a)
        c.subject = tuple(dict.fromkeys(resolved))


def _tell(word: str) -> bool:
    return word.split()[0] in ("tell", "tells", "told", "telling", "informed", "inform", "urge", "urged", "warned", "warn")


def _last_actor_end(named: list[Named], before: int) -> int:
    ends = [n.end for n in named if n.end <= before]
    return ends[-1] if ends else before
