"""The model: its table, its fit, its scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecast.cli.console import Fmt, Format, app, day_of, print_table, progress, say
from forecast.errors import ForecastError


@app.command("rounds-check")
def rounds_check(folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Folder of the four tables; default the bundled ones.", show_default=False)] = None) -> None:
    """Check the historical table against the codebook and print its counts."""
    from forecast.history import check_history, describe_history, load_history

    h = load_history(folder)
    for name, value in describe_history(h).items():
        say(f"{name:>22}  {value}")
    faults = check_history(h)
    for fault in faults[:50]:
        say(f"FAULT  {fault}")
    say(f"{len(faults)} faults")
    raise typer.Exit(1 if faults else 0)


@app.command("rounds-agreement")
def rounds_agreement(second: Annotated[Path | None, typer.Argument(metavar="[SECOND.csv]", help="A second reading; default the bundled one.", show_default=False)] = None, format: Fmt = Format.table) -> None:
    """Cohen's kappa per column between the historical table and its second reading."""
    from forecast.agreement import kappa_table
    from forecast.history import load_history

    print_table(kappa_table(load_history(), second), format)


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
    say(f"{model.model_id} fitted on {model.n} rounds of {model.n_groups} conflicts, data {model.data_hash}, written to {to}")


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
    with progress("back-test") as bar:
        if tune:
            settings, table = bt.tune(h, lambda n, total: bar("tuning", n, total))
            print_table(table, Format.table, floats=4)
            say(f"chosen: {settings}")
        for scheme in ("loco", "rolling"):
            f = bt.out_of_sample(h, scheme=scheme, settings=settings, progress=lambda n, total: bar("back-test", n, total))
            scores, groups = bt.score_table(f), bt.subgroup_table(f)
            page = bt.markdown(scores, groups, scheme)
            say(page)
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

    first, last = day_of(start), day_of(end)
    assert first is not None
    assert last is not None
    with tempfile.TemporaryDirectory() as folder, Archive(Path(folder) / "replay.sqlite") as archive:
        dated = articles.name.endswith((".csv.gz", ".csv"))
        got = (import_dated_news if dated else import_articles)(articles, archive)
        say(f"{got.new} articles read")
        stock = archive.articles_as_of(last)
    with progress("replay") as bar:
        scores, codings = rp.replay(stock, load_history(), first, last, progress=lambda n, total: bar("replay", n, total))
    if not len(scores):
        say("No round of the table falls into that span for a bundled case.")
        raise typer.Exit(1)
    say(f"{len(scores)} known rounds of {scores.conflict_id.nunique()} conflicts; {int(scores.found.sum())} of them found beforehand in the articles\n")
    if scores.found.any():
        print_table(rp.score_replay(scores), Format.table)
        say()
        print_table(rp.noise_table(codings), Format.table)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        scores.to_csv(out / "replay.csv", index=False, lineterminator="\n")
        codings.to_csv(out / "codings.csv", index=False, lineterminator="\n")
