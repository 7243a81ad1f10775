"""Base URIs as people write them: an invalid one is reported at its place, and requests go nowhere else."""

from __future__ import annotations

import asyncio
import json

import pytest
from http_server import Received, reply, serving
from profiles import TOKEN, bearer, profile

from tui_connector.client.message import Failure, InvalidRequest, Request
from tui_connector.client.uri import canonical
from tui_connector.guide.workbench import Workbench
from tui_connector.profile.problems import check

REFUSED: list[tuple[int, str, str]] = [
    (21, "", "'' is not an http:// or https:// address"),
    (21, "shop.example", "'shop.example' is not an http:// or https:// address"),
    (21, "//shop.example", "is not an http:// or https:// address"),
    (21, "http:///x", "'http:///x' contains no host"),
    (22, "ftp://shop.example", "is not an http:// or https:// address"),
    (22, "file:///etc/passwd", "is not an http:// or https:// address"),
    (22, "javascript:alert(1)", "is not an http:// or https:// address"),
    (23, "https://user:CANARY@shop.example/", "must not contain a user name or password: use an authentication"),
    (24, "http://[::1", "is not a valid address"),
    (24, "http://h:abc/", "the port in 'h:…' must be 1–65535"),
    (24, "http://h:99999/", "must be 1–65535"),
    (24, "http://h:0/", "must be 1–65535"),
    (24, "http://h:٣/", "must be 1–65535"),
    (25, " https://shop.example", "a space before or after the address"),
    (25, "https://shop.example ", "a space before or after the address"),
    (25, "https://shop.example\n", "a control character or a line break"),
    (25, "https://sh\top.example", "a control character or a line break"),
    (26, "https://exa mple.com", "'exa mple.com' is not a host name"),
    (28, "https://shop.example/?a=b", "must not have a query (?) or a fragment (#)"),
    (28, "https://shop.example/#frag", "must not have a query (?) or a fragment (#)"),
    (29, "https://xn--/", "'xn--' is not a host name"),
    (29, "https://sho\u202ep.example", r"'sho\u202ep.example' is not a host name"),
    (29, "https://a..example", "is not a host name"),
    (29, "http://☃.net", "'☃.net' is not a host name"),
    (29, "http://xn--n3h.net", "'xn--n3h.net' is not a host name"),  # the same snowman
    (29, "http://www.xn--n3h.net", "'www.xn--n3h.net' is not a host name"),
    (30, "http://h\\@evil/", "must not contain a user name"),
    (30, "http://h#@evil/", "a fragment"),
    (30, "http://h\\evil/", "contains no host"),
    (30, "https://shop.example/../admin", "contains a segment of dots"),
    (30, "https://shop.example/%2e%2E/admin", "contains a segment of dots"),
    (32, f"https://{'a' * 300}.example", "is not a host name"),
    (32, f"https://{'a.' * 35_000}example", "is not a host name"),
    (32, f"https://{'a' * 64}.example", "is not a host name"),
]
TAKEN: list[tuple[int, str, str]] = [
    (27, "https://shop.example/rest/V1/", "https://shop.example/rest/V1/modules"),
    (27, "https://shop.example/index.php/rest/V1", "https://shop.example/index.php/rest/V1/modules"),
    (27, "https://shop.example/admin", "https://shop.example/admin/modules"),
    (29, "https://ｓhop.example", "https://shop.example/modules"),
    (29, "https://sh\u043ep.example", "https://xn--shp-ted.example/modules"),  # a Cyrillic о: what is sent shows it
    (29, "https://bücher.example", "https://xn--bcher-kva.example/modules"),
    (29, "https://faß.example", "https://xn--fa-hia.example/modules"),  # not fass.example, which is somebody else's
    (29, "https://xn--fa-hia.example", "https://xn--fa-hia.example/modules"),
    (31, "http://my_shop.example", "http://my_shop.example/modules"),
    (31, "http://127.1", "http://127.1/modules"),
    (32, f"https://{'a' * 63}.example", f"https://{'a' * 63}.example/modules"),
    (31, "http://[::1]:8080", "http://[::1]:8080/modules"),
    (31, "HTTPS://SHOP.example:443/rest", "https://shop.example/rest/modules"),
]


def _text(uri: str) -> str:
    return f'format = 1\nname = "Shop"\n[[clients.shop.plugins]]\nkind = "base-uri"\nuri = {json.dumps(uri)}\n'


@pytest.mark.parametrize(
    ("uri", "message"),
    [pytest.param(uri, message, marks=pytest.mark.bad_input(number)) for number, uri, message in REFUSED],
)
def test_an_invalid_base_uri_is_reported_at_its_place(uri: str, message: str) -> None:
    saved, problems = check(_text(uri))
    assert saved is None
    (problem,) = problems
    assert (problem.line, problem.column, problem.path) == (5, 1, "clients.shop.plugins.0.uri")
    assert message in problem.message
    assert "CANARY" not in problem.message
    assert len(problem.message) < 200


@pytest.mark.parametrize(
    ("uri", "sent"), [pytest.param(uri, sent, marks=pytest.mark.bad_input(number)) for number, uri, sent in TAKEN]
)
async def test_what_can_be_one_is_sent_in_its_one_form(workbench: Workbench, uri: str, sent: str) -> None:
    saved, problems = check(_text(uri))
    assert saved is not None, problems
    async with workbench.session(saved) as session:
        assert session.prepared("shop", Request("GET", "modules")).uri == sent
    assert canonical(sent) == sent


@pytest.mark.untrusted
@pytest.mark.bad_input(30)
@pytest.mark.parametrize("address", ["http://127.0.0.1:{}.evil.test", "http://127.0.0.2:{}", "https://127.0.0.1:{}"])
async def test_an_address_that_only_looks_the_same_gets_no_secret(workbench: Workbench, address: str) -> None:
    async def listen(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    async with serving(listen) as shop:
        workbench.vault.hold(TOKEN, "a-CANARY-token", shop.url)
        port = shop.url.rpartition(":")[2]
        saved, problems = check(_text(address.format(port)))
        if saved is None:
            assert "must be 1–65535" in problems[0].message
            return
        with pytest.raises(InvalidRequest, match="not trusted") as refused:
            async with workbench.session(profile(address.format(port), bearer())) as session:
                await session.client("shop")(Request("GET", "modules"))
    assert "CANARY" not in str(refused.value)
    assert shop.received == []


@pytest.mark.bad_input(32)
async def test_an_address_of_70_kb_is_not_sent(workbench: Workbench) -> None:
    async with workbench.session(profile(f"https://shop.example/{'a' * 70_000}", None)) as session:
        with pytest.raises(InvalidRequest, match="The URI has 70,029 characters") as refused:
            await session.client("shop")(Request("GET", "modules"))
    assert len(str(refused.value)) < 300
    assert [exchange.failure for exchange in workbench.exchanges] == [Failure.NOT_SENT]
