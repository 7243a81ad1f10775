"""A link to the next page in the body of each response."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from ...client.message import Request
from ...client.pages import Page
from ...templates import Json
from ...templates.expression import ExpressionText
from . import ListPart, Pagination, PaginationError
from .envelope import value_at
from .sequential import incomplete_reason_at, resolved_link, sequential_list


class NextLink(Pagination):
    """Next link in the body."""

    kind: Literal["next-link"] = "next-link"
    link: ExpressionText = Field(
        title="Link",
        description="Path of the link to the next page in a response (JMESPath on its body, or on its headers); "
        "empty means the end. It must stay at the client's own address.",
        examples=["links.next"],
    )

    def begin(self, request: Request, position: Json = None) -> ListPart:
        def ask(link: Json) -> Request:
            return request if link is None else replace(request, uri=str(link))

        def after(page: Page) -> str | None:
            found = value_at(page, self.link)
            if found is None or found in ("", False, [], {}):
                return None
            if not isinstance(found, str):
                raise PaginationError(f"{self.link!r} is not a link in the response", 'Correct "link".')
            return resolved_link(request, found) if found.strip() else None

        def unproven(page: Page, first: bool) -> str:
            return incomplete_reason_at(page, self.link, "link", first=first)

        return sequential_list(ask, after, position, unproven)
