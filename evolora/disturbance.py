"""What changes a world from outside its organisms' lives: difficulty that moves, and mass extinctions."""

from collections import defaultdict
from collections.abc import Sequence

from evolora.environment.encounter import Outcome, homes
from evolora.environment.niche import Niche
from evolora.events import Death, DeathCause
from evolora.lifecycle.survival import bury
from evolora.rng import stream
from evolora.world import Rules, World


def niches_now(world: World, rules: Rules) -> dict[str, Niche]:
    """The niches by name, each at the level it offers this generation."""
    return {
        niche.name: rules.ladders[niche.name][world.tracks[niche.name].level] if niche.name in world.tracks else niche
        for niche in rules.niches
    }


def open_niches(world: World, rules: Rules) -> dict[str, Niche]:
    """Those of `niches_now` that can be visited this generation."""
    return {name: niche for name, niche in niches_now(world, rules).items() if niche.is_open(world.generation)}


def move_levels(world: World, rules: Rules, outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Let each niche's difficulty follow its mean score; returns the levels that this generation was lived at."""
    lived_at = {name: track.level for name, track in world.tracks.items()}
    if rules.difficulty is None:
        return lived_at
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        scores[outcome.encounter.niche].append(outcome.mean_score)
    for name, track in world.tracks.items():
        seen = sum(scores[name]) / len(scores[name]) if scores[name] else None
        rng = stream(rules.seed, "difficulty", world.generation, name)
        world.tracks[name] = rules.difficulty.follow(track, seen, rng)
    return lived_at


def strike(world: World, rules: Rules, outcomes: Sequence[Outcome]) -> list[Death]:
    """Mass extinctions that are due; what the dead leave goes where remains go."""
    deaths: list[Death] = []
    for number, extinction in enumerate(rules.extinctions):
        if not extinction.strikes(world.generation):
            continue
        energies = {organism.id: world.ledger.balance(organism.account) for organism in world.population}
        rng = stream(rules.seed, "extinction", world.generation, number)
        deaths += [
            bury(world.population, world.ledger, identity, DeathCause.SHOCK, world.generation, rules.heir)
            for identity in extinction.find_victims(world.population, energies, homes(outcomes), rng)
        ]
    return deaths
