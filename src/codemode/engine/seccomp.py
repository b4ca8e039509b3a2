"""Which system calls a worker may make, as a program for the kernel's filter (seccomp, BPF).

A rule for each call by name, compiled to bytes: nothing here acts. Four kinds of calls:

* What V8 and the C library need to compute, to have threads and to speak on the descriptors
  that are open. None of these reaches a file, another process, or anything by name.
* A few that are harmless with some arguments only: ``clone`` for a thread, signals to this very
  process, names for threads and memory, its own resource limits.
* Looking for files. The C library does that in ordinary life (how much memory may be promised, how
  many processors there are) and can do without: an error (EPERM).
* What only an attacker asks for: the end of the process.

Everything else, and so what future kernels and C libraries bring, "does not exist" (ENOSYS), which
makes a C library take its older way. ``clone3`` is such a case: its flags stand in memory, where a
filter cannot look.

The kernel keeps a bitmap of calls that are always allowed, so the order of the rules costs nothing.
"""

from __future__ import annotations

import errno
import struct
from functools import cache
from typing import Final, NamedTuple

from .syscalls import NUMBERS

ALLOW: Final = 0x7FFF_0000
KILL: Final = 0x8000_0000
_ERRNO: Final = 0x0005_0000
REFUSE: Final = _ERRNO | errno.EACCES
UNKNOWN: Final = _ERRNO | errno.ENOSYS

ARCHITECTURES: Final = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
"""``AUDIT_ARCH_…`` by machine."""

_X32: Final = 0x4000_0000
"""Bit of the calls of x86_64's second, 32-bit interface, which would pass a filter by number."""

_CLONE_THREAD: Final = 0x0001_0000
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x5356_4D41

_COMPUTING: Final = """
futex futex_wait futex_wake futex_waitv futex_requeue get_robust_list set_robust_list rseq
set_tid_address exit exit_group restart_syscall membarrier
mmap mprotect munmap mremap madvise brk pkey_alloc pkey_free pkey_mprotect
read pread64 write writev close
getpid gettid getcpu getrlimit getrusage sysinfo getrandom
sched_yield sched_getaffinity sched_getparam sched_getscheduler
clock_getres clock_gettime clock_nanosleep gettimeofday nanosleep time
rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack
""".split()

_LOOKING: Final = """
open openat openat2 access faccessat faccessat2 stat lstat newfstatat statx statfs
readlink readlinkat getcwd
""".split()

_ATTACKING: Final = """
execve execveat fork vfork
socket socketpair connect bind listen accept accept4 sendmsg sendmmsg recvmsg recvmmsg
ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp
pidfd_open pidfd_getfd pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo
creat mkdir mkdirat mknod mknodat link linkat symlink symlinkat unlink unlinkat rmdir
rename renameat renameat2 truncate ftruncate fallocate chmod fchmod fchmodat fchmodat2
chown fchown fchownat lchown utimensat setxattr lsetxattr fsetxattr
removexattr lremovexattr fremovexattr open_by_handle_at name_to_handle_at
chdir fchdir chroot pivot_root mount umount2 mount_setattr move_mount open_tree
fsopen fsconfig fsmount fspick unshare setns
bpf seccomp perf_event_open userfaultfd io_setup io_uring_setup io_uring_enter io_uring_register
add_key request_key keyctl personality capset setuid setgid setreuid setregid setresuid setresgid
setgroups setfsuid setfsgid setpgid setsid
shmget shmat shmctl semget msgget mq_open inotify_init inotify_init1 inotify_add_watch
fanotify_init fanotify_mark move_pages migrate_pages iopl ioperm modify_ldt vhangup
kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff acct
quotactl quotactl_fd syslog sethostname setdomainname settimeofday clock_settime clock_adjtime
adjtimex lookup_dcookie
""".split()


class _Rule(NamedTuple):
    """What becomes of a call: always ``action``; or that only if its argument is one of
    ``values``, or has one of ``bits``, and ``otherwise`` if not.

    Arguments are looked at as the kernel takes them here: 32 bits.
    """

    action: int
    argument: int | None = None
    values: tuple[int, ...] = ()
    bits: int = 0
    otherwise: int = KILL


OWN_PROCESS: Final = 0x7FFF_FFFF
"""Stands for the id of the process that takes on the filter; the worker puts in its own."""


def _rules() -> dict[str, _Rule]:
    return {
        **dict.fromkeys(_COMPUTING, _Rule(ALLOW)),
        "clone": _Rule(ALLOW, argument=0, bits=_CLONE_THREAD),
        "kill": _Rule(ALLOW, argument=0, values=(OWN_PROCESS,)),
        "tgkill": _Rule(ALLOW, argument=0, values=(OWN_PROCESS,)),
        "prlimit64": _Rule(ALLOW, argument=0, values=(0, OWN_PROCESS)),
        "prctl": _Rule(
            ALLOW, argument=0, values=(_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA), otherwise=REFUSE
        ),
        **dict.fromkeys(_LOOKING, _Rule(REFUSE)),
        **dict.fromkeys(_ATTACKING, _Rule(KILL)),
    }


_LOAD, _JUMP_EQUAL, _JUMP_NOT_LESS, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_INSTRUCTION: Final = struct.Struct("<HBBI")
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
"""Where the kernel puts them; arguments are 8 bytes each, of which we load the lower 4."""


@cache
def compile_filter(machine: str) -> bytes:
    """The filter as the kernel takes it, 8 bytes an instruction.

    Args:
        machine: a key of ``ARCHITECTURES``.
    """
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        *_unless(_JUMP_EQUAL, ARCHITECTURES[machine], KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        lines += _when(_JUMP_NOT_LESS, _X32, KILL)
    for name, rule in _rules().items():
        number = NUMBERS[machine].get(name)
        if number is not None:
            body = _body(rule)
            lines += [(_JUMP_EQUAL, 0, len(body), number), *body]
    lines.append((_RETURN, 0, 0, UNKNOWN))
    return b"".join(_INSTRUCTION.pack(*line) for line in lines)


_Line = tuple[int, int, int, int]


def _body(rule: _Rule) -> list[_Line]:
    if rule.argument is None:
        return [(_RETURN, 0, 0, rule.action)]
    lines: list[_Line] = [(_LOAD, 0, 0, _ARGUMENTS + 8 * rule.argument)]
    for value in rule.values:
        lines += _when(_JUMP_EQUAL, value, rule.action)
    if rule.bits:
        lines += _when(_JUMP_BITS, rule.bits, rule.action)
    return [*lines, (_RETURN, 0, 0, rule.otherwise)]


def _when(jump: int, value: int, action: int) -> list[_Line]:
    return [(jump, 0, 1, value), (_RETURN, 0, 0, action)]


def _unless(jump: int, value: int, action: int) -> list[_Line]:
    return [(jump, 1, 0, value), (_RETURN, 0, 0, action)]
