"""What a generation's row of metrics says of colonies."""

from collections.abc import Sequence
from statistics import fmean

from evolora.colonies.act import Acts
from evolora.environment.encounter import Outcome
from evolora.events import Change, ColonyChange, Death, DeathCause, Event, Life
from evolora.lifecycle.ledger import to_energy
from evolora.pooling import pot_energy
from evolora.stages import Settlement
from evolora.world import Rules, World


def measure_colonies(
    world: World,
    rules: Rules,
    outcomes: Sequence[Outcome],
    settlement: Settlement,
    lives: Sequence[Life],
    events: Sequence[Event],
    acts: Acts,
) -> dict[str, float | None] | None:
    """The row's `colonies`; None in worlds that know none. A value is None where it is undefined.

    At the end of the generation: `number`, `members`, `mean_size`, `mean_age` (generations), `pot` (energy). Of all
    that have come to an end so far: `mean_lifetime` (generations). In it: `births` and `deaths` of colonies, `expelled`
    members, `forwarded` tasks, `trials` of newcomers and those `passed`, `trial_tokens` of
    them and of audits, not among the row's `num_tokens`; `gain_per_member`, the mean gain of the
    audits, and `audit_alone` and `audit_together` behind it (energy per member and generation). Of who lived through
    it: `energy_share` and `living_share` of members; `member_profit` and `loner_profit`, mean energy earned beyond
    tokens, rewards and fees included, upkeep and dues not; how many of each went broke.
    """
    if rules.colonies is None:
        return None
    changes = [event for event in acts.events if isinstance(event, ColonyChange)]
    audits = [one for one in changes if one.change is Change.AUDITED]
    alone = [one.alone for one in audits if one.alone is not None]
    together = [one.together for one in audits if one.together is not None]
    members = {life.organism_id for life in lives if life.colony is not None}
    loners = {life.organism_id for life in lives} - members
    broke = {e.organism_id for e in events if isinstance(e, Death) and e.cause is DeathCause.INSOLVENCY}
    colonies = list(world.colonies)
    earned = {life.organism_id: settlement.profits[life.organism_id] for life in lives}
    meals = {i: sum(own.get(i, 0) for own in settlement.meals.values()) + settlement.rewards.net(i) for i in earned}
    return {
        "number": len(colonies),
        "members": world.colonies.num_members,
        "births": sum(one.change in (Change.FOUNDED, Change.BUDDED) for one in changes),
        "deaths": sum(one.change is Change.DISSOLVED for one in changes),
        "mean_size": _mean([len(colony) for colony in colonies]),
        "mean_age": _mean([world.generation - colony.founded for colony in colonies]),
        "mean_lifetime": world.colonies.generations_lived / world.colonies.num_dissolved
        if world.colonies.num_dissolved
        else None,
        "pot": pot_energy(world),
        "energy_share": sum(meals[i] for i in members) / total if (total := sum(meals.values())) else None,
        "living_share": len(members) / len(lives) if lives else None,
        "forwarded": sum(outcome.encounter.finder is not None for outcome in outcomes),
        "gain_per_member": _mean([b - a for a, b in zip(alone, together, strict=True)]),
        "audit_alone": _mean(alone),
        "audit_together": _mean(together),
        "expelled": sum(one.change is Change.EXPELLED for one in changes),
        "trials": acts.num_trials,
        "trial_tokens": acts.trial_tokens,
        "passed": sum(one.reason == "trial" for one in changes),
        "member_profit": _mean([to_energy(earned[i]) for i in sorted(members)]),
        "loner_profit": _mean([to_energy(earned[i]) for i in sorted(loners)]),
        "members_broke": len(members & broke),
        "loners_broke": len(loners & broke),
    }


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
