"""The time of a request is its own: what the program does before and after it is not part of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from http_proxy import proxying
from http_server import Received, reply, serving
from profiles import profile

from tui_connector.client import network_failure, wire
from tui_connector.client.exchange import Exchange
from tui_connector.client.message import InvalidRequest, NoResponse, Request
from tui_connector.client.printer import simple, text
from tui_connector.guide.workbench import Workbench
from tui_connector.log.filter import parse
from tui_connector.log.har import entry
from tui_connector.machine import Machine, NoPrompt


class Clock:
    """Stands still, but for what the program takes its time with."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def taking(self, seconds: float, work: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*arguments: Any, **named: Any) -> Any:
            self.seconds += seconds
            return work(*arguments, **named)

        return slow

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Importing the HTTP library and reading the authorities takes 100 s, and explaining a failure 50."""
    clock = Clock()
    monkeypatch.setattr(wire, "_transport", clock.taking(100, wire._transport))
    monkeypatch.setattr(network_failure, "explain", clock.taking(50, network_failure.explain))
    return clock


@pytest.fixture
def bench(machine: Machine, clock: Clock) -> Workbench:
    return Workbench(replace(machine, monotonic=lambda: clock.seconds, now=clock.now))


async def sent(bench: Workbench, clock: Clock, seconds: float, **client: Any) -> Exchange:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        clock.seconds += seconds
        writer.write(reply("200 OK", b"{}"))

    async with serving(response) as shop, bench.session(profile(f"{shop.url}/rest/V1", None, **client)) as session:
        assert (await session.client("shop")(Request("GET", "modules"))).status == 200
    return bench.exchanges[0]


async def test_what_is_loaded_before_the_first_request_is_not_its_time(bench: Workbench, clock: Clock) -> None:
    exchange = await sent(bench, clock, 2)
    assert exchange.timings.total == 2
    assert exchange.timings.wait == 2
    assert exchange.at == datetime(2026, 1, 1, 0, 1, 40, tzinfo=UTC)
    assert "2000 ms" in simple(exchange)
    assert "200 OK · 2000 ms" in text(exchange, "long")
    har: dict[str, Any] = entry(exchange)
    assert (har["time"], har["timings"]["blocked"]) == (2000, 0)
    assert parse("~t >1s").matches(exchange)
    assert not parse("~t >3s").matches(exchange)


async def test_nor_is_a_prompted_password(machine: Machine, clock: Clock) -> None:
    class Typing(NoPrompt):
        async def secret(self, label: str) -> str | None:
            clock.seconds += 30
            return "CANARY"

        async def allow(self, question: str) -> bool:
            return False

    bench = Workbench(replace(machine, monotonic=lambda: clock.seconds, now=clock.now, prompt=Typing()))
    async with proxying("me:CANARY") as through:
        given = {"uri": through.url, "username": "me", "password": {"ask": True}}
        exchange = await sent(bench, clock, 2, proxy=given)
    assert clock.seconds == 132
    assert exchange.timings.total == 2


async def test_nor_is_what_is_read_up_to_explain_a_failure(bench: Workbench, clock: Clock) -> None:
    async with bench.session(profile("http://127.0.0.1:1/rest/V1", None)) as session:
        with pytest.raises(NoResponse):
            await session.client("shop")(Request("GET", "modules"))
    assert clock.seconds == 150
    assert bench.exchanges[0].timings.total == 0


async def test_what_was_never_sent_took_no_time(bench: Workbench, clock: Clock) -> None:
    async with bench.session(profile("http://127.0.0.1:1/rest/V1", None, tls={"ca-file": "missing"})) as session:
        with pytest.raises(InvalidRequest):
            await session.client("shop")(Request("GET", "modules"))
    assert clock.seconds == 100
    assert bench.exchanges[0].timings.total == 0
    assert bench.exchanges[0].at == datetime(2026, 1, 1, tzinfo=UTC)


async def test_the_second_request_counts_from_its_own_beginning(bench: Workbench, clock: Clock) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        clock.seconds += 1
        writer.write(reply("200 OK", b"{}"))

    async with serving(response) as shop, bench.session(profile(f"{shop.url}/rest/V1", None)) as session:
        for _ in range(2):
            await session.client("shop")(Request("GET", "modules"))
            clock.seconds += 7
    assert [each.timings.total for each in bench.exchanges] == [1, 1]


FIRST_REQUEST = """
import asyncio, sys
sys.modules["pytest"] = None
from http_server import reply, serving
from profiles import profile
from tui_connector.client import wire
from tui_connector.client.message import Request
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import this_machine

run = wire._Attempt.run

async def watched(self, sender):
    before = set(sys.modules)
    await run(self, sender)
    print(sorted(set(sys.modules) - before))

wire._Attempt.run = watched

async def answer(_, writer):
    writer.write(reply("200 OK", b"{}"))

async def main():
    bench = Workbench(this_machine())
    async with serving(answer) as shop, bench.session(profile(shop.url, None)) as session:
        await session.client("shop")(Request("GET", "modules"))
    bench.close()

asyncio.run(main())
"""


def test_nothing_is_imported_while_the_first_request_of_a_process_is_under_way(
    clean_environment: dict[str, str],
) -> None:
    environment = {**clean_environment, "PYTHONPATH": str(Path(__file__).parents[1])}
    ended = subprocess.run(
        [sys.executable, "-c", FIRST_REQUEST],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.stderr == ""
    assert ended.stdout == "[]\n"
