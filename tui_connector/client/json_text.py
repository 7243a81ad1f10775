"""JSON made readable: indented even where it stops in the middle, and the path of the value in a line of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_INDENT = 2
_DEEPEST = 40
"""Levels that are indented; deeper ones are below each other, or 100,000 brackets would make 20 GB of spaces."""
_BROKEN = 1_000_000
"""Characters of broken JSON that are indented, token by token; more is shown as it came."""

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*(?:"|\\?\Z)|[{}\[\],:]|[^\s{}\[\],:"]+')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|(.))")
_KEY = re.compile(r'\s*("(?:\\.|[^"\\])*")\s*:')
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def indented(data: bytes) -> str | None:
    """The JSON in `data`, indented; numbers and texts as they came. None where it is no JSON.

    What is cut off in the middle is indented as far as it goes.
    """
    import msgspec  # 15 ms, and only needed once a body is looked at

    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.lstrip()[:1] or data.lstrip()[:1] not in b'{["':
        return None
    try:
        return msgspec.json.format(data, indent=_INDENT).decode("utf-8", "replace")
    except (msgspec.DecodeError, RecursionError):
        text = data.decode("utf-8", "replace")
        return _by_token(text) if len(text) <= _BROKEN and text.lstrip()[0] != '"' else None


def _by_token(text: str) -> str | None:
    out: list[str] = []
    depth, fresh = 0, True  # fresh: directly behind an opening bracket
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "{[":
            out += (_line(depth) if fresh and depth else "", token)
            depth, fresh = depth + 1, True
        elif token in "}]":
            depth = max(0, depth - 1)
            out += ("" if fresh else _line(depth), token)
            fresh = False
        elif token == ",":
            out += (",", _line(depth))
        elif token == ":":
            out.append(": ")
        else:
            out += (_line(depth) if fresh and depth else "", token)
            fresh = False
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + " " * (_INDENT * min(depth, _DEEPEST))


def unescaped(text: str) -> str:
    """JSON text with `\\/` and `\\uXXXX` as the characters they mean, where that is one that can be read.

    PHP's json_encode, and so Magento, escapes slashes and everything outside ASCII.
    """
    return _ESCAPE.sub(_meant, text) if "\\" in text else text


def _meant(match: re.Match[str]) -> str:
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

    None where the line closes a bracket. A whole response is `@`; one bare value is read as a list of one, so `@[0]`.
    """
    steps: list[str] = []
    while True:
        line = lines[index]
        depth = _depth(line)
        if line[depth : depth + 1] in ("}", "]", "") or depth >= _INDENT * _DEEPEST:
            return None
        if depth == 0:
            break
        opening = _opening(lines, index, depth)
        if opening is None:
            return None
        key = _KEY.match(line)
        if key and lines[opening].rstrip().endswith("{"):
            steps.append(f".{_name(key[1])}")
        else:
            before = lines[opening + 1 : index]
            count = sum(1 for other in before if _depth(other) == depth and other[depth : depth + 1] not in "}]")
            steps.append(f"[{count}]")
        index = opening
    path = "".join(reversed(steps)).removeprefix(".")
    return path or ("@" if lines[index][:1] in ("{", "[") else "@[0]")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _opening(lines: Sequence[str], index: int, depth: int) -> int | None:
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
    """The value that starts in this line, as it is there: to the bracket that closes it."""
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
