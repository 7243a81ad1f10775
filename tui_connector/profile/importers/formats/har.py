"""Imports the requests of a HAR, as browsers and proxies save them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from ....secrets.mask import MARK
from ....templates import Json
from ....text import count
from ..format import json_format
from ..json_text import fields, items, text_in
from ..model import FoundRequest, Import, ImportOptions, short, unknown
from ..parts import PartsBuilder

_OF_PAGES = re.compile(
    r"(?:text/(?:html|css|javascript)|(?:image|font|audio|video)/|application/(?:javascript|wasm|font))"
)
_LARGEST_RESPONSE = 5_000_000
"""Characters of a response that is searched for its items."""


def is_har(data: Json) -> bool:
    """Whether this is a HAR."""
    return isinstance(fields(fields(data).get("log")).get("entries"), list)


def read(data: Json, options: ImportOptions) -> Import:
    """The requests to APIs in a HAR; those of pages, such as images, are left out. Raises `InvalidImport`."""
    builder = PartsBuilder("HAR", options)
    of_pages: Counter[str] = Counter()
    for number, each in enumerate(items(fields(fields(data)["log"])["entries"]), 1):
        entry = fields(each)
        request, response = fields(entry.get("request")), fields(entry.get("response"))
        kind = text_in(fields(response.get("content")), "mimeType").partition(";")[0].strip().lower()
        if not text_in(request, "url").startswith(("http://", "https://")):
            builder.leave_out(f"entry {number}", "the entry", "it has no http:// or https:// address")
        elif _OF_PAGES.match(kind) or text_in(request, "method") in ("OPTIONS", "CONNECT"):
            of_pages[kind or text_in(request, "method")] += 1
        else:
            builder.add(_request(f"entry {number}", request, response))
    for kind, number in of_pages.items():
        builder.leave_out("", f"{count(number, 'request')} for {short(kind)}", "it belongs to a page, not to an API")
    return builder.build()


def _request(place: str, request: Mapping[str, Json], response: Mapping[str, Json]) -> FoundRequest:
    found = FoundRequest(place, (text_in(request, "method") or "GET").upper(), _unmasked(text_in(request, "url")))
    found.headers = [pair for pair in _pairs(request.get("headers")) if not pair[0].startswith(":")]
    if not any(name.lower() == "cookie" for name, _ in found.headers) and items(request.get("cookies")):
        found.headers.append(("Cookie", unknown("cookies")))
    posted = fields(request.get("postData"))
    kind = text_in(posted, "mimeType").lower()
    parameters = [*_pairs(posted.get("params"))]
    if kind.startswith("multipart/"):
        found.not_a_body = "a form with files (multipart/form-data) cannot be sent"
    elif "x-www-form-urlencoded" in kind and parameters:
        found.form = parameters
    elif text := text_in(posted, "text"):
        found.body = _unmasked(text)
    if found.method == "GET":
        found.items = _items(fields(response.get("content")))
    return found


def _pairs(entries: Json) -> Iterator[tuple[str, str]]:
    listed = [(text_in(fields(each), "name"), text_in(fields(each), "value")) for each in items(entries)]
    # a few tools write an object instead of the list
    listed += [(name, value) for name, value in fields(entries).items() if isinstance(value, str)]
    yield from ((name, _unmasked(value)) for name, value in listed if name)


def _unmasked(text: str) -> str:
    """The text with a mark of an unknown value where this program has masked a secret."""
    return text.replace(MARK, unknown(MARK)) if MARK in text else text


def _items(content: Mapping[str, Json]) -> str:
    """Where the items are in this response."""
    text = text_in(content, "text")
    if "json" not in text_in(content, "mimeType") or not text or len(text) > _LARGEST_RESPONSE:
        return ""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if isinstance(body, list):
        return "@"
    lists = [name for name, value in fields(body).items() if isinstance(value, list)]
    if "items" in lists:
        return "items"
    return lists[0] if len(lists) == 1 and re.fullmatch(r"[A-Za-z_]\w*", lists[0]) and len(body) < 6 else "[@]"


FORMAT = json_format("HAR files", is_har, read)
