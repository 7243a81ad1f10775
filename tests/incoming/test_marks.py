"""Where the mark of an incremental incoming moves, so that no run loses a change or writes one twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from http_server import Received, reply, serving
from runs import RunNotes, Shop

from tui_connector.errors import UserError
from tui_connector.incoming.moments import sort_key
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.ledger import Ledger

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
async def changes(*items: dict[str, Any]) -> AsyncIterator[Changes]:
    store = Changes(list(items))
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
        with pytest.raises(UserError, match="the mark is the number 4711"):
            await reader.run(RunOptions(since="2026-11-24 20:00:00"))


async def test_items_of_the_overlap_are_known_when_their_numbers_get_another_digit(
    tmp_path: Path, machine: Machine
) -> None:
    rows = [{"id": number, "at": number} for number in range(80, 121)]
    async with changes(*rows) as store:
        reader = reader_of(store, tmp_path, machine, incremental={"field": "at", "overlap": "30s"})
        assert (await reader.run()).items == 41
        assert (await reader.run()).items == 0
