"""A cursor in the body of each answer, sent back with the next request."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...client.message import Request
from ...placeholder import Json
from ..expression_field import Expression
from ..page import Page
from . import Pagination, PaginationError, Part
from .beside import beside
from .followed import followed


class Cursor(Pagination):
    """Cursor in the body."""

    kind: Literal["cursor"] = "cursor"
    cursor: Expression = Field(
        title="Cursor",
        description="Where the cursor of the next page stands in an answer (JMESPath); nothing there is the end.",
        examples=["meta.next_cursor"],
    )
    parameter: str = Field(
        "cursor", min_length=1, title="Parameter", description="The name under which it is sent.", examples=["after"]
    )
    more: Expression | None = Field(
        None,
        title="More",
        description="Where an answer says whether more follows (JMESPath), where a cursor comes at the end too.",
        examples=["has_more"],
    )
    size_parameter: str | None = Field(
        None,
        min_length=1,
        title="Size parameter",
        description="The name under which the page size is sent, where the store takes one.",
        examples=["limit"],
    )
    page_size: int = Field(100, ge=1, le=10_000, title="Page size", description="Items in one answer.")

    def first(self, request: Request, size: int | None = None) -> Request:
        return request.with_query(self.size_parameter, str(size or self.page_size)) if self.size_parameter else request

    def begin(self, request: Request, position: Json = None) -> Part:
        def ask(cursor: str | None) -> Request:
            page = self.first(request)
            return page if cursor is None else page.with_query(self.parameter, cursor)

        return followed(ask, self._after, position)

    def _after(self, page: Page) -> str | None:
        if self.more is not None and not beside(page, self.more):
            return None
        found = beside(page, self.cursor)
        if found in (None, "", False):
            if self.more is not None:
                raise PaginationError("The store says that more follows, and sends no cursor", 'Correct "cursor".')
            return None
        if isinstance(found, bool | float | list | dict):
            raise PaginationError(f"{self.cursor!r} is no cursor in the answer", 'Correct "cursor".')
        return str(found)
