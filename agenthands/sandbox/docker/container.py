"""Creates the containers of sandboxes with their mounts, limits and user, and removes those of dead workers."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agenthands.errors import SandboxLost
from agenthands.sandbox.base import Command
from agenthands.sandbox.launch import MASKED, mounted, played, ulimits, variables_inside
from agenthands.sandbox.seccomp.profile import docker_profile

IMAGE = "agenthands-sandbox:bf3a9c4ac03c"  # the hash of deployments/sandbox.Dockerfile
_LABEL = "agenthands.owner"
_SANDBOX_UID = 1000


def create(api: Any, image: str, command: Command, argv: Sequence[str]) -> str:
    """Create a container for a command, with all its limits, and return its id; it is not started.

    If the worker is root, the workspace is handed over to the user of the sandbox.
    """
    hand_over(command.workspace)
    for path in [*mounted(command, played(command)), *(path for path, _ in _switched(command))]:
        _let_read(path)
    config = api.create_container_config(
        image,
        list(argv),
        entrypoint=["/bin/bash", "-c", f'{ulimits(command.limits)}; exec "$@"', "sandbox"],
        hostname="sandbox",
        user=sandbox_user(),
        stdin_open=True,
        environment=variables_inside(command),
        working_dir=str(command.workspace),
        labels={_LABEL: _owner()},
        host_config=_host_config(api, command),
    )
    return str(api.create_container_from_config(config)["Id"])


def remove(api: Any, container: str) -> None:
    """Kill and remove a container; do nothing if the container or the daemon is gone."""
    with quiet():
        api.remove_container(container, force=True, v=True)


def remove_stale(api: Any) -> None:
    """Remove the containers that dead workers left behind."""
    own_boot, own_space, *_ = _owner().split()
    for container in api.containers(all=True, filters={"label": _LABEL}):
        boot, space, pid, started = container["Labels"][_LABEL].split()
        if boot == own_boot and (space != own_space or _started(int(pid)) == started):
            continue  # its worker is alive, or in another pid namespace, where its id means something else
        remove(api, container["Id"])


def sandbox_user() -> str:
    """Return the user inside as "uid:gid": the worker's own, but never root."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else f"{_SANDBOX_UID}:{_SANDBOX_UID}"


def hand_over(folder: Path) -> None:
    """Hand a root worker's workspace, with everything in it, to the user of the sandbox; no link is followed."""
    if os.getuid():
        return
    with contextlib.suppress(FileNotFoundError):  # something in there is ending
        for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
            os.chown(descriptor, _SANDBOX_UID, _SANDBOX_UID)
            for name in (*folders, *files):
                with contextlib.suppress(FileNotFoundError):
                    os.chown(name, _SANDBOX_UID, _SANDBOX_UID, dir_fd=descriptor, follow_symlinks=False)


@contextlib.contextmanager
def lost_if_broken() -> Iterator[None]:
    """Turn every failure of the daemon and the connection into SandboxLost."""
    import docker
    import requests

    try:
        yield
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        reason = getattr(error, "explanation", None) or str(error)
        raise SandboxLost(f"The docker sandbox broke: {reason}"[:500]) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Ignore failures of the daemon and the connection, for clean-up."""
    with contextlib.suppress(SandboxLost), lost_if_broken():
        yield


def _host_config(api: Any, command: Command) -> dict[str, Any]:
    limits = command.limits
    prefix = Path(sys.base_prefix).resolve()
    shown = [*([prefix] if prefix != Path("/usr") else []), *mounted(command, played(command))]
    config: dict[str, Any] = api.create_host_config(
        network_mode="none",  # and not `network_disabled`: docker would write no /etc/hosts, which names localhost
        dns=["127.0.0.1"],  # otherwise docker writes the machine's name servers into the container
        read_only=True,
        init=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true", f"seccomp={docker_profile()}"],
        ipc_mode="private",
        pids_limit=limits.processes,
        mem_limit=limits.memory_bytes,
        memswap_limit=limits.memory_bytes,
        shm_size=limits.scratch_bytes,
        tmpfs={"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={limits.scratch_bytes}"},
        ulimits=[
            {"name": name, "soft": most, "hard": most}
            for name, most in (("nofile", limits.open_files), ("fsize", limits.file_bytes), ("core", 0))
        ],
        mounts=[
            *(_mount(path, read_only=True) for path in dict.fromkeys(shown)),
            _mount(command.workspace, read_only=False),
            *({**_mount(path, read_only=True), "Target": target} for path, target in _switched(command)),
        ],
        sysctls={"net.ipv4.ip_unprivileged_port_start": "0"} if command.loopback else None,
        log_config={"type": "none"},  # the daemon must not write endless output to the machine's disk
    )
    config["MaskedPaths"] = [*MASKED, "/sys"]  # /sys describes the machine, too
    return config


def _switched(command: Command) -> list[tuple[Path, str]]:
    """Return the files that say which names lead to the loopback, and where they belong."""
    loopback = command.loopback
    if not loopback:
        return []
    return [(loopback.hosts_file, "/etc/hosts"), (loopback.switch_file, "/etc/nsswitch.conf")]


def _mount(path: Path, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(path), "Target": str(path), "ReadOnly": read_only}


def _let_read(path: Path) -> None:
    """Let the user of the sandbox read what only a root worker can read; it is mounted read-only."""
    with contextlib.suppress(FileNotFoundError):  # the daemon reports what is missing
        status = path.stat()
        needed = 0o006 if path.is_socket() else 0o005 if path.is_dir() else 0o004
        if os.getuid() == 0 and status.st_mode & needed != needed:
            os.chown(path, _SANDBOX_UID, status.st_gid)


def _owner() -> str:
    """Return a label of this process from which another one can tell whether it is still running."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - a name, not a path
    return f"{boot} {space} {os.getpid()} {_started(os.getpid())}"


def _started(pid: int) -> str:
    """Return the start time of a process in clock ticks since boot; "0" if there is no such process."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return "0"
