"""The application of ``docs/web-apps.md`` runs as it stands there, behind a real server, with 50 users."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import uvicorn

from tests.pages import programs_of

PAGE: Final = Path(__file__).parents[1] / "docs" / "web-apps.md"
(PROGRAM,) = programs_of(PAGE)
USERS: Final = [f"user-{number}" for number in range(50)]
SECONDS: Final = 60.0
"""The bound on everything; it is never used up."""


class Application:
    """The application of the page while it is served."""

    def __init__(self, module: Any, url: str, server: uvicorn.Server) -> None:
        self.module = module
        self.server = server
        self._url = url

    def client(self) -> httpx2.AsyncClient:
        limits = httpx2.Limits(max_connections=None)
        return httpx2.AsyncClient(base_url=self._url, timeout=SECONDS, limits=limits)


@pytest.fixture
def module(tmp_path: Path) -> Any:
    """The program of the page, imported from a file as a server does it."""
    file = tmp_path / "application.py"
    file.write_text(PROGRAM, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("application", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def application(module: Any) -> AsyncIterator[Application]:
    async with serving(module) as application:
        yield application


@contextlib.asynccontextmanager
async def serving(module: Any) -> AsyncIterator[Application]:
    config = uvicorn.Config(
        module.app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve([listening]))
        async with asyncio.timeout(SECONDS):
            yield Application(module, f"http://127.0.0.1:{listening.getsockname()[1]}", server)
            server.should_exit = True
            await running


async def run(client: httpx2.AsyncClient, user: str, code: str, name: str = "main") -> Any:
    answer = await client.post(
        f"/conversations/{name}/programs", json={"code": code}, headers={"x-user": user}
    )
    return answer.json() if answer.status_code == 200 else answer.status_code


async def wait(client: httpx2.AsyncClient, user: str, cell: str, name: str = "main") -> Any:
    path = f"/conversations/{name}/cells/{cell}/wait"
    return (await client.post(path, headers={"x-user": user})).json()


async def test_fifty_users_at_once_see_their_own_orders_before_and_after_a_yield(
    application: Application,
) -> None:
    program = """
        text((await tools.my_orders({})).join());
        yield_control();
        const more = await Promise.all([1, 2, 3].map(() => tools.my_orders({})));
        text(more.flat().join());
    """

    async def converse(client: httpx2.AsyncClient, user: str) -> list[str]:
        said = []
        for _ in range(2):
            answer = await run(client, user, program)
            said.append(answer["output"])
            while answer["running"]:
                answer = await wait(client, user, answer["cell"])
                said.append(answer["output"])
        return ",".join(filter(None, "\n".join(said).splitlines())).split(",")

    async with application.client() as client:
        said = await asyncio.gather(*(converse(client, user) for user in USERS))

    orders = application.module.ORDERS
    assert said == [orders[user] * 8 for user in USERS]


async def test_a_conversation_belongs_to_its_user_whatever_its_name(
    application: Application,
) -> None:
    async with application.client() as client:
        await run(client, "user-1", "store('secret', 1)")
        other = await run(client, "user-2", "text(load('secret') === undefined)")
        own = await run(client, "user-1", "text(load('secret'))")
        stranger = await run(client, "mallory", "text(1)")

    assert (other["output"], own["output"], stranger) == ("true", "1", 401)


async def test_conversations_are_bounded_and_an_end_makes_room(application: Application) -> None:
    async with application.client() as client:
        said = [await run(client, "user-1", "text(1)", name) for name in "abcdef"]
        await client.delete("/conversations/a", headers={"x-user": "user-1"})
        again = await run(client, "user-1", "text(2)", "f")

    assert [each if each == 429 else each["output"] for each in said] == ["1"] * 5 + [429]
    assert again["output"] == "2"


class Orders(dict[str, list[str]]):
    """Says when a program has asked for the orders of a user."""

    def __init__(self) -> None:
        super().__init__({user: [f"order of {user}"] for user in USERS})
        self.asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __getitem__(self, user: str) -> list[str]:  # in the thread of a tool
        self._loop.call_soon_threadsafe(self.asked.set)
        return super().__getitem__(user)


ENDLESS: Final = "await tools.my_orders({}); await new Promise(() => {})"


async def test_a_client_that_goes_away_leaves_no_cell(application: Application) -> None:
    orders = application.module.ORDERS = Orders()
    async with application.client() as staying:
        # More often than there may be live cells: the next program needs the room of one.
        for _ in range(application.module.Conversations.LIMITS.live_cells + 1):
            async with application.client() as client:
                orders.asked.clear()
                asked = asyncio.create_task(run(client, "user-1", ENDLESS))
                await orders.asked.wait()
                asked.cancel()
                await asyncio.wait({asked})
            # The server learns of the closed connection when it learns of it.
            said = await run(staying, "user-1", "text(1)")
            while "live_cells" in said["text"]:
                said = await run(staying, "user-1", "text(1)")
            assert said["output"] == "1"


async def test_a_conversation_that_nobody_uses_ends(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.Conversations, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(module.Conversations, "SWEEP_SECONDS", 0.01)
    async with serving(module) as application, application.client() as client:
        await run(client, "user-1", "store('kept', 1)")
        program = "text(load('kept') === undefined)"
        while (await run(client, "user-1", program))["output"] == "false":
            pass


async def test_a_shutdown_ends_what_runs(application: Application) -> None:
    orders = application.module.ORDERS = Orders()
    async with application.client() as client:
        asked = asyncio.create_task(run(client, "user-1", ENDLESS))
        await orders.asked.wait()
        application.server.should_exit = True
        with contextlib.suppress(httpx2.HTTPError, ValueError):
            await asked

    assert asked.done()
