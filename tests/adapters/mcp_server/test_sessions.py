"""Which sessions there are, without any client: who gets one, and whose makes room."""

import asyncio

import pytest

from codemode import CodeMode, LimitError, SessionClosedError
from codemode.adapters.mcp_server import ServedClient
from codemode.adapters.mcp_server.client import Hear
from codemode.adapters.mcp_server.sessions import Key, ServedSession, Sessions


class Rooms:
    """Sessions, and the CodeModes that were made for them."""

    def __init__(self, most: int, idle_seconds: float | None = None) -> None:
        self.made: list[CodeMode] = []
        self.sessions = Sessions(self._make, idle_seconds=idle_seconds, most=most)

    def _make(self, client: ServedClient) -> CodeMode:
        self.made.append(CodeMode(on_notify=client))
        return self.made[-1]


async def used(sessions: Sessions, key: Key) -> ServedSession:
    async with sessions.use(key) as session:
        return session


async def test_a_key_has_one_session_until_it_ends() -> None:
    sessions, key = Rooms(most=2).sessions, Key("http", "a")
    first = await used(sessions, key)
    assert await used(sessions, key) is first
    await sessions.end(key)
    assert await used(sessions, key) is not first
    await sessions.aclose()
    assert not sessions.has(key)


async def test_the_nameless_session_that_is_idle_longest_makes_room() -> None:
    sessions = Rooms(most=3).sessions
    one, two, own = Key("name", "1"), Key("name", "2"), Key("http", "own")
    for key in (own, one, two, one):
        await used(sessions, key)
    await used(sessions, Key("http", "new"))
    assert [sessions.has(key) for key in (own, one, two)] == [True, True, False]
    await sessions.aclose()


async def test_nobody_makes_room_who_works_or_has_a_cell_that_runs() -> None:
    sessions = Rooms(most=2).sessions
    async with sessions.use(Key("name", "works")):
        async with sessions.use(Key("name", "runs")) as session:
            session.client.saw(
                await session.code_mode.exec("yield_control(); await new Promise(() => {})")
            )
        with pytest.raises(LimitError) as refused:
            await used(sessions, Key("name", "new"))
    assert refused.value.limit == "max_sessions"
    assert str(refused.value).splitlines()[-1].startswith("Hint: ")
    await used(sessions, Key("name", "new"))
    assert [sessions.has(Key("name", name)) for name in ("works", "runs")] == [False, True]
    await sessions.aclose()


async def test_a_session_whose_name_nobody_learned_is_gone_at_once() -> None:
    rooms, key = Rooms(most=1), Key.new_name()
    await used(rooms.sessions, key)
    rooms.sessions.drop(key)
    assert not rooms.sessions.has(key)
    await rooms.sessions.aclose()
    with pytest.raises(SessionClosedError):
        await rooms.made[0].exec("text(1)")


async def test_that_a_session_was_idle_too_long_is_told_once() -> None:
    sessions, key = Rooms(most=1, idle_seconds=0).sessions, Key("http", "a")
    await used(sessions, key)
    assert not sessions.take_idle_end(key)
    while sessions.has(key):  # noqa: ASYNC110 - a timer ends it, and tells nobody
        await asyncio.sleep(0)
    assert [sessions.take_idle_end(key), sessions.take_idle_end(key)] == [True, False]
    await sessions.aclose()


async def test_nothing_begins_after_the_end() -> None:
    sessions = Rooms(most=1).sessions
    await sessions.aclose()
    with pytest.raises(SessionClosedError):
        await used(sessions, Key("pipe"))


async def test_names_cannot_be_guessed_from_one_another() -> None:
    names = {Key.new_name().id for _ in range(100)}
    assert len(names) == 100
    assert min(map(len, names)) >= 16


async def test_a_wait_hears_its_cell_and_an_exec_its_call() -> None:
    rooms, heard = Rooms(most=1), list[tuple[str, str]]()

    async with rooms.sessions.use(Key("pipe")) as session:
        for name, place in (("call", "exec"), ("1", "wait"), ("", "aside")):

            async def hear(text: str, place: str = place) -> None:
                heard.append((place, text))

            if not name:
                session.client.aside = hear
                await session.code_mode.exec("notify(3)", call_id="another")
            else:
                with session.client.heard_by(name, hear):
                    await session.code_mode.exec(f"notify('{place}')", call_id="call")
    await rooms.sessions.aclose()
    assert heard == [("exec", "exec"), ("aside", "3")]


async def test_of_those_who_listen_any_may_leave_first() -> None:
    rooms, heard = Rooms(most=1), list[str]()

    def listener(name: str) -> Hear:
        async def hear(text: str) -> None:
            heard.append(f"{name} {text}")

        return hear

    async with rooms.sessions.use(Key("pipe")) as session:
        first = session.client.heard_by("call", listener("first"))
        second = session.client.heard_by("call", listener("second"))
        session.client.aside = listener("aside")

        async def say(text: str) -> None:
            await session.code_mode.exec(f"notify('{text}')", call_id="call")

        with first:
            second.__enter__()
            await say("to both")
        await say("to the second")
        second.__exit__(None, None, None)
        await say("to nobody")
        with session.client.heard_by("call", listener("third")):
            with session.client.heard_by("call", listener("fourth")):
                pass
            await say("again")
        assert session.client._listeners == {}
    await rooms.sessions.aclose()
    assert heard == ["second to both", "second to the second", "aside to nobody", "third again"]
