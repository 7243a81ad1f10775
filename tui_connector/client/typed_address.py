"""Addresses as people type them: with quotes, a mistyped scheme, or none."""

from __future__ import annotations

import re
import socket

from ..errors import InvalidValue
from ..secrets.token_shape import looks_like_token
from .uri import canonical, is_loopback

_MAX_LENGTH = 2_000
"""Characters of a typed address; anything longer was pasted by mistake."""
_MISTYPED = re.compile(r"(https?)[:;]?/{1,2}(?!/)", re.IGNORECASE)
"""A scheme with a missing or wrong character."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)")
_IPV4_NUMBERS = re.compile(r"(?:0x[0-9a-fA-F]+|\d+)(?:\.(?:0x[0-9a-fA-F]+|\d+)){0,3}")


def typed_address(typed: str) -> tuple[str, bool]:
    """The typed address in its canonical form, without a query, and whether it had a scheme. Raises `InvalidValue`."""
    text = typed.strip().strip("\"'<>").strip()
    if not text:
        raise InvalidValue("uri", "no address was entered")
    if looks_like_token(text):  # as a host name it would be sent to a DNS server
        raise InvalidValue("uri", "this looks like a token, not a store address; nothing was sent")
    if len(text) > _MAX_LENGTH:
        raise InvalidValue("uri", f"an address of {len(text):,} characters is not a store address")
    if (mistyped := _MISTYPED.match(text)) is not None:
        text = f"{mistyped[1]}://{text[mistyped.end() :]}"
    scheme_given = _SCHEME.match(text) is not None
    if not scheme_given:
        text = with_scheme(text.lstrip("/"))
    elif not re.match(r"https?://", text, re.IGNORECASE):
        raise InvalidValue("uri", f"“{text.partition(':')[0]}” is not a scheme of a store: use http:// or https://")
    whole = canonical(_with_canonical_host(text.partition("?")[0].partition("#")[0]))
    return whole, scheme_given


def with_scheme(address: str) -> str:
    """An address without a scheme with https://, or with http:// where its host is this computer."""
    return f"{'http' if _looks_local(address) else 'https'}://{address}"


def _with_canonical_host(uri: str) -> str:
    """The URI with an IPv4 host in dotted-decimal form: 127.1 and 0x7f.1 become 127.0.0.1 (inet_aton)."""
    scheme, _, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    name, colon, port = host.partition(":")
    if not _IPV4_NUMBERS.fullmatch(name):
        return uri
    try:
        real = socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        raise InvalidValue("uri", f"{name} is not an IP address") from None
    return f"{scheme}://{real}{colon}{port}{slash}{path}"


def _looks_local(text: str) -> bool:
    try:
        return is_loopback(_with_canonical_host(f"http://{text}"))
    except InvalidValue:
        return False
