"""Add up the sizes of a tree of folders."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Folder(BaseModel):
    """A folder with its files and the folders in it."""

    name: str
    files: dict[str, int] = Field(default_factory=dict)
    folders: list["Folder"] = Field(default_factory=list)


class TreeTotalInput(BaseModel):
    root: Folder = Field(description="The top folder")
    at_least: int = Field(default=0, ge=0, description="Leave out smaller folders")


def sizes(folder: Folder, above: str = "") -> dict[str, int]:
    """Return the size of a folder and of all below it by their paths; the folder itself comes last."""
    path = f"{above}/{folder.name}"
    found: dict[str, int] = {}
    total = sum(folder.files.values())
    for each in folder.folders:
        below = sizes(each, path)
        total += below[f"{path}/{each.name}"]
        found |= below
    found[path] = total
    return found


def largest(root: Folder, at_least: int = 0) -> list[tuple[str, int]]:
    """Return paths and sizes, the largest first, equals by path."""
    big = [(path, size) for path, size in sizes(root).items() if size >= at_least]
    return sorted(big, key=lambda pair: (-pair[1], pair[0]))


class TreeTotalConfig(FunctionBaseConfig, name="tree_total"):
    """Configuration of the tool tree_total; it needs none."""


@register_function(config_type=TreeTotalConfig)
async def register_tree_total(config: TreeTotalConfig, builder: Builder):
    """Register tree_total with NAT."""

    async def _run(data: TreeTotalInput) -> list[tuple[str, int]]:
        return largest(data.root, data.at_least)

    yield FunctionInfo.from_fn(_run, description="Add up the sizes of a tree of folders.")
