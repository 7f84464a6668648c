"""SiLU, x · sigmoid(x) (Elfwing et al. 2018), the gate of the MLP, and its slope.

torch's own computes the last few numbers that it hands a thread by another exponential than the others, so that a bit
may depend on who shares the batch and on the number of threads. In float32 on a CPU, where runs are to be the same for
any number of workers, it is made here of operations that treat all numbers alike.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from evolora.host.panels import is_exact


def silu_(x: Tensor) -> Tensor:
    """silu(x) in the place of x, which is returned."""
    return x.div_(_one_and_exp_minus(x)) if is_exact(x) else F.silu(x, inplace=True)


def silu(x: Tensor) -> Tensor:
    """silu(x)."""
    return x / _one_and_exp_minus(x) if is_exact(x) else F.silu(x)


def silu_and_back(x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """silu(x), and `gradient` times its derivative s + silu(x) · (1 - s), where s = sigmoid(x)."""
    if not is_exact(x):
        return F.silu(x), torch.ops.aten.silu_backward(gradient, x)
    sigmoid = _one_and_exp_minus(x).reciprocal_()
    activated = x * sigmoid
    return activated, torch.addcmul(sigmoid, activated, 1 - sigmoid).mul_(gradient)


def _one_and_exp_minus(x: Tensor) -> Tensor:
    return torch.neg(x).exp_().add_(1)
