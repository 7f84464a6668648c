"""A generation's row: its names, a census worked by hand, and a history that JSON keeps whole."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from label_world import LabelWorld

from evolora.events import Birth, Death, DeathCause, Event
from evolora.history import History
from evolora.record.census import Census
from evolora.record.ecology import measure_ecology
from evolora.record.glossary import MEANINGS

COSTLY = tuple(name for name, meaning in MEANINGS.items() if meaning.costly)


def make_census(generation: int, ids, lineages, scores, similarity=None) -> Census:
    """Ten answers in each of two niches by everybody, `scores` (organisms, 2) of them right, one task a niche."""
    scores = np.array(scores, float).reshape(len(ids), 2)
    number = len(ids)
    return Census(
        generation=generation,
        ids=tuple(ids),
        lineages=tuple(lineages),
        energy=scores.sum(axis=1),
        scores=scores,
        answers=np.full((number, 2), 10),
        tokens=np.full((number, 2), 40),
        meals=scores,
        profit=scores - 5.0,
        visitors=np.repeat(np.arange(number), 2),
        visited=np.tile([0, 1], number),
        tasks=np.tile([0, 1], number),
        visit_scores=scores.ravel() / 10,
        similarity=similarity,
    )


def birth(generation: int, child: int, *parents: int) -> Birth:
    return Birth(generation, child, "clone", parents, 0, 1.0, (), "x")


def death(generation: int, organism: int) -> Death:
    return Death(generation, organism, DeathCause.AGE, 1, 0, 0, 0.0, 0.0, "sink")


def test_a_generation_worked_by_hand():
    """Three founders: 0 and 1 right in niche 0 only (8, 4 of 10), 2 in niche 1 only (6 of 10)."""
    row = measure_ecology(History(), make_census(1, [0, 1, 2], [0, 1, 2], [[8, 0], [4, 0], [0, 6]]), [], 1, False)
    assert [row[f"lineage_hill_{order}"] for order in (0, 1, 2)] == pytest.approx([3, 3, 3])
    assert row["phenotype_hill_0"] == 2.0
    assert row["phenotype_hill_1"] == pytest.approx(math.exp(-(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))))
    assert row["behaviour_hill_2"] == pytest.approx(9 / 5)  # Zp = 2/3, 2/3, 1/3: 1 / (2 · 2/9 + 1/9)
    assert row["breadth_levins"] == 1.0 and row["breadth_standardised"] == 0.0
    assert (row["specialist_share"], row["generalist_share"]) == (1.0, 0.0)
    assert row["overlap_pianka"] == pytest.approx(1 / 3)
    assert row["niche_occupancy"] == 1.0  # 0 profits in the first, 2 in the second
    # solved by the mean score: task 0 by 0 alone, task 1 by 2 alone
    assert row["coverage_all"] == 1.0 and row["coverage_1"] == pytest.approx(1 / 3) and row["coverage_4"] is None
    assert row["coverage_over_founders"] == 0.0 and row["keystone_loss"] == 0.5
    assert row["oracle_score"] == pytest.approx(0.7)
    assert row["routed_score"] == pytest.approx((0.4 + 0.2) / 2)  # no records yet: all visitors share a task
    assert row["energy_gini"] == pytest.approx((4 * 2 + 2 * 2 + 2 * 2) / (2 * 9 * 6))
    assert row["phylogeny_roots"] == 3.0 and row["phylogeny_mrca_id"] is None
    assert row["price_score_selection"] is None and row["heritability_score"] is None
    assert row["opportunity_for_selection"] == 0.0 and row["effective_size"] is None  # everybody lives on


def test_two_generations_worked_by_hand():
    """1 dies, 0 bears 3. Mean scores 0.4, 0.2 then 0.5 (0 itself) and 0.3 (its child): Price with w = 2, 0.

    Mean 0.3 -> 0.4; selection takes it to 0.4, transmission adds (0.1 - 0.1) / 2 = 0. Fitness 2, 0: I = 1, N_e = 1.
    """
    history = History()
    events: list[Event] = [death(1, 1), birth(1, 3, 0)]
    first = measure_ecology(history, make_census(1, [0, 1], [0, 1], [[8, 0], [4, 0]]), events, 1, False)
    assert first["opportunity_for_selection"] == 1.0 and first["effective_size"] == 1.0
    second = measure_ecology(history, make_census(2, [0, 3], [0, 0], [[8, 2], [6, 0]]), [], 1, False)
    assert second["price_score_selection"] == pytest.approx(0.1)
    assert second["price_score_transmission"] == pytest.approx(0.0)
    assert second["price_score_change"] == pytest.approx(0.1)
    assert second["heritability_pairs"] == 1.0 and history.pairs == [pytest.approx((0.1, 0.0, -0.1, 0.0))]
    # routed by the lives before: in niche 0 organism 0 had 0.8; in niche 1 it had 0, its child no record
    assert second["routed_score"] == pytest.approx((0.8 + 0.2) / 2) and second["oracle_gap"] == pytest.approx(0.0)
    assert second["phylogeny_mrca_id"] == 0.0 and second["phylogeny_sweeps"] == 1.0
    assert second["phylogeny_mrca_age"] == 2.0 and second["phylogeny_coalescence_time"] == 1.0
    assert second["lineage_hill_1"] == 1.0


def test_a_parent_that_dies_in_the_generation_it_bears_in_counts_its_child():
    history = History()
    measure_ecology(history, make_census(1, [0, 1], [0, 1], [[8, 0], [4, 0]]), [birth(1, 2, 0), death(1, 0)], 1, False)
    row = measure_ecology(history, make_census(2, [1, 2], [1, 0], [[4, 0], [8, 0]]), [], 1, False)
    assert row["price_score_selection"] == pytest.approx(0.0) and row["price_score_change"] == pytest.approx(0.0)


def test_a_merged_child_counts_one_half_for_each_parent():
    """0 and 1 bear 3 together: w = 3/2, 3/2, 1, mean 4/3, variance 1/18, so I = (1/18) / (16/9) = 1/32."""
    scores = [[1, 0], [1, 0], [1, 0]]
    row = measure_ecology(History(), make_census(1, [0, 1, 2], [0, 1, 2], scores), [birth(1, 3, 0, 1)], 1, False)
    assert row["opportunity_for_selection"] == pytest.approx(1 / 32)


def test_heritability_looks_back_on_the_last_256_births():
    world, history = LabelWorld(1), History()
    rows = [measure_ecology(history, *generation, 1, False) for generation in world.live(50)]  # 6 births in each
    assert [row["heritability_pairs"] for row in rows[:3]] == [0, 6, 12] and rows[-1]["heritability_pairs"] == 256
    assert len(history.pairs) == 256


def test_a_child_of_somebody_long_forgotten_begins_a_tree_of_its_own():
    history = History()
    census = make_census(1, [0, 1], [0, 1], [[8, 0], [4, 0]])
    measure_ecology(history, census, [death(1, 1), birth(1, 12, 7, 0), birth(1, 13, 7)], 1, True)
    row = measure_ecology(history, make_census(2, [0, 12, 13], [0, 7, 7], [[8, 0]] * 3), [], 1, True)
    assert row["phylogeny_roots"] == 2.0 and row["phylogeny_faith_pd"] == 3.0  # 12 is known by its other parent, 0
    assert row["lineage_hill_0"] == 2.0 and row["heritability_pairs"] == 1.0


def test_a_niche_newly_solved_is_one_no_founder_solved():
    """Founders have 0.2 in niche 1; who reaches 0.45 there over its life has learnt it. Niche 0 was solved before."""
    history = History()
    founders = make_census(1, [0, 1], [0, 1], [[10, 2], [0, 2]])  # mean 0.5 and 0.2; 0 solves niche 0 from the start
    assert measure_ecology(history, founders, [], 1, False)["niches_newly_solved"] == 0.0
    row = measure_ecology(history, make_census(2, [0, 1], [0, 1], [[10, 2], [0, 7]]), [], 1, False)
    assert row["niches_newly_solved"] == 1.0  # 1 has 9 of 20 there


def test_a_few_right_answers_are_not_a_niche_solved():
    """Seven answers, all right, are less than the eight that it takes; with the next seven there are enough."""
    history = History()
    rows = []
    for generation, right in ((1, 0), (2, 7), (3, 7)):
        census = make_census(generation, [0 if generation == 1 else 1], [0], [[0, right]])
        census = replace(census, answers=np.full((1, 2), 7))
        rows.append(measure_ecology(history, census, [], 1, False)["niches_newly_solved"])
    assert rows == [0.0, 0.0, 1.0]


def test_a_niche_that_nobody_profits_from_is_not_occupied():
    """Profits are scores less 5: at best 3 in the first niche and -1 in the second."""
    row = measure_ecology(History(), make_census(1, [0, 1], [0, 1], [[8, 0], [4, 4]]), [], 1, False)
    assert row["niche_occupancy"] == 0.5


def test_a_niche_that_nobody_visits_is_not_occupied_whatever_is_remembered_of_it():
    census = make_census(1, [0, 1], [0, 1], [[8, 8], [8, 8]])
    census = replace(census, answers=np.array([[10, 0], [10, 0]]))
    assert measure_ecology(History(), census, [], 1, False)["niche_occupancy"] == 0.5


def test_who_gave_no_answer_has_no_score_to_select_or_inherit():
    """All are right in half of what they answer. 1 and 3, whose tasks others answered, are no fools."""
    history, silent = History(), np.array([[10, 10], [0, 0], [10, 10], [0, 0]])
    census = replace(make_census(1, [0, 1, 2, 3], [0, 1, 2, 3], [[5, 5], [0, 0], [5, 5], [0, 0]]), answers=silent)
    measure_ecology(history, census, [birth(1, 4, 1), birth(1, 5, 3)], 1, False)
    later = make_census(2, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 1, 3], [[5, 5]] * 6)
    row = measure_ecology(history, later, [], 1, False)
    terms = ("selection", "transmission", "change")
    assert [row[f"price_score_{term}"] for term in terms] == [0.0, 0.0, 0.0]
    assert row["heritability_pairs"] == 0  # of parents who said nothing
    assert History.from_dict(history.to_dict()).phenotypes == history.phenotypes


def test_a_newcomer_that_dies_again_is_no_sweep():
    """Of the host's descendants 0 is the ancestor of all but a stranger, which comes and goes: it has not moved."""
    history, sweeps = History(), []
    for generation, ids in ((1, [0]), (2, [0, 9]), (3, [0])):
        census = make_census(generation, ids, ids, [[8, 0]] * len(ids))
        sweeps.append(measure_ecology(history, census, [], 1, False)["phylogeny_sweeps"])
    assert sweeps == [1.0, 1.0, 1.0]


def test_a_task_met_again_is_no_more_evidence_of_a_partition():
    """Six organisms, each of whom solves one task of one niche; that they meet it ten times changes nothing."""
    own = np.array([0, 0, 0, 1, 1, 1])
    rows = []
    for times in (1, 10):
        census = replace(
            make_census(1, range(6), range(6), [[2, 2]] * 6),
            visitors=np.repeat(np.arange(6), times),
            visited=np.repeat(own, times),
            tasks=np.repeat(own, times),
            visit_scores=np.ones(6 * times),
        )
        rows.append(measure_ecology(History(), census, [], 1, True))
    assert rows[0]["tasks_h2_prime_p"] == rows[1]["tasks_h2_prime_p"] == 1.0


def test_null_models_count_tasks_solved():
    """Twelve visit both niches twice; six solve only those of the first, six only those of the second.

    So H2' is 1 and no shuffle is like it. Scores of 0.4 are no solutions: with them nobody would differ.
    """
    number = 12
    own = np.repeat([0, 1], number // 2)  # each organism's niche
    census = replace(
        make_census(1, range(number), range(number), [[2, 2]] * number),
        visitors=np.repeat(np.arange(number), 4),
        visited=np.tile([0, 0, 1, 1], number),
        tasks=np.tile([0, 1, 2, 3], number),
        visit_scores=np.where(np.tile([0, 0, 1, 1], number) == np.repeat(own, 4), 1.0, 0.4),
    )
    row = measure_ecology(History(), census, [], 1, True)
    assert row["tasks_h2_prime"] == 1.0 and row["tasks_h2_prime_p"] == 1 / 200
    assert row["tasks_h2_prime_null"] < 0.5 and row["tasks_h2_prime_z"] > 3
    assert row["tasks_pianka"] == pytest.approx(
        (2 * 15) / 66, rel=1e-5
    )  # of 66 pairs 2 · 15 share their niche; six digits are kept
    assert row["tasks_pianka_p"] == 1 / 200
    assert row["tasks_phenotype_hill_1"] == pytest.approx(2.0)
    assert measure_ecology(History(), census, [], 1, False)["tasks_h2_prime"] is None


def test_similar_adapters_count_as_fewer():
    """0 and 1 have the same delta, 2 another: Zp = 2/3, 2/3, 1/3, order 2 gives 9/5. Negative cosines count as 0."""
    similarity = np.array([[1.0, 1.0, -0.3], [1.0, 1.0, -0.3], [-0.3, -0.3, 1.0]])
    census = make_census(1, [0, 1, 2], [0, 1, 2], [[1, 1]] * 3, similarity)
    assert measure_ecology(History(), census, [], 1, True)["adapter_hill_2"] == pytest.approx(9 / 5)


def test_nobody_alive_is_a_row_of_nones_and_zeros():
    row = measure_ecology(History(), make_census(1, [], [], []), [], 1, True)
    assert row["lineage_hill_1"] is None and row["coverage_all"] is None and row["phylogeny_roots"] == 0.0
    json.dumps(row, allow_nan=False)


def test_nobody_ever_right_is_a_row_without_nan():
    history = History()
    for generation in (1, 2):
        census = make_census(generation, [0, 1], [0, 1], [[0, 0], [0, 0]], np.eye(2))
        row = measure_ecology(history, census, [], 1, True)
        json.dumps(row, allow_nan=False)
    assert row["specialisation_h2_prime"] is None and row["meal_gini"] is None and row["phenotype_hill_0"] is None
    assert row["coverage_all"] == 0.0 and row["price_score_change"] == 0.0


@pytest.fixture(scope="module")
def lived():
    """A world of labels with merges: its rows, measured in one go."""
    world, history = LabelWorld(3, selection=True, merge_prob=0.5), History()
    generations = list(world.live(25))
    return generations, [measure_ecology(history, *own, 3, own[0].generation % 5 == 0) for own in generations]


def test_the_names_are_always_those_of_the_glossary_sorted(lived):
    _, rows = lived
    names = list(rows[0])
    assert names == sorted(MEANINGS) and all(list(row) == names for row in rows)
    assert all(
        value is None or (type(value) is float and math.isfinite(value)) for row in rows for value in row.values()
    )


def test_costly_measures_are_taken_when_asked_for_and_nothing_else_depends_on_it(lived):
    generations, rows = lived
    history = History()
    for (census, events), row in zip(generations, rows, strict=True):
        plain = measure_ecology(history, census, events, 3, False)
        for name, value in plain.items():
            if name in COSTLY:
                assert value is None
                assert (row[name] is not None) == (census.generation % 5 == 0 and "adapter" not in name) or "_z" in name
            else:
                assert value == row[name]


@pytest.mark.parametrize("stop", [1, 7, 10, 20])
def test_a_history_that_went_through_json_measures_on_as_if_nothing_had_happened(lived, stop):
    generations, rows = lived
    history = History()
    for number, (census, events) in enumerate(generations):
        if number == stop:
            history = History.from_dict(json.loads(json.dumps(history.to_dict(), sort_keys=True, allow_nan=False)))
        assert measure_ecology(history, census, events, 3, census.generation % 5 == 0) == rows[number]


def test_every_part_of_a_history_goes_through_json():
    world, history = LabelWorld(5, selection=True, size=8, turnover=4, merge_prob=0.3), History()
    for census, events in world.live(30):
        measure_ecology(history, census, events, 5, False)
    history.lineages.passed.add(2)
    history.founders_solved = (1, 3)
    assert history.sweeps > 0 and history.mrca is not None and history.snapshots.seen
    state = history.to_dict()
    assert History.from_dict(json.loads(json.dumps(state, allow_nan=False))).to_dict() == state
    assert all(state.values()), "an empty part would prove nothing"


def test_the_history_stays_small(lived):
    """What is kept of the dead are ancestors of the living, and the last census."""
    generations, _ = lived
    history = History()
    for census, events in generations:
        measure_ecology(history, census, events, 3, False)
    living = {own for own in generations[-1][0].ids if own not in {e.organism_id for e in generations[-1][1]}}
    newborn = {event.organism_id for event in generations[-1][1] if isinstance(event, Birth)}
    assert set(history.scores) == living and set(history.lineages.labels) == living | newborn
    assert set(history.snapshots.marks) == living | newborn
    assert len(history.pedigree) < 32 + 25 * 6
