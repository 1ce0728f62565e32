"""Back-tests: nobody is forecast by a model that saw them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast import backtest as bt
from forecast.history import History


def part(history: History, rows: pd.Series) -> History:
    keep = history.rounds[rows]
    ids = set(keep.round_id)

    def of(t: pd.DataFrame) -> pd.DataFrame:
        return t[t.round_id.isin(ids)].reset_index(drop=True)

    return History(keep.reset_index(drop=True), of(history.statements), of(history.outcomes), of(history.sources), "part")


@pytest.fixture(scope="module")
def small(history: History) -> History:
    """Some conflicts only, so that it stays quick."""
    return part(history, history.rounds.conflict_id.isin(history.rounds.conflict_id.value_counts().index[:4]))


@pytest.fixture(scope="module")
def early(history: History) -> History:
    """The first years only."""
    return part(history, history.rounds.window_start < f"{bt.FIRST_YEAR + 2}")


@pytest.fixture(scope="module")
def loco(small: History) -> pd.DataFrame:
    return bt.out_of_sample(small)


def test_every_round_once(loco: pd.DataFrame, small: History) -> None:
    assert sorted(loco.round_id) == sorted(small.rounds.round_id)
    p = loco[[f"p{k}" for k in range(1, 7)]].to_numpy()
    assert ((p > 0) & (p < 1)).all()
    assert (np.diff(p, axis=1) <= 0).all()


def test_own_conflict_does_not_matter(small: History, loco: pd.DataFrame) -> None:
    """Turning one conflict's outcomes upside down leaves the model's base rate for its rounds as it was."""
    first = sorted(small.rounds.conflict_id.unique())[0]
    mine = small.rounds.round_id[small.rounds.conflict_id == first]
    o = small.outcomes.copy()
    at = o.round_id.isin(mine) & (o.outcome_level > 0)
    o.loc[at, "outcome_level"] = 7 - o.loc[at, "outcome_level"]
    other = bt.out_of_sample(History(small.rounds, small.statements, o, small.sources, "x"))
    a, b = (t.set_index("round_id").loc[mine, ["b1", "b3", "b5"]] for t in (loco, other))
    pd.testing.assert_frame_equal(a, b)


def test_rolling_sees_only_the_past(early: History) -> None:
    f = bt.out_of_sample(early, scheme="rolling")
    assert f.year.min() >= bt.FIRST_YEAR
    last = f.year.max()
    o = early.outcomes.copy()
    late = set(f.round_id[f.year == last])
    at = o.round_id.isin(late) & (o.outcome_level > 0)
    o.loc[at, "outcome_level"] = 7 - o.loc[at, "outcome_level"]
    again = bt.out_of_sample(History(early.rounds, early.statements, o, early.sources, "x"), scheme="rolling")
    before = f.year < last
    columns = [f"p{k}" for k in range(1, 7)]
    pd.testing.assert_frame_equal(f[before][columns], again[again.year < last][columns])
    assert f[~before].b3.tolist() == again[again.year == last].b3.tolist()


def test_tables(loco: pd.DataFrame) -> None:
    s = bt.score_table(loco)
    assert list(s.threshold) == [">= 1", ">= 2", ">= 3", ">= 4", ">= 5", "RPS"]
    assert (s.lo <= s.skill).all()
    assert (s.skill <= s.hi).all()
    assert (s.smallest_skill > 0).all()
    g = bt.subgroup_table(loco)
    assert g[g.by == "conflict_type"].n.sum() == len(loco)
    page = bt.markdown(s, g, "loco")
    assert page.count("\n|") >= len(s) + len(g)
    assert "nan" not in page


def test_unknown_scheme(small: History) -> None:
    with pytest.raises(ValueError, match="neither 'loco' nor 'rolling'"):
        bt.out_of_sample(small, scheme="luck")


def test_shipped_record_names_its_columns() -> None:
    from forecast.report import model_record

    rows: list[dict[str, Any]] = model_record()
    for r in rows:
        assert {"threshold", "n", "brier", "brier_base", "skill", "lo", "hi"} <= set(r)
