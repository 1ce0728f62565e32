"""Which texts say the same: a fingerprint of each, and links from a copy to the text it repeats."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from forecast.records import Article

_NEAR = timedelta(days=4)  # between a text and its copy
_GRAM = 5  # words in a stretch
_SKETCH = 4  # smallest stretch hashes kept of each text, to find what may be a copy
_MIN_GRAMS = 8  # a text with fewer stretches is too short to be compared
_MAX_WORDS = 3000
_WORD = re.compile(r"\w+")


def content_hash(title: str, text: str) -> str:
    """Hash of what a reader sees, blind to white space and case."""
    seen = " ".join(f"{title} {text}".lower().split())
    return hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:16]


def sketches(texts: Sequence[str], numbers: Sequence[int], words: WordHashes) -> list[tuple[int, int]]:
    """Pairs (hash, number): of each text, the smallest hashes of its five-word stretches.

    Two texts that share most of their stretches share most of these. `words` is a cache of word hashes.
    """
    import numpy as np

    tokens, counts = _token_hashes(texts, words)
    if len(tokens) < _GRAM:
        return []
    w = np.array(tokens, dtype=np.uint64)
    owner = np.repeat(np.arange(len(texts)), counts)
    grams = w[: 1 - _GRAM].copy()
    for i in range(1, _GRAM):
        grams = grams * np.uint64(0x9E3779B97F4A7C15) + w[i : len(w) - _GRAM + 1 + i]
    grams = (grams ^ (grams >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD) >> np.uint64(24)
    inside = owner[: 1 - _GRAM] == owner[_GRAM - 1 :]
    grams, owner = grams[inside], owner[: 1 - _GRAM][inside]
    order = np.lexsort((grams, owner))
    grams, owner = grams[order], owner[order]
    once = np.ones(len(grams), dtype=bool)
    once[1:] = (grams[1:] != grams[:-1]) | (owner[1:] != owner[:-1])
    grams, owner = grams[once], owner[once]
    sizes = np.bincount(owner, minlength=len(texts))
    rank = np.arange(len(grams)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = (rank < _SKETCH) & (sizes[owner] >= _MIN_GRAMS)
    return list(zip(grams[kept].tolist(), np.asarray(numbers)[owner[kept]].tolist(), strict=True))


def _token_hashes(texts: Sequence[str], words: WordHashes) -> tuple[list[int], list[int]]:
    """A 64-bit hash of every word of all texts in a row, and how many words each text has."""
    if len(words) > 300_000:
        words.clear()
    tokens: list[int] = []
    counts = []
    for text in texts:
        found = _WORD.findall(text[: _MAX_WORDS * 12].lower())[:_MAX_WORDS]
        counts.append(len(found))
        tokens += map(words.__getitem__, found)
    return tokens, counts


class WordHashes(dict[str, int]):
    """A 64-bit hash of each word asked for, the same on every machine."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        self[word] = found = int.from_bytes(digest, "big")
        return found


def _grams(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text[: _MAX_WORDS * 12].lower())[:_MAX_WORDS]
    return frozenset(zip(*(words[i:] for i in range(_GRAM)), strict=False))


def _containment(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    """Share of the shorter text's stretches that the other has too, 0 to 1."""
    return len(a & b) / max(1, min(len(a), len(b)))


# -- links in an archive -------------------------------------------------------------------------


def link_copies(db: sqlite3.Connection, added: list[tuple[int, Article]], words: WordHashes) -> None:
    """Link each of these articles to the earliest text it repeats, by shared stretches of words; inside a transaction."""
    if not added:
        return
    numbers = [n for n, _ in added]
    rows = sorted(sketches([a.text for _, a in added], numbers, words))
    if not rows:
        return
    shared = _shared_stretches(db, rows)
    db.executemany("INSERT OR IGNORE INTO shingles VALUES (?,?)", rows)
    if shared:
        _link_pairs(db, dict(added), shared)


def _shared_stretches(db: sqlite3.Connection, rows: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Of these sketches (sorted by hash): number, earlier number and how many hashes they share.

    A stretch that more than 64 texts have is a formula and says nothing.
    """
    holders: dict[int, list[int]] = {}
    for h, number in rows:
        holders.setdefault(h, []).append(number)
    if db.execute("SELECT 1 FROM shingles LIMIT 1").fetchone():
        db.execute("CREATE TEMP TABLE IF NOT EXISTS looked_up (hash INTEGER)")
        db.execute("DELETE FROM looked_up")
        db.executemany("INSERT INTO looked_up VALUES (?)", ((h,) for h in holders))
        known = "SELECT s.hash, s.number FROM looked_up p JOIN shingles s ON s.hash=p.hash"
        for h, number in db.execute(known):
            holders[h].append(number)
    fresh = {number for _, number in rows}
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        if 1 < len(numbers) <= 64:
            shared.update((n, m) for n in numbers if n in fresh for m in numbers if m < n)
    pairs = ((n, m, count) for (n, m), count in shared.items())
    return sorted(pairs, key=lambda p: (p[0], -p[2], p[1]))


def _link_pairs(db: sqlite3.Connection, added: dict[int, Article], pairs: list[tuple[int, int, int]]) -> None:
    grams: dict[int, frozenset[tuple[str, ...]]] = {}
    tried: dict[int, int] = {}
    linked: set[int] = set()
    for number, other_number, _ in pairs:
        if number in linked or tried.get(number, 0) >= 8:
            continue
        tried[number] = tried.get(number, 0) + 1
        a = added[number]
        other = db.execute("SELECT * FROM articles WHERE number=?", (other_number,)).fetchone()
        if other["article_id"] == a.article_id or abs(datetime.fromisoformat(other["effective"]) - a.effective) > _NEAR:
            continue
        if number not in grams:
            grams = {number: _grams(a.text)}
        alike = _containment(grams[number], _grams(other["text"]))
        if alike >= (0.9 if other["source"] == a.source else 0.6):
            _link(db, number, a, other)
            linked.add(number)


def _link(db: sqlite3.Connection, number: int, a: Article, other: sqlite3.Row) -> None:
    root = other["copy_of"] or other["article_id"]
    if root == a.article_id:
        return
    first = db.execute("SELECT min(effective) FROM articles WHERE article_id=?", (root,)).fetchone()
    if first[0] and a.effective < datetime.fromisoformat(first[0]):
        db.execute("UPDATE articles SET copy_of=? WHERE copy_of=?", (a.article_id, root))
        db.execute("UPDATE articles SET copy_of=? WHERE article_id=?", (a.article_id, root))
    else:
        db.execute("UPDATE articles SET copy_of=? WHERE number=?", (root, number))
