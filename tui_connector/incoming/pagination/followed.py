"""Pages that name the next one: each is asked for by what the response before it said."""

from __future__ import annotations

import json
from collections.abc import Callable

from ...client.message import Request
from ...client.uri import is_absolute
from ...secrets.names import without_session
from ...templates import Json
from ...text import beginning
from ..pages import Page
from . import ListPart, PaginationError, SequentialPages
from .envelope import is_named, names_next, nothing_at, says_more

_EMPTY = 50
"""Pages without an item, one after another, after which no end is believed in."""


def followed(
    ask: Callable[[Json], Request],
    after: Callable[[Page], Json],
    position: Json,
    unproven: Callable[[Page, bool], str],
) -> ListPart:
    """The list from a position on. `ask` gives the page of a link or cursor (None: the first), `after` the next one.

    `unproven`: why a page that names no next one may not be the last, or ""; it is told whether it is the first.

    One that came before is a circle. Each run remembers its own, so that one across a stop is found a round later.
    """
    if position is not None and not (isinstance(position, dict) and position.get("next") is not None):
        raise PaginationError(f"{position!r} is not a position in this list", "Start over with --full.")
    seen: set[str] = set()
    empty = 0

    def next_of(position: Json) -> Json:
        return position.get("next") if isinstance(position, dict) else None

    def behind(position: Json, page: Page) -> Json:
        nonlocal empty
        here, there = next_of(position), after(page)
        if here is not None:
            seen.add(_text(here))
        empty = 0 if page.items else empty + 1
        if there is None or (there == here and empty):
            return None
        if empty >= _EMPTY:
            raise PaginationError(
                f"The store sent {empty} consecutive pages without items, each with a next page",
                'Items read so far are kept. If a response says whether more follow, name it in "more" of the cursor.',
            )
        if _text(there) in seen:
            raise PaginationError(
                f"The store's pages go in a circle: the next one would be {beginning(_text(there), 200)!r} again",
                "Items read so far are kept. Correct the pagination, or report this to the store's developer.",
                "circle",
            )
        return {"next": there}

    return SequentialPages(position, lambda position: ask(next_of(position)), behind, unproven)


def unproven_end(page: Page, expression: str, option: str, size: int | None = None, *, first: bool) -> str:
    """Why this page may not be the last although nothing is found at `expression`; "" if it is.

    It is the last where the name is there with an empty value and no flag contradicts. Where the name is missing, the
    first page is the last if nothing else says that more follows and the response counts no more items than it holds
    or has fewer than the `size` requested; a later page, if nothing else says that more follows.
    """
    if is_named(page, expression) or not page.items:
        flag = says_more(page, expression)
        return contradicted(flag) if flag else ""
    if names_next(page) is None:
        counted, came = page.counted, len(page.items)
        if not first or (counted is not None and counted <= came):
            return ""
        if counted is None and size is not None and came < size:
            return ""
    return nothing_at(page, expression, option, "first" if first else "last")


def contradicted(flag: str) -> str:
    """That a response names no next page, and that this flag says there is one."""
    return f"The last response says in {flag!r} that more follows, but not how to request it"


def _text(cursor: Json) -> str:
    return cursor if isinstance(cursor, str) else json.dumps(cursor)


def resolved(request: Request, link: str) -> str:
    """The URI of a link in the response to `request` (RFC 3986 §5.2, as far as links of pages go)."""
    link = without_session(link.strip().partition("#")[0].removeprefix("./"))
    if is_absolute(link) or link.startswith("/"):
        return link
    path = request.uri.partition("?")[0]
    if link.startswith("?"):
        return path + link
    folder = path.rpartition("/")[0]
    return f"{folder}/{link}" if folder else link
