"""A run while the store fails, refuses, repeats pages or counts wrongly: it waits, skips items, or ends."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import server_context
from http_server import reply
from listing import Item, SearchRequest, listing, product, products
from runs import KEYSET, NUMBERS, RunNotes, Shop, shop

from tui_connector.client.message import Request
from tui_connector.incoming.run import Run
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.ledger import last_runs


def _breaking(
    *broken: int, status: str = "500 Internal Server Error"
) -> Callable[[SearchRequest, list[Item]], bytes | None]:
    def bend(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply(status, b'{"message":"broken"}') if any(item["id"] in broken for item in items) else None

    return bend


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
@pytest.mark.parametrize("broken", [(1,), (57,), (100,), (3, 4, 99)], ids=str)
async def test_a_page_that_breaks_the_store_is_halved_down_to_the_record(
    tmp_path: Path, machine: Machine, broken: tuple[int, ...], pagination: dict[str, object]
) -> None:
    async with listing(products(*range(1, 101)), _breaking(*broken)) as store:
        reader = shop(store, tmp_path, machine, pagination=pagination)
        summary = await reader.run(told=(told := RunNotes()))
    assert summary.state == "complete"
    assert reader.ids() == [number for number in range(1, 101) if number not in broken]
    assert summary.failed == len(broken)
    word = "entity_id {}" if pagination is KEYSET else "number {} of the list"
    assert [record.record for record in told.records] == [word.format(number) for number in broken]
    assert [failed.record for failed in reader.failures()] == [record.record for record in told.records]


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
@pytest.mark.parametrize("broken", [range(41, 61), range(46, 58), range(91, 101)], ids=str)
async def test_neighbours_that_break_the_store_are_left_out_without_waiting(
    tmp_path: Path, machine: Machine, broken: range, pagination: dict[str, object]
) -> None:
    async with listing(products(*range(1, 101)), _breaking(*broken)) as store:
        reader = shop(store, tmp_path, machine, pagination=pagination)
        summary = await reader.run(told=(told := RunNotes()))
    assert (summary.state, summary.failed) == ("complete", len(broken))
    assert reader.ids() == [number for number in range(1, 101) if number not in broken]
    assert not any("retrying in" in note for note in told.notes)


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
async def test_a_certificate_nobody_vouches_for_ends_the_run_at_once(
    tmp_path: Path, machine: Machine, pagination: dict[str, object]
) -> None:
    async with listing(products(*range(1, 101)), tls=server_context(tmp_path)) as store:
        reader = shop(store, tmp_path, machine, pagination=pagination)
        summary = await reader.run(told=(told := RunNotes()))
    assert (summary.state, summary.requests) == ("failed", 1)
    assert "is self-signed" in summary.reason
    assert told.notes == []


async def test_a_store_that_only_breaks_is_not_read_to_pieces(tmp_path: Path, impatient: Machine) -> None:
    def broken(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("500 Internal Server Error", b"{}") if asked.after >= 20 else None

    async with listing(products(*range(1, 1_001)), broken) as store:
        reader = shop(store, tmp_path, impatient, patience="1m")
        summary = await reader.run()
    assert summary.state == "stopped"
    assert reader.ids() == list(range(1, 21))
    assert len(store.asked) < 100


async def test_a_store_that_breaks_at_everything_gets_time_at_each_further_page(
    tmp_path: Path, impatient: Machine
) -> None:
    """As while it is deployed: a page that was good before breaks it too."""
    left = [24]

    def down(asked: SearchRequest, items: list[Item]) -> bytes | None:
        left[0] -= len(store.asked) > 3
        return reply("500 Internal Server Error", b"{}") if len(store.asked) > 3 and left[0] >= 0 else None

    async with listing(products(*range(1, 1_001)), down) as store:
        reader = shop(store, tmp_path, impatient, pagination={**KEYSET, "page-size": 100})
        summary = await reader.run(told=(told := RunNotes()))
    assert summary.state == "complete"
    assert sum("retrying in" in note for note in told.notes) > 3


async def test_the_page_size_a_store_allows_is_read_from_its_answer(tmp_path: Path, machine: Machine) -> None:
    def limits(asked: SearchRequest, items: list[Item]) -> bytes | None:
        body = {"message": "Maximum SearchCriteria pageSize is %max", "parameters": {"max": 7}}
        return reply("400 Bad Request", json.dumps(body).encode()) if asked.size > 7 else None

    async with listing(products(*range(1, 51)), limits) as store:
        reader = shop(store, tmp_path, machine)
        summary = await reader.run(told=(told := RunNotes()))
    assert summary.state == "complete"
    assert reader.ids() == list(range(1, 51))
    assert "allows 7 items" in told.notes[0]


async def test_a_refusal_that_is_nested_too_deeply_is_only_a_refusal(tmp_path: Path, machine: Machine) -> None:
    deep = reply("400 Bad Request", b'{"trace": ' + b"[" * 50_000)
    async with listing(products(*range(1, 11)), lambda asked, items: deep) as store:
        summary = await shop(store, tmp_path, machine).run()
    assert (summary.state, "400" in summary.reason) == ("failed", True)


async def test_a_refused_token_stops_at_once_and_keeps_the_position(tmp_path: Path, machine: Machine) -> None:
    refuses = [True]

    def refuse(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("401 Unauthorized", b'{"message":"no"}') if refuses[0] and asked.after >= 30 else None

    async with listing(products(*range(1, 301)), refuse) as store:
        reader = shop(store, tmp_path, machine)
        summary = await reader.run(RunOptions(in_flight=1))
        assert summary.state == "refused"
        assert sum(asked.after >= 30 for asked in store.asked) == 1
        assert reader.ids() == list(range(1, 31))
        refuses[0] = False
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 301))


async def test_maintenance_is_waited_for_as_long_as_the_store_asks(tmp_path: Path, impatient: Machine) -> None:
    waits = []
    left = [3]

    def away(asked: SearchRequest, items: list[Item]) -> bytes | None:
        if asked.after < 20 or not left[0]:
            return None
        left[0] -= 1
        return reply("503 Service Unavailable", b"<html>maintenance</html>", "Retry-After: 7")

    async with listing(products(*range(1, 101)), away) as store:
        reader = shop(store, tmp_path, impatient)
        told = RunNotes()
        summary = await reader.run(told=told)
    waits = [note for note in told.notes if "retrying in 7 s" in note]
    assert summary.state == "complete"
    assert waits
    assert reader.ids() == list(range(1, 101))
    assert summary.retries >= 1


@pytest.mark.parametrize("headers", [(), ("Retry-After: 1",)], ids=["own pauses", "requested"])
async def test_a_user_ends_the_pauses_of_a_run_and_of_its_plugin_unless_the_store_has_requested_them(
    tmp_path: Path, machine: Machine, headers: tuple[str, ...]
) -> None:
    refusals = iter([reply("503 Service Unavailable", b"", *headers)] * 5)
    runs, seen = list[Run](), set[tuple[bool, str]]()

    async def sleep(_: float) -> None:
        while not runs or (pause := runs[0].progress.pause) is None:  # noqa: ASYNC110 - nothing tells when it waits
            await asyncio.sleep(0)
        seen.add((pause.can_end, pause.reason.partition(",")[0]))
        runs[0].retry_now()
        if not headers:
            await asyncio.Event().wait()  # only its user ends it

    async with listing(products(*range(1, 21)), lambda _asked, _items: next(refusals, None)) as store:
        reader = Shop(
            tmp_path, replace(machine, sleep=sleep), store.url, {}, plugins=({"kind": "retry", "attempts": 2},)
        )
        summary = await reader.run(on_run=runs.append)
    assert summary.state == "complete"
    waits = ("The store responded with status 503", "waiting for the store")
    assert seen == {(not headers, each) for each in waits}


async def test_what_was_received_is_recorded_while_the_store_is_waited_for(tmp_path: Path, machine: Machine) -> None:
    """So that a list of runs shows it, and a kill loses nothing of it."""
    store_is_back = asyncio.Event()

    def away(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("503 Service Unavailable", b"") if asked.after >= 10 and not store_is_back.is_set() else None

    async def sleep(seconds: float) -> None:
        for _ in range(3_000):
            if [each.items for each in last_runs(reader.ledger, 1)[0]] == [10]:
                break
            await asyncio.sleep(0.01)
        assert [each.items for each in last_runs(reader.ledger, 1)[0]] == [10]
        assert reader.ids() == list(range(1, 11))
        store_is_back.set()

    async with listing(products(*range(1, 101)), away) as store:
        reader = shop(store, tmp_path, replace(machine, sleep=sleep))
        summary = await reader.run()
    assert (summary.state, store_is_back.is_set()) == ("complete", True)


@pytest.mark.parametrize(
    "value",
    ["0", "Mon, 23 Nov 2020 22:00:30 GMT", "-30", "0.001", "soon", "1e9", "", "0, 0", "9" * 40, "Sun, 06 Nov 1994"],
)
async def test_no_retry_after_causes_more_requests_than_none(tmp_path: Path, impatient: Machine, value: str) -> None:
    asked = {}
    for name, headers in (("without", ()), ("with", (f"Retry-After: {value}",))):
        (folder := tmp_path / name).mkdir()

        def away(asked: SearchRequest, items: list[Item], headers: tuple[str, ...] = headers) -> bytes | None:
            return reply("503 Service Unavailable", b"", *headers) if asked.after >= 20 else None

        async with listing(products(*range(1, 31)), away) as store:
            summary = await shop(store, folder, impatient, patience="20s").run(RunOptions(in_flight=1))
        assert summary.state == "stopped"
        asked[name] = len(store.asked)
    assert asked["with"] <= asked["without"]


async def test_a_store_that_asks_to_wait_for_ten_years_is_quoted(tmp_path: Path, impatient: Machine) -> None:
    def away(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("503 Service Unavailable", b"", "Retry-After: 315360000") if asked.after >= 20 else None

    async with listing(products(*range(1, 31)), away) as store:
        summary = await shop(store, tmp_path, impatient).run()
    assert summary.state == "stopped"
    assert "the store requests a wait of 3,650 days; the incoming's patience is 5:00 min" in summary.reason


async def test_patience_ends_and_the_next_run_goes_on(tmp_path: Path, impatient: Machine) -> None:
    is_away = [True]

    def away(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("503 Service Unavailable", b"") if is_away[0] and asked.after >= 20 else None

    async with listing(products(*range(1, 101)), away) as store:
        reader = shop(store, tmp_path, impatient, patience="2m")
        assert (await reader.run()).state == "stopped"
        is_away[0] = False
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 101))


async def test_a_lost_network_is_waited_for_and_then_left_to_the_next_run(tmp_path: Path, impatient: Machine) -> None:
    async with listing(products(*range(1, 101))) as store:
        store.closes = lambda asked: asked.after >= 20
        reader = shop(store, tmp_path, impatient, patience="2m")
        summary = await reader.run(told=(told := RunNotes()))
        assert summary.state == "stopped"
        assert sum("retrying in" in note for note in told.notes) > 3
        left = [5]

        def closes(asked: SearchRequest) -> bool:
            left[0] -= asked.after >= 50
            return asked.after >= 50 and left[0] > 0

        store.closes = closes
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 101))


async def test_an_unreachable_store_is_waited_for_if_it_has_responded_before(
    tmp_path: Path, impatient: Machine
) -> None:
    """To a run of any incoming, as to a test: the address is right."""
    async with listing(products(*range(1, 101))) as store:
        reader = shop(store, tmp_path, impatient, patience="2m")
        reader.plugins = ({"kind": "retry", "attempts": 5},)
        store.closes = lambda asked: True
        summary = await reader.run(told=(told := RunNotes()))
        assert (summary.state, summary.requests, summary.retries) == ("stopped", 5, 4)
        assert "the run does not wait, because this address has not responded before" in summary.reason
        assert not any("retrying in" in note for note in told.notes)
        store.closes = lambda asked: False
        async with reader.bench.session(reader.profile({})) as session:
            await session.client("shop")(Request("GET", "orders"))
        store.closes = lambda asked: True
        summary = await reader.run(told=(told := RunNotes()))
        assert summary.state == "stopped"
        assert "the incoming's patience is 2:00 min" in summary.reason
        assert sum("retrying in" in note for note in told.notes) > 3


async def test_an_unreachable_store_is_waited_for_if_a_run_of_another_machine_has_read_from_it(
    tmp_path: Path, impatient: Machine
) -> None:
    """With the ledger that both share."""
    async with listing(products(*range(1, 101))) as store:
        reader = shop(store, tmp_path, impatient, patience="2m")
        assert (await reader.run()).state == "complete"
        shutil.rmtree(impatient.directories.state / "responding-origins")
        store.closes = lambda asked: True
        assert "the incoming's patience is 2:00 min" in (await reader.run()).reason


async def test_the_same_page_twice_is_a_circle(tmp_path: Path, machine: Machine) -> None:
    """A store that knows no filter on ids answers its first page for ever."""

    def same(asked: SearchRequest, items: list[Item]) -> bytes | None:
        body = {"items": [product(number) for number in range(1, 11)], "total_count": 100}
        return reply("200 OK", json.dumps(body).encode())

    async with listing({}, same) as store:
        reader = shop(store, tmp_path, machine)
        summary = await reader.run()
    assert summary.state == "failed"
    assert "does not filter and sort by entity_id" in summary.reason
    assert len(store.asked) < 10


@pytest.mark.parametrize("first", [1, 3_001], ids=["ids below the numbers", "ids above the numbers"])
@pytest.mark.parametrize("number", [1, 100_000_001], ids=str)
async def test_another_field_than_the_one_that_is_filtered_by_is_found_out(
    tmp_path: Path, machine: Machine, first: int, number: int
) -> None:
    """As an order's increment_id beside its entity_id."""
    items = products(*range(first, first + 50))
    for each in items.values():
        each["increment_id"] = str(each["id"] - first + number).rjust(9, "0")
    async with listing(items) as store:
        pagination = {**KEYSET, "field": "increment_id"}
        summary = await shop(store, tmp_path, machine, pagination=pagination).run()
    if first == number:
        assert summary.state == "complete"
        return
    assert summary.state == "failed"
    assert "increment_id is another field" in summary.reason


@pytest.mark.parametrize("gone", [[50], [48, 49, 50], list(range(11, 51))], ids=str)
async def test_the_last_items_may_be_deleted_meanwhile(tmp_path: Path, machine: Machine, gone: list[int]) -> None:
    def delete(asked: SearchRequest, items: list[Item]) -> bytes | None:
        if asked.descending:
            response = store.page(items, 1)
            for each in gone:
                store.items.pop(each, None)
            return response
        return None

    async with listing(products(*range(1, 51)), delete) as store:
        reader = shop(store, tmp_path, machine)
        assert (await reader.run()).state == "complete"
    assert reader.ids() == [number for number in range(1, 51) if number not in gone]


async def test_page_numbers_stop_where_a_store_repeats_its_last_page(tmp_path: Path, machine: Machine) -> None:
    """Magento 2.3 does so; and here it does not count, so that only the repetition tells."""

    def last_again(asked: SearchRequest, items: list[Item]) -> bytes | None:
        number = min(asked.page, 3)
        page = [product(each) for each in range(number * 10 - 9, number * 10 + 1)]
        return reply("200 OK", json.dumps({"items": page}).encode())

    async with listing({}, last_again) as store:
        reader = shop(store, tmp_path, machine, pagination=NUMBERS)
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 31))


async def test_page_numbers_that_are_ignored_are_found_out(tmp_path: Path, machine: Machine) -> None:
    def first_only(asked: SearchRequest, items: list[Item]) -> bytes | None:
        page = [product(each) for each in range(1, 11)]
        return reply("200 OK", json.dumps({"items": page, "total_count": 100}).encode())

    async with listing({}, first_only) as store:
        reader = shop(store, tmp_path, machine, pagination=NUMBERS)
        summary = await reader.run()
    assert summary.state == "failed"
    assert "same page twice" in summary.reason
    assert summary.code == "same-page"
    assert reader.ids() == list(range(1, 11))


async def test_fewer_items_than_a_store_counts_are_reported(tmp_path: Path, machine: Machine) -> None:
    def short(asked: SearchRequest, items: list[Item]) -> bytes | None:
        if asked.page != 3:
            return None
        return reply("200 OK", json.dumps({"items": items[1:], "total_count": 50}).encode())

    async with listing(products(*range(1, 51)), short) as store:
        reader = shop(store, tmp_path, machine, pagination=NUMBERS)
        summary = await reader.run()
    assert (summary.state, summary.received, summary.expected) == ("incomplete", 49, 50)
    assert "counts 50 items and sent 49" in summary.reason
    assert len(reader.ids()) == 49


async def test_a_transform_that_fails_on_one_item_leaves_that_one_out(tmp_path: Path, machine: Machine) -> None:
    items = products(*range(1, 51))
    items[37]["name"] = None
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, transform="{id: id, length: length(name)}")
        summary = await reader.run(told=(told := RunNotes()))
    assert (summary.items, summary.failed, summary.state) == (49, 1, "complete")
    assert told.records[0].record == "item 37 (sku S37)"
    assert 37 not in reader.ids()


async def test_a_bad_page_in_the_middle_is_asked_for_again(tmp_path: Path, machine: Machine) -> None:
    bad = [b"", b'{"items":[{"id"', b"<html><title>Busy</title></html>", b'{"message":"Deadlock"}']

    def bend(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("200 OK", bad.pop()) if asked.after >= 20 and bad else None

    async with listing(products(*range(1, 101)), bend) as store:
        reader = shop(store, tmp_path, machine)
        summary = await reader.run()
    assert summary.state == "complete"
    assert bad == []
    assert reader.ids() == list(range(1, 101))


WRONG_COUNTS: dict[str, Callable[[int, int], object]] = {
    "that of the page": lambda page, total: page,
    "that of the list without filters": lambda page, total: 87,
    "nothing": lambda page, total: 0,
    "a text": lambda page, total: str(total),
}


@pytest.mark.parametrize("count", WRONG_COUNTS)
@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS])
async def test_a_store_that_counts_wrongly_is_read_to_its_end(
    tmp_path: Path, machine: Machine, count: str, pagination: dict[str, object]
) -> None:
    """As modules do whose total_count is the number of items they loaded."""

    def bend(asked: SearchRequest, items: list[Item]) -> bytes:
        told = WRONG_COUNTS[count](len(items), len(store.items))
        return reply("200 OK", json.dumps({"items": items, "total_count": told}).encode())

    numbers = [number for number in range(1, 121) if number % 7 < 5]
    async with listing(products(*numbers), bend) as store:
        shop = Shop(tmp_path, machine, store.url, {"pagination": pagination})
        summary = await shop.run()
    assert shop.ids() == numbers
    assert summary.items == len(numbers)
    assert not any("duplicated" in remark for remark in summary.remarks)
