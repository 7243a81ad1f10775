"""From a text as read to one that holds other data: only what differs changes, and comments stay with their keys."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeAlias

from .library import ProfileError
from .positions import Cell, KeyPath, Statement, TextPosition, TextSpan, cells, statements

# The text of a value: written again, or changed entry by entry where it is an array or an inline table.


Plain: TypeAlias = "bool | int | float | str | datetime | date | time | Sequence[Plain] | Mapping[str, Plain]"
"""What a TOML document can hold."""

Piece: TypeAlias = tuple[int | None, str]
"""Which of the entries as read, if any, and its new text."""

WIDTH = 100
"""An array whose line would be longer is written with one element a line."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def frozen(value: object) -> Hashable:
    """`value` as TOML means it: 1, 1.0 and true differ, a NaN equals itself, the order of keys says nothing."""
    if isinstance(value, dict):
        return "{}", frozenset((key, frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return "[]", tuple(frozen(item) for item in value)
    if isinstance(value, (date, time)):  # a datetime is a date
        return type(value).__name__, value.isoformat()
    return type(value).__name__, value if isinstance(value, (int, str)) else repr(value)


def same(one: object, other: object) -> bool:
    """Whether both mean the same TOML."""
    return frozen(one) == frozen(other)


def matched(old: list[object], new: list[object]) -> list[int | None]:
    """For each element of `new` the element of `old` that it was, or None where it was added."""
    before, after = [frozen(item) for item in old], [frozen(item) for item in new]
    out: list[int | None] = [None] * len(new)
    head = 0
    while head < min(len(old), len(new)) and before[head] == after[head]:
        out[head] = head
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
        out[-tail] = len(old) - tail
    unmoved: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for index in range(head, len(old) - tail):
        unmoved[before[index]].append(index)
    for index in range(head, len(new) - tail):
        if unmoved[after[index]]:
            out[index] = unmoved[after[index]].popleft()
    free = sorted(index for indices in unmoved.values() for index in indices)
    _match_changed(old, new, free, out)
    return out


def _match_changed(old: list[object], new: list[object], free: list[int], out: list[int | None]) -> None:
    """Match what changed: tables of the same kind that are most alike, other values where none came or went."""
    left = [index for index, was in enumerate(out) if was is None]
    if len(free) * len(left) > 10_000 or not all(isinstance(old[i], dict) for i in free):
        if len(free) == len(left):
            for index, was in zip(left, free, strict=True):
                out[index] = was
        return
    alike = sorted((-_likeness(old[was], new[index]), abs(was - index), index, was) for index in left for was in free)
    taken: set[int] = set()
    for likeness, _, index, was in alike:
        if likeness < 0 and out[index] is None and was not in taken:
            out[index] = was
            taken.add(was)


def _likeness(old: object, new: object) -> int:
    """How many values two tables have in common; that they are of one kind says most. Without any they are two."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return int(same(old, new))
    common = sum(_likeness(value, new[key]) for key, value in old.items() if key in new)
    return common + 2 * ("kind" in old and old["kind"] == new.get("kind"))


class PathMapping:
    """Where each path of the data as read is in the new data."""

    def __init__(self, old: object, new: object) -> None:
        self._pairs: dict[KeyPath, tuple[object, object]] = {(): (old, new)}
        self._matched: dict[KeyPath, dict[int, int]] = {}

    def __call__(self, path: KeyPath) -> KeyPath | None:
        """The new path; None where what stood there is gone."""
        out: KeyPath = ()
        for depth, step in enumerate(path):
            old, new = self._pairs[path[:depth]]
            if isinstance(old, dict) and isinstance(new, dict) and step in new:
                out = (*out, step)
                self._pairs[path[: depth + 1]] = old[step], new[step]
            elif isinstance(old, list) and isinstance(new, list) and isinstance(step, int):
                there = self._elements(path[:depth], old, new).get(step)
                if there is None:
                    return None
                out = (*out, there)
                self._pairs[path[: depth + 1]] = old[step], new[there]
            else:
                return None
        return out

    def _elements(self, path: KeyPath, old: list[object], new: list[object]) -> dict[int, int]:
        if path not in self._matched:
            self._matched[path] = {was: now for now, was in enumerate(matched(old, new)) if was is not None}
        return self._matched[path]

    def list_kept(self, path: KeyPath) -> bool:
        """Whether an array is still one."""
        return self(path) is not None and all(isinstance(value, list) for value in self._pairs[path])


@dataclass(frozen=True, slots=True)
class ValueWriter:
    """Writes values for one text."""

    text: str
    write: Callable[[object], str]
    """The text of a value that is not an array or table."""
    newline: str

    def key(self, key: str | int) -> str:
        """A part of a dotted key, quoted where it must be."""
        return str(key) if _BARE_KEY.fullmatch(str(key)) else self.write(str(key))

    def keys(self, path: KeyPath) -> str:
        return ".".join(self.key(key) for key in path if isinstance(key, str))

    def value(self, value: object) -> str:
        """`value` on one line."""
        if isinstance(value, dict):
            entries = ", ".join(f"{self.key(key)} = {self.value(item)}" for key, item in value.items())
            return f"{{ {entries} }}" if entries else "{}"
        if isinstance(value, list):
            return "[" + ", ".join(self.value(item) for item in value) + "]"
        return self.write(value)

    def pair(self, keys: KeyPath, value: object, indent: str = "") -> str:
        """The line, or with a long array the lines, of a key and its value."""
        line = f"{indent}{self.keys(keys)} = {self.value(value)}{self.newline}"
        if len(line) <= WIDTH or not isinstance(value, list) or len(value) < 2:
            return line
        elements = "".join(f"{indent}    {self.value(item)},{self.newline}" for item in value)
        return f"{indent}{self.keys(keys)} = [{self.newline}{elements}{indent}]{self.newline}"

    def changed(self, written: TextSpan, old: object, new: object) -> str:
        """The text of `new` where `old` is written, as it is written wherever both agree."""
        if same(old, new):
            return self.text[written.value : written.end]
        if isinstance(old, dict) and isinstance(new, dict):
            if all(len(entry.path) == len(written.path) + 1 for entry in written.inside):
                return self._table(written, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            pieces = [
                (None, self.value(item)) if was is None else (was, self.changed(written.inside[was], old[was], item))
                for was, item in zip(matched(old, new), new, strict=True)
            ]
            if "\n" in self._between(written):
                return self._lines(written, pieces)
            return self._joined(written, pieces)
        return self.value(new)

    def _table(self, written: TextSpan, old: dict[str, object], new: dict[str, object]) -> str:
        pieces: list[Piece] = []
        for number, entry in enumerate(written.inside):
            key = str(entry.path[-1])
            if key in new:
                text = self.text[entry.start : entry.value] + self.changed(entry, old[key], new[key])
                pieces.append((number, text))
        pieces += [(None, f"{self.key(key)} = {self.value(item)}") for key, item in new.items() if key not in old]
        return self._joined(written, pieces) if pieces else "{}"

    def _between(self, written: TextSpan) -> str:
        """What is between the elements."""
        ends = [written.value, *(entry.end for entry in written.inside)]
        starts = [*(entry.start for entry in written.inside), written.end]
        return "".join(self.text[end:start] for end, start in zip(ends, starts, strict=True))

    def _joined(self, written: TextSpan, pieces: Sequence[Piece]) -> str:
        inside = written.inside
        bracket = self.text[written.value], self.text[written.end - 1]
        if not pieces:
            return "".join(bracket)
        space = " " if bracket[0] == "{" else ""
        opening = self.text[written.value + 1 : inside[0].start] if inside else space
        closing = self.text[inside[-1].end : written.end - 1] if inside else space
        out = [bracket[0], opening]
        for number, (was, text) in enumerate(pieces):
            if number:
                out.append(self.text[inside[was - 1].end : inside[was].start] if was else ", ")
            out.append(text)
        return "".join([*out, closing, bracket[1]])

    def _lines(self, written: TextSpan, pieces: Sequence[Piece]) -> str:
        head, found, closing = cells(self.text, written)
        indent = re.split("\n", found[0].lead if found else closing[:-1])[-1] + ("" if found else "    ")
        comma_at_end = not found or found[-1].comma
        out: list[Cell] = []
        for was, text in pieces:
            cell = Cell(self.newline + indent, text) if was is None else found[was]
            cell.body = text
            out.append(cell)
        kept, carried = {was for was, _ in pieces}, ""
        for number, cell in enumerate(found):
            if number in kept:
                cell.lead, carried = carried + cell.lead, ""
            elif "#" in (apart := cell.split_lead()[0]):
                carried += apart
        closing = carried + closing
        parts = [head]
        for number, cell in enumerate(out, 1):
            if "#" in parts[-1] and not re.match(r"[ \t]*\r?\n", cell.lead):
                cell.lead = self.newline + indent
            comma = "," if number < len(out) or (cell.comma and comma_at_end) else ""
            parts += [cell.lead, cell.body, cell.pad, comma, cell.beside]
        return "".join([*parts, closing])


ORDER = ("authentications", "clients", "incoming", "outgoing")
"""The tables of a profile in the order in which they are written."""

FIRST = ("format", "name", "description")
"""The keys with which a profile starts."""

LONG = 120
"""A table whose line would be longer gets a header of its own."""


def spliced(text: str, old: dict[str, object], new: dict[str, object], write: Callable[[object], str]) -> str:
    """`text`, which holds `old`, changed where `new` differs.

    `write` gives the text of a value that is not an array or table. What comes out is to be read back and compared.
    """
    newline = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    whole = not text or text.endswith("\n")
    splice = _Splice(text if whole else text + newline, write, newline)
    splice.table((), old, new)
    out = splice.text()
    return out if whole else out.removesuffix("\n").removesuffix("\r")


def own_table(path: KeyPath, value: object, line: str) -> bool:
    """Whether a new value gets headers of its own: parts of a profile, their lists, and what is too long to read."""
    in_list = len(path) == 5 and isinstance(path[3], int)  # a plugin's or a step's, such as its request
    if not all(isinstance(key, str) for place, key in enumerate(path) if not in_list or place != 3):
        return False  # a header cannot say which of a list's tables is meant
    if isinstance(value, dict):
        return len(path) <= 2 or ((len(path) == 3 or in_list) and len(line) > LONG)
    return len(path) <= 3 and _tables(value)


def _tables(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(item, dict) for item in value)


def cannot_splice(keys: KeyPath, place: TextPosition, why: str) -> ProfileError:
    """A change that cannot be written into the text without harm to what is there."""
    hint = "Change it in the editor, at this line."
    return ProfileError("toml-splice", why, hint, line=place.line, column=place.column, keys=keys)


class _Splice:
    def __init__(self, text: str, write: Callable[[object], str], newline: str) -> None:
        self.newline = newline
        self.values = ValueWriter(text, write, newline)
        self.statements, self.tail = statements(text)
        self.pairs = {statement.path: statement for statement in self.statements if not statement.header}

    def text(self) -> str:
        return "".join(statement.text() for statement in self.statements) + self.tail

    # What differs

    def table(self, path: KeyPath, old: dict[str, object], new: dict[str, object]) -> None:
        for key in sorted((key for key in new if key not in old), key=lambda key: _rank(path, key)):
            self.insert(path, key, new[key])
        for key, value in new.items():
            if key in old and not same(old[key], value):
                self.change((*path, key), old[key], value)
        gone = [key for key in old if key not in new]
        for key in gone:
            self.remove(self.group((*path, key)))
        if gone and not new and path and not self.group(path):
            self.insert(path[:-1], path[-1], {})

    def change(self, path: KeyPath, old: object, new: object) -> None:
        pair = self.pairs.get(path)
        if pair is not None and old in ([], {}) and self.plain(pair) and own_table(path, new, ""):
            self.remove([pair])
            self.insert(path[:-1], path[-1], new)
        elif pair is not None and pair.written is not None:
            start, end = pair.written.value - pair.start, pair.written.end - pair.start
            pair.body = pair.body[:start] + self.values.changed(pair.written, old, new) + pair.body[end:]
        elif isinstance(old, dict) and isinstance(new, dict):
            self.table(path, old, new)
        elif isinstance(old, list) and isinstance(new, list) and _tables(new):
            self.elements(path, old, new)
        else:
            was = self.group(path)
            self.insert(path[:-1], path[-1], new)
            now = next(found for found in self.group(path) if found not in was)
            now.comments = next((found.comments for found in was if found.path == path), "")
            self.remove(was)

    def plain(self, pair: Statement) -> bool:
        """Whether a pair can go elsewhere: it is under its table's header, and has no comment."""
        return len(pair.path) == len(pair.base) + 1 and not pair.comments and "#" not in pair.body

    def elements(self, path: KeyPath, old: list[object], new: list[object]) -> None:
        """An array of tables. A new element counts on from the old ones until the text is written."""
        kept = matched(old, new)
        order = [(*path, len(old) + index if was is None else was) for index, was in enumerate(kept)]
        for element, was, value in zip(order, kept, new, strict=True):
            before = self.group(path)
            if was is None and isinstance(value, dict):
                self.place(self.index_after(before), self.rendered(element, value))
            elif was is not None:
                self.change(element, old[was], value)
        for index in range(len(old)):
            if index not in kept:
                self.remove(self.group((*path, index)))
        groups: dict[KeyPath, list[Statement]] = {element: [] for element in order}
        for found in self.group(path):
            groups[found.path[: len(path) + 1]].append(found)
        numbers = {id(found): number for number, found in enumerate(self.statements)}
        ends = [numbers[id(group[-1])] for group in groups.values()]
        if ends != sorted(ends):
            self.reorder(list(groups.values()))

    def reorder(self, groups: list[list[Statement]]) -> None:
        """Bring groups of statements into this order; what belongs to none of them stays where it is."""
        moving = {id(statement) for group in groups for statement in group}
        first = next(index for index, found in enumerate(self.statements) if id(found) in moving)
        heads = {id(group[0]) for group in groups}
        between = [found.before for found in self.statements if id(found) in heads]
        for group, before in zip(groups, between, strict=True):
            group[0].before = before
        rest = [found for found in self.statements if id(found) not in moving]
        self.statements = rest[:first] + [found for group in groups for found in group] + rest[first:]

    # Where things are

    def group(self, path: KeyPath) -> list[Statement]:
        """All statements of a table, element or key, in their order."""
        return [found for found in self.statements if found.path[: len(path)] == path]

    def index_after(self, group: list[Statement]) -> int:
        last = group[-1]
        return next(index for index, found in enumerate(self.statements, 1) if found is last)

    def index_of(self, statement: Statement) -> int:
        return self.index_after([statement]) - 1

    # What goes, what comes

    def remove(self, group: list[Statement]) -> None:
        """Take statements away with the comments above and beside it; what is apart stays."""
        going = {id(statement) for statement in group}
        left: list[Statement] = []
        carried = ""
        for found in self.statements:
            if id(found) in going:
                carried = self.apart(carried, found.before)
                if found.after:
                    carried = self.apart(carried, found.after)
                continue
            if carried.strip():
                found.before = carried.rstrip("\r\n") + self.newline * 2 + found.before.lstrip("\r\n")
            elif carried and left:
                found.before = found.before or carried
            elif not left and not found.before.strip():
                found.before = ""
            carried = ""
            left.append(found)
        self.statements = left
        self.tail = carried + self.tail if carried.strip() else self.tail

    def apart(self, carried: str, more: str) -> str:
        """Blank lines do not add up, comments do."""
        if not more.strip():
            return carried or more
        return (carried if carried.strip() else "") + more

    def insert(self, parent: KeyPath, key: str | int, value: object) -> None:
        path = (*parent, key)
        group = self.group(parent)
        if parent and not group:  # all that made this table was removed
            self.insert(parent[:-1], parent[-1], {str(key): value})
            return
        headed = not parent or any(found.path == parent for found in group)
        dotted = [found for found in group if len(found.base) < len(parent)] if not headed else []
        if dotted:
            self.pair(dotted[-1].base, path, value, dotted[-1])
        elif own_table(path, value, self.values.pair((key,), value)):
            self.place(self.index_for(path, group), self.rendered(path, value))
        else:
            if not headed:
                self.place(self.index_of(group[0]), [Statement(parent, parent, self.header(parent))])
            section = [found for found in self.statements if found.base == parent]
            self.pair(parent, path, value, section[-1] if section else None)

    def index_for(self, path: KeyPath, group: list[Statement]) -> int:
        """Where a new table starts: after the last of its parent; at the root, in the order of a profile."""
        if len(path) > 1:
            return self.index_after(group)
        before = [found for found in group if _rank((), found.path[0]) <= _rank((), path[0]) or found.base == ()]
        return self.index_after(before) if before else 0

    def pair(self, base: KeyPath, path: KeyPath, value: object, last: Statement | None) -> None:
        """Put a key below `last`, or at the beginning of the document."""
        indent = re.match(r"[ \t]*", last.body) if last else None
        body = self.values.pair(path[len(base) :], value, indent.group() if indent and last and not last.header else "")
        new = Statement(path, base, body)
        if last is None:
            self.place(0, [new])
            return
        if last.header and last.after:
            new.before = self.newline
        else:
            last.after, new.after = "", last.after
        self.statements.insert(self.index_after([last]), new)

    def place(self, index: int, new: list[Statement]) -> None:
        """Put statements in, with a blank line around them."""
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

    # How new things are written

    def header(self, path: KeyPath) -> str:
        brackets = "[[{}]]" if isinstance(path[-1], int) else "[{}]"
        return brackets.format(self.values.keys(path)) + self.newline

    def rendered(self, path: KeyPath, value: object) -> list[Statement]:
        """The statements of a new table or array of tables."""
        if isinstance(value, list):
            return self.spaced([self.rendered((*path, index), item) for index, item in enumerate(value)])
        items = value if isinstance(value, dict) else {}
        lines = {key: self.values.pair((key,), item) for key, item in items.items()}
        own = {key for key, item in items.items() if own_table((*path, key), item, lines[key])}
        plain = [Statement((*path, key), path, line) for key, line in lines.items() if key not in own]
        below = [self.rendered((*path, key), items[key]) for key in sorted(own, key=list(items).index)]
        if plain or not below:
            below.insert(0, [Statement(path, path, self.header(path)), *plain])
        return self.spaced(below)

    def spaced(self, groups: list[list[Statement]]) -> list[Statement]:
        for group in groups[1:]:
            group[0].before = self.newline
        return [statement for group in groups for statement in group]


def _rank(path: KeyPath, key: str | int) -> int:
    if path or not isinstance(key, str):
        return 0
    if key in FIRST:
        return FIRST.index(key) - len(FIRST)
    return ORDER.index(key) + 1 if key in ORDER else len(ORDER) + 1
