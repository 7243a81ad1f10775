"""Responses that no good server sends: each is a response or one typed failure, recorded, bounded and printable."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from grants import everything
from http_server import Received, gzip_bomb, reply, serving
from profiles import TOKEN, bearer, profile

from tui_connector.client.exchange import Exchange
from tui_connector.client.message import Failure, NoResponse, Request, RequestFailed, Response
from tui_connector.client.printer import blocks, text
from tui_connector.client.session import Session
from tui_connector.client.wire import Bounds
from tui_connector.guide.workbench import Workbench

MODULES = Request("GET", "modules")
SECRET = "a-CANARY-bearer-token"
ABORT = b"<then reset the connection>"
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def _head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers]).encode("latin-1") + b"\r\n\r\n"


def _gzipped(body: bytes, encoding: str = "gzip") -> bytes:
    return reply("200 OK", body, f"Content-Encoding: {encoding}")


def _chunked(body: bytes) -> bytes:
    return _head("200 OK", "Transfer-Encoding: chunked") + body


def _of_type(media_type: str, body: bytes) -> bytes:
    return _head("200 OK", f"Content-Length: {len(body)}", f"Content-Type: {media_type}") + body


async def _ask(
    bench: Workbench, response: bytes, *, closing: bool = True, then: bytes = b"", **client: Any
) -> tuple[Response | NoResponse, Exchange]:
    """What comes of asking a server that answers with these bytes; `then` is sent again and again after them."""

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response.removesuffix(ABORT))
        await writer.drain()
        if response.endswith(ABORT):
            writer.transport.abort()
            return
        while then:
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(0.01)
        if closing:
            writer.close()

    client.setdefault("timeout", "20s")
    async with serving(respond) as shop:
        bench.vault.hold(TOKEN, SECRET, shop.url)
        saved = profile(f"{shop.url}/rest/V1", bearer(), **client)
        async with Session(
            saved.clients,
            saved.authentications,
            vault=bench.vault,
            exchanges=bench.exchanges,
            machine=bench.machine,
            bounds=Bounds(response=2_000_000, values=100_000),
            grants=everything(saved, bench),
        ) as session:
            try:
                ended: Response | NoResponse = await session.client("shop")(MODULES)
            except NoResponse as failure:
                ended = failure
    (exchange,) = bench.exchanges
    _can_be_shown(exchange)
    return ended, exchange


def _can_be_shown(exchange: Exchange) -> None:
    printed = [text(exchange, form, profile="shop", client="shop") for form in ("simple", "long", "full", "curl")]
    printed += [line for _, lines in blocks(exchange, "full", pretty=True) for line in lines]
    for shown in printed:
        assert _UNSAFE.search(shown) is None
        assert "CANARY" not in shown
    assert len(exchange.body.data) <= 2_000_000


BROKEN: dict[str, tuple[int, bytes, Failure]] = {
    "a length that is no number": (43, _head("200 OK", "Content-Length: abc") + b"{}", Failure.PROTOCOL),
    "a negative length": (43, _head("200 OK", "Content-Length: -1") + b"{}", Failure.PROTOCOL),
    "two lengths": (43, _head("200 OK", "Content-Length: 2", "Content-Length: 3") + b"{}", Failure.PROTOCOL),
    "a length that is not reached": (43, _head("200 OK", "Content-Length: 100") + b"abc", Failure.CUT_OFF),
    "a chunk of no size": (43, _chunked(b"zz\r\nab\r\n"), Failure.CUT_OFF),
    "a chunk without its end": (43, _chunked(b"5\r\nab"), Failure.CUT_OFF),
    "an unknown transfer encoding": (43, _head("200 OK", "Transfer-Encoding: rot13") + b"ab", Failure.PROTOCOL),
    "SSH": (44, b"SSH-2.0-OpenSSH_9.2\r\n", Failure.PROTOCOL),
    "NULs": (44, bytes(1_000), Failure.PROTOCOL),
    "a mail server": (44, b"220 mail.example ESMTP\r\n", Failure.PROTOCOL),
    "HTTP/9": (44, b"HTTP/9 200 OK\r\n\r\n", Failure.PROTOCOL),
    "HTTP/2 from nowhere": (44, b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", Failure.PROTOCOL),
    "nothing at all": (44, b"", Failure.PROTOCOL),
    "half a head": (44, b"HTTP/1.1 200 OK\r\nContent-", Failure.PROTOCOL),
    "a status that is no number": (44, b"HTTP/1.1 OK 200\r\n\r\n", Failure.PROTOCOL),
    "200 KB of headers": (45, _head("200 OK", f"X-A: {'b' * 200_000}"), Failure.PROTOCOL),
    "an empty name": (45, _head("200 OK", ": a"), Failure.PROTOCOL),
    "a name with a space": (45, _head("200 OK", "X A: b"), Failure.PROTOCOL),
    "no gzip": (46, _head("200 OK", "Content-Encoding: gzip", "Content-Length: 5") + b"plain", Failure.PROTOCOL),
    "gzip in gzip": (
        46,
        reply("200 OK", gzip.compress(gzip.compress(b"{}")), "Content-Encoding: gzip, gzip"),
        Failure.PROTOCOL,
    ),
    "is truncated": (
        46,
        _gzipped(gzip.compress(bytes(9_000))[:-9]),
        Failure.PROTOCOL,
    ),
    "gzip whose second member stops": (
        46,
        _gzipped(gzip.compress(b"[1,") + gzip.compress(b"2]")[:-9]),
        Failure.PROTOCOL,
    ),
    "a bomb of members": (46, _gzipped(gzip.compress(b"a" * 500_000) * 15), Failure.TOO_LARGE),
    "gzip with a wrong sum": (
        46,
        _gzipped(gzip.compress(b"{}")[:-8] + bytes(8)),
        Failure.PROTOCOL,
    ),
    "brotli": (46, reply("200 OK", b"\x8b\x00\x80", "Content-Encoding: br"), Failure.PROTOCOL),
    "zstd": (46, reply("200 OK", b"(\xb5/\xfd", "Content-Encoding: zstd"), Failure.PROTOCOL),
    "deflate": (46, reply("200 OK", zlib.compress(b"{}"), "Content-Encoding: deflate"), Failure.PROTOCOL),
    "a bomb": (46, _gzipped(gzip_bomb(50)), Failure.TOO_LARGE),
    "a bomb in chunks": (
        46,
        _head("200 OK", "Transfer-Encoding: chunked")
        + b"".join(b"10000\r\n" + b"a" * 65_536 + b"\r\n" for _ in range(40)),
        Failure.TOO_LARGE,
    ),
    "20 million objects in a bomb": (46, _gzipped(gzip.compress(b"[{}" + b",{}" * 100_000)), Failure.TOO_LARGE),
    "as many lists": (48, _of_type("application/json", b'{"a":[[]' + b",[]" * 100_000), Failure.TOO_LARGE),
    "as many names": (48, _of_type("text/plain", b' \n{"":0' + b',"":0' * 100_000), Failure.TOO_LARGE),
    "as many numbers in UTF-16": (48, reply("200 OK", ("[0" + ",0" * 100_000).encode("utf-16")), Failure.TOO_LARGE),
    "another protocol": (
        53,
        _head("101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade") + b"\x81\x02hi",
        Failure.PROTOCOL,
    ),
    "a reset after the head": (51, _head("200 OK", "Content-Length: 100") + ABORT, Failure.CUT_OFF),
    "a reset in the body": (51, _head("200 OK", "Content-Length: 100") + b"abc" + ABORT, Failure.CUT_OFF),
    "a reset at once": (51, ABORT, Failure.PROTOCOL),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.bad_input(number)) for name, (number, _, _) in BROKEN.items()]
)
async def test_what_is_broken_is_one_typed_failure(workbench: Workbench, name: str) -> None:
    _, response, expected = BROKEN[name]
    ended, exchange = await _ask(workbench, response)
    assert isinstance(ended, NoResponse), ended
    assert (ended.failure, exchange.failure) == (expected, expected)
    assert ended.may_have_arrived
    assert ended.exchange == exchange.number
    assert ended.message
    assert ended.hint
    assert not ended.message.endswith("()")


TAKEN: dict[str, tuple[int, bytes, int, bytes]] = {
    "no content": (42, _head("204 No Content"), 204, b""),
    "a page with 200": (42, _of_type("text/html", b"<html><title>\x1b[31mHi</title>"), 200, b"<html>"),
    "a redirect": (
        42,
        _head("302 Found", "Location: https://evil.example/?token=CANARY", "Content-Length: 0"),
        302,
        b"",
    ),
    "until it closes": (43, _head("200 OK") + b"{}", 200, b"{}"),
    "2,000 headers": (
        45,
        _head("200 OK", *(f"X-{n}: {n}" for n in range(2_000)), "Content-Length: 2") + b"{}",
        200,
        b"{}",
    ),
    "escapes in a header": (
        45,
        _head("200 OK", "X-A: \x1b]0;title\x07 \x9b2J", "Content-Length: 2") + b"{}",
        200,
        b"{}",
    ),
    "Latin-1 in a header": (45, _head("200 OK", "X-A: caf\xe9", "Content-Length: 2") + b"{}", 200, b"{}"),
    "UTF-8 in a header": (
        45,
        "HTTP/1.1 200 OK\r\nX-A: \u202edorp ☃\r\nContent-Length: 2\r\n\r\n{}".encode(),
        200,
        b"{}",
    ),
    "a reason that says nothing": (45, b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b""),
    "gzip with garbage behind": (
        46,
        _gzipped(gzip.compress(b"{}") + b"garbage"),
        200,
        b"{}",
    ),
    "gzip of two members": (46, _gzipped(gzip.compress(b"[1,") + gzip.compress(b"2]")), 200, b"[1,2]"),
    "gzip of two members in chunks of a byte": (
        46,
        _head("200 OK", "Content-Encoding: gzip", "Transfer-Encoding: chunked")
        + b"".join(b"1\r\n%c\r\n" % byte for byte in gzip.compress(b"[1,") + gzip.compress(b"") + gzip.compress(b"2]"))
        + b"0\r\n\r\n",
        200,
        b"[1,2]",
    ),
    "gzip of two members with padding": (
        46,
        _gzipped(gzip.compress(b"[1,") + bytes(512) + gzip.compress(b"2]") + bytes(512)),
        200,
        b"[1,2]",
    ),
    "gzip of 5,000 members": (46, _gzipped(gzip.compress(b"ab") * 5_000), 200, b"ab" * 5_000),
    "gzip of nothing": (46, _gzipped(b""), 200, b""),
    "x-gzip": (46, reply("200 OK", gzip.compress(b"{}"), "Content-Encoding: x-gzip"), 200, b"{}"),
    "identity": (46, reply("200 OK", b"{}", "Content-Encoding: identity"), 200, b"{}"),
    "UTF-7": (47, _of_type("text/plain; charset=utf-7", b"+ADw-script+AD4-"), 200, b"+ADw-"),
    "UTF-16 without a mark": (47, _of_type("text/plain; charset=utf-16", "häh".encode("utf-16-be")), 200, b"\0h"),
    "an unknown charset": (47, _of_type("application/json; charset=nope", b'{"a":"\xe4"}'), 200, b'{"a":"\xe4"}'),
    "invalid UTF-8": (47, _of_type("application/json; charset=utf-8", b'"\xff\xfe\xc3"'), 200, b'"\xff'),
    "a type that is none": (47, _of_type(';;;="', b"{}"), 200, b"{}"),
    "100,000 commas": (48, _of_type("text/csv", b"a," * 101_000), 200, b"a,a,"),
    "brackets": (48, _of_type("application/json", b"[" * 100_000), 200, b"[[["),
    "5,000 digits": (48, _of_type("application/json", b"9" * 5_000), 200, b"999"),
    "no number": (48, _of_type("application/json", b'{"a": NaN, "a": 1e999, "b": -Infinity}'), 200, b'{"a"'),
    "half a character": (48, _of_type("application/json", b'{"message": "\\ud800"}'), 200, b'{"message"'),
    "a mark before it": (48, _of_type("application/json", b"\xef\xbb\xbf{}"), 200, b"\xef\xbb\xbf{}"),
    "1.9 MB on a line": (48, _of_type("application/json", b'["' + b"a" * 1_900_000 + b'"]'), 200, b'["a'),
    "markup": (49, _of_type("text/plain", b'[/bold] [@click=app.quit]x[/] [foo="'), 200, b"[/bold]"),
    "escapes": (49, _of_type("text/plain", b"\x1b]52;c;Q0FO\x07\x9b31m\x1b[2J\x00"), 200, b"\x1b]52"),
    "turned around": (49, _of_type("text/plain", "\u202egnp.exe\u2066".encode()), 200, "\u202e".encode()),
    "10,000 marks on a letter": (49, _of_type("text/plain", ("a" + "\u0301" * 10_000).encode()), 200, b"a\xcc"),
    "999": (53, reply("999 Custom", b"{}"), 999, b"{}"),
    "after some 1xx": (53, _head("103 Early Hints", "Link: </a>") * 20 + reply("200 OK", b"{}"), 200, b"{}"),
    "after 100": (53, _head("100 Continue") + reply("200 OK", b"{}"), 200, b"{}"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.bad_input(number)) for name, (number, *_) in TAKEN.items()]
)
async def test_valid_responses_are_accepted_unchanged(workbench: Workbench, name: str) -> None:
    _, response, status, beginning = TAKEN[name]
    ended, exchange = await _ask(workbench, response)
    assert isinstance(ended, Response), ended
    assert (ended.status, exchange.status) == (status, status)
    assert ended.body.startswith(beginning)
    assert exchange.failure is None


SLOW: dict[str, tuple[int, bytes, bytes, str]] = {
    "silence": (51, b"", b"", "did not send a response within 0.5 s"),
    "a drip": (51, _head("200 OK", "Content-Length: 10000"), b"a", "did not send the whole response within 0.5 s"),
    "a head that drips": (51, b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", "did not send a response within 0.5 s"),
    "a flood of 1xx": (53, b"", _head("100 Continue") * 10, "did not send a response within 0.5 s"),
    "chunks for ever": (51, _head("200 OK", "Transfer-Encoding: chunked"), b"1\r\na\r\n", "did not send the whole"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.bad_input(number)) for name, (number, *_) in SLOW.items()]
)
async def test_an_endless_response_ends_at_the_timeout(workbench: Workbench, name: str) -> None:
    _, response, then, words = SLOW[name]
    ended, _ = await _ask(workbench, response, closing=False, then=then, timeout="500ms")
    assert isinstance(ended, NoResponse), ended
    assert ended.failure is Failure.TIMEOUT
    assert words in ended.message


@pytest.mark.bad_input(50)
@pytest.mark.parametrize("status", ["200 OK", "302 Found", "400 Bad", "500 Error"])
@pytest.mark.parametrize(
    "echoed",
    [
        lambda: SECRET,
        lambda: SECRET.replace("-", "%2D"),
        lambda: f"Bearer {SECRET}",
        lambda: json.dumps({"password": "another-CANARY", "x": SECRET}),
    ],
    ids=["plain", "encoded", "with its scheme", "in JSON"],
)
async def test_what_a_store_says_again_stays_hidden(
    workbench: Workbench, status: str, echoed: Callable[[], str]
) -> None:
    said = echoed()
    headers = (
        f"Set-Cookie: PHPSESSID={said}; path=/",
        f"Location: https://x.example/{said}?t={said}",
        f"X-Echo: {said}",
    )
    page = f"<html><body><pre>Authorization: {said}</pre></body></html>".encode()
    ended, exchange = await _ask(workbench, _head(status, *headers, f"Content-Length: {len(page)}") + page)
    assert isinstance(ended, Response)
    for form in ("simple", "long", "full", "curl"):
        assert "CANARY" not in text(exchange, form)
    assert "CANARY" not in repr(exchange).replace("original=", "")


@pytest.mark.bad_input(52)
async def test_repeated_401s_renew_a_login_once_and_are_returned(workbench: Workbench) -> None:
    logins: list[int] = []

    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        if b"/token" in request.head.split(b"\r\n")[0]:
            logins.append(1)
            writer.write(reply("200 OK", b'"tok-CANARY"'))
        else:
            writer.write(reply("401 Unauthorized", b"{}"))

    login = {"kind": "request", "parameters": {"username": "api"}}
    retry = {"kind": "retry", "attempts": 5, "wait": "1ms"}
    async with serving(response) as shop, workbench.session(profile(f"{shop.url}/rest/V1", login, retry)) as session:
        ended = await asyncio.gather(*(session.client("shop")(MODULES) for _ in range(20)), return_exceptions=True)
    assert {each.status for each in ended if isinstance(each, Response)} == {401}
    assert not any(isinstance(each, RequestFailed) for each in ended)
    assert len(logins) == 2


async def test_permanent_failures_are_not_retried(workbench: Workbench) -> None:
    async def endless(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"a" * 70_000_000))

    async with serving(endless) as shop:
        retry = {"kind": "retry", "attempts": 3, "wait": "1ms"}
        async with workbench.session(profile(shop.url, None, retry)) as session:
            with pytest.raises(NoResponse, match="larger than 64 MB"):
                await session.client("shop")(MODULES)
    assert len(shop.received) == 1
