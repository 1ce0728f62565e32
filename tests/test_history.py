"""The historical table is sound, and a fault in it is found."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import forecast as fc
from forecast.bundled import data_path
from forecast.errors import TableError
from forecast.history import LAST_DAY, check_history, describe_history


def test_bundled_table_is_sound(history: Any) -> None:
    assert check_history(history) == []


def test_counts(history: Any) -> None:
    d = describe_history(history)
    assert d["rounds"] == len(history.rounds) >= 300
    assert d["statements"] == len(history.statements)
    assert 0.1 < float(str(d["share not held"])) < 0.5
    assert history.rounds.window_start.max() <= LAST_DAY


def test_quotes_and_texts_are_not_copied(history: Any) -> None:
    assert (history.outcomes.summary.dropna().str.split().str.len() <= 60).all()


def test_levels_and_announced_are_in_order(history: Any) -> None:
    assert list(history.levels.index) == list(history.rounds.round_id)
    assert history.levels.between(0, 6).all()
    assert list(history.announced.index) == list(history.rounds.round_id)


def changed(history: Any, table: str, column: str, value: Any) -> Any:
    t: pd.DataFrame = getattr(history, table).copy()
    held = history.outcomes.index[history.outcomes.final_status == "held"][0]
    t[column] = t[column].astype("object")
    t.loc[held if table != "sources" else t.index[t.role == "pre"][0], column] = value
    return replace(history, **{table: t})


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("rounds", "level", "kings", "level holds"),
        ("rounds", "window_end", "1900-01-01", "window ends before it starts"),
        ("rounds", "window_start", "soon", "where a date"),
        ("rounds", "as_of", "2100-01-01", "as-of date is not before"),
        ("rounds", "round_id", "new-id", "is not in rounds"),
        ("outcomes", "outcome_level", 0, "level 0 is for rounds that were not held"),
        ("outcomes", "outcome_level", 9, "outcome_level holds"),
        ("outcomes", "date_end", "1900-01-01", "out of order"),
        ("outcomes", "date_start", None, "dates are missing"),
        ("sources", "published", "2100-01-01", "dated after the round began"),
        ("sources", "url", "see archive", "no address"),
        ("sources", "role", "during", "role holds"),
        ("statements", "source", "https://elsewhere.example/", "cites no pre source"),
        ("statements", "stance", "shrugs", "stance holds"),
    ],
)
def test_faults_are_found(history: Any, table: str, column: str, value: Any, said: str) -> None:
    faults = check_history(changed(history, table, column, value))
    assert any(said in f for f in faults), faults[:5]


def test_missing_column_and_double_key(history: Any) -> None:
    assert any("column 'level' is missing" in f for f in check_history(replace(history, rounds=history.rounds.drop(columns="level"))))
    twice = pd.concat([history.rounds, history.rounds.head(1)], ignore_index=True)
    assert any("given twice" in f for f in check_history(replace(history, rounds=twice)))


def test_load_from_folder(tmp_path: Path, history: Any) -> None:
    shutil.copytree(data_path("rounds"), tmp_path / "rounds")
    again = fc.load_history(tmp_path / "rounds")
    assert again.data_hash == history.data_hash
    (tmp_path / "rounds" / "outcomes.csv").unlink()
    with pytest.raises(TableError, match=r"outcomes\.csv is missing"):
        fc.load_history(tmp_path / "rounds")


def test_rounds_check_exits_with_its_finding(tmp_path: Path, cli: Any) -> None:
    shutil.copytree(data_path("rounds"), tmp_path / "rounds")
    file = tmp_path / "rounds" / "rounds.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",envoys,", ",kings,", 1), encoding="utf-8")
    ran = cli("rounds-check", tmp_path / "rounds")
    assert ran.code == 1
    assert "FAULT" in ran.out
    assert cli("rounds-check", tmp_path).code == 2


def test_processes_table(history: Any) -> None:
    p = pd.read_csv(data_path("rounds", "processes.csv"))
    assert p.process_id.is_unique
    assert set(history.rounds.process_id) <= set(p.process_id)
