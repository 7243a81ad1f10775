"""Where the mark of an incremental incoming moves, so that no run loses a change or writes one twice."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from http_server import Received, reply, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from listing import Item, SearchRequest, listing, product
from runs import KEYSET, NUMBERS, RunNotes, Shop, shop

from tui_connector.errors import UserError
from tui_connector.incoming.moments import sort_key
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger
from tui_connector.units import timestamp

OF_DATES: dict[str, Any] = {
    "identifier": "id",
    "pagination": None,
    "request": {"uri": "orders?since=@{cursor}"},
    "incremental": {"field": "at", "overlap": "1s"},
}
"""An API that is given the date as a parameter, and answers with all that has changed since then."""


@dataclass
class Changes:
    """The items of such an API, in the order in which it sends them, and the dates that were requested."""

    items: list[dict[str, Any]]
    dated: str = "Tue, 24 Nov 2026 12:00:00 GMT"
    url: str = ""
    asked: list[str] = field(default_factory=list)

    async def response(self, request: Received, writer: Any) -> None:
        since = dict(parse_qsl(urlsplit(request.head.split(b" ")[1].decode()).query)).get("since", "")
        self.asked.append(since)
        found = [each for each in self.items if sort_key(str(each.get("at") or "9999-12-31")) >= sort_key(since)]
        body = json.dumps({"items": found, "total_count": len(found)}).encode()
        writer.write(reply("200 OK", body, f"Date: {self.dated}"))


@asynccontextmanager
async def changes(*items: dict[str, Any], **more: str) -> AsyncIterator[Changes]:
    store = Changes(list(items), **more)
    async with serving(store.response) as server:
        store.url = server.url
        yield store


def reader_of(store: Changes, directory: Path, machine: Machine, **incoming: Any) -> Shop:
    return Shop(directory, machine, store.url, {**OF_DATES, **incoming})


def mark_of(reader: Shop) -> str:
    with Ledger(reader.ledger) as ledger:
        mark = ledger.mark()
    assert mark is not None
    assert mark.value is not None
    return mark.value


MORNING, NOON, EVENING = range(3)
DATES = {
    "with a space": ["2026-11-24 08:00:00", "2026-11-24 12:00:00", "2026-11-24 21:00:00"],
    "with a T": ["2026-11-24T08:00:00Z", "2026-11-24T12:00:00Z", "2026-11-24T21:00:00Z"],
    "in another time zone": ["2026-11-25T01:00:00+17:00", "2026-11-25T05:00:00+17:00", "2026-11-25T14:00:00+17:00"],
    "in seconds": ["1795507200", "1795521600", "1795554000"],
    "in milliseconds": ["1795507200000", "1795521600000", "1795554000000"],
}


@pytest.mark.parametrize("how", DATES)
async def test_since_a_later_date_than_the_mark_loses_nothing_however_dates_are_written(
    tmp_path: Path, machine: Machine, how: str
) -> None:
    dates = DATES[how]
    async with changes({"id": 1, "at": dates[MORNING]}) as store:
        store.dated = "Wed, 25 Nov 2026 12:00:00 GMT"
        reader = reader_of(store, tmp_path, machine)
        await reader.run()
        store.items += [{"id": 2, "at": dates[NOON]}, {"id": 3, "at": dates[EVENING]}]
        await reader.run(RunOptions(since="2026-11-24 20:00:00"), told=(told := RunNotes()))
        assert told.notes[0].startswith("The mark stays at ")
        assert len(store.asked[-1]) == len(dates[EVENING])
        await reader.run()
    assert sorted({*reader.ids()}) == [1, 2, 3]


async def test_since_a_date_is_refused_where_the_mark_is_the_number_of_a_row(tmp_path: Path, machine: Machine) -> None:
    async with changes({"id": 1, "at": 4711}) as store:
        reader = reader_of(store, tmp_path, machine)
        await reader.run()
        with pytest.raises(UserError, match="the mark is the number 47"):
            await reader.run(RunOptions(since="2026-11-24 20:00:00"))


async def test_items_of_the_overlap_are_known_when_their_numbers_get_another_digit(
    tmp_path: Path, machine: Machine
) -> None:
    rows = [{"id": number, "at": number} for number in range(80, 121)]
    async with changes(*rows) as store:
        reader = reader_of(store, tmp_path, machine, incremental={"field": "at", "overlap": "30s"})
        assert (await reader.run()).items == 41
        assert (await reader.run()).items == 0


@dataclass
class RunningClock:
    """The clock of this machine, which a test sets forward while a run reads."""

    at: datetime
    passed: float = 0.0

    def of(self, machine: Machine) -> Machine:
        return replace(
            machine,
            now=lambda: self.at + timedelta(seconds=self.passed),
            monotonic=lambda: machine.monotonic() + self.passed,
        )


@pytest.mark.parametrize("ahead", [0, 600, -600], ids=["equal", "ahead", "behind"])
async def test_no_clock_of_the_web_server_loses_what_changes_during_a_run(
    tmp_path: Path, machine: Machine, ahead: int
) -> None:
    """The run reads from 10:00 to 10:04 by the database's clock; the web server's and this machine's are others."""
    clock = RunningClock(datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC) + timedelta(seconds=ahead))
    items = {number: product(number, "2026-11-24 09:00:00") for number in range(1, 21)}

    def change(asked: SearchRequest, page: list[Item]) -> bytes | None:
        if clock.passed == 0 and asked.after >= 10:  # the page of item 1 has been read
            clock.passed = 240
            items[1] = product(1, "2026-11-24 10:00:30")
            items[20] = product(20, "2026-11-24 10:04:00")
            page[-1] = items[20]
        return None

    dated = format_datetime(clock.at, usegmt=True)
    async with listing(items, change, dated=dated) as store:
        incremental = {"field": "updated_at", "overlap": "1s"}
        reader = shop(store, tmp_path, clock.of(machine), incremental=incremental)
        assert (await reader.run(RunOptions(in_flight=1))).items == 20
        store.dated = "Tue, 24 Nov 2026 11:00:00 GMT"
        assert (await reader.run()).items == 1
        assert reader.items()[-1] == items[1]
        clock.passed = 4000
        summary = await reader.run()  # the mark has moved on: only what is after the newest date less a second
        assert (summary.items, summary.dropped) == (0, 1)


async def test_the_time_for_which_a_run_was_interrupted_counts(tmp_path: Path, machine: Machine) -> None:
    clock = RunningClock(datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC))
    items = {number: product(number, "2026-11-24 09:00:00") for number in range(1, 21)}
    async with listing(items, dated="Tue, 24 Nov 2026 12:00:00 GMT") as store:
        reader = shop(store, tmp_path, clock.of(machine), incremental={"field": "updated_at", "overlap": "1s"})
        await reader.run(RunOptions(limit=10))
        clock.at += timedelta(hours=1)  # and no program runs meanwhile
        items[1] = product(1, "2026-11-24 10:30:00")
        items[20] = product(20, "2026-11-24 10:59:00")
        assert (await reader.run()).state == "complete"
        assert (await reader.run()).items == 1
    assert reader.items()[-1] == items[1]


async def test_an_item_that_failed_is_not_known_to_the_next_run(tmp_path: Path, machine: Machine) -> None:
    items = {number: product(number, "2026-11-24 10:00:00") for number in range(1, 4)}
    async with listing(items) as store:
        transform = "{id: id, name: join('', [name])}"
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at"}, transform=transform)
        assert (await reader.run()).items == 3
        items[2]["name"] = 5
        for _ in range(3):
            assert (await reader.run()).failed == 1
        items[2]["name"] = "five"
        assert (await reader.run()).items == 1
    assert reader.ids() == [1, 2, 3, 2]


@pytest.mark.parametrize("identifier", [None, "code"], ids=["none", "missing in all items"])
async def test_items_of_the_overlap_are_known_by_content_without_an_identifier(
    tmp_path: Path, machine: Machine, identifier: str | None
) -> None:
    rows = [{"id": number, "at": "2026-11-24 10:00:00"} for number in (1, 2, 2)]
    async with changes(*rows) as store:
        reader = reader_of(store, tmp_path, machine, identifier=identifier)
        assert (await reader.run()).items == 3
        assert (await reader.run()).items == 0
        store.items += [{"id": 2, "at": "2026-11-24 10:00:00"}, {"id": 1, "at": "2026-11-24 10:00:00"}]
        store.items[0] = {"at": "2026-11-24 10:00:00", "id": 1}  # keys in another order are no change
        assert (await reader.run()).items == 2
        assert (await reader.run()).items == 0
        store.items.append({"id": 3, "at": "2026-11-24 10:00:01"})
        assert (await reader.run()).items == 1
    assert reader.ids() == [1, 2, 2, 2, 1, 3]


async def test_what_is_sent_without_a_date_in_each_run_is_written_once(tmp_path: Path, machine: Machine) -> None:
    first = [{"id": 1, "at": "2026-11-24 10:00:00"}, {"id": 2, "at": None}, {"id": 3}, {"id": 4, "at": "0001-01-01"}]
    async with changes(*first) as store:
        reader = reader_of(store, tmp_path, machine)
        assert (await reader.run()).items == 4
        assert (await reader.run()).items == 0
        store.items[1] = {"id": 2, "at": None, "changed": True}
        assert (await reader.run()).items == 1
        assert (await reader.run()).items == 0


async def test_an_item_that_changes_back_is_written_again(tmp_path: Path, machine: Machine) -> None:
    async with changes({"id": 1, "at": "2026-11-24 10:00:00", "on": True}) as store:
        reader = reader_of(store, tmp_path, machine)
        for on in (True, False, True):
            store.items[0] = {**store.items[0], "on": on}
            assert (await reader.run()).items == 1
    assert [each["on"] for each in reader.items()] == [True, False, True]


async def test_local_times_without_a_time_zone_are_requested_without_one(tmp_path: Path, timeless: Machine) -> None:
    async with changes({"id": 1, "at": "2026-11-24T10:00:20.123"}) as store:
        reader = reader_of(store, tmp_path, timeless, incremental={"field": "at", "overlap": "30s"})
        await reader.run()
        await reader.run()
    assert store.asked[-1] == "2026-11-24T09:59:50"


@pytest.mark.parametrize("how", ["with a space", "with a T", "in seconds"])
async def test_a_mark_in_the_future_is_said_and_full_sets_it_again(tmp_path: Path, machine: Machine, how: str) -> None:
    """The store's clock was a year ahead in the first run, and right in the later ones."""
    morning, noon, _ = DATES[how]
    future = str(int(noon) + 31_536_000) if how == "in seconds" else noon.replace("2026", "2027")
    clock = RunningClock(datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC))
    async with changes({"id": 1, "at": future}, dated="Wed, 24 Nov 2027 12:00:10 GMT") as store:
        reader = reader_of(store, tmp_path, clock.of(machine), incremental={"field": "at", "overlap": "30s"})
        assert (await reader.run()).state == "complete"
        clock.at = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
        store.dated = "Wed, 25 Nov 2026 12:00:00 GMT"
        store.items = [{"id": 1, "at": morning}, {"id": 2, "at": noon}]
        for items in (1, 0):  # what has changed since the run that set the mark, each time once
            summary = await reader.run(told=(told := RunNotes()))
            assert (summary.state, summary.code, summary.items) == ("incomplete", "mark-ahead", items)
            assert "is later than the store's clock, 2026-11-25 12:00:00, so changes before " in summary.reason
            assert [code for code, _ in told.warnings] == ["mark-ahead"]
            assert summary.remarks == ()
        assert (await reader.run(RunOptions(full=True))).state == "complete"
        assert sort_key(mark_of(reader)) <= sort_key(noon)
        store.items[0] = {"id": 1, "at": DATES[how][EVENING]}
        assert (await reader.run()).items == 1


async def test_since_a_date_before_a_mark_in_the_future_sets_it_again(tmp_path: Path, machine: Machine) -> None:
    async with changes({"id": 1, "at": "2027-11-24 12:00:00"}, dated="Wed, 24 Nov 2027 12:00:10 GMT") as store:
        reader = reader_of(store, tmp_path, machine)
        await reader.run()
        store.dated = "Wed, 25 Nov 2026 12:00:00 GMT"
        store.items = [{"id": 1, "at": "2026-11-24 12:00:00"}]
        assert (await reader.run(RunOptions(since="2026-11-24 00:00:00"))).items == 1
        store.items = [{"id": 1, "at": "2026-11-24 13:00:00"}]
        summary = await reader.run()
    assert (summary.state, summary.items) == ("complete", 1)


async def test_a_mark_at_a_clock_that_differs_less_than_the_overlap_is_used(tmp_path: Path, machine: Machine) -> None:
    """Several web servers answer for a store, and their clocks are not the same."""
    async with changes({"id": 1, "at": "2026-11-24 12:00:10"}, dated="Tue, 24 Nov 2026 12:00:10 GMT") as store:
        reader = reader_of(store, tmp_path, machine, incremental={"field": "at", "overlap": "30s"})
        await reader.run()
        store.dated = "Tue, 24 Nov 2026 12:00:00 GMT"
        store.items.append({"id": 2, "at": "2026-11-24 12:00:00"})
        summary = await reader.run()
    assert (summary.state, summary.items) == ("complete", 1)


async def test_a_full_run_that_is_resumed_writes_everything(tmp_path: Path, machine: Machine) -> None:
    """Also the items near the mark of the run before, which its new output does not have."""
    items = {number: product(number, f"2026-11-24 10:00:{number:02d}") for number in range(1, 21)}
    async with listing(items) as store:
        reader = shop(store, tmp_path, machine, incremental={"field": "updated_at", "from": "2026-11-01"})
        await reader.run()
        await reader.run(RunOptions(full=True, limit=10))
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(1, 21))


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    seed=some.integers(0, 2**32),
    skew=some.integers(-4000, 4000),
    pagination=some.sampled_from([KEYSET, {**NUMBERS, "order": "entity_id desc"}]),
)
async def test_no_change_is_lost_whenever_it_is_made_and_whatever_the_web_servers_clock_says(
    tmp_path_factory: pytest.TempPathFactory, machine: Machine, seed: int, skew: int, pagination: dict[str, Any]
) -> None:
    chance, clock = random.Random(seed), RunningClock(datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC))
    items = {number: product(number, "2026-11-24 09:00:00") for number in range(1, 41)}

    def change(asked: SearchRequest, page: list[Item]) -> bytes | None:
        """The page was read before the changes that follow."""
        found = [each for number, each in items.items() if asked.after < number and each["updated_at"] >= asked.since]
        sent = store.page(list(page), len(found))
        for _ in range(chance.choice((0, 0, 1, 3))):
            clock.passed += chance.choice((0, 1, 20, 300))
            number = chance.randrange(1, 41)
            items[number] = {**product(number, timestamp(database_time())), "name": f"{chance.random()}"}
        return sent

    def database_time() -> datetime:
        return clock.at + timedelta(seconds=clock.passed)

    async with listing(items, change) as store:
        folder = tmp_path_factory.mktemp("changes")
        incremental = {"field": "updated_at", "overlap": "1s"}
        reader = shop(store, folder, clock.of(machine), incremental=incremental, pagination=pagination)
        for last in (False, False, False, True):
            clock.passed += 60
            store.dated = format_datetime(database_time() + timedelta(seconds=skew), usegmt=True)
            if last:
                store.bend = lambda asked, page: None
            summary = await reader.run(RunOptions(in_flight=1))
        assert summary.state == "complete"
        assert {item["id"]: item for item in reader.items()} == items
