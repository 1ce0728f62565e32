"""What if: one thing set differently moves the forecast its own way, and nothing else changes."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import forecast as fc
from forecast.whatif import CHOICES, SHOWN


def test_nothing_set_nothing_moves(demo: Any) -> None:
    t = fc.what_if(demo)
    assert list(t.reaches) == list(SHOWN.values())
    assert t.points.abs().max() < 1e-9
    assert list(t.now) == pytest.approx([demo.forecasts.iloc[0][c] for c in SHOWN])


def test_confirmation_helps_and_the_outlook_stays(demo: Any) -> None:
    rounds, evidence = demo.rounds.copy(), demo.evidence.copy()
    assert (fc.what_if(demo, columns={"status": "confirmed"}).points > 0).all()
    assert demo.rounds.equals(rounds)
    assert demo.evidence.equals(evidence)


def test_an_acceptance_never_lowers_and_a_refusal_never_raises(demo: Any) -> None:
    for issue in ("ceasefire", "talks", "prisoner_exchange"):
        accepts = fc.what_if(demo, stances={("Russia", issue): "accepts"}).then
        rejects = fc.what_if(demo, stances={("Russia", issue): "rejects"}).then
        assert (accepts >= rejects - 1e-9).all(), issue


def test_a_stance_can_be_taken_away(demo: Any) -> None:
    assert len(fc.what_if(demo, stances={("Russia", "ceasefire"): None})) == 4


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"columns": {"colour": "red"}}, "column 'colour' cannot be set"), ({"columns": {"status": "held"}}, "status cannot be 'held'"),
        ({"stances": {("France", "talks"): "accepts"}}, "'France' is no party"), ({"stances": {("Russia", "weather"): "accepts"}}, "'weather' is no issue"),
        ({"stances": {("Russia", "talks"): "likes"}}, "'likes' is no stance"), ({"round_id": "none"}, "'none' is not a proposed round"),
    ],
)  # fmt: skip
def test_wrong_questions_are_told(demo: Any, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(fc.ForecastError, match=told):
        fc.what_if(demo, **asked)


def test_sliders_follow(demo: Any) -> None:
    pytest.importorskip("ipywidgets", reason="the extra `notebooks` is not installed")
    box = fc.sliders(demo)
    table, controls = box.children[0], {c.description: c for c in box.children if hasattr(c, "description")}
    before = table.value
    assert len(controls) >= len(CHOICES) + 3
    controls["how firmly it is planned"].value = "confirmed"
    assert table.value != before
    controls["how firmly it is planned"].value = "as read"
    assert table.value == before
    controls["its stance"].value = "rejects"
    assert table.value


def test_without_widgets_it_says_what_to_install(demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(fc.ForecastError, match="notebooks"):
        fc.sliders(demo)
