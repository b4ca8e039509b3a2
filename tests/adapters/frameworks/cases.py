"""What every adapter is tried with: the same programs, over its framework and a scripted model on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import pytest

from codemode import Limits
from examples.agents.scripted_model import Say, ScriptedModel, Wait

from .media import PNG
from .wire import Answer, answers, tool_names

SECONDS: Final = 30
"""Bound of a case; only a failure reaches it."""


@dataclass
class Desk:
    """What the tools of a conversation do, and what became of it.

    Attributes:
        user: whose conversation it is: a nested call reads it through the framework's own context.
        approve: what the person says to a call that needs approval.
        limits: of the cells.
        streamed: whether the framework streams.
        refunds: the calls that needed approval and ran.
        asked: the questions that the framework put.
    """

    user: str = "ann"
    approve: bool = True
    limits: Limits | None = None
    streamed: bool = False
    refunds: list[int] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def lookup(self, key: str, user: str) -> dict[str, str]:
        """The tool `lookup`, called for a user."""
        self.looked_up.append(key)
        return {"key": key, "user": user}

    def refund(self, cents: int) -> str:
        """The tool `refund`, which needs approval."""
        self.refunds.append(cents)
        return f"refunded {cents}"

    async def hang(self) -> str:
        """The tool `hang`, which never answers."""
        self.hanging.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "never"


Converse = Callable[[ScriptedModel, Desk], Any]
"""One conversation: an agent with the desk's tools behind exec and wait runs until it has an answer; returns its text."""


class FrameworkCases:
    """The cases; a subclass names its framework's conversation.

    Attributes:
        says_failure: whether its interface tells the model that a call has failed.
        shows_images: how many images of a result reach the model.
    """

    says_failure: ClassVar[bool] = False
    shows_images: ClassVar[int] = 1
    cannot: ClassVar[dict[str, str]] = {}

    async def converse(self, model: ScriptedModel, desk: Desk) -> str:
        """One conversation, until the agent has an answer: its text."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _possible(self, request: pytest.FixtureRequest) -> None:
        why = self.cannot.get(request.node.name.removeprefix("test_"))
        if why is not None:
            pytest.skip(why)

    async def _told(self, desk: Desk, *turns: str | Wait) -> list[Answer]:
        with ScriptedModel(*turns, Say("done")) as model:
            async with asyncio.timeout(SECONDS):
                assert await self.converse(model, desk) == "done"
            assert tool_names(model.requests[0]) == ["exec", "wait"]
            return self.read_answers(model)

    def read_answers(self, model: ScriptedModel) -> list[Answer]:
        """What the model was answered, call by call: the last request has all of it."""
        return answers(model.requests[-1])

    def _failed(self, value: bool) -> bool | None:
        return value if self.says_failure else None

    async def test_exec(self) -> None:
        told = await self._told(Desk(), "text(await tools.lookup({key: 'a'}))")

        assert told == [Answer('{"key":"a","user":"ann"}', 0, self._failed(False))]

    async def test_wait(self) -> None:
        told = await self._told(Desk(), "text('a'); await yield_control(); text('b')", Wait())

        assert [each.text for each in told] == ["a", "b"]

    async def test_images(self) -> None:
        [told] = await self._told(Desk(), f"image('{PNG}')")

        assert told.images == 1

    async def test_failure(self) -> None:
        [told] = await self._told(Desk(), "text('before'); throw new Error('boom')")

        assert told.text.splitlines()[:3] == ["before", "Script error:", "Error: boom"]
        assert told.failed == self._failed(True)

    async def test_cancellation(self) -> None:
        desk = Desk()
        with ScriptedModel("await tools.hang({})") as model:
            running = asyncio.create_task(self.converse(model, desk))
            async with asyncio.timeout(SECONDS):
                await desk.hanging.wait()
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running
                await desk.cancelled.wait()

    async def test_streaming(self) -> None:
        told = await self._told(Desk(streamed=True), "text(await tools.lookup({key: 'a'}))")

        assert [each.text for each in told] == ['{"key":"a","user":"ann"}']

    async def test_two_conversations_at_once(self) -> None:
        program = "const one = await tools.lookup({key: 'a'}); store('n', (load('n') ?? 0) + 1); text(one.user + load('n'))"
        desks = [Desk(user="ann"), Desk(user="bob")]
        told = await asyncio.gather(*(self._told(desk, program, program) for desk in desks))

        assert [[each.text for each in one] for one in told] == [["ann1", "ann2"], ["bob1", "bob2"]]

    async def test_approval_given(self) -> None:
        desk = Desk(approve=True)
        [told] = await self._told(
            desk,
            "await tools.lookup({key: 'a'}); text('asked'); text(await tools.refund({cents: 5}))",
        )

        assert told.text.splitlines() == ["asked", "refunded 5"]
        assert (desk.looked_up, desk.asked, desk.refunds) == (["a"], ["refund"], [5])

    async def test_approval_refused(self) -> None:
        desk = Desk(approve=False)
        [told] = await self._told(
            desk, "try { await tools.refund({cents: 5}) } catch (error) { text('refused') }"
        )

        assert told.text == "refused"
        assert (desk.asked, desk.refunds) == (["refund"], [])

    async def test_limit(self) -> None:
        desk = Desk(limits=Limits(compute_ms=50))
        [told] = await self._told(desk, "for (;;) {}")

        assert "compute_ms" in told.text
        assert told.failed == self._failed(True)
