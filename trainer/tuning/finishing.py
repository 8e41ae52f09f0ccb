"""What a run leaves: an adapter folder that plain PEFT loads.

Role: takes the best checkpoint's adapter, or the last one where nothing was validated.  Its card is
:mod:`trainer.cards`'.  Nothing here goes to a hub.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from diffdx_tui.store.run_checkpoints import BEST, LATEST, find_checkpoint
from diffdx_tui.store.run_records import ADAPTER_FOLDER
from trainer.tuning.checkpoints import ADAPTER_FILE

CONFIG_FILE = "adapter_config.json"


def write_adapter(run: Path, base: str, *, may_choose: bool = True) -> bool:
    """Put the best or last checkpoint's adapter into ``adapter/``; whether there was one.

    Args:
        base: the name of the base that goes into the adapter's configuration.
        may_choose: false takes the last one: of a fold's run, because the rows that would choose
            are those it will be scored on.
    """
    best = find_checkpoint(run, BEST) if may_choose else None
    found = best or find_checkpoint(run, LATEST)
    if found is None:
        return False
    draft = run / f".{ADAPTER_FOLDER}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    shutil.copyfile(found / ADAPTER_FILE, draft / ADAPTER_FILE)
    config = json.loads((found / CONFIG_FILE).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = _portable(base)
    text = json.dumps(config, indent=2, sort_keys=True)
    (draft / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
    final = run / ADAPTER_FOLDER
    shutil.rmtree(final, ignore_errors=True)
    draft.rename(final)
    return True


def _portable(base: str) -> str:
    """A name or hub id as it is, a directory by its last part."""
    return Path(base).name if Path(base).is_dir() else base
