"""Collect feeds: decide what to ask and when, store what is new, and do it again on a schedule.

A feed that fails is a value in the result, never an exception that stops the others.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from forecast.addresses import same_host, with_credentials, without_credentials
from forecast.archive import Archive, FeedState
from forecast.errors import ParseError, RetrieveError
from forecast.feed_formats import parse
from forecast.records import Feed, FeedResult
from forecast.retrieve import DEADLINE, HOST_PAUSE, TIMEOUT, HttpError, Retrieved, Switch, retrieve

_HELD = 64_000_000  # bytes that may wait for an earlier feed to be stored
_BACK_OFF = timedelta(minutes=5)  # after the second "come back later" in a row; doubles with each further one


def collect(
    feeds: Iterable[Feed], archive: Archive, *, now: datetime | None = None, allow_private: bool = False,
    workers: int = 8, progress: Callable[[FeedResult], None] | None = None,
    timeout: tuple[float, float] = TIMEOUT, deadline: float = DEADLINE, host_pause: float = HOST_PAUSE,
) -> list[FeedResult]:  # fmt: skip
    """Read every feed and store what is new; each feed is committed as it arrives, so Ctrl-C keeps the rest.

    Parameters
    ----------
    now : time of retrieval to note (UTC); the present by default.
    workers : hosts asked at the same time. One host is never asked twice at once.
    host_pause : seconds between two requests to one host.
    timeout, deadline : see `retrieve`.

    Returns one FeedResult a feed, in the order given. Raises ArchiveError where storing fails.
    """
    feeds = list(feeds)
    switch = Switch()
    results: dict[int, FeedResult] = {}
    asker = _Asker(archive, feeds, now or datetime.now(UTC), allow_private, timeout, deadline, switch)
    fetches = _Fetches(feeds, asker, max(1, workers), host_pause, switch)

    def keep(i: int, answer: Retrieved | RetrieveError) -> None:
        results[i] = _store(feeds[i], answer, archive, now or datetime.now(UTC))
        if progress:
            progress(results[i])

    with archive.unhurried_disk():
        try:
            for i, answer in fetches:
                keep(i, answer)
        except KeyboardInterrupt:
            switch.turn_off()
            for i, answer in fetches.arrived():
                if i not in results:
                    keep(i, answer)
            raise
        finally:
            switch.turn_off()
            fetches.close()
    return [results[i] for i in range(len(feeds))]


class _Asker:
    """Asks one feed, minding what it told us before. Called from several threads."""

    def __init__(
        self, archive: Archive, feeds: list[Feed], at: datetime, allow_private: bool,
        timeout: tuple[float, float], deadline: float, switch: Switch,
    ) -> None:  # fmt: skip
        self.states = {f.name: archive.feed_state(f.name, f.url) for f in feeds}
        self.validators = {f.name: archive.last_validators(f.name, f.url) for f in feeds}
        self.at = at
        self.options: dict[str, Any] = {
            "allow_private": allow_private, "timeout": timeout, "deadline": deadline, "switch": switch,
        }  # fmt: skip

    def __call__(self, feed: Feed) -> Retrieved | RetrieveError:
        state, shown = self.states[feed.name], without_credentials(feed.url)
        if state.gone_at:
            return _NotAsked(
                f"{shown} has been gone since {state.gone_at:%Y-%m-%d} (410) and is not asked any more",
                "Take it out of case.toml or give its new address",
            )  # fmt: skip
        if state.retry_at and self.at < state.retry_at:
            return _NotAsked(
                f"{shown} asked not to be read before {state.retry_at:%Y-%m-%d %H:%M} UTC",
                "Nothing to do; it is asked again then",
            )
        try:
            return self._ask(feed, state.moved_to)
        except RetrieveError as e:
            return e
        except Exception as e:  # noqa: BLE001  whatever a hostile server provokes must not stop the others
            kind = type(e).__name__
            return RetrieveError(f"{shown} cannot be asked ({kind})", "Check the address")

    def _ask(self, feed: Feed, moved_to: str | None) -> Retrieved:
        etag, modified = self.validators[feed.name]
        if moved_to:
            trusted = same_host(moved_to, feed.url)
            address = with_credentials(moved_to, feed.url) if trusted else moved_to
            try:
                answer = retrieve(address, etag=etag, modified=modified, trusted=trusted, **self.options)
                return replace(answer, moved_to=answer.moved_to or moved_to)
            except RetrieveError:
                pass  # the new address fails: perhaps the old one works again
        return retrieve(feed.url, etag=etag, modified=modified, **self.options)


class _NotAsked(RetrieveError):
    """A feed that told us earlier not to ask."""


class _Fetches:
    """Answers in the order of the feeds, fetched by several threads, one at a time from each host.

    The order is kept so that what is stored does not depend on which host was faster.
    """

    def __init__(
        self, feeds: list[Feed], ask: Callable[[Feed], Retrieved | RetrieveError], workers: int, pause: float,
        switch: Switch,
    ) -> None:  # fmt: skip
        self._feeds, self._ask, self._workers, self._pause, self._switch = feeds, ask, workers, pause, switch
        self._hosts = [urlsplit(without_credentials(f.url)).hostname for f in feeds]
        self._pool = ThreadPoolExecutor(max_workers=max(1, min(workers, len(feeds) or 1)))
        self._waiting = list(range(len(feeds)))
        self._running: dict[Future[Retrieved | RetrieveError], int] = {}
        self._done: dict[int, Retrieved | RetrieveError] = {}
        self._last: dict[str | None, float] = {}

    def __iter__(self) -> Iterator[tuple[int, Retrieved | RetrieveError]]:
        for head in range(len(self._feeds)):
            while head not in self._done:
                self._start(head)
                finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in finished:
                    i = self._running.pop(future)
                    self._done[i] = future.result()
                    self._last[self._hosts[i]] = time.monotonic()
            self._start(head)
            yield head, self._done[head]
            del self._done[head]

    def arrived(self) -> list[tuple[int, Retrieved | RetrieveError]]:
        """What was fetched and not yet given out whole; for an interruption."""
        for future, i in self._running.items():
            if future.done() and not future.cancelled():
                self._done[i] = future.result()
        return [(i, a) for i, a in sorted(self._done.items()) if isinstance(a, Retrieved)]

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, head: int) -> None:
        held = sum(len(a.body) for a in self._done.values() if isinstance(a, Retrieved))
        busy = {self._hosts[i] for i in self._running.values()} - {None}
        for i in list(self._waiting):
            if len(self._running) >= self._workers:
                return
            host = self._hosts[i]
            if host in busy or (held > _HELD and i != head):
                continue
            since = time.monotonic() - self._last[host] if host and host in self._last else self._pause
            self._waiting.remove(i)
            self._running[self._pool.submit(self._fetch, self._feeds[i], self._pause - since)] = i
            busy |= {host} - {None}

    def _fetch(self, feed: Feed, pause: float) -> Retrieved | RetrieveError:
        if pause > 0 and self._switch.off.wait(pause):
            return RetrieveError("the run was stopped", "Run again")
        return self._ask(feed)


def _store(feed: Feed, answer: Retrieved | RetrieveError, archive: Archive, at: datetime) -> FeedResult:
    """Store one answer, its line in the fetch log and what is to be remembered: all or nothing."""
    state = archive.feed_state(feed.name, feed.url)
    if isinstance(answer, RetrieveError):
        return _store_failure(feed, answer, _state_after(answer, state, at), archive, at)
    good = FeedState(moved_to=answer.moved_to)
    if answer.status == 304:
        with archive.transaction():
            archive.log_fetch(feed.name, feed.url, at, "unchanged", 0, 0, "", answer.etag, answer.modified)
            archive.remember_feed(feed.name, feed.url, good)
        return FeedResult(feed.name, "unchanged")
    try:
        parsed = parse(answer.body, feed, at, content_type=answer.content_type, base_url=answer.url)
    except ParseError as e:
        return _store_failure(feed, e, state, archive, at)
    except Exception as e:  # noqa: BLE001  a document no one foresaw must not stop the other feeds
        odd = ParseError(f"{feed.name} sent something unreadable ({type(e).__name__})", "Please report it")
        return _store_failure(feed, odd, state, archive, at)
    faults = list(parsed.faults)
    whole = parsed.complete and not answer.cut
    if not whole:
        faults.append("the document ended early; all of it is asked for next time")
    if answer.moved_to:
        faults.append(f"the feed has moved for good to {answer.moved_to}; write that into case.toml")
    detail = "; ".join(faults)
    with archive.transaction():
        new, changed = archive.add_articles(parsed.articles)
        archive.log_fetch(
            feed.name, feed.url, at, "ok", len(parsed.articles), new, detail,
            answer.etag if whole else None, answer.modified if whole else None,
        )  # fmt: skip
        archive.remember_feed(feed.name, feed.url, good)
    return FeedResult(feed.name, "ok", len(parsed.articles), new, changed, detail, tuple(faults))


def _store_failure(
    feed: Feed, e: RetrieveError | ParseError, state: FeedState, archive: Archive, at: datetime
) -> FeedResult:
    with archive.transaction():
        archive.log_fetch(feed.name, feed.url, at, "failed", 0, 0, e.message, None, None)
        archive.remember_feed(feed.name, feed.url, state)
    return FeedResult(feed.name, "failed", detail=str(e))


def _state_after(e: RetrieveError, state: FeedState, at: datetime) -> FeedState:
    """What to remember after a failure."""
    if not isinstance(e, HttpError):
        return state
    if e.status == 410:
        return state._replace(gone_at=at)
    if e.status not in (429, 503):
        return state
    strikes = state.strikes + 1
    own = _BACK_OFF * 2 ** min(strikes - 2, 6) if strikes > 1 else timedelta(0)
    pause = max(timedelta(seconds=e.retry_after or 0), min(own, timedelta(hours=6)))
    return state._replace(strikes=strikes, retry_at=at + pause if pause else None)


def watch(
    run: Callable[[], Any], every: timedelta, *, times: int | None = None,
    stop: threading.Event | None = None,
    on_error: Callable[[Exception], None] | None = None, jitter: float = 0.05,
) -> int:  # fmt: skip
    """Call `run` again and again, `every` so often from start to start; survives its failures.

    Parameters
    ----------
    times : how often at most; for ever by default.
    stop : ends the watch when set, also in the middle of a pause.
    on_error : told of each failure.
    jitter : share of `every` by which a pause may be longer, so that many machines do not ask at once.

    Returns the number of failures. Ctrl-C ends it.
    """
    stop = stop or threading.Event()
    failures = count = 0
    while not stop.is_set() and (times is None or count < times):
        began = time.monotonic()
        try:
            run()
        except Exception as e:  # noqa: BLE001  to survive failures is what it is for
            failures += 1
            if on_error:
                on_error(e)
        count += 1
        if times is not None and count >= times:
            break
        pause = every.total_seconds() * (1 + random.random() * jitter)
        stop.wait(max(0.0, began + pause - time.monotonic()))
    return failures


def read_interval(text: str) -> timedelta:
    """A length of time such as "30m", "2h", "1d" or "90s". Raises ValueError for anything else, or under 1 s.

    >>> read_interval("30m")
    datetime.timedelta(seconds=1800)
    """
    m = re.fullmatch(r"\s*(\d{1,6})\s*([smhd])\s*", text.lower())
    if not m or int(m[1]) == 0:
        raise ValueError(f"'{text}' is no length of time; write for example 30m, 2h or 1d")
    return timedelta(seconds=int(m[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[m[2]])
