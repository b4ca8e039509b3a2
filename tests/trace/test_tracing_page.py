"""What ``docs/tracing.md`` shows runs as it stands there."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.pages import ROOT, programs_of

from .test_otlp import OtlpReceiver

PAGE = ROOT / "docs" / "tracing.md"
CHILD_SECONDS = 60


def printed(program: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, **variables},
        timeout=CHILD_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_function_gets_the_events_of_a_session() -> None:
    kinds = printed(programs_of(PAGE)[0]).split()

    assert kinds == [
        "ModelCallStartedEvent",
        "SessionOpenedEvent",
        "CellStartedEvent",
        "CallRequestedEvent",
        "CallEndedEvent",
        "CellOutputEvent",
        "CellRespondedEvent",
        "CellEndedEvent",
        "ModelCallEndedEvent",
        "SessionClosedEvent",
    ]


def test_the_set_up_of_opentelemetry_sends_spans_to_a_receiver() -> None:
    [program] = [each for each in programs_of(PAGE) if "OTLPSpanExporter" in each]
    receiver = OtlpReceiver()
    try:
        printed(program, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    finally:
        receiver.close()
    parents = {span.span_id: span.name for span in receiver.spans}

    assert {span.name: parents.get(span.parent_span_id) for span in receiver.spans} == {
        "request": None,
        "execute_tool exec": "request",
        "codemode.cell": "execute_tool exec",
        "execute_tool temperature": "codemode.cell",
    }
