"""Words on charts and in the report: names of rounds, spans of days, sides; cut to fit, of printable signs only."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

MAX_WORDS, MAX_SIGNS = 25, 400  # of a quote


def short(text: object, width: int = 28) -> str:
    """A label on at most two lines, of printable signs only.

    >>> short("one two three four", 9)
    'one two\\nthree…'
    """
    plain = "".join(c if c.isprintable() else " " for c in str(text))
    lines = textwrap.wrap(plain, width, max_lines=2, placeholder="…") or [""]
    return "\n".join(lines)


def one_line(text: object, width: int) -> str:
    """A label on one line."""
    plain = "".join(c if c.isprintable() else " " for c in str(text))
    return plain if len(plain) <= width else plain[: width - 1].rstrip() + "…"


def two_lines(label: str, width: int) -> str:
    """A round's name with the place on the first line, and number and date, which tell it from others, on the second."""
    place, _, rest = label.partition(", ")
    return f"{one_line(place, width)}\n{one_line(rest, width)}" if rest and len(label) > width else one_line(label, width)


def widest(labels: Sequence[str]) -> int:
    """Letters in the longest line of some labels."""
    return max((len(line) for label in labels for line in label.split("\n")), default=0)


def round_label(row: Any) -> str:
    """Name of a round for people: "Istanbul, 3rd round, 21-27 Jul 2025"."""
    import pandas as pd

    parts = [row.venue if isinstance(row.venue, str) else "Venue open"]
    if not pd.isna(row.ordinal):
        parts.append(f"{ordinal(int(row.ordinal))} round")
    return ", ".join([*parts, span(row.window_start, row.window_end)])


def span(start: Any, end: Any) -> str:
    """A window of days for people.

    >>> span("2025-07-21", "2025-07-27"), span("2025-07-30", "2025-08-02")
    ('21-27 Jul 2025', '30 Jul - 2 Aug 2025')
    """
    import pandas as pd

    a, b = pd.Timestamp(start), pd.Timestamp(end)
    if a == b:
        return f"{a.day} {a:%b %Y}"
    if (a.month, a.year) == (b.month, b.year):
        return f"{a.day}-{b.day} {b:%b %Y}"
    return f"{a.day} {a:%b}{'' if a.year == b.year else f' {a.year}'} - {b.day} {b:%b %Y}"


def ordinal(n: int) -> str:
    """1 -> 1st.

    >>> [ordinal(n) for n in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    return f"{n}{'th' if 10 <= n % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def side_name(side: object) -> str:
    """Name of the side an outlet reports from, for people."""
    return {"third": "third countries", "agency": "news agencies"}.get(str(side), str(side))


def clip(quote: object, words: int = MAX_WORDS) -> str:
    """A quote of at most 25 words, and of at most 400 signs where its words have no end.

    >>> clip("one two three", words=2)
    'one two …'
    """
    parts = str(quote).split(maxsplit=words)
    short_enough = " ".join(parts[:words])
    if len(short_enough) > MAX_SIGNS:
        return short_enough[:MAX_SIGNS] + " …"
    return short_enough + (" …" if len(parts) > words else "")
