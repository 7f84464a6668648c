"""Surface shift: the same question in other words, by seeded templates and distractor sentences."""

from dataclasses import replace
from random import Random

from evolora.environment.task import Task
from evolora.rng import key64

# {} is the question as it was. It ends the sentence: many questions end in a list that words after it would join.
TEMPLATES = (
    "Please answer: {}",
    "Here is a question. {}",
    "Think, then answer briefly. {}",
    "Now this one: {}",
    "Tell me, {}",
    "I would like to know: {}",
)
DISTRACTORS = (
    "It rained all day.",
    "Anna likes tea.",
    "The train was late.",
    "We met at noon.",
    "The door is green.",
    "Birds sang outside.",
)


def reword(task: Task, seed: int) -> Task:
    """`task` in other words: a template, and in half of the cases a distractor sentence before it.

    A function of the question and `seed`. Answer and payload stay, so the family scores it as before; the digest is
    that of the new question.
    """
    rng = Random(key64(seed, "reword", task.digest))
    question = rng.choice(TEMPLATES).format(task.question)
    if rng.random() < 0.5:
        question = f"{rng.choice(DISTRACTORS)} {question}"
    return replace(task, question=question)
