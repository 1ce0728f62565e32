"""What the verbs share: the app, its options, and how things are said."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from forecast.errors import ForecastError

if TYPE_CHECKING:
    import pandas as pd

    from forecast.records import FeedResult

app = typer.Typer(
    name="forecast", no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Forecast what a round of peace talks will bring.\n\nExamples:\n\n  forecast run                      the bundled case, offline\n\n"
    "  forecast init my-case             a case folder of your own\n\n  forecast run my-case              fresh feeds, new outlook",
)  # fmt: skip

STOPPED = 130  # exit code after Ctrl-C
LONGEST = 300  # signs of a cell that a table on the terminal looks at; it shows fewer
# What ECMA-48 lets a text tell a terminal: control sequences, strings (titles, links, clipboard), single escapes.
_ESCAPES = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?|\x1b[ -/]*[0-~]?")


class Format(StrEnum):
    """How a table is printed."""

    table = "table"
    csv = "csv"
    json = "json"


class Engine(StrEnum):
    """Where articles are coded."""

    inline = "inline"
    processes = "processes"
    dask = "dask"


CaseDir = Annotated[Path, typer.Argument(metavar="CASE_DIR", help="A case folder, made with `forecast init`.", show_default=False)]
RefDate = Annotated[str | None, typer.Option("--reference-date", metavar="YYYY-MM-DD", help="As of when; default today.", show_default=False)]
EngineName = Annotated[Engine, typer.Option("--engine", help="Where to code: here, in several processes, or on a Dask cluster.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes to start; default one a core.", show_default=False)]
Scheduler = Annotated[str | None, typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="A running Dask scheduler; default a cluster of its own.", show_default=False)]
Fmt = Annotated[Format, typer.Option("--format", help="How to print the table.")]


def stop() -> NoReturn:
    """Leave at once: what was committed is safe, and waiting for slow hosts would keep the user from the prompt."""
    print("Stopped. What had arrived is kept; run again to go on.", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(STOPPED)


def fail(message: str) -> None:
    """Say what is wrong on one line and leave with code 2."""
    print(f"forecast: {' '.join(clean(message).split())}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


def say(text: str = "") -> None:
    """Lines of output; whatever they quote from feeds and case files, nothing in them steers the terminal."""
    typer.echo("\n".join(clean(line) for line in text.split("\n")))


def day_of(text: str | None) -> date | None:
    """A day from YYYY-MM-DD; None stays None. Raises ForecastError for anything else."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ForecastError(f"'{text}' is not a date", "Write dates as YYYY-MM-DD") from None


def print_table(table: pd.DataFrame, fmt: Format, *, floats: int = 3) -> None:
    """Print a table as text, CSV or JSON; `floats` is the number of decimals in text."""
    if fmt is Format.csv:
        from forecast.archive_files import csv_cell

        say(table.map(csv_cell).to_csv(index=False, lineterminator="\n").rstrip("\n"))
    elif fmt is Format.json:
        text = json.dumps(json.loads(table.to_json(orient="records", date_format="iso")), indent=1, ensure_ascii=False)
        say("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))
    elif not len(table):
        say("(no rows)")
    else:
        t = table.copy()
        for c in t.columns:
            if str(t[c].dtype).startswith("float"):
                t[c] = t[c].map(lambda v: "" if v != v else f"{v:.{floats}f}".rstrip("0").rstrip("."))
        say(t.fillna("").map(lambda v: clean(str(v)[:LONGEST])).to_string(index=False, max_colwidth=60))


def clean(text: str) -> str:
    """One line for the terminal: its escape sequences go, and every sign that is not printed becomes a space.

    >>> clean("\\x1b[31mTalks\\x1b[0m\\nin \\u202eIstanbul")
    'Talks in  Istanbul'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in _ESCAPES.sub("", text))


@contextmanager
def progress(what: str) -> Iterator[Any]:
    """A bar on the terminal, silent when piped."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda name, n, total: bar.update(task, description=escape(clean(name)), completed=n, total=total or None)


def show_feeds(results: list[FeedResult]) -> int:
    """Say how the feeds fared; returns the exit code."""
    from forecast.outlook import broken

    failed = [r for r in results if r.status == "failed"]
    for r in results:
        if r.status == "failed":
            say(f"  NOT READ  {clean(r.feed)}: {clean(r.detail)}")
        elif r.detail:
            say(f"  note      {clean(r.feed)}: {clean(r.detail)}")
    if results:
        new, changed = sum(r.new for r in results), sum(r.changed for r in results)
        say(f"{len(results) - len(failed)} of {len(results)} feeds read, {new} new articles, {changed} changed")
    return 1 if broken(results) else 0


def read_csv(file: Path) -> pd.DataFrame:
    """A CSV table people wrote. Raises ForecastError where it is none."""
    import pandas as pd

    try:
        return pd.read_csv(file, keep_default_na=False, na_values=[""])
    except OSError as e:
        raise ForecastError(f"{file} cannot be read: {e.strerror}", "Check the path") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as e:
        raise ForecastError(f"{file} is not a CSV table: {e}", "Save it as UTF-8 CSV with a header line") from None
