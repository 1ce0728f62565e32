"""Charts are tested by what is drawn: titles, labels, one mark a row; and empty tables draw too."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import forecast as fc
from forecast import charts


def words(ax: Any) -> str:
    parts = [ax.get_title(loc="left"), ax.get_title(), ax.get_xlabel(), *(t.get_text() for t in ax.texts)]
    parts += [t.get_text() for t in (*ax.get_xticklabels(), *ax.get_yticklabels())]
    return " | ".join(parts)


@pytest.fixture(scope="module")
def drawn(demo: Any) -> dict[str, tuple[Any, pd.DataFrame]]:
    with charts.house_style():
        return {name: (plot(table), table) for name, (plot, table, _) in charts.chart_set(demo).items()}


def test_the_three_asked_for_are_there(drawn: Any) -> None:
    assert {"outlook", "tone", "statements", "positions"} <= set(drawn)


def test_outlook_draws_every_round_beside_its_base_rate(drawn: Any) -> None:
    ax, table = drawn["outlook"]
    said = words(ax)
    assert "Outlook of proposed rounds" in said
    assert "base rate" in said
    assert "90 % interval" in said
    assert len(ax.lines) == 3 * len(table)  # a mark for each of the three levels
    assert len(ax.collections) == 6 * len(table)  # interval and base rate of each
    for r in table.itertuples():
        assert f"{r.p_ge5:.1%}" in said


def test_ladder_adds_up(drawn: Any) -> None:
    ax, table = drawn["ladder"]
    assert table.p.sum() == pytest.approx(1)
    assert len(ax.patches) == 7
    assert [p.get_width() for p in ax.patches] == pytest.approx(table.p.tolist())


def test_positions_one_cell_a_row(drawn: Any) -> None:
    ax, table = drawn["positions"]
    assert len(ax.patches) == len(table[table.issue.isin([t.get_text().replace(" ", "_") for t in ax.get_yticklabels()])])
    assert {"Ukraine", "Russia"} <= {t.get_text() for t in ax.get_xticklabels()}


def test_statements_every_one_is_counted(drawn: Any) -> None:
    ax, table = drawn["statements"]
    days = table.groupby(["actor", "stance", "date"]).ngroups
    assert sum(len(c.get_offsets()) for c in ax.collections) == days


def test_tone_one_dot_an_article(drawn: Any) -> None:
    ax, table = drawn["tone"]
    assert sum(len(c.get_offsets()) for c in ax.collections) == len(table)
    for side in table.side.unique():
        assert charts.side_name(side) in words(ax)


def test_reasons_signs(drawn: Any) -> None:
    ax, table = drawn["reasons"]
    widths = [p.get_width() for p in ax.patches]
    assert widths == sorted(widths, key=abs, reverse=True)
    assert len(widths) == min(10, int((table.moves.abs() > 5e-4).sum()))


def test_balance_shares(drawn: Any) -> None:
    _, table = drawn["balance"]
    assert table.share.sum() == pytest.approx(1)


NAMES = ["outlook", "ladder", "contributions", "positions", "timeline", "tone", "balance", "reliability", "skill"]
EMPTY = {
    "outlook": "round_id label p_held p_ge3 p_ge4 p_ge5 lo hi base_rate headline", "ladder": "level name p at_least",
    "contributions": "round_id column held later moves", "positions": "issue actor stance since times moved quote source url",
    "timeline": "date actor issue stance source url quote", "tone": "article_id date source side tone",
    "balance": "side statements articles share", "reliability": "predicted observed n lo hi", "skill": "threshold skill lo hi",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_empty_table_says_so(name: str) -> None:
    table = pd.DataFrame({c: [] for c in EMPTY[name].split()})
    table["moves" if name == "contributions" else table.columns[0]] = pd.Series([], dtype=float)
    ax = getattr(fc, f"plot_{name}")(table)
    assert ax.texts
    assert ax.get_title(loc="left") or ax.get_title()


def test_given_axes_are_used(demo: Any) -> None:
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert fc.plot_ladder(charts.ladder_table(demo), ax=ax) is ax
    assert fc.plot_ladder(charts.ladder_table(demo)).figure is not ax.figure


def test_reliability_and_skill() -> None:
    rel = pd.DataFrame({"predicted": [0.1, 0.5], "observed": [0.12, 0.4], "n": [20, 22], "lo": [0.0, 0.3], "hi": [0.25, 0.7]})
    assert "n=20" in words(fc.plot_reliability(rel))
    skill = pd.DataFrame({"threshold": [">= 1", "RPS"], "skill": [0.1, 0.05], "lo": [0.0, -0.02], "hi": [0.2, 0.1]})
    said = words(fc.plot_skill(skill))
    assert "0.10" in said
    assert "base rate" in said


def test_export_is_complete_and_repeats(demo: Any, tmp_path: Path) -> None:
    made = charts.export_charts(demo, tmp_path)
    assert {p.stem for p in made} == set(charts.chart_set(demo))
    for png in made:
        assert png.with_suffix(".svg").stat().st_size > 500
        note = json.loads(png.with_suffix(".json").read_text(encoding="utf-8"))
        assert len(note["alt"]) > 20
        assert demo.model_id in note["caption"]
        assert f"{demo.n_sources} sources" in note["caption"]
        _, table, _ = charts.chart_set(demo)[png.stem]
        assert len(pd.read_csv(png.with_suffix(".csv"))) == len(table)
        first = demo.folder / "charts" / png.name
        assert png.read_bytes() == first.read_bytes()
        assert png.with_suffix(".svg").read_bytes() == first.with_suffix(".svg").read_bytes()


def test_drawing_changes_no_global_style(demo: Any) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    charts.draw(charts.plot_ladder, charts.ladder_table(demo))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("a", "b", "label"),
    [
        ("2025-07-21", "2025-07-27", "Istanbul, 3rd round, 21-27 Jul 2025"),
        ("2025-07-23", "2025-07-23", "Istanbul, 3rd round, 23 Jul 2025"),
        ("2025-07-30", "2025-08-02", "Istanbul, 3rd round, 30 Jul - 2 Aug 2025"),
    ],
)
def test_round_label(a: str, b: str, label: str) -> None:
    row = pd.Series({"venue": "Istanbul", "ordinal": 3, "window_start": a, "window_end": b})
    assert charts.round_label(row) == label
    assert charts.round_label(row.replace({"Istanbul": None, 3: None})).startswith("Venue open")


def test_long_labels_are_cut() -> None:
    assert charts.short("word " * 40).count("\n") == 1
    assert charts.short("word " * 40).endswith("…")
