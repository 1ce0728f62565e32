"""Every chart of an outlook, drawn once; and the folder to hand on, with data, captions, alt texts and hashes."""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.charts.figures import draw, save, settle
from forecast.charts.labels import clip, side_name
from forecast.charts.levels import ladder_table, outlook_table, plot_ladder, plot_outlook
from forecast.charts.movement import movement_table, plot_contributions, plot_movement, reasons_table
from forecast.charts.sources import balance_table, feeds_table, plot_balance, plot_feeds
from forecast.charts.statements import plot_positions, plot_timeline, plot_tone, timeline_table
from forecast.charts.style import house_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forecast.outlook import Outlook


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


@dataclass
class Drawing:
    """One chart of an outlook: what goes with it, and its figure and SVG text, drawn when they are first asked for."""

    name: str
    title: str
    alt: str
    table: pd.DataFrame
    plot: Callable[..., Axes]
    footer: str
    content_hash: str

    @functools.cached_property
    def figure(self) -> Figure:
        """The figure, laid out."""
        figure = draw(self.plot, self.table, self.footer)
        with house_style():
            settle(figure)
        return figure

    @functools.cached_property
    def svg(self) -> str:
        """The figure as SVG text."""
        buffer = io.StringIO()
        with house_style():
            save(self.figure, buffer, "svg")
        return buffer.getvalue()


def drawings(outlook: Outlook) -> list[Drawing]:
    """Every chart of an outlook; each is drawn once, and drawn again only where its table or caption has changed."""
    kept: dict[str, Drawing] = vars(outlook).setdefault("_drawn", {})
    footer, out = caption(outlook), []
    for name, (plot, table, alt) in chart_set(outlook).items():
        content = hashlib.sha256(f"{footer}\n{alt}\n{table.to_csv(index=False)}".encode("utf-8", "replace")).hexdigest()[:16]
        if name not in kept or kept[name].content_hash != content:
            kept[name] = Drawing(name, TITLES[name], alt, table, plot, footer, content)
        out.append(kept[name])
    return out


@functools.cache
def _hand() -> str:
    """What a picture depends on besides its content: this package and the library that draws."""
    from importlib.metadata import version

    code = b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(code).hexdigest()[:12] + "-" + version("matplotlib")


def _is_drawn(d: Drawing, stem: Path, kinds: Sequence[str]) -> bool:
    """Whether these very pictures lie there from an earlier run, to the byte."""
    try:
        note = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        if (note["content_hash"], note["drawn_by"]) != (d.content_hash, _hand()) or not stem.with_suffix(".csv").exists():
            return False
        return all(_digest(stem.with_suffix(f".{kind}")) == note["sha256"][kind] for kind in kinds)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def export_charts(outlook: Outlook, folder: Path, *, pdf: bool = False) -> list[Path]:
    """Every chart as PNG and SVG (and PDF) with its CSV, alt text and caption in one JSON beside it; returns the PNG paths.

    A picture that lies there already and would come out the same is not drawn again.
    """
    from forecast.outlook import safe_csv

    folder = folder / "charts"
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ("png", "svg", "pdf") if pdf else ("png", "svg")
    out = []
    for d in drawings(outlook):
        stem = folder / d.name
        out.append(stem.with_suffix(".png"))
        if _is_drawn(d, stem, kinds):
            d.svg = stem.with_suffix(".svg").read_text(encoding="utf-8")
            continue
        with house_style():
            for kind in kinds:
                if kind != "svg":
                    save(d.figure, stem.with_suffix(f".{kind}"), kind)
        stem.with_suffix(".svg").write_text(d.svg, encoding="utf-8")
        table = d.table.assign(quote=[clip(q) for q in d.table["quote"]]) if "quote" in d.table else d.table
        safe_csv(table, stem.with_suffix(".csv"))
        note = {
            "title": d.title, "alt": d.alt, "caption": d.footer, "as_of": outlook.reference_date.isoformat(),
            "sources": sorted(set(outlook.statements.source)), "model_id": outlook.model_id, "rows": len(d.table), "content_hash": d.content_hash,
            "drawn_by": _hand(), "sha256": {kind: _digest(stem.with_suffix(f".{kind}")) for kind in kinds},
        }  # fmt: skip
        stem.with_suffix(".json").write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
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
