"""A mistake in JSON: what is said tells what to write instead, and where."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.invalid_json import begins_like_json, why_invalid_json, wrong_part


def said(text: str) -> str:
    """What is said about this text; "" where it is valid."""
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return why_invalid_json(error)
    return ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('x{"a": 1}', "x is not JSON: remove what is before { (line 1, column 1)"),
        ("searchCriteria=1", "this is not JSON: text is written in double quotes"),
        ('{"a": 1,\n}', "remove the comma before } (line 1, column 8)"),
        ("[1, 2,]", "remove the comma before ]"),
        ('{"a": 1,, "b": 2}', "remove one of the two commas"),
        ("{a: 1}", "write the name in double quotes"),
        ("{'a': 1}", 'write double quotes (") instead of single ones'),
        ('{"a": “b”}', 'write straight double quotes (")'),
        ('{"a": &{sku}}', 'write the placeholder in double quotes, as in "&{sku}"'),
        ('{"a": True}', "write true in lower case"),
        ('{"a": None}', "write null"),
        ('{"a": CANARY-token}', "text is written in double quotes (line 1, column 7)"),
        ('{"a": .5}', "write a digit before the point"),
        ('{"a": 007}', "a number does not begin with 0"),
        ('{"a": 1.2.3}', "this is not a valid number"),
        ('{"a": 1000,5}', "write a decimal point, not a comma: 1000.5 (line 1, column 7)"),
        ('{"a": -1.000,50, "b": 1}', "write a decimal point, not a comma: -1000.50"),
        ('{"a": 1,000.5}', "write the number without separators: 1000.5"),
        ('{"a": 1,000,000}', "write the number without separators: 1000000"),
        (
            '{"a": 19.5,0, "b": 1}',
            "a number has no comma (line 1, column 7)",
        ),
        ('{"a": 1.5,000.5}', "a number has no comma"),
        ('{"a": 1,2,3}', "a number has no comma; several values are written as a list"),
        ('{"a": 1,000}', "write the number without the comma, or with a decimal point: 1000 or 1.000 (line"),
        ('{"a": 0,500}', "write a decimal point, not a comma: 0.500"),
        ('{"a": 1234,567}', "write a decimal point, not a comma: 1234.567"),
        ('{"a": 12,34,567}', "a number has no comma"),
        ('{"a": 1,000,00}', "a number has no comma"),
        ('{"a": 1,5e3}', "write a decimal point, not a comma: 1.5e3"),
        ('{"a": 12\'500.75}', "write the number without separators: 12500.75 (line 1, column 7)"),
        ('{"a": 1 000 000}', "write the number without separators: 1000000"),
        ('{"a": -1_000}', "write the number without separators: -1000"),
        ("[1 200]", "a comma is missing"),
        ('{"a": 1_00}', "this is not a valid number"),
        ('{"a": 19.5.0}', "this is not a valid number"),
        ('{"a": 1,5: 2}', "write the name in double quotes (line 1, column 9)"),
        ('{"a": 1, 5}', "write the name in double quotes (line 1, column 10)"),
        ("1000,5", "write a decimal point, not a comma: 1000.5 (line 1, column 1)"),
        ('{"a" 1}', "a colon is missing after the name"),
        ('{"a" = 1}', "write : instead of ="),
        ('{"a"}', "a colon and a value are missing after the name"),
        ('{"a": }', "a value is missing after the colon"),
        ('{"a": 1; "b": 2}', "write , instead of ;"),
        ('{"a": 1\n "b": 2}', "a comma is missing (line 1, column 8)"),
        ('{"a": 1 b: 2}', "a comma is missing, and double quotes around the name (line 1, column 8)"),
        (
            '{"a":\n100 oops\n}',
            "this is not JSON: remove it, or write all of the text in double quotes (line 2, column 5)",
        ),
        ('{"a": "x" CANARY-x}', "this is not JSON: remove it"),
        ('{"a": "x" "y"}', "a name has only one value: remove this one, or write a list"),
        ('{"sku": "}x""}', 'remove one of these two quotes; a quote within text is written \\" (line 1, column 13)'),
        ('{"a": "x"", "b": 1}', "remove one of these two quotes"),
        ('{"a": "x"",\n "b": 1}', "remove one of these two quotes"),
        ('{"a"": 1, "b": 2}', "remove one of these two quotes"),
        ('["x"", "y"]', "remove one of these two quotes"),
        ('"x""', "remove one of these two quotes"),
        ('{"a": "x""b": 1}', "a comma is missing"),
        ('["x""y"]', "a comma is missing"),
        ('{"a": 1 2, "b": 1}', "a name has only one value"),
        ('{"a": {} [1]}', "a name has only one value"),
        ("[1 2]", "a comma is missing (line 1, column 3)"),
        ("[1 True]", "a comma is missing"),
        ("[1 x]", "this is not JSON: remove it"),
        ('{"a": "say "hi""}', 'a quote within text is written \\"'),
        ('{"a": [1, 2}', "a closing ] is missing before }"),
        ('{"a": {"b": [1', "a closing ]}} is missing"),
        ('{"a": 1}}', "remove the }: nothing is open"),
        ('{"a": 1},', "remove the , after the end"),
        ('{"a": 1} {"b": 2}', "only one value is possible: several are written as a list"),
        ('"a": 1', "write names and values in braces"),
        ('{"a": 1 // b\n}', "JSON has no comments: remove this one"),
        ('{"a": "b}', "the quote that opens here is not closed"),
        ('{"a": "C:\\x"}', "a backslash is written twice"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(text: str, wanted: str) -> None:
    assert said(text).startswith(wanted)


@pytest.mark.parametrize(
    "text",
    [
        ',{"a": 1}',
        ";[1]",
        '"{"a": 1}"',
        '’{"a": 1}',
        ' ]{"a": 1}',
        ")[",
        '= {"a": 1}',
        '({"a": 1})',
        'x{"a": 1}',
        '"a": 1}',
        ',"a": 1}',
        "}",
        '\ufeff{"a": 1}',
        '// a comment\n{"a": 1}',
        '/* a comment */ {"a": 1}',
        '"a text',
    ],
)
def test_what_can_only_be_meant_as_json_is_no_other_text(text: str) -> None:
    assert begins_like_json(text)


@pytest.mark.parametrize(
    "text",
    ["", "sku", "&{items}", ",&{sku}", '&{a.{"b": c}}', "a=1&b={}", "<a>{}</a>", '"a","b"', "24-MB01, {}", "fn({})"],
)
def test_other_text_does_not_begin_like_json(text: str) -> None:
    assert not begins_like_json(text)


@pytest.mark.parametrize(
    ("marked", "typed"),
    [
        ('{"a": 1«,»}', ""),
        ('{"a": 1«,», "b": 2}', ""),
        ("«,»{}", ""),
        ('{"a": 1}«}»', ""),
        ('«x»{"a": 1}', ""),
        ('{"a": "x"«"»}', ""),
        ('{"a": 1 «// b»\n}', ""),
        ("{} «oops»", ""),
        ('{"a": 1,«x»\n "b": 2}', ""),
        ('{"a" «=» 1}', ":"),
        ('{"a": 1«;» "b": 2}', ","),
        ('{"a": 1«,»5}', "."),
        ('{"a": 12«\'»500}', ""),
        ('{"a": «True»}', "true"),
        ('{"a": «None»}', "null"),
        ('{"a": +1}'.replace("+", "«+»"), ""),
        ('{"a": «.5}', "0"),
        ('{"a": 5.«}', "0"),
        ('{"a"« 1}', ":"),
        ('{"a": 1«\n "b": 2}', ","),
        ("[1« 2]", ","),
        ('{"a": "b«}', '"'),
        ('{"a": "b«\n}', '"'),
        ('{"a": [1«}', "]"),
        ('{"a": {"b": 1«', "}}"),
        ('{"a": "say «"hi\\" x"}', "\\"),
        ('{"a": "C:«\\x"}', "\\"),
        ('{"a": «07}'.replace("«0", "«0»"), ""),
    ],
)
def test_a_mistake_is_corrected_by_typing_where_the_cursor_is_put(marked: str, typed: str) -> None:
    text = marked.replace("«", "").replace("»", "")
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads(text)
    start, end = wrong_part(raised.value)
    selected = f"{text[:start]}«{text[start:end]}{'»' if end > start else ''}{text[end:]}"
    assert selected == marked
    assert not said(text[:start] + typed + text[end:])


@given(st.data())
def test_every_small_mistake_has_a_place_and_repeats_no_secret(data: st.DataObject) -> None:
    right = '{"sku": "24-MB01", "price": 3.5, "list": [true, null, {"token": "CANARY-1234"}]}'
    at = data.draw(st.integers(0, len(right)))
    until = min(len(right), at + data.draw(st.integers(0, 2)))
    wrong = right[:at] + data.draw(st.text("{}[]\",:;'x0 .-\\\n", max_size=2)) + right[until:]
    words = said(wrong)
    assert not words or words.endswith(")")
    assert "CANARY" not in words


@given(st.text("{}[]\",:tfn01e.-\\ '", max_size=12))
def test_any_text_is_explained(text: str) -> None:
    words = said(text)
    assert not words or words.endswith(")") or words == "it is empty"
