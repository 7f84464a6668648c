"""Lessons as packed streams: grouped into pages of organisms, cut into micro-batches, laid out for the host."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

import torch
from torch import Tensor

from evolora.host.attention import Tree
from evolora.host.branches import Branches, Planted, common_branches
from evolora.host.layout import Kept, batches
from evolora.organism.learning import Lesson

MOST_ORGANISMS = 64  # of a page: their weights, gradients and moments are stacked


def pages(lessons: Sequence[Lesson], max_tokens: int) -> Iterator[dict[int, list[Lesson]]]:
    """Group useful lessons by organism, then organisms into pages of at most `max_tokens` (or one organism), and of at
    most `MOST_ORGANISMS`."""
    own: dict[int, list[Lesson]] = {}
    for lesson in lessons:
        if any(lesson.advantages) and all(lesson.answers):
            own.setdefault(lesson.organism_id, []).append(lesson)
    page: dict[int, list[Lesson]] = {}
    size = 0
    for identity in sorted(own):
        need = sum(lesson.num_tokens for lesson in own[identity])
        if page and (size + need > max_tokens or len(page) == MOST_ORGANISMS):
            yield page
            page, size = {}, 0
        page[identity] = own[identity]
        size += need
    if page:
        yield page


def micro_batches(page: Mapping[int, list[Lesson]], max_tokens: int) -> Iterator[list[tuple[int, Lesson]]]:
    """Cut a page into batches of (row of the page, lesson); several where an organism exceeds the limits alone.

    Nobody's lessons are parted because of others': in which order gradients are added up does not depend on company.
    """

    def cuts(parts: Sequence[tuple[int, Lesson]]) -> list[slice]:
        return list(batches([part.num_tokens for _, part in parts], max_tokens))

    batch: list[tuple[int, Lesson]] = []
    for row, lessons in enumerate(page.values()):
        own = [(row, part) for part in chain.from_iterable(cut(lesson, max_tokens) for lesson in lessons)]
        for some in cuts(own):
            together = batch + own[some]
            if len(cuts(together)) > 1:
                yield batch
                together = own[some]
            batch = together
    if batch:
        yield batch


def cut(lesson: Lesson, max_tokens: int) -> Iterator[Lesson]:
    """A lesson in parts of at most `max_tokens` (or one answer): each repeats the prompt, losses add up."""
    first = 0
    size = len(lesson.prompt_ids)
    for place, answer in enumerate(lesson.answers):
        if place > first and size + len(answer) > max_tokens:
            yield replace(lesson, answers=lesson.answers[first:place], advantages=lesson.advantages[first:place])
            first, size = place, len(lesson.prompt_ids)
        size += len(answer)
    yield replace(lesson, answers=lesson.answers[first:], advantages=lesson.advantages[first:])


@dataclass(frozen=True)
class Packed:
    """Lessons as one stream. `sources` are the tokens whose logits are needed, `source_of_target` (targets,) says which
    of them predicts each target; `owners` and `advantages`, those of all answers that go on so together, are by target,
    `temperatures` by source."""

    ids: Tensor
    positions: Tensor
    counts: list[int]
    tree: Tree
    sources: Kept
    source_of_target: Tensor
    targets: Tensor
    owners: Tensor
    advantages: Tensor
    temperatures: Tensor


def pack(
    batch: Sequence[tuple[int, Lesson]], num_organisms: int, device: torch.device, common_layers: int = 0
) -> Packed:
    """One stream for the lessons of a micro-batch, given as (row of the page, lesson) in the order of rows.

    An organism reads what several of its prompts open with once, and a beginning that several answers share. In the
    host's lowest `common_layers` layers, which nobody adapts, all organisms will read a prompt once.
    """
    rows = [(lesson.prompt_ids, lesson.answers) for _, lesson in batch]
    layout, counts, planted = Branches(), [0] * num_organisms, list[Planted]()
    for owner, own in groupby(range(len(batch)), key=lambda place: batch[place][0]):
        before = len(layout.ids)
        planted += layout.plant([rows[place] for place in own])
        counts[owner] = len(layout.ids) - before
    sources: dict[int, float] = {}  # by place, the temperature
    goals: dict[tuple[int, int], float] = {}  # by the source's place and the target, the advantage
    owner_of: list[int] = []
    for (owner, lesson), places in zip(batch, planted, strict=True):
        last = places.prompt[-1]  # every answer's first token follows it
        sources |= dict.fromkeys(range(last, places.stop), lesson.temperature)
        known = len(goals)
        for answer, advantage in zip(lesson.answers, lesson.advantages, strict=True):
            for place, token in zip([last, *places.answers[answer[:-1]]], answer, strict=True):
                goals[place, token] = goals.get((place, token), 0.0) + advantage
        owner_of += [owner] * (len(goals) - known)
    order = sorted(sources)
    source_of = {place: source for source, place in enumerate(order)}
    kept = [0] * num_organisms
    for (owner, _), places in zip(batch, planted, strict=True):
        kept[owner] += places.stop - places.prompt[-1]
    common = common_branches(rows, planted, len(layout.ids), common_layers, device)
    return Packed(
        torch.tensor(layout.ids, device=device),
        torch.tensor(layout.positions, device=device),
        counts,
        layout.tree(device, common),
        Kept(torch.tensor(order, device=device), kept),
        torch.tensor([source_of[place] for place, _ in goals], device=device),
        torch.tensor([target for _, target in goals], device=device),
        torch.tensor(owner_of, device=device),
        torch.tensor(list(goals.values()), device=device),
        torch.tensor([sources[place] for place in order], device=device),
    )
