"""Runs the user's editor in the terminal while the app is suspended."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from textual.app import App, SuspendNotSupported
from textual.widget import Widget

from ..errors import UserError
from ..files import described, make_private, state_remedy, write_private
from ..machine import Machine, child_environment
from ..secrets.named_values import mask_message
from ..secrets.names import is_secret_parameter
from ..text import shown
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


def edit(app: App[object], machine: Machine, path: Path, line: int | None = None) -> None:
    """Edits the file; blocks the app until the editor exits. Raises `UserError`."""
    command = command_for(machine.environ, path, line)
    try:
        with app.suspend(), _interrupts_ignored(), machine.at_standstill():
            ended = subprocess.run(command, env=_environment(machine.environ, path), check=False)
    except SuspendNotSupported as error:
        raise UserError(
            "editor", "An editor cannot be started in this terminal. Edit the file in another one."
        ) from error
    except OSError as error:
        raise UserError("editor", f"{command[0]}: {error.strerror}. Set $VISUAL or $EDITOR.") from error
    if ended.returncode:
        raise UserError("editor", f"{command[0]} exited with code {ended.returncode}.")


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """The terminal sends Ctrl-C to the editor and to this program, which it would end."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the editor would inherit
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def edit_copy(app: App[object], machine: Machine, name: str, data: bytes, line: int | None = None) -> bytes:
    """What the user's editor made of this data, in a private file of this name that is deleted afterwards.

    Blocks the app until the editor exits. Raises `UserError`, also where the editor failed: then nothing is taken.
    """
    state = machine.directories.state
    try:
        make_private(state)
        with tempfile.TemporaryDirectory(prefix="edit-", dir=state, ignore_cleanup_errors=True) as directory:
            path = Path(directory, name)
            write_private(path, data)
            edit(app, machine, path, line)
            return path.read_bytes()
    except OSError as error:
        raise UserError("editor", f"{name} cannot be edited: {described(error, state_remedy(error))}") from error


def text_in(data: bytes) -> str:
    """The text that an editor saved. What is not UTF-8 is read as Latin-1: nothing of what was written is lost."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def edit_text(app: App[object], machine: Machine, text: str) -> str:
    """The text of a JSON field as the user's editor left it, as `edit_copy`."""
    return text_in(edit_copy(app, machine, "field.json", f"{text}\n".encode())).rstrip("\n")


def edit_field(owner: Widget, machine: Machine, field: JsonField) -> None:
    """Opens the text of a field of `owner` in the user's editor. A problem is shown."""
    try:
        field.text = edit_text(owner.app, machine, field.text)
    except UserError as error:
        owner.notify(shown(str(error)), severity="warning", markup=False)
