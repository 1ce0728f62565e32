"""Where it comes from: who reports, and what the feeds bring."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from forecast.charts.labels import one_line, short, side_name, widest
from forecast.charts.style import (
    BLUE,
    INK,
    ORANGE,
    RED,
    SKY,
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

ALARM = 0.6  # share of one side above which the evidence is called one-sided


def balance_table(outlook: Outlook) -> pd.DataFrame:
    """What `plot_balance` draws: share of statements by the side of the outlet that reported them."""
    s = outlook.statements
    t = s.groupby("side").agg(statements=("quote", "size"), articles=("article_id", "nunique")).reset_index()
    t["share"] = t.statements / max(1, int(t.statements.sum()))
    return t.sort_values("share", ascending=False, ignore_index=True)


@styled
def plot_balance(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Who reports: share of evidence by side, with an alarm line at 60 %."""
    ax = new_axes(ax, 9, 1.6 + 0.62 * max(2, len(table)))
    title = "Who reports"
    if not len(table):
        return say_empty(ax, title, "No evidence was read")
    percent_x(ax, 1.0)
    ax.barh(range(len(table)), table.share, color=[ORANGE if v > ALARM else BLUE for v in table.share], height=0.66)
    for y, r in enumerate(table.itertuples()):
        ax.annotate(f"{r.share:.0%}", (r.share, y), xytext=(6, 0) if r.share < 0.93 else (-6, 0), textcoords="offset points", va="center", ha="left" if r.share < 0.93 else "right", fontsize=12, fontweight="bold", color=INK if r.share < 0.93 else "#fffffe")
    ax.axvline(ALARM, color=INK, linewidth=1.6, linestyle=(0, (2.5, 1.5)))
    labels = [f"{one_line(side_name(r.side), 26)}\n{r.statements} statements, {r.articles} articles" for r in table.itertuples()]
    ax.set_yticks(range(len(table)), labels, fontsize=10)
    ax.set_ylim(len(table) - 0.5, -0.5)
    heading(ax, title, f"Share of the statements read, by side of the outlet. Right of the dashed line ({ALARM:.0%}) the evidence is one-sided.", labels=widest(labels))
    plain_y(ax)
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


@styled
def plot_feeds(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Feed health: items a week of each feed; the state is written beside it, not only coloured."""
    title = "What the feeds bring"
    ax = new_axes(ax, 9, 1.6 + 0.5 * max(2, len(table)))
    if not len(table):
        return say_empty(ax, title, "No feed has been read by this date")
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
    heading(ax, title, "On the right: state of the feed and its last item.", labels=widest(labels))
    plain_y(ax)
    return ax
