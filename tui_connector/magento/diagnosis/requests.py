"""What Magento says of a request that came from somebody it knows: the path, the method, or the data are wrong."""

from __future__ import annotations

import json
import re

from ...client.message import Request, Response
from ...text import beginning
from .finding import Finding, Fix
from .store_message import StoreMessage
from .web_server import too_many

Evidence = tuple[str, ...]

_REST = re.compile(r"(?:^|/)rest(?:/|$)(?P<rest>.*)")
_SEARCHED = re.compile(r"search_?criteria", re.IGNORECASE)
_COLUMN = re.compile(r"Unknown column '([^']{1,100})'")
_REPORT = re.compile(r"\bwebapi-[0-9a-f]{6,20}\b|\bapi/\d{3,20}\b")


def by_status(request: Request, response: Response, said: StoreMessage, evidence: Evidence) -> Finding | None:
    """The finding for a response of 400 or more, but 401; None where nothing fits it."""
    status = response.status
    if status == 429:
        return too_many(response, evidence)
    if status == 404:
        return _not_found(request, said, evidence)
    if status == 405 or said.has("request method is invalid"):
        remedy = "Use get, post, put or delete: Magento has no others."
        return Finding("method", f"Magento does not take the method {request.method}", evidence, remedy, "method")
    if status == 501:
        return _not_implemented(request, said, evidence)
    if status >= 500:
        return _broken(request, said, evidence)
    return _bad_request(request, said, evidence) if status == 400 else None


_IDENTIFIERS = (
    (
        "orders?|invoices?|shipments?|creditmemos?|transactions",
        "It is the entity_id, not the number that the customer sees (increment_id).",
    ),
    ("products/(attributes|attribute-sets|types|links)", "It is the attribute's code or the id of a set."),
    (
        "products|stockItems|stockStatuses|(configurable|bundle)-products|inventory/(source-items|get-)",
        "It is the sku, letter by letter; a / within it is %2F in the path.",
    ),
    ("cms(Page|Block)", "It is the page_id or block_id, a number."),
    (
        "(guest-)?carts",
        "A guest's cart is under guest-carts with its masked id, any other under carts with its number.",
    ),
)
"""What an entity is called by in a path, by the path after /V1."""


def _identifier(request: Request) -> str:
    path = request.uri.partition("?")[0]
    place = path.partition("/V1/")[2] or path.lstrip("/")
    words = next((words for pattern, words in _IDENTIFIERS if re.match(rf"({pattern})(/|$|[\w-]*/)", place)), "")
    return f"Compare the identifier. {words}".rstrip()


def _not_found(request: Request, said: StoreMessage, evidence: Evidence) -> Finding:
    if said.named or said.listed or said.has("requested doesn't exist", "no such entity"):
        return Finding(
            "no-entity",
            f"There is no such entity in the store: {said.message}",
            evidence,
            _identifier(request),
            "uri",
        )
    if said.has("route"):
        return Finding(
            "no-route",
            "Magento has no such route: the path is misspelt, the method is wrong, or a module is switched off",
            evidence,
            "Compare the path and the method with the list of entities; a / within a sku is %2F. Is the module there? "
            "bin/magento module:status",
            "uri",
        )
    return Finding(
        "not-found",
        f"The store has no such route or no such entity{f': {said.message}' if said.message else ''}",
        evidence,
        "Compare the path, the method and the identifier.",
        "uri",
    )


def _not_implemented(request: Request, said: StoreMessage, evidence: Evidence) -> Finding:
    """A 501, which Magento's REST API never sends: the sandbox says so of what only a real store does."""
    route = said.parameter("route")
    if route:
        return Finding(
            "stand-in",
            f"This stand-in for a store does not offer {route}; a real Magento store does",
            evidence,
            "The request is not wrong. Run it against a real store, or choose something that the stand-in offers.",
            "uri",
        )
    return Finding(
        "not-implemented",
        f"The server does not implement this request: {beginning(said.message, 300) or 'no reason given'}",
        evidence,
        f"Magento never responds with 501: check which server or proxy does, and the method {request.method}.",
        "address",
    )


def _broken(request: Request, said: StoreMessage, evidence: Evidence) -> Finding:
    report = _REPORT.search(said.message)
    column = _COLUMN.search(said.message)
    if column is not None:
        return _bad_field(column[1], evidence)
    likely = (
        " On a list, a field in the search that the entity does not have is the likeliest reason; else ask for fewer "
        "items at a time, down to the one that breaks."
        if request.method == "GET" and _SEARCHED.search(request.uri)
        else ""
    )
    return Finding(
        "store-error",
        f"The store failed: {beginning(said.message, 300) or 'it does not say why'}",
        evidence,
        f"Ask who runs the store to look for {report[0] if report else 'that time'} in var/log/exception.log.{likely}",
    )


def _bad_request(request: Request, said: StoreMessage, evidence: Evidence) -> Finding | None:
    return (
        _bad_path(request, said, evidence)
        or _limit(request, said, evidence)
        or _field(said, evidence)
        or _search(request, said, evidence)
        or _body(request, said, evidence)
        or _data(request, said, evidence)
    )


def _bad_path(request: Request, said: StoreMessage, evidence: Evidence) -> Finding | None:
    path = request.uri.partition("?")[0]
    place = _REST.search(path)
    parts = place["rest"].split("/") if place else []
    if said.named or said.listed or not (said.has("cannot be processed") or path.endswith("directory/currency")):
        return None
    if "async" in parts[:2] and request.method == "GET":
        remedy = "Ask without /async; only writing can be left to the store's queue."
        return Finding("async-get", "Nothing can be read through /async", evidence, remedy, "uri")
    if (
        place
        and not re.fullmatch(r"V\d+|async|schema", parts[0])
        and not re.match(r"(V\d+|async|schema)(/|$)", "/".join(parts[1:]))
    ):
        remedy = "The address ends in /rest/V1, with a capital V; a store view's code may stand between."
        return Finding("rest-version", "The address lacks /V1 after /rest", evidence, remedy, "address")
    return Finding(
        "store-code",
        "Magento does not know this path: there is no store view of that code, or /V1 is missing",
        evidence,
        "Use the default store view, all, or the code of a store view (Stores › Settings › All Stores; its number is "
        "no "
        "code).",
        "store-view",
        Fix("store-view", "default", "Use the default store view"),
    )


def _limit(request: Request, said: StoreMessage, evidence: Evidence) -> Finding | None:
    most = said.parameter("max")
    if not most.isdecimal():
        return None
    setting = "Stores › Configuration › Services › Magento Web API › Web Api Input Limits"
    if said.parameter("type") and request.method == "GET":  # the lists inside the search criteria
        remedy = f"Use at most {most} filters or sort orders, or have the limit raised ({setting})."
        return Finding("limit-items", f"The store takes at most {most} of these in one search", evidence, remedy, "uri")
    if said.parameter("type"):
        return Finding(
            "limit-items",
            f"The store takes at most {most} of these in one request",
            evidence,
            f"Set the batch to {most}, or have the limit raised ({setting}).",
            "batch",
            Fix("batch", most, f"Send {most} at a time"),
        )
    return Finding(
        "limit-page-size",
        f"The store gives at most {most} items a page",
        evidence,
        f"Set the page size to {most}, or have the limit raised ({setting}).",
        "page-size",
        Fix("page-size", most, f"Ask for {most} a page"),
    )


def _field(said: StoreMessage, evidence: Evidence) -> Finding | None:
    name = said.parameter("fieldName")
    if not name or set(said.named or {}) != {"fieldName"}:
        return None
    if name[0].isupper() and not said.has("required"):  # Magento writes the one that it does not know in UpperCamel
        return Finding(
            "field-unknown",
            f"The store does not know the field {name} (its name in camel case)",
            evidence,
            "Correct or leave it out. Stock does not belong into a product: send it as stock by source.",
            "parameters",
        )
    if name in ("searchCriteria", "search_criteria"):
        remedy = "Add ?searchCriteria= to the address, or a pagination to the incoming."
        return Finding("search-criteria", "A list must be asked for with searchCriteria", evidence, remedy, "uri")
    if name == "customerId":
        remedy = "Use a customer's token for it, or the same route with an id in place of `me` or `mine`."
        return Finding("customers-only", "Only a customer's own token may do this", evidence, remedy, "uri")
    return Finding(
        "field-missing",
        f"The request lacks {name}",
        evidence,
        f'Give "{name}" in the parameters; at the top stands the name that the route wants, such as {{"product": …}}.',
        "parameters",
    )


def _search(request: Request, said: StoreMessage, evidence: Evidence) -> Finding | None:
    if request.method != "GET" or not _SEARCHED.search(request.uri):
        return None
    if {str(value).upper() for value in said.listed} == {"ASC", "DESC"}:
        remedy = "Write ASC or DESC; none means DESC."
        return Finding("sort-direction", "The direction of the order is neither ASC nor DESC", evidence, remedy, "uri")
    if len(said.listed) == 1:
        name = said.listed[0]
        return _bad_field("a filter without a field" if name is None else beginning(str(name), 100), evidence)
    return None


def _bad_field(name: str, evidence: Evidence) -> Finding:
    return Finding(
        "filter-field",
        f"The store cannot search by this field: {name}",
        evidence,
        "Only top-level fields can be searched by. What a response calls id is called entity_id in a search of "
        "products, "
        "customers and categories, page_id and block_id in those of CMS.",
        "filter",
    )


def _body(request: Request, said: StoreMessage, evidence: Evidence) -> Finding | None:
    if said.has("content-type", "supported charset"):
        remedy = "Add the plugin content-type to the client: it sends Content-Type: application/json."
        return Finding("content-type", f"The store cannot read the body: {said.message}", evidence, remedy, "plugins")
    if said.has("decoding error") or (request.body and not _is_json(request.body) and not said.named):
        remedy = "Look at the body in the log: it must be JSON, UTF-8, without a byte order mark or a comma at the end."
        return Finding("bad-json", "The body is no JSON", evidence, remedy, "parameters")
    if said.has("value's type is invalid", "error occurred during"):
        remedy = "Send a number as a number, a list as a list."
        return Finding("wrong-type", f"A value is of the wrong type: {said.message}", evidence, remedy, "parameters")
    return None


def _data(request: Request, said: StoreMessage, evidence: Evidence) -> Finding | None:
    if said.has("recaptcha", "captcha"):
        remedy = "Use an integration: captchas do not apply to it."
        fix = Fix("way", "oauth1", "Use an integration")
        return Finding("captcha", "The store wants a captcha to be solved for this", evidence, remedy, "way", fix)
    if said.has("only in https"):
        remedy = "Use the store's https address."
        return Finding("https-only", "The store answers this over https only", evidence, remedy, "address")
    if said.has("deadlock", "lock wait", "database connection", "could not save source item configuration"):
        remedy = "Send it again, with fewer requests at a time."
        return Finding(
            "try-again", "Two writes got into each other's way in the database; nothing was saved", evidence, remedy
        )
    if said.has("url key"):
        remedy = "Give the entity a url_key of its own (in custom_attributes)."
        return Finding("url-key", "Another entity has the same URL key", evidence, remedy, "parameters")
    if request.method == "GET" or not said.message:
        return None
    return Finding(
        "data-refused",
        f"The store does not take this: {beginning(said.message, 400)}",
        evidence,
        "Correct the entity; nothing of this request was saved.",
        "parameters",
    )


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
