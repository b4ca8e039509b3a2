"""One host process and the conversation with it: handshake, requests, and who hears what.

Everything is routed there and then, in the order in which the host said it; nothing waits here.
When the host is gone, whoever waits for an answer gets the one reason, and a new connection is
somebody else's business.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import TYPE_CHECKING, Final

from ..errors import EngineError, WorkerLostError
from ..protocol import messages as m
from ..protocol.frames import FrameError, FrameReader
from ..protocol.v1 import HostMessages, encode, session_outcome, session_response
from .child import HostChild, spawn
from .operations import UnexpectedAnswerError
from .overtime import NOT_READING, READ_SECONDS, Overtime
from .seam import OPEN_CALLBACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .operations import Operation
    from .seam import Owner, Route

_log = logging.getLogger(__name__)

OFFERED: Final = (*m.CAPABILITIES, m.STORED_VALUES)


class HostConnection:
    """A conversation with one host (``seam.Connection``). Make one with :meth:`open`."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.capabilities: frozenset[str] = frozenset()
        self.reason: str | None = None
        self._child: HostChild | None = None
        self._frames = FrameReader()
        self._messages = HostMessages()
        self._greeting: asyncio.Future[m.Ready | m.Rejected] = loop.create_future()
        self._numbers = count(1)
        self._session_numbers = count(1)
        self._operations: dict[int, Operation] = {}
        self._routes: dict[str, Route] = {}
        self._owners: dict[int, Owner] = {}
        self._over = asyncio.Event()
        self._on_over: Callable[[HostConnection], None] | None = None
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = f"over: {self.reason}" if self.reason else "open"
        return f"<host connection {state}, {len(self._operations)} requests, {self._child!r}>"

    @classmethod
    async def open(
        cls, command: Sequence[str], environment: Mapping[str, str], handshake_seconds: float
    ) -> HostConnection:
        """Start a host and agree with it. Whatever goes wrong, no process stays behind.

        Raises:
            EngineError: there is no such host, or it does not speak V1.
        """
        self = cls()
        self._child = await spawn(command, environment, self)
        try:
            await self._shake_hands(handshake_seconds)
        except BaseException:
            self._end("code-mode host connection closed")
            await asyncio.shield(self.aclose())
            raise
        return self

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked for something."""
        return self.reason is None

    @property
    def pid(self) -> int | None:
        """The host's process id, while it runs."""
        return None if self._child is None else self._child.pid

    async def over(self) -> str:
        """Wait for the end; the reason."""
        await self._over.wait()
        return self.reason or ""

    def when_over(self, tell: Callable[[HostConnection], None]) -> None:
        """Call ``tell`` at the end, or now."""
        if self.is_alive:
            self._on_over = tell
        else:
            tell(self)

    # ── handshake ────────────────────────────────────────────────────────────────────────────

    async def _shake_hands(self, seconds: float) -> None:
        self.send(m.Hello((m.VERSION,), (), OFFERED))
        try:
            async with asyncio.timeout(seconds):
                greeting = await self._greeting
        except TimeoutError:
            raise EngineError("timed out negotiating with the code-mode host") from None
        if isinstance(greeting, m.Rejected):
            raise EngineError(f"code-mode host rejected the handshake: {_why(greeting)}")
        version = greeting.selected_version
        if version != m.VERSION:
            raise EngineError(_invalid(f"version {version} was not offered"))
        self.capabilities = frozenset(greeting.capabilities).intersection(OFFERED)

    def _greet(self, message: m.HostMessage) -> None:
        if isinstance(message, m.Ready | m.Rejected):
            self._greeting.set_result(message)
        else:
            self._refuse_greeting(f"{type(message).__name__} came first")

    def _refuse_greeting(self, why: str) -> None:
        self._greeting.set_exception(EngineError(_invalid(why)))

    # ── asking ───────────────────────────────────────────────────────────────────────────────

    def new_session_id(self) -> str:
        """A name that no session of this connection has had."""
        return f"session-{next(self._session_numbers)}"

    def attach(self, session_id: str, route: Route) -> None:
        """Messages for this session go there from now on."""
        self._routes[session_id] = route

    def detach(self, session_id: str) -> None:
        """Nobody listens for this session any more."""
        self._routes.pop(session_id, None)

    async def leave(self, session_id: str) -> None:
        """The same; a session is nothing but its messages here."""
        self.detach(session_id)

    def submit(self, request: m.HostRequest, operation: Operation) -> int:
        """Ask; the number of the request.

        Raises:
            WorkerLostError: the host is gone.
            FrameError: the request cannot be said; nothing was sent.
        """
        if self.reason is not None:
            raise WorkerLostError(self.reason, not_begun=True)
        number = next(self._numbers)
        frame = encode(m.Request(number, request))
        self._operations[number] = operation
        self._write(frame)
        return number

    def send(self, message: m.ClientMessage) -> None:
        """Say something that has no answer; nothing happens if nobody is there."""
        if self.reason is None:
            self._write(encode(message))

    def answer(self, number: int, result: m.DelegateOk | m.DelegateFailed) -> None:
        """Answer a callback. What does not fit into a frame becomes its failure."""
        self._owners.pop(number, None)
        try:
            self.send(m.DelegateResponse(number, result))
        except FrameError as error:
            self.send(m.DelegateResponse(number, m.DelegateFailed(str(error))))

    async def writable(self) -> None:
        """Return when the host has read most of what was said, or is gone. One that reads nothing is given up."""
        if self._child is None or self._child.is_writable:
            return
        overtime = Overtime(lambda: self.give_up(NOT_READING))
        overtime.begin(READ_SECONDS)
        try:
            await self._child.writable()
        finally:
            overtime.end()

    def give_up(self, why: str) -> None:
        """The host does not do what hosts do: end it."""
        if self._child is not None:
            self._child.fail(f"code-mode host {why}")

    def _write(self, frame: bytearray) -> None:
        if self._child is not None:
            self._child.write(frame)

    # ── hearing ──────────────────────────────────────────────────────────────────────────────

    def heard(self, data: bytes) -> None:
        """The host has written something."""
        self._frames.feed(data)
        try:
            while self.reason is None and (payload := self._frames.next()) is not None:
                self._take(self._messages.decode(payload))
        except (FrameError, UnexpectedAnswerError) as error:
            self._break(str(error))

    def _break(self, reason: str) -> None:
        if not self._greeting.done():
            self._refuse_greeting(reason)
        elif self._child is not None:
            self._child.fail(reason)

    def _take(self, message: m.HostMessage) -> None:
        if not self._greeting.done():
            self._greet(message)
            return
        match message:
            case m.OperationResponse():
                self._answered(message)
            case m.InitialResponse():
                self._observed(message)
            case m.DelegateRequest():
                self._asked(message)
            case m.DelegateCancel(id=number):
                owner = self._owners.pop(number, None)
                if owner is not None:
                    owner.cancel(number)
            case m.CellClosed(session_id=session_id, cell_id=cell_id):
                if session_id in self._routes:
                    self._routes[session_id].cell_closed(cell_id)
            case m.SessionStored(session_id=session_id):
                if session_id in self._routes and m.STORED_VALUES in self.capabilities:
                    self._routes[session_id].stored(message)
            case m.Ready() | m.Rejected():
                raise UnexpectedAnswerError("code-mode host sent a second handshake response")

    def _answered(self, message: m.OperationResponse) -> None:
        operation = self._operations.get(message.id)
        if operation is None:
            _log.debug("the host has answered request %s, which nobody made", message.id)
        elif isinstance(message.result, m.Failed):
            self._operations.pop(message.id)
            operation.refused(message.result.message)
        else:
            value = message.result.value
            if isinstance(value, m.WaitCompleted):
                operation.answered(session_outcome(value.outcome))
            else:
                operation.answered(value)
            if operation.is_over:
                self._operations.pop(message.id, None)

    def _observed(self, message: m.InitialResponse) -> None:
        operation = self._operations.get(message.id)
        if operation is None:
            _log.debug("the host has answered request %s once more", message.id)
            return
        if isinstance(message.result, m.Failed):
            operation.unobserved(message.result.message)
        else:
            operation.observed(session_response(message.result.value))
        self._operations.pop(message.id, None)

    def _asked(self, message: m.DelegateRequest) -> None:
        route = self._routes.get(message.session_id)
        if route is None:
            self.answer(message.id, m.DelegateFailed(f"unknown session {message.session_id}"))
        elif message.id in self._owners:
            raise UnexpectedAnswerError(f"duplicate code-mode delegate request {message.id}")
        elif len(self._owners) >= OPEN_CALLBACKS:
            self.answer(message.id, m.DelegateFailed("too many pending delegate calls"))
        else:
            route.delegate_asks(message)

    def own(self, number: int, owner: Owner) -> None:
        """This callback is there: that is where its cancellation goes."""
        self._owners[number] = owner

    def disown(self, number: int) -> None:
        """This callback is over."""
        self._owners.pop(number, None)

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def ended(self, reason: str) -> None:
        """The process is over (``child.Listener``)."""
        if not self._greeting.done():
            detail = reason.removeprefix("code-mode host ")
            self._greeting.set_exception(
                EngineError(f"code-mode host exited during handshake: {detail}")
            )
        self._end(reason)

    def _end(self, reason: str) -> None:
        if self.reason is not None:
            return
        self.reason = reason
        self._greeting.cancel()
        operations, self._operations = self._operations, {}
        routes, self._routes = self._routes, {}
        self._owners.clear()
        for operation in operations.values():
            operation.lost(WorkerLostError(reason))
        for route in routes.values():
            route.connection_lost(reason)
        self._over.set()
        if self._on_over is not None:
            self._on_over(self)

    async def aclose(self) -> None:
        """End the host and everything that is left of it. Idempotent, bounded, shielded."""
        if self._closing is None:
            polite = self.reason is None
            self._end("code-mode host connection closed")
            self._closing = asyncio.create_task(self._close(polite=polite), name="host close")
        await asyncio.shield(self._closing)

    async def _close(self, *, polite: bool) -> None:
        if self._child is not None:
            await self._child.aclose(polite=polite)


def _why(rejected: m.Rejected) -> str:
    match rejected.reason:
        case m.NoCompatibleVersion(supported_versions=versions):
            return f"no compatible version; it supports {', '.join(map(str, versions))}"
        case m.MissingRequiredCapability(capability=name):
            return f"missing required capability `{name}`"
        case m.InvalidHello(message=message):
            return message


def _invalid(why: str) -> str:
    return f"code-mode host returned an invalid handshake response: {why}"
