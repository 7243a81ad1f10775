"""Finds what a screen of a saved profile shows of its parts: secrets, last runs, changes since them, and tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from textual import on, work
from textual.message import Message

from ...client.message import InvalidRequest, SecretNotEntered
from ...guide.changed_since_run import changed_since_run
from ...guide.checks.check import CheckResult, check_part
from ...guide.last_runs import LastRun
from ...guide.part_families import Family
from ...guide.profiles.saved_profile import OpenedProfile
from ...guide.secret_states import SecretState, secret_states
from ...guide.shared_runs import SharedRuns, shared_runs
from ...guide.steps.summaries import ProfilePart
from ...magento.diagnosis import diagnose_failure
from ...profile.model import Profile
from ...text import shown_line
from .._textual import remove_read_notifications
from ..jobs import jobs_of
from .part_status import PartStatus
from .profile_screen import PageContext, ProfileScreen


class StatusScreen(ProfileScreen):
    """A screen of a saved profile that shows the status of its parts; finding it takes a while."""

    @dataclass
    class SecretsFound(Message):
        """Which secrets are available."""

        states: list[SecretState]

    @dataclass
    class SharedRunsFound(Message):
        """The server with the ledgers has responded, or has not."""

        found: SharedRuns

    @dataclass
    class ChangedFound(Message):
        """Which parts have other settings than in their last run."""

        parts: set[tuple[Family, str]]

    @dataclass
    class Tested(Message):
        """A part was tested against the store."""

        part: ProfilePart
        result: CheckResult | None
        """None where the test did not begin."""

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self.status = PartStatus()

    def show_status(self) -> None:
        """Called after something of the status was found."""
        raise NotImplementedError

    def read_status(self, message: ProfileScreen.FileRead) -> None:
        """Takes what was read with the file, and finds the rest."""
        opened, profile = message.opened, message.opened.profile
        if profile is not None and profile.ledger is not None:
            if not (self.status.runs or self.status.sent):
                self.status.no_runs = f"asking {shown_line(profile.ledger.server)} …"
            self._find_shared_runs(profile)
        else:
            self._take_runs(message.runs, message.sent)
        self.status.read(opened)
        if opened.data:
            self._find_secrets(opened)
        if profile is not None:
            self._find_changed(profile)

    @work(exclusive=True, group="secrets")
    async def _find_secrets(self, opened: OpenedProfile) -> None:
        await self._look_for_secrets(opened)

    async def _look_for_secrets(self, opened: OpenedProfile) -> None:
        typed = partial(self.machine.typed.has, self.path)
        is_demo = self.path in getattr(self.app, "demo_values", {})
        states = await secret_states(opened.data, self.workbench.vault, self.machine.environ, typed, is_demo=is_demo)
        self.post_message(self.SecretsFound(states))

    @on(SecretsFound)
    def _on_secrets(self, message: SecretsFound) -> None:
        self.status.secrets_found(message.states)
        self.show_status()

    @work(exclusive=True, group="shared-runs")
    async def _find_shared_runs(self, profile: Profile) -> None:
        """Asks the server with the profile's ledgers, which may take a while or not respond."""
        self.post_message(
            self.SharedRunsFound(await asyncio.to_thread(shared_runs, self.workbench, profile, self.path))
        )

    @on(SharedRunsFound)
    def _on_shared_runs(self, message: SharedRunsFound) -> None:
        found = message.found
        problem = f"not known: {found.problem}" if found.problem else ""
        self.status.runs = {each.run.name: each.run for each in found.runs if not each.run.sends}
        self.status.sent = {each.run.name: each.run for each in found.runs if each.run.sends}
        self.status.no_runs = problem
        self.show_status()
        if self.profile is not None:
            self._find_changed(self.profile)

    @work(exclusive=True, group="changed")
    async def _find_changed(self, profile: Profile) -> None:
        runs = [*self.status.runs.values(), *self.status.sent.values()]
        self.post_message(self.ChangedFound(await changed_since_run(self.workbench, profile, runs)))

    @on(ChangedFound)
    def _on_changed(self, message: ChangedFound) -> None:
        self.status.changed = message.parts
        self.show_status()

    def show_runs(self, runs: Mapping[str, LastRun], sent: Mapping[str, LastRun]) -> None:
        self._take_runs(runs, sent)
        self.show_status()

    def _take_runs(self, runs: Mapping[str, LastRun], sent: Mapping[str, LastRun]) -> None:
        marked = partial(jobs_of(self.app).marked, self.path, self.environment)
        self.status.runs, self.status.sent, self.status.no_runs = marked(runs), marked(sent), ""

    @property
    def has_run_under_way(self) -> bool:
        shares_ledger = self.profile is not None and self.profile.ledger is not None
        return not shares_ledger and self.status.has_run_under_way

    def test(self, profile: Profile, part: ProfilePart) -> None:
        """Tests the part against the store."""
        remove_read_notifications(self.app)
        self.status.test_begins(part)
        self.show_status()
        self._test(profile, part)

    @work(exclusive=True, group="test")
    async def _test(self, profile: Profile, part: ProfilePart) -> None:
        try:
            async with self.workbench.session(profile, parts=[(part.family, part.name)]) as session:
                result: CheckResult | None = await check_part(profile, session, part, self.workbench.run())
        except SecretNotEntered as error:
            self.notify_error(error)
            result = None
        except InvalidRequest as failure:
            result = CheckResult(f"{part.family} {part.name}", False, diagnose_failure(failure, "the test"))
        if self.opened is not None:
            # one may have been entered for the test, whose result would be discarded if that was found later
            self.workers.cancel_group(self, "secrets")
            await self._look_for_secrets(self.opened)
        self.post_message(self.Tested(part, result))

    @on(Tested)
    def _on_tested(self, message: Tested) -> None:
        if message.result is not None:
            self.status.tested(message.part, message.result, self.machine.now().timestamp())
        else:
            self.status.testing = None
        self.show_status()
