"""The environment of a profile on its page: shown in every header, compared, chosen, and used."""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import replace
from functools import partial

import pytest
from environment_page import open_in_staging, open_page
from environment_profile import PROFILE, WITH_SECRET, write
from guide_steps import no_demo
from listing import SearchRequest, listing, products
from screens import TYPING_GAP, shown, until, until_shown
from textual.events import Paste
from textual.widgets import OptionList

from tui_connector.machine import Machine
from tui_connector.outgoing.task_ledger import tasks_file
from tui_connector.runs.ledger import Ledger, ledger_file
from tui_connector.tui import typed_words
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.environments import EnvironmentScreen
from tui_connector.tui.last_runs import LastRunsScreen
from tui_connector.tui.log.list import LogView
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.profile.part_forms import SaveScreen
from tui_connector.tui.profile.part_list import PartList
from tui_connector.tui.run.screen import RunScreen
from tui_connector.tui.setup.form_screen import FormScreen


async def test_an_environment_is_compared_chosen_and_run(machine: Machine) -> None:
    async with listing(products(*range(1, 8))) as staging:
        path = write(machine.directories.profiles, "http://127.0.0.1:9", staging.url)
        app = ConnectorApp(machine, no_demo)
        async with app.run_test(size=(150, 36)) as pilot:
            await until_shown(pilot, "Shop")
            await pilot.press("enter")
            await until(pilot, lambda: "default · PRODUCTION" in shown(app) and "GET products" in shown(app))
            await until_shown(pilot, "E Environment")
            await pilot.press("j", "j", "E")  # the list of authentications is empty, and a row that adds one
            await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen) and "● default" in shown(app))
            assert "Rename" not in shown(app).splitlines()[-1]  # the base values have no name of their own
            await pilot.press("down")
            text = await until_shown(pilot, "Changes 3 values of default:")
            await until(pilot, lambda: "m Rename" in shown(app).splitlines()[-1])
            assert "PgDn" not in shown(app).splitlines()[-1]
            await pilot.resize_terminal(150, 12)  # where the differences need to scroll
            await until(pilot, lambda: "PgDn Scroll" in shown(app).splitlines()[-1])
            await pilot.resize_terminal(150, 36)
            await until(pilot, lambda: "PgDn Scroll" not in shown(app).splitlines()[-1])
            assert "incoming.items.sink.path" in text
            assert "clients.shop.plugins.base-uri.uri" in text  # as in the file
            assert '- "live.jsonl"' in text
            assert '+ "staging.jsonl"' in text
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and " staging" in shown(app).split("\n")[0])
            assert "PRODUCTION" not in await until_shown(pilot, staging.url)
            await until_shown(pilot, "GET products")
            await until_shown(pilot, "Incoming · items")  # the part that was selected
            await pilot.press("r")
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and "complete" in shown(app))
            assert shown(app).split("\n")[0].rstrip().endswith("staging")
            assert isinstance(app.screen, RunScreen)
            assert app.screen.job.badge(None) == ("✔ items (shop, staging)", "success")  # in the header of home
        state = machine.directories.state
        assert ledger_file(state, path, "items", environment="staging").exists()
        assert not ledger_file(state, path, "items").exists()
        assert len((path.parent / "staging.jsonl").read_text().splitlines()) == 7
        assert staging.server.received


async def test_letters_typed_over_the_environments_choose_none(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(machine.directories.profiles, "http://127.0.0.1:9", "http://127.0.0.1:8")
    monkeypatch.setattr(typed_words, "GAP", TYPING_GAP)
    app = ConnectorApp(machine, no_demo)

    async with app.run_test(size=(80, 24)) as pilot:
        await open_page(pilot)
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))
        await pilot.press("s")
        await until(pilot, lambda: "↑↓ select, Enter uses" in messages(app))
        for keys in (("t", "a"), ("d", "e", "v")):
            await pilot.press(*keys)
            await until_shown(pilot, "Letters select nothing here · ^U: delete")
            await pilot.press("enter")
            await until(pilot, lambda: "Nothing chosen" in messages(app))
            await pilot.press("ctrl+u")
            await until_shown(pilot, "Enter: use")
        app.post_message(Paste("staging\n"))
        await until_shown(pilot, "Letters select nothing here ·")
        await pilot.press("down")
        await until_shown(pilot, "d: delete")
        await pilot.press("d", "plus")  # each of which is a key here
        await until_shown(pilot, "Letters select nothing here ·")
        await pilot.press("ctrl+u", "d", "e", "m", "enter")
        await until_shown(pilot, "Letters select nothing here ·")
        assert isinstance(app.screen, EnvironmentScreen)
        await pilot.press("up", "down", "d")
        await until_shown(pilot, "Delete staging?")
        for declined, key in (("n", "m"), ("escape", "e"), ("escape", "plus"), ("escape", "")):
            await pilot.press(declined)
            await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))
            await until_shown(pilot, "▸   staging")
            if key:
                await pilot.press(key)
                await until(pilot, lambda: not isinstance(app.screen, EnvironmentScreen | ProfilePage))


async def test_runs_and_requests_of_another_environment_are_named_with_it(machine: Machine) -> None:
    responds, broken = asyncio.Event(), 0
    responds.set()

    async def before(asked: SearchRequest) -> None:
        await responds.wait()

    def first_line() -> str:
        return shown(app).split("\n")[0]

    async with listing(products(1, 2), before=before) as store:
        store.bend = lambda asked, items: b"invalid\r\n\r\n" if len(store.asked) == broken else None
        write(machine.directories.profiles, store.url, store.url, PROFILE.replace("production = true\n", ""))
        app = ConnectorApp(machine, no_demo)
        async with app.run_test(size=(110, 36)) as pilot:
            await until_shown(pilot, "Shop")
            await pilot.press("enter")
            await until_shown(pilot, "HTTP clients · shop")
            await pilot.press("r")
            await until_shown(pilot, "Run items")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and "complete" in shown(app))
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage))
            responds.clear()
            broken = len(store.asked) + 1
            await pilot.press("l", "x", "L")  # a request of this environment's log
            await until(pilot, lambda: isinstance(app.screen, LastRunsScreen))
            responds.set()
            await until(pilot, lambda: "Log of this session (shop): #" in messages(app))
            responds.clear()
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage))
            await pilot.press("l", "r")  # the part that was run is selected
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and "running" in shown(app))
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "▶ items 0" in first_line())
            await pilot.press("E", "down", "enter")
            await until(pilot, lambda: " staging" in first_line())
            await until(pilot, lambda: "▶ items (default)" in first_line())
            responds.set()
            await until(pilot, lambda: "✔ items (default)" in first_line() and "items (default): ✔" in messages(app))


async def test_with_a_client_selected_run_asks_what_to_run(machine: Machine) -> None:
    async with listing(products(1, 2)) as store:
        write(machine.directories.profiles, store.url, store.url, PROFILE.replace("production = true\n", ""))
        app = ConnectorApp(machine, no_demo)
        async with app.run_test(size=(110, 36)) as pilot:
            await until_shown(pilot, "Shop")
            await pilot.press("enter")
            await until_shown(pilot, "HTTP clients · shop")
            await pilot.press("r")
            await until_shown(pilot, "Run items")
            await until_shown(pilot, "Plan sending stock")
            highlighted = lambda: app.screen.query_one(OptionList).highlighted  # noqa: E731
            await pilot.press("p", "l", "a")
            await until(pilot, lambda: highlighted() == 1)
            await pilot.press("ctrl+u", "r")
            await until(pilot, lambda: highlighted() == 0)
            for key in ("u", "n", "space", "i"):
                await pilot.press(key)
                await until(pilot, lambda: highlighted() == 0)
            await pilot.press("escape", "R")
            await until_shown(pilot, "Run or send")
            await pilot.press("down", "enter")
            await until_shown(pilot, "Plan stock")
            await pilot.press("escape")
            await until(pilot, lambda: "Run or send" in shown(app) and highlighted() == 1)
            await pilot.press("escape", "home", "r")
            await until_shown(pilot, "Run items")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and "complete" in shown(app))


async def test_a_plan_says_which_environment_it_is_sent_to(machine: Machine) -> None:
    write(machine.directories.profiles, "http://127.0.0.1:9", "http://127.0.0.1:9")
    text = PROFILE.replace("production = true\n", "").replace("production = false\n", "")
    write(machine.directories.profiles, "http://127.0.0.1:9", "http://127.0.0.1:8", text)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(110, 36)) as pilot:
        await until_shown(pilot, "Shop")
        await pilot.press("enter")
        await until_shown(pilot, "POST inventory")
        await pilot.press("E", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and " staging" in shown(app).split("\n")[0])
        await until_shown(pilot, "POST inventory")
        await pilot.press("j", "j", "j", "r")
        await until(pilot, lambda: "a Apply" in shown(app))
        await pilot.press("a")
        await until_shown(pilot, " to Shop (staging, http://127.0.0.1:8")


async def test_an_environment_with_an_own_secret_is_added_used_and_undone(machine: Machine) -> None:
    async with listing(products(1, 2)) as staging:
        path = write(machine.directories.profiles, "http://127.0.0.1:9", "", WITH_SECRET)
        app = ConnectorApp(machine, no_demo)
        async with app.run_test(size=(120, 40)) as pilot:
            await open_page(pilot)
            assert "default" not in shown(app).split("\n")[0]
            assert "Environment" not in shown(app).split("\n")[-1]  # other keys are of more use
            await pilot.resize_terminal(200, 40)
            assert "E Environment" in (await until_shown(pilot, "S Slices")).splitlines()[-1]
            await pilot.resize_terminal(120, 40)
            await pilot.press("E")
            await until_shown(pilot, "+ adds an environment")  # there is none yet
            await pilot.press("plus")
            await until_shown(pilot, "Name of the new environment")
            await pilot.press(*"no name", "enter")
            await until_shown(pilot, "is not a valid name")
            await pilot.press("ctrl+u", *"staging", "enter")
            await until(pilot, lambda: isinstance(app.screen, FormScreen) and "SHOP_TOKEN_STAGING" in shown(app))
            await pilot.press(*"htp:/localhost:1")
            await until_shown(pilot, "✘ “htp” is not a scheme of a store: use http:// or https://")
            await pilot.press("ctrl+u", *staging.url.removeprefix("http://"), "down")
            await until(pilot, lambda: "not a scheme" not in shown(app))
            await pilot.press("ctrl+s")
            await until(pilot, lambda: isinstance(app.screen, SaveScreen))
            await pilot.press("ctrl+s")
            await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen) and "Changes 4 values" in shown(app))
            assert app.screen.unread is not None, "it opened by itself, a while after the key that has saved"
            assert "Enter uses it" in messages(app)
            added = """
[environments.staging]
production = false
authentications.a.token = { env = "SHOP_TOKEN_STAGING" }
incoming.items.sink.path = "staging/live.jsonl"
clients.shop.plugins.base-uri.uri = "URL/rest/V1"
"""
            before = WITH_SECRET.replace("LIVE", "http://127.0.0.1:9")
            assert path.read_text() == before + added.replace("URL", staging.url)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and " staging" in shown(app).split("\n")[0])
            await until_shown(pilot, "GET products")
            await pilot.press("E")
            await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, FormScreen) and staging.url in shown(app))
            await pilot.press("down")
            app.post_message(Paste("CANARY-of-staging-1234"))
            await until_shown(pilot, "session")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: "Secrets set" in str([each.message for each in app._notifications]))
            await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))  # the file was not changed
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET products" in shown(app))
            app.screen.query_one(PartList).select("incoming", "items")
            await pilot.press("r")
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and "complete" in shown(app))
            assert b"Bearer CANARY-of-staging-1234" in staging.server.received[0].head
            await pilot.press("q")
        assert path.read_text() == before + added.replace("URL", staging.url)


async def test_the_base_values_are_used_where_the_environment_in_use_is_gone(machine: Machine) -> None:
    path = write(machine.directories.profiles, "http://127.0.0.1:9", "http://127.0.0.1:8")
    app = ConnectorApp(machine, no_demo)

    def messages() -> list[str]:
        return [each.message for each in app._notifications]

    async with app.run_test(size=(110, 36)) as pilot:
        await open_page(pilot)
        await pilot.press("E", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and " staging" in shown(app).split("\n")[0])
        await pilot.press("shift+tab", "escape")  # from the detail to the list of the log
        await until(pilot, lambda: isinstance(app.focused, LogView))
        await pilot.press("escape")  # leaves the log, not the page and with it the environment
        await until(pilot, lambda: isinstance(app.focused, PartList))
        path.write_text(path.read_text().replace("environments.staging", "environments.other"))
        await until(pilot, lambda: any("no longer has the environment staging" in each for each in messages()))
        await until(pilot, lambda: "staging" not in shown(app).split("\n")[0] and "GET products" in shown(app))
        await pilot.press("E", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and " other" in shown(app).split("\n")[0])
        valid = path.read_text()
        for problem, words in (("no-key = 1", "1 problem"), ("no-key =", "of the last valid text")):
            path.write_text(valid.replace("[clients.shop]", f"[clients.shop]\n{problem}"))
            await until_shown(pilot, words)
            assert "127.0.0.1:8" in await until_shown(pilot, " other")
            assert shown(app).split("\n")[0].rstrip().endswith(" other")
        path.write_text(valid)
        await until_shown(pilot, "GET products")
        path.write_text(path.read_text().partition("[environments")[0].replace("jsonl", "jsnl"))
        await until(pilot, lambda: any("no longer has the environment other" in each for each in messages()))
        await until_shown(pilot, "2 problems")


async def test_an_environment_is_copied_renamed_while_in_use_and_deleted_and_each_is_undone(machine: Machine) -> None:
    path = write(machine.directories.profiles, "http://127.0.0.1:9", "http://127.0.0.1:8")
    before = path.read_text()
    ledger = ledger_file(machine.directories.state, path, "items", environment="staging")
    ledger.parent.mkdir(parents=True)
    with Ledger(ledger):
        pass
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(110, 36)) as pilot:
        await open_page(pilot)

        async def choose(key: str) -> None:
            await until_shown(pilot, "E Environment")
            await pilot.press("E")
            await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))
            await pilot.press("home", "down", key)

        await choose("home")
        await pilot.press("d")
        await until(pilot, lambda: "base values cannot be deleted" in str([e.message for e in app._notifications]))
        await pilot.press("escape")
        await choose("c")
        await until_shown(pilot, "Copy staging")
        await pilot.press(*"uat", "enter")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "Environment uat" in shown(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SaveScreen))
        await pilot.press("y")
        copied = before + before[before.index("[environments") :].replace("staging", "uat")
        await until(pilot, lambda: tomllib.loads(path.read_text()) == tomllib.loads(copied))
        await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))  # with the copy selected
        await pilot.press("home", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and " staging" in shown(app).split("\n")[0])
        await choose("m")
        await until_shown(pilot, "New name of staging")
        await pilot.press(*"live-2", "enter")  # instead of the former name
        await until_shown(pilot, "staging.jsonl → live-2.jsonl")
        await pilot.press("n")
        text = " ".join((await until_shown(pilot, "Rename staging to live-2?")).split())
        assert "What is named after staging stays" in text
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))
        await pilot.press("m")
        await until_shown(pilot, "New name of staging")
        await pilot.press(*"live", "enter")
        await until_shown(pilot, "staging.jsonl → live.jsonl")
        await pilot.press("y")
        text = " ".join((await until_shown(pilot, "Rename staging to live?")).split())
        assert "stays" not in text
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and " live" in shown(app).split("\n")[0])
        assert "[environments.live]" in path.read_text()
        assert 'incoming.items.sink.path = "live.jsonl"' in path.read_text()
        assert ledger_file(machine.directories.state, path, "items", environment="live").exists()
        await choose("delete")
        await until_shown(pilot, "Delete live?")
        await pilot.press("y")
        await until(pilot, lambda: "live" not in path.read_text().partition("[environments")[2])
        await until_shown(pilot, "u Undo edit")

        def is_undone(text: str) -> bool:
            return text in path.read_text() and isinstance(app.screen, ProfilePage) and not app.screen.busy

        for text in ("[environments.live]", "[environments.staging]", before):
            await pilot.press("u")
            await until(pilot, lambda: "changes like this" in shown(app))
            await pilot.press("y")
            await until(pilot, partial(is_undone, text))
        assert path.read_text() == before
        assert ledger.exists()


def messages(app: ConnectorApp) -> str:
    return str([each.message for each in app._notifications])


STAGING_TOKEN = """
[environments.staging]
production = false
authentications.a.token = { env = "SHOP_TOKEN_TEST" }
incoming.items.sink.path = "staging.jsonl"
clients.shop.plugins.base-uri.uri = "STAGING/rest/V1"
"""


async def test_a_missing_secret_is_prompted_for_before_anything_starts(machine: Machine) -> None:
    async with listing(products(1, 2)) as staging:
        path = write(machine.directories.profiles, "http://127.0.0.1:9", staging.url, WITH_SECRET + STAGING_TOKEN)
        app = ConnectorApp(replace(machine, environ={}), no_demo)
        state = machine.directories.state
        async with app.run_test(size=(120, 40)) as pilot:
            await open_in_staging(pilot)
            page = app.screen
            prompt = "Access token of authentication a, environment staging"
            for part, name, key in [("incoming", "items", "t"), ("incoming", "items", "r"), ("outgoing", "stock", "r")]:
                page.query_one(PartList).select(part, name)
                await pilot.press(key)
                await until(pilot, lambda: prompt in shown(app) or "not yet trusted" in shown(app))
                if "not yet trusted" in shown(app):
                    await pilot.press("y")
                    await until_shown(pilot, prompt)
                await pilot.press("escape")
                await until(pilot, lambda: app.screen is page and "is not set. Try again" in messages(app))
                app.clear_notifications()
            await until(pilot, lambda: not [*app.jobs] and "✘ failed" not in shown(app))
            assert not ledger_file(state, path, "items", environment="staging").exists()
            assert not tasks_file(state, path, "stock", "staging").exists()
            assert staging.server.received == []
            page.query_one(PartList).select("incoming", "items")
            await pilot.press("r")
            await until_shown(pilot, prompt)
            app.post_message(Paste("CANARY-of-staging-1234"))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and "complete" in shown(app))
            assert b"Bearer CANARY-of-staging-1234" in staging.server.received[0].head
            await pilot.press("q")
            await until(pilot, lambda: app.screen is page and "! a  " in shown(app))  # for this session
