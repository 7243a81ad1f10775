"""Profiles are listed, found and named, whatever lies in their directory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from user_errors import user_error

from tui_connector.files import TEMPORARY
from tui_connector.profile import library as module
from tui_connector.profile.library import MAX_SIZE, Library, read_summary

ACME = """\
name = "Acme store"
[clients.default]
timeout = "5s"
[[clients.magento.plugins]]
kind = "content-type"
[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/V1"
[[clients.other.plugins]]
kind = "base-uri"
uri = "https://other.example"
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    (tmp_path / "acme.toml").write_text(ACME)
    (tmp_path / "Beta.toml").write_text("")
    return Library(tmp_path)


def test_a_list_shows_name_title_and_address(library: Library) -> None:
    acme, beta = library.list()
    assert (acme.name, acme.title, acme.base_uri) == ("acme", "Acme store", "https://acme.example/rest/V1")
    assert (beta.name, beta.title, beta.base_uri, beta.problem) == ("Beta", "Beta", None, None)
    assert acme.modified == acme.path.stat().st_mtime


def test_no_directory_has_no_profiles(tmp_path: Path) -> None:
    library = Library(tmp_path / "none")
    assert library.list() == []
    assert library.name_from("Acme") == "acme"
    with user_error("profile-unknown") as caught:
        library.find("acme")
    assert "setup" in caught.value.hint


def test_a_file_in_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with user_error("profile-unreadable"):
        Library(tmp_path / "file").list()


def test_hidden_temporary_and_other_files_are_not_listed(library: Library) -> None:
    for name in [".hidden.toml", f"{TEMPORARY}0123.tmp", "acme.toml~", "notes.md", "#acme.toml#"]:
        (library.directory / name).write_text("a = 1")
    assert [entry.name for entry in library.list()] == ["acme", "Beta"]


def test_unreadable_files_are_listed_with_their_problem(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "directory.toml").mkdir()
    (tmp_path / "loop.toml").symlink_to(tmp_path / "loop.toml")
    (tmp_path / "nothing.toml").symlink_to(tmp_path / "file not found")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    with open(tmp_path / "large.toml", "wb") as file:
        file.truncate(50 * MAX_SIZE)
    for name, data in {
        "latin": b"name = 'caf\xe9'",
        "utf16": "name = 1".encode("utf-16"),
        "syntax": b"a = ",
        "deep": b"a = " + b"[" * 20_000 + b"]" * 20_000,
        "number": b"a = " + b"9" * 5_000,
    }.items():
        (tmp_path / f"{name}.toml").write_bytes(data)
    entries = Library(tmp_path).list()
    assert len(entries) == 11
    assert all(entry.problem and entry.title == entry.name and entry.base_uri is None for entry in entries)


@pytest.mark.parametrize(
    "text",
    [
        "name = 5",
        "clients = 1",
        "clients = [1]",
        "[clients]\nx = 1",
        "[clients.x]\nplugins = 1",
        "[clients.x]\nplugins = [1, {}]",
        '[clients.x]\nplugins = [{kind = "base-uri", uri = 1}]',
    ],
)
def test_invalid_data_still_has_a_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.toml").write_text(text)
    (entry,) = Library(tmp_path).list()
    assert (entry.title, entry.base_uri, entry.problem) == ("odd", None, None)


def test_a_profile_is_found_by_name_and_by_path(library: Library, tmp_path: Path) -> None:
    elsewhere = tmp_path / "sub"
    elsewhere.mkdir()
    (elsewhere / "own.toml").write_text("")
    assert library.find("acme") == tmp_path / "acme.toml"
    assert library.find(str(elsewhere / "own.toml")) == elsewhere / "own.toml"


@pytest.mark.parametrize("name", ["müller", "sp ace", "x" * 80, os.fsdecode(b"odd\xff"), "-a", "acme.toml"])
def test_whatever_is_listed_is_found_by_its_name(library: Library, name: str) -> None:
    (library.directory / f"{name}.toml").write_text("")
    assert name in [entry.name for entry in library.list()]
    assert library.find(name) == library.directory / f"{name}.toml"


def test_an_unknown_name_suggests_similar_ones(library: Library) -> None:
    with user_error("profile-unknown") as caught:
        library.find("amce")
    assert "Did you mean acme?" in caught.value.hint
    with user_error("profile-unknown") as caught:
        library.find("zzz")
    assert "acme, Beta" in caught.value.hint


@pytest.mark.parametrize("name", ["", ".", "..", "../acme", "a/b", "x" * 300, "\u202edorp", "\x1b]0;x\x07", "a\0.toml"])
def test_a_strange_name_is_not_found(library: Library, name: str) -> None:
    with user_error("profile-unknown"):
        library.find(name)


@pytest.mark.parametrize("name", ["acme", "acme2", "0", "A.b-c_d", "x" * 64])
def test_a_plain_name_has_a_path(library: Library, name: str) -> None:
    assert library.path_for(name) == library.directory / f"{name}.toml"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "x" * 65, "\u202edorp", "\x1b]0;x\x07", "[/bold]", ".a", "-a", "a b", "é", "a\n", "a.toml"],
)
def test_a_bad_name_says_why(library: Library, name: str) -> None:
    with user_error("profile-name") as caught:
        library.path_for(name)
    assert caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(("there", "new"), [("prod", "PROD"), ("a-b", "a_b"), ("a.b", "a-b")])
def test_two_names_with_the_same_variables_are_refused(tmp_path: Path, there: str, new: str) -> None:
    (tmp_path / f"{there}.toml").write_text("")
    assert Library(tmp_path).path_for(there)
    with user_error("profile-name", match="environment variables"):
        Library(tmp_path).path_for(new)


@pytest.mark.parametrize(
    ("given_text", "name"),
    [
        ("Acme store", "acme-store"),
        ("Frei & Söhne", "frei-sohne"),
        ("https://www.shop.example/rest/V1", "shop-example"),
        ("http://user:CANARY@127.0.0.1:8080/", "127-0-0-1-8080"),
        ("www.shop.example", "shop-example"),
        ("acme", "acme-2"),
        ("ACME", "acme-2"),
        ("магазин", "store"),
        ("http://[::1", "1"),
        ("", "store"),
    ],
)
def test_a_name_is_made_from_a_title_or_an_address(library: Library, given_text: str, name: str) -> None:
    assert library.name_from(given_text) == name


@given(st.text(max_size=100))
def test_a_suggested_name_is_always_valid(text: str) -> None:
    library = Library(Path("no such directory"))
    assert library.path_for(library.name_from(text))


def test_listing_loads_neither_pydantic_nor_tomlkit() -> None:
    program = (
        "import sys; from pathlib import Path; from tui_connector.profile.library import Library; "
        "Library(Path('.')).list(); print([m for m in ('pydantic', 'tomlkit', 'textual', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_profiles_of_one_host_have_titles_that_differ(tmp_path: Path) -> None:
    library, titles = Library(tmp_path), []
    for number, wanted in enumerate([("127.0.0.1", "127.0.0.1:8181")] * 4):
        titles.append(library.title_from(*wanted))
        (tmp_path / f"shop-{number}.toml").write_text(f'format = 1\nname = "{titles[-1].upper()}"\n')
    assert titles == ["127.0.0.1", "127.0.0.1:8181", "127.0.0.1 (2)", "127.0.0.1 (3)"]
    (tmp_path / "broken.toml").write_text("name = ")
    assert library.title_from("acme.example", "acme.example") == "acme.example"


def test_a_file_that_does_not_respond_is_listed_so_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.toml").write_text("")
    released, read = threading.Event(), module.read_bytes

    def held(path: Path) -> bytes:
        if path.stem in ("a", "c"):
            released.wait()
        return read(path)

    monkeypatch.setattr(module, "read_bytes", held)
    monkeypatch.setattr(module, "_SILENCE_LIMIT", 1.0)
    try:
        found = [(entry.name, entry.problem) for entry in Library(tmp_path).list()]
    finally:
        released.set()
    assert found == [("a", "does not respond"), ("b", None), ("c", "does not respond"), ("d", None)]


def test_entries_come_before_all_have_been_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "z"):
        (tmp_path / f"{name}.toml").write_text("")
    released, read = threading.Event(), module.read_bytes

    def held(path: Path) -> bytes:
        if path.stem == "z":
            released.wait()
        return read(path)

    monkeypatch.setattr(module, "read_bytes", held)
    library = Library(tmp_path)
    entries = library.entries(library.paths())
    assert [next(entries).name, next(entries).name] == ["a", "b"]
    released.set()
    assert [(entry.name, entry.problem) for entry in entries] == [("z", None)]


def test_a_file_that_is_not_toml_says_what_is_wrong_with_its_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text("format = 1\nname = Acme\n")
    assert read_summary(path).problem == "2:8: Text without quotes"
