"""Sessions spread over the hosts of a fleet: each is opened where fewest are, of those that answer.

A host is asked whether it serves before a session is opened there. What refuses a session, or does not answer,
before the session is open costs nothing: the next one is asked.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from ..errors import EngineError, UsageError
from ..grpc.quiet import load_quietly
from ..remote.grpc import check_installed
from ..remote.provider import RemoteProvider
from ..remote.rpc.endpoint import check_token, parse_endpoint
from .places import Places, StaticPlaces
from .standing import Standing, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..limits import Limits
    from ..remote.rpc.channels import ChannelPool
    from ..remote.rpc.connection import RpcConnection
    from ..remote.rpc.endpoint import GrpcTls
    from ..remote.seam import Connection

ANSWER_SECONDS: Final = 2.0
"""How long a host may take to tell whether it serves."""

WAIT_SECONDS: Final = 15.0
"""How long a session waits for a host to take it: an engine restarts one in that time."""

PAUSE_SECONDS: Final = 0.1
"""Before all hosts are asked again; each further pause is twice as long, up to one second."""

DRAIN_POLL_SECONDS: Final = 0.05
"""How often a drain looks for sessions that have no cell any more."""

MOVED: Final = "is drained"


class _AskedHost(NamedTuple):
    """A host that was asked for a session, and until when the session may wait for others."""

    standing: Standing
    deadline: float


class FleetSessionProvider(RemoteProvider):
    """Makes sessions in the hosts of a fleet, each where fewest of its sessions are.

    A session stays where it is until its host is lost, drains, or is drained from here; its next ``execute`` then
    opens elsewhere with its stored values, silently if no cell was lost. What was lost is reported once, by name.

    Args:
        places: where the hosts are: endpoints as :class:`GrpcSessionProvider` takes them, or a ``Places``.
        token: a bearer token that all hosts ask for. It is in no log and no error.
        tls: certificates, where the system's authorities do not do.
        insecure: let the token be read by everybody on the way.
        limits: bounds for sessions that are created without their own.
        wait_seconds: how long a session waits for a host to take it, before its opening fails.

    Raises:
        UsageError: an endpoint or the token cannot be used, or gRPC is not installed.

    Example:
        >>> FleetSessionProvider(["grpc://127.0.0.1:50051", "grpc://127.0.0.1:50052"])
        <fleet session provider, 0 sessions at <2 places>>
    """

    def __init__(
        self,
        places: Places | Sequence[str],
        *,
        token: str | None = None,
        tls: GrpcTls | None = None,
        insecure: bool = False,
        limits: Limits | None = None,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        super().__init__(limits)
        check_installed()
        if isinstance(places, str):
            raise UsageError(
                "`places` is a list of endpoints"
                f"\nHint: FleetSessionProvider([{places!r}]), or DnsPlaces('HOST:PORT') for a name"
            )
        self._places = places if isinstance(places, Places) else StaticPlaces(*places)
        self._token = token
        self._tls = tls
        self._insecure = insecure
        self._wait_seconds = wait_seconds
        self._standings: dict[str, Standing] = {}
        self._pools: dict[str, ChannelPool] = {}
        self._where: dict[Connection, Standing] = {}
        # Needed when an opening has failed, which is after its connection has ended.
        self._asked: WeakKeyDictionary[Connection, _AskedHost] = WeakKeyDictionary()
        if isinstance(places, (list, tuple)):
            for endpoint in places:
                self._check(endpoint)

    def __repr__(self) -> str:
        return f"<fleet session provider, {len(self._where)} sessions at {self._places!r}>"

    def spread(self) -> Mapping[str, int]:
        """How many sessions are open at each host, by its endpoint."""
        return {endpoint: each.sessions for endpoint, each in self._standings.items()}

    # ── where to open ────────────────────────────────────────────────────────────────────────

    async def connection(self) -> RpcConnection:
        """A session to be opened (``session.Hosts``).

        Raises:
            EngineError: no host takes one, within the time that a session waits for it.
        """
        return await self._found(asyncio.get_running_loop().time() + self._wait_seconds)

    async def another(self, refused: Connection) -> RpcConnection | None:
        """Where else than at ``refused`` a session may be opened, within the time that it waits (``session.Hosts``).

        Raises:
            EngineError: no host takes it.
        """
        asked = self._asked.get(refused)
        if asked is None:
            return None
        failure = getattr(refused, "failure", None)
        trouble = "it did not open a session in time" if failure is None else failure.text
        asked.standing.refused(asyncio.get_running_loop().time(), trouble)
        return await self._found(asked.deadline)

    async def _found(self, deadline: float) -> RpcConnection:
        loop = asyncio.get_running_loop()
        pause = PAUSE_SECONDS
        while True:
            self._check_open()
            unknown = await self._look()
            for standing in in_order(
                self._standings.values(), loop.time(), _spread(self._standings)
            ):
                connection = await self._connected(standing, deadline)
                if connection is not None:
                    return connection
            if loop.time() + pause > deadline:
                raise EngineError(unknown or self._why_none())
            await asyncio.sleep(pause)
            pause = min(1.0, 2 * pause)

    async def _connected(self, standing: Standing, deadline: float) -> RpcConnection | None:
        # Counted before the first await: concurrent openings then choose other hosts.
        standing.sessions += 1
        try:
            trouble = await self._why_not(standing)
            if trouble is None:
                pool = self._pool(standing.place.endpoint)
                connection = pool.connection(self._over, admissions=1)
                self._where[connection] = standing
                self._asked[connection] = _AskedHost(standing, deadline)
                return connection
        except BaseException:
            standing.sessions -= 1
            raise
        standing.sessions -= 1
        standing.failed(asyncio.get_running_loop().time(), trouble)
        return None

    async def _why_not(self, standing: Standing) -> str | None:
        """Why this host accepts no session now; None if it reports that it serves."""
        loop = asyncio.get_running_loop()
        if standing.trusted_until > loop.time():
            return None
        failure = await self._pool(standing.place.endpoint).why_not_serving(ANSWER_SECONDS)
        if failure is None:
            standing.answered(loop.time())
            return None
        return failure if isinstance(failure, str) else failure.text

    def _pool(self, endpoint: str) -> ChannelPool:
        pool = self._pools.get(endpoint)
        if pool is None:
            load_quietly()
            from ..remote.rpc.channels import ChannelPool  # noqa: PLC0415 - gRPC takes long to load

            parsed = parse_endpoint(endpoint, tls=self._tls is not None)
            pool = self._pools[endpoint] = ChannelPool(parsed, self._token, self._tls)
        return pool

    def _check(self, endpoint: str) -> None:
        parsed = parse_endpoint(endpoint, tls=self._tls is not None)
        check_token(self._token, parsed, insecure=self._insecure)

    async def _look(self) -> str | None:
        """Ask where the hosts are, and forget those that are not there any more; why none is known, if so."""
        try:
            found = {each.endpoint: each for each in await self._places.places()}
        except EngineError as error:
            return str(error)
        for endpoint, place in found.items():
            standing = self._standings.get(endpoint)
            if standing is None:
                self._check(endpoint)
                self._standings[endpoint] = Standing(place)
                continue
            begins_to_drain = place.is_draining and not standing.place.is_draining
            standing.place, standing.is_listed = place, True
            if begins_to_drain:
                self.move_idle(endpoint)
        for endpoint in self._standings.keys() - found.keys():
            # Its sessions stay while it serves them: a name may lose an address before its host ends.
            self._standings[endpoint].is_listed = False
            if not self._standings[endpoint].sessions:
                del self._standings[endpoint]
                pool = self._pools.pop(endpoint, None)
                if pool is not None:
                    await pool.aclose()
        return None

    def _over(self, connection: RpcConnection) -> None:
        standing = self._where.pop(connection, None)
        if standing is not None:
            standing.sessions -= 1
            standing.trusted_until = 0.0  # it may be gone: check its health before the next session
            if connection.failure is not None:  # it did not end as a host ends a session
                standing.failed(asyncio.get_running_loop().time(), connection.failure.text)

    def _why_none(self) -> str:
        reasons = [
            f"{endpoint}: {each.why_not()}" for endpoint, each in sorted(self._standings.items())
        ]
        several = "host" if len(reasons) == 1 else "hosts"
        return "\n".join(
            [f"no code-mode host takes a session, of {len(reasons)} {several}:", *reasons]
        )

    # ── taking hosts out of service ──────────────────────────────────────────────────────────

    def move_idle(self, endpoint: str, *, at_most: int | None = None) -> int:
        """Let go of sessions there that have no cell: the next ``execute`` of each opens where fewest are.

        Args:
            endpoint: the host.
            at_most: how many of them; None: all.

        Returns:
            How many that are.

        Raises:
            UsageError: no such host is known.
        """
        standing = self._standing(endpoint)
        moved = 0
        for session in list(self._sessions):
            if at_most is not None and moved >= at_most:
                break
            connection = session.connection
            if connection is not None and self._where.get(connection) is standing:
                moved += session.leave_idle(MOVED)
        return moved

    async def drain(self, endpoint: str, *, seconds: float = 25.0) -> int:
        """Open nothing more there, and let go of each session as soon as it has no cell.

        The host stays out of service, whatever becomes of this call, until :meth:`admit`.

        Args:
            endpoint: the host.
            seconds: how long to wait for sessions that have cells.

        Returns:
            How many sessions still have cells there: 0 if the host is free.

        Raises:
            UsageError: no such host is known.
        """
        if endpoint not in self._standings:
            await self._look()
        standing = self._standing(endpoint)
        standing.is_drained = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            self.move_idle(endpoint)
            if not standing.sessions or loop.time() >= deadline:
                return standing.sessions
            await asyncio.sleep(DRAIN_POLL_SECONDS)

    def admit(self, endpoint: str) -> None:
        """Open sessions at ``endpoint`` again, after :meth:`drain`.

        Raises:
            UsageError: no such host is known.
        """
        self._standing(endpoint).is_drained = False

    async def rebalance(self) -> int:
        """Look where hosts are, and let go of idle sessions of those that have more than their share.

        Returns:
            How many that are.
        """
        await self._look()
        fit = [each for each in self._standings.values() if each.takes_sessions]
        if not fit:
            return 0
        share = -(-sum(each.sessions for each in fit) // len(fit))
        return sum(
            self.move_idle(each.place.endpoint, at_most=each.sessions - share)
            for each in fit
            if each.sessions > share
        )

    def _standing(self, endpoint: str) -> Standing:
        found = self._standings.get(endpoint)
        if found is None:
            known = ", ".join(sorted(self._standings)) or "none so far"
            raise UsageError(f"no host {endpoint} is known; there are: {known}")
        return found

    async def _end_connections(self) -> None:
        await asyncio.gather(*(pool.aclose() for pool in self._pools.values()))
        self._pools.clear()
        await self._places.aclose()


def _spread(standings: Mapping[str, Standing]) -> dict[str, float]:
    """So that many applications do not all begin with the same host."""
    return {endpoint: random.random() for endpoint in standings}
