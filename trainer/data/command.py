"""``python -m trainer data check | split``: is the curated data what it says it is?

Role: parses, reads, prints; exit status 0 green, 1 faults, 2 usage, 3 a file cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedError, read_curated
from diffdx_tui.domain.knowledge import KnowledgeError, read_knowledge
from diffdx_tui.domain.lexicon import LexiconError
from diffdx_tui.domain.splits import SplitsError, read_splits
from diffdx_tui.domain.visible import make_visible_line
from trainer.data.material import Fault, Material, MaterialError, read_lines, type_rows

EXTERNAL_FILES = ("avey_vignettes.jsonl", "semigran_vignettes.jsonl")
OK, FAULTS, REFUSED = 0, 1, 3


def main(arguments: list[str]) -> int:
    """Run the sub-command that *arguments* name; the exit status."""
    options = _parse(arguments)
    try:
        return _split(options) if options.command == "split" else _check(options)
    except (MaterialError, CuratedError, KnowledgeError, LexiconError, SplitsError) as error:
        print(f"error: {make_visible_line(str(error))}", file=sys.stderr)
        return REFUSED


def read_material(data: Path, external: Path | None = None) -> Material:
    """Everything under *data*, and the external sets of *external* that are there.

    Raises:
        MaterialError: rows that are no JSON objects; and as the domain's readers.
    """
    regression = data / "regression.jsonl"
    held_out = data / "held_out.jsonl"
    splits = data / "splits.json"
    return Material(
        raw=type_rows(read_lines(data / "vignettes.jsonl")),
        knowledge=read_knowledge(data / "knowledge"),
        splits=read_splits(splits) if splits.is_file() else None,
        regression=read_curated(regression) if regression.is_file() else (),
        held_out=_held_out(held_out) if held_out.is_file() else {},
        external=_external(external) if external else {},
    )


def _check(options: argparse.Namespace) -> int:
    from trainer.data.registry import run_checks
    from trainer.data.statistics import describe

    material = read_material(options.data, options.external)
    found = run_checks(material)
    figures = describe(material)
    faults = [fault for some in found.values() for fault in some]
    _print(found, figures)
    if not material.external:
        print(
            "external-overlap: skipped, no external set given: --external DIR with "
            + " and ".join(EXTERNAL_FILES)
        )
    if options.out:
        _write(options.out, found, figures, bool(material.external))
    print(f"{len(faults)} faults" if faults else "green: no faults")
    return FAULTS if faults else OK


def _split(options: argparse.Namespace) -> int:
    from trainer.data.split_lists import refresh

    cases = read_curated(options.data / "vignettes.jsonl")
    path = options.data / "splits.json"
    print(f"{path.name}: {refresh(cases, path, options.redraw, options.seed)}")
    return OK


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m trainer data")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="run every check; print counts and faults")
    check.add_argument("--external", type=Path, metavar="DIR", help="folder of the external sets")
    check.add_argument("--out", type=Path, metavar="FILE", help="write counts and figures as JSON")
    split = commands.add_parser("split", help="renew the splits' hash, or draw the splits again")
    split.add_argument("--redraw", action="store_true", help="draw new lists even if ids move")
    split.add_argument("--seed", type=int, help="draw with this seed")
    for command in (check, split):
        command.add_argument("--data", type=Path, default=data_directory(), metavar="DIR")
    return parser.parse_args(arguments)


def _held_out(path: Path) -> dict[str, str]:
    return {str(row["id"]): str(row["vignette"]) for row in read_lines(path)}


def _external(directory: Path) -> dict[str, str]:
    """All text fields of each row joined, by file and line; a file that is not there is said."""
    texts: dict[str, str] = {}
    for name in EXTERNAL_FILES:
        path = directory / name
        if not path.is_file():
            print(f"external-overlap: {name} is not in that folder: skipped", file=sys.stderr)
            continue
        for number, row in enumerate(read_lines(path), start=1):
            texts[f"{path.stem}:{number}"] = "\n".join(_strings(row))
    return texts


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in _strings(one)] if isinstance(value, list) else []


def _print(found: dict[str, list[Fault]], figures: dict[str, Any]) -> None:
    print(
        f"{figures['rows']} rows, {figures['regression_rows']} regression cases, "
        f"{figures['conditions']} conditions"
    )
    for name, faults in found.items():
        print(f"  {name:28} {len(faults)}")
    claims = figures["claims_read"]
    print(f"claims read in rationales: {sum(claims.values())}; pairs: {figures['pairs']}")
    print(f"tier four by a constant per domain: {figures['tier_four_constant_per_domain']:.1%}")
    for fault in (one for faults in found.values() for one in faults):
        print(make_visible_line(str(fault)))


def _write(
    path: Path, found: dict[str, list[Fault]], figures: dict[str, Any], with_external: bool
) -> None:
    document = {
        "command": "python -m trainer data check --external DIR --out FILE",
        "notice": "Not clinician-validated.",
        "external_sets_compared": with_external,
        "faults": {name: len(faults) for name, faults in found.items()},
        "statistics": figures,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
