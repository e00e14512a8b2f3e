"""The tool as NAT builds it: once, or once for each recorded world, with the values that a world gives its settings."""

import asyncio
import contextlib
import gc
import json
import os
import time

from agenthands.gate.harness.listening import listening
from agenthands.world.inside.agenthands_world import CONTROL, CONTROL_SECONDS, Worlds, plugin


class Built:
    """The tool's functions of NAT, one for each world, and the world in which a call is made."""

    def __init__(self, request, job, watch=None):
        """Take the worlds of the request, if there are any; `worlds` of the job names those of its first arguments.

        What this does itself is none of the tool's doing, so `watch` does not note it. In an `outage`, which the job
        may ask for, every host fails, and nobody waits.
        """
        self.outage = job.get("outage", False)
        if self.outage:
            do_not_wait()
        described = request.get("worlds")
        self.worlds = Worlds(described, request["work"]) if described else None
        self.watch, self.current = watch, ""
        if watch and self.worlds:
            watch.shows(self.worlds)
        self.named = job.get("worlds", ())
        self.of_arguments = {as_key(arguments): world for arguments, world in reversed(request.get("calls", ()))}
        self.functions = {}

    async def build(self, builder, config):
        """Build the tool with its configuration class, in each world."""
        if not self.worlds:
            self.functions[""] = await builder.add_function("tool", config())
            return
        for number, name in enumerate(self.worlds.worlds):
            with quiet(self.watch):
                values = self.worlds.enter(name)
            self.functions[name] = await builder.add_function(f"tool_{number}", config(**values))
        self.leave()

    def enter(self, index, arguments):
        """Begin the world of this call anew; return the function to call there."""
        if not self.worlds:
            return self.functions[""]
        name = self.named[index] if index < len(self.named) else self.of_arguments.get(as_key(arguments), "")
        self.current = name or self.worlds.default
        with quiet(self.watch):
            self.worlds.enter(self.current, self.outage)
        return self.functions[self.current]

    def listening(self, module):
        """Return what listens for the secrets of this world, of what `module` logs and what is printed."""
        return listening(self.worlds.worlds[self.current]["secrets"] if self.worlds else (), module)

    def leave(self):
        """Be in no world."""
        if self.worlds:
            with quiet(self.watch):
                self.worlds.leave()

    def told(self, given, leaves=None, leaks=()):
        """Return what a call gave, with the requests that it made, what it left, and where it told a secret."""
        if not self.worlds:
            return given
        with quiet(self.watch):
            more = {"requests": self.worlds.requests()} if self.worlds.hosts else {}
            if leaves:
                more["left"] = self.worlds.left(self.current, leaves)
            self.worlds.leave()
        return {**given, **more, **({"leaks": sorted(leaks)} if leaks else {})}


def do_not_wait():
    """Let nobody sleep in this process from now on: who asks again after a while is not what is looked at."""
    import asyncio.tasks

    own_sleep = asyncio.sleep

    async def sleep(delay, result=None):
        return await own_sleep(0, result)

    asyncio.sleep = asyncio.tasks.sleep = sleep
    time.sleep = lambda seconds: None


def as_key(arguments):
    """Return a text that is the same for the same arguments."""
    return json.dumps(arguments, sort_keys=True, default=str)


def warm_clients(request):
    """Ask the worlds once as the tool will: a client for HTTP imports much only when it is first used.

    It does so in the process from which all runs are forked, so that none has to. `clients` of the request are those
    that the tool imports.
    """
    described = request.get("worlds")
    if not described or not described["hosts"]:
        return
    os.environ.update(described["variables"])
    for client in request["clients"]:
        with contextlib.suppress(Exception):  # whoever asks in earnest meets it again
            _WARMING[client](f"https://{CONTROL}/requests")
    gc.collect()


def _ask_with_httpx(url):
    import httpx

    async def ask():
        async with httpx.AsyncClient(timeout=CONTROL_SECONDS) as client:
            await client.get(url)

    httpx.get(url, timeout=CONTROL_SECONDS)
    asyncio.run(ask())


def _ask_with_requests(url):
    import requests

    requests.get(url, timeout=CONTROL_SECONDS)


def _ask_with_aiohttp(url):
    import aiohttp

    async def ask():
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            await answer.read()

    asyncio.run(ask())


def _ask_with_urllib(url):
    import urllib.request

    urllib.request.urlopen(url, timeout=CONTROL_SECONDS).close()


_WARMING = {"httpx": _ask_with_httpx, "requests": _ask_with_requests, "aiohttp": _ask_with_aiohttp,
            "urllib": _ask_with_urllib}  # fmt: skip


def config_values(request):
    """Return the settings with which the tool is looked at: those of its first world."""
    described = request.get("worlds")
    if not described:
        return {}
    worlds = Worlds(described, request["work"])
    values = worlds.enter()
    worlds.leave()
    return values


def settings_of(request, config):
    """Return the settings that the tool's configuration has, where the specification declares some."""
    from pydantic import SecretStr

    if not request.get("worlds"):
        return {}
    with_defaults = config()
    found = {}
    for name in config.model_fields:
        value = getattr(with_defaults, name)
        secret = isinstance(value, SecretStr)
        found[name] = {"secret": secret, "default": value.get_secret_value() if secret else json.loads(as_key(value))}
    return {"settings": found}


def give_world(request, session):
    """Give the tests the fixture `world`."""
    if described := request.get("worlds"):
        worlds = Worlds(described, request["work"])
        session.config.pluginmanager.register(plugin(worlds), "agenthands-worlds")


@contextlib.contextmanager
def quiet(watch):
    """Note nothing meanwhile: this is the harness's own work."""
    if watch is None:
        yield
        return
    thread, before = watch.thread(), set(watch.busy)
    watch.busy.add(thread)
    try:
        yield
    finally:
        if thread not in before:
            watch.busy.discard(thread)
