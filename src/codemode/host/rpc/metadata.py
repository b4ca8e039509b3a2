"""What comes beside the messages of an RPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def bearer_token(metadata: Iterable[tuple[str, str | bytes]] | None) -> bytes | None:
    """The bearer token of an RPC, or None; of several the last.

    >>> bearer_token([("authorization", "Bearer s3cret")]), bearer_token([("authorization", "s3cret")])
    (b's3cret', None)
    """
    shown = b""
    for key, value in metadata or ():
        if key == "authorization":
            shown = value if isinstance(value, bytes) else value.encode()
    scheme, blank, token = shown.partition(b" ")
    return token if blank and scheme == b"Bearer" else None
