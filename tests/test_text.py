"""Text from outside: what is shown of it can do nothing but be read."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.secrets.mask import MARK, Mask
from tui_connector.text import PublicText, public, shown, shown_address, shown_line, shown_middle


@given(st.text())
def test_nothing_is_left_that_controls_a_terminal_or_turns_a_line_round(text: str) -> None:
    kept = shown(text)
    assert not [c for c in kept if unicodedata.category(c) in ("Cc", "Zl", "Zp") and c not in "\n\t"]
    assert not [c for c in kept if c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff"]


@given(st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_a_pile_of_combining_marks_is_written_out_and_accents_stay() -> None:
    assert shown("re\u0301sume\u0301") == "re\u0301sume\u0301"
    pile = shown("a" + "\u0301" * 10_000)
    assert pile.count("\u0301") == 4
    assert pile.count("\\u0301") == 9_996


def test_a_cut_counts_columns_and_emoji_have_one_width() -> None:
    assert shown_line("\N{SHOPPING BAGS}\N{VARIATION SELECTOR-16} bag") == "\N{SHOPPING BAGS} bag"
    assert shown_line("1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}") == "1\N{COMBINING ENCLOSING KEYCAP}"
    assert shown("a\N{VARIATION SELECTOR-16}") == "a\\ufe0f"  # hides there, and means nothing
    assert shown_line("店舗の注文", 10) == "店舗の注文"
    assert shown_line("店舗の注文", 9) == "店舗の注…"
    assert shown_line("店舗の注文", 8) == "店舗の…"


@pytest.mark.parametrize(
    ("text", "width", "wanted"),
    [
        ("GET products", 12, "GET products"),
        ("GET products · keyset · → …/sandbox/products.jsonl", 30, "GET products · …products.jsonl"),
        ("GET inventory/source-items · keyset · → stock.csv", 20, "GET inven… stock.csv"),
        ("世界世界世界世界", 7, "世界…界"),
        ("GET products · keyset → acme/products.jsonl".replace("·", "-").replace("→", ">"), 20, "GET produ…ucts.jsonl"),
        ("GET products · keyset · → …/products.jsonl", 20, "GET produ…ucts.jsonl"),
        ("GET products?name=漢字漢字", 17, "GET prod…漢字漢字"),
        ("漢字漢字漢字", 10, "漢字…漢字"),
    ],
)
def test_the_middle_of_a_long_text_is_left_out(text: str, width: int, wanted: str) -> None:
    assert shown_middle(text, width) == wanted


def test_only_the_programs_own_words_are_not_masked() -> None:
    mask = Mask()
    mask.learn("CANARY", "a password")
    text = public(PublicText("CANARY is a word; "), "the store said CANARY")
    assert shown(text) == f"CANARY is a word; the store said {MARK}"
    assert shown_line(text, 9) == "CANARY i\u2026"
    assert MARK in shown(f"{text}")
    assert MARK in shown(text[:6])


def test_an_address_in_a_message_has_no_password_also_where_it_is_malformed() -> None:
    for kept in ("", "shop.example", "http:///x", "http://h:99999/", "//h", "http://[::1]:80/x", "http://h\\evil"):
        assert shown_address(kept) == kept
    for address, expected in {
        "https://bob:CANARY@h:1/x": "https://…@h:1/x",
        "http://bob:CANARY%40h:1": "http://…@h:1",
        "http://bob:CANARY\uff20h:1": "http://…@h:1",
        "http:\\\\bob:CANARY@h:1": "http:\\\\…@h:1",
        "bob:CANARY@h:1": "…@h:1",
        "http//bob:CANARY@h:1": "http//…@h:1",
        "bob:CANARY": "bob:…",
        "http://bob:CANARY": "http://bob:…",
        "http://bob:CAN/ARY@h": "http://bob:…",
        "http://bob:CAN?ARY@h": "http://bob:…",
        "http://h?token=CANARY": "http://h?…",
        "http://h/#CANARY": "http://h/#…",
    }.items():
        assert shown_address(address) == expected
