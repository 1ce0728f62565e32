"""Feed health: what each feed brought lately, what did not arrive and what to do about it; and which answer at all."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from forecast.addresses import without_credentials
from forecast.archive import Archive
from forecast.archive_files import csv_cell
from forecast.errors import ArchiveError, ParseError, RetrieveError
from forecast.feed_formats import parse
from forecast.records import Feed
from forecast.retrieve import HOST_PAUSE, retrieve

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "feed", "side", "state", "last_success", "last_try", "failures", "last_item", "items_a_week",
    "usual_gap_hours", "delay_hours", "dated_share", "problem", "url",
)  # fmt: skip
WINDOW = timedelta(days=28)  # over which items, delays and gaps are counted
LEAST_SILENCE = timedelta(days=3)  # shorter silence is never an alarm
REACH_SECONDS = 8.0  # that `reach_feeds` gives each feed


def feed_health(archive: Archive, feeds: Iterable[Feed], *, now: datetime | None = None) -> pd.DataFrame:
    """One row a feed, in the order given.

    Columns: feed, side, state, last_success and last_try (UTC), failures (in a row), last_item (UTC),
    items_a_week (over the last 28 days, or since the first item), usual_gap_hours (nine in ten gaps between
    items are shorter), delay_hours (median from publication to retrieval, of items published since the feed
    was first read), dated_share (0 to 1), problem (in words, empty where all is well), url.

    State: "ok"; "stale" (no item for three times the usual gap, and three days at least); "failing" (the
    last try failed); "gone" (410); "waiting" (it asked us to come back later); "never" (not read yet).
    """
    import pandas as pd

    at = now or datetime.now(UTC)
    log: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in archive.fetch_log():
        log[line["feed"]].append(line)
    times: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for source, *rest in archive.article_times():
        times[source].append(tuple(rest))
    rows = [_row(archive, f, log[f.name], times[f.name], at) for f in feeds]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(
    archive: Archive, feed: Feed, log: list[dict[str, Any]], times: list[tuple[Any, ...]], at: datetime
) -> dict[str, Any]:
    url = without_credentials(feed.url)
    log = [line for line in log if line["url"] == url and _time(line["at"]) <= at]
    good = [line for line in log if line["status"] != "failed"]
    failures = next((i for i, line in enumerate(reversed(log)) if line["status"] != "failed"), len(log))
    times = [t for t in times if t[2] <= at]
    effective = sorted(t[0] for t in times if t[0] <= at)
    gap = _usual_gap(effective, at)
    row: dict[str, Any] = {
        "feed": feed.name, "side": feed.side, "url": url, "failures": failures,
        "last_success": _time(good[-1]["at"]) if good else None,
        "last_try": _time(log[-1]["at"]) if log else None,
        "last_item": effective[-1] if effective else None, "items_a_week": _weekly(effective, at),
        "usual_gap_hours": round(gap.total_seconds() / 3600, 1) if gap else None,
        "delay_hours": _delay(times, log),
        "dated_share": round(sum(_dated(t) for t in times) / len(times), 3) if times else None,
    }  # fmt: skip
    row["state"], row["problem"] = _judge(archive, feed, row, log, gap, at)
    return row


def _judge(
    archive: Archive,
    feed: Feed,
    row: dict[str, Any],
    log: list[dict[str, Any]],
    gap: timedelta | None,
    at: datetime,
) -> tuple[str, str]:
    """State and problem in words."""
    state = archive.feed_state(feed.name, feed.url)
    if not log:
        return "never", "not read yet; run `forecast collect`"
    if state.gone_at:
        return (
            "gone",
            f"gone for good since {state.gone_at:%Y-%m-%d}; take it out of case.toml or give its new address",
        )
    if state.retry_at and at < state.retry_at:
        return "waiting", f"asked not to be read before {state.retry_at:%Y-%m-%d %H:%M} UTC"
    if row["failures"]:
        since = f"since {row['last_success']:%Y-%m-%d}" if row["last_success"] else "from the first try on"
        return "failing", f"failed {row['failures']} times in a row, {since}: {log[-1]['detail']}"
    last = row["last_item"]
    if last is None:
        return "stale", "has brought no item yet; check the address"
    silence = at - last
    if silence > max(LEAST_SILENCE, 3 * (gap or LEAST_SILENCE)):
        usual = f"usually one every {_words(gap)}" if gap else "too few items to know its pace"
        return "stale", f"nothing new for {_words(silence)} ({usual}); look at its site"
    moved = (
        f"has moved to {without_credentials(state.moved_to)}; write that into case.toml"
        if state.moved_to
        else ""
    )
    return "ok", moved or next((x["detail"] for x in reversed(log) if x["status"] == "ok"), "")


def _words(span: timedelta | None) -> str:
    hours = (span or timedelta(0)).total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{max(1, hours):.0f} hours"


def _usual_gap(effective: list[datetime], at: datetime) -> timedelta | None:
    """The gap that nine in ten gaps of the last 90 days do not exceed; None with fewer than four items."""
    recent = [t for t in effective if t >= at - timedelta(days=90)]
    recent = recent if len(recent) >= 4 else effective[-20:]
    if len(recent) < 4:
        return None
    gaps = sorted(b - a for a, b in pairwise(recent))
    return gaps[min(len(gaps) - 1, int(0.9 * len(gaps)))]


def _weekly(effective: list[datetime], at: datetime) -> float:
    if not effective:
        return 0.0
    span = max(timedelta(days=1), min(WINDOW, at - effective[0]))
    count = sum(t > at - span - timedelta(seconds=1) for t in effective)
    return round(count / (span / timedelta(days=7)), 1)


def _delay(times: list[tuple[Any, ...]], log: list[dict[str, Any]]) -> float | None:
    """Median hours from publication to retrieval; what was there at the first reading says nothing of it."""
    if not log:
        return None
    first = _time(log[0]["at"])
    delays = [
        (retrieved - published) for _, published, retrieved, _ in times if published and published > first
    ]
    hours = [max(0.0, d.total_seconds() / 3600) for d in delays]
    return round(median(hours), 1) if hours else None


def _dated(t: tuple[Any, ...]) -> bool:
    return not {"no_date", "unreadable_date", "future_date", "implausibly_old", "frozen_date"} & set(t[3])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of asking one feed once, without keeping anything."""

    feed: str
    state: str  # "ok", "failed", or "not asked" where the feed told us earlier to stay away
    items: int
    seconds: float
    detail: str


def reach_feeds(
    feeds: Iterable[Feed], archive: Archive | None = None, *, allow_private: bool = False, seconds: float = REACH_SECONDS,
    workers: int = 8, progress: Callable[[str, int, int], None] | None = None,
) -> list[Reached]:  # fmt: skip
    """Ask every feed once, with a short time limit each, and say whether it answers with a feed; nothing is stored.

    Parameters
    ----------
    archive : where known, feeds that are gone or asked to be left alone for now are not asked.
    seconds : for each feed, redirects and second tries included.
    workers : hosts asked at the same time; feeds of one host are asked one after another, with a pause.
    progress : told the feed, how many are done, and of how many.

    Returns one Reached a feed, in the order given. Never raises for a feed.
    """
    feeds = list(feeds)
    done: dict[int, Reached] = {}
    hosts: dict[object, list[int]] = defaultdict(list)
    now = datetime.now(UTC)
    for i, f in enumerate(feeds):
        left_alone = _left_alone(archive, f, now)
        if left_alone:
            done[i] = Reached(f.name, "not asked", 0, 0.0, left_alone)
        else:
            hosts[urlsplit(without_credentials(f.url)).hostname or i].append(i)
    lock = threading.Lock()

    def ask_host(indices: list[int]) -> None:
        for n, i in enumerate(indices):
            if n:
                time.sleep(HOST_PAUSE)
            answer = _ask_once(feeds[i], now, allow_private, seconds)
            with lock:
                done[i] = answer
                if progress:
                    progress(feeds[i].name, len(done), len(feeds))

    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(hosts) or 1))) as pool:
        for _ in pool.map(ask_host, hosts.values()):
            pass
    return [done[i] for i in range(len(feeds))]


def _left_alone(archive: Archive | None, feed: Feed, at: datetime) -> str:
    if archive is None:
        return ""
    state = archive.feed_state(feed.name, feed.url)
    if state.gone_at:
        return f"gone for good since {state.gone_at:%Y-%m-%d} (410)"
    return f"asked not to be read before {state.retry_at:%Y-%m-%d %H:%M} UTC" if state.retry_at and at < state.retry_at else ""


def _ask_once(feed: Feed, now: datetime, allow_private: bool, seconds: float) -> Reached:
    began = time.monotonic()
    items, detail = 0, ""
    try:
        answer = retrieve(feed.url, allow_private=allow_private, timeout=(seconds, seconds), deadline=seconds)
        found = parse(answer.body, feed, now, content_type=answer.content_type, base_url=answer.url)
        items = len(found.articles)
        detail = f"has moved for good to {answer.moved_to}" if answer.moved_to else "; ".join(found.faults)
        state = "ok"
    except (RetrieveError, ParseError) as e:
        state, detail = "failed", str(e)
    except Exception as e:  # noqa: BLE001  whatever a hostile server provokes must not stop the others
        state, detail = "failed", f"{without_credentials(feed.url)} cannot be read ({type(e).__name__})"
    return Reached(feed.name, state, items, round(time.monotonic() - began, 2), detail)


def health_exit_code(table: pd.DataFrame) -> int:
    """For schedulers: 0 all well, 1 some feeds need a look (stale, failing, gone), 2 no feed works."""
    bad = table["state"].isin(["stale", "failing", "gone"])
    broken = table["state"].isin(["failing", "gone", "never"])
    if len(table) and broken.all():
        return 2
    return int(bad.any())


def health_lines(table: pd.DataFrame) -> list[str]:
    """What did not arrive, a line a feed, worst first; empty where all is well."""
    order = {s: i for i, s in enumerate(("gone", "failing", "stale", "waiting", "never", "ok"))}
    rows = sorted(table.to_dict("records"), key=lambda r: order[str(r["state"])])
    return [f"{r['feed']}: {r['problem']}" for r in rows if r["problem"]]


def write_health_csv(table: pd.DataFrame, to: Path) -> None:
    """The table as CSV, safe to open in a spreadsheet. Raises ArchiveError where it cannot be written."""
    try:
        table.map(csv_cell).to_csv(to, index=False)
    except OSError as e:
        raise ArchiveError(
            f"{to} cannot be written: {e.strerror}", "Check the folder and the free space"
        ) from None
