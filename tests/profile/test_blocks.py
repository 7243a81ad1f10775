"""A text parsed in blocks says what the whole of it says, and all of its mistakes are found at once."""

from __future__ import annotations

import tomllib

import pytest
from edits import CORPUS
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.profile.blocks import parse
from tui_connector.profile.correction import apply
from tui_connector.profile.matching import same
from tui_connector.profile.positions import TextPosition, positions
from tui_connector.profile.text_blocks import blocks

LINES = st.sampled_from(
    [
        "[a]", "[a.b]", "[[l]]", "[l.x]", "[[l.y]]", "[[a.l]]", "a = 1", "b = 2", 'c = "x"', "d = [1,", "  [2],", "]",
        "e = { f = 1 }", "a.b = 1", "l.x = 2", 's = """', '"""', "x]", "# [a]", "", "f = [ [1], [2] ]", "[1]", "{", "}",
        "= 3", "name = Acme", "a b = 1", '"', "[", "t = '''[a]'''", "[a.b.c]", "[b]", "n = 9", "m = true",
    ]
)  # fmt: skip


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
def test_a_valid_text_is_read_as_by_tomllib(text: str) -> None:
    found = parse(text)
    assert same(found.data, tomllib.loads(text))
    assert found.mistakes == []
    assert "".join(block.text for block in blocks(text)) == text
    for path, place in positions(text).items():
        assert found.position(path) == place, path


@given(st.lists(LINES, max_size=9))
def test_whatever_is_typed_is_judged_as_by_tomllib(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = parse(text)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert found.mistakes, text
    else:
        assert found.mistakes == [], text
        assert same(found.data, data)
    assert all(1 <= mistake.position.line <= len(lines) + 1 for mistake in found.mistakes)


def test_every_mistake_is_found_at_once() -> None:
    text = """format = 1
name = Acme
[clients.m]
timeout: 30s
authentications = ["a"

[[clients.m.plugins]
kind = "base-uri"
uri = “https://acme.example”
[incoming.p]
client = "m
items = "items"
[incoming.p]
identifier =
"""
    found = parse(text)
    assert [(each.position.line, each.code) for each in found.mistakes] == [
        (2, "not-quoted"),
        (4, "colon"),
        (5, "not-closed"),
        (7, "table-header"),
        (9, "look-alike"),
        (11, "quote-missing"),
        (13, "duplicate-table"),
        (14, "value-missing"),
    ]
    assert found.data["name"] == "Acme"
    assert found.data["clients"]["m"]["plugins"] == [{"kind": "base-uri", "uri": "https://acme.example"}]
    assert found.data["incoming"]["p"]["items"] == "items"


def test_a_mistake_leaves_the_tables_below_it_readable() -> None:
    found = parse('[clients.m]\nauthentications = [\n"a"\n[clients.n]\ntimeout = "1s"\n')
    assert found.data["clients"]["n"] == {"timeout": "1s"}
    assert [mistake.position.line for mistake in found.mistakes] == [2]


def test_positions_below_a_list_of_tables() -> None:
    text = "[[a.l]]\nx = 1\n\n[[a.l]]\ny = [\n  1,\n  2,\n]\n[a.l.z]\nk = { q = 1 }\n"
    found = parse(text)
    assert found.position(("a", "l", 1, "y", 1)) == TextPosition(7, 3)
    assert found.position(("a", "l", 1, "z", "k", "q")) == TextPosition(10, 7)
    assert found.position(("a", "l", 1, "missing")) == TextPosition(4, 1)
    assert found.position(("a", "missing")) == TextPosition(1, 1)


def test_a_json_object_is_converted() -> None:
    text = '{"format": 1, "name": "x", "n": null, "clients": {"m": {"timeout": "1s"}}}'
    [mistake] = parse(text).mistakes
    assert mistake.fix is not None
    assert tomllib.loads(apply(text, mistake.fix.edits)) == {
        "format": 1,
        "name": "x",
        "clients": {"m": {"timeout": "1s"}},
    }
