"""The record of issued forecasts: outcomes confirmed by the analyst, scores of what has elapsed, and the hope audit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.archive import Archive
from forecast.case import Case
from forecast.errors import ForecastError
from forecast.model import P_COLUMNS, RUNGS
from forecast.rounds import GRACE

if TYPE_CHECKING:
    import pandas as pd

ASSESSED = timedelta(days=30)  # after the end of a round its outcome is settled (codebook section 2)
COLUMNS = dict(zip(RUNGS, P_COLUMNS, strict=True))


def resolve(case: Case, round_id: str, level: int, on: date, source: str, note: str = "", now: datetime | None = None) -> None:
    """Record what a round brought. A later finding takes the place of an earlier one; both stay in the archive.

    Raises ForecastError for a level outside 0-6, a source without an address, or a round never forecast.
    """
    if not 0 <= level <= 6:
        raise ForecastError(f"level {level} is not an outcome level", "Give 0 (not held) to 6 (settlement)")
    if not source.startswith(("http://", "https://")):
        raise ForecastError(f"the source '{source}' is not an address", "Give the http address of a report")
    with Archive(case.archive_path) as archive:
        known = sorted({r["round_id"] for r in archive.forecasts()})
        if round_id not in known:
            raise ForecastError(f"no forecast was issued for '{round_id}'", f"Known: {', '.join(known[-5:]) or 'none'}")
        archive.decide(round_id, level, on, source, note, now or datetime.now(UTC))


def elapsed(record: dict[str, Any], decision: dict[str, Any], today: date) -> bool:
    """Whether a forecast's time has fully passed, so that scoring it does not favour events that came early."""
    window_end = date.fromisoformat(record["window_end"])
    if decision["level"] == 0:
        return today > window_end + GRACE
    return today > max(window_end, date.fromisoformat(decision["on_date"])) + ASSESSED


def score_log(case: Case, today: date | None = None) -> pd.DataFrame:
    """Scores of every issued forecast whose time has passed and whose outcome was recorded.

    Columns: round_id, reference_date, threshold, p, base, outcome, brier, brier_base, hope (p minus outcome).
    Base rates other than the headline's are those of the model that issued the forecast, where logged.
    """
    import pandas as pd

    today = today or datetime.now(UTC).date()
    with Archive(case.archive_path, readonly=True) as archive:
        decisions = {d["round_id"]: d for d in archive.decisions()}
        records = archive.forecasts()
    rows = []
    for r in records:
        d = decisions.get(r["round_id"])
        if d is None or not elapsed(r, d, today):
            continue
        for k, column in COLUMNS.items():
            outcome = float(int(d["level"]) >= k)
            base = r["base_rate"] if k == r.get("headline", 5) else None
            rows.append(
                {"round_id": r["round_id"], "reference_date": r["reference_date"], "threshold": k, "p": r[column], "base": base,
                 "outcome": outcome, "brier": (r[column] - outcome) ** 2,
                 "brier_base": None if base is None else (base - outcome) ** 2, "hope": r[column] - outcome}
            )  # fmt: skip
    columns = ["round_id", "reference_date", "threshold", "p", "base", "outcome", "brier", "brier_base", "hope"]
    return pd.DataFrame(rows, columns=columns)


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean Brier score, base rate's Brier score and hope (mean p minus outcome) by threshold, with n."""
    g = scores.groupby("threshold")
    out = g.agg(n=("p", "size"), brier=("brier", "mean"), brier_base=("brier_base", "mean"), hope=("hope", "mean"))
    return out.reset_index()


def proposals(case: Case, events: pd.DataFrame, statements: pd.DataFrame) -> pd.DataFrame:
    """Rounds that reports say were held or called off, with quotes, for the analyst to confirm with `resolve`.

    Columns: round_id, date, suggested (0 where called off; else 1, raised to 3, 4 or 5 where both sides accept a
    humanitarian step, or a ceasefire, within 14 days), quote, source, url.
    """
    import pandas as pd

    from forecast.features import HUMANITARIAN

    rows = []
    told = events[events.status.isin(["held", "cancelled"])].drop_duplicates("round_id", keep="last")
    for e in told.itertuples():
        level, quote, source, url = (0 if e.status == "cancelled" else 1), e.quote, e.source, e.url
        if level:
            near = statements[(statements.date >= e.date) & (statements.date <= e.date + timedelta(days=14)) & (statements.stance == "accepts")]
            for issues, found in ((HUMANITARIAN, 3), (("ceasefire",), 5)):
                mine = near[near.issue.isin(issues)]
                if mine.actor.isin(list(case.parties)).any() and mine[mine.actor.isin(list(case.parties))].actor.nunique() >= 2:
                    level, quote, source, url = found, mine.quote.iloc[0], mine.source.iloc[0], mine.url.iloc[0]
        rows.append((e.round_id, e.date, level, quote, source, url))
    return pd.DataFrame(rows, columns=["round_id", "date", "suggested", "quote", "source", "url"])


def export_hub(case: Case, to: Path, team: str = "negotiation-outlook") -> list[Path]:
    """Write issued forecasts as hubverse model-output files: one CSV a reference date, a PMF over the seven levels.

    Columns: reference_date, target, round_id, output_type (`pmf`), output_type_id (level 0-6), value.
    """
    import pandas as pd

    with Archive(case.archive_path, readonly=True) as archive:
        records = archive.forecasts()
    if not records:
        raise ForecastError(f"no forecast was issued for {case.name} yet", "Run `forecast run CASE_DIR` first")
    by_day: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for r in records:
        by_day.setdefault((r["reference_date"], r["model_id"]), {})[r["round_id"]] = r
    out = []
    for (day, model), rounds in sorted(by_day.items()):
        rows = []
        for round_id, r in sorted(rounds.items()):
            at = [1.0, *(r[c] for c in COLUMNS.values()), 0.0]
            rows += [(day, "outcome level", round_id, "pmf", k, round(at[k] - at[k + 1], 6)) for k in range(7)]
        name = f"{team}-{model}"
        folder = to / "model-output" / name
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{day}-{name}.csv"
        pd.DataFrame(rows, columns=["reference_date", "target", "round_id", "output_type", "output_type_id", "value"]).to_csv(file, index=False, lineterminator="\n")
        out.append(file)
    return out


