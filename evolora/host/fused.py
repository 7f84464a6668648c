"""Decoder layers of the Llama family in fewer, larger operations: what inference runs in place of transformers' own.

transformers writes a layer as some sixty small operations, and on a CPU most of a token's time goes there rather than
into matrix products. A `FusedLayer` computes the same function from the same weights: one product for queries, keys and
values, residual additions and the MLP's gate inside the products, and adapters added where their product is made.
It replaces the layer's forward where tokens come as a stream. Every other architecture runs transformers' own layers
with the bank's hooks.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evolora.host.attention import Prefill, Scoring, Stream, attend
from evolora.host.bank import BankHooks
from evolora.host.fused_learning import inverse_rms, learn_through, linear, rotate
from evolora.host.gating import silu_
from evolora.host.layout import Kept, make_grid
from evolora.host.panels import in_panels, is_exact
from evolora.host.widening import wide

FUSABLE = ("llama", "qwen2", "qwen3")  # config.model_type of the layers whose structure `FusedLayer` knows
_LONGEST_SUM = 1024  # of a float32 product that is packed: oneDNN may divide longer ones among threads
PACKED_BYTES = 2 << 30  # larger hosts are not packed: that keeps a second copy of the weights, learning a third


class Product:
    """x · Wᵀ with optional extras: a residual added to the result, or SiLU of it.

    `pack` keeps the weight in oneDNN's blocked layout besides, which spares the CPU reordering it at every call
    (here 1.3 times the speed at 64 rows, twice for the vocabulary). The transposed weight is packed at its first use.
    In float32 every row's sums are made in one order, however many rows and threads there are. Of an x that comes from
    a `norm` the product is with W · diag(what that norm leaves out).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, pack: bool, norm: "Norm | None" = None) -> None:
        self._weight, self._bias, self._pack = weight, None if bias is None else wide(bias), pack
        self._norm = norm
        self._packed = self._reorder(self._whole())
        if pack and self._packed is None:
            self._weight, self._norm = wide(self._whole()), None  # else at every call

    def _whole(self) -> Tensor:
        return self._weight if self._norm is None else self._norm.completed(self._weight)

    def _reorder(self, weight: Tensor) -> Tensor | None:
        if not self._pack:
            return None
        weight = wide(weight)
        if weight.dtype == torch.float32 and weight.shape[1] > _LONGEST_SUM:
            return None
        return torch.ops.mkldnn._reorder_linear_weight(weight)  # type: ignore[no-any-return]

    @cached_property
    def _packed_back(self) -> Tensor | None:
        return self._reorder(self._whole().t().contiguous()) if self._pack else None

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """x (tokens, in) -> (tokens, out); `plus` (tokens, out) is added."""
        return self._multiply(wide(x), plus).to(x.dtype)

    def _multiply(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        if self._packed is not None:
            if plus is not None:
                return torch.ops.mkldnn._linear_pointwise.binary(x, wide(plus), self._packed, self._bias, "add")  # type: ignore[no-any-return]
            return torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")  # type: ignore[no-any-return]
        weight = wide(self._weight)
        out = in_panels(lambda x: F.linear(x, weight, self._bias), x)
        return out if plus is None else out.add_(plus)

    def activated(self, x: Tensor) -> Tensor:
        """silu(x · Wᵀ), inside the product where that is bfloat16. In float32 oneDNN's is slower than the passes that
        it spares (4,096 rows through the default host's gate and up, with AVX2: 133 and 117 ms)."""
        widened = wide(x)
        if self._packed is not None and widened.dtype == torch.bfloat16:
            return torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "swish", [], "")  # type: ignore[no-any-return]
        return silu_(self._multiply(widened)).to(x.dtype)

    def times(self, x: Tensor, factor: Tensor) -> Tensor:
        """(x · Wᵀ) multiplied elementwise by `factor` (tokens, out)."""
        if self._packed is None:
            return self._multiply(wide(x)).mul_(factor).to(x.dtype)
        binary = torch.ops.mkldnn._linear_pointwise.binary
        return binary(wide(x), wide(factor), self._packed, self._bias, "mul").to(x.dtype)  # type: ignore[no-any-return]

    def back(self, gradient: Tensor, plus: Tensor | None = None) -> Tensor:
        """gradient (tokens, out) · W -> (tokens, in); `plus` (tokens, in) is added."""
        return self._multiply_back(wide(gradient), plus).to(gradient.dtype)

    def _multiply_back(self, gradient: Tensor, plus: Tensor | None) -> Tensor:
        packed = self._packed_back
        if packed is None:
            weight = wide(self._weight)
            if plus is not None and not is_exact(gradient):
                return torch.addmm(plus, gradient, weight)
            back = in_panels(lambda gradient: torch.mm(gradient, weight), gradient)
            return back if plus is None else back.add_(plus)
        if plus is None:
            return torch.ops.mkldnn._linear_pointwise(gradient, packed, None, "none", [], "")  # type: ignore[no-any-return]
        return torch.ops.mkldnn._linear_pointwise.binary(gradient, wide(plus), packed, None, "add")  # type: ignore[no-any-return]


class Norm:
    """x / sqrt(mean(x²) + epsilon) · weight over the last dimension (Zhang & Sennrich 2019).

    On a CPU torch's own is many passes over float32 copies of x; this is one that reads and two that write, or one
    where the weight is left out, for the products that follow have it in theirs (`leaves_weight`).
    """

    def __init__(self, norm: Any, leaves_weight: bool = False) -> None:
        self.weight = None if leaves_weight else norm.weight
        self._left = norm.weight if leaves_weight else None
        self._epsilon = norm.variance_epsilon
        self.epsilon = torch.tensor(self._epsilon, dtype=torch.float32, device=norm.weight.device)

    def __call__(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return F.rms_norm(x, (x.shape[-1],), self.weight, self._epsilon)
        return self.scaled(x, inverse_rms(x, self.epsilon))

    def scaled(self, x: Tensor, inverse: Tensor) -> Tensor:
        """The norm of x (..., width) where 1 / sqrt(mean(x²) + epsilon), (..., 1), is known."""
        scaled = x * inverse.to(x.dtype)
        return scaled if self.weight is None else scaled.mul_(self.weight)

    def completed(self, x: Tensor) -> Tensor:
        """x (..., width) times what is left out, rounded once: the norm's own result of its x."""
        return x if self._left is None else x * self._left


class FusedLayer:
    """One decoder layer over a packed stream."""

    def __init__(self, layer: Any, path: str, hooks: BankHooks, pack: bool) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.hooks, self.index = hooks, attention.layer_idx
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        self.widths = [projection.out_features for projection in projections]
        biases = [projection.bias for projection in projections]
        self.norms = [Norm(norm, pack) for norm in (layer.input_layernorm, layer.post_attention_layernorm)]
        self.qkv = Product(
            torch.cat([projection.weight for projection in projections]),
            None if biases[0] is None else torch.cat(biases),
            pack,
            self.norms[0],
        )
        self.o, self.down = (Product(linear.weight, linear.bias, pack) for linear in (attention.o_proj, mlp.down_proj))
        self.gate, self.up = (
            Product(linear.weight, linear.bias, pack, self.norms[1]) for linear in (mlp.gate_proj, mlp.up_proj)
        )
        self.attention_sites = [f"{path}.self_attn.{name}" for name in ("q_proj", "k_proj", "v_proj")]
        self.o_site = f"{path}.self_attn.o_proj"
        self.gate_site, self.up_site, self.down_site = (
            f"{path}.mlp.{name}" for name in ("gate_proj", "up_proj", "down_proj")
        )
        heads = (attention.q_norm, attention.k_norm) if hasattr(attention, "q_norm") else ()
        self.head_norms = [Norm(norm) for norm in heads]
        self.sites = (*self.attention_sites, self.o_site, self.gate_site, self.up_site, self.down_site)
        window = attention.sliding_window if hasattr(attention, "sliding_window") else None
        self.scoring = Scoring(attention.scaling, window)

    @property
    def may_be_adapted(self) -> bool:
        """Whether any organism of this world may have an adapter in this layer."""
        return any(site in self.hooks.sites for site in self.sites)

    @property
    def is_adapted(self) -> bool:
        """Whether the bank in force adapts anything in this layer."""
        return any(self.hooks.adapts(site) for site in self.sites)

    def __call__(self, x: Tensor, cos: Tensor, sin: Tensor, stream: Stream, kept: Kept | None = None) -> Tensor:
        """x (tokens, width), cos and sin (tokens, head width) -> (tokens, width), of those `kept` where that is said:
        past attention nobody needs the others.
        """
        mixed = self._attend(self.norms[0](x), cos, sin, stream)
        if kept is not None:
            x, mixed = self.hooks.narrow(kept, x, mixed)
        x = self.hooks.add(self.o_site, mixed, self.o(mixed, plus=x))
        hidden = self.norms[1](x)
        seen = self.seen(hidden, self.norms[1], (self.gate_site, self.up_site))
        if self.hooks.adapts(self.gate_site):
            gate = silu_(self.hooks.add(self.gate_site, seen, self.gate(hidden)))
        else:
            gate = self.gate.activated(hidden)
        if self.hooks.adapts(self.up_site):
            gated = self.hooks.add(self.up_site, seen, self.up(hidden)).mul_(gate)
        else:
            gated = self.up.times(hidden, gate)
        return self.hooks.add(self.down_site, gated, self.down(gated, plus=x))

    def seen(self, hidden: Tensor, norm: Norm, sites: Sequence[str]) -> Tensor:
        """What adapters at `sites` read, if there are any, where the host's own products read `hidden` (tokens, width),
        the result of `norm`."""
        return norm.completed(hidden) if any(map(self.hooks.adapts, sites)) else hidden

    def _attend(self, x: Tensor, cos: Tensor, sin: Tensor, stream: Stream) -> Tensor:
        qkv, width = self.qkv(x), cos.shape[-1]
        seen = self.seen(x, self.norms[0], self.attention_sites)
        parts = torch.split(qkv, self.widths, dim=1)
        for site, part in zip(self.attention_sites, parts, strict=True):
            self.hooks.add(site, seen, part)
        heads = qkv.view(len(x), -1, width)
        num_q, num_k = self.widths[0] // width, self.widths[1] // width
        both = heads[:, : num_q + num_k]
        if self.head_norms:
            q_norm, k_norm = self.head_norms
            both = torch.cat([q_norm(both[:, :num_q]), k_norm(both[:, num_q:])], 1)
        both = rotate(both, cos[:, None], sin[:, None])
        out = attend(stream, self.index, both[:, :num_q], both[:, num_q:], heads[:, num_q + num_k :], self.scoring)
        return out.reshape(len(x), -1)


def fuse_layers(model: Any, hooks: BankHooks) -> int:
    """Let `model`'s layers (and its head) compute fused where they can; returns how many layers do.

    Structure alone is not trusted: when a fused layer differs from transformers' own by more than rounding, no layer
    is replaced and 0 returned.
    """
    config = model.config
    if config.model_type not in FUSABLE or config.hidden_act != "silu":
        return 0
    pack = _can_pack(model)
    paths = {module: path for path, module in model.named_modules()}
    layers = list(model.get_decoder().layers)
    fused = [FusedLayer(layer, paths[layer], hooks, pack) for layer in layers]
    if not all(_agrees(model, layer, candidate) for layer, candidate in zip(layers, fused, strict=True)):
        return 0
    for index, (layer, candidate) in enumerate(zip(layers, fused, strict=True)):
        _install(index, layer, candidate, is_last=index == len(layers) - 1)
    hooks.narrows = True
    hooks.common_layers = next((i for i, candidate in enumerate(fused) if candidate.may_be_adapted), len(fused))
    if pack:
        _install_head(model.get_output_embeddings())
    return len(layers)


def _agrees(model: Any, layer: Any, fused: FusedLayer) -> bool:
    """Whether both compute the same, up to rounding, for the embeddings of a few tokens, and the same gradient."""
    embeddings = model.get_input_embeddings()
    ids = torch.linspace(0, embeddings.weight.shape[0] - 1, 12, device=model.device).long()
    positions = torch.arange(len(ids), device=model.device)[None]
    stream = Prefill(make_grid([len(ids)], model.device))
    with torch.no_grad():
        x = embeddings(ids)[None]
        cos, sin = model.get_decoder().rotary_emb(x, positions)
        out = fused(x[0], cos[0], sin[0], stream)
    ways = []
    for way in (
        lambda x: layer(x[None], attention_mask=None, position_embeddings=(cos, sin), stream=stream)[0],
        lambda x: learn_through(fused, x, cos[0], sin[0], stream),
    ):
        leaf = x[0].detach().clone().requires_grad_()
        with torch.enable_grad():
            reached = way(leaf)
            (gradient,) = torch.autograd.grad(reached, leaf, torch.cos(leaf.detach() * 100))
        ways.append((reached.detach(), gradient))
    (expected, slope), (learning_out, learning_slope) = ways
    # In bfloat16 either way is off by 0.01 from float32, and its gradient, rounded forward and backward, by 0.02.
    exact = x.dtype == torch.float32
    return (
        _close(out, expected, 1e-4 if exact else 0.02)
        and _close(learning_out, expected, 1e-4 if exact else 0.02)
        and _close(learning_slope, slope, 1e-4 if exact else 0.04)
    )


def _close(got: Tensor, want: Tensor, tolerance: float) -> bool:
    return bool(torch.linalg.norm((got - want).float()) <= tolerance * torch.linalg.norm(want.float()))


def _can_pack(model: nn.Module) -> bool:
    weights = list(model.parameters())
    formats = {(w.device.type, w.dtype) for w in weights}
    packable = ({("cpu", torch.float32)}, {("cpu", torch.bfloat16)})
    if not torch.backends.mkldnn.is_available() or formats not in packable:  # type: ignore[no-untyped-call]
        return False
    return wide(weights[0]).element_size() * sum(w.numel() for w in weights) <= PACKED_BYTES


def _install(index: int, layer: Any, fused: FusedLayer, is_last: bool) -> None:
    original: Callable[..., Tensor] = layer.forward

    def forward(hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if "stream" not in kwargs or not fused.hooks.in_force:  # a host may have several users, each with its hooks
            return original(hidden_states, *args, **kwargs)
        cos, sin = (angles[0] for angles in kwargs["position_embeddings"])
        stream, x, kept = kwargs["stream"], hidden_states[0], kwargs.get("kept") if is_last else None
        if torch.is_grad_enabled() and (x.requires_grad or fused.is_adapted):
            return learn_through(fused, x, cos, sin, stream, kept)[None]
        with torch.no_grad():
            if stream.common is None or index >= stream.common.layers:
                return fused(x, cos, sin, stream, kept)[None]
            common = stream.common
            cos, sin = common.rotary(cos, sin)
            x = fused(common.enter(x) if index == 0 else x, cos, sin, common.stream)
            x = common.leave(x) if index == common.layers - 1 else x
            return (x if kept is None else x.index_select(0, kept.index))[None]

    layer.forward = forward


def _install_head(head: Any) -> None:
    original, product = head.forward, Product(head.weight, head.bias, pack=True)

    def forward(hidden_states: Tensor) -> Tensor:
        learns = torch.is_grad_enabled() and head.weight.requires_grad  # not with us: the host is frozen
        if learns or hidden_states.shape[0] != 1:  # only a packed stream is (1, tokens, width)
            return original(hidden_states)  # type: ignore[no-any-return]
        return linear(hidden_states[0], None, product)[None]

    head.forward = forward
