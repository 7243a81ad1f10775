"""Checks a profile's text while it is typed: all problems at once, of syntax and of meaning, each with its correction.

What was checked before and has not changed is not checked again: tables are parsed alone (`blocks`), and the parts of a
profile are validated alone.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as File
from typing import Any, Final, cast, get_origin

from pydantic import TypeAdapter, ValidationError

from .blocks import ParsedText, parse
from .certain_problems import certain
from .correction import Correction, TextEdit, apply
from .document import Document
from .environment_names import TABLE
from .found import Found, elements_of
from .library import ProfileError
from .missing_header import WrongLines, proposals
from .model import FAMILIES, ModelPath, Profile
from .positions import (
    position_finder,
    value_at,
)
from .problem_fixes import fix_of, span_of, value_position, written_value
from .problems import Problem, find_problems, referenced_family, with_sources
from .remarks import Remark, remarks
from .syntax import Mistake
from .unknown_keys import of_table_above

_MAX_PARTS: Final = 2_000
"""Validated parts that are remembered besides those of the text."""
_MAX_UNDECODED: Final = 20
_MAX_HEADERS: Final = 10
"""Missing headers that are looked for in one text."""
_OF_TABLES: Final = frozenset(
    {"unknown-key", "duplicate-key", "duplicate-table", "missing", "missing-kind", "unknown-kind"}
)
"""The codes of problems by which keys do not belong together, or not to their header."""
_NUMBER = re.compile(r"[+-]?\d[\d_]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text says, and what is wrong with it."""

    text: str
    data: dict[str, Any]
    """Of the text, as far as it is valid."""
    profile: Profile | None
    problems: list[Problem]
    is_toml: bool
    """Whether the text is valid TOML."""
    remarks: list[Problem] = field(default_factory=list)
    """What is probably not meant, of a valid profile."""

    @property
    def literal_secrets(self) -> list[Problem]:
        """The problems that are secrets in the text."""
        return [problem for problem in self.problems if problem.code == "literal-secret"]


class Checker:
    """Checks one text again and again, as it is changed. Not for several threads at a time."""

    def __init__(self) -> None:
        self._valid_parts: OrderedDict[tuple[str, str, str], Any] = OrderedDict()
        self._types: dict[str, TypeAdapter[Any]] = {}
        for family, spec in Profile.model_fields.items():
            if get_origin(spec.annotation) is dict:
                self._types[family] = TypeAdapter(cast(Any, spec.annotation))

    def check(self, text: str) -> Checked:
        """The profile in a text, or its problems in their order; corrections are of the text with `\\n` as line end."""
        plain = text.replace("\r\n", "\n") if "\r\n" in text else text
        return replace(self._check(plain, _MAX_HEADERS), text=text)

    def _check(self, text: str, headers: int) -> Checked:
        """Checks a text as it would be with up to so many headers that are missing; their keys are one problem each."""
        checked, wrong = self._check_as_written(text)
        if not wrong.misplaced or not headers:
            return checked
        undefined = [_undefined(each, checked.data) for each in checked.problems if each.code == "unknown-name"]
        for proposal in proposals(text, wrong, checked.data, undefined):
            new = apply(text, proposal.fix.edits)
            with_header, _ = self._check_as_written(new)
            if len(with_header.problems) < len(checked.problems) and not any(
                each.code in _OF_TABLES and proposal.concerns(each) for each in with_header.problems
            ):
                rest = [proposal.without_header(each) for each in self._check(new, headers - 1).problems]
                return replace(checked, problems=sorted([proposal.problem, *rest]))
        return checked

    def _check_as_written(self, plain: str) -> tuple[Checked, WrongLines]:
        """The same, with a problem for each misplaced key."""
        parsed = parse(plain)
        undecoded = _undecoded(plain)
        lines = {problem.line for problem in undecoded}
        profile, found = find_problems(parsed.data, prepare=self._prepared)
        of_tables = [of_table_above(each, parsed.data, _table_above(each, parsed)) for each in found]
        decoded = [each for each in parsed.mistakes if each.position.line not in lines]
        mistakes, kept = certain(of_tables, decoded, parsed, plain)
        problems = [*undecoded, *map(_of_mistake, mistakes)]
        movable = self._movable(parsed.data, [each.path for each in found if each.code == "literal-secret"])
        for each in kept:
            path = ".".join(map(str, each.path))
            place = span_of(parsed, each.path)
            fix = fix_of(each, parsed, plain, place)
            line, column = parsed.position(each.path)
            value = None
            if place is not None and each.code != "unknown-key":
                value = value_position(*place, each.at)
            if value is not None and each.at is not None:
                line, column = value
            hint = _other_direction(each, parsed.data)
            elements = elements_of(parsed.data, each.path)
            can_move = place is not None and each.path in movable
            problems.append(
                Problem(line, column, path, each.message, each.code, hint, fix, each.path, value, elements, can_move)
            )
        valid = not parsed.mistakes and not undecoded
        remarked = [_of_remark(each, parsed) for each in remarks(parsed.data)] if valid and not problems else []
        checked = Checked(plain, parsed.data, profile if valid else None, sorted(problems), valid, remarked)
        return checked, _wrong_lines(mistakes, kept, parsed, plain)

    def _movable(self, data: Mapping[str, Any], secrets: Sequence[ModelPath]) -> set[ModelPath]:
        """Those of the literal secrets in whose place the profile may name a source."""
        if not secrets:
            return set()
        changed = with_sources(data, {at: {"keyring": "entry"} for at in secrets})
        _, found = find_problems(changed, prepare=self._prepared)
        wrong = {each.path[:length] for each in found for length in range(1, len(each.path) + 1)}
        return {*secrets} - wrong

    def _prepared(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The data, with the models of parts that are valid."""
        prepared, parts = dict(data), 0
        for family, adapter in self._types.items():
            named = data.get(family)
            if isinstance(named, dict):
                prepared[family] = {name: self._part(adapter, family, name, part) for name, part in named.items()}
                parts += len(named)
        while len(self._valid_parts) > parts + _MAX_PARTS:
            self._valid_parts.popitem(last=False)
        return prepared

    def _part(self, adapter: TypeAdapter[Any], family: str, name: str, part: object) -> object:
        key = (family, name, repr(part))
        if key in self._valid_parts:
            self._valid_parts.move_to_end(key)
            return self._valid_parts[key]
        try:
            found = adapter.validate_python({name: part}, strict=True, by_alias=True, by_name=False)
        except ValidationError:
            return part  # its errors are found where the whole profile is validated
        self._valid_parts[key] = found.get(name, part)
        return self._valid_parts[key]


def new_literal_secret(checked: Checked, before: str) -> Problem | None:
    """A literal secret that the text before did not have; None if there is none."""
    known = {problem.keys for problem in Checker().check(before).literal_secrets} if checked.literal_secrets else set()
    return next((problem for problem in checked.literal_secrets if problem.keys not in known), None)


def check_file(path: File) -> tuple[list[Problem], list[Problem]]:
    """All problems of a profile's file, also those of a file that cannot be read, and the remarks on a valid one."""
    try:
        document = Document.open(path)
    except ProfileError as error:
        return [Problem(error.line or 1, error.column or 1, "", error.message, error.code, error.hint)], []
    checked = Checker().check(document.text())
    return checked.problems, checked.remarks


def _undefined(problem: Problem, data: Mapping[str, Any]) -> tuple[str, str]:
    """The family and the name of a part that is named, and not defined."""
    match problem.keys:
        case (environments, _, str(family), str(name)) if environments == TABLE:
            return family, name
    return referenced_family(problem.keys), str(value_at(data, problem.keys))


def _wrong_lines(mistakes: Sequence[Mistake], found: Sequence[Found], parsed: ParsedText, text: str) -> WrongLines:
    """The lines with problems; none has a misplaced key where all of them belong to tables that lack them."""
    lines = text.split("\n")
    repeated = {each.position.line for each in mistakes if each.code == "duplicate-key"}
    unknown, is_lacking = set[int](), False
    for each in found:
        line = parsed.position(each.path).line
        key = str(each.path[-1]) if each.path else ""
        is_table = each.path in {(family,) for family in FAMILIES} and each.code == "wrong-type"
        if (each.code == "unknown-key" or is_table) and re.match(rf"\s*{re.escape(key)}\s*[.=]", lines[line - 1]):
            unknown.add(line)
            owner = value_at(parsed.data, each.owner) if each.owner is not None else None
            is_lacking = is_lacking or not isinstance(owner, dict) or key in owner
    is_whole = not any(each.code == "duplicate-table" for each in mistakes)  # otherwise, keys of tables are not known
    misplaced = repeated | unknown if is_whole and (repeated or is_lacking) else set()
    return WrongLines(misplaced, {each.position.line for each in mistakes} - repeated)


def _table_above(found: Found, parsed: ParsedText) -> ModelPath:
    """The path of the table that is directly above the table of a problem in the text; () if there is none."""
    number = parsed.numbers.get(found.path[:-1], [0])[0]
    return parsed.blocks[number - 1][2] if number else ()


def _of_mistake(mistake: Mistake) -> Problem:
    line, column = mistake.position
    return Problem(line, column, "", mistake.message, mistake.code, mistake.hint or "", mistake.fix)


def _of_remark(remark: Remark, parsed: ParsedText) -> Problem:
    line, column = parsed.position(remark.path)
    place = span_of(parsed, remark.path)
    fix = None
    if place is not None and remark.value is not None:
        fix = written_value(*place, json.dumps(remark.value, ensure_ascii=False))
    value = value_position(*place) if place is not None else None
    path = ".".join(map(str, remark.path))
    return Problem(line, column, path, remark.message, remark.code, "", fix, remark.path, value)


_UNDECODED = re.compile("[\udc80-\udcff]+")


def _undecoded(text: str) -> list[Problem]:
    """The bytes that are not UTF-8; they most likely are Latin-1 (Windows-1252)."""
    runs = list(_UNDECODED.finditer(text))[:_MAX_UNDECODED]
    if not runs:
        return []
    position = position_finder(text)
    edits = tuple(TextEdit(*run.span(), _from_latin(run.group())) for run in _UNDECODED.finditer(text))
    hint = "The file is not UTF-8 here; it may be Windows-1252 (Latin-1)."
    fix = Correction("Read all such bytes as Windows-1252", edits)
    first_of_line = {place.line: place for place in reversed([position(run.start()) for run in runs])}
    return [Problem(*place, "", "is not UTF-8", "not-utf-8", hint, fix) for place in first_of_line.values()]


def _from_latin(text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:  # five bytes mean nothing in it
        return data.decode("latin-1")


def _other_direction(found: Found, data: Mapping[str, Any]) -> str:
    """Where nothing refers to the part that was probably meant, its own name may be the mistyped one."""
    name, family = found.suggestion, referenced_family(found.path)
    if found.code != "unknown-name" or not name or family not in ("authentications", "clients"):
        return ""
    return "" if _has_text(data, name) else f"Or rename [{family}.{name}], which nothing refers to."


def _has_text(data: object, text: str) -> bool:
    """Whether a value somewhere in the data is this text."""
    if isinstance(data, Mapping):
        return any(_has_text(each, text) for each in data.values())
    return any(_has_text(each, text) for each in data) if isinstance(data, list) else data == text
