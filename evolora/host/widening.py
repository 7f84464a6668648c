"""Bfloat16 on processors that multiply it in software only: there every product is made in float32.

Numbers stay bfloat16 between products, and a product's result is rounded once, as oneDNN does where a processor has
bfloat16 products: so a run begun there goes on elsewhere at about the pace of float32, not a tenth of it.
"""

import functools
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from evolora.host.bank import BankHooks


@functools.cache
def multiplies_in_software() -> bool:
    """Whether bfloat16 products are torch's plain loops on this CPU, for want of AVX-512 or its like elsewhere."""
    mkldnn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return not (mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def wide(x: Tensor) -> Tensor:
    """x as it is to be multiplied: in float32 if it is bfloat16 that this processor cannot multiply, else itself."""
    return x.float() if x.dtype == torch.bfloat16 and x.device.type == "cpu" and multiplies_in_software() else x


def widen_linears(model: nn.Module, hooks: "BankHooks") -> None:
    """Let transformers' own linear layers multiply so while `hooks` are in force; weights are widened at every call."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            _widen(module, hooks)


def _widen(linear: nn.Linear, hooks: "BankHooks") -> None:
    original = linear.forward

    def forward(input: Tensor) -> Tensor:
        widened = wide(input)
        if widened is input or not hooks.in_force:
            return original(input)
        bias = None if linear.bias is None else wide(linear.bias)
        return F.linear(widened, wide(linear.weight), bias).to(input.dtype)

    linear.forward = forward  # type: ignore[method-assign]
