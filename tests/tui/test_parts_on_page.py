"""Parts of a profile on its page: edited in forms, added, renamed and deleted, each shown before it is saved."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest
from profile_page import in_form, messages, on_page, trusting, write
from screens import shown, until, until_shown
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tui_connector.guide.profiles.saved_changes import ChangedPart
from tui_connector.guide.steps.summaries import ProfilePart
from tui_connector.guide.text_drafts import TextDrafts
from tui_connector.guide.trust import ProfileTrust
from tui_connector.machine import Machine
from tui_connector.profile.trust_records import TrustRecord
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.profile.part_forms import AddPartScreen, InvalidScreen, SaveScreen
from tui_connector.tui.profile.part_list import PartList
from tui_connector.tui.profile.part_status import RowStatus
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.toml_editor.difference import DifferenceScreen
from tui_connector.tui.widgets.questions import AllowScreen, ConfirmScreen

UNDO_ENDS = "Undo ends with the program; keep the profile in git to go back further."


async def test_page_size_is_changed_in_one_form_and_saved_after_the_difference(machine: Machine) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("down", "down", "enter", *["pagedown"] * 3)  # typed ahead of the form
        await in_form(app, pilot, "Incoming products")
        assert "Save             Cancel" in shown(app)
        await pilot.press("enter", *"keyset", "enter", "down", "down", "down", "ctrl+u", *"50", "ctrl+s")
        await until(pilot, lambda: "page-size = 50" in shown(app) and isinstance(app.screen, SaveScreen))
        assert "Not saved yet" in shown(app)
        assert "y Save  n Back to the form" in shown(app)  # as on the buttons
        await pilot.press("enter")  # the harmless answer
        await in_form(app, pilot, "Incoming products")
        await until(pilot, lambda: _has_focus(app, "pagination-page-size"))  # where it was
        app.screen.set_focus(app.screen.query_one("#form-done"))
        await pilot.press("ctrl+z")  # whatever has the focus
        await until(pilot, lambda: "Page size                 100" in shown(app))
        await pilot.press("ctrl+u", *"50")
        await until(pilot, lambda: _has_focus(app, "pagination-page-size"))
        for screen in app._unsaved_work():  # a signal ends the program
            screen.before_exit()
        kept = TextDrafts(app.machine.directories.state, path).find()
        assert kept is not None
        assert "page-size = 50" in kept[1].text
        kept[0].unlink()
        assert "^S Save" in shown(app)
        await pilot.press("escape")
        await until(pilot, lambda: "Discard what you changed" in shown(app))
        await pilot.press("enter")
        await in_form(app, pilot, "Incoming products")
        assert path.read_text() == before
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SaveScreen))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "page-size = 50" in path.read_text() and "u Undo edit" in shown(app))
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) and "-pagination = " in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: path.read_text() == before)
        assert not any("another program" in each.message for each in app._notifications)


async def test_form_stays_below_its_question_and_what_is_typed_then_is_discarded_once(machine: Machine) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    async with on_page(app, size=(120, 36)) as pilot:
        await pilot.press("down", "down", "enter")
        await in_form(app, pilot, "Incoming products")
        form = app.screen
        await pilot.press("down", "end", *"?a=1", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SaveScreen))
        assert form in app.screen_stack
        await pilot.press("n", "end", *"&b=2")
        await until(pilot, lambda: app.screen is form and "products?a=1&b=2" in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Discard what you changed" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is form and "products?a=1&b=2" in shown(app))
        await pilot.press("escape", "ctrl+d")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET products" in shown(app))
        assert "Discard what you changed" not in shown(app)
        assert path.read_text() == before


async def _save_form(app: ConnectorApp, pilot: Pilot[None]) -> None:
    await pilot.press("ctrl+s")
    await until(pilot, lambda: isinstance(app.screen, SaveScreen))
    await pilot.press("y")


async def test_form_keeps_what_another_program_changed_meanwhile(machine: Machine) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    async with on_page(app, size=(100, 40)) as pilot:
        await pilot.press("down", "down", "enter")
        await in_form(app, pilot, "Incoming products")
        theirs = path.read_text().replace("Acme store", "Acme shop  # theirs").replace('"items"', '"items" # new')
        path.write_text(theirs)
        await pilot.press("down", "end", *"?x=1")
        await _save_form(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "Acme shop" in shown(app))
        assert path.read_text() == theirs.replace('"products" }', '"products?x=1" }')
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == theirs)
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == before)


async def test_a_conflict_with_another_program_is_decided_and_saved_in_one_question(machine: Machine) -> None:
    path = write(machine)
    app = trusting(machine)
    async with on_page(app, size=(100, 40)) as pilot:
        await pilot.press("down", "down", "enter")
        await in_form(app, pilot, "Incoming products")
        theirs = path.read_text().replace("Acme store", "Acme shop").replace('"products" }', '"orders" }')
        path.write_text(theirs)
        await pilot.press("down", "end", *"?x=1")
        await pilot.press("ctrl+s")
        screen = await until_shown(pilot, '  mine  request = { uri = "products?x=1" }')
        assert '  file  request = { uri = "orders" }' in screen
        assert "Acme" not in screen  # changed there only
        assert "b Both" not in screen
        await pilot.press("escape")
        await in_form(app, pilot, "Incoming products")
        assert "products?x=1" in shown(app)
        assert path.read_text() == theirs
        await pilot.press("ctrl+u", "ctrl+s")  # what is invalid comes first: it is usually corrected before
        await until_shown(pilot, "Another program has changed the same values meanwhile: compare them next?")
        await pilot.press("escape")
        await in_form(app, pilot, "Incoming products")
        await pilot.press("ctrl+z")
        await until_shown(pilot, "products?x=1")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, DifferenceScreen) and "▸ line" in shown(app), unread=True)
        await pilot.press("t", "enter")  # meant for the form: it opens by itself
        await until(pilot, lambda: messages(app) == ["Keys pressed before this could be read were ignored."])
        await pilot.press("m", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "Acme shop" in shown(app))
        assert path.read_text() == theirs.replace('"orders" }', '"products?x=1" }')


async def test_the_value_of_the_file_is_taken_for_a_conflict_and_saved_with_the_other_changes(machine: Machine) -> None:
    path = write(machine)
    app = trusting(machine)
    async with on_page(app, size=(100, 40)) as pilot:
        await pilot.press("down", "down", "enter")
        await in_form(app, pilot, "Incoming products")
        theirs = path.read_text().replace('"products" }', '"orders" }')
        path.write_text(theirs)
        await pilot.press("down", "end", *"?x=1")
        await until(pilot, lambda: _has_focus(app, "request-uri"))
        await pilot.press(*["pagedown"] * 3, *"updated_at")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, DifferenceScreen) and "▸ line" in shown(app))
        assert "Your other changes, which are saved as well:" in shown(app)
        assert "+incremental" in shown(app)
        await pilot.press("t", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET orders" in shown(app))
        assert path.read_text().replace('incremental = { field = "updated_at" }\n', "") == theirs


def _has_focus(app: ConnectorApp, field: str) -> bool:
    return app.focused is not None and any(each.id == f"row-{field}" for each in app.focused.ancestors)


async def test_invalid_values_are_shown_before_they_are_saved(machine: Machine) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("down", "down", "enter")
        await in_form(app, pilot, "Incoming products")
        await pilot.press("down", *"/&{", "ctrl+s")
        await until(pilot, lambda: "1 problem." in shown(app) and "incoming.products.request.uri" in shown(app))
        assert '+request = { uri = "products/&{" }' in shown(app)
        await pilot.press("ctrl+s")  # the second press of a user who expects no problem
        await in_form(app, pilot, "Incoming products")
        assert path.read_text() == before
        await until(pilot, lambda: _has_focus(app, "request-uri"))  # the field to correct
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, InvalidScreen))
        await pilot.press("n")
        await in_form(app, pilot, "Incoming products")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: "are not saved to acme.toml" in shown(app))


async def test_plus_adds_a_part_and_selects_it(machine: Machine) -> None:
    path = write(machine)
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("down", "down", "plus")
        await until(pilot, lambda: isinstance(app.screen, AddPartScreen))
        await pilot.press(*"invoices", "enter")
        await until(pilot, lambda: "+[incoming.invoices]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "Incoming · invoices" in shown(app))
        await pilot.press("d")
        await until(pilot, lambda: "-[incoming.invoices]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: "invoices" not in path.read_text())


async def test_the_first_outgoing_is_added_from_the_row_that_says_none(machine: Machine) -> None:
    path = write(machine)
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("end")
        await until_shown(pilot, "None yet: Enter adds one.")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AddPartScreen) and "Add an outgoing" in shown(app))
        await pilot.press(*"products", "enter")
        await until(pilot, lambda: "+[outgoing.products-out]" in shown(app))
        await pilot.press("enter")  # the harmless answer
        await until(pilot, lambda: isinstance(app.screen, AddPartScreen) and "▸ Products" in shown(app))
        assert "[outgoing" not in path.read_text()
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("colon", *"outg")
        await until_shown(pilot, "Add: Outgoing (send to the store)")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AddPartScreen) and "Add an outgoing" in shown(app))


async def test_plus_at_a_client_asks_what_to_add(machine: Machine) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("plus")
        await until(pilot, lambda: "Add to the profile" in shown(app))
        await pilot.press("enter")  # an incoming
        await until(pilot, lambda: isinstance(app.screen, AddPartScreen))
        await pilot.press("escape")
        await until(pilot, lambda: "Add to the profile" in shown(app))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "Name of the new client" in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
        await pilot.press("plus")
        await until(pilot, lambda: "Add to the profile" in shown(app))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "Name of the new client" in shown(app))
        await pilot.press(*"staging", "enter")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await until(pilot, lambda: "For the client staging, beside magento." in shown(app))
        assert list(app.screen.work.setup.table("clients")) == ["magento", "staging"]  # type: ignore[attr-defined]
        assert "✔ found" not in shown(app)  # that was the store of the other client
    assert path.read_text() == before


async def test_plus_adds_an_authentication_to_the_selected_client(machine: Machine) -> None:
    write(machine)
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("plus")
        await until(pilot, lambda: "HTTP authentication, another one for the client magento" in shown(app))
        await pilot.press("end", "up", "enter")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and "Consumer secret" in shown(app))
        setup = app.screen.work.setup  # type: ignore[attr-defined]
        assert (setup.client, setup.authentication) == ("magento", "integration-2")
        assert "A new one for the client magento, applied after integration." in shown(app)


async def test_changes_are_undone_one_after_the_other_and_redone(machine: Machine) -> None:
    path = write(machine)
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("u")
        await until(
            pilot, lambda: messages(app) == [f"Nothing to undo: acme.toml was not changed in this session. {UNDO_ENDS}"]
        )
        texts = [path.read_text()]
        await pilot.press("m")
        await until(pilot, lambda: "New name of magento" in shown(app))
        await pilot.press(*"shop", "enter")
        await until(pilot, lambda: "+[clients.shop]" in shown(app))
        await pilot.press("y", "down", "down", "d")
        await until(pilot, lambda: "-[incoming.products]" in shown(app))
        texts.append(path.read_text())
        await pilot.press("y", "plus")
        await until(pilot, lambda: isinstance(app.screen, AddPartScreen))
        texts.append(path.read_text())
        await pilot.press(*"invoices", "enter")
        await until(pilot, lambda: "+[incoming.invoices]" in shown(app))
        await pilot.press("y", "u")
        await until_shown(pilot, "Undo “add invoices”?")
        texts.append(path.read_text())
        await pilot.press("y", "q", "enter")  # what was saved can be undone when the page is opened again, too
        await until(pilot, lambda: "u Undo edit" in shown(app) and isinstance(app.screen, ProfilePage))
        said = "Undone: delete products · u again: rename magento to shop · U redoes it"
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == texts[1] and messages(app) == [said])
        await until_shown(pilot, "Incoming · products")
        said = "Undone: rename magento to shop · nothing more to undo · U redoes it"
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == texts[0] and messages(app) == [said])
        await pilot.press("u")
        await until(pilot, lambda: messages(app) == [f"Nothing more to undo. U redoes what was undone. {UNDO_ENDS}"])
        for title, more in (
            ("rename magento to shop", " · U again: delete products"),
            ("delete products", " · U again: add invoices"),
            ("add invoices", ""),
        ):
            await pilot.press("up", "up", "U", "y")
            await until(pilot, lambda: messages(app) == [f"Redone: {title}{more} · u undoes it"])  # noqa: B023
        assert path.read_text() == texts[3]
        await until_shown(pilot, "Incoming · invoices")
        await pilot.press("U")
        await until(pilot, lambda: messages(app) == ["Nothing to redo."])


async def test_renaming_a_part_shows_what_changes_and_can_be_undone(machine: Machine) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    async with on_page(app) as pilot:
        await pilot.press("m")
        await until(pilot, lambda: "New name of magento" in shown(app))
        await pilot.press(*"shop", "enter")
        await until(pilot, lambda: "+[clients.shop]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: "[clients.shop]" in path.read_text() and "u Undo edit" in shown(app))
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == before and "magento" in shown(app))
        await pilot.press("down", "down", "m")
        await until(pilot, lambda: "New name of products" in shown(app))
        await pilot.press(*"goods", "ctrl+s")
        await until(pilot, lambda: "The state of its runs moves with it." in " ".join(shown(app).split()))
        await pilot.press("enter")  # the harmless answer
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        assert path.read_text() == before


async def test_a_slow_undo_is_not_taken_for_an_edit_by_another_program(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    looked = threading.Event()
    restore = ProfileTrust.restore_records

    def restore_slowly(trust: ProfileTrust, records: Iterable[TrustRecord]) -> None:
        looked.wait(10)
        restore(trust, records)

    monkeypatch.setattr(ProfileTrust, "restore_records", restore_slowly)
    async with on_page(app, size=(100, 40)) as pilot:
        await pilot.press("down", "down", "d")
        await until(pilot, lambda: "-[incoming.products]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: "[incoming" not in path.read_text() and "u Undo edit" in shown(app))
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == before)
        assert isinstance(app.screen, ProfilePage)
        app.screen.reload()  # as when its dialog is gone
        for _ in range(50):  # it would be read now
            await pilot.pause()
        assert "Another program" not in " ".join(messages(app))
        looked.set()
        await until(
            pilot,
            lambda: messages(app) == ["Undone: delete products · nothing more to undo · U redoes it"],
        )
        await until(pilot, lambda: "u Undo" not in shown(app))


async def test_deleting_a_part_shows_the_lines_that_go_and_can_be_undone(machine: Machine, memory_keyring: Any) -> None:
    path = write(machine)
    before = path.read_text()
    app = trusting(machine)
    async with on_page(app, size=(100, 40)) as pilot:
        await pilot.press("d")
        await until(
            pilot, lambda: any("magento is used by incoming products" in each.message for each in app._notifications)
        )
        await pilot.press("down", "down", "d")
        await until(pilot, lambda: "-[incoming.products]" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        assert path.read_text() == before
        await pilot.press("d")
        await until(pilot, lambda: "-[incoming.products]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, (ProfilePage, AllowScreen)))
        if isinstance(app.screen, AllowScreen):
            await pilot.press("y")
        await until(pilot, lambda: "[incoming" not in path.read_text())
        await until(pilot, lambda: "u Undo edit" in shown(app) and "GET products" not in shown(app))
        assert "Deleted: products. u restores it." in messages(app)
        await pilot.press("u", "y")
        await until(pilot, lambda: path.read_text() == before and "Incoming · products" in shown(app))  # selected again
        await until(
            pilot,
            lambda: messages(app) == ["Undone: delete products · nothing more to undo · U redoes it"],
        )
        await pilot.press("d")
        await until(pilot, lambda: "-[incoming.products]" in shown(app))
        app.clear_notifications()
        await pilot.press("y", "u", "y")  # typed ahead: it waits until there is something to undo
        await until(
            pilot,
            lambda: messages(app) == ["Undone: delete products · nothing more to undo · U redoes it"],
        )
        assert path.read_text() == before


class _Parts(App[None]):
    def compose(self) -> ComposeResult:
        yield PartList()


@pytest.mark.parametrize("is_listed_first", [False, True])
async def test_a_part_that_comes_back_is_selected_whenever_it_is_listed(is_listed_first: bool) -> None:
    parts = [ProfilePart("incoming", name, "GET items") for name in ("orders", "products")]
    async with _Parts().run_test() as pilot:
        listed = pilot.app.query_one(PartList)

        def fill(parts: list[ProfilePart]) -> None:
            listed.fill(parts, lambda _: RowStatus())

        fill(parts)
        listed.select("incoming", "orders")
        fill(parts[1:])
        listed.follow(ChangedPart("incoming", "orders", is_deleted=True))
        assert listed.selected == parts[1]
        if is_listed_first:
            fill(parts)
        listed.follow(ChangedPart("incoming", "orders"))
        if not is_listed_first:
            fill(parts)
        assert listed.selected == parts[0]


async def test_a_part_that_makes_the_profile_invalid_is_renamed_and_deleted(machine: Machine) -> None:
    path = write(machine)
    before = path.read_text()
    path.write_text(f'{before}\n[incoming.broken]\nclient = "magento"\nitems = "items"\n')
    app = trusting(machine)
    async with on_page(app, size=(100, 40)) as pilot:
        await until(pilot, lambda: "1 problem" in shown(app) and "Incoming · broken" in shown(app))  # its part
        footer = shown(app).splitlines()[-1]
        assert "m Rename  d Delete" in footer
        assert not [key for key in ("t Test", "r Run", "+ Add", "g Guide", "T Tasks") if key in footer]
        await pilot.press("r")
        await until(pilot, lambda: any("1 problem to fix first: e opens line" in each for each in messages(app)))
        app.screen.query_one(PartList).focus()
        app.screen.query_one(PartList).select("incoming", "products")
        await until(pilot, lambda: "t Test" in shown(app).splitlines()[-1])  # which does not need the broken one
        await pilot.press("t")
        await until(pilot, lambda: "✘ products" in shown(app))  # it was tested, and refused
        app.screen.query_one(PartList).select("incoming", "broken")
        await until(pilot, lambda: "Incoming · broken" in shown(app))
        await pilot.press("m")
        await until(pilot, lambda: "New name of broken" in shown(app))
        await pilot.press("ctrl+u", *"rest", "enter")
        await until(pilot, lambda: "+[incoming.rest]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: "[incoming.rest]" in path.read_text() and "Incoming · rest" in shown(app))
        await pilot.press("d")
        await until(pilot, lambda: "-[incoming.rest]" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: path.read_text() == before and "1 problem" not in shown(app))
        await until(pilot, lambda: "r Run" in shown(app))
