"""The trace context of this moment, as headers for another process (W3C ``traceparent``, ``tracestate``, baggage)."""

from __future__ import annotations

import sys


def trace_headers() -> dict[str, str]:
    """Headers by lower-case name; none where this process does not use OpenTelemetry, or no span is current."""
    if "opentelemetry.trace" not in sys.modules:
        return {}  # no span can have been made
    from opentelemetry import propagate  # noqa: PLC0415 - an extra, which the application has loaded

    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers
