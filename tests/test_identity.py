"""What a cell calls runs in the context (contextvars) of the ``exec`` that started the cell.

The same on every route to a cell, with several users who share what can be shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import weakref
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import pytest_asyncio

from codemode import (
    CodeMode,
    ExecResult,
    GrpcSessionProvider,
    Limits,
    ProcessSessionProvider,
    ToolCall,
)
from codemode.protocol.session import SessionProvider
from codemode.runtime.local import LocalSessionProvider
from codemode.tools.chain import Next
from tests.remote.hosts import OURS
from tests.remote.rpc.hosts import listening
from tests.remote.stage import bounded
from tests.runtime.doubles import SECONDS, settle

USER: Final[ContextVar[str]] = ContextVar("user", default="nobody")
USERS: Final = tuple(f"user-{number}" for number in range(8))
ROUTES: Final = ("here", "pipes", "grpc")


@contextlib.asynccontextmanager
async def open_provider(route: str) -> AsyncIterator[SessionProvider]:
    async with contextlib.AsyncExitStack() as stack:
        provider: LocalSessionProvider | ProcessSessionProvider | GrpcSessionProvider
        if route == "pipes":
            provider = ProcessSessionProvider(OURS)
        elif route == "grpc":
            host = await stack.enter_async_context(listening("ours"))
            provider = GrpcSessionProvider(host.url)
        else:
            provider = LocalSessionProvider()
        yield await stack.enter_async_context(provider)


@pytest_asyncio.fixture(params=ROUTES)
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SessionProvider]:
    async with open_provider(request.param) as provider:
        yield provider


def in_thread() -> str:
    "The user whom a plain function sees, in its thread."
    return USER.get()


async def in_task() -> str:
    "The user whom a coroutine sees."
    return USER.get()


async def becomes(name: str) -> str:
    "Sees its user, then changes it."
    before = USER.get()
    USER.set(name)
    return before


class Application:
    """What is called by cells, and whom it saw."""

    def __init__(self, provider: SessionProvider) -> None:
        self.chain: list[str] = []
        self.notes: list[tuple[str, str]] = []
        self.code_mode = CodeMode(
            provider=provider,
            tools=[in_thread, in_task, becomes],
            middleware=[self._middleware],
            on_notify=self._note,
        )

    async def _middleware(self, call: ToolCall, following: Next) -> Any:
        self.chain.append(USER.get())
        return await following(call)

    def _note(self, call_id: str, cell_id: str, text: str) -> None:
        self.notes.append((text, USER.get()))


@pytest_asyncio.fixture
async def application(provider: SessionProvider) -> AsyncIterator[Application]:
    application = Application(provider)
    async with application.code_mode:
        yield application


async def as_user(name: str, ask: Callable[[], Any]) -> ExecResult:
    """What ``ask()`` gives to this user, in a task of its own as a web request has."""

    async def request() -> ExecResult:
        USER.set(name)
        result: ExecResult = await ask()
        USER.set("whoever comes later")
        return result

    return await bounded(asyncio.create_task(request()))


ALL: Final = """
notify("seen");
text([await tools.in_thread({}), await tools.in_task({})].join(" "));
"""


async def test_users_of_one_session_are_told_apart(application: Application) -> None:
    code_mode = application.code_mode

    results = await asyncio.gather(
        *(as_user(name, lambda: code_mode.exec(ALL)) for name in USERS),
    )

    assert [each.output for each in results] == [f"{name} {name}" for name in USERS]
    assert sorted(application.chain) == sorted(USERS * 2)
    assert sorted(application.notes) == [("seen", name) for name in USERS]


async def test_users_with_sessions_of_their_own_behind_one_provider_are_told_apart(
    provider: SessionProvider,
) -> None:
    async def conversation(name: str) -> tuple[list[str], list[str], list[tuple[str, str]]]:
        application = Application(provider)
        async with application.code_mode as code_mode:
            results = [await as_user(name, lambda: code_mode.exec(ALL)) for _ in range(3)]
        return [each.output for each in results], application.chain, application.notes

    said = await asyncio.gather(*map(conversation, USERS))

    assert said == [([f"{n} {n}"] * 3, [n] * 6, [("seen", n)] * 3) for n in USERS]


async def test_a_cell_keeps_its_user_whoever_waits_for_it(application: Application) -> None:
    code_mode = application.code_mode
    program = f"""
        for (let turn = 0; turn < 3; turn++) {{ {ALL} yield_control(); await 0; }}
        await Promise.all(Array.from({{length: 40}}, async () => {{ text(await tools.in_thread({{}})) }}));
    """
    result = await as_user("ann", lambda: code_mode.exec(program))
    outputs = [result.output]
    for waiting in ("bob", "cyd", "dan", "eve"):
        if result.running:
            running = result
            result = await as_user(waiting, lambda: code_mode.wait(running))  # noqa: B023 - at once
            outputs.append(result.output)

    said = "\n".join(outputs).split()
    assert said == ["ann"] * 46
    assert application.chain == ["ann"] * 46
    assert application.notes == [("seen", "ann")] * 3


async def test_what_a_tool_sets_reaches_no_other_call(application: Application) -> None:
    program = """
        const seen = [await tools.becomes({name: "mallory"}), await tools.in_task({})];
        text([...seen, await tools.in_thread({})].join(" "));
    """
    result = await as_user("ann", lambda: application.code_mode.exec(program))

    assert result.output == "ann ann ann"


async def test_a_call_that_waited_its_turn_has_its_own_user(provider: SessionProvider) -> None:
    gate = asyncio.Event()

    async def waits() -> str:
        "Lets the others queue up behind it."
        await gate.wait()
        return USER.get()

    limits = Limits(concurrent_tool_calls=1)
    async with CodeMode(provider=provider, tools=[waits], limits=limits) as code_mode:
        program = """
            const calls = Array.from({length: 3}, () => tools.waits({}));
            yield_control();
            text((await Promise.all(calls)).join(" "));
        """
        first = {name: await as_user(name, lambda: code_mode.exec(program)) for name in USERS[:3]}
        gate.set()
        said = {}
        for name, result in first.items():
            end = await as_user("eve", lambda: code_mode.wait(result))  # noqa: B023 - at once
            said[name] = end.output

    assert said == {name: f"{name} {name} {name}" for name in USERS[:3]}


@pytest.mark.parametrize("provider", ["workers", "pipes", "grpc"], indirect=True)
async def test_what_a_request_held_goes_with_it_although_its_worker_stays(
    application: Application,
) -> None:
    class Request:
        "What a web framework keeps in a context variable."

    state: ContextVar[Request] = ContextVar("state")
    held: list[weakref.ref[Request]] = []

    async def ask() -> ExecResult:
        request = Request()
        held.append(weakref.ref(request))
        state.set(request)
        return await application.code_mode.exec("text(await tools.in_thread({}))")

    result = await as_user("ann", ask)
    async with asyncio.timeout(SECONDS):
        while held[0]() is not None:
            await asyncio.sleep(0.01)  # the cell is closed a little later than its result is told
            gc.collect()

    assert result.output == "ann"


async def lose(application: Application, kill: Callable[[], Any]) -> str:
    """Lose the host while ann waits for a cell; what she is told."""
    code_mode = application.code_mode
    running = await as_user(
        "ann", lambda: code_mode.exec("yield_control(); await new Promise(() => {})")
    )
    waiting = asyncio.create_task(as_user("ann", lambda: code_mode.wait(running)))
    await settle()
    await kill()
    return (await bounded(waiting)).text


async def go_on_after_a_loss(application: Application) -> list[str]:
    code_mode = application.code_mode
    users = ("bob", "cyd", "ann")
    return [(await as_user(name, lambda: code_mode.exec(ALL))).text for name in users]


def check_after_a_loss(application: Application, told: list[str]) -> None:
    # Ann was told of her cell, and nothing else was lost.
    outputs = [text.split("Output:\n")[-1].strip() for text in told]
    assert outputs == ["bob bob", "cyd cyd", "ann ann"]
    assert application.chain == ["bob"] * 2 + ["cyd"] * 2 + ["ann"] * 2
    assert application.notes == [("seen", "bob"), ("seen", "cyd"), ("seen", "ann")]


async def test_after_the_loss_of_a_host_each_program_has_its_own_user() -> None:
    async with ProcessSessionProvider(OURS) as provider:

        async def kill() -> None:
            assert provider.host_pid is not None
            os.kill(provider.host_pid, signal.SIGKILL)

        application = Application(provider)
        async with application.code_mode:
            await lose(application, kill)
            told = await go_on_after_a_loss(application)

    check_after_a_loss(application, told)


async def test_after_the_loss_of_a_host_that_listens_each_program_has_its_own_user() -> None:
    with TemporaryDirectory(dir="/tmp") as folder:  # the path of a socket is short
        url = f"unix:{folder}/host"
        async with contextlib.AsyncExitStack() as hosts:
            first = await hosts.enter_async_context(listening("ours", listen=url))
            async with GrpcSessionProvider(url) as provider:
                application = Application(provider)
                async with application.code_mode:
                    await lose(application, first.kill)
                    await hosts.enter_async_context(listening("ours", listen=url))
                    told = await go_on_after_a_loss(application)

    check_after_a_loss(application, told)
