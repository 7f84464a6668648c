"""What a world does with its archive in a generation: offer it the living, bring elites in as parents, measure it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from evolora.environment.encounter import Outcome, haunts
from evolora.events import Birth, Elevation, Event
from evolora.lifecycle.archive import Archive, keepsake
from evolora.lifecycle.behaviour import Doings, behaviour, objective
from evolora.lifecycle.reproduction import Guests
from evolora.organism.organism import Organism
from evolora.rng import stream
from evolora.world import Rules, World


def elevate(world: World, rules: Rules, outcomes: Sequence[Outcome]) -> list[Event]:
    """Offer everybody who answered in this generation to the archive, in id order, before anybody learns or dies.

    Who remembers too few tasks, whose behaviour is undefined or whose weights are not finite is not offered. Where
    elites are compared by home, an organism is offered for every niche it visited.
    """
    if rules.archive is None:
        return []
    archive = _archive_of(world, rules)
    names, done = [niche.name for niche in rules.niches], doings(outcomes)
    at_home = rules.archive.objective == "home"
    events: list[Event] = []
    for organism in world.population:
        for own in done.get(organism.id, [])[: None if at_home else 1]:
            score = objective(organism, rules.archive.least_tasks, own.home if at_home else None)
            if score is None or not organism.active.is_finite():
                continue
            shown = [behaviour(axis.behaviour, organism, own, names) for axis in archive.axes]
            measures = [value for value in shown if value is not None]
            if len(measures) < len(shown):
                continue
            kept = keepsake(organism, rules.heredity.lamarckian)
            if (found := archive.offer(kept, score, measures, world.generation)) is not None:
                elite, before = found
                driven_out = None if before is None else before.organism.id
                events.append(
                    Elevation(world.generation, organism.id, elite.cell, elite.objective, elite.measures, driven_out)
                )
    return events


def doings(outcomes: Sequence[Outcome]) -> dict[int, list[Doings]]:
    """Organism id -> what it did, with each niche it visited as its home: the most visited first, then by name."""
    tokens: Counter[int] = Counter()
    answers: Counter[int] = Counter()
    for outcome in outcomes:
        tokens[outcome.encounter.organism_id] += sum(answer.generated_tokens for answer in outcome.answers)
        answers[outcome.encounter.organism_id] += len(outcome.answers)
    return {
        identity: [Doings(niche, tokens[identity] / answers[identity]) for niche in niches]
        for identity, niches in haunts(outcomes).items()
    }


def guests(world: World, rules: Rules) -> Guests | None:
    """Who is brought in for a birth that an organism, by id, can pay: an elite with the world's chance, else nobody."""
    if rules.archive is None or not rules.archive.parents:
        return None
    archive, rng = _archive_of(world, rules), stream(rules.seed, "archive", world.generation)
    share = rules.archive.parents

    def invite(payer: int) -> Organism | None:
        return archive.draw(rng, without=payer) if rng.random() < share else None

    return invite


def measure_archive(world: World, events: Sequence[Event]) -> dict[str, float | None] | None:
    """The row's `archive` (`record.glossary.ARCHIVE` says what is what); None in worlds without one."""
    if world.archive is None:
        return None
    taken = [event for event in events if isinstance(event, Elevation)]
    ids = world.archive.ids
    holdings: Mapping[str, float | None] = asdict(world.archive.holdings())
    return {
        **holdings,
        "new": sum(event.before is None for event in taken),
        "improved": sum(event.before is not None for event in taken),
        "dead": sum(elite.organism.id not in world.population for elite in world.archive.elites),
        "organisms": len(ids),
        "births": sum(isinstance(event, Birth) and event.from_archive for event in events),
    }


def _archive_of(world: World, rules: Rules) -> Archive:
    """The world's archive, an empty one where it has none yet, or had one with other axes before a fork."""
    assert rules.archive is not None  # asked by both callers
    if world.archive is None or world.archive.axes != rules.archive.axes:
        world.archive = Archive(rules.archive.axes)
    return world.archive
