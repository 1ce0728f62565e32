"""Columns and keys of every table that crosses a module border, and the one function that checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecast.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

ISSUES = ["talks", "ceasefire", "leaders_summit", "prisoner_exchange", "release_of_bodies", "return_of_children", "hostages", "humanitarian_access", "withdrawal", "territory", "neutrality", "force_limits", "security_guarantees", "foreign_troops", "arms_supply", "sanctions_relief", "reparations", "nuclear_limits", "disarmament", "monitoring", "elections", "recognition", "amnesty_justice", "minority_rights", "return_of_displaced", "armed_groups", "venue_format", "settlement", "other"]
STANCES = ["demands", "offers", "accepts", "rejects", "conditions"]
GATES = ["talks", "ceasefire", "summit", "signature"]
LEVELS = ["leaders", "ministers", "envoys", "technical"]
STATUSES = ["proposed", "confirmed", "under_way", "held", "postponed", "cancelled", "lapsed"]
CONFLICT_TYPES = ["interstate", "civil", "internationalised", "nuclear"]
CEASEFIRES = ["none", "limited", "general", "nominal", "n/a"]
VIOLENCE = ["rising", "steady", "falling"]

PRE_COLUMNS = (
    "signing_expected", "draft_on_table", "ceasefire_in_force", "entry_condition_unmet", "guarantor_offered", "deadline",
    "expectation", "violence_trend", "on_the_table",
)  # fmt: skip
ROUND_COLUMNS = (
    "round_id", "process_id", "conflict_id", "conflict_type", "process_type", "ordinal", "parties", "mediators", "host",
    "venue", "venue_country", "level", "format", "window_start", "window_end", "granularity", "proposed_on", "proposed_by",
    "status", "as_of", *PRE_COLUMNS, "coder_confidence",
)  # fmt: skip
STATEMENT_COLUMNS = (
    "round_id", "date", "actor", "issue", "stance", "gate", "conditional_on", "source",
)  # fmt: skip
SOURCE_COLUMNS = ("round_id", "role", "publisher", "title", "url", "published", "time_note")
OUTCOME_COLUMNS = (
    "round_id", "final_status", "n_postponements", "occurrence_disputed", "date_start", "date_end", "outcome_level", "flags", "summary",
)  # fmt: skip

EXTRACT_STATEMENTS = (
    "article_id", "sentence", "actor", "issue", "stance", "gate", "conditional_on", "quote", "start", "end", "confidence",
)  # fmt: skip
EXTRACT_MENTIONS = (
    "article_id", "conflict_id", "parties", "mediators", "venue", "window_start", "window_end", "granularity", "ordinal",
    "level", "status", "quote",
)  # fmt: skip
EXTRACT_ARTICLES = ("article_id", "relevant", "tone", "conflict_id")

_ENUMS: dict[str, list[Any]] = {
    "conflict_type": CONFLICT_TYPES,
    "process_type": ["talks", "mechanism"],
    "level": LEVELS,
    "format": ["direct", "proximity", "shuttle", "remote"],
    "granularity": ["day", "week", "month", "open"],
    "proposed_by": ["mediator", "one_side", "both", "press"],
    "status": STATUSES,
    "final_status": ["held", "postponed", "cancelled", "lapsed"],
    "ceasefire_in_force": CEASEFIRES,
    "violence_trend": VIOLENCE,
    "issue": ISSUES,
    "conditional_on": ISSUES,
    "stance": STANCES,
    "gate": GATES,
    "role": ["pre", "post"],
    "signing_expected": [0, 1],
    "draft_on_table": [0, 1],
    "entry_condition_unmet": [0, 1],
    "guarantor_offered": [0, 1],
    "on_the_table": [2, 3, 4, 5, 6],
    "expectation": [-2, -1, 0, 1, 2],
    "coder_confidence": [1, 2, 3],
    "occurrence_disputed": [0, 1],
    "outcome_level": [0, 1, 2, 3, 4, 5, 6],
}
_DATES = ("window_start", "window_end", "proposed_on", "as_of", "deadline", "date_start", "date_end", "published", "date")


def check_table(table: pd.DataFrame, name: str, *, key: str | None = None, required: tuple[str, ...] = ()) -> None:
    """Check required columns, key and the codebook's ranges; all faults are listed in one TableError.

    Empty cells are allowed everywhere but in the key.
    """
    import pandas as pd

    faults = [f"column '{c}' is missing" for c in required if c not in table.columns]
    if key and key in table.columns:
        if table[key].isna().any():
            faults.append(f"{int(table[key].isna().sum())} rows have no {key}")
        twice = table[key][table[key].duplicated()].dropna().unique()
        if len(twice):
            faults.append(f"{key} given twice: {', '.join(map(str, twice[:5]))}")
    for column in table.columns.intersection(list(_ENUMS)):
        allowed = _ENUMS[column]
        values = table[column].dropna()
        if isinstance(allowed[0], int):
            numbers = pd.to_numeric(values, errors="coerce")
            bad = values[~numbers.isin(allowed)]
        else:
            bad = values[(values != "") & ~values.isin(allowed)]
        if len(bad):
            faults.append(f"{column} holds {sorted(map(str, set(bad)))[:4]}; allowed: {', '.join(map(str, allowed))}")
    for column in table.columns.intersection(list(_DATES)):
        values = table[column].dropna()
        bad = values[pd.to_datetime(values.astype(str), errors="coerce", format="ISO8601").isna() & (values.astype(str) != "")]
        if len(bad):
            faults.append(f"{column} holds '{bad.iloc[0]}' where a date YYYY-MM-DD is wanted")
    if faults:
        raise TableError(f"{name}: " + "; ".join(faults), "Mend the table and run again")


def as_date(values: pd.Series) -> pd.Series:
    """A column of dates or date texts as datetime64, unreadable ones as missing."""
    import pandas as pd

    return pd.to_datetime(values.astype("string"), errors="coerce", format="ISO8601")
