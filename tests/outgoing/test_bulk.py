"""Entities that the store queues: asynchronous and bulk requests, and what their operations report."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from compared_store import ComparedStore, preset
from http_server import reply
from profiles import FOUR, TOKEN, bearer, full, profile, signed
from sending import Outbox, Sent, Store, counted, rows, storing, with_sleep
from sending_folder import SendingFolder, kill_until_done
from user_errors import user_error

from tui_connector.client.model import RequestTemplate
from tui_connector.guide.check import check
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.outgoing.bulk import Delivery
from tui_connector.outgoing.bulk_routes import variables
from tui_connector.outgoing.changes import EntityAction, EntityChange
from tui_connector.outgoing.model import Outgoing
from tui_connector.outgoing.run import OutgoingRun
from tui_connector.outgoing.store_queue import StoreQueue
from tui_connector.outgoing.tasks import Task, TaskReader
from tui_connector.sandbox.magento_routes import ROUTES
from tui_connector.sandbox.server import Sandbox, SandboxOptions

ASYNC, BULK = "/rest/all/async/V1/rows", "/rest/all/async/bulk/V1/rows"
SINGLE = 'request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }\n'
BEARER = {"oauth/consumer/enable_integration_as_bearer": "1"}
ONE_ROW = RequestTemplate(method="post", uri="inventory/source-items", parameters={"sourceItems": ["&{@}"]})
DEADLOCK = "Deadlock found when trying to get lock"
ACCEPTED = {"status": "accepted", "data_hash": "0"}


@dataclass
class QueueingStore:
    """A store whose queue executes each item at once, as `operation` says; `bulks` are the items by bulk."""

    operation: Callable[[dict[str, Any]], dict[str, Any]] = lambda item: {"status": 1}
    accepted: Callable[[list[Any]], bytes | None] = lambda items: None
    """Another response than that of acceptance."""
    forgets: Callable[[list[Any]], bool] = lambda items: False
    """Whether a bulk is unknown when its status is read."""
    bulks: dict[str, list[Any]] = field(default_factory=dict)
    status: Callable[[], bytes | None] = lambda: None
    """Another response to requests for a status."""

    def answer(self, sent: Sent) -> bytes:
        if sent.method == "GET":
            return self._status(sent.path)
        items = sent.body if "/bulk/" in sent.path else [sent.body]
        if other := self.accepted(items):
            return other
        uuid = f"00000000-0000-0000-0000-{len(self.bulks):012}"
        self.bulks[uuid] = items
        listed = [{"id": number, **ACCEPTED} for number in range(len(items))]
        return queued({"bulk_uuid": uuid, "request_items": listed, "errors": False})

    def _status(self, path: str) -> bytes:
        if path.startswith("bulk?"):
            return ok({"total_count": 0})
        if other := self.status():
            return other
        _, uuid, what = path.split("/", 2)
        if uuid not in self.bulks or self.forgets(self.bulks[uuid]):
            return reply("404 Not Found", b'{"message": "Bulk uuid not exist"}')
        done = [
            {"id": number, "result_message": None, "result_serialized_data": None, "error_code": 0}
            | self.operation(item)
            for number, item in enumerate(self.bulks[uuid])
        ]
        if what == "operation-status/4":
            return ok(sum(each["status"] == 4 for each in done))
        assert what == "detailed-status"
        return ok({"operations_list": sorted(done, key=lambda each: -each["id"])})


def ok(data: Any) -> bytes:
    return reply("200 OK", json.dumps(data).encode())


def queued(data: Any) -> bytes:
    return reply("202 Accepted", json.dumps(data).encode())


def sku(item: dict[str, Any]) -> str:
    return str(item["rows"]["sku"])


def posts(store: Store) -> list[Sent]:
    return [sent for sent in store.sent if sent.method != "GET"]


def reasons(outbox: Outbox) -> dict[str, str]:
    return {task.identifier: f"{task.state}: {task.reason}" for task in outbox.tasks() if task.reason}


@asynccontextmanager
async def queueing(
    tmp_path: Path, machine: Machine, queue: QueueingStore, **outgoing: Any
) -> AsyncIterator[tuple[Store, Outbox]]:
    async with storing(queue.answer) as store:
        yield store, Outbox(tmp_path, machine, store.server.url, {"delivery": "bulk", **outgoing})


async def test_a_bulk_is_one_request_whose_operations_are_the_tasks(tmp_path: Path, machine: Machine) -> None:
    def operation(item: dict[str, Any]) -> dict[str, Any]:
        return {"status": 3, "result_message": "Wrong"} if sku(item) == "B" else {"status": 1}

    async with queueing(tmp_path, machine, QueueingStore(operation)) as (store, outbox):
        outbox.write(*rows("A", "B", "C"))
        summary = await outbox.run()
    assert counted(summary) == {"finished": 2, "failed": 1}
    assert reasons(outbox) == {"B": "failed: Wrong"}
    [sent] = posts(store)
    assert sent.path == BULK
    assert [sku(item) for item in sent.body] == ["A", "B", "C"]
    [failed] = outbox.tasks("failed")
    assert isinstance(failed.responses, dict)
    assert '"status": 3' in str(failed.responses[""])


async def test_an_asynchronous_request_is_followed_like_a_bulk_of_one(tmp_path: Path, machine: Machine) -> None:
    async with queueing(tmp_path, machine, QueueingStore(), delivery="async") as (store, outbox):
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run()) == {"finished": 2}
    assert sorted((sent.path, sku(sent.body)) for sent in posts(store)) == [(ASYNC, "A"), (ASYNC, "B")]


async def test_an_operation_contains_a_batch_and_a_refused_one_is_halved(tmp_path: Path, machine: Machine) -> None:
    def operation(item: dict[str, Any]) -> dict[str, Any]:
        bad = any(row["sku"] == "S5" for row in item["rows"])
        return {"status": 3, "result_message": "Source does not exist"} if bad else {"status": 1}

    async with queueing(tmp_path, machine, QueueingStore(operation), batch=4) as (store, outbox):
        outbox.write(*rows(*(f"S{number}" for number in range(10))))
        assert counted(await outbox.run()) == {"finished": 9, "failed": 1}
    assert reasons(outbox) == {"S5": "failed: Source does not exist"}
    assert [len(item["rows"]) for item in posts(store)[0].body] == [4, 4, 2]


async def test_a_bulk_that_is_refused_as_a_whole_is_halved_down_to_the_entity_at_fault(
    tmp_path: Path, machine: Machine
) -> None:
    def accepted(items: list[Any]) -> bytes | None:
        bad = any(sku(item) == "S6" for item in items)
        return reply("400 Bad Request", b'{"message": "The \\"abc\\" value\'s type is invalid"}') if bad else None

    queue = QueueingStore(accepted=accepted)
    async with queueing(tmp_path, machine, queue) as (_, outbox):
        outbox.write(*rows(*(f"S{number}" for number in range(9))))
        assert counted(await outbox.run()) == {"finished": 8, "failed": 1}
    assert "value's type is invalid" in reasons(outbox)["S6"]
    assert sorted(sku(item) for items in queue.bulks.values() for item in items) == [
        f"S{number}" for number in range(9) if number != 6
    ]


async def test_retriable_operations_are_sent_again(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    failures = {"A": {"status": 2, "result_message": DEADLOCK}, "B": {"status": 3, "result_message": DEADLOCK}}
    queue = QueueingStore(
        lambda item: failures.get(sku(item), {"status": 1}) if len(queue.bulks) == 1 else {"status": 1}
    )
    async with queueing(tmp_path, quick, queue) as (store, outbox):
        outbox.write(*rows("A", "B", "C"))
        assert counted(await outbox.run()) == {"finished": 3}
    first, second = posts(store)
    assert [sku(item) for item in second.body] == ["A", "B"]
    assert len(first.body) == 3
    assert [task.attempts for task in outbox.tasks()] == [2, 2, 1]


async def test_an_operation_that_is_always_retriable_fails_in_the_end(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    queue = QueueingStore(lambda item: {"status": 2 if sku(item) == "BAD" else 1, "result_message": "Lock"})
    async with queueing(tmp_path, quick, queue) as (_, outbox):
        outbox.write(*rows("A", "BAD", "C"))
        assert counted(await outbox.run()) == {"finished": 2, "failed": 1}
    assert reasons(outbox)["BAD"].startswith("failed: Lock; it was sent ")


@pytest.mark.parametrize(
    ("items", "states"),
    [
        ([0, 2], {"A": "finished", "B": "failed", "C": "finished"}),
        ([0, 1], {"A": "unknown", "B": "unknown", "C": "unknown"}),  # the last, or numbered anew
        ([], {"A": "failed", "B": "failed", "C": "failed"}),
    ],
)
async def test_items_that_the_queue_drops_are_noticed(
    tmp_path: Path, machine: Machine, items: list[int], states: dict[str, str]
) -> None:
    queue = QueueingStore()

    def accepted(sent: list[Any]) -> bytes:
        uuid = "00000000-0000-0000-0000-000000000000"
        queue.bulks[uuid] = sent
        return queued({"bulk_uuid": uuid, "request_items": [{"id": each, **ACCEPTED} for each in items]})

    queue.accepted = accepted
    async with queueing(tmp_path, machine, queue) as (_, outbox):
        outbox.write(*rows("A", "B", "C"))
        await outbox.run()
    assert outbox.states() == states


async def test_a_rejected_item_has_its_reason(tmp_path: Path, machine: Machine) -> None:
    queue = QueueingStore()

    def accepted(sent: list[Any]) -> bytes:
        uuid = "00000000-0000-0000-0000-000000000000"
        queue.bulks[uuid] = sent
        rejected = {"id": 1, "status": "rejected", "error_message": "Not this one"}
        return queued({"bulk_uuid": uuid, "request_items": [{"id": 0, **ACCEPTED}, rejected], "errors": True})

    queue.accepted = accepted
    async with queueing(tmp_path, machine, queue) as (_, outbox):
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run()) == {"finished": 1, "failed": 1}
    assert reasons(outbox) == {"B": "failed: Not this one"}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"bulk_uuid": null, "request_items": []}', b"<html>"])
async def test_an_acceptance_that_names_no_bulk_leaves_the_tasks_unknown(
    tmp_path: Path, machine: Machine, body: bytes
) -> None:
    queue = QueueingStore(accepted=lambda items: reply("202 Accepted", body))
    async with queueing(tmp_path, machine, queue) as (store, outbox):
        outbox.write(*rows("A", "B"))
        await outbox.run()
    assert set(outbox.states().values()) <= {"unknown", "failed"}
    assert len(posts(store)) == 1


async def test_a_bulk_that_the_store_has_forgotten_leaves_its_tasks_unknown(tmp_path: Path, machine: Machine) -> None:
    queue = QueueingStore(forgets=lambda items: True)
    async with queueing(tmp_path, machine, queue) as (_, outbox):
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run()) == {"unknown": 2}
    assert "does not say what became of bulk" in reasons(outbox)["A"]


async def test_a_store_in_maintenance_is_waited_for_while_results_are_read(tmp_path: Path, machine: Machine) -> None:
    quick, waited = with_sleep(machine)
    down = [reply("503 Service Unavailable", b"{}", "Retry-After: 17"), reply("500 Internal Server Error", b"{}")]
    queue = QueueingStore(status=lambda: down.pop(0) if down else None)
    async with queueing(tmp_path, quick, queue) as (store, outbox):
        outbox.write(*rows("A"))
        assert counted(await outbox.run()) == {"finished": 1}
    assert 17 in waited
    assert len(posts(store)) == 1


# Operations that stay open


async def test_without_a_consumer_the_run_stops_and_says_so(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    queue = QueueingStore(lambda item: {"status": 4})
    async with queueing(tmp_path, quick, queue) as (store, outbox):
        outbox.write(*rows("A", "B"))
        summary = await outbox.run()
        assert (summary.state, summary.code) == ("stopped", "queue-standstill")
        assert "Is its consumer running?" in summary.reason
        assert counted(summary) == {"waiting": 2}
        assert any("Is its consumer running?" in note for note in outbox.told.notes)
        assert "is its consumer running?" in reasons(outbox)["B"]

        queue.operation = lambda item: {"status": 1}
        summary = await outbox.run()
        assert counted(summary) == {"finished": 2}
        assert "2 tasks wait in the store's queue." in outbox.told.notes
        assert len(posts(store)) == 1


async def test_an_operation_that_later_ones_have_overtaken_is_unknown(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    queue = QueueingStore(lambda item: {"status": 4 if sku(item) == "B" else 1})
    async with queueing(tmp_path, quick, queue) as (_, outbox):
        outbox.write(*rows("A", "B", "C"))
        summary = await outbox.run()
    assert summary.state == "complete"
    assert counted(summary) == {"finished": 2, "unknown": 1}
    assert "still open, although later ones have ended" in reasons(outbox)["B"]


async def test_an_overtaken_operation_is_sent_again_if_that_does_no_harm(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    queue = QueueingStore(lambda item: {"status": 4 if sku(item) == "B" and len(queue.bulks) == 1 else 1})
    async with queueing(tmp_path, quick, queue, repeatable=True) as (store, outbox):
        outbox.write(*rows("A", "B", "C"))
        assert counted(await outbox.run()) == {"finished": 3}
    assert [sku(item) for item in posts(store)[1].body] == ["B"]


async def test_a_run_that_is_stopped_while_waiting_resumes_without_sending_again(
    tmp_path: Path, machine: Machine
) -> None:
    queue = QueueingStore(lambda item: {"status": 4})
    async with queueing(tmp_path, machine, queue) as (store, outbox):
        outbox.write(*rows("A", "B"))
        running: list[OutgoingRun] = []
        waiting = asyncio.Event()
        outbox.told.at = lambda progress: waiting.set() if running[0].counts.get("waiting") == 2 else None
        execution = asyncio.create_task(outbox.run(on_run=running.append))
        async with asyncio.timeout(20):
            await store.until(4)  # permission, bulk, and two looks at it
            await waiting.wait()
        assert outbox.states() == {"A": "waiting", "B": "waiting"}
        running[0].stop("Stopped by the test")
        async with asyncio.timeout(20):
            assert (await execution).state == "stopped"
        queue.operation = lambda item: {"status": 1}
        assert counted(await outbox.run()) == {"finished": 2}
        assert len(posts(store)) == 1
    assert [task.attempts for task in outbox.tasks()] == [1, 1]


@pytest.mark.parametrize("executes", [True, False])
async def test_a_request_lost_before_its_acceptance_was_recorded_is_looked_for_and_never_queued_twice(
    tmp_path: Path, machine: Machine, executes: bool
) -> None:
    """The queue may execute it late: that the store does not have the values yet proves nothing."""
    quick, waited = with_sleep(machine)
    stored: set[str] = set()
    queue = QueueingStore()

    async def compare(entities: Any) -> Any:
        if executes and sum(waited) > 5:
            stored.update(each["rows"]["sku"] for items in queue.bulks.values() for each in items)
        actions: list[EntityAction] = ["unchanged" if each["sku"] in stored else "change" for each in entities]
        return [EntityChange("", action, (), None) for action in actions]

    def answer(sent: Sent) -> bytes | None:
        accepted = queue.answer(sent)
        return None if sent.method == "POST" else accepted

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, quick, store.server.url, {"delivery": "bulk"}, compare=compare)
        outbox.write(*rows("A", "B"))
        summary = await outbox.run()
    assert counted(summary) == {"finished" if executes else "unknown": 2}
    assert len(posts(store)) == 1
    if not executes:
        assert all("it may still be in the store's queue" in reason for reason in reasons(outbox).values())


async def test_a_bulk_that_is_accepted_when_the_queue_has_just_been_emptied_is_followed_too(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last operation has ended, and the end of following is not noticed yet, when another bulk is accepted."""
    emptied, added = asyncio.Event(), asyncio.Event()
    follow, add = StoreQueue.follow, StoreQueue.add

    async def slowly(queue: StoreQueue[Any]) -> None:
        await follow(queue)
        emptied.set()
        await added.wait()

    def remember(queue: StoreQueue[Any], uuid: str, operations: dict[int, Any]) -> None:
        add(queue, uuid, operations)
        if emptied.is_set():
            added.set()

    monkeypatch.setattr(StoreQueue, "follow", slowly)
    monkeypatch.setattr(StoreQueue, "add", remember)
    queue = QueueingStore()

    async def answer(sent: Sent) -> bytes:
        if sent.method == "POST" and queue.bulks:
            await emptied.wait()
        return queue.answer(sent)

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url, {"delivery": "async"})
        outbox.write(*rows("A", "B"))
        assert counted(await asyncio.wait_for(outbox.run(), 60)) == {"finished": 2}


@pytest.mark.parametrize(("mode", "entities", "most"), [("bulk", 400, 8), ("async", 40, 30)])
async def test_a_run_killed_while_its_requests_are_queued_sends_none_of_them_twice(
    tmp_path: Path, clean_environment: dict[str, str], mode: str, entities: int, most: int
) -> None:
    looks = itertools.count()
    is_open = True

    def status() -> None:
        nonlocal is_open
        is_open = next(looks) % 3 == 0

    queue = QueueingStore(lambda item: {"status": 4 if is_open else 1}, status=status)

    async def slowly(sent: Sent) -> bytes:
        await asyncio.sleep(0.01)
        return queue.answer(sent)

    skus = [f"S{number}" for number in range(entities)]
    async with storing(slowly) as store:
        folder = SendingFolder(tmp_path / "killed", clean_environment)
        folder.write(store, f'delivery = "{mode}"\n{SINGLE}', skus)
        await kill_until_done(folder, store, random.Random(entities), most)
    states = folder.states()
    times = Counter(sku(item) for items in queue.bulks.values() for item in items)
    assert set(states) == set(skus)
    assert set(states.values()) <= {"finished", "unknown"}
    assert set(times.values()) == {1}
    assert {each for each, state in states.items() if state == "finished"} <= set(times)
    assert set(skus) - set(times) <= {each for each, state in states.items() if state == "unknown"}


# Derived requests


def delivery(
    method: str, uri: str, parameters: Any, base: str = "https://shop.example/rest/de/V1", **more: Any
) -> Delivery:
    written = {"method": method, "uri": uri, "parameters": parameters}
    outgoing = Outgoing.model_validate({"client": "shop", "request": written, "delivery": "bulk", **more})
    return Delivery(outgoing, lambda request: f"{base}/{request.uri}")


PRODUCT = {"product": "&{@}"}


@pytest.mark.parametrize(
    ("method", "uri", "parameters", "entity", "path", "item"),
    [
        ("post", "products", PRODUCT, {"sku": "A"}, "products", {"product": {"sku": "A"}}),
        ("put", "products/&{sku}", PRODUCT, {"sku": "A"}, "products/bySku", {"sku": "A", "product": {"sku": "A"}}),
        ("delete", "products/&{sku}", None, {"sku": "A/B"}, "products/bySku", {"sku": "A/B"}),
        (
            *("put", "customers/&{id}", {"customer": "&{@}"}, {"id": 7}),
            *("customers/byCustomerId", {"customerId": 7, "customer": {"id": 7}}),
        ),
        (
            *("post", "orders/&{order}/comments", {"statusHistory": {"comment": "&{text}"}}, {"order": 1, "text": "x"}),
            *("orders/byId/comments", {"id": 1, "statusHistory": {"comment": "x"}}),
        ),
        (
            *("post", "order/&{order}/invoice", {"capture": True}, {"order": 41}),
            *("order/byOrderId/invoice", {"orderId": 41, "capture": True}),
        ),
        ("put", "products/tier-prices", {"prices": []}, {}, "products/tier-prices", {"prices": []}),
        (
            "post",
            "acme/things/&{data.code}",
            {"x": 1},
            {"data": {"code": "c"}},
            "acme/things/byCode",
            {"code": "c", "x": 1},
        ),
        (
            "put",
            "customers/7",
            {"customer": "&{@}"},
            {"id": 7},
            "customers/byCustomerId",
            {"customerId": "7", "customer": {"id": 7}},
        ),
    ],
)
def test_variables_of_the_path_become_keys_of_the_item(
    method: str, uri: str, parameters: Any, entity: Any, path: str, item: Any
) -> None:
    request = delivery(method, uri, parameters).request([entity], {})
    assert (request.method, request.uri) == (method.upper(), f"https://shop.example/rest/de/async/bulk/V1/{path}")
    assert json.loads(request.body) == [item]


@pytest.mark.parametrize(
    ("uri", "parameters", "entity", "message"),
    [
        ("customers/&{id}", {"customer": {"email": "&{email}"}}, {"id": 7, "email": "a@b.c"}, "customer has no 'id'"),
        (
            "customers/&{nr}",
            {"customer": "&{@}"},
            {"nr": 7, "id": 8},
            "customerId is 7 in the path and 8 inside customer",
        ),
        ("products/&{sku}", {"product": {"name": "x"}}, {"sku": "A"}, "product has no 'sku'"),
        ("products/&{sku}", {"sku": "B", "product": PRODUCT}, {"sku": "A"}, 'sku is "A" in the path and "B" beside it'),
        ("products/&{sku}", "&{rows}", {"sku": "A", "rows": [1]}, "needs an object"),
    ],
)
@pytest.mark.parametrize("mode", ["async", "bulk"])
def test_an_entity_that_the_queue_would_take_for_another_is_refused(
    uri: str, parameters: Any, entity: Any, message: str, mode: str
) -> None:
    with user_error("bulk-item", message):
        delivery("put", uri, parameters, delivery=mode).request([entity], {})


@pytest.mark.parametrize(
    ("base", "uri", "message"),
    [
        ("https://shop.example/V1", "products", "must contain /rest"),
        ("https://shop.example/rest/all/async/V1", "products", "already that of an asynchronous route"),
        ("https://shop.example/rest", "&{store}/V1/products", "cannot depend on the entity"),
    ],
)
def test_a_base_uri_without_such_routes_is_explained(base: str, uri: str, message: str) -> None:
    with user_error("delivery-route", match=message):
        delivery("post", uri, PRODUCT, base)


@pytest.mark.parametrize(
    ("outgoing", "message"),
    [
        ({"request": {"uri": "products"}}, "needs a POST, PUT or DELETE that writes"),
        ({"request": {"method": "post", "uri": "search", "reads": True}}, "needs a POST, PUT or DELETE that writes"),
        ({"request": None, "steps": [{"name": "a", "request": {"method": "post", "uri": "a"}}]}, "combined with steps"),
        ({"request": {"method": "post", "uri": "rows?x=&{x}"}}, "only the path and the parameters"),
        (
            {"request": {"method": "post", "uri": "rows", "headers": {"Store": "&{x}"}}},
            "only the path and the parameters",
        ),
    ],
)
def test_a_configuration_that_cannot_be_queued_is_invalid(
    tmp_path: Path, machine: Machine, outgoing: dict[str, Any], message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        Outbox(tmp_path, machine, "https://shop.example", {"delivery": "bulk"}).profile(outgoing)


async def test_a_base_uri_without_rest_is_refused_before_anything_is_sent(tmp_path: Path, machine: Machine) -> None:
    async with queueing(tmp_path, machine, QueueingStore()) as (store, outbox):
        outbox.write(*rows("A"))
        outbox.outgoing["request"] = {"method": "post", "uri": f"{store.server.url}/rows", "parameters": "&{@}"}
        with user_error("delivery-route", "must contain /rest"):
            await outbox.run()
        assert store.sent == []


async def test_the_dry_run_shows_the_bulk(tmp_path: Path, machine: Machine) -> None:
    async with queueing(tmp_path, machine, QueueingStore()) as (store, outbox), outbox.opened() as run:
        outbox.write(*rows("A", "B"))
        preview = await run.preview()
    [shown] = preview.requests
    head, body = shown.split("\n")
    assert head.endswith(BULK)
    assert [sku(item) for item in json.loads(body)] == ["A", "B"]
    assert store.sent == []


# In the sandbox


def tasks(store: ComparedStore) -> list[Task]:
    with TaskReader(store.ledger) as reader:
        return list(reader.tasks(reader.run(None).id))


def price(sku: str, value: Any, store_id: int = 0) -> dict[str, Any]:
    return {"sku": sku, "price": value, "store_id": store_id}


@pytest.mark.parametrize("mode", ["async", "bulk"])
async def test_rows_that_a_complete_operation_refuses_are_failed_tasks(store: ComparedStore, mode: str) -> None:
    outgoing = preset("base-prices", delivery=mode, batch=2, send="all", compare=None)
    sent = [price("SYNC-0001", 11), price("NO-SUCH", 1), price("SYNC-0002", 12), price("SYNC-0003", -1)]
    summary = await store.run(outgoing, sent)
    assert counted(summary) == {"finished": 2, "failed": 2}
    failed = [task for task in tasks(store) if task.state == "failed"]
    assert [(task.identifier, task.code) for task in failed] == [
        ("NO-SUCH", "row-refused"),
        ("SYNC-0003", "row-refused"),
    ]
    assert "Invalid attribute" in failed[0].reason
    assert [(await store.get(f"products/{sku}"))["price"] for sku in ("SYNC-0001", "SYNC-0002")] == [11, 12]


async def test_products_and_customers_are_changed_and_deleted_in_bulk(store: ComparedStore) -> None:
    products = preset("products", delivery="bulk")
    changed = [{"sku": "SYNC-0001", "name": "One"}, {"sku": "SYNC-0002", "name": "Two"}, {"sku": "NEW", "name": "?"}]
    summary = await store.run(products, changed)
    assert counted(summary) == {"finished": 2, "failed": 1}
    [failed] = [task for task in tasks(store) if task.state == "failed"]
    assert (failed.identifier, failed.code) == ("NEW", "operation-failed")
    assert "attribute set" in failed.reason
    assert (await store.get("products/SYNC-0002"))["name"] == "Two"
    assert counted(await store.run(products, changed[:2])) == {"unchanged": 2}

    deleting = preset("products", request={"method": "delete", "uri": "products/&{sku}"}, compare=None, delivery="bulk")
    twice = [{"sku": "SYNC-0001"}, {"sku": "SYNC-0002"}, {"sku": "sync-0002"}]
    assert counted(await store.run(deleting, twice)) == {"finished": 2, "failed": 1}

    customers = preset("customers", delivery="bulk", compare=None)
    before = await store.get("customers/search?searchCriteria[pageSize]=1&fields=total_count")
    partial = {"id": 2, "email": "c002@example.com", "firstname": "Second", "lastname": "C"}
    summary = await store.run(customers, [partial, {"email": "without@example.com"}])
    assert counted(summary) == {"finished": 1, "failed": 1}
    assert (await store.get("customers/2"))["firstname"] == "Second"
    assert before == await store.get("customers/search?searchCriteria[pageSize]=1&fields=total_count")


async def test_what_a_bulk_has_changed_is_not_sent_again(store: ComparedStore) -> None:
    stock = preset("stock", delivery="bulk", batch=2)
    sent = [
        {"sku": f"SYNC-000{number}", "source_code": "default", "quantity": 90 + number, "status": 1}
        for number in range(1, 6)
    ]
    bad = {**sent[0], "source_code": "nowhere"}
    assert counted(await store.run(stock, [bad, *sent[1:]])) == {"finished": 4, "failed": 1}
    assert counted(await store.run(stock, sent)) == {"unchanged": 4, "finished": 1}


async def test_a_run_in_bulk_is_undone_in_bulk(store: ComparedStore) -> None:
    prices = preset("base-prices", delivery="bulk", batch=2)
    before = await store.get("products?searchCriteria[pageSize]=100&fields=items[sku,price]")
    sent = [price(f"SYNC-000{number}", 500 + number) for number in (1, 2, 3)]
    assert counted(await store.run(prices, sent)) == {"finished": 3}
    await store.undo(prices)
    assert before == await store.get("products?searchCriteria[pageSize]=100&fields=items[sku,price]")
    requests = [str(each["path"]) for each in store.sandbox.journal() if each["method"] == "POST"]
    assert [path for path in requests if path.endswith("/base-prices")] == [
        "/rest/all/async/bulk/V1/products/base-prices",
        "/rest/all/async/bulk/V1/products/base-prices",
    ]


@asynccontextmanager
async def connected(
    sandbox: Sandbox, machine: Machine, directory: Path, integration: str = "full"
) -> AsyncIterator[ComparedStore]:
    """A client "shop" of the sandbox, with one of its integrations."""
    bench = Workbench(machine, directory=directory)
    bench.vault.hold(TOKEN, full(sandbox, integration)["access-token"], sandbox.url)
    saved = profile(f"{sandbox.url}/rest/all/V1", bearer())
    async with bench.session(saved) as session:
        yield ComparedStore(sandbox, session, bench, directory)
    bench.close()


@pytest.mark.parametrize("integration", ["full", "catalog"])
async def test_a_check_looks_for_the_permission_to_read_results(
    machine: Machine, sandbox: Sandbox, integration: str
) -> None:
    bench = Workbench(machine)
    for name, entry in FOUR.items():
        bench.vault.hold(entry, full(sandbox, integration)[name], sandbox.url)
    saved = profile(f"{sandbox.url}/rest/all/V1", signed())
    saved = saved.model_copy(update={"outgoing": {"products": preset("products", delivery="bulk")}})
    async with bench.session(saved) as session:
        tried = {each.summary: each async for each in check(saved, session, bench.run())}
    bench.close()
    results = tried["outgoing products: results of bulk requests readable"]
    assert results.ok is (integration == "full")
    assert results.finding is None or "Bulk Actions" in results.finding.remedy


async def test_without_the_permission_to_read_results_nothing_is_sent(machine: Machine, tmp_path: Path) -> None:
    async with Sandbox(SandboxOptions(products=5, settings=BEARER), machine.now) as sandbox:
        async with connected(sandbox, machine, tmp_path, "catalog") as store:
            outgoing = preset("products", delivery="bulk", compare=None)
            summary = await store.run(outgoing, [{"sku": "SYNC-0001", "name": "One"}])
        assert (summary.state, summary.code) == ("refused", "bulk-permission")
        assert "System › Action Log › Bulk Actions" in summary.reason
        assert "Magento_Logging::system_magento_logging_bulk_operations" in summary.reason
        assert counted(summary) == {"new": 1}
        assert [each["method"] for each in sandbox.journal()] == ["GET"]


def test_the_variables_of_magentos_routes_are_those_of_the_sandbox() -> None:
    for route in ROUTES.values():
        if route.method == "GET":
            continue
        path = route.path.removeprefix("/V1/").split("/")
        found = variables(route.method, [None if part.startswith(":") else part for part in path])
        assert (found or {}) == {at: part[1:] for at, part in enumerate(path) if part.startswith(":")}, route


async def test_what_a_killed_consumer_left_undone_is_sent_again(tmp_path: Path, machine: Machine) -> None:
    """Its operation stays open for ever; the comparison finds the old value in the store."""
    began = datetime(2026, 11, 29, tzinfo=UTC)
    passed = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal passed
        if passed < 3 <= passed + seconds:
            sandbox.change({"sandbox/queue_seconds": "off"})
            sandbox.change({"sandbox/queue_seconds": "1"})
        passed += seconds
        await asyncio.sleep(0)

    clocked = replace(machine, sleep=sleep, monotonic=lambda: passed)
    options = SandboxOptions(products=60, settings={**BEARER, "sandbox/queue_seconds": "1"})
    sandbox = Sandbox(options, lambda: began + timedelta(seconds=passed))
    async with sandbox, connected(sandbox, clocked, tmp_path) as store:
        stock = preset("stock", delivery="bulk", batch=1).model_copy(update={"request": ONE_ROW})
        sent = [
            {"sku": f"SYNC-000{number}", "source_code": "default", "quantity": 90 + number, "status": 1}
            for number in range(1, 8)
        ]
        assert counted(await store.run(stock, sent)) == {"finished": 7}
        assert Counter(task.attempts for task in tasks(store)) == {1: 6, 2: 1}
        assert await store.actions(stock, sent) == ["unchanged"] * 7
