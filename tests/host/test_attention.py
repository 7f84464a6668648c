"""Prompts read by plain products, as bfloat16 on a CPU is, see what they see by the library's kernel."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from evolora.host import attention
from evolora.host.attention import Prefill, Scoring
from evolora.host.layout import attention_grid

CPU = torch.device("cpu")


def stream(lengths: list[int], seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries of 6 heads, keys and values of 2, of width 8."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(  # type: ignore[return-value]
        torch.randn(sum(lengths), heads, 8, generator=generator).bfloat16() for heads in (6, 2, 2)
    )


def row_by_row(lengths: list[int], q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """In float32: each row alone, every token of which sees the newest `window` up to itself."""
    out = []
    for own in zip(*(t.float().split(lengths) for t in (q, k, v)), strict=True):
        heads = [t.transpose(0, 1)[None] for t in own]
        distance = torch.arange(len(own[0]))[:, None] - torch.arange(len(own[0]))
        seen = (distance >= 0) & (distance < window)
        mixed = F.scaled_dot_product_attention(*heads, attn_mask=seen, scale=0.5, enable_gqa=True)
        out.append(mixed[0].transpose(0, 1))
    return torch.cat(out)


@pytest.mark.parametrize("lengths", [[16, 16], [5, 40, 17], [attention._LONGEST_PLAIN] * 2, [3, 300]])
@pytest.mark.parametrize("window", [None, 6])
def test_prompts_in_bfloat16_see_what_comes_before(lengths: list[int], window: int | None) -> None:
    q, k, v = stream(lengths, seed=len(lengths))
    prefill = Prefill(attention_grid(lengths, CPU))
    for _ in range(2):  # the second layer finds the masks that the first has made
        got = prefill.attend(0, q, k, v, Scoring(0.5, window))
        want = row_by_row(lengths, q, k, v, window or 1000)
        assert torch.linalg.norm(got.float() - want) < 0.01 * torch.linalg.norm(want)


def test_short_rows_of_bfloat16_are_read_by_plain_products(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [20, 20]
    kernel, calls = F.scaled_dot_product_attention, list[int]()

    def counted(*args: object, **kwargs: object) -> Tensor:
        calls.append(1)
        return kernel(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(F, "scaled_dot_product_attention", counted)
    q, k, v = stream(lengths, seed=1)
    Prefill(attention_grid(lengths, CPU)).attend(0, q, k, v, Scoring(0.5))
    assert not calls
    Prefill(attention_grid(lengths, CPU)).attend(0, q.float(), k.float(), v.float(), Scoring(0.5))
    assert calls
