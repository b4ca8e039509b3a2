import asyncio
import contextvars
import dataclasses
import functools
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
import pytest
from pydantic import BaseModel, field_validator, model_serializer

from codemode.errors import ToolDefinitionError, ToolError
from codemode.protocol.session import Signal
from codemode.protocol.types import ToolCall, ToolDefinition, ToolName
from codemode.tools.function import FunctionTool, as_tool, tool
from codemode.tools.tool import ToolInterface

Call = Callable[..., Awaitable[Any]]
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@tool
def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Exactly.

    Args:
        a: The first.
    """
    return a + b


@tool(name="times", namespace="math", description="Multiply.", strict=False)
async def multiply(a: float, b: float) -> float:
    """Not this."""
    return a * b


class Store:
    def __init__(self, start: int) -> None:
        self.value = start

    @tool
    def grow(self, by: int) -> int:
        "Grow it."
        self.value += by
        return self.value

    @tool(name="named")
    async def later(self, by: int) -> int:
        return self.value + by

    def plain(self, by: int) -> int:
        return self.value - by

    @tool
    @classmethod
    def made(cls, start: int) -> str:
        return f"{cls.__name__} {start}"

    @classmethod
    @tool
    def made_inside(cls, start: int) -> str:
        return f"{cls.__name__} {start}"

    @tool
    @staticmethod
    def static(start: int) -> int:
        return start


class Callee:
    """Say it."""

    def __call__(self, text: str) -> str:
        return text


def test_the_definition_comes_from_the_function() -> None:
    assert msgspec.structs.replace(add.definition, source="") == ToolDefinition(
        name="add",
        tool_name=ToolName("add"),
        description="Add two numbers.\n\nExactly.",
        input_schema={
            "additionalProperties": False,
            "properties": {
                "a": {"description": "The first.", "type": "integer"},
                "b": {"default": 1, "type": "integer"},
            },
            "required": ["a"],
            "type": "object",
        },
        output_schema={"type": "integer"},
    )
    assert add.definition is add.definition


def test_options_win_over_the_function() -> None:
    definition = multiply.definition
    assert (definition.name, definition.tool_name, definition.description) == (
        "math__times",
        ToolName("times", "math"),
        "Multiply.",
    )
    assert repr(multiply) == "<FunctionTool math__times, function>"


async def test_a_decorated_function_is_still_callable() -> None:
    assert add(1, b=2) == 3
    assert await multiply(2, 3) == 6
    assert (vars(add)["__name__"], add.__doc__ and add.__doc__[:4]) == ("add", "Add ")


def keyword_only(*, n: int) -> int:
    return n


def positional(a: int, b: int = 2, /, c: int = 3) -> list[int]:
    return [a, b, c]


CALLED: dict[str, tuple[Any, Any, Any]] = {
    "function": (add.function, {"a": 1}, 2),
    "decorated": (add, {"a": 1, "b": 5}, 6),
    "async": (multiply, {"a": "2", "b": 3}, 6.0),
    "method": (Store(1).plain, {"by": 2}, -1),
    "decorated method": (Store(1).grow, {"by": 2}, 3),
    "decorated async method": (Store(1).later, {"by": 2}, 3),
    "class method": (Store.made, {"start": 1}, "Store 1"),
    "class method of an object": (Store(0).made, {"start": 1}, "Store 1"),
    "class method outside": (Store.made_inside, {"start": 1}, "Store 1"),
    "static method": (Store.static, {"start": 1}, 1),
    "callable object": (Callee(), {"text": "hi"}, "hi"),
    "partial": (functools.partial(add.function, b=10), {"a": 1}, 11),
    "partial by position": (functools.partial(positional, 7), {"b": 8}, [7, 8, 3]),
    "positional only": (positional, {"a": 1, "c": 4}, [1, 2, 4]),
    "keyword only": (keyword_only, {"n": 4}, 4),
    "async partial": (functools.partial(multiply.function, 2), {"b": 3}, 6.0),
    "no async in sight": (
        functools.wraps(add.function)(lambda a, b=1: multiply(a, b)),
        {"a": 4},
        4,
    ),
    "class": (dataclasses.make_dataclass("Point", [("x", int)]), {"x": 1}, {"x": 1}),
}


@pytest.mark.parametrize(("item", "value", "expected"), CALLED.values(), ids=CALLED.keys())
async def test_any_callable_can_be_called(call: Call, item: Any, value: Any, expected: Any) -> None:
    assert await call(item, value) == expected


def test_a_method_needs_its_object() -> None:
    assert isinstance(Store.grow, FunctionTool)
    with pytest.raises(ToolDefinitionError) as caught:
        _ = Store.grow.definition
    assert str(caught.value) == (
        "tool `grow` is a method without its object\nHint: pass the bound method, obj.grow."
    )
    assert Store(1).grow(2) == 3


def test_arguments_that_a_partial_fixes_are_hidden() -> None:
    def fetch(path: str, api_key: str) -> None: ...

    made = FunctionTool(functools.partial(fetch, api_key="hunter2"))
    assert "hunter2" not in str(made.definition)
    assert list(made.definition.input_schema["properties"]) == ["path"]


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "lambda": (
        lambda: tool(lambda: None),
        " has no name\nHint: pass name=… to tool().",
    ),
    "stars": (
        lambda: FunctionTool(lambda *a: None, name="t").definition,
        "tool `t`: `*a` cannot be given by name, and a script passes one object."
        "\nHint: take a list instead: `a: list[…]`.",
    ),
    "kind": (
        lambda: tool(kind="other")(add.function),  # type: ignore[call-overload]
        "tool `add` has the kind 'other'\nHint: it is 'function' or 'freeform'.",
    ),
    "namespace": (
        lambda: tool(namespace="")(add.function),
        "tool `add` has an empty namespace\nHint: leave it out.",
    ),
    "freeform": (
        lambda: tool(kind="freeform")(add.function),
        "tool `add` is freeform and must have one parameter, a str"
        "\nHint: def add(text: str) -> …, or leave out kind='freeform'.",
    ),
    "not callable": (
        lambda: as_tool(5),  # type: ignore[arg-type]
        "5 is neither a tool nor callable\nHint: pass functions or tools.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_tool_is_refused_at_once(name: str) -> None:
    make, text = REFUSED[name]
    with pytest.raises(ToolDefinitionError) as caught:
        make()
    assert str(caught.value).endswith(text)


async def test_absent_input_is_an_empty_object(call: Call) -> None:
    def nothing() -> str:
        return "done"

    assert [await call(nothing), await call(nothing, {})] == ["done", "done"]


@pytest.mark.parametrize("value", [None, 1, "x", [], True], ids=str)
async def test_other_input_than_an_object_is_refused(call: Call, value: Any) -> None:
    with pytest.raises(ToolError) as caught:
        await call(multiply, value)
    assert str(caught.value) == (
        "tool `math__times` expects a JSON object for arguments"
        "\nHint: expected tools.math__times({ a: number, b: number })"
    )


@tool(kind="freeform")
def shout(text: str, /, call: ToolCall) -> str:
    return f"{text.upper()} {call.tool_name.name}"


@tool(kind="freeform", thread=False)
def whisper(text):  # type: ignore[no-untyped-def]
    return text.lower()


async def test_freeform_tools_take_the_string(call: Call) -> None:
    assert (shout.definition.kind, shout.definition.input_schema) == ("freeform", None)
    assert [await call(shout, "hi"), await call(whisper, "HI")] == ["HI shout", "hi"]


@pytest.mark.parametrize(
    "value", [{"text": "x"}, None, 1, ["x"]], ids=["object", "null", "number", "array"]
)
async def test_freeform_tools_refuse_other_input(call: Call, value: Any) -> None:
    with pytest.raises(ToolError) as caught:
        await call(shout, value)
    assert str(caught.value) == "tool `shout` expects a string input"


async def test_freeform_tools_refuse_absent_input(call: Call) -> None:
    with pytest.raises(ToolError) as caught:
        await call(shout)
    assert str(caught.value) == "tool `shout` expects a string input"


async def test_the_call_and_its_cancellation_are_injected(call: Call) -> None:
    def look(n: int, tool_call: ToolCall, stop: Annotated[Signal, "x"] | None = None) -> Any:
        assert stop is not None
        return [n, tool_call.input, stop.is_set()]

    assert list(FunctionTool(look).definition.input_schema["properties"]) == ["n"]
    assert await call(look, {"n": 1}) == [1, {"n": 1}, False]


async def test_context_variables_reach_sync_and_async_functions(call: Call) -> None:
    variable.set("caller's")

    def plain() -> str:
        return variable.get()

    async def coroutine() -> str:
        return variable.get()

    assert [await call(plain), await call(coroutine)] == ["caller's", "caller's"]


async def test_threads_are_for_sync_functions_that_may_block(call: Call) -> None:
    def here() -> bool:
        return threading.current_thread() is threading.main_thread()

    async def there() -> bool:
        return here()

    assert [
        await call(here),
        await call(FunctionTool(here, thread=False)),
        await call(there),
    ] == [False, True, True]


def raising(error: BaseException, *, is_async: bool) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    async def fail_async() -> None:
        raise error

    return fail_async if is_async else fail


FAILURES: dict[str, tuple[BaseException, str]] = {
    "tool error": (ToolError("no\nHint: try."), "no\nHint: try."),
    "exception": (ValueError("bad"), "ValueError: bad"),
    "exit": (SystemExit(1), "SystemExit: 1"),
    "interrupt": (KeyboardInterrupt(), "KeyboardInterrupt"),
    "generator exit": (GeneratorExit(), "GeneratorExit"),
    "group": (
        BaseExceptionGroup("g", [SystemExit(1)]),
        "BaseExceptionGroup: g (1 sub-exception)\n- SystemExit: 1",
    ),
}


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
@pytest.mark.parametrize(("error", "text"), FAILURES.values(), ids=FAILURES.keys())
async def test_whatever_a_tool_raises_is_the_text_of_a_tool_error(
    call: Call, error: BaseException, text: str, is_async: bool
) -> None:
    with pytest.raises(ToolError) as caught:
        await call(raising(error, is_async=is_async))
    assert str(caught.value) == text
    assert caught.value is error or caught.value.__cause__ is error


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_a_failure_is_logged_once_with_its_traceback_and_wrong_arguments_are_not(
    call: Call, caplog: pytest.LogCaptureFixture, is_async: bool
) -> None:
    caplog.set_level("INFO", logger="codemode.tools")
    with pytest.raises(ToolError):
        await call(raising(ValueError("bad"), is_async=is_async))
    with pytest.raises(ToolError):
        await call(multiply, {"a": "secret"})
    (record,) = caplog.records
    assert record.getMessage().endswith(" failed")
    assert ", in fail" in caplog.text  # the line of the tool that raised


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_a_stray_cancellation_is_a_failure(call: Call, is_async: bool) -> None:
    function = raising(asyncio.CancelledError(), is_async=is_async)
    with pytest.raises(ToolError) as caught:
        await call(function)
    assert str(caught.value) == f"tool `{function.__name__}` was cancelled"


async def test_foreign_validators_and_serializers_are_contained(call: Call) -> None:
    class Odd(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def _check(cls, value: int) -> int:
            if value == 0:
                raise SystemExit(0)
            return value

        @model_serializer
        def _dump(self) -> dict[str, int]:
            raise KeyboardInterrupt

    def same(odd: Odd) -> Odd:
        return odd

    texts = []
    for n in (0, 1):
        with pytest.raises(ToolError) as caught:
            await call(same, {"odd": {"n": n}})
        texts.append(str(caught.value))
    assert texts == [
        "SystemExit: 0",
        "tool `same` returned a `Odd` (Error calling function `_dump`: KeyboardInterrupt: ),"
        " which has no JSON form."
        "\nHint: the tool should return JSON-like values, dataclasses or pydantic models.",
    ]


async def test_a_result_without_a_json_form_names_the_tool(call: Call) -> None:
    def odd() -> Any:
        return {"a": object()}

    with pytest.raises(ToolError) as caught:
        await call(odd)
    assert str(caught.value) == (
        "tool `odd` returned a value of type `object` at `result.a`, which has no JSON form."
        "\nHint: the tool should return JSON-like values, dataclasses or pydantic models."
    )


def test_a_function_tool_is_a_tool() -> None:
    assert isinstance(add, ToolInterface)
    assert as_tool(add) is add


# ── what the author says beside ──────────────────────────────────────────────────────────────────


def test_hints_stay_in_the_definition_and_an_idempotent_tool_says_so() -> None:
    @tool(annotations={"readOnlyHint": True}, idempotent=True)
    def look() -> None: ...

    @tool(idempotent=True, annotations={"idempotentHint": False})
    def act() -> None: ...

    found = [(each.definition.annotations, each.definition.idempotent) for each in (look, act, add)]
    assert found == [
        ({"idempotentHint": True, "readOnlyHint": True}, True),
        ({"idempotentHint": False}, True),
        ({}, False),
    ]


async def test_a_call_that_takes_too_long_fails_and_is_cancelled(call: Call) -> None:
    ended: list[str] = []

    @tool(timeout=0.01)
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    with pytest.raises(ToolError) as refused:
        await call(slow)
    assert (str(refused.value), ended) == (
        "tool `slow` has not answered within 0.01 s, and was cancelled"
        "\nHint: find out whether it had its effect before you call it again.",
        ["cancelled"],
    )


async def test_a_thread_that_takes_too_long_hears_of_it(call: Call) -> None:
    heard = threading.Event()

    @tool(timeout=0.01)
    def slow(stop: Signal) -> None:
        while not stop.is_set():
            time.sleep(0.001)
        heard.set()

    with pytest.raises(ToolError, match="has not answered within"):
        await call(slow)
    assert await asyncio.to_thread(heard.wait, 20)


async def test_a_timeout_of_the_functions_own_is_its_own_error(call: Call) -> None:
    @tool(timeout=60)
    async def fails() -> None:
        raise TimeoutError("the database")

    with pytest.raises(ToolError, match="TimeoutError: the database"):
        await call(fails)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timeout": 0}, "tool `f`: timeout must be a positive number of seconds, got 0"),
        ({"timeout": True}, "tool `f`: timeout must be a positive number of seconds, got True"),
        (
            {"annotations": {"readOnly": True}},
            "tool `f`: annotations are hints of MCP that are true or false, got {'readOnly': True}"
            "\nHint: there are readOnlyHint, destructiveHint, idempotentHint, openWorldHint.",
        ),
    ],
)
def test_what_an_author_cannot_say_is_refused(options: dict[str, Any], text: str) -> None:
    def f() -> None: ...

    with pytest.raises(ToolDefinitionError) as refused:
        tool(**options)(f)
    assert str(refused.value) == text
