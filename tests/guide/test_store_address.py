"""The store is found from whatever address is at hand, and nothing is sent that should not be."""

from __future__ import annotations

import asyncio

import pytest
from faulty_stores import Fault, in_front_of
from http_server import Received, reply, serving
from user_errors import user_error

from tui_connector.client.exchange import Exchanges
from tui_connector.client.message import Request, Response
from tui_connector.guide.steps.store_address import (
    MAX_CANDIDATES,
    AddressSearch,
    RestAddress,
    candidate_addresses,
    search,
)
from tui_connector.guide.steps.store_views import store_views, unknown_view
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.diagnosis import diagnose_exchange
from tui_connector.sandbox.server import Sandbox, SandboxOptions

CURRENCY = b'{"base_currency_code":"USD"}'
PAGE = b"<!doctype html><title>Shop</title>"


async def searched(machine: Machine, typed: str) -> AddressSearch:
    bench = Workbench(machine)
    async with bench.anonymous() as session:
        states = [each async for each in search(typed, session.client("default"))]
    bench.close()
    return states[-1]


def paths(sandbox: Sandbox) -> list[str]:
    return [str(each["path"]) for each in sandbox.journal()]


@pytest.mark.parametrize(
    "typed",
    [
        "{host}",
        "{url}",
        "  {url}/  ",
        '"{url}"',
        "{url}/index.php",
        "{url}/women/tops-women.html?color=3#top",
        "{url}/admin_x1/admin/dashboard/index/key/0f3a9c/",
        "{url}/rest",
        "{url}/rest/V1/",
        "{url}/rest/v1/products?searchCriteria=",
        "{url}/rest/default/V1/products/24-MB01",
        "{url}/rest/async/bulk/V1/products",
        "{url}/graphql",
        "{url}/?utm_source=x",
    ],
)
async def test_any_address_of_the_shop_will_do(machine: Machine, sandbox: Sandbox, typed: str) -> None:
    host = sandbox.url.removeprefix("http://")
    state = await searched(machine, typed.format(url=sandbox.url, host=host))
    assert state.found is not None
    assert state.found.address.base_uri() == f"{sandbox.url}/rest/V1"
    assert state.found.summary() == "Magento 2.4 Community, REST at /rest/V1"
    assert len(state.probes) <= MAX_CANDIDATES
    assert state.finding is None
    assert not any("key" in path or "searchCriteria" in path for path in paths(sandbox))


async def test_only_the_address_that_was_typed_can_fail_and_only_if_no_other_has_the_store(
    machine: Machine, sandbox: Sandbox
) -> None:
    async def logged(typed: str) -> Exchanges:
        bench = Workbench(machine)
        async with bench.anonymous() as session:
            async for _ in search(typed, session.client("default")):
                pass
        bench.close()
        return bench.exchanges

    host = sandbox.url.removeprefix("http://")
    for typed in (host, f"{host}/admin", f"{sandbox.url}/shop/de/bag.html", f"{sandbox.url}/index.php/rest/V1"):
        log = await logged(typed)
        assert log.attempts.failed == 0, typed
        assert not [each for each in log if each.failed and not log.attempts.next_of(each)]
    closed = await logged("http://127.0.0.1:1/shop")
    assert [each.failed for each in closed] == [True, False]
    assert closed.attempts.failed == 1
    assert "guessed this address" in str(diagnose_exchange(closed[1]))


async def test_two_factor_is_detected_before_the_password_is_entered(machine: Machine) -> None:
    options = SandboxOptions(products=1, settings={"twofactorauth/general/enable": "1"})
    async with Sandbox(options, machine.now) as sandbox:
        state = await searched(machine, sandbox.url)
    assert state.found is not None
    assert state.found.summary() == "Magento 2.4 Community, REST at /rest/V1, 2FA on for admin users"


async def shop(responses: dict[str, bytes], typed: str, machine: Machine) -> tuple[AddressSearch, list[str]]:
    """The search in a shop that responses these paths; all others get a page with 200."""

    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        path = request.head.split()[1].decode()
        writer.write(responses.get(path, reply("200 OK", PAGE).replace(b"application/json", b"text/html")))

    async with serving(response) as server:
        for path, raw in responses.items():
            responses[path] = raw.replace(b"{url}", server.url.encode())
        state = await searched(machine, typed.format(url=server.url))
        asked = [request.head.split()[1].decode() for request in server.received]
        if state.found is not None:
            state.typed = state.found.address.base_uri().removeprefix(server.url)
    return state, asked


CURRENCY_AT = "/rest/V1/directory/currency"


@pytest.mark.parametrize(
    ("where", "typed"),
    [
        ("/shop/rest/V1", "{url}/shop"),
        ("/shop/rest/V1", "{url}/shop/women/bag.html"),
        ("/shop/rest/V1", "{url}/shop/admin_1/admin/dashboard/index/key/abc"),
        ("/sites/shop/rest/V1", "{url}/sites/shop/"),
        ("/index.php/rest/V1", "{url}"),
        ("/index.php/rest/V1", "{url}/index.php/admin"),
        ("/shop/index.php/rest/V1", "{url}/shop"),
        ("/nl/rest/V1", "{url}/nl"),
    ],
)
async def test_subdirectories_index_php_and_store_codes_in_the_path(machine: Machine, where: str, typed: str) -> None:
    state, asked = await shop({f"{where}/directory/currency": reply("200 OK", CURRENCY)}, typed, machine)
    assert state.found is not None, [probe.base_uri for probe in state.probes]
    assert state.typed == where
    assert len(state.probes) <= MAX_CANDIDATES
    assert not any("/key/" in path for path in asked)


@pytest.mark.parametrize("place", [CURRENCY_AT, f"{CURRENCY_AT}/", "/", "", "/index.php/", "/en/?from=rest"])
@pytest.mark.parametrize("scheme", ["http:", ""])
async def test_a_redirect_to_another_address_is_followed_by_asking_there_without_secrets(
    machine: Machine, place: str, scheme: str
) -> None:
    """Web servers send on the same path, or everything to the front page of the right host."""
    async with Sandbox(SandboxOptions(products=1), machine.now) as real:
        location = scheme + real.url.removeprefix("http:") + place
        moved = reply("301 Moved Permanently", b"", f"Location: {location}")
        state, asked = await shop({CURRENCY_AT: moved}, "{url}", machine)
        assert state.found is not None
        assert state.found.address.root == real.url
    assert asked == [CURRENCY_AT]
    assert state.probes[0].finding is not None
    assert state.probes[0].finding.fix is not None
    if "rest" in place.partition("?")[0]:
        assert state.probes[0].finding.fix.value == real.url


@pytest.mark.parametrize("location", ["/", "/rest/V1/directory/currency/", "https://login.example/sso?to=shop"])
async def test_a_redirect_that_cannot_be_followed_is_reported(machine: Machine, location: str) -> None:
    state, asked = await shop({CURRENCY_AT: reply("302 Found", b"", f"Location: {location}")}, "{url}", machine)
    assert state.found is None
    assert state.finding is not None
    assert state.finding.id == "redirect"
    assert len(asked) <= MAX_CANDIDATES


async def test_a_store_of_another_name_says_it(machine: Machine) -> None:
    currency = reply("200 OK", b'{"base_currency_code":"EUR"}')
    responses = {CURRENCY_AT: currency, "/magento_version": reply("200 OK", b"Mage-OS/1.1 (Community)")}
    state, _ = await shop(responses, "{url}", machine)
    assert state.found is not None
    assert state.found.version == "Mage-OS 1.1 Community"


async def test_a_page_with_200_is_not_reachable(machine: Machine) -> None:
    state, asked = await shop({}, "{url}/a/b", machine)
    assert state.found is None
    assert state.finding is not None
    assert state.finding.id == "not-rest"
    assert "/a/b/rest/V1/directory/currency" in state.finding.evidence[0], "the address that was typed, not a guess"
    assert "Shop" in state.finding.summary
    assert len(asked) == len(state.probes) <= MAX_CANDIDATES


async def test_a_finding_for_the_whole_host_takes_one_request(machine: Machine) -> None:
    for status, header, finding in (
        ("401 Authorization Required", 'WWW-Authenticate: Basic realm="Staging"', "web-server-password"),
        ("503 Service Unavailable", "X-Test: 1", "maintenance"),
    ):
        page = reply(status, b"<h1>Service Temporarily Unavailable</h1>", header).replace(b"json", b"html")
        state, asked = await shop({CURRENCY_AT: page}, "{url}", machine)
        assert state.finding is not None
        assert state.finding.id == finding
        assert asked == [CURRENCY_AT]


@pytest.mark.parametrize(
    ("typed", "root"),
    [
        ("shop.example", "https://shop.example"),
        ("http//shop.example", "http://shop.example"),
        ("https:/shop.example/de", "https://shop.example/de"),
        ("//shop.example", "https://shop.example"),
        ("SHOP.Example:8443/", "https://shop.example:8443"),
        ("http://shop.example:80", "http://shop.example"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("localhost:8080", "http://localhost:8080"),
        ("http://127.1:8080", "http://127.0.0.1:8080"),
        ("http://0x7f.1", "http://127.0.0.1"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("https://\uff53hop.example", "https://shop.example"),
        ("https://sh\u043ep.example", "https://xn--shp-ted.example"),
        ("http://h#@evil.example/", "http://h"),
    ],
)
def test_an_address_is_read_and_shown_as_it_really_is(typed: str, root: str) -> None:
    assert candidate_addresses(typed)[0].root == root


BAD = (
    *("", "   ", '""', "http:///x", "ftp://shop.example", "file:///etc/passwd", "javascript:alert(1)"),
    *("mailto:a@shop.example", "https://user:CANARY@shop.example/", "http://[::1", "http://h:abc/", "http://h:99999/"),
    *("http://h:0/", "https://shop.example\n/x", "https://shop\texample", "https://exa mple.com", "https://xn--/"),
    *("https://\u202eshop.example", "http://h\\@evil.example/", f"https://{'h' * 300}.example", "x" * 70_000),
    *(f"eyJhbGciOiJIUzI1NiJ9.{'e' * 64}.c2lnbmF0dXJl", "http://☃.net"),  # a token pasted there, and a snowman
    *("http://1.2.3.999/", "https://shop.example/../x", "https://na1.api.commerce.adobe.com/V1"),
)


async def test_an_invalid_address_is_explained_and_nothing_is_sent(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    for typed in BAD:
        with user_error("uri"):
            candidate_addresses(typed)
        bench = Workbench(machine)
        async with bench.anonymous() as session:
            states = [state async for state in search(typed, session.client("default"))]
        assert len(bench.exchanges) == 0
        finding = states[-1].finding
        assert finding is not None
        assert finding.id == "address"
        assert finding.remedy
        assert "CANARY" not in finding.summary
        assert len(finding.summary) < 400
        bench.close()
    with capsys.disabled():
        print(f"\n{len(BAD)} bad addresses: {len(BAD)} clear errors, nothing sent")


async def test_store_views_are_listed_where_the_token_may_and_checked_where_it_may_not(
    machine: Machine, sandbox: Sandbox
) -> None:
    address = RestAddress(sandbox.url)
    bench = Workbench(machine)
    async with bench.anonymous() as session:
        send = session.client("default")
        refused = await store_views(send, address, "")
        assert refused.views == ()
        assert refused.finding is not None
        assert await unknown_view("default", send, address) is None
        assert await unknown_view("all", send, address) is None
        unknown = await unknown_view("nowhere", send, address)
        assert unknown is not None
        assert unknown.id == "store-code"
        assert unknown.fix is not None
        assert unknown.fix.target == "store-view"
    bench.close()


async def test_store_views_have_codes_and_names(machine: Machine) -> None:
    options = SandboxOptions(products=1, settings={"webapi/webapisecurity/allow_insecure": "1"})
    bench = Workbench(machine)
    async with Sandbox(options, machine.now) as open_store, bench.anonymous() as session:
        listed = await store_views(session.client("default"), RestAddress(open_store.url), "")
    bench.close()
    assert listed.finding is None
    assert [view.code for view in listed.views] == ["default", "nl"]
    assert listed.views[0].name


@pytest.mark.parametrize("body", [b"null", b"7", b"{}", b'"x"', b"[[]]"])
async def test_a_list_of_store_views_that_is_none_has_no_views(machine: Machine, body: bytes) -> None:
    async def answer(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", body))

    bench = Workbench(machine)
    async with serving(answer) as store, bench.anonymous() as session:
        found = await store_views(session.client("default"), RestAddress(store.url), "")
    bench.close()
    assert found.views == ()


def with_codes_in_urls(sandbox: Sandbox) -> Fault:
    """A store whose URLs begin with the code of a view (web/url/use_store): /nl/rest/… is /rest/… too."""

    def fault(request: Received) -> bytes:
        return request.head.replace(b" /nl/", b" /", 1)

    return fault


@pytest.mark.parametrize("typed", ["{}/nl", "{}/nl/", "{}/nl/women.html", "{}/index.php/nl/", "{}/nl/women/tops.html"])
async def test_a_store_code_in_the_url_is_a_view_and_no_directory(
    machine: Machine, sandbox: Sandbox, typed: str
) -> None:
    async with in_front_of(sandbox.url, with_codes_in_urls(sandbox)) as address:
        state = await searched(machine, typed.format(address))
    assert state.found is not None
    assert state.found.address.root == address
    assert state.found.address.store_view == "nl"
    assert len([path for path in paths(sandbox) if path.endswith("directory/currency")]) <= MAX_CANDIDATES


@pytest.mark.parametrize("typed", ["{}/women", "{}/women/tops.html", "{}/nl-be/", "{}/admin", "{}/Nl/"])
async def test_another_path_is_not_a_store_code(machine: Machine, sandbox: Sandbox, typed: str) -> None:
    state = await searched(machine, typed.format(sandbox.url))
    assert state.found is not None
    assert state.found.address.root == sandbox.url
    assert state.found.address.store_view is None


async def test_a_directory_stays_one(machine: Machine) -> None:
    responses = {"/shop/rest/V1/directory/currency": reply("200 OK", CURRENCY)}
    state, asked = await shop(responses, "{url}/shop", machine)
    assert state.found is not None
    assert state.found.address.store_view is None
    assert state.found.address.base_uri().endswith("/shop/rest/V1")
    assert len(asked) <= MAX_CANDIDATES + 2


@pytest.mark.parametrize(
    "typed",
    [
        "ab12CANARY0ab12CANARY0ab12CANARY",
        "  Bearer ab12CANARY0ab12CANARY0ab12 ",
        "access_token=ab12CANARY0ab12CANARY0ab12",
        '"4f7a0CANARYa98b7c6d5e4f3a2b1c0d9"',
        "eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOjEsIkNBTkFSWSI6MX0.x-CANARY-x",
        "Consumer Key: ab12CANARY0ab12CANARY0ab12CANARY",
    ],
)
async def test_a_token_in_the_field_of_the_address_is_not_looked_up_as_a_host(typed: str) -> None:
    sent = []

    async def send(request: Request) -> Response:
        sent.append(request)
        raise AssertionError

    [state] = [each async for each in search(typed, send)]
    assert sent == []
    assert state.finding is not None
    assert "looks like a token" in state.finding.summary
    assert "CANARY" not in state.finding.summary


@pytest.mark.parametrize(
    "typed", ["magento", "web1", "staging-2024-eu-west-1a-magento", "m2-0123456789.example.com", "shop:8080"]
)
def test_a_host_name_is_not_a_token(typed: str) -> None:
    assert candidate_addresses(typed)
