"""Environments by uv: resolved, locked with hashes, wheels installed once per lock; npm joins in for servers."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal

from agenthands._util.atomic_files import write_atomic
from agenthands._util.redaction import redact, without_keys
from agenthands.environments.base import LOCKS, Environment
from agenthands.environments.error_mapping import UV_SECONDS, uv_fault
from agenthands.environments.layers import Layer, layer_over
from agenthands.environments.lockfile import merged, same_packages, without_comments
from agenthands.environments.npm import install_npm, npm_published
from agenthands.environments.npm import npm_lock as locked_by_npm
from agenthands.environments.vetting import (
    npm_names,
    refuse_empty_npm,
    refuse_unlisted,
    refuse_young_npm,
    vet_packages,
)
from agenthands.errors import DependencyRefused, OutsideError
from agenthands.sandbox.base import CommandResult
from agenthands.sandbox.subprocesses import run_process

# NAT needs `wikipedia`, which its author publishes as a source archive alone. It is the only exception.
_WHEELS_ONLY = ("--only-binary", ":all:", "--no-binary", "wikipedia")
# Oracle's SDK, two thirds of all modules that come with NAT, is imported by agents on Oracle's cloud alone.
_NOT_COMPILED = "/site-packages/oci/|/tests/"
# As `python -m compileall -j 0`, which needs a temporary folder with a short name, for a socket, and whose exit code
# does not tell a module that cannot be compiled from a machine on which nothing can be.
_COMPILE = """
import compileall, concurrent.futures, functools, multiprocessing, pathlib, re, sys
compiled = functools.partial(compileall.compile_file, quiet=2, rx=re.compile(sys.argv[1]), prependdir=sys.argv[2])
modules = sorted(str(path) for path in pathlib.Path("lib").rglob("*.py"))
with concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
    list(pool.map(compiled, modules, chunksize=64))
"""
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def nat_digest() -> str:
    """Return the hash of the lock of NAT's environment alone, which every build needs."""
    return hashlib.sha256((LOCKS / "nat.lock").read_bytes()).hexdigest()


class UvInstaller:
    """Keeps locks in `<home>/locks` and environments in `<home>/environments`, each under the hash of its input."""

    def __init__(
        self, home: Path, refresh: bool = False, trusted: Sequence[str] = (), allowed: Sequence[str] = ()
    ) -> None:
        """Remember where environments are kept; `refresh` resolves anew what was resolved before.

        Packages that are `trusted` are installed however young or empty they are. Where some are `allowed`, tools get
        no others beyond NAT's, whatever pulls them in.
        """
        self._home = home
        self._refresh = refresh
        self._trusted = sorted(trusted)
        self._allowed = sorted(allowed)

    def nat(self, dependencies: Sequence[str] = ()) -> Environment:
        """Return the NAT environment that ships as a lock, or a layer over it with `dependencies` that fit into it."""
        lock = self.resolve(dependencies)
        if dependencies:
            self.nat()
        return self.install(lock)

    def has_nat(self) -> bool:
        """Return whether the NAT environment that ships as a lock is installed."""
        return _is_ready(self._place(self.resolve([])))

    def resolve(self, dependencies: Sequence[str]) -> str:
        """Return the lock that ships, or one that adds `dependencies` to it."""
        base = (LOCKS / "nat.lock").read_text(encoding="utf-8")
        if not dependencies:
            return base
        wanted = "\n".join(sorted(dependencies)) + "\n"
        return merged(base, self._lock(wanted, base, known=base, allowed=self._allowed))

    def server(
        self, registry: Literal["pypi", "npm"], package: str, version: str, as_of: str = "", vetted: bool = False
    ) -> Environment:
        """Return an environment with just one MCP server, resolved as the index was at the start of the day `as_of`."""
        before = f"{as_of}T00:00:00Z" if as_of else ""
        if registry == "npm":
            return self._npm_server(package, version, before, vetted)
        known = "" if vetted else (LOCKS / "nat.lock").read_text(encoding="utf-8")
        return self.install(self._lock(f"{package}=={version}\n", "", before, known))

    def _npm_server(self, package: str, version: str, before: str, vetted: bool) -> Environment:
        runtime = (LOCKS / "node.lock").read_text(encoding="utf-8")

        def resolved() -> str:
            node = self.install(runtime)
            lock = locked_by_npm(node, package, version, before)
            if not vetted:
                refuse_young_npm(npm_published(node, sorted({*npm_names(lock, self._trusted).values()})))
            return lock

        looked_at = [] if vetted else ["vetted", *self._trusted]
        lock = self._kept(["npm", package, version, before, runtime, *looked_at], resolved)
        environment = self.install(runtime, lock)
        if not vetted:
            refuse_empty_npm(environment.path, lock, self._trusted)
        return environment

    def install_project(self, project: Path, target: Path) -> None:
        """Build a wheel with the hatchling of this process' environment, offline, and install it."""
        with tempfile.TemporaryDirectory(prefix="agenthands-") as folder:
            built = run_process(
                [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
                seconds=120,
                folder=project,
                variables=without_keys(os.environ, "$"),
            )
            if built.exit_code != 0:
                raise DependencyRefused(f"The package cannot be built: {built.stderr.decode(errors='replace')[-1500:]}")
            (wheel,) = Path(folder).glob("*.whl")
            target.mkdir(parents=True, exist_ok=True)
            result = _uv(["pip", "install", "--quiet", "--no-deps", "--offline", "--compile-bytecode",
                          "--python", _interpreter(), "--target", str(target), str(wheel)])  # fmt: skip
        if result.exit_code != 0:
            raise uv_fault("the agent's package", result)

    def _lock(
        self, wanted: str, constraints: str, before: str = "", known: str = "", allowed: Sequence[str] = ()
    ) -> str:
        """Resolve what is wanted; where a lock of `known` packages is given, all others in it are looked at."""

        def resolved() -> str:
            with tempfile.TemporaryDirectory(prefix="agenthands-") as folder:
                (Path(folder) / "wanted.in").write_text(wanted, encoding="utf-8")
                (Path(folder) / "base.lock").write_text(constraints, encoding="utf-8")
                result = _uv(
                    ["pip", "compile", "--quiet", "--generate-hashes", *_WHEELS_ONLY, "--no-header",
                     "--annotation-style", "split", *(["--exclude-newer", before] if before else []),
                     "--python", _interpreter(), "--constraint", f"{folder}/base.lock", f"{folder}/wanted.in"],
                )  # fmt: skip
            if result.exit_code != 0:
                raise uv_fault(wanted, result)
            told = result.stdout.decode()
            refuse_unlisted(told, known, allowed)
            lock = without_comments(told)
            if known:
                vet_packages(lock, known, _WHEELS_ONLY, _uv, self._trusted)
            return lock

        looked_at = ["vetted", *self._trusted] if known else []
        looked_at += ["allowed", *allowed] if allowed else []
        return self._kept(
            [wanted, constraints, sys.version_info[:2], *([before] if before else []), *looked_at], resolved
        )

    def _kept(self, wanted: object, resolved: Callable[[], str]) -> str:
        """Return the lock that was resolved for `wanted` before, or resolve it."""
        key = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
        cached = self._home / "locks" / f"{key}.lock"
        if cached.is_file() and not self._refresh:
            return cached.read_text(encoding="utf-8")
        lock = resolved()
        cached.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(cached, lock)
        return lock

    def install(self, lock: str, npm_lock: str = "") -> Environment:
        """Return the environment of a lock; it is installed once, and by one process."""
        environment = self._place(lock + npm_lock)
        if _is_ready(environment):
            return environment
        environment.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(environment.path.with_suffix(".lock"), fcntl.LOCK_EX) as held:
            if _is_ready(environment):
                return environment
            self._install(environment, lock, held)
            if npm_lock:
                install_npm(environment, npm_lock, [held])
            made = f"{environment.lock_sha256}\n{environment.path.absolute()}"
            (environment.path / ".complete").write_text(made, encoding="utf-8")
        return environment

    def _place(self, lock: str) -> Environment:
        """Say where the environment of a lock is, or would be, for our own kind of Python: sandboxes see no other."""
        digest = hashlib.sha256(lock.encode()).hexdigest()
        name = f"{digest[:20]}-{_PYTHON}"
        return Environment(path=self._home / "environments" / name, lock_sha256=digest)

    def _install(self, environment: Environment, lock: str, held: int) -> None:
        with self._layer(lock) as layer:
            self._install_wheels(environment, layer.rest_of(lock) if layer else lock, held)
            try:
                if layer:
                    layer.link_into(environment)
            except OSError:  # somebody removes what it lies over
                self._install_wheels(environment, lock, held)
        (environment.path / "requirements.lock").write_text(lock, encoding="utf-8")

    @contextmanager
    def _layer(self, lock: str) -> Iterator[Layer | None]:
        """Return what an installed environment has of a lock, the one with the most; nobody installs it anew meanwhile.

        Whoever waits here holds the lock of an environment that is not ready, and waits for one that is ready; so two
        of them cannot wait for each other.
        """

        def in_common(installed: Environment) -> int:
            with suppress(OSError, ValueError):
                return len(same_packages(installed.lock, lock))
            return 0

        base = max(self._installed(), key=in_common, default=None)
        with ExitStack() as held:
            layer = None
            with suppress(OSError, ValueError, csv.Error):
                if base:
                    held.enter_context(_locked(base.path.with_suffix(".lock"), fcntl.LOCK_SH))
                    layer = layer_over(base, lock) if _is_ready(base) else None
            yield layer

    def _installed(self) -> list[Environment]:
        """Return the environments that are ready, of our own kind of Python."""
        found = sorted((self._home / "environments").glob(f"*-{_PYTHON}"))
        return [each for each in (Environment(path, path.name) for path in found) if _is_ready(each)]

    def _install_wheels(self, environment: Environment, lock: str, held: int) -> None:
        """Install what `lock` says, and nothing else, into a new environment, and compile it."""
        made = _uv(["venv", "--quiet", "--clear", "--python", _interpreter(), str(environment.path)], [held])
        if made.exit_code != 0:
            raise uv_fault("a virtual environment", made)
        if not lock.strip():
            return
        result = _uv(
            ["pip", "sync", "--quiet", "--require-hashes", *_WHEELS_ONLY,
             "--build-constraints", str(LOCKS / "nat.lock"), "--python", str(environment.python), "-"],
            [held],
            lock,
        )  # fmt: skip
        if result.exit_code != 0:
            raise uv_fault(lock, result)
        _compile(environment, held)


def _is_ready(environment: Environment) -> bool:
    """Return whether an environment is installed and was not moved: its scripts name their place and the Python."""
    with suppress(OSError):
        _, _, made_at = (environment.path / ".complete").read_text(encoding="utf-8").partition("\n")
        return environment.python.exists() and (not made_at or environment.path.samefile(made_at))
    return False


def _compile(environment: Environment, held: int) -> None:
    """Compile the modules, for a sandbox cannot keep what Python compiles there; no .pth file of a wheel is run.

    Raises OutsideError where the machine did not let it finish.
    """
    done = run_process(
        [environment.python, "-I", "-S", "-c", _COMPILE, _NOT_COMPILED, str(environment.path)],
        seconds=UV_SECONDS,
        variables=without_keys(os.environ, "$"),
        folder=environment.path,
        held=[held],
    )
    if done.exit_code != 0:
        said = redact(done.stderr.decode(errors="replace")).strip()[-500:]
        why = said or done.ended_by or f"exit code {done.exit_code}"
        raise OutsideError(f"The modules of an environment could not be compiled: {why}")


def _uv(arguments: Sequence[str], held: Sequence[int] = (), stdin: str = "") -> CommandResult:
    from uv import find_uv_bin

    # a wheel may bring a .pth file, and Python runs that when the environment is compiled: it finds no keys but uv's
    variables = {**without_keys(os.environ, "UV_|PIP_|NETRC"), "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    variables.pop("VIRTUAL_ENV", None)
    return run_process([find_uv_bin(), *arguments], seconds=UV_SECONDS, variables=variables,
                       stdin=stdin.encode(), output_bytes=16 * 1024**2, held=held)  # fmt: skip


def _interpreter() -> str:
    """Return the interpreter behind our own virtual environment: the sandbox sees its prefix."""
    return os.path.realpath(sys.executable)


@contextmanager
def _locked(lock_file: Path, kind: int) -> Iterator[int]:
    """Let one process at a time install, or many read (`LOCK_SH`).

    Returns a descriptor that holds the lock, for installers to inherit.
    The kernel frees the lock of a process that is killed when the installer has ended too, for that goes on.
    """
    with lock_file.open("w") as file:
        fcntl.flock(file, kind)
        try:
            yield file.fileno()
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # whoever else has inherited it
