"""Rounds over many articles: identity, life cycle, disagreement between sources, and what was known beforehand.

"Third round", "the Istanbul talks" and "Wednesday's meeting" become one row. Each change of status keeps the
quote and source it was read from; copies of one wire story count once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from forecast.case import Case
from forecast.records import Article, Coding, Mention

if TYPE_CHECKING:
    import pandas as pd

GRACE = timedelta(days=14)  # a round may be held this long after its window (codebook section 2)
PLANNED = ["proposed", "confirmed", "postponed"]  # announced, and not yet held or called off
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


@dataclass
class Round:
    """One round of talks, as known from the articles read so far."""

    round_id: str
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def ordinal(self) -> int | None:
        """Number used by the parties."""
        return _majority(e.mention.ordinal for e in self.evidence)

    @property
    def venue(self) -> str | None:
        """Place named by most sources."""
        return _majority(e.mention.venue for e in self.evidence)

    @property
    def level(self) -> str | None:
        """Level of the delegations named by most sources."""
        return _majority(e.mention.level for e in self.evidence)

    @property
    def window(self) -> tuple[date, date, str] | None:
        """The finest window named, the earliest source first among equals."""
        dated = [e for e in self.evidence if e.mention.window_start is not None]
        if not dated:
            return None
        votes = Counter((e.mention.window_start, e.mention.window_end, e.mention.granularity) for e in dated)
        return max(votes, key=lambda w: (_RANK[w[2]], votes[w]))  # type: ignore[return-value]

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
        told = [e.mention.status for e in self.evidence]
        # One article that speaks of a round in the past tense, without a day, is not yet proof that it was held.
        held = [e for e in self.evidence if e.mention.status == "held"]
        if any(e.mention.granularity == "day" for e in held) or len({e.article.article_id for e in held}) >= 2:
            return "held"
        if "under_way" in told:
            return "under_way"
        order = {"proposed": 0, "confirmed": 1, "postponed": 2, "cancelled": 3, "lapsed": 3}
        last_day = self.evidence[-1].day
        recent = [e.mention.status for e in self.evidence if (last_day - e.day).days <= 3 and e.mention.status != "held"]
        recent = recent or [s for s in told if s != "held"][-1:] or ["held"]
        return max(recent, key=lambda s: order.get(s, 0))

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


def track(coded: Sequence[tuple[Article, Coding]], conflict_id: str, known: Iterable[str] = ()) -> list[Round]:
    """Rounds of one conflict, in the order in which they were first reported.

    Parameters
    ----------
    coded : articles with their codings; copies of another article are passed over.
    """
    rounds: list[Round] = []
    taken: set[str] = set(known)
    for article, coding in sorted(coded, key=lambda c: (c[0].effective, c[0].article_id)):
        if not coding.relevant or coding.conflict_id != conflict_id or article.copy_of is not None:
            continue
        for mention in sorted(coding.mentions, key=lambda m: m.window_start or date.max):
            evidence = Evidence(article, mention)
            best = max(((_fit(r, evidence), -i, r) for i, r in enumerate(rounds)), default=None, key=lambda t: t[:2])
            if best is not None and best[0] >= 1.0:
                best[2].evidence.append(evidence)
            elif _founds(mention):
                round_id = _name(conflict_id, mention, evidence.day, taken)
                taken.add(round_id)
                rounds.append(Round(round_id, [evidence]))
    return rounds


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
                **preround(r, case, coded, reference_date, window[0]),
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


def preround(
    r: Round, case: Case, coded: Sequence[tuple[Article, Coding]], reference_date: date, start: date
) -> dict[str, Any]:
    """The codebook's pre-round columns, read from what was published in the weeks before the round.

    Only original reports count (no copies); a cue needs one report, `expectation` is the rounded mean of the
    reports that speak of prospects. What no report mentions stays empty.
    """
    until = min(reference_date, start - timedelta(days=1))
    counts: Counter[str] = Counter()
    n = 0
    for article, coding in coded:
        day = article.effective.date()
        if article.copy_of is not None or coding.conflict_id != case.id or not until - timedelta(days=21) <= day <= until:
            continue
        n += 1
        counts.update(coding.cues)
    out: dict[str, Any] = {
        "signing_expected": None, "draft_on_table": None, "ceasefire_in_force": None, "entry_condition_unmet": None,
        "guarantor_offered": None, "deadline": None, "expectation": None, "violence_trend": None,
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
