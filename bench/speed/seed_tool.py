"""The seed's way with one tool: an OpenHands agent in this new process, then a cold `pytest`. No sandbox, no reuse.

    python -m bench.speed.seed_tool SPEC.json WORKSPACE URL PYTHON

PYTHON is that of the NAT environment: the agent's shell and pytest use it, as it is. Nothing of AgentHands is imported.
"""

import os
import subprocess
import sys
from pathlib import Path

os.environ.update(OPENHANDS_SUPPRESS_BANNER="1", LOG_AUTO_CONFIG="false", LITELLM_LOCAL_MODEL_COST_MAP="True")

from openhands.sdk import LLM, Agent, LocalConversation, Tool
from openhands.tools.file_editor import FileEditorTool
from openhands.tools.terminal import TerminalTool
from pydantic import SecretStr

MESSAGE = """Tool: {name}
Workspace: {workspace}

Write nat_tools/{name}.py and tests/test_{name}.py for this specification:

{specification}
"""


def main(specification, workspace, url, python):
    """Let the agent write one tool and test it; exits with 1 where the tests fail."""
    name = workspace.name
    for part in ("nat_tools", "tests"):
        (workspace / part).mkdir(parents=True)
    (workspace / "spec.json").write_text(specification)
    os.environ["PATH"] = f"{Path(python).parent}:{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = str(workspace)
    llm = LLM(usage_id=name, model="openai/scripted", base_url=url, api_key=SecretStr("none"))
    tools = [Tool(name=TerminalTool.name, params={"terminal_type": "subprocess"}), Tool(name=FileEditorTool.name)]
    conversation = LocalConversation(agent=Agent(llm=llm, tools=tools), workspace=str(workspace), visualizer=None)
    conversation.send_message(MESSAGE.format(name=name, workspace=workspace, specification=specification))
    conversation.run()
    conversation.close()
    command = [python, "-m", "pytest", "-v", f"tests/test_{name}.py"]
    tested = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
    sys.stderr.write(tested.stdout if tested.returncode else "")
    sys.exit(tested.returncode)


if __name__ == "__main__":
    main(Path(sys.argv[1]).read_text(), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
