"""Hosts that a Ray cluster keeps: one for each node, as a child of a detached, named actor.

Ray places them, restarts them and finds them; what passes between an application and a host does not go through Ray, but over
our gRPC. An actor ends with its node, and its host with it: the host is killed by the system when the actor's process is gone.

    ray.init(address="auto")
    async with FleetSessionProvider(RayPlaces(token=token), token=token, insecure=True) as provider:
        ...

Every user of the Ray cluster can read the token, and can run programs on all nodes anyway.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from ..errors import EngineError, UsageError
from .places import HostPlace

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMESPACE: Final = "codemode"
NAME: Final = "codemode-host-"
"""Of an actor, before the ID of its node."""

ANSWER_SECONDS: Final = 2.0
"""How long an actor may take to tell of its host. Ray itself takes ten seconds to miss a node."""

START_SECONDS: Final = 60.0
"""How long one may take that has to be started."""

RESTART_SECONDS: Final = 0.5
"""Between two questions to an actor that is being started again."""

REFRESH_SECONDS: Final = 1.0
"""How old what is known of the hosts may be before the actors are asked again."""

DRAIN_SECONDS: Final = 25
"""What cells get to end in when a host drains."""

_TOKEN: Final = "CODEMODE_HOST_TOKEN"

_DIE_WITH_PARENT: Final = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the actor has ended")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""The system kills a process whose parent has gone, if it was asked to; that outlives an exec."""


@dataclass(frozen=True, slots=True)
class RayHost:
    """The host of one node.

    Attributes:
        node: the ID of the node, as Ray writes it.
        endpoint: where it listens.
        pid: its process, on that node.
        state: ``"serving"``, ``"draining"``, or ``"drained"``.
    """

    node: str
    endpoint: str
    pid: int
    state: str


class HostKeeper:
    """The actor of one node: it runs a host as its child, and ends when that does, so that Ray starts both again.

    Args:
        token: a bearer token that the host asks for; empty: it asks for none.
        options: more options of ``codemode host``.
    """

    def __init__(self, token: str, options: Sequence[str]) -> None:
        import ray  # noqa: PLC0415 - an extra, loaded in the cluster

        self._node = ray.get_runtime_context().get_node_id()
        self._is_drained = False
        address = ray.util.get_node_ip_address()
        shown = f"[{address}]" if ":" in address else address
        command = ["-m", "codemode.host", "--listen", f"grpc://{shown}:0", *options]
        environment = {**os.environ, **({_TOKEN: token} if token else {})}
        self._host = subprocess.Popen(
            [sys.executable, "-c", _DIE_WITH_PARENT, str(os.getpid()), sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._host.stdout is not None
        self._endpoint = self._host.stdout.readline().strip()
        if not self._endpoint:
            raise RuntimeError(f"the host of node {self._node} did not start")
        threading.Thread(target=self._watch, name="end of the host", daemon=True).start()

    def _watch(self) -> None:
        """End with the host, unless that was asked for: Ray starts this actor again, and that its host."""
        self._host.wait()
        if not self._is_drained:
            os._exit(1)

    async def host(self) -> RayHost:
        """What there is to know of the host."""
        has_ended = self._host.poll() is not None
        state = "serving" if not self._is_drained else "drained" if has_ended else "draining"
        return RayHost(self._node, self._endpoint, self._host.pid, state)

    async def drain(self) -> RayHost:
        """Have the host drain, and wait for its end; it is not started again."""
        self._is_drained = True
        if self._host.poll() is None:
            self._host.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self._host.wait)
        return await self.host()


class RayPlaces:
    """The hosts of a Ray cluster (``places.Places``), one on each node. Nodes that come get one.

    Args:
        token: a bearer token that hosts ask for; give it to the provider, too.
        options: more options of ``codemode host``. Without ``--tls-cert`` hosts speak in the clear.
        resource: only nodes that have this resource of Ray get a host; None: all do.
        starts_hosts: whether nodes that have no host get one.

    Raises:
        UsageError: Ray is not installed, or this process has not joined a cluster.
    """

    def __init__(
        self,
        *,
        token: str = "",
        options: Sequence[str] = (),
        resource: str | None = None,
        starts_hosts: bool = True,
    ) -> None:
        check_ray()
        self._token = token
        self._options = [*options]
        if "--tls-cert" not in options:
            self._options.append("--insecure")
        if "--drain-seconds" not in options:
            self._options += ["--drain-seconds", str(DRAIN_SECONDS)]
        self._resource = resource
        self._starts_hosts = starts_hosts
        self._known: list[RayHost] = []
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._coming: dict[str, asyncio.Task[RayHost]] = {}

    def __repr__(self) -> str:
        return f"<the hosts of {len(self._known)} Ray nodes>"

    async def places(self) -> Sequence[HostPlace]:
        """One for each node whose actor answers.

        Raises:
            EngineError: none does.
        """
        return [
            HostPlace(host.endpoint, is_draining=host.state != "serving")
            for host in await self.hosts()
        ]

    async def hosts(self) -> Sequence[RayHost]:
        """The hosts whose actors answer. A known list is returned at once and refreshed meanwhile.

        Raises:
            EngineError: there is none.
        """
        loop = asyncio.get_running_loop()
        if loop.time() - self._asked_at > REFRESH_SECONDS and (
            self._asking is None or self._asking.done()
        ):
            self._asking = asyncio.create_task(self._ask(), name="hosts of a Ray cluster")
        if not self._known and self._asking is not None:
            await asyncio.shield(self._asking)
        if not self._known:
            raise EngineError("no node of the Ray cluster has a code-mode host that answers")
        return self._known

    async def refresh(self) -> Sequence[RayHost]:
        """The hosts, each of them asked now."""
        await self._ask()
        return self._known

    async def drain(self, node: str) -> RayHost:
        """Have the host of a node drain, and wait for its end.

        Args:
            node: the ID of the node, or how it begins.

        Raises:
            UsageError: there is no such node, or there are several.
        """
        found = [host for host in await self.refresh() if host.node.startswith(node)]
        if len(found) != 1:
            known = ", ".join(host.node for host in self._known) or "none"
            what = "no host is on" if not found else "there are several nodes"
            raise UsageError(f"{what} {node!r}; nodes with a host: {known}")
        actor = await asyncio.to_thread(_actor, found[0].node)
        drained: RayHost = await actor.drain.remote()
        self._asked_at = float("-inf")
        return drained

    async def down(self) -> int:
        """End all actors, and with them their hosts; how many those were."""
        hosts = await self.refresh()
        return await asyncio.to_thread(_end, [host.node for host in hosts])

    async def _ask(self) -> None:
        nodes = await asyncio.to_thread(_nodes, self._resource)
        asked = await asyncio.gather(*(self._host(node) for node in nodes))
        self._known = [host for host in asked if host is not None]
        self._asked_at = asyncio.get_running_loop().time()

    async def _host(self, node: str) -> RayHost | None:
        """The host of a node; None if it does not answer now. One that is being started may take longer."""
        task = self._coming.get(node)
        if task is None:
            task = self._coming[node] = asyncio.create_task(self._told(node), name="host of a node")
        is_known = any(host.node == node for host in self._known)
        seconds = ANSWER_SECONDS if is_known or self._known else START_SECONDS
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            return None
        del self._coming[node]
        return None if task.cancelled() or task.exception() is not None else task.result()

    async def _told(self, node: str) -> RayHost:
        import ray  # noqa: PLC0415 - an extra

        if self._starts_hosts:
            actor = await asyncio.to_thread(_started, node, self._token, self._options)
        else:
            actor = await asyncio.to_thread(_actor, node)
        async with asyncio.timeout(START_SECONDS):
            while True:
                try:
                    host: RayHost = await actor.host.remote()
                    return host
                except ray.exceptions.ActorUnavailableError:  # it is being started again
                    await asyncio.sleep(RESTART_SECONDS)
                except ray.exceptions.RayError as error:
                    raise EngineError(f"the host of node {node} does not answer: {error}") from None

    async def aclose(self) -> None:
        """Ask nothing more; hosts and actors stay."""
        tasks = [*self._coming.values(), *([self._asking] if self._asking else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._coming.clear()


def check_ray() -> None:
    """Refuse to go on without Ray, or outside of a cluster.

    Raises:
        UsageError: it is so.
    """
    if find_spec("ray") is None:
        raise UsageError("a fleet on Ray needs the module `ray`\nHint: pip install 'codemode[ray]'")
    import ray  # noqa: PLC0415 - an extra

    if not ray.is_initialized():
        raise UsageError(
            "this process has not joined a Ray cluster\nHint: ray.init(address='auto') before"
        )


def _nodes(resource: str | None) -> list[str]:
    """The nodes that are to have a host."""
    import ray  # noqa: PLC0415 - an extra

    return [
        node["NodeID"]
        for node in ray.nodes()
        if node["Alive"] and (resource is None or node["Resources"].get(resource))
    ]


def _started(node: str, token: str, options: Sequence[str]) -> Any:
    """The actor of a node, started if there is none."""
    import ray  # noqa: PLC0415 - an extra
    from ray.util.scheduling_strategies import (  # noqa: PLC0415 - the same
        NodeAffinitySchedulingStrategy,
    )

    kept = ray.remote(HostKeeper).options(
        name=NAME + node,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=0,
        max_concurrency=8,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
    )
    return kept.remote(token, list(options))


def _actor(node: str) -> Any:
    """The actor of a node.

    Raises:
        EngineError: there is none.
    """
    import ray  # noqa: PLC0415 - an extra

    try:
        return ray.get_actor(NAME + node, namespace=NAMESPACE)
    except ValueError:
        raise EngineError(f"node {node} has no code-mode host") from None


def _end(nodes: Sequence[str]) -> int:
    import ray  # noqa: PLC0415 - an extra

    for node in nodes:
        ray.kill(_actor(node), no_restart=True)
    return len(nodes)
