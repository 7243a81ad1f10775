"""Through a real proxy: tunnelled and forwarded, with and without a password, the client's or the machine's."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from certificates import authority, server_context
from http_proxy import proxying
from http_server import Received, Server, reply, serving
from profiles import TOKEN, bearer, profile

from tui_connector.client.connection import proxy_from_environment
from tui_connector.client.message import Failure, InvalidRequest, NoResponse, Request, Response
from tui_connector.client.printer import text
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.profile.problems import check

MODULES = Request("GET", "modules")
PASSWORD = "shop/proxy/password"
LONG = f"http://{'a' * 64}.example:3128"


async def _ok(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(reply("200 OK", b"{}"))


@pytest.fixture
async def shop(workbench: Workbench) -> AsyncIterator[Server]:
    """A store by https, and its authority in the profile's directory."""
    workbench.directory.mkdir(parents=True)
    context = server_context(workbench.directory, authority(workbench.directory))
    async with serving(_ok, context) as server:
        yield server


async def _ask(bench: Workbench, url: str, request: Request = MODULES, **client: Any) -> Response:
    saved = profile(url, None, tls={"ca-file": "authority.pem"} if url.startswith("https") else {}, **client)
    async with bench.session(saved) as session:
        return await session.client("shop")(request)


def _with(machine: Machine, **environ: str) -> Machine:
    return replace(machine, environ=environ)


async def test_https_is_tunnelled_and_the_log_says_so(workbench: Workbench, shop: Server) -> None:
    workbench.vault.hold(TOKEN, "a-CANARY-token", shop.url)
    async with proxying() as proxy:
        saved = profile(shop.url, bearer(), tls={"ca-file": "authority.pem"}, proxy={"uri": proxy.url})
        async with workbench.session(saved) as session:
            for _ in range(2):
                assert (await session.client("shop")(MODULES)).status == 200
        place = shop.url.removeprefix("https://")
        assert proxy.lines == [f"CONNECT {place} HTTP/1.1"]
    assert workbench.exchanges[0].note == f"through the proxy {proxy.url} (the client)"
    assert workbench.exchanges[0].timings.tls is not None
    assert workbench.exchanges[1].timings.reused


async def test_the_proxy_gets_its_password_and_the_store_does_not(workbench: Workbench, shop: Server) -> None:
    async with proxying("staff:a-CANARY:password") as proxy:
        workbench.vault.hold(PASSWORD, "a-CANARY:password", proxy.url)
        named = {"uri": proxy.url, "username": "staff", "password": {"keyring": PASSWORD}}
        assert (await _ask(workbench, shop.url, proxy=named)).status == 200
        async with serving(_ok) as plain:
            assert (await _ask(workbench, plain.url, proxy=named)).status == 200
            assert proxy.lines[1] == f"GET {plain.url}/modules HTTP/1.1"
        assert proxy.callers == ["staff:a-CANARY:password"] * 2
    for received in (*shop.received, *plain.received):
        assert b"proxy-auth" not in received.head.lower()
    assert "CANARY" not in repr(list(workbench.exchanges))


@pytest.mark.untrusted
async def test_a_proxys_password_goes_to_no_other_proxy(workbench: Workbench, shop: Server) -> None:
    async with proxying() as proxy:
        workbench.vault.hold(PASSWORD, "a-CANARY-password", "http://proxy.example:3128")
        named = {"uri": proxy.url, "username": "staff", "password": {"keyring": PASSWORD}}
        with pytest.raises(InvalidRequest, match="not trusted"):
            await _ask(workbench, shop.url, proxy=named)
        assert proxy.lines == []


@pytest.mark.parametrize(
    ("options", "words", "hint"),
    [
        ({"user": "staff:CANARY"}, "407 Proxy Authentication Required", "the username and password"),
        ({"refuse": "403 Forbidden"}, "403 Forbidden", "administrator to allow this host"),
        ({"refuse": "502 Bad Gateway"}, "502 Bad Gateway", "administrator to allow this host"),
    ],
)
async def test_a_proxy_that_refuses_is_named_and_nothing_has_arrived(
    workbench: Workbench, shop: Server, options: dict[str, str], words: str, hint: str
) -> None:
    async with proxying(**options) as proxy:
        with pytest.raises(NoResponse) as failed:
            await _ask(workbench, shop.url, Request("POST", "orders", body=b"{}"), proxy={"uri": proxy.url})
    assert failed.value.failure is Failure.PROXY
    assert not failed.value.may_have_arrived
    place = proxy.url.removeprefix("http://")
    assert failed.value.message.startswith(f"The proxy {place} does not connect to ")
    assert words in failed.value.message
    assert hint in failed.value.hint
    assert shop.received == []


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"user": "staff:CANARY"}, "Write the user and password in https_proxy before the host"),
        ({"refuse": "403 Forbidden"}, "or change https_proxy (NO_PROXY goes without it)"),
    ],
)
async def test_advice_about_the_machines_proxy_names_its_variable(
    workbench: Workbench, shop: Server, options: dict[str, str], hint: str
) -> None:
    async with proxying(**options) as proxy:
        workbench.machine = _with(workbench.machine, https_proxy=proxy.url)
        with pytest.raises(NoResponse) as failed:
            await _ask(workbench, shop.url)
    assert hint in failed.value.hint
    with pytest.raises(NoResponse) as unreachable:
        await _ask(workbench, shop.url)
    assert unreachable.value.hint == "Check the address and port in https_proxy; is the proxy running?"


async def test_a_proxy_that_is_not_there_is_named(workbench: Workbench, shop: Server) -> None:
    async with proxying() as proxy:
        pass
    with pytest.raises(NoResponse) as failed:
        await _ask(workbench, shop.url, proxy={"uri": proxy.url})
    assert failed.value.failure is Failure.PROXY_UNREACHABLE
    assert failed.value.message == f"The proxy {proxy.url.removeprefix('http://')} refused the connection"


async def test_the_machines_proxy_is_used_and_named_without_its_password(workbench: Workbench, shop: Server) -> None:
    async with proxying("staff:p@ss CANARY") as proxy:
        address = proxy.url.replace("http://", "http://staff:p%40ss%20CANARY@")
        workbench.machine = _with(workbench.machine, HTTPS_PROXY=address)
        assert (await _ask(workbench, shop.url)).status == 200
        assert proxy.callers == ["staff:p@ss CANARY"]
    assert workbench.exchanges[0].note == f"through the proxy {proxy.url} (HTTPS_PROXY)"
    shown = "".join(text(exchange, "full") for exchange in workbench.exchanges)
    assert "CANARY" not in shown + repr(list(workbench.exchanges))


async def test_a_client_can_go_past_the_machines_proxy(workbench: Workbench, shop: Server) -> None:
    workbench.machine = _with(workbench.machine, HTTPS_PROXY="http://127.0.0.1:9")
    with pytest.raises(NoResponse, match=r"The proxy 127\.0\.0\.1:9 refused the connection"):
        await _ask(workbench, shop.url)
    assert (await _ask(workbench, shop.url, proxy={"uri": "direct"})).status == 200
    workbench.machine = _with(workbench.machine, HTTPS_PROXY="http://127.0.0.1:9", NO_PROXY="localhost,127.0.0.0/8")
    assert (await _ask(workbench, shop.url)).status == 200


async def test_only_the_machine_says_what_the_environment_is(
    workbench: Workbench, shop: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await _ask(workbench, shop.url)).status == 200


@pytest.mark.parametrize(
    "value",
    [
        *("socks5://user:CANARY@proxy:1080", "http://user:CANARY@pro xy:80", "http://h:99999", LONG),
        *("http://bob:CANARY%40proxy:3128", "bob:CANARY", "http:\\\\bob:CANARY@h:1", "http:/bob:CANARY@h:1"),
        *("http://bob:CANARY\uff20proxy:3128", "http://bob:[CANARY@", "CANARY://proxy:1", "http://bob:CANARY?x=1"),
    ],
)
async def test_an_invalid_proxy_is_reported_with_its_variable(workbench: Workbench, shop: Server, value: str) -> None:
    workbench.machine = _with(workbench.machine, ALL_PROXY=value)
    with pytest.raises(InvalidRequest, match="The proxy in ALL_PROXY cannot be used") as refused:
        await _ask(workbench, shop.url)
    assert "CANARY" not in str(refused.value)
    assert "CANARY" not in "".join(traceback.format_exception(refused.value))
    assert "CANARY" not in repr(list(workbench.exchanges))
    assert 'proxy = { uri = "direct" }' in refused.value.hint
    assert shop.received == []


ENVIRONMENTS: list[tuple[dict[str, str], str, str | None]] = [
    ({}, "https://shop.example/", None),
    ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "https://shop.example/", "http://a:1"),
    ({"HTTP_PROXY": "http://a:1"}, "https://shop.example/", None),
    ({"HTTP_PROXY": "http://a:1"}, "http://shop.example/", "http://a:1"),
    ({"ALL_PROXY": "http://a:1", "HTTP_PROXY": "http://b:1"}, "http://shop.example/", "http://b:1"),
    ({"ALL_PROXY": "http://a:1"}, "https://shop.example/", "http://a:1"),
    ({"https_proxy": "a:1"}, "https://shop.example/", "http://a:1"),
    ({"https_proxy": " https://a "}, "https://shop.example/", "https://a"),
    ({"https_proxy": "", "ALL_PROXY": "http://a:1"}, "https://shop.example/", "http://a:1"),
]
EXCEPTED = {
    "shop.example": True,
    "SHOP.example": True,
    "example": True,
    ".example": True,
    "*.example": True,
    "other, shop.example ": True,
    "shop.example:443": True,
    "*": True,
    "op.example": False,
    "shop.example.org": False,
    "www.shop.example": False,
    "shop.example:8443": False,
    "": False,
    ",": False,
}


@pytest.mark.parametrize(("environ", "uri", "expected"), ENVIRONMENTS)
def test_which_variable_names_the_proxy(environ: dict[str, str], uri: str, expected: str | None) -> None:
    route = proxy_from_environment(uri, environ)
    assert (route.uri if route else None) == expected


@pytest.mark.parametrize("exceptions", EXCEPTED)
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_which_hosts_go_without(exceptions: str, name: str) -> None:
    environ = {"https_proxy": "http://a:1", name: exceptions}
    assert (proxy_from_environment("https://shop.example/rest", environ) is None) == EXCEPTED[exceptions]


@pytest.mark.parametrize(
    ("host", "exceptions", "excepted"),
    [
        ("127.0.0.1", "127.0.0.0/8", True),
        ("10.1.2.3", "127.0.0.0/8,10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "1.2.3", False),
        ("[::1]", "::1", True),
        ("[::1]", "[::1]", True),
        ("[fd00::2]", "fd00::/8", True),
        ("shop.example", "127.0.0.0/8", False),
    ],
)
def test_which_addresses_go_without(host: str, exceptions: str, excepted: bool) -> None:
    environ = {"https_proxy": "http://a:1", "no_proxy": exceptions}
    assert (proxy_from_environment(f"https://{host}/", environ) is None) == excepted


def test_an_invalid_proxy_is_reported_at_its_place() -> None:
    for line, message in {
        'proxy = { uri = "http://user:CANARY@proxy:3128" }': "4:11: clients.shop.proxy.uri: user and password do not",
        'proxy = { uri = "socks5://proxy:1080" }': "4:11: clients.shop.proxy.uri: SOCKS proxies are not supported",
        'proxy = { uri = "proxy:3128" }': "4:11: clients.shop.proxy.uri: 'proxy:3128' is not an http:// or https://",
        'proxy = { uri = "http://proxy:3128/path" }': "4:11: clients.shop.proxy.uri: a proxy's address has no path",
        'proxy = { uri = "http://proxy:0" }': "4:11: clients.shop.proxy.uri: the port in 'proxy:0' must be",
        'proxy = { uri = "http://proxy:1", username = "a" }': "4:1: clients.shop.proxy: username and password must",
        'proxy = { uri = "http://proxy:1", username = "a", password = "CANARY" }': "4:51: clients.shop.proxy.password",
        'proxy = { uri = "direct", username = "a", password = { env = "P" } }': '4:1: clients.shop.proxy: "direct"',
        'proxy = "http://proxy:3128"': "4:1: clients.shop.proxy: must be a table",
        'proxy = { url = "http://proxy:3128" }': "4:11: clients.shop.proxy.url: unknown key; did you",
        'tls = { ca-fil = "x.pem" }': "4:9: clients.shop.tls.ca-fil: unknown key; did you mean 'ca-file'?",
        'tls = { verify = "no" }': "4:9: clients.shop.tls.verify: must be true or false",
        'tls = { client-key = "x" }': "4:1: clients.shop.tls: client-key and client-key-password need",
        'connect-timeout = "0s"': "4:1: clients.shop.connect-timeout: write a number and a unit",
        "connect-timeout = 10": "4:1: clients.shop.connect-timeout: must be text in quotes",
    }.items():
        saved, problems = check(f'format = 1\nname = "Shop"\n[clients.shop]\n{line}\n')
        assert saved is None, line
        assert any(message in str(problem) for problem in problems), problems
        assert "CANARY" not in str(problems)
