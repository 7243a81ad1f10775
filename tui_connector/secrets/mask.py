"""Masks secrets in what is recorded: known values in any encoding, and values under the names of secrets."""

from __future__ import annotations

import base64
import html
import html.entities
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property, lru_cache
from urllib.parse import quote, quote_plus, unquote_plus

from ..text import HTTP_TOKEN, hide_everywhere
from .named_values import MARK, mask_addresses, mask_named_values, may_contain_secrets
from .names import is_secret_name, is_secret_parameter

__all__ = ["MARK", "SHORTEST", "Mask"]

SHORTEST = 6
"""Characters; masking a shorter value would mask half of a response."""

_JWT = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*")
_MASKED = re.compile(rf"{MARK}(?:\(\d+\))?")
_MASKED_IN_BODY = re.compile(rf'("{MARK}" \(\d+ characters\))|{MARK}(?:\(\d+\))?'.encode())
_OAUTH_PAIR = re.compile(r'(\w+)="([^"]*)"')
_TOKEN_URIS = re.compile(
    r"/integration/(?:admin|customer)/token\b|/tfa/provider/[^?#]*authenticate\b|/oauth/token/(?:request|access)\b",
    re.IGNORECASE,
)
_ERROR = re.compile(r'\{.{0,300}?"(?:message|error)"\s*:', re.DOTALL)
_JSON_STRING = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)(\s*:)?')
_XML_TEXT = re.compile(r">[^<>\s][^<>]*")
_NUMBER_VALUE = re.compile(r"(?<==)[0-9]+(?=&|\Z)")
"""A number that is the whole value of a parameter."""
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MAX_CACHED = 1_000
_NAME_KEY = ":"
"""Cache key for the names of headers; not a valid header name."""
_MAX_SECRET = 10_000
"""Characters; longer than any header."""
_MAX_RECEIVED = 50

_ANCHOR = 10
"""Bytes; CPython searches a few KB more slowly for a longer one."""
_SHORTEST_ANCHOR = 3
"""Consecutive letters and digits that a pattern needs; without them it would match almost everywhere."""
_MAX_ENCODED = 24
"""Characters changed by encoders; a text with more of them has no pattern."""
_MAX_ENCODED_CHARACTER = 24
"""Bytes of one character in the longest encoding."""
_SLACK = 40
"""Bytes around a text in base64."""
_PHP_ARGUMENT = 15
"""Bytes of an argument in a PHP stack trace (zend.exception_string_param_max_len)."""
_RUN = re.compile(rb"[A-Za-z0-9]+")
_TAIL = rb"[A-Za-z0-9+/_-]{0,2}(?:=|%(?:25)*3[Dd]){0,2}"
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]")
_BASE64_TAIL = re.compile(_TAIL)
_ESCAPE = re.compile("%[0-9A-F]{2}")
_TO_BASE64URL = str.maketrans("+/", "-_")
_PARTS = re.compile(r"\\+|[^\\]")
_BASE64_VARIANTS = {"+": "+-", "-": "+-", "/": "/_", "_": "/_"}
"""The characters in which base64 and base64url differ."""
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
# the characters that delimit escapes, which another encoding may have escaped again
_PERCENT = rb"(?:%|&#0*37;)(?:25)*"
_AMPERSAND = rb"(?:&|" + _PERCENT + rb"26|\\{1,8}u0026)(?:amp;|amp%3[Bb]|#0*38;|#x26;)*"
_HASH = rb"(?:#|" + _PERCENT + rb"23|&#0*35;)"
_SEMICOLON = rb"(?:;|" + _PERCENT + rb"3[Bb]|&#0*59;)?"
_BACKSLASH = rb"(?:\\|" + _PERCENT + rb"5[Cc]|&#0*92;|&#x5[Cc];|&bsol;)"


class SecretSearch:
    """Finds one text in a body, in any encoding and case. Each body is first searched for the anchor, which is fast.

    A pattern matches every encoding of each character. It takes four milliseconds for each character that encoders
    change, so a text with many of those, which a store could choose, is searched for in its common encodings only.
    """

    def __init__(self, text: str, *, in_base64: bool = False, rest: str = "") -> None:
        """`in_base64`: `text` is part of a base64 text. `rest`: what may follow unencoded, in whole or in part."""
        self._text, self._base64 = text, in_base64
        self._rest = rest.encode("utf-8", "surrogatepass").lower()
        runs = _RUN.findall(text.encode("utf-8", "surrogatepass"))
        longest: bytes = max(runs, key=len, default=b"")
        odd = sum(not (each.isascii() and each.isalnum()) for each in text)
        self.has_pattern = odd <= _MAX_ENCODED and len(longest) >= _SHORTEST_ANCHOR
        self.anchor: bytes = longest[:_ANCHOR].lower()
        """The beginning of the longest run of letters and digits, in lower case: no quoting or escaping changes it."""

    def __len__(self) -> int:
        return len(self._text)

    def replace(self, data: bytes, mark: bytes) -> bytes:
        """`data` with `mark` in place of this text."""
        out: list[bytes] = []
        done = 0
        for start, end in self.spans(data):
            out += (data[done:start], mark)
            done = end
        return b"".join((*out, data[done:])) if out else data

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """The start and end of each occurrence, in order, without overlaps."""
        done = 0
        for start, end in self._candidates(data):
            if start >= done:
                done = end
                while done < len(data) and data[done : done + 1].lower() == self._rest[done - end : done - end + 1]:
                    done += 1
                yield start, done

    def _candidates(self, data: bytes) -> Iterator[tuple[int, int]]:
        if self.has_pattern:
            for start, end in self._windows(data):
                yield from (match.span() for match in self._pattern.finditer(data, start, end))
            return
        found: list[tuple[int, int]] = []
        lower = data.lower()
        for form in self._common_encodings:
            place = lower.find(form)
            while place >= 0:
                found.append(self._widened(data, place, place + len(form)))
                place = lower.find(form, place + len(form))
        yield from sorted(found, key=lambda span: (span[0], -span[1]))

    def _windows(self, data: bytes) -> Iterator[tuple[int, int]]:
        """The ranges around the anchors: the pattern takes a microsecond for each byte."""
        reach = len(self._text) * _MAX_ENCODED_CHARACTER + _SLACK
        begin = end = -1
        lower = data.lower()
        place = lower.find(self.anchor)
        while place >= 0:
            if place - reach > end >= 0:
                yield begin, end
                begin = -1
            begin = max(0, place - reach) if begin < 0 else begin
            end = place + reach
            place = lower.find(self.anchor, place + len(self.anchor))
        if begin >= 0:
            yield begin, end

    def _widened(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """In base64, the characters on both sides contain bits of the text, too."""
        if not self._base64:
            return start, end
        start -= _BASE64.match(data, start - 1, start) is not None if start else 0
        tail = _BASE64_TAIL.match(data, end)
        return start, tail.end() if tail else end

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        whole = b"".join(_character_pattern(part[0], len(part)) for part in _PARTS.findall(self._text))
        return re.compile(rb"[A-Za-z0-9+/_-]?" + whole + _TAIL if self._base64 else whole, re.IGNORECASE)

    @cached_property
    def _common_encodings(self) -> list[bytes]:
        text = self._text
        once = {text}
        once |= {quote(text, safe="", errors="surrogatepass"), quote_plus(text, errors="surrogatepass")}
        once.add(quote(text, safe="/:@!$&'()*+,;=-._~", errors="surrogatepass"))
        once |= {_ESCAPE.sub(lambda match: match[0].lower(), each) for each in once if "%" in each}
        if self._base64:
            once |= {each.translate(_TO_BASE64URL) for each in once}
        once |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
        once |= {html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&#039;")}
        once |= {each.replace("/", "\\/") for each in once}
        twice = {quote(each, safe="", errors="surrogatepass") for each in once}
        twice |= {json.dumps(each)[1:-1] for each in once} | {html.escape(each) for each in once}
        forms = {each.encode("utf-8", "surrogatepass").lower() for each in once | twice}
        return sorted(forms, key=len, reverse=True)


def encoded_searches(secret: str) -> Iterator[SecretSearch]:
    """Searches for the secret, its beginning as truncated by PHP, and its base64 at each of the three alignments."""
    yield SecretSearch(secret)
    beginning = secret.encode("utf-8", "surrogatepass")[:_PHP_ARGUMENT].decode("utf-8", "ignore")
    if len(beginning) < len(secret):
        yield SecretSearch(beginning, rest=secret[len(beginning) :])
    encodings = ["utf-8"] if secret.isascii() else ["utf-8", "latin-1"]
    for encoding in encodings:
        try:
            data = secret.encode(encoding)
        except UnicodeEncodeError:
            continue
        for shift, shared in ((0, 0), (1, 2), (2, 3)):
            encoded = base64.b64encode(bytes(shift) + data).decode()
            whole = (shift + len(data)) * 8 // 6  # the characters after these depend on what follows
            yield SecretSearch(encoded[shared:whole], in_base64=True)


@lru_cache(maxsize=2_000)
def _character_pattern(character: str, count: int) -> bytes:
    """A pattern for the character in any encoding; no encoder changes letters and digits.

    Only for backslashes is `count` above 1: quoting doubles them.
    """
    if character.isascii() and character.isalnum():
        return character.encode()
    variants = _BASE64_VARIANTS.get(character, character)
    cases = {form for each in variants for form in (each, each.lower(), each.upper()) if len(form) == 1}
    encodings = {form for each in cases for form in _encodings(each)}
    longest_first: list[bytes] = sorted(encodings, key=lambda form: (-len(form), form))
    any_of = b"(?:" + b"|".join(longest_first) + b")"
    return any_of + b"{%d,%d}" % (count, count * 16) if character == "\\" else _BACKSLASH + b"{0,8}" + any_of


def _encodings(character: str) -> Iterator[bytes]:
    code, plain = ord(character), character.encode("utf-8", "surrogatepass")
    yield re.escape(plain)
    if character == " ":
        yield from _encodings("+")
    if character in _LETTERS:
        yield _BACKSLASH + b"{1,8}" + _LETTERS[character].encode()
    if 0x80 <= code < 0x100:  # UTF-8 read as Latin-1, or vice versa
        yield from (
            re.escape(bytes([code])),
            re.escape(plain.decode("latin-1").encode()),
            _percent_encoded(bytes([code])),
        )
    yield _percent_encoded(plain)
    units = character.encode("utf-16-be", "surrogatepass").hex()
    yield b"".join(_BACKSLASH + b"{1,8}u(?i:%s)" % units[at : at + 4].encode() for at in range(0, len(units), 4))
    yield _BACKSLASH + (b"{1,8}x(?i:%02x)" % code if code < 0x100 else b"{1,8}U(?i:%08x)" % code)
    names = [_HASH + b"0*%d" % code, _HASH + b"[xX]0*(?i:%x)" % code]
    names += [name.rstrip(";").encode() for name in _entity_names().get(character, [])]
    yield _AMPERSAND + b"(?:" + b"|".join(names) + b")" + _SEMICOLON


def _percent_encoded(data: bytes) -> bytes:
    return b"".join(_PERCENT + b"(?i:%02x)" % each for each in data)


@cache
def _entity_names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, value in sorted(html.entities.html5.items()):
        if name.endswith(";"):
            names.setdefault(value, []).append(name)
    return names


class Mask:
    """Masks the known secrets of a run, and values under secret names."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}
        self._known: list[SecretSearch] = []
        self._searches: dict[str, tuple[SecretSearch, ...]] = {}
        self._received: deque[str] = deque()
        self._lock = threading.Lock()
        self._overlap = 0
        """Bytes on both sides of a cut that may contain a secret across it."""
        self._secret_names: set[str] = set()
        self._clean: set[tuple[str, str]] = set()
        """Headers, and URIs under an empty name, without a secret: the same ones recur in every exchange."""

    def hide(self, name: str) -> None:
        """Masks the value of headers and query parameters of this name from now on, however short it is."""
        self._secret_names.add(name.lower())
        self._clean.clear()

    def learn(self, secret: str, label: str, *, received: bool = False) -> None:
        """Masks this value from now on, also quoted, encoded and in other case; one shorter than `SHORTEST` is ignored.

        Of the secrets `received` from a store, which could send any number, the last 50 are kept.
        """
        secret = secret[:_MAX_SECRET]
        if len(secret) < SHORTEST or secret in self._secrets:
            return  # a shorter one is masked by its name only
        with self._lock:
            self._secrets = {**self._secrets, secret: label}
            known = {**self._searches, secret: tuple(encoded_searches(secret))}
            if received:
                self._received.append(secret)
                if len(self._received) > _MAX_RECEIVED:
                    oldest = self._received.popleft()
                    self._secrets = {each: of for each, of in self._secrets.items() if each != oldest}
                    known.pop(oldest, None)
            self._searches = known
            self._overlap = max(self._overlap, len(secret) * _MAX_ENCODED_CHARACTER)
            # a new list, as other threads iterate over the old one; longest first, as one secret may contain another
            self._known = sorted((form for each in known.values() for form in each), key=len, reverse=True)
            self._clean.clear()
        hide_everywhere(self)

    def values(self) -> dict[str, str]:
        """The known secrets and their labels, oldest first."""
        return self._secrets

    def mask_known(self, text: str) -> str:
        """`text` with known secrets and JWTs masked."""
        if not self._known and "eyJ" not in text:
            return text
        data = text.encode("utf-8", "surrogatepass")
        masked = self._mask_known(data)
        if b"eyJ" in masked:
            masked = _JWT.sub(MARK.encode(), masked)
        return text if masked == data else masked.decode("utf-8", "surrogatepass")

    def mask_known_bytes(self, data: bytes) -> bytes:
        """`data` with known secrets masked, and nothing else."""
        return self._mask_known(data)

    def text(self, text: str) -> str:
        """`text` with known secrets, JWTs and values under secret names masked."""
        return self._mask_named(self._mask_known(text.encode("utf-8", "surrogatepass"))).decode(
            "utf-8", "surrogatepass"
        )

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Headers with their values masked, and known secrets in their names: a store can send one back as a name."""
        return tuple((self._header_name(name), self.header(name, value)) for name, value in headers)

    def _header_name(self, name: str) -> str:
        return self._cached(_NAME_KEY, name, lambda: self.mask_known(name))

    def header(self, name: str, value: str) -> str:
        """A header's masked value; scheme, length and the names of cookies and parameters stay."""
        return self._cached(name, value, lambda: self._header(name.lower(), value))

    def _cached(self, name: str, value: str, mask: Callable[[], str]) -> str:
        if (name, value) in self._clean:
            return value
        masked = mask()
        if masked == value:
            self._remember(name, value)
        return masked

    def _remember(self, name: str, value: str) -> None:
        if len(self._clean) >= _MAX_CACHED:
            self._clean.clear()
        self._clean.add((name, value))

    def _header(self, lower: str, value: str) -> str:
        if lower in ("authorization", "proxy-authorization"):
            return ", ".join(map(_credentials, re.split(r",\s*(?=OAuth )", value)))
        if lower == "set-cookie":
            pair, semicolon, attributes = value.partition(";")
            return self.text(f"{_cookie(pair)}{semicolon}{attributes}")
        if lower == "cookie":
            return "; ".join(map(_cookie, value.split(";")))
        return MARK if lower in self._secret_names or is_secret_parameter(lower) else self._uri(value)

    def uri(self, uri: str) -> str:
        """A URI with user, password and parameters with secret names masked."""
        # the URIs of a run's pages differ in numbers only, and masking by name depends only on their length
        alike = _NUMBER_VALUE.sub(lambda number: "0" * len(number[0]), uri)
        if ("", alike) in self._clean:
            return self.mask_known(uri)
        masked = self._uri(uri)
        if masked == uri:
            self._remember("", alike)
        return masked

    def _uri(self, uri: str) -> str:
        path, mark, query = uri.partition("?")
        return self.text(mask_addresses(path + mark + self._parameters(query)))

    def body(self, data: bytes, media_type: str = "", *, secret_response: bool = False) -> bytes:
        """The masked body; the same object if it contains no secret. `secret_response`: it is a bare token."""
        if b"\0" in data[:4] or data[:2] in _UTF16_MARKS:
            return self._utf16_body(data, media_type, secret_response)
        if secret_response and data:
            return self._token_response(data)
        data = self._mask_known(data)
        if "form-urlencoded" in media_type:
            data = self._parameters(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return self._mask_named(data)

    def _parameters(self, query: str) -> str:
        return "&".join(map(self._parameter, query.split("&"))) if "=" in query else query

    def _parameter(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        plain = _decoded(name)
        secret = plain.lower() in self._secret_names or is_secret_parameter(plain, value)
        return f"{name}={MARK}" if equals and value and secret and value != MARK else pair

    def _utf16_body(self, data: bytes, media_type: str, secret_response: bool) -> bytes:
        """A body that looks like UTF-16; if it has no secret as such, it is masked as bytes."""
        little = data[:2] == b"\xff\xfe" or data[1:2] == b"\0"
        encoding = "utf-16-le" if little else "utf-16-be"
        plain = data.decode(encoding, "replace").replace("\0", "?").encode("utf-8", "replace")
        masked = self.body(plain, media_type, secret_response=secret_response)
        if masked != plain:
            return masked.decode("utf-8", "replace").encode(encoding)
        return self._mask_named(self._mask_known(data))

    def truncate(self, data: bytes, size: int) -> bytes:
        """The first `size` bytes; fewer if a known secret lies across the cut, as half of it would stay."""
        end = min(size, len(data))
        left = max(0, end - self._overlap)
        around = data[left : end + self._overlap]
        cut = end - left
        lower = around.lower()
        for known in self._known:
            if known.anchor in lower:
                cut = min([cut, *(first for first, last in known.spans(around) if first < cut < last)])
        return data[: left + _without_partial_secret(around[:cut], self._secrets)]

    def _mask_known(self, data: bytes) -> bytes:
        lower = data.lower()
        for known in self._known:
            if known.anchor in lower:
                data = known.replace(data, MARK.encode())
                lower = data.lower()
        return data

    def _mask_named(self, data: bytes) -> bytes:
        jwt = b"eyJ" in data
        if jwt or may_contain_secrets(data):
            data = mask_named_values(data)
        if b"?" in data or b"/key/" in data:
            data = mask_addresses(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return _JWT.sub(MARK.encode(), data) if jwt else data

    def _token_response(self, data: bytes) -> bytes:
        """The masked response of a token endpoint, a bare string or an object; error messages stay readable."""
        text = data.decode("utf-8", "replace").strip()
        if MARK in text:  # read back from a file
            return self._mask_named(self._mask_known(data))
        if text.startswith(("{", "[")) and not _ERROR.match(text):
            text = _JSON_STRING.sub(lambda found: found[0] if found[1] else f'"{MARK}"', text)
        if text.startswith(("{", "[", "<")):
            text = _XML_TEXT.sub(f">{MARK}", text) if text.startswith("<?xml") else text
            return self._mask_named(self._mask_known(text.encode()))
        return f'"{MARK}" ({len(text)} characters)'.encode()


_decoded = lru_cache(maxsize=1_000)(unquote_plus)
"""Cached, as search criteria repeat ten names in each request."""


def returns_token(uri: str) -> bool:
    """Whether a successful response from this URI is a bare token (Magento_Integration, Magento_TwoFactorAuth)."""
    return _TOKEN_URIS.search(uri) is not None


def with_stand_ins(data: bytes, stand_in: str) -> bytes:
    """Masked data with an ASCII word for each secret, so that it has the form it had before it was masked."""
    return _MASKED_IN_BODY.sub(lambda found: f'"{stand_in}"'.encode() if found[1] else stand_in.encode(), data)


def _without_partial_secret(tail: bytes, secrets: Iterable[str]) -> int:
    """The length of `tail` without the beginning of a secret at its end."""
    tail = tail.lower()
    for secret in secrets:
        whole = secret.encode("utf-8", "replace").lower()
        place = tail.find(whole[:SHORTEST], max(0, len(tail) - len(whole)))
        while place >= 0:
            if whole.startswith(tail[place:]):
                return place
            place = tail.find(whole[:SHORTEST], place + 1)
    return len(tail)


def _cookie(pair: str) -> str:
    name, equals, _ = pair.strip().partition("=")
    return f"{name}={MARK}" if equals and HTTP_TOKEN.fullmatch(name) else MARK


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
