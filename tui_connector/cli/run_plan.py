"""`run --plan`, `--apply` and `--undo`: shows what an outgoing would change, sends exactly that, or undoes a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from ..units import timestamp
from .completion import files
from .errors import CommandFailed, Exit
from .plan_output import PlanOutput
from .prompt import TerminalPrompt
from .run_output import RunOutput

if TYPE_CHECKING:
    from ..client.session import Session
    from ..machine import Machine
    from ..outgoing.model import Outgoing
    from ..outgoing.run import OutgoingRun
    from ..outgoing.source import EntitySource
    from ..outgoing.tasks import Task, TaskRun, TaskState
    from ..profile.model import Profile
    from ..runs.database import LedgerPlace

_SHOW = "\0"
"""The value of --plan without a FILE."""


def plan_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options of `run` about plans."""
    for option in (
        click.option("--delete-created", is_flag=True, help="With --undo: also delete what the run created."),
        click.option("--undo", metavar="RUN", help='Undo a run of an outgoing: its number, or "last".'),
        click.option("--apply", metavar="FILE", shell_complete=files, help="Send exactly the changes in a saved plan."),
        click.option(
            "--plan",
            is_flag=False,
            flag_value=_SHOW,
            metavar="[FILE]",
            shell_complete=files,
            help="Show what sending would change, and save it in FILE if given; send nothing.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Planning:
    """What `--plan`, `--apply` and `--undo` request. `save`: the file of `--plan`; `undo`: a run's number, 0: the last.

    `shows`: only shown or saved; nothing is sent.
    """

    shows: bool
    save: Path | None
    apply: Path | None
    undo: int | None
    delete_created: bool

    @property
    def continues_by(self) -> str:
        """What continues it after it was stopped while it sent."""
        return "repeat the undo to continue" if self.undo is not None else "the next run resumes from here"

    @property
    def option(self) -> str:
        return "--undo" if self.undo is not None else "--apply" if self.apply is not None else "--plan"


def planning_of(
    options: Mapping[str, object], saved: Profile, names: Sequence[str], *, dry_run: bool, limit: int | None
) -> Planning | None:
    """What the options of `plan_options` mean; None without them. Raises `CommandFailed` if they contradict others."""
    plan, apply, undo = (None if options[name] is None else str(options[name]) for name in ("plan", "apply", "undo"))
    deletes = bool(options["delete_created"])
    if plan is None and apply is None and undo is None:
        if deletes:
            raise CommandFailed("--delete-created requires --undo.", Exit.SETUP)
        return None
    save = None if plan in (None, _SHOW) else Path(str(plan))
    applied = None if apply is None else Path(apply)
    wanted = Planning(plan is not None, save, applied, None if undo is None else _run_number(undo), deletes)
    if plan in saved.outgoing and not names:
        message = f"--plan {plan}: write the NAME first, as in `run PROFILE {plan} --plan`."
        raise CommandFailed(message, Exit.SETUP)
    if not names or any(name in saved.incoming and name not in saved.outgoing for name in names):
        known = ", ".join(saved.outgoing) or "none"
        raise CommandFailed(f"{wanted.option} needs the NAME of an outgoing. The profile has: {known}.", Exit.SETUP)
    if len(names) > 1 and (wanted.option != "--plan" or save is not None):
        raise CommandFailed(f"{wanted.option} needs a single outgoing; name one: {', '.join(names)}.", Exit.SETUP)
    for together, what in (
        (apply is not None and plan is not None, "--apply and --plan"),
        (apply is not None and undo is not None, "--apply and --undo"),
        (undo is not None and save is not None, "--undo and --plan FILE"),
        (deletes and undo is None, "--delete-created without --undo"),
        (dry_run, f"{wanted.option} and --dry-run"),
        (limit is not None and wanted.option != "--plan", f"{wanted.option} and --limit"),
    ):
        if together:
            raise CommandFailed(f"{what}: these options cannot be combined.", Exit.SETUP)
    return wanted


def _run_number(text: str) -> int:
    """The run of --undo; 0 for the last one. Raises `CommandFailed`."""
    if text == "last":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 18 and int(text)):
        message = f'--undo {text}: not the number of a run. `tasks PROFILE NAME` shows it; the last one is "last".'
        raise CommandFailed(message, Exit.SETUP)
    return int(text)


class MakeSender(Protocol):
    """Makes a run of an outgoing; `source` replaces the outgoing's own, `full` starts over."""

    def __call__(
        self, outgoing: Outgoing, source: EntitySource | None = None, *, full: bool = False
    ) -> OutgoingRun: ...


class OutgoingPlan:
    """Shows, saves or applies the plan of one outgoing, or undoes an earlier run of it."""

    def __init__(
        self,
        name: str,
        outgoing: Outgoing,
        wanted: Planning,
        *,
        session: Session,
        machine: Machine,
        profile: Path,
        ledger: LedgerPlace,
        output: RunOutput,
        sender: MakeSender,
        execute: Callable[[Callable[[], OutgoingRun]], Awaitable[Exit]],
        limit: int | None,
        environment: str = "",
    ) -> None:
        """`execute` runs what it is given, and prints its progress and summary."""
        self._name, self._outgoing, self._wanted, self._profile = name, outgoing, wanted, profile
        self._session, self._machine, self._output = session, machine, output
        self._sender, self._execute, self._limit = sender, execute, limit
        self._environment, self._ledger = environment, ledger
        self._planner = sender(outgoing)
        self._printed = PlanOutput(output.shown(name), output, session.masked, as_json=output.as_json)

    async def run(self) -> Exit:
        """Plans, applies or undoes. Returns the exit code. Raises `UserError` and `RunFailed`."""
        try:
            if self._wanted.undo is not None:
                return await self._undo(self._wanted.undo)
            return await (self._show() if self._wanted.apply is None else self._apply(self._wanted.apply))
        finally:
            self._printed.flush()

    def stop(self, why: str, code: str) -> None:
        """Ends the plan, while nothing is sent."""
        self._planner.stop(why, code)

    async def _show(self) -> Exit:
        from ..outgoing.plan import limited, plan_head, save_plan

        file, entries = self._wanted.save, limited(self._planner.planned(), self._limit)
        if file is None:
            async for entry in entries:
                self._printed.add(entry)
        else:
            created = timestamp(self._machine.now())
            head = plan_head(self._profile, self._name, self._outgoing, self._session, created, self._environment)
            await save_plan(file, head, entries, self._session.mask, self._printed.add)
        self._printed.end("" if file is None else str(file), self._outgoing.max_changes)
        return Exit.FAILED if self._printed.bad else Exit.DONE

    async def _apply(self, file: Path) -> Exit:
        from ..outgoing.plan import SavedPlan, plan_head

        with await asyncio.to_thread(SavedPlan.open, file) as plan:
            mine = plan_head(self._profile, self._name, self._outgoing, self._session, environment=self._environment)
            plan.refuse_other(mine)
            await self._planner.refuse_changed_store(plan)
            return await self._execute(partial(self._sender, self._outgoing, plan.source()))

    async def _undo(self, number: int) -> Exit:
        from ..outgoing.undo import not_restored, undo_steps

        run, counts, tasks, last = await asyncio.to_thread(self._tasks, number or None)
        if not number and run.id != last:
            self._output.note(f"The undo of run {run.id} was not completed; continuing it.", warning=True)
        plan = await self._planner.undo_plan(run, tasks)
        deletes = self._wanted.delete_created
        if tasks:
            self._printed.undo(plan, delete_created=deletes)
        else:
            did = ", ".join(f"{number:,} {state}" for state, number in counts.items() if number) or "no tasks"
            text = f"run {run.id} of {run.began} has changed nothing ({did}): there is nothing to undo."
            self._output.note(text, warning=True)
        if self._wanted.shows:
            return Exit.DONE
        steps = undo_steps(self._outgoing, plan, run.id, delete_created=deletes)
        code = Exit.FAILED if plan.not_undone else Exit.DONE
        if not steps:
            self._output.nothing_sent(self._name, not_undone=len(plan.not_undone))
            return code
        await self._confirm()
        for outgoing, source in steps:
            found = await self._execute(partial(self._sender, outgoing, source, full=True))
            if found is not Exit.DONE:
                return found
        kept = not_restored(plan, await self._planner.undo_plan(run, tasks), deletes=deletes)
        self._printed.left(kept)
        return Exit.FAILED if kept else code

    def _tasks(self, number: int | None) -> tuple[TaskRun, Mapping[TaskState, int], list[Task], int]:
        """A run, its tasks by state, those that may have changed the store, and the last run's number. Blocks."""
        from ..outgoing.task_ledger import TaskFilter, TaskReader
        from ..outgoing.undo import UNDOABLE

        with TaskReader(self._ledger) as reader:
            if reader.is_running:
                raise CommandFailed(f"{self._name} is running. Wait until it ends, or stop it.", Exit.SETUP)
            run = reader.run_to_undo(number)
            found = list(reader.tasks(run.id, TaskFilter(UNDOABLE)))
            return run, reader.counts(run.id), found, reader.run(None).id

    async def _confirm(self) -> None:
        """Asks on a terminal. Raises `CommandFailed`."""
        prompt = self._machine.prompt
        if isinstance(prompt, TerminalPrompt) and not self._output.as_json:
            typed = await prompt.line(f"Send these changes{self._output.where}? Type yes")
            if typed.strip().lower() not in ("yes", "y"):
                raise CommandFailed("Nothing was sent.", Exit.STOPPED)
