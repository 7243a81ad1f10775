"""A profile's text in blocks, each a table header with its keys: what is typed in one leaves the others as parsed.

A mistake stays in its block as well, so that all mistakes of a text are found at once.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from ..text import count
from . import toml
from .correction import Correction, TextEdit, apply
from .document import Document, check_plain, long_number
from .library import ProfileError
from .open_brackets import state_after, statement_line
from .positions import KeyPath, Layout, TextPosition, layout, position_finder
from .syntax import Mistake, explain_error, other_format
from .text_blocks import HEADER, TextBlock, blocks

MAX_MISTAKES = 20
"""Mistakes that are looked for in one block; the rest of it then counts as lost."""
_MAX_EXPLAINED = 100
"""Mistakes of a text after which other blocks with mistakes are only counted."""

_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")


@dataclass(frozen=True, slots=True)
class ParsedBlock:
    """What a block says, as far as it is valid."""

    header: tuple[str, ...]
    is_list: bool
    """Whether the header adds an element to a list."""
    data: dict[str, Any]
    """Of the table."""
    valid_text: str
    """The block with its mistakes corrected or taken out; it has the same lines."""
    mistakes: tuple[Mistake, ...]
    """With positions and corrections in the block."""
    lost: tuple[str, ...]
    """The keys that had to be taken out; `*` for others that are unknown."""


@dataclass(frozen=True)
class ParsedText:
    """The data of a text, which may have mistakes."""

    data: dict[str, Any]
    mistakes: list[Mistake]
    lost: frozenset[KeyPath]
    """The paths whose values were taken out, as far as known; `*` as the last key means any."""
    blocks: list[tuple[TextBlock, ParsedBlock, KeyPath]]
    """Each with the path of its table."""

    def position(self, path: KeyPath) -> TextPosition:
        """Where this path first appears in the text, or else the nearest table above it."""
        for length in range(len(path), 0, -1):
            wanted = path[:length]
            first = self._first_with.get(wanted, len(self.blocks))
            for number in self.numbers_above(wanted):
                block, parsed, table = self.blocks[number]
                if number < first and (found := _inside(parsed, wanted[len(table) :])) is not None:
                    return TextPosition(block.line + found.line, found.column)
            if first < len(self.blocks):
                block = self.blocks[first][0]
                indent = len(block.text) - len(block.text.lstrip(" \t"))
                return TextPosition(block.line + 1, indent + 1)
        return TextPosition(1, 1)

    def numbers_above(self, path: KeyPath) -> list[int]:
        """The numbers of the blocks whose tables may have this path in them, in their order."""
        return sorted(number for length in range(len(path)) for number in self.numbers.get(path[:length], ()))

    @cached_property
    def numbers(self) -> dict[KeyPath, list[int]]:
        """The numbers of the blocks of each table."""
        found: dict[KeyPath, list[int]] = {}
        for number, (_, _, table) in enumerate(self.blocks):
            found.setdefault(table, []).append(number)
        return found

    @cached_property
    def _first_with(self) -> dict[KeyPath, int]:
        """The number of the first block of each table, or of one in it."""
        found: dict[KeyPath, int] = {}
        for number, (_, _, table) in enumerate(self.blocks):
            for length in range(1, len(table) + 1):
                found.setdefault(table[:length], number)
        return found


def _inside(parsed: ParsedBlock, path: KeyPath) -> TextPosition | None:
    """Where a path is in a block."""
    if path[0] not in parsed.data:
        return None
    known, find = block_layout(parsed.valid_text)
    base = known.statements[0].path if parsed.header else ()
    offset = known.offsets.get((*base, *path))
    return None if offset is None else find(offset)


def parse(text: str) -> ParsedText:
    """The data and the mistakes of a text. Blocks that were parsed before cost nothing."""
    if other_format(text):
        try:
            return _whole(text, toml.loads(text), [])
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            mistake = explain_error(text, error) if isinstance(error, ValueError) else None
            explained = [mistake._replace(fix=_from_json(text))] if mistake else []
            return ParsedText({}, explained, frozenset({("*",)}), [])
    found: list[tuple[TextBlock, ParsedBlock]] = []
    mistakes: list[Mistake] = []
    unexplained: list[TextBlock] = []
    for block in blocks(text):
        if len(mistakes) < _MAX_EXPLAINED or _is_valid(block.text):
            parsed = _parsed_block(block.text)
        else:
            parsed = _lost_block(block.text, [])
            unexplained.append(block)
        found.append((block, parsed))
        mistakes += [mistake.moved(block.line, block.start) for mistake in parsed.mistakes]
    if unexplained:
        message = f"and {count(len(unexplained), 'more table')} with mistakes"
        mistakes.append(Mistake(TextPosition(unexplained[0].line + 1, 1), message, "", "more-problems"))
    merged = _Merged()
    placed = []
    for block, parsed in found:
        table = merged.add(parsed)
        if table is None:  # defined twice, or in two ways: tomllib knows
            return _with_duplicates(found, mistakes)
        placed.append((block, parsed, table))
    lost = frozenset((*table, key) for _, parsed, table in placed for key in parsed.lost)
    return ParsedText(merged.data, mistakes, lost, placed)


def _from_json(text: str) -> Correction | None:
    """The TOML of a JSON object."""
    try:
        data = json.loads(text)
        if not isinstance(data, dict):
            return None
        return Correction(
            "Convert the JSON to TOML", (TextEdit(0, len(text), Document.new(_without_null(data)).text()),)
        )
    except (ValueError, RecursionError, ProfileError):
        return None


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return [_without_null(item) for item in value if item is not None] if isinstance(value, list) else value


def _whole(text: str, data: dict[str, Any], mistakes: list[Mistake], valid_text: str | None = None) -> ParsedText:
    valid = text if valid_text is None else valid_text
    return ParsedText(
        data, mistakes, frozenset(), [(TextBlock(0, 0, text), ParsedBlock((), False, data, valid, (), ()), ())]
    )


def _with_duplicates(found: list[tuple[TextBlock, ParsedBlock]], mistakes: list[Mistake]) -> ParsedText:
    """The data of a text that defines something more than once; the second definition is a mistake."""
    lines = "".join(parsed.valid_text for _, parsed in found).split("\n")
    original = "".join(block.text for block, _ in found)
    lost: set[KeyPath] = {("*",)} if mistakes else set()
    mistakes = list(mistakes)
    for _ in range(MAX_MISTAKES):
        text = "\n".join(lines)
        try:
            whole = _whole(original, toml.loads(text), sorted(mistakes), text)
            return ParsedText(whole.data, whole.mistakes, frozenset(lost), whole.blocks)
        except RecursionError:
            break
        except tomllib.TOMLDecodeError as error:
            mistake = explain_error(text, error)
            mistakes.append(mistake._replace(fix=_in_original(mistake.fix, lines, original.split("\n"))))
            lost.add(("*",))
            first = min(mistake.position.line, len(lines)) - 1
            block = next((each for each in blocks(text) if each.line == first), None)
            is_table = block is not None and HEADER.match(block.text)
            for number in range(first, block.end_line if block is not None and is_table else first + 1):
                lines[number] = ""
    return ParsedText({}, sorted(mistakes), frozenset({("*",)}), [])


# Parsing


@lru_cache(12_000)  # more blocks than the largest profile has, so that none is forgotten while all are read
def _parsed_block(text: str) -> ParsedBlock:
    lines, original = text.split("\n"), text.split("\n")
    mistakes: list[Mistake] = []
    lost: list[str] = []
    for _ in range(MAX_MISTAKES):
        now = "\n".join(lines)
        try:
            return _checked_values(_valid_block(now, toml.loads(now), mistakes, lost))
        except RecursionError:
            mistakes.append(
                Mistake(TextPosition(1, 1), "is nested too deeply", "Use fewer levels.", "profile-unreadable")
            )
            break
        except tomllib.TOMLDecodeError as error:
            mistake = explain_error(now, error)
        except ValueError:  # Python's limit for decimal numbers is 4,300 digits
            mistake = Mistake(long_number(now), "a number is too long", "Write it as text, in quotes.", "number")
        number = min(mistake.position.line, len(lines)) - 1
        if mistake.fix is not None and not (
            _helps(mistake.fix, now, number + 1) and keeps_statements(mistake.fix, now, number)
        ):
            mistake = mistake._replace(fix=None)
        fix = mistake.fix if mistake.fix and lines == original else _in_original(mistake.fix, lines, original)
        mistakes.append(mistake._replace(fix=fix))
        corrected = _corrected(lines, mistake.fix)
        if corrected is not None:
            lines = corrected
        else:
            lost.append(_take_out(lines, number))
    return _lost_block(text, mistakes)


def _lost_block(text: str, mistakes: list[Mistake]) -> ParsedBlock:
    return ParsedBlock((), False, {}, "\n" * text.count("\n"), tuple(mistakes), ("*",))


def _is_valid(text: str) -> bool:
    """Whether a text is TOML with plain values."""
    try:
        check_plain((), toml.loads(text))
    except (ValueError, RecursionError, ProfileError):
        return False
    return True


def _valid_block(text: str, data: dict[str, Any], mistakes: list[Mistake], lost: list[str]) -> ParsedBlock:
    header: tuple[str, ...] = ()
    is_list = False
    if HEADER.match(text):
        known, _ = block_layout(text)
        header = tuple(key for key in known.statements[0].path if isinstance(key, str))
        is_list = text.lstrip().startswith("[[")
        at: Any = data
        for key in header:
            at = at[key]
        data = at[0] if is_list else at
    return ParsedBlock(header, is_list, data, text, tuple(mistakes), tuple(lost))


def _checked_values(block: ParsedBlock) -> ParsedBlock:
    """The block, with a mistake where it has a value that TOML allows only in theory, such as a number of 65 bits."""
    try:
        check_plain((), block.data)
    except ProfileError as error:
        place = _inside(block, error.keys) or TextPosition(1, 1)
        mistake = Mistake(place, error.message, error.hint, error.code)
        return replace(block, data={}, mistakes=(*block.mistakes, mistake), lost=("*",))
    return block


def _helps(fix: Correction, text: str, line: int) -> bool:
    """Whether the text with this correction is valid up to this line."""
    try:
        toml.loads(apply(text, fix.edits))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        return found is None or int(found[1]) > line
    except (ValueError, RecursionError):
        return False
    return True


def keeps_statements(fix: Correction, text: str, line: int) -> bool:
    """Whether a correction of a mistake on a line (from 0) leaves each other line that is a statement by itself one."""
    before = _own_statements(text.split("\n"), line)
    return before <= _own_statements(apply(text, fix.edits).split("\n"))


def _own_statements(lines: list[str], wrong: int = -1) -> Counter[str]:
    """The lines that are a statement by themselves, also below a bracket or quote that is not closed."""
    found: list[str] = []
    inside: list[str] = []
    depth, quote = 0, ""
    for number, line in enumerate(lines):
        is_inside = depth or quote
        if not is_inside:
            inside = []  # what was open is closed, so that these lines were part of it
        if number != wrong and is_statement(line):
            (inside if is_inside else found).append(line)
        depth, quote = state_after(line, depth, quote)
    return Counter(found + inside if depth or quote else found)


@lru_cache(12_000)
def is_statement(line: str) -> bool:
    """Whether a line alone is a key with its value."""
    if _KEY.match(line) is None:
        return False
    try:
        toml.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _corrected(lines: list[str], fix: Correction | None) -> list[str] | None:
    """The lines with a correction that keeps their number and makes the text valid further on."""
    if fix is None:
        return None
    text, edits = "\n".join(lines), []
    for edit in fix.edits:
        missing = text.count("\n", edit.start, edit.end) - edit.text.count("\n")
        if missing < 0:
            return None
        edits.append(edit._replace(text=edit.text + "\n" * missing))
    new = apply(text, edits).split("\n")
    return new if new != lines else None


def _in_original(fix: Correction | None, lines: list[str], original: list[str]) -> Correction | None:
    """A correction of the lines as one of the original lines; None if it concerns a line that was changed."""
    if fix is None:
        return None
    find, starts, at = position_finder("\n".join(lines)), [0], 0
    for line in original:
        at += len(line) + 1
        starts.append(at)
    edits = []
    for edit in fix.edits:
        (first, column), (last, end_column) = find(edit.start), find(edit.end)
        if lines[first - 1 : last] != original[first - 1 : last]:
            return None
        edits.append(TextEdit(starts[first - 1] + column - 1, starts[last - 1] + end_column - 1, edit.text))
    return Correction(fix.title, tuple(edits))


def _take_out(lines: list[str], number: int) -> str:
    """Makes the statement at a line a blank; returns its key."""
    first = statement_line(lines, number)
    if not any(lines[first : number + 1]):  # what is open was opened on a line that is gone
        first = number
    key = _KEY.match(lines[first])
    end = number + 1
    depth, quote = 0, ""
    for line in lines[first:end]:
        depth, quote = state_after(line, depth, quote)
    while end < len(lines) and _continues(lines[end], is_open=bool(depth or quote)):
        depth, quote = state_after(lines[end], depth, quote)
        end += 1
    if not key and (depth or quote):
        end = number + 1  # not a statement, so what it opens need not be closed
    if HEADER.match(lines[first]):  # a header that cannot be read: its keys belong nowhere
        end = len(lines)
    for each in range(first, end):
        lines[each] = ""
    return key[1] if key and "." not in key[1] else "*"


def _continues(line: str, *, is_open: bool) -> bool:
    """Whether a line is part of the statement above it, in which a bracket or quote may be open."""
    if line.lstrip()[:1] in ("]", "}", ")"):
        return True
    return is_open and bool(line.strip()) and not _KEY.match(line) and not HEADER.match(line)


@lru_cache(2_000)
def block_layout(text: str) -> tuple[Layout, Callable[[int], TextPosition]]:
    """The layout of a block's text, and the finder of its positions."""
    return layout(text), position_finder(text)


class _Merged:
    """Tables of several blocks, put together by the rules of TOML."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self._tables: dict[KeyPath, str] = {(): "implicit"}
        """How each table came about: by a header, as a parent of one, or as a list."""

    def add(self, block: ParsedBlock) -> KeyPath | None:
        """Adds a block, and returns the path of its table; None if that is defined already."""
        table, path = self._parents(block.header)
        if table is None:
            return None
        if block.header:
            key = block.header[-1]
            here = (*path, key)
            known = self._tables.get(here)
            if known is None and key in table:
                return None
            if block.is_list:
                if known not in (None, "list"):
                    return None
                self._tables[here] = "list"
                elements = table.setdefault(key, [])
                path = (*here, len(elements))
                elements.append({})
                table = elements[-1]
            else:
                if known not in (None, "implicit"):
                    return None
                table, path = table.setdefault(key, {}), here
            self._tables[path] = "header"
        if table.keys() & block.data.keys():
            return None
        table.update(block.data)
        return path

    def _parents(self, header: tuple[str, ...]) -> tuple[dict[str, Any] | None, KeyPath]:
        table = self.data
        path: KeyPath = ()
        for key in header[:-1]:
            here: KeyPath = (*path, key)
            known = self._tables.get(here)
            if known is None:
                if key in table:
                    return None, path
                table[key] = {}
                self._tables[here] = "implicit"
            inner = table[key]
            if known == "list":
                here = (*here, len(inner) - 1)
                inner = inner[-1]
            table, path = inner, here
        return table, path
