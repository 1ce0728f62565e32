"""The dates that feeds write: many languages, zone names that others misread, and no guessing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_ZONES = {
    "MSK": 3, "EET": 2, "EEST": 3, "TRT": 3, "IRST": 3.5, "IRDT": 4.5, "CET": 1, "CEST": 2, "BST": 1,
    "WEST": 1, "WET": 0, "IST": 5.5, "PKT": 5, "AST": 3, "GST": 4, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8,
    "ICT": 7, "WIB": 7, "EAT": 3, "CAT": 2, "SAST": 2, "WAT": 1, "MSD": 4, "AZT": 4, "AMT": 4, "NPT": 5.75,
    "AFT": 4.5, "COT": -5, "UTC": 0, "GMT": 0, "Z": 0, "UT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "IDT": 3, "AEST": 10, "AEDT": 11, "GET": 4, "UZT": 5,
    "MMT": 6.5, "PHT": 8, "BRT": -3, "ART": -3,
}  # fmt: skip
_MONTHS = {
    name: i
    for i, names in enumerate(
        [
            "jan january januar janvier janv enero ene gennaio gen "
            "janeiro ocak oca янв января січ січня stycznia يناير ינואר",
            "feb february februar février févr fevrier febrero febbraio fevereiro "
            "fev şubat şub фев февраля лют лютого lutego فبراير פברואר",
            "mar march märz mär mars marzo março mart мар марта бер березня marca مارس מרץ",
            "apr april avril avr abril abr aprile nisan "
            "nis апр апреля кві квітня kwietnia أبريل ابريل אפריל",
            "may mai mayo maggio mag maio mayıs мая май тра травня maja مايو מאי",
            "jun june juni juin junio giugno giu junho "
            "haziran haz июн июня чер червня czerwca يونيو יוני",
            "jul july juli juillet juil julio luglio lug julho "
            "temmuz tem июл июля лип липня lipca يوليو יולי",
            "aug august août aout agosto ago ağustos ağu "
            "авг августа сер серпня sierpnia أغسطس اغسطس אוגוסט",
            "sep sept september septembre septiembre settembre set setembro "
            "eylül eyl сен сентября вер вересня września سبتمبر ספטמבר",
            "oct october oktober okt octobre octubre ottobre ott outubro out "
            "ekim eki окт октября жов жовтня października أكتوبر اكتوبر אוקטובר",
            "nov november novembre noviembre novembro kasım kas "
            "ноя ноября лис листопада listopada نوفمبر נובמבר",
            "dec december dezember dez décembre déc decembre diciembre dic dicembre "
            "dezembro aralık ara дек декабря гру грудня grudnia ديسمبر דצמבר",
        ],
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_CLOCK = (
    r"(?:[\s,T]{1,4}(?:(?:at|um|в|à|о)\s)?(?P<H>\d{1,2})[:.](?P<M>\d{2})(?:[:.](?P<S>\d{2})(?:[.,]\d{1,9})?)?"
    r"\s{0,3}(?P<p>[AaPp]\.?[Mm]\.?)?\s{0,3}(?P<z>(?:GMT|UTC)?[+-]\d{1,2}:?(?:\d{2})?|[A-Za-z]{1,5})?"
    r"(?:\s\([A-Za-z ]{1,30}\))?)?\s{0,9}$"
)
_WEEKDAY = r"^\s{0,9}(?:[^\W\d]{1,15}\.?,?\s{1,3})?"
_DATES = [
    re.compile(
        _WEEKDAY
        + r"(?P<d>\d{1,2})\.?[\s-](?:de\s)?(?P<m>[^\W\d]{2,12})\.?,?[\s-](?:de\s)?(?P<y>\d{4}|\d{2})"
        + _CLOCK
    ),
    re.compile(
        _WEEKDAY + r"(?P<m>[^\W\d]{3,12})\.?\s(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s(?P<y>\d{4})" + _CLOCK
    ),
    re.compile(r"^\s{0,9}(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})" + _CLOCK),
    re.compile(_WEEKDAY + r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})" + _CLOCK),
    re.compile(r"^\s{0,9}(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:T?(?P<H>\d{2}):?(?P<M>\d{2}):?(?P<S>\d{2})(?P<p>)(?P<z>Z|[+-]\d{2}:?\d{2})?)?\s{0,9}$"),
    re.compile(r"^[^\W\d]{3}\s(?P<m>[^\W\d]{3})\s{1,2}(?P<d>\d{1,2})\s(?P<H>\d{2}):(?P<M>\d{2}):(?P<S>\d{2})\s(?P<p>)(?P<z>[A-Z]{3,5}\s)?(?P<y>\d{4})$"),
]  # fmt: skip
_SLASHED = re.compile(r"^\s{0,9}(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})" + _CLOCK)


def read_date(text: str) -> datetime | None:
    """A feed's date in UTC, or None. Strict: a half-understood date is no date.

    >>> read_date("Sat, 19 Jul 2025 14:30:00 MSK").isoformat()
    '2025-07-19T11:30:00+00:00'
    >>> read_date("soon") is None, read_date("03/04/2025") is None  # April or March?
    (True, True)
    """
    text = text[:100].replace("\u00a0", " ").replace("\u202f", " ").strip()
    m = next((m for m in (pattern.match(text) for pattern in _DATES) if m), None)
    swapped = False
    if not m:
        m = _SLASHED.match(text)
        if not m or (int(m["d"]) <= 12 and int(m["m"]) <= 12 and m["d"] != m["m"]):
            return None
        swapped = int(m["m"]) > 12
    try:
        month = int(m["m"]) if m["m"].isdigit() else _MONTHS[m["m"].lower().rstrip(".")]
        day = int(m["d"])
        if swapped:
            month, day = day, month
        year = int(m["y"])
        year += 0 if year > 99 else (2000 if year < 70 else 1900)
        offset = _offset((m["z"] or "").strip())
        if offset is None:
            return None
        hour, add = _hour(int(m["H"] or 0), m["p"])
        local = datetime(year, month, day, hour, int(m["M"] or 0), min(int(m["S"] or 0), 59), tzinfo=UTC)
        return local + add - offset
    except (KeyError, ValueError, OverflowError):
        return None


def _hour(hour: int, half: str | None) -> tuple[int, timedelta]:
    """The hour of the day, and a day more where 24 was written. Raises ValueError for a wrong hour."""
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        return hour % 12 + (12 if half.lower().startswith("p") else 0), timedelta(0)
    return (0, timedelta(days=1)) if hour == 24 else (hour, timedelta(0))


def _offset(zone: str) -> timedelta | None:
    """Of a zone name or number; None where it is unknown or beyond 14 hours."""
    if not zone:
        return timedelta(0)
    number = re.sub(r"^(?:GMT|UTC)(?=[+-])", "", zone)
    if number[0] in "+-":
        digits = number[1:].replace(":", "")
        hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
        total = int(hours) * 60 + int(minutes)
        if total > 14 * 60 or int(minutes) > 59:
            return None
        return timedelta(minutes=-total if number[0] == "-" else total)
    named = _ZONES.get(zone.upper())
    return None if named is None else timedelta(hours=named)
