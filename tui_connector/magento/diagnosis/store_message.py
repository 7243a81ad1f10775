"""A response's body, parsed once: its kind, its message with the placeholders filled in, and its parameters."""

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
    """The message of a response. Its parameters are in an object (`named`) or in a list (`listed`)."""

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
            return _of_text(response)
        if not isinstance(data, dict):
            return cls("json")
        parameters = _parameters(data)
        named = parameters if isinstance(parameters, dict) else None
        listed = tuple(parameters) if isinstance(parameters, list) else ()
        return cls("json", error_message(response.body), named, listed)

    @property
    def by_magento(self) -> bool:
        """Whether the REST API responds in this format."""
        return self.kind in ("json", "xml")

    def has(self, *words: str) -> bool:
        """Whether the message contains one of these words. Magento translates messages: test this last."""
        text = self.message.lower()
        return any(word in text for word in words)

    def parameter(self, name: str) -> str:
        """A named parameter as text; empty if there is none."""
        value = (self.named or {}).get(name)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return "" if value is None else str(value)


def _parameters(data: dict[str, object]) -> object:
    """The parameters of the message, or of the first of its `errors` that has any."""
    errors = data.get("errors")
    candidates = [data, *(errors if isinstance(errors, list) else [])]
    found = (each.get("parameters") for each in candidates if isinstance(each, dict))
    return next((parameters for parameters in found if parameters), None)


def _of_text(response: Response) -> StoreMessage:
    text = without_secrets(response.body[:100_000].decode("utf-8", "replace"))
    if response.media_type.endswith("xml") and "<html" not in text[:1_000].lower():
        message = _XML_MESSAGE.search(text)
        named = {name: html.unescape(value) for name, value in _XML_ENTRY.findall(text)}
        return StoreMessage("xml", html.unescape(message[1]) if message else "", dict(named) or None)
    title = page_title(text)
    is_page = title is not None or "html" in response.media_type or text.lstrip()[:1] == "<"
    return StoreMessage("html" if is_page else "text", title=title or "", php_text=_PHP.match(text) is not None)
