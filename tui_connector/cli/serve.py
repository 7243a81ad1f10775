"""`serve`: the program in a browser on this computer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from .opening import machine_of
from .sandbox import until_stopped


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on (default: any free one).")
@click.pass_obj
def serve(profile_dir: Path | None, port: int) -> None:
    """Run the program in a browser on this computer. Needs the extra “serve”.

    Prints an address with a random token; whoever opens it can do everything that you can do with the program. It
    listens on 127.0.0.1 only. Each tab has a program of its own, which ends when the tab is closed.
    """
    from ..guide.schedules.schedule import program
    from .browser import BrowserServer

    machine = machine_of(profile_dir)
    folder = [] if profile_dir is None else ["--profile-dir", os.path.abspath(profile_dir)]

    async def listen() -> None:
        async with BrowserServer([*program(), *folder], port, machine.environ) as server:
            click.echo(f"Open this address in a browser on this computer: {server.address}")
            click.echo("Do not share it: it gives access to your stores. Ctrl+C ends all programs.")
            await until_stopped()

    asyncio.run(listen())
