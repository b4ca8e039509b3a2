"""A recording is sent as spans to a receiver that speaks OTLP."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from codemode.cli import app

from .recordings import recordings


class OtlpReceiver:
    """Takes spans over HTTP, as a collector does."""

    def __init__(self, status: int = 200) -> None:
        self.spans: list[Span] = []
        self.paths: list[str] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.paths.append(self.path)
                if status == 200:
                    receiver.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Keep the spans of a request."""
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def close(self) -> None:
        """Take no more."""
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    made = OtlpReceiver()
    yield made
    made.close()


def export(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["trace", "export", *arguments])


def named(spans: list[Span], name: str) -> Span:
    return next(span for span in spans if span.name == name)


def test_every_span_of_a_recording_arrives_with_its_parent_and_its_times(
    receiver: OtlpReceiver,
) -> None:
    path = recordings()["programs"]
    run = export(str(path), "--otlp", receiver.url, "--json")

    assert (run.exit_code, run.stdout) == (0, f'{{"spans": {len(receiver.spans)}}}\n')
    assert set(receiver.paths) == {"/v1/traces"}
    names = sorted(span.name for span in receiver.spans)
    assert names == sorted(
        ["codemode.cell"] * 6
        + ["execute_tool exec"] * 7
        + ["execute_tool wait"] * 4
        + ["execute_tool echo"] * 4
        + ["execute_tool forever"] * 2
    )
    first = min(receiver.spans, key=lambda span: span.start_time_unix_nano)
    cell = next(span for span in receiver.spans if span.parent_span_id == first.span_id)
    call = next(span for span in receiver.spans if span.parent_span_id == cell.span_id)
    assert (first.name, cell.name, call.name) == (
        "execute_tool exec",
        "codemode.cell",
        "execute_tool echo",
    )
    assert first.start_time_unix_nano <= cell.start_time_unix_nano <= call.start_time_unix_nano
    assert call.end_time_unix_nano <= cell.end_time_unix_nano
    assert not any("arguments" in each.key for span in receiver.spans for each in span.attributes)


def test_contents_are_sent_where_they_are_asked_for(receiver: OtlpReceiver) -> None:
    export(str(recordings()["programs"]), "--otlp", receiver.url + "/v1/traces", "--contents")
    found = {each.key: each.value.string_value for each in _echo(receiver).attributes}

    assert found["gen_ai.tool.call.arguments"] == '{"value":"hi"}'
    assert found["gen_ai.tool.call.result"] == '"hi"'
    sources = [
        each.value.string_value
        for span in receiver.spans
        for each in span.attributes
        if each.key == "codemode.cell.source"
    ]
    assert any("Promise.allSettled" in source for source in sources)  # it stands in a payload


def _echo(receiver: OtlpReceiver) -> Span:
    spans = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    return named(spans, "execute_tool echo")


def test_a_receiver_that_takes_nothing_is_named() -> None:
    refusing = OtlpReceiver(status=400)
    try:
        run = export(str(recordings()["progress"]), "--otlp", refusing.url)
    finally:
        refusing.close()
    assert run.exit_code == 1
    assert f"the receiver at {refusing.url}/v1/traces does not take spans" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "say one of --codex SCHEMA and --otlp URL"),
        (("--codex", "2", "--otlp", "http://x"), "say one of --codex SCHEMA and --otlp URL"),
        (("--otlp", "127.0.0.1:4318"), "is no URL of a receiver"),
        (("--codex", "2", "--contents"), "--output goes with --codex, --contents with --otlp"),
    ],
)
def test_what_cannot_be_exported_is_told(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    run = export(str(recordings()["progress"]), *arguments)

    assert run.exit_code != 0
    assert words in run.stderr
    assert list(tmp_path.iterdir()) == []
