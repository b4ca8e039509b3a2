"""A recording as spans, sent to an OTLP receiver over HTTP: what :mod:`codemode.trace.otel` would have made of it live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from ..errors import UsageError
from .otel import OpenTelemetrySink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from .events import Content, TraceEvent

BATCH: Final = 500
"""Spans in one request."""

SECONDS: Final = 10
"""How long the receiver may take for one, its being tried again included."""

PATH: Final = "/v1/traces"


def export_otlp(
    events: Iterable[TraceEvent],
    read: Callable[[Content | None], str | None],
    url: str,
    *,
    contents: bool = False,
) -> int:
    """Send a recording; how many spans it was.

    Args:
        events: in order. What is still open at their end is no span, and not sent.
        read: gives the text of a content.
        url: of the receiver; without a path it is that of OTLP, ``/v1/traces``.
        contents: whether programs, arguments, results and errors are sent, too.

    Raises:
        UsageError: this is no URL, or the receiver does not take them.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url!r} is no URL of a receiver\nHint: --otlp http://127.0.0.1:4318")
    endpoint = url if parts.path.strip("/") else url.rstrip("/") + PATH
    sending = _Sending(OTLPSpanExporter(endpoint=endpoint, timeout=SECONDS), endpoint)
    provider = TracerProvider(
        resource=Resource.create({"service.name": "codemode"}), shutdown_on_exit=False
    )
    provider.add_span_processor(sending)
    sink = OpenTelemetrySink(
        contents=contents, tracer_provider=provider, meter_provider=NoOpMeterProvider()
    )
    try:
        for event in events:
            sink(_with_texts(event, read) if contents else event)
            sending.send_full()
        sending.send()
    finally:
        provider.shutdown()
    return sending.sent


class _Sending(SpanProcessor):
    """Keeps spans as they end, and sends them in batches: none is dropped without a word."""

    def __init__(self, exporter: SpanExporter, endpoint: str) -> None:
        self._exporter = exporter
        self._endpoint = endpoint
        self._ended: list[ReadableSpan] = []
        self.sent = 0

    def on_end(self, span: ReadableSpan) -> None:
        self._ended.append(span)

    def send_full(self) -> None:
        """Send a batch, if there is one."""
        if len(self._ended) >= BATCH:
            self.send()

    def send(self) -> None:
        """Send what there is.

        Raises:
            UsageError: the receiver does not take it.
        """
        if not self._ended:
            return
        if self._exporter.export(self._ended) is not SpanExportResult.SUCCESS:
            raise UsageError(
                f"the receiver at {self._endpoint} does not take spans"
                "\\nHint: does it speak OTLP over HTTP, on this port?"
            )
        self.sent += len(self._ended)
        self._ended.clear()

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _with_texts(event: TraceEvent, read: Callable[[Content | None], str | None]) -> TraceEvent:
    """The event with its payloads in it."""
    changes = {
        name: msgspec.structs.replace(told, text=read(told))
        for name in event.__struct_fields__
        if hasattr(told := getattr(event, name), "digest") and not isinstance(told, str)
    }
    return msgspec.structs.replace(event, **changes) if changes else event
