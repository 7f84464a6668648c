import pytest
import torch
import torch.nn.functional as F
from engine import assert_same_bits

from evolora.host.gating import silu, silu_, silu_and_back


@pytest.mark.parametrize("width", [90, 384, 1536])  # 90: no whole number of vectors
def test_a_row_is_the_same_in_any_company_on_any_number_of_threads(set_threads, width):
    generator = torch.Generator().manual_seed(0)
    gate, gradient = (torch.randn(1111, width, generator=generator) * 4 for _ in range(2))
    set_threads(1)
    whole = silu(gate), *silu_and_back(gate, gradient)
    for count in (2, 3, 5, 7, 8):
        set_threads(count)
        for rows in (slice(0, 1111), slice(0, 1110), slice(5, 900), slice(7, 8)):
            some = gate[rows].clone(), gradient[rows].clone()
            got = silu_(some[0].clone()), *silu_and_back(*some)
            for ours, theirs in zip(got, whole, strict=True):
                assert_same_bits(ours, theirs[rows])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 0.01)])
def test_they_are_torchs_own_but_for_rounding(dtype, tolerance):
    x = torch.cat([torch.linspace(-30, 30, 999), torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4])]).to(dtype)
    gradient = torch.cos(x.float() * 7).to(dtype)
    leaf = x.float().requires_grad_()
    want = F.silu(leaf)
    (slope,) = torch.autograd.grad(want, leaf, gradient.float())
    activated, back = silu_and_back(x, gradient)
    for got in (silu(x), silu_(x.clone()), activated):
        torch.testing.assert_close(got.float(), want.detach(), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(back.float(), slope, rtol=tolerance, atol=tolerance)
    assert torch.equal(silu_(x.clone()), silu(x))
