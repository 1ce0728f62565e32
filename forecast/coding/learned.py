"""The learned part of the coder: which issue a sentence is about, and who takes which stance on it.

Two linear models on words and on what the rules found. They ship as numbers (`weights.npz`, no pickle) and are
fitted on the labelled sets by `python tests/train_coder.py`. Names are masked before anything is learnt, so that no
weight can belong to a party or a person.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from forecast.coding.actors import Named
from forecast.coding.text import Hit, Sentence
from forecast.records import Statement

if TYPE_CHECKING:
    import numpy as np

CLASSES = ("none", "demands", "offers", "accepts", "rejects", "conditions")
_WORD = re.compile(r"[a-z]+|\d+|[?\"]|n't")
_KEEP = frozenset(["this", "his", "has", "was", "is", "as", "less", "us", "its", "yes", "news", "press", "process", "access", "need", "feed", "agreed", "indeed", "during", "bring", "nothing", "something", "anything", "king", "ring", "red", "bed"])


@functools.lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A crude stem: plural, past and -ing endings go.

    >>> [stem(w) for w in ("demands", "demanded", "demanding", "refuses", "talks", "carried")]
    ['demand', 'demand', 'demand', 'refus', 'talk', 'carri']
    """
    if word in _KEEP or len(word) < 4:
        return word
    for ending in ("ing", "edly", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            if ending == "s" and word.endswith("ss"):
                return word
            word = word[: -len(ending)]
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "sle":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 4 else word


@dataclass(frozen=True)
class Reading:
    """What the rules know of a sentence, as the learned part sees it."""

    sentence: Sentence
    tokens: tuple[str, ...]  # stems, names masked
    places: tuple[int, ...]  # offset of each token
    hits: tuple[Hit, ...]
    candidates: tuple[tuple[str, tuple[int, ...], frozenset[str]], ...]  # actor, token positions, facts
    rules: tuple[Statement, ...]


def tokens_of(folded: str, s: Sentence, named: Iterable[Named]) -> tuple[list[str], list[int]]:
    """Stems of a sentence with every actor's name replaced by one mask."""
    spans = sorted((n.start, n.end) for n in named if not n.actor.startswith("*") and n.how != "role")
    out: list[str] = []
    places: list[int] = []
    position, k = s.start, 0
    for m in _WORD.finditer(folded, s.start, s.end):
        while k < len(spans) and spans[k][1] <= m.start():
            k += 1
        if k < len(spans) and spans[k][0] <= m.start() < spans[k][1]:
            if not out or places[-1] < spans[k][0]:
                out.append("ACT")
                places.append(spans[k][0])
            continue
        word = m.group()
        out.append("NUM" if word.isdigit() else stem(word))
        places.append(m.start())
        position = m.end()
    del position
    return out, places


def issue_features(r: Reading) -> list[str]:
    """Words, word pairs and list hits that tell what a sentence is about."""
    out = set(shared_features(r))
    out |= {f"L:{h.value.split('|')[0]}" for h in r.hits if h.kind == "issue"}
    out |= {f"S:{h.value}" for h in r.hits if h.kind == "stance"}
    out |= {f"R:{s.issue}" for s in r.rules}
    return sorted(out)


def topic_features(r: Reading) -> list[str]:
    """What tells whether a sentence is about peace talks, and with what outlook."""
    out = set(issue_features(r))
    out |= {f"T:{h.value}" for h in r.hits if h.kind == "tone"}
    out |= {f"K:{h.kind}" for h in r.hits if h.kind in ("general", "round", "other_talks")}
    return sorted(out)


def pair_features(r: Reading, issue: str, actor: str, positions: Sequence[int], facts: frozenset[str], issue_p: float) -> list[str]:
    """What speaks for a stance of one actor on one issue, besides `shared_features` of the sentence."""
    t = r.tokens
    out = {"bias", f"i:{issue}", f"p:{int(issue_p * 5)}"}
    out |= {f"f:{x}" for x in facts}
    for s in r.rules:
        same_actor, same_issue = s.actor == actor, s.issue == issue
        key = "ai" if same_actor and same_issue else "a" if same_actor else "i" if same_issue else "o"
        out.add(f"r{key}:{s.stance}")
    if not any(s.actor == actor and s.issue == issue for s in r.rules):
        out.add("rai:none")
    for p in positions:
        out |= {f"aa{k}:{t[p + k]}" for k in (1, 2, 3) if p + k < len(t)}
        out |= {f"aw:{w}" for w in t[p + 1 : p + 8]}
        out |= {f"ab:{w}" for w in t[max(0, p - 2) : p]}
    cues = [i for h in r.hits if h.kind == "issue" and h.value.split("|")[0] == issue for i in _at(r, h.start)]
    for c in cues[:2]:
        out |= {f"ib:{w}" for w in t[max(0, c - 4) : c]}
        out |= {f"ia:{w}" for w in t[c + 1 : c + 4]}
        if positions:
            p = min(positions, key=lambda q: abs(q - c))
            out.add("order:before" if p < c else "order:after")
            out |= {f"m:{w}" for w in t[min(p, c) + 1 : max(p, c)][:12]}
    return sorted(out)


def shared_features(r: Reading) -> list[str]:
    """Words and word pairs of a sentence, the same for every pair of actor and issue in it."""
    t = r.tokens
    return sorted({f"w:{w}" for w in t} | {f"b:{a}_{b}" for a, b in itertools.pairwise(t)})


def _at(r: Reading, offset: int) -> list[int]:
    return [i for i, place in enumerate(r.places) if place == offset][:1]


def _score(start: np.ndarray, rows: dict[str, Any], features: Iterable[str]) -> np.ndarray:
    """`start` plus the rows of the features that have one."""
    total = start.copy()
    for f in features:
        row = rows.get(f)
        if row is not None:
            total += row
    return total


class Weights:
    """Sparse linear models: feature -> row of weights."""

    def __init__(
        self, issues: Sequence[str], issue_rows: dict[str, Any], pair_rows: dict[str, Any], issue_bias: Any, pair_bias: Any,
        thresholds: dict[str, float], topic_rows: dict[str, Any] | None = None, topic_bias: Any = None,
    ) -> None:  # fmt: skip
        self.topic_rows, self.topic_bias = topic_rows or {}, topic_bias
        self.issues = tuple(issues)
        self.issue_rows, self.pair_rows = issue_rows, pair_rows
        self.issue_bias, self.pair_bias = issue_bias, pair_bias
        self.thresholds = thresholds

    @classmethod
    @functools.cache
    def load(cls) -> Weights | None:
        """The shipped weights, or None where there are none (the rules then stand alone)."""
        import numpy as np

        file = resources.files("forecast.coding").joinpath("weights.npz")
        if not file.is_file():
            return None
        with resources.as_file(file) as path, np.load(path, allow_pickle=False) as z:
            issue_rows = dict(zip(z["issue_names"].tolist(), z["issue_weights"].astype("float32"), strict=True))
            pair_rows = dict(zip(z["pair_names"].tolist(), z["pair_weights"].astype("float32"), strict=True))
            return cls(
                z["issues"].tolist(), issue_rows, pair_rows, z["issue_bias"], z["pair_bias"],
                dict(zip(z["threshold_names"].tolist(), z["threshold_values"].tolist(), strict=True)),
                dict(zip(z["topic_names"].tolist(), z["topic_weights"].astype("float32"), strict=True)), z["topic_bias"],
            )  # fmt: skip

    def issue_probabilities(self, r: Reading) -> dict[str, float]:
        """P(the sentence holds a statement on the issue), by issue."""
        import numpy as np

        total = _score(self.issue_bias, self.issue_rows, issue_features(r))
        return dict(zip(self.issues, (1.0 / (1.0 + np.exp(-total))).tolist(), strict=True))

    def topic(self, r: Reading) -> tuple[float, float]:
        """P(the sentence is about peace talks), and the outlook it gives, -1..+1."""
        import numpy as np

        total = _score(self.topic_bias, self.topic_rows, topic_features(r))
        return float(1.0 / (1.0 + np.exp(-total[0]))), float(np.clip(total[1], -1.0, 1.0))

    def pair_start(self, r: Reading) -> np.ndarray:
        """Scores of the classes from what all pairs of a sentence share."""
        return _score(self.pair_bias, self.pair_rows, shared_features(r))

    def stance_probabilities(self, start: np.ndarray, features: list[str]) -> np.ndarray:
        """P(class) over `CLASSES` for one pair of actor and issue."""
        import numpy as np

        total = _score(start, self.pair_rows, features)
        e = np.exp(total - total.max())
        return e / e.sum()


def decide(r: Reading, weights: Weights) -> list[tuple[str, str, str, float]]:
    """(actor, issue, stance, probability) of the statements a sentence holds."""
    if not r.candidates:
        return []
    t = weights.thresholds
    issue_p = weights.issue_probabilities(r)
    listed = {h.value.split("|")[0] for h in r.hits if h.kind == "issue"}
    ruled = {s.issue for s in r.rules}
    options = [i for i, p in issue_p.items() if p >= t["issue"] or (i in listed and p >= t["listed"]) or i in ruled]
    out = []
    if not options:
        return []
    start = weights.pair_start(r)
    for issue in options:
        scored = []
        for actor, positions, facts in r.candidates:
            p = weights.stance_probabilities(start, pair_features(r, issue, actor, positions, facts, issue_p[issue]))
            k = int(p[1:].argmax()) + 1
            scored.append((float(1.0 - p[0]), float(p[k]), actor, CLASSES[k]))
        scored.sort(reverse=True)
        for any_p, best, actor, stance in scored:
            if any_p >= t["pair"] and best >= t["stance"]:
                out.append((actor, issue, stance, best))
    return out
