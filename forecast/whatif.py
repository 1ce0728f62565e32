"""What if: set a column of a proposed round, or one side's stance on an issue, and see the forecast move.

`what_if` gives the table; `sliders` the same with controls, in a notebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forecast.errors import ForecastError, TableError
from forecast.tables import CEASEFIRES, ISSUES, LEVELS, STANCES, VIOLENCE

if TYPE_CHECKING:
    import pandas as pd

    from forecast.outlook import Outlook

# Columns an analyst may set, and the values they take.
CHOICES: dict[str, tuple[Any, ...]] = {
    "status": ("proposed", "confirmed"), "level": tuple(LEVELS), "granularity": ("day", "week", "month", "open"),
    "expectation": (-2, -1, 0, 1, 2), "signing_expected": (0, 1), "draft_on_table": (0, 1), "entry_condition_unmet": (0, 1),
    "guarantor_offered": (0, 1), "ceasefire_in_force": tuple(CEASEFIRES), "violence_trend": tuple(VIOLENCE),
}  # fmt: skip
AS_READ = "as read"
SHOWN = {"p_held": "held at all", "p_ge3": "humanitarian deal or more", "p_ge4": "limited truce or more", "p_ge5": "general ceasefire or more"}


def what_if(
    outlook: Outlook, round_id: str | None = None, *, columns: Mapping[str, Any] | None = None,
    stances: Mapping[tuple[str, str], str | None] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The forecast of one round as it is and as it would be.

    Parameters
    ----------
    round_id : a proposed round; the first by default.
    columns : codebook columns to set, such as {"status": "confirmed"}; `CHOICES` lists them.
    stances : stances to set by (actor, issue), such as {("Russia", "ceasefire"): "accepts"}; None takes one away.

    Returns one row a level (`SHOWN`) with now, then and points (the difference in percentage points). Nothing is
    logged and the outlook stays as it is. Raises TableError for a column, value, actor or round it does not know.
    """
    import pandas as pd

    round_id = _round_of(outlook, round_id)
    columns, stances = dict(columns or {}), dict(stances or {})
    faults = [f"column '{c}' cannot be set" for c in columns if c not in CHOICES]
    faults += [f"{c} cannot be '{v}'" for c, v in columns.items() if c in CHOICES and v not in CHOICES[c]]
    faults += [f"'{a}' is no party" for a, _ in stances if a not in outlook.case.parties]
    faults += [f"'{i}' is no issue" for _, i in stances if i not in ISSUES]
    faults += [f"'{s}' is no stance" for s in stances.values() if s is not None and s not in STANCES]
    if faults:
        raise TableError("; ".join(faults), f"Columns: {', '.join(CHOICES)}; stances: {', '.join(STANCES)}")
    now = _estimate(outlook, outlook.rounds, outlook.evidence, round_id)
    rounds = outlook.rounds.astype(dict.fromkeys(columns, "object"))
    for c, v in columns.items():
        rounds.loc[rounds.round_id == round_id, c] = v
    then = _estimate(outlook, rounds, _restated(outlook, round_id, stances), round_id)
    rows = [(text, now[c], then[c], (then[c] - now[c]) * 100) for c, text in SHOWN.items()]
    return pd.DataFrame(rows, columns=["reaches", "now", "then", "points"])


def _round_of(outlook: Outlook, round_id: str | None) -> str:
    known = [str(i) for i in outlook.forecasts.index]
    if not known:
        raise TableError("no round is proposed as of this date", "Choose another reference date")
    if round_id is not None and round_id not in known:
        raise TableError(f"'{round_id}' is not a proposed round", f"Proposed: {', '.join(known)}")
    return round_id or known[0]


def _restated(outlook: Outlook, round_id: str, stances: Mapping[tuple[str, str], str | None]) -> pd.DataFrame:
    import pandas as pd

    e = outlook.evidence.copy()
    for (actor, issue), stance in stances.items():
        e = e[~((e.round_id == round_id) & (e.actor == actor) & (e.issue == issue))]
        if stance is not None:
            row = {"round_id": round_id, "actor": actor, "issue": issue, "stance": stance, "date": outlook.reference_date, "article_id": "what-if", "source": "what-if"}
            e = pd.concat([e.astype("object"), pd.DataFrame([row], columns=e.columns, dtype="object")], ignore_index=True)
    return e


def _estimate(outlook: Outlook, rounds: pd.DataFrame, evidence: pd.DataFrame, round_id: str) -> Any:
    from forecast.outlook import MACHINE_NOISE, estimate_rounds, history_outcomes

    plain = evidence.drop(columns=["source"]).rename(columns={"article_id": "source"}) if len(evidence) else None
    f, _, _ = estimate_rounds(
        rounds, plain, history_outcomes(outlook.rounds, outlook.case), headline=outlook.headline,
        reference_date=outlook.reference_date, noise=MACHINE_NOISE,
    )  # fmt: skip
    return f.loc[round_id]


def sliders(outlook: Outlook, round_id: str | None = None) -> Any:
    """Controls for `what_if` in a notebook: one slider a column, and one stance of one side; the table follows.

    Raises ForecastError where ipywidgets is not installed.
    """
    try:
        import ipywidgets as w
    except ImportError:
        raise ForecastError("sliders need the package ipywidgets", 'Install it with: pip install "negotiation-outlook[notebooks]"') from None
    from forecast.charts import PLAIN

    name = _round_of(outlook, round_id)
    wide = {"style": {"description_width": "13em"}, "layout": w.Layout(width="34em")}
    controls = {
        c: w.SelectionSlider(options=[(AS_READ, AS_READ), *((_named(c, v), v) for v in values)], value=AS_READ, description=PLAIN.get(c, c), **wide)
        for c, values in CHOICES.items()
    }
    actor = w.Dropdown(options=list(outlook.case.parties), description="side", **wide)
    issue = w.Dropdown(options=[(i.replace("_", " "), i) for i in ISSUES], description="issue", **wide)
    stance = w.SelectionSlider(options=[(AS_READ, AS_READ), ("nothing said", ""), *((s, s) for s in ("rejects", "conditions", "demands", "offers", "accepts"))], value=AS_READ, description="its stance", **wide)
    shown = w.HTML()

    def follow(_: object = None) -> None:
        columns = {c: x.value for c, x in controls.items() if x.value != AS_READ}
        stances = {} if stance.value == AS_READ else {(actor.value, issue.value): stance.value or None}
        shown.value = _table_html(what_if(outlook, name, columns=columns, stances=stances))

    for control in (*controls.values(), actor, issue, stance):
        control.observe(follow, names="value")
    follow()
    return w.VBox([shown, w.HTML("<b>The round</b>"), *controls.values(), w.HTML("<b>One stance</b>"), actor, issue, stance])


def _named(column: str, value: Any) -> str:
    if value in (0, 1) and CHOICES[column] == (0, 1):
        return "yes" if value else "no"
    return f"{value:+d}" if isinstance(value, int) else str(value)


def _table_html(table: pd.DataFrame) -> str:
    rows = "".join(
        f"<tr><td>{r.reaches}</td><td>{r.now:.1%}</td><td><b>{r.then:.1%}</b></td><td>{r.points:+.1f}</td></tr>" for r in table.itertuples()
    )
    return f"<table><thead><tr><th>reaches</th><th>as read</th><th>what if</th><th>points</th></tr></thead><tbody>{rows}</tbody></table>"
