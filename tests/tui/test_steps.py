"""The steps by keyboard, against the sandbox: going through them, and what they show of the profile."""

from __future__ import annotations

from typing import Any

from guide_steps import at_step, choose, guide, profile, to_authentication
from screens import shown, until, until_shown
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Button

from tui_connector.guide.drafts import Drafts
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.help import HelpScreen
from tui_connector.tui.log.list import LogView
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.save import SavePane
from tui_connector.tui.setup.step import Continue
from tui_connector.tui.widgets.ordered_list import OrderedList
from tui_connector.tui.widgets.secret import SecretInput


async def test_arrows_go_through_the_fields_of_a_step_and_stop_at_its_buttons(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        await pilot.press("escape", "1")
        await until(pilot, lambda: "● 1" in shown(pilot.app) and isinstance(pilot.app.focused, Button))
        await pilot.press("escape")  # there is nothing to leave, and it is no key of the log
        await until(pilot, lambda: any("q closes the guide" in each.message for each in pilot.app._notifications))
        await pilot.press("down")  # what is typed next would change the first field
        assert isinstance(pilot.app.focused, Continue)
        await until(pilot, lambda: any("↑ goes to what is above" in each.message for each in pilot.app._notifications))
        await pilot.press("e")
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "field-address")
        for key, field in (
            *(("down", field) for field in ("field-store-view", "client")),
            *(("up", field) for field in ("field-store-view", "field-address")),
        ):
            await pilot.press(key)
            await until(pilot, lambda field=field: getattr(pilot.app.focused, "id", "") == field)
        for key, field in (  # Tab goes from field to field, → to the list beside one
            *(("tab", "field-store-view"), ("right", "views"), ("left", "field-store-view"), ("right", "views")),
            *(("tab", "client"), ("shift+tab", "field-store-view"), ("tab", "client")),
            *(("shift+tab", "field-store-view"), ("shift+tab", "field-address")),
        ):
            await pilot.press(key)
            await until(pilot, lambda field=field: getattr(pilot.app.focused, "id", "") == field)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.focused, Button))
        await pilot.press("up")
        await until(pilot, lambda: isinstance(pilot.app.focused, OrderedList))
        assert pilot.app.focused.highlighted == 2, "the plugin above the buttons"
        await pilot.press("down")
        await until(pilot, lambda: isinstance(pilot.app.focused, Button))
        await pilot.press("escape", "2")
        await until_shown(pilot, "✔ 1")
        for way in ("Login with user", "Bearer"):
            await choose(pilot, "#way", way)
            await until_shown(pilot, way)
            way_field = pilot.app.screen.query_one("#way")
            button = next(each for each in pilot.app.screen.query("#step-2 .buttons Button") if each.display)
            assert await visited(pilot, "down", way_field, button) == await visited(pilot, "tab", way_field, button)
            assert await visited(pilot, "up", button, way_field) == await visited(pilot, "shift+tab", button, way_field)


async def visited(pilot: Pilot[None], key: str, first: Widget, last: Widget) -> list[Widget]:
    """What this key goes through, from the one to the other."""
    pilot.app.screen.set_focus(first)
    found = [first]
    while found[-1] is not last and len(found) < 20:
        await pilot.press(key)
        await pilot.pause()
        found.append(pilot.app.focused or first)
    assert found[-1] is last, found
    return found


async def test_steps_behind_the_zoomed_log_do_not_take_the_focus(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (80, 24)) as pilot:
        screen = pilot.app.screen
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        await pilot.press("l", "t")
        await until(pilot, lambda: sum(each["path"] == "/magento_version" for each in sandbox.journal()) == 2)
        await until_shown(pilot, "^L back")
        await pilot.pause()
        assert isinstance(screen.focused, LogView)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(screen.focused, Continue))
        await pilot.press("l", "n")
        text = await until_shown(pilot, "Consumer secret")
        assert "^L back" not in text


async def test_the_demo_needs_only_enter_from_step_2_to_the_page_of_the_profile(
    machine: Machine, sandbox: Sandbox
) -> None:
    async with guide(machine, sandbox, (80, 24), tokens=True) as pilot:
        await to_authentication(pilot)
        await until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "use-sandbox")
        assert "Enter fills them in" in shown(pilot.app)
        await pilot.press("enter")
        await until_shown(pilot, "Enter tests it")
        assert "Demo values  " not in shown(pilot.app).split("Requests")[0]
        await pilot.press("enter")
        await until_shown(pilot, "✔ The store accepts it.")
        await pilot.press("5")
        await until_shown(pilot, "Not written yet")
        await pilot.press("enter")
        await until_shown(pilot, "Open profile")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProfilePage))


async def test_demo_shows_its_fill_key_on_a_small_screen(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (80, 24), tokens=True) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        await until(pilot, lambda: "F9 fills in" in " ".join(shown(pilot.app).split()))
        assert isinstance(pilot.app.focused, SecretInput)
        await pilot.press("question_mark")  # no token begins with it
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


async def test_what_will_be_written_is_shown_before_it_is_written(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox)
    before = path.read_text()
    async with at_step(machine, "3") as (pilot, setup):
        setup.edit(("clients", "magento", "timeout"), "5s")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Not written yet")
        assert '+timeout = "5s"' in shown(pilot.app)
        await pilot.press("t", "p", "escape", "5")
        await until_shown(pilot, "Not written yet: Enter or s writes the changes below.")
        assert path.read_text() == before
        await pilot.press("s")
        await until_shown(pilot, "Saved:")
        await pilot.press("p", "escape", "5")
        await until_shown(pilot, "Nothing has changed since it was saved.")
        assert "Not written yet" not in shown(pilot.app)
        setup.edit(("clients", "magento", "timeout"), "6s")
        await pilot.press("p", "escape", "5")
        assert '+timeout = "6s"' in await until_shown(pilot, "Not written yet: Enter or s writes the changes below.")
        assert "Saved:" not in shown(pilot.app)
    assert 'timeout = "5s"' in path.read_text()


async def test_where_nothing_has_changed_enter_goes_to_the_page_and_nothing_is_saved(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "5") as (pilot, _):
        app = pilot.app
        assert "Nothing has changed since it was saved." in await until_shown(pilot, "Open profile")
        await pilot.press("s")
        await until(pilot, lambda: any("Nothing to save" in each.message for each in app._notifications))
        assert "Saved:" not in shown(app)
        text = path.read_text()
        path.unlink()
        await pilot.press("p", "escape", "5")
        await until_shown(pilot, "! shop.toml: file not found")  # which Enter would not change on the page
        await pilot.press("enter")
        await until_shown(pilot, "was deleted by another program. Write it again?")
        await pilot.press("y")
        await until_shown(pilot, "Saved:")
        assert path.read_text() == text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))


async def test_an_address_that_no_store_has_accepted_is_a_change_that_is_kept(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox)
    text = path.read_text()
    async with at_step(machine, "1") as (pilot, setup):
        app = pilot.app
        assert "saved" in shown(app).splitlines()[0]
        await pilot.press("e", "end", "x")
        await until(pilot, lambda: "changed" in shown(app).splitlines()[0])
        await pilot.press("backspace")
        await until(pilot, lambda: "saved" in shown(app).splitlines()[0])
        await pilot.press("x")
        await until_shown(pilot, "from the test; before: http:")
        assert f"{setup.base_uri}x" in shown(app).splitlines()[0]
        await pilot.press("escape", "2")
        await until_shown(pilot, "● 2")
        await pilot.press("f5")
        await until_shown(pilot, "✘ Test the store again")
        await pilot.press("enter")
        await until_shown(pilot, "● 1")
        assert not sandbox.journal(), "no token goes to the former store"
        await pilot.press("q")
        await until(
            pilot, lambda: any("Changes of shop.toml are not saved" in each.message for each in app._notifications)
        )
        (kept,) = Drafts(machine.directories.state).list()
        assert kept.about["typed-address"] == f"{setup.base_uri}x"
    assert path.read_text() == text


async def test_a_result_of_any_length_leaves_no_text_above_it_without_its_beginning(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "5") as (pilot, _):
        await pilot.resize_terminal(80, 24)
        pane = pilot.app.screen.query_one(SavePane)

        def is_whole(count: int) -> bool:
            screen = shown(pilot.app)
            return f"line 0 of {count}" in screen and ("more" in screen) == ("explained" in screen)

        for count in range(8, 20):
            pane.explain(f"explained: {'more ' * 40}")
            pane.say("\n".join(f"✔ line {number} of {count}" for number in range(count)))
            await pilot.pause()  # until it was scrolled to
            await until(pilot, lambda: is_whole(count))  # noqa: B023
