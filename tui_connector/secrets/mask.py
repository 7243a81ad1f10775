"""Hides secrets in what is recorded: by place, where secrets stand, and by value, wherever a known one turns up."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import unquote_plus

from ..text import hide_everywhere
from .names import is_secret_name, is_secret_parameter
from .places import MARK, hidden, hidden_in_addresses, may_hold_secrets
from .spellings import Known, forms

__all__ = ["MARK", "SHORTEST", "Mask"]

SHORTEST = 6
"""Characters; a shorter value would mask half of an answer."""

_JWT = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*")
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 6265 §4.1.1; whatever else stands there may be secret
_MASKED = re.compile(rf"{MARK}(?:\(\d+\))?")
_OAUTH_PAIR = re.compile(r'(\w+)="([^"]*)"')
_TOKEN_ANSWERS = re.compile(
    r"/integration/(?:admin|customer)/token\b|/tfa/provider/[^?#]*authenticate\b|/oauth/token/(?:request|access)\b",
    re.IGNORECASE,
)
_ERROR = re.compile(r'\{.{0,300}?"(?:message|error)"\s*:', re.DOTALL)
_JSON_STRING = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)(\s*:)?')
_XML_TEXT = re.compile(r">[^<>\s][^<>]*")
_MARKS = (b"\xff\xfe", b"\xfe\xff")
_REMEMBERED = 1_000
_A_NAME = ":"
"""Under this, names of headers are remembered as harmless; no header is called so."""
_LONGEST = 10_000
"""Characters; no header is as long."""
_MOST_RECEIVED = 50
_LONGEST_FORM = 12
"""Bytes that one character of a secret takes at most, however it is written."""


class Mask:
    """Knows the secrets of this run, and the places where secrets stand."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}
        self._known: list[Known] = []
        self._known_of: dict[str, tuple[Known, ...]] = {}
        self._received: deque[str] = deque()
        self._learning = threading.Lock()
        self._seam = 0
        """Bytes on both sides of a cut in which a secret may lie across it."""
        self._hidden: set[str] = set()
        self._harmless: set[tuple[str, str]] = set()
        """Headers, and addresses without a name, in which nothing was found: they come again and again."""

    def hide(self, name: str) -> None:
        """From now on the value of a header or a query parameter of this name is hidden, however short it is."""
        self._hidden.add(name.lower())
        self._harmless.clear()

    def learn(self, secret: str, label: str, *, received: bool = False) -> None:
        """From now on this value is hidden, in its quoted and encoded forms too.

        Of those `received` from a store, which could send any number, the last ones are kept.
        """
        secret = secret[:_LONGEST]
        if len(secret) < SHORTEST or secret in self._secrets:
            return  # a shorter one is hidden by its place only
        with self._learning:
            self._secrets = {**self._secrets, secret: label}
            known = {**self._known_of, secret: tuple(forms(secret))}
            if received:
                self._received.append(secret)
                if len(self._received) > _MOST_RECEIVED:
                    oldest = self._received.popleft()
                    self._secrets = {each: of for each, of in self._secrets.items() if each != oldest}
                    known.pop(oldest, None)
            self._known_of = known
            self._seam = max(self._seam, len(secret) * _LONGEST_FORM)
            # a new list, as other threads go through the old one; the longest first: one secret may be part of another
            self._known = sorted((form for each in known.values() for form in each), key=len, reverse=True)
            self._harmless.clear()
        hide_everywhere(self)

    def values(self) -> dict[str, str]:
        """The secrets that are known, and the label of each; the last ones came last."""
        return self._secrets

    def without_known(self, text: str) -> str:
        """`text` without known secrets and JWTs, whatever it is about."""
        if not self._known and "eyJ" not in text:
            return text
        data = text.encode("utf-8", "surrogatepass")
        masked = self._by_value(data)
        if b"eyJ" in masked:
            masked = _JWT.sub(MARK.encode(), masked)
        return text if masked == data else masked.decode("utf-8", "surrogatepass")

    def bytes_without_known(self, data: bytes) -> bytes:
        """A body that is handed on, with nothing but known secrets hidden."""
        return self._by_value(data)

    def text(self, text: str) -> str:
        """`text` without known secrets, JWTs, and values under secret names."""
        return self._by_place(self._by_value(text.encode("utf-8", "surrogatepass"))).decode("utf-8", "surrogatepass")

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Names and values of headers; a store can send what it has received as a name, too."""
        return tuple((self._header_name(name), self.header(name, value)) for name, value in headers)

    def _header_name(self, name: str) -> str:
        return self._remembered(_A_NAME, name, lambda: self.without_known(name))

    def header(self, name: str, value: str) -> str:
        """A header's value: scheme, length and the names of cookies and parameters stay."""
        return self._remembered(name, value, lambda: self._header(name.lower(), value))

    def _remembered(self, name: str, value: str, mask: Callable[[], str]) -> str:
        if (name, value) in self._harmless:
            return value
        masked = mask()
        if masked == value:
            if len(self._harmless) >= _REMEMBERED:
                self._harmless.clear()
            self._harmless.add((name, value))
        return masked

    def _header(self, lower: str, value: str) -> str:
        if lower in ("authorization", "proxy-authorization"):
            return ", ".join(map(_credentials, re.split(r",\s*(?=OAuth )", value)))
        if lower == "set-cookie":
            pair, semicolon, attributes = value.partition(";")
            return self.text(f"{_cookie(pair)}{semicolon}{attributes}")
        if lower == "cookie":
            return "; ".join(map(_cookie, value.split(";")))
        return MARK if lower in self._hidden or is_secret_parameter(lower) else self._uri(value)

    def uri(self, uri: str) -> str:
        """An address: user and password in it and parameters named like secrets are hidden."""
        return self._remembered("", uri, lambda: self._uri(uri))

    def _uri(self, uri: str) -> str:
        path, mark, query = uri.partition("?")
        return self.text(hidden_in_addresses(path + mark + self._parameters(query)))

    def body(self, data: bytes, media_type: str = "", *, secret_answer: bool = False) -> bytes:
        """A body. One without anything that looks like a secret costs a few searches, and is returned as it is."""
        if b"\0" in data[:4] or data[:2] in _MARKS:
            return self._wide_body(data, media_type, secret_answer)
        if secret_answer and data:
            return self._token_answer(data)
        data = self._by_value(data)
        if "form-urlencoded" in media_type:
            data = self._parameters(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return self._by_place(data)

    def _parameters(self, query: str) -> str:
        return "&".join(map(self._parameter, query.split("&"))) if "=" in query else query

    def _parameter(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        plain = _plain(name)
        secret = plain.lower() in self._hidden or is_secret_parameter(plain, value)
        return f"{name}={MARK}" if equals and value and secret and value != MARK else pair

    def _wide_body(self, data: bytes, media_type: str, secret_answer: bool) -> bytes:
        """A body in UTF-16, or in none: then it comes back as it is, but for the secrets that are plain in it."""
        little = data[:2] == b"\xff\xfe" or data[1:2] == b"\0"
        encoding = "utf-16-le" if little else "utf-16-be"
        plain = data.decode(encoding, "replace").replace("\0", "?").encode("utf-8", "replace")
        masked = self.body(plain, media_type, secret_answer=secret_answer)
        if masked != plain:
            return masked.decode("utf-8", "replace").encode(encoding)
        return self._by_place(self._by_value(data))

    def start(self, data: bytes, size: int) -> bytes:
        """The first `size` bytes, fewer where a known secret lies across the cut: half of it would stay."""
        end = min(size, len(data))
        left = max(0, end - self._seam)
        around = data[left : end + self._seam]
        cut = end - left
        for known in self._known:
            if known.anchor in around:
                cut = min([cut, *(first for first, last in known.spans(around) if first < cut < last)])
        return data[: left + _without_beginning(around[:cut], self._secrets)]

    def _by_value(self, data: bytes) -> bytes:
        for known in self._known:
            if known.anchor in data:
                data = known.hidden(data, MARK.encode())
        return data

    def _by_place(self, data: bytes) -> bytes:
        jwt = b"eyJ" in data
        if jwt or may_hold_secrets(data):
            data = hidden(data)
        if b"?" in data or b"/key/" in data:
            data = hidden_in_addresses(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return _JWT.sub(MARK.encode(), data) if jwt else data

    def _token_answer(self, data: bytes) -> bytes:
        """The answer of a token endpoint: a bare string, or an object; its error messages stay readable."""
        text = data.decode("utf-8", "replace").strip()
        if MARK in text:  # read back from a file
            return self._by_place(self._by_value(data))
        if text.startswith(("{", "[")) and not _ERROR.match(text):
            text = _JSON_STRING.sub(lambda found: found[0] if found[1] else f'"{MARK}"', text)
        if text.startswith(("{", "[", "<")):
            text = _XML_TEXT.sub(f">{MARK}", text) if text.startswith("<?xml") else text
            return self._by_place(self._by_value(text.encode()))
        return f'"{MARK}" ({len(text)} characters)'.encode()


_plain = lru_cache(maxsize=1_000)(unquote_plus)
"""The names of parameters come again and again; search criteria have ten of them in each request."""


def answers_with_a_token(uri: str) -> bool:
    """Whether an answer from this address is a bare token, without a name that says so (Magento_Integration, TFA)."""
    return _TOKEN_ANSWERS.search(uri) is not None


def _without_beginning(tail: bytes, secrets: Iterable[str]) -> int:
    """How much of `tail` is left without the beginning of a secret that it ends in."""
    for secret in secrets:
        whole = secret.encode("utf-8", "replace")
        place = tail.find(whole[:SHORTEST], max(0, len(tail) - len(whole)))
        while place >= 0:
            if whole.startswith(tail[place:]):
                return place
            place = tail.find(whole[:SHORTEST], place + 1)
    return len(tail)


def _cookie(pair: str) -> str:
    name, equals, _ = pair.strip().partition("=")
    return f"{name}={MARK}" if equals and _COOKIE_NAME.fullmatch(name) else MARK


def _credentials(value: str) -> str:
    scheme, space, rest = value.partition(" ")
    if not space:
        return MARK
    if _MASKED.fullmatch(rest):  # read back from a file
        return value
    if scheme.lower() != "oauth":
        return f"{scheme} {MARK}({len(rest)})"
    return f"{scheme} " + _OAUTH_PAIR.sub(
        lambda pair: pair[0] if not is_secret_name(pair[1]) else f'{pair[1]}="{MARK}"', rest
    )
