"""Agreement between two independent readings of the same rounds: Cohen's (weighted) kappa per column."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.bundled import data_path
from forecast.errors import TableError
from forecast.history import History

if TYPE_CHECKING:
    import pandas as pd

ORDINAL = ("expectation", "on_the_table", "outcome_level")  # weighted linearly; the other columns are nominal
COLUMNS = (
    "level", "format", "status", "signing_expected", "draft_on_table", "ceasefire_in_force", "entry_condition_unmet",
    "guarantor_offered", "expectation", "violence_trend", "on_the_table", "final_status", "outcome_level",
)  # fmt: skip


def kappa_table(h: History, second: str | Path | None = None, *, draws: int = 1000) -> pd.DataFrame:
    """Kappa of each column between the table and its second reading.

    Parameters
    ----------
    second : CSV with `round_id` and the columns read again; default the bundled second reading.

    Columns: column, n (rounds where both readers gave a value), agree (share equal), kappa, lo, hi (90 %, rounds drawn with
    replacement), one_empty (rounds where just one of the two left the cell empty).
    """
    import numpy as np
    import pandas as pd

    file = Path(second) if second else data_path("rounds", "second_reading.csv")
    try:
        b = pd.read_csv(file, keep_default_na=False, na_values=[""]).set_index("round_id")
    except OSError:
        raise TableError(f"{file} is missing", "Give the file of the second reading") from None
    a = h.rounds.merge(h.outcomes, on="round_id").set_index("round_id")
    unknown = sorted(set(b.index) - set(a.index))
    if unknown:
        raise TableError(f"{file}: {unknown[0]} is not in the table", "Give a second reading of the same rounds")
    a = a.loc[b.index]
    rng = np.random.default_rng(1)
    rows = []
    for c in COLUMNS:
        both = a[c].notna() & b[c].notna()
        x, y = a[c][both].astype(str).to_numpy(), b[c][both].astype(str).to_numpy()
        if c in ORDINAL or c in ("signing_expected", "draft_on_table", "entry_condition_unmet", "guarantor_offered"):
            x, y = (pd.to_numeric(pd.Series(v)).astype(int).to_numpy() for v in (x, y))
        values = [_kappa(x[i], y[i], c) for i in (rng.integers(0, len(x), len(x)) for _ in range(draws))] if len(x) else []
        finite = [v for v in values if v == v]
        lo, hi = np.quantile(finite, [0.05, 0.95]) if finite else (np.nan, np.nan)
        rows.append(
            {"column": c, "n": len(x), "agree": float((x == y).mean()) if len(x) else np.nan, "kappa": _kappa(x, y, c),
             "lo": float(lo), "hi": float(hi), "one_empty": int((a[c].notna() != b[c].notna()).sum())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _kappa(x: Any, y: Any, column: str) -> float:
    import warnings

    import numpy as np
    from sklearn.metrics import cohen_kappa_score

    if len(np.unique(np.concatenate([np.asarray(x), np.asarray(y)]))) < 2:
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(cohen_kappa_score(x, y, weights="linear" if column in ORDINAL else None))
