"""What a web page says in place of an article, or to end one early: pay, sign in, accept cookies, prove that you are human.

Told by its wording, in English.
"""

from __future__ import annotations

import re

SUBSCRIPTION = "the page asks for a subscription"
LOGIN = "the page asks to sign in"
COOKIES = "the page shows a cookie notice"
SCRIPT = "the page needs JavaScript"
ROBOT_CHECK = "the page checks whether its reader is human"
ERROR = "the page says that there is no such article"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


# What is asked of the reader, and what for. News is full of people who register, sign in and become members, so that much must be named.
_PAY = (
    r"(?:subscrib\w+|subscription|regist\w+|sign(?:ing)?[ -]?(?:in|up)|log(?:ging)?[ -]?in|join|upgrade|members?|membership|trial|account)"
)
_PIECE = r"(?:articles?|stor(?:y|ies)|content|analysis|coverage|journalism)"
_READ = (
    r"(?:(?:continue|keep|finish|carry on|go on) reading|read(?:ing)? (?:on|more|in full|the rest)"
    rf"|(?:read|view|see|access|unlock)(?:ing)? (?:[\w'-]+ ){{0,4}}{_PIECE})\b"
)
_READERS = r"(?:(?:paying|paid|registered|premium) )?(?:subscribers?|members?|(?:registered|premium) (?:users?|readers?))"

_BARRIER = _any(
    rf"\b{_PAY}\b[^.!?]{{0,60}}\bto {_READ}",
    rf"\bto {_READ}[^.!?]{{0,60}}\b{_PAY}\b",
    r"\bto (?:continue|keep|finish) reading\b",
    rf"\b(?:this|the (?:full|rest of (?:this|the))) (?:\w+ )?{_PIECE}\b[^.!?]{{0,30}}\b(?:for|to)\b[^.!?]{{0,20}}\b{_READERS}\b",
    r"\b(?:exclusive(?:ly)?|reserved|available|only) (?:only )?(?:to|for) (?:our )?(?:paying |paid )?subscribers\b",
    rf"\b{_READERS}[- ](?:only|exclusive) (?:{_PIECE}|access)\b",
    rf"\byou(?:'ve| have) (?:\w+ )?(?:reached|used|read|hit|viewed)\b[^.!?]{{0,30}}\b(?:free|limit|last)\b[^.!?]{{0,20}}\b{_PIECE}\b",
    rf"\bunlock (?:(?:this|the|full|unlimited) ){{1,2}}(?:{_PIECE}|access)\b",
    rf"\bpremium {_PIECE}\b",
)
_PROMPT = _any(
    r"\balready (?:an? |have an? )?(?:paying )?(?:subscri\w+|member|registered|account)(?:\?|\W{0,3}(?:please )?(?:log|sign)[ -]?in\b)",
    rf"\bnot (?:yet )?an? {_READERS}\?",
    r"\bsubscribe (?:now|today)\b",
    r"\bsubscri\w+\b[^.!?]{0,40}[£$€]\d",
    r"\bstart (?:an?|your) (?:\w+ ){0,2}trial\b",
    r"\bchoose (?:an?|your) (?:plan|subscription)\b",
)
_CONSENT = _any(
    r"\b(?:accept|manage|reject|refuse|allow|use|uses|using|set|sets|placing|our)(?: [\w-]+){0,3} cookies\b",
    r"\bcookies?,? (?:settings|preferences|policy|notice|consent|and (?:similar|other) tech\w+)\b",
    r"\byour (?:privacy|cookie|consent) (?:choices|preferences|settings)\b",
    r"\bwe value your privacy\b",
    r"\bwe and our (?:\w+ )?partners\b",
)
_SPEAKS_TO_VISITOR = _any(r"\b(?:we|our|us|you|your|this (?:web)?site)\b")
_ROBOT_CHECK = _any(
    r"\bverify(?:ing)? (?:that )?you(?:'re| are) (?:an? )?(?:human|not a robot)\b",
    r"\bchecking (?:your browser|if the site)\b",
    r"\b(?:are you|you are not) a (?:human|robot)\b",
    r"\bunusual (?:traffic|activity)\b",
    r"\bcaptcha\b",
    r"\b(?:access|request)\b[^.!?]{0,30}\b(?:denied|blocked)\b",
)
_SCRIPT = _any(
    r"\b(?:enable|activate|turn on|switch on|allow|requires?|needs?|without)\b[^.!?]{0,20}\bjava ?script\b",
    r"\bjava ?script\b[^.!?]{0,20}\b(?:enabled|disabled|required|turned|switched)\b",
)
_LOGIN = _any(
    r"\b(?:log|sign)[ -]?in\b[^!?]{0,60}\b(?:password|user ?name)\b",
    r"\bforgot(?:ten)?\b[^.!?]{0,10}\bpassword\b",
    r"\bpassword\b[^.!?]{0,40}\b(?:log|sign)[ -]?in\b",
)
_ERROR = _any(
    r"\b(?:page|article|story|content|address|link)\b[^.!?]{0,40}(?:\bnot|n't) (?:be )?(?:found|exist)",
    r"\b(?:page|article|story|content|address|link)\b[^.!?]{0,40}\b(?:no longer|been (?:moved|removed|deleted|withdrawn))",
    r"\b(?:can ?not|can't|couldn't|could not) find (?:the|that|this|what)\b",
    r"\b(?:error|http) ?(?:404|410|500|502|503)\b",
    r"\bsomething went wrong\b",
    r"\btemporarily unavailable\b",
    r"\b(?:down for|under) maintenance\b",
)

# What a page calls itself when it is no article.
_NAMES = (
    (ERROR, _any(r"\W*(?:error\W*)?(?:404|410|500|502|503)\b", r"(?:page |article )?not found\b", r"page (?:unavailable|removed)\b")),
    (
        ROBOT_CHECK,
        _any(r"just a moment\b", r"attention required\b", r"access denied\b", r"(?:are you a robot|robot check|security check)\b"),
    ),
    (LOGIN, _any(r"(?:please )?(?:log|sign)[ -]?in\b")),
    (SUBSCRIPTION, _any(r"subscribe\b", r"subscription (?:required|options)\b", r"register to (?:read|continue)\b")),
    (COOKIES, _any(r"(?:cookies?|privacy|consent) (?:settings|preferences|notice|policy|choices)\b", r"before you continue\b")),
)
# Characters; what stands further below is no answer to somebody who came for an article.
_LONGEST = 20_000


def ends_early(text: str) -> bool:
    """Whether a text says that there is more of the article for those who pay or register."""
    return bool(_BARRIER.search(_plain(text)))


def asks_consent(text: str) -> bool:
    """Whether a paragraph speaks to the visitor of a site of its cookies."""
    plain = _plain(text)
    return bool(_CONSENT.search(plain) and _SPEAKS_TO_VISITOR.search(plain))


def named(title: str) -> str | None:
    """What a page is by its own name, when that cannot be an article's."""
    return next((reason for reason, pattern in _NAMES if pattern.match(title.strip())), None)


def instead(text: str) -> str | None:
    """What a page of few words, or with the wrong ones, says in place of an article; None if nothing that is known.

    Cookies come last, as the pages of all other kinds tell of them too.
    """
    plain = _plain(text)
    signs = (
        (ROBOT_CHECK, _ROBOT_CHECK),
        (SCRIPT, _SCRIPT),
        (ERROR, _ERROR),
        (SUBSCRIPTION, _BARRIER),
        (SUBSCRIPTION, _PROMPT),
        (LOGIN, _LOGIN),
        (COOKIES, _CONSENT),
    )
    return next((reason for reason, pattern in signs if pattern.search(plain)), None)


def _plain(text: str) -> str:
    return text[:_LONGEST].replace("\u2019", "'")
