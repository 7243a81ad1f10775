"""Step 4: an outgoing becomes a chain of steps by keyboard. Nothing of it is sent."""

from __future__ import annotations

import tomllib
from typing import Any

from guide_steps import at_step, profile
from screens import until, until_shown

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.chain import AddStepScreen, ChainScreen
from tui_connector.tui.setup.configurations import ConfigurationList
from tui_connector.tui.setup.form_screen import FormScreen
from tui_connector.tui.widgets.fields import TextField

PUT = {"method": "put", "uri": "products/&{sku}", "parameters": {"product": "&{@}"}}
ONE = {"outgoing": {"products": {"client": "magento", "identifier": "sku", "request": PUT}}}
FIND = {"name": "find", "request": {"uri": "products/&{sku}", "expected": [404]}}
CHANGE = {"name": "change", "when": "steps.find.status == `200`", "request": PUT}
CHAIN = {"outgoing": {"products": {"client": "magento", "identifier": "sku", "steps": [FIND, CHANGE]}}}


async def on_steps(pilot: Any) -> None:
    """Opens the steps of the only outgoing."""
    pilot.app.screen.query_one("#outgoing-list", ConfigurationList).focus()
    await pilot.press("enter")
    await until_shown(pilot, "Outgoing products")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ChainScreen))


async def form_of(pilot: Any, title: str) -> FormScreen:
    await until_shown(pilot, title)
    screen = pilot.app.screen
    assert isinstance(screen, FormScreen)
    return screen


async def back_to_steps(pilot: Any) -> None:
    await pilot.press("ctrl+s")
    await until(pilot, lambda: isinstance(pilot.app.screen, ChainScreen))


async def test_one_request_becomes_a_chain_by_keyboard(machine: Machine, memory_keyring: Any, sandbox: Sandbox) -> None:
    path = profile(machine, memory_keyring, sandbox, **ONE)
    path.write_text(path.read_text().replace("[outgoing.products]", "# what we change\n[outgoing.products]"))
    async with at_step(machine, "4", (120, 60)) as (pilot, setup):
        before = len(sandbox.journal())
        await on_steps(pilot)
        await until_shown(pilot, "One request is sent per entity")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, AddStepScreen))
        await pilot.press("enter")
        await form_of(pilot, "Step 2 of products")
        await back_to_steps(pilot)
        await until_shown(pilot, "2 find    GET products/&{sku}")
        await pilot.press("K")
        await until_shown(pilot, "1 find    GET products/&{sku}")
        await pilot.press("down", "enter")
        form = await form_of(pilot, "It can read the responses of find")
        when = form.query_one("#row-when TextField", TextField)
        when.value = "steps.fnd.status == 200"
        await until_shown(pilot, "JMESPath at character 21: a number is written `200`.")
        when.value = "steps.fnd.status == `200`"
        await until_shown(pilot, "did you mean 'find'?")
        when.value = "steps.find.status == `200`"
        await until(pilot, lambda: not setup.problems())
        await back_to_steps(pilot)
        await until_shown(pilot, "2 change  PUT products/&{sku} · when steps.find.status == `200`")
        await pilot.press("ctrl+s", "ctrl+s")
        await until_shown(pilot, "2 steps: find → change")
        await pilot.press("t")
        screen = await until_shown(pilot, "Preview for the sample (not sent)")
        assert "GET /rest/all/V1/products/24-MB01" in screen
        assert "2 change · when steps.find.status == `200`" in screen
        assert len(sandbox.journal()) == before
        await pilot.press("5")
        await until_shown(pilot, "+[[outgoing.products.steps]]")
        await pilot.press("enter")
        await until(pilot, lambda: "[[outgoing.products.steps]]" in path.read_text())
        await until_shown(pilot, "Now you can")  # the call in a new process has ended
    assert tomllib.loads(path.read_text())["outgoing"] == CHAIN["outgoing"]
    assert "# what we change\n[outgoing.products]" in path.read_text()


async def test_reference_to_a_missing_step_is_reported_and_not_sent(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **CHAIN)
    async with at_step(machine, "4", (120, 60)) as (pilot, setup):
        before = len(sandbox.journal())
        await on_steps(pilot)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, AddStepScreen))
        await pilot.press(*"my/path")
        await until_shown(pilot, "the path my/path: Enter adds it")
        await pilot.press("enter")
        form = await form_of(pilot, "Step 3 of products")
        assert setup.at("outgoing", "products", "steps", 2, "request", "uri") == "my/path"
        form.query_one("#row-request-uri TextField", TextField).value = "products/@{steps.change.body.sku"
        await until_shown(pilot, "@{ is not closed")
        form.query_one("#row-request-uri TextField", TextField).value = "products/@{steps.change.body.sku}/media"
        await until(pilot, lambda: not setup.problems())
        await back_to_steps(pilot)
        await pilot.press("ctrl+s", "ctrl+s", "t")
        await until_shown(pilot, "Preview for the sample (not sent)")
        await pilot.press("pagedown")
        assert "POST products/@{steps.change.body.sku}/media" in await until_shown(
            pilot, "needs the response of step change"
        )
        assert len(sandbox.journal()) == before


async def test_preview_and_sample_follow_added_steps(machine: Machine, memory_keyring: Any, sandbox: Sandbox) -> None:
    profile(machine, memory_keyring, sandbox, **CHAIN)
    async with at_step(machine, "4", (120, 60)) as (pilot, _):
        await pilot.press("t")
        await until_shown(pilot, "Preview for the sample (not sent)")
        await on_steps(pilot)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, AddStepScreen))
        await pilot.press(*"stock by source", "enter")
        await form_of(pilot, "Step 3 of products")
        await back_to_steps(pilot)
        await pilot.press("ctrl+s", "ctrl+s")
        await until_shown(pilot, "POST /rest/all/V1/inventory/source-items")
        await until_shown(pilot, '"source_code": "default"')


async def test_step_moved_before_its_source_or_renamed_is_reported(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **CHAIN)
    async with at_step(machine, "4", (120, 60)) as (pilot, setup):
        await on_steps(pilot)
        await pilot.press("J")
        await until_shown(pilot, "✘ 1 change: when no step comes before this request")
        await pilot.press("K")
        await until(pilot, lambda: not setup.problems())
        await pilot.press("enter")
        form = await form_of(pilot, "Step 1 of products")
        form.query_one("#row-name TextField", TextField).value = "look up"
        await until_shown(pilot, "'look up' cannot be read as")
        form.query_one("#row-name TextField", TextField).value = "lookup"
        await back_to_steps(pilot)
        await until_shown(pilot, "✘ 2 change: when unknown step 'find'; known: 'lookup'")
        await pilot.press("ctrl+s", "ctrl+s")
        await until_shown(pilot, "✘ steps.1.when: unknown step 'find'")


async def test_last_remaining_step_becomes_a_single_request(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **CHAIN)
    async with at_step(machine, "4", (120, 60)) as (pilot, setup):
        await on_steps(pilot)
        await pilot.press("d", "d")
        await until_shown(pilot, "One request is sent per entity")
        assert setup.outgoing["products"] == ONE["outgoing"]["products"]
        await pilot.press("z")
        await until_shown(pilot, "1 change")
        await pilot.press("z")
        await until_shown(pilot, "2 change")
        await pilot.press("home", "d", "d", "d", "ctrl+s", "ctrl+s")
        await until_shown(pilot, "PUT products/&{sku}")
        assert setup.outgoing["products"] == ONE["outgoing"]["products"]


async def test_the_form_of_a_chain_has_no_request_of_its_own(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **CHAIN)
    async with at_step(machine, "4", (120, 60)) as (pilot, setup):
        pilot.app.screen.query_one("#outgoing-list", ConfigurationList).focus()
        await pilot.press("enter")
        form = await form_of(pilot, "Outgoing products")
        assert not form.query("#row-request-uri")
        form.query_one("#row-batch TextField", TextField).value = "5"
        await until(pilot, lambda: setup.at("outgoing", "products", "batch") == 5)


async def test_the_form_of_an_outgoing_opens_at_its_first_invalid_field(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    parameters = ("outgoing", "products", "request", "parameters")
    profile(machine, memory_keyring, sandbox, **ONE)
    async with at_step(machine, "4", (120, 60)) as (pilot, setup):
        setup.edit(parameters, '{"product": }')
        await pilot.press("e")
        form = await form_of(pilot, "Outgoing products")
        await until(pilot, lambda: form.query_one("#row-request-parameters JsonField").has_focus)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not form)
        setup.edit(parameters, PUT["parameters"])
        await pilot.press("e")
        form = await form_of(pilot, "Outgoing products")
        await until(pilot, lambda: form.query_one("#steps").has_focus)


async def test_profile_page_tests_a_chain_and_says_why_it_cannot_be_sent(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **CHAIN)
    async with at_step(machine, "4", (120, 60)) as (pilot, _):
        await pilot.press("escape", "q", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProfilePage))
        await until_shown(pilot, "2 steps: find → change")
        await pilot.press("end", "t")
        await until_shown(pilot, "products: would send find: GET")
        await pilot.press("r")
        await until_shown(pilot, "The outgoing products has no source")
