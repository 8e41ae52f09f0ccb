"""A trainer without a model: a real process that writes a real run through ``RunWriter``.

Run as ``python -m tests.ui.writing_run tune DIRECTORY``, as the app starts the real one.  It obeys
requests, and what the environment asks: ``WRITER_STEP_SECONDS``, ``WRITER_NAN_STEP``,
``WRITER_TEXT`` (what its probes answer), ``WRITER_PHASE_SECONDS``.
"""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

from diffdx_tui.store.run_checkpoints import find_checkpoint
from diffdx_tui.store.run_records import (
    ADAPTER_FOLDER,
    Control,
    EventKind,
    Phase,
    RunState,
    StepMetrics,
)
from diffdx_tui.store.run_writer import RunWriter

STEPS = 60


def loss_at(step: int) -> float:
    """A curve as training has it."""
    return 2.5 * math.exp(-step / 15) + 0.4 + 0.1 * math.sin(step * 1.7)


def write_step(writer: RunWriter, step: int, steps: int, loss: float | None = None) -> None:
    """One training line, a validation every tenth and a probe every twentieth."""
    writer.expect(steps=steps, eta_s=(steps - step) * 0.1)
    writer.record_step(
        StepMetrics(
            step=step,
            epoch=step / 20,
            loss=loss_at(step) if loss is None else loss,
            rate=2e-4 * (1 - step / (steps + 1)),
            grad_norm=0.5 + 0.1 * math.cos(step),
            tokens=4_096,
            tokens_per_s=812.0,
            seconds=step * 0.1,
            rss_mb=1_234.0,
        )
    )
    if step % 10 == 0:
        with writer.phase(Phase.EVALUATING):
            writer.record_validation(step, loss_at(step) + 0.1)
    if step % 20 == 0:
        losses = [{"id": f"row-{n}", "loss": n / step, "tokens": 9} for n in range(1, 6)]
        writer.record_event(EventKind.EXAMPLES, epoch=step // 20, losses=losses)
        text = os.environ.get("WRITER_TEXT", '{"symptoms": "a fever", "most_likely": "Influenza')
        answers = [
            {"id": "case-1", "raw": text, "strict": True, "stopped": True},
            {"id": "case-2", "raw": f"{text} and on and on", "strict": False, "stopped": False},
        ]
        with writer.phase(Phase.PROBING):
            writer.record_probe(step, strict=1, n=2, stopped=1, answers=answers)


def save(writer: RunWriter, step: int) -> None:
    """A checkpoint as far as a reader can tell."""
    with writer.checkpoint(step, best=True) as folder:
        (folder / "state.json").write_text("{}")


def tune(directory: Path) -> None:
    """Write the run to its end, obeying what it is asked."""
    pause = float(os.environ.get("WRITER_STEP_SECONDS", "0.02"))
    nan_step = int(os.environ.get("WRITER_NAN_STEP", "0"))
    with RunWriter(directory) as writer:
        steps = writer.recipe.max_steps or STEPS
        for phase in (Phase.IMPORTING, Phase.LOADING, Phase.GATES):
            writer.enter_phase(phase)
            time.sleep(float(os.environ.get("WRITER_PHASE_SECONDS", "0.05")))
        writer.enter_phase(Phase.STEP)
        checkpoint = find_checkpoint(directory)
        first = int(checkpoint.name) if checkpoint else 0
        writer.rewind(first)
        for step in range(first + 1, steps + 1):
            write_step(writer, step, steps, math.nan if step == nan_step else None)
            time.sleep(pause)
            if obey(writer, step):
                return
        adapter = directory / ADAPTER_FOLDER
        adapter.mkdir(exist_ok=True)
        (adapter / "adapter_config.json").write_text("{}")
        (adapter / "README.md").write_text("# Adapter\n\nNot clinician-validated.\n")
        writer.add_facts(measured={"peak_mb": 1_400.0, "seconds": 66.0})
        writer.end(RunState.FINISHED)


def obey(writer: RunWriter, step: int) -> bool:
    """Do what is asked; whether it was to stop."""
    asked = writer.requests()
    if Control.SAVE in asked:
        save(writer, step)
        writer.confirm(Control.SAVE)
    if Control.PAUSE in asked:
        writer.enter_phase(Phase.PAUSED)
        writer.confirm(Control.PAUSE)
        while not {Control.RESUME, Control.STOP} & (asked := writer.requests()):
            time.sleep(0.02)
        if Control.RESUME in asked:
            writer.enter_phase(Phase.STEP)
            writer.confirm(Control.RESUME)
    if Control.STOP in asked:
        save(writer, step)
        writer.confirm(Control.STOP)
        writer.end(RunState.STOPPED, "stopped as asked")
        return True
    return False


if __name__ == "__main__":
    tune(Path(sys.argv[2]))
