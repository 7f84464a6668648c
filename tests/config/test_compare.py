"""Two worlds are compared in words."""

import pytest

from evolora.config.compare import differences
from evolora.config.load import load_world
from evolora.config.shipped import shipped_files


def sentences(*overrides: str) -> list[str]:
    return differences(load_world("tidepool"), load_world("tidepool", overrides))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        (
            "energy.upkeep=0.25",
            "energy.upkeep falls from 1.5 to 0.25. Energy each organism pays to live one generation.",
        ),
        ("seed=1000000", "seed rises from 1 to 1000000. Everything random follows from it."),
        ("death.insolvency=false", "death.insolvency is switched off. An organism that cannot pay dies."),
        (
            "death.max_age=3",
            "death.max_age changes from none to 3. Generations after which an organism dies of age; None: never.",
        ),
        (
            "genome.modules=[o_proj,up_proj]",
            "genome.modules loses down_proj and gains up_proj. Linear modules of a layer that carry an adapter.",
        ),
        (
            "genome.layers=[1,2]",
            "genome.layers changes from upper_half to [1, 2]. Layers that carry adapters.",
        ),
        (
            "traits.rank.founders=[4,4]",
            "traits.rank.founders changes from [8, 8] to [4, 4]. "
            "LoRA rank: range that founders are drawn from, evenly.",
        ),
        (
            "niches.rhyme.inflow=9.5",
            "niches.rhyme.inflow rises from 9 to 9.5. Energy that flows into the stock each generation.",
        ),
        (
            "niches.number_sequence.settings.max_value=20",
            "niches.number_sequence.settings.max_value falls from 30 to 20. Difficulty settings handed to the family.",
        ),
        (
            "seasons=[{niche: rhyme, period: 4, amplitude: 0.5}]",
            "seasons.0 is new (niche rhyme, period 4, amplitude 0.5). Cycles of a niche's inflow.",
        ),
        (
            "reproduction.merging={spherical: 1, ties: 2}",
            "reproduction.merging.ties is new: 2. Merge operators with their weights.",
        ),
        (
            "reproduction.mutation={gaussian: 6, singular_value_scaling: 1, grow_rank: 1}",
            "reproduction.mutation.shrink_rank is gone (it was 1). "
            "Weight-mutation operators of a clone with their weights; `evolora world` files name them.",
        ),
        (
            "niches.rhyme.open={at: 2, duration: 3}",
            "niches.rhyme.open changes from none to {at: 2, duration: 3, every: none}. "
            "When it feeds and can be visited; None: always.",
        ),
        (
            "population.arrivals={at: 51, number: 2}",
            "population.arrivals changes from none to {at: 51, every: none, number: 2}. "
            "Naive newcomers in the course of the run; None: nobody.",
        ),
        (
            "host.system_prompt=Be brief.",
            "host.system_prompt changes from 'Answer only.' to 'Be brief.'. "
            "System message of every prompt, paid for like any other token.",
        ),
    ],
)
def test_a_changed_setting_is_one_sentence_with_its_meaning(override: str, sentence: str) -> None:
    assert sentences(override) == [sentence]


def test_niches_are_matched_by_name_whatever_their_order() -> None:
    assert sentences("niches.0.name=swap") == [
        "niches.swap_words is gone. Where energy comes from.",
        "niches.swap is new (family swap_words, name swap, inflow 9). Where energy comes from.",
    ]
    world = load_world("tidepool")
    turned = world.model_copy(update={"niches": world.niches[::-1]})
    (sentence,) = differences(world, turned)
    assert sentence.startswith("niches is in another order: number_sequence, odd_one_out, rhyme,")


def test_the_order_of_a_table_means_nothing() -> None:
    assert (
        sentences("reproduction.mutation={shrink_rank: 1, singular_value_scaling: 1, gaussian: 6, grow_rank: 1}") == []
    )


def test_every_shipped_world_can_be_held_against_every_other() -> None:
    worlds = {name: load_world(name) for name in shipped_files("worlds")}
    for name, world in worlds.items():
        for other, second in worlds.items():
            assert bool(differences(world, second)) == (name != other)


def test_a_section_that_only_one_world_has_is_told_inside_where_both_have_it() -> None:
    before = load_world("tidepool", ["niches.rhyme.open={at: 2, duration: 3}"])
    after = load_world("tidepool", ["niches.rhyme.open={at: 2, duration: 5}"])
    (sentence,) = differences(before, after)
    assert sentence.startswith("niches.rhyme.open.duration rises from 3 to 5.")


def test_equal_worlds_have_no_differences() -> None:
    assert sentences() == []
