"""Incoming: how entities are read from the store, and the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field, PrivateAttr

from ..client.authentication.login import server_message
from ..client.layer import Send
from ..client.message import InvalidRequest, Request, RequestFailed, Response
from ..client.model import ClientName, RequestTemplate
from ..client.pages import Page, read_page
from ..client.raw_json import InvalidJson, decode_json, encode_json
from ..client.spans import Span
from ..errors import InvalidValue, UserError
from ..kinds import Model, Named, NotCompared
from ..runs.inconsistency import Inconsistency
from ..runs.request_templates import RUN, paths_in, template_texts
from ..templates import Json, PlaceholderError, Scope, Template, reads_entity, run_only
from ..templates.expression import Budget, Expression, ExpressionText, is_truthy, may_drop_items
from ..text import listed
from .incremental import Incremental
from .pagination import Pagination, PaginationError
from .pagination.placement import with_value_at
from .sink import RejectedItem, Sink
from .unfound_fields import ColumnSearch, UnfoundField, lookups_of, lost_by_filter, lost_by_transform


@dataclass(frozen=True, slots=True)
class TransformedItems:
    """The items of a page after filter and transform."""

    items: Sequence[bytes]
    sources: Sequence[int]
    """Of each of these, the index among the input."""
    filtered_out: Sequence[int] = ()
    """The items that the filter has dropped, by their index among the input."""
    rejected: Sequence[RejectedItem] = ()
    """Items whose filter or transform fails, by their index among the input."""


NO_ITEM = b"null"
"""The JSON text of what a store sends in place of an item that it could not read."""


class ItemTransform:
    """Filters items, and transforms those that are left. Items are decoded only if there is an expression."""

    def __init__(self, transform: str | None, filter: str | None) -> None:  # noqa: A002 - the profile's word
        """Raises `InvalidValue` if one of them is not valid JMESPath."""
        self._transform = Expression.compile(transform) if transform else None
        self._filter = Expression.compile(filter) if filter else None
        self._transform_lookups = lookups_of(self._transform)
        self._filter_lookups = lookups_of(self._filter, is_condition=True)
        self._filtered = self._transformed = 0
        """Items that the filter has evaluated, and that the transform has."""

    def __call__(self, items: Sequence[bytes]) -> TransformedItems:
        """Never raises: an item that fails is returned as rejected, and the others continue.

        Null in place of an item always fails: GraphQL sends it for an item that could not be read.
        """
        if self._transform is None and self._filter is None and NO_ITEM not in items:
            return TransformedItems(items, range(len(items)))
        kept: list[bytes] = []
        sources: list[int] = []
        filtered_out: list[int] = []
        rejected: list[RejectedItem] = []
        for index, item in enumerate(items):
            if item == NO_ITEM:
                rejected.append(RejectedItem(index, "the store sent null in its place"))
                continue
            if self._transform is None and self._filter is None:
                kept.append(item)
                sources.append(index)
                continue
            try:
                reshaped = self._transform_item(item)
            except _TransformError as failure:
                rejected.append(RejectedItem(index, str(failure)))
                continue
            if reshaped is None:
                filtered_out.append(index)
            else:
                kept.append(reshaped)
                sources.append(index)
        self._filtered += len(items)
        self._transformed += len(kept)
        return TransformedItems(kept, sources, filtered_out, rejected)

    def unfiltered(self, items: Sequence[bytes]) -> list[bytes]:
        """Items that the filter has dropped, as they would be written; unchanged where that fails."""
        found = list(items)
        if self._transform is None:
            return found
        for index, item in enumerate(items):
            with suppress(InvalidJson, InvalidValue):
                result, why = self._transform.find(decode_json(item), Budget())
                found[index] = item if why is not None else encode_json(result)
        return found

    def fresh(self) -> ItemTransform:
        """The same, with no items so far."""
        return ItemTransform(
            self._transform.text if self._transform else None, self._filter.text if self._filter else None
        )

    def unfound(self) -> list[UnfoundField]:
        """What is lost in all items so far, because they lack fields that are named."""
        if self._filter_lookups is not None and (lost := lost_by_filter(self._filter_lookups, self._filtered)):
            return lost
        if self._transform_lookups is None or not self._transformed:
            return []
        return lost_by_transform(self._transform_lookups, self._transformed)

    def _transform_item(self, item: bytes) -> bytes | None:
        """The transformed item; None if the filter drops it."""
        try:
            decoded = decode_json(item)
        except InvalidJson as error:
            raise _TransformError(f"it cannot be decoded: {error}") from error
        if self._filter is not None:
            try:
                found, _ = self._filter.find(decoded, Budget(), self._filter_lookups)
            except InvalidValue as error:
                raise _TransformError(f"the filter cannot be evaluated: {error}") from error
            if not is_truthy(found):
                return None
        if self._transform is None:
            return item
        try:
            result, why = self._transform.find(decoded, Budget(), self._transform_lookups)
        except InvalidValue as error:
            raise _TransformError(f"the transform cannot be evaluated: {error}") from error
        if why is not None:
            raise _TransformError(f"the transform finds nothing: {why}")
        return encode_json(result)


class _TransformError(Exception):
    """Why an item cannot be filtered or transformed."""


FIRST_ITEMS = 3
"""Items that a test requests: orders are 7 KB each."""

CURSOR = "cursor"
_RUN_NAMES = (RUN, CURSOR)
"""What `@{…}` reads in an incoming: the run, and the date from which changes are requested, empty at first."""


class Parent(Model):
    """The incoming for each of whose items a list is read."""

    incoming: Annotated[str, NotCompared] = Field(  # the parent itself is compared
        min_length=1,
        title="Incoming",
        description="Its items are read with its own request, pagination and filter; its sink is not used.",
        examples=["orders"],
    )
    fields: dict[Annotated[str, Field(min_length=1)], ExpressionText] = Field(
        default_factory=dict,
        title="Fields",
        description="Fields of the parent's item to add to each item of its list: a new name, and where the value is "
        "(JMESPath).",
        examples=[{"order_id": "entity_id"}],
    )


class Incoming(Named):
    """An incoming configuration: reads entities from the store."""

    client: ClientName = Field(title="HTTP client", description="The client that sends the request.")
    request: RequestTemplate = Field(title="Request", description="The request for the list.")
    parent: Parent | None = Field(
        None,
        title="Parent",
        description="Read a list for each item of another incoming. &{…} in the request reads that item, as in "
        "orders/&{entity_id}/comments.",
    )
    items: ExpressionText = Field("@", title="Items", description="Path of the list in a response (JMESPath).")
    identifier: str | None = Field(None, title="Identifier", description="The field that identifies an item.")
    pagination: Pagination | None = Field(None, title="Pagination", description="How the next page is requested.")
    incremental: Incremental | None = Field(None, title="Incremental", description="Read only changes.")
    filter: ExpressionText | None = Field(
        None,
        title="Filter",
        description="Keep only items matching this JMESPath expression.",
        examples=["status == `1`"],
    )
    transform: ExpressionText | None = Field(
        None,
        title="Transform",
        description="JMESPath expression that converts each item. The filter applies to the original item.",
        examples=["{sku: sku, price: price}"],
    )
    sink: Sink | None = Field(None, title="Sink", description="Where to write the items.")
    patience: Annotated[Span, NotCompared] = Field(
        "5m",
        title="Wait for the store",
        description="How long a run waits for a store that is in maintenance or does not respond, before it stops.",
    )
    max_decrease: Annotated[int, NotCompared] = Field(
        80,
        ge=0,
        le=100,
        title="Maximum decrease",
        description="By how many percent the list may be shorter than in the last complete run that read everything, "
        "such as while the store rebuilds an index. Otherwise the run stops; --full accepts any list, and so does 100.",
    )

    def inconsistencies(self) -> Iterator[Inconsistency]:
        """References to undefined names in the request, and settings that cannot work with the pagination."""
        if self.pagination is not None and may_drop_items(self.items):
            yield Inconsistency(("items",), 'omits items, so that pages cannot be counted: use "filter" instead')
        yield from self._misplaced_parameters()
        for place, text in template_texts(self.request):
            try:
                if self.parent is None:
                    run_only(text)
            except PlaceholderError as error:
                yield Inconsistency(("request", *place), str(error))
        if self.parent is not None and not any(reads_entity(text) for _, text in template_texts(self.request)):
            example = "&{entity_id}"
            yield Inconsistency(
                ("request",), f"is the same for every item of the parent: read a field of it, such as {example}"
            )
        for place, names in paths_in(self.request):
            if names and names[0] not in _RUN_NAMES:
                yield Inconsistency(("request", *place), f"the run has no {names[0]!r}", names[0], _RUN_NAMES)

    def _misplaced_parameters(self) -> Iterator[Inconsistency]:
        """Parameters of the pagination that cannot be put into the request's body."""
        if getattr(self.pagination, "send_in", "query") != "body":
            return
        if self.request.method in ("get", "head", "delete"):
            yield Inconsistency(
                ("pagination", "send-in"),
                f'"body" needs a request with a body: {self.request.method.upper()} sends its parameters in the query. '
                'Write method = "post" in the request, or send-in = "query"',
            )
            return
        for field in ("parameter", "size_parameter"):
            name = getattr(self.pagination, field, None)
            if name is None or isinstance(self.request.parameters, str):  # one placeholder: known when it is sent
                continue
            try:
                with_value_at(self.request.parameters, name, None)
            except PaginationError as error:
                yield Inconsistency(("pagination", field.replace("_", "-")), str(error))

    def item_transform(self) -> ItemTransform:
        """Filters and transforms items for one run."""
        return ItemTransform(self.transform, self.filter)

    def written(self, items: Sequence[Json]) -> WrittenItems:
        """What a run would write of these items."""
        transform = self.item_transform()
        transformed = transform(list(map(encode_json, items)))
        unfound = transform.unfound()
        if self.sink is not None:
            columns = ColumnSearch(self.sink)
            columns.note(transformed.items)
            unfound += columns.unfound()
        decoded = list(map(decode_json, transformed.items))
        return WrittenItems(decoded, len(transformed.filtered_out), unfound, transformed.rejected)

    def parents_among(self, items: Sequence[Json]) -> list[Json]:
        """The items for which child lists are read: those that the filter keeps."""
        return [decode_json(item) for item in ItemTransform(None, self.filter)(list(map(encode_json, items))).items]

    def for_parent(self, item: Json, run: dict[str, Json]) -> Incoming:
        """The child list of one parent, as an incoming without a parent. Raises `PlaceholderError`."""
        request = _FixedRequest.model_construct(**dict(self.request))
        request.fix(self.request.request(Scope(item, {CURSOR: "", **run})))
        own = None if self.parent is not None and self.identifier in self.parent.fields else self.identifier
        return self.model_copy(update={"request": request, "parent": None, "incremental": None, "identifier": own})


class _FixedRequest(RequestTemplate):
    """A request that has been created already."""

    _request: Request = PrivateAttr()

    def fix(self, request: Request) -> None:
        self._request = request

    def request(self, scope: Scope) -> Request:
        return self._request


def lineage(name: str, incoming: Incoming, incomings: Mapping[str, Incoming]) -> list[tuple[str, Incoming]]:
    """The incoming and its ancestors by name, the first ancestor first. Raises `UserError` for a missing parent."""
    found = [(name, incoming)]
    while (parent := found[0][1].parent) is not None:
        if parent.incoming not in incomings or any(parent.incoming == each for each, _ in found):
            known = listed(list(incomings)) or "none"
            raise UserError(
                "parent-missing",
                f"The parent of the incoming {found[0][0]} is {parent.incoming!r}, which cannot be read",
                f"The profile has the incomings: {known}.",
            )
        found.insert(0, (parent.incoming, incomings[parent.incoming]))
    return found


def entity_names(uri: str) -> tuple[str, dict[str, str]]:
    """A URI template with a word in place of each placeholder, and by that word what to show for it."""
    pieces = Template.parse(uri).pieces
    shown = {
        f"PLACEHOLDER{index}X": f"{each.sigil}{{{each.expression.text}}}"
        for index, each in enumerate(pieces)
        if not isinstance(each, str)
    }
    words = iter(shown)
    return "".join(each if isinstance(each, str) else next(words) for each in pieces), shown


@dataclass(frozen=True, slots=True)
class WrittenItems:
    """Items as a run would write them, and what their filter, transform and columns lose."""

    items: list[Json]
    filtered_out: int
    unfound: list[UnfoundField]
    rejected: Sequence[RejectedItem]
    """Those whose filter or transform fails."""


@dataclass(frozen=True, slots=True)
class FirstItems:
    """The first items of an incoming. `total`: the store's own count."""

    items: list[Json]
    total: int | None
    exchange: int
    page: Page
    uri: str
    """The URI that was requested."""
    size: int | None
    """How many items were requested; None without a pagination."""


def list_request(incoming: Incoming, run: dict[str, Json]) -> Request:
    """The request for a list, before its pagination. Raises `InvalidRequest`."""
    try:
        return incoming.request.request(Scope(run={CURSOR: "", **run}))
    except PlaceholderError as error:
        raise InvalidRequest(f"The request cannot be created: {error}") from error


class UnexpectedStatus(RequestFailed):
    """A response with a status that the request does not expect."""

    def __init__(self, response: Response) -> None:
        super().__init__(
            f"The store responded with {response.status} ({server_message(response)})",
            exchange=response.exchange,
            code=f"status-{response.status}",
        )
        self.response = response


async def first_items(incoming: Incoming, send: Send, run: dict[str, Json]) -> FirstItems:
    """The first three items. Raises `RequestFailed` if the store refuses, or sends something else."""
    request, size = list_request(incoming, run), None
    if incoming.pagination is not None:
        size = min(FIRST_ITEMS, incoming.pagination.max_page_size or FIRST_ITEMS)
        try:
            request = incoming.pagination.first(request, size)
        except PaginationError as error:
            raise InvalidRequest(error.message, hint=error.hint) from error
    response = await send(replace(request, about=replace(request.about, purpose="test")))
    if not incoming.request.is_expected(response.status):
        raise UnexpectedStatus(response)
    page = read_page(response, incoming.items)
    total = len(page.items) if incoming.pagination is None else page.total
    items = [decode_json(item) for item in page.items[:FIRST_ITEMS]]
    return FirstItems(items, total, response.exchange, page, request.uri, size)
