"""`sandbox`: a small Magento-like store on this computer."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping

import click

from ..text import json_text
from .errors import CommandFailed
from .opening import machine_of

_VERSIONS = {
    version: {"sandbox/magento": version, "sandbox/signing_dialect": dialect}
    for version, dialect in (("2.4.6", "laminas"), ("2.4.7", "laminas"), ("2.4.8", "m248"))
}
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
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object that describes the store on the first line.")
def sandbox(
    port: int, products: int, seed: int, latency: int, magento: str, settings: tuple[str, ...], as_json: bool
) -> None:
    """Run a sandbox that imitates a Magento 2.4 store. It listens on this computer only."""
    from ..sandbox.server import Sandbox, SandboxOptions

    chosen = _VERSIONS[magento] | dict(_pair(text) for text in settings)
    machine = machine_of(None)

    async def serve() -> None:
        store = Sandbox(SandboxOptions(port, products, seed, latency, chosen), machine.now)
        async with store:
            click.echo(json_text(store.description()) if as_json else _described(store.description()))
            await _until_stopped()

    asyncio.run(serve())


def _pair(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not equals:
        raise CommandFailed(f"--set {text}: write PATH=VALUE, such as oauth/consumer/enable_integration_as_bearer=1.")
    return path, value


async def _until_stopped() -> None:
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
