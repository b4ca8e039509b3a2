"""A model's call in, in whichever form it came, and out what goes back to the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from ..errors import UsageError
from ..surface.model_call import read_call, read_calls
from .model_tools import ModelTools
from .results import refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthropic.types import ContentBlock, ToolResultBlockParam
    from anthropic.types.beta import BetaContentBlock
    from openai.types.chat import (
        ChatCompletionMessageToolCallUnion,
        ChatCompletionToolMessageParam,
    )
    from openai.types.responses import ResponseInputItemParam, ResponseOutputItem

    from ..protocol.session import Signal
    from ..surface.anthropic import ToolUse
    from ..surface.model_call import ModelCall
    from ..surface.openai import CallOutput, ChatCall, ResponsesCall
    from ..surface.result import Answer


class CallAnswers(ModelTools):
    """``exec`` and ``wait``, for calls as the interfaces of vendors give them."""

    @overload
    async def answer(
        self, call: ResponsesCall, *, audio: bool = False, preempt: Signal | None = None
    ) -> CallOutput: ...

    @overload
    async def answer(
        self, call: ChatCall, *, audio: bool = False, preempt: Signal | None = None
    ) -> ChatCompletionToolMessageParam: ...

    @overload
    async def answer(
        self, call: ToolUse, *, audio: bool = False, preempt: Signal | None = None
    ) -> ToolResultBlockParam: ...

    @overload
    async def answer(
        self, call: Mapping[str, Any], *, audio: bool = False, preempt: Signal | None = None
    ) -> dict[str, Any]: ...

    @overload
    async def answer(
        self,
        call: Sequence[ResponseOutputItem],
        *,
        audio: bool = False,
        preempt: Signal | None = None,
    ) -> list[ResponseInputItemParam]: ...

    @overload
    async def answer(
        self,
        call: Sequence[ChatCompletionMessageToolCallUnion],
        *,
        audio: bool = False,
        preempt: Signal | None = None,
    ) -> list[ChatCompletionToolMessageParam]: ...

    @overload
    async def answer(
        self,
        call: Sequence[ContentBlock] | Sequence[BetaContentBlock],
        *,
        audio: bool = False,
        preempt: Signal | None = None,
    ) -> list[ToolResultBlockParam]: ...

    @overload
    async def answer(
        self,
        call: Sequence[Mapping[str, Any]],
        *,
        audio: bool = False,
        preempt: Signal | None = None,
    ) -> list[dict[str, Any]]: ...

    async def answer(
        self, call: object, *, audio: bool = False, preempt: Signal | None = None
    ) -> object:
        """Run a model's call, and give what goes back to the model.

        Args:
            call: a ``custom_tool_call`` or ``function_call`` of OpenAI's Responses, a tool call
                of Chat Completions, or a ``tool_use`` block of Anthropic's Messages; the object of
                the vendor's package, or a dictionary. Or a list of a turn's items: the calls
                among them are run one after another, the others are passed over.
            audio: pass sounds on to OpenAI's Responses, for a model that takes audio.
            preempt: ends each observation early; its cell runs on.

        Returns:
            The output item, message or block for the call; for a list, a list of those.

        What a model did wrong, such as arguments that are no JSON, is an answer that tells it.

        Raises:
            UsageError: this has not the form of a call, or it is one of another tool than
                ``exec`` and ``wait``; nothing has run.
            SessionClosedError: this object is closed.
            EngineError: no cell can run here.
        """
        if isinstance(call, list | tuple):
            read = [_of_code_mode(each) for each in read_calls(call)]
            return [await self._answered(each, audio=audio, preempt=preempt) for each in read]
        return await self._answered(_of_code_mode(read_call(call)), audio=audio, preempt=preempt)

    async def _answered(self, call: ModelCall, *, audio: bool, preempt: Signal | None) -> Answer:
        payload = call.payload
        if call.is_json and call.name == "exec" and isinstance(payload, str):
            try:
                payload = json.loads(payload)
            except (ValueError, RecursionError) as error:
                problem = UsageError(
                    f"failed to parse function arguments: {error}"
                    '\nHint: pass the program as `code`: {"code": "text(1)"}.'
                )
                return refused(problem).answer_to(call, audio=audio)
        result = await self.call(call.name, payload, call_id=call.call_id, preempt=preempt)
        return result.answer_to(call, audio=audio)


def _of_code_mode(call: ModelCall) -> ModelCall:
    """``call``, if it is one of our tools.

    Raises:
        UsageError: it is not.
    """
    if call.name in ("exec", "wait"):
        return call
    raise UsageError(
        f"code mode has the tools exec and wait, not {call.name!r}"
        "\nHint: answer calls of your own tools yourself, and hand over the others."
    )
