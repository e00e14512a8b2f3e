"""What is the same for all runs and is done once, before the first fork: imports, and the beginning of pytest."""

import asyncio
import contextlib
import functools
import gc
import io
import os
import sys
import tempfile
import types

from agenthands.sandbox.preload.agenthands_lazy_imports import lazy_imports

PYTEST_OPTIONS = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull, "--tb=short",
                  "-p", "no:faulthandler", "-p", "no:unraisableexception", "-p", "no:threadexception",
                  "--capture=sys"]  # fmt: skip
WARM_TEST = """import asyncio, pytest
def test_passes(tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError):
        int("x")
def test_fails():
    async def call():
        assert {"a": 1.0} == {"a": pytest.approx(2.0)}
    asyncio.run(call())
"""


def prepare(packages, path):
    """Import all that every run needs, `packages` aside; `path` is where coverage and time-machine lie, if needed.

    It knows nothing of the tool, so that it may be done once for many, before a sandbox is entered.
    """
    gc.disable()  # importing leaves little to collect, and looking for it takes a tenth of the time
    with lazy_imports(packages):
        remember_versions()
        warm_up()
    build_config_when_used()
    answer_for_builtin_factories()
    if path:
        sys.path += path
        import coverage  # noqa: F401
        import time_machine  # noqa: F401

        del sys.path[-len(path) :]
    run_a_test()
    gc.freeze()
    gc.enable()


def warm_up():
    """Build and call a small tool: NAT imports much only when it is used."""
    from nat.builder.function_info import FunctionInfo
    from nat.builder.workflow_builder import WorkflowBuilder
    from nat.cli.register_workflow import register_function
    from nat.data_models.function import FunctionBaseConfig
    from pydantic import BaseModel

    class WarmInput(BaseModel):
        number: int

    class WarmConfig(FunctionBaseConfig, name="agenthands_warm_up"):
        pass

    @register_function(config_type=WarmConfig)
    async def warm(config, builder):
        async def run(data: WarmInput) -> int:
            return data.number

        yield FunctionInfo.from_fn(run, description="Warms up.")

    async def call():
        async with WorkflowBuilder() as builder:
            await (await builder.add_function("tool", WarmConfig())).ainvoke({"number": 1})

    asyncio.run(call())


def build_config_when_used():
    """Let NAT's Config be built anew when it is next used, and not with each registration, as NAT does.

    That is a quarter of a run of a tool's tests, and few tests load a configuration. Pydantic has such placeholders for
    models with `defer_build`.
    """
    from nat.cli.type_registry import GlobalTypeRegistry
    from nat.data_models.config import Config
    from pydantic._internal._mock_val_ser import MockCoreSchema, MockValSer

    registry = GlobalTypeRegistry.get()
    hooks = list(registry._registration_changed_hooks)
    places = ("__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__")
    built = {}

    def built_anew(place):
        if built:
            for each, value in built.items():
                setattr(Config, each, value)
            built.clear()
            for hook in hooks:
                hook()
        return getattr(Config, place)

    def build_lazily():
        if not built:
            built.update((place, getattr(Config, place)) for place in places)
        schema, validator, serializer = (lambda place=place: built_anew(place) for place in places)
        Config.__pydantic_core_schema__ = MockCoreSchema("", code="undefined-config", attempt_rebuild=schema)
        for place, kind, build in ((places[1], "validator", validator), (places[2], "serializer", serializer)):
            mock = MockValSer("", code="undefined-config", val_or_ser=kind, attempt_rebuild=build)
            setattr(Config, place, mock)

    registry._registration_changed_hooks[:] = [build_lazily]


def answer_for_builtin_factories():
    """Let Pydantic know that `list` and its like take no argument when they make a default.

    It asks Python for their signature with each model, and Python copies all of sys.modules for that: a fork then
    writes to two thousand pages that it shares with its parent. NAT's configurations of tools have such a field.
    """
    from pydantic._internal import _fields, _generate_schema

    ask = _fields.takes_validated_data_argument

    def answer(default_factory):
        return not any(default_factory is each for each in (list, dict, set)) and ask(default_factory)

    _fields.takes_validated_data_argument = _generate_schema.takes_validated_data_argument = answer


def remember_versions():
    """Let NAT read its own version once: with each registration it parses the metadata of its package anew."""
    import importlib.metadata

    from nat.data_models import discovery_metadata

    found = {**vars(importlib.metadata), "version": functools.cache(importlib.metadata.version)}
    discovery_metadata.importlib = types.SimpleNamespace(metadata=types.SimpleNamespace(**found))


def run_a_test():
    """Run a small test, which passes once and fails once: pytest imports much only when it needs it."""
    import pytest

    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        test = os.path.join(folder, "test_warm.py")
        with open(test, "w") as file:
            file.write(WARM_TEST)
        # what lies above the folder is nobody's to run, and what is made stays in it
        limits = ["--rootdir", folder, "--confcutdir", folder, "--basetemp", os.path.join(folder, "tmp")]
        pytest.main([*PYTEST_OPTIONS, *limits, test])


def prepared_session(request):
    """Begin a session of pytest up to where it would import the tests; their asserts are rewritten, not run."""
    import pathlib

    from _pytest.assertion import rewrite
    from _pytest.config import get_config
    from _pytest.main import Session

    path = os.path.join(request["folder"], request["tests"])
    # without a limit for conftest.py all folders above are collected as well
    options = [*PYTEST_OPTIONS, "--rootdir", request["folder"], "--confcutdir", request["folder"], path]
    os.chdir(request["work"])
    shown, sys.stdout = sys.stdout, io.StringIO()
    config = get_config(options)
    config = config.pluginmanager.hook.pytest_cmdline_parse(pluginmanager=config.pluginmanager, args=options)
    session = Session.from_config(config)
    config._do_configure()
    config.hook.pytest_sessionstart(session=session)
    sys.stdout = shown
    handler = config.pluginmanager.get_plugin("logging-plugin").log_file_handler
    null = open(1, "w", closefd=False)  # noqa: SIM115 - /dev/null as before, but no child closes it
    handler.setStream(null).close()
    rewrite_test, rewritten = rewrite._rewrite_test, {}
    with contextlib.suppress(Exception):  # who runs the tests meets it again
        rewritten[path] = rewrite_test(pathlib.Path(path), config)
    rewrite._rewrite_test = lambda file, config: rewritten.get(str(file)) or rewrite_test(file, config)
    return session
