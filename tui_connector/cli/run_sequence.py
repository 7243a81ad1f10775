"""The runs of one command, one after another: reads, sends, plans, and what they would do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..runs.progress import OUTPUT_FULL, STOPPED
from .errors import Exit, exit_code
from .opening import allowed, headless_workbench, stop_on_signal
from .out_option import sink_of
from .run_output import RunOutput, error_figures, exit_of, exit_of_error, summary_figures
from .run_plan import OutgoingPlan, Planning

if TYPE_CHECKING:
    from ..client.session import Session
    from ..client.wire import Bounds
    from ..guide.sending.incoming_source import ProfileInUse
    from ..guide.workbench import Workbench
    from ..incoming.model import Incoming
    from ..incoming.run import Run
    from ..incoming.start import RunOptions
    from ..outgoing.model import Outgoing
    from ..outgoing.run import OutgoingRun
    from ..outgoing.source import EntitySource, OtherProfile
    from ..profile.model import Profile


class Runs:
    """The runs of one command, one after another."""

    def __init__(
        self,
        workbench: Workbench,
        path: Path,
        wanted: RunOptions,
        output: RunOutput,
        out: str | None,
        bounds: Bounds,
        *,
        keep_going: bool = False,
    ) -> None:
        """`keep_going`: every task is sent, although the first ones all fail for the same reason."""
        self._workbench, self._path, self._wanted, self._output, self._out = workbench, path, wanted, output, out
        self._bounds, self._keep_going = bounds, keep_going
        self._current: Run | OutgoingRun | OutgoingPlan | None = None
        self._stopped = self._stop_code = ""
        self._continues_by = "the next run resumes from here"
        """What the user can do after a run was stopped."""
        output.on_full = partial(self._stop, code=OUTPUT_FULL)
        self._others: dict[OtherProfile, ProfileInUse] = {}
        """Other profiles whose incomings are sources."""

    def add_profile(self, other: OtherProfile, *, once: bool, as_json: bool) -> None:
        """Opens another profile whose incoming is a source, with the trust of its own. Raises `UserError`."""
        from ..guide.other_profile import read_other_profile
        from ..guide.sending.incoming_source import ProfileInUse
        from ..profile.library import Library

        machine = self._workbench.machine
        file, saved = read_other_profile(other, Library(machine.directories.profiles), self._path.parent)
        trust = allowed(file, saved, machine, once=once, as_json=as_json)
        self._others[other] = ProfileInUse(saved, file, headless_workbench(machine, file, trust))

    async def go(self, saved: Profile, chosen: dict[str, Incoming], sent: Mapping[str, Outgoing] | None = None) -> Exit:
        """Runs the configurations. Returns the exit code of the first that did not complete."""
        self._listen()
        codes = []
        async with self._workbench.session(saved, self._bounds) as session:
            for name, incoming in chosen.items():
                if self._stopped:
                    break
                codes.append(await self._one(saved, session, name, partial(self._run, saved, session, name, incoming)))
            for name, outgoing in (sent or {}).items():
                if self._stopped:
                    break
                sender = partial(self._sender, saved, session, name, outgoing)
                codes.append(await self._one(saved, session, name, sender, sends=True))
        return next((code for code in codes if code is not Exit.DONE), Exit.STOPPED if self._stopped else Exit.DONE)

    async def dry(self, saved: Profile, chosen: dict[str, Incoming], sent: Mapping[str, Outgoing]) -> Exit:
        """Prints what each run would do, or why it cannot start."""
        from ..profile.model import secrets_in

        code = Exit.DONE
        if sent:  # so that they are not printed where a source contains them
            await self._workbench.vault.learn(secrets_in(saved))
        async with self._workbench.session(saved, self._bounds) as session:
            for name, incoming in chosen.items():
                try:
                    preview = await asyncio.to_thread(self._run(saved, session, name, incoming).preview)
                    self._output.dry(name, preview)
                except UserError as error:
                    self._output.impossible(name, error)
                    code = Exit.SETUP
            for name, outgoing in sent.items():
                try:
                    sending = await self._sender(saved, session, name, outgoing).preview()
                    self._output.dry_sending(name, sending)
                    code = code or (Exit.FAILED if sending.problems else Exit.DONE)
                except UserError as error:
                    self._output.impossible(name, error)
                    code = Exit.SETUP
        return Exit.STOPPED if self._stopped else code

    async def plan(self, saved: Profile, sent: Mapping[str, Outgoing], wanted: Planning) -> Exit:
        """Shows or saves plans, applies one, or undoes a run."""
        from ..runs.errors import RunFailed

        self._listen()
        self._continues_by = wanted.continues_by
        code = Exit.DONE
        async with self._workbench.session(saved, self._bounds) as session:
            for name, outgoing in sent.items():
                self._output.begins(name, sends=True, silent=wanted.shows)
                try:
                    self._current = plan = self._plan_of(saved, session, name, outgoing, wanted)
                    found = await plan.run()
                except RunFailed as failed:
                    why = failed.error
                    error: UserError | None = UserError(why.code or "run-failed", why.message, why.hint)
                    found = exit_of_error(why)
                except UserError as refused:
                    error, found = refused, exit_code(refused)
                else:
                    error = None
                if error is not None:
                    self._output.impossible(name, error, found)
                    if not wanted.shows:
                        figures = error_figures(error, found, sends=True)
                        await self._alert(saved, session, name, found, figures, sends=True)
                code = code or found
        return Exit.STOPPED if self._stopped else code

    def _plan_of(
        self, saved: Profile, session: Session, name: str, outgoing: Outgoing, wanted: Planning
    ) -> OutgoingPlan:
        return OutgoingPlan(
            name,
            outgoing,
            wanted,
            session=session,
            machine=self._workbench.machine,
            profile=self._path,
            ledger=self._workbench.outgoing_ledger(saved, self._path, name),
            output=self._output,
            sender=partial(self._sender, saved, session, name),
            execute=partial(self._one, saved, session, name, sends=True),
            limit=self._wanted.limit,
            environment=saved.environment,
        )

    async def _one(
        self,
        saved: Profile,
        session: Session,
        name: str,
        make: Callable[[], Run | OutgoingRun],
        *,
        sends: bool = False,
    ) -> Exit:
        """Runs one configuration; a failure is reported as the profile's `on-failure` says."""
        self._output.begins(name, sends=sends)
        try:
            self._current = current = make()
            if self._stopped:
                current.stop(self._stopped, self._stop_code)
            summary = await current.execute()
        except UserError as error:
            self._output.impossible(name, error)
            code = exit_code(error)
            figures = error_figures(error, code, sends=sends)
        else:
            self._output.ended(summary)
            code, figures = exit_of(summary), summary_figures(summary)
        await self._alert(saved, session, name, code, figures, sends=sends)
        return code

    async def _alert(
        self, saved: Profile, session: Session, name: str, code: Exit, figures: dict[str, object], *, sends: bool
    ) -> None:
        """Tells the profile's `on-failure`, unless the user has stopped the run."""
        if code is Exit.DONE or self._stopped:
            return
        from ..guide.failure_alert import report_failure

        which = {"name": name, "direction": "outgoing" if sends else "incoming", "exit": int(code)}
        if said := await report_failure(saved, self._path, {**which, **figures}, session, self._workbench):
            self._output.note(said, warning=True)

    def _run(self, saved: Profile, session: Session, name: str, incoming: Incoming) -> Run:
        from ..guide.checks.run_findings import explainer
        from ..incoming.run import Run
        from ..incoming.start import RunEnvironment, RunLocation

        machine, out = self._workbench.machine, self._out
        if out is not None:
            incoming = incoming.model_copy(update={"sink": sink_of(out)})
        ledger = None if out == "-" else self._workbench.incoming_ledger(saved, self._path, name, out or "")
        place = RunLocation(name, self._path, ledger)
        typed = incoming.sink.writes() if out is not None and incoming.sink is not None else ()
        explain = explainer(saved, incoming.client)
        around = RunEnvironment(
            session,
            self._workbench.exchanges,
            machine,
            place,
            explain,
            typed_outputs=typed,
            incomings=saved.incoming,
        )
        return Run(incoming, self._wanted, around, self._output)

    def _sender(
        self,
        saved: Profile,
        session: Session,
        name: str,
        outgoing: Outgoing,
        source: EntitySource | None = None,
        *,
        full: bool = False,
    ) -> OutgoingRun:
        """`source`: sent instead of the entities of the outgoing's own source."""
        from ..guide.sending.plans import Sender
        from ..outgoing.run_environment import OutgoingOptions

        wanted, other = self._wanted, outgoing.other_profile(saved.environment)
        used = None if other is None else self._others[other]
        options = OutgoingOptions(wanted.full or full, wanted.limit, wanted.in_flight, keep_going=self._keep_going)
        return Sender(self._workbench, saved, self._path, name, used).run(
            session, self._workbench.exchanges, self._output, outgoing, options, source
        )

    def _listen(self) -> None:
        stop_on_signal(self._signalled)

    def _signalled(self, why: str) -> None:
        """Ends the run cleanly."""
        plans = isinstance(self._current, OutgoingPlan)
        then = ". Nothing was sent." if plans else f"; {self._continues_by}"
        self._stop(f"{why}{then}", STOPPED)

    def _stop(self, why: str, code: str) -> None:
        self._stopped, self._stop_code = why, code
        if self._current is not None:
            self._current.stop(why, code)
