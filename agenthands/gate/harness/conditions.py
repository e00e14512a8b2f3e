"""What a job asks for: another text of the tool, another date."""

import contextlib
import importlib.machinery
import importlib.util
import os
import sys
import time


class Finder:
    """Finds the tool's module alone, and loads it from a text that stands for its file, which stays as it is.

    Every run has one, that of the unchanged tool as well, and its loader is Python's own: nothing but the tool's code
    differs from one run to another.
    """

    def __init__(self, request):
        """Stand for the tool's file; the text of each run comes with `load`."""
        self.name = f"nat_tools.{request['tool']}"
        self.path = tool_file(request)
        self.loader = importlib.machinery.SourceFileLoader(self.name, self.path)

    def load(self, source):
        """Load this text from now on; one that cannot be compiled says so where it is imported."""
        try:
            code = compile(source, self.path, "exec", dont_inherit=True)
        except SyntaxError as error:
            fault = error

            def get_code(fullname):
                raise fault
        else:

            def get_code(fullname):
                return code

        self.loader.get_code = get_code

    def find_spec(self, fullname, path=None, target=None):
        """Answer for one name."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self.loader)


def tool_file(request):
    """Return the path of the tool's module."""
    return os.path.join(request["folder"], "nat_tools", f"{request['tool']}.py")


@contextlib.contextmanager
def conditions(request, job):
    """What a job asks for: another text of the tool, another date."""
    os.chdir(request["work"])
    finder = Finder(request)
    source = job.pop("source", None)
    if source is None:
        with open(finder.path, "rb") as file:
            source = file.read()
    finder.load(source)
    del source  # who looks around in a run finds no text to compare with that of another
    sys.meta_path.insert(0, finder)
    if job.get("clock_shift"):
        import time_machine

        with time_machine.travel(time.time() + job["clock_shift"]):
            yield
    else:
        yield
