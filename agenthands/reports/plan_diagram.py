"""The plan as a picture: who answers, who asks whom, and what each agent uses, as SVG, for pages and for artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from agenthands._util.formatting import count, cut, one_line
from agenthands.reports.jinja import page_environment
from agenthands.reports.team import Member, TeamPart, team_of
from agenthands.schemas import Plan

_STEP, _HEIGHT, _EDGE, _CORNER = 58, 46, 1, 8
_WIDTH, _NARROW_WIDTH = 760, 344
_INDENT = 24  # of what stands below the agent that asks it or uses it
_ALONE, _TEAM = (237, 318), (297, 341)  # where the agents end, and where what they use begins
_TITLE_WIDTH, _TEXT_WIDTH = 7.9, 6.3  # of a character, in pixels
_WORDS = {"server": "MCP server: ", "builtin": "Of NAT: ", "agent": "Asked, too: "}


@dataclass
class _Node:
    """A box, and the path of the line that leads to it."""

    kind: str
    title: str
    text: str
    x: int
    y: int
    width: int
    mark: str = ""
    link: str = ""
    edge: str = ""

    def __post_init__(self) -> None:
        room = self.width - 26 - (78 if self.mark else 0)
        self.title = cut(one_line(self.title), int(room / _TITLE_WIDTH), "…")
        self.text = cut(one_line(self.text), int((self.width - 26) / _TEXT_WIDTH), "…")

    @property
    def middle(self) -> int:
        return self.y + _HEIGHT // 2


@dataclass
class _Drawing:
    """What the nodes of a plan are made of: marks and links by kind and name, and what a tool is called before it is
    written and after."""

    plan: Plan
    marks: Mapping[str, str]
    links: Mapping[str, str]
    written: str
    nodes: list[_Node] = field(default_factory=list)

    def agent(self, member: Member, x: int, y: int, width: int) -> _Node:
        """Return the box of an agent; alone, it has the name of the whole."""
        agent, alone = member.agent, len(self.plan.agents) == 1
        cases = count(len(self.plan.test_cases), "test case")
        about = f"{agent.type}, {cases}" if agent.name == self.plan.entry else agent.description
        mark = "answers you" if member.answers else ""
        return _Node("agent", self.plan.name if alone else agent.name, about, x, y, width, mark)

    def part(self, part: TeamPart, x: int, y: int, width: int) -> _Node:
        """Return the box of a tool or a server."""
        key = f"{part.kind} {part.name}"
        text = _WORDS.get(part.kind, f"{self.written}: ") + part.text
        mark, link = self.marks.get(key, ""), self.links.get(key, "")
        return _Node(part.kind, part.name, text, x, y, width, mark, link)


def plan_svg(plan: Plan) -> str:
    """Draw the agents on the left and what each of them uses on the right. All text is escaped.

    The picture brings its own colours, for light and dark.
    """
    nodes, height = _wide(_Drawing(plan, {}, {}, "To write"))
    return _rendered(plan, nodes, _WIDTH, height, alone=True)


def plan_figures(plan: Plan, marks: Mapping[str, str], links: Mapping[str, str]) -> tuple[Markup, Markup]:
    """Draw the plan twice, for a wide and for a narrow page, in the page's colours.

    `marks` says what became of a part, and `links` where the page says more, both by kind and name: `tool parse_date`.
    """
    wide, wide_height = _wide(_Drawing(plan, marks, links, "Written"))
    narrow, narrow_height = _narrow(_Drawing(plan, marks, links, "Written"))
    return (
        Markup(_rendered(plan, wide, _WIDTH, wide_height, alone=False)),
        Markup(_rendered(plan, narrow, _NARROW_WIDTH, narrow_height, alone=False)),
    )


def _wide(drawing: _Drawing) -> tuple[list[_Node], int]:
    """Return the boxes, agents below each other and what they use beside them, and the height of the picture."""
    members = team_of(drawing.plan)
    right, left = _ALONE if len(members) == 1 else _TEAM
    boxes: list[_Node] = []
    top = _EDGE
    for member in members:
        rows = max(1, len(member.parts))
        x = _EDGE + _INDENT * member.level
        box = drawing.agent(member, x, top + (rows - 1) * _STEP // 2, max(120, right - x))
        box.edge = _elbow(boxes[member.above], box) if member.above is not None else ""
        boxes.append(box)
        for number, part in enumerate(member.parts):
            node = drawing.part(part, left, top + number * _STEP, _WIDTH - left - _EDGE)
            node.edge = _curve(box, node)
            drawing.nodes.append(node)
        top += rows * _STEP
    return [*boxes, *drawing.nodes], top - (_STEP - _HEIGHT) + _EDGE


def _narrow(drawing: _Drawing) -> tuple[list[_Node], int]:
    """Return the boxes below each other, each further in than the agent that asks or uses it, and the height."""
    boxes: list[_Node] = []
    top = _EDGE
    for member in team_of(drawing.plan):
        x = _EDGE + _INDENT * min(member.level, 6)
        box = drawing.agent(member, x, top, _NARROW_WIDTH - x - _EDGE)
        box.edge = _elbow(boxes[member.above], box) if member.above is not None else ""
        boxes.append(box)
        top += _STEP
        for part in member.parts:
            inner = x + _INDENT + 3
            node = drawing.part(part, inner, top, _NARROW_WIDTH - inner - _EDGE)
            node.edge = _elbow(box, node)
            drawing.nodes.append(node)
            top += _STEP
    return [*boxes, *drawing.nodes], top - (_STEP - _HEIGHT) + _EDGE


def _elbow(above: _Node, below: _Node) -> str:
    """Return the line from below a box to the left side of one that lies further in."""
    return (
        f"M{above.x + 13} {above.y + _HEIGHT} V{below.middle - _CORNER} "
        f"q0 {_CORNER} {_CORNER} {_CORNER} H{below.x}"
    )  # fmt: skip


def _curve(left: _Node, right: _Node) -> str:
    """Return the line from the right side of a box to the left side of another."""
    start = left.x + left.width
    half = (start + right.x) // 2
    return f"M{start} {left.middle} C{half} {left.middle} {half} {right.middle} {right.x} {right.middle}"


def _rendered(plan: Plan, nodes: Sequence[_Node], width: int, height: int, *, alone: bool) -> str:
    name = cut(one_line(plan.name), 40, "…")
    template = page_environment().get_template("plan.svg.j2")
    return template.render(name=name, nodes=nodes, width=width, height=height, box=_HEIGHT, alone=alone)
