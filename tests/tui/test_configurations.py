"""The lists of steps 3 and 4: chosen from Magento's list or by path, tried before they are saved."""

from __future__ import annotations

import re
from typing import Any

import pytest
from guide_steps import INCOMING, at_step, guide, profile, work_of
from profiles import login
from screens import press_and_see, shown, until, until_shown
from textual import events
from textual.widgets import Static

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.setup.configurations import ConfigurationList
from tui_connector.tui.setup.entity_chooser import EntityChooser
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.item_table import ItemScreen, ItemTable, columns, table
from tui_connector.tui.widgets.text_areas import JsonField


async def test_an_entity_is_found_by_typing_and_its_first_items_are_shown(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "4") as (pilot, setup):
        for step in (4, 3):
            await press_and_see(pilot, str(step), f"● {step} ")
            for letter in "tnspluceqazdESjk12345":  # typed one by one, each is a command elsewhere
                await pilot.press(letter)
            await until_shown(pilot, "the path tnspluceqazdESjk12345: Enter adds it")
        assert not setup.incoming
        await pilot.press("ctrl+u")
        chooser = pilot.app.screen.query_one("#step-3 EntityChooser", EntityChooser)
        pilot.app.post_message(events.Paste(f"{sandbox.url}/rest/V1/foo/bar\n"))
        await until_shown(pilot, "the path foo/bar: Enter adds it")
        await pilot.press("ctrl+u", *"ordr")  # most similar to a title; a name is not shown
        await until(pilot, lambda: bool(chooser.highlighted) and chooser.highlighted.title == "Orders")
        await pilot.press("ctrl+u", *"/V1/orders")
        await until_shown(pilot, "Orders   ")
        await pilot.press("enter")
        await until(pilot, lambda: list(setup.incoming) == ["orders"])
        assert setup.at("incoming", "orders", "request", "uri") == "orders"
        screen = await until_shown(pilot, "items read")
        assert "entity_id" in screen
        assert re.search(r"Sent: #\d+ GET orders\?", screen)
        pilot.app.screen.query_one(ItemTable).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ItemScreen))
        assert '"grand_total": ' in await until_shown(pilot, "Item ")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, SetupScreen))
        setup.edit(("incoming", "orders", "items"), "items[")
        pilot.app.screen.pane.edited("orders")  # as its form does
        assert not pilot.app.screen.query_one(ItemTable).display


async def test_forbidden_entities_are_marked_with_the_resource_to_tick(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, integration="catalog")
    async with at_step(machine, "2", (140, 45)) as (pilot, setup):
        assert "✔ Products " not in await press_and_see(pilot, "3", "GET products"), "nobody asked the store yet"
        await pilot.press("escape", "2", "t")
        await until_shown(pilot, "accepts it")
        paths = [each["path"] for each in sandbox.journal()]
        assert paths.count("/rest/all/V1/modules") == 1
        screen = await press_and_see(pilot, "3", "GET products")
        assert "✔ Products " in screen
        assert "✘ Orders " in screen
        await pilot.press("down")
        await until_shown(pilot, "Orders: tick Sales › Operations › Orders › Actions › View.")
        screen = await press_and_see(pilot, "4", "PUT products/&{sku}")
        assert "✔ Products " in screen
        assert "✘ Stock by source " in screen
        await until_shown(pilot, "Stock by source: tick Stores › Inventory › Stocks › Source Item Assigning.")
        await pilot.press("down", "enter")
        assert "It needs" not in await until_shown(pilot, "Preview for the sample"), "the token has what it needs"
        setup.edit(("clients", "magento", "timeout"), "5s")
        assert "✘" not in await press_and_see(pilot, "3", "GET products"), "what was proved is not this setup"


async def test_resources_to_tick_are_copied_with_one_key(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    copied = machine.directories.state / "last-copy"
    async with at_step(machine, "3", (140, 45)) as (pilot, setup):
        await pilot.press("f3")
        await until_told(pilot, "Nothing selected yet. Add incoming")
        assert not copied.exists()
        pilot.app.post_message(events.Paste("\norders\nproducts\n"))  # or typed so fast that it arrives in one burst
        await until_told(pilot, "The field has one line: the first of 2 lines was pasted.")
        await pilot.press("enter")
        await until(pilot, lambda: list(setup.incoming) == ["orders"])
        await until_shown(pilot, "c copies this")
        await pilot.press("4", "enter")
        await until(pilot, lambda: list(setup.outgoing) == ["stock"])
        await press_and_see(pilot, "2", "c copies this")
        pilot.app.screen.query_one("#way-form TextField").focus()
        await pilot.press("alt+c")  # Esc, then c: the focus is in a field
        await until_told(pilot, f"to {copied}")
        assert copied.read_text().splitlines()[1:] == [
            "  Sales › Operations › Orders › Actions › View",
            "  Stores › Inventory › Stocks › Source Item Assigning",
        ]
        await pilot.press("escape", "colon", *"boxes")
        await until_shown(pilot, "setup.copy-boxes")


async def test_admin_user_is_told_about_roles_not_integrations(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, authentications={"integration": login()}, **INCOMING)
    async with at_step(machine, "3", (140, 45)) as (pilot, _):
        for step in "345":
            await press_and_see(pilot, step, f"● {step}")
            words = str(pilot.app.screen.query_one("#store-words", Static).content)
            assert "role" in words
            assert "ntegration" not in words
        await pilot.press("c")
        await until_told(pilot, "last-copy")
        copied = (machine.directories.state / "last-copy").read_text()
        assert copied.startswith("System › Permissions › User Roles › the user's role › Role Resources")


async def test_failed_write_of_the_copy_file_is_reported(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3") as (pilot, _):
        (machine.directories.state / "last-copy").mkdir(parents=True)
        await pilot.press("c")
        await until_told(pilot, "could not be written: is a directory")


async def until_told(pilot: Any, words: str) -> None:
    await until(pilot, lambda: any(words in each.message for each in pilot.app._notifications))


async def test_any_path_can_be_read(machine: Machine, memory_keyring: Any, sandbox: Sandbox) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "3") as (pilot, setup):
        await pilot.press(*"/my/own-things?x=1")
        await until_shown(pilot, "the path my/own-things?x=1: Enter adds it")
        await pilot.press("enter")
        await until(pilot, lambda: list(setup.incoming) == ["own-things"])
        assert setup.at("incoming", "own-things", "request", "uri") == "my/own-things?x=1"
        await pilot.press("enter")
        await until_shown(pilot, "✘ own-things")
        await pilot.press("escape", "2", "t")
        await until_shown(pilot, "accepts it")
        await pilot.press("escape", "3", "plus", *"modul", "enter")
        await until_shown(pilot, "Similar: modules")
        assert list(setup.incoming) == ["own-things"]
        await pilot.press("enter")
        await until(pilot, lambda: list(setup.incoming) == ["own-things", "modul"])


async def test_a_secret_typed_as_a_path_is_added_only_after_a_warning(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    token = "canary" + "b3x7" * 6 + "aa"
    async with at_step(machine, "3") as (pilot, setup):
        pilot.app.post_message(events.Paste(f"{token}\n"))
        await until_shown(pilot, f"the path {token}: Enter adds it")
        await pilot.press("enter")
        await until_shown(pilot, "✘ Looks like a secret")
        assert not setup.incoming
        await pilot.press("x", "enter")
        await until_shown(pilot, "✘ Looks like a secret")
        assert not setup.incoming, "another text is another doubt"
        await pilot.press("enter")
        await until(pilot, lambda: [*setup.incoming] != [])
        await pilot.press("escape", "2", "t")
        await until_shown(pilot, "accepts it")
        await pilot.press("escape", "3", "plus")
        pilot.app.post_message(events.Paste(f"{token}y\n"))
        await pilot.press("enter")
        await until_shown(pilot, "✘ Looks like a secret")
        await pilot.press("enter")  # is enough, also where the schema of the store has no such path
        await until(pilot, lambda: len(setup.incoming) == 2)
        await until_shown(pilot, "This token may not send GET")


async def test_lists_add_and_delete_and_an_empty_one_is_skipped(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "3") as (pilot, setup):
        await pilot.press("escape", "2")
        await until_shown(pilot, "● 2")
        assert "○ 3" in shown(pilot.app)  # it was seen, not skipped
        await pilot.press("3")
        await until_shown(pilot, "● 3")
        await pilot.press("enter")
        await until(pilot, lambda: list(setup.incoming) == ["products"])
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("plus", "down", "enter")  # as the first one: without a form
        await until(pilot, lambda: list(setup.incoming) == ["products", "orders"])
        assert isinstance(pilot.app.screen, SetupScreen)
        assert "entity_id identifies items" in await until_shown(pilot, " GET orders?")
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("up")
        assert "entity_id identifies items" not in await until_shown(pilot, " GET products?")
        setup.edit(("incoming", "products", "request", "uri"), "products?a=1")
        pilot.app.screen.pane.edited("products")  # as its form does
        assert not pilot.app.screen.query_one(ItemTable).display
        await until(pilot, lambda: "Sent: #" not in shown(pilot.app))
        await pilot.press("down")
        await until_shown(pilot, " GET orders?")
        assert pilot.app.screen.query_one(ItemTable).display
        for _ in range(2):
            await pilot.press("d")
            await until_shown(pilot, "Delete the incoming")
            await pilot.press("y")
            await pilot.pause()
        await until_shown(pilot, "Nothing selected yet")
        assert not setup.incoming
        await pilot.press("f8")
        assert "– 3" in await until_shown(pilot, "4 Outgoing (send to the store)")


async def test_another_entity_is_added_by_typing_its_name(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox, **INCOMING)
    before = path.read_text()
    async with at_step(machine, "3") as (pilot, setup):
        assert "changed" not in shown(pilot.app)
        await pilot.press("plus", *"orders", "enter")  # its letters are no commands
        await until(pilot, lambda: list(setup.incoming) == ["products", "orders"])
        await until_shown(pilot, "changed")
        assert path.read_text() == before
        await pilot.press("plus", *"ust", "down", "up", "pagedown", "pageup", "enter")  # the first match again
        await until(pilot, lambda: list(setup.incoming) == ["products", "orders", "customers"])
        rows = pilot.app.screen.query_one(ConfigurationList)
        await until(pilot, lambda: rows.chosen == "customers")


async def test_header_says_changed_until_the_profile_is_saved(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)

    def header(pilot: Any) -> str:
        return str(pilot.app.screen.query_one("#header").visual)

    async with at_step(machine, "3", (120, 70)) as (pilot, _):
        assert header(pilot).rstrip().endswith("saved")
        await pilot.press("d", "y")
        await until(pilot, lambda: header(pilot).rstrip().endswith("changed"))
        await pilot.press("ctrl+s")
        await until_shown(pilot, "● 5")
        await pilot.press("enter")
        await until(pilot, lambda: header(pilot).rstrip().endswith("saved"))


@pytest.mark.parametrize("step", ["3", "4"])
async def test_deleted_configuration_is_restored_at_its_place(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, step: str
) -> None:
    family = {"3": "incoming", "4": "outgoing"}[step]
    parts = {name: {"client": "magento", "request": {"uri": name}} for name in ("first", "second")}
    profile(machine, memory_keyring, sandbox, **{family: parts})
    async with at_step(machine, step, (140, 50)) as (pilot, setup):
        await pilot.press("d", "y")
        await until(pilot, lambda: list(setup.table(family)) == ["second"])
        await until_shown(pilot, "Deleted: first. ^Z undoes it.")
        await pilot.press("d", "y")
        await until(pilot, lambda: not setup.table(family))
        await pilot.press("ctrl+z")
        await until(pilot, lambda: list(setup.table(family)) == ["second"])
        await pilot.press("z")
        await until(pilot, lambda: list(setup.table(family)) == ["first", "second"])
        assert setup.at(family, "first") == parts["first"]
        await until(pilot, lambda: "^Z undoes it" not in shown(pilot.app))


async def test_the_typed_sample_of_a_draft_is_previewed_when_its_step_opens(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await pilot.press("enter")
        await until_shown(pilot, "Magento 2.4")
        setup = work_of(pilot).setup
        setup.samples[setup.add_outgoing("products")] = '{"sku": "typed"}'
        await pilot.press("4")
        await until_shown(pilot, "PUT /rest/all/V1/products/typed")


async def test_preview_follows_the_typed_sample(machine: Machine, memory_keyring: Any, sandbox: Sandbox) -> None:
    profile(machine, memory_keyring, sandbox)
    before = len(sandbox.journal())
    async with at_step(machine, "4") as (pilot, setup):
        await pilot.press("down", "enter")
        await until(pilot, lambda: list(setup.outgoing) == ["products"])
        screen = await until_shown(pilot, "(not sent)")  # as soon as it is added
        assert "It needs Catalog" in screen, "whether the token has it is not known"
        assert sandbox.journal() == []
        assert "PUT /rest/all/V1/products/24-MB01" in screen
        assert '"name": "Joust Duffle Bag"' in screen
        sample = pilot.app.screen.query_one("#sample", JsonField)
        assert "E: edit" in screen
        await pilot.press("E")
        screen = await until_shown(pilot, "(not sent) · ^T: plan and send")
        assert "E: edit" not in screen
        assert "d: delete" not in screen
        await pilot.press("down", "end", "x")
        line, column = place = sample.cursor_location
        await until_shown(pilot, f"(line {line + 1}, column {column})")
        await until_shown(pilot, "✘ products")
        assert (sample.cursor_location, sample.has_focus) == (place, True), "typing goes on where it was"
        await pilot.press("ctrl+t")
        screen = await until_shown(pilot, "✘ Not sent: the sample is not valid JSON")
        assert "E goes there" not in screen, "E is text in the sample"
        assert (sample.selected_text, sample.has_focus) == ("x", True)
        await pilot.press("f5")
        await pilot.press("ctrl+home", "escape", "E")
        assert sample.selected_text == "x", "E goes to the error"
        await pilot.press("backspace")
        await until_shown(pilot, "✔ products")
        assert (sample.cursor_location, sample.has_focus) == ((line, column - 1), True)
        sample.text = '{"sku": "a b/c", "price": 1}'
        await until_shown(pilot, "PUT /rest/all/V1/products/a%20b%2Fc")
        sample.text = '{"skus": "a"}'
        screen = await until_shown(pilot, "✘")
        assert "sku" in screen
        sample.text = '{"sku": "x\n}'
        await until_shown(pilot, "The sample is not valid JSON: a closing quote is missing")
        await until_shown(pilot, "✘ products")
        await pilot.press("escape", "S")
        await until_shown(pilot, "✘ Not sent: the sample is not valid JSON")
        await until_shown(pilot, "E goes there")
        await pilot.press("escape", "2")
        await until_shown(pilot, "✘ 4")
        setup.edit(("clients", "magento", "timeout"), "20s")  # what the store refused may be accepted now, but not this
        await pilot.press("escape", "4")
        assert "✘ products" in await until_shown(pilot, "The sample is not valid JSON")
        sample.text = '{"sku": "x"}'
        await until_shown(pilot, "PUT /rest/all/V1/products/x")
        await until_shown(pilot, "✔ products")
        await pilot.press("escape", "plus")
        sample.text = '{"sku": "y"}'  # its preview comes while the next one is chosen
        preview = pilot.app.screen.query_one(".preview", Static)
        await until(pilot, lambda: "products/y" in str(preview.content))
        assert "Esc: close" in shown(pilot.app)
        await pilot.press(*"stoc", "escape", "plus", *"stock", "enter")
        await until(pilot, lambda: list(setup.outgoing) == ["products", "stock"])
        pilot.app.screen.query_one("#outgoing-list", ConfigurationList).focus()
        await pilot.press("d", "y")
        await until(pilot, lambda: list(setup.outgoing) == ["products"])
        pilot.app.screen.query_one("#outgoing-list", ConfigurationList).focus()
        await pilot.press("d", "y")
        await until_shown(pilot, "Nothing selected yet")
        assert "PUT /rest/all/V1/products/x" not in shown(pilot.app), "the preview goes with what it is of"
    assert len(sandbox.journal()) == before


async def test_the_line_of_a_preview_fits_with_several_outgoings_of_long_names(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    part = {"client": "magento", "source": {"kind": "jsonl", "path": "p.jsonl"}, "request": {"uri": "products"}}
    asks = {"integration": {"kind": "bearer", "token": {"ask": True}}}  # nothing is sent, so nobody is asked
    outgoing = {"prices-" * 8: part, "stock": part}
    profile(machine, memory_keyring, sandbox, authentications=asks, outgoing=outgoing)
    async with at_step(machine, "4", (80, 24)) as (pilot, _):
        await pilot.press("t")
        await until_shown(pilot, "✔ Preview of prices-")
        result = pilot.app.screen.query_one("#step-4 .result", Static)
        for key, keys in (("escape", "S: plan and send"), ("E", "^T: plan and send")):
            await pilot.press(key)
            await until_shown(pilot, keys)
            assert result.region.height == 1


LIMITED = {"webapi/validation/input_limit_enabled": "1", "webapi/validation/maximum_page_size": "2"}


async def test_allowed_page_size_is_applied_with_one_key(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    sandbox.change(LIMITED)
    async with at_step(machine, "3") as (pilot, setup):
        await pilot.press("t")
        await until_shown(pilot, "a  Request 2 per page")
        await pilot.press("a")
        await until_shown(pilot, "2 of 50 items read")
        assert setup.at("incoming", "products", "pagination", "page-size") == 2
        assert "Request 2 per page" not in shown(pilot.app)


async def test_unpaged_request_becomes_paged_with_the_allowed_page_size(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    whole = {"client": "magento", "items": "items", "request": {"uri": "products?searchCriteria[pageSize]=500"}}
    profile(machine, memory_keyring, sandbox, incoming={"all": whole, "other": whole})
    sandbox.change({"webapi/validation/input_limit_enabled": "1"})
    async with at_step(machine, "3") as (pilot, setup):
        await pilot.press("t")
        await until_shown(pilot, "a  Request 300 per page")
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("down")  # which was not tested, and so has nothing to fix
        await until(pilot, lambda: "Request 300" not in shown(pilot.app))
        await pilot.press("up")
        await until_shown(pilot, "a  Request 300 per page")
        await pilot.press("a")
        await until_shown(pilot, "incoming all: 3 of 50 items read")
        pages = {"kind": "keyset", "filter": "entity_id", "field": "id", "page-size": 300}
        assert setup.at("incoming", "all", "pagination") == pages
        assert setup.at("incoming", "other", "pagination") is None
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("down", "t")
        await until_shown(pilot, "a  Request 300 per page")
        pilot.app.screen.query_one("#incoming-list", ConfigurationList).focus()
        await pilot.press("d")
        await until_shown(pilot, "Delete the incoming")
        await pilot.press("y")
        await until(pilot, lambda: "Request 300" not in shown(pilot.app))
        assert list(setup.incoming) == ["all"]


async def test_problem_of_the_setup_is_shown_once(machine: Machine, memory_keyring: Any, sandbox: Sandbox) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3") as (pilot, setup):
        setup.edit(("incoming", "products", "client"), "nowhere")
        await pilot.press("t")
        await until_shown(pilot, "✘ The setup is not complete")
        said = str(pilot.app.screen.query_one("#step-3 .result", Static).content)
        assert said.count("The setup is not complete") == 1
        assert "→ Correct the part" in said
        await pilot.press("2", "t")  # which does not need that part
        await until_shown(pilot, "accepts it")
        await press_and_see(pilot, "4", "PUT products/&{sku}")
        await pilot.press("enter")
        await until_shown(pilot, "Preview for the sample")


@pytest.mark.parametrize("ends", ["well", "refused"])
async def test_slow_test_of_another_step_does_not_move_the_focus(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox, ends: str
) -> None:
    profile(machine, memory_keyring, sandbox, **INCOMING)
    if ends == "refused":
        sandbox.change(LIMITED)  # a refusal with a fix, which would take the focus
    sandbox.change({"sandbox/latency_ms": "700"})
    async with at_step(machine, "3") as (pilot, _):
        await pilot.press("t")
        await until(pilot, lambda: len(sandbox.journal()) > 0)
        await pilot.press("2", "shift+tab")
        screen = pilot.app.screen
        field = screen.focused
        result = screen.query_one("#step-3 .result", Static)
        await until(pilot, lambda: any(mark in str(result.content) for mark in "✔!✘"))
        await pilot.pause()
        assert screen.focused is field is not None
        assert screen.query_one("#step-2") in field.ancestors
        await press_and_see(pilot, "3", "items read" if ends == "well" else "a  Request 2 per page")


async def test_what_another_program_has_changed_is_kept_and_shown_before_the_guide_saves(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3", (120, 70)) as (pilot, setup):
        setup.edit(("incoming", "products", "request", "uri"), "orders")
        theirs = path.read_text().replace('name = "', 'name = "Their ') + "# theirs\n"
        path.write_text(theirs)
        await pilot.press("5")
        await until_shown(pilot, '+request = { uri = "orders" }')
        assert "# theirs" not in await until_shown(
            pilot, "Another program has changed the file meanwhile; that is kept."
        )
        path.write_text(theirs := f"{theirs}# more\n")
        await pilot.press("s")
        question = await until_shown(pilot, "Besides, this changes:")
        assert "# more" not in question
        assert '+request = { uri = "orders" }' in question
        await pilot.press("s", "enter")  # the key that saves does not agree
        await until_shown(pilot, "now is shown below.")
        assert path.read_text() == theirs
        path.write_text(f"{theirs}# again\n")
        await pilot.press("s")
        await until_shown(pilot, "Besides, this changes:")
        path.write_text(f"{theirs}# again\n# and again\n")
        asked = pilot.app.screen
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.screen is not asked and "Besides, this changes:" in shown(pilot.app))
        await pilot.press("y")
        mine = f"{theirs}# again\n# and again\n".replace('uri = "products"', 'uri = "orders"')
        await until(pilot, lambda: path.read_text() == mine)
        await until_shown(pilot, "Now you can")  # the call in a new process has ended
        assert "Their " in await press_and_see(pilot, "1", "Their ")


async def test_a_conflict_is_decided_before_the_guide_saves(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3", (120, 70)) as (pilot, setup):
        setup.edit(("incoming", "products", "request", "uri"), "orders")
        theirs = path.read_text().replace('uri = "products"', 'uri = "categories"')
        path.write_text(theirs)
        await pilot.press("5")
        await until_shown(pilot, '-request = { uri = "categories" }')  # from the file as it is now
        assert '+request = { uri = "orders" }' in await until_shown(pilot, "has changed the same values in shop.toml")
        await pilot.press("s")
        await until_shown(pilot, 'file  request = { uri = "categories" }')
        await pilot.press("escape")
        await until_shown(pilot, "Save again to decide")
        await pilot.press("s")
        await until_shown(pilot, 'mine  request = { uri = "orders" }')
        await pilot.press("t", "enter")
        await until_shown(pilot, "✔ Saved")
        assert path.read_text() == theirs
        await press_and_see(pilot, "3", "GET categories")


async def test_a_file_that_is_no_profile_any_more_is_overwritten_after_a_question_and_kept_as_a_copy(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3", (120, 70)) as (pilot, setup):
        setup.edit(("incoming", "products", "request", "uri"), "orders")
        theirs = f"{path.read_text()}broken = \n"
        path.write_text(theirs)
        await pilot.press("5")
        await until_shown(pilot, '+request = { uri = "orders" }')
        for _ in range(2):  # the key that saves does not overwrite, however often it is pressed
            await pilot.press("s")
            question = await until_shown(pilot, "Another program has changed")
            assert "-broken =" in question
            assert '+request = { uri = "orders" }' in question
            await pilot.press("s", "enter")
            await until_shown(pilot, "overwritten. Look at the file")
            assert path.read_text() == theirs
        await pilot.press("s")
        await until_shown(pilot, "Another program has changed")
        path.write_text(f"{theirs}# again\n")
        await pilot.press("y")
        await until_shown(pilot, "-# again")  # consent covers only what was shown
        assert 'uri = "products"' in path.read_text()
        await pilot.press("y")
        await until(pilot, lambda: 'uri = "orders"' in path.read_text())
        await until_shown(pilot, "Now you can")  # the call in a new process has ended
        copies = [each.read_text() for each in (machine.directories.state / "deleted").iterdir()]
        assert f"{theirs}# again\n" in copies
        assert "What the file had before is kept in" in shown(pilot.app)


async def test_invalid_profile_is_saved_only_after_a_second_save(
    machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    path = profile(machine, memory_keyring, sandbox, **INCOMING)
    async with at_step(machine, "3", (120, 70)) as (pilot, setup):
        setup.edit(("incoming", "products", "pagination"), {"kind": "cursor"})
        await pilot.press("5")
        assert "✘ 3" in await until_shown(pilot, "The profile is invalid")
        await pilot.press("3")
        assert "✘ products" in await until_shown(pilot, "✘ pagination.cursor: is missing")
        await pilot.press("5")
        await until_shown(pilot, "The profile is invalid")
        await pilot.press("enter")
        await until_shown(pilot, "Not saved: the profile is invalid.")
        assert "incoming.products.pagination.cursor: is missing" in shown(pilot.app)
        assert 'kind = "keyset"' in path.read_text()
        await pilot.press("enter")
        assert "Now you can" not in await until_shown(pilot, "! The profile is invalid")
        assert 'kind = "cursor"' in path.read_text()


def test_table_shows_identifiers_first_and_no_objects() -> None:
    items: list[Any] = [{"id": 1, "extra": {}, "name": "a\x1b[31m", "sku": "x", "list": []}, {"id": 2, "price": 3}]
    assert columns(items, "sku", "updated_at") == ["sku", "name", "price", "id"]
    titles, first, second = table(items, ["sku", "name"], 40)
    assert titles.split() == ["sku", "name"]
    assert first.startswith("x    a\\x1b[31m")
    assert second.strip() == ""
    assert table([1, "two"], [], 10) == ["", "1", '"two"']


@pytest.mark.parametrize(("size", "rows"), [((120, 36), 12), ((200, 50), 20)])
async def test_the_list_of_entities_uses_the_height_of_the_step(
    size: tuple[int, int], rows: int, machine: Machine, memory_keyring: Any, sandbox: Sandbox
) -> None:
    profile(machine, memory_keyring, sandbox)
    async with at_step(machine, "3", size) as (pilot, _):
        await until(pilot, lambda: shown(pilot.app).count(" GET ") >= rows)
