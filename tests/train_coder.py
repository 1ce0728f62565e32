"""Fit the learned part of the coder on the labelled sets: `python tests/train_coder.py [--real]`.

Writes forecast/coding/weights.npz. Train and development conflicts are used as `split.json` says; held-out ones never.
`--real` adds the labels of real news items in tests/labelled/real where the texts are present; features of them
enter the weights, their text does not.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from score_coding import HERE, load
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from forecast.coding import Coder
from forecast.coding.actors import named_actors
from forecast.coding.learned import (
    CLASSES,
    Reading,
    issue_features,
    pair_features,
    shared_features,
    topic_features,
)
from forecast.coding.lexicon import issues
from forecast.coding.statements import SentenceReader
from forecast.coding.text import fold, sentences, words_only

NEWS = Path(__file__).resolve().parents[2] / "shared" / "data" / "wikipedia_current_events_2002-07_2025-08.csv.gz"


def real_items() -> list[dict[str, Any]]:
    """Labelled real news items, where the archive of texts is present."""
    if not NEWS.exists():
        return []
    with gzip.open(NEWS, "rt", encoding="utf-8", newline="") as f:
        texts = {r["key"]: r for r in csv.DictReader(f)}
    out = []
    for file in sorted((HERE / "real").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            if item["key"] in texts:
                row = texts[item["key"]]
                out.append({**item, "id": item["key"], "text": row["text"], "published": row["date"], "conflict": "real"})
    return out


def readings(item: dict[str, Any], coder: Coder) -> Iterator[Reading]:
    """The rule reader's view of each sentence of an item."""
    text, day = item["text"], date.fromisoformat(item["published"])
    folded = fold(text)
    hits = coder.book.find(text, words_only(folded))
    named = named_actors(text, hits, coder.gazetteer, day, frozenset())
    _, parties, mediators = coder._conflict(text, folded, item.get("title", ""), hits, named, day)
    ctx = coder.context(parties, mediators)
    reader = SentenceReader(text, folded, ctx)
    for s in sentences(text):
        reader.read(s, [h for h in hits if s.start <= h.start and h.end <= s.end], [n for n in named if s.start <= n.start and n.end <= s.end])
        assert reader.reading is not None
        yield reader.reading


def assign(rs: list[Reading], labels: list[dict[str, Any]], model: Any) -> list[list[dict[str, Any]]]:
    """Give each label of an item to the sentence that most likely holds it."""
    out: list[list[dict[str, Any]]] = [[] for _ in rs]
    for s in labels:
        scores = []
        for r in rs:
            ruled = 3.0 * any(x.actor == s["actor"] and x.issue == s["issue"] for x in r.rules) + 1.0 * any(x.issue == s["issue"] for x in r.rules)
            cue = any(h.kind == "issue" and h.value.split("|")[0] == s["issue"] for h in r.hits)
            who = any(a == s["actor"] for a, _, _ in r.candidates)
            p = model(r, s["issue"]) if model else 0.0
            scores.append(ruled + cue + 0.5 * who + 2.0 * p)
        out[int(np.argmax(scores))].append(s)
    return out


def fit(items: list[dict[str, Any]], coder: Coder, *, c_issue: float = 0.6, c_pair: float = 0.15, verbose: bool = True) -> dict[str, Any]:
    """Both models and the thresholds as arrays."""
    all_issues = list(issues())
    rows = [(list(readings(i, coder)), i["statements"]) for i in items]
    items = [i for i, (rs, _) in zip(items, rows, strict=True) if rs]
    rows = [(rs, labels) for rs, labels in rows if rs]
    single = [(rs[0], labels) for rs, labels in rows if len(rs) == 1]
    vec, lrs = _fit_issues(single, all_issues, c_issue)

    def p_issue(r: Reading, issue: str) -> float:
        lr = lrs.get(issue)
        return float(lr.predict_proba(_narrow(vec.transform([dict.fromkeys(issue_features(r), 1.0)])))[0, 1]) if lr is not None else 0.0

    flat: list[tuple[Reading, list[dict[str, Any]]]] = list(single)
    for rs, labels in rows:
        if len(rs) > 1:
            flat += list(zip(rs, assign(rs, labels, p_issue), strict=True))
    # Out-of-fold issue probabilities, so that the pair model sees them as it will see them later.
    folds = np.arange(len(flat)) % 5
    oof = np.zeros((len(flat), len(all_issues)))
    for k in range(5):
        v, m = _fit_issues([x for x, f in zip(flat, folds, strict=True) if f != k], all_issues, c_issue)
        at = np.flatnonzero(folds == k)
        x = _narrow(v.transform([dict.fromkeys(issue_features(flat[i][0]), 1.0) for i in at]))
        for j, issue in enumerate(all_issues):
            oof[at, j] = m[issue].predict_proba(x)[:, 1] if issue in m else 0.0
    vec, lrs = _fit_issues(flat, all_issues, c_issue)
    feats, y = [], []
    for n, (r, labels) in enumerate(flat):
        want = {(s["actor"], s["issue"]): s["stance"] for s in labels}
        listed = {h.value.split("|")[0] for h in r.hits if h.kind == "issue"} | {s.issue for s in r.rules}
        options = {i for j, i in enumerate(all_issues) if oof[n, j] >= 0.06} | listed | {i for _, i in want}
        shared = shared_features(r)
        for issue in sorted(options):
            p = oof[n, all_issues.index(issue)]
            for actor, positions, facts in r.candidates:
                feats.append(dict.fromkeys([*shared, *pair_features(r, issue, actor, positions, facts, p)], 1.0))
                y.append(CLASSES.index(want.get((actor, issue), "none")))
    counts = Counter(f for d in feats for f in d)
    feats = [{f: v for f, v in d.items() if counts[f] >= 3} for d in feats]
    pvec = DictVectorizer(dtype=np.float32)
    x = _narrow(pvec.fit_transform(feats))
    if verbose:
        print(f"{len(items)} items, {len(flat)} sentences, {len(y)} pairs, {sum(v > 0 for v in y)} stances, {x.shape[1]} features")
    pair = LogisticRegression(C=c_pair, max_iter=300).fit(x, np.array(y))
    bias = np.full(len(CLASSES), -20.0)
    weights = np.zeros((x.shape[1], len(CLASSES)))
    for k, cls in enumerate(pair.classes_):
        bias[cls] = pair.intercept_[k]
        weights[:, cls] = pair.coef_[k]
    issue_weights = np.zeros((len(vec.vocabulary_), len(all_issues)))
    issue_bias = np.full(len(all_issues), -8.0)
    for j, issue in enumerate(all_issues):
        if issue in lrs:
            issue_weights[:, j], issue_bias[j] = lrs[issue].coef_[0], lrs[issue].intercept_[0]
    topic = _fit_topic(items, [rs for rs, _ in rows])
    keep_i = np.abs(issue_weights).max(axis=1) > 0.03
    keep_p = np.abs(weights).max(axis=1) > 0.01
    return {
        "issues": np.array(all_issues), "issue_names": np.array(vec.get_feature_names_out(), dtype=str)[keep_i], "issue_weights": issue_weights[keep_i].astype(np.float16),
        "issue_bias": issue_bias, "pair_names": np.array(pvec.get_feature_names_out(), dtype=str)[keep_p], "pair_weights": weights[keep_p].astype(np.float16), "pair_bias": bias,
        **topic,
        "threshold_names": np.array(["issue", "listed", "pair", "stance"]), "threshold_values": np.array([0.1, 0.06, 0.2, 0.18]),
    }  # fmt: skip


def _fit_topic(items: list[dict[str, Any]], parsed: list[list[Reading]]) -> dict[str, Any]:
    """Relevance (logistic) and outlook tone (ridge) of a sentence; labels of an item are lent to its sentences."""
    vec = DictVectorizer(dtype=np.float32)
    rows = [(i, dict.fromkeys(topic_features(r), 1.0), n) for i, rs in zip(items, parsed, strict=True) for n, r in enumerate(rs)]
    counts = Counter(f for _, d, _ in rows for f in d)
    x = _narrow(vec.fit_transform([{f: 1.0 for f in d if counts[f] >= 2} for _, d, _ in rows]))
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


def _narrow(x: Any) -> Any:
    """32-bit indices: the liblinear solver takes no others."""
    x.indices, x.indptr = x.indices.astype(np.int32), x.indptr.astype(np.int32)
    return x


def _fit_issues(flat: list[tuple[Reading, list[dict[str, Any]]]], all_issues: list[str], c: float) -> tuple[DictVectorizer, dict[str, LogisticRegression]]:
    feats = [dict.fromkeys(issue_features(r), 1.0) for r, _ in flat]
    counts = Counter(f for d in feats for f in d)
    feats = [{f: v for f, v in d.items() if counts[f] >= 2} for d in feats]
    vec = DictVectorizer(dtype=np.float32)
    x = _narrow(vec.fit_transform(feats))
    out = {}
    for issue in all_issues:
        y = np.array([any(s["issue"] == issue for s in labels) for _, labels in flat])
        if y.sum() >= 4:
            out[issue] = LogisticRegression(C=c, solver="liblinear").fit(x, y)
    return vec, out


def main() -> None:
    """Fit and write the weights."""
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--parts", default="train,dev", help="parts of the split to fit on")
    a.add_argument("--real", action="store_true")
    a.add_argument("--out", default=str(Path(__file__).resolve().parents[1] / "forecast" / "coding" / "weights.npz"))
    o = a.parse_args()
    items = [i for part in o.parts.split(",") for kind in ("sentences", "articles") for i in load(kind, part)]
    if o.real:
        items += real_items()
    np.savez_compressed(o.out, **fit(items, Coder(learned=False)))
    print(f"written to {o.out}, {Path(o.out).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
