"""Where the processes of cells come from: one process imports what a cell needs, and every cell is a fork of it.

Importing the libraries takes as long as some cells do. Nothing but imports may happen before the fork: no tensor is
computed and no device looked at, so that every cell begins with threads, devices and random states of its own.
"""

import multiprocessing
import os
import pkgutil
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext

from evolora.experiment import procedures

FOR_CELLS = (
    "evolora.build",
    "evolora.simulation",
    "evolora.portfolio.comparison",
    "transformers.models.llama.modeling_llama",
    *(f"{procedures.__name__}.{file.name}" for file in pkgutil.iter_modules(procedures.__path__)),
)
Nursery = ForkServerContext | SpawnContext


def open_nursery() -> Nursery:
    """The `multiprocessing` context that starts cells, its nursery at work. Away from Linux every cell imports anew."""
    if not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")  # their libraries do not bear a fork
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(FOR_CELLS))
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read once, when numpy's BLAS is loaded
    try:
        forkserver.ensure_running()
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = threads
    return context
