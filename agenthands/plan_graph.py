"""The plan as a picture: what the agent is made of, as a self-contained SVG for reports and artifacts."""

from __future__ import annotations

from typing import NamedTuple

from agenthands.models import Plan
from agenthands.page_environment import page_environment
from agenthands.wording import cut, one_line

_ROW, _HEIGHT, _TOP = 52, 40, 20
_TITLE_CELLS, _TEXT_CELLS = 30, 46


class _Node(NamedTuple):
    kind: str
    title: str
    text: str
    y: int

    @property
    def middle(self) -> int:
        return self.y + _HEIGHT // 2


def plan_svg(plan: Plan) -> str:
    """Draw the agent on the left and its tools, servers and builtin functions on the right. All text is escaped."""
    parts = [
        *(("tool", tool.name, f"to write: {tool.description}") for tool in plan.custom_tools),
        *(("server", server.id, f"MCP server: {', '.join(server.tools)}") for server in plan.mcp_servers),
        *(("builtin", tool.type, f"of NAT: {tool.reasoning}") for tool in plan.builtin_tools),
    ]
    nodes = [_node(kind, title, text, _TOP + number * _ROW) for number, (kind, title, text) in enumerate(parts)]
    height = _TOP * 2 + max(1, len(nodes)) * _ROW - (_ROW - _HEIGHT)
    agent = _node("agent", plan.name, plan.scaffold.type, (height - _HEIGHT) // 2)
    return page_environment().get_template("plan.svg.j2").render(agent=agent, nodes=nodes, height=height, box=_HEIGHT)


def _node(kind: str, title: str, text: str, y: int) -> _Node:
    return _Node(kind, cut(one_line(title), _TITLE_CELLS, "…"), cut(one_line(text), _TEXT_CELLS, "…"), y)
