"""OAuth 1.0a signatures as three generations of Magento compute them on the server's side.

Written from the server's code (framework/Oauth/*, laminas-oauth, laminas-uri), apart from the signer that the program
itself uses: each is the other's check. `rfc5849` is 2.4.5 and older (Zend), `laminas` 2.4.6 and 2.4.7, `m248` 2.4.8.
Zend and Laminas sort encoded names in natural order and drop what has no value; Laminas also decodes part of the path;
2.4.8 sorts decoded names by their bytes and encodes once more every value whose name holds a bracket.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

_OCTET = re.compile(r"%([0-9A-Fa-f]{2})")
_KEPT_DECODED = re.compile(r"[A-Za-z0-9_\-.~:@&=+$,/;%]")
_NOT_IN_PATH = re.compile(r"[^A-Za-z0-9_\-.~:@&=+$,/;%]+|%(?![A-Fa-f0-9]{2})")
_NATURAL = re.compile(r"(\d+)")


def sign(dialect: str, method: str, url: str, header: Mapping[str, str], key: str) -> str:
    """The base64 signature that a request must carry.

    `url` is the scheme, the Host header and the request target as it came; `header` the decoded parameters of the
    Authorization header; `key` the two encoded secrets joined by `&`.
    """
    address, _, query = url.partition("?")
    known = {name: value for name, value in header.items() if name not in ("oauth_signature", "realm")}
    pairs = _pairs_248(known, query) if dialect == "m248" else _pairs(known, query)
    base = "&".join((method.upper(), encode(_address(dialect, address)), encode("&".join(pairs))))
    return base64.b64encode(hmac.digest(key.encode(), base.encode(), hashlib.sha256)).decode()


def encode(text: str) -> str:
    """PHP's rawurlencode (RFC 3986)."""
    return quote(text, safe="~")


def _pairs(header: Mapping[str, str], query: str) -> list[str]:
    values = dict(header)
    for part in query.split("&"):
        pieces = part.split("=")
        if len(pieces) == 2 and not pieces[0].startswith("oauth_"):
            values[unquote(pieces[0])] = unquote(pieces[1])
    encoded = {encode(name): encode(value) for name, value in values.items()}
    return [f"{name}={encoded[name]}" for name in sorted(encoded, key=_natural)]


def _pairs_248(header: Mapping[str, str], query: str) -> list[str]:
    values = {name: encode(value) for name, value in header.items()}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name and not name.startswith("oauth_"):
            name, value = unquote(name.replace("+", " ")), unquote(value.replace("+", " "))
            values[name] = encode(value) if "[" in name else value
    return [f"{encode(name)}={encode(values[name])}" for name in sorted(values, key=str.encode)]


def _natural(text: str) -> list[tuple[int, int, str]]:
    """The order of PHP's strnatcmp: runs of digits compare as numbers."""
    parts = _NATURAL.split(text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


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
    return character if _KEPT_DECODED.match(character) else found[0].upper()
