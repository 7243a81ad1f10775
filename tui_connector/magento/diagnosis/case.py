"""A response with what the rules ask of it: who sent the request, what the store said, where it came from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from urllib.parse import urljoin, urlsplit

from ...client.authentication.login_lockouts import MAGENTO_LOGIN
from ...client.message import Request, Response
from ...client.uri import is_absolute
from ...errors import InvalidValue
from ...secrets.names import place_of
from ...text import beginning, without_secrets
from ..dialects import DIALECTS, base_string
from ..entities import tick
from ..token_shape import TokenShape
from .finding import Way
from .store_message import StoreMessage

_REST = re.compile(r"(?:^|/)rest(?:/|$)(?P<rest>.*)")
_BEFORE_REST = re.compile(r"/(?:index\.php/)?rest(?:/|$)")
_VERSION = re.compile(r"(V\d+|async|schema)(/|$)")
_SEARCHED = re.compile(r"search_?criteria", re.IGNORECASE)
_COLUMN = re.compile(r"Unknown column '([^']{1,100})'")
_REPORT = re.compile(r"\bwebapi-[0-9a-f]{6,20}\b|\bapi/\d{3,20}\b")
_TIMESTAMP = re.compile(r'oauth_timestamp="(\d{1,12})"')
_MOST_AHEAD = 590
"""Seconds; Magento accepts requests from ten minutes ahead at most, and the request took a moment."""
_CHALLENGES = ("cf-mitigated", "x-datadome", "x-sucuri-id", "x-iinfo", "x-akamai-request-id")
"""Headers of firewalls that respond in a store's place (Cloudflare, DataDome, Sucuri, Imperva, Akamai)."""
_CHALLENGE_WORDS = re.compile(
    rb"captcha|just a moment|checking your browser|access denied|request blocked|incident id|bot detection",
    re.IGNORECASE,
)
_SHOP_PAGE = re.compile(rb"text/x-magento-init|Magento_[A-Z]")
_PLAIN_TO_TLS = (
    b"plain HTTP request was sent to HTTPS port",
    b"speaking plain HTTP to an SSL-enabled",
    b"HTTP request to an HTTPS server",
)
"""What nginx, Apache and Go's servers say to plain HTTP on a port for TLS."""


def way_sent(authorization: str) -> Way:
    """How a header says who asks. A login's token and an integration's look alike once they are masked."""
    if "oauth " in authorization.lower():
        return "oauth1"
    return "bearer" if authorization.lower().startswith("bearer ") else ""


def is_ahead(here: float, response: Response) -> bool:
    """Whether `here`, a Unix time, is further ahead of the store's clock than Magento allows."""
    try:
        there = parsedate_to_datetime(response.header("Date") or "").timestamp()
    except ValueError:
        return False
    return here - there > _MOST_AHEAD


@dataclass(frozen=True)
class Case:
    """One response and its request. Its texts are the facts that a rule may name in braces."""

    request: Request
    response: Response
    said: StoreMessage
    way: Way = ""
    accepted: bool | None = None
    """Whether another request has shown that the store knows who asks; None where none was sent."""
    shape: TokenShape | None = None
    """What kind of token was sent."""

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
        """The store's words, or what stands for them where it has none."""
        return beginning(self.said.message, 400) or "no reason given"

    @property
    def title(self) -> str:
        return f" ({self.said.title!r})" if self.said.title else ""

    # what is in front of Magento

    @property
    def from_magento(self) -> bool:
        """Whether this is how Magento's REST API responds."""
        return self.said.by_magento or (self.said.kind == "empty" and self.response.media_type.endswith("json"))

    @property
    def location(self) -> str:
        return beginning(self.response.header("Location") or "", 200)

    @cached_property
    def target(self) -> str:
        """Where a redirect leads, as a whole address; empty where it names none."""
        location = self.response.header("Location") or ""
        try:
            target = urljoin(self.request.uri, location) if location else ""
            return target if urlsplit(target).scheme in ("http", "https") else ""
        except ValueError:
            return ""

    @property
    def target_shown(self) -> str:
        return beginning(self.target, 200)

    @property
    def target_store(self) -> str:
        """The store's address in the target of a redirect."""
        return beginning(place_of(_BEFORE_REST.split(self.target, maxsplit=1)[0]), 200)

    @property
    def challenge(self) -> str:
        """The scheme of the password that a web server asks for, such as Basic."""
        return without_secrets(self.response.header("WWW-Authenticate") or "").partition(" ")[0]

    @property
    def is_plain_to_tls(self) -> bool:
        return any(words in self._start for words in _PLAIN_TO_TLS)

    @property
    def secure_address(self) -> str:
        """The store's address with https; empty where the request's has no scheme."""
        secure = re.sub(r"^http:", "https:", self.request.uri)
        return _BEFORE_REST.split(secure, maxsplit=1)[0] if secure.startswith("https:") else ""

    @property
    def is_turned_away(self) -> bool:
        """Whether something in front of the store refused; of 403 and 406, Magento's own are JSON."""
        if self.status in (403, 406) or any(self.response.header(name) for name in _CHALLENGES):
            return self.status in (200, 401, 403, 406, 429, 503)
        # each page of a Magento shop has the captcha of its login in it; a 429 says enough by itself
        is_shop = _SHOP_PAGE.search(self.response.body[:500_000]) is not None
        return self.status in (200, 401, 503) and not is_shop and _CHALLENGE_WORDS.search(self._start) is not None

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

    # the caller

    @property
    def resource(self) -> str:
        """The permission that a refusal names."""
        return self.said.parameter("resources")

    @property
    def box(self) -> str:
        """Where in Magento's tree the resource is ticked."""
        return tick(self.resource)

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
    def usual_login(self) -> str:
        """The login's path at the endpoint that needs no code."""
        return f"{self.path.partition('/tfa/')[0]}/integration/admin/token"

    @property
    def providers(self) -> str:
        return self.said.parameter("active_providers")

    @property
    def provider(self) -> str:
        return self.providers.partition(",")[0]

    @property
    def lacks_second_factor(self) -> bool:
        """Whether the user has not set up one-time codes yet."""
        asks = self.said.has("configure personal", "provider is not configured")
        return asks or "providers" in (self.said.named or {})

    # the signature

    @property
    def is_signed(self) -> bool:
        return self.way == "oauth1" or way_sent(self.request.header("Authorization") or "") == "oauth1"

    @property
    def is_bad_signature(self) -> bool:
        """Whether a signed request was refused for its signature: with 401, or with 400 for its form."""
        if self.status == 401:
            return True
        about_form = self.said.has("signature method", "oauth version") or (
            self.said.has("token") and not self.said.has("nonce", "timestamp", "revoked", "not associated", "consumer")
        )
        return self.status == 400 and self.is_signed and about_form and not self.said.named

    @property
    def is_fast(self) -> bool:
        """Whether the request was signed at a time that is further ahead of the store's than Magento allows."""
        stamp = _TIMESTAMP.search(self.request.header("Authorization") or "")
        return stamp is not None and is_ahead(float(stamp[1]), self.response)

    @property
    def unsignable(self) -> str:
        """Why Magento 2.4.8 refuses this request however it is signed; empty where it does not."""
        try:
            base_string(self.method, self._signed_uri, {}, "m248")
        except InvalidValue as error:
            return str(error)
        return ""

    @property
    def is_signed_differently(self) -> bool:
        """Whether Magento's versions sign this request differently: then its refusal says nothing of the secrets."""
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

    # the request

    @property
    def is_read(self) -> bool:
        return self.method == "GET"

    @property
    def is_search(self) -> bool:
        return self.is_read and _SEARCHED.search(self.request.uri) is not None

    @property
    def is_async(self) -> bool:
        return "async" in self._rest_parts[:2]

    @property
    def lacks_version(self) -> bool:
        """Whether neither the first nor the second part after /rest is /V1, /async or /schema."""
        parts = self._rest_parts
        return bool(parts) and not any(_VERSION.match("/".join(parts[start:])) for start in (0, 1))

    @property
    def _rest_parts(self) -> list[str]:
        place = _REST.search(self.path)
        return place["rest"].split("/") if place else []

    @property
    def is_bad_path(self) -> bool:
        """Whether Magento could not make anything of the path itself."""
        says_so = self.said.has("cannot be processed") or self.path.endswith("directory/currency")
        return says_so and not (self.said.named or self.said.listed)

    @property
    def has_limit(self) -> bool:
        return self.said.parameter("max").isdecimal()

    @property
    def is_bad_json(self) -> bool:
        """Whether the request's body is not JSON: the store says so, or refused it without a parameter."""
        if self.said.has("decoding error"):
            return True
        try:
            json.loads(self.request.body or b"0")
        except (ValueError, RecursionError):
            return not self.said.named
        return False

    @property
    def lists_directions(self) -> bool:
        return {str(each).upper() for each in self.said.listed} == {"ASC", "DESC"}

    @property
    def report(self) -> str:
        """The number of the store's report, or what else to look for in its log."""
        report = _REPORT.search(self.said.message)
        return report[0] if report else "that time"

    @property
    def field(self) -> str:
        """The field that the message names, where that is all it names."""
        return self.said.parameter("fieldName") if set(self.said.named or {}) == {"fieldName"} else ""

    @property
    def column(self) -> str:
        """The column that a database does not have."""
        column = _COLUMN.search(self.said.message)
        return column[1] if column else ""

    @property
    def searched_field(self) -> str:
        """The field of a search that the message lists."""
        if not self.is_search or len(self.said.listed) != 1:
            return ""
        name = self.said.listed[0]
        return "a filter without a field" if name is None else beginning(str(name), 100)

    def is_path_of(self, entities: str) -> bool:
        """Whether the path after /V1 starts with one of these; `entities` is a regular expression, empty for any."""
        place = self.path.partition("/V1/")[2] or self.path.lstrip("/")
        return not entities or re.match(rf"({entities})(/|$|[\w-]*/)", place) is not None
