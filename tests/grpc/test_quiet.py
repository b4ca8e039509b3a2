"""gRPC is loaded without its log, and nothing of that is left for others."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys, asyncio
from codemode.grpc.quiet import load_quietly
load_quietly()
print('grpc' in sys.modules, os.environ.get('GRPC_VERBOSITY'))
import grpc.aio
async def main():
    server = grpc.aio.server()
    try:
        server.add_insecure_port('unix:/nowhere/socket')
    except RuntimeError:
        print('refused')
asyncio.run(main())
"""


@pytest.mark.parametrize(("verbosity", "is_silent"), [(None, True), ("ERROR", False)])
def test_grpc_is_silent_unless_the_environment_asks_for_its_log(
    verbosity: str | None, is_silent: bool
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "GRPC_VERBOSITY"}
    if verbosity is not None:
        environment["GRPC_VERBOSITY"] = verbosity
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=environment,
        timeout=60,
    )

    assert done.stdout == f"True {verbosity}\nrefused\n"
    assert (done.stderr == "") == is_silent
