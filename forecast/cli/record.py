"""The record of issued forecasts: what came of them."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli.console import CaseDir, Fmt, Format, app, day_of, print_table, say
from forecast.cli.main_job import outlook_of
from forecast.errors import ForecastError


@app.command()
def log(case_dir: CaseDir, format: Fmt = Format.table) -> None:
    """Every forecast issued for a case; the log is append-only."""
    import pandas as pd

    from forecast.archive import Archive
    from forecast.case import Case

    with Archive(Case.open(case_dir).archive_path, readonly=True) as archive:
        table = pd.DataFrame(archive.forecasts())
    wide = ["reference_date", "round_id", "window_start", "window_end", "status", "p_held", "p_ge3", "p_ge4", "p_ge5", "base_rate", "model_id"]
    print_table(table if format is not Format.table or not len(table) else table[wide], format)


@app.command()
def resolve(
    case_dir: CaseDir,
    round_id: Annotated[str | None, typer.Argument(metavar="[ROUND]", help="The round's id; without it, what reports suggest is listed.", show_default=False)] = None,
    level: Annotated[int | None, typer.Option("--level", min=0, max=6, help="Outcome level, 0 (not held) to 6 (settlement).", show_default=False)] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="YYYY-MM-DD", help="The day the round ended, or was known not to be held.", show_default=False)] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="URL", help="A report that says so.", show_default=False)] = None,
    note: Annotated[str, typer.Option("--note", help="A remark to keep.")] = "",
) -> None:
    """Record what a round brought; without ROUND, list what the reports suggest, with quotes, to confirm.

    Examples:

      forecast resolve my-case

      forecast resolve my-case ROUND --level 3 --on 2025-07-23 --source https://...
    """
    from forecast import record
    from forecast.case import Case

    case = Case.open(case_dir)
    if round_id is None:
        o = outlook_of(case_dir, None)
        print_table(record.proposals(case, o.events, o.statements), Format.table)
        return
    day = day_of(on)
    if level is None or day is None or source is None:
        raise ForecastError("a finding needs --level, --on and --source", "See `forecast resolve --help`")
    record.resolve(case, round_id, level, day, source, note)
    say(f"{round_id}: level {level} recorded")


@app.command()
def score(case_dir: CaseDir, format: Fmt = Format.table, summary: Annotated[bool, typer.Option("--summary/--all", help="Means by threshold, or every forecast.")] = True) -> None:
    """Score the issued forecasts whose time has fully passed, with the hope audit (mean p minus outcome)."""
    from forecast import record
    from forecast.case import Case

    scores = record.score_log(Case.open(case_dir))
    if not len(scores):
        say("Nothing to score yet: record outcomes with `forecast resolve`, and wait until the window has passed.")
        return
    print_table(record.summarise(scores) if summary else scores, format)
