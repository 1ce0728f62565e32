"""What is said: who stands where, statements over time, and the tone of the outlets."""

from __future__ import annotations

import textwrap
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Any

from forecast.charts.labels import short, side_name, widest
from forecast.charts.style import (
    GRID,
    INK,
    PALE,
    SIDES,
    STANCE_STYLE,
    date_axis,
    heading,
    new_axes,
    plain_y,
    say_empty,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from forecast.outlook import Outlook


@styled
def plot_positions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Who stands where on which issue: latest stance by party, with an arrow where it moved."""
    title = "Who stands where"
    if not len(table):
        return say_empty(new_axes(ax, 7, 3), title, "No statement of the parties was read")
    every = list(table.groupby("issue").times.sum().sort_values(ascending=False, kind="stable").index)
    issues, actors = every[:16], list(dict.fromkeys(table.actor))
    cell = 2.1 if len(actors) <= 3 else 1.45
    ax = new_axes(ax, 2.8 + cell * len(actors), 1.7 + 0.38 * max(3, len(issues)))
    for r in table[table.issue.isin(issues)].itertuples():
        x, y = actors.index(r.actor), issues.index(r.issue)
        ax.add_patch(_cell(x, y, STANCE_STYLE[r.stance][0]))
        arrow = {"softened": " ▲", "hardened": " ▼"}.get(r.moved, "")
        ax.text(x, y, f"{r.stance}{arrow}", ha="center", va="center", fontsize=10.5, color="#fffffe" if r.stance in ("rejects", "accepts") else "#101010")
    ax.set_xlim(-0.5, len(actors) - 0.5)
    ax.set_ylim(len(issues) - 0.5, -0.5)
    ax.set_xticks(range(len(actors)), [short(a, 18 if cell > 2 else 12) for a in actors], fontweight="bold")
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(issues)), [i.replace("_", " ") for i in issues])
    ax.tick_params(length=0)
    for s in ax.spines.values():
        s.set_visible(False)
    ax.set_title(title, pad=14)
    left_out = f"; {len(every) - len(issues)} rarer issues left out" if len(every) > len(issues) else ""
    note = f"▲ moved towards agreement   ▼ moved away from it   blank: nothing read{left_out}"
    ax.set_xlabel("\n".join(textwrap.wrap(note, int(cell * len(actors) * 12.5))), fontsize=9.5, loc="left", color=PALE)
    return ax


def _cell(x: float, y: float, colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, edgecolor="white")


def timeline_table(outlook: Outlook) -> pd.DataFrame:
    """What `plot_timeline` draws: statements of the parties by date, actor, stance and issue."""
    s = outlook.statements
    mine = s[s.actor.isin(list(outlook.case.parties))]
    return mine[["date", "actor", "issue", "stance", "source", "url", "quote"]].reset_index(drop=True)


@styled
def plot_timeline(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Statements over time by side: one mark a day and stance, its shape and colour the stance, its size their number."""
    import pandas as pd

    title = "Statements over time, by side"
    actors = list(dict.fromkeys(table.actor))
    ax = new_axes(ax, 9, 1.7 + 1.45 * max(1, len(actors)))
    if not len(table):
        return say_empty(ax, title, "No statement of the parties was read")
    days = pd.to_datetime(table.date)
    order = list(STANCE_STYLE)
    for a, actor in enumerate(actors):
        for k, stance in enumerate(order):
            y = a + (k - 2) * -0.165
            ax.annotate(stance, (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9.5)
            ax.axhline(y, color=GRID, linewidth=0.6, zorder=0)
            rows = (table.actor == actor) & (table.stance == stance)
            if not rows.any():
                continue
            counts = days[rows].value_counts().sort_index()
            colour, mark = STANCE_STYLE[stance]
            ax.scatter(counts.index, [y] * len(counts), s=34 + 20 * (counts - 1).clip(upper=6), marker=mark, color=colour, linewidths=0.4, edgecolors="white")
    labels = [short(a, 16) for a in actors]
    ax.set_yticks(range(len(actors)), labels, fontweight="bold")
    ax.set_ylim(len(actors) - 0.52, -0.52)
    date_axis(ax, days)
    plain_y(ax)
    heading(ax, title, "Each mark: one day. The larger, the more statements of that kind.", labels=widest(labels))
    return ax


@styled
def plot_tone(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Outlook tone by the side of the outlet: one mark an article and a running mean of days."""
    import pandas as pd

    ax = new_axes(ax, 9, 4.4)
    title = "Outlook for the talks, by side of the outlet"
    if not len(table):
        return say_empty(ax, title, "No article spoke of the outlook")
    every = pd.to_datetime(table.date)
    ax.axhline(0, color=INK, linewidth=0.9)
    ends: list[list[Any]] = []
    for (colour, mark), (side, g) in zip(cycle(SIDES), table.groupby("side", sort=True)):
        g = g.sort_values("date")
        ax.scatter(pd.to_datetime(g.date), g.tone, s=26, marker=mark, color=colour, alpha=0.45, linewidths=0)
        daily = g.groupby("date").tone.agg(["mean", "size"])
        smooth = (daily["mean"] * daily["size"]).ewm(span=5).mean() / daily["size"].ewm(span=5).mean()
        ax.plot(pd.to_datetime(smooth.index), smooth, color=colour, linewidth=2.2)
        ends.append([float(smooth.iloc[-1]), f"{short(side_name(side), 20)} ({len(g)})", colour, pd.Timestamp(smooth.index[-1]), float(smooth.iloc[-1])])
    limit = min(1.08, max(0.22, 1.2 * float(table.tone.abs().max())))
    _spread(ends, 0.16 * limit, 0.9 * limit)
    for y, text, colour, _, _ in ends:
        label = ax.annotate(text, (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points", color=colour, va="center", fontsize=10, fontweight="bold")
        label.set_linespacing(0.9)
    ax.set_ylim(-limit, limit)
    at = next(v for v in (1.0, 0.5, 0.2, 0.1) if v <= limit)
    ax.set_yticks([-at, 0, at], [f"towards\ncollapse −{at:g}", "neither 0", f"towards\na deal +{at:g}"])
    date_axis(ax, every)
    heading(ax, title, "Marks: articles (their number after the name). Lines: running mean.", labels=12)
    return ax


def _spread(ends: list[list[Any]], gap: float, limit: float) -> None:
    """Move labels (first item: height) apart so that none covers another, and keep them below the limit."""
    ends.sort(key=lambda e: e[0])
    for below, e in pairwise(ends):
        e[0] = max(e[0], below[0] + gap)
    over = max(0.0, ends[-1][0] - limit) if ends else 0.0
    for e in ends:
        e[0] -= over
