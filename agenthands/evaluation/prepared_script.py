"""Runs with the NAT environment's Python, before any agent is known: imports what loading and asking one needs.

It is run outside of sandboxes, once, by a process whose forks enter them: it may only import what NAT's own lock holds.
"""

import gc

prepared = False


def prepare():
    """Import it all, once."""
    global prepared
    if prepared:
        return
    gc.disable()  # importing leaves little to collect, and looking for it takes a third of the time
    from nat.runtime.loader import PluginTypes, discover_and_register_plugins

    discover_and_register_plugins(PluginTypes.ALL)
    import langchain_litellm  # noqa: F401
    import nat.data_models.api_server
    import nat.plugins.langchain.agent.react_agent.agent
    import nat.plugins.langchain.agent.rewoo_agent.agent
    import nat.plugins.langchain.agent.tool_calling_agent.agent
    import nat.plugins.langchain.control_flow.router_agent.agent
    import nat.runtime.session  # noqa: F401

    gc.freeze()
    gc.enable()
    prepared = True
