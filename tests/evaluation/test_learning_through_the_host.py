"""Learning on a tiny host: self-imitation against PEFT, cut lessons, evolution's climb, and a host that never moves."""

import pytest
import torch
import torch.nn.functional as F
from engine import random_genome
from peft import PeftModel
from test_local import evaluator_for

from evolora.environment.encounter import Answer, Encounter, Outcome
from evolora.environment.task import Score, Task
from evolora.evaluation.local import LocalEvaluator
from evolora.host.lessons import cut
from evolora.host.load import load_host
from evolora.lifecycle.learning import Evolution, ImitateSelf, Tried
from evolora.organism.genome import Genome
from evolora.organism.learning import Comparison, Learner, Learnt, Lesson
from evolora.organism.perturbation import Perturbed, realise
from evolora.share.peft_export import export_peft


def lived(organism: int) -> list[Outcome]:
    """Two encounters whose answers score differently; the second prompt is longer than the first."""
    outcomes = []
    for number, scores in enumerate(((1.0, 0.0, 0.4), (0.3, 0.9))):
        answers = tuple(
            Answer("", tuple(20 + organism + 3 * number + k + j for j in range(1 + k)), (9, 40, 41, 50)[: 3 + number],
                   0.0, True)
            for k in range(len(scores))
        )  # fmt: skip
        encounter = Encounter(organism, "niche", Task("family", "q", "a", 0), (), len(scores), 0.7, 8, key=number)
        outcomes.append(Outcome(encounter, answers, tuple(Score(value) for value in scores)))
    return outcomes


def kept_by_hand(outcomes: list[Outcome]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(prompt, answer) of the answers worth repeating: the scores above have mean 0.52."""
    return [
        (answer.prompt_ids, answer.token_ids)
        for outcome in outcomes
        for answer, score in zip(outcome.answers, outcome.scores, strict=True)
        if score.value > 0.52
    ]


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-qwen3", "tiny-gemma3"])
def test_self_imitation_of_a_population_is_peft_training_each_organism_alone(name, tmp_path):
    evaluator = evaluator_for(name)
    genomes = {i: random_genome(evaluator.sites, seed=i, rank=1 + i) for i in (1, 2, 3)}
    lessons = [lesson for i in genomes for lesson in ImitateSelf().lessons(lived(i), [])]
    learnt = evaluator.learn({i: Learner(genome, None) for i, genome in genomes.items()}, lessons)
    for i, genome in genomes.items():
        export_peft(genome, tmp_path / str(i), name, evaluator.sites)
        model = PeftModel.from_pretrained(
            load_host(name, device="cpu", dtype="float32").model, tmp_path / str(i), is_trainable=True
        )
        kept = kept_by_hand(lived(i))
        loss = sum((sequence_loss(model, *pair) for pair in kept), torch.zeros(()))
        loss = loss / sum(len(answer) for _, answer in kept)
        loss.backward()
        assert learnt[i].loss == pytest.approx(loss.item(), rel=1e-4)
        gradients = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        norm = torch.sqrt(sum((g.square().sum() for g in gradients.values()), torch.zeros(()))).item()
        clip = 1.0 / max(norm, 1.0)  # the evaluator clips to 1
        for site, first in learnt[i].optimizer.first.items():  # a tenth of the gradient, after one step
            a, b = (gradients[f"base_model.model.{site}.lora_{part}.default.weight"] for part in "AB")
            torch.testing.assert_close(first.a * 10, a * clip, rtol=1e-3, atol=1e-6)
            torch.testing.assert_close(first.b * 10, b * clip, rtol=1e-3, atol=1e-6)


def sequence_loss(model: PeftModel, prompt: tuple[int, ...], answer: tuple[int, ...]) -> torch.Tensor:
    logits = model(input_ids=torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    return F.cross_entropy(logits, torch.tensor(answer), reduction="sum")


def test_a_lesson_longer_than_the_limit_is_cut_between_answers():
    lesson = Lesson(1, (5, 6, 7), ((8,) * 4, (9,) * 3, (10,) * 9, (11,) * 2), (0.5, 1.0, -1.0, 2.0), 0.8)
    parts = list(cut(lesson, max_tokens=10))
    assert [part.num_tokens for part in parts] == [10, 12, 5], "an answer is never cut"
    assert {part.prompt_ids for part in parts} == {lesson.prompt_ids}
    assert tuple(answer for part in parts for answer in part.answers) == lesson.answers
    assert tuple(weight for part in parts for weight in part.advantages) == lesson.advantages
    assert list(cut(lesson, max_tokens=1000)) == [lesson]


def test_micro_batches_give_the_whole_batchs_update_and_stay_within_the_limit(monkeypatch):
    whole = evaluator_for("tiny-llama")
    genomes = {i: random_genome(whole.sites, seed=i) for i in (1, 2, 3)}
    answers = tuple(tuple(range(20 + k, 26 + k)) for k in range(8))
    lessons = [Lesson(i, tuple(range(5, 5 + 4 * i)), answers, (1.0, -0.5) * 4, 0.9) for i in genomes]
    assert min(lesson.num_tokens for lesson in lessons) > 40, "each lesson alone exceeds the limit below"
    small = LocalEvaluator(whole.host, whole.sites, "", 4096, 40, 1.0)
    forward, sizes = whole.host.model.forward, []

    def measured(*args, **kwargs):
        sizes.append(kwargs["input_ids"].shape[1])
        return forward(*args, **kwargs)

    learners = {i: Learner(genome, None) for i, genome in genomes.items()}
    expected = whole.learn(learners, lessons)
    monkeypatch.setattr(whole.host.model, "forward", measured)
    cut_up = small.learn(learners, lessons)
    assert max(sizes) <= 40 and len(sizes) > 3
    for i in genomes:
        assert cut_up[i].loss == pytest.approx(expected[i].loss, rel=1e-4)
        for site, first in expected[i].optimizer.first.items():
            torch.testing.assert_close(cut_up[i].optimizer.first[site].a, first.a, rtol=1e-3, atol=1e-7)
            torch.testing.assert_close(cut_up[i].optimizer.first[site].b, first.b, rtol=1e-3, atol=1e-7)


def tried(evaluator: LocalEvaluator, genome: Genome, method: Evolution, key: int) -> list[Tried]:
    """Evolution's trials of organism 0, answered; what begins high in the alphabet of bytes scores higher."""
    trials = method.trials(hill_encounters(), key)
    noises = list(dict.fromkeys(trial.noise for trial in trials))
    bodies = {n: Perturbed(0, genome, noise) for n, noise in enumerate(noises)}
    answers = evaluator.answer(bodies, [replace_id(t.encounter, noises.index(t.noise)) for t in trials])
    return [Tried(t.noise, Outcome(t.encounter, a, scores(a))) for t, a in zip(trials, answers, strict=True)]


def scores(answers: tuple[Answer, ...]) -> tuple[Score, ...]:
    return tuple(Score(answer.token_ids[0] / 300) for answer in answers)


def replace_id(encounter: Encounter, identity: int) -> Encounter:
    return Encounter(**{**vars(encounter), "organism_id": identity})


def hill_encounters() -> list[Outcome]:
    encounters = [
        Encounter(0, "niche", Task("family", question, "a", 0), (), 8, 1.0, 1, key=place)
        for place, question in enumerate(("abc", "hello", "xyz"))
    ]
    return [Outcome(encounter, (), ()) for encounter in encounters]


def test_evolution_climbs_a_score_through_a_host():
    evaluator = evaluator_for("tiny-llama")
    genome = random_genome(evaluator.sites, seed=1, learning_rate=0.03)
    method, means = Evolution(pairs=6, scale=0.05), []
    for step in range(20):
        results = tried(evaluator, genome, method, key=step)
        means.append(sum(result.outcome.mean_score for result in results) / len(results))
        comparisons = method.lessons(hill_encounters(), results)
        genome = evaluator.learn({0: Learner(genome, None)}, comparisons)[0].genome
    assert sum(means[-4:]) / 4 > sum(means[:4]) / 4 + 0.05, means


def test_perturbed_selves_answer_as_the_genomes_they_stand_for():
    evaluator = evaluator_for("tiny-llama")
    genome = random_genome(evaluator.sites, seed=1)
    noises = [trial.noise for trial in Evolution(2, 0.1).trials(hill_encounters()[:1], key=3)]
    asked = [replace_id(hill_encounters()[0].encounter, n) for n in range(4)]
    bodies = {n: Perturbed(0, genome, noise) for n, noise in enumerate(noises)}
    stored = {n: realise(body) for n, body in bodies.items()}
    assert evaluator.answer(bodies, asked) == evaluator.answer(stored, asked)
    assert len({answers for answers in evaluator.answer(bodies, asked)}) > 1


def learnt_by(method: str, evaluator: LocalEvaluator, genome: Genome) -> Learnt:
    learners = {1: Learner(genome, None)}
    if method == "evolution":
        return evaluator.learn(learners, [Comparison(1, (3, 4), (0.5, -0.1), 0.01, 0.2)])[1]
    advantages = (1.0, -1.0) if method == "reinforce" else (1.0, 1.0)
    return evaluator.learn(learners, [Lesson(1, (5, 6), ((7, 8), (9,)), advantages, 1.0)])[1]


@pytest.mark.parametrize("method", ["reinforce", "imitate_self", "imitate", "evolution"])
def test_no_gradient_reaches_the_host_and_it_never_changes(method):
    evaluator = evaluator_for("tiny-llama")
    model = evaluator.host.model
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    genome = random_genome(evaluator.sites, seed=1)
    learnt = learnt_by(method, evaluator, genome)
    site = evaluator.sites[-1].name
    assert not torch.equal(learnt.genome.factors[site].b, genome.factors[site].b), "something was learnt"
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
