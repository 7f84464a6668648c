"""Mistakes in `colonies:` are one line each: where, what was expected, what came, what to do."""

import pytest
from world_files import SMALL, problems_of, write

MISTAKES = {
    "an unknown key": ("colonies: {pot_shares: 0.1}", "colonies.pot_shares: unknown key; did you mean pot_share?"),
    "a share above 1": ("colonies: {pot_share: 2}", "colonies.pot_share: expected a number >= 0 and <= 1, got 2"),
    "a colony of one": ("colonies: {founding_size: 1}", "colonies.founding_size: expected an integer >= 2, got 1"),
    "no room for founders": (
        "colonies: {founding_size: 5, max_size: 4}",
        "expected founding_size <= max_size, got 5 > 4",
    ),
    "a neutral world": (
        "selection: neutral\ncolonies: {enabled: true}",
        "colonies: expected selection: energy and economy: true where they are enabled (a colony shares what its "
        "members earn), got selection neutral, economy true",
    ),
    "no economy": ("economy: false\ncolonies: {enabled: true}", "got selection energy, economy false"),
    "a choice nobody knows": ("encounters: {choice: evn}", "expected one of own, even"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(tmp_path, mistake):
    text, expected = MISTAKES[mistake]
    (line,) = problems_of(write(tmp_path, SMALL + text))
    assert expected in line and "\n" not in line
