"""What a response says, read once: its kind, its message filled in, and the parameters beside it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ...client.error_message import error_message
from ...client.message import Response
from ...text import page_title, without_secrets

Kind = Literal["json", "xml", "html", "text", "empty"]

_XML_MESSAGE = re.compile(r"<message>(.*?)</message>", re.DOTALL)
_XML_ENTRY = re.compile(r"<(?!message|response)(\w+)>([^<]*)</\1>")
_PHP = re.compile(r"^\s*(<br />\s*)?(<b>)?(Deprecated|Notice|Warning|Fatal error|Parse error)(</b>)?:")


@dataclass(frozen=True, slots=True)
class StoreMessage:
    """`named` are the parameters that are in an object, `listed` those in a list; both may are in `errors`."""

    kind: Kind
    message: str = ""
    named: Mapping[str, object] | None = None
    listed: tuple[object, ...] = ()
    title: str = ""
    php_text: bool = False
    """PHP wrote a warning before the response itself."""

    @classmethod
    def of(cls, response: Response) -> StoreMessage:
        if not response.body.strip():
            return cls("empty")
        try:
            data = json.loads(response.body)
        except (ValueError, RecursionError):
            return _other(response)
        if not isinstance(data, dict):
            return cls("json")
        parameters = _parameters(data)
        named = parameters if isinstance(parameters, dict) else None
        listed = tuple(parameters) if isinstance(parameters, list) else ()
        return cls("json", error_message(response.body), named, listed)

    @property
    def by_magento(self) -> bool:
        """Whether this is how the REST API answers."""
        return self.kind in ("json", "xml")

    def has(self, *words: str) -> bool:
        """Whether one of these is in the message. Magento translates it: shape comes first, this last."""
        text = self.message.lower()
        return any(word in text for word in words)

    def parameter(self, name: str) -> str:
        """A parameter as text, or nothing."""
        value = (self.named or {}).get(name)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return "" if value is None else str(value)


def _parameters(data: dict[str, object]) -> object:
    """Those of the message, or else those of the first of its errors that has some."""
    errors = data.get("errors")
    candidates = [data, *(errors if isinstance(errors, list) else [])]
    found = (each.get("parameters") for each in candidates if isinstance(each, dict))
    return next((parameters for parameters in found if parameters), None)


def _other(response: Response) -> StoreMessage:
    text = without_secrets(response.body[:100_000].decode("utf-8", "replace"))  # before tags are looked for in it
    if response.media_type.endswith("xml") and "<html" not in text[:1_000].lower():
        message = _XML_MESSAGE.search(text)
        named = {name: html.unescape(value) for name, value in _XML_ENTRY.findall(text)}
        return StoreMessage("xml", html.unescape(message[1]) if message else "", dict(named) or None)
    title = page_title(text)
    is_page = title is not None or "html" in response.media_type or text.lstrip()[:1] == "<"
    return StoreMessage("html" if is_page else "text", title=title or "", php_text=_PHP.match(text) is not None)
