"""Pre-round facts that reports state outright (codebook section 5), found by pattern."""

from __future__ import annotations

import re

from forecast.coding.text import fold, sentences

# Name, letters without one of which the pattern cannot be there (looking for them is cheaper), pattern.
_CUES: list[tuple[str, tuple[str, ...], re.Pattern[str]]] = [
    ("signing_expected", ("sign", "deal", "agreement", "accord", "truce"), re.compile(r"\b(?:(?:will|to|expected to|due to|set to|ready to|about to|poised to|plans? to|prepared to) (?:formally |officially |finally |be )?sign(?:ed)?\b(?! up)|signing (?:ceremony|of the (?:deal|agreement|accord|treaty|text))|(?:deal|agreement|accord|truce) (?:will|is to|is expected to|is due to|is set to) be (?:signed|announced|sealed|finali[sz]ed|unveiled))")),
    ("draft_on_table", ("draft", "memorand", "exchange", "propos", "document", "text"), re.compile(r"\b(?:draft (?:text|agreement|deal|treaty|accord|document|memorandum|proposal|resolution|plan|protocol|framework)s?|drafts of|memorandum\w*|exchanged? (?:texts|drafts|documents|proposals|written)|written proposals?|working document|proposed text|bridging (?:text|proposal)|framework document|texts? (?:of|for) (?:a|an|the) (?:deal|agreement|accord))\b")),
    ("entry_condition_unmet", ("unless", "until", "without", "before", "condition", "only "), re.compile(r"\b(?:will not (?:attend|take part|join|negotiate|come|sit down|return|send|talk)\b.{0,60}\b(?:unless|until|without|before)|(?:refus\w+ to (?:attend|take part|join|negotiate|meet|talk|sit down|return)).{0,60}\b(?:unless|until|without|before)|pre-?conditions? for (?:attending|joining|taking part|talks|negotiations|any talks|new talks|resuming)|no (?:talks|negotiations|meeting) (?:unless|until|without|before)|only (?:attend|take part|join|negotiate|come|return|talk|meet) (?:if|when|after|once))\b")),
    ("guarantor_offered", ("peacekeep", "monitor", "observer", "guarant"), re.compile(r"\b(?:(?:offer\w*|agree\w*|propos\w*|pledg\w*|ready|willing|prepared|accept\w*)\b.{0,50}\b(?:peacekeep\w+|monitors|observers|guarantor|guarantee (?:the|a|any)|security guarantees|monitoring mission|monitor (?:the|a|any)))")),
    ("expectation:-2", ("no ", "nothing", "pointless", "talks are", "will not", "may not", "meaningless", "waste", "doubt"), re.compile(r"\b(?:no (?:talks|meeting|round) (?:is |are )?planned|no point in|nothing to (?:talk|discuss|negotiate)|pointless|talks are (?:dead|over)|will not (?:attend|send a delegation|take part)|may not (?:take place|happen|be held)|no plans? to (?:meet|hold|send|attend)|meaningless|waste of time|doubts? whether the (?:talks|meeting|round)|in doubt|no prospects?)\b")),
    ("expectation:-1", ("no ", "expect", "scepti", "skepti", "hope", "far apart", "opposed", "divi", "gap", "unlikely", "play", "difficult", "exclusive", "little"), re.compile(r"\b(?:no (?:\w+ )?(?:breakthroughs?|miracles?|progress)(?: \w+){0,3} expected|no (?:reason|grounds) (?:to|for) (?:expect|hope|optimism)|(?:expect|expects|expected|expecting) no|skeptical|sceptical|low expectations|slim hopes?|little (?:hope|chance|prospect)|far apart|diametrically opposed|deep(?:ly)? divi\w+|wide gaps?|unlikely to (?:produce|yield|bring|achieve|lead|result)|not expected to (?:produce|yield|bring|lead)|playe?d? down (?:hopes|expectations|prospects)|difficult (?:talks|round|negotiations)|do(?:es)? not expect|hopes? (?:are|is|were) (?:slim|low|dim|fading)|no breakthrough|mutually exclusive)\b")),
    ("expectation:+1", ("progress", "optimis", "hope", "narrow", "encourag", "construct", "chance", "confident", "closer", "positive", "momentum"), re.compile(r"\b(?:progress (?:is |was )?expected|optimis\w+|hopeful|hopes? (?:are|is|were) (?:high|rising|growing)|narrow\w* (?:the )?(?:gaps?|differences)|(?:gaps?|differences) (?:have |has |had )?(?:been )?narrow\w+|encouraging|constructive|good chance|confident|moved closer|positive signs?|momentum|made progress|significant progress|real progress)\b")),
    ("expectation:+2", ("near", "close", "immin", "reach", "at hand", "verge", "brink", "cusp", "final", "sign", "initial", "principle", " per", "last details", "appears"), re.compile(r"\b(?:(?:deal|agreement|accord|truce|ceasefire|settlement) (?:is|was|could be|looks|appears|seems) (?:very |extremely )?(?:near|close|imminent|within reach|at hand)|close to (?:a|an) (?:deal|agreement|accord|ceasefire|truce)|on the (?:verge|brink|cusp) of (?:a|an) (?:deal|agreement|accord|truce|ceasefire|peace)|final touches|about to sign|ready to (?:sign|initial)|will (?:sign|initial)|signing (?:ceremony|expected)|expected to (?:sign|be signed|initial)|agreed in principle|9\d (?:percent|per cent)|last details)\b")),
    ("violence_rising", ("escalat", "attack", "fighting", "violence", "clash", "shelling", "strike", "largest", "heaviest", "deadliest", "biggest", "offensive", "intensif", "surge", "record"), re.compile(r"\b(?:escalat\w+ (?:attacks|fighting|violence)|(?:attacks|fighting|violence|clashes|shelling|strikes) (?:\w+ ){0,2}(?:intensif\w+|escalat\w+|surg\w+|increas\w+|spread|flared)|(?:heaviest|largest|deadliest|biggest) (?:\w+ ){0,3}(?:attack|barrage|strike|raid|bombardment|assault)s?|new offensive|launched an offensive|intensif\w+ (?:attacks|its offensive|fighting|bombing|strikes)|surge in (?:violence|fighting|attacks)|record number of drones)\b")),
    ("violence_falling", ("fight", "violence", "attack", "shelling", "clash", "lull", "calm", "quietest"), re.compile(r"\b(?:(?:fighting|violence|attacks|shelling|clashes) (?:\w+ ){0,2}(?:eased|subsided|fallen|declined|dropped|decreased|abated|died down|ebbed)|lull in (?:fighting|violence)|relative calm|calm (?:has )?returned|reduction in violence|fewer attacks|quietest)\b")),
    ("ceasefire_general", ("ceasefire", "truce", "cessation"), re.compile(r"\b(?:ceasefire|truce|cessation of hostilities) (?:\w+ ){0,4}(?:is holding|has held|has largely held|largely holding|in force|in effect|took effect|came into force|went into effect|holds|was holding)\b")),
    ("ceasefire_nominal", ("ceasefire", "truce"), re.compile(r"\b(?:violat\w+ (?:of )?(?:the |a |its )?(?:ceasefire|truce)|(?:shaky|fragile|repeatedly broken|much-violated|nominal) (?:ceasefire|truce)|(?:ceasefire|truce) violations?|breach\w* (?:of )?the (?:ceasefire|truce))\b")),
]  # fmt: skip


def preround_cues(folded: str) -> tuple[str, ...]:
    """Names of the pre-round facts a folded text states, in a fixed order.

    >>> preround_cues("analysts remain skeptical; both sides exchanged memorandums")
    ('draft_on_table', 'expectation:-1')
    """
    return tuple(name for name, letters, pattern in _CUES if any(x in folded for x in letters) and pattern.search(folded))


def column_of(cue: str) -> str:
    """The codebook's pre-round column a fact belongs to.

    >>> [column_of(c) for c in ("expectation:-1", "violence_rising", "ceasefire_general", "draft_on_table")]
    ['expectation', 'violence_trend', 'ceasefire_in_force', 'draft_on_table']
    """
    name = cue.split(":")[0]
    return {"violence": "violence_trend", "ceasefire": "ceasefire_in_force"}.get(name.split("_")[0], name)


def cue_quote(text: str, cue: str) -> str | None:
    """The sentence of an article in which a pre-round fact is stated first; None where it is not.

    >>> cue_quote("They met. Both sides exchanged memorandums.", "draft_on_table")
    'Both sides exchanged memorandums.'
    """
    pattern = next((p for name, _, p in _CUES if name == cue), None)
    found = pattern.search(fold(text)) if pattern else None
    if found is None:
        return None
    return next((text[s.start : s.end] for s in sentences(text) if s.start <= found.start() < s.end), None)


def stated_outlook(folded: str) -> float | None:
    """Outlook a text states outright, -1..+1: the mean of the expectations it names; None where it names none.

    >>> stated_outlook("no breakthrough is expected")
    -0.5
    """
    found = [int(c.split(":")[1]) for c in preround_cues(folded) if c.startswith("expectation")]
    return sum(found) / len(found) / 2 if found else None
