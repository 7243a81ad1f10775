"""What was saved of a profile is undone and redone in turns, and merged with what other programs change meanwhile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tui_connector.errors import UserError
from tui_connector.guide.profiles.edit import ProfileEdit, begin_edit
from tui_connector.guide.profiles.saved_changes import SavedChange, SavedChanges
from tui_connector.guide.trust import ProfileTrust
from tui_connector.machine import Machine
from tui_connector.profile.library import ProfileError

PROFILE = """\
format = 1
name = "Acme"

[clients.magento]

[incoming.products] # ours
client = "magento"
request = { uri = "products" }
items = "items"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "acme.toml"
    path.write_text(PROFILE)
    return path


class Session:
    """Saves texts one after the other, as the page of a profile does."""

    def __init__(self, machine: Machine, path: Path) -> None:
        self.path, self.changes, self._trust = path, SavedChanges(), ProfileTrust(machine, path)

    def save(self, text: str) -> None:
        before = self.path.read_bytes()
        self.path.write_text(text)
        change = SavedChange(self.path, before, self.path.read_bytes(), self._trust, ())
        self.changes.record(change.titled(f"write {text}"))

    def see(self) -> bool:
        return self.changes.seen(self.path, self.path.read_bytes(), self._trust, ())

    def undo(self) -> None:
        assert self.changes.to_undo is not None
        self.changes.undone(self.changes.to_undo.in_file().revert())

    def redo(self) -> None:
        assert self.changes.to_redo is not None
        self.changes.redone(self.changes.to_redo.in_file().revert())


def titles(changes: SavedChanges) -> tuple[str, str]:
    undo, redo = changes.to_undo, changes.to_redo
    return undo.title if undo is not None else "", redo.title if redo is not None else ""


def test_a_change_and_what_takes_it_back_know_their_part(machine: Machine, path: Path) -> None:
    def part(before: str, after: str) -> tuple[object, object]:
        change = SavedChange(path, before.encode(), after.encode(), ProfileTrust(machine, path), ())
        return change.part(), change.reversed.part()

    client, products = ("clients", "magento", False), ("incoming", "products", False)
    renamed = PROFILE.replace("clients.magento", "clients.shop").replace('"magento"', '"shop"')
    assert part(PROFILE, renamed) == (("clients", "shop", False), client)  # and not the incoming that refers to it
    assert part(PROFILE, PROFILE.replace('"items"', '"rows"')) == (products, products)
    without = PROFILE[: PROFILE.index("[incoming.products]")]
    assert part(PROFILE, without) == (("incoming", "products", True), products)
    assert part(PROFILE, f"# a comment\n{PROFILE}") == (None, None)
    assert part(PROFILE, f"{PROFILE}]") == (None, None)


def test_changes_are_undone_and_redone_until_something_else_is_saved(machine: Machine, path: Path) -> None:
    session = Session(machine, path)
    for text in ("one", "two", "three"):
        session.save(text)
    session.undo()
    session.undo()
    assert (path.read_text(), *titles(session.changes)) == ("one", "write one", "write two")
    session.redo()
    assert (path.read_text(), *titles(session.changes)) == ("two", "write two", "write three")
    session.save("other")
    assert titles(session.changes) == ("write other", "")
    for _ in range(3):
        session.undo()
    assert (path.read_text(), *titles(session.changes)) == (PROFILE, "", "write one")
    assert session.changes.undo_count == 0


def test_what_another_program_has_changed_is_kept_by_undo_and_redo(machine: Machine, path: Path) -> None:
    session = Session(machine, path)
    session.save(first := PROFILE.replace('"products"', '"orders"'))
    session.save(second := first.replace('"items"', '"rows"'))
    path.write_text(second.replace("Acme", "Beta"))
    session.undo()
    assert path.read_text() == first.replace("Acme", "Beta")
    assert titles(session.changes)[0] == "edit by another program"
    path.write_text(f"# theirs\n{path.read_text()}")
    session.redo()
    assert path.read_text() == "# theirs\n" + second.replace("Acme", "Beta")
    texts = []
    while session.changes.to_undo is not None:  # what was kept can be undone as well
        session.undo()
        texts.append(path.read_text())
    assert texts == [f"# theirs\n{first.replace('Acme', 'Beta')}", first.replace("Acme", "Beta"), first, PROFILE]


def test_what_a_save_was_merged_with_is_a_change_before_it(machine: Machine, path: Path) -> None:
    session = Session(machine, path)
    assert not session.see()
    path.write_text(PROFILE.replace("Acme", "Beta"))
    session.save(mine := PROFILE.replace("Acme", "Beta").replace('"products"', '"orders"'))
    path.write_text(mine.replace("Beta", "Gamma"))
    session.save(mine.replace("Beta", "Gamma").replace('"orders"', '"rows"'))
    texts = []
    while session.changes.to_undo is not None:
        session.undo()
        texts.append(path.read_text())
    assert texts == [mine.replace("Beta", "Gamma"), mine, PROFILE.replace("Acme", "Beta"), PROFILE]


def test_what_another_program_saves_is_a_change_of_its_own(machine: Machine, path: Path) -> None:
    session = Session(machine, path)
    assert not session.see()
    session.save("one")
    assert not session.see()
    session.undo()
    assert not session.see()
    path.write_text(f"{PROFILE}# theirs\n")
    assert session.see()
    assert titles(session.changes) == ("edit by another program", "write one")
    session.undo()
    assert path.read_text() == PROFILE
    assert not session.see()
    assert titles(session.changes) == ("", "edit by another program")


def test_a_change_of_the_same_lines_is_a_conflict_until_it_is_gone(machine: Machine, path: Path) -> None:
    session = Session(machine, path)
    session.save(mine := PROFILE.replace('"products"', '"orders"'))
    path.write_text(PROFILE.replace('"products"', '"theirs"'))
    with pytest.raises(UserError, match="have both changed line 8"):
        session.undo()
    assert "theirs" in path.read_text()
    path.write_text(mine.replace("Acme", "Beta"))
    session.undo()
    assert path.read_text() == PROFILE.replace("Acme", "Beta")


def test_an_undo_that_would_repeat_a_table_is_a_conflict(machine: Machine, path: Path) -> None:
    session = Session(machine, path)
    session.save(PROFILE.replace("[clients.magento]\n\n", ""))
    path.write_text(f"{path.read_text()}\n[clients.magento]\n")
    with pytest.raises(UserError, match="have both changed the same table"):
        session.undo()


def test_a_change_that_something_else_has_undone_can_be_redone(machine: Machine, path: Path) -> None:
    session = Session(machine, path)
    session.save(mine := PROFILE.replace('"products"', '"orders"'))
    path.write_text(PROFILE)  # as after git checkout
    assert session.changes.to_undo is not None
    assert session.changes.to_undo.in_file().is_gone
    session.changes.undone(session.changes.to_undo.found_reverted())
    session.redo()
    assert path.read_text() == mine


def test_an_undo_does_not_write_a_secret_back_into_the_file(machine: Machine, path: Path) -> None:
    text = f'{PROFILE}[authentications.a]\nkind = "bearer"\ntoken = '
    path.write_text(f'{text}"CANARY-token"\n')
    session = Session(machine, path)
    session.save(f'{text}{{ env = "TOKEN" }}\n')
    with pytest.raises(UserError, match=r"the secret at authentications\.a\.token as a literal value") as caught:
        session.undo()
    assert "CANARY" not in str(caught.value)
    assert "CANARY" not in path.read_text()


def edited(path: Path, *keys: str, value: str) -> ProfileEdit:
    edit = begin_edit(path)
    edit.setup.edit(keys, value)
    return edit


URI = ("incoming", "products", "request", "uri")


def test_an_edit_is_compared_with_the_file_as_it_is(path: Path) -> None:
    edit = edited(path, *URI, value="products?x=1")
    path.write_text(PROFILE.replace("Acme", "Beta").replace('"items"', '"items" # new'))
    assert edit.merge() is None
    assert edit.difference.count("\n-") == edit.difference.count("\n+") == 1
    assert edit.setup.document.text() == path.read_text().replace('"products" }', '"products?x=1" }')


def test_an_edit_that_the_file_has_already_changes_nothing(path: Path) -> None:
    edit = edited(path, *URI, value="orders")
    path.write_text(PROFILE.replace('"products" }', '"orders" }'))
    assert edit.merge() is None
    assert not edit.setup.document.changed


@pytest.mark.parametrize(
    ("keys", "value", "theirs"),
    [
        (URI, "a", PROFILE.replace('"products" }', '"b" }')),
        (URI, "a", PROFILE.partition("[incoming")[0]),  # deleted
        (("incoming", "products", "title"), "a", f'{PROFILE}title = "b"\n'),  # added
        (("name",), "a", PROFILE.replace("Acme", "b")),
    ],
)
def test_only_keys_that_both_changed_are_left_to_decide(
    path: Path, keys: tuple[str, ...], value: str, theirs: str
) -> None:
    edit = edited(path, *keys, value=value)
    edit.setup.edit(("description",), "mine too")
    path.write_text(theirs.replace("format = 1", "format = 1 # new"))
    conflicts = edit.merge()
    assert conflicts is not None
    assert edit.difference.count("# new") == 0, "nothing is merged before it is decided"
    for text in (conflicts.base, conflicts.mine, conflicts.theirs):
        assert "# new" in text
        assert "mine too" in text
    assert re.findall(r"^[+-](?![+-]).*", conflicts.besides, re.MULTILINE) == ['+description = "mine too"']
    edit.take(conflicts.theirs, conflicts.file_data)
    assert edit.setup.at(*keys) == begin_edit(path).setup.at(*keys)
    assert edit.setup.at("description") == "mine too"
    assert edit.merge() is None


def test_a_merged_text_that_is_not_toml_is_refused(path: Path) -> None:
    edit = edited(path, *URI, value="a")
    before = edit.difference
    with pytest.raises(ProfileError):
        edit.take("name = ", b"name = ")
    assert edit.difference == before
