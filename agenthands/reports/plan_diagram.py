"""The plan as a picture: what the agent is made of, as SVG, for pages and for artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from markupsafe import Markup

from agenthands._util.formatting import count, cut, one_line
from agenthands.reports.jinja import page_environment
from agenthands.schemas import Plan

_STEP, _HEIGHT, _EDGE = 58, 46, 1


class _Shape(NamedTuple):
    """Where things lie: wide has the agent beside its parts, narrow has it above them."""

    width: int
    agent: int
    left: int
    top: int
    title: int
    text: int


_WIDE = _Shape(width=760, agent=236, left=318, top=_EDGE, title=34, text=58)
_NARROW = _Shape(width=344, agent=342, left=28, top=_EDGE + _STEP, title=24, text=40)


class _Node(NamedTuple):
    kind: str
    title: str
    text: str
    x: int
    y: int
    width: int
    mark: str = ""
    link: str = ""

    @property
    def middle(self) -> int:
        return self.y + _HEIGHT // 2


class _Part(NamedTuple):
    kind: str
    name: str
    text: str


def plan_svg(plan: Plan) -> str:
    """Draw the agent on the left and its tools, servers and builtin functions on the right. All text is escaped.

    The picture brings its own colours, for light and dark.
    """
    return _draw(plan, _WIDE, {}, {}, alone=True)


def plan_figures(plan: Plan, marks: Mapping[str, str], links: Mapping[str, str]) -> tuple[Markup, Markup]:
    """Draw the plan twice, for a wide and for a narrow page, in the page's colours.

    `marks` says what became of a part, and `links` where the page says more, both by kind and name: `tool parse_date`.
    """
    wide, narrow = (_draw(plan, shape, marks, links, alone=False) for shape in (_WIDE, _NARROW))
    return Markup(wide), Markup(narrow)


def _draw(plan: Plan, shape: _Shape, marks: Mapping[str, str], links: Mapping[str, str], *, alone: bool) -> str:
    parts = _parts(plan, "To write" if alone else "Written")
    nodes = [
        _Node(
            kind=part.kind,
            title=cut(one_line(part.name), shape.title, "…"),
            text=cut(one_line(part.text), shape.text, "…"),
            x=shape.left,
            y=shape.top + number * _STEP,
            width=shape.width - shape.left - _EDGE,
            mark=marks.get(f"{part.kind} {part.name}", ""),
            link=links.get(f"{part.kind} {part.name}", ""),
        )
        for number, part in enumerate(parts)
    ]
    height = shape.top + max(1, len(nodes)) * _STEP - (_STEP - _HEIGHT) + _EDGE
    about = f"{plan.entry_agent.type}, {count(len(plan.test_cases), 'test case')}"
    agent = _Node(
        kind="agent",
        title=cut(one_line(plan.name), 26, "…"),
        text=cut(one_line(about), 36, "…"),
        x=_EDGE,
        y=_EDGE if shape is _NARROW else (height - _HEIGHT) // 2,
        width=shape.agent,
    )
    return page_environment().get_template("plan.svg.j2").render(
        agent=agent, nodes=nodes, width=shape.width, height=height, box=_HEIGHT, narrow=shape is _NARROW, alone=alone,
    )  # fmt: skip


def _parts(plan: Plan, written: str) -> list[_Part]:
    """Return everything that the agent uses."""
    return [
        *(_Part("tool", tool.name, f"{written}: {tool.description}") for tool in plan.custom_tools),
        *(_Part("server", server.id, f"MCP server: {', '.join(server.tools)}") for server in plan.mcp_servers),
        *(_Part("builtin", tool.type, f"Of NAT: {tool.reasoning}") for tool in plan.builtin_tools),
    ]
