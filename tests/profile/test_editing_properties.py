"""Forms, typing, other programs, undo and saving in any order: model and text agree, and nothing typed is lost."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import Any

from edits import CORPUS, form_edit
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_connector.profile import line_ends
from tui_connector.profile.document import Document, Unset
from tui_connector.profile.library import ProfileError
from tui_connector.profile.matching import same
from tui_connector.profile.merge import hunks, merged
from tui_connector.profile.positions import layout

STEPS = ["form", "comment", "half typed", "repair", "outside", "undo", "redo", "save"]


class Session:
    """A profile that is edited, with what must hold."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        path.write_bytes(text.encode())
        self.document = Document.open(path)
        self.last_valid: Any = self.document.draft
        self.typed: list[str] = []
        """The comments that were typed, and are not undone."""
        self.count = 0

    @property
    def text(self) -> str:
        return self.document.text()

    def check(self) -> None:
        text = self.text
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            assert self.document.problem is not None
            assert same(self.document.draft, self.last_valid)
        else:
            assert self.document.problem is None
            assert same(self.document.draft, data)
            self.last_valid = data
        assert [comment for comment in self.typed if comment not in text] == []

    def form(self, draw: st.DrawFn) -> None:
        if self.document.problem is not None:
            return
        path, value = draw(form_edit(self.document.draft))
        before, tables = self.text, self._tables(self.text)
        try:
            self.document.set(path, value)
            self.document.commit()
        except (ProfileError, LookupError):
            self.document.draft = tomllib.loads(before)
            assert self.text == before
            return
        if isinstance(value, Unset):
            self.typed = [comment for comment in self.typed if comment in self.text]
        after = self._tables(self.text)
        for name, body in tables.items():
            if name in after and name[:2] != path[:2] and name[0] not in path[:1]:
                assert after[name] == body, name

    def _tables(self, text: str) -> dict[tuple[str | int, ...], str]:
        """The text of each table from its header to its last key, with the comments inside."""
        found: dict[tuple[str | int, ...], str] = {}
        base: tuple[str | int, ...] = ()
        start = 0
        for statement in layout(text).statements:
            if statement.is_header:
                base, start = statement.path, statement.start
            if base:
                found[base] = text[start : statement.end]
        return found

    def type(self, text: str) -> None:
        self.document.edit_text(line_ends.changed(self.text, text))

    def comment(self, draw: st.DrawFn) -> None:
        if self.document.problem is not None:
            return
        self.count += 1
        comment = f"# typed {self.count}."
        view = line_ends.plain(self.text)
        starts = [0, *(statement.start for statement in layout(view).statements if statement.start)]
        at = view.rfind("\n", 0, draw(st.sampled_from(starts))) + 1
        self.type(f"{view[:at]}\n{comment}\n\n{view[at:]}")
        self.typed.append(comment)

    def half_typed(self, draw: st.DrawFn) -> None:
        self.type(line_ends.plain(self.text) + draw(st.sampled_from(["\nx = ", "\n[half", '\n"', "\nkey"])))

    def repair(self) -> None:
        while self.document.problem is not None and self.document.undo() is not None:
            pass
        self.typed = [comment for comment in self.typed if comment in self.text]

    def outside(self) -> None:
        """Another program adds a line to the file; both changes are merged as the editor does."""
        self.count += 1
        theirs = self.path.read_bytes() + f"\n# outside {self.count}.\n".encode()
        self.path.write_bytes(theirs)
        base, mine = self.document.text_as_read, self.text
        found = hunks(*map(line_ends.plain, (base, mine, theirs.decode())))
        self.document.rebase(theirs)
        self.type(merged(found, ["both" if hunk.is_conflict else hunk.usual for hunk in found if hunk.differs]))
        assert f"# outside {self.count}." in self.text

    def save(self) -> None:
        self.document.save()
        assert self.path.read_bytes().decode() == self.text
        assert not self.document.changed


@given(st.data())
@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_order_of_edits_keeps_model_and_text_together(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(list(CORPUS.values())))
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder) / "acme.toml", text)
        for step in data.draw(st.lists(st.sampled_from(STEPS), max_size=10)):
            match step:
                case "form":
                    session.form(data.draw)
                case "comment":
                    session.comment(data.draw)
                case "half typed":
                    session.half_typed(data.draw)
                case "repair":
                    session.repair()
                case "outside":
                    session.outside()
                case "undo":
                    before = session.text
                    if session.document.undo() is not None:
                        session.document.redo()
                        assert session.text == before
                        session.document.undo()
                    session.typed = [comment for comment in session.typed if comment in session.text]
                case "redo":
                    session.document.redo()
                case "save":
                    session.save()
            session.check()
        while session.document.redo() is not None:
            pass
        last = session.text
        while session.document.undo() is not None:
            pass
        assert session.text == text
        while session.document.redo() is not None:
            pass
        assert session.text == last
