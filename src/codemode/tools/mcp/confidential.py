"""What of a server's configuration is confidential, and must stay out of every text about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus, urlsplit

from ..redaction import Redaction
from .config import HttpServer, StdioServer

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_IN_PATH: Final = 16
"""Characters of a part of a URL's path that may be a key; ``mcp`` and ``api`` are none."""


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
