"""Opens the editor on a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from ...errors import UserError
from ...guide.text_drafts import TextDrafts
from ...machine import Machine
from ...profile import line_ends
from ...profile.blocks import parse
from ...profile.document import Document
from ...profile.library import read_bytes
from ...profile.positions import KeyPath, TextPosition
from ...text import shown_line
from .screen import EditorScreen, Left

if TYPE_CHECKING:
    from ...profile.problems import Problem


async def open_editor(
    app: App[None],
    machine: Machine,
    path: Path,
    *,
    place: TextPosition | None = None,
    key: KeyPath = (),
    fix: Problem | None = None,
    before: Document | None = None,
    left: Callable[[Left], None],
) -> None:
    """Opens the editor at this place, this key, or a problem, which it corrects; `left` is called when it is left.

    `before` is what the editor had when it was left for a form: what that has saved is undone like any other edit. A
    reason why it cannot be opened is shown.
    """
    try:
        document = await asyncio.to_thread(_document, path, before)
        draft = await asyncio.to_thread(TextDrafts(machine.directories.state, path).find)
        if fix is not None:
            place = fix.place
        elif place is None and key:
            place = await asyncio.to_thread(_place_of, document, key)
        screen = EditorScreen(machine, document, at=place, draft=draft, fix=fix)
    except UserError as error:
        app.notify(shown_line(str(error), 400), severity="error", timeout=15, markup=False)
        return

    def closed(how: Left | None) -> None:
        if how is not None:
            left(how)

    await app.push_screen(screen, closed)


def _document(path: Path, before: Document | None) -> Document:
    if before is None or before.path != path:
        return Document.open(path)
    before.rebase(read_bytes(path))
    before.edit_text(before.text_as_read)
    before.history.close_group()
    return before


def _place_of(document: Document, key: KeyPath) -> TextPosition:
    return parse(line_ends.plain(document.text())).position(key)
