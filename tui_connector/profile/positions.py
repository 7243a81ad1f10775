"""The position of each table, key, value and element in a TOML text.

`tomllib` has accepted the text, so it is valid TOML 1.0 (https://toml.io/en/v1.0.0): this scanner only finds where
values start and end, and never interprets them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from . import toml

KeyPath = tuple[str | int, ...]
"""The path of a value in the data: keys of tables, and indices (from 0) of arrays."""

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'')
_LONG_STRING_END = {'"""': re.compile(r'\\.|("{3,5})', re.DOTALL), "'''": re.compile(r"('{3,5})")}
_QUOTES = re.compile(r"\"{3}|'{3}|\"|'")
_CHARACTER = re.compile(r"\r\n|.", re.DOTALL)
_ESCAPED_CHARACTER = re.compile(
    r"(?P<nothing>\\[ \t]*\r?\n[ \t\r\n]*)|\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)|\r\n|.", re.DOTALL
)
"""A character of a text as it is written in double quotes, or a line end that is not part of the text."""
_BARE_VALUE = re.compile(r"[^\s,\]}#]+(?: (?=\d\d:)[^\s,\]}#]+)?")


class TextPosition(NamedTuple):
    """A place in a text; line and column count from 1, columns in characters."""

    line: int
    column: int


@dataclass(slots=True)
class TextSpan:
    """A table header, a key with its value, or an element of an array, as offsets into the text."""

    path: KeyPath
    start: int
    """The first character: of the key, the element, or the bracket of a header."""
    value_start: int
    """The first character of the value; the end of a header."""
    end: int
    is_header: bool = False
    children: list[TextSpan] = field(default_factory=list)
    """The entries of an inline table, or the elements of an array."""


@dataclass
class Layout:
    """The statements of a text, in their order."""

    text: str
    statements: list[TextSpan]
    """The table headers, each followed by its keys."""
    offsets: dict[KeyPath, int]
    """The offset at which each path first appears."""

    def value_span(self, path: KeyPath) -> TextSpan | None:
        """The key or element whose value is at this path; None where only table headers are."""
        return self._value_spans.get(path)

    @cached_property
    def _value_spans(self) -> dict[KeyPath, TextSpan]:
        found: dict[KeyPath, TextSpan] = {}
        open_spans = list(self.statements)
        while open_spans:
            span = open_spans.pop()
            if not span.is_header:
                found.setdefault(span.path, span)
            open_spans += span.children
        return found


def layout(text: str) -> Layout:
    """The layout of `text`, in linear time."""
    return _Scanner(text).scan()


def described(text: str, data: object, path: KeyPath) -> str:
    """Where a value of the data is in its text, as its reader sees it: `[[clients.m.plugins]] "retry" (line 12): uri`.

    What the text does not have is where it would be: in its table.
    """
    known = layout(text)
    written = next(path[:length] for length in range(len(path), -1, -1) if not length or path[:length] in known.offsets)
    line = f" (line {position_finder(text)(known.offsets[written]).line})" if written else ""
    headers = [each for each in known.statements if each.is_header and each.path == path[: len(each.path)]]
    if not headers:
        return f"{_named(path)}{line}"
    header = max(headers, key=lambda each: len(each.path))
    table = value_at(data, header.path) if isinstance(header.path[-1], int) else None
    kind = table.get("kind") or table.get("name") if isinstance(table, Mapping) else None
    name = f' "{kind}"' if kind else ""
    rest = path[len(header.path) :]
    return f"{text[header.start : header.end]}{name}{line}{': ' if rest else ''}{_named(rest)}"


def _named(path: KeyPath) -> str:
    """The keys of a path, with the elements of lists counted from 1: `authentications, item 2`."""
    written = ""
    for before, step in zip((None, *path), path, strict=False):
        if isinstance(step, int):
            written += f", item {step + 1}"
        else:
            written += f"{', ' if isinstance(before, int) else '.' if written else ''}{step}"
    return written


def rename_key(text: str, path: KeyPath, name: str) -> str:
    """The text with the last key of this path renamed wherever it is written; `name` is a bare key.

    No index may be in `path`.
    """
    for start, end in sorted(places_of_key(text, path), reverse=True):
        text = text[:start] + name + text[end:]
    return text


def places_of_key(text: str, path: KeyPath) -> list[tuple[int, int]]:
    """Where the last key of this path is written: offsets of its start and end. No index may be in `path`."""
    scanner, found, index = _Scanner(text), set[int](), len(path) - 1

    def visit(span: TextSpan, base: KeyPath) -> None:
        if span.path[: len(path)] == path and len(base) <= index:
            at = span.start
            while span.is_header and text[at] == "[":
                at += 1
            found.add(scanner.dotted_key(at)[0][index - len(base)][1])
        elif path[: len(span.path)] == span.path:
            for child in span.children:
                visit(child, span.path)

    base: KeyPath = ()
    for span in layout(text).statements:
        visit(span, () if span.is_header else base)
        base = span.path if span.is_header else base
    matches = [(_STRING if text[at] in "\"'" else _BARE_KEY).match(text, at) for at in sorted(found)]
    return [match.span() for match in matches if match is not None]


def positions(text: str) -> dict[KeyPath, TextPosition]:
    """Where each table, key and element of `text` first appears; the root is at the beginning."""
    position = position_finder(text)
    return {path: position(offset) for path, offset in layout(text).offsets.items()}


def position_finder(text: str) -> Callable[[int], TextPosition]:
    """A function from an offset in `text` to its position."""
    line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def position(offset: int) -> TextPosition:
        line = bisect_right(line_starts, offset)
        return TextPosition(line, offset - line_starts[line - 1] + 1)

    return position


def problem_offset(text: str, span: TextSpan, at: int | None = None) -> int:
    """Where a value starts or, of a text, where its character `at` (from 0) is written; its end for the next one."""
    start = span.value_start
    quotes = _QUOTES.match(text, start)
    if at is None or quotes is None:
        return start
    first, end = quotes.end(), span.end - len(quotes.group())
    if len(quotes.group()) == 3 and (line_end := re.compile(r"\r?\n").match(text, first)):
        first = line_end.end()
    pattern = _ESCAPED_CHARACTER if quotes.group()[0] == '"' else _CHARACTER
    characters = [match for match in pattern.finditer(text, first, end) if match.lastgroup is None]
    places = [*(match.start() for match in characters), end]
    return places[at] if at < len(places) else start


class _Scanner:
    """One pass over a text. Its methods accept an offset, and return a span or the offset that follows."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.statements: list[TextSpan] = []
        self.offsets: dict[KeyPath, int] = {(): 0}
        self.last_index: dict[KeyPath, int] = {}  # by array of tables: of its latest element

    def scan(self) -> Layout:
        base: KeyPath = ()
        at = self.skip_space(0)
        while at < len(self.text):
            if self.text[at] == "[":
                span = self.header(at)
                base = span.path
            else:
                span = self.key_value(base, at)
            self.statements.append(span)
            at = self.skip_space(span.end)
        return Layout(self.text, self.statements, self.offsets)

    def skip_space(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def dotted_key(self, at: int) -> tuple[list[tuple[str, int]], int]:
        """The parts of a dotted key, each with its offset, and the offset that follows them."""
        parts = []
        while True:
            at = self.skip_space(at)
            quoted = self.text[at] in "\"'"
            match = (_STRING if quoted else _BARE_KEY).match(self.text, at)
            if match is None:
                raise ValueError(f"no key at offset {at}: this text is not TOML")
            parts.append((next(iter(toml.loads(f"{match.group()}=0"))) if quoted else match.group(), at))
            at = self.skip_space(match.end())
            if self.text[at] != ".":
                return parts, at
            at += 1

    def header(self, start: int) -> TextSpan:
        brackets = 2 if self.text.startswith("[[", start) else 1
        parts, at = self.dotted_key(start + brackets)
        path: KeyPath = ()
        for number, (key, _) in enumerate(parts, 1):
            path = (*path, key)
            self.offsets.setdefault(path, start)
            if brackets == 2 and number == len(parts):
                self.last_index[path] = self.last_index.get(path, -1) + 1
            if path in self.last_index:
                path = (*path, self.last_index[path])
                self.offsets.setdefault(path, start)
        return TextSpan(path, start, at + brackets, at + brackets, is_header=True)

    def key_value(self, base: KeyPath, start: int) -> TextSpan:
        parts, at = self.dotted_key(start)
        path = base
        for key, offset in parts:
            path = (*path, key)
            self.offsets.setdefault(path, offset)
        return self.value(path, start, self.skip_space(at + 1))

    def value(self, path: KeyPath, start: int, value_start: int) -> TextSpan:
        span = TextSpan(path, start, value_start, value_start)
        first = self.text[value_start]
        if first in "[{":
            self.add_children(span, "]" if first == "[" else "}")
        elif first in "\"'":
            span.end = self.string_end(value_start)
        elif match := _BARE_VALUE.match(self.text, value_start):
            span.end = match.end()
        return span

    def add_children(self, span: TextSpan, closing: str) -> None:
        at = self.skip_space(span.value_start + 1)
        while self.text[at] != closing:
            if closing == "}":
                entry = self.key_value(span.path, at)
            else:
                path = (*span.path, len(span.children))
                self.offsets[path] = at
                entry = self.value(path, at, at)
            span.children.append(entry)
            at = self.skip_space(entry.end)
            if self.text[at] == ",":
                at = self.skip_space(at + 1)
        span.end = at + 1

    def string_end(self, start: int) -> int:
        ending = _LONG_STRING_END.get(self.text[start : start + 3])
        if ending is None:
            match = _STRING.match(self.text, start)
        else:
            match = next((m for m in ending.finditer(self.text, start + 3) if m[1]), None)
        if match is None:
            raise ValueError(f"no string at offset {start}: this text is not TOML")
        return match.end()


def value_at(data: Any, path: Sequence[str | int]) -> Any:
    """The value at this path of plain data; None where there is none."""
    for step in path:
        if isinstance(data, Mapping) and isinstance(step, str):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
            data = data[step]
        else:
            return None
    return data


def put(data: dict[str, Any], path: Sequence[str], value: object) -> None:
    """Sets a value in nested tables; creates those that are missing."""
    *parents, last = path
    for step in parents:
        inner = data.setdefault(step, {})
        assert isinstance(inner, dict)
        data = inner
    data[last] = value
