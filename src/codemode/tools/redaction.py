"""Credentials in texts for models, people and logs: the one rule that blots them out.

Two nets, one behind the other. :class:`Redaction` knows the secrets of one server or tool and finds
each in every form in which an error may quote it. :func:`without_secrets` knows none and goes by how
credentials are written: ``KEY=value`` and ``KEY: value`` with and without quotes, options of a command
line, URLs and DSNs, HTTP headers, private keys, and tokens with the prefix of their issuer. That is a
net, not a wall: a word of prose is kept, and so is a secret that looks like one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ..lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST: Final = 4
"""Characters of the shortest secret: blotting out ``1`` and ``yes`` would ruin every text."""
MOST: Final = 16_384
"""Characters of a text that are kept; what is shown of one is shorter."""

# Every repetition is bounded or cannot start twice at one place: the texts may be hostile.
_NAMED: Final = (
    r"(?:password|passwd|passphrase|passcode|secret|token|credentials?|apikey"
    r"|(?<![A-Za-z0-9])(?:pass|pwd|sig|signature|_auth)|(?<=[a-z])(?:Pwd|Sig|Signature)"
    r"|(?:api|access|account|private|secret|shared|signing|encryption|master|license)[_.-]?key)"
    r"(?:[_-]?(?:value|key|hash|text|\d{1,3})|[_-]key[_-]base)?"
)
_VALUE: Final = r"""[^\s,;&"'`]{2,400}[^\s,;&"'`)\]}>.:]"""
_QUOTED: Final = r""""(?:[^"\\\n]|\\.){1,400}"|'(?:[^'\\\n]|\\.){1,400}'|\\"[^"\\\n]{1,400}\\\""""

_ASSIGNED: Final = lazy_pattern(
    rf"(?i)(?P<name>{_NAMED})(?P<sign>(?P<key_quote>\\?[\"'])?\s{{0,3}}(?:=>|[:=])\s{{0,3}})"
    rf"(?:(?P<quoted>{_QUOTED})|(?P<bare>{_VALUE}))"
)
_OPTION: Final = lazy_pattern(
    rf"(?i)(?<!\S)(--?[a-z0-9_.-]{{0,40}}?{_NAMED}\s{{1,3}})(?!-)(?:{_QUOTED}|{_VALUE})"
)
_HEADER: Final = lazy_pattern(
    r"(?i)\b((?:proxy-)?authorization\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?)"
    r"((?:bearer|basic|token|digest|apikey|negotiate)\s{1,4})?[^\s\"',;\\]{4,}"
)
_COOKIE: Final = lazy_pattern(
    r"(?i)\b((?:set-)?cookie\\?[\"']?\s{0,3}:\s{0,3}\\?[\"']?)[^\r\n\"'\\]{4,}"
)
_FORMS: Final = (
    (
        lazy_pattern(
            r"(?s)-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.{0,12000}?"
            r"(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"
        ),
        "***",
    ),
    (
        lazy_pattern(
            r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/@:]{0,200}:(?!\d{1,5}(?:[/?#\s]|\Z))"
            r"[^\s\"'<>]{1,200}@"
        ),
        r"\1***@",
    ),
    (lazy_pattern(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/@:]{16,200}@"), r"\1***@"),
    # The data source names of Go and of ODBC.
    (
        lazy_pattern(
            r"(?<![\w.:/-])([\w.-]{1,64}:)[^\s:@/\"'<>]{1,200}@(?=(?:tcp|udp|unix)\d?\(|[\w.-]{1,100}:\d{2,5}\b)"
        ),
        r"\1***@",
    ),
    (lazy_pattern(r"(?i)\b(pwd|password)(\s{0,3}=\s{0,3})\{[^{}\n]{1,400}\}"), r"\1\2***"),
    (_HEADER, r"\1\2***"),
    (_COOKIE, r"\1***"),
    (lazy_pattern(r"(?i)\b(bearer|basic)\s{1,4}[a-z0-9._~+/=-]{12,}"), r"\1 ***"),
    (lazy_pattern(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), "***"),
    (
        lazy_pattern(
            r"\b(?:sk|pk|rk|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abeprs]|npm|hf|pypi|dop_v1)"
            r"[-_][A-Za-z0-9_-]{16,}"
        ),
        "***",
    ),
    (lazy_pattern(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "***"),
    (lazy_pattern(r"\bAIza[0-9A-Za-z_-]{30,}"), "***"),
    (_OPTION, r"\1***"),
)
_PROSE: Final = frozenset(
    "a all an and are as be can cannot denied does empty error expected expired failed false field"
    " has if in incorrect input invalid is it mismatch missing must needs no none not null of only"
    " or rejected required revoked should string str text the this to true type undefined unknown"
    " unset use value was while will with wrong you your".split()
)
"""Words that stand behind ``token:`` where a text talks of one instead of showing it."""


def without_secrets(text: str) -> str:
    """``text`` with credentials of well-known forms replaced by ``***``.

    Example:
        >>> without_secrets("PGPASSWORD=hunter22 psql 'postgres://me:hunter22@db/app'")
        "PGPASSWORD=*** psql 'postgres://***@db/app'"
    """
    for pattern, replacement in _FORMS:
        text = pattern.sub(replacement, text)
    return _ASSIGNED.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    """What takes the place of an assignment: its name, and no value unless it is a word of prose."""
    head = found["name"] + found["sign"]
    if quoted := found["quoted"]:
        mark = quoted[:2] if quoted[0] == "\\" else quoted[0]
        return f"{head}{mark}***{mark}"
    is_prose = ":" in found["sign"] and not found["key_quote"] and _is_prose(found)
    return found[0] if is_prose else f"{head}***"


def _is_prose(found: re.Match[str]) -> bool:
    """Whether ``token: value`` is part of a sentence: then the name is a word, not a part of one."""
    before = found.string[max(0, found.start() - 11) : found.start()].lower()
    if before[-1:].isalnum() or before[-1:] in ("_", "-", ".") or not found["name"][1:].islower():
        return False
    words = found["bare"].lower().split("_")
    if not all(each.isalpha() for each in words):
        return False
    behind = found.string[found.end() : found.end() + 2]
    goes_on = behind[:1] == " " and behind[1:].isalpha()
    return words[0] in _PROSE or goes_on or before.endswith("unexpected ")


class Redaction:
    """Replaces the given texts, and credentials of well-known forms, by ``***``.

    A header's value counts whole and in its words, so that the token of ``Bearer …`` is one; and
    each also as it stands in JSON, in Python's ``repr`` and in a URL.

    Example:
        >>> Redaction(["hunter22"])("cannot log in with hunter22")
        'cannot log in with ***'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        words = {part for secret in secrets for part in (secret, *secret.split())}
        parts = {form for word in words if len(word) >= LEAST for form in _quotations(word)}
        known = sorted(parts, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        text = text[:MOST]  # a server may send much, and all of it would be searched
        if self._known is not None:
            text = self._known.sub("***", text)
        return without_secrets(text)


def _quotations(text: str) -> set[str]:
    """``text`` as error texts may quote it."""
    return {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
        repr(text.encode(errors="replace"))[2:-1],
        quote(text, errors="replace"),
        quote(text, safe="", errors="replace"),
    }
