"""Edits of whole lines in the editor, and the place that a line's number means."""

from __future__ import annotations

from functools import partial

import pytest

from tui_connector.errors import InvalidValue
from tui_connector.tui.toml_editor.line_edits import LineEdit, duplicate, indent, move, toggle_comment, unindent
from tui_connector.tui.toml_editor.screen import place_in


@pytest.mark.parametrize(
    ("lines", "commented"),
    [
        (["a = 1"], ["# a = 1"]),
        (["  a = [", "    1,", "", "  ]"], ["  # a = [", "  #   1,", "", "  # ]"]),
        (["# why", "a = 1"], ["# # why", "# a = 1"]),
        ([""], ["# "]),
    ],
)
def test_lines_become_comments_and_are_as_before_afterwards(lines: list[str], commented: list[str]) -> None:
    last = len(lines) - 1
    assert list(toggle_comment(lines, 0, last).lines) == commented
    assert list(toggle_comment(commented, 0, last).lines) == lines


def test_a_comment_without_a_blank_is_undone_too() -> None:
    assert toggle_comment(["#a = 1", "\t# b = 2"], 0, 1).lines == ("a = 1", "\tb = 2")


def test_lines_are_indented_and_not_beyond_the_margin_unindented() -> None:
    lines = ["a", "", "  b", " c", "\td"]
    assert indent(lines, 0, 2).lines == ("  a", "", "    b")
    assert unindent(lines, 0, 4).lines == ("a", "", "b", "c", "d")


def test_lines_are_duplicated_and_moved_within_the_text() -> None:
    lines = ["a", "b", "c"]
    assert duplicate(lines, 0, 1) == LineEdit(0, 1, ("a", "b", "a", "b"), down=2)
    assert move(lines, 1, 2, by=-1) == LineEdit(0, 2, ("b", "c", "a"), down=-1)
    assert move(lines, 0, 1, by=1) == LineEdit(0, 2, ("c", "a", "b"), down=1)
    up, down = partial(move, by=-1), partial(move, by=1)
    assert up(lines, 0, 1) is None
    assert down(lines, 1, 2) is None


def test_a_place_is_a_line_and_perhaps_a_column() -> None:
    assert place_in(" 12 ", 20) == (12, 1)
    assert place_in("12:5", 20) == (12, 5)
    assert place_in("99", 20) == (20, 1)
    assert place_in("0", 20) == (1, 1)
    for text in ("", "-1", "a", "1:b"):
        with pytest.raises(InvalidValue):
            place_in(text, 20)
