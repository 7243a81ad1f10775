"""A profile's page: what is saved is found, tried, edited and undone; what is not saved is kept."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guide_steps import no_demo
from profile_page import MORE_SECRETS, PROFILE, in_form, messages, on_page, trusting, write
from screens import shown, until, until_shown
from textual.events import Paste

from tui_connector.guide.drafts import Draft
from tui_connector.guide.steps.setup import Setup
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.file_watch import state_of
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.log.panel import LogPanel
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.profile.part_forms import AddPartScreen
from tui_connector.tui.profile.part_list import PartList, ProblemList
from tui_connector.tui.run.screen import RunScreen
from tui_connector.tui.setup.context import DemoStore
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.toml_editor.area import TomlArea
from tui_connector.tui.toml_editor.screen import EditorScreen


async def test_profile_opens_on_its_page_and_a_test_shows_the_response(machine: Machine, sandbox: Sandbox) -> None:
    write(machine, url=sandbox.url)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Acme store" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET products" in shown(app))
        await pilot.press("t")
        await until(pilot, lambda: "The keyring has no entry" in shown(app))
        app.post_message(Paste("a" * 32))
        await pilot.press("enter")
        await until(pilot, lambda: "✘ magento" in shown(app))
        assert "401" in shown(app)


async def test_keys_that_send_requests_from_the_page_do_nothing_while_the_log_has_the_focus(machine: Machine) -> None:
    write(machine)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "Acme store" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "GET products" in shown(app) and "r Run" in shown(app))
        await pilot.press("tab")
        await until(pilot, lambda: app.screen.query_one(LogPanel).has_focus_within and "r Run" not in shown(app))
        await pilot.press("r", "R", "t")
        await pilot.pause()
        assert isinstance(app.screen, ProfilePage)
        assert "✘ magento" not in shown(app)
        await pilot.press("space")
        await until(pilot, lambda: "not following" in shown(app))
        await pilot.press("t")
        await until(
            pilot, lambda: any("t (Test) does nothing while the log" in each.message for each in app._notifications)
        )
        await pilot.press("shift+tab", "t")
        await until(pilot, lambda: "The keyring has no entry" in shown(app))
        assert not app._notifications  # what was said before the test
        app.post_message(Paste("a" * 32))
        await pilot.press("enter")
        await until(pilot, lambda: "✘ magento" in shown(app))
        assert "not following" not in shown(app)  # the requests of the test are wanted


async def test_invalid_profile_opens_with_every_problem_and_its_place(machine: Machine) -> None:
    write(machine, text=PROFILE.replace('items = "items"', 'itms = "items"').replace("bearer", "barer"))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Acme store" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "2 problems" in shown(app))
        assert "6:1: authentications.integration.kind" in shown(app)
        assert "19:1: incoming.products.itms" in shown(app)
        await until(pilot, lambda: "▸ 6:1:" in shown(app) and shown(app).count("▸") == 1)
        await pilot.press("down", "down")  # past the last problem
        await until_shown(pilot, "HTTP clients · magento")
        await until(pilot, lambda: app.focused is app.screen.query_one(PartList))
        await until(pilot, lambda: "▸   magento" in shown(app) and "› 19:1:" in shown(app))
        await pilot.press("k")
        await until(pilot, lambda: app.focused is app.screen.query_one(ProblemList))
        await until_shown(pilot, "Incoming · products")  # that of the last problem


async def test_the_key_that_corrects_a_problem_is_shown_where_it_does(machine: Machine) -> None:
    path = write(machine, text=PROFILE.replace('items = "items"', 'zzz = "items"').replace("bearer", "barer"))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Acme store" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "2 problems" in shown(app))

        def shows_fix() -> tuple[bool, bool]:
            return " · a: fix" in shown(app), "a Fix" in shown(app).splitlines()[-1]

        await until(pilot, lambda: shows_fix() == (True, True))
        await pilot.press("down")
        await until(pilot, lambda: shows_fix() == (False, False))
        await pilot.press("a")
        await until(pilot, lambda: any("There is no suggested correction" in each for each in messages(app)))
        await pilot.press("down")  # a part without a problem: the first problem that can be corrected
        await until(pilot, lambda: shows_fix() == (True, True))
        app.screen.query_one(PartList).select("incoming", "products")  # as for one whose problems cannot be
        await until(pilot, lambda: shows_fix() == (True, True) and "Incoming · products" in shown(app))
        await pilot.press("a")
        await until_shown(pilot, "Fix line 6")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        assert "barer" in path.read_text()
        await pilot.press("a")
        screen = await until_shown(pilot, 'Write "bearer"? acme.toml changes like this:')
        assert '+kind = "bearer"' in screen
        await pilot.press("y")
        await until(pilot, lambda: 'kind = "bearer"' in path.read_text())
        done = 'Saved: fix line 6: write "bearer" (authentications.integration.kind). u undoes it.'
        await until(pilot, lambda: done in messages(app))
        await until_shown(pilot, "1 problem")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        app.clear_notifications()
        await pilot.press("a")  # a part without a problem, and the only problem is of another one
        await until(pilot, lambda: any("There is no suggested correction" in each for each in messages(app)))
        await until_shown(pilot, "Incoming · products")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        assert app.screen.query_one(TomlArea).selection.end[0] == 18
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("u")
        assert "! The profile will have 2 problems." in await until_shown(pilot, 'Undo “fix line 6: write "bearer"”?')
        await pilot.press("y")
        await until(pilot, lambda: "barer" in path.read_text())


@pytest.mark.parametrize("text", ["format = ", "\udcff"])
async def test_file_that_is_not_a_profile_opens_too(machine: Machine, text: str) -> None:
    write(machine).write_bytes(text.encode("utf-8", "surrogateescape"))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "Fix this before" in shown(app))
        assert ("is not UTF-8" if text == "\udcff" else "The value is missing") in shown(app)


async def test_a_part_is_found_by_what_its_row_says(machine: Machine) -> None:
    more = (
        f'[incoming.list{number}]\nclient = "magento"\nrequest = {{ uri = "lists/{number}" }}\n' for number in range(30)
    )
    write(machine, text=PROFILE + "".join(more))
    app = ConnectorApp(machine, no_demo)
    async with on_page(app) as pilot:
        await pilot.press("slash")
        await until_shown(pilot, "Find a part")
        await pilot.press(*"incom", "space", *"/27")
        await until(pilot, lambda: "list27 · GET lists/27" in shown(app) and "list26" not in shown(app))
        await pilot.press("enter")
        await until_shown(pilot, "Incoming · list27")


async def test_the_page_is_read_again_when_another_program_changes_the_file(machine: Machine) -> None:
    path = write(machine)
    app = ConnectorApp(machine, no_demo)
    async with on_page(app, size=(100, 30)) as pilot:
        changed = path.read_text().replace('uri = "products"', 'uri = "orders?x"')
        path.write_text(f'{changed}title = "Orders of today"\n')
        await until(pilot, lambda: "Orders of today · GET orders?x" in shown(app))
        valid = path.read_text()
        path.write_text(valid.replace('items = "items"', 'items = "items'))
        await until_shown(pilot, "Parts · of the last valid text")
        screen = await until_shown(pilot, "19:15: The closing quote")
        assert "e: edit · o: $EDITOR · a: fix" in screen
        assert "Orders of today · GET orders?x" in screen
        assert messages(app) == []
        await pilot.press("E")  # in the log, it exports
        said = "E (Environment): acme.toml cannot be read now; correct its text first."
        await until(pilot, lambda: messages(app) == [said])
        app.clear_notifications()
        await pilot.press("enter")
        await until(pilot, lambda: any("correct line 19 and save (^S) first" in each for each in messages(app)))
        await until_shown(pilot, "19:15")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("a")  # at a part that has no problem itself
        await until_shown(pilot, "Correct the quotes? acme.toml changes like this:")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        path.unlink()
        screen = await until_shown(pilot, "The file is gone")
        assert "Orders of today · GET orders?x" in screen
        assert "As text" not in screen
        os.mkfifo(path)
        screen = await until_shown(pilot, "is a pipe, not a file")
        assert "✘ The file cannot be read" in screen
        assert "Orders of today · GET orders?x" in screen
        assert not any(key in screen for key in ("As text", "$EDITOR", "Edit this line"))
        path.unlink()
        path.write_bytes(valid.encode("utf-16"))
        assert "o: $EDITOR" in await until_shown(pilot, "is UTF-16, not UTF-8")
        path.write_text(valid)
        await until(pilot, lambda: "valid text" not in shown(app))
        assert messages(app) == ["Another program changed the file; it was reloaded. u undoes that."]


async def test_guide_opens_at_the_step_of_a_part_and_leaving_saves_a_draft(machine: Machine) -> None:
    path = write(machine)
    app = ConnectorApp(machine, no_demo)
    async with on_page(app, size=(100, 30)) as pilot:
        await pilot.press("down", "down", "g")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and "● 3" in shown(app).replace("●3", "● 3"))
        setup: Setup = app.screen.work.setup  # type: ignore[attr-defined]
        setup.edit(("name",), "Acme, changed")
        await pilot.press("alt+q")
        await until_shown(pilot, "Parts · ○ unsaved changes in the guide (g), just now")
        await pilot.press("q")
        await until(pilot, lambda: "○ acme" in shown(app) and "step 3 ·" in shown(app))
        assert path.read_text() == PROFILE.replace("URL", "http://127.0.0.1:9")
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and "Acme, changed" in shown(app))
        assert app.screen.work.setup.at("incoming", "products", "items") == "items"  # type: ignore[attr-defined]
        await pilot.press("alt+q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and isinstance(app.screen.selected, Draft))
        await pilot.press("home", "enter")
        await until(pilot, lambda: "GET products" in shown(app))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "There are unsaved changes" in shown(app))
        page = next(each for each in app.screen_stack if isinstance(each, ProfilePage))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and not page.loading_message)
        reader = page._reader
        page._check_file()
        assert page._reader is reader  # what is saved now is the user's own
        await pilot.press("alt+q")
        await until(pilot, lambda: app.screen is page and not page.loading_message)
        await pilot.press("enter")
        await until(pilot, lambda: "There are unsaved changes" in shown(app))
        await pilot.press("ctrl+d")
        await in_form(app, pilot, "Incoming products")
        await until(pilot, lambda: page.query_one(PartList).border_title == "Parts")  # without the draft


async def test_the_footer_keeps_the_way_back_where_there_is_no_room_for_all_keys(machine: Machine) -> None:
    write(machine)
    app = ConnectorApp(machine, no_demo)
    async with on_page(app, size=(60, 24)) as pilot:
        await until(pilot, lambda: "q Back" in shown(app).splitlines()[-1])
        assert "History" not in shown(app).splitlines()[-1]


async def test_detail_of_an_incoming_shows_its_last_run_once_and_its_text(machine: Machine) -> None:
    write(machine)
    app = ConnectorApp(machine, no_demo)
    async with on_page(app, size=(120, 36)) as pilot:
        await pilot.press("down", "down")
        await until(pilot, lambda: "No run yet. r runs it." in shown(app) and 'items = "items"' in shown(app))
        assert shown(app).count("No run yet. r runs it.") == 1


async def test_q_leaves_a_page_whose_log_is_searched_and_esc_ends_the_search_first(machine: Machine) -> None:
    write(machine)
    app = ConnectorApp(machine, no_demo)
    async with on_page(app, size=(120, 36)) as pilot:
        for key in ("escape", "q"):
            await pilot.press("tab")
            await until(pilot, lambda: app.screen.query_one(LogPanel).has_focus_within)
            await pilot.press("slash", *"nowhere", "enter")
            await until(pilot, lambda: "search nowhere" in shown(app))
            await pilot.press(key)
            if key == "escape":
                await until(pilot, lambda: "search nowhere" not in shown(app))
                assert isinstance(app.screen, ProfilePage)
                await pilot.press("shift+tab")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_what_the_page_says_of_its_keys_is_not_shown_on_the_screen_of_a_run(machine: Machine) -> None:
    write(machine)
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("down", "down", "plus")
        await until(pilot, lambda: isinstance(app.screen, AddPartScreen))
        await pilot.press(*"invoices", "enter")
        await until(pilot, lambda: "+[incoming.invoices]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: any("Added: invoices" in each.message for each in app._notifications))
        await until(pilot, lambda: "Incoming · invoices" in shown(app))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert not any("u undoes it" in each.message for each in app._notifications)


async def test_page_shows_which_secrets_are_missing(machine: Machine, memory_keyring: Any) -> None:
    write(machine, text=PROFILE.replace("\n[clients.magento]", MORE_SECRETS))
    app = ConnectorApp(replace(machine, environ={**machine.environ, "SHOP_TOKEN": "CANARY-token"}), no_demo)
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: "Acme store" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "✘ integration" in shown(app))
        await pilot.press("down")
        await until(pilot, lambda: "✘ token  missing in the keyring" in shown(app))
        assert "Bearer token · 1 in the keyring, missing" in shown(app)
        await pilot.press("down")
        await until(pilot, lambda: "✔ token  variable SHOP_TOKEN is set" in shown(app))
        assert "CANARY" not in shown(app)


async def test_a_problem_is_edited_at_its_line_here_or_in_the_users_editor(machine: Machine, tmp_path: Path) -> None:
    editor = tmp_path / "vi"
    editor.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/line\n')
    editor.chmod(0o700)
    path = write(machine, text=PROFILE.replace('items = "items"', 'itms = "items"').replace("bearer", "barer"))
    app = ConnectorApp(replace(machine, environ={**machine.environ, "EDITOR": str(editor)}), no_demo)
    app.without_terminal = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # there is no terminal here
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Acme store" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "2 problems" in shown(app))
        await pilot.press("down", "o")
        await until(pilot, lambda: (tmp_path / "line").exists() and (tmp_path / "line").read_text() == "+19\n")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await until(pilot, lambda: app.screen.query_one(TomlArea).cursor_location[0] == 19 - 1)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        assert "✘ products    1 problem · GET products" in shown(app)
        await pilot.press("tab", "up")
        await until_shown(pilot, "✘ line 6: kind: ")
        for key in ("r", "g"):
            await pilot.press(key)
            await until(pilot, lambda: "2 problems to fix first: e opens line 6, a fixes it" in messages(app)[-1])
            app.clear_notifications()
        for key in ("enter", "e"):  # although the other problem is selected in their list
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, EditorScreen))
            await until(pilot, lambda: app.screen.query_one(TomlArea).cursor_location[0] == 6 - 1)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        assert '→ a: Write "bearer"' in shown(app)
        await pilot.press("f7")  # as in the editor
        await until_shown(pilot, 'Write "bearer"?')
        await pilot.press("ctrl+s")
        await until(pilot, lambda: 'kind = "bearer"' in path.read_text())
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("enter")  # a part that is valid has its form, whatever the others are
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await until_shown(pilot, "2 Authentication")


async def test_opening_a_demo_profile_starts_the_sandbox_once(machine: Machine) -> None:
    path = write(machine)
    started: list[Path] = []

    async def demo() -> DemoStore:
        started.append(path)
        return DemoStore("http://127.0.0.1:9", "acme", "Acme", "", {"access-token": "CANARY-token"})

    app = ConnectorApp(machine, demo, is_demo_profile=lambda opened: opened == path)
    async with app.run_test(size=(80, 24)) as pilot:
        for is_first in (True, False):
            await until(pilot, lambda: "Acme store" in shown(app))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET products" in shown(app))
            assert any("with fresh data" in each.message for each in app._notifications) is is_first
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
            await until(pilot, lambda: not len(app._notifications))  # that of the page would cover the list
        for profile in (path, path.with_name("shop.toml")):  # which does not get the value again by itself
            machine.typed.keep(profile, "env:TOKEN", "http://127.0.0.1:9", "CANARY-token")
        await pilot.press("q")
        assert "of acme" not in await until_shown(pilot, "1 secret of shop (TOKEN) will be lost")
    assert started == [path]


async def test_the_zoomed_log_has_the_whole_screen(machine: Machine) -> None:
    write(machine)
    app = ConnectorApp(machine, no_demo)
    async with on_page(app, size=(140, 45)) as pilot:
        await pilot.press("l")
        await until(pilot, lambda: "GET products" not in shown(app))
        await pilot.press("l")
        await until(pilot, lambda: "GET products" in shown(app))


async def test_page_behind_the_zoomed_log_does_not_take_the_focus(machine: Machine) -> None:
    write(machine)
    app = ConnectorApp(machine, no_demo)
    async with on_page(app) as pilot:
        await pilot.press("l")
        await until(pilot, lambda: "GET products" not in shown(app))
        log = app.screen.query_one(LogPanel)
        assert app.focused is not None
        app.screen.query_one("#parts").focus()
        await pilot.pause()
        assert log in app.focused.ancestors
        await pilot.press("escape")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "parts")
        assert "GET products" in shown(app)


async def test_a_file_whose_times_jump_has_not_changed(machine: Machine) -> None:
    path = write(machine)
    app = trusting(machine)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "Acme store" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET products" in shown(app))
        page = app.screen
        assert isinstance(page, ProfilePage)
        for seconds in (0, 4_000_000_000):  # 1970 and 2096
            os.utime(path, (seconds, seconds))
            await until(pilot, lambda: page._file_state == state_of(path))
            assert "was reloaded" not in shown(app)
        path.write_text(path.read_text().replace("Acme store", "Acme shop"))
        os.utime(path, (0, 0))
        await until_shown(pilot, "was reloaded")
        assert page.opened is not None
        assert page.opened.profile is not None
        assert page.opened.profile.name == "Acme shop"
        moved = path.rename(path.with_suffix(".moved"))
        await until_shown(pilot, "The file is gone")
        moved.rename(path)
        await until_shown(pilot, "GET products")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        screen = app.screen
        assert isinstance(screen, EditorScreen)
        await until_shown(pilot, "saved")
        await pilot.press("#")
        await until_shown(pilot, "modified")
        os.utime(path, (4_000_000_000, 4_000_000_000))
        await until(pilot, lambda: screen._watch._state == state_of(path))
        await pilot.pause()
        assert "Another program" not in shown(app)
