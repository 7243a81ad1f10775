"""The editor of a profile's text: problems while typing, corrections, completions, changes by other programs."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
from bad_texts import BAD
from memory_keyring import MemoryKeyring, NoKeyring
from rich.text import Text
from screens import shown, until, until_shown
from textual.events import Paste
from textual.geometry import Region
from textual.widgets import Static

from tui_connector.files import ChangedOnDisk
from tui_connector.guide.text_drafts import TextDrafts
from tui_connector.machine import Machine
from tui_connector.profile.checker import Checked, Checker
from tui_connector.profile.document import Document
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.profile.part_list import PartList
from tui_connector.tui.setup.context import DemoStore
from tui_connector.tui.setup.form import FormScreen
from tui_connector.tui.toml_editor.area import TomlArea
from tui_connector.tui.toml_editor.difference import DifferenceScreen
from tui_connector.tui.toml_editor.panels import ProblemRows
from tui_connector.tui.toml_editor.screen import EditorScreen
from tui_connector.tui.toml_editor.search import SearchBar

TEXT = """format = 1
name = "Acme store"

# how requests are signed
[authentications.a]
kind = "bearer"
token = { env = "ACME_TOKEN" }

[clients.m]
authentications = ["a"]

[[clients.m.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"

[incoming.products]
client = "m"
request = { uri = "products" }
items = "items"
identifier = "sku"
"""


async def no_demo() -> DemoStore:
    raise AssertionError("no demo here")


@asynccontextmanager
async def editing(machine: Machine, text: str | bytes = TEXT, size: tuple[int, int] = (100, 30)) -> AsyncIterator[Any]:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    app = ConnectorApp(machine, no_demo, start_at="editor", profile=path)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: any(isinstance(each, EditorScreen) for each in app.screen_stack))
        await until(pilot, lambda: "problem" in shown(app) or "✔ valid" in shown(app))
        yield pilot


def area(pilot: Any) -> TomlArea:
    found: TomlArea = pilot.app.screen.query_one(TomlArea)
    return found


def file_of(pilot: Any) -> Path:
    path: Path = pilot.app.machine.directories.profiles / "acme.toml"
    return path


async def test_a_problem_is_shown_at_its_line_while_typing_and_fixed_by_one_key(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *'items2 = "x"')
        screen = await until_shown(pilot, "✘ 1 problem")
        assert "did you mean 'items'" in screen
        await pilot.press("ctrl+z", "ctrl+z")
        await until_shown(pilot, "✔ valid")
        area(pilot).go_to(TEXT.index('"sku"'))
        await pilot.press("delete", *["right"] * 3, "delete")
        await until_shown(pilot, "Put text in double quotes")
        await pilot.press("f7")
        await until_shown(pilot, "✔ valid")
        assert area(pilot).text == TEXT
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


async def test_saving_keeps_what_was_not_edited(machine: Machine) -> None:
    data = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    async with editing(machine, data) as pilot:
        await pilot.press("ctrl+end", *"# the end", "ctrl+s")
        await until_shown(pilot, "Saved.")
        assert file_of(pilot).read_bytes() == data + b"# the end"


async def test_a_key_is_completed_and_explained(machine: Machine) -> None:
    async with editing(machine, size=(120, 36)) as pilot:
        await pilot.press("ctrl+end", *"pag")
        await until_shown(pilot, "pagination  ")
        await pilot.press("tab")
        assert area(pilot).text.endswith("pagination = ")
        await pilot.press(*'{ kind = "key')
        await until_shown(pilot, "keyset")
        await pilot.press("tab")
        assert area(pilot).text.endswith('{ kind = "keyset"') or area(pilot).text.endswith('{ kind = "keyset')
        await until_shown(pilot, "Keyset: each page starts")


async def test_find_and_replace(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+f", *"acme")
        await until_shown(pilot, "of 3")
        await pilot.press("tab", *"Beta", "f5")
        await until_shown(pilot, "Replaced: 3 matches")
        assert "acme" not in area(pilot).text.lower()
        await pilot.press("escape", "ctrl+z")
        await until(pilot, lambda: area(pilot).text == TEXT)


async def test_enter_stays_at_the_match_that_is_shown_and_f3_goes_on(machine: Machine) -> None:
    places = [at for at in range(len(TEXT)) if TEXT.lower().startswith("acme", at)]
    async with editing(machine) as pilot:
        await pilot.press("ctrl+f", *"acme", "enter")
        await until(pilot, lambda: not pilot.app.screen.query_one(SearchBar).is_open)
        assert area(pilot).offset_of_cursor == places[0] + 4
        await pilot.press("f3")
        await until(pilot, lambda: area(pilot).offset_of_cursor == places[1] + 4)


async def test_f6_says_that_nothing_was_changed(machine: Machine) -> None:
    async with editing(machine, size=(80, 24)) as pilot:
        await pilot.press("f6")
        await until_shown(pilot, "Nothing to compare")


async def test_messages_cover_neither_text_nor_problems(machine: Machine) -> None:
    async with editing(machine, TEXT + 'nmae = "x"\n', size=(80, 24)) as pilot:
        await until_shown(pilot, "✘ 1 problem")
        await pilot.press("ctrl+end", "#", "ctrl+s")
        screen = await until_shown(pilot, "Saved with 1 problem.")
        assert screen.splitlines()[-2].strip() == "Saved with 1 problem."
        assert "Help" in screen
        assert not pilot.app._notifications


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
_KEYS += ["ctrl+z", "ctrl+y", "f7", "f8", "é", "界"]


@pytest.mark.parametrize("seed", range(4))
async def test_the_screen_shows_what_a_whole_repaint_would_show_after_any_keys(machine: Machine, seed: int) -> None:
    chosen = Random(seed)
    text = TEXT + 'text = """\nsome [lines\n"""\nlist = [1, {a = "x"}]\n' + "# more\n" * 100
    async with editing(machine, text) as pilot:
        text_area = area(pilot)
        await pilot.press(*["down"] * chosen.randrange(24))
        for key in chosen.choices(_KEYS, k=40):
            await pilot.press(*[key] * chosen.choice([1, 1, 1, 3]))
            drawn = strips(pilot)
            text_area.redraw()
            assert drawn == strips(pilot), key


def strips(pilot: Any) -> list[Any]:
    """The lines of the text as they are drawn, with their styles."""
    size = area(pilot).outer_size
    return area(pilot).render_lines(Region(0, 0, size.width, size.height))


async def test_the_problem_at_the_cursor_is_readable_whole(machine: Machine) -> None:
    name = "a-header-whose-name-is-so-long-that-its-problem-needs-more-than-one-line"
    async with editing(machine, f"{TEXT}{name} = 1\n", size=(80, 24)) as pilot:
        await until_shown(pilot, "✘ 1 problem")
        rows = pilot.app.screen.query_one(ProblemRows)
        await until(pilot, lambda: rows.virtual_size.height > 1)


def _last_note(pilot: Any) -> str:
    """What is shown of the last line with notes, without its number."""
    lines = [each for each in shown(pilot.app).splitlines() if "note" in each]
    return lines[-1].strip().partition("  ")[2]


async def test_only_the_line_of_the_cursor_is_scrolled_sideways(machine: Machine) -> None:
    long = f"# begin {'note ' * 40}end"
    async with editing(machine, f"{TEXT}{long}\n{long}", size=(80, 24)) as pilot:
        await pilot.press("ctrl+end")
        lines = (await until_shown(pilot, "note end")).splitlines()
        assert len([each for each in lines if "# begin" in each]) == 1
        assert any("[clients.m]" in each for each in lines)
        await pilot.press("up")
        await until(pilot, lambda: _last_note(pilot).startswith("# begin"))


async def test_a_change_by_another_program_is_shown_when_nothing_was_typed(machine: Machine) -> None:
    async with editing(machine) as pilot:
        other = file_of(pilot).with_name("other")
        other.write_text(TEXT.replace("Acme", "Beta"))
        os.replace(other, file_of(pilot))
        await until(pilot, lambda: "Beta" in area(pilot).text)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: area(pilot).text == TEXT)


async def test_what_was_typed_stays_and_is_merged_with_the_change_of_another_program(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# mine")
        file_of(pilot).write_text(TEXT.replace("Acme", "Beta"))
        await until_shown(pilot, "Another program changed the file.")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Not saved")
        assert "Beta" in file_of(pilot).read_text()
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(pilot.app.screen, DifferenceScreen))
        await until_shown(pilot, '- name = "Beta store"')
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        merged = TEXT.replace("Acme", "Beta") + "# mine"
        await until(pilot, lambda: area(pilot).text == merged)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).read_text() == merged)


async def test_a_conflict_is_decided_before_it_is_merged(machine: Machine) -> None:
    async with editing(machine) as pilot:
        area(pilot).show(TEXT.replace("Acme", "Mine"))
        await until_shown(pilot, "modified")
        theirs = TEXT.replace("Acme", "Beta")
        file_of(pilot).write_text(theirs)
        await until_shown(pilot, "Another program changed the file.")
        await pilot.press("f6")
        screen = await until_shown(pilot, "conflict: both changed this")
        assert "▸ line 2" in screen
        assert "format = 1" in screen  # the lines around it
        await pilot.press("enter")
        await until(pilot, lambda: any("Decide each conflict" in each.message for each in pilot.app._notifications))
        assert isinstance(pilot.app.screen, DifferenceScreen)
        await pilot.press("t", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        await until(pilot, lambda: area(pilot).text == theirs)


async def test_f7_corrects_the_problem_at_the_cursor_or_none(machine: Machine) -> None:
    text = TEXT.replace('identifier = "sku"', 'identifier = "sku"\nidentifer = "x"').replace("items =", "itms =")
    async with editing(machine, text) as pilot:
        await until_shown(pilot, "✘ 2 problems")
        area(pilot).go_to(text.index("identifer"))
        await pilot.press("f7")  # identifier is there already
        assert "no suggested correction" in await until_shown(pilot, "no suggested correction")
        assert area(pilot).text == text
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(pilot.app.focused, ProblemRows))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.focused is area(pilot))
        assert isinstance(pilot.app.screen, EditorScreen)


async def test_a_long_line_is_shown_with_what_changed_at_its_end(machine: Machine) -> None:
    long = f"# {'note ' * 80}"
    async with editing(machine, f"{TEXT}{long}before") as pilot:
        area(pilot).show(f"{TEXT}{long}after")
        await until_shown(pilot, "modified")
        await pilot.press("f6")
        screen = await until_shown(pilot, "note after")
        assert "note before" in screen


async def test_new_problems_are_saved_only_after_a_question(machine: Machine) -> None:
    async with editing(machine) as pilot:
        wrong = TEXT.replace('kind = "bearer"', 'kind = "barer"')
        assert wrong != TEXT
        area(pilot).show(wrong)
        await until_shown(pilot, "✘ 1 problem")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "1 new problem.")
        await pilot.press("enter")  # the harmless answer
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert file_of(pilot).read_text() == TEXT
        await pilot.press("escape")
        await until_shown(pilot, "has unsaved changes")
        await pilot.press("enter")  # the first choice
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert file_of(pilot).read_text() == TEXT
        await pilot.press("ctrl+s")
        await until_shown(pilot, "1 new problem.")
        await pilot.press("y")
        await until(pilot, lambda: file_of(pilot).read_text() == wrong)
        await until_shown(pilot, "Saved with 1 problem.")
        await pilot.press("ctrl+end", "#", "ctrl+s")  # no other problem than the file has
        await until(pilot, lambda: file_of(pilot).read_text() == wrong + "#")


async def test_a_deleted_file_is_written_again(machine: Machine) -> None:
    async with editing(machine) as pilot:
        file_of(pilot).unlink()
        await until_shown(pilot, "was deleted by another program")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).exists())
        assert file_of(pilot).read_text() == TEXT


async def test_leaving_with_unsaved_changes_asks(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# x", "escape")
        await until_shown(pilot, "unsaved changes")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert area(pilot).text == TEXT + "# x"
        assert "unsaved" in pilot.app.screen.unsaved_work()
        await pilot.press("escape", "enter")
        await until(pilot, lambda: not isinstance(pilot.app.screen, EditorScreen))
        assert file_of(pilot).read_text() == TEXT + "# x"


LITERALS = ['"CANARY-token-of-the-shop"', '{ token = "CANARY-token-of-the-shop" }']


@pytest.mark.parametrize("literal", LITERALS)
async def test_a_literal_secret_is_not_saved(machine: Machine, literal: str) -> None:
    async with editing(machine) as pilot:
        text = TEXT.replace('{ env = "ACME_TOKEN" }', literal)
        area(pilot).show(text)
        await until_shown(pilot, "✘ 1 problem")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Not saved")
        assert file_of(pilot).read_text() == TEXT


@pytest.mark.parametrize(
    "data",
    [b"", b"format = 1\x00\n", b"# caf\xe9\n", b"\x0c\xe2\x80\xa8x\n", b'{"format": 1}', b"[" * 3_000, b"a = 1\ra = 2"],
    ids=["empty", "NUL", "Latin-1", "separators", "JSON", "deep", "carriage return"],
)
async def test_any_file_can_be_edited_and_saved(machine: Machine, data: bytes) -> None:
    async with editing(machine, data) as pilot:
        await pilot.press("ctrl+end", "#", "ctrl+s")
        await until_shown(pilot, "Saved")
        assert file_of(pilot).read_bytes() == data + b"#"


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


async def test_a_text_that_is_too_large_is_not_saved_and_stays(machine: Machine) -> None:
    async with editing(machine) as pilot:
        area(pilot).show(TEXT + "# a comment of a large profile\n" * 34_000, 0)
        await until(pilot, lambda: pilot.app.screen.checked.text == area(pilot).text)
        await pilot.press("ctrl+s")
        await until_shown(pilot, "larger than 1 MiB")
        assert file_of(pilot).read_text() == TEXT
        assert len(area(pilot).text) > 1_000_000
        area(pilot).show(TEXT)


async def test_a_read_only_file_is_reported_and_nothing_is_lost(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with editing(machine) as pilot:
        path, access = file_of(pilot), os.access
        path.chmod(0o400)
        if os.geteuid() == 0:  # root may write it all the same
            monkeypatch.setattr(os, "access", lambda at, mode: access(at, mode) and not (at == path and mode & os.W_OK))
        await pilot.press("ctrl+end", "#", "ctrl+s")
        await until_shown(pilot, "could not be saved")
        assert area(pilot).text == TEXT + "#"
        assert path.read_text() == TEXT


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
        await until_shown(pilot, "The file has changed and was reloaded.")
        assert [each.message for each in app._notifications].count("The file has changed and was reloaded.") == 1


def kept_texts(machine: Machine) -> list[Path]:
    return list(machine.directories.state.glob("texts/*"))


async def test_unsaved_text_is_kept_and_offered_again(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# mine")
        await until(pilot, lambda: bool(kept_texts(machine)))
        await pilot.press(*" too")
        pilot.app._quit(143)  # as after SIGTERM
    assert file_of(pilot).read_text() == TEXT
    assert [each.stat().st_mode & 0o777 for each in kept_texts(machine)] == [0o600]
    async with editing(machine) as pilot:
        await until_shown(pilot, "has changes that were not saved")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert area(pilot).text == TEXT + "# mine too"
        await until(pilot, lambda: len(kept_texts(machine)) == 1)
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Saved.")
        await until(pilot, lambda: not kept_texts(machine))
    assert file_of(pilot).read_text() == TEXT + "# mine too"


async def test_discarded_text_is_not_offered_again(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# mine")
        await until(pilot, lambda: bool(kept_texts(machine)))
        await pilot.press("escape")
        await until_shown(pilot, "Discard the changes")
        await pilot.press("down", "enter")
        await until(pilot, lambda: not isinstance(pilot.app.screen, EditorScreen))
        assert not kept_texts(machine)


async def test_deleting_a_profile_deletes_its_unsaved_text(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    TextDrafts(machine.directories.state, path).keep(1, f"{TEXT}# mine", "", 1.0)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until_shown(pilot, "Acme store")
        await pilot.press("d")
        await until_shown(pilot, "Delete the profile")
        await pilot.press("y")
        await until_shown(pilot, "Deleted: acme.toml")
    assert not kept_texts(machine)


@pytest.mark.parametrize("broken", ["", "\nthis is = = broken\n", "\n[authentications.a]\n"])
@pytest.mark.parametrize(
    "secret",
    [
        '"CANARY-token-of-the-shop"',
        '"CANARY-token-of-the-shop',
        "'''CANARY-token\nCANARY-of-the-shop'''",
        "CANARY-token",
        '{ token = "CANARY-token" }',
        '"CANARY-token"\nbroken = = 1',
    ],
)
async def test_a_kept_text_contains_no_literal_secret(machine: Machine, secret: str, broken: str) -> None:
    text = TEXT.replace('{ env = "ACME_TOKEN" }', secret) + broken
    drafts = TextDrafts(machine.directories.state, machine.directories.profiles / "acme.toml")
    drafts.keep(1, text, "", 1.0)
    kept = "".join(each.read_text() for each in kept_texts(machine))
    assert "CANARY" not in kept
    assert "acme.example" in kept


async def test_unsaved_text_that_cannot_be_kept_is_reported(machine: Machine) -> None:
    async with editing(machine) as pilot:
        escaped = 'token = { env = "ACME_TOKEN" }', '"tok\\u0065n" = "CANARY-token"\nbroken = = 1'
        area(pilot).show(TEXT.replace(*escaped))
        await until_shown(pilot, "The unsaved text cannot be")
        assert "They are not kept" in pilot.app.screen.unsaved_work()
        assert not kept_texts(machine)


async def test_two_editors_of_one_file_keep_their_own_texts(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    one, other = (TextDrafts(machine.directories.state, path) for _ in range(2))
    one.keep(1, "# one", "", 1.0)
    other.keep(1, "# other", "", 2.0)
    other.drop(2)
    other.keep(1, "# late", "", 3.0)
    found = other.find()
    assert found is not None
    assert found[1].text == "# one"


@pytest.mark.parametrize("literal", LITERALS)
async def test_a_literal_secret_is_moved_into_the_keyring(
    machine: Machine, memory_keyring: MemoryKeyring, literal: str
) -> None:
    async with editing(machine) as pilot:
        area(pilot).show(TEXT.replace('{ env = "ACME_TOKEN" }', literal))
        await until_shown(pilot, "F7: Move it into the keyring")
        await pilot.press("f7")
        await until_shown(pilot, "Moved into the keyring as acme/a/access-token")
        await until_shown(pilot, "✔ valid")
        wanted = TEXT.replace('{ env = "ACME_TOKEN" }', '{ keyring = "acme/a/access-token" }')
        assert area(pilot).text == wanted
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).read_text() == wanted)
    [stored] = memory_keyring.entries.values()
    assert "CANARY-token-of-the-shop" in stored
    assert "https://acme.example" in stored


async def test_a_literal_secret_stays_where_there_is_no_keyring(machine: Machine) -> None:
    async with editing(replace(machine, keyring=NoKeyring)) as pilot:
        text = TEXT.replace('{ env = "ACME_TOKEN" }', '"CANARY-token-of-the-shop"')
        area(pilot).show(text)
        await until_shown(pilot, "F7: Move it into the keyring")
        await pilot.press("f7")
        status = pilot.app.screen.query_one("#editor-status", Static)
        await until(pilot, lambda: status.has_class("error") and "keyring" in str(status.render()))
        assert area(pilot).text == text


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


async def test_a_full_disk_loses_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with editing(machine) as pilot:
        sync = os.fsync
        monkeypatch.setattr(os, "fsync", full)
        await pilot.press("ctrl+end", "#", "ctrl+s")
        await until_shown(pilot, "No space left on device")
        assert file_of(pilot).read_text() == TEXT
        assert area(pilot).text == TEXT + "#"
        monkeypatch.setattr(os, "fsync", sync)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).read_text() == TEXT + "#")
        assert os.listdir(file_of(pilot).parent) == ["acme.toml"]


async def test_a_symbolic_link_stays_one(machine: Machine, tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles.toml", machine.directories.profiles / "acme.toml"
    target.write_text(TEXT)
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", "#", "ctrl+s")
        await until_shown(pilot, "Saved")
        assert link.is_symlink()
        assert target.read_text() == TEXT + "#"


async def test_two_editors_of_one_file_do_not_overwrite_each_other(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# one")
        other = Document.open(path)  # as the other editor has it
        other.edit_text("# other\n" + other.text())
        other.save()
        await until_shown(pilot, "Another program changed the file")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Not saved")
        assert path.read_text() == "# other\n" + TEXT
        assert area(pilot).text == TEXT + "# one"
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(pilot.app.screen, DifferenceScreen))
        await until_shown(pilot, "# other")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        await pilot.press("ctrl+s")
        merged = "# other\n" + TEXT + "# one"
        await until(pilot, lambda: path.read_text() == merged)
        with pytest.raises(ChangedOnDisk):
            other.save()


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
        await until_shown(pilot, "identifier")
        await until(pilot, lambda: app.screen.check_action("form", ()) is True)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: isinstance(app.screen, FormScreen))
        await until(pilot, lambda: focused() == "incoming.products.identifier")


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
