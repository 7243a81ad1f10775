"""The requests of a draft are in the history of the profile that is saved from it, and in no other."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from exchanges import exchange

from tui_connector.client.exchange import Exchange
from tui_connector.files import CannotSave, ChangedOnDisk
from tui_connector.guide.draft_history import DraftHistory, delete_history
from tui_connector.guide.drafts import draft_file
from tui_connector.guide.profiles.save import save
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.log.history import History
from tui_connector.machine import Machine

KEY, OTHER = "a" * 16, "b" * 16


class Guide:
    """A guide in a process of its own, `day` days later."""

    def __init__(self, machine: Machine, key: str = KEY, day: int = 0, history: str = "metadata") -> None:
        now = machine.now() + timedelta(days=day)
        self.machine = replace(machine, now=lambda: now)
        self.bench = Workbench(self.machine)
        self.requests = DraftHistory(self.bench, key, saved=False)
        self.data = {"format": 1, "name": "Acme", "log": {"history": history}}
        self.keep()

    def keep(self) -> None:
        self.requests.keep(self.data)

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.bench.exchanges.record(exchange(number))

    async def save(self, name: str = "acme") -> tuple[str, ...]:
        setup, path = Setup(name), self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        setup.document.draft = self.data
        moving = self.requests.copied_to(path, self.data)
        notes = (await save(setup, path, self.bench.vault, moving=moving, state=self.machine.directories.state)).notes
        self.requests.continue_in(path, profile_of(self.data))
        self.requests.drop()  # as the draft is dropped with the next change
        return notes

    def path(self, name: str = "acme") -> Path:
        return self.machine.directories.profiles / f"{name}.toml"


def sessions(machine: Machine, file: Path) -> list[list[int]]:
    """The numbers of the requests of each session, the oldest first."""
    found = History(machine.directories.state, file).sessions()
    return [[each.number for each in session.read() if isinstance(each, Exchange)] for session in reversed(found)]


def of_draft(machine: Machine, key: str = KEY) -> list[list[int]]:
    return sessions(machine, draft_file(machine.directories.state, key))


async def test_requests_of_earlier_processes_and_of_this_one_are_in_the_history(machine: Machine) -> None:
    for day in (0, 1):
        guide = Guide(machine, day=day)
        guide.send(day * 10 + 1, day * 10 + 2)
        guide.bench.close()
    assert of_draft(machine) == [[1, 2], [11, 12]]
    guide = Guide(machine, day=2)
    guide.send(21)
    assert await guide.save() == ()
    guide.send(22)
    guide.bench.close()
    assert sessions(machine, guide.path()) == [[1, 2], [11, 12], [21, 22]]  # one session for a process
    assert not History(machine.directories.state, draft_file(machine.directories.state, KEY)).directory.exists()


async def test_two_drafts_of_the_same_store_have_histories_of_their_own(machine: Machine) -> None:
    one, other = Guide(machine), Guide(machine, OTHER)
    one.send(1)
    other.send(2)
    one.send(3)
    await other.save("b")
    one.send(4)
    other.send(5)
    with pytest.raises(ChangedOnDisk):  # the name is taken by now
        await one.save("b")
    one.keep()
    one.send(6)
    assert await one.save("a") == ()
    for guide in (one, other):
        guide.bench.close()
    assert sessions(machine, one.path("a")) == [[1, 3, 4, 6]]
    assert sessions(machine, one.path("b")) == [[2, 5]]


async def test_one_draft_in_two_programs_is_complete_in_both_profiles(machine: Machine) -> None:
    one, other = Guide(machine), Guide(machine, day=1)
    one.send(1)
    other.send(2)
    await one.save("a")
    other.send(3)
    await other.save("b")
    for guide in (one, other):
        guide.bench.close()
    assert sessions(machine, one.path("a"))[0] == [1]
    assert sessions(machine, other.path("b")) == [[2, 3]]


async def test_a_full_disk_leaves_them_with_the_draft(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = Guide(machine)
    guide.send(1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(CannotSave):
            await guide.save()
    assert not guide.path().exists()
    assert (of_draft(machine), sessions(machine, guide.path())) == ([[1]], [])
    assert await guide.save() == ()  # nothing is in the way of the second attempt
    guide.bench.close()
    assert sessions(machine, guide.path()) == [[1]]


async def test_a_crash_while_saving_loses_nothing(machine: Machine) -> None:
    guide = Guide(machine)
    guide.send(1)
    guide.bench.close()
    with guide.requests.copied_to(guide.path(), guide.data):
        shutil.copytree(machine.directories.state, machine.directories.state.with_name("crashed"))
    shutil.rmtree(machine.directories.state)
    machine.directories.state.with_name("crashed").rename(machine.directories.state)
    guide = Guide(machine, day=1)
    [note] = await guide.save()
    guide.bench.close()
    assert "An earlier profile was named acme" in note
    assert sessions(machine, guide.path()) == [[1]]


async def test_where_they_cannot_be_copied_the_profile_is_saved_and_they_stay(machine: Machine) -> None:
    guide = Guide(machine)
    guide.send(1)
    blocked = History(machine.directories.state, guide.path()).directory
    blocked.write_text("a file where the directory should be")
    await guide.save()
    assert f"stay in {History(machine.directories.state, draft_file(machine.directories.state, KEY)).directory}" in (
        guide.requests.problem
    )
    guide.bench.close()
    assert guide.path().exists()
    assert of_draft(machine) == [[1]]


async def test_the_setting_of_the_draft_decides(machine: Machine) -> None:
    guide = Guide(machine, history="off")
    guide.send(1)
    assert of_draft(machine) == []
    guide = Guide(machine)
    guide.send(2)
    guide.data["log"] = {"history": "off"}  # type: ignore[assignment]
    await guide.save()
    guide.bench.close()
    assert (of_draft(machine), sessions(machine, guide.path())) == ([], [])
    assert not any(each.is_dir() for each in os.scandir(machine.directories.state / "history"))


def test_they_are_deleted_with_the_draft(machine: Machine) -> None:
    guide = Guide(machine)
    guide.send(1)
    guide.requests.drop()
    assert of_draft(machine) == []
    guide.keep()  # what was typed again is a draft again
    guide.send(2)
    guide.bench.close()
    assert of_draft(machine) == [[1, 2]]
    other = Guide(machine, OTHER)
    other.send(3)
    other.bench.close()
    delete_history(machine.directories.state, KEY)
    delete_history(machine.directories.state, KEY)
    assert (of_draft(machine), of_draft(machine, OTHER)) == ([], [[3]])
