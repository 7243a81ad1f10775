"""The changes of a profile's file that were saved in this session: undone and redone one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UserError
from ...files import CannotSave, digest, write_atomic
from ...profile.document import parsed
from ...profile.library import ProfileError, read_bytes
from ...profile.merge import hunks, merged
from ...profile.text_checker import Checker, new_literal_secret
from ...profile.trust_records import TrustRecord
from ...text import shown_line
from ..part_families import FAMILIES, Family
from ..trust import ProfileTrust
from .ledger_rename import StateMoves
from .save import difference

PartKey = tuple[Family, str]
"""The family and the name of a part."""


class ChangedPart(NamedTuple):
    """The part of a profile that a change was about."""

    family: Family
    name: str
    is_deleted: bool = False
    """Whether the profile no longer has it since."""


IN_OWN_EDITOR = "edit in $EDITOR"
BY_ANOTHER_PROGRAM = "edit by another program"

_MAX_CHANGES = 100
"""Changes of one file that can be undone; each has the file twice, which may be 1 MiB large."""


@dataclass(frozen=True, slots=True)
class SavedChange:
    """One change of a file."""

    path: Path
    before: bytes
    after: bytes
    """The file since the change."""
    trust: ProfileTrust
    trusted: tuple[TrustRecord, ...]
    """What the profile was trusted with before the change."""
    title: str = ""
    """What was done, such as "delete products"; sanitised."""
    states: StateMoves | None = None
    """The run states that moved with it."""

    def difference_back(self) -> str:
        """The lines that reverting it changes. Blocks for long files."""
        now, then = (each.decode("utf-8", "replace") for each in (self.after, self.before))
        return difference(now, then)

    def check_secrets(self) -> None:
        """Raises `UserError` where reverting it would write a literal secret that the file no longer has."""
        now, then = (each.decode("utf-8", "surrogateescape") for each in (self.after, self.before))
        if (secret := new_literal_secret(Checker().check(then), now)) is not None:
            message = f"{self.path.name} would have the secret at {secret.path} as a literal value again"
            raise UserError("literal-secret", message, "Press e, and change the rest back in the text.")

    def problem_count_after_revert(self) -> int:
        """The number of problems that the profile has once this is reverted. Blocks."""
        return len(Checker().check(self.before.decode("utf-8", "replace")).problems)

    @property
    def reversed(self) -> SavedChange:
        """The change that takes this one back."""
        return replace(self, before=self.after, after=self.before)

    def part(self) -> ChangedPart | None:
        """The part that was changed: one that was added or renamed, as it is called since, or else that was deleted.

        None where no part was changed, or a text cannot be read. Blocks.
        """
        before, after = _parts(self.before), _parts(self.after)
        if before is None or after is None:
            return None
        added = [each for each in after if each not in before]
        deleted = [each for each in before if each not in after]
        edited = [each for each in after if each in before and before[each] != after[each]]
        found = next(iter([*added, *deleted, *edited]), None)
        return ChangedPart(*found, is_deleted=found not in after) if found is not None else None

    def found_reverted(self) -> SavedChange:
        """What reverts the undo of this change, which something else has made. Blocks."""
        return replace(self.reversed, trusted=tuple(self.trust.records()))

    @property
    def is_gone(self) -> bool:
        """Whether the file no longer has anything of the change."""
        return self.before == self.after

    def in_file(self) -> SavedChange:
        """The same change of the file as it is now, which keeps what something else has changed since. Blocks.

        Raises `UserError` where both changed the same lines, or the file cannot be read.
        """
        data = read_bytes(self.path)
        if data == self.after:
            return self
        base, mine, theirs = (each.decode("utf-8", "surrogateescape") for each in (self.after, self.before, data))
        line = 1
        found = hunks(base, mine, theirs)
        for hunk in found:
            if hunk.is_conflict:
                raise self._conflict(f"line {line}")
            line += len(hunk.theirs)
        text = merged(found, [hunk.usual for hunk in found if hunk.differs])
        if _is_toml(mine) and _is_toml(theirs) and not _is_toml(text):
            raise self._conflict("the same table")
        return replace(self, before=text.encode("utf-8", "surrogateescape"), after=data)

    def _conflict(self, where: str) -> UserError:
        message = f"Not possible: “{self.title}” and another program have both changed {where}"
        return UserError("change-conflict", message, "Press e, and change it in the text.")

    def titled(self, title: str) -> SavedChange:
        """The same with what was done, as which the user knows it."""
        return replace(self, title=shown_line(title, 60))

    def revert(self) -> SavedChange:
        """Restores the file; returns the change that was made by this, which is reverted the same way.

        Raises `ChangedOnDisk` if the file was changed since, and another `UserError`. Blocks.
        """
        self.check_secrets()
        trusted = tuple(self.trust.records())
        states = self.states.reversed if self.states is not None else None
        with states.moved() if states is not None else nullcontext():
            write_atomic(self.path, self.before, expect=digest(self.after))
        with suppress(CannotSave):  # then it is asked for again
            self.trust.restore_records(self.trusted)
        return replace(self.reversed, trusted=trusted, states=states)


@dataclass(frozen=True, slots=True)
class FileBefore:
    """A file before something else edits it, such as the user's own editor."""

    path: Path
    data: bytes
    trust: ProfileTrust
    trusted: tuple[TrustRecord, ...]

    def change(self, title: str) -> SavedChange | None:
        """What was changed since; None where nothing was. Raises `ProfileError` if it cannot be read. Blocks."""
        data = read_bytes(self.path)
        if data == self.data:
            return None
        return SavedChange(self.path, self.data, data, self.trust, self.trusted).titled(title)


def file_before(path: Path, trust: ProfileTrust) -> FileBefore:
    """The file as it is now. Raises `ProfileError` if it cannot be read. Blocks."""
    return FileBefore(path, read_bytes(path), trust, tuple(trust.records()))


@dataclass
class SavedChanges:
    """The changes of one file, the latest last: each begins with the file as the one before has left it."""

    _done: list[SavedChange] = field(default_factory=list)
    _undone: list[SavedChange] = field(default_factory=list)
    """As they are reverted to be made again; the one to redo next is last."""
    _last: bytes | None = None
    """The file as it was left by the latest change, or seen since; None before."""

    @property
    def to_undo(self) -> SavedChange | None:
        """The change that is undone next."""
        return self._done[-1] if self._done else None

    @property
    def to_redo(self) -> SavedChange | None:
        """What reverts the undo of the change that is redone next."""
        return self._undone[-1] if self._undone else None

    @property
    def undo_count(self) -> int:
        """The number of changes that can be undone."""
        return len(self._done)

    def seen(self, path: Path, data: bytes, trust: ProfileTrust, trusted: tuple[TrustRecord, ...]) -> bool:
        """The file has these bytes now, and its profile that trust; whether another program has written them.

        That is undone like any other change.
        """
        if self._last is None or self._last == data:
            self._last = data
            return False
        self._push(SavedChange(path, self._last, data, trust, trusted).titled(BY_ANOTHER_PROGRAM))
        return True

    def record(self, change: SavedChange) -> None:
        """Takes a change that was saved. What was undone before can no longer be redone."""
        self._undone.clear()
        self._push_after_others(change)

    def undone(self, redo: SavedChange) -> None:
        """The latest change was reverted; `redo` is what `revert` returned."""
        reverted = self._done.pop()
        self._undone.append(redo)
        self._last = redo.after
        if reverted.before != redo.after:  # another program's change is kept: it was not seen before
            self._push(replace(redo, before=reverted.before, states=None).titled(BY_ANOTHER_PROGRAM))

    def redone(self, undo: SavedChange) -> None:
        """What was undone last was made again; `undo` is what `revert` returned."""
        self._undone.pop()
        self._push_after_others(undo)

    def _push_after_others(self, change: SavedChange) -> None:
        """Takes a change, and before it what another program has changed in the file, with which it was merged."""
        if self._last is not None and self._last != change.before:
            others = replace(change, before=self._last, after=change.before, states=None)
            self._push(others.titled(BY_ANOTHER_PROGRAM))
        self._push(change)

    def _push(self, change: SavedChange) -> None:
        self._done = [*self._done, change][-_MAX_CHANGES:]
        self._last = change.after


def _is_toml(text: str) -> bool:
    return _data(text) is not None


def _data(text: str) -> Mapping[str, Any] | None:
    try:
        return parsed(text)
    except ProfileError:
        return None


def _parts(file: bytes) -> dict[PartKey, object] | None:
    """What a file says of each part; None where it cannot be read."""
    data = _data(file.decode("utf-8", "replace"))
    if data is None:
        return None
    tables = {family: data.get(family) for family in FAMILIES}
    return {
        (family, name): value
        for family, table in tables.items()
        if isinstance(table, dict)
        for name, value in table.items()
    }
