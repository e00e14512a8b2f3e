"""An installed environment, and what installs one; the docstring of the protocol is its error contract."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True)
class Environment:
    """An installed Python environment that nothing changes any more."""

    path: Path
    lock_sha256: str

    @property
    def lock(self) -> str:
        """The requirements with hashes from which it was installed."""
        return (self.path / "requirements.lock").read_text(encoding="utf-8")

    @property
    def is_nat(self) -> bool:
        """Whether it is the NAT environment that ships as a lock, and nothing else."""
        return self.lock_sha256 == nat_lock_sha256() and not self.npm_lock

    @property
    def npm_lock(self) -> str:
        """The package-lock.json with integrity hashes; empty in an environment of Python alone."""
        file = self.path / "package-lock.json"
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.path / "bin" / "python"

    @property
    def site(self) -> Path:
        """The folder in which its packages are installed."""
        return next(self.path.glob("lib/python3*/site-packages"))


LOCKS = Path(__file__).parent / "locks"


@cache
def nat_lock_sha256() -> str:
    """Return the hash of the lock of NAT's environment that ships."""
    return hashlib.sha256((LOCKS / "nat.lock").read_bytes()).hexdigest()


class EnvironmentInstaller(Protocol):
    """Installs environments: resolved, hash-locked, wheels only, once per lock.

    An environment may share files with others; none of them ever changes, and each can be removed by itself.
    """

    def nat(self, dependencies: Sequence[str] = ()) -> Environment:
        """Return the pinned NAT environment plus `dependencies` (PEP 508).

        Raises DependencyRefused (missing, clashing, no wheel) or RegistryUnavailable.
        """

    def server(
        self, registry: Literal["pypi", "npm"], package: str, version: str, as_of: str = "", vetted: bool = False
    ) -> Environment:
        """Return an environment with just one MCP server, at one version; no build script runs.

        What it needs is resolved as the index was at the start of the day `as_of` (2026-11-23), so that the same
        entry gives the same environment on any day. Unless somebody has `vetted` it, packages that are new on the
        index, or have nothing in them, are refused. Raises as `nat` does.
        """

    def resolve(self, dependencies: Sequence[str]) -> str:
        """Lock the NAT environment plus `dependencies` and return the lock; installs nothing. Raises as `nat` does."""

    def install(self, lock: str, npm_lock: str = "") -> Environment:
        """Install what was locked before, here or elsewhere. Raises as `nat` does."""

    def install_project(self, project: Path, target: Path) -> None:
        """Build the wheel of a project with hatchling and install it, without dependencies, into `target`.

        Raises DependencyRefused where the project cannot be built.
        """
