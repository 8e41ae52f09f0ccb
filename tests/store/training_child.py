"""A writer of runs without a model: steps that take a moment, and every request obeyed.

Role: the real other process of the tests on runs; called as the trainer is, ``... tune DIRECTORY``.
``CHILD_STEPS`` and ``CHILD_SECONDS`` say how many steps of what length; ``CHILD_DIES`` names a step
at which it ends without a word, ``CHILD_RAISES`` one at which it breaks.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from diffdx_tui.store.run_checkpoints import find_checkpoint
from diffdx_tui.store.run_records import (
    ADAPTER_FOLDER,
    Control,
    Phase,
    RunState,
    StepMetrics,
)
from diffdx_tui.store.run_writer import RunWriter

STEPS = int(os.environ.get("CHILD_STEPS", "20"))
SECONDS = float(os.environ.get("CHILD_SECONDS", "0.02"))
DIES = int(os.environ.get("CHILD_DIES", "0"))
RAISES = int(os.environ.get("CHILD_RAISES", "0"))
CHECKPOINT_EVERY = 5


def train(run: RunWriter) -> None:
    run.add_facts(sha256={"data": "0" * 64}, versions={"python": sys.version.split()[0]})
    run.enter_phase(Phase.LOADING)
    checkpoint = find_checkpoint(run.directory)
    done = int(checkpoint.name) if checkpoint else 0
    run.rewind(done)
    run.enter_phase(Phase.STEP)
    for step in range(done + 1, STEPS + 1):
        if not obey(run, step - 1):
            save(run, step - 1)
            leave_adapter(run)
            run.end(RunState.STOPPED, "asked to")
            run.confirm(Control.STOP)
            return
        time.sleep(SECONDS)
        if step == DIES:
            os._exit(1)
        if step == RAISES:
            raise ValueError("a bad\x1b[2J batch")
        run.record_step(StepMetrics(step=step, epoch=step / 10, loss=loss_of(step), rate=1e-4))
        run.expect(steps=STEPS, eta_s=(STEPS - step) * SECONDS)
        if step % CHECKPOINT_EVERY == 0:
            run.record_validation(step, loss_of(step) + 0.5)
            run.record_probe(step, strict=1, n=2, stopped=2, answers=[{"id": "a", "raw": "{"}])
            save(run, step)
    leave_adapter(run)
    run.end(RunState.FINISHED)


def loss_of(step: int) -> float:
    return 2.0 / step


def obey(run: RunWriter, step: int) -> bool:
    """Whether to go on."""
    requests = run.requests()
    if Control.SAVE in requests:
        save(run, step)
        run.confirm(Control.SAVE)
    if Control.PAUSE in requests:
        run.enter_phase(Phase.PAUSED)
        run.confirm(Control.PAUSE)
        while not run.requests() & {Control.RESUME, Control.STOP}:
            time.sleep(0.01)
        run.enter_phase(Phase.STEP)
    if Control.RESUME in run.requests():
        run.confirm(Control.RESUME)
    return Control.STOP not in run.requests()


def save(run: RunWriter, step: int) -> None:
    with run.checkpoint(step, best=True) as folder:
        (folder / "adapter.bin").write_text(f"{step}", encoding="ascii")


def leave_adapter(run: RunWriter) -> None:
    folder = run.directory / ADAPTER_FOLDER
    folder.mkdir(exist_ok=True)
    for name in ("adapter_config.json", "adapter_model.safetensors", "README.md"):
        (folder / name).write_text("{}", encoding="ascii")


def main() -> None:
    command, directory = sys.argv[1:]
    assert command == "tune"
    with RunWriter(Path(directory)) as run:
        train(run)


if __name__ == "__main__":
    main()
