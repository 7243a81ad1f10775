"""Splits JSON without decoding its parts, so that numbers, escapes and order stay as they were sent.

msgspec does it at 700 MB/s. Valid JSON that it rejects (RFC 8259 §8.2: a lone surrogate) is read with the standard
library, which is slower.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NoReturn

import msgspec

from ..templates import Json

JsonType = Literal["object", "list", "text", "number", "boolean", "null"]

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_JSON_TYPES: Final[dict[bytes, JsonType]] = {
    b"{": "object",
    b"[": "list",
    b'"': "text",
    b"t": "boolean",
    b"f": "boolean",
    b"n": "null",
}
_BRACE: Final = re.compile(rb"\s*\{")
_BEFORE_VALUE: Final = re.compile(rb'\s*,?\s*"(?:[^"\\]|\\.)*"\s*:\s*', re.DOTALL)
_CLOSING: Final = re.compile(rb"\s*\}\s*")
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class InvalidJson(ValueError):
    """Not valid JSON. `position` is the character, from 1; `truncated`: it ends early; `trailing`: more follows it."""

    def __init__(self, message: str, position: int = 1, *, truncated: bool = False, trailing: bool = False) -> None:
        super().__init__(message)
        self.position, self.truncated, self.trailing = position, truncated, trailing


def decode_utf8(text: bytes) -> str:
    """The bytes as text. Raises `InvalidJson` if they are not UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise InvalidJson(f"its byte {error.start + 1} is not UTF-8", error.start + 1) from error


def json_type(text: bytes) -> JsonType:
    """The type of a JSON text, by its first character."""
    return _JSON_TYPES.get(text[:1], "number")


def elements(text: bytes) -> list[bytes]:
    """The JSON texts of the elements of a list. Raises `InvalidJson`."""
    return [bytes(element) for element in split_list(text)]


def split_list(text: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The elements of a list, from which `bytes` makes their JSON texts. Raises `InvalidJson`."""
    try:
        return _ELEMENTS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return [value for _, value in _split(decode_utf8(text), "[]")]


def members(text: bytes) -> dict[str, bytes]:
    """The members of an object, each value as JSON text. Raises `InvalidJson`."""
    try:
        return {name: bytes(value) for name, value in _MEMBERS.decode(text).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return dict(_split(decode_utf8(text), "{}"))


def repeated_name(text: bytes) -> str | None:
    """A duplicate name of this object, or None; nested objects are not checked. Raises `InvalidJson`.

    Of duplicate members, decoders return the last one only.
    """
    found = members(text)
    position = _BRACE.match(text).end()  # type: ignore[union-attr]  # it is an object
    for each in found.values():  # only compares bytes, in the order of the text
        written = _BEFORE_VALUE.match(text, position)
        if written is None or not text.startswith(each, written.end()):
            break
        position = written.end() + len(each)
    else:
        if _CLOSING.fullmatch(text, position):
            return None
    names: set[str] = set()
    for name, _ in _split(decode_utf8(text), "{}"):
        if name in names:
            return name
        names.add(name)
    return None


def decode_json(text: bytes) -> Json:
    """The value of a JSON text. Raises `InvalidJson`, also for a number that is too large."""
    decoded_text = decode_utf8(text)
    try:
        found, end = _scan(decoded_text, 0, _DECODER)
    except InvalidJson:
        raise
    except ValueError as error:  # CPython's own limit
        raise InvalidJson("it has a number of more than 4,300 digits") from error
    if _skip_space(decoded_text, end) < len(decoded_text):
        raise InvalidJson("something follows its end", end + 1, trailing=True)
    return found


def plain_text(text: bytes) -> str:
    """The characters of a JSON string; the JSON text of anything else."""
    if text[:1] != b'"':
        return decode_utf8(text)
    if b"\\" not in text:
        return decode_utf8(text[1:-1])
    try:
        return _TEXT.decode(text)
    except msgspec.DecodeError:
        return str(decode_json(text))


def encode_json(value: Json) -> bytes:
    """A value as JSON on one line."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate: only as an escape
        return json.dumps(value, separators=(",", ":")).encode()


def one_line(text: bytes) -> bytes:
    """A JSON text without line breaks, which occur between tokens only (RFC 8259 §2 and §7)."""
    return text.translate(None, b"\r\n") if b"\n" in text or b"\r" in text else text


def _reject_constant(constant: str) -> NoReturn:
    raise InvalidJson(f"it has {constant} in it, which is not valid JSON")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), -float("inf")):
        raise InvalidJson(f"it has the number {digits[:20]}, which is too large to count with")
    return number


_DECODER = json.JSONDecoder(parse_constant=_reject_constant, parse_float=_finite_float)
_SKIPPER = json.JSONDecoder(parse_constant=_reject_constant, parse_float=len, parse_int=len)
"""Finds the end of a value; it does not convert numbers."""


def _scan(text: str, position: int, decoder: json.JSONDecoder) -> tuple[Json, int]:
    """The value at `position` after white space, and its end."""
    try:
        found: tuple[Json, int] = decoder.raw_decode(text, _skip_space(text, position))
    except json.JSONDecodeError as error:
        raise InvalidJson(
            f"{error.msg} at character {error.pos + 1}", error.pos + 1, truncated=_is_truncated(text, error)
        ) from error
    except RecursionError as error:
        raise InvalidJson("it is nested too deep") from error
    return found


def _is_truncated(text: str, error: json.JSONDecodeError) -> bool:
    """Whether the error is at the end, so that more text could have made it valid."""
    rest = text[error.pos : error.pos + 8].rstrip()
    is_prefix = any(word.startswith(rest) for word in ("true", "false", "null", "-", ".", "e-", "e+", "E-", "E+"))
    return is_prefix or error.msg.startswith("Unterminated") or (len(rest) < 6 and "escape" in error.msg)


def _split(text: str, brackets: str) -> Iterator[tuple[str, bytes]]:
    """The names (of an object; "" in a list) and the JSON texts between these brackets."""
    opening, closing = brackets[0], brackets[1]
    position = _expect(text, 0, opening)
    name, first = "", True
    while text[position : position + 1] != closing:
        if not first:
            position = _expect(text, position, ",")
        if closing == "}":
            name, position = _member_name(text, position)
        _, end = _scan(text, position, _SKIPPER)
        yield name, text[position:end].encode()
        position, first = _skip_space(text, end), False
    if _skip_space(text, position + 1) < len(text):
        raise InvalidJson("something follows its end", position + 2, trailing=True)


def _member_name(text: str, position: int) -> tuple[str, int]:
    name, end = _scan(text, position, _SKIPPER)
    if not isinstance(name, str):
        raise InvalidJson(f"a name is missing at character {position + 1}", position + 1)
    return name, _expect(text, end, ":")


def _expect(text: str, position: int, character: str) -> int:
    """The position after this character and the white space around it."""
    position = _skip_space(text, position)
    if text[position : position + 1] != character:
        missing = f"{character} is missing at character {position + 1}"
        raise InvalidJson(missing, position + 1, truncated=position >= len(text))
    return _skip_space(text, position + 1)


def _skip_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    assert space is not None  # it also matches the empty string
    return space.end()
