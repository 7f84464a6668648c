"""Figures of a run that was really lived: what an invented one cannot show."""

import pytest
from puddle import world

from evolora.build import open_run
from evolora.record.run_data import RunData
from evolora.viz import PANELS
from evolora.viz.flows import energy_budget, energy_flow_so_far


@pytest.fixture(scope="module")
def lived_run(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    simulation = open_run(world(), tmp_path_factory.mktemp("lived"))
    simulation.run()
    return RunData.open(simulation.run_dir.path)


def test_every_panel_that_has_data_draws(lived_run: RunData) -> None:
    drawn = {panel.key for panel in PANELS if panel.available(lived_run) and panel.draw(lived_run).data}
    assert drawn >= {"pond", "signs", "niche-scores", "muller", "energy-flow-so-far", "life", "diversity"}


@pytest.mark.parametrize("generation", [1, 2, 6])
@pytest.mark.parametrize("whole_run", [False, True])
def test_its_books_balance_from_the_founding_on(lived_run: RunData, generation: int, whole_run: bool) -> None:
    budget = energy_budget(lived_run, generation, whole_run)
    assert budget.missing < 1e-4
    if whole_run:
        assert budget.before == {"organisms": 18.0, "niches": 26.0}  # six founders with 3 each; stocks of 20 and 6
        assert "the books balance" in energy_flow_so_far(lived_run, generation=generation).layout.title.text


def test_missing_energy_is_told(lived_run: RunData) -> None:
    damaged = RunData.open(lived_run.path)
    damaged.metrics[-1]["energy"]["niches"] += 2.5
    assert energy_budget(damaged).missing == pytest.approx(2.5, abs=1e-4)
    assert "2.5000 energy is unaccounted for" in energy_flow_so_far(damaged).layout.title.text
