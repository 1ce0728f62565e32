"""Agreement of two readings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import forecast as fc
from forecast.agreement import COLUMNS, kappa_table
from forecast.errors import TableError


def test_a_copy_agrees_wholly(tmp_path: Path) -> None:
    h = fc.load_history()
    copy = h.rounds.merge(h.outcomes, on="round_id")[["round_id", *COLUMNS]].sample(200, random_state=1)
    copy.to_csv(tmp_path / "copy.csv", index=False)
    t = kappa_table(h, tmp_path / "copy.csv", draws=20)
    assert (t.kappa.dropna() == 1).all()
    assert (t.one_empty == 0).all()


def test_shipped_second_reading() -> None:
    """A floor: the outcome level is read alike; the weak columns are told as weak in data/README.md."""
    t = kappa_table(fc.load_history(), draws=50).set_index("column")
    assert t.loc["outcome_level", "kappa"] > 0.8
    assert t.loc["final_status", "kappa"] > 0.8
    assert (t.lo.fillna(-1) <= t.kappa.fillna(-1)).all()


def test_a_round_that_is_not_in_the_table(tmp_path: Path) -> None:
    pd.DataFrame({"round_id": ["nowhere-1"], **{c: [None] for c in COLUMNS}}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(TableError, match="nowhere-1 is not in the table"):
        kappa_table(fc.load_history(), tmp_path / "x.csv")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is missing"):
        kappa_table(fc.load_history(), tmp_path / "none.csv")
