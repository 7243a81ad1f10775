"""OAuth 2 client credentials: what the token endpoint receives, how long a token is used, and what a refusal says."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import pytest
from http_server import Received, Server, reply, serving
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator
from profiles import profile

from tui_connector.client.authentication.oauth2 import stated_lifetime
from tui_connector.client.message import InvalidRequest, LoginRefused, Request, RequestFailed, Response
from tui_connector.client.printer import text
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.diagnosis import diagnose_exchange, diagnose_failure
from tui_connector.profile.problems import check, check_data

PRODUCTS = Request("GET", "products")
SECRET_NAME = "acme/api/client-secret"
SECRET = "a CANARY:sécret&=%"
GOOD = {"access_token": "tok-CANARY-1", "token_type": "Bearer", "expires_in": 3600}


@dataclass
class Issuer:
    """A token endpoint; `answers` are its responses in order, the last one for all that follow."""

    responses: list[bytes]
    server: Server = field(default_factory=lambda: Server(""))
    wait: asyncio.Event | None = None

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if self.wait is not None:
            await self.wait.wait()
        number = len(self.server.received)
        writer.write(self.responses[min(number, len(self.responses)) - 1])

    @property
    def logins(self) -> list[Received]:
        return self.server.received


@dataclass
class Api:
    """A store that accepts these tokens, or every token."""

    accepts: set[str] | None = None
    server: Server = field(default_factory=lambda: Server(""))

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        good = self.accepts is None or request.header("Authorization").removeprefix("Bearer ") in self.accepts
        writer.write(reply("200 OK", b"[]") if good else reply("401 Unauthorized", b'{"error":"invalid_token"}'))


def token(**more: Any) -> bytes:
    return reply("200 OK", json.dumps({**GOOD, **more}).encode())


@asynccontextmanager
async def stores(*responses: bytes, accepts: set[str] | None = None) -> AsyncIterator[tuple[Issuer, Api]]:
    issuer, api = Issuer(list(responses) or [token()]), Api(accepts)
    async with serving(issuer) as login, serving(api) as store:
        issuer.server, api.server = login, store
        yield issuer, api


def oauth2(issuer: Issuer, **more: Any) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return {
        "kind": "oauth2",
        "token-uri": f"{issuer.server.url}/oauth/token",
        "client-id": "acme:1",
        "client-secret": {"keyring": SECRET_NAME},
        **named,
    }


async def ask(bench: Workbench, issuer: Issuer, api: Api, times: int = 1, **more: Any) -> Response:
    bench.vault.hold(SECRET_NAME, SECRET, issuer.server.url)
    async with bench.session(profile(f"{api.server.url}/V1", oauth2(issuer, **more))) as session:
        for _ in range(times):
            response = await session.client("shop")(PRODUCTS)
    return response


def shown(bench: Workbench) -> str:
    forms = ("simple", "long", "full", "curl")
    return "\n".join(text(each, form, profile="shop", client="shop") for each in bench.exchanges for form in forms)


def form(request: Received) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}


def basic(request: Received) -> list[str]:
    scheme, _, pair = request.header("Authorization").partition(" ")
    assert scheme == "Basic"
    return [unquote_plus(part) for part in base64.b64decode(pair).decode().split(":")]


async def test_credentials_in_the_header_and_a_form(workbench: Workbench) -> None:
    async with stores() as (issuer, api):
        response = await ask(workbench, issuer, api, scope="a b", parameters={"audience": "https://api.example/"})
    [login] = issuer.logins
    assert response.status == 200
    assert login.head.startswith(b"POST /oauth/token ")
    assert login.header("Content-Type") == "application/x-www-form-urlencoded"
    assert form(login) == {"grant_type": "client_credentials", "scope": "a b", "audience": "https://api.example/"}
    assert basic(login) == ["acme:1", SECRET]
    assert [each.header("Authorization") for each in api.server.received] == ["Bearer tok-CANARY-1"]
    assert "CANARY" not in shown(workbench) + repr(list(workbench.exchanges))


@pytest.mark.parametrize("body", ["form", "json"])
async def test_credentials_in_the_body(workbench: Workbench, body: str) -> None:
    async with stores() as (issuer, api):
        await ask(workbench, issuer, api, client_authentication="client_secret_post", body=body, scope="a,b")
    [login] = issuer.logins
    sent = form(login) if body == "form" else json.loads(login.body)
    expected = {"grant_type": "client_credentials", "client_id": "acme:1", "client_secret": SECRET, "scope": "a,b"}
    assert sent == expected
    assert login.header("Authorization") == ""
    assert "CANARY" not in shown(workbench) + repr(list(workbench.exchanges))


async def test_a_relative_token_uri_starts_at_the_store(workbench: Workbench) -> None:
    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(token() if b"/oauth/token " in request.head else reply("200 OK", b"[]"))

    async with serving(response) as store:
        workbench.vault.hold(SECRET_NAME, SECRET, store.url)
        saved = {**oauth2(Issuer([]), token_uri="/oauth/token")}
        async with workbench.session(profile(f"{store.url}/V1", saved)) as session:
            assert (await session.client("shop")(PRODUCTS)).status == 200
    assert [each.head.split()[1] for each in store.received] == [b"/oauth/token", b"/V1/products"]


async def test_50_parallel_requests_share_one_login(workbench: Workbench) -> None:
    async with stores() as (issuer, api):
        workbench.vault.hold(SECRET_NAME, SECRET, issuer.server.url)
        async with workbench.session(profile(f"{api.server.url}/V1", oauth2(issuer))) as session:
            responses = await asyncio.gather(*(session.client("shop")(PRODUCTS) for _ in range(50)))
    assert {response.status for response in responses} == {200}
    assert len(issuer.logins) == 1


async def test_a_token_is_renewed_before_it_expires(machine: Machine) -> None:
    passed = [0.0]
    bench = Workbench(replace(machine, monotonic=lambda: machine.monotonic() + passed[0]))
    async with stores(token(expires_in=3600), token(access_token="tok-CANARY-2")) as (issuer, api):
        await ask(bench, issuer, api, times=2)
        passed[0] = 3_500.0
        await ask(bench, issuer, api)
        assert len(issuer.logins) == 1
        passed[0] = 3_545.0
        await ask(bench, issuer, api)
        assert len(issuer.logins) == 2
    bench.close()
    assert api.server.received[-1].header("Authorization") == "Bearer tok-CANARY-2"


async def test_a_401_renews_the_token_once(workbench: Workbench) -> None:
    async with stores(token(), token(access_token="tok-CANARY-2"), accepts={"tok-CANARY-2"}) as (issuer, api):
        assert (await ask(workbench, issuer, api)).status == 200
        assert len(issuer.logins) == 2
    async with stores(token(), accepts={"nothing"}) as (issuer, api):
        assert (await ask(Workbench(workbench.machine), issuer, api, times=3)).status == 401
        assert len(issuer.logins) == 2


UNSTATED = [None, 0, -1, -3600, "", "soon", "-5", True, [], {}, 1e300, 10**400, float("inf"), float("nan"), "9" * 400]


@pytest.mark.parametrize("expires_in", UNSTATED, ids=lambda value: str(value)[:12])
async def test_an_unbelievable_lifetime_means_until_a_401(workbench: Workbench, expires_in: object) -> None:
    assert stated_lifetime(expires_in) is None
    async with stores(token(expires_in=expires_in)) as (issuer, api):
        await ask(workbench, issuer, api, times=5)
    assert len(issuer.logins) == 1


@pytest.mark.parametrize(("expires_in", "life"), [(3600, 3540.0), ("3600", 3540.0), (10, 9.0), (86_399.0, 86_339.0)])
def test_a_lifetime_has_a_margin(expires_in: object, life: float) -> None:
    assert stated_lifetime(expires_in) == pytest.approx(life)


HTML = b"<!doctype html><title>Sign in &amp; go</title>"
UNUSABLE = {
    "a web page": (reply("200 OK", HTML).replace(b"application/json", b"text/html"), "not JSON", "Sign in & go"),
    "nothing": (reply("200 OK"), "not JSON", "0 bytes"),
    "a list": (reply("200 OK", b"[]"), "not a JSON object", ""),
    "a bare token": (reply("200 OK", b'"tok-CANARY"'), "not a JSON object", ""),
    "another name": (reply("200 OK", b'{"accessToken":"tok-CANARY"}'), "no access_token; it has: accessToken", ""),
    "an error with 200": (
        reply("200 OK", b'{"error":"bad_verification_code","error_description":"It is over"}'),
        "bad_verification_code: It is over",
        "",
    ),
    "mac": (token(token_type="mac"), "token_type is 'mac'", "only bearer"),
    "DPoP": (token(token_type="DPoP"), "token_type is 'DPoP'", ""),
    "a number": (token(access_token=5), "cannot be sent in a header", ""),
    "an empty token": (token(access_token=""), "cannot be sent in a header", ""),
    "a line break": (token(access_token="tok-CANARY\r\nX-Evil: 1"), "cannot be sent in a header", ""),
    "a space": (token(access_token="tok CANARY"), "cannot be sent in a header", ""),
    "too long": (token(access_token="CANARY" * 2_000), "12,000 characters, too many", ""),
    "too deep": (reply("200 OK", b"[" * 100_000), "not JSON", ""),
}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_a_response_without_a_usable_token_says_why_and_stops(workbench: Workbench, name: str) -> None:
    response, *words = UNUSABLE[name]
    async with stores(response) as (issuer, api):
        workbench.vault.hold(SECRET_NAME, SECRET, issuer.server.url)
        async with workbench.session(profile(f"{api.server.url}/V1", oauth2(issuer))) as session:
            for _ in range(3):
                with pytest.raises(LoginRefused) as refused:
                    await session.client("shop")(PRODUCTS)
        assert len(issuer.logins) == 1
    assert api.server.received == []
    for word in words:
        assert word in str(refused.value)
    assert "CANARY" not in str(refused.value) + shown(workbench) + repr(list(workbench.exchanges))
    assert diagnose_failure(refused.value, "GET products").field == "token-uri"


def refusal(status: str, code: str, description: str = "", *headers: str) -> bytes:
    body = {"error": code, **({"error_description": description} if description else {})}
    return reply(status, json.dumps(body).encode(), *headers)


REFUSED = {
    "invalid_client, 400": (
        refusal("400 Bad Request", "invalid_client", "invalid client_secret"),
        "client_secret_post",
    ),
    "invalid_client, 401": (
        refusal("401 Unauthorized", "invalid_client", "no", 'WWW-Authenticate: Basic realm="x"'),
        "client_secret_post",
    ),
    "invalid_scope": (refusal("400 Bad Request", "invalid_scope", "Unknown scope"), "Correct scope"),
    "unsupported_grant_type": (refusal("400 Bad Request", "unsupported_grant_type"), "now form"),
    "unauthorized_client": (refusal("400 Bad Request", "unauthorized_client"), "client_credentials"),
    "problem details": (
        reply("403 Forbidden", b'{"type":"about:blank","title":"Forbidden","detail":"Unknown tenant","status":403}'),
        "Check the token URI",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_shows_what_the_server_says_and_nothing_of_magento(workbench: Workbench, name: str) -> None:
    response, advice = REFUSED[name]
    async with stores(response) as (issuer, api):
        workbench.vault.hold(SECRET_NAME, SECRET, issuer.server.url)
        async with workbench.session(profile(f"{api.server.url}/V1", oauth2(issuer))) as session:
            for _ in range(3):
                with pytest.raises(LoginRefused) as refused:
                    await session.client("shop")(PRODUCTS)
        assert len(issuer.logins) == 1
    body = json.loads(response.partition(b"\r\n\r\n")[2])
    assert str(body.get("error_description") or body.get("error") or body["detail"]) in refused.value.message
    assert advice in refused.value.hint
    finding = diagnose_failure(
        refused.value, "GET products", workbench.exchanges.by_number(refused.value.exchange or 0)
    )
    assert (finding.id, finding.field) == ("login-refused", "client-secret")
    assert "Magento" not in str(finding) + str(refused.value)
    logged = workbench.exchanges.by_number(refused.value.exchange or 0)
    assert logged is not None
    assert str(body.get("error") or body["detail"]).encode() in logged.body.data
    explained = diagnose_exchange(logged)  # in the log, by the key i
    assert explained is not None
    assert explained.id == "login-refused"
    assert "Magento" not in str(explained)


async def test_a_refused_secret_is_not_sent_again_by_another_process_until_it_changes(machine: Machine) -> None:
    echo = refusal("400 Bad Request", "invalid_client", f"wrong secret {SECRET}")
    async with stores(echo, refusal("400 Bad Request", "invalid_client")) as (issuer, api):
        for _ in range(3):
            bench = Workbench(machine)  # what another process would have
            with pytest.raises(LoginRefused, match="invalid_client: wrong secret •••") as refused:
                await ask(bench, issuer, api)
            bench.close()
        assert len(issuer.logins) == 1
        assert diagnose_failure(refused.value, "GET products").fix is not None
        bench = Workbench(machine)
        bench.vault.hold(SECRET_NAME, "another CANARY", issuer.server.url)
        async with bench.session(profile(f"{api.server.url}/V1", oauth2(issuer))) as session:
            with pytest.raises(LoginRefused):
                await session.client("shop")(PRODUCTS)
        bench.close()
        assert len(issuer.logins) == 2


@pytest.mark.parametrize(
    "response", [reply("503 Busy"), reply("429 Slow down"), reply("302 Found", b"", "Location: /x")]
)
async def test_a_login_that_the_server_did_not_process_is_sent_again(workbench: Workbench, response: bytes) -> None:
    async with stores(response, token()) as (issuer, api):
        with pytest.raises(RequestFailed) as failed:
            await ask(workbench, issuer, api)
        assert not isinstance(failed.value, LoginRefused)
        assert (await ask(workbench, issuer, api)).status == 200


async def test_a_slow_server_fails_at_the_timeout(workbench: Workbench) -> None:
    async with stores() as (issuer, api):
        issuer.wait = asyncio.Event()
        workbench.vault.hold(SECRET_NAME, SECRET, issuer.server.url)
        data = profile(f"{api.server.url}/V1", oauth2(issuer)).model_dump(exclude_none=True, by_alias=True)
        data["authentications"]["a"]["client"] = "logins"
        data["clients"]["logins"] = {"timeout": "100ms"}
        saved, problems = check_data(data)
        assert saved is not None, problems
        async with workbench.session(saved) as session:
            with pytest.raises(RequestFailed, match="The login got no response"):
                await session.client("shop")(PRODUCTS)
            issuer.wait.set()
            async with asyncio.timeout(60):
                while True:
                    try:
                        assert (await session.client("shop")(PRODUCTS)).status == 200
                    except RequestFailed as failed:  # a loaded machine may need longer than the timeout
                        if "The login got no response" not in str(failed):
                            raise
                    else:
                        break


async def test_the_token_goes_to_the_clients_own_origin_only(workbench: Workbench) -> None:
    async with stores() as (issuer, api), serving(Api()) as other:
        workbench.vault.hold(SECRET_NAME, SECRET, issuer.server.url)
        saved = profile(f"{api.server.url}/V1", oauth2(issuer))
        data = saved.model_dump(exclude_none=True, by_alias=True)
        data["clients"]["bare"] = {"authentications": ["a"]}
        found, problems = check_data(data)
        assert found is not None, problems
        async with workbench.session(found) as session:
            for client in ("shop", "bare"):
                with pytest.raises(InvalidRequest):
                    await session.client(client)(Request("GET", f"{other.url}/steal"))
    assert other.received == []
    assert issuer.logins == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('client-secret = "literal-CANARY"', "a secret does not belong in a profile"),
        ('client-secret = { env = "X" }\nparameters = { grant_type = "password" }', "belongs to the grant"),
        ('client-secret = { env = "X" }\nparameters = { refresh_token = "CANARY" }', "is a secret"),
        ('client-secret = { env = "X" }\nclient-authentication = "basic"', "client_secret_basic"),
        ('client-secret = { env = "X" }\nclient = "none"', "unknown client 'none'"),
    ],
)
def test_mistakes_in_a_profile_are_named(line: str, words: str) -> None:
    head = '[authentications.a]\nkind = "oauth2"\ntoken-uri = "https://login.example/token"\nclient-id = "x"\n'
    _, problems = check(f'format = 1\nname = "Shop"\n{head}{line}\n')
    assert any(words in str(problem) for problem in problems), problems


class Registered(RequestValidator):  # type: ignore[misc]  # oauthlib has no types
    """What oauthlib asks of the keeper of clients: an independent reading of RFC 6749."""

    def authenticate_client(self, request: Any, *args: Any) -> bool:
        header = request.headers.get("Authorization", "")
        client, secret = request.client_id, request.client_secret
        if header.startswith("Basic "):
            client, secret = (unquote_plus(part) for part in base64.b64decode(header[6:]).decode().split(":"))
        request.client = type("Client", (), {"client_id": client})
        return (client, secret) == ("acme:1", SECRET)

    def validate_grant_type(self, client_id: str, grant_type: str, *args: Any) -> bool:
        return grant_type == "client_credentials"

    def get_default_scopes(self, *args: Any) -> list[str]:
        return ["products"]

    def validate_scopes(self, client_id: str, scopes: list[str], *args: Any) -> bool:
        return set(scopes) <= {"products", "orders"}

    def save_bearer_token(self, given: dict[str, Any], request: Any, *args: Any) -> None:
        self.given = given["access_token"]


@pytest.mark.parametrize("where", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize(
    ("scope", "secret", "error"),
    [
        ("products orders", SECRET, ""),
        (None, SECRET, ""),
        ("everything", SECRET, "invalid_scope"),
        (None, "CANARY", "invalid_client"),
    ],
)
async def test_oauthlib_understands_the_request(
    workbench: Workbench, where: str, scope: str | None, secret: str, error: str
) -> None:
    registered = Registered()
    endpoint = BackendApplicationServer(registered)

    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        if b"/oauth/token" not in request.head:
            good = request.header("Authorization") == f"Bearer {registered.given}"
            writer.write(reply("200 OK" if good else "401 No", b"[]"))
            return
        named = {name: request.header(name) for name in ("Authorization", "Content-Type")}
        uri = "https://store.example/oauth/token"  # oauthlib refuses plain http
        _, body, status = endpoint.create_token_response(uri, "POST", request.body.decode(), named)
        writer.write(reply(f"{status} Said", body.encode()))

    async with serving(response) as store:
        workbench.vault.hold(SECRET_NAME, secret, store.url)
        saved = {**oauth2(Issuer([]), token_uri="/oauth/token", client_authentication=where)}
        async with workbench.session(profile(f"{store.url}/V1", {**saved, **({"scope": scope} if scope else {})})) as s:
            if error:
                with pytest.raises(LoginRefused, match=error):
                    await s.client("shop")(PRODUCTS)
            else:
                assert (await s.client("shop")(PRODUCTS)).status == 200
