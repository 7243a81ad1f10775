"""One known secret in all the forms in which it can turn up: quoted, escaped, percent-encoded, in base64."""

from __future__ import annotations

import base64
import html.entities
import re
from collections.abc import Iterator
from functools import cached_property

_ANCHOR = 10
"""Bytes; with longer ones CPython's search of a few KB is slower: it skips by what is not in them."""
_RUN = re.compile(rb"[A-Za-z0-9]+")
_TAIL = rb"[A-Za-z0-9+/_-]{0,2}(?:=|%(?:25)*3[Dd]){0,2}"
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
    """One text to be hidden. What is asked of every body is whether its anchor is in it; the pattern comes then."""

    def __init__(self, text: str, *, coded: bool = False) -> None:
        self._text, self._coded = text, coded
        runs = _RUN.findall(text.encode("utf-8", "surrogatepass"))
        self.anchor: bytes = max(runs, key=len, default=b"")[:_ANCHOR]
        """The beginning of its longest run of letters and digits: no way of quoting or escaping changes these."""

    def __len__(self) -> int:
        return len(self._text)

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        whole = b"".join(_any_form(part[0], len(part)) for part in _PARTS.findall(self._text))
        return re.compile(rb"[A-Za-z0-9+/_-]?" + whole + _TAIL if self._coded else whole)


def forms(secret: str) -> Iterator[Known]:
    """The secret itself, and how base64 shows it at each of its three alignments, whatever stands before it."""
    yield Known(secret)
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
    return sorted({name for name, value in html.entities.html5.items() if value == character and name.endswith(";")})


def _longest_first(form: bytes) -> tuple[int, bytes]:
    return -len(form), form
