"""What a model gets from one observation: a header, then the items, cut to a token budget.

Every rule here was compared with the published 0.169.0 host. A token is four bytes of UTF-8, rounded up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile
from typing import Final, Literal, TypeAlias, assert_never

from ..limits import Limits
from ..protocol.types import (
    AudioItem,
    ImageItem,
    Item,
    Pending,
    Result,
    RuntimeResponse,
    Terminated,
    TextItem,
    Yielded,
)
from .text import utf8_length
from .wav import wav_milliseconds

TOKEN_BYTES: Final = 4
AUDIO_TOKEN_MS: Final = 100
DEFAULT_TOKENS: Final = Limits().output_tokens

Status: TypeAlias = Literal["running", "terminated", "completed", "failed"]


def token_count(text: str) -> int:
    """What ``text`` costs.

    >>> token_count("hello"), token_count("é"), token_count("")
    (2, 1, 0)
    """
    return _tokens(utf8_length(text))


def truncate(
    items: Iterable[Item], error_text: str | None, max_tokens: int | None = None
) -> tuple[Item, ...]:
    """The items, with the error as a last one, cut to ``max_tokens`` (10,000 if None).

    Text alone becomes one item over budget, with its middle left out. Beside images or sound each
    text is cut by itself until the budget is gone; images are free, sound costs a token for each
    100 ms and is left out when it does not fit. What was left out is counted at the end.

    >>> truncate([TextItem("hello world")], None, 2)[0].text.splitlines()[-1]
    'hell…1 tokens truncated…orld'
    """
    budget = DEFAULT_TOKENS if max_tokens is None else max_tokens
    whole = tuple(items)
    if error_text is not None:
        whole += (TextItem(f"Script error:\n{error_text}"),)
    texts = [item for item in whole if isinstance(item, TextItem)]
    if len(texts) == len(whole):
        return _truncate_texts(texts, budget)
    return tuple(_truncate_mixed(whole, budget))


def header(
    status: Status,
    wall_seconds: float,
    *,
    cell_id: str = "",
    host_seconds: float | None = None,
) -> str:
    """The text before a cell's output.

    Args:
        status: how the observation ended.
        wall_seconds: from the request to the answer.
        cell_id: named if the cell is still running.
        host_seconds: the part of it spent in the host; if given, the overhead is shown.

    >>> header("running", 10.04, cell_id="7")
    'Script running with cell ID 7\\nWall time 10.0 seconds\\nOutput:\\n'
    >>> header("completed", 0.5, host_seconds=0.4).splitlines()[1]
    'Wall time 0.500 seconds (code-mode 0.400 seconds; overhead 0.100 seconds)'
    """
    first = f"running with cell ID {cell_id}" if status == "running" else status
    if host_seconds is None:
        wall = f"Wall time {wall_seconds:.1f} seconds"
    else:
        overhead = wall_seconds - host_seconds
        wall = (
            f"Wall time {wall_seconds:.3f} seconds"
            f" (code-mode {host_seconds:.3f} seconds; overhead {overhead:.3f} seconds)"
        )
    return f"Script {first}\n{wall}\nOutput:\n"


def joined(texts: Iterable[str]) -> str:
    """Texts for a model in one string, the header first: it ends its own line.

    >>> joined(["Output:\\n", "a", "b"])
    'Output:\\na\\nb'
    """
    return "\n".join(text.removesuffix("\n") if at == 0 else text for at, text in enumerate(texts))


def status_of(response: RuntimeResponse | Pending) -> Status:
    """How an observation ended, in the header's words; a frozen cell counts as running."""
    match response:
        case Yielded() | Pending():
            return "running"
        case Terminated():
            return "terminated"
        case Result(error_text=error_text):
            return "completed" if error_text is None else "failed"
        case _:
            assert_never(response)


def model_items(
    response: RuntimeResponse | Pending,
    wall_seconds: float,
    *,
    max_tokens: int | None = None,
    show_overhead: bool = False,
) -> tuple[Item, ...]:
    """All that a model gets for one observation: the header, never cut, then the cut items.

    Args:
        response: what the session answered, with its items still whole.
        wall_seconds: from the request to the answer.
        max_tokens: the budget of the items; 10,000 if None.
        show_overhead: print how much of the time was the host's.

    >>> from codemode.protocol.types import CellId
    >>> for item in model_items(Result(cell_id=CellId("1"), items=(), error_text="boom"), 0.1):
    ...     print(item.text)
    Script failed
    Wall time 0.1 seconds
    Output:
    <BLANKLINE>
    Script error:
    boom
    """
    top = header(
        status_of(response),
        wall_seconds,
        cell_id=response.cell_id,
        host_seconds=response.host_duration_ns / 1e9 if show_overhead else None,
    )
    error_text = response.error_text if isinstance(response, Result) else None
    return (TextItem(top), *truncate(response.items, error_text, max_tokens))


def _tokens(size: int) -> int:
    return -(-size // TOKEN_BYTES)


def _truncate_texts(texts: Sequence[TextItem], budget: int) -> tuple[TextItem, ...]:
    joined = "\n".join(item.text for item in dropwhile(lambda item: not item.text, texts))
    tokens = token_count(joined)
    if tokens <= budget:
        return tuple(texts)
    lines = joined.count("\n") + (not joined.endswith("\n"))
    return (
        TextItem(
            f"Warning: truncated output (original token count: {tokens})\n"
            f"Total output lines: {lines}\n\n{_cut_middle(joined, budget)}"
        ),
    )


def _truncate_mixed(items: Iterable[Item], budget: int) -> Iterator[Item]:
    omitted_texts = omitted_audio = 0
    for item in items:
        match item:
            case ImageItem():
                yield item
            case TextItem(text=text):
                cost = token_count(text)
                if cost and not budget:
                    omitted_texts += 1
                elif cost:
                    yield item if cost <= budget else TextItem(_cut_middle(text, budget))
                budget -= min(cost, budget)
            case AudioItem(audio_url=url):
                cost = _audio_tokens(url)
                if cost > budget:
                    omitted_audio += 1
                else:
                    budget -= cost
                    yield item
            case _:
                assert_never(item)
    if omitted_texts:
        yield TextItem(f"[omitted {omitted_texts} text items ...]")
    if omitted_audio:
        yield TextItem(f"[omitted {omitted_audio} audio items ...]")


def _audio_tokens(url: str) -> int:
    milliseconds = wav_milliseconds(url)
    return token_count(url) if milliseconds is None else -(-milliseconds // AUDIO_TOKEN_MS)


def _cut_middle(text: str, budget: int) -> str:
    """The two halves of the budget from either end of ``text``, on character borders."""
    encoded = text.encode(errors="surrogatepass")
    kept = budget * TOKEN_BYTES
    head_end = kept // 2
    tail_start = len(encoded) - (kept - head_end)
    while _inside_character(encoded, head_end):
        head_end -= 1
    while _inside_character(encoded, tail_start):
        tail_start += 1
    head = encoded[:head_end].decode(errors="surrogatepass")
    tail = encoded[tail_start:].decode(errors="surrogatepass")
    return f"{head}…{_tokens(len(encoded) - kept)} tokens truncated…{tail}"


def _inside_character(encoded: bytes, at: int) -> bool:
    return at < len(encoded) and encoded[at] & 0xC0 == 0x80
