"""An adapter from outside becomes a genome of this world: its weights as they are, its traits where it brings them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from evolora.errors import GenomeError
from evolora.organism.genome import Genome, SiteShape
from evolora.organism.low_rank import resized, revive
from evolora.organism.traits import TraitRange, Traits, range_of
from evolora.record.adapter import import_peft
from evolora.record.adapter_config import MOST_CONFIG_BYTES

RECORD = "organism.json"  # beside the adapter of an organism that Evolora exported
BROUGHT = ("mutation_scale", "learning_rate", "temperature", "answer_limit", "num_examples")


def immigrate(
    directory: Path,
    sites: Sequence[SiteShape],
    drawn: Traits,
    bounds: Mapping[str, TraitRange],
    scaling: float,
    rng: np.random.Generator,
) -> Genome:
    """The genome of a PEFT LoRA: the adapter's delta exactly, its rank, and traits.

    Traits are `drawn`, as a founder's; those that an organism.json beside the adapter names replace them, brought
    inside `bounds`. Directions that are zero are drawn anew in A (`rng`), so that they can learn; the delta is the
    same. An adapter of a lower rank than the world allows is given such directions.

    Raises:
        GenomeError: the adapter is not usable here (see `import_peft`), or its rank is above the world's bound.
    """
    factors = import_peft(directory, sites, scaling)
    span = range_of(bounds, "rank")
    rank = next(iter(factors.values())).rank
    if rank > span.high:
        raise GenomeError(
            f"{directory}: expected a rank of at most {span.high:g} (traits.rank.bounds), got {rank}; "
            f"raise the bound to take it in unchanged"
        )
    rank = max(rank, math.ceil(span.low))
    alive = {site: revive(resized(f, rank).factors, rng) for site, f in factors.items()}
    brought = _brought(directory, bounds)
    traits = replace(
        drawn,
        rank=rank,
        mutation_scale=brought.get("mutation_scale", drawn.mutation_scale),
        learning_rate=brought.get("learning_rate", drawn.learning_rate),
        temperature=brought.get("temperature", drawn.temperature),
        answer_limit=round(brought.get("answer_limit", drawn.answer_limit)),
        num_examples=round(brought.get("num_examples", drawn.num_examples)),
    )
    return Genome(alive, traits, scaling).validated()


def _brought(directory: Path, bounds: Mapping[str, TraitRange]) -> dict[str, float]:
    """Numeric traits named in organism.json, each inside its bounds; nothing where there is no such file.

    Raises:
        GenomeError: the file is there and is not what an export writes.
    """
    path = directory / RECORD
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > MOST_CONFIG_BYTES:
            raise ValueError(f"{path.stat().st_size:,} bytes")
        record = json.loads(path.read_text(encoding="utf-8"))
        traits = record["traits"]
        return {name: _inside(traits[name], range_of(bounds, name)) for name in BROUGHT if name in traits}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise GenomeError(
            f"{path}: expected an exported organism's traits as numbers, got {type(error).__name__}: "
            f"{str(error)[:120]}; remove the file to give the adapter traits of this world"
        ) from error


def _inside(value: object, span: TraitRange) -> float:
    number = float(value)  # type: ignore[arg-type]  # what is no number raises TypeError or ValueError: caught above
    if not math.isfinite(number):
        raise ValueError(f"{number}")
    return min(max(number, span.low), span.high)
