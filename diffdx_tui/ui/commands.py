"""Every command by name, with its key: the palette's list and the help's pages.

Role: the one table of what can be done where, so that palette, help and keys cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

from diffdx_tui.ui.picker import Item


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person can do.

    Attributes:
        place: ``Explore``, ``Sessions`` or ``Everywhere``.
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
    Command("Everywhere", "Explore", "app.show_explore", "F9", "the vignette screen"),
    Command("Everywhere", "Sessions", "app.show_sessions", "F9", "saved work"),
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
)
"""Keys of the panes themselves, for the help."""


def palette_items(place: str) -> list[Item]:
    """The commands of *place* and those that hold everywhere."""
    return [
        Item(command.label, command.action, command.detail, command.key, group=command.place)
        for command in COMMANDS
        if command.place in (place, "Everywhere")
    ]
