"""Organisms leave a run as adapters that PEFT opens and vLLM's published rules accept."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from puddle import world
from safetensors import safe_open
from safetensors.torch import load_file
from typer.testing import CliRunner

from evolora.build import build_evaluator, open_run
from evolora.cli.app import app
from evolora.errors import RunFolderError
from evolora.host.bank import stack_genomes
from evolora.host.decode import Request
from evolora.host.load import load_host
from evolora.record.adapter import WEIGHTS_FILE, import_peft
from evolora.record.adapter_config import CONFIG_FILE
from evolora.record.immigrant import RECORD
from evolora.record.residents import open_residents, weights_digest
from evolora.share.export import CARD, SERVED_RANKS, export_organisms, served_rank


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulation = open_run(world(generations=4, record={"elites": 3}), tmp_path_factory.mktemp("runs"))
    simulation.run()
    return simulation.run_dir.path


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    residents = open_residents(run)
    folders, bare = export_organisms(residents, residents.members, "Answer only.", tmp_path_factory.mktemp("adapters"))
    assert bare == [] and len(folders) == len(residents.members) > 3
    return folders


def test_peft_opens_every_organism_with_the_logits_of_its_bank_row(run: Path, exported: list[Path]) -> None:
    evaluator = build_evaluator(world())
    prompt = tuple(range(40, 60))
    for resident, folder in zip(open_residents(run).members, exported, strict=True):
        bank = stack_genomes([resident.organism.active], evaluator.sites, torch.float32, torch.device("cpu"))
        ((ours,),) = evaluator.decoder.generate(bank, [Request(0, prompt, 1, 0.0, 6, 0)])
        model = PeftModel.from_pretrained(load_host("tiny-llama", device="cpu", dtype="float32").model, folder)
        tokens = list(prompt)
        for token, logprob in zip(ours.tokens, ours.logprobs, strict=True):
            with torch.no_grad():
                theirs = model(input_ids=torch.tensor([tokens])).logits[0, -1].log_softmax(-1)
            assert int(theirs.argmax()) == token
            assert float(theirs[token]) == pytest.approx(logprob, abs=1e-4)
            tokens.append(token)


def test_the_layout_follows_vllms_published_rules(exported: list[Path]) -> None:
    """vllm/lora/peft_helper.py (fields, features, rank) and vllm/lora/utils.py (parse_fine_tuned_lora_name)."""
    host = load_host("tiny-llama", device="cpu", dtype="float32").model
    linear = {name.rsplit(".", 1)[-1] for name, module in host.named_modules() if isinstance(module, torch.nn.Linear)}
    for folder in exported:
        config = json.loads((folder / CONFIG_FILE).read_text())
        assert isinstance(config["r"], int) and isinstance(config["lora_alpha"], int)
        assert config["r"] in SERVED_RANKS
        assert not config.get("modules_to_save") and not config["use_dora"] and config["bias"] == "none"
        assert {name.rsplit(".", 1)[-1] for name in config["target_modules"]} <= linear
        with safe_open(folder / WEIGHTS_FILE, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118  # not a mapping
                parts = key.split(".")
                assert parts[:2] == ["base_model", "model"] and parts[-1] == "weight"
                assert parts[-2] in ("lora_A", "lora_B") and parts[-3] in linear
                assert ".".join(parts[2:-2]) in config["target_modules"]
                assert file.get_slice(key).get_shape()[0 if parts[-2] == "lora_A" else 1] == config["r"]


@pytest.mark.parametrize(("rank", "served"), [(1, 1), (2, 8), (8, 8), (9, 16), (257, 320), (512, 512), (600, 600)])
def test_ranks_are_padded_to_what_vllm_allocates(rank: int, served: int) -> None:
    assert served_rank(rank) == served


def test_padding_is_dropped_when_an_adapter_comes_back(run: Path, exported: list[Path]) -> None:
    sites = build_evaluator(world()).sites
    for resident, folder in zip(open_residents(run).members, exported, strict=True):
        genome = resident.organism.active
        factors = import_peft(folder, sites, genome.scaling)
        assert factors.keys() == genome.factors.keys()
        for site, f in genome.factors.items():
            assert torch.equal(factors[site].product(), f.product())
        assert {f.rank for f in factors.values()} <= set(range(1, genome.traits.rank + 1))


def test_names_join_run_organism_and_weights_and_fit_everybody(run: Path, exported: list[Path]) -> None:
    for resident, folder in zip(open_residents(run).members, exported, strict=True):
        assert folder.name == f"{run.name}-{resident.id:06d}-{weights_digest(resident.organism.active)[:12]}"
        assert re.fullmatch(r"[A-Za-z0-9_-]+", folder.name)  # PEFT refuses dots in adapter names
    assert len({folder.name for folder in exported}) == len(exported)


def test_other_weights_have_another_name(run: Path) -> None:
    genome = open_residents(run).members[0].organism.active
    before = weights_digest(genome)
    site = next(iter(genome.factors))
    genome.factors[site].b[0, 0] += 1e-3
    assert weights_digest(genome) != before


def test_the_card_tells_lineage_scores_and_use(run: Path, exported: list[Path]) -> None:
    best = open_residents(run).members[0]
    card = (exported[0] / CARD).read_text()
    assert card.startswith("---\nbase_model: tiny-llama\nlibrary_name: peft\n")
    for niche, score in best.organism.competence.items():
        assert f"| {niche} | {score:.3f} |" in card
    record = json.loads((exported[0] / RECORD).read_text())
    assert record["weights_sha256"] == best.digest and record["organism_id"] == best.id
    line = [row["organism_id"] for row in record["ancestors"]]
    assert line[0] == best.id and line == sorted(line, reverse=True) and best.organism.lineage in line
    assert f"| {best.organism.lineage} | 0 | founder |" in card


def test_nothing_is_overwritten_and_nothing_half_written_stays(run: Path, tmp_path: Path) -> None:
    residents = open_residents(run)
    first = export_organisms(residents, residents.members[:1], "", tmp_path)[0][0]
    before = load_file(first / WEIGHTS_FILE)
    with pytest.raises(RunFolderError, match="nothing was written"):
        export_organisms(residents, residents.members[:2], "", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [first.name]
    assert before.keys() == load_file(first / WEIGHTS_FILE).keys()


def test_a_failure_half_way_leaves_no_adapter(run: Path, tmp_path: Path) -> None:
    residents = open_residents(run)
    next(iter(residents.members[1].organism.active.factors.values())).b[0] = float("inf")
    with pytest.raises(Exception, match="finite"):
        export_organisms(residents, residents.members[:2], "", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_organism_that_adapts_nothing_is_passed_over(run: Path, tmp_path: Path) -> None:
    residents = open_residents(run)
    organism = residents.members[0].organism
    organism.genome, organism.learnt = organism.active.with_factors({}), None
    folders, bare = export_organisms(residents, residents.members[:2], "", tmp_path)
    assert len(folders) == 1 and bare == [residents.members[0]]


def invoke(*arguments: str) -> tuple[int, list[str], str]:
    done = CliRunner().invoke(app, ["export", *arguments])
    return done.exit_code, done.stdout.splitlines(), str(done.exception)


@pytest.mark.parametrize(("choice", "number"), [([], 3), (["--elites"], 3)])
def test_the_command_writes_the_elites(run: Path, tmp_path: Path, choice: list[str], number: int) -> None:
    code, folders, _ = invoke(str(run), *choice, "--to", str(tmp_path / "out"))
    assert code == 0 and len(folders) == number
    assert sorted(folders) == sorted(str(path) for path in (tmp_path / "out").iterdir())


def test_the_command_writes_chosen_organisms_once_each(run: Path, tmp_path: Path) -> None:
    identity = str(open_residents(run).members[2].id)
    code, folders, _ = invoke(
        str(run), "--organism", identity, "--organism", f"organism-{identity}", "--to", str(tmp_path)
    )
    assert code == 0 and len(folders) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--all"], "expected --to DIR or --lm-eval DIR"),
        (["--all", "--elites", "--to", "x"], "expected one of --elites"),
        (["--portfolio", "--to", "x"], "expected a saved portfolio, got none; make one with"),
        (["--organism", "999999", "--to", "x"], "expected the id of an organism alive"),
        (["--organism", "../../etc", "--to", "x"], "expected the id of an organism alive"),
    ],
)
def test_mistakes_are_one_line(run: Path, arguments: list[str], reason: str) -> None:
    code, _, error = invoke(str(run), *arguments)
    assert code != 0 and reason in error and "\n" not in error


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    _, _, error = invoke(str(tmp_path), "--to", str(tmp_path / "out"))
    assert "expected a run folder" in error and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("run.json", "{", "expected JSON"),
        ("run.json", "[]", "got one without elites, host"),
        (
            "events.jsonl",
            '{"event":"birth","generation":1}\n',
            "got a birth with organism_id None; the file is damaged",
        ),
        ("events.jsonl", '{"event":\n', "expected an event as a JSON object"),
    ],
)
def test_a_damaged_run_is_one_line(run: Path, tmp_path: Path, name: str, content: str, reason: str) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / name).write_text(content)
    code, _, error = invoke(str(tmp_path / "run"), "--to", str(tmp_path / "out"))
    assert code != 0 and reason in error and "\n" not in error


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"elites": "4"}, "expected elites to be a whole number, got '4'"),
        ({"elites": True}, "expected elites to be a whole number, got True"),
        ({"name": 3}, "expected name to be a text, got 3"),
    ],
)
def test_a_record_with_other_kinds_of_values_is_one_line(
    run: Path, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    shutil.copytree(run, tmp_path / "run")
    record = json.loads((run / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps({**record, **changes}))
    code, _, error = invoke(str(tmp_path / "run"), "--to", str(tmp_path / "out"))
    assert code != 0 and reason in error and "\n" not in error
