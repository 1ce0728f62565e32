"""Replay: dated articles through the whole reading arm, forecasts as of the day before each known round, scored.

It answers two questions: what does machine-coded evidence add to the base rate, and how far is machine coding from
coding by hand on the same rounds (the noise that draws machine-coded forecasts towards the base rate).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from forecast import scoring
from forecast.case import Case, bundled_cases
from forecast.coding.actors import Gazetteer
from forecast.engine import code_many
from forecast.history import History
from forecast.model import LadderModel
from forecast.records import Article, Coding
from forecast.rounds import (
    EVIDENCE_DAYS,
    PLANNED,
    as_coded,
    link_statements,
    rounds_table,
    statements_table,
    track,
)

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = timedelta(days=7)  # between the window tracked and the one in the table
COMPARED = ("signing_expected", "draft_on_table", "entry_condition_unmet", "guarantor_offered", "expectation")


def replay(
    articles: Iterable[Article], h: History, start: date, end: date, *, progress: Callable[[int, int], None] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts of the table's rounds in a span from articles alone, and both codings of the same rounds.

    The articles are read once, and each is coded only for the cases one of whose parties it names.
    Each conflict of the table that has a bundled case of the same id is forecast by a model that saw none of that
    conflict. A round the reader did not find, or found at another time, is left out of the scores and counted.

    Returns
    -------
    scores : round_id, conflict_id, found, outcome, p_held, p_ge3, p_ge4, p_ge5 and the same of the base rate (b_...).
    codings : round_id, column, hand, machine.
    """
    import pandas as pd

    from forecast.features import build_features

    stock = sorted(articles, key=lambda a: (a.effective, a.article_id))
    r = h.rounds.merge(h.outcomes, on="round_id")
    r["begins"] = pd.to_datetime(r.window_start).dt.date
    r = r[(r.begins >= start) & (r.begins <= end) & r.proposed_on.notna()]
    conflicts = [c for c in sorted(r.conflict_id.unique()) if c in bundled_cases()]
    features, levels, announced = h.features(), h.levels, h.announced
    groups = h.rounds.set_index("round_id").conflict_id
    rows, codings = [], []
    cases = [Case.bundled(conflict) for conflict in conflicts]
    for n, (conflict, case, mine) in enumerate(zip(conflicts, cases, naming(stock, cases), strict=True)):
        coded = [(a, c) for a, c in code_many(mine, case) if c.relevant and c.conflict_id == case.id]
        train = (groups != conflict).to_numpy()
        model = LadderModel().fit(features[train], levels[train], announced[train], groups[train], bootstrap=False)
        for row in r[r.conflict_id == conflict].itertuples():
            as_of = (pd.Timestamp(row.as_of) if isinstance(row.as_of, str) else pd.Timestamp(row.begins) - pd.Timedelta(days=1)).date()
            found = _find(case, coded, as_of, row.begins, pd.Timestamp(row.window_end).date())
            base = model.base.rates
            out = {"round_id": row.round_id, "conflict_id": conflict, "found": found is not None, "outcome": int(row.outcome_level)}
            out |= {"b_held": base[0], "b_ge3": base[2], "b_ge4": base[3], "b_ge5": base[4]}
            if found is not None:
                table, linked = found
                f = build_features(table, linked, reference_date=as_of)
                p = model.predict(f).iloc[0]
                out |= {c: p[c] for c in ("p_held", "p_ge3", "p_ge4", "p_ge5")}
                codings += [(row.round_id, c, getattr(row, c), table.iloc[0][c]) for c in COMPARED]
            rows.append(out)
        if progress:
            progress(n + 1, len(conflicts))
    return pd.DataFrame(rows), pd.DataFrame(codings, columns=["round_id", "column", "hand", "machine"])


def naming(articles: Iterable[Article], cases: Sequence[Case]) -> list[list[Article]]:
    """Of each case the articles that name one of its parties, in one pass over all of them.

    An article that names none is no news of that conflict: in a stock of the world's news "the government" may be any.
    Some more than those are let through, since letters are compared without accents, spaces and marks.
    """
    from ahocorasick_rs import AhoCorasick

    owners: dict[str, set[int]] = {}
    # A coder knows what every case calls a party, whichever case it codes for.
    known = {name: Case.bundled(name).data for name in bundled_cases()} | {c.id: c.data for c in cases}
    for phrase, refs in Gazetteer(known.values()).refs.items():
        actors = {r.actor for r in refs}
        owners.setdefault(_letters(phrase), set()).update(n for n, case in enumerate(cases) if actors & set(case.parties))
    phrases = [p for p, n in owners.items() if p and n]
    automaton = AhoCorasick(phrases)
    out: list[list[Article]] = [[] for _ in cases]
    for article in articles:
        found = automaton.find_matches_as_indexes(_letters(f"{article.title} {article.text}"), overlapping=True)
        for n in sorted({owner for i in {m[0] for m in found} for owner in owners[phrases[i]]}):
            out[n].append(article)
    return out


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKD", text).lower().replace("ı", "i"))


def _find(
    case: Case, coded: list[tuple[Article, Coding]], as_of: date, begins: date, ends: date
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The tracked round nearest the known window, as of a day, with the statements linked to it."""
    near = [(a, c) for a, c in coded if as_of - timedelta(days=3 * EVIDENCE_DAYS) <= a.effective.date() <= as_of]
    if not near:
        return None
    table = rounds_table(track(near, case.id), case, near, as_of)
    if not len(table):
        return None
    open_ = table[table.status.isin(PLANNED)]
    fits = open_[(open_.window_start <= ends + TOLERANCE) & (open_.window_end >= begins - TOLERANCE)]
    if not len(fits):
        return None
    one = fits.iloc[[0]].reset_index(drop=True)
    linked = link_statements(statements_table(near, case.id), one, as_of)
    return one, as_coded(linked) if len(linked) else linked


def score_replay(scores: pd.DataFrame) -> pd.DataFrame:
    """Brier of machine-coded forecasts against the base rate on the rounds found: n, events, both scores, skill, 90 % interval."""
    import pandas as pd

    found = scores[scores.found]
    rows = []
    for k, name in ((1, "held"), (3, "ge3"), (4, "ge4"), (5, "ge5")):
        o = (found.outcome >= k).to_numpy(dtype=float)
        model = scoring.brier(observed=o, predicted=found[f"p_{name}"].to_numpy(dtype=float))
        base = scoring.brier(observed=o, predicted=found[f"b_{name}"].to_numpy(dtype=float))
        lo, hi = scoring.skill_interval(model, base, found.conflict_id.to_numpy())
        rows.append((f">= {k}", len(found), int(o.sum()), model.mean(), base.mean(), scoring.skill(model, base), lo, hi))
    return pd.DataFrame(rows, columns=["threshold", "n", "events", "brier", "brier_base", "skill", "lo", "hi"])


def noise_table(codings: pd.DataFrame) -> pd.DataFrame:
    """How far machine coding is from coding by hand: column, n where both gave a value, share equal, correlation."""
    import numpy as np
    import pandas as pd

    rows = []
    for column, g in codings.groupby("column"):
        both = g[g.hand.notna() & g.machine.notna()]
        a, b = both.hand.astype(float).to_numpy(), both.machine.astype(float).to_numpy()
        r = float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and a.std() > 0 and b.std() > 0 else float("nan")
        rows.append((column, len(g), len(both), float((a == b).mean()) if len(a) else float("nan"), r))
    return pd.DataFrame(rows, columns=["column", "rounds", "both_coded", "equal", "correlation"])
