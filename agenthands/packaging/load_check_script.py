"""Runs in a sandbox with the NAT environment's Python: loads an agent's configuration with placeholders, asks nothing.

Reads {"config": path, "model": NAT's type of the agent's model, "modules": [path of a module of the package],
"tools":
[{"name", "description", "parameters"}], } from standard input; writes {"error": text} to standard
output, as its last line. Tools, models and servers are placeholders; everything else is NAT's own.
"""

import asyncio
import importlib.util
import json
import os
import sys


def main():
    """Load the configuration, with standard output reserved for the report, because libraries print."""
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.read())
    error = ""
    try:
        prepare()  # noqa: F821  # of prepared_script.py, which stands before this
        register_model(request["model"])
        for tool in request["tools"]:
            register_tool(tool)
        for path in request["modules"]:
            run_module(path)
        asyncio.run(load(request))
    except BaseException as failure:  # NAT raises groups of anything
        error = root_cause(failure)
    report.write(json.dumps({"error": error}))
    report.close()
    os._exit(0)


async def load(request):
    """Load the configuration as `nat run` does, with a function in place of each tool of a server."""
    from nat.builder.workflow_builder import WorkflowBuilder
    from nat.runtime.loader import load_config

    config = load_config(request["config"])
    async with WorkflowBuilder(general_config=config.general) as builder:
        await builder.populate_builder(config)
        await builder.build()


def register_model(name):
    """Register a model that answers nothing, and that reads the schemas of its tools as a real one does."""
    from langchain_core.language_models.fake_chat_models import FakeListChatModel
    from langchain_core.utils.function_calling import convert_to_openai_tool
    from nat.builder.framework_enum import LLMFrameworkEnum
    from nat.builder.llm import LLMProviderInfo
    from nat.cli.register_workflow import register_llm_client, register_llm_provider
    from nat.data_models.llm import LLMBaseConfig

    class Silent(FakeListChatModel):
        def bind_tools(self, tools, **_):
            for tool in tools:
                convert_to_openai_tool(tool)
            return self

    class SilentConfig(LLMBaseConfig, name=name):
        model_config = {"extra": "allow", "protected_namespaces": ()}

    @register_llm_provider(config_type=SilentConfig)
    async def provider(config, builder):  # noqa: ARG001
        yield LLMProviderInfo(config=config, description="A placeholder")

    @register_llm_client(config_type=SilentConfig, wrapper_type=LLMFrameworkEnum.LANGCHAIN)
    async def client(config, builder):  # noqa: ARG001
        yield Silent(responses=[""])


def register_tool(tool):
    """Register a function in place of a tool that is not written yet, with the parameters of its specification."""
    from nat.builder.function_info import FunctionInfo
    from nat.cli.register_workflow import register_function
    from nat.data_models.function import FunctionBaseConfig
    from pydantic import create_model

    config_type = type("PlaceholderConfig", (FunctionBaseConfig,), {}, name=tool["name"])
    parameters = {name: (object, ...) for name in tool["parameters"]}
    arguments = create_model("PlaceholderInput", **parameters)

    @register_function(config_type=config_type)
    async def placeholder(config, builder):  # noqa: ARG001
        async def run(data: arguments) -> str:  # noqa: ARG001
            return ""

        yield FunctionInfo.from_fn(run, description=tool["description"], input_schema=arguments)


def run_module(path):
    """Run a module of the package, which registers its functions."""
    spec = importlib.util.spec_from_file_location(os.path.basename(path).removesuffix(".py"), path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


def root_cause(error):
    """Return the innermost error of groups and causes, in one line."""
    while True:
        if isinstance(error, BaseExceptionGroup) and error.exceptions:
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
        else:
            return f"{type(error).__name__}: {' '.join(str(error).split())[:1000]}"
