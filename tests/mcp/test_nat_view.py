"""What NAT makes of a server's tools is known before any code is paid for, whatever their schemas are."""

import pytest
from mcp_servers import READ_CLOCK, made_server

from agenthands.mcp.nat_view import view_by_nat, view_complaints
from agenthands.mcp.probe import probe_server, validate_tools

pytestmark = pytest.mark.slow


def tool(name, properties=None, required=(), **schema):
    inputs = {"type": "object", "properties": properties or {}, "required": list(required), **schema}
    return {"name": name, "description": f"Does {name}.", "inputSchema": inputs}


TEXT = {"type": "string"}
FILTER = {"type": "object", "properties": {"limit": {"type": "integer"}}, "required": ["limit"]}
READABLE = [
    READ_CLOCK,
    tool("admin.users.list", {"limit": {"type": "integer"}}),
    tool("files/read", {"path": TEXT}, ["path"]),
    tool("synchronise_all_customer_records_between_the_two_regional_data_centres", {"region": TEXT}),
    tool("by_ref", {"filter": {"$ref": "#/$defs/Filter"}}, ["filter"], **{"$defs": {"Filter": FILTER}}),
    tool("shadows", {"schema": TEXT, "copy": {"type": "boolean"}, "json": TEXT}, ["schema"]),
    tool("hyphens", {"start-date": TEXT, "@type": TEXT}),
    tool("half", {"start-date": TEXT, "zone": TEXT}, ["zone"]),
    tool("no_arguments"),
]
UNREADABLE = [
    tool("underscored", {"_meta_key": TEXT, "class": TEXT}, ["_meta_key"]),
    tool("whole_levels", {"level": {"type": "integer", "enum": [1, 2, 3]}}),
    tool("anything", {"value": True}),
    tool("pairs", {"pair": {"type": "array", "items": [TEXT, TEXT]}}),
]


@pytest.fixture
def viewed(tmp_path, bubblewrap, nat_environment):
    """View the tools of a made server; returns what the model gets by name, and the complaints against using them."""

    def view(tools, names):
        document = [{"name": each["name"], "does": "reads"} for each in tools]
        entry, environment = made_server(tmp_path / "environment", listed=document, tools=tools)
        (tmp_path / "scratch").mkdir()
        probe = probe_server(entry, environment, bubblewrap, tmp_path / "scratch")
        used = [each.name for each in entry.tools if each.server_name in names]
        assert validate_tools(entry, used, probe) == []
        places = (environment, nat_environment)
        found = view_by_nat(entry, used, probe, places, bubblewrap, tmp_path / "scratch")
        assert view_by_nat(entry, used, probe, places, None, tmp_path) == found, "it is kept with the environment"
        return {each["name"]: each for each in found.seen}, view_complaints(entry, used, probe, found)

    return view


def test_what_reaches_a_model_is_what_the_server_lists(viewed):
    names = [each["name"] for each in READABLE]
    seen, complaints = viewed(READABLE, names)
    assert seen["clock__read_clock"]["description"] == "Read the clock."
    assert seen["clock__read_clock"]["parameters"]["properties"]["zone"]["anyOf"][0] == {"type": "string"}
    assert [name for name in seen if name.startswith("clock__files_read_")], "an alias, for a name that NAT refuses"
    assert all(len(name) <= 64 and name.isascii() and "." not in name and "/" not in name for name in seen)
    assert len(seen) == len(READABLE)
    assert complaints == [
        "mcp_servers: clock 1.2.3: 'hyphens' cannot be called: NAT does not show a model its parameters "
        "'start-date', '@type'."
    ]


def test_a_tool_that_nat_cannot_read_costs_the_whole_server_and_is_named(viewed):
    seen, complaints = viewed([READ_CLOCK, *UNREADABLE], ["read_clock"])
    assert seen == {}
    named = [each["name"] for each in UNREADABLE if any(f"cannot read '{each['name']}'" in c for c in complaints)]
    assert named == [each["name"] for each in UNREADABLE]
    assert all("NAT reads all that a server lists" in each for each in complaints)
