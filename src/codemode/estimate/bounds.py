"""What code mode could save for a log of direct calls, at most and at least.

*At least* is a program for each request that prints all of its results: nothing is kept from the model. *At most*
is one program for all calls between two messages of the user: only words of results that the model's answer
repeats pass through it. A real program lies between; on the 97 tasks of the evaluation, nearer to the latter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..surface.output import token_count
from .accounting import Cost, Turn, cost_of
from .dependence import DirectCall, as_text, batches_of, words_of
from .logs import Conversation

FIXED_TOKENS: Final = 630
"""What ``exec`` and ``wait`` cost by themselves, in tokens of 4 bytes."""
WORTH_BYTES: Final = 1_000
HARDLY_BYTES: Final = 300
"""Bytes kept from the model per conversation, from which on it pays; measured on the 97 tasks."""
PROGRAM_SHARE: Final = 1.25
"""What a program takes of output tokens, where the calls alone take 1: measured on the 97 tasks."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a log costs as it is, and what it would cost with code mode.

    Attributes:
        direct: as it was called.
        parallel: with all calls at once that can be.
        least: code mode at its worst.
        most: code mode at its best.
        unused_bytes: of results, in words that no later call and no answer has.
    """

    conversations: int
    calls: int
    direct: Cost
    parallel: Cost
    least: Cost
    most: Cost
    unused_bytes: int
    chained_requests: int
    untyped: tuple[Untyped, ...] = ()

    @property
    def kept_bytes(self) -> float:
        """Bytes of results that need not pass the model, per conversation."""
        return (self.direct.result_bytes - self.most.result_bytes) / max(1, self.conversations)

    @property
    def saved_requests(self) -> float:
        """Requests that a program saves against calls made at once, per conversation."""
        return (self.parallel.requests - self.most.requests) / max(1, self.conversations)

    @property
    def verdict(self) -> str:
        """Whether to bother: ``yes``, ``perhaps`` or ``no``."""
        if self.kept_bytes >= WORTH_BYTES:
            return "yes"
        if self.kept_bytes >= HARDLY_BYTES or self.saved_requests >= 1:
            return "perhaps"
        return "no"


@dataclass(frozen=True, slots=True)
class Untyped:
    """A tool whose results are prose that later calls take something from.

    Attributes:
        taken: how many of its results a later call took a word from.
    """

    name: str
    calls: int
    taken: int


@dataclass
class _Seen:
    calls: int = 0
    prose: int = 0
    taken: int = 0


def bounds_of(conversations: Iterable[Conversation], tools_tokens: int = 0) -> Bounds:
    """The bounds of a log.

    Args:
        tools_tokens: what the definitions of the tools cost in a request, where that is known; the same is
            assumed for their declarations.
    """
    count = calls = unused = chained = 0
    direct = parallel = least = most = Cost()
    seen: dict[str, _Seen] = {}
    for each in conversations:
        count += 1
        calls += len(each.calls)
        fixed = tools_tokens + token_count(each.prompt)
        answer = "".join(request.said for request in each.requests[-1:])
        last = Turn((answer,), is_answer=True)
        batches = batches_of(each.calls, each.prompt)
        made = [request.calls for request in each.requests if request.calls]
        direct += cost_of(fixed, [*_requests(made), last])
        parallel += cost_of(fixed, [*_requests(batches), last])
        least += cost_of(fixed + FIXED_TOKENS, [*_programs(made), last])
        kept = _used(each.calls, answer)
        most += cost_of(fixed + FIXED_TOKENS, [_program(each.calls, [kept], len(batches)), last])
        unused += _unused(each.calls, answer)
        chained += max(0, len(batches) - 1)
        _look(each.calls, seen)
    untyped = tuple(
        Untyped(name, each.calls, each.taken)
        for name, each in sorted(seen.items(), key=lambda item: (-item[1].taken, item[0]))
        if each.prose == each.calls and each.taken
    )
    return Bounds(count, calls, direct, parallel, least, most, unused, chained, untyped)


def _requests(batches: Sequence[Sequence[DirectCall]]) -> list[Turn]:
    return [
        Turn(
            tuple(call.name + as_text(call.arguments) for call in batch),
            tuple(call.result for call in batch),
            1,
        )
        for batch in batches
    ]


def _programs(batches: Sequence[Sequence[DirectCall]]) -> list[Turn]:
    return [_program(batch, [call.result for call in batch], 1) for batch in batches]


def _program(calls: Sequence[DirectCall], printed: Sequence[str], waves: int) -> Turn:
    """A program that makes these calls; how long it is, and what it prints."""
    code = "\n".join(f"text(await tools.{call.name}({as_text(call.arguments)}));" for call in calls)
    longer = code + " " * round(len(code) * (PROGRAM_SHARE - 1))
    return Turn((longer,), ("\n".join(printed),), waves)


def _used(calls: Sequence[DirectCall], answer: str) -> str:
    """The words of results that the answer repeats."""
    said = words_of(answer)
    found = dict.fromkeys(word for call in calls for word in words_of(call.result) if word in said)
    return " ".join(found)


def _unused(calls: Sequence[DirectCall], answer: str) -> int:
    total = 0
    later = words_of(answer)
    for call in reversed(calls):
        unused = words_of(call.result) - later
        total += sum(len(word.encode(errors="replace")) + 1 for word in unused)
        later |= words_of(as_text(call.arguments))
    return total


def _look(calls: Sequence[DirectCall], seen: dict[str, _Seen]) -> None:
    """Note which tools answer in prose that later calls take words from."""
    later: list[frozenset[str]] = [frozenset()]
    for call in reversed(calls):
        later.append(later[-1] | words_of(as_text(call.arguments)))
    known: frozenset[str] = frozenset()
    for call, after in zip(calls, later[-2::-1], strict=True):
        found = seen.setdefault(call.name, _Seen())
        found.calls += 1
        found.prose += not call.result.lstrip().startswith(("{", "["))
        known |= words_of(as_text(call.arguments))
        found.taken += bool((words_of(call.result) - known) & after)
