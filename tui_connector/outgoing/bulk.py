"""Asynchronous delivery: the requests that put entities into Magento's queue, and what its operations report.

`/rest/<store>/async/V1/…` accepts the request of the plain route, `/rest/<store>/async/bulk/V1/…` a list of them, in
which each variable of the path, `:sku`, is written `bySku` and is a key of the item. Both respond with 202 and the UUID
of a bulk, whose operations the store's consumer executes later, one after the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from ..client.body_refusal import COMPLETE, REJECTED, RETRIABLE, error_refusal, rejection
from ..client.message import Request, Response
from ..errors import InvalidValue, UserError
from ..runs.errors import Action, RunError
from ..templates import Json, Scope, Template, render
from .bulk_routes import segments as segments_of
from .bulk_routes import variables
from .errors import TEMPORARY, ItemError, Outcome, SendResult
from .model import Outgoing

PERMISSION = "Magento_Logging::system_magento_logging_bulk_operations"
PERMISSION_PATH = "System › Action Log › Bulk Actions"

_OPERATIONS = 100
"""Operations of a bulk: accepted within 0.1 s, and its result is still a small response."""
_ENTITIES = 2_000
"""Entities of a bulk, at most, where each operation contains several."""
_MARK = "~placeholder-{}~"
"""Stands for a segment with a placeholder while the client's base URI is added."""
_ROUTE = re.compile(
    r"(?P<store>https?://[^/?]+(?:/[^/?]+)*?/rest(?:/(?!V\d+/|async/)[^/?]+)?)/V(?P<version>\d+)/(?P<path>.+)"
)
_ASYNCHRONOUS = re.compile(r"/async(/bulk)?/V\d+/")
_IDS = ("id", "entity_id")
_BY_PATH_ONLY = re.compile(r"products/attributes/[^/]+/options/[^/]+")
"""A PUT whose entity has no key of its own."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the queue has accepted. `refused` and `dropped` are positions in the list that was sent."""

    bulk: str
    operations: frozenset[int]
    refused: dict[int, ItemError]
    dropped: frozenset[int]


class Delivery:
    """The asynchronous requests of one outgoing."""

    def __init__(self, outgoing: Outgoing, absolute: Callable[[Request], str]) -> None:
        """`absolute`: the URI of a request with the client's base URI. Raises `UserError` if it has no such route."""
        assert outgoing.delivery != "single"
        assert outgoing.request is not None
        self._outgoing, self._template = outgoing, outgoing.request
        self._absolute, self._mode = absolute, outgoing.delivery
        self._method = self._template.method.upper()
        segments, self._query = segments_of(self._template.uri)
        marks = {_MARK.format(index): template for index, (text, template) in enumerate(segments) if text is None}
        marked = (text if text is not None else _MARK.format(index) for index, (text, _) in enumerate(segments))
        found = _route(absolute(Request(self._method, "/".join(marked))))
        self._store, self._version = found["store"], found["version"]
        if any(mark in self._store for mark in marks):
            raise _no_route("The store view of an asynchronous route cannot depend on the entity", "Write its code.")
        path = found["path"].partition("?")[0].split("/")
        names = variables(self._method, [None if part in marks else part for part in path])
        if names is None:
            names = {index: _field(marks[part]) for index, part in enumerate(path) if part in marks}
        self._values_of = {name: marks.get(path[index], unquote(path[index])) for index, name in names.items()}
        """The variables of the path: by name, the template of the value."""
        self._path = "/".join(_by(names[index]) if index in names else part for index, part in enumerate(path))

    @property
    def size(self) -> int:
        """How many entities are sent at once."""
        return self._outgoing.batch * self._operations

    @property
    def _operations(self) -> int:
        return 1 if self._mode == "async" else max(1, min(_OPERATIONS, _ENTITIES // self._outgoing.batch))

    def slices(self, entities: int) -> list[slice]:
        """Which entities each operation contains, in order."""
        batch = self._outgoing.batch
        return [slice(start, min(start + batch, entities)) for start in range(0, entities, batch)]

    def request(self, entities: Sequence[Json], run: dict[str, Json]) -> Request:
        """The request that puts these entities into the queue. Raises `InvalidValue` if one of them cannot be sent."""
        try:
            return self._request(entities, run)
        except InvalidValue:
            raise
        except UserError as error:
            raise InvalidValue("bulk-item", error.message, error.hint) from error

    def _request(self, entities: Sequence[Json], run: dict[str, Json]) -> Request:
        scopes = [self._outgoing.scope(entities[each], run) for each in self.slices(len(entities))]
        if self._mode == "async":
            plain = self._template.request(scopes[0])
            self._check_key(self._item(scopes[0]), self._values(scopes[0]))
            found = _route(self._absolute(plain))
            return replace(plain, uri=f"{found['store']}/async/V{found['version']}/{found['path']}")
        items = []
        for scope in scopes:
            item, values = self._item(scope), self._values(scope)
            self._check_key(item, values)
            items.append({**values, **item})
        headers = tuple((name, Template.parse(text).header(scopes[0])) for name, text in self._template.headers.items())
        query = Template.parse(f"?{self._query}").uri(scopes[0]) if self._query else ""
        uri = f"{self._store}/async/bulk/V{self._version}/{self._path}{query}"
        return Request(self._method, uri, headers, json.dumps(items, ensure_ascii=False).encode())

    def status_request(self, bulk: str, what: str) -> Request:
        """Reads the state of a bulk: `what` is detailed-status or operation-status/NUMBER."""
        return Request("GET", f"{self._store}/V{self._version}/bulk/{bulk}/{what}")

    def permission_request(self) -> Request:
        """Reads bulks, for which the same permission is needed as for the state of one."""
        return Request("GET", f"{self._store}/V{self._version}/bulk?searchCriteria[pageSize]=1&fields=total_count")

    def _item(self, scope: Scope) -> dict[str, Json]:
        if self._template.parameters is None:
            return {}
        found = render(self._template.parameters, scope)
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise InvalidValue("bulk-item", "an asynchronous request needs an object as its parameters")
        return found

    def _values(self, scope: Scope) -> dict[str, Json]:
        """The variables of the path with their types."""
        found: dict[str, Json] = {}
        for name, template in self._values_of.items():
            value = render(template, scope)
            if value is None or value == "" or isinstance(value, dict | list):
                raise InvalidValue("bulk-item", f"{name}, a part of the path, has no value")
            found[name] = value
        return found

    def _check_key(self, item: dict[str, Json], values: dict[str, Json]) -> None:
        """Raises `InvalidValue` if the entity inside is not the one that the path names.

        The queue reads a PUT's entity by the key inside it. A customer without one is created, one with another key
        overwrites another customer.
        """
        for name, value in values.items():
            if name in item and str(item[name]).casefold() != str(value).casefold():
                raise InvalidValue(
                    "bulk-item", f"{name} is {_shown(value)} in the path and {_shown(item[name])} beside it"
                )
        if self._method != "PUT" or not values or _BY_PATH_ONLY.fullmatch(self._path):
            return
        name, value = list(values.items())[-1]
        keys = _keys(name)
        for envelope, inside in item.items():
            if not isinstance(inside, dict):
                continue
            key = next((inside[key] for key in keys if inside.get(key) not in (None, "")), None)
            if key is None:
                raise InvalidValue(
                    "bulk-item",
                    f"{envelope} has no {keys[0]!r}: the store's queue ignores the one in the path, and would create "
                    "another entity",
                    f"Send {keys[0]!r} inside {envelope}, too",
                )
            if str(key).casefold() != str(value).casefold():
                raise InvalidValue(
                    "bulk-item",
                    f"{name} is {_shown(value)} in the path and {_shown(key)} inside {envelope}: the store's queue "
                    "would change the latter",
                )


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _keys(name: str) -> list[str]:
    """The fields of an entity that may contain the variable `name` of its path, the most probable first."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)
    own = list(dict.fromkeys((snake, name)))
    if snake == "customer_id":
        return [*_IDS, *own]  # a customer's key is id, whatever the path names it
    return list(dict.fromkeys((*own, *_IDS))) if snake.endswith("id") else own


def _route(uri: str) -> re.Match[str]:
    """Raises `UserError` if the URI is not that of a plain route of Magento."""
    if _ASYNCHRONOUS.search(uri):
        message = "The URI is already that of an asynchronous route"
        raise _no_route(message, "Write the plain route, such as products: `delivery` derives the other one.")
    found = _ROUTE.fullmatch(uri)
    if found is None:
        message = f"The URI is not that of a route of Magento's REST API: {uri.partition('?')[0]}"
        raise _no_route(message, "The base URI must contain /rest, as in https://shop.example/rest/all/V1.")
    return found


def _no_route(message: str, hint: str) -> UserError:
    return UserError("delivery-route", message, hint)


def _by(name: str) -> str:
    return f"by{name[:1].upper()}{name[1:]}"


def _field(template: str) -> str:
    """The last name in the expression of a placeholder: of a route that is not Magento's own, the variable's name."""
    names = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", template)
    return names[-1] if names else "id"


# What the queue responds


def queued(result: SendResult, sent: int) -> tuple[SendResult, Accepted | None]:
    """The result of a request to the queue with `sent` operations, and what the queue has accepted."""
    if result.outcome not in (Outcome.DONE, Outcome.ACCEPTED) or result.response is None:
        return result, None
    found = _accepted(result.body, sent)
    if found is not None:
        return result, found
    response = result.response
    message = f"The store responded with {response.status} but did not say which operations it has queued"
    error = RunError(Action.WAIT, message, "", response.exchange, status=response.status, code="not-queued")
    return SendResult(Outcome.UNKNOWN, error, response), None


def _accepted(body: Json, sent: int) -> Accepted | None:
    bulk = body.get("bulk_uuid") if isinstance(body, dict) else None
    items = body.get("request_items") if isinstance(body, dict) else None
    if not isinstance(bulk, str) or not re.fullmatch(r"[0-9A-Za-z-]{8,64}", bulk) or not isinstance(items, list):
        return None
    accepted: set[int] = set()
    refused: dict[int, ItemError] = {}
    for item in items:
        number = item.get("id") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(number, int) or not 0 <= number < sent:
            return None
        if (why := rejection(item)) is not None:
            refused[number] = ItemError(why, "rejected")
        else:
            accepted.add(number)
    dropped = frozenset(range(sent)) - accepted - refused.keys()
    if dropped and (accepted or refused) and max({*accepted, *refused}) + 1 == sent - len(dropped):
        return None  # renumbered: it is not known which are missing
    return Accepted(bulk, frozenset(accepted), refused, dropped)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as the store reports it."""

    status: int
    message: str
    result: Json
    data: Json


def operations(body: Json) -> dict[int, Operation] | None:
    """The operations of a detailed status by their ids, which are not in order; None if it is not one."""
    listed = body.get("operations_list") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        return None
    found: dict[int, Operation] = {}
    for each in listed:
        if not isinstance(each, dict):
            return None
        number, status, message = (each.get(name) for name in ("id", "status", "result_message"))
        if not isinstance(number, int) or not isinstance(status, int):
            return None
        data = {name: value for name, value in each.items() if name != "serialized_data"}
        result = _parsed(each.get("result_serialized_data"))
        found[number] = Operation(status, message if isinstance(message, str) else "", result, data)
    return found


def _parsed(text: Json) -> Json:
    if not isinstance(text, str):
        return text
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found


def operation_result(operation: Operation, response: Response) -> SendResult:
    """The result of an operation that has ended."""
    own = replace(response, body=json.dumps(operation.data).encode())
    message = operation.message or f"The store's queue gives no reason (status {operation.status})"

    def failed(outcome: Outcome, message: str, code: str, action: Action = Action.DIVIDE) -> SendResult:
        return SendResult(outcome, RunError(action, message, "", response.exchange, code=code), own)

    if operation.status == COMPLETE:
        if operation.result is False:
            return failed(Outcome.FAILED, "The operation is complete, but its result is false", "false")
        result = replace(response, body=json.dumps(operation.result).encode())
        if (error := error_refusal(result, operation.result, of_magento=True)) is not None:
            return failed(
                Outcome.SPLIT, f"The operation is complete, but its result is an error ({error.message})", error.code
            )
        return SendResult(Outcome.DONE, None, own, operation.result)
    if operation.status == RETRIABLE or TEMPORARY.search(message):
        return failed(Outcome.RETRY, message, "operation-retriable")
    code = "operation-rejected" if operation.status == REJECTED else "operation-failed"
    return failed(Outcome.SPLIT, message, code)
