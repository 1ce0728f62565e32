"""Folding, sentence boundaries and the phrase automaton: the ground all readers stand on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Typographic characters are folded one to one, so that offsets in the folded text hold in the raw text.
_FOLD = {ord(a): b for a, b in zip("’‘‛ʼ“”„«»–—‑−\u00a0\t\n\r", "''''\"\"\"\"\"---- \n\n\n".replace("\n", " "), strict=False)}
_PUNCT = re.compile(r"[^0-9a-zà-öø-ÿāăąćčďđēęěğģīıķĺľłńňōőœŕřśşšţťūůűźżžșț]")


def fold(text: str) -> str:
    """Lower-case with plain quotes and dashes, the same length as `text`.

    >>> fold("“Kyiv’s İstanbul”") == '"kyiv\\'s istanbul"'
    True
    """
    text = text.translate(_FOLD)
    low = text.lower()
    if len(low) != len(text):  # a few letters grow when lower-cased
        low = "".join(c.lower() if len(c.lower()) == 1 else c.lower()[0] for c in text)
    return low


def words_only(folded: str) -> str:
    """The folded text with everything but letters and digits blanked, framed by the same offsets."""
    return _PUNCT.sub(" ", folded)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and its place in the article."""

    index: int
    start: int
    end: int


def sentences(text: str) -> list[Sentence]:
    """Sentence spans without surrounding white space.

    >>> [s.end - s.start for s in sentences("The U.S. envoy met him. He left.")]
    [23, 8]
    """
    import sentencex

    out: list[Sentence] = []
    for piece in sentencex.get_sentence_boundaries("en", text):
        if piece["is_paragraph_break"]:
            continue
        for start, end in _lines(text, piece["start_index"], piece["end_index"]):
            # The splitter breaks after titles it does not know ("Dr. No"): join such pieces again.
            if out and _ABBREVIATED.search(text, out[-1].start, out[-1].end) and out[-1].end + 1 >= start:
                out[-1] = Sentence(out[-1].index, out[-1].start, end)
            else:
                out.append(Sentence(len(out), start, end))
    return out


_ABBREVIATED = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Gen|Col|Lt|Maj|Sen|Rep|Gov|Prof|St|Sgt|Brig|Adm|Capt|Amb|Sec|No)\.$")


def _lines(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """Line breaks end a sentence too: feeds keep headings and list items on lines of their own."""
    for m in re.compile(r"[^\n\r]+").finditer(text, start, end):
        a, b = m.span()
        while a < b and text[a].isspace():
            a += 1
        while b > a and text[b - 1].isspace():
            b -= 1
        if a < b:
            yield a, b


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found: its place, the kind of list it stands in and what that list says of it."""

    start: int
    end: int
    kind: str
    value: str


class PhraseBook:
    """All phrases of all lists in one automaton; found by whole words, longest first.

    Parameters
    ----------
    phrases : (kind, phrase, value); a phrase that is all capitals (`US`, `ELN`) is matched only where
        the raw text has capitals too. Kinds do not hide each other.
    """

    def __init__(self, phrases: Iterable[tuple[str, str, str]]) -> None:
        import ahocorasick_rs

        entries: dict[str, list[tuple[str, str, bool]]] = {}
        for kind, phrase, value in phrases:
            key = " " + " ".join(words_only(fold(phrase)).split())
            if len(key) < 2:
                continue
            capital = phrase.isupper() and len(key.replace(" ", "")) <= 12
            slot = entries.setdefault(key, [])
            if (kind, value, capital) not in slot:
                slot.append((kind, value, capital))
        self._keys = list(entries)
        self._entries = [entries[k] for k in self._keys]
        self._automaton = ahocorasick_rs.AhoCorasick(self._keys, matchkind=ahocorasick_rs.MatchKind.Standard)

    def find(self, raw: str, words: str | None = None) -> list[Hit]:
        """Every hit in `raw`, in order of place. `words` may be passed where `words_only(fold(raw))` is at hand."""
        if words is None:
            words = words_only(fold(raw))
        # Runs of blanks are squeezed, since phrases hold single ones; `back` leads to the raw offsets.
        squeezed, back = _squeeze(words)
        out: list[Hit] = []
        for index, start, end in self._automaton.find_matches_as_indexes(squeezed, overlapping=True):
            if end < len(squeezed) and squeezed[end] != " ":
                continue
            a, b = back[start + 1], back[end - 1] + 1
            for kind, value, capital in self._entries[index]:
                if capital and not raw[a:b].isupper():
                    continue
                out.append(Hit(a, b, kind, value))
        return self._longest(out)

    def _longest(self, hits: list[Hit]) -> list[Hit]:
        """Of phrases of one list that overlap the longest stays: "meeting at the level of leaders", not "a meeting"."""
        hits.sort(key=lambda h: (h.start - h.end, h.start, h.kind, h.value))
        taken: dict[str, list[tuple[int, int]]] = {}
        kept: list[Hit] = []
        for h in hits:
            spans = taken.setdefault(h.kind, [])
            if any(a < h.end and h.start < b and (a, b) != (h.start, h.end) for a, b in spans):
                continue
            spans.append((h.start, h.end))
            kept.append(h)
        return sorted(kept, key=lambda h: (h.start, -h.end, h.kind, h.value))


def _squeeze(words: str) -> tuple[str, list[int]]:
    parts = [" "]
    back = [0]
    for m in re.finditer(r"\S+", words):
        parts.append(m.group())
        parts.append(" ")
        back.extend(range(m.start(), m.end()))
        back.append(m.end())
    return "".join(parts), back


_IRREGULAR = {
    "agree": ("agrees", "agreed", "agreeing"), "disagree": ("disagrees", "disagreed", "disagreeing"),
    "be": ("is", "are", "was", "were", "been", "being"), "say": ("says", "said", "saying"),
    "seek": ("seeks", "sought", "seeking"), "hold": ("holds", "held", "holding"), "meet": ("meets", "met", "meeting"),
    "put": ("puts", "put", "putting"), "set": ("sets", "set", "setting"), "give": ("gives", "gave", "given", "giving"),
    "tell": ("tells", "told", "telling"), "make": ("makes", "made", "making"), "want": ("wants", "wanted", "wanting"),
    "break": ("breaks", "broke", "broken", "breaking"), "drop": ("drops", "dropped", "dropping"),
    "rule": ("rules", "ruled", "ruling"), "let": ("lets", "let", "letting"), "stand": ("stands", "stood", "standing"),
    "take": ("takes", "took", "taken", "taking"), "send": ("sends", "sent", "sending"), "go": ("goes", "went", "gone", "going"),
    "withdraw": ("withdraws", "withdrew", "withdrawn", "withdrawing"), "write": ("writes", "wrote", "written", "writing"),
    "begin": ("begins", "began", "begun", "beginning"), "leave": ("leaves", "left", "leaving"),
    "find": ("finds", "found", "finding"), "keep": ("keeps", "kept", "keeping"), "lay": ("lays", "laid", "laying"),
    "swap": ("swaps", "swapped", "swapping"), "stop": ("stops", "stopped", "stopping"), "quit": ("quits", "quit", "quitting"),
    "cut": ("cuts", "cut", "cutting"), "bring": ("brings", "brought", "bringing"), "get": ("gets", "got", "getting"),
    "commit": ("commits", "committed", "committing"), "admit": ("admits", "admitted", "admitting"),
    "permit": ("permits", "permitted", "permitting"), "plan": ("plans", "planned", "planning"),
    "wrap": ("wraps", "wrapped", "wrapping"), "sit": ("sits", "sat", "sitting"), "speak": ("speaks", "spoke", "spoken", "speaking"),
    "come": ("comes", "came", "coming"), "pull": ("pulls", "pulled", "pulling"), "veto": ("vetoes", "vetoed", "vetoing"),
    "submit": ("submits", "submitted", "submitting"), "balk": ("balks", "balked", "balking"),
    "ban": ("bans", "banned", "banning"), "free": ("frees", "freed", "freeing"), "flee": ("flees", "fled", "fleeing"), "spurn": ("spurns", "spurned", "spurning"),
    "turn": ("turns", "turned", "turning"), "back": ("backs", "backed", "backing"), "shun": ("shuns", "shunned", "shunning"),
    "know": ("knows", "knew", "known", "knowing"), "think": ("thinks", "thought", "thinking"),
    "defer": ("defers", "deferred", "deferring"), "scrap": ("scraps", "scrapped", "scrapping"),
    "rebuff": ("rebuffs", "rebuffed", "rebuffing"), "bar": ("bars", "barred", "barring"), "slam": ("slams", "slammed", "slamming"),
    "lead": ("leads", "led", "leading"), "pay": ("pays", "paid", "paying"), "see": ("sees", "saw", "seen", "seeing"),
}  # fmt: skip


def inflect(phrase: str) -> list[str]:
    """All forms of a verb phrase; its first word is the verb, in its base form.

    >>> inflect("call for")
    ['call for', 'calls for', 'called for', 'calling for']
    """
    verb, _, rest = phrase.partition(" ")
    forms = [verb]
    if verb in _IRREGULAR:
        forms += _IRREGULAR[verb]
    elif re.search(r"(s|x|z|ch|sh)$", verb):
        forms += [verb + "es", verb + "ed", verb + "ing"]
    elif verb.endswith("e"):
        forms += [verb + "s", verb + "d", verb[:-1] + "ing"]
    elif re.search(r"[^aeiou]y$", verb):
        forms += [verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing"]
    else:
        forms += [verb + "s", verb + "ed", verb + "ing"]
    return [f"{f} {rest}".strip() for f in forms]
