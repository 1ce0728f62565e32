"""The main job, end to end, over a real HTTP server on this machine."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pytest_httpserver import HTTPServer

import forecast as fc
from forecast import outlook as verbs
from forecast.records import Feed

NOW = datetime(2025, 7, 20, 9, 0, tzinfo=UTC)
DAY = date(2025, 7, 20)
ORIGINAL = Path(__file__).resolve().parents[2] / "shared" / "seed-article.txt"

# The facts of 19 July 2025 in our own words.
TITLE = "Kyiv offers Moscow another meeting in Istanbul next week"
ARTICLE = """\
Kyiv has proposed a new round of talks with Russia in Istanbul next week, which would be the third formal meeting \
between the two sides since May.

Ukrainian President Volodymyr Zelensky announced the offer on Saturday on the social network X: "The secretary of \
our security council has proposed another meeting with the Russian side next week. Moscow must stop dodging \
decisions. A ceasefire. An exchange of prisoners. The return of children. And a meeting at the level of leaders is \
needed for a lasting peace. Ukraine is ready."

The last round of talks between Kyiv and Moscow took place on June 2, when the two delegations exchanged memorandums \
setting out their terms for a ceasefire.

The proposal was made by Rustem Umerov, who was appointed head of Ukraine's security council on Friday. He led the \
Ukrainian delegations in the earlier rounds of negotiations on May 16 and June 2.

Russian state media acknowledged the invitation, but no official date has been announced for the talks. Ukraine \
insists on an unconditional ceasefire while Moscow keeps to a long list of demands, and analysts remain skeptical \
that the coming talks will bring any breakthrough.
"""
PUBLISHED = datetime(2025, 7, 19, 18, 0, tzinfo=UTC)


def item(title: str, text: str, when: datetime, link: str) -> dict[str, Any]:
    return {"title": title, "text": text, "published": when, "link": f"https://outlet.example/{link}"}


SEED = item(TITLE, ARTICLE, PUBLISHED, "seed")
LATER = item(
    "Kremlin agrees to third round of talks with Ukraine",
    "Russia agreed on Monday to hold a third round of talks with Ukraine in Istanbul on July 23, Kremlin spokesman "
    "Dmitry Peskov said. He said no breakthrough should be expected, as the positions of the two sides are far apart. "
    "Russia rejected an unconditional ceasefire.",
    datetime(2025, 7, 21, 12, 0, tzinfo=UTC), "later",
)  # fmt: skip


def serve(server: HTTPServer, body: str, path: str = "/rss") -> str:
    server.expect_request(path).respond_with_data(body, content_type="application/rss+xml")
    return server.url_for(path)


def run_on(article: str, server: HTTPServer, folder: Path, make_case: Any, feed: Any) -> fc.Outlook:
    url = serve(server, feed([item(article.splitlines()[0] if article is not ARTICLE else TITLE, article, PUBLISHED, "seed")]))
    return fc.run(make_case(folder, ("Test Outlet", url)), now=NOW, reference_date=DAY)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory, make_case: Any, feed: Any) -> Any:
    """The outlook of our rendition of the article, run once; its tests only read it."""
    with HTTPServer(host="127.0.0.1", port=0) as server:
        yield run_on(ARTICLE, server, tmp_path_factory.mktemp("seed") / "case", make_case, feed)


ABSENT = "the original article is not shipped; our rendition stands for it"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, make_case: Any, feed: Any) -> Any:
    """The outlook of the article itself, where it is at hand."""
    if not ORIGINAL.exists():
        pytest.skip(ABSENT)
    with HTTPServer(host="127.0.0.1", port=0) as server:
        yield run_on(ORIGINAL.read_text(encoding="utf-8"), server, tmp_path_factory.mktemp("original") / "case", make_case, feed)


def the_round(o: fc.Outlook) -> Any:
    assert len(o.forecasts) == 1, o.rounds[["round_id", "window_start", "ordinal", "status"]].to_string()
    return o.rounds.set_index("round_id").loc[o.forecasts.index[0]]


def check_round(o: fc.Outlook) -> None:
    r = the_round(o)
    assert (r.venue, r.ordinal, r.status) == ("Istanbul", 3, "proposed")
    assert (str(r.window_start)[:10], str(r.window_end)[:10]) == ("2025-07-21", "2025-07-27")
    assert r.proposer == "Ukraine"
    assert r.proposed_by == "one_side"


def check_past(o: fc.Outlook) -> None:
    held = o.rounds[o.rounds.status == "held"]
    assert {str(d)[:10] for d in held.date_start} == {"2025-05-16", "2025-06-02"}


DEMANDS = {
    "ceasefire": "ceasefire", "prisoner_exchange": "prisoner", "return_of_children": "children", "leaders_summit": "leader",
}  # fmt: skip


def check_demand(o: fc.Outlook, issue: str) -> None:
    s = o.statements[(o.statements.actor == "Ukraine") & (o.statements.stance == "demands")]
    mine = s[s.issue == issue]
    assert len(mine), f"no demand on {issue}"
    assert any(DEMANDS[issue] in q.lower() for q in mine.quote), (issue, list(mine.quote))


def check_quotes(o: fc.Outlook) -> None:
    with fc.Archive(o.case.archive_path, readonly=True) as archive:
        text = {a.article_id: a.text for a in archive.articles_as_of(o.reference_date)}
    for r in o.statements.itertuples():
        assert text[r.article_id][r.start : r.end] == r.quote


def check_probability(o: fc.Outlook) -> None:
    f = o.forecasts.iloc[0]
    assert f.p_ge5 <= f.base_rate
    assert f.lo <= f.p_ge5 <= f.hi
    assert len(o.contributions[o.contributions.moves.abs() > 0])




class TestSeedArticle:
    def test_round(self, seeded: fc.Outlook) -> None:
        check_round(seeded)

    def test_past_rounds(self, seeded: fc.Outlook) -> None:
        check_past(seeded)

    @pytest.mark.parametrize("issue", DEMANDS)
    def test_demands(self, seeded: fc.Outlook, issue: str) -> None:
        check_demand(seeded, issue)

    def test_quotes(self, seeded: fc.Outlook) -> None:
        check_quotes(seeded)

    def test_probability(self, seeded: fc.Outlook) -> None:
        check_probability(seeded)

    def test_tone(self, seeded: fc.Outlook) -> None:
        assert seeded.tone.tone.mean() < 0

    def test_original(self, original: fc.Outlook) -> None:
        check_round(original)
        check_past(original)
        check_probability(original)
        check_quotes(original)

    @pytest.mark.parametrize("issue", list(DEMANDS))
    def test_original_demands(self, original: fc.Outlook, issue: str) -> None:
        check_demand(original, issue)

    @pytest.mark.skipif(not ORIGINAL.exists(), reason=ABSENT)
    def test_original_tone(self, original: fc.Outlook) -> None:
        assert original.tone.tone.mean() < 0


class TestWritten:
    """What lies in `outlook/<reference date>/` afterwards."""

    def test_tables(self, seeded: fc.Outlook) -> None:
        assert seeded.folder is not None
        assert seeded.folder.name == "2025-07-20"
        for name in ("outlook", "rounds", "statements", "positions", "contributions", "events", "tone"):
            assert pd.read_csv(seeded.folder / f"{name}.csv").shape[0] > 0, name

    def test_probability_beside_its_base_rate(self, seeded: fc.Outlook) -> None:
        assert seeded.folder is not None
        row = next(csv.DictReader((seeded.folder / "outlook.csv").read_text(encoding="utf-8").splitlines()))
        assert 0 < float(row["p_ge5"]) < 1
        assert 0 < float(row["base_rate"]) < 1
        assert row["model_id"].startswith("ladder-")

    def test_charts(self, seeded: fc.Outlook) -> None:
        assert seeded.folder is not None
        charts = seeded.folder / "charts"
        for name in ("outlook", "tone", "statements", "positions"):
            assert (charts / f"{name}.png").read_bytes().startswith(b"\x89PNG")
            assert "<svg" in (charts / f"{name}.svg").read_text(encoding="utf-8")
            note = json.loads((charts / f"{name}.json").read_text(encoding="utf-8"))
            assert note["alt"]
            assert "2025-07-20" in note["caption"]
            assert "source" in note["caption"]
            assert (charts / f"{name}.csv").exists()

    def test_log(self, seeded: fc.Outlook) -> None:
        with fc.Archive(seeded.case.archive_path, readonly=True) as archive:
            logged = archive.forecasts()
        assert [r["round_id"] for r in logged] == list(seeded.forecasts.index)
        assert logged[0]["p_ge5"] == pytest.approx(float(seeded.forecasts.p_ge5.iloc[0]), abs=1e-9)

    def test_notebook_cell(self, seeded: fc.Outlook) -> None:
        html = seeded._repr_html_()
        assert "Istanbul" in html
        assert "base rate" in html.lower()


@pytest.fixture
def copied(seeded: fc.Outlook, tmp_path: Path) -> fc.Case:
    """A copy of the seeded case folder, to go on from."""
    shutil.copytree(seeded.case.folder, tmp_path / "case")
    return fc.Case.open(tmp_path / "case")


def point_to(case: fc.Case, url: str, make_case: Callable[..., Path]) -> Path:
    return make_case(case.folder, ("Test Outlet", url))


def tables(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*.csv"))}


class TestAgain:
    def test_nothing_new_changes_nothing(
        self, copied: fc.Case, seeded: fc.Outlook, httpserver: HTTPServer, make_case: Any, feed: Any
    ) -> None:
        folder = point_to(copied, serve(httpserver, feed([SEED])), make_case)
        assert seeded.folder is not None
        before = tables(seeded.folder)
        again = fc.run(folder, now=NOW, reference_date=DAY)
        assert again.issued == 0
        assert again.changes == []
        assert [f.new for f in again.feeds] == [0]
        assert again.folder is not None
        assert tables(again.folder) == before

    def test_earlier_date_reproduces_the_logged_forecast(
        self, copied: fc.Case, seeded: fc.Outlook, httpserver: HTTPServer, make_case: Any, feed: Any
    ) -> None:
        folder = point_to(copied, serve(httpserver, feed([LATER, SEED])), make_case)
        verbs.collect_case(fc.Case.open(folder), now=NOW + timedelta(days=2))
        again = fc.run(folder, offline=True, reference_date=DAY, now=NOW + timedelta(days=2))
        pd.testing.assert_frame_equal(again.forecasts, seeded.forecasts)
        assert again.issued == 0


@pytest.fixture(scope="module")
def later(seeded: fc.Outlook, tmp_path_factory: pytest.TempPathFactory, make_case: Any, feed: Any) -> Any:
    """The outlook two days on, when one more item has come."""
    folder = tmp_path_factory.mktemp("later") / "case"
    shutil.copytree(seeded.case.folder, folder)
    with HTTPServer(host="127.0.0.1", port=0) as server:
        make_case(folder, ("Test Outlet", serve(server, feed([LATER, SEED]))))
        yield fc.run(folder, now=NOW + timedelta(days=2), reference_date=date(2025, 7, 22))


class TestNewItems:
    def test_only_what_is_new(self, later: fc.Outlook, seeded: fc.Outlook) -> None:
        assert [(f.new, f.changed) for f in later.feeds] == [(1, 0)]
        assert later.issued == 1
        assert later.n_articles == seeded.n_articles + 1
        assert list(later.forecasts.index) == list(seeded.forecasts.index)
        with fc.Archive(later.case.archive_path, readonly=True) as archive:
            assert len(archive.forecasts()) == 2

    def test_says_what_changed(self, later: fc.Outlook) -> None:
        said = "\n".join(later.changes)
        assert "window 2025-07-21..2025-07-27 -> 2025-07-23..2025-07-23" in said
        assert "+1 reports" in said
        assert later.folder is not None
        page = (later.folder / "report.html").read_text(encoding="utf-8")
        assert "2025-07-23..2025-07-23" in page

    def test_status(self, later: fc.Outlook) -> None:
        assert the_round(later).status == "confirmed"
        assert "proposed -> confirmed" in "\n".join(later.changes)


class TestOneDeadFeed:
    def test_others_go_on(self, httpserver: HTTPServer, tmp_path: Path, make_case: Any, feed: Any, cli: Any) -> None:
        httpserver.expect_request("/gone").respond_with_data("", status=404)
        folder = make_case(
            tmp_path / "case", ("Dead Outlet", httpserver.url_for("/gone")), ("Live Outlet", serve(httpserver, feed([SEED]))),
        )  # fmt: skip
        ran = cli("run", folder, "--reference-date", "2025-07-20")
        assert ran.code == 1
        assert "Dead Outlet" in ran.out
        assert "404" in ran.out
        assert "1 of 2 feeds read" in ran.out
        assert "Istanbul" in ran.out
        report = folder / "outlook" / "2025-07-20" / "report.html"
        assert "Dead Outlet" in report.read_text(encoding="utf-8")


class TestDemo:
    """`forecast run` without arguments, on the bundled sample feeds."""

    def test_all_feeds_are_read(self, demo: fc.Outlook) -> None:
        assert not demo.failed
        assert len(demo.feeds) >= 6

    def test_rounds_held(self, demo: fc.Outlook) -> None:
        held = demo.rounds[(demo.rounds.status == "held") & (demo.rounds.venue == "Istanbul")]
        assert {"2025-05-16", "2025-06-02"} <= {str(d)[:10] for d in held.date_start}

    def test_third_istanbul_round(self, demo: fc.Outlook) -> None:
        r = the_round(demo)
        assert (r.venue, r.ordinal, r.status, r.proposer) == ("Istanbul", 3, "proposed", "Ukraine")
        assert (str(r.window_start)[:10], str(r.window_end)[:10]) == ("2025-07-21", "2025-07-27")

    def test_second_run_changes_nothing(self, demo: fc.Outlook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copytree(demo.case.folder, tmp_path / "outlook-demo")
        monkeypatch.chdir(tmp_path)
        before = tables(tmp_path / "outlook-demo" / "outlook" / "2025-07-20")
        again = fc.run()
        assert (again.issued, again.changes) == (0, [])
        assert sum(f.new + f.changed for f in again.feeds) == 0
        assert tables(tmp_path / "outlook-demo" / "outlook" / "2025-07-20") == before

    def test_offsets(self, demo: fc.Outlook) -> None:
        with fc.Archive(demo.case.archive_path, readonly=True) as archive:
            text = {a.article_id: a.text for a in archive.articles_as_of(DAY)}
        for r in demo.statements.itertuples():
            assert text[r.article_id][r.start : r.end] == r.quote

    def test_look_ahead(self, demo: fc.Outlook) -> None:
        assert max(demo.statements.date) <= DAY
        assert max(demo.tone.date) <= DAY


class TestNoLookAhead:
    """What comes after the reference date changes nothing."""

    def test_future_articles(self, copied: fc.Case, seeded: fc.Outlook) -> None:
        case = copied
        with fc.Archive(case.archive_path) as archive:
            archived = archive.articles_as_of(DAY)
        future = [
            fc.code_articles([a], case)[0]
            for n in range(3)
            for a in [_moved(archived[0], n)]
        ]  # fmt: skip
        now = fc.code_articles(archived, case)
        alone = fc.make_outlook(case, now, DAY, 5)
        both = fc.make_outlook(case, [*future, *now], DAY, 5)
        for name in ("rounds", "forecasts", "contributions", "statements", "positions", "tone", "events"):
            pd.testing.assert_frame_equal(getattr(alone, name), getattr(both, name))
        pd.testing.assert_frame_equal(alone.forecasts, seeded.forecasts)


def _moved(article: Any, n: int) -> Any:
    from dataclasses import replace

    later = article.effective + timedelta(days=2 + 9 * n)
    return replace(article, article_id=f"future-{n}", published=later, retrieved=later, effective=later)


class TestImport:
    def test_from_jsonl(self, tmp_path: Path, make_case: Any, cli: Any, seeded: fc.Outlook) -> None:
        folder = make_case(tmp_path / "case")
        file = tmp_path / "articles.jsonl"
        row = {"id": "a1", "title": TITLE, "text": ARTICLE, "published": "2025-07-19T18:00:00Z", "source": "Paper"}
        file.write_text(json.dumps(row) + "\n", encoding="utf-8")
        assert cli("collect", folder, "--from", file).out.startswith("1 new")
        assert cli("collect", folder, "--from", file).out.startswith("0 new")
        o = fc.run(folder, offline=True, reference_date=DAY)
        check_round(o)
        assert o.forecasts.p_ge5.iloc[0] == pytest.approx(seeded.forecasts.p_ge5.iloc[0], abs=1e-9)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("{", "record 1: not valid JSON"),
            ("[1]", "record 1: not a JSON object"),
            ('{"id": "a", "text": "b"}', "record 1: no readable date"),
            ('{"id": "a", "text": "b", "published": "soon"}', "record 1: no readable date"),
        ],
    )
    def test_bad_lines(self, tmp_path: Path, make_case: Any, cli: Any, line: str, said: str) -> None:
        folder = make_case(tmp_path / "case")
        (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
        ran = cli("collect", folder, "--from", tmp_path / "a.jsonl")
        assert ran.code == 1
        assert said in ran.out


class TestExtract:
    ROWS = (
        {"id": "a1", "published": "2025-07-19", "title": TITLE, "text": ARTICLE, "url": "https://outlet.example/1", "source": "Paper"},
        {"id": "a2", "published": "2023-05-05", "text": "Sudan's army and the Rapid Support Forces will meet in Jeddah on Saturday for talks. The army rejected a ceasefire."},
        {"id": "a3", "published": "2025-07-19", "text": "The bakery on the square sells bread and cake."},
    )  # fmt: skip

    @pytest.fixture
    def out(self, tmp_path: Path, cli: Any) -> Path:
        file = tmp_path / "articles.jsonl"
        file.write_text("\n".join(json.dumps(r) for r in self.ROWS), encoding="utf-8")
        assert cli("extract", file, "--out", tmp_path / "out").code == 0
        return tmp_path / "out"

    def test_columns(self, out: Path) -> None:
        head = {p.name: p.read_text(encoding="utf-8").splitlines()[0] for p in out.glob("*.csv")}
        assert head == {
            "statements.csv": "article_id,sentence,actor,issue,stance,gate,conditional_on,quote,start,end,confidence",
            "mentions.csv": "article_id,conflict_id,parties,mediators,venue,window_start,window_end,granularity,ordinal,level,status,quote",
            "articles.csv": "article_id,relevant,tone,conflict_id",
        }

    def test_values(self, out: Path) -> None:
        articles = pd.read_csv(out / "articles.csv").set_index("article_id")
        assert articles.relevant.to_dict() == {"a1": True, "a2": True, "a3": False}
        assert articles.conflict_id["a1"] == "russia-ukraine"
        m = pd.read_csv(out / "mentions.csv").set_index("article_id")
        assert "Ukraine;Russia" in set(m.loc[["a1"]].parties)
        s = pd.read_csv(out / "statements.csv")
        texts = {r["id"]: r["text"] for r in self.ROWS}
        assert len(s)
        for r in s.itertuples():
            assert texts[r.article_id][r.start : r.end] == r.quote
            assert 0 <= r.confidence <= 1

    def test_twice_the_same(self, out: Path, tmp_path: Path, cli: Any) -> None:
        assert cli("extract", tmp_path / "articles.jsonl", "--out", tmp_path / "again").code == 0
        for p in out.glob("*.csv"):
            assert p.read_bytes() == (tmp_path / "again" / p.name).read_bytes()


def test_sample_feeds_are_files_here() -> None:
    feeds = fc.sample_feeds()
    assert all(isinstance(f, Feed) and f.url.startswith("file:") for f in feeds)


def test_headline_is_the_analysts_choice(copied: fc.Case) -> None:
    o = fc.run(copied.folder, offline=True, reference_date=DAY, headline=3)
    f = o.forecasts.iloc[0]
    assert f.lo <= f.p_ge3 <= f.hi
    assert o.headline == 3
