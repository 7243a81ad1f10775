"""Step 2 after the store has refused it: what is shown of it ends with the values that it was about."""

from __future__ import annotations

from screens import shown, until, until_shown
from test_steps import guide, to_authentication, work_of
from textual import events
from textual.widgets import Input, Static

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.setup.authentication import AuthenticationPane
from tui_connector.tui.setup.step import Continue

WRONG = [f"canary0{digit}canary0{digit}canary0{digit}canary" for digit in "1234"]


async def test_a_refusal_is_shown_until_the_values_change(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, tokens=True) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        pilot.app.post_message(events.Paste("\n".join(each.ljust(32, "0") for each in WRONG)))
        await until_shown(pilot, "32 ✔")
        await pilot.press("f5")
        await until(pilot, lambda: "✘" in shown(pilot.app) and "contacting" not in shown(pilot.app))
        await until_shown(pilot, "32 ✘")
        await pilot.press("escape", "1")
        await until_shown(pilot, "✘ 2 Authentication")
        await pilot.press("2")
        await until_shown(pilot, "● 2")
        pane = pilot.app.screen.query_one(AuthenticationPane)
        assert pane.query_one(".result").display
        pane.use_sandbox()
        await until(pilot, lambda: not pane._filling)
        assert not pane.query_one(".result").display
        assert "32 ✘" not in shown(pilot.app)


async def test_the_same_value_twice_is_noticed(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, tokens=True) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        for _ in range(2):
            pilot.app.post_message(events.Paste(WRONG[0].ljust(32, "0")))
            await pilot.pause()
        await until_shown(pilot, "The same value as Consumer key")


async def test_enter_in_the_profiles_name_sends_nothing_again(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        screen = pilot.app.screen
        before = len(work_of(pilot).workbench.exchanges)
        screen.query_one("#field-name", Input).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.focused, Continue))
        assert len(screen.work.workbench.exchanges) == before  # type: ignore[attr-defined]


async def test_an_invalid_name_is_neither_tested_nor_taken_in_part(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        screen = pilot.app.screen
        setup = work_of(pilot).setup
        named = setup.name
        before = len(work_of(pilot).workbench.exchanges)
        screen.query_one("#field-name", Input).focus()
        await pilot.press("ctrl+u", "a")
        await until(pilot, lambda: setup.name == "a")
        await pilot.press(*" b")
        await until_shown(pilot, "cannot be named 'a b'")
        await until(pilot, lambda: setup.name == named)
        await pilot.press("f5")
        await until_shown(pilot, "✘ a profile cannot be named 'a b'")
        assert len(screen.work.workbench.exchanges) == before  # type: ignore[attr-defined]
        await pilot.press("backspace", "backspace")
        await until(pilot, lambda: setup.name == "a")


async def test_a_new_profile_never_replaces_another_one(machine: Machine, sandbox: Sandbox) -> None:
    taken, appeared = (machine.directories.profiles / f"{name}.toml" for name in ("shop", "acme"))
    taken.parent.mkdir(parents=True)
    taken.write_text("# shop\n")
    async with guide(machine, sandbox) as pilot:
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        screen, setup = pilot.app.screen, work_of(pilot).setup
        screen.query_one("#field-name", Input).focus()
        await pilot.press("ctrl+u", *"shop")
        await until_shown(pilot, "shop exists: open it")
        await until(pilot, lambda: setup.name == "acme")
        await pilot.press("f8")
        await until_shown(pilot, "✘ shop exists: open it")
        await pilot.press(*"-2")
        await until(pilot, lambda: setup.name == "shop-2")
        await pilot.press("ctrl+u", *"acme")
        await until(pilot, lambda: setup.name == "acme" and "exists" not in shown(pilot.app))

        appeared.write_text("# acme\n")  # as for a draft that is resumed later
        await pilot.press("escape", "5")
        await until_shown(pilot, "✘ acme exists: open it")
        assert "(new)" not in shown(pilot.app)
        for _ in range(2):
            await pilot.press("s")
            await until(pilot, lambda: str(screen.query_one("#step-5 .result", Static).content).startswith("✘ acme"))
        assert (taken.read_text(), appeared.read_text()) == ("# shop\n", "# acme\n")
        await pilot.press("1")
        await until_shown(pilot, "acme exists: open it")
        screen.query_one("#field-name", Input).focus()
        await pilot.press("end", *"-new")
        await until(pilot, lambda: setup.name == "acme-new")
        await pilot.press("escape", "5")
        await until_shown(pilot, "acme-new.toml (new)")
