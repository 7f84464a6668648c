"""The learning stage: organisms that can pay for it learn from their generation, in whichever way the world has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evolora.disturbance import niches_now
from evolora.environment.encounter import Outcome
from evolora.environment.task import Score
from evolora.evaluation.evaluator import Evaluator
from evolora.lifecycle.learning import LearningMethod, Trial, Tried
from evolora.lifecycle.metabolism import pay_bill
from evolora.organism.averaging import average
from evolora.organism.learning import Comparison, Learner, Learnt, Lesson
from evolora.organism.perturbation import Noise, Perturbed
from evolora.rng import key64
from evolora.stages import score_answers
from evolora.world import Rules, World

Lived = Mapping[int, list[Outcome]]


@dataclass(frozen=True)
class Learning:
    """What became of the learners, by organism id, and the `tokens` that were processed and charged for it."""

    learnt: Mapping[int, Learnt]
    tokens: int


def learn(world: World, rules: Rules, evaluator: Evaluator, outcomes: Sequence[Outcome]) -> Learning:
    """1 organisms try what their way of learning asks for  2 draw lessons  3 pay  4 are updated."""
    method = rules.learning
    if method is None:
        return Learning({}, 0)
    lived: defaultdict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        lived[outcome.encounter.organism_id].append(outcome)
    tried = _try_out(world, rules, evaluator, method, lived)
    tokens = sum(trial.outcome.num_tokens for own in tried.values() for trial in own)
    learners: dict[int, Learner] = {}
    lessons: list[Lesson | Comparison] = []
    for identity in sorted(lived):
        organism = world.population[identity]
        own = method.lessons(lived[identity], tried.get(identity, []))
        need = sum(lesson.num_tokens for lesson in own)
        bill = rules.prices.learning_cost(need)
        if not own or sum(bill.values()) > world.ledger.balance(organism.account):
            continue
        pay_bill(world.ledger, organism.account, bill)
        tokens += need
        learners[identity] = Learner(organism.active, organism.optimizer)
        lessons += own
    learnt = evaluator.learn(learners, lessons) if learners else {}
    for identity, result in learnt.items():
        organism = world.population[identity]
        organism.optimizer = result.optimizer
        organism.average = average(organism.average, result.genome, rules.averaged)
        if rules.heredity.lamarckian:  # what is learnt is the genome from now on: it is what children get
            organism.genome = result.genome
        else:
            organism.learnt = result.genome
    return Learning(learnt, tokens)


def _try_out(
    world: World, rules: Rules, evaluator: Evaluator, method: LearningMethod, lived: Lived
) -> dict[int, list[Tried]]:
    """The trials of all organisms that could pay even for the longest answers, in one batch; charged as they came."""
    bodies: dict[int, Perturbed] = {}
    trials: list[tuple[int, Trial]] = []
    encounters = []
    for identity in sorted(lived):
        own = method.trials(lived[identity], key64(rules.seed, "learn", world.generation, identity))
        worst = rules.prices.learning_cost(_most_tokens(lived[identity], own))
        if not own or sum(worst.values()) > world.ledger.balance(world.population[identity].account):
            continue
        body_of: dict[Noise, int] = {}
        for trial in own:
            body = body_of.setdefault(trial.noise, len(bodies))
            bodies[body] = Perturbed(identity, world.population[identity].active, trial.noise)
            trials.append((identity, trial))
            encounters.append(replace(trial.encounter, organism_id=body))
    tried: defaultdict[int, list[Tried]] = defaultdict(list)
    answers = evaluator.answer(bodies, encounters) if bodies else []
    niches, known = niches_now(world, rules), dict[tuple[str, str, str], Score]()
    for (identity, trial), given in zip(trials, answers, strict=True):
        outcome = Outcome(trial.encounter, given, score_answers(niches, trial.encounter, given, known))
        tried[identity].append(Tried(trial.noise, outcome))
    for identity, own_tried in tried.items():
        bill = rules.prices.learning_cost(sum(trial.outcome.num_tokens for trial in own_tried))
        pay_bill(world.ledger, world.population[identity].account, bill)
    return tried


def _most_tokens(lived: Sequence[Outcome], trials: Sequence[Trial]) -> int:
    """The tokens of `trials` if every answer ran to its limit."""
    prompts = {outcome.encounter.key: outcome.answers[0].prompt_tokens for outcome in lived}
    return sum(
        prompts[trial.encounter.key] + trial.encounter.num_samples * trial.encounter.answer_limit for trial in trials
    )
