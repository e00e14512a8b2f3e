"""Writes the lists of files in the READMEs of agenthands/, flows/ and tasks/, from the first lines of docstrings.

`python docs/folders.py` runs it; with `--check` it writes nothing and ends with 1 where a list is out of date.
"""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "agenthands"
_APART = ("gate", "flows", "tasks")  # these have READMEs of their own
_NOT_OURS_TO_TELL = ("scripts", "templates")


def purpose(file: Path) -> str:
    """Return the first line of a file's docstring. Raises ValueError where it has none."""
    text = ast.get_docstring(ast.parse(file.read_text()))
    if not text:
        raise ValueError(f"{file} says nothing about its purpose")
    return text.splitlines()[0].removesuffix(".")


def layers() -> list[str]:
    """Return packages and modules of agenthands/, the top floor first, as import-linter checks them."""
    [contract] = [
        each
        for each in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers"
    ]
    floors = [re.split(r"[|:]", floor) for floor in contract["layers"]]
    return [name.strip().strip("()").removeprefix("agenthands.") for floor in floors for name in floor]


def listed(lines: list[tuple[str, str]]) -> str:
    """Return names and what is said of each, as a block with two columns."""
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"    {name:{width}}  {said}" for name, said in lines)


def files(folder: Path) -> str:
    """Return the Python files of a package, those of its own packages too."""
    found = sorted(folder.rglob("*.py"), key=lambda path: (len(path.relative_to(folder).parts), path))
    names = [path.relative_to(folder) for path in found if path.name != "__init__.py"]
    wanted = [name for name in names if not set(name.parts) & set(_NOT_OURS_TO_TELL)]
    return listed([(str(name), purpose(folder / name)) for name in wanted])


def rooms() -> str:
    """Return the packages and modules of agenthands/ by floor, then each package with its files."""
    names = layers()
    lines = [
        (f"{name}/", purpose(PACKAGE / name / "__init__.py"))
        if (PACKAGE / name).is_dir()
        else (f"{name}.py", purpose(PACKAGE / f"{name}.py"))
        for name in names
    ]
    parts = [listed(lines)]
    for name in names:
        if (PACKAGE / name).is_dir() and name not in _APART:
            parts.append(f"## {name}\n\n{files(PACKAGE / name)}")
    return "\n\n".join(parts)


def pages() -> dict[Path, str]:
    """Return the READMEs with the text that each should have."""
    lists = {PACKAGE: rooms(), ROOT / "flows": files(ROOT / "flows"), ROOT / "tasks": files(ROOT / "tasks")}
    pattern = re.compile(r"(<!-- files -->\n).*?(<!-- end of files -->)", re.DOTALL)
    return {
        folder / "README.md": pattern.sub(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", old)
        for folder, text in lists.items()
        for old in [(folder / "README.md").read_text()]
    }


def main() -> int:
    """Write the READMEs, or name those that are out of date."""
    wrong = {file: text for file, text in pages().items() if file.read_text() != text}
    for file, text in wrong.items():
        if "--check" in sys.argv[1:]:
            print(f"{file.relative_to(ROOT)} is out of date: run `python docs/folders.py`")  # noqa: T201
        else:
            file.write_text(text)
    return 1 if wrong and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
