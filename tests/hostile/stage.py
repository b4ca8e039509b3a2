"""Where hostile programs run: a provider, a neighbour with a live cell, and who watches.

Each program has a session of its own on a provider that all share. The neighbour is another session
of it; its cell was there before the first program and must be there after the last. It is asked
every few milliseconds, and the longest time that it took counts.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from codemode import LocalSessionProvider, ProcessSessionProvider, Toolset, WorkerLostError
from codemode.errors import LimitError, SessionError
from codemode.protocol.types import ExecuteRequest, Result, WaitRequest, Yielded
from codemode.surface.declaration import described

from .processes import Sampler, childless, descendants
from .settings import DEFAULT, DEFAULT_HOST, HOST_WORD, TIGHT_HOST
from .tools import hostile_tools
from .verdict import KEPT, End, Seen, end_of, joined, refused

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from codemode.limits import Limits
    from codemode.protocol.session import Session, SessionProvider

    from .corpus import Program
    from .settings import Route

T = TypeVar("T")

RUN_MS: Final = 100
"""How long a program that is to be terminated runs before it is."""

END_MS: Final = 30_000
"""How long one that must end by itself may take; none needs that long."""

WAIT_SECONDS: Final = 60.0
"""The bound on every wait of our own; what takes longer is a failure with a name."""

ASK_SECONDS: Final = 0.05
LOOK_SECONDS: Final = 0.005

NEIGHBOUR: Final = """
let word;
while ((word = await tools.listen({})) !== "end") await tools.answer({ word });
text("the neighbour has ended");
"""


class Neighbour:
    """Another session with a live cell, which is asked again and again."""

    def __init__(self) -> None:
        self.worst_ms = 0.0
        self._questions: asyncio.Queue[str] = asyncio.Queue()
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._toolset = Toolset([self.listen, self.answer])
        self._asking: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def listen(self) -> str:
        "The next word for the cell."
        return await self._questions.get()

    def answer(self, word: str) -> None:
        "What the cell says to it."
        self._answers.put_nowait(word)

    async def move_in(self, provider: SessionProvider) -> None:
        """Start the cell."""
        self._session = await provider.create_session(self._toolset)
        self._cell = await self._session.execute(request(NEIGHBOUR, self._toolset, 1))
        await self._cell.initial_response()
        await self.ask()
        self.worst_ms = 0.0
        self._asking = asyncio.create_task(self._keep_asking(), name="neighbour")

    async def ask(self) -> None:
        """Have the cell answer, and remember how long it took."""
        async with self._lock:
            began = time.monotonic()
            self._questions.put_nowait("?")
            await within(self._answers.get(), "an answer of the neighbour")
            self.worst_ms = max(self.worst_ms, 1000 * (time.monotonic() - began))

    async def move_out(self) -> End:
        """End the cell; how it ended."""
        if self._asking is not None:
            async with self._lock:
                self._asking.cancel()
            await asyncio.wait([self._asking])
        self._questions.put_nowait("end")
        wait = WaitRequest(cell_id=self._cell.cell_id, yield_time_ms=END_MS)
        outcome = await within(self._session.wait(wait), "the end of the neighbour")
        await self._session.shutdown()
        await self._toolset.aclose()
        assert isinstance(outcome.response, Yielded | Result)
        return end_of(outcome.response)

    async def _keep_asking(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(ASK_SECONDS)


class Stage:
    """One route, for as many programs as one likes.

    Args:
        route: which engine, and whether behind a host.
        limits: of each session.
    """

    def __init__(self, route: Route, limits: Limits) -> None:
        self._limits = limits
        self._provider: SessionProvider
        if route == "workers":
            self._provider = LocalSessionProvider(limits=limits)
        else:
            tight = (*TIGHT_HOST, str(limits.compute_ms))
            command = DEFAULT_HOST if limits == DEFAULT else tight
            self._provider = ProcessSessionProvider(command, limits=limits, env=dict(os.environ))
        self._neighbour = Neighbour()

    @property
    def host_pid(self) -> int | None:
        """The process that this route runs in, if that is not ours."""
        provider = self._provider
        return provider.host_pid if isinstance(provider, ProcessSessionProvider) else None

    async def __aenter__(self) -> Self:
        await within(self._neighbour.move_in(self._provider), "the neighbour")
        await within(self._one("text(1)"), "a first program")  # and a worker is ready for the next
        self._sampler = Sampler(self._everyone)
        await settled(self._workers)
        self._usual = self._workers()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._sampler.close()
        try:
            if error is None:
                end = await self._neighbour.move_out()
                expected = End(how="completed", prints=("the neighbour has ended",))
                assert end == expected, f"the neighbour's cell came to another end: {end}"
        finally:
            await within(self._provider.aclose(), "the end of the provider")

    def _workers(self) -> int:
        """How many workers there are.

        Zygotes do not count here: on a busy machine one that is slow to fork is replaced, and stays
        while the neighbour's worker, its child, lives. Those left at the end are counted then.
        """
        return len(childless(self._sampler.everyone()))

    async def run(self, program: Program) -> Seen:
        """Run one program, and look at what it did."""
        toolset = hostile_tools()
        before = self._sampler.begin()
        self._neighbour.worst_ms = 0.0
        began = time.monotonic()
        session: Session = await within(self._provider.create_session(toolset), "a session")
        try:
            await self._say(session, toolset, f'store("kept", "{KEPT}")')
            end, termination_ms = await self._attack(session, toolset, program)
            await self._neighbour.ask()
            seconds = time.monotonic() - began
            after = await self._say(session, toolset, 'text(load("kept"))')
        finally:
            await within(session.shutdown(), "the end of the session")
            await within(toolset.aclose(), "the end of its tools")
        return Seen(
            end=end,
            seconds=seconds,
            termination_ms=termination_ms,
            neighbour_ms=self._neighbour.worst_ms,
            memory=self._sampler.most,
            growth=max(0, self._sampler.most - before),
            afterwards=after,
            left=await self._left(),
        )

    def _everyone(self) -> set[int]:
        """This process, and those that the route has started."""
        here, host = os.getpid(), self.host_pid
        if host is not None:
            return {here, host} | descendants(host)
        return {here} | descendants(here, without=HOST_WORD)

    async def _attack(
        self, session: Session, toolset: Toolset, program: Program
    ) -> tuple[End, float | None]:
        """Run the program until it ends or has run long enough; how it ended, and was ended."""
        began = time.monotonic()
        deadline = began + (RUN_MS if "runs" in program.ends else END_MS) / 1000
        try:
            cell = await session.execute(request(program.source, toolset, _until(deadline)))
        except (LimitError, SessionError, WorkerLostError) as error:
            return refused(error), None
        response: object = await within(cell.initial_response(), "an observation")
        end = End(how="runs")
        while isinstance(response, Yielded) and _until(deadline) > 0:
            end = joined(end, response)
            wait = WaitRequest(cell_id=cell.cell_id, yield_time_ms=_until(deadline))
            response = (await within(session.wait(wait), "an observation")).response
        end = joined(end, response)
        if not isinstance(response, Yielded):
            return end, None
        began = time.monotonic()
        outcome = await within(session.terminate(cell.cell_id), "a termination")
        return joined(end, outcome.response), 1000 * (time.monotonic() - began)

    async def _say(self, session: Session, toolset: Toolset, source: str) -> str:
        """What a harmless program prints, or why it failed."""
        try:
            cell = await session.execute(request(source, toolset, END_MS))
            end = end_of(await within(cell.initial_response(), "a harmless program"))
        except (SessionError, WorkerLostError) as error:
            return str(error)
        return end.error or "".join(end.prints)

    async def _one(self, source: str) -> None:
        async with Toolset() as toolset:
            session = await self._provider.create_session(toolset)
            await self._say(session, toolset, source)
            await session.shutdown()

    async def _left(self) -> tuple[str, ...]:
        """What there is more than usual, when all had time to go."""
        deadline = time.monotonic() + WAIT_SECONDS / 10
        while (count := self._workers()) > self._usual:
            if time.monotonic() > deadline:
                return (f"{count - self._usual} processes",)
            await asyncio.sleep(LOOK_SECONDS)
        return ()


def _until(deadline: float) -> int:
    """Milliseconds."""
    return max(0, round(1000 * (deadline - time.monotonic())))


def request(source: str, toolset: Toolset, yield_time_ms: int) -> ExecuteRequest:
    """A program with all tools of ``toolset``."""
    return ExecuteRequest(
        tool_call_id="hostile",
        enabled_tools=described(toolset.definitions),
        source=source,
        yield_time_ms=yield_time_ms,
    )


async def within(work: Awaitable[T], what: str) -> T:
    """Wait for ``work``, not for ever.

    Raises:
        TimeoutError: it did not come; ``what`` says what.
    """
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await work
    except TimeoutError:
        raise TimeoutError(f"{what} did not come within {WAIT_SECONDS:g} s") from None


async def settled(count: Callable[[], int], *, looks: int = 100) -> None:
    """Wait until ``count`` has been the same for many looks: what was begun is there.

    A worker that is made ready beside the others may take long to appear on a busy machine.
    """
    same, last = 0, -1
    deadline = time.monotonic() + WAIT_SECONDS
    while same < looks and time.monotonic() < deadline:
        now = count()
        same, last = (same + 1, last) if now == last else (0, now)
        await asyncio.sleep(LOOK_SECONDS)
