"""`schedule`: prints what a scheduler needs to run a configuration at certain times."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from ..text import shown
from .completion import configurations, profiles
from .opening import direction_option, environment_option, find, machine_of, read


@click.command()
@click.argument("profile", shell_complete=profiles)
@click.argument("name", shell_complete=configurations)
@click.argument("cron", metavar="CRON")
@click.option(
    "--print",
    "scheduler",
    type=click.Choice(["systemd", "cron", "celery"]),
    required=True,
    help="systemd: a service and a timer; cron: lines for crontab; celery: an entry for beat.",
)
@click.option("--yes-production", is_flag=True, help="Send to a store marked as production without asking.")
@direction_option
@environment_option
@click.pass_obj
def schedule(
    profile_dir: Path | None,
    profile: str,
    name: str,
    cron: str,
    scheduler: str,
    yes_production: bool,
    direction: Literal["incoming", "outgoing"] | None,
    environment: str,
) -> None:
    """Print what runs the incoming or outgoing NAME at the times of CRON. Nothing is written or installed.

    CRON has five fields, as in crontab(5): minute, hour, day of month, month, day of week, such as "*/15 * * * *". An
    expression that the scheduler cannot represent exactly is refused.
    """
    from ..guide.schedules.cron import Cron
    from ..guide.schedules.schedule import Schedule, program

    times = Cron.parse(cron)
    machine = machine_of(profile_dir)
    path = find(profile, machine)
    planned = Schedule(
        read(path, environment),
        path,
        name,
        times,
        machine,
        program(),
        profile_dir=profile_dir,
        yes_production=yes_production,
        direction=direction,
    )
    planned.check()
    texts = {"systemd": planned.systemd, "cron": planned.crontab, "celery": planned.celery}
    click.echo(shown(texts[scheduler]()), nl=False)
