"""The editor of a profile's text: problems while typing, corrections, drawing, and the way to forms."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from random import Random
from threading import Event
from typing import Any

import pytest
from bad_texts import BAD
from editor_screen import TEXT, area, editing, file_of
from guide_steps import no_demo
from rich.text import Text
from screens import accepts_keys, shown, until, until_shown
from textual.events import Paste
from textual.geometry import Region

from tui_connector.machine import Machine
from tui_connector.profile.text_checker import Checked, Checker
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.profile.part_list import PartList
from tui_connector.tui.setup.form_screen import FormScreen
from tui_connector.tui.toml_editor.area import TomlArea
from tui_connector.tui.toml_editor.panels import ProblemRows
from tui_connector.tui.toml_editor.screen import EditorScreen
from tui_connector.tui.toml_editor.search import SearchBar


async def test_a_line_that_continues_beyond_the_border_has_a_mark_there(machine: Machine) -> None:
    text = TEXT.replace("# how requests are signed", f"# {'how ' * 40}the end")
    async with editing(machine, text, (80, 24)) as pilot:
        line = next(line for line in shown(pilot.app).splitlines() if "how how" in line)
        assert line.rstrip("│ ").endswith("›")
        assert shown(pilot.app).count("›") == 1
        await pilot.press("down", "down", "down", "end")
        await until_shown(pilot, "the end")
        line = next(line for line in shown(pilot.app).splitlines() if "how how" in line)
        assert "‹" in line
        assert "›" not in line
        await pilot.press("down")
        await until(pilot, lambda: "›" in shown(pilot.app) and "‹" not in shown(pilot.app))


async def test_what_is_typed_fast_is_undone_together(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", "i")
        for letter in "dent":  # faster than the screen records it
            area(pilot).insert(letter)
        await until(pilot, lambda: pilot.app.screen.document.text() == f"{TEXT}ident")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: area(pilot).text == TEXT)


async def test_a_problem_is_shown_at_its_line_while_typing_and_fixed_by_one_key(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *'filter2 = "x"')
        screen = await until_shown(pilot, "✘ 1 problem")
        assert "did you mean 'filter'" in screen
        await pilot.press("ctrl+z", "ctrl+z")
        await until_shown(pilot, "✔ valid")
        area(pilot).go_to(TEXT.index('"sku"'))
        await pilot.press("delete", *["right"] * 3, "delete")
        await until_shown(pilot, "Text without quotes")
        await pilot.press("f7")
        await until_shown(pilot, "✔ valid")
        assert area(pilot).text == TEXT
        await pilot.press("x")
        await until(pilot, lambda: area(pilot).text != TEXT)
        await pilot.press("ctrl+z")  # the letter, and not the correction
        await until(pilot, lambda: area(pilot).text == TEXT)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, EditorScreen))


async def test_a_key_that_has_nothing_to_correct_never_selects_the_text(machine: Machine) -> None:
    text = TEXT.replace(
        'identifier = "sku"', 'identifier = "sku"\npagination = { kind = "keyset", page-size = "many" }'
    )
    async with editing(machine, text) as pilot:
        await until_shown(pilot, "✘ 1 problem")
        assert "F7" not in shown(pilot.app)
        await pilot.press("f7", "x", "ctrl+z", "f6", "f7", "x")
        assert len(area(pilot).text) == len(text) + 1


async def test_all_problems_are_listed_and_lead_to_their_lines(machine: Machine) -> None:
    text = (
        TEXT.replace('client = "m"', 'client = "M"').replace('"Acme store"', "Acme store").replace("items =", "itms =")
    )
    async with editing(machine, text) as pilot:
        await until_shown(pilot, "✘ 3 problems")
        await pilot.press("f8")
        assert area(pilot).selection.end[0] == 1
        await pilot.press("f8")
        assert area(pilot).offset_of_cursor == text.index('"M"')
        await pilot.press("f7")
        await until_shown(pilot, "✘ 2 problems")
        assert 'client = "m"' in area(pilot).text
        await pilot.press("f9", "end", "enter")
        assert area(pilot).document.lines[area(pilot).selection.end[0]].startswith("itms")


async def test_what_a_table_lacks_is_named_behind_its_header(machine: Machine) -> None:
    async with editing(machine, f'{TEXT}\n[outgoing.prices]\nclient = "m"\n', size=(120, 36)) as pilot:
        await until_shown(pilot, "[outgoing.prices]   ✘ request is missing; use steps instead")


async def test_an_expression_that_ends_too_early_is_marked_at_its_closing_quote(machine: Machine) -> None:
    line = 'transform = "{sku: sku, price: pric"  # "all"'
    async with editing(machine, f"{TEXT}{line}\n", size=(120, 36)) as pilot:
        screen = await until_shown(pilot, "the expression ends too early")
        row = area(pilot).document.lines.index(line)
        at = line.index('"  #')
        assert f"{row + 1}:{at + 1}  transform: " in screen
        drawn = area(pilot).get_line(row)
        marked = [drawn.plain[each.start : each.end] for each in drawn.spans if "underline" in str(each.style)]
        assert marked == ['"']
        await pilot.press("f8")
        assert area(pilot).selection.end == (row, at)  # behind the last character


async def test_lines_are_commented_indented_duplicated_and_moved(machine: Machine) -> None:
    async with editing(machine, "a = 1\nb = 2\nc = 3\n") as pilot:
        text = partial(getattr, area(pilot), "text")
        await pilot.press("ctrl+home", "right", "ctrl+underscore")
        assert text() == "# a = 1\nb = 2\nc = 3\n"
        assert area(pilot).selection.end == (0, 3)
        await pilot.press("ctrl+underscore", "shift+down", "tab")  # the selection is not replaced by blanks
        assert text() == "  a = 1\n  b = 2\nc = 3\n"
        await pilot.press("shift+tab", "alt+down", "alt+down", "alt+down")
        assert text() == "c = 3\n\na = 1\nb = 2"
        assert area(pilot).selected_text == " = 1\nb"
        await pilot.press("alt+up", "alt+up", "ctrl+d")
        assert text() == "a = 1\nb = 2\na = 1\nb = 2\nc = 3\n"
        assert area(pilot).selection.end == (3, 1)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: text() == "a = 1\nb = 2\nc = 3\n")
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "Line (1 to 4)" in shown(pilot.app), unread=True)
        assert accepts_keys(pilot.app)
        await pilot.press(*"3:5", "enter")
        await until(pilot, lambda: area(pilot).selection.end == (2, 4) and area(pilot).has_focus)


async def test_each_key_that_does_nothing_says_why(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await until_shown(pilot, "✔ valid")
        for key, why in (
            ("f7", "There is no problem."),
            ("ctrl+g", "No form here: move the cursor into"),
            ("f8", "There is no problem."),
        ):
            await pilot.press(key)
            await until_shown(pilot, why)
        await pilot.press("f3")
        await until(pilot, lambda: pilot.app.screen.query_one(SearchBar).is_open)
        await pilot.press(*"none", "escape", "f3")
        await until_shown(pilot, "No match.")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: pilot.app.screen.query_one(SearchBar).is_replacing)
        find = next(line for line in shown(pilot.app).splitlines() if line.startswith(" Find "))
        assert find.split()[1] == "none"  # and not what its beginning has matched
        await pilot.press("x", "ctrl+r")
        await until(pilot, lambda: [each.message for each in pilot.app._notifications] == ["No match."])
        assert area(pilot).text == TEXT


async def test_messages_cover_neither_text_nor_problems(machine: Machine) -> None:
    async with editing(machine, TEXT + 'nmae = "x"\n', size=(80, 24)) as pilot:
        await until_shown(pilot, "✘ 1 problem")
        await pilot.press("ctrl+end", "#", "ctrl+s")
        screen = await until_shown(pilot, "Saved with 1 problem.")
        first, *_, message, keys = screen.splitlines()
        assert "saved" in first
        assert message.strip(" ▌") == "Saved with 1 problem."
        assert "^S Save" in keys
        assert "nmae: unknown key" in screen
        assert 'nmae = "x"' in screen  # the lines at the cursor stay in view


async def test_a_key_draws_only_the_lines_that_it_changes(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[int] = set()

    def get_line(self: TomlArea, line: int) -> Text:
        drawn.add(line)
        return _get_line(self, line)

    _get_line = TomlArea.get_line
    async with editing(machine) as pilot:
        monkeypatch.setattr(TomlArea, "get_line", get_line)
        size = area(pilot).size
        area(pilot).move_cursor((3, len("# how requests are signed")))
        keys = {"x": {3}, "up": {2, 3}, "shift+down": {2, 3}, "right": {2, 3}}
        for key, lines in keys.items():
            shown(pilot.app)
            drawn.clear()
            await pilot.press(key)
            shown(pilot.app)
            assert drawn <= lines, key
        await pilot.press("end", "enter", *"unknown = ")
        await until_shown(pilot, "✘ 1 problem")
        assert area(pilot).size == size, "the text does not jump when the problems are listed"


_KEYS = ["down", "up", "right", "left", "home", "end", "shift+down", "shift+left", "pagedown", "pageup", "ctrl+home"]
_KEYS += ["a", "1", '"', "'", "[", "]", "#", "=", "enter", "tab", "backspace", "delete", "ctrl+k", "ctrl+u"]
_KEYS += ["ctrl+z", "ctrl+y", "ctrl+t", "f7", "f8", "é", "界"]


@pytest.mark.parametrize("seed", range(4))
async def test_the_screen_shows_what_a_whole_repaint_would_show_after_any_keys(machine: Machine, seed: int) -> None:
    chosen = Random(seed)
    text = TEXT + 'text = """\nsome [lines\n"""\nlist = [1, {a = "x"}]\n' + f"# {'long ' * 50}\n# more\n" * 50
    async with editing(machine, text) as pilot:
        text_area = area(pilot)
        await pilot.press(*["down"] * chosen.randrange(24))
        for key in chosen.choices(_KEYS, k=40):
            await pilot.press(*[key] * chosen.choice([1, 1, 1, 3]))
            drawn = strips(pilot)
            text_area.redraw()
            assert drawn == strips(pilot), key


async def test_long_lines_are_wrapped_until_the_same_key_cuts_them_again(machine: Machine) -> None:
    long = f"# {'many words ' * 20}end"
    async with editing(machine, f"{long}\n{TEXT}", size=(80, 24)) as pilot:
        await pilot.press("ctrl+t")
        await until_shown(pilot, "words end")
        await pilot.press("end", "down", *"x" * 3)  # in another row of the line
        await until(pilot, lambda: area(pilot).text.startswith("# many") and "xxx" in area(pilot).document.lines[0])
        area(pilot).insert(" = 1", area(pilot).location(len(long) + 3))
        area(pilot).delete((0, 0), (0, 2))
        await until(pilot, lambda: "✘" in next(line for line in shown(pilot.app).splitlines() if "end = 1" in line))
        area(pilot).insert("# ", (0, 0))
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Saved")
        await pilot.press("escape", "e")
        await until_shown(pilot, "end = 1")  # also when the editor is opened again
        await pilot.press("ctrl+t")
        await until_shown(pilot, "›")
        assert "end = 1" not in shown(pilot.app)


def strips(pilot: Any) -> list[Any]:
    """The lines of the text as they are drawn, with their styles."""
    size = area(pilot).outer_size
    return area(pilot).render_lines(Region(0, 0, size.width, size.height))


async def test_the_problem_at_the_cursor_is_readable_whole(machine: Machine) -> None:
    name = "a-header-whose-name-is-so-long-that-its-problem-needs-more-than-one-line"
    async with editing(machine, f"{TEXT}{name} = 1\n", size=(80, 24)) as pilot:
        await until_shown(pilot, "✘ 1 problem")
        rows = pilot.app.screen.query_one(ProblemRows)
        await until(pilot, lambda: rows.virtual_size.height > 1 and rows.max_scroll_y == 0)
        area(pilot).insert("".join(f"{name}-{each} = 1\n" for each in range(3)))
        await until_shown(pilot, "✘ 4 problems")
        assert rows.max_scroll_y > 0
        await pilot.press("f9")  # enlarges the list
        await until(pilot, lambda: rows.has_focus and rows.max_scroll_y == 0)


def _last_note(pilot: Any) -> str:
    """What is shown of the last line with notes, without its number."""
    lines = [each for each in shown(pilot.app).splitlines() if "note" in each]
    return lines[-1].strip().partition("  ")[2]


async def test_only_the_line_of_the_cursor_is_scrolled_sideways(machine: Machine) -> None:
    long = f"# begin {'note ' * 40}end"
    async with editing(machine, f"{TEXT}{long}\n{long}", size=(80, 24)) as pilot:
        text_area = area(pilot)
        fits = "#".ljust(text_area.scrollable_content_region.width - text_area.gutter_width - 1, "x")
        text_area.insert(f"{fits}\n", (0, 0))
        for place in ((0, 1), (0, len(fits))):  # from the end of a long line, and from its own beginning
            await pilot.press("ctrl+end")
            await until(pilot, lambda: text_area.scroll_x > 0)
            text_area.move_cursor(place, center=True)
            await pilot.press("end")
            await until(pilot, lambda: "#xxx" in shown(pilot.app))
            assert text_area.scroll_x == 0
        await pilot.press("ctrl+end")
        lines = (await until_shown(pilot, "note end")).splitlines()
        assert len([each for each in lines if "# begin" in each]) == 1
        assert any("[clients.m]" in each for each in lines)
        await pilot.press("up")
        await until(pilot, lambda: _last_note(pilot).startswith("# begin"))


async def test_f7_corrects_the_problem_at_the_cursor_or_none(machine: Machine) -> None:
    text = TEXT.replace('identifier = "sku"', 'identifier = "sku"\nidentifer = "x"').replace("items =", "itms =")
    async with editing(machine, text) as pilot:
        await until_shown(pilot, "✘ 2 problems")
        area(pilot).go_to(text.index("identifer"))
        await pilot.press("f7")  # identifier is there already
        await until(pilot, lambda: '# identifer = "x"' in area(pilot).text)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: area(pilot).text == text and "✘ 2 problems" in shown(pilot.app))
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(pilot.app.focused, ProblemRows))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.focused is area(pilot))
        assert isinstance(pilot.app.screen, EditorScreen)


async def test_f7_shows_the_line_that_it_corrects(machine: Machine) -> None:
    text = "# more\n" * 60 + TEXT.replace("identifier =", "identifer =")
    async with editing(machine, text) as pilot:
        await until_shown(pilot, "✘ 1 problem")
        await pilot.press("f7")
        await until_shown(pilot, 'identifier = "sku"')
        assert area(pilot).selection.end[0] == text[: text.index("identifer")].count("\n")


async def test_whatever_is_pasted_is_checked_and_can_be_undone(machine: Machine) -> None:
    async with editing(machine) as pilot:
        screen = pilot.app.screen
        for number, text, _ in BAD:
            if not isinstance(text, str) or not text or len(text) > 100_000:
                continue  # bytes cannot be pasted
            area(pilot).show("")
            pilot.app.post_message(Paste(text))
            await until(pilot, lambda: area(pilot).text != "")
            await until(pilot, lambda: screen.checked.text == area(pilot).text)
            assert screen.problems, (number, text[:80])
        for _ in range(100):
            await pilot.press("ctrl+z")
        await until(pilot, lambda: area(pilot).text == TEXT)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_line_that_is_typed_stays_visible_when_the_problems_open(
    machine: Machine, size: tuple[int, int]
) -> None:
    async with editing(machine, TEXT + "# more\n" * 40, size=size) as pilot:
        await pilot.press("ctrl+end", *"[environments.staging]", "enter", *"zzz")
        await until_shown(pilot, "✘ 1 problem")
        await until(pilot, lambda: area(pilot).cursor_screen_offset.y < area(pilot).content_region.bottom)
        assert " zzz" in shown(pilot.app)


async def test_the_help_is_that_of_the_part_that_the_editor_opens_at(machine: Machine) -> None:
    text = TEXT + '\n[outgoing.stock]\nclient = "m"\nsource = { kind = "json-lines", path = "stock.jsonl" }\n'
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until_shown(pilot, "Acme store")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "stock" in shown(app))
        page = app.screen
        assert isinstance(page, ProfilePage)
        page.query_one(PartList).select("outgoing", "stock")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await until_shown(pilot, "outgoing.stock")
        assert "incoming.products" not in shown(app).replace("[incoming.products]", "")
        await pilot.press("ctrl+end", *"# mine", "ctrl+s")
        await until(pilot, lambda: "# mine" in path.read_text())
        await until_shown(pilot, "Saved with")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is page and not page.loading_message)
        other = path.with_name("other")
        other.write_text(text)
        os.replace(other, path)
        said = "Another program changed the file; it was reloaded. u undoes that."
        await until_shown(pilot, said)
        assert [each.message for each in app._notifications].count(said) == 1


async def test_typing_in_a_large_profile_does_not_wait_for_its_check(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking, may_end, check = Event(), Event(), Checker.check

    def slow(checker: Checker, text: str) -> Checked:
        checking.set()
        may_end.wait(30)
        return replace(check(Checker(), TEXT), text=text)

    async with editing(machine) as pilot:
        monkeypatch.setattr(Checker, "check", slow)
        large = TEXT + "# a comment of a large profile\n" * 33_000
        assert len(large) > 1_000_000
        area(pilot).show(large, 0)
        await until(pilot, checking.is_set)
        await pilot.press(*"# typed", "enter")
        assert area(pilot).text == "# typed\n" + large
        assert "# typed" in shown(pilot.app)
        may_end.set()
        await until_shown(pilot, "✔ valid")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).read_text() == "# typed\n" + large)


async def test_a_field_of_a_form_leads_to_its_line_and_back(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT.replace('request = { uri = "products" }', 'request = { method = "get", uri = "products" }'))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until_shown(pilot, "acme.example")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "Incoming" in shown(app))
        await pilot.press("end", "up", "enter")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))

        def focused() -> str:
            assert isinstance(app.screen, FormScreen)
            return ".".join(map(str, app.screen._form.path_of(app.focused)))

        await until(pilot, lambda: focused() == "incoming.products.client")
        await pilot.press("down", "end", "x", "ctrl+g")
        await until_shown(pilot, "Save the changes first (^S).")
        await pilot.press("backspace", "ctrl+g")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        assert area(pilot).text[area(pilot).offset_of_cursor :].startswith('uri = "products"')
        await until_shown(pilot, "✔ valid")
        area(pilot).go_to(path.read_text().index("identifier"))
        await pilot.press("end", "left", "s")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))
        assert 'identifier = "skus"\n' in path.read_text()
        await until(pilot, lambda: focused() == "incoming.products.identifier")
        await pilot.press("end", "backspace", "ctrl+s")
        await until_shown(pilot, "+identifier =")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "^Z undoes it.")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and 'identifier = "sku"' in area(pilot).text)
        await pilot.press("ctrl+z")  # what the form has saved, then what was typed before it
        await until(pilot, lambda: 'identifier = "skus"' in area(pilot).text)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: 'identifier = "sku"' in area(pilot).text)
        await pilot.press("ctrl+y", "ctrl+s")
        await until(pilot, lambda: 'identifier = "skus"' in path.read_text())


async def test_lines_are_cut_and_pasted_and_keys_of_other_editors_delete_nothing(machine: Machine) -> None:
    async with editing(machine) as pilot:
        area(pilot).go_to(TEXT.index("[authentications.a]") + 3)
        await pilot.press(*["ctrl+k"] * 4)
        cut = TEXT[TEXT.index("[authentications.a]") : TEXT.index("[clients.m]")]
        assert area(pilot).text == TEXT.replace(cut, "")
        await pilot.press("ctrl+end", "ctrl+u")
        assert area(pilot).text == TEXT.replace(cut, "") + cut
        await until_shown(pilot, "✔ valid")
        await pilot.press("ctrl+z", *["ctrl+z"] * 4)
        await until(pilot, lambda: area(pilot).text == TEXT)
        await pilot.press("ctrl+x")  # leaves nano
        await until_shown(pilot, "Esc leaves the editor")
        await pilot.press("ctrl+w")  # finds in nano
        await until(pilot, lambda: pilot.app.screen.query_one(SearchBar).is_open)
        assert area(pilot).text == TEXT


async def test_f7_makes_a_full_address_of_the_store_relative(machine: Machine) -> None:
    text = TEXT.replace('uri = "products"', 'uri = "https://acme.example/rest/V1/products"')
    async with editing(machine, text) as pilot:
        await until_shown(pilot, "! 1 remark")
        assert "✔ valid" in shown(pilot.app)
        await pilot.press("f8", "f7")
        await until(pilot, lambda: area(pilot).text == TEXT)
        await until_shown(pilot, "Problems: none")
