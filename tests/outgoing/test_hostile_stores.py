"""Whatever a store responds, a plan ends with a message, and a run with a state for each entity."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from http_server import reply
from sending import Outbox, Sent, storing

from tui_connector.errors import UserError
from tui_connector.machine import Machine
from tui_connector.magento.entities import WRITABLE
from tui_connector.runs.errors import RunFailed

_ROW = b'{"sku": "S1", "source_code": "default", "quantity": 5, "status": 1, "price": 5, "store_id": 0}'
_BODIES = [
    b"",
    b"null",
    b"true",
    b"false",
    b"7",
    b'"text"',
    b"[]",
    b"{}",
    b"[[]]",
    b"[null, 1, [], {}]",
    b'{"items": null}',
    b'{"items": {}}',
    b'{"items": [1, null, [], "x"], "total_count": 4}',
    b'{"items": [], "total_count": "many"}',
    b'{"items": [], "total_count": 999999999}',
    b'{"items": [' + _ROW + b'], "total_count": 1}',
    b'{"items": [{"sku": {"a": 1}, "source_code": [], "quantity": "1e999999999", "price": "NaN"}], "total_count": 1}',
    b"[" + _ROW.replace(b"5", b'"Infinity"') + b"]",
    b"[" + _ROW.replace(b"5", b"1e400") + b"]",
    b"[" + _ROW.replace(b'"S1"', b"null") + b"]",
    b"[" * 50_000,
    b'{"message": {"a": []}, "parameters": 5, "errors": 7}',
    b'{"message": "%1 %sku", "parameters": {"sku": null}, "errors": [null, {"message": 3}]}',
    b'[{"message": "Invalid %1", "parameters": ["S1", null, {"a": 1}]}, {"message": null, "parameters": 3}]',
    b'[{"message": 5}]',
    b'{"bulk_uuid": 5, "request_items": 7, "errors": "no"}',
    b'{"bulk_uuid": "../../x?y", "request_items": [{"id": "0", "status": null}, null], "errors": true}',
    b'{"bulk_uuid": "u", "request_items": [{"id": 0, "status": "accepted"}, {"id": 0, "status": "accepted"}]}',
    b'{"bulk_uuid": "u", "operations_list": [{"id": 0, "status": "1"}, {"id": null, "status": 9}, 5]}',
    b'{"bulk_uuid": "u", "operations_list": [{"id": 0, "status": 1, "result_serialized_data": "{\\"a\\": "}]}',
    b'{"bulk_uuid": "u", "operations_list": [{"id": 0, "status": 3, "result_message": ["x"], "error_code": {}}]}',
    b"<html><title>\x1b[31mx</title></html>",
    b"\xff\xfe{}",
    b'"\\ud800"',
]
_STATUSES = ["200 OK"] * 6 + [
    "201 Created",
    "202 Accepted",
    "204 No Content",
    "207 Multi-Status",
    "301 Moved",
    "304 Same",
]
_STATUSES += ["400 Bad Request", "404 Not Found", "413 Too Large", "422 Wrong", "500 Failed", "503 Down", "599 Odd"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("delivery", ["single", "bulk"])
@pytest.mark.parametrize("name", ["stock", "base-prices", "products"])
async def test_each_entity_has_a_state(tmp_path: Path, machine: Machine, name: str, delivery: str, seed: int) -> None:
    chance = random.Random(f"{name} {delivery} {seed}")

    def answer(sent: Sent) -> bytes | None:
        if chance.random() < 0.05:
            return None
        return reply(chance.choice(_STATUSES), chance.choice(_BODIES), "Retry-After: 0")

    async def at_once(seconds: float) -> None:
        now[0] += seconds

    now = [0.0]
    patient = replace(machine, sleep=at_once, monotonic=lambda: now[0])
    configuration: dict[str, Any] = WRITABLE[name].configuration("shop")
    async with storing(answer) as store:
        source = {"source": {"kind": "jsonl", "path": "stock.jsonl"}}
        outbox = Outbox(tmp_path, patient, store.server.url, configuration | source)
        row = {"source_code": "default", "quantity": 5, "status": 1}
        outbox.write(*[{"sku": f"S{number}", **row} for number in range(30)])
        async with outbox.opened(delivery=delivery) as run:
            with suppress(UserError, RunFailed):
                async for _ in run.planned():
                    pass
        try:
            summary = await outbox.run(delivery=delivery)
        except UserError:
            return
    assert sum(summary.tasks.values()) == 30
    assert summary.tasks["sending"] == 0
    assert summary.state != "complete" or summary.tasks["new"] == summary.tasks["waiting"] == 0
