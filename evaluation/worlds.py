"""A task in its world: AgentDojo's functions, bound to its state, as tools for cells."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_jsonable_python

from codemode import Next, ToolCall, tool
from codemode.estimate.dependence import DirectCall, as_text

from .dojo import FunctionCall, FunctionsRuntime


@dataclass
class Made:
    """A call that reached a tool."""

    name: str
    arguments: dict[str, Any]
    error: str | None = None


@dataclass
class World:
    """A task, the state before it, the state that its calls change, and these calls."""

    suite: Any
    task: Any
    before: Any
    state: Any
    calls: list[Made] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        suite: Any,
        task: Any,
        injections: Mapping[str, str] | None = None,
        prepare: Callable[[Any], None] | None = None,
    ) -> World:
        """A world of its own; ``prepare`` changes its state before the task begins."""
        state = suite.load_and_inject_default_environment(dict(injections or {}))
        if prepare is not None:
            prepare(state)
        state = task.init_environment(state) if hasattr(task, "PROMPT") else state
        return cls(suite, task, state.model_copy(deep=True), state)

    def passed(self, answer: str, task: Any = None) -> bool:
        """What the judge of the task says of the state, the calls and an answer."""
        trace = [FunctionCall(function=c.name, args=c.arguments) for c in self.calls]
        said = [{"type": "text", "content": answer}]
        check = self.suite._check_task_result
        return bool(check(task or self.task, said, self.before, self.state, trace))

    def succeeded(self, shown: str) -> bool:
        """Whether what a program printed, or the reference answer, passes."""
        reference = self.task.GROUND_TRUTH_OUTPUT
        return self.passed(shown) or self.passed(reference)

    def tools(self) -> list[Any]:
        """The suite's functions, which change this world."""
        return bound(self.suite, self.state)

    async def record(self, call: ToolCall, following: Next) -> Any:
        """The middleware that keeps what reached a tool."""
        made = Made(call.tool_name.name, dict(call.input))
        self.calls.append(made)
        try:
            return await following(call)
        except Exception as error:
            made.error = str(error)
            raise

    def directly(self) -> list[DirectCall]:
        """The reference calls, run by AgentDojo's own runtime."""
        runtime = FunctionsRuntime(self.suite.tools)
        made: list[DirectCall] = []
        for call in self.task.ground_truth(self.before.model_copy(deep=True)):
            result, error = runtime.run_function(
                self.state, call.function, call.args, raise_on_error=False
            )
            self.calls.append(Made(call.function, dict(call.args)))
            shown = as_text(to_jsonable_python(result) if error is None else error)
            made.append(DirectCall(call.function, to_jsonable_python(dict(call.args)), shown))
        return made


def bound(suite: Any, state: Any = None) -> list[Any]:
    """The functions of a suite as tools that change ``state``; the partial hides it from the declaration."""
    state = state or suite.load_and_inject_default_environment({})
    made = []
    for each in suite.tools:
        hidden = {name: d.extract_dep_from_env(state) for name, d in each.dependencies.items()}
        function = functools.partial(each.run, **hidden)
        made.append(tool(name=each.name, thread=False, strict=False)(function))
    return made


Middleware = Callable[[ToolCall, Next], Awaitable[Any]]
