"""Native code in a worker: what it tries fails, and nobody else notices."""

import asyncio
import json
import logging
import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from codemode.engine import cage, link, process
from codemode.engine.cage import PARTS, Part, packed, unpacked
from codemode.engine.events import ToolCalled
from codemode.engine.workers import WorkersEngine, WorkersSession
from codemode.errors import EngineError
from codemode.limits import Limits

from . import native, native_bare
from .driving import Run, begin, eventually, processes, run, texts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cage is Linux's")

AT_FDCWD = -100
SIGNAL_OF_A_CHILD = signal.SIGCHLD
RLIMIT_CPU, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_NPROC = 0, 2, 7, 6
NO_LIMIT = {"hex": struct.pack("=QQ", 2**64 - 1, 2**64 - 1).hex()}
EMPTY = {"hex": "00" * 64}

VIOLATION = (
    "The worker process of this session was ended by the system: it tried what no cell may do"
    " (killed by SIGSYS).\nHint: stored values are kept; run the program again, without what it"
    " did last.",
    None,
)
"""How a cell is lost whose worker was ended for it."""


def text(value: str) -> dict[str, str]:
    return {"text": value}


def unix_address(path: bytes) -> dict[str, str]:
    return {"hex": (struct.pack("=H", socket.AF_UNIX) + path + b"\0").hex()}


@pytest.fixture
async def engine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkersEngine]:
    """Workers that make system calls for us."""
    monkeypatch.setattr(process, "ZYGOTE", native.MODULE)
    made = WorkersEngine(start_method="zygote")
    yield made
    await made.aclose()


@pytest.fixture
async def bare(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkersEngine]:
    """The same where Landlock is all that there is."""
    monkeypatch.setattr(process, "ZYGOTE", native_bare.MODULE)
    made = WorkersEngine(start_method="zygote")
    yield made
    await made.aclose()


def making(call: list[Any], then: str = "text(native)") -> str:
    """A program that makes a system call before it runs."""
    return f"// native: {json.dumps(call)}\n{then}"


def pid_of(session: WorkersSession) -> int:
    assert session.pid is not None
    return session.pid


def fields_of(pid: int, file: str, line: int) -> list[str]:
    """The words of a line of a file in /proc."""
    return Path(f"/proc/{pid}/{file}").read_text().splitlines()[line].split()


def outcome(ended: Run) -> str | tuple[str, str | None] | None:
    return ended.lost or "".join(ended.texts)


async def with_a_neighbour(engine: WorkersEngine, source: str) -> Any:
    """What becomes of a program while another session has a live cell, which must go on."""
    neighbour, session = engine.session(Limits()), engine.session(Limits())
    live = await begin(neighbour, "await tools.never(1); text('done')")
    await live.heard(ToolCalled)
    found = outcome(await run(session, source))
    assert await texts(neighbour, "text('works')") == ["works"]
    assert await texts(session, "text('works again')") == ["works again"]
    number = next(e.number for e in live.events if isinstance(e, ToolCalled))
    live.cell.deliver(f"R{number}\n1")
    await live.end()
    assert (live.error, live.texts) == (None, ["done"])
    await neighbour.aclose()
    await session.aclose()
    return found


Calls = Callable[[Path], list[Any]]

REFUSED: dict[str, tuple[Calls, str]] = {
    "read a file": (lambda _: ["openat", AT_FDCWD, text("/etc/passwd"), os.O_RDONLY], "EACCES"),
    "read a file, as openat2": (
        lambda _: ["openat2", AT_FDCWD, text("/etc/passwd"), EMPTY, 24],
        "EACCES",
    ),
    "create a file": (
        lambda folder: ["openat", AT_FDCWD, text(f"{folder}/new"), os.O_CREAT | os.O_WRONLY, 0o600],
        "EACCES",
    ),
    "hold a path": (lambda _: ["openat", AT_FDCWD, text("/"), os.O_PATH], "EACCES"),
    "list a folder": (lambda _: ["openat", AT_FDCWD, text("/"), os.O_DIRECTORY], "EACCES"),
    "look at a file": (
        lambda _: ["newfstatat", AT_FDCWD, text("/etc/passwd"), EMPTY, 0],
        "EACCES",
    ),
    "open its own memory": (
        lambda _: ["openat", AT_FDCWD, text("/proc/self/mem"), os.O_RDWR],
        "EACCES",
    ),
    "open the application's memory": (
        lambda _: ["openat", AT_FDCWD, text(f"/proc/{os.getpid()}/mem"), os.O_RDONLY],
        "EACCES",
    ),
    "read from a descriptor that the zygote had": (lambda _: ["read", 5, EMPTY, 8], "EBADF"),
    "read from its standard input": (lambda _: ["read", 0, EMPTY, 8], "EBADF"),
    "write to its standard output": (lambda _: ["write", 1, EMPTY, 8], "EBADF"),
    "outlive its parent": (lambda _: ["prctl", 1, 0, 0, 0, 0], "EACCES"),
    "be dumpable": (lambda _: ["prctl", 4, 1, 0, 0, 0], "EACCES"),
    "take more memory": (lambda _: ["prlimit64", 0, RLIMIT_DATA, NO_LIMIT, 0], "EPERM"),
    "open more descriptors": (lambda _: ["prlimit64", 0, RLIMIT_NOFILE, NO_LIMIT, 0], "EPERM"),
    "start a thread with flags that nobody sees": (lambda _: ["clone3", EMPTY, 64], "ENOSYS"),
}

FATAL: dict[str, Calls] = {
    "execute": lambda _: ["execve", text("/bin/true"), 0, 0],
    "execute a descriptor": lambda _: ["execveat", 2, text(""), 0, 0, 0x1000],
    "fork by clone": lambda _: ["clone", int(SIGNAL_OF_A_CHILD), 0, 0, 0, 0],
    "make a socket": lambda _: ["socket", socket.AF_INET, socket.SOCK_STREAM, 0],
    "make a pair of sockets": lambda _: ["socketpair", socket.AF_UNIX, 1, 0, EMPTY],
    "connect what it has": lambda _: ["connect", 3, unix_address(b"\0codemode-test"), 16],
    "send a descriptor": lambda _: ["sendmsg", 3, EMPTY, 0],
    "receive a descriptor": lambda _: ["recvmsg", 3, EMPTY, 0],
    "read the application's memory": lambda _: ["process_vm_readv", os.getpid(), 0, 0, 0, 0, 0],
    "write the application's memory": lambda _: ["process_vm_writev", os.getpid(), 0, 0, 0, 0, 0],
    "trace the application": lambda _: ["ptrace", 16, os.getpid(), 0, 0],
    "kill the application": lambda _: ["kill", os.getpid(), int(signal.SIGKILL)],
    "kill everybody": lambda _: ["kill", -1, int(signal.SIGKILL)],
    "kill its group": lambda _: ["kill", 0, int(signal.SIGKILL)],
    "kill a thread of the application": lambda _: [
        "tgkill", os.getpid(), os.getpid(), int(signal.SIGKILL)
    ],
    "get hold of the application": lambda _: ["pidfd_open", os.getpid(), 0],
    "change the application's limits": lambda _: [
        "prlimit64", os.getpid(), RLIMIT_NPROC, NO_LIMIT, 0
    ],
    "remove a file": lambda folder: ["unlinkat", AT_FDCWD, text(f"{folder}/kept"), 0],
    "make a folder": lambda folder: ["mkdirat", AT_FDCWD, text(f"{folder}/new"), 0o700],
    "change its root": lambda _: ["chroot", text("/")],
    "have namespaces of its own": lambda _: ["unshare", 0x10000000],
    "mount": lambda folder: ["mount", text("none"), text(str(folder)), text("tmpfs"), 0, 0],
    "load a program into the kernel": lambda _: ["bpf", 0, EMPTY, 64],
    "queue work for the kernel": lambda _: ["io_uring_setup", 4, EMPTY],
    "watch its faults": lambda _: ["userfaultfd", 0],
    "read the kernel's keys": lambda _: ["keyctl", 0, -3, 0, 0, 0],
    "become somebody else": lambda _: ["setuid", 1],
    "get its powers back": lambda _: ["capset", EMPTY, EMPTY],
    "put a filter of its own before ours": lambda _: ["seccomp", 1, 0, EMPTY],
}  # fmt: skip


@pytest.mark.parametrize("attempt", REFUSED)
async def test_what_a_library_might_ask_for_in_good_faith_is_refused(
    engine: WorkersEngine, attempt: str, tmp_path: Path
) -> None:
    call, answer = REFUSED[attempt]

    assert await with_a_neighbour(engine, making(call(tmp_path))) == answer
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("attempt", FATAL)
async def test_what_only_an_attacker_asks_for_ends_the_worker_and_nothing_else(
    engine: WorkersEngine, attempt: str, tmp_path: Path
) -> None:
    (tmp_path / "kept").touch()

    assert await with_a_neighbour(engine, making(FATAL[attempt](tmp_path))) == VIOLATION
    assert os.listdir(tmp_path) == ["kept"]


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (["openat", AT_FDCWD, text("/etc/passwd"), os.O_RDONLY], "EACCES"),
        (["openat", AT_FDCWD, text("/dev/null"), os.O_WRONLY], "EACCES"),
        (["openat", AT_FDCWD, text("/"), os.O_DIRECTORY], "EACCES"),
        (["execve", text("/bin/true"), 0, 0], "EACCES"),
        (["ptrace", 16, os.getpid(), 0, 0], "EPERM"),
        (["capset", {"hex": "2205082000000000"}, {"hex": "ff" * 24}], "EPERM"),
        (["setuid", 1], "EPERM"),
    ],
)
async def test_where_there_is_no_filter_the_other_parts_hold(
    bare: WorkersEngine, call: list[Any], answer: str
) -> None:
    assert await texts(bare.session(Limits()), making(call)) == [answer]


async def test_a_worker_says_what_it_lacks_and_runs_without_it(
    bare: WorkersEngine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_said", set())
    session = bare.session(Limits())
    with caplog.at_level(logging.WARNING):
        assert await texts(session, "text('runs')") == ["runs"]
    assert session.cage is not None

    assert [(part.name, part.note) for part in session.cage if not part.in_force] == [
        ("resource limits", "this kernel does not have it"),
        ("seccomp", "this kernel does not have it"),
    ]
    assert "a worker runs without seccomp: this kernel does not have it" in caplog.messages


async def test_every_part_is_in_force_on_this_system(workers: WorkersEngine) -> None:
    session = workers.session(Limits())
    await texts(session, "")
    assert session.cage is not None

    assert [(part.name, part.in_force) for part in session.cage] == [(name, True) for name in PARTS]


@pytest.mark.skipif(os.geteuid() != 0, reason="others may not look into what is not dumpable")
async def test_a_caged_worker_from_outside(workers: WorkersEngine) -> None:
    before = processes()
    session = workers.session(Limits(worker_memory_bytes=2**28))
    await texts(session, "")
    pid = pid_of(session)
    folder = Path(f"/proc/{pid}")
    fields = [line.split(":", 1) for line in (folder / "status").read_text().splitlines()]
    status = {name: value.strip() for name, value in fields}
    rows = [line.rsplit(maxsplit=3) for line in (folder / "limits").read_text().splitlines()[1:]]
    limits = {row[0].strip(): row[1] for row in rows}

    assert processes() > before
    assert {name: status[name] for name in ("NoNewPrivs", "Seccomp", "CapEff", "CapPrm")} == {
        "NoNewPrivs": "1",
        "Seccomp": "2",
        "CapEff": "0" * 16,
        "CapPrm": "0" * 16,
    }
    assert sorted(str(fd.readlink()).split(":")[0] for fd in (folder / "fd").iterdir()) == [
        "pipe",
        "socket",
    ]
    assert (folder / "environ").read_bytes() == b""
    assert (folder / "mem").stat().st_uid == 0
    closed = ("core file size", "file size", "open files", "locked memory", "msgqueue size")
    assert {name: limits[f"Max {name}"] for name in closed} == dict.fromkeys(closed, "0")


async def test_threads_are_born_inside(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    await texts(session, "text(1)")
    long = making(["socket", 2, 1, 0], f"text(native) /* {'x' * 20_000} return */")

    assert (await run(session, long)).lost == VIOLATION  # too long for the main thread


async def test_a_worker_that_nobody_watches_ends_when_its_time_is_used_up(
    engine: WorkersEngine,
) -> None:
    session = engine.session(Limits(compute_ms=600_000))
    one_second = {"hex": struct.pack("=QQ", 1, 2**64 - 1).hex()}
    spinning = await run(session, making(["prlimit64", 0, RLIMIT_CPU, one_second, 0], "for(;;){}"))

    assert spinning.lost == (
        "Limit reached (compute_ms): the cell computed for 10 min without a pause."
        "\nHint: split the work and await something between the parts, or run it in a tool.",
        "compute_ms",
    )
    assert await texts(session, "text('works')") == ["works"]


async def test_time_for_a_burst_is_given_when_work_arrives(workers: WorkersEngine) -> None:
    session = workers.session(Limits(compute_ms=100_000))
    await texts(session, "")
    pid = pid_of(session)
    row = fields_of(pid, "limits", 1)

    assert (100 < int(row[3]) < 400, row[4]) == (True, "unlimited")


async def test_without_a_limit_on_computing_there_is_none_on_processor_time(
    workers: WorkersEngine,
) -> None:
    session = workers.session(Limits(compute_ms=None))
    await texts(session, "")
    pid = pid_of(session)
    row = fields_of(pid, "limits", 1)

    assert row[3:5] == ["unlimited", "unlimited"]


async def test_a_worker_dies_with_its_zygote_although_it_gave_up_its_powers(
    engine: WorkersEngine,
) -> None:
    session = engine.session(Limits())
    await texts(session, "")
    pid = pid_of(session)
    parent = int(fields_of(pid, "status", 6)[1])
    os.kill(parent, signal.SIGKILL)

    await eventually(lambda: pid not in processes() and not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("text(new Date(2024, 6, 1, 12).toISOString())", None),
        (
            "text(new Date(0).toLocaleString('de', {timeZone: 'Asia/Tokyo'}))",
            ["1.1.1970, 09:00:00"],
        ),
        ("text(new Intl.NumberFormat('de-CH').format(1234567.5))", ["1’234’567.5"]),
        (
            "text([...new Intl.Segmenter('ja', {granularity: 'word'}).segment('日本語の文章')].length)",
            ["3"],
        ),
        ("text(['z', 'ä'].sort(new Intl.Collator('sv').compare).join(''))", ["zä"]),
        ("const f = () => f(); try { f() } catch (e) { text(e.name) }", ["RangeError"]),
        ("text(new Set(Array.from({length: 100}, Math.random)).size)", ["100"]),
        ("let s = 0; for (let i = 0; i < 3e6; i++) s += i % 7; text(s)", ["8999994"]),
        ("text(new Uint8Array(5e7).fill(1).length)", ["50000000"]),
    ],
    ids=range(9),
)
async def test_cells_lack_nothing_in_the_cage(
    workers: WorkersEngine, source: str, written: list[str] | None
) -> None:
    found = await texts(workers.session(Limits()), source)

    assert found == (written or found)
    assert found


async def test_isolates_do_not_share_their_random_numbers(workers: WorkersEngine) -> None:
    sessions = [workers.session(Limits()) for _ in range(3)]
    drawn = [
        number
        for _ in range(5)
        for found in await asyncio.gather(*[texts(s, "text(Math.random())") for s in sessions])
        for number in found
    ]

    assert len(set(drawn)) == 15


FULL = tuple(Part(name, in_force=True, note="") for name in PARTS)


def test_a_description_of_a_cage_survives_the_wire() -> None:
    parts = (*FULL[:-1], Part("seccomp", in_force=False, note="switched off"))

    assert unpacked(packed(parts)) == parts


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b"[" * 4000,
        packed(FULL) + b" " * cage.MAX_BYTES,
        packed(FULL[:-1]),
        packed((*FULL[:-1], Part("my own", in_force=True))),
        packed((*FULL[:-1], Part("seccomp", in_force=1))),  # type: ignore[arg-type]
        packed((*FULL[:-1], Part("seccomp", in_force=True, note=3))),  # type: ignore[arg-type]
    ],
    ids=range(10),
)
def test_a_description_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(
        EngineError, match=r"^a worker described its cage in a way that nobody does$"
    ):
        unpacked(data)


def test_what_a_worker_says_of_its_cage_plays_no_tricks_with_a_terminal() -> None:
    told = unpacked(
        packed((*FULL[:-1], Part("seccomp", in_force=True, note="\x1b[2J" + "x" * 999)))
    )

    assert told[-1].note == "?[2J" + "x" * 196
