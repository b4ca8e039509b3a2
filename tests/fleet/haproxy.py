"""HAProxy in front of hosts, with the configuration of deploy/haproxy.cfg."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"


def configuration(port: int, hosts: Sequence[str]) -> str:
    """The file with our port and our hosts (each `IP:PORT`) in place of those that it names."""
    text = CONFIGURATION.read_text("utf-8")
    text = re.sub(r"^    bind \S+", f"    bind 127.0.0.1:{port}", text, flags=re.MULTILINE)
    found = re.findall(r"^    server (\S+) \S+(.*)$", text, re.MULTILINE)
    assert len(found) == len(hosts), "as many hosts as the file names"
    for (name, rest), host in zip(found, hosts, strict=True):
        text = re.sub(
            rf"^    server {name} .*$", f"    server {name} {host}{rest}", text, flags=re.MULTILINE
        )
    return text


@asynccontextmanager
async def haproxy(folder: Path, hosts: Sequence[str]) -> AsyncIterator[str]:
    """HAProxy while it runs; its endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = folder / "haproxy.cfg"
    file.write_text(configuration(port, hosts))
    process = await asyncio.create_subprocess_exec(
        "haproxy", "-db", "-f", str(file), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                assert process.returncode is None, "HAProxy has ended"
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
