"""Checks what a run needs besides its first page: fields, filters, sort order and second page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

from ...client.layer import Send
from ...client.message import Request, RequestFailed, Response
from ...client.pages import Page, read_page
from ...client.raw_json import InvalidJson, decode_json
from ...incoming.list_request import has_cursor_placeholder
from ...incoming.model import FirstItems, Incoming, WrittenItems, list_request
from ...incoming.pagination import CURSOR_HINT, ListPart, PaginationError
from ...incoming.unfound_fields import CODE as UNFOUND
from ...incoming.unfound_fields import what_items_have
from ...magento.diagnosis import AuthKind, Finding, diagnose, diagnose_failure
from ...magento.keyset import Keyset
from ...magento.misread_criteria import placed_parameters
from ...magento.projection import PARAMETER, with_field
from ...magento.search_criteria import SearchCriteria
from ...misspelling import did_you_mean
from ...templates import Json
from ...text import count
from ..steps.other_stores import refusal

_LATER = "2999-01-01 00:00:00"
"""Nothing has changed since this date: a store that filters by date returns no items."""
_REQUESTS = 2
"""Number of further pages to request."""


async def incoming_findings(
    incoming: Incoming, send: Send, run: dict[str, Json], first: FirstItems, kind: AuthKind | None
) -> AsyncIterator[Finding]:
    """Problems of an incoming whose first items could be read, found with the requests that a run would send."""
    fields = dict(_fields(incoming, first))
    for finding in fields.values():
        yield finding
    if incoming.incremental is not None and incoming.incremental.content and incoming.identifier is None:
        remedy = "Set the incoming's identifier to the field that is unique for each item."
        yield Finding(
            "incoming-identifier",
            "incremental.content needs an identifier",
            (),
            remedy,
            "identifier",
        )
    check = _NextPages(incoming, send, run, first, kind)
    if first.items and "pagination.field" not in fields:
        async for finding in check.pages():
            yield finding
    if "incremental.field" not in fields:
        async for finding in check.date():
            yield finding


def lost_values(written: WrittenItems, first: FirstItems) -> Iterator[Finding]:
    """Warnings about values that a run would lose: fields that no item has, and items that cannot be transformed."""
    for each in written.unfound:
        evidence = (f"#{first.exchange} {_contents(each.names, first)}",) if each.names else ()
        yield Finding(UNFOUND, each.summary, evidence, each.remedy, each.setting)
    for rejected in written.rejected[:1]:
        yield Finding(
            "incoming-item",
            f"Item {rejected.index + 1} cannot be written: {rejected.reason}",
            (f"#{first.exchange} {len(written.rejected)} of {count(len(first.items), 'item')}",),
            "Correct filter or transform.",
            "transform",
        )


def _fields(incoming: Incoming, first: FirstItems) -> Iterator[tuple[str, Finding]]:
    """The settings that name a field which no item has, each with its finding."""
    named = [("identifier", incoming.identifier)]
    if isinstance(incoming.pagination, Keyset) and incoming.pagination.field:
        named.append(("pagination.field", incoming.pagination.field))
    if incoming.incremental is not None:
        named.append(("incremental.field", incoming.incremental.field))
    objects = [each for each in first.items if isinstance(each, dict)]
    if not first.items:
        return
    there = list(dict.fromkeys(name for each in objects for name in each))
    evidence = (f"#{first.exchange} {_contents(there, first)}",)
    for setting, name in named:
        if name is None or name in there:
            continue
        summary, remedy, place = f"No item has the field {name!r}, which {setting} names", "", setting
        if not did_you_mean(name, there):
            place, remedy = _left_out(incoming, name) or (setting, "")
        yield setting, Finding(UNFOUND, summary, evidence, remedy or _correct(setting, name, there), place)


def _left_out(incoming: Incoming, name: str) -> tuple[str, str] | None:
    """Where the request's parameter `fields` leaves this field out, and what to do; None if it leaves out nothing."""
    path = [] if incoming.items == "@" else incoming.items.split(".")
    for each in placed_parameters(incoming.request):
        if each.name == PARAMETER and (wanted := with_field(each.value, path, name)):
            place = f"request.{each.place[0] if each.place else 'uri'}"
            return place, f"The parameter fields leaves it out. Add it in {place}: fields={wanted}"
    return None


def _contents(names: Sequence[str], first: FirstItems) -> str:
    are_objects = any(isinstance(each, dict) for each in first.items)
    return f"the items {what_items_have(names, are_objects=are_objects)}"


def _correct(setting: str, name: str, names: Sequence[str]) -> str:
    return f"Correct {setting}{did_you_mean(name, names) or '.'}"


class _Refused(Exception):
    """The store refused a request."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.summary)
        self.finding = finding


class _NextPages:
    """Sends the requests that a run would send after the first page."""

    def __init__(
        self, incoming: Incoming, send: Send, run: dict[str, Json], first: FirstItems, kind: AuthKind | None
    ) -> None:
        self._incoming, self._send, self._run, self._first, self._kind = incoming, send, run, first, kind
        self._names = list(dict.fromkeys(name for each in first.items if isinstance(each, dict) for name in each))

    async def _page(self, request: Request, question: str) -> tuple[Page, Response]:
        """The response to a request of a run; the log shows the question that it answers."""
        request = replace(request, about=replace(request.about, purpose="test", note=question))
        try:
            response = await self._send(request)
            if not self._incoming.request.is_expected(response.status):
                raise _Refused(self._refusal(request, response))
            return read_page(response, self._incoming.items), response
        except RequestFailed as failure:
            raise _Refused(diagnose_failure(failure, "the next page")) from failure

    def _refusal(self, request: Request, response: Response) -> Finding:
        found = None
        if self._kind is not None:
            found = diagnose(request, response, self._kind, authenticated=True if self._kind else None)
        return found or refusal(request, response)

    async def pages(self) -> AsyncIterator[Finding]:
        """Whether the second page follows the first one, and whether the store applies the sort order."""
        pagination = self._incoming.pagination
        if not isinstance(pagination, Keyset | SearchCriteria):
            return
        size = self._first.size
        if size is not None and size < pagination.page_size:
            pagination = pagination.model_copy(update={"page_size": size})
        setting, name = ("pagination.filter", pagination.filter) if isinstance(pagination, Keyset) else ("", "")
        if isinstance(pagination, SearchCriteria):
            setting, name = "pagination.order", pagination.order or ""
        try:
            await self._follow(pagination.begin(list_request(self._incoming, self._run)))
            if isinstance(pagination, SearchCriteria) and pagination.order and len(self._first.items) > 1:
                async for finding in self._sorted(pagination):
                    yield finding
        except _Refused as refused:
            what = f"The store refuses the second page, which a run requests by {name!r}" if name else ""
            yield self._finding_for(refused.finding, what, setting, name)
        except PaginationError as error:
            summary = f"The second page does not follow the first one: {error.message}"
            yield Finding(
                "incoming-pages", summary, self._evidence(), error.hint or _correct(setting, name, self._names), setting
            )

    def _finding_for(self, finding: Finding, what: str, setting: str, name: str) -> Finding:
        if finding.id in ("permission-missing",) or not what:
            return finding
        remedy = f"{_correct(setting, name, self._names)} {finding.remedy}".strip()
        return Finding(
            "incoming-pages", f"{what}: {finding.summary}", (*finding.evidence, *self._evidence()), remedy, setting
        )

    def _evidence(self) -> tuple[str, ...]:
        return (f"#{self._first.exchange} {_contents(self._names, self._first)}",)

    async def _follow(self, part: ListPart) -> None:
        """Requests the next pages as a run does. Raises `PaginationError` if they do not follow each other."""
        ask, left = part.take()
        if ask.request.uri == self._first.uri:
            result = ask.result(self._first.page)
            parts = [*result.remaining, *([left] if left else [])]
        else:
            parts = [part]
        for _ in range(_REQUESTS):
            if not parts:
                return
            ask, left = parts.pop(0).take()
            page, _answer = await self._page(ask.request, "does the next page follow?")
            result = ask.result(page)
            parts = [*result.remaining, *([left] if left else []), *parts]

    async def _sorted(self, pagination: SearchCriteria) -> AsyncIterator[Finding]:
        """Whether descending order starts with another item than ascending order."""
        request = pagination.from_the_end(list_request(self._incoming, self._run))
        page, response = await self._page(request, "is the list sorted?")
        if not page.items or self._same(page.items[0], self._first.items[0]) is False:
            return
        remedy = _correct("pagination.order", pagination.order or "", self._names)
        yield Finding(
            "incoming-order",
            f"The store does not sort by {pagination.order!r}: ascending and descending order start with the same item",
            (f"#{response.exchange} the same first item as #{self._first.exchange}", *self._evidence()),
            f"{remedy} Without a unique order, pages overlap and omit items.",
            "pagination.order",
        )

    def _same(self, item: bytes, other: Json) -> bool:
        try:
            found = decode_json(item)
        except InvalidJson:
            return False
        name = self._incoming.identifier
        if name and isinstance(found, dict) and isinstance(other, dict) and name in found and name in other:
            return found[name] == other[name]
        return found == other

    async def date(self) -> AsyncIterator[Finding]:
        """Whether the store can filter by the date of change."""
        incremental, pagination = self._incoming.incremental, self._incoming.pagination
        if incremental is None or incremental.field is None or has_cursor_placeholder(self._incoming):
            return
        field = incremental.field
        try:
            if pagination is None:
                raise PaginationError("Changes cannot be requested without a pagination", CURSOR_HINT)
            request = pagination.changed_since(list_request(self._incoming, self._run), field, _LATER)
            page, response = await self._page(pagination.first(request, 1), f"does it filter by {field}?")
        except PaginationError as error:
            yield Finding("incoming-incremental", error.message, (), error.hint, "incremental.field")
            return
        except _Refused as refused:
            what = f"The store refuses to filter by {field!r}, and every later run does so"
            yield self._finding_for(refused.finding, what, "incremental.field", field)
            return
        if page.items:
            yield Finding(
                "incoming-incremental",
                f"The store does not filter by {field!r}: it returned items although none has changed since {_LATER}",
                (f"#{response.exchange} {len(page.items)} or more items", *self._evidence()),
                _correct("incremental.field", field, [each for each in self._names if each != field]),
                "incremental.field",
            )
