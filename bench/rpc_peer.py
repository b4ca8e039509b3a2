"""A code-mode host over gRPC on loopback, and grpcio's synchronous client of it.

That client costs both hosts of a comparison the same, and more than the one for V1: a ratio over gRPC is nearer to
one than the hosts are to each other.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from itertools import count
from typing import Any

import grpc

from codemode.grpc import code_mode_pb2 as pb
from codemode.grpc.methods import methods

from .peer import Program
from .scenario import BenchError

_EXIT_SECONDS = 8.0
_MESSAGE_BYTES = 128 * 1024 * 1024
_ANSWER = pb.ToolCallSucceeded(output_json=b'{"i":1}')
_METHODS = methods(pb.DESCRIPTOR.services_by_name["CodeModeHost"])


class RpcPeer:
    """A running host and a connection to it with one session. Answers each call with ``{i: 1}``."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the host
        self._process = subprocess.Popen(
            [*command, "--listen", "grpc://127.0.0.1:0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._ids = count(1)
        self._channel: grpc.Channel | None = None
        self._answers: set[Any] = set()
        self.session_id = ""

    def kill(self) -> None:
        """End the host by force; whatever is read from it ends too."""
        self._process.kill()

    def close(self) -> None:
        """End the host by a signal, or by force."""
        if self._channel is not None:
            self._channel.close()
        self._process.terminate()
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def open(self) -> None:
        """Connect and open the session."""
        assert self._process.stdout is not None
        where = self._process.stdout.readline().decode().strip()
        if not where:
            raise BenchError("the host did not say where it listens")
        sizes = [(f"grpc.max_{way}_message_length", _MESSAGE_BYTES) for way in ("receive", "send")]
        self._channel = grpc.insecure_channel(
            where.removeprefix("http://"), options=[("grpc.use_local_subchannel_pool", 1), *sizes]
        )
        self._execute = self._method("Execute")
        self._complete = self._method("CompleteToolCall")
        self.session_id = self.open_session()
        calls = self._method("SubscribeToToolCalls")(
            pb.SubscribeToToolCallsRequest(session_id=self.session_id)
        )
        threading.Thread(target=self._serve, args=(calls,), daemon=True).start()

    def open_session(self) -> str:
        """Open a session that lasts as long as the connection; its name."""
        lease = self._method("OpenSession")(pb.OpenSessionRequest())
        session_id: str = next(lease).opened.session_id
        threading.Thread(target=_drain, args=(lease,), daemon=True).start()
        return session_id

    def exec(self, program: Program) -> float:
        """Run a program to its end; how many milliseconds that took."""
        request = self._request(program)
        began = time.perf_counter_ns()
        outcome = self._outcome(request)
        elapsed = (time.perf_counter_ns() - began) / 1e6
        _check(outcome, "completed")
        return elapsed

    def hold(self, program: Program, session_id: str | None = None) -> None:
        """Run a program to its first yield."""
        request = self._request(program)
        request.session_id = session_id or self.session_id
        _check(self._outcome(request), "yielded")

    def in_flight(self, program: Program, *, cells: int, at_once: int) -> float:
        """Run a program many times, so many at once; how many milliseconds a cell took."""
        requests = [self._request(program) for _ in range(cells)]

        def runner() -> None:
            while requests:
                try:
                    request = requests.pop()
                except IndexError:
                    return
                self._outcome(request)

        began = time.perf_counter_ns()
        runners = [threading.Thread(target=runner) for _ in range(at_once)]
        for each in runners:
            each.start()
        for each in runners:
            each.join()
        return (time.perf_counter_ns() - began) / 1e6 / cells

    def _outcome(self, request: pb.ExecuteRequest) -> pb.ExecutionOutcome:
        try:
            *_, last = self._execute(request)
        except (grpc.RpcError, ValueError) as error:
            raise BenchError(f"an execute failed: {error}") from None
        outcome: pb.ExecutionOutcome = last.outcome
        return outcome

    def _request(self, program: Program) -> pb.ExecuteRequest:
        tools = [
            pb.ToolDefinition(
                name=tool["name"],
                tool_name=pb.ToolName(name=tool["name"]),
                description=tool["description"],
                kind=pb.TOOL_KIND_FUNCTION,
            )
            for tool in program.tools
        ]
        return pb.ExecuteRequest(
            session_id=self.session_id,
            execution_id=f"bench-{next(self._ids)}",
            tool_call_id="bench",
            source=program.source,
            enabled_tools=tools,
            yield_time_ms=program.yield_time_ms,
        )

    def _serve(self, calls: Any) -> None:
        try:
            for call in calls:
                request = pb.CompleteToolCallRequest(
                    session_id=call.session_id, invocation_id=call.invocation_id, succeeded=_ANSWER
                )
                answer = self._complete.future(request)
                self._answers.add(answer)  # one that is forgotten is cancelled
                answer.add_done_callback(self._answers.discard)
        except (grpc.RpcError, ValueError):
            pass  # the connection is closed

    def _method(self, name: str) -> Any:
        method = _METHODS[name]
        assert self._channel is not None
        make: Any = self._channel.unary_stream if method.streams else self._channel.unary_unary
        return make(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )


def _drain(lease: Any) -> None:
    try:
        for _ in lease:
            pass
    except grpc.RpcError:
        pass  # the connection is closed


def _check(outcome: pb.ExecutionOutcome, wanted: str) -> None:
    if outcome.WhichOneof("outcome") != wanted or outcome.completed.error_text:
        raise BenchError(f"a program should have {wanted}: {str(outcome)[:300]}")
