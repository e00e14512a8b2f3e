"""Loads pandas and networkx on first use, which saves half of the time of a run of a tool's tests.

NAT imports them, and names one class of each in annotations. This is part of the gate's harness, and a pytest plug-in
in the coder's shell. Standard library and NAT only.
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
    gc.disable()  # imports leave little garbage, and looking for it takes a tenth of the time
    with lazy_imports(ONLY_NAMED):
        import nat.builder.function_info
        import nat.builder.workflow_builder
        import nat.cli.register_workflow  # noqa: F401
    gc.freeze()
    gc.enable()


def is_prepared():
    """Return whether this interpreter has already imported NAT."""
    return "nat.cli.register_workflow" in sys.modules


class LazyModule(types.ModuleType):
    """A package that is loaded on first use of an attribute. (importlib's LazyLoader loads on the second import.)"""

    def __getattr__(self, name):
        """Load the package, which has no attributes yet."""
        self.__class__ = types.ModuleType
        self.__path__ = self.__spec__.submodule_search_locations
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


@contextlib.contextmanager
def lazy_imports(packages):
    """Load `packages` on first use: a mapping of each package to the class for which a placeholder serves meanwhile.

    NAT names that class in annotations. The packages are a third of what NAT imports, and a tool that uses them
    imports them itself.
    """
    found = []
    for package, name in packages.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            sys.modules[package] = module = importlib.util.module_from_spec(spec)
            del module.__path__  # an import of a submodule reads this first
            setattr(module, name, type(name, (), {"__module__": package}))
            module.__class__ = LazyModule
            found.append((module, name))
    yield
    for module, name in found:
        if type(module) is LazyModule:
            delattr(module, name)
