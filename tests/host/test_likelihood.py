"""The lean cross-entropy against torch's, forward and backward, with rows that several targets share."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from engine import assert_same_bits

from evolora.host import likelihood
from evolora.host.likelihood import surprise


def make(rows: int, vocabulary: int, targets: int, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(rows)
    logits = (torch.randn(rows, vocabulary, generator=generator) * 4).to(dtype).requires_grad_()
    sources = torch.randint(rows, (targets,), generator=generator)
    chosen = torch.randint(vocabulary, (targets,), generator=generator)
    temperatures = torch.rand(rows, generator=generator) + 0.4
    return logits, sources, chosen, temperatures


@pytest.mark.parametrize(("rows", "targets"), [(1, 1), (7, 30), (20, 5)])
@pytest.mark.parametrize("cells", [1, 40, 1 << 20])  # one row at a time, a few, all
def test_losses_and_gradients_are_those_of_cross_entropy(
    rows: int, targets: int, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(likelihood._CELLS, "cpu", cells)
    logits, sources, chosen, temperatures = make(rows, 11, targets, torch.float32)
    weights = torch.linspace(-1, 2, targets)
    ours = surprise(logits, sources, chosen, temperatures)
    (gradient,) = torch.autograd.grad((ours * weights).sum(), logits)
    plain = F.cross_entropy(logits[sources] / temperatures[sources, None], chosen, reduction="none")
    (expected,) = torch.autograd.grad((plain * weights).sum(), logits)
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(gradient, expected)


def test_the_gradient_agrees_with_finite_differences() -> None:
    """Central differences of the summed loss by every logit, in float32."""
    logits, sources, chosen, temperatures = make(2, 5, 3, torch.float32)
    (gradient,) = torch.autograd.grad(surprise(logits, sources, chosen, temperatures).sum(), logits)
    step = 1e-2
    for cell in range(logits.numel()):
        nudge = torch.zeros(logits.numel())
        nudge[cell] = step
        nudge = nudge.view_as(logits)
        higher, lower = (
            surprise((logits + sign * nudge).detach(), sources, chosen, temperatures).sum() for sign in (1, -1)
        )
        assert float((higher - lower) / (2 * step)) == pytest.approx(float(gradient.flatten()[cell]), abs=2e-3)


def test_bfloat16_logits_are_summed_in_float32() -> None:
    logits, sources, chosen, temperatures = make(6, 500, 9, torch.bfloat16)
    ours = surprise(logits, sources, chosen, temperatures)
    (gradient,) = torch.autograd.grad(ours.sum(), logits)
    exact = logits.detach().double().requires_grad_()
    plain = F.cross_entropy(exact[sources] / temperatures[sources, None], chosen, reduction="none")
    (expected,) = torch.autograd.grad(plain.sum(), exact)
    assert ours.dtype == torch.float32 and gradient.dtype == torch.bfloat16
    torch.testing.assert_close(ours.double(), plain, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradient.double(), expected, rtol=2**-8, atol=1e-6)  # rounded once


def test_a_row_is_the_same_alone_and_on_any_number_of_threads(set_threads: Callable[[int], None]) -> None:
    """With a vocabulary as large as real ones, of which few rows are looked at together."""
    logits, sources, chosen, temperatures = make(43, 49_152, 43, torch.float32)
    sources = torch.arange(43)
    set_threads(1)
    together = surprise(logits, sources, chosen, temperatures)
    for threads in (1, 2, 5):
        set_threads(threads)
        assert_same_bits(surprise(logits, sources, chosen, temperatures), together)
        for row in range(43):
            alone = slice(row, row + 1)
            found = surprise(logits[alone], sources[:1], chosen[alone], temperatures[alone])
            assert_same_bits(found, together[alone])
