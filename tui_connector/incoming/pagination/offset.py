"""Offset and limit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...client.message import Request
from ...templates import Json
from . import ListPart, PageSize, Pagination
from .counted import CountedList, EndStatuses, LastPage, Total
from .envelope import total_at
from .placement import SendIn, with_parameter


class Offset(Pagination):
    """Offset and limit."""

    kind: Literal["offset"] = "offset"
    parameter: str = Field(
        "offset", min_length=1, title="Parameter", description="Name of the parameter for the number of items to skip."
    )
    size_parameter: str = Field(
        "limit", min_length=1, title="Size parameter", description="Name of the parameter for the page size."
    )
    page_size: PageSize = 100
    send_in: SendIn = "query"
    total: Total = None
    last_page: LastPage = "empty"
    end_statuses: EndStatuses

    def first(self, request: Request, size: int | None = None) -> Request:
        return self.page(request, 0, size or self.page_size)

    def page(self, request: Request, before: int, size: int) -> Request:
        """The page of `size` items after `before` items."""
        request = with_parameter(request, self.send_in, self.parameter, before)
        return with_parameter(request, self.send_in, self.size_parameter, size)

    def begin(self, request: Request, position: Json = None) -> ListPart:
        return CountedList(
            lambda before, size: self.page(request, before, size),
            self.page_size,
            numbered=False,
            total=lambda page: total_at(page, self.total),
            total_is_named=self.total is not None,
            last_page=self.last_page,
            strict=True,
            end_statuses=self.end_statuses,
        ).begin(position)
