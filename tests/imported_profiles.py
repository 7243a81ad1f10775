"""Imports a text as its user would, and runs every configuration of the profile that results."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runs import RunNotes

from tui_connector.client.wire import OF_A_RUN
from tui_connector.guide.profiles.importing import ImportPlan, ImportResult, carry_out, plan_new
from tui_connector.guide.sending.plans import Sender
from tui_connector.guide.trust import ProfileTrust
from tui_connector.guide.workbench import Workbench
from tui_connector.incoming.model import first_items
from tui_connector.machine import Machine
from tui_connector.profile.importers.detection import files_below, read
from tui_connector.profile.importers.model import ImportOptions, InvalidImport
from tui_connector.profile.problems import read_profile
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.vault import Vault


@dataclass
class Outcome:
    """What the configurations of an imported profile did."""

    plan: ImportPlan
    result: ImportResult
    text: str
    """The profile's file."""
    succeeded: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def planned(text: str, machine: Machine, folder: Path, **options: Any) -> ImportPlan:
    """The plan for a profile named "imported"; the text is read from `folder`."""
    return plan_new(read(text, ImportOptions(**{"files": files_below(folder), **options})), "imported", machine)


async def carried_out(plan: ImportPlan, machine: Machine) -> ImportResult:
    vault = Vault(machine, Mask())
    try:
        return await carry_out(plan, vault)
    finally:
        vault.close()


async def imported(text: str, machine: Machine, folder: Path, **options: Any) -> Outcome:
    """Imports the text, and runs all of it."""
    plan = planned(text, machine, folder, **options)
    result = await carried_out(plan, machine)
    outcome = Outcome(plan, result, result.path.read_text())
    await run_all(outcome, machine)
    return outcome


async def run_all(outcome: Outcome, machine: Machine, *, empty: bool = False) -> None:
    """The first items of each incoming (`empty`: there may be none), and a run of each outgoing that has entities."""
    path = outcome.result.path
    _, profile = read_profile(path)
    bench = Workbench(machine, trust=ProfileTrust(machine, path))
    try:
        async with bench.session(profile, OF_A_RUN) as session:
            for name, incoming in profile.incoming.items():
                found = await first_items(incoming, session.client(incoming.client), bench.run())
                (outcome.succeeded if found.items or empty else outcome.failed).append(name)
            for name, outgoing in profile.outgoing.items():
                file = getattr(outgoing.source, "path", None)
                if file is not None and not (path.parent / file).exists():
                    continue
                told, sender = RunNotes(), Sender(bench, profile, path, name)
                await sender.prepare()
                summary = await sender.run(session, bench.exchanges, told, outgoing).execute()
                failed = [summary.state, summary.reason, dict(summary.tasks), *told.notes, *told.records]
                if summary.state == "complete" and not summary.failed:
                    outcome.succeeded.append(name)
                else:
                    outcome.failed.append(f"{name}: {failed}")
    finally:
        bench.close()


def refusal(text: str, **options: Any) -> InvalidImport:
    """The error of a text that cannot be imported."""
    try:
        found = read(text, ImportOptions(**options))
    except InvalidImport as error:
        return error
    raise AssertionError(f"it was imported: {found.parts}")
