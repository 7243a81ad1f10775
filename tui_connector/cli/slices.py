"""`plan`, `run --slice` and `commit`: one run by several processes or machines, driven by any engine."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ..text import count, env_option
from ..units import timestamp
from .completion import configurations, files, profiles
from .errors import CommandFailed, Exit
from .opening import allowed, environment_option, find, machine_of, read, run, stop_on_signal, trust_option
from .request import keeping_history, printer
from .run_output import RunOutput, exit_of, exit_of_error

if TYPE_CHECKING:
    from ..client.session import Session
    from ..client.wire import Bounds
    from ..guide.workbench import Workbench
    from ..incoming.model import Incoming
    from ..incoming.run import Run
    from ..incoming.slices import By, SliceRun
    from ..incoming.start import RunEnvironment
    from ..profile.model import Profile
    from ..runs.progress import Summary
    from ..runs.slices import Slice, SliceDirectory, SlicePlan, SliceReport

T = TypeVar("T")

_EXCHANGES_IN_MEMORY = 200


def shared_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options that say which run, and where its slices are."""
    for option in (
        click.option(
            "--shared",
            metavar="DIR",
            shell_complete=files,
            help="Directory of the slices, the same on all machines (default: in the state directory).",
        ),
        click.option("--run-id", metavar="ID", help="Identifies the run of which the slices are."),
    ):
        command = option(command)
    return command


def slice_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options of `run` about slices."""
    text = 'Read or send one slice of a run that was planned with `plan`: its number, such as "3" or "3/16".'
    return click.option("--slice", "spec", metavar="SLICE", help=text)(shared_options(command))


@click.command("plan")
@click.argument("profile", shell_complete=profiles)
@click.argument("name", shell_complete=configurations)
@click.option("--slices", "number", type=click.IntRange(1, 10_000), required=True, help="How many slices to plan.")
@click.option("--by", type=click.Choice(["id", "time"]), help="Ranges of the id, or of the date of `incremental`.")
@click.option("--full", is_flag=True, help="Everything, whatever earlier runs have read.")
@shared_options
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON on one line.")
@trust_option
@environment_option
@click.pass_obj
def plan(
    profile_dir: Path | None,
    /,
    profile: str,
    name: str,
    number: int,
    by: By | None,
    full: bool,
    run_id: str | None,
    shared: str | None,
    as_json: bool,
    trust_once: bool,
    environment: str,
) -> None:
    """Divide a run into slices, for several processes or machines.

    The slices are ranges whose bounds are fixed now, saved under a run id. Run each of them with `run PROFILE NAME
    --slice NUMBER --run-id ID`, in any order, anywhere, and again if one fails; then `commit PROFILE NAME --run-id ID`.

    Exit code 0: planned, 2 or 3: do not retry, 4: retry later.
    """
    command = _Sliced.open(profile_dir, profile, name, environment, shared, once=trust_once, as_json=as_json)
    planned = command.run(lambda: command.plan(run_id, number, by, full=full))
    if as_json:
        click.echo(planned.model_dump_json())
        return
    held = "" if planned.expected is None else f", {count(planned.expected, 'item')}"
    click.echo(f"{command.label}: {count(len(planned.slices), 'slice')} by {planned.field}{held}")
    for each in planned.slices:
        expected = "" if each.expected is None else f"  {count(each.expected, 'item')}"
        click.echo(f"  {each.index:>4}  above {each.after}, up to {each.until}{expected}")
    arguments = f"{shlex.quote(profile)} {name}{env_option(environment)} --run-id {planned.run_id}"
    arguments += f" --shared {shlex.quote(shared)}" if shared else ""
    click.echo(f"Run each slice: tui-connector run {arguments} --slice NUMBER")
    click.echo(f"Then:           tui-connector commit {arguments}")


@click.command("commit")
@click.argument("profile", shell_complete=profiles)
@click.argument("name", shell_complete=configurations)
@shared_options
@click.option("--json", "as_json", is_flag=True, help="Print progress and results as JSON, one object per line.")
@click.option("--quiet", "-q", is_flag=True, help="Print no summary; problems are still reported.")
@trust_option
@environment_option
@click.pass_obj
def commit(
    profile_dir: Path | None,
    /,
    profile: str,
    name: str,
    run_id: str | None,
    shared: str | None,
    as_json: bool,
    quiet: bool,
    trust_once: bool,
    environment: str,
) -> None:
    """Write what the slices of a run have read, all at once.

    Checks that every slice is done and complete, writes the items into the sink and moves the high-water mark. This
    happens once: a commit that was killed resumes, and a repeated one changes nothing.

    Exit code 0: committed, 1: committed, but some items failed, 2: do not retry, 4: run the named slices, then retry.
    """
    command = _Sliced.open(
        profile_dir, profile, name, environment, shared, once=trust_once, as_json=as_json, quiet=quiet
    )
    sys.exit(command.run(lambda: command.commit(_required(run_id))))


def run_slice(
    profile_dir: Path | None,
    profile: str,
    names: tuple[str, ...],
    options: Mapping[str, object],
    *,
    spec: str,
    run_id: str | None,
    shared: str | None,
    log: str | None,
    environment: str,
    once: bool,
    as_json: bool,
    quiet: bool,
    in_flight: int | None,
) -> Exit:
    """`run --slice`. `options`: others of `run`, by name, which it does not have. Raises `CommandFailed`."""
    for option, value in options.items():
        if value:
            other = option.replace("_", "-")
            raise CommandFailed(f"--slice and --{other}: these options cannot be combined.", Exit.SETUP)
    if len(names) != 1:
        raise CommandFailed("--slice needs the NAME of one configuration.", Exit.SETUP)
    command = _Sliced.open(
        profile_dir, profile, names[0], environment, shared, once=once, as_json=as_json, quiet=quiet, log=log
    )
    return command.run(lambda: command.slice(_required(run_id), spec, in_flight))


def _required(run_id: str | None) -> str:
    if run_id is None:
        raise CommandFailed("--run-id is missing: `plan` prints it.", Exit.SETUP)
    return run_id


@dataclass
class _Sliced:
    """One command about the slices of a configuration."""

    name: str
    path: Path
    saved: Profile
    workbench: Workbench
    output: RunOutput
    shared: Path
    bounds: Bounds
    """How much of the bodies is kept and masked."""

    @classmethod
    def open(
        cls,
        profile_dir: Path | None,
        profile: str,
        name: str,
        environment: str,
        shared: str | None,
        *,
        once: bool,
        as_json: bool,
        quiet: bool = False,
        log: str | None = None,
    ) -> _Sliced:
        """Raises `UserError`."""
        from ..client.exchange import Exchanges
        from ..client.wire import OF_A_RUN, OF_A_RUN_UNSEEN
        from ..guide.workbench import Workbench
        from ..runs.slices import shared_directory

        machine = machine_of(profile_dir)
        path = find(profile, machine)
        saved = read(path, environment)
        if name not in saved.incoming:
            known = ", ".join(saved.incoming) or "none"
            raise CommandFailed(f"The profile has no incoming named {name!r}. It has: {known}.", Exit.SETUP)
        trust = allowed(path, saved, machine, once=once, as_json=as_json, clients=[saved.incoming[name].client])
        exchanges = Exchanges(_EXCHANGES_IN_MEMORY, 4_000_000, _EXCHANGES_IN_MEMORY)
        workbench = Workbench(machine, exchanges, directory=path.parent, trust=trust)
        if log is not None:
            exchanges.on_recorded.append(printer(log, path.stem, None, environment=saved.environment))
        bounds = OF_A_RUN if log is not None or saved.log.history == "bodies" else OF_A_RUN_UNSEEN
        output = RunOutput(as_json=as_json, data_on_stdout=False, quiet=quiet, environment=saved.environment_label)
        return cls(name, path, saved, workbench, output, shared_directory(machine.directories.state, shared), bounds)

    @property
    def label(self) -> str:
        return self.output.shown(self.name)

    @property
    def _incoming(self) -> Incoming:
        return self.saved.incoming[self.name]

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Runs the command, with the history that the profile keeps. Raises `UserError`."""
        from ..runs.errors import RunFailed

        async def whole() -> T:
            try:
                return await work()
            except RunFailed as failed:
                raise CommandFailed(str(failed), exit_of_error(failed.error)) from failed

        with keeping_history(self.workbench, self.path, self.saved):
            return run(whole())

    async def plan(self, run_id: str | None, number: int, by: By | None, *, full: bool) -> SlicePlan:
        """The plan, saved. A run id that has one already keeps it."""
        from ..client.wire import OF_A_RUN
        from ..incoming.slices import SliceOptions, SlicePlanner, configuration
        from ..runs.slices import SliceDirectory, check_run_id, new_run_id

        run_id = check_run_id(run_id or new_run_id(self.name, timestamp(self.workbench.machine.now())))
        directory = SliceDirectory(self.shared, run_id)
        async with self.workbench.session(self.saved, OF_A_RUN) as session:
            around = self._environment(session)
            if await asyncio.to_thread(directory.planned) is not None:
                identity = self._identity(configuration(self._incoming, around))
                found = await asyncio.to_thread(directory.plan_of, *identity)
                if found.requested != number:
                    raise directory.taken(found)
                return found
            planner = SlicePlanner(self._incoming, SliceOptions(number, by, full), around)
            planned = await planner.plan(run_id, self.path.stem, self.saved.environment)
            return await asyncio.to_thread(directory.create, planned)

    async def slice(self, run_id: str, spec: str, in_flight: int | None) -> Exit:
        """Reads one slice, unless it is done."""
        from ..incoming.slices import SliceRun, configuration, done_summary
        from ..runs.slices import SliceDirectory

        directory = SliceDirectory(self.shared, run_id)
        async with self.workbench.session(self.saved, self.bounds) as session:
            around = self._environment(session)
            identity = self._identity(configuration(self._incoming, around))
            planned, chosen, done = await asyncio.to_thread(self._planned, directory, identity, spec)
            self.output.begins(self.name)
            if done is None and (await asyncio.to_thread(directory.committed)) is not None:
                self.output.note(f"The run {run_id} has been committed.")
                return Exit.DONE
            if done is not None:
                self.output.note(f"Slice {chosen.index} is done already.")
                self.output.ended(done_summary(self.name, done))
                return Exit.DONE
            reader = SliceRun(self._incoming, directory, planned, chosen, around, self.output, in_flight=in_flight)
            summary = await self._execute(reader)
        # a slice that is done has reported, also which records failed; one that is incomplete may be complete later
        return {"complete": Exit.DONE, "incomplete": Exit.STOPPED}.get(summary.state, exit_of(summary))

    async def commit(self, run_id: str) -> Exit:
        """Writes the items of all slices, unless that is done."""
        from ..client.wire import OF_A_RUN
        from ..incoming.parts import AlreadyCommitted
        from ..incoming.slices import commit_run, configuration
        from ..runs.slices import Commit, SliceDirectory

        directory = SliceDirectory(self.shared, run_id)
        async with self.workbench.session(self.saved, OF_A_RUN) as session:
            around = self._environment(session)
            identity = self._identity(configuration(self._incoming, around))
            planned = await asyncio.to_thread(directory.plan_of, *identity)
            self.output.begins(self.name)
            found = await asyncio.to_thread(directory.committed)
            if found is None:
                reports = await asyncio.to_thread(directory.reports, planned)
                try:
                    summary = await self._execute(
                        commit_run(self._incoming, directory, planned, reports, around, self.output)
                    )
                except AlreadyCommitted as before:
                    row = before.row
                    found = Commit(run_id=run_id, state=row.state, items=row.items, failed=row.failed)
                else:
                    if summary.state in ("complete", "incomplete"):
                        ended = Commit(run_id=run_id, state=summary.state, items=summary.items, failed=summary.failed)
                        await asyncio.to_thread(directory.commit, ended)
                    return exit_of(summary)
        self.output.note(f"The run {run_id} was committed before: {count(found.items, 'item')}.")
        await asyncio.to_thread(directory.commit, found)
        return Exit.DONE if found.state == "complete" and not found.failed else Exit.FAILED

    async def _execute(self, current: Run | SliceRun) -> Summary:
        """Runs it, until it ends or a signal stops it. Raises `UserError`."""
        self.output.on_full = current.stop
        stop_on_signal(current.stop)
        summary = await current.execute()
        self.output.ended(summary)
        return summary

    def _planned(
        self, directory: SliceDirectory, identity: tuple[str, str, str, str], spec: str
    ) -> tuple[SlicePlan, Slice, SliceReport | None]:
        """The plan, the slice that is asked for, and its report if it is done. Blocks."""
        planned = directory.plan_of(*identity)
        chosen = directory.chosen(planned, spec)
        return planned, chosen, directory.report(planned, chosen.index)

    def _identity(self, configuration: str) -> tuple[str, str, str, str]:
        """What a plan must have been made for."""
        return self.path.stem, self.name, self.saved.environment, configuration

    def _environment(self, session: Session) -> RunEnvironment:
        from ..guide.run_findings import explainer
        from ..incoming.start import RunEnvironment, RunLocation
        from ..runs.ledger import ledger_file

        machine = self.workbench.machine
        ledger = ledger_file(machine.directories.state, self.path, self.name, environment=self.saved.environment)
        return RunEnvironment(
            session,
            self.workbench.exchanges,
            machine,
            RunLocation(self.name, self.path, ledger),
            explainer(self.saved, self._incoming.client),
            incomings=self.saved.incoming,
        )
