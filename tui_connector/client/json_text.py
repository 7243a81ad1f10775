"""Indents JSON, even if it is truncated, and finds the path and the value of a line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import accumulate

_INDENT = 2
_MAX_DEPTH = 40
"""Indented levels; without a limit, 2 MB of brackets in 900 levels would result in 1.8 GB of spaces."""
_MAX_OTHER = 1_000_000
"""Characters of invalid or deep JSON that are indented token by token; longer text is shown as received."""

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*(?:"|\\?\Z)|[{}\[\],:]|[^\s{}\[\],:"]+')
_STRING, _BRACKET = re.compile(rb'"(?:\\.|[^"\\])*(?:"|\\?\Z)', re.DOTALL), re.compile(rb"[{}\[\]]")
_STEPS = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_NO_BRACKETS = bytes({*range(256)} - _STEPS.keys() - {ord('"')})
_PIECE = 64 * 1024
"""Bytes of a body that are looked at together."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|(.))")
_KEY = re.compile(r'\s*("(?:\\.|[^"\\])*")\s*:')
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def indented(data: bytes) -> str | None:
    """The JSON in `data`, indented, with numbers and strings unchanged; None if it is not JSON.

    Truncated JSON is indented as far as it goes, and JSON that is nested too deep to its 40th level.
    """
    import msgspec  # takes 15 ms, and is only needed once a body is shown

    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.lstrip()[:1] or data.lstrip()[:1] not in b'{["':
        return None
    if _depth_of(data) <= _MAX_DEPTH:
        try:
            return msgspec.json.format(data, indent=_INDENT).decode("utf-8", "replace")
        except (msgspec.DecodeError, RecursionError):
            if (cut := _indented_cut(data)) is not None:
                return cut
    text = data.decode("utf-8", "replace")
    return _indent_tokens(text) if len(text) <= _MAX_OTHER and text.lstrip()[0] != '"' else None


def _depth_of(data: bytes) -> int:
    """How many brackets are open at once, at most. Read in pieces: copies of a large body would stay in memory."""
    depth = deepest = start = 0
    in_string = False
    while start < len(data):
        end = start + _PIECE
        while data[end - 1 : end] == b"\\":  # an escape is never divided
            end += 1
        kept = data[start:end].replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _NO_BRACKETS)
        parts = kept.split(b'"')
        brackets = b"".join(parts[in_string::2])  # those in strings have no meaning
        depths = [*accumulate(map(_STEPS.__getitem__, brackets), initial=depth)]
        deepest, depth = max(deepest, *depths), depths[-1]
        in_string ^= len(parts) % 2 == 0
        start = end
    return deepest


def _indented_cut(data: bytes) -> str | None:
    """JSON that stops in the middle, of any length; None if it is not that.

    Up to its last comma, it is valid once the open brackets are closed.
    """
    import msgspec

    bare = _STRING.sub(lambda match: b'"' * len(match[0]), data)  # what is in strings has no meaning here
    comma = bare.rfind(b",")
    open_brackets: list[bytes] = []
    for bracket in _BRACKET.findall(bare, 0, max(0, comma)):
        if bracket in b"{[":
            open_brackets.append(bracket)
        elif open_brackets:
            open_brackets.pop()
    depth = len(open_brackets)
    if comma < 0 or not 0 < depth <= _MAX_DEPTH:
        return None
    closing = b"".join(b"}" if bracket == b"{" else b"]" for bracket in reversed(open_brackets))
    try:
        whole = msgspec.json.format(data[:comma] + closing, indent=_INDENT).decode("utf-8", "replace")
    except (msgspec.DecodeError, RecursionError):
        return None
    added = sum(len(_line_break(level)) + 1 for level in range(depth))
    rest = _indent_tokens(data[comma:].decode("utf-8", "replace"), depth)
    return whole[:-added] + rest


def _indent_tokens(text: str, depth: int = 0) -> str:
    """The text with each token where it belongs. `depth`: of what is open before it."""
    out: list[str] = []
    empty = not depth  # directly after an opening bracket
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "{[":
            out += (_line_break(depth) if empty and depth else "", token)
            depth, empty = depth + 1, True
        elif token in "}]":
            depth = max(0, depth - 1)
            out += ("" if empty else _line_break(depth), token)
            empty = False
        elif token == ",":
            out += (",", _line_break(depth))
        elif token == ":":
            out.append(": ")
        else:
            out += (_line_break(depth) if empty and depth else "", token)
            empty = False
    return "".join(out)


def _line_break(depth: int) -> str:
    return "\n" + " " * (_INDENT * min(depth, _MAX_DEPTH))


def unescaped(text: str) -> str:
    """JSON text with `\\/` and `\\uXXXX` replaced by the characters they denote, if these are printable.

    PHP's json_encode, and so Magento, escapes slashes and everything outside ASCII.
    """
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _unescape(match: re.Match[str]) -> str:
    code, low, other = match.groups()
    if code is None:
        return "/" if other == "/" else match.group()
    first = int(code, 16)
    if low is not None and 0xD800 <= first < 0xDC00:
        return chr(0x10000 + ((first - 0xD800) << 10) + int(low, 16) - 0xDC00)
    character = chr(first)
    if low is not None or not character.isprintable() or character in '"\\':
        return match.group()
    return character


def path_at(lines: Sequence[str], index: int) -> str | None:
    """The JMESPath of the value that starts in `lines[index]` of indented JSON, such as `items[0].sku`.

    None if the line is a closing bracket. A whole response is `@`; a bare value is read as a list of one, so `@[0]`.
    """
    steps: list[str] = []
    while True:
        line = lines[index]
        depth = _depth(line)
        if line[depth : depth + 1] in ("}", "]", "") or depth >= _INDENT * _MAX_DEPTH:
            return None
        if depth == 0:
            break
        parent = _parent_line(lines, index, depth)
        if parent is None:
            return None
        key = _KEY.match(line)
        if key and lines[parent].rstrip().endswith("{"):
            steps.append(f".{_name(key[1])}")
        else:
            before = lines[parent + 1 : index]
            count = sum(1 for other in before if _depth(other) == depth and other[depth : depth + 1] not in "}]")
            steps.append(f"[{count}]")
        index = parent
    path = "".join(reversed(steps)).removeprefix(".")
    return path or ("@" if lines[index][:1] in ("{", "[") else "@[0]")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _parent_line(lines: Sequence[str], index: int, depth: int) -> int | None:
    for above in range(index - 1, -1, -1):
        if _depth(lines[above]) < depth:
            return above
    return None


def _name(key: str) -> str:
    try:
        name = json.loads(key)
    except ValueError:
        return key
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def value_at(lines: Sequence[str], index: int) -> str:
    """The text of the value that starts in `lines[index]`, up to its closing bracket."""
    line = lines[index]
    depth = _depth(line)
    key = _KEY.match(line)
    first = line[key.end() :].strip() if key else line.strip()
    if not first.endswith(("{", "[")):
        return first.removesuffix(",")
    inside = [first]
    for below in lines[index + 1 :]:
        inside.append(below[depth:])
        if _depth(below) <= depth:
            break
    return "\n".join(inside).removesuffix(",")
