"""URIs: their canonical form, their origin, to which secrets are bound, and their percent-encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote_plus, urlsplit

from ..errors import InvalidValue
from ..text import PublicText, beginning, shown_address, without_secrets

DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH_SAFE = "/:@!$&'()*+,;=-._~%"
_QUERY_SAFE = "/:@!$()*,;-._~%?=&+'"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""What Python makes of bytes that are not UTF-8, and what is half a character."""
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+|%")
_NOT_ASCII_ESCAPE = re.compile(r"%(?![0-7][0-9A-Fa-f])")
_DOT_SEGMENT = re.compile(r"(^|/)(\.|%2e)(\.|%2e)?(/|$)", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?")


@lru_cache(maxsize=256)
def canonical(uri: str) -> str:
    """The absolute `uri` in the one form that is signed and sent (RFC 3986 §6.2.2, without touching escapes).

    Lower-case scheme and host, no default port, no fragment, percent-encoded where necessary. Raises `InvalidValue`
    for any other scheme, for a user name or password, and for dot segments, which would lead to another path.
    """
    base, query = _split_query(uri)
    query = _encoded(escape_percents(f"?{query}"), _QUERY_SAFE)[1:]
    return _canonical_base(base) + (f"?{query}" if query else "")


@lru_cache(maxsize=256)
def _canonical_base(base: str) -> str:
    """The URI before the query in its canonical form; cached, as the pages of a list share it."""
    path = _parse(base).path or "/"
    if _DOT_SEGMENT.search(path):
        raise InvalidValue("uri", f"the path {_quoted(path)} contains a segment of dots")
    return f"{_origin(base)}{_encoded(escape_percents(path), _PATH_SAFE)}"


@lru_cache(maxsize=256)
def origin_of(uri: str) -> str:
    """Scheme, host and port, such as "https://acme.example" or "http://127.0.0.1:8080". Raises `InvalidValue`."""
    return _origin(_split_query(uri)[0])


@lru_cache(maxsize=256)
def _origin(base: str) -> str:
    parts = _parse(base)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise InvalidValue("uri", f"the port in {_quoted(shown_address(parts.netloc))} must be 1–65535")
    host = _host(parts)
    shown_port = "" if port is None or port == DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def public_address(uri: str) -> str:
    """An address that requests are sent to, for display: its origin is shown even if it contains a known secret.

    Such a secret, a password such as "localhost" or an address typed into the wrong field, would hide where requests
    go. In all that follows the origin, secrets are masked. Text that is not an address is returned unchanged.
    """
    try:
        origin = origin_of(uri)
    except InvalidValue:
        return uri
    if not uri.startswith(origin):  # not in canonical form
        return uri
    masked = without_secrets(uri)
    if masked.startswith(origin):
        return PublicText(masked)
    if without_secrets(origin) == origin:  # a secret that begins in the origin and ends after it
        return PublicText(origin)
    return PublicText(origin + without_secrets(uri.removeprefix(origin)))


def absolute(base: str, uri: str) -> str:
    """`uri` if it is absolute, otherwise `uri` relative to the root of `base`."""
    return uri if is_absolute(uri) else f"{origin_of(base)}/{uri.lstrip('/')}"


def is_absolute(uri: str) -> bool:
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", uri)) or uri.startswith("//")


def is_loopback(uri: str) -> bool:
    host = _host(_parse(_split_query(uri)[0])).strip("[]")
    return host in ("localhost", "::1") or host.startswith("127.")


def is_unencrypted(uri: str) -> bool:
    """Whether what is sent to this address can be intercepted: by http, to another computer."""
    try:
        return canonical(uri).startswith("http:") and not is_loopback(uri)
    except InvalidValue:
        return False


def _split_query(uri: str) -> tuple[str, str]:
    """The URI before the query, and the query; without the fragment."""
    if _CONTROL.search(uri):
        raise InvalidValue("uri", "the address contains a control character or a line break")
    if _SURROGATE.search(uri):
        raise InvalidValue("uri", "the address contains a character that is not UTF-8")
    base, _, query = uri.strip().partition("#")[0].partition("?")
    return base, query


def _parse(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
    except ValueError:  # whose text, of which a password may be a part, is in neither the message nor its cause
        raise InvalidValue(
            "uri", f"{_quoted(shown_address(uri))} is not a valid address: its host has invalid characters"
        ) from None
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidValue("uri", f"{_quoted(shown_address(uri))} is not an http:// or https:// address")
    if "@" in parts.netloc:
        raise InvalidValue("uri", "an address must not contain a user name or password: use an authentication")
    if "\\" in parts.netloc or not parts.hostname:
        raise InvalidValue("uri", f"{_quoted(shown_address(uri))} contains no host")
    return parts


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    if ":" in name:
        return f"[{name}]"
    plain = name if name.isascii() and "xn--" not in name else _to_ascii(name)
    if len(plain) > 253 or not _HOST.fullmatch(plain):
        raise InvalidValue("uri", f"{_quoted(name)} is not a host name")
    return plain


def _to_ascii(name: str) -> str:
    """The ASCII form of an international name (IDNA 2008); Python's own codec would turn ß into ss."""
    import idna

    try:
        plain = name if name.isascii() else idna.encode(name, uts46=True).decode()
        idna.decode(plain)  # httpx decodes it too
    except idna.IDNAError as error:
        raise InvalidValue(
            "uri",
            f"{_quoted(name)} is not a host name: a part of it is empty, too long, or contains invalid characters",
        ) from error
    return plain


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{beginning(text, 79)}…")


def _encoded(text: str, safe: str) -> str:
    return quote(text, safe=safe)


@lru_cache(maxsize=256)
def escape_percents(uri: str) -> str:
    """`uri` with every % that is not part of an escape written as %25.

    Each segment of the path, each name and each value of the query is treated as a whole. If all of its % belong to
    escapes of UTF-8, it is percent-encoded already and stays unchanged; if none does, as in `%edu%`, `100%` or `%E4`,
    they are literal. Raises `InvalidValue` for a mix of both, which is ambiguous.
    """
    if not _NOT_ASCII_ESCAPE.search(uri):
        return uri
    base, mark, query = uri.partition("?")
    parameters = ("=".join(map(_component, part.split("=", 1))) for part in query.split("&"))
    return "/".join(map(_component, base.split("/"))) + mark + "&".join(parameters)


def _component(text: str) -> str:
    escapes = _PERCENT.findall(text)
    kinds = {kind for each in escapes for kind in _are_escapes(each)}
    if kinds == {True, False}:
        kept = _PERCENT.sub(lambda found: _escape_stray(found[0]), text)
        raise InvalidValue(
            "uri",
            f"{_quoted(text)} is ambiguous: write {_quoted(kept)} if its escapes are meant as such, or "
            f"{_quoted(text.replace('%', '%25'))} if each % stands for itself",
        )
    return text.replace("%", "%25") if False in kinds else text


def _are_escapes(escapes: str) -> Iterator[bool]:
    """Whether each character of a run of escapes, or a lone %, is an escape of valid UTF-8."""
    if escapes == "%":
        yield False
    else:
        yield from (not _SURROGATE.match(character) for character in _decoded(escapes))


def _escape_stray(escapes: str) -> str:
    """`escapes` with each % that is not part of an escape of valid UTF-8 written as %25."""
    if escapes == "%":
        return "%25"
    kept, at = "", 0
    for character, is_escape in zip(_decoded(escapes), _are_escapes(escapes), strict=True):
        width = 3 * len(character.encode()) if is_escape else 3
        kept += escapes[at : at + width] if is_escape else f"%25{escapes[at + 1 : at + 3]}"
        at += width
    return kept


def _decoded(escapes: str) -> str:
    """A run of escapes as text; an invalid byte becomes a lone surrogate."""
    return bytes.fromhex(escapes.replace("%", "")).decode("utf-8", "surrogateescape")


_RUN_OF_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_KEPT_ENCODED = frozenset("/?#%&=+")
"""Characters that would mean something else once decoded."""


def readable(uri: str) -> str:
    """The address with its escapes decoded, except those of delimiters, control characters and invalid UTF-8."""
    return _RUN_OF_ESCAPES.sub(_readable_escapes, uri) if "%" in uri else uri


def _readable_escapes(match: re.Match[str]) -> str:
    try:
        text = bytes.fromhex(match[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        return match[0]
    if text.isprintable() and _KEPT_ENCODED.isdisjoint(text):
        return text
    shown, at = list[str](), 0
    for each in text:
        end = at + 3 * len(each.encode())
        shown.append(each if each.isprintable() and each not in _KEPT_ENCODED else match[0][at:end])  # as it was sent
        at = end
    return "".join(shown)


def parameters(query: str) -> list[tuple[str, str | None]]:
    """The names and values of a query, decoded; None is the value of a name without "="."""
    found: list[tuple[str, str | None]] = []
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        found.append((_decoded_name(name), _decoded_text(value) if equals else None))
    return found


def _decoded_text(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text  # which is a twentieth of the time


_decoded_name = lru_cache(maxsize=1_000)(_decoded_text)
"""Cached, as search criteria repeat ten names in each request."""
