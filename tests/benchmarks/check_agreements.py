"""Hold the historical table against PA-X: `python tests/benchmarks/check_agreements.py [--list]`.

Every round of 1990-2020 with level >= 3 should stand near an agreement of its parties in PA-X (v3, successes only), and
every PA-X ceasefire or comprehensive agreement inside a coded span should stand near a round of level >= 3. What does
not is listed, for a person to settle. Needs the PA-X file beside the checkout; without it the check says so and ends.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from pathlib import Path

import pandas as pd

from forecast.bundled import data_path
from forecast.history import load_history

PAX = Path(__file__).resolve().parents[3] / "shared" / "data" / "pax_all_agreements_data.csv.gz"
DAYS = 45  # outcomes are assessed 30 days after a round's end; texts are sometimes dated by their last signature


def words(text: object) -> set[str]:
    """Names in a text that can tell a conflict: capitalised words of four letters or more."""
    return set(re.findall(r"[A-Z][a-z]{3,}", str(text))) - {"Government", "National", "Republic", "United", "States", "South", "North", "People", "Front", "Army", "Movement", "Liberation", "peace", "process"}


def main() -> int:
    """Print how much agrees; with --list also what does not."""
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--list", action="store_true")
    show = a.parse_args().list
    if not PAX.exists():
        print(f"skipped: {PAX.name} is not beside this checkout")
        return 0
    with gzip.open(PAX, "rt", encoding="utf-8-sig") as f:
        pax = pd.read_csv(f, low_memory=False, usecols=["Con", "PPName", "Agt", "Dat", "Stage", "Agtp"])
    pax["day"] = pd.to_datetime(pax.Dat, errors="coerce")
    pax["words"] = [words(f"{c} {p} {g}") for c, p, g in zip(pax.Con, pax.PPName, pax.Agt, strict=True)]
    h = load_history()
    r = h.rounds.merge(h.outcomes, on="round_id")
    r["end"] = pd.to_datetime(r.date_end)
    r["names"] = [words(f"{p} {c.replace('-', ' ').title()}") for p, c in zip(r.parties, r.conflict_id, strict=True)]
    deals = r[(r.outcome_level >= 3) & r.end.between("1990-01-01", "2020-12-31")]
    near = [any(n & w for w in pax.words[(pax.day - e).abs() <= pd.Timedelta(days=DAYS)]) for e, n in zip(deals.end, deals.names, strict=True)]
    print(f"rounds of 1990-2020 with level >= 3: {len(deals)}, near an agreement in PA-X: {sum(near)} ({sum(near) / len(deals):.0%})")
    processes = pd.read_csv(data_path("rounds", "processes.csv"))
    missing, inside = [], 0
    for p in processes.itertuples():
        start, end = pd.Timestamp(p.span_start), pd.Timestamp(p.span_end)
        names = words(f"{p.parties} {p.conflict_id.replace('-', ' ').title()}")
        mine = r[r.process_id == p.process_id]
        for g in pax[pax.day.between(start, end) & pax.Stage.isin(["Cea", "SubComp"]) & (pax.Agtp != "IntraLocal")].itertuples():
            if len(names & g.words) < 2:
                continue
            inside += 1
            close = mine[(mine.end - g.day).abs() <= pd.Timedelta(days=DAYS)]
            if not (close.outcome_level >= 3).any():
                missing.append(f"{p.process_id}: {g.Dat} {g.Agt[:90]}")
    print(f"ceasefire and comprehensive agreements of PA-X inside a coded span: {inside}, without a round of level >= 3 near: {len(missing)}")
    if show:
        for i, ok in zip(deals.round_id, near, strict=True):
            if not ok:
                print("  not in PA-X:", i)
        for line in missing:
            print("  no round:", line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
