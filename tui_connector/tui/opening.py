"""What the guide starts from: nothing, a saved profile, or the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..guide.steps import Setup
from ..guide.workbench import Workbench
from ..machine import Machine
from ..profile.document import Document, TomlSyntax
from ..profile.files import ProfileUnreadable
from ..profile.problems import check
from .step_pane import Work

if TYPE_CHECKING:
    from .app import Demo


class Unopened(Exception):
    """A profile that cannot be opened in the guide; the message has every problem with its place."""


def opened(machine: Machine, path: Path | None, demo: Demo | None = None) -> Work:
    """Raises `Unopened`."""
    workbench = Workbench(machine)
    directory = machine.directories.profiles
    if path is None:
        setup = Setup(demo.name, demo.title, demo.url, description=demo.description) if demo else Setup()
        return Work(setup, workbench, directory, sandbox=demo.values if demo else {})
    try:
        document = Document.read(path)
    except (ProfileUnreadable, TomlSyntax) as error:
        raise Unopened(f"{error}. {error.hint or ''}") from error
    profile, problems = check(document.text_as_read)
    if profile is None:
        raise Unopened("\n".join(f"{path}:{problem}" for problem in problems))
    setup = Setup.of(path.stem, document.draft)
    if demo is not None:
        setup.typed_address, setup.address = demo.url, None
        setup.begun = setup.proven = False
    return Work(setup, workbench, directory, document, path, demo.values if demo else {})
