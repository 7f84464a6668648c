"""Evolora from Python: worlds, runs and tables, without a wait for torch."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from puddle import SETTINGS

import evolora
from evolora.errors import ConfigError, EvoloraError, RunFolderError
from evolora.record.residents import open_residents
from evolora.record.run_dir import METRICS


@pytest.fixture(scope="module")
def puddle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("worlds") / "puddle.yaml"
    path.write_text(yaml.safe_dump(SETTINGS))
    return path


@pytest.fixture(scope="module")
def run(puddle: Path, tmp_path_factory: pytest.TempPathFactory) -> evolora.Run:
    world = evolora.World.load(puddle, set={"generations": 4, "record.elites": 2})
    return evolora.simulate(world, out=tmp_path_factory.mktemp("runs"))


def imports(code: str) -> list[str]:
    """Which heavy modules a program imports."""
    program = (
        f"import sys\n{code}\nprint(*[name for name in ('torch', 'transformers', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    return done.stdout.split()


def test_importing_evolora_imports_nothing_heavy() -> None:
    assert imports("import evolora; evolora.__version__; dir(evolora)") == []


def test_loading_a_world_and_reading_its_metrics_does_not_wait_for_torch(puddle: Path, run: evolora.Run) -> None:
    assert "torch" not in imports(
        f"import evolora; evolora.World.load({str(puddle)!r}); evolora.Run.open({str(run.path)!r}).metrics()"
    )


def test_what_is_not_there_is_an_attribute_error_that_says_what_is() -> None:
    with pytest.raises(AttributeError, match="it has Run, World"):
        evolora.life  # noqa: B018
    assert {"Run", "World", "simulate"} <= set(dir(evolora))


def test_settings_are_changed_by_their_dotted_keys(puddle: Path) -> None:
    world = evolora.World.load(puddle, set={"energy.upkeep": 0.25, "niches.0.price": 2, "name": "pool: deep"[:4]})
    assert world.settings["energy"]["upkeep"] == 0.25
    assert world.settings["niches"][0]["price"] == 2
    assert world.name == "pool" and world.seed == 3 and world.generations == 6
    assert repr(world) == "World('pool', seed 3, 6 generations on first, second)"


def test_a_world_survives_its_yaml(puddle: Path, tmp_path: Path) -> None:
    world = evolora.World.load(puddle, set={"seed": 9})
    (tmp_path / "again.yaml").write_text(world.to_yaml())
    again = evolora.World.load(tmp_path / "again.yaml")
    assert again == world and hash(again) == hash(world) and again != evolora.World.load(puddle)


@pytest.mark.parametrize("setting", [{"energy.upkep": 1}, {"seed": -1}, {"seed": object()}, {"": 1}])
def test_mistakes_in_settings_are_config_errors(puddle: Path, setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"expected|unknown key"):
        evolora.World.load(puddle, set=setting)


def test_a_run_has_a_row_of_metrics_for_every_generation(run: evolora.Run) -> None:
    table = run.metrics()
    rows = [json.loads(line) for line in (run.path / METRICS).read_text().splitlines()]
    assert table["generation"].to_pylist() == [1, 2, 3, 4]
    assert table["mean_score"].to_pylist() == [row["mean_score"] for row in rows]
    assert table["births.clone"].to_pylist() == [row["births"].get("clone", 0) for row in rows]
    assert table["energy.organisms"].to_pylist() == [row["energy"]["organisms"] for row in rows]
    assert all(pa.types.is_integer(table.schema.field(name).type) for name in ("generation", "num_living"))


def test_organisms_are_the_living_best_first(run: evolora.Run) -> None:
    table = run.organisms()
    members = open_residents(run.path).members
    assert table["id"].to_pylist() == [resident.id for resident in members]
    assert table["name"].to_pylist() == [resident.name for resident in members]
    assert table["traits.rank"].to_pylist() == [resident.organism.active.traits.rank for resident in members]
    assert table["scores.first"].to_pylist() == [resident.organism.competence.get("first") for resident in members]


def test_lives_and_events_are_the_records(run: evolora.Run) -> None:
    assert set(run.lives()["generation"].to_pylist()) == {1, 2, 3, 4}
    assert {event["event"] for event in run.events()} >= {"birth"}
    assert run.world.generations == 4


def test_a_finished_run_has_its_elites(run: evolora.Run) -> None:
    assert len(list((run.path / "elites").iterdir())) == 2


def test_functions_and_objects_look_on(puddle: Path, tmp_path: Path) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def started(self, simulation: object) -> None:
            self.seen.append("started")

        def generation(self, report: object, seconds: float) -> None:
            self.seen.append("generation")

        def finished(self, summary: object) -> None:
            self.seen.append("finished")

    watcher, scores = Watcher(), list[float]()
    world = evolora.World.load(puddle, set={"generations": 2})
    run = evolora.simulate(world, tmp_path, observers=[watcher, lambda report: scores.append(report.mean_score)])
    assert watcher.seen == ["started", "generation", "generation", "finished"]
    assert run.metrics()["mean_score"].to_pylist() == scores


def test_a_run_that_has_lived_nothing_yet_has_an_empty_table(run: evolora.Run, tmp_path: Path) -> None:
    for name in ("world.yaml", "run.json"):
        (tmp_path / name).write_bytes((run.path / name).read_bytes())
    (tmp_path / METRICS).touch()
    assert evolora.Run.open(tmp_path).metrics().num_rows == 0


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="expected a run folder"):
        evolora.Run.open(tmp_path)


def test_a_figure_is_plotlys(run: evolora.Run) -> None:
    pytest.importorskip("evolora.viz", reason="this build has no plots")
    import plotly.graph_objects as go

    assert isinstance(run.figure("muller"), go.Figure)
    with pytest.raises(EvoloraError, match="expected one of"):
        run.figure("mullet")


def test_without_plots_a_figure_says_so(run: evolora.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evolora.viz", None)
    with pytest.raises(EvoloraError, match="expected plotly"):
        run.figure("muller")
