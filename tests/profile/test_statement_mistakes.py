"""Mistakes made by hand in `key = value`, as the editor and `profiles check` show them: cause, place and correction."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.profile.correction import apply
from tui_connector.profile.problems import Problem
from tui_connector.profile.statement_mistakes import first_mistake
from tui_connector.profile.syntax import SYNTAX
from tui_connector.profile.text_checker import Checker

_ABOVE = 'format = 1\nname = "A"\n\n[incoming.p]\n'
_BELOW = "\n\n[clients.m]\n"
_FIRST = _ABOVE.count("\n")


def mistake(statement: str) -> Problem:
    """The first problem of a profile's syntax with this statement in it."""
    found = [each for each in Checker().check(_ABOVE + statement + _BELOW).problems if not each.path]
    return found[0]


@pytest.mark.parametrize(
    ("statement", "column", "cause", "corrected"),
    [
        # text without quotes
        ("a = two", 5, "Text without quotes", 'a = "two"'),
        ("a = two words, and more # why", 5, "Text without quotes", 'a = "two words, and more" # why'),
        ("a = two#3", 5, "Text without quotes", 'a = "two#3"'),
        ("a = { b = 'x', page-size = two }", 28, "Text without quotes", "a = { b = 'x', page-size = \"two\" }"),
        ("a = { b = two, c = three }", 11, "Text without quotes", 'a = { b = "two", c = "three" }'),
        ("a = [x, y]", 6, "Text without quotes", 'a = ["x", "y"]'),
        ("a = [\n  'x',\n  y,\n]", 3, "Text without quotes", "a = [\n  'x',\n  \"y\",\n]"),
        ("a = ${A}/b", 5, "Text without quotes", 'a = "${A}/b"'),
        ("a = {{ b }}", 5, "Text without quotes", 'a = "{{ b }}"'),
        ("a = C:\\x", 5, "Text without quotes", "a = 'C:\\x'"),
        # quotes
        ('a = ""b" c', 7, "two quotes open it", None),
        ('a = ""b"', 5, "Quotes are doubled", 'a = "b"'),
        ('a = ""b""', 5, "Quotes are doubled", 'a = "b"'),
        ('a = "b""', 5, "Quotes are doubled", 'a = "b"'),
        ('a = { b = ""c"", d = 1 }', 11, "Quotes are doubled", 'a = { b = "c", d = 1 }'),
        ('a = """b"', 5, "Three quotes open the text", 'a = "b"'),
        ('a = "b', 7, "closing quote is missing", 'a = "b"'),
        ('a = { b = "c }', 13, "closing quote is missing", 'a = { b = "c" }'),
        ('a = b"', 5, "opening quote is missing", 'a = "b"'),
        ('a = ["b", c"]', 11, "opening quote is missing", 'a = ["b", "c"]'),
        ('a = ["b, "c"]', 11, "their number is odd", None),
        ("a = 'b\"", 5, "opens with ' and ends with \"", 'a = "b"'),
        ("a = 'it's mine'", 8, "A quote inside the text ends it", 'a = "it\'s mine"'),
        ('a = "say "hi" to"', 10, "A quote inside the text ends it", "a = 'say \"hi\" to'"),
        ('a = "b" c', 9, "Text after the closing quote", None),
        ('a = "b" + "c"', 9, "Text after the closing quote", None),
        ('a = r"b"', 5, "r before the quote", 'a = "b"'),
        ("a = “b”", 5, "left double quotation mark", 'a = "b"'),
        # escapes
        ('a = "\\d+"', 6, "Invalid escape \\d", "a = '\\d+'"),
        ('a = "b\\"', 7, "backslash before the closing quote", "a = 'b\\'"),
        ('a = "C:\\b\\\nc = 1', 11, "closing quote is missing", "a = 'C:\\b\\'\nc = 1"),
        # the equals sign and the key
        ("a: 5", 2, ": instead of =", "a = 5"),
        ("a: b", 2, ": instead of =", 'a = "b"'),
        ("a := 5", 3, ":= instead of =", "a = 5"),
        ("a -> 5", 3, "-> instead of =", "a = 5"),
        ("a = { b: 'c', d: 1 }", 8, ": instead of =", "a = { b = 'c', d = 1 }"),
        ("a 5", 3, "The equals sign is missing", "a = 5"),
        ("a = { b 'c' }", 9, "The equals sign is missing", "a = { b = 'c' }"),
        ("a b", 3, "The equals sign is missing", 'a = "b"'),
        ("a b c", 3, "The equals sign is missing", None),
        ("a [[[incoming.x]\nb = 1", 3, "The equals sign is missing", None),
        ("a { b = 1\nc = 2", 3, "The equals sign is missing", None),
        ("a = = 5", 5, "One = too many", "a = 5"),
        ("a b = 5", 1, "A key with a space in it", '"a b" = 5'),
        ("a/b = 5", 2, "/ in a key", '"a/b" = 5'),
        ("a:b = 5", 2, ": in a key", '"a:b" = 5'),
        ("$a = 5", 1, "$ in a key", '"$a" = 5'),
        ('a" = 5', 1, "The key has one quote", "a = 5"),
        ('"a: "b"', 1, "The key has one quote", 'a = "b"'),
        ("a..b = 5", 1, "missing next to a dot", "a.b = 5"),
        (".b = 5", 1, "missing next to a dot", "b = 5"),
        ("export a = 5", 1, "export before the key", "a = 5"),
        ("a = 1\na = 2", 1, "already defined on line 5", "a = 1\n# a = 2"),
        ("a = { b = 1, b = 2 }", 14, "The key b is already defined", None),
        ("a = 1, b = 2", 8, "Two keys on one line", "a = 1\nb = 2"),
        # values of other languages
        ("a = yes", 5, "yes is not a boolean", "a = true"),
        ("a = { b = False }", 11, "False is not a boolean", "a = { b = false }"),
        ("a = ture", 5, "ture is not a boolean", "a = true"),
        ("a = None", 5, "TOML has no None", "# a = None"),
        ("a = (1, 2)", 5, "A list is in [ ]", "a = [1, 2]"),
        ('a = {"b", "c"}', 5, "A list is in [ ]", 'a = ["b", "c"]'),
        ('a = "b", "c"', 5, "A list without brackets", 'a = ["b", "c"]'),
        ("a = 2026-1-5", 5, "A date without quotes", 'a = "2026-1-5"'),
        ("a = 05.01.2026", 5, "A date without quotes", 'a = "05.01.2026"'),
        ("a = 2026-01-05 10:30", 5, "A date without quotes", 'a = "2026-01-05 10:30"'),
        # numbers
        ("a = 10s", 5, "A number with a unit is text", 'a = "10s"'),
        ("a = { b = 50% }", 11, "A number with a unit is text", 'a = { b = "50%" }'),
        ("a = 007", 5, "no leading zeros", 'a = "007"'),
        ("a = 1,000", 5, "A comma in a number", "a = 1000"),
        ("a = { b = 1,000 }", 12, "A comma in a number", "a = { b = 1000 }"),
        ("a = 1,5", 5, "A comma in a number", "a = 1.5"),
        ("a = 1 000", 5, "A space in a number", "a = 1000"),
        ("a = .5", 5, "An incomplete number", "a = 0.5"),
        ("a = 1_000_", 5, "Not a valid number", None),
        # commas and brackets
        ('a = ["b" "c"]', 9, "A comma is missing", 'a = ["b", "c"]'),
        ('a = ["b"; "c"]', 9, "; instead of a comma", 'a = ["b", "c"]'),
        ('a = ["b",, "c"]', 10, "A comma without an element", 'a = ["b", "c"]'),
        ("a = [\n  1\n  2\n]", 4, "A comma is missing", "a = [\n  1,\n  2\n]"),
        ('a = { b = "c" d = 1 }', 14, "A comma is missing", 'a = { b = "c", d = 1 }'),
        ("a = { b = c d = e }", 11, "Text without quotes", 'a = { b = "c", d = "e" }'),
        ("a = { b = 1, }", 12, "no comma after its last entry", "a = { b = 1 }"),
        ("a = {\n  b = 1\n  c = 2\n}", 5, "must be on one line", "a = { b = 1, c = 2 }"),
        ("a = { b = 1", 5, "The { is not closed", "a = { b = 1 }"),
        ("a = { b = 1\nc = { d = 1 }", 5, "The { is not closed", "a = { b = 1 }\nc = { d = 1 }"),
        ("a = {\nc = { d = 1 }", 5, "The { is not closed", "a = { }\nc = { d = 1 }"),
        ("a = { b = # }\nc = 1", 11, "The value is missing", None),
        ("a = { b =\nc = 1", 10, "The value is missing", None),
        ('a = """b\nc = { d = 1 }', 5, 'The """ is not closed', 'a = """b"""\nc = { d = 1 }'),
        ("a = { b = '''b\nc = [1]", 11, "The ''' is not closed", "a = { b = '''b''' }\nc = [1]"),
        ("a = '''b\ntwo lines\nc = 1", 5, "The ''' is not closed", "a = '''b\ntwo lines'''\nc = 1"),
        ("a = { b = 1 ]", 13, "An inline table ends with }", "a = { b = 1 }"),
        ("a = [1, 2", 10, "The [ is not closed", "a = [1, 2]"),
        ('a = ["b\nc = 1', 8, "The closing quote is missing", 'a = ["b"]\nc = 1'),
        ("a = [[b, c\nd = 1", 7, "Text without quotes", 'a = [["b", "c"]]\nd = 1'),
        ("a = [1, 2]]", 11, "One ] too many", "a = [1, 2]"),
        ("a = 'b',", 8, "A comma at the end of the line", "a = 'b'"),
        ("a = 'b' // c", 9, "Comments start with #", "a = 'b' # c"),
        ("a = #b", 5, "The value is missing", None),
        ("a", 2, "A key without a value", None),
        ("a[b = 1", 2, "[ in a key", "ab = 1"),
        (",a = 1", 1, ", in a key", "a = 1"),
        ("a ;= 1", 3, "; in a key", "a= 1"),
        ("a'b = 'c'", 2, "' in a key", "ab = 'c'"),
        ("a = b = 'c' }", 5, "The { of the inline table is missing", "a = { b = 'c' }"),
        ("a = b = 'c'", 5, "An inline table without { }", "a = { b = 'c' }"),
        ("a = { b = 1. }", 11, "An incomplete number", "a = { b = 1.0 }"),
        ("a = ['b'., 'c']", 9, ". after an element", "a = ['b', 'c']"),
        ("a = { ;b = 1 }", 7, "A semicolon without an entry", "a = { b = 1 }"),
        # headers, and what is left of other formats
        ("[a = 1", 1, "A bracket before the key", "a = 1"),
        ("[clients,.x]", 9, "An invalid character in the table's name", "[clients.x]"),
        (",[clients.x]", 1, "A character where a line starts", "[clients.x]"),
        ("]", 1, "A closing bracket that nothing opens", None),
        ("clients.x]", 1, "A table's name without brackets", "[clients.x]"),
        ("clients.x:", 1, "A table's name without brackets", "[clients.x]"),
        ("[clients.x] a = 1", 13, "A key beside the table's name", "[clients.x]\na = 1"),
        ("[clients.x]y", 12, "Text after the table's name", "[clients.x]  # y"),
        ("[[clients.x.plugins]] ; y z", 23, "Text after the table's name", "[[clients.x.plugins]]  # y z"),
        ('[clients."x]"]"y" # z', 15, "Text after the table's name", '[clients."x]"]  # "y" # z'),
        ("[clients.x], # y", 12, "A character after the table's name", "[clients.x]  # y"),
        ('[clients."x]', 1, "A quote in the table's name", '[clients."x"]'),
        ("[incoming.my x]", 1, "A space in the table's name", '[incoming."my x"]'),
        ("don't forget", 1, "neither a key with a value nor a table", None),
        ("{", 1, "neither a key with a value nor a table", None),
        ("% a", 1, "neither a key with a value nor a table", None),
        ("- a", 1, "A list item of another format", None),
        ("<<<<<<< HEAD", 1, "A conflict marker", None),
    ],
)
def test_a_mistake_is_shown_with_its_cause_its_place_and_what_corrects_it(
    statement: str, column: int, cause: str, corrected: str | None
) -> None:
    found = mistake(statement)
    assert cause in found.message
    assert found.column == column
    assert _FIRST < found.line <= _FIRST + 1 + statement.count("\n")
    if corrected is None:
        assert found.fix is None
        return
    assert found.fix is not None
    fixed = apply(_ABOVE + statement + _BELOW, found.fix.edits)
    assert fixed == _ABOVE + corrected + _BELOW
    tomllib.loads(fixed)


SMALL = """format = 1
[incoming.items]  # all
client = "shop"
request = { uri = "products", where = ["status eq 1"] }
columns = [
  "sku",
  'name',
]
[[clients.shop.plugins]]
attempts = 3
"""


@pytest.mark.parametrize("change", ["delete", "double", '"', ",", "["])
def test_one_character_too_few_or_too_many_has_a_cause(change: str) -> None:
    checker = Checker()
    for at, character in enumerate(SMALL):
        added = {"delete": "", "double": character * 2}.get(change, change + character)
        text = SMALL[:at] + added + SMALL[at + 1 :]
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            line = SMALL.count("\n", 0, at) + 1
            found = next(each for each in checker.check(text).problems if not each.path or each.line == line)
            assert found.code != SYNTAX, text
            assert abs(found.line - line) <= 3, text


@given(st.text(max_size=60) | st.text("[]{}=.,:;'\"ab10_-\n #\\", max_size=40))
def test_no_statement_breaks_the_search_and_valid_ones_have_no_mistake(text: str) -> None:
    found = first_mistake(text, 0)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    if text.strip() and not text.lstrip().startswith(("#", "[")):
        assert found is None
