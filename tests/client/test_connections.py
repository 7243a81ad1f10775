"""What a real web server, a cache or a balancer does with connections and heads, and that none of it is an error."""

from __future__ import annotations

import asyncio
import gzip
import socket
from dataclasses import replace

import pytest
from certificates import authority, server_context
from grants import everything
from http_server import Received, reply, serving
from profiles import FOUR, profile, signed

from tui_connector.client.message import Failure, NoResponse, Request, Response
from tui_connector.client.printer import text
from tui_connector.client.session import Session
from tui_connector.guide.steps.store_address import search
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.profile.model import Profile

_GZIPPED = gzip.compress(b'{"a":1}')


def head(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def asked(bench: Workbench, sent: bytes, *, closing: bool = False) -> Response:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        if closing:
            await writer.drain()
            writer.close()

    async with serving(response) as shop, bench.anonymous() as session:
        return await session.client("default")(Request("GET", f"{shop.url}/x"))


@pytest.mark.parametrize(
    "location",
    [
        *("https://shop.example:port/", "http://[::1/", "https://x/\x01", "https://xn--/", "//[", "", "http://a b/"),
        *("https://shöp.example/é", "http://shop.example:99999/", f"https://a/{'x' * 70_000}", "%", "javascript:1"),
    ],
)
async def test_a_redirect_with_an_invalid_location_is_a_response_like_any_other(
    workbench: Workbench, location: str
) -> None:
    sent = head("HTTP/1.1 301 Moved Permanently", f"Location: {location}", "Content-Length: 0")
    response = await asked(workbench, sent)
    assert response.status == 301
    assert "301 Moved Permanently" in text(next(iter(workbench.exchanges)), "long")

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)

    async with serving(respond) as shop, workbench.anonymous() as session:
        *_, state = [each async for each in search(shop.url, session.client("default"))]
    assert state.found is None
    assert state.finding is not None
    assert state.finding.id == "redirect"


@pytest.mark.parametrize(
    ("sent", "closing"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + b'{"a":1}', True),
        (head("HTTP/1.1 200 OK", "Connection: close", body=b'{"a":1}'), True),
        (head("HTTP/1.1 100 Continue") + reply("200 OK", b'{"a":1}'), False),
        (head("HTTP/1.1 103 Early Hints", "Link: </x>") + reply("200 OK", b'{"a":1}'), False),
        (
            head("HTTP/1.1 200", "transfer-encoding: Chunked", "content-encoding: GZIP", "CONTENT-TYPE: text/JSON")
            + b"%x;ext=1\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(_GZIPPED), _GZIPPED),
            False,
        ),
        (head("HTTP/1.1 200 OK", "Content-Length: 7", "Content-Length: 7", body=b'{"a":1}'), False),
        (head("HTTP/1.1 200 OK", "Content-Length: 7", "Content-Encoding: none", body=b'{"a":1}'), False),
        (head("HTTP/1.1 200 OK", "Content-Length: 7", "Content-Encoding: UTF-8", body=b'{"a":1}'), False),
        (
            head(
                *("HTTP/1.1 200 OK", "Content-Length: 7", "Via: 1.1 varnish, 1.1 cdn", "Age: 0", "X-Cache: MISS"),
                *("Set-Cookie: __cf_bm=FAKE; path=/", "Set-Cookie: PHPSESSID=FAKE", "X-Name: \xe9", "X-Fold: a\r\n b"),
                f"X-Magento-Tags: {'cat_p_1,' * 4_000}",
                body=b'{"a":1}',
            ),
            False,
        ),
    ],
)
async def test_heads_and_bodies_of_real_servers_are_read(workbench: Workbench, sent: bytes, closing: bool) -> None:
    response = await asked(workbench, sent, closing=closing)
    assert (response.status, response.body) == (200, b'{"a":1}')


class Forgetful:
    """Answers the first request of each connection, and closes it at the second, as a server whose time had come."""

    def __init__(self) -> None:
        self._known: list[asyncio.StreamWriter] = []

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if writer in self._known:
            writer.close()
            return
        self._known.append(writer)
        writer.write(reply("200 OK", b"{}"))


async def test_a_closed_pooled_connection_is_retried_for_reads(workbench: Workbench) -> None:
    async with serving(Forgetful()) as shop:
        for field, entry in FOUR.items():
            workbench.vault.hold(entry, f"CANARY-{field}".ljust(32, "x"), shop.url)
        saved = profile(f"{shop.url}/rest/V1", signed())
        async with _session(workbench, saved) as session:
            send = session.client("shop")
            for _ in range(3):
                assert (await send(Request("GET", "modules"))).status == 200
        nonces = [each.header("Authorization").partition('oauth_nonce="')[2][:8] for each in shop.received]
    assert len(set(nonces)) == len(shop.received) == 5, "each attempt is signed anew"
    assert [(each.attempt, each.status) for each in workbench.exchanges] == [
        *((1, 200), (1, None), (1, 200), (1, None), (1, 200))
    ]
    assert workbench.exchanges[2].note == "new connection"
    assert (workbench.exchanges.attempts.failed, workbench.exchanges.attempts.retried) == (0, 2)
    lost = next(each for each in workbench.exchanges if each.status is None)
    assert "reused connection" in lost.failure_text
    assert lost.failure is Failure.CUT_OFF


@pytest.mark.parametrize("ending", ["in form", "without a word", "by a reset"])
async def test_so_it_is_over_tls_however_the_server_ends(workbench: Workbench, ending: str) -> None:
    workbench.directory.mkdir(parents=True)
    signer = authority(workbench.directory)
    known: list[asyncio.StreamWriter] = []

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        if writer not in known:
            known.append(writer)
            writer.write(reply("200 OK", b"{}"))
        elif ending == "by a reset":
            writer.transport.abort()
        elif ending == "in form":
            writer.close()
        else:
            writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    server = server_context(workbench.directory, signer)
    async with serving(response, server) as shop:
        saved = profile(f"{shop.url}/rest/V1", None, tls={"ca-file": signer.file.name})
        async with workbench.session(saved) as session:
            for _ in range(2):
                assert (await session.client("shop")(Request("GET", "modules"))).status == 200
    assert [each.status for each in workbench.exchanges] == [200, None, 200]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_writes_may_have_arrived_and_is_not_sent_again(workbench: Workbench, method: str) -> None:
    async with serving(Forgetful()) as shop, workbench.anonymous() as session:
        send = session.client("default")
        await send(Request("GET", f"{shop.url}/x"))
        with pytest.raises(NoResponse, match="reused connection") as caught:
            await send(Request(method, f"{shop.url}/x", body=b"{}"))
        assert caught.value.may_have_arrived
        assert len(shop.received) == 2


async def test_there_are_no_more_attempts_than_are_set_and_each_waits(machine: Machine) -> None:
    """A connection that the server had closed is none of them."""
    stage = 0

    async def failing(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal stage
        stage += 1
        if stage == 2:
            writer.close()
        else:
            writer.write(reply("200 OK" if stage == 1 else "503 Busy", b"{}"))

    announced: list[tuple[int, int]] = []

    async def sleep(_: float) -> None:
        announced.extend((each.attempt, each.attempts) for each in bench.exchanges.pending_retries.values())

    bench = Workbench(replace(machine, sleep=sleep))
    async with serving(failing) as shop:
        saved = profile(f"{shop.url}/rest/V1", None, {"kind": "retry", "attempts": 3, "wait": "1ms"})
        async with bench.session(saved) as session:
            for _ in range(2):
                await session.client("shop")(Request("GET", "modules"))
    bench.close()
    assert [(each.attempt, each.status) for each in bench.exchanges] == [
        (1, 200),
        (1, None),
        (1, 503),
        (2, 503),
        (3, 503),
    ]
    assert announced == [(2, 3), (3, 3)]


async def test_a_server_that_never_responds_gets_one_request(workbench: Workbench) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with serving(response) as shop, workbench.anonymous() as session:
        with pytest.raises(NoResponse, match="did not send an HTTP response"):
            await session.client("default")(Request("GET", f"{shop.url}/x"))
        assert len(shop.received) == 1


def _session(bench: Workbench, saved: Profile) -> Session:
    return Session(
        saved.clients,
        saved.authentications,
        vault=bench.vault,
        exchanges=bench.exchanges,
        machine=bench.machine,
        grants=everything(saved, bench),
    )
