"""Completions in the editor of a profile's text, by Tab and Enter."""

from __future__ import annotations

import pytest
from editor_screen import TEXT, area, editing
from screens import until, until_shown

from tui_connector.machine import Machine


async def test_a_key_is_completed_and_explained(machine: Machine) -> None:
    async with editing(machine, size=(120, 36)) as pilot:
        await pilot.press("ctrl+end", *"pag")
        await until_shown(pilot, "pagination  ")
        await pilot.press("tab")
        assert area(pilot).text.endswith('pagination = { kind = "" }')
        await pilot.press(*"key")
        await until_shown(pilot, "keyset")
        await pilot.press("tab")
        assert area(pilot).text.endswith('pagination = { kind = "keyset" }')
        await until_shown(pilot, "Keyset: each page starts")
        await pilot.press("end", "enter", *"tit", "ctrl+n")
        await until_shown(pilot, "Enter, Tab: write")
        await pilot.press("enter", *"All")
        assert area(pilot).text.endswith('\ntitle = "All"')
        await pilot.press("end", "enter", *'sink = { kind = "jso')
        await until_shown(pilot, "jsonl  ")
        await pilot.press("tab", *" }")  # which closes the quotes
        assert area(pilot).text.endswith('\nsink = { kind = "jsonl" }')
        await pilot.press("end", "enter", *"ident", "ctrl+n")  # a key that is there already
        await until_shown(pilot, "the table has identifier already")


async def test_tab_completes_behind_a_text_and_what_a_completion_has_closed_is_not_closed_twice(
    machine: Machine,
) -> None:
    async with editing(machine, size=(120, 36)) as pilot:
        await pilot.press("ctrl+end", *"[env", "tab")
        await until(pilot, lambda: area(pilot).text.endswith("\n[environments"))
        await pilot.press(*".staging]", "enter", *"cli", "tab")
        await until(pilot, lambda: area(pilot).text.endswith("\nclients.") and area(pilot).is_completing)
        await pilot.press("tab", *"tim", "tab")  # m, then one of its keys
        await until(pilot, lambda: area(pilot).text.endswith('\nclients.m.timeout = ""'))
        await pilot.press(*'30s"', "enter", "tab", "#", "tab", "x")  # there is nothing to complete
        await until(pilot, lambda: area(pilot).text.endswith('\nclients.m.timeout = "30s"\n  #  x'))
        await pilot.press("backspace", "backspace", "backspace", "backspace", *'x = ["', *'"]', "left", "]", "}")
        assert area(pilot).text.endswith('  x = [""]}')


@pytest.mark.parametrize("typed", ['"All"', 'All"', '= "All"', "All"])
async def test_what_a_completion_has_opened_is_not_opened_twice(machine: Machine, typed: str) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"titl", "tab")
        await until(pilot, lambda: area(pilot).text.endswith('\ntitle = ""'))
        await pilot.press(*typed)
        assert area(pilot).text.endswith('\ntitle = "All"')
        await pilot.press("end", "enter", *"tit", "left", "right", '"', "x")  # nothing was completed here
        assert area(pilot).text.endswith('\ntit"x')


@pytest.mark.parametrize(
    ("typed", "after"),
    [
        ('x = "a|"', 'x = "a"\n|'),
        ("  x = 'a|' # why", "  x = 'a' # why\n  |"),
        ('x = ["a|"]', 'x = ["a"]\n|'),
        ('x = ["a|", "b"]', 'x = ["a"\n|, "b"]'),
        ('x = "a\\|"', 'x = "a\\\n|"'),
        ('x = "|a"', 'x = "\n|a"'),
        ('x = """a|"""', 'x = """a\n|"""'),
        ('x = """\na "b|"', 'x = """\na "b\n|"'),
    ],
)
async def test_enter_before_a_closing_quote_breaks_the_line_after_it(machine: Machine, typed: str, after: str) -> None:
    async with editing(machine, TEXT + typed.replace("|", "")) as pilot:
        area(pilot).go_to(len(TEXT) + typed.index("|"))
        await pilot.press("enter")
        assert area(pilot).text == TEXT + after.replace("|", "")
        assert area(pilot).offset_of_cursor == len(TEXT) + after.index("|")


async def test_another_word_for_a_key_is_completed_to_it(machine: Machine) -> None:
    async with editing(machine, TEXT.replace('{ env = "ACME_TOKEN" }', "")) as pilot:
        area(pilot).go_to(TEXT.index('{ env = "ACME_TOKEN" }'))
        await pilot.press(*"{ prompt")
        await until(pilot, lambda: area(pilot).is_completing)
        await pilot.press("tab", *"true }")
        await until(pilot, lambda: "token = { ask = true }\n" in area(pilot).text)
        await until_shown(pilot, "✔ valid")


async def test_the_completions_close_with_the_line_and_when_the_text_is_saved(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"ti")
        await until_shown(pilot, "title  ")
        screen = pilot.app.screen
        here = screen._assisted
        screen._busy = True  # what was typed last is not known yet, as on a busy machine
        await pilot.press(*'tle = "All"', "enter")
        assert not area(pilot).is_completing
        screen._busy = False
        screen._work()
        await until(pilot, lambda: screen._assisted not in (here, None) and screen._assisted[0] == area(pilot).text)
        await pilot.pause()
        assert not area(pilot).is_completing
        await pilot.press(*"pag")
        await until(pilot, lambda: area(pilot).is_completing)
        row = area(pilot).selection.end[0]
        await pilot.press("up")  # moves the cursor: the list opened by itself
        await until(pilot, lambda: not area(pilot).is_completing)
        assert area(pilot).selection.end[0] == row - 1
        await pilot.press("down", "backspace", "backspace", "backspace", "ctrl+n")
        await until_shown(pilot, "↑↓: select")
        await pilot.press("up", "down")
        assert area(pilot).selection.end[0] == row
        assert area(pilot).is_completing
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Saved")
        assert not area(pilot).is_completing
