"""The patterns of the grammar of reported stances, in the order the readers use them.

All match folded text (lower case, plain quotes). Stance, issue and speech words are data (`codebook/`) and reach
the readers as hits; what is here are the small words between them. "Before" and "after" say on which side of
such a word a pattern is looked for; one that ends in `$` must touch the word.
"""

from __future__ import annotations

import re

# -- Clauses: where they break, and what opens them ------------------------------------------------------

# Where a sentence breaks into clauses; the group that matched tells the role of the clause that follows.
BREAK = re.compile(
    r"(?P<stop>[.!?]\s+|[.!?]$|;\s*|:\s+|\s-\s|\")"
    r"|,?\s+(?P<cond>(?:but |and )?(?:only (?:if|when|after|once|on condition that|in exchange for|in return for|following|with|on the basis of)|unless(?: and until)?|until(?: and unless)?|provided(?: that)?|providing|"
    r"on (?:the )?condition (?:that|of)|as long as|so long as|if and only if|not before|without(?: first)?|pending|in exchange for|in return for|depends? on|hinges? on|contingent on|conditional on|dependent on|conditioned on|subject to))\s"
    r"|,?\s+(?P<if_>if|once|as soon as|in the event of)\s"
    r"|,?\s+(?P<gate>before|ahead of|prior to|as an? (?:pre)?condition (?:for|of|to)|as a prerequisite (?:for|to)|as an? (?:first )?step (?:towards?|to)|in order for|in order to|an? (?:pre)?condition (?:for|of)|a prerequisite for|to pave the way for|so that|to allow)\s"
    r"|,\s+(?P<comma>but|while|although|though|whereas|however|yet|and|which|who|whose|where|with|as|since|because|after|when|in which|despite|amid|during|following|nor|or)\s"
    r"|\s(?P<bare>but|while|although|though|whereas|which|who|because|since|after|when|despite|amid|even though|even as|with)\s"
    r"|,\s+(?P<ing>(?:also |again |instead |once more |while |thereby )?[a-z]+ing)\s"
)
# A conjunction that opens a clause and gives it its role: "Unless X, Y".
LEAD = re.compile(
    r"^(?P<cond>only (?:if|when|after|once)|unless|until|provided(?: that)?|as long as|without|in exchange for|in return for)\s"
    r"|^(?P<if_>if|once|as soon as)\s|^(?P<gate>before|ahead of|prior to|as an? (?:pre)?condition for)\s|^(?P<comma>while|although|though|with|after|since|despite|when|amid|as)\s"
)
# "that", which opens what was said or demanded where a say or stance word stands just before it.
THAT = re.compile(r"\s(that)\s")
# A joining word before which a clause may begin, if a new subject with its own verb follows.
AND_THEN = re.compile(r"\s(and|or|then)\s(?:also |that |the |only )?")

# -- Subjects and speakers -------------------------------------------------------------------------------

# A preposition before an actor: it is governed by it and cannot be the subject.
PREP = re.compile(
    r"\b(?:with|to|from|by|of|in|against|for|on|between|into|toward|towards|at|over|about|near|inside|outside|across|through|via|under|than|like|among|upon|within|regarding|including)\s+(?:(?:the|a|an|its|their|his|both|all|neighbouring|neighboring|new|former|senior|eastern|western|northern|southern)\s+)*$"
)
# Words of office and of kinds of groups that may stand between two names (a part of `JOIN` and `SAME_NAME`).
TITLES = r"(?:(?:the|its|their|his|her|both|neighbouring|former|then|president|presidents|prime|foreign|defen[cs]e|minister|ministers|leader|leaders|chief|general|government|governments|rebel|rebels|group|officials?|envoys?|delegations?|negotiators?|secretary|secretary-general|head|state|king|movement|militants?|party|authorities|army|forces|side|of|for|and rebel|and militant)\s+)*"
# Between two actors: both are the subject: "X and the president of Y".
JOIN = re.compile(rf"^(?:'s?)?\s*{TITLES}(?:,|and|or|, and|as well as|along with|together with|, as well as|nor|&)\s*{TITLES}$")
# Between two names of one actor: titles and a word or two: "Turkey's foreign minister X".
SAME_NAME = re.compile(rf"^(?:'s?)?\s*(?:[\w-]+\s+){{0,2}}{TITLES}$")
# Between a role and a name for it: "the rebel group, the X".
APPOSITION = re.compile(r",?\s*(?:the\s+)?")
# Pronouns that may stand for an actor.
PRONOUNS = re.compile(r"\b(he|she|it|they|we|i|us|our|ours|its|his|her|their|them|him)\b")
# A person whom only the office before the name tells: "President X" of a country that is not named.
RULER = re.compile(
    r"\b(?:Acting |Interim |Vice )?(?:President|Prime Minister|Premier|King|Foreign Minister|Defen[cs]e Minister|Interior Minister|Home Minister|Justice Minister|Army Chief)"
    r" (?P<name>(?:[A-Z][\w'-]+ )?(?:al-|el-)?[A-Z][\w-]+)"
)
# "The North" of two parties called "North ..." and "South ...".
HALF = re.compile(r"\bthe (north|south)(?:ern(?:er|ers| side))?\b(?! of\b|-|west|east)")
# All that may stand between a say word and the speaker named after it: "said the president, X".
SAY_GAP = re.compile(r"^[\s\w,'.-]{0,40}$")
# All that may stand between an owner and the noun: "Kyiv's latest peace offer".
OWNER_GAP = re.compile(r"(?:'s?)?\s*(?:[\w-]+\s+){0,3}")

# -- Cues: which words take a stance, and what turns or suspends it --------------------------------------

# What stands before a word makes it a noun: "the offer", "its latest demand".
DETERMINED = re.compile(r"\b(?:the|a|an|its|their|his|her|this|that|any|every|each|our|no|'s|such|another|those|these)\s+(?:\w+\s+)?$")
# "that" or a clitic "'s" right before, after which a verb may well follow.
THAT_OR_S = re.compile(r"\b(?:that|'s)\s*$")
# What stands before a participle that only describes: "the proposed truce".
DESCRIBING = re.compile(r"\b(?:the|a|an|its|their|his|her|this|that|any|of|for|on|to|with|under)\s+(?:[\w-]+\s+)?$")
# "that" right before a word, so that a clause begins with it.
THAT_BEFORE = re.compile(r"\bthat\s+$")
# What follows a participle that is a verb after all: "... agreed to".
COMPLEMENT_AFTER = re.compile(r"\s+(?:by|to|for|on|that)\b")
# A copula before a state of mind ("is ready"), or nothing at all.
COPULA_BEFORE = re.compile(r"\b(?:is|are|was|were|be|been|being|remains?|remained|stands?|stood|himself|herself|itself|themselves|declared|as|not|seems?|'s|were|now|also|still|fully|always)\s+(?:\w+\s+){0,2}$|^\s*$")
# States of mind that count without a copula as well: "a party willing to".
WILLING = re.compile(r"(?:ready|willing|prepared|open)")
# A noun of stance taken back or denied: "withdrew its offer", "no demand".
WITHDRAWN = re.compile(r"\b(?:no|without|withdrew|withdrawn|retracted|dropp\w+|abandon\w+)\s+(?:\w+\s+)?$")
# Between two cues: the first one governs no further than here.
NEW_VERB = re.compile(r"[;:]|\bbut\b|\band (?:has|have|had|is|was|would|will|said|also)\b")
# Between two words: they stand side by side, neither governs the other.
JOINT = re.compile(r",|\band\b|\bor\b")
# A form of "be" between two cues: the second one is passive.
BE_BETWEEN = re.compile(r"\b(?:be|to be|being|is|are)\b")
# Words by which one cue governs the next: "refused to accept".
GOVERNING = re.compile(r"\bto\b|\bthat\b|\bthe idea\b|\bfrom\b|\bit will\b|\bfor\b|\bany\b|\bif\b")
# Nothing but up to three words between two cues.
THREE_WORDS = re.compile(r"\s*(?:\w+\s+){0,3}")
# Words that turn a stance word shortly after them.
NEGATION = re.compile(
    r"\b(?:not|never|no longer|nor|neither|cannot|no intention of|no plans? to|no reason to|no desire to|no question of|by no means|hardly|in no mood to|far from|no)\b|n't\b"
)
# "neither" anywhere before a stance word turns it.
NEITHER = re.compile(r"\bneither\b")
# After "no": "no one", "neither side", or straight to the cue, so that "no" turns it.
NOBODY = re.compile(r"\s*(?:one|side|party)?\s*(?:\w+\s+)?")
# After "not": "not only" denies nothing.
ONLY_NEXT = re.compile(r"\s*only\b")
# Words of possibility, hope and doubt before a stance word: nothing has been said yet.
HYPO = re.compile(
    r"\b(?:could|might|may|perhaps|possibly|maybe|whether|would have|could have|is expected to|are expected to|was expected to|likely to|unlikely to|appears? to|seems? to|is believed to|reportedly considering|considering whether|weighing whether|mulling|speculat\w+|rumou?r\w*|hope[sd]? (?:that|to|for)|hopes? \w+ (?:will|would)|fear\w* (?:that|of)|predict\w*|threaten\w* to|what would|were to|suppose|if ever|asked (?:if|whether)|whatever|would consider|wonder\w*|unclear|debat\w+)\b"
)
# Words that set a clause in an earlier time; see `PAST_MARK`.
HISTORY = re.compile(
    r"\b(?:in the past|historically|back then|at the time|decades? ago|(?:\w+ )?years? (?:ago|earlier|before)|last year|previously|originally|had once|had long|(?:in|during|since|of) (?:19|20)\d\d|a generation ago|in previous (?:years|rounds|talks)|during the (?:civil )?war|once (?:demanded|offered|rejected|accepted|proposed|refused|insisted|called))\b"
)
# Confirms that a clause with a word of `HISTORY` tells of an earlier time.
PAST_MARK = re.compile(r"\bhad\b|\bonce\b|(?:19|20)\d\d|\bago\b|\blast year\b|previous")
# Sentences that suppose, doubt or deny a refusal: only a sure reading of them may stand.
DOUBTFUL = re.compile(
    r"^(?:if|were|had|what if|should)\b|\b(?:not|never|n't|without|nor) (?:yet |quite |entirely )?(?:rul\w+ out|reject\w*|refus\w+|exclud\w+|dismiss\w*)\b|"
    r"\b(?:might|could|may) (?:\w+ )?(?:accept|reject|offer|agree|demand|propose|refuse)\b|\bwould (?:then |have |freeze|collapse|mean|lead|be seen|require)|\bwhether\b|\bspeculat\w+|\bhypothetical"
)

# -- Cues without a stance word: promise, refusal, need, declaration -------------------------------------

# A promise right before a verb that is itself an issue: "will withdraw" offers.
WILL = re.compile(r"\b(?:will|would|shall|'ll|is going to|are going to|pledged to|vowed to)\s+(?:\w+ly\s+|also\s+|soon\s+|now\s+|immediately\s+)?$")
# A refusal right before a verb that is itself an issue: "will not withdraw" rejects.
WILL_NOT = re.compile(
    r"\b(?:(?:will|would|shall|could|can|does|do|did|is|are) not|won't|wouldn't|cannot|can't|will never|would never|never|no intention of|not going to|no plans? to|(?:will|would) no longer|refus\w+ to|not be|no longer|nor (?:will|would)(?: it)?)\s+(?:\w+ly\s+|ever\s+|even\s+|be\s+|agree to\s+|any\s+|simply\s+|go back to\s+|enter\s+)*$"
)
# "no" and adjectives right before an issue: "no direct talks" rejects; see `THERE_IS`.
NO_ISSUE = re.compile(r"\b(?:no|without any|not any|zero)\s+(?:(?:new|more|further|direct|general|full|lasting|real|immediate|such|foreign|quick|unilateral|question of an?|question of|unconditional|talk of an?|talk of|discussion of)\s+)*$")
# What may stand before "no ISSUE" for it to be a refusal: "there will be no".
THERE_IS = re.compile(r"\b(?:be|is|are|see|seeing|accept|there)\s+$|^\s*$")
# Words of need before an issue: in a speaker's mouth, a demand.
NEED = re.compile(r"\b(?:must|should|has to|have to|needs? to|ought to|it is time (?:for|to)|time (?:for|to)|let us|(?:we|they) need|there needs to be|cannot be without|shall)\b")
# "not" right after a word of need, which undoes it: "should not".
NOT_NEXT = re.compile(r"\s*not\b")
# Words of need after an issue: "a ceasefire is essential", "withdrawal comes first".
NEED_AFTER = re.compile(
    r"^\s*(?:and \w+ )?(?:is|are|was|were|remains?)\s+(?:\w+ly\s+|also\s+|now\s+|still\s+)?(?:needed|necessary|required|essential|vital|imperative|a must|urgent|the (?:first|only|main) (?:step|priority|way|task|condition)|(?:an? |the |our |its |their )?(?:\w+ )?(?:pre)?condition\b|(?:our|its|their|the|a|top|main) \w*\s?priority|a prerequisite|non-negotiable demand|overdue)"
    r"|^\s*(?:must|should|has to|have to|needs? to)\b|^\s*comes? first|^\s*first\b|^\s*now\b"
)
# A "not" close behind an issue, which undoes the need after it.
NOT = re.compile(r"\bnot\b")
# Before "ceasefire": it is declared or extended, which offers it, or accepts it if two do so.
DECLARED = re.compile(
    r"\b(?:declar\w+|announc\w+|proclaim\w+|extend\w*|prolong\w*|renew\w*|order\w*|begin\w*|began|start\w*|observ\w+|implement\w*|institut\w+)\s+(?:(?:a|an|the|its|their|his|another|new|that|it|will|has|have|had|would|extend|observe|declare)\s+)*(?:[\w-]+\s+){0,4}$"
)
# Between a cue and an issue: the cue does not reach so far.
CUT_OFF = re.compile(r"[;:]|\bbut\b")

# -- Agents: who takes the stance ------------------------------------------------------------------------

# A form of "be" right before a participle: a passive, whose object stands to the left.
BE = re.compile(r"\b(?:is|are|was|were|be|been|being|gets?|got)\s+(?:\w+ly\s+|also\s+|again\s+|already\s+|later\s+|since\s+|immediately\s+|swiftly\s+|being\s+)?$")
# "by" right after a participle: a passive, even without a form of "be".
BY_NEXT = re.compile(r"\s+(?:\w+ly\s+)?by\s")
# "by", after which the agent of a passive is named.
BY = re.compile(r"\bby\s+(?:both\s+)?(?:the\s+)?")
# After a noun of stance, before its owner: "a proposal to talk by X".
BY_OR_FROM = re.compile(r"\s+(?:\w+\s+){0,3}?(?:by|from)\s+(?:the\s+)?")
# A light verb before a noun of stance, which gives it to the subject: "renewed its call", not "noted the call".
LIGHT = re.compile(
    r"\b(?:mak\w+|made|issu\w+|repeat\w*|reiterat\w+|renew\w*|voic\w+|express\w*|stat\w+|reaffirm\w*|restat\w+|maintain\w*|put forward|set out|list\w*|stick\w* to|stuck to|stood by|stand\w* by|insist\w* on|present\w*|extend\w*|convey\w*|has|have|had|with|signal\w*|declar\w+|announc\w+|gave|giv\w+|confirm\w*|show\w*|launch\w*|join\w*|add\w*|back\w* up|underlin\w+|stress\w*|press\w*|remain\w* firm in|is|are|was|were|reach\w*|sign\w*|struck|indicat\w+|offer\w*|drop\w*|soften\w*)\b[^,;]{0,30}$"
)
# Stance words said of an issue, not of a party: "X is unacceptable", "is on the table".
IMPERSONAL = re.compile(r"unacceptable|question|off the table|option|non-?negotiable|starter|red line|unthinkable|up for|on the table|agenda|under consideration|premature|impossible|inadmissible|not negotiable")
# After an impersonal stance word, before the one who holds it: "unacceptable to X".
TO_FOR_BY = re.compile(r"\b(?:to|for|by)\s+(?:the\s+)?")
# Stance words for deals, which bind the partner as well: "signs a truce with Y".
DEAL = re.compile(r"^(?:sign|reach|agree|conclud|seal|initial|struck|strik)")
# "with" before an actor: the other side of a deal.
WITH_BEFORE = re.compile(r"\bwith\s+(?:the\s+)?(?:\w+\s+){0,2}$")

# -- Objects and conditions: on which issue, and on what it hangs ----------------------------------------

# Between talks and another issue: the issue is only what the talks are about.
TOPIC = re.compile(r"\b(?:on|about|over|regarding|concerning|to discuss|covering|around|aimed at|focus\w* on|devoted to|with)\s+(?:\w+\s+){0,3}$")
# Before an issue: it is where, when or what from, not the object of the stance.
PLACE = re.compile(
    r"\b(?:at|in|during|after|since|from|of|despite|amid|following|between|through|as|into|by|under)\s+(?:(?:the|a|an|its|their|this|last|next|previous|coming|latest|new|third|second|first|week's|any|such|all)\s+)*$"
)
# Between two issues: a list, so that the second one is an object too.
ENUMERATED = re.compile(r",|\band\b")
# Before "talks" or "settlement": it is the occasion, not what is wanted: "after the talks".
OCCASION = re.compile(r"\b(?:at|during|in|after|since|amid|despite|from|following)\s+(?:\w+\s+){0,2}$")
# After an issue: it is made a condition of something, named in the group.
PRECONDITION_OF = re.compile(r"\s+(?:as a|to be a)?\s*(?:pre)?condition (?:for|of)\s+(?:any\s+|the\s+|starting\s+|new\s+)*(\w+)")
# Words that deny as "not" does.
HOPELESS = re.compile(r"\bimpossible\b|\bpointless\b")
# The modal words of `HYPO` that do not spoil a condition: "could meet only if".
POSSIBLE = re.compile(r"\b(?:could|may|might)\b")
# A finite verb: without one a short clause is a fragment, such as an item of a list of wants.
FRAGMENT = re.compile(r"\b(?:is|are|was|were|be|been|has|have|had|will|would|can|could|may|might|said|says|did|does|do)\b")


def last_match(pattern: re.Pattern[str], text: str, start: int, end: int) -> re.Match[str] | None:
    """The last match of a pattern between two places."""
    found = None
    for m in pattern.finditer(text, start, end):
        found = m
    return found
