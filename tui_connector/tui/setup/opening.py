"""What the guide starts from: nothing, a saved profile, or the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...guide.drafts import Draft, key_for
from ...guide.resume import setup_of
from ...guide.setup import Setup, new_document
from ...guide.texts import GuideStep
from ...guide.trust import ProfileTrust
from ...guide.workbench import Workbench
from ...machine import Machine
from ...profile.problems import read_profile
from .step import GuideContext

# What the guide is told of the sandbox store.


@dataclass(frozen=True, slots=True)
class DemoStore:
    """The sandbox store as the guide shows it."""

    url: str
    name: str
    title: str
    description: str
    values: Mapping[str, str]


def opened(
    machine: Machine, path: Path | None, demo: DemoStore | None = None, *, trust_once: bool = False
) -> GuideContext:
    """Raises `UserError`; its message has every problem with its place."""
    workbench = _workbench(machine, path, once=trust_once)
    directory = machine.directories.profiles
    if path is None:
        setup = Setup(demo.name, new_document(demo.title, demo.description)) if demo else Setup()
        setup.typed_address = demo.url if demo else ""
        return GuideContext(setup, workbench, directory, sandbox=demo.values if demo else {})
    document, profile = read_profile(path)
    workbench.keep_history(path, profile)  # where it cannot be kept, the profile's page says so
    setup = Setup.of(path.stem, document)
    if demo is not None:
        setup.typed_address, setup.proven = demo.url, False
        setup.searched = (demo.url, setup.store_view)
    return GuideContext(setup, workbench, directory, path, demo.values if demo else {}, draft_key=key_for(path))


def _workbench(machine: Machine, path: Path | None, *, once: bool = False) -> Workbench:
    trust = ProfileTrust(machine, path, once=once)
    return Workbench(machine, directory=trust.directory, trust=trust)


def resumed(machine: Machine, draft: Draft) -> tuple[GuideContext, GuideStep]:
    """A setup that was left half-way, and the step to continue with."""
    setup, step = setup_of(draft)
    path = Path(draft.profile) if draft.profile else None
    workbench = _workbench(machine, path)
    work = GuideContext(setup, workbench, machine.directories.profiles, path, draft_key=draft.key)
    work.resumed = True
    return work, step
