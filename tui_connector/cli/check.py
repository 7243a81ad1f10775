"""`check`: is the store reachable, does it know us, may we read what the profile reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..text import shown
from .failure import CommandFailed, Exit
from .opened import find, machine_of, read, run
from .request import printer

if TYPE_CHECKING:
    from ..guide.check import Report


@click.command()
@click.argument("profile")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: ok, and the findings.")
@click.option("--log", type=click.Choice(["simple", "long", "full", "curl"]), help="Print the requests, too.")
@click.option("--login-again", is_flag=True, help="Try a login once more that the store has refused before.")
@click.pass_obj
def check(profile_dir: Path | None, profile: str, as_json: bool, log: str | None, login_again: bool) -> None:
    """Check a profile against its store. It writes nothing to the store.

    Exit code 0 where all is well, 2 where the profile is wrong, 3 where the store refuses.
    """
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    try:
        saved = read(path)
    except CommandFailed as failure:
        if not as_json:
            raise
        finding = {"id": "profile", "summary": "The profile cannot be used", "remedy": "Correct the lines named."}
        lines = [shown(line) for line in failure.message.splitlines()[:-1] or [failure.message]]
        click.echo(json.dumps({"ok": False, "findings": [{**finding, "evidence": lines}]}, ensure_ascii=False))
        sys.exit(Exit.SETUP)

    from ..client.authentication.stops import LoginStops
    from ..guide.check import Report
    from ..guide.check import check as tries
    from ..guide.workbench import Workbench

    if login_again:
        LoginStops(machine.directories.state).clear_all()

    async def work() -> Report:
        report = Report()
        workbench = Workbench(machine)
        if log is not None:
            workbench.exchanges.on_recorded.append(printer(log, path.stem, None))
        async with workbench.session(saved) as session:
            async for tried in tries(saved, session, workbench.run()):
                report.tried.append(tried)
                if not as_json:
                    click.echo(f"{'✔' if tried.ok else '✘'} {shown(tried.words)}")
        return report

    report = run(work())
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        _explain(report)
    sys.exit(Exit.DONE if report.ok else Exit.REFUSED)


def _explain(report: Report) -> None:
    for finding in report.findings:
        click.echo(f"\n{shown(finding.summary)}")
        for line in finding.evidence:
            click.echo(f"  {shown(line)}")
        if finding.remedy:
            click.echo(f"  → {shown(finding.remedy)}")
