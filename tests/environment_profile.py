"""A profile with an environment, and its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from screens import shown, until, until_shown

from tui_connector.machine import Machine
from tui_connector.tui.environments import EnvironmentScreen
from tui_connector.tui.profile.page import ProfilePage

PROFILE = """format = 1
name = "Shop"
[clients.shop]
production = true
[[clients.shop.plugins]]
kind = "base-uri"
uri = "LIVE/rest/V1"
[incoming.items]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
sink = { kind = "jsonl", path = "live.jsonl" }
[outgoing.stock]
client = "shop"
source = { kind = "jsonl", path = "stock.jsonl" }
identifier = "sku"
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = ["&{@}"] } }
[environments.staging]
production = false
clients.shop.plugins.base-uri.uri = "STAGING/rest/V1"
incoming.items.sink.path = "staging.jsonl"
"""


def write(machine: Machine, live: str, staging: str, text: str = PROFILE) -> Path:
    machine.directories.profiles.mkdir(parents=True, exist_ok=True)
    path = machine.directories.profiles / "shop.toml"
    path.write_text(text.replace("LIVE", live).replace("STAGING", staging))
    (machine.directories.profiles / "stock.jsonl").write_text('{"sku": "a", "quantity": 1}\n')
    return path


async def open_page(pilot: Any) -> None:
    """Opens the page of the profile."""
    await until_shown(pilot, "Shop")
    await pilot.press("enter")
    await until_shown(pilot, "GET products")


async def open_in_staging(pilot: Any) -> None:
    """Opens the page of the profile, and chooses its environment there."""
    app = pilot.app
    await open_page(pilot)
    await pilot.press("E")
    await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))
    await pilot.press("down", "enter")
    await until(pilot, lambda: isinstance(app.screen, ProfilePage) and " staging" in shown(app).split("\n")[0])
    await until_shown(pilot, "GET products")


WITH_SECRET = PROFILE.partition("[environments")[0].replace(
    "[clients.shop]\n",
    """[authentications.a]
kind = "bearer"
token = { env = "SHOP_TOKEN" }
[clients.shop]
authentications = ["a"]
""",
)
