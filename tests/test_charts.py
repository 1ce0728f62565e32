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


NAMES = ["outlook", "ladder", "contributions", "positions", "timeline", "tone", "balance", "reliability", "skill", "movement", "feeds"]
EMPTY = {
    "outlook": "round_id label p_held p_ge3 p_ge4 p_ge5 lo hi base_rate headline", "ladder": "level name p at_least",
    "contributions": "round_id column held later moves", "positions": "issue actor stance since times moved quote source url",
    "timeline": "date actor issue stance source url quote", "tone": "article_id date source side tone",
    "balance": "side statements articles share", "reliability": "predicted observed n lo hi", "skill": "threshold skill lo hi",
    "movement": "round_id label date p lo hi base_rate model_id why", "feeds": "feed side state last_item items_a_week problem",
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


# -- nothing overlaps or is cut off, whatever comes -------------------------------------------------

LONG = "The Provisional Authority of the Southern Transitional Highlands and Coast"
CAPTION = "Russia-Ukraine. Breakthrough: a general ceasefire or a settlement (level >= 5). As of 2025-07-20. 69 articles from 7 sources; model ladder-201f817503."


def clashes(figure: Any) -> list[tuple[str, ...]]:
    """Texts of a figure that leave it or cover one another."""
    with charts.house_style():
        charts.figures.settle(figure)
        renderer = figure.canvas.get_renderer()
        figure.draw(renderer)
    ax = figure.axes[0]
    drawn_ticks = {
        id(t.label1) for axis in (ax.xaxis, ax.yaxis) for t in axis.get_major_ticks() if not axis.get_view_interval()[0] <= t.get_loc() <= axis.get_view_interval()[1]
        and not axis.get_view_interval()[1] <= t.get_loc() <= axis.get_view_interval()[0]
    }  # fmt: skip
    texts = [t for t in figure.findobj(lambda a: hasattr(a, "get_text") and hasattr(a, "get_window_extent")) if t.get_visible() and t.get_text().strip() and id(t) not in drawn_ticks]
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts]
    out: list[tuple[str, ...]] = [("cut off", t) for t, b in boxes if b.x0 < -1 or b.y0 < -1 or b.x1 > figure.bbox.width + 1 or b.y1 > figure.bbox.height + 1]
    for i, (one, a) in enumerate(boxes):
        for other, b in boxes[i + 1 :]:
            if min(a.x1, b.x1) - max(a.x0, b.x0) > 1.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1.5:
                out.append(("overlap", one, other))
    return out


def many_rounds(n: int) -> pd.DataFrame:
    rows = []
    for i in range(n):
        p = 0.01 + 0.5 * (i * 7 % 11) / 11
        rows.append(
            {"round_id": f"r{i}", "label": f"{LONG}, {charts.ordinal(i + 1)} round, 30 Jul - 2 Aug 2025", "p_held": 0.9, "p_ge3": p + 0.2, "p_ge4": p + 0.1, "p_ge5": p,
             "lo": p / 2, "hi": min(1.0, p * 1.8), "base_rate": 0.1, "headline": 5, "base1": 0.7, "lo3": p, "hi3": min(1.0, p + 0.5), "base3": 0.3,
             "lo4": p / 2, "hi4": min(1.0, p + 0.3), "base4": 0.2, "lo5": p / 2, "hi5": min(1.0, p * 1.8), "base5": 0.1}
        )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 40])
def test_many_rounds_with_long_names(n: int) -> None:
    assert clashes(charts.draw(charts.plot_outlook, many_rounds(n), CAPTION)) == []


def spread(days: int, n: int = 60) -> list[Any]:
    return [(pd.Timestamp("2025-01-10") + pd.Timedelta(days=days * i // n)).date() for i in range(n)]


@pytest.mark.parametrize("days", [0, 1, 5, 40, 365, 3650])
def test_dates_from_a_day_to_years(days: int) -> None:
    n, dates = 60, spread(days)
    stances = list(charts.STANCE_STYLE)
    said = pd.DataFrame({"date": dates, "actor": [("Ukraine", LONG, "M23")[i % 3] for i in range(n)], "stance": [stances[i % 5] for i in range(n)]})
    tone = pd.DataFrame({"date": dates, "side": [("third", "agency", LONG, "A", "B", "C", "D")[i % 7] for i in range(n)], "tone": [((i * 37) % 200 - 100) / 100 for i in range(n)]})
    path = pd.DataFrame({"round_id": "r", "label": LONG, "date": [d.isoformat() for d in sorted(set(dates))]})
    path["p"] = [0.05 + 0.2 * (i * 13 % 17) / 17 for i in range(len(path))]
    path = path.assign(lo=path.p / 2, hi=path.p * 1.5, base_rate=0.09, model_id="m", why=f"proposed → confirmed; +12 reports; {LONG}")
    for plot, table in ((charts.plot_timeline, said), (charts.plot_tone, tone), (charts.plot_movement, path)):
        figure = charts.draw(plot, table, CAPTION)
        assert clashes(figure) == []
        assert "2025" in words(figure.axes[0]) or days > 400


def test_long_names_elsewhere() -> None:
    actors, issues, stances = [LONG, *(f"Party number {i} of the coalition" for i in range(5))], [f"issue_{i}" for i in range(20)], list(charts.STANCE_STYLE)
    positions = pd.DataFrame([(i, a, stances[(m + n) % 5], 3, "softened") for m, i in enumerate(issues) for n, a in enumerate(actors)], columns=["issue", "actor", "stance", "times", "moved"])
    balance = pd.DataFrame({"side": [LONG, "third", "A"], "statements": [990, 3, 2], "articles": [100, 1, 1], "share": [0.99, 0.006, 0.004]})
    feeds = pd.DataFrame({"feed": [f"{LONG} {i}" for i in range(30)], "state": ["ok", "stale", "failing", "gone", "waiting"] * 6, "items_a_week": [i * 6.6 for i in range(30)], "last_item": pd.Timestamp("2025-01-01", tz="UTC")})
    why = pd.DataFrame({"round_id": "r", "column": list(charts.PLAIN)[:12], "moves": [0.01 * (i * 5 % 9 - 4) for i in range(12)], "label": list(charts.PLAIN.values())[:12], "value": LONG, "p": 0.2, "base_rate": 0.1})
    for plot, table in ((charts.plot_positions, positions), (charts.plot_balance, balance), (charts.plot_feeds, feeds), (charts.plot_contributions, why)):
        assert clashes(charts.draw(plot, table, CAPTION)) == [], plot.__name__


def test_nothing_overlaps_on_the_bundled_case(demo: Any) -> None:
    for d in charts.drawings(demo):
        assert clashes(charts.draw(charts.chart_set(demo)[d.name][0], d.table, charts.caption(demo))) == [], d.name


def test_dollar_signs_and_control_characters_are_only_text() -> None:
    t = pd.DataFrame({"side": ["$\\frac{1}{0}$ and $", "a\x00b\u202ec"], "statements": [3, 2], "articles": [1, 1], "share": [0.6, 0.4]})
    said = words(charts.draw(charts.plot_balance, t).axes[0])
    assert "$\\frac{1}{0}$" in said
    assert "\x00" not in said
    assert "\u202e" not in said


# -- how it moved, feeds, export ---------------------------------------------------------------------


def test_movement_tells_steps_and_causes(demo: Any) -> None:
    table = charts.movement_table(demo)
    assert list(table.p) == pytest.approx([demo.forecasts.iloc[0].p_ge5])
    assert "One forecast so far" in words(charts.plot_movement(table)).replace("\n", " ")
    assert charts.movement_table(demo, demo.forecasts.index[0]).equals(table)
    before = {"status": "proposed", "window_start": "2025-07-01", "window_end": "2025-07-31", "n_articles": 3, "model_id": "m", "reference_date": "2025-07-10"}
    now = {**before, "status": "confirmed", "window_start": "2025-07-21", "window_end": "2025-07-27", "n_articles": 8, "reference_date": "2025-07-12"}
    assert charts.movement._why(demo, "r", before, now) == "proposed → confirmed; window now 21-27 Jul 2025; +5 reports"
    assert charts.movement._why(demo, "r", None, now) == "first forecast (confirmed)"


def test_feed_chart_names_what_is_ill(demo: Any) -> None:
    table = charts.feeds_table(demo)
    assert len(table) == 7
    assert "url" not in table
    ill = table.copy()
    ill["state"] = ["failing", *["ok"] * 6]
    assert "failing" in words(charts.plot_feeds(ill))


def test_charts_are_drawn_once(demo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    charts.drawings(demo)
    monkeypatch.setattr(charts.bundle, "draw", lambda *a: pytest.fail("drawn a second time"))
    charts.export_charts(demo, tmp_path)
    assert len(charts.drawings(demo)) == 9


def test_export_bundle_is_whole_and_repeats(demo: Any, tmp_path: Path) -> None:
    import hashlib

    one = fc.export(demo, tmp_path / "one")
    vars(demo).pop("_drawn")
    two = fc.export(demo, tmp_path / "two")
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
    for f in files:
        assert (one / f).read_bytes() == (two / f).read_bytes(), f
    manifest = json.loads((one / "manifest.json").read_text(encoding="utf-8"))
    assert {Path(f).suffix for f in manifest["files"]} == {".png", ".svg", ".pdf", ".csv", ".json"}
    assert len(manifest["files"]) == 9 * 5 + 1
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((one / name).read_bytes()).hexdigest() == digest
    for key in ("definition", "as_of", "sources", "model_id", "n_articles", "caption", "content_hash"):
        assert manifest[key]
    for file in one.rglob("*.csv"):
        quotes = pd.read_csv(file).get("quote", pd.Series(dtype=str)).dropna()
        assert all(len(q.split()) <= 26 for q in quotes), file  # 25 words and the sign that it goes on


def test_export_where_it_cannot_write(demo: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(fc.ForecastError, match="cannot be written"):
        fc.export(demo, tmp_path / "file")


def test_pictures_that_would_come_out_the_same_are_left(demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import copy

    from forecast.charts import bundle

    charts.export_charts(demo, tmp_path)
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in (tmp_path / "charts").iterdir()}
    again = copy.copy(demo)
    vars(again).pop("_drawn")  # as in another run
    drawn = []
    usual = bundle.draw
    monkeypatch.setattr(bundle, "draw", lambda plot, table, footer="": drawn.append(plot.__name__) or usual(plot, table, footer))
    charts.export_charts(again, tmp_path)
    assert drawn == []
    assert before == {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in (tmp_path / "charts").iterdir()}
    assert [d.svg for d in charts.drawings(again)] == [d.svg for d in charts.drawings(demo)]
    (tmp_path / "charts" / "tone.png").write_bytes(b"cut off")
    (tmp_path / "charts" / "feeds.json").write_text("{")
    vars(again).pop("_drawn")
    charts.export_charts(again, tmp_path)
    assert sorted(drawn) == ["plot_feeds", "plot_tone"]
    assert {p.name: p.read_bytes() for p in (tmp_path / "charts").iterdir()} == {name: body for name, (_, body) in before.items()}
