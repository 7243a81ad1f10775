"""A cursor in each response, sent back with the next request."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...client.message import Request
from ...placeholder import Json
from ..expression_field import Expression
from ..page import Page
from . import Pagination, PaginationError, Part
from .beside import beside
from .followed import followed, unproven_end
from .sent import SendIn, with_parameter


class Cursor(Pagination):
    """Cursor."""

    kind: Literal["cursor"] = "cursor"
    cursor: Expression = Field(
        title="Cursor",
        description="Where the cursor of the next page is in a response (JMESPath on its body, or on its headers); "
        "nothing there is the end.",
        examples=["meta.next_cursor", 'headers."x-next-cursor"', "hits.hits[-1].sort"],
    )
    parameter: str = Field(
        "cursor",
        min_length=1,
        title="Parameter",
        description="The name under which it is sent.",
        examples=["after", "variables.after"],
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
    send_in: SendIn = "query"

    def first(self, request: Request, size: int | None = None) -> Request:
        if self.size_parameter is None:
            return request
        return with_parameter(request, self.send_in, self.size_parameter, size or self.page_size)

    def begin(self, request: Request, position: Json = None) -> Part:
        def ask(cursor: Json) -> Request:
            page = self.first(request)
            return page if cursor is None else with_parameter(page, self.send_in, self.parameter, cursor)

        def unproven(page: Page) -> str:
            size = self.page_size if self.size_parameter else None
            if self.more is not None:
                return unproven_end(page, self.more, "more", size)
            return unproven_end(page, self.cursor, "cursor", size)

        return followed(ask, self._after, position, unproven)

    def _after(self, page: Page) -> Json:
        if self.more is not None and not beside(page, self.more):
            return None
        found = beside(page, self.cursor)
        if found in (None, "", False, [], {}) and found != 0:
            if self.more is not None:
                raise PaginationError("The store says that more follows, and sends no cursor", 'Correct "cursor".')
            return None
        if found is True or (self.send_in == "query" and not isinstance(found, str | int)):
            what = "true" if found is True else "a list, an object or a fraction, which only a body can hold"
            raise PaginationError(
                f"{self.cursor!r} is no cursor in the answer: it is {what}",
                'Correct "cursor", or write send-in = "body".',
            )
        return found
