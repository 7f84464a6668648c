"""Seeds as people write them on a command line: `746-750`, `1,2,5`."""

import hashlib
import re
from collections.abc import Sequence

from evolora.errors import ConfigError

LONGEST_NAME = 60  # characters of a folder's name
MOST_SEEDS = 10_000  # more is a slip of the hand


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds as people write them: `746-750`, `1,2,5`, `1-3,9`.

    Raises:
        ConfigError: it is something else, or names a seed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,18})(?:\s*-\s*(\d{1,18}))?\s*", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if not 0 <= last - first < MOST_SEEDS:
            raise ConfigError(f"--seeds: expected seeds as 746-750 or 1,2,5, got {text[:60]}")
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"--seeds: expected every seed once, got {text[:60]}; remove the repeated ones")
    return tuple(seeds)


def seed_words(seeds: Sequence[int]) -> str:
    """Seeds as `parse_seeds` reads them, stretches as such."""
    stretches: list[list[int]] = []
    for seed in seeds:
        if stretches and seed == stretches[-1][-1] + 1:
            stretches[-1].append(seed)
        else:
            stretches.append([seed])
    return ",".join(str(one[0]) if len(one) == 1 else f"{one[0]}-{one[-1]}" for one in stretches)


def seed_name(seeds: Sequence[int]) -> str:
    """Seeds as part of a folder's name: their words, or a digest of these where they are long."""
    words = seed_words(seeds)
    return words if len(words) <= LONGEST_NAME else hashlib.sha256(words.encode()).hexdigest()[:12]
