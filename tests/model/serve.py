"""An OpenAI-compatible server over one model file, in the environment of the engine.

Usage: python serve.py FILE PORT CONTEXT SECONDS PENALTY [TEMPLATE]. PENALTY of a repeated token is 1 for none. TEMPLATE is a
chat template instead of the model's own, and then the prompt cache is on, for long conversations. Prints `READY address` once the model is loaded. It ends with its parent,
however that ends, since its standard input is then closed; and after SECONDS in any case.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import xllamacpp


def main(file: str, port: int, context: int, seconds: float, penalty: float, template: str = "") -> None:
    """Serve one request at a time with a fixed seed; without a template of ours repeatably, since nothing is cached."""
    limit = threading.Timer(seconds, os._exit, (1,))
    limit.daemon = True
    limit.start()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    params = xllamacpp.CommonParams()
    params.model.path = file
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = context
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = os.cpu_count() or 2
    params.use_jinja = True
    params.offline = True
    params.ui = False
    params.cache_prompt = bool(template)
    if template:
        params.chat_template = Path(template).read_text("utf-8")
    params.sampling.seed = 42
    params.sampling.penalty_repeat = penalty
    server = xllamacpp.Server(params)
    print(f"READY {server.listening_address}", flush=True)
    threading.Event().wait()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # the engine's threads do not end by themselves


if __name__ == "__main__":
    file, port, context, seconds, penalty = sys.argv[1:6]
    main(file, int(port), int(context), float(seconds), float(penalty), *sys.argv[6:])
