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
_SINGLE_SEARCH = 1_000
"""Bytes up to which one search with the pattern is faster than a search for each word."""

_MAX_NAME = 60
# with re.ASCII, no byte beyond ASCII matches as a letter or a space
_NAME_CHARACTER = r"[\w.\-\[\]]|%5[BDbdFf]|%2[Dd]"
_NAME_BEFORE = re.compile(rf"(?:{_NAME_CHARACTER}|:)*\Z", re.ASCII)
_NAME_AFTER = re.compile(rf"(?:{_NAME_CHARACTER}){{0,{_MAX_NAME}}}", re.ASCII)

_QUOTED_NAME_ENDS = re.compile(r"""[^"'\\&\n]{0,60}?(\\*["']|&quot;|&\#0?3[49];)\s*(?::|=>|=)\s*""", re.ASCII)
_PATH_BEFORE = re.compile(r'"/[^"\s\\]{0,200}\Z')
_PATH_ITEM = re.compile(r'\{\s*"(?:get|put|post|delete|options|head|patch|trace)"\s*:\s*\{')
"""The value of a path in an OpenAPI document: an object of its operations (OpenAPI, Path Item Object)."""
_ASSIGNED = re.compile(r"(\s*=>?\s*|%(?:25)*3[Dd])", re.ASCII)
_ELEMENT_OPENS = re.compile(r"[^<>]{0,200}?(?<!/)(?:>|&gt;)")
_ELEMENT_VALUE = re.compile(r"(?:<!\[CDATA\[.*?(?:\]\]>|\Z)|(?!&lt;/)[^<])+", re.DOTALL)
_HEADER_NAME = re.compile(r"authorization|cookie", re.IGNORECASE)
_COLON = re.compile(r":[ \t]*(?=[^\s<,}])", re.ASCII)
_INPUT_NAME = re.compile(r"""\bname\s*=\s*\\*["']?\Z""", re.ASCII)
_INPUT_VALUE = re.compile(r"""[^<>]{0,300}?\bvalue\s*=\s*(?=["'\\])""", re.ASCII)
_INPUT_VALUE_BEFORE = re.compile(r"""<[^<>]{0,300}?\bvalue\s*=\s*(?=["'\\])""", re.ASCII)
_MULTIPART_HEADERS = re.compile(r"""["']?[^\r\n]{0,500}\r?\n(?:[^\r\n]{1,500}\r?\n){0,10}\r?\n""")
_MULTIPART_VALUE = re.compile(r".*?(?=\r?\n--|\Z)", re.DOTALL)

_OPENING_QUOTE = re.compile(r"""(\\*)(["'])|(&quot;|&\#0?3[49];)""")
_STRING = {quote: re.compile(rf"(?:\\.|[^{quote}\\])*", re.DOTALL) for quote in "\"'"}
_JSON_ESCAPE = r"\\u(?!0026)[0-9A-Fa-f]{4}|\\/"
_UNQUOTED = re.compile(rf"(?:[^\s&\"'<>;,}}\])\\]|{_JSON_ESCAPE})+", re.ASCII)
_PARAMETER = re.compile(rf"(?:[^\s&\"<>\\]|{_JSON_ESCAPE})+", re.ASCII)
_ENCODED_PARAMETER = re.compile(rf"(?:(?!%(?:25)*26)[^\s&\"<>\\]|{_JSON_ESCAPE})+", re.ASCII)
_HEADER_LINE = re.compile(r"[^\r\n\"<\\]+")
_BRACKET = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)|[{}\[\]]', re.DOTALL)
_NESTED_BRACKET = re.compile(r"[{}\[\]]")
_NULL_VALUES = frozenset({"null", "None"})


def may_contain_secrets(data: bytes) -> bool:
    """Whether `data` contains a word of a secret name; a body without one needs no other search."""
    lower = data.lower()
    if len(lower) < _SINGLE_SEARCH:
        return _WORD.search(lower) is not None
    return any(word in lower for word in _WORDS) or _contains_secret_key(lower)


def _contains_secret_key(lower: bytes) -> bool:
    position = lower.find(b"key")
    while position >= 0:
        if lower[max(0, position - 16) : position].rstrip(b"-_. ").endswith(_KEYS):
            return True
        position = lower.find(b"key", position + 3)
    return False


def mask_named_values(data: bytes) -> bytes:
    """`data` with the values under secret names masked. Valid JSON stays valid."""
    text = data.decode("latin-1")  # one character per byte, so that positions are the same; only ASCII matters here
    out: list[bytes] = []
    done = 0
    for start, end, mark in _secret_spans(text, data.lower()):
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


def _secret_spans(text: str, lower: bytes) -> Iterator[tuple[int, int, str]]:
    """Each value under a secret name: start, end and replacement."""
    done = 0
    for word in _WORD.finditer(lower):
        if word.start() < done:
            continue
        before = _NAME_BEFORE.search(text, max(0, word.start() - _MAX_NAME), word.start())
        after = _NAME_AFTER.match(text, word.end())
        assert before is not None
        assert after is not None
        start, done = before.start(), after.end()
        if text[start - 1 : start] == "%":  # the hex digits of an escape are not part of the name
            start += 2
        found = _value_span(text, start, done) if is_secret_name(text[start:done]) else None
        if found is not None and found[1] > found[0]:
            done = max(done, found[1])
            yield found


def _value_span(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """The value of the name at `start` to `end`."""
    if (match := _QUOTED_NAME_ENDS.match(text, end)) and match[1] in text[max(0, start - _MAX_NAME) : start]:
        is_path = _PATH_ITEM.match(text, match.end()) and _PATH_BEFORE.search(text, max(0, start - 200), start)
        return None if is_path else _json_value(text, match.end(), match[1])
    if _INPUT_NAME.search(text, max(0, start - 20), start):
        return _input_value(text, start, end)
    if text[start - 1 : start] == "<" or text[max(0, start - 4) : start] == "&lt;":
        opened = _ELEMENT_OPENS.match(text, end)
        return _match_span(_ELEMENT_VALUE, text, opened.end()) if opened else None
    if match := _ASSIGNED.match(text, end):
        parameter = _PARAMETER if text[start - 1 : start] in ("?", "&", "#") else _UNQUOTED
        pattern = _ENCODED_PARAMETER if match[1].startswith("%") else parameter
        return _quoted_span(text, match.end()) or _match_span(pattern, text, match.end())
    if match := _COLON.match(text, end):
        line = _HEADER_LINE if _HEADER_NAME.search(text, start, end) else _UNQUOTED
        return _quoted_span(text, match.end()) or _match_span(line, text, match.end())
    return None


def _input_value(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """The value of a form field: another attribute of its element, or the part of a multipart body."""
    if match := _INPUT_VALUE.match(text, end):
        return _quoted_span(text, match.end())
    opened = text.rfind("<", max(0, start - 400), start)
    if opened >= 0 and (match := _INPUT_VALUE_BEFORE.match(text, opened, start)):
        return _quoted_span(text, match.end())
    part = _MULTIPART_HEADERS.match(text, end)
    return _match_span(_MULTIPART_VALUE, text, part.end()) if part else None


def _match_span(pattern: re.Pattern[str], text: str, position: int) -> tuple[int, int, str] | None:
    value = pattern.match(text, position)
    return (position, value.end(), MARK) if value else None


def _json_value(text: str, position: int, quote: str) -> tuple[int, int, str] | None:
    mark = f"{quote}{MARK}{quote}"
    if text[position : position + 1] in ("{", "["):
        return position, _closing_bracket(text, position, _BRACKET if quote == '"' else _NESTED_BRACKET), mark
    quoted = _quoted_span(text, position)
    if quoted is not None:
        return quoted
    bare = _match_span(_UNQUOTED, text, position)
    return (bare[0], bare[1], mark) if bare and text[bare[0] : bare[1]] not in _NULL_VALUES else None


def _quoted_span(text: str, position: int) -> tuple[int, int, str] | None:
    """The text in quotes here, without the quotes; in a nested string these have backslashes before them."""
    opening = _OPENING_QUOTE.match(text, position)
    if opening is None:
        return None
    start = opening.end()
    if opening[1] == "" and opening[2]:
        value = _STRING[opening[2]].match(text, start)
        assert value is not None
        return start, value.end(), MARK
    end = text.find(opening[3], start) if opening[3] else _nested_string_end(text, start, len(opening[1]), opening[2])
    return start, end if end >= 0 else len(text), MARK


def _nested_string_end(text: str, start: int, level: int, quote: str) -> int:
    """The end of a nested string whose quotes have `level` backslashes before them."""
    for match in re.compile(rf"(\\*){quote}").finditer(text, start):
        backslashes = len(match[1])
        if backslashes < level:  # this one ends the outer string
            return match.start()
        if backslashes % (2 * level + 2) == level:  # else a quote or a backslash in the string itself
            return match.end() - 1 - level
    return -1


def _closing_bracket(text: str, position: int, bracket: re.Pattern[str]) -> int:
    """The end of the object or list that starts here."""
    depth = 0
    for match in bracket.finditer(text, position):
        if match[0] in "{[":
            depth += 1
        elif match[0] in "}]":
            depth -= 1
            if depth == 0:
                return match.end()
    return len(text)
