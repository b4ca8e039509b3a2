from collections.abc import Callable

from codemode.protocol.types import JsonValue, ToolCall
from codemode.tools.chain import Middleware, Next, linked

MakeCall = Callable[..., ToolCall]


def noting(log: list[str], name: str) -> Middleware:
    async def middleware(call: ToolCall, following: Next) -> JsonValue:
        log.append(f"{name} in")
        result = await following(call)
        log.append(f"{name} out")
        return [name, result]

    return middleware


async def last(call: ToolCall) -> JsonValue:
    return call.input


async def test_a_call_passes_in_order_and_its_result_back(make_call: MakeCall) -> None:
    log: list[str] = []
    chain = linked([noting(log, "a"), noting(log, "b")], last)
    assert await chain(make_call("t", 1)) == ["a", ["b", 1]]
    assert log == ["a in", "b in", "b out", "a out"]


async def test_an_empty_chain_is_its_end() -> None:
    assert linked([], last) is last


async def test_a_middleware_may_answer_by_itself_or_change_the_call(make_call: MakeCall) -> None:
    async def answers(call: ToolCall, following: Next) -> JsonValue:
        return "kept"

    async def changes(call: ToolCall, following: Next) -> JsonValue:
        return await following(make_call("t", "changed"))

    assert await linked([answers], last)(make_call("t", 1)) == "kept"
    assert await linked([changes], last)(make_call("t", 1)) == "changed"


async def test_a_middleware_may_call_again(make_call: MakeCall) -> None:
    async def twice(call: ToolCall, following: Next) -> JsonValue:
        return [await following(call), await following(call)]

    assert await linked([twice], last)(make_call("t", 1)) == [1, 1]


async def test_a_plain_function_is_a_middleware_too(make_call: MakeCall) -> None:
    def hands_on(call: ToolCall, following: Next) -> object:
        return following(call)

    def answers(call: ToolCall, following: Next) -> str:
        return "kept"

    class Counts:
        calls = 0

        async def __call__(self, call: ToolCall, following: Next) -> JsonValue:
            self.calls += 1
            return await following(call)

    counts = Counts()
    assert await linked([hands_on, counts], last)(make_call("t", 1)) == 1
    assert await linked([counts, answers], last)(make_call("t", 1)) == "kept"
    assert counts.calls == 2
