"""The petri host ships with the package, is small, and is partly able at every family of our own."""

import json
import tomllib
from pathlib import Path

import pytest

from evolora.environment.families.registry import known_families
from evolora.host.load import Host, load_host
from evolora.host.prompt import PromptBuilder
from evolora.host.registry import HOSTS, resolve
from evolora.host.shapes import site_shapes
from evolora.host.sites import find_sites

FOLDER = Path(HOSTS["petri"].shipped or "")


@pytest.fixture(scope="module")
def petri() -> Host:
    return load_host("petri", device="cpu", dtype="float32")


def test_it_is_four_megabytes_at_most_and_shipped_as_package_data():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 4 * 2**20
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert "host/petri/*" in settings["tool"]["setuptools"]["package-data"]["evolora"]
    assert resolve("petri").path == FOLDER


def test_a_prompt_is_a_few_tokens_and_an_answer_one_or_two(petri: Host):
    builder = PromptBuilder(petri.tokenizer)
    assert len(builder.build("Swap: cat sun")) <= 6
    assert len(builder.answer_ids("sun cat")) == 3  # two words and the end
    assert builder.decode(builder.answer_ids("sun cat")) == "sun cat"
    with_system = PromptBuilder(petri.tokenizer, "Answer only.").build("Swap: cat sun")
    assert len(with_system) == len(builder.build("Swap: cat sun")) + 3


def test_the_training_record_says_how_it_was_made_and_that_it_is_partly_able():
    record = json.loads((FOLDER / "training.json").read_text())
    assert {"script", "seed", "steps", "loss", "date", "machine", "versions", "seconds", "scores"} <= set(record)
    assert record["loss"][-1]["loss"] < record["loss"][0]["loss"]
    scores = record["scores"]
    later = {"capital", "copy_words", "join_words", "next_number"}  # families made after the host
    assert set(scores) == set(known_families()) - later
    best = {family: max(own["sampled_0"], own["sampled_1"]) for family, own in scores.items()}
    assert all(score > 0 for score in best.values())
    assert sum(0.05 <= score <= 0.55 for score in best.values()) >= 10
    assert all(score < 0.8 for score in best.values())


def test_a_worked_example_helps_it(petri: Host):
    scores = json.loads((FOLDER / "training.json").read_text())["scores"].values()
    without, with_one = (sum(own[f"sampled_{shots}"] for own in scores) for shots in (0, 1))
    assert with_one > 1.2 * without


def test_its_sites_are_known_from_its_configuration_alone(petri: Host):
    modules = ["q_proj", "down_proj"]
    assert site_shapes("petri", modules, "upper_half") == find_sites(petri.model, modules, "upper_half")
