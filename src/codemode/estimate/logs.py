"""Logs of direct tool calls, in the forms in which applications keep them.

A form is recognized by its content: items of OpenAI's Responses API, messages of Chat
Completions, messages of Anthropic's Messages API, recorded runs of the evaluation, and spans of OpenTelemetry's
conventions for generative AI. A file is one JSON value, or one a line; requests and responses as they were
sent may be the lines. What is not known is passed over, and counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import UsageError
from .dependence import DirectCall, as_text

EXEC_TOOLS: Final = frozenset({"exec", "wait"})
"""Calls of code mode itself are no direct calls."""
NO_CALL: Final = (
    "there is no direct call of a tool in this log"
    "\nHint: give messages or items with their results, as the API takes them."
)


@dataclass
class LoggedRequest:
    """One request of a model: the calls that it made, and what it said."""

    calls: list[DirectCall] = field(default_factory=list)
    said: str = ""


@dataclass
class Conversation:
    """A conversation: what the user said before the first call, and the requests in order."""

    prompt: str = ""
    requests: list[LoggedRequest] = field(default_factory=list)

    @property
    def calls(self) -> list[DirectCall]:
        """All calls, in order."""
        return [call for request in self.requests for call in request.calls]


@dataclass
class Log:
    """What was read of a file.

    Attributes:
        forms: how many entries there were of each form.
        skipped: entries that no form fits.
        unanswered: calls whose result is not in the log.
    """

    conversations: list[Conversation] = field(default_factory=list)
    forms: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    unanswered: int = 0


def read_log(text: str) -> Log:
    """Read a log.

    Raises:
        UsageError: there is no JSON in it, or no call of a tool.
    """
    log = Log()
    lists: list[list[Any]] = []
    spans: list[dict[str, Any]] = []
    loose: list[Any] = []
    for value in _values(text):
        found = _entries(value, log)
        if isinstance(value, dict) and ("resourceSpans" in value or _is_span(value)):
            spans += found
        elif isinstance(value, dict) and value.get("turns") is not None:
            log.conversations += [_recorded(each) for each in found]
        elif isinstance(value, dict) and _is_item(value):
            loose += found
        else:
            lists.append(found)
    if loose:
        lists.append(loose)
    for entries in _distinct(lists):
        log.conversations.append(_spoken(entries, log))
    log.conversations += _traced(spans)
    log.conversations = [each for each in log.conversations if each.calls]
    if not log.conversations:
        raise UsageError(NO_CALL)
    return log


def _values(text: str) -> Iterator[Any]:
    """The JSON values of a file: one, or one a line."""
    try:
        yield json.loads(text)
        return
    except ValueError:
        pass
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise UsageError(
                f"line {number} is no JSON: {error}\nHint: one JSON value in all, or one a line."
            ) from None


def _entries(value: Any, log: Log) -> list[Any]:
    """The entries of one value; a request with its response is one list."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        log.skipped += 1
        return []
    if "resourceSpans" in value:
        return [
            span
            for resource in _objects(value["resourceSpans"])
            for scope in _objects(resource.get("scopeSpans"))
            for span in _objects(scope.get("spans"))
        ]
    if value.get("turns") is not None or _is_span(value) or _is_item(value):
        return [value]
    found: list[Any] = []
    for key in ("messages", "input", "items"):
        if isinstance(value.get(key), list):
            found += value[key]
    for key in ("request", "response", "body"):
        if isinstance(value.get(key), dict):
            found += _entries(value[key], log)
    if isinstance(value.get("output"), list):
        found += value["output"]
    if isinstance(value.get("choices"), list):
        said = (each.get("message") for each in _objects(value["choices"]))
        found += [each for each in said if isinstance(each, dict)]
    if value.get("type") == "message" and isinstance(value.get("content"), list):
        found.append(value)
    if not found:
        log.skipped += 1
    return found


def _is_item(value: dict[str, Any]) -> bool:
    kind = value.get("type")
    kinds = ("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output")
    return (isinstance(kind, str) and kind in kinds) or (
        "role" in value and ("content" in value or "tool_calls" in value)
    )


def _is_span(value: dict[str, Any]) -> bool:
    return ("spanId" in value or "span_id" in value) and "attributes" in value


def _distinct(lists: Iterable[list[Any]]) -> list[list[Any]]:
    """Conversations without those that are the beginning of a longer one.

    Every request sends all before it, so that a log of requests has each conversation many times.
    """
    texts = [
        (len(each), [json.dumps(entry, sort_keys=True) for entry in each], each) for each in lists
    ]
    kept: list[tuple[list[str], list[Any]]] = []
    for _, keys, entries in sorted(texts, key=lambda each: -each[0]):
        if entries and not any(longer[: len(keys)] == keys for longer, _ in kept):
            kept.append((keys, entries))
    return [entries for _, entries in reversed(kept)]


def _spoken(entries: list[Any], log: Log) -> Conversation:
    """A conversation out of items and messages of any of the three APIs."""
    results: dict[str, str] = {}
    for entry in entries:
        results.update(_results(entry))
    found = Conversation()
    request: LoggedRequest | None = None
    for entry in entries:
        if not isinstance(entry, dict):
            log.skipped += 1
            continue
        calls, said, form = _said(entry)
        if form:
            log.forms[form] = log.forms.get(form, 0) + 1
        if entry.get("role") in ("user", "system", "developer") and not found.calls:
            found.prompt += _text(entry.get("content"))
        if _results(entry):
            request = None  # results end a request
            continue
        if not calls and not said:
            continue
        if request is None or entry.get("role") == "assistant":
            request = LoggedRequest()
            found.requests.append(request)
        request.said += said
        for name, arguments, call_id in calls:
            if name in EXEC_TOOLS:
                continue
            if call_id not in results:
                log.unanswered += 1
            request.calls.append(DirectCall(name, arguments, results.get(call_id, "")))
    return found


def _said(entry: dict[str, Any]) -> tuple[list[tuple[str, Any, str]], str, str]:
    """The calls and the words of one entry of a model, and its form."""
    kind, role = entry.get("type"), entry.get("role")
    if kind in ("function_call", "custom_tool_call"):
        given = entry.get("arguments", entry.get("input"))
        return (
            [(str(entry.get("name")), _arguments(given), str(entry.get("call_id")))],
            "",
            "Responses",
        )
    if role != "assistant":
        return [], "", ""
    calls: list[tuple[str, Any, str]] = []
    for each in _objects(entry.get("tool_calls")):
        function = _object(each.get("function")) or _object(each.get("custom"))
        given = function.get("arguments", function.get("input"))
        calls.append((str(function.get("name")), _arguments(given), str(each.get("id"))))
    form = "Chat Completions" if calls else ""
    content = entry.get("content")
    for block in _objects(content):
        if block.get("type") == "tool_use":
            calls.append((str(block.get("name")), block.get("input"), str(block.get("id"))))
            form = "Messages"
    return calls, _text(content), form


def _results(entry: Any) -> dict[str, str]:
    """The results that one entry brings, by the id of their call."""
    if not isinstance(entry, dict):
        return {}
    if entry.get("type") in ("function_call_output", "custom_tool_call_output"):
        return {str(entry.get("call_id")): _text(entry.get("output"))}
    if entry.get("role") == "tool":
        return {str(entry.get("tool_call_id")): _text(entry.get("content"))}
    content = entry.get("content")
    return {
        str(block.get("tool_use_id")): _text(block.get("content"))
        for block in _objects(content)
        if block.get("type") == "tool_result"
    }


def _recorded(run: dict[str, Any]) -> Conversation:
    """A recorded run of the evaluation; one of code mode has no direct call."""
    found = Conversation(prompt=str(run.get("prompt", "")))
    for turn in _objects(run["turns"]):
        results = turn.get("results")
        made = zip(
            _objects(turn.get("calls")), results if isinstance(results, list) else [], strict=False
        )
        calls = [
            DirectCall(str(call.get("name")), call.get("arguments"), as_text(result))
            for call, result in made
            if str(call.get("name")) not in EXEC_TOOLS
        ]
        found.requests.append(LoggedRequest(calls))
    found.requests.append(LoggedRequest([], str(run.get("answer", ""))))
    return found


def _traced(spans: list[dict[str, Any]]) -> list[Conversation]:
    """Conversations out of spans: by trace, each span of a model beginning a request."""
    traces: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for span in spans:
        trace = str(span.get("traceId", span.get("trace_id", "")))
        began = span.get(
            "startTimeUnixNano", span.get("start_time_unix_nano", span.get("start_time", 0))
        )
        moment = int(began) if str(began).isdigit() else 0
        traces.setdefault(trace, []).append((moment, _attributes(span)))
    found: list[Conversation] = []
    for ordered in traces.values():
        conversation = Conversation(requests=[LoggedRequest()])
        for _, attributes in sorted(ordered, key=lambda each: each[0]):
            operation = attributes.get("gen_ai.operation.name")
            if operation in ("chat", "text_completion", "generate_content"):
                if conversation.requests[-1].calls:
                    conversation.requests.append(LoggedRequest())
            elif operation == "execute_tool":
                given = attributes.get("gen_ai.tool.call.arguments")
                result = attributes.get("gen_ai.tool.call.result", "")
                name = str(attributes.get("gen_ai.tool.name"))
                if name in EXEC_TOOLS:
                    continue
                conversation.requests[-1].calls.append(
                    DirectCall(name, _arguments(given), _text(result))
                )
        found.append(conversation)
    return found


def _attributes(span: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a span, as OTLP writes them or as a plain object."""
    given = span.get("attributes")
    if isinstance(given, dict):
        return given
    found: dict[str, Any] = {}
    for each in _objects(given):
        value = each.get("value")
        plain = next(iter(value.values()), None) if isinstance(value, dict) else value
        found[str(each.get("key"))] = plain
    return found


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; a log may have anything in their place."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _arguments(given: Any) -> Any:
    """Arguments as JSON, where they came as text."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return given


def _text(content: Any) -> str:
    """The text of a content, whichever form it has."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [each.get("text") if isinstance(each, dict) else each for each in content]
        if parts and all(isinstance(part, str) for part in parts):
            return "".join(str(part) for part in parts)
        return "".join(str(part) for part in parts if isinstance(part, str))
    return as_text(content)
