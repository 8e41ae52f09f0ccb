"""What the machine has and how much of it a run uses.

Role: process memory, and the GPU's figures through NVML where there is one; nothing here can make
a run fail.
"""

from __future__ import annotations

import platform
import resource
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil
import torch

_MIB = 2**20
_PACKAGES = ("diffdx-tui", "torch", "transformers", "peft", "bitsandbytes", "numpy", "tokenizers")


class Meter:
    """Reads memory and, on a GPU, utilisation, temperature and power."""

    def __init__(self, device: torch.device) -> None:
        self._process = psutil.Process()
        self._device = device
        self._nvml, self._handle = _open_nvml(device)

    def rss_mb(self) -> float:
        """Memory of this process in MiB."""
        return float(self._process.memory_info().rss / _MIB)

    def gpu(self) -> dict[str, float | None] | None:
        """The GPU's figures, each ``None`` where it cannot be had; ``None`` on the CPU."""
        if self._device.type != "cuda":
            return None
        figures: dict[str, float | None] = {
            "utilisation": None,
            "memory_mb": torch.cuda.memory_reserved(self._device) / _MIB,
            "temperature_c": None,
            "power_w": None,
        }
        if self._nvml is not None:
            readers = {
                "utilisation": lambda n, h: n.nvmlDeviceGetUtilizationRates(h).gpu / 100,
                "memory_mb": lambda n, h: n.nvmlDeviceGetMemoryInfo(h).used / _MIB,
                "temperature_c": lambda n, h: float(n.nvmlDeviceGetTemperature(h, 0)),
                "power_w": lambda n, h: n.nvmlDeviceGetPowerUsage(h) / 1000,
            }
            for name, read in readers.items():
                try:
                    figures[name] = read(self._nvml, self._handle)
                except self._nvml.NVMLError:  # not every card tells everything
                    continue
        return figures


def peak_memory_mb(device: torch.device) -> float:
    """The most memory this process has held, on its device, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / _MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def describe_versions() -> dict[str, str]:
    """Python and the packages that decide the outcome."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def describe_hardware(device: torch.device) -> dict[str, Any]:
    """Machine and device in a few words."""
    return {
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "cpu": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(logical=False),
        "threads": torch.get_num_threads(),
        "memory_mb": round(psutil.virtual_memory().total / _MIB),
    }


def _open_nvml(device: torch.device) -> tuple[Any, Any]:
    if device.type != "cuda":
        return None, None
    try:
        import pynvml

        pynvml.nvmlInit()
        # By the card's own name: CUDA_VISIBLE_DEVICES renumbers, NVML does not.
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(uuid)
    except Exception:  # no package, no driver, no permission: a run does without
        return None, None
