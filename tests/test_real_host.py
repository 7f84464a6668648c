"""The real thing once: tidepool's first generation on the default host, through the command line."""

import json

import pytest
from typer.testing import CliRunner

from evolora.cli.app import app


@pytest.mark.real_host
def test_tidepool_lives_on_the_default_host_and_somebody_earns(tmp_path):
    small = [
        "--set",
        "population.founders=6",
        "--set",
        "encounters.visits=3",
        "--set",
        "traits.num_examples.founders=[1,2]",
    ]
    result = CliRunner().invoke(
        app, ["simulate", "worlds/tidepool.yaml", "--generations", "1", "--out", str(tmp_path), *small]
    )
    assert result.exit_code == 0, result.output
    (row,) = [json.loads(line) for line in next(tmp_path.glob("*/metrics.jsonl")).read_text().splitlines()]
    assert row["flows"]["meal"] > 0 and row["residual"] == 0 and row["num_answers"] == 6 * 3 * 6
