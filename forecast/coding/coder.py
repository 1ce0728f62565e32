"""`Coder.code(text, published)`: everything read from one article, a pure function of text, day and codebook."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from forecast.case import Case, CaseData, bundled_cases
from forecast.coding import lexicon
from forecast.coding.actors import Gazetteer, Named, named_actors
from forecast.coding.clauses import Context
from forecast.coding.cues import preround_cues, stated_outlook
from forecast.coding.dates import find_dates
from forecast.coding.learned import Decided, Reading, Weights
from forecast.coding.mentions import Draft, finish, level_hint, merge_drafts, read_mentions
from forecast.coding.statements import SURE, SentenceReader
from forecast.coding.text import Hit, PhraseBook, fold, sentences, words_only
from forecast.coding.tone import article_tone, sentence_tone, weigh
from forecast.records import Coding, Mention, SentenceTone, Statement

CODER_VERSION = "2"
DOUBTFUL_FROM = 0.9  # probability a reading needs in a question, a supposition or an analyst's mouth
RELEVANT_FROM = 0.55  # mean probability of the two sentences most about peace talks

_MEDIATING = re.compile(
    r"\b(?:mediat\w+|host\w*|brokered|facilitat\w+|sponsored|under the auspices|intermediar\w+|observer)\b"
)


class Coder:
    """Codes articles for one case, or, without a case, for whatever conflict the text is about.

    Parameters
    ----------
    case : the case whose parties matter most; None picks the case from the text and falls back on a
        general one that knows the world's states and armed groups.
    learned : whether the learned part takes part; without it the rules stand alone.

    >>> coding = Coder().code("Ukraine demanded an immediate ceasefire, but Russia rejected it.", date(2025, 7, 19))
    >>> [(s.actor, s.issue, s.stance) for s in coding.statements]
    [('Ukraine', 'ceasefire', 'demands'), ('Russia', 'ceasefire', 'rejects')]
    """

    def __init__(self, case: Case | None = None, *, learned: bool = True) -> None:
        self.case = case
        cases = [Case.bundled(name).data for name in bundled_cases()]
        if case is not None:
            cases = [c for c in cases if c.id != case.id] + [case.data]
        self.cases: dict[str, CaseData] = {c.id: c for c in cases}
        self.gazetteer = Gazetteer(cases)
        # States that fight or talk at home: "the rebels" of an article that names one of them are its own.
        self.embattled = frozenset(
            p.name for c in cases for p in c.parties if c.conflict_type != "interstate" and self.gazetteer.kinds.get(p.name) == "state"
        ) - frozenset(case.parties if case else ())
        self.weights = Weights.load() if learned else None
        self.book = PhraseBook([*lexicon.phrases(), *self.gazetteer.phrases()])

    def code(self, text: str, published: date, title: str = "", *, force: bool = False) -> Coding:
        """Statements, mentions of rounds and tone of one article.

        Parameters
        ----------
        text : clean text; all offsets refer to it.
        published : day of publication (UTC), against which dates and offices are read.
        title : headline, used to tell what the article is about; nothing is quoted from it.
        force : read the text even where it does not seem to be about peace talks.
        """
        folded = fold(text)
        hits = self.book.find(text, words_only(folded))
        topic = hits if not title else [*self.book.find(title), *hits]
        if not force and not any(h.kind in ("round", "general") for h in topic):
            return Coding(False, None, None)
        prefer = frozenset(p.name for p in self.case.data.parties) if self.case else frozenset()
        named = named_actors(text, hits, self.gazetteer, published, prefer)
        conflict, parties, mediators = self._conflict(text, folded, title, hits, named, published)
        relevant = _is_relevant(topic, parties)
        if not relevant and not force and self.weights is None:
            return Coding(False, conflict, None)
        return self._read(text, folded, hits, named, published, conflict, parties, mediators, relevant, force)

    def _read(
        self, text: str, folded: str, hits: list[Hit], named: list[Named], published: date,
        conflict: str | None, parties: tuple[str, ...], mediators: tuple[str, ...], relevant: bool, force: bool,
    ) -> Coding:  # fmt: skip
        reader = SentenceReader(text, folded, self.context(parties, mediators))
        spans = sentences(text)
        inside = [
            ([h for h in hits if s.start <= h.start and h.end <= s.end], [n for n in named if s.start <= n.start and n.end <= s.end])
            for s in spans
        ]
        readings = [reader.read(s, mine, who) for s, (mine, who) in zip(spans, inside, strict=True)]
        decided = self.weights.decide(readings) if self.weights is not None else None
        statements: list[Statement] = []
        drafts: list[Draft] = []
        tones: list[SentenceTone] = []
        topical: list[float] = []
        weights: list[float] = []
        for k, (s, r, (mine, who)) in enumerate(zip(spans, readings, inside, strict=True)):
            found = list(r.rules) if decided is None else _combine(text, r, decided[k])
            statements += found
            if who or any(h.kind in ("round", "both", "venue") for h in mine):
                offset = list(find_dates(folded[s.start : s.end], published))
                dates = [
                    type(w)(w.start + s.start, w.end + s.start, w.first, w.last, w.granularity, w.rule) for w in offset
                ]
                drafts += read_mentions(text, folded, s, mine, who, dates, self.gazetteer, parties, published, found)
            learned: float | None = None
            if self.weights is not None:
                about, learned = self.weights.topic(r)
                topical.append(about)
            stated = stated_outlook(folded[s.start : s.end]) if any(h.kind == "tone" for h in mine) else None
            weighed = weigh(learned, sentence_tone(folded, s.start, s.end, mine), stated)
            if weighed is not None:
                tones.append(SentenceTone(s.index, r.speaker, weighed[0], s.start, s.end))
                weights.append(weighed[1])
        if topical:
            top = sorted(topical, reverse=True)[:2]
            relevant = len(parties) >= 2 and sum(top) / len(top) >= RELEVANT_FROM
            if not relevant and not force:
                return Coding(False, conflict, None)
        return Coding(
            relevant=relevant,
            conflict_id=conflict,
            tone=article_tone([(t.tone, w) for t, w in zip(tones, weights, strict=True)]) if relevant else None,
            statements=tuple(statements),
            mentions=self._mentions(text, folded, hits, named, drafts, published, conflict, parties, mediators),
            tones=tuple(tones),
            cues=preround_cues(folded),
        )

    def _mentions(
        self, text: str, folded: str, hits: list[Hit], named: list[Named], drafts: list[Draft], published: date,
        conflict: str | None, parties: tuple[str, ...], mediators: tuple[str, ...],
    ) -> tuple[Mention, ...]:  # fmt: skip
        """The rounds an article speaks of, each once; what one sentence leaves open the article may tell."""
        merged = merge_drafts(drafts, published)
        hint = level_hint(folded)
        only_venue = {d.venue for d in merged if d.venue}
        for d in merged:
            d.level = d.level or (hint if not d.past or len(merged) == 1 else None)
            if d.venue is None and len(only_venue) == 1 and len(merged) == 1:
                d.venue = next(iter(only_venue))
            if d.venue is None and len(merged) == 1:
                d.venue = self._dateline(text, [h for h in hits if not any(n.start <= h.start and h.end <= n.end and n.actor in parties for n in named)])
        return tuple(finish(d, text, conflict or "unknown", parties, mediators, published) for d in merged)

    def context(self, parties: tuple[str, ...], mediators: tuple[str, ...]) -> Context:
        """What "the government", "the rebels", "both sides" and "the mediator" mean in a conflict of these parties."""
        states = [p for p in parties if self.gazetteer.kinds.get(p) == "state"]
        groups = [p for p in parties if self.gazetteer.kinds.get(p) == "group"]
        # A case of armed groups alone names the one that governs first.
        ruling = states if states else groups[:1] if len(groups) > 1 else []
        groups = [g for g in groups if g not in ruling]
        return Context(
            parties=parties,
            government=ruling[0] if len(ruling) == 1 else None,
            rebels=groups[0] if len(groups) >= 1 else None,
            mediator=mediators[0] if mediators else None,
            states=frozenset(states),
        )

    def _dateline(self, text: str, hits: Sequence[Hit]) -> str | None:
        """The place before the dash that opens an agency report."""
        for h in hits:
            if h.kind == "venue" and h.start == 0 and re.match(r"(?:,[^-]{0,30})?\s+[-\u2013\u2014]", text[h.end : h.end + 40]):
                return self.gazetteer.venues[h.value][0]
        return None

    def _conflict(
        self, text: str, folded: str, title: str, hits: Sequence[Hit], named: Sequence[Named], published: date
    ) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
        """The conflict an article is about: its id, parties and mediators."""
        counts: Counter[str] = Counter(n.actor for n in named)
        if title:
            for n in named_actors(title, self.book.find(title), self.gazetteer, published, frozenset()):
                counts[n.actor] += 2
        mediating = _mediating_actors(folded, named)
        general = self._general(_as_parties(counts, folded, named), mediating)
        best: tuple[float, CaseData] | None = None
        for data in self.cases.values():
            score = self._case_score(data, counts, published)
            if score and (best is None or score > best[0]):
                best = (score, data)
        # The best case wins unless two actors outside it are clearly what the article is about.
        if best is not None:
            names = {p.name for p in best[1].parties}
            outside = [a for a in general or () if a not in names]
            if len(outside) < 2 or best[0] >= sum(counts[a] for a in outside):
                return best[1].id, tuple(p.name for p in best[1].parties), _mediators(counts, mediating, names)
        if general is None:
            # Nobody else is named: "the government" and "the rebels" of an analyst's feed are those of the own case.
            strangers = [a for a in counts if self.gazetteer.kinds.get(a) == "state" and a not in mediating]
            if self.case is not None and not any(counts[a] > 2 or a in self.embattled for a in strangers):
                own = tuple(p.name for p in self.case.data.parties)
                return self.case.id, own, _mediators(counts, mediating, set(own))
            return None, tuple(strangers) if len(strangers) == 1 else (), ()
        slug = "-".join(sorted(re.sub(r"[^a-z0-9]+", "-", a.lower()).strip("-") for a in general))
        return slug, general, _mediators(counts, mediating, set(general))

    def _case_score(self, data: CaseData, counts: Counter[str], published: date) -> float:
        """How strongly the named actors point to a case; 0 where they do not.

        Two of its parties named is the rule. One is enough where it points to this case alone: an armed group, or
        the own case of the analyst.
        """
        parties = [p.name for p in data.parties]
        named = [p for p in parties if counts[p]]
        own = self.case is not None and data.id == self.case.id
        if not named:
            return 0.0
        score = float(sum(min(counts[p], 8) for p in parties)) + (3.0 if own else 0.0)
        if len(named) >= 2:
            score += 2 * min(counts[p] for p in named)
        elif not own and self.gazetteer.kinds.get(named[0]) != "group":
            helpers = {m.name for m in data.mediators}
            others = [a for a in counts if a not in parties and a not in helpers and self.gazetteer.kinds.get(a) != "body"]
            score *= 0.5 if not others else 0.2
        if data.began and published < data.began:
            score *= 0.5
        current = [p for p in data.processes if p.start <= published and (p.end is None or published <= p.end)]
        return score + (0.4 if current else 0.0)

    def _general(self, counts: Counter[str], mediating: set[str]) -> tuple[str, ...] | None:
        ranked = [
            a for a, _ in counts.most_common()
            if self.gazetteer.kinds.get(a) != "body" and a not in mediating
        ]  # fmt: skip
        return tuple(ranked[:2]) if len(ranked) >= 2 else None


def _combine(text: str, r: Reading, decided: Sequence[Decided]) -> list[Statement]:
    """Statements of a sentence: the learned part decides, the rules lend quote, gate and condition."""
    s = r.sentence
    out = [x for x in r.rules if x.confidence >= SURE]
    sure = {(x.actor, x.issue) for x in out}
    floor = DOUBTFUL_FROM if r.doubtful else 0.0
    for actor, issue, stance, on, p in decided:
        if (actor, issue) in sure or p < floor:
            continue
        same = next((x for x in r.rules if x.actor == actor and x.issue == issue), None)
        near = same or next((x for x in r.rules if x.issue == issue), None)
        gate = near.gate if near else None
        if same is not None and same.conditional_on:  # the rules found the clause it hangs on
            stance, on = same.stance, same.conditional_on
        start, end = (near.start, near.end) if near else (s.start, s.end)
        reporter = near.reporter if near else None
        out.append(Statement(s.index, actor, issue, stance, gate, on, text[start:end], start, end, round(p, 3), reporter))
    return out


def _as_parties(counts: Counter[str], folded: str, named: Sequence[Named]) -> Counter[str]:
    """Counts that tell parties from hosts: a capital where a meeting is does not count, "X and Y" counts more."""
    out = Counter(counts)
    for n in named:
        if n.how == "capital" and folded[max(0, n.start - 4) : n.start].endswith(" in "):
            out[n.actor] -= 1
    for a, b in itertools.pairwise(named):
        if a.actor != b.actor and folded[a.end : b.start].strip() in ("and", "and the", "-", "with", "from"):
            out[a.actor] += 2
            out[b.actor] += 2
    return Counter({k: v for k, v in out.items() if v > 0})


def _mediators(counts: Counter[str], mediating: set[str], parties: set[str]) -> tuple[str, ...]:
    """The actors most named that mediate and are no party, three at most."""
    return tuple(a for a, _ in counts.most_common() if a in mediating and a not in parties)[:3]


def _mediating_actors(folded: str, named: Iterable[Named]) -> set[str]:
    """Actors named close to a word of mediation or hosting."""
    out = set()
    for n in named:
        around = folded[max(0, n.start - 30) : n.start] + " | " + folded[n.end : n.end + 30]
        if _MEDIATING.search(around):
            out.add(n.actor)
    return out


def _is_relevant(hits: Sequence[Hit], parties: Sequence[str]) -> bool:
    if len(parties) < 2:
        return False
    general = sum(h.kind == "general" for h in hits)
    rounds = sum(h.kind == "round" for h in hits)
    other = sum(h.kind == "other_talks" for h in hits)
    issues = len({h.value.split("|")[0] for h in hits if h.kind == "issue"} - {"talks", "settlement", "venue_format", "recognition", "elections"})
    return 2 * general + rounds + issues >= 2 + 3 * other
