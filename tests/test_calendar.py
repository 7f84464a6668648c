"""Openings and recurrences are exact functions of the generation."""

import pytest

from evolora.calendar import Opening, recurs


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        (Opening(3, 2), [3, 4]),
        (Opening(1, 2, every=5), [1, 2, 6, 7, 11]),
        (Opening(4, 1, every=3), [4, 7, 10]),  # and not in generation 1, which is before the first
    ],
)
def test_an_opening_is_open_for_so_long_and_again_every_so_many(opening: Opening, expected: list[int]) -> None:
    assert [generation for generation in range(12) if opening.includes(generation)] == expected


@pytest.mark.parametrize(("at", "every", "expected"), [(3, None, [3]), (2, 4, [2, 6, 10]), (0, 5, [0, 5, 10])])
def test_what_recurs_does_so_from_its_first_time_on(at: int, every: int | None, expected: list[int]) -> None:
    assert [generation for generation in range(12) if recurs(generation, at, every)] == expected
