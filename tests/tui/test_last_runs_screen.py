"""The last runs of all profiles on one screen: newest first, with the reason; Enter leads to the configuration."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

from guide_steps import no_demo
from screens import shown, until, until_shown
from textual.widgets import Input

from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger, ledger_file
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.last_runs import LastRunsScreen
from tui_connector.tui.log.screens import RecordedScreen
from tui_connector.tui.profile.page import ProfilePage

PROFILE = """\
format = 1
name = "Title of NAME"
[clients.magento]
plugins = [{ kind = "base-uri", uri = "https://NAME.test/rest/all/V1" }]
[incoming.products]
client = "magento"
request = { uri = "products" }
[incoming.orders]
client = "magento"
request = { uri = "orders" }
[environments.staging]
name = "Staging"
"""
MANY = "The store refuses the token: "


def profile(machine: Machine, name: str) -> Path:
    machine.directories.profiles.mkdir(parents=True, exist_ok=True)
    path = machine.directories.profiles / f"{name}.toml"
    path.write_text(PROFILE.replace("NAME", name))
    return path


def ran(
    machine: Machine, path: Path, name: str, state: str, hours: float, reason: str = "", environment: str = ""
) -> None:
    """A run that ended so many hours ago."""
    ledger = ledger_file(machine.directories.state, path, name, environment=environment)
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with Ledger(ledger):
        pass
    ended = (machine.now() - timedelta(hours=hours)).isoformat()
    with sqlite3.connect(ledger) as database:
        database.execute(
            "insert into run (began, ended, state, fingerprint, asked, moves_mark, items, seconds, reason)"
            " values (?, ?, ?, 'f', 'GET products', 1, 1188, 12.0, ?)",
            (ended, ended, state, reason),
        )
    database.close()


async def test_the_runs_of_the_night_are_one_key_away(machine: Machine) -> None:
    acme, other = profile(machine, "acme"), profile(machine, "other")
    ran(machine, acme, "products", "complete", 5.5)
    ran(machine, acme, "products", "complete", 3.5)
    ran(machine, acme, "orders", "refused", 2.5, MANY + "it was revoked [bold]\x1b[31m", "staging")
    ran(machine, other, "products", "stopped", 1.5)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 30)) as pilot:
        await until_shown(pilot, "Title of acme")
        await pilot.press("L")
        await until_shown(pilot, "3 runs · the last of each configuration")
        rows = [line for line in shown(app).splitlines() if "1,188 items" in line]
        assert [("other products" in rows[0]), ("acme (staging) orders" in rows[1]), ("acme products" in rows[2])] == [
            True
        ] * 3
        assert "2 not complete" in shown(app)
        assert all(word in rows[2] for word in ("✔ complete", "3 h ago", "12 s"))
        await pilot.press("j")
        await until_shown(pilot, "it was revoked [bold]")
        assert "\x1b" not in shown(app)
        await pilot.press("a")
        await until_shown(pilot, "4 runs · all runs that are kept")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and app.focused is not None)
        await until_shown(pilot, "staging")
        page = app.screen
        assert isinstance(page, ProfilePage)
        assert page._list.selected is not None
        assert (page._list.selected.family, page._list.selected.name) == ("incoming", "orders")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, LastRunsScreen))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, RecordedScreen))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, LastRunsScreen))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_the_command_list_leads_there_and_an_empty_list_says_what_to_do(machine: Machine) -> None:
    profile(machine, "acme")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "acme")
        await pilot.press("colon", *"last runs")
        await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.value == "last runs")
        await pilot.press("enter")
        await until_shown(pilot, "Nothing has been run yet")
        assert all(word in shown(app).splitlines()[-1] for word in ("Help", "Commands", "Back"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
