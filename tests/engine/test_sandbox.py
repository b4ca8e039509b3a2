"""The sandbox of a worker: what native code in it tries fails, and cells lack nothing."""

import asyncio
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codemode.engine import events as ev
from codemode.engine import sandbox
from codemode.engine.sandbox import PARTS, Part, read_report
from codemode.engine.workers import WorkersEngine, WorkersSession
from codemode.errors import EngineError
from codemode.limits import Limits

from .driving import begin, eventually, processes, texts
from .sandboxed import Violation, attempt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")

AT_FDCWD = -100
SIGNAL_OF_A_CHILD = signal.SIGCHLD
RLIMIT_NOFILE, RLIMIT_NPROC = 7, 6
NO_LIMIT = {"hex": struct.pack("=QQ", 2**64 - 1, 2**64 - 1).hex()}
EMPTY = {"hex": "00" * 64}


def text(value: str) -> dict[str, str]:
    return {"text": value}


def unix_address(path: bytes) -> dict[str, str]:
    return {"hex": (struct.pack("=H", socket.AF_UNIX) + path + b"\0").hex()}


def pid_of(session: WorkersSession) -> int:
    assert session.pid is not None
    return session.pid


def fields_of(pid: int, file: str, line: int) -> list[str]:
    """The words of a line of a file in /proc."""
    return Path(f"/proc/{pid}/{file}").read_text().splitlines()[line].split()


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
    "outlive its parent": (lambda _: ["prctl", 1, 0, 0, 0, 0], "EACCES"),
    "be dumpable": (lambda _: ["prctl", 4, 1, 0, 0, 0], "EACCES"),
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


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_library_might_ask_for_in_good_faith_is_refused(what: str, tmp_path: Path) -> None:
    call, answer = REFUSED[what]

    assert attempt(call(tmp_path))[1] == answer
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("what", FATAL)
def test_what_only_an_attacker_asks_for_ends_the_process(what: str, tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    with pytest.raises(Violation) as caught:
        attempt(FATAL[what](tmp_path))

    assert caught.value.args == (signal.SIGSYS,)
    assert os.listdir(tmp_path) == ["kept"]


def test_a_thread_is_born_inside() -> None:
    with pytest.raises(Violation):
        attempt(["socket", 2, 1, 0], thread=True)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (["openat", AT_FDCWD, text("/etc/passwd"), os.O_RDONLY], "EMFILE"),
        (["mkdirat", AT_FDCWD, text("/tmp/new"), 0o700], "EACCES"),
        (["unlinkat", AT_FDCWD, text("/etc/passwd"), 0], "EACCES"),
        (["execve", text("/bin/true"), 0, 0], "EACCES"),
        (["capset", {"hex": "2205082000000000"}, {"hex": "ff" * 24}], "EPERM"),
        (["setuid", 1], "EPERM"),
    ],
)
def test_where_there_is_no_filter_the_other_parts_hold(call: list[Any], answer: str) -> None:
    report, outcome = attempt(call, with_filter=False)

    assert [part.name for part in read_report(report.encode()) if not part.in_force] == ["seccomp"]
    assert outcome == answer


async def test_every_part_is_in_force_on_this_system(engine: WorkersEngine) -> None:
    session = engine.session(Limits())
    await texts(session, "")
    assert session.sandbox is not None

    assert [(part.name, part.in_force) for part in session.sandbox] == [
        (name, True) for name in PARTS
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="others may not look into what is not dumpable")
async def test_a_worker_from_outside(engine: WorkersEngine) -> None:
    before = processes()
    session = engine.session(Limits(worker_memory_bytes=2**28))
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


async def test_time_for_a_burst_is_given_when_work_arrives(engine: WorkersEngine) -> None:
    session = engine.session(Limits(compute_ms=100_000))
    await texts(session, "")
    pid = pid_of(session)
    row = fields_of(pid, "limits", 1)

    assert (100 < int(row[3]) < 400, row[4]) == (True, "unlimited")


async def test_without_a_limit_on_computing_there_is_none_on_processor_time(
    engine: WorkersEngine,
) -> None:
    session = engine.session(Limits(compute_ms=None))
    await texts(session, "")
    pid = pid_of(session)
    row = fields_of(pid, "limits", 1)

    assert row[3:5] == ["unlimited", "unlimited"]


async def test_a_worker_that_nobody_watches_ends_when_its_time_is_used_up(
    engine: WorkersEngine,
) -> None:
    session = engine.session(Limits(compute_ms=600_000))
    spinning = await begin(session, "yield_control(); for (;;);")
    await spinning.heard(ev.YieldAsked)
    resource.prlimit(pid_of(session), resource.RLIMIT_CPU, (1, resource.RLIM_INFINITY))
    await spinning.end()

    assert spinning.lost == (
        "Limit reached (compute_ms): the cell computed for 10 min without a pause."
        "\nHint: split the work and await something between the parts, or run it in a tool.",
        "compute_ms",
    )
    assert await texts(session, "text('works')") == ["works"]


async def test_a_worker_dies_with_its_zygote_although_it_gave_up_its_powers(
    forked: WorkersEngine,
) -> None:
    session = forked.session(Limits())
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
async def test_cells_lack_nothing(
    engine: WorkersEngine, source: str, written: list[str] | None
) -> None:
    found = await texts(engine.session(Limits()), source)

    assert found == (written or found)
    assert found


async def test_isolates_do_not_share_their_random_numbers(engine: WorkersEngine) -> None:
    sessions = [engine.session(Limits()) for _ in range(3)]
    drawn = [
        number
        for _ in range(5)
        for found in await asyncio.gather(*[texts(s, "text(Math.random())") for s in sessions])
        for number in found
    ]

    assert len(set(drawn)) == 15


FULL = "".join(f"{name}\t1\t\n" for name in PARTS)


def test_a_report_names_each_part_and_what_it_lacks() -> None:
    report = FULL.replace("seccomp\t1\t", "seccomp\t0\tswitched off")

    assert read_report(report.encode()) == (
        *(Part(name, in_force=True) for name in PARTS[:-1]),
        Part("seccomp", in_force=False, note="switched off"),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\xff",
        FULL.encode() + b"\n" * sandbox.MAX_BYTES,
        FULL.replace("seccomp", "my own").encode(),
        FULL.replace("seccomp\t1", "seccomp\t2").encode(),
        FULL.replace("seccomp\t1\t", "seccomp\t1").encode(),
        FULL.partition("seccomp")[0].encode(),
    ],
)
def test_a_report_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(EngineError, match=r"^a worker described its sandbox in an unknown form$"):
        read_report(data)


def test_what_a_worker_says_of_its_sandbox_plays_no_tricks_with_a_terminal() -> None:
    report = FULL.replace("seccomp\t1\t", "seccomp\t1\t\x1b[2J" + "x" * 999)

    assert read_report(report.encode())[-1].note == "?[2J" + "x" * 196
