"""What a data URL holds. Image and audio items carry one; each interface wants its parts."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from ..lazy_pattern import lazy_pattern
from ..limits import amount
from ..protocol.types import AudioItem, ImageItem

_HEAD = lazy_pattern(r"data:([\w.+-]++/[\w.+-]++)?+(|;[^,]*+),", re.IGNORECASE)
"""Nothing is tried twice and nothing remembered: a cell may write sixteen million semicolons."""

_ASSUMED: Final = "application/octet-stream"
_ALIASES: Final = {"image/jpg": "image/jpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav"}


@dataclass(frozen=True, slots=True)
class Media:
    """The parts of an image or sound.

    Attributes:
        mime_type: in lower case, ``application/octet-stream`` if the URL has none.
        data: base64.
        size: bytes of what ``data`` stands for.
    """

    mime_type: str
    data: str
    size: int


def media(url: str) -> Media | None:
    """What ``url`` holds, or None if it is no data URL or its base64 is broken.

    >>> media("data:image/png;base64,aGk=")
    Media(mime_type='image/png', data='aGk=', size=2)
    >>> media("data:,hi").data
    'aGk='
    """
    head = _HEAD.match(url)
    if head is None:
        return None
    written = (head[1] or _ASSUMED).lower()
    mime_type, payload = _ALIASES.get(written, written), url[head.end() :]
    if not head[2].lower().endswith(";base64"):
        content = unquote_to_bytes(payload)
        return Media(mime_type, binascii.b2a_base64(content, newline=False).decode(), len(content))
    try:
        return Media(mime_type, payload, len(binascii.a2b_base64(payload, strict_mode=True)))
    except ValueError:  # also what is not ASCII
        return None


def media_of(item: ImageItem | AudioItem) -> Media | None:
    """What an item holds, or None as for :func:`media`."""
    return media(item.image_url if isinstance(item, ImageItem) else item.audio_url)


def omission(item: ImageItem | AudioItem, found: Media | None, reason: str) -> str:
    """What a model reads in the place of an item that it cannot be given.

    >>> omission(AudioItem("data:audio/wav;base64,aGk="), media("data:audio/wav;base64,aGk="),
    ...     "sounds cannot be passed on here")
    '[sound left out (audio/wav, 2 bytes): sounds cannot be passed on here]'
    """
    kind: Literal["image", "sound"] = "image" if isinstance(item, ImageItem) else "sound"
    if found is None:
        return f"[{kind} left out: it is not a base64 data URL]"
    return f"[{kind} left out ({found.mime_type}, {amount(found.size, 'bytes')}): {reason}]"
