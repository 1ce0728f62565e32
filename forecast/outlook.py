"""The main job on a case: collect, code, track, estimate, log and write. One function per verb of the command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.archive import Archive
from forecast.archive_files import csv_cell
from forecast.bundled import data_path
from forecast.case import Case
from forecast.errors import CaseError, ForecastError, TableError
from forecast.records import Article, Coding, Feed, FeedResult
from forecast.rounds import PLANNED
from forecast.tables import ROUND_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from forecast.imports import ImportResult

DEMO_DATE = date(2025, 7, 20)
# Share by which machine-coded evidence is drawn back to the base rate; see "Noise of machine coding" in data/README.md.
MACHINE_NOISE = 0.5
LEVEL_NAMES = {1: "held", 2: "process step", 3: "deliverable", 4: "partial breakthrough", 5: "breakthrough", 6: "settlement"}
HEADLINES = {
    3: "deliverable: a humanitarian or confidence deal, or more (level >= 3)",
    4: "partial breakthrough: a limited truce or partial deal, or more (level >= 4)",
    5: "breakthrough: a general ceasefire or a settlement (level >= 5)",
}
FORECAST_COLUMNS = (
    "p_held", "p_ge2", "p_ge3", "p_ge4", "p_ge5", "p_ge6", "lo", "hi", "base_rate", "model_id", "reference_date", "window_start",
    "window_end", "status", "n_articles", "n_statements", "evidence_hash",
)  # fmt: skip
TRACKED_COLUMNS = (
    *ROUND_COLUMNS, "proposer", "date_start", "date_end", "n_articles", "n_sources", "disagreement", "quote", "url", "source",
)  # fmt: skip
Progress = Callable[[str, int, int], None]


@dataclass
class Outlook:
    """All tables of one run, as of `reference_date`."""

    case: Case
    reference_date: date
    headline: int
    rounds: pd.DataFrame
    forecasts: pd.DataFrame
    contributions: pd.DataFrame
    statements: pd.DataFrame
    evidence: pd.DataFrame
    positions: pd.DataFrame
    tone: pd.DataFrame
    events: pd.DataFrame
    preround: pd.DataFrame  # the sentences behind the pre-round columns
    features: pd.DataFrame
    model_id: str
    n_articles: int
    n_sources: int
    feeds: list[FeedResult] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    issued: int = 0
    newly_coded: int = 0  # articles coded in this run
    known: int = 0  # articles whose coding was kept from an earlier run
    set_aside: list[tuple[str, str]] = field(default_factory=list)  # article_id and reason of what could not be coded
    folder: Path | None = None

    @property
    def failed(self) -> list[FeedResult]:
        """Feeds that could not be read in this run."""
        return [f for f in self.feeds if f.status == "failed"]

    def _repr_html_(self) -> str:
        from forecast.report import outlook_html

        return outlook_html(self)


BROKEN = ("the feed is empty", "the document is cut off")  # faults that make an answer as good as a failure


def broken(results: Iterable[FeedResult]) -> list[FeedResult]:
    """Feeds that failed, held nothing or were cut off: the run is done, but the exit code says so."""
    return [r for r in results if r.status == "failed" or any(f.startswith(BROKEN) for f in r.faults)]


# -- the steps ----------------------------------------------------------------------------------


def sample_feeds() -> list[Feed]:
    """The bundled sample feeds, as `file:` addresses."""
    import csv

    with data_path("samples", "feeds.csv").open(encoding="utf-8", newline="") as f:
        return [Feed(r["name"], data_path("samples", "feeds", r["file"]).as_uri(), r["side"]) for r in csv.DictReader(f)]


def demo_case(folder: str | Path = "outlook-demo") -> Case:
    """The bundled case in a working folder of its own, reading the bundled sample feeds."""
    folder = Path(folder)
    if not (folder / "case.toml").exists():
        Case.create(folder)
    return Case.open(folder)


def collect_case(
    case: Case, *, feeds: Sequence[Feed] | None = None, now: datetime | None = None,
    progress: Callable[[FeedResult], None] | None = None,
) -> list[FeedResult]:  # fmt: skip
    """Read the feeds of a case into its archive; returns one result a feed."""
    from forecast.feeds import collect

    with Archive(case.archive_path) as archive:
        return collect(
            feeds if feeds is not None else case.feeds, archive, now=now, allow_private=case.data.allow_private, progress=progress
        )


def read_jsonl(file: str | Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSONL file of articles. Raises TableError naming the line that cannot be used."""
    path = Path(file)
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as f:
            for n, line in enumerate(f, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as e:
                    raise TableError(f"{path}, line {n} is not JSON ({e})", "Write one JSON object a line") from None
                if not isinstance(row, dict):
                    raise TableError(f"{path}, line {n} is not a JSON object", "Write one JSON object a line")
                missing = [k for k in ("id", "published", "text") if row.get(k) in (None, "")]
                if missing and not (missing == ["text"] and row.get("title")):
                    raise TableError(f"{path}, line {n} lacks {', '.join(missing)}", "Required are id, published and text")
                yield row
    except OSError as e:
        raise TableError(f"{path} cannot be read: {e.strerror}", "Check the path") from None


def read_published(value: Any, where: str) -> datetime:
    """An article's publication time in UTC. Raises TableError for a date that cannot be read."""
    from forecast.feed_dates import read_date

    text = str(value).strip()
    when = read_date(text)
    if when is None:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise TableError(f"{where}: '{value}' is not a date", "Write dates as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)


def import_articles(case: Case, file: str | Path, *, now: datetime | None = None) -> ImportResult:
    """Take articles that did not come from a feed (JSONL, CSV, Parquet) into the archive of a case.

    Records that cannot be used are passed over and counted in the result. Raises ParseError for a file that
    cannot be read at all.
    """
    from forecast import imports

    with Archive(case.archive_path) as archive:
        return imports.import_articles(Path(file), archive, now=now)


def code_articles(
    articles: Iterable[Article], case: Case | None = None, progress: Progress | None = None
) -> list[tuple[Article, Coding]]:
    """Code articles for a case; one that cannot be coded counts as irrelevant, with the reason in `Coding.fault`."""
    from forecast.engine import code_many

    articles = list(articles)
    out = []
    for n, pair in enumerate(code_many(articles, case)):
        out.append(pair)
        if progress and n % 50 == 0:
            progress("coding", n, len(articles))
    return out


def coming(rounds: pd.DataFrame, reference_date: date) -> pd.DataFrame:
    """Proposed rounds: planned, not begun, their window not over on the reference date."""
    if not len(rounds):
        return rounds
    open_ = rounds.status.isin(PLANNED)
    return rounds[open_ & (rounds.window_end >= reference_date)].reset_index(drop=True)


def history_outcomes(rounds: pd.DataFrame, case: Case) -> pd.DataFrame:
    """Outcomes of earlier rounds known to the analyst: decisions in the archive first, then the bundled table.

    A tracked round meets the bundled table by conflict, by whether it was held, and by a start within three days; a
    row of the table serves one tracked round only. Rounds still to come meet nothing.
    """
    import numpy as np
    import pandas as pd

    from forecast.history import load_history

    columns = ["round_id", "outcome_level", "date_end"]
    if not len(rounds):
        return pd.DataFrame(columns=columns)
    rows: dict[str, tuple[int, Any]] = {}
    h = load_history()
    known = h.rounds.merge(h.outcomes, on="round_id")
    known = known[known.conflict_id == case.id]
    starts = pd.to_datetime(known.date_start.fillna(known.window_start)).to_numpy()
    was_held, ids = (known.final_status == "held").to_numpy(), known.round_id.to_numpy()
    levels, ends = known.outcome_level.to_list(), known.date_end.to_list()
    free = np.ones(len(known), dtype=bool)
    for r in rounds.itertuples():
        if r.status not in ("held", "lapsed", "cancelled"):
            continue
        begins = pd.Timestamp(r.date_start or r.window_start).to_datetime64()
        near = np.flatnonzero((np.abs(starts - begins) <= np.timedelta64(3, "D")) & (was_held == (r.status == "held")) & free)
        if len(near):
            free &= ids != ids[near[0]]
            rows[r.round_id] = (int(levels[near[0]]), ends[near[0]])
    if case.path is not None and case.archive_path.exists():
        with Archive(case.archive_path, readonly=True) as archive:
            for d in archive.decisions():
                rows[d["round_id"]] = (int(d["level"]), d["on_date"])
    return pd.DataFrame([(i, *v) for i, v in rows.items()], columns=columns)


def estimate_rounds(
    rounds: pd.DataFrame, statements: pd.DataFrame | None = None, outcomes: pd.DataFrame | None = None, *,
    headline: int = 5, reference_date: date | None = None, noise: float = 0.0, model: Any = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """The judging arm alone: (forecasts, contributions, features) of rounds in the codebook's columns.

    Any outcome column in `rounds` is ignored. Raises TableError for values outside the codebook.
    """
    from forecast.features import build_features
    from forecast.model import LadderModel

    model = model or LadderModel.default()
    features = build_features(rounds, statements, outcomes, reference_date)
    return (
        model.predict(features, noise=noise, headline=headline),
        model.contributions(features, headline=headline, noise=noise),
        features,
    )


def make_outlook(
    case: Case, coded: Sequence[tuple[Article, Coding]], reference_date: date, headline: int, *, model: Any = None
) -> Outlook:
    """Every table of an outlook from coded articles; nothing after the reference date is looked at."""
    import pandas as pd

    from forecast.model import LadderModel
    from forecast.rounds import (
        as_coded,
        link_statements,
        position_table,
        preround_quotes,
        rounds_table,
        statements_table,
        tone_table,
        track,
    )

    coded = [(a, c) for a, c in coded if a.effective.date() <= reference_date]
    tracked = track(coded, case.id)
    rounds = rounds_table(tracked, case, coded, reference_date)
    if not len(rounds):
        rounds = pd.DataFrame(columns=list(TRACKED_COLUMNS))
    statements = statements_table(coded, case.id)
    ahead = coming(rounds, reference_date)
    evidence = link_statements(statements, ahead, reference_date) if len(ahead) else statements.head(0).assign(round_id=[])
    model = model or LadderModel.default()
    forecasts = pd.DataFrame(columns=list(FORECAST_COLUMNS), index=pd.Index([], name="round_id", dtype="object"))
    contributions = pd.DataFrame(columns=["round_id", "column", "held", "later", "moves"])
    features = pd.DataFrame(index=forecasts.index)
    if len(ahead):
        # History comes from the whole table; the forecast is made for the coming rounds only.
        plain = as_coded(evidence) if len(evidence) else None
        outcomes = history_outcomes(rounds, case)
        forecasts, contributions, features = estimate_rounds(
            rounds, plain, outcomes, headline=headline, reference_date=reference_date, noise=MACHINE_NOISE, model=model
        )
        keep = list(ahead.round_id)
        forecasts, features = forecasts.loc[keep], features.loc[keep]
        contributions = contributions[contributions.round_id.isin(keep)].reset_index(drop=True)
        forecasts = _with_evidence(forecasts, ahead, evidence, features, reference_date)
    events = pd.DataFrame(
        [e for r in tracked for e in r.events()],
        columns=["round_id", "date", "status", "source", "url", "article_id", "quote"],
    )
    relevant = [a for a, c in coded if c.relevant and c.conflict_id == case.id]
    return Outlook(
        case=case, reference_date=reference_date, headline=headline, rounds=rounds, forecasts=forecasts,
        contributions=contributions, statements=statements, evidence=evidence,
        positions=position_table(statements, case.parties, reference_date), tone=tone_table(coded, case.id), events=events,
        preround=preround_quotes(coded, case, ahead, reference_date), features=features, model_id=model.model_id, n_articles=len(relevant), n_sources=len({a.source for a in relevant}),
    )  # fmt: skip


def read_outlook(
    case: Case, reference_date: date, headline: int | None = None, *, engine: str = "inline", workers: int | None = None,
    scheduler: str | None = None, progress: Progress | None = None,
) -> Outlook:  # fmt: skip
    """The outlook of what the archive of a case holds; codings are kept there, forecasts are not logged."""
    from forecast.reading import read_case

    read = read_case(case, reference_date, engine=engine, workers=workers, scheduler=scheduler, progress=progress)
    outlook = make_outlook(case, read.coded, reference_date, headline or case.data.headline_level)
    outlook.newly_coded, outlook.known, outlook.set_aside = read.new, read.known, read.faults
    return outlook


def _with_evidence(
    forecasts: pd.DataFrame, ahead: pd.DataFrame, evidence: pd.DataFrame, features: pd.DataFrame, reference_date: date
) -> pd.DataFrame:
    """Add what a logged forecast must carry: date, window, counts, and a hash of the evidence it stood on."""
    r = ahead.set_index("round_id")
    f = forecasts.copy()
    f["reference_date"] = reference_date.isoformat()
    f["window_start"] = r.window_start.astype(str)
    f["window_end"] = r.window_end.astype(str)
    f["status"] = r.status
    f["n_articles"] = r.n_articles
    f["n_statements"] = evidence.groupby("round_id").size().reindex(f.index).fillna(0).astype(int)
    hashes = {}
    for i in f.index:
        row = features.loc[i].round(6).to_json() + json.dumps({c: str(r.loc[i, c]) for c in ("window_start", "window_end", "status", "venue")})
        hashes[i] = hashlib.sha256(row.encode()).hexdigest()[:12]
    f["evidence_hash"] = [hashes[i] for i in f.index]
    return f


def log_outlook(outlook: Outlook, issued_at: datetime | None = None) -> int:
    """Append the forecasts to the case's log; returns how many were new."""
    if not len(outlook.forecasts):
        return 0
    records = json.loads(outlook.forecasts.reset_index().to_json(orient="records"))
    for r in records:
        r["headline"] = outlook.headline
    with Archive(outlook.case.archive_path) as archive:
        return archive.log_forecasts(records, issued_at or datetime.now(UTC))


def changes_since(outlook: Outlook) -> list[str]:
    """What differs from the last forecasts logged for an earlier date or other evidence, in words."""
    with Archive(outlook.case.archive_path) as archive:
        logged = archive.forecasts()
    out: list[str] = []
    column = f"p_ge{outlook.headline}"
    for round_id, row in outlook.forecasts.iterrows():
        mine = [
            r for r in logged
            if r["round_id"] == round_id and r["reference_date"] <= outlook.reference_date.isoformat()
            and r["evidence_hash"] != row.evidence_hash
        ]  # fmt: skip
        if not any(r["round_id"] == round_id for r in logged):
            out.append(f"{round_id}: new, P({LEVEL_NAMES[outlook.headline]}) {row[column]:.1%}")
        elif mine and not any(r["round_id"] == round_id and r["evidence_hash"] == row.evidence_hash and r["reference_date"] == row.reference_date for r in logged):
            before = mine[-1]
            step = row[column] - before[column]
            out.append(f"{round_id}: P({LEVEL_NAMES[outlook.headline]}) {before[column]:.1%} -> {row[column]:.1%} ({step:+.1%}) since {before['reference_date']}")
            if before.get("status") != row.status:
                out.append(f"{round_id}: status {before.get('status')} -> {row.status}")
            if (before["window_start"], before["window_end"]) != (row.window_start, row.window_end):
                out.append(f"{round_id}: window {before['window_start']}..{before['window_end']} -> {row.window_start}..{row.window_end}")
            more = int(row.n_articles) - int(before.get("n_articles") or 0)
            if more:
                out.append(f"{round_id}: {more:+d} reports")
    return out


# -- the verbs ----------------------------------------------------------------------------------


def run(
    case_dir: str | Path | None = None, *, reference_date: date | None = None, offline: bool = False,
    headline: int | None = None, now: datetime | None = None, progress: Progress | None = None,
    on_feed: Callable[[FeedResult], None] | None = None, engine: str = "inline", workers: int | None = None,
    scheduler: str | None = None,
) -> Outlook:  # fmt: skip
    """Collect, code, track, estimate, log the forecasts and write table, charts, CSV and report.

    Parameters
    ----------
    case_dir : a case folder; None runs the bundled case on the bundled sample feeds as of 2025-07-20 into `./outlook-demo/`.
    reference_date : as of when; default today (UTC), for the bundled case its own date.
    offline : read no feed, use what the archive holds.
    headline : 3, 4 or 5; default the case's.
    engine, workers, scheduler : where articles are coded, see `code_many`; only those not coded before are.

    Raises CaseError for a folder that is no case. A feed that fails is in the result's `failed`.
    """
    demo = case_dir is None
    case = demo_case() if demo else Case.open(case_dir)  # type: ignore[arg-type]
    when = reference_date or (DEMO_DATE if demo else datetime.now(UTC).date())
    stamp = now or (datetime.combine(max(when, DEMO_DATE), time(23, 0), UTC) if demo else datetime.now(UTC))
    results: list[FeedResult] = []
    if demo:
        results = collect_case(case, feeds=sample_feeds(), now=stamp, progress=on_feed)
    elif not offline:
        if not case.feeds:
            raise CaseError(f"{case.folder / 'case.toml'} lists no feeds", "Add [[feeds]], or collect with --from and run with --offline")
        results = collect_case(case, progress=on_feed, now=now)
    outlook = read_outlook(
        case, when, headline, engine=engine, workers=workers, scheduler=scheduler, progress=progress
    )
    outlook.feeds = results
    outlook.changes = changes_since(outlook)
    outlook.issued = log_outlook(outlook, stamp)
    outlook.folder = write_outlook(outlook)
    return outlook


def write_outlook(outlook: Outlook, folder: Path | None = None) -> Path:
    """Write the tables, charts and report of an outlook below the case folder; returns the folder."""
    from forecast.charts import export_charts
    from forecast.report import write_report

    folder = folder or outlook.case.folder / "outlook" / outlook.reference_date.isoformat()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables_of(outlook).items():
            safe_csv(table, folder / f"{name}.csv")
        export_charts(outlook, folder)
        write_report(outlook, folder / "report.html")
    except OSError as e:
        raise ForecastError(f"{folder} cannot be written: {e.strerror}", "Check its permissions and the free space") from None
    return folder


def tables_of(outlook: Outlook) -> dict[str, pd.DataFrame]:
    """The tables written out, by name."""
    return {
        "outlook": outlook.forecasts.reset_index(), "rounds": outlook.rounds, "statements": outlook.statements,
        "positions": outlook.positions, "contributions": outlook.contributions, "events": outlook.events, "tone": outlook.tone,
    }  # fmt: skip


def safe_csv(table: pd.DataFrame, file: Path) -> None:
    """Write a CSV whose text cells cannot act as formulas in a spreadsheet (a leading = + - @ gets an apostrophe)."""
    t = table.copy()
    for c in t.columns:
        if t[c].dtype == object or str(t[c].dtype) in ("str", "string"):
            t[c] = [csv_cell(v) for v in t[c].tolist()]
    t.to_csv(file, index=False, lineterminator="\n")


def extract(file: str | Path, out: str | Path, *, case: Case | None = None, progress: Progress | None = None) -> dict[str, int]:
    """Code a JSONL file of articles without a case folder; writes statements, mentions and articles as CSV.

    Returns the number of rows of each table.
    """
    import pandas as pd

    from forecast.coding import Coder
    from forecast.tables import EXTRACT_ARTICLES, EXTRACT_MENTIONS, EXTRACT_STATEMENTS

    coder = Coder(case)
    statements: list[tuple[Any, ...]] = []
    mentions: list[tuple[Any, ...]] = []
    articles: list[tuple[Any, ...]] = []
    rows = list(read_jsonl(file))
    for n, row in enumerate(rows):
        published = read_published(row["published"], f"{file}, id {row['id']}")
        text = str(row.get("text") or row.get("title"))
        c = coder.code(text, published.date(), str(row.get("title") or ""))
        articles.append((row["id"], c.relevant, None if c.tone is None else round(c.tone, 3), c.conflict_id))
        for s in c.statements:
            statements.append((row["id"], s.sentence, s.actor, s.issue, s.stance, s.gate, s.conditional_on, s.quote, s.start, s.end, s.confidence))
        for m in c.mentions:
            mentions.append((row["id"], m.conflict_id, ";".join(m.parties), ";".join(m.mediators), m.venue, m.window_start, m.window_end, m.granularity, m.ordinal, m.level, m.status, m.quote))
        if progress and n % 25 == 0:
            progress("coding", n, len(rows))
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        safe_csv(pd.DataFrame(statements, columns=list(EXTRACT_STATEMENTS)), out / "statements.csv")
        frame = pd.DataFrame(mentions, columns=list(EXTRACT_MENTIONS))
        frame["ordinal"] = frame.ordinal.astype("Int64")
        safe_csv(frame, out / "mentions.csv")
        safe_csv(pd.DataFrame(articles, columns=list(EXTRACT_ARTICLES)), out / "articles.csv")
    except OSError as e:
        raise ForecastError(f"{out} cannot be written: {e.strerror}", "Choose another folder with --out") from None
    return {"statements": len(statements), "mentions": len(mentions), "articles": len(articles)}


