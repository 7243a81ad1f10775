"""What never reached Magento's REST interface: the web server, what stands in front of it, or the wrong address."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from ...client.message import Request, Response
from ...secrets.names import place_of
from ...text import beginning, without_secrets
from .finding import Finding, Fix
from .store_message import StoreMessage

Evidence = tuple[str, ...]

_CHALLENGES = ("cf-mitigated", "x-datadome", "x-sucuri-id", "x-iinfo", "x-akamai-request-id")
"""Headers of firewalls that response in a store's place (Cloudflare, DataDome, Sucuri, Imperva, Akamai)."""
_PLAIN_TO_TLS = (
    b"plain HTTP request was sent to HTTPS port",
    b"speaking plain HTTP to an SSL-enabled",
    b"HTTP request to an HTTPS server",
)
"""What nginx, Apache and Go's servers say to plain HTTP on a port for TLS."""
_CHALLENGE_WORDS = re.compile(
    rb"captcha|just a moment|checking your browser|access denied|request blocked|incident id|bot detection",
    re.IGNORECASE,
)

_SHOP_PAGE = re.compile(rb"text/x-magento-init|Magento_[A-Z]")
_CDN_WITHOUT_STORE = range(520, 528)
"""Cloudflare's own statuses, where it got no response from the store that it could pass on."""


def by_web_server(request: Request, response: Response, said: StoreMessage, evidence: Evidence) -> Finding | None:
    """The finding, or None where this is a response of Magento's REST interface."""
    if 300 <= response.status < 400:
        return _redirect(request, response, evidence)
    if response.status == 401 and response.header("WWW-Authenticate"):
        return _password_in_front(response, evidence)
    if said.by_magento or (said.kind == "empty" and response.media_type.endswith("json")):
        return None
    return (
        _by_text(request, response, said, evidence)
        or _by_status(request, response, evidence)
        or _not_rest(response, said, evidence)
    )


def _redirect(request: Request, response: Response, evidence: Evidence) -> Finding:
    location = response.header("Location") or ""
    try:
        target = urljoin(request.uri, location) if location else ""
        named = urlsplit(target).scheme in ("http", "https")
    except ValueError:
        named = False
    if not named:
        remedy = "Ask for the address under which the shop is reached."
        words = f"to {beginning(location, 200)}" if location else "and does not say where to"
        return Finding("redirect", f"The store sends requests on, {words}", evidence, remedy, "address")
    place = beginning(place_of(re.split(r"/(?:index\.php/)?rest(?:/|$)", target, maxsplit=1)[0]), 200)
    return Finding(
        "redirect",
        f"The store sends requests on to {beginning(target, 200)}",
        evidence,
        "Redirects are not followed, for the token would go with them. Use that address as the store's address.",
        "address",
        Fix("address", place, f"Use {place}"),
    )


def _password_in_front(response: Response, evidence: Evidence) -> Finding:
    scheme = without_secrets(response.header("WWW-Authenticate") or "").partition(" ")[0]
    return Finding(
        "web-server-password",
        f"The web server asks for a password of its own ({scheme}) before it lets anybody reach Magento",
        evidence,
        "Have /rest exempted from it (nginx: auth_basic off for /rest) or this computer's address allowed; then test "
        "again. A signed integration can carry both: put the HTTP authentication basic before it. A bearer token "
        "cannot.",
        "address",
    )


def _by_text(request: Request, response: Response, said: StoreMessage, evidence: Evidence) -> Finding | None:
    start = response.body[:20_000]
    if any(words in start for words in _PLAIN_TO_TLS):
        secure = re.sub(r"^http:", "https:", request.uri)
        address = re.split(r"/(?:index\.php/)?rest(?:/|$)", secure, maxsplit=1)[0]
        fix = Fix("address", address, f"Use {address}") if secure.startswith("https:") else None
        remedy = "Write https:// in place of http://."
        return Finding(
            "plain-to-tls", "This port speaks TLS, and the address says http://", evidence, remedy, "address", fix
        )
    if said.php_text:
        return Finding(
            "php-text",
            "PHP writes its warnings into the response, before the data",
            evidence,
            "Have PHP's display_errors switched off (php.ini: display_errors = Off); the warning itself is in the log.",
        )
    if _is_turned_away(response, start):
        server = beginning(response.header("Server") or "", 60)
        return Finding(
            "firewall",
            f"A firewall or the web server{f' ({server})' if server else ''} turned the request away: Magento's "
            f"REST "
            "interface never answers so",
            evidence,
            "Have this computer's address, or the path /rest, allowed where the firewall is set up (CDN, WAF, nginx).",
            "address",
        )
    return None


def _is_turned_away(response: Response, start: bytes) -> bool:
    """Whether something in front of the store refused; of 403 and 406, Magento's own are JSON."""
    if response.status in (403, 406) or any(response.header(name) for name in _CHALLENGES):
        return response.status in (200, 401, 403, 406, 429, 503)
    # each page of a Magento shop has the captcha of its login in it; a 429 says enough by itself
    is_shop = _SHOP_PAGE.search(response.body[:500_000]) is not None
    return response.status in (200, 401, 503) and not is_shop and _CHALLENGE_WORDS.search(start) is not None


def _by_status(request: Request, response: Response, evidence: Evidence) -> Finding | None:
    status, page = response.status, response.body[:100_000]
    if status == 503 and (b"maintenance" in page or b"Service Temporarily Unavailable" in page):
        return Finding(
            "maintenance",
            "The store is in maintenance mode, or its web server is overloaded",
            evidence,
            "Wait, or end it: bin/magento maintenance:disable (or maintenance:allow-ips <this computer's address>).",
        )
    if status in (502, 503, 504) or status in _CDN_WITHOUT_STORE:
        return Finding(
            "gateway",
            f"The web server got no response from Magento ({status}): PHP is down, or took too long",
            evidence,
            "Try again; for a list, ask for fewer items at a time. If it stays so, ask who runs the store.",
        )
    if status == 413:
        remedy = "Send fewer entities at a time, or have the limit raised (nginx: client_max_body_size)."
        return Finding("body-too-large", "The web server takes no body of this size", evidence, remedy, "batch")
    if status == 414:
        remedy = "Ask for fewer values at a time: at most 100 in one `in`."
        return Finding("uri-too-long", "The web server takes no address of this length", evidence, remedy, "uri")
    if status == 429:
        return too_many(response, evidence)
    if status == 400:
        remedy = "Percent-encode what stands in the path: % is %25, / is %2F, a space is %20."
        return Finding("request-line", "The web server cannot read the address", evidence, remedy, "uri")
    if status == 404 and "%2f" in request.uri.partition("?")[0].lower():
        return Finding(
            "encoded-slash",
            "The web server refuses a path with %2F in it",
            evidence,
            "Search by the sku in place of the path, or allow it (Apache: AllowEncodedSlashes NoDecode).",
            "uri",
        )
    if status >= 500:
        return _crashed(request, response, evidence)
    return None


def _crashed(request: Request, response: Response, evidence: Evidence) -> Finding:
    accept = request.header("Accept") or "application/json"
    if not re.search(r"json|xml|\*/\*|application/\*", accept):
        remedy = "Send Accept: application/json, or no such header."
        return Finding(
            "accept",
            f"Magento cannot answer in the type asked for ({beginning(accept, 60)})",
            evidence,
            remedy,
            "headers",
        )
    if b"base href" in response.body[:5_000] and b"report" not in response.body.lower():
        where = "var/log/exception.log, and var/log/system.log for a database that is down"
    else:
        where = "var/log/exception.log and var/report"
    return Finding(
        "store-crashed",
        f"The store broke down outside its REST interface ({response.status})",
        evidence,
        f"Ask who runs the store to look at that time into {where}.",
    )


def too_many(response: Response, evidence: Evidence) -> Finding:
    """429, whoever sent it."""
    after = beginning((response.header("Retry-After") or "").strip(), 40)
    return Finding(
        "too-many-requests",
        "The store, or what stands in front of it, takes no more requests for now",
        evidence,
        f"Wait{f' ({after} s)' if after.isdecimal() else ''}; add the plugin rate-limit to the client.",
    )


def _not_rest(response: Response, said: StoreMessage, evidence: Evidence) -> Finding:
    if said.kind == "empty":
        remedy = "Try again; if it stays so, PHP breaks down: look into its log."
        return Finding("empty-answer", f"The store answered {response.status} with nothing", evidence, remedy)
    title = f" ({said.title!r})" if said.title else ""
    return Finding(
        "not-rest",
        f"This address answers {response.status} with a web page{title}, not with Magento's REST interface"
        if said.kind == "html"
        else f"This address answers {response.status} with text that is no JSON",
        evidence,
        "Give the address under which the shop is installed; /rest/V1 is added to it. Where URL rewrites are off, "
        "/index.php stands before /rest.",
        "address",
    )
