"""Looks at packages that a plan adds to NAT's, and at those of foreign MCP servers: new ones of nobody, and empty ones.

A name that a model invented may have been registered by somebody who hoped for that. Where the index tells when it
got its files (PEP 700, and npm's `time`), a package whose first wheel or version is younger than 14 days is refused;
one with nothing in it always. Those that the user trusts are not looked at. Where the user lists packages, no other
gets in, whoever needs it.
"""

from __future__ import annotations

import ast
import json
import re
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from agenthands.environments.error_mapping import uv_fault
from agenthands.environments.lockfile import entries
from agenthands.errors import DependencyRefused, RegistryUnavailable
from agenthands.sandbox.base import CommandResult

YOUNG_DAYS = 14
_DAY = 86400.0
_NEEDED_BY = re.compile(r"^ +# (?:via |  )(\w\S*)$", re.MULTILINE)
# uv names the day in a hint for people alone; where its words change, the message names the day two weeks ago.
_PUBLISHED = re.compile(r"was filtered by `exclude-newer`[^\n]* published at (\d{4}-\d\d-\d\d)")
_HINT = "If you know it and want it all the same, name it in AGENTHANDS_TRUSTED_PACKAGES."
_PAPERS = re.compile(r"(?i)(package\.json|readme|licen[cs]e|changelog|history|notice|authors|\.).*")
_NOTHING = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/|['"]use strict['"];?|(module\.)?exports\s*=\s*\{\s*\};?|export\s*\{\s*\};?""", re.DOTALL
)
_MAX_NOTHING = 4000
Uv = Callable[[Sequence[str]], CommandResult]


def vet_packages(lock: str, base: str, wheels_only: Sequence[str], uv: Uv, trusted: Collection[str] = ()) -> None:
    """Look at what `lock` has beyond `base` and `trusted`.

    Raises DependencyRefused, naming the package and why, or RegistryUnavailable where its age cannot be found out.
    """
    before = entries(base).keys() | {canonicalize_name(name) for name in trusted}
    added = {name: entry for name, entry in entries(lock).items() if name not in before}
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
    """Ask for the same packages as the index was two weeks ago; a name that it cannot tell of is let pass.

    Only whether uv finds them counts, for its words change: an index that does not tell when it got its files has none
    as of any day, and has them where no day is named.
    """
    now = time.time()
    then, later = (["--exclude-newer", _day(now + days * _DAY)] for days in (-YOUNG_DAYS, YOUNG_DAYS))

    def asked(names: Sequence[str], day: Sequence[str]) -> CommandResult:
        (folder / "names.in").write_text("\n".join(names) + "\n", encoding="utf-8")
        done = uv(["pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate", *wheels_only, *day,
                   str(folder / "names.in")])  # fmt: skip
        fault = uv_fault("\n".join(names), done) if done.exit_code != 0 else None
        if isinstance(fault, RegistryUnavailable):
            raise fault
        return done

    if asked(names, then).exit_code == 0:
        return
    silent = []
    for name in names:
        if (old := asked([name], then)).exit_code == 0:
            continue
        if asked([name], later).exit_code == 0:
            published = _PUBLISHED.search(old.stderr.decode(errors="replace"))
            raise _young(name, f"its first wheels are of {published[1] if published else then[1][:10]} or later")
        silent.append(name)
    if silent and (unnamed := asked(silent, [])).exit_code != 0:
        raise RegistryUnavailable(
            f"The package index does not say how old {', '.join(silent)} are: {uv_fault('', unnamed).message[-500:]}",
            "Look at what uv says; a package that you know can be named in AGENTHANDS_TRUSTED_PACKAGES.",
        )


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def refuse_unlisted(told: str, base: str, allowed: Collection[str]) -> None:
    """Look for what the lock `told`, with uv's comments, has beyond `base` and `allowed`; none allowed allows all.

    Raises DependencyRefused, naming each package and those that need it, as far as the comments say.
    """
    listed = {canonicalize_name(name) for name in allowed}
    before = entries(base)
    refused = []
    for name, entry in entries(told).items():
        if listed and name not in before and canonicalize_name(name) not in listed:
            needed_by = ", ".join(_NEEDED_BY.findall(entry))
            refused.append(name + (f" (needed by {needed_by})" if needed_by else ""))
    if refused:
        raise DependencyRefused(
            f"Packages that are not allowed here would be installed: {', '.join(refused)}; "
            f"allowed are {', '.join(allowed)}.",
            "If they may be used, name them in AGENTHANDS_DEPENDENCIES as well.",
        )


def _refuse_empty(site: Path) -> None:
    for found in distributions(path=[str(site)]):
        if not found.requires and not any(_has_content(path) for path in _files(found)):
            raise _placeholder(str(found.name))


def _young(name: str, since: str) -> DependencyRefused:
    return DependencyRefused(
        f"The package {name} is younger than {YOUNG_DAYS} days: {since}. "
        "A package that nobody knows yet is not installed; use an established one.",
        _HINT,
    )


def _placeholder(name: str) -> DependencyRefused:
    return DependencyRefused(f"The package {name} is a placeholder: there is nothing in it.", _HINT)


def npm_names(lock: str, trusted: Collection[str] = ()) -> dict[str, str]:
    """Return the packages of a package-lock.json that come from the index and are not `trusted`: name by place."""
    packages: dict[str, Any] = json.loads(lock)["packages"]
    names = {
        place: entry.get("name") or place.rpartition("node_modules/")[2]
        for place, entry in packages.items()
        if place and not entry.get("inBundle")
    }
    return {place: name for place, name in names.items() if name not in trusted}


def refuse_young_npm(published: Mapping[str, Sequence[str]]) -> None:
    """Look at when each version of packages was published, by their names. Raises as `vet_packages` does."""
    then = datetime.now(UTC) - timedelta(days=YOUNG_DAYS)
    for name, days in published.items():
        try:
            first = min((datetime.fromisoformat(day).astimezone(UTC) for day in days), default=then)
        except ValueError:
            raise RegistryUnavailable(f"The npm index gives no dates for {name}: {', '.join(days)[:200]}") from None
        if first > then:
            raise _young(name, f"its first version is of {first:%Y-%m-%d}")


def refuse_empty_npm(root: Path, lock: str, trusted: Collection[str] = ()) -> None:
    """Look at what was installed below `root`; nothing of it has run yet. Raises as `vet_packages` does."""
    packages: dict[str, Any] = json.loads(lock)["packages"]
    for place, name in npm_names(lock, trusted).items():
        folder = root / place
        if not folder.is_dir() or packages[place].get("dependencies"):
            continue  # an optional one that is not for this machine, or one that stands for others
        if not any(_says_something(path, folder) for path in folder.rglob("*") if path.is_file()):
            raise _placeholder(name)


def _says_something(path: Path, folder: Path) -> bool:
    """Return whether a file of an npm package does or holds anything: papers, comments and an empty export do not."""
    top = path.relative_to(folder).parts[0]
    if top == "node_modules" or _PAPERS.fullmatch(top):
        return False
    if path.suffix not in (".js", ".cjs", ".mjs") or path.stat().st_size > _MAX_NOTHING:
        return path.stat().st_size > 0
    return bool(_NOTHING.sub("", path.read_text(encoding="utf-8", errors="replace")))


def _files(found: Distribution) -> Iterator[Path]:
    for path in found.files or ():
        if ".dist-info" not in path.parts[0]:
            yield Path(str(found.locate_file(path)))


def _has_content(path: Path) -> bool:
    """Return whether a file does or holds anything: a module that only names itself and its version does not."""
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
