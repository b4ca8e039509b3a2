"""Keeps what a server was given in confidence out of every text about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from ..failure import without_secrets
from .config import HttpServer, StdioServer

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST: Final = 4
"""Characters of the shortest secret: blotting out ``1`` and ``yes`` would ruin every text."""


class Redaction:
    """Replaces the given texts, and credentials of well-known forms, by ``***``.

    A header's value counts whole and in its words, so that the token of ``Bearer …`` is one.

    Example:
        >>> Redaction(["hunter22"])("cannot log in with hunter22")
        'cannot log in with ***'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        parts = {part for secret in secrets for part in (secret, *secret.split())}
        known = sorted((part for part in parts if len(part) >= LEAST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub("***", text)
        return without_secrets(text)


def redaction_for(config: object) -> Redaction:
    """The redaction for texts about the server that ``config`` describes."""
    if isinstance(config, StdioServer):
        return Redaction([*config.env.values(), *config.secrets])
    if isinstance(config, HttpServer):
        parts = urlsplit(config.url)
        inside = [value for _, value in parse_qsl(parts.query)] + [parts.password or ""]
        return Redaction([*config.headers.values(), *inside, *config.secrets])
    return Redaction()
