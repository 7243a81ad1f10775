"""Pages of which each response names the next one, by a link or a cursor."""

from __future__ import annotations

import json
from collections.abc import Callable

from ...client.message import Request
from ...client.pages import Page
from ...client.uri import is_absolute
from ...secrets.names import strip_session_id
from ...templates import Json
from ...text import beginning
from . import ListPart, PaginationError, SequentialPages
from .envelope import has_name_at, missing_value_message, more_follows_flag, next_page_name

_MAX_EMPTY_PAGES = 50
"""Consecutive pages without items after which the list is taken to have no end."""


def sequential_list(
    ask: Callable[[Json], Request],
    after: Callable[[Page], Json],
    position: Json,
    incomplete_reason: Callable[[Page, bool], str],
) -> ListPart:
    """The list from a position on.

    `ask` returns the request for a link or cursor (None: the first page), `after` the next link or cursor in a page,
    `incomplete_reason` as in `SequentialPages`. A link or cursor that was already used is an error. Only those of
    the current run are known, so that a circle across an interruption is found one round later.
    """
    if position is not None and not (isinstance(position, dict) and position.get("next") is not None):
        raise PaginationError(f"{position!r} is not a position in this list", "Start over with --full.")
    seen: set[str] = set()
    empty = 0

    def next_of(position: Json) -> Json:
        return position.get("next") if isinstance(position, dict) else None

    def next_position(position: Json, page: Page) -> Json:
        nonlocal empty
        current, following = next_of(position), after(page)
        if current is not None:
            seen.add(_text(current))
        empty = 0 if page.items else empty + 1
        if following is None or (following == current and empty):
            return None
        if empty >= _MAX_EMPTY_PAGES:
            raise PaginationError(
                f"The store sent {empty} consecutive pages without items, each with a next page",
                'Items read so far are kept. If a response says whether more follow, name it in "more" of the cursor.',
            )
        if _text(following) in seen:
            raise PaginationError(
                f"The store's pages go in a circle: the next one would be {beginning(_text(following), 200)!r} again",
                "Items read so far are kept. Correct the pagination, or report this to the store's developer.",
                "circle",
            )
        return {"next": following}

    return SequentialPages(position, lambda position: ask(next_of(position)), next_position, incomplete_reason)


def incomplete_reason_at(page: Page, expression: str, option: str, size: int | None = None, *, first: bool) -> str:
    """Why this page may not be the last although nothing is found at `expression`; "" if it is.

    If the name is present with an empty value, the page is the last unless a flag contradicts. If the name is missing,
    a later page is the last if nothing else says that more follows; the first page also has to hold all items that the
    store counts or, where it does not count them, fewer than the `size` requested.
    """
    if has_name_at(page, expression) or not page.items:
        flag = more_follows_flag(page, expression)
        return contradicted_by(flag) if flag else ""
    if next_page_name(page) is None:
        total, received = page.reported_total, len(page.items)
        if not first or (total is not None and total <= received):
            return ""
        if total is None and size is not None and received < size:
            return ""
    return missing_value_message(page, expression, option, "first" if first else "last")


def contradicted_by(flag: str) -> str:
    """That a response names no next page, although this flag says there is one."""
    return f"The last response says in {flag!r} that more follows, but not how to request it"


def _text(cursor: Json) -> str:
    return cursor if isinstance(cursor, str) else json.dumps(cursor)


def resolved_link(request: Request, link: str) -> str:
    """The URI of a link in the response to `request` (the part of RFC 3986 §5.2 that links to pages need)."""
    link = strip_session_id(link.strip().partition("#")[0].removeprefix("./"))
    if is_absolute(link) or link.startswith("/"):
        return link
    path = request.uri.partition("?")[0]
    if link.startswith("?"):
        return path + link
    folder = path.rpartition("/")[0]
    return f"{folder}/{link}" if folder else link
