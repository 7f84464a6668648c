"""What the names in a generation's row of ecology mean: for axes, tables and people.

"Organisms" are all who lived the generation; a lineage is a founder's line through first parents; a phenotype is the
niche of an organism's most summed score over its life so far; a task is solved by an organism whose answers to it
have a mean score of at least 0.5. A measure is None where it is undefined, and the costly ones between their
generations.
"""

from typing import NamedTuple


class Meaning(NamedTuple):
    """What a measure is in one phrase, its unit, and whether it is costly: taken every `ecology_every` generations."""

    what: str
    unit: str
    costly: bool = False


def _each(pattern: str, parts: dict[str, str], what: str, unit: str, costly: bool = False) -> dict[str, Meaning]:
    return {pattern.format(part): Meaning(f"{what}, {said}", unit, costly) for part, said in parts.items()}


ARCHIVE: dict[str, Meaning] = {
    "elites": Meaning("cells of the archive with an elite", "cells"),
    "coverage": Meaning("cells with an elite, of all", "share"),
    "qd_score": Meaning("sum of the elites' objectives (mean score over remembered tasks), offset 0", "score"),
    "norm_qd_score": Meaning("QD-score over the number of cells: an empty cell counts 0", "score"),
    "best": Meaning("best objective of an elite", "score"),
    "mean": Meaning("mean objective of the elites", "score"),
    "new": Meaning("cells that got their first elite in this generation", "cells"),
    "improved": Meaning("cells whose elite gave way to a better one in this generation", "cells"),
    "dead": Meaning("elites whose organism is no longer alive", "cells"),
    "organisms": Meaning("different organisms among the elites", "organisms"),
    "births": Meaning("births of this generation with an elite for a parent", "births"),
}  # a row's `archive`, in worlds that have one

ORDERS = {
    "hill_0": "order 0 (how many)",
    "hill_1": "order 1 (weighed by frequency)",
    "hill_2": "order 2 (the common ones)",
}
NULL = {"": "of the tasks solved", "_null": "mean of 199 shuffles", "_z": "z against the shuffles"}
TERMS = {"selection": "by selection", "transmission": "by transmission", "change": "in all"}

MEANINGS: dict[str, Meaning] = {
    **{
        name: meaning
        for kind in ("lineage", "phenotype")
        for name, meaning in {
            f"activity_{kind}_mean": Meaning(f"cumulative activity per living {kind}", "organism-generations"),
            f"activity_{kind}_excess": Meaning(
                f"activity per living {kind} over that of it and its 20 neutral shadows, minus 1: drift is about 0",
                "ratio",
            ),
            f"activity_{kind}_excess_share": Meaning(f"{kind} activity above the shadows' 99 % quantile", "share"),
            f"activity_{kind}_new": Meaning(
                f"activity of each {kind} newly above the shadows' 99 % quantile, per living one",
                "organism-generations",
            ),
            f"{kind}_evenness": Meaning(f"evenness of {kind}s, order 1 over order 0", "ratio"),
        }.items()
    },
    **_each("adapter_{}", ORDERS, "effective organisms by similarity of adapter deltas", "organisms", True),
    **_each("behaviour_{}", ORDERS, "effective organisms by similarity of score profiles", "organisms"),
    **_each("lineage_{}", ORDERS, "effective lineages", "lineages"),
    **_each("phenotype_{}", ORDERS, "effective phenotypes", "phenotypes"),
    "breadth_levins": Meaning("mean Levins' breadth of the organisms with score", "niches"),
    "breadth_standardised": Meaning("the same from 0 (one niche) to 1 (all alike)", "ratio"),
    **_each(
        "coverage_{}",
        {"1": "by 1 organism", "4": "by any of 4", "16": "by any of 16", "all": "by any"},
        "tasks met that are solved",
        "share",
    ),
    "coverage_over_founders": Meaning("coverage of all, minus that of the first generation", "share"),
    "effective_size": Meaning("variance effective population size of one generation's step", "organisms"),
    "energy_gini": Meaning("Gini coefficient of balances", "ratio"),
    "meal_gini": Meaning("Gini coefficient of this generation's meals", "ratio"),
    "generalist_share": Meaning("standardised breadth from 0.5 on, of those with 4 points of score", "share"),
    "specialist_share": Meaning("standardised breadth up to 0.25, of those with 4 points of score", "share"),
    **{
        name: meaning
        for trait in ("score", "tokens")
        for name, meaning in {
            f"heritability_{trait}": Meaning(f"slope of child's on parents' {trait} per answer", "slope"),
            f"heritability_{trait}_se": Meaning("its standard error", "slope"),
        }.items()
    },
    "heritability_pairs": Meaning("births that heritability looks back on, at most 256", "births"),
    "keystone_loss": Meaning("tasks solved that only the lineage missed most solves", "share"),
    "lineage_alpha": Meaning("effective lineages within niches, by score", "lineages"),
    "lineage_beta": Meaning("effective niches by the lineages that score there", "niches"),
    "lineage_gamma": Meaning("effective lineages in all niches, by score", "lineages"),
    "modes_change": Meaning("MODES: skeletons that persist now and did not 10 generations ago", "skeletons"),
    "modes_novelty": Meaning("MODES: skeletons that persist now and never did before", "skeletons"),
    "modes_complexity": Meaning("MODES: niches in the largest persisting skeleton", "niches"),
    "modes_ecology": Meaning("MODES: Shannon entropy of persisting skeletons", "nats"),
    "niche_occupancy": Meaning("niches that a visitor of this generation profits from", "share"),
    "niches_newly_solved": Meaning("niches somebody solves and no founder did at first", "niches"),
    "opportunity_for_selection": Meaning("variance of fitness over its mean squared", "ratio"),
    "oracle_score": Meaning("mean score of each task's best visitor", "score"),
    "routed_score": Meaning("mean score of the visitor with the best record in the niche", "score"),
    "oracle_gap": Meaning("best visitor's less routed score", "score"),
    "overlap_morisita_horn": Meaning("mean Morisita-Horn overlap of two organisms", "ratio"),
    "overlap_pianka": Meaning("mean Pianka overlap of two organisms", "ratio"),
    "overlap_schoener": Meaning("mean Schoener overlap of two organisms", "ratio"),
    "phylogeny_depth_max": Meaning("births between the deepest of the living and its founder", "births"),
    "phylogeny_depth_mean": Meaning("mean births between the living and their founders", "births"),
    "phylogeny_distinctiveness_mean": Meaning("mean evolutionary distinctiveness (fair proportion)", "births"),
    "phylogeny_distinctiveness_variance": Meaning("its variance", "births²"),
    "phylogeny_faith_pd": Meaning("Faith's phylogenetic diversity, the host as root", "births"),
    "phylogeny_founder_share_max": Meaning("largest founder's part in the living genome", "share", True),
    "phylogeny_founders_effective": Meaning("effective founders of the living genome", "founders", True),
    "phylogeny_reticulation_rate": Meaning("births in the ancestry of the living that were merges", "share", True),
    "phylogeny_coalescence_time": Meaning("generations since all lines were one organism", "generations"),
    "phylogeny_mean_pairwise_distance": Meaning("births between two of the living, mean over pairs", "births"),
    "phylogeny_mrca_age": Meaning("generations since the last common ancestor's birth", "generations"),
    "phylogeny_mrca_id": Meaning("the last common ancestor", "organism id"),
    "phylogeny_roots": Meaning("founding lineages alive", "lineages"),
    "phylogeny_sweeps": Meaning("times the last common ancestor has moved so far", "sweeps"),
    **_each("price_score_{}", TERMS, "change of the mean score per answer since the last generation", "score"),
    **_each("price_tokens_{}", TERMS, "change of the mean tokens per answer since the last generation", "tokens"),
    "specialisation_d_prime": Meaning("mean d' of the organisms with score", "ratio"),
    "specialisation_h2_prime": Meaning("H2' of organisms and niches: 0 no partitioning, 1 perfect", "ratio"),
    **_each("tasks_h2_prime{}", NULL, "H2'", "ratio", True),
    "tasks_h2_prime_p": Meaning("chance of as much partitioning in shuffles", "probability", True),
    **_each("tasks_pianka{}", NULL, "Pianka overlap", "ratio", True),
    "tasks_pianka_p": Meaning("chance of as little overlap in shuffles", "probability", True),
    **_each("tasks_phenotype_hill_1{}", NULL, "effective phenotypes", "phenotypes", True),
    "tasks_phenotype_hill_1_p": Meaning("chance of as many phenotypes in shuffles", "probability", True),
}
