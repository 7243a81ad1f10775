"""What a store responds to a login, and what the template makes of it: a token, or a clear refusal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from http_server import Received, Server, reply, serving
from profiles import PASSWORD, login, profile

from tui_connector.client.message import InvalidRequest, LoginRefused, Request, RequestFailed, Response
from tui_connector.client.printer import text
from tui_connector.guide.workbench import Workbench
from tui_connector.magento.diagnosis import diagnose_failure
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check, check_data

MODULES = Request("GET", "modules")
SECRET = "a-CANARY-password"


class Shop:
    """Answers a login with these bytes, and anything else with 200."""

    def __init__(self, response: bytes) -> None:
        self.response = response
        self.logins = 0

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if b"/token" in request.head.split(b"\r\n")[0]:
            self.logins += 1
            writer.write(self.response)
        else:
            writer.write(reply("200 OK", b"[]"))


async def _ask(bench: Workbench, response: bytes, **more: Any) -> tuple[Response, Server, Shop]:
    """Logs in and asks for the modules; what the shop received of that."""
    shop = Shop(response)
    async with serving(shop) as server:
        bench.vault.hold(PASSWORD, SECRET, server.url)
        async with bench.session(profile(f"{server.url}/rest/V1", {**login(), **more})) as session:
            return await session.client("shop")(MODULES), server, shop


def _typed(body: bytes, media_type: str, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
    return (head + (f"Content-Type: {media_type}\r\n" if media_type else "")).encode() + b"\r\n" + body


TOKENS = {
    "a bare JSON string": reply("200 OK", b'"tok-CANARY"'),
    "a list of one": reply("200 OK", b'["tok-CANARY"]'),
    "plain text": _typed(b"tok-CANARY\n", "text/plain"),
    "of no type": _typed(b"tok-CANARY", ""),
    "with a byte order mark": reply("200 OK", b'\xef\xbb\xbf"tok-CANARY"'),
    "created": reply("201 Created", b'"tok-CANARY"'),
}


@pytest.mark.bad_input(33, 42)
@pytest.mark.parametrize("name", TOKENS)
async def test_a_token_in_any_format_is_accepted(workbench: Workbench, name: str) -> None:
    response, server, _ = await _ask(workbench, TOKENS[name])
    assert response.status == 200
    assert server.received[-1].header("Authorization") == "Bearer tok-CANARY"
    shown = "".join(text(exchange, "full") for exchange in workbench.exchanges)
    assert "CANARY" not in shown


async def test_a_token_in_xml_is_not_shown(workbench: Workbench) -> None:
    document = (
        b'<?xml version="1.0"?>\n<response>tok-CANARY</response>\n'  # what Magento sends to Accept: application/xml
    )
    with pytest.raises(LoginRefused):
        await _ask(workbench, _typed(document, "application/xml; charset=utf-8"))
    assert "CANARY" not in repr(list(workbench.exchanges))


async def test_a_number_is_a_token_too(workbench: Workbench) -> None:
    _, server, _ = await _ask(workbench, reply("200 OK", b"123456789"))
    assert server.received[-1].header("Authorization") == "Bearer 123456789"


UNREADABLE = {
    "an empty list": (reply("200 OK", b"[]"), "no value found"),
    "null": (reply("200 OK", b"null"), "null"),
    "an empty text": (reply("200 OK", b'""'), "an empty text cannot be used in a header"),
    "an object": (reply("200 OK", b'{"token":"tok-CANARY"}'), "an object"),
    "a list in a list": (reply("200 OK", b'[["tok-CANARY"]]'), "cannot be used in a header"),
    "a line break": (reply("200 OK", b'"tok-CANARY\\r\\nX-Evil: 1"'), "a line break"),
    "a space behind": (reply("200 OK", b'"tok-CANARY "'), "start or end with a space"),
    "non-ASCII": (reply("200 OK", '"tök-CANARY"'.encode()), "non-ASCII"),
    "half a character": (reply("200 OK", b'"\\ud800"'), "non-ASCII"),
    "100 KB": (reply("200 OK", b'"' + b"CANARY" * 17_000 + b'"'), "too many for a header"),
    "a page": (_typed(b"<!doctype html><title>Sign in</title>", "text/html"), "of text/html"),
    "a page that says nothing": (_typed(b"<html>Sign in</html>", ""), "of unspecified type"),
    "a page as text": (_typed(b"<html>Sign in</html>", "text/plain"), "of text/plain"),
    "nothing": (reply("200 OK", b""), "0 bytes of application/json"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "got status 204, 0 bytes"),
    "broken JSON": (reply("200 OK", b'"tok-CANARY'), "makes no token"),
    "too deep": (reply("200 OK", b"[" * 100_000), "makes no token"),
    "5,000 digits": (reply("200 OK", b"1" * 5_000), "makes no token"),
}


@pytest.mark.bad_input(33, 42, 48)
@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_response_without_a_token_is_rejected_with_a_reason(workbench: Workbench, name: str) -> None:
    response, reason = UNREADABLE[name]
    with pytest.raises(LoginRefused) as refused:
        await _ask(workbench, response)
    assert reason in str(refused.value)
    assert "the template makes no token from it" in refused.value.message
    assert "correct the template" in refused.value.hint
    assert "CANARY" not in str(refused.value)
    assert len(str(refused.value)) < 600
    assert [exchange.purpose for exchange in workbench.exchanges] == ["login"]
    assert "CANARY" not in repr(workbench.exchanges[0])


@pytest.mark.bad_input(33)
@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("Bearer &{[0].token}", "token was looked up on a text"),
        ("Bearer &{products[0]}", "products"),
        ("&{@[0]}\t", "start or end with a space"),
    ],
)
async def test_a_template_that_does_not_fit_says_where(workbench: Workbench, template: str, reason: str) -> None:
    with pytest.raises(LoginRefused) as refused:
        await _ask(workbench, reply("200 OK", b'"tok-CANARY"'), template=template)
    assert reason in str(refused.value)


async def test_the_token_can_be_in_a_header(workbench: Workbench) -> None:
    given = reply("200 OK", b'"not this one"', "X-Ticket: tok-CANARY", "X-Kind: Store")
    _, server, _ = await _ask(workbench, given, source="headers", template='&{"x-kind"} &{"x-ticket"}')
    assert server.received[-1].header("Authorization") == "Store tok-CANARY"
    assert "CANARY" not in repr(list(workbench.exchanges))
    with pytest.raises(LoginRefused, match="no x-tickets"):
        await _ask(workbench, given, source="headers", template='&{"x-tickets"}')


async def test_the_token_can_go_into_a_header_of_its_own(workbench: Workbench) -> None:
    _, server, _ = await _ask(workbench, reply("200 OK", b'"tok-CANARY"'), header="X-Auth", template="&{@[0]}")
    assert server.received[-1].header("X-Auth") == "tok-CANARY"
    assert server.received[-1].header("Authorization") == ""
    assert "CANARY" not in repr(list(workbench.exchanges))


@pytest.mark.bad_input(42, 50)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect"])
async def test_a_login_that_is_sent_elsewhere_takes_no_password_there(workbench: Workbench, status: str) -> None:
    async def listen(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b'"tok-CANARY"'))

    async with serving(listen) as other:
        with pytest.raises(RequestFailed, match=f"It redirects to {other.url}; passwords do not follow") as failed:
            await _ask(workbench, reply(status, b"", f"Location: {other.url}/login?password={SECRET}"))
    assert other.received == []
    assert not isinstance(failed.value, LoginRefused)  # nobody looked at the password: the next one may try
    assert "CANARY" not in str(failed.value) + repr(list(workbench.exchanges))


@pytest.mark.bad_input(50)
@pytest.mark.parametrize("status", ["400 Bad", "401 Unauthorized", "500 Error"])
async def test_a_password_that_the_store_says_again_stays_hidden(workbench: Workbench, status: str) -> None:
    body = f'{{"message": "Wrong password {SECRET} for %1", "parameters": ["{SECRET}"]}}'.encode()
    echoing = reply(status, body, f"Set-Cookie: last={SECRET}; path=/", f"Location: /?p={SECRET}", f"X-Debug: {SECRET}")
    with pytest.raises(RequestFailed, match="Wrong password") as failed:
        await _ask(workbench, echoing)
    shown = "".join(text(exchange, form) for exchange in workbench.exchanges for form in ("simple", "long", "full"))
    assert "CANARY" not in str(failed.value) + shown + repr(list(workbench.exchanges))
    for file in workbench.machine.directories.state.rglob("*"):
        assert not file.is_file() or b"CANARY" not in file.read_bytes()


@pytest.mark.parametrize("status", ["429 Too Many", "503 Busy", "408 Timeout"])
async def test_a_login_that_the_server_did_not_process_is_not_a_refusal(workbench: Workbench, status: str) -> None:
    with pytest.raises(RequestFailed, match="did not check the credentials") as failed:
        await _ask(workbench, reply(status, b"{}"))
    assert not isinstance(failed.value, LoginRefused)
    _, server, _ = await _ask(workbench, reply("200 OK", b'"tok-CANARY"'))
    assert server.received[-1].header("Authorization") == "Bearer tok-CANARY"


def _with_login_client(shop: str, client: dict[str, Any], **more: Any) -> Profile:
    data = profile(f"{shop}/rest/V1", None).model_dump(exclude_none=True, by_alias=True)
    data["authentications"]["a"] = {**login(), "client": "door", **more}
    data["clients"]["shop"]["authentications"] = ["a"]
    data["clients"]["door"] = client
    data["authentications"]["gate"] = {"kind": "header", "header": "X-Gate", "value": {"keyring": "gate"}}
    found, problems = check_data(data)
    assert found is not None, problems
    return found


async def test_a_login_goes_through_its_own_client(workbench: Workbench) -> None:
    shop = Shop(reply("200 OK", b'"tok-CANARY"'))
    door = {
        "authentications": ["gate"],
        "plugins": [{"kind": "set-headers", "headers": {"User-Agent": "door"}}, {"kind": "retry", "attempts": 5}],
    }
    async with serving(shop) as server:
        workbench.vault.hold(PASSWORD, SECRET, server.url)
        workbench.vault.hold("gate", "a-CANARY-gate", server.url)
        async with workbench.session(_with_login_client(server.url, door)) as session:
            assert (await session.client("shop")(MODULES)).status == 200
    asked, answered = server.received
    assert (asked.header("User-Agent"), asked.header("X-Gate")) == ("door", "a-CANARY-gate")
    assert answered.header("User-Agent") != "door"
    assert answered.header("X-Gate") == ""
    assert [exchange.client for exchange in workbench.exchanges] == ["door", "shop"]


async def test_a_login_can_be_at_another_host(workbench: Workbench) -> None:
    async with serving(Shop(reply("200 OK", b'"tok-CANARY"'))) as door, serving(Shop(b"")) as shop:
        workbench.vault.hold(PASSWORD, SECRET, door.url)
        plugins = [{"kind": "base-uri", "uri": f"{door.url}/auth"}]
        saved = _with_login_client(shop.url, {"plugins": plugins}, uri=f"{door.url}/auth/token")
        async with workbench.session(saved) as session:
            assert (await session.client("shop")(MODULES)).status == 200
        assert len(door.received) == 1
        workbench.vault.hold(PASSWORD, SECRET, shop.url)
        async with workbench.session(_with_login_client(shop.url, {"plugins": plugins})) as session:
            with pytest.raises(InvalidRequest, match="The login cannot be sent: The request names another host"):
                await session.client("shop")(MODULES)
    assert len(door.received) == 1


async def test_a_disabled_login_client_says_so(workbench: Workbench) -> None:
    async with serving(Shop(b"")) as shop:
        workbench.vault.hold(PASSWORD, SECRET, shop.url)
        async with workbench.session(_with_login_client(shop.url, {"disabled": True})) as session:
            with pytest.raises(InvalidRequest, match="The client 'door' is disabled"):
                await session.client("shop")(MODULES)
    assert shop.received == []


@pytest.mark.bad_input(33, 34, 41)
def test_invalid_templates_are_reported_on_load() -> None:
    head = 'format = 1\nname = "Shop"\n[authentications.a]\nkind = "request"\nparameters = { username = "api" }\n'
    for line, message in {
        'template = "Bearer &{"': "6:20: authentications.a.template: &{ is not closed",
        'template = "Bearer &{}"': "6:20: authentications.a.template: &{}",
        'template = "Bearer &{a[}"': "6:24: authentications.a.template: &{a[}",
        'header = "X-&{name}"': "6:1: authentications.a.header: 'X-&{name}' is not a valid header name",
        'source = "cookies"': "6:1: authentications.a.source: must be 'body' or 'headers'",
        'cache = "soon"': '6:1: authentications.a.cache: write "auto", "off" or a duration',
        'method = "fetch"': "6:1: authentications.a.method: must be",
        'uri = "https://user:CANARY@shop.example/token"': "6:1: authentications.a.uri: an address must not contain",
        'uri = "ftp://shop.example/token"': "6:1: authentications.a.uri: 'ftp://shop.example/token' is not an http",
        'uri = "/rest/../token"': "6:1: authentications.a.uri: the path '/rest/../token' contains a segment of dots",
        'uri = "//evil.example/token"': "6:1: authentications.a.uri: '//evil.example/token' is not an http",
        'client = "nobody"': "6:1: authentications.a.client: unknown client 'nobody'",
    }.items():
        saved, problems = check(f"{head}{line}\n")
        assert saved is None, line
        assert message in str(problems[0]), problems


def _elsewhere(response: bytes, **more: Any) -> tuple[bytes, dict[str, Any]]:
    return response, {"uri": "/auth/token", **more}


@pytest.mark.parametrize(
    ("response", "more", "said", "advice"),
    [
        (*_elsewhere(reply("400 Bad", b'{"error":"unsupported_grant_type"}')), "unsupported_grant_type", "a form"),
        (
            *_elsewhere(reply("401 No", b'{"error":"invalid_grant","error_description":"Bad credentials"}')),
            "invalid_grant: Bad credentials",
            "Correct the parameters",
        ),
        (
            *_elsewhere(
                reply("403 No", b'{"errors":[{"status":"403","title":"Forbidden","detail":"IP not allowed"}]}')
            ),
            "Forbidden: IP not allowed",
            "Correct the parameters",
        ),
        (
            *_elsewhere(
                reply("401 No", b'{"detail":"No active account found"}', 'WWW-Authenticate: Bearer realm="api"')
            ),
            "No active account found",
            "Correct the parameters",
        ),
        (*_elsewhere(reply("400 Bad", b'{"error":{"code":400,"message":"INVALID_PASSWORD"}}')), "INVALID_PASSWORD", ""),
        (*_elsewhere(_typed(b"<title>Login &amp; more</title>", "text/html", "403 No")), "'Login & more'", ""),
        (*_elsewhere(reply("400 Bad", b'{"error":"echoes a-CANARY-password"}')), "echoes •••", ""),
    ],
)
async def test_a_refusal_elsewhere_shows_the_servers_reason_and_no_advice_about_magento(
    workbench: Workbench, response: bytes, more: dict[str, Any], said: str, advice: str
) -> None:
    with pytest.raises(LoginRefused) as refused:
        await _ask(workbench, response, **more)
    assert said in refused.value.message
    assert advice in refused.value.hint
    finding = diagnose_failure(refused.value, "GET x", workbench.exchanges.by_number(refused.value.exchange or 0))
    assert said in finding.summary
    assert finding.id == "login-refused"
    assert "Magento" not in str(refused.value) + str(finding)
    assert "CANARY" not in str(refused.value) + repr(list(workbench.exchanges))


async def test_the_lockout_is_explained_for_magentos_own_endpoint(workbench: Workbench) -> None:
    with pytest.raises(LoginRefused, match="locks an account"):
        await _ask(workbench, reply("401 Unauthorized", b'{"message":"Sign-in was incorrect"}'))


async def test_a_login_can_be_a_form(workbench: Workbench) -> None:
    parameters = {"user": "a&b", "password": {"keyring": PASSWORD}, "remember": True}
    _, server, _ = await _ask(workbench, TOKENS["plain text"], body="form", uri="/token", parameters=parameters)
    [sent] = [each for each in server.received if b"/token" in each.head.split(b"\r\n")[0]]
    assert sent.header("Content-Type") == "application/x-www-form-urlencoded"
    assert sent.body == b"user=a%26b&password=a-CANARY-password&remember=true"
    assert "CANARY" not in repr(list(workbench.exchanges))
