"""The host as a process: how it ends, what it survives, what it never says."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .wire import (
    EXIT_SECONDS,
    FOREVER,
    HELLO,
    SECONDS,
    HostProcess,
    all_gone,
    answer,
    execute,
    frame,
    request,
    terminate,
    texts,
    wait,
)

BUSY = "for (;;) {}"


def run(*arguments: str, data: bytes = b"") -> tuple[int, bytes, str]:
    """A host that is given everything at once: exit status, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "codemode.host", *arguments],
        input=data,
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    return done.returncode, done.stdout, done.stderr.decode()


# ── arguments ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "arguments", [(), ("--listen", "stdio"), ("--listen", "stdio://"), ("--listen=stdio",)]
)
def test_it_listens_on_standard_input_and_output(arguments: tuple[str, ...]) -> None:
    with HostProcess(*arguments) as host:
        host.say(HELLO)

        assert host.hear()["type"] == "connection/ready"
        assert host.end() == (0, "")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("--listen", "tcp://1:2"),
            "unsupported --listen URL `tcp://1:2`;"
            " expected `stdio://`, `grpc+stdio://`, `grpc://IP:PORT` or `unix:PATH`",
        ),
        (("--listen",), "a value is required for '--listen <URL>' but none was supplied"),
        (
            ("--listen", "stdio", "--listen=stdio"),
            "the argument '--listen <URL>' cannot be used multiple times",
        ),
        (("serve",), "unexpected argument 'serve' found"),
        (("--verbose",), "unexpected argument '--verbose' found"),
    ],
)
def test_other_arguments_are_refused(arguments: tuple[str, ...], problem: str) -> None:
    status, out, words = run(*arguments)

    assert (status, out, words) == (
        2,
        b"",
        f"error: {problem}\nhint: codemode-host --help lists what there is.\n",
    )


def test_help_is_printed() -> None:
    status, out, words = run("--help")

    assert (status, out.splitlines()[0], words) == (
        0,
        b"Usage: codemode-host [--listen URL] [OPTIONS]",
        "",
    )


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


def test_the_end_of_the_input_is_a_clean_end() -> None:
    assert run() == (0, b"", "")


def test_a_rejected_client_is_a_clean_end() -> None:
    rejected = {
        "type": "connection/rejected",
        "reason": {"type": "noCompatibleVersion", "supportedVersions": [1]},
    }
    with HostProcess() as host:
        host.say({**HELLO, "supportedVersions": [2]}, request(1, "session/open", sessionId="s"))

        assert host.rest() == [rejected]
        assert host.exit() == (0, "")


HELLO_READ = "failed to read code-mode client hello"
MESSAGE_READ = "failed to read code-mode client message"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x01", f"{HELLO_READ}: code-mode IPC stream ended inside a frame: early eof"),
        (
            frame(HELLO) + b"\x05\x00\x00\x00{",
            f"{MESSAGE_READ}: code-mode IPC stream ended inside a frame: early eof",
        ),
        (
            b"\x01\x00\x00\x04",
            f"{HELLO_READ}: code-mode IPC frame length 67108865 exceeds 67108864 bytes",
        ),
        (
            frame(b'{"type":"zz"}'),
            f"{HELLO_READ}: failed to decode code-mode IPC frame: unknown variant `zz` at $.type",
        ),
        (
            frame(HELLO) + frame({"type": "operation/cancel", "id": 1, "x": 1}),
            f"{MESSAGE_READ}: failed to decode code-mode IPC frame: unknown field `x`",
        ),
        (frame(HELLO) * 2, "received a second code-mode client hello"),
        (
            frame(HELLO) + frame(request(7, "session/open", sessionId="s")) * 2,
            "duplicate code-mode request ID RequestId(7)",
        ),
    ],
)
def test_a_broken_rule_ends_the_host_with_the_reason(data: bytes, reason: str) -> None:
    status, _, words = run(data=data)

    assert (status, words) == (1, f"Error: {reason}\n")


@pytest.mark.parametrize(
    "source",
    [BUSY, FOREVER, "for (;;) text('x'.repeat(1000))", "for (;;) { await 1; notify('x') }"],
)
def test_nothing_is_left_when_the_input_ends_whatever_runs(source: str) -> None:
    with HostProcess() as host:
        host.open()
        host.say(execute(2, source, yield_time_ms=200), execute(3, FOREVER))
        host.until("execute/initialResponse", 2)
        family = host.family()

        status, words = host.end()

        assert (status, words) == (0, "")
        assert family
        assert all_gone(family)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything_and_then_the_host(number: int) -> None:
    with HostProcess() as host:
        host.open()
        host.say(execute(2, BUSY, yield_time_ms=0))
        host.until("execute/initialResponse")
        family = host.family()

        os.kill(host.process.pid, number)

        assert host.exit() == (-number, "")
        assert all_gone(family)


def test_no_worker_outlives_a_host_that_was_killed() -> None:
    with HostProcess() as host:
        host.open()
        host.say(execute(2, BUSY, yield_time_ms=0))
        host.until("execute/initialResponse")
        family = host.family()

        host.process.kill()

        assert family
        assert all_gone(family)


def test_a_host_whose_client_was_killed_ends_with_its_workers() -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from tests.host.wire import HostProcess, execute\n"
        "host = HostProcess()\n"
        "host.open(); host.say(execute(2, 'for (;;) {}', yield_time_ms=0))\n"
        "host.until('execute/initialResponse')\n"
        "print(host.process.pid, *host.family(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", program, root, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as client:
        assert client.stdout is not None
        family = [int(pid) for pid in client.stdout.readline().split()]

        client.kill()

        assert len(family) > 1
        assert all_gone(family)


def test_a_client_that_closes_its_ears_ends_the_host() -> None:
    with HostProcess() as host:
        host.open()

        host.stdout.close()
        host.say(execute(2, "text('x')"))

        status, words = host.exit()
        assert (status, words.partition(":")[0]) == (1, "Error")


def test_input_from_a_file_and_output_to_a_file_work_too(tmp_path: Path) -> None:
    said, heard = tmp_path / "said", tmp_path / "heard"
    said.write_bytes(frame(HELLO) + frame(request(1, "session/open", sessionId="s")))
    with said.open("rb") as stdin, heard.open("wb") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "codemode.host"],
            stdin=stdin,
            stdout=stdout,
            check=False,
            timeout=SECONDS,
        )

    ready = {
        "type": "connection/ready",
        "selectedVersion": 1,
        "capabilities": sorted(HELLO["optionalCapabilities"]),
    }
    frames = heard.read_bytes()
    length = int.from_bytes(frames[:4], "little")
    assert (done.returncode, json.loads(frames[4 : 4 + length])) == (0, ready)


# ── where the published host breaks, and this one does not ───────────────────────────────────────


def played(host: HostProcess, number: int, result: Any = None) -> tuple[Any, int]:
    """Answer every callback until request ``number`` has its initial response; how many there were."""
    calls = 0
    while (message := host.hear()) is not None:
        if message["type"] == "delegate/request":
            calls += 1
            host.say(answer(message, result))
        elif message["type"] == "execute/initialResponse" and message["id"] == number:
            return message, calls
    raise AssertionError("the host has gone")


def test_5000_tool_calls_at_once_are_all_answered() -> None:
    source = "text((await Promise.all(Array.from({length: 5000}, (_, i) => tools.t(i)))).length)"
    with HostProcess() as host:
        host.open()
        host.say(execute(2, source, tools=("t",), yield_time_ms=60_000))

        response, calls = played(host, 2, 1)

        assert (texts(response), calls) == (["5000"], 5000)
        assert host.end() == (0, "")


def test_20000_notifications_are_all_delivered() -> None:
    source = "for (let i = 0; i < 20000; i++) notify(i); text('done')"
    with HostProcess() as host:
        host.open()
        host.say(execute(2, source, yield_time_ms=60_000))

        response, notes = played(host, 2)

        assert (texts(response), notes) == (["done"], 20000)


def test_a_client_that_reads_nothing_holds_the_cell_back_and_not_the_memory() -> None:
    source = "for (let i = 0; i < 3000; i++) notify('x'.repeat(100000)); text('done')"
    with HostProcess() as host:
        host.open()
        host.say(execute(2, source, yield_time_ms=60_000))
        host.until("operation/response", 2)
        peaks = []
        for number in range(3, 8):
            host.say(execute(number, "text('beside')"))
            assert host.process.poll() is None
            peaks.append(resident(host.process.pid))

        response, notes = played(host, 2)

        assert max(*peaks, resident(host.process.pid)) < 300 * 2**20
        assert (texts(response), notes) == (["done"], 3000)


def resident(pid: int) -> int:
    """Bytes of memory that the process has had at most."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.parametrize(
    "source",
    [
        "for (;;) text('x'.repeat(10000))",
        "const all = []; for (;;) all.push(new Array(1000).fill(all.length))",
        "text('x'.repeat(2**29 - 30))",
    ],
)
def test_a_cell_that_takes_everything_ends_with_an_error_and_the_others_go_on(source: str) -> None:
    with HostProcess() as host:
        host.open()
        host.say(request(3, "session/open", sessionId="other"))
        host.until("operation/response", 3)

        host.say(execute(4, source))
        response = host.until("execute/initialResponse", 4)
        host.say(execute(5, "text('alive')", session="other"))
        other = host.until("execute/initialResponse", 5)

        [content] = response["result"]["value"].values()
        assert content["error_text"].startswith("Limit reached")
        assert texts(other) == ["alive"]


def test_a_heap_limit_of_the_client_is_enforced() -> None:
    source = "const all = []; for (;;) all.push(new Array(1000).fill(all.length))"
    with HostProcess() as host:
        host.open(cellExecutionLimits={"maxHeapSizeBytes": 32 * 2**20})

        host.say(execute(2, source))

        response = host.until("execute/initialResponse", 2)
        [content] = response["result"]["value"].values()
        assert content["error_text"].splitlines()[0] == (
            "Limit reached (heap_bytes): the cell used more than 32 MiB of JavaScript heap."
        )


def test_a_yield_time_limit_of_the_client_is_enforced() -> None:
    with HostProcess() as host:
        host.open(cellExecutionLimits={"maxYieldTimeMs": 50})

        host.say(execute(2, FOREVER, yield_time_ms=2**63))
        first = host.until("execute/initialResponse", 2)
        host.say(wait(3, yield_time_ms=2**63))
        later = host.until("operation/response", 3)

        assert list(first["result"]["value"]) == ["Yielded"]
        assert list(later["result"]["value"]["outcome"]["LiveCell"]) == ["Yielded"]


def test_200_cells_live_side_by_side_and_are_all_ended() -> None:
    with HostProcess() as host:
        host.open()
        for number in range(2, 202):
            host.say(execute(number, f"yield_control(); {FOREVER}"))
            host.until("execute/initialResponse", number)
        family = host.family()

        host.say(request(500, "session/shutdown", sessionId="s"))
        said = [host.hear() for _ in range(201)]

        assert {message["type"] for message in said[:-1]} == {"cell/closed"}
        assert said[-1]["result"]["value"] == {"type": "session/closed", "sessionId": "s"}
        assert host.end() == (0, "")
        assert all_gone(family)


def test_a_burst_of_requests_is_served_and_not_refused() -> None:
    with HostProcess() as host:
        host.open()

        host.say(*(wait(number, "9") for number in range(2, 1002)))
        answers = [host.hear() for _ in range(1000)]

        assert {message["result"]["status"] for message in answers} == {"ok"}


def test_durations_are_filled_in() -> None:
    with HostProcess() as host:
        host.open()
        host.say(execute(2, "await new Promise(r => setTimeout(r, 30))"))

        response = host.until("execute/initialResponse", 2)

        assert response["result"]["value"]["Result"]["code_mode_host_duration_ns"] > 30_000_000


def test_a_busy_cell_is_terminated() -> None:
    with HostProcess() as host:
        host.open()
        host.say(execute(2, BUSY, yield_time_ms=0))
        host.until("execute/initialResponse", 2)

        host.say(terminate(3))

        response = host.until("operation/response", 3)
        assert list(response["result"]["value"]["outcome"]["LiveCell"]) == ["Terminated"]
        assert host.hear() == {"type": "cell/closed", "sessionId": "s", "cellId": "1"}


def test_what_is_printed_in_the_host_never_reaches_its_output() -> None:
    program = (
        "import os, sys, codemode.host.service as s; from codemode.host import main\n"
        "greet = s.Service._greet\n"
        "def noisy(self, message):\n"
        "    print('noise', flush=True); os.write(1, b'raw'); os.system('echo child')\n"
        "    greet(self, message)\n"
        "s.Service._greet = noisy\n"
        "sys.exit(main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=frame(HELLO),
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )

    length = int.from_bytes(done.stdout[:4], "little")
    assert (done.returncode, len(done.stdout)) == (0, 4 + length)
    assert done.stderr == b"noise\nrawchild\n"


def test_the_exit_is_quick_even_if_nobody_reads() -> None:
    with HostProcess() as host:
        host.open()
        host.say(execute(2, "for (;;) notify('x'.repeat(100000))", yield_time_ms=60_000))
        host.until("delegate/request")

        host.stdin.close()

        assert host.process.wait(EXIT_SECONDS) == 0


def test_calls_that_a_program_made_before_its_end_are_told_and_cancelled() -> None:
    """Even if all of it comes in one piece, before the host has announced the cell."""
    source = "for (let i = 0; i < 3; i++) tools.t(i); for (let i = 0; i < 20; i++) await null; text('end')"
    cells = range(2, 32)
    with HostProcess() as host:
        host.open()
        host.say(*[execute(number, source, tools=("t",)) for number in cells])
        told: dict[str, list[Any]] = {}
        cells_of: dict[int, str] = {}
        closed = 0
        while closed < len(cells):
            message = host.hear()
            if message["type"] == "delegate/request":
                invocation = message["request"]["invocation"]
                cells_of[message["id"]] = invocation["cell_id"]
                told.setdefault(invocation["cell_id"], []).append(invocation["input"])
            elif message["type"] == "delegate/cancel":
                told[cells_of[message["id"]]].append("cancelled")
            closed += message["type"] == "cell/closed"

    assert len(told) == len(cells)
    for each in told.values():
        assert [item for item in each if item != "cancelled"] == [0, 1, 2]
        assert each.count("cancelled") == 3
