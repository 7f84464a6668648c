"""Reading without answering: what the bare host makes of prompts, for those who route by it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evolora.host.attention import Prefill
from evolora.host.bank import BankHooks
from evolora.host.layout import attention_grid, batches


@dataclass(frozen=True)
class Reader:
    """The frozen host without adapters. `max_batch_tokens` bounds the tokens of one forward pass."""

    model: nn.Module
    hooks: BankHooks
    max_batch_tokens: int

    @torch.inference_mode()
    def embed(self, prompts: Sequence[tuple[int, ...]]) -> Tensor:
        """(prompts, width) float32: the last layer's hidden states, averaged over each prompt's tokens."""
        return torch.cat([_means(self._hidden(batch), batch) for batch in self._batches(prompts)])

    @torch.inference_mode()
    def alignments(self, prompts: Sequence[tuple[int, ...]], directions: Mapping[str, Tensor]) -> Tensor:
        """(prompts, experts) float32: how far each site's inputs point along `directions`, site -> (experts, in).

        |x · v| of every token at every site, as a softmax over experts, averaged over sites and a prompt's tokens.
        """
        parts = []
        for batch in self._batches(prompts):
            total = torch.zeros(0)

            def hear(site: str, inputs: Tensor) -> None:
                nonlocal total
                if site in directions:
                    along = inputs.float() @ directions[site].to(inputs.device).T  # (tokens, experts)
                    shares = torch.softmax(along.abs(), dim=1).cpu() / len(directions)
                    total = shares if not len(total) else total + shares

            with self.hooks.heard_by(hear):
                self._hidden(batch)
            parts.append(_means(total, batch))
        return torch.cat(parts)

    def _hidden(self, prompts: Sequence[tuple[int, ...]]) -> Tensor:
        """(tokens, width): last hidden states of a packed stream of prompts."""
        device = next(self.model.parameters()).device
        lengths = [len(prompt) for prompt in prompts]
        ids = torch.tensor([token for prompt in prompts for token in prompt], device=device)
        positions = torch.cat([torch.arange(n) for n in lengths]).to(device)
        grid = attention_grid(lengths, device)
        decoder = self.model.get_decoder()  # type: ignore[operator]  # every transformers causal LM has it
        with self.hooks.applied(None, grid):
            out = decoder(input_ids=ids[None], position_ids=positions[None], use_cache=False, stream=Prefill(grid))
        return out.last_hidden_state[0]  # type: ignore[no-any-return]

    def _batches(self, prompts: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
        for some in batches([len(prompt) for prompt in prompts], self.max_batch_tokens):
            yield list(prompts[some])


def _means(tokens: Tensor, prompts: Sequence[tuple[int, ...]]) -> Tensor:
    """(prompts, width): means of the rows of `tokens` that belong to each prompt, float32 on the CPU."""
    parts = torch.split(tokens.float().cpu(), [len(prompt) for prompt in prompts])
    return torch.stack([part.mean(dim=0) for part in parts])
