"""What a host says and asks by itself, handed to the session at our end; and the answers to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...grpc import code_mode_pb2 as pb
from ...protocol import messages as m
from ..operations import UnexpectedAnswerError
from ..seam import OPEN_CALLBACKS
from .answers import RpcAnswers
from .asked import Asked, Callback
from .messages import notification, tool_call

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..seam import Owner, Route
    from .link import SessionStub
    from .retirement import Retirement


class Incoming:
    """The callbacks and events of one session.

    Attributes:
        name: what the session is called at our end.
        route: the session; None before and after it.
    """

    def __init__(
        self,
        link: SessionStub,
        retirement: Retirement,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self.name = ""
        self.route: Route | None = None
        self._link = link
        self._retirement = retirement
        self._spawn = spawn
        self._asked = Asked()
        self._answers = RpcAnswers(link)
        self._owners: dict[int, Owner] = {}

    def __repr__(self) -> str:
        return f"<{len(self._asked)} callbacks, {self._answers!r}>"

    def attach(self, name: str, route: Route) -> None:
        """What the host says goes there from now on."""
        self.name, self.route = name, route

    def close(self) -> Route | None:
        """Nothing more goes anywhere; where it went."""
        route, self.route = self.route, None
        self._owners.clear()
        self._answers.close()
        return route

    async def room(self) -> None:
        """Return when most answers have been taken, or nobody takes them."""
        await self._answers.room()

    def happened(self, event: pb.SessionEvent) -> None:
        """What came on the lease.

        Raises:
            UnexpectedAnswerError: no host says so.
        """
        match event.WhichOneof("event"):
            case "notification":
                said = event.notification
                callback = Callback("notification", said.notification_id, said.cell_id)
                self._retirement.notified(said.cell_id)
                self._ask(callback, notification(said))
            case "notification_cancelled":
                name = event.notification_cancelled.notification_id
                self._cancelled(Callback("notification", name))
            case "tool_call_cancelled":
                self._cancelled(Callback("call", event.tool_call_cancelled.invocation_id))
            case "cell_closed":
                self._closed(event.cell_closed)
            case "opened":
                raise UnexpectedAnswerError("a session that was opened twice")
            case _:
                pass  # that a result was delivered changes nothing here; the rest is newer than we are

    def called(self, call: pb.ToolCall) -> None:
        """A call of a tool.

        Raises:
            UnexpectedAnswerError: no host says so.
        """
        if call.session_id != self._link.session_id:
            raise UnexpectedAnswerError("a tool call of another session")
        self._retirement.call_came(call.cell_id, call.sequence)
        callback = Callback("call", call.invocation_id, call.cell_id)
        try:
            self._ask(callback, tool_call(call))
        except (ValueError, RecursionError) as error:
            self._answers.fail(callback, f"the argument cannot be read: {error}", self._spawn)
        self._retirement.look(call.cell_id)

    def _ask(self, callback: Callback, request: m.ToolInvoke | m.NotificationSend) -> None:
        if callback in self._asked:
            raise UnexpectedAnswerError("a callback that came twice")
        if len(self._asked) >= OPEN_CALLBACKS:
            self._answers.fail(callback, "too many pending delegate calls", self._spawn)
            return
        number = self._asked.add(callback)
        if number is not None and self.route is not None:
            self.route.delegate_asks(m.DelegateRequest(number, self.name, request))

    def _cancelled(self, callback: Callback) -> None:
        number = self._asked.cancel(callback)
        owner = None if number is None else self._owners.pop(number, None)
        if number is not None and owner is not None:
            owner.cancel(number)

    def _closed(self, closed: pb.CellClosed) -> None:
        self._retirement.closed(
            closed.cell_id, closed.execution_id, closed.final_tool_call_sequence
        )

    def own(self, number: int, owner: Owner) -> None:
        """This callback is there: that is where its cancellation goes."""
        self._owners[number] = owner

    def disown(self, number: int) -> None:
        """This callback is over."""
        self._take(number)

    def answer(self, number: int, result: m.DelegateOk | m.DelegateFailed) -> None:
        """Answer a callback, each by an RPC of its own: a long result is in nobody's way."""
        callback = self._take(number)
        if callback is not None and self.route is not None:
            self._answers.send(callback, result, self._spawn)

    def _take(self, number: int) -> Callback | None:
        self._owners.pop(number, None)
        callback = self._asked.take(number)
        if callback is not None and callback.kind == "notification":
            self._retirement.notification_over(callback.cell_id)
        return callback
