"""What part of a generated text counts as the answer, and when two answers are the same."""

from functools import lru_cache


def answer_lines(text: str, num_lines: int = 1) -> str:
    """The first `num_lines` non-blank lines of `text`, stripped; "" if there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[:num_lines])


@lru_cache(maxsize=4096)  # the same few references are asked about again and again
def num_lines(reference: str) -> int:
    """How many non-blank lines the reference answer has, at least 1."""
    return max(1, len([line for line in reference.splitlines() if line.strip()]))


def read_answer(text: str, reference: str) -> str:
    """The answer inside `text`: as many non-blank lines as `reference` has, without a trailing full stop.

    The stop stays where the reference itself ends in one. A lone "." is no answer.
    """
    answer = answer_lines(text, num_lines(reference))
    if answer.endswith(".") and not reference.rstrip().endswith("."):
        answer = answer[:-1].rstrip()
    return answer


def normalise(text: str, *, fold_case: bool = True) -> str:
    """`text` with single spaces and, unless told otherwise, in one case."""
    spaced = " ".join(text.split())
    return spaced.casefold() if fold_case else spaced
