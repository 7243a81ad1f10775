"""Reads texts to import without blocking the event loop: a large one in a process of its own."""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path

from ...machine import child_environment
from .command_text import looks_like_command
from .detection import read, read_text
from .model import Import, ImportOptions, InvalidImport

_LARGE = 500_000
"""Characters; smaller texts are parsed within some milliseconds."""


async def source_text(source: str, environ: Mapping[str, str]) -> str:
    """The text to import: `source` itself, or that of the file that it names. Raises `InvalidImport`."""
    line = source.strip()
    if "\n" in line or line.startswith(("{", "[")) or looks_like_command(line):
        return source
    path = Path(line)
    if path.parts[:1] == ("~",) and "HOME" in environ:
        path = Path(environ["HOME"], *path.parts[1:])
    return await asyncio.to_thread(read_text, path)


async def read_in_background(text: str, environ: Mapping[str, str]) -> Import:
    """What the text contains, read in a thread or a process. Raises `InvalidImport`."""
    if len(text) < _LARGE:
        return await asyncio.to_thread(read, text, ImportOptions())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=child_environment(environ, also=["PYTHONPATH"]),
    )  # fmt: skip
    try:
        data = await asyncio.to_thread(text.encode, "utf-8", "surrogatepass")
        out, _ = await process.communicate(data)
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise InvalidImport(
            "import-failed", "it cannot be read: the process that reads it ended", "Is there enough memory?"
        )
    found: Import | tuple[str, str, str, str] = pickle.loads(out)
    if isinstance(found, Import):
        return found
    raise InvalidImport(*found)


def _main() -> None:
    text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    found: Import | tuple[str, str, str, str]
    try:
        found = read(text)
    except InvalidImport as error:
        found = (error.code, error.message, error.hint, error.place)
    sys.stdout.buffer.write(pickle.dumps(found))


if __name__ == "__main__":
    _main()
