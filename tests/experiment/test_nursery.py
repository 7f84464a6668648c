"""The process that cells are forked from: what it must not do before the fork."""

import subprocess
import sys

import pytest

from evolora.experiment.nursery import FOR_CELLS

LOOK = """
import importlib, sys, threading, torch
def caught(*args):
    looked.append(1)
    return 0
looked = []
for name in ("is_available", "device_count", "init"):
    setattr(torch.cuda, name, caught)
state = torch.get_rng_state()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(len(looked), torch.equal(state, torch.get_rng_state()), threading.active_count())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cells are forks on Linux only")
def test_importing_what_cells_need_looks_at_no_device_draws_nothing_and_starts_no_thread():
    """A device that was looked at before a fork is lost to the fork, and so is a lock that a thread held."""
    shown = subprocess.run([sys.executable, "-c", LOOK, *FOR_CELLS], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["0", "True", "1"]
