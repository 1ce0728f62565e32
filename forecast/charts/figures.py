"""From a table to a figure, and from a figure to a file: the same input gives the same bytes."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.charts.style import PALE, house_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(plot: Callable[..., Axes], table: pd.DataFrame, footer: str = "") -> Figure:
    """One chart as a figure in the house style, with a caption below."""
    with house_style():
        figure: Any = plot(table).figure
        if footer:
            figure.supxlabel("\n".join(textwrap.wrap(footer, int(figure.get_figwidth() * 15))), fontsize=8.5, color=PALE, x=0.012, ha="left")
    return figure


def settle(figure: Figure) -> None:
    """Lay the figure out once, so that each format need not do it again."""
    from matplotlib.layout_engine import PlaceHolderLayoutEngine

    if figure.get_layout_engine() is not None and not isinstance(figure.get_layout_engine(), PlaceHolderLayoutEngine):
        figure.get_layout_engine().execute(figure)  # type: ignore[union-attr]
        figure.set_layout_engine("none")


def save(figure: Figure, to: Path | io.StringIO | io.BytesIO, kind: str) -> None:
    """Write one format without dates inside: the same input gives the same bytes."""
    # Straight to the canvas: `savefig` would draw everything a second time to lay it out, which `settle` has done.
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
        settle(figure)
        for kind in ("png", "svg"):
            save(figure, stem.with_suffix(f".{kind}"), kind)
