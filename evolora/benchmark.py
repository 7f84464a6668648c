"""What `evolora bench` times, part by part; every part opens the host that it needs."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from evolora.blueprint import build_rules, found_world
from evolora.build import build_evaluator, open_evaluator
from evolora.config.load import load_world
from evolora.config.world import WorldConfig
from evolora.evaluation.bench import (
    RANK,
    SAMPLES,
    Prompt,
    Timing,
    answering_cases,
    learning_case,
    make_lessons,
    make_prompts,
    time_cases,
)
from evolora.evaluation.bench_scale import generation_case, peak_memory, scale_cases
from evolora.evaluation.evaluator import HostFacts
from evolora.evaluation.local import LocalEvaluator
from evolora.host.load import load_host
from evolora.overhead import measure_overhead
from evolora.rng import stream
from evolora.stages import forage

LIVED = "tidepool"  # the world whose visits are timed
ROWS = 64  # prompts of a batch where the machine is fast enough
_FEWEST = 8
_A_BATCH = 2.2  # seconds that a batch without adapters may take, so that the whole stays below five minutes


@dataclass(frozen=True)
class Bench:
    """What is timed: a host, the adapted sites, sizes, and how many interleaved rounds."""

    host: str
    dtype: str
    layers: str
    modules: tuple[str, ...]
    rounds: int
    rows: int = ROWS
    adapters: int = 32
    populations: tuple[int, ...] = (8, 32, 128, 512, 1000)
    crowd: int = 512  # organisms of the part `overhead`

    def open(self) -> LocalEvaluator:
        """The host with its sites, in this process; the same for all parts."""
        return _opened(self.host, self.dtype, self.layers, self.modules)

    def world(self, **settings: Any) -> WorldConfig:
        """A world file's worth of settings around this host, with others by section."""
        sections: dict[str, Any] = {
            "name": "bench",
            "host": {"name": self.host, "dtype": self.dtype, "max_batch_tokens": 1_000_000},
            "genome": {"layers": self.layers, "modules": list(self.modules)},
            "niches": [{"family": family} for family in ("swap_words", "spelt_number", "rhyme", "count_word")],
        }
        for name, values in settings.items():
            sections[name] = sections.get(name, {}) | values if isinstance(values, dict) else values
        return WorldConfig.model_validate(sections)


def sized(bench: Bench, rows: int) -> Bench:
    """`bench` with so many prompts in a batch, adapters and a crowd in proportion, and populations up to there."""
    share = rows / bench.rows
    return replace(
        bench,
        rows=rows,
        adapters=max(1, int(bench.adapters * share)),
        populations=tuple(count for count in bench.populations if count <= max(32, bench.populations[-1] * share)),
        crowd=max(1, int(bench.crowd * share)),
    )


def affordable_rows(bench: Bench) -> int:
    """`ROWS`, or half of it, a quarter, ...: as many prompts as a CPU answers in `_A_BATCH` seconds."""
    evaluator, rows = bench.open(), ROWS
    if evaluator.host.device.type != "cpu":  # a few prompts take as long as many there
        return rows
    prompts = make_prompts(evaluator, [64] * _FEWEST)
    (case,) = answering_cases(evaluator, "trial", prompts, (), beside_generate=False)
    (trial,) = time_cases([case], 3)
    while rows > _FEWEST and trial.seconds * rows / _FEWEST > _A_BATCH:
        rows //= 2
    return rows


@lru_cache(maxsize=2)  # the native format and another
def _opened(host: str, dtype: str, layers: str, modules: tuple[str, ...]) -> LocalEvaluator:
    return build_evaluator(Bench(host, dtype, layers, modules, rounds=1).world())


@dataclass(frozen=True)
class Part:
    """One part's figures: `timings`, and other numbers by name, of the host in `facts`."""

    facts: HostFacts
    timings: Sequence[Timing]
    figures: Mapping[str, float]

    def to_row(self) -> dict[str, Any]:
        """What the JSON file holds of it."""
        return {
            "host": self.facts.name,
            "device": self.facts.device,
            "dtype": self.facts.dtype,
            "timings": [asdict(timing) for timing in self.timings],
            "figures": dict(self.figures),
        }


def answering(bench: Bench) -> Part:
    """`generate()`, our decoder bare and with adapters, for even and uneven prompts; one learning step."""
    evaluator, rows = bench.open(), bench.rows
    even, many = make_prompts(evaluator, [64] * rows), make_prompts(evaluator, [64] * 2 * rows)
    lengths = stream(0, "bench lengths").integers(24, 120, size=rows).tolist()  # as tidepool's own prompts
    uneven, few = make_prompts(evaluator, lengths), bench.adapters
    visits, openings = lived_prompts(evaluator, few, rows // few)
    cases = [
        *answering_cases(evaluator, f"{rows} prompts of 64 tokens", even, sorted({1, min(8, few), few, rows})),
        *answering_cases(evaluator, f"{2 * rows} prompts of 64 tokens", many, (2 * rows,), beside_generate=False),
        *answering_cases(evaluator, f"{rows} prompts of 24 to 119 tokens", uneven, (few,)),
        *answering_cases(evaluator, f"{few} of 24 to 119 tokens, {SAMPLES} answers", uneven[:few], (few,), SAMPLES),
        *answering_cases(evaluator, f"{len(visits)} visits in {LIVED}", visits, (few,), openings=openings),
        learning_case(evaluator, few // 2, 8),
    ]
    return Part(evaluator.facts, time_cases(cases, bench.rounds), {"peak bytes": float(peak_memory())})


def lived_prompts(evaluator: LocalEvaluator, organisms: int, visits: int) -> tuple[list[Prompt], list[int]]:
    """The prompts that so many founders of `LIVED` meet in its first generation, organism by organism, and how many
    tokens of each open whatever is asked in its niche."""
    settings = {"population.founders": organisms, "population.capacity": organisms, "encounters.visits": visits}
    config = load_world(LIVED, [f"{name}={value}" for name, value in settings.items()])
    rules = build_rules(config)
    world, _ = found_world(config, rules, evaluator.facts.sites)
    prompts, openings = [], []
    for encounter in forage(world, rules):
        examples = [(task.question, task.answer) for task in encounter.examples]
        prompts.append(evaluator.prompts.build(encounter.task.question, examples))
        openings.append(evaluator.prompts.opening(examples))
    return prompts, openings


def peft(bench: Bench) -> Part:
    """PEFT's mixed batch, one adapter at a time, and training one organism after the other, beside ours."""
    from evolora.evaluation.bench_peft import PeftPopulation  # peft takes seconds to import

    evaluator, few = bench.open(), bench.adapters
    facts = evaluator.facts
    label, even = f"{bench.rows} prompts of 64 tokens", make_prompts(evaluator, [64] * bench.rows)
    _, ours = answering_cases(evaluator, label, even, (few,), beside_generate=False)
    learning = learning_case(evaluator, few // 2, 8)
    students = max(1, few // 8)  # each as fast as the next: a few tell the tokens a second
    theirs = [PeftPopulation(load_host(facts.name, facts.device, facts.dtype), facts.sites, n) for n in (few, students)]
    cases = [
        replace(ours, against=None),
        *theirs[0].answering_cases(label, even, ours.name),
        learning,
        theirs[1].learning_case(make_lessons(evaluator, students, 8), learning.name),
    ]
    return Part(facts, time_cases(cases, bench.rounds), {})


def other_format(bench: Bench) -> Part:
    """A few cases in the number format that is not the device's own."""
    dtype = "float32" if bench.open().facts.dtype != "float32" else "bfloat16"
    evaluator = replace(bench, dtype=dtype).open()
    even = make_prompts(evaluator, [64] * bench.rows)
    cases = answering_cases(
        evaluator, f"{bench.rows} prompts of 64 tokens", even, (bench.adapters,), beside_generate=False
    )
    return Part(evaluator.facts, time_cases(cases, 1), {})


def scale(bench: Bench) -> Part:
    """An episode of every organism, for growing populations; and what an organism takes of memory."""
    evaluator = bench.open()
    counts = bench.populations
    timings = time_cases(scale_cases(evaluator, counts, against=counts[1]), bench.rounds)
    weights = 4.0 * RANK * sum(site.in_features + site.out_features for site in evaluator.facts.sites)  # float32
    figures = {"bytes of an organism's weights": weights, "peak bytes": float(peak_memory())}
    return Part(evaluator.facts, timings, figures)


def overhead(bench: Bench) -> Part:
    """How much of a crowd's generation is not the host's, with little to eat: one task of six answers each."""
    evaluator = bench.open()
    for crowd in (2, bench.crowd):  # two load what is loaded at its first use
        world = bench.world(
            generations=1,
            population={"founders": crowd, "capacity": crowd},
            encounters={"visits": 1, "answers_per_task": SAMPLES, "tasks_per_niche": 1},
        )
        with tempfile.TemporaryDirectory() as folder:
            found = measure_overhead(world, evaluator, Path(folder))
    figures = {
        "organisms": float(found.num_organisms),
        "seconds of a generation": found.seconds,
        "share that is not the host's": found.share,
    }
    return Part(evaluator.facts, (), figures)


def ray(bench: Bench) -> Part:
    """A generation's answers and lessons here, by one Ray worker and by two, each of one thread."""
    here, timings, many = bench.open(), [], max(2, bench.adapters // 2)
    local = generation_case(f"{many} organisms, here", here, many)
    for workers in (1, 2):
        with closing(open_evaluator(bench.world(workers=workers, host={"threads": 1}))) as remote:
            name = f"{many} organisms, Ray, {workers} worker{'s' if workers > 1 else ''} of one thread"
            rounds = min(workers, bench.rounds)  # one is there to show what a second one brings
            timings += time_cases([local, generation_case(name, remote, many, local.name)], rounds)
    return Part(here.facts, timings, {})


PARTS: Mapping[str, Callable[[Bench], Part]] = {
    "answering": answering,
    "peft": peft,
    "format": other_format,
    "scale": scale,
    "overhead": overhead,
    "ray": ray,
}
