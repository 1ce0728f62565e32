"""The command line: every verb is one call of the library.

Exit codes: 0 all well; 1 done, but something failed on the way (a feed, a check); 2 wrong input, nothing was done.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from forecast.errors import ForecastError

if TYPE_CHECKING:
    import pandas as pd

    from forecast.outlook import Outlook
    from forecast.records import FeedResult

app = typer.Typer(
    name="forecast", no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Forecast what a round of peace talks will bring.\n\nExamples:\n\n  forecast run                      the bundled case, offline\n\n"
    "  forecast init my-case             a case folder of your own\n\n  forecast run my-case              fresh feeds, new outlook",
)  # fmt: skip

STOPPED = 130  # exit code after Ctrl-C


class Format(StrEnum):
    """How a table is printed."""

    table = "table"
    csv = "csv"
    json = "json"


CaseDir = Annotated[Path, typer.Argument(metavar="CASE_DIR", help="A case folder, made with `forecast init`.", show_default=False)]
RefDate = Annotated[str | None, typer.Option("--reference-date", metavar="YYYY-MM-DD", help="As of when; default today.", show_default=False)]
Fmt = Annotated[Format, typer.Option("--format", help="How to print the table.")]


def main() -> None:
    """Entry point; turns expected errors into one line and an exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = app(standalone_mode=False)  # what a verb gives to typer.Exit comes back as the value
        if code == STOPPED:
            _stop()
        sys.exit(code if isinstance(code, int) else 0)
    except ForecastError as e:
        _fail(str(e))
    except typer.Exit as e:
        sys.exit(e.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _stop()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as e:
        show = getattr(e, "format_message", None)
        if show is None:
            raise
        _fail(f"{show()} Try `forecast --help`.")


def _stop() -> NoReturn:
    """Leave at once: what was committed is safe, and waiting for slow hosts would keep the user from the prompt."""
    print("Stopped. What had arrived is kept; run again to go on.", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(STOPPED)


def _fail(message: str) -> None:
    print(f"forecast: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


def _say(text: str = "") -> None:
    typer.echo(text)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ForecastError(f"'{text}' is not a date", "Write dates as YYYY-MM-DD") from None


def _print(table: pd.DataFrame, fmt: Format, *, floats: int = 3) -> None:
    if fmt is Format.csv:
        _say(table.to_csv(index=False, lineterminator="\n").rstrip("\n"))
    elif fmt is Format.json:
        _say(json.dumps(json.loads(table.to_json(orient="records", date_format="iso")), indent=1, ensure_ascii=False))
    elif not len(table):
        _say("(no rows)")
    else:
        t = table.copy()
        for c in t.columns:
            if str(t[c].dtype).startswith("float"):
                t[c] = t[c].map(lambda v: "" if v != v else f"{v:.{floats}f}".rstrip("0").rstrip("."))
        _say(t.fillna("").map(lambda v: _clean(str(v))).to_string(index=False, max_colwidth=60))


def _clean(text: str) -> str:
    """No control characters in the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


@contextmanager
def _progress(what: str) -> Iterator[Any]:
    """A bar on the terminal, silent when piped."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda name, n, total: bar.update(task, description=name, completed=n, total=total)


def _show_feeds(results: list[FeedResult]) -> int:
    from forecast.outlook import broken

    failed = [r for r in results if r.status == "failed"]
    for r in results:
        if r.status == "failed":
            _say(f"  NOT READ  {_clean(r.feed)}: {_clean(r.detail)}")
        elif r.detail:
            _say(f"  note      {_clean(r.feed)}: {_clean(r.detail)}")
    if results:
        new, changed = sum(r.new for r in results), sum(r.changed for r in results)
        _say(f"{len(results) - len(failed)} of {len(results)} feeds read, {new} new articles, {changed} changed")
    return 1 if broken(results) else 0


# -- the main job -------------------------------------------------------------------------------


@app.command()
def run(
    case_dir: Annotated[Path | None, typer.Argument(metavar="[CASE_DIR]", help="A case folder; none runs the bundled case.", show_default=False)] = None,
    reference_date: RefDate = None,
    offline: Annotated[bool, typer.Option("--offline", help="Read no feed; use what the archive holds.")] = False,
    headline: Annotated[int | None, typer.Option("--headline", min=3, max=5, help="3 deliverable, 4 partial breakthrough, 5 breakthrough.", show_default=False)] = None,
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

    with _progress("reading feeds") as bar:
        o = outlook.run(case_dir, reference_date=_day(reference_date), offline=offline, headline=headline, progress=bar)
    if format is not Format.table:
        _print(o.forecasts.reset_index(), format)
        raise typer.Exit(1 if outlook.broken(o.feeds) else 0)
    code = _show_feeds(o.feeds)
    _show_outlook(o)
    raise typer.Exit(code)


def _show_outlook(o: Outlook) -> None:
    from forecast.charts import round_label
    from forecast.outlook import HEADLINES

    _say(f"\n{o.case.name}, as of {o.reference_date}: {o.n_articles} articles on the talks from {o.n_sources} sources")
    _say(f"Headline: {HEADLINES[o.headline]}\n")
    if not len(o.forecasts):
        _say("No round is proposed as of this date.")
    rounds = o.rounds.set_index("round_id")
    for round_id, f in o.forecasts.iterrows():
        row = rounds.loc[round_id]
        who = f", proposed by {row.proposer}" if isinstance(row.proposer, str) else ""
        _say(f"{round_label(row)}  [{row.status}{who}]")
        base = dict(zip((1, 3, 4, 5), _base_of(o, str(round_id)), strict=True))
        for name, column, k in (("held", "p_held", 1), ("level >= 3", "p_ge3", 3), ("level >= 4", "p_ge4", 4), ("level >= 5", "p_ge5", 5)):
            mark = f"   90 % interval {f.lo:.1%} to {f.hi:.1%}" if k == o.headline else ""
            _say(f"   P({name:<10}) {f[column]:6.1%}   base rate {base[k]:6.1%}{mark}")
        c = o.contributions[(o.contributions.round_id == round_id) & (o.contributions.moves.abs() > 5e-4)]
        c = c.reindex(c.moves.abs().sort_values(ascending=False).index).head(5)
        if len(c):
            _say("   because: " + ", ".join(f"{x.column.replace('_', ' ')} {x.moves * 100:+.1f}" for x in c.itertuples()) + " (points)")
        _say()
    for line in o.changes:
        _say(f"changed: {line}")
    if not o.changes:
        _say("Nothing changed since the last forecast.")
    _say(f"{o.issued} new forecasts logged. Report: {o.folder / 'report.html' if o.folder else ''}")


def _base_of(o: Outlook, round_id: str) -> list[float]:
    from forecast.model import LadderModel

    b = LadderModel.default().base_rates(o.features.loc[[round_id]])[0]
    return [float(b[0]), float(b[2]), float(b[3]), float(b[4])]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    case: Annotated[str, typer.Option("--case", help="The bundled case to start from.")] = "russia-ukraine",
) -> None:
    """Make a working folder from a bundled case; edit its case.toml to make it yours.

    Example:

      forecast init my-case --case russia-ukraine
    """
    from forecast.case import Case

    c = Case.create(folder, case)
    _say(f"Made {folder / 'case.toml'} ({c.name}, {len(c.feeds)} feeds, unverified). Next: forecast run {folder}")


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
        _say(f"{got.new} new articles, {got.changed} changed" + (f", {got.skipped} records passed over" if got.skipped else ""))
        for line in got.faults:
            _say(f"  {_clean(line)}")
        raise typer.Exit(1 if got.skipped or got.undated else 0)
    raise typer.Exit(_show_feeds(outlook.collect_case(case)))


def _outlook_of(case_dir: Path, reference_date: str | None, headline: int | None = None) -> Outlook:
    """The outlook of what the archive holds; nothing is fetched, logged or written."""
    from datetime import UTC

    from forecast import outlook
    from forecast.archive import Archive
    from forecast.case import Case

    case = Case.open(case_dir)
    when = _day(reference_date) or datetime.now(UTC).date()
    with Archive(case.archive_path, readonly=True) as archive:
        articles = archive.articles_as_of(when)
    with _progress("coding") as bar:
        return outlook.make_outlook(case, outlook.code_articles(articles, case, bar), when, headline or case.data.headline_level)


@app.command()
def code(case_dir: CaseDir, reference_date: RefDate = None, format: Fmt = Format.table) -> None:
    """Statements read from the archive: who demands, offers, accepts, rejects what, with the quote."""
    s = _outlook_of(case_dir, reference_date).statements
    wide = ["date", "actor", "stance", "issue", "gate", "conditional_on", "source", "quote"]
    _print(s if format is not Format.table else s[wide], format)


@app.command()
def rounds(case_dir: CaseDir, reference_date: RefDate = None, format: Fmt = Format.table) -> None:
    """Rounds of talks read from the archive, with status and window."""
    r = _outlook_of(case_dir, reference_date).rounds
    wide = ["round_id", "venue", "ordinal", "level", "window_start", "window_end", "status", "proposer", "n_articles"]
    _print(r if format is not Format.table or not len(r) else r[wide], format)


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
        table = _outlook_of(case_dir, reference_date, headline).forecasts.reset_index()
    else:
        f, _, _ = outlook.estimate_rounds(
            _read_csv(rounds), _read_csv(statements) if statements else None, headline=headline or 5, reference_date=_day(reference_date)
        )
        table = f.reset_index()
    if out is None:
        _print(table, format)
        return
    try:
        table.to_csv(out, index=False, lineterminator="\n")
    except OSError as e:
        raise ForecastError(f"{out} cannot be written: {e.strerror}", "Choose another file with --out") from None
    _say(f"{len(table)} forecasts written to {out}")


def _read_csv(file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_csv(file, keep_default_na=False, na_values=[""])
    except OSError as e:
        raise ForecastError(f"{file} cannot be read: {e.strerror}", "Check the path") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as e:
        raise ForecastError(f"{file} is not a CSV table: {e}", "Save it as UTF-8 CSV with a header line") from None


@app.command()
def chart(case_dir: CaseDir, reference_date: RefDate = None, to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Where to write; default CASE_DIR/outlook/<date>.", show_default=False)] = None) -> None:
    """Draw every chart as PNG and SVG, with the CSV drawn, alt text and caption."""
    from forecast.charts import export_charts

    o = _outlook_of(case_dir, reference_date)
    for file in export_charts(o, to or o.case.folder / "outlook" / o.reference_date.isoformat()):
        _say(str(file))


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
            _say(str(file))
        return
    o = _outlook_of(case_dir, reference_date)
    write_bundle(o, to)
    _say(f"Written to {write_outlook(o, to)}")


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

    with _progress("coding") as bar:
        n = outlook.extract(articles, out, case=Case.open(case_dir) if case_dir else None, progress=bar)
    _say(f"{n['articles']} articles, {n['statements']} statements, {n['mentions']} mentions of rounds written to {out}")


# -- model and record ---------------------------------------------------------------------------


@app.command("rounds-check")
def rounds_check(folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Folder of the four tables; default the bundled ones.", show_default=False)] = None) -> None:
    """Check the historical table against the codebook and print its counts."""
    from forecast.history import check_history, describe_history, load_history

    h = load_history(folder)
    for name, value in describe_history(h).items():
        _say(f"{name:>22}  {value}")
    faults = check_history(h)
    for fault in faults[:50]:
        _say(f"FAULT  {fault}")
    _say(f"{len(faults)} faults")
    raise typer.Exit(1 if faults else 0)


@app.command("rounds-agreement")
def rounds_agreement(second: Annotated[Path | None, typer.Argument(metavar="[SECOND.csv]", help="A second reading; default the bundled one.", show_default=False)] = None, format: Fmt = Format.table) -> None:
    """Cohen's kappa per column between the historical table and its second reading."""
    from forecast.agreement import kappa_table
    from forecast.history import load_history

    _print(kappa_table(load_history(), second), format)


@app.command()
def fit(
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder of the historical table.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="MODEL.json", help="Where to write; default the shipped model.", show_default=False)] = None,
) -> None:
    """Fit the ladder on the historical table; the same data give the same file, bit for bit."""
    from forecast.bundled import data_path
    from forecast.history import fit_default, load_history

    model = fit_default(load_history(data))
    to = out or data_path("model.json")
    try:
        model.save(to)
    except OSError as e:
        raise ForecastError(f"{to} cannot be written: {e.strerror}", "Choose another file with --out") from None
    _say(f"{model.model_id} fitted on {model.n} rounds of {model.n_groups} conflicts, data {model.data_hash}, written to {to}")


@app.command()
def backtest(
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Also write the tables, a Markdown page and charts here.", show_default=False)] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder of the historical table.", show_default=False)] = None,
    tune: Annotated[bool, typer.Option("--tune", help="Also search the shrinkage (slow).")] = False,
) -> None:
    """Score the model out of sample: leave one conflict out, and rolling origin by year."""
    from forecast import backtest as bt
    from forecast import charts, scoring
    from forecast.history import load_history

    h = load_history(data)
    settings = None
    with _progress("back-test") as bar:
        if tune:
            settings, table = bt.tune(h, lambda n, total: bar("tuning", n, total))
            _print(table, Format.table, floats=4)
            _say(f"chosen: {settings}")
        for scheme in ("loco", "rolling"):
            f = bt.out_of_sample(h, scheme=scheme, settings=settings, progress=lambda n, total: bar("back-test", n, total))
            scores, groups = bt.score_table(f), bt.subgroup_table(f)
            page = bt.markdown(scores, groups, scheme)
            _say(page)
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                f.to_csv(out / f"{scheme}_forecasts.csv", index=False, lineterminator="\n")
                scores.round(4).to_csv(out / f"{scheme}.csv", index=False, lineterminator="\n")
                groups.round(4).to_csv(out / f"{scheme}_groups.csv", index=False, lineterminator="\n")
                (out / f"{scheme}.md").write_text(page, encoding="utf-8")
                charts.save_figure(charts.draw(charts.plot_skill, scores), out / f"{scheme}_skill")
                rel = scoring.reliability(observed=(f.outcome >= 4).to_numpy(dtype=float), predicted=f.p4.to_numpy())
                charts.save_figure(charts.draw(charts.plot_reliability, rel), out / f"{scheme}_reliability")


@app.command()
def replay(
    articles: Annotated[Path, typer.Option("--articles", metavar="FILE", help="JSONL, CSV or Parquet of dated articles; or a dated-news archive (key, date, text).")],
    start: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD")],
    end: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Also write the tables here.", show_default=False)] = None,
) -> None:
    """Send dated articles through the whole reading arm and score the forecasts against known outcomes.

    Example:

      forecast replay --articles news.csv.gz --from 2005-01-01 --to 2025-08-31
    """
    import tempfile

    from forecast import replay as rp
    from forecast.archive import Archive
    from forecast.history import load_history
    from forecast.imports import import_articles, import_dated_news

    first, last = _day(start), _day(end)
    assert first is not None
    assert last is not None
    with tempfile.TemporaryDirectory() as folder, Archive(Path(folder) / "replay.sqlite") as archive:
        dated = articles.name.endswith((".csv.gz", ".csv"))
        got = (import_dated_news if dated else import_articles)(articles, archive)
        _say(f"{got.new} articles read")
        stock = archive.articles_as_of(last)
    with _progress("replay") as bar:
        scores, codings = rp.replay(stock, load_history(), first, last, progress=lambda n, total: bar("replay", n, total))
    if not len(scores):
        _say("No round of the table falls into that span for a bundled case.")
        raise typer.Exit(1)
    _say(f"{len(scores)} known rounds of {scores.conflict_id.nunique()} conflicts; {int(scores.found.sum())} of them found beforehand in the articles\n")
    if scores.found.any():
        _print(rp.score_replay(scores), Format.table)
        _say()
        _print(rp.noise_table(codings), Format.table)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        scores.to_csv(out / "replay.csv", index=False, lineterminator="\n")
        codings.to_csv(out / "codings.csv", index=False, lineterminator="\n")


@app.command()
def log(case_dir: CaseDir, format: Fmt = Format.table) -> None:
    """Every forecast issued for a case; the log is append-only."""
    import pandas as pd

    from forecast.archive import Archive
    from forecast.case import Case

    with Archive(Case.open(case_dir).archive_path, readonly=True) as archive:
        table = pd.DataFrame(archive.forecasts())
    wide = ["reference_date", "round_id", "window_start", "window_end", "status", "p_held", "p_ge3", "p_ge4", "p_ge5", "base_rate", "model_id"]
    _print(table if format is not Format.table or not len(table) else table[wide], format)


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
        o = _outlook_of(case_dir, None)
        _print(record.proposals(case, o.events, o.statements), Format.table)
        return
    day = _day(on)
    if level is None or day is None or source is None:
        raise ForecastError("a finding needs --level, --on and --source", "See `forecast resolve --help`")
    record.resolve(case, round_id, level, day, source, note)
    _say(f"{round_id}: level {level} recorded")


@app.command()
def score(case_dir: CaseDir, format: Fmt = Format.table, summary: Annotated[bool, typer.Option("--summary/--all", help="Means by threshold, or every forecast.")] = True) -> None:
    """Score the issued forecasts whose time has fully passed, with the hope audit (mean p minus outcome)."""
    from forecast import record
    from forecast.case import Case

    scores = record.score_log(Case.open(case_dir))
    if not len(scores):
        _say("Nothing to score yet: record outcomes with `forecast resolve`, and wait until the window has passed.")
        return
    _print(record.summarise(scores) if summary else scores, format)


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
        found = archive.search(query, _day(since), limit)
    rows = [{"date": a.effective.date(), "source": a.source, "title": a.title or a.text[:80], "url": a.url} for a in found]
    _print(pd.DataFrame(rows, columns=["date", "source", "title", "url"]), format)


@app.command()
def doctor(case_dir: Annotated[Path | None, typer.Argument(metavar="[CASE_DIR]", show_default=False)] = None) -> None:
    """Versions, data hashes and what is missing; with a case, the state of its archive."""
    import importlib.metadata as md
    import platform

    from forecast import __version__
    from forecast.archive import Archive
    from forecast.case import Case, bundled_cases
    from forecast.history import load_history
    from forecast.model import LadderModel

    model, history = LadderModel.default(), load_history()
    _say(f"negotiation-outlook {__version__}, Python {platform.python_version()}, {platform.system()}")
    for name in ("pandas", "scikit-learn", "matplotlib", "feedparser", "jupyterlab", "trafilatura", "pyarrow", "dask"):
        try:
            _say(f"  {name:<14} {md.version(name)}")
        except md.PackageNotFoundError:
            _say(f"  {name:<14} not installed (optional)" if name in ("trafilatura", "pyarrow", "dask") else f"  {name:<14} MISSING")
    _say(f"model {model.model_id}, fitted on {model.n} rounds, data {model.data_hash}")
    fits = "the same" if model.data_hash == history.data_hash else "ANOTHER table: run `forecast fit`"
    _say(f"historical table {history.data_hash} ({len(history.rounds)} rounds): the model was fitted on {fits}")
    _say(f"{len(bundled_cases())} bundled cases")
    if case_dir is not None:
        case = Case.open(case_dir)
        if not case.archive_path.exists():
            _say(f"{case.name}: nothing collected yet")
            return
        with Archive(case.archive_path, readonly=True) as archive:
            faults = archive.check()
            _say(f"{case.name}: {archive.count_articles()} articles, {len(archive.forecasts())} forecasts issued, archive {'sound' if not faults else 'DAMAGED: ' + faults[0]}")
        raise typer.Exit(1 if faults else 0)


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
            _say(_clean(line))
    else:
        _print(table, format)
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
        _say(f"{datetime.now():%Y-%m-%d %H:%M}")
        _show_feeds(o.feeds)
        for line in o.changes or ["Nothing changed."]:
            _say(line)

    keep_watch(once, interval, on_error=lambda e: _say(f"FAILED: {e}"))


@app.command()
def fulltext(case_dir: CaseDir, limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many pages.")] = 200) -> None:
    """Fetch the article pages behind the feed items, politely (extra `fulltext`); where it fails the summary stays."""
    from forecast.archive import Archive
    from forecast.case import Case
    from forecast.pages import fill_full_text

    case = Case.open(case_dir)
    with Archive(case.archive_path) as archive:
        results = fill_full_text(archive, allow_private=case.data.allow_private, limit=limit)
    _say(f"{len(results)} pages tried")


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

    path = Case.open(case_dir).archive_path
    if what in ("backup", "export", "salvage") and to is None:
        raise ForecastError(f"`archive {what}` needs --to FILE", "See `forecast archive --help`")
    if what == "check":
        faults = archive_rescue.check_file(path)
        _say("\n".join(faults) if faults else f"{path} is sound")
        raise typer.Exit(1 if faults else 0)
    if what == "salvage":
        _say(", ".join(f"{n} {table}" for table, n in archive_rescue.salvage(path, to).items()))  # type: ignore[arg-type]
        return
    if what not in ("backup", "compact", "export"):
        raise ForecastError(f"'{what}' is none of check, backup, compact, export, salvage", "See `forecast archive --help`")
    with Archive(path, readonly=what == "export") as a:
        if what == "backup":
            a.backup(to)  # type: ignore[arg-type]
        elif what == "compact":
            a.compact()
        else:
            _say(f"{a.export(to)} article versions written")  # type: ignore[arg-type]
    _say(f"{what} done" + (f": {to}" if to else ""))


@app.command()
def discover(url: Annotated[str, typer.Argument(help="A site's page.")]) -> None:
    """Find the feeds a site announces, as lines for case.toml."""
    from forecast.imports import discover as find
    from forecast.imports import feeds_as_toml
    from forecast.records import Feed

    found = find(url)
    if not found:
        _say("No feed was found there.")
        raise typer.Exit(1)
    _say(feeds_as_toml(Feed(f.title or f.url, f.url, "third") for f in found))


@app.command()
def cases() -> None:
    """List the cases that ship with the package."""
    from forecast.case import Case, bundled_cases

    for name in bundled_cases():
        c = Case.bundled(name)
        _say(f"{name:<28} {', '.join(c.parties)}")


@app.command()
def version() -> None:
    """Print the version."""
    from forecast import __version__

    _say(__version__)
