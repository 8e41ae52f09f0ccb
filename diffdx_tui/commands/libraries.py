"""Settings that the model libraries read when they are imported.

Role: makes torch and its kin quiet, offline and considerate.  Must run before they are imported;
what a person has set in the environment stays.
"""

from __future__ import annotations

import logging
import os
import warnings

_SETTINGS = {
    # OpenMP threads that spin while they wait starve everybody else on a small shared machine.
    "OMP_WAIT_POLICY": "passive",
    "TRANSFORMERS_VERBOSITY": "error",
    "BITSANDBYTES_NOWELCOME": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_LOGGERS = ("bitsandbytes", "transformers", "peft", "huggingface_hub", "accelerate")


def quiet_libraries(*, download: bool = False, progress: bool = False) -> None:
    """Set what is not set yet.

    Args:
        download: let the hub go to the network; otherwise only its cache is used.
        progress: let the hub draw its progress bars.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if not download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if not progress:
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # bitsandbytes reports the lack of an optional kernel through logging.
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="bitsandbytes|transformers|peft")
