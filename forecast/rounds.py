"""Rounds over many articles: identity, life cycle, disagreement between sources, and what was known beforehand.

"Third round", "the Istanbul talks" and "Wednesday's meeting" become one row. Each change of status keeps the
quote and source it was read from; copies of one wire story count once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from forecast.case import Case
from forecast.coding.cues import column_of, cue_quote
from forecast.records import Article, Coding, Mention

if TYPE_CHECKING:
    import pandas as pd

GRACE = timedelta(days=14)  # a round may be held this long after its window (codebook section 2)
PLANNED = ["proposed", "confirmed", "postponed"]  # announced, and not yet held or called off
QUOTES_SHOWN = 5  # sentences shown for one pre-round column
EVIDENCE_DAYS = 45  # how far back statements and cues bear on a coming round
_FUTURE = ("proposed", "confirmed", "postponed", "cancelled")
_RANK = {"open": 0, "month": 1, "week": 2, "day": 3, None: -1}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One article's mention of a round."""

    article: Article
    mention: Mention

    @property
    def day(self) -> date:
        """Day (UTC) on which it could be read."""
        return self.article.effective.date()


class Round:
    """One round of talks, as known from the articles read so far.

    What most sources say is counted as evidence arrives, not each time it is asked for: a much reported round is asked
    thousands of times.
    """

    def __init__(self, round_id: str, evidence: Iterable[Evidence] = ()) -> None:
        self.round_id = round_id
        self.evidence: list[Evidence] = []  # oldest first
        self._votes: dict[str, Counter[Any]] = {name: Counter() for name in ("ordinal", "venue", "level")}
        self._windows: Counter[tuple[date, date, str]] = Counter()
        self._held_in: set[str] = set()  # articles that say it was held
        self._held_on_a_day = self._under_way = False
        self._status: str | None = None
        for e in evidence:
            self.add(e)

    def add(self, e: Evidence) -> None:
        """Take in a later article's mention."""
        m = e.mention
        self.evidence.append(e)
        for name, votes in self._votes.items():
            value = getattr(m, name)
            if value is not None:
                votes[value] += 1
        if m.window_start is not None:
            self._windows[(m.window_start, m.window_end, m.granularity)] += 1  # type: ignore[index]
        if m.status == "held":
            self._held_in.add(e.article.article_id)
            self._held_on_a_day = self._held_on_a_day or m.granularity == "day"
        self._under_way = self._under_way or m.status == "under_way"
        self.ordinal, self.venue, self.level = (_first(self._votes[name]) for name in ("ordinal", "venue", "level"))
        self.window = max(self._windows, key=lambda w: (_RANK[w[2]], self._windows[w]), default=None)
        self._status = None

    ordinal: int | None = None  # number used by most sources
    venue: str | None = None  # place named by most
    level: str | None = None  # level of the delegations named by most
    window: tuple[date, date, str] | None = None  # the finest named, the earliest source first among equals

    @property
    def held_on(self) -> tuple[date, date] | None:
        """Days on which most reports say it was held; the window tells only when it was to be."""
        told = Counter(
            (e.mention.window_start, e.mention.window_end)
            for e in self.evidence
            if e.mention.status in ("held", "under_way") and e.mention.granularity == "day" and e.mention.window_start and e.mention.window_end
        )
        return told.most_common(1)[0][0] if told else None

    @property
    def status(self) -> str:
        """Last status told; "held" once told stays, whatever older plans are repeated later."""
        if self._status is None:
            self._status = self._told()
        return self._status

    def _told(self) -> str:
        # One article that speaks of a round in the past tense, without a day, is not yet proof that it was held.
        if self._held_on_a_day or len(self._held_in) >= 2:
            return "held"
        if self._under_way:
            return "under_way"
        order = {"proposed": 0, "confirmed": 1, "postponed": 2, "cancelled": 3, "lapsed": 3}
        last_day = self.evidence[-1].day
        recent: list[str] = []
        before: str | None = None  # the last status told other than "held", however long ago
        for e in reversed(self.evidence):
            near = (last_day - e.day).days <= 3
            if e.mention.status != "held":
                before = before or e.mention.status
                if near:
                    recent.append(e.mention.status)
            if not near and before:
                break
        return max(recent[::-1] or [before or "held"], key=lambda s: order.get(s, 0))

    def events(self) -> list[dict[str, Any]]:
        """Changes of status, each with the quote and source of the first report."""
        out, last = [], None
        for e in self.evidence:
            if e.mention.status != last:
                last = e.mention.status
                out.append(
                    {"round_id": self.round_id, "date": e.day, "status": last, "source": e.article.source,
                     "url": e.article.url, "article_id": e.article.article_id, "quote": e.mention.quote}
                )  # fmt: skip
        return out

    def disagreement(self) -> list[str]:
        """What sources give differently, in words."""
        out = []
        for attribute, what in (("venue", "venue"), ("ordinal", "number")):
            values = {v for e in self.evidence if (v := getattr(e.mention, attribute)) is not None}
            if len(values) > 1:
                out.append(f"{what}: " + " or ".join(sorted(map(str, values))))
        days = {e.mention.window_start for e in self.evidence if e.mention.granularity == "day"}
        if len(days) > 1:
            out.append("date: " + " or ".join(sorted(d.isoformat() for d in days if d)))
        return out


def _majority(values: Iterable[Any]) -> Any:
    votes = Counter(v for v in values if v is not None)
    return votes.most_common(1)[0][0] if votes else None


def _first(votes: Counter[Any]) -> Any:
    """The value with most votes, the first named among equals."""
    return max(votes, key=votes.__getitem__, default=None)


class _ByTime:
    """Rounds by when they are to be or were: those that a mention may fit, without a look at all others."""

    SPAN = 32  # days a drawer covers

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self._drawers: dict[int, set[int]] = {}
        self._in: list[range] = []

    def add(self, r: Round) -> None:
        """Take in a round."""
        self.rounds.append(r)
        self._in.append(range(0))
        self.moved(len(self.rounds) - 1)

    def moved(self, n: int) -> None:
        """Put a round where its window is now."""
        window = self.rounds[n].window
        drawers = range(0)
        if window is not None:
            drawers = range(window[0].toordinal() // self.SPAN, (window[1] or window[0]).toordinal() // self.SPAN + 1)
        if drawers == self._in[n]:
            return
        for d in self._in[n]:
            self._drawers[d].discard(n)
        for d in drawers:
            self._drawers.setdefault(d, set()).add(n)
        self._in[n] = drawers

    def near(self, e: Evidence) -> list[int]:
        """Numbers of all rounds that a mention could fit (and some more), oldest first.

        `_fit` reaches 1 only where the window of the round touches that of a mention with a date of its own; where it
        is not too far from the day of a vague one; or, for a numbered one, within four months.
        """
        m = e.mention
        day = e.day.toordinal()
        if m.window_start is not None and m.window_end is not None and m.granularity not in ("open", "month"):
            first, last = m.window_start.toordinal() - 3, m.window_end.toordinal() + 3
        elif m.ordinal is not None:
            first, last = day - 120, day + 120
        else:
            first, last = day - 31, day + 45
        drawers = (self._drawers.get(d, ()) for d in range(first // self.SPAN, last // self.SPAN + 1))
        return sorted({n for drawer in drawers for n in drawer})


def track(coded: Sequence[tuple[Article, Coding]], conflict_id: str, known: Iterable[str] = ()) -> list[Round]:
    """Rounds of one conflict, in the order in which they were first reported.

    Parameters
    ----------
    coded : articles with their codings; copies of another article are passed over.
    """
    rounds = _ByTime()
    taken: set[str] = set(known)
    for article, coding in sorted(coded, key=lambda c: (c[0].effective, c[0].article_id)):
        if not coding.relevant or coding.conflict_id != conflict_id or article.copy_of is not None:
            continue
        for mention in sorted(coding.mentions, key=lambda m: m.window_start or date.max):
            evidence = Evidence(article, mention)
            best = max(((_fit(rounds.rounds[i], evidence), -i) for i in rounds.near(evidence)), default=(0.0, 0))
            if best[0] >= 1.0:
                rounds.rounds[-best[1]].add(evidence)
                rounds.moved(-best[1])
            elif _founds(mention):
                round_id = _name(conflict_id, mention, evidence.day, taken)
                taken.add(round_id)
                rounds.add(Round(round_id, [evidence]))
    return rounds.rounds


def _founds(m: Mention) -> bool:
    """Whether a mention is enough to open a round: it needs a date, or a number with a plan."""
    if m.window_start is None:
        return False
    if m.granularity in ("open", "month"):
        return m.status in ("proposed", "confirmed") and (m.ordinal is not None or m.venue is not None)
    return True


def _fit(r: Round, e: Evidence) -> float:
    """How well a mention fits a round; below 1 it is another round."""
    m = e.mention
    window = r.window
    score = 0.0
    if m.ordinal is not None and r.ordinal is not None:
        if m.ordinal != r.ordinal:
            return -9.0
        near = window is None or abs((e.day - window[0]).days) < 120
        score += 3.0 if near else -9.0
        vague = m.window_start is None or m.granularity in ("open", "month")
        if near and vague and r.status in ("held", "under_way"):
            return 3.0  # spoken of again after it was held: no new round
    elif m.ordinal is not None and r.ordinal is None and r.status in ("held", "under_way", "lapsed", "cancelled"):
        score -= 1.0
    if m.venue and r.venue:
        score += 0.75 if m.venue == r.venue else -1.5
    gone = r.status in ("held", "under_way")
    firm = m.window_start is not None and m.granularity not in ("open", "month")
    if firm and window is not None and m.window_start and m.window_end:
        if window[2] in ("open", "month"):
            inside = window[0] - timedelta(days=2) <= m.window_start <= window[1] + timedelta(days=3)
            score += 1.5 if inside and not gone else -3.0
        else:
            gap = max((m.window_start - window[1]).days, (window[0] - m.window_end).days, 0)
            score += 2.0 if gap == 0 else 1.2 if gap == 1 and m.granularity == "day" else -6.0
    elif window is not None:
        if m.status in ("proposed", "confirmed", "postponed", "cancelled"):
            coming = not gone and window[1] >= e.day - timedelta(days=1) and (window[0] - e.day).days < 45
            score += 1.2 if coming else -6.0
        else:
            lag = (e.day - window[0]).days
            score += (1.5 - lag / 60) if 0 <= lag <= 30 and (gone or window[1] <= e.day + timedelta(days=3)) else -6.0
    return score


def _name(conflict_id: str, m: Mention, day: date, taken: set[str]) -> str:
    """A slug that never hints at the outcome: conflict, year, place, running number."""
    year = (m.window_start or day).year
    place = "".join(c if c.isalnum() else "-" for c in (m.venue or "tba").lower())
    n = 1
    while f"{conflict_id}-{year}-{place}-{n}" in taken:
        n += 1
    return f"{conflict_id}-{year}-{place}-{n}"


# -- tables -------------------------------------------------------------------------------------


def rounds_table(rounds: Sequence[Round], case: Case, coded: Sequence[tuple[Article, Coding]], reference_date: date) -> pd.DataFrame:
    """One row a round in the codebook's columns, as known on the reference date.

    Besides `ROUND_COLUMNS`: `proposer`, `final_status` and `date_start`, `date_end` where already known,
    `n_articles`, `n_sources`, `disagreement`, `quote`, `url`.
    """
    import pandas as pd

    rows = []
    reports = _Reports(coded, case.id)
    for r in rounds:
        window = r.window
        if window is None:
            continue
        status = r.status
        plans = [e for e in r.evidence if e.day <= window[0] and e.mention.status in ("proposed", "confirmed", "postponed", "cancelled")]
        if status in ("proposed", "confirmed", "postponed") and reference_date > window[1] + GRACE:
            status = "lapsed"
        if status == "under_way" and reference_date > window[1] + timedelta(days=3):
            status = "held"
        held = status in ("held", "under_way")
        day = r.held_on or (window[0], window[1])
        proposer = _majority(e.mention.proposer for e in plans)
        first_quote = (plans or r.evidence)[0]
        rows.append(
            {
                "round_id": r.round_id, "process_id": _process(case, window[0]), "conflict_id": case.id,
                "conflict_type": case.data.conflict_type, "process_type": "talks", "ordinal": r.ordinal,
                "parties": ";".join(case.parties), "mediators": ";".join(_mediators(r)), "host": None, "venue": r.venue,
                "venue_country": _country(case, r.venue), "level": r.level, "format": None,
                "window_start": window[0], "window_end": window[1], "granularity": window[2],
                "proposed_on": plans[0].day if plans else None,
                "proposed_by": ("one_side" if proposer in case.parties else "mediator" if proposer else "press") if plans else None,
                "status": status, "as_of": min(reference_date, window[0] - timedelta(days=1)) if held else reference_date,
                **preround(reports, reference_date, window[0]),
                "coder_confidence": 1, "proposer": proposer,
                "date_start": day[0] if held else None, "date_end": day[1] if status == "held" else None,
                "n_articles": len({e.article.article_id for e in r.evidence}),
                "n_sources": len({e.article.source for e in r.evidence}),
                "disagreement": "; ".join(r.disagreement()), "quote": first_quote.mention.quote, "url": first_quote.article.url,
                "source": first_quote.article.source,
            }
        )  # fmt: skip
    table = pd.DataFrame(rows)
    return table.sort_values(["window_start", "round_id"], ignore_index=True) if len(table) else table


def _mediators(r: Round) -> list[str]:
    votes = Counter(m for e in r.evidence for m in e.mention.mediators)
    return [m for m, n in votes.most_common(3) if n >= 2 or len(r.evidence) <= 2]


def _process(case: Case, day: date) -> str:
    for p in case.data.processes:
        if p.start <= day and (p.end is None or day <= p.end):
            return p.id
    return f"{case.id}-{day.year}"


def _country(case: Case, venue: str | None) -> str | None:
    return next((v.country for v in case.data.venues if v.name == venue), None)


class _Reports:
    """The original reports on a conflict, in order of time, with the cues of each."""

    def __init__(self, coded: Sequence[tuple[Article, Coding]], conflict_id: str) -> None:
        mine = [(a, c.cues) for a, c in coded if a.copy_of is None and c.conflict_id == conflict_id]
        self.reports = sorted(mine, key=lambda r: (r[0].effective, r[0].article_id))
        self.days = [a.effective.date() for a, _ in self.reports]

    def before(self, start: date, reference_date: date) -> list[tuple[Article, tuple[str, ...]]]:
        """Those of the three weeks up to the day before a round starts, or up to the reference date where that is earlier."""
        until = min(reference_date, start - timedelta(days=1))
        return self.reports[bisect_left(self.days, until - timedelta(days=21)) : bisect_right(self.days, until)]


def preround_quotes(coded: Sequence[tuple[Article, Coding]], case: Case, rounds: pd.DataFrame, reference_date: date) -> pd.DataFrame:
    """The sentences behind the pre-round columns of rounds to come, the newest first, five at most for a column.

    Parameters
    ----------
    rounds : from `rounds_table`; the columns `round_id` and `window_start` are used.

    Columns: round_id, column (of the codebook), date, source, url, quote (verbatim).
    """
    import pandas as pd

    reports = _Reports(coded, case.id)
    rows: list[dict[str, Any]] = []
    for round_id, start in zip(rounds.round_id, rounds.window_start, strict=True):
        taken: Counter[str] = Counter()
        for a, cues in reversed(reports.before(start, reference_date)):
            for cue in cues:
                column = column_of(cue)
                quote = cue_quote(a.text, cue) if taken[column] < QUOTES_SHOWN else None
                if quote:
                    taken[column] += 1
                    rows.append({"round_id": round_id, "column": column, "date": a.effective.date(), "source": a.source, "url": a.url, "quote": quote})
    return pd.DataFrame(rows, columns=["round_id", "column", "date", "source", "url", "quote"])


def preround(reports: _Reports, reference_date: date, start: date) -> dict[str, Any]:
    """The codebook's pre-round columns, read from what was published in the weeks before the round.

    Only original reports count (no copies); a cue needs one report, `expectation` is the rounded mean of the
    reports that speak of prospects. What no report mentions stays empty.
    """
    told = reports.before(start, reference_date)
    counts = Counter(cue for _, cues in told for cue in cues)
    n = len(told)
    out: dict[str, Any] = {
        "signing_expected": None, "draft_on_table": None, "ceasefire_in_force": None, "entry_condition_unmet": None,
        "guarantor_offered": None, "deadline": None, "expectation": None, "violence_trend": None,
        "on_the_table": None,  # what a round is to decide is not read from the news yet
    }  # fmt: skip
    if not n:
        return out
    enough = n >= 3  # silence of three reports on the talks counts as "no", that of one says nothing
    for column in ("signing_expected", "draft_on_table", "entry_condition_unmet", "guarantor_offered"):
        out[column] = 1 if counts[column] >= (1 if n < 8 else 2) else (0 if enough else None)
    total = sum(counts[f"expectation:{v}"] for v in ("-2", "-1", "+1", "+2"))
    if total:
        mean = sum(int(v) * counts[f"expectation:{v}"] for v in ("-2", "-1", "+1", "+2")) / (total + 0.5)
        out["expectation"] = max(-2, min(2, round(mean)))
    if counts["violence_rising"] > counts["violence_falling"]:
        out["violence_trend"] = "rising"
    elif counts["violence_falling"]:
        out["violence_trend"] = "falling"
    if counts["ceasefire_nominal"] and counts["ceasefire_nominal"] >= counts["ceasefire_general"]:
        out["ceasefire_in_force"] = "nominal"
    elif counts["ceasefire_general"]:
        out["ceasefire_in_force"] = "general"
    elif enough:
        out["ceasefire_in_force"] = "none"
    return out


def statements_table(coded: Sequence[tuple[Article, Coding]], conflict_id: str) -> pd.DataFrame:
    """All statements on a conflict, oldest first, copies of wire stories left out.

    Columns: article_id, date, source, side, url, sentence, actor, issue, stance, gate, conditional_on, quote, start, end,
    confidence, reporter.
    """
    import pandas as pd

    columns = [
        "article_id", "date", "source", "side", "url", "sentence", "actor", "issue", "stance", "gate", "conditional_on",
        "quote", "start", "end", "confidence", "reporter",
    ]  # fmt: skip
    rows = [
        (a.article_id, a.effective.date(), a.source, a.side, a.url, s.sentence, s.actor, s.issue, s.stance, s.gate,
         s.conditional_on, s.quote, s.start, s.end, s.confidence, s.reporter)
        for a, c in coded if c.relevant and c.conflict_id == conflict_id and a.copy_of is None
        for s in c.statements
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def link_statements(statements: pd.DataFrame, rounds: pd.DataFrame, reference_date: date) -> pd.DataFrame:
    """Statements that bear on each round: the latest stance of each actor on each issue before it began.

    One row per round, actor and issue, with `date`, `stance`, `gate`, `conditional_on`, `quote`, `source`, `url`.
    """
    import pandas as pd

    parts = []
    for r in rounds.itertuples():
        until = min(reference_date, r.window_start - timedelta(days=1))
        near = statements[(statements.date <= until) & (statements.date > until - timedelta(days=EVIDENCE_DAYS))]
        latest = near.sort_values(["date", "article_id", "start"], kind="stable").groupby(["actor", "issue"], as_index=False).last()
        parts.append(latest.assign(round_id=r.round_id))
    if not parts:
        return pd.DataFrame(columns=["round_id", *statements.columns])
    return pd.concat(parts, ignore_index=True)


def as_coded(linked: pd.DataFrame) -> pd.DataFrame:
    """Linked statements in the columns of hand-coded ones: `source` is the article they were read from."""
    return linked.drop(columns=["source"]).rename(columns={"article_id": "source"})


def position_table(statements: pd.DataFrame, parties: Sequence[str], reference_date: date) -> pd.DataFrame:
    """Who stands where on which issue: latest stance by party, since when, and how it moved.

    Columns: issue, actor, stance, since, times, moved (stated, repeated, softened, hardened), quote, source, url.
    """
    import pandas as pd

    order = {"rejects": 0, "conditions": 1, "demands": 2, "offers": 3, "accepts": 4}
    rows = []
    mine = statements[statements.actor.isin(list(parties)) & (statements.date <= reference_date)]
    for (issue, actor), g in mine.sort_values(["date", "article_id", "start"], kind="stable").groupby(["issue", "actor"]):
        last = g.iloc[-1]
        run = g[::-1]
        same = (run.stance == last.stance).cumprod().astype(bool)
        since = run[same].iloc[-1].date
        earlier = run[~same]
        moved = "stated" if len(g) == 1 else "repeated"
        if len(earlier):
            step = order[last.stance] - order[earlier.iloc[0].stance]
            moved = "softened" if step > 0 else "hardened"
        rows.append((issue, actor, last.stance, since, len(g), moved, last.quote, last.source, last.url))
    columns = ["issue", "actor", "stance", "since", "times", "moved", "quote", "source", "url"]
    return pd.DataFrame(rows, columns=columns)


def tone_table(coded: Sequence[tuple[Article, Coding]], conflict_id: str) -> pd.DataFrame:
    """Outlook tone of each original article: article_id, date, source, side, tone."""
    import pandas as pd

    rows = [
        (a.article_id, a.effective.date(), a.source, a.side, c.tone)
        for a, c in coded if c.relevant and c.conflict_id == conflict_id and a.copy_of is None and c.tone is not None
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["article_id", "date", "source", "side", "tone"])
