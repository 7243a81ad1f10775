"""What a run reads: the pages of a list in order, each with the position from which it resumes after them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ..runs.errors import RunError
from ..runs.ledger import FailedRecord
from ..templates import Json
from .pagination import PageRequest


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page of the list, in order. `position`: where to resume after it."""

    items: list[bytes]
    request: PageRequest
    position: Json
    is_last: bool
    total: int | None
    """Items in the whole list, as counted by the store when it sent this page."""
    failed: tuple[FailedRecord, ...] = ()
    parent: bytes | None = None
    """The parent's item, for a page of a child list."""

    def first(self, count: int) -> PageRead:
        """The page with its first `count` items. `position` is None where a run can resume after whole pages only."""
        items = self.items[:count]
        return replace(self, items=items, position=self.request.position_after(items), is_last=False)


@dataclass(slots=True)
class RunCounts:
    """Requests of a run so far."""

    retries: int = 0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class ReadSoFar:
    """How far a list has been read: by an interrupted run, if any."""

    position: Json = None
    read: int = 0
    failed: int = 0
    reported_total: int | None = None
    at_end: bool = False
    incomplete_reason: str = ""


class PageReader(Protocol):
    """What a run reads: a list, or the lists of many parents."""

    @property
    def store_time(self) -> datetime | None: ...

    def pages(self) -> AsyncGenerator[list[PageRead], None]: ...

    def stop(self, error: RunError) -> None: ...

    async def use_smaller_pages(self, allowed: int) -> None: ...

    def why_incomplete(self) -> str: ...

    def remarks(self) -> list[str]: ...

    @property
    def doubt(self) -> str: ...

    @property
    def read(self) -> int: ...

    @property
    def reported_total(self) -> int | None: ...

    @property
    def counts(self) -> RunCounts: ...
