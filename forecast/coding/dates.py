"""Date phrases to windows, resolved against the day of publication.

A general date parser answers with single days and invents some ("may" the verb); talks are announced
for "next week" or "early August", so a phrase yields a first day, a last day and a granularity.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = {m.lower(): i for i, m in enumerate(calendar.month_name) if m}
MONTHS |= {m.lower(): i for i, m in enumerate(calendar.month_abbr) if m and m != "May"} | {"sept": 9}
DAYS = {d.lower(): i for i, d in enumerate(calendar.day_name)}
_NUM = {w: i for i, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"])} | {
    "a": 1, "an": 1, "a couple of": 2, "couple of": 2, "a few": 3, "several": 4, "fourteen": 14, "thirty": 30,
}  # fmt: skip

_M = "|".join(sorted(MONTHS, key=len, reverse=True))
_D = "|".join(DAYS)
_N = r"\d{1,3}|" + "|".join(sorted(_NUM, key=len, reverse=True))
_DAY = r"(?:[0-2]?\d|3[01])(?:st|nd|rd|th)?"
_TO = r"\s*(?:-|to|until|through)\s*"
_SEP = r"\s*(?:-|to|and|until|through)\s*"

_RULES: list[tuple[str, re.Pattern[str]]] = [
    (name, re.compile(rf"(?<![\w.])(?:{pattern})(?![\w])"))
    for name, pattern in [
        ("iso", r"(?P<y>(?:19|20)\d\d)-(?P<m>\d\d)-(?P<d>\d\d)"),
        ("week_of", rf"(?:the\s+)?week\s+(?:of|beginning|starting)\s+(?:on\s+)?(?:(?P<mn>{_M})\.?\s+(?P<d>{_DAY})|(?P<d2>{_DAY})\s+(?P<mn2>{_M}))(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("span_md_md", rf"(?P<mn>{_M})\.?\s+(?P<d>{_DAY}){_TO}(?P<mn2>{_M})\.?\s+(?P<d2>{_DAY})(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("span_dm_dm", rf"(?P<d>{_DAY})\s+(?P<mn>{_M})\.?{_TO}(?P<d2>{_DAY})\s+(?P<mn2>{_M})\.?(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("span_md", rf"(?:between\s+)?(?P<mn>{_M})\.?\s+(?P<d>{_DAY}){_SEP}(?P<d2>{_DAY})(?!\s*(?:{_M}))(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("span_dm", rf"(?:between\s+|from\s+)?(?:the\s+)?(?P<d>{_DAY}){_SEP}(?P<d2>{_DAY})\s+(?:of\s+)?(?P<mn>{_M})\.?(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("md", rf"(?P<mn>{_M})\.?\s+(?P<d>{_DAY})(?!\s*(?:%|,\d|:\d|years|people|prisoners))(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("dm", rf"(?:the\s+)?(?P<d>{_DAY})\s+(?:of\s+)?(?P<mn>{_M})\b\.?(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("part_month", rf"(?:(?:the\s+)?(?P<part>early|mid|late|beginning\s+of|start\s+of|middle\s+of|end\s+of|first\s+half\s+of|second\s+half\s+of|first\s+week\s+of|last\s+week\s+of)[\s-]+)(?P<mn>{_M})\b(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("part_rel_month", r"(?:(?:the\s+)?(?P<part>early|mid|late|later|beginning\s+of|start\s+of|middle\s+of|end\s+of|first\s+half\s+of|second\s+half\s+of)\s+)?(?P<rel>this|next|last|the)\s+month"),
        ("days_next_week", rf"(?:(?P<d1>{_D}){_SEP})?(?P<d2>{_D})\s+(?:of\s+)?(?P<rel>next|last|this)\s+week|(?P<rel2>next|last|this)\s+week\s+on\s+(?P<d3>{_D})"),
        ("part_week", r"(?:(?:the\s+)?(?P<part>early|mid|late|later|beginning\s+of|start\s+of|middle\s+of|end\s+of)\s+)?(?P<rel>this|next|last|the\s+coming|the\s+following|the\s+past)\s+week(?!end)"),
        ("weekend", r"(?:(?P<rel>this|next|last|the\s+coming|over\s+the|at\s+the|the)\s+)?weekend"),
        ("within", rf"(?:with)?in\s+(?:the\s+)?(?:next|coming\s+)?\s*(?P<n>{_N})\s+(?P<unit>days?|weeks?|months?)(?:'\s*time|\s+time)?(?!\s+of)|over\s+the\s+next\s+(?P<n2>{_N})\s+(?P<unit2>days?|weeks?|months?)"),
        ("coming", r"(?:in|over|within)\s+the\s+(?:next\s+few|coming|next)\s+(?P<unit>days|weeks|months)"),
        ("ago", rf"(?P<n>{_N})\s+(?P<unit>days?|weeks?|months?)\s+(?:ago|earlier)"),
        ("day_word", r"(?P<w>today|tomorrow|yesterday|tonight|the\s+day\s+after\s+tomorrow)"),
        ("weekdays", rf"(?P<d1>{_D}){_SEP}(?P<d2>{_D})"),
        ("weekday", rf"(?:(?P<rel>next|last|this|coming|past)\s+)?(?P<d1>{_D})(?!\s+(?:prayers))"),
        ("month", rf"(?:(?P<rel>in|by|before|during|until|this|last|next|since|of|for)\s+)(?P<mn>{_M})\b(?!\.?\s+\d{{1,2}}\b)(?:,?\s+(?P<y>(?:19|20)\d\d))?"),
        ("day_only", r"(?:on|the)\s+the\s+(?P<d>[0-2]?\d|3[01])(?:st|nd|rd|th)|on\s+(?P<d2>[0-2]?\d|3[01])(?:st|nd|rd|th)"),
    ]
]

# Every rule needs one of these; most sentences hold none, and one look is cheaper than twenty.
_ANY_DATE = re.compile(r"\d|day|week|month|tomorrow|tonight|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")


@dataclass(frozen=True, slots=True)
class DateWindow:
    """First and last day meant by a phrase, both inclusive, and the phrase's place."""

    start: int
    end: int
    first: date
    last: date
    granularity: str  # day, week, month
    rule: str

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last


def find_dates(folded: str, published: date, *, past: bool | None = None) -> list[DateWindow]:
    """Date phrases in folded text, in order, resolved against the day of publication.

    Parameters
    ----------
    past : True reads bare weekdays and months as just gone, False as coming; None decides by the verb before.

    >>> [(w.first.isoformat(), w.last.isoformat()) for w in find_dates("a new meeting next week", date(2025, 7, 19))]
    [('2025-07-21', '2025-07-27')]
    """
    if not _ANY_DATE.search(folded):
        return []
    taken: list[tuple[int, int]] = []
    out: list[DateWindow] = []
    for name, pattern in _RULES:
        for m in pattern.finditer(folded):
            if any(m.start() < b and a < m.end() for a, b in taken):
                continue
            gone = _reads_as_past(folded, m) if past is None else past
            window = _resolve(name, {k: v for k, v in m.groupdict().items() if v}, published, gone)
            if window is None:
                continue
            first, last, granularity = window
            taken.append(m.span())
            out.append(DateWindow(m.start(), m.end(), first, last, granularity, name))
    return sorted(out, key=lambda w: w.start)


_PAST = re.compile(
    r"\b(held|met|took place|ended|concluded|closed|began|started|opened|was|were|said|told|had|agreed|exchanged|signed|"
    r"since|last|previous|earlier|after|announced|broke|failed|collapsed|proposed|returned|followed|resumed)\b"
)
_FUTURE = re.compile(
    r"\b(will|would|to be held|due|scheduled|set for|set to|planned|plans?|expected|next|upcoming|to meet|to hold|to begin|to start|to resume|"
    r"proposed|ready|invited|could|may|slated|until|by|before|ahead of|to take place|for)\b"
)


def _reads_as_past(folded: str, m: re.Match[str]) -> bool:
    """Nearest verb before the phrase in its sentence; failing that, after it."""
    start = max(folded.rfind(". ", 0, m.start()), folded.rfind("; ", 0, m.start()), 0)
    before = folded[start : m.start()]
    f = [x.end() for x in _FUTURE.finditer(before)]
    p = [x.end() for x in _PAST.finditer(before)]
    if f or p:
        return (p[-1] if p else -1) > (f[-1] if f else -1)
    stop = folded.find(". ", m.end())
    after = folded[m.end() : stop if stop > 0 else len(folded)]
    return bool(_PAST.search(after)) and not _FUTURE.search(after)


def _resolve(name: str, g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str] | None:
    try:
        return _RESOLVERS[name](g, pub, gone)
    except (ValueError, OverflowError):  # 31 June and the like: no date was meant
        return None


def _near_year(month: int, day: int, pub: date, gone: bool, year: str | None) -> date:
    """Without a year, the one that puts the day nearest, leaning to the tense of the sentence."""
    if year:
        return date(int(year), month, day)
    options = []
    for y in (pub.year - 1, pub.year, pub.year + 1):
        try:
            options.append(date(y, month, day))
        except ValueError:
            continue
    if not options:
        raise ValueError("no such day")

    def cost(d: date) -> float:
        away = (d - pub).days
        against = away > 0 if gone else away < 0
        return abs(away) * (2.5 if against else 1.0)

    return min(options, key=cost)


def _int(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def _n(text: str) -> int:
    return int(text) if text.isdigit() else _NUM[" ".join(text.split())]


def _same_day(d: date) -> tuple[date, date, str]:
    return d, d, "day"


def _monday(d: date) -> date:
    return d - timedelta(days=d.weekday())


def _month(y: int, m: int) -> tuple[date, date]:
    y, m = y + (m - 1) // 12, (m - 1) % 12 + 1
    return date(y, m, 1), date(y, m, calendar.monthrange(y, m)[1])


def _part(first: date, last: date, part: str | None) -> tuple[date, date]:
    """Parts of a month: early 1-10, mid 11-20, late 21-end, halves, weeks."""
    if not part:
        return first, last
    part = " ".join(part.split())
    if part in ("early", "beginning of", "start of"):
        return first, first.replace(day=10)
    if part in ("mid", "middle of"):
        return first.replace(day=11), first.replace(day=20)
    if part in ("late", "end of"):
        return first.replace(day=21), last
    if part == "first half of":
        return first, first.replace(day=15)
    if part == "second half of":
        return first.replace(day=16), last
    if part == "first week of":
        return first, first.replace(day=7)
    if part == "last week of":
        return last - timedelta(days=6), last
    return first, last


def _span(first: date, last: date) -> tuple[date, date, str]:
    if last < first:
        raise ValueError("the span runs backwards")
    return first, last, "day" if (last - first).days <= 3 else "week"


def _span_one_month(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    first = _near_year(MONTHS[g["mn"]], _int(g["d"]), pub, gone, g.get("y"))
    return _span(first, first.replace(day=_int(g["d2"])))


def _span_two_months(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    first = _near_year(MONTHS[g["mn"]], _int(g["d"]), pub, gone, g.get("y"))
    last = date(first.year, MONTHS[g["mn2"]], _int(g["d2"]))
    return _span(first, last if last >= first else last.replace(year=last.year + 1))


def _one_day(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    return _same_day(_near_year(MONTHS[g["mn"]], _int(g["d"]), pub, gone, g.get("y")))


def _named_month(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    m = MONTHS[g["mn"]]
    rel = g.get("rel")
    if "y" in g:
        year = int(g["y"])
    elif rel in ("last", "since") or (gone and rel not in ("next", "by", "before", "until", "for")):
        year = pub.year if m <= pub.month else pub.year - 1
    else:
        year = pub.year if m >= pub.month else pub.year + 1
        if m < pub.month and pub.month - m <= 3 and rel not in ("next", "by", "before", "until"):
            year = pub.year
    first, last = _part(*_month(year, m), g.get("part"))
    return first, last, "month" if (last - first).days > 13 else "week"


def _relative_month(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    shift = {"this": 0, "the": 0, "next": 1, "last": -1}[g["rel"]]
    part = g.get("part")
    if g["rel"] == "the" and not part:
        raise ValueError("'the month' names no date")
    first, last = _month(pub.year, pub.month + shift)
    if part == "later":
        return max(pub, first), last, "month"
    first, last = _part(first, last, part)
    return first, last, "month" if (last - first).days > 13 else "week"


def _relative_week(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    rel = " ".join(g["rel"].split())
    monday = _monday(pub)
    if rel in ("the coming", "the following") or rel == "next":
        monday += timedelta(days=7)
    elif rel in ("last", "the past"):
        monday -= timedelta(days=7)
    first, last = monday, monday + timedelta(days=6)
    part = " ".join(g.get("part", "").split())
    if part in ("early", "beginning of", "start of"):
        last = monday + timedelta(days=2)
    elif part in ("mid", "middle of"):
        first, last = monday + timedelta(days=1), monday + timedelta(days=3)
    elif part in ("late", "end of"):
        first = monday + timedelta(days=3)
    elif part == "later":
        first = max(pub, monday)
    return first, last, "week"


def _days_of_week(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    shift = {"this": 0, "next": 7, "last": -7}[g.get("rel") or g["rel2"]]
    monday = _monday(pub) + timedelta(days=shift)
    last = monday + timedelta(days=DAYS[g.get("d2") or g["d3"]])
    first = monday + timedelta(days=DAYS[g["d1"]]) if "d1" in g else last
    return _span(first, last)


def _week_of(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    day = _near_year(MONTHS[g.get("mn") or g["mn2"]], _int(g.get("d") or g["d2"]), pub, gone, g.get("y"))
    return _monday(day), _monday(day) + timedelta(days=6), "week"


def _weekend(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    rel = " ".join(g.get("rel", "").split())
    saturday = _monday(pub) + timedelta(days=5)
    if (rel == "next" and pub.weekday() < 5) or rel == "next" or (rel == "the coming" and pub.weekday() >= 5):
        saturday += timedelta(days=7)
    elif rel == "last" or (gone and rel != "this" and pub.weekday() < 5):
        saturday -= timedelta(days=7)
    return saturday, saturday + timedelta(days=1), "day"


def _ahead(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    n = _n(g.get("n") or g["n2"])
    unit = (g.get("unit") or g["unit2"]).rstrip("s")
    days = n * {"day": 1, "week": 7, "month": 30}[unit]
    return pub, pub + timedelta(days=days), "week" if days <= 14 else "month"


def _coming(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    days = {"days": 7, "weeks": 28, "months": 90}[g["unit"]]
    return pub, pub + timedelta(days=days), "week" if days == 7 else "month"


def _ago(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    unit = g["unit"].rstrip("s")
    day = pub - timedelta(days=_n(g["n"]) * {"day": 1, "week": 7, "month": 30}[unit])
    if unit == "day":
        return _same_day(day)
    if unit == "week":
        return _monday(day), _monday(day) + timedelta(days=6), "week"
    return *_month(day.year, day.month), "month"


def _day_word(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    shift = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1}.get(g["w"], 2)
    return _same_day(pub + timedelta(days=shift))


def _weekday(day: int, pub: date, gone: bool, rel: str | None) -> date:
    if rel in ("next", "coming") or (rel is None and not gone) or rel == "this":
        ahead = (day - pub.weekday()) % 7
        return pub + timedelta(days=ahead or (7 if rel == "next" else 0))
    back = (pub.weekday() - day) % 7
    return pub - timedelta(days=back or (7 if rel == "last" else 0))


def _weekdays(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    first = _weekday(DAYS[g["d1"]], pub, gone, None)
    last = first + timedelta(days=(DAYS[g["d2"]] - DAYS[g["d1"]]) % 7)
    return _span(first, last)


def _day_only(g: dict[str, str], pub: date, gone: bool) -> tuple[date, date, str]:
    d = int(g.get("d") or g["d2"])
    options = [_month(pub.year, pub.month + k)[0].replace(day=d) for k in ((-1, 0) if gone else (0, 1))]
    fits = [o for o in options if (o <= pub if gone else o >= pub)]
    return _same_day(max(fits) if gone else min(fits))


_RESOLVERS = {
    "iso": lambda g, p, q: _same_day(date(int(g["y"]), int(g["m"]), int(g["d"]))),
    "span_md_md": _span_two_months, "span_dm_dm": _span_two_months, "span_md": _span_one_month,
    "span_dm": _span_one_month, "md": _one_day, "dm": _one_day, "part_month": _named_month,
    "part_rel_month": _relative_month, "days_next_week": _days_of_week, "part_week": _relative_week,
    "week_of": _week_of, "weekend": _weekend, "within": _ahead, "coming": _coming, "ago": _ago,
    "day_word": _day_word, "weekdays": _weekdays, "month": _named_month, "day_only": _day_only,
    "weekday": lambda g, p, q: _same_day(_weekday(DAYS[g["d1"]], p, q, g.get("rel"))),
}  # fmt: skip
