"""Runs in a sandbox with the Python of the NAT environment: what NAT makes of the tools that a server listed.

Reads {"id": server, "tools": [as listed], "include": [names], "overrides": {listed name: {"alias": name}}} from
standard input. A stand-in for the server, this file with --replay, lists the tools to NAT's own MCP client. Writes
{"faults": {tool: reason}, "error": text, "seen": [functions as a model gets them]} to standard output.
"""

import asyncio
import json
import os
import sys


def main():
    """View the tools, with standard output reserved for the report, because libraries print."""
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.read())
    outcome = {"faults": faults(request["tools"]), "error": "", "seen": []}
    if not outcome["faults"]:
        try:
            outcome["seen"] = asyncio.run(seen(request))
        except BaseException as error:  # NAT and MCP raise groups of anything
            outcome["error"] = innermost(error)
    json.dump(outcome, report)
    report.close()
    os._exit(0)


def faults(tools):
    """Return why NAT's reader of schemas refuses a tool, by the tool's name: one such tool costs the whole server."""
    from nat.plugins.mcp.utils import model_from_mcp_schema

    found = {}
    for tool in tools:
        try:
            if tool.get("inputSchema"):
                model_from_mcp_schema(tool["name"], tool["inputSchema"]).model_json_schema()
        except Exception as error:
            found[tool["name"]] = innermost(error)
    return found


async def seen(request):
    """Return the functions that an agent's model would be offered, as LangChain writes them for a provider."""
    from langchain_core.utils.function_calling import convert_to_openai_tool
    from nat.builder.framework_enum import LLMFrameworkEnum
    from nat.builder.workflow_builder import WorkflowBuilder
    from nat.plugins.mcp.client.client_config import MCPClientConfig
    from nat.runtime.loader import PluginTypes, discover_and_register_plugins

    discover_and_register_plugins(PluginTypes.CONFIG_OBJECT)
    with open("listed.json", "w") as file:
        json.dump(request["tools"], file)
    server = {
        "transport": "stdio",
        "command": sys.executable,
        "args": ["-P", os.path.abspath(__file__), "--replay", os.path.abspath("listed.json")],
    }
    config = MCPClientConfig(server=server, include=request["include"], tool_overrides=request["overrides"] or None)
    async with WorkflowBuilder() as builder:
        await builder.add_function_group(request["id"], config)
        tools = await builder.get_tools([request["id"]], wrapper_type=LLMFrameworkEnum.LANGCHAIN)
        return [convert_to_openai_tool(tool)["function"] for tool in tools]


def innermost(error):
    """Return the innermost error of groups and causes, in one line."""
    while True:
        if isinstance(error, BaseExceptionGroup) and error.exceptions:
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
        else:
            return f"{type(error).__name__}: {' '.join(str(error).split())}"[:400]


def replay(path):
    """Be an MCP server that lists the tools in a file."""
    with open(path) as file:
        tools = json.load(file)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        result = {"tools": tools} if message["method"] == "tools/list" else {}
        if message["method"] == "initialize":
            version = message["params"]["protocolVersion"]
            about = {"name": "replay", "version": "1"}
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    replay(sys.argv[2]) if sys.argv[1:2] == ["--replay"] else main()
