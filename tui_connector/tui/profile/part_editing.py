"""Opens the guide on a part of a saved profile; what was left unsaved before is offered first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textual.app import App

from ...guide.drafts import Draft, Drafts, key_for
from ...guide.parts import Family, Part
from ...guide.setup import Setup
from ...guide.words import Step
from ...guide.workbench import Workbench
from ...profile.document import Document
from ..ago import ago
from ..confirm import ChooseScreen
from ..setup.opening import resumed
from ..setup.screen import SetupScreen
from ..setup.step_pane import Work

_STEPS: Mapping[Family, Step] = {
    "clients": Step.BASICS,
    "authentications": Step.AUTHENTICATION,
    "incoming": Step.INCOMING,
    "outgoing": Step.OUTGOING,
}


def edit_part(app: App[None], workbench: Workbench, path: Path, document: Document, part: Part | None) -> None:
    """The guide at this part's step, or at its first; the workbench stays its owner's."""
    machine = workbench.machine
    draft = Drafts(machine.directories.state).find(key_for(path))
    if draft is None:
        _begin(app, workbench, path, document, part)
        return

    def chosen(answer: str | None) -> None:
        if answer == "on":
            _go_on(app, workbench, draft)
        elif answer == "anew":
            _begin(app, workbench, path, document, part)

    left = ago(machine.now().timestamp() - draft.kept_at)
    options = {"on": "Go on with them", "anew": "Leave them, and begin from the file"}
    app.push_screen(ChooseScreen(f"There are changes from {left} that were not saved.", options), chosen)


def _go_on(app: App[None], workbench: Workbench, draft: Draft) -> None:
    work, step = resumed(workbench.machine, draft)
    app.push_screen(SetupScreen(work, step), lambda _: work.workbench.close())


def _begin(app: App[None], workbench: Workbench, path: Path, document: Document, part: Part | None) -> None:
    setup = Setup.of(path.stem, document)
    if part is not None and part.family == "clients":
        setup.choose_client(part.name)
    elif part is not None and part.family == "authentications":
        users = [name for name in setup.table("clients") if part.name in _applied(setup, name)]
        if not users:
            app.notify("No client uses it. Edit it as text, with e.", markup=False)
            return
        setup.choose_client(users[0])
        setup.use(part.name)
    work = Work(setup, workbench, workbench.machine.directories.profiles, path, draft_key=key_for(path))
    step = _STEPS[part.family] if part else Step.BASICS
    app.push_screen(SetupScreen(work, step, part.name if part else ""))


def _applied(setup: Setup, client: str) -> list[object]:
    names = setup.at("clients", client, "authentications")
    return list(names) if isinstance(names, list) else []
