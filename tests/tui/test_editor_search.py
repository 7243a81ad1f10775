"""Find and replace in the editor of a profile's text."""

from __future__ import annotations

import pytest
from editor_screen import TEXT, area, editing
from screens import until, until_shown
from textual.widgets import Input

from tui_connector.machine import Machine
from tui_connector.tui.toml_editor.search import SearchBar


async def test_find_and_replace(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+f", *"acme")
        await until_shown(pilot, "of 3")
        for key in ("F3 Next", "^R Replace", "F5 Replace all", "Esc Close"):
            await until_shown(pilot, key)
        await pilot.press("ctrl+r", *"Beta", "f5")
        await until_shown(pilot, "Replaced: 3 matches")
        assert "acme" not in area(pilot).text.lower()
        await pilot.press("escape", "ctrl+z")
        await until(pilot, lambda: area(pilot).text == TEXT)


@pytest.mark.parametrize("key", ["ctrl+r", "f5"])
async def test_replace_opens_the_bar_and_deletes_nothing_before_a_replacement_was_typed(
    machine: Machine, key: str
) -> None:
    async with editing(machine) as pilot:
        await pilot.press(key, *"acme", key)
        await until(pilot, lambda: pilot.app.focused.id == "editor-replacement")
        assert area(pilot).text == TEXT
        await pilot.press(*"Beta", "enter")
        await until(pilot, lambda: area(pilot).text == TEXT.replace("Acme", "Beta", 1))
        await pilot.press("escape", key, "enter")
        await until(pilot, lambda: area(pilot).text == TEXT.replace("Acme", "Beta", 1).replace("ACME", "Beta", 1))


async def test_enter_leads_from_the_text_to_find_to_its_replacement(machine: Machine) -> None:
    async with editing(machine, size=(80, 24)) as pilot:
        await pilot.press("ctrl+r", *"none", "enter")
        await until_shown(pilot, "No match.")
        assert area(pilot).border_subtitle == "no match"
        assert pilot.app.focused.id == "editor-find"
        await pilot.press("ctrl+u", *"acme", "enter")
        await until(pilot, lambda: pilot.app.focused.id == "editor-replacement")
        await pilot.press(*"Beta")
        screen = await until_shown(pilot, "Beta")
        find, replacement = (next(line for line in screen.splitlines() if word in line) for word in ("Find ", "Beta"))
        assert all(each in find for each in ("acme", "F3: next", "F2: previous"))
        assert all(each in replacement for each in ("Replace with", "Enter: replace", "F5: replace all"))
        await pilot.press("escape", "ctrl+r", *"New", "shift+tab", *"sku", "enter", "end", "!", "enter")
        await until(pilot, lambda: area(pilot).text == TEXT.replace("sku", "New!"))  # and no old value before them


async def test_esc_closes_the_bar_before_it_leaves_the_editor(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("#", "ctrl+r", *"acme")
        area(pilot).focus()
        await until_shown(pilot, "Esc Close")
        await pilot.press("escape")
        await until(pilot, lambda: not pilot.app.screen.query_one(SearchBar).is_open)
        await pilot.press("escape")
        await until_shown(pilot, "unsaved changes")


async def test_enter_stays_at_the_match_that_is_shown_and_f3_goes_on(machine: Machine) -> None:
    places = [at for at in range(len(TEXT)) if TEXT.lower().startswith("acme", at)]
    async with editing(machine) as pilot:
        await pilot.press("ctrl+f", *"acme", "enter")
        await until(pilot, lambda: not pilot.app.screen.query_one(SearchBar).is_open)
        assert area(pilot).offset_of_cursor == places[0] + 4
        await pilot.press("escape")
        await until_shown(pilot, "The search has ended. Esc again leaves the editor.")
        assert (area(pilot).selected_text, area(pilot).offset_of_cursor) == ("", places[0] + 4)
        await pilot.press("f3")
        await until(pilot, lambda: area(pilot).offset_of_cursor == places[1] + 4)
        for place in (places[0], places[-1], places[-2]):
            await pilot.press("f2")
            await until(pilot, lambda place=place: area(pilot).offset_of_cursor == place + 4)


async def test_what_is_typed_replaces_the_text_that_was_searched_last(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+f", *"acme", "enter", "ctrl+f", *"sku")
        found = pilot.app.screen.query_one("#editor-find", Input)
        await until(pilot, lambda: found.value.endswith("sku"))
        assert found.value == "sku"
        assert area(pilot).selected_text == "sku"
