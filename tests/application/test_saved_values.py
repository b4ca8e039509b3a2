"""Stored values as an application reads, dumps and gives them."""

from __future__ import annotations

from typing import Any

import pytest

from codemode import CodeMode, LimitError, Limits, SavedValues, SessionClosedError, UsageError
from codemode.protocol.session import SessionDelegate
from codemode.runtime.local import LocalSessionProvider


def test_a_dump_is_json_and_loads_again() -> None:
    saved = SavedValues.of({"k": {"a": [1, None, "é"]}, "": 2**60})

    assert saved.dump() == b'{"k":{"a":[1,null,"\\u00e9"]},"":1152921504606846976}'
    assert dict(SavedValues.load(saved.dump())) == {"k": {"a": [1, None, "é"]}, "": 2**60}
    assert repr(saved) == "<2 stored values, 42 bytes>"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (b"", "this is no dump of stored values: Input data was truncated"),
        ("[1]", "this is no dump of stored values: Expected `object`, got `array`"),
        (b"\xff", "this is no dump of stored values: "),
        (5, "stored values are a mapping or a dump, got a int"),
        ({1: 2}, "the key of a stored value is a text, got 1"),
        ({"k": {1, 2}}, "the value of 'k' is no JSON: "),
        ({"k": float("nan")}, "the value of 'k' is no JSON: "),
    ],
)
async def test_what_are_no_values_is_told(given: Any, text: str) -> None:
    async with CodeMode() as cm:
        with pytest.raises(UsageError) as caught:
            await cm.restore_values(given)

    assert str(caught.value).startswith(text)


async def test_values_beyond_the_limit_are_refused_and_none_is_taken() -> None:
    async with CodeMode(limits=Limits(stored_bytes=1_000)) as cm:
        with pytest.raises(LimitError, match="stored_bytes"):
            await cm.restore_values({"a": 1, "b": "x" * 2_000})
        result = await cm.run("text(load('a') === undefined)")

    assert result.output == "true"


async def test_a_provider_that_knows_no_stored_values_is_named() -> None:
    class Plain:
        """A session with the least that one has."""

        def __init__(self, session: Any) -> None:
            self.shutdown = session.shutdown

        def __repr__(self) -> str:
            return "<plain>"

    class Provider(LocalSessionProvider):
        async def create_session(self, delegate: SessionDelegate, **options: Any) -> Any:
            return Plain(await super().create_session(delegate, **options))

    async with Provider() as provider, CodeMode(provider=provider) as cm:
        with pytest.raises(UsageError, match="this provider do not tell what cells store: <plain>"):
            await cm.restore_values({"k": 1})
        with pytest.raises(UsageError, match="this provider do not tell what cells store: <plain>"):
            cm.stored_values()


async def test_what_is_read_is_a_copy_and_a_closed_session_has_none() -> None:
    async with CodeMode() as cm:
        assert cm.stored_values() == {}
        await cm.run("store('k', [1])")
        saved = cm.stored_values()
        await cm.run("store('k', [2])")

    assert saved == {"k": [1]}
    with pytest.raises(SessionClosedError):
        cm.stored_values()
