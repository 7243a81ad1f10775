"""Opens the guide on a saved profile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from textual.app import App

from ...files import reason
from ...guide.drafts import Draft, Drafts, key_for
from ...guide.part_families import Family
from ...guide.profiles.saved_changes import SavedChanges
from ...guide.sending.kept_samples import read_samples
from ...guide.steps.methods import INTEGRATION, STEP_OF, GuideStep
from ...guide.steps.setup import Setup
from ...guide.steps.summaries import ProfilePart
from ...guide.trust import ProfileTrust
from ...guide.workbench import Workbench
from ...profile.document import Document
from ...units import ago
from ..widgets.form_field import FormPath
from ..widgets.frame import by_itself
from ..widgets.questions import UnsavedScreen, WorkAnswer
from .context import GuideContext, GuideResults, resume_context
from .results import PartTest
from .screen import SetupScreen

BeginWith = Literal["step", "form", "add"]


async def open_guide(
    app: App[None],
    workbench: Workbench,
    path: Path,
    document: Document,
    changes: SavedChanges,
    part: ProfilePart | None,
    begin_with: BeginWith = "step",
    discarded: Callable[[], Awaitable[None]] | None = None,
    family: Family | None = None,
    at: FormPath = (),
    closed: Callable[[Sequence[PartTest]], None] | None = None,
) -> None:
    """Opens the guide at the step of this part, or at the first; an unsaved draft is offered first.

    `changes` takes what is saved there.
    `begin_with`: there, the form of the part, at the field `at`, or adding a part of `family`, by default its own.
    `discarded` is called instead of opening the guide, once the draft was discarded. `closed` is called after the
    guide, with its last tests of the parts of the saved profile.
    """
    machine = workbench.machine
    draft = Drafts(machine.directories.state).find(key_for(path))
    if draft is None:
        await _open_guide(app, workbench, path, document, changes, part, begin_with, family, at, closed)
        return

    async def chosen(option: str | None) -> None:
        if option == "restore":
            await _resume_draft(app, workbench, changes, draft, closed)
        elif option == "discard" and discarded is not None:
            try:
                await asyncio.to_thread(Drafts(machine.directories.state).drop, draft.key)
            except OSError as error:
                app.notify(f"The draft could not be deleted: {reason(error)}", severity="error", markup=False)
            else:
                machine.typed.forget_draft(draft.key)
                await discarded()
        elif option == "discard":
            await _open_guide(app, workbench, path, document, changes, part, begin_with, family, at, closed)

    left = ago(machine.now().timestamp() - draft.kept_at)
    options: dict[WorkAnswer, str] = {"restore": "Resume", "discard": "Discard and reload the file"}
    question = f"There are unsaved changes from {left}."
    dialog = UnsavedScreen(options, question=question, stay="Decide later", title="Draft")
    app.push_screen(by_itself(dialog), chosen)


async def _resume_draft(
    app: App[None],
    workbench: Workbench,
    changes: SavedChanges,
    draft: Draft,
    closed: Callable[[Sequence[PartTest]], None] | None,
) -> None:
    results: dict[str, GuideResults] = getattr(app, "guide_results", {})
    context, step = resume_context(workbench.machine, draft, workbench.exchanges, results=results)
    context.changes = changes
    await app.push_screen(SetupScreen(context, step), lambda _: _closed(context, closed))


def _closed(context: GuideContext, closed: Callable[[Sequence[PartTest]], None] | None) -> None:
    context.workbench.close()
    if closed is not None:
        closed(context.tests)


async def _open_guide(
    app: App[None],
    workbench: Workbench,
    path: Path,
    document: Document,
    changes: SavedChanges,
    part: ProfilePart | None,
    begin_with: BeginWith,
    family: Family | None,
    at: FormPath,
    closed: Callable[[Sequence[PartTest]], None] | None,
) -> None:
    family = family or (part.family if part is not None else None)
    setup = setup_at(path, document, part)
    setup.samples = await asyncio.to_thread(read_samples, workbench.machine.directories.state, path, [*setup.outgoing])
    if part is not None and part.family == "authentications" and begin_with != "add":
        if part.name not in setup.applied():
            app.notify("No client uses it. Press e to edit it as text.", markup=False)
            return
        setup.show_authentication(part.name)
    if begin_with == "add" and family == "authentications":
        setup.new_authentication(INTEGRATION)
    machine = workbench.machine
    if workbench.trust.environment:  # the guide changes and tests the base values
        trust = ProfileTrust(machine, path)
        workbench = Workbench(machine, workbench.exchanges, directory=path.parent, trust=trust)
    else:
        workbench.hold()
    demo: Mapping[Path, Mapping[str, str]] = getattr(app, "demo_values", {})
    results: dict[str, GuideResults] = getattr(app, "guide_results", {})
    profiles, values = machine.directories.profiles, demo.get(path, {})
    context = GuideContext(setup, workbench, profiles, path, values, draft_key=key_for(path), results=results)
    context.changes = changes
    step = STEP_OF[family] if family else GuideStep.BASICS
    screen = SetupScreen(context, step, part.name if part else "", begin_with, at)
    await app.push_screen(screen, lambda _: _closed(context, closed))


def setup_at(path: Path, document: Document, part: ProfilePart | None) -> Setup:
    """The setup of a saved profile, with the client that is this part or uses it; else with its usual client."""
    setup = Setup.from_document(path.stem, document)
    if part is not None and part.family == "clients":
        setup.choose_client(part.name)
    elif part is not None and part.family == "authentications":
        users = [name for name in setup.table("clients") if part.name in _authentications_of(setup, name)]
        if users:
            setup.choose_client(users[0])
    return setup


def _authentications_of(setup: Setup, client: str) -> list[object]:
    names = setup.at("clients", client, "authentications")
    return list(names) if isinstance(names, list) else []
