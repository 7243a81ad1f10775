"""Text wraps between words, paths after a slash, and a sign is never alone on a line."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from screens import shown, until
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui_connector.tui.widgets.prose import Prose, line_starts, show_text, wrapped

PATH = "/home/a/.config/tui-connector/profiles/directory-of-the-stock/stock-of-all-warehouses.csv"


def test_a_path_that_is_too_long_breaks_after_a_slash() -> None:
    assert wrapped(f"✘ {PATH} cannot be read", 40) == [
        "✘ /home/a/.config/tui-connector/",
        "profiles/directory-of-the-stock/",
        "stock-of-all-warehouses.csv cannot be",
        "read",
    ]


def test_a_path_that_fits_into_a_line_stays_whole() -> None:
    assert wrapped("Writing to /srv/products.jsonl", 22) == ["Writing to", "/srv/products.jsonl"]


def test_a_sign_stays_with_its_text() -> None:
    assert wrapped("! 10 products · ✘ nothing", 17) == ["! 10 products", "· ✘ nothing"]
    assert wrapped("✘ https://shop.test/rest", 10)[0] == "✘ https://"


def test_a_key_stays_with_what_it_does() -> None:
    keys = "↑↓: select · Enter: add to the list · Esc: close"
    assert wrapped(keys, 20) == ["↑↓: select", "· Enter: add to the", "list · Esc: close"]
    assert wrapped(keys, 26) == ["↑↓: select", "· Enter: add to the list", "· Esc: close"]
    assert wrapped("Give it a name. (F1: all steps)", 24) == ["Give it a name.", "(F1: all steps)"]
    assert wrapped("e: edit · +: add · d: delete", 18) == ["e: edit · +: add", "· d: delete"]
    assert wrapped("Enter them again in step 2 (Esc 2).", 31) == ["Enter them again in step 2", "(Esc 2)."]
    assert wrapped("Nothing is set. Esc leaves the field", 20) == ["Nothing is set.", "Esc leaves the field"]
    assert wrapped("Sent to the store. S again sends it", 22) == ["Sent to the store.", "S again sends it"]


def test_a_unit_stays_with_its_number() -> None:
    assert wrapped("attempt 5 of 5, next in 5 s · 4.4 s", 34) == ["attempt 5 of 5, next in 5 s", "· 4.4 s"]
    assert wrapped("items in 1:04 min, all", 13) == ["items in", "1:04 min, all"]
    assert wrapped("All of (1,000 items, 12 MB)", 15) == ["All of", "(1,000 items,", "12 MB)"]
    assert wrapped("in 24 stores", 10) == ["in", "24 stores"]
    assert wrapped("in 24 stores", 5) == ["in 24", "store", "s"]


def test_line_breaks_and_indents_are_kept_and_a_word_without_slashes_is_cut() -> None:
    assert wrapped("as:\n  sku\n\nx", 5) == ["as:", "  sku", "", "x"]
    assert wrapped("abcdefgh", 3) == ["abc", "def", "gh"]
    assert wrapped("漢字漢字", 4) == ["漢字", "漢字"]


@given(text=st.text(st.sampled_from("ab/ ✘漢.-:·()↑F1s%"), max_size=60), width=st.integers(2, 20))
def test_every_character_is_shown_once_and_no_line_is_too_long(text: str, width: int) -> None:
    starts = [0, *line_starts(text, width), len(text)]
    lines = [text[start:end] for start, end in pairwise(starts)]
    assert "".join(lines) == text
    assert all(cell_len(line.rstrip()) <= width for line in lines)


async def test_a_line_has_the_size_of_its_text() -> None:
    class Lines(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("", id="first")
            yield Static("after", id="after")

    app = Lines()
    async with app.run_test(size=(20, 10)) as pilot:
        first, after = app.query_one("#first", Static), app.query_one("#after")
        for text, lines in (("one", 1), ("two", 1), ("as many words as need three lines here", 3), ("one", 1)):
            show_text(first, Prose(Content(text)))
            await until(pilot, lambda wanted=lines: (first.size.height, after.region.y) == (wanted, wanted))
            assert shown(app).startswith(text[:7])
        show_text(first, Content("three\nmore\nlines"))
        await until(pilot, lambda: after.region.y == 3)
        first.display = False
        show_text(first, Content("one"))
        first.display = True
        await until(pilot, lambda: after.region.y == 1)
