"""The place in a JSON text that a problem of a form is about."""

from __future__ import annotations

import pytest

from tui_connector.tui.widgets.json_places import place_in_json

TEXT = '{\n  "a": {"b": "{[x", "c": [1, {"d": 2}]},\n  "e": 3\n}'


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ((), "{\n"),
        (("e",), '"e": 3'),
        (("a", "b"), '"b"'),
        (("a", "c", 1, "d"), '"d": 2'),
        (("a", "c", 0), "1, {"),
        (("a", "x", "y"), '"a": {'),  # what it is in
        (("a", "b", "x"), '"b"'),
        (("a", "c", 5), '"c"'),
    ],
)
def test_a_path_is_found_in_the_text(path: tuple[str | int, ...], marked: str) -> None:
    row, column = place_in_json(TEXT, path)
    assert "\n".join(TEXT.split("\n")[row:])[column:].startswith(marked)


def test_a_mistake_is_found_wherever_the_path_is() -> None:
    assert place_in_json('{\n  "a": 1,\n  b: 2\n}', ("a",)) == (2, 2)
    assert place_in_json("", ()) == (0, 0)
    assert place_in_json("[" * 100_000, ("a",)) == (0, 0)
