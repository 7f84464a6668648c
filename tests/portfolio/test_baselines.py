"""Baselines: trained by the organisms' own lessons, at the tokens they are given, and mixtures that are exact sums."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from sheets import small_petri

from evolora.blueprint import build_rules, standard_traits
from evolora.build import build_evaluator
from evolora.calendar import Opening
from evolora.environment.tasks import split_of
from evolora.errors import ConfigError
from evolora.organism.genome import Factors, Genome
from evolora.portfolio.baselines.contender import Arena, host_with_examples, mixture
from evolora.portfolio.baselines.mixtures import search_weights, soup, weighted_sum
from evolora.portfolio.baselines.timetable import always, timetable
from evolora.portfolio.baselines.trained import Lessons, train_single, train_specialists
from evolora.portfolio.baselines.training import School
from evolora.rng import stream
from evolora.routing.tokens import TokenMeter

BUDGET = 60_000


@pytest.fixture(scope="module")
def arena():
    config = small_petri()
    return Arena.open(config, build_rules(config), build_evaluator(config), 6)


def school(arena, regime="gold") -> School:
    return School(arena.evaluator, arena.rules.tasks, 1, regime, tasks_per_step=4, answers_per_task=2)


def surprise(arena, genome) -> float:
    """Mean loss on gold answers of selection questions: what learning of one step would report."""
    from evolora.organism.learning import Learner, Lesson

    prompts = arena.evaluator.prompts
    lessons = [
        Lesson(0, prompts.build(q.task.question), (prompts.answer_ids(q.task.answer),), (1.0,), 1.0)
        for q in arena.selection
    ]
    return arena.evaluator.learn({0: Learner(genome, None)}, lessons)[0].loss


def surprise_at_stops(arena, genome) -> float:
    """Mean loss on the stop tokens alone, behind the gold answers to selection questions."""
    from evolora.organism.learning import Learner, Lesson

    prompts = arena.evaluator.prompts
    answered = [(*prompts.build(q.task.question), *prompts.answer_ids(q.task.answer)) for q in arena.selection]
    lessons = [Lesson(0, whole[:-1], (whole[-1:],), (1.0,), 1.0) for whole in answered]
    return arena.evaluator.learn({0: Learner(genome, None)}, lessons)[0].loss


@pytest.mark.parametrize("regime", ["gold", "rewards"])
@pytest.mark.parametrize("kind", ["single", "specialists"])
def test_baselines_spend_the_tokens_they_are_given_within_one_percent(arena, regime, kind):
    meter, lessons = TokenMeter(), Lessons(None, 2)
    terms = always(arena.rules.niches)
    if kind == "single":
        train_single(arena.config, school(arena, regime), terms, BUDGET, lessons, meter)
    else:
        train_specialists(arena.config, school(arena, regime), terms, 2, 0.5, BUDGET, lessons, meter)
    assert abs(meter.total / BUDGET - 1) < 0.01


def test_what_selection_will_cost_is_foreseen_within_ten_percent(arena):
    meter = TokenMeter()
    candidates = {number: genome for number, genome in enumerate([host_with_examples(arena)[1]] * 3)}
    arena.portfolio(candidates, 3, "ridge", meter)
    assert abs(arena.exam_cost(3) / meter.total - 1) < 0.1


def test_gold_lessons_teach_the_answer_and_its_stop(arena):
    terms = always(arena.rules.niches)
    trained = train_single(arena.config, school(arena), terms, BUDGET, Lessons(None, 1), TokenMeter())[0]
    untrained = host_with_examples(arena)[0]
    fresh = Genome(trained.factors, trained.traits, trained.scaling)
    assert surprise(arena, fresh) < surprise(arena, untrained) - 0.05


def test_who_is_taught_answers_without_their_stops_forgets_to_stop(arena, monkeypatch):
    def taught() -> Genome:
        terms = always(arena.rules.niches)
        return train_single(arena.config, school(arena), terms, BUDGET, Lessons(None, 1), TokenMeter())[0]

    whole, kind = taught(), type(arena.evaluator.prompts)
    with monkeypatch.context() as patch:
        answer_ids = kind.answer_ids
        patch.setattr(kind, "answer_ids", lambda prompts, text: answer_ids(prompts, text)[:-1])
        unstopped = taught()
    kept, forgotten = (surprise_at_stops(arena, genome) for genome in (whole, unstopped))
    assert kept < forgotten / 5, "the host knows when to stop, and gold lessons keep that"


def test_training_is_a_function_of_its_seed(arena):
    runs = [
        train_single(arena.config, school(arena), always(arena.rules.niches), 8_000, Lessons(None, 1), TokenMeter())[0]
        for _ in range(2)
    ]
    assert all(torch.equal(runs[0].factors[site].b, runs[1].factors[site].b) for site in runs[0].factors)


def test_what_is_kept_of_a_trained_adapter_is_averaged_as_an_organism_s_is(arena):
    """The same lessons, so the same versions; three of them have their plain mean."""
    from evolora.portfolio.baselines.trained import fresh_pupil

    plain, averaging = school(arena), replace(school(arena), averaged=50)
    pupil, versions, step = fresh_pupil(arena.config, plain, arena.rules.niches, 0, None), [], 0
    pupils = {0: pupil}
    for _ in range(3):
        pupils, step = plain.train(pupils, 1, TokenMeter(), "training", step)
        versions.append(pupils[0].settled)
    taught, steps = {0: pupil}, 0
    for _ in range(3):
        taught, steps = averaging.train(taught, 1, TokenMeter(), "training", steps)
    assert pupils[0].settled is pupils[0].genome and steps == step == 3
    for site, own in taught[0].settled.factors.items():
        assert torch.equal(taught[0].genome.factors[site].b, versions[-1].factors[site].b)
        assert torch.allclose(own.b, sum(one.factors[site].b for one in versions) / 3, atol=1e-7)


def test_training_sees_living_tasks_only_and_new_ones_every_step(arena):
    from evolora.portfolio.baselines.trained import fresh_pupil

    teacher = school(arena)
    pupil = fresh_pupil(arena.config, teacher, arena.rules.niches, 0, None)
    days = [[task for _, task in teacher.tasks(pupil, 0, step)] for step in range(5)]
    assert all(split_of(task) == "living" for day in days for task in day)
    assert len({task.digest for day in days for task in day}) > 15


def test_specialists_are_dealt_all_niches(arena):
    seen = []

    class Watching(School):
        def train(self, pupils, budget, meter, purpose, first_step=0):
            seen.append([tuple(niche.name for niche in pupil.niches) for pupil in pupils.values()])
            return dict(pupils), first_step

    watching = Watching(arena.evaluator, arena.rules.tasks, 1, "gold", 4, 2)
    train_specialists(arena.config, watching, always(arena.rules.niches), 2, 0.5, 10, Lessons(None, 1), TokenMeter())
    names = [niche.name for niche in arena.rules.niches]
    assert seen == [[tuple(names)], [(names[0], names[2]), (names[1],)]]


def opened(niches, *openings):
    return [replace(niche, opening=opening) for niche, opening in zip(niches, openings, strict=True)]


def test_a_timetable_has_a_term_for_every_stretch_with_the_same_niches_open(arena):
    names = [niche.name for niche in arena.rules.niches]
    shifting = opened(arena.rules.niches, Opening(1, 2, every=4), Opening(3, 2, every=4), None)
    terms = timetable(shifting, 8)  # 1, 2: first and third; 3, 4: second and third; and the same again
    assert [[niche.name for niche in term.niches] for term in terms] == [[names[0], names[2]], names[1:]] * 2
    assert [term.end for term in terms] == [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1]
    assert timetable(arena.rules.niches, 8) == always(arena.rules.niches)


def test_a_timetable_leaves_out_generations_in_which_nothing_is_open(arena):
    late = opened(arena.rules.niches, Opening(3, 1), Opening(5, 2), Opening(5, 2))
    assert [term.end for term in timetable(late, 9)] == [Fraction(1, 3), 1]


class Watched(School):
    """Writes down who is taught what on which budget, and spends it."""

    def train(self, pupils, budget, meter, purpose, first_step=0):
        self.seen.append(({place: [n.name for n in pupil.niches] for place, pupil in pupils.items()}, budget))
        meter.by_purpose[purpose] += budget
        return dict(pupils), first_step + 1


def watched(arena):
    made = Watched(arena.evaluator, arena.rules.tasks, 1, "gold", 4, 2)
    object.__setattr__(made, "seen", [])
    return made


def test_adapters_are_taught_what_is_open_in_its_term_and_nothing_else(arena):
    first, second, third = (niche.name for niche in arena.rules.niches)
    terms = timetable(opened(arena.rules.niches, Opening(1, 1), Opening(2, 3), Opening(1, 1)), 4)
    single, alone = watched(arena), Lessons(None, 2)
    found = train_single(arena.config, single, terms, 400, alone, TokenMeter())
    half = 200  # where a checkpoint is kept
    assert single.seen == [({0: [first, third]}, 100), ({0: [second]}, half - 100), ({0: [second]}, 400 - half)]
    assert list(found) == [0, 1]
    at_ends = train_single(arena.config, watched(arena), terms, 400, Lessons(None, None), TokenMeter())
    assert list(at_ends) == [0, 1]
    several = watched(arena)
    train_specialists(arena.config, several, terms, 3, 0.0, 400, alone, TokenMeter())
    assert several.seen == [({0: [first], 1: [third]}, 100), ({2: [second]}, 300)]
    two = watched(arena)
    train_specialists(arena.config, two, terms, 2, 0.0, 400, alone, TokenMeter())
    assert two.seen == [({0: [first, third]}, 100), ({1: [second]}, 300)]  # neighbours in time are one's trade


def test_no_generalist_can_come_first_where_niches_open_and_shut(arena):
    terms = timetable(opened(arena.rules.niches, Opening(1, 1), Opening(2, 1), None), 2)
    with pytest.raises(ConfigError, match="generalist_share: expected 0 where niches open and shut"):
        train_specialists(arena.config, watched(arena), terms, 2, 0.5, 400, Lessons(None, 1), TokenMeter())


def genome(arena, seed: int, rank: int) -> Genome:
    rng = torch.Generator().manual_seed(seed)
    factors = {
        site.name: Factors(
            torch.randn(rank, site.in_features, generator=rng), torch.randn(site.out_features, rank, generator=rng)
        )
        for site in arena.evaluator.sites[seed:]  # the second lacks a site
    }
    traits = standard_traits(arena.config)
    return Genome(factors, traits.__class__(**{**vars(traits), "rank": rank}), 2.0)


def test_a_weighted_sum_is_exactly_the_sum_of_deltas(arena):
    first, second = genome(arena, 0, 2), genome(arena, 1, 3)
    whole = weighted_sum([first, second], [0.25, -1.5])
    for site in whole.factors:
        expected = 0.25 * first.delta(site) - (1.5 * second.delta(site) if site in second.factors else 0)
        assert torch.allclose(whole.delta(site), expected, atol=1e-4)


def test_a_soup_of_equals_is_that_genome(arena):
    one = genome(arena, 0, 2)
    site = next(iter(one.factors))
    assert torch.allclose(soup([one, one, one]).delta(site), one.delta(site), atol=1e-4)


def test_the_search_for_weights_finds_a_planted_best():
    target = np.array([1.0, -0.5, 0.2])
    found = search_weights(3, lambda tried: [-float(((w - target) ** 2).sum()) for w in tried], 60, 8, stream(1, "s"))
    assert np.abs(found - target).max() < 0.1


def test_a_mixtures_search_is_counted(arena):
    meter = TokenMeter()
    mixture(arena, [genome(arena, 0, 2), genome(arena, 1, 3)], rounds=1, brood=2, questions=4, meter=meter)
    assert meter.by_purpose["search"] > 0
