"""lm-evaluation-harness, unmodified and offline, gives an exported adapter the score that `evolora evaluate` gives."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from puddle import SETTINGS
from typer.testing import CliRunner

from evolora.blueprint import build_rules
from evolora.build import build_evaluator, open_run
from evolora.cli.app import app
from evolora.config.world import WorldConfig
from evolora.environment.families.own_family import OWN_FAMILIES
from evolora.environment.families.registry import make_family
from evolora.errors import RunFolderError, TaskError
from evolora.host.tiny import build_tiny
from evolora.portfolio.holdout import HoldoutScores, holdout_scores
from evolora.record.residents import Resident, open_residents
from evolora.share.export import export_organisms
from evolora.share.lm_eval import SCORING, _scoring_source

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_host(folder: Path, template: str | None, begin: bool = False) -> None:
    """A tiny Llama with a byte-level tokenizer as a transformers folder: one token a byte, and four special ones.

    As many tokens as the model has rows: with `peft=` the harness cuts rows that the tokenizer does not name.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    names = ("<bos>", "<|im_end|>", "<|im_start|>", "<spare>")
    inner.add_special_tokens([AddedToken(name, special=True) for name in names])
    if begin:
        inner.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 256)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<bos>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    build_tiny("tiny-llama").save_pretrained(folder)


def make_run(folder: Path, host: Path, generations: int = 3) -> Path:
    settings = {
        **SETTINGS,
        "generations": generations,
        "niches": [
            {"family": "toy_family:Parity", "name": "parity", "inflow": 20.0},
            {"family": "first_in_alphabet", "inflow": 6.0},
        ],
        "host": {"name": str(host), "device": "cpu", "dtype": "float32", "threads": 1},
    }
    simulation = open_run(WorldConfig.model_validate(settings), folder)
    simulation.run()
    return simulation.run_dir.path


@pytest.fixture(scope="module", params=["chat", "begin", "plain"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    save_host(folder / "host", TEMPLATE if request.param == "chat" else None, begin=request.param == "begin")
    return make_run(folder / "runs", folder / "host")


def ours(run: Path, resident: Resident, num_tasks: int) -> HoldoutScores:
    config = WorldConfig.model_validate(json.loads(json.dumps(_world(run))))
    rules, evaluator = build_rules(config), build_evaluator(config)
    return holdout_scores([resident.organism], rules.niches, rules.tasks, num_tasks, evaluator)


def _world(run: Path) -> dict[str, object]:
    import yaml

    return yaml.safe_load((run / "world.yaml").read_text())


def test_the_harness_itself_gives_our_score(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: pip install '.[lm-eval]'")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    residents = open_residents(run)
    checked: list[float] = []
    for resident in residents.members[:2]:
        tasks = tmp_path / f"tasks-{resident.id}"
        done = CliRunner().invoke(
            app, ["export", str(run), "--organism", str(resident.id), "--lm-eval", str(tasks), "--tasks", "12"]
        )
        assert done.exit_code == 0, done.exception
        ((adapter,), _) = export_organisms(residents, [resident], "Answer only.", tmp_path / "adapters")
        shots = resident.organism.active.traits.num_examples
        host = _world(run)["host"]
        assert isinstance(host, dict)
        result = simple_evaluate(
            model="hf",
            model_args=f"pretrained={host['name']},peft={adapter},dtype=float32",
            tasks=[f"evolora_puddle_{shots}shot"],
            task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
            device="cpu",
            batch_size=1,
            log_samples=True,
            bootstrap_iters=0,
        )
        expected = ours(run, resident, 12)
        for place, niche in enumerate(expected.niches):
            name = f"evolora_puddle_{niche}_{shots}shot"
            assert result["results"][name]["score,none"] == pytest.approx(expected.values[0, place].mean(), abs=1e-12)
            samples = sorted(result["samples"][name], key=lambda sample: sample["doc_id"])
            assert [sample["score"] for sample in samples] == expected.values[0, place].tolist()
            checked += expected.values[0, place].tolist()
    assert 0 < sum(checked) < len(checked), "a comparison of nothing but zeros or ones would show little"


def scoring_module(source: str) -> dict[str, Callable[..., object]]:
    namespace: dict[str, Callable[..., object]] = {}
    exec(compile(source.replace("Path(__file__).parent", "Path('.')"), SCORING, "exec"), namespace)  # type: ignore[arg-type]
    return namespace


@pytest.mark.parametrize("text", ["{}", " {} . ", "\n\n{}\nmore", "{}!", "", ".", "no", "{}\tx", "X{}"])
def test_the_scorer_beside_the_tasks_agrees_with_every_family_of_ours(text: str) -> None:
    from evolora.environment.niche import Niche

    score = scoring_module(_scoring_source())["score"]
    for name in sorted(OWN_FAMILIES):
        niche = Niche(name, make_family(name, {}))
        for task in niche.family.sample(3, 4):
            answer = text.format(task.answer.upper())
            doc = {"answer": task.answer, "question": task.question, "scoring": "text"}
            assert score(doc, [answer]) == {"score": niche.score(task, answer).value}


def test_the_folder_needs_nothing_of_evolora_for_families_scored_by_text() -> None:
    head = _scoring_source().partition("def score")[0]
    assert "import evolora" not in head and "from evolora" not in head


def test_families_with_a_scorer_of_their_own_are_scored_by_it(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("datasets", reason="comes with lm-evaluation-harness")
    save_host(tmp_path / "host", TEMPLATE)
    settings = {
        **SETTINGS,
        "generations": 1,
        "niches": [
            {"family": "number_sequence", "settings": {"max_complexity": 1}, "pay": "partial"},
            {"family": "swap_words"},
        ],
        "host": {"name": str(tmp_path / "host"), "device": "cpu", "dtype": "float32", "threads": 1},
    }
    simulation = open_run(WorldConfig.model_validate(settings), tmp_path / "runs")
    simulation.run()
    tasks = tmp_path / "tasks"
    done = CliRunner().invoke(
        app, ["export", str(simulation.run_dir.path), "--all", "--lm-eval", str(tasks), "--tasks", "6"]
    )
    assert done.exit_code == 0, done.exception
    monkeypatch.syspath_prepend(str(tasks))
    import scoring

    try:
        for path in sorted(tasks.glob("*number_sequence*.jsonl")):
            for row in scoring.load(path.name)["test"]:
                assert row["scoring"] == "evolora"
                assert scoring.score(row, [row["answer"]]) == {"score": 1.0}
                assert scoring.score(row, ["none at all"])["score"] < 0.2
        for path in tasks.glob("*swap_words*.jsonl"):
            assert {row["scoring"] for row in scoring.load(path.name)["test"]} == {"text"}
    finally:
        del sys.modules["scoring"]


def test_a_host_that_cannot_be_asked_through_text_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    simulation = open_run(WorldConfig.model_validate({**SETTINGS, "generations": 1}), tmp_path / "runs")
    simulation.run()
    run = str(simulation.run_dir.path)
    done = CliRunner().invoke(app, ["export", run, "--lm-eval", str(tmp_path / "tasks")])
    assert isinstance(done.exception, TaskError) and "survive as text" in str(done.exception)
    assert not (tmp_path / "tasks").exists() and [path.name for path in tmp_path.iterdir()] == ["runs"]
    (tmp_path / "tasks").mkdir()
    done = CliRunner().invoke(app, ["export", run, "--lm-eval", str(tmp_path / "tasks")])
    assert isinstance(done.exception, RunFolderError) and "expected a new folder" in str(done.exception)
