"""The generated parts of ``docs/limits.md``: ``python -m tests.docs.limits`` renews them.

Name, unit, default and text of a limit come from ``limits.py``; what is added here - what it
bounds, where, and the test in which it fires - is held to the code by ``test_limits``.
"""

import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from codemode.limits import Limits, amount
from codemode.process_limits import ProcessLimits

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "limits.md"

_BLOCK = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


class Place(NamedTuple):
    """What a limit bounds, the files under src/codemode that see to it, and the test in which it fires."""

    bounds: str
    files: tuple[str, ...]
    test: str


FIRES: Final = "tests/test_limits_in_force.py::"
FAILS: Final = FIRES + "test_a_cell_over_its_limit_fails_and_the_next_one_runs"

PLACES: Final[dict[str, Place]] = {
    "source_bytes": Place(
        "the program given to exec", ("sessions/checks.py",), f"{FAILS}[source_bytes]"
    ),
    "heap_bytes": Place(
        "one cell's JavaScript heap",
        ("engine/worker_connection.py", "engine/worker/cell.cc"),
        f"{FAILS}[heap_bytes]",
    ),
    "worker_memory_bytes": Place(
        "what a worker takes beyond what it needs empty",
        ("engine/worker_connection.py",),
        f"{FAILS}[worker_memory_bytes]",
    ),
    "compute_ms": Place(
        "one stretch of JavaScript without a pause",
        ("runtime/macrotasks.py",),
        f"{FAILS}[compute_ms]",
    ),
    "output_bytes": Place(
        "what a cell has written and nobody has been given",
        ("runtime/script.py",),
        f"{FAILS}[output_bytes]",
    ),
    "output_tokens": Place(
        "what a model reads of one observation, unless it asks for another budget",
        ("application/results.py",),
        FIRES + "test_output_over_output_tokens_is_cut",
    ),
    "value_bytes": Place(
        "one text, argument, tool result or stored value",
        ("engine/prelude/core.js", "engine/worker_connection.py", "sessions/call_values.py"),
        f"{FAILS}[value_bytes]",
    ),
    "value_members": Place(
        "members of one argument, at all levels together",
        ("sessions/call_values.py",),
        f"{FAILS}[value_members]",
    ),
    "stored_bytes": Place(
        "all stored values of a session, also uncommitted ones",
        ("runtime/script.py", "runtime/session.py"),
        f"{FAILS}[stored_bytes]",
    ),
    "live_cells": Place(
        "cells of a session that are not over",
        ("sessions/checks.py",),
        FIRES + "test_a_cell_beyond_live_cells_is_refused_until_there_is_room",
    ),
    "held_bytes": Place(
        "what all cells of a session have said and nobody has taken",
        ("runtime/cells.py",),
        FIRES + "test_cells_that_nobody_observes_wait_when_a_session_holds_held_bytes",
    ),
    "timers": Place(
        "timers of a cell that are not due",
        ("engine/prelude/waiting.js", "runtime/macrotasks.py"),
        f"{FAILS}[timers]",
    ),
    "tool_calls": Place(
        "calls of a cell in its whole life",
        ("engine/prelude/program.js", "runtime/script.py"),
        f"{FAILS}[tool_calls]",
    ),
    "concurrent_tool_calls": Place(
        "tools that run for a cell at once",
        ("sessions/calls.py",),
        FIRES + "test_calls_beyond_concurrent_tool_calls_wait_their_turn",
    ),
    "queued_notifications": Place(
        "notifications that the application has not dealt with",
        ("runtime/callbacks.py",),
        FIRES + "test_a_cell_beyond_queued_notifications_waits",
    ),
    "callback_grace_ms": Place(
        "how long cancelled tools and notifications may take to end, together",
        ("sessions/calls.py",),
        FIRES + "test_a_callback_beyond_callback_grace_ms_is_dropped",
    ),
    "termination_ms": Place(
        "how long V8 may take to give up a cell",
        ("engine/worker_cell.py",),
        FIRES + "test_a_cell_that_takes_longer_than_termination_ms_costs_its_worker",
    ),
    "unobserved_ms": Place(
        "the life of a cell that nobody waits for",
        ("runtime/cell.py",),
        FIRES + "test_a_cell_that_nobody_observes_for_unobserved_ms_is_ended",
    ),
    "result_kept_ms": Place(
        "how long it is remembered how a cell ended",
        ("sessions/ends.py",),
        FIRES + "test_the_end_of_a_cell_is_forgotten_after_result_kept_ms",
    ),
    "min_yield_time_ms": Place(
        "the yield time that a model asks for, from below",
        ("application/model_tools.py",),
        FIRES + "test_a_model_waits_for_min_yield_time_ms_at_least",
    ),
    "max_yield_time_ms": Place(
        "one observation, whatever was asked for",
        ("runtime/session.py",),
        FIRES + "test_an_observation_ends_after_max_yield_time_ms",
    ),
}


SHARED: Final = "tests/test_process_limits.py::"

PROCESS_PLACES: Final[dict[str, Place]] = {
    "tool_threads": Place(
        "threads of sync tools, at work and of cancelled calls that have not returned, also of closed sessions; an"
        " owner (`caller`, else the session) may have as many as are left for the others",
        ("tools/threads.py",),
        SHARED
        + "test_the_owner_of_stuck_threads_is_refused_first_also_when_his_sessions_are_closed",
    ),
    "workers": Place(
        "worker processes; one that rests makes room, then an exec waits for 10 s, then it is refused",
        ("engine/supply.py",),
        SHARED + "test_where_all_workers_are_in_use_an_exec_waits_and_is_then_refused",
    ),
    "zygotes": Place(
        "processes that fork workers: one for each event loop, and those that are being replaced",
        ("engine/zygotes.py",),
        SHARED + "test_a_zygote_beyond_zygotes_is_refused",
    ),
    "descriptors": Place(
        "descriptors with which no worker is started any more; by default 7/8 of what the system allows",
        ("process_ledger.py",),
        SHARED + "test_no_worker_is_started_that_leaves_the_application_too_few_descriptors",
    ),
}


class Bound(NamedTuple):
    """A bound that is not for the application to choose: where it stands, and what happens there."""

    module: str
    name: str
    unit: str
    bounds: str
    then: str


FIXED: Final = (
    Bound("protocol.frames", "MAX_FRAME_BYTES", "bytes", "a frame of V1", "a read ends the connection, a write fails that message"),
    Bound("protocol.v1", "PART_BYTES", "bytes", "stored values in one message", "the rest comes in the next"),
    Bound("host.sessions", "OPEN_SESSIONS", "sessions", "sessions that are open at a host", "the opening is refused"),
    Bound("host.cells", "ACTIVE_CELLS", "cells", "live cells of a connection", "the execute is refused"),
    Bound("host.ceiling", "CELLS_OF_A_SESSION", "cells", "live cells of a session at the host", "the execute is refused"),
    Bound("host.connection", "IN_FLIGHT_REQUESTS", "requests", "unanswered requests of a connection", "the request is refused"),
    Bound("host.connection", "RECENT_IDS", "ids", "ids remembered as used", "the oldest is forgotten"),
    Bound("host.callbacks", "PENDING_CALLBACKS", "callbacks", "unanswered callbacks", "the cell is held back"),
    Bound("host.callbacks", "MORE_PENDING_CALLBACKS", "callbacks", "the same with the capability for more", "the cell is held back"),
    Bound("host.pipes", "ROOM_BYTES", "bytes", "what a client has not read, before cells wait", "the cell is held back"),
    Bound("host.pipes", "CLOGGED_BYTES", "bytes", "what a client has not read, before it is not heard", "nothing more is read from it"),
    Bound("host.rpc.bounds", "SMALL_BYTES", "bytes", "a gRPC request with nothing but ids, names and numbers", "it is refused"),
    Bound("host.rpc.requests", "ENABLED_TOOLS", "tools", "tools of a cell at a gRPC host", "the execute is refused"),
    Bound("host.rpc.requests", "SCHEMA_MEMBERS", "members", "members of all their schemas", "the execute is refused"),
    Bound("host.rpc.stored", "VALUES", "values", "stored values in one request to restore them over gRPC", "it is refused"),
    Bound("host.ceiling", "LARGEST_HEAP_BYTES", "bytes", "the heap that a client may ask for", "it gets this much"),
    Bound("host.stdio", "SHUTDOWN_SECONDS", "s", "the end of a host", "its process ends, and its workers with it"),
    Bound("remote.connection", "OPEN_CALLBACKS", "callbacks", "callbacks that a host has open with a client", "more are refused"),
    Bound("remote.cells", "EARLY_MESSAGES", "messages", "messages about cells not announced yet", "callbacks are refused"),
    Bound("remote.outgoing", "MAX_DEPTH", "levels", "nesting of what is sent to a host", "the call is refused"),
    Bound("remote.process", "HANDSHAKE_SECONDS", "s", "the first answer of a host", "the host is ended"),
    Bound("remote.overtime", "START_SECONDS", "s", "the start of a cell at a host", "the host is given up"),
    Bound("remote.overtime", "TERMINATE_SECONDS", "s", "the end of a cell at a host", "the host is given up"),
    Bound("remote.overtime", "OBSERVE_SECONDS", "s", "an answer of a host after the time of the observation", "the host is given up"),
    Bound("remote.overtime", "READ_SECONDS", "s", "how long a host reads nothing", "the host is given up"),
    Bound("engine.wire", "MAX_FROM_WORKER", "bytes", "a frame from a worker", "the worker is killed"),
    Bound("engine.wire", "WINDOW_BYTES", "bytes", "records of a cell that are not dealt with", "its thread waits"),
    Bound("engine.records", "SLACK_BYTES", "bytes", "what may come beyond that", "the worker is killed"),
    Bound("engine.records", "RECORD_OVERHEAD", "bytes", "a record beyond its value", "the worker is killed"),
    Bound("engine.records", "EACH_PART_BYTES", "bytes", "what each piece of a record counts besides its text", "it counts towards the record's bound"),
    Bound("engine.spawners", "START_SECONDS", "s", "the start of the first worker, of three tries", "the exec fails"),
    Bound("engine.spawners", "FORK_SECONDS", "s", "the start of another", "another zygote is begun beside the first"),
    Bound("engine.worker_connection", "ANSWER_SECONDS", "s", "a worker that is asked and says nothing", "the worker is killed"),
    Bound("engine.worker_connection", "IDLE_SECONDS", "s", "a worker without a cell", "it is ended; the next cell gets another"),
    Bound("engine.worker_connection", "IDLE_WORKERS", "workers", "workers without a cell, of all sessions of an engine", "the one that has rested longest is ended"),
    Bound("engine.worker_connection", "UNREAD_SECONDS", "s", "a worker that reads nothing of what is sent to it", "the worker is killed"),
    Bound("sessions.calls", "NOTIFICATIONS_AT_ONCE", "notifications", "notifications delivered at once", "more wait their turn"),
    Bound("runtime.callbacks", "HELD_BYTES", "bytes", "arguments and texts of a cell's callbacks", "the cell is held back"),
    Bound("application.event_queue", "MOST_EVENTS", "events", "events of a followed cell that are not taken", "its calls and notifications wait"),
    Bound("application.activity", "KEPT_BYTES", "bytes", "nested calls that have ended and no result has told of", "a cell forgets its oldest ones"),
    Bound("application.activity", "ERROR_CHARACTERS", "characters", "the error of a nested call in a result", "the rest is left out"),
    Bound("application.following", "CLOSE_SECONDS", "s", "the end of a followed cell that is over, or not wanted any more", "it is left, with a warning"),
    Bound("cli.media", "WRITTEN_BYTES", "bytes", "images and sounds that one run writes to files", "no more are written, with a warning"),
    Bound("tools.result", "MAX_DEPTH", "levels", "nesting of a tool's result", "the call fails"),
    Bound("tools.result", "RESULT_MEMBERS", "members", "the members of a Python tool's result", "the call fails"),
    Bound("tools.result", "RESULT_BYTES", "bytes", "the texts of a Python tool's result", "the call fails"),
    Bound("tools.mcp.message", "MESSAGE_BYTES", "bytes", "a message of an MCP server", "the call fails"),
    Bound("tools.mcp.message", "ANSWER_MEMBERS", "members", "the members of its answer", "the call fails"),
    Bound("tools.mcp.message", "NOTICE_MEMBERS", "members", "the members of what it sends unasked", "it is passed over"),
    Bound("tools.mcp.opening", "LIMIT_S", "s", "the start of an MCP server, whoever waits for it", "it is ended, and tried again later"),
    Bound("tools.mcp.connection", "PING_SECONDS", "s", "a server that is asked whether it knows the session", "another session is begun"),
    Bound("tools.problems", "MAX_PROBLEMS", "problems", "what is wrong with the arguments of a call, as it is told", "problems are only counted"),
    Bound("tools.big_integers", "MAX_BIG_INTEGERS", "values", "values looked at for the digits of big integers", "digits stay a string"),
    Bound("tools.result", "RESULT_MEMBERS", "members", "the members of a Python tool's result", "the call fails"),
    Bound("tools.result", "RESULT_BYTES", "bytes", "the texts of a Python tool's result", "the call fails"),
    Bound("tools.arguments", "MAX_PATHS", "bytes", "the paths to all members of arguments", "the call fails"),
    Bound("surface.source", "PRAGMA_CHARACTERS", "characters", "a pragma", "the exec is refused"),
    Bound("surface.wav", "CHUNKS", "chunks", "chunks of a sound that are looked through for its length", "it costs as its text does"),
    Bound("surface.strict_json", "DEPTH", "levels", "nesting of a pragma", "the exec is refused"),
    Bound("surface.schema_reader", "TEXT_BYTES", "bytes", "a type shown to a model", "its largest parts are `unknown`"),
    Bound("surface.schema_reader", "ELEMENTS", "elements", "what is read of a schema", "its largest parts are `unknown`"),
    Bound("surface.typescript", "EXPANSIONS", "references", "references written out in a type that stands alone", "further ones are `unknown`"),
    Bound("surface.schema_reader", "LEVELS", "levels", "nesting of a schema", "what is deeper is `unknown`"),
    Bound("surface.hints", "EVIDENCE_CHARACTERS", "characters", "source searched for a hint", "the rest is not searched"),
    Bound("surface.hints", "ERROR_CHARACTERS", "characters", "an error text read for a hint", "the rest is not read"),
)  # fmt: skip


def renewed(page: str) -> str:
    """The page with every generated block as it should be."""
    made = {"limits": _limits, "process": _process, "texts": _texts, "bounds": _bounds}
    return _BLOCK.sub(lambda block: f"{block[1]}{made[block[2]]()}\n{block[3]}", page)


def _limits() -> str:
    rows = []
    for limit in fields(Limits):
        place = PLACES[limit.name]
        off = "yes" if limit.metadata["optional"] else ""
        files = ", ".join(f"`{name}`" for name in place.files)
        test = f"`{place.test.removeprefix(FIRES)}`"
        shown = _shown(getattr(Limits(), limit.name), limit.metadata["unit"])
        rows.append(f"| `{limit.name}` | {shown} | {off} | {place.bounds} | {files} | {test} |")
    head = "| limit | default | off | bounds | enforced in | fires in |\n|---|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _process() -> str:
    rows = []
    for limit in fields(ProcessLimits):
        place = PROCESS_PLACES[limit.name]
        files = ", ".join(f"`{name}`" for name in place.files)
        shown = _shown(getattr(ProcessLimits(), limit.name), limit.metadata["unit"])
        shown = "7/8 of `ulimit -n`" if limit.name == "descriptors" else shown
        test = f"`{place.test.removeprefix(SHARED)}`"
        rows.append(f"| `{limit.name}` | {shown} | {place.bounds} | {files} | {test} |")
    head = "| limit | default | bounds | enforced in | fires in |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _texts() -> str:
    return "\n\n".join(f"```text\n{_text(limit.name)}\n```" for limit in fields(Limits))


def _text(name: str) -> str:
    limits: Any = {"max_yield_time_ms": 60_000} if name == "max_yield_time_ms" else {}
    return Limits(**limits).message(name, what="a value").replace("too large", "…")


def _bounds() -> str:
    rows = []
    for bound in FIXED:
        value = getattr(import_module(f"codemode.{bound.module}"), bound.name)
        where = f"`{bound.module.replace('.', '/')}.py` `{bound.name}`"
        rows.append(f"| {bound.bounds} | {_shown(value, bound.unit)} | {bound.then} | {where} |")
    head = "| bounds | value | beyond it | where |\n|---|---|---|---|"
    return "\n".join([head, *rows])


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    return f"{value:g} s" if unit == "s" else amount(int(value), unit)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
