"""Asynchronous and bulk requests: accepted immediately, executed by the store's queue."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .callers import Caller
from .catalogue import stamp
from .handlers import Call, Check, Handler, Handlers, ListHandler
from .records import Item, Records
from .response import Json, PageResponse, Refusal, as_object, objects_in, php_json, required
from .route import Route
from .settings import Settings

_COMPLETE, _FAILED, _OPEN = 1, 3, 4
_METHODS = {
    "POST /V1/products": ("catalog.api.productrepositoryinterface.save", "Catalog\\Model\\ProductRepository", "save"),
    "PUT /V1/products/:sku": (
        "catalog.api.productrepositoryinterface.save",
        "Catalog\\Model\\ProductRepository",
        "save",
    ),
    "DELETE /V1/products/:sku": (
        "catalog.api.productrepositoryinterface.deletebyid",
        "Catalog\\Model\\ProductRepository",
        "deleteById",
    ),
    "POST /V1/customers": (
        "customer.api.accountmanagementinterface.createaccount",
        "Customer\\Model\\AccountManagement",
        "createAccount",
    ),
    "PUT /V1/customers/:customerId": (
        "customer.api.customerrepositoryinterface.save",
        "Customer\\Model\\ResourceModel\\CustomerRepository",
        "save",
    ),
    "PUT /V1/categories/:id": (
        "catalog.api.categoryrepositoryinterface.save",
        "Catalog\\Model\\CategoryRepository",
        "save",
    ),
    "POST /V1/products/base-prices": (
        "catalog.api.basepricestorageinterface.update",
        "Catalog\\Model\\Product\\Price\\BasePriceStorage",
        "update",
    ),
    "POST /V1/inventory/source-items": (
        "inventoryapi.api.sourceitemssaveinterface.execute",
        "Inventory\\Model\\SourceItem\\Command\\SourceItemsSave",
        "execute",
    ),
}
"""Topic suffix, class and method of the best known routes, as named in status responses."""
_INNER = {
    "sku": ("product", "sku"),
    "customerId": ("customer", "id"),
    "id": ("category", "id"),
    "categoryId": ("productLink", "category_id"),
}
"""In a bulk, the key inside the entity is used, not the one that replaces the path variable."""


_COLUMNS = """
bulk_uuid topic_name serialized_data result_serialized_data status result_message error_code started_at id
"""


@dataclass(frozen=True)
class QueuedRoute:
    """A route with the handler and the check that the queue uses."""

    route: Route
    handler: Handler
    check: Check


@dataclass
class _Operation:
    row: int
    accepted: datetime
    queued: QueuedRoute
    call: Call
    alone: bool


class Queue:
    """The accepted operations, and the consumer that executes them in order."""

    def __init__(self, seed: int, settings: Settings, list_handler: ListHandler, now: Callable[[], datetime]) -> None:
        self._seed = seed
        self._settings = settings
        self._list_handler = list_handler
        self._now = now
        self._operations = Records("operation_id", _COLUMNS, field="", aliases={"operation_key": "id"})
        self._bulks: dict[str, list[int]] = {}
        self._waiting: list[_Operation] = []
        self._free: datetime | None = None
        """When the consumer ended its last operation, or was started; None while it does not run."""
        self._is_executing = False
        """Whether it was executing the first of the waiting operations when it was last observed."""
        settings.watch(self.work)

    def handlers(self) -> Handlers:
        one = "/V1/bulk/:bulkUuid"
        return {
            "GET /V1/bulk": self._list_handler(self._operations),
            f"GET {one}/status": lambda call: self._status(call, _SHORT),
            f"GET {one}/detailed-status": lambda call: self._status(call, _DETAILED),
            f"GET {one}/operation-status/:status": self._count,
        }

    def accept(self, queued: QueuedRoute, store: str, caller: Caller, variables: Mapping[str, str], body: Item) -> Item:
        """Enqueue one request. Raises `Refusal` for an invalid structure."""
        queued.check(body)
        return self._enqueue(queued, [(Call(caller, store, variables, {}, body), {**body, **variables})], alone=True)

    def accept_bulk(self, queued: QueuedRoute, store: str, caller: Caller, names: Sequence[str], body: Json) -> Item:
        """Enqueue all requests of a list or none; entries that are not objects are ignored. Raises `Refusal`."""
        entries = body if isinstance(body, list) else list(as_object(body).values())
        calls = []
        for each in objects_in(entries):
            payload = {name: value for name, value in each.items() if name not in names}
            if queued.route.method != "DELETE":
                queued.check(payload)
            variables = {name: _key(name, each, payload, queued) for name in names}
            calls.append((Call(caller, store, variables, {}, payload), each))
        return self._enqueue(queued, calls, alone=False)

    def work(self) -> None:
        """Execute the operations whose time has passed, in order.

        The one that a consumer was executing when it was switched off stays open for ever.
        """
        now, seconds = self._now(), self._settings.text("sandbox/queue_seconds")
        if seconds == "off":
            if self._is_executing:
                self._waiting.pop(0)
            self._is_executing, self._free = False, None
            return
        free = now if self._free is None else self._free
        self._is_executing = False
        while self._waiting:
            ended = max(free, self._waiting[0].accepted) + timedelta(seconds=float(seconds or 0))
            if ended > now:
                self._is_executing = True
                break
            self._run(self._waiting.pop(0))
            free = ended
        self._free = free

    def _enqueue(self, queued: QueuedRoute, calls: Sequence[tuple[Call, Item]], *, alone: bool) -> Item:
        bulk = str(uuid.UUID(bytes=hashlib.sha256(f"{self._seed} bulk {len(self._bulks)}".encode()).digest()[:16]))
        topic = _topic(queued.route)
        start = stamp(self._now())
        accepted: list[Json] = []
        self._bulks[bulk] = []
        for number, (call, shown) in enumerate(calls):
            meta = php_json(shown)
            data: Item = {"entity_id": None, "entity_link": "", "meta_information": meta}
            data["store_id"] = "0" if call.store == "all" else "1"
            operation: Item = {"extension_attributes": {"start_time": start}, "id": number, "bulk_uuid": bulk}
            operation |= {"topic_name": topic, "serialized_data": php_json(data), "result_serialized_data": None}
            row = self._operations.next_number
            self._operations.add(operation | {"status": _OPEN, "result_message": None, "error_code": None})
            self._bulks[bulk].append(row)
            self._waiting.append(_Operation(row, self._now(), queued, call, alone))
            digest = hashlib.sha256(meta.encode()).hexdigest()
            accepted.append({"id": number, "data_hash": digest, "status": "accepted"})
        return {"bulk_uuid": bulk, "request_items": accepted, "errors": False}

    def _run(self, operation: _Operation) -> None:
        kept = self._operations.get(operation.row) or {}
        try:
            if not operation.alone:
                _check_key(operation)
            response = operation.queued.handler(operation.call)
            message = f"Service execution success {_service(operation.queued.route)}"
            done: Item = {"status": _COMPLETE, "serialized_data": None, "result_serialized_data": php_json(response)}
            result: Item = done | {"result_message": message, "error_code": None}
        except Refusal as refusal:
            result = {"status": _FAILED, "result_message": _filled_in(refusal), "error_code": 0}
        except PageResponse:
            text = 'The "sku" attribute value is empty. Set the attribute and try again.'
            result = {"status": _FAILED, "result_message": text, "error_code": 0}
        self._operations.replace(operation.row, kept | result)

    def _status(self, call: Call, fields: Sequence[str]) -> Json:
        bulk = self._bulk_id(call)
        operations = [self._operations.get(row) or {} for row in self._bulks[bulk]]
        ordered = sorted(operations, key=lambda each: int(str(each["status"])))
        shown: list[Json] = [{name: each[name] for name in fields} for each in ordered]
        first = operations[0] if operations else {}
        extension = first.get("extension_attributes")
        start = extension.get("start_time") if isinstance(extension, dict) else stamp(self._now())
        about: Item = {"user_type": 1, "bulk_id": bulk, "description": f"Topic {first.get('topic_name', '')}"}
        return {"operations_list": shown, **about, "start_time": start, "user_id": 1, "operation_count": len(shown)}

    def _count(self, call: Call) -> Json:
        wanted = call.number("status")
        rows = self._bulks[self._bulk_id(call)]
        return sum((self._operations.get(row) or {}).get("status") == wanted for row in rows)

    def _bulk_id(self, call: Call) -> str:
        bulk = call.variables["bulkUuid"]
        if bulk not in self._bulks:
            raise Refusal(404, "Bulk uuid %bulkUuid not exist", {"bulkUuid": bulk})
        return bulk


_SHORT = ("id", "status", "result_message", "error_code")
_DETAILED = (
    *("id", "bulk_uuid", "topic_name", "serialized_data", "result_serialized_data", "status", "result_message"),
    "error_code",
)


def bulk_part(part: str) -> str:
    """A path segment as written in a bulk path: `bySku` for `:sku`."""
    return f"by{part[1].upper()}{part[2:]}" if part.startswith(":") else part


def _key(name: str, entry: Item, payload: Item, queued: QueuedRoute) -> str:
    """The value of a path variable. Raises `Refusal` if it is missing and the payload has no entity."""
    envelope, inner = _INNER.get(name, ("", ""))
    entity = payload.get(envelope)
    if isinstance(entity, dict) and queued.route.method != "DELETE":
        return str(entity.get(inner, ""))
    if name not in entry:
        raise required([name])
    return str(entry[name])


def _check_key(operation: _Operation) -> None:
    variables = operation.call.variables
    if variables.get("sku") == "":
        raise Refusal(400, 'The "sku" attribute value is empty. Set the attribute and try again.')
    if variables.get("id") == "":
        raise Refusal(404, "No such entity with id = 0")


def _topic(route: Route) -> str:
    topic = _METHODS[route.name][0] if route.name in _METHODS else route.service.removesuffix("V1").lower()
    return f"async.magento.{topic}.{route.method.lower()}"


def _service(route: Route) -> str:
    if route.name not in _METHODS:
        return f"Magento\\{route.service.removesuffix('V1')}::execute"
    _, name, method = _METHODS[route.name]
    return f"Magento\\{name}\\Interceptor::{method}"


def _filled_in(refusal: Refusal) -> str:
    """The message with its placeholders filled in, as the queue stores it."""
    message, parameters = str(refusal.envelope["message"]), refusal.envelope.get("parameters")
    if isinstance(parameters, list):
        parameters = {str(place): value for place, value in enumerate(parameters, start=1)}
    for name, value in parameters.items() if isinstance(parameters, dict) else ():
        message = message.replace(f"%{name}", str(value))
    return message
