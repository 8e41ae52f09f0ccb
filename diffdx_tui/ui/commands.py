"""Every command by name, with its key: the palette's list and the help's pages.

Role: the one table of what can be done where, so that palette, help and keys cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

from diffdx_tui.ui.picker import Item
from diffdx_tui.ui.places import PLACES, key_of


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person can do.

    Attributes:
        place: the name of a place, or ``Everywhere``.
        label: what it is called.
        action: the action string that does it.
        key: how to press it, for the eye.
        detail: one more sentence.
    """

    place: str
    label: str
    action: str
    key: str = ""
    detail: str = ""


COMMANDS = (
    Command("Explore", "Run", "screen.run", "F5, Ctrl+R", "answer the vignette in the pane"),
    Command("Explore", "Stop", "screen.stop", "Esc", "keeps and saves what has come"),
    Command(
        "Explore",
        "Run again with another seed",
        "screen.run_again",
        "F7",
        "a new answer in the same case",
    ),
    Command("Explore", "Red flags: why", "screen.explain_flags", "F6", "rule, words and source"),
    Command("Explore", "New case", "screen.new_case", "Ctrl+N", "clears pane and panels"),
    Command(
        "Explore",
        "Examples and earlier vignettes",
        "screen.pick_vignette",
        "Ctrl+O",
        "put one in the pane",
    ),
    Command(
        "Explore", "Edit in your editor", "screen.edit_outside", "Ctrl+G", "$VISUAL or $EDITOR"
    ),
    Command(
        "Explore",
        "Tokens or tiers",
        "screen.swap_panes",
        "F2",
        "swaps them where there is no room for both",
    ),
    Command(
        "Explore",
        "Guided or free",
        "screen.toggle_mode",
        "F3",
        "valid by construction, or what the model does by itself",
    ),
    Command("Explore", "Model", "screen.pick_model", "F4", "switch, or type a path or hub id"),
    Command(
        "Explore",
        "Decoding settings",
        "screen.edit_settings",
        "F8",
        "seed, temperature, top-p, penalty, tokens, precision, variant",
    ),
    Command("Explore", "Copy the answer", "app.copy_answer", "y in tiers", "by OSC 52 and a file"),
    Command("Explore", "Copy the raw text", "app.copy_raw", "", "exactly as it was sampled"),
    Command("Explore", "Earlier vignette", "screen.walk_history(-1)", "Ctrl+Up"),
    Command("Explore", "Later vignette", "screen.walk_history(1)", "Ctrl+Down"),
    Command("Sessions", "Search", "screen.search", "/", "in vignettes, tiers, notes and tags"),
    Command("Sessions", "Open in Explore", "screen.open", "Enter", "go on with this case"),
    Command(
        "Sessions",
        "Annotate",
        "screen.annotate",
        "a",
        "final diagnosis, agreement by tier, note, tags",
    ),
    Command(
        "Sessions", "Compare", "screen.compare", "c", "mark one answer, then another: what changed"
    ),
    Command("Sessions", "Earlier answer of the session", "screen.turn_answer(-1)", "Left"),
    Command("Sessions", "Later answer of the session", "screen.turn_answer(1)", "Right"),
    Command("Sessions", "Export", "screen.export", "e", "Markdown, JSONL or CSV"),
    Command("Sessions", "Delete", "screen.delete", "d, Delete", "can be undone"),
    Command("Sessions", "Undo delete", "screen.restore", "u"),
    Command("Library", "Search", "screen.search", "/", "ids, vignettes; diagnoses once revealed"),
    Command("Library", "Read the case", "screen.read", "Enter"),
    Command("Library", "Commit your answer", "screen.commit", "c", "then the gold answer shows"),
    Command("Library", "Give up and show", "screen.give_up", "x", "the case stays marked"),
    Command("Library", "Next case to do", "screen.next_to_do", "n", "among those listed"),
    Command("Library", "Filter", "screen.sift", "f", "domain, acuity, split, standing, spoilers"),
    Command("Library", "Browse by diagnosis", "screen.browse_diagnoses", "b", "those revealed"),
    Command("Library", "The minimal pair's twin", "screen.twin", "p", "the case one finding away"),
    Command("Library", "Send to Explore", "screen.send", "s", "puts it in the pane, runs nothing"),
    Command("Library", "Case before", "screen.turn(-1)", "Left"),
    Command("Library", "Case after", "screen.turn(1)", "Right"),
    Command(
        "Library", "Forget my answer to this case", "screen.forget", "", "hides the gold answer"
    ),
    Command("Train", "Start", "screen.start", "F5", "a process that outlives the app"),
    Command("Train", "What will be learned", "screen.preview", "F2", "scored tokens marked"),
    Command("Train", "Pre-flight", "screen.preflight", "F3", "memory, speed and time, measured"),
    Command("Train", "Base", "screen.pick_base", "F4"),
    Command("Train", "Ablation", "screen.pick_ablation", "F6", "named differences"),
    Command("Train", "Pause, or go on", "screen.pause", "p", "an ended run goes on as well"),
    Command("Train", "Save now", "screen.save", "s"),
    Command("Train", "Stop", "screen.stop", "x", "saves first; can go on later"),
    Command("Train", "New run", "screen.new_run", "n", "the run that is shown goes on"),
    Command("Train", "Next measure", "screen.turn_measure", "m", "loss, rate, norm, speed"),
    Command("Train", "Smoother", "screen.smooth(1)", "]"),
    Command("Train", "Less smooth", "screen.smooth(-1)", "["),
    Command("Train", "Curve or texts", "screen.swap_panes", "F2", "what the probes answered"),
    Command("Train", "Loss of each row", "screen.show_rows", "t", "learned by heart, or never"),
    Command("Train", "Load the adapter in Explore", "screen.explore", "e"),
    Command("Runs", "Open in Train", "screen.attach", "Enter"),
    Command("Runs", "Mark for overlay", "screen.mark", "Space", "up to six curves in one chart"),
    Command("Runs", "Card, facts and last words", "screen.read", "v"),
    Command("Runs", "Load the adapter in Explore", "screen.explore", "e"),
    Command("Runs", "Training or validation loss", "screen.turn_measure", "m"),
    Command("Runs", "Smoother", "screen.smooth(1)", "]"),
    Command("Runs", "Less smooth", "screen.smooth(-1)", "["),
    Command("Runs", "Export", "screen.export", "o", "adapter, archive, merged model or GGUF"),
    Command("Runs", "Delete", "screen.delete", "d, Delete", "can be undone"),
    Command("Runs", "Undo delete", "screen.restore", "u"),
    Command("Evaluate", "New evaluation", "screen.new_evaluation", "n", "set, models, modes"),
    Command("Evaluate", "Open", "screen.open", "Enter", "the arms, then an arm's cases"),
    Command("Evaluate", "Metrics after", "screen.turn(1)", "Right in the arms"),
    Command("Evaluate", "Metrics before", "screen.turn(-1)", "Left in the arms"),
    Command("Evaluate", "Stop", "screen.stop", "x", "what is answered is kept"),
    Command("Evaluate", "Go on", "screen.resume", "p", "asks only what is not answered yet"),
    Command("Evaluate", "Figures on shared fields", "screen.share", "s", "to compare A, B and C"),
    Command("Evaluate", "Report", "screen.read", "v"),
    Command("Evaluate", "Delete", "screen.delete", "d, Delete", "can be undone"),
    Command("Evaluate", "Undo delete", "screen.restore", "u"),
    *(
        Command("Everywhere", place.name, f"app.go('{place.name}')", key_of(place), place.detail)
        for place in PLACES
    ),
    Command("Everywhere", "Next screen", "app.turn_place(1)", "F9"),
    Command("Everywhere", "Previous screen", "app.turn_place(-1)", "Shift+F9"),
    Command(
        "Everywhere",
        "Save answers, or be ephemeral",
        "app.toggle_ephemeral",
        "F12",
        "ephemeral answers leave no trace",
    ),
    Command("Everywhere", "Theme", "app.pick_theme", "", "colours of the screen"),
    Command("Everywhere", "Commands", "app.palette", "Ctrl+P", "this list"),
    Command("Everywhere", "Help", "app.help", "F1", "all keys"),
    Command("Everywhere", "Suspend", "app.suspend_process", "Ctrl+Z", "fg brings it back"),
    Command("Everywhere", "Quit", "app.quit", "Ctrl+Q", "stops and saves what runs"),
)

EDITING = (
    ("Tab, Shift+Tab", "next or previous pane"),
    ("Ctrl+_ or Alt+Z", "undo typing"),
    ("Ctrl+Y", "redo typing"),
    ("Shift+arrows", "select"),
    ("Ctrl+C, Ctrl+V", "copy, paste within the pane"),
    ("PgUp, PgDn, Home, End", "scroll tiers and tokens"),
    ("Left, Right in a chart", "read values; with Shift by ten; Home, End; Esc ends it"),
    ("+, -, 0, <, > in a chart", "zoom in, out, whole run, earlier, later"),
    ("l in a chart", "logarithmic or linear"),
    ("Left, Right in a probe", "the probe before or after"),
    ("w in an arm's cases", "only the wrong ones"),
)
"""Keys of the panes themselves, for the help."""


def palette_items(place: str) -> list[Item]:
    """The commands of *place* and those that hold everywhere."""
    return [
        Item(command.label, command.action, command.detail, command.key, group=command.place)
        for command in COMMANDS
        if command.place in (place, "Everywhere")
    ]
