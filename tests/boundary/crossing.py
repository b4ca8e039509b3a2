"""One session for very many cells, used without a word of asyncio."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from codemode.protocol.session import SessionProvider, Signal
from codemode.protocol.types import (
    CellId,
    ExecuteRequest,
    Result,
    TextItem,
    ToolCall,
    ToolDefinition,
    ToolName,
)
from codemode.remote.process import ProcessSessionProvider
from codemode.runtime.local import LocalSessionProvider

T = TypeVar("T")

SECONDS: Final = 60.0
"""The bound on every wait; it is never used up."""

ROUTES: Final[dict[str, Callable[[], AbstractAsyncContextManager[SessionProvider]]]] = {
    "here": LocalSessionProvider,
    "host": lambda: ProcessSessionProvider([sys.executable, "-m", "codemode.host"]),
}

TOOLS: Final = tuple(
    ToolDefinition(name=name, tool_name=ToolName(name), description=name)
    for name in ("take", "give")
)


class Crossing:
    """A session behind one route. ``take`` keeps its argument, ``give`` returns ``gift``."""

    def __init__(self, route: str) -> None:
        self.route = route
        self.gift: Any = None
        self.taken: list[Any] = []
        self.notes: list[str] = []
        self._provider = ROUTES[route]()
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        provider = self._await(self._provider.__aenter__())
        self._session = self._await(provider.create_session(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._await(self._provider.__aexit__(None, None, None))
        self._runner.__exit__(kind, error, traceback)

    def run(self, source: str, tools: tuple[ToolDefinition, ...] = TOOLS) -> Result:
        """Run a program to its end."""
        self.taken, self.notes = [], []
        return self._await(self._run(source, tools))

    def text(self, source: str, tools: tuple[ToolDefinition, ...] = TOOLS) -> str:
        """What a program that succeeds writes."""
        result = self.run(source, tools)
        assert result.error_text is None, result.error_text
        return "".join(item.text for item in result.items if isinstance(item, TextItem))

    async def _run(self, source: str, tools: tuple[ToolDefinition, ...]) -> Result:
        request = ExecuteRequest(
            tool_call_id="call", enabled_tools=tools, source=source, yield_time_ms=60_000
        )
        started = await self._session.execute(request)
        response = await started.initial_response()
        assert isinstance(response, Result), response
        return response

    def _await(self, work: Awaitable[T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(SECONDS):
                return await work

        return self._runner.run(bounded())

    async def invoke_tool(self, call: ToolCall, cancel: Signal) -> Any:
        del cancel
        if call.tool_name.name == "give":
            if isinstance(self.gift, Exception):
                raise self.gift
            return self.gift
        self.taken.append(call.input)
        return None

    async def notify(self, call_id: str, cell_id: CellId, text: str, cancel: Signal) -> None:
        del call_id, cell_id, cancel
        self.notes.append(text)

    def cell_closed(self, cell_id: CellId) -> None:
        del cell_id


def quoted(text: str) -> str:
    """``text`` as a JavaScript literal in ASCII."""
    return json.dumps(text)
