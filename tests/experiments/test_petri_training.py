"""How the petri host is made: from questions that no world chooses or tests with, and reproducibly."""

import sys
from itertools import islice
from pathlib import Path

import pytest
import torch

from evolora.environment.families.registry import known_families, make_family
from evolora.environment.niche import Niche
from evolora.environment.task import Task
from evolora.environment.tasks import TaskSource, split_of

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments" / "petri"))

import corpus
import train_petri
from tokenizer import make_tokenizer

UNREAD = ("capital", "copy_words", "join_words", "next_number")  # families made after the host


def texts(document: corpus.Document) -> list[str]:
    return [document.system, *(part for turn in document.turns for part in turn)]


@pytest.fixture(scope="module")
def read() -> list[corpus.Document]:
    return list(islice(corpus.documents(1), 4000))


def test_every_question_is_of_the_living_split_and_every_family_comes_up(read):
    asked = {(d.family, question) for d in read for question, _ in d.turns if d.family}
    assert {family for family, _ in asked} == set(corpus.LEVELS)
    assert set(known_families()) - set(corpus.LEVELS) == set(UNREAD)
    tasks = [Task(family, question, "", 0) for family, question in asked]
    assert {split_of(task) for task in tasks} == {"living"}


@pytest.mark.parametrize("family", known_families())
def test_no_question_that_a_world_selects_or_tests_with_is_read(read, family):
    source, niche = TaskSource(1), Niche(family, make_family(family, {}))
    held_out = {task.question for task in (*source.test(niche, 100), *source.selection(niche, 60))}
    assert not held_out & {question for d in read for question, _ in d.turns}


def test_documents_are_a_function_of_the_seed(read):
    assert list(islice(corpus.documents(1), 50)) == read[:50]
    assert list(islice(corpus.documents(2), 50)) != read[:50]


def test_some_documents_are_right_and_some_are_not(read):
    right = {(task.question): task.answer for task in make_family("swap_words", {}).sample(1, 1)}
    assert right  # the family's own idea of a right answer is the reversal that is counted here
    turns = [turn for d in read if d.family == "swap_words" for turn in d.turns]
    share = sum(" ".join(reversed(question.split()[1:])) == answer for question, answer in turns) / len(turns)
    assert share == pytest.approx(0.40 + 0.20 * 0.4, abs=0.08)  # plain documents, and the careless when right


def test_a_word_of_the_families_is_one_token_and_any_text_comes_back(read):
    tokenizer = make_tokenizer(text for document in read for text in texts(document))
    assert [tokenizer.decode(t) for t in tokenizer("cat hammer 47")["input_ids"]] == ["cat", "hammer", "4", "7"]
    for text in ("forty-seven", "B D F", "é zoo, 12 + 3 = ?", "two  spaces"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_same_seed_trains_the_same_weights(read):
    tokenizer = make_tokenizer(text for document in read for text in texts(document))

    def trained(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(1)
        model = train_petri.LlamaForCausalLM(
            train_petri.LlamaConfig(**train_petri.SHAPE, vocab_size=-(-len(tokenizer) // 32) * 32)
        )
        train_petri.train(model, train_petri.Encoder(tokenizer), seed, 2, 2)
        return [parameter.detach() for parameter in model.parameters()]

    one, again, other = trained(1), trained(1), trained(2)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_only_answers_and_their_ends_are_learnt(read):
    tokenizer = make_tokenizer(text for document in read for text in texts(document))
    document = corpus.Document(
        "swap_words", "Answer only.", (("Swap: cat sun", "sun cat"), ("Swap: one two", "two one"))
    )
    ids, targets = train_petri.Encoder(tokenizer).encode(document)
    learnt = [tokenizer.convert_ids_to_tokens(t) for t in targets if t != train_petri.IGNORED]
    assert learnt == ["▁sun", "▁cat", "<|end|>", "▁two", "▁one", "<|end|>"]
    assert len(ids) == len(targets)
    assert all(t == following for t, following in zip(targets, ids[1:], strict=False) if t != train_petri.IGNORED)
