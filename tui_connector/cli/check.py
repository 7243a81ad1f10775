"""`check`: is the store reachable, the authentication accepted, and every incoming readable."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ..errors import UserError
from ..text import json_text, shown
from .completion import profiles
from .errors import Exit, exit_codes
from .opening import allowed, environment_option, find, machine_of, read, run, trust_option
from .request import keeping_history, printer

if TYPE_CHECKING:
    from ..guide.checks.check import CheckReport
    from ..machine import Machine
    from ..magento.diagnosis import Finding

_SETUP_FINDINGS = ("no-client", "not-sent")
"""Findings about the profile rather than the store."""


@click.command(epilog=exit_codes(Exit.DONE, Exit.SETUP, Exit.REFUSED, Exit.STOPPED))
@click.argument("profile", required=False, shell_complete=profiles)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with ok and the findings.")
@click.option("--log", type=click.Choice(["simple", "long", "full", "curl"]), help="Print the requests as well.")
@click.option("--login-again", is_flag=True, help="Retry a login that the store has refused before.")
@environment_option
@trust_option
@click.pass_obj
def check(
    profile_dir: Path | None,
    profile: str | None,
    as_json: bool,
    log: str | None,
    login_again: bool,
    environment: str,
    trust_once: bool,
) -> None:
    """Check a profile against its store. Only requests that read are sent.

    These are GET, HEAD, and POST to a search route (or marked reads = true). Other requests are shown, not sent.

    Without a profile, check this computer (versions, keyring, proxies, terminal, directories, clock); nothing is sent.
    """
    machine = machine_of(profile_dir)
    if profile is None:
        _this_computer(machine, as_json)
    path = find(profile, machine)
    try:
        saved = read(path, environment)
    except UserError as error:
        if not as_json:
            raise
        _report_invalid_profile(error)

    from ..client.authentication.login_lockouts import LoginLockouts
    from ..guide.checks.check import CheckReport
    from ..guide.checks.check import check as tries
    from ..guide.workbench import Workbench

    if login_again:
        LoginLockouts(machine.directories.state).clear_all()

    trust = allowed(path, saved, machine, once=trust_once, as_json=as_json)
    workbench = Workbench(machine, directory=path.parent, trust=trust)
    if log is not None:
        workbench.exchanges.on_recorded.append(printer(log, path.stem, None, environment=saved.environment))

    if saved.environment_label and not as_json:
        click.echo(f"Environment: {saved.environment_label}")

    async def work() -> CheckReport:
        report = CheckReport()
        async with workbench.session(saved) as session:
            async for tried in tries(saved, session, workbench.run()):
                report.results.append(tried)
                if not as_json:
                    probes = f" ({tried.probes} more requests to find the cause)" if tried.probes else ""
                    click.echo(f"{tried.mark} {shown(tried.summary)}{probes}")
        return report

    with keeping_history(workbench, path, saved):
        report = run(work())
    if as_json:
        click.echo(json_text(report.as_json()))
    else:
        _explain([*report.findings, *report.warnings])
    sys.exit(_exit_of(report))


def _exit_of(report: CheckReport) -> Exit:
    """Exit code: a refusal takes precedence over a wrong setup, and that over an unreachable store."""
    if report.ok:
        return Exit.DONE
    from ..client.message import PERMANENT_FAILURES

    findings = {each.id for each in report.findings}
    lasting = {*_SETUP_FINDINGS, *(f"unreachable-{failure}" for failure in PERMANENT_FAILURES)}
    of_the_setup = {each for each in findings if each in lasting or each.startswith("incoming-")}
    not_reached = {each.id for each in report.findings if each.failure is not None} - of_the_setup
    if findings - of_the_setup - not_reached:
        return Exit.REFUSED
    return Exit.SETUP if of_the_setup else Exit.STOPPED


def _report_invalid_profile(error: UserError) -> NoReturn:
    """Prints the problems of the profile as JSON, and exits."""
    from ..profile.problems import InvalidProfile

    finding = {"id": "profile", "summary": "The profile is invalid", "remedy": "Fix the lines named."}
    lines = list(map(shown, error.lines if isinstance(error, InvalidProfile) else [str(error)]))
    click.echo(json_text({"ok": False, "findings": [{**finding, "code": error.code, "evidence": lines}]}))
    sys.exit(Exit.SETUP)


def _this_computer(machine: Machine, as_json: bool) -> NoReturn:
    """Prints the check of this computer, and exits."""
    from ..guide.checks.machine import MachineReport, TerminalInfo, check_machine
    from ..secrets.mask import Mask
    from ..secrets.vault import Vault

    async def work() -> MachineReport:
        vault = Vault(machine, Mask())
        try:
            size = shutil.get_terminal_size()
            screen = TerminalInfo(size.columns, size.lines) if sys.stdout.isatty() else None
            return await check_machine(machine, vault, screen)
        finally:
            vault.close()

    report = run(work())
    if as_json:
        click.echo(json_text(report.as_json()))
    else:
        for fact in report.facts:
            click.echo(f"{'!' if fact.finding else '✔'} {fact.name}: {shown(fact.value)}")
        _explain(report.findings)
    sys.exit(Exit.DONE if report.ok else Exit.SETUP)


def _explain(findings: list[Finding]) -> None:
    for finding in findings:
        click.echo(f"\n{shown(finding.summary)}")
        for line in finding.evidence:
            click.echo(f"  {shown(line)}")
        if finding.remedy:
            click.echo(f"  → {shown(finding.remedy_by_command)}")
