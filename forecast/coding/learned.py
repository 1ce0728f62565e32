"""The learned part of the coder: who takes which stance on which issue, whether talks are the topic, and with what outlook.

The stances come from a small network (`net`), topic and outlook from linear models on words and list hits. All ships
as numbers (`weights.npz`, no pickle) and is fitted on the labelled sets by `python tests/train_coder.py`. Names are
masked before anything is learnt, so that no weight can belong to a party or a person.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from forecast.coding.net import CLASSES, Net, Pairs
from forecast.coding.text import Hit, Sentence
from forecast.records import Statement

if TYPE_CHECKING:
    import numpy as np

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
    hits: tuple[Hit, ...]
    rules: tuple[Statement, ...]
    actors: tuple[str, ...]  # candidates, in the order of `pairs`
    pairs: Pairs
    speaker: str | None  # in whose mouth the sentence ends
    doubtful: bool  # it asks, imagines or denies, so that only a sure reading may stand
    conditions: tuple[str, ...]  # issues named in its conditional clauses


class Decided(NamedTuple):
    """A statement as the network reads it."""

    actor: str
    issue: str
    stance: str
    conditional_on: str | None  # only of a condition
    probability: float


def stems_of(words: Iterable[str]) -> tuple[str, ...]:
    """Stems of a sentence's words as the linear models know them: one mask for all names, marks but ? and " left out.

    >>> stems_of(["<name0>", "refuses", "talks", ",", "<num>", "days"])
    ('ACT', 'refus', 'talk', 'NUM', 'day')
    """
    return tuple(
        "ACT" if w.startswith("<name") else "NUM" if w == "<num>" else stem(w) for w in words if w[0].isalpha() or w[0] in '<?"'
    )


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


def shared_features(r: Reading) -> list[str]:
    """Words and word pairs of a sentence."""
    t = r.tokens
    return sorted({f"w:{w}" for w in t} | {f"b:{a}_{b}" for a, b in itertools.pairwise(t)})


def _score(start: np.ndarray, rows: dict[str, Any], features: Iterable[str]) -> np.ndarray:
    """`start` plus the rows of the features that have one."""
    total = start.copy()
    for f in features:
        row = rows.get(f)
        if row is not None:
            total += row
    return total


class Weights:
    """What is fitted: the network, and linear models of a sentence's topic and outlook (feature -> row of weights)."""

    def __init__(self, net: Net, topic_rows: dict[str, Any], topic_bias: Any, thresholds: dict[str, float]) -> None:
        self.net = net
        self.topic_rows, self.topic_bias = topic_rows, topic_bias
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
            topic_rows = dict(zip(z["topic_names"].tolist(), z["topic_weights"].astype("float32"), strict=True))
            thresholds = dict(zip(z["threshold_names"].tolist(), z["threshold_values"].tolist(), strict=True))
            return cls(Net(z), topic_rows, z["topic_bias"], thresholds)

    def topic(self, r: Reading) -> tuple[float, float]:
        """P(the sentence is about peace talks), and the outlook it gives, -1..+1."""
        import numpy as np

        total = _score(self.topic_bias, self.topic_rows, topic_features(r))
        return float(1.0 / (1.0 + np.exp(-total[0]))), float(np.clip(total[1], -1.0, 1.0))

    def decide(self, readings: Sequence[Reading]) -> list[list[Decided]]:
        """The statements each sentence holds, the surest first."""
        t = self.thresholds
        out = []
        for r, (pairs, terms) in zip(readings, self.net.read([r.pairs for r in readings], t["issue"]), strict=True):
            found = []
            for c, issue, p in pairs:
                if 1.0 - p[0] < t["pair"]:
                    continue
                k = int(p[1:].argmax()) + 1
                on = None
                if CLASSES[k] == "conditions":
                    # A term that a conditional clause names outright is surer than what the network makes of the sentence.
                    on = next((i for i in r.conditions if i != issue), None) or max((i for i in terms if i != issue), key=lambda i: terms[i])
                found.append(Decided(r.actors[c], issue, CLASSES[k], on, float(p[k])))
            out.append(sorted(found, key=lambda d: -d.probability))
        return out
