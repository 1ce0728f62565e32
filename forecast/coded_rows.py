"""Files of codings, one row an article: lines of JSON, or Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from forecast.errors import EngineError

KINDS = (".jsonl", ".parquet")
GROUP = 2000  # rows of Parquet written at a time


class Writer(Protocol):
    """Takes rows of `to_record` with an id and a day."""

    def write(self, row: dict[str, Any]) -> None:
        """Add a row."""

    def finish(self) -> None:
        """Close a file that is whole."""

    def leave(self) -> None:
        """Close a file that is not."""


class _JsonLines:
    """Rows as lines; goes on after the last whole line of a file left behind."""

    def __init__(self, file: Path) -> None:
        end = _whole_lines(file)[1]
        self._file = file.open("ab")
        self._file.truncate(end)

    def write(self, row: dict[str, Any]) -> None:
        self._file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")

    def finish(self) -> None:
        self._file.close()

    def leave(self) -> None:
        self._file.close()


def _whole_lines(file: Path) -> tuple[int, int]:
    """Number of lines that end, and where the last of them does."""
    lines = end = 0
    if file.exists():
        with file.open("rb") as f:
            for line in f:
                if line.endswith(b"\n"):
                    lines, end = lines + 1, end + len(line)
    return lines, end


class _Parquet:
    """Rows in groups; a file left behind is of no use."""

    def __init__(self, file: Path) -> None:
        self._pa, pq = _arrow()
        self._path, self._schema = file, schema()
        self._rows: list[dict[str, Any]] = []
        self._file = pq.ParquetWriter(file, self._schema)

    def write(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= GROUP:
            self._flush()

    def _flush(self) -> None:
        self._file.write_table(self._pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def finish(self) -> None:
        self._flush()
        self._file.close()

    def leave(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def writer_for(file: Path) -> Writer:
    """What writes such a file, by its ending; lines are added to those that are there."""
    return _Parquet(file) if file.suffix == ".parquet" else _JsonLines(file)


def rows_there(file: Path) -> int:
    """Rows of a file left behind that `writer_for` goes on after."""
    return _whole_lines(file)[0] if file.suffix != ".parquet" else 0


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise EngineError("Parquet needs pyarrow, which is not installed", 'Run `pip install "negotiation-outlook[parquet]"`') from None
    return pa, pq


def schema() -> Any:
    """The Arrow schema of coded files; days are texts (YYYY-MM-DD), as in JSONL."""
    pa, _ = _arrow()
    text, whole, number = pa.string(), pa.int64(), pa.float64()
    span = [("quote", text), ("start", whole), ("end", whole)]
    statement = [("sentence", whole), *((n, text) for n in ("actor", "issue", "stance", "gate", "conditional_on")), *span, ("confidence", number), ("reporter", text)]
    mention = [
        ("conflict_id", text), ("parties", pa.list_(text)), ("mediators", pa.list_(text)), ("venue", text), ("window_start", text),
        ("window_end", text), ("granularity", text), ("ordinal", whole), ("level", text), ("status", text), *span, ("proposer", text),
    ]  # fmt: skip
    tone = [("sentence", whole), ("speaker", text), ("tone", number), ("start", whole), ("end", whole)]
    return pa.schema(
        [("id", text), ("published", text), ("relevant", pa.bool_()), ("conflict_id", text), ("tone", number),
         *((n, pa.list_(pa.struct(fields))) for n, fields in (("statements", statement), ("mentions", mention), ("tones", tone))),
         ("cues", pa.list_(text)), ("fault", text)]
    )  # fmt: skip
