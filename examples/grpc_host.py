"""A host and its client on one machine, over gRPC: the host could be on another one.

python examples/grpc_host.py
"""

import asyncio
import os
import secrets
import sys
import tempfile
from pathlib import Path

from codemode import CodeMode, GrpcSessionProvider, tool


@tool
async def whoami() -> int:
    """The process that runs the tools."""
    return os.getpid()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        token = secrets.token_urlsafe()
        file = Path(folder) / "token"
        file.write_text(token)
        host = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "codemode", "host"),
            *("--listen", "grpc://127.0.0.1:0", "--token-file", str(file)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert host.stdout is not None
        try:
            url = (await host.stdout.readline()).decode().strip()
            async with (
                GrpcSessionProvider(url, token=token) as provider,
                CodeMode(tools=[whoami], provider=provider) as cm,
            ):
                result = await cm.exec("text('the tools ran in process ' + await tools.whoami())")
                print(f"{result.text}\nours is {os.getpid()}, the host's is {host.pid}")
        finally:
            host.terminate()
            await host.wait()


if __name__ == "__main__":
    asyncio.run(main())
