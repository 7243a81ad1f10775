"""The forms of steps 3 and 4: changes apply immediately, and problems are shown at their fields."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from guide_steps import INCOMING, at_step, profile
from profiles import signed
from screens import press_and_see, said_by, shown, until, until_shown
from textual.widget import Widget

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.setup.configurations import ConfigurationList
from tui_connector.tui.setup.entity_chooser import EntityFilter
from tui_connector.tui.setup.form_screen import FormScreen
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.choice import Choice, ChoiceScreen
from tui_connector.tui.widgets.fields import TextField
from tui_connector.tui.widgets.form import Form
from tui_connector.tui.widgets.text_areas import JsonField


async def test_existing_clients_can_be_chosen_and_a_deleted_one_stays_shown(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3") as (pilot, setup):
        setup.edit(("incoming", "products", "client"), "gone")
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await until_shown(pilot, "✘ unknown client 'gone'")
        choice = pilot.app.screen.query_one("#row-client Choice", Choice)
        assert (choice.chosen, list(choice.options)) == ("gone", ["gone", "magento", "default"])
        choice.focus()
        await pilot.press("enter", "down", "enter")
        await until(pilot, lambda: setup.at("incoming", "products", "client") == "magento")
        await until(pilot, lambda: "✘" not in shown(pilot.app))


async def test_another_client_brings_its_own_authentication(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    base = {"kind": "base-uri", "uri": f"{sandbox.url}/rest/V1"}
    clients = {
        "magento": {"authentications": ["integration"], "plugins": [base]},
        "staging": {"authentications": ["token"], "plugins": [base]},
    }
    both = {"integration": signed(), "token": {"kind": "bearer", "token": {"env": "TOKEN"}}}
    profile(machine, memory_keyring, sandbox, clients=clients, authentications=both)
    async with at_step(machine, "2") as (pilot, setup):
        await until_shown(pilot, "Consumer secret")
        await pilot.press("escape", "1")
        pilot.app.screen.query_one("#client", Choice).focus()
        await pilot.press("enter", "down", "enter")
        await until(pilot, lambda: setup.client == "staging")
        await press_and_see(pilot, "2", "Details: Access Token")
        await until(pilot, lambda: "Consumer secret" not in shown(pilot.app))
        assert pilot.app.screen.query_one("#way-form", Form).path == ("authentications", "token")


async def test_enter_edits_the_request_and_shows_its_problems(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3") as (pilot, setup):
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        field = pilot.app.screen.query_one("#row-items TextField", TextField)
        field.value = "items["
        await until_shown(pilot, "invalid JMESPath")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Keep it anyway")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, SetupScreen))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen) and pilot.app.focused is not None)
        field = pilot.app.screen.query_one("#row-items TextField", TextField)
        assert pilot.app.focused is field  # the one to correct, not the first
        field.value = "items"
        pilot.app.screen.query_one("#row-request-uri TextField", TextField).value = "orders"
        await until(pilot, lambda: setup.at("incoming", "products", "request", "uri") == "orders")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "GET orders · keyset")


async def test_a_full_address_of_the_store_is_remarked_on_with_the_relative_one(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3") as (pilot, setup):
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        uri = pilot.app.screen.query_one("#row-request-uri TextField", TextField)
        uri.value = f"{sandbox.url}/rest/de/V1/orders"
        await until_shown(pilot, "bypasses the client's base URI")
        uri.value = "orders"
        await until(pilot, lambda: "bypasses" not in shown(pilot.app))
        assert setup.problems() == {}


async def test_cancel_restores_what_the_form_had(machine: Machine, memory_keyring: Any, sandbox: Sandbox) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3") as (pilot, setup):
        before = deepcopy(setup.draft)
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        pilot.app.screen.query_one("#row-request-uri TextField", TextField).focus()
        await pilot.press("end", *"/x", "escape")
        await until_shown(pilot, "Discard what you changed")
        assert "Enter/Esc: keep editing" in shown(pilot.app)
        await pilot.press("escape")  # the harmless answer, as Enter
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        assert setup.at("incoming", "products", "request", "uri") == "products/x"
        await pilot.press("escape")
        await until_shown(pilot, "Discard what you changed")
        await pilot.press("ctrl+d")
        await until_shown(pilot, "GET products · keyset")
        assert setup.draft == before
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        pilot.app.screen.query_one("#row-request-uri TextField", TextField).focus()
        await pilot.press("end", *"?a=1", "escape")
        await until_shown(pilot, "^S  Apply and close")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "GET products?a=1")


WRONG = {
    "3": {
        "request-uri": {
            "products/&{sku}": "there is no entity here",
            "products/&{sku": "&{ is not closed",
            "products/@{nope}": "the run has no 'nope'; known: 'run', 'cursor'",
            "": "is missing",
            "products/@{cursor}": "",
        },
        "items": {"items[": "invalid JMESPath", "items[?a]": "omits items", "items": ""},
        "filter": {"status ==": "invalid JMESPath", "status == `1`": ""},
        "transform": {"{sku: sku": "invalid JMESPath", "{sku: sku}": ""},
        "request-parameters": {'{"a": ': "Invalid JSON", '{"a": "?{b}"}': "no entity", '{"a": 1}': ""},
    },
    "4": {
        "request-uri": {
            "https://&{host}/x": "must not set the scheme, host or port",
            "x/@{steps.a.body}": "no step comes before this request",
            "": "is missing",
            "x/&{sku}": "",
        },
        "request-parameters": {
            '{"product": "&{@"}': "&{ is not closed",
            '{"product": "&{a b}"}': "invalid JMESPath",
            '{"product": ': "Invalid JSON",
            '{"product": "&{@}"}': "",
        },
    },
}
OUTGOING = {"outgoing": {"own": {"client": "magento", "request": {"method": "post", "uri": "own"}}}}


@pytest.mark.parametrize("step", WRONG)
async def test_problem_is_shown_at_its_field_while_typing(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, step: str
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING, **OUTGOING)
    async with at_step(machine, step, (100, 60)) as (pilot, _):
        pilot.app.screen.query_one(f"#step-{step} ConfigurationList", ConfigurationList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        for name, typed in WRONG[step].items():
            row = pilot.app.screen.query_one(f"#row-{name}")
            for text, words in typed.items():
                if name == "request-parameters":
                    row.query_one(JsonField).text = text
                else:
                    row.query_one(TextField).value = text
                await until(pilot, partial(_says, row, words))
        assert "✘" not in shown(pilot.app)


def _says(row: Widget, words: str) -> bool:
    """Whether these words are said in this row; without words, that nothing is."""
    said = said_by(row, ".problem")
    return words in said if words else not said


async def test_unresolvable_template_is_a_finding(machine: Machine, memory_keyring: Any, sandbox: Sandbox) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3") as (pilot, setup):
        setup.edit(("incoming", "products", "request", "uri"), "products/@{run.nope}")
        await pilot.press("t")
        await until_shown(pilot, "The request cannot be created")
        setup.edit(("incoming", "products", "request", "uri"), "products?changed=@{cursor}")  # empty at first
        await pilot.press("escape", "t")
        await until_shown(pilot, "items read")
        setup.edit(("incoming", "products", "request"), {"uri": "products", "where": ["pri gt 3"]})
        await pilot.press("t")
        assert "e  Edit products" in await until_shown(pilot, "Correct request.where: did you mean 'price'?")
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen) and pilot.app.screen.focused is not None)
        where = pilot.app.screen.query_one("#row-request-where")
        await until(pilot, lambda: pilot.app.screen.focused in where.query("*"))
        assert "✘" in said_by(where, ".mark")
        assert "✘" not in said_by(pilot.app.screen.query_one("#row-pagination-filter"), ".mark")


async def test_kind_and_page_size_are_edited_in_the_same_form(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3") as (pilot, setup):
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        before = setup.at("incoming", "products", "pagination")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await pilot.press(*["pagedown"] * 3, "down", "down", "down", "ctrl+u", *"50")
        await until(pilot, lambda: setup.at("incoming", "products", "pagination") == {**before, "page-size": 50})
        await pilot.press("pageup", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press(*"search", "enter")
        await until(
            pilot,
            lambda: setup.at("incoming", "products", "pagination") == {"kind": "search-criteria", "page-size": 50},
        )
        await until_shown(pilot, "Order")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press(*"keyset", "enter")  # with what it had
        await until(pilot, lambda: setup.at("incoming", "products", "pagination") == {**before, "page-size": 50})
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("end", "enter")
        await until(pilot, lambda: setup.at("incoming", "products", "pagination") is None)
        await until(pilot, lambda: not pilot.app.screen.query("#row-pagination-page-size"))


async def test_the_proposed_file_of_a_sink_and_a_source_ends_as_their_kind_says(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "3", (100, 60)) as (pilot, setup):
        for family, end, add in (("incoming", "sink", setup.add_incoming), ("outgoing", "source", setup.add_outgoing)):
            name = add("stock" if family == "outgoing" else "products")
            former = str(setup.at(family, name, end, "path")).removesuffix(".jsonl")
            await pilot.press("escape", "3" if family == "incoming" else "4")
            rows = pilot.app.screen.query_one(f"#{family}-list", ConfigurationList)
            await until(pilot, lambda rows=rows: rows.focusable)  # type: ignore[misc]
            rows.focus()
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
            pilot.app.screen.query_one(f"#row-{end} Choice", Choice).focus()
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
            await pilot.press(*"csv", "enter")
            await until(pilot, partial(_has, setup, (family, name, end), {"kind": "csv", "path": f"{former}.csv"}))
            file = pilot.app.screen.query_one(f"#row-{end}-path TextField", TextField)
            assert file.value == f"{former}.csv"
            file.value = "mine.jsonl"
            await until_shown(pilot, "did you mean 'mine.csv'?")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: isinstance(pilot.app.screen, SetupScreen))


def _has(setup: Any, path: tuple[str, ...], value: Any) -> bool:
    return bool(setup.at(*path) == value)


async def test_shift_tab_goes_back_through_whatever_tab_visits(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    source = {"kind": "csv", "path": "stock.csv"}
    stock = {"client": "magento", "source": source, "request": {"method": "post", "uri": "inventory/source-items"}}
    profile(machine, memory_keyring, sandbox, outgoing={"stock": stock})
    async with at_step(machine, "4", (120, 36)) as (pilot, _):
        await pilot.press("t")  # shows the sample, a JSON field
        await until(pilot, lambda: pilot.app.screen.query_one("#sample").focusable)
        await until_shown(pilot, "not sent")
        await _shift_tab_reverses_tab(pilot)
        await pilot.press("escape", "e")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen) and pilot.app.focused is not None)
        await _shift_tab_reverses_tab(pilot)


async def _shift_tab_reverses_tab(pilot: Any) -> None:
    visited: dict[str, list[Widget]] = {"tab": [pilot.app.focused], "shift+tab": [pilot.app.focused]}
    for key, found in visited.items():
        await pilot.press(key)
        while pilot.app.focused is not found[0]:
            assert pilot.app.focused not in found
            found.append(pilot.app.focused)
            await pilot.press(key)
    assert visited["shift+tab"][1:] == visited["tab"][:0:-1]
    assert any(isinstance(each, JsonField) for each in visited["tab"])


async def test_what_is_not_tested_names_the_key_that_goes_on(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "3") as (pilot, _):
        field = pilot.app.screen.query_one(EntityFilter)
        await until(pilot, lambda: field.has_focus)
        await pilot.press("f5")
        await until_shown(pilot, "+: choose something · n: skip this step")
        await pilot.press("+")
        await until(pilot, lambda: field.has_focus)
        await pilot.press(*"order", "f5")
        assert "+: back to adding it" in await until_shown(pilot, "Not tested: order was not added yet")
        await until(pilot, lambda: not field.has_focus)
        await pilot.press("+")
        await until(pilot, lambda: field.has_focus)
        assert field.value == "order"
        await pilot.press("enter")
        await until_shown(pilot, "GET orders")
