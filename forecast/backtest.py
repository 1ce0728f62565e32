"""Back-test: leave one conflict out, and rolling origin by year, against the base rate and the last outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from forecast import scoring
from forecast.history import History
from forecast.model import P_COLUMNS, RUNGS, BaseRate, LadderModel, Settings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIRST_YEAR = 2005  # of the rolling origin


def out_of_sample(
    h: History, *, scheme: str = "loco", settings: Settings | None = None, progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """Forecasts of every round by a model that saw none of its conflict (`loco`) or only earlier years (`rolling`).

    Columns: round_id, conflict_id, year, level (of the talks), conflict_type, announced, outcome, p1..p6 of the
    model, b1..b6 of the base rate, l1..l6 of "same as the last round".
    """
    import numpy as np
    import pandas as pd

    features, y, announced = h.features(), h.levels, h.announced
    r = h.rounds.set_index("round_id")
    year = pd.to_datetime(r.window_start).dt.year
    ended = pd.to_datetime(r.window_end)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    if scheme == "loco":
        parts = [((r.conflict_id != c).to_numpy(), (r.conflict_id == c).to_numpy()) for c in sorted(r.conflict_id.unique())]
    elif scheme == "rolling":
        for v in sorted(year[year >= FIRST_YEAR].unique()):
            # An outcome is assessed up to 30 days after the round: later ones are not known on 1 January.
            seen = (ended < pd.Timestamp(int(v), 1, 1) - pd.Timedelta(days=45)).to_numpy()
            parts.append((seen, (year == v).to_numpy()))
    else:
        raise ValueError(f"scheme '{scheme}' is neither 'loco' nor 'rolling'")
    p = np.full((len(y), 6), np.nan)
    b = np.full((len(y), 6), np.nan)
    last = np.full((len(y), 6), np.nan)
    for n, (train, test) in enumerate(parts):
        model = LadderModel(settings).fit(features[train], y[train], announced[train], r.conflict_id[train], bootstrap=False)
        p[test] = model.predict(features[test])[list(P_COLUMNS)].to_numpy()
        b[test] = model.base.rates
        last[test] = _last_round(features[test], model.base, y[train])
        if progress:
            progress(n + 1, len(parts))
    out = pd.DataFrame(
        {"round_id": r.index, "conflict_id": r.conflict_id.to_numpy(), "year": year.to_numpy(), "level": r.level.to_numpy(),
         "conflict_type": r.conflict_type.to_numpy(), "announced": announced.to_numpy(), "outcome": y.to_numpy()}
    )  # fmt: skip
    for k in RUNGS:
        out[f"p{k}"], out[f"b{k}"], out[f"l{k}"] = p[:, k - 1], b[:, k - 1], last[:, k - 1]
    return out[~np.isnan(p[:, 0])].reset_index(drop=True)


def _last_round(features: pd.DataFrame, base: BaseRate, y: pd.Series) -> np.ndarray:
    """ "Same as the last round", softened to a proper forecast: half the base rate, half the last outcome."""
    import numpy as np

    out = base.predict(len(features))
    level = features.last_level.to_numpy() + 1.9
    for i, v in enumerate(level):
        if not np.isnan(v):
            reached = np.array([1.0 if round(v) >= k else 0.0 for k in RUNGS])
            out[i] = 0.75 * out[i] + 0.25 * reached
    return out


def score_table(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Scores by threshold: n, events, Brier of model, base rate and last round, skill with its 90 % interval, calibration.

    `smallest_skill` is the skill that this many rounds could just tell from none (half the interval's width).
    """
    import numpy as np
    import pandas as pd

    rows = []
    groups = forecasts.conflict_id.to_numpy()
    for k in (1, 2, 3, 4, 5):
        use = forecasts.announced.to_numpy() if k == 1 else np.ones(len(forecasts), dtype=bool)
        f = forecasts[use]
        o = (f.outcome >= k).to_numpy(dtype=float)
        model, base, last = (scoring.brier(observed=o, predicted=f[f"{c}{k}"].to_numpy()) for c in "pbl")
        lo, hi = scoring.skill_interval(model, base, groups[use])
        lo2, hi2 = scoring.skill_interval(model, last, groups[use])
        c = scoring.calibration(observed=o, predicted=f[f"p{k}"].to_numpy())
        rows.append(
            {"threshold": f">= {k}", "n": len(f), "events": int(o.sum()), "brier": model.mean(), "brier_base": base.mean(),
             "skill": scoring.skill(model, base), "lo": lo, "hi": hi, "skill_vs_last": scoring.skill(model, last),
             "lo_last": lo2, "hi_last": hi2, "smallest_skill": (hi - lo) / 2, "in_the_large": c["in_the_large"], "slope": c["slope"]}
        )  # fmt: skip
    p, b = (forecasts[[f"{c}{k}" for k in RUNGS]].to_numpy() for c in "pb")
    model, base = (scoring.rps(observed=forecasts.outcome.to_numpy(), predicted=q) for q in (p, b))
    lo, hi = scoring.skill_interval(model, base, groups)
    rows.append(
        {"threshold": "RPS", "n": len(forecasts), "events": np.nan, "brier": model.mean(), "brier_base": base.mean(),
         "skill": scoring.skill(model, base), "lo": lo, "hi": hi, "smallest_skill": (hi - lo) / 2}
    )  # fmt: skip
    return pd.DataFrame(rows)


def subgroup_table(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Brier of model minus base rate by conflict type, level of talks and period (below 0 is better), with n."""
    import pandas as pd

    period = (forecasts.year < 2015).map({True: "before 2015", False: "from 2015"})
    rows = []
    for what, values in (("conflict_type", forecasts.conflict_type), ("level", forecasts.level), ("period", period)):
        for name, g in forecasts.groupby(values):
            row = {"by": what, "group": name, "n": len(g)}
            for k in (1, 3, 4, 5):
                use = g[g.announced] if k == 1 else g
                o = (use.outcome >= k).to_numpy(dtype=float)
                row[f"d{k}"] = ((use[f"p{k}"] - o) ** 2).mean() - ((use[f"b{k}"] - o) ** 2).mean()
            rows.append(row)
    return pd.DataFrame(rows)


def tune(h: History, progress: Callable[[int, int], None] | None = None) -> tuple[Settings, pd.DataFrame]:
    """Shrinkage by leave-one-conflict-out log score of the outcome level; the more shrunk of near-equals wins."""
    import numpy as np
    import pandas as pd

    grid = [Settings(c=c, prior_evidence=e, deal_scale=d) for c in (0.02, 0.05, 0.1) for e in (0.5, 1.0) for d in (0.3, 0.7)]
    rows = []
    for i, s in enumerate(grid):
        f = out_of_sample(h, settings=s)
        p = f[[f"p{k}" for k in RUNGS]].to_numpy()
        pmf = np.hstack([np.ones((len(p), 1)), p]) - np.hstack([p, np.zeros((len(p), 1))])
        nll = -np.log(np.clip(pmf[np.arange(len(f)), f.outcome.to_numpy()], 1e-9, 1))
        rows.append({"c": s.c, "prior_evidence": s.prior_evidence, "deal_scale": s.deal_scale, "log_score": float(nll.mean())})
        if progress:
            progress(i + 1, len(grid))
    table = pd.DataFrame(rows)
    near = table[table.log_score <= table.log_score.min() + 0.001].sort_values(["c", "prior_evidence"], ascending=[True, False])
    best = near.iloc[0]
    return Settings(c=float(best.c), prior_evidence=float(best.prior_evidence), deal_scale=float(best.deal_scale)), table


def markdown(scores: pd.DataFrame, groups: pd.DataFrame, scheme: str) -> str:
    """The tables as a Markdown page."""
    title = {"loco": "Leave one conflict out", "rolling": f"Rolling origin by year from {FIRST_YEAR}"}[scheme]
    lines = [f"### {title}", "", "| threshold | n | events | Brier | base rate | skill (90 %) | vs last round | mean p - rate | slope |", "|---|---|---|---|---|---|---|---|---|"]
    for r in scores.to_dict("records"):
        events = "" if r["events"] != r["events"] else int(r["events"])
        last = "" if r.get("skill_vs_last") != r.get("skill_vs_last") else f"{r['skill_vs_last']:.3f}"
        cal = "" if r.get("slope") != r.get("slope") else f"{r['in_the_large']:+.3f} | {r['slope']:.2f}"
        lines.append(f"| {r['threshold']} | {r['n']} | {events} | {r['brier']:.4f} | {r['brier_base']:.4f} | {r['skill']:.3f} ({r['lo']:.3f} to {r['hi']:.3f}) | {last} | {cal or ' | '} |")
    lines += ["", "Brier of the model minus that of the base rate (below 0: better):", "", "| group | n | >= 1 | >= 3 | >= 4 | >= 5 |", "|---|---|---|---|---|---|"]
    for r in groups.to_dict("records"):
        lines.append(f"| {r['group']} | {r['n']} | {r['d1']:+.4f} | {r['d3']:+.4f} | {r['d4']:+.4f} | {r['d5']:+.4f} |")
    return "\n".join(lines) + "\n"
