"""Opens a profile for a command, with the machine it runs on."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ..files import tighten
from ..machine import Ask, Machine, Nobody, this_machine
from ..text import shown, shown_line
from .failure import CommandFailed, Exit

if TYPE_CHECKING:
    from ..profile.model import Profile

T = TypeVar("T")


class Terminal:
    """Asks on the terminal the command was started from."""

    async def secret(self, label: str) -> str:
        return await asyncio.to_thread(getpass.getpass, f"{label}: ")

    async def allow(self, question: str) -> bool:
        sys.stderr.write(f"{shown(question)} [y/N] ")
        sys.stderr.flush()
        line = await asyncio.to_thread(sys.stdin.readline)
        return line.strip().lower() in ("y", "yes")


def machine_of(profile_dir: Path | None) -> Machine:
    """This machine; questions go to the terminal where there is one."""
    ask: Ask = Terminal() if sys.stdin is not None and sys.stdin.isatty() else Nobody()
    machine = this_machine(ask, profile_dir)
    for directory in (machine.directories.state, machine.directories.cache):
        if warning := tighten(directory):
            click.echo(shown_line(warning), err=True)
    return machine


def find(name: str, machine: Machine) -> Path:
    """The file of a profile given by name or path."""
    from ..profile.files import ProfileUnreadable
    from ..profile.library import Library, ProfileNotFound

    try:
        return Library(machine.directories.profiles).find(name)
    except (ProfileNotFound, ProfileUnreadable) as error:
        raise CommandFailed(f"{error}. {error.hint}", Exit.SETUP) from error


def read(path: Path) -> Profile:
    """The profile in a file. Every problem of it is one line with its place."""
    from ..profile.document import Document, TomlSyntax
    from ..profile.files import ProfileUnreadable
    from ..profile.problems import check

    try:
        document = Document.read(path)
    except (ProfileUnreadable, TomlSyntax) as error:
        raise CommandFailed(f"{error}. {error.hint or ''}", Exit.SETUP) from error
    profile, problems = check(document.text_as_read)
    if profile is None:
        lines = "\n".join(f"{path}:{problem}" for problem in problems)
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise CommandFailed(f"{lines}\nThe profile has {count}; nothing was sent.", Exit.SETUP)
    return profile


def run(work: Coroutine[object, object, T]) -> T:
    """Runs a command's asynchronous part."""
    return asyncio.run(work)
