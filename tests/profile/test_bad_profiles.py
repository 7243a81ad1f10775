"""Files that are no profile, or a wrong one: the place, what is wrong, what to do, and nothing is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bad_texts import BAD, CLIENT, START
from user_errors import user_error

from tui_connector import __version__
from tui_connector.cli.errors import Exit, exit_code
from tui_connector.cli.opening import read
from tui_connector.errors import UserError
from tui_connector.profile.document import Document
from tui_connector.profile.found import elements_of
from tui_connector.profile.library import Library
from tui_connector.profile.problems import check
from tui_connector.profile.text_checker import Checker


def said(path: Path) -> str:
    """What a command says of this file, which it refuses."""
    with pytest.raises(UserError) as failed:
        read(path)
    assert exit_code(failed.value) == Exit.SETUP
    assert "Traceback" not in str(failed.value)
    assert str(path) in str(failed.value)
    return str(failed.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [pytest.param(*each[1:], marks=pytest.mark.bad_input(each[0]), id=f"{each[0]}-{each[2][0][:30]}") for each in BAD],
)
def test_a_toml_error_has_its_position(
    text: str | bytes, words: tuple[str, ...], tmp_path: Path, may_hold_canary: set[Path]
) -> None:
    path = tmp_path / "acme.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    may_hold_canary.add(path)
    message = said(path)
    assert [word for word in words if word not in message] == []
    assert "CANARY" not in message


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(
        'format = 0\nnmae = "x"\n[clients.a]\ntimeout = "30"\n[incoming.p]\nclient = "b"\nrequest = { uri = "&{" }\n'
    )
    lines = said(path).splitlines()
    assert [line.removeprefix(str(path)).split(":")[1] for line in lines[:-1]] == ["1", "1", "2", "4", "6", "7"]
    assert lines[-1] == "The profile has 6 problems; nothing was sent."


def test_a_newer_format_is_one_problem_that_says_what_to_update(tmp_path: Path) -> None:
    """What a later version of the program has added is not reported as unknown keys."""
    path = tmp_path / "acme.toml"
    path.write_text('name = "x"\n# by a later version\nformat = 2\nworkspaces = ["a"]\n[clients.a]\n')
    lines = said(path).splitlines()
    assert lines[0].startswith(f"{path}:3:1: format: format 2 is newer than this program, tui-connector {__version__}")
    assert "update the program" in lines[0]
    assert lines[1:] == ["The profile has 1 problem; nothing was sent."]


@pytest.mark.bad_input(2, 4)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_byte_order_mark_line_ends_and_a_missing_last_one_survive(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "acme.toml"
    lines = ["format = 1", 'name = "x"  # ours', "[clients.a]", 'timeout = "30s"']
    path.write_bytes(b"\xef\xbb\xbf" + ending.join(lines).encode())
    document = Document.read(path)
    document.set(("clients", "a", "timeout"), "10s")
    document.save(path)
    assert path.read_bytes() == b"\xef\xbb\xbf" + ending.join(lines).encode().replace(b"30s", b"10s")


@pytest.mark.bad_input(11, 12)
def test_tables_out_of_order_and_dotted_keys_can_be_edited(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(f'{CLIENT}timeout = "9s"\n[incoming.p]\nclient = "a"\nrequest.uri = "products"\n[clients.b]\n')
    document = Document.read(path)
    document.set(("incoming", "p", "request", "method"), "get")
    document.set(("clients", "a", "title"), "A")
    document.save(path)
    saved = read(path)
    assert saved.incoming["p"].request.method == "get"
    assert saved.clients["a"].title == "A"
    assert list(saved.clients) == ["a", "b"]


NAMES = ["", ".", "..", "a/b", "x" * 300, "\u202edorp", "\x1b]0;x\x07", "[/bold]", "a b", "-a"]


@pytest.mark.bad_input(14)
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_an_invalid_profile_name_says_why(name: str, tmp_path: Path) -> None:
    with user_error("profile-name") as refused:
        Library(tmp_path).path_for(name)
    assert refused.value.message
    assert "\x1b" not in str(refused.value)


@pytest.mark.bad_input(14)
@pytest.mark.parametrize(("there", "new"), [("prod", "PROD"), ("a-b", "a_b")])
def test_two_names_that_share_their_environment_variables_are_refused(there: str, new: str, tmp_path: Path) -> None:
    (tmp_path / f"{there}.toml").write_text(START)
    with user_error("profile-name", match="same environment variables"):
        Library(tmp_path).path_for(new)


@pytest.mark.bad_input(17, 19)
def test_a_special_file_never_hangs_the_program(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "directory.toml").mkdir()
    (tmp_path / "circle.toml").symlink_to(tmp_path / "circle.toml")
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    words = {"pipe": "is a pipe", "directory": "is a directory", "circle": "symbolic links", "endless": "is a device"}
    for name, word in words.items():
        assert word in said(tmp_path / f"{name}.toml")
    listed = {entry.name: entry.problem for entry in Library(tmp_path).list()}
    assert [name for name in words if not listed[name]] == []


@pytest.mark.bad_input(18)
def test_a_profile_that_breaks_while_it_is_open_is_not_overwritten(tmp_path: Path) -> None:
    from tui_connector.files import ChangedOnDisk

    path = tmp_path / "acme.toml"
    path.write_text(START)
    document = Document.read(path)
    path.write_text("format = ")
    document.set(("name",), "y")
    with pytest.raises(ChangedOnDisk, match="changed since it was read"):
        document.save(path)
    assert path.read_text() == "format = "
    with user_error("toml-syntax"):
        Document.read(path)
    path.unlink()
    with pytest.raises(ChangedOnDisk, match="is gone"):
        document.save(path)


@pytest.mark.bad_input(20)
def test_a_mode_that_everybody_may_write_is_kept_and_works(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(START)
    path.chmod(0o666)
    document = Document.read(path)
    document.set(("name",), "y")
    document.save(path)
    assert path.stat().st_mode & 0o777 == 0o666
    assert read(path).name == "y"


def test_undefined_references_are_reported_with_all_other_problems(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(
        f"{START}"
        '[authentications.token]\nkind = "bearer"\n'  # no token: wrong by itself, and there all the same
        '[clients.a]\nauthentications = ["token", "tokne"]\n'
        "[clients.b]\ntimeout = 0\n"
        '[incoming.p]\nclient = "c"\nrequest = { uri = "products" }\n'
        '[incoming.q]\nclient = "b"\nrequest = { uri = "@{rnu.started_at}" }\n'
    )
    message = said(path)
    for words in (
        ":3:1: authentications.token.token: is missing",
        ":6:29: clients.a.authentications.1 (item 2 of 2): unknown authentication 'tokne'; did you mean 'token'?",
        ":8:1: clients.b.timeout",
        ":10:1: incoming.p.client: unknown client 'c'",
        "the run has no 'rnu'; did you mean 'run'?",
    ):
        assert words in message
    assert message.count(": unknown ") == 2


def test_a_name_with_a_quote_in_it_is_suggested_too(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(f'{START}[clients."o\'brien"]\n[incoming.p]\nclient = "o\'brian"\nrequest.uri = "products"\n')
    assert 'unknown client "o\'brian"; did you mean "o\'brien"?' in said(path)


def test_a_wrong_parent_is_named_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(
        f"{START}[clients.m]\n"
        + "".join(
            f'[incoming.{name}]\nclient = "m"\nparent.incoming = "{parent}"\nrequest.uri = "{uri}"\n{more}'
            for name, parent, uri, more in [
                ("a", "b", "a/&{id}", ""),
                ("b", "a", "b/&{id}", ""),
                ("c", "ordres", "c/&{id}", ""),
                ("d", "orders", "d", ""),
                ("e", "d", "e/&{id}", 'incremental.field = "at"\n'),
            ]
        )
        + '[incoming.orders]\nclient = "m"\nrequest.uri = "orders/&{id}"\n'
    )
    message = said(path)
    for words in (
        ":6:8: incoming.a.parent.incoming: the parent depends on itself: a → b → a",
        ":14:8: incoming.c.parent.incoming: unknown incoming 'ordres'; did you mean 'orders'?",
        "incoming.d.request: is the same for every item of the parent: read a field of it, such as &{entity_id}",
        ":24:13: incoming.e.incremental.field: the date must be one of the parent, and d is itself read for each item",
        ":27:9: incoming.orders.request.uri: &{id}: there is no entity here",
    ):
        assert words in message


def test_one_problem_of_a_part_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(
        f"{START}"
        '[authentications.r]\nkind = "request"\n'
        'parameters.username = "u"\nparameters.password = "pp"\nparameters.token = "qq"\n'
        '[clients.m]\nauthentications = ["nope"]\ntimeot = "3s"\n'
        '[incoming.a]\nclient = "magneto"\nrequest = { uri = "p" }\n'
        'pagination = { kind = "page-number", page-size = 0 }\n'
        '[outgoing.b]\nclient = "m"\nrequest.uri = "x"\n'
        '[outgoing.b.request.parameters]\na.y = "&{@"\na.z = ["q", "&{a b}"]\n'
    )
    message = said(path)
    for words in (
        ":6:12: authentications.r.parameters.password: 'password' is a secret",
        ":7:12: authentications.r.parameters.token: 'token' is a secret",
        ":9:20: clients.m.authentications.0: unknown authentication 'nope'",
        ":10:1: clients.m.timeot: unknown key; did you mean 'timeout'?",
        ":12:1: incoming.a.client: unknown client 'magneto'",
        ":14:38: incoming.a.pagination.page-size: must be at least 1",
        ":19:8: outgoing.b.request.parameters.a.y: &{ is not closed",
        ":20:18: outgoing.b.request.parameters.a.z.1 (item 2 of 2): &{a b}: invalid JMESPath",
    ):
        assert words in message
    assert "8 problems" in message


@pytest.mark.parametrize("authentications", ["authentications = 1\n", "authentications = { a = 1 }\n"])
def test_a_reference_to_an_invalid_part_is_no_further_problem(authentications: str, tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(f'{START}{authentications}[clients.b]\nauthentications = ["a"]\ntimeout = 0\n')
    assert ": unknown " not in said(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[clients.m]\nauthentications = []\n[[clients.m.plugins]]\nkind = "content-type"\ntimeout = "30s"\n',
            ":7:1: clients.m.plugins.0.timeout: unknown key in clients.m.plugins; "
            "'timeout' belongs to [clients.m]: move it there",
        ),
        (
            '[clients.m]\n[clients.m.tls]\nverify = true\ntimeout = "30s"\n',
            "'timeout' belongs to [clients.m]: move it there",
        ),
        (
            '[clients.m]\n[incoming.p]\nclient = "m"\nrequest = { uri = "p" }\n[incoming.p.pagination]\n'
            'kind = "page-number"\nidentifier = "sku"\n',
            "'identifier' belongs to [incoming.p]: move it there",
        ),
        (
            '[incoming.p]\nrequest = { uri = "p", items = "items" }\n',
            "'items' belongs to [incoming.p]: move it there",
        ),
        (
            '[incoming.p]\nrequest = { uri = "p" }\nexpected = [202]\n',
            "unknown key in incoming.p; 'expected' belongs to incoming.p.request: move it there",
        ),
        (
            '[incoming.p]\nrequest = { uri = "p" }\nexpected-status = [200]\n',
            "unknown key in incoming.p; did you mean 'expected' in incoming.p.request?",
        ),
        (
            '[outgoing.p]\nbody = { sku = "a" }\n[outgoing.p.request]\nuri = "p"\n',
            "unknown key in outgoing.p; did you mean 'parameters' in outgoing.p.request?",
        ),
        ("verify = true\n[clients.m.tls]\n", ":3:1: verify: unknown key\n"),
        (
            'batch = 20\n[outgoing.p]\nrequest = { uri = "p" }\n',
            "batch: unknown key at the top level; 'batch' belongs to outgoing.p: move it there",
        ),
        ('timeout = "30s"\n[clients.m]\n[clients.n]\n', ":3:1: timeout: unknown key; 'timeout' is a key of a client\n"),
        (
            '[clients.m]\n[incoming.p]\nclient = "m"\nrequest = { uri = "p" }\ntimout = "30s"\n',
            "timout: unknown key in incoming.p; did you mean 'timeout' in [clients.m]?",
        ),
        (
            '[clients.m]\ntimeout = "9s"\n[incoming.p]\nclient = "m"\nrequest = { uri = "p" }\ntimeout = "30s"\n',
            "unknown key in incoming.p; 'timeout' belongs to [clients.m], where it is set already",
        ),
        (
            '[clients.m]\n[[clients.m.plugins]]\nkind = "content-type"\n[[clients.m.plugins]]\nkind = "retry"\n'
            '[outgoing.p]\nclient = "m"\nattempts = 3\n',
            "'attempts' belongs to clients.m.plugins (item 2 of 2): move it there",
        ),
        (
            '[clients.m]\nauthentications = ["a"]\ntoken = { env = "T" }\n[authentications.a]\nkind = "bearer"\n',
            "unknown key in clients.m; 'token' belongs to [authentications.a]: move it there",
        ),
        ("[clients.m]\nattempts = 3\n", "'attempts' is a key of the kind \"retry\" in plugins"),
        ("[clients.m]\nbatch = 3\n", "'batch' is a key of an outgoing"),
        (
            '[outgoing.p]\nclient = "m"\nsource = { kind = "jsonl", path = "x", delimiter = ";" }\n',
            'source.delimiter: unknown key; \'delimiter\' is a key of the kinds "csv", "stdin"',
        ),
        ('[clients.m]\ndescripton = "x"\n', "unknown key; did you mean 'description'?"),
        ('[outgoing.p]\nclient = "m"\nbatchsize = 20\n', "batchsize: unknown key; did you mean 'batch'?"),
        (
            '[clients.m]\ndescripton = "x"\ndescription = "y"\n',
            "unknown key; 'description', which it resembles, is set already",
        ),
        ("[clients.m.tls]\nformat = 1\n", "'format' belongs to the top of the file, above the first table"),
    ],
)
def test_a_key_below_another_tables_header_names_the_table_it_belongs_to(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(START + text)
    assert words in said(path)


def test_a_reference_to_an_incoming_is_checked_by_name_even_if_that_is_invalid() -> None:
    text = """format = 1
name = "Acme"
[clients.m]
[incoming.orders]
client = "m"
request = { uri = "orders", methd = "get" }
[incoming.comments]
client = "m"
parent = { incoming = "orders" }
request = { uri = "orders/&{entity_id}/comments" }
[outgoing.copies]
client = "m"
source = { kind = "incoming", name = "orders" }
request = { method = "post", uri = "copies" }
[outgoing.others]
client = "m"
source = { kind = "incoming", name = "order" }
request = { method = "post", uri = "others" }
"""
    assert [str(each) for each in check(text)[1]] == [
        "6:29: incoming.orders.request.methd: unknown key; did you mean 'method'?",
        "17:31: outgoing.others.source.name: unknown incoming 'order'; did you mean 'orders'?",
    ]


def test_a_repeated_key_names_the_line_of_the_first_one_in_the_whole_text() -> None:
    text = 'format = 1\nname = "Acme"\n\n[clients.m]\ntimeout = "1s"\ntimeout = "2s"\n'
    [problem] = Checker().check(text).problems
    assert str(problem).startswith("6:1: The key timeout is already defined on line 5")


def test_elements_of_lists_are_counted_as_people_do() -> None:
    data = {"steps": [{}, {"items": [1, 2, 3]}], "one": [0]}
    assert elements_of(data, ("steps", 1, "items", 0)) == "item 2 of 2, item 1 of 3"
    assert elements_of(data, ("one", 0)) == elements_of(data, ("steps",)) == elements_of(data, ("steps", 5)) == ""


@pytest.mark.parametrize(
    ("sink", "problem"),
    [
        ("port = 5432", "9:1: incoming.orders.sink.host: name either a host or a service"),
        ('host = "db"', "9:1: incoming.orders.sink.database: a host needs a database"),
        ('host = "db", service = "w"', "9:42: incoming.orders.sink.service: name either a host or a service"),
        ('service = "w", user = "u"', "incoming.orders.sink.user: the service determines the database and the user"),
    ],
)
def test_a_problem_of_several_keys_is_at_the_one_to_change(sink: str, problem: str) -> None:
    text = f"""format = 1
name = "Acme"

[clients.m]

[incoming.orders]
client = "m"
request = {{ uri = "https://acme.example/orders" }}
sink = {{ kind = "postgres", {sink} }}
identifier = "id"
""".replace(", }", " }")
    [found] = check(text)[1]
    assert problem in str(found)
