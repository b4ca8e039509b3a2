"""Spans and metrics of real sessions, as the OpenTelemetry SDK receives them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from codemode import CodeMode, Limits, ToolError
from codemode.trace.otel import OpenTelemetrySink
from codemode.trace.sinks import Tee


class Receiver:
    """An SDK in this process, and the sink that tells it."""

    def __init__(self, *, contents: bool = False) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.metrics = InMemoryMetricReader()
        meters = MeterProvider(metric_readers=[self.metrics])
        self.sink = OpenTelemetrySink(
            contents=contents, tracer_provider=self.provider, meter_provider=meters
        )

    def spans(self) -> dict[str, ReadableSpan]:
        """The spans that have ended, by name."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def numbers(self, name: str) -> list[Any]:
        """The points of a metric."""
        data = self.metrics.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    span_id: int = span.context.span_id
    return span_id


async def test_spans_form_the_tree_of_what_caused_what() -> None:
    receiver = Receiver()
    tracer = receiver.provider.get_tracer("application")

    async def lookup() -> int:
        "A tool with a span of its own."
        with tracer.start_as_current_span("query"):
            return 1

    def in_thread() -> int:
        "The same, in a thread."
        with tracer.start_as_current_span("thread query"):
            return 1

    async with CodeMode(tools=[lookup, in_thread], trace=receiver.sink) as cm:
        with tracer.start_as_current_span("request"):
            await cm.exec("await tools.lookup({}); await tools.in_thread({})", call_id="call_1")
    spans = receiver.spans()

    parents = {
        "execute_tool exec": "request",
        "codemode.cell": "execute_tool exec",
        "execute_tool lookup": "codemode.cell",
        "execute_tool in_thread": "codemode.cell",
        "query": "execute_tool lookup",
        "thread query": "execute_tool in_thread",
    }
    assert {name: parent_of(spans[name]) for name in parents} == {
        name: id_of(spans[parent]) for name, parent in parents.items()
    }
    attributes = dict(spans["execute_tool exec"].attributes or {})
    assert attributes["gen_ai.operation.name"] == "execute_tool"
    assert (attributes["gen_ai.tool.name"], attributes["gen_ai.tool.call.id"]) == ("exec", "call_1")


async def test_a_wait_is_linked_to_the_cell_that_outlives_its_exec() -> None:
    receiver = Receiver()
    async with CodeMode(trace=receiver.sink) as cm:
        result = await cm.exec("yield_control(); await new Promise((go) => setTimeout(go, 20))")
        while result.running:
            result = await cm.wait(result)
    spans = receiver.spans()

    [link] = spans["execute_tool wait"].links
    assert link.context.span_id == id_of(spans["codemode.cell"])
    ends = [spans[name].end_time or 0 for name in ("execute_tool exec", "codemode.cell")]
    assert ends[0] < ends[1]


async def test_failures_have_a_type_and_no_text_unless_contents_are_asked_for() -> None:
    def fail(password: str) -> None:
        "Fails."
        raise ToolError(f"wrong {password}")

    program = "try { await tools.fail({password: 'p4ss'}) } catch {}"
    closed, opened = Receiver(), Receiver(contents=True)
    async with CodeMode(tools=[fail], trace=Tee(closed.sink, opened.sink)) as cm:
        await cm.exec(program)

    for receiver, said in ((closed, False), (opened, True)):
        span = receiver.spans()["execute_tool fail"]
        assert (span.attributes or {})["error.type"] == "failed"
        assert span.status.status_code is trace.StatusCode.ERROR
        everything = "".join(each.to_json() for each in receiver.exporter.get_finished_spans())
        assert ("p4ss" in everything) == said


async def test_a_session_that_closes_ends_every_span() -> None:
    receiver = Receiver()
    never = asyncio.Event()

    async def endless() -> None:
        "Never returns."
        await never.wait()

    async with CodeMode(tools=[endless], trace=receiver.sink) as cm:
        await cm.exec("await tools.endless({})", yield_time_ms=50)

    assert receiver.spans().keys() == {
        "execute_tool exec",
        "codemode.cell",
        "execute_tool endless",
    }


async def test_a_span_tells_what_its_call_waited_for_room() -> None:
    receiver = Receiver()

    async def first() -> None:
        "Lets the loop go round."
        await asyncio.sleep(0)

    limits = Limits(concurrent_tool_calls=1)
    async with CodeMode(tools=[first], limits=limits, trace=receiver.sink) as cm:
        await cm.exec("await Promise.all([tools.first({}), tools.first({})])")
    queued = [
        "codemode.call.queued_ms" in (span.attributes or {})
        for span in receiver.exporter.get_finished_spans()
        if span.name == "execute_tool first"
    ]

    assert queued == [False, True]


async def test_metrics_count_calls_live_cells_and_limits() -> None:
    receiver = Receiver()

    async def ok() -> int:
        "Works."
        return 1

    async with CodeMode(tools=[ok], trace=receiver.sink) as cm:
        await cm.exec("await tools.ok({}); await tools.ok({})")
        await cm.exec("const kept = []; for (;;) kept.push(new Array(1e6).fill(0.5));")

    counts = {
        (point.attributes["gen_ai.tool.name"], point.attributes["codemode.outcome"]): point.count
        for point in receiver.numbers("gen_ai.execute_tool.duration")
    }
    assert counts == {("exec", "completed"): 1, ("exec", "failed"): 1, ("ok", "ok"): 2}
    assert [point.value for point in receiver.numbers("codemode.cells.live")] == [0]
    [limit] = receiver.numbers("codemode.limits.reached")
    assert (limit.value, dict(limit.attributes)) == (1, {"codemode.limit": "heap_bytes"})


@pytest.mark.parametrize("users", [8])
async def test_each_request_has_its_own_tree(users: int) -> None:
    receiver = Receiver()
    tracer = receiver.provider.get_tracer("application")

    async def who() -> int:
        "Asks."
        await asyncio.sleep(0)
        return 1

    async with CodeMode(tools=[who], trace=receiver.sink) as cm:

        async def request(number: int) -> None:
            with tracer.start_as_current_span(f"request {number}"):
                await cm.exec("await Promise.all([tools.who({}), tools.who({})])")

        await asyncio.gather(*map(request, range(users)))
    by_trace: dict[int, list[str]] = {}
    for span in receiver.exporter.get_finished_spans():
        assert span.context is not None
        by_trace.setdefault(span.context.trace_id, []).append(span.name.split()[0])

    tree = ["codemode.cell", "execute_tool", "execute_tool", "execute_tool", "request"]
    assert [sorted(names) for names in by_trace.values()] == [tree] * users
