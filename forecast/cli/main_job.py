"""The main job and its steps: collect, code, rounds, estimate, chart, export."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.console import (
    CaseDir,
    Engine,
    EngineName,
    Fmt,
    Format,
    RefDate,
    Scheduler,
    Workers,
    app,
    clean,
    day_of,
    print_table,
    progress,
    read_csv,
    say,
    show_feeds,
)
from forecast.errors import ForecastError

if TYPE_CHECKING:
    from forecast.outlook import Outlook


@app.command()
def run(
    case_dir: Annotated[Path | None, typer.Argument(metavar="[CASE_DIR]", help="A case folder; none runs the bundled case.", show_default=False)] = None,
    reference_date: RefDate = None,
    offline: Annotated[bool, typer.Option("--offline", help="Read no feed; use what the archive holds.")] = False,
    headline: Annotated[int | None, typer.Option("--headline", min=3, max=5, help="3 deliverable, 4 partial breakthrough, 5 breakthrough.", show_default=False)] = None,
    engine: EngineName = Engine.inline,
    workers: Workers = None,
    scheduler: Scheduler = None,
    format: Fmt = Format.table,
) -> None:
    """Collect, code, track, estimate, log the forecasts and write table, charts, CSV and report.html.

    Without CASE_DIR the bundled case runs on bundled sample feeds, offline, as of 2025-07-20, into ./outlook-demo/.

    Examples:

      forecast run

      forecast run my-case --headline 3

      forecast run my-case --offline --reference-date 2025-07-20
    """
    from forecast import outlook

    with progress("reading feeds") as bar:
        o = outlook.run(
            case_dir, reference_date=day_of(reference_date), offline=offline, headline=headline, progress=bar, engine=engine,
            workers=workers, scheduler=scheduler,
        )  # fmt: skip
    if format is not Format.table:
        print_table(o.forecasts.reset_index(), format)
        raise typer.Exit(1 if outlook.broken(o.feeds) or o.set_aside else 0)
    code = show_feeds(o.feeds)
    _show_outlook(o)
    raise typer.Exit(1 if o.set_aside else code)


def _show_outlook(o: Outlook) -> None:
    from forecast.charts import round_label
    from forecast.outlook import HEADLINES

    say(f"\n{o.case.name}, as of {o.reference_date}: {o.n_articles} articles on the talks from {o.n_sources} sources")
    say(_coding_line(o))
    say(f"Headline: {HEADLINES[o.headline]}\n")
    if not len(o.forecasts):
        say("No round is proposed as of this date.")
    rounds = o.rounds.set_index("round_id")
    for round_id, f in o.forecasts.iterrows():
        row = rounds.loc[round_id]
        who = f", proposed by {row.proposer}" if isinstance(row.proposer, str) else ""
        say(f"{round_label(row)}  [{row.status}{who}]")
        base = dict(zip((1, 3, 4, 5), _base_of(o, str(round_id)), strict=True))
        for name, column, k in (("held", "p_held", 1), ("level >= 3", "p_ge3", 3), ("level >= 4", "p_ge4", 4), ("level >= 5", "p_ge5", 5)):
            mark = f"   90 % interval {f.lo:.1%} to {f.hi:.1%}" if k == o.headline else ""
            say(f"   P({name:<10}) {f[column]:6.1%}   base rate {base[k]:6.1%}{mark}")
        c = o.contributions[(o.contributions.round_id == round_id) & (o.contributions.moves.abs() > 5e-4)]
        c = c.reindex(c.moves.abs().sort_values(ascending=False).index).head(5)
        if len(c):
            say("   because: " + ", ".join(f"{x.column.replace('_', ' ')} {x.moves * 100:+.1f}" for x in c.itertuples()) + " (points)")
        say()
    for line in o.changes:
        say(f"changed: {line}")
    if not o.changes:
        say("Nothing changed since the last forecast.")
    say(f"{o.issued} new forecasts logged. Report: {o.folder / 'report.html' if o.folder else ''}")


def _base_of(o: Outlook, round_id: str) -> list[float]:
    from forecast.model import LadderModel

    b = LadderModel.default().base_rates(o.features.loc[[round_id]])[0]
    return [float(b[0]), float(b[2]), float(b[3]), float(b[4])]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    case: Annotated[str, typer.Option("--case", help="The bundled case to start from.")] = "russia-ukraine",
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Start from nothing: answer questions, or give the options below.")] = False,
    party: Annotated[list[str] | None, typer.Option("--party", metavar="NAME|WORDS", help="A party; two at least.", show_default=False)] = None,
    name: Annotated[str, typer.Option("--name", help="Name of the conflict; default its parties.", show_default=False)] = "",
    type: Annotated[str, typer.Option("--type", help="civil, interstate, internationalised or nuclear.")] = "civil",
    mediator: Annotated[list[str] | None, typer.Option("--mediator", metavar="NAME|WORDS", help="A mediator or host.", show_default=False)] = None,
    person: Annotated[list[str] | None, typer.Option("--person", metavar="NAME|OFFICE|OF|SINCE|UNTIL", help="Somebody who speaks for one of them.", show_default=False)] = None,
    venue: Annotated[list[str] | None, typer.Option("--venue", metavar="NAME|COUNTRY", help="A place they may meet at; the country in two letters.", show_default=False)] = None,
    feed: Annotated[list[str] | None, typer.Option("--feed", metavar="NAME|ADDRESS|SIDE", help="A feed; its side is a party, third or agency.", show_default=False)] = None,
    headline: Annotated[int, typer.Option("--headline", min=3, max=5, help="3 deliverable, 4 partial breakthrough, 5 breakthrough.")] = 5,
) -> None:
    """Make a working folder from a bundled case, or from scratch; edit its case.toml to make it yours.

    Fields of an answer stand apart by |, words by commas: NAME | other names | its people | capitals | institutions. What
    the package knows of a state or group need not be given. Without --party, --from-scratch asks for everything.

    Examples:

      forecast init my-case --case russia-ukraine

      forecast init my-case --from-scratch

      forecast init my-case --from-scratch --party 'Indonesia' --party 'GAM | Free Aceh Movement | Acehnese' --mediator Finland --venue 'Helsinki | FI' --feed 'A paper | https://paper.example/rss | third'
    """
    from forecast import new_case
    from forecast.case import Case

    given = bool(party or mediator or person or venue or feed or name)
    if not from_scratch:
        if given:
            raise ForecastError("--party, --name and the like describe a case from scratch", "Add --from-scratch")
        c = Case.create(folder, case)
        say(f"Made {folder / 'case.toml'} ({c.name}, {len(c.feeds)} feeds, unverified). Next: forecast run {folder}")
        return
    if (folder / "case.toml").exists():
        raise ForecastError(f"{folder} already holds a case.toml", "Choose another folder, or edit that file")
    if given:
        answers = new_case.Answers(name, type, party or [], mediator or [], person or [], venue or [], feed or [], headline)
    else:
        answers = new_case.ask_for(lambda question, default: typer.prompt(question, default=default, show_default=bool(default)), say)
    c = new_case.write_case(folder, answers)
    say(f"Made {folder / 'case.toml'} ({c.name}: {', '.join(c.parties)}; {len(c.feeds)} feeds)")
    for line in new_case.missing(c):
        say(f"  {line}")
    say(f"Next: forecast run {folder}" if c.feeds else f"Next: forecast collect {folder} --from ARTICLES.jsonl, then forecast run {folder} --offline")


@app.command()
def collect(
    case_dir: CaseDir,
    from_file: Annotated[Path | None, typer.Option("--from", metavar="ARTICLES.jsonl", help="Take articles from a JSONL, CSV or Parquet file instead of the feeds.", show_default=False)] = None,
) -> None:
    """Read the feeds of a case (or a JSONL file) into its archive.

    Examples:

      forecast collect my-case

      forecast collect my-case --from articles.jsonl
    """
    from forecast import outlook
    from forecast.case import Case

    case = Case.open(case_dir)
    if from_file is not None:
        got = outlook.import_articles(case, from_file)
        say(f"{got.new} new articles, {got.changed} changed" + (f", {got.skipped} records passed over" if got.skipped else ""))
        for line in got.faults:
            say(f"  {clean(line)}")
        raise typer.Exit(1 if got.skipped or got.undated else 0)
    raise typer.Exit(show_feeds(outlook.collect_case(case)))


def outlook_of(
    case_dir: Path, reference_date: str | None, headline: int | None = None, *, engine: str = "inline", workers: int | None = None,
    scheduler: str | None = None,
) -> Outlook:  # fmt: skip
    """The outlook of what the archive holds; nothing is fetched or logged, and only what is new is coded."""
    from datetime import UTC

    from forecast import outlook
    from forecast.case import Case

    with progress("coding") as bar:
        o = outlook.read_outlook(
            Case.open(case_dir), day_of(reference_date) or datetime.now(UTC).date(), headline, engine=engine, workers=workers,
            scheduler=scheduler, progress=bar,
        )  # fmt: skip
    typer.echo(_coding_line(o), err=True)
    return o


def _coding_line(o: Outlook) -> str:
    """How much was coded and how much was known; the first of what could not be coded."""
    failed = f"; {len(o.set_aside)} could not be coded, the first: {clean(o.set_aside[0][1])}" if o.set_aside else ""
    return f"{o.newly_coded} articles coded, {o.known} known from before{failed}"


@app.command()
def code(
    source: Annotated[Path, typer.Argument(metavar="CASE_DIR|ARTICLES", help="A case folder; or, with --out, a JSONL, CSV or Parquet file of articles, or a folder of them.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="PATH", help="Code files: a .jsonl or .parquet file, or a folder.", show_default=False)] = None,
    case_dir: Annotated[Path | None, typer.Option("--case-dir", metavar="CASE_DIR", help="Read files with the eyes of this case.", show_default=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with files that were cut short.")] = False,
    engine: EngineName = Engine.inline,
    workers: Workers = None,
    scheduler: Scheduler = None,
    reference_date: RefDate = None,
    format: Fmt = Format.table,
) -> None:
    """Statements read from the archive of a case, each with its quote; or, with --out, code files of any size.

    Files need an id, a day of publication and a text for each article; every article gives one row of codings, in the
    same order. With --engine dask, Parquet partitions are read and written by the workers themselves.

    Examples:

      forecast code my-case

      forecast code articles.jsonl --out coded.jsonl --engine processes

      forecast code partitions/ --out coded/ --engine dask --scheduler tcp://10.0.0.1:8786 --resume
    """
    if out is not None:
        raise typer.Exit(_code_files(source, out, case_dir, resume, engine, workers, scheduler))
    if source.is_file() or case_dir is not None or resume:
        raise ForecastError("to code files, say where the codings go with --out", "See `forecast code --help`")
    s = outlook_of(source, reference_date, engine=engine, workers=workers, scheduler=scheduler).statements
    wide = ["date", "actor", "stance", "issue", "gate", "conditional_on", "source", "quote"]
    print_table(s if format is not Format.table else s[wide], format)


def _code_files(
    source: Path, out: Path, case_dir: Path | None, resume: bool, engine: Engine, workers: int | None, scheduler: str | None
) -> int:
    """Code files and say what came of it; returns the exit code."""
    from forecast.case import Case
    from forecast.file_coding import code_files

    with progress("coding") as bar:
        t = code_files(
            source, out, case=Case.open(case_dir) if case_dir else None, engine=engine, workers=workers, scheduler=scheduler,
            resume=resume, progress=bar,
        )  # fmt: skip
    before = [f"{t.passed_over} files were whole already"] if t.passed_over else []
    before += [f"{t.resumed} articles were coded before"] if t.resumed else []
    say(f"{t.articles} articles coded ({t.relevant} on talks, {t.statements} statements, {t.mentions} mentions of rounds), {t.partitions} files written to {out}")
    if before:
        say("; ".join(before))
    if t.set_aside:
        say(f"{t.set_aside} articles could not be coded:")
        for line in t.faults:
            say(f"  {clean(line)}")
    return 1 if t.set_aside else 0


@app.command()
def rounds(case_dir: CaseDir, reference_date: RefDate = None, format: Fmt = Format.table) -> None:
    """Rounds of talks read from the archive, with status and window."""
    r = outlook_of(case_dir, reference_date).rounds
    wide = ["round_id", "venue", "ordinal", "level", "window_start", "window_end", "status", "proposer", "n_articles"]
    print_table(r if format is not Format.table or not len(r) else r[wide], format)


@app.command()
def estimate(
    case_dir: Annotated[Path | None, typer.Argument(metavar="[CASE_DIR]", help="A case folder.", show_default=False)] = None,
    rounds: Annotated[Path | None, typer.Option("--rounds", metavar="ROUNDS.csv", help="Hand-coded rounds instead of a case.", show_default=False)] = None,
    statements: Annotated[Path | None, typer.Option("--statements", metavar="STATEMENTS.csv", help="Their statements.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.csv", help="Write here instead of printing.", show_default=False)] = None,
    reference_date: RefDate = None,
    headline: Annotated[int | None, typer.Option("--headline", min=3, max=5, help="Level whose interval and base rate are given.", show_default=False)] = None,
    format: Fmt = Format.table,
) -> None:
    """Probabilities of the proposed rounds of a case, or of hand-coded rounds in the codebook's columns.

    Outcome columns in ROUNDS.csv are ignored.

    Examples:

      forecast estimate my-case

      forecast estimate --rounds rounds.csv --statements statements.csv --out forecasts.csv
    """
    from forecast import outlook

    if (case_dir is None) == (rounds is None):
        raise ForecastError("give either a case folder or --rounds", "See `forecast estimate --help`")
    if rounds is None:
        assert case_dir is not None
        table = outlook_of(case_dir, reference_date, headline).forecasts.reset_index()
    else:
        f, _, _ = outlook.estimate_rounds(
            read_csv(rounds), read_csv(statements) if statements else None, headline=headline or 5, reference_date=day_of(reference_date)
        )
        table = f.reset_index()
    if out is None:
        print_table(table, format)
        return
    try:
        outlook.safe_csv(table, out)
    except OSError as e:
        raise ForecastError(f"{out} cannot be written: {e.strerror}", "Choose another file with --out") from None
    say(f"{len(table)} forecasts written to {out}")


@app.command()
def chart(case_dir: CaseDir, reference_date: RefDate = None, to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Where to write; default CASE_DIR/outlook/<date>.", show_default=False)] = None) -> None:
    """Draw every chart as PNG and SVG, with the CSV drawn, alt text and caption."""
    from forecast.charts import export_charts

    o = outlook_of(case_dir, reference_date)
    for file in export_charts(o, to or o.case.folder / "outlook" / o.reference_date.isoformat()):
        say(str(file))


@app.command()
def export(
    case_dir: CaseDir,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write.")],
    reference_date: RefDate = None,
    hub: Annotated[bool, typer.Option("--hub", help="Write the issued forecasts as hubverse model-output files instead.")] = False,
) -> None:
    """Write charts (PNG, SVG, PDF), tables, captions, alt texts, quotes and report into a folder to pass on."""
    from forecast.charts import export as write_bundle
    from forecast.outlook import write_outlook

    if hub:
        from forecast.case import Case
        from forecast.record import export_hub

        for file in export_hub(Case.open(case_dir), to):
            say(str(file))
        return
    o = outlook_of(case_dir, reference_date)
    write_bundle(o, to)
    say(f"Written to {write_outlook(o, to)}")


@app.command()
def extract(
    articles: Annotated[Path, typer.Argument(metavar="ARTICLES.jsonl", help="One JSON object a line: id, published, text; url, title, source where known.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder for statements.csv, mentions.csv and articles.csv.")],
    case_dir: Annotated[Path | None, typer.Option("--case-dir", metavar="CASE_DIR", help="Read with the eyes of this case.", show_default=False)] = None,
) -> None:
    """Code articles of any conflict without a case folder.

    Example:

      forecast extract articles.jsonl --out coded
    """
    from forecast import outlook
    from forecast.case import Case

    with progress("coding") as bar:
        n = outlook.extract(articles, out, case=Case.open(case_dir) if case_dir else None, progress=bar)
    say(f"{n['articles']} articles, {n['statements']} statements, {n['mentions']} mentions of rounds written to {out}")
