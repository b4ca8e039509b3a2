"""A Ray cluster on this machine, whose nodes can be killed, stopped and added; for `make fleet` alone."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codemode.fleet.ray import RayHost

STORE_BYTES = 80 * 2**20


class RayNodes:
    """Nodes of a cluster on loopback."""

    def __init__(self, cluster: Any, nodes: list[Any]) -> None:
        self._cluster = cluster
        self._nodes = nodes
        self._struck: set[int] = set()

    @property
    def address(self) -> str:
        """Where the cluster is."""
        return str(self._cluster.address)

    def add(self) -> None:
        """One node more."""
        self._nodes.append(self._cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES))

    def may_be_struck(self, host: RayHost) -> bool:
        """Whether it is not the host of the head, with which the whole cluster would go."""
        return any(each.node_id == host.node for each in self._nodes)

    def strike(self, host: RayHost, number: signal.Signals) -> int:
        """Send a signal to all processes of a node; how many those are."""
        node = next(each for each in self._nodes if each.node_id == host.node)
        roots = [each.process.pid for kind in node.all_processes.values() for each in kind]
        pids = {host.pid}
        for root in [*roots, host.pid]:
            try:
                process = psutil.Process(root)
                pids |= {root, *(child.pid for child in process.children(recursive=True))}
            except psutil.Error:
                pass
        self._struck |= pids - {os.getpid()}
        _kill_all(self._struck, number)
        return len(pids)

    def end_struck(self) -> None:
        """End what was stopped: the cluster cannot."""
        _kill_all(self._struck, signal.SIGKILL)


def _kill_all(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


@contextmanager
def ray_nodes(count: int) -> Iterator[RayNodes]:
    """A cluster of a head, which is not struck, and so many nodes in all."""
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # loopback alone
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "object_store_memory": STORE_BYTES},
    )
    made = RayNodes(cluster, [])
    try:
        for _ in range(count - 1):
            made.add()
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield made
    finally:
        ray.shutdown()
        made.end_struck()
        cluster.shutdown()
