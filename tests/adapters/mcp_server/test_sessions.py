"""Which sessions there are, without any client: who gets one, and whose makes room."""

import asyncio

import pytest

from codemode import CodeMode, LimitError, SessionClosedError
from codemode.adapters.mcp_server import ServedClient
from codemode.adapters.mcp_server.client import Hear
from codemode.adapters.mcp_server.sessions import (
    LATELY_SECONDS,
    Key,
    ServedSession,
    ServedSessions,
    SessionEnd,
)


class Rooms:
    """Sessions, and the CodeModes that were made for them; time passes when it is told to."""

    def __init__(self, most: int, idle_seconds: float | None = None) -> None:
        self.made: list[CodeMode] = []
        self.now = 0.0
        self.sessions = ServedSessions(
            self._make, idle_seconds=idle_seconds, most=most, clock=lambda: self.now
        )

    def _make(self, client: ServedClient) -> CodeMode:
        self.made.append(CodeMode(on_notify=client))
        return self.made[-1]


async def used(sessions: ServedSessions, key: Key, *, stores: bool = True) -> ServedSession:
    async with sessions.use(key) as session:
        session.client.has_stored = stores
        return session


async def test_a_key_has_one_session_until_it_ends() -> None:
    sessions, key = Rooms(most=2).sessions, Key("http", "a")
    first = await used(sessions, key)
    assert await used(sessions, key) is first
    await sessions.end(key)
    assert await used(sessions, key) is not first
    await sessions.aclose()
    assert not sessions.has(key)


async def test_the_named_session_that_is_idle_longest_makes_room_unless_it_was_used_lately() -> (
    None
):
    rooms = Rooms(most=3)
    sessions = rooms.sessions
    one, two, own, new = Key("name", "1"), Key("name", "2"), Key("http", "own"), Key("http", "new")
    for key in (own, one, two, one):
        await used(sessions, key)
        rooms.now += 10
    rooms.now = 20 + LATELY_SECONDS - 0.5  # the second was left at 20
    with pytest.raises(LimitError) as refused:
        await used(sessions, new)
    assert str(refused.value) == (
        "Limit reached (max_sessions): 3 sessions are in use, and each was used in the last 600 s.\n"
        "Hint: try again in 1 s, or go on in a session that you have."
    )
    rooms.now += 1
    await used(sessions, new)
    assert [sessions.has(key) for key in (own, one, two, new)] == [True, True, False, True]
    assert sessions.ended(two) == SessionEnd("room", LATELY_SECONDS + 0.5)
    await sessions.aclose()


async def test_a_session_of_which_nothing_is_left_makes_room_first_and_at_any_time() -> None:
    sessions = Rooms(most=2).sessions
    await used(sessions, Key("http", "stores"))
    await used(sessions, Key("http", "empty"), stores=False)
    await used(sessions, Key("http", "new"))
    assert [sessions.has(Key("http", name)) for name in ("stores", "empty", "new")] == [
        True,
        False,
        True,
    ]
    await sessions.aclose()


async def test_a_named_session_of_which_nothing_is_left_ends_with_its_request() -> None:
    sessions = Rooms(most=1).sessions
    for name in ("1", "2"):
        await used(sessions, Key("name", name), stores=False)
        assert not sessions.has(Key("name", name))
        assert sessions.ended(Key("name", name)) == SessionEnd("empty", 0)
    await sessions.aclose()


async def test_each_principal_has_a_share_and_takes_it_from_nobody_else() -> None:
    rooms = Rooms(most=4)
    sessions = rooms.sessions
    sessions.principals = lambda: 2
    for name in ("1", "2"):
        await used(sessions, Key("name", name, "ann"))
    rooms.now = 2 * LATELY_SECONDS
    for name in ("1", "2"):
        await used(sessions, Key("http", name, "bob"))
    with pytest.raises(LimitError, match="2 sessions are in use"):
        await used(sessions, Key("http", "3", "bob"))
    await used(sessions, Key("name", "3", "ann"))
    assert [sessions.has(Key("name", name, "ann")) for name in ("1", "2", "3")] == [
        False,
        True,
        True,
    ]
    await sessions.aclose()


async def test_nobody_makes_room_who_works_or_has_a_cell_that_runs() -> None:
    rooms = Rooms(most=2)
    sessions = rooms.sessions
    async with sessions.use(Key("name", "works")) as working:
        working.client.has_stored = True
        async with sessions.use(Key("name", "runs")) as session:
            session.client.saw(
                await session.code_mode.exec("yield_control(); await new Promise(() => {})")
            )
        with pytest.raises(LimitError) as refused:
            await used(sessions, Key("name", "new"))
    assert refused.value.limit == "max_sessions"
    assert str(refused.value).splitlines()[-1].startswith("Hint: ")
    rooms.now = LATELY_SECONDS
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


async def test_how_a_session_ended_is_known_until_it_was_told() -> None:
    sessions, key = Rooms(most=1, idle_seconds=0).sessions, Key("http", "a")
    await used(sessions, key)
    assert sessions.ended(key) is None
    while sessions.has(key):  # noqa: ASYNC110 - a timer ends it, and tells nobody
        await asyncio.sleep(0)
    assert sessions.ended(key) == SessionEnd("idle", 0)
    sessions.forget(key)
    assert sessions.ended(key) is None
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
