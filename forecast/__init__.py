"""Forecast what a round of peace talks will bring.

>>> import forecast as fc
>>> case = fc.Case.bundled("russia-ukraine")
>>> text = "Ukraine demanded an immediate ceasefire, but Russia rejected it."
>>> [(s.actor, s.stance, s.issue) for s in fc.Coder(case).code(text, fc.day("2025-07-19")).statements][:1]
[('Ukraine', 'demands', 'ceasefire')]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public names and the modules they live in; loaded on first use, so that `import forecast` is quick.
_PUBLIC = {
    "Case": "case", "bundled_cases": "case",
    "Coder": "coding", "code_many": "engine", "code_files": "file_coding", "read_case": "reading", "read_outlook": "outlook",
    "Archive": "archive",
    "Outlook": "outlook", "run": "outlook", "extract": "outlook", "make_outlook": "outlook", "estimate_rounds": "outlook",
    "collect_case": "outlook", "import_articles": "outlook", "code_articles": "outlook", "demo_case": "outlook",
    "sample_feeds": "outlook",
    "track": "rounds", "rounds_table": "rounds", "statements_table": "rounds", "position_table": "rounds",
    "build_features": "features", "BaseRate": "model", "LadderModel": "model",
    "load_history": "history", "fit_default": "history",
    "write_outlook": "outlook", "chart_set": "charts", "draw": "charts", "export_charts": "charts", "export": "charts",
    "plot_movement": "charts", "plot_feeds": "charts", "show_round": "report", "what_if": "whatif", "sliders": "whatif",
    "plot_outlook": "charts", "plot_ladder": "charts", "plot_contributions": "charts", "plot_positions": "charts",
    "plot_timeline": "charts", "plot_tone": "charts", "plot_balance": "charts", "plot_reliability": "charts", "plot_skill": "charts",
    "ForecastError": "errors",
}  # fmt: skip
__all__ = [*_PUBLIC, "day"]

if TYPE_CHECKING:
    from datetime import date


def day(text: str) -> date:
    """A date from YYYY-MM-DD."""
    from datetime import date

    return date.fromisoformat(text)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(f"forecast.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'forecast' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
