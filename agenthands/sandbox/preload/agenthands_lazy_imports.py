"""Lets pandas and networkx be loaded when they are used, which is half of what a run of a tool's tests costs.

NAT imports them and names one class of each in annotations. A piece of the gate's harness, and a plug-in of pytest in
the coder's shell. Standard library and NAT only.
"""

import contextlib
import gc
import importlib.util
import sys
import types

ONLY_NAMED = {"pandas": "DataFrame", "networkx": "DiGraph"}


def pytest_configure():
    """Import NAT before the tests do."""
    if is_prepared():
        return
    gc.disable()  # importing leaves little to collect, and looking for it takes a tenth of the time
    with lazy_imports(ONLY_NAMED):
        import nat.builder.function_info
        import nat.builder.workflow_builder
        import nat.cli.register_workflow  # noqa: F401
    gc.freeze()
    gc.enable()


def is_prepared():
    """Return whether this interpreter has NAT imported already."""
    return "nat.cli.register_workflow" in sys.modules


class LazyModule(types.ModuleType):
    """A package that is loaded when something of it is used. (importlib's LazyLoader loads with the second import.)"""

    def __getattr__(self, name):
        """Load the package: nothing of it is there yet."""
        self.__class__ = types.ModuleType
        self.__path__ = self.__spec__.submodule_search_locations
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


@contextlib.contextmanager
def lazy_imports(packages):
    """Let packages be loaded when they are used. NAT names one class of each in annotations; a stand-in serves there.

    They are a third of what NAT imports, for what no tool uses that does not import them itself.
    """
    found = []
    for package, name in packages.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            sys.modules[package] = module = importlib.util.module_from_spec(spec)
            del module.__path__  # who imports a part of the package asks for this first
            setattr(module, name, type(name, (), {"__module__": package}))
            module.__class__ = LazyModule
            found.append((module, name))
    yield
    for module, name in found:
        if type(module) is LazyModule:
            delattr(module, name)
