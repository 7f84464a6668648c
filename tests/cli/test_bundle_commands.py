"""`evolora pack`, `unpack`, `inspect`, `verify` and `replay` as a shell meets them."""

from pathlib import Path

import pytest
from bundles import forge, write_run
from puddle import world
from typer.testing import CliRunner

from evolora.build import open_run
from evolora.cli.app import app
from evolora.errors import BundleError, ConfigError


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def output(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def test_a_run_goes_into_a_bundle_and_out_again() -> None:
    write_run(Path("run"))
    packed = output("pack", "run", "--licence", "CC-BY-4.0", "--author", "Ada", "--author", "Bo")
    assert "run.evolora: 7 files" in packed and "sha256:" in packed and "no licence" not in packed
    digest = packed.split("sha256:")[1].strip()
    assert f"run.evolora: whole, 7 files, sha256:{digest}" in output("verify", "run.evolora")
    shown = output("inspect", "run.evolora")
    assert "Ada, Bo" in shown and "CC-BY-4.0" in shown and digest in shown and "tiny-llama" in shown
    assert "copy: pond, seed 3, 2 generations" in output("unpack", "run.evolora", "--to", "copy")
    assert (Path("copy") / "metrics.jsonl").read_bytes() == Path("run/metrics.jsonl").read_bytes()


def test_packing_without_a_licence_says_what_that_means() -> None:
    write_run(Path("run"))
    assert "no licence given" in output("pack", "run", "-o", "a.evolora")


def test_verify_names_every_damaged_part_of_every_bundle() -> None:
    write_run(Path("run"))
    output("pack", "run", "-o", "a.evolora")
    Path("b.evolora").write_bytes(Path("a.evolora").read_bytes().replace(b"num_living", b"num_livinG"))
    Path("c.evolora").write_bytes(b"hello")
    with pytest.raises(ConfigError) as caught:
        output("verify", "a.evolora", "b.evolora", "c.evolora")
    first, second = caught.value.problems
    assert first.startswith("b.evolora: metrics.jsonl: expected checksum")
    assert second.startswith("c.evolora: the file: expected a bundle")


def test_verify_refuses_what_is_whole_and_makes_no_sense() -> None:
    contents = {"world.yaml": b"name: [", "run.json": b"{}", "metrics.jsonl": b""}
    forge(Path("a.evolora"), contents)
    with pytest.raises(ConfigError, match=r"a\.evolora: expected a world without mistakes"):
        output("verify", "a.evolora")


def test_a_report_is_left_out_and_said_to_be() -> None:
    write_run(Path("run"))
    (Path("run") / "report.html").write_text("<script></script>")
    output("pack", "run", "-o", "a.evolora")
    assert "left out: report.html" in output("unpack", "a.evolora")
    assert "left out" not in output("unpack", "a.evolora", "--to", "b", "--with-report")


def test_replay_says_of_each_generation_what_became_of_it() -> None:
    niches = [{"family": "rhyme", "inflow": 20.0}]
    simulation = open_run(world(niches=niches, generations=2), Path("runs"))
    simulation.run()
    output("pack", str(simulation.run_dir.path), "-o", "a.evolora")
    shown = output("replay", "a.evolora")
    assert "generation 1: identical\ngeneration 2: identical\npuddle: 2 of 2 generations identical\n" in shown
    assert "the same bytes: metrics.jsonl, events.jsonl, lives.arrow" in shown
    metrics = simulation.run_dir.path / "metrics.jsonl"
    metrics.write_text(metrics.read_text().replace('"num_answers":', '"num_answers":1'))
    output("pack", str(simulation.run_dir.path), "-o", "b.evolora")
    shown = output("replay", "b.evolora", code=1)
    assert "generation 1: parted: num_answers is 36, recorded 136" in shown
    assert "puddle parted from its record at generation 1 of 2" in shown
    assert "the record was changed, or the run was not of this world" in shown


def test_what_is_refused_is_one_line() -> None:
    Path("a.evolora").write_bytes(b"hello")
    for command in ("unpack", "inspect", "replay"):
        with pytest.raises(BundleError, match=r"a\.evolora: the file: expected a bundle of 93 to"):
            output(command, "a.evolora")
    assert [path.name for path in Path().iterdir()] == ["a.evolora"]
