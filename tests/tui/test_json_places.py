"""The place in a JSON text that a problem of a form is about."""

from __future__ import annotations

import pytest

from tui_connector.tui.widgets.json_places import part_to_correct

TEXT = '{\n  "a": {"b": "{[x", "c": [1, {"d": 2}]},\n  "e": 3\n}'


def selected(text: str, path: tuple[str | int, ...], *, of_key: bool = False) -> tuple[str, str]:
    """What is before the selection, in its line, and what is selected."""
    (row, column), end = part_to_correct(text, path, of_key=of_key)
    assert end[0] == row
    line = text.split("\n")[row]
    return line[:column], line[column : end[1]]


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ((), "{"),
        (("e",), '"e": 3'),
        (("a", "b"), '"b": "{[x'),
        (("a", "c", 1, "d"), '"d": 2'),
        (("a", "c", 0), "[1"),
        (("a", "c"), '"c": ['),
        (("a", "x", "y"), '"a": {'),  # what it is in
        (("a", "b", "x"), '"b": "{[x'),
        (("a", "c", 5), '"c": ['),
    ],
)
def test_the_cursor_is_put_at_the_end_of_the_value_at_a_path(path: tuple[str | int, ...], before: str) -> None:
    found, wrong = selected(TEXT, path)
    assert found.endswith(before)
    assert not wrong


def test_the_cursor_is_put_at_the_end_of_a_name_that_is_wrong() -> None:
    assert selected(TEXT, ("a", "b"), of_key=True) == ('  "a": {"b', "")
    assert selected(TEXT, ("e",), of_key=True) == ('  "e', "")


def test_a_mistake_is_selected_wherever_the_path_is() -> None:
    assert selected('{\n  "a": 1,\n  b: 2\n}', ("a",)) == ("  ", "")
    assert selected('{\n  "a": 1,\n}', ("a",)) == ('  "a": 1', ",")
    assert selected("", ()) == ("", "")
    assert selected("[" * 100_000, ("a",)) == ("", "")
