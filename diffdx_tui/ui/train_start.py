"""What must be here before a run is started: the base's files and the data.

Role: the same checks for start, preview and pre-flight, so that trouble is told beside its row
instead of by a process that fails a few seconds later.
"""

from __future__ import annotations

from diffdx_tui.domain.recipe import CURATED, Recipe, RecipeError
from diffdx_tui.engine.failures import EngineError
from diffdx_tui.launch import DataUnavailable, find_files


def check_here(recipe: Recipe) -> Recipe:
    """The recipe with paths that hold from any folder.

    Raises:
        RecipeError: the base or the data is not on this machine.
    """
    try:
        return find_files(recipe)
    except EngineError as failure:
        raise RecipeError({"base": str(failure)}) from None
    except DataUnavailable as failure:
        raise RecipeError({"data": f"{failure}; {CURATED} is the built-in set"}) from None
