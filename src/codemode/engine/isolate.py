"""One V8 isolate: a heap, a thread of its own, and the prelude in it.

Theory, measured on mini-racer 0.14 (V8 14.4):

* A *context* is an isolate with a thread of its own. ``mr_eval`` and ``mr_call_function`` only
  schedule a task on that thread; the outcome comes to one C callback, on that thread, with the
  GIL taken. Inside the callback nothing may wait for the isolate: no ``mr_eval``-and-wait, no
  ``mr_free_context``. Scheduling, ``mr_alloc_*`` and ``mr_free_value`` are safe there.
* **The microtasks of a task run after its outcome was delivered.** So a turn is two tasks: one
  that delivers a message, and behind it an empty one, by whose time nothing runnable is left.
  The first turn is four: the settings, the program's text, which V8 evaluates as a script of its
  own to a function, a task that calls the function, and the empty one. The callback that gets
  the function schedules the last two.
* ``mr_cancel_task`` does not stop a loop in a microtask. ``mr_free_context`` stops everything
  that V8 can interrupt and joins the thread; what V8 cannot interrupt ends with the process.
* Values leave JavaScript only as UTF-16 text in one ``ArrayBuffer`` per isolate, whose address
  we know (see ``prelude/boot.js``). The callback's own arguments are never read: their handles can
  be opened by the isolate's thread alone, and converting them has hung callers.
* The memory limit of the ABI is a GC callback that terminates the script: it sees the heap, not
  array buffers. Those are bounded by the process (``worker.py``).
* A call into the library by context number holds a reference to the context while it lasts. Had
  ``mr_free_context`` the misfortune to run meanwhile, the caller would drop the last reference
  and so tear the isolate down on its own thread: a deadlock if that is the isolate's. Hence
  ``_guard``: no call begins once freeing has, and freeing waits for those that have begun.
* ``mr_free_context`` takes the context away and then waits for the isolate's thread: a task that
  has just begun there and has not yet looked for the context crashes the process (once in 50,000
  programs that were ended as they began, on a busy machine). So nothing may be under way when it
  is called: what has not begun is cancelled, what runs is terminated, and each is waited for.
"""

from __future__ import annotations

import ctypes
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from ..errors import EngineError
from .v8 import KINDS, load

if TYPE_CHECKING:
    from collections.abc import Callable

BUFFER_UNITS: Final = 32 * 1024
"""Size of the shared buffer in UTF-16 code units, header included. boot.js allocates it."""

HEADER_UNITS: Final = 8
"""Four 32-bit words: units written, why JavaScript calls, units answered, more to come."""

ANSWER_BYTES: Final = 2 * (BUFFER_UNITS - HEADER_UNITS)
"""How much of an answer fits into the buffer at once."""

SETUP_SECONDS: Final = 5.0
"""An isolate is ready after 2 ms; one that is not by now never will be."""

AGAIN_SECONDS: Final = 0.002
"""How soon to terminate again what goes on, and then ever later: after a task, its microtasks are a
script of their own."""

UNDER_WAY_SECONDS: Final = 0.1
"""How long to wait for what is under way where V8 cannot be told to terminate: a loop in a microtask
never ends by itself, but then nothing has just begun either."""

_STRING, _FUNCTION, _ARRAY, _ARRAY_BUFFER = 5, 100, 6, 102
_SETUP, _SCRIPT_CALL, _TURN, _IDLE, _PROGRAM = range(5)
_FAILURES: Final = {200: "exception", 201: "syntax error", 202: "out of memory", 204: "terminated"}


class _SilentError(EngineError):
    """An isolate's thread did not answer: there was no memory even to say so."""


class Isolate:
    """One V8 heap and thread, with the prelude installed and nothing of a script run yet.

    Making one takes about 2 ms and blocks. ``on_call`` is called on the isolate's thread each
    time JavaScript calls the host; ``on_idle`` after each message, when nothing runnable is
    left, with whether the heap limit was hit; ``on_broken`` instead, with V8's words, if the
    prelude could not say so.
    """

    def __init__(self) -> None:
        self.on_call: Callable[[], None] = _ignore
        self.on_idle: Callable[[bool], None] = _ignore_flag
        self.on_broken: Callable[[str], None] = _ignore_text
        self._library = load()
        self._dll = self._library.dll
        self._quick = self._library.quick
        self.made = False
        self._number = self._library.register(self)
        self._setup: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._free_lock = threading.Lock()
        self._guard = threading.Lock()
        self._freed = False
        self._under_way: deque[int] = deque()  # tasks that have not ended, in order
        self._all_ended = threading.Condition(self._guard)
        self._isolate: int | None = None
        self._check: Callable[[], bytes] = bytes
        self._context = self._library.context()
        try:
            self._install()
        except _SilentError:  # its thread answers nobody: freeing it would wait for ever
            raise
        except BaseException:
            self.free()
            raise
        self.made = True

    def _install(self) -> None:
        host = self._dll.mr_make_js_callback(self._context, self._id(_SCRIPT_CALL))
        with self._guard:
            self._schedule_eval(self._library.boot, _SETUP)
            self._schedule_eval(b"[]", _SETUP)
        self._entry = self._expect(_FUNCTION)
        self._no_arguments = self._expect(_ARRAY)
        with self._guard:
            self._call(host, _SETUP)
        buffer = self._expect(_ARRAY_BUFFER)
        if buffer.contents.len != 2 * BUFFER_UNITS:
            raise EngineError("the prelude's buffer has the wrong size")
        self._host = host
        self._address: int = buffer.contents.value.value_ptr
        self._words = (ctypes.c_int32 * 4).from_address(self._address)

    def limit_heap(self, size: int) -> None:
        """Stop the script when its heap exceeds ``size`` bytes after a collection."""
        self._quick.mr_set_hard_memory_limit(self._context, size)

    def start(self, head: bytes, script: bytes | None, check: Callable[[], bytes]) -> None:
        """Schedule the first turn of a program; see ``Program``. Any thread may call."""
        with self._guard:
            if self._freed:
                return
            self._deliver(head)
            self._check = check
            if script is None:
                self._refuse()
            else:
                self._schedule_eval(script, _PROGRAM)

    def send(self, message: bytes) -> None:
        """Schedule a turn: deliver ``message`` (UTF-8), then report idle. Any thread may call."""
        with self._guard:
            if self._freed:
                return
            self._deliver(message)
            self._call(self._host, _IDLE)

    def part(self, number: int) -> bytes:
        """A further file of the prelude, as UTF-16."""
        return self._library.parts[number]

    @property
    def reason(self) -> int:
        """Why JavaScript calls the host now (word 1 of the header)."""
        return self._words[1]

    def take(self, start: int) -> bytes:
        """The records written since unit ``start``, as UTF-16; any thread may look, any time."""
        with self._guard:
            if self._freed:  # and so is the buffer
                return b""
            end = min(self._words[0], BUFFER_UNITS)
            if end <= start:
                return b""
            return ctypes.string_at(self._address + 2 * start, 2 * (end - start))

    def rewind(self) -> None:
        """Let JavaScript write from the beginning again; only while it waits in a call."""
        self._words[0] = HEADER_UNITS

    def answer(self, chunk: bytes, *, more: bool) -> None:
        """Write a UTF-16 answer, at most ``ANSWER_BYTES``; only while JavaScript waits."""
        ctypes.memmove(self._address + 2 * HEADER_UNITS, chunk, len(chunk))
        self._words[2] = len(chunk) // 2
        self._words[3] = int(more)

    def answer_missing(self) -> None:
        """Answer that there is no value."""
        self._words[2] = -1

    def free(self) -> None:
        """Terminate whatever runs and release everything. Blocks until V8 obeys; idempotent.

        Must not be called on the isolate's own thread.
        """
        with self._free_lock:  # whoever comes second waits until it is done
            with self._guard:
                if self._freed:
                    return
                self._freed = True
                self._end_what_is_under_way()
            self._dll.mr_free_context(self._context)
            self._library.forget(self._number)

    def on_callback(self, kind: int, handle: Any) -> None:
        """A task has ended or JavaScript calls; runs on the isolate's thread."""
        exhausted, broken = False, ""
        with self._guard:
            if kind != _SCRIPT_CALL:
                self._under_way.popleft()
            if self._freed:  # the handle goes with the context
                self._all_ended.notify()
                return
            if kind == _SETUP:
                self._isolate = self._library.current()
                self._setup.put(handle)
                return
            if kind == _IDLE:
                exhausted = self._quick.mr_hard_memory_limit_reached(self._context)
                broken = "" if exhausted else _failure(handle.contents)
            elif kind == _PROGRAM:
                if handle.contents.type == _FUNCTION:
                    self._call(handle, _TURN)
                    self._call(self._host, _IDLE)
                else:
                    self._refuse()
            self._quick.mr_free_value(self._context, handle)
        if kind == _SCRIPT_CALL:
            self.on_call()
        elif broken:
            self.on_broken(broken)
        elif kind == _IDLE:
            self.on_idle(exhausted)

    def _end_what_is_under_way(self) -> None:
        """Wait for it; see the head of this file."""
        for task in reversed(self._under_way):  # so that none begins in the place of the one before
            self._dll.mr_cancel_task(self._context, task)
        terminate, isolate = self._library.terminate, self._isolate
        if terminate is None or isolate is None:
            self._all_ended.wait_for(lambda: not self._under_way, UNDER_WAY_SECONDS)
            return
        delay = AGAIN_SECONDS
        while self._under_way:
            terminate(isolate)
            self._all_ended.wait(delay)
            delay = min(2 * delay, 0.05)

    def _id(self, kind: int) -> int:
        return self._number * KINDS + kind

    def _refuse(self) -> None:
        """Schedule a turn that says why the source cannot be run."""
        self._deliver(self._check())
        self._call(self._host, _IDLE)

    def _deliver(self, message: bytes) -> None:
        text = self._quick.mr_alloc_string_val(self._context, message, len(message), _STRING)
        self._call(text, _TURN)
        # The scheduled task has its own reference to the text.
        self._quick.mr_free_value(self._context, text)

    def _schedule_eval(self, code: bytes, kind: int) -> None:
        text = self._quick.mr_alloc_string_val(self._context, code, len(code), _STRING)
        self._under_way.append(self._quick.mr_eval(self._context, text, self._id(kind)))
        self._quick.mr_free_value(self._context, text)

    def _call(self, this: Any, kind: int) -> None:
        task = self._quick.mr_call_function(
            self._context, self._entry, this, self._no_arguments, self._id(kind)
        )
        self._under_way.append(task)

    def _expect(self, kind: int) -> Any:
        try:
            handle = self._setup.get(timeout=SETUP_SECONDS)
        except queue.Empty:
            raise _SilentError(f"V8 made no isolate within {SETUP_SECONDS:g} s") from None
        value = handle.contents
        if value.type == kind:
            return handle
        raise EngineError(f"V8 could not install the prelude: {_failure(value) or value.type}")


def _failure(value: Any) -> str:
    """What V8 says of a task that failed; nothing if it did not."""
    if value.type not in _FAILURES:
        return ""
    text: bytes = ctypes.string_at(value.value.value_ptr, min(value.len, 4096))
    return f"{_FAILURES[value.type]} {text.decode(errors='replace')}"


def _ignore() -> None:
    pass


def _ignore_text(_: str, /) -> None:
    pass


def _ignore_flag(_: bool, /) -> None:  # noqa: FBT001 - the shape of on_idle
    pass
