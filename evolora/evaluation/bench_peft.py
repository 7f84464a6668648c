"""The same work done by PEFT, as its documentation says to do it: what a population would cost without the bank.

Its adapters are kept in the host's number format, which is PEFT's faster choice.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model

from evolora.evaluation.bench import NEW_TOKENS, RANK, SCALING, Case, Prompt, make_genomes, padded
from evolora.host.load import Host
from evolora.organism.genome import SiteShape
from evolora.organism.learning import Lesson


class PeftPopulation:
    """Organisms as PEFT adapters of their own copy of the host, named "0", "1", ..."""

    def __init__(self, host: Host, sites: Sequence[SiteShape], count: int) -> None:
        config = LoraConfig(
            r=RANK, lora_alpha=int(SCALING * RANK), target_modules=[site.name for site in sites], task_type="CAUSAL_LM"
        )
        self._device, self._pad = host.device, host.pad_id
        self._names = [str(number) for number in range(count)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)  # peft 0.21 asks for it
            self._model: Any = get_peft_model(
                host.model.requires_grad_(True), config, adapter_name="0", autocast_adapter_dtype=False
            )
        for name in self._names[1:]:
            self._model.add_adapter(name, config, autocast_adapter_dtype=False)
        weights = dict(self._model.named_parameters())
        with torch.no_grad():
            for name, genome in zip(self._names, make_genomes(sites, count), strict=True):
                for site, factors in genome.factors.items():
                    path = f"base_model.model.{site}"
                    weights[f"{path}.lora_A.{name}.weight"].copy_(factors.a)
                    weights[f"{path}.lora_B.{name}.weight"].copy_(factors.b)

    def answering_cases(self, label: str, prompts: Sequence[Prompt], against: str) -> list[Case]:
        """One mixed batch by `adapter_names`, and one adapter after the other by `set_adapter`: of these only a quarter
        answer, which are as fast as the rest."""
        count = len(self._names)
        owners = [i * count // len(prompts) for i in range(len(prompts))]
        return [
            Case(f"{label}, PEFT mixed batch, {count} adapters", self._mixed(prompts, owners), against, slow=True),
            Case(f"{label}, PEFT one of {count} at a time", self._one_by_one(prompts, owners), against, slow=True),
        ]

    def _mixed(self, prompts: Sequence[Prompt], owners: Sequence[int]) -> Callable[[], int]:
        def run() -> int:
            self._model.eval()
            return self._generate(prompts, adapter_names=[self._names[owner] for owner in owners])

        return run

    def _one_by_one(self, prompts: Sequence[Prompt], owners: Sequence[int]) -> Callable[[], int]:
        def run() -> int:
            self._model.eval()
            tokens = 0
            for number, name in enumerate(self._names[: max(1, len(self._names) // 4)]):
                own = [prompt for prompt, owner in zip(prompts, owners, strict=True) if owner == number]
                self._model.set_adapter(name)
                tokens += self._generate(own)
            return tokens

        return run

    def _generate(self, prompts: Sequence[Prompt], **choice: Any) -> int:
        ids, mask = padded(prompts, self._device)
        with torch.no_grad():
            self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=NEW_TOKENS,
                min_new_tokens=NEW_TOKENS,
                do_sample=False,
                pad_token_id=self._pad,
                **choice,
            )
        return sum(map(len, prompts)) + NEW_TOKENS * len(prompts)

    def learning_case(self, lessons: Sequence[Lesson], against: str) -> Case:
        """The same policy-gradient step, one organism after the other: a batch of its answers, Adam, next."""
        optimizers = {}
        for name in self._names:
            own = [p for path, p in self._model.named_parameters() if f".{name}.weight" in path and "lora_" in path]
            optimizers[name] = torch.optim.Adam(own, lr=1e-3)

        def run() -> int:
            self._model.train()
            for lesson in lessons:
                name = self._names[lesson.organism_id]
                self._model.set_adapter(name)
                self._step(lesson, optimizers[name])
            return sum(lesson.num_tokens for lesson in lessons)

        answers = len(lessons[0].answers)
        name = f"learning, {len(lessons)} organisms x {answers} answers, PEFT one at a time"
        return Case(name, run, against, slow=True)

    def _step(self, lesson: Lesson, optimizer: torch.optim.Optimizer) -> None:
        start, width = len(lesson.prompt_ids), len(lesson.answers[0])
        ids = torch.tensor([[*lesson.prompt_ids, *answer] for answer in lesson.answers], device=self._device)
        logits = self._model(input_ids=ids, use_cache=False, logits_to_keep=width + 1).logits[:, :-1].float()
        surprise = F.cross_entropy(logits.transpose(1, 2), ids[:, start:], reduction="none")  # (answers, tokens)
        loss = (torch.tensor(lesson.advantages, device=self._device)[:, None] * surprise).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
