"""What the guide starts from: nothing, a saved profile, or the sandbox."""

from __future__ import annotations

from pathlib import Path

from ...guide.drafts import Draft, key_for
from ...guide.new_profile import new_document
from ...guide.resuming import setup_of
from ...guide.setup import Setup
from ...guide.trust import ProfileTrust
from ...guide.words import Step
from ...guide.workbench import Workbench
from ...machine import Machine
from ...profile.document import Document, TomlSyntax
from ...profile.files import ProfileUnreadable
from ...profile.problems import check
from .demo import Demo
from .step_pane import Work


class Unopened(Exception):
    """A profile that cannot be opened in the guide; the message has every problem with its place."""


def opened(machine: Machine, path: Path | None, demo: Demo | None = None, *, trust_once: bool = False) -> Work:
    """Raises `Unopened`."""
    workbench = _workbench(machine, path, once=trust_once)
    directory = machine.directories.profiles
    if path is None:
        setup = Setup(demo.name, new_document(demo.title, demo.description)) if demo else Setup()
        setup.typed_address = demo.url if demo else ""
        return Work(setup, workbench, directory, sandbox=demo.values if demo else {})
    try:
        document = Document.read(path)
    except (ProfileUnreadable, TomlSyntax) as error:
        raise Unopened(f"{error}. {error.hint or ''}") from error
    profile, problems = check(document.text_as_read)
    if profile is None:
        raise Unopened("\n".join(f"{path}:{problem}" for problem in problems))
    workbench.keep_history(path, profile)  # where it cannot be kept, the profile's page says so
    setup = Setup.of(path.stem, document)
    if demo is not None:
        setup.typed_address, setup.proven = demo.url, False
        setup.searched = (demo.url, setup.store_view)
    return Work(setup, workbench, directory, path, demo.values if demo else {}, draft_key=key_for(path))


def _workbench(machine: Machine, path: Path | None, *, once: bool = False) -> Workbench:
    trust = ProfileTrust(machine, path, once=once)
    return Workbench(machine, directory=trust.directory, trust=trust)


def resumed(machine: Machine, draft: Draft) -> tuple[Work, Step]:
    """A setup that was left half-way, and the step to go on with."""
    setup, step = setup_of(draft)
    path = Path(draft.profile) if draft.profile else None
    workbench = _workbench(machine, path)
    work = Work(setup, workbench, machine.directories.profiles, path, draft_key=draft.key)
    work.resumed = True
    return work, step
