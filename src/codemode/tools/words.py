"""The words of names, descriptions and requests, and which of them mean alike.

A request is a whole sentence: words that every sentence has carry no information about a tool, an address
of a page stands for "page", and "pay the bill" means a tool that sends money. Words that mean alike stand in
families, known by their stems; they are the everyday ones of what tools are made for.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from ..lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORD = lazy_pattern(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+")
_ENDINGS: Final = (
    "ingly edly ements ement ments ment ations ation ings ing ies ied ers er ed es s ly e".split()
)
LEAST_STEM: Final = 3
COMMON: Final = frozenset(
    "a about above after again all also am an and any anything are as at be because been before being"
    " below between both but by can could did do does doing don down during each either else ever every"
    " everything few for from further go got had has have having he hello help her here hers hey hi him"
    " his how however i if in into is it its itself just kindly know let like ll make many may maybe me"
    " might more most much must my myself need needs no nor not now of off ok on once one only or other"
    " our ours out over own please possible re s same she should since so some something still such sure"
    " t than thank thanks that the their theirs them then there these they thing things this those through"
    " to too under until up us use using ve very via want wants was way we were what when where whether"
    " which while who whom whose why will with within without would yes you your yours yourself".split()
)
"""Words that carry no information about a tool."""
DOING: Final = (
    "get search list find read fetch retrieve check show view query lookup set add create make update"
    " delete remove send post put run do start stop new all".split()
)
"""What names of tools begin with, whatever they are about."""
READING: Final = "get search list find read fetch retrieve check show view query lookup all".split()
FAMILIES: Final = (
    "find search look get list show read fetch retrieve view see check query browse tell give",
    "create add make new insert write open start put generate draw",
    "delete remove erase drop discard clear forget cancel",
    "update change modify edit set rename replace reschedule move adjust",
    "send post write share forward reply message publish deliver notify mail email",
    "mail email inbox message letter",
    "calendar event meeting appointment schedule lunch dinner agenda availability day",
    "file document drive folder attachment spreadsheet note list",
    "money pay transfer transaction payment bill refund rent spend amount invoice recipient iban bank"
    " account subscription price cost",
    "friend user member contact people person participant colleague name",
    "hotel accommodation stay room lodging",
    "restaurant eat food dinner lunch cuisine dietary",
    "car rental rent vehicle drive company",
    "flight fly airport plane airline travel",
    "rating review score star recommend best",
    "price cost cheap expensive budget fee pay",
    "book reserve reservation booking",
    "channel group room team",
    "web page website url link site webpage article",
    "invite add join",
    "password credentials login profile",
    "time date day today tomorrow yesterday current now week month year",
    "picture image photo screenshot draw chart",
    "run execute start launch",
    "bug issue ticket problem",
    "log output console history",
)
"""Words that mean alike in requests and in names of tools."""
_SHAPES: Final = (
    (lazy_pattern(r"\b(?:https?://|www\.)\S{1,2000}"), "web page url"),
    (lazy_pattern(r"[^\s@]{1,200}@[^\s@]{1,200}\.\w{1,20}"), "email address"),
    (
        lazy_pattern(r"\b[\w-]{1,200}\.(?:docx?|txt|pdf|xlsx?|csv|md|pptx?|json|png|jpe?g)\b"),
        "file document",
    ),
)
"""What stands for a kind of thing by its form, and the words for it."""


def words_of(text: str) -> Iterator[str]:
    """The words of a text and of the identifiers in it: ``createIssue`` is two.

    >>> list(words_of("mcp__github__createIssueHTTP2 über_alles"))
    ['mcp', 'github', 'create', 'issue', 'http', '2', 'über', 'alles']
    """
    return (found[0].lower() for found in _WORD.finditer(text))


def meant_by(request: str) -> list[str]:
    """The words of a request that may name a tool; all of them where none does.

    >>> meant_by("Please read www.example.com/a and tell me who is invited")
    ['read', 'tell', 'invited', 'web', 'page', 'url']
    """
    named: list[str] = []
    for form, words in _SHAPES:
        request, count = form.subn(" ", request)
        named += words.split() if count else ()
    said = list(dict.fromkeys([*words_of(request), *named]))
    return [word for word in said if word not in COMMON and len(word) > 1] or said


def stem(word: str) -> str:
    """What is left of an English word without its ending; equal for the forms of most words.

    >>> [stem(word) for word in ("transactions", "scheduled", "entries", "entry")]
    ['transaction', 'schedul', 'entry', 'entry']
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= LEAST_STEM:
            return word.removesuffix(ending) + ("y" if ending in ("ies", "ied") else "")
    return word


def related(word: str) -> tuple[str, ...]:
    """Words that mean alike, other than ``word``."""
    return _related().get(stem(word), ())


@cache
def _related() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for family in FAMILIES:
        members = family.split()
        for word in members:
            others = (each for each in members if each != word)
            found.setdefault(stem(word), {}).update(dict.fromkeys(others))
    return {key: tuple(words) for key, words in found.items()}
