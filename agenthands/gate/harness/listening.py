"""What a tool says and asks on its way: secrets in its log and its output, and what time it is."""

import contextlib
import datetime
import logging
import sys
import time

_MONITOR = 4  # a number of sys.monitoring that no tool of Python's has
_CLOCKS = {time.time, time.time_ns}
_CLOCKS_WITHOUT_TIME = {time.localtime, time.gmtime, time.ctime, time.asctime}
_NOW = {"now", "today", "utcnow"}


class Listener(logging.Handler):
    """Hears what is logged and printed while it listens, and notes where one of the `secrets` is in it."""

    def __init__(self, secrets, module):
        """Hear all that has to do with these secrets; of the log what `module`, a path, says."""
        super().__init__(logging.NOTSET)
        self.secrets, self.module = [each for each in secrets if len(each) >= 4], module
        self.told = set()

    def emit(self, record):
        """Look at an entry of the log."""
        if record.pathname == self.module and self.tells(record.getMessage()):
            self.told.add("log")

    def tells(self, text):
        """Return whether a secret is in a text."""
        return any(each in text for each in self.secrets)

    def write(self, text):
        """Look at what is printed."""
        if self.tells(str(text)):
            self.told.add("output")
        return len(text)

    def isatty(self):
        """Return that nobody reads it."""
        return False


@contextlib.contextmanager
def listening(secrets, module):
    """Listen meanwhile; yield the listener."""
    listener, root = Listener(secrets, module), logging.getLogger()
    before, level = (sys.stdout, sys.stderr), root.level
    root.addHandler(listener)
    root.setLevel(1)
    sys.stdout = sys.stderr = listener
    try:
        yield listener
    finally:
        sys.stdout, sys.stderr = before
        root.setLevel(level)
        root.removeHandler(listener)


def watch_clock(module, note):
    """Call `note` with the line where the code of `module`, a path, asks what time it is, by whatever name."""
    monitoring = sys.monitoring

    def called(code, offset, function, first):
        if code.co_filename == module and asks_time(function, first is monitoring.MISSING):
            note(next((line for start, end, line in code.co_lines() if start <= offset < end), 0))
        return monitoring.DISABLE

    with contextlib.suppress(ValueError):  # somebody else counts there
        monitoring.use_tool_id(_MONITOR, "gate")
        monitoring.register_callback(_MONITOR, monitoring.events.CALL, called)
        monitoring.set_events(_MONITOR, monitoring.events.CALL)


def asks_time(function, alone):
    """Return whether this gives the time of day, called without an argument where it is `alone`."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, datetime.date):
        return getattr(function, "__name__", "") in _NOW
    with contextlib.suppress(TypeError):  # not everything that is called has a hash
        return function in _CLOCKS or (alone and function in _CLOCKS_WITHOUT_TIME)
    return False
