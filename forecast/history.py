"""The historical table of rounds: loading, checking, and the pieces the model is fitted on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.bundled import data_path
from forecast.errors import TableError
from forecast.features import build_features
from forecast.model import LadderModel, Settings
from forecast.tables import (
    OUTCOME_COLUMNS,
    PRE_COLUMNS,
    ROUND_COLUMNS,
    SOURCE_COLUMNS,
    STATEMENT_COLUMNS,
    as_date,
    check_table,
)

if TYPE_CHECKING:
    import pandas as pd

LAST_DAY = "2025-08-31"  # later rounds are kept aside for an out-of-time test
FILES = ("rounds", "statements", "outcomes", "sources")


@dataclass(frozen=True)
class History:
    """The four tables of `data/rounds/` (see its README) and a hash of their bytes."""

    rounds: pd.DataFrame
    statements: pd.DataFrame
    outcomes: pd.DataFrame
    sources: pd.DataFrame
    data_hash: str

    @property
    def levels(self) -> pd.Series:
        """Outcome level 0-6 by round_id, in the order of `rounds`."""
        return self.outcomes.set_index("round_id").outcome_level.reindex(self.rounds.round_id).astype(int)

    @property
    def announced(self) -> pd.Series:
        """Whether a round was announced beforehand; the others are left out of P(held)."""
        s = self.rounds.set_index("round_id").proposed_on
        return s.notna() & (s != "")

    def features(self) -> pd.DataFrame:
        """Features of every round as of the day before it."""
        return build_features(self.rounds, self.statements, self.outcomes)


def load_history(folder: str | Path | None = None) -> History:
    """Read the historical table. Raises TableError where a file is missing or a column is not as it should be."""
    import pandas as pd

    folder = Path(folder) if folder else data_path("rounds")
    frames, digest = [], hashlib.sha256()
    for name in FILES:
        file = folder / f"{name}.csv"
        try:
            body = file.read_bytes()
        except OSError:
            raise TableError(f"{file} is missing", "Give the folder that holds rounds.csv") from None
        digest.update(body)
        frames.append(pd.read_csv(file, keep_default_na=False, na_values=[""]))
    return History(frames[0], frames[1], frames[2], frames[3], digest.hexdigest()[:12])


def fit_default(history: History | None = None, settings: Settings | None = None) -> LadderModel:
    """The model fitted on the whole table; the same data give the same model, bit for bit."""
    h = history or load_history()
    groups = h.rounds.set_index("round_id").conflict_id
    return LadderModel(settings).fit(h.features(), h.levels, h.announced, groups, data_hash=h.data_hash)


def check_history(h: History) -> list[str]:
    """Faults of the table against the codebook, in words; empty when it is sound."""
    import pandas as pd

    faults: list[str] = []
    for table, name, key, columns in (
        (h.rounds, "rounds", "round_id", ROUND_COLUMNS), (h.outcomes, "outcomes", "round_id", OUTCOME_COLUMNS),
        (h.statements, "statements", None, STATEMENT_COLUMNS), (h.sources, "sources", None, SOURCE_COLUMNS),
    ):  # fmt: skip
        try:
            check_table(table, name, key=key, required=columns)
        except TableError as e:
            faults.append(e.message)
    if faults:
        return faults
    ids = set(h.rounds.round_id)
    for table, name in ((h.outcomes, "outcomes"), (h.statements, "statements"), (h.sources, "sources")):
        faults += [f"{name}: {i} is not in rounds" for i in sorted(set(table.round_id) - ids)]
    faults += [f"{i}: no outcome" for i in sorted(ids - set(h.outcomes.round_id))]
    r = h.rounds.merge(h.outcomes, on="round_id")
    start, end, first, last = as_date(r.window_start), as_date(r.window_end), as_date(r.date_start), as_date(r.date_end)
    begins = first.fillna(start)

    def add(rows: pd.Series, what: str) -> None:
        faults.extend(f"{i}: {what}" for i in r.round_id[rows])

    add(end < start, "the window ends before it starts")
    add(as_date(r.proposed_on) > start, "proposed after its window began")
    add(start > pd.Timestamp(LAST_DAY), f"the window begins after {LAST_DAY}")
    add((r.final_status == "held") & (first.isna() | last.isna() | (last < first)), "held, but its dates are missing or out of order")
    add((r.outcome_level == 0) != (r.final_status != "held"), "level 0 is for rounds that were not held, and for all of them")
    add((r.final_status != "held") & first.notna(), "not held, yet it has a date")
    add((as_date(r.as_of) >= begins) & (r.final_status == "held"), "the as-of date is not before the round began")
    s = h.sources.merge(pd.DataFrame({"round_id": r.round_id, "begins": begins, "ends": last.fillna(start), "held": r.final_status == "held"}), on="round_id")
    published = as_date(s.published)
    pre, post = s.role == "pre", s.role == "post"
    noted = s.time_note.notna() & (s.time_note != "")
    for rows, what in (
        (pre & (published > s.begins), "a pre source is dated after the round began"),
        (pre & (published == s.begins) & ~noted, "a pre source of the day itself has no note of its time"),
        (post & s.held & (published < s.ends), "a post source is dated before the round ended"),
        (~s.url.astype(str).str.startswith("http"), "a source has no address"),
        (published.isna(), "a source has no date"),
    ):
        faults += [f"{i}: {what}" for i in s.round_id[rows]]
    with_pre, with_post = set(s.round_id[pre]), set(s.round_id[post])
    faults += [f"{i}: no source after the fact" for i in sorted(ids - with_post)]
    coded = r[list(PRE_COLUMNS)].notna().any(axis=1)
    faults += [f"{i}: pre columns without a pre source" for i in r.round_id[coded & ~r.round_id.isin(with_pre)]]
    links = set(zip(s.round_id[pre], s.url[pre], strict=True))
    pairs = zip(h.statements.round_id, h.statements.source, strict=True)
    faults += [f"{i}: a statement cites no pre source of the round" for i in sorted({i for i, u in pairs if (i, u) not in links})]
    return faults


def describe_history(h: History) -> dict[str, object]:
    """Counts and coverage, as printed by `forecast rounds-check`."""
    r = h.rounds.merge(h.outcomes, on="round_id")
    pre = set(h.sources.round_id[h.sources.role == "pre"])
    year = as_date(r.window_start).dt.year
    decades = (year // 10 * 10).value_counts().sort_index()
    return {
        "rounds": len(r), "processes": r.process_id.nunique(), "conflicts": r.conflict_id.nunique(),
        "not held": int((r.outcome_level == 0).sum()), "share not held": round(float((r.outcome_level == 0).mean()), 3),
        "announced beforehand": int(h.announced.sum()), "with a pre source": len(pre & set(r.round_id)),
        "share with a pre source": round(len(pre & set(r.round_id)) / max(1, len(r)), 3),
        "statements": len(h.statements), "sources": len(h.sources),
        "by decade": "; ".join(f"{int(d)}s {n}" for d, n in decades.items()),
        "by conflict type": "; ".join(f"{k} {n}" for k, n in r.conflict_type.value_counts().items()),
        "by outcome level": "; ".join(f"{k}: {n}" for k, n in r.outcome_level.value_counts().sort_index().items()),
        "data hash": h.data_hash,
    }  # fmt: skip
