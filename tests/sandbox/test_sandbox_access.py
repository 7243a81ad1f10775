"""Who gets in: tokens and their end, lock-out, one-time codes, integrations, OAuth 1.0a and its dialects."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from urllib.parse import quote

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oauthlib.oauth1 import Client
from oauthlib.oauth1.rfc5849 import signature as oauthlib_signature
from sandbox_client import BEARER, Clock, Starter, Store, signature

from tui_connector.sandbox.oauth_signature import encode, sign

MODULES = "/rest/V1/modules"
SIGN_IN = "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later."


def brackets(*keys: object) -> str:
    return "searchCriteria" + "".join(f"[{key}]" for key in keys)


# Vectors made by running the PHP classes of each Magento generation.
HEADER = {
    "oauth_consumer_key": "a" * 32,
    "oauth_token": "b" * 32,
    "oauth_nonce": "deadbeef",
    "oauth_timestamp": "1700000000",
    "oauth_signature_method": "HMAC-SHA256",
}
DATED = "orders?" + quote(brackets("filter_groups", 0, "filters", 0, "value"), safe="") + "=2024-01-01%2000%3A00%3A00"
PLAIN = "I+VZGvLxdqcoKDqn7WamWiOplFqsjOklofwt3bRifwA="
DATED_OLD = "irniEoz5y0z6AM62dFmh0rwCsWNb0/tpdS1odhC76TE="
SLASH_AS_SENT = "+LWg6COL+UeH8g8C51n+uqGEtYI0vxwxuXvgNj455sE="


@pytest.mark.parametrize(
    ("dialect", "target", "expected"),
    [
        ("rfc5849", "modules", PLAIN),
        ("laminas", "modules", PLAIN),
        ("m248", "modules", PLAIN),
        ("rfc5849", DATED, DATED_OLD),
        ("laminas", DATED, DATED_OLD),
        ("m248", DATED, DATED_OLD),
        ("rfc5849", "products/AB%2F12", SLASH_AS_SENT),
        ("laminas", "products/AB%2F12", "3YYz+CWk5kva7IP3HZmAjKZ0PyMGEIELdWUMx6RwsAQ="),
        ("m248", "products/AB%2F12", SLASH_AS_SENT),
    ],
)
def test_signatures_match_those_of_php(dialect: str, target: str, expected: str) -> None:
    assert sign(dialect, "GET", f"https://shop.test/rest/all/V1/{target}", HEADER, "CS&TS") == expected


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=12), max_size=6),
    st.sampled_from(["rfc5849", "laminas"]),
)
def test_plain_requests_are_signed_like_oauthlib(values: dict[str, str], dialect: str) -> None:
    values = {name: value for name, value in values.items() if not any("\ud800" <= c <= "\udfff" for c in value)}
    query = "&".join(f"{name}={encode(value)}" for name, value in values.items())
    uri = "http://127.0.0.1:8424/rest/V1/products" + (f"?{query}" if query else "")
    pairs = [*HEADER.items(), *values.items()]
    text = oauthlib_signature.signature_base_string(
        "GET",
        oauthlib_signature.base_string_uri(uri),
        oauthlib_signature.normalize_parameters(pairs),
    )
    client = Client("", client_secret="CS", resource_owner_secret="TS")
    expected = oauthlib_signature.sign_hmac_sha256_with_client(text, client)
    assert sign(dialect, "GET", uri, HEADER, "CS&TS") == expected


async def test_a_signed_request_works_once(store: Store) -> None:
    header = store.oauth(MODULES)
    assert (await store.ask(MODULES, Authorization=header)).status == 200
    again = await store.ask(MODULES, Authorization=header)
    assert (again.status, again.data) == (
        401,
        {"message": "The nonce is already being used by the consumer with ID %1", "parameters": ["1"]},
    )


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"oauth_signature_method": "HMAC-SHA1"}, 400, "Signature method %1 is not supported"),
        ({"oauth_version": "2.0"}, 400, 'The "%1" Oauth version isn\'t supported.'),
        ({"oauth_token": ""}, 400, '"%fieldName" is required. Enter and try again.'),
        ({"oauth_token": "short"}, 400, "The token length is invalid. Check the length and try again."),
        ({"oauth_consumer_key": "k" * 32}, 401, "A consumer having the specified key does not exist"),
        ({"oauth_consumer_key": "short"}, 401, "Consumer key is not the correct length"),
        ({"oauth_token": "t" * 32}, 401, "Specified token does not exist"),
        ({"oauth_timestamp": "1795472336x"}, 401, "An error occurred validating the nonce"),
        ({"oauth_nonce": "n" * 33}, 401, "An error occurred validating the nonce"),
        ({"secret": "wrong CANARY"}, 401, "The signature is invalid. Verify and try again."),
    ],
)
async def test_each_invalid_parameter_is_named(
    store: Store, changes: dict[str, str], status: int, message: str
) -> None:
    reply = await store.ask(MODULES, Authorization=store.oauth(MODULES, **changes))
    assert (reply.status, reply.data["message"]) == (status, message)


async def test_a_token_of_another_consumer_is_refused(store: Store) -> None:
    other = store.described["integrations"]["catalog"]["access_token"]
    reply = await store.ask(MODULES, Authorization=store.oauth(MODULES, oauth_token=other))
    assert (reply.status, reply.data["message"]) == (401, "Token is not associated with the specified consumer")


async def test_a_request_through_a_tls_proxy_is_signed_for_https(store: Store) -> None:
    secure = store.url.replace("http:", "https:") + MODULES
    values = store.described["integrations"]["full"]
    header = HEADER | {"oauth_consumer_key": values["consumer_key"], "oauth_token": values["access_token"]}
    header["oauth_signature"] = signature(
        "GET", secure, header, (values["consumer_secret"], values["access_token_secret"])
    )
    text = "OAuth " + ",".join(f'{name}="{quote(value, safe="")}"' for name, value in header.items())
    assert (await store.ask(MODULES, Authorization=text, X_Forwarded_Proto="https")).status == 200


TWELVE = "/rest/V1/products?" + "&".join(
    f"{quote(brackets('filter_groups', place, 'filters', 0, name), safe='')}={value}"
    for place in range(12)
    for name, value in (("field", "sku"), ("value", "SYNC-0001"))
)
SPACED = "/rest/V1/products?" + quote(brackets("filter_groups", 0, "filters", 0, "field"), safe="") + "=name"
SPACED += "&" + quote(brackets("filter_groups", 0, "filters", 0, "value"), safe="") + "=Sync%20product%201"
CASES = {
    "plain": MODULES,
    "space in a value": SPACED,
    "slash in the path": "/rest/V1/products/A%2FB",
    "twelve filter groups": TWELVE,
    "bare parameter": "/rest/V1/products?searchCriteria",
    "plus in a value": "/rest/V1/products?searchCriteria=a+b",
}


@pytest.mark.parametrize(
    ("dialect", "accepted"),
    [
        ("rfc5849", {"plain", "space in a value", "slash in the path"}),
        ("laminas", {"plain", "space in a value"}),
        ("m248", {"plain", "space in a value", "slash in the path", "bare parameter"}),
    ],
)
async def test_which_dialects_accept_an_rfc_client(store: Store, dialect: str, accepted: set[str]) -> None:
    await store.set(sandbox__signing_dialect=dialect)
    statuses = {}
    for name, target in CASES.items():
        signed_target = target.replace("+", "%20")
        header = store.oauth(target, signed_target=signed_target)
        statuses[name] = (await store.ask(target, Authorization=header)).status
    got = {name for name, status in statuses.items() if status == 200}
    assert got == accepted | ({"plus in a value"} if dialect == "m248" else set())


async def test_basic_and_oauth_share_one_header(store: Store) -> None:
    await store.set(sandbox__basic_auth="stage:CANARY")
    basic = "Basic " + base64.b64encode(b"stage:CANARY").decode()
    refused = await store.ask("/rest/V1/directory/currency")
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Basic realm=")
    assert "html" in refused.content_type
    assert (await store.ask("/rest/V1/directory/currency", Authorization=basic)).status == 200
    both = f"{basic}, {store.oauth(MODULES)}"
    assert (await store.ask(MODULES, Authorization=both)).status == 200
    bearer = await store.ask(MODULES, Authorization=f"{basic}, {store.bearer()}")
    assert bearer.data["parameters"] == {"resources": "Magento_Backend::admin"}


async def test_integrations_are_limited_to_their_resources(store: Store) -> None:
    orders = "/rest/V1/orders?searchCriteria="
    expected = {
        ("full", MODULES): 200,
        ("full", orders): 200,
        ("catalog", MODULES): 200,
        ("catalog", orders): 401,
        ("inactive", MODULES): 401,
        ("none", MODULES): 401,
        ("none", "/rest/V1/directory/currency"): 200,
    }
    got = {}
    for name, target in expected:
        got[name, target] = (await store.ask(target, Authorization=store.oauth(target, name=name))).status
    assert got == expected


async def test_an_integration_token_alone_needs_the_setting(start: Starter) -> None:
    store = await start()
    refused = await store.ask(MODULES, Authorization=store.bearer())
    assert (refused.status, refused.data["message"]) == (
        401,
        "The consumer isn't authorized to access %resources.",
    )
    await store.change({BEARER: "1"})
    assert (await store.ask(MODULES, Authorization=store.bearer())).status == 200
    assert (await store.ask(MODULES, Authorization=store.bearer("inactive"))).status == 200
    assert (await store.ask(MODULES, Authorization=store.bearer().replace(" ", "  "))).status == 401


async def test_an_admin_token_expires(start: Starter, clock: Clock) -> None:
    store = await start(settings={"webapi/jwtauth/admin_expiration": "0.05"})
    token = (await store.token()).data
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims == {
        "uid": 1,
        "utypid": 2,
        "iat": int(clock.now().timestamp()),
        "exp": int(clock.now().timestamp()) + 3,
    }
    clock.forward(2.9)
    assert (await store.ask(MODULES, Authorization=f"Bearer {token}")).status == 200
    clock.forward(0.2)
    assert (await store.ask(MODULES, Authorization=f"Bearer {token}")).status == 401


@pytest.mark.parametrize("text", ["a.b.c", "..", "a.é.c", "a." + "x" * 5000 + ".c", "not-a-token"])
async def test_an_invalid_token_makes_a_guest(store: Store, text: str) -> None:
    reply = await store.ask(MODULES, Authorization=f"Bearer {text.encode().decode('latin-1')}")
    assert (reply.status, reply.data["parameters"]) == (401, {"resources": "Magento_Backend::admin"})


async def test_six_wrong_passwords_lock_a_user_for_half_an_hour(store: Store, clock: Clock) -> None:
    for _ in range(6):
        assert (await store.token("wrong CANARY")).data["message"] == SIGN_IN
    locked = await store.token()
    assert (locked.status, locked.data) == (401, {"message": SIGN_IN})
    assert (await store.token(username="clerk")).status == 200
    clock.forward(1799)
    assert (await store.token()).status == 401
    clock.forward(2)
    assert (await store.token()).status == 200


async def test_a_correct_password_resets_the_failures(store: Store) -> None:
    for _ in range(3):
        for _ in range(5):
            await store.token("wrong CANARY")
        assert (await store.token()).status == 200


async def test_two_factor_sign_in(store: Store, clock: Clock) -> None:
    google = "/rest/V1/tfa/provider/google/authenticate"
    assert (await store.ask(google, "POST", json_body={})).status == 404
    await store.set(twofactorauth__general__enable="1")
    assert (await store.ask(google, "POST", json_body={})).status == 400
    plain = await store.token()
    assert (plain.status, plain.data["parameters"]) == (400, {"active_providers": ["google"]})
    assert (await store.token("wrong CANARY")).status == 401

    admin = store.described["admin"]
    codes = pyotp.TOTP(admin["totp_secret"])
    statuses = {}
    for age in (0, 30, 90):
        otp = codes.at(int(clock.now().timestamp()) - age)
        body = {"username": admin["username"], "password": admin["password"], "otp": otp}
        statuses[age] = (await store.ask(google, "POST", json_body=body)).status
    assert statuses == {0: 200, 30: 200, 90: 401}
    otp = codes.at(int(clock.now().timestamp()))
    token = await store.ask(google, "POST", json_body=admin | {"otp": otp})
    assert (await store.ask(MODULES, Authorization=f"Bearer {token.data}")).status == 200


def test_the_sandbox_shares_nothing_with_the_client_that_signs() -> None:
    code = "import sys, tui_connector.sandbox.server; print([m for m in sys.modules if m.startswith('tui_connector.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "tui_connector.sandbox.access" in loaded
    assert "tui_connector.magento" not in loaded
    assert "tui_connector.client" not in loaded
