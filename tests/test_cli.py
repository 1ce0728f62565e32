"""The command line: each wrong input gives one clear line and a non-zero exit; formats; a user's Ctrl-C."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

import forecast as fc
from forecast.feeds import collect

WHEN = datetime(2025, 7, 19, 12, 0, tzinfo=UTC)
STORY = {
    "title": "Kyiv proposes talks",
    "text": "Ukraine proposed a third round of talks with Russia in Istanbul next week. Russia rejected a ceasefire.",
    "published": WHEN,
}


def one_line(ran: Any, code: int = 2) -> str:
    """The single line of an error; checks that there is no more than that and no trace."""
    assert ran.code == code, ran
    lines = ran.err.strip().splitlines()
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("forecast: ")
    assert "Traceback" not in ran.err
    return str(lines[0])


# -- wrong input --------------------------------------------------------------------------------


class TestWrongCase:
    @pytest.mark.parametrize("verb", ["run", "collect", "code", "rounds", "estimate", "chart"])
    def test_not_a_folder(self, cli: Any, tmp_path: Path, verb: str) -> None:
        said = one_line(cli(verb, tmp_path / "nowhere"))
        assert "there is no folder" in said
        assert "forecast init" in said

    def test_not_a_case_folder(self, cli: Any, tmp_path: Path) -> None:
        said = one_line(cli("run", tmp_path))
        assert "not a case folder" in said
        assert "case.toml" in said

    def test_not_toml(self, cli: Any, tmp_path: Path) -> None:
        (tmp_path / "case.toml").write_text("id = [", encoding="utf-8")
        assert "not valid TOML" in one_line(cli("run", tmp_path))

    def test_unknown_key(self, cli: Any, tmp_path: Path, make_case: Any) -> None:
        folder = make_case(tmp_path / "c", ("A", "https://a.example/rss"), extra='[[feeds]]\nname = "B"\nurl = "https://b.example/"\nsied = "third"\n')
        said = one_line(cli("run", folder))
        assert "case.toml" in said
        assert "feeds.1.sied" in said
        assert "did you mean 'side'?" in said

    def test_feed_without_side(self, cli: Any, tmp_path: Path, make_case: Any) -> None:
        folder = make_case(tmp_path / "c", extra='[[feeds]]\nname = "B"\nurl = "https://b.example/"\n')
        said = one_line(cli("run", folder))
        assert "feeds.0.side" in said
        assert "is missing" in said
        assert "'B'" in said

    def test_overlapping_offices(self, cli: Any, tmp_path: Path, make_case: Any) -> None:
        person = """[[persons]]
name = "Ada Sample"
offices = [{title = "minister", of = "Ukraine", start = 2020-01-01, end = 2021-01-01},
           {title = "envoy", of = "Ukraine", start = 2020-06-01}]
"""
        said = one_line(cli("run", make_case(tmp_path / "c", extra=person)))
        assert "Ada Sample" in said
        assert "'minister' and 'envoy' overlap on 2020-06-01" in said

    def test_no_feeds(self, cli: Any, tmp_path: Path, make_case: Any) -> None:
        assert "lists no feeds" in one_line(cli("run", make_case(tmp_path / "c")))

    def test_nothing_collected(self, cli: Any, tmp_path: Path, make_case: Any) -> None:
        said = one_line(cli("rounds", make_case(tmp_path / "c")))
        assert "forecast collect" in said

    @pytest.mark.parametrize("day", ["20-07-2025", "yesterday", "2025-02-30", ""])
    def test_unreadable_date(self, cli: Any, tmp_path: Path, make_case: Any, day: str) -> None:
        said = one_line(cli("run", make_case(tmp_path / "c"), "--offline", "--reference-date", day))
        assert "is not a date" in said
        assert "YYYY-MM-DD" in said

    def test_no_bundled_case(self, cli: Any, tmp_path: Path) -> None:
        assert "did you mean 'russia-ukraine'?" in one_line(cli("init", tmp_path / "c", "--case", "russia-ukrain"))

    def test_init_twice(self, cli: Any, tmp_path: Path) -> None:
        assert cli("init", tmp_path / "c").code == 0
        assert "already holds a case.toml" in one_line(cli("init", tmp_path / "c"))


SLOW = re.compile(r"stopped sending|did not answer|took (longer|more)|too slow|within \d|time")


class TestWrongFeed:
    """One feed, and it fails: exit 1, the feed named, cause and remedy in one line."""

    def collected(self, cli: Any, make_case: Any, folder: Path, url: str) -> str:
        ran = cli("collect", make_case(folder, ("Broken Outlet", url)))
        assert ran.code == 1, ran
        assert ran.err == ""
        (line,) = [x for x in ran.out.splitlines() if "NOT READ" in x]
        assert "Broken Outlet" in line
        assert "0 of 1 feeds read" in ran.out
        return str(line)

    def test_no_network_port(self, cli: Any, make_case: Any, tmp_path: Path) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        said = self.collected(cli, make_case, tmp_path, f"http://127.0.0.1:{port}/rss")
        assert "cannot be reached" in said
        assert "Check the network" in said

    @pytest.mark.parametrize(("status", "said"), [(404, "404"), (500, "500"), (403, "403"), (410, "410")])
    def test_status(self, cli: Any, make_case: Any, tmp_path: Path, httpserver: HTTPServer, status: int, said: str) -> None:
        httpserver.expect_request("/rss").respond_with_data("no", status=status)
        assert said in self.collected(cli, make_case, tmp_path, httpserver.url_for("/rss"))

    def test_html(self, cli: Any, make_case: Any, tmp_path: Path, httpserver: HTTPServer) -> None:
        page = "<!DOCTYPE html><html><head><title>News</title></head><body><p>Welcome</p></body></html>"
        httpserver.expect_request("/rss").respond_with_data(page, content_type="text/html")
        assert "web page, not a feed" in self.collected(cli, make_case, tmp_path, httpserver.url_for("/rss"))

    def test_nothing(self, cli: Any, make_case: Any, tmp_path: Path, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/rss").respond_with_data("")
        assert "answered with nothing" in self.collected(cli, make_case, tmp_path, httpserver.url_for("/rss"))

    def test_silent_server(self, make_case: Any, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and never answers
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/rss"
            case = fc.Case.open(make_case(tmp_path / "c", ("Silent Outlet", url)))
            with fc.Archive(case.archive_path) as archive:
                (result,) = collect(case.feeds, archive, timeout=(0.5, 0.5))
        assert (result.feed, result.status) == ("Silent Outlet", "failed")
        assert SLOW.search(result.detail)

    def test_time_out(self, make_case: Any, tmp_path: Path, slow_server: str) -> None:
        case = fc.Case.open(make_case(tmp_path / "c", ("Slow Outlet", slow_server)))
        with fc.Archive(case.archive_path) as archive:
            (result,) = collect(case.feeds, archive, timeout=(0.5, 0.5))
        assert (result.feed, result.status) == ("Slow Outlet", "failed")
        assert SLOW.search(result.detail)

    def test_empty_feed(self, cli: Any, make_case: Any, tmp_path: Path, httpserver: HTTPServer, feed: Any) -> None:
        httpserver.expect_request("/rss").respond_with_data(feed([]), content_type="application/rss+xml")
        ran = cli("collect", make_case(tmp_path, ("Bare Outlet", httpserver.url_for("/rss"))))
        assert "Bare Outlet: the feed is empty" in ran.out
        assert ran.code == 1

    def test_truncated_feed_keeps_what_came(
        self, cli: Any, make_case: Any, tmp_path: Path, httpserver: HTTPServer, feed: Any
    ) -> None:
        whole = feed([STORY | {"link": "https://o.example/1"}, STORY | {"title": "Another", "link": "https://o.example/2"}])
        httpserver.expect_request("/rss").respond_with_data(whole[: whole.rindex("<pubDate>")], content_type="application/rss+xml")
        ran = cli("collect", make_case(tmp_path, ("Cut Outlet", httpserver.url_for("/rss"))))
        assert "Cut Outlet: the document is cut off" in ran.out
        assert ran.code == 1
        with fc.Archive(tmp_path / "archive.sqlite", readonly=True) as archive:
            assert archive.count_articles() >= 1


class TestWrongUsage:
    def test_unknown_verb(self, cli: Any) -> None:
        assert "No such command" in one_line(cli("forecsat"))

    def test_unknown_option(self, cli: Any) -> None:
        assert "No such option" in one_line(cli("run", "--refrence-date", "2025-07-20"))

    def test_missing_argument(self, cli: Any) -> None:
        assert "CASE_DIR" in one_line(cli("collect"))

    def test_headline_out_of_range(self, cli: Any) -> None:
        assert "--headline" in one_line(cli("run", "--headline", "6"))

    def test_estimate_wants_one_source(self, cli: Any) -> None:
        assert "either a case folder or --rounds" in one_line(cli("estimate"))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "is not a CSV table"),
            ("a,b\n1,2\n", "round_id"),
            ("round_id,level\nx,kings\n", "level holds ['kings']"),
            ("round_id\nx\nx\n", "given twice"),
            ("round_id,window_start\nx,soon\n", "a date YYYY-MM-DD is wanted"),
        ],
    )
    def test_bad_rounds(self, cli: Any, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "r.csv").write_text(text, encoding="utf-8")
        assert said in one_line(cli("estimate", "--rounds", tmp_path / "r.csv"))

    def test_rounds_file_absent(self, cli: Any, tmp_path: Path) -> None:
        assert "cannot be read" in one_line(cli("estimate", "--rounds", tmp_path / "r.csv"))

    def test_out_cannot_be_written(self, cli: Any, tmp_path: Path) -> None:
        (tmp_path / "r.csv").write_text("round_id\nx\n", encoding="utf-8")
        said = one_line(cli("estimate", "--rounds", tmp_path / "r.csv", "--out", tmp_path / "no" / "f.csv"))
        assert "cannot be written" in said

    def test_extract_file_absent(self, cli: Any, tmp_path: Path) -> None:
        assert "cannot be read" in one_line(cli("extract", tmp_path / "no.jsonl", "--out", tmp_path / "o"))


# -- what the verbs print -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_case: Any, feed: Any) -> Path:
    """A case folder with one article in its archive."""
    from forecast.outlook import collect_case

    path: Path = tmp_path_factory.mktemp("cli") / "case"
    file = path.parent / "rss.xml"
    file.write_text(feed([STORY]), encoding="utf-8")
    make_case(path, ("File Outlet", file.as_uri()))
    collect_case(fc.Case.open(path), now=WHEN + timedelta(hours=2))
    return path


class TestVerbs:
    DATE = ("--reference-date", "2025-07-20")

    @pytest.mark.parametrize("verb", ["code", "rounds", "estimate"])
    def test_formats_agree(self, cli: Any, folder: Path, verb: str) -> None:
        as_csv = cli(verb, folder, *self.DATE, "--format", "csv")
        as_json = cli(verb, folder, *self.DATE, "--format", "json")
        table = cli(verb, folder, *self.DATE)
        assert (as_csv.code, as_json.code, table.code) == (0, 0, 0)
        rows = list(csv.DictReader(io.StringIO(as_csv.out)))
        objects = json.loads(as_json.out)
        assert len(rows) == len(objects) >= 1
        assert list(rows[0]) == list(objects[0])
        assert len(table.out.splitlines()) == len(rows) + 1

    def test_estimate_has_its_base_rate(self, cli: Any, folder: Path) -> None:
        (row,) = json.loads(cli("estimate", folder, *self.DATE, "--format", "json").out)
        assert 0 < row["base_rate"] < 1
        assert row["p_held"] >= row["p_ge3"] >= row["p_ge4"] >= row["p_ge5"]

    def test_before_the_news(self, cli: Any, folder: Path) -> None:
        assert "(no rows)" in cli("rounds", folder, "--reference-date", "2025-07-01").out

    def test_export(self, cli: Any, folder: Path, tmp_path: Path) -> None:
        assert cli("export", folder, *self.DATE, "--to", tmp_path / "out").code == 0
        assert (tmp_path / "out" / "report.html").exists()
        assert (tmp_path / "out" / "charts" / "outlook.svg").exists()

    def test_run_prints_every_probability_beside_its_base_rate(self, cli: Any, folder: Path) -> None:
        ran = cli("run", folder, "--offline", *self.DATE)
        assert ran.code == 0
        lines = [x for x in ran.out.splitlines() if x.strip().startswith("P(")]
        assert len(lines) == 4
        assert all("base rate" in x for x in lines)
        assert "Istanbul, 3rd round, 21-27 Jul 2025" in ran.out

    def test_reading_changes_nothing(self, cli: Any, folder: Path) -> None:
        with fc.Archive(folder / "archive.sqlite", readonly=True) as archive:
            before = archive.forecasts()
        cli("estimate", folder, *self.DATE)
        with fc.Archive(folder / "archive.sqlite", readonly=True) as archive:
            assert archive.forecasts() == before

    def test_cases(self, cli: Any) -> None:
        out = cli("cases").out
        assert all(name in out for name in fc.bundled_cases())

    def test_version(self, cli: Any) -> None:
        assert cli("version").out.strip() == fc.__version__

    def test_rounds_check(self, cli: Any) -> None:
        ran = cli("rounds-check")
        assert ran.code == 0, ran.out
        assert "0 faults" in ran.out

    def test_help_names_every_verb(self, cli: Any) -> None:
        ran = cli("--help")
        assert ran.code == 0
        for verb in ("run", "init", "collect", "code", "rounds", "estimate", "chart", "export", "extract", "backtest", "fit"):
            assert re.search(rf"^\s+{verb}\b", ran.out, re.M), verb


def test_control_characters_do_not_reach_the_terminal(cli: Any, tmp_path: Path, make_case: Any) -> None:
    folder = make_case(tmp_path / "c")
    text = "Ukraine proposed a third round of talks with Russia in Istanbul next week.\x1b[31m Russia rejected a ceasefire\x07."
    row = {"id": "1", "text": text, "title": "\x1b]0;owned\x07", "published": "2025-07-19", "source": "\x1b[2JOutlet"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert cli("collect", folder, "--from", tmp_path / "a.jsonl").code == 0
    for verb in ("code", "rounds", "run"):
        offline = ["--offline"] if verb == "run" else []
        out = cli(verb, folder, "--reference-date", "2025-07-20", *offline).out
        assert "\x1b" not in out
        assert "\x07" not in out


# -- a real process -----------------------------------------------------------------------------


class _Slow(BaseHTTPRequestHandler):
    """Sends a header and then nothing more."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.end_headers()
        self.wfile.write(b"<?xml version='1.0'?><rss><channel>")
        self.wfile.flush()
        self.server.stop.wait(30)  # type: ignore[attr-defined]

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def slow_server() -> Iterator[str]:
    """The address of a feed that never ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.stop = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/rss"
    server.stop.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


def test_ctrl_c(make_case: Any, feed: Any, tmp_path: Path, slow_server: str) -> None:
    """What had arrived is kept, one line says so, and the exit is 130."""
    file = tmp_path / "rss.xml"
    file.write_text(feed([STORY]), encoding="utf-8")
    folder = make_case(tmp_path / "c", ("Quick Outlet", file.as_uri()), ("Slow Outlet", slow_server))
    process = subprocess.Popen(
        [sys.executable, "-m", "forecast", "collect", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for _ in range(200):
            time.sleep(0.1)
            if _count(folder / "archive.sqlite"):
                break
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        _, err = process.communicate(timeout=30)
        waited = time.monotonic() - start
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert err.strip().splitlines() == ["Stopped. What had arrived is kept; run again to go on."]
    assert waited < 5
    assert _count(folder / "archive.sqlite") == 1


def _count(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with fc.Archive(path, readonly=True) as archive:
            return archive.count_articles()
    except fc.ForecastError:  # not made yet
        return 0


def test_as_a_module(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "forecast", "rounds", str(tmp_path)], capture_output=True, text=True, check=False, env=os.environ
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "not a case folder" in ran.stderr


def test_closed_pipe_is_no_error() -> None:
    ran = subprocess.run(
        f"{sys.executable} -m forecast rounds-check | head -1", shell=True, capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
