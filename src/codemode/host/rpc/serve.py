"""A gRPC host from its address to its exit status."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...errors import CodeModeError
from ...runtime.local import LocalSessionProvider
from ..capacity import Capacity
from ..ending import SHUTDOWN_SECONDS, Ending, ended_by_signals, last_resort, leave
from ..listen import Access, Address
from ..pipes import take_standard_streams
from ..recording import recorded
from .pump import Pump
from .server import Readiness, credentials, make_server
from .service import CodeModeHost
from .status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    import grpc

    from ...protocol.session import SessionProvider
    from ..ceiling import Ceiling

GRACE_SECONDS: Final = 1.0
"""What RPCs get to end when the host does, before they are cut off."""

SWITCH_SECONDS: Final = 0.0005
"""gRPC's threads and the pump hand the interpreter to the event loop with every message; the usual 5 ms are longer
than a cell takes."""


class GrpcHost:
    """A host with a server. Belongs to one event loop."""

    def __init__(
        self,
        provider: SessionProvider,
        access: Access,
        ceiling: Ceiling | None = None,
        capacity: Capacity | None = None,
        status: HostStatus | None = None,
    ) -> None:
        self._status = status
        self._provider = provider
        self._capacity = capacity or Capacity()
        self._service = CodeModeHost(
            provider, ceiling=ceiling, capacity=self._capacity, tokens=access.tokens
        )
        self._readiness = Readiness()
        self._asked_again = asyncio.Event()
        self._access = access
        self._server: grpc.aio.Server
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Ending] = self._loop.create_future()

    def __repr__(self) -> str:
        return f"<grpc host: {self._service!r}>"

    def end(self, ending: Ending) -> None:
        """End; the first reason counts, and a second one ends a drain."""
        if self._ending.done():
            self._asked_again.set()
        else:
            self._ending.set_result(ending)

    async def serve_address(self, address: Address) -> Ending:
        """Listen there, say so on standard output, and serve until the end.

        Raises:
            OSError: nobody can listen there.
        """
        with _private_socket(address):
            port = await self._start(address, self._access)
            _say_where(address, port, is_tls=self._access.key is not None)
            ending = await self._ending
            if ending.signal == signal.SIGTERM:
                await self._drain()
            return await self._until_the_end()

    async def serve_pipes(self, reading: BinaryIO, writing: BinaryIO) -> Ending:
        """Serve the client at the other end of two files until it leaves."""
        with tempfile.TemporaryDirectory(prefix="codemode-host-") as folder:
            path = str(Path(folder) / "s")
            await self._start(Address("unix", path=path), Access())
            pump = Pump(reading, writing, path, self._on_pump_ended)
        try:
            return await self._until_the_end()
        finally:
            pump.close(GRACE_SECONDS)

    async def _start(self, address: Address, access: Access) -> int:
        handlers = (self._service.handlers(), self._service.stored_values())
        if self._status is not None:
            await self._status.listen()
        self._server = await make_server(handlers, access, self._readiness)
        port = _listen(self._server, address, access)
        await self._server.start()
        return port

    async def _drain(self) -> None:
        """Let go of clients: they find another host, and what runs comes to its end, within bounds."""
        if self._status is not None:
            self._status.drain()
        await self._readiness.end()
        draining = asyncio.create_task(self._service.drain(self._capacity.drain_seconds))
        asked_again = asyncio.create_task(self._asked_again.wait())
        both = {draining, asked_again}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)

    def _on_pump_ended(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self.end, Ending())
        except RuntimeError:
            pass  # the loop is closed: it has ended

    async def _until_the_end(self) -> Ending:
        ending = await self._ending
        with last_resort(ending):
            try:
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await self._server.stop(GRACE_SECONDS)
                    await self._service.aclose()
                    await self._provider.aclose()
                    if self._status is not None:
                        await self._status.aclose()
            except TimeoutError:
                pass
        return ending


def _listen(server: grpc.aio.Server, address: Address, access: Access) -> int:
    shown, target = credentials(access), address.target
    before = os.umask(0o177)  # for the file of a socket
    try:
        if shown is None:
            return server.add_insecure_port(target)
        return server.add_secure_port(target, shown)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {target}: {_why_not(address) or error}") from None
    finally:
        os.umask(before)


def _why_not(address: Address) -> str | None:
    """Why nobody can listen there; gRPC keeps that to itself, so it is tried once more."""
    if address.kind == "tcp":
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        place: str | tuple[str, int] = (address.host, address.port)
    else:
        family, place = socket.AF_UNIX, address.path
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gRPC does
        try:
            probe.bind(place)
        except OSError as error:
            return error.strerror or str(error)
    return None


@contextmanager
def _private_socket(address: Address) -> Iterator[None]:
    """Take the place of a socket that nobody listens at any more, and remove ours in the end.

    Raises:
        OSError: another host listens there.
    """
    if address.kind != "unix":
        yield
        return
    path = Path(address.path)
    if path.is_socket():
        if _is_listened_at(path):
            raise OSError(f"cannot listen on {path}: somebody does already")
    elif path.exists():
        raise OSError(f"cannot listen on {path}: it is there already, and no socket")
    try:
        yield
    finally:
        if path.is_socket():
            path.unlink(missing_ok=True)


def _is_listened_at(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # too busy to answer, or not for us: somebody's all the same
            return True
    return True


def _say_where(address: Address, port: int, *, is_tls: bool) -> None:
    """One line, for whoever started the host with port 0."""
    if address.kind == "tcp":
        host = f"[{address.host}]" if ":" in address.host else address.host
        where = f"{'https' if is_tls else 'http'}://{host}:{port}"
    else:
        where = f"unix:{address.path}"
    if sys.stdout is not None:  # closed by whoever started the host
        sys.stdout.write(f"{where}\n")
        sys.stdout.flush()


async def _serve(
    address: Address,
    access: Access,
    ceiling: Ceiling,
    capacity: Capacity,
    files: tuple[BinaryIO, BinaryIO] | None,
    status_address: Address | None,
) -> Ending:
    provider = LocalSessionProvider()
    provider.warm_up()  # while the client connects
    sessions: SessionProvider = provider
    status = None
    if status_address is not None:
        status = HostStatus(provider, status_address, capacity)
        sessions = status.sessions
    host = GrpcHost(recorded(sessions), access, ceiling, capacity, status)
    with ended_by_signals(host.end):
        if files is None:
            return await host.serve_address(address)
        return await host.serve_pipes(*files)


def serve_grpc(
    address: Address,
    access: Access,
    ceiling: Ceiling,
    capacity: Capacity,
    status: Address | None = None,
) -> int:
    """Serve gRPC until the client leaves, or a signal asks for the end; return the exit status."""
    sys.setswitchinterval(SWITCH_SECONDS)
    # What is loaded stays: a full collection that looks through all modules holds up every session for 60 ms.
    gc.freeze()
    try:
        files = take_standard_streams() if address.kind == "grpc+stdio" else None
        ending = asyncio.run(_serve(address, access, ceiling, capacity, files, status))
    except (CodeModeError, OSError) as error:
        ending = Ending(str(error))
    return leave(ending)
