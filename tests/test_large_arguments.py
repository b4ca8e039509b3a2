"""Large arguments are read outside of the event loop, and are what small ones would be."""

from __future__ import annotations

import json
import threading
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator

from codemode import CodeMode, LocalSessionProvider, ToolCall
from codemode.json_text import decode_json
from codemode.large_values import LARGE_CHARACTERS, decoded_in_steps

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF)), inner
        )
    ),
    max_leaves=12,
)


@given(_JSON, st.booleans(), st.integers(1, 30))
def test_a_text_that_is_read_in_steps_is_the_value_that_it_says(
    value: Any, ascii: bool, large: int
) -> None:
    text = json.dumps(value, ensure_ascii=ascii)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("codemode.large_values.LARGE_CHARACTERS", large)

        assert decoded_in_steps(text, decode_json, _no_pause) == decode_json(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2,"b":"%s"}',
        r'{"\ud800":"\udc00","b":"%s"}',
        '[1e400,-0,1.0,12345678901234567890123,"%s"]',
        '{"a":[[[[[["%s"]]]]]]}',
        '"%s"',
    ],
)
def test_odd_texts_are_what_they_would_be_in_one_step(text: str) -> None:
    text = text % ("x" * LARGE_CHARACTERS)

    assert decoded_in_steps(text, decode_json, _no_pause) == decode_json(text)


@pytest.mark.parametrize("text", ['["%s"', '{"a":"%s",}', "%s", "[" * 100_000 + "%s"])
def test_what_is_no_json_is_refused_as_in_one_step(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decoded_in_steps(text % ("x" * LARGE_CHARACTERS), decode_json, _no_pause)


async def test_large_arguments_are_read_in_another_thread_and_are_what_a_middleware_saw() -> None:
    threads: list[str] = []
    shown: list[Any] = []

    def noted(value: int) -> int:
        threads.append(threading.current_thread().name)
        return value

    async def total(rows: list[dict[str, Annotated[int, AfterValidator(noted)]]]) -> int:
        threads.append(threading.current_thread().name)
        return sum(row["n"] for row in rows)

    async def middleware(call: ToolCall, call_next: Any) -> Any:
        shown.append(call.arguments)
        return await call_next(call)

    async with (
        LocalSessionProvider() as provider,
        CodeMode(tools=[total], middleware=[middleware], provider=provider) as cm,
    ):
        result = await cm.exec(
            "text(await tools.total({rows: Array.from({length: 2000}, (_, n) => ({n}))}))"
        )

    assert result.items[1:] == result.items[1:2] and result.items[1].text == "1999000"  # type: ignore[union-attr]
    assert shown == [{"rows": [{"n": n} for n in range(2000)]}]
    assert threads == ["codemode-fair"] * 2000 + [threading.main_thread().name]


async def test_a_large_argument_that_does_not_fit_is_refused_with_its_place() -> None:
    async def count(rows: list[int]) -> int:
        return len(rows)

    async with CodeMode(tools=[count]) as cm:
        result = await cm.exec(
            "try { await tools.count({rows: Array.from({length: 2000}, (_, n) => n ? n : 'x')}) }"
            " catch (e) { text(e) }"
        )

    assert "rows[0]" in result.text and "rows[1]" not in result.text, result.text


def _no_pause() -> None:
    """Nobody else waits."""
