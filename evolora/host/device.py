"""Where the host computes, and in which number format."""

import ctypes
import functools
import platform
from pathlib import Path

import torch

from evolora.errors import HostError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc: malloc.h
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(setting: str = "auto") -> torch.device:
    """The device for `setting`: "auto" takes CUDA, then MPS, then the CPU; "cuda:1" names itself.

    Raises:
        HostError: the setting is no device, or this machine has none such.
    """
    if setting == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(setting)
    except RuntimeError:
        raise HostError(f"host.device: expected auto, cpu, cuda or mps, got '{setting}'") from None
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not present.get(device.type, False):
        usable = ", ".join(kind for kind, is_there in present.items() if is_there)
        raise HostError(f"host.device: expected one this machine has ({usable}), got '{setting}'; use auto or cpu")
    return device


def choose_dtype(setting: str, device: torch.device) -> torch.dtype:
    """The number format for `setting` on `device`; "auto" takes bfloat16 where that is fast.

    MPS stays at float32 under auto: bfloat16 there depends on the macOS version.

    Raises:
        HostError: the setting is no format hosts are run in.
    """
    if setting == "auto":
        return torch.bfloat16 if is_fast_in_bfloat16(device) else torch.float32
    if setting not in _DTYPES:
        raise HostError(f"host.dtype: expected auto, {' or '.join(_DTYPES)}, got '{setting}'; write one of these")
    return _DTYPES[setting]


def is_fast_in_bfloat16(device: torch.device) -> bool:
    """Whether it has bfloat16 products that torch uses; MPS is taken to have none."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and cpu_multiplies_bfloat16()


@functools.cache
def cpu_multiplies_bfloat16() -> bool:
    """Whether the processor has bfloat16 dot products (AMX, AVX-512 BF16, ARM BF16) that torch's kernels use.

    Linux only: elsewhere reading the processor's features takes extra packages, and float32 is safe.
    """
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return has_bfloat16_flag(info, platform.machine())


def has_bfloat16_flag(cpuinfo: str, machine: str) -> bool:
    """Whether the text of /proc/cpuinfo names fast bfloat16 for a `machine` such as x86_64 or aarch64."""
    wanted = {"bf16"} if machine in ("aarch64", "arm64") else {"amx_bf16", "avx512_bf16"}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return not wanted.isdisjoint(value.split())
    return False


def keep_freed_memory() -> None:
    """Let glibc keep large freed blocks instead of handing each back to the system.

    A batch frees and asks for the same hundreds of megabytes again and again, and every return costs a page fault
    per 4 KiB: fewer by half, and learning about 15 % faster. Memory then stays at its peak. Elsewhere nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
