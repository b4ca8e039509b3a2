"""Over the standard streams: one client, which has started the process."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemode.adapters.mcp_server.stdio import MAX_LINE_BYTES, LineReader

from .conftest import INTERRUPT, SECONDS, TERMINATE, command, environment, there
from .test_serving import holding

Child: TypeAlias = "subprocess.Popen[bytes]"

HELLO = {
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.fixture
def start() -> Iterator[Callable[..., Child]]:
    """Start a server that has said hello; it ends with the test."""
    started: list[Child] = []

    def start(*, stderr: int = subprocess.DEVNULL) -> Child:
        child = subprocess.Popen(
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(),
        )
        started.append(child)
        send(child, id=1, **HELLO)
        assert answer(child)["id"] == 1
        send(child, method="notifications/initialized")
        return child

    yield start
    for child in started:
        with child:
            child.kill()


def send(child: Child, **message: Any) -> None:
    write(child, json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def write(child: Child, data: bytes) -> None:
    assert child.stdin is not None
    child.stdin.write(data)
    child.stdin.flush()


def answer(child: Child) -> dict[str, Any]:
    assert child.stdout is not None
    message: dict[str, Any] = json.loads(child.stdout.readline())
    return message


def execute(child: Child, code: str) -> None:
    params = {"name": "exec", "arguments": {"code": code}}
    send(child, id=2, method="tools/call", params=params)


async def test_the_end_of_input_ends_everything(start: Callable[[], Child], tmp_path: Path) -> None:
    child = start()
    execute(child, holding(tmp_path))
    await there(tmp_path / "begun")
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(SECONDS) == 0
    assert (tmp_path / "ended").exists()


async def test_a_request_that_the_end_of_input_cuts_off_is_answered_and_not_complained_of(
    start: Callable[..., Child], tmp_path: Path
) -> None:
    child = start(stderr=subprocess.PIPE)
    execute(child, holding(tmp_path))
    await there(tmp_path / "begun")
    answers, words = child.communicate(timeout=SECONDS)
    assert (child.returncode, words) == (0, b"a module of tools may print\n")
    assert [json.loads(line)["error"]["message"] for line in answers.splitlines()] == [
        "Connection closed"
    ]


async def test_a_client_that_stops_reading_and_goes_ends_everything(
    start: Callable[[], Child], tmp_path: Path
) -> None:
    child = start()
    execute(child, holding(tmp_path))
    await there(tmp_path / "begun")
    assert child.stdout is not None
    child.stdout.close()
    send(child, id=3, method="ping")
    assert child.wait(SECONDS) == 0
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("number", [INTERRUPT, TERMINATE])
async def test_a_signal_ends_everything(
    start: Callable[[], Child], tmp_path: Path, number: int
) -> None:
    child = start()
    execute(child, holding(tmp_path))
    await there(tmp_path / "begun")
    child.send_signal(number)
    assert child.wait(SECONDS) == 128 + number
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"hello", "no JSON-RPC message"),
        (b'{"jsonrpc": "2.0"}', "no JSON-RPC message"),
        (b"\xff\xfe", "no JSON-RPC message"),
        (b'"' + b"x" * (MAX_LINE_BYTES + 1) + b'"', "too long"),
    ],
    ids=["words", "half", "bytes", "long"],
)
def test_a_line_that_is_no_message_is_answered_and_the_next_one_served(
    start: Callable[[], Child], line: bytes, what: str
) -> None:
    child = start()
    write(child, line + b"\n")
    assert answer(child) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": f"the line is {what}"},
    }
    send(child, id=5, method="ping")
    assert answer(child) == {"jsonrpc": "2.0", "id": 5, "result": {}}


def test_a_request_that_cannot_be_read_is_answered_if_it_can_be_told_whose_it_was(
    start: Callable[[], Child],
) -> None:
    child = start()
    arguments = {"code": "text('\udc80')"}
    send(child, id=6, method="tools/call", params={"name": "exec", "arguments": arguments})
    assert answer(child) == {
        "jsonrpc": "2.0",
        "id": 6,
        "error": {"code": -32700, "message": "the line is no JSON-RPC message"},
    }


@pytest.mark.parametrize(("written", "said"), [(5.0, 5), (5.5, 5.5)])
def test_a_request_has_an_answer_whatever_number_names_it(
    start: Callable[[], Child], written: float, said: float
) -> None:
    child = start()
    send(child, id=written, method="ping")
    found = answer(child)
    assert (found["id"], "result" in found) == (said, said == 5)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"name": "exec", "arguments": "text(1)"},
            "`params.arguments`: Input should be a valid dictionary, got 'text(1)'",
        ),
        ({"arguments": {}}, "`params.name`: Field required"),
        ({"name": 7}, "`params.name`: Input should be a valid string, got 7"),
    ],
)
def test_an_error_names_the_parameter(
    start: Callable[[], Child], params: dict[str, Any], text: str
) -> None:
    child = start()
    send(child, id=7, method="tools/call", params=params)
    assert answer(child) == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32602, "message": text}}


@given(st.lists(st.binary(max_size=6)), st.integers(1, 7))
def test_lines_do_not_depend_on_the_pieces_in_which_they_come(
    lines: list[bytes], size: int
) -> None:
    whole = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    at_once, in_pieces = LineReader(4), LineReader(4)
    at_once.feed(whole)
    seen: list[bytes | None] = []
    for at in range(0, len(whole), size):
        in_pieces.feed(whole[at : at + size])
        seen += in_pieces.take()
    assert seen == at_once.take()


def test_what_tools_print_does_not_disturb_the_protocol(start: Callable[[], Child]) -> None:
    child = start()
    execute(child, "text(await tools.add({a: 1, b: 2}))")
    assert answer(child)["id"] == 2
