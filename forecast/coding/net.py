"""The network that decides who takes which stance on which issue, run with numpy alone.

Words become vectors, three convolutions let neighbours speak to each other, an attention per issue gathers what
a sentence says of it, and each pair of actor and issue is then given a stance (or none). It is fitted by
`python tests/train_coder.py` on the labelled sets, names masked, and ships as numbers in `weights.npz`. The word
vectors start from those of all-MiniLM-L6-v2 (Apache 2.0), reduced in dimension.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forecast.coding.actors import Named
from forecast.coding.text import Sentence

if TYPE_CHECKING:
    import numpy as np

CLASSES = ("none", "demands", "offers", "accepts", "rejects", "conditions")
LONGEST = 90  # words of a sentence that are looked at
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+|[^\sa-z\d]")
_ENDINGS = ("'s", "'", "s", "ed", "ing", "es")
PAD, UNKNOWN = 0, 1
SPECIAL = ("<pad>", "<unk>", "<num>", *(f"<name{k}>" for k in range(8)), *".,;:\"'?!()-")


def words_of(folded: str, s: Sentence, named: Iterable[Named]) -> tuple[list[str], list[int]]:
    """Words and marks of a sentence with their offsets; each actor's name becomes one mask, numbered by actor.

    >>> from forecast.coding.text import Sentence
    >>> named = [Named(0, 4, "Ukraine", "capital"), Named(15, 22, "Russia", "demonym")]
    >>> words_of("kyiv spurned a russian plan.", Sentence(0, 0, 28), named)[0]
    ['<name0>', 'spurned', 'a', '<name1>', 'plan', '.']
    """
    spans = sorted((n.start, n.end, n.actor) for n in named if not n.actor.startswith("*") and n.how != "role")
    masks: dict[str, int] = {}
    words: list[str] = []
    places: list[int] = []
    k = 0
    for m in _WORD.finditer(folded, s.start, s.end):
        start, word = m.start(), m.group()
        while k < len(spans) and spans[k][1] <= start:
            k += 1
        if k < len(spans) and spans[k][0] <= start:
            mask = masks.setdefault(spans[k][2], len(masks))
            if not words or places[-1] < spans[k][0]:
                words.append(f"<name{min(mask, 7)}>")
                places.append(spans[k][0])
            continue
        words.append("<num>" if word[0].isdigit() else word)
        places.append(start)
        if len(words) == LONGEST:
            break
    return words, places


@dataclass(frozen=True)
class Pairs:
    """A sentence as the network takes it."""

    words: tuple[str, ...]
    positions: tuple[tuple[int, ...], ...]  # of each candidate actor among the words; empty where it is not named
    facts: tuple[frozenset[str], ...]  # what the rules know of each candidate
    ruled: tuple[dict[str, str], ...]  # issue -> stance that the rules read for each candidate
    listed: frozenset[str]  # issues of which a listed phrase stands in the sentence


def places(positions: Sequence[int], n: int) -> np.ndarray:
    """Where n words stand to an actor named at some of them, shape (2, n): behind its first place, and how near to any.

    >>> places([1], 4).round(2).tolist()
    [[0.0, 0.0, 1.0, 1.0], [0.85, 1.0, 0.85, 0.72]]
    """
    import numpy as np

    out = np.zeros((2, n), dtype="float64")
    if positions:
        t = np.arange(n)
        out[0] = t > positions[0]
        out[1] = np.exp(-np.abs(t[None] - np.array(positions)[:, None]).min(axis=0) / 6.0)
    return out


class Net:
    """The fitted network.

    Parameters
    ----------
    z : the arrays of `weights.npz`, as written by `tests/train_coder.py`.
    """

    def __init__(self, z: Any) -> None:
        import numpy as np
        from threadpoolctl import ThreadpoolController

        self._threads = ThreadpoolController()

        def a(name: str) -> np.ndarray:
            return np.asarray(z[f"net_{name}"], dtype="float64")

        vocabulary = [*SPECIAL, *z["net_words"].tolist()]
        self.index = {w: i for i, w in enumerate(vocabulary)}
        self.vectors = a("vectors") * a("scale")
        self.vectors[PAD] = 0.0
        self.issues: tuple[str, ...] = tuple(z["net_issues"].tolist())
        self.issue_at = {i: k for k, i in enumerate(self.issues)}
        self.fact_at = {f: k for k, f in enumerate(z["net_facts"].tolist())}
        self.layers = [
            (int(dilation), a(f"conv{k}_w"), a(f"conv{k}_b"), a(f"norm{k}_g"), a(f"norm{k}_b"))
            for k, dilation in enumerate(z["net_dilations"])
        ]
        self.query, self.query_bias = a("query"), a("query_bias")
        self.issue_w, self.issue_bias, self.listed_w = a("issue_w"), a("issue_bias"), a("listed_w")
        self.term_w, self.term_bias = a("term_w"), a("term_bias")
        self.actor_w, self.actor_b, self.gathered_w, self.sentence_w = a("actor_w"), a("actor_b"), a("gathered_w"), a("sentence_w")
        self.issue_e, self.fact_w, self.ruled_w, self.both_w = a("issue_e"), a("fact_w"), a("ruled_w"), a("both_w")
        self.place_w = a("place_w")
        self.logit_w, self.out_w, self.out_b, self.unnamed = a("logit_w"), a("out_w"), a("out_b"), a("unnamed")

    def ids(self, words: Sequence[str]) -> list[int]:
        """Numbers of the words; an unknown one is tried without its ending."""
        index = self.index
        return [index[w] if w in index else self._near(w) for w in words]

    def _near(self, word: str) -> int:
        for ending in _ENDINGS:
            if word.endswith(ending) and word[: -len(ending)] in self.index:
                return self.index[word[: -len(ending)]]
        return UNKNOWN

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """A vector for each word of each sentence, shape (words, d), neighbours taken into account."""
        import numpy as np

        reach = max(d * (w.shape[0] // 2) for d, w, *_ in self.layers)
        rows: list[int] = [PAD] * reach
        spans = []
        for words in sentences:
            ids = self.ids(words)
            spans.append((len(rows), len(rows) + len(ids)))
            rows += ids + [PAD] * reach  # no convolution reaches from one sentence into the next
        at = np.array(rows)
        x = self.vectors[at]
        mask = (at != PAD)[:, None]
        for dilation, w, b, gain, shift in self.layers:
            side = dilation * (w.shape[0] // 2)
            padded = np.pad(x, ((side, side), (0, 0)))
            y = padded[: len(x)] @ w[0] + b
            for k in range(1, w.shape[0]):
                y += padded[k * dilation : k * dilation + len(x)] @ w[k]
            np.maximum(y, 0.0, out=y)
            y += x
            y -= y.mean(axis=1, keepdims=True)
            y /= np.sqrt((y * y).mean(axis=1, keepdims=True) + 1e-5)
            x = (y * gain + shift) * mask
        return [x[a:b] for a, b in spans]

    def read(self, batch: Sequence[Pairs], floor: float) -> list[tuple[list[tuple[int, str, np.ndarray]], dict[str, float]]]:
        """For each sentence: every pair whose issue is likely at all, and the issues a stance may be made to depend on.

        A pair is (candidate, issue, probabilities over `CLASSES`); the second part gives issue -> logit.

        Parameters
        ----------
        floor : issues less probable than this are passed over, unless the rules read them.
        """
        # The matrices are small: threads of the linear algebra cost more than they save, and starve other processes.
        with self._threads.limit(limits=1, user_api="blas"):
            encoded = self.encode([p.words if p.positions else () for p in batch])
            return [self._pairs(p, x, floor) for p, x in zip(batch, encoded, strict=True)]

    def _pairs(self, p: Pairs, x: np.ndarray, floor: float) -> tuple[list[tuple[int, str, np.ndarray]], dict[str, float]]:
        import numpy as np

        if not len(x) or not p.positions:
            return [], {}
        attention = x @ self.query + self.query_bias
        attention = np.exp(attention - attention.max(axis=0))
        attention /= attention.sum(axis=0)
        gathered = attention.T @ x  # (issues, d)
        logit = (gathered * self.issue_w).sum(axis=1) + self.issue_bias
        for issue in p.listed:
            if issue in self.issue_at:
                logit[self.issue_at[issue]] += self.listed_w[self.issue_at[issue]]
        ruled = {self.issue_at[i] for r in p.ruled for i in r if i in self.issue_at}
        likely = np.flatnonzero(logit > np.log(floor / (1.0 - floor)))
        chosen = np.array(sorted({*likely.tolist(), *ruled}), dtype=int)
        if not len(chosen):
            return [], {}
        actors = np.stack([x[list(q)].mean(axis=0) if q else self.unnamed for q in p.positions])
        facts = np.zeros((len(actors), self.fact_w.shape[0]), dtype="float64")
        for row, known, q in zip(facts, p.facts, p.positions, strict=True):
            row[[self.fact_at[f] for f in known if f in self.fact_at]] = 1.0
            row[-1] = not q
        g = gathered[chosen]
        z = (actors @ self.actor_w + self.actor_b + x.mean(axis=0) @ self.sentence_w + facts @ self.fact_w)[:, None]
        z = z + (g @ self.gathered_w + self.issue_e[chosen] + logit[chosen, None] * self.logit_w)[None]
        z = z + (actors[:, None] * g[None]) @ self.both_w
        where = np.stack([places(q, len(x)) for q in p.positions])  # (candidates, 2, words)
        z = z + (where @ attention[:, chosen]).transpose(0, 2, 1) @ self.place_w
        for c, rules in enumerate(p.ruled):
            for issue, stance in rules.items():
                j = np.flatnonzero(chosen == self.issue_at.get(issue, -1))
                z[c, j] += self.ruled_w[CLASSES.index(stance)]
        out = np.maximum(z, 0.0) @ self.out_w + self.out_b
        out = np.exp(out - out.max(axis=2, keepdims=True))
        out /= out.sum(axis=2, keepdims=True)
        terms = dict(zip(self.issues, ((gathered * self.term_w).sum(axis=1) + self.term_bias).tolist(), strict=True))
        return [(c, self.issues[i], out[c, j]) for c in range(len(actors)) for j, i in enumerate(chosen)], terms
