"""A profile is edited as text and as a form in turns: the text and the data agree, and one history undoes both."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from edits import FULL
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.profile.document import Document
from tui_connector.profile.library import ProfileError
from tui_connector.profile.text_history import TextHistory, difference

TEXT = '# the shop\nformat = 1\nname = "Acme"  # as printed\n\n# how\n[clients.m]\ntimeout = "30s"\n'


def test_a_typed_text_is_what_the_form_shows() -> None:
    document = Document(TEXT)
    document.edit_text(TEXT.replace("Acme", "Beta"))
    assert document.draft["name"] == "Beta"
    assert document.changed


def test_the_form_shows_the_last_valid_text_while_it_is_half_typed() -> None:
    document = Document(TEXT)
    document.edit_text(TEXT.replace('"Acme"', '"Beta"'))
    half = TEXT.replace('"Acme"', '"Gam')
    document.edit_text(half)
    assert document.draft["name"] == "Beta"
    assert document.problem is not None
    assert document.problem.line == 3
    assert document.text() == half


def test_a_form_cannot_be_written_into_an_invalid_text() -> None:
    document = Document(TEXT)
    document.edit_text(TEXT + "broken = \n")
    with pytest.raises(ProfileError) as refused:
        document.set(("name",), "Beta")
    assert refused.value.line == 8
    assert document.text() == TEXT + "broken = \n"


def test_undo_goes_back_through_typed_text_and_form() -> None:
    document = Document(TEXT)
    document.edit_text(TEXT.replace("Acme", "Beta"))
    document.set(("clients", "m", "timeout"), "5s")
    document.edit_text(document.text() + "# the end\n")
    texts = [document.text()]
    while document.undo() is not None:
        texts.append(document.text())
    assert [text.count(word) for text, word in zip(texts, ("# the end", "5s", "Beta", "Acme"), strict=True)] == [1] * 4
    assert texts[-1] == TEXT
    assert not document.changed
    while document.redo() is not None:
        texts.pop()
    assert document.text() == texts[-1]
    assert document.draft["clients"]["m"]["timeout"] == "5s"


def test_redo_returns_to_where_the_cursor_was_before_the_undo() -> None:
    history, before, after = TextHistory(), "[a]\n", '[a]\nfilter = ""\n'
    history.record(before, after, 4)
    within = after.index('""') + 1
    assert history.undo(after, within) == (before, 4)
    assert history.redo(before) == (after, within)
    assert history.undo(after) == (before, 4)
    assert history.redo(before) == (after, len(after))


def test_letters_typed_in_a_row_are_undone_together() -> None:
    document, text = Document(TEXT), TEXT
    for letter in "# hello":
        text += letter
        document.edit_text(text, len(text) - 1, joined=True)
    assert document.undo() == len(TEXT)
    assert document.text() == TEXT


def test_a_change_after_saving_is_undone_alone(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(TEXT)
    document = Document.open(path)
    document.edit_text(TEXT + "#", joined=True)
    document.save()
    document.edit_text(TEXT + "##", joined=True)
    document.undo()
    assert document.text() == path.read_text()
    assert not document.changed


def test_an_invalid_text_is_opened_typed_and_saved(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text("format = 1\nname = Acme\n")
    with pytest.raises(ProfileError):
        Document.read(path)
    document = Document.open(path)
    assert document.draft == {}
    document.edit_text('format = 1\nname = "Acme"\n')
    document.save()
    assert path.read_text() == 'format = 1\nname = "Acme"\n'
    assert document.draft == {"format": 1, "name": "Acme"}


@pytest.mark.parametrize(
    "data",
    [
        b'\xef\xbb\xbfformat = 1\r\nname = "a"\r\n',
        b'format = 1\r\nname = "a"\nx = 2\r\n',
        b"format = 1\n# caf\xe9\n",
        b"format = 1\x00\n",
        b"\x0c\n\xe2\x80\xa8\n",
        b"",
    ],
    ids=["BOM and CRLF", "mixed line ends", "not UTF-8", "NUL", "other line separators", "empty"],
)
def test_bytes_that_were_not_edited_stay(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_bytes(data)
    document = Document.open(path)
    document.edit_text(document.text() + "# more")
    document.save()
    assert path.read_bytes() == data + b"# more"


def test_a_byte_that_is_not_utf_8_is_a_problem_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_bytes(b"format = 1\n# caf\xe9\n")
    problem = Document.open(path).problem
    assert problem is not None
    assert (problem.line, problem.message) == (2, "is not UTF-8")


def test_undo_returns_to_the_text_before_each_change_whatever_it_was() -> None:
    @given(st.lists(st.tuples(st.text("ab\n", max_size=6), st.booleans()), max_size=8))
    def check(changes: list[tuple[str, bool]]) -> None:
        history, text, groups = TextHistory(), "start", []
        for number, (after, joined) in enumerate(changes):
            if after == text:
                continue
            if not (joined and number and groups):
                groups.append(text)
            history.record(text, after, joined=joined and bool(groups) and bool(number))
            text = after
        last = text
        while groups:
            undone = history.undo(text)
            assert undone is not None
            text = undone[0]
            assert text == groups.pop()
        assert history.undo(text) is None
        while (made := history.redo(text)) is not None:
            text = made[0]
        assert text == last

    check()


@given(st.text("ab", max_size=9), st.text("ab", max_size=9))
def test_the_difference_of_two_texts_is_where_they_differ(before: str, after: str) -> None:
    start, end_before, end_after = difference(before, after)
    assert before[:start] == after[:start]
    assert before[end_before:] == after[end_after:]
    assert start <= min(end_before, end_after)
    if before != after and end_before > start and end_after > start:
        assert before[start] != after[start]
        assert before[end_before - 1] != after[end_after - 1]


def test_a_form_keeps_the_comments_that_were_typed_meanwhile() -> None:
    document = Document(FULL)
    document.edit_text(FULL.replace('timeout = "30s"', '# slow shop\ntimeout = "30s"'))
    document.set(("clients", "shop", "timeout"), "90s")
    data: dict[str, Any] = tomllib.loads(document.text())
    assert '# slow shop\ntimeout = "90s"' in document.text()
    assert data == document.draft
