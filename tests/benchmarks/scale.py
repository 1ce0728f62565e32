"""Growth: coding a stream of 10^3 to 10^n articles, and estimating 10,000 rounds. `python tests/benchmarks/scale.py [--most 5]`.

Times must grow with the number to a power under 1.05, and memory stay under 400 MB. `--most 6` takes some twenty minutes.
Exit code 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import forecast as fc
from forecast.bench import CASE, peak_memory, stream


def growth(most: int, share: float) -> int:
    """Seconds and memory by number of articles, and the exponent between the last two."""
    coder = fc.Coder(fc.Case.bundled(CASE))
    for _ in fc.code_many(stream(200, 2500, share), coder=coder):
        pass
    times: list[float] = []
    for power in range(3, most + 1):
        start = time.process_time()
        done = sum(1 for _ in fc.code_many(stream(10**power, 2500, share), coder=coder))
        times.append(time.process_time() - start)
        print(f"{done:>9} articles, {share:.0%} on talks: {times[-1]:9.2f} s, peak memory {peak_memory():.0f} MB", flush=True)
    exponent = math.log10(times[-1] / times[-2])
    print(f"exponent {exponent:.3f} (under 1.05), memory {peak_memory():.0f} MB (under 400)")
    return int(exponent >= 1.05) + int(peak_memory() >= 400)


def estimation(n: int = 10_000) -> int:
    """Seconds to estimate rounds made by giving the historical ones new names."""
    import pandas as pd

    h = fc.load_history()
    fc.estimate_rounds(h.rounds, h.statements, h.outcomes)
    kept: list[list[pd.DataFrame]] = [[], [], []]
    for copy in range(-(-n // len(h.rounds))):
        for frames, table in zip(kept, (h.rounds, h.statements, h.outcomes), strict=True):
            frames.append(table.assign(**{c: table[c] + f"~{copy}" for c in ("round_id", "process_id") if c in table}))
    rounds, statements, outcomes = (pd.concat(t, ignore_index=True) for t in kept)
    rounds = rounds.head(n)
    start = time.perf_counter()
    fc.estimate_rounds(rounds, statements, outcomes)
    took = time.perf_counter() - start
    print(f"{len(rounds)} rounds with {len(statements)} statements estimated in {took:.2f} s (under 2)")
    return int(took >= 2)


def main() -> int:
    """Print both; 1 where a limit is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--most", type=int, default=5, help="power of ten of the longest stream")
    options.add_argument("--share", type=float, default=0.01, help="of articles on talks")
    o = options.parse_args()
    missed = growth(max(4, o.most), o.share) + estimation()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
