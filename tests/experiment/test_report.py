"""Reports of experiments: how claims are laid out."""

from evolora.experiment.findings import Claim
from evolora.experiment.report import CLAIM_HEAD, claims_tables


def claim(number: int, quantity: str) -> Claim:
    return Claim(f"claim {number}", "yes", quantity, 0.1, (0.05, 0.15), 0.01, 5)


def test_a_quantity_that_many_claims_share_is_said_once_below_them():
    first, second = claims_tables([claim(1, "apples"), claim(2, "pears"), claim(3, "apples"), claim(4, "pears")])
    assert "quantity" not in first.head and len(first.head) == len(first.rows[0]) == len(CLAIM_HEAD) - 1
    assert [row[0] for row in first.rows] == ["claim 1", "claim 3"] and first.note == "Estimate: apples."
    assert [row[0] for row in second.rows] == ["claim 2", "claim 4"] and second.note == "Estimate: pears."


def test_claims_about_different_things_name_each_its_own():
    (table,) = claims_tables([claim(1, "apples"), claim(2, "pears"), claim(3, "plums")])
    assert table.head == CLAIM_HEAD and [row[2] for row in table.rows] == ["apples", "pears", "plums"]
    assert claims_tables([]) == []
