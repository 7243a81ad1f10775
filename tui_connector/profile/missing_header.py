"""Finds keys whose table header is missing: they are read as keys of the table above, which does not have such keys.

Only proposes headers: whether the text makes sense with one is for who checks the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel

from ..templates import Json
from . import toml
from .correction import Correction, TextEdit, line_start
from .environment_names import TABLE
from .model import FAMILIES, Profile
from .open_brackets import state_after
from .part_names import free
from .positions import layout, value_at
from .problems import Problem
from .table_models import item_type, kind_class
from .text_blocks import TextBlock, blocks

_KEY = re.compile(r"[ \t]*([\w-]+(?:[ \t]*\.[ \t]*[\w-]+)*)[ \t]*=")
_COMMENT = re.compile(r"[ \t]*#")
_COMMENTED_HEADER = re.compile(r"[ \t]*#[ \t]*(\[\[?[\w-]+(?:\.[\w-]+)*\]\]?)[ \t]*$")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_FEWEST = 2
"""Misplaced keys that are needed where nothing else shows that a header is missing."""
_IN_ALL_PARTS = frozenset({"title", "description", "disabled"})
"""Keys that do not tell what kind of part they belong to."""


class WrongLines(NamedTuple):
    """Lines with a problem, from 1."""

    misplaced: Set[int]
    """Those of keys that their table has already, or does not have."""
    unreadable: Set[int]
    """Those with any other mistake in the TOML: one of them may be a header."""


class Proposal(NamedTuple):
    """A header that may be missing."""

    first: int
    """The line of the first key below it, from 1."""
    last: int
    """The line of the last one, from 1."""
    table: tuple[str, ...]
    """The path of the table, without the index of an element."""
    is_list: bool
    """Whether the header adds an element to a list."""
    example: str
    """The header with NAME in place of the name that was made up."""
    fix: Correction
    added: int
    """The number of lines that the correction adds above the keys."""
    at: int
    """The line at which it adds them or, where it adds none, that it changes."""

    @property
    def problem(self) -> Problem:
        """What is wrong with the text."""
        message = f"A table header such as {self.example} seems to be missing above line {self.first}"
        return Problem(self.first, 1, "", message, "missing-header", fix=self.fix)

    def concerns(self, problem: Problem) -> bool:
        """Whether a problem of the corrected text is one of the header or its keys, and not inside a value."""
        is_inside = len(problem.keys) > len(self.table) + 1 + self.is_list
        return not is_inside and self.at <= problem.line <= self.last + self.added

    def without_header(self, problem: Problem) -> Problem:
        """A problem of the corrected text as one of the text without the header."""
        value = problem.value._replace(line=self._line(problem.value.line)) if problem.value else None
        is_inside = problem.keys[: len(self.table)] == self.table  # its data is elsewhere, as long as that is missing
        return replace(
            problem,
            line=self._line(problem.line),
            message=self._renumbered(problem.message),
            hint=self._renumbered(problem.hint),
            fix=self._without_header(problem.fix),
            keys=() if is_inside else problem.keys,
            value=value,
            can_move=problem.can_move and not is_inside,
        )

    def _line(self, number: int) -> int:
        return number if number < self.at else max(number - self.added, self.at)

    def _renumbered(self, words: str) -> str:
        """A message, which may name the line that a key repeats."""
        return re.sub(r"(?<=\bline )\d+", lambda found: str(self._line(int(found[0]))), words)

    def _without_header(self, fix: Correction | None) -> Correction | None:
        (own,) = self.fix.edits
        end, added = own.start + len(own.text), len(own.text) - (own.end - own.start)
        edits = []
        for start, stop, text in fix.edits if fix is not None else ():
            if stop > own.start and start < end:
                return None
            edits.append(TextEdit(start - added, stop - added, text) if start >= end else TextEdit(start, stop, text))
        return fix._replace(edits=tuple(edits)) if fix is not None else None


class _Statement(NamedTuple):
    line: int
    key: str


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the text."""

    block: TextBlock
    header: tuple[str, ...]
    is_list: bool
    statements: list[_Statement]


def proposals(
    text: str, wrong: WrongLines, data: Mapping[str, Any], undefined: Iterable[tuple[str, str]]
) -> Iterator[Proposal]:
    """The headers that may be missing above misplaced keys, the likeliest first; of the first table with such keys.

    `undefined` are family and name of parts that are named, and not defined.
    """
    lines = text.split("\n")
    tables = [_table(block) for block in blocks(text)]
    for number, table in enumerate(tables):
        first = next((n for n, each in enumerate(table.statements) if each.line in wrong.misplaced), None)
        if first is None:
            continue
        keys = _run(table.statements[_start(table.statements, first, lines) :])
        run = _Run(lines, table, keys, [each for each in keys if each.line in wrong.misplaced])
        between = {*range(run.first, keys[-1].line)} - {each.line for each in keys}
        if between & wrong.unreadable:
            return
        is_last = keys[-1] == table.statements[-1]
        yield from _headers(run, _implied(tables, number) if is_last else (), data, [*undefined])
        return


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive keys of a table of which some are misplaced."""

    lines: list[str]
    table: _Table
    keys: list[_Statement]
    misplaced: list[_Statement]

    @property
    def first(self) -> int:
        return self.keys[0].line

    def above(self, line: int) -> str:
        """The line above one of them (from 1), without blanks around it; "" at the start of the text."""
        return self.lines[line - 2].strip() if line > 1 else ""

    @property
    def is_set_apart(self) -> bool:
        """Whether it is a paragraph of its own."""
        above = self.above(self.first)
        return not above or above.startswith("#")

    @property
    def is_another_element(self) -> bool:
        """Whether it starts with the first key of the element of a list that it follows."""
        return self.table.is_list and self.keys[0].key == self.table.statements[0].key and self.is_set_apart

    @property
    def is_copy(self) -> bool:
        """Whether its misplaced keys repeat lines of the table above, as after pasting twice."""
        above = {self.lines[each.line - 1].strip() for each in self.table.statements if each.line < self.first}
        return all(self.lines[each.line - 1].strip() in above for each in self.misplaced)


def _table(block: TextBlock) -> _Table:
    lines = block.text.split("\n")
    header, is_list = _header(lines[0])
    found, depth, quote = list[_Statement](), 0, ""
    for number, line in enumerate(lines):
        if (number or not header) and not depth and not quote and (key := _KEY.match(line)):
            found.append(_Statement(block.line + number + 1, re.sub(r"\s", "", key[1])))
        depth, quote = state_after(line, depth, quote) if number or not header else (0, "")
    return _Table(block, header, is_list, found)


def _header(line: str) -> tuple[tuple[str, ...], bool]:
    """The path that a header names, and whether it adds to a list; () for any other line."""
    if not line.lstrip().startswith("["):
        return (), False
    try:
        toml.loads(line)
    except (ValueError, RecursionError):
        return (), False
    path = layout(line).statements[0].path
    return tuple(key for key in path if isinstance(key, str)), line.lstrip().startswith("[[")


def _start(statements: list[_Statement], wrong: int, lines: list[str]) -> int:
    """The index of the first key of the paragraph that has the first misplaced key; its own in the first paragraph."""
    for index in range(wrong, 0, -1):
        between = lines[statements[index - 1].line : statements[index].line - 1]
        if any(not line.strip() or _COMMENTED_HEADER.match(line) for line in between):
            return index
    return wrong


def _run(statements: list[_Statement]) -> list[_Statement]:
    """The keys up to one that repeats another: that belongs to the next table."""
    known = set[str]()
    for index, each in enumerate(statements):
        if each.key in known:
            return statements[:index]
        known.add(each.key)
    return statements


def _implied(tables: list[_Table], number: int) -> tuple[str, ...]:
    """The part that the following header belongs to, if it has no header of its own; () otherwise."""
    following = tables[number + 1].header if number + 1 < len(tables) else ()
    part = following[:2]
    return part if len(following) > 2 and all(each.header != part for each in tables) else ()


def _headers(
    run: _Run, implied: tuple[str, ...], data: Mapping[str, Any], undefined: list[tuple[str, str]]
) -> Iterator[Proposal]:
    if commented := _COMMENTED_HEADER.match(run.above(run.first)):
        table, is_list = _header(commented[1])
        start, end = (line_start(run.lines, each) for each in (run.first - 1, run.first))
        fix = Correction(f"Write {commented[1]}", (TextEdit(start, end - 1, commented[1]),))
        yield Proposal(run.first, run.keys[-1].line, table, is_list, commented[1], fix, 0, run.first - 1)
    if implied and implied[0] in FAMILIES:
        yield _inserted(run, implied)
    here = run.table.header
    if run.is_another_element:
        yield _inserted(run, here, is_list=True)
    if run.is_set_apart:
        for family, name in undefined:
            yield _inserted(run, (family, name))
    if len(run.misplaced) < _FEWEST or run.is_copy or {each.key for each in run.keys} <= _IN_ALL_PARTS:
        return
    for table, is_list in _tables_of(here[:2], data):
        yield _inserted(run, table, is_list=is_list)
    for family in sorted(FAMILIES, key=lambda each: each not in here[:1]):
        if run.is_set_apart or _has_required(family):
            name = _name(family, run, data, undefined)
            yield _inserted(run, (family, name), f"[{family}.NAME]")
    yield _inserted(run, (TABLE, free("staging", _names(data, TABLE))), f"[{TABLE}.NAME]")


def _inserted(run: _Run, table: tuple[str, ...], example: str = "", *, is_list: bool = False) -> Proposal:
    """A new line above the keys and the comment that belongs to them."""
    line = f"[[{'.'.join(table)}]]" if is_list else f"[{'.'.join(table)}]"
    first = run.first
    while _COMMENT.match(run.above(first)):
        first -= 1
    if run.above(first):  # that comment may as well be about the keys above
        first = run.first
    blank = "\n" if run.above(first) else ""
    at = line_start(run.lines, first)
    fix = Correction(f"Write {line}", (TextEdit(at, at, f"{blank}{line}\n"),))
    return Proposal(run.first, run.keys[-1].line, table, is_list, example or line, fix, 1 + len(blank), first)


def _has_required(family: str) -> bool:
    """Whether a part of this family has keys that it must have."""
    return any(field.is_required() for field in _model(family).model_fields.values())


def _model(family: str) -> type[BaseModel]:
    model: type[BaseModel] = item_type(Profile.model_fields[family].annotation)
    return model


def _tables_of(part: tuple[str, ...], data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The tables that this part may have and has not, and those that it has in lists, each with whether it is one."""
    if len(part) < 2 or part[0] not in FAMILIES:
        return
    written = value_at(data, part)
    for name, field in kind_class(_model(part[0]), written).model_fields.items():
        key, model = field.alias or name, item_type(field.annotation)
        if get_origin(field.annotation) is dict or (isinstance(model, type) and issubclass(model, BaseModel)):
            is_list = get_origin(field.annotation) is list
            if is_list or not isinstance(written, dict) or key not in written:
                yield (*part, key), is_list


def _name(family: str, run: _Run, data: Mapping[str, Any], undefined: list[tuple[str, str]]) -> str:
    """A name that is not in use: one that other parts name already, or one after what the part reads or writes."""
    for each, name in undefined:
        if each == family:
            return name
    values = _values(run)
    words = [
        *(PurePath(str(value_at(values, (end, "path")) or "")).stem for end in ("sink", "source")),
        str(value_at(values, ("request", "uri")) or "").partition("?")[0].rstrip("/").rpartition("/")[2],
        str(value_at(values, ("kind",)) or ""),
    ]
    usable = [_NOT_IN_NAMES.sub("-", word).strip("-_") for word in words if "{" not in word]
    taken = [name for each in ("incoming", "outgoing") for name in _names(data, each)]
    return free(
        next(filter(None, usable), family.removesuffix("s")),
        taken if family in ("incoming", "outgoing") else _names(data, family),
    )


def _names(data: Mapping[str, Any], family: str) -> list[str]:
    named = data.get(family)
    return [*named] if isinstance(named, dict) else []


def _values(run: _Run) -> Json:
    """The values of the keys, as far as they are valid."""
    lines = run.lines[run.first - 1 : run.keys[-1].line]
    try:
        found: Json = toml.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return {}
    return found
