"""What can be copied of an exchange."""

from __future__ import annotations

from collections.abc import Callable

from ...client.curl import curl
from ...client.exchange import Exchange
from ...client.formatter import text
from ...client.message import Headers
from ...text import shown_line

_SHOWN = 50


def copies(exchange: Exchange, profile: str | None, value: tuple[str, str] | None) -> dict[str, Callable[[], str]]:
    """By title: what makes the text. `value`: path and text of the JSON value under the cursor."""
    offered: dict[str, Callable[[], str]] = {"As curl, without a secret": lambda: curl(exchange, profile)}
    if value is not None:
        path, content = value
        offered[shown_line(f"Placeholder &{{{path}}}", _SHOWN + 14)] = lambda: f"&{{{path}}}"
        offered[shown_line(f"Value {content}", _SHOWN)] = lambda: content
    offered["URI"] = lambda: exchange.uri
    offered["Request headers"] = lambda: _lines(exchange.request_headers)
    if exchange.request_body.data:
        offered["Request body"] = lambda: exchange.request_body.data.decode("utf-8", "replace")
    if exchange.status is not None:
        offered["Answer's headers"] = lambda: _lines(exchange.headers)
    if exchange.body.data:
        offered["Answer's body"] = lambda: exchange.body.data.decode("utf-8", "replace")
    offered["All of it, in long format"] = lambda: text(exchange, "full")
    return offered


def _lines(headers: Headers) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)
