"""Who answers where: a population in shards, one for each worker, balanced by tokens."""

from collections.abc import Mapping, Sequence

from evolora.environment.encounter import Encounter

CHARACTERS_PER_TOKEN = 4  # of English text in the vocabularies of today's hosts; only the balance depends on it
EVEN_ENOUGH = 0.02  # difference between the fullest and the emptiest shard, as a share of the mean


def expected_tokens(encounter: Encounter) -> int:
    """Tokens an encounter will take at most, by the length of its text: known without the host's tokenizer."""
    shown = [encounter.task.question, *(text for task in encounter.examples for text in (task.question, task.answer))]
    prompt = sum(len(text) for text in shown) // CHARACTERS_PER_TOKEN
    return 1 + prompt + encounter.num_samples * encounter.answer_limit


def spread(loads: Mapping[int, int], num_workers: int) -> dict[int, int]:
    """Organism -> worker, by `loads` (tokens by organism), a function of its arguments alone.

    Everybody starts at home, id modulo workers, so that from one generation to the next most adapters are where they
    were; then one organism after the other moves from the fullest shard to the emptiest until they are even.
    """
    home = {identity: identity % num_workers for identity in loads}
    full = [sum(load for identity, load in loads.items() if home[identity] == w) for w in range(num_workers)]
    while True:
        fullest, emptiest = full.index(max(full)), full.index(min(full))
        gap = full[fullest] - full[emptiest]
        movable = [i for i in loads if home[i] == fullest and 0 < loads[i] < gap]
        if not movable or gap <= EVEN_ENOUGH * sum(full) / num_workers:
            return home
        moved = min(movable, key=lambda i: (abs(gap / 2 - loads[i]), i))
        home[moved] = emptiest
        full[fullest] -= loads[moved]
        full[emptiest] += loads[moved]


def pages(items: Sequence[int], size: int) -> list[Sequence[int]]:
    """`items` in order, in pages of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
