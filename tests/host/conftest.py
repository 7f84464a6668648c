"""Fixtures of the engine's tests."""

from collections.abc import Callable, Iterator

import pytest
import torch


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """`torch.set_num_threads`, to any number whatever the machine has; undone after the test."""
    own = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(own)
