"""Models behind three interfaces, and every endpoint that follows one of them.

A driver holds a conversation: it is told what came back and asks for what comes next. Only what all versions of an
interface have is used. Keys come from the environment and are not recorded.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from codemode.surface.toolspec import ToolSpec

MOST_OUTPUT_TOKENS: Final = 8_192
REQUEST_SECONDS: Final = 300
TRIES: Final = 4
_AGAIN: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 529})

Json = dict[str, Any]


class EndpointError(Exception):
    """An endpoint refused, or could not be reached; says what it said."""


@dataclass(frozen=True, slots=True)
class Use:
    """A call that a model makes. Raw text as input is a program."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says in one request."""

    uses: tuple[Use, ...]
    text: str
    usage: Json = field(default_factory=dict)


class Driver(Protocol):
    """A conversation with a model."""

    async def begin(self, system: str, prompt: str, tools: Sequence[ToolSpec]) -> Said:
        """The first request."""

    async def go_on(self, results: Sequence[tuple[Use, str]]) -> Said:
        """The next one, with what the calls of the last gave."""


@dataclass
class Endpoint:
    """Where requests go, and with which headers."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 1.0
    """Before the second try; doubled for each after it."""

    async def post(self, body: Json) -> Json:
        """Send a request and give the answer.

        Raises:
            EndpointError: it was refused, or failed as often as it may be tried.
        """
        for attempt in range(TRIES):
            try:
                return await asyncio.to_thread(self._post, body)
            except urllib.error.HTTPError as error:
                said = error.read().decode(errors="replace")[:500]
                if error.code not in _AGAIN or attempt == TRIES - 1:
                    raise EndpointError(f"{self.url}: {error.code}: {said}") from error
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                if attempt == TRIES - 1:
                    raise EndpointError(f"{self.url}: {error}") from error
            await asyncio.sleep(self.wait_seconds * 2**attempt)
        raise AssertionError("unreachable")

    def _post(self, body: Json) -> Json:
        request = urllib.request.Request(
            self.url,
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json", **self.headers},
        )
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
            found: Json = json.load(answer)
        return found


@dataclass
class Responses:
    """OpenAI's Responses API."""

    endpoint: Endpoint
    model: str
    _system: str = ""
    _tools: list[Any] = field(default_factory=list)
    _input: list[Any] = field(default_factory=list)

    async def begin(self, system: str, prompt: str, tools: Sequence[ToolSpec]) -> Said:
        self._system, self._tools = system, [each.openai() for each in tools]
        self._input = [{"role": "user", "content": prompt}]
        return await self._ask()

    async def go_on(self, results: Sequence[tuple[Use, str]]) -> Said:
        for use, text in results:
            kind = "custom_tool_call" if isinstance(use.arguments, str) else "function_call"
            self._input.append({"type": f"{kind}_output", "call_id": use.id, "output": text})
        return await self._ask()

    async def _ask(self) -> Said:
        body = {
            "model": self.model,
            "instructions": self._system,
            "input": self._input,
            "tools": self._tools,
        }
        answer = await self.endpoint.post(
            {**body, "store": False, "max_output_tokens": MOST_OUTPUT_TOKENS}
        )
        items = answer.get("output", [])
        self._input += items
        uses: list[Use] = []
        text = ""
        for item in items:
            if item.get("type") == "custom_tool_call":
                uses.append(Use(item["call_id"], item["name"], item["input"]))
            elif item.get("type") == "function_call":
                uses.append(
                    Use(item["call_id"], item["name"], json.loads(item["arguments"] or "{}"))
                )
            elif item.get("type") == "message":
                text += "".join(part.get("text", "") for part in item.get("content", ()))
        return Said(tuple(uses), text, _usage(answer.get("usage"), "input_tokens_details"))


@dataclass
class ChatCompletions:
    """OpenAI's Chat Completions, and the many endpoints that follow them."""

    endpoint: Endpoint
    model: str
    _tools: list[Any] = field(default_factory=list)
    _messages: list[Any] = field(default_factory=list)

    async def begin(self, system: str, prompt: str, tools: Sequence[ToolSpec]) -> Said:
        self._tools = [each.openai_chat() for each in tools]
        self._messages = [
            {"role": "system", "content": system},
            {"role": "user", "content": prompt},
        ]
        return await self._ask()

    async def go_on(self, results: Sequence[tuple[Use, str]]) -> Said:
        for use, text in results:
            self._messages.append({"role": "tool", "tool_call_id": use.id, "content": text})
        return await self._ask()

    async def _ask(self) -> Said:
        body = {"model": self.model, "messages": self._messages, "tools": self._tools}
        answer = await self.endpoint.post(body)
        message = answer["choices"][0]["message"]
        self._messages.append({key: value for key, value in message.items() if value is not None})
        uses = tuple(
            Use(
                call["id"],
                call["function"]["name"],
                json.loads(call["function"]["arguments"] or "{}"),
            )
            for call in message.get("tool_calls") or ()
        )
        return Said(
            uses, message.get("content") or "", _usage(answer.get("usage"), "prompt_tokens_details")
        )


@dataclass
class Messages:
    """Anthropic's Messages API."""

    endpoint: Endpoint
    model: str
    _system: str = ""
    _tools: list[Any] = field(default_factory=list)
    _messages: list[Any] = field(default_factory=list)

    async def begin(self, system: str, prompt: str, tools: Sequence[ToolSpec]) -> Said:
        self._system, self._tools = system, [each.anthropic() for each in tools]
        self._messages = [{"role": "user", "content": prompt}]
        return await self._ask()

    async def go_on(self, results: Sequence[tuple[Use, str]]) -> Said:
        blocks = [
            {"type": "tool_result", "tool_use_id": use.id, "content": text} for use, text in results
        ]
        self._messages.append({"role": "user", "content": blocks})
        return await self._ask()

    async def _ask(self) -> Said:
        body = {
            "model": self.model,
            "system": self._system,
            "messages": self._messages,
            "tools": self._tools,
        }
        answer = await self.endpoint.post({**body, "max_tokens": MOST_OUTPUT_TOKENS})
        blocks = answer.get("content", [])
        self._messages.append({"role": "assistant", "content": blocks})
        uses = tuple(
            Use(b["id"], b["name"], b["input"]) for b in blocks if b.get("type") == "tool_use"
        )
        text = "".join(b.get("text", "") for b in blocks if b.get("type") == "text")
        return Said(uses, text, _usage(answer.get("usage"), ""))


def _usage(given: Any, details: str) -> Json:
    """What a provider says of tokens, with one name for each thing."""
    usage = given if isinstance(given, dict) else {}
    given_details = usage.get(details)
    inner = given_details if isinstance(given_details, dict) else {}
    cached = usage.get("cache_read_input_tokens", inner.get("cached_tokens", 0))
    read = usage.get("input_tokens", usage.get("prompt_tokens", 0))
    if "cache_read_input_tokens" in usage:  # Anthropic counts these apart
        read += cached + usage.get("cache_creation_input_tokens", 0)
    output = usage.get("output_tokens", usage.get("completion_tokens", 0))
    return {"input": read, "cached": cached or 0, "output": output}
