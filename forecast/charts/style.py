"""The house style: colours, marks, and what every chart does to its axes.

Direct labels instead of legends, the base rate and the uncertainty always drawn, colours that stay apart in grey
and for colour-blind readers (Okabe & Ito 2008).
"""

from __future__ import annotations

import functools
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

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


def styled(plot: Callable[Concatenate[pd.DataFrame, P], Axes]) -> Callable[Concatenate[pd.DataFrame, P], Axes]:
    """Draw in the house style, whatever the reader has set."""

    @functools.wraps(plot)
    def inside(table: pd.DataFrame, *args: P.args, **kwargs: P.kwargs) -> Axes:
        with house_style():
            return plot(table, *args, **kwargs)

    return inside


def new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """The axes given, or those of a new figure of so many inches that no window system need show."""
    if ax is not None:
        return ax
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.14, h_pad=0.08)  # type: ignore[union-attr,call-arg]
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def heading(ax: Axes, title: str, note: str = "", *, labels: int = 0) -> None:
    """Title, and below it one or two lines that say how to read the marks; `labels` is the longest y label, in letters."""
    width = (ax.get_figure().get_figwidth() - 0.3) * 13 - labels * 1.2  # type: ignore[union-attr]
    lines = textwrap.wrap(note, max(24, int(width)))
    ax.set_title(title, pad=8 + 14 * len(lines))
    if lines:
        text = ax.annotate("\n".join(lines), (0, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points", va="bottom", fontsize=9.5, color=PALE)
        text.set_in_layout(False)


def say_empty(ax: Axes, title: str, what: str) -> Axes:
    """A chart without data says so, below its title."""
    ax.set_title(title)
    ax.set_axis_off()
    ax.text(0.5, 0.5, "\n".join(textwrap.wrap(what, 60)), ha="center", va="center", color=PALE, fontsize=12, transform=ax.transAxes)
    return ax


def percent_axis(axis: Any, ticks: int) -> None:
    """Ticks in per cent on one axis of shares; `ticks` is the most there are."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v * 100:.3g}%"))


def percent_x(ax: Axes, top: float) -> None:
    """An x axis of shares from 0 to `top`, with a grid behind the marks."""
    ax.set_xlim(0, top)
    percent_axis(ax.xaxis, 6)
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def plain_y(ax: Axes) -> None:
    """Names on the y axis need neither ticks nor a line."""
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def date_axis(ax: Axes, days: pd.Series) -> None:
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
