"""The self-contained page: one HTML file, no outside request, no script, every number opening to its quotes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast import charts

if TYPE_CHECKING:
    import pandas as pd

    from forecast.outlook import Outlook

MAX_WORDS = 25  # of a quote


def clip(quote: str, words: int = MAX_WORDS) -> str:
    """A quote of at most 25 words.

    >>> clip("one two three", words=2)
    'one two …'
    """
    parts = str(quote).split()
    return " ".join(parts[:words]) + (" …" if len(parts) > words else "")


def _environment() -> Any:
    import jinja2

    env = jinja2.Environment(loader=jinja2.PackageLoader("forecast", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    env.filters["pct"] = lambda v: f"{v:.1%}"
    env.filters["points"] = lambda v: f"{v * 100:+.1f}"
    env.filters["clip"] = clip
    env.filters["label"] = lambda v: str(v).replace("_", " ")
    env.filters["web"] = lambda v: v if re.match(r"https?://", str(v)) else ""
    return env


def _rounds(outlook: Outlook) -> list[dict[str, Any]]:
    from forecast.features import FEATURES

    r = outlook.rounds.set_index("round_id")
    words = dict(FEATURES.values())
    out = []
    for round_id, f in outlook.forecasts.iterrows():
        c = outlook.contributions[outlook.contributions.round_id == round_id]
        reasons = c[c.moves.abs() > 5e-4].reindex(c.moves.abs().sort_values(ascending=False).index).dropna(subset=["moves"])
        ladder = charts.ladder_table(outlook, str(round_id))
        evidence = outlook.evidence[outlook.evidence.round_id == round_id].sort_values(["issue", "actor"])
        out.append(
            {"id": round_id, "label": charts.round_label(r.loc[round_id]), "row": r.loc[round_id], "f": f, "ladder": ladder.to_dict("records"),
             "reasons": [{"column": x.column, "what": words.get(x.column, ""), "moves": x.moves, "value": _value(r.loc[round_id], x.column)} for x in reasons.itertuples()],
             "evidence": evidence.to_dict("records"), "events": outlook.events[outlook.events.round_id == round_id].to_dict("records")}
        )  # fmt: skip
    return out


def _value(row: pd.Series, column: str) -> str:
    v = row.get(column)
    return "" if v is None or v != v else str(v)


def render(outlook: Outlook) -> str:
    """The page as a string. Texts from feeds are escaped; only http and https links are kept."""
    from forecast.outlook import HEADLINES

    drawn = [
        {"name": name, "alt": alt, "svg": charts.svg_of(plot, table)} for name, (plot, table, alt) in charts.chart_set(outlook).items()
    ]
    past = outlook.rounds[~outlook.rounds.round_id.isin(list(outlook.forecasts.index))] if len(outlook.rounds) else outlook.rounds
    past_rows = [{"label": charts.round_label(x), "row": x} for _, x in past.iterrows()]
    balance = charts.balance_table(outlook)
    return _environment().get_template("report.html").render(
        o=outlook, headline=HEADLINES[outlook.headline], rounds=_rounds(outlook), charts=drawn, caption=charts.caption(outlook),
        past=past_rows, record=model_record(), onesided=balance[balance.share > 0.6].to_dict("records"),
    )  # fmt: skip


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
