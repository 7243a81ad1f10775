"""Starts the runs of the incomings and outgoings of a saved profile, with or without options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from textual.app import App

from ...guide.steps.summaries import ProfilePart
from ...guide.workbench import Workbench
from ...incoming.start import RunOptions
from ...profile.model import Profile
from ..run.options import RunOptionsScreen
from ..run.screen import open_run
from ..send.job import SendOptions
from ..send.options import SendOptionsScreen
from ..send.screen import open_sending, open_tasks
from ..widgets.choice import ChoiceScreen


class PartRuns:
    """Opens the screens of runs. `profile` returns the profile as it is then; while it is invalid nothing is opened."""

    def __init__(
        self, app: App[object], workbench: Workbench, path: Path, profile: Callable[[], Profile | None]
    ) -> None:
        self._app, self._workbench, self._path, self._profile = app, workbench, path, profile

    def start(self, part: ProfilePart, *, ask_options: bool, cancelled: Callable[[], None]) -> None:
        """Runs an incoming; of an outgoing, shows what sending it would change. `cancelled`: no options were chosen."""

        def read(options: RunOptions | None) -> None:
            self._read(part.name, options) if options is not None else cancelled()

        def send(options: SendOptions | None) -> None:
            self._send(part.name, options) if options is not None else cancelled()

        if part.family == "incoming":
            if ask_options:
                self._app.push_screen(RunOptionsScreen(part.name), read)
            else:
                read(RunOptions())
        elif ask_options:
            self._app.push_screen(SendOptionsScreen(part.name), send)
        else:
            send(SendOptions())

    def choose(
        self,
        parts: Sequence[ProfilePart],
        selected: ProfilePart | None,
        chosen: Callable[[ProfilePart, Callable[[], None]], None],
        highlighted: str = "",
    ) -> None:
        """`chosen` receives the selected part, where it can be started; otherwise asks which of these to start.

        It also receives what asks that again, with the same one highlighted.
        """
        titles = {"incoming": "Run", "outgoing": "Plan sending"}
        if selected is not None and selected.family in titles:
            chosen(selected, lambda: None)
            return
        found = [each for each in parts if each.family in titles]
        if not found:
            words = "Nothing to run yet: g opens the guide, where step 3 adds an incoming."
            self._app.notify(words, markup=False)
            return
        options = {str(index): f"{titles[each.family]} {each.name}" for index, each in enumerate(found)}

        def answered(key: str | None) -> None:
            if key is not None:
                chosen(found[int(key)], lambda: self.choose(parts, selected, chosen, key))

        self._app.push_screen(ChoiceScreen(options, highlighted, title="Run or send"), answered)

    def show_tasks(self, name: str) -> None:
        """Shows what became of the entities of an outgoing."""
        if (profile := self._profile()) is not None:
            open_tasks(self._app, self._workbench, profile, self._path, name)

    def _read(self, name: str, options: RunOptions) -> None:
        if (profile := self._profile()) is not None:
            open_run(self._app, self._workbench, profile, self._path, name, options)

    def _send(self, name: str, options: SendOptions) -> None:
        if (profile := self._profile()) is not None:
            open_sending(self._app, self._workbench, profile, self._path, name, options)
