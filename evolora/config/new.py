"""The text of a new world file: a copy of another with its comments, or a small one whose comments are the meanings."""

import os
import re
from pathlib import Path

import yaml

from evolora.config.comments import commented
from evolora.config.document import to_yaml
from evolora.config.extend import EXTENDS, find_base
from evolora.config.json_schema import HEADER, SCHEMA_FILE
from evolora.config.load import load_config
from evolora.config.shipped import shipped_files
from evolora.config.world import WorldConfig

# The settings one changes first. The numbers are tidepool's, for four niches instead of nine.
_SMALL = {
    "format": 1,
    "seed": 1,
    "generations": 20,
    "host": {"name": "smollm2-135m"},
    "genome": {"layers": "upper_half"},
    "population": {"founders": 12, "capacity": 12, "founder_energy": 5.0},
    "niches": [{"family": name, "inflow": 9} for name in ("swap_words", "spelt_number", "rhyme", "odd_one_out")],
    "encounters": {"visits": 6, "answers_per_task": 6},
    "energy": {"upkeep": 1.5, "cost_per_generated_token": 0.005},
    "reproduction": {"threshold": 7.0, "endowment": 3.0, "merge_prob": 0.25},
}


def small_world(name: str, file: Path) -> str:
    """The text of a small world called `name`, to be written to `file`."""
    head = [
        f"{HEADER}{SCHEMA_FILE}",
        f"# {name}: say here what this world is to show.",
        "#",
        f"# Run:       evolora simulate {file}",
        f"# Override:  evolora simulate {file} --set energy.upkeep=1",
        f"# Settings:  evolora world show {file} --comments   (all of them; what is left out has its default)",
        "",
    ]
    return "\n".join([*head, commented(WorldConfig, {"name": name, **_SMALL})])


def copied_world(name: str, source: Path, file: Path) -> str:
    """The text of the world file `source`, renamed to `name`, to be written to `file`.

    A source without comments, such as a run's world.yaml, is given those of its settings' meanings.

    Raises:
        ConfigError: with every mistake in `source`.
    """
    world = load_config(WorldConfig, source)
    text = source.read_text(encoding="utf-8-sig")
    if not any(line.lstrip().startswith("#") for line in text.splitlines()):
        text = commented(WorldConfig, world.model_dump(mode="json"))
    values = _top_level_values(text)
    changes = {}
    if "name" in values:
        changes[values["name"]] = _scalar(name)
    if EXTENDS in values:
        changes[values[EXTENDS]] = _scalar(_base_from(text[slice(*values[EXTENDS])], source, file))
    for (start, end), replacement in sorted(changes.items(), reverse=True):
        text = text[:start] + replacement + text[end:]
    kept = [line for line in text.splitlines() if not line.startswith(HEADER)]
    command = re.compile(rf"evolora simulate {re.escape(world.name)}\b")
    kept = [command.sub(f"evolora simulate {file}", line) if line.startswith("#") else line for line in kept]
    if "name" not in values:  # it has its base's
        kept.append(f"name: {_scalar(name)}")
    head = [f"{HEADER}{SCHEMA_FILE}", f"# A copy of {world.name}: what is said here was measured there.", "#"]
    return "\n".join([*head, *kept]) + "\n"


def _scalar(text: str) -> str:
    """A text as YAML writes it after a key: quoted where it would be read as something else."""
    return to_yaml({"key": text}).removeprefix("key: ").rstrip("\n")


def _top_level_values(text: str) -> dict[str, tuple[int, int]]:
    """Key -> where its value begins and ends in the text, for the keys at the top."""
    node = yaml.compose(text, Loader=yaml.BaseLoader)
    assert isinstance(node, yaml.MappingNode)  # it was loaded before
    spans = {}
    for key, value in node.value:
        assert value.start_mark is not None and value.end_mark is not None
        spans[key.value] = (value.start_mark.index, value.end_mark.index)
    return spans


def _base_from(written: str, source: Path, file: Path) -> str:
    """`extends` of `source` as `file` must say it: shipped worlds by name, others by a path from there."""
    base = find_base(str(yaml.safe_load(written)), source)
    assert base is not None  # it was loaded before
    if base.resolve() in {path.resolve() for path in shipped_files("worlds").values()}:
        return base.stem
    return os.path.relpath(base.resolve(), file.resolve().parent)
