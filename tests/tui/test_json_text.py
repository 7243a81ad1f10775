"""JSON made readable: nothing is changed but its spaces, cut or broken JSON too, and each line knows its path."""

from __future__ import annotations

import json

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client import json_text
from tui_connector.client.json_text import indented, path_at, unescaped, value_at

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
documents = st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=8), values, max_size=4)


@given(documents)
def test_indenting_keeps_the_data(document: object) -> None:
    text = indented(json.dumps(document).encode())
    assert text is not None
    assert json.loads(text) == document


@given(documents, st.data())
def test_json_that_stops_in_the_middle_loses_nothing(document: object, data: st.DataObject) -> None:
    whole = json.dumps(document, separators=(",", ":"))
    cut = whole[: data.draw(st.integers(1, len(whole)))]
    text = indented(cut.encode())
    assert text is not None
    assert _dense(text) == _dense(cut)


@pytest.mark.parametrize(("items", "cuts"), [(60, range(3_000, 3_120)), (20_000, range(1_200_000, 1_200_120, 17))])
def test_json_that_stops_in_the_middle_is_indented_however_long_it_is(items: int, cuts: range) -> None:
    rows = [{"sku": f'24-{n}, "{{[', "tags": [], "options": {}, "prices": [{"value": n}, None]} for n in range(items)]
    whole = json.dumps({"items": rows}, separators=(",", ":"))
    assert len(whole) > cuts.stop
    for cut in cuts:
        text = indented(whole[:cut].encode())
        assert text is not None
        assert _dense(text) == _dense(whole[:cut])
        assert text.split("\n")[:5] == [
            "{",
            '  "items": [',
            "    {",
            '      "sku": "24-0, \\"{[",',
            '      "tags": [],',
        ]


@given(st.text(alphabet='[]{}"\\\\a', max_size=40), st.integers(1, 8))
def test_the_depth_is_the_same_in_pieces_of_any_size(text: str, piece: int) -> None:
    whole = json_text._depth_of(text.encode())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_text, "_PIECE", piece)
        assert json_text._depth_of(text.encode()) == whole


def _dense(text: str) -> str:
    return "".join(text.split())


@given(documents)
def test_every_line_knows_the_path_of_its_value(document: object) -> None:
    text = indented(json.dumps(document).encode())
    assert text is not None
    lines = text.split("\n")
    for index, line in enumerate(lines):
        path = path_at(lines, index)
        if path is None:
            assert line.strip().rstrip(",") in ("}", "]")
        else:
            assert jmespath.search(path, document) == json.loads(value_at(lines, index))


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('"sku": "a"', "items[0].sku"),
        ('"sku": "b"', "items[1].sku"),
        ('"x-y": 1', 'items[1]."x-y"'),
        ('"total_count": 2', "total_count"),
    ],
)
def test_paths_as_a_profile_has_them(line: str, path: str) -> None:
    text = indented(b'{"items":[{"sku":"a"},{"sku":"b","x-y":1}],"total_count":2}')
    assert text is not None
    lines = text.split("\n")
    index = next(i for i, each in enumerate(lines) if each.strip().rstrip(",") == line)
    assert path_at(lines, index) == path


def test_one_bare_value_is_the_first_of_a_list() -> None:
    assert path_at(['"eyJ"'], 0) == "@[0]"


def test_numbers_stay_as_they_were_sent() -> None:
    assert (
        indented(b'{"price":34.0000,"id":12345678901234567890}')
        == '{\n  "price": 34.0000,\n  "id": 12345678901234567890\n}'
    )


def test_deep_nesting_is_not_indented_without_limit() -> None:
    text = indented(b"[" * 100_000)
    assert text is not None
    assert len(text) < 10_000_000


@pytest.mark.parametrize("data", [b"", b"  ", b"plain text", b"<html>", b"\xff\xfe"])
def test_invalid_json_is_unchanged(data: bytes) -> None:
    assert indented(data) is None


def test_escapes_are_decoded_except_control_characters() -> None:
    assert unescaped(r"caf\u00e9 \/rest \ud83d\ude00") == "café /rest 😀"
    kept = r"\u001b \u0022 \u005c \ud800 \\u00e9 \n \u202e"
    assert unescaped(kept) == kept
