"""Hides secrets in what is recorded: by place, where secrets stand, and by value, wherever a known one turns up."""

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
from .names import is_secret_name, is_secret_parameter
from .places import MARK, hidden, hidden_in_addresses, may_hold_secrets

# One known secret in all the forms in which it can turn up: quoted, escaped, percent-encoded, in base64.


_ANCHOR = 10
"""Bytes; with longer ones CPython's search of a few KB is slower: it skips by what is not in them."""
_SHORTEST_ANCHOR = 3
"""Letters and digits in a row; a text with fewer is found by its usual forms: its pattern would start everywhere."""
_MOST_ODD = 24
"""Characters that encoders change, up to which a text has a pattern."""
_LONGEST_FORM, _SLACK = 24, 40
"""Bytes that one character takes, and what is around a text in base64."""
_CUT_BY_PHP = 15
"""Bytes that PHP shows of an argument in a stack trace (zend.exception_string_param_max_len)."""
_RUN = re.compile(rb"[A-Za-z0-9]+")
_TAIL = rb"[A-Za-z0-9+/_-]{0,2}(?:=|%(?:25)*3[Dd]){0,2}"
_CODED = re.compile(rb"[A-Za-z0-9+/_-]")
_CODED_TAIL = re.compile(_TAIL)
_ESCAPE = re.compile("%[0-9A-F]{2}")
_FOR_ADDRESSES = str.maketrans("+/", "-_")
_PARTS = re.compile(r"\\+|[^\\]")
_SAME = {"+": "+-", "-": "+-", "/": "/_", "_": "/_"}
"""The two alphabets of base64 differ in these."""
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
# the signs that escapes start and end with, which one more encoding escapes in their turn
_PERCENT = rb"(?:%|&#0*37;)(?:25)*"
_AMPERSAND = rb"(?:&|" + _PERCENT + rb"26|\\{1,8}u0026)(?:amp;|amp%3[Bb]|#0*38;|#x26;)*"
_HASH = rb"(?:#|" + _PERCENT + rb"23|&#0*35;)"
_SEMICOLON = rb"(?:;|" + _PERCENT + rb"3[Bb]|&#0*59;)?"
_BACKSLASH = rb"(?:\\|" + _PERCENT + rb"5[Cc]|&#0*92;|&#x5[Cc];|&bsol;)"


class HiddenText:
    """One text to be hidden. Each body is searched for its anchor; the rest follows only where that is found.

    A short text is found by a pattern, in every form that encoders give its characters. Building one takes four
    milliseconds for each character that encoders change. A text with many of those, which a store could choose, is
    therefore searched for in its usual forms only.
    """

    def __init__(self, text: str, *, coded: bool = False, rest: str = "") -> None:
        """`coded`: part of a text in base64. `rest`: what may follow, in plain writing, as far as it does."""
        self._text, self._coded = text, coded
        self._rest = rest.encode("utf-8", "surrogatepass")
        runs = _RUN.findall(text.encode("utf-8", "surrogatepass"))
        longest: bytes = max(runs, key=len, default=b"")
        odd = sum(not (each.isascii() and each.isalnum()) for each in text)
        self.has_pattern = odd <= _MOST_ODD and len(longest) >= _SHORTEST_ANCHOR
        self.anchor: bytes = longest[:_ANCHOR]
        """The beginning of its longest run of letters and digits: no way of quoting or escaping changes these."""

    def __len__(self) -> int:
        return len(self._text)

    def hidden(self, data: bytes, mark: bytes) -> bytes:
        """`data` with the mark instead of this text."""
        out: list[bytes] = []
        done = 0
        for start, end in self.spans(data):
            out += (data[done:start], mark)
            done = end
        return b"".join((*out, data[done:])) if out else data

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where the text is, in order and without overlaps."""
        done = 0
        for start, end in self._found(data):
            if start >= done:
                done = end
                while done < len(data) and data[done : done + 1] == self._rest[done - end : done - end + 1]:
                    done += 1
                yield start, done

    def _found(self, data: bytes) -> Iterator[tuple[int, int]]:
        if self.has_pattern:
            for start, end in self._windows(data):
                yield from (match.span() for match in self._pattern.finditer(data, start, end))
            return
        found: list[tuple[int, int]] = []
        for form in self._usual_forms:
            place = data.find(form)
            while place >= 0:
                found.append(self._widened(data, place, place + len(form)))
                place = data.find(form, place + len(form))
        yield from sorted(found, key=lambda span: (span[0], -span[1]))

    def _windows(self, data: bytes) -> Iterator[tuple[int, int]]:
        """The stretches around the anchors: the pattern takes a microsecond for each byte of them."""
        reach = len(self._text) * _LONGEST_FORM + _SLACK
        begin = end = -1
        place = data.find(self.anchor)
        while place >= 0:
            if place - reach > end >= 0:
                yield begin, end
                begin = -1
            begin = max(0, place - reach) if begin < 0 else begin
            end = place + reach
            place = data.find(self.anchor, place + len(self.anchor))
        if begin >= 0:
            yield begin, end

    def _widened(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """In base64, the characters on both sides hold bits of the text, too."""
        if not self._coded:
            return start, end
        start -= _CODED.match(data, start - 1, start) is not None if start else 0
        tail = _CODED_TAIL.match(data, end)
        return start, tail.end() if tail else end

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        whole = b"".join(_any_form(part[0], len(part)) for part in _PARTS.findall(self._text))
        return re.compile(rb"[A-Za-z0-9+/_-]?" + whole + _TAIL if self._coded else whole)

    @cached_property
    def _usual_forms(self) -> list[bytes]:
        text = self._text
        once = {text}
        once |= {quote(text, safe="", errors="surrogatepass"), quote_plus(text, errors="surrogatepass")}
        once.add(quote(text, safe="/:@!$&'()*+,;=-._~", errors="surrogatepass"))
        once |= {_ESCAPE.sub(lambda match: match[0].lower(), each) for each in once if "%" in each}
        if self._coded:
            once |= {each.translate(_FOR_ADDRESSES) for each in once}
        once |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
        once |= {html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&#039;")}
        once |= {each.replace("/", "\\/") for each in once}
        twice = {quote(each, safe="", errors="surrogatepass") for each in once}
        twice |= {json.dumps(each)[1:-1] for each in once} | {html.escape(each) for each in once}
        forms = {each.encode("utf-8", "surrogatepass") for each in once | twice}
        return sorted(forms, key=len, reverse=True)


def forms(secret: str) -> Iterator[HiddenText]:
    """The secret, its beginning as PHP cuts it, and what base64 makes of it at each of its three alignments."""
    yield HiddenText(secret)
    beginning = secret.encode("utf-8", "surrogatepass")[:_CUT_BY_PHP].decode("utf-8", "ignore")
    if len(beginning) < len(secret):
        yield HiddenText(beginning, rest=secret[len(beginning) :])
    encodings = ["utf-8"] if secret.isascii() else ["utf-8", "latin-1"]
    for encoding in encodings:
        try:
            data = secret.encode(encoding)
        except UnicodeEncodeError:
            continue
        for shift, shared in ((0, 0), (1, 2), (2, 3)):
            coded = base64.b64encode(bytes(shift) + data).decode()
            whole = (shift + len(data)) * 8 // 6  # what follows may change the characters after these
            yield HiddenText(coded[shared:whole], coded=True)


@lru_cache(maxsize=2_000)
def _any_form(character: str, count: int) -> bytes:
    """A pattern for the character as any encoder may write it; letters and digits are left alone by all of them.

    Only backslashes come with a `count` above 1: quoting doubles them, and each of them alone could be any of many.
    """
    if character.isascii() and character.isalnum():
        return character.encode()
    spelled = {form for each in _SAME.get(character, character) for form in _written(each)}
    written: list[bytes] = sorted(spelled, key=_longest_first)
    any_of = b"(?:" + b"|".join(written) + b")"
    return any_of + b"{%d,%d}" % (count, count * 16) if character == "\\" else _BACKSLASH + b"{0,8}" + any_of


def _written(character: str) -> Iterator[bytes]:
    code, plain = ord(character), character.encode("utf-8", "surrogatepass")
    yield re.escape(plain)
    if character == " ":
        yield from _written("+")
    if character in _LETTERS:
        yield _BACKSLASH + b"{1,8}" + _LETTERS[character].encode()
    if 0x80 <= code < 0x100:  # one encoding taken for the other
        yield from (re.escape(bytes([code])), re.escape(plain.decode("latin-1").encode()), _escaped(bytes([code])))
    yield _escaped(plain)
    units = character.encode("utf-16-be", "surrogatepass").hex()
    yield b"".join(_BACKSLASH + b"{1,8}u(?i:%s)" % units[at : at + 4].encode() for at in range(0, len(units), 4))
    yield _BACKSLASH + (b"{1,8}x(?i:%02x)" % code if code < 0x100 else b"{1,8}U(?i:%08x)" % code)
    names = [_HASH + b"0*%d" % code, _HASH + b"[xX]0*(?i:%x)" % code]
    names += [name.rstrip(";").encode() for name in _entities(character)]
    yield _AMPERSAND + b"(?:" + b"|".join(names) + b")" + _SEMICOLON


def _escaped(data: bytes) -> bytes:
    return b"".join(_PERCENT + b"(?i:%02x)" % each for each in data)


def _entities(character: str) -> list[str]:
    return _names_of_entities().get(character, [])


@cache
def _names_of_entities() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, value in sorted(html.entities.html5.items()):
        if name.endswith(";"):
            names.setdefault(value, []).append(name)
    return names


def _longest_first(form: bytes) -> tuple[int, bytes]:
    return -len(form), form


__all__ = ["MARK", "SHORTEST", "Mask"]

SHORTEST = 6
"""Characters; a shorter value would mask half of a response."""

_JWT = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*")
_MASKED = re.compile(rf"{MARK}(?:\(\d+\))?")
_OAUTH_PAIR = re.compile(r'(\w+)="([^"]*)"')
_TOKEN_ANSWERS = re.compile(
    r"/integration/(?:admin|customer)/token\b|/tfa/provider/[^?#]*authenticate\b|/oauth/token/(?:request|access)\b",
    re.IGNORECASE,
)
_ERROR = re.compile(r'\{.{0,300}?"(?:message|error)"\s*:', re.DOTALL)
_JSON_STRING = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)(\s*:)?')
_XML_TEXT = re.compile(r">[^<>\s][^<>]*")
_NUMBER = re.compile(r"(?<==)[0-9]+(?=&|\Z)")
"""A number that is the whole value of a parameter."""
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
        self._known: list[HiddenText] = []
        self._known_of: dict[str, tuple[HiddenText, ...]] = {}
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
            self._remember(name, value)
        return masked

    def _remember(self, name: str, value: str) -> None:
        if len(self._harmless) >= _REMEMBERED:
            self._harmless.clear()
        self._harmless.add((name, value))

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
        # the addresses of a run's pages differ in numbers only, and what hides by place sees no more than their length
        alike = _NUMBER.sub(_zeros, uri)
        if ("", alike) in self._harmless:
            return self.without_known(uri)
        masked = self._uri(uri)
        if masked == uri:
            self._remember("", alike)
        return masked

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
        """The response of a token endpoint: a bare string, or an object; its error messages stay readable."""
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


def _zeros(number: re.Match[str]) -> str:
    return "0" * len(number[0])


def answers_with_a_token(uri: str) -> bool:
    """Whether a response from this address is a bare token, without a name that says so (Magento_Integration, TFA)."""
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
