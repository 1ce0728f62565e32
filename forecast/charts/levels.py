"""What the rounds may bring: the outlook of each, and the ladder of one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from forecast.charts.labels import round_label, short, two_lines, widest
from forecast.charts.style import (
    BLUE,
    INK,
    PALE,
    RUNGS,
    heading,
    new_axes,
    percent_x,
    plain_y,
    say_empty,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from forecast.outlook import Outlook

OUTCOMES = ("not held", "held, nothing agreed", "process step", "humanitarian deal", "partial deal", "general ceasefire", "settlement")
DETAILED = 5  # rounds up to which each shows all its rungs


def level_table(outlook: Outlook) -> pd.DataFrame:
    """P(level >= k) of each proposed round with interval and base rate: round_id, k, p, lo, hi, base_rate.

    Interval and base rate of levels other than the headline are those of the shipped model; they stay empty for
    an outlook made with another one.
    """
    import pandas as pd

    from forecast.model import P_COLUMNS, LadderModel
    from forecast.outlook import MACHINE_NOISE

    columns = ["round_id", "k", "p", "lo", "hi", "base_rate"]
    if not len(outlook.forecasts):
        return pd.DataFrame(columns=columns)
    kept: dict[str, pd.DataFrame] = vars(outlook).setdefault("_levels", {})
    key = hashlib.sha256((outlook.forecasts.to_csv() + outlook.features.to_csv() + str(outlook.headline)).encode()).hexdigest()
    if key in kept:
        return kept[key]
    model = LadderModel.default()
    known = model.model_id == outlook.model_id
    parts = []
    for k, column in enumerate(P_COLUMNS, 1):
        f = outlook.forecasts
        if k != outlook.headline and known:
            f = model.predict(outlook.features, noise=MACHINE_NOISE, headline=k)
        part = f[["lo", "hi", "base_rate"]].astype(float)
        if k != outlook.headline and not known:
            part = part * float("nan")
        parts.append(part.assign(k=k, p=outlook.forecasts[column]).rename_axis("round_id").reset_index())
    kept[key] = pd.concat(parts, ignore_index=True)[columns].sort_values(["round_id", "k"], ignore_index=True)
    return kept[key]


def outlook_table(outlook: Outlook) -> pd.DataFrame:
    """What `plot_outlook` draws: one row a proposed round with label, p_held, p_ge3, p_ge4, p_ge5, interval and base rate.

    `lo`, `hi`, `base_rate` are those of the headline; `lo3`, `hi3`, `base3` and so on those of each level (1: held).
    """
    import pandas as pd

    columns = ["round_id", "label", "p_held", "p_ge3", "p_ge4", "p_ge5", "lo", "hi", "base_rate", "headline"]
    if not len(outlook.forecasts):
        return pd.DataFrame(columns=columns)
    r = outlook.rounds.set_index("round_id")
    t = outlook.forecasts.reset_index()[["round_id", "p_held", "p_ge3", "p_ge4", "p_ge5", "lo", "hi", "base_rate"]].copy()
    t["label"] = [round_label(r.loc[i]) for i in t.round_id]
    t["headline"] = outlook.headline
    t = t[columns]
    levels = level_table(outlook)
    for k in (1, 3, 4, 5):
        one = levels[levels.k == k].set_index("round_id")
        for name, column in (("lo", "lo"), ("hi", "hi"), ("base", "base_rate")):
            t[f"{name}{k}"] = one[column].reindex(t.round_id).to_numpy()
    return t


def _estimate(ax: Axes, y: float, p: float, lo: float, hi: float, base: float, *, strong: bool) -> None:
    """One probability: interval, base rate, mark, and the numbers written beside them."""
    ax.hlines(y, lo, hi, color=BLUE, linewidth=9 if strong else 6, alpha=0.3 if strong else 0.18)
    ax.vlines(base, y - 0.34, y + 0.34, color=INK, linewidth=1.8, linestyles=(0, (2.5, 1.5)))
    ax.plot(p, y, "D" if strong else "o", color=BLUE if strong else "white", markeredgecolor=BLUE, markeredgewidth=1.6, markersize=10 if strong else 8, zorder=3)
    right = max(v for v in (p, hi, base) if v == v)
    ax.annotate(f"{p:.1%}", (right, y), xytext=(9, 0), textcoords="offset points", va="center", fontsize=14 if strong else 11, fontweight="bold" if strong else "normal", color=BLUE)
    if base == base:
        ax.annotate(f"base rate {base:.1%}", (right, y), xytext=(70 if strong else 56, 0), textcoords="offset points", va="center", fontsize=10, color=INK)


@styled
def plot_outlook(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Outlook per proposed round: each level with its interval and base rate; with many rounds the headline only."""
    detailed = len(table) <= DETAILED
    ax = new_axes(ax, 9, 1.5 + (1.62 * max(1, len(table)) if detailed else 0.5 * len(table)))
    title = "Outlook of proposed rounds"
    if not len(table):
        return say_empty(ax, title, "No round is proposed as of this date")
    head = int(table.headline.iloc[0])
    t = table.copy()
    for k in RUNGS:  # a table without the intervals of all levels draws those of the headline
        for short_name, name in (("lo", "lo"), ("hi", "hi"), ("base", "base_rate")):
            if f"{short_name}{k}" not in t:
                t[f"{short_name}{k}"] = t[name] if k == head else float("nan")
    drawn = list(RUNGS) if detailed else [head]
    wide = [f"{c}{k}" for k in drawn for c in ("p_ge", "hi", "base")]
    percent_x(ax, min(1.4, max(0.06, float(t[wide].max().max()) * 1.42)))
    ticks: list[tuple[float, str, bool]] = []
    y = 0.0
    for r in t.itertuples():
        if detailed:
            name = short(r.label, 58)
            y += 0.6 * name.count("\n")
            ax.annotate(name, (0, y + 0.3), xycoords=("axes fraction", "data"), fontweight="bold", fontsize=12, va="bottom")
            base1 = getattr(r, "base1", float("nan"))
            held = f"held at all: {r.p_held:.0%}" + (f"  (base rate {base1:.0%})" if base1 == base1 else "")
            ax.annotate(held, (0, y + 0.72), xycoords=("axes fraction", "data"), fontsize=10.5, va="center")
            y += 1.6
        for k in drawn:
            _estimate(ax, y, getattr(r, f"p_ge{k}"), getattr(r, f"lo{k}"), getattr(r, f"hi{k}"), getattr(r, f"base{k}"), strong=k == head)
            ticks.append((y, RUNGS[k][0] if detailed else two_lines(str(r.label), 30), k == head and detailed))
            y += 1.0
        y += 0.5 if detailed else 0.0
    labels = [x[1] for x in ticks]
    ax.set_yticks([x[0] for x in ticks], labels)
    for tick, (_, _, bold) in zip(ax.get_yticklabels(), ticks, strict=True):
        tick.set_fontweight("bold" if bold else "normal")
    ax.set_ylim(y - (0.9 if detailed else 0.4), -0.6)
    what = "" if detailed else f"Probability of a {RUNGS[head][0]} ({RUNGS[head][1]}). "
    heading(ax, title, f"{what}Mark: forecast. Bar: 90 % interval. Dashed: base rate of such rounds.", labels=widest(labels))
    ax.set_xticks([x for x in ax.get_xticks() if 0 <= x <= 1.0])
    plain_y(ax)
    return ax


def ladder_table(outlook: Outlook, round_id: str | None = None) -> pd.DataFrame:
    """What `plot_ladder` draws for one round (the first): level, name, p (exactly that level), at_least, lo, hi, base, label.

    `lo` and `hi` are the 90 % interval of `at_least`, `base` the base rate of exactly that level.
    """
    import pandas as pd

    columns = ["level", "name", "p", "at_least", "lo", "hi", "base", "label"]
    if not len(outlook.forecasts):
        return pd.DataFrame(columns=columns)
    name = round_id or str(outlook.forecasts.index[0])
    t = level_table(outlook)
    t = t[t.round_id == name].set_index("k")
    at = [1.0, *t.p]
    base = [1.0, *t.base_rate]
    label = round_label(outlook.rounds.set_index("round_id").loc[name])
    rows = [
        (k, OUTCOMES[k], at[k] - (at[k + 1] if k < 6 else 0.0), at[k], *((1.0, 1.0) if k == 0 else (t.lo[k], t.hi[k])),
         base[k] - (base[k + 1] if k < 6 else 0.0), label)
        for k in range(7)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


@styled
def plot_ladder(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The ladder: probability of each outcome level of one round, its base rate, and that of at least so much."""
    ax = new_axes(ax, 9, 4.6)
    title = "What the round may bring"
    if not len(table):
        return say_empty(ax, title, "No round is proposed as of this date")
    t = table.reset_index(drop=True)
    known = "base" in t and t.base.notna().any()
    top = max(float(t.p.max()), float(t.base.max()) if known else 0.0) * 1.18
    percent_x(ax, top)
    ax.barh(t.level, t.p, color=["#8c8c8c", "#cfd8e3", "#b0c9de", "#8ab6d6", "#5e9fcb", BLUE, "#084a75"], edgecolor="white", height=0.74)
    for r in t.itertuples():
        if known:
            ax.vlines(r.base, r.level - 0.4, r.level + 0.4, color=INK, linewidth=1.8, linestyles=(0, (2.5, 1.5)))
        ax.annotate(f"{r.p:.1%}", (max(r.p, r.base) if known else r.p, r.level), xytext=(6, 0), textcoords="offset points", va="center", fontsize=11, fontweight="bold")
        if "lo" in t and r.level and r.lo == r.lo:
            ax.annotate(f"{r.at_least:.1%}  ({r.lo:.1%} to {r.hi:.1%})", (1.0, r.level), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points", va="center", fontsize=10)
    if "lo" in t:
        ax.annotate("at least this level\n(90 % interval)", (1.0, 6.55), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points", va="bottom", fontsize=9.5, color=PALE)
    labels = [f"{r['name']}  {r['level']}" for r in t.to_dict("records")]
    ax.set_yticks(t.level, labels)
    ax.set_ylim(-0.55, 6.6)
    which = f"{t.label.iloc[0]}. " if "label" in t else ""
    heading(ax, title, f"{which}Bar: probability of exactly this level." + (" Dashed: base rate." if known else ""), labels=widest(labels) + 18)
    plain_y(ax)
    return ax
