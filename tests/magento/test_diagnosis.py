"""Responses of stores, and of servers in front of them, that are not in the recordings, and unforeseen ones."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from exchanges import exchange, lost
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client.error_message import redirect_hint
from tui_connector.client.exchange import RecordedBody
from tui_connector.client.message import Failure, InvalidRequest, LoginRefused, Request, RequestFailed, Response
from tui_connector.magento.diagnosis import AuthKind, StoreMessage, diagnose, diagnose_exchange, diagnose_failure
from tui_connector.magento.diagnosis.case import Case
from tui_connector.magento.diagnosis.rules import EVERY_RULE, Rule
from tui_connector.secrets.mask import MARK
from tui_connector.secrets.token_shape import token_shape

HTML, JSON = ("Content-Type", "text/html"), ("Content-Type", "application/json")
LIST = "https://shop.example/rest/V1/products?searchCriteria%5BpageSize%5D=1"
TOKEN = "https://shop.example/rest/V1/integration/admin/token"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def message(text: str, parameters: object = None) -> bytes:
    return json.dumps({"message": text} | ({} if parameters is None else {"parameters": parameters})).encode()


SAID = StoreMessage("json", "words of the store")
REFUSED = message("The consumer isn't authorized to access %resources.", {"resources": "Magento_Backend::admin"})
CASES: dict[str, tuple[str, str, AuthKind, int, bytes, tuple[tuple[str, str], ...]]] = {
    # what stands in front
    "firewall": (
        "GET",
        LIST,
        "oauth1",
        403,
        b"<title>Attention Required! | Cloudflare</title>",
        (("Server", "cloudflare"),),
    ),
    "firewall ": ("GET", LIST, "", 503, b"<title>Just a moment...</title>", (HTML,)),
    "firewall  ": ("GET", LIST, "", 200, b"<title>x</title><div class=captcha>", (HTML,)),
    "firewall   ": ("GET", LIST, "", 406, b"<title>406 Not Acceptable</title>", (HTML,)),
    "firewall    ": ("GET", LIST, "", 429, b"<title>x</title>", (HTML, ("X-DataDome", "protected"))),
    "not-rest": (
        "GET",
        LIST,
        "",
        200,
        b'<title>Home</title><script type="text/x-magento-init">{"captcha":{"user_login":{}}}</script>',
        (HTML,),
    ),
    "web-server-password": ("GET", LIST, "", 401, b"", (("WWW-Authenticate", "Digest realm=x"),)),
    "redirect": ("GET", LIST, "", 302, b"", (("Location", "/customer/account/login"),)),
    "redirect ": ("GET", LIST, "", 301, b"", ()),
    "gateway": ("GET", LIST, "", 504, b"<title>504 Gateway Time-out</title>", (HTML,)),
    "gateway ": ("GET", LIST, "", 522, b"<title>522: Connection timed out</title>", (HTML,)),
    "too-many-requests ": ("GET", LIST, "", 429, b"<title>Access denied</title> rate limited", (HTML,)),
    "empty-answer": ("GET", LIST, "", 200, b"", (HTML,)),
    "encoded-slash": (
        "GET",
        "https://shop.example/rest/V1/products/A%2FB",
        "",
        404,
        b"<title>Not Found</title>",
        (HTML,),
    ),
    "plain-to-tls": ("GET", LIST, "", 400, b"Client sent an HTTP request to an HTTPS server.", ()),
    "php-text": ("GET", LIST, "", 200, b"<br />\n<b>Warning</b>: x in y<br />{}", (HTML,)),
    "too-many-requests": ("GET", LIST, "", 429, b"<title>429</title>", (HTML, ("Retry-After", "30"))),
    # logins
    "ims": (
        "POST",
        TOKEN,
        "",
        401,
        message("Admin token generation is disabled. Please use Adobe IMS ACCESS_TOKEN."),
        (),
    ),
    "user-without-role": ("POST", TOKEN, "", 401, message("More permissions are needed to access this."), ()),
    "two-factor-user": (
        "POST",
        TOKEN,
        "",
        400,
        message(
            "You are required to configure personal Two-Factor Authorization",
            {"providers": ["google"], "active_providers": []},
        ),
        (),
    ),
    "two-factor": ("POST", TOKEN, "", 400, message("Proszę użyć", {"active_providers": ["duo_security"]}), ()),
    "customer-login-refused": (
        "POST",
        TOKEN.replace("admin", "customer"),
        "",
        401,
        message("The account sign-in was incorrect"),
        (),
    ),
    # signatures
    "oauth-method": ("GET", LIST, "oauth1", 400, message("Signature method %1 is not supported", ["HMAC-SHA1"]), ()),
    "oauth-method ": ("GET", LIST, "oauth1", 400, message('The "%1" Oauth version isn\'t supported.', ["2.0"]), ()),
    "oauth-access-token": (
        "GET",
        LIST,
        "oauth1",
        400,
        message("The token length is invalid. Check the length and try again."),
        (),
    ),
    "oauth-access-token ": ("GET", LIST, "oauth1", 401, message("Specified token does not exist"), ()),
    "oauth-pair": ("GET", LIST, "oauth1", 401, message("Token is not associated with the specified consumer"), ()),
    # callers
    "not-authenticated": ("GET", LIST, "", 401, REFUSED, (JSON,)),
    "unauthorized": ("GET", LIST, "bearer", 401, message("Oauth token is not valid"), (JSON,)),
    "unauthorized ": ("GET", LIST, "", 401, message("The signature of this key is invalid"), (JSON,)),
    # requests
    "limit-page-size": ("GET", LIST, "", 400, message("Maximum SearchCriteria pageSize is %max", {"max": 300}), ()),
    "stand-in": (
        "GET",
        "https://shop.example/rest/V1/carts/1",
        "bearer",
        501,
        message("The sandbox … does not offer %route.", {"route": "GET /V1/carts/:cartId"}),
        (JSON,),
    ),
    "not-implemented": ("POST", LIST, "", 501, message("Unsupported method"), (JSON,)),
    "captcha": ("POST", "customers", "", 400, message("ReCaptcha validation failed, please try again"), ()),
    "https-only": ("GET", "analytics/link", "", 400, message("Operation allowed only in HTTPS"), ()),
    "method": ("PATCH", LIST, "", 400, message("Request method is invalid."), ()),
    "async-get": (
        "GET",
        "https://shop.example/rest/async/V1/products",
        "",
        400,
        message("Specified request cannot be processed."),
        (),
    ),
    "store-code": (
        "GET",
        "https://shop.example/rest/nl/V1/products",
        "",
        400,
        message("Specified request cannot be processed."),
        (),
    ),
    "try-again": ("POST", "products", "", 400, message("Database deadlock found when trying to get lock"), ()),
    "not-found": ("GET", "products/x", "", 404, message("Wniosek nie odpowiada żadnej ścieżce."), ()),
    "store-error": (
        "GET",
        LIST,
        "",
        500,
        b'{"messages":{"error":[{"code":500,"message":"Server internal error. See details in report api/123456"}]}}',
        (),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_refusal_gets_its_finding(name: str) -> None:
    method, uri, way, status, body, headers = CASES[name]
    found = diagnose(Request(method, uri), Response(status, headers, body, 7), way)
    assert found is not None
    assert found.id == name.strip()
    assert found.evidence[0].startswith(f"#7 {method} ")
    assert found.summary
    assert found.remedy


@pytest.mark.parametrize("target", ["https://bob:CANARY@other.example/rest/V1/x", "ftp://bob:CANARY@other.example/x"])
def test_the_target_of_a_redirect_is_shown_without_a_password(target: str) -> None:
    response = Response(302, (("Location", target),), b"", 7)
    found = diagnose(Request("GET", LIST), response, "")
    assert found is not None
    assert "other.example" in found.summary
    assert "CANARY" not in repr(found)
    assert redirect_hint(response) == f"It redirects to {target.replace('bob:CANARY', MARK)}."


@pytest.mark.parametrize("resource", ["Magento_Catalog::products", "Magento_Backend::admin"])
def test_without_probes_the_setting_for_a_token_alone_is_named_as_a_possible_cause(resource: str) -> None:
    refused = message("The consumer isn't authorized to access %resources.", {"resources": resource})
    response = Response(401, (JSON,), refused, 7)
    found = {way: diagnose(Request("GET", LIST), response, way) for way in ("bearer", "oauth1", "request")}
    settings = {way for way, each in found.items() if each and "enable_integration_as_bearer" in each.remedy}
    assert settings == {"bearer"}


def test_a_route_missing_in_the_sandbox_is_not_reported_as_a_store_failure() -> None:
    body = message("The sandbox … does not offer %route.", {"route": "GET /V1/carts/:cartId"})
    found = diagnose(Request("GET", "https://shop.example/rest/V1/carts/1"), Response(501, (JSON,), body, 7), "bearer")
    assert found is not None
    said = f"{found.summary} {found.remedy}"
    assert "GET /V1/carts/:cartId" in said
    assert "real Magento store" in said
    assert "exception.log" not in said


def test_messages_are_filled_in_and_reports_are_named() -> None:
    method, uri, way, status, body, headers = CASES["store-error"]
    found = diagnose(Request(method, uri), Response(status, headers, body, 1), way)
    assert found is not None
    assert "api/123456" in found.remedy
    limited = diagnose(Request("GET", LIST), Response(400, (), CASES["limit-page-size"][4], 1))
    assert limited is not None
    assert "%max" not in limited.evidence[0]
    assert limited.fix is not None
    assert (limited.fix.target, limited.fix.value) == ("page-size", "300")


@pytest.mark.parametrize(("method", "fix"), [("POST", "batch"), ("PUT", "batch"), ("GET", "")])
def test_a_smaller_batch_is_offered_for_writes_only(method: str, fix: str) -> None:
    words = message('Maximum items of type "%type" is %max', {"type": "FilterGroup", "max": 20})
    found = diagnose(Request(method, LIST), Response(400, (), words, 1))
    assert found is not None
    assert found.id == "limit-items"
    assert "20" in found.remedy
    assert (found.fix.target if found.fix else "") == fix


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    st.sampled_from([LIST, TOKEN, "modules", "https://shop.example/rest/", "https://shop.example/rest/all"]),
    st.sampled_from(["oauth1", "bearer", "request", ""]),
    st.integers(100, 599),
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=10),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["message", "parameters", "errors", "max", "fieldName", "resources"]), inner
                )
            ),
            max_leaves=8,
        ).map(lambda data: json.dumps(data).encode()),
    ),
    st.lists(
        st.tuples(st.sampled_from(["Content-Type", "Location", "WWW-Authenticate", "Date"]), st.text(max_size=12))
    ),
)
def test_any_response_gets_a_finding_or_is_a_success(
    method: str, uri: str, way: AuthKind, status: int, body: bytes, headers: list[tuple[str, str]]
) -> None:
    found = diagnose(Request(method, uri), Response(status, tuple(headers), body, 1), way)
    assert found is not None or status < 300
    assert found is None or (found.id and found.summary and found.remedy)


def test_failures_without_a_response_get_a_finding() -> None:
    for failure, name in (
        (LoginRefused("The store refused the login with 401 (Invalid)", status=401), "login-refused"),
        (LoginRefused("Answered with 200, but the template cannot read a token", status=200), "template"),
        (
            LoginRefused("… 400", status=400, server_message="Please use the 2fa provider-specific endpoints"),
            "two-factor",
        ),
        (InvalidRequest("The URI cannot be used"), "not-sent"),
        (RequestFailed("The login got no response"), "request-failed"),
    ):
        assert diagnose_failure(failure, "GET modules").id == name


@pytest.mark.parametrize(
    ("failure", "uri", "words"),
    [
        (Failure.REFUSED, "http://localhost:8852/rest", ("port 8852 of this computer", "container", "start the store")),
        (Failure.REFUSED, "https://shop.example/rest", ("port 443 of shop.example", "VPN", "curl -v https://shop")),
        (Failure.REFUSED, "http://[::1]:81/", ("port 81 of this computer",)),
        (Failure.TIMEOUT_CONNECT, "http://10.0.0.7/x", ("Port 80 of 10.0.0.7", "firewall", "VPN")),
        (Failure.DNS, "https://shop.exmaple/", ("shop.exmaple", "misspelt", "nslookup shop.exmaple")),
        (Failure.PROXY_UNREACHABLE, "https://shop.example/", ("is the proxy running?",)),
        (Failure.REFUSED, "not an address", ("is the store running?",)),
    ],
)
def test_a_connection_that_was_not_made_is_explained_by_host_and_port(
    failure: Failure, uri: str, words: tuple[str, ...]
) -> None:
    found = diagnose_exchange(lost(failure=failure, uri=uri))
    assert found is not None
    assert all(each in found.remedy for each in words)


def jwt(**claims: object) -> str:
    parts = ({"alg": "HS256"}, claims)
    head = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.c2ln"


def test_a_body_that_is_not_json_is_explained_by_what_is_wrong_and_where() -> None:
    refused = exchange(
        method="POST", status=400, body=message("Decoding error."), request_body=b'{"product": {"sku": "a",}}'
    )
    found = diagnose_exchange(refused)
    assert found is not None
    assert found.summary == "The body is not valid JSON: remove the comma before } (line 1, column 24)"
    part = replace(refused, request_body=replace(refused.request_body, cut=True, size=9_000))
    found = diagnose_exchange(part)
    assert found is not None
    assert found.summary == "The body is not valid JSON"  # the end is not known
    other = diagnose_exchange(replace(part, body=RecordedBody(message("No."), 15)))
    assert other is not None
    assert other.id != "bad-json"


def test_token_kinds_are_recognized_by_shape() -> None:
    later, before = (NOW + timedelta(minutes=1)).timestamp(), (NOW - timedelta(minutes=1)).timestamp()
    assert token_shape("a1" * 16, NOW).kind == "integration"
    assert token_shape(jwt(uid=1, utypid=2, exp=later), NOW).kind == "admin"
    assert token_shape(jwt(uid=1, utypid=3, exp=later), NOW).kind == "customer"
    assert not token_shape(jwt(uid=1, utypid=2, exp=later), NOW).expired
    assert token_shape(jwt(uid=1, utypid=2, exp=before), NOW).expired
    for foreign in ({"utypid": 2}, {"utypid": [], "exp": later}, {"utypid": 2, "exp": 10**400}, {"exp": "later"}):
        assert token_shape(jwt(**foreign), NOW).kind == "jwt"
    assert token_shape("a.b.c.d.e", NOW).kind == "jwt"
    for text in ("", "short", "a b", "A1" * 16, "x" * 33, "<html>"):
        assert token_shape(text, NOW).kind == "odd"


@pytest.mark.parametrize(
    ("token", "oddity"),
    [
        ("a1" * 15 + "B2", ": character 31 is a capital letter"),
        ("a1" * 15 + "b", ": it has 31 instead of 32 characters"),
        (
            "a1" * 16 + "\u00e9",
            ": it has 33 instead of 32 characters and character 33 is neither a lower-case letter nor a digit",
        ),
        ("a1" * 15 + "-2", ": character 31 is neither a lower-case letter nor a digit"),
        ("", ""),
    ],
)
def test_a_token_that_is_not_magentos_says_what_is_odd_about_it(token: str, oddity: str) -> None:
    response = Response(401, (JSON,), REFUSED, 1, token_shape(token, NOW))
    found = diagnose(Request("GET", "modules"), response, "bearer")
    assert found is not None
    assert found.summary == f"This does not look like a Magento token{oddity}"


def test_expired_customer_and_refused_tokens_get_different_findings() -> None:
    before = (NOW - timedelta(minutes=1)).timestamp()
    for token, name in (
        (jwt(utypid=2, exp=before), "token-expired"),
        (jwt(utypid=3, exp=before + 3_600), "customer-token"),
        ("no token", "token-malformed"),
        ("a" * 32, "bearer-refused"),
    ):
        response = Response(401, (JSON,), REFUSED, 1, token_shape(token, NOW))
        found = diagnose(Request("GET", "modules"), response, "bearer", authenticated=False)
        assert found is not None
        assert found.id == name
        # nobody copies the token of a login
        found = diagnose(Request("GET", "modules"), response, "request", authenticated=False)
        assert found is not None
        assert found.id == "login-token-refused"


@pytest.mark.parametrize(
    ("path", "words", "not_words"),
    [
        ("products/24-MB01", "sku", "order"),
        ("products/A%2FB?fields=sku", "%2F", "order"),
        ("stockItems/24-MB01", "sku", "order"),
        ("orders/000000001", "entity_id", "sku"),
        ("invoices/7/comments", "entity_id", "sku"),
        ("products/attributes/colour", "attribute", "sku"),
        ("cmsPage/home", "page_id", "order"),
        ("guest-carts/12/items", "masked id", "order"),
        ("customers/7", "Compare the identifier.", "order"),
    ],
)
def test_a_missing_entity_is_explained_by_its_identifier(path: str, words: str, not_words: str) -> None:
    body = message("No such entity with %fieldName = %fieldValue", {"fieldName": "id", "fieldValue": "7"})
    for base in ("https://shop.example/rest/all/V1/", ""):
        finding = diagnose(Request("GET", base + path), Response(404, (JSON,), body, 1), "oauth1")
        assert finding is not None
        assert finding.id == "no-entity"
        assert words in finding.remedy
        assert not_words not in finding.remedy.lower()


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.id)
def test_each_rule_fills_in_its_texts(rule: Rule) -> None:
    case = Case(Request("GET", LIST), Response(400, (), b"", 1), SAID)
    told = dict.fromkeys(("origin", "signed_origin", "hidden", "remedies"), "x")
    found = rule.finding(("#1",), case, told)
    assert found.summary
    assert found.remedy
    assert "{" not in f"{found.summary}{found.remedy}".replace('{"product": …}', "")


def test_a_token_of_another_length_says_nothing_about_the_consumer_key() -> None:
    """Magento checks the length before it looks for the key (Magento\\Framework\\Oauth\\Oauth)."""
    summaries = []
    for name in ("oauth-access-token", "oauth-access-token "):
        method, uri, way, status, body, headers = CASES[name]
        found = diagnose(Request(method, uri), Response(status, headers, body, 7), way)
        assert found is not None
        summaries.append(found.summary)
    assert summaries == [
        "The access token does not have the 32 characters of Magento's tokens",
        "Magento knows the consumer key, but not this access token",
    ]


@pytest.mark.parametrize(("field", "words"), [("prise", "Did you mean price? Only"), ("nosuch", "Only")])
def test_the_field_that_was_meant_is_proposed(field: str, words: str) -> None:
    refused = Response(
        400, (JSON,), message('The "%1" attribute name is invalid. Reset the name and try again.', [field]), 1
    )
    finding = diagnose(Request("GET", LIST), refused)
    assert finding is not None
    assert finding.remedy.startswith(words)


@pytest.mark.parametrize(
    ("text", "parameters", "words"),
    [
        ("Invalid product data: %1", ["Invalid attribute set entity type"], "in attribute_set_id: 4 is Default"),
        ('The "%1" attribute value is empty. Set the attribute and try again.', ["Product Name"], "Give name a value"),
        (
            'The "Brand" attribute value is empty. Set the attribute and try again.',
            None,
            "with the label Brand a value",
        ),
        ('The "URL Key" attribute value is empty. Set the attribute and try again.', None, "Give url_key a value"),
    ],
)
def test_the_field_that_a_new_product_lacks_is_named(text: str, parameters: object, words: str) -> None:
    request = Request("PUT", "https://shop.example/rest/V1/products/SYNC", body=b'{"product": {"sku": ""}}')
    finding = diagnose(request, Response(400, (JSON,), message(text, parameters), 7), "oauth1")
    assert finding is not None
    assert words in finding.remedy
