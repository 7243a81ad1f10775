"""One attempt on the network: what is sent, what is recorded, and what a hostile store cannot do."""

from __future__ import annotations

import asyncio
import re
from dataclasses import fields, replace

import pytest
from grants import everything
from http_server import Received, gzip_bomb, reply, serving
from profiles import FOUR, TOKEN, bearer, full, profile, signed

from tui_connector.client.exchange import Exchange
from tui_connector.client.message import Failure, InvalidRequest, NoResponse, Request
from tui_connector.client.printer import text
from tui_connector.client.session import Session
from tui_connector.client.wire import Bounds
from tui_connector.guide.workbench import Workbench
from tui_connector.profile.model import Profile
from tui_connector.sandbox.server import Sandbox

SECRET = "a-CANARY-bearer-token"
RETRY = {"kind": "retry", "attempts": 3, "wait": "1ms"}


def session(bench: Workbench, saved: Profile, **options: object) -> Session:
    return Session(
        saved.clients, saved.authentications, vault=bench.vault, exchanges=bench.exchanges, machine=bench.machine,
        **{"grants": everything(saved, bench), **options},  # type: ignore[arg-type]
    )  # fmt: skip


async def test_three_attempts_of_a_signed_request_carry_three_nonces(
    workbench: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("503 Service Unavailable", b"{}"))

    async with serving(response) as shop:
        for name in FOUR.values():
            workbench.vault.hold(name, f"CANARY{name[-26:]:x>26}", shop.url)
        async with session(workbench, profile(f"{shop.url}/rest/V1", signed(), RETRY)) as opened:
            assert (await opened.client("shop")(Request("GET", "products?searchCriteria="))).status == 503
        nonces = {re.findall(r'oauth_nonce="(\w+)"', each.header("Authorization"))[0] for each in shop.received}
    assert len(shop.received) == 3
    assert len(nonces) == 3
    with capsys.disabled():
        print("\nthree attempts of one signed request: 3 nonces")


async def test_a_signed_request_is_accepted_again_after_a_failure(sandbox: Sandbox, workbench: Workbench) -> None:
    for field, value in full(sandbox).items():
        workbench.vault.hold(FOUR[field], value, sandbox.url)
    async with session(workbench, profile(f"{sandbox.url}/rest/V1", signed(), RETRY)) as opened:
        responses = [await opened.client("shop")(Request("GET", "products/A%2FB")) for _ in range(2)]
        assert {each.status for each in responses} <= {200, 404}


async def test_a_post_that_may_have_arrived_is_not_sent_again(workbench: Workbench) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with serving(response) as shop:
        async with session(workbench, profile(f"{shop.url}/rest/V1", None, RETRY)) as opened:
            with pytest.raises(NoResponse) as failed:
                await opened.client("shop")(Request("POST", "orders", body=b"{}"))
            assert failed.value.may_have_arrived
            assert len(shop.received) == 1
            with pytest.raises(NoResponse):
                await opened.client("shop")(Request("GET", "orders"))
        assert len(shop.received) == 4


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_takes_no_secret_to_another_host(workbench: Workbench, status: str) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(status, b"", f"Location: {other.url}/rest/V1/modules"))

    async def listen(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    async with serving(listen) as other, serving(response) as shop:
        workbench.vault.hold(TOKEN, SECRET, shop.url)
        async with session(workbench, profile(f"{shop.url}/rest/V1", bearer())) as opened:
            assert (await opened.client("shop")(Request("GET", "modules"))).status == int(status[:3])
    assert other.received == []


@pytest.mark.parametrize(
    "uri", ["http://evil.example/x", "//evil.example/x", "https://u:p@evil.example/", "../../admin"]
)
async def test_a_uri_cannot_leave_the_store(workbench: Workbench, uri: str) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    async with serving(response) as shop:
        workbench.vault.hold(TOKEN, SECRET, shop.url)
        async with session(workbench, profile(f"{shop.url}/rest/V1", bearer())) as opened:
            with pytest.raises(InvalidRequest):
                await opened.client("shop")(Request("GET", uri))
    assert shop.received == []


async def test_a_secret_is_sent_only_to_granted_origins(workbench: Workbench) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    async with serving(response) as shop:
        workbench.vault.hold(TOKEN, SECRET, "https://shop.example")
        saved = profile(f"{shop.url}/rest/V1", bearer())
        grants = everything(profile("https://shop.example/rest/V1", bearer()), workbench)
        async with session(workbench, saved, grants=grants) as opened:
            with pytest.raises(InvalidRequest, match="not trusted to send"):
                await opened.client("shop")(Request("GET", "modules"))
    assert shop.received == []


HOSTILE = {
    "a bomb": (reply("200 OK", gzip_bomb(100), "Content-Encoding: gzip"), Failure.TOO_LARGE),
    "stacked encodings": (reply("200 OK", b"x", "Content-Encoding: gzip, gzip"), Failure.PROTOCOL),
    "brotli": (reply("200 OK", b"x", "Content-Encoding: br"), Failure.PROTOCOL),
    "no gzip": (reply("200 OK", b"plain", "Content-Encoding: gzip"), Failure.PROTOCOL),
    "too large": (reply("200 OK", bytes(2_000_000)), Failure.TOO_LARGE),
    "cut off": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", Failure.CUT_OFF),
    "not HTTP": (b"SSH-2.0-OpenSSH\r\n", Failure.PROTOCOL),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 40_000, Failure.PROTOCOL),
    "a drip": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na", Failure.TIMEOUT),
    "silence": (b"", Failure.TIMEOUT),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_response_is_one_typed_failure_within_bounds(workbench: Workbench, name: str) -> None:
    data, expected = HOSTILE[name]

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if name in ("cut off", "not HTTP", "endless headers"):
            writer.close()

    async with serving(response) as shop:
        saved = profile(f"{shop.url}/rest/V1", None, timeout="500ms" if name in ("a drip", "silence") else "30s")
        async with session(workbench, saved, bounds=Bounds(response=1_000_000)) as opened:
            with pytest.raises(NoResponse) as failed:
                await opened.client("shop")(Request("GET", "modules"))
    assert failed.value.failure is expected
    assert failed.value.message
    recorded = list(workbench.exchanges)
    assert len(recorded) == 1
    assert recorded[0].failure is expected
    assert len(recorded[0].body.data) <= 1_000_000


async def test_a_cancelled_request_is_recorded(workbench: Workbench) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        started.set()

    started = asyncio.Event()
    async with serving(response) as shop, session(workbench, profile(f"{shop.url}/rest/V1", None)) as opened:
        asking = asyncio.ensure_future(opened.client("shop")(Request("GET", "modules")))
        await started.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    [recorded] = workbench.exchanges
    assert recorded.failure is Failure.CANCELLED
    assert not recorded.failed
    assert (len(workbench.exchanges.failures), workbench.exchanges.attempts.failed) == (0, 0)
    assert "✘" not in text(recorded, "long")
    assert "cancelled before the response arrived" in text(recorded, "long")


async def test_a_header_with_a_line_break_is_not_sent(workbench: Workbench) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK"))

    async with serving(response) as shop, session(workbench, profile(f"{shop.url}/rest/V1", None)) as opened:
        with pytest.raises(InvalidRequest, match="X-A"):
            await opened.client("shop")(Request("GET", "modules", (("X-A", "b\r\nX-Evil: 1"),)))
    assert shop.received == []


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("G€T", "modules"), "The method 'G€T' cannot be sent"),
        (Request("GET /x", "modules"), "The method 'GET /x' cannot be sent"),
        (Request("", "modules"), "The method '' cannot be sent"),
        (Request("GET", "modules/a\udcff"), "a character that is not UTF-8"),
        (Request("GET", "modules?a=\udcff"), "a character that is not UTF-8"),
    ],
)
async def test_what_no_request_can_say_is_not_sent(workbench: Workbench, request_: Request, words: str) -> None:
    async with session(workbench, profile("https://shop.example/rest/V1", None)) as opened:
        with pytest.raises(InvalidRequest, match=words):
            await opened.client("shop")(request_)


async def test_nothing_recorded_holds_the_secret_even_where_the_store_echoes_it(workbench: Workbench) -> None:
    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        echo = request.header("Authorization")
        body = f'{{"message": "{echo}", "token": "another-CANARY", "list": ["{echo}"]}}'.encode()
        writer.write(reply("400 Bad", body, f"X-Echo: {echo}", "Set-Cookie: PHPSESSID=CANARY-session; path=/"))

    async with serving(response) as shop:
        workbench.vault.hold(TOKEN, SECRET, shop.url)
        async with session(workbench, profile(f"{shop.url}/rest/V1", bearer())) as opened:
            answered = await opened.client("shop")(Request("GET", "modules?token=CANARY-in-the-query"))
    assert SECRET.encode() in answered.body
    for exchange in workbench.exchanges:
        for field in fields(Exchange):
            if field.name != "original":  # as its caller made it: free of the profile's secrets
                assert "CANARY" not in repr(getattr(exchange, field.name))
        assert SECRET not in repr(replace(exchange))
