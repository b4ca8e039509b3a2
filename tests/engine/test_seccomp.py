"""The filter as a table: what becomes of which call, found out by running its program here."""

import errno
import struct

import pytest

from codemode.engine.seccomp import (
    ALLOW,
    ARCHITECTURES,
    KILL,
    OWN_PROCESS,
    REFUSE,
    UNKNOWN,
    compile_filter,
)
from codemode.engine.syscalls import NUMBERS

PID = OWN_PROCESS
ANSWERS = {ALLOW: "allowed", KILL: "ends the process", REFUSE: "refused", UNKNOWN: "unknown"}


def answer(program: bytes, architecture: int, number: int, *arguments: int) -> str:
    """What the kernel would do: the five instructions that a filter of ours consists of."""
    words = [argument % 2**64 for argument in (*arguments, *[0] * (6 - len(arguments)))]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *words)
    lines = list(struct.iter_unpack("<HBBI", program))
    loaded = position = 0
    while True:
        code, then, otherwise, value = lines[position]
        position += 1
        if code == 0x06:
            return ANSWERS[value]
        if code == 0x20:
            (loaded,) = struct.unpack_from("<I", data, value)
            continue
        holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
        position += then if holds else otherwise


CASES: list[tuple[str, tuple[int, ...], str]] = [
    ("read", (3,), "allowed"),
    ("mmap", (0, 4096, 7), "allowed"),
    ("futex", (), "allowed"),
    ("getrandom", (), "allowed"),
    ("exit_group", (0,), "allowed"),
    ("clone", (0x3D0F00,), "allowed"),  # as pthread_create asks
    ("clone", (17,), "ends the process"),  # as fork does
    ("clone", (0x4111,), "ends the process"),  # as vfork does
    ("clone", (0x1000_0011,), "ends the process"),  # into a namespace
    ("clone3", (), "unknown"),
    ("kill", (PID, 9), "allowed"),
    ("kill", (PID - 1, 9), "ends the process"),
    ("kill", (-1, 9), "ends the process"),
    ("kill", (0, 9), "ends the process"),
    ("kill", (2**32 + PID, 9), "allowed"),  # the kernel takes 32 bits of it
    ("tgkill", (PID, 1, 6), "allowed"),
    ("tgkill", (1, 1, 6), "ends the process"),
    ("prlimit64", (0, 2), "allowed"),
    ("prlimit64", (PID, 2), "allowed"),
    ("prlimit64", (1, 2), "ends the process"),
    ("prctl", (15,), "allowed"),
    ("prctl", (0x53564D41,), "allowed"),
    ("prctl", (1, 0), "refused"),  # outlive the parent
    ("prctl", (4, 1), "refused"),  # be dumpable
    ("prctl", (22, 2), "refused"),  # another filter
    ("openat", (-100,), "refused"),
    ("newfstatat", (), "refused"),
    ("execve", (), "ends the process"),
    ("socket", (2, 1, 0), "ends the process"),
    ("connect", (3,), "ends the process"),
    ("ptrace", (), "ends the process"),
    ("process_vm_readv", (), "ends the process"),
    ("sendmsg", (3,), "ends the process"),
    ("io_uring_setup", (), "ends the process"),
    ("bpf", (), "ends the process"),
    ("unshare", (), "ends the process"),
    ("seccomp", (), "ends the process"),
    ("landlock_create_ruleset", (), "unknown"),
]


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"), CASES, ids=[f"{n}{a}" for n, a, _ in CASES]
)
def test_what_becomes_of_a_call(
    machine: str, name: str, arguments: tuple[int, ...], expected: str
) -> None:
    program = compile_filter(machine)
    number = NUMBERS[machine][name]

    assert answer(program, ARCHITECTURES[machine], number, *arguments) == expected


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_a_call_of_another_architecture_ends_the_process(machine: str) -> None:
    program = compile_filter(machine)
    others = {*ARCHITECTURES.values(), 0x4000_0003} - {ARCHITECTURES[machine]}  # and 32-bit x86

    read = NUMBERS[machine]["read"]
    assert {answer(program, other, read) for other in others} == {"ends the process"}


def test_the_second_interface_of_x86_64_ends_the_process() -> None:
    program = compile_filter("x86_64")
    architecture = ARCHITECTURES["x86_64"]
    numbers = (0x4000_0000, 0x4000_0000 | NUMBERS["x86_64"]["read"], 0xFFFF_FFFF)

    assert {answer(program, architecture, n) for n in numbers} == {"ends the process"}


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_what_a_future_kernel_brings_is_not_there(machine: str) -> None:
    program = compile_filter(machine)
    known = set(NUMBERS[machine].values())
    found = {answer(program, ARCHITECTURES[machine], n) for n in set(range(1024)) - known}

    assert (found, UNKNOWN & 0xFFFF) == ({"unknown"}, errno.ENOSYS)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_kernel_takes_a_program_of_this_length(machine: str) -> None:
    program = compile_filter(machine)

    assert (len(program) % 8, len(program) // 8 <= 4096) == (0, True)
