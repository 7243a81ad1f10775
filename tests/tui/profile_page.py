"""The page of a profile, and what is done there in many tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from guide_steps import no_demo
from screens import shown, until
from textual.pilot import Pilot

from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.setup.form_screen import FormScreen

PROFILE = """\
# ours
format = 1
name = "Acme store"

[authentications.integration]
kind = "bearer"
token = { keyring = "acme/integration/access-token" }

[clients.magento]
authentications = ["integration"]

[[clients.magento.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"

[incoming.products]
client = "magento"
request = { uri = "products" }
items = "items"
"""


MORE_SECRETS = """
[authentications.other]
kind = "bearer"
token = { env = "SHOP_TOKEN" }

[clients.magento]"""


@asynccontextmanager
async def on_page(app: ConnectorApp, *, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The app, after the first profile was opened from home."""
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "Acme store" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "GET products" in shown(app))
        yield pilot


def write(machine: Machine, name: str = "acme", text: str = PROFILE, url: str = "http://127.0.0.1:9") -> Path:
    machine.directories.profiles.mkdir(parents=True, exist_ok=True)
    path = machine.directories.profiles / f"{name}.toml"
    path.write_text(text.replace("URL", url))
    return path


def trusting(machine: Machine) -> ConnectorApp:
    return ConnectorApp(replace(machine, environ={**machine.environ, "TUI_CONNECTOR_TRUST": "all"}), no_demo)


async def in_form(app: ConnectorApp, pilot: Any, title: str) -> None:
    await until(pilot, lambda: isinstance(app.screen, FormScreen) and title in shown(app))


def messages(app: ConnectorApp) -> list[str]:
    return [each.message for each in app._notifications]
