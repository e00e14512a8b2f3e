"""The filter of system calls, run here as the kernel runs it, for both machines."""

import errno
import json
import platform
import struct

import pytest

from agenthands.errors import SandboxUnavailable
from agenthands.sandbox.seccomp.calls import ABSENT, ALLOWED, CONDITIONS, MACHINES, REFUSED
from agenthands.sandbox.seccomp.profile import docker_profile
from agenthands.sandbox.seccomp.program import filter_program

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
NAMESPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]


def decided(program, number, architecture, arguments=()):
    """Return what the program says about a call: an interpreter of the instructions that it uses."""
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    at = accumulator = 0
    while True:
        operation, yes, no, value = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if operation == 0x20:  # load a word
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif operation == 0x54:  # and
            accumulator &= value
        elif operation == 0x05:  # jump
            at += value
        elif operation in (0x15, 0x35):  # equal; greater or equal
            at += yes if (accumulator == value if operation == 0x15 else accumulator >= value) else no
        else:
            assert operation == 0x06, operation  # return
            return value


@pytest.fixture(params=MACHINES)
def machine(request):
    return request.param


@pytest.fixture
def said(machine):
    program = filter_program(machine)
    assert len(program) % 8 == 0
    assert len(program) // 8 <= 4096  # the kernel's BPF_MAXINSNS
    return lambda number, *arguments: decided(program, number, AUDIT[machine], arguments)


def test_every_number_is_decided_as_the_table_says(machine, said):
    names = {numbers[machine]: name for name, numbers in (ALLOWED | REFUSED).items() if machine in numbers}
    for number in range(1000):
        name = names.get(number)
        if name in CONDITIONS:
            continue
        expected = ALLOW if name in ALLOWED else ERROR | (errno.EPERM if name else errno.ENOSYS)
        assert said(number) == expected, (number, name)


def test_no_number_stands_for_two_calls(machine):
    numbers = [numbers[machine] for numbers in (*ALLOWED.values(), *REFUSED.values()) if machine in numbers]
    assert len(numbers) == len(set(numbers))
    assert not set(ALLOWED) & set(REFUSED)
    assert not {*ALLOWED, *REFUSED} & set(ABSENT)


@pytest.mark.parametrize(
    "name",
    ["ptrace", "process_vm_readv", "process_vm_writev", "keyctl", "add_key", "bpf", "perf_event_open", "userfaultfd",
     "io_uring_setup", "mount", "umount2", "pivot_root", "open_tree", "fsopen", "move_mount", "setns", "unshare",
     "kexec_load", "init_module", "finit_module", "personality", "syslog", "pidfd_getfd", "open_by_handle_at"],
)  # fmt: skip
def test_what_only_an_attack_needs_is_refused(machine, said, name):
    assert said(REFUSED[name][machine]) == ERROR | errno.EPERM


def test_sockets_are_of_three_families(machine, said):
    socket, pair = ALLOWED["socket"][machine], ALLOWED["socketpair"][machine]
    assert [family for family in range(64) if said(socket, family, 1) == ALLOW] == [1, 2, 10]
    assert [family for family in range(64) if said(pair, family, 1) == ALLOW] == [1]
    assert said(socket, 40) == ERROR | errno.EAFNOSUPPORT
    assert said(socket, 40 | 1 << 32) == ERROR | errno.EAFNOSUPPORT  # the kernel reads 32 bits
    assert said(socket, 2 | 1 << 32) == ALLOW


def test_clone_makes_no_namespaces_and_clone3_is_not_there(machine, said):
    clone = ALLOWED["clone"][machine]
    assert said(clone, 0x003D0F00) == ALLOW  # what pthread_create asks for
    assert said(clone, 0x4111) == ALLOW  # what posix_spawn asks for
    for flag in NAMESPACES:
        assert said(clone, flag | 17) == ERROR | errno.EPERM
        assert said(clone, flag | 17 | 1 << 40) == ERROR | errno.EPERM
    assert said(435) == ERROR | errno.ENOSYS


def test_nothing_types_into_a_terminal(machine, said):
    ioctl = ALLOWED["ioctl"][machine]
    assert said(ioctl, 0, 0x5401) == ALLOW
    assert said(ioctl, 0, 0x5412) == said(ioctl, 0, 0x5412 | 1 << 32) == ERROR | errno.EPERM


def test_other_architectures_are_killed(machine, said):
    program = filter_program(machine)
    for other in (0x40000003, 0x40000028, *(audit for name, audit in AUDIT.items() if name != machine)):
        assert decided(program, 39, other) == KILL  # i386, arm, the other one
    assert said(0x40000000 | 39) == said(-1) == KILL  # x32


def test_a_machine_that_is_not_known_has_no_sandbox(monkeypatch):
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        filter_program("riscv64")


def test_this_machines_filter_is_the_one_that_is_used():
    assert filter_program() == filter_program(platform.machine())


def test_dockers_profile_says_the_same():
    profile = json.loads(docker_profile())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    rules = {name: [] for name in (*ALLOWED, *REFUSED, *ABSENT)}
    for rule in profile["syscalls"]:
        for name in rule["names"]:
            rules[name].append(rule)
    for name in (*REFUSED, *ABSENT):
        code = errno.ENOSYS if name in ABSENT else errno.EPERM
        assert [(rule["action"], rule["errnoRet"]) for rule in rules[name]] == [("SCMP_ACT_ERRNO", code)]
    for name in ALLOWED:
        assert {rule["action"] for rule in rules[name]} == {"SCMP_ACT_ALLOW"}
    families = [rule["args"] for rule in rules["socket"]]
    assert families == [
        [{"index": 0, "value": 0xFFFFFFFF, "valueTwo": n, "op": "SCMP_CMP_MASKED_EQ"}] for n in (1, 2, 10)
    ]
    assert [rule["args"][0]["valueTwo"] for rule in rules["clone"]] == [0]
    assert all(rules["clone"][0]["args"][0]["value"] & flag for flag in NAMESPACES)
