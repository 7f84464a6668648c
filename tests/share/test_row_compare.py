"""Two rows of one generation are identical, equal within rounding, or parted."""

from typing import Any

import pytest

from evolora.share.row_compare import compare_rows

ROW = {"generation": 3, "num_living": 5, "mean_score": 0.25, "births": {"clone": 2}, "best": [{"id": 7, "energy": 1.5}]}


def compared(**changes: Any) -> tuple[str, list[tuple[str, object, object]]]:
    found = compare_rows(ROW, {**ROW, **changes})
    assert found.generation == 3
    return found.verdict, [(d.path, d.recorded, d.lived) for d in found.differences]


def test_the_same_row_is_identical() -> None:
    assert compared() == ("identical", [])


def test_the_last_bits_of_a_number_are_rounding() -> None:
    assert compared(mean_score=0.25 + 1e-9) == ("rounding", [("mean_score", 0.25, 0.25 + 1e-9)])


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"mean_score": 0.2501}, ("mean_score", 0.25, 0.2501)),
        ({"num_living": 6}, ("num_living", 5, 6)),
        ({"num_living": 5.0000000001}, ("num_living", 5, 5.0000000001)),
        ({"births": {"clone": 2, "merge": 1}}, ("births.merge", "nothing", 1)),
        ({"births": {}}, ("births.clone", 2, "nothing")),
        ({"best": [{"id": 8, "energy": 1.5}]}, ("best.0.id", 7, 8)),
        ({"best": []}, ("best.0.energy", 1.5, "nothing")),
        ({"mean_score": None}, ("mean_score", 0.25, None)),
        ({"mean_score": True}, ("mean_score", 0.25, True)),
    ],
)
def test_anything_more_has_parted(changes: dict[str, Any], difference: tuple[str, object, object]) -> None:
    verdict, differences = compared(**changes)
    assert verdict == "parted" and difference in differences


def test_rounding_is_not_listed_among_what_parted() -> None:
    assert compared(mean_score=0.25 + 1e-9, num_living=6) == ("parted", [("num_living", 5, 6)])


def test_columns_that_one_version_lacks_are_said_and_not_compared() -> None:
    found = compare_rows(ROW, {**{key: value for key, value in ROW.items() if key != "best"}, "newer": 1})
    assert (found.verdict, found.uncompared) == ("identical", ("best", "newer"))
