"""What a run asks for: the request of its list, how that is paged, and what a run of it is bound to."""

from __future__ import annotations

from ..client.message import NotSent, Request
from ..client.session import Session
from ..placeholder import Json, PlaceholderError, Scope
from .incoming import Incoming
from .pagination import Pagination, PaginationError
from .plan import Plan, fingerprint

_CURSOR = "@{cursor}"
PUT_CURSOR = "Put @{cursor} into the request where the store wants the date."


class RunImpossible(Exception):
    """The run cannot begin: its setup is wrong. Nothing was read or written."""


class ListRequest:
    """The request of an incoming, as a run from `since` on sends it (None: from where the ledger says)."""

    def __init__(self, name: str, incoming: Incoming, since: str | None, session: Session) -> None:
        self._name, self._incoming, self._since, self._session = name, incoming, since, session

    def bound(self) -> tuple[str, str]:
        """What the run is bound to, and its request in words. Raises `RunImpossible`."""
        incoming = self._incoming
        if incoming.disabled:
            raise RunImpossible(f"The incoming {self._name} is disabled. Remove `disabled = true` to run it.")
        if incoming.sink is None:
            raise RunImpossible(f"The incoming {self._name} has no sink. Add one, or say --out FILE.")
        if self._since is not None and (incoming.incremental is None or incoming.incremental.field is None):
            raise RunImpossible(f"The incoming {self._name} knows no date to read from. Add `incremental` to it.")
        if incoming.incremental is not None and incoming.incremental.content and incoming.identifier is None:
            raise RunImpossible("To know what has changed by content, the incoming needs an identifier.")
        request = self._request("", "1970-01-01 00:00:00")
        try:
            prepared = self._session.prepared(incoming.client, request)
        except NotSent as error:
            raise RunImpossible(str(error)) from error
        return fingerprint(
            incoming, prepared.uri, self._session.written_headers(incoming.client)
        ), f"{prepared.method} {prepared.uri}"

    def pages(self, chosen: Plan) -> tuple[Pagination | None, Request]:
        """How the list is paged, and its request with what it is limited to.

        Raises `RunImpossible` and `PaginationError`.
        """
        run, incoming = chosen.run, self._incoming
        request = self._request(run.began, run.since)
        pagination = incoming.pagination
        field = incoming.incremental.field if incoming.incremental else None
        if field is not None and run.since is not None and not takes_cursor(incoming):
            if pagination is None:
                raise PaginationError("Without a pagination it cannot be asked for what has changed", PUT_CURSOR)
            request = pagination.changed(request, field, run.since)
        return pagination, request

    def _request(self, began: str, since: str | None) -> Request:
        """The list's request, before the pagination adds to it."""
        run: dict[str, Json] = {"run": {"started_at": began}, "cursor": since or ""}
        try:
            return self._incoming.request.request(Scope(run=run))
        except PlaceholderError as error:
            raise RunImpossible(f"The request cannot be made: {error}") from error


def takes_cursor(incoming: Incoming) -> bool:
    """Whether the request itself has the place for the date."""
    return _CURSOR in incoming.request.model_dump_json().replace(" ", "")


def can_begin_at(incoming: Incoming, date: str) -> bool:
    """Whether the pagination can request what has changed since this date; True where the request itself does."""
    pagination, field = incoming.pagination, incoming.incremental.field if incoming.incremental else None
    if pagination is None or field is None or takes_cursor(incoming):
        return True
    if type(pagination).changed is Pagination.changed:  # it never can, which is said when it is needed
        return True
    try:
        pagination.changed(Request("GET", "any"), field, date)
    except PaginationError:
        return False
    return True
