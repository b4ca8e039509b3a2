"""Approval from the person at a terminal."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import pty
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from codemode import Approval, CellId, ToolCall, ToolError, ToolName
from codemode.cli.asking import TerminalApproval
from codemode.cli.outcome import CallReport, ProgramOutcome

CHOICES = "[y]es, [n]o, [s]: yes, whenever this tool is called in this run: "
HINT = "\nHint: go on without it, or tell the user what you would have called it for."


class Status:
    """Counts who is aside."""

    def __init__(self) -> None:
        self.inside = 0

    @contextlib.contextmanager
    def _aside(self) -> Iterator[None]:
        self.inside += 1
        yield
        self.inside -= 1

    def aside(self) -> AbstractContextManager[object]:
        return self._aside()

    def note(self, label: str, text: str) -> None: ...
    def called(self, name: str) -> None: ...
    def returned(self, call: CallReport) -> None: ...
    def ended(self, outcome: ProgramOutcome, seconds: float) -> None: ...
    def close(self) -> None: ...


class Person:
    """Whoever sits at the other end of a terminal."""

    def __init__(self) -> None:
        self._ours, self._theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        self.asks = TerminalApproval(Status(), os.ttyname(self._theirs))
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.seen = ""

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)

    async def reads(self, text: str) -> None:
        """Return when the terminal has shown ``text``, which counts from here on."""
        async with asyncio.timeout(20):
            while text not in self.seen:
                with contextlib.suppress(BlockingIOError):
                    self.seen += self._decoder.decode(os.read(self._ours, 4096)).replace("\r", "")
                await asyncio.sleep(0.001)
        self.seen = self.seen.partition(text)[2]

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    person = Person()
    yield person
    person.close()


def approval(digest: str = "d", **said: Any) -> Approval:
    call = ToolCall(
        cell_id=CellId("1"),
        runtime_tool_call_id="tool-1",
        tool_name=ToolName("pay"),
        input=said,
        digest=digest,
    )
    return Approval(call=call, name="pay", prompt="May it?")


async def outcome(asking: asyncio.Task[None]) -> str:
    try:
        await asking
    except ToolError as error:
        return str(error)
    return "approved"


ANSWERS: dict[str, tuple[str, str]] = {
    "yes": ("y\n", "approved"),
    "yes in full": ("  YES \n", "approved"),
    "no": ("n\n", f"the user refused the call of `pay`{HINT}"),
    "no with a reason": ("no not today\n", f"the user refused the call of `pay`: not today{HINT}"),
    "the end of input": ("\x04", f"the user refused the call of `pay`: nobody answered{HINT}"),
}


@pytest.mark.parametrize(("typed", "expected"), ANSWERS.values(), ids=ANSWERS)
async def test_a_person_decides(typed: str, expected: str, person: Person) -> None:
    asking = asyncio.create_task(person.asks(approval(cents=5)))
    await person.reads(f'\napproval: May it?\n  pay({{"cents": 5}})\n{CHOICES}')
    person.types(typed)
    assert await outcome(asking) == expected


async def test_what_is_no_answer_is_asked_again(person: Person) -> None:
    asking = asyncio.create_task(person.asks(approval()))
    await person.reads(CHOICES)
    person.types("\nmaybe\n")
    await person.reads(CHOICES + CHOICES)
    person.types("y\n")
    assert await outcome(asking) == "approved"


async def test_a_tool_may_be_approved_for_the_whole_run(person: Person) -> None:
    first = asyncio.create_task(person.asks(approval(cents=1)))
    second = asyncio.create_task(person.asks(approval(cents=2)))
    other = asyncio.create_task(person.asks(approval("another tool", cents=3)))
    await person.reads(f'pay({{"cents": 1}})\n{CHOICES}')
    person.types("s\n")
    await person.reads(f'pay({{"cents": 3}})\n{CHOICES}')
    person.types("n\n")
    assert [await outcome(each) for each in (first, second, other)] == [
        "approved",
        "approved",
        f"the user refused the call of `pay`{HINT}",
    ]


async def test_what_was_typed_before_the_question_is_no_answer(person: Person) -> None:
    person.types("y\n")
    await person.reads("y\n")  # the terminal's echo: it has arrived
    asking = asyncio.create_task(person.asks(approval()))
    await person.reads(CHOICES)
    person.types("n\n")
    assert await outcome(asking) == f"the user refused the call of `pay`{HINT}"


async def test_arguments_do_not_command_the_terminal_and_are_cut(person: Person) -> None:
    asking = asyncio.create_task(person.asks(approval(to="a\x1b[2J\u202eb" + "x" * 3_000)))
    await person.reads('pay({"to": "a\\u001b[2J\N{REPLACEMENT CHARACTER}bx')
    await person.reads("x … and 1022 more characters)")
    asking.cancel()
    await asyncio.wait([asking])


async def test_without_a_terminal_a_call_is_refused() -> None:
    asks = TerminalApproval(Status(), "/dev/nothing")
    with pytest.raises(ToolError) as refused:
        await asks(approval())
    assert str(refused.value) == (
        f"the call of `pay` needs approval, and there is no terminal to ask at{HINT}"
    )


async def test_a_run_that_is_stopped_leaves_the_terminal_as_it_was(person: Person) -> None:
    before = len(os.listdir("/dev/fd"))
    asking = asyncio.create_task(person.asks(approval()))
    await person.reads(CHOICES)
    asking.cancel()
    await asyncio.wait([asking])
    assert len(os.listdir("/dev/fd")) == before
