"""What each plugin does to a request on a real socket, and the settings that it refuses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_server import Received, Server, reply, serving
from profiles import profile

from tui_connector.client.message import InvalidRequest, Request, Response
from tui_connector.client.plugins.rate_limit import requested_wait
from tui_connector.client.plugins.retry import retry_after
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.profile.problems import check

START = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self.at += seconds

    def of(self, machine: Machine) -> Machine:
        return replace(machine, monotonic=self.monotonic, now=self.now, sleep=self.sleep)


async def _ok(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(reply("200 OK", b"{}"))


async def _sent(bench: Workbench, *plugins: dict[str, Any], request: Request | None = None) -> Received:
    """What a store receives of a request through these plugins."""
    async with serving(_ok) as shop, bench.session(profile(f"{shop.url}/rest/V1", None, *plugins)) as opened:
        await opened.client("shop")(request or Request("GET", "modules"))
    return shop.received[0]


def _lines(received: Received, name: str) -> list[str]:
    pairs = [line.partition(": ") for line in received.head.decode().split("\r\n")[1:]]
    return [value for key, _, value in pairs if key.lower() == name.lower()]


def _headers(kind: str, **headers: str) -> dict[str, Any]:
    return {"kind": kind, "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("append-headers", ["own", "plugin"]), ("set-headers", ["plugin"]), ("default-headers", ["own"])],
)
async def test_headers_meet_one_that_is_there(workbench: Workbench, kind: str, expected: list[str]) -> None:
    received = await _sent(workbench, _headers(kind, x_a="plugin"), request=Request("GET", "m", (("X-A", "own"),)))
    assert _lines(received, "X-A") == expected


@pytest.mark.parametrize("kind", ["append-headers", "set-headers", "default-headers"])
async def test_headers_where_none_is_there(workbench: Workbench, kind: str) -> None:
    assert _lines(await _sent(workbench, _headers(kind, X_A="plugin")), "X-A") == ["plugin"]


async def test_headers_are_removed_in_the_order_of_the_list(workbench: Workbench) -> None:
    remove = {"kind": "remove-headers", "headers": ["x-a"]}
    assert _lines(await _sent(workbench, _headers("set-headers", X_A="1"), remove), "X-A") == []
    assert _lines(await _sent(workbench, remove, _headers("set-headers", X_A="1")), "X-A") == ["1"]


async def test_what_is_always_sent_can_be_set(workbench: Workbench) -> None:
    received = await _sent(workbench, _headers("set-headers", User_Agent="acme/2", Accept="application/xml"))
    assert _lines(received, "User-Agent") == ["acme/2"]
    assert _lines(received, "Accept") == ["application/xml"]


async def test_the_run_can_stand_in_a_plugin(workbench: Workbench) -> None:
    workbench.machine = Clock().of(workbench.machine)
    query = {"kind": "query-defaults", "parameters": {"since": "@{run.started_at}"}}
    received = await _sent(workbench, _headers("append-headers", X_Run="run of @{run.started_at}"), query)
    assert _lines(received, "X-Run") == ["run of 2026-11-23 22:00:00"]
    assert received.head.startswith(b"GET /rest/V1/modules?since=2026-11-23%2022%3A00%3A00 ")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("@{cursor}", "no value found"),
        ("@{run}", "cannot be used in a header"),
        ("@{run.list}", "a list of 1 cannot be used in a header"),
        ("@{run.nothing}", "nothing is null"),
        ("@{run.empty}", "an empty text cannot be used in a header"),
        ("a @{run.lines}", "a line break"),
        ("@{run.umlaut}", "non-ASCII"),
        ("@{run.spaced}", "start or end with a space"),
    ],
)
@pytest.mark.parametrize("kind", ["append-headers", "set-headers", "default-headers"])
async def test_a_header_that_cannot_be_made_is_not_sent(
    workbench: Workbench, kind: str, value: str, reason: str
) -> None:
    run = {"run": {"list": [1], "nothing": None, "empty": "", "lines": "a\r\nX-Evil: 1", "umlaut": "ö", "spaced": "a "}}
    request = Request("GET", "modules")
    request = replace(request, about=replace(request.about, run=run))
    with pytest.raises(InvalidRequest) as refused:
        await _sent(workbench, _headers(kind, X_A=value), request=request)
    assert f"The plugin {kind} cannot make the header X-A" in refused.value.message
    assert reason in str(refused.value)
    assert list(workbench.exchanges) == []


async def test_query_defaults_leave_what_is_there(workbench: Workbench) -> None:
    query = {
        "kind": "query-defaults",
        "parameters": {"searchCriteria[pageSize]": "100", "fields": "items[sku]", "q": ""},
    }
    received = await _sent(workbench, query, request=Request("GET", "products?searchCriteria%5BpageSize%5D=3&a=b"))
    assert received.head.split()[1] == (
        b"/rest/V1/products?searchCriteria%5BpageSize%5D=3&a=b&fields=items%5Bsku%5D&q="
    )


REFUSED = {
    'kind = "set-headers"\nheaders = { Host = "evil" }': "12:13: clients.shop.plugins.0.headers.Host: Host is set by",
    'kind = "append-headers"\nheaders = { content-length = "3" }': "content-length is set by the connection",
    'kind = "default-headers"\nheaders = { Transfer-Encoding = "chunked" }': "Transfer-Encoding is set by",
    'kind = "remove-headers"\nheaders = ["Host"]': "12:12: clients.shop.plugins.0.headers.0: Host is set by",
    'kind = "remove-headers"\nheaders = ["accept"]': "use set-headers to change its value",
    'kind = "set-headers"\nheaders = { Authorization = "Bearer x" }': "Authorization contains a secret",
    'kind = "set-headers"\nheaders = { X-Api-Key = "x" }': 'kind = "header"',
    'kind = "set-headers"\nheaders = { Cookie = "a=b" }': "Cookie contains a secret",
    'kind = "set-headers"\nheaders = { "X A" = "b" }': "is not a valid header name",
    'kind = "set-headers"\nheaders = { X-A = "&{sku}" }': "12:13: clients.shop.plugins.0.headers.X-A: &{sku}: there",
    'kind = "set-headers"\nheaders = { X-A = "?{sku}" }': "Only @{…} can be used",
    'kind = "set-headers"\nheaders = { X-A = "@{a[}" }': "headers.X-A: @{a[}",
    'kind = "set-headers"\nheaders = { X-A = "" }': "the header would be empty",
    'kind = "set-headers"\nheaders = { X-A = "a\\nb" }': "the header would contain a line break",
    'kind = "set-headers"\nheaders = { X-A = "a", x-a = "b" }': "X-A and x-a are the same header",
    'kind = "set-headers"\nheaders = {}': "12:1: clients.shop.plugins.0.headers: must not be empty",
    'kind = "set-headers"\nheaders = { X-A = 1 }': "12:13: clients.shop.plugins.0.headers.X-A: must be text in quotes",
    'kind = "set-headers"\nheader = { X-A = "1" }': "12:1: clients.shop.plugins.0.header: unknown key",
    'kind = "query-defaults"\nparameters = { token = "x" }': 'an HTTP authentication of kind = "query"',
    'kind = "query-defaults"\nparameters = { a = "&{sku}" }': "12:16: clients.shop.plugins.0.parameters.a: &{sku}",
    'kind = "query-defaults"\nparameters = { "" = "x" }': "needs a name",
    'kind = "rate-limit"\nrequests = 0': "12:1: clients.shop.plugins.0.requests: must be at least 1",
    'kind = "rate-limit"\nspan = "1"': '12:1: clients.shop.plugins.0.span: write a number and a unit: "1s"',
    'kind = "rate-limits"': "11:1: clients.shop.plugins.0.kind: unknown kind 'rate-limits'; did you",
}


@pytest.mark.parametrize("plugin", REFUSED)
def test_an_invalid_plugin_is_reported_at_its_place(plugin: str) -> None:
    saved, problems = check(
        'format = 1\nname = "Shop"\n\n# the store\n[clients.shop]\ntimeout = "30s"\nconnect-timeout = "5s"\n'
        f"authentications = []\n\n[[clients.shop.plugins]]\n{plugin}\n"
    )
    assert saved is None
    assert any(REFUSED[plugin] in str(problem) for problem in problems), problems
    assert "CANARY" not in str(problems)


async def _times(bench: Workbench, clock: Clock, plugin: dict[str, Any], requests: int, shop: Server) -> list[float]:
    """When each of some parallel requests went through the limit, in the order in which they were made."""
    times: dict[int, float] = {}

    async def ask(number: int) -> None:
        await opened.client("shop")(Request("GET", f"{number}"))
        times[number] = clock.at

    async with bench.session(profile(shop.url, None, plugin)) as opened:
        for number in range(requests):
            await ask(number)
    return [times[number] for number in range(requests)]


async def test_never_more_than_agreed_start_in_a_span(machine: Machine) -> None:
    clock = Clock()
    bench = Workbench(clock.of(machine))
    async with serving(_ok) as shop:
        times = await _times(bench, clock, {"kind": "rate-limit", "requests": 3, "span": "10s"}, 8, shop)
    bench.close()
    assert times == [0, 0, 0, 10, 10, 10, 20, 20]
    assert all(times[place + 3] - times[place] >= 10 for place in range(5))
    assert [each.note for each in bench.exchanges][3] == "held back 10.0 s by the rate limit"


async def test_those_that_wait_go_in_their_order_and_one_that_gives_up_leaves_no_gap(machine: Machine) -> None:
    clock = Clock()
    gate = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await gate.wait()
        clock.at += seconds

    bench = Workbench(replace(clock.of(machine), sleep=sleep))
    async with serving(_ok) as shop:
        saved = profile(shop.url, None, {"kind": "rate-limit", "requests": 1, "span": "10s"})
        async with bench.session(saved) as opened:
            asking = [asyncio.ensure_future(opened.client("shop")(Request("GET", f"{number}"))) for number in range(5)]
            await asking[0]
            asking[1].cancel()  # this one sleeps
            asking[3].cancel()  # this one waits for its turn
            await asyncio.gather(asking[1], asking[3], return_exceptions=True)
            gate.set()
            await asyncio.gather(asking[2], asking[4])
    bench.close()
    assert [each.head.split()[1] for each in shop.received] == [b"/0", b"/2", b"/4"]
    assert clock.at == 20


async def test_a_repetition_counts_too(machine: Machine) -> None:
    async def busy(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("503 Busy", b"{}"))

    clock = Clock()
    bench = Workbench(clock.of(machine))
    limit = {"kind": "rate-limit", "requests": 1, "span": "1m", "heed-answers": False}
    retry = {"kind": "retry", "attempts": 3, "wait": "1ms"}
    async with serving(busy) as shop, bench.session(profile(shop.url, None, retry, limit)) as opened:
        await opened.client("shop")(Request("GET", "modules"))
    bench.close()
    assert len(shop.received) == 3
    assert clock.at == pytest.approx(120)


ASKED: list[tuple[int, dict[str, str], float | None]] = [
    (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, 7),
    (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(START.timestamp()) + 9)}, 9),
    (200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "5"}, 5),
    (200, {"X-RateLimit-Remaining": "0, 0;w=60", "X-RateLimit-Reset": "5"}, 5),
    (200, {"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "7"}, None),
    (200, {"X-RateLimit-Remaining": "0"}, None),
    (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, None),
    (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(START.timestamp()) - 9)}, 0),
    (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400}, None),
    (200, {"X-RateLimit-Remaining": "-1", "X-RateLimit-Reset": "2.5"}, 2.5),
    (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "-5"}, 0),
    (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(START.timestamp() * 1_000) + 3_000)}, 3),
    (200, {"Retry-After": "7"}, None),
    (429, {"Retry-After": "7"}, 7),
    (503, {"Retry-After": "Mon, 23 Nov 2026 22:00:30 GMT"}, 30),
    (429, {"Retry-After": "soon", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4"}, 4),
]


@pytest.mark.parametrize(("status", "headers", "expected"), ASKED)
def test_what_a_store_asks_for_is_read_from_its_answer(
    status: int, headers: dict[str, str], expected: float | None
) -> None:
    assert requested_wait(Response(status, tuple(headers.items()), b"", 1), START) == expected


async def test_nobody_goes_while_the_store_asks_to_wait_and_it_cannot_ask_for_ever(machine: Machine) -> None:
    waits = iter(["7", "99999999", None])

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        reset = next(waits)
        said = ["X-RateLimit-Remaining: 0", f"X-RateLimit-Reset: {reset}"] if reset else []
        writer.write(reply("200 OK", b"{}", *said))

    clock = Clock()
    bench = Workbench(clock.of(machine))
    async with serving(response) as shop:
        times = await _times(bench, clock, {"kind": "rate-limit", "longest-wait": "1m"}, 3, shop)
    bench.close()
    assert times == [0, 7, 67]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        ("99999999", 99999999.0),
        ("9" * 400, None),
        ("-1", None),
        ("1.5", 1.5),
        ("0", 0.0),
        ("1e9", None),
        ("+5", None),
        ("5, 7", None),
        ("٣", None),
        ("garbage", None),
        ("", None),
        ("Mon, 23 Nov 2026 22:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 22:00:30 -0000", 30.0),
        ("Mon, 23 Nov 2020 22:00:30 GMT", 0.0),
        ("Mon, 99 Nov 2026 22:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_nothing(value: str, expected: float | None) -> None:
    assert retry_after(Response(429, (("Retry-After", value),), b"", 1), START) == expected


def test_a_date_to_retry_after_is_one_of_the_stores_own_clock() -> None:
    headers = (("Retry-After", "Mon, 23 Nov 2020 22:00:30 GMT"), ("Date", "Mon, 23 Nov 2020 22:00:10 GMT"))
    assert retry_after(Response(429, headers, b"", 1), START) == 20


@pytest.mark.parametrize(
    ("value", "pause"),
    [("99999999", 2.0), ("-1", None), ("soon", None), ("1", 1.0), ("0", None), ("Mon, 23 Nov 2020 22:00:30 GMT", None)],
)
async def test_a_retry_waits_as_long_as_the_store_asks_within_its_own_limit(
    machine: Machine, value: str, pause: float | None
) -> None:
    async def busy(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("429 Too Many", b"{}", f"Retry-After: {value}"))

    clock = Clock()
    bench = Workbench(clock.of(machine))
    retry = {"kind": "retry", "attempts": 2, "wait": "500ms", "longest-wait": "2s"}
    async with serving(busy) as shop, bench.session(profile(shop.url, None, retry)) as opened:
        assert (await opened.client("shop")(Request("POST", "orders", body=b"{}"))).status == 429
    bench.close()
    assert len(shop.received) == 2
    assert clock.slept == ([pause] if pause else clock.slept)
    assert 0.4 <= clock.slept[0] <= 2.0
