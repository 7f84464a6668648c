"""What a stream of lessons holds once, and where everybody finds it."""

import itertools
import random

import pytest
import torch

from evolora.host.attention import MASKED
from evolora.host.branches import Branches, common_branches, shared_openings
from evolora.host.common import LEAST
from evolora.host.lessons import pack
from evolora.organism.learning import Lesson

CPU = torch.device("cpu")
OPENING = tuple(range(100, 100 + LEAST))


def partitions(items):
    """All ways to divide `items` into groups of neighbours."""
    if not items:
        yield []
    for first in range(1, len(items) + 1):
        for rest in partitions(items[first:]):
            yield [items[:first], *rest]


def common_length(prompts):
    alike = len(list(itertools.takewhile(lambda tokens: len(set(tokens)) == 1, zip(*prompts, strict=False))))
    length = min(alike, *(len(prompt) - 1 for prompt in prompts))
    return length if length >= LEAST else 0


@pytest.mark.parametrize("seed", range(40))
def test_no_other_way_to_share_openings_reads_more_of_them_once(seed):
    chance = random.Random(seed)
    stems = [tuple(chance.choices((1, 2), k=chance.randint(0, 3))) for _ in range(3)]
    prompts = [
        (7,) * chance.choice((0, LEAST, LEAST + 2)) + chance.choice(stems) * chance.randint(1, 4) + (9,)
        for _ in range(6)
    ]
    found = shared_openings(prompts)
    assert sorted(i for _, group in found for i in group) == list(range(6))
    for length, group in found:
        assert length == (common_length([prompts[i] for i in group]) if len(group) > 1 else 0)
    best = max(
        sum((len(group) - 1) * common_length(group) for group in groups if len(group) > 1)
        for groups in partitions(sorted(prompts))
    )
    assert sum((len(group) - 1) * length for length, group in found) == best


def visible(branches):
    """By token of the stream, the ids that it sees, in order of their rotary positions."""
    tree = branches.tree(CPU)
    cells = tree.buckets.place(torch.tensor(branches.ids))
    seen = []
    for bucket, bias in enumerate(tree._bias(None)):
        keys, at = cells[bucket], tree.positions[bucket]
        if bucket:
            keys = torch.cat([cells[0][:, : tree.reach].index_select(0, tree.openings), keys], 1)
            at = torch.cat([tree.positions[0][:, : tree.reach].index_select(0, tree.openings), at], 1)
        counted = torch.full((*bias.shape[:2], keys.shape[1]), -1)
        for row, cell in itertools.product(*map(range, bias.shape[:2])):
            open_ = (bias[row, cell] > MASKED / 2).nonzero()[:, 0]
            order = open_[at[row, open_].argsort()]
            assert at[row, order].tolist() == list(range(len(order)))
            counted[row, cell, : len(order)] = keys[row, order]
        seen.append(counted)
    width = max(rows.shape[2] for rows in seen)
    seen = [torch.nn.functional.pad(rows, (0, width - rows.shape[2]), value=-1) for rows in seen]
    return [tuple(i for i in ids if i >= 0) for ids in tree.buckets.take(seen).tolist()]


def test_every_token_sees_what_it_follows_and_nothing_else():
    answers = [(1, 2, 3), (1, 2, 4, 5), (6, 7), (1, 2, 3), (8,)]
    rows = [((*OPENING, 10, 11), answers), ((*OPENING, 12), answers[2:]), ((13, 14), answers[:2]), (OPENING, [(1, 1)])]
    branches = Branches()
    planted = branches.plant(rows)
    seen = visible(branches)
    assert len(seen) == len(branches.ids)
    for (prompt, given), places in zip(rows, planted, strict=True):
        for end, place in enumerate(places.prompt, start=1):
            assert seen[place] == prompt[:end]
        assert places.answers.keys() == {answer[:-1] for answer in given}
        for read, path in places.answers.items():
            assert [seen[place] for place in path] == [(*prompt, *read[:end]) for end in range(1, len(read) + 1)]
    # the opening once; 10 11 and 1 2 4 6; 12 and 6 1 2; 13 14 and 1 2 4; OPENING again (it leaves no token) and 1
    assert len(branches.ids) == LEAST + 2 + 4 + 1 + 3 + 2 + 3 + LEAST + 1


def test_an_organism_shares_with_itself_and_lower_layers_with_everybody():
    prompts = [(*OPENING, 10), (*OPENING, 11)]
    lessons = [Lesson(0, prompt, ((1, 2), (1, 3)), (1.0, -1.0), 1.0) for prompt in prompts]
    packed = pack([(row, lesson) for row in range(3) for lesson in lessons], 3, CPU, common_layers=1)
    assert packed.counts == [LEAST + 2 + 2] * 3  # both answers begin with 1
    assert packed.sources.counts == [4] * 3
    assert packed.ids[packed.sources.index].tolist() == [10, 1, 11, 1] * 3
    assert packed.targets.tolist() == [1, 2, 3] * 6
    assert packed.advantages.tolist() == [0.0, 1.0, -1.0] * 6
    assert packed.owners.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    common = packed.tree.common
    assert len(common.first) == 2 * (LEAST + 1) + 2  # each prompt whole
    assert torch.equal(packed.ids[common.first][common.copies], packed.ids)
    assert torch.equal(packed.positions[common.first][common.copies], packed.positions)


def test_lower_layers_hold_a_prompt_once_and_equal_sets_of_answers():
    prompt, other = (1, 2, 3, 4), (5, 6)
    rows = [
        (prompt, [(7, 8), (9, 8)]),
        (other, [(7, 8)]),
        (prompt, [(7, 7, 8)]),
        (prompt, [(9, 1), (7, 1), (7, 2)]),
        (prompt, [(3,)]),
    ]
    branches = Branches()
    planted = [places for row in rows for places in branches.plant([row])]
    found = common_branches(rows, planted, len(branches.ids), 1, CPU)
    read = [0, 1, 2, 3]
    assert found.copies.tolist() == [*read, 4, 5, 6, 7, 8, *read, 9, 10, *read, 4, 5, *read]
    assert found.first.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14]


def test_where_little_is_repeated_lower_layers_are_not_shared():
    rows = [((1, 2, 3), [(4, 5)]), ((6, 7, 8), [(4, 5)])]
    branches = Branches()
    assert common_branches(rows, branches.plant(rows), len(branches.ids), 1, CPU) is None
    assert common_branches(rows * 2, branches.plant(rows) * 2, len(branches.ids), 0, CPU) is None
