"""What of the fleet on Ray needs no Ray; the rest is tried by `make fleet`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from codemode import UsageError
from codemode.cli import PROGRAM, app
from codemode.fleet import ray as fleet_ray
from codemode.fleet.ray import _DIE_WITH_PARENT, RayPlaces

SECONDS = 30
HINT = "a fleet on Ray needs the module `ray`\nHint: pip install 'codemode[ray]'"

PARENT = f"""
import os, subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", {_DIE_WITH_PARENT!r}, str(os.getpid()), sys.executable, "-c",
     "import time; print(flush=True); time.sleep(600)"],
    stdout=subprocess.PIPE,
)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_without_ray_the_places_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_ray, "find_spec", lambda _: None)
    with pytest.raises(UsageError) as refused:
        RayPlaces()

    assert str(refused.value) == HINT


@pytest.mark.parametrize("words", [["up"], ["status"], ["drain", "abc"], ["down"]])
def test_without_ray_the_commands_say_what_to_install(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from codemode.cli import ray_hosts

    monkeypatch.setattr(ray_hosts, "find_spec", lambda _: None)
    result = CliRunner().invoke(app, ["fleet", "ray", *words], prog_name=PROGRAM)

    assert result.exit_code == 1
    assert result.stderr == "error: " + HINT.replace("Hint", "hint") + "\n"


@pytest.mark.skipif(sys.platform != "linux", reason="Ray's actors are kept on Linux")
def test_a_host_is_killed_when_its_actor_is_gone() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as actor:
        assert actor.stdout is not None
        child = int(actor.stdout.readline())
        handle = os.pidfd_open(child)
        actor.send_signal(signal.SIGKILL)
    import select

    poll = select.poll()
    poll.register(handle, select.POLLIN)
    ended = poll.poll(SECONDS * 1000)
    os.close(handle)

    assert ended, "the child has outlived its parent"


def test_an_address_at_which_no_cluster_is_is_told_at_once() -> None:
    from codemode.cli.ray_hosts import _check_there

    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
        _check_there(address)
    with pytest.raises(click.ClickException) as refused:
        _check_there(address)
    _check_there("auto")

    assert refused.value.message == (
        f"there is no Ray cluster at {address!r}: Connection refused"
        "\nhint: ray start --head starts one."
    )
