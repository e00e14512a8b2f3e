"""A fork server: it prepares once, outside, and its forks enter sandboxes that bwrap has set up.

Standard library only, Python 3.12. Standard input is a socket of messages. The first is the Python source of the
preparation, which is run; each further message is a request, with file descriptors:

    {"process": id, "word": one of its arguments, "cgroups": [files to join by], "folder": path,
     "variables": {name: value}, "limits": {RLIMIT name: number}, "filter": the filter of system calls in base64,
     "code": Python source}
    descriptors: the inner ends of standard input, output and error, and one to which a line with the exit code is
    written

The answer is DONE, or GONE if the process in the sandbox has ended, or else a text that says what failed.

A fork joins the cgroups and the namespaces of the process in the request. A new pid namespace applies only to children,
so the fork forks again; that child forks again and ends, so that the grandchild is adopted by the sandbox's first
process. The grandchild waits for one last fork, which runs the code.

The code can reach nothing from the outside: this process has only the variables of the preparation, a fork leaves open
files and the root folder behind, and its memory holds only the modules that the preparation has imported.
"""

import base64
import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback

IDLE_SECONDS = 60  # after that, its memory is worth more than the second of CPU time that a new start costs
ENDING_MILLISECONDS = 1000  # between the end of a sandbox's cgroup or first process and that of the process to join
MAX_MESSAGE = 4 * 1024 * 1024
STARTED = b"[in the sandbox]"
DONE, GONE = b"\0", b"\1"
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 22, 24, 36, 38
SECCOMP_MODE_FILTER = 2
CAPABILITIES_VERSION_3 = 0x20080522
NAMESPACES = {
    "user": os.CLONE_NEWUSER,
    "mnt": os.CLONE_NEWNS,
    "pid": os.CLONE_NEWPID,
    "net": os.CLONE_NEWNET,
    "ipc": os.CLONE_NEWIPC,
    "uts": os.CLONE_NEWUTS,
    "cgroup": os.CLONE_NEWCGROUP,
}
libc = ctypes.CDLL(None, use_errno=True)


def serve(control, namespace):
    """Prepare, then answer requests. In a fork that has entered a sandbox, return the code to run; else None."""
    try:
        exec(compile(receive(control)[0], "<prepared>", "exec"), namespace)
    except BaseException:  # any exception is reported
        control.sendall(traceback.format_exc()[-3000:].encode() or b"no reason")
        return None
    check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))  # nobody may trace a fork that still has privileges
    # adopt and reap forks whose parent was killed: a sandbox does not end before its processes are reaped
    check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.sendall(DONE)
    control.settimeout(IDLE_SECONDS)
    while True:
        try:
            text, descriptors = receive(control)
        except TimeoutError:
            return None
        if not text:
            return None
        try:
            code = enter(json.loads(text), descriptors)
        except ProcessLookupError:
            answer = GONE
        except OSError as error:
            answer = str(error).encode() or b"no reason"
        else:
            if code is not None:
                return code
            answer = DONE
        control.sendall(answer)
        for descriptor in descriptors:
            os.close(descriptor)


def receive(control):
    """Receive one message, and return its bytes and its file descriptors."""
    text, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE, 4)
    return text, descriptors


def enter(request, descriptors):
    """Let a fork enter. Return None in the server, and the code to run in the process that has entered.

    Raises ProcessLookupError if the process inside has ended, and OSError if the entry fails for another reason.
    """
    process = os.pidfd_open(request["process"])
    told, telling = os.pipe()
    first = os.fork()
    if first:
        os.close(telling)
        with open(told, "rb") as stream:
            reason = stream.read()
        with contextlib.suppress(ChildProcessError):  # its exit code is not needed
            os.waitpid(first, 0)
        # if a sandbox ends meanwhile, anything may fail
        gone = reason != DONE and (reason == GONE or has_ended(process))
        os.close(process)
        if gone:
            raise ProcessLookupError
        if reason != DONE:
            raise OSError(reason.decode(errors="replace") or "the fork ended without a word")
        return None
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        join(request, process)
        if second := os.fork():
            os.waitpid(second, 0)  # an unreaped child would keep the sandbox's first process from ending
            os._exit(0)
        if os.fork():  # now in the sandbox's pid namespace, whose first process adopts the next fork
            os._exit(0)
        confine(request, descriptors, telling)
        os.write(telling, DONE)
        os.close(telling)
        return run_below(request["code"], descriptors[3])
    except BaseException as error:  # no fork may continue as if it were the server outside
        gone = isinstance(error, ProcessLookupError)
        with contextlib.suppress(OSError):
            os.write(telling, GONE if gone else f"{type(error).__name__}: {error}".encode())
        os._exit(1)


def join(request, process):
    """Join the cgroups and all namespaces of the process, after checking that it is the right one and in a sandbox."""
    folder = f"/proc/{request['process']}"
    try:
        shared = [name for name in NAMESPACES if is_same(f"{folder}/ns/{name}", f"/proc/self/ns/{name}")]
        # read after the pidfd was opened: the process with the word had this id even then
        with open(f"{folder}/cmdline", "rb") as stream:
            words = stream.read().split(b"\0")
    except FileNotFoundError:
        raise ProcessLookupError from None
    if request["word"].encode() not in words:
        raise ProcessLookupError
    if set(shared) - {"cgroup"}:  # not every kernel has cgroup namespaces
        raise OSError(f"the process is in no sandbox: it shares {shared}")
    for file in request["cgroups"]:
        with open(file, "w") as stream:
            stream.write(str(os.getpid()))
    os.setns(process, sum(flag for name, flag in NAMESPACES.items() if name not in shared))


def has_ended(process):
    """Return whether the process of a pidfd ends within ENDING_MILLISECONDS."""
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(ENDING_MILLISECONDS))


def is_same(first, second):
    """Return whether two paths are the same file."""
    return os.path.samestat(os.stat(first), os.stat(second))


def confine(request, descriptors, telling):
    """Drop everything that the sandbox must not have: file descriptors, session, variables, privileges."""
    os.setsid()
    for target, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, target)
    kept = sorted((descriptors[3], telling))
    for low, high in zip([2, *kept], [*kept, resource.getrlimit(resource.RLIMIT_NOFILE)[0]], strict=True):
        os.closerange(low + 1, high)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    for name, number in request["limits"].items():
        resource.setrlimit(getattr(resource, name), (number, number))
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    with open("/proc/sys/kernel/cap_last_cap") as stream:
        last = int(stream.read())
    for capability in range(last + 1):
        check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0)
    check(libc.capset(header, (ctypes.c_uint32 * 6)()))
    check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))  # nobody inside may open this process's files
    limit_calls(base64.b64decode(request["filter"]))


class Program(ctypes.Structure):
    """The kernel's struct sock_fprog: a filter of system calls."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def limit_calls(instructions):
    """Let this process and its children make only the system calls that the filter allows."""
    program = Program(len(instructions) // 8, instructions)
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))


def check(result):
    """Raise OSError if a libc call has failed."""
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run_below(code, telling):
    """In a fork, return the code; here, wait for its end, report the exit code, and exit."""
    child = os.fork()
    if not child:
        os.close(telling)
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        os.write(2, STARTED)
        return code
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(OSError):  # nobody is listening any more
        os.write(telling, b"%d\n" % (status if status >= 0 else 128 - status))
    os._exit(0)


def main():
    """Serve requests; in a fork that has entered a sandbox, run the code as the main program."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
    namespace = {"__name__": "__main__"}
    code = serve(control, namespace)
    if code is not None:
        control.detach()
        sys.argv = ["-c"]
        exec(compile(code, "<string>", "exec"), namespace)


if __name__ == "__main__":
    main()
