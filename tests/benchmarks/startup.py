"""Start-up times: `python tests/benchmarks/startup.py`. Median of seven runs each, after one warm-up; limits of our own beside them."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

CASES = (
    ("python -c pass", [sys.executable, "-c", "pass"], None),
    ("import forecast", [sys.executable, "-c", "import forecast"], 0.05),
    ("forecast --help", [sys.executable, "-m", "forecast", "--help"], 0.2),
)


def main() -> int:
    """Print the table; 1 where a limit is passed."""
    late = 0
    for name, command, limit in CASES:
        times = []
        for _ in range(8):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        median = statistics.median(times[1:])
        late += limit is not None and median > limit
        print(f"{name:<18} {median:6.3f} s" + (f"   limit {limit} s" if limit else ""))
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
