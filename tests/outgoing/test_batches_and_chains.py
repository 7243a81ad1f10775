"""Errors that a response names are assigned to their entities; chains keep responses and resume at a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from http_server import reply
from sending import OK, Outbox, Sent, counted, rows, storing, with_sleep

from tui_connector.machine import Machine

INVALID = "Invalid attribute %fieldName = %fieldValue."


def prices(*entries: list[str]) -> bytes:
    found = [{"message": INVALID, "parameters": {"fieldName": each[0], "fieldValue": each[1]}} for each in entries]
    return json.dumps(found).encode()


def listed(*entries: list[str]) -> bytes:
    return json.dumps([{"message": "Refused %1 %2", "parameters": each} for each in entries]).encode()


PRICES = [{"sku": f"CMP-0{number}", "store_id": 0, "price": number} for number in range(1, 7)]


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        (prices(["SKU", "CMP-03"]), {"CMP-03"}),
        (listed(["cmp-02", "99"]), {"CMP-02"}),
        (listed(["Price From", "CMP-05", "x"], ["-4", "CMP-01", "0"]), {"CMP-05", "CMP-01"}),
        (listed(["Price", "4"]), {"CMP-04"}),
        (listed(["half", "CMP-06", "0", "ALL GROUPS", "2"]), {"CMP-06"}),
    ],
)
async def test_errors_in_a_response_of_success_are_assigned_to_their_entities(
    tmp_path: Path, machine: Machine, body: bytes, failed: set[str]
) -> None:
    async with storing(lambda sent: reply("200 OK", body)) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*PRICES)
        summary = await outbox.run(batch=20)
        assert len(store.sent) == 1
    assert {task.identifier for task in outbox.tasks("failed")} == failed
    assert counted(summary) == {"finished": 6 - len(failed), "failed": len(failed)}
    assert all(task.code == "row-refused" for task in outbox.tasks("failed"))


async def test_the_reason_of_a_refused_row_has_its_values(tmp_path: Path, machine: Machine) -> None:
    """Magento's price routes send them without the names of their placeholders, sometimes in another order."""
    row = "No such entity with Customer Group = %customerGroup. Row ID: SKU = %SKU."
    errors = [
        {"message": INVALID, "parameters": ["SKU", "CMP-01"]},
        {"message": row, "parameters": ["CMP-02", "Nobody"]},
    ]
    async with storing(lambda sent: reply("200 OK", json.dumps(errors).encode())) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*PRICES[:3])
        await outbox.run(batch=20)
    assert {task.identifier: task.reason for task in outbox.tasks("failed")} == {
        "CMP-01": "Invalid attribute SKU = CMP-01.",
        "CMP-02": f"{row} (CMP-02, Nobody)",
    }


async def test_items_that_a_deletion_of_many_reports_as_failed_are_failed_tasks(
    tmp_path: Path, machine: Machine
) -> None:
    body = b'{"failed_items": ["B"], "missing_items": ["C"]}'
    async with storing(lambda sent: reply("200 OK", body)) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows("A", "B", "C"))
        assert counted(await outbox.run(batch=20)) == {"finished": 2, "failed": 1}
    assert [task.identifier for task in outbox.tasks("failed")] == ["B"]


async def test_an_error_that_names_no_entity_is_found_by_halving(tmp_path: Path, machine: Machine) -> None:
    entities = [{"sku": f"S{number}", "store_id": 0, "price": -1 if number in (4, 5) else 0} for number in range(8)]

    def answer(sent: Sent) -> bytes:
        bad = [row for row in sent.rows if row["price"] < 0]
        return reply("200 OK", listed(*[["Something", "else"]] * bool(bad)))

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*entities)
        summary = await outbox.run(batch=8, repeatable=True)
        assert counted(summary) == {"finished": 6, "failed": 2}
        assert {task.identifier for task in outbox.tasks("failed")} == {"S4", "S5"}
        store.sent.clear()
        summary = await outbox.run(batch=8)
        assert (counted(summary), len(store.sent)) == ({"failed": 8}, 1), "not sent twice without leave to"
        assert outbox.tasks()[0].reason.startswith("One of 8 entities sent together was refused: ")


CHAIN: list[dict[str, Any]] = [
    {"name": "find", "request": {"uri": "products/&{sku}", "expected": [404]}},
    {
        "name": "create",
        "when": "steps.find.status == `404`",
        "request": {"method": "post", "uri": "create", "parameters": {"rows": "&{@}"}},
    },
    {
        "name": "stock",
        "request": {
            "method": "post",
            "uri": "stock/@{(steps.create || steps.find).body.id}",
            "parameters": {"rows": {"sku": "&{sku}", "quantity": "&{quantity}"}},
        },
    },
]


def known(sent: Sent) -> bytes:
    if sent.method == "GET":
        sku = sent.path.rpartition("/")[2]
        return reply("200 OK", b'{"id": 5}') if sku == "OLD" else reply("404 Not Found", b'{"message": "no"}')
    return reply("200 OK", b'{"id": 9}')


async def test_a_chain_looks_up_creates_what_is_missing_and_uses_the_responses(
    tmp_path: Path, machine: Machine
) -> None:
    async with storing(known) as store:
        outbox = Outbox(tmp_path, machine, store.server.url, {"request": None, "steps": CHAIN})
        outbox.write(*rows("OLD", "NEW"))
        assert counted(await outbox.run()) == {"finished": 2}
    assert sorted(f"{sent.method} {sent.path}" for sent in store.sent) == [
        "GET products/NEW",
        "GET products/OLD",
        "POST create",
        "POST stock/5",
        "POST stock/9",
    ]
    assert [task.attempts for task in outbox.tasks()] == [1, 1]


async def test_a_task_that_failed_in_a_later_step_resumes_there(tmp_path: Path, machine: Machine) -> None:
    def answer(sent: Sent) -> bytes:
        if sent.path.startswith("stock"):
            return reply("400 Bad Request", b'{"message": "Source code does not exist"}')
        return known(sent)

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url, {"request": None, "steps": CHAIN})
        outbox.write(*rows("NEW"))
        assert counted(await outbox.run()) == {"failed": 1}
        [task] = outbox.tasks()
        assert task.step == "stock"
        assert isinstance(task.responses, dict)
        assert task.responses["create"]["body"] == {"id": 9}
        outbox.retry()
        store.answer = known
        store.sent.clear()
        assert counted(await outbox.run()) == {"finished": 1}
    assert [sent.path for sent in store.sent] == ["stock/9"]


async def test_an_entity_that_no_step_applies_to_is_skipped(tmp_path: Path, machine: Machine) -> None:
    step = {"name": "only", "when": "entity.quantity > `5`", "request": CHAIN[1]["request"]}
    async with storing() as store:
        outbox = Outbox(tmp_path, machine, store.server.url, {"request": None, "steps": [step]})
        outbox.write(*rows("A"), *rows("B", quantity=9))
        assert counted(await outbox.run()) == {"finished": 1, "skipped": 1}
    assert store.skus() == ["B"]


async def test_what_cannot_be_put_into_a_request_is_a_failed_task(tmp_path: Path, machine: Machine) -> None:
    request = {"method": "put", "uri": "products/&{sku}/&{place}", "parameters": {"rows": "&{@}"}}
    async with storing() as store:
        outbox = Outbox(tmp_path, machine, store.server.url, {"request": request})
        outbox.write({"sku": "A", "place": None}, {"sku": "B", "place": "x"}, {"sku": "C", "place": ".."}, {"sku": "D"})
        assert counted(await outbox.run()) == {"finished": 1, "failed": 3}
    assert {task.code for task in outbox.tasks("failed")} == {"template"}
    assert store.skus() == ["B"]


async def test_entities_that_cannot_be_used_are_failed_tasks(tmp_path: Path, machine: Machine) -> None:
    async with storing() as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write({"quantity": 1}, {"sku": "nul\0"}, {"sku": "half\ud800"}, {"sku": {}}, "text", {"sku": 7})
        outbox.source.write_text(outbox.source.read_text() + "{\n")
        summary = await outbox.run()
    assert counted(summary) == {"finished": 1, "failed": 6}
    codes = {task.line: task.code for task in outbox.tasks("failed")}
    missing = "identifier-missing"
    assert codes == {1: missing, 2: "nul", 3: "source-line", 4: missing, 5: missing, 7: "source-line"}
    assert outbox.tasks("finished")[0].identifier == "7"
    assert store.skus() == [7]


async def test_an_entity_of_ten_megabytes_is_sent_or_refused_by_the_store(tmp_path: Path, machine: Machine) -> None:
    def answer(sent: Sent) -> bytes:
        large = len(sent.rows[0]["text"]) > 5_000_000
        return reply("413 Request Entity Too Large", b"<html></html>") if large else OK

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write({"sku": "A", "text": "x" * 10_000_000}, {"sku": "B", "text": "y" * 1_000_000})
        assert counted(await outbox.run()) == {"finished": 1, "failed": 1}
    assert outbox.tasks("failed")[0].code == "status-413"


async def test_a_secret_in_a_response_is_not_kept_and_the_chain_says_so(tmp_path: Path, machine: Machine) -> None:
    """It continues while it runs, but cannot be resumed with a masked value."""
    quick, _ = with_sleep(machine)
    steps = [
        {"name": "login", "request": {"method": "post", "uri": "login", "parameters": {"rows": "&{@}"}}},
        {"name": "use", "request": {"method": "post", "uri": "use/@{steps.login.body.access_token}",
                                    "parameters": {"rows": "&{@}"}}},
    ]  # fmt: skip
    refused = True

    def answer(sent: Sent) -> bytes:
        if sent.path == "login":
            return reply("200 OK", b'{"access_token": "CANARY-of-a-customer"}')
        return reply("400 Bad Request", b"{}") if refused else OK

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, quick, store.server.url, {"request": None, "steps": steps})
        outbox.write(*rows("A"))
        assert counted(await outbox.run()) == {"failed": 1}
        assert store.sent[-1].path == "use/CANARY-of-a-customer"
        assert "CANARY" not in json.dumps(outbox.tasks()[0].responses)
        outbox.retry()
        refused = False
        assert counted(await outbox.run()) == {"failed": 1}
    assert "contained a secret" in outbox.tasks()[0].reason
