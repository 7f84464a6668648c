"""Synthetic text for the petri host: documents of four questions of one kind, each answered in the document's manner.

What makes the host partly able, and worth evolving, is the manner. Only some documents answer plainly and rightly;
others are careless, chatty or echo the question. A worked example in a prompt tells the manner, a bare question does
not, and an organism may learn it once and for all. Questions come from the living split of their family only, so no
question that any world selects or tests with is ever seen (`evolora/environment/tasks.py`); the facts behind them
(how a word is spelt, what rhymes) are also taught as lore, in words that no family uses.

A family with few questions (opposite, weekday, letter_at) is partly learnt by heart, so that organisms begin better
at the questions they live by than at those they are tested with; the training record has scores on the latter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase, ascii_uppercase

from evolora.environment.families.family import SettingValue
from evolora.environment.families.own.opposite import PAIRS
from evolora.environment.families.own.rhyme import RHYMES
from evolora.environment.families.own.weekday import DAYS
from evolora.environment.families.registry import make_family
from evolora.environment.families.words import CATEGORIES, WORDS
from evolora.environment.tasks import split_of
from evolora.rng import key64

Turn = tuple[str, str]  # question, answer as this document writes it

TURNS = 4  # questions of one document: zero to three worked examples before an answer
LORE_SHARE = 0.15
SYSTEM_SHARE = 0.15  # documents that open with the worlds' default system prompt
SYSTEM_PROMPT = "Answer only."
MANNERS: Mapping[str, float] = {"right": 0.40, "careless": 0.20, "chatty": 0.25, "echo": 0.15}
CARELESS_RIGHT = 0.4  # share of right answers in a careless document, and in a chatty one
CHATTY_RIGHT = 0.7
OPENERS = ("I think", "It is", "Well,")
POOL = 256  # tasks drawn at a time for one family at one difficulty; documents take from it with replacement

# Easier than, or as hard as, the families' defaults: harder levels are left for worlds to find hard.
LEVELS: Mapping[str, Sequence[Mapping[str, SettingValue]]] = {
    "clock_sum": ({"max_term": 12}, {}, {"modulus": 50}),
    "count_word": ({"num_words": 4, "max_count": 2}, {"num_words": 5, "max_count": 3}, {}),
    "extreme_number": ({"num_numbers": 2}, {}, {"which": "smallest"}),
    "first_in_alphabet": ({"num_words": 2}, {}),
    "letter_at": ({"place": "first"}, {"place": "second"}, {"place": "third"}, {"place": "last"}),
    "letter_sequence": ({"max_step": 2}, {}),
    "nth_word": ({"num_words": 2}, {"num_words": 3}, {}),
    "odd_one_out": ({"num_words": 3}, {}),
    "opposite": ({},),
    "rhyme": ({"num_choices": 2}, {}),
    "spelt_number": ({"max_value": 200}, {}),
    "swap_words": ({},),
    "weekday": ({"max_days": 12}, {}),
}


@dataclass(frozen=True)
class Document:
    """One kind of question, asked `TURNS` times after an optional system prompt. `family` is "" for lore."""

    family: str
    system: str
    turns: tuple[Turn, ...]


def documents(seed: int) -> Iterator[Document]:
    """Documents for ever, a function of `seed` alone."""
    rng = Random(key64(seed, "petri documents"))
    pools: dict[tuple[str, int], list[Turn]] = {}
    number = 0
    while True:
        system = SYSTEM_PROMPT if rng.random() < SYSTEM_SHARE else ""
        if rng.random() < LORE_SHARE:
            ask = rng.choice(LORE)
            yield Document("", system, tuple(ask(rng) for _ in range(TURNS)))
            continue
        family = rng.choice(sorted(LEVELS))
        level = rng.randrange(len(LEVELS[family]))
        if (family, level) not in pools or rng.random() < TURNS / POOL:  # a fresh pool about once per pool used up
            pools[family, level] = living_questions(family, level, key64(seed, "petri tasks", number))
            number += 1
        yield Document(family, system, _in_manner(pools[family, level], rng))


def living_questions(family: str, level: int, seed: int) -> list[Turn]:
    """(question, right answer) pairs of a family at one level: the living split of a sample, about half of it."""
    tasks = make_family(family, LEVELS[family][level]).sample(seed, POOL)
    return [(task.question, task.answer) for task in tasks if split_of(task) == "living"]


def _in_manner(pool: Sequence[Turn], rng: Random) -> tuple[Turn, ...]:
    manner = rng.choices(list(MANNERS), list(MANNERS.values()))[0]
    opener = rng.choice(OPENERS)
    turns = []
    for _ in range(TURNS):
        question, answer = rng.choice(pool)
        other = rng.choice(pool)[1]
        if manner == "careless":
            answer = answer if rng.random() < CARELESS_RIGHT else other
        elif manner == "chatty":
            answer = f"{opener} {answer if rng.random() < CHATTY_RIGHT else other}"
        elif manner == "echo":
            answer = " ".join(question.split()[: rng.randint(1, 3)])
        turns.append((question, answer))
    return tuple(turns)


def _spelling(rng: Random) -> Turn:
    word = rng.choice(WORDS)
    return f"Spell {word}", " ".join(word)


def _kind(rng: Random) -> Turn:
    kind = rng.choice(sorted(CATEGORIES))
    return f"What kind of thing is {rng.choice(CATEGORIES[kind])}?", kind


def _sound(rng: Random) -> Turn:
    asked, *others = rng.sample(rng.choice(RHYMES), 3)
    return f"Sounds like {asked}", " ".join(others)


def _contrast(rng: Random) -> Turn:
    one, other = rng.sample(rng.choice(PAIRS), 2)
    return f"Not {one} but", other


def _neighbour_day(rng: Random) -> Turn:
    today = rng.randrange(len(DAYS))
    ahead = rng.random() < 0.5
    return f"{'Tomorrow of' if ahead else 'Yesterday of'} {DAYS[today]}", DAYS[(today + (1 if ahead else -1)) % 7]


def _alphabet(rng: Random) -> Turn:
    letters = rng.choice((ascii_lowercase, ascii_uppercase))
    place = rng.randrange(1, 25)
    ahead = rng.random() < 0.5
    return f"{'Behind' if ahead else 'Ahead of'} {letters[place]}", letters[place + (1 if ahead else -1)]


LORE = (_spelling, _kind, _sound, _contrast, _neighbour_day, _alphabet)
