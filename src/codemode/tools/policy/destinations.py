"""Writing only to whom the user has named: what keeps a page with instructions from sending your mail away.

A program acts on what tools have told it, and some of that was written by strangers. What it does with
their words is bounded by where it can send things: to addresses that stand in the user's own words.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ...errors import UsageError
from ...lazy_pattern import lazy_pattern
from ...surface.text import shortened
from .guards import Guard
from .rules import Rule, hint, made, names_of

if TYPE_CHECKING:
    from ...protocol.types import ToolCall
    from .history import CallHistory

Named: TypeAlias = "str | Iterable[str] | Callable[[ToolCall], str | Iterable[str]]"
"""The user's words: a text, texts, or a function that gives them for a call."""

PARAMETERS: Final = frozenset(
    """
    to cc bcc recipient recipients email emails mail user_email participants attendees invitees guests
    address addresses url urls uri link href endpoint webhook webhook_url callback_url host hostname domain
    server iban account account_number beneficiary payee user users username user_id member members channel
    channel_id channels room chat chat_id phone phone_number number contact destination target share_with
    """.split()
)
"""Parameters that hold a destination, at any depth; compared without capitals and underscores."""

_URL = lazy_pattern(r"(?:[a-z][a-z0-9+.-]{0,20}:)?//\S+", re.IGNORECASE)
_ADDRESS = lazy_pattern(r"[^\s@]{1,100}@[^\s@]{1,200}")
_IBAN = lazy_pattern(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,32}")
_SCHEME = lazy_pattern(r"(?:[a-z][a-z0-9+.-]{0,20}:)?//", re.IGNORECASE)
_SITE = lazy_pattern(r"[\w-]+(?:[.][\w-]+)+[/?#]\S*")
_BEFORE: Final = r"(?:(?<=//)|(?<![\w@.%+/-]))"
_BEHIND: Final = r"(?![\w@%+-]|[.:]\w)"
"""What may not stand beside a name, or it is only a part of another one."""
_NO_PATH: Final = r"(?![/?#]+[\w%.])"
"""Nor what may follow a site: a request that names one page of it has not named the others."""
_SHOWN: Final = 100
LEVELS: Final = 100
BEGINNINGS: Final = 50
"""Of a URL so many are compared with the words; one with more parts has to be named otherwise."""


class OnlyDestinations(Guard, frozen=True, kw_only=True):
    """See :func:`only_destinations`."""

    named_in: Any
    parameters: frozenset[str] = frozenset()
    reads: tuple[str, ...] = ()

    def breach(self, call: ToolCall, name: str, history: CallHistory) -> str | None:
        is_read = hint(call, "readOnlyHint") or any(
            fnmatch.fnmatchcase(each, glob)
            for glob in self.reads
            for each in names_of(call.tool_name, name)
        )
        words: str | None = None
        for given in (call.arguments, call.input):
            for value in self._destinations(given, only_urls=is_read):
                words = self._words(call) if words is None else words
                if not is_named(value, words):
                    shown = shortened(value, _SHOWN)
                    return self.text or f"the user has not named {shown!r}, where it would go"
        return None

    def _words(self, call: ToolCall) -> str:
        named = self.named_in(call) if callable(self.named_in) else self.named_in
        return named if isinstance(named, str) else "\n".join(named)

    def _destinations(self, given: object, *, only_urls: bool) -> Iterator[str]:
        """The arguments that hold a destination; of a tool that reads only what is fetched."""
        parts: list[tuple[object, bool, int]] = [(given, False, 0)]
        while parts:
            part, is_destination, level = parts.pop()
            if level > LEVELS:
                raise ValueError("arguments are nested too deeply to be looked through")
            if isinstance(part, dict):
                for key, value in part.items():
                    inside = is_destination or _plain(str(key)) in self.parameters
                    parts.append((value, inside, level + 1))
            elif isinstance(part, list | tuple | set | frozenset):
                parts.extend((each, is_destination, level + 1) for each in part)
            elif isinstance(part, str | int) and not isinstance(part, bool):
                text = str(part).strip()
                is_url = _URL.fullmatch(text) is not None
                is_address = is_url or _ADDRESS.fullmatch(text) or _IBAN.fullmatch(text)
                if text and (is_url or (not only_urls and (is_destination or is_address))):
                    yield text
            elif part is not None and not isinstance(part, bool | float | bytes):
                held = getattr(part, "__dict__", None)  # a dataclass or model
                parts.append((held or str(part), is_destination, level + 1))


def only_destinations(
    pattern: str = "*",
    *,
    named_in: Named,
    parameters: Iterable[str] = (),
    reads: Iterable[str] = (),
    reason: str | None = None,
    **about: Any,
) -> Rule:
    """Refuse calls that write to an address that the user has not named.

    A destination is what stands in a parameter such as ``to``, ``url`` or ``channel``, at any depth, and
    any other value that is an e-mail address, a URL or an IBAN as a whole. It is named if it stands in
    the user's words as a whole, whatever its capitals; a URL is named, too, by the beginning of it up to a
    ``/``, ``?`` or ``#``: naming a site names its pages. Of a tool that only reads
    (``readOnlyHint``), URLs are looked at alone: to fetch a page tells its server something.

    Args:
        pattern: a glob over names of tools.
        named_in: the user's own words: a text, texts, or a function of the call that gives them.
            Never what a tool has returned.
        parameters: names of parameters that hold a destination, beside the usual ones.
        reads: globs over names of tools that only read and have no ``readOnlyHint``.
        reason: what the program catches, instead of our own words.
        about: as for :func:`codemode.allow`.

    Raises:
        UsageError: something is not what it should be; the text names what to give.
    """
    if not callable(named_in) and not isinstance(named_in, str | list | tuple | set | frozenset):
        raise UsageError(
            f"named_in is what the user has written, got {named_in!r}"
            '\nHint: only_destinations(named_in="write to ann@example.org")'
        )
    names = (*PARAMETERS, *((parameters,) if isinstance(parameters, str) else parameters))
    return made(
        OnlyDestinations,
        "refuse",
        pattern,
        about,
        text=reason,
        named_in=named_in,
        parameters=frozenset(map(_plain, names)),
        reads=(reads,) if isinstance(reads, str) else tuple(reads),
    )


def is_named(value: str, words: str) -> bool:
    """Whether ``words`` name a destination.

    Example:
        >>> is_named("Ann@example.org", "write to ann@example.org.")
        True
        >>> is_named("evil.com", "look at notevil.com"), is_named("ann@example.org.evil.com", "ann@example.org")
        (False, False)
        >>> is_named("https://example.com/a?b", "https://example.com/"), is_named("//a.com/x", "a.com/y")
        (True, False)
    """
    wanted, text = value.casefold(), words.casefold()
    if _stands_in(wanted, text):
        return True
    if not _URL.fullmatch(value) and not _SITE.fullmatch(value):
        return False
    return any(_stands_in(each, text, _NO_PATH) for each in _beginnings(wanted))


def _beginnings(url: str) -> Iterator[str]:
    """The URL without its scheme, and what comes before each ``/``, ``?`` and ``#`` in it."""
    rest = _SCHEME.sub("", url, count=1)
    if "\\" in rest:  # browsers take it for a slash, and others do not
        return
    yield rest
    ends = islice(re.finditer(r"[/?#]", rest), BEGINNINGS)
    yield from (rest[: found.start()] for found in ends)


def _stands_in(wanted: str, text: str, behind: str = "") -> bool:
    if not wanted:
        return False
    return re.search(f"{_BEFORE}{re.escape(wanted)}{_BEHIND}{behind}", text) is not None


def _plain(key: str) -> str:
    return key.casefold().replace("_", "").replace("-", "")
