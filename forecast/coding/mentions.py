"""Mentions of rounds of talks: which round, when, where, at what level, with what status (codebook section 1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from forecast.coding.actors import Gazetteer, Named
from forecast.coding.dates import DateWindow
from forecast.coding.text import Hit, Sentence
from forecast.records import Mention, Statement

ORDINALS = {w: i for i, w in enumerate(["zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth"])}
_NUMBERS = {w: i for i, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"])}
_O = "|".join(k for k, v in ORDINALS.items() if v)
_NOUN = r"(?:round|cycle|sitting|meeting|session|summit|talks|negotiations|set of talks|negotiating round|gathering|encounter)"
_ORDINAL = re.compile(
    rf"\b(?P<o>{_O}|\d{{1,2}}(?:st|nd|rd|th))(?:\s+and\s+(?P<o2>{_O}|\d{{1,2}}(?:st|nd|rd|th)))?\s+(?:[\w-]+\s+){{0,4}}?{_NOUN}s?\b"
    rf"|\bround\s+(?P<n>\d{{1,2}}|{'|'.join(_NUMBERS)})\b"
)
_NOT_ORDINAL = re.compile(r"\b(?:first|second)\s+(?:time|day|of its|half|phase|stage|phone|in)\b|\bday of\b|\bday\b")
_PAST_STATUS = ("held", "under_way")
_DEFINITE_FUTURE = re.compile(r"\b(?:will|to be|next|upcoming|coming|planned|scheduled|proposed|due|tomorrow|expected|slated|new round|fresh round|further round|another round)\b")
_LAST_ROUND = re.compile(r"\b(?:last|latest|previous|earlier|most recent|prior|past)\s+(?:\w+\s+){0,3}(?:round|rounds|talks|meeting|meetings|session|sessions|negotiations|summit)\b")
_NO_DATE = re.compile(r"\b(?:no (?:official |exact |firm |new )?date|date (?:has|had) not|without (?:setting|giving|naming) a date|date was not|yet to be (?:set|agreed|announced|confirmed))\b")
_BACKGROUND = re.compile(r"\b(?:since|until|from|after|before|by)\s+(?:the\s+)?$")
_DEADLINE = re.compile(r"\b(?:expires?|expiry|deadline|ultimatum|by|until|elections?|since|killed|attack\w*|strikes?|war began|invaded|invasion|ceasefire of|truce of|signed (?:on|in)|born|founded|(?:ceasefire|cease-fire|truce|guns (?:to )?fall silent|fall silent|fighting|halt|exchange|swap|handover)(?:\s+(?:starting|beginning|to start|to begin))?\s+(?:from|on|for|at))\s+(?:\w+\s+){0,2}$")
_MEET = re.compile(
    r"\b(?:meet|meets|met|meeting|sit down|sits down|sat down|convene[sd]?|gather|gathered|come together|came together|(?:delegations?|negotiators|envoys|teams?|leaders|ministers|presidents)\s+(?:\w+\s+){0,6}?(?:are due|is due|due in|will|are to|to be in|arrive[sd]?|fly|flew|travel\w*)|shook hands|sign|signs|signed|try again|closed their|opened their|resume|resumed|face each other)\b"
)
_TENTATIVE = re.compile(
    r"\b(?:propos\w+|suggest\w*|offer\w*|invit\w+|could|may|might|possibl\w+|hop\w+|wants? to|wanted|would like|tentativ\w+|called for|calls for|urged|ready to|willing to|if\b|asked for|consider\w*|aim\w* to|seek\w*|not (?:yet )?(?:been )?confirmed|unconfirmed|would|left to|is to follow|are to follow)\b"
)
_SPEECH = re.compile(
    r"\b(?:said|says|claimed|claims|told|wrote|posted|announced|added|declared|stated|stressed|confirmed|reported|reiterated|insisted|warned|proposed|suggested|offered|called|urged|invited|"
    r"demanded|rejected|repeated|noted|argued|explained|replied|spoke|speaking|statement|interview|remarks|comments|address|briefing|press conference|reporters|journalists|agency|newspaper|"
    r"phone call|telephoned|published|released|accused|blamed|killed|struck|attacked|fired|shelled|launched|appointed|dismissed|arrived|visited|refused|agreed|accepted|phoned|welcomed|acknowledged)"
    r"(?:\s+(?:late|early|again|also|here|this|in a statement|in an interview|in \w+|on X|on Telegram|reporters|journalists|parliament|lawmakers|by phone|state television|that|publicly|has|had))*\s*,?\s*(?:late\s+|early\s+)?(?:on\s+)?$"
)
_SAID_AT = re.compile(r"\b(?:said|says|told|spoke|speaking|claimed|announced|declared|warned|argued|added|asked|wrote|repeated|reiterated|forum|conference|interview|visit\w*|speech)\b(?:\s+(?!talks|meet|round|negoti|summit)[\w'-]+){0,6}\s+(?:in|at|to|from)\s+(?:the\s+)?$")
_SPEECH_AFTER = re.compile(r"^\s*,?\s*(?:the\s+)?(?:[\w'.-]+\s+){0,5}?(?:said|told|posted|wrote|announced|added|proposed|stated|offered|called|confirmed|rejected|urged|invited|declared)\b")
_THIRD_PARTY_MEETING = re.compile(r"\b(?:allies|nato summit|eu summit|g7|g20|security council|cabinet meeting|party congress|parliament|meeting of eu|donors?|assembly|phone call|telephone|coalition of the willing|summit of the alliance|european council)\b")


@dataclass
class Draft:
    """A mention under construction; merged over the article's sentences."""

    parties: set[str] = field(default_factory=set)
    mediators: set[str] = field(default_factory=set)
    venue: str | None = None
    window: DateWindow | None = None
    ordinal: int | None = None
    level: str | None = None
    status: str | None = None
    past: bool = False
    proposer: str | None = None
    start: int = 0
    end: int = 0
    strength: int = 0


def read_mentions(
    text: str, folded: str, sentence: Sentence, hits: Sequence[Hit], named: Sequence[Named],
    dates: Sequence[DateWindow], gazetteer: Gazetteer, parties: Sequence[str], published: date,
    statements: Sequence[Statement],
) -> list[Draft]:  # fmt: skip
    """Drafts of the rounds one sentence speaks of; none where it names no round with at least one feature."""
    rounds = [h for h in hits if h.kind == "round"]
    words = folded[sentence.start : sentence.end]
    ordinals = _ordinals(words)
    here = [n.actor for n in named]
    ours = {a for a in here if a in parties}
    venue = _venue_name(folded, sentence, _venue(folded, sentence, hits, named, parties), gazetteer)
    both = len(ours) >= 2 or any(h.kind == "both" for h in hits)
    if not rounds and not ordinals and not (_MEET.search(words) and (both or venue) and (dates or venue)):
        return []
    if _THIRD_PARTY_MEETING.search(words) and not ordinals:
        return []
    foreign = [a for a in dict.fromkeys(here) if a not in parties]
    status, past = _status(folded, sentence, hits, rounds)
    venue = _venue_name(folded, sentence, _venue(folded, sentence, hits, named, parties), gazetteer)
    dates = [w for w in dates if not _is_speech_date(w, folded, sentence)]
    windows = [w for w in dates if not _BACKGROUND.search(folded[sentence.start : w.start]) and not _DEADLINE.search(folded[sentence.start : w.start][-40:])]
    if past:
        windows = [w for w in windows if w.first <= published] or ([] if status in _PAST_STATUS else windows)
    elif status in ("confirmed", "proposed"):
        windows = [w for w in windows if w.last >= published] or windows
    if _NO_DATE.search(words):
        windows = [w for w in windows if w.first > published]
    if status is None and not _MEET.search(words):
        windows = [w for w in windows if w.first != published or w.granularity != "day"]  # "he said on Sunday"
    status, past = _with_window(status, past, windows, published, words)
    if not (status or ordinals or windows or venue):
        return []
    if len(ours) == 1 and foreign and not ordinals and not _between_parties(words) and status in ("held", "confirmed", "under_way", None):
        return []  # a contact of one side with somebody else
    level = _level(hits, rounds, folded, sentence)
    proposer = next((s.actor for s in statements if s.issue in ("talks", "leaders_summit") and s.stance in ("offers", "demands")), None)
    base = Draft(
        parties=set(ours), venue=venue, level=level, status=status, past=past, start=sentence.start, end=sentence.end,
        proposer=proposer if status == "proposed" else None,
        strength=2 * bool(windows) + 2 * bool(ordinals) + bool(venue) + bool(status),
    )  # fmt: skip
    day_windows = [w for w in windows if w.granularity == "day"]
    plural = re.search(r"\b(?:rounds|meetings|sessions)\b", words)
    if past and plural and len(day_windows) > 1:
        return [replace(base, window=w, ordinal=ordinals[i] if i < len(ordinals) else None, parties=set(ours), mediators=set()) for i, w in enumerate(day_windows)]
    if len(ordinals) > 1:
        return [replace(base, ordinal=o, window=windows[i] if i < len(windows) and len(windows) > 1 else None, parties=set(ours), mediators=set()) for i, o in enumerate(ordinals)]
    base.ordinal = ordinals[0] if ordinals else None
    base.window = _nearest_window(windows, rounds)
    return [base]


def _is_speech_date(w: DateWindow, folded: str, s: Sentence) -> bool:
    """Whether a day tells when something was said or done, not when a round is: "said on Friday", "On Friday, X said"."""
    if w.granularity != "day" or w.rule not in ("weekday", "day_word", "md", "dm", "iso"):
        return False
    if _SPEECH.search(folded[max(s.start, w.start - 60) : w.start]):
        return True
    lead = folded[s.start : w.start].strip(' "')
    return lead in ("on", "late on", "earlier on", "early on", "") and bool(_SPEECH_AFTER.match(folded[w.end : s.end]))


def _with_window(
    status: str | None, past: bool, windows: Sequence[DateWindow], published: date, words: str
) -> tuple[str | None, bool]:
    """The date outranks the verb: what lies ahead is a plan, what lies behind was held, unless it was called off."""
    if not windows or status in ("cancelled", "postponed", "lapsed"):
        return status, past
    w = windows[0]
    if w.first > published:
        return ("proposed" if _TENTATIVE.search(words) else "confirmed"), False
    if w.last < published:
        return "held", True
    if w.granularity == "day" and status is None:
        return ("confirmed", False) if re.search(r"\b(?:will|to|due)\b", words) else ("under_way", True)
    return status, past


def _between_parties(words: str) -> bool:
    return bool(re.search(r"\b(?:both|two|warring|all) (?:sides|parties|delegations|countries|governments|teams)|between|each other|rivals|delegations\b", words))


def _ordinals(words: str) -> list[int]:
    out = []
    for m in _ORDINAL.finditer(words):
        if _NOT_ORDINAL.match(words[m.start() :]) or re.search(r"\b(?:day|time|week|week's|half|day of)\b", m.group()):
            continue
        for key in ("o", "o2", "n"):
            value = m[key]
            if value:
                out.append(ORDINALS.get(value) or _NUMBERS.get(value) or int(re.sub(r"\D", "", value)))
    return out


def _status(folded: str, s: Sentence, hits: Sequence[Hit], rounds: Sequence[Hit]) -> tuple[str | None, bool]:
    """Status read from the cue nearest a round noun; strong refusals outrank it."""
    words = folded[s.start : s.end]
    cues = [h for h in hits if h.kind == "status"]
    last = bool(_LAST_ROUND.search(words))
    if _NO_DATE.search(words) or re.search(r"\bdates? (?:of|for) (?:the|a|any)\b", words):
        return "proposed", False
    for strong in ("cancelled", "postponed"):
        found = [h for h in cues if h.value == strong]
        if found and not last and not re.search(r"\bnot\s+(?:been\s+)?$|\bdenied\b.*$", folded[max(s.start, found[0].start - 25) : found[0].start]):
            return strong, False
    if last:
        return "held", True
    best: tuple[float, str] | None = None
    for h in cues:
        near = min((abs(h.start - r.end) if h.start >= r.end else abs(r.start - h.end) for r in rounds), default=0)
        rank = {"confirmed": -12, "proposed": -10, "under_way": 0, "held": 0, "lapsed": -5}.get(h.value, 0)
        score = near + rank - (h.end - h.start) / 2
        if best is None or score < best[0]:
            best = (score, h.value)
    if best is None:
        return None, False
    value = best[1]
    if value in _PAST_STATUS and _DEFINITE_FUTURE.search(words) and not re.search(r"\b(?:took place|ended|concluded|wrapped up|was held|were held)\b", words):
        value = "confirmed" if re.search(r"\b(?:agreed|will|confirmed|scheduled|due|set)\b", words) else "proposed"
    if value == "confirmed" and re.search(r"\b(?:not|never|n't|yet to)\s+(?:\w+\s+)?(?:confirmed|announced|agreed)|could|may be|might|if\b|proposed\b", words):
        value = "proposed"
    return value, value in _PAST_STATUS


def _venue(folded: str, s: Sentence, hits: Sequence[Hit], named: Sequence[Named], parties: Sequence[str]) -> list[Hit]:
    """Venue hits of a sentence that can be where a round is; a party's own capital only right behind a round."""
    out = []
    for h in hits:
        if h.kind != "venue":
            continue
        if any(n.start <= h.start and h.end <= n.end and n.actor in parties for n in named):
            near = [r for r in hits if r.kind == "round" and r.end <= h.start]
            if not near or not re.match(r"^\s+(?:[\w-]+\s+){0,3}(?:in|at)\s+(?:the\s+)?$", folded[near[-1].end : h.start]):
                continue
        out.append(h)
    return out


def _venue_name(folded: str, s: Sentence, hits: Sequence[Hit], gazetteer: Gazetteer) -> str | None:
    found = []
    for h in hits:
        before = folded[max(s.start, h.start - 12) : h.start]
        if _SAID_AT.search(folded[max(s.start, h.start - 70) : h.start]):
            continue  # "said in St Petersburg": where somebody spoke
        if re.search(r"\b(?:in|at|to|for)\s+(?:the\s+(?:\w+\s+)?)?$|,\s*$", before):
            found.append((0, gazetteer.venues[h.value][0]))
        elif re.match(r"\s+(?:peace\s+|nuclear\s+|direct\s+)?(?:talks|round|meeting|negotiations|summit|process|track|session)", folded[h.end : h.end + 30]):
            found.append((1, gazetteer.venues[h.value][0]))
    return min(found)[1] if found else None


def _level(hits: Sequence[Hit], rounds: Sequence[Hit], folded: str, s: Sentence) -> str | None:
    levels = [h for h in hits if h.kind == "level"]
    if not levels:
        return None

    def far(h: Hit) -> float:
        near = min((min(abs(h.start - r.end), abs(r.start - h.end)) for r in rounds), default=50)
        titled = re.match(r"\s+[a-z]", folded[h.end : h.end + 2]) and h.value in ("leaders", "ministers") and folded[h.start : h.end] in ("president", "prime minister", "foreign minister", "minister", "defence minister", "defense minister", "vice president")
        return near + (60 if titled else 0)

    wanted = re.search(r"\b(?:needed|must|wants?|calls? for|called for|demand\w*|lead to|prepare|open the way|followed by|crown)\b", folded[s.start : s.end])
    levels = [h for h in levels if not (h.value == "leaders" and wanted)]
    if not levels:
        return None
    best = min(levels, key=far)
    return best.value if far(best) < 90 else None


def _nearest_window(windows: Sequence[DateWindow], rounds: Sequence[Hit]) -> DateWindow | None:
    if not windows:
        return None
    return min(windows, key=lambda w: min((min(abs(w.start - r.end), abs(r.start - w.end)) for r in rounds), default=0))


def merge_drafts(drafts: Sequence[Draft], published: date) -> list[Draft]:
    """One draft a round: sentences that cannot mean different rounds are joined."""
    merged: list[Draft] = []
    for d in drafts:
        target = next((m for m in reversed(merged) if _same_round(m, d)), None)
        if target is None:
            if d.strength >= 2 or d.status in ("postponed", "cancelled"):
                merged.append(d)
            continue
        target.parties |= d.parties
        target.mediators |= d.mediators
        target.venue = target.venue or d.venue
        target.window = target.window or d.window
        target.ordinal = target.ordinal or d.ordinal
        target.level = target.level or d.level
        target.proposer = target.proposer or d.proposer
        if target.status is None or (d.status in ("cancelled", "postponed") and not target.past):
            target.status, target.past = d.status, d.past
    return merged


def _same_round(a: Draft, b: Draft) -> bool:
    if a.ordinal and b.ordinal and a.ordinal != b.ordinal:
        return False
    if a.window and b.window and (a.window.first > b.window.last or b.window.first > a.window.last):
        return False
    if a.venue and b.venue and a.venue != b.venue:
        return False
    if a.ordinal and b.ordinal:
        return True
    if a.window and b.window:
        return True
    return not (a.status and b.status and a.past != b.past)


_LEVEL_HINTS = (
    ("leaders", re.compile(r"\b(?:summit|the two presidents|both presidents|leaders (?:of|met|meet|will meet|are to|sit|sat)|presidents (?:of|met|meet|will meet)|prime ministers (?:of|met|meet)|heads of state)\b")),
    ("ministers", re.compile(r"\b(?:foreign ministers|defen[cs]e ministers|ministers (?:of|met|meet))\b")),
    ("technical", re.compile(r"\b(?:technical (?:teams?|talks|level|committee)|expert-level|working groups?|top officers|military commanders)\b")),
    ("envoys", re.compile(r"\b(?:envoys?|negotiat\w+|delegations?|delegates|representatives|emissaries|teams?|panels?|mediat\w+)\b")),
)


def level_hint(folded: str) -> str | None:
    """Level of the delegations an article suggests as a whole, where a sentence on a round names none."""
    found = [level for level, pattern in _LEVEL_HINTS if pattern.search(folded)]
    # A summit somebody asks for is not the level of the round at hand: delegations named beside it are.
    if "envoys" in found and found[0] == "leaders" and re.search(r"\bdelegations?\b|\bnegotiat(?:ors|ing teams?)\b|\benvoys\b", folded):
        return "envoys"
    return found[0] if found else None


def finish(
    draft: Draft, text: str, conflict_id: str, parties: Sequence[str], mediators: Sequence[str], published: date
) -> Mention:
    """The record of a draft; a round with no date named is open for 30 days from the report."""
    window = draft.window
    ahead = window is not None and window.first > published
    status = draft.status or ("held" if draft.past else "confirmed" if ahead else "proposed")
    first, last, granularity = (window.first, window.last, window.granularity) if window else (None, None, None)
    if window is None and status in ("proposed", "confirmed"):
        first, last, granularity = published, published + timedelta(days=30), "open"
    if window and status in ("proposed", "confirmed") and last and last < published:
        status = "held"
    return Mention(
        conflict_id=conflict_id, parties=tuple(parties), mediators=tuple(mediators), venue=draft.venue,
        window_start=first, window_end=last, granularity=granularity, ordinal=draft.ordinal, level=draft.level,
        status=status, quote=text[draft.start : draft.end], start=draft.start, end=draft.end, proposer=draft.proposer,
    )  # fmt: skip
