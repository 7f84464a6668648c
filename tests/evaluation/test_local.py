"""The local evaluator: bank rows against PEFT, faults as data, timing that runs."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from engine import random_genome
from peft import PeftModel
from toy_family import NonAscii

from evolora.environment.encounter import Encounter, Outcome
from evolora.environment.niche import Niche
from evolora.environment.task import Score, Task
from evolora.environment.tasks import TaskSource
from evolora.evaluation.local import LocalEvaluator
from evolora.host.load import load_host
from evolora.host.sites import find_sites
from evolora.record.encounters import write_encounters
from evolora.routing.exam import Examiner, Question
from evolora.routing.modes import Routing, most_confident, top_two
from evolora.routing.tokens import TokenMeter
from evolora.share.peft_export import export_peft


def evaluator_for(name: str) -> LocalEvaluator:
    host = load_host(name, device="cpu", dtype="float32")
    return LocalEvaluator(host, find_sites(host.model, ["q_proj", "o_proj", "down_proj"], "all"), "", 4096, 4096, 1.0)


def encounter(organism: int, question: str = "abc") -> Encounter:
    return Encounter(organism, "niche", Task("family", question, "x", 0), (), 1, 0.0, 8, key=organism)


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-qwen3", "tiny-gemma3"])
def test_a_bank_row_answers_as_the_peft_model_loaded_from_its_export(name, tmp_path):
    evaluator = evaluator_for(name)
    genomes = {i: random_genome(evaluator.sites, seed=i, rank=2 + i, size=0.2) for i in range(3)}
    answers = evaluator.answer(genomes, [encounter(i) for i in genomes])
    for identity, genome in genomes.items():
        export_peft(genome, tmp_path / str(identity), name, evaluator.sites)
        host = load_host(name, device="cpu", dtype="float32")
        model = PeftModel.from_pretrained(host.model, tmp_path / str(identity))
        tokens: list[int] = []
        prompt = answers[identity][0].prompt_ids
        with torch.no_grad():
            while len(tokens) < 8 and not (tokens and tokens[-1] in host.eos_ids):
                tokens.append(int(model(input_ids=torch.tensor([[*prompt, *tokens]])).logits[0, -1].argmax()))
        assert answers[identity][0].token_ids == tuple(tokens)


def test_an_organism_with_weights_that_are_not_finite_answers_with_a_fault():
    evaluator = evaluator_for("tiny-llama")
    genomes = {1: random_genome(evaluator.sites, 1), 2: random_genome(evaluator.sites, 2)}
    genomes[1].factors[evaluator.sites[0].name].b[0, 0] = float("inf")
    sick, well = evaluator.answer(genomes, [encounter(1), encounter(2)])
    assert sick[0].fault and not sick[0].token_ids
    assert well[0].token_ids and not well[0].fault


def test_who_has_a_fault_is_never_the_surest_of_several():
    evaluator = evaluator_for("tiny-llama")
    genomes = {i: random_genome(evaluator.sites, i) for i in (1, 2)}
    genomes[1].factors[evaluator.sites[0].name].b[0, 0] = float("nan")
    niche = Niche("first", NonAscii())
    questions = [Question(niche, task) for task in niche.family.sample(1, 3)]
    sheet = Examiner(evaluator, TaskSource(1)).sit(genomes, questions, TokenMeter(), "exam")
    assert (sheet.confidences[0] == -np.inf).all() and np.isfinite(sheet.confidences[1]).all()
    sheet.scores[1] = 1.0  # whatever it wrote
    assert most_confident(sheet).scores.tolist() == [1.0] * 3
    assert top_two(sheet, Routing(np.array([[2.0, 1.0]] * 3), np.zeros(3))).scores.tolist() == [1.0] * 3


def test_an_answer_with_a_fault_is_recorded(tmp_path):
    evaluator = evaluator_for("tiny-llama")
    genome = random_genome(evaluator.sites, 1)
    genome.factors[evaluator.sites[0].name].b[0, 0] = float("inf")
    (answers,) = evaluator.answer({1: genome}, [encounter(1)])
    (tmp_path / "encounters").mkdir()
    write_encounters(tmp_path, 1, [Outcome(encounter(1), answers, (Score(0.0, answers[0].fault),))])
    (row,) = pq.read_table(tmp_path / "encounters" / "generation-000001.parquet").to_pylist()
    assert row["logprob"] == -np.inf and row["reason"] and row["generated_tokens"] == 0


def test_pages_of_organisms_change_nothing_but_rounding():
    evaluator = evaluator_for("tiny-llama")
    genomes = {i: random_genome(evaluator.sites, i) for i in range(5)}
    encounters = [encounter(i % 5, f"q{i}") for i in range(12)]
    whole = evaluator.answer(genomes, encounters)
    evaluator._max_resident = 2
    for paged, together in zip(evaluator.answer(genomes, encounters), whole, strict=True):
        assert paged[0].token_ids == together[0].token_ids
        assert paged[0].logprob == pytest.approx(together[0].logprob, abs=1e-5)


def test_questions_behind_the_same_examples_are_read_behind_one_opening():
    evaluator = evaluator_for("tiny-llama")
    example = Task("family", "which word is the longest of these?", "these", 1)
    encounters = [
        Encounter(1, "niche", Task("family", question, "x", 0), (example,), 1, 0.0, 1, key=0)
        for question in ("abc", "what", "1 + 1")
    ]
    read = []
    evaluator.host.model.get_input_embeddings().register_forward_hook(
        lambda _, given, __: read.append(given[0].numel())
    )
    answers = evaluator.answer({1: random_genome(evaluator.sites, 1)}, encounters)
    prompts = [answer.prompt_ids for (answer,) in answers]
    opening = evaluator.prompts.opening([(example.question, example.answer)])
    assert opening > len(example.question) / 8  # whatever the tokenizer: the example is part of it
    assert read == [sum(map(len, prompts)) - 2 * opening]
