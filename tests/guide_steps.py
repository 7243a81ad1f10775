"""Opens the guide: at its first step as the demo does, or at a step with a saved profile of the sandbox."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from profiles import FOUR, full, signed
from screens import shown, until, until_shown
from textual.pilot import Pilot

from tui_connector.cli.screen import full_integration
from tui_connector.guide.steps.methods import GuideStep
from tui_connector.guide.steps.setup import Setup
from tui_connector.machine import Machine
from tui_connector.profile.document import Document
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.setup.context import DemoStore, GuideContext, open_context
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.choice import Choice


async def no_demo() -> DemoStore:
    raise AssertionError("no demo here")


async def none_missing() -> str:
    """A request that needs no secrets can be sent."""
    return ""


def profile(machine: Machine, keyring: Any, sandbox: Sandbox, *, integration: str = "full", **more: object) -> Path:
    """Save a profile of the sandbox, with the four secrets of this integration in the keyring."""
    for field, secret in full(sandbox, integration).items():
        text = json.dumps({"v": 1, "origins": [sandbox.url], "secret": secret})
        keyring.set_password(f"tui-connector/{FOUR[field]}", "tui-connector", text)
    plugins = [{"kind": "base-uri", "uri": f"{sandbox.url}/rest/all/V1"}, {"kind": "content-type"}]
    client = {"authentications": ["integration"], "plugins": plugins}
    data = {"format": 1, "name": "Shop", "authentications": {"integration": signed()}, "clients": {"magento": client}}
    path = machine.directories.profiles / "shop.toml"
    Document.new({**data, **more}).save(path)
    return path


@asynccontextmanager
async def at_step(machine: Machine, step: str, size: tuple[int, int] = (100, 40)) -> AsyncIterator[tuple[Any, Setup]]:
    """The guide at this step, with the only profile."""
    (path,) = machine.directories.profiles.glob("*.toml")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=size) as pilot:
        context = open_context(app.machine, path, exchanges=app.records.log_of(path), results=app.guide_results)
        context.changes = app.records.changes_of(path)
        app.push_screen(SetupScreen(context, GuideStep(int(step))), lambda _: app._leave_setup(context))
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and app.screen.focused is not None)
        await until(pilot, lambda: f"●{step}" in shown(app) or f"● {step}" in shown(app))
        await pilot.pause()
        yield pilot, app.screen.work.setup  # type: ignore[attr-defined]


INCOMING = {
    "incoming": {
        "products": {
            "client": "magento",
            "request": {"uri": "products"},
            "items": "items",
            "pagination": {"kind": "keyset", "filter": "entity_id", "field": "id"},
        }
    }
}
"""One incoming: products, read page by page."""


Data = dict[str, Any]


@asynccontextmanager
async def guide(
    machine: Machine, sandbox: Sandbox, size: tuple[int, int] = (100, 50), *, tokens: bool = False
) -> AsyncIterator[Pilot[None]]:
    """The guide at its first step, the store's address filled in. `tokens`: the demo has those of an integration."""
    admin = sandbox.description()["admin"]
    assert isinstance(admin, dict)
    values = {"username": str(admin["username"]), "password": str(admin["password"])}
    if tokens:
        values |= full_integration(sandbox)

    async def demo() -> DemoStore:
        return DemoStore(sandbox.url, "acme", "Acme", "", values)

    app = ConnectorApp(machine, demo, start_at="demo")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and app.screen.focused is not None)
        yield pilot


def work_of(pilot: Pilot[None]) -> GuideContext:
    return next(each for each in pilot.app.screen_stack if isinstance(each, SetupScreen)).work


def draft(pilot: Pilot[None]) -> Data:
    return work_of(pilot).setup.draft


async def choose(pilot: Pilot[None], selector: str, words: str) -> None:
    """Opens a choice, and takes the option that begins like this."""
    pilot.app.screen.query_one(selector, Choice).focus()
    await pilot.press("enter")
    await until_shown(pilot, words)
    options = pilot.app.screen.query_one("#choices OptionList")
    index = next(n for n in range(options.option_count) if str(options.get_option_at_index(n).prompt).startswith(words))
    options.highlighted = index
    await pilot.press("enter")
    await pilot.pause()


async def to_authentication(pilot: Pilot[None]) -> None:
    await pilot.press("enter")
    await until_shown(pilot, "Magento 2.4")
    await pilot.press("enter")
    await until_shown(pilot, "Consumer secret")


async def sign_in_as_admin(pilot: Pilot[None]) -> None:
    await to_authentication(pilot)
    await choose(pilot, "#way", "Login with user and password")
    await until_shown(pilot, "Password")
    await pilot.press("alt+u", "enter")
    await until_shown(pilot, "accepts it")
