"""The last runs of all profiles on one screen: newest first, with the reason; Enter leads to the configuration."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from guide_steps import no_demo
from postgres import Database, postgres, postgres_cluster
from screens import shown, until, until_shown
from textual.widgets import Input

from tui_connector.machine import Machine
from tui_connector.profile.capabilities import capabilities
from tui_connector.profile.problems import read_profile
from tui_connector.profile.trust_records import TrustRecords
from tui_connector.runs.ledger import Ledger, RunEnd, ledger_file
from tui_connector.runs.postgres_ledger import LedgerServer, LedgerSettings
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.last_runs import LastRunsScreen
from tui_connector.tui.log.screens import RecordedScreen
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.units import timestamp

__all__ = ["postgres", "postgres_cluster"]

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
        await until_shown(pilot, "Last runs  L")  # on home, where there is room
        assert "stopped, 1,188 items" in shown(app)
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


@pytest.mark.untrusted
async def test_the_server_of_a_shared_ledger_is_asked_for_its_runs(machine: Machine, postgres: Database) -> None:
    path = profile(machine, "acme")
    lines = [f"{name} = {json.dumps(value)}" for name, value in postgres.saved.items()]
    path.write_text("\n".join([path.read_text(), "[ledger]", *lines, ""]))
    settings = LedgerSettings.model_validate(postgres.saved)
    server = LedgerServer(settings, lambda: settings.parameters({}, Path("/")), "acme", "")
    with Ledger(server.place("incoming", "products")) as ledger:
        now = timestamp(machine.now())
        run = ledger.begin(now, "f", "GET products", None, moves_mark=True, forget=False)
        ledger.end(run, RunEnd("complete"), now)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 30)) as pilot:
        await until_shown(pilot, "shared ledger")  # home asks no server
        await pilot.press("L")
        await until_shown(pilot, "missing: acme: the profile is not yet trusted to ask")
        _, base = read_profile(path)
        _, staging = read_profile(path, "staging")
        for saved in (base, staging):
            found = capabilities(saved, path.parent, machine)
            records = TrustRecords(machine.directories.state)
            records.grant(path, found, machine.now(), environment=saved.environment)
        await pilot.press("q", "L")
        await until_shown(pilot, "0 items")
        assert "missing" not in shown(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        await until_shown(pilot, "Last run: ✔ complete, 0 items")
        # the server is gone
        path.write_text(path.read_text().replace(f"port = {postgres.saved['port']}", "port = 1"))
        await until_shown(pilot, "Last run: not known: the profile is not yet trusted to ask")
