"""Looking after a case: search, feeds, archive; and what is installed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.console import (
    CaseDir,
    Fmt,
    Format,
    app,
    clean,
    day_of,
    print_table,
    progress,
    say,
    show_feeds,
)
from forecast.errors import ForecastError

if TYPE_CHECKING:
    from forecast.archive import Archive
    from forecast.case import Case


@app.command()
def search(
    case_dir: CaseDir,
    query: Annotated[str, typer.Argument(help='Words, or "a phrase" in double quotes.')],
    since: Annotated[str | None, typer.Option("--since", metavar="YYYY-MM-DD", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 20,
    format: Fmt = Format.table,
) -> None:
    """Full-text search in a case's archive.

    Example:

      forecast search my-case '"prisoner exchange"' --since 2025-06-01
    """
    import pandas as pd

    from forecast.archive import Archive
    from forecast.case import Case

    with Archive(Case.open(case_dir).archive_path, readonly=True) as archive:
        found = archive.search(query, day_of(since), limit)
    rows = [{"date": a.effective.date(), "source": a.source, "title": a.title or a.text[:80], "url": a.url} for a in found]
    print_table(pd.DataFrame(rows, columns=["date", "source", "title", "url"]), format)


@app.command()
def doctor(
    case_dir: Annotated[Path | None, typer.Argument(metavar="[CASE_DIR]", help="A case folder to look at.", show_default=False)] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no feed.")] = False,
) -> None:
    """Versions, data hashes and what is missing; with a case, the state of its archive and which feeds can be reached.

    Each feed is asked once and given a few seconds; nothing is stored. Exit 1 if a feed fails or the archive is damaged.

    Examples:

      forecast doctor

      forecast doctor my-case --offline
    """
    import importlib.metadata as md
    import platform

    from forecast import __version__
    from forecast.archive import Archive
    from forecast.case import Case, bundled_cases
    from forecast.history import load_history
    from forecast.model import LadderModel

    model, history = LadderModel.default(), load_history()
    say(f"negotiation-outlook {__version__}, Python {platform.python_version()}, {platform.system()}")
    for name in ("pandas", "scikit-learn", "matplotlib", "feedparser", "jupyterlab", "trafilatura", "pyarrow", "dask"):
        try:
            say(f"  {name:<14} {md.version(name)}")
        except md.PackageNotFoundError:
            say(f"  {name:<14} not installed (optional)" if name in ("trafilatura", "pyarrow", "dask") else f"  {name:<14} MISSING")
    say(f"model {model.model_id}, fitted on {model.n} rounds, data {model.data_hash}")
    fits = "the same" if model.data_hash == history.data_hash else "ANOTHER table: run `forecast fit`"
    say(f"historical table {history.data_hash} ({len(history.rounds)} rounds): the model was fitted on {fits}")
    say(f"{len(bundled_cases())} bundled cases")
    if case_dir is None:
        return
    case = Case.open(case_dir)
    faults: list[str] = []
    if not case.archive_path.exists():
        say(f"{case.name}: nothing collected yet")
        failed = 0 if offline else _say_reached(case, None)
    else:
        with Archive(case.archive_path, readonly=True) as archive:
            faults = archive.check()
            say(f"{case.name}: {archive.count_articles()} articles, {len(archive.forecasts())} forecasts issued, archive {'sound' if not faults else 'DAMAGED: ' + faults[0]}")
            failed = 0 if offline else _say_reached(case, archive)
    raise typer.Exit(1 if faults or failed else 0)


def _say_reached(case: Case, archive: Archive | None) -> int:
    """Say which feeds of a case can be reached; returns how many cannot."""
    from forecast.health import reach_feeds

    with progress("asking feeds") as bar:
        reached = reach_feeds(case.feeds, archive, allow_private=case.data.allow_private, progress=bar)
    for r in reached:
        what = {"ok": f"{r.items} items in {r.seconds:.1f} s", "failed": "NOT REACHED", "not asked": "not asked"}[r.state]
        say(f"  {clean(r.feed)}: {what}" + (f"; {clean(r.detail)}" if r.detail else ""))
    failed = sum(r.state == "failed" for r in reached)
    say(f"{sum(r.state == 'ok' for r in reached)} of {len(reached)} feeds can be reached" if reached else "the case lists no feeds")
    return failed


@app.command()
def feeds(
    case_dir: CaseDir,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write the table here.", show_default=False)] = None,
    chart_file: Annotated[Path | None, typer.Option("--chart", metavar="FILE.png", help="Also draw it here.", show_default=False)] = None,
    retry: Annotated[str | None, typer.Option("--retry", metavar="NAME", help="Ask a feed again that was given up for gone.", show_default=False)] = None,
    format: Fmt = Format.table,
) -> None:
    """Health of every feed: last success, items a week, delay, failures in words. Exit 1 if some are ill, 2 if all are.

    Examples:

      forecast feeds my-case

      forecast feeds my-case --format csv
    """
    from forecast import health
    from forecast.archive import Archive
    from forecast.case import Case

    case = Case.open(case_dir)
    with Archive(case.archive_path, readonly=retry is None) as archive:
        if retry is not None:
            archive.forget_feed(retry)
        table = health.feed_health(archive, case.feeds)
    if csv is not None:
        health.write_health_csv(table, csv)
    if chart_file is not None:
        from forecast.charts import draw, plot_feeds

        draw(plot_feeds, table).savefig(chart_file, dpi=200)
    if format is Format.table:
        for line in health.health_lines(table):
            say(clean(line))
    else:
        print_table(table, format)
    raise typer.Exit(health.health_exit_code(table))


@app.command()
def watch(case_dir: CaseDir, every: Annotated[str, typer.Option("--every", help="For example 30m, 2h or 1d.")] = "1h") -> None:
    """Run a case again and again on a schedule; a failure is told and survived. Ctrl-C ends it and loses nothing."""
    from forecast import outlook
    from forecast.case import Case
    from forecast.feeds import read_interval
    from forecast.feeds import watch as keep_watch

    Case.open(case_dir)
    try:
        interval = read_interval(every)
    except ValueError as e:
        raise ForecastError(str(e)) from None

    def once() -> None:
        o = outlook.run(case_dir)
        say(f"{datetime.now():%Y-%m-%d %H:%M}")
        show_feeds(o.feeds)
        for line in o.changes or ["Nothing changed."]:
            say(line)

    keep_watch(once, interval, on_error=lambda e: say(f"FAILED: {e}"))


@app.command()
def fulltext(case_dir: CaseDir, limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many pages.")] = 200) -> None:
    """Fetch the article pages behind the feed items, politely (extra `fulltext`); where it fails the summary stays."""
    from forecast.archive import Archive
    from forecast.case import Case
    from forecast.pages import fill_full_text

    case = Case.open(case_dir)
    with Archive(case.archive_path) as archive:
        results = fill_full_text(archive, allow_private=case.data.allow_private, limit=limit)
    say(f"{len(results)} pages tried")


@app.command()
def archive(
    what: Annotated[str, typer.Argument(metavar="check|backup|compact|export|salvage")],
    case_dir: CaseDir,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to write (backup, export, salvage).", show_default=False)] = None,
) -> None:
    """Look after a case's archive.

    Examples:

      forecast archive check my-case

      forecast archive backup my-case --to copy.sqlite

      forecast archive export my-case --to articles.jsonl
    """
    from forecast import archive_rescue
    from forecast.archive import Archive
    from forecast.case import Case

    case = Case.open(case_dir)
    path = case.archive_path
    if what in ("backup", "export", "salvage") and to is None:
        raise ForecastError(f"`archive {what}` needs --to FILE", "See `forecast archive --help`")
    if what == "check":
        faults = archive_rescue.check_file(path)
        say("\n".join(faults) if faults else f"{path} is sound")
        raise typer.Exit(1 if faults else 0)
    if what == "salvage":
        say(", ".join(f"{n} {table}" for table, n in archive_rescue.salvage(path, to).items()))  # type: ignore[arg-type]
        return
    if what not in ("backup", "compact", "export"):
        raise ForecastError(f"'{what}' is none of check, backup, compact, export, salvage", "See `forecast archive --help`")
    with Archive(path, readonly=what == "export") as a:
        if what == "backup":
            a.backup(to)  # type: ignore[arg-type]
        elif what == "compact":
            from forecast.reading import reader_of

            say(f"{a.compact(reader_of(case))} codings of earlier versions removed")
        else:
            say(f"{a.export(to)} article versions written")  # type: ignore[arg-type]
    say(f"{what} done" + (f": {to}" if to else ""))


@app.command()
def discover(url: Annotated[str, typer.Argument(help="A site's page.")]) -> None:
    """Find the feeds a site announces, as lines for case.toml."""
    from forecast.imports import discover as find
    from forecast.imports import feeds_as_toml
    from forecast.records import Feed

    found = find(url)
    if not found:
        say("No feed was found there.")
        raise typer.Exit(1)
    say(feeds_as_toml(Feed(f.title or f.url, f.url, "third") for f in found))


@app.command()
def bench(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long to measure each row, at least.")] = 1.0,
    format: Fmt = Format.table,
) -> None:
    """Speed of coding on this machine, one core: articles a second by size and share on talks, and peak memory.

    The texts are made up from the bundled samples.
    """
    from forecast.bench import bench as measure

    with progress("measuring") as bar:
        table = measure(seconds=seconds, progress=bar)
    print_table(table, format, floats=2)


@app.command()
def cases() -> None:
    """List the cases that ship with the package."""
    from forecast.case import Case, bundled_cases

    for name in bundled_cases():
        c = Case.bundled(name)
        say(f"{name:<28} {', '.join(c.parties)}")


@app.command()
def version() -> None:
    """Print the version."""
    from forecast import __version__

    say(__version__)
