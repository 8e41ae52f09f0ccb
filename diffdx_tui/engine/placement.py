"""Where a model runs and in which precision: decided here and nowhere else, with the reason.

Role: turns ``--precision auto`` and the machine into a device, a storage precision and a compute
type.  ``auto`` is NF4 on a GPU for models of half a billion parameters and more, as the reference
runs; elsewhere it is what measured fastest (``diffdx-tui bench``, ``docs/LOG.md``).
"""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch

from diffdx_tui.engine.failures import ModelUnavailable

QUANTISE_FROM_PARAMETERS = 300_000_000
ONE_THREAD_UP_TO_PARAMETERS = 50_000_000


@dataclass(frozen=True, slots=True)
class Placement:
    """The decision.

    Attributes:
        device: ``cpu`` or ``cuda:0``.
        precision: how weights are stored: ``nf4``, ``bf16``, ``fp16`` or ``fp32``.
        dtype: the compute type.
        threads: CPU threads for the matrix products.
        reason: one line for the reader.
    """

    device: torch.device
    precision: str
    dtype: torch.dtype
    threads: int
    reason: str


def place(precision: str, parameters: int) -> Placement:
    """Choose for a model of *parameters* weights.

    Raises:
        ModelUnavailable: the precision cannot be had on this machine.
    """
    if torch.cuda.is_available():
        return _place_on_gpu(precision, parameters)
    return _place_on_cpu(precision, parameters)


def _place_on_gpu(precision: str, parameters: int) -> Placement:
    device = torch.device("cuda:0")
    has_bf16 = torch.cuda.get_device_capability(device) >= (8, 0)
    half = "bf16" if has_bf16 else "fp16"
    reason = f"asked for on {torch.cuda.get_device_name(device)}"
    if precision == "auto":
        large = parameters >= QUANTISE_FROM_PARAMETERS
        precision = "nf4" if large else half
        why = "4-bit as the reference" if large else "too small to gain from 4-bit"
        reason = f"auto on {torch.cuda.get_device_name(device)}: {why}"
    if precision == "bf16" and not has_bf16:
        raise ModelUnavailable("this GPU has no bfloat16: use --precision fp16, nf4 or fp32")
    dtype = _DTYPES[half] if precision == "nf4" else _DTYPES[precision]
    return Placement(device, precision, dtype, torch.get_num_threads(), reason)


def _place_on_cpu(precision: str, parameters: int) -> Placement:
    fast_bf16 = _has_fast_bfloat16()
    reason = "asked for on the CPU"
    if precision == "auto":
        precision = "bf16" if fast_bf16 else "fp32"
        why = "has bfloat16 instructions" if fast_bf16 else "has no bfloat16 instructions"
        reason = f"auto: no GPU, the CPU {why}"
    if precision == "fp16":
        raise ModelUnavailable("fp16 needs a GPU: use --precision bf16, fp32 or nf4 on the CPU")
    # bitsandbytes' CPU kernels compute in bf16 where the CPU can, and in fp32 elsewhere.
    dtype = _DTYPES[precision if precision != "nf4" else "bf16" if fast_bf16 else "fp32"]
    # A small model's products are too short to share: the second thread would mostly wait, and
    # take the core on which the screen is drawn.
    cores = psutil.cpu_count(logical=False) or 1
    threads = 1 if parameters <= ONE_THREAD_UP_TO_PARAMETERS else cores
    return Placement(torch.device("cpu"), precision, dtype, threads, reason)


_DTYPES = {
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp32": torch.float32,
}


def _has_fast_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 natively (AVX512-BF16 or AMX)."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())
