"""``codemode fleet ray``: each command from the cluster that it joins to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from ..errors import CodeModeError, EngineError
from ..fleet.ray import RayPlaces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..fleet.ray import RayHost

CONNECT_SECONDS: Final = 5.0
"""How long a cluster may take to take a connection."""


def run_up(
    *,
    address: str,
    as_json: bool,
    token_file: Path | None,
    resource: str | None,
    options: Sequence[str],
) -> int:
    """Start hosts where there are none; the exit code."""
    token = "" if token_file is None else token_file.read_text("ascii", "replace").strip()
    words = [word for option in options for word in option.split("=", 1)]
    with _joined(address):
        places = RayPlaces(token=token, options=words, resource=resource)
        hosts = asyncio.run(_asked(places))
    _show(hosts, as_json=as_json)
    return 0 if hosts else 1


def run_status(*, address: str, as_json: bool) -> int:
    """List hosts; the exit code."""
    with _joined(address):
        hosts = asyncio.run(_asked(RayPlaces(starts_hosts=False)))
    _show(hosts, as_json=as_json)
    return 0 if hosts else 1


def run_drain(*, node: str, address: str, as_json: bool) -> int:
    """Drain the host of a node; the exit code."""

    async def drained() -> RayHost:
        async with contextlib.aclosing(RayPlaces(starts_hosts=False)) as places:
            return await places.drain(node)

    with _joined(address):
        click.echo(f"draining the host of node {node} …", err=True)
        _show([asyncio.run(drained())], as_json=as_json)
    return 0


def run_down(*, address: str, as_json: bool) -> int:
    """End all hosts; the exit code."""

    async def ended() -> int:
        async with contextlib.aclosing(RayPlaces(starts_hosts=False)) as places:
            return await places.down()

    with _joined(address):
        count = asyncio.run(ended())
    click.echo(json.dumps({"ended": count}) if as_json else f"{count} hosts ended")
    return 0


async def _asked(places: RayPlaces) -> Sequence[RayHost]:
    async with contextlib.aclosing(places):
        try:
            return await places.refresh()
        except EngineError:
            return []


@contextlib.contextmanager
def _joined(address: str) -> Iterator[None]:
    """Join a cluster for the length of the block.

    Raises:
        click.ClickException: there is none, Ray is not installed, or something in the block went wrong.
    """
    if find_spec("ray") is None:
        raise click.ClickException(
            "a fleet on Ray needs the module `ray`\nhint: pip install 'codemode[ray]'"
        )
    import ray  # noqa: PLC0415 - an extra

    _check_there(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:
        raise _no_cluster(address, error) from None
    try:
        yield
    except CodeModeError as error:
        raise click.ClickException(str(error)) from None
    finally:
        ray.shutdown()


def _check_there(address: str) -> None:
    """Refuse an address without a listener: Ray itself retries for a minute.

    Raises:
        click.ClickException: it is one.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error.strerror or error) from None


def _no_cluster(address: str, why: object) -> click.ClickException:
    return click.ClickException(
        f"there is no Ray cluster at {address!r}: {why}\nhint: ray start --head starts one."
    )


def _show(hosts: Sequence[RayHost], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(host) for host in hosts]))
        return
    for host in hosts:
        click.echo(f"{host.node[:12]}  {host.state:<9} {host.endpoint}  pid {host.pid}")
    if not hosts:
        click.echo("no node has a host that answers", err=True)
