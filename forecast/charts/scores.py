"""The model's record: reliability, and skill over the base rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.charts.labels import widest
from forecast.charts.style import (
    BLUE,
    GRID,
    INK,
    PALE,
    RUNGS,
    SKY,
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


@styled
def plot_reliability(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Observed rate against forecast, with the band in which a calibrated forecast would lie."""
    ax = new_axes(ax, 6.4, 6)
    title = "Reliability"
    if not len(table):
        return say_empty(ax, title, "No scored forecast yet")
    top = min(1.0, float(max(table.predicted.max(), table.observed.max(), table.hi.max())) * 1.1)
    ax.plot([0, top], [0, top], color=PALE, linewidth=1)
    ax.fill_between(table.predicted, table.lo, table.hi, color=SKY, alpha=0.3, linewidth=0)
    if "base_rate" in table:
        ax.axhline(float(table.base_rate.iloc[0]), color=INK, linewidth=1.4, linestyle=(0, (2.5, 1.5)))
        ax.annotate("base rate", (top, float(table.base_rate.iloc[0])), xytext=(-3, 3), textcoords="offset points", ha="right", va="bottom", fontsize=9.5)
    ax.plot(table.predicted, table.observed, "o-", color=BLUE, markersize=7)
    previous = None
    for r in table.itertuples():
        if previous is None or r.predicted - previous > top * 0.11:
            ax.annotate(f"n={r.n}", (r.predicted, r.observed), xytext=(0, 10), textcoords="offset points", ha="center", fontsize=9.5)
            previous = r.predicted
    for axis in (ax.xaxis, ax.yaxis):
        percent_axis(axis, 5)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ax.set_aspect("equal")
    ax.set_xlabel("forecast probability")
    ax.set_ylabel("how often it came true")
    heading(ax, title, "On the diagonal: as often as forecast. Shaded: 90 % band of a calibrated forecast.", labels=14)
    return ax


@styled
def plot_skill(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Skill over the base rate by threshold, with its 90 % interval; 0 is the dull opponent."""
    t = table.reset_index(drop=True)
    ax = new_axes(ax, 9, 1.9 + 0.55 * max(2, len(t)))
    title = "Skill over the base rate, out of sample"
    if not len(t):
        return say_empty(ax, title, "No score yet")
    ax.hlines(t.index, t.lo, t.hi, color=BLUE, linewidth=8, alpha=0.3)
    ax.plot(t.skill, t.index, "D", color=BLUE, markersize=8)
    ax.axvline(0, color=INK, linewidth=1.6, linestyle=(0, (2.5, 1.5)))
    ax.annotate("as good as the\nbase rate", (0, -0.55), xytext=(5, 0), textcoords="offset points", fontsize=9.5, va="center")
    for y, r in enumerate(t.itertuples()):
        ax.annotate(f"{r.skill:.2f}".replace("-", "−"), (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points", va="center", fontsize=12, fontweight="bold", color=BLUE)
    words = {">= 1": "held", ">= 2": "process step or more", **{f">= {k}": v[0] for k, v in RUNGS.items()}, ">= 6": "settlement", "RPS": "whole ladder (RPS)"}
    labels = [words.get(str(x), str(x)) for x in t.threshold]
    ax.set_yticks(t.index, labels)
    ax.set_ylim(len(t) - 0.5, -1.0)
    low, high = min(0.0, float(t.lo.min())), max(0.0, float(t.hi.max()))
    ax.set_xlim(low - 0.08 * (high - low), high + 0.12 * (high - low))
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_xlabel("1 = perfect, 0 = base rate, below 0 = worse than the base rate")
    heading(ax, title, "Mark: skill. Bar: 90 % interval, whole conflicts drawn.", labels=widest(labels))
    plain_y(ax)
    return ax
