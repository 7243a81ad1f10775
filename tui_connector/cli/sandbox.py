"""`sandbox`: a small Magento-like store on this computer, or a replay of a recorded one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import click
from click.core import ParameterSource

from ..text import json_text
from .errors import CommandFailed, Exit
from .opening import machine_of

_VERSIONS = {
    version: {"sandbox/magento": version, "sandbox/signing_dialect": dialect}
    for version, dialect in (("2.4.6", "laminas"), ("2.4.7", "laminas"), ("2.4.8", "m248"))
}
_OF_A_STORE = {"products": "products", "seed": "seed", "latency": "latency", "magento": "magento", "settings": "set"}
"""Options that a replay does not have, by their parameter."""
PORT = 8424
"""The port the demo's store prefers, so that a profile saved from it opens again."""


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port to listen on; 0: any free port.",
)
@click.option(
    "--products", type=click.IntRange(0, 1_000_000), default=1_000, show_default=True, help="Number of products."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed creates the same store.")
@click.option(
    "--latency", type=click.IntRange(0, 60_000), default=0, show_default=True, help="Delay per response, in ms."
)
@click.option(
    "--magento",
    type=click.Choice(["2.4.6", "2.4.7", "2.4.8"]),
    default="2.4.7",
    show_default=True,
    help="Magento version to imitate.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE", help="Magento configuration setting; can be repeated."
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Serve the recorded responses of a recording or a HAR instead.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object that describes the store on the first line.")
@click.pass_context
def sandbox(
    context: click.Context,
    port: int,
    products: int,
    seed: int,
    latency: int,
    magento: str,
    settings: tuple[str, ...],
    replay: Path | None,
    as_json: bool,
) -> None:
    """Run a sandbox that imitates a Magento 2.4 store. It listens on this computer only.

    With --replay, it serves what was recorded by `run --record`, or what a browser saved as HAR.
    """
    if replay is not None:
        given = [name for name in _OF_A_STORE if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
        if given:
            raise CommandFailed(f"--{_OF_A_STORE[given[0]]} cannot be combined with --replay.", Exit.SETUP)
        _replay(replay, port, as_json=as_json)
        return
    from ..sandbox.server import Sandbox, SandboxOptions

    chosen = _VERSIONS[magento] | dict(_pair(text) for text in settings)
    machine = machine_of(None)

    async def serve() -> None:
        store = Sandbox(SandboxOptions(port, products, seed, latency, chosen), machine.now)
        async with store:
            click.echo(json_text(store.description()) if as_json else _described(store.description()))
            await until_stopped()

    asyncio.run(serve())


def _replay(file: Path, port: int, *, as_json: bool) -> None:
    from ..sandbox.replay import Replay
    from ..secrets.mask import MARK
    from .replay import as_json as json_of
    from .replay import described, replayable

    machine_of(None)
    found = replayable(file)

    def report(message: str) -> None:
        click.echo(json_text({"not-replayed": message}) if as_json else message)

    async def serve() -> None:
        async with Replay(found.exchanges, port, mark=MARK, report=report) as store:
            click.echo(json_text(json_of(found, store.url)) if as_json else described(found, file, store.url))
            await until_stopped()

    asyncio.run(serve())


def _pair(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not equals:
        raise CommandFailed(f"--set {text}: write PATH=VALUE, such as oauth/consumer/enable_integration_as_bearer=1.")
    return path, value


async def until_stopped() -> None:
    """Until the process is told to stop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _described(store: Mapping[str, object]) -> str:
    admin, integrations = store["admin"], store["integrations"]
    assert isinstance(admin, dict)
    assert isinstance(integrations, dict)
    full = integrations["full"]
    assert isinstance(full, dict)
    lines = [
        f"A sandbox that imitates Magento 2.4, not Magento itself: {store['url']}",
        "",
        f"  admin user           {admin['username']}",
        f"  password             {admin['password']}",
        "  integration “full”",
        *(f"  {name.replace('_', ' '):20} {value}" for name, value in full.items()),
        "",
        "Received requests: GET /__sandbox__/requests. Ctrl+C stops it.",
    ]
    return "\n".join(lines)
