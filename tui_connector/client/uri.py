"""Addresses: their one canonical form, the origin a secret is bound to, and how a relative one is completed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

from ..errors import InvalidValue
from ..text import beginning

DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH_SAFE = "/:@!$&'()*+,;=-._~%"
_QUERY_SAFE = "/:@!$()*,;-._~%?=&+'"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HALF = re.compile(r"[\ud800-\udfff]")
"""What Python makes of bytes that are not UTF-8, and what is half a character."""
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+|%")
_NOT_ASCII_ESCAPE = re.compile(r"%(?![0-7][0-9A-Fa-f])")
_DOTS = re.compile(r"(^|/)(\.|%2e)(\.|%2e)?(/|$)", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?")


@lru_cache(maxsize=256)
def canonical(uri: str) -> str:
    """The absolute `uri` in the one form that is signed and sent (RFC 3986 §6.2.2, without touching escapes).

    Lower-case scheme and host, no default port, no fragment, everything else percent-encoded where it must be. Raises
    `InvalidValue` for what is no http(s) address, for a user name or password in it, and for dot segments: a client
    that resolves `..` itself would leave the path that was meant.
    """
    place, query = _halves(uri)
    query = _encoded(escaped(f"?{query}"), _QUERY_SAFE)[1:]
    return _place(place) + (f"?{query}" if query else "")


@lru_cache(maxsize=256)
def _place(place: str) -> str:
    """What is before the query, in its canonical form: a list's pages have it in common."""
    path = _split(place).path or "/"
    if _DOTS.search(path):
        raise InvalidValue("uri", f"the path {_cut(path)} contains a segment of dots")
    return f"{_origin(place)}{_encoded(escaped(path), _PATH_SAFE)}"


@lru_cache(maxsize=256)
def origin_of(uri: str) -> str:
    """Scheme, host and port, such as "https://acme.example" or "http://127.0.0.1:8080". Raises `InvalidValue`."""
    return _origin(_halves(uri)[0])


@lru_cache(maxsize=256)
def _origin(place: str) -> str:
    parts = _split(place)
    try:
        port = parts.port
    except ValueError:
        raise InvalidValue("uri", f"the port in {_cut(parts.netloc)} is not a port") from None
    if port == 0:
        raise InvalidValue("uri", "port 0 cannot be reached")
    host = _host(parts)
    shown_port = "" if port is None or port == DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def absolute(base: str, uri: str) -> str:
    """`uri` as it is where it is absolute, else from the root of `base`'s address."""
    return uri if is_absolute(uri) else f"{origin_of(base)}/{uri.lstrip('/')}"


def is_absolute(uri: str) -> bool:
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", uri)) or uri.startswith("//")


def is_loopback(uri: str) -> bool:
    host = _host(_split(_halves(uri)[0])).strip("[]")
    return host in ("localhost", "::1") or host.startswith("127.")


def _halves(uri: str) -> tuple[str, str]:
    """What is before the query, and the query; without a fragment."""
    if _CONTROL.search(uri):
        raise InvalidValue("uri", "the address contains a control character or a line break")
    if _HALF.search(uri):
        raise InvalidValue("uri", "the address contains a character that is not UTF-8")
    place, _, query = uri.strip().partition("#")[0].partition("?")
    return place, query


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise InvalidValue("uri", f"{_cut(uri)} is not a valid address: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidValue("uri", f"{_cut(uri)} is not an http:// or https:// address")
    if "@" in parts.netloc:
        raise InvalidValue("uri", "an address must not contain a user name or password: use an authentication")
    if "\\" in parts.netloc or not parts.hostname:
        raise InvalidValue("uri", f"{_cut(uri)} contains no host")
    return parts


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    if ":" in name:
        return f"[{name}]"
    plain = name if name.isascii() and "xn--" not in name else _plain(name)
    if len(plain) > 253 or not _HOST.fullmatch(plain):
        raise InvalidValue("uri", f"{_cut(name)} is not a host name")
    return plain


def _plain(name: str) -> str:
    """An international name in the letters that are sent (IDNA 2008): Python's own codec makes ss of ß."""
    import idna

    try:
        plain = name if name.isascii() else idna.encode(name, uts46=True).decode()
        idna.decode(plain)  # so does httpx, and fails where it cannot
    except idna.IDNAError as error:
        raise InvalidValue(
            "uri", f"{_cut(name)} is not a host name: a part of it is empty, too long, or contains invalid characters"
        ) from error
    return plain


def _cut(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{beginning(text, 79)}…")


def _encoded(text: str, safe: str) -> str:
    return quote(text, safe=safe)


@lru_cache(maxsize=256)
def escaped(uri: str) -> str:
    """`uri` with every % that is not an escape written as %25.

    It is decided for each segment of the path, each name and each value of the query as a whole. Where all of its % are
    escapes of UTF-8 it is percent-encoded already and stays as it is; where none is, as in `%edu%`, `100%` or `%E4`,
    they all stand for themselves. Raises `InvalidValue` where there are both, which can be meant in two ways.
    """
    if not _NOT_ASCII_ESCAPE.search(uri):
        return uri
    place, mark, query = uri.partition("?")
    parameters = ("=".join(map(_component, part.split("=", 1))) for part in query.split("&"))
    return "/".join(map(_component, place.split("/"))) + mark + "&".join(parameters)


def _component(text: str) -> str:
    escapes = _PERCENT.findall(text)
    kinds = {kind for each in escapes for kind in _kinds(each)}
    if kinds == {True, False}:
        kept = _PERCENT.sub(lambda found: _kept(found[0]), text)
        raise InvalidValue(
            "uri",
            f"{_cut(text)} is ambiguous: write {_cut(kept)} if its escapes are meant as such, or "
            f"{_cut(text.replace('%', '%25'))} if each % stands for itself",
        )
    return text.replace("%", "%25") if False in kinds else text


def _kinds(escapes: str) -> Iterator[bool]:
    """Of a lone % or of a run of escapes: whether each of its characters is one that UTF-8 has."""
    if escapes == "%":
        yield False
    else:
        yield from (not _HALF.match(character) for character in _characters(escapes))


def _kept(escapes: str) -> str:
    """The same with each % that is not an escape of UTF-8 written as %25."""
    if escapes == "%":
        return "%25"
    kept, at = "", 0
    for character, is_escape in zip(_characters(escapes), _kinds(escapes), strict=True):
        width = 3 * len(character.encode()) if is_escape else 3
        kept += escapes[at : at + width] if is_escape else f"%25{escapes[at + 1 : at + 3]}"
        at += width
    return kept


def _characters(escapes: str) -> str:
    """What a run of escapes decodes to; a byte that UTF-8 does not have there becomes a lone surrogate."""
    return bytes.fromhex(escapes.replace("%", "")).decode("utf-8", "surrogateescape")
