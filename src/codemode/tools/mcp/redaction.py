"""Keeps what a server was given in confidence out of every text about it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_plus, urlsplit

from ..failure import without_secrets
from .config import HttpServer, StdioServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEAST: Final = 4
"""Characters of the shortest secret: blotting out ``1`` and ``yes`` would ruin every text."""
MOST: Final = 16_384
"""Characters of a text that are kept; whoever shows one shows less."""
LEAST_IN_PATH: Final = 16
"""Characters of a part of a URL's path that may be a key; ``mcp`` and ``api`` are none."""


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
        parts = {form for word in words if len(word) >= LEAST for form in _forms(word)}
        known = sorted(parts, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        text = text[:MOST]  # a server may say much, and all of it would be searched
        if self._known is not None:
            text = self._known.sub("***", text)
        return without_secrets(text)


def redaction_for(config: object) -> Redaction:
    """The redaction for texts about the server that ``config`` describes."""
    if isinstance(config, StdioServer):
        return Redaction([*config.env.values(), *config.secrets])
    if isinstance(config, HttpServer):
        return Redaction([*config.headers.values(), *_in_url(config.url), *config.secrets])
    return Redaction()


def _in_url(url: str) -> Iterator[str]:
    """What of a URL may be confidential, as it stands there and decoded."""
    parts = urlsplit(url)
    values = [part.rpartition("=")[2] for part in parts.query.split("&")]
    keys = [part for part in parts.path.split("/") if len(part) >= LEAST_IN_PATH]
    for each in (*values, *keys, parts.password or ""):
        yield from (each, unquote_plus(each))


def _forms(text: str) -> set[str]:
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
