"""The self-contained page: one HTML file, no outside request, no script, every number opening to its quotes."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast import charts
from forecast.charts import MAX_WORDS, clip

if TYPE_CHECKING:
    from forecast.case import Case
    from forecast.outlook import Outlook

MEANS = {
    1: ("Held at all", "The round takes place by 14 days after its window."),
    3: ("Deliverable (≥ 3)", "A humanitarian or confidence deal, or more."),
    4: ("Partial breakthrough (≥ 4)", "A limited truce or partial deal, or more."),
    5: ("Breakthrough (≥ 5)", "A general ceasefire or a settlement."),
}


# Signs that are not seen and yet act: controls, and marks that turn the direction of all that follows.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def _inert(value: Any) -> Any:
    """What stands in a template's braces, without signs that would act on the text around it."""
    return type(value)(_UNSEEN.sub("", value)) if isinstance(value, str) and not value.isprintable() else value


def _environment() -> Any:
    import jinja2

    env = jinja2.Environment(
        loader=jinja2.PackageLoader("forecast", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=_inert,
    )  # fmt: skip
    env.filters["pct"] = lambda v: f"{v:.1%}"
    env.filters["points"] = lambda v: f"{v * 100:+.1f}".replace("-", "−")
    env.filters["clip"] = clip
    env.filters["label"] = lambda v: str(v).replace("_", " ")
    env.filters["given"] = lambda v: isinstance(v, str) and v != ""
    env.filters["side"] = charts.side_name
    env.filters["web"] = lambda v: v if re.match(r"https?://", str(v)) else ""
    return env


def _number(v: Any) -> float | None:
    return None if v is None or v != v else float(v)


def _round(outlook: Outlook, round_id: str, levels: Any) -> dict[str, Any]:
    """All a reader may want to know of one round: label, row, numbers, reasons and quotes."""
    row = outlook.rounds.set_index("round_id").loc[round_id]
    events = outlook.events[outlook.events.round_id == round_id].to_dict("records")
    out: dict[str, Any] = {"id": round_id, "label": charts.round_label(row), "row": row, "events": events, "evidence": [], "reasons": [], "tiles": []}
    if round_id not in outlook.forecasts.index:
        return out
    evidence = outlook.evidence[outlook.evidence.round_id == round_id].sort_values(["issue", "actor"]).to_dict("records")
    mine = levels[levels.round_id == round_id].set_index("k")
    out["tiles"] = [
        {"name": name, "means": means, "p": mine.p[k], "base": _number(mine.base_rate[k]), "lo": _number(mine.lo[k]), "hi": _number(mine.hi[k]), "head": k == outlook.headline}
        for k, (name, means) in MEANS.items()
    ]  # fmt: skip
    why = charts.reasons_table(outlook, round_id)
    why = why[why.moves.abs() > 5e-4].reindex(why.moves.abs().sort_values(ascending=False).index).dropna(subset=["moves"]) if len(why) else why
    out["reasons"] = [_reason(x, events, evidence, outlook) for x in why.to_dict("records")]
    out["f"], out["head"], out["evidence"] = outlook.forecasts.loc[round_id], {"p": mine.p[outlook.headline]}, evidence
    return out


def _reason(x: dict[str, Any], events: list[dict[str, Any]], evidence: list[dict[str, Any]], outlook: Outlook) -> dict[str, Any]:
    """A reason with the quotes it was read from, or else where it was read."""
    x["quotes"], x["from"] = [], "the reports of the last three weeks"
    if x["column"] == "statements":
        parties = set(outlook.case.parties)
        said = {(s["quote"], s["source"]): s for s in evidence if s["actor"] in parties}
        x["quotes"] = list(said.values())
    elif x["column"] in ("status", "granularity", "proposed_by", "level", "mediators", "window_start", "format"):
        x["quotes"] = events[-3:]
    elif len(told := outlook.preround[(outlook.preround.round_id == x["round_id"]) & (outlook.preround.column == x["column"])]):
        x["quotes"] = told.to_dict("records")
    elif x["column"] == "history":
        x["from"] = "the table of earlier rounds"
    elif x["column"] == "conflict_type":
        x["from"] = "the case file"
    return x


def _rounds(outlook: Outlook) -> list[dict[str, Any]]:
    levels = charts.level_table(outlook)
    return [_round(outlook, str(i), levels) for i in outlook.forecasts.index]


def _inline(svg: str, name: str, title: str, alt: str) -> str:
    """An SVG fit to stand in a page of its own: ids made unique, style attributes as plain ones, a name for screen readers.

    Style attributes would need a looser content-security policy, and the page's own style sheet recolours plain ones in
    the dark.
    """
    from markupsafe import escape

    text = svg[svg.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.S)
    text = re.sub(r' style="([^"]*)"', lambda m: "".join(f' {k.strip()}="{v.strip()}"' for k, v in (p.split(":", 1) for p in m[1].split(";") if ":" in p)), text)
    # Outlines of letters keep their ids: the same letter is the same shape in every chart, and stands in the page once.
    text = re.sub(r' id="(?!DejaVu)([^"]+)"', rf' id="{name}-\1"', text)
    text = re.sub(r'(?:xlink:)?href="#(DejaVu[^"]+)"', r'href="#\1"', text)
    text = re.sub(r'(?:xlink:)?href="#(?!DejaVu)([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r"\n\s*", "\n", text)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}. {escape(alt)}" stroke-linejoin="round" stroke-linecap="butt"', 1)


def _share_letters(pictures: list[dict[str, Any]]) -> None:
    """Leave out the outlines of letters that an earlier picture of the page already holds."""
    seen: set[str] = set()

    def once(m: re.Match[str]) -> str:
        if m[1] in seen:
            return ""
        seen.add(m[1])
        return m[0]

    for picture in pictures:
        picture["svg"] = re.sub(r'<path id="(DejaVu[^"]+)"[^>]*/>', once, picture["svg"])


def render(outlook: Outlook) -> str:
    """The page as a string. Texts from feeds are escaped; only http and https links are kept."""
    from forecast.outlook import HEADLINES

    style = resources.files("forecast").joinpath("templates", "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    drawn = [{"name": d.name, "title": d.title, "alt": d.alt, "svg": _inline(d.svg, d.name, d.title, d.alt)} for d in charts.drawings(outlook)]
    _share_letters(drawn)
    past = outlook.rounds[~outlook.rounds.round_id.isin(list(outlook.forecasts.index))] if len(outlook.rounds) else outlook.rounds
    past_rows = [{"label": charts.round_label(x), "row": x} for _, x in past.iterrows()]
    balance = charts.balance_table(outlook)
    return _environment().get_template("report.html").render(
        o=outlook, headline=HEADLINES[outlook.headline], rounds=_rounds(outlook), charts=drawn, caption=charts.caption(outlook),
        past=past_rows, record=model_record(), onesided=balance[balance.share > charts.ALARM].to_dict("records"), style=style,
        style_hash=f"sha256-{digest}", changes=[_named(outlook, c) for c in outlook.changes],
    )  # fmt: skip


def _named(outlook: Outlook, change: str) -> str:
    """A line of what changed with the round's name for people instead of its id."""
    round_id, _, rest = change.partition(": ")
    known = outlook.rounds[outlook.rounds.round_id == round_id] if len(outlook.rounds) else outlook.rounds
    return f"{charts.round_label(known.iloc[0])}: {rest}" if len(known) else change


def model_record() -> list[dict[str, Any]]:
    """The shipped model's own out-of-sample scores, as last measured by `forecast backtest`."""
    import csv

    from forecast.bundled import data_path

    file = data_path("backtest.csv")
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def write_report(outlook: Outlook, file: Path) -> None:
    """Write `report.html`."""
    file.write_text(render(outlook), encoding="utf-8")


def outlook_html(outlook: Outlook) -> str:
    """A short table for a notebook cell."""
    return _environment().get_template("cell.html").render(o=outlook, rounds=_rounds(outlook), caption=charts.caption(outlook))


def case_html(case: Case) -> str:
    """A case for a notebook cell: parties, mediators, tracks, and its feeds on demand."""
    return _environment().get_template("case.html").render(c=case)


class RoundView:
    """One round of an outlook, for a notebook cell: status, probabilities, and the quotes on demand."""

    def __init__(self, outlook: Outlook, round_id: str) -> None:
        self.outlook, self.round_id = outlook, round_id

    def __repr__(self) -> str:
        row = self.outlook.rounds.set_index("round_id").loc[self.round_id]
        return f"Round({self.round_id!r}, {charts.round_label(row)!r}, {row.status})"

    def _repr_html_(self) -> str:
        r = _round(self.outlook, self.round_id, charts.level_table(self.outlook))
        return _environment().get_template("round.html").render(r=r)


def show_round(outlook: Outlook, round_id: str | int = -1) -> RoundView:
    """One round of an outlook, by id or by its place in `outlook.rounds` (the last by default), to show in a cell.

    Raises TableError for a round the outlook does not hold.
    """
    import difflib

    from forecast.errors import TableError

    ids = list(outlook.rounds.round_id) if len(outlook.rounds) else []
    if isinstance(round_id, int) and -len(ids) <= round_id < len(ids):
        return RoundView(outlook, ids[round_id])
    if round_id not in ids:
        near = difflib.get_close_matches(str(round_id), ids, n=1)
        raise TableError(f"the outlook holds no round '{round_id}'", f"Did you mean '{near[0]}'?" if near else "See outlook.rounds.round_id")
    return RoundView(outlook, str(round_id))


__all__ = ["MAX_WORDS", "RoundView", "case_html", "clip", "model_record", "outlook_html", "render", "show_round", "write_report"]
