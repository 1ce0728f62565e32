"""Score the coder on the labelled sets: `python tests/score_coding.py [--part dev] [--errors 40]`.

Statements: micro F1 of exact (actor, issue, stance) triples. Articles: the same, and rounds matched one to one.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from forecast.case import Case, CaseActor, CaseData
from forecast.coding import Coder

HERE = Path(__file__).parent / "labelled"
PARTS = json.loads((HERE / "split.json").read_text(encoding="utf-8")) if (HERE / "split.json").exists() else {}
CONFLICTS = json.loads((HERE / "conflicts.json").read_text(encoding="utf-8"))


@functools.cache
def coder_of(conflict: str | None, learned: bool = True) -> Coder:
    """The coder an analyst of a conflict has: a case that names the parties and nothing else."""
    if conflict not in CONFLICTS:
        return Coder(learned=learned)
    about = CONFLICTS[conflict]
    data = CaseData(
        id=conflict, name=conflict, conflict_type=about["type"], parties=[CaseActor(name=p) for p in about["parties"]]
    )
    return Coder(Case(data), learned=learned)


def load(kind: str, part: str | None = None) -> list[dict[str, Any]]:
    """Labelled items of a kind ("sentences" or "articles") in a part of the split (all where None)."""
    items = []
    for file in sorted((HERE / kind).glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            item.setdefault("conflict", file.stem)
            if part is None or PARTS.get(item["conflict"], "train") == part:
                items.append(item)
    return items


def triples(statements: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """The (actor, issue, stance) triples of a list of labels."""
    return {(s["actor"], s["issue"], s["stance"]) for s in statements}


def f1(hit: int, found: int, wanted: int) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    p, r = hit / max(1, found), hit / max(1, wanted)
    return p, r, 2 * p * r / max(1e-9, p + r)


def score_statements(items: list[dict[str, Any]], coder_for: Callable[[str | None], Coder] = coder_of, errors: int = 0) -> dict[str, float]:
    """Micro scores over items, each coded on its own, with the coder of its conflict."""
    n = Counter()
    shown = 0
    for item in items:
        coding = coder_for(item["conflict"]).code(item["text"], date.fromisoformat(item["published"]), force=True)
        for s in coding.statements:
            assert item["text"][s.start : s.end] == s.quote
        got = {(s.actor, s.issue, s.stance) for s in coding.statements}
        want = triples(item["statements"])
        n["hit"] += len(got & want)
        n["found"] += len(got)
        n["want"] += len(want)
        n["pair"] += len({(i, s) for _, i, s in got} & {(i, s) for _, i, s in want})
        n["empty"] += not want
        n["empty_coded"] += not want and bool(got)
        on_want = {(s["actor"], s["issue"], s["conditional_on"]) for s in item["statements"] if s.get("conditional_on")}
        on_got = {(s.actor, s.issue, s.conditional_on) for s in coding.statements if s.conditional_on}
        n["on_hit"] += len(on_want & on_got)
        n["on_found"] += len(on_got)
        n["on_want"] += len(on_want)
        gates = {(s["actor"], s["issue"], s["gate"]) for s in item["statements"] if s.get("gate")}
        gates_got = {(s.actor, s.issue, s.gate) for s in coding.statements if s.gate}
        n["gate_hit"] += len(gates & gates_got)
        n["gate_found"] += len(gates_got)
        n["gate_want"] += len(gates)
        if got != want and shown < errors:
            shown += 1
            print(f"[{item['id']} {item.get('construction', '')}] {item['text']}")
            print(f"    missed {sorted(want - got)}\n    extra  {sorted(got - want)}")
    p, r, f = f1(n["hit"], n["found"], n["want"])
    return {
        "n": len(items), "precision": p, "recall": r, "f1": f, "pair_f1": f1(n["pair"], n["found"], n["want"])[2],
        "actor_right": n["hit"] / max(1, n["pair"]), "on_f1": f1(n["on_hit"], n["on_found"], n["on_want"])[2],
        "gate_f1": f1(n["gate_hit"], n["gate_found"], n["gate_want"])[2], "false_alarms": n["empty_coded"] / max(1, n["empty"]),
    }  # fmt: skip


def score_rounds(items: list[dict[str, Any]], coder_for: Callable[[str | None], Coder] = coder_of, errors: int = 0) -> dict[str, float]:
    """Rounds matched greedily by agreement of window, ordinal, venue and status; then each attribute of matched ones."""
    n = Counter()
    shown = 0
    for item in items:
        if not item["relevant"]:
            continue
        coding = coder_for(item["conflict"]).code(item["text"], date.fromisoformat(item["published"]), item.get("title", ""))
        got = [{"venue": m.venue, "window_start": m.window_start and m.window_start.isoformat(), "window_end": m.window_end and m.window_end.isoformat(), "ordinal": m.ordinal, "level": m.level, "status": m.status, "granularity": m.granularity} for m in coding.mentions]
        pairs = _match(got, item["rounds"])
        n["found"] += len(got)
        n["want"] += len(item["rounds"])
        n["hit"] += len(pairs)
        for g, w in pairs:
            for key in ("venue", "ordinal", "level", "status"):
                if w.get(key) is not None:
                    n[key + "_n"] += 1
                    n[key] += g[key] == w[key]
            if w.get("window_start"):
                n["window_n"] += 1
                n["window"] += (g["window_start"], g["window_end"]) == (w["window_start"], w["window_end"])
        bad = len(pairs) < max(len(got), len(item["rounds"])) or any(g["window_start"] != w.get("window_start") or g["status"] != w["status"] for g, w in pairs)
        if bad and shown < errors:
            shown += 1
            print(f"[{item['id']} {item['published']}] {item['text']}")
            for g in got:
                print("    got ", g)
            for w in item["rounds"]:
                print("    want", {k: w.get(k) for k in ("venue", "window_start", "window_end", "ordinal", "level", "status")})
    p, r, f = f1(n["hit"], n["found"], n["want"])
    return {"articles": len(items), "rounds": n["want"], "precision": p, "recall": r, "f1": f} | {k: n[k] / max(1, n[k + "_n"]) for k in ("window", "venue", "ordinal", "level", "status")}


def _match(got: list[dict[str, Any]], want: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    scored = []
    for i, g in enumerate(got):
        for j, w in enumerate(want):
            s = 0.0
            if g["window_start"] and w.get("window_start"):
                apart = g["window_end"] < w["window_start"] or w["window_end"] < g["window_start"]
                s += -3 if apart else 2
            if g["ordinal"] and w.get("ordinal"):
                s += 2 if g["ordinal"] == w["ordinal"] else -3
            if g["venue"] and w.get("venue"):
                s += 1 if g["venue"] == w["venue"] else -1
            past = g["status"] in ("held", "under_way"), w["status"] in ("held", "under_way")
            s += 1 if past[0] == past[1] else -1
            if s >= 1:
                scored.append((s, i, j))
    pairs, used_i, used_j = [], set(), set()
    for _, i, j in sorted(scored, reverse=True):
        if i not in used_i and j not in used_j:
            used_i.add(i)
            used_j.add(j)
            pairs.append((got[i], want[j]))
    return pairs


def score_relevance(items: list[dict[str, Any]], coder_for: Callable[[str | None], Coder] = coder_of, errors: int = 0) -> dict[str, float]:
    """Recall and specificity of relevance, and tone against its labels (Spearman, mean absolute error)."""
    from scipy.stats import spearmanr

    n, tones = Counter(), []
    for item in items:
        coding = coder_for(item["conflict"]).code(item["text"], date.fromisoformat(item["published"]), item.get("title", ""))
        n["yes" if item["relevant"] else "no"] += 1
        n["yes_ok"] += item["relevant"] and coding.relevant
        n["no_ok"] += not item["relevant"] and not coding.relevant
        if item["relevant"] != coding.relevant and errors:
            print(f"[{item['id']}] relevant={item['relevant']} read as {coding.relevant}: {item.get('title')} {item['text'][:200]}")
        if item["relevant"] and item.get("tone") is not None:
            tones.append((item["tone"], coding.tone or 0.0))
    want, got = zip(*tones, strict=True) if tones else ((0.0,), (0.0,))
    return {
        "recall": n["yes_ok"] / max(1, n["yes"]), "specificity": n["no_ok"] / max(1, n["no"]), "n_tone": len(tones),
        "tone_spearman": float(spearmanr(want, got).statistic) if len(tones) > 2 else 0.0,
        "tone_mae": sum(abs(a - b) for a, b in tones) / max(1, len(tones)), "tone_mae_zero": sum(abs(a) for a, _ in tones) / max(1, len(tones)),
    }  # fmt: skip


def score_second() -> dict[str, float]:
    """How far a second labeller, who saw no label of the first, agrees with the first: F1 of triples, issues, and kappa.

    Kappa (Cohen) is that of the stance, none included, over all pairs of actor and issue that either labelled.
    """
    from sklearn.metrics import cohen_kappa_score

    first = {i["id"]: i for kind in ("sentences", "articles") for i in load(kind)}
    n, pairs = Counter(), []
    for file in sorted((HERE / "second").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            a, b = triples(first[item["id"]]["statements"]), triples(item["statements"])
            n["items"] += 1
            n["hit"] += len(a & b)
            n["one"] += len(a)
            n["two"] += len(b)
            n["issue_hit"] += len({i for _, i, _ in a} & {i for _, i, _ in b})
            n["issue_all"] += len({i for _, i, _ in a}) + len({i for _, i, _ in b})
            of_a, of_b = {(x, i): s for x, i, s in a}, {(x, i): s for x, i, s in b}
            pairs += [(of_a.get(k, "none"), of_b.get(k, "none")) for k in sorted(of_a.keys() | of_b.keys())]
    return {
        "items": n["items"], "statements": n["one"], "triples_f1": f1(n["hit"], n["two"], n["one"])[2],
        "issue_f1": 2 * n["issue_hit"] / n["issue_all"], "stance_kappa": float(cohen_kappa_score(*zip(*pairs, strict=True))),
    }  # fmt: skip


def main() -> None:
    """Print the scores of a part of the split."""
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--part", default=None, help="train, dev or heldout; all where left out")
    a.add_argument("--errors", type=int, default=0, help="how many wrong items to show")
    a.add_argument("--conflict", default=None)
    a.add_argument("--rules", action="store_true", help="the rules alone, without the learned part")
    a.add_argument("--lots", default="", help="only items of these lots, the ends of file names (0: none); held-out ones of 8 and later were never looked at before release 2 of the coder")
    a.add_argument("--no-case", action="store_true", help="read each item with the general coder, not that of its conflict")
    a.add_argument("--kind", default="all", choices=["all", "sentences", "articles", "rounds"])
    a.add_argument("--second", action="store_true", help="the agreement of the second labelling with the first instead")
    o = a.parse_args()
    if o.second:
        print(score_second())
        return
    general = Coder(learned=not o.rules)
    coder = (lambda _: general) if o.no_case else functools.partial(coder_of, learned=not o.rules)
    keep = [i for i in load("sentences", o.part) if o.conflict in (None, i["conflict"])]
    if o.lots:
        keep = [i for i in keep if (i["conflict"].rpartition("-l")[2] if i["conflict"][-1].isdigit() else "0") in o.lots.split(",")]
    articles = [i for i in load("articles", o.part) if o.conflict in (None, i["conflict"])]
    show = lambda name, d: print(f"{name:<20} " + "  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in d.items()))  # noqa: E731
    if o.kind in ("all", "sentences"):
        show("sentences", score_statements(keep, coder, o.errors))
    if articles and o.kind in ("all", "articles"):
        show("article statements", score_statements([i for i in articles if i["relevant"]], coder, o.errors if o.kind == "articles" else 0))
        show("relevance and tone", score_relevance(articles, coder, o.errors if o.kind == "articles" else 0))
    if articles and o.kind in ("all", "rounds"):
        show("rounds", score_rounds(articles, coder, o.errors if o.kind == "rounds" else 0))


if __name__ == "__main__":
    sys.exit(main())
