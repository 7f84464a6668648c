"""How able a host is at each of our own families: the numbers of a training record.

python experiments/petri/measure.py [HOST] [--tasks N]
"""

import argparse
import json

from evolora.environment.encounter import Encounter
from evolora.environment.families.registry import known_families, make_family
from evolora.environment.niche import Niche
from evolora.environment.tasks import TaskSource
from evolora.evaluation.local import LocalEvaluator
from evolora.host.load import load_host
from evolora.host.sites import find_sites
from evolora.organism.founding import zero_genome
from evolora.organism.traits import Traits
from evolora.rng import key64

SHOTS = (0, 1, 2)
ANSWER_LIMIT = 8
TRAITS = Traits(
    rank=1,
    mutation_scale=0.0,
    learning_rate=1e-3,
    temperature=1.0,
    answer_limit=ANSWER_LIMIT,
    num_examples=0,
    niche_preferences={},
)


def measure_host(name: str, num_tasks: int = 64) -> dict[str, dict[str, float]]:
    """Family -> mean exact score on `num_tasks` selection tasks at default difficulty, by manner of asking.

    `sampled_K` is at temperature 1 with K worked examples (4 answers a task), `greedy_K` at temperature 0.
    """
    host = load_host(name, device="cpu", dtype="float32")
    sites = find_sites(host.model, ["o_proj"])
    evaluator = LocalEvaluator(host, sites, "", 8192, 4096, 1.0)
    bare = {0: zero_genome(sites, TRAITS, 1.0)}
    tasks = TaskSource(0)
    scores: dict[str, dict[str, float]] = {}
    for family in known_families():
        niche = Niche(family, make_family(family, {}))
        scores[family] = {}
        for shots in SHOTS:
            for kind, temperature, samples in (("sampled", 1.0, 4), ("greedy", 0.0, 1)):
                examples = tuple(tasks.examples(niche, shots))
                encounters = [
                    Encounter(0, family, task, examples, samples, temperature, ANSWER_LIMIT, key64(0, family, shots, i))
                    for i, task in enumerate(tasks.selection(niche, num_tasks))
                ]
                outcomes = zip(encounters, evaluator.answer(bare, encounters), strict=True)
                marks = [niche.score(e.task, answer.text).value for e, answers in outcomes for answer in answers]
                scores[family][f"{kind}_{shots}"] = round(sum(marks) / len(marks), 3)
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host", nargs="?", default="petri")
    parser.add_argument("--tasks", type=int, default=64, help="tasks of each family")
    arguments = parser.parse_args()
    print(json.dumps(measure_host(arguments.host, arguments.tasks), indent=1))
