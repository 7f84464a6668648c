"""The niches that the shared tests run over: ours at both ends of their settings, some of reasoning-gym."""

from evolora.environment.families.registry import known_families, make_family
from evolora.environment.niche import Niche

# settings at the ends of their ranges: the smallest families that can be asked for
HARDER: list[tuple[str, dict[str, int | str]]] = [
    ("letter_at", {"place": "first"}),
    ("letter_at", {"place": "third"}),
    ("letter_sequence", {"max_step": 2, "max_letters": 4}),
    ("extreme_number", {"num_numbers": 2, "max_value": 20, "which": "smallest"}),
    ("extreme_number", {"num_numbers": 8, "max_value": 999_999}),
    ("count_word", {"num_words": 14, "max_count": 8}),
    ("count_word", {"num_words": 4, "max_count": 2}),
    ("odd_one_out", {"num_words": 8}),
    ("nth_word", {"num_words": 10}),
    ("first_in_alphabet", {"num_words": 8}),
    ("weekday", {"max_days": 12}),
    ("clock_sum", {"max_term": 12, "modulus": 2}),
    ("clock_sum", {"max_term": 9_999, "modulus": 99_999}),
    ("spelt_number", {"max_value": 200}),
    ("spelt_number", {"max_value": 9_999}),
    ("rhyme", {"num_choices": 2}),
    ("rhyme", {"num_choices": 6}),
]
OURS = [*((name, {}) for name in known_families()), *HARDER]
THEIRS: list[tuple[str, dict[str, int | str]]] = [
    ("reasoning_gym:count_bits", {"max_n": 1000}),
    ("reasoning_gym:gcd", {"max_value": 100}),
    ("reasoning_gym:spell_backward", {"max_word_len": 5}),
    ("reasoning_gym:leg_counting", {"max_animals": 3, "max_instances": 5}),
    ("reasoning_gym:number_sequence", {"max_complexity": 1}),
]


def niche_of(family: str, pay: str = "exact", **settings: int | str) -> Niche:
    return Niche(name=family, family=make_family(family, settings), pay=pay)  # type: ignore[arg-type]


def label(case: tuple[str, dict[str, int | str]]) -> str:
    name, settings = case
    return "-".join([name, *(f"{key}={value}" for key, value in settings.items())])
