"""A store that fails now and then, or for a while: what can arrive arrives, and the rest has its reason."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from http_server import reply
from sending import OK, Outbox, Sent, counted, rows, storing, with_sleep

from tui_connector.machine import Machine
from tui_connector.outgoing.changes import EntityAction, EntityChange
from tui_connector.outgoing.run_environment import OutgoingOptions
from tui_connector.runs.errors import RunFailed

DEADLOCK = b'{"message": "Database deadlock found when trying to get lock"}'
SOURCE_ITEM = b'{"message": "Could not save Source Item Configuration"}'


def change(action: EntityAction) -> EntityChange:
    return EntityChange("", action, (), None)


def fails_once(response: bytes | None, *, after_the_work: bool = False) -> Any:
    """An answer that fails at each sku once, and a record of what was stored."""
    seen: set[str] = set()
    stored: list[str] = []

    def answer(sent: Sent) -> bytes | None:
        skus = {row["sku"] for row in sent.rows}
        if not skus <= seen:
            seen.update(skus)
            stored.extend(skus if after_the_work else ())
            return response
        stored.extend(skus)
        return OK

    answer.stored = stored  # type: ignore[attr-defined]
    return answer


@pytest.mark.parametrize(
    "response",
    [
        reply("429 Too Many Requests", b"{}"),
        reply("500 Internal Server Error", b"Fatal error", "Content-Type: text/plain"),
        reply("503 Service Unavailable", b"{}"),
        reply("400 Bad Request", DEADLOCK),
        reply("400 Bad Request", SOURCE_ITEM),
    ],
    ids=["429", "500", "503", "deadlock", "source item"],
)
async def test_what_fails_temporarily_is_sent_again(tmp_path: Path, machine: Machine, response: bytes) -> None:
    quick, waited = with_sleep(machine)
    async with storing(fails_once(response)) as store:
        outbox = Outbox(tmp_path, quick, store.server.url)
        outbox.write(*rows("A", "B", "C"))
        summary = await outbox.run()
    assert counted(summary) == {"finished": 3}
    assert store.times() == {"A": 2, "B": 2, "C": 2}
    assert waited
    assert [task.attempts for task in outbox.tasks()] == [2, 2, 2]
    assert (summary.requests, summary.retries) == (6, 3)


async def test_retry_after_is_obeyed(tmp_path: Path, machine: Machine) -> None:
    quick, waited = with_sleep(machine)
    async with storing(fails_once(reply("429 Too Many Requests", b"{}", "Retry-After: 17"))) as store:
        outbox = Outbox(tmp_path, quick, store.server.url)
        outbox.write(*rows("A"))
        assert counted(await outbox.run()) == {"finished": 1}
    assert 17 in waited


async def test_an_entity_that_breaks_the_store_fails_and_the_others_arrive(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)

    def answer(sent: Sent) -> bytes:
        bad = any(row["sku"] == "BAD" for row in sent.rows)
        return reply("500 Internal Server Error", b'{"message": "Internal Error"}') if bad else OK

    for batch in (1, 8):
        async with storing(answer) as store:
            outbox = Outbox(tmp_path, quick, store.server.url)
            outbox.write(*rows(*(f"S{number}" for number in range(20)), "BAD", *(f"T{n}" for n in range(20))))
            summary = await outbox.run(batch=batch)
        assert counted(summary) == {"finished": 40, "failed": 1}
        [failed] = outbox.tasks("failed")
        assert failed.identifier == "BAD"
        assert failed.code == "status-500"
        assert "it was sent 8 times" in failed.reason
        assert store.times()["BAD"] <= 20


async def test_a_store_in_maintenance_is_waited_for(tmp_path: Path, machine: Machine) -> None:
    quick, waited = with_sleep(machine)
    down = 60

    def answer(sent: Sent) -> bytes:
        page = reply("503 Service Temporarily Unavailable", b"<html><title>Maintenance</title></html>")
        return page if sum(waited) < down else OK

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, quick, store.server.url)
        outbox.write(*rows(*(f"S{number}" for number in range(200))))
        summary = await outbox.run()
    assert counted(summary) == {"finished": 200}
    assert len(store.sent) < 230, "while it is down, single requests show whether it is back"
    assert any("retrying in" in note for note in outbox.told.notes)


async def test_a_store_that_stays_down_stops_the_run_and_nothing_has_failed(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    async with storing(lambda sent: reply("503 Service Unavailable", b"{}")) as store:
        outbox = Outbox(tmp_path, quick, store.server.url)
        outbox.write(*rows(*(f"S{number}" for number in range(100))))
        summary = await outbox.run(patience="1m")
        assert (summary.state, counted(summary)) == ("stopped", {"new": 100})
        assert "the outgoing's patience is 1:00 min" in summary.reason
        store.answer = lambda sent: OK
        assert counted(await outbox.run()) == {"finished": 100}


async def test_a_run_is_stopped_while_it_reads_an_endless_source(tmp_path: Path, machine: Machine) -> None:
    sqlite3.connect(tmp_path / "shop.db").close()
    query = "with recursive r(n) as (select 1 union all select n + 1 from r) select n as sku from r"
    for each in (query, f"{query} where n < 0"):  # one with rows, one that never comes to its first
        outbox = Outbox(tmp_path, machine, "http://127.0.0.1:9")
        outbox.outgoing = {"source": {"kind": "sqlite", "path": "shop.db", "query": each}}
        summary = await outbox.run(on_run=lambda run: run.stop("Stopped by the user"))
        assert (summary.state, summary.reason, summary.requests) == ("stopped", "Stopped by the user", 0)


async def test_a_wrong_address_is_reported_at_once(tmp_path: Path, machine: Machine) -> None:
    outbox = Outbox(tmp_path, machine, "http://127.0.0.1:9")
    outbox.write(*rows("A", "B"))
    summary = await outbox.run()
    assert (summary.state, counted(summary)) == ("stopped", {"new": 2})
    assert "refused the connection; the run does not wait" in summary.reason


async def test_a_store_that_an_earlier_run_has_reached_is_waited_for(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    async with storing(lambda sent: OK) as store:
        outbox = Outbox(tmp_path, quick, store.server.url)
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run()) == {"finished": 2}
    outbox.write(*rows("A", "C"))
    summary = await outbox.run(patience="1m")
    assert (summary.state, counted(summary)) == ("stopped", {"new": 2})
    assert "the outgoing's patience is 1:00 min" in summary.reason
    assert any("retrying in" in note for note in outbox.told.notes)


async def test_a_plan_waits_for_a_store_that_an_earlier_request_has_reached(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    async with storing(lambda sent: OK) as store:
        outbox = Outbox(tmp_path, quick, store.server.url)
        outbox.write(*rows("A"))
        await outbox.run()
    async with outbox.opened(patience="1m", compare={"preset": "stock"}) as run:
        with pytest.raises(RunFailed, match="the outgoing's patience is 1:00 min"):
            async for _ in run.planned():
                pass


async def test_a_connection_lost_after_the_work_leaves_the_task_unknown(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    async with storing(fails_once(None, after_the_work=True)) as store:
        outbox = Outbox(tmp_path, quick, store.server.url)
        outbox.write(*rows("A"))
        summary = await outbox.run()
        assert (counted(summary), summary.failed) == ({"unknown": 1}, 1)
        assert store.times() == {"A": 1}, "not sent again: it may have arrived"
        assert "may or may not have arrived" in summary.remarks[0]
        assert f"tui-connector tasks {outbox.file} stock list --state unknown" in summary.remarks[0]
        assert "Last reason: 127.0.0.1" in summary.remarks[0]
        [task] = outbox.tasks()
        assert "it may have arrived" in task.reason
        assert task.entity is not None


async def test_a_repeatable_request_is_sent_again_after_a_lost_connection(tmp_path: Path, machine: Machine) -> None:
    quick, _ = with_sleep(machine)
    async with storing(fails_once(None)) as store:
        outbox = Outbox(tmp_path, quick, store.server.url)
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run(repeatable=True)) == {"finished": 2}
        assert store.times() == {"A": 2, "B": 2}


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_comparison_decides_about_unknown_tasks(tmp_path: Path, machine: Machine, arrived: bool) -> None:
    quick, _ = with_sleep(machine)
    answer = fails_once(None, after_the_work=arrived)

    async def compare(entities: Any) -> Any:
        return [change("unchanged" if each["sku"] in answer.stored else "change") for each in entities]

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, quick, store.server.url, compare=compare)
        outbox.write(*rows("A"))
        assert counted(await outbox.run()) == {"finished": 1}
        assert store.times() == {"A": 1 if arrived else 2}


async def test_unchanged_entities_are_not_sent(tmp_path: Path, machine: Machine) -> None:
    async def compare(entities: Any) -> Any:
        return [change("unchanged" if each["sku"] < "C" else "change") for each in entities]

    async with storing() as store:
        outbox = Outbox(tmp_path, machine, store.server.url, compare=compare)
        outbox.write(*rows("A", "B", "C", "D"))
        summary = await outbox.run(OutgoingOptions(full=True))
        assert counted(summary) == {"finished": 2, "unchanged": 2}
        assert sorted(store.skus()) == ["C", "D"]
        assert counted(await outbox.run(send="all")) == {"finished": 4}


async def test_of_two_entities_with_one_identifier_the_second_is_compared_after_the_first(
    tmp_path: Path, machine: Machine
) -> None:
    present = {"A": 1}

    async def compare(entities: Any) -> Any:
        return [change("unchanged" if present[e["sku"]] == e["quantity"] else "change") for e in entities]

    def answer(sent: Sent) -> bytes:
        present.update({row["sku"]: row["quantity"] for row in sent.rows})
        return OK

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url, compare=compare)
        outbox.write(*({"sku": "A", "quantity": quantity} for quantity in (1, 2, 2, 1)))
        assert counted(await outbox.run()) == {"finished": 2, "unchanged": 2}
        assert [row["quantity"] for sent in store.sent for row in sent.rows] == [2, 1]
    assert present == {"A": 1}


async def test_a_store_that_fails_at_ten_per_cent_gets_everything_that_can_arrive(
    tmp_path: Path, machine: Machine
) -> None:
    """With a comparison: the store's own record and the ledger agree, task by task."""
    quick, _ = with_sleep(machine)
    chance = random.Random(5)
    stored: dict[str, int] = {}

    async def answer(sent: Sent) -> bytes | None:
        await asyncio.sleep(0)
        if any(row["sku"].startswith("BAD") for row in sent.rows):
            return reply("400 Bad Request", b'{"message": "Could not save Source Item"}')
        fault = chance.choice(["429", "500", "deadlock", "before", "after"]) if chance.random() < 0.1 else ""
        if fault in ("", "after"):
            for row in sent.rows:
                stored[row["sku"]] = row["quantity"]
        match fault:
            case "429":
                return reply("429 Too Many Requests", b"{}")
            case "500":
                return reply("500 Internal Server Error", b"{}")
            case "deadlock":
                return reply("400 Bad Request", DEADLOCK)
            case "before" | "after":
                return None
        return OK

    async def compare(entities: Any) -> Any:
        return [change("unchanged" if stored.get(e["sku"]) == e["quantity"] else "change") for e in entities]

    skus = [f"{'BAD' if number % 50 == 7 else 'S'}{number}" for number in range(400)]
    for batch in (1, 20):
        stored.clear()
        async with storing(answer) as store:
            outbox = Outbox(tmp_path, quick, store.server.url, compare=compare)
            outbox.write(*rows(*skus))
            summary = await outbox.run(OutgoingOptions(in_flight=8), batch=batch)
        assert counted(summary) == {"finished": 392, "failed": 8}
        assert stored == {sku: 1 for sku in skus if sku.startswith("S")}
        assert {task.identifier for task in outbox.tasks("failed")} == set(skus) - set(stored)
        assert all("Could not save Source Item" in task.reason for task in outbox.tasks("failed"))


@pytest.mark.parametrize(
    ("response", "code", "said"),
    [
        (reply("200 OK", b"<html><title>Welcome</title></html>", "Content-Type: text/html"), "html", "Welcome"),
        (reply("200 OK", b"false"), "false", "false"),
        (
            reply("200 OK", b'{"message": "Internal Error. Report ID: webapi-1"}'),
            "error",
            "200 and an error: Internal Error",
        ),
        (
            reply("200 OK", b"Allowed memory size exhausted", "Content-Type: application/json"),
            "text",
            "Allowed memory size",
        ),
        (reply("404 Not Found", b'{"message": "No such entity"}'), "status-404", "No such entity"),
        (
            reply("200 OK", b'[{"message": "Invalid %fieldName", "parameters": {"fieldName": "SKU"}}]'),
            "row-refused",
            "Invalid SKU",
        ),
    ],
    ids=["html", "false", "error", "text", "404", "errors"],
)
async def test_what_is_not_accepted_is_a_failed_task(
    tmp_path: Path, machine: Machine, response: bytes, code: str, said: str
) -> None:
    async with storing(lambda sent: response) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows("A"))
        assert counted(await outbox.run()) == {"failed": 1}
    [task] = outbox.tasks()
    assert task.code == code
    assert said in task.reason


async def test_a_run_whose_first_tasks_all_fail_alike_stops_early_and_can_be_resumed(
    tmp_path: Path, machine: Machine
) -> None:
    """A request that is wrong for every entity; the identifier in the reason makes no difference."""

    def answer(sent: Sent) -> bytes:
        message = f"No such entity with id = {', '.join(row['sku'] for row in sent.rows)}"
        return reply("404 Not Found", json.dumps({"message": message}).encode())

    for batch in (1, 20):
        async with storing(answer) as store:
            outbox = Outbox(tmp_path, machine, store.server.url)
            outbox.write(*rows(*(f"S{number}" for number in range(500))))
            summary = await outbox.run(OutgoingOptions(full=True), batch=batch)
            failed = summary.tasks["failed"]
            assert (summary.state, summary.code) == ("failed", "all-failed")
            assert "have all failed for the same reason: The store responded with 404 (No such entity" in summary.reason
            assert 50 <= failed <= 50 + 8 * batch
            assert counted(summary) == {"failed": failed, "new": 500 - failed}
            store.answer = lambda sent: OK
            assert counted(await outbox.run(batch=batch)) == {"failed": failed, "finished": 500 - failed}
            outbox.retry()
            assert counted(await outbox.run(batch=batch)) == {"finished": 500}


async def test_a_template_that_names_a_missing_field_stops_the_run_before_anything_is_sent(
    tmp_path: Path, machine: Machine
) -> None:
    async with storing() as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows(*(f"S{number}" for number in range(500))))
        summary = await outbox.run(request={"method": "put", "uri": "products/&{name}"})
        assert (summary.code, summary.tasks["failed"], store.sent) == ("all-failed", 50, [])
        assert "name" in summary.reason


async def test_a_run_goes_on_where_results_differ_or_the_user_wants_it_to(tmp_path: Path, machine: Machine) -> None:
    wrong, other = (reply("400 Bad Request", b'{"message": "%b"}' % message) for message in (b"Wrong", b"Other"))
    skus = [f"S{number}" for number in range(150)]
    for different, keep_going in ((OK, False), (other, False), (wrong, True)):
        responses = dict.fromkeys(skus, wrong) | {"S30": different}
        async with storing(lambda sent, responses=responses: responses[sent.rows[0]["sku"]]) as store:  # type: ignore[misc]
            outbox = Outbox(tmp_path, machine, store.server.url)
            outbox.write(*rows(*skus))
            summary = await outbox.run(OutgoingOptions(full=True, keep_going=keep_going))
        assert (summary.state, summary.tasks["new"], len(store.sent)) == ("complete", 0, 150)


BLOCKED = reply("403 Forbidden", b"<title>Attention Required! | Cloudflare</title>", "Server: cloudflare")


@pytest.mark.parametrize("batch", [1, 20])
@pytest.mark.parametrize("blocked", [[4], [0], [199], range(7), range(60, 100)], ids=str)
async def test_an_entity_that_a_firewall_forbids_fails_and_the_others_arrive(
    tmp_path: Path, machine: Machine, blocked: Sequence[int], batch: int
) -> None:
    skus = [f"S{number}" for number in range(200)]
    forbidden = {skus[number] for number in blocked}
    async with storing(lambda sent: BLOCKED if forbidden & {row["sku"] for row in sent.rows} else OK) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows(*skus))
        options = OutgoingOptions(keep_going=len(blocked) == 7)
        summary = await outbox.run(options, batch=batch, repeatable=True)
    assert summary.state == "complete"
    failed = {task.identifier: task.reason for task in outbox.tasks("failed")}
    assert failed.keys() == forbidden
    assert all("firewall or the web server (cloudflare) rejected the request" in reason for reason in failed.values())
    assert counted(summary)["finished"] == 200 - len(forbidden)


@pytest.mark.parametrize(("allowed", "most"), [(0, 15), (20, 20 + 50 + 16)])
async def test_a_run_stops_where_a_firewall_forbids_everything(
    tmp_path: Path, machine: Machine, allowed: int, most: int
) -> None:
    """From the start, or after a number of requests. Nothing has failed, and the next run sends it."""
    async with storing(lambda sent: OK if len(store.sent) <= allowed else BLOCKED) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows(*(f"S{number}" for number in range(200))))
        summary = await outbox.run()
        assert (summary.state, summary.code) == ("refused", "status-403")
        assert "rejected the request" in summary.reason
        assert "--keep-going sends the others" in summary.reason
        assert counted(summary) == {"new": 200 - allowed} | ({"finished": allowed} if allowed else {})
        assert len(store.sent) <= most
        store.answer = lambda sent: OK
        assert counted(await outbox.run()) == {"finished": 200}
        store.answer = lambda sent: BLOCKED
        outbox.write(*rows("A", "B"))
        assert counted(await outbox.run()) == {"new": 2}
        assert counted(await outbox.run(OutgoingOptions(keep_going=True))) == {"failed": 2}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        ("202 Accepted", b'{"bulk_uuid": "1", "request_items": []}', 'delivery = "async"'),
        ("202 Accepted", b"", "expected = [202]"),
        ("207 Multi-Status", b"{}", "expected = [207]"),
    ],
)
async def test_what_is_only_accepted_is_not_finished(
    tmp_path: Path, machine: Machine, status: str, body: bytes, said: str
) -> None:
    async with storing(lambda sent: reply(status, body)) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows("A"))
        summary = await outbox.run(repeatable=True)
        assert (counted(summary), summary.failed, len(store.sent)) == ({"unknown": 1}, 1, 1)
        [task] = outbox.tasks()
        assert (task.code, said in task.reason) == ("accepted", True)
        expected = {"method": "post", "uri": "rows", "parameters": {"rows": "&{@}"}, "expected": [int(status[:3])]}
        assert counted(await outbox.run(request=expected)) == {"finished": 1}


async def test_a_timeout_leaves_the_task_unknown_and_a_gateway_timeout_too(tmp_path: Path, machine: Machine) -> None:
    async def never(sent: Sent) -> bytes:
        await asyncio.sleep(60)
        return OK

    async with storing(never) as store:
        outbox = Outbox(tmp_path, machine, store.server.url, client={"timeout": "1s"})
        outbox.write(*rows("A"))
        assert counted(await outbox.run()) == {"unknown": 1}
        store.answer = lambda sent: reply("504 Gateway Time-out", b"<html></html>")
        outbox.write(*rows("B"))
        assert counted(await outbox.run()) == {"unknown": 1}


async def test_a_token_that_is_refused_in_the_middle_stops_the_run(tmp_path: Path, machine: Machine) -> None:
    def answer(sent: Sent) -> bytes:
        return OK if len(store.sent) < 5 else reply("401 Unauthorized", b'{"message": "Not authorized"}')

    async with storing(answer) as store:
        outbox = Outbox(tmp_path, machine, store.server.url)
        outbox.write(*rows(*(f"S{number}" for number in range(20))))
        summary = await outbox.run()
        assert summary.state == "refused"
        assert counted(summary) == {"finished": 4, "new": 16}
        store.answer = lambda sent: OK
        assert counted(await outbox.run()) == {"finished": 20}
    assert max(store.times().values()) == 2
