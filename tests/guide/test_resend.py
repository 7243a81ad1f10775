"""Which requests are sent again without a question, and what a copied command needs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from exchanges import AT, exchange
from http_server import Received, reply, serving
from profiles import TOKEN, bearer
from profiles import profile as shop_profile

from tui_connector.client.exchange import Exchange, RecordedBody
from tui_connector.client.message import InvalidRequest, Request, RequestInfo
from tui_connector.guide.requests.resend import (
    NewRequests,
    changes_nothing,
    relative_uri,
    resend,
    resendable_request,
    variables_to_set,
)
from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.log.history import BODIES_ARE_KEPT, History
from tui_connector.machine import Machine


@pytest.mark.parametrize(
    ("method", "uri", "reads"),
    [
        ("GET", "products/24-MB01", True),
        ("POST", "products/base-prices-information", True),
        ("POST", "https://acme.example/rest/all/V1/products/cost-information?x=1", True),
        ("POST", "products/base-prices", False),
        ("POST", "carts/mine/payment-information", False),
        ("DELETE", "products/base-prices-information", False),
    ],
)
def test_posts_of_magento_that_only_read_are_known(method: str, uri: str, reads: bool) -> None:
    assert changes_nothing(Request(method, uri)) is reads


@pytest.mark.parametrize(
    ("uri", "relative"),
    [
        ("https://acme.example/rest/all/V1/orders/1?fields=a%26b", "orders/1?fields=a%26b"),
        ("https://acme.example/rest/all/V1/products/%2F24", "products/%2F24"),
        ("https://acme.example/rest/default/V1/orders", "https://acme.example/rest/default/V1/orders"),
        ("https://acme.example/rest/all/V1", "https://acme.example/rest/all/V1"),
        (
            "https://acme.example/rest/all/V1/https://acme.example/x",
            "https://acme.example/rest/all/V1/https://acme.example/x",
        ),
        ("https://acme.example/rest/all/V1//x", "https://acme.example/rest/all/V1//x"),
        ("https://other.example/rest/all/V1/orders", "https://other.example/rest/all/V1/orders"),
        ("orders", "orders"),
    ],
)
def test_an_address_is_relative_where_its_client_makes_the_same_one_of_that(uri: str, relative: str) -> None:
    assert relative_uri("https://acme.example/rest/all/V1", uri) == relative
    assert relative_uri("https://acme.example/rest/all/V1/", uri) == relative


def test_a_request_whose_body_was_not_kept_says_how_bodies_are_kept() -> None:
    with pytest.raises(InvalidRequest) as caught:
        resendable_request(exchange(method="PUT", request_body=RecordedBody(b"", 122)))
    assert str(caught.value).endswith(BODIES_ARE_KEPT)


async def test_a_request_written_in_the_program_keeps_its_body_in_the_history_however_often_it_is_resent(
    machine: Machine,
) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    path = Path("acme.toml")
    request = Request("POST", "orders", body=b'{"a": 1}', about=RequestInfo(by_hand=True))
    async with serving(response) as shop:
        saved = shop_profile(f"{shop.url}/rest/V1", bearer())
        for session in range(3):  # each resends what the history has of the one before
            workbench, history = Workbench(machine), History(machine.directories.state, path)
            workbench.vault.hold(TOKEN, "a-CANARY-bearer-token", shop.url)
            history.start(workbench.exchanges, "metadata", AT + timedelta(days=session))
            async with workbench.session(saved) as client:
                await client.client("shop")(request)
            in_memory = resendable_request(next(iter(workbench.exchanges)))
            history.close()
            workbench.close()
            (sent,) = [each for each in history.sessions()[0].read() if isinstance(each, Exchange)]
            request = resendable_request(sent)
            assert (request.body, request.about.by_hand) == (b'{"a": 1}', True)
            assert (in_memory.body, in_memory.about.by_hand) == (b'{"a": 1}', True)
        assert [each.body for each in shop.received] == [b'{"a": 1}'] * 3


async def test_what_the_default_client_sent_is_resent_where_the_profile_does_not_define_it(machine: Machine) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    async with serving(response) as server:
        shop, bench = shop_profile(f"{server.url}/rest/V1", None), Workbench(machine)
        new = NewRequests(bench, lambda: shop)
        probe = exchange(1, client="default", uri=f"{server.url}/rest/V1/directory/currency", purpose="probe")
        await new.enter_missing(probe.client)
        assert new.base_uri(probe.client) == ""
        assert await new.why_unknown("GET", probe.uri, probe.client) == ""
        assert (await resend(bench, shop, probe, resendable_request(probe))).status == 200
        with pytest.raises(InvalidRequest, match=r"no client named 'other'. It has: shop"):
            await new.enter_missing("other")
        bench.close()


def test_a_command_needs_the_variables_whose_values_only_this_session_has(machine: Machine) -> None:
    path = Path("acme.toml")
    login = {
        "kind": "request",
        "uri": "/rest/V1/integration/admin/token",
        "client": "plain",
        "parameters": {"username": "api", "password": {"env": "ADMIN_PASSWORD"}},
    }
    authentications = {
        "login": login,
        "token": {"kind": "bearer", "token": {"keyring": "acme/token/token"}},
        "gate": {"kind": "basic", "username": "me", "password": {"env": "GATE_PASSWORD"}},
        "other": {"kind": "bearer", "token": {"env": "OTHER_TOKEN"}},
    }
    clients = {
        "admin": {"authentications": ["login"]},
        "plain": {"authentications": ["gate"]},
        "shop": {"authentications": ["token"]},
        "other": {"authentications": ["other"]},
    }
    profile = profile_of({"format": 1, "name": "Acme", "authentications": authentications, "clients": clients})
    machine = replace(machine, environ={"OTHER_TOKEN": "CANARY"})
    of = partial(variables_to_set, machine, path, lambda: profile)
    assert sorted(of("admin")) == ["ADMIN_PASSWORD", "GATE_PASSWORD"]  # that of the client that sends the login, too
    assert of("other") == []
    assert of("shop") == []  # it is in the keyring
    machine.typed.keep(path, "keyring:acme/token/token", "https://acme.example", "CANARY")
    assert of("shop") == ["TUI_CONNECTOR_ACME_TOKEN_TOKEN"]
    assert list(variables_to_set(machine, path, lambda: None, "shop")) == []
