"""A bundle's world is lived again and held against its record, and a stranger's choices are not followed."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bundles import contents_of, forge, write_run
from puddle import world
from pydantic import BaseModel

from evolora.build import open_run, resume_run
from evolora.config.comments import section_of
from evolora.config.load import dump_world
from evolora.config.world import WorldConfig
from evolora.errors import BundleError
from evolora.record.run_dir import to_json
from evolora.share.elites import export_elites
from evolora.share.pack import pack
from evolora.share.replay import Replay, replay

GENERATIONS = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    niches = [{"family": "rhyme", "inflow": 20.0}, {"family": "spelt_number", "inflow": 6.0}]
    config = world(niches=niches, generations=GENERATIONS, record={"elites": 2}, energy={"upkeep": 0.1})
    simulation = open_run(config, tmp_path_factory.mktemp("lived"))
    simulation.run()
    assert export_elites(simulation.run_dir.path)
    return simulation.run_dir.path


def replayed(bundle: Path, **options: Any) -> tuple[Replay, list[str]]:
    verdicts: list[str] = []
    found = replay(bundle, lambda comparison: verdicts.append(comparison.verdict), **options)
    return found, verdicts


def with_changed(run: Path, target: Path, name: str, change: Callable[[str], str]) -> Path:
    """The bundle of a run with one file changed, well signed."""
    contents = contents_of(run)
    changed = change(contents[name].decode())
    assert changed.encode() != contents[name]
    record = json.loads(contents["run.json"])
    host = {"name": record["host"], "digest": record["host_digest"]}
    contents |= {name: changed.encode()}
    return forge(target, contents, world=record["name"], generations=GENERATIONS, host=host)


def test_an_honest_bundle_repeats_to_the_byte(run: Path, tmp_path: Path) -> None:
    pack(run, tmp_path / "a")
    found, verdicts = replayed(tmp_path / "a")
    assert verdicts == ["identical"] * GENERATIONS
    assert found.parted is None and found.circumstances == ()
    assert found.same_files == ("metrics.jsonl", "events.jsonl", "lives.arrow")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_run_that_was_stopped_and_one_that_lived_longer_repeat_as_well(tmp_path: Path) -> None:
    """Costly measures are taken where a run is to end: that is no other history."""
    config = world(generations=4)
    stopped = open_run(config, tmp_path)
    stopped.run(should_stop=lambda: stopped.world.generation >= 2)
    pack(stopped.run_dir.path, tmp_path / "stopped")
    assert replayed(tmp_path / "stopped", trust_code=True)[1] == ["identical"] * 2
    path = stopped.run_dir.path
    resume_run(path).run()
    resume_run(path, generations=6).run()
    pack(path, tmp_path / "longer")
    found, verdicts = replayed(tmp_path / "longer", trust_code=True)
    assert found.generations == 6 and verdicts == ["identical"] * 6, found
    assert any(name.startswith("ecology.") for name in found.comparisons[3].uncompared)


def test_the_new_run_can_be_kept(run: Path, tmp_path: Path) -> None:
    pack(run, tmp_path / "a")
    replayed(tmp_path / "a", out=tmp_path / "runs")
    (kept,) = (tmp_path / "runs").iterdir()
    assert (kept / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()


def test_a_changed_record_parts_where_it_was_changed_and_stops_there(run: Path, tmp_path: Path) -> None:
    def lie(text: str) -> str:
        rows = [json.loads(line) for line in text.splitlines()]
        rows[1]["num_answers"] = 999
        return "".join(to_json(row) + "\n" for row in rows)

    bundle = with_changed(run, tmp_path / "a", "metrics.jsonl", lie)
    found, verdicts = replayed(bundle)
    assert verdicts == ["identical", "parted"]
    assert found.parted is not None and found.parted.generation == 2
    assert [(d.path, d.recorded) for d in found.parted.differences] == [("num_answers", 999)]


def test_another_world_parts_from_the_record(run: Path, tmp_path: Path) -> None:
    bundle = with_changed(run, tmp_path / "a", "world.yaml", lambda text: text.replace("upkeep: 0.1", "upkeep: 0.2"))
    found, _ = replayed(bundle)
    assert found.parted is not None and found.parted.generation == 1


def test_the_last_bits_are_rounding(run: Path, tmp_path: Path) -> None:
    first = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["traits"]["temperature"]
    near = first * (1 + 1e-9)
    bundle = with_changed(run, tmp_path / "a", "metrics.jsonl", lambda text: text.replace(repr(first), repr(near)))
    found, verdicts = replayed(bundle)
    assert verdicts[0] == "rounding" and found.parted is None


def test_what_differs_about_the_machines_is_said(run: Path, tmp_path: Path) -> None:
    bundle = with_changed(
        run, tmp_path / "a", "run.json", lambda text: text.replace('"machine": "', '"machine": "other-')
    )
    found, _ = replayed(bundle)
    ((name, recorded, here),) = found.circumstances
    assert name == "machine" and recorded == f"other-{here}"


def forged(folder: Path, **changes: Any) -> Path:
    """A well-signed bundle of two generations nobody lived, of any world."""
    contents = contents_of(write_run(folder / "run", elite=False))
    values = yaml.safe_load(contents["world.yaml"]) | changes
    record = json.loads(contents["run.json"]) | {"host": values["host"]["name"]}
    contents |= {"world.yaml": yaml.safe_dump(values).encode(), "run.json": json.dumps(record).encode()}
    return forge(folder / "a", contents, host={"name": record["host"], "digest": record["host_digest"]})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"niches": [{"family": "subprocess:Popen", "settings": {"args": "touch mark"}}]}, "--trust-code"),
        ({"niches": [{"family": "evil:Family"}]}, "evil:Family: expected task families of Evolora"),
        ({"host": {"name": "/etc"}}, "host '/etc': expected one of .* give it with --host"),
        ({"host": {"name": "somebody/model"}}, "got a path or a hub id"),
        ({"population": {"immigrants": ["/etc"]}}, "immigrants: expected none"),
        ({"population": {"founders": 10**9, "capacity": 10**9}}, "at most 100,000 organisms"),
        ({"encounters": {"visits": 10**9}}, "10,000,000 answers a generation"),
    ],
)
def test_what_a_stranger_may_not_choose_is_refused_before_anything_is_lived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], reason: str
) -> None:
    (tmp_path / "evil.py").write_text("open('mark', 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BundleError, match=reason):
        replayed(forged(tmp_path, **changes))
    assert not (tmp_path / "mark").exists()


def texts(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Dotted names of all settings that can hold a text of the author's choice."""
    for key, field in model.model_fields.items():
        section = section_of(model, key)
        if section is not None:
            yield from texts(section, f"{path}{key}.")
        elif re.search(r"\bstr\b", str(field.annotation)):
            yield path + key


def test_every_text_in_a_world_is_known_to_be_harmless_or_is_looked_at() -> None:
    """A new setting that names a file, a module or an address must be refused in `safe_world`, then added here."""
    looked_at = {"host.name", "niches.family", "population.immigrants"}
    harmless = {
        "name", "host.system_prompt", "genome.modules", "niches.name", "niches.settings", "seasons.niche",
        "shocks.niche", "reproduction.mutation", "niches.levels", "extinctions.niche", "archive.axes.behaviour",
    }  # fmt: skip
    assert set(texts(WorldConfig)) == looked_at | harmless


def test_code_of_the_author_runs_once_it_is_trusted(tmp_path: Path) -> None:
    config = world(generations=1)
    simulation = open_run(config, tmp_path / "runs")
    simulation.run()
    pack(simulation.run_dir.path, tmp_path / "a")
    assert "toy_family:NonAscii" in dump_world(config)
    assert replayed(tmp_path / "a", trust_code=True)[1] == ["identical"]


def test_a_host_without_a_common_name_is_given_by_hand(run: Path, tmp_path: Path) -> None:
    contents = contents_of(run)
    record = json.loads(contents["run.json"]) | {"host": "/their/model"}
    contents |= {
        "run.json": json.dumps(record).encode(),
        "world.yaml": contents["world.yaml"].replace(b"name: tiny-llama", b"name: /their/model"),
    }
    about = {"name": "/their/model", "digest": record["host_digest"]}
    bundle = forge(tmp_path / "a", contents, world=record["name"], generations=GENERATIONS, host=about)
    assert replayed(bundle, host="tiny-llama")[1] == ["identical"] * GENERATIONS
    found, verdicts = replayed(bundle, host="tiny-qwen3")
    assert "host digest" in {name for name, _, _ in found.circumstances}
    assert "parted" in verdicts
