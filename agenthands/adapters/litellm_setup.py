"""Imports litellm once, quiet and offline, with the scripted provider registered."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

_lock = threading.Lock()


def load_litellm() -> Any:
    """Import litellm (about 5 s the first time) and give the module.

    Its price list is the one in the package: it otherwise asks the network at import.
    """
    with _lock:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        os.environ.setdefault("LITELLM_LOG", "ERROR")
        import litellm

        from agenthands.testing.scripted_model import register_scripted_models

        litellm.suppress_debug_info = True
        litellm.telemetry = False
        logging.getLogger("LiteLLM").setLevel(logging.ERROR)
        register_scripted_models(litellm)
    return litellm
