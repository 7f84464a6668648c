"""The rules of colonies, one by one, on organisms without weights."""

import json

import pytest

from evolora.lifecycle.colony import Colonies, Colony, Member
from evolora.lifecycle.colony_rules import Contract, Fate, Forwarding, Signing, best_competence, trade
from evolora.lifecycle.ledger import to_units
from evolora.organism.genome import Genome
from evolora.organism.organism import Organism
from evolora.organism.traits import Traits

WEIGHTLESS = Genome({}, Traits(8, 0.02, 1e-3, 1.0, 8, 0, {}), 2.0)


def organism(identity, **competence):
    return Organism(identity, WEIGHTLESS, "founder", (), identity, 0, competence=competence)


def colony(*standings, pays=(), **fields):
    members = {identity: Member(0, list(own)) for identity, own in enumerate(standings)}
    return Colony(0, 0, members, **fields)


def practised(identity, tasks=10**6, **means):
    """An organism that met so many tasks of each of these niches, with these mean scores."""
    return Organism(
        identity, WEIGHTLESS, "founder", (), identity, 0, practice={n: (tasks, m) for n, m in means.items()}
    )


class TestForwarding:
    rule = Forwarding(cost=0.1, margin=0.2, finder_share=0.25, doubt=0.0)

    def performer(self, finder, *others):
        return self.rule.find_performer("a", finder, others)[0].id

    def test_the_best_bidder_answers_and_its_bid_is_known(self):
        finder, others = practised(0, a=0.1), [practised(1, a=0.5), practised(2, a=0.9), practised(3, b=1.0)]
        assert self.rule.find_performer("a", finder, others) == (others[1], 0.9)

    def test_equal_bids_go_to_the_lower_id(self):
        assert self.performer(practised(0, a=0.1), practised(2, a=0.9), practised(1, a=0.9)) == 1

    @pytest.mark.parametrize(("bid", "performer"), [(0.29, 0), (0.31, 1), (0.1, 0), (0.0, 0)])
    def test_a_bid_must_exceed_the_finders_own_by_the_margin(self, bid, performer):
        assert self.performer(practised(0, a=0.1), practised(1, a=bid)) == performer

    def test_who_never_tried_a_niche_answers_itself_and_so_learns_what_it_is_worth(self):
        assert self.performer(practised(0, b=0.1), practised(1, a=1.0)) == 0

    def test_without_a_margin_an_equal_bid_changes_nothing(self):
        level = Forwarding(0.0, margin=0.0, finder_share=0.5, doubt=0.0)
        assert level.find_performer("a", practised(0, a=0.4), [practised(1, a=0.4)])[0].id == 0

    def test_a_lucky_beginner_does_not_outbid_long_practice(self):
        # prior (2 + 24 + 12) / 80 = 0.475; bids (2 + 1.9) / 6 = 0.65, (24 + 1.9) / 40 = 0.6475 without and with doubt 4
        lucky, skilled, finder = practised(1, 2, a=1.0), practised(2, 36, a=2 / 3), practised(0, 42, a=12 / 42)
        doubtful = Forwarding(0.0, margin=0.2, finder_share=0.5, doubt=4.0)
        assert self.performer(finder, lucky, skilled) == 1
        bids = doubtful.bids("a", [finder, lucky, skilled])
        assert bids == pytest.approx({0: (12 + 1.9) / 46, 1: 3.9 / 6, 2: 25.9 / 40})
        assert Forwarding(0.0, 0.2, 0.5, doubt=6.0).find_performer("a", finder, [lucky, skilled])[0].id == 2

    def test_the_finder_gets_its_share_of_a_profit_and_bears_no_loss(self):
        assert self.rule.reward(1001) == 250 and self.rule.reward(-5) == 0


class TestContract:
    rule = Contract(pot_share=0.1, stake=0.2, window=3)

    def test_dues_are_a_share_of_income_and_nothing_of_a_loss(self):
        assert self.rule.dues(to_units(2.0)) == to_units(0.2) and self.rule.dues(-7) == 0

    def test_a_pot_that_is_short_serves_who_brought_most_first_then_the_lower_id(self):
        group = colony([1], [5], [5], [9])
        assert self.rule.cover(group, 100, {0: 60, 1: 60, 2: 60, 3: 30}) == {3: 30, 1: 60}
        assert self.rule.cover(group, 75, {0: 60, 1: 60, 2: 60, 3: 30}) == {3: 30}

    def test_nobody_is_covered_in_part(self):
        assert self.rule.cover(colony([1]), 59, {0: 60}) == {}

    def test_a_member_is_expelled_once_a_whole_window_sums_below_zero(self):
        group = colony([-1, 0, 0], [-9, 0], [0, 0, 0], [-5, 2, 3], [-5, 2, 2])
        assert self.rule.find_free_riders(group) == [0, 4]


class TestSigning:
    rule = Signing(founding_size=3, max_size=5, tasks=4, errors=1.0, trials=2)

    def test_a_group_is_gathered_of_those_who_add_most_where_it_is_weak(self):
        crowd = [organism(1, a=0.9), organism(2, b=0.4), organism(3, b=0.7, c=0.1)]
        assert [one.id for one in self.rule.gather([organism(0, a=0.9)], crowd, 3)] == [0, 3]
        crowd.append(organism(4, c=0.5))
        assert [one.id for one in self.rule.gather([organism(0, a=0.9)], crowd, 3)] == [0, 3, 4]

    def test_nobody_signs_up_without_a_gain_beyond_the_noise(self):
        assert self.rule.is_worth_it([10, 12, 11, 9], 4)
        assert not self.rule.is_worth_it([100, -90, 0, 0], 4)  # mean 2.5, standard error 38.8
        assert not self.rule.is_worth_it([0, 0, 0, 0], 4)
        assert not self.rule.is_worth_it([-3, -3, -3, -3], 4)

    def test_one_organism_is_no_group(self):
        assert not self.rule.is_worth_it([10, 10], 1)


class TestFate:
    rule = Fate(audit_every=5, patience=2, bud_pot=1.0, smallest_daughter=2)

    @pytest.mark.parametrize(
        ("group", "reason"),
        [
            (colony([1]), "too small"),
            (colony([1], [1], gains=[0.5, -0.6]), "no gain"),
            (colony([1], [1], gains=[0.5, -0.4]), None),
            (colony([1], [1], gains=[-9.0]), None),
            (colony([1], [1], failing=2), "broke"),
            (colony([1], [1], failing=1), None),
            (colony([1], [1], audited=-7), "broke"),  # due in generation -2, and again in 3: not tried
            (colony([1], [1], audited=-6), None),
            (colony([1], [1], failing=1, audited=-6), None),  # one and one are not two of either
        ],
    )
    def test_a_colony_that_does_not_pay_ends(self, group, reason):
        assert self.rule.reason_to_end(group, generation=3) == reason

    def test_it_is_tried_again_after_so_many_generations(self):
        assert self.rule.is_due(colony(audited=3), 8) and not self.rule.is_due(colony(audited=3), 7)

    def test_it_buds_if_rich_and_large_enough_for_two(self):
        assert self.rule.buds(colony([0], [0], [0], [0]), to_units(4.1))
        assert not self.rule.buds(colony([0], [0], [0], [0]), to_units(4.0))
        assert not self.rule.buds(colony([0], [0], [0]), to_units(40.0))
        assert self.rule.surplus(colony([0], [0]), to_units(2.5)) == to_units(0.5)

    def test_both_halves_have_every_trade_of_which_there_are_two(self):
        members = [organism(i, **{niche: 0.9, "other": 0.1}) for i, niche in enumerate("abcabc")]
        daughter = self.rule.find_daughter(members)
        assert (
            {trade(members[i]) for i in daughter}
            == {"a", "b", "c"}
            == {trade(m) for m in members if m.id not in daughter}
        )


def test_a_groups_best_competence_is_the_best_of_each_niche():
    assert best_competence([organism(0, a=0.2, b=0.3), organism(1, b=0.1, c=0.4)]) == {"a": 0.2, "b": 0.3, "c": 0.4}


def test_an_organism_belongs_to_one_colony_at_most():
    colonies = Colonies()
    first = colonies.found({3: Member(1), 5: Member(1)}, 1)
    second = colonies.found({7: Member(2)}, 2, mother=first.id)
    with pytest.raises(ValueError, match="belongs to colony 0"):
        colonies.add(second, 3, Member(2))
    assert colonies.home_of(7) is second and colonies.home_of(4) is None and colonies.num_members == 3


def test_ids_of_colonies_never_return_and_the_dead_are_counted_with_their_lifetimes():
    colonies = Colonies()
    colonies.dissolve(colonies.found({1: Member(2)}, 2), 9)
    assert colonies.found({1: Member(9)}, 9).id == 1
    assert (colonies.num_dissolved, colonies.generations_lived, 0 in colonies) == (1, 7, False)


def test_colonies_survive_a_checkpoint_with_everything_they_remember():
    colonies = Colonies()
    first = colonies.found({5: Member(1, [3, -4]), 2: Member(2)}, 1)
    first.expelled, first.gains, first.failing, first.audited = {9}, [0.5, -0.25], 1, 4
    colonies.found({8: Member(3)}, 3, mother=first.id)
    colonies.dissolve(colonies.found({}, 3), 6)
    colonies.free_riders = {5}
    again = Colonies.from_dict(json.loads(json.dumps(colonies.to_dict())))
    assert again.to_dict() == colonies.to_dict()
    assert list(again[0].members) == [5, 2] and again.home_of(2) is again[0] and again.next_id == 3
