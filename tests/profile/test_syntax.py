"""Mistakes in TOML: each is named by its cause, at its place."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.profile.correction import apply
from tui_connector.profile.positions import TextPosition
from tui_connector.profile.syntax import SYNTAX, Mistake, explain_error


def refused(text: str) -> Mistake:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    return explain_error(text, caught.value)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("a = 1\nverify = yes\n", 2, "Write true"),
        ("verify = off", 1, "Write false"),
        ("verify = True", 1, "Write true"),
        ('path = "C:\\Users\\x"', 1, "backslash"),
        ("a = 1\nname: x\n", 2, ": instead of ="),
        ('name : "x"\nb = 2', 1, ": instead of ="),
        ('{\n  "name": "x"\n}', 1, "JSON"),
        ('[{"name": "x"}]', 1, "JSON"),
        ("---\nname: x\n", 1, "YAML"),
        ("name: x\nclients:\n  - a\n", 1, "YAML"),
        ("<?xml version='1.0'?>\n<a/>", 1, "XML or HTML"),
        ('a = "x\nb = 1\n', 1, "closing quote"),
        ('a = "x # y\n', 1, "closing quote"),
        ("name = Acme\n", 1, "Text without quotes"),
        ("path = ~/x\n", 1, "Text without quotes"),
        ("token = $TOKEN\n", 1, "Text without quotes"),
        ("a = {\n  b = 1,\n}\n", 1, "one line"),
        ('a = { b = "x", }\n', 1, "no comma after its last entry"),
        ('a = { b = "x" c = "y" }\n', 1, "Commas separate the entries"),
        ('a = ["x" "y"]\n', 1, "Commas separate the elements"),
        ("a = 1,5\n", 1, "full stop: 1.5"),
        ("a = 0012\n", 1, "leading zeros"),
        ("a = 30s\n", 1, "unit is text"),
        ("a = { b = 50x }\n", 1, "unit is text"),
        ("a = [1, 50x]\nb = 2\n", 1, "unit is text"),
        ("a = 5 MB\n", 1, "unit is text"),
        ("a = null\n", 1, "TOML has no"),
        ("a = None\n", 1, "TOML has no"),
        ("a =\nb = 1\n", 1, "value is missing"),
        ("a = # later\n", 1, "value is missing"),
        ("= 1\n", 1, "key is missing"),
        ("a == 1\n", 1, "instead of ="),
        ('a => "x"\n', 1, "instead of ="),
        ('my key = "x"\n', 1, "in quotes"),
        ('name "x"\n', 1, "Write = between"),
        ("name\nb = 1\n", 1, "key without a value"),
        ('a = "x";\n', 1, "semicolon at the end"),
        ('a = "x",\nb = 1', 1, "comma at the end"),
        ('a = "x" // why\n', 1, "start with #"),
        ("// why\n", 1, "start with #"),
        ("; why\n", 1, "start with #"),
        ("a = 1 b = 2\n", 1, "Two keys on one line"),
        ("[clients.m\na = 1\n", 1, "closing bracket"),
        ("[[clients.m.plugins]\na = 1\n", 1, "two brackets on either side"),
        ("[clients.m]]\na = 1\n", 1, "one bracket on either side"),
        ("[clients m]\n", 1, "Join the parts"),
        ("[clients.]\n", 1, "missing next to a dot"),
        ("[]\n", 1, "name of the table is missing"),
        ("[clients.m]:\n", 1, "A character after the table's name"),
    ],
)
def test_common_mistakes_get_a_hint(text: str, line: int, hint: str) -> None:
    found = refused(text)
    assert hint in f"{found.message}. {found.hint}"
    assert found.position.line == line


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("name = “X”\n", (1, 8), "U+201C (left double quotation mark)", "straight double quote"),
        ("name = ‘X’\n", (1, 8), "U+2018", "straight single quote"),
        ("name\u00a0= 1\n", (1, 5), "U+00A0 (no-break space)", "looks like a space"),
        ("a = 1\n\u200bname = 1\n", (2, 1), "U+200B (zero width space)", "Delete it"),
        ("\ufeff\ufeffname = 1\n", (1, 1), "U+FEFF", "Delete it"),
        ("page–size = 1\n", (1, 5), "U+2013 (en dash)", "ordinary hyphen"),
        ("name ＝ 1\n", (1, 6), "U+FF1D (fullwidth equals sign)", "ordinary equals sign"),
        ('a = ["x"， "y"]\n', (1, 9), "U+FF0C", "ordinary comma"),
        ("größe = 1\n", (1, 3), "in a key", "in quotes"),
        ('a = 1\rb = "x"\n', (1, 6), "carriage return", "LF"),
        ("a = 1 \x00\n", (1, 7), "control character", "Delete it"),
    ],
)
def test_look_alike_characters_are_named(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    found = refused(text)
    assert found.position == TextPosition(*place)
    assert message in found.message
    assert found.hint is not None
    assert hint in found.hint


@pytest.mark.parametrize(
    ("line", "column", "meant"),
    [
        ("filter = status == `1`", 10, 'filter = "status == `1`"'),
        ("filter = items[?a == 'b']  # c", 10, "filter = \"items[?a == 'b']\"  # c"),
        ("filter = [?a == `1`]", 10, 'filter = "[?a == `1`]"'),
        ('filter = "a-b" == `x`', 10, """filter = '"a-b" == `x`'"""),
        ("""filter = a == "b" && c == 'd'""", 10, """filter = "a == \\"b\\" && c == 'd'\""""),
        ('filter = "status == `1`', 24, 'filter = "status == `1`"'),
        ("filter = 'status == `1`", 24, "filter = 'status == `1`'"),
    ],
)
def test_an_expression_without_its_quotes_gets_them(line: str, column: int, meant: str) -> None:
    text = f"a = 1\n{line}\nb = 1\n"
    found = refused(text)
    assert found.position == TextPosition(2, column)
    assert found.fix is not None
    assert apply(text, found.fix.edits) == f"a = 1\n{meant}\nb = 1\n"
    assert tomllib.loads(apply(text, found.fix.edits))["filter"]


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("[clients.m]\na = 1\n[clients.m]\nb = 1\n", (3, 1), "[clients.m] is declared twice, first on line 1", "Move"),
        ("a = 1\nb = 2\na = 3\n", (3, 1), "The key a is already defined on line 1", "Keep one"),
        ("a = 1\na = 3", (2, 1), "The key a is already defined on line 1", "Keep one"),
        ("[t]\na = 1\n\n  a = [\n 1,\n 2 ]\n", (4, 3), "The key a is already defined on line 2", "Keep one"),
        ("[[l]]\na = 1\n[[l]]\na = 1\na = 2\n", (5, 1), "on line 4", "Keep one"),
        ('x.y = 1\n"x".y = 2\n', (2, 1), "is already defined on line 1", "Keep one"),
        ("[[c.plugins]]\na = 1\n[c.plugins]\n", (3, 1), "[c.plugins] is a list since line 1", "[[c.plugins]]"),
        ("[c.plugins]\na = 1\n[[c.plugins]]\n", (3, 1), "is a single table", "on line 1"),
        ("c = { a = 1 }\n[c]\n", (2, 1), "c already has a value on line 1", "all of it there"),
        ("a = 1\n[a]\nb = 1\n", (2, 1), "a already has a value on line 1", "all of it there"),
    ],
)
def test_a_duplicate_names_the_first_definition(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    found = refused(text)
    assert found.position == TextPosition(*place)
    assert message in found.message
    assert found.hint is not None
    assert hint in found.hint


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("[a]\nx = 1\n[a]\ny = 2\n\n[b]\n", "[a]\nx = 1\ny = 2\n\n[b]\n"),
        (
            "[a]\nx = 1\n\n[b]\n\n# of it\n[a]  # again\n# y\ny = 2\n\n# z\nz = 3\n\n# about c\n[c]\n",
            "[a]\nx = 1\n# of it\n# again\n# y\ny = 2\n\n# z\nz = 3\n\n[b]\n\n# about c\n[c]\n",
        ),
        (
            '[a]\nx = 1\n[b]\n[a]\ny = """\n[t]\n\n"""\nz = [\n  [2],\n]\n',
            '[a]\nx = 1\ny = """\n[t]\n\n"""\nz = [\n  [2],\n]\n[b]\n',
        ),
        ("[a.t]\nv = 1\n[a]\nx = 1\n\n[a]\ny = 2\n# end\n", "[a.t]\nv = 1\n[a]\nx = 1\ny = 2\n# end\n"),
        (
            "[[l]]\n[l.t]\nx = 1\n[[l]]\n[l.t]\nx = 2\n[l.t]\ny = 3\n",
            "[[l]]\n[l.t]\nx = 1\n[[l]]\n[l.t]\nx = 2\ny = 3\n",
        ),
    ],
)
def test_a_table_that_is_declared_twice_is_merged_with_its_comments_and_blank_lines(text: str, merged: str) -> None:
    found = refused(text)
    assert found.fix is not None
    assert apply(text, found.fix.edits) == merged


@pytest.mark.parametrize("text", ["a = [1,\n2", "a = [1,\n", "a = { b = [1", 'a = """x\n', "a = '''x"])
def test_an_unclosed_value_is_reported_where_it_is_opened(text: str) -> None:
    found = refused(text)
    assert found.position.line == 1
    assert found.code == "not-closed"
    assert found.fix is not None


@given(st.text(max_size=60) | st.text("[]{}=.,'\"ab1\n #“", max_size=40))
def test_no_text_breaks_the_hints(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = explain_error(text, error)
        assert found.position.line >= 1
        assert found.position.column >= 1


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("verify = yes", "verify = true"),
        ("verify = False # no", "verify = false # no"),
        ('path = "C:\\Users\\x"', "path = 'C:\\Users\\x'"),
        ('say = "it\'s C:\\Users"', 'say = "it\'s C:\\\\Users"'),
        ("a = 1\nname: Acme store  # x\n", 'a = 1\nname = "Acme store"  # x\n'),
        ('name : "x"\n', 'name = "x"\n'),
        ("count: 5\n", "count = 5\n"),
        ("name := 5\n", "name = 5\n"),
        ('request = {"uri": "products", "n": 1}\n', 'request = {"uri" = "products", "n" = 1}\n'),
        ("request = {'uri': 'products'}\n", "request = {'uri' = 'products'}\n"),
        ('a = "x\nb = 1\n', 'a = "x"\nb = 1\n'),
        ("a = 'x\n", "a = 'x'\n"),
        ('a = { keyring = "x }\n', 'a = { keyring = "x" }\n'),
        ("name = Acme & Söhne\n", 'name = "Acme & Söhne"\n'),
        ("path = ~/x\n", 'path = "~/x"\n'),
        ("uri = https://acme.example/rest # the shop\n", 'uri = "https://acme.example/rest" # the shop\n'),
        ("a = {\n  b = 1,\n  c = [1,\n  2],\n}\nd = 1\n", "a = { b = 1, c = [1, 2] }\nd = 1\n"),
        ('a = { b = "x", }\n', 'a = { b = "x" }\n'),
        ('a = { b = "x y" c = "y" }\n', 'a = { b = "x y", c = "y" }\n'),
        ('a = ["x" "y"]\n', 'a = ["x", "y"]\n'),
        ("a = 1,5\n", "a = 1.5\n"),
        ("a = 0012\n", 'a = "0012"\n'),
        ("a = 30s\n", 'a = "30s"\n'),
        ("a = 5 MB\n", 'a = "5 MB"\n'),
        ("a = null\nb = 1", "# a = null\nb = 1"),
        ("a == 1\n", "a = 1\n"),
        ('a => "x"\n', 'a = "x"\n'),
        ('my key = "x"\n', '"my key" = "x"\n'),
        ('name "x"\n', 'name = "x"\n'),
        ("name Acme\n", 'name = "Acme"\n'),
        ('a = "x";\n', 'a = "x"\n'),
        ('a = "x", # y\nb = 1', 'a = "x" # y\nb = 1'),
        ('a = "x" // why\n', 'a = "x" # why\n'),
        ("// why\n", "# why\n"),
        ("a = 1 b = 2\n", "a = 1\nb = 2\n"),
        ("[clients.m\na = 1\n", "[clients.m]\na = 1\n"),
        ("[[clients.m.plugins]\na = 1\n", "[[clients.m.plugins]]\na = 1\n"),
        ("[clients.m.plugins]]\na = 1\n", "[[clients.m.plugins]]\na = 1\n"),
        ("[clients.m]]\na = 1\n", "[clients.m]\na = 1\n"),
        ("[clients m]\n", "[clients.m]\n"),
        ("[clients..m]\n", "[clients.m]\n"),
        ("[clients.m]:\n", "[clients.m]\n"),
        ("name = “X”\n", 'name = "X"\n'),
        ("page–size = 1\n", "page-size = 1\n"),
        ("name\u00a0= 1\n", "name = 1\n"),
        ("a = 1\n\u200bname = 1\n", "a = 1\nname = 1\n"),
        ("größe = 1\n", '"größe" = 1\n'),
        ('a = 1\rb = "x"\n', 'a = 1\nb = "x"\n'),
        ("a = 1 \x00\n", "a = 1 \n"),
        ("a = 1\nb = 2\na = 3\n", "a = 1\nb = 2\n# a = 3\n"),
        (
            "[c.m]\na = 1\n\n[d]\n\n[c.m]\nb = 1\n\n[e]\n",
            "[c.m]\na = 1\nb = 1\n\n[d]\n\n[e]\n",
        ),
        ("[[c.plugins]]\na = 1\n[c.plugins]\n", "[[c.plugins]]\na = 1\n[[c.plugins]]\n"),
        ("[c.plugins]\na = 1\n[[c.plugins]]\n", "[[c.plugins]]\na = 1\n[[c.plugins]]\n"),
        ('a = ["x",\n  "y"\n', 'a = ["x",\n  "y"]\n'),
        ('a = ["x"\nb = 1\n', 'a = ["x"]\nb = 1\n'),
        ('a = { x = "x"\nb = 1\n', 'a = { x = "x" }\nb = 1\n'),
    ],
)
def test_common_mistakes_are_corrected(text: str, corrected: str) -> None:
    fix = refused(text).fix
    assert fix is not None
    assert apply(text, fix.edits) == corrected
    tomllib.loads(corrected)
    assert refused(text).code != SYNTAX


@pytest.mark.parametrize("text", ["a =\n", "= 1\n", "name\n", "[]\n", "c = { a = 1 }\n[c]\n", "a = {\n# c\n}"])
def test_what_may_mean_several_things_is_not_corrected(text: str) -> None:
    assert refused(text).fix is None


@pytest.mark.parametrize("text", ["a = { page-size = 50x }\n", "a = { page-size = 50x, c = 1 }\n"])
def test_an_invalid_value_in_an_inline_table_is_named_at_its_place(text: str) -> None:
    found = refused(text)
    assert (found.position, found.message) == (TextPosition(1, 19), "A number with a unit is text")
