"""What lies where a profile should be and cannot be read as one: it is said why, and nothing waits or fails."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tui_connector.guide.keyring_entries import other_users, own_entries
from tui_connector.guide.profiles.saved_profile import open_profile
from tui_connector.profile.library import Library, read_summary


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # a path of a socket has 108 characters at most


@pytest.mark.parametrize(
    ("make", "words", "is_editable"),
    [
        (lambda path: path.mkdir(), "is a directory, not a file", False),
        (os.mkfifo, "is a pipe, not a file", False),
        (bound, "is a socket, not a file", False),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file", False),
        (lambda path: path.symlink_to(path.name), "symbolic links", False),
        (lambda path: path.symlink_to("nowhere"), "is a link to a file that does not exist", False),
        (lambda path: path.write_bytes(b"a" * 50_000_000), "is larger than 1 MiB", False),
        (lambda path: path.write_bytes("format = 1".encode("utf-16")), "is UTF-16, not UTF-8", True),
    ],
)
def test_it_is_said_why(make: Callable[[Path], object], words: str, is_editable: bool, tmp_path: Path) -> None:
    path, other = tmp_path / "bad.toml", tmp_path / "acme.toml"
    make(path)
    other.write_text('[authentications.a]\nkind = "bearer"\ntoken = { keyring = "acme/a/token" }\n')
    assert words in (read_summary(path).problem or "")
    opened = open_profile(path)
    assert (opened.is_text, opened.is_editable, opened.is_missing) == (False, is_editable, False)
    assert words in opened.problems[0].text
    assert own_entries(path, Library(tmp_path)) == []
    # what cannot be read may use them
    assert other_users(other, ["acme/a/token"]) == {"acme/a/token": [path]}


def test_the_editor_opens_text_that_is_almost_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(b'format = 1\nname = "caf\xe9"\n')
    assert read_summary(path).problem == "is not UTF-8"
    opened = open_profile(path)
    assert opened.is_text
    assert [each.line for each in opened.problems] == [2]


def test_a_part_is_found_in_a_text_that_is_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('name = "x\n\n[clients.magento]\n\n[incoming.products]\nitems = "items"\n')
    opened = open_profile(path)
    assert {each.name: opened.line_of(each) for each in opened.parts} == {"magento": 3, "products": 5}


def test_a_number_that_is_too_long_is_said_in_few_words(tmp_path: Path) -> None:
    path = tmp_path / "long.toml"
    path.write_text(f"format = {'1' * 5_000}\n")
    assert read_summary(path).problem == "a number is too long"
