"""Whether what was read is the whole list: the totals that the store counts, and what else its responses say."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from ..client.counts import unclear_count
from ..client.pages import Page
from ..text import beginning, count
from .pagination.envelope import more_follows_flag, next_page_name
from .pagination.link_header import link_of

_PARTIAL_CONTENT = 206
"""Partial Content (RFC 9110 §15.3.7), which some APIs send for part of a list."""
_INCOMPLETE_STATUSES = {202: "Accepted: the server has not finished", 207: "Multi-Status: a part of it may have failed"}
"""Success statuses of responses that may be incomplete (RFC 9110 §15.3.3, RFC 4918 §11.1)."""


@dataclass(slots=True)
class ListTotal:
    """The totals that pages of a list reported; None where pages are not read by them."""

    first: int | None = None
    last: int | None = None
    highest: int | None = None
    latest: int | None = None
    shrank: bool = False
    """Whether a total was lower than an earlier one: then items have moved to pages that were read already."""

    linked: int | None = None
    """The highest total of pages whose links stand for page numbers."""

    def record_linked(self, total: int | None) -> None:
        """Records the total of a page that an earlier one has named by its number."""
        self.linked = max(self.linked or self.highest or 0, total or 0)

    def linked_reason(self, read: int) -> str:
        """Why `read` items, which are as many as were counted last, may not be all; "" if nothing says so."""
        if self.linked is None or self.linked <= read:
            return ""
        return (
            f"The list became shorter while it was read by links to page numbers: the store counted {self.linked:,} "
            f"items, and {read:,} came. Items that moved to a page already read are missing"
        )

    def record_in_order(self, total: int | None, items: int) -> None:
        """Records the total of a page of `items` items, in the list's order."""
        if total is not None:
            self.last = total
        if self.first is None and total != items:  # there are modules whose total_count is that of the page
            self.first = total

    def record(self, total: int | None, items: int) -> None:
        """Records the total of a page of `items` items, in the order of arrival."""
        if total is None or (self.highest is None and total == items):
            return
        self.shrank = self.shrank or (self.highest is not None and total < self.highest)
        self.highest = max(self.highest or 0, total)
        self.latest = total

    @property
    def shrank_reason(self) -> str:
        """Why a list that shrank while it was read by page position is not proven to be complete."""
        if not self.shrank:
            return ""
        return (
            f"The list became shorter while it was read by page position: the store counted {self.highest} items, "
            f"then {self.latest}. Items that moved to a page already read are missing; keyset pages cannot shift"
        )

    @property
    def changed(self) -> bool:
        return self.first is not None and self.last is not None and self.first != self.last


def status_doubt(status: int, expected: Container[int], *, may_be_partial: bool) -> str:
    """Why the status of a page makes it doubtful that it held all its items; "" if it does not.

    `may_be_partial`: a page in the middle of a list may be sent as part of it.
    """
    what = _INCOMPLETE_STATUSES.get(status, "")
    if status == _PARTIAL_CONTENT and not may_be_partial:
        what = "Partial Content"
    if not what or status in expected:
        return ""
    return f"A response has the status {status} ({what}). If it holds all items, add expected = [{status}]"


def single_response_doubt(page: Page, first: bool) -> str:
    """Why a response without a pagination may not hold the whole list; "" if nothing says so."""
    if page.reported_total is not None and page.reported_total > len(page.items):
        return ""  # reported with both numbers
    if not page.items:
        return ""
    more = "Link" if link_of(page.response.headers, "next") else None
    if more is None and page.envelope:
        more = next_page_name(page) or more_follows_flag(page)
    if more is None and (pages := page.page_count_name) is not None:
        return f"The response says in {pages!r} that it is one of several pages. Add a pagination to this incoming"
    if more is None and page.response.status == _PARTIAL_CONTENT and page.reported_total is None:
        return "The response is only part of the list (status 206). Add a pagination to this incoming"
    if more is not None:
        return f"The response says in {more!r} that more items follow. Add a pagination to this incoming"
    if page.reported_total is None and (unclear := unclear_count(page.envelope) or unclear_count(page.text)):
        name, text = unclear
        return (
            f"The response has {beginning(name, 60)} = {beginning(text, 40)!r}, which is not a number that can be "
            f"compared with its {count(len(page.items), 'item')}. Add a pagination to this incoming"
        )
    return ""
