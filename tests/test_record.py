"""The record of issued forecasts: outcomes, scores of what has elapsed, the hub export."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import forecast as fc
from forecast import record
from forecast.errors import ForecastError

SOURCE = "https://outlet.example/after"


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return fc.run().case


def test_an_outcome_is_scored_only_when_its_time_has_passed(case: Any) -> None:
    (round_id,) = {r.round_id for r in fc.run().forecasts.reset_index().itertuples()}
    record.resolve(case, round_id, 3, date(2025, 7, 23), SOURCE)
    assert not len(record.score_log(case, date(2025, 8, 10)))
    scores = record.score_log(case, date(2025, 9, 1)).set_index("threshold")
    assert scores.outcome.to_dict() == {1: 1.0, 2: 1.0, 3: 1.0, 4: 0.0, 5: 0.0, 6: 0.0}
    assert scores.brier.to_numpy() == pytest.approx(((scores.p - scores.outcome) ** 2).to_numpy())
    assert (record.summarise(scores.reset_index()).hope.iloc[3:] > 0).all()
    record.resolve(case, round_id, 0, date(2025, 7, 28), SOURCE)  # a later finding takes its place
    assert record.score_log(case, date(2025, 9, 1)).outcome.sum() == 0


@pytest.mark.parametrize(("round_id", "level", "source", "said"), [("r", 7, SOURCE, "level 7"), ("r", 3, "hearsay", "no address|not an address"), ("r", 3, SOURCE, "no forecast was issued")])
def test_a_finding_that_cannot_be(case: Any, round_id: str, level: int, source: str, said: str) -> None:
    with pytest.raises(ForecastError, match=said):
        record.resolve(case, round_id, level, date(2025, 7, 23), source)


def test_hub_export_holds_a_distribution(case: Any, tmp_path: Path) -> None:
    (file,) = record.export_hub(case, tmp_path / "hub")
    t = pd.read_csv(file)
    assert list(t.output_type_id) == list(range(7))
    assert t.value.min() >= 0
    assert t.value.sum() == pytest.approx(1.0, abs=1e-5)
    assert file.parent.parent.name == "model-output"


def test_nothing_to_export(tmp_path: Path) -> None:
    case = fc.Case.create(tmp_path / "case")
    fc.Archive(case.archive_path).close()
    with pytest.raises(ForecastError, match="no forecast was issued"):
        record.export_hub(case, tmp_path / "hub")
    shutil.rmtree(case.folder)
