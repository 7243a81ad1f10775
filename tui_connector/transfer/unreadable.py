"""An answer with a good status in which there are no items: what it is in their place, and what to do."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from difflib import get_close_matches

from ..client.error_message import error_message
from ..client.message import Answer, RequestFailed
from ..text import beginning, without_secrets
from .raw_json import NotJson, elements, members, shape

_ERROR_NAMES = frozenset({"message", "parameters", "errors", "code", "trace"})
"""Magento's error envelope (Magento\\Framework\\Webapi\\ErrorProcessor)."""
_NO_ERROR = frozenset({b"null", b"false", b"0", b'""', b"[]", b"{}", b'"0"', b'"false"'})
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(rb"<(!doctype\s+html|html|head|body|title|h1|center)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,500}>")
_JSON_BEGINS = re.compile(rb'\{\s*"|\[\s*[\{\["]')


class PageUnreadable(RequestFailed):
    """A good status, and an answer in which there is no list. `may_pass`: asked again, the store may do better."""

    def __init__(self, message: str, *, hint: str = "", exchange: int | None = None, may_pass: bool = False) -> None:
        super().__init__(message, hint=hint, exchange=exchange)
        self.may_pass = may_pass


def says_an_error(answer: Mapping[str, bytes]) -> bool:
    """Whether an object is an error, whatever status it came with."""
    return shape(answer.get("message", b"")) == "text" and answer.keys() <= _ERROR_NAMES


def failure(answer: Mapping[str, bytes]) -> str | None:
    """The name under which an object without items says that the request failed; None where it does not.

    A message alone is none: "No records found" is an empty list.
    """
    for name, text in answer.items():
        plain = name.lower()
        if plain in ("error", "errors", "faults", "fault") and text not in _NO_ERROR:
            return name
        if plain in ("success", "ok", "successful") and text.lower() in (b"false", b'"false"', b"0", b'"0"'):
            return name
        if plain in ("status", "result") and text.lower() in (b'"error"', b'"fail"', b'"failed"', b'"failure"'):
            return name
    return None


def failed(answer: Answer, name: str, body: bytes) -> PageUnreadable:
    """For a response with a good status that has no items and says under this name that the request failed."""
    said = error_message(body) or _excerpt(members(body)[name])
    return PageUnreadable(
        f"The store sent no items, and in {name!r} an error: {said[:300]}", exchange=answer.exchange, may_pass=True
    )


def no_items(answer: Answer, items: str, body: bytes) -> PageUnreadable:
    """For JSON that is something else than the items."""
    exchange = answer.exchange
    if said := error_message(body):
        return PageUnreadable(
            f"The store answered {answer.status} and an error: {beginning(said, 300)}",
            hint="What is asked for, or the store, is at fault; the log has the whole answer.",
            exchange=exchange,
        )
    what = shape(body)
    if what == "list":
        return _list_in_place(items, elements(body), exchange)
    if what != "object":
        return PageUnreadable(
            f"There are no items at {items!r} in the answer, which is a single {what}: {_excerpt(body)}",
            exchange=exchange,
        )
    named = members(body)
    names = ", ".join(beginning(name, 40) for name in list(named)[:8])
    near = get_close_matches(items.rpartition(".")[2], named, 1, 0.6)
    hint = 'Correct "items": it is the JMESPath of the list.'
    if items in ("@", "[@]") and shape(named.get("items", b"")) == "list":
        hint = 'Write items = "items".'
    elif near:
        hint = f'Did you mean items = "{near[0]}"?'
    return PageUnreadable(
        f"There is no list at {items!r} in the answer, which is an object with {names or 'nothing in it'}",
        hint=hint,
        exchange=exchange,
    )


def not_json(answer: Answer, error: NotJson) -> PageUnreadable:
    """For an answer that is no JSON, or more than that."""
    body, exchange = answer.body.strip(), answer.exchange
    if not body:
        return PageUnreadable(f"The answer is empty (status {answer.status})", exchange=exchange, may_pass=True)
    before = _before_json(body)
    if before:
        return PageUnreadable(
            f"There is text before the JSON of the answer: {before}",
            hint="The store shows PHP's messages: switch display_errors off there, and mend what it says.",
            exchange=exchange,
        )
    if body.startswith(b"<") and not _HTML.search(body[:2_000]) and answer.media_type != "text/html":
        return PageUnreadable(
            "The answer is XML and no JSON",
            hint='Ask for JSON: the plugin "content-type" does, with the header Accept.',
            exchange=exchange,
        )
    if body.startswith(b"<"):
        return PageUnreadable(
            f"The answer is a web page and no JSON: {_title(body)}",
            hint="Is the base URI that of the REST interface, and the store not in maintenance?",
            exchange=exchange,
            may_pass=True,
        )
    if error.cut_off:
        return PageUnreadable(
            f"The answer breaks off after {len(body)} bytes, in the middle of its JSON",
            exchange=exchange,
            may_pass=True,
        )
    what = "text behind its JSON" if shape(body) in ("object", "list") and "follows" in str(error) else "no JSON"
    return PageUnreadable(
        f"The answer is {len(body)} bytes of {answer.media_type or 'no named type'} with {what}: {error}",
        hint="Is the base URI that of the REST interface?" if shape(body) not in ("object", "list") else "",
        exchange=exchange,
    )


def _list_in_place(items: str, listed: list[bytes], exchange: int) -> PageUnreadable:
    if listed:
        return PageUnreadable(
            f"The answer is a bare list of {len(listed)}, and has nothing at {items!r}",
            hint='Write items = "@".',
            exchange=exchange,
        )
    return PageUnreadable(
        f"The answer is an empty list in place of an object with {items!r}",
        hint="Magento answers so when `fields` in the query names nothing that is there, or has a bracket too many.",
        exchange=exchange,
    )


def _before_json(body: bytes) -> str:
    """The text that stands before JSON, where both are there."""
    begin = _JSON_BEGINS.search(body)
    if begin is None or begin.start() == 0:
        return ""
    try:
        json.loads(body[begin.start() :])
    except (ValueError, RecursionError):
        return ""
    return _excerpt(body[: begin.start()])


def _title(page: bytes) -> str:
    page = without_secrets(page[:20_000].decode(errors="replace")).encode()  # before tags are looked for in it
    title = _TITLE.search(page)
    return _excerpt(title.group(1) if title else page)


def _excerpt(text: bytes) -> str:
    """The first words of a text, without tags."""
    words = html.unescape(_TAG.sub(" ", without_secrets(text[:20_000].decode(errors="replace"))[:2_000]))
    return beginning(" ".join(words.split()), 200)
