"""World files written into a test's folder."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from evolora.config.load import load_world
from evolora.errors import ConfigError

NICHES = """\
niches:
  - family: count_bits
    price: 2
  - {family: "reasoning_gym:base_conversion", name: base}
"""
SMALL = f"name: small\n{NICHES}"


def write(folder: Path, text: str, name: str = "small.yaml") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def problems_of(path: str, overrides: Sequence[str] = (), **direct: int) -> list[str]:
    """The mistakes in a world file, without the folder in front of its name."""
    with pytest.raises(ConfigError) as caught:
        load_world(path, overrides, **direct)
    return [problem.replace(f"{Path(path).parent}/", "") for problem in caught.value.problems]
