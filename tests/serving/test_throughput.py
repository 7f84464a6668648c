"""The measurement of the server's throughput works, and over HTTP the bank's own answers come back."""

from pathlib import Path

from run_server import make_run
from throughput import measure


def test_the_measurement_compares_the_same_answers(tmp_path: Path) -> None:
    """No bar here: a tiny host answers faster than HTTP is spoken. The figure that counts is the real host's."""
    measured = measure(make_run(tmp_path, 8), num_requests=24, num_organisms=8, rounds=1, tokens=6)
    assert measured["answers_that_differ"] == 0 and measured["answers_compared"] == 48
    assert measured["requests"] == 24 and measured["organisms"] == 8
    assert measured["bank_seconds"] > 0 and measured["server_seconds"] > 0
