"""The ladder: bounded, monotone, honest where nothing is known, and never moved the wrong way."""

from __future__ import annotations

import csv
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import forecast as fc
from forecast.errors import ModelError
from forecast.features import HUMANITARIAN
from forecast.model import CLASS_FEATURES, P_COLUMNS, Settings
from forecast.outlook import estimate_rounds
from forecast.tables import CEASEFIRES, CONFLICT_TYPES, ISSUES, LEVELS, OUTCOME_COLUMNS, STANCES, VIOLENCE

QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


ROUND = st.fixed_dictionaries(
    {
        "conflict_type": maybe(*CONFLICT_TYPES), "level": maybe(*LEVELS), "status": maybe("proposed", "confirmed", "postponed"),
        "granularity": maybe("day", "week", "month", "open"), "proposed_by": maybe("mediator", "one_side", "both", "press"),
        "signing_expected": maybe(0, 1), "draft_on_table": maybe(0, 1), "ceasefire_in_force": maybe(*CEASEFIRES),
        "entry_condition_unmet": maybe(0, 1), "guarantor_offered": maybe(0, 1), "expectation": maybe(-2, -1, 0, 1, 2),
        "violence_trend": maybe(*VIOLENCE), "mediators": maybe("Celand"), "format": maybe("direct", "proximity"),
    }
)  # fmt: skip
STATEMENT = st.tuples(
    st.sampled_from(["Aland", "Beland"]), st.sampled_from(list(ISSUES)), st.sampled_from(STANCES), st.integers(1, 20)
)


def many(model: Any, variants: list[tuple[dict[str, Any], list[tuple[str, str, str, int]]]]) -> np.ndarray:
    """P(level >= k) of several readings of one round, estimated together; shape (n, 6)."""
    rounds = pd.concat([table(v | {"round_id": f"r{n}"}) for n, (v, _) in enumerate(variants)], ignore_index=True)
    said = [statements(rows).assign(round_id=f"r{n}") for n, (_, rows) in enumerate(variants) if rows]
    f = estimate_rounds(rounds, pd.concat(said, ignore_index=True) if said else None, model=model)[0]
    return f[list(P_COLUMNS)].to_numpy(dtype=float)


def table(values: dict[str, Any]) -> pd.DataFrame:
    fixed = {
        "round_id": "r", "process_id": "p", "conflict_id": "c", "parties": "Aland;Beland", "as_of": "2020-06-30",
        "window_start": "2020-07-01", "window_end": "2020-07-02", "proposed_on": "2020-06-10",
    }  # fmt: skip
    return pd.DataFrame([fixed | values])


def statements(rows: list[tuple[str, str, str, int]]) -> pd.DataFrame:
    kept = {(a, i): (a, i, s, f"2020-06-{d:02d}") for a, i, s, d in rows}
    t = pd.DataFrame(kept.values(), columns=["actor", "issue", "stance", "date"])
    return t.assign(round_id="r", gate=None, conditional_on=None, source="s")


def forecast(model: Any, values: dict[str, Any], rows: list[tuple[str, str, str, int]] = (), **kw: Any) -> pd.Series:  # type: ignore[assignment]
    return estimate_rounds(table(values), statements(list(rows)) if rows else None, model=model, **kw)[0].iloc[0]


@QUICK
@given(values=ROUND, rows=st.lists(STATEMENT, max_size=6), noise=st.sampled_from([0.0, 0.35, 1.0]), headline=st.integers(1, 6))
def test_monotone_and_bounded(model: Any, values: dict[str, Any], rows: Any, noise: float, headline: int) -> None:
    f = forecast(model, values, rows, noise=noise, headline=headline)
    p = f[list(P_COLUMNS)].to_numpy(dtype=float)
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p) <= 1e-12).all()
    assert 0 <= f.lo <= p[headline - 1] <= f.hi <= 1


@QUICK
@given(values=ROUND, rows=st.lists(STATEMENT, max_size=5), actor=st.sampled_from(["Aland", "Beland"]), issue=st.sampled_from(list(ISSUES)))
def test_a_refusal_never_raises_an_acceptance_never_lowers(model: Any, values: Any, rows: Any, actor: str, issue: str) -> None:
    """One more stance on an issue nobody of that side has spoken on."""
    rows = [r for r in rows if (r[0], r[1]) != (actor, issue)]
    before, refused, accepted = many(
        model, [(values, rows), *((values, [*rows, (actor, issue, s, 20)]) for s in ("rejects", "accepts"))]
    )
    assert (refused <= before + 1e-12).all(), (before, refused)
    assert (accepted >= before - 1e-12).all(), (before, accepted)


@QUICK
@given(values=ROUND, rows=st.lists(STATEMENT, max_size=5), at=st.integers(0, 4))
def test_a_side_that_turns(model: Any, values: Any, rows: Any, at: int) -> None:
    """Turning a demand into a refusal never raises, into an acceptance never lowers."""
    if not rows:
        return
    actor, issue, _, day = rows[at % len(rows)]
    others = [r for r in rows if (r[0], r[1]) != (actor, issue)]
    refused, demanded, accepted = many(
        model, [(values, [*others, (actor, issue, s, day)]) for s in ("rejects", "demands", "accepts")]
    )
    assert (refused <= demanded + 1e-12).all()
    assert (demanded <= accepted + 1e-12).all()


@pytest.mark.parametrize("level", [None, *LEVELS])
@pytest.mark.parametrize("kind", [None, *CONFLICT_TYPES])
def test_no_evidence_is_the_base_rate(model: Any, level: str | None, kind: str | None) -> None:
    rounds = pd.DataFrame([{"round_id": "r", "level": level, "conflict_type": kind}])
    features = fc.build_features(rounds)
    p = model.predict(features)[list(P_COLUMNS)].to_numpy(dtype=float)
    assert p == pytest.approx(model.base_rates(features), abs=1e-12)


def test_nothing_at_all_is_the_rate_of_history(model: Any) -> None:
    f = model.predict(fc.build_features(pd.DataFrame([{"round_id": "r"}]))).iloc[0]
    assert f[list(P_COLUMNS)].to_numpy(dtype=float) == pytest.approx(model.base.rates, abs=1e-9)


def test_full_noise_is_the_base_rate(model: Any, features: Any) -> None:
    features = features.head(40)
    p = model.predict(features, noise=1.0)[list(P_COLUMNS)].to_numpy(dtype=float)
    assert p == pytest.approx(model.base_rates(features), abs=1e-6)


def test_noise_widens_the_interval(model: Any, features: Any) -> None:
    """Measured on the logit scale, where the interval is made."""
    features = features.head(60)
    for noise in (0.2, 0.35):
        f = model.predict(features, noise=noise)
        assert (f.hi >= f.p_ge5).all()
        assert (f.lo <= f.p_ge5).all()
        assert ((f.hi - f.lo) > 0).all()


# -- the estimate verb --------------------------------------------------------------------------


def estimated(cli: Any, folder: Path, rounds: pd.DataFrame, said: pd.DataFrame | None = None) -> str:
    rounds.to_csv(folder / "rounds.csv", index=False)
    extra = []
    if said is not None:
        said.to_csv(folder / "statements.csv", index=False)
        extra = ["--statements", folder / "statements.csv"]
    ran = cli("estimate", "--rounds", folder / "rounds.csv", *extra, "--out", folder / "out.csv")
    assert ran.code == 0, ran.err
    return (folder / "out.csv").read_text(encoding="utf-8")


def test_estimate_columns(cli: Any, tmp_path: Path, history: Any) -> None:
    text = estimated(cli, tmp_path, history.rounds.head(5), history.statements)
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == ["round_id", "p_held", "p_ge2", "p_ge3", "p_ge4", "p_ge5", "p_ge6", "lo", "hi", "base_rate", "model_id"]
    assert [r["round_id"] for r in rows] == list(history.rounds.round_id.head(5))


def test_outcome_columns_are_ignored(cli: Any, tmp_path: Path, history: Any) -> None:
    rounds = history.rounds.head(60)
    plain = estimated(cli, tmp_path, rounds, history.statements)
    telling = rounds.merge(history.outcomes, on="round_id")
    assert set(OUTCOME_COLUMNS) <= set(telling.columns)
    assert estimated(cli, tmp_path, telling, history.statements) == plain
    reversed_ = telling.assign(outcome_level=6 - telling.outcome_level, final_status="held", date_start="2001-01-01", date_end="2001-01-02")
    assert estimated(cli, tmp_path, reversed_, history.statements) == plain


def test_outcome_columns_may_hold_anything(cli: Any, tmp_path: Path, history: Any) -> None:
    """Ignored means ignored: not even their values are checked."""
    rounds = history.rounds.head(3)
    assert estimated(cli, tmp_path, rounds.assign(outcome_level="?", final_status="?"), None) == estimated(cli, tmp_path, rounds, None)


def test_statements_without_dates_count(cli: Any, tmp_path: Path, history: Any) -> None:
    said = pd.DataFrame([{"round_id": history.rounds.round_id[0], "actor": "Indonesia", "issue": "talks", "stance": "rejects"}])
    assert estimated(cli, tmp_path, history.rounds.head(1), said) != estimated(cli, tmp_path, history.rounds.head(1), None)


@QUICK
@given(late=st.lists(STATEMENT, min_size=1, max_size=5))
def test_future_statements_change_nothing(model: Any, late: Any) -> None:
    now = [("Aland", "ceasefire", "demands", 5)]
    values = {"level": "envoys", "status": "proposed", "conflict_type": "civil"}
    before = estimate_rounds(table(values), statements(now), model=model, reference_date=date(2020, 6, 10))[0]
    future = statements([(a, i, s, d) for a, i, s, d in late]).assign(date="2020-06-25")
    both = pd.concat([statements(now), future], ignore_index=True)
    after = estimate_rounds(table(values), both, model=model, reference_date=date(2020, 6, 10))[0]
    pd.testing.assert_frame_equal(before, after)


@QUICK
@given(levels=st.lists(st.integers(0, 6), min_size=3, max_size=3))
def test_future_outcomes_change_nothing(model: Any, levels: list[int]) -> None:
    rounds = pd.concat(
        [table({"round_id": f"r{i}", "window_start": f"2020-0{i}-01", "window_end": f"2020-0{i}-02", "as_of": f"2020-0{i - 1}-28"}) for i in (5, 6, 7, 8)],
        ignore_index=True,
    )
    known = pd.DataFrame([("r5", 3, "2020-05-02")], columns=["round_id", "outcome_level", "date_end"])
    later = pd.DataFrame(
        [(f"r{i}", k, f"2020-0{i}-02") for i, k in zip((6, 7, 8), levels, strict=True)], columns=known.columns
    )
    when = date(2020, 5, 28)
    before = estimate_rounds(rounds, None, known, model=model, reference_date=when)[0]
    after = estimate_rounds(rounds, None, pd.concat([known, later], ignore_index=True), model=model, reference_date=when)[0]
    pd.testing.assert_frame_equal(before, after)


# -- contributions ------------------------------------------------------------------------------


def test_contributions_are_exact(model: Any, features: Any) -> None:
    """With no noise, the logit of the class plus the contributions is the forecast's logit."""
    features = features.head(30)
    c = model.contributions(features, headline=1)
    start, raw, _ = model._terms(features, model.coef)
    of_class = [i for i, name in enumerate(model.columns) if name in CLASS_FEATURES]
    logit = start[:, 0] + raw[:, of_class, 0].sum(axis=1) + c.groupby("round_id").held.sum().loc[features.index].to_numpy()
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(model.predict(features).p_held.to_numpy(), abs=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.35])
def test_moves_are_those_of_the_forecast_given(model: Any, features: Any, noise: float) -> None:
    """Taking a column's `held` from the logit of P(held) lowers P(held) by its `moves`."""
    features = features.head(30)
    p = model.predict(features, noise=noise, headline=1).p_held
    c = model.contributions(features, headline=1, noise=noise)
    before = p.loc[c.round_id].to_numpy()
    without = 1 / (1 + np.exp(-(np.log(before / (1 - before)) - c.held.to_numpy())))
    assert before - without == pytest.approx(c.moves.to_numpy(), abs=1e-9)


def test_contribution_of_an_empty_column_is_nil(model: Any) -> None:
    c = model.contributions(fc.build_features(pd.DataFrame([{"round_id": "r"}])))
    assert (c[["held", "later", "moves"]].abs() < 1e-12).all(axis=None)


# -- fitting and keeping ------------------------------------------------------------------------


def test_fit_twice_gives_identical_bytes(history: Any, features: Any, tmp_path: Path) -> None:
    groups = history.rounds.set_index("round_id").conflict_id
    n = 150  # part of the table, so that it stays quick
    for name in ("a.json", "b.json"):
        part = features.head(n).copy(), history.levels.head(n), history.announced.head(n), groups.head(n)
        fc.LadderModel(Settings(bootstraps=3)).fit(*part, data_hash="x").save(tmp_path / name)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_shipped_model_is_that_of_the_shipped_table(model: Any, history: Any, features: Any) -> None:
    """After a change of table or features: `forecast fit`."""
    fresh = fc.LadderModel(model.settings).fit(
        features, history.levels, history.announced, history.rounds.set_index("round_id").conflict_id, bootstrap=False
    )
    assert model.data_hash == history.data_hash
    assert model.columns == fresh.columns
    assert model.settings == Settings()
    for k in fresh.coef:
        assert model.coef[k] == pytest.approx(fresh.coef[k], abs=1e-4), k


def test_save_and_load(model: Any, features: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "m.json")
    again = fc.LadderModel.load(tmp_path / "m.json")
    features = features.head(20)
    pd.testing.assert_frame_equal(again.predict(features), model.predict(features))
    assert again.model_id == model.model_id


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kind": "ladder", "version": 99}', '{"kind": "tree", "version": 1}'])
def test_not_a_model(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError):
        fc.LadderModel.load(tmp_path / "m.json")
    with pytest.raises(ModelError, match="cannot be read"):
        fc.LadderModel.load(tmp_path / "none.json")


def test_too_few_rounds(history: Any, features: Any) -> None:
    f = features.head(10)
    with pytest.raises(ModelError, match="too few"):
        fc.LadderModel().fit(f, history.levels.head(10), history.announced.head(10), pd.Series("a", index=f.index))


def test_headline_out_of_range(model: Any, features: Any) -> None:
    with pytest.raises(ModelError, match="headline 9"):
        model.predict(features.head(1), headline=9)


def test_humanitarian_issues_are_issues() -> None:
    assert set(HUMANITARIAN) <= set(ISSUES)


def test_base_rate_counts_only_announced_rounds_for_held() -> None:
    levels = pd.Series([0, 1, 3, 3], index=list("abcd"))
    b = fc.BaseRate().fit(levels, pd.Series([True, True, False, False], index=list("abcd")))
    assert b.rates[0] == 0.5
    assert b.rungs[1] == pytest.approx(2 / 3)
    assert b.predict(3).shape == (3, 6)


def test_the_quick_sum_is_that_of_the_terms_to_the_bit(model: Any, features: Any) -> None:
    z, w = model._evidence(features)
    for coef in (model.coef, *model.draws[:5]):
        start, raw, _ = model._terms(features, coef)
        assert (model._climb(z, w, coef) == model._cumulative(start + raw.sum(axis=1))).all()


def test_thousands_of_rounds_take_no_time(history: Any) -> None:
    """A guard at a quarter of the size; `tests/benchmarks/scale.py` measures the whole."""
    tables = [[], [], []]
    for n in range(4):
        for kept, table in zip(tables, (history.rounds, history.statements, history.outcomes), strict=True):
            again = {c: table[c] + f"~{n}" for c in ("round_id", "process_id") if c in table.columns}
            kept.append(table.assign(**again))
    rounds, statements, outcomes = (pd.concat(t, ignore_index=True) for t in tables)
    start = time.process_time()
    forecasts, contributions, features = fc.estimate_rounds(rounds, statements, outcomes)
    assert time.process_time() - start < 2
    alone = fc.estimate_rounds(history.rounds, history.statements, history.outcomes)
    for many, few in zip((forecasts, features), (alone[0], alone[2]), strict=True):
        first = many.head(len(few))
        assert (first.to_numpy() == few.to_numpy()).sum() == few.notna().to_numpy().sum()
    assert len(contributions) == 4 * len(alone[1])
