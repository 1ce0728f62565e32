"""Features: no outcome and no future gets in; what is missing stays missing."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import TableError
from forecast.features import FEATURES, drop_outcomes
from forecast.tables import OUTCOME_COLUMNS


def one(**values: Any) -> pd.DataFrame:
    row = {
        "round_id": "x-1", "process_id": "x", "conflict_id": "x", "parties": "Aland;Beland", "conflict_type": "civil",
        "window_start": "2020-06-10", "window_end": "2020-06-12", "granularity": "day", "proposed_on": "2020-06-01",
        "proposed_by": "one_side", "status": "proposed", "level": "envoys", "as_of": "2020-06-09",
    } | values  # fmt: skip
    return pd.DataFrame([row])


def said(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    t = pd.DataFrame(rows, columns=["date", "actor", "issue", "stance"])
    return t.assign(round_id="x-1", gate=None, conditional_on=None, source="s")


def test_empty_round_knows_nothing() -> None:
    f = fc.build_features(pd.DataFrame([{"round_id": "a"}]))
    assert list(f.index) == ["a"]
    assert f.n_evidence.tolist() == [0.0]
    unknown = [c for c in FEATURES if FEATURES[c][0] != "statements"]
    assert f[unknown].isna().all(axis=None)


def test_values() -> None:
    f = fc.build_features(one(expectation=-2, ceasefire_in_force="nominal", violence_trend="rising", deadline="2020-06-15")).iloc[0]
    assert (f.expectation, f.expectation_doubt, f.expectation_high) == (-2, 1, 0)
    assert (f.ceasefire_none, f.ceasefire_nominal, f.ceasefire_full) == (0, 1, 0)
    assert (f.violence_rising, f.deadline_near, f.proposed_by_one, f.confirmed) == (1, 1, 1, 0)
    assert f.lead_days == pytest.approx(np.log1p(9))
    assert f.n_evidence == 4


@pytest.mark.parametrize("column", [c for c in OUTCOME_COLUMNS if c not in ("round_id", "summary")])
def test_outcome_columns_change_nothing(column: str) -> None:
    value = {"final_status": "held", "date_start": "2020-06-10", "date_end": "2020-06-11", "flags": "extension"}.get(column, 1)
    plain = fc.build_features(one())
    pd.testing.assert_frame_equal(plain, fc.build_features(one(**{column: value})))
    assert column not in drop_outcomes(one(**{column: value})).columns


@pytest.mark.parametrize("status", ["held", "under_way", "cancelled", "lapsed"])
def test_status_after_the_fact_counts_as_unknown(status: str) -> None:
    f = fc.build_features(one(status=status)).iloc[0]
    assert np.isnan(f.confirmed)
    assert f.n_evidence == fc.build_features(one(status="")).iloc[0].n_evidence


def test_statements_latest_stance_counts() -> None:
    s = said(("2020-06-01", "Aland", "ceasefire", "rejects"), ("2020-06-05", "Aland", "ceasefire", "accepts"))
    f = fc.build_features(one(), s).iloc[0]
    assert (f.refusals, f.acceptances, f.agenda_ceasefire) == (0, 1, 1)


def test_statements_of_outsiders_do_not_count() -> None:
    f = fc.build_features(one(), said(("2020-06-01", "Celand", "talks", "rejects"))).iloc[0]
    assert (f.refusals, f.talks_refused) == (0, 0)


def test_statements_after_the_cut_do_not_count() -> None:
    s = said(("2020-06-01", "Aland", "ceasefire", "offers"))
    late = said(("2020-06-11", "Beland", "talks", "rejects"), ("2020-07-01", "Aland", "ceasefire", "rejects"))
    pd.testing.assert_frame_equal(fc.build_features(one(), s), fc.build_features(one(), pd.concat([s, late], ignore_index=True)))


def test_index_of_statements_does_not_matter() -> None:
    s = said(("2020-06-01", "Aland", "ceasefire", "offers"), ("2020-06-02", "Beland", "talks", "accepts"))
    pd.testing.assert_frame_equal(fc.build_features(one(), s), fc.build_features(one(), s.set_axis([0, 0])))


def test_reference_date_cuts_earlier() -> None:
    s = said(("2020-06-01", "Aland", "ceasefire", "offers"), ("2020-06-08", "Aland", "ceasefire", "rejects"))
    early = fc.build_features(one(), s, reference_date=date(2020, 6, 4)).iloc[0]
    assert (early.offers, early.refusals) == (1, 0)
    late = fc.build_features(one(), s, reference_date=date(2020, 6, 9)).iloc[0]
    assert (late.offers, late.refusals) == (0, 1)


def history(n: int) -> pd.DataFrame:
    rows = [one(round_id=f"x-{i}", window_start=f"2020-0{i}-10", window_end=f"2020-0{i}-12", as_of=f"2020-0{i}-09") for i in range(1, n + 1)]
    return pd.concat(rows, ignore_index=True)


def outcomes(*levels: int) -> pd.DataFrame:
    rows = [(f"x-{i}", level, f"2020-0{i}-12" if level else None) for i, level in enumerate(levels, 1)]
    return pd.DataFrame(rows, columns=["round_id", "outcome_level", "date_end"])


def test_history_counts_earlier_rounds_only() -> None:
    f = fc.build_features(history(3), outcomes=outcomes(3, 0, 5))
    assert np.expm1(f.rounds_so_far).round(6).tolist() == [0, 1, 1]
    assert f.last_not_held.isna().tolist() == [True, False, False]
    assert f.last_not_held.tolist()[1:] == [0.0, 1.0]


def test_own_outcome_and_later_ones_never_enter() -> None:
    a = fc.build_features(history(3), outcomes=outcomes(3, 0, 5))
    b = fc.build_features(history(3), outcomes=outcomes(3, 0, 0))
    pd.testing.assert_frame_equal(a, b)
    c = fc.build_features(history(3), outcomes=outcomes(3, 4, 0))
    pd.testing.assert_frame_equal(a.loc[["x-1", "x-2"]], c.loc[["x-1", "x-2"]])


def test_order_of_rows_does_not_matter(history: Any) -> None:
    r, s, o = history.rounds.head(80), history.statements, history.outcomes
    plain = fc.build_features(r, s, o)
    mixed = fc.build_features(r.sample(frac=1, random_state=1), s.sample(frac=1, random_state=2), o)
    pd.testing.assert_frame_equal(plain, mixed.loc[plain.index])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"level": "kings"}, "level"), ({"expectation": 5}, "expectation"), ({"status": "maybe"}, "status"),
        ({"window_start": "soon"}, "window_start"), ({"conflict_type": "war"}, "conflict_type"),
    ],
)  # fmt: skip
def test_values_outside_the_codebook(values: dict[str, Any], words: str) -> None:
    with pytest.raises(TableError, match=words):
        fc.build_features(one(**values))


def test_all_faults_together() -> None:
    with pytest.raises(TableError) as e:
        fc.build_features(one(level="kings", status="maybe"))
    assert "level" in str(e.value)
    assert "status" in str(e.value)


def test_features_are_described() -> None:
    assert all(group and what for group, what in FEATURES.values())
