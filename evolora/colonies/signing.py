"""Who is asked to sign up: newcomers for colonies with room, groups of loners for new ones; trials decide."""

from collections.abc import Sequence

import numpy as np

from evolora.colonies.trials import Group, Held, Market, Verdict, hold_trials
from evolora.evaluation.evaluator import Evaluator
from evolora.events import Change, ColonyChange
from evolora.lifecycle.colony import Colony, Member
from evolora.lifecycle.colony_rules import ColonyRules
from evolora.lifecycle.ledger import Reason, to_energy, to_units
from evolora.organism.organism import Organism
from evolora.rng import stream
from evolora.world import Rules, World


def sign_up(
    world: World, rules: Rules, own: ColonyRules, evaluator: Evaluator, market: Market
) -> tuple[list[ColonyChange], Held]:
    """What became of this generation's trials of newcomers: changes, and the trials."""
    rng = stream(rules.seed, "sign up", world.generation)
    groups = propose(world, rules, own, rng)
    held = hold_trials(world, rules, evaluator, groups, market)
    changes, stake = [], to_units(own.contract.stake)
    for group, verdict in zip(groups, held.verdicts, strict=True):
        if verdict is None or not own.signing.is_worth_it(verdict.gains, len(group.members)):
            continue
        if all(world.ledger.balance(f"organism:{newcomer}") >= stake for newcomer in _newcomers(group)):
            changes.append(_admit(world, own, group, verdict))
    return changes, held


def propose(world: World, rules: Rules, own: ColonyRules, rng: np.random.Generator) -> list[Group]:
    """Groups to try, colonies with room first, each in an order of chance; nobody is in two.

    Asked are loners who have tried some niche and have the stake and their upkeep.
    """
    signing, need = own.signing, to_units(own.contract.stake) + to_units(rules.prices.upkeep)
    loners = [
        organism
        for organism in world.population
        if world.colonies.home_of(organism.id) is None
        and organism.competence
        and world.ledger.balance(organism.account) >= need
    ]
    groups: list[Group] = []
    open_colonies = [colony for colony in world.colonies if len(colony) < signing.max_size]
    for place in rng.permutation(len(open_colonies)):
        if len(groups) < signing.trials:
            _ask(world, own, open_colonies[int(place)], loners, groups)
    while len(groups) < signing.trials and len(loners) >= signing.founding_size:
        first = loners[int(rng.integers(len(loners)))]
        group = signing.gather([first], [one for one in loners if one is not first], signing.founding_size)
        if len(group) == signing.founding_size:
            ids = tuple(sorted(organism.id for organism in group))
            groups.append(Group(ids, tuple((identity,) for identity in ids)))
        _take(loners, group if len(group) == signing.founding_size else [first])
    return groups


def _ask(world: World, own: ColonyRules, colony: Colony, loners: list[Organism], groups: list[Group]) -> None:
    """Propose that the loner who adds most joins a colony; none is asked where nobody adds anything."""
    members = [world.population[identity] for identity in colony.members]
    crowd = [loner for loner in loners if loner.id not in colony.expelled]
    newcomers = own.signing.gather(members, crowd, len(members) + 1)[len(members) :]
    if newcomers:
        inside = tuple(colony.members)
        groups.append(Group((*inside, newcomers[0].id), (inside, (newcomers[0].id,)), colony))
        _take(loners, newcomers)


def _take(loners: list[Organism], asked: Sequence[Organism]) -> None:
    for organism in asked:
        loners.remove(organism)


def _newcomers(group: Group) -> list[int]:
    return [i for i in group.members if group.sponsor is None or i not in group.sponsor.members]


def _admit(world: World, own: ColonyRules, group: Group, verdict: Verdict) -> ColonyChange:
    """Found the colony or let the newcomer in; everybody who signs pays its stake."""
    newcomers, colony = _newcomers(group), group.sponsor
    if colony is None:
        colony = world.colonies.found({}, world.generation)
        world.ledger.open_account(colony.account)
        change = Change.FOUNDED
    else:
        change = Change.JOINED
    for identity in newcomers:
        world.colonies.add(colony, identity, Member(world.generation))
        stake = to_units(own.contract.stake)
        world.ledger.transfer(f"organism:{identity}", colony.account, stake, Reason.POOLING)
    return ColonyChange(
        world.generation,
        colony.id,
        change,
        tuple(newcomers),
        "trial",
        len(colony),
        to_energy(world.ledger.balance(colony.account)),
        verdict.alone,
        verdict.together,
    )
