"""The run states of a part that gets another name: what was read or sent is recorded under its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from ...errors import UserError
from ...outgoing.task_ledger import TaskLedger, plan_file, tasks_file
from ...runs.database import LedgerDatabase, unusable
from ...runs.ledger import Ledger, ledger_file
from ..sending.kept_samples import sample_file


class StateMoves(Protocol):
    """Run states that move when something gets another name."""

    @property
    def reversed(self) -> StateMoves:
        """What moves them back."""

    def moved(self) -> AbstractContextManager[None]:
        """Moves all of them, or none; and back if the body raises. Raises `UserError`. Blocks."""


@dataclass(frozen=True, slots=True)
class LedgerRename:
    """The ledgers of an incoming or outgoing, in these environments of its profile, that get the name `new`."""

    state: Path
    profile: Path
    environments: tuple[str, ...]
    family: Literal["incoming", "outgoing"]
    name: str
    new: str

    @property
    def reversed(self) -> LedgerRename:
        """The same under the new name, to get the old one again."""
        return replace(self, name=self.new, new=self.name)

    @contextmanager
    def moved(self) -> Iterator[None]:
        """Moves all of them, or none; and back if the body raises. No run can use them meanwhile. Blocks.

        Raises `UserError` if a run uses one of them, or if the new name has states of its own.
        """
        with ExitStack() as held, FileMoves() as moves:
            ledgers = [(each, held.enter_context(self._opened(each))) for each in self._ledgers()]
            for before, ledger in ledgers:
                after = before.with_name(f"{self.new}.sqlite")
                if os.path.lexists(after):
                    raise UserError(
                        "states-exist",
                        f"An earlier {self.family} was called {self.new}; the state of its runs is kept in {after}",
                        "Choose another name, or delete that file.",
                    )
                ledger.move(after)
                moves.done.append((before, after))
                moves.rename(plan_file(before), plan_file(after))
            if self.family == "outgoing":
                samples = (sample_file(self.state, self.profile, each) for each in (self.name, self.new))
                moves.rename(*samples)
            yield

    def _ledgers(self) -> Iterator[Path]:
        for each in self.environments:
            if self.family == "incoming":
                path = ledger_file(self.state, self.profile, self.name, "", each)
            else:
                path = tasks_file(self.state, self.profile, self.name, each)
            if path.exists():
                yield path

    def _opened(self, path: Path) -> LedgerDatabase:
        return Ledger(path) if self.family == "incoming" else TaskLedger(path)


class FileMoves:
    """Files that were renamed; they get their old names again if the body raises."""

    def __init__(self) -> None:
        self.done: list[tuple[Path, Path]] = []

    def rename(self, before: Path, after: Path) -> None:
        """Renames a file, if it exists."""
        try:
            os.rename(before, after)
        except FileNotFoundError:
            return
        except OSError as error:
            raise unusable(before, error) from error
        self.done.append((before, after))

    def __enter__(self) -> FileMoves:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for before, after in reversed(self.done) if kind is not None else ():
            with contextlib.suppress(OSError):  # the error that led here is reported
                os.rename(after, before)
