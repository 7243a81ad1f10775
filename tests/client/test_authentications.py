"""Basic, query parameter and header: what reaches the store, and that the log never shows it."""

from __future__ import annotations

import asyncio
import base64
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from http_server import Received, reply, serving
from profiles import FOUR, full, profile, signed

from tui_connector.client.exchange import Exchange
from tui_connector.client.message import ANONYMOUS, ClientVariant, InvalidRequest, Request
from tui_connector.client.printer import text
from tui_connector.guide.requests.resend import resend, resendable_request
from tui_connector.guide.workbench import Workbench
from tui_connector.profile.correction import apply as replaced
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check, check_data
from tui_connector.profile.text_checker import Checker
from tui_connector.sandbox.server import Sandbox

GATE = "shop/gate"
PASSWORD = "a-CANARY-pässword"
KEY = {"kind": "query", "parameter": "key", "value": {"keyring": GATE}}
HEADER = {"kind": "header", "header": "X-Gate", "value": {"keyring": GATE}}
BASIC = {"kind": "basic", "username": "staging", "password": {"keyring": GATE}}
RETRY = {"kind": "retry", "attempts": 3, "wait": "1ms"}
MODULES = Request("GET", "modules")


def _with(base_uri: str, *authentications: dict[str, Any]) -> Profile:
    """A profile whose client has several authentications, in this order."""
    data = profile(base_uri, None).model_dump(exclude_none=True, by_alias=True)
    data["authentications"] = {f"a{number}": each for number, each in enumerate(authentications)}
    data["clients"]["shop"]["authentications"] = list(data["authentications"])
    found, problems = check_data(data)
    assert found is not None, problems
    return found


def _hold_four(bench: Workbench, sandbox: Sandbox) -> None:
    for field, value in full(sandbox).items():
        bench.vault.hold(FOUR[field], value, sandbox.url)


def _shown(exchange: Exchange) -> str:
    forms = [text(exchange, form, profile="shop", client="shop") for form in ("simple", "long", "full", "curl")]
    return "\n".join([*forms, repr(exchange)])


@pytest.mark.parametrize("basic_first", [True, False])
async def test_a_signed_request_passes_a_web_server_that_wants_a_password(
    sandbox: Sandbox, workbench: Workbench, basic_first: bool
) -> None:
    await _set(sandbox, **{"sandbox/basic_auth": "staging:gate-CANARY"})
    _hold_four(workbench, sandbox)
    workbench.vault.hold(GATE, "gate-CANARY", sandbox.url)
    both = [BASIC, signed()] if basic_first else [signed(), BASIC]
    async with workbench.session(_with(f"{sandbox.url}/rest/V1", *both)) as session:
        assert (await session.client("shop")(MODULES)).status == 200
    async with workbench.session(_with(f"{sandbox.url}/rest/V1", signed())) as session:
        response = await session.client("shop")(MODULES)
    assert (response.status, response.header("WWW-Authenticate")) == (401, 'Basic realm="Restricted"')
    shown = "".join(map(_shown, workbench.exchanges))
    assert "CANARY" not in shown
    assert base64.b64encode(b"staging:gate-CANARY").decode() not in shown
    assert "Basic •••" in shown


async def _set(sandbox: Sandbox, **settings: str) -> None:
    sandbox._settings.change(settings)


async def test_basic_is_utf_8(workbench: Workbench) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK"))

    async with serving(response) as shop:
        workbench.vault.hold(GATE, PASSWORD, shop.url)
        async with workbench.session(_with(shop.url, BASIC)) as session:
            await session.client("shop")(MODULES)
    scheme, pair = shop.received[0].header("Authorization").split()
    assert scheme == "Basic"
    assert base64.b64decode(pair).decode() == f"staging:{PASSWORD}"


@pytest.mark.parametrize("secret", ["a-CANARY key&/é=", "abc"], ids=["long", "short"])
@pytest.mark.parametrize("parameter", ["key", "a[key]"])
async def test_a_query_secret_is_sent_once_and_never_shown(workbench: Workbench, secret: str, parameter: str) -> None:
    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        target = request.head.split()[1].decode()
        writer.write(reply("503 Busy", b"{}", f"Location: {target}", f"Content-Location: {shop.url}{target}"))

    async with serving(response) as shop:
        workbench.vault.hold(GATE, secret, shop.url)
        saved = profile(f"{shop.url}/rest/V1", {**KEY, "parameter": parameter}, RETRY)
        async with workbench.session(saved) as session:
            await session.client("shop")(Request("GET", "modules?a=b"))
    targets = {each.head.split()[1].decode() for each in shop.received}
    assert len(shop.received) == 3
    assert len(targets) == 1
    (target,) = targets
    assert target.startswith("/rest/V1/modules?a=b&")
    value = target.rpartition("=")[2]
    assert value
    for exchange in workbench.exchanges:
        assert exchange.uri.endswith("=•••")
        assert f"={value}" not in _shown(exchange)


async def test_a_query_secret_is_signed_where_the_request_is(sandbox: Sandbox, workbench: Workbench) -> None:
    _hold_four(workbench, sandbox)
    workbench.vault.hold(GATE, "gate-CANARY", sandbox.url)
    async with workbench.session(_with(f"{sandbox.url}/rest/V1", KEY, signed())) as session:
        assert (await session.client("shop")(MODULES)).status == 200


@pytest.mark.parametrize("secret", ["a-CANARY-key", "abc"], ids=["long", "short"])
async def test_a_header_secret_is_sent_and_never_shown(workbench: Workbench, secret: str) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK"))

    async with serving(response) as shop:
        workbench.vault.hold(GATE, secret, shop.url)
        async with workbench.session(_with(shop.url, HEADER)) as session:
            await session.client("shop")(MODULES)
    assert shop.received[0].header("X-Gate") == secret
    (exchange,) = workbench.exchanges
    assert ("X-Gate", "•••") in exchange.request_headers


LOGIN = 'kind = "request"\nparameters = { username = "api", password = { env = "P" } }'
SOURCES = ["consumer-key", "consumer-secret", "access-token", "access-token-secret"]
AUTHENTICATIONS = {
    "basic": 'kind = "basic"\nusername = "staging"\npassword = { env = "P" }',
    "bearer": 'kind = "bearer"\ntoken = { env = "T" }',
    "login": LOGIN,
    "elsewhere": f'{LOGIN}\nheader = "X-Auth"',
    "signed": 'kind = "oauth1"\n' + "\n".join(f'{name} = {{ env = "S" }}' for name in SOURCES),
    "key": 'kind = "query"\nparameter = "key"\nvalue = { env = "K" }',
    "gate": 'kind = "header"\nheader = "x-auth"\nvalue = { env = "K" }',
}
TOGETHER = {
    ("basic",): None,
    ("basic", "signed"): None,
    ("signed", "basic"): None,
    ("key", "basic", "signed"): None,
    ("basic", "elsewhere"): None,
    ("basic", "gate", "key"): None,
    (
        "basic",
        "bearer",
    ): 'basic and bearer both set the header Authorization, .* Use kind = "oauth1" together with Basic',
    ("login", "basic"): "login and basic both set the header Authorization, .* no password under /rest/",
    ("bearer", "signed"): "bearer and signed both set the header Authorization, but only one can be sent$",
    ("elsewhere", "gate"): "elsewhere and gate both set the header x-auth",
    ("basic", "signed", "key"): "key changes the query after signed has signed it: list it first",
    ("basic", "basic"): "basic is listed twice",
}


@pytest.mark.parametrize("names", TOGETHER, ids="+".join)
def test_which_authentications_go_together(names: tuple[str, ...]) -> None:
    tables = "".join(f"[authentications.{name}]\n{text}\n" for name, text in AUTHENTICATIONS.items())
    written = ", ".join(f'"{name}"' for name in names)
    head = f'format = 1\nname = "Shop"\n[clients.shop]\nauthentications = [{written}]\n'
    saved, problems = check(head + tables)
    expected = TOGETHER[names]
    if expected is None:
        assert saved is not None, problems
        return
    (problem,) = problems
    assert (problem.line, problem.column) == (4, len("authentications = [") + written.rindex(f'"{names[-1]}"') + 1)
    assert re.search(expected, problem.message), problem


@pytest.mark.parametrize(
    ("names", "title", "applied"),
    [
        (("bearer", "signed"), "Use signed instead of bearer", '["signed"]'),
        (("key", "bearer", "login"), "Use login instead of bearer", '["key", "login"]'),
        (("signed", "key"), "Apply key before signed", '["key", "signed"]'),
        (("basic", "basic", "signed"), "Apply basic once", '["basic", "signed"]'),
        (("basic", "bearer"), "", ""),
    ],
)
@pytest.mark.parametrize("of_environment", [False, True])
def test_one_key_changes_which_are_applied_and_keeps_them_all(
    names: tuple[str, ...], title: str, applied: str, of_environment: bool
) -> None:
    tables = "".join(f"[authentications.{name}]\n{text}\n" for name, text in AUTHENTICATIONS.items())
    written = ", ".join(f'"{name}"' for name in names)
    client = f"[clients.shop]\nauthentications = [{written}]\n"
    if of_environment:
        client = "[clients.shop]\n" + client.replace("clients", "environments.test.clients")
    text = f'format = 1\nname = "Shop"\n{client}{tables}'
    (problem,) = Checker().check(text).problems
    assert (problem.fix.title if problem.fix else "") == title
    if problem.fix is not None:
        corrected = replaced(text, problem.fix.edits)
        assert corrected == text.replace(f"[{written}]", applied)
        assert Checker().check(corrected).problems == []


def test_literal_secrets_are_reported_at_their_place() -> None:
    saved, problems = check(
        'format = 1\nname = "Shop"\n[authentications.a]\nkind = "basic"\nusername = "sta:ging"\n'
        'password = "a-CANARY-literal"\n[authentications.b]\nkind = "query"\nparameter = ""\nvalue = "CANARY"\n'
        '[authentications.c]\nkind = "header"\nheader = "Host"\nvalue = { keyring = "k", env = "K" }\n'
    )
    assert saved is None
    assert [(problem.line, problem.path) for problem in problems] == [
        (5, "authentications.a.username"),
        (6, "authentications.a.password"),
        (9, "authentications.b.parameter"),
        (10, "authentications.b.value"),
        (13, "authentications.c.header"),
        (14, "authentications.c.value"),
    ]
    assert "CANARY" not in str(problems)


def test_every_secret_of_a_profile_is_named_with_where_it_goes() -> None:
    saved, problems = check(
        'format = 1\nname = "Shop"\n[authentications.a]\nkind = "request"\nparameters = { username = "api", '
        'password = { keyring = "p" }, otp = { totp = { keyring = "t" } } }\n'
        '[clients.shop]\nauthentications = ["a"]\n'
        'tls = { client-certificate = "c.pem", client-key-password = { keyring = "k" } }\n'
        'proxy = { uri = "http://proxy.example:3128", username = "u", password = { keyring = "q" } }\n'
        'plugins = [{ kind = "base-uri", uri = "https://shop.example/rest/V1" }]\n'
    )
    assert saved is not None, problems
    shop, proxy = ("https://shop.example",), ("http://proxy.example:3128",)
    assert [(secret.name, secret.source.keyring, secret.origins) for secret in saved.secrets()] == [
        ("a/password", "p", shop),
        ("a/otp", "t", shop),
        ("clients/shop/tls/client-key-password", "k", shop),
        ("clients/shop/proxy/password", "q", proxy),
    ]


async def test_a_disabled_authentication_sends_nothing_and_says_so(workbench: Workbench) -> None:
    named = {"title": "Gate", "description": "In front of staging", "disabled": True}
    async with workbench.session(profile("http://127.0.0.1:9", {**BASIC, **named})) as session:
        with pytest.raises(InvalidRequest, match="The authentication 'a' is disabled in the profile") as refused:
            await session.client("shop")(MODULES)
    assert "disabled = true" in refused.value.hint
    assert list(workbench.exchanges) == []


async def test_a_command_is_run_once_however_many_requests_want_what_it_prints(
    workbench: Workbench, tmp_path: Path
) -> None:
    """And anew in the next session: it may print another by then."""
    ran = tmp_path / "ran"
    command = [sys.executable, "-c", f"open({str(ran)!r}, 'a').write('x'); print('a-CANA' 'RY-token')"]

    async def accept(request: Received, writer: asyncio.StreamWriter) -> None:
        good = request.header("Authorization") == "Bearer a-CANARY-token"
        writer.write(reply("200 OK" if good else "401 Unauthorized", b"[]"))

    async with serving(accept) as shop:
        saved = _with(f"{shop.url}/rest/V1", {"kind": "bearer", "token": {"command": command}})
        for _ in range(2):
            async with workbench.session(saved) as session:
                responses = await asyncio.gather(*(session.client("shop")(MODULES) for _ in range(10)))
            assert {response.status for response in responses} == {200}
    assert ran.read_text() == "xx"


async def test_an_anonymous_probe_keeps_what_the_web_server_requires_and_is_resent_as_it_was(
    sandbox: Sandbox, workbench: Workbench
) -> None:
    _hold_four(workbench, sandbox)
    workbench.vault.hold(GATE, "CANARY-gate-key", sandbox.url)
    saved = _with(f"{sandbox.url}/rest/all/V1", signed(), HEADER)
    async with workbench.session(saved) as session:
        assert (await session.client("shop", ANONYMOUS)(MODULES)).status == 401
        assert (await session.client("shop")(MODULES)).status == 200
    probe = next(iter(workbench.exchanges))
    await resend(workbench, saved, probe, resendable_request(probe))
    probe, known, again = workbench.exchanges
    assert [each.client for each in (probe, known, again)] == ["shop"] * 3
    names = [{name.lower() for name, _ in each.request_headers} for each in (probe, known, again)]
    assert ["authorization" in each for each in names] == [False, True, False]
    assert all("x-gate" in each for each in names)
    assert "without authentication" in text(probe, "long")
    assert "without authentication" not in text(known, "long")


async def test_a_probe_signs_as_another_origin_and_in_one_dialect(sandbox: Sandbox, workbench: Workbench) -> None:
    _hold_four(workbench, sandbox)
    saved = _with(f"{sandbox.url}/rest/all/V1", signed())
    async with workbench.session(saved) as session:
        other = ClientVariant(signed_origin="http://elsewhere.example")
        assert (await session.client("shop", other)(MODULES)).status == 401
        assert (await session.client("shop", ClientVariant(dialect="laminas"))(MODULES)).status == 200
    notes = [each.note for each in workbench.exchanges]
    assert notes == ["signed as http://elsewhere.example", "signed in dialect laminas"]


async def test_an_unknown_client_is_refused_with_those_there_are(workbench: Workbench) -> None:
    async with workbench.session(_with("https://acme.example/rest/V1")) as session:
        with pytest.raises(InvalidRequest, match=r"no client named 'shopp'. It has: shop\."):
            session.client("shopp")
