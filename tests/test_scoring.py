"""Scores: values worked out by hand, and what makes a score proper."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast import scoring
from forecast.errors import TableError

P = st.floats(0.0, 1.0)


def test_brier_by_hand() -> None:
    assert scoring.brier(observed=[1, 0, 1], predicted=[1.0, 0.5, 0.0]).tolist() == [0.0, 0.25, 1.0]


def test_log_score_by_hand() -> None:
    assert scoring.log_score(observed=[1, 0], predicted=[0.5, 0.75]) == pytest.approx([np.log(2), np.log(4)])
    assert np.isfinite(scoring.log_score(observed=[1, 0], predicted=[0.0, 1.0])).all()


def test_rps_by_hand() -> None:
    sure = np.array([[1.0, 1, 1, 0, 0, 0]])
    assert scoring.rps(observed=np.array([3]), predicted=sure).tolist() == [0.0]
    assert scoring.rps(observed=np.array([5]), predicted=sure)[0] == pytest.approx(2 / 6)


def test_rps_grows_with_distance() -> None:
    sure = np.array([[1.0, 1, 0, 0, 0, 0]])
    far = [scoring.rps(observed=np.array([k]), predicted=sure)[0] for k in range(2, 7)]
    assert far == sorted(far)


@given(P, P)
def test_brier_and_log_score_are_proper(truth: float, said: float) -> None:
    """Nobody expects a better score by saying other than what they think."""
    for score in (scoring.brier, scoring.log_score):
        def expected(p: float, f: object = score) -> float:
            return float(truth * f(observed=[1], predicted=[p])[0] + (1 - truth) * f(observed=[0], predicted=[p])[0])  # type: ignore[operator]

        assert expected(truth) <= expected(said) + 1e-5


def test_skill() -> None:
    assert scoring.skill(np.array([0.2, 0.2]), np.array([0.2, 0.2])) == 0.0
    assert scoring.skill(np.array([0.0]), np.array([0.2])) == 1.0
    assert scoring.skill(np.array([0.4]), np.array([0.2])) == pytest.approx(-1.0)


def test_skill_interval_holds_the_skill_and_repeats() -> None:
    rng = np.random.default_rng(3)
    base = rng.random(200)
    score = base * 0.8 + rng.normal(0, 0.05, 200)
    groups = np.repeat(np.arange(20), 10)
    lo, hi = scoring.skill_interval(score, base, groups)
    assert lo < scoring.skill(score, base) < hi
    assert (lo, hi) == scoring.skill_interval(score, base, groups)


def test_calibration_of_hope_and_of_truth() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(0.05, 0.95, 20_000)
    o = (rng.random(len(p)) < p).astype(float)
    c = scoring.calibration(observed=o, predicted=p)
    assert c["in_the_large"] == pytest.approx(0, abs=0.02)
    assert c["slope"] == pytest.approx(1, abs=0.1)
    assert scoring.calibration(observed=o, predicted=np.clip(p + 0.2, 0, 1))["in_the_large"] > 0.1
    assert np.isnan(scoring.calibration(observed=[1, 1], predicted=[0.5, 0.6])["slope"])


def test_reliability_of_calibrated_forecasts_lies_in_its_band() -> None:
    rng = np.random.default_rng(7)
    p = rng.uniform(0, 1, 3000)
    o = (rng.random(len(p)) < p).astype(float)
    t = scoring.reliability(observed=o, predicted=p)
    assert t.n.sum() == 3000
    assert t.predicted.is_monotonic_increasing
    assert ((t.observed >= t.lo) & (t.observed <= t.hi)).mean() >= 0.6
    assert len(scoring.reliability(observed=[], predicted=[])) == 0


@pytest.mark.parametrize(("observed", "predicted"), [([1], [0.5, 0.5]), ([1], [1.5]), ([1], [-0.1]), ([1], [float("nan")])])
def test_wrong_input(observed: list[float], predicted: list[float]) -> None:
    with pytest.raises(TableError):
        scoring.brier(observed=observed, predicted=predicted)
