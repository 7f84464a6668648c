"""Randomness with a name: every draw is a function of (seed, what it is for), never of who drew before."""

import hashlib

import numpy as np
from numpy.typing import NDArray

Key = int | str


def key64(seed: int, *purpose: Key) -> int:
    """A 64-bit key for `(seed, *purpose)`: BLAKE2b of the parts, so that nearby numbers give unrelated keys."""
    text = "\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in purpose)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def stream(seed: int, *purpose: Key) -> np.random.Generator:
    """An independent generator for one purpose, e.g. `stream(seed, "mutate", generation, organism_id)`.

    Philox is counter-based: its state is the key alone, so nothing has to be stored to resume a run.
    """
    return np.random.Generator(np.random.Philox(key=key64(seed, *purpose)))


def counter_uniforms(keys: NDArray[np.uint64], position: NDArray[np.uint64] | int) -> NDArray[np.float64]:
    """Uniforms in [0, 1), shape of `keys`, each a function of its own key and position only.

    SplitMix64 (Steele, Lea & Flood 2014) applied to key + position · golden gamma, then finalised twice.
    """
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) + (np.asarray(position, dtype=np.uint64) + np.uint64(1)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        for _ in range(2):
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
