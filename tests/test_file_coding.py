"""Coding files: a row an article in the same order, the same by every engine, and nothing lost or doubled by a kill."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import forecast as fc
from forecast.coding_format import from_record, to_record
from forecast.errors import EngineError, ForecastError, ParseError
from forecast.file_coding import code_files, code_partition, partitions
from forecast.sample_texts import made_articles

CASE = fc.Case.bundled("russia-ukraine")


def rows(n: int, *, seed: int = 1, share: float = 0.5) -> list[dict[str, Any]]:
    return [
        {"id": a.article_id, "published": a.effective.date().isoformat(), "title": a.title, "text": a.text}
        for a in made_articles(n, 400, share, seed=seed)
    ]


def write(file: Path, found: list[dict[str, Any]]) -> Path:
    """A file of articles, of the kind its ending says."""
    file.parent.mkdir(exist_ok=True)
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(found), file, row_group_size=50)
    else:
        body = "".join(json.dumps(r) + "\n" for r in found).encode()
        file.write_bytes(gzip.compress(body) if file.suffix == ".gz" else body)
    return file


def read(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".parquet":
        return list(pq.read_table(file).to_pylist())
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


# -- what comes out -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "parquet"])
@pytest.mark.parametrize("to", ["jsonl", "parquet"])
def test_a_row_an_article_as_coding_each_gives(tmp_path: Path, coder: Any, kind: str, to: str) -> None:
    given = rows(30)
    tally = code_files(write(tmp_path / f"a.{kind}", given), tmp_path / f"coded.{to}", case=CASE)
    coded = read(tmp_path / f"coded.{to}")
    assert [(r["id"], r["published"]) for r in coded] == [(r["id"], r["published"]) for r in given]
    for r, g in zip(coded, given, strict=True):
        coding = coder.code(g["text"], date.fromisoformat(g["published"]), g["title"])
        assert {k: v for k, v in r.items() if k not in ("id", "published")} == to_record(coding)
        assert from_record(r) == coding
        assert all(g["text"][s["start"] : s["end"]] == s["quote"] for s in r["statements"])
    assert (tally.articles, tally.relevant, tally.partitions) == (30, sum(r["relevant"] for r in coded), 1)
    assert tally.statements == sum(len(r["statements"]) for r in coded) > 0


def test_what_is_no_article_keeps_its_place(tmp_path: Path) -> None:
    given = rows(3)
    lines = ["{broken", json.dumps(given[0]), json.dumps({"id": "x", "published": "someday", "text": "Talks."}), json.dumps(given[1]),
             json.dumps({"id": "y", "published": "2025-07-19"}), json.dumps(given[2]), "[]"]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    tally = code_files(tmp_path / "a.jsonl", tmp_path / "coded.jsonl", engine="processes", workers=1)
    coded = read(tmp_path / "coded.jsonl")
    assert [r["id"] for r in coded] == ["record 1", given[0]["id"], "x", given[1]["id"], "y", given[2]["id"], "record 7"]
    assert [r["fault"] for r in coded] == ["not valid JSON", "", "no readable date: write YYYY-MM-DD", "", "no text", "", "not a JSON object"]
    assert tally.set_aside == 4
    assert tally.faults[0] == "record 1: not valid JSON"


def test_a_folder_of_partitions(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write(source / "b.jsonl", rows(5, seed=2))
    write(source / "a.parquet", rows(5, seed=1))
    write(source / "c.jsonl", [])
    write(source / "d.jsonl.gz", rows(2, seed=3))
    (source / "README.txt").write_text("not news")
    tally = code_files(source, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")) == ["a.parquet", "b.jsonl", "c.jsonl", "d.jsonl"]
    assert (tally.articles, tally.partitions) == (12, 4)
    assert read(tmp_path / "out" / "c.jsonl") == []


# -- where it is done ---------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["processes", "dask"])
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_every_engine_writes_the_same(tmp_path: Path, engine: str, kind: str) -> None:
    if engine == "dask":
        pytest.importorskip("distributed")
    for n in range(3):
        write(tmp_path / "in" / f"{n}.{kind}", rows(80, seed=n))
    code_files(tmp_path / "in", tmp_path / "inline", case=CASE)
    code_files(tmp_path / "in", tmp_path / engine, case=CASE, engine=engine, workers=2)
    for n in range(3):
        assert (tmp_path / engine / f"{n}.{kind}").read_bytes() == (tmp_path / "inline" / f"{n}.{kind}").read_bytes()
    assert not list((tmp_path / engine).glob("*part*"))


def test_a_worker_with_another_coder_is_refused(tmp_path: Path) -> None:
    (p,) = partitions(write(tmp_path / "a.parquet", rows(1)), tmp_path / "b.parquet")
    with pytest.raises(EngineError, match=r"a worker codes with version .*Install the same"):
        code_partition(p, None, "0-other")
    assert not p.target.exists()


# -- going on -----------------------------------------------------------------------------------


def test_what_is_there_is_refused_or_passed_over(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", rows(4))
    code_files(source, tmp_path / "coded.jsonl")
    before = (tmp_path / "coded.jsonl").stat().st_mtime_ns
    with pytest.raises(ForecastError, match=r"exists already.*--resume"):
        code_files(source, tmp_path / "coded.jsonl")
    tally = code_files(source, tmp_path / "coded.jsonl", resume=True)
    assert (tally.articles, tally.passed_over) == (0, 1)
    assert (tmp_path / "coded.jsonl").stat().st_mtime_ns == before


def test_what_another_coder_or_case_made_is_not_gone_on_with(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", rows(4))
    code_files(source, tmp_path / "coded.jsonl")
    with pytest.raises(ForecastError, match=r"another version or case.*Choose another place"):
        code_files(source, tmp_path / "coded.jsonl", case=CASE, resume=True)


def test_a_source_that_has_changed_is_coded_again(tmp_path: Path) -> None:
    for n in range(2):
        write(tmp_path / "in" / f"{n}.parquet", rows(4, seed=n))
    code_files(tmp_path / "in", tmp_path / "out")
    write(tmp_path / "in" / "1.parquet", rows(7, seed=9))
    write(tmp_path / "in" / "2.parquet", rows(1, seed=3))
    tally = code_files(tmp_path / "in", tmp_path / "out", resume=True)
    assert (tally.passed_over, tally.partitions, tally.articles) == (1, 2, 8)


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_killed_and_resumed_it_is_as_if_nothing_had_been(tmp_path: Path, kind: str) -> None:
    for n in range(3):
        write(tmp_path / "in" / f"{n}.{kind}", rows(400, seed=n, share=1.0))
    command = [sys.executable, "-m", "forecast", "code", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--engine", "processes", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as p:
        end = time.monotonic() + 60
        while not (tmp_path / "out" / f".part-1.{kind}").exists() and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.5)
        os.killpg(p.pid, signal.SIGKILL)
    part = tmp_path / "out" / f".part-1.{kind}"
    assert part.exists(), "it was quicker than the killer"
    if kind == "jsonl":
        with part.open("ab") as f:
            f.write(b'{"id": "cut in the mid')
    tally = code_files(tmp_path / "in", tmp_path / "out", resume=True)
    assert tally.passed_over == 1
    assert tally.articles + tally.resumed == 800
    code_files(tmp_path / "in", tmp_path / "calm")
    for n in range(3):
        assert (tmp_path / "out" / f"{n}.{kind}").read_bytes() == (tmp_path / "calm" / f"{n}.{kind}").read_bytes()
    assert not part.exists()


# -- what is said -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "out", "says"),
    [
        ("none.jsonl", "o.jsonl", "there is no .*none.jsonl"),
        ("a.txt", "o.jsonl", "unknown kind"),
        ("empty", "o", "holds no files of articles"),
        ("in", "o.parquet", "is one file, and .* a folder"),
        ("in", "in", "is where the articles are"),
        ("twins", "o", "two files would be coded into a.jsonl"),
    ],
)
def test_wrong_places_are_named(tmp_path: Path, source: str, out: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    write(tmp_path / "in" / "a.jsonl", rows(1))
    write(tmp_path / "twins" / "a.jsonl", rows(1))
    (tmp_path / "twins" / "a.csv").write_text("id\n1\n")
    with pytest.raises(ParseError, match=says):
        code_files(tmp_path / source, tmp_path / out)


def test_the_verb(tmp_path: Path, cli: Any) -> None:
    source = write(tmp_path / "a.jsonl", [*rows(3), {"id": "z", "text": "Talks."}])
    done = cli("code", source, "--out", tmp_path / "coded.parquet", "--engine", "processes", "--workers", 1)
    assert done.code == 1
    assert done.out.startswith("4 articles coded (")
    assert "z: no readable date" in done.out
    again = cli("code", source, "--out", tmp_path / "coded.parquet", "--resume")
    assert (again.code, again.out.splitlines()[1]) == (0, "1 files were whole already")
    assert cli("code", source).err == "forecast: to code files, say where the codings go with --out. See `forecast code --help`\n"
    assert cli("code", source, "--out", tmp_path / "x.jsonl", "--scheduler", "tcp://h:1").code == 2
    damaged = tmp_path / "bad.parquet"
    damaged.write_bytes(b"PAR1 no more")
    assert "cannot be read as Parquet" in cli("code", damaged, "--out", tmp_path / "y.parquet").err
    assert not list(tmp_path.glob("*part-*"))
