"""What a job asks for: another text of the tool, another date."""

import contextlib
import importlib.machinery
import importlib.util
import os
import sys
import time


class Replaced(importlib.machinery.SourceFileLoader):
    """Loads the tool's module from a text that stands for its file, which stays as it is."""

    source = ""

    def get_code(self, fullname):
        """Compile the text."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


class Finder:
    """Finds the tool's module alone."""

    def __init__(self, request, source):
        """Stand for the tool's file with `source`."""
        self.name = f"nat_tools.{request['tool']}"
        self.loader = Replaced(self.name, tool_file(request))
        self.loader.source = source

    def find_spec(self, fullname, path=None, target=None):
        """Answer for one name."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.loader.path, loader=self.loader)


def tool_file(request):
    """Return the path of the tool's module."""
    return os.path.join(request["folder"], "nat_tools", f"{request['tool']}.py")


@contextlib.contextmanager
def conditions(request, job):
    """What a job asks for: another text of the tool, another date."""
    os.chdir(request["work"])
    if job.get("source") is not None:
        sys.meta_path.insert(0, Finder(request, job["source"]))
    if job.get("clock_shift"):
        import time_machine

        with time_machine.travel(time.time() + job["clock_shift"]):
            yield
    else:
        yield
