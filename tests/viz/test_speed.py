"""A large run opens at once. Processor time is what is held to, so that a busy machine fails nobody."""

import time

import numpy as np
import pytest
from synthetic import write_run

from evolora.record.run_data import RunData
from evolora.viz import PANELS, pond_layout

FIRST_SCREEN = ("Now", "Pond", "Signs of life")


def open_and_draw(path) -> tuple[RunData, float]:
    """The run and the seconds of processor time until the first screen is drawn."""
    began = time.process_time()
    run = RunData.open(path)
    plots = [panel.draw(run).to_json() for panel in PANELS if panel.group in FIRST_SCREEN]
    assert len(plots) >= 4
    return run, time.process_time() - began


def test_a_run_of_a_tenth_of_the_size_opens_in_a_blink(tmp_path):
    path = write_run(tmp_path / "tenth", generations=200, capacity=256, births=50)
    opened = [open_and_draw(path) for _ in range(3)]
    run, _ = opened[0]
    assert len(run.lives) > 50_000 and len(run.births) > 9_000
    assert min(seconds for _, seconds in opened) < 1.0  # the fastest: others share the processor, its caches too


@pytest.mark.slow
def test_two_thousand_generations_and_a_hundred_thousand_lives_open_within_two_seconds(tmp_path):
    path = write_run(tmp_path / "whole", generations=2000, capacity=256, births=50)
    run, seconds = open_and_draw(path)
    assert len(run.lives) > 500_000 and len(run.births) > 99_000 and len(run.generations) == 2000
    assert seconds < 2.0
    began = time.process_time()
    for generation in np.linspace(1, 2000, 50, dtype=int).tolist():  # scrubbing
        for panel in PANELS:
            if panel.key in {"mean-score", "pond", "ages", "population-size"}:
                panel.draw(run, generation=generation)
    assert (time.process_time() - began) / 50 < 0.2
    began = time.process_time()
    assert len(pond_layout(run)) == len(run.lives)
    assert time.process_time() - began < 1.5
