"""The sandboxes that there are: their names, words about them, and how each is opened. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from agenthands.sandbox.base import Sandbox


class SandboxSettings(Protocol):
    """Those settings that a sandbox may need."""

    @property
    def sandbox_image(self) -> str | None:
        """Name of an image; None where none was chosen."""


@dataclass(frozen=True)
class SandboxKind:
    """A kind of sandbox. `module` has a class, of the name `cls`, with a method `from_settings`.

    `needs`, `bounds` and `starts` are a row of the table in docs/security.md. `forks` says whether forks of a prepared
    interpreter may enter it.
    """

    name: str
    module: str
    cls: str
    needs: str
    bounds: str
    starts: str
    forks: bool = False

    def open(self, settings: SandboxSettings) -> Sandbox:
        """Open the sandbox; nothing is started yet. Raises SandboxUnavailable."""
        opened: Sandbox = getattr(import_module(self.module), self.cls).from_settings(settings)
        return opened


_KINDS: Sequence[SandboxKind] = (
    SandboxKind(
        name="bubblewrap",
        module="agenthands.sandbox.bubblewrap.sandbox",
        cls="BubblewrapSandbox",
        needs="user namespaces",
        bounds="cgroups where it may make them, else watching",
        starts="quickly",
        forks=True,
    ),
    SandboxKind(
        name="docker",
        module="agenthands.sandbox.docker.sandbox",
        cls="DockerSandbox",
        needs="a daemon, and `deployments/sandbox-image.sh` once",
        bounds="cgroups",
        starts="several times slower",
    ),
)
SANDBOXES: Mapping[str, SandboxKind] = {kind.name: kind for kind in _KINDS}
DEFAULT_SANDBOX = _KINDS[0].name
