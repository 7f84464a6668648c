"""An organism as JSON-able fields and tensors, and back: what checkpoints are made of."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from evolora.organism.averaging import Average
from evolora.organism.genome import Factors, Genome, OptimizerState
from evolora.organism.organism import Organism
from evolora.organism.traits import Traits


def describe(organism: Organism, tensors: dict[str, Tensor], place: str) -> dict[str, Any]:
    """JSON-able fields of an organism; its tensors go to `tensors` under place/part/site/factor.

    `sites` keeps each part's order of sites: operators draw in that order, so a resumed run must have it.
    """
    parts = {"genome": organism.genome.factors}
    if organism.learnt is not None:
        parts["learnt"] = organism.learnt.factors
    if organism.optimizer is not None:
        parts |= {"first": organism.optimizer.first, "second": organism.optimizer.second}
    if organism.average is not None:
        parts["average"] = organism.average.genome.factors
    for part, factors in parts.items():
        for site, own in factors.items():
            tensors[f"{place}/{part}/{site}/a"] = own.a.clone()  # kin may share memory; safetensors refuses that
            tensors[f"{place}/{part}/{site}/b"] = own.b.clone()
    return {
        "id": organism.id,
        "kind": organism.kind,
        "parents": list(organism.parents),
        "lineage": organism.lineage,
        "born": organism.born,
        "children": organism.children,
        "profit": organism.profit,
        "competence": organism.competence,
        "practice": organism.practice,
        "scaling": organism.genome.scaling,
        "traits": asdict(organism.genome.traits),
        "learnt_traits": None if organism.learnt is None else asdict(organism.learnt.traits),
        "optimizer_step": None if organism.optimizer is None else organism.optimizer.step,
        **({} if organism.average is None else {"averaged": organism.average.updates}),
        "sites": {part: list(factors) for part, factors in parts.items()},
    }


def restore(row: Mapping[str, Any], tensors: Mapping[str, Tensor], place: str) -> Organism:
    """The organism that `describe` described."""
    parts = {
        part: {
            site: Factors(tensors[f"{place}/{part}/{site}/a"], tensors[f"{place}/{part}/{site}/b"]) for site in sites
        }
        for part, sites in row["sites"].items()
    }
    learnt = optimizer = None
    if row["learnt_traits"] is not None:
        learnt = Genome(parts["learnt"], Traits(**row["learnt_traits"]), row["scaling"])
    if row["optimizer_step"] is not None:
        optimizer = OptimizerState(row["optimizer_step"], parts["first"], parts["second"])
    genome = Genome(parts["genome"], Traits(**row["traits"]), row["scaling"])
    average = None
    if "averaged" in row:
        average = Average((learnt or genome).with_factors(parts["average"]), row["averaged"])
    return Organism(
        id=row["id"],
        genome=genome,
        kind=row["kind"],
        parents=tuple(row["parents"]),
        lineage=row["lineage"],
        born=row["born"],
        learnt=learnt,
        optimizer=optimizer,
        average=average,
        profit=row["profit"],
        competence=row["competence"],
        practice={niche: (tasks, mean) for niche, (tasks, mean) in row["practice"].items()},
        children=row["children"],
    )
