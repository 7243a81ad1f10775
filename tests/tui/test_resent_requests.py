"""Resending requests of the log: what is confirmed first, and which request is selected then."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from exchanges import exchange, lost
from http_server import reply
from listing import listing, product
from profiles import profile
from textual.widgets import Input, TextArea
from watched_log import Store, filled, watching

from tui_connector.client.exchange import Exchange, RecordedBody
from tui_connector.client.message import Failure, InvalidRequest, NoResponse, Request, RequestInfo, Response
from tui_connector.guide.requests.resend import NewRequests, resend
from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.log.actions import repeated_exchange
from tui_connector.tui.log.exchange_text import comparison
from tui_connector.tui.log.request_form import RequestForm
from tui_connector.tui.log.sending import LogContext
from tui_connector.tui.widgets.questions import ConfirmScreen


async def test_of_a_body_that_was_kept_in_part_w_requests_and_saves_the_whole_one(
    machine: Machine, tmp_path: Path
) -> None:
    items = {number: {**product(number), "note": "x" * 1_000, "password": "CANARY-9876"} for number in range(2_500)}
    target = tmp_path / "whole.json"
    async with listing(items) as store:
        workbench = Workbench(machine)
        base = {"plugins": [{"kind": "base-uri", "uri": f"{store.url}/rest/V1"}]}
        shop = profile_of({"format": 1, "name": "Shop", "clients": {"magento": base}})
        async with workbench.session(shop) as session:
            await session.client("magento")(Request("GET", "products"))
        context = LogContext(
            machine, lambda: None, partial(resend, workbench, shop), NewRequests(workbench, lambda: shop)
        )
        async with watching(machine, workbench.exchanges, context=context) as watched:
            await watched.pilot.press("b")
            await watched.shows("Incomplete: only the first 2.0 MB of ")
            await watched.shows("w requests it again, and saves the whole body to a file.")
            await watched.shows('      "sku": "S0",')  # indented
            await watched.pilot.press("slash")
            await watched.type("S2499")
            await watched.pilot.press("enter")
            await watched.shows("S2499: not in the part that was kept")
            await watched.pilot.press("w")
            await watched.shows("it is requested again, and the whole")
            watched.app.screen.query_one(Input).value = str(target)
            store.bend = lambda asked, items: reply("503 Service Unavailable", b"")
            await watched.pilot.press("enter")
            await watched.shows("The store responded with 503 instead of 200")
            assert not target.exists()
            store.bend = lambda asked, items: None
            await watched.pilot.press("enter")
            await watched.told("Saved ")
    saved = json.loads(target.read_bytes())
    assert len(saved["items"]) == 2_500
    assert saved["items"][0]["password"] == "•••"


async def test_request_is_resent_unchanged_and_edited(machine: Machine, sandbox: Sandbox) -> None:
    workbench = Workbench(machine)
    profile = profile_of(
        {
            "format": 1,
            "name": "Shop",
            "clients": {"magento": {"plugins": [{"kind": "base-uri", "uri": f"{sandbox.url}/rest/V1"}]}},
        }
    )

    async def send(exchange: Exchange, request: Request) -> Response:
        return await resend(workbench, profile, exchange, request)

    async with workbench.session(profile) as session:
        await session.client("magento")(Request("GET", "products/24-MB01"))
    log = workbench.exchanges
    context = LogContext(machine, lambda: None, send, NewRequests(workbench, lambda: profile))
    async with watching(machine, log, context=context) as watched:
        await watched.pilot.press("x")
        await watched.until(lambda: len(log) == 2)
        again = log[log.end - 1]
        assert (again.status, again.uri, again.note, again.purpose) == (401, log[0].uri, "#1 again", "user")
        await watched.until(lambda: watched.selected() == again.number)
        await watched.shows("compared  with #1: same response · ")
        await watched.pilot.press("X")
        await watched.shows("The store's schema for this token has no such path.")
        path = watched.app.screen.query_one("#resend-uri", Input)
        path.value = "directory/curr"
        await watched.pilot.press("tab")
        await watched.until(lambda: path.value == "directory/currency")
        watched.app.screen.query_one("#resend-headers", TextArea).text = "X-Store: nl\nno header"
        await watched.pilot.press("f5")
        await watched.shows("Line 2 of the headers")
        watched.app.screen.query_one("#resend-headers", TextArea).text = "X-Store: nl"
        await watched.pilot.press("f5")
        await watched.until(lambda: len(log) == 4)
        edited = log[log.end - 1]
        assert (edited.status, edited.note) == (200, "#2 edited")
        assert ("X-Store", "nl") in edited.request_headers
        await watched.shows("compared  with #2: edited request, 200 instead of 401 · ")
        await watched.pilot.press("X")
        await watched.shows("Path                  directory/currency ")  # relative to the base URI of its client
        assert watched.app.focused is watched.app.screen.query_one("#resend-headers")  # where the last one was edited
        path = watched.app.screen.query_one("#resend-uri", Input)
        path.focus()
        await watched.until(lambda: path.has_focus)
        await watched.pilot.press("end", "backspace")
        await watched.shows("directory/currency  GET")
        await watched.pilot.press("y")
        await watched.until(lambda: not watched.says("directory/currency  GET"))  # it is complete
        await watched.pilot.press("left", "left", "f5")
        await watched.until(lambda: log[log.end - 1].note == "#4 again")  # nothing was edited
        await watched.until(lambda: watched.selected() == log[log.end - 1].number)
        await watched.pilot.press("X")
        await watched.shows("Path                  directory/currency ")
        path = watched.app.screen.query_one("#resend-uri", Input)
        await watched.until(lambda: path.has_focus and path.cursor_position == len("directory/curren"))
    workbench.close()


async def test_attempts_of_a_resent_request_are_selected_while_it_is_retried(machine: Machine) -> None:
    paused = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await paused.wait()

    bench = Workbench(replace(machine, sleep=sleep))
    shop = profile("http://127.0.0.1:9/rest/V1", None, {"kind": "retry", "attempts": 3})

    async def send(exchange: Exchange, request: Request) -> Response:
        return await resend(bench, shop, exchange, request)

    for number in range(1, 41):
        bench.exchanges.record(exchange(number, client="shop", uri="http://127.0.0.1:9/rest/V1/products"))
    context = LogContext(machine, send=send)
    async with watching(machine, bench.exchanges, context=context, size=(160, 40)) as watched:
        await watched.pilot.press("g", "x")
        await watched.selects(41)
        await watched.shows(" s, attempt 2 of 3")
        await watched.shows("#41 GET products")
        paused.set()
        await watched.selects(43)
        await watched.told("#1 not sent (see #43): 127.0.0.1:9 refused the connection")
        assert not watched.says("attempt 2 of 3")
        await watched.pilot.press("g", "X")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        watched.app.screen.query_one("#resend-uri", Input).value = "categories"
        paused.clear()
        await watched.pilot.press("f5")
        await watched.shows(" s, attempt 2 of 3")
        await watched.pilot.press("slash", "q", "u")
        paused.set()
        await watched.told("is the store running? X on #46 opens it again.")
        await watched.pilot.press("a", "n", "t")
        assert watched.panel.query_one("#log-prompt Input", Input).value == "quant"  # no form took these keys
        await watched.pilot.press("escape", "X")
        await watched.shows("✘ Not sent: 127.0.0.1:9 refused the connection")
        assert watched.app.screen.query_one("#resend-uri", Input).value == "categories"
    bench.close()


async def test_the_request_that_was_resent_is_in_sight_and_nothing_says_that_it_is_still_sent(machine: Machine) -> None:
    log = filled(*map(exchange, range(1, 100)))

    async def send(_: Exchange, __: Request) -> Response:
        log.record(exchange(100))
        return Response(200, (), b"", 100)

    async with watching(machine, log, context=LogContext(machine, send=send)) as watched:
        await watched.pilot.press("g")
        await watched.shows("▸ #1 ")
        await watched.pilot.press("x")
        await watched.shows("▸ #100 ")
        assert not watched.app._notifications


@pytest.mark.parametrize(
    ("keys", "stays_at"), [(["g", "down"], 2), (["g", "down", "enter"], 2), (["enter"], 4), (["e"], None), (["G"], 5)]
)
async def test_a_slow_response_is_not_selected_once_its_user_looks_at_something_else(
    machine: Machine, keys: list[str], stays_at: int | None
) -> None:
    log = filled(*map(exchange, range(1, 5)))
    responses = asyncio.Semaphore(0)

    async def send(original: Exchange, _: Request) -> Response:
        await responses.acquire()
        number = log.end + 1
        about = RequestInfo(repeats=original.identity)
        log.record(exchange(number, original=Request("GET", "/", about=about)))
        return Response(200, (), b"", number)

    async with watching(machine, log, context=LogContext(machine, send=send)) as watched:
        await watched.pilot.press("x", *keys)
        responses.release()
        await watched.told("#5: with #4: same response")
        await watched.selects(stays_at)
        await watched.pilot.press(*(["e"] if keys == ["e"] else []), "escape", "g", "x", "x")
        responses.release()
        await watched.selects(6)
        responses.release()
        await watched.selects(7)  # the program has moved in between, and not the user


async def test_what_a_resent_request_has_changed_is_in_sight_also_after_a_search(machine: Machine) -> None:
    items = [{"sku": f"SKU-{n}"} for n in range(100)]
    before, after = (json.dumps({"items": [*items, {"state": state}]}).encode() for state in ("complete", "complete2"))
    log = filled(exchange(1, body=before))

    async def send(_: Exchange, __: Request) -> Response:
        log.record(
            exchange(2, body=after, original=Request("GET", "/", about=RequestInfo(repeats=exchange(1).identity)))
        )
        return Response(200, (), b"", 2)

    async with watching(machine, log, context=LogContext(machine, send=send)) as watched:
        await watched.pilot.press("slash")
        await watched.type("complete")
        await watched.until(lambda: watched.panel.detail.needle == "complete")  # typed slowly, it is marked already
        await watched.pilot.press("enter")
        await watched.shows('"state": "complete"')
        await watched.pilot.press("enter", "x")
        await watched.shows("#2 GET")
        await watched.shows("complete: 1 match")
        await watched.shows("compared  with #1")
        assert watched.panel.detail.scroll_offset.y == 0
        await watched.pilot.press("n")
        await watched.shows("complete: 1 of 1")


def test_a_resent_request_is_compared_with_that_of_its_session_as_far_as_its_body_was_kept() -> None:
    first = exchange(3, body=RecordedBody(size=13))
    second = exchange(3, at=first.at + timedelta(days=1))
    again = exchange(4, original=Request("GET", "/", about=RequestInfo(repeats=first.identity)))
    repeated = repeated_exchange(again, filled(first, second, again))
    assert repeated is first
    assert comparison(repeated, again).startswith("with #3: also 200, body of the same size · ")
    assert comparison(second, again).startswith("with #3: same response · ")


async def test_what_was_sent_is_selected_and_in_sight_whatever_filter_is_on(machine: Machine) -> None:
    log = filled(*map(exchange, range(1, 100)), exchange(100, method="POST"), exchange(101, status=500, method="POST"))

    async def send(_: Exchange, __: Request) -> Response:
        number = log.end + 1
        log.record(exchange(number))
        return Response(200, (), b"", number)

    async with watching(machine, log, size=(200, 40), context=LogContext(machine, send=send)) as watched:
        await watched.pilot.press("f")
        await watched.type("POST")
        await watched.pilot.press("enter", "g", "X")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        watched.app.screen.query_one("#resend-method", Input).value = "GET"
        await watched.pilot.press("f5")
        await watched.shows("▸ #102 ")
        await watched.told("Turned off to show #102: filter")
        await watched.shows("F Filter on")
        await watched.pilot.press("F", "F")
        await watched.until(lambda: len(watched.numbers()) == 102)
        await watched.shows("▸ #102 ")  # the selection is still in sight
        await watched.pilot.press("e", "F", "g", "X")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        watched.app.screen.query_one("#resend-method", Input).value = "GET"
        await watched.pilot.press("f5")
        await watched.shows("▸ #103 ")
        await watched.told("Turned off to show #103: errors only (e), filter")


async def test_a_failed_request_of_the_user_is_selected_too(machine: Machine) -> None:
    log = filled(*map(exchange, range(1, 100)))

    async def send(_: Exchange, __: Request) -> Response:
        log.record(lost(100))
        raise NoResponse(Failure.REFUSED, "Connection refused", may_have_arrived=False, exchange=100)

    async with watching(machine, log, context=LogContext(machine, send=send)) as watched:
        await watched.pilot.press("g", "x")
        await watched.shows("▸ #100 ")
        await watched.told("Connection refused")


async def test_a_request_that_may_change_the_store_is_confirmed_before_it_is_resent(machine: Machine) -> None:
    store = Store()
    log = filled(exchange(1, method="POST", uri="https://acme.example/rest/V1/products", request_body=b"{}"))
    async with watching(machine, log, context=LogContext(machine, lambda: "acme", store.send)) as watched:
        for refusal in ("enter", "escape", "n"):
            await watched.pilot.press("x")
            await watched.shows("Send POST /rest/V1/products")
            await watched.shows("to the store of acme, https://acme.example?")
            await watched.pilot.press(refusal)
            await watched.until(lambda: not isinstance(watched.app.screen, ConfirmScreen))
        assert not store.requests
        await watched.pilot.press("x")
        await watched.shows("Send POST")
        await watched.pilot.press("y")
        await watched.until(lambda: len(store.requests) == 1)
        await watched.pilot.press("X", "f5")
        await watched.shows("Send POST")
        await watched.pilot.press("enter")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        await watched.pilot.press("f5")
        await watched.shows("Send POST")
        await watched.pilot.press("y")
        await watched.until(lambda: len(store.requests) == 2)


@pytest.mark.parametrize("keys", ["x", "X"])
async def test_logins_and_recorded_requests_cannot_be_resent(machine: Machine, keys: str) -> None:
    async def send(exchange: Exchange, request: Request) -> Response:
        raise AssertionError("nothing may be sent")

    login = filled(exchange(1, purpose="login", status=401, body=RecordedBody(size=93)))
    async with watching(machine, login, context=LogContext(machine, lambda: None, send)) as watched:
        await watched.shows("A login cannot be resent. Magento counts failed logins.")
        assert not watched.says("x sends it again")
        await watched.pilot.press(keys)
        await watched.told("A login cannot be resent")
    async with watching(machine, filled(exchange(1))) as watched:
        await watched.pilot.press(keys)
        await watched.told("This log was read from a file")


async def test_what_could_not_be_sent_is_not_called_resent(machine: Machine) -> None:
    errors = [
        InvalidRequest("The environment variable ACME_TOKEN is not set"),
        NoResponse(Failure.TIMEOUT, "no response within 30 s", may_have_arrived=True),
    ]

    async def send(_: Exchange, __: Request) -> Response:
        raise errors.pop(0)

    async with watching(machine, filled(exchange(63)), context=LogContext(machine, send=send)) as watched:
        await watched.pilot.press("x")
        await watched.told("#63 not sent: The environment variable ACME_TOKEN is not set")
        await watched.pilot.press("x")
        await watched.told("#63 resent: no response within 30 s")
