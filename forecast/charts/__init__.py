"""Charts: `plot_x(table, *, ax=None) -> Axes`. The table drawn is the data exported beside the picture.

`style` holds the look and `labels` the words; `levels` draws the outlook and the ladder, `movement` the reasons and the
path, `statements` what is said, `sources` who reports, `scores` the model's record; `figures` writes files and `bundle`
the folder to hand on.
"""

from __future__ import annotations

from forecast.charts.bundle import TITLES, Drawing, caption, chart_set, drawings, export, export_charts
from forecast.charts.figures import draw, save_figure
from forecast.charts.labels import MAX_WORDS, clip, ordinal, round_label, short, side_name, span
from forecast.charts.levels import (
    DETAILED,
    OUTCOMES,
    ladder_table,
    level_table,
    outlook_table,
    plot_ladder,
    plot_outlook,
)
from forecast.charts.movement import (
    PLAIN,
    movement_table,
    plot_contributions,
    plot_movement,
    read_as,
    reasons_table,
)
from forecast.charts.scores import plot_reliability, plot_skill
from forecast.charts.sources import ALARM, balance_table, feeds_table, plot_balance, plot_feeds
from forecast.charts.statements import plot_positions, plot_timeline, plot_tone, timeline_table
from forecast.charts.style import (
    BLUE,
    GREEN,
    GRID,
    INK,
    ORANGE,
    PALE,
    RED,
    RUNGS,
    SIDES,
    SKY,
    STANCE_STYLE,
    house_style,
)  # fmt: skip

__all__ = [
    "ALARM", "BLUE", "DETAILED", "GREEN", "GRID", "INK", "MAX_WORDS", "ORANGE", "OUTCOMES", "PALE", "PLAIN", "RED", "RUNGS", "SIDES",
    "SKY", "STANCE_STYLE", "TITLES", "Drawing", "balance_table", "caption", "chart_set", "clip", "draw", "drawings", "export",
    "export_charts", "feeds_table", "house_style", "ladder_table", "level_table", "movement_table", "ordinal", "outlook_table",
    "plot_balance", "plot_contributions", "plot_feeds", "plot_ladder", "plot_movement", "plot_outlook", "plot_positions",
    "plot_reliability", "plot_skill", "plot_timeline", "plot_tone", "read_as", "reasons_table", "round_label", "save_figure", "short",
    "side_name", "span", "timeline_table",
]  # fmt: skip
