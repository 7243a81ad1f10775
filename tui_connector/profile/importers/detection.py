"""Chooses the importer for a text by its content."""

from __future__ import annotations

import os
import pkgutil
import re
import stat
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from ...files import FileFault, read_regular, reason
from ...text import listed
from . import formats
from .format import Format, ImportText
from .json_text import too_deep
from .model import MAX_TEXT, Import, ImportOptions, InvalidImport

_MAX_NAMED_FILE = 1024 * 1024
"""Bytes of a file that an imported command names."""


def read(text: str, options: ImportOptions | None = None) -> Import:
    """What the text contains. Raises `InvalidImport`."""
    source = ImportText(text.lstrip("\ufeff \t\r\n"))
    known = _formats()
    for each in known:
        if not each.fits(source):
            continue
        try:
            return each.read(source, options or ImportOptions())
        except RecursionError as error:
            raise too_deep() from error
    if source.syntax_error is not None:
        raise source.syntax_error
    if _YAML.search(text[:_SEARCHED]) is not None:
        hint = "Convert it to JSON first, such as with: yq -o json FILE | tui-connector profiles import -"
        raise InvalidImport("import-yaml", "this is an OpenAPI or Swagger document in YAML", hint)
    names = listed([each.name for each in known])
    raise InvalidImport("import-format", "the format is not known", f"These can be imported: {names}.")


_YAML = re.compile(r"^[\"']?(?:openapi|swagger)[\"']?[ \t]*:", re.MULTILINE)
_SEARCHED = 20_000
"""Characters of a text in which the version of such a document is looked for."""


@cache
def _formats() -> tuple[Format, ...]:
    modules = (import_module(f"{formats.__name__}.{each.name}") for each in pkgutil.iter_modules(formats.__path__))
    return tuple(module.FORMAT for module in modules)


def read_text(path: Path) -> str:
    """The text of a file to import. Raises `InvalidImport`."""
    try:
        return as_text(read_regular(path, MAX_TEXT))
    except FileFault as error:
        message = f"is larger than {MAX_TEXT // 1024 // 1024} MB" if error.code == "too-large" else error.strerror
        raise InvalidImport("import-file", message or "cannot be read", "", str(path)) from error
    except (OSError, ValueError) as error:
        raise InvalidImport("import-file", reason(error), "Check the path.", str(path)) from error


def as_text(data: bytes) -> str:
    """The bytes of a file as text; browsers and PowerShell write UTF-16, too. Raises `InvalidImport`."""
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidImport("import-file", f"line {line} is not UTF-8", "Save it as UTF-8.") from error


def files_below(directory: Path) -> Callable[[str], bytes]:
    """Reads the files in a folder that a command names, as curl does for `@name`; nothing outside the folder."""

    def read_file(name: str) -> bytes:
        inside = os.path.normpath(name)
        if os.path.isabs(name) or "\0" in name or inside.startswith("..") or name.startswith("~"):
            raise InvalidImport("import-file", f"the file {name!r} is outside the current folder")
        path = directory
        for step in Path(inside).parts:  # a link may lead outside
            path = path / step
            if os.path.lexists(path) and stat.S_ISLNK(os.lstat(path).st_mode):
                raise InvalidImport("import-file", f"the file {name!r} is a link, which is not followed")
        try:
            return read_regular(path, _MAX_NAMED_FILE)
        except (OSError, ValueError) as error:
            raise InvalidImport("import-file", f"the file {name!r}: {reason(error)}") from error

    return read_file
