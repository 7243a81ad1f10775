"""One known secret in all the forms in which it can turn up: quoted, escaped, percent-encoded, in base64."""

from __future__ import annotations

import base64
import html
import html.entities
import json
import re
from collections.abc import Iterator
from functools import cache, cached_property, lru_cache
from urllib.parse import quote, quote_plus

_ANCHOR = 10
"""Bytes; with longer ones CPython's search of a few KB is slower: it skips by what is not in them."""
_SHORTEST_ANCHOR = 3
"""Letters and digits in a row; a text with fewer is found by its usual forms: its pattern would begin everywhere."""
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
# the signs that escapes begin and end with, which one more encoding escapes in their turn
_PERCENT = rb"(?:%|&#0*37;)(?:25)*"
_AMPERSAND = rb"(?:&|" + _PERCENT + rb"26|\\{1,8}u0026)(?:amp;|amp%3[Bb]|#0*38;|#x26;)*"
_HASH = rb"(?:#|" + _PERCENT + rb"23|&#0*35;)"
_SEMICOLON = rb"(?:;|" + _PERCENT + rb"3[Bb]|&#0*59;)?"
_BACKSLASH = rb"(?:\\|" + _PERCENT + rb"5[Cc]|&#0*92;|&#x5[Cc];|&bsol;)"


class Known:
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
        """`data` with the mark in place of this text."""
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


def forms(secret: str) -> Iterator[Known]:
    """The secret, its beginning as PHP cuts it, and what base64 makes of it at each of its three alignments."""
    yield Known(secret)
    beginning = secret.encode("utf-8", "surrogatepass")[:_CUT_BY_PHP].decode("utf-8", "ignore")
    if len(beginning) < len(secret):
        yield Known(beginning, rest=secret[len(beginning) :])
    encodings = ["utf-8"] if secret.isascii() else ["utf-8", "latin-1"]
    for encoding in encodings:
        try:
            data = secret.encode(encoding)
        except UnicodeEncodeError:
            continue
        for shift, shared in ((0, 0), (1, 2), (2, 3)):
            coded = base64.b64encode(bytes(shift) + data).decode()
            whole = (shift + len(data)) * 8 // 6  # what follows may change the characters after these
            yield Known(coded[shared:whole], coded=True)


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
