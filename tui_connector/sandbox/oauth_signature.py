"""OAuth 1.0a signatures as three generations of Magento compute them on the server.

Written from the server's code (framework/Oauth/*, laminas-oauth, laminas-uri), independently of the program's signer,
so that each checks the other. `rfc5849` is 2.4.5 and older (Zend), `laminas` 2.4.6 and 2.4.7, `m248` 2.4.8. Zend and
Laminas sort encoded names in natural order and drop parameters without a value; Laminas also decodes part of the path;
2.4.8 sorts decoded names by their bytes, and lets the scalars of PHP's parse_str overwrite earlier values.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import cmp_to_key
from typing import TypeAlias
from urllib.parse import quote, unquote_to_bytes

_OCTET = re.compile(r"%([0-9A-Fa-f]{2})")
_DECODED_IN_PATH = re.compile(r"[A-Za-z0-9_\-.~:@&=+$,/;%]")
_NOT_IN_PATH = re.compile(r"[^A-Za-z0-9_\-.~:@&=+$,/;%]+|%(?![A-Fa-f0-9]{2})")
_RUNS = re.compile(r"[0-9]+|[^0-9]")
_LEADING_ZEROS = re.compile(r"^0+(?=[0-9])")
_DIGITS = "0123456789"
_OAUTH_PARAMETER = re.compile(r"oauth_[a-z_-]+")

Nested: TypeAlias = "dict[bytes, bytes | Nested]"


class UnsignableRequest(Exception):
    """The store refuses this request with `status`, whatever its signature."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


def sign(dialect: str, method: str, url: str, header: Mapping[str, str], key: str) -> str:
    """The base64 signature that a request must carry.

    `url` is the scheme, the Host header and the request target as it came; `header` the decoded parameters of the
    Authorization header; `key` the two encoded secrets joined by `&`. Raises `UnsignableRequest`.
    """
    address, _, query = url.partition("?")
    known = {name: value for name, value in header.items() if name not in ("oauth_signature", "realm")}
    pairs = _pairs_248(known, query) if dialect == "m248" else _pairs(known, query)
    base = "&".join((method.upper(), encode(_address(dialect, address)), encode("&".join(pairs))))
    return base64.b64encode(hmac.digest(key.encode(), base.encode(), hashlib.sha256)).decode()


def encode(text: str | bytes) -> str:
    """PHP's rawurlencode (RFC 3986)."""
    return quote(text, safe="~")


def _pairs(header: Mapping[str, str], query: str) -> list[str]:
    values = _split(header, query)
    encoded = {encode(name): encode(value) for name, value in values.items()}
    return [f"{name}={encoded[name]}" for name in sorted(encoded, key=_natural_order)]


def _split(header: Mapping[str, str], query: str) -> dict[bytes, bytes]:
    """Helper\\Request::_extractQueryStringParams: splits at `&` and `=`, and uses only what has exactly two parts."""
    values = {name.encode(): value.encode() for name, value in header.items()}
    for part in query.split("&"):
        pieces = part.split("=")
        if len(pieces) == 2 and not _OAUTH_PARAMETER.search(pieces[0]):
            values[unquote_to_bytes(pieces[0])] = unquote_to_bytes(pieces[1])
    return values


def _pairs_248(header: Mapping[str, str], query: str) -> list[str]:
    values: dict[bytes, bytes | Nested] = dict(_split(header, query))
    for key, value in parse_str(query).items():
        if not _OAUTH_PARAMETER.search(key.decode("latin-1")) and (isinstance(value, bytes) or key in values):
            values[key] = value
    if any(isinstance(value, dict) for value in values.values()):
        raise UnsignableRequest(401)
    if any(_is_integer(key) for key in values):
        raise UnsignableRequest(500)
    return [f"{encode(key)}={encode(value)}" for key, value in sorted(values.items()) if isinstance(value, bytes)]


def parse_str(query: str) -> Nested:
    """PHP's parse_str (main/php_variables.c, php_register_variable_ex)."""
    read: Nested = {}
    for part in query.split("&"):
        raw_name, _, raw_value = part.replace("+", " ").partition("=")
        name = unquote_to_bytes(raw_name).split(b"\0")[0].lstrip(b" ")
        value = unquote_to_bytes(raw_value)
        opening = name.find(b"[")
        closing = name.find(b"]", opening + 1) if opening >= 0 else -1
        if not name or opening == 0:
            continue
        if closing < 0:
            read[re.sub(rb"[ .\[]", b"_", name)] = value
            continue
        place, keys = read, [re.sub(rb"[ .]", b"_", name[:opening])]
        while opening >= 0 and closing >= 0:
            keys.append(name[opening + 1 : closing].lstrip(b" \t\n\v\f\r"))
            opening = closing + 1 if name[closing + 1 : closing + 2] == b"[" else -1
            closing = name.find(b"]", opening + 1)
        for key in keys[:-1]:
            inner = place.get(key)
            if not isinstance(inner, dict):
                inner = place[key] = {}
            place = inner
        place[keys[-1] or str(len(place)).encode()] = value
    return read


def _is_integer(key: bytes) -> bool:
    """Whether PHP converts this array key to an integer."""
    text = key.decode("latin-1")
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 19:
        return False
    return str(int(text)) == text and -(2**63) < int(text) < 2**63


@cmp_to_key
def _natural_order(left: str, right: str) -> int:
    """PHP's strnatcmp (ext/standard/strnatcmp.c): runs of digits by value, or as text if one starts with 0."""
    ours, theirs = (_RUNS.findall(_LEADING_ZEROS.sub("", text)) for text in (left, right))
    for one, other in zip(ours, theirs, strict=False):
        by_size = one[0] in _DIGITS and other[0] in _DIGITS and "0" not in (one[0], other[0])
        ranks = [(len(run) if by_size else 0, run) for run in (one, other)]
        if ranks[0] != ranks[1]:
            return -1 if ranks[0] < ranks[1] else 1
    return len(ours) - len(theirs)


def _address(dialect: str, address: str) -> str:
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    standard = {"http": ":80", "https": ":443"}[scheme.lower()]
    path = slash + path
    if dialect == "laminas":
        path = _OCTET.sub(_decoded, path)
        path = _NOT_IN_PATH.sub(lambda found: encode(found[0]), path)
    return f"{scheme.lower()}://{host.lower().removesuffix(standard)}{path}"


def _decoded(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _DECODED_IN_PATH.match(character) else found[0].upper()
