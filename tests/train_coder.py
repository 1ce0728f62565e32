"""Fit the learned part of the coder on the labelled sets: `python tests/train_coder.py [--real]`.

Writes forecast/coding/weights.npz. Train and development conflicts are used as `split.json` says; held-out ones never.
`--real` adds the labels of real news items in tests/labelled/real where the texts are present; what is fitted on
them enters the weights, their text does not. What the network needs is named in `train_net.py`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from score_coding import HERE, coder_of, load
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from train_net import Example, fit_net

from forecast.coding.actors import named_actors
from forecast.coding.learned import Reading, issue_features, topic_features
from forecast.coding.lexicon import issues
from forecast.coding.net import Pairs, words_of
from forecast.coding.statements import SentenceReader
from forecast.coding.text import Sentence, fold, sentences, words_only

NEWS = Path(__file__).resolve().parents[2] / "shared" / "data" / "wikipedia_current_events_2002-07_2025-08.csv.gz"
SEEN = 6  # times a word of the news must stand there to enter the vocabulary


def news() -> dict[str, dict[str, str]]:
    """The archive of real news by key; empty where it is not present."""
    if not NEWS.exists():
        return {}
    with gzip.open(NEWS, "rt", encoding="utf-8", newline="") as f:
        return {r["key"]: r for r in csv.DictReader(f)}


def real_items(texts: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Labelled real news items, where their texts are present."""
    out = []
    for file in sorted((HERE / "real").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            if item["key"] in texts:
                row = texts[item["key"]]
                out.append({**item, "id": item["key"], "text": row["text"], "published": row["date"], "conflict": "real"})
    return out


def readings(item: dict[str, Any]) -> list[Reading]:
    """The rule reader's view of each sentence of an item, read with the case of its conflict."""
    coder = coder_of(item["conflict"], learned=False)
    prefer = frozenset(coder.case.parties) if coder.case else frozenset()
    text, day = item["text"], date.fromisoformat(item["published"])
    folded = fold(text)
    hits = coder.book.find(text, words_only(folded))
    named = named_actors(text, hits, coder.gazetteer, day, prefer)
    _, parties, mediators = coder._conflict(text, folded, item.get("title", ""), hits, named, day)
    reader = SentenceReader(text, folded, coder.context(parties, mediators))
    return [
        reader.read(s, [h for h in hits if s.start <= h.start and h.end <= s.end], [n for n in named if s.start <= n.start and n.end <= s.end])
        for s in sentences(text)
    ]


def phrases() -> list[Example]:
    """Bare phrases by issue, and phrases that hold none."""
    out = []
    for file in sorted((HERE / "phrases").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            p = json.loads(line)
            folded = fold(p["text"])
            words, _ = words_of(folded, Sentence(0, 0, len(folded)), ())
            about = {("", i): "demands" for i in [p.get("issue"), *(p.get("also") or [])] if i}
            out.append(Example(Pairs(tuple(words), (), (), (), frozenset()), (), about, phrase=True))
    return out


def assign(rs: list[Reading], labels: list[dict[str, Any]], model: Any) -> list[list[dict[str, Any]]]:
    """Give each label of an item to the sentence that most likely holds it."""
    out: list[list[dict[str, Any]]] = [[] for _ in rs]
    for s in labels:
        scores = []
        for r in rs:
            ruled = 3.0 * any(x.actor == s["actor"] and x.issue == s["issue"] for x in r.rules) + 1.0 * any(x.issue == s["issue"] for x in r.rules)
            who = s["actor"] in r.actors and "offstage" not in r.pairs.facts[r.actors.index(s["actor"])]
            scores.append(ruled + (s["issue"] in r.pairs.listed) + 0.5 * who + 2.0 * model(r, s["issue"]))
        out[int(np.argmax(scores))].append(s)
    return out


def fit(items: list[dict[str, Any]], texts: dict[str, dict[str, str]], seed: int = 0) -> dict[str, np.ndarray]:
    """All arrays of weights.npz."""
    rows = [(i, rs) for i in items if (rs := readings(i))]
    p_issue = _issue_model([(rs[0], i["statements"]) for i, rs in rows if len(rs) == 1])
    examples = phrases()
    for i, rs in rows:
        for r, labels in zip(rs, [i["statements"]] if len(rs) == 1 else assign(rs, i["statements"], p_issue), strict=True):
            examples.append(Example(r.pairs, r.actors, {(s["actor"], s["issue"]): s["stance"] for s in labels}, frozenset(t for s in labels if (t := s.get("conditional_on")))))
    counts = Counter(w for e in examples for w in e.pairs.words if w.isalpha() and len(w) > 1)
    common = Counter(w for row in texts.values() for w in re.findall(r"[a-z]+", row["text"].lower()))
    for w, n in common.items():
        if w in counts or (n >= SEEN and 1 < len(w) < 22):
            counts[w] += n
    print(f"{len(rows)} items, {len(examples)} sentences and phrases, {sum(len(e.stances) for e in examples if not e.phrase)} statements, {len(counts)} words")
    return {
        **_fit_topic([i for i, _ in rows], [rs for _, rs in rows]), **fit_net(examples, list(issues()), counts, seed=seed),
        "threshold_names": np.array(["issue", "pair"]), "threshold_values": np.array([0.03, 0.4]),
    }  # fmt: skip


def _issue_model(single: list[tuple[Reading, list[dict[str, Any]]]]) -> Any:
    """P(a sentence holds an issue), from items of one sentence: good enough to say which sentence a label belongs to."""
    vec, x = _vectors([issue_features(r) for r, _ in single])
    models = {}
    for issue in issues():
        y = np.array([any(s["issue"] == issue for s in labels) for _, labels in single])
        if y.sum() >= 4:
            models[issue] = LogisticRegression(C=0.6, solver="liblinear").fit(x, y)

    def p(r: Reading, issue: str) -> float:
        if issue not in models:
            return 0.0
        return float(models[issue].predict_proba(_narrow(vec.transform([dict.fromkeys(issue_features(r), 1.0)])))[0, 1])

    return p


def _fit_topic(items: list[dict[str, Any]], parsed: list[list[Reading]]) -> dict[str, Any]:
    """Relevance (logistic) and outlook tone (ridge) of a sentence; labels of an item are lent to its sentences."""
    rows = [(i, r, n) for i, rs in zip(items, parsed, strict=True) for n, r in enumerate(rs)]
    vec, x = _vectors([topic_features(r) for _, r, _ in rows])
    toned = np.array([i.get("tone") is not None for i, _, _ in rows])
    tone = Ridge(alpha=20.0).fit(x[toned], np.array([i["tone"] for i, _, _ in rows if i.get("tone") is not None]))
    # Of a relevant article only the first sentences are surely about the talks.
    told = np.array(["relevant" in i and (not i["relevant"] or n < 2) for i, _, n in rows])
    relevance = LogisticRegression(C=0.1, max_iter=500).fit(x[told], np.array([i["relevant"] for i, _, n in rows if "relevant" in i and (not i["relevant"] or n < 2)]))
    weights = np.stack([relevance.coef_[0], tone.coef_], axis=1)
    keep = np.abs(weights).max(axis=1) > 0.004
    return {
        "topic_names": np.array(vec.get_feature_names_out(), dtype=str)[keep], "topic_weights": weights[keep].astype(np.float16),
        "topic_bias": np.array([relevance.intercept_[0], tone.intercept_]),
    }  # fmt: skip


def _vectors(features: list[list[str]]) -> tuple[DictVectorizer, Any]:
    """Rows of 0 and 1 for the features seen twice or more."""
    counts = Counter(f for fs in features for f in fs)
    vec = DictVectorizer(dtype=np.float32)
    return vec, _narrow(vec.fit_transform([{f: 1.0 for f in fs if counts[f] >= 2} for fs in features]))


def _narrow(x: Any) -> Any:
    """32-bit indices: the liblinear solver takes no others."""
    x.indices, x.indptr = x.indices.astype(np.int32), x.indptr.astype(np.int32)
    return x


def main() -> None:
    """Fit and write the weights."""
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--parts", default="train,dev", help="parts of the split to fit on")
    a.add_argument("--real", action="store_true")
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--out", default=str(Path(__file__).resolve().parents[1] / "forecast" / "coding" / "weights.npz"))
    o = a.parse_args()
    texts = news()
    items = [i for part in o.parts.split(",") for kind in ("sentences", "articles") for i in load(kind, part)]
    if o.real:
        items += real_items(texts)
    np.savez_compressed(o.out, **fit(items, texts, o.seed))
    print(f"written to {o.out}, {Path(o.out).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
