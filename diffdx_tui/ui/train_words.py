"""How a run's state, figures and requests are worded.

Role: plain sentences and figures for the Train and Runs screens; text of runs is made visible here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.run_reader import RunStatus
from diffdx_tui.store.run_records import Control, Phase, RunState, StepMetrics, number
from diffdx_tui.ui.glyphs import Glyphs

PHASES = {
    Phase.IMPORTING: "importing libraries",
    Phase.LOADING: "loading the base",
    Phase.QUANTISING: "quantising the base",
    Phase.GATES: "checking every row",
    Phase.STEP: "training",
    Phase.EVALUATING: "validating",
    Phase.PROBING: "probing",
    Phase.SAVING: "saving",
    Phase.PAUSED: "paused",
    Phase.ENDED: "ended",
}
_COLOURS = {
    RunState.STARTING: "$accent",
    RunState.RUNNING: "$accent",
    RunState.PAUSED: "$warning",
    RunState.SILENT: "$warning",
    RunState.FINISHED: "$success",
    RunState.STOPPED: "$foreground-muted",
    RunState.FAILED: "$error",
    RunState.DEAD: "$error",
}
_ASKED = {
    Control.PAUSE: "asked to pause",
    Control.RESUME: "asked to go on",
    Control.SAVE: "asked to save",
    Control.STOP: "asked to stop",
}
_CONFIRMED = {
    Control.PAUSE: "paused",
    Control.RESUME: "going on",
    Control.SAVE: "saved",
    Control.STOP: "stopped, and saved",
}


def state_mark(state: RunState, glyphs: Glyphs) -> Content:
    """Sign and word of a state; the colour only repeats them."""
    signs = {
        RunState.STARTING: glyphs.waiting,
        RunState.RUNNING: glyphs.running,
        RunState.PAUSED: glyphs.idle,
        RunState.SILENT: glyphs.danger,
        RunState.FINISHED: glyphs.done,
        RunState.STOPPED: glyphs.unfinished,
        RunState.FAILED: glyphs.failed,
        RunState.DEAD: glyphs.failed,
    }
    return Content.styled(f"{signs[state]} {state}", f"bold {_COLOURS[state]}")


def describe_phase(status: RunStatus) -> str:
    """What a living run is busy with; nothing while it simply trains or is paused."""
    if status.phase is None:
        return "starting its process" if status.state is RunState.STARTING else ""
    quiet = (Phase.STEP, Phase.PAUSED, Phase.ENDED)
    return "" if status.phase in quiet or not status.state.is_live else PHASES[status.phase]


def describe_phases(phases: Sequence[tuple[str, float]], glyphs: Glyphs) -> str:
    """What a run did before its first step and how long each took.

    The newest, which still goes on, comes first, so that it is not what a narrow line cuts off.
    """
    words = []
    names = {str(phase): words_for for phase, words_for in PHASES.items()}
    for place, (name, began) in enumerate(phases):
        known = names.get(name, make_visible_line(name))
        if place + 1 < len(phases):
            words.append(f"{glyphs.done} {known} {phases[place + 1][1] - began:.1f} s")
        else:
            words.append(f"{glyphs.running} {known}")
    return "  ".join(reversed(words))


def describe_progress(status: RunStatus, line: StepMetrics | None) -> list[str]:
    """Step, epoch, speed, time left and memory, as far as they are known."""
    beat = status.heartbeat
    parts = []
    if beat is not None and (beat.step or beat.steps):
        parts.append(f"step {beat.step}/{beat.steps}" if beat.steps else f"step {beat.step}")
    if line is not None and line.epoch is not None:
        parts.append(f"epoch {line.epoch:.1f}")
    if status.state.is_live and beat is not None:
        if beat.tokens_per_s:
            parts.append(f"{beat.tokens_per_s:,.0f} tok/s")
        if beat.eta_s is not None:
            parts.append(f"{describe_seconds(beat.eta_s)} left")
    if line is not None:
        parts += describe_machine(line)
    return parts


def describe_machine(line: StepMetrics) -> list[str]:
    """Memory, and what the GPU says where there is one."""
    gpu = line.gpu or {}
    parts = []
    if gpu.get("utilisation") is not None:
        parts.append(f"GPU {gpu['utilisation']:.0%}")
    if gpu.get("memory_mb") is not None:
        parts.append(describe_mebibytes(gpu["memory_mb"] or 0.0))
    if gpu.get("temperature_c") is not None:
        parts.append(f"{gpu['temperature_c']:.0f} °C")
    if gpu.get("power_w") is not None:
        parts.append(f"{gpu['power_w']:.0f} W")
    if not parts and line.rss_mb is not None:
        parts.append(describe_mebibytes(line.rss_mb))
    return parts


def describe_prediction(
    predicted: Mapping[str, Any], measured: Mapping[str, Any], lines: Sequence[StepMetrics]
) -> str:
    """What the pre-flight said beside what came of it; nothing where there was none."""
    peak, speed = number(predicted.get("peak_mb")), number(predicted.get("tokens_per_s"))
    if peak is None or speed is None or not lines:
        return ""
    said = [describe_mebibytes(peak), f"{speed:,.0f} tok/s"]
    lasting = number(predicted.get("eta_s"))
    if lasting is not None:
        said.append(describe_seconds(lasting))
    words = f"predicted {', '.join(said)}"
    found = []
    reached = number(measured.get("peak_mb"))
    if reached is not None:
        found.append(describe_mebibytes(reached))
    some = [(line.tokens, line.tokens_per_s) for line in lines]
    seconds = sum(tokens / rate for tokens, rate in some if tokens and rate)
    if seconds:
        total = sum(tokens for tokens, rate in some if tokens and rate)
        found.append(f"{total / seconds:,.0f} tok/s")
    lasted = number(measured.get("seconds"))
    if lasted is not None:
        found.append(describe_seconds(lasted))
    return f"{words}; was {', '.join(found)}" if found else words


def describe_asked(asked: Sequence[Control], ellipsis: str) -> str:
    """What a run was asked and has not confirmed."""
    return ", ".join(f"{_ASKED[control]}{ellipsis}" for control in sorted(set(asked)))


def describe_confirmed(control: str, step: int) -> str:
    """What a run says that it has done."""
    known = {str(one): words for one, words in _CONFIRMED.items()}
    return f"{known.get(control, make_visible_line(control))} at step {step} (confirmed)"


def describe_mebibytes(mebibytes: float) -> str:
    """A size for the eye."""
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"


def describe_seconds(seconds: float) -> str:
    """A duration for the eye: ``40 s``, ``3 min``, ``2 h 05``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d}"


def show_loss(loss: float | None) -> str:
    """A loss with the digits that matter; a missing one is not a number."""
    if loss is None:
        return "not a number"
    return f"{loss:.3f}" if 0.1 <= abs(loss) < 1000 else f"{loss:.3g}"


def show_rate(rate: float) -> str:
    """A learning rate: ``2e-4``."""
    return f"{rate:.1e}".replace("e-0", "e-").replace(".0e", "e")
