"""A cursor in each response, sent back with the next request."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...client.message import Request
from ...client.pages import Page
from ...templates import Json
from ...templates.expression import ExpressionText
from . import ListPart, PageSize, Pagination, PaginationError
from .envelope import has_name_at, is_true, missing_value_message, value_at
from .placement import SendIn, with_parameter
from .sequential import incomplete_reason_at, sequential_list


class Cursor(Pagination):
    """Cursor."""

    kind: Literal["cursor"] = "cursor"
    cursor: ExpressionText = Field(
        title="Cursor",
        description="Path of the next page's cursor in a response (JMESPath on its body, or on its headers); "
        "empty means the end.",
        examples=["meta.next_cursor", 'headers."x-next-cursor"', "hits.hits[-1].sort"],
    )
    parameter: str = Field(
        "cursor",
        min_length=1,
        title="Parameter",
        description="Name of the parameter for the cursor.",
        examples=["after", "variables.after"],
    )
    more: ExpressionText | None = Field(
        None,
        title="More",
        description="Path of the flag that says whether more follows (JMESPath), if the last page has a cursor, too.",
        examples=["has_more"],
    )
    size_parameter: str | None = Field(
        None,
        min_length=1,
        title="Size parameter",
        description="Name of the parameter for the page size, if the store accepts one.",
        examples=["limit"],
    )
    page_size: PageSize = 100
    send_in: SendIn = "query"

    def first(self, request: Request, size: int | None = None) -> Request:
        if self.size_parameter is None:
            return request
        return with_parameter(request, self.send_in, self.size_parameter, size or self.page_size)

    def begin(self, request: Request, position: Json = None) -> ListPart:
        def ask(cursor: Json) -> Request:
            page = self.first(request)
            return page if cursor is None else with_parameter(page, self.send_in, self.parameter, cursor)

        def unproven(page: Page, first: bool) -> str:
            size = self.page_size if self.size_parameter else None
            if self.more is None:
                return incomplete_reason_at(page, self.cursor, "cursor", size, first=first)
            if not first and not has_name_at(page, self.more) and not _is_end(value_at(page, self.cursor)):
                return missing_value_message(page, self.more, "more", "last")
            return (
                "" if has_name_at(page, self.more) else incomplete_reason_at(page, self.more, "more", size, first=first)
            )

        return sequential_list(ask, self._next_cursor, position, unproven)

    def _next_cursor(self, page: Page) -> Json:
        if self.more is not None and not is_true(value_at(page, self.more)):
            return None
        found = value_at(page, self.cursor)
        if _is_end(found):
            if self.more is not None:
                raise PaginationError("The store says that more follows, but sends no cursor", 'Correct "cursor".')
            return None
        if found is True or (self.send_in == "query" and not isinstance(found, str | int)):
            what = "true" if found is True else "a list, an object or a fraction, which can only be sent in a body"
            raise PaginationError(
                f"{self.cursor!r} is not a cursor in the response: it is {what}",
                'Correct "cursor", or write send-in = "body".',
            )
        return found


def _is_end(found: Json) -> bool:
    """Whether this instead of a cursor says that nothing follows; 0 is a cursor."""
    return found is None or found is False or found in ("", [], {})
