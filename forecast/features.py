"""Features: one row a round, as of a date. The same function serves hand-coded and machine-coded rounds.

Only what is listed in `FEATURES` reaches the model, and nothing of a round's own outcome ever does: outcome
columns in the rounds table are dropped, statements after the reference date are cut off, and earlier rounds
count only once they have ended.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from forecast.tables import OUTCOME_COLUMNS, PRE_COLUMNS, ROUND_COLUMNS, as_date, check_table

if TYPE_CHECKING:
    import pandas as pd

# name -> (group, what it is); the group is what charts and reports show a reader.
FEATURES: dict[str, tuple[str, str]] = {
    "signing_expected": ("signing_expected", "a text is to be signed or a deal announced"),
    "draft_on_table": ("draft_on_table", "a draft is exchanged or under discussion"),
    "entry_condition_unmet": ("entry_condition_unmet", "a party's condition for coming is unmet"),
    "guarantor_offered": ("guarantor_offered", "a third party's guarantee of this deal is on offer"),
    "expectation": ("expectation", "outlook the parties and mediator give, -2 to +2"),
    "expectation_high": ("expectation", "a deal is said to be near (+2)"),
    "expectation_doubt": ("expectation", "a side says it may not come or that it is pointless (-2)"),
    "table_procedure": ("on_the_table", "only procedure or next steps are to be decided"),
    "table_humanitarian": ("on_the_table", "a humanitarian or confidence measure is to be decided"),
    "table_truce": ("on_the_table", "a truce is to be decided"),
    "table_settlement": ("on_the_table", "a settlement text is to be decided"),
    "ceasefire_none": ("ceasefire_in_force", "no ceasefire in force"),
    "ceasefire_nominal": ("ceasefire_in_force", "a ceasefire declared but widely violated"),
    "ceasefire_full": ("ceasefire_in_force", "a general ceasefire in force"),
    "violence_rising": ("violence_trend", "attacks rising"),
    "violence_falling": ("violence_trend", "attacks falling"),
    "deadline_near": ("deadline", "an ultimatum or expiry falls within three weeks of the round"),
    "confirmed": ("status", "confirmed by those who would meet, not only proposed"),
    "proposed_by_one": ("proposed_by", "proposed by one side only"),
    "level_leaders": ("level", "leaders meet"),
    "level_ministers": ("level", "ministers meet"),
    "level_technical": ("level", "technical teams meet"),
    "proximity": ("format", "proximity, shuttle or remote form"),
    "mediated": ("mediators", "a mediator takes part"),
    "window_vague": ("granularity", "no exact day is named"),
    "lead_days": ("window_start", "log days from proposal to window"),
    "type_interstate": ("conflict_type", "interstate conflict"),
    "type_nuclear": ("conflict_type", "nuclear track"),
    "type_internationalised": ("conflict_type", "civil war with foreign troops"),
    "refusals": ("statements", "refusals and conditions stated by the parties (number of issues)"),
    "talks_refused": ("statements", "a party refuses or conditions the talks themselves"),
    "acceptances": ("statements", "acceptances stated by the parties (number of issues)"),
    "offers": ("statements", "offers stated by the parties (number of issues)"),
    "agenda_humanitarian": ("statements", "prisoners, hostages, bodies, children or aid are asked for or offered"),
    "agenda_ceasefire": ("statements", "a ceasefire is asked for or offered"),
    "humanitarian_yes": ("statements", "a party offers or accepts a humanitarian step"),
    "settlement_yes": ("statements", "a party accepts terms of a settlement"),
    "settlement_refused": ("statements", "a party rejects terms of a settlement"),
    "previous_level": ("history", "mean outcome level of earlier rounds of the process"),
    "last_level": ("history", "outcome level of the last round"),
    "last_not_held": ("history", "the last planned round was not held"),
    "rounds_so_far": ("history", "log number of rounds held so far"),
    "gap_long": ("history", "more than half a year since the last round"),
}  # fmt: skip
# Columns that are evidence on this very round, as against its class; their number decides how far to leave the base rate.
EVIDENCE = ("signing_expected", "draft_on_table", "ceasefire_in_force", "entry_condition_unmet", "guarantor_offered", "expectation", "violence_trend", "on_the_table", "status")
HUMANITARIAN = ("prisoner_exchange", "hostages", "release_of_bodies", "return_of_children", "humanitarian_access", "return_of_displaced")
STATEMENT_FEATURES = tuple(name for name, (group, _) in FEATURES.items() if group == "statements")
DERIVED = ("contested_issues", "stance_gap", "days_since_previous")


def drop_outcomes(rounds: pd.DataFrame) -> pd.DataFrame:
    """The table without any column that tells what became of a round."""
    telling = (set(OUTCOME_COLUMNS) | {"level_reached", "outcome", "outcome_name", "description", "entered_into_force", "days_held", "unilateral", "disputed_by"}) - {"round_id"}
    return rounds.drop(columns=[c for c in rounds.columns if c in telling])


def build_features(
    rounds: pd.DataFrame,
    statements: pd.DataFrame | None = None,
    outcomes: pd.DataFrame | None = None,
    reference_date: date | None = None,
) -> pd.DataFrame:
    """One row a round, indexed by `round_id`: `FEATURES`, `DERIVED` and `n_evidence`; missing where unknown.

    Parameters
    ----------
    rounds : the codebook's round columns; missing ones count as empty. Outcome columns are ignored.
    statements : `STATEMENT_COLUMNS`; only those dated on or before a round's reference date count.
    outcomes : `OUTCOME_COLUMNS` of earlier rounds; one counts from the day after its round ended (or, if it
        was not held, once its window and the codebook's 14 days of grace have passed).
    reference_date : as of when; None takes each round's own `as_of`, else the day before its window.

    Raises TableError where a column holds a value outside the codebook.
    """
    import numpy as np
    import pandas as pd

    r = drop_outcomes(rounds).copy()
    check_table(r, "rounds", key="round_id", required=("round_id",))
    for c in (*ROUND_COLUMNS,):
        if c not in r.columns:
            r[c] = pd.Series(pd.NA, index=r.index, dtype="object")
    r = r.astype(dict.fromkeys(r.columns, "object"))
    r = r.replace("", np.nan).reset_index(drop=True)
    start, end = as_date(r.window_start), as_date(r.window_end)
    proposed, deadline, as_of = as_date(r.proposed_on), as_date(r.deadline), as_date(r.as_of)
    cut = as_of.fillna(start - pd.Timedelta(days=1))
    if reference_date is not None:
        cut = pd.Series(pd.Timestamp(reference_date), index=r.index).where(cut.isna() | (cut > pd.Timestamp(reference_date)), cut)
    f = pd.DataFrame(index=pd.Index(r.round_id, name="round_id"), columns=[*FEATURES, *DERIVED, "n_evidence"], dtype="float64")

    def put(name: str, values: pd.Series) -> None:
        f[name] = values.to_numpy(dtype="float64", na_value=np.nan)

    def number(c: str) -> pd.Series:
        return pd.to_numeric(r[c], errors="coerce")

    def is_(c: str, *values: str) -> pd.Series:
        return r[c].isin(values).astype("float64").where(r[c].notna())

    for c in ("signing_expected", "draft_on_table", "entry_condition_unmet", "guarantor_offered", "expectation"):
        put(c, number(c))
    expectation = number("expectation")
    put("expectation_high", (expectation >= 2).astype("float64").where(expectation.notna()))
    put("expectation_doubt", (expectation <= -2).astype("float64").where(expectation.notna()))
    table = number("on_the_table")
    for name, low, high in (("procedure", 2, 2), ("humanitarian", 3, 3), ("truce", 4, 5), ("settlement", 6, 6)):
        put(f"table_{name}", table.between(low, high).astype("float64").where(table.notna()))
    put("ceasefire_none", is_("ceasefire_in_force", "none"))
    put("ceasefire_nominal", is_("ceasefire_in_force", "nominal", "limited"))
    put("ceasefire_full", is_("ceasefire_in_force", "general"))
    put("violence_rising", is_("violence_trend", "rising"))
    put("violence_falling", is_("violence_trend", "falling"))
    near = ((deadline - start).dt.days.between(-7, 21)).astype("float64")
    put("deadline_near", near.where(deadline.notna() | r[list(PRE_COLUMNS)].notna().any(axis=1), np.nan))
    # Only what was known beforehand: a table that already says "held" tells nothing of the plan.
    status = r.status.where(r.status.isin(["proposed", "confirmed", "postponed"]))
    put("confirmed", (status == "confirmed").astype("float64").where(status.notna()))
    put("proposed_by_one", is_("proposed_by", "one_side"))
    for name in ("leaders", "ministers", "technical"):
        put(f"level_{name}", is_("level", name))
    put("proximity", is_("format", "proximity", "shuttle", "remote"))
    put("mediated", r.mediators.notna().astype("float64").where(r.parties.notna()))
    put("window_vague", is_("granularity", "week", "month", "open"))
    put("lead_days", np.log1p((start - proposed).dt.days.clip(0, 120)))
    put("type_interstate", is_("conflict_type", "interstate"))
    put("type_nuclear", is_("conflict_type", "nuclear"))
    put("type_internationalised", is_("conflict_type", "internationalised"))
    _from_statements(f, r, statements, cut)
    _from_history(f, r, outcomes, start, end, cut)
    known = pd.DataFrame({c: (status if c == "status" else r[c]).notna().to_numpy() for c in EVIDENCE})
    f["n_evidence"] = known.sum(axis=1).to_numpy(dtype="float64")
    return f


def _from_statements(f: pd.DataFrame, r: pd.DataFrame, statements: pd.DataFrame | None, cut: pd.Series) -> None:
    """Counts of issues by latest stance of the parties; 0 where the round has no statement."""
    import pandas as pd

    for c in (*STATEMENT_FEATURES, "contested_issues", "stance_gap"):
        f[c] = 0.0
    if statements is None or not len(statements):
        return
    check_table(statements, "statements", required=("round_id", "actor", "issue", "stance"))
    s = statements[statements.round_id.isin(f.index)].copy()
    if not len(s):
        return
    limits = pd.Series(cut.to_numpy(), index=f.index)
    # A statement without a date was linked to the round by its coder, who saw only what came before it.
    day = as_date(s["date"]) if "date" in s.columns else pd.Series(pd.NaT, index=s.index)
    limit = s.round_id.map(limits)
    s = s[day.isna() | limit.isna() | (day <= limit + timedelta(days=1))]
    s["_day"] = day
    s = s.sort_values("_day", kind="stable", na_position="first").drop_duplicates(["round_id", "actor", "issue"], keep="last")
    parties = {i: {p.strip() for p in str(v).split(";")} for i, v in zip(r.round_id, r.parties, strict=True) if isinstance(v, str)}
    ours = [a in parties.get(i, {a}) for i, a in zip(s.round_id, s.actor, strict=True)]
    s = s[ours]
    for name, stances in (("refusals", ["rejects", "conditions"]), ("acceptances", ["accepts"]), ("offers", ["offers"])):
        n = s[s.stance.isin(stances)].groupby("round_id").issue.nunique().clip(upper=4)
        f.loc[n.index, name] = n.astype("float64")
    refused, granted = s.stance.isin(["rejects", "conditions"]), s.stance.isin(["offers", "accepts"])
    raised = ~refused
    humanitarian = s.issue.isin(HUMANITARIAN)
    for name, rows in (
        ("talks_refused", s.issue.eq("talks") & refused),
        ("agenda_humanitarian", humanitarian & raised),
        ("agenda_ceasefire", s.issue.eq("ceasefire") & raised),
        ("humanitarian_yes", humanitarian & granted),
        ("settlement_yes", s.issue.eq("settlement") & s.stance.eq("accepts")),
        ("settlement_refused", s.issue.eq("settlement") & s.stance.eq("rejects")),
    ):
        f.loc[s[rows].round_id.unique(), name] = 1.0
    _add_disputes(f, s)


def _add_disputes(f: pd.DataFrame, s: pd.DataFrame) -> None:
    """Issues asked for that nobody grants, and the widest gap between the parties' stances on one issue."""
    order = {"rejects": -2, "conditions": -1, "demands": 0, "offers": 1, "accepts": 2}
    wanted: dict[str, set[Any]] = {}
    met: dict[str, set[Any]] = {}
    stances: dict[tuple[str, Any], list[Any]] = {}
    issues = [v if isinstance(v, str) else None for v in s.issue]
    for i, issue, stance in zip(s.round_id, issues, s.stance, strict=True):
        if stance == "demands":
            wanted.setdefault(i, set()).add(issue)
        elif stance in ("offers", "accepts"):
            met.setdefault(i, set()).add(issue)
        if issue is not None:
            stances.setdefault((i, issue), []).append(order.get(stance))
    gaps: dict[str, float | None] = dict.fromkeys(s.round_id)
    for (i, _), told in stances.items():
        known = [v for v in told if v is not None]
        gap = float(max(known) - min(known)) if known and len(told) > 1 else None if len(told) > 1 else 0.0
        gaps[i] = gap if gaps[i] is None else max(gaps[i], gap or 0.0)  # type: ignore[type-var]
    with_issue = {i for i, _ in stances}
    contested, widest = f.contested_issues.to_dict(), f.stance_gap.to_dict()
    for i, gap in gaps.items():
        contested[i] = float(len(wanted.get(i, set()) - met.get(i, set())))
        widest[i] = gap if gap is not None else float("nan") if i in with_issue else 0.0
    f["contested_issues"], f["stance_gap"] = [contested[i] for i in f.index], [widest[i] for i in f.index]


def _from_history(
    f: pd.DataFrame, r: pd.DataFrame, outcomes: pd.DataFrame | None, start: pd.Series, end: pd.Series, cut: pd.Series
) -> None:
    """What earlier rounds of the process brought, seen from each round's reference date."""
    import numpy as np
    import pandas as pd

    if outcomes is None or not len(outcomes):
        return
    check_table(outcomes, "outcomes", key="round_id", required=("round_id", "outcome_level"))
    past = pd.DataFrame({"round_id": r.round_id, "process": r.process_id, "start": start, "end": end}).merge(
        outcomes[["round_id", "outcome_level", *[c for c in ("date_end",) if c in outcomes.columns]]], on="round_id", how="inner"
    )
    held_until = as_date(past.date_end) if "date_end" in past.columns else pd.Series(pd.NaT, index=past.index)
    past["known"] = held_until.fillna(past.end + pd.Timedelta(days=14))
    past["outcome_level"] = pd.to_numeric(past.outcome_level)
    # What a round brought may come up to 30 days after it: within them only the held part is sure to be known.
    # Plain arrays by process: a frame cut for every round would take nearly all the time there is.
    known, starts, ids, levels = (past[c].to_numpy() for c in ("known", "start", "round_id", "outcome_level"))
    by_process = {}
    for process, rows in past.groupby("process").indices.items():
        dated = ~np.isnat(known[rows])
        order = np.concatenate([rows[dated][known[rows][dated].argsort()], rows[~dated]])
        by_process[process] = (known[order], starts[order], ids[order], levels[order])
    columns = ("rounds_so_far", "last_not_held", "previous_level", "last_level", "days_since_previous", "gap_long")
    found = {c: f[c].to_numpy(copy=True) for c in columns}
    for i, (round_id, process, limit, begins) in enumerate(zip(r.round_id, r.process_id, cut.to_numpy(), start.to_numpy(), strict=True)):
        if process not in by_process or np.isnat(limit):
            continue
        ended, began, others, outcome = by_process[process]
        before = (ended < limit) & (others != round_id) & (began <= begins)
        outcome, held = outcome[before], outcome[before] > 0
        found["rounds_so_far"][i] = np.log1p(np.count_nonzero(held))
        if not len(outcome):
            continue
        found["last_not_held"][i] = float(outcome[-1] == 0)
        if held.any():
            reached = np.minimum(outcome[held], 5)
            found["previous_level"][i] = (reached.sum() + 2 * 1.9) / (len(reached) + 2) - 1.9
            found["last_level"][i] = float(reached[-1]) - 1.9
            days = (limit - ended[before][held][-1]) // np.timedelta64(1, "D")
            found["days_since_previous"][i] = float(days)
            found["gap_long"][i] = float(days > 180)
    for c, values in found.items():
        f[c] = values
