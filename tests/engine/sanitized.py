"""The worker under AddressSanitizer and UBSan: ``python -m tests.engine.sanitized``, which is ``make native-test``.

It is built anew with both, without its sandbox (the sanitizers read files when they report), and driven through programs
that touch each part of it: output of every size and kind, calls, timers, stored values, modules, errors, floods, endless
loops that are closed, a used-up heap, frames that break the protocol. A finding ends the worker with a report.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NoReturn

import build_worker
from codemode.engine.catalogue import Catalogue
from codemode.engine.installed import find
from codemode.engine.launching import setup
from codemode.engine.wire import HEADER, START_HEAD, FromWorker, ToWorker, frame, numbered
from codemode.engine.worker_connection import settings_of
from codemode.limits import MIB, Limits

SECONDS: Final = 120.0
CATALOGUE: Final = Catalogue.of([("echo", "Echo.")])
ENDS: Final = (FromWorker.CLOSED, FromWorker.HEAP, FromWorker.FAILED, FromWorker.MEMORY)

PROGRAMS: Final = (
    "text('x'); text('é'); text('€'); text('😀'); text('\\ud800'); text(''); text({a: [1, 'b']})",
    "text('x'.repeat(3e6)); text('é'.repeat(1e6)); text('€😀'.repeat(5e5) + '\\udc00'); text('x'.repeat(65530) + '€')",
    "store('k'.repeat(4e5), 1); store('a', {b: 1}); text(load('a')); text(load('none')); notify('n')",
    "text(await Promise.all(Array.from({length: 300}, (_, i) => tools.echo({i, s: 'x'.repeat(i * 10)}))))",
    "for (let i = 0; i < 20000; i++) text('item ' + i)",
    "setTimeout(() => text('late'), 1); await new Promise((r) => setTimeout(r, 2)); clearTimeout(setTimeout(text, 9))",
    "image('data:,x'); audio('data:,y'); content([{type: 'text', text: 'b'}]); try { image(1) } catch (e) { text(e) }",
    "import 'fs'",
    "await import('fs')",
    "const f = () => f(); try { f() } catch (e) { text(e.name) } throw new AggregateError([new Error('a')], 'm')",
    "for await (const r of as_settled([1, Promise.reject(2)])) text(r); await stream_settled([1], text)",
    "text(ALL_TOOLS); text(Math.sumPrecise([1e308, 1e308, -1e308])); text([...Iterator.concat([1], [2])]); exit()",
    "yield_control(); for (;;);",
    "yield_control(); await null; const f = () => Promise.resolve().then(f); await f()",
    "const a = []; for (;;) a.push({a: new Array(1000).fill(a.length)})",
    "syntax error here",
    "text(Date.now()); text(Math.random())",
)


class Driver:
    """The application's side of one worker, as simple as can be."""

    def __init__(self, command: list[str], environment: dict[str, str], fd: int) -> None:
        self.process = subprocess.Popen(
            command, env=environment, pass_fds=(fd,), stderr=subprocess.PIPE
        )
        self.words = b""

    def ended(self) -> int:
        """Its status; what it wrote is in ``words``."""
        assert self.process.stderr is not None
        self.words += self.process.stderr.read()
        return self.process.wait(SECONDS)


def started(folder: Path) -> tuple[Driver, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.settimeout(SECONDS)
    installed = find()._replace(
        **{name: str(folder / name) for name in ("launcher", "snapshot")},
        worker=str(folder / "worker.so"),
    )
    environment = {
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=99:verify_asan_link_order=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=99",
    }
    with theirs:
        driver = Driver(
            installed.command("serve", theirs.fileno(), os.getpid()), environment, theirs.fileno()
        )
    ours.sendall(setup())
    limits = Limits(heap_bytes=64 * MIB)
    ours.sendall(frame(ToWorker.SETTINGS, 0, settings_of(limits)))
    ours.sendall(frame(ToWorker.CATALOGUE, CATALOGUE.number, CATALOGUE.pack()))
    return driver, ours


def run_all(folder: Path) -> None:
    """Every program in one worker, each twice: once repeatable."""
    driver, ours = started(folder)
    stream = ours.makefile("rb")
    number = 0
    for source in PROGRAMS:
        for repeatable in (0, 1):
            number += 1
            head = START_HEAD.pack(CATALOGUE.number, repeatable, 7, 0)
            ours.sendall(frame(ToWorker.START, number, head + source.encode("utf-8", "replace")))
            if not _serve(ours, stream, number):
                _fail(driver)
    ours.close()
    stream.close()
    _judge(driver, (0,))
    print(f"{number} cells: nothing found")


def _serve(ours: socket.socket, stream: object, number: int) -> bool:
    """Answer a cell until it ends, and close one that yields; False if the worker has ended."""
    while True:
        head = stream.read(HEADER.size)  # type: ignore[attr-defined]
        if len(head) < HEADER.size:
            return False
        length, kind, cell = HEADER.unpack(head)
        data = stream.read(length)  # type: ignore[attr-defined]
        if cell != number:
            continue
        if kind in ENDS or (kind == FromWorker.RECORDS and _answer(ours, number, data)):
            return True


def _answer(ours: socket.socket, number: int, data: bytes) -> bool:
    """Answer the records of a frame; whether the program is over."""
    ours.sendall(numbered(ToWorker.CREDIT, number, len(data)))
    at = 0
    while at < len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 5], "little")
        payload = data[at + 5 : at + 5 + size]
        at += 5 + size
        first = int.from_bytes(payload[:4], "little")
        if kind == 4:
            ours.sendall(numbered(ToWorker.RESOLVE, number, first, payload[16:]))
        elif kind == 6:
            ours.sendall(frame(ToWorker.FLUSH, number) + frame(ToWorker.CLOSE, number))
        elif kind == 7:
            ours.sendall(numbered(ToWorker.FIRE, number, first))
        elif kind == 10:
            ours.sendall(frame(ToWorker.VALUE, number, b"=[1]"))
        elif kind in (11, 12, 13):
            return True
    return False


def break_rules(folder: Path) -> None:
    """Frames that an application never sends: each ends the worker with its own words."""
    wrong = (
        HEADER.pack(2**32 - 1, 4, 1),
        frame(99, 1),
        frame(ToWorker.START, 1, b"x"),
        frame(ToWorker.START, 1, START_HEAD.pack(77, 0, 0, 0)),
        frame(ToWorker.START, 1, START_HEAD.pack(CATALOGUE.number, 1, 0, 2**32 - 1)),
        frame(ToWorker.RESOLVE, 1, b"12"),
        frame(ToWorker.CREDIT, 1, b"12345"),
        frame(ToWorker.CATALOGUE, 5, b"no newline"),
        frame(ToWorker.SETTINGS, 0, b""),
    )
    for each in wrong:
        driver, ours = started(folder)
        ours.sendall(each)
        ours.shutdown(socket.SHUT_WR)
        _judge(driver, (70,))
        ours.close()
    print(f"{len(wrong)} broken rules: refused")


def _judge(driver: Driver, statuses: tuple[int, ...]) -> None:
    status = driver.ended()
    if status not in statuses or b"runtime error" in driver.words or b"Sanitizer" in driver.words:
        _fail(driver)


def _fail(driver: Driver) -> NoReturn:
    sys.exit(f"the worker ended with {driver.ended()}:\n{driver.words.decode(errors='replace')}")


def main() -> None:
    """Build it, run everything, and say what was found."""
    folder = Path(tempfile.mkdtemp(prefix="codemode-native-"))
    try:
        build_worker.build(folder, sanitize=True)
        run_all(folder)
        break_rules(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
