"""A coding as plain values and as bytes: JSON in both, so that what one version wrote any other can look at."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, astuple, fields
from datetime import date
from typing import Any

from forecast.records import Coding, Mention, SentenceTone, Statement

_DAYS = tuple(n for n, f in enumerate(fields(Mention)) if f.name in ("window_start", "window_end"))
_SETS = tuple(n for n, f in enumerate(fields(Mention)) if f.name in ("parties", "mediators"))


def to_record(coding: Coding) -> dict[str, Any]:
    """A coding as nested dictionaries and lists; days as YYYY-MM-DD.

    >>> to_record(Coding(False, "cyprus", None, fault="ValueError: odd"))["fault"]
    'ValueError: odd'
    """
    out = {"relevant": bool(coding.relevant), "conflict_id": coding.conflict_id, "tone": _plain(coding.tone)}
    out["statements"] = [{k: _plain(v) for k, v in asdict(s).items()} for s in coding.statements]
    out["mentions"] = [{k: _plain(v) for k, v in asdict(m).items()} for m in coding.mentions]
    out["tones"] = [{k: _plain(v) for k, v in asdict(t).items()} for t in coding.tones]
    return out | {"cues": list(coding.cues), "fault": coding.fault}


def from_record(record: dict[str, Any]) -> Coding:
    """The coding that `to_record` made a dictionary of."""
    mentions = [
        m
        | {k: tuple(m[k]) for k in ("parties", "mediators")}
        | {k: m[k] and date.fromisoformat(m[k]) for k in ("window_start", "window_end")}
        for m in record["mentions"]
    ]
    return Coding(
        record["relevant"], record["conflict_id"], record["tone"], tuple(Statement(**s) for s in record["statements"]),
        tuple(Mention(**m) for m in mentions), tuple(SentenceTone(**t) for t in record["tones"]), tuple(record["cues"]),
        record["fault"],
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """A value JSON knows; numbers of numpy become Python's own."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return float(value)


def to_bytes(coding: Coding) -> bytes:
    """A coding in few bytes: rows without names, in the order of the records' fields, compressed."""
    rows = [
        bool(coding.relevant), coding.conflict_id, _plain(coding.tone),
        *([[_plain(v) for v in astuple(x)] for x in found] for found in (coding.statements, coding.mentions, coding.tones)),
        list(coding.cues),
    ]  # fmt: skip
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def from_bytes(body: bytes) -> Coding:
    """The coding that `to_bytes` packed.

    >>> from_bytes(to_bytes(Coding(True, "cyprus", 0.25, cues=("deadline",))))
    Coding(relevant=True, conflict_id='cyprus', tone=0.25, statements=(), mentions=(), tones=(), cues=('deadline',), fault='')
    """
    relevant, conflict, tone, statements, mentions, tones, cues = json.loads(zlib.decompress(body))
    for m in mentions:
        for n in _DAYS:
            m[n] = m[n] and date.fromisoformat(m[n])
        for n in _SETS:
            m[n] = tuple(m[n])
    return Coding(
        relevant, conflict, tone, tuple(Statement(*s) for s in statements), tuple(Mention(*m) for m in mentions),
        tuple(SentenceTone(*t) for t in tones), tuple(cues),
    )  # fmt: skip
