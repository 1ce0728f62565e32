"""Charts: `plot_x(table, *, ax=None) -> Axes`. The table drawn is the data exported beside the picture.

One house style: direct labels instead of legends, the base rate and the uncertainty always drawn, colours that
stay apart in grey and for colour-blind readers (Okabe & Ito 2008).
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forecast.outlook import Outlook

INK, PALE, GRID = "#222222", "#767676", "#dddddd"
BLUE, ORANGE, GREEN, RED, SKY, YELLOW = "#0072b2", "#d55e00", "#009e73", "#b2182b", "#56b4e9", "#e69f00"
SIDES = (BLUE, ORANGE, GREEN, YELLOW, SKY)
STANCE_STYLE = {  # colour, mark, order from refusal to acceptance
    "rejects": ("#b2182b", "X"), "conditions": ("#ef8a62", "s"), "demands": ("#999999", "o"), "offers": ("#67a9cf", "^"), "accepts": ("#2166ac", "D"),
}  # fmt: skip
_STYLE = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 10, "axes.titlesize": 12, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": PALE,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": False,
    "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white", "svg.hashsalt": "negotiation-outlook",
    "svg.fonttype": "path", "figure.dpi": 100, "axes.titlepad": 12,
}  # fmt: skip


@contextmanager
def house_style() -> Iterator[None]:
    """The package's drawing style, for as long as the block lasts."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def _empty(ax: Axes, what: str) -> Axes:
    ax.set_axis_off()
    ax.text(0.5, 0.5, what, ha="center", va="center", color=PALE, fontsize=11, transform=ax.transAxes, wrap=True)
    return ax


def short(text: str, width: int = 28) -> str:
    """A label on at most two lines."""
    lines = textwrap.wrap(str(text), width) or [""]
    return "\n".join(lines[:2]) + ("…" if len(lines) > 2 else "")


def _percent(ax: Axes, top: float) -> None:
    from matplotlib.ticker import PercentFormatter

    ax.set_xlim(0, top)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def outlook_table(outlook: Outlook) -> pd.DataFrame:
    """What `plot_outlook` draws: one row a proposed round with label, p_ge3, p_ge4, p_ge5, lo, hi, base_rate."""
    import pandas as pd

    columns = ["round_id", "label", "p_held", "p_ge3", "p_ge4", "p_ge5", "lo", "hi", "base_rate", "headline"]
    if not len(outlook.forecasts):
        return pd.DataFrame(columns=columns)
    r = outlook.rounds.set_index("round_id")
    t = outlook.forecasts.reset_index()[["round_id", "p_held", "p_ge3", "p_ge4", "p_ge5", "lo", "hi", "base_rate"]].copy()
    t["label"] = [round_label(r.loc[i]) for i in t.round_id]
    t["headline"] = outlook.headline
    return t[columns]


def round_label(row: Any) -> str:
    """Name of a round for people: "Istanbul, 3rd round, 21-27 Jul 2025"."""
    import pandas as pd

    parts = [row.venue if isinstance(row.venue, str) else "Venue open"]
    if not pd.isna(row.ordinal):
        parts.append(f"{ordinal(int(row.ordinal))} round")
    a, b = pd.Timestamp(row.window_start), pd.Timestamp(row.window_end)
    when = f"{a.day} {a:%b %Y}" if a == b else f"{a.day}-{b.day} {b:%b %Y}" if (a.month, a.year) == (b.month, b.year) else f"{a.day} {a:%b} - {b.day} {b:%b %Y}"
    return ", ".join([*parts, when])


def ordinal(n: int) -> str:
    """1 -> 1st.

    >>> [ordinal(n) for n in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    return f"{n}{'th' if 10 <= n % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def plot_outlook(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Outlook per proposed round: the three headline levels, the interval of the chosen one and its base rate."""
    ax = _axes(ax, 8, 1.9 + 0.85 * max(1, len(table)))
    ax.set_title("Outlook of proposed rounds")
    if not len(table):
        return _empty(ax, "No round is proposed as of this date")
    head = int(table.headline.iloc[0])
    top = min(1.0, max(0.25, float(table[["p_ge3", "hi", "base_rate"]].max().max()) * 1.25))
    _percent(ax, top)
    names = {3: "deliverable (>= 3)", 4: "partial (>= 4)", 5: "breakthrough (>= 5)"}
    for y, r in enumerate(table.itertuples()):
        ax.hlines(y, r.lo, r.hi, color=BLUE, linewidth=7, alpha=0.25)
        ax.vlines(r.base_rate, y - 0.28, y + 0.28, color=INK, linewidth=1.6, linestyles="--")
        for k, mark in ((3, "o"), (4, "s"), (5, "D")):
            p = getattr(r, f"p_ge{k}")
            ax.plot(p, y, mark, color=BLUE if k == head else "white", markeredgecolor=BLUE, markersize=9 if k == head else 7, zorder=3)
        p = getattr(r, f"p_ge{head}")
        ax.text(r.hi + top * 0.012, y + 0.16, f"{p:.1%}", va="bottom", ha="left", fontweight="bold", color=BLUE)
    ax.set_yticks(range(len(table)), [short(x, 30) for x in table.label])
    ax.set_ylim(len(table) - 0.4, -0.75)
    first = table.iloc[0]
    ax.annotate("base rate", (first.base_rate, -0.28), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8.5)
    ax.set_xlabel(f"probability   marks: diamond {names[5]}, square {names[4]}, circle {names[3]}; bar: 90 % interval of {names[head]}", fontsize=8.5, loc="left")
    ax.tick_params(axis="y", length=0)
    return ax


def ladder_table(outlook: Outlook, round_id: str | None = None) -> pd.DataFrame:
    """What `plot_ladder` draws for one round (the first): level, name, p (exactly that level), at_least."""
    import pandas as pd

    if not len(outlook.forecasts):
        return pd.DataFrame(columns=["level", "name", "p", "at_least"])
    f = outlook.forecasts.loc[round_id] if round_id else outlook.forecasts.iloc[0]
    at = [1.0, f.p_held, f.p_ge2, f.p_ge3, f.p_ge4, f.p_ge5, f.p_ge6]
    names = ["not held", "held, nothing agreed", "process step", "humanitarian deal", "partial deal", "general ceasefire", "settlement"]
    rows = [(k, names[k], at[k] - (at[k + 1] if k < 6 else 0.0), at[k]) for k in range(7)]
    return pd.DataFrame(rows, columns=["level", "name", "p", "at_least"])


def plot_ladder(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The ladder: probability of each outcome level of one round."""
    ax = _axes(ax, 7, 3.6)
    ax.set_title("What the round may bring")
    if not len(table):
        return _empty(ax, "No round is proposed as of this date")
    _percent(ax, min(1.0, float(table.p.max()) * 1.2))
    ax.barh(table.level, table.p, color=[PALE, "#cfd8e3", "#b0c9de", "#8ab6d6", "#5e9fcb", BLUE, "#084a75"], edgecolor="white")
    for r in table.itertuples():
        ax.text(r.p + ax.get_xlim()[1] * 0.01, r.level, f"{r.p:.1%}", va="center", fontsize=9)
    ax.set_yticks(table.level, [f"{r.level}  {r.name}" for r in table.rename(columns={"name": "what"}).rename(columns={"what": "name"}).itertuples(index=False)])
    ax.set_xlabel("probability of exactly this level")
    ax.tick_params(axis="y", length=0)
    return ax


def plot_contributions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Why the forecast leaves the base rate: change of the headline probability by column, largest first."""
    t = table[table.moves.abs() > 5e-4].reindex(table.moves.abs().sort_values(ascending=False).index).dropna(subset=["moves"]).head(10)
    ax = _axes(ax, 7, 1.6 + 0.34 * max(2, len(t)))
    ax.set_title("What moved the forecast")
    if not len(t):
        return _empty(ax, "No evidence moved the forecast from its base rate")
    points = t.moves * 100
    ax.barh(range(len(t)), points, color=[GREEN if v > 0 else RED for v in points])
    ax.axvline(0, color=INK, linewidth=1)
    for y, v in enumerate(points):
        ax.annotate(f"{v:+.1f}", (v, y), xytext=(4 if v > 0 else -4, 0), textcoords="offset points", va="center", ha="left" if v > 0 else "right", fontsize=9)
    span = max(abs(points.max()), abs(points.min()), 0.5) * 1.25
    ax.set_xlim(min(0, points.min()) - 0.2 * span, max(0, points.max()) + 0.2 * span)
    ax.set_yticks(range(len(t)), [c.replace("_", " ") for c in t.column])
    ax.invert_yaxis()
    ax.set_xlabel("percentage points on the headline probability")
    ax.tick_params(axis="y", length=0)
    return ax


def plot_positions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Who stands where on which issue: latest stance by party, with an arrow where it moved."""
    issues = list(table.groupby("issue").times.sum().sort_values(ascending=False).index[:16])
    actors = list(dict.fromkeys(table.actor))
    ax = _axes(ax, 2.6 + 2.1 * max(1, len(actors)), 1.5 + 0.36 * max(3, len(issues)))
    ax.set_title("Who stands where")
    if not len(table):
        return _empty(ax, "No statement of the parties was read")
    for r in table[table.issue.isin(issues)].itertuples():
        x, y = actors.index(r.actor), issues.index(r.issue)
        ax.add_patch(_cell(x, y, STANCE_STYLE[r.stance][0]))
        arrow = {"softened": " ▲", "hardened": " ▼"}.get(r.moved, "")
        dark = r.stance in ("rejects", "accepts")
        ax.text(x, y, f"{r.stance}{arrow}", ha="center", va="center", fontsize=8.5, color="white" if dark else INK)
    ax.set_xlim(-0.5, len(actors) - 0.5)
    ax.set_ylim(len(issues) - 0.5, -0.5)
    ax.set_xticks(range(len(actors)), [short(a, 16) for a in actors])
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(issues)), [i.replace("_", " ") for i in issues])
    ax.tick_params(length=0)
    for s in ax.spines.values():
        s.set_visible(False)
    ax.set_xlabel("▲ moved towards agreement   ▼ moved away; blank: nothing read", fontsize=8.5, loc="left")
    return ax


def _cell(x: float, y: float, colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, alpha=0.9, edgecolor="white")


def timeline_table(outlook: Outlook) -> pd.DataFrame:
    """What `plot_timeline` draws: statements of the parties by date, actor, stance and issue."""
    s = outlook.statements
    mine = s[s.actor.isin(list(outlook.case.parties))]
    return mine[["date", "actor", "issue", "stance", "source", "url", "quote"]].reset_index(drop=True)


def plot_timeline(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Statements over time by side: one mark a statement, its shape and colour the stance."""
    import pandas as pd

    actors = list(dict.fromkeys(table.actor))
    ax = _axes(ax, 8.5, 1.9 + 1.25 * max(1, len(actors)))
    ax.set_title("Statements over time, by side")
    if not len(table):
        return _empty(ax, "No statement of the parties was read")
    days = pd.to_datetime(table.date)
    order = list(STANCE_STYLE)
    for a, actor in enumerate(actors):
        for k, stance in enumerate(order):
            rows = (table.actor == actor) & (table.stance == stance)
            if not rows.any():
                continue
            counts = days[rows].value_counts().sort_index()
            colour, mark = STANCE_STYLE[stance]
            ax.scatter(counts.index, [a + (k - 2) * -0.15] * len(counts), s=22 + 14 * (counts - 1).clip(upper=6), marker=mark, color=colour, linewidths=0.4, edgecolors="white")
    last = days.max()
    for k, stance in enumerate(order):
        ax.annotate(stance, (last, (k - 2) * -0.15), xytext=(10, 0), textcoords="offset points", va="center", fontsize=7.5, color=STANCE_STYLE[stance][0], annotation_clip=False)
    ax.set_yticks(range(len(actors)), [short(a, 16) for a in actors])
    ax.set_ylim(len(actors) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    _dates(ax)
    return ax


def _dates(ax: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def plot_tone(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Outlook tone by the side of the outlet: one dot an article and a running mean."""
    import pandas as pd

    ax = _axes(ax, 8.5, 3.6)
    ax.set_title("Outlook for the talks, as reported by side")
    if not len(table):
        return _empty(ax, "No article spoke of the outlook")
    ax.axhline(0, color=INK, linewidth=0.8)
    ends: list[tuple[float, str, str, Any]] = []
    for colour, (side, g) in zip(SIDES, table.groupby("side", sort=True), strict=False):
        g = g.sort_values("date")
        days = pd.to_datetime(g.date)
        ax.scatter(days, g.tone, s=16, color=colour, alpha=0.55, linewidths=0)
        smooth = g.tone.ewm(span=6).mean()
        ax.plot(days, smooth, color=colour, linewidth=1.8)
        ends.append((float(smooth.iloc[-1]), str(side), colour, days.iloc[-1]))
    ends.sort()
    right = pd.to_datetime(table.date).max()
    previous = -9.0
    for y, side, colour, _ in ends:
        at = max(y, previous + 0.13)
        previous = at
        ax.annotate(side, (right, at), xytext=(8, 0), textcoords="offset points", color=colour, va="center", fontsize=9, fontweight="bold", annotation_clip=False)
    ax.set_ylim(-1.05, 1.05)
    ax.set_yticks([-1, 0, 1], ["collapse\nexpected", "neither", "deal\nimminent"])
    _dates(ax)
    return ax


def balance_table(outlook: Outlook) -> pd.DataFrame:
    """What `plot_balance` draws: share of statements by the side of the outlet that reported them."""
    s = outlook.statements
    t = s.groupby("side").agg(statements=("quote", "size"), articles=("article_id", "nunique")).reset_index()
    t["share"] = t.statements / max(1, int(t.statements.sum()))
    return t.sort_values("share", ascending=False, ignore_index=True)


def plot_balance(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Who reports: share of evidence by side, with an alarm line at 60 %."""
    ax = _axes(ax, 7, 1.5 + 0.45 * max(2, len(table)))
    ax.set_title("Who reports")
    if not len(table):
        return _empty(ax, "No evidence was read")
    _percent(ax, 1.0)
    ax.barh(table.side, table.share, color=[RED if v > 0.6 else BLUE for v in table.share])
    for y, r in enumerate(table.itertuples()):
        ax.text(r.share + 0.01, y, f"{r.statements} statements in {r.articles} articles", va="center", fontsize=9)
    ax.axvline(0.6, color=RED, linewidth=1, linestyle="--")
    ax.annotate("one-sided above 60 %", (0.6, -0.5), xytext=(3, 6), textcoords="offset points", fontsize=8.5, color=RED)
    ax.invert_yaxis()
    ax.set_ylim(len(table) - 0.5, -0.9)
    ax.tick_params(axis="y", length=0)
    return ax


def plot_reliability(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Observed rate against forecast, with the band in which a calibrated forecast would lie."""
    ax = _axes(ax, 5, 4.8)
    ax.set_title("Reliability")
    if not len(table):
        return _empty(ax, "No scored forecast yet")
    top = min(1.0, float(max(table.predicted.max(), table.observed.max(), table.hi.max())) * 1.08)
    ax.plot([0, top], [0, top], color=PALE, linewidth=1)
    ax.fill_between(table.predicted, table.lo, table.hi, color=SKY, alpha=0.3, linewidth=0)
    ax.plot(table.predicted, table.observed, "o-", color=BLUE)
    for r in table.itertuples():
        ax.annotate(f"n={r.n}", (r.predicted, r.observed), xytext=(5, -10), textcoords="offset points", fontsize=8, color=PALE)
    ax.annotate("shaded: 90 % band of a calibrated forecast", (0.02, 0.96), xycoords="axes fraction", fontsize=8.5, color=PALE)
    ax.set_xlabel("forecast probability")
    ax.set_ylabel("observed rate")
    return ax


def plot_skill(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Skill over the base rate by threshold, with its 90 % interval; 0 is the dull opponent."""
    t = table.reset_index(drop=True)
    ax = _axes(ax, 7, 1.6 + 0.4 * max(2, len(t)))
    ax.set_title("Skill over the base rate, out of sample")
    if not len(t):
        return _empty(ax, "No score yet")
    ax.hlines(t.index, t.lo, t.hi, color=BLUE, linewidth=6, alpha=0.3)
    ax.plot(t.skill, t.index, "o", color=BLUE)
    ax.axvline(0, color=INK, linewidth=1.2, linestyle="--")
    ax.annotate("base rate", (0, -0.6), xytext=(4, 0), textcoords="offset points", fontsize=8.5)
    for y, r in enumerate(t.itertuples()):
        ax.annotate(f"{r.skill:.2f}", (r.skill, y), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=8.5)
    ax.set_yticks(t.index, [f"level {x}" if x.startswith(">") else f"{x} (all levels)" for x in t.threshold])
    ax.set_ylim(len(t) - 0.5, -0.9)
    ax.set_xlabel("1 - score / score of the base rate; bar: 90 % interval, conflicts drawn")
    ax.tick_params(axis="y", length=0)
    return ax


# -- export -------------------------------------------------------------------------------------


def chart_set(outlook: Outlook) -> dict[str, tuple[Callable[..., Axes], pd.DataFrame, str]]:
    """Name -> (plot function, table drawn, alt text) of every chart of an outlook."""
    f = outlook_table(outlook)
    head = f"p_ge{outlook.headline}"
    said = "; ".join(f"{r.label}: {getattr(r, head):.1%} against a base rate of {r.base_rate:.1%}" for r in f.itertuples()) or "no round is proposed"
    c = outlook.contributions
    first = c[c.round_id == c.round_id.iloc[0]] if len(c) else c
    ups = ", ".join(f"{r.column.replace('_', ' ')} {r.moves * 100:+.1f}" for r in first.sort_values("moves").itertuples() if abs(r.moves) > 0.002) if len(first) else ""
    p = outlook.positions
    return {
        "outlook": (plot_outlook, f, f"Dot chart of the probability that each proposed round reaches level {outlook.headline}. {said}."),
        "ladder": (plot_ladder, ladder_table(outlook), "Bars: probability of each outcome level of the first proposed round."),
        "reasons": (plot_contributions, first, f"Bars: percentage points by which each column moves the headline probability. {ups or 'None'}."),
        "positions": (plot_positions, p, f"Table of the latest stance of each party on {p.issue.nunique()} issues."),
        "statements": (plot_timeline, timeline_table(outlook), f"Time line of {len(timeline_table(outlook))} statements by party and stance."),
        "tone": (plot_tone, outlook.tone, f"Outlook tone of {len(outlook.tone)} articles by the side of the outlet, -1 to +1."),
        "balance": (plot_balance, balance_table(outlook), "Bars: share of the statements by the side of the outlet that reported them."),
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
        ax = plot(table)
        figure = ax.figure
        if footer:
            figure.supxlabel("\n".join(textwrap.wrap(footer, int(figure.get_figwidth() * 14))), fontsize=7.5, color=PALE, x=0.01, ha="left")
    return figure  # type: ignore[return-value]


def save_figure(figure: Figure, stem: Path) -> None:
    """PNG at twice screen size and SVG, without dates inside: the same input gives the same bytes."""
    with house_style():
        figure.savefig(stem.with_suffix(".png"), dpi=200, metadata={"Software": None})
        figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None, "Creator": None})


def export_charts(outlook: Outlook, folder: Path) -> list[Path]:
    """Every chart as PNG and SVG with its CSV, alt text and caption in one JSON beside it; returns the PNG paths."""
    from forecast.outlook import safe_csv

    folder = folder / "charts"
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for name, (plot, table, alt) in chart_set(outlook).items():
        figure = draw(plot, table, caption(outlook))
        save_figure(figure, folder / name)
        safe_csv(table, folder / f"{name}.csv")
        note = {
            "alt": alt, "caption": caption(outlook), "as_of": outlook.reference_date.isoformat(), "model_id": outlook.model_id,
            "content_hash": hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()[:16],
        }  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        out.append(folder / f"{name}.png")
    return out


def svg_of(plot: Callable[..., Axes], table: pd.DataFrame) -> str:
    """One chart as an inline SVG element, without XML prologue."""
    import io

    figure = draw(plot, table)
    buffer = io.StringIO()
    with house_style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
