"""The page of a profile with an environment."""

from __future__ import annotations

from typing import Any

from screens import shown, until, until_shown

from tui_connector.tui.environments import EnvironmentScreen
from tui_connector.tui.profile.page import ProfilePage


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
