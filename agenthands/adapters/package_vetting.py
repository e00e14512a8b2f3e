"""Looks at the packages that a plan adds to NAT's, before they are installed: new ones of nobody, and empty ones.

A name that a model invented may have been registered by somebody who hoped for that. Where the index tells when it
got its files (PEP 700), a package whose first wheel is younger than 14 days is refused; one with nothing in it always.
"""

from __future__ import annotations

import ast
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from agenthands.errors import DependencyRefused
from agenthands.ports import CommandResult

YOUNG_DAYS = 14
_ENTRY = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==\S+[^\n]*\n(?:[ \t]+[^\n]*\n)*", re.MULTILINE)
_UNVERSIONED = re.compile(r"there are no versions of ([A-Za-z0-9._-]+)")
_PUBLISHED = re.compile(r"`([A-Za-z0-9._-]+)` was filtered by `exclude-newer`[^\n]* published at (\d{4}-\d\d-\d\d)")
Uv = Callable[[Sequence[str]], CommandResult]


def vet_packages(lock: str, base: str, wheels_only: Sequence[str], uv: Uv) -> None:
    """Look at what `lock` has beyond `base`. Raises DependencyRefused, naming the package and why."""
    before = {found[1] for found in _ENTRY.finditer(base)}
    added = {found[1]: found[0] for found in _ENTRY.finditer(lock) if found[1] not in before}
    if not added:
        return
    with tempfile.TemporaryDirectory(prefix="agenthands-") as name:
        folder = Path(name)
        _refuse_young(list(added), folder, wheels_only, uv)
        (folder / "added.lock").write_text("".join(added.values()), encoding="utf-8")
        done = uv(["pip", "install", "--quiet", "--no-deps", "--require-hashes", *wheels_only,
                   "--target", str(folder / "site"), "--requirement", str(folder / "added.lock")])  # fmt: skip
        if done.exit_code == 0:  # else the installation itself will say why
            _refuse_empty(folder / "site")


def _refuse_young(names: list[str], folder: Path, wheels_only: Sequence[str], uv: Uv) -> None:
    """Ask for the same packages as the index was two weeks ago; a name that it cannot tell of is let pass."""
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - YOUNG_DAYS * 86400))
    while names:
        (folder / "names.in").write_text("\n".join(names) + "\n", encoding="utf-8")
        asked = uv(["pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate", *wheels_only,
                    "--exclude-newer", then, str(folder / "names.in")])  # fmt: skip
        said = asked.stderr.decode(errors="replace")
        missing = _UNVERSIONED.search(said)
        if asked.exit_code == 0 or not missing or missing[1] not in names:
            return
        published = _PUBLISHED.search(said)
        if published and published[1] == missing[1]:
            raise DependencyRefused(
                f"The package {missing[1]} is younger than {YOUNG_DAYS} days: its first wheels are of {published[2]} "
                "or later. A package that nobody knows yet is not installed; use an established one."
            )
        names = [name for name in names if name != missing[1]]


def _refuse_empty(site: Path) -> None:
    for found in distributions(path=[str(site)]):
        if not found.requires and not any(_has_content(path) for path in _files(found)):
            raise DependencyRefused(f"The package {found.name} is a placeholder: there is nothing in it.")


def _files(found: Distribution) -> Iterator[Path]:
    for path in found.files or ():
        if ".dist-info" not in path.parts[0]:
            yield Path(str(found.locate_file(path)))


def _has_content(path: Path) -> bool:
    """Say whether a file does or holds anything: a module that only names itself and its version does not."""
    if path.suffix != ".py":
        return path.is_file() and path.stat().st_size > 0 and path.name != "py.typed"
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    return not all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant | None))
        for node in body
    )
