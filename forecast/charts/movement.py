"""Why the forecast stands where it does, and how it moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecast.charts.labels import one_line, round_label, short, span, widest
from forecast.charts.style import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    date_axis,
    heading,
    new_axes,
    percent_axis,
    plain_y,
    say_empty,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from forecast.outlook import Outlook

PLAIN = {
    "status": "how firmly it is planned", "granularity": "how exact its date is", "conflict_type": "type of conflict", "proposed_by": "who proposed it",
    "history": "earlier rounds", "expectation": "outlook the sides give", "level": "who would meet", "draft_on_table": "draft on the table",
    "mediators": "mediator", "statements": "what the sides say", "signing_expected": "signing expected", "entry_condition_unmet": "condition for coming unmet",
    "guarantor_offered": "guarantee on offer", "ceasefire_in_force": "ceasefire in force", "violence_trend": "trend of attacks", "deadline": "deadline near",
    "format": "form of the talks", "window_start": "time since proposal",
}  # fmt: skip
_WORDS = {"one_side": "one side", "both": "both sides", "n/a": "no fighting to cease"}


def reasons_table(outlook: Outlook, round_id: str | None = None) -> pd.DataFrame:
    """What `plot_contributions` draws for one round (the first): the contributions with `label`, `value`, `p` and `base_rate`."""
    c = outlook.contributions
    if not len(c):
        return c
    name = round_id or str(outlook.forecasts.index[0])
    row, x, f = outlook.rounds.set_index("round_id").loc[name], outlook.features.loc[name], outlook.forecasts.loc[name]
    c = c[c.round_id == name].reset_index(drop=True).copy()
    c["label"] = [PLAIN.get(k, k.replace("_", " ")) for k in c.column]
    c["value"] = [read_as(k, row, x) for k in c.column]
    c["p"], c["base_rate"] = float(f[f"p_ge{outlook.headline}"]), float(f.base_rate)
    return c


def read_as(column: str, row: Any, x: Any) -> str:
    """What a column was read as, in words: from the round's row, or for history and statements from its features."""
    if column == "statements":
        parts = [f"{int(x[k])} {k if x[k] > 1 else k[:-1]}" for k in ("refusals", "offers", "acceptances") if x.get(k, 0) == x.get(k, 0) and x.get(k, 0) > 0]
        return ", ".join(parts) or "nothing"
    if column == "history":
        last, n = x.get("last_not_held"), x.get("rounds_so_far")
        held = "none held" if n != n or n is None or n <= 0 else f"{round(2.718281828459045**n - 1)} held"
        return held + (", last one not held" if last == 1 else "")
    if column == "window_start":
        days = x.get("lead_days")
        return "" if days != days or days is None else f"{round(2.718281828459045**days - 1)} days"
    v = row.get(column)
    if v is None or v != v or v == "":
        return "nothing read"
    if column in ("signing_expected", "draft_on_table", "entry_condition_unmet", "guarantor_offered"):
        return "yes" if int(v) else "no"
    if column == "expectation":
        return f"{int(v):+d} of -2 to +2" if int(v) else "neither hope nor doubt"
    if column == "granularity":
        return {"day": "a day named", "week": "a week named", "month": "a month named", "open": "no date"}.get(str(v), str(v))
    return _WORDS.get(str(v), str(v).replace("_", " ").replace(";", ", "))


@styled
def plot_contributions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Why the forecast leaves the base rate: change of the headline probability by column, largest first."""
    t = table[table.round_id == table.round_id.iloc[0]] if len(table) else table
    t = t[t.moves.abs() > 5e-4].reindex(t.moves.abs().sort_values(ascending=False).index).dropna(subset=["moves"]).head(10)
    ax = new_axes(ax, 9, 1.7 + 0.44 * max(3, len(t)))
    title = "What moved the forecast"
    if not len(t):
        return say_empty(ax, title, "No evidence moved the forecast from its base rate")
    points = (t.moves * 100).tolist()
    ax.barh(range(len(t)), points, color=[BLUE if v > 0 else ORANGE for v in points], height=0.7)
    ax.axvline(0, color=INK, linewidth=1.2)
    for y, v in enumerate(points):
        ax.annotate(f"{v:+.1f}".replace("-", "−"), (v, y), xytext=(5 if v > 0 else -5, 0), textcoords="offset points", va="center", ha="left" if v > 0 else "right", fontsize=11, fontweight="bold")
    low, high = min(0.0, *points), max(0.0, *points)
    room = 0.16 * (high - low)
    ax.set_xlim(low - room, high + room)
    names = t.label if "label" in t else [PLAIN.get(c, c.replace("_", " ")) for c in t.column]
    labels = [short(f"{n}: {v}" if v else str(n), 42) for n, v in zip(names, t["value"] if "value" in t else [""] * len(t), strict=True)]
    ax.set_yticks(range(len(t)), labels, fontsize=10.5)
    ax.invert_yaxis()
    ax.set_xlabel("percentage points on the headline probability")
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(6))
    start = f"From a base rate of {t.base_rate.iloc[0]:.1%} to {t.p.iloc[0]:.1%}. " if "p" in t else ""
    heading(ax, title, start + "Each bar: how much lower or higher the forecast stands because of it.", labels=widest(labels))
    plain_y(ax)
    return ax


def movement_table(outlook: Outlook, round_id: str | None = None) -> pd.DataFrame:
    """What `plot_movement` draws: the logged forecasts of one round (the first), one a reference date, and why it moved.

    Columns: round_id, label, date, p, lo, hi, base_rate, model_id, why. `lo`, `hi` and `base_rate` are empty where
    another headline was logged. `why`: changes of status since the forecast before, else of window, reports or model.
    """
    import pandas as pd

    columns = ["round_id", "label", "date", "p", "lo", "hi", "base_rate", "model_id", "why"]
    logged = _logged(outlook)
    if not len(outlook.forecasts) or not logged:
        return pd.DataFrame(columns=columns)
    name = round_id or str(outlook.forecasts.index[0])
    label = round_label(outlook.rounds.set_index("round_id").loc[name])
    last_of_day = {r["reference_date"]: r for r in logged if r["round_id"] == name}
    rows, before = [], None
    for day, r in sorted(last_of_day.items()):
        same = r.get("headline") == outlook.headline
        rows.append(
            (name, label, day, r[f"p_ge{outlook.headline}"], *(r[c] if same else float("nan") for c in ("lo", "hi", "base_rate")),
             r["model_id"], _why(outlook, name, before, r))
        )  # fmt: skip
        before = r
    return pd.DataFrame(rows, columns=columns)


def _logged(outlook: Outlook) -> list[dict[str, Any]]:
    """Forecasts logged for the reference date or before it."""
    from forecast.archive import Archive

    if outlook.case.path is None or not outlook.case.archive_path.exists():
        return []
    with Archive(outlook.case.archive_path, readonly=True) as archive:
        return [r for r in archive.forecasts() if r["reference_date"] <= outlook.reference_date.isoformat()]


def _why(outlook: Outlook, round_id: str, before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    if before is None:
        return f"first forecast ({now.get('status')})"
    out = []
    if before.get("status") != now.get("status"):
        out.append(f"{before.get('status')} → {now.get('status')}")
    if (before["window_start"], before["window_end"]) != (now["window_start"], now["window_end"]):
        out.append(f"window now {span(now['window_start'], now['window_end'])}")
    e = outlook.events
    said = e[(e.round_id == round_id) & (e.date.astype(str) > before["reference_date"]) & (e.date.astype(str) <= now["reference_date"])] if len(e) else e
    if len(said) and not out:
        out.append(f"reported {said.status.iloc[-1]} by {said.source.iloc[-1]}")
    more = int(now.get("n_articles") or 0) - int(before.get("n_articles") or 0)
    if more:
        out.append(f"{more:+d} reports")
    if before["model_id"] != now["model_id"]:
        out.append("another model")
    return "; ".join(out)


@styled
def plot_movement(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How the probability moved and why: the logged forecasts with interval and base rate, the largest steps told in words."""
    import pandas as pd

    title = "How the probability moved, and why"
    if not len(table):
        return say_empty(new_axes(ax, 9, 3), title, "No forecast of a coming round is logged yet")
    t = table.reset_index(drop=True)
    days = pd.to_datetime(t.date)
    steps = t.p.diff().abs().fillna(1.0)
    told = sorted(steps[(steps >= 0.001) & (t.why != "")].nlargest(6).index)
    ax = new_axes(ax, 9, 4.2 + 0.22 * len(told))
    if len(t) > 1:
        ax.fill_between(days, t.lo, t.hi, color=BLUE, alpha=0.18, linewidth=0, step="post")
        ax.step(days, t.p, color=BLUE, linewidth=2.2, where="post")
    ax.vlines(days, t.lo, t.hi, color=BLUE, linewidth=5 if len(t) < 12 else 2, alpha=0.3)
    ax.plot(days, t.p, "D", color=BLUE, markersize=6 if len(t) < 40 else 3, zorder=3)
    date_axis(ax, days)
    base = t.base_rate.dropna()
    top = float(pd.concat([t.p, t.hi, t.base_rate]).max()) * 1.3
    if len(base):
        ax.axhline(base.iloc[-1], color=INK, linewidth=1.6, linestyle=(0, (2.5, 1.5)))
        ax.annotate(f"base rate {base.iloc[-1]:.1%}", (1, base.iloc[-1]), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10)
    gap = top * 0.075
    y = t.p.iloc[-1]
    if len(base) and abs(y - base.iloc[-1]) < gap:
        y = base.iloc[-1] + (gap if y >= base.iloc[-1] else -gap)
    ax.annotate(f"{t.p.iloc[-1]:.1%}", (1, max(y, 0)), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points", va="center", fontsize=14, fontweight="bold", color=BLUE)
    ax.set_ylim(0, top)
    percent_axis(ax.yaxis, 5)
    lines, at, height = [], -1e9, 0
    span = max((days.iloc[-1] - days.iloc[0]).total_seconds() / 86400, 4.0)
    for n, i in enumerate(told, 1):
        x = (days[i] - days.iloc[0]).total_seconds() / 86400
        height = height + 1 if x - at < span * 0.035 else 0
        at = x
        ax.annotate(str(n), (days[i], top), xytext=(0, -9 - 15 * height), textcoords="offset points", ha="center", va="center", fontsize=9.5, fontweight="bold", color="white", bbox={"boxstyle": "circle,pad=0.22", "facecolor": INK, "edgecolor": "none"})
        ax.axvline(days[i], color=PALE, linewidth=0.7, linestyle=":", zorder=0)
        step = "" if i == 0 else f", {(t.p[i] - t.p[i - 1]) * 100:+.1f} points".replace("-", "−")
        lines.append(one_line(f"{n}   {days[i].day} {days[i]:%b %Y}{step}: {t.why[i]}", 100))
    ax.set_xlabel("\n".join(lines), fontsize=10, loc="left", linespacing=1.45)
    note = f"{t.label.iloc[0]}. " if "label" in t else ""
    heading(ax, title, f"{note}As logged on each date. Shaded: 90 % interval." + (" One forecast so far." if len(t) == 1 else ""), labels=14)
    return ax
