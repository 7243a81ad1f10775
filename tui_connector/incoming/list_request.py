"""The request for an incoming's list: what identifies it, and which part of the list it is limited to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..client.message import Request
from ..client.session import Session
from ..errors import UserError
from ..runs.fingerprint import compared, digest
from ..runs.ledger import RunRow
from ..templates import Json, PlaceholderError, Scope
from .model import Incoming, entity_names, lineage
from .pagination import CURSOR_HINT, RANGES_HINT, Pagination, PaginationError
from .sink import no_sink

_NOT_OF_PARENTS = frozenset({"transform", "incremental", "sink"})
"""Fields of a parent that its child lists do not depend on."""


@dataclass(frozen=True, slots=True)
class ListRange:
    """The items whose `field` is above `after`, and not above `until`."""

    field: str
    after: str
    until: str


def run_fingerprint(
    incoming: Incoming, uri: str, headers: Sequence[tuple[str, str]] = (), parents: Sequence[Incoming] = ()
) -> str:
    """Identifies the requests and everything that determines which items are written where.

    A run resumes, and the mark is used, only while it is unchanged.
    """
    parts = [uri, _compared(incoming), *([list(headers)] if headers else [])]
    return digest([*parts, *(_compared(parent, _NOT_OF_PARENTS) for parent in parents)])


def _compared(incoming: Incoming, exclude: frozenset[str] = frozenset()) -> dict[str, Json]:
    found = compared(incoming, exclude)
    found["request"].pop("reads", None)  # only the fingerprints of outgoings have always contained it
    return found


_CURSOR = "@{cursor}"


class ListRequest:
    """The request for an incoming's list.

    `since`: the date given by the user, instead of the ledger's mark. `within`: the part of the list that is read.
    """

    def __init__(
        self,
        name: str,
        incoming: Incoming,
        since: str | None,
        session: Session,
        incomings: Mapping[str, Incoming] | None = None,
        within: ListRange | None = None,
    ) -> None:
        """`incomings`: those of the profile, with the parents. Raises `UserError` for a parent that is missing."""
        self._name, self._incoming, self._since, self._session = name, incoming, since, session
        self._within = within
        self.lineage = lineage(name, incoming, incomings or {})
        """The incoming and its ancestors by name, the first ancestor first."""

    @property
    def _root(self) -> Incoming:
        return self.lineage[0][1]

    @property
    def listed_by_date(self) -> Incoming:
        """The incoming whose items have the date of `incremental`, and whose request is limited by it."""
        return self.lineage[-2:][0][1]

    def identity(self) -> tuple[str, str]:
        """The run's fingerprint, and its request line. Raises `UserError` if the incoming cannot be run."""
        incoming = self._incoming
        for name, each in self.lineage:
            if each.disabled:
                of = "" if each is incoming else f", the parent of {self._name},"
                message = f"The incoming {name}{of} is disabled"
                raise UserError("incoming-disabled", message, "Remove `disabled = true` to run it.")
        if incoming.sink is None:
            raise no_sink(self._name)
        if self._since is not None and (incoming.incremental is None or incoming.incremental.field is None):
            message = f"The incoming {self._name} has no date to read from"
            raise UserError("incremental-missing", message, "Add `incremental` to it.")
        if incoming.incremental is not None and incoming.incremental.content and incoming.identifier is None:
            message = "To find changes by content, the incoming needs an identifier"
            raise UserError("identifier-missing", message)
        request = self._request("", "1970-01-01 00:00:00")
        prepared = self._session.prepared(self._root.client, request)
        fingerprint = run_fingerprint(
            incoming,
            prepared.uri,
            self._session.written_headers(incoming.client),
            [each for _, each in self.lineage[:-1]],
        )
        return fingerprint, f"{prepared.method} {prepared.uri}"

    def pages(self, run: RunRow) -> tuple[Pagination | None, Request]:
        """The pagination, and the request limited to changes if the run has a start date. Raises `UserError`.

        Those of child lists are of the first ancestor.
        """
        return self.changes(run.began, run.since)

    def changes(self, began: str, since: str | None) -> tuple[Pagination | None, Request]:
        """As `pages`, for a run that begins at `began` and reads changes since then. Raises `UserError`."""
        incoming = self._root
        request = self._request(began, since)
        pagination = incoming.pagination
        incremental = self._incoming.incremental
        field = incremental.field if incremental else None
        if field is not None and since is not None and not has_cursor_placeholder(self.listed_by_date):
            if pagination is None:
                raise PaginationError("Changes cannot be requested without a pagination", CURSOR_HINT)
            request = pagination.changed_since(request, field, since)
        if self._within is not None:
            if pagination is None:
                raise PaginationError("Ranges cannot be requested without a pagination", RANGES_HINT)
            request = pagination.between(request, self._within.field, self._within.after, self._within.until)
        return pagination, request

    def child_uris(self) -> list[str]:
        """The URIs of the child lists, as templates, for messages."""
        uris = []
        for _, each in self.lineage[1:]:
            text, fields = entity_names(each.request.uri)
            uri = self._session.prepared(each.client, Request(each.request.method.upper(), text)).uri
            for mark, name in fields.items():
                uri = uri.replace(mark, name)
            uris.append(f"{each.request.method.upper()} {uri}")
        return uris

    def scope(self, run: RunRow) -> dict[str, Json]:
        """What `@{…}` reads."""
        return _run_scope(run.began, run.since)

    def _request(self, began: str, since: str | None) -> Request:
        """The list's request, before the pagination adds to it."""
        try:
            return self._root.request.request(Scope(run=_run_scope(began, since)))
        except PlaceholderError as error:
            raise UserError("template", f"The request cannot be created: {error}") from error


def _run_scope(began: str, since: str | None) -> dict[str, Json]:
    return {"run": {"started_at": began}, "cursor": since or ""}


def has_cursor_placeholder(incoming: Incoming) -> bool:
    """Whether the request itself contains the date."""
    return _CURSOR in incoming.request.model_dump_json().replace(" ", "")


def can_start_at(incoming: Incoming, field: str | None, date: str) -> bool:
    """Whether the pagination can request what has changed since this date; True where the request itself does."""
    pagination = incoming.pagination
    if pagination is None or field is None or has_cursor_placeholder(incoming):
        return True
    if type(pagination).changed_since is Pagination.changed_since:  # not supported, which `pages` reports
        return True
    try:
        pagination.changed_since(Request("GET", "any"), field, date)
    except PaginationError:
        return False
    return True
