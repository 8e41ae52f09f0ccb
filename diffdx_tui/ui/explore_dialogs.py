"""The dialogs of the Explore screen: model, settings, vignettes.

Role: opens each with what is chosen now, and hands on what the person decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.decoding_settings import DecodingSettings, Settings
from diffdx_tui.ui.examples import EXAMPLES
from diffdx_tui.ui.model_picker import model_picker
from diffdx_tui.ui.picker import Item, Picker

if TYPE_CHECKING:
    from diffdx_tui.ui.app import DiffdxApp

_SAVED = 30  # how many saved vignettes are offered


def pick_model(app: DiffdxApp) -> None:
    """Choose and load a model."""
    spec = app.answering.choices.spec

    def choose(name: str | None) -> None:
        if name:
            adapter = spec.adapter if name == spec.model else None
            app.load_model(replace(spec, model=name, adapter=adapter))

    app.push_screen(model_picker(spec.model), choose)


def edit_settings(app: DiffdxApp) -> None:
    """Change decoding, precision, variant and whether answers are saved."""
    choices = app.answering.choices
    spec = choices.spec

    def use(settings: Settings | None) -> None:
        if settings is None:
            return
        choices.use(settings.decoding)
        choices.ephemeral = settings.ephemeral
        wanted = settings.applied_to(spec)
        if wanted != spec:
            app.load_model(wanted)
        app.explore.show_state()

    present = Settings(choices.decoding, spec.precision, spec.variant, choices.ephemeral)
    app.push_screen(DecodingSettings(present, app.glyphs), use)


def pick_vignette(app: DiffdxApp, use: Callable[[str], None]) -> None:
    """Choose an example or an earlier vignette; saved ones join the list when they are read."""
    asked = list(dict.fromkeys(reversed(app.answering.asked)))
    items = [_earlier(text, "earlier") for text in asked]
    items += [Item(e.title, e.vignette, e.vignette, group="example") for e in EXAMPLES]
    picker = Picker("Vignettes", items)

    def choose(text: str | None) -> None:
        if text:
            use(text)

    async def add_saved() -> None:
        texts = await asyncio.to_thread(_saved_vignettes, app)
        picker.add_items([_earlier(text, "saved") for text in texts if text not in asked])

    app.push_screen(picker, choose)
    app.run_worker(add_saved(), group="vignettes", exclusive=True, exit_on_error=False)


def _earlier(text: str, group: str) -> Item:
    line = make_visible_line(text)
    return Item(line[:60], text, line, group=group)


def _saved_vignettes(app: DiffdxApp) -> list[str]:
    store = app.open_store()
    if store is None:
        return []
    with store:
        newest = [store.answers(session.id) for session in store.list_sessions(_SAVED)]
    return list(dict.fromkeys(answers[-1].vignette for answers in newest if answers))
