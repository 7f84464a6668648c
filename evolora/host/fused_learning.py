"""Fused layers with a gradient: what the adapted layers run while their adapters learn.

The host is frozen, so no product needs a gradient of its weight, and most of what autograd would keep and copy is of no
use. Each operation here is one autograd function with a backward written by hand; adapters and attention, which are
small, are left to autograd.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from evolora.host.attention import Stream, attend
from evolora.host.gating import silu, silu_and_back
from evolora.host.layout import Kept

if TYPE_CHECKING:
    from evolora.host.fused import FusedLayer, Norm, Product

_NORM_PARTS = 4


class _Linear(torch.autograd.Function):
    """x · Wᵀ (+ plus) for a frozen W."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, plus: Tensor | None, product: "Product") -> Tensor:
        ctx.product, ctx.has_plus = product, plus is not None
        return product(x, plus=plus)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (gradient,) = gradients
        return ctx.product.back(gradient), gradient if ctx.has_plus else None, None


class _Pair(torch.autograd.Function):
    """Two products of the same x: x · Gᵀ and x · Uᵀ for frozen G and U."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gate: "Product", up: "Product") -> tuple[Tensor, Tensor]:
        ctx.gate, ctx.up = gate, up
        return gate(x), up(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        of_gate, of_up = gradients
        return ctx.up.back(of_up, plus=ctx.gate.back(of_gate)), None, None


class _Gated(torch.autograd.Function):
    """silu(gate) · up, elementwise."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (gradient,) = gradients
        gate, up = ctx.saved_tensors
        activated, of_gate = silu_and_back(gate, gradient * up)
        return of_gate, activated.mul_(gradient)


class _Normed(torch.autograd.Function):
    """RMS norm over the last dimension with a frozen weight w.

    With r = 1 / sqrt(mean(x²) + epsilon): y = w x r, dx = r (w g) - x r³ mean(w g x).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: "Norm") -> Tensor:
        inverse = inverse_rms(x, norm.epsilon)
        ctx.save_for_backward(x, inverse)
        ctx.norm = norm
        return norm.scaled(x, inverse)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x, inverse), norm = ctx.saved_tensors, ctx.norm
        width = x.shape[-1]
        weighted = gradients[0] if norm.weight is None else gradients[0] * norm.weight
        mean = (weighted * x).sum(-1, keepdim=True, dtype=torch.float32) / width
        found = weighted * inverse.to(x.dtype)
        return found.addcmul_(x, (-mean * inverse**3).to(x.dtype)), None


class _Rotated(torch.autograd.Function):
    """Rotary embedding; its transpose is the rotation by the opposite angles."""

    @staticmethod
    def forward(ctx: Any, heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return rotate(heads, cos, sin)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return rotate(gradients[0], cos, -sin), None, None


def inverse_rms(x: Tensor, epsilon: Tensor) -> Tensor:
    """1 / sqrt(mean(x²) + epsilon ()) over the last dimension, kept as one of 1: float32, as epsilon, whatever x is.

    On a CPU torch copies x to give a norm of another type. There bfloat16 is asked for the norms of a few parts of a
    row in its own: a third of the time, and their roundings even out.
    """
    if x.device.type == "cpu" and x.dtype == torch.bfloat16:
        parts: Tensor = x.unflatten(-1, (math.gcd(_NORM_PARTS, x.shape[-1]), -1))  # type: ignore[no-untyped-call]
        x_or_parts = torch.linalg.vector_norm(parts, dim=-1)
    else:
        x_or_parts = x
    norms = torch.linalg.vector_norm(x_or_parts, dim=-1, keepdim=True, dtype=torch.float32)
    return torch.addcmul(epsilon, norms, norms, value=1 / x.shape[-1]).rsqrt_()


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding (Su et al. 2021) of (tokens, heads, width); cos and sin (tokens, 1, width)."""
    out = heads * cos
    (low, high), (turned_low, turned_high), (of_low, of_high) = (t.chunk(2, -1) for t in (heads, out, sin))
    turned_low.addcmul_(high, of_low, value=-1)
    turned_high.addcmul_(low, of_high)
    return out


# torch leaves `apply` untyped.
linear: Callable[[Tensor, Tensor | None, "Product"], Tensor] = _Linear.apply
pair: Callable[[Tensor, "Product", "Product"], tuple[Tensor, Tensor]] = _Pair.apply
gated_by: Callable[[Tensor, Tensor], Tensor] = _Gated.apply
normed: Callable[[Tensor, "Norm"], Tensor] = _Normed.apply
rotated: Callable[[Tensor, Tensor, Tensor], Tensor] = _Rotated.apply


def learn_through(
    layer: "FusedLayer", x: Tensor, cos: Tensor, sin: Tensor, stream: Stream, kept: Kept | None = None
) -> Tensor:
    """`layer(x, cos, sin, stream, kept)` with a gradient for x and for the adapters in force. x (tokens, width)."""
    mixed = _attend(layer, normed(x, layer.norms[0]), cos, sin, stream)
    if kept is not None:
        x, mixed = layer.hooks.narrow(kept, x, mixed)
    x = layer.hooks.add(layer.o_site, mixed, linear(mixed, x, layer.o))
    hidden = normed(x, layer.norms[1])
    seen = layer.seen(hidden, layer.norms[1], (layer.gate_site, layer.up_site))
    gate, up = pair(hidden, layer.gate, layer.up)
    gate, up = layer.hooks.add(layer.gate_site, seen, gate), layer.hooks.add(layer.up_site, seen, up)
    gated = gated_by(gate, up)
    return layer.hooks.add(layer.down_site, gated, linear(gated, x, layer.down))


def _attend(layer: "FusedLayer", x: Tensor, cos: Tensor, sin: Tensor, stream: Stream) -> Tensor:
    width = cos.shape[-1]
    seen = layer.seen(x, layer.norms[0], layer.attention_sites)
    parts = torch.split(linear(x, None, layer.qkv), layer.widths, dim=1)
    q, k, v = (
        layer.hooks.add(site, seen, part).reshape(len(x), -1, width)
        for site, part in zip(layer.attention_sites, parts, strict=True)
    )
    if layer.head_norms:
        q, k = (normed(heads, norm) for heads, norm in zip((q, k), layer.head_norms, strict=True))
    cos, sin = cos[:, None], sin[:, None]
    q, k = rotated(q, cos, sin), rotated(k, cos, sin)
    return attend(stream, layer.index, q, k, v, layer.scoring).reshape(len(x), -1)
