"""Bearer tokens: what can be one, and which of several a request carries.

A server that several principals share gives each of them a token with a name, in a file of lines
``NAME: TOKEN``; a file that holds nothing but a token is the same for one principal without a name. A
name may stand on several lines, so that a token can be replaced: both are good for a while. Only
digests of tokens are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from .lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKEN_BYTES: Final = 4_096
"""Longest token; it is a header, and servers bound those."""

LEAST_TOKEN: Final = 16
"""Least characters of a token that cannot be guessed: what a server asks other machines for."""

HOW_TO_MAKE_ONE: Final = 'python -c "import secrets; print(secrets.token_urlsafe())" makes a token.'

UNNAMED: Final = "default"
"""The principal of a token without a name."""

LOOK_SECONDS: Final = 1.0
"""How old what is known of a file of tokens may be."""

_NAME: Final = r"(?P<name>[A-Za-z0-9][A-Za-z0-9._@-]{0,63})"
_LINE: Final = lazy_pattern(rf"{_NAME}(?:\s*:\s*|\s+)(?P<token>\S.*)")
_NAMED: Final = lazy_pattern(rf"{_NAME}:\s+(?P<token>\S.*)")
"""A line that cannot be a token by itself, unless that has a blank in it."""

_log: Final = logging.getLogger(__name__)


class TokenError(ValueError):
    """A text holds no tokens; the error names the line and what is missing, and never quotes one."""


def is_token(text: str) -> bool:
    """Whether ``text`` is printable ASCII of a length that fits into a header.

    >>> is_token("s3cret"), is_token(""), is_token("caf\u00e9")
    (True, False, False)
    """
    return 0 < len(text) <= TOKEN_BYTES and text.isascii() and text.isprintable()


class Source(Protocol):
    """Tokens of the moment."""

    def current(self) -> Tokens:
        """The tokens that are in force now."""


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """Some tokens, each with the name of its principal.

    Attributes:
        names: the names by the SHA-256 of the token.
        shortest: the length of the shortest token, in characters.
        have_blanks: whether a token has a blank in it.
    """

    names: Mapping[bytes, str]
    shortest: int
    have_blanks: bool = False

    def __repr__(self) -> str:
        return f"<tokens of {', '.join(sorted(self.principals))}>"

    @classmethod
    def of(cls, tokens: Mapping[str, str]) -> Tokens:
        """Names by token."""
        names = {_digest(token.encode()): name for token, name in tokens.items()}
        return cls(names, min(map(len, tokens)), any(" " in each for each in tokens))

    @property
    def principals(self) -> frozenset[str]:
        """Whose tokens these are."""
        return frozenset(self.names.values())

    @property
    def are_long_enough(self) -> bool:
        """Whether a server may ask other machines for them: a shorter one would be guessed."""
        return self.shortest >= LEAST_TOKEN

    def current(self) -> Tokens:
        """These: they do not change."""
        return self

    def name_of(self, token: bytes) -> str | None:
        """Whose token this is, or None. Takes as long for each, whatever it is."""
        given, found = _digest(token), None
        for digest, name in self.names.items():
            if hmac.compare_digest(digest, given):
                found = name
        return found


def parse_tokens(text: str) -> Tokens:
    """The tokens of a text: one, or lines ``NAME: TOKEN``; blank lines and ``#`` lines do not count.

    Raises:
        TokenError: it holds none, or a line is wrong.

    >>> sorted(parse_tokens("ann: s3cret-of-ann\\nbob: s3cret-of-bob").names.values())
    ['ann', 'bob']
    >>> list(parse_tokens("s3cret").names.values())
    ['default']
    """
    numbered = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(n, line) for n, line in numbered if line and not line.startswith("#")]
    if len(lines) == 1 and _NAMED.fullmatch(lines[0][1]) is None:
        token = lines[0][1]
        if not is_token(token):
            raise TokenError(f"printable ASCII, {TOKEN_BYTES} bytes at most")
        return Tokens.of({token: UNNAMED})
    found: dict[str, str] = {}
    for number, line in lines:
        named = _LINE.fullmatch(line)
        if named is None or not is_token(named["token"]):
            raise TokenError(f"line {number} is not `NAME: TOKEN`")
        if named["token"] in found:
            raise TokenError(f"line {number} has the token of another line")
        found[named["token"]] = named["name"]
    if not found:
        raise TokenError(f"printable ASCII, {TOKEN_BYTES} bytes at most")
    return Tokens.of(found)


class TokenFile:
    """Tokens of a file, which is read again when it has changed.

    What can no longer be read changes nothing: the tokens before stay in force.

    Args:
        path: the file.
        least: characters that a token must have that comes in later; the first ones are for the
            caller to look at.

    Raises:
        OSError: the file cannot be read.
        TokenError: it holds no tokens.
    """

    def __init__(self, path: Path, *, least: int = 1) -> None:
        self._path = path
        self._least = least
        self._state = self._stat()
        self._tokens = self._read()
        self._looked = time.monotonic()
        self._trouble = ""

    def __repr__(self) -> str:
        return f"<{self._path}: {self._tokens!r}>"

    def current(self) -> Tokens:
        """The tokens that are in force now."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look()
        return self._tokens

    def _look(self) -> None:
        try:
            state = self._stat()
            if state == self._state:
                return
            self._state = state
            self._tokens = self._read(self._least)
        except (OSError, TokenError) as error:
            if str(error) != self._trouble:  # once, however often it is looked at
                _log.error("the tokens stay as they were: %s: %s", self._path, error)
            self._trouble = str(error)
        else:
            self._trouble = ""
            _log.warning("tokens were read anew: %r", self._tokens)

    def _stat(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self, least: int = 1) -> Tokens:
        tokens = parse_tokens(self._path.read_bytes().decode("ascii", "replace"))
        if tokens.shortest < least:
            raise TokenError(f"a token has less than {least} characters")
        return tokens


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
