"""Masks values under the names of secrets, in JSON, forms, URIs, XML, HTML and dumps of them.

Nothing is parsed: around each word that can be part of such a name, the text decides whether it names a value and where
that value ends. So it works on truncated, nested and invalid bodies, and the cost depends on the words found, not on
the size of the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..text import without_secrets
from .names import KEYS, WORDS, is_secret_name, secrets_in_address

MARK = "•••"

# for a fast search; names with "key" are checked one by one, as products have a url_key
_WORDS = tuple(word.encode() for word in WORDS if not any(other in word for other in WORDS if other != word))
_KEYS = tuple(key.encode() for key in KEYS)
_WORD = re.compile(b"|".join(_WORDS) + b"|key")  # in lower-case text: ignoring case takes fifteen times as long
_SHORT = 1_000
"""Bytes up to which one search with the pattern is faster than a search for each word."""

_LONGEST_NAME = 60
# bytes beyond ASCII are letters of some encoding: none of them is a space
_IN_NAME = r"[\w.\-\[\]]|%5[BDbdFf]|%2[Dd]"
_NAME_BEFORE = re.compile(rf"(?:{_IN_NAME}|:)*\Z", re.ASCII)
_NAME_AFTER = re.compile(rf"(?:{_IN_NAME}){{0,{_LONGEST_NAME}}}", re.ASCII)

_QUOTED_NAME_ENDS = re.compile(r"""[^"'\\&\n]{0,60}?(\\*["']|&quot;|&\#0?3[49];)\s*(?::|=>|=)\s*""", re.ASCII)
_ASSIGNED = re.compile(r"(\s*=>?\s*|%(?:25)*3[Dd])", re.ASCII)
_ELEMENT_OPENS = re.compile(r"[^<>]{0,200}?(?<!/)(?:>|&gt;)")
_ELEMENT_VALUE = re.compile(r"(?:<!\[CDATA\[.*?(?:\]\]>|\Z)|(?!&lt;/)[^<])+", re.DOTALL)
_LINE_OF = re.compile(r"authorization|cookie", re.IGNORECASE)
_COLON = re.compile(r":[ \t]*(?=[^\s<,}])", re.ASCII)
_INPUT_NAME = re.compile(r"""\bname\s*=\s*\\*["']?\Z""", re.ASCII)
_INPUT_VALUE = re.compile(r"""[^<>]{0,300}?\bvalue\s*=\s*(?=["'\\])""", re.ASCII)
_VALUE_BEFORE = re.compile(r"""<[^<>]{0,300}?\bvalue\s*=\s*(?=["'\\])""", re.ASCII)
_PART = re.compile(r"""["']?[^\r\n]{0,500}\r?\n(?:[^\r\n]{1,500}\r?\n){0,10}\r?\n""")
_PART_VALUE = re.compile(r".*?(?=\r?\n--|\Z)", re.DOTALL)

_OPENING = re.compile(r"""(\\*)(["'])|(&quot;|&\#0?3[49];)""")
_STRING = {quote: re.compile(rf"(?:\\.|[^{quote}\\])*", re.DOTALL) for quote in "\"'"}
_IN_JSON = r"\\u(?!0026)[0-9A-Fa-f]{4}|\\/"
_BARE = re.compile(rf"(?:[^\s&\"'<>;,}}\])\\]|{_IN_JSON})+", re.ASCII)
_PARAMETER = re.compile(rf"(?:[^\s&\"<>\\]|{_IN_JSON})+", re.ASCII)
_ENCODED_PARAMETER = re.compile(rf"(?:(?!%(?:25)*26)[^\s&\"<>\\]|{_IN_JSON})+", re.ASCII)
_LINE = re.compile(r"[^\r\n\"<\\]+")
_BRACKET = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)|[{}\[\]]', re.DOTALL)
_QUOTED_BRACKET = re.compile(r"[{}\[\]]")
_NOTHING = frozenset({"null", "None"})


def may_contain_secrets(data: bytes) -> bool:
    """Whether `data` contains a word of a secret name; a body without one needs no other search."""
    lower = data.lower()
    if len(lower) < _SHORT:
        return _WORD.search(lower) is not None
    return any(word in lower for word in _WORDS) or _names_a_key(lower)


def _names_a_key(lower: bytes) -> bool:
    place = lower.find(b"key")
    while place >= 0:
        if lower[max(0, place - 16) : place].rstrip(b"-_. ").endswith(_KEYS):
            return True
        place = lower.find(b"key", place + 3)
    return False


def mask_named_values(data: bytes) -> bytes:
    """`data` with the values under secret names masked. Valid JSON stays valid."""
    text = data.decode("latin-1")  # one character per byte, so that positions are the same; only ASCII matters here
    out: list[bytes] = []
    done = 0
    for start, end, mark in _values(text, data.lower()):
        if start >= done:
            out += (data[done:start], mark.encode())
            done = end
    return b"".join((*out, data[done:])) if out else data


def mask_addresses(text: str) -> str:
    """`text` with the secrets in its URIs masked: parameters, user and password, keys in paths."""
    out: list[str] = []
    done = 0
    for start, end, _ in sorted(secrets_in_address(text)):
        if start >= done and text[start:end] != MARK:
            out += (text[done:start], MARK)
            done = end
    return "".join((*out, text[done:])) if out else text


def mask_by_name(text: str) -> str:
    """A short text, such as a store's message, with the values under secret names and in URIs masked."""
    data = text.encode("utf-8", "surrogatepass")
    if may_contain_secrets(data):
        text = mask_named_values(data).decode("utf-8", "surrogatepass")
    return mask_addresses(text)


def mask_message(text: str) -> str:
    """A message of this program with known secrets, and those in URIs, masked."""
    return mask_addresses(without_secrets(text))


def _values(text: str, lower: bytes) -> Iterator[tuple[int, int, str]]:
    """Each value under a secret name: start, end and replacement."""
    done = 0
    for word in _WORD.finditer(lower):
        if word.start() < done:
            continue
        before = _NAME_BEFORE.search(text, max(0, word.start() - _LONGEST_NAME), word.start())
        after = _NAME_AFTER.match(text, word.end())
        assert before is not None
        assert after is not None
        start, done = before.start(), after.end()
        if text[start - 1 : start] == "%":  # the hex digits of an escape are not part of the name
            start += 2
        found = _value(text, start, done) if is_secret_name(text[start:done]) else None
        if found is not None and found[1] > found[0]:
            done = max(done, found[1])
            yield found


def _value(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """The value of the name at `start` to `end`."""
    if (match := _QUOTED_NAME_ENDS.match(text, end)) and match[1] in text[max(0, start - _LONGEST_NAME) : start]:
        return _json_value(text, match.end(), match[1])
    if _INPUT_NAME.search(text, max(0, start - 20), start):
        return _input_value(text, start, end)
    if text[start - 1 : start] == "<" or text[max(0, start - 4) : start] == "&lt;":
        opened = _ELEMENT_OPENS.match(text, end)
        return _matched(_ELEMENT_VALUE, text, opened.end()) if opened else None
    if match := _ASSIGNED.match(text, end):
        parameter = _PARAMETER if text[start - 1 : start] in ("?", "&", "#") else _BARE
        pattern = _ENCODED_PARAMETER if match[1].startswith("%") else parameter
        return _quoted(text, match.end()) or _matched(pattern, text, match.end())
    if match := _COLON.match(text, end):
        line = _LINE if _LINE_OF.search(text, start, end) else _BARE
        return _quoted(text, match.end()) or _matched(line, text, match.end())
    return None


def _input_value(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """The value of a form field: another attribute of its element, or the part of a multipart body."""
    if match := _INPUT_VALUE.match(text, end):
        return _quoted(text, match.end())
    opened = text.rfind("<", max(0, start - 400), start)
    if opened >= 0 and (match := _VALUE_BEFORE.match(text, opened, start)):
        return _quoted(text, match.end())
    part = _PART.match(text, end)
    return _matched(_PART_VALUE, text, part.end()) if part else None


def _matched(pattern: re.Pattern[str], text: str, place: int) -> tuple[int, int, str] | None:
    value = pattern.match(text, place)
    return (place, value.end(), MARK) if value else None


def _json_value(text: str, place: int, quote: str) -> tuple[int, int, str] | None:
    mark = f"{quote}{MARK}{quote}"
    if text[place : place + 1] in ("{", "["):
        return place, _closing(text, place, _BRACKET if quote == '"' else _QUOTED_BRACKET), mark
    quoted = _quoted(text, place)
    if quoted is not None:
        return quoted
    bare = _matched(_BARE, text, place)
    return (bare[0], bare[1], mark) if bare and text[bare[0] : bare[1]] not in _NOTHING else None


def _quoted(text: str, place: int) -> tuple[int, int, str] | None:
    """The text in quotes here, without the quotes; in a nested string these have backslashes before them."""
    opening = _OPENING.match(text, place)
    if opening is None:
        return None
    start = opening.end()
    if opening[1] == "" and opening[2]:
        value = _STRING[opening[2]].match(text, start)
        assert value is not None
        return start, value.end(), MARK
    end = text.find(opening[3], start) if opening[3] else _end_within(text, start, len(opening[1]), opening[2])
    return start, end if end >= 0 else len(text), MARK


def _end_within(text: str, start: int, level: int, quote: str) -> int:
    """The end of a nested string whose quotes have `level` backslashes before them."""
    for match in re.compile(rf"(\\*){quote}").finditer(text, start):
        backslashes = len(match[1])
        if backslashes < level:  # this one ends the outer string
            return match.start()
        if backslashes % (2 * level + 2) == level:  # else a quote or a backslash in the string itself
            return match.end() - 1 - level
    return -1


def _closing(text: str, place: int, bracket: re.Pattern[str]) -> int:
    """The end of the object or list that starts here."""
    depth = 0
    for match in bracket.finditer(text, place):
        if match[0] in "{[":
            depth += 1
        elif match[0] in "}]":
            depth -= 1
            if depth == 0:
                return match.end()
    return len(text)
