"""What must be here before a run is started: the base's files and the data.

Role: the same checks for start, preview and pre-flight, so that trouble is told beside its row
instead of by a process that fails a few seconds later.
"""

from __future__ import annotations

from pathlib import Path

from diffdx_tui.domain.recipe import CURATED, Recipe, RecipeError
from diffdx_tui.engine.catalogue import CATALOGUE, NO_ADAPTER, ModelSpec, locate
from diffdx_tui.engine.failures import EngineError


def check_here(recipe: Recipe) -> Recipe:
    """The recipe with paths that hold from any folder.

    Raises:
        RecipeError: the base or the data is not on this machine.
    """
    changes: dict[str, str] = {}
    try:
        located = locate(ModelSpec(recipe.base, NO_ADAPTER))
    except EngineError as failure:
        raise RecipeError({"base": str(failure)}) from None
    if recipe.base not in CATALOGUE and Path(recipe.base).expanduser().is_dir():
        changes["base"] = str(located.base_directory.absolute())
    if recipe.data != CURATED:
        changes["data"] = str(_find_data(recipe.data))
    return recipe.model_copy(update=changes)


def _find_data(name: str) -> Path:
    try:
        path = Path(name).expanduser().absolute()
        found = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise RecipeError({"data": f"this file cannot be used: {error}"}) from None
    if not found:
        raise RecipeError({"data": f"there is no file {name}; {CURATED} is the built-in set"})
    return path
