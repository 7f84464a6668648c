"""Memory: what a batch holds is bounded, with the places that its shorter rows leave free."""

import pytest
from engine import STOP, sites_of, tiny_model

from evolora.host.bank import BankHooks
from evolora.host.decode import Decoder, Request
from evolora.host.layout import aligned
from evolora.host.lessons import MOST_ORGANISMS, micro_batches, pages
from evolora.host.reader import Reader
from evolora.organism.learning import Lesson

MOST = 256


@pytest.mark.parametrize("samples", [1, 3])
def test_one_long_prompt_does_not_make_room_for_all_short_ones(samples):
    model = tiny_model("llama")
    decoder = Decoder(model, BankHooks(model, sites_of(model)), frozenset({STOP}), MOST)
    short = 40 // samples  # 240 tokens with the long one, and 5,248 or 2,912 places
    lengths, limits = [2] * short + [100], [1] * short + [20]
    requests = [
        Request(0, (7,) * n, samples, 1.0, limit, i) for i, (n, limit) in enumerate(zip(lengths, limits, strict=True))
    ]
    batches = decoder._batches(requests, range(len(requests)))
    assert sorted(i for batch in batches for i in batch) == list(range(len(requests)))
    for batch in batches:
        longest, limit = max(lengths[i] for i in batch), max(limits[i] for i in batch)
        places = aligned(longest) + samples * aligned(limit)
        assert len(batch) == 1 or len(batch) * places <= 8 * MOST
    assert len(batches) < len(requests) / 2


def lesson(organism: int, length: int) -> Lesson:
    return Lesson(organism, (7,) * (length - 2), ((8, 9),), (1.0,), 1.0)


def test_lessons_beside_a_long_one_are_learnt_from_in_batches_of_few_places():
    page = {0: [lesson(0, 4)] * 12, 1: [lesson(1, 200)], 2: [lesson(2, 4)]}  # 252 tokens, in one rectangle 2,800
    batches = list(micro_batches(page, MOST))
    rows = [[part.num_tokens for _, part in batch] for batch in batches]
    assert sorted(n for row in rows for n in row) == [4] * 13 + [200]
    assert all(len(row) * max(row) <= 6 * MOST and sum(row) <= MOST for row in rows)


def test_nobodys_lessons_are_parted_because_of_others():
    """As wide as 0's lesson, eight rows have all the places there may be: three of 2's would fit behind 1's."""
    shorts = [lesson(2, 4)] * 12
    page = {0: [lesson(0, 192)], 1: [lesson(1, 3)] * 4, 2: shorts, 3: [lesson(3, 4)]}
    batches = list(micro_batches(page, MOST))
    assert [[row for row, _ in batch] for batch in batches] == [[0] + [1] * 4, [2] * 12 + [3]]
    (alone,) = micro_batches({2: shorts}, MOST)
    assert [part for row, part in batches[1] if row == 2] == [part for _, part in alone]


def test_an_organism_whose_lessons_need_several_batches_has_the_same_in_any_company():
    many = [lesson(1, 100)] * 5
    beside = list(micro_batches({0: [lesson(0, 60)], 1: many, 2: [lesson(2, 30)]}, MOST))
    alone = list(micro_batches({1: many}, MOST))
    found = [[part for row, part in batch if row == 1] for batch in beside]
    assert [own for own in found if own] == [[part for _, part in batch] for batch in alone]


def test_pages_stack_a_bounded_number_of_organisms():
    found = list(pages([lesson(i, 3) for i in range(2 * MOST_ORGANISMS + 1)], 100_000))
    assert [len(page) for page in found] == [MOST_ORGANISMS, MOST_ORGANISMS, 1]


def test_a_long_prompt_is_read_with_few_short_ones():
    model = tiny_model("llama")
    reader = Reader(model, BankHooks(model, sites_of(model)), MOST)
    prompts = [*[(7,) * 4] * 30, (7,) * 100, *[(7,) * 4] * 30]  # 340 tokens: 256 of them would have 3,900 places
    batches = list(reader._batches(prompts))
    assert [prompt for batch in batches for prompt in batch] == prompts
    assert all(len(batch) * max(map(len, batch)) <= 6 * MOST for batch in batches) and len(batches) < 10
