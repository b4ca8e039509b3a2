"""What a host tells whoever operates it: is it alive, is it ready, and its figures."""

from __future__ import annotations

import asyncio
import signal
import socket

import pytest

from codemode.host.arguments import parse
from codemode.host.listen import Address, ListenError, parse_status
from tests.metrics.pages import page, samples

from .hosts import FOREVER, SECONDS, Host, client, host, texts

STATUS = ("--status", "http://127.0.0.1:0")


async def status_port(running: Host) -> int:
    """The port of its status, as it tells on standard error."""
    assert running.process.stderr is not None
    line = await asyncio.wait_for(running.process.stderr.readline(), SECONDS)
    return int(line.decode().strip().removeprefix("status on http://127.0.0.1:"))


async def test_a_host_is_ready_without_a_token_and_counts_what_it_serves() -> None:
    token = "a-token-of-some-length"
    async with host(*STATUS, environment={"CODEMODE_HOST_TOKEN": token}) as running:
        port = await status_port(running)
        async with client(running, token=token) as there:
            _, session_id = await there.open()
            assert texts(await there.run(session_id, "e", "text(1)")) == ["1"]
            pages = [await page(port, path) for path in ("/livez", "/readyz")]
            status, text = await page(port, "/metrics")

    found = samples(text)
    wanted = {
        "codemode_sessions": 1,
        "codemode_execs_total{completed}": 1,
        "codemode_workers{resting}": 1,
        "codemode_session_capacity": 4096,
        "codemode_cell_capacity": 1024,
        "codemode_draining": 0,
    }
    assert pages == [(200, "ok\n"), (200, "ok\n")]
    assert status == 200
    assert {name: found.get(name) for name in wanted} == wanted
    assert token not in text


async def test_a_host_that_drains_is_alive_and_not_ready() -> None:
    async with host(*STATUS, "--drain-seconds", "30") as running, client(running) as there:
        port = await status_port(running)
        _, session_id = await there.open()
        execution = there.execute(session_id, "e", FOREVER)
        await execution.read()
        running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            while (ready := await page(port, "/readyz"))[0] == 200:
                pass
        alive = await page(port, "/livez")
        running.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(running.process.wait(), SECONDS)

    assert ready == (503, "draining\n")
    assert alive == (200, "ok\n")


async def test_a_host_whose_sessions_are_all_taken_is_not_ready() -> None:
    async with host(*STATUS, "--max-sessions", "1") as running, client(running) as there:
        port = await status_port(running)
        await there.open()
        ready = await page(port, "/readyz")

    assert ready == (503, "no room: 1 sessions are open\n")


async def test_a_status_that_cannot_be_had_ends_the_host_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        async with host("--status", f"http://{where}") as refused:
            _, words = await asyncio.wait_for(refused.process.communicate(), SECONDS)

    assert words.decode() == (
        f"Error: cannot listen on {where} for --status: Address already in use\n"
    )
    assert refused.process.returncode == 1


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("grpc://127.0.0.1:1", "it is no http:// URL; expected `http://IP:PORT`"),
        ("127.0.0.1:1", "it is no http:// URL; expected `http://IP:PORT`"),
        ("http://localhost:1", "`localhost` is no IP address; expected `http://IP:PORT`"),
        (
            "http://127.0.0.1",
            "it names no port, 0 is any that is free; expected `http://IP:PORT`",
        ),
        ("http://127.0.0.1:1/metrics", None),
        ("http://127.0.0.1:70000", "ports go up to 65535; expected `http://IP:PORT`"),
        ("http://::1:80", "an IPv6 address stands in brackets; expected `http://[IP]:PORT`"),
    ],
)
def test_what_is_no_address_of_a_status_is_refused(url: str, what: str | None) -> None:
    with pytest.raises(ListenError) as refused:
        parse_status(url)

    if what is not None:
        assert str(refused.value) == f"unsupported --status URL `{url}`: {what}"


def test_an_address_of_a_status_is_read() -> None:
    assert parse_status("http://[::]:9464/") == Address("tcp", host="::", port=9464)
    assert parse(["--status", "http://127.0.0.1:1"]).are_for_plain_pipes is False
