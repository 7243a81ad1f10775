"""What becomes of the text of the editor: saved, kept, merged with what another program wrote."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from editor_screen import TEXT, area, editing, file_of
from guide_steps import no_demo
from memory_keyring import MemoryKeyring, NoKeyring
from screens import shown, until, until_shown

from tui_connector.files import ChangedOnDisk
from tui_connector.guide.text_drafts import TextDrafts
from tui_connector.machine import Machine
from tui_connector.profile.document import Document
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.file_watch import FileChange
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.profile.profile_screen import PageContext
from tui_connector.tui.toml_editor.difference import DifferenceScreen
from tui_connector.tui.toml_editor.screen import EditorScreen
from tui_connector.tui.widgets.choice import ChoiceScreen


async def change_both(pilot: Any, typed: str = "# mine") -> str:
    """Types at the end of the text, and changes the file as another program does; returns the text of the file."""
    await pilot.press("ctrl+end", *typed)
    theirs = TEXT.replace("Acme", "Beta")
    file_of(pilot).write_text(theirs)
    return theirs


async def test_saving_keeps_what_was_not_edited(machine: Machine) -> None:
    data = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    async with editing(machine, data) as pilot:
        await pilot.press("ctrl+end", *"# the end", "ctrl+s")
        await until_shown(pilot, "Saved.")
        assert file_of(pilot).read_bytes() == data + b"# the end"


async def test_f6_says_that_nothing_was_changed(machine: Machine) -> None:
    async with editing(machine, size=(80, 24)) as pilot:
        await pilot.press("f6")
        await until_shown(pilot, "Nothing to compare")


async def test_a_change_by_another_program_is_shown_when_nothing_was_typed(machine: Machine) -> None:
    async with editing(machine) as pilot:
        other = file_of(pilot).with_name("other")
        other.write_text(TEXT.replace("Acme", "Beta"))
        os.replace(other, file_of(pilot))
        await until(pilot, lambda: "Beta" in area(pilot).text)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: area(pilot).text == TEXT)


async def test_what_was_typed_stays_and_is_merged_with_the_change_of_another_program(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await change_both(pilot)
        await until_shown(pilot, "Another program changed the file.")
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(pilot.app.screen, DifferenceScreen))
        await until_shown(pilot, '✔ file  name = "Beta store"')
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        merged = TEXT.replace("Acme", "Beta") + "# mine"
        await until(pilot, lambda: area(pilot).text == merged)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).read_text() == merged)


async def test_what_another_program_changed_is_not_reverted_by_undoing_the_merge(machine: Machine) -> None:
    async with editing(machine) as pilot:
        theirs = await change_both(pilot)
        await until_shown(pilot, "Another program changed the file.")
        await pilot.press("f6")
        await until_shown(pilot, '✔ file  name = "Beta store"')
        await pilot.press("enter")
        await until(pilot, lambda: area(pilot).text == theirs + "# mine")
        await pilot.press("ctrl+z")
        await until_shown(pilot, "The merge is undone")
        await until_shown(pilot, "Another program changed the file.")
        await pilot.press("ctrl+z")  # also before what was typed
        await until(pilot, lambda: area(pilot).text != TEXT + "# mine")
        await pilot.press(*"# too", "ctrl+s")
        await until_shown(pilot, '✔ file  name = "Beta store"')
        await pilot.press("escape")
        await until_shown(pilot, "Not saved.")
        assert file_of(pilot).read_text() == theirs


async def test_a_merge_that_was_undone_and_made_again_is_saved_without_a_question(machine: Machine) -> None:
    async with editing(machine) as pilot:
        theirs = await change_both(pilot)
        await pilot.press("f6")
        await until_shown(pilot, '✔ file  name = "Beta store"')
        await pilot.press("enter")
        await until(pilot, lambda: area(pilot).text == theirs + "# mine")
        await pilot.press("ctrl+z")
        await until_shown(pilot, "The merge is undone")
        await pilot.press("ctrl+y")
        await until(pilot, lambda: area(pilot).text == theirs + "# mine")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Saved.")
        assert file_of(pilot).read_text() == theirs + "# mine"
        await pilot.press("ctrl+z")  # which another program has not changed since
        await until_shown(pilot, "The file has the merge that was undone here")


async def test_saving_merges_with_the_change_of_another_program_and_then_saves(machine: Machine) -> None:
    async with editing(machine) as pilot:
        theirs = await change_both(pilot)
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Merge and save")
        await pilot.press("escape")
        await until_shown(pilot, "Not saved.")
        assert file_of(pilot).read_text() == theirs
        assert area(pilot).text == TEXT + "# mine"
        await pilot.press("ctrl+s")
        await until_shown(pilot, '✔ file  name = "Beta store"')
        await pilot.press("enter")
        await until_shown(pilot, "Saved.")
        assert file_of(pilot).read_text() == area(pilot).text == theirs + "# mine"


async def test_a_merged_change_is_not_reported_again_beside_the_question_before_saving(machine: Machine) -> None:
    async with editing(machine) as pilot:
        editor = pilot.app.screen
        theirs = await change_both(pilot, "wrong = 1")
        await pilot.press("ctrl+s")
        await until_shown(pilot, '✔ file  name = "Beta store"')
        editor.post_message(EditorScreen.FileChanged(FileChange(theirs.encode())))  # noticed meanwhile, too
        await pilot.pause()
        await pilot.press("enter")
        assert "Another program" not in await until_shown(pilot, "1 new problem.")
        assert file_of(pilot).read_text() == theirs


async def test_a_conflict_is_decided_before_it_is_merged(machine: Machine) -> None:
    async with editing(machine) as pilot:
        area(pilot).show(TEXT.replace("Acme", "Mine"))
        await until_shown(pilot, "modified")
        theirs = TEXT.replace("Acme", "Beta")
        file_of(pilot).write_text(theirs)
        await pilot.press("f6")  # before the program has noticed by itself
        screen = await until_shown(pilot, "conflict: both changed this")
        assert "▸ line 2" in screen
        assert "format = 1" in screen  # the lines around it
        await pilot.press("enter")
        await until(pilot, lambda: any("Decide each conflict" in each.message for each in pilot.app._notifications))
        assert isinstance(pilot.app.screen, DifferenceScreen)
        await pilot.press("t")  # after which it is decided
        await until(pilot, lambda: not pilot.app._notifications)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        await until(pilot, lambda: area(pilot).text == theirs)


async def test_a_long_line_is_shown_with_what_changed_at_its_end(machine: Machine) -> None:
    long = f"# {'note ' * 80}"
    async with editing(machine, f"{TEXT}{long}before") as pilot:
        area(pilot).show(f"{TEXT}{long}after")
        await until_shown(pilot, "modified")
        await pilot.press("f6")
        screen = await until_shown(pilot, "note after")
        assert "note before" in screen


async def test_new_problems_are_saved_only_after_a_question(machine: Machine) -> None:
    async with editing(machine) as pilot:
        wrong = TEXT.replace('kind = "bearer"', 'kind = "barer"')
        assert wrong != TEXT
        area(pilot).show(wrong)
        await until_shown(pilot, "✘ 1 problem")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "1 new problem.")
        await pilot.press("enter")  # the harmless answer
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert file_of(pilot).read_text() == TEXT
        await pilot.press("escape")
        await until_shown(pilot, "has unsaved changes")
        await pilot.press("enter")  # the first choice
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert file_of(pilot).read_text() == TEXT
        await pilot.press("ctrl+s")
        await until_shown(pilot, "1 new problem.")
        await pilot.press("y")
        await until(pilot, lambda: file_of(pilot).read_text() == wrong)
        await until_shown(pilot, "Saved with 1 problem.")
        await pilot.press("ctrl+end", "#", "ctrl+s")  # no other problem than the file has
        await until(pilot, lambda: file_of(pilot).read_text() == wrong + "#")


async def test_a_deleted_file_is_written_again(machine: Machine) -> None:
    async with editing(machine) as pilot:
        file_of(pilot).unlink()
        await until_shown(pilot, "was deleted by another program")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Saved: another program had deleted acme.toml, it was written again.")
        assert file_of(pilot).read_text() == TEXT
        await until(pilot, lambda: "was deleted by another program" not in shown(pilot.app))
        file_of(pilot).unlink()
        await pilot.press("ctrl+s")  # perhaps before the program has noticed by itself
        await until_shown(pilot, "was deleted by another program. ^S writes it again.")
        await pilot.press("escape")
        await until_shown(pilot, "Another program deleted acme.toml. Saving writes it again.")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: not isinstance(pilot.app.screen, EditorScreen))
        assert file_of(pilot).read_text() == TEXT


async def test_leaving_with_unsaved_changes_asks(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# x", "escape")
        await until_shown(pilot, "unsaved changes")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert area(pilot).text == TEXT + "# x"
        assert "unsaved" in pilot.app.screen.unsaved_work()
        await pilot.press("escape", "enter")  # the selected answer is harmless
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert file_of(pilot).read_text() == TEXT
        await pilot.press("escape")
        await until_shown(pilot, "Save and leave")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: not isinstance(pilot.app.screen, EditorScreen | ChoiceScreen))
        assert file_of(pilot).read_text() == TEXT + "# x"


async def test_the_users_editor_gets_the_unsaved_text_and_what_it_saves_comes_back_unsaved(
    machine: Machine, tmp_path: Path
) -> None:
    profile, seen = machine.directories.profiles / "acme.toml", tmp_path / "seen"
    editor = tmp_path / "vi"
    editor.write_text(
        f'#!/bin/sh\nls -l "$2" > {seen}\ncat "$2" >> {seen}\necho "# own" >> "$2"\ncp {tmp_path}/other {profile}\n'
    )
    theirs = TEXT.replace("Acme", "Beta")
    (tmp_path / "other").write_text(theirs)
    editor.chmod(0o700)
    machine = replace(machine, environ={**machine.environ, "EDITOR": str(editor)})
    async with editing(machine) as pilot:
        pilot.app.without_terminal = contextlib.nullcontext  # there is no terminal here
        await pilot.press("ctrl+end", *"# x", "ctrl+o")
        await until(pilot, lambda: area(pilot).text == TEXT + "# x# own\n")
        head, _, text = seen.read_text().partition("\n")
        assert head.startswith("-rw------- ")
        assert head.endswith("/acme.toml")
        assert text == TEXT + "# x"
        assert not os.path.exists(head.split()[-1])  # noqa: ASYNC240 - once, and small
        await until_shown(pilot, "Another program changed the file. Your changes are still here.")
        assert profile.read_text() == theirs
        assert "Taken from your editor, not saved yet" in shown(pilot.app)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: area(pilot).text == TEXT + "# x")
        await until(pilot, lambda: "Taken from your editor" not in shown(pilot.app))
        editor.write_text('#!/bin/sh\nprintf x > "$2"\nexit 1\n')
        await pilot.press("ctrl+o")
        await until_shown(pilot, "exited with code 1")
        assert area(pilot).text == TEXT + "# x"


LITERALS = ['"CANARY-token-of-the-shop"', '{ token = "CANARY-token-of-the-shop" }']


@pytest.mark.parametrize("literal", LITERALS)
async def test_a_literal_secret_is_not_saved(machine: Machine, literal: str) -> None:
    async with editing(machine) as pilot:
        text = TEXT.replace('{ env = "ACME_TOKEN" }', literal)
        area(pilot).show(text)
        await until_shown(pilot, "✘ 1 problem")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Not saved")
        assert file_of(pilot).read_text() == TEXT


@pytest.mark.parametrize(
    "data",
    [b"", b"format = 1\x00\n", b"# caf\xe9\n", b"\x0c\xe2\x80\xa8x\n", b'{"format": 1}', b"[" * 3_000, b"a = 1\ra = 2"],
    ids=["empty", "NUL", "Latin-1", "separators", "JSON", "deep", "carriage return"],
)
async def test_any_file_can_be_edited_and_saved(machine: Machine, data: bytes) -> None:
    async with editing(machine, data) as pilot:
        await pilot.press("ctrl+end", "#", "ctrl+s")
        await until_shown(pilot, "Saved")
        assert file_of(pilot).read_bytes() == data + b"#"


async def test_a_text_that_is_too_large_is_not_saved_and_stays(machine: Machine) -> None:
    async with editing(machine) as pilot:
        area(pilot).show(TEXT + "# a comment of a large profile\n" * 34_000, 0)
        await until(pilot, lambda: pilot.app.screen.checked.text == area(pilot).text)
        await pilot.press("ctrl+s")
        await until_shown(pilot, "larger than 1 MiB")
        assert file_of(pilot).read_text() == TEXT
        assert len(area(pilot).text) > 1_000_000
        area(pilot).show(TEXT)


async def test_a_read_only_file_is_reported_and_nothing_is_lost(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with editing(machine) as pilot:
        path, access = file_of(pilot), os.access
        path.chmod(0o400)
        if os.geteuid() == 0:  # root may write it all the same
            monkeypatch.setattr(os, "access", lambda at, mode: access(at, mode) and not (at == path and mode & os.W_OK))
        await pilot.press("ctrl+end", "#", "ctrl+s")
        await until_shown(pilot, "could not be saved")
        assert area(pilot).text == TEXT + "#"
        assert path.read_text() == TEXT


def kept_texts(machine: Machine) -> list[Path]:
    return list(machine.directories.state.glob("texts/*"))


async def test_unsaved_text_is_kept_and_offered_again(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# mine")
        await until(pilot, lambda: bool(kept_texts(machine)))
        await pilot.press(*" too")
        pilot.app._quit(143)  # as after SIGTERM
    assert file_of(pilot).read_text() == TEXT
    assert [each.stat().st_mode & 0o777 for each in kept_texts(machine)] == [0o600]
    async with editing(machine) as pilot:
        await until_shown(pilot, "has changes that were not saved")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        assert area(pilot).text == TEXT + "# mine too"
        assert area(pilot).offset_of_cursor == len(TEXT)  # where the text differs
        await until(pilot, lambda: len(kept_texts(machine)) == 1)
        await pilot.press("ctrl+s")
        await until_shown(pilot, "Saved.")
        await until(pilot, lambda: not kept_texts(machine))
    assert file_of(pilot).read_text() == TEXT + "# mine too"


BY_ANOTHER_PROGRAM = TEXT.replace("Acme", "Beta")


@pytest.mark.parametrize("knows_base", [True, False])
async def test_a_restored_text_is_merged_with_what_another_program_wrote_meanwhile(
    machine: Machine, *, knows_base: bool
) -> None:
    path = machine.directories.profiles / "acme.toml"
    TextDrafts(machine.directories.state, path).keep(1, f"{TEXT}# mine\n", TEXT, "digest of TEXT", 1.0)
    if not knows_base:  # as an earlier version kept it
        [kept] = kept_texts(machine)
        found = json.loads(kept.read_text())
        del found["base"]
        kept.write_text(json.dumps(found))
    async with editing(machine, BY_ANOTHER_PROGRAM) as pilot:
        await until_shown(pilot, "F6 compares and merges")
        await pilot.press("enter")
        await until_shown(pilot, "F6: compare and merge")
        assert area(pilot).text == f"{TEXT}# mine\n"
        await pilot.press("ctrl+s")
        screen = await until_shown(pilot, "line 2 · kept: the file's" if knows_base else "line 2 · conflict")
        assert "changed here and elsewhere" in screen
        await pilot.press(*(() if knows_base else "t"), "enter")
        await until(pilot, lambda: path.read_text() == f"{BY_ANOTHER_PROGRAM}# mine\n")


async def test_discarded_text_is_not_offered_again(machine: Machine) -> None:
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# mine")
        await until(pilot, lambda: bool(kept_texts(machine)))
        await pilot.press("escape")
        await until_shown(pilot, "Discard the changes")
        await pilot.press("down", "up", *"sds", "enter")  # stray keys, and a word that is typed on, lose nothing
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        await pilot.press("escape")
        await until_shown(pilot, "Discard the changes")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: not isinstance(pilot.app.screen, EditorScreen))
        assert not kept_texts(machine)


async def test_deleting_a_profile_deletes_its_unsaved_text(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    TextDrafts(machine.directories.state, path).keep(1, f"{TEXT}# mine", "", "", 1.0)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until_shown(pilot, "Acme store")
        await pilot.press("d")
        await until_shown(pilot, "Delete the profile")
        await pilot.press("y")
        await until_shown(pilot, "Deleted: acme.toml")
    assert not kept_texts(machine)


@pytest.mark.parametrize("broken", ["", "\nthis is = = broken\n", "\n[authentications.a]\n"])
@pytest.mark.parametrize(
    "secret",
    [
        '"CANARY-token-of-the-shop"',
        '"CANARY-token-of-the-shop',
        "'''CANARY-token\nCANARY-of-the-shop'''",
        "CANARY-token",
        '{ token = "CANARY-token" }',
        '"CANARY-token"\nbroken = = 1',
    ],
)
async def test_a_kept_text_contains_no_literal_secret(machine: Machine, secret: str, broken: str) -> None:
    text = TEXT.replace('{ env = "ACME_TOKEN" }', secret) + broken
    drafts = TextDrafts(machine.directories.state, machine.directories.profiles / "acme.toml")
    drafts.keep(1, text, text, "", 1.0)
    kept = "".join(each.read_text() for each in kept_texts(machine))
    assert "CANARY" not in kept
    assert "acme.example" in kept


async def test_unsaved_text_that_cannot_be_kept_is_reported(machine: Machine) -> None:
    async with editing(machine) as pilot:
        escaped = 'token = { env = "ACME_TOKEN" }', '"tok\\u0065n" = "CANARY-token"\nbroken = = 1'
        area(pilot).show(TEXT.replace(*escaped))
        await until_shown(pilot, "The unsaved text cannot be")
        assert "They are not kept" in pilot.app.screen.unsaved_work()
        assert not kept_texts(machine)


@pytest.mark.parametrize("key", ["ctrl+g", "escape"])
async def test_what_was_undone_before_the_editor_is_left_is_not_offered(machine: Machine, key: str) -> None:
    async with editing(machine) as pilot:
        editor = pilot.app.screen
        assert isinstance(editor, EditorScreen)
        await pilot.press("down", "down", "down", "down", "down", "ctrl+d")
        await until(pilot, lambda: len(kept_texts(machine)) == 1)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: area(pilot).text == TEXT and len(editor.key_at_cursor) > 1)
        await pilot.press(key)
        await until(pilot, lambda: not editor.is_attached)
        assert not kept_texts(machine)


async def test_two_editors_of_one_file_keep_their_own_texts(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    one, other = (TextDrafts(machine.directories.state, path) for _ in range(2))
    one.keep(1, "# one", "", "", 1.0)
    other.keep(1, "# other", "", "", 2.0)
    other.drop(2)
    other.keep(1, "# late", "", "", 3.0)
    found = other.find()
    assert found is not None
    assert found[1].text == "# one"


@pytest.mark.parametrize("literal", LITERALS)
async def test_a_literal_secret_is_moved_into_the_keyring(
    machine: Machine, memory_keyring: MemoryKeyring, literal: str
) -> None:
    async with editing(machine) as pilot:
        area(pilot).show(TEXT.replace('{ env = "ACME_TOKEN" }', literal))
        await until_shown(pilot, "F7: Move it out of the file")
        await pilot.press("f7")
        await until_shown(pilot, "Moved into the keyring as acme/a/access-token")
        await until_shown(pilot, "✔ valid")
        wanted = TEXT.replace('{ env = "ACME_TOKEN" }', '{ keyring = "acme/a/access-token" }')
        assert area(pilot).text == wanted
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).read_text() == wanted)
    [stored] = memory_keyring.entries.values()
    assert "CANARY-token-of-the-shop" in stored
    assert "https://acme.example" in stored


async def test_without_a_keyring_a_literal_secret_becomes_the_value_of_a_variable(machine: Machine) -> None:
    """Until the program exits. Leaving with the secret in the text offers nothing that saving would refuse."""
    machine = replace(machine, keyring=NoKeyring)
    async with editing(machine) as pilot:
        area(pilot).show(TEXT.replace('{ env = "ACME_TOKEN" }', '"CANARY-token-of-the-shop"'))
        await until_shown(pilot, "F7: Move it out of the file")
        await pilot.press("escape")
        screen = await until_shown(pilot, "It cannot be saved with the secret on line")
        assert "^S  Save" not in screen
        await pilot.press("escape", "f7")
        await until_shown(pilot, "Moved into the variable TUI_CONNECTOR_ACME_A_ACCESS_TOKEN, for this session only")
        wanted = TEXT.replace('{ env = "ACME_TOKEN" }', '{ env = "TUI_CONNECTOR_ACME_A_ACCESS_TOKEN" }')
        assert area(pilot).text == wanted
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).read_text() == wanted)
        source = "env:TUI_CONNECTOR_ACME_A_ACCESS_TOKEN"
        assert machine.typed.find(file_of(pilot), source, "https://acme.example") == "CANARY-token-of-the-shop"


async def test_a_secret_that_was_moved_stays_known_after_a_merge(machine: Machine) -> None:
    """Also one that no client uses yet."""
    machine = replace(machine, keyring=NoKeyring)
    other = '\n[authentications.other]\nkind = "bearer"\ntoken = "CANARY-token-of-the-shop"\n'
    async with editing(machine) as pilot:
        area(pilot).show(TEXT + other)
        await until_shown(pilot, "F7: Move it out of the file")
        await pilot.press("f7")
        await until_shown(pilot, "Moved into the variable TUI_CONNECTOR_ACME_OTHER_ACCESS_TOKEN, for this session only")
        file_of(pilot).write_text(TEXT.replace("Acme", "Beta"))
        await pilot.press("ctrl+s")
        await until_shown(pilot, '✔ file  name = "Beta store"')
        await pilot.press("enter")
        await until_shown(pilot, "Saved.")
        pilot.app.push_screen(ProfilePage(PageContext(machine, file_of(pilot))))
        await until_shown(pilot, "! other")


async def test_a_full_disk_loses_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with editing(machine) as pilot:
        sync = os.fsync
        monkeypatch.setattr(os, "fsync", full)
        await pilot.press("ctrl+end", "#", "ctrl+s")
        await until_shown(pilot, "No space left on device")
        assert file_of(pilot).read_text() == TEXT
        assert area(pilot).text == TEXT + "#"
        monkeypatch.setattr(os, "fsync", sync)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: file_of(pilot).read_text() == TEXT + "#")
        assert os.listdir(file_of(pilot).parent) == ["acme.toml"]


async def test_a_symbolic_link_stays_one(machine: Machine, tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles.toml", machine.directories.profiles / "acme.toml"
    target.write_text(TEXT)
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", "#", "ctrl+s")
        await until_shown(pilot, "Saved")
        assert link.is_symlink()
        assert target.read_text() == TEXT + "#"


async def test_two_editors_of_one_file_do_not_overwrite_each_other(machine: Machine) -> None:
    path = machine.directories.profiles / "acme.toml"
    async with editing(machine) as pilot:
        await pilot.press("ctrl+end", *"# one")
        other = Document.open(path)  # as the other editor has it
        other.edit_text("# other\n" + other.text())
        other.save()
        await until_shown(pilot, "Another program changed the file")
        await pilot.press("ctrl+s")
        await until_shown(pilot, "# other")
        assert path.read_text() == "# other\n" + TEXT
        await pilot.press("enter")
        merged = "# other\n" + TEXT + "# one"
        await until(pilot, lambda: path.read_text() == merged)
        with pytest.raises(ChangedOnDisk):
            other.save()
