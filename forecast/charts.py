"""Charts: `plot_x(table, *, ax=None) -> Axes`. The table drawn is the data exported beside the picture.

One house style: direct labels instead of legends, the base rate and the uncertainty always drawn, colours that
stay apart in grey and for colour-blind readers (Okabe & Ito 2008).
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import cycle, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forecast.outlook import Outlook

INK, PALE, GRID = "#222222", "#5f5f5f", "#dddddd"
BLUE, ORANGE, GREEN, RED, SKY = "#0072b2", "#b84f00", "#00795a", "#b2182b", "#56b4e9"
SIDES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), ("#8a4b86", "D"), ("#6b5b00", "v"), (PALE, "P"))  # colour and mark
STANCE_STYLE = {  # colour, mark, order from refusal to acceptance
    "rejects": ("#b2182b", "X"), "conditions": ("#ef8a62", "s"), "demands": ("#999999", "o"), "offers": ("#67a9cf", "^"), "accepts": ("#2166ac", "D"),
}  # fmt: skip
RUNGS = {  # rung -> what it takes at least, and its name as a headline
    3: ("humanitarian deal or more", "deliverable"), 4: ("limited truce or more", "partial breakthrough"),
    5: ("general ceasefire or more", "breakthrough"),
}  # fmt: skip
OUTCOMES = ("not held", "held, nothing agreed", "process step", "humanitarian deal", "partial deal", "general ceasefire", "settlement")
ALARM = 0.6  # share of one side above which the evidence is called one-sided
DETAILED = 5  # rounds up to which each shows all its rungs
MAX_WORDS = 25  # of a quote
_STYLE = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 11, "axes.titlesize": 14, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": PALE,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": False,
    "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white", "svg.hashsalt": "negotiation-outlook",
    "svg.fonttype": "path", "pdf.fonttype": 42, "figure.dpi": 100, "axes.titlepad": 12, "text.parse_math": False, "text.hinting": "none", "axes.unicode_minus": True,
}  # fmt: skip
P = ParamSpec("P")


@contextmanager
def house_style() -> Iterator[None]:
    """The package's drawing style, for as long as the block lasts."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _styled(plot: Callable[Concatenate[pd.DataFrame, P], Axes]) -> Callable[Concatenate[pd.DataFrame, P], Axes]:
    @functools.wraps(plot)
    def inside(table: pd.DataFrame, *args: P.args, **kwargs: P.kwargs) -> Axes:
        with house_style():
            return plot(table, *args, **kwargs)

    return inside


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.14, h_pad=0.08)  # type: ignore[union-attr,call-arg]
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def _heading(ax: Axes, title: str, note: str = "", *, labels: int = 0) -> None:
    """Title, and below it one or two lines that say how to read the marks; `labels` is the longest y label, in letters."""
    width = (ax.get_figure().get_figwidth() - 0.3) * 13 - labels * 1.2  # type: ignore[union-attr]
    lines = textwrap.wrap(note, max(24, int(width)))
    ax.set_title(title, pad=8 + 14 * len(lines))
    if lines:
        text = ax.annotate("\n".join(lines), (0, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points", va="bottom", fontsize=9.5, color=PALE)
        text.set_in_layout(False)


def _empty(ax: Axes, title: str, what: str) -> Axes:
    ax.set_title(title)
    ax.set_axis_off()
    ax.text(0.5, 0.5, "\n".join(textwrap.wrap(what, 60)), ha="center", va="center", color=PALE, fontsize=12, transform=ax.transAxes)
    return ax


def short(text: object, width: int = 28) -> str:
    """A label on at most two lines, of printable signs only.

    >>> short("one two three four", 9)
    'one two\\nthree…'
    """
    plain = "".join(c if c.isprintable() else " " for c in str(text))
    lines = textwrap.wrap(plain, width, max_lines=2, placeholder="…") or [""]
    return "\n".join(lines)


def _line(text: object, width: int) -> str:
    """A label on one line."""
    plain = "".join(c if c.isprintable() else " " for c in str(text))
    return plain if len(plain) <= width else plain[: width - 1].rstrip() + "…"


def _two_lines(label: str, width: int) -> str:
    """A round's name with the place on the first line, and number and date, which tell it from others, on the second."""
    place, _, rest = label.partition(", ")
    return f"{_line(place, width)}\n{_line(rest, width)}" if rest and len(label) > width else _line(label, width)


def _letters(labels: Sequence[str]) -> int:
    return max((len(line) for label in labels for line in label.split("\n")), default=0)


def _percent_axis(axis: Any, ticks: int) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v * 100:.3g}%"))


def _percent(ax: Axes, top: float) -> None:
    ax.set_xlim(0, top)
    _percent_axis(ax.xaxis, 6)
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def _plain_y(ax: Axes) -> None:
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _dates(ax: Axes, days: pd.Series) -> None:
    """Date ticks from a single day to many years; the year stands below the first tick and wherever it changes."""
    import pandas as pd
    from matplotlib.dates import AutoDateLocator, DayLocator, num2date
    from matplotlib.ticker import FuncFormatter

    class DateFormatter(FuncFormatter):
        def format_ticks(self, values: Any) -> list[str]:
            when = [num2date(v) for v in values]
            step = min((b - a for a, b in pairwise(when)), default=timedelta(days=1))
            form = "%Y" if step > timedelta(days=360) else "%b" if step > timedelta(days=27) else "%d %b"
            years = [None, *(d.year for d in when)]
            return [
                d.strftime(form).lstrip("0") + (f"\n{d.year}" if form != "%Y" and d.year != before else "")
                for d, before in zip(when, years, strict=False)
            ]

    first, last = days.min(), days.max()
    room = max(pd.Timedelta(days=2), (last - first) * 0.03)
    ax.set_xlim(first - room, last + room)
    ax.xaxis.set_major_locator(DayLocator() if last - first < pd.Timedelta(days=5) else AutoDateLocator(minticks=3, maxticks=7))
    ax.xaxis.set_major_formatter(DateFormatter(str))
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)


# -- outlook ------------------------------------------------------------------------------------


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


def round_label(row: Any) -> str:
    """Name of a round for people: "Istanbul, 3rd round, 21-27 Jul 2025"."""
    import pandas as pd

    parts = [row.venue if isinstance(row.venue, str) else "Venue open"]
    if not pd.isna(row.ordinal):
        parts.append(f"{ordinal(int(row.ordinal))} round")
    return ", ".join([*parts, span(row.window_start, row.window_end)])


def span(start: Any, end: Any) -> str:
    """A window of days for people.

    >>> span("2025-07-21", "2025-07-27"), span("2025-07-30", "2025-08-02")
    ('21-27 Jul 2025', '30 Jul - 2 Aug 2025')
    """
    import pandas as pd

    a, b = pd.Timestamp(start), pd.Timestamp(end)
    if a == b:
        return f"{a.day} {a:%b %Y}"
    if (a.month, a.year) == (b.month, b.year):
        return f"{a.day}-{b.day} {b:%b %Y}"
    return f"{a.day} {a:%b}{'' if a.year == b.year else f' {a.year}'} - {b.day} {b:%b %Y}"


def ordinal(n: int) -> str:
    """1 -> 1st.

    >>> [ordinal(n) for n in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    return f"{n}{'th' if 10 <= n % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _estimate(ax: Axes, y: float, p: float, lo: float, hi: float, base: float, *, strong: bool) -> None:
    """One probability: interval, base rate, mark, and the numbers written beside them."""
    ax.hlines(y, lo, hi, color=BLUE, linewidth=9 if strong else 6, alpha=0.3 if strong else 0.18)
    ax.vlines(base, y - 0.34, y + 0.34, color=INK, linewidth=1.8, linestyles=(0, (2.5, 1.5)))
    ax.plot(p, y, "D" if strong else "o", color=BLUE if strong else "white", markeredgecolor=BLUE, markeredgewidth=1.6, markersize=10 if strong else 8, zorder=3)
    right = max(v for v in (p, hi, base) if v == v)
    ax.annotate(f"{p:.1%}", (right, y), xytext=(9, 0), textcoords="offset points", va="center", fontsize=14 if strong else 11, fontweight="bold" if strong else "normal", color=BLUE)
    if base == base:
        ax.annotate(f"base rate {base:.1%}", (right, y), xytext=(70 if strong else 56, 0), textcoords="offset points", va="center", fontsize=10, color=INK)


@_styled
def plot_outlook(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Outlook per proposed round: each level with its interval and base rate; with many rounds the headline only."""
    detailed = len(table) <= DETAILED
    ax = _axes(ax, 9, 1.5 + (1.62 * max(1, len(table)) if detailed else 0.5 * len(table)))
    title = "Outlook of proposed rounds"
    if not len(table):
        return _empty(ax, title, "No round is proposed as of this date")
    head = int(table.headline.iloc[0])
    t = table.copy()
    for k in RUNGS:  # a table without the intervals of all levels draws those of the headline
        for short_name, name in (("lo", "lo"), ("hi", "hi"), ("base", "base_rate")):
            if f"{short_name}{k}" not in t:
                t[f"{short_name}{k}"] = t[name] if k == head else float("nan")
    drawn = list(RUNGS) if detailed else [head]
    wide = [f"{c}{k}" for k in drawn for c in ("p_ge", "hi", "base")]
    _percent(ax, min(1.4, max(0.06, float(t[wide].max().max()) * 1.42)))
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
            ticks.append((y, RUNGS[k][0] if detailed else _two_lines(str(r.label), 30), k == head and detailed))
            y += 1.0
        y += 0.5 if detailed else 0.0
    labels = [x[1] for x in ticks]
    ax.set_yticks([x[0] for x in ticks], labels)
    for tick, (_, _, bold) in zip(ax.get_yticklabels(), ticks, strict=True):
        tick.set_fontweight("bold" if bold else "normal")
    ax.set_ylim(y - (0.9 if detailed else 0.4), -0.6)
    what = "" if detailed else f"Probability of a {RUNGS[head][0]} ({RUNGS[head][1]}). "
    _heading(ax, title, f"{what}Mark: forecast. Bar: 90 % interval. Dashed: base rate of such rounds.", labels=_letters(labels))
    ax.set_xticks([x for x in ax.get_xticks() if 0 <= x <= 1.0])
    _plain_y(ax)
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


@_styled
def plot_ladder(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The ladder: probability of each outcome level of one round, its base rate, and that of at least so much."""
    ax = _axes(ax, 9, 4.6)
    title = "What the round may bring"
    if not len(table):
        return _empty(ax, title, "No round is proposed as of this date")
    t = table.reset_index(drop=True)
    known = "base" in t and t.base.notna().any()
    top = max(float(t.p.max()), float(t.base.max()) if known else 0.0) * 1.18
    _percent(ax, top)
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
    _heading(ax, title, f"{which}Bar: probability of exactly this level." + (" Dashed: base rate." if known else ""), labels=_letters(labels) + 18)
    _plain_y(ax)
    return ax


# -- why ----------------------------------------------------------------------------------------

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


@_styled
def plot_contributions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Why the forecast leaves the base rate: change of the headline probability by column, largest first."""
    t = table[table.round_id == table.round_id.iloc[0]] if len(table) else table
    t = t[t.moves.abs() > 5e-4].reindex(t.moves.abs().sort_values(ascending=False).index).dropna(subset=["moves"]).head(10)
    ax = _axes(ax, 9, 1.7 + 0.44 * max(3, len(t)))
    title = "What moved the forecast"
    if not len(t):
        return _empty(ax, title, "No evidence moved the forecast from its base rate")
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
    _heading(ax, title, start + "Each bar: how much lower or higher the forecast stands because of it.", labels=_letters(labels))
    _plain_y(ax)
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


@_styled
def plot_movement(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How the probability moved and why: the logged forecasts with interval and base rate, the largest steps told in words."""
    import pandas as pd
    title = "How the probability moved, and why"
    if not len(table):
        return _empty(_axes(ax, 9, 3), title, "No forecast of a coming round is logged yet")
    t = table.reset_index(drop=True)
    days = pd.to_datetime(t.date)
    steps = t.p.diff().abs().fillna(1.0)
    told = sorted(steps[(steps >= 0.001) & (t.why != "")].nlargest(6).index)
    ax = _axes(ax, 9, 4.2 + 0.22 * len(told))
    if len(t) > 1:
        ax.fill_between(days, t.lo, t.hi, color=BLUE, alpha=0.18, linewidth=0, step="post")
        ax.step(days, t.p, color=BLUE, linewidth=2.2, where="post")
    ax.vlines(days, t.lo, t.hi, color=BLUE, linewidth=5 if len(t) < 12 else 2, alpha=0.3)
    ax.plot(days, t.p, "D", color=BLUE, markersize=6 if len(t) < 40 else 3, zorder=3)
    _dates(ax, days)
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
    _percent_axis(ax.yaxis, 5)
    lines, at, height = [], -1e9, 0
    span = max((days.iloc[-1] - days.iloc[0]).total_seconds() / 86400, 4.0)
    for n, i in enumerate(told, 1):
        x = (days[i] - days.iloc[0]).total_seconds() / 86400
        height = height + 1 if x - at < span * 0.035 else 0
        at = x
        ax.annotate(str(n), (days[i], top), xytext=(0, -9 - 15 * height), textcoords="offset points", ha="center", va="center", fontsize=9.5, fontweight="bold", color="white", bbox={"boxstyle": "circle,pad=0.22", "facecolor": INK, "edgecolor": "none"})
        ax.axvline(days[i], color=PALE, linewidth=0.7, linestyle=":", zorder=0)
        step = "" if i == 0 else f", {(t.p[i] - t.p[i - 1]) * 100:+.1f} points".replace("-", "−")
        lines.append(_line(f"{n}   {days[i].day} {days[i]:%b %Y}{step}: {t.why[i]}", 100))
    ax.set_xlabel("\n".join(lines), fontsize=10, loc="left", linespacing=1.45)
    note = f"{t.label.iloc[0]}. " if "label" in t else ""
    _heading(ax, title, f"{note}As logged on each date. Shaded: 90 % interval." + (" One forecast so far." if len(t) == 1 else ""), labels=14)
    return ax


# -- what is said -------------------------------------------------------------------------------


@_styled
def plot_positions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Who stands where on which issue: latest stance by party, with an arrow where it moved."""
    title = "Who stands where"
    if not len(table):
        return _empty(_axes(ax, 7, 3), title, "No statement of the parties was read")
    every = list(table.groupby("issue").times.sum().sort_values(ascending=False, kind="stable").index)
    issues, actors = every[:16], list(dict.fromkeys(table.actor))
    cell = 2.1 if len(actors) <= 3 else 1.45
    ax = _axes(ax, 2.8 + cell * len(actors), 1.7 + 0.38 * max(3, len(issues)))
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


@_styled
def plot_timeline(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Statements over time by side: one mark a day and stance, its shape and colour the stance, its size their number."""
    import pandas as pd

    title = "Statements over time, by side"
    actors = list(dict.fromkeys(table.actor))
    ax = _axes(ax, 9, 1.7 + 1.45 * max(1, len(actors)))
    if not len(table):
        return _empty(ax, title, "No statement of the parties was read")
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
    _dates(ax, days)
    _plain_y(ax)
    _heading(ax, title, "Each mark: one day. The larger, the more statements of that kind.", labels=_letters(labels))
    return ax


def side_name(side: object) -> str:
    """Name of the side an outlet reports from, for people."""
    return {"third": "third countries", "agency": "news agencies"}.get(str(side), str(side))


@_styled
def plot_tone(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Outlook tone by the side of the outlet: one mark an article and a running mean of days."""
    import pandas as pd

    ax = _axes(ax, 9, 4.4)
    title = "Outlook for the talks, by side of the outlet"
    if not len(table):
        return _empty(ax, title, "No article spoke of the outlook")
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
    _dates(ax, every)
    _heading(ax, title, "Marks: articles (their number after the name). Lines: running mean.", labels=12)
    return ax


def _spread(ends: list[list[Any]], gap: float, limit: float) -> None:
    """Move labels (first item: height) apart so that none covers another, and keep them below the limit."""
    ends.sort(key=lambda e: e[0])
    for below, e in pairwise(ends):
        e[0] = max(e[0], below[0] + gap)
    over = max(0.0, ends[-1][0] - limit) if ends else 0.0
    for e in ends:
        e[0] -= over


def balance_table(outlook: Outlook) -> pd.DataFrame:
    """What `plot_balance` draws: share of statements by the side of the outlet that reported them."""
    s = outlook.statements
    t = s.groupby("side").agg(statements=("quote", "size"), articles=("article_id", "nunique")).reset_index()
    t["share"] = t.statements / max(1, int(t.statements.sum()))
    return t.sort_values("share", ascending=False, ignore_index=True)


@_styled
def plot_balance(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Who reports: share of evidence by side, with an alarm line at 60 %."""
    ax = _axes(ax, 9, 1.6 + 0.62 * max(2, len(table)))
    title = "Who reports"
    if not len(table):
        return _empty(ax, title, "No evidence was read")
    _percent(ax, 1.0)
    ax.barh(range(len(table)), table.share, color=[ORANGE if v > ALARM else BLUE for v in table.share], height=0.66)
    for y, r in enumerate(table.itertuples()):
        ax.annotate(f"{r.share:.0%}", (r.share, y), xytext=(6, 0) if r.share < 0.93 else (-6, 0), textcoords="offset points", va="center", ha="left" if r.share < 0.93 else "right", fontsize=12, fontweight="bold", color=INK if r.share < 0.93 else "#fffffe")
    ax.axvline(ALARM, color=INK, linewidth=1.6, linestyle=(0, (2.5, 1.5)))
    labels = [f"{_line(side_name(r.side), 26)}\n{r.statements} statements, {r.articles} articles" for r in table.itertuples()]
    ax.set_yticks(range(len(table)), labels, fontsize=10)
    ax.set_ylim(len(table) - 0.5, -0.5)
    _heading(ax, title, f"Share of the statements read, by side of the outlet. Right of the dashed line ({ALARM:.0%}) the evidence is one-sided.", labels=_letters(labels))
    _plain_y(ax)
    return ax


def feeds_table(outlook: Outlook) -> pd.DataFrame:
    """What `plot_feeds` draws: the health of each feed as of the end of the reference date (see `forecast.health`), without addresses."""
    import pandas as pd

    from forecast.archive import Archive
    from forecast.health import COLUMNS, feed_health
    from forecast.outlook import sample_feeds

    columns = [c for c in COLUMNS if c != "url"]
    if outlook.case.path is None or not outlook.case.archive_path.exists():
        return pd.DataFrame(columns=columns)
    with Archive(outlook.case.archive_path, readonly=True) as archive:
        read = {line["feed"] for line in archive.fetch_log()}
        own = list(outlook.case.feeds)
        if read and not read & {f.name for f in own}:
            own = [f for f in sample_feeds() if f.name in read]
        table = feed_health(archive, own, now=datetime.combine(outlook.reference_date, time(23, 59, 59), UTC)) if read else pd.DataFrame(columns=columns)
    return table[columns]


@_styled
def plot_feeds(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Feed health: items a week of each feed; the state is written beside it, not only coloured."""
    title = "What the feeds bring"
    ax = _axes(ax, 9, 1.6 + 0.5 * max(2, len(table)))
    if not len(table):
        return _empty(ax, title, "No feed has been read by this date")
    colours = {"ok": BLUE, "stale": "#c98a00", "waiting": SKY}
    t = table.reset_index(drop=True)
    ax.barh(range(len(t)), t.items_a_week, color=[colours.get(s, ORANGE) for s in t.state], height=0.62)
    for y, r in enumerate(t.itertuples()):
        last = "" if r.last_item is None or r.last_item != r.last_item else f", last item {r.last_item.day} {r.last_item:%b %Y}"
        ax.annotate(f"{r.items_a_week:g} a week", (r.items_a_week, y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10.5, fontweight="bold")
        ax.annotate(short(f"{r.state}{last}", 34).replace("\n", " "), (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10, color=INK if r.state == "ok" else RED, fontweight="normal" if r.state == "ok" else "bold")
    labels = [f"{short(r.feed, 28)}" for r in t.itertuples()]
    ax.set_yticks(range(len(t)), labels, fontsize=10)
    ax.set_ylim(len(t) - 0.5, -0.5)
    ax.set_xlim(0, max(1.0, float(t.items_a_week.max())) * 1.45)
    ax.set_xlabel("items a week, over the last 28 days")
    _heading(ax, title, "On the right: state of the feed and its last item.", labels=_letters(labels))
    _plain_y(ax)
    return ax


# -- the model's record -------------------------------------------------------------------------


@_styled
def plot_reliability(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Observed rate against forecast, with the band in which a calibrated forecast would lie."""
    ax = _axes(ax, 6.4, 6)
    title = "Reliability"
    if not len(table):
        return _empty(ax, title, "No scored forecast yet")
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
        _percent_axis(axis, 5)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ax.set_aspect("equal")
    ax.set_xlabel("forecast probability")
    ax.set_ylabel("how often it came true")
    _heading(ax, title, "On the diagonal: as often as forecast. Shaded: 90 % band of a calibrated forecast.", labels=14)
    return ax


@_styled
def plot_skill(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Skill over the base rate by threshold, with its 90 % interval; 0 is the dull opponent."""
    t = table.reset_index(drop=True)
    ax = _axes(ax, 9, 1.9 + 0.55 * max(2, len(t)))
    title = "Skill over the base rate, out of sample"
    if not len(t):
        return _empty(ax, title, "No score yet")
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
    _heading(ax, title, "Mark: skill. Bar: 90 % interval, whole conflicts drawn.", labels=_letters(labels))
    _plain_y(ax)
    return ax


# -- export -------------------------------------------------------------------------------------


def chart_set(outlook: Outlook) -> dict[str, tuple[Callable[..., Axes], pd.DataFrame, str]]:
    """Name -> (plot function, table drawn, alt text) of every chart of an outlook."""
    f = outlook_table(outlook)
    head = f"p_ge{outlook.headline}"
    said = "; ".join(f"{r.label}: {getattr(r, head):.1%}, 90 % interval {r.lo:.1%} to {r.hi:.1%}, base rate {r.base_rate:.1%}" for r in f.itertuples()) or "no round is proposed"
    ladder = ladder_table(outlook)
    rungs = ", ".join(f"{r['name']} {r['p']:.1%}" for r in ladder.to_dict("records")) or "no round is proposed"
    why = reasons_table(outlook)
    big = why[why.moves.abs() > 5e-4].sort_values("moves") if len(why) else why
    ups = ", ".join(f"{r.label} {r.moves * 100:+.1f}" for r in big.itertuples())
    moved = movement_table(outlook)
    path = ", ".join(f"{r.date}: {r.p:.1%}" for r in moved.iloc[-8:].itertuples()) or "none logged"
    p, said_when, share, feeds = outlook.positions, timeline_table(outlook), balance_table(outlook), feeds_table(outlook)
    stances = "; ".join(f"{a} {', '.join(f'{n} {s}' for s, n in g.stance.value_counts().sort_index().items())}" for a, g in p.groupby("actor")) if len(p) else ""
    sides = ", ".join(f"{side_name(r.side)} {r.share:.0%}" for r in share.itertuples())
    told = "; ".join(f"{a} {', '.join(f'{n} {s}' for s, n in g.stance.value_counts().sort_index().items())}" for a, g in said_when.groupby("actor"))
    moods = ", ".join(f"{side_name(side)} {v:+.2f}" for side, v in outlook.tone.groupby("side").tone.mean().items()) if len(outlook.tone) else ""
    ill = ", ".join(feeds.feed[feeds.state != "ok"]) or "none"
    return {
        "outlook": (plot_outlook, f, f"Dot chart of the probability that each proposed round reaches level {outlook.headline}. {said}."),
        "ladder": (plot_ladder, ladder, f"Bars: probability of each outcome level of the first proposed round: {rungs}."),
        "movement": (plot_movement, moved, f"Line of the logged forecasts of the first proposed round: {path}."),
        "reasons": (plot_contributions, why, f"Bars: percentage points by which each column moves the headline probability. {ups or 'None'}."),
        "positions": (plot_positions, p, f"Table of the latest stance of each party on {p.issue.nunique()} issues. {stances}."),
        "statements": (plot_timeline, said_when, f"Time line of {len(said_when)} statements by party and stance. {told or 'None'}."),
        "tone": (plot_tone, outlook.tone, f"Outlook tone of {len(outlook.tone)} articles by the side of the outlet, -1 to +1; mean: {moods or 'none'}."),
        "balance": (plot_balance, share, f"Bars: share of the statements by the side of the outlet that reported them: {sides or 'none'}."),
        "feeds": (plot_feeds, feeds, f"Bars: items a week of {len(feeds)} feeds. Not in order: {ill}."),
    }  # fmt: skip


TITLES = {
    "outlook": "Outlook of proposed rounds", "ladder": "What the round may bring", "movement": "How the probability moved, and why", "reasons": "What moved the forecast",
    "positions": "Who stands where", "statements": "Statements over time", "tone": "Outlook as reported, by side", "balance": "Who reports", "feeds": "What the feeds bring",
}  # fmt: skip


def caption(outlook: Outlook) -> str:
    """Definition, as-of date, number of sources and model, for below a chart."""
    from forecast.outlook import HEADLINES

    return (
        f"{outlook.case.name}. {HEADLINES[outlook.headline][0].upper()}{HEADLINES[outlook.headline][1:]}. As of {outlook.reference_date.isoformat()}. "
        f"{outlook.n_articles} articles from {outlook.n_sources} sources; model {outlook.model_id}."
    )


def draw(plot: Callable[..., Axes], table: pd.DataFrame, footer: str = "") -> Figure:
    """One chart as a figure in the house style, with a caption below."""
    with house_style():
        figure: Any = plot(table).figure
        if footer:
            figure.supxlabel("\n".join(textwrap.wrap(footer, int(figure.get_figwidth() * 15))), fontsize=8.5, color=PALE, x=0.012, ha="left")
    return figure


def _settle(figure: Figure) -> None:
    """Lay the figure out once, so that each format need not do it again."""
    from matplotlib.layout_engine import PlaceHolderLayoutEngine

    if figure.get_layout_engine() is not None and not isinstance(figure.get_layout_engine(), PlaceHolderLayoutEngine):
        figure.get_layout_engine().execute(figure)  # type: ignore[union-attr]
        figure.set_layout_engine("none")


def _save(figure: Figure, to: Path | io.StringIO | io.BytesIO, kind: str) -> None:
    """Write one format without dates inside: the same input gives the same bytes."""
    # Straight to the canvas: `savefig` would draw everything a second time to lay it out, which `_settle` has done.
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    before = figure.dpi
    try:
        if kind == "png":
            figure.dpi = 200
            FigureCanvasAgg(figure).print_png(to, metadata={"Software": None}, pil_kwargs={"compress_level": 4})
        elif kind == "svg":
            from matplotlib.backends.backend_svg import FigureCanvasSVG

            FigureCanvasSVG(figure).print_svg(to, metadata={"Date": None, "Creator": None})
        else:
            from matplotlib.backends.backend_pdf import FigureCanvasPdf

            FigureCanvasPdf(figure).print_pdf(to, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    finally:
        figure.dpi = before
        FigureCanvasAgg(figure)


def save_figure(figure: Figure, stem: Path) -> None:
    """PNG at twice screen size and SVG, without dates inside: the same input gives the same bytes."""
    with house_style():
        _settle(figure)
        for kind in ("png", "svg"):
            _save(figure, stem.with_suffix(f".{kind}"), kind)


@dataclass(frozen=True)
class Drawing:
    """One chart of an outlook, drawn once: its figure, its SVG text and what goes with them."""

    name: str
    title: str
    alt: str
    table: pd.DataFrame
    figure: Figure
    svg: str
    content_hash: str


def drawings(outlook: Outlook) -> list[Drawing]:
    """Every chart of an outlook; drawn on the first call and drawn again only where its table or caption has changed."""
    kept: dict[str, Drawing] = vars(outlook).setdefault("_drawn", {})
    footer, out = caption(outlook), []
    for name, (plot, table, alt) in chart_set(outlook).items():
        content = hashlib.sha256(f"{footer}\n{alt}\n{table.to_csv(index=False)}".encode("utf-8", "replace")).hexdigest()[:16]
        if name not in kept or kept[name].content_hash != content:
            figure = draw(plot, table, footer)
            kept[name] = Drawing(name, TITLES[name], alt, table, figure, _svg_text(figure), content)
        out.append(kept[name])
    return out


def _svg_text(figure: Figure) -> str:
    buffer = io.StringIO()
    with house_style():
        _settle(figure)
        _save(figure, buffer, "svg")
    return buffer.getvalue()


def export_charts(outlook: Outlook, folder: Path, *, pdf: bool = False) -> list[Path]:
    """Every chart as PNG and SVG (and PDF) with its CSV, alt text and caption in one JSON beside it; returns the PNG paths."""
    from forecast.outlook import safe_csv

    folder = folder / "charts"
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for d in drawings(outlook):
        stem = folder / d.name
        with house_style():
            for kind in ("png", "pdf") if pdf else ("png",):
                _save(d.figure, stem.with_suffix(f".{kind}"), kind)
        stem.with_suffix(".svg").write_text(d.svg, encoding="utf-8")
        table = d.table.assign(quote=[clip(q) for q in d.table["quote"]]) if "quote" in d.table else d.table
        safe_csv(table, stem.with_suffix(".csv"))
        note = {
            "title": d.title, "alt": d.alt, "caption": caption(outlook), "as_of": outlook.reference_date.isoformat(),
            "sources": sorted(set(outlook.statements.source)), "model_id": outlook.model_id, "rows": len(d.table), "content_hash": d.content_hash,
        }  # fmt: skip
        stem.with_suffix(".json").write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        out.append(stem.with_suffix(".png"))
    return out


def export(outlook: Outlook, to: str | Path) -> Path:
    """Everything to hand on, in one folder: each chart as PNG (2x), SVG and PDF with the CSV drawn, alt text and caption; quotes; hashes.

    `quotes.csv` holds the evidence with quotes of at most 25 words; `manifest.json` the definition, as-of date, sources,
    model and the SHA-256 of every file, and `content_hash` over all of them. The same outlook gives the same bytes.
    Returns the folder. Raises ForecastError where it cannot be written.
    """
    from forecast.errors import ForecastError
    from forecast.outlook import HEADLINES, safe_csv

    folder = Path(to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = export_charts(outlook, folder, pdf=True)
        said = outlook.evidence
        quotes = said[["round_id", "date", "actor", "stance", "issue", "quote", "source", "url"]].copy()
        quotes["quote"] = [clip(q) for q in quotes["quote"]]
        safe_csv(quotes.sort_values(["round_id", "issue", "actor"], ignore_index=True), folder / "quotes.csv")
        files = sorted([folder / "quotes.csv", *(p.with_suffix(s) for p in made for s in (".png", ".svg", ".pdf", ".csv", ".json"))])
        sums = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
        manifest = {
            "case": outlook.case.name, "definition": HEADLINES[outlook.headline], "as_of": outlook.reference_date.isoformat(), "model_id": outlook.model_id,
            "n_articles": outlook.n_articles, "n_sources": outlook.n_sources, "sources": sorted(set(outlook.statements.source)),
            "caption": caption(outlook), "files": sums, "content_hash": hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest(),
        }  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as e:
        raise ForecastError(f"{folder} cannot be written: {e.strerror}", "Choose another folder") from None
    return folder


def clip(quote: object, words: int = MAX_WORDS) -> str:
    """A quote of at most 25 words.

    >>> clip("one two three", words=2)
    'one two …'
    """
    parts = str(quote).split()
    return " ".join(parts[:words]) + (" …" if len(parts) > words else "")
