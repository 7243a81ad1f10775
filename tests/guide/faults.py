"""What can be wrong between a profile and its store, what is to be found, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from faulty_stores import (
    Change,
    Fault,
    by_head,
    in_polish,
    old_store,
    passing,
    same,
    without_authorization,
    without_gzip,
    without_port,
)

from tui_connector.magento.entities import READABLE, WRITABLE

BEARER = "oauth/consumer/enable_integration_as_bearer"
TWO_FACTOR = "twofactorauth/general/enable"
WEB = "shop/web/password"
PROVIDERS = "twofactorauth/general/force_providers"


@dataclass(frozen=True)
class Setting:
    """A store, and a profile for it. As it stands here, nothing is wrong."""

    way: str = "oauth1"
    store: dict[str, str] = field(default_factory=dict)
    integration: str = "full"
    secrets: dict[str, str] = field(default_factory=dict)
    """What is given in place of a secret; "other:…" is that of another integration."""
    username: str = "admin"
    path: str = "/rest/V1"
    fault: Fault = passing
    change: Change = same
    """What becomes of the store's responses."""
    fast: timedelta = timedelta()
    """How far this computer's clock is ahead of the store's."""
    parts: dict[str, Any] = field(default_factory=dict)
    """Incoming and outgoing configurations."""
    in_front: bool = False
    """The client has the password that the web server asks for."""
    more: dict[str, Any] = field(default_factory=dict)
    """Further fields of the authentication."""


@dataclass(frozen=True)
class Case:
    """What is wrong, and what mends it; both are changes of a setting in which nothing is wrong."""

    finding: str
    words: str
    """Something that the remedy must say."""
    wrong: dict[str, Any]
    mended: dict[str, Any]
    fix: str = ""
    """What can be mended by one key."""


def reading(entity: str, **changes: Any) -> dict[str, Any]:
    return {"parts": {"incoming": {entity: {**READABLE[entity].configuration("shop"), **changes}}}}


def sending(entity: str) -> dict[str, Any]:
    return {"parts": {"outgoing": {entity: WRITABLE[entity].configuration("shop")}}}


OK: dict[str, Any] = {}
POLISH: dict[str, Any] = {"fault": without_gzip, "change": in_polish}
IN_FRONT = {"sandbox/basic_auth": "staging:web-CANARY"}
LIMITS = {"webapi/validation/input_limit_enabled": "1", "webapi/validation/maximum_page_size": "2"}
FILTERED = (
    "products?searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bfield%5D={field}"
    "&searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bvalue%5D={value}"
)


def filtered(field: str, value: str = "x") -> dict[str, Any]:
    request = {"uri": FILTERED.format(field=field, value=value)}
    return reading("products", request=request, pagination=None, incremental=None)


CASES: dict[str, Case] = {
    "bearer switched off": Case(
        "bearer-refused",
        "config:set oauth/consumer",
        {"way": "bearer"},
        {"way": "bearer", "store": {BEARER: "1"}},
        "authentication",
    ),
    "bearer switched off, signed instead": Case(
        "bearer-refused", "four tokens", {"way": "bearer"}, OK, "authentication"
    ),
    "an unknown bearer token on an old store": Case(
        "token-unknown",
        "Integration Details",
        {"way": "bearer", "store": {BEARER: "1"}, "secrets": {"token": "x" * 32}, "fault": old_store},
        {"way": "bearer", "store": {BEARER: "1"}, "fault": old_store},
    ),
    "no token at all": Case(
        "token-malformed", "third value", {"way": "bearer", "secrets": {"token": "not-a-token"}}, OK
    ),
    "the header is lost": Case(
        "header-lost",
        "SetEnvIf",
        {"way": "bearer", "store": {BEARER: "1"}, "fault": without_authorization},
        {"way": "bearer", "store": {BEARER: "1"}},
    ),
    "the header of a signed request is lost": Case(
        "header-lost", "fastcgi_param", {"fault": without_authorization}, OK
    ),
    "wrong consumer key": Case("oauth-consumer-key", "first value", {"secrets": {"consumer-key": "c" * 32}}, OK),
    "wrong consumer key in another language": Case(
        "oauth-consumer-key", "first value", {"secrets": {"consumer-key": "c" * 32}, **POLISH}, POLISH
    ),
    "inactive in another language": Case(
        "integration-inactive", "Activate", {"integration": "inactive", **POLISH}, POLISH
    ),
    "a password in another language": Case(
        "login-refused", "six failures", {"way": "request", "secrets": {"password": "wrong-CANARY"}, **POLISH}, POLISH
    ),
    "wrong access token": Case("oauth-access-token", "third value", {"secrets": {"access-token": "c" * 32}}, OK),
    "wrong consumer secret": Case(
        "oauth-signature", "second and the fourth", {"secrets": {"consumer-secret": "c" * 32}}, OK
    ),
    "wrong token secret": Case(
        "oauth-signature", "second and the fourth", {"secrets": {"access-token-secret": "c" * 32}}, OK
    ),
    "key and token of two integrations": Case(
        "oauth-pair", "one row", {"secrets": {"access-token": "other:access_token"}}, OK
    ),
    "revoked": Case("oauth-revoked", "Reauthorize", {"store": {"sandbox/revoked": "full"}}, OK),
    "inactive": Case("integration-inactive", "Activate", {"integration": "inactive"}, OK),
    "nothing ticked": Case("integration-inactive", "tick", {"integration": "none"}, OK),
    "clock an hour fast": Case("clock", "timedatectl", {"fast": timedelta(hours=1)}, OK),
    "a proxy hides the port": Case(
        "oauth-proxy",
        "fastcgi_param HTTP_HOST $http_host",
        {"fault": without_port},
        {"fault": without_port, "more": {"signed-origin": "http://127.0.0.1"}},
        "signed-origin",
    ),
    "a proxy hid the port, and no longer does": Case(
        "oauth-origin", "Remove signed-origin", {"more": {"signed-origin": "http://127.0.0.1"}}, OK, "signed-origin"
    ),
    "signed as another host": Case(
        "oauth-origin", "Remove signed-origin", {"more": {"signed-origin": "https://old.example"}}, OK, "signed-origin"
    ),
    "signed as the address's host while a proxy hides the port": Case(
        "oauth-proxy",
        "proxy_set_header Host $http_host",
        {"fault": without_port, "more": {"signed-origin": "https://127.0.0.1"}},
        {"fault": without_port, "more": {"signed-origin": "http://127.0.0.1"}},
        "signed-origin",
    ),
    "the version signs differently": Case(
        "oauth-dialect",
        'dialect = "m248"',
        {"store": {"sandbox/signing_dialect": "m248"}, "more": {"dialect": "laminas"}},
        {"store": {"sandbox/signing_dialect": "m248"}, "more": {"dialect": "m248"}},
        "dialect",
    ),
    "the version signs differently, and it is an old one": Case(
        "oauth-dialect",
        'dialect = "rfc5849"',
        {"store": {"sandbox/signing_dialect": "rfc5849"}, "more": {"dialect": "m248"}},
        {"store": {"sandbox/signing_dialect": "rfc5849"}},
        "dialect",
    ),
    "wrong password": Case(
        "login-refused", "six failures", {"way": "request", "secrets": {"password": "wrong-CANARY"}}, {"way": "request"}
    ),
    "inactive user": Case(
        "login-refused", "log in to the admin", {"way": "request", "username": "former"}, {"way": "request"}
    ),
    "one-time codes": Case(
        "two-factor",
        "integration",
        {"way": "request", "store": {TWO_FACTOR: "1"}},
        {"store": {TWO_FACTOR: "1"}},
        "one-time-code",
    ),
    "one-time codes not set up by the user": Case(
        "two-factor-mail",
        "in a browser",
        {"way": "request", "username": "clerk", "store": {TWO_FACTOR: "1"}},
        {"store": {TWO_FACTOR: "1"}},
    ),
    "one-time codes not set up by the store": Case(
        "two-factor-store",
        "force_providers",
        {"way": "request", "store": {TWO_FACTOR: "1", PROVIDERS: ""}},
        {"way": "request"},
    ),
    "no authentication": Case(
        "not-authenticated", "HTTP authentication", {"way": "", **reading("products")}, reading("products")
    ),
    "maintenance": Case("maintenance", "maintenance:disable", {"store": {"sandbox/maintenance": "1"}}, OK),
    "password in front": Case(
        "web-server-password", "Exempt", {"store": IN_FRONT}, {"store": IN_FRONT, "in_front": True}
    ),
    "password in front, and a secret that is wrong": Case(
        "oauth-signature",
        "second and the fourth",
        {"store": IN_FRONT, "in_front": True, "secrets": {"consumer-secret": "c" * 32}},
        {"store": IN_FRONT, "in_front": True},
    ),
    "firewall": Case("firewall", "allowed", {"store": {"sandbox/fail_next": "403:1"}}, OK),
    "too many requests": Case("too-many-requests", "rate-limit", {"store": {"sandbox/fail_next": "429:1"}}, OK),
    "PHP is down": Case("gateway", "Try again", {"store": {"sandbox/fail_next": "502:1"}}, OK),
    "the store fails": Case("store-error", "var/log/exception.log", {"store": {"sandbox/fail_next": "500:1"}}, OK),
    "unknown store view": Case(
        "store-code", "All Stores", {"path": "/rest/nowhere/V1"}, {"path": "/rest/default/V1"}, "store-view"
    ),
    "no version": Case("rest-version", "capital V", {"path": "/rest/v1"}, OK),
    "wrong path": Case("not-rest", "/index.php", {"path": "/shop/rest/V1"}, {"path": "/index.php/rest/V1"}),
    "a page with 200": Case("not-rest", "installed", {"fault": by_head("200 OK", body=b"<title>Shop</title>")}, OK),
    "PHP's warnings": Case(
        "php-text",
        "display_errors",
        {"fault": by_head("200 OK", body=b"Deprecated: x in y on line 3\n{}", kind=b"text/html")},
        OK,
    ),
    "redirect": Case(
        "redirect",
        "store's address",
        {"fault": by_head("301 Moved", "Location: https://www.shop.example/rest/V1/x")},
        OK,
        "address",
    ),
    "plain HTTP on a port for TLS": Case(
        "plain-to-tls",
        "https://",
        {"fault": by_head("400 Bad Request", body=b"<title>400 The plain HTTP request was sent to HTTPS port</title>")},
        OK,
        "address",
    ),
    "orders are not ticked": Case(
        "permission-missing",
        "Orders › Actions › View",
        {"integration": "catalog", **reading("orders")},
        reading("orders"),
    ),
    "stock is not ticked": Case(
        "permission-missing", "Source Item Assigning", {"integration": "catalog", **sending("stock")}, sending("stock")
    ),
    "a path that is no route": Case(
        "no-route", "Compare the path", reading("products", request={"uri": "product"}), reading("products")
    ),
    "a field that cannot be searched by": Case("filter-field", "entity_id", filtered("nosuch"), filtered("sku")),
    "input limits": Case(
        "limit-page-size", "2", {"store": LIMITS, **reading("products")}, reading("products"), "page-size"
    ),
}
