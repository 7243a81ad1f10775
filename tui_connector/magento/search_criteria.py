"""Magento's search criteria: filters, order and pages in the query of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from ..client.message import Request
from ..transfer.incoming import Pagination

CONDITION_TYPES = (
    *("eq", "neq", "like", "nlike", "in", "nin", "is", "notnull", "null", "gt", "lt", "gteq", "lteq", "finset"),
    *("nfinset", "regexp", "from", "to", "seq", "sneq", "ntoa", "fulltext"),
)
"""Those Magento knows (Magento\\Framework\\DB\\Adapter\\Pdo\\Mysql); any other one finds nothing, silently."""

Direction = Literal["ASC", "DESC"]


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a field."""

    field: str
    value: str
    condition: str = "eq"

    def __post_init__(self) -> None:
        if self.condition not in CONDITION_TYPES:
            known = ", ".join(CONDITION_TYPES)
            raise ValueError(f"{self.condition!r} is no condition type of Magento; it has {known}")


def searched(
    request: Request,
    *,
    filters: tuple[Filter, ...] = (),
    order: tuple[tuple[str, Direction], ...] = (),
    size: int | None = None,
    page: int | None = None,
) -> Request:
    """`request` with search criteria: all `filters` must hold, `order` always with its direction (none means DESC).

    The parameter itself is always written with "=": Magento leaves a bare one out of what it signs.
    """
    criteria: list[tuple[str, str]] = []
    for group, condition in enumerate(filters):
        place = f"[filter_groups][{group}][filters][0]"
        criteria += [
            (f"{place}[field]", condition.field),
            (f"{place}[value]", condition.value),
            (f"{place}[condition_type]", condition.condition),
        ]
    for index, (field, direction) in enumerate(order):
        criteria += [(f"[sortOrders][{index}][field]", field), (f"[sortOrders][{index}][direction]", direction)]
    if size is not None:
        criteria.append(("[pageSize]", str(size)))
    if page is not None:
        criteria.append(("[currentPage]", str(page)))
    for name, value in criteria or [("", "")]:
        request = request.with_query(f"searchCriteria{name}", value)
    return request


class Keyset(Pagination):
    """Keyset: each page begins behind the last item of the one before."""

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
        min_length=1,
        title="Field",
        description="The same field as an answer calls it: products are filtered by entity_id and answered with id.",
        examples=["id"],
    )
    page_size: int = Field(100, ge=1, le=10_000, title="Page size", description="Items in one answer.")

    def first(self, request: Request, size: int | None = None) -> Request:
        return searched(request, order=((self.filter, "ASC"),), size=size or self.page_size, page=1)

    def after(self, request: Request, last: str) -> Request:
        """The page behind the item whose field is `last`. Its `total_count` is what is left, not the whole."""
        behind = (Filter(self.filter, last, "gt"),)
        return searched(request, filters=behind, order=((self.filter, "ASC"),), size=self.page_size, page=1)
