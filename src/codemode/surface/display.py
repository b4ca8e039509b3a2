"""A result as a person sees it: in a notebook, and on a terminal that rich draws.

What a program wrote is a stranger's text: it is escaped for HTML, and stripped of what a terminal
obeys. Images and sounds are written anew from their bytes, and only of types that a browser shows
without running anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..protocol.types import Item, TextItem
from .data_url import Media, media_of, omission
from .output import joined
from .text import without_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from .nested_call import NestedCall

IMAGES: Final = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
SOUNDS: Final = frozenset(("audio/wav", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/webm"))
CALLS_SHOWN: Final = 20
_NO_BROWSER: Final = "it is of a type that is not shown here"
_SAVED: Final = "result.parts() has its bytes"


def mime_bundle(items: Iterable[Item]) -> dict[str, str]:
    """The items as text and as HTML, with images and sounds.

    >>> mime_bundle([TextItem("<b>")])
    {'text/plain': '<b>', 'text/html': '<pre>&lt;b&gt;</pre>'}
    """
    kept = tuple(items)
    return {
        "text/plain": "\n".join(map(without_controls, _lines(kept))),
        "text/html": "\n".join(_elements(kept)),
    }


def renderable(
    items: Iterable[Item], calls: Sequence[NestedCall], *, colour: str
) -> RenderableType:
    """A result for rich: the header in its colour, the output, the error, and the nested calls."""
    from rich.console import Group  # noqa: PLC0415 - 100 ms, only for drawing
    from rich.text import Text  # noqa: PLC0415 - the same

    head, *rest = list(_lines(items))
    drawn = [Text(without_controls(head), style=colour)]
    drawn.extend(Text(without_controls(line)) for line in rest)
    drawn.extend(Text(_told(call), style="dim") for call in calls[:CALLS_SHOWN])
    if len(calls) > CALLS_SHOWN:
        drawn.append(Text(f"… and {len(calls) - CALLS_SHOWN:,} calls more", style="dim"))
    return Group(*drawn)


def _lines(items: Iterable[Item]) -> Iterator[str]:
    """The items as texts, the header first; a line tells of each image and sound."""
    texts = []
    for item in items:
        if isinstance(item, TextItem):
            texts.append(item.text)
        else:
            texts.append(omission(item, media_of(item), _SAVED))
    yield joined(texts[:1])
    yield from texts[1:]


def _elements(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        if isinstance(item, TextItem):
            yield f"<pre>{_escaped(item.text)}</pre>"
            continue
        found = media_of(item)
        if found is not None and found.mime_type in (IMAGES | SOUNDS):
            yield _media_element(found)
        else:
            yield f"<pre>{_escaped(omission(item, found, _NO_BROWSER))}</pre>"


def _media_element(found: Media) -> str:
    source = f'src="data:{found.mime_type};base64,{found.data}"'  # both hold no quote
    return f"<img {source}>" if found.mime_type in IMAGES else f"<audio controls {source}></audio>"


def _told(call: NestedCall) -> str:
    marks = {"ok": "✓", "failed": "✗", "running": "…"}
    why = f"  {without_controls(call.error).partition(chr(10))[0]}" if call.error else ""
    return f"  {marks.get(call.status, '–')} {call.tool}  {call.milliseconds:,.0f} ms{why}"


def _escaped(text: str) -> str:
    import html  # noqa: PLC0415 - only in a notebook

    return html.escape(text)
