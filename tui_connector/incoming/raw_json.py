"""JSON read in part: its texts are cut out as they stand, so that numbers, escapes and order stay as they were sent.

msgspec does it at 700 MB/s. What it refuses though the grammar allows it (RFC 8259 §8.2: a lone surrogate) is read by
the standard library, which is slower.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, Literal, NoReturn

import msgspec

from ..templates import Json

Shape = Literal["object", "list", "text", "number", "boolean", "null"]

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SHAPES: Final[dict[bytes, Shape]] = {
    b"{": "object",
    b"[": "list",
    b'"': "text",
    b"t": "boolean",
    b"f": "boolean",
    b"n": "null",
}
_BRACE: Final = re.compile(rb"\s*\{")
_BEFORE_VALUE: Final = re.compile(rb'\s*,?\s*"(?:[^"\\]|\\.)*"\s*:\s*', re.DOTALL)
_CLOSES: Final = re.compile(rb"\s*\}\s*")
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class NotJson(ValueError):
    """Not JSON; `place` counts its characters from 1. `cut_off`: it ends too early; `trailing`: something follows."""

    def __init__(self, message: str, place: int = 1, *, cut_off: bool = False, trailing: bool = False) -> None:
        super().__init__(message)
        self.place, self.cut_off, self.trailing = place, cut_off, trailing


def decoded(text: bytes) -> str:
    """The text itself. Raises `NotJson` where its bytes are no UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise NotJson(f"its byte {error.start + 1} is not UTF-8", error.start + 1) from error


def shape(text: bytes) -> Shape:
    """What this JSON text is, by its first character."""
    return _SHAPES.get(text[:1], "number")


def elements(text: bytes) -> list[bytes]:
    """The elements of a list, each as it is. Raises `NotJson`."""
    try:
        return [bytes(element) for element in _ELEMENTS.decode(text)]
    except (msgspec.DecodeError, RecursionError):
        return [value for _, value in _parts(decoded(text), "[]")]


def members(text: bytes) -> dict[str, bytes]:
    """The members of an object, each value as it is. Raises `NotJson`."""
    try:
        return {name: bytes(value) for name, value in _MEMBERS.decode(text).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return dict(_parts(decoded(text), "{}"))


def repeated_name(text: bytes) -> str | None:
    """A name that this object has more than once, None where each is unique. Raises `NotJson`.

    Of such members decoders return the last one only. What is within the members is not looked at.
    """
    found = members(text)
    place = _BRACE.match(text).end()  # type: ignore[union-attr]  # it is an object
    for each in found.values():  # along the members as they are written: this only compares bytes
        written = _BEFORE_VALUE.match(text, place)
        if written is None or not text.startswith(each, written.end()):
            break
        place = written.end() + len(each)
    else:
        if _CLOSES.fullmatch(text, place):
            return None
    names: set[str] = set()
    for name, _ in _parts(decoded(text), "{}"):
        if name in names:
            return name
        names.add(name)
    return None


def value(text: bytes) -> Json:
    """The whole text, decoded. Raises `NotJson`, also for a number that no computer counts with."""
    whole = decoded(text)
    try:
        found, end = _scanned(whole, 0, _EXACT)
    except NotJson:
        raise
    except ValueError as error:  # CPython's own limit
        raise NotJson("it has a number of more than 4,300 digits") from error
    if _behind_space(whole, end) < len(whole):
        raise NotJson("something follows its end", end + 1, trailing=True)
    return found


def plain_text(text: bytes) -> str:
    """What a JSON text says: the characters of a text, the JSON of anything else as it was written."""
    if text[:1] != b'"':
        return decoded(text)
    if b"\\" not in text:
        return decoded(text[1:-1])
    try:
        return _TEXT.decode(text)
    except msgspec.DecodeError:
        return str(value(text))


def text_of(value: Json) -> bytes:
    """A value as JSON on one line."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate: only as an escape
        return json.dumps(value, separators=(",", ":")).encode()


def one_line(text: bytes) -> bytes:
    """A JSON text without line breaks: they can stand between its tokens only (RFC 8259 §2 and §7)."""
    return text.translate(None, b"\r\n") if b"\n" in text or b"\r" in text else text


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"it has {constant} in it, which is not valid JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), -float("inf")):
        raise NotJson(f"it has the number {digits[:20]}, which is too large to count with")
    return number


_EXACT = json.JSONDecoder(parse_constant=_refuse, parse_float=_float)
_PLACES = json.JSONDecoder(parse_constant=_refuse, parse_float=len, parse_int=len)
"""Finds where a value ends; what a number is worth does not matter."""


def _scanned(text: str, place: int, decoder: json.JSONDecoder) -> tuple[Json, int]:
    """The value at `place` behind white space, and where it ends."""
    try:
        found: tuple[Json, int] = decoder.raw_decode(text, _behind_space(text, place))
    except json.JSONDecodeError as error:
        raise NotJson(
            f"{error.msg} at character {error.pos + 1}", error.pos + 1, cut_off=_is_cut_off(text, error)
        ) from error
    except RecursionError as error:
        raise NotJson("it is nested too deep") from error
    return found


def _is_cut_off(text: str, error: json.JSONDecodeError) -> bool:
    """Whether more of the same would have made it JSON."""
    rest = text[error.pos : error.pos + 8].rstrip()
    begun = any(word.startswith(rest) for word in ("true", "false", "null", "-", ".", "e-", "e+", "E-", "E+"))
    return begun or error.msg.startswith("Unterminated") or (len(rest) < 6 and "escape" in error.msg)


def _parts(text: str, brackets: str) -> Iterator[tuple[str, bytes]]:
    """The names (of an object; "" in a list) and the texts between these brackets; nothing may follow them."""
    opening, closing = brackets[0], brackets[1]
    place = _expected(text, 0, opening)
    name, first = "", True
    while text[place : place + 1] != closing:
        if not first:
            place = _expected(text, place, ",")
        if closing == "}":
            name, place = _name(text, place)
        _, end = _scanned(text, place, _PLACES)
        yield name, text[place:end].encode()
        place, first = _behind_space(text, end), False
    if _behind_space(text, place + 1) < len(text):
        raise NotJson("something follows its end", place + 2, trailing=True)


def _name(text: str, place: int) -> tuple[str, int]:
    name, end = _scanned(text, place, _PLACES)
    if not isinstance(name, str):
        raise NotJson(f"a name is missing at character {place + 1}", place + 1)
    return name, _expected(text, end, ":")


def _expected(text: str, place: int, character: str) -> int:
    """Where it continues behind this character and white space."""
    place = _behind_space(text, place)
    if text[place : place + 1] != character:
        missing = f"{character} is missing at character {place + 1}"
        raise NotJson(missing, place + 1, cut_off=place >= len(text))
    return _behind_space(text, place + 1)


def _behind_space(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    assert space is not None  # it matches nothing too
    return space.end()
