"""BaseRate and LadderModel: the probability of each outcome level of a round, from one regularised logistic regression.

The outcome scale is a ladder (codebook section 2): level >= 1 is "held", each further rung is reached given the
last. A continuation-ratio logit (Fienberg 1980; Tutz 1991) on stacked rungs gives every P(level >= k), monotone by
construction. Slopes are shared by the rungs after the first and drawn to zero; evidence that is missing
contributes nothing, and with none at all the forecast is the base rate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.bundled import data_path
from forecast.errors import ModelError
from forecast.features import EVIDENCE, FEATURES, STATEMENT_FEATURES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RUNGS = (1, 2, 3, 4, 5, 6)
CLASS_FEATURES = ("level_leaders", "level_ministers", "level_technical", "type_interstate", "type_nuclear", "type_internationalised")
# What theory fixes, the data may only confirm: a refusal never raises, an acceptance never lowers.
SIGNS = {
    "refusals": -1, "talks_refused": -1, "acceptances": 1, "offers": 1, "signing_expected": 1, "expectation": 1,
    "expectation_high": 1, "expectation_doubt": -1, "entry_condition_unmet": -1, "confirmed": 1, "guarantor_offered": 1,
    "agenda_humanitarian": 1, "agenda_ceasefire": 1, "humanitarian_yes": 1, "settlement_yes": 1, "settlement_refused": -1,
}  # fmt: skip
P_COLUMNS = ("p_held", "p_ge2", "p_ge3", "p_ge4", "p_ge5", "p_ge6")


@dataclass(frozen=True)
class Settings:
    """Shrinkage, chosen by leave-one-conflict-out log score (`forecast backtest --tune`)."""

    c: float = 0.02  # inverse strength of the ridge on standardised slopes
    held_scale: float = 1.7  # prior sd of slopes of "held" relative to those of the later rungs
    deal_scale: float = 0.4  # prior sd by which slopes of rungs >= 4 may differ
    prior_evidence: float = 0.5  # pseudo-columns of "no evidence": w = n / (n + prior_evidence)
    bootstraps: int = 60


def _logit(p: Any) -> Any:
    import numpy as np

    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def _sigmoid(x: Any) -> Any:
    import numpy as np

    return 1.0 / (1.0 + np.exp(-x))


class BaseRate:
    """The dull opponent: the historical rate of each rung, whatever is said beforehand.

    >>> import pandas as pd
    >>> rounds = pd.Series([0, 1, 2, 5], index=list("abcd"))
    >>> BaseRate().fit(rounds).rates.round(2).tolist()
    [0.75, 0.5, 0.25, 0.25, 0.25, 0.0]
    """

    rates: np.ndarray  # P(level >= k), k = 1..6
    rungs: np.ndarray  # P(level >= k | level >= k - 1)

    def fit(self, levels: pd.Series, announced: pd.Series | None = None) -> BaseRate:
        """`levels` 0-6 by round; `announced` says which rounds were known beforehand (only they teach P(held))."""
        import numpy as np

        y = levels.to_numpy()
        first = y if announced is None else y[announced.to_numpy(dtype=bool)]
        rungs = [float((first >= 1).mean()) if len(first) else 0.5]
        for k in RUNGS[1:]:
            at = y[y >= k - 1]
            rungs.append(float((at >= k).mean()) if len(at) else 0.0)
        self.rungs = np.array(rungs)
        self.rates = np.cumprod(self.rungs)
        return self

    def predict(self, n: int) -> np.ndarray:
        """The same six rates for each of n rounds, shape (n, 6)."""
        import numpy as np

        return np.tile(self.rates, (n, 1))


class LadderModel:
    """Sequential logit with partial pooling by history, shrunk slopes and cluster-bootstrap intervals.

    `fit(features, levels, announced, groups)`, `predict(features)`, `contributions(features)`, `save`, `load`.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    # -- fitting --------------------------------------------------------------------------------

    def fit(
        self, features: pd.DataFrame, levels: pd.Series, announced: pd.Series, groups: pd.Series, *,
        bootstrap: bool = True, data_hash: str = "",
    ) -> LadderModel:  # fmt: skip
        """Fit on rounds with known outcome.

        Parameters
        ----------
        features : from `build_features`, indexed by round_id.
        levels : outcome level 0-6, same index.
        announced : whether a round was announced beforehand; the others teach the later rungs only.
        groups : conflict of each round; the bootstrap draws whole conflicts.

        Raises ModelError with fewer than 30 rounds or only one outcome.
        """
        import numpy as np

        if len(features) < 30 or levels.nunique() < 2:
            raise ModelError(f"{len(features)} rounds are too few to fit a ladder", "At least 30 with different outcomes are needed")
        self.columns = [c for c in FEATURES if c in features.columns]
        x = features[self.columns].to_numpy(dtype=float)
        with np.errstate(all="ignore"):
            self.mean = np.array([0.0 if c in STATEMENT_FEATURES else _nanmean(x[:, j]) for j, c in enumerate(self.columns)])
            self.sd = np.array([_nansd(x[:, j]) for j in range(x.shape[1])])
        y, a = levels.to_numpy(dtype=int), announced.to_numpy(dtype=bool)
        self.base = BaseRate().fit(levels, announced)
        self.n, self.n_groups, self.data_hash = len(y), int(groups.nunique()), data_hash
        z = self._z(x)
        self.coef = self._solve(z, y, a)
        self.draws: list[dict[str, Any]] = []
        if bootstrap:
            rng = np.random.default_rng(20250720)
            names = np.array(sorted(groups.unique()))
            by_group = {g: np.flatnonzero(groups.to_numpy() == g) for g in names}
            for _ in range(self.settings.bootstraps):
                drawn = np.concatenate([by_group[g] for g in rng.choice(names, len(names))])
                if len(np.unique(y[drawn])) < 3:
                    continue
                self.draws.append(self._solve(z[drawn], y[drawn], a[drawn]))
        return self

    def _z(self, x: np.ndarray) -> np.ndarray:
        import numpy as np

        z = (x - self.mean) / self.sd
        return np.where(np.isnan(z), 0.0, np.clip(z, -4, 4))

    def _solve(self, z: np.ndarray, y: np.ndarray, announced: np.ndarray) -> dict[str, Any]:
        """Intercepts by rung, slopes of the first rung, of the later ones, and of the deal rungs' difference."""
        import numpy as np
        from sklearn.linear_model import LogisticRegression

        s, p = self.settings, z.shape[1]
        rows, target, rung = [], [], []
        for step in RUNGS:
            who = np.flatnonzero(announced if step == 1 else y >= step - 1)
            rows.append(who)
            target.append((y[who] >= step).astype(int))
            rung.append(np.full(len(who), step))
        at, t, k = np.concatenate(rows), np.concatenate(target), np.concatenate(rung)
        big = 10.0  # intercepts are as good as free
        first, later, deal = (k == 1)[:, None], (k >= 2)[:, None], (k >= 4)[:, None]
        intercepts = np.stack([(k == r) * big for r in RUNGS], axis=1)
        design = np.hstack([intercepts, z[at] * first * s.held_scale, z[at] * later, z[at] * deal * s.deal_scale])
        keep = np.ones(design.shape[1], dtype=bool)
        signs = np.array([SIGNS.get(c, 0) for c in self.columns])
        for _ in range(6):
            lr = LogisticRegression(C=s.c, fit_intercept=False, max_iter=500, tol=1e-6)
            lr.fit(design[:, keep], t)
            w = np.zeros(design.shape[1])
            w[keep] = lr.coef_[0]
            held, late, extra = w[6 : 6 + p] * s.held_scale, w[6 + p : 6 + 2 * p], w[6 + 2 * p :] * s.deal_scale
            wrong = np.zeros(design.shape[1], dtype=bool)
            wrong[6 : 6 + p] = held * signs < 0
            wrong[6 + p : 6 + 2 * p] = late * signs < 0
            wrong[6 + 2 * p :] = (late + extra) * signs < 0
            if not (wrong & keep).any():
                break
            keep &= ~wrong
        return {"intercepts": w[:6] * big, "held": held, "late": late, "extra": extra}

    # -- predicting -----------------------------------------------------------------------------

    def _evidence(self, features: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Standardised columns z (n, p), 0 where missing, and weights w (n,) by how much is known."""
        x = features.reindex(columns=self.columns).to_numpy(dtype=float)
        n = features["n_evidence"].fillna(0).to_numpy(dtype=float)
        return self._z(x), n / (n + self.settings.prior_evidence)

    def _weighed(self) -> np.ndarray:
        """Which columns are weighed by how much is known, shape (p,).

        Statements count in full, so that one more of them can only move the forecast its own way; the reference class
        (level, conflict type) belongs to the base; all else is weighed.
        """
        import numpy as np

        return np.array([c not in STATEMENT_FEATURES and c not in CLASS_FEATURES for c in self.columns])

    def _start(self, w: np.ndarray, coef: dict[str, Any]) -> np.ndarray:
        """Base logits, shape (n, 6)."""
        base = _logit(self.base.rungs)[None, :].repeat(len(w), axis=0)
        return base + (coef["intercepts"] - _logit(self.base.rungs))[None, :] * w[:, None]

    def _terms(self, features: pd.DataFrame, coef: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Base logits (n, 6), contributions by column and rung (n, p, 6) and weights w (n,)."""
        import numpy as np

        z, w = self._evidence(features)
        slopes = np.stack([coef["held"]] + [coef["late"] + (coef["extra"] if k >= 4 else 0) for k in RUNGS[1:]], axis=1)
        raw = z[:, :, None] * slopes[None, :, :]
        raw[:, self._weighed(), :] *= w[:, None, None]
        return self._start(w, coef), raw, w

    def _climb(self, z: np.ndarray, w: np.ndarray, coef: dict[str, Any]) -> np.ndarray:
        """P(level >= k), shape (n, 6), to the bit what the sum of `_terms` gives.

        The rungs share three sets of slopes, so three sums do for six, and nothing of size n times p is written.
        """
        import numpy as np

        weighed = self._weighed()
        columns = np.ascontiguousarray(z.T)
        sums = np.zeros((3, len(z)))
        for total, slopes in zip(sums, (coef["held"], coef["late"], coef["late"] + coef["extra"]), strict=True):
            for column, slope, is_weighed in zip(columns, slopes, weighed, strict=True):
                part = column * slope
                if is_weighed:
                    part *= w
                total += part
        return self._cumulative(self._start(w, coef) + sums[[0, 1, 1, 2, 2, 2]].T)

    def _ladder(self, features: pd.DataFrame, coef: dict[str, Any]) -> np.ndarray:
        return self._climb(*self._evidence(features), coef)

    def base_rates(self, features: pd.DataFrame) -> np.ndarray:
        """P(level >= k) of each round's reference class alone, shape (n, 6)."""
        import numpy as np

        masked = features.copy()
        masked[[c for c in self.columns if c not in CLASS_FEATURES]] = np.nan
        masked["n_evidence"] = 0.0
        return self._ladder(masked, self.coef)

    def predict(self, features: pd.DataFrame, *, noise: float = 0.0, headline: int = 5) -> pd.DataFrame:
        """Probabilities of every rung, interval of the headline and base rate, indexed by round_id.

        Parameters
        ----------
        features : from `build_features`.
        noise : 0 for hand-coded rounds, up to 1; the share by which machine-coded evidence is drawn back to the
            base rate, and by which the interval widens.
        headline : level whose interval and base rate are given.

        Columns: p_held, p_ge2 ... p_ge6, lo, hi (5 % and 95 %), base_rate; all in 0..1, p falling in k.
        """
        import numpy as np
        import pandas as pd

        if headline not in RUNGS:
            raise ModelError(f"headline {headline} is not a level from 1 to 6")
        z, w = self._evidence(features)
        p = self._climb(z, w, self.coef)
        base = self.base_rates(features)
        if noise:
            p = _blend(p, base, noise)
        j = headline - 1
        if self.draws:
            sample = np.stack([self._climb(z, w, d)[:, j] for d in self.draws])
            if noise:
                sample = _sigmoid((1 - noise) * _logit(sample) + noise * _logit(base[:, j]))
                centre = _logit(p[:, j])
                sample = _sigmoid(centre + (_logit(sample) - centre) * (1 + noise))
            lo, hi = np.quantile(sample, [0.05, 0.95], axis=0)
        else:
            lo = hi = p[:, j]
        out = pd.DataFrame(p, columns=list(P_COLUMNS), index=features.index)
        out["lo"], out["hi"] = np.minimum(lo, p[:, j]), np.maximum(hi, p[:, j])
        out["base_rate"] = base[:, j]
        out["model_id"] = self.model_id
        return out

    def contributions(self, features: pd.DataFrame, *, headline: int = 5, noise: float = 0.0) -> pd.DataFrame:
        """What each codebook column adds to the rate of the round's class, exact on the logit scale.

        The columns that make the class (level of talks, conflict type) are in the base rate already and left out.
        One row per round and column: `held` (logit of the first rung), `later` (logit of the rung at the
        headline, given the one before) and `moves` (change of P(level >= headline) when the column is emptied).
        """
        import numpy as np
        import pandas as pd

        if not len(features):
            return pd.DataFrame(columns=["round_id", "column", "held", "later", "moves"])
        start, raw, _ = self._terms(features, self.coef)
        reference = [i for i, c in enumerate(self.columns) if c in CLASS_FEATURES]
        start = start + raw[:, reference, :].sum(axis=1)
        raw[:, reference, :] = 0.0
        if noise:
            start = (1 - noise) * start + noise * _logit(_rungs(self.base_rates(features)))
            raw = raw * (1 - noise)
        j = headline - 1
        logits = start + raw.sum(axis=1)
        whole = self._cumulative(logits)[:, j]
        groups = list(dict.fromkeys(FEATURES[c][0] for c in self.columns if c not in CLASS_FEATURES))
        parts: dict[str, list[Any]] = {"held": [], "later": [], "moves": []}
        for g in groups:
            mine = [i for i, c in enumerate(self.columns) if FEATURES[c][0] == g]
            part = raw[:, mine, :].sum(axis=1)
            parts["held"].append(part[:, 0])
            parts["later"].append(part[:, j])
            parts["moves"].append(whole - self._cumulative(logits - part)[:, j])
        names = {"round_id": list(features.index) * len(groups), "column": [g for g in groups for _ in features.index]}
        return pd.DataFrame(names | {k: np.concatenate(v) for k, v in parts.items()})

    @staticmethod
    def _cumulative(logits: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.cumprod(_sigmoid(logits), axis=1)

    # -- keeping --------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything the model is, as plain JSON values."""
        return {
            "kind": "ladder", "version": 1, "columns": self.columns, "mean": _round(self.mean), "sd": _round(self.sd),
            "base_rungs": _round(self.base.rungs), "coef": {k: _round(v) for k, v in self.coef.items()},
            "draws": [{k: _round(v, 4) for k, v in d.items()} for d in self.draws], "n": self.n, "n_groups": self.n_groups,
            "data_hash": self.data_hash, "settings": self.settings.__dict__,
        }  # fmt: skip

    @property
    def model_id(self) -> str:
        """`ladder-` and a hash of everything the model is."""
        if not hasattr(self, "_id"):
            text = json.dumps(self.to_dict(), sort_keys=True)
            self._id = "ladder-" + hashlib.sha256(text.encode()).hexdigest()[:10]
        return self._id

    def save(self, path: str | Path) -> None:
        """Write plain JSON."""
        Path(path).write_text(json.dumps(self.to_dict(), sort_keys=True, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> LadderModel:
        """Read a saved model. Raises ModelError for a file that is none."""
        import numpy as np

        try:
            d = json.loads(Path(path).read_text(encoding="utf-8"))
            if d["kind"] != "ladder" or d["version"] != 1:
                raise ModelError(f"{path} is not a ladder of a version this package reads")
            m = cls(Settings(**d["settings"]))
            m.columns, m.mean, m.sd = d["columns"], np.array(d["mean"]), np.array(d["sd"])
            m.base = BaseRate()
            m.base.rungs = np.array(d["base_rungs"])
            m.base.rates = np.cumprod(m.base.rungs)
            m.coef = {k: np.array(v) for k, v in d["coef"].items()}
            m.draws = [{k: np.array(v) for k, v in draw.items()} for draw in d["draws"]]
            m.n, m.n_groups, m.data_hash = d["n"], d["n_groups"], d["data_hash"]
        except OSError as e:
            raise ModelError(f"{path} cannot be read: {e.strerror}", "Fit one with `forecast fit`") from None
        except (KeyError, ValueError, TypeError) as e:
            raise ModelError(f"{path} is not a saved model ({e})", "Fit one with `forecast fit`") from None
        return m

    @classmethod
    def default(cls) -> LadderModel:
        """The model that ships with the package, fitted on `data/rounds/` by `forecast fit`."""
        return cls.load(data_path("model.json"))


def _blend(p: np.ndarray, base: np.ndarray, noise: float) -> np.ndarray:
    """Draw cumulative probabilities to the base rate on the logit scale of each rung, so they stay monotone."""
    import numpy as np

    return np.cumprod(_sigmoid((1 - noise) * _logit(_rungs(p)) + noise * _logit(_rungs(base))), axis=1)


def _rungs(cumulative: np.ndarray) -> np.ndarray:
    """P(level >= k | level >= k - 1) from P(level >= k), shape (n, 6)."""
    import numpy as np

    return cumulative / np.hstack([np.ones((len(cumulative), 1)), np.maximum(cumulative[:, :-1], 1e-9)])


def _round(values: Sequence[float] | np.ndarray, digits: int = 6) -> list[float]:
    return [round(float(v), digits) + 0.0 for v in values]


def _nanmean(x: np.ndarray) -> float:
    import numpy as np

    seen = x[~np.isnan(x)]
    return float(seen.mean()) if len(seen) else 0.0


def _nansd(x: np.ndarray) -> float:
    import numpy as np

    seen = x[~np.isnan(x)]
    sd = float(seen.std()) if len(seen) > 1 else 0.0
    return sd if sd > 1e-6 else 1.0


__all__ = ["EVIDENCE", "P_COLUMNS", "RUNGS", "BaseRate", "LadderModel", "Settings"]
