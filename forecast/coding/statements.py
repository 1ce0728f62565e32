"""Statements: who demands, offers, accepts, rejects or conditions what (codebook section 3).

A sentence is cut into clauses; each clause has a subject (or inherits one) and perhaps a speaker. Stance
words take their issues from the right (from the left in passives), and negation, modality, conditions and
gates turn them. The words are data (`codebook/`); what is here is only the grammar of reported stances.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from forecast.coding.actors import Named
from forecast.coding.learned import Reading, tokens_of
from forecast.coding.text import Hit, Sentence
from forecast.records import Statement

SURE = 0.75  # confidence of readings that stand whatever the learned part says: lists of wants in a quote
_GATES = {"talks": "talks", "ceasefire": "ceasefire", "leaders_summit": "summit", "settlement": "signature"}
_NEGATED = {"offers": "rejects", "accepts": "rejects", "demands": None, "rejects": None, "conditions": "rejects"}

_BREAK = re.compile(
    r"(?P<stop>[.!?]\s+|[.!?]$|;\s*|:\s+|\s-\s|\")"
    r"|,?\s+(?P<cond>(?:but |and )?(?:only (?:if|when|after|once|on condition that|in exchange for|in return for|following|with|on the basis of)|unless(?: and until)?|until(?: and unless)?|provided(?: that)?|providing|"
    r"on (?:the )?condition (?:that|of)|as long as|so long as|if and only if|not before|without(?: first)?|pending|in exchange for|in return for|depends? on|hinges? on|contingent on|conditional on|dependent on|conditioned on|subject to))\s"
    r"|,?\s+(?P<if_>if|once|as soon as|in the event of)\s"
    r"|,?\s+(?P<gate>before|ahead of|prior to|as an? (?:pre)?condition (?:for|of|to)|as a prerequisite (?:for|to)|as an? (?:first )?step (?:towards?|to)|in order for|in order to|an? (?:pre)?condition (?:for|of)|a prerequisite for|to pave the way for|so that|to allow)\s"
    r"|,\s+(?P<comma>but|while|although|though|whereas|however|yet|and|which|who|whose|where|with|as|since|because|after|when|in which|despite|amid|during|following|nor|or)\s"
    r"|\s(?P<bare>but|while|although|though|whereas|which|who|because|since|after|when|despite|amid|even though|even as|with)\s"
    r"|,\s+(?P<ing>(?:also |again |instead |once more |while |thereby )?[a-z]+ing)\s"
)
_LEAD = re.compile(
    r"^(?P<cond>only (?:if|when|after|once)|unless|until|provided(?: that)?|as long as|without|in exchange for|in return for)\s"
    r"|^(?P<if_>if|once|as soon as)\s|^(?P<gate>before|ahead of|prior to|as an? (?:pre)?condition for)\s|^(?P<comma>while|although|though|with|after|since|despite|when|amid|as)\s"
)
_NEGATION = re.compile(
    r"\b(?:not|never|no longer|nor|neither|cannot|no intention of|no plans? to|no reason to|no desire to|no question of|by no means|hardly|in no mood to|far from|no)\b|n't\b"
)
_PREP = re.compile(
    r"\b(?:with|to|from|by|of|in|against|for|on|between|into|toward|towards|at|over|about|near|inside|outside|across|through|via|under|than|like|among|upon|within|regarding|including)\s+(?:(?:the|a|an|its|their|his|both|all|neighbouring|neighboring|new|former|senior|eastern|western|northern|southern)\s+)*$"
)
_BE = re.compile(r"\b(?:is|are|was|were|be|been|being|gets?|got)\s+(?:\w+ly\s+|also\s+|again\s+|already\s+|later\s+|since\s+|immediately\s+|swiftly\s+|being\s+)?$")
_BE_NOT = re.compile(r"\b(?:is|are|was|were|be|been)\s+not\s+$|\b(?:isn't|aren't|wasn't|weren't)\s+$")
_TITLES = r"(?:(?:the|its|their|his|her|both|neighbouring|former|then|president|presidents|prime|foreign|defen[cs]e|minister|ministers|leader|leaders|chief|general|government|governments|rebel|rebels|group|officials?|envoys?|delegations?|negotiators?|secretary|secretary-general|head|state|king|movement|militants?|party|authorities|army|forces|side|of|for|and rebel|and militant)\s+)*"
_JOIN = re.compile(rf"^(?:'s?)?\s*{_TITLES}(?:,|and|or|, and|as well as|along with|together with|, as well as|nor|&)\s*{_TITLES}$")
_SAME_NAME = re.compile(rf"^(?:'s?)?\s*(?:[\w-]+\s+){{0,2}}{_TITLES}$")
_HYPO = re.compile(
    r"\b(?:could|might|may|perhaps|possibly|maybe|whether|would have|could have|is expected to|are expected to|was expected to|likely to|unlikely to|appears? to|seems? to|is believed to|reportedly considering|considering whether|weighing whether|mulling|speculat\w+|rumou?r\w*|hope[sd]? (?:that|to|for)|hopes? \w+ (?:will|would)|fear\w* (?:that|of)|predict\w*|threaten\w* to|what would|were to|suppose|if ever|asked (?:if|whether)|whatever|would consider|wonder\w*|unclear|debat\w+)\b"
)
_HISTORY = re.compile(
    r"\b(?:in the past|historically|back then|at the time|decades? ago|(?:\w+ )?years? (?:ago|earlier|before)|last year|previously|originally|had once|had long|(?:in|during|since|of) (?:19|20)\d\d|a generation ago|in previous (?:years|rounds|talks)|during the (?:civil )?war|once (?:demanded|offered|rejected|accepted|proposed|refused|insisted|called))\b"
)
_WILL = re.compile(r"\b(?:will|would|shall|'ll|is going to|are going to|pledged to|vowed to)\s+(?:\w+ly\s+|also\s+|soon\s+|now\s+|immediately\s+)?$")
_WILL_NOT = re.compile(
    r"\b(?:(?:will|would|shall|could|can|does|do|did|is|are) not|won't|wouldn't|cannot|can't|will never|would never|never|no intention of|not going to|no plans? to|(?:will|would) no longer|refus\w+ to|not be|no longer|nor (?:will|would)(?: it)?)\s+(?:\w+ly\s+|ever\s+|even\s+|be\s+|agree to\s+|any\s+|simply\s+|go back to\s+|enter\s+)*$"
)
_NO_ISSUE = re.compile(r"\b(?:no|without any|not any|zero)\s+(?:(?:new|more|further|direct|general|full|lasting|real|immediate|such|foreign|quick|unilateral|question of an?|question of|unconditional|talk of an?|talk of|discussion of)\s+)*$")
_NEED = re.compile(r"\b(?:must|should|has to|have to|needs? to|ought to|it is time (?:for|to)|time (?:for|to)|let us|(?:we|they) need|there needs to be|cannot be without|shall)\b")
_NEED_AFTER = re.compile(
    r"^\s*(?:and \w+ )?(?:is|are|was|were|remains?)\s+(?:\w+ly\s+|also\s+|now\s+|still\s+)?(?:needed|necessary|required|essential|vital|imperative|a must|urgent|the (?:first|only|main) (?:step|priority|way|task|condition)|(?:an? |the |our |its |their )?(?:\w+ )?(?:pre)?condition\b|(?:our|its|their|the|a|top|main) \w*\s?priority|a prerequisite|non-negotiable demand|overdue)"
    r"|^\s*(?:must|should|has to|have to|needs? to)\b|^\s*comes? first|^\s*first\b|^\s*now\b"
)
_TOPIC = re.compile(r"\b(?:on|about|over|regarding|concerning|to discuss|covering|around|aimed at|focus\w* on|devoted to|with)\s+(?:\w+\s+){0,3}$")
_PLACE = re.compile(
    r"\b(?:at|in|during|after|since|from|of|despite|amid|following|between|through|as|into|by|under)\s+(?:(?:the|a|an|its|their|this|last|next|previous|coming|latest|new|third|second|first|week's|any|such|all)\s+)*$"
)
_DECLARED = re.compile(
    r"\b(?:declar\w+|announc\w+|proclaim\w+|extend\w*|prolong\w*|renew\w*|order\w*|begin\w*|began|start\w*|observ\w+|implement\w*|institut\w+)\s+(?:(?:a|an|the|its|their|his|another|new|that|it|will|has|have|had|would|extend|observe|declare)\s+)*(?:[\w-]+\s+){0,4}$"
)
_LIGHT = re.compile(
    r"\b(?:mak\w+|made|issu\w+|repeat\w*|reiterat\w+|renew\w*|voic\w+|express\w*|stat\w+|reaffirm\w*|restat\w+|maintain\w*|put forward|set out|list\w*|stick\w* to|stuck to|stood by|stand\w* by|insist\w* on|present\w*|extend\w*|convey\w*|has|have|had|with|signal\w*|declar\w+|announc\w+|gave|giv\w+|confirm\w*|show\w*|launch\w*|join\w*|add\w*|back\w* up|underlin\w+|stress\w*|press\w*|remain\w* firm in|is|are|was|were|reach\w*|sign\w*|struck|indicat\w+|offer\w*|drop\w*|soften\w*)\b[^,;]{0,30}$"
)
_DOUBTFUL = re.compile(
    r"^(?:if|were|had|what if|should)\b|\b(?:not|never|n't|without|nor) (?:yet |quite |entirely )?(?:rul\w+ out|reject\w*|refus\w+|exclud\w+|dismiss\w*)\b|"
    r"\b(?:might|could|may) (?:\w+ )?(?:accept|reject|offer|agree|demand|propose|refuse)\b|\bwould (?:then |have |freeze|collapse|mean|lead|be seen|require)|\bwhether\b|\bspeculat\w+|\bhypothetical"
)
_DEAL = re.compile(r"^(?:sign|reach|agree|conclud|seal|initial|struck|strik)")
_PRONOUNS = re.compile(r"\b(he|she|it|they|we|i|us|our|ours|its|his|her|their|them|him)\b")
_SAY_GAP = re.compile(r"^[\s\w,'.-]{0,40}$")
_FRAGMENT = re.compile(r"\b(?:is|are|was|were|be|been|has|have|had|will|would|can|could|may|might|said|says|did|does|do)\b")


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
    speaker_how: str = ""
    open_quote: bool = False
    pending: bool = False  # the previous sentence ended in "X stated:"
    issues: tuple[str, ...] = ()  # last issues spoken of, for "the proposal", "it"


@dataclass
class _Clause:
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


@dataclass(frozen=True)
class _Cue:
    start: int
    end: int
    stance: str | None
    form: str  # v, n, s, must, will, no


class SentenceReader:
    """Reads the statements of one sentence; `context` carries over to the next."""

    def __init__(self, text: str, folded: str, context: Context) -> None:
        self.text = text
        self.folded = folded
        self.ctx = context
        self.reading: Reading | None = None
        self.last_clauses: list[_Clause] = []

    def read(self, sentence: Sentence, hits: list[Hit], named: list[Named]) -> list[Statement]:
        """Statements of the sentence. `hits` and `named` are those inside it, in order."""
        self.hits = hits
        self.named = self._with_pronouns(sentence, hits, named)
        clauses = self._clauses(sentence)
        self._subjects(clauses)
        self._speakers(clauses, sentence)
        self.last_clauses = clauses
        out: list[Statement] = []
        for i, clause in enumerate(clauses):
            if clause.role in ("cond", "if_", "gate"):
                continue
            out += self._statements(clauses, i, sentence)
        found = _unique(out)
        self.reading = self._reading(sentence, clauses, found)
        self._carry_over(clauses, sentence, hits)
        return found

    def _reading(self, s: Sentence, clauses: list[_Clause], found: list[Statement]) -> Reading:
        """The sentence as the learned part sees it: candidates for actor with where and how they are named."""
        tokens, places = tokens_of(self.folded, s, self.named)
        facts: dict[str, set[str]] = {}
        positions: dict[str, list[int]] = {}

        def add(actor: str, *what: str) -> None:
            facts.setdefault(actor, set()).update(what)
            positions.setdefault(actor, [])

        order: list[str] = []
        for n in self.named:
            whole = self._resolve(n, self.ctx.subject, None)
            for actor in whole:
                if actor.startswith("*"):
                    continue
                add(actor, f"how:{n.how}", *(["both"] if n.actor == "*both" else []))
                before = _PREP.search(self.folded[max(s.start, n.start - 40) : n.start])
                add(actor, f"prep:{before.group().split()[0]}" if before else "noprep", *(["poss"] if self._is_possessor(n) else []))
                at = next((i for i, place in enumerate(places) if place >= n.start), None)
                if at is not None and n.how != "pronoun":
                    positions[actor].append(at)
                if actor not in order:
                    order.append(actor)
        for rank, actor in enumerate(order):
            add(actor, f"rank:{min(rank, 3)}")
        for i, c in enumerate(c for c in clauses if c.role not in ("cond", "if_", "gate")):
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
        for actor in self.ctx.parties:
            if actor in facts:
                add(actor, "party")
        for actor in facts:
            if not positions[actor]:
                facts[actor].add("unnamed")
            facts[actor].add(f"n:{min(len(order), 4)}")
        candidates = tuple((a, tuple(positions[a][:3]), frozenset(f)) for a, f in facts.items() if not a.startswith("*"))
        return Reading(s, tuple(tokens), tuple(places), tuple(self.hits), candidates, tuple(found))

    def doubtful(self) -> bool:
        """Whether the sentence last read asks, imagines or denies a refusal, so that only a sure reading may stand."""
        s = self.reading.sentence if self.reading else None
        if s is None:
            return False
        words = self.folded[s.start : s.end]
        return bool(_DOUBTFUL.search(words)) or words.rstrip('"').endswith("?") or any(c.analyst for c in self.last_clauses)

    def condition_of(self, issue: str) -> str | None:
        """The issue named in a conditional clause of the sentence last read, other than `issue`."""
        for c in self.last_clauses:
            if c.role in ("cond", "if_", "gate"):
                for h in c.hits:
                    if h.kind == "issue" and h.value.split("|")[0] != issue:
                        return h.value.split("|")[0]
        return None

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
            who = {"government": self.ctx.government, "rebels": self.ctx.rebels, "mediators": self.ctx.mediator}.get(h.kind)
            if h.kind == "both" and self.ctx.parties:
                out.append(Named(h.start, h.end, "*both", "role"))
            elif h.kind == "government" and who is None and self.ctx.state:
                out.append(Named(h.start, h.end, self.ctx.state, "role"))
            elif who:
                out.append(Named(h.start, h.end, who, "role"))
        for m in _PRONOUNS.finditer(self.folded, s.start, s.end):
            if m.group() in ("i", "us") and self.text[m.start() : m.end()] not in ("I", "us"):
                continue
            out.append(Named(m.start(), m.end(), "*" + m.group(), "pronoun"))
        return sorted(out, key=lambda n: n.start)

    def _resolve(self, n: Named, previous: tuple[str, ...], speaker: str | None) -> tuple[str, ...]:
        if not n.actor.startswith("*"):
            return (n.actor,)
        word = n.actor[1:]
        if word == "both":
            return self.ctx.parties[:2] if len(self.ctx.parties) >= 2 else ()
        if word in ("we", "i", "us", "our", "ours"):
            return (speaker,) if speaker else ((self.ctx.speaker,) if self.ctx.speaker else ())
        if word in ("he", "she", "his", "her", "him"):
            if speaker and n.how == "pronoun" and word in ("his", "her"):
                return (speaker,)
            who = self.ctx.person or self.ctx.speaker
            return (who,) if who else previous[:1]
        if word in ("it", "its"):
            return previous[:1] or self.ctx.subject[:1]
        return previous or self.ctx.subject

    # -- clauses --------------------------------------------------------------------------------

    def _clauses(self, s: Sentence) -> list[_Clause]:
        marks: list[tuple[int, int, str, str]] = []  # start of break, start of clause, role, intro
        position = s.start
        while True:
            m = _BREAK.search(self.folded, position, s.end)
            if not m:
                break
            name = next(k for k, v in m.groupdict().items() if v is not None)
            begin = m.start("ing") if name == "ing" else m.end()
            role = {"stop": "main", "bare": "comma"}.get(name, name)
            if name == "ing" and not self._is_cue(m.start("ing"), m.end("ing")):
                position = m.end()
                continue
            intro = m.group(name).strip()
            if intro == "with" or intro == "as":
                role = "with"
            marks.append((m.start(), begin, role, intro))
            position = max(begin, m.start() + 1)
        marks += self._that_and_breaks(s)
        marks.sort()
        lead = _LEAD.match(self.folded[s.start : s.end])
        role, intro = "main", ""
        if lead:
            name = next(k for k, v in lead.groupdict().items() if v is not None)
            role, intro = ("with" if lead.group() in ("with ", "as ") else name), lead.group().strip()
        clauses = []
        start = s.start + (lead.end() if lead else 0)
        for at, begin, next_role, next_intro in marks:
            if at >= start:
                clauses.append(_Clause(start, at, role, intro))
            start, role, intro = max(begin, start), next_role, next_intro
            if role in ("main", "comma"):  # `", said that unless ...`
                lead = _LEAD.match(self.folded[start : s.end])
                if lead:
                    name = next(k for k, v in lead.groupdict().items() if v is not None)
                    if name != "comma":
                        role, intro = name, lead.group().strip()
                        start += lead.end()
        clauses.append(_Clause(start, s.end, role, intro))
        clauses = self._merge_leads(clauses, lead is not None)
        quoted = self.ctx.open_quote
        position = s.start
        out: list[_Clause] = []
        for c in clauses:
            quoted ^= self.folded.count('"', position, max(position, c.start)) % 2 == 1
            position = max(position, c.start)
            c.quoted = quoted
            c.hits = [h for h in self.hits if c.start <= h.start and h.end <= c.end]
            c.actors = [n for n in self.named if c.start <= n.start and n.end <= c.end]
            if c.end > c.start and self.folded[c.start : c.end].strip(' ,.;:"'):
                out.append(c)
        return out

    def _merge_leads(self, clauses: list[_Clause], lead: bool) -> list[_Clause]:
        """A leading condition ends at its comma: "Unless X, Y" is a condition and a main clause."""
        out: list[_Clause] = []
        for c in clauses:
            if c.role in ("cond", "if_", "gate", "comma", "with"):
                comma = self.folded.find(", ", c.start, c.end)
                first = not out or (out[-1].end < c.start and self.folded[out[-1].end : c.start].strip()[:1] in (".", '"', ";", "!"))
                if comma > 0 and (first or (out and out[-1].role == "that" and out[-1].end - out[-1].start < 3)):
                    out.append(_Clause(c.start, comma, c.role, c.intro))
                    out.append(_Clause(comma + 2, c.end, "main", ""))
                    continue
            out.append(c)
        return out

    def _that_and_breaks(self, s: Sentence) -> Iterable[tuple[int, int, str, str]]:
        folded = self.folded
        for m in re.compile(r"\s(that)\s").finditer(folded, s.start, s.end):
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
        for m in re.compile(r"\s(and|or|then)\s(?:also |that |the |only )?").finditer(folded, s.start, s.end):
            who = next((n for n in self.named if n.start == m.end()), None)
            cue_before = [h for h in self.hits if h.kind in ("stance", "say", "must") and h.end <= m.start()]
            if who and cue_before:
                after = next((h for h in self.hits if h.kind in ("stance", "say", "must") and h.start >= who.end), None)
                if after and after.start - who.end < 60 and not _PREP.search(folded[max(s.start, m.start() - 25) : m.start() + 1]):
                    joined = _JOIN.match(folded[_last_actor_end(self.named, m.start()) : who.start])
                    if not joined:
                        yield m.start(), m.end(), "comma", m.group(1)

    def _is_cue(self, start: int, end: int) -> bool:
        return any(h.kind in ("stance", "say") and h.start < end and start < h.end for h in self.hits)

    def _subjects(self, clauses: list[_Clause]) -> None:
        previous: tuple[str, ...] = ()
        for c in clauses:
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
                        continue
                    if role_only and n.how == "name" and re.fullmatch(r",?\s*(?:the\s+)?", gap):
                        who, last_end, role_only = [n.actor], n.end, False  # "the rebel group, the X"
                        continue
                    if _JOIN.match(gap) and not (n.how == "pronoun" and n.actor != "*both"):
                        who += [a for a in self._resolve(n, previous, None) if a not in who]
                        last_end = n.end
                        continue
                    if n.actor in who or (n.how == "person" and n.start - last_end < 40 and n.actor == who[-1]):
                        last_end = n.end
                    continue
                if n.actor in ("*its", "*their", "*his", "*her", "*our", "*us", "*them", "*him"):
                    continue
                if c.role != "with" and _PREP.search(self.folded[max(c.start, n.start - 40) : n.start]):
                    governed = n
                    continue
                if governed and n.actor == governed.actor and _SAME_NAME.match(self.folded[governed.end : n.start]):
                    governed = n
                    continue
                role_only = n.how == "role" and n.actor != "*both"
                who = list(self._resolve(n, previous, None)) or ([n.actor] if n.actor.startswith("*") else [])
                last_end = n.end
            c.subject = tuple(who)
            c.own_subject = bool(who)
            c.subject_end = last_end
            if not who and c.role in ("ing", "comma", "with") and c.intro not in ("which", "after", "since", "because", "despite", "amid", "when"):
                c.subject = previous
            if c.subject and c.role not in ("cond", "if_", "gate"):
                previous = c.subject

    # -- speakers -------------------------------------------------------------------------------

    def _speakers(self, clauses: list[_Clause], s: Sentence) -> None:
        ctx = self.ctx
        speaker: str | None = ctx.speaker if (ctx.open_quote or ctx.pending) else None
        analyst = False
        trailing: tuple[int, str | None, bool] | None = None
        for i, c in enumerate(clauses):
            says = [h for h in c.hits if h.kind == "say"]
            according = [h for h in c.hits if h.kind == "according"]
            names_analyst = any(h.kind == "analysts" for h in c.hits)
            if according and c.actors:
                after = [n for n in c.actors if n.start >= according[0].end]
                who = self._resolve(after[0], (), None) if after else ()
                trailing = (i, who[0] if who else None, names_analyst and not who)
                speaker, analyst = (who[0] if who else None), names_analyst and not who
                c.say = True
            elif according and names_analyst:
                trailing, analyst, c.say = (i, None, True), True, True
            elif says:
                who = c.subject if (c.own_subject and c.subject_end <= says[0].start) or c.role == "ing" else ()
                if not who:
                    after = [n for n in c.actors if n.start >= says[0].end and _SAY_GAP.match(self.folded[says[0].end : n.start])]
                    before_it = self.folded[c.start : says[0].start].strip(" ,")
                    if after and not before_it:
                        who = self._resolve(after[0], (), None)
                if not who and names_analyst:
                    analyst, speaker = True, None
                elif who:
                    who = tuple(w for w in who if not w.startswith("*"))
                    speaker, analyst = (who[0] if who else speaker), False
                elif c.subject:
                    speaker = c.subject[0]
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
        for c in clauses:
            resolved: list[str] = []
            for a in c.subject:
                if a in ("*we", "*i", "*us"):
                    resolved += [c.speaker] if c.speaker else []
                elif not a.startswith("*"):
                    resolved.append(a)
            c.subject = tuple(dict.fromkeys(resolved))

    def _carry_over(self, clauses: list[_Clause], s: Sentence, hits: list[Hit]) -> None:
        ctx = self.ctx
        persons = [n for n in self.named if n.how == "person"]
        if persons:
            ctx.person = persons[0].actor if not ctx.speaker else persons[-1].actor
        for n in self.named:
            if n.actor in ctx.states:
                ctx.state = n.actor
        mains = [c for c in clauses if c.subject and c.role not in ("cond", "if_", "gate")]
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
        issues = tuple(dict.fromkeys(h.value.split("|")[0] for h in hits if h.kind == "issue"))
        if issues:
            ctx.issues = issues

    # -- statements -----------------------------------------------------------------------------

    def _statements(self, clauses: list[_Clause], i: int, s: Sentence) -> list[Statement]:
        c = clauses[i]
        if c.analyst or self._asks(c):
            return []
        cues = self._cues(c)
        conds = self._attached(clauses, i)
        out: list[Statement] = []
        # `scope` is where the objects of a cue may lie: this clause and what continues it.
        tail = self._tail(clauses, i)
        for k, cue in enumerate(cues):
            after = next((q for q in cues[k + 1 :] if not (cue.form in "vs" and q.form == "n")), None)
            limit = after.start if after else c.end
            if cue.stance is None or self._suspended(c, cue):
                continue
            actors, left = self._agents(c, cue)
            if not actors:
                continue
            objects = self._objects(c, cue, limit, left, tail if after is None else [])
            if not objects and left and cue.form == "v" and i > 0:
                objects = [h for h in clauses[i - 1].hits if h.kind == "issue"][:1]
            for issue in objects:
                for actor in actors:
                    out += self._emit(c, clauses, i, s, actor, issue, cue.stance, conds)
        if not out and not cues:
            out += self._without_cue(clauses, i, s, conds)
        return out

    def _asks(self, c: _Clause) -> bool:
        return self.folded[c.end : c.end + 2].strip()[:1] == "?" or self.folded[c.start : c.end].rstrip().endswith("?")

    def _cues(self, c: _Clause) -> list[_Cue]:
        """Stance cues of the clause in order, those governed by an earlier one left out."""
        folded = self.folded
        cues: list[_Cue] = []
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
            if form == "v" and re.search(r"\b(?:the|a|an|its|their|his|her|this|that|any|every|each|our|no|'s|such|another|those|these)\s+(?:\w+\s+)?$", before[-22:]) and not word.endswith(("ed", "ing")) and not re.search(r"\b(?:that|'s)\s*$", before):
                form = "n"  # "the offer", "its demand": a noun
            if form == "v" and word.endswith("ed") and re.search(r"\b(?:the|a|an|its|their|his|her|this|that|any|of|for|on|to|with|under)\s+(?:[\w-]+\s+)?$", before[-24:]) and not re.search(r"\bthat\s+$", before) and not re.match(r"\s+(?:by|to|for|on|that)\b", folded[h.end : h.end + 6]):
                continue  # "the proposed truce": a participle that only describes
            if form == "s" and not re.search(r"\b(?:is|are|was|were|be|been|being|remains?|remained|stands?|stood|himself|herself|itself|themselves|declared|as|not|seems?|'s|were|now|also|still|fully|always)\s+(?:\w+\s+){0,2}$|^\s*$", before) and stance != "rejects" and not re.search(r"(?:ready|willing|prepared|open)", word):
                continue
            if cues and self._governed(cues[-1], h, form):
                if cues[-1].stance == "rejects" and stance == "rejects" and not self._possessor(c, h.start):
                    cues[-1] = _Cue(cues[-1].start, h.end, None, cues[-1].form)
                continue
            value: str | None = None if stance == "none" else stance
            if value and form in "vs" and self._negated(c, cues, h):
                value = _NEGATED[value]
            if value and form == "n" and re.search(r"\b(?:no|without|withdrew|withdrawn|retracted|dropp\w+|abandon\w+)\s+(?:\w+\s+)?$", before):
                value = "rejects" if stance in ("accepts", "offers") and "no " in before[-14:] else None
            cues.append(_Cue(h.start, h.end, value, form))
        cues += self._modal_cues(c, cues)
        return sorted(cues, key=lambda q: q.start)

    def _modal_cues(self, c: _Clause, cues: list[_Cue]) -> list[_Cue]:
        folded, out = self.folded, []
        for h in c.hits:
            if h.kind != "issue":
                continue
            issue_verb = h.value.endswith("|v")
            before = folded[max(c.start, h.start - 45) : h.start]
            if any(q.start < h.start and not _stops(folded[q.end : h.start]) for q in cues):
                continue
            if issue_verb and _WILL_NOT.search(before):
                out.append(_Cue(h.start, h.start, "rejects", "will"))
            elif issue_verb and _WILL.search(before) and c.subject:
                out.append(_Cue(h.start, h.start, "offers", "will"))
            elif not issue_verb and c.speaker and _NO_ISSUE.search(before) and re.search(r"\b(?:be|is|are|see|seeing|accept|there)\s+$|^\s*$", _NO_ISSUE.sub("", before)):
                out.append(_Cue(h.start, h.start, "rejects", "no"))
            elif c.speaker and _NEED_AFTER.match(folded[h.end : c.end][:60]) and not re.search(r"\bnot\b", folded[h.end : h.end + 15]):
                out.append(_Cue(h.start, h.start, "demands", "must"))
            elif c.speaker and (m := _last(_NEED, folded, c.start, h.start)) and h.start - m.end() < 70:
                if not re.match(r"\s*not\b", folded[m.end() : m.end() + 5]):
                    out.append(_Cue(m.start(), m.end(), "demands", "must"))
            elif not issue_verb and h.value.startswith("ceasefire|") and (m := _DECLARED.search(before)):
                both = len(c.subject) >= 2
                out.append(_Cue(c.start + max(0, len(folded[c.start : h.start]) - len(before)) + m.start(), h.start, "accepts" if both else "offers", "declare"))
        return list({(q.start, q.form): q for q in out}.values())

    def _governed(self, previous: _Cue, h: Hit, form: str) -> bool:
        gap = self.folded[previous.end : h.start]
        if len(gap) > 70 or re.search(r"[;:]|\bbut\b|\band (?:has|have|had|is|was|would|will|said|also)\b", gap):
            return False
        joint = re.search(r",|\band\b|\bor\b", gap)
        if form in "vs" and not joint:
            word = self.folded[h.start : h.end].split()[0]
            if word.endswith("ed") and not re.search(r"\b(?:be|to be|being|is|are)\b", gap):
                return False
            if not gap.strip() or re.search(r"\bto\b|\bthat\b|\bthe idea\b|\bfrom\b|\bit will\b|\bfor\b|\bany\b|\bif\b", " " + self.folded[previous.start : previous.end].split()[-1] + gap):
                return True
            return bool(re.fullmatch(r"\s*(?:\w+\s+){0,3}", gap)) and word.endswith("ing")
        if form == "n" and not joint:
            return not any(n.end <= h.start and n.start >= previous.end and h.start - n.end < 25 and self._is_possessor(n) for n in self.named)
        return False

    def _is_possessor(self, n: Named) -> bool:
        return n.how == "demonym" or self.folded[n.end : n.end + 2] == "'s" or self.folded[n.end : n.end + 1] == "'" or n.actor in ("*its", "*their", "*his", "*her", "*our")

    def _possessor(self, c: _Clause, at: int) -> Named | None:
        near = [n for n in c.actors if n.end <= at and at - n.end < 28 and self._is_possessor(n)]
        if near and re.fullmatch(r"(?:'s?)?\s*(?:[\w-]+\s+){0,3}", self.folded[near[-1].end : at]):
            return near[-1]
        return None

    def _negated(self, c: _Clause, cues: list[_Cue], h: Hit) -> bool:
        start = max(c.start, h.start - 38, cues[-1].end if cues else c.start)
        window = self.folded[start : h.start]
        m = _last(_NEGATION, window, 0, len(window))
        if re.search(r"\bneither\b", self.folded[c.start : h.start]):
            return True
        if m is None:
            return False
        between = window[m.end() :]
        if m.group() == "no":
            return bool(re.fullmatch(r"\s*(?:one|side|party)?\s*(?:\w+\s+)?", between)) and "longer" not in between
        if m.group() == "not" and re.match(r"\s*only\b", between):
            return False
        return len(between.split()) <= 4 and "," not in between

    def _suspended(self, c: _Clause, cue: _Cue) -> bool:
        before = self.folded[c.start : cue.start]
        m = _last(_HYPO, before, 0, len(before))
        if m and (len(before) - m.end() < 30 or m.group().startswith(("whether", "hope", "fear", "specul", "predict", "unclear"))):
            return True
        sentence = self.folded[c.start : c.end]
        return bool(_HISTORY.search(sentence)) and bool(re.search(r"\bhad\b|\bonce\b|(?:19|20)\d\d|\bago\b|\blast year\b|previous", sentence)) and cue.form != "must"

    def _agents(self, c: _Clause, cue: _Cue) -> tuple[tuple[str, ...], bool]:
        """Who takes the stance, and whether its object stands to the left."""
        folded = self.folded
        word = folded[cue.start : cue.end]
        before = folded[max(c.start, cue.start - 30) : cue.start]
        after = folded[cue.end : c.end]
        if cue.form == "v" and (_BE.search(before) or re.match(r"\s+(?:\w+ly\s+)?by\s", after)) and not word.split()[0].endswith("ing"):
            m = re.search(r"\bby\s+(?:both\s+)?(?:the\s+)?", after)
            if m:
                at = cue.end + m.end()
                who: list[str] = []
                end = None
                for n in c.actors:
                    if n.start < cue.end + m.start():
                        continue
                    if (end is None and n.start <= at + 25) or (end is not None and _JOIN.match(folded[end : n.start])):
                        who += self._resolve(n, c.subject, c.speaker)
                        end = n.end
                return tuple(dict.fromkeys(a for a in who if not a.startswith("*"))), True
            return (), True
        if cue.form == "n":
            owner = self._possessor(c, cue.start)
            if owner:
                return tuple(a for a in self._resolve(owner, c.subject or self.ctx.subject, c.speaker) if not a.startswith("*")), False
            m = re.match(r"\s+(?:\w+\s+){0,3}?(?:by|from)\s+(?:the\s+)?", after)
            by = [a for a in c.actors if m and abs(a.start - (cue.end + m.end())) <= 2]
            if by:
                return self._resolve(by[0], c.subject, c.speaker), False
            # Without an owner the noun belongs to the subject only behind a light verb: "renewed its call", not "noted the call".
            if " " not in word and not _LIGHT.search(folded[max(c.start, cue.start - 45) : cue.start]):
                return (), False
            if c.own_subject and c.subject_end <= cue.start:
                return c.subject, False
            return c.subject if c.role in ("ing", "comma", "with") else (), False
        if cue.form in ("must", "no"):
            return ((c.speaker,) if c.speaker else ()), False
        if cue.form == "s":
            impersonal = re.search(r"unacceptable|question|off the table|option|non-?negotiable|starter|red line|unthinkable|up for|on the table|agenda|under consideration|premature|impossible|inadmissible|not negotiable", word)
            if impersonal:
                for m2 in re.finditer(r"\b(?:to|for|by)\s+(?:the\s+)?", after[:40]):
                    near = [n for n in c.actors if n.start == cue.end + m2.end()]
                    if near:
                        return self._resolve(near[0], c.subject, c.speaker), True
                if c.speaker:
                    return (c.speaker,), True
                return c.subject, True
        if cue.form == "will" and not c.own_subject and c.speaker and not c.subject:
            return (c.speaker,), False
        if c.subject:
            if cue.stance == "accepts" and _DEAL.search(word):
                return self._with_partner(c, cue), False
            return c.subject, False
        if c.say and c.speaker:
            return (c.speaker,), False
        if c.role == "that" and c.speaker:
            return (c.speaker,), False
        return (), False

    def _with_partner(self, c: _Clause, cue: _Cue) -> tuple[str, ...]:
        """The subject of a deal and those it is struck with: "X signs a truce with Y"."""
        who = list(c.subject)
        for n in c.actors:
            if n.start > cue.end and n.start - cue.end < 90 and re.search(r"\bwith\s+(?:the\s+)?(?:\w+\s+){0,2}$", self.folded[cue.end : n.start]):
                who += [a for a in self._resolve(n, c.subject, c.speaker) if a not in who and not a.startswith("*")]
                break
        return tuple(who)

    def _objects(self, c: _Clause, cue: _Cue, limit: int, left: bool, tail: list[_Clause]) -> list[Hit]:
        found = [h for h in c.hits if h.kind == "issue" and cue.end <= h.start < limit]
        if not left:
            for t in tail:
                found += [h for h in t.hits if h.kind == "issue"]
        if cue.form == "must":
            found = [h for h in c.hits if h.kind == "issue" and (h.start >= cue.start or _NEED_AFTER.match(self.folded[h.end : c.end][:60]))]
        if (left and cue.form in "vs") or (not found and cue.form == "s"):
            found = [h for h in c.hits if h.kind == "issue" and h.end <= cue.start] or ([] if left and cue.form == "v" else found)
        kept: list[Hit] = []
        for h in found:
            issue = h.value.split("|")[0]
            before = self.folded[max(c.start, cue.end if not left else c.start, h.start - 30) : h.start]
            if kept and kept[-1].value.startswith("talks|") and issue != "talks" and _TOPIC.search(self.folded[kept[-1].end : h.start]):
                continue
            if kept and _PLACE.search(before) and not re.search(r",|\band\b", self.folded[kept[-1].end : h.start]):
                continue
            if issue in ("talks", "settlement") and _PLACE.search(before) and (kept or re.search(r"\b(?:at|during|in|after|since|amid|despite|from|following)\s+(?:\w+\s+){0,2}$", before)):
                continue
            if any(k.value.split("|")[0] == issue for k in kept):
                continue
            kept.append(h)
        return kept

    def _tail(self, clauses: list[_Clause], i: int) -> list[_Clause]:
        """Following clauses that only continue this one: complements of "demand that", list items."""
        out = []
        for c in clauses[i + 1 :]:
            if c.role in ("cond", "if_", "gate"):
                break
            own = [h for h in c.hits if h.kind in ("say",) or (h.kind == "stance" and h.value[-1] in "vs")]
            if c.role == "that" and not any(h.kind == "say" for h in clauses[i].hits if h.kind == "say" and not self._is_stance(h)):
                out.append(c)
                if own and c.own_subject:
                    break
                continue
            if own or (c.own_subject and c.intro not in ("and", "or")) or c.role not in ("comma",) or c.intro not in ("and", "or", "as"):
                break
            out.append(c)
        return out

    def _is_stance(self, say: Hit) -> bool:
        return any(h.kind == "stance" and h.start <= say.start < h.end for h in self.hits)

    def _attached(self, clauses: list[_Clause], i: int) -> list[tuple[str, str, list[str], int]]:
        """Conditions and gates that hang on clause i: (role, intro, issues, end)."""
        out = []
        step = list(range(i + 1, len(clauses)))
        for j in step:
            c = clauses[j]
            if c.role in ("cond", "if_", "gate"):
                # "X, provided that it is Y": what is left of the condition after it belongs to it as well
                issues = [h.value.split("|")[0] for h in c.hits if h.kind == "issue"]
                out.append((c.role, c.intro, issues, c.end))
                continue
            break
        if i > 0 and clauses[i - 1].role in ("cond", "if_", "gate") and clauses[i].role == "main" and not clauses[i].intro:
            c = clauses[i - 1]
            out.append((c.role, c.intro, [h.value.split("|")[0] for h in c.hits if h.kind == "issue"], c.end))
        return out

    def _emit(
        self, c: _Clause, clauses: list[_Clause], i: int, s: Sentence, actor: str, issue: Hit, stance: str,
        conds: list[tuple[str, str, list[str], int]],
    ) -> list[Statement]:  # fmt: skip
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
            m = re.match(r"\s+(?:as a|to be a)?\s*(?:pre)?condition (?:for|of)\s+(?:any\s+|the\s+|starting\s+|new\s+)*(\w+)", after)
            if m:
                gate = "talks" if m.group(1).startswith(("talk", "nego", "meet")) else gate
        if end == c.end:
            end = max(end, issue.end)
        start, stop_at = self._trim(min(c.start, issue.start), end)
        reporter = c.speaker if c.speaker and c.speaker != actor else None
        # A need in a speaker's own quoted words is as plain as a list of wants.
        sure = SURE if stance == "demands" and c.quoted and _NEED_AFTER.match(self.folded[issue.end : c.end][:60]) else 0.6
        return [
            Statement(s.index, actor, name, stance, gate, on, self.text[start:stop_at], start, stop_at, sure, reporter)
        ]

    def _trim(self, start: int, end: int) -> tuple[int, int]:
        while start < end and self.text[start] in " ,;\"“”'\n\t":
            start += 1
        while end > start and self.text[end - 1] in " ,;\"“”\n\t":
            end -= 1
        return start, end

    def _without_cue(
        self, clauses: list[_Clause], i: int, s: Sentence, conds: list[tuple[str, str, list[str], int]]
    ) -> list[Statement]:
        """Clauses with no stance word: "no X until Y", and bare lists in a speaker's mouth."""
        c = clauses[i]
        issues = [h for h in c.hits if h.kind == "issue"]
        actor = c.speaker or (c.subject[0] if c.subject else None)
        if not issues or not actor:
            return []
        words = self.folded[c.start : c.end]
        negative = bool(_NEGATION.search(words)) or bool(re.search(r"\bimpossible\b|\bpointless\b", words))
        hypothetical = _HYPO.search(words)
        for role, intro, others, end in conds:
            strong = role == "cond" and intro not in ("in exchange for", "in return for") and (negative or intro not in ("without", "until", "as long as", "so long as"))
            if (strong or (negative and role == "gate")) and others and (c.speaker or c.subject):
                if hypothetical and not re.search(r"\b(?:could|may|might)\b", hypothetical.group()):
                    continue
                on = next((o for o in others if o != issues[0].value.split("|")[0]), None)
                if on is None:
                    continue
                start, stop = self._trim(c.start, end)
                return [Statement(s.index, actor, issues[0].value.split("|")[0], "conditions", None, on, self.text[start:stop], start, stop, 0.55, None)]
        fragment = len(words.split()) <= 7 and not _FRAGMENT.search(words) and c.role in ("main", "comma")
        if c.speaker and fragment and (c.quoted or self.ctx.open_quote or self.ctx.pending) and not negative:
            out = []
            for h in issues[:2]:
                start, stop = self._trim(c.start, c.end)
                out.append(Statement(s.index, c.speaker, h.value.split("|")[0], "demands", None, None, self.text[start:stop], start, stop, SURE, None))
            return out
        return []


def _stops(gap: str) -> bool:
    return bool(re.search(r"[;:]|\bbut\b", gap))


def _tell(word: str) -> bool:
    return word.split()[0] in ("tell", "tells", "told", "telling", "informed", "inform", "urge", "urged", "warned", "warn")


def _last_actor_end(named: list[Named], before: int) -> int:
    ends = [n.end for n in named if n.end <= before]
    return ends[-1] if ends else before


def _last(pattern: re.Pattern[str], text: str, start: int, end: int) -> re.Match[str] | None:
    found = None
    for m in pattern.finditer(text, start, end):
        found = m
    return found


def _unique(statements: list[Statement]) -> list[Statement]:
    """One statement a sentence for the same actor, issue and stance; a condition outranks what it qualifies."""
    best: dict[tuple[str, str, str], Statement] = {}
    for st in statements:
        key = (st.actor, st.issue, st.stance)
        if key not in best or (best[key].gate is None and st.gate):
            best[key] = st
    conditioned = {(s.actor, s.issue) for s in best.values() if s.stance == "conditions"}
    return [s for s in best.values() if s.stance in ("conditions", "demands") or (s.actor, s.issue) not in conditioned]
