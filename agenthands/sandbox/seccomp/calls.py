"""The system calls of a sandbox: one table, of which the filters of bubblewrap and docker are made.

What is neither allowed nor refused returns ENOSYS, as on a kernel that does not have it, so that a C library falls back
to an older call. Numbers are those of Linux' headers (arch/x86/entry/syscalls/
syscall_64.tbl, include/uapi/asm-generic/unistd.h), which never change.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MACHINES: Sequence[str] = ("x86_64", "aarch64")
"""The machines of which numbers are known, in the order of the columns."""

# Each call with its number on x86_64 and on aarch64.
_ALLOWED = {
    "files and what describes them; FIFOs need mknod, devices a capability that nobody has": """
    read 0 63, write 1 64, pread64 17 67, pwrite64 18 68, readv 19 65, writev 20 66, preadv 295 69, pwritev 296 70,
    preadv2 327 286, pwritev2 328 287, lseek 8 62, open 2 -, openat 257 56, openat2 437 437, creat 85 -,
    close 3 57, close_range 436 436, dup 32 23, dup2 33 -, dup3 292 24, fcntl 72 25, flock 73 32, ioctl 16 29,
    pipe 22 -, pipe2 293 59, sendfile 40 71, splice 275 76, tee 276 77, vmsplice 278 75, copy_file_range 326 285,
    fallocate 285 47, fadvise64 221 223, readahead 187 213, fsync 74 82, fdatasync 75 83, sync_file_range 277 84,
    sync 162 81, syncfs 306 267, truncate 76 45, ftruncate 77 46, stat 4 -, fstat 5 80, lstat 6 -,
    newfstatat 262 79, statx 332 291, statfs 137 43, fstatfs 138 44, access 21 -, faccessat 269 48,
    faccessat2 439 439, getdents 78 -, getdents64 217 61, getcwd 79 17, chdir 80 49, fchdir 81 50, mkdir 83 -,
    mkdirat 258 34, rmdir 84 -, mknod 133 -, mknodat 259 33, rename 82 -, renameat 264 38, renameat2 316 276,
    link 86 -, linkat 265 37, unlink 87 -, unlinkat 263 35, symlink 88 -, symlinkat 266 36, readlink 89 -,
    readlinkat 267 78, chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -, fchown 93 55,
    lchown 94 -, fchownat 260 54, umask 95 166, utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88,
    getxattr 191 8, lgetxattr 192 9, fgetxattr 193 10, listxattr 194 11, llistxattr 195 12, flistxattr 196 13,
    setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16,
    inotify_init 253 -, inotify_init1 294 26, inotify_add_watch 254 27, inotify_rm_watch 255 28
    """,
    "waiting for many things at once": """
    poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72, epoll_create 213 -, epoll_create1 291 20,
    epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22, epoll_pwait2 441 441, eventfd 284 -, eventfd2 290 19,
    signalfd 282 -, signalfd4 289 74, timerfd_create 283 85, timerfd_settime 286 86, timerfd_gettime 287 87
    """,
    "memory": """
    mmap 9 222, mprotect 10 226, munmap 11 215, brk 12 214, mremap 25 216, msync 26 227, mincore 27 232,
    madvise 28 233, mlock 149 228, mlock2 325 284, munlock 150 229, mlockall 151 230, munlockall 152 231,
    membarrier 324 283, memfd_create 319 279, pkey_alloc 330 289, pkey_free 331 290, pkey_mprotect 329 288,
    mseal 462 462
    """,
    "processes, threads and their limits; never namespaces": """
    clone 56 220, fork 57 -, vfork 58 -, execve 59 221, execveat 322 281, exit 60 93, exit_group 231 94,
    wait4 61 260, waitid 247 95, kill 62 129, tkill 200 130, tgkill 234 131, pidfd_open 434 434,
    pidfd_send_signal 424 424, getpid 39 172, getppid 110 173, gettid 186 178, getpgid 121 155, getpgrp 111 -,
    setpgid 109 154, getsid 124 156, setsid 112 157, getuid 102 174, geteuid 107 175, getgid 104 176,
    getegid 108 177, getresuid 118 148, getresgid 120 150, getgroups 115 158, setuid 105 146, setgid 106 144,
    setreuid 113 145, setregid 114 143, setresuid 117 147, setresgid 119 149, setfsuid 122 151, setfsgid 123 152,
    setgroups 116 159, capget 125 90, capset 126 91, prctl 157 167, arch_prctl 158 -, set_tid_address 218 96,
    set_robust_list 273 99, get_robust_list 274 100, rseq 334 293, futex 202 98, futex_waitv 449 449,
    futex_wake 454 454, futex_wait 455 455, futex_requeue 456 456, getrlimit 97 163, setrlimit 160 164,
    prlimit64 302 261, getrusage 98 165, times 100 153, getpriority 140 141, setpriority 141 140,
    ioprio_get 252 31, ioprio_set 251 30, getcpu 309 168, sched_yield 24 124, sched_getaffinity 204 123,
    sched_setaffinity 203 122, sched_getparam 143 121, sched_setparam 142 118, sched_getscheduler 145 120,
    sched_setscheduler 144 119, sched_getattr 315 275, sched_setattr 314 274, sched_get_priority_max 146 125,
    sched_get_priority_min 147 126, sched_rr_get_interval 148 127
    """,
    "signals": """
    rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136, rt_sigsuspend 130 133,
    rt_sigtimedwait 128 137, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240, sigaltstack 131 132, pause 34 -,
    alarm 37 -, restart_syscall 219 128
    """,
    "time": """
    nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113, clock_getres 229 114, gettimeofday 96 169,
    time 201 -, getitimer 36 102, setitimer 38 103, timer_create 222 107, timer_settime 223 110,
    timer_gettime 224 108, timer_getoverrun 225 109, timer_delete 226 111
    """,
    "sockets": """
    socket 41 198, socketpair 53 199, bind 49 200, connect 42 203, listen 50 201, accept 43 202, accept4 288 242,
    shutdown 48 210, getsockname 51 204, getpeername 52 205, getsockopt 55 209, setsockopt 54 208, sendto 44 206,
    recvfrom 45 207, sendmsg 46 211, recvmsg 47 212, sendmmsg 307 269, recvmmsg 299 243
    """,
    "what the machine is called, how much memory it has, random bytes": """
    uname 63 160, sysinfo 99 179, getrandom 318 278
    """,
}

# These exist, and are refused with EPERM, which programs expect where they lack a privilege: mounts, namespaces, other
# processes' memory, keys of the kernel, programs inside the kernel, modules, clocks and names of the machine, memory of
# other nodes, and what lets a program wait inside the kernel for another one (userfaultfd).
_REFUSED = """
    mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, fsopen 430 430, fsconfig 431 431,
    fsmount 432 432, fspick 433 433, open_tree 428 428, move_mount 429 429, mount_setattr 442 442,
    statmount 457 457, listmount 458 458, swapon 167 224, swapoff 168 225, quotactl 179 60, quotactl_fd 443 443,
    acct 163 89, unshare 272 97, setns 308 268, ptrace 101 117, process_vm_readv 310 270,
    process_vm_writev 311 271, process_madvise 440 440, process_mrelease 448 448, pidfd_getfd 438 438,
    kcmp 312 272, keyctl 250 219, add_key 248 217, request_key 249 218, bpf 321 280, perf_event_open 298 241,
    userfaultfd 323 282, io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427,
    kexec_load 246 104, kexec_file_load 320 294, init_module 175 105, finit_module 313 273, delete_module 176 106,
    reboot 169 142, syslog 103 116, personality 135 92, modify_ldt 154 -, iopl 172 -, ioperm 173 -,
    settimeofday 164 170, clock_settime 227 112, adjtimex 159 171, clock_adjtime 305 266, sethostname 170 161,
    setdomainname 171 162, vhangup 153 58, name_to_handle_at 303 264, open_by_handle_at 304 265,
    fanotify_init 300 262, fanotify_mark 301 263, lookup_dcookie 212 18, mbind 237 235, set_mempolicy 238 237,
    get_mempolicy 239 236, migrate_pages 256 238, move_pages 279 239, set_mempolicy_home_node 450 450,
    memfd_secret 447 447, remap_file_pages 216 234
"""


@dataclass(frozen=True)
class Condition:
    """Allows a call by one of its arguments, of which the kernel reads the low 32 bits: those of `mask` decide.

    They must be one of `values`, or with `negated` none of them; otherwise the call returns `error`.
    """

    argument: int
    mask: int
    values: Sequence[int]
    error: int
    negated: bool = False


_WHOLE = 0xFFFFFFFF
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_TIOCSTI = 0x5412  # types into a terminal, which may be that of the worker
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10

CONDITIONS: Mapping[str, Condition] = {
    "clone": Condition(0, _NEW_NAMESPACES, (0,), errno.EPERM),
    "socket": Condition(0, _WHOLE, (_AF_UNIX, _AF_INET, _AF_INET6), errno.EAFNOSUPPORT),
    "socketpair": Condition(0, _WHOLE, (_AF_UNIX,), errno.EAFNOSUPPORT),
    "ioctl": Condition(1, _WHOLE, (_TIOCSTI,), errno.EPERM, negated=True),
}
"""Calls that are allowed with some arguments only."""


def _parsed(text: str) -> dict[str, Mapping[str, int]]:
    calls = (entry.split() for entry in text.split(","))
    return {
        name: {machine: int(number) for machine, number in zip(MACHINES, numbers, strict=True) if number != "-"}
        for name, *numbers in calls
    }


ALLOWED: Mapping[str, Mapping[str, int]] = {
    name: numbers for text in _ALLOWED.values() for name, numbers in _parsed(text).items()
}
"""The allowed calls, by name, with their numbers by machine."""

REFUSED: Mapping[str, Mapping[str, int]] = _parsed(_REFUSED)
"""The calls that return EPERM."""

ABSENT: Sequence[str] = (
    "clone3",  # its flags are in memory, where no filter can read them
    *("shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "semtimedop"),  # memory that nobody counts
    *("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify"),
    *("io_setup", "io_submit", "io_getevents", "io_pgetevents", "io_cancel", "io_destroy"),
    *("seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "cachestat"),
)
"""Calls that return ENOSYS, and that docker knows: 20.10 returns EPERM for these by default, in any profile."""
