"""The V8 library: mini-racer's C ABI, through ctypes. Nothing else loads it.

Theory, measured on mini-racer 0.14 (V8 14.4); what concerns one isolate stands in ``isolate.py``:

* V8 guards its code pages with memory protection keys, whose rights a thread inherits from its
  creator. A thread that is older than V8's initialisation crashes when it makes or frees an
  isolate. A worker therefore loads V8 before it has threads; in a process of others' making,
  where that cannot be promised, the keys are switched off (``shared_process``).
* V8 takes the seeds of each isolate from ``/dev/urandom``, and from the clock where there is none,
  as in a worker's cage: two isolates made in the same microsecond would have the same
  ``Math.random``. So it is given a source of its own, which needs no file.
* Functions that only schedule, allocate or look are called with the GIL held (``PyDLL``): they
  take microseconds, hold no lock while they call back, and a thread that lets the GIL go gets it
  again only when another is done with it. (Nested calls: 190 instead of 205 us on a busy machine.)
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import importlib.util
import itertools
import os
import re
import sys
import threading
import time
import types
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..errors import EngineError, EngineMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SET_ENTROPY_SOURCE: Final = "_ZN2v82V816SetEntropySourceEPFbPhmE"
"""``v8::V8::SetEntropySource(bool (*)(unsigned char*, size_t))``, which has no C function."""

_GET_CURRENT: Final = "_ZN2v87Isolate10GetCurrentEv"
_TERMINATE_EXECUTION: Final = "_ZN2v87Isolate18TerminateExecutionEv"
"""``static Isolate* v8::Isolate::GetCurrent()`` and ``void v8::Isolate::TerminateExecution()``."""

PARTS: Final = ("errors", "media", "waiting")
"""Files of the prelude that an isolate asks for when it needs them."""

KINDS: Final = 8
"""A callback's id is the number of its isolate times this, and its kind."""

LEAVE_SECONDS: Final = 0.3
"""How long an ending interpreter waits for isolates that nobody has closed."""

_NEEDED: Final = (
    "mr_init_v8 mr_init_context mr_free_context mr_eval mr_call_function mr_make_js_callback"
    " mr_alloc_string_val mr_free_value mr_cancel_task mr_set_hard_memory_limit"
    " mr_hard_memory_limit_reached mr_v8_version"
).split()
_QUICK: Final = (
    "mr_eval",
    "mr_call_function",
    "mr_alloc_string_val",
    "mr_free_value",
    "mr_hard_memory_limit_reached",
)
"""Functions that never wait for an isolate."""


@contextmanager
def _binding() -> Iterator[Any]:
    """``py_mini_racer._dll`` without its package's ``__init__``, which loads asyncio.

    A worker needs the library and nothing else: 4 MB of private memory instead of 13. A bare
    package stands in while the one module is imported and looks for its files, and is taken out
    again.

    Raises:
        EngineMissingError: there is no such package.
    """
    name = "py_mini_racer"
    try:
        if name in sys.modules:
            yield importlib.import_module(f"{name}._dll")
            return
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise ImportError(f"no package {name}")  # noqa: TRY301
        bare = types.ModuleType(name)
        bare.__path__ = list(spec.submodule_search_locations)
        bare.__spec__ = spec
        sys.modules[name] = bare
        try:
            yield importlib.import_module(f"{name}._dll")
        finally:
            del sys.modules[name]
    except ImportError as error:
        raise EngineMissingError(
            f"V8 is missing: {error}. Install mini-racer>=0.14.1,<0.15."
        ) from error


class Member(Protocol):
    """An isolate, as the library knows it: ``made`` once it is complete."""

    made: bool

    def on_callback(self, kind: int, handle: Any) -> None:
        """A task of this kind has ended, or JavaScript calls; on the isolate's thread."""

    def free(self) -> None:
        """End whatever runs."""


class Library:
    """The loaded library, initialised once a process."""

    def __init__(self, flags: tuple[str, ...]) -> None:
        with _binding() as binding:
            dll = binding.init_mini_racer(flags=flags, ignore_duplicate_init=True)
        missing = [name for name in _NEEDED if not hasattr(dll, name)]
        if missing:
            raise EngineMissingError(
                f"the installed mini-racer lacks {', '.join(missing)}."
                " Install mini-racer>=0.14.1,<0.15."
            )
        self.dll: Any = dll
        self.quick = _holding_gil(dll, _QUICK)
        self._isolates: dict[int, Member] = {}
        self._ids = itertools.count(1)
        self._leaving = False
        self._beginning = threading.Lock()
        self._has_begun = False
        atexit.register(self._leave)
        # One C callback for all isolates: they are told apart by the callback id, and making a
        # ctypes closure for each would cost more than the lookup.
        self.callback = binding.MR_CALLBACK(self._on_callback)
        self._entropy = _set_entropy_source(dll)
        self.current, self.terminate = _termination(dll)
        self.boot = _prelude_file("boot")
        self.parts = tuple(_prelude_file(name).decode().encode("utf-16-le") for name in PARTS)

    def context(self) -> int:
        """A new isolate with its thread and context; takes a millisecond.

        The first one makes what all share, and V8 checks that nobody does so at the same time: it
        aborts the process.
        """
        if not self._has_begun:
            with self._beginning:
                context: int = self.dll.mr_init_context(self.callback)
                self._has_begun = True
                return context
        return int(self.dll.mr_init_context(self.callback))

    def register(self, isolate: Member) -> int:
        """The number of ``isolate``, with which its callbacks find it."""
        if self._leaving:
            raise EngineError("the interpreter is ending")
        number = next(self._ids)
        self._isolates[number] = isolate
        return number

    def forget(self, number: int) -> None:
        """It is freed."""
        self._isolates.pop(number, None)

    def _leave(self) -> None:
        """End what runs before the interpreter does: a callback into an interpreter that is being
        torn down unwinds a C++ thread, which aborts the process. What V8 cannot interrupt calls
        nobody either, and is left."""
        self._leaving = True
        deadline = time.monotonic() + LEAVE_SECONDS
        isolates = list(self._isolates.values())
        while not all(isolate.made for isolate in isolates) and time.monotonic() < deadline:
            time.sleep(0.001)  # those in the making take 2 ms
        threads = [
            threading.Thread(target=isolate.free, daemon=True)
            for isolate in isolates
            if isolate.made
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _on_callback(self, callback_id: int, handle: Any) -> None:
        number, kind = divmod(callback_id, KINDS)
        isolate = self._isolates.get(number)
        if isolate is None:  # freed meanwhile: its values went with it
            return
        isolate.on_callback(kind, handle)


def _prelude_file(name: str) -> bytes:
    """A file of the prelude without the lines that are comments: V8 takes a while to skip them."""
    text = resources.files(__package__).joinpath("prelude", f"{name}.js").read_bytes()
    return re.sub(rb"(?m)^ *// .*\n|^ *//\n", b"", text)


def _set_entropy_source(dll: Any) -> Any:
    """Let V8 ask us for randomness; what must live as long as V8 does. None if V8 cannot be told."""
    function = getattr(dll, _SET_ENTROPY_SOURCE, None)
    if function is None:
        return None

    def fill(address: int, size: int) -> int:
        ctypes.memmove(address, os.urandom(size), size)
        return 1

    callback = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)(fill)
    function.argtypes, function.restype = (type(callback),), None
    function(callback)
    return callback


def _termination(dll: Any) -> tuple[Callable[[], int | None], Callable[[int], None] | None]:
    """What tells a thread's isolate, and what terminates its script; None if nothing does."""
    current, terminate = getattr(dll, _GET_CURRENT, None), getattr(dll, _TERMINATE_EXECUTION, None)
    if current is None or terminate is None:
        return lambda: None, None
    current.argtypes, current.restype = (), ctypes.c_void_p
    terminate.argtypes, terminate.restype = (ctypes.c_void_p,), None
    return current, terminate


def _holding_gil(dll: Any, names: tuple[str, ...]) -> Any:
    """The same library with these functions called without letting the GIL go."""
    quick = ctypes.PyDLL(dll._name, handle=dll._handle)
    for name in names:
        function, same = getattr(quick, name), getattr(dll, name)
        function.argtypes, function.restype = same.argtypes, same.restype
    return quick


_LANGUAGE: Final = ("--no-harmony-temporal", "--js-upsert")
"""The reference host's JavaScript has no Temporal, and Map.prototype.getOrInsert."""

_MEMORY: Final = ("--no-memory-pool-share-memory-on-teardown",)
"""The pages of an isolate go back to the system with it. V8 would keep them for the next one, until a
task that never runs here: a worker stayed as large as its largest cells."""

_library: Library | None = None
_library_lock = threading.Lock()


def load(*, shared_process: bool = False) -> Library:
    """Load and initialise V8, once; later calls are free and change nothing.

    Args:
        shared_process: other code may have started threads before; see the head of this file.

    Raises:
        EngineMissingError: the library is absent or lacks functions.
    """
    global _library
    with _library_lock:
        if _library is None:
            keys = ("--no-memory-protection-keys",) if shared_process else ()
            _library = Library(("--single-threaded", *_LANGUAGE, *_MEMORY, *keys))
        return _library


def version() -> str:
    """The version of V8, as ``14.4.258.16``."""
    return str(load().dll.mr_v8_version().decode())
