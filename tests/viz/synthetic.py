"""A run folder without a run: invented organisms whose books, births and deaths hang together, of any size, quickly."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from synthetic_records import ANSWERS, UPKEEP, ecology, exams, holdout, write_answers, write_settings

from evolora.record.lives import lives_schema
from evolora.record.phylogeny import phylogeny_csv
from evolora.record.run_dir import to_json

NICHES = (
    "swap_words", "spelt_number", "extreme_number", "first_in_alphabet", "nth_word",
    "count_word", "rhyme", "odd_one_out", "number_sequence",
)  # fmt: skip
MAX_AGE = 20
PROMPT_COST, ANSWER_COST = 0.02, 0.03


@dataclass
class Pool:
    """Everybody alive, column by column; rows are organisms."""

    id: np.ndarray
    lineage: np.ndarray
    born: np.ndarray
    energy: np.ndarray
    preference: np.ndarray  # (organisms, niches)
    skill: np.ndarray  # (organisms, niches): chance that an answer is right
    traits: np.ndarray  # (organisms, 6)
    children: np.ndarray

    def keep(self, mask: np.ndarray) -> "Pool":
        return Pool(**{name: column[mask] for name, column in vars(self).items()})

    def join(self, other: "Pool") -> "Pool":
        return Pool(**{name: np.concatenate([own, vars(other)[name]]) for name, own in vars(self).items()})


@dataclass
class Invention:
    """One invented run under way."""

    rng: np.random.Generator
    niches: tuple[str, ...]
    capacity: int
    births: int  # a generation, at most
    pool: Pool
    stock: np.ndarray
    commons: float = 0.0
    next_id: int = 0
    events: list[dict] = field(default_factory=list)
    flows: dict[str, float] = field(default_factory=dict)
    colony_of: dict[int, int] = field(default_factory=dict)  # organism -> colony
    elites: dict[int, tuple[int, float]] = field(default_factory=dict)  # cell -> organism, objective
    pot: float = 0.0


def write_run(
    path: Path,
    *,
    generations: int = 30,
    capacity: int = 24,
    births: int = 6,
    niches: tuple[str, ...] = NICHES,
    seed: int = 1,
    name: str = "pretend",
    encounters: int = 2,
    tastes: float = 0.6,
) -> Path:
    """Write a run folder of `generations` generations with up to `capacity` organisms; the last `encounters`
    generations have their answers. `tastes` is how much founders differ in the niches they like. Returns the folder."""
    path.mkdir(parents=True)
    (path / "encounters").mkdir()
    world = begin(np.random.default_rng(seed), niches, capacity, births, tastes)
    write_settings(path, world, name, seed, generations)
    schema = lives_schema(niches, with_colonies=True)
    with (path / "lives.arrow").open("wb") as lives, (path / "metrics.jsonl").open("w") as metrics:
        lives.write(schema.serialize().to_pybytes())
        for generation in range(1, generations + 1):
            row, batch = live(world, generation, schema)
            lives.write(batch.serialize().to_pybytes())
            metrics.write(to_json(row) + "\n")
            if generation > generations - encounters:
                write_answers(path, world, generation, batch)
    (path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in world.events))
    seconds = 8 + world.rng.random(generations)
    (path / "timing.jsonl").write_text(
        "".join(
            to_json({"generation": g + 1, "seconds": round(float(s), 3), "tokens": 9000}) + "\n"
            for g, s in enumerate(seconds)
        )
    )
    (path / "portfolio.jsonl").write_text("".join(to_json(row) + "\n" for row in exams(niches, generations, seed)))
    (path / "holdout.json").write_text(json.dumps(holdout(world, generations, seed)))
    (path / "phylogeny.csv").write_text(phylogeny_csv(world.events) if generations < 500 else "")
    return path


def begin(rng: np.random.Generator, niches: tuple[str, ...], capacity: int, births: int, tastes: float) -> Invention:
    """Founders, each its own lineage, half of them without skill."""
    number, width = capacity, len(niches)
    skill = rng.uniform(0.02, 0.25, (number, width)) * (rng.random((number, 1)) < 0.5)
    traits = np.stack(
        [
            rng.integers(6, 11, number),
            rng.uniform(0.005, 0.02, number),
            rng.uniform(8e-4, 16e-4, number),
            rng.uniform(0.8, 1.0, number),
            rng.integers(8, 13, number),
            rng.integers(0, 2, number),
        ],
        axis=1,
    )
    pool = Pool(
        id=np.arange(number), lineage=np.arange(number), born=np.zeros(number, int), energy=np.full(number, 5.0),
        preference=rng.normal(0, tastes, (number, width)), skill=skill, traits=traits, children=np.zeros(number, int),
    )  # fmt: skip
    world = Invention(rng, niches, capacity, births, pool, np.full(width, 0.0), next_id=number)
    for identity in range(number):
        world.events.append(
            {"event": "birth", "generation": 0, "organism_id": identity, "kind": "founder", "parents": [],
             "lineage": identity, "energy": 5.0, "payments": [], "operator": "found"}
        )  # fmt: skip
    world.flows["founding"] = 5.0 * number
    return world


def live(world: Invention, generation: int, schema: pa.Schema) -> tuple[dict, pa.RecordBatch]:
    """One generation: its row of metrics and its batch of lives."""
    flows, world.flows = {"founding": 0.0, **world.flows}, {}
    pool, rng, width = world.pool, world.rng, len(world.niches)
    flows["outflow"] = float(0.1 * world.stock.sum())
    world.stock *= 0.9
    flows["commons_release"] = 0.5 * world.commons
    world.stock += flows["commons_release"] / width
    world.commons *= 0.5
    inflow = np.full(width, 3.0 * world.capacity / width) * (1 + 0.3 * np.sin(generation / 3 + np.arange(width)))
    world.stock += inflow
    flows["inflow"] = float(inflow.sum())

    weight = np.exp(1.5 * (pool.preference - pool.preference.max(axis=1, keepdims=True)))
    visits = rng.multinomial(6, weight / weight.sum(axis=1, keepdims=True))
    answers = visits * ANSWERS
    scores = rng.binomial(answers, pool.skill).astype(float)
    wanted = scores.sum(axis=0)
    meals = scores * 0.35 * np.minimum(1.0, world.stock / np.maximum(wanted * 0.35, 1e-9))
    world.stock -= meals.sum(axis=0)
    pool.energy += meals.sum(axis=1)
    flows["meal"] = float(meals.sum())
    tokens = answers * rng.integers(3, 9, answers.shape) + visits * 40
    owed = np.zeros(len(pool.id))
    for reason, bill in (
        ("prompt", visits.sum(axis=1) * PROMPT_COST),
        ("generation", answers.sum(axis=1) * ANSWER_COST * 0.5),
        ("upkeep", np.full(len(pool.id), UPKEEP)),
    ):
        paid = np.minimum(bill, pool.energy)
        pool.energy -= paid
        owed += bill - paid
        flows[reason] = float(paid.sum())
    pool.skill = np.clip(pool.skill + 0.02 * (visits > 1) * (pool.traits[:, 5:] > 0), 0, 0.85)
    flows["pooling"] = 0.01 * float(pool.energy[[identity in world.colony_of for identity in pool.id]].sum())
    for row, identity in enumerate(pool.id):
        if identity in world.colony_of:
            pool.energy[row] *= 0.99
    flows["cover"] = 0.3 * world.pot if world.colony_of else 0.0
    for row, identity in enumerate(pool.id):
        if identity in world.colony_of:
            pool.energy[row] += flows["cover"] / len(world.colony_of)
    world.pot += flows["pooling"] - flows["cover"]
    batch = describe(world, generation, schema, owed, answers, scores, tokens, meals)
    first_event = len(world.events)
    cull(world, generation, owed, flows)
    breed(world, generation, flows)
    elevate(world, generation)
    colonise(world, generation)
    row = report(world, generation, flows, answers, scores, visits, tokens, world.events[first_event:])
    return row, batch


def describe(world, generation, schema, owed, answers, scores, tokens, meals) -> pa.RecordBatch:
    pool, number = world.pool, len(world.pool.id)
    rank, scale, rate, temperature, limit, examples = pool.traits.T

    def lists(values: np.ndarray, name: str) -> pa.Array:
        kind = schema.field(name).type
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), kind.value_type), type=kind)

    columns = {
        "generation": np.full(number, generation), "organism_id": pool.id, "lineage": pool.lineage,
        "age": generation - pool.born, "energy": pool.energy, "owed": owed, "rank": rank.astype(int),
        "num_parameters": rank.astype(int) * 50_000, "mutation_scale": scale, "learning_rate": rate,
        "temperature": temperature, "answer_limit": limit.astype(int), "num_examples": examples.astype(int),
    }  # fmt: skip
    arrays = [pa.array(values, schema.field(name).type) for name, values in columns.items()]
    homes = pa.array([world.colony_of.get(int(identity)) for identity in pool.id], pa.int64())
    arrays += [
        lists(v, n) for n, v in (("answers", answers), ("scores", scores), ("tokens", tokens), ("meals", meals))
    ] + [homes]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def elevate(world: Invention, generation: int) -> None:
    """The archive: niche of most skill (9 bins) by worked examples (4 bins), best skill as objective."""
    for identity, skill, traits in zip(world.pool.id, world.pool.skill, world.pool.traits, strict=True):
        cell, score = int(skill.argmax()) * 4 + min(3, int(traits[5])), float(skill.max())
        before = world.elites.get(cell)
        if before is None or score > before[1]:
            world.elites[cell] = (int(identity), score)
            world.events.append(
                {"event": "elevation", "generation": generation, "organism_id": int(identity), "cell": cell,
                 "objective": score, "measures": [int(skill.argmax()), int(traits[5])],
                 "before": None if before is None else before[0]}
            )  # fmt: skip


def archive_row(world: Invention) -> dict:
    scores = [score for _, score in world.elites.values()]
    return {"elites": len(scores), "coverage": len(scores) / 36, "qd_score": sum(scores), "best": max(scores),
            "norm_qd_score": sum(scores) / 36}  # fmt: skip


def colonise(world: Invention, generation: int) -> None:
    """Two colonies by the parity of lineages, from the third generation to the last, tried every second one; a third
    that ends soon; the dead are forgotten."""
    living = {int(i): int(lineage) for i, lineage in zip(world.pool.id, world.pool.lineage, strict=True)}
    for colony in range(3):
        members = [i for i, lineage in living.items() if lineage % 6 == colony and i not in world.colony_of]
        if generation == 3:
            world.events.append(colony_event(world, generation, colony, "founded", members, "trial", 0.3, 0.6))
            world.colony_of.update(dict.fromkeys(members, colony))
    for identity in [i for i in world.colony_of if i not in living]:
        colony = world.colony_of.pop(identity)
        world.events.append(colony_event(world, generation, colony, "left", [identity], "age"))
    for colony in sorted(set(world.colony_of.values())):
        members = [i for i, own in world.colony_of.items() if own == colony]
        if generation % 2:
            gain = 0.3 + 0.1 * (generation % 3)
            world.events.append(colony_event(world, generation, colony, "audited", members, "gain", 0.3, 0.3 + gain))
        if colony == 2 and generation == 9:
            world.events.append(colony_event(world, generation, colony, "dissolved", members, "no gain"))
            for identity in members:
                del world.colony_of[identity]
    if generation == 7 and world.colony_of:
        rogue = next(iter(world.colony_of))
        colony = world.colony_of.pop(rogue)
        world.events.append(colony_event(world, generation, colony, "expelled", [rogue], "drew more than it paid in"))


def colony_event(world, generation, colony, change, members, reason, alone=None, together=None) -> dict:
    size = sum(own == colony for own in world.colony_of.values())
    return {"event": "colony", "generation": generation, "colony_id": colony, "change": change, "members": members,
            "reason": reason, "size": size, "pot": world.pot / 3, "alone": alone, "together": together,
            "mother": None}  # fmt: skip


def bury(world: Invention, generation: int, rows: np.ndarray, cause: str, owed: np.ndarray, flows: dict) -> None:
    pool = world.pool
    for row in rows:
        remains = float(pool.energy[row])
        flows["remains"] = flows.get("remains", 0.0) + remains
        world.commons += remains
        world.events.append(
            {"event": "death", "generation": generation, "organism_id": int(pool.id[row]), "cause": cause,
             "age": int(generation - pool.born[row]), "lineage": int(pool.lineage[row]),
             "children": int(pool.children[row]), "owed": float(owed[row]), "remains": remains, "heir": "commons"}
        )  # fmt: skip
    alive = np.ones(len(pool.id), bool)
    alive[rows] = False
    world.pool = pool.keep(alive)


def cull(world: Invention, generation: int, owed: np.ndarray, flows: dict) -> None:
    bury(world, generation, np.flatnonzero(owed > 1e-9), "insolvency", owed, flows)
    old = np.flatnonzero(generation - world.pool.born >= MAX_AGE)
    bury(world, generation, old, "age", np.zeros(len(world.pool.id)), flows)


def breed(world: Invention, generation: int, flows: dict) -> None:
    """The richest have children; at capacity the oldest make room."""
    pool, rng = world.pool, world.rng
    parents = [row for row in np.argsort(-pool.energy)[: world.births] if pool.energy[row] > 6.0]
    if not parents:
        return
    excess = max(0, len(pool.id) + len(parents) - world.capacity)
    elders = [row for row in np.argsort(pool.born, kind="stable") if row not in parents][:excess]
    parents = parents[: world.capacity - len(pool.id) + len(elders)]
    merging = rng.random(len(parents)) < 0.25
    partners = rng.integers(0, len(pool.id), len(parents))
    first = world.next_id
    for child, (row, merges, partner) in enumerate(zip(parents, merging, partners, strict=True)):
        merges = bool(merges) and partner != row and pool.energy[partner] > 2.0
        both = [int(row), int(partner)] if merges else [int(row)]
        pool.energy[both] -= 3.0 / len(both)
        pool.children[both] += 1
        ids = [int(pool.id[place]) for place in both]
        world.events.append(
            {"event": "birth", "generation": generation, "organism_id": first + child,
             "kind": "merge" if merges else "clone", "parents": ids, "lineage": int(pool.lineage[row]), "energy": 3.0,
             "payments": [3.0 / len(both)] * len(both), "operator": "spherical" if merges else "gaussian"}
        )  # fmt: skip
        if merges:
            lineages = [int(pool.lineage[place]) for place in both]
            world.events.append(
                {"event": "merge", "generation": generation, "child_id": first + child, "parents": ids,
                 "lineages": lineages, "operator": "spherical"}
            )  # fmt: skip
    flows["endowment"] = 3.0 * len(parents)
    rows, number = np.array(parents), len(parents)
    young = Pool(
        id=first + np.arange(number), lineage=pool.lineage[rows], born=np.full(number, generation),
        energy=np.full(number, 3.0), children=np.zeros(number, int),
        preference=pool.preference[rows] + rng.normal(0, 0.25 * (pool.preference.any()), (number, len(world.niches))),
        skill=np.clip(pool.skill[rows] + rng.normal(0, 0.02, (number, len(world.niches))), 0, 0.85),
        traits=np.clip(pool.traits[rows] * rng.normal(1, 0.05, (number, 6)), [4, 1e-3, 1e-4, 0.5, 3, 0],
                       [12, 0.3, 5e-3, 1.3, 16, 3]),
    )  # fmt: skip
    young.traits[:, 5] = np.clip(pool.traits[rows, 5] + (rng.random(number) < 0.1), 0, 3)
    world.next_id += number
    bury(world, generation, np.array(elders, int), "crowding", np.zeros(len(pool.id)), flows)
    world.pool = world.pool.join(young)


def report(world, generation, flows, answers, scores, visits, tokens, events) -> dict:
    pool = world.pool
    births: dict[str, int] = {}
    deaths: dict[str, int] = {}
    for event in events:
        if event["event"] == "birth":
            births[event["kind"]] = births.get(event["kind"], 0) + 1
        elif event["event"] == "death":
            deaths[event["cause"]] = deaths.get(event["cause"], 0) + 1
    given = answers.sum(axis=0)
    came = (visits > 0).sum(axis=0)
    richest = np.argsort(-pool.energy)[:8]
    names = ("rank", "mutation_scale", "learning_rate", "temperature", "answer_limit", "num_examples")
    return {
        "generation": generation,
        "num_living": len(pool.id),
        "num_lineages": len(np.unique(pool.lineage)),
        "births": births,
        "deaths": deaths,
        "energy": {"organisms": float(pool.energy.sum()), "niches": float(world.stock.sum()), "commons": world.commons,
                   "pots": world.pot},
        "flows": {reason: amount for reason, amount in flows.items() if amount},
        "residual": 0,
        "mean_score": float(scores.sum() / max(1, given.sum())),
        "niche_scores": {n: float(s / g) for n, s, g in zip(world.niches, scores.sum(axis=0), given, strict=True) if g},
        "niche_visitors": {n: int(v) for n, v in zip(world.niches, came, strict=True) if v},
        "niche_levels": {world.niches[0]: min(4, generation // 8)},
        "niche_stocks": {n: float(s) for n, s in zip(world.niches, world.stock, strict=True)},
        "num_answers": int(given.sum()),
        "num_tokens": int(tokens.sum()),
        "num_learners": len(pool.id) // 2,
        "learning_tokens": int(tokens.sum()) // 2,
        "faults": {},
        "colonies": {
            "number": len(set(world.colony_of.values())), "members": len(world.colony_of), "pot": world.pot,
            "member_profit": 1.2, "loner_profit": 1.0, "gain_per_member": 0.4 if generation % 2 else None,
        },
        "archive": archive_row(world),
        "ecology": ecology(world, generation, scores),
        "traits": {n: float(v) for n, v in zip(names, pool.traits.mean(axis=0), strict=True)} if len(pool.id) else {},
        "best": [
            {"id": int(pool.id[r]), "lineage": int(pool.lineage[r]), "age": int(generation - pool.born[r]),
             "energy": float(pool.energy[r]), "niche": world.niches[int(pool.skill[r].argmax())],
             "score": float(pool.skill[r].max()), "kind": "clone", "rank": int(pool.traits[r, 0]),
             "num_examples": int(pool.traits[r, 5])}
            for r in richest
        ],
    }  # fmt: skip
