"""Search criteria in the form of an incoming: rows, completed from the store, with the number of matching items."""

from __future__ import annotations

import json
import textwrap
import tomllib
from dataclasses import replace
from typing import Any

import pytest
import recordings
from guide_steps import choose, no_demo
from profiles import full
from runs import BEARER
from screens import shown, until, until_shown
from textual import events
from textual.pilot import Pilot

from tui_connector.client.criteria_rows import doubt, read_row
from tui_connector.client.message import InvalidRequest
from tui_connector.client.model import RequestTemplate
from tui_connector.errors import UserError
from tui_connector.guide.checks.criteria import list_profile
from tui_connector.guide.rest_api import fields_in_schema
from tui_connector.machine import Machine
from tui_connector.magento.entities import READABLE
from tui_connector.magento.entities.search_fields import SEARCH_FIELDS, usual_fields
from tui_connector.profile.problems import check
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.widgets.criteria import CriteriaField, CriteriaScreen
from tui_connector.tui.widgets.criteria_row import ConditionChoice, UnreadRow
from tui_connector.tui.widgets.fields import TextField

PROFILE = """format = 1
name = "Shop"
[authentications.a]
kind = "bearer"
token = { env = "SHOP_TOKEN" }
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
[incoming.products]
client = "shop"
request = { uri = "products", where = ["entity_id lteq 20 or entity_id eq 45"] }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id" }
"""


async def test_rows_are_edited_counted_completed_and_saved(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=60, settings=BEARER), machine.now) as sandbox:
        machine = replace(machine, environ={**machine.environ, "SHOP_TOKEN": full(sandbox)["access-token"]})
        machine.directories.profiles.mkdir(parents=True)
        path = machine.directories.profiles / "shop.toml"
        path.write_text(PROFILE.replace("URL", sandbox.url))
        app = ConnectorApp(machine, no_demo)
        async with app.run_test(size=(110, 40)) as pilot:
            await until_shown(pilot, "Shop")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET products" in shown(app))
            await pilot.press("j", "j", "enter")
            await until_shown(pilot, "entity_id lteq 20 or entity_id eq 45 ▾")
            criteria = app.screen.query_one(CriteriaField)
            app.screen.set_focus(criteria)
            await pilot.press("ctrl+u")
            await until_shown(pilot, "all items ▾")
            app.screen.set_focus(app.screen.query_one("#form-done"))
            await pilot.press("enter")
            await until_shown(pilot, "This changes in shop.toml")
            await pilot.press("escape")
            await until(pilot, lambda: app.focused is criteria)
            await pilot.press("ctrl+z")
            await until_shown(pilot, "entity_id lteq 20 or entity_id eq 45 ▾")
            await pilot.press("ctrl+z")
            await until(
                pilot, lambda: [each.message for each in app._notifications] == ["Nothing to undo in this form."]
            )
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, CriteriaScreen) and "21 items match" in shown(app))
            screen = app.screen
            assert isinstance(screen, CriteriaScreen)
            assert " or ▾" in shown(app)
            fields = list(screen.query(".key").results(TextField))
            screen.set_focus(fields[-1])
            await pilot.press(*"sk")
            await until(pilot, lambda: fields[-1].suggester is not None and fields[-1]._suggestion == "sku")
            await pilot.press("tab")
            assert (fields[-1].value, fields[-1].has_focus) == ("sku", True)
            await pilot.press("enter")
            assert isinstance(app.focused, ConditionChoice)
            await pilot.press(*"like", "enter", *"%1")
            await until_shown(pilot, "3 items match")
            rows = ["entity_id lteq 20 or entity_id eq 45", "sku like %1"]
            assert screen.rows == rows
            await pilot.press("ctrl+s")
            await until_shown(pilot, "entity_id lteq 20 or entity_id eq 45 and sku")
            await pilot.press("ctrl+s")
            await until_shown(pilot, "This changes in shop.toml")
            await pilot.press("y")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "sku like" in path.read_text())
        saved, problems = check(path.read_text())
        assert problems == []
        assert saved is not None
        assert saved.incoming["products"].request.where == rows


@pytest.mark.parametrize("wrong", ["statu moreq 1", "status", "'", "", "status eq a or", "a eq 'b"])
async def test_rows_that_are_not_valid_are_corrected_in_the_form(machine: Machine, wrong: str) -> None:
    valid = "sku like a% or sku eq b"
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        returned: list[Any] = []
        app.push_screen(CriteriaScreen([valid, wrong]), returned.append)
        await until(pilot, lambda: isinstance(app.screen, CriteriaScreen) and app.screen.focused is not None)
        screen = app.screen
        assert isinstance(screen, CriteriaScreen)
        assert screen.rows == [valid, wrong][: 2 if wrong else 1]
        if wrong:
            await until_shown(pilot, "✘")
            await pilot.press("ctrl+s")
            assert app.screen is screen
            cell = screen.query_one(UnreadRow).query_one(TextField)
            assert screen.focused is cell
            cell.value = "status eq 1"
            await until(pilot, lambda: screen.rows == [valid, "status eq 1"] and "✘" not in shown(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(returned))
        assert returned == [[valid, *(["status eq 1"] if wrong else [])]]


async def test_the_token_of_an_unset_variable_counts_in_an_unsaved_setup(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=5, settings=BEARER), machine.now) as sandbox:
        app = ConnectorApp(machine, no_demo, start_at="setup")
        async with app.run_test(size=(110, 40)) as pilot:
            await until_shown(pilot, "Store address")
            await pilot.press(*sandbox.url, "enter")
            await until_shown(pilot, "Magento 2.4")
            await pilot.press("enter")
            await until_shown(pilot, "Consumer secret")
            await choose(pilot, "#way", "Bearer")
            await until_shown(pilot, "Access token")
            await choose(pilot, "#row-token Secret Choice", "From an env")
            await until_shown(pilot, "not set: paste value")
            app.post_message(events.Paste(full(sandbox)["access-token"]))
            await until_shown(pilot, "session")
            await pilot.press("f5")
            await until_shown(pilot, "✔ The store accepts it")
            await pilot.press("3")
            await until_shown(pilot, "Type to filter")
            await pilot.press(*"orders", "enter", "e")
            await until_shown(pilot, "all items ▾")
            app.screen.set_focus(app.screen.query_one(CriteriaField))
            await pilot.press("enter")
            await until_shown(pilot, "items match")
            screen = app.screen
            assert isinstance(screen, CriteriaScreen)
            await until(pilot, lambda: "grand_total" in screen.fields)


async def test_a_wrong_condition_is_said_and_not_applied(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(110, 40)) as pilot:
        found: list[object] = []
        screen = CriteriaScreen(["status eq new"])
        app.push_screen(screen, found.append)
        await until(pilot, lambda: app.screen is screen and screen.focused is not None)
        value = screen.query(".value").results(TextField)
        screen.set_focus(next(iter(value)))
        await pilot.press("end", *["backspace"] * 3, "ctrl+s")
        await until_shown(pilot, "! status eq has no value. ^S again accepts this.")
        await pilot.press("home", "ctrl+s")  # after another key, it is doubted again
        await pilot.pause()
        assert app.screen is screen
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(found))
        assert found == [["status eq ''"]]
        screen = CriteriaScreen([])
        app.push_screen(screen, found.append)
        await until(pilot, lambda: app.screen is screen and screen.focused is not None)
        await pilot.press(*"a b", "ctrl+s")
        await until_shown(pilot, "'b' is not a condition type of Magento")
        assert app.screen is screen
        await pilot.press("ctrl+u", *"status", "tab", "tab", *"new", "tab", "tab", "tab", "tab", *"5", "ctrl+s")
        await until_shown(pilot, "! a value has no field. ^S again accepts this.")
        assert app.focused is list(screen.query(".key").results(TextField))[1]


def test_the_fields_of_a_list_are_read_from_the_schema_of_a_real_store() -> None:
    schema: dict[str, Any] = json.loads(recordings.schema("all"))
    assert {"status", "state", "grand_total", "created_at"} <= set(fields_in_schema(schema, "orders"))
    assert {"sku", "name", "price"} <= set(fields_in_schema(schema, "products"))
    assert fields_in_schema(schema, "nothing") == []
    not_in_schema = {"special_price", "category_id", "source_item_id"}  # an attribute, and what is only searched
    for name in SEARCH_FIELDS:  # what is completed before the schema is read
        usual = usual_fields(READABLE[name].path)
        unknown = {*usual} - {*fields_in_schema(schema, READABLE[name].path)} - {READABLE[name].filter}
        assert unknown <= not_in_schema, name


async def test_fields_are_completed_while_other_parts_are_invalid(machine: Machine) -> None:
    data = tomllib.loads(PROFILE.replace("URL", "https://acme.example"))
    data["incoming"]["products"]["request"]["parameters"] = "{"
    data["incoming"]["orders"] = {"pagination": "none"}
    profile = list_profile(data, "products", whole=False)
    assert [*profile.incoming] == ["products"]
    with pytest.raises(InvalidRequest, match=r"not complete: incoming\.products\.request"):
        list_profile(data, "products")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(110, 40)) as pilot:
        screen = CriteriaScreen([], known=usual_fields("products?fields=items"))
        app.push_screen(screen)
        await until(pilot, lambda: app.screen is screen and screen.focused is not None)
        await pilot.press(*"pri")
        field = screen.query(".key").results(TextField).__next__()
        await until(pilot, lambda: field._suggestion == "price")
        await pilot.press("right")
        assert field.value == "price"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("price gt ''", "price gt has no value"),
        ("price eq gte", "price is a number, and the value is gte"),
        ("entity_id in 1,x", "entity_id is a number"),
        ("statu eq new", "the list has no field statu; did you mean status?"),
        ("status eq new", ""),
        ("price gteq -1.50", ""),
        ("price gteq &{min}", ""),
        ("price null", ""),
        ("entity_id in 1, 2", ""),
    ],
)
def test_a_condition_that_is_probably_not_complete_is_doubted(row: str, words: str) -> None:
    [condition] = read_row(row)
    found = doubt(condition, ["entity_id", "price", "status"])
    assert words in found
    assert bool(words) == bool(found)


async def test_an_expression_in_a_cell_is_divided_into_its_rows(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        found: list[object] = []
        given = ["name eq 'salt or name = x'", "sku = A and qty >= 5"]  # the second one as the log shows it
        screen = CriteriaScreen(given)
        app.push_screen(screen, found.append)
        await until(pilot, lambda: app.screen is screen and screen.focused is not None)
        read = ["name eq 'salt or name = x'", "sku eq A", "qty gteq 5"]
        assert screen.rows == read
        screen.set_focus(list(screen.query(".key").results(TextField))[-1])
        await type_slowly(pilot, "where status = complete or status = processing")
        whole = "status eq complete or status eq processing"
        assert screen.rows == [*read, whole]  # also before the cell is left
        await pilot.press("enter")
        await until_shown(pilot, "Divided into 2 conditions. In quotes, it is one value.")
        await until(pilot, lambda: isinstance(app.focused, TextField) and app.focused.value == "processing")
        await type_slowly(pilot, " or entity_id > 900")
        await pilot.press("tab")
        await until(pilot, lambda: "gt ▾" in shown(app))
        assert screen.rows == [*read, f"{whole} or entity_id gt 900"]
        screen.set_focus(list(screen.query(".key").results(TextField))[-1])
        await type_slowly(pilot, "state !=")
        await pilot.press("tab")
        await until(pilot, lambda: "neq ▾" in shown(app))
        screen.set_focus(list(screen.query(".value").results(TextField))[-2])
        await type_slowly(pilot, "new or closed")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "“new or closed” is one value of state; for either, repeat the field")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(found))
        assert found == [[*read, f"{whole} or entity_id gt 900", "state neq 'new or closed'"]]


async def type_slowly(pilot: Pilot[None], text: str) -> None:
    names = {" ": "space", "=": "equals_sign", ">": "greater_than_sign", "!": "exclamation_mark", "_": "underscore"}
    for each in text:
        await pilot.press(names.get(each, each))


async def test_leaving_asks_before_it_discards_a_condition(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(110, 40)) as pilot:
        found: list[object] = []
        for typed in ("", "st", "\t\t5"):  # nothing, half a field, only a value
            screen = CriteriaScreen(["entity_id lteq 20 or status eq new"])
            app.push_screen(screen, found.append)
            await until(pilot, lambda: app.screen is screen and screen.focused is not None)  # noqa: B023
            screen.set_focus(list(screen.query(".key").results(TextField))[-1])
            await pilot.press(*("tab" if key == "\t" else key for key in typed), "escape")
            if typed:
                await until_shown(pilot, "Discard what you changed in this form?")
                await pilot.press("enter")
                await until(pilot, lambda: app.screen is screen)  # noqa: B023
                await pilot.press("escape")
                await until_shown(pilot, "Discard what you changed in this form?")
                await pilot.press(*"add", "ctrl+d")  # letters of somebody who types on answer nothing
            await until(pilot, lambda: app.screen is not screen)  # noqa: B023
        assert found == [None] * 3


async def test_half_typed_conditions_are_not_counted(machine: Machine) -> None:
    counted: list[list[str]] = []

    async def fields() -> list[str]:
        return ["price", "status"]

    async def matches(rows: list[str]) -> int | None:
        counted.append(rows)
        return (None, 0, 1)[min(len(counted), 3) - 1]

    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(110, 40)) as pilot:
        screen = CriteriaScreen([], fields, matches)
        app.push_screen(screen)
        await until_shown(pilot, "The store does not say how many items match")
        await until(pilot, lambda: app.screen is screen and screen.focused is not None and screen.fields)
        for key in "stat":
            await pilot.press(key)
            await until_shown(pilot, "Counted when the condition is complete")
        await pilot.press(*"us", "tab", "g")
        await until_shown(pilot, "lteq")
        await pilot.press("t", "e", "enter")
        await until_shown(pilot, "gteq ▾")
        await pilot.press("5")  # the focus is in the value
        await until_shown(pilot, "! 0 items match")  # which is no success
        await pilot.press("tab", "tab", *"new_attribute")
        await until_shown(pilot, "Counted when the condition is complete")
        await pilot.press("tab", *"notn", "enter")
        await until_shown(pilot, "✔ 1 item matches")
        assert counted == [[], ["status gteq 5"], ["status gteq 5", "new_attribute notnull"]]
        screen.set_focus(list(screen.query(".key").results(TextField))[-1])
        await type_slowly(pilot, "sku in a,b")  # a whole condition in the cell of its field, which is not left
        await until(pilot, lambda: counted[-1] == ["status gteq 5", "new_attribute notnull", "sku in a,b"])


async def test_the_reason_against_a_condition_stays_while_the_focus_goes_to_its_field(machine: Machine) -> None:
    async def fields() -> list[str]:
        return ["price", "status"]

    async def matches(rows: list[str]) -> int | None:
        if any(row.startswith("prce") for row in rows):
            raise UserError("refused", "The store responded with 400 (no such column)")
        return 3

    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(110, 40)) as pilot:
        found: list[object] = []
        screen = CriteriaScreen([], fields, matches)
        app.push_screen(screen, found.append)
        await until_shown(pilot, "3 items match")
        await until(pilot, lambda: app.screen is screen and screen.focused is not None and screen.fields)
        await type_slowly(pilot, "prce > 50")
        await pilot.press("enter")
        await until_shown(pilot, "✘ The store responded with 400 (no such column)")
        await until_shown(pilot, "the list has no field prce; did you mean price?")
        await pilot.press("ctrl+s")
        field = next(iter(screen.query(".key").results(TextField)))
        await until(pilot, lambda: app.focused is field)
        await pilot.pause()
        assert "! the list has no field prce; did you mean price? ^S again accepts this." in shown(app)
        await pilot.press("x")
        await until_shown(pilot, "Counted when the condition is complete")
        await pilot.press("backspace", "ctrl+s", "ctrl+s")
        await until(pilot, lambda: found == [["prce gt 50"]])


def test_the_help_of_search_criteria_fits_below_the_form() -> None:
    about = RequestTemplate.model_fields["where"].description
    assert about is not None
    assert len(textwrap.wrap(about, 72)) <= 3
