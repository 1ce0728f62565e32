"""Which texts say the same: a fingerprint of each, and links from a copy to the text it repeats."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from forecast.records import Article

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NEAR = timedelta(days=4)  # between a text and its copy
_GRAM = 5  # words in a stretch
_SKETCH = 4  # smallest stretch hashes kept of each text, to find what may be a copy
_MIN_GRAMS = 8  # a text with fewer stretches is too short to be compared
_MAX_WORDS = 3000
_TRIED = 8  # earlier texts that one is compared with at most
_HELD = 300_000  # stretches of texts last compared that are kept
_WORD = re.compile(r"\w+")


def content_hash(title: str, text: str) -> str:
    """Hash of what a reader sees, blind to white space and case."""
    seen = " ".join(f"{title} {text}".lower().split())
    return hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:16]


def exact_hash(title: str, text: str, day: str) -> int:
    """Hash of all that a coding depends on in an article, to the letter: 64 bits, signed, as SQLite keeps them.

    `day` is the first day, YYYY-MM-DD, on which it could be read.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in (day, title, text):
        body = part.encode("utf-8", "surrogatepass")
        digest.update(len(body).to_bytes(8, "big") + body)
    return int.from_bytes(digest.digest(), "big", signed=True)


def sketches(texts: Sequence[str], numbers: Sequence[int], words: WordHashes) -> list[tuple[int, int]]:
    """Pairs (hash, number): of each text, the smallest hashes of its five-word stretches.

    Two texts that share most of their stretches share most of these. `words` is a cache of word hashes.
    """
    return _smallest(*_stretches_of(texts, words), numbers)


def _stretches_of(
    texts: Sequence[str], words: WordHashes
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.intp]]:
    """A hash of every five-word stretch of all texts, in their order, and which text it is of."""
    import numpy as np

    tokens, counts = _token_hashes(texts, words)
    owner = np.repeat(np.arange(len(texts)), counts)
    if len(tokens) < _GRAM:
        return np.zeros(0, dtype=np.uint64), owner[:0]
    grams = _gram_hashes(np.array(tokens, dtype=np.uint64))
    inside = owner[: 1 - _GRAM] == owner[_GRAM - 1 :]
    return grams[inside], owner[: 1 - _GRAM][inside]


def _smallest(
    grams: npt.NDArray[np.uint64], owner: npt.NDArray[np.intp], numbers: Sequence[int]
) -> list[tuple[int, int]]:
    import numpy as np

    grams = (grams ^ (grams >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD) >> np.uint64(24)
    both = owner.astype(np.uint64) << np.uint64(40) | grams  # 40 bits of hash below the number of the text: one sort for both
    both.sort()
    once = np.ones(len(both), dtype=bool)
    once[1:] = both[1:] != both[:-1]
    both = both[once]
    grams, owner = both & np.uint64((1 << 40) - 1), (both >> np.uint64(40)).astype(np.intp)
    sizes = np.bincount(owner, minlength=len(numbers))
    rank = np.arange(len(grams)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = (rank < _SKETCH) & (sizes[owner] >= _MIN_GRAMS)
    return list(zip(grams[kept].tolist(), np.asarray(numbers)[owner[kept]].tolist(), strict=True))


def _gram_hashes(w: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A hash of each stretch of five words in a row, from the hashes of the words, of which there are five or more."""
    grams = w[: 1 - _GRAM].copy()
    for i in range(1, _GRAM):
        grams *= w.dtype.type(0x9E3779B97F4A7C15)
        grams += w[i : len(w) - _GRAM + 1 + i]
    return grams


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
    """A 64-bit hash of each word asked for, the same on every machine; and the stretches of the texts last compared."""

    def __init__(self) -> None:
        super().__init__()
        self._stretches: dict[str, frozenset[int]] = {}
        self._held = 0  # stretches of all of them

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        self[word] = found = int.from_bytes(digest, "big")
        return found

    def stretches(self, text: str) -> frozenset[int]:
        """Hashes of all five-word stretches of a text. By the text, not its number: a number may be taken back."""
        found = self._stretches.get(text)
        if found is None:
            import numpy as np

            tokens, _ = _token_hashes([text], self)
            found = frozenset(_gram_hashes(np.array(tokens, dtype=np.uint64)).tolist() if len(tokens) >= _GRAM else ())
            if self._held > _HELD:
                self._stretches.clear()
                self._held = 0
            self._stretches[text] = found
            self._held += len(found)
        return found


def _containment(a: frozenset[int], b: frozenset[int]) -> float:
    """Share of the shorter text's stretches that the other has too, 0 to 1."""
    return len(a & b) / max(1, min(len(a), len(b)))


# -- links in an archive -------------------------------------------------------------------------


def link_copies(db: sqlite3.Connection, added: list[tuple[int, Article]], words: WordHashes) -> None:
    """Link each of these articles to the earliest text it repeats, by shared stretches of words; inside a transaction."""
    if not added:
        return
    numbers = [n for n, _ in added]
    grams, owner = _stretches_of([a.text for _, a in added], words)
    rows = sorted(_smallest(grams, owner, numbers))
    if not rows:
        return
    shared = _shared_stretches(db, rows)
    db.executemany("INSERT OR IGNORE INTO shingles VALUES (?,?)", rows)
    if shared:
        first = owner.searchsorted(range(len(added) + 1))
        spans = {n: (a, grams[first[i] : first[i + 1]]) for i, (n, a) in enumerate(added)}
        _link_pairs(db, spans, shared, words)


def _shared_stretches(db: sqlite3.Connection, rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of these sketches (sorted by hash): number, and the few earlier numbers with which it shares most, most first.

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
    fresh: dict[int, Counter[int]] = {number: Counter() for _, number in rows}
    for numbers in holders.values():
        if 1 < len(numbers) <= 64:
            for n in numbers:
                if n in fresh:
                    fresh[n].update(m for m in numbers if m < n)
    return [(n, m) for n in sorted(fresh) for _, m in sorted((-count, m) for m, count in fresh[n].items())[:_TRIED]]


def _link_pairs(
    db: sqlite3.Connection, added: dict[int, tuple[Article, npt.NDArray[np.uint64]]],
    pairs: list[tuple[int, int]], words: WordHashes,
) -> None:  # fmt: skip
    """Link articles, given with the hashes of their stretches, to those they repeat; pairs come by article, likest first."""
    linked: set[int] = set()
    mine, stretches = 0, frozenset[int]()
    for number, other in pairs:
        if number in linked:
            continue
        a, grams = added[number]
        other_id, effective, source, text = db.execute(
            "SELECT article_id, effective, source, text FROM articles WHERE number=?", (other,)
        ).fetchone()
        if other_id == a.article_id or abs(datetime.fromisoformat(effective) - a.effective) > _NEAR:
            continue
        if number != mine:
            mine, stretches = number, frozenset(grams.tolist())
        alike = _containment(stretches, words.stretches(text))
        if alike >= (0.9 if source == a.source else 0.6):
            _link(db, number, a, other)
            linked.add(number)


def _link(db: sqlite3.Connection, number: int, a: Article, other: int) -> None:
    root = db.execute("SELECT coalesce(copy_of, article_id) FROM articles WHERE number=?", (other,)).fetchone()[0]
    if root == a.article_id:
        return
    first = db.execute("SELECT min(effective) FROM articles WHERE article_id=?", (root,)).fetchone()
    if first[0] and a.effective < datetime.fromisoformat(first[0]):
        db.execute("UPDATE articles SET copy_of=? WHERE copy_of=?", (a.article_id, root))
        db.execute("UPDATE articles SET copy_of=? WHERE article_id=?", (a.article_id, root))
    else:
        db.execute("UPDATE articles SET copy_of=? WHERE number=?", (root, number))
