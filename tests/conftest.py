"""Fixtures shared by all tests."""

import os
from collections.abc import Callable, Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for tests' own processes too; read once, when a library is loaded

import pytest
import torch

from evolora.host.load import Host, load_host

torch.set_num_threads(1)  # tiny tensors gain nothing from more, and lose tenfold when the cores are busy

TINY_HOSTS = ("tiny-llama", "tiny-qwen3", "tiny-gemma3")


@pytest.fixture(scope="session", params=TINY_HOSTS)
def tiny_host(request: pytest.FixtureRequest) -> Host:
    """A random host of each architecture in float32: shared by all tests, so not to be changed."""
    return load_host(request.param, device="cpu", dtype="float32")


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """`torch.set_num_threads`, to any number whatever the machine has; undone after the test."""
    own = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(own)
