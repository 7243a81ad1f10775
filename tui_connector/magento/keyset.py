"""Keyset: pages by ranges of a unique id, which neither skip nor repeat an item when rows come and go.

The list is read in ranges, several at once. The last page costs the store no more than the first (page numbers cost an
OFFSET, magento2#40548).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ..client.message import Request
from ..placeholder import Json
from ..transfer.pagination import Pagination, PaginationError, Part
from .id_ranges import BEFORE_ALL, Count, Opening, Range
from .ids import Ids
from .search_criteria import changed, checked, searched


class Keyset(Pagination):
    """Keyset: each page begins behind the last item of the one before."""

    holds_once: ClassVar[bool] = True

    kind: Literal["keyset"] = "keyset"
    filter: str = Field(
        "entity_id",
        min_length=1,
        title="Filter",
        description="The unique field by which the store filters and sorts.",
        examples=["entity_id"],
    )
    field: str = Field(
        "id",
        title="Field",
        description="The same field as an answer calls it: products are filtered by entity_id and answered with id. "
        'Empty ("") where an answer does not have it, as with source items.',
        examples=["id"],
    )
    page_size: int = Field(100, ge=1, le=10_000, title="Page size", description="Items in one answer.")

    def first(self, request: Request, size: int | None = None) -> Request:
        return searched(request, order=((self.filter, "ASC"),), size=size or self.page_size, page=1)

    def begin(self, request: Request, position: Json = None) -> Part:
        ids = Ids(checked(request), self.filter, self.field, self.page_size)
        if position is None:
            return Opening(ids, None) if self.field else Count(ids, BEFORE_ALL, BEFORE_ALL, 0)
        after, until = _read(position)
        if isinstance(after, int) and until is not None:
            ids.end = until
            return Range(ids, after, until)
        return Opening(ids, after) if self.field else Count(ids, int(after), int(after), 0)

    def changed(self, request: Request, field: str, since: str) -> Request:
        return changed(request, field, since)


def _read(position: Json) -> tuple[int | str, int | None]:
    """The id a position stands behind, and the last one of the list. Raises `PaginationError`."""
    if isinstance(position, dict):
        after, until = position.get("after"), position.get("until")
        if isinstance(after, int | str) and (until is None or isinstance(until, int)):
            return after, until
    raise PaginationError(f"{position!r} is no position in this list", "Begin anew with --full.")
