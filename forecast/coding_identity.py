"""What a coding depends on besides its text: the coder with all its data, and the case.

Two codings of the same text, title and day are the same where these two agree, on any machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from functools import cache
from pathlib import Path

from forecast import coding
from forecast.bundled import data_path
from forecast.case import Case
from forecast.records import Coding, Mention, SentenceTone, Statement

# Keys of case.toml that say where to read and what to show, not how to read.
NOT_READ_BY_THE_CODER = frozenset({"name", "headline_level", "allow_private", "feeds"})


@cache
def coder_version() -> str:
    """`CODER_VERSION` and a hash of the coder's data: codebook, weights, world tables, bundled cases, shape of the records.

    A change of any of them may touch any article: there is no telling which, so all must be coded again.
    """
    digest = hashlib.sha256()
    for record in (Coding, Statement, Mention, SentenceTone):
        digest.update(",".join(f.name for f in fields(record)).encode() + b"\n")
    own = Path(coding.__file__).parent
    data = [p for p in own.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc", ".pyi")]
    for file in (*sorted(data), *sorted(data_path("world").glob("*.csv")), *sorted(data_path("cases").glob("*/case.toml"))):
        digest.update(f"{file.parent.name}/{file.name}".encode() + hashlib.sha256(file.read_bytes()).digest())
    return f"{coding.CODER_VERSION}-{digest.hexdigest()[:12]}"


def case_hash(case: Case | None) -> str:
    """Hash of what the coder reads of a case: parties, mediators, people, venues, processes; not its feeds or name.

    >>> case_hash(None)
    'any'
    """
    if case is None:
        return "any"
    text = case.data.model_dump_json(exclude=set(NOT_READ_BY_THE_CODER))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
