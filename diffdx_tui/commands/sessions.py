"""``diffdx-tui sessions``: saved work without the app.

Role: lists, shows, searches, exports, imports, deletes and restores.  Data goes to standard output,
what was done to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from diffdx_tui.commands.console import emit, emit_json, emit_line, escape_json, report, tell
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.commands.session_text import answer_lines, hit_lines, session_line, session_lines
from diffdx_tui.commands.settings import settings_of
from diffdx_tui.config import Config
from diffdx_tui.document import document_of
from diffdx_tui.store import Answer, Session, SessionStore, UnknownId

_SUFFIXES = {".jsonl": "jsonl", ".md": "md", ".markdown": "md", ".csv": "csv"}


def run(options: argparse.Namespace) -> int:
    """Do what ``options.action`` says; returns the exit code."""
    config = settings_of(options)
    with _open(config, create=options.action == "import") as store:
        if store.notice:
            report(store.notice)
        return _ACTIONS[options.action](store, options)


def _open(config: Config, *, create: bool) -> SessionStore:
    """The saved sessions; looking for some makes no file."""
    if create or config.database.exists():
        return SessionStore.open(config.database)
    return SessionStore.in_memory()


def _list(store: SessionStore, options: argparse.Namespace) -> int:
    sessions = store.list_sessions(options.limit)
    if options.json:
        emit_json([_session_values(session) for session in sessions])
        return Exit.ANSWERED
    for session in sessions:
        emit_line(session_line(session))
    if not sessions:
        tell("there are no saved sessions yet")
    elif (count := store.count()) > len(sessions):
        tell(f"{len(sessions)} of {count}; --limit shows more")
    return Exit.ANSWERED


def _search(store: SessionStore, options: argparse.Namespace) -> int:
    hits = store.search(" ".join(options.query), options.limit)
    if options.json:
        emit_json(
            [
                {
                    **_session_values(hit.session),
                    "snippet": "".join(piece.text for piece in hit.snippet),
                }
                for hit in hits
            ]
        )
        return Exit.ANSWERED
    for hit in hits:
        for line in hit_lines(hit):
            emit_line(line)
    if not hits:
        tell("no session has all of these words")
    return Exit.ANSWERED


def _show(store: SessionStore, options: argparse.Namespace) -> int:
    try:
        session = store.read_session(options.id)
    except UnknownId as unknown:
        return _show_answer(_answer_or(store, options.id, unknown), options)
    answers = store.answers(session.id)
    if options.json:
        documents = [document_of(answer) for answer in answers]
        emit_json({"session": _session_values(session), "answers": documents})
        return Exit.ANSWERED
    for line in session_lines(session, answers):
        emit_line(line)
    return Exit.ANSWERED


def _answer_or(store: SessionStore, answer_id: str, unknown: UnknownId) -> Answer:
    try:
        return store.read_answer(answer_id)
    except UnknownId:
        raise UnknownId(f"there is no session and no answer {answer_id!r}") from unknown


def _show_answer(answer: Answer, options: argparse.Namespace) -> int:
    if options.json:
        emit_json(document_of(answer))
    else:
        for line in answer_lines(answer):
            emit_line(line)
    return Exit.ANSWERED


def _export(store: SessionStore, options: argparse.Namespace) -> int:
    target = None if options.output in (None, "-") else Path(options.output)
    form = options.format or (_SUFFIXES.get(target.suffix.lower()) if target else None) or "jsonl"
    ids = options.ids or None
    parts = {
        "jsonl": store.export_jsonl,
        "md": store.export_markdown,
        "csv": store.export_csv,
    }[form](ids)
    if target is None:
        for part in parts:
            emit(escape_json(part) if form == "jsonl" else part)
        return Exit.ANSWERED
    if store.path is not None and _is_ours(target, store.path):
        raise CommandError(f"{target} belongs to the program: choose another file", Exit.USAGE)
    _write_whole(target, parts)
    tell(f"exported to {target}")
    return Exit.ANSWERED


def _is_ours(target: Path, database: Path) -> bool:
    """Whether *target* is the database, a companion of it, or the settings file."""
    if target.resolve().parent != database.resolve().parent:
        return False
    return target.name.startswith(database.name) or target.name in ("sessions.lock", "config.toml")


def _write_whole(target: Path, parts: Iterable[str]) -> None:
    """Write *target*, readable by its owner alone, all of it or nothing."""
    try:
        if target.exists() and not target.is_file():  # a pipe or a device cannot be replaced
            _write_parts(os.open(target, os.O_WRONLY), parts)
            return
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            _write_parts(descriptor, parts)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}", Exit.USAGE) from error


def _write_parts(descriptor: int, parts: Iterable[str]) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.writelines(parts)


def _import(store: SessionStore, options: argparse.Namespace) -> int:
    result = store.import_jsonl(_lines_of(options.file))
    for error in result.errors:
        report(f"line {error.line} is skipped: {error.message}")
    tell(
        f"{result.sessions} sessions and {result.answers} answers added, "
        f"{result.skipped} known already, {len(result.errors)} refused"
    )
    return Exit.REFUSED if result.errors else Exit.ANSWERED


def _lines_of(name: str) -> Iterator[bytes]:
    if name == "-":
        yield from sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as file:
            yield from file
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror}"
        raise CommandError(message, Exit.REFUSED) from error


def _delete(store: SessionStore, options: argparse.Namespace) -> int:
    sessions = [store.read_session(session_id) for session_id in options.ids]
    if not options.yes and not _agrees(sessions):
        tell("nothing was deleted")
        return Exit.ANSWERED
    for session in sessions:
        store.delete_session(session.id)
    restore = " ".join(session.id for session in sessions)
    tell(f"deleted; `diffdx-tui sessions restore {restore}` brings it back within 30 days")
    return Exit.ANSWERED


def _agrees(sessions: list[Session]) -> bool:
    if not sys.stdin.isatty():
        raise CommandError("there is nobody to ask: say --yes to delete", Exit.USAGE)
    for session in sessions:
        tell(session_line(session))
    tell("Delete? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _restore(store: SessionStore, options: argparse.Namespace) -> int:
    for session_id in options.ids:
        session = store.read_session(session_id)
        store.restore_session(session.id)
        tell(f"restored {session.id}")
    return Exit.ANSWERED


def _session_values(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "created": session.created.isoformat(),
        "updated": session.updated.isoformat(),
        "title": session.title,
        "state": None if session.state is None else str(session.state),
        "strict": session.strict,
        "model": session.model,
        "answers": session.answers,
        "tags": list(session.tags),
        "note": session.note,
        "final_diagnosis": session.final_diagnosis,
        "deleted": session.deleted.isoformat() if session.deleted else None,
    }


_ACTIONS: dict[str, Callable[[SessionStore, argparse.Namespace], int]] = {
    "list": _list,
    "search": _search,
    "show": _show,
    "export": _export,
    "import": _import,
    "delete": _delete,
    "restore": _restore,
}
