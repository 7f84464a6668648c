"""Adapters from outside live in a world with their own delta; those that are hostile are refused in words."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from puddle import SETTINGS, world
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from evolora.blueprint import build_rules, found_world
from evolora.build import build_evaluator, open_run, resume_run
from evolora.cli.app import app
from evolora.config.load import load_world
from evolora.errors import ConfigError, EvoloraError, GenomeError
from evolora.organism.distance import delta_norm, distance
from evolora.organism.genome import SiteShape
from evolora.record import adapter as adapter_module
from evolora.record.adapter import WEIGHTS_FILE, import_peft
from evolora.record.adapter_config import CONFIG_FILE
from evolora.record.immigrant import RECORD
from evolora.record.residents import Resident, open_residents
from evolora.record.run_dir import EVENTS
from evolora.share.export import export_organisms


@pytest.fixture(scope="module")
def sites() -> list[SiteShape]:
    return build_evaluator(world()).sites


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> Resident:
    simulation = open_run(world(generations=3), tmp_path_factory.mktemp("runs"))
    simulation.run()
    return open_residents(simulation.run_dir.path).members[0]


@pytest.fixture(scope="module")
def exported(best: Resident, tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulation = open_run(world(generations=3), tmp_path_factory.mktemp("runs"))
    simulation.run()
    residents = open_residents(simulation.run_dir.path)
    return export_organisms(residents, residents.members[:1], "Answer only.", tmp_path_factory.mktemp("out"))[0][0]


@pytest.fixture
def adapter(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    copy = tmp_path / "adapter"
    copy.mkdir()
    for path in exported.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def with_immigrants(*paths: Path, **changes: object) -> dict[str, object]:
    population = {"founders": 4, "capacity": 8, "founder_energy": 3.0, "immigrants": [str(path) for path in paths]}
    return {"population": population, **changes}


def test_an_immigrant_lives_with_its_own_delta_and_traits(best: Resident, adapter: Path, sites) -> None:
    config = world(**with_immigrants(adapter, adapter))
    founded, events = found_world(config, build_rules(config), sites)
    assert [event.operator for event in events] == ["founder"] * 4 + ["immigrant"] * 2
    for identity in (4, 5):
        organism = founded.population[identity]
        ours, theirs = organism.genome, best.organism.active
        assert distance(ours, theirs) < 1e-5 * delta_norm(theirs)
        assert ours.traits.num_examples == theirs.traits.num_examples
        assert ours.traits.answer_limit == theirs.traits.answer_limit
        assert organism.kind == "founder" and organism.lineage == identity
        assert all(bool((f.a != 0).any(dim=1).all()) for f in ours.factors.values()), "every direction can learn"


def test_the_founders_beside_immigrants_are_those_there_would_be_without(adapter: Path, sites) -> None:
    config = world(**with_immigrants(adapter))
    founded, _ = found_world(config, build_rules(config), sites)
    alone, _ = found_world(world(), build_rules(world()), sites)
    for identity in range(4):
        site = sites[0].name
        assert torch.equal(
            founded.population[identity].genome.factors[site].b, alone.population[identity].genome.factors[site].b
        )


def test_a_world_with_an_immigrant_runs_records_it_and_resumes_without_its_folder(
    adapter: Path, tmp_path: Path
) -> None:
    simulation = open_run(world(**with_immigrants(adapter, generations=2)), tmp_path / "runs")
    simulation.run()
    births = [row for row in simulation.run_dir.read(EVENTS) if row["event"] == "birth" and row["generation"] == 0]
    assert [row["operator"] for row in births] == ["founder"] * 4 + ["immigrant"]
    for path in adapter.iterdir():
        path.unlink()
    assert resume_run(simulation.run_dir.path, generations=3).run().generation == 3


def test_without_a_record_an_immigrant_has_traits_of_this_world(adapter: Path, sites) -> None:
    (adapter / RECORD).unlink()
    config = world(**with_immigrants(adapter))
    founded, _ = found_world(config, build_rules(config), sites)
    assert 2 <= founded.population[4].genome.traits.answer_limit <= 4  # drawn as a founder's


def test_traits_outside_the_worlds_bounds_are_brought_inside(adapter: Path, sites) -> None:
    record = json.loads((adapter / RECORD).read_text())
    record["traits"] |= {"answer_limit": 10**6, "temperature": -3}
    (adapter / RECORD).write_text(json.dumps(record))
    config = world(**with_immigrants(adapter))
    traits = found_world(config, build_rules(config), sites)[0].population[4].genome.traits
    assert traits.answer_limit == 5 and traits.temperature == config.traits.temperature.bounds[0]


@pytest.mark.parametrize("value", ['"many"', "NaN", "null", "[1]", "1e999", '{"a": 1}'])
def test_traits_that_are_no_numbers_are_refused(adapter: Path, sites, value: str) -> None:
    (adapter / RECORD).write_text(f'{{"traits": {{"answer_limit": {value}}}}}')
    config = world(**with_immigrants(adapter))
    with pytest.raises(GenomeError, match="traits as numbers"):
        found_world(config, build_rules(config), sites)


def test_a_rank_above_the_worlds_bound_is_refused_not_truncated(adapter: Path, sites) -> None:
    bounds = {"founders": [1, 1], "bounds": [1, 1], "step": 1}
    config = world(**with_immigrants(adapter, traits={**SETTINGS["traits"], "rank": bounds}))
    with pytest.raises(GenomeError, match=r"rank of at most 1 \(traits.rank.bounds\)"):
        found_world(config, build_rules(config), sites)


def test_immigrants_need_room() -> None:
    with pytest.raises(ValueError, match="founders and immigrants <= capacity, got 9 > 8"):
        world(**with_immigrants(*[Path("x")] * 5))


def change_config(**changes: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        config = json.loads((folder / CONFIG_FILE).read_text())
        (folder / CONFIG_FILE).write_text(json.dumps({**config, **changes}))

    return spoil


def change_tensors(change: Callable[[str, torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS_FILE)
        save_file({key: change(key, tensor).contiguous() for key, tensor in tensors.items()}, folder / WEIGHTS_FILE)

    return spoil


HOSTILE = {
    "a rank that eats memory": (change_config(r=10**9), "<= 512"),
    "a rank that is no number": (change_config(r=True), "rank r >= 1"),
    "an alpha that is no number": (change_config(lora_alpha="8"), "finite lora_alpha"),
    "an alpha beyond all bounds": (change_config(lora_alpha=1e300), "finite lora_alpha"),
    "integers": (change_tensors(lambda _, t: t.to(torch.int8)), "expected F64, F32, F16, BF16"),
    "three dimensions": (change_tensors(lambda _, t: t[None]), "expected two dimensions"),
    "nested JSON": (lambda d: (d / CONFIG_FILE).write_text("[" * 200_000), "expected JSON"),
    "a huge config": (lambda d: (d / CONFIG_FILE).write_text(" " * 1_000_001), "at most 1,000,000 bytes"),
    "a config that is no text": (lambda d: (d / CONFIG_FILE).write_bytes(b"\xff\xfe{}"), "expected JSON"),
    "a header that lies": (lambda d: (d / WEIGHTS_FILE).write_bytes(struct.pack("<Q", 2**62) + b"{}"), "safetensors"),
    "a pickle": (lambda d: (d / WEIGHTS_FILE).rename(d / "adapter_model.bin"), "pickles are not read"),
    "a folder for weights": (
        lambda d: ((d / WEIGHTS_FILE).unlink(), (d / WEIGHTS_FILE).mkdir()),
        "expected the adapter's weights",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_adapter_is_refused_with_one_line(adapter: Path, sites, kind: str) -> None:
    spoil, reason = HOSTILE[kind]
    spoil(adapter)
    with pytest.raises(GenomeError, match=reason) as caught:
        import_peft(adapter, sites, 2.0)
    assert "\n" not in str(caught.value)


def test_a_file_far_larger_than_its_rank_allows_is_not_read(adapter: Path, sites, monkeypatch) -> None:
    with (adapter / WEIGHTS_FILE).open("r+b") as file:
        file.truncate(10**9)  # sparse: takes no disk
    monkeypatch.setattr(adapter_module, "safe_open", None)  # would raise if it came to reading
    with pytest.raises(GenomeError, match="expected at most"):
        import_peft(adapter, sites, 2.0)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_never_raise_anything_but_a_genome_error(adapter: Path, sites, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([CONFIG_FILE, WEIGHTS_FILE]))
    whole = (adapter / name).read_bytes()
    spoiled = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        spoiled[data.draw(st.integers(0, min(len(whole), 4000) - 1))] = data.draw(st.integers(0, 255))
    (adapter / name).write_bytes(bytes(spoiled)[: data.draw(st.integers(0, len(whole)))])
    try:
        import_peft(adapter, sites, 2.0)
    except GenomeError as error:
        assert "\n" not in str(error)
    finally:
        (adapter / name).write_bytes(whole)


def invoke(*arguments: str) -> tuple[int, str, BaseException | None]:
    done = CliRunner().invoke(app, ["import", *arguments])
    return done.exit_code, done.stdout, done.exception


@pytest.fixture
def puddle(tmp_path: Path) -> Path:
    path = tmp_path / "worlds" / "puddle.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({**SETTINGS, "generations": 1}))
    return path


def test_the_command_writes_a_world_that_extends_the_old_one(adapter: Path, puddle: Path, tmp_path: Path) -> None:
    new = tmp_path / "mine" / "with_guests.yaml"
    code, said, error = invoke(str(adapter), str(adapter), "--into", str(puddle), "--to", str(new))
    assert code == 0, error
    assert "they fit" in said
    config = load_world(str(new))
    assert config.population.immigrants == [str(adapter)] * 2 and config.population.founders == 6
    code, _, error = invoke(str(adapter), "--into", str(puddle), "--to", str(new))
    assert isinstance(error, ConfigError) and "expected a new file" in str(error)


def test_the_command_writes_the_settings_that_make_room_too(adapter: Path, puddle: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    changes = ("--set", "population.capacity=9", "--set", "niches.0.price=2.5", "--set", "seed=7",
               "--set", "reproduction.mutation={gaussian: 1}")  # fmt: skip
    code, _, error = invoke(*[str(adapter)] * 3, "--into", str(puddle), "--to", str(new), *changes)
    assert code == 0, error
    told = [f"population.immigrants={json.dumps([str(adapter)] * 3)}", *changes[1::2]]
    assert load_world(str(new)) == load_world(str(puddle), told)


def test_the_command_without_a_file_says_how_to_live_with_it(adapter: Path, puddle: Path) -> None:
    code, said, _ = invoke(str(adapter), "--into", str(puddle))
    assert code == 0
    assert said.splitlines()[-1].startswith(f"they fit; live with: evolora simulate {puddle} --set ")


def test_no_room_is_said_before_anything_is_written(adapter: Path, puddle: Path, tmp_path: Path) -> None:
    _, _, error = invoke(*[str(adapter)] * 3, "--into", str(puddle), "--to", str(tmp_path / "new.yaml"))
    assert isinstance(error, EvoloraError) and "founders and immigrants <= capacity, got 9 > 8" in str(error)
    assert not (tmp_path / "new.yaml").exists()
