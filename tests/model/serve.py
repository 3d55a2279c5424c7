"""An OpenAI-compatible server over one model file, in the environment of the engine; SIGTERM ends it.

Usage: python serve.py FILE PORT CONTEXT. Prints `READY address` once the model is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import xllamacpp


def main(file: str, port: int, context: int) -> None:
    """Serve one request at a time, repeatably: one slot, a fixed seed, no prompt cache."""
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
    params.cache_prompt = False
    params.sampling.seed = 42
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server = xllamacpp.Server(params)
    print(f"READY {server.listening_address}", flush=True)
    stop.wait()
    os._exit(0)  # the engine's threads do not end by themselves


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
