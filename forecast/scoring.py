"""Proper scores of probability forecasts, their skill against a baseline, and calibration.

Terms and formulas: Brier (1950); ranked probability score, Epstein (1969); Murphy (1973) for the decomposition;
Cox (1958) for calibration intercept and slope; consistency bands after Broecker & Smith (2007).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.errors import TableError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def _check(observed: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    o, p = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    if o.shape != p.shape:
        raise TableError(f"observed has shape {o.shape} and predicted {p.shape}", "Give one forecast per outcome")
    if len(o) and (np.isnan(p).any() or p.min() < 0 or p.max() > 1):
        raise TableError("predicted holds values outside 0..1", "Give probabilities")
    return o, p


def brier(*, observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Squared error of each forecast of a yes/no event, 0 (best) to 1.

    >>> brier(observed=[1, 0], predicted=[0.8, 0.1]).round(2).tolist()
    [0.04, 0.01]
    """
    o, p = _check(observed, predicted)
    return (p - o) ** 2


def log_score(*, observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Negative log likelihood of each yes/no forecast, in nats; probabilities are kept off 0 and 1 by 1e-6."""
    import numpy as np

    o, p = _check(observed, predicted)
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return -(o * np.log(p) + (1 - o) * np.log(1 - p))


def rps(*, observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Ranked probability score over the six thresholds, mean of their Brier scores.

    Parameters
    ----------
    observed : outcome levels 0-6, shape (n,).
    predicted : P(level >= k), k = 1..6, shape (n, 6).
    """
    import numpy as np

    levels = np.asarray(observed)
    reached = np.stack([levels >= k for k in range(1, predicted.shape[1] + 1)], axis=1)
    return ((predicted - reached) ** 2).mean(axis=1)


def skill(score: np.ndarray, baseline: np.ndarray) -> float:
    """1 - mean score / mean baseline score: 0 is as good as the baseline, 1 is perfect.

    >>> import numpy as np
    >>> skill(np.array([0.1, 0.1]), np.array([0.2, 0.2]))
    0.5
    """
    import numpy as np

    b = float(np.mean(baseline))
    return 1.0 - float(np.mean(score)) / b if b > 0 else 0.0


def skill_interval(
    score: np.ndarray, baseline: np.ndarray, groups: np.ndarray, *, level: float = 0.9, draws: int = 1000, seed: int = 1
) -> tuple[float, float]:
    """Paired cluster-bootstrap interval of the skill: whole groups (conflicts) are drawn with replacement."""
    import numpy as np

    names, index = np.unique(np.asarray(groups), return_inverse=True)
    s = np.bincount(index, weights=score, minlength=len(names))
    b = np.bincount(index, weights=baseline, minlength=len(names))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(names), size=(draws, len(names)))
    total = b[drawn].sum(axis=1)
    values = 1.0 - s[drawn].sum(axis=1) / np.where(total > 0, total, np.nan)
    lo, hi = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(lo), float(hi)


def calibration(*, observed: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """`in_the_large` (mean forecast minus rate; above 0 is hope), and the `slope` of a logistic recalibration."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    o, p = _check(observed, predicted)
    out = {"in_the_large": float(p.mean() - o.mean()), "slope": float("nan")}
    if 0 < o.sum() < len(o):
        x = np.clip(p, 1e-6, 1 - 1e-6)
        x = np.log(x / (1 - x))[:, None]
        if x.std() > 1e-9:
            out["slope"] = float(LogisticRegression(C=1e6, max_iter=1000).fit(x, o.astype(int)).coef_[0, 0])
    return out


def reliability(*, observed: np.ndarray, predicted: np.ndarray, bins: int = 6, seed: int = 1) -> pd.DataFrame:
    """Reliability table in bins of equal size: mean forecast, observed rate, n, and the 90 % consistency band.

    The band is where the observed rate would fall if the forecasts were perfectly calibrated.
    """
    import numpy as np
    import pandas as pd

    o, p = _check(observed, predicted)
    rng = np.random.default_rng(seed)
    rows = []
    for part in np.array_split(np.argsort(p, kind="stable"), min(bins, max(1, len(p) // 15))):
        if not len(part):
            continue
        simulated = (rng.random((2000, len(part))) < p[part]).mean(axis=1)
        lo, hi = np.quantile(simulated, [0.05, 0.95])
        rows.append((p[part].mean(), o[part].mean(), len(part), lo, hi))
    return pd.DataFrame(rows, columns=["predicted", "observed", "n", "lo", "hi"])
