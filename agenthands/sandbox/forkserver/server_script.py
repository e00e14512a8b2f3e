"""An interpreter that is prepared once, outside, and of which forks enter sandboxes that bwrap has set up.

Standard library alone, Python 3.12. Standard input is a socket of messages. First comes the Python source of the
preparation, which is run; then each message is a request, with descriptors beside it:

    {"process": id, "word": one of its arguments, "cgroups": [files to join by], "folder": path,
     "variables": {name: value}, "limits": {RLIMIT name: number}, "code": Python source}
    descriptors: the inside ends of standard input, output and error, and where a line with the exit code goes

Each is answered with DONE, with GONE where the process in the sandbox has ended, or with what failed.

A fork joins the cgroups and the namespaces of that process. Only a child of it is in another pid namespace, and only a
child of that one, once its parent has ended, belongs to the sandbox's first process. That one waits for a last one,
which runs the code.

Nothing that the code can reach belongs to the outside: this process has no variables but those of the preparation, open
files and root are left behind, and what is in its memory are the modules that the preparation has imported.
"""

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

IDLE_SECONDS = 60  # its memory is worth more than a second of CPU a minute
ENDING_MILLISECONDS = 1000  # from the end of a sandbox's cgroup or first process to that of the one to be joined
MAX_MESSAGE = 4 * 1024 * 1024
STARTED = b"[in the sandbox]"
DONE, GONE = b"\0", b"\1"
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 24, 36, 38
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
    """Prepare, and answer requests; returns in a fork that has entered a sandbox, with the code it is to run."""
    try:
        exec(compile(receive(control)[0], "<prepared>", "exec"), namespace)
    except BaseException:  # the reason is told, whatever it is
        control.sendall(traceback.format_exc()[-3000:].encode() or b"no reason")
        return None
    check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))  # nobody traces a fork that has privileges still
    # a fork whose parent was killed comes here and is reaped at once: a sandbox whose processes are not, does not end
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
    """Take one message, and the descriptors that came with it."""
    text, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE, 4)
    return text, descriptors


def enter(request, descriptors):
    """Let a fork enter. Gives None here and the code in what has entered.

    Raises ProcessLookupError where the process has ended, and OSError for what failed though it runs.
    """
    process = os.pidfd_open(request["process"])
    told, telling = os.pipe()
    first = os.fork()
    if first:
        os.close(telling)
        with open(told, "rb") as stream:
            reason = stream.read()
        with contextlib.suppress(ChildProcessError):  # nobody needs its exit code
            os.waitpid(first, 0)
        # whatever fails when a sandbox ends meanwhile
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
            os.waitpid(second, 0)  # what nobody waits for keeps the sandbox's first process from ending
            os._exit(0)
        if os.fork():  # now in the sandbox's pid namespace; the next one is adopted by its first process
            os._exit(0)
        confine(request, descriptors, telling)
        os.write(telling, DONE)
        os.close(telling)
        return run_below(request["code"], descriptors[3])
    except BaseException as error:  # no fork may go on as if it were the interpreter outside
        gone = isinstance(error, ProcessLookupError)
        with contextlib.suppress(OSError):
            os.write(telling, GONE if gone else f"{type(error).__name__}: {error}".encode())
        os._exit(1)


def join(request, process):
    """Join the cgroups and all namespaces of the process, which cannot be another one by now, nor one outside."""
    folder = f"/proc/{request['process']}"
    try:
        shared = [name for name in NAMESPACES if is_same(f"{folder}/ns/{name}", f"/proc/self/ns/{name}")]
        # read after the pidfd was opened: what has the word now had the process id then
        with open(f"{folder}/cmdline", "rb") as stream:
            words = stream.read().split(b"\0")
    except FileNotFoundError:
        raise ProcessLookupError from None
    if request["word"].encode() not in words:
        raise ProcessLookupError
    if set(shared) - {"cgroup"}:  # of which not every kernel has namespaces
        raise OSError(f"the process is in no sandbox: it shares {shared}")
    for file in request["cgroups"]:
        with open(file, "w") as stream:
            stream.write(str(os.getpid()))
    os.setns(process, sum(flag for name, flag in NAMESPACES.items() if name not in shared))


def has_ended(process):
    """Return whether the process of a pidfd has ended, or ends now."""
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(ENDING_MILLISECONDS))


def is_same(first, second):
    """Return whether two files are the same one."""
    return os.path.samestat(os.stat(first), os.stat(second))


def confine(request, descriptors, telling):
    """Leave all behind that the sandbox is not to have: descriptors, session, privileges."""
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
    check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))  # nobody inside opens what this process has open


def check(result):
    """Raise OSError where a call to libc has failed."""
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run_below(code, telling):
    """Return the code in a fork; wait for its end here, tell the exit code, and end."""
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
    with contextlib.suppress(OSError):  # nobody wants to know
        os.write(telling, b"%d\n" % (status if status >= 0 else 128 - status))
    os._exit(0)


def main():
    """Serve; in a fork that has entered, run the code as this program."""
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
