"""A response and its request, with the facts that the rules test and show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from urllib.parse import urljoin, urlsplit

from ...client.authentication.login_lockouts import MAGENTO_LOGIN
from ...client.body_refusal import BodyRefusal, RefusalCode
from ...client.message import Request, Response
from ...client.uri import is_absolute
from ...errors import InvalidValue
from ...invalid_json import json_fault
from ...misspelling import most_similar
from ...secrets.named_values import mask_addresses
from ...secrets.names import strip_query_and_keys
from ...secrets.token_shape import TokenShape
from ...text import beginning, without_secrets
from ..criteria import uri_parameters
from ..dialects import DIALECTS, base_string
from ..entities import READABLE, permission_path
from ..entities.search_fields import SEARCH_FIELDS
from ..projection import PARAMETER, bracket_fault
from .finding import AuthKind
from .store_message import StoreMessage

_REST = re.compile(r"(?:^|/)rest(?:/|$)(?P<rest>.*)")
_BEFORE_REST = re.compile(r"/(?:index\.php/)?rest(?:/|$)")
_VERSION = re.compile(r"(V\d+|async|schema)(/|$)")
_SEARCH = re.compile(r"search_?criteria", re.IGNORECASE)
_COLUMN = re.compile(r"Unknown column '([^']{1,100})'")
_EMPTY_ATTRIBUTE = re.compile(r'"([^"]{1,100})" attribute value is empty')
_CODES = {
    **dict.fromkeys(("product name", "name"), "name"),
    "price": "price",
    "sku": "sku",
    "url key": "url_key",
    "tax class": "tax_class_id",
    "visibility": "visibility",
}
"""Codes of Magento's own attributes by their labels, in lower case."""
_REPORT = re.compile(r"\bwebapi-[0-9a-f]{6,20}\b|\bapi/\d{3,20}\b")
_TIMESTAMP = re.compile(r'oauth_timestamp="(\d{1,12})"')
_CLOCK_TOLERANCE = 590
"""Seconds; Magento accepts timestamps up to ten minutes ahead, and the request took a moment."""
_FIREWALL_HEADERS = ("cf-mitigated", "x-datadome", "x-sucuri-id", "x-iinfo", "x-akamai-request-id")
"""Response headers of firewalls (Cloudflare, DataDome, Sucuri, Imperva, Akamai)."""
_FIREWALL_PAGE = re.compile(
    rb"captcha|just a moment|checking your browser|access denied|request blocked|incident id|bot detection",
    re.IGNORECASE,
)
_SHOP_PAGE = re.compile(rb"text/x-magento-init|Magento_[A-Z]")
_PLAIN_TO_TLS = (
    b"plain HTTP request was sent to HTTPS port",
    b"speaking plain HTTP to an SSL-enabled",
    b"HTTP request to an HTTPS server",
)
"""The messages of nginx, Apache and Go's servers to plain HTTP on a TLS port."""


def auth_kind_of(authorization: str) -> AuthKind:
    """The kind of authentication that a header shows. A login's token cannot be told from an integration's."""
    if "oauth " in authorization.lower():
        return "oauth1"
    return "bearer" if authorization.lower().startswith("bearer ") else ""


def is_too_far_ahead(timestamp: float, response: Response) -> bool:
    """Whether this Unix time is further ahead of the store's clock (the Date header) than Magento allows."""
    try:
        store_time = parsedate_to_datetime(response.header("Date") or "").timestamp()
    except ValueError:
        return False
    return timestamp - store_time > _CLOCK_TOLERANCE


@dataclass(frozen=True)
class Case:
    """One response and its request. A rule's texts may name its properties in braces."""

    request: Request
    response: Response
    body: StoreMessage
    """The response's body, parsed."""
    auth: AuthKind = ""
    authenticated: bool | None = None
    """Whether another request has shown that the store knows the caller; None if none was sent."""
    refusal: BodyRefusal | None = None
    """What a response of success refuses."""
    has_whole_request: bool = True
    """Whether the body of the request is all that was sent."""

    @property
    def refused(self) -> str:
        """What a response of success refuses, as a sentence without its full stop."""
        return "" if self.refusal is None else self.refusal.message.rstrip(".")

    def refuses(self, *codes: RefusalCode) -> bool:
        return self.refusal is not None and self.refusal.code in codes

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def path(self) -> str:
        return self.request.uri.partition("?")[0]

    @property
    def message(self) -> str:
        """The store's error message."""
        return beginning(self.body.message, 400) or "no reason given"

    @property
    def title(self) -> str:
        return f" ({self.body.title!r})" if self.body.title else ""

    # Responses that may not come from Magento.

    @property
    def is_rest_response(self) -> bool:
        """Whether Magento's REST API sends such a response."""
        return self.body.by_magento or (self.body.kind == "empty" and self.response.media_type.endswith("json"))

    @property
    def location(self) -> str:
        return beginning(mask_addresses(self.response.header("Location") or ""), 200)

    @cached_property
    def redirect_uri(self) -> str:
        """The absolute target of a redirect; empty without one."""
        location = self.response.header("Location") or ""
        try:
            target = urljoin(self.request.uri, location) if location else ""
            return target if urlsplit(target).scheme in ("http", "https") else ""
        except ValueError:
            return ""

    @property
    def redirect_target(self) -> str:
        return beginning(mask_addresses(self.redirect_uri), 200)

    @property
    def redirect_store(self) -> str:
        """The store's address in the target of a redirect."""
        return beginning(strip_query_and_keys(_BEFORE_REST.split(self.redirect_uri, maxsplit=1)[0]), 200)

    @property
    def auth_scheme(self) -> str:
        """The authentication scheme that a web server requires, such as Basic."""
        return without_secrets(self.response.header("WWW-Authenticate") or "").partition(" ")[0]

    @property
    def is_plain_to_tls(self) -> bool:
        return any(words in self._start for words in _PLAIN_TO_TLS)

    @property
    def https_address(self) -> str:
        """The store's address with https; empty if the request's URI is relative."""
        secure = re.sub(r"^http:", "https:", self.request.uri)
        return _BEFORE_REST.split(secure, maxsplit=1)[0] if secure.startswith("https:") else ""

    @property
    def is_firewall_page(self) -> bool:
        """Whether a firewall or web server rejected the request; Magento's own 403 and 406 are JSON."""
        if self.status in (403, 406) or any(self.response.header(name) for name in _FIREWALL_HEADERS):
            return self.status in (200, 401, 403, 406, 429, 503)
        # every page of a Magento shop contains its login's captcha; a 429 is explained by itself
        is_shop = _SHOP_PAGE.search(self.response.body[:500_000]) is not None
        return self.status in (200, 401, 503) and not is_shop and _FIREWALL_PAGE.search(self._start) is not None

    @property
    def _start(self) -> bytes:
        return self.response.body[:20_000]

    @property
    def server(self) -> str:
        name = beginning(self.response.header("Server") or "", 60)
        return f" ({name})" if name else ""

    @property
    def is_maintenance(self) -> bool:
        page = self.response.body[:100_000]
        return b"maintenance" in page or b"Service Temporarily Unavailable" in page

    @property
    def accept(self) -> str:
        return beginning(self.request.header("Accept") or "application/json", 60)

    @property
    def accepts_json(self) -> bool:
        return re.search(r"json|xml|\*/\*|application/\*", self.request.header("Accept") or "json") is not None

    @property
    def is_error_page_without_report(self) -> bool:
        return b"base href" in self.response.body[:5_000] and b"report" not in self.response.body.lower()

    @property
    def retry_after(self) -> str:
        after = beginning((self.response.header("Retry-After") or "").strip(), 40)
        return f" ({after} s)" if after.isdecimal() else ""

    # The caller.

    @property
    def token(self) -> TokenShape | None:
        """The form of the bearer token that was sent, if known; None for that of a login, which no user copies."""
        return self.response.token if self.auth in ("", "bearer") else None

    @property
    def token_oddity(self) -> str:
        oddity = self.token.oddity if self.token is not None else ""
        return f": {oddity}" if oddity else ""

    @property
    def resource(self) -> str:
        """The permission (ACL resource) that a refusal names."""
        return self.body.parameter("resources")

    @property
    def permission_path(self) -> str:
        """Where in Magento's tree of permissions the resource is ticked."""
        return permission_path(self.resource)

    @cached_property
    def _endpoint(self) -> re.Match[str] | None:
        return MAGENTO_LOGIN.search("/" + self.path.lstrip("/"))

    @property
    def is_login(self) -> bool:
        return self._endpoint is not None

    @property
    def is_login_with_code(self) -> bool:
        return self._endpoint is not None and self._endpoint[3] is not None

    @property
    def is_customer_login(self) -> bool:
        return self._endpoint is not None and self._endpoint[2] == "customer"

    @property
    def login_without_code(self) -> str:
        """The path of the token endpoint that needs no one-time code."""
        return f"{self.path.partition('/tfa/')[0]}/integration/admin/token"

    @property
    def providers(self) -> str:
        return self.body.parameter("active_providers")

    @property
    def provider(self) -> str:
        return self.providers.partition(",")[0]

    @property
    def lacks_two_factor_setup(self) -> bool:
        """Whether the user has not set up one-time codes yet."""
        requested = self.body.has("configure personal", "provider is not configured")
        return requested or "providers" in (self.body.named or {})

    # The signature.

    @property
    def is_signed(self) -> bool:
        return self.auth == "oauth1" or auth_kind_of(self.request.header("Authorization") or "") == "oauth1"

    @property
    def is_signature_refusal(self) -> bool:
        """Whether a signed request was refused for its signature: with 401, or with 400 if it is malformed."""
        if self.status == 401:
            return self.is_signed
        is_malformed = self.body.has("signature method", "oauth version") or (
            self.body.has("token") and not self.body.has("nonce", "timestamp", "revoked", "not associated", "consumer")
        )
        return self.status == 400 and self.is_signed and is_malformed and not self.body.named

    @property
    def is_clock_ahead(self) -> bool:
        """Whether the signature's timestamp is further ahead of the store's clock than Magento allows."""
        stamp = _TIMESTAMP.search(self.request.header("Authorization") or "")
        return stamp is not None and is_too_far_ahead(float(stamp[1]), self.response)

    @property
    def unsignable_reason(self) -> str:
        """Why Magento 2.4.8 refuses every signature of this request; empty if it does not."""
        try:
            base_string(self.method, self._signed_uri, {}, "m248")
        except InvalidValue as error:
            return str(error)
        return ""

    @property
    def depends_on_dialect(self) -> bool:
        """Whether Magento versions sign this request differently; if so, a refusal says nothing about the secrets."""
        if "+" in self._query:
            return True
        try:
            return len({base_string(self.method, self._signed_uri, {}, each) for each in DIALECTS}) > 1
        except InvalidValue:
            return True

    @property
    def has_plus(self) -> bool:
        return "+" in self._query

    @property
    def has_bare_parameter(self) -> bool:
        return any("=" not in part for part in self._query.split("&") if part)

    @property
    def _query(self) -> str:
        return self.request.uri.partition("?")[2]

    @property
    def _signed_uri(self) -> str:
        uri = self.request.uri
        return uri if is_absolute(uri) else f"https://shop.example/{uri}"

    # The request.

    @property
    def is_read(self) -> bool:
        return self.method == "GET"

    @property
    def is_search(self) -> bool:
        return self.is_read and _SEARCH.search(self.request.uri) is not None

    @property
    def is_async(self) -> bool:
        return "async" in self._rest_segments[:2]

    @property
    def lacks_version(self) -> bool:
        """Whether neither of the first two segments after /rest is V1, async or schema."""
        segments = self._rest_segments
        return bool(segments) and not any(_VERSION.match("/".join(segments[start:])) for start in (0, 1))

    @property
    def _rest_segments(self) -> list[str]:
        place = _REST.search(self.path)
        return place["rest"].split("/") if place else []

    @property
    def is_unroutable(self) -> bool:
        """Whether Magento could not parse the path itself: an unknown store view, or no version."""
        cannot_parse = self.body.has("cannot be processed") or self.path.endswith("directory/currency")
        return cannot_parse and not (self.body.named or self.body.listed)

    @property
    def has_limit(self) -> bool:
        return self.body.parameter("max").isdecimal()

    @property
    def is_bad_json(self) -> bool:
        """Whether the request's body is not JSON: the store says so, or names no parameter and it is invalid."""
        return self.body.has("decoding error") or (bool(self.json_fault) and not self.body.named)

    @property
    def json_fault(self) -> str:
        """What is wrong with the request's body and where, if it is not JSON; "" where only a part of it is known."""
        return json_fault(self.request.body) if self.request.body and self.has_whole_request else ""

    @property
    def lists_directions(self) -> bool:
        return {str(each).upper() for each in self.body.listed} == {"ASC", "DESC"}

    @property
    def report_id(self) -> str:
        """The id of the error in the store's log, or what else to look for there."""
        report = _REPORT.search(self.body.message)
        return report[0] if report else "that time"

    @property
    def named_field(self) -> str:
        """The field that the message is about, if it names nothing else."""
        return self.body.parameter("fieldName") if set(self.body.named or {}) == {"fieldName"} else ""

    @property
    def empty_attribute(self) -> str:
        """The attribute that the message calls empty, of which it has the label: its code, where that is known."""
        label = _EMPTY_ATTRIBUTE.search(self.body.message)
        if label is None:
            return ""
        return _CODES.get(label[1].lower()) or f"the attribute with the label {beginning(label[1], 100)}"

    @property
    def unknown_column(self) -> str:
        """The column that the database does not have."""
        column = _COLUMN.search(self.body.message)
        return column[1].rpartition(".")[2] if column else ""

    @property
    def rejected_filter(self) -> str:
        """The field of a search that the message names."""
        if not self.is_search or len(self.body.listed) != 1:
            return ""
        name = self.body.listed[0]
        return "a filter without a field" if name is None else beginning(str(name), 100)

    @property
    def meant_field(self) -> str:
        """A question before other sentences: whether a usual field of the list is meant by the refused one; or ""."""
        of_list = (name for name, each in READABLE.items() if self.path.endswith(f"/{each.path}"))
        usual = SEARCH_FIELDS.get(next(of_list, ""), ())
        near = most_similar(self.unknown_column or self.rejected_filter, usual)
        return f"Did you mean {near}? " if near else ""

    @cached_property
    def fields(self) -> str:
        """The value of the parameter `fields`, which chooses the fields of the response; "" without one."""
        return next((each.value for each in uri_parameters(self.request.uri) if each.name == PARAMETER), "")

    @property
    def bracket_fault(self) -> str:
        """Which bracket of `fields` is missing."""
        return bracket_fault(self.fields)

    @property
    def is_empty_projection(self) -> bool:
        """Whether an empty list was sent in place of what `fields` chooses from."""
        return self.is_read and self.status < 300 and self.response.body.strip() == b"[]" and bool(self.fields)

    def is_path_of(self, entities: str) -> bool:
        """Whether the path after /V1 starts with this regular expression; an empty one matches every path."""
        place = self.path.partition("/V1/")[2] or self.path.lstrip("/")
        return not entities or re.match(rf"({entities})(/|$|[\w-]*/)", place) is not None
