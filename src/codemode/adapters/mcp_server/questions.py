"""Questions to the client of a session: may this call be made, what does an inner server want to know.

Who can be asked depends on the protocol. A client that shook hands is sent a request of ours while
one of its own is open; its answer may come after that one has ended. A client of the stateless
protocol gets the question *as* the result of its request, and sends that request again with the
answer. So a question is open until it has an answer, and a :class:`Channel`, which is one request of
the client, takes those that are open while it lasts. Where there is no channel, a question waits for
the next one: the model waits for the cell, and that is a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import mcp_types as types
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mcp.server.context import ServerRequestContext

AT_ONCE: Final = 8
"""Questions that a client has at once; more wait for their turn."""

ANSWER_SECONDS: Final = 600.0
"""How long a client has for an answer; a person may have to read and think."""

Request: TypeAlias = types.ElicitRequest | types.CreateMessageRequest


class UnansweredError(Exception):
    """A question has no answer; the text is the reason, as the end of a sentence."""


class Question:
    """One question, until it has an answer.

    Attributes:
        id: names it in the results of the stateless protocol.
        request: what the client is asked.
        about: what it is about, for a model: ``the user's approval of `pay```.
        answer: the client's result, or an :class:`UnansweredError`.
    """

    def __init__(self, id_: str, request: Request, about: str) -> None:
        self.id = id_
        self.request = request
        self.about = about
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sending: asyncio.Task[None] | None = None

    @property
    def result_type(self) -> type[types.Result]:
        """What an answer has to be."""
        if isinstance(self.request, types.ElicitRequest):
            return types.ElicitResult
        if self.request.params.tools is not None:
            return types.CreateMessageResultWithTools
        return types.CreateMessageResult

    def settle(self, result: object) -> None:
        """Take the client's answer; one that is there already stays."""
        if self.answer.done():
            return
        if isinstance(result, self.result_type):
            self.answer.set_result(result)
        else:
            self.answer.set_exception(UnansweredError("the client answered something else"))

    def fail(self, why: str) -> None:
        """There will be no answer."""
        if not self.answer.done():
            self.answer.set_exception(UnansweredError(why))

    def close(self) -> None:
        """The call no longer waits for an answer; a client that was asked is notified."""
        if self.sending is not None:
            self.sending.cancel()
        self.answer.cancel()


class Channel(Protocol):
    """A request of the client, during which questions can reach it."""

    @property
    def capabilities(self) -> types.ClientCapabilities | None:
        """What the client can do."""

    def take(self, question: Question) -> None:
        """Ask; the question may have been taken by a channel before."""


class RequestChannel:
    """Asks with requests of our own, on the stream of the client's request."""

    def __init__(self, context: ServerRequestContext[Any, Any]) -> None:
        self._context = context

    @property
    def capabilities(self) -> types.ClientCapabilities | None:
        return self._context.session.client_capabilities

    def take(self, question: Question) -> None:
        if question.sending is None:  # else it is with the client, whose answer may come any time
            question.sending = asyncio.create_task(
                self._send(question), name=f"question {question.id} to an MCP client"
            )

    async def _send(self, question: Question) -> None:
        try:
            answer = await self._context.session.send_request(
                question.request,
                question.result_type,
                metadata=ServerMessageMetadata(related_request_id=self._context.request_id),
            )
        except MCPError as error:
            question.fail(f"the client refused: {error.message}")
        except (ValidationError, RuntimeError):
            question.fail("the client gave no valid answer")
        else:
            question.settle(answer)


class ResultChannel:
    """Asks with the result of the client's request, which then has to come to its end.

    Attributes:
        taken: the questions that the result should ask, if they are open then.
    """

    def __init__(self, context: ServerRequestContext[Any, Any], due: asyncio.Event) -> None:
        self.taken: list[Question] = []
        self._context = context
        self._due = due

    @property
    def capabilities(self) -> types.ClientCapabilities | None:
        return self._context.session.client_capabilities

    @property
    def open(self) -> list[Question]:
        """Those of ``taken`` that have no answer yet."""
        return [each for each in self.taken if not each.answer.done()]

    def take(self, question: Question) -> None:
        self.taken.append(question)
        self._due.set()


class Questions:
    """The questions of one session. Belongs to one event loop."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[str, Question] = {}
        self._channels: list[Channel] = []
        self._capabilities: types.ClientCapabilities | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def open(self) -> list[Question]:
        """Those that have no answer yet."""
        return [each for each in self._open.values() if not each.answer.done()]

    async def ask(self, request: Request, about: str) -> Any:
        """The client's answer, an instance of the result that belongs to the request.

        Raises:
            UnansweredError: the client cannot be asked, or does not answer.
        """
        problem = unsupported(request, self._capabilities)
        if problem is not None:
            raise UnansweredError(problem)
        async with self._turns:
            question = Question(f"q{next(self._numbers)}", request, about)
            self._open[question.id] = question
            try:
                if self._channels:
                    self._channels[-1].take(question)
                # The client's answer against its bound; the end of the call withdraws the question.
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await question.answer
            except TimeoutError:
                raise UnansweredError(f"no answer came within {ANSWER_SECONDS:g} s") from None
            finally:
                del self._open[question.id]
                question.close()

    @contextlib.contextmanager
    def asked_through(self, channel: Channel) -> Iterator[None]:
        """While this lasts, questions reach the client through ``channel``."""
        self._capabilities = channel.capabilities
        self._channels.append(channel)
        try:
            for question in self.open:
                channel.take(question)
            yield
        finally:
            self._channels.remove(channel)

    def answered(self, answers: Mapping[str, object]) -> None:
        """Take answers that came with a request; those to no question of ours mean nothing."""
        for id_, answer in answers.items():
            if id_ in self._open:
                self._open[id_].settle(answer)


def unsupported(request: Request, capabilities: types.ClientCapabilities | None) -> str | None:
    """Why a client with these capabilities cannot be asked this, or None."""
    can = capabilities or types.ClientCapabilities()
    if isinstance(request, types.CreateMessageRequest):
        if can.sampling is None:
            return "this MCP client offers no model to servers (it has not declared sampling)"
        if request.params.tools is not None and can.sampling.tools is None:
            return "this MCP client offers servers no model with tools (sampling.tools)"
        return None
    if can.elicitation is None:
        return "this MCP client cannot ask its user (it has not declared elicitation)"
    by_url = isinstance(request.params, types.ElicitRequestURLParams)
    if by_url and can.elicitation.url is None:
        return "this MCP client cannot send its user to a URL (elicitation.url)"
    if not by_url and can.elicitation.form is None and can.elicitation.url is not None:
        return "this MCP client can send its user to a URL only (it has no elicitation.form)"
    return None
