"""Every table, key and element has a place; a syntax error has one too, and says what was probably meant."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui_connector.profile.document import Document
from tui_connector.profile.positions import KeyPath, TextPosition, described, layout, positions

TEXT = """\
# first
name = "x"   # beside

[clients.m]
timeout = '''
30
'''
"quo ted".b = [ 1, { c = "}" },
  # two
  "]" ]
[[clients.m.plugins]]
kind = "a"
at = 1979-05-27 07:32:00
[[ clients . m . plugins ]]
kind = \"\"\"a\\
  "" \\\"\"\"\"\"\"
[clients.m.plugins.more]
"""


def paths_in(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    yield path
    for step, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths_in(item, (*path, step))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), (1, 1)),
        (("name",), (2, 1)),
        (("clients",), (4, 1)),
        (("clients", "m"), (4, 1)),
        (("clients", "m", "timeout"), (5, 1)),
        (("clients", "m", "quo ted"), (8, 1)),
        (("clients", "m", "quo ted", "b"), (8, 11)),
        (("clients", "m", "quo ted", "b", 0), (8, 17)),
        (("clients", "m", "quo ted", "b", 1, "c"), (8, 22)),
        (("clients", "m", "quo ted", "b", 2), (10, 3)),
        (("clients", "m", "plugins"), (11, 1)),
        (("clients", "m", "plugins", 0), (11, 1)),
        (("clients", "m", "plugins", 0, "at"), (13, 1)),
        (("clients", "m", "plugins", 1), (14, 1)),
        (("clients", "m", "plugins", 1, "kind"), (15, 1)),
        (("clients", "m", "plugins", 1, "more"), (17, 1)),
    ],
)
def test_each_path_has_its_line_and_column(path: KeyPath, place: tuple[int, int]) -> None:
    assert positions(TEXT)[path] == TextPosition(*place)


def test_positions_are_those_of_the_data_that_tomllib_reads() -> None:
    assert set(positions(TEXT)) == set(paths_in(tomllib.loads(TEXT)))


def test_each_span_covers_its_value() -> None:
    found = {w.path: TEXT[w.value_start : w.end] for w in layout(TEXT).statements if not w.is_header}
    assert found["clients", "m", "timeout"] == "'''\n30\n'''"
    for path, value in found.items():
        data: Any = tomllib.loads(TEXT)
        for step in path:
            data = data[step]
        assert tomllib.loads(f"x = {value}") == {"x": data}


def test_columns_count_characters_and_lines_end_in_any_way() -> None:
    assert positions('"é" = 1\r\n"ü" = { "ß" = 1, b = 2 }\r\n')["ü", "b"] == TextPosition(2, 18)


text_values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | text_values | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text_values, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(text_values, values, max_size=5))
@example({"a": [{"long": {"b" * 100: 1, "c" * 100: 2}}]})  # no header can stand inside a table of a list
def test_any_data_has_positions(data: dict[str, Any]) -> None:
    text = Document.new(data).text()
    assert set(positions(text)) == set(paths_in(tomllib.loads(text)))


@pytest.mark.parametrize("quotes", ['"""', "'''"])
@pytest.mark.parametrize("inside", ["", "x", '\\"' * 3, "'", '"', "# no", "]\n[a]\n", '""', "''"])
def test_multi_line_strings_end_at_their_quotes(quotes: str, inside: str) -> None:
    text = f"a = {quotes}{inside}{quotes}\nb = 1\n"
    if quotes[0] * 3 in inside:
        return
    assert set(positions(text)) == set(paths_in(tomllib.loads(text)))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("name",), "name (line 1)"),
        (("title",), "title"),
        (("clients", "m"), "[ clients.m ] (line 2)"),
        (("clients", "m", "authentications", 1), "[ clients.m ] (line 3): authentications, item 2"),
        (("clients", "m", "timeout"), "[ clients.m ] (line 2): timeout"),
        (("clients", "m", "plugins", 1, "attempts"), '[[clients.m.plugins]] "retry" (line 8): attempts'),
        (("incoming", "p", "columns", 0, "name"), "[incoming.p] (line 10): columns, item 1, name"),
    ],
)
def test_a_place_is_described_as_it_is_in_the_file(path: KeyPath, words: str) -> None:
    text = """name = "A"
[ clients.m ]
authentications = ["a", "b"]
[[clients.m.plugins]]
kind = "base-uri"
[[clients.m.plugins]]  # again
kind = "retry"
attempts = 3
[incoming.p]
columns = [{ name = "x" }]
"""
    assert described(text, tomllib.loads(text), path) == words
