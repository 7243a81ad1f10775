"""Rewrites a TOML text so that it holds other data: only what differs changes, and comments stay with their keys.

The text is split into statements with their comments (`statements`). Old and new data are compared (`matching`): values
that differ are rewritten in place (`_ValueWriter`), keys and tables are inserted, moved and removed (`_Editor`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeAlias

from .library import ProfileError
from .matching import match_elements, same
from .positions import KeyPath, TextPosition, TextSpan
from .statements import Cell, Statement, cells, statements

Plain: TypeAlias = "bool | int | float | str | datetime | date | time | Sequence[Plain] | Mapping[str, Plain]"
"""What a TOML document can hold."""

_Piece: TypeAlias = tuple[int | None, str]
"""An entry of an array or inline table: its old index, if it had one, and its new text."""

FIRST_KEYS = ("format", "name", "description")
"""The keys at the top of a profile."""
TABLE_ORDER = ("authentications", "clients", "incoming", "outgoing")
"""The order of the tables of a profile."""
MAX_ARRAY_LINE = 100
"""Characters; a longer array is written with one element a line."""
MAX_INLINE_TABLE_LINE = 120
"""Characters; a longer table gets a header of its own."""

OVERRIDES = ("environments",)
"""The table whose parts have values by their paths."""
_WHOLE = frozenset({"kind", "keyring", "env", "command", "ask"})
"""A table with one of these keys is one value: a kind, or the source of a secret."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def rewrite(text: str, old: dict[str, object], new: dict[str, object], scalar: Callable[[object], str]) -> str:
    """`text`, which holds `old`, with the changes that make it hold `new`.

    `scalar` writes a value that is not an array or table. The caller reads the result back and compares it.
    """
    newline = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    is_complete = not text or text.endswith("\n")
    editor = _Editor(text if is_complete else text + newline, scalar, newline)
    editor.update_table((), old, new)
    out = editor.text()
    return out if is_complete else out.removesuffix("\n").removesuffix("\r")


def cannot_splice(keys: KeyPath, position: TextPosition, reason: str) -> ProfileError:
    """The error for a change that would harm the rest of the text."""
    hint = "Change it in the editor, at this line."
    return ProfileError("toml-splice", reason, hint, line=position.line, column=position.column, keys=keys)


@dataclass(frozen=True, slots=True)
class _ValueWriter:
    """Writes keys and values in the style of one text."""

    text: str
    scalar: Callable[[object], str]
    """The TOML of a value that is not an array or table."""
    newline: str

    def key(self, key: str | int) -> str:
        """A key, in quotes if it needs them."""
        return str(key) if _BARE_KEY.fullmatch(str(key)) else self.scalar(str(key))

    def dotted_key(self, path: KeyPath) -> str:
        return ".".join(self.key(key) for key in path if isinstance(key, str))

    def value(self, value: object) -> str:
        """`value` on one line."""
        if isinstance(value, dict):
            entries = ", ".join(f"{self.key(key)} = {self.value(item)}" for key, item in value.items())
            return f"{{ {entries} }}" if entries else "{}"
        if isinstance(value, list):
            return "[" + ", ".join(self.value(item) for item in value) + "]"
        return self.scalar(value)

    def pair(self, keys: KeyPath, value: object, indent: str = "") -> str:
        """A key and its value, on one line unless it is a long array."""
        line = f"{indent}{self.dotted_key(keys)} = {self.value(value)}{self.newline}"
        if len(line) <= MAX_ARRAY_LINE or not isinstance(value, list) or len(value) < 2:
            return line
        elements = "".join(f"{indent}    {self.value(item)},{self.newline}" for item in value)
        return f"{indent}{self.dotted_key(keys)} = [{self.newline}{elements}{indent}]{self.newline}"

    def updated(self, span: TextSpan, old: object, new: object) -> str:
        """The text of `new` in place of `old`, which is at `span`: unchanged wherever both agree."""
        if same(old, new):
            return self.text[span.value_start : span.end]
        if isinstance(old, dict) and isinstance(new, dict):
            if all(len(entry.path) == len(span.path) + 1 for entry in span.children):
                return self._updated_inline_table(span, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            pieces = [
                (None, self.value(item)) if was is None else (was, self.updated(span.children[was], old[was], item))
                for was, item in zip(match_elements(old, new), new, strict=True)
            ]
            if "\n" in self._separators(span):
                return self._on_several_lines(span, pieces)
            return self._on_one_line(span, pieces)
        return self.value(new)

    def _updated_inline_table(self, span: TextSpan, old: dict[str, object], new: dict[str, object]) -> str:
        pieces: list[_Piece] = []
        for index, entry in enumerate(span.children):
            key = str(entry.path[-1])
            if key in new:
                text = self.text[entry.start : entry.value_start] + self.updated(entry, old[key], new[key])
                pieces.append((index, text))
        pieces += [(None, f"{self.key(key)} = {self.value(item)}") for key, item in new.items() if key not in old]
        return self._on_one_line(span, pieces) if pieces else "{}"

    def _separators(self, span: TextSpan) -> str:
        """The text around and between the elements of an array."""
        ends = [span.value_start, *(entry.end for entry in span.children)]
        starts = [*(entry.start for entry in span.children), span.end]
        return "".join(self.text[end:start] for end, start in zip(ends, starts, strict=True))

    def _on_one_line(self, span: TextSpan, pieces: Sequence[_Piece]) -> str:
        """An array or inline table of these pieces, with the separators that the pieces had."""
        entries = span.children
        first, last = self.text[span.value_start], self.text[span.end - 1]
        if not pieces:
            return first + last
        space = " " if first == "{" else ""
        opening = self.text[span.value_start + 1 : entries[0].start] if entries else space
        closing = self.text[entries[-1].end : span.end - 1] if entries else space
        out = [first, opening]
        for index, (was, text) in enumerate(pieces):
            if index:
                out.append(self.text[entries[was - 1].end : entries[was].start] if was else ", ")
            out.append(text)
        return "".join([*out, closing, last])

    def _on_several_lines(self, span: TextSpan, pieces: Sequence[_Piece]) -> str:
        """An array of these pieces, one a line, each with its comments; those detached from a removed one stay."""
        opening, found, closing = cells(self.text, span)
        indent = re.split("\n", found[0].lead if found else closing[:-1])[-1] + ("" if found else "    ")
        comma_at_end = not found or found[-1].comma
        out: list[Cell] = []
        for was, text in pieces:
            cell = Cell(self.newline + indent, text) if was is None else found[was]
            cell.body = text
            out.append(cell)
        kept, detached = {was for was, _ in pieces}, ""
        for index, cell in enumerate(found):
            if index in kept:
                cell.lead, detached = detached + cell.lead, ""
            elif "#" in (comments := cell.split_lead()[0]):
                detached += comments
        closing = detached + closing
        parts = [opening]
        for number, cell in enumerate(out, 1):
            if "#" in parts[-1] and not re.match(r"[ \t]*\r?\n", cell.lead):
                cell.lead = self.newline + indent
            comma = "," if number < len(out) or (cell.comma and comma_at_end) else ""
            parts += [cell.lead, cell.body, cell.before_comma, comma, cell.same_line]
        return "".join([*parts, closing])


class _Editor:
    """The statements of a text while they are changed."""

    def __init__(self, text: str, scalar: Callable[[object], str], newline: str) -> None:
        self.newline = newline
        self.values = _ValueWriter(text, scalar, newline)
        self.statements, self.tail = statements(text)
        self.pairs = {statement.path: statement for statement in self.statements if not statement.is_header}

    def text(self) -> str:
        return "".join(statement.text() for statement in self.statements) + self.tail

    # Changes: what differs between the old and the new data.

    def update_table(self, path: KeyPath, old: dict[str, object], new: dict[str, object]) -> None:
        for key in sorted((key for key in new if key not in old), key=lambda key: _rank(path, key)):
            self.insert(path, key, new[key])
        for key, value in new.items():
            if key in old and not same(old[key], value):
                self.update_value((*path, key), old[key], value)
        removed = [key for key in old if key not in new]
        for key in removed:
            self.remove(self.statements_of((*path, key)))
        if removed and not new and path and not self.statements_of(path):
            self.insert(path[:-1], path[-1], {})

    def update_value(self, path: KeyPath, old: object, new: object) -> None:
        pair = self.pairs.get(path)
        if pair is not None and old in ([], {}) and self.can_move(pair) and _needs_header(path, new, ""):
            self.remove([pair])
            self.insert(path[:-1], path[-1], new)
        elif pair is not None and pair.span is not None:
            start, end = pair.span.value_start - pair.start, pair.span.end - pair.start
            pair.body = pair.body[:start] + self.values.updated(pair.span, old, new) + pair.body[end:]
        elif isinstance(old, dict) and isinstance(new, dict):
            self.update_table(path, old, new)
        elif isinstance(old, list) and isinstance(new, list) and _is_list_of_tables(new):
            self.update_elements(path, old, new)
        else:
            before = self.statements_of(path)
            self.insert(path[:-1], path[-1], new)
            inserted = next(found for found in self.statements_of(path) if found not in before)
            inserted.comments = next((found.comments for found in before if found.path == path), "")
            self.remove(before)

    def can_move(self, pair: Statement) -> bool:
        """Whether a key can become a table elsewhere: it is directly under its table's header, without a comment."""
        return len(pair.path) == len(pair.base) + 1 and not pair.comments and "#" not in pair.body

    def update_elements(self, path: KeyPath, old: list[object], new: list[object]) -> None:
        """An array of tables. Until the text is written, new elements have indices that follow the old ones."""
        matches = match_elements(old, new)
        order = [(*path, len(old) + index if was is None else was) for index, was in enumerate(matches)]
        for element, was, value in zip(order, matches, new, strict=True):
            if was is None and isinstance(value, dict):
                self.insert_statements(self.index_after(self.statements_of(path)), self.new_table(element, value))
            elif was is not None:
                self.update_value(element, old[was], value)
        for index in range(len(old)):
            if index not in matches:
                self.remove(self.statements_of((*path, index)))
        groups: dict[KeyPath, list[Statement]] = {element: [] for element in order}
        for found in self.statements_of(path):
            groups[found.path[: len(path) + 1]].append(found)
        indices = {id(found): index for index, found in enumerate(self.statements)}
        ends = [indices[id(group[-1])] for group in groups.values()]
        if ends != sorted(ends):
            self.reorder(list(groups.values()))

    def reorder(self, groups: list[list[Statement]]) -> None:
        """Bring groups of statements into this order; blank lines and detached comments between them stay in place."""
        moving = {id(statement) for group in groups for statement in group}
        first = next(index for index, found in enumerate(self.statements) if id(found) in moving)
        first_of_group = {id(group[0]) for group in groups}
        gaps = [found.before for found in self.statements if id(found) in first_of_group]
        for group, gap in zip(groups, gaps, strict=True):
            group[0].before = gap
        rest = [found for found in self.statements if id(found) not in moving]
        self.statements = rest[:first] + [found for group in groups for found in group] + rest[first:]

    # Positions.

    def statements_of(self, path: KeyPath) -> list[Statement]:
        """All statements of a table, an element or a key, in their order."""
        return [found for found in self.statements if found.path[: len(path)] == path]

    def index_after(self, group: list[Statement]) -> int:
        last = group[-1]
        return next(index for index, found in enumerate(self.statements, 1) if found is last)

    def index_of(self, statement: Statement) -> int:
        return self.index_after([statement]) - 1

    # Removal and insertion.

    def remove(self, group: list[Statement]) -> None:
        """Remove statements with the comments above them and on their lines; detached comments stay."""
        removed = {id(statement) for statement in group}
        remaining: list[Statement] = []
        gap = ""
        for found in self.statements:
            if id(found) in removed:
                gap = _joined_gap(gap, found.before)
                if found.after:
                    gap = _joined_gap(gap, found.after)
                continue
            if gap.strip():
                found.before = gap.rstrip("\r\n") + self.newline * 2 + found.before.lstrip("\r\n")
            elif gap and remaining:
                found.before = found.before or gap
            elif not remaining and not found.before.strip():
                found.before = ""
            gap = ""
            remaining.append(found)
        self.statements = remaining
        self.tail = gap + self.tail if gap.strip() else self.tail

    def insert(self, parent: KeyPath, key: str | int, value: object) -> None:
        path = (*parent, key)
        group = self.statements_of(parent)
        if parent and not group:  # everything in this table was removed
            self.insert(parent[:-1], parent[-1], {str(key): value})
            return
        has_header = not parent or any(found.path == parent for found in group)
        dotted = [found for found in group if len(found.base) < len(parent)] if not has_header else []
        if dotted:
            self.insert_pair(dotted[-1].base, path, value, dotted[-1])
        elif _needs_header(path, value, self.values.pair((key,), value)):
            self.insert_statements(self.index_for_table(path, group), self.new_table(path, value))
        else:
            if not has_header:
                self.insert_statements(self.index_of(group[0]), [Statement(parent, parent, self.header(parent))])
            section = [found for found in self.statements if found.base == parent]
            self.insert_pair(parent, path, value, section[-1] if section else None)

    def index_for_table(self, path: KeyPath, group: list[Statement]) -> int:
        """Where a new table goes: after its parent's last statement; at the root, in the order of a profile."""
        if len(path) > 1:
            return self.index_after(group)
        before = [found for found in group if _rank((), found.path[0]) <= _rank((), path[0]) or found.base == ()]
        return self.index_after(before) if before else 0

    def insert_pair(self, base: KeyPath, path: KeyPath, value: object, last: Statement | None) -> None:
        """Insert a key below `last`, or at the beginning of the document."""
        indent = ""
        if last is not None and not last.is_header:
            indent = last.body[: len(last.body) - len(last.body.lstrip(" \t"))]
        new = [
            Statement(leaf, base, self.values.pair(leaf[len(base) :], each, indent))
            for leaf, each in _leaves(path, value)
        ]
        if last is None:
            self.insert_statements(0, new)
            return
        if last.is_header and last.after:
            new[0].before = self.newline
        else:
            last.after, new[-1].after = "", last.after
        index = self.index_after([last])
        self.statements[index:index] = new

    def insert_statements(self, index: int, new: list[Statement]) -> None:
        """Insert statements, with a blank line around them."""
        following = self.statements[index] if index < len(self.statements) else None
        if index:
            new[0].before = self.newline
        elif following is None:
            banner = self.tail.rstrip("\r\n")
            gap = self.newline if banner.rpartition("\n")[2].startswith("#:") else self.newline * 2
            new[0].before, self.tail = banner + gap if banner else "", ""
        else:
            new[0].before, following.before = following.before, self.newline
        self.statements[index:index] = new

    # New statements.

    def header(self, path: KeyPath) -> str:
        brackets = "[[{}]]" if isinstance(path[-1], int) else "[{}]"
        return brackets.format(self.values.dotted_key(path)) + self.newline

    def new_table(self, path: KeyPath, value: object) -> list[Statement]:
        """The statements of a new table or array of tables."""
        if isinstance(value, list):
            return self.separated([self.new_table((*path, index), item) for index, item in enumerate(value)])
        items = value if isinstance(value, dict) else {}
        if path[:1] == OVERRIDES and len(path) == 2:
            found = [(leaf, each) for key, item in items.items() for leaf, each in _leaves((*path, key), item)]
            pairs = [Statement(leaf, path, self.values.pair(leaf[2:], each)) for leaf, each in found]
            return [Statement(path, path, self.header(path)), *pairs]
        lines = {key: self.values.pair((key,), item) for key, item in items.items()}
        tables = [key for key, item in items.items() if _needs_header((*path, key), item, lines[key])]
        pairs = [Statement((*path, key), path, line) for key, line in lines.items() if key not in tables]
        groups = [self.new_table((*path, key), items[key]) for key in tables]
        if pairs or not groups:
            groups.insert(0, [Statement(path, path, self.header(path)), *pairs])
        return self.separated(groups)

    def separated(self, groups: list[list[Statement]]) -> list[Statement]:
        """All statements, with a blank line between two groups."""
        for group in groups[1:]:
            group[0].before = self.newline
        return [statement for group in groups for statement in group]


def _joined_gap(gap: str, more: str) -> str:
    """The text between two statements after the removal of one: keeps each comment, but only one run of blank lines."""
    if not more.strip():
        return gap or more
    return (gap if gap.strip() else "") + more


def _needs_header(path: KeyPath, value: object, line: str) -> bool:
    """Whether a new value gets a table header: parts of a profile, lists of tables, and tables too long for a line."""
    in_list = len(path) == 5 and isinstance(path[3], int)  # in a plugin or a step, such as its request
    if not all(isinstance(key, str) for index, key in enumerate(path) if not in_list or index != 3):
        return False  # a header cannot name an element of a list
    if isinstance(value, dict):
        return len(path) <= 2 or ((len(path) == 3 or in_list) and len(line) > MAX_INLINE_TABLE_LINE)
    return len(path) <= 3 and _is_list_of_tables(value)


def _leaves(path: KeyPath, value: object) -> Iterator[tuple[KeyPath, object]]:
    """What is written of a new value, each on a line: of an override, each value by its path."""
    is_table = isinstance(value, dict) and bool(value) and not value.keys() & _WHOLE
    if path[:1] == OVERRIDES and len(path) > 2 and isinstance(value, dict) and is_table:
        for key, item in value.items():
            yield from _leaves((*path, key), item)
    else:
        yield path, value


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(item, dict) for item in value)


def _rank(path: KeyPath, key: str | int) -> int:
    """The place of a new key among its neighbours: at the root in the order of a profile, elsewhere last."""
    if path or not isinstance(key, str):
        return 0
    if key in FIRST_KEYS:
        return FIRST_KEYS.index(key) - len(FIRST_KEYS)
    return TABLE_ORDER.index(key) + 1 if key in TABLE_ORDER else len(TABLE_ORDER) + 1
