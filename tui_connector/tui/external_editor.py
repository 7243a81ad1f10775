"""Opens files and texts in the user's editor, which has the terminal while the app goes on."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported
from textual.widget import Widget

from ..errors import UserError
from ..files import described, make_private, state_remedy, write_private
from ..machine import Machine, child_environment
from ..secrets.named_values import mask_message
from ..secrets.names import is_secret_parameter
from ..text import shown
from .handover import hand_over, handover_app
from .widgets.text_areas import JsonField

_PLUS_LINE = frozenset(
    {
        *("vi", "vim", "nvim", "nvi", "view", "ex", "gvim", "mvim", "nano", "rnano", "pico", "emacs", "emacsclient"),
        *("mg", "zile", "micro", "kak", "ne", "joe", "jmacs", "jpico", "jstar", "rjoe", "mcedit"),
        *("gedit", "pluma", "xed", "gnome-text-editor", "geany", "bbedit"),
    }
)
_COLON_LINE = frozenset({"hx", "helix", "subl", "sublime_text", "zed", "zeditor"})
_GO_TO = frozenset({"code", "code-insiders", "code-oss", "codium", "vscodium", "cursor", "windsurf"})
_LINE_OPTION = frozenset({"kate", "kwrite", "mate"})
_SYSTEM = frozenset({"editor", "sensible-editor"})
"""Open the editor that the system's user has chosen (Debian's alternatives and sensible-editor)."""
_DIRECTORIES = ("PWD", "OLDPWD")
"""Not secrets, although "pwd" names a password elsewhere."""
_ENDED = "editor-ended"
"""The code of the problem that a signal has ended the editor."""
_FALLBACKS = ("sensible-editor", "nano", "vim", "vi")


def command_for(environ: Mapping[str, str], path: Path, line: int | None) -> list[str]:
    """The command that opens the file, at this line where the editor supports it. Raises `UserError`."""
    text = environ.get("VISUAL") or environ.get("EDITOR") or next(filter(shutil.which, _FALLBACKS), "")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(
            "editor", f"The editor {text!r} is not a valid command: {error}. Correct $VISUAL or $EDITOR."
        ) from error
    if not words:
        raise UserError("editor", "No editor found. Set $VISUAL or $EDITOR, for example: export EDITOR=nano")
    return [*words, *_place(_program(words[0], environ), path, line)]


def _place(program: str, path: Path, line: int | None) -> list[str]:
    """The arguments with which this program opens the file, at the line where it is known how."""
    if line is not None and program in _COLON_LINE:
        return [f"{path}:{line}"]
    if line is not None and program in _GO_TO:
        return ["--goto", f"{path}:{line}"]
    if line is not None and program in _LINE_OPTION:
        return ["--line", str(line), str(path)]
    return [*([f"+{line}"] if line is not None and program in _PLUS_LINE else []), str(path)]


def _program(command: str, environ: Mapping[str, str]) -> str:
    """The name of the program behind a command, without what tells its variants apart: vim.basic is vim."""
    name = Path(command).name
    if name in _SYSTEM:
        chosen = ""
        if name != "editor":
            with suppress(OSError, UnicodeDecodeError):
                chosen = Path(environ.get("HOME", ""), ".selected_editor").read_text("utf-8")
        found = re.search(r"^SELECTED_EDITOR=[\"']?([^\"'\s]+)", chosen, re.MULTILINE)
        command = found[1] if found else "editor"
        name = Path(os.path.realpath(shutil.which(command, path=environ.get("PATH")) or command)).name
    return name.removesuffix(".exe").partition(".")[0]


def _environment(environ: Mapping[str, str], path: Path) -> dict[str, str]:
    """The environment without secrets, which plugins of the editor could read.

    Variables that the edited file names are left out too: it may be a profile that reads secrets from them.
    """
    always = child_environment(environ)
    try:
        named = set(re.findall(r"\w+", path.read_text("utf-8", "replace")))
    except OSError:  # the editor reports it
        named = set()
    found = {
        name: value
        for name, value in environ.items()
        if name in _DIRECTORIES or not (name in named or _is_secret(name, value))
    }
    return found | {name: value for name, value in always.items() if name in environ}


def _is_secret(name: str, value: str) -> bool:
    if name.upper().startswith("TUI_CONNECTOR_") or is_secret_parameter(name, value):
        return True
    return name.upper().endswith("PASS") or mask_message(value) != value


async def edit(app: App[Any], machine: Machine, path: Path, line: int | None = None) -> None:
    """Edits the file until the user's editor ends; call it by `hand_over`. Raises `UserError`."""
    command = await asyncio.to_thread(command_for, machine.environ, path, line)
    environment = await asyncio.to_thread(_environment, machine.environ, path)
    try:
        code = await handover_app(app).run_in_foreground(command, environment)
    except SuspendNotSupported as error:
        raise UserError(
            "editor", "An editor cannot be started in this terminal. Edit the file in another one."
        ) from error
    except OSError as error:
        raise UserError("editor", f"{command[0]}: {error.strerror}. Set $VISUAL or $EDITOR.") from error
    if code > 0:
        raise UserError("editor", f"{command[0]} exited with code {code}.")
    if code:
        raise UserError(_ENDED, f"{command[0]} was ended by {signal.Signals(-code).name}.")


async def edit_copy(app: App[Any], machine: Machine, name: str, data: bytes, line: int | None = None) -> bytes:
    """What the user's editor made of this data, in a private file of this name that is deleted afterwards.

    As `edit`; also where the editor failed: then nothing is taken. Of one that a signal has ended, what it had saved is
    taken, also as its copy for emergencies.
    """
    try:
        directory = await asyncio.to_thread(_private_copy, machine.directories.state, name, data)
        path = Path(directory.name, name)
        try:
            try:
                await edit(app, machine, path, line)
            except UserError as error:
                written = await asyncio.to_thread(_saved_in, path, is_ended=True)
                if error.code != _ENDED or written == data:
                    raise
                app.notify(shown(f"{error} What it had saved is kept."), severity="warning", markup=False)
                return written
            return await asyncio.to_thread(_saved_in, path, is_ended=handover_app(app).was_cut_short)
        finally:
            await asyncio.shield(asyncio.to_thread(directory.cleanup))
    except OSError as error:
        raise UserError("editor", f"{name} cannot be edited: {described(error, state_remedy(error))}") from error


def _saved_in(path: Path, *, is_ended: bool) -> bytes:
    """What an editor has made of a file; of one that `is_ended` by a signal, the newest of what it has written."""
    copies = [path.with_name(f"{path.name}.save"), path.with_name(f"#{path.name}#")] if is_ended else []  # nano, Emacs
    return max((path, *filter(Path.exists, copies)), key=lambda each: each.stat().st_mtime_ns).read_bytes()


def _private_copy(state: Path, name: str, data: bytes) -> tempfile.TemporaryDirectory[str]:
    make_private(state)
    directory = tempfile.TemporaryDirectory(prefix="edit-", dir=state, ignore_cleanup_errors=True)
    try:
        write_private(Path(directory.name, name), data)
    except OSError:
        directory.cleanup()
        raise
    return directory


def edit_text(
    app: App[Any], machine: Machine, name: str, text: str, done: Callable[[str], None], tell: Callable[[str], None]
) -> None:
    """Opens a text in the user's editor; `done` is called with what was made of it, or `tell` with a problem.

    `name` is that of a file for this kind of text. What is not UTF-8 is read as Latin-1: nothing that was written is
    lost.
    """

    async def edited() -> None:
        try:
            data = await edit_copy(app, machine, name, text.encode())
        except UserError as error:
            tell(str(error))
            return
        try:
            written = data.decode("utf-8")
        except UnicodeDecodeError:
            written = data.decode("latin-1")
        done(written)

    hand_over(app, edited())


def edit_field(owner: Widget, machine: Machine, field: JsonField, tell: Callable[[str], None] | None = None) -> None:
    """Opens the text of a field in the user's editor. A problem is shown, by `tell` if that is given."""

    def take(text: str) -> None:
        field.text = text.rstrip("\n")

    def warn(problem: str) -> None:
        owner.notify(shown(problem), severity="warning", markup=False)

    edit_text(owner.app, machine, "field.json", f"{field.text}\n", take, tell or warn)
