"""A profile's text is read, edited as data and written again; what was written by hand stays as it was."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from user_errors import user_error

from tui_connector.profile.document import UNSET, Document

STORE: dict[str, Any] = {
    "clients": {
        "shop": {
            "plugins": [{"kind": "base-uri", "uri": "https://shop.example/rest/V1"}, {"kind": "content-type"}],
            "authentications": ["tokens"],
            "timeout": "30s",
        }
    },
    "incoming": {
        "products": {
            "client": "shop",
            "request": {"uri": "products"},
            "pagination": {"kind": "keyset", "page-size": 100},
            "sink": {"kind": "jsonl", "path": "products.jsonl"},
        }
    },
    "authentications": {"tokens": {"kind": "bearer", "token": {"keyring": "shop/token"}}},
    "name": "My shop",
    "format": 1,
}

STORE_TEXT = """\
#:schema ./tui-connector.schema.json
format = 1
name = "My shop"

[authentications.tokens]
kind = "bearer"
token = { keyring = "shop/token" }

[clients.shop]
authentications = ["tokens"]
timeout = "30s"

[[clients.shop.plugins]]
kind = "base-uri"
uri = "https://shop.example/rest/V1"

[[clients.shop.plugins]]
kind = "content-type"

[incoming.products]
client = "shop"
request = { uri = "products" }
pagination = { kind = "keyset", page-size = 100 }
sink = { kind = "jsonl", path = "products.jsonl" }
"""


def after(text: str, *edits: tuple[tuple[str | int, ...], Any]) -> str:
    document = Document(text)
    for path, value in edits:
        document.set(path, value)
    return document.text()


def test_a_new_profile_reads_as_if_written_by_hand() -> None:
    document = Document.new(STORE)
    assert document.changed
    assert document.text() == STORE_TEXT


def test_a_setup_that_grows_step_by_step_comes_out_the_same() -> None:
    document = Document.new({})
    for path in [("incoming",), ("clients",), ("name",), ("authentications",), ("format",)]:
        document.set(path, STORE[path[0]])
    assert document.text() == STORE_TEXT


def test_a_long_array_is_written_on_several_lines() -> None:
    names = [f"authentication-number-{number}" for number in range(5)]
    request = {"method": "post", "uri": "inventory/source-items", "parameters": {"a" * 40: "b" * 40}}
    text = Document.new({"clients": {"c": {"authentications": names}}, "outgoing": {"o": {"request": request}}}).text()
    assert 'authentications = [\n    "authentication-number-0",\n' in text
    assert '[outgoing.o.request]\nmethod = "post"\n' in text


def test_nothing_changed_changes_nothing() -> None:
    document = Document("a   =   1 # x\n\n\n")
    document.set(("a",), 2)
    document.set(("a",), 1)
    assert not document.changed
    assert document.text() == "a   =   1 # x\n\n\n"


def test_a_key_of_a_new_part_that_is_removed_and_set_again_keeps_its_place() -> None:
    part = {"client": "m", "request": {"uri": "products"}, "items": "items"}
    document = Document.new({"format": 1, "incoming": {"p": part}})
    for key in ("client", "request", "items"):
        document.set(("incoming", "p", key), UNSET)
        document.set(("incoming", "p", "title"), "new")
        if key == "request":
            document.set(("incoming", "p", "request", "uri"), "orders")
        else:
            document.set(("incoming", "p", key), key)
    assert list(document.draft["incoming"]["p"]) == ["client", "request", "items", "title"]


def test_a_field_cleared_and_typed_again_keeps_its_comment() -> None:
    text = '[clients.m]\ntimeout = "30s"   # generous\nproxy = "x"\n'
    cleared_and_typed = (("clients", "m", "timeout"), UNSET), (("clients", "m", "timeout"), "60s")
    assert after(text, *cleared_and_typed) == text.replace("30s", "60s")


PLUGINS = """\
[clients.m]
timeout = "1s"

# where
[[clients.m.plugins]]
kind = "base-uri"

# tries again
[[clients.m.plugins]]
kind = "retry"

# last
[[clients.m.plugins]]
kind = "content-type"

# products
[incoming.p]
client = "m"
"""


def test_a_plugin_is_appended_after_the_last_and_takes_no_comment() -> None:
    new = after(PLUGINS, (("clients", "m", "plugins", 3), {"kind": "log-requests", "headers": {"a": "b"}}))
    added = '[[clients.m.plugins]]\nkind = "log-requests"\nheaders = { a = "b" }\n\n'
    assert new == PLUGINS.replace("# products", added + "# products")


def test_a_removed_plugin_takes_its_comment_and_no_other() -> None:
    new = after(PLUGINS, (("clients", "m", "plugins", 1), UNSET))
    assert new == PLUGINS.replace('# tries again\n[[clients.m.plugins]]\nkind = "retry"\n\n', "")


def test_plugins_change_places_with_their_comments() -> None:
    document = Document(PLUGINS)
    plugins = document.draft["clients"]["m"]["plugins"]
    document.set(("clients", "m", "plugins"), [plugins[2], plugins[0], plugins[1]])
    assert [line for line in document.text().splitlines() if line.startswith("#")] == [
        "# last",
        "# where",
        "# tries again",
        "# products",
    ]


def test_all_plugins_removed_and_added_again() -> None:
    new = after(PLUGINS, (("clients", "m", "plugins"), []))
    assert new == '[clients.m]\ntimeout = "1s"\nplugins = []\n\n# products\n[incoming.p]\nclient = "m"\n'
    again = after(new, (("clients", "m", "plugins"), [{"kind": "retry"}]))
    assert '[[clients.m.plugins]]\nkind = "retry"\n\n# products\n' in again


def test_a_removed_table_leaves_its_neighbours_their_comments() -> None:
    text = "# one\n[a]\nx = 1\n\n# two\n[b]\ny = 1\n\n# apart\n\n# three\n[c]\n"
    assert after(text, (("b",), UNSET)) == "# one\n[a]\nx = 1\n\n# apart\n\n# three\n[c]\n"
    assert after(text, (("a",), UNSET)) == text.removeprefix("# one\n[a]\nx = 1\n\n")
    assert after(text, (("c",), UNSET)) == "# one\n[a]\nx = 1\n\n# two\n[b]\ny = 1\n\n# apart\n\n"


def test_the_schema_line_belongs_to_the_file() -> None:
    text = "#:schema ./tui-connector.schema.json\nformat = 1\nb = 2\n"
    assert after(text, (("format",), UNSET)).startswith("#:schema ./tui-connector.schema.json\n")


def test_a_key_under_a_dotted_parent_does_not_move_its_neighbours() -> None:
    """tomlkit moves `z` into the new table (python-poetry/tomlkit, pull request 588)."""
    new = after("a.b = 1\nz = 2\n", (("a", "new"), {"k": 3}))
    assert new == "a.b = 1\na.new = { k = 3 }\nz = 2\n"


def test_tables_out_of_order_stay_out_of_order() -> None:
    """tomlkit refuses some of these (python-poetry/tomlkit, issue 571)."""
    text = "[a.b]\nx = 1\n[c]\n[a.d]\ny = 1\n[a]\nz = 1\n"
    assert after(text, (("a", "z"), 2), (("a", "b", "x"), 3)) == text.replace("z = 1", "z = 2").replace(
        "x = 1", "x = 3"
    )


def test_new_lines_end_as_the_others_do() -> None:
    text = "[a]\r\nx = 1\r\n"
    assert after(text, (("a", "y"), 2), (("b",), {"z": 3})) == "[a]\r\nx = 1\r\ny = 2\r\n\r\n[b]\r\nz = 3\r\n"


def test_a_missing_last_line_end_stays_missing() -> None:
    assert after("a = 1\nb = 2", (("b",), 3)) == "a = 1\nb = 3"
    assert after("a = 1", (("b",), 2)) == "a = 1\nb = 2"


def test_the_lines_of_an_array_keep_their_comments() -> None:
    text = 'a = [ # all\n  # one, or another\n  "x", # beside, x\n\n  # two\n  "y" # beside y\n]\n'
    appended = '"y", # beside y\n  "z"\n]'
    assert after(text, (("a", 2), "z")) == text.replace('"y" # beside y\n]', appended)
    assert after(text, (("a", 0), UNSET)) == 'a = [ # all\n\n  # two\n  "y" # beside y\n]\n'
    assert after(text, (("a", 1), UNSET)) == 'a = [ # all\n  # one, or another\n  "x" # beside, x\n]\n'


def test_invisible_and_bidirectional_characters_are_escaped() -> None:
    new = after("a = 1\n", (("a",), "x\u202edorp\u200b\x1b]0;\U000e0041é"))
    assert new == 'a = "x\\u202edorp\\u200b\\u001b]0;\\U000e0041é"\n'


def test_where_a_comment_would_be_lost_the_change_is_refused_with_its_line() -> None:
    document = Document("a = 1\n[b]   # precious\nc = 1\n")
    document.set(("b",), 5)
    with user_error("toml-splice") as caught:
        document.text()
    assert caught.value.keys == ("b",)
    assert (caught.value.line, caught.value.column) == (2, 1)
    assert "precious" in caught.value.message


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "null"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        ({1: 2}, "text as its name"),
        (2**64, "64 bits"),
        (b"x", "bytes"),
        ({"x": [1, {"y": None}]}, "null"),
        ({1, 2}, "set"),
    ],
)
def test_values_that_toml_cannot_hold_are_refused_with_their_path(value: Any, why: str) -> None:
    document = Document("a = 1\n")
    document.set(("b",), value)
    with user_error("toml-value") as caught:
        document.text()
    assert caught.value.keys[0] == "b"
    assert why in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -0.0, 1e22, True, 1, 1.0])
def test_numbers_keep_their_kind(value: Any) -> None:
    read = tomllib.loads(after("a = 7\n", (("a",), value)))["a"]
    assert repr(read) == repr(value)


def test_a_value_that_was_set_is_copied() -> None:
    document, plugins = Document(""), [{"kind": "retry"}]
    document.set(("plugins",), plugins)
    plugins.append({"kind": "x"})
    assert document.draft == {"plugins": [{"kind": "retry"}]}


@pytest.mark.parametrize("path", [("l", 5), ("l", 5, "x"), ("s", "x"), ("l", "x"), ("l", -1)])
def test_a_path_that_leads_nowhere_is_an_error(path: tuple[str | int, ...]) -> None:
    with pytest.raises(LookupError):
        Document('l = [1]\ns = "x"\n').set(path, 1)


def test_removing_a_missing_key_changes_nothing() -> None:
    document = Document("a = 1\n")
    document.set(("b", "c"), UNSET)
    assert not document.changed


# What people have in files


@pytest.mark.parametrize("text", ["", "# only\n# comments\n", "\n\n"])
def test_an_empty_file_is_an_empty_profile_and_can_be_filled(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    document = Document.read(path)
    assert document.draft == {}
    document.set(("name",), "x")
    assert tomllib.loads(document.text()) == {"name": "x"}
    assert document.text().startswith(text.strip())


def test_a_byte_order_mark_and_mixed_line_ends_survive_a_save(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n# c\nb = 2")
    document = Document.read(path)
    document.set(("b",), 3)
    document.save()
    assert path.read_bytes() == b"\xef\xbb\xbfa = 1\r\n# c\nb = 3"


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"a = 1\nb = 'caf\xe9'\n", 2), ("a = 1\n".encode("utf-16"), 1), (b"\xfe\xff\x00a", 1), (b"\n\n\xff", 3)],
)
def test_a_text_that_is_not_utf_8_has_a_line(tmp_path: Path, data: bytes, line: int) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(data)
    with user_error("profile-unreadable") as caught:
        Document.read(path)
    assert caught.value.line == line
    assert "UTF-8" in caught.value.message


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = 1\nb = \x00\n", 2, 5),
        ('a = 1\nb = "x', 2, 7),
        ("a = [1,\n2", 1, 9),
        ("a = 1\na = 2\n", 2, 1),
        ("[a]\n[b]\n[a]\n", 3, 1),
        ("[p.x]\n[[p]]\n", 2, 1),
        ("verify = yes\n", 1, 10),
        ('p = "C:\\Users"\n', 1, 10),
        ('{"a": 1}', 1, 1),
        ("a = {\n b = 1\n}\n", 1, 6),
        ("x = 1\na = " + "9" * 5000, 2, 5),
        ("x = 1\n\na = 0x" + "f" * 5000, 3, 1),
        ("a = 2020-02-30\n", 1, 5),
    ],
)
def test_invalid_toml_has_a_position(tmp_path: Path, text: str, line: int, column: int) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with user_error("toml-syntax") as caught:
        Document.read(path)
    assert caught.value.line == line
    assert abs(caught.value.column - column) <= 2  # tomllib's columns differ by a few between versions
    assert str(caught.value).startswith(f"{path}:{line}:")
    assert "(at" not in caught.value.message


@pytest.mark.parametrize("depth", [200, 20_000])
def test_deep_nesting_is_refused_whatever_its_depth(depth: int) -> None:
    with user_error("profile-unreadable", match="nested too deeply"):
        Document("a = " + "[" * depth + "]" * depth)


def test_numbers_that_look_like_times_are_data() -> None:
    text = 'a = nan\nb = inf\nc = 1e400\nd = -1\ntimeout = "30"\n'
    assert after(text, (("d",), 0)) == text.replace("-1", "0")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with user_error("profile-missing", match="file not found"):
        Document.read(tmp_path / "none.toml")


STEPS = """\
# looks for it
[[outgoing.stock.steps]]
name = "find"
request = { uri = "products/&{sku}", expected = [404] }

# makes it
[[outgoing.stock.steps]]
name = "create"
request = { uri = "products", method = "post" }
"""


def test_a_new_step_does_not_take_over_the_comment_of_a_removed_one() -> None:
    document = Document(STEPS)
    document.set(("outgoing", "stock", "steps", 0), UNSET)
    document.set(("outgoing", "stock", "steps", 1), {"name": "notify", "request": {"uri": "comments"}})
    text = document.text()
    assert "# looks for it" not in text
    assert '# makes it\n[[outgoing.stock.steps]]\nname = "create"' in text


def test_a_step_keeps_its_comment_when_its_name_and_its_address_change() -> None:
    document = Document(STEPS)
    document.set(("outgoing", "stock", "steps", 1, "name"), "add")
    document.set(("outgoing", "stock", "steps", 1, "request", "uri"), "products/new")
    assert '# makes it\n[[outgoing.stock.steps]]\nname = "add"' in document.text()
