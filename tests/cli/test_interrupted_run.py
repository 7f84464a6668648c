"""The whole command with a tiny host: lived, interrupted by a real signal, taken up again."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evolora.config.load import load_world

WORLD = """\
name: pond
generations: 500
host: {name: tiny-llama, dtype: float32, threads: 1}
population: {founders: 2, capacity: 2}
niches: [{family: "reasoning_gym:base_conversion"}]
encounters: {visits: 1, answers_per_task: 1, tasks_per_niche: 1}
energy: {upkeep: 0, cost_per_prompt_token: 0, cost_per_generated_token: 0, cost_per_gigaparameter_token: 0}
learning: {method: none}
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from evolora.cli.app import main; main()", *arguments]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_interrupted_by_a_signal_is_saved_and_goes_on_where_it_stopped(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "pond.yaml").write_text(WORLD)
    lived = []
    with subprocess.Popen(
        command("simulate", "pond", "--out", "runs", "--seed", "3"),
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            lived += [line.split()[1]] if line.startswith("generation ") else []
            if len(lived) == 2:
                process.send_signal(number)
                break
        rest, shown = process.stdout.read(), process.stderr.read()
    lived += [line.split()[1] for line in rest.splitlines() if line.startswith("generation ")]
    assert process.returncode == 128 + number, shown
    last = int(lived[-1].split("/")[0])
    assert lived == [f"{number}/500" for number in range(1, last + 1)]
    assert last < 500

    _, *resume = shlex.split(shown.splitlines()[-1].partition("go on with: ")[2])
    folder = tmp_path / resume[-1]
    assert load_world(str(folder / "world.yaml")).seed == 3
    again = subprocess.run(
        command(*resume, "--generations", str(last + 2)),
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert f"generation {last + 1}/{last + 2} " in again.stdout
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == last + 2
