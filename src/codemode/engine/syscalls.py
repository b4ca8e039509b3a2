"""Numbers of Linux's system calls, as far as the cage names them; from the kernel's own headers.

A call that an architecture does not have is not in its table.
"""

from __future__ import annotations

from typing import Final


def _table(text: str) -> dict[str, int]:
    pairs = (entry.split() for entry in text.split(",") if entry.strip())
    return {name: int(number) for name, number in pairs}


_X86_64: Final = """
accept 43, accept4 288, access 21, acct 163, add_key 248, adjtimex 159, bind 49, bpf 321,
brk 12, capset 126, chdir 80, chmod 90, chown 92, chroot 161, clock_adjtime 305,
clock_getres 229, clock_gettime 228, clock_nanosleep 230, clock_settime 227, clone 56,
clone3 435, close 3, connect 42, creat 85, delete_module 176, execve 59, execveat 322, exit 60,
exit_group 231, faccessat 269, faccessat2 439, fallocate 285, fanotify_init 300,
fanotify_mark 301, fchdir 81, fchmod 91, fchmodat 268, fchmodat2 452, fchown 93, fchownat 260,
finit_module 313, fork 57, fremovexattr 199, fsconfig 431, fsetxattr 190, fsmount 432,
fsopen 430, fspick 433, fstat 5, ftruncate 77, futex 202, futex_requeue 456, futex_wait 455,
futex_waitv 449, futex_wake 454, get_robust_list 274, getcpu 309, getcwd 79, getegid 108,
geteuid 107, getgid 104, getpid 39, getppid 110, getrandom 318, getrlimit 97, getrusage 98,
gettid 186, gettimeofday 96, getuid 102, init_module 175, inotify_add_watch 254,
inotify_init 253, inotify_init1 294, io_setup 206, io_uring_enter 426, io_uring_register 427,
io_uring_setup 425, ioperm 173, iopl 172, kcmp 312, kexec_file_load 320, kexec_load 246,
keyctl 250, kill 62, landlock_create_ruleset 444, landlock_restrict_self 446, lchown 94,
link 86, linkat 265, listen 50, lookup_dcookie 212, lremovexattr 198, lseek 8, lsetxattr 189,
lstat 6, madvise 28, membarrier 324, migrate_pages 256, mkdir 83, mkdirat 258, mknod 133,
mknodat 259, mmap 9, modify_ldt 154, mount 165, mount_setattr 442, move_mount 429,
move_pages 279, mprotect 10, mq_open 240, mremap 25, msgget 68, munmap 11,
name_to_handle_at 303, nanosleep 35, newfstatat 262, open 2, open_by_handle_at 304,
open_tree 428, openat 257, openat2 437, perf_event_open 298, personality 135, pidfd_getfd 438,
pidfd_open 434, pidfd_send_signal 424, pivot_root 155, pkey_alloc 330, pkey_free 331,
pkey_mprotect 329, poll 7, ppoll 271, prctl 157, pread64 17, prlimit64 302, process_madvise 440,
process_mrelease 448, process_vm_readv 310, process_vm_writev 311, pselect6 270, ptrace 101,
quotactl 179, quotactl_fd 443, read 0, readlink 89, readlinkat 267, readv 19, reboot 169,
recvfrom 45, recvmmsg 299, recvmsg 47, removexattr 197, rename 82, renameat 264, renameat2 316,
request_key 249, restart_syscall 219, rmdir 84, rseq 334, rt_sigaction 13, rt_sigpending 127,
rt_sigprocmask 14, rt_sigqueueinfo 129, rt_sigreturn 15, rt_sigsuspend 130, rt_sigtimedwait 128,
rt_tgsigqueueinfo 297, sched_get_priority_max 146, sched_get_priority_min 147,
sched_getaffinity 204, sched_getparam 143, sched_getscheduler 145, sched_yield 24, seccomp 317,
select 23, semget 64, sendmmsg 307, sendmsg 46, sendto 44, set_robust_list 273,
set_tid_address 218, setdomainname 171, setfsgid 123, setfsuid 122, setgid 106, setgroups 116,
sethostname 170, setns 308, setpgid 109, setregid 114, setresgid 119, setresuid 117,
setreuid 113, setsid 112, settimeofday 164, setuid 105, setxattr 188, shmat 30, shmctl 31,
shmget 29, sigaltstack 131, socket 41, socketpair 53, stat 4, statfs 137, statx 332,
swapoff 168, swapon 167, symlink 88, symlinkat 266, sysinfo 99, syslog 103, tgkill 234,
time 201, times 100, truncate 76, umount2 166, unlink 87, unlinkat 263, unshare 272,
userfaultfd 323, utimensat 280, vfork 58, vhangup 153, write 1, writev 20,
"""

_AARCH64: Final = """
accept 202, accept4 242, acct 89, add_key 217, adjtimex 171, bind 200, bpf 280, brk 214,
capset 91, chdir 49, chroot 51, clock_adjtime 266, clock_getres 114, clock_gettime 113,
clock_nanosleep 115, clock_settime 112, clone 220, clone3 435, close 57, connect 203,
delete_module 106, execve 221, execveat 281, exit 93, exit_group 94, faccessat 48,
faccessat2 439, fallocate 47, fanotify_init 262, fanotify_mark 263, fchdir 50, fchmod 52,
fchmodat 53, fchmodat2 452, fchown 55, fchownat 54, finit_module 273, fremovexattr 16,
fsconfig 431, fsetxattr 7, fsmount 432, fsopen 430, fspick 433, fstat 80, ftruncate 46,
futex 98, futex_requeue 456, futex_wait 455, futex_waitv 449, futex_wake 454,
get_robust_list 100, getcpu 168, getcwd 17, getegid 177, geteuid 175, getgid 176, getpid 172,
getppid 173, getrandom 278, getrlimit 163, getrusage 165, gettid 178, gettimeofday 169,
getuid 174, init_module 105, inotify_add_watch 27, inotify_init1 26, io_setup 0,
io_uring_enter 426, io_uring_register 427, io_uring_setup 425, kcmp 272, kexec_file_load 294,
kexec_load 104, keyctl 219, kill 129, landlock_create_ruleset 444, landlock_restrict_self 446,
linkat 37, listen 201, lookup_dcookie 18, lremovexattr 15, lseek 62, lsetxattr 6, madvise 233,
membarrier 283, migrate_pages 238, mkdirat 34, mknodat 33, mmap 222, mount 40,
mount_setattr 442, move_mount 429, move_pages 239, mprotect 226, mq_open 180, mremap 216,
msgget 186, munmap 215, name_to_handle_at 264, nanosleep 101, newfstatat 79,
open_by_handle_at 265, open_tree 428, openat 56, openat2 437, perf_event_open 241,
personality 92, pidfd_getfd 438, pidfd_open 434, pidfd_send_signal 424, pivot_root 41,
pkey_alloc 289, pkey_free 290, pkey_mprotect 288, ppoll 73, prctl 167, pread64 67,
prlimit64 261, process_madvise 440, process_mrelease 448, process_vm_readv 270,
process_vm_writev 271, pselect6 72, ptrace 117, quotactl 60, quotactl_fd 443, read 63,
readlinkat 78, readv 65, reboot 142, recvfrom 207, recvmmsg 243, recvmsg 212, removexattr 14,
renameat 38, renameat2 276, request_key 218, restart_syscall 128, rseq 293, rt_sigaction 134,
rt_sigpending 136, rt_sigprocmask 135, rt_sigqueueinfo 138, rt_sigreturn 139, rt_sigsuspend 133,
rt_sigtimedwait 137, rt_tgsigqueueinfo 240, sched_get_priority_max 125,
sched_get_priority_min 126, sched_getaffinity 123, sched_getparam 121, sched_getscheduler 120,
sched_yield 124, seccomp 277, semget 190, sendmmsg 269, sendmsg 211, sendto 206,
set_robust_list 99, set_tid_address 96, setdomainname 162, setfsgid 152, setfsuid 151,
setgid 144, setgroups 159, sethostname 161, setns 268, setpgid 154, setregid 143, setresgid 149,
setresuid 147, setreuid 145, setsid 157, settimeofday 170, setuid 146, setxattr 5, shmat 196,
shmctl 195, shmget 194, sigaltstack 132, socket 198, socketpair 199, statfs 43, statx 291,
swapoff 225, swapon 224, symlinkat 36, sysinfo 179, syslog 116, tgkill 131, times 153,
truncate 45, umount2 39, unlinkat 35, unshare 97, userfaultfd 282, utimensat 88, vhangup 58,
write 64, writev 66,
"""

NUMBERS: Final = {"x86_64": _table(_X86_64), "aarch64": _table(_AARCH64)}
"""By machine, as ``os.uname`` names it; then by name."""
