"""Pagination: how one page of a list follows the other, one kind in each module.

A run reads a list as *parts*. A part is a stretch of the list that is still to be read; `take` cuts its first page off.
Where the next request is known before the response has arrived (page numbers with a known total, ID ranges), it says
what is left, and several pages are requested at once. Where only a response says how to continue (a cursor, a next
link), nothing is left until `answered`. Either way the pages are written in the list's order, and the *position* of the
first part not written, plain JSON, is where a stopped run starts again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...client.message import Request, Response
from ...errors import UserError
from ...kinds import Kind
from ...secrets.places import without_any_secret
from ...templates import Json
from ..pages import Page


class PaginationError(UserError):
    """The pages do not follow each other as this kind expects; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "", code: str = "pagination") -> None:
        super().__init__(code, without_any_secret(message), without_any_secret(hint))


@dataclass(frozen=True, slots=True)
class PageResult:
    """What a page brought."""

    items: Sequence[bytes]
    """Those that count: none of a page that is read again in smaller parts, or that only found a bound."""
    left: tuple[ListPart, ...] = ()
    """What is still to be read between these items and what `take` said, in order."""
    expected: int | None = None
    """How many items the list has from this page on, this page's included, where the store said so."""
    total: int | None = None
    """How many the whole list has, where the pages are read by this number."""
    counted: int | None = None
    """How many the whole list has, where the pages are not read by this number but can be compared with it."""
    unproven: str = ""
    """Why this may not be the end of the list although nothing follows."""


class PageRequest(ABC):
    """One page that is asked for."""

    record: ClassVar[str | None] = None
    """Which record this is, where the page can hold one only: it is named when it is what breaks the store."""
    past_the_end: ClassVar[tuple[int, ...]] = ()
    """Statuses with which a store says that the page is after the list's end, as if it had sent no items."""

    def is_past_the_end(self, response: Response) -> bool:
        """Whether this response says that the page is after the list's end."""
        return response.status in self.past_the_end

    def advice(self, response: Response) -> str:
        """What to set where a response that was not expected may be the end of the list; usually nothing."""
        return ""

    may_repeat: ClassVar[bool] = False
    """Whether stores answer past the end with the last page again (Magento 2.3, magento2#26986)."""
    repeatable: ClassVar[bool] = True
    """Whether the same page can be requested again later, to see whether the store works: a cursor may be used up."""

    @property
    @abstractmethod
    def request(self) -> Request: ...

    @abstractmethod
    def answered(self, page: Page) -> PageResult:
        """What the page brought. Raises `PaginationError` where it is not what was asked for.

        It counts what the store sent: filters work later, on what is written.
        """

    def position_behind(self, items: Sequence[bytes]) -> Json:
        """Where to continue behind these first items of the page; None where only a whole page has such a place."""
        return None

    def lacks(self, page: Page) -> bool:
        """Whether the page holds no item although the store counts some that belong on it."""
        return not page.items and bool(page.counted)

    def recount(self) -> ListPart | None:
        """What to request after the last page to learn how many items the list has by then; None where it cannot."""
        return None

    def halves(self) -> Sequence[ListPart]:
        """The same stretch in smaller parts, for a page at which the store breaks; none where it cannot be divided."""
        return ()


class ListPart(ABC):
    """A stretch of a list that is still to be read."""

    @property
    @abstractmethod
    def position(self) -> Json:
        """Where to start in order to read this part and everything after it."""

    @abstractmethod
    def take(self) -> tuple[PageRequest, ListPart | None]:
        """Its first page, and what is left after that page where this can be said already."""


class SinglePage(ListPart, PageRequest):
    """A part that is one page: what follows it is known from its response only."""

    def take(self) -> tuple[PageRequest, ListPart | None]:
        return self, None


class Pagination(Kind):
    """How the next page is requested."""

    holds_once: ClassVar[bool] = False
    """Whether its pages prove that no item came twice: then nobody else needs to look."""

    def first(self, request: Request, size: int | None = None) -> Request:
        """The request for the first page, of `size` items where that is given."""
        return request

    def begin(self, request: Request, position: Json = None) -> ListPart:
        """The whole list, or what is left of it from a position on."""
        raise NotImplementedError

    def changed(self, request: Request, field: str, since: str) -> Request:
        """The request for what has changed since then. Raises `PaginationError` where the kind knows no such filter."""
        raise PaginationError(
            "This pagination cannot request changes",
            "Put @{cursor} into the request where the store expects the date.",
        )

    @property
    def most(self) -> int | None:
        """How many items a page may have; None where the kind does not ask for so many."""
        size = getattr(self, "page_size", None)
        return size if isinstance(size, int) else None

    def limited(self, size: int) -> Pagination:
        """The same with at most `size` items a page, which is what the store allows."""
        if self.most is None or self.most <= size:
            raise PaginationError(f"The store allows {size} items per page; no more are requested")
        return self.model_copy(update={"page_size": size})


class SequentialPages(SinglePage):
    """Pages of which only a response says how the next is asked for."""

    repeatable = False

    def __init__(
        self,
        position: Json,
        ask: Callable[[Json], Request],
        after: Callable[[Json, Page], Json],
        unproven: Callable[[Page, bool], str],
    ) -> None:
        """`ask` gives the request at a position, `after` the position after the page there, None at the end.

        `unproven` is called with the last page, and whether it is the first one too: why it may not be the last, or "".
        """
        self._position, self._ask, self._after, self._unproven = position, ask, after, unproven

    @property
    def position(self) -> Json:
        return self._position

    @property
    def request(self) -> Request:
        return self._ask(self._position)

    def answered(self, page: Page) -> PageResult:
        position = self._after(self._position, page)
        if position is not None:
            left = (SequentialPages(position, self._ask, self._after, self._unproven),)
            return PageResult(page.items, left, counted=page.counted)
        return PageResult(page.items, counted=page.counted, unproven=self._unproven(page, self._position is None))

    def lacks(self, page: Page) -> bool:
        return self._position is None and super().lacks(page)
