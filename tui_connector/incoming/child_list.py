"""A child list in the queue of those that are read, and the positions from which a run resumes in and between them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..runs.errors import RunError
from ..runs.ledger import FailedRecord
from ..templates import Json
from .page_reader import PageRead, ReadSoFar
from .pagination import PaginationError
from .reading import ListReader

_END = "end"
_POSITION = frozenset({"parents", "skip", "read", "failed", "counted", "child"})
"""The members of a position."""


@dataclass(frozen=True, slots=True)
class ChildPosition:
    """A position in child lists, as a ledger keeps it."""

    parents: Json = None
    """The position in the list of parents."""
    skip: int = 0
    """Parents after that position whose lists were read."""
    read: int = 0
    """Parents whose lists were read."""
    failed: int = 0
    """Failed records of the list of parents."""
    counted: int | None = None
    """Parents, as counted by the store."""
    child: Json = None
    """The position in the list of the next parent, which `ChildList.resume_from` understands."""

    @classmethod
    def parse(cls, position: Json) -> ChildPosition:
        """Raises `PaginationError` for a position of another kind of list."""
        if position is None:
            return cls()
        if not isinstance(position, dict) or not _POSITION.issuperset(position):
            raise PaginationError("The position of the last run is not one in child lists", "Start over with --full.")
        return cls(
            position.get("parents"),
            _count(position.get("skip")) or 0,
            _count(position.get("read")) or 0,
            _count(position.get("failed")) or 0,
            _count(position.get("counted")),
            position.get("child"),
        )

    @property
    def at_end(self) -> bool:
        """Whether all parents were read."""
        return self.parents == _END


def parents_read(position: Json) -> int:
    """Parents before this position, whose child lists have been read completely."""
    return (_count(position.get("read")) or 0) if isinstance(position, dict) else 0


def first_position(position: Json, levels: int) -> Json:
    """The position in the list of the first ancestor, `levels` above the child lists that this position is in."""
    for _ in range(levels):
        position = position.get("parents") if isinstance(position, dict) else None
    return None if position == _END else position


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class ChildPage(PageRead):
    """A page of a child list. `position_at` returns the run's position for one in that list."""

    inner: PageRead | None = None
    position_at: Callable[[Json, int], Json] = lambda position, items: position

    def first(self, count: int) -> PageRead:
        inner = None if self.inner is None else self.inner.first(count).position
        position = None if inner is None else self.position_at(inner, count)
        return replace(self, items=self.items[:count], position=position, is_last=False)


@dataclass(slots=True, eq=False)
class ChildList:
    """A parent in the queue, and what has arrived of its child list."""

    item: bytes
    number: int
    """Of parents before it."""
    page: PageRead
    """The parents' page that contains it."""
    index: int
    """Its index on that page."""
    start: Json
    """The parents' position before that page."""
    so_far: ReadSoFar
    """The state of the parents' list when the page arrived."""
    is_final: bool
    """No parent follows."""
    pages: deque[ChildPage] = field(default_factory=deque)
    failed: list[FailedRecord] = field(default_factory=list)
    reader: ListReader | None = None
    task: asyncio.Task[None] | None = None
    done: bool = False
    ended: bool = False
    """Its last page has left the queue."""
    error: RunError | None = None
    """Why the list cannot be read."""
    doubt: str = ""
    digest: str = ""
    """Of the request for its list, which identifies it when a run is resumed."""
    read: int = 0
    """Items that its list has returned."""

    def position(self, index: int) -> dict[str, Json]:
        """The position from which the parent at this index of the page, and those after it, are read."""
        counts: dict[str, Json] = {
            "read": self.number + index - self.index,
            "failed": self.so_far.failed,
            "counted": self.so_far.reported_total,
        }
        if index > self.index and self.is_final:
            return {"parents": _END, **counts}
        if index >= len(self.page.items):
            return {"parents": self.page.position, **counts}
        if index == 0:
            return {"parents": self.start, **counts}
        after = self.page.first(index).position
        return {"parents": self.start, "skip": index, **counts} if after is None else {"parents": after, **counts}

    @property
    def position_after(self) -> Json:
        """The position after this parent."""
        return self.position(self.index + bool(self.item))

    def position_within(self, before: int, position: Json, items: int) -> Json:
        """The position in this parent's child list where `items` were read, after `before` of earlier pages."""
        state: Json = {
            "of": self.digest,
            "position": position,
            "read": before + items,
            "counted": self.reader.reported_total if self.reader else None,
        }
        return {**self.position(self.index), "child": state}

    def resume_from(self, child: Json) -> ReadSoFar:
        """How far an interrupted run has read this list, if it was the one that it was reading."""
        if not isinstance(child, dict) or child.get("of") != self.digest:
            return ReadSoFar()
        read = _count(child.get("read")) or 0
        return ReadSoFar(child.get("position"), read, reported_total=_count(child.get("counted")))
