"""Which problems of a text are certain, where its TOML has mistakes: others may only follow from these.

One mistake is one problem. What a line with a mistake was read as, what follows it in the same statement, and what a
table has or lacks whose header cannot be read, add no others; a secret in them is always a problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set

from .blocks import ParsedText
from .found import Found
from .model import FAMILIES
from .open_brackets import statement_line
from .positions import KeyPath, TextPosition, value_at
from .syntax import Mistake
from .table_models import keys_of, models_of
from .text_blocks import TextBlock, blocks

_SECRET = "literal-secret"
_HEADER_MISTAKE = "table-header"
_NO_NAME = "part-name"
_KNOWN_TABLE = re.compile(r"\s*(?:\[+|(?=\w))(?![^\]]*\.\.)[^\]=]*[\w\"']\s*\]")
"""A header with its name, whatever is wrong with it."""
_CONTINUES = re.compile(r"\s*(?:[\[\]{}\"',#\d-]|$)")
"""A line that may be the rest of a statement of several lines, or be blank."""


def certain(
    found: Sequence[Found], mistakes: Sequence[Mistake], parsed: ParsedText, text: str
) -> tuple[list[Mistake], list[Found]]:
    """The mistakes and the problems that remain once each mistake is one problem."""
    unnamed = [*_headers_without_name(parsed, found)]
    if not parsed.mistakes and not unnamed:
        return [*mistakes], [*found]
    uncertain = _Uncertain([*parsed.mistakes, *unnamed], parsed, text)
    not_text = {parsed.position(each.path).line for each in found if _is_not_text(each, parsed)}
    lost = parsed.lost | ({("*",)} if uncertain.has_lost_header else set())
    kept = [each for each in found if each.code == _SECRET or not (_is_lost(each, lost) or uncertain.has(each))]
    certain_mistakes, kept = _one_of_each_line(uncertain.without_rest([*mistakes, *unnamed]), kept, parsed, text)
    return [_without_quotes(each, not_text) for each in certain_mistakes], kept


def _headers_without_name(parsed: ParsedText, found: Sequence[Found]) -> Iterator[Mistake]:
    """The headers such as [incoming] of a family whose keys are those of a part of it."""
    for block, inside, table in parsed.blocks:
        if len(table) != 1 or table[0] not in FAMILIES or not inside.data:
            continue
        family = str(table[0])
        wrong = {each.path[1] for each in found if each.path[:1] == table and len(each.path) > 1}
        known = {key for model in models_of(family) for key in keys_of(model)}
        is_of_part = [key in known or not isinstance(value, dict) for key, value in inside.data.items()]
        if not any(is_of_part) or not wrong.issuperset(inside.data):
            continue
        message, hint = f"The name is missing in [{family}]", f"Write [{family}.NAME]."
        yield Mistake(TextPosition(block.line + 1, 1), message, hint, _NO_NAME)


class _Uncertain:
    """The lines of a text whose meaning depends on a mistake, from 1."""

    def __init__(self, mistakes: Sequence[Mistake], parsed: ParsedText, text: str) -> None:
        self._parsed = parsed
        self._lines = text.split("\n")
        self._after = set[int]()
        """Those that may be the rest of a statement, after the line with the mistake."""
        self._inside = set[int]()
        """Those of statements of several lines that have a mistake."""
        self._of_tables = set[int]()
        """Those of a table whose name is not known."""
        self._incomplete = set[KeyPath]()
        """The tables directly above such a header: it may have taken their keys."""
        self.has_lost_header = any(each.code in (_HEADER_MISTAKE, _NO_NAME) for each in mistakes)
        found = [*blocks(text)]
        for mistake in mistakes:
            number = max(index for index, each in enumerate(found) if each.line < mistake.position.line)
            self._add(mistake, found, number)

    def _add(self, mistake: Mistake, found: Sequence[TextBlock], number: int) -> None:
        block, line = found[number], mistake.position.line
        is_header = mistake.code == _HEADER_MISTAKE and not _KNOWN_TABLE.match(self._lines[line - 1])
        if is_header or mistake.code == _NO_NAME:
            self._of_tables |= {*range(line, block.end_line + 1)}
            is_own = line == block.line + 1
            if number or not is_own:
                above = found[number - 1] if is_own else block
                self._incomplete |= {table for each, _, table in self._parsed.blocks if each.start == above.start}
        lines = self._lines[block.line : line]
        first = block.line + statement_line(lines, len(lines) - 1) + 1
        last = line
        while last < block.end_line and _CONTINUES.match(self._lines[last]):
            last += 1
        while last > line and re.match(r"\s*(#|$)", self._lines[last - 1]):
            last -= 1
        self._after |= {*range(line + 1, last + 1)}
        if last > first:
            self._inside |= {*range(first, last + 1)}

    def has(self, found: Found) -> bool:
        """Whether a problem may only follow from a mistake."""
        line = self._parsed.position(found.path).line
        is_missing = value_at(self._parsed.data, found.path) is None
        if is_missing and self._incomplete & {found.path, found.path[:-1]}:
            return True
        return line in self._inside or line in self._of_tables

    def without_rest(self, mistakes: Sequence[Mistake]) -> list[Mistake]:
        """The mistakes that are not in the rest of a statement that has another one above."""
        return [each for each in mistakes if each.position.line not in self._after]


def _is_not_text(found: Found, parsed: ParsedText) -> bool:
    """Whether text was found where it is not valid: as which a value without quotes is read."""
    return _is_of_other_type(found) and isinstance(value_at(parsed.data, found.path), str)


def _is_of_other_type(found: Found) -> bool:
    """Whether the value has to be something else than it is, and than text."""
    return found.expected.endswith("_type") and found.expected != "string_type"


def _is_of_value(found: Found) -> bool:
    """Whether no text like that of the value would be valid."""
    return _is_of_other_type(found) or (found.code == "invalid-value" and found.at is None and not found.correction)


_PUT_IN_QUOTES = ("not-quoted", "leading-zeros", "date")
"""The codes of mistakes that quotes correct."""


def _one_of_each_line(
    mistakes: Sequence[Mistake], found: Sequence[Found], parsed: ParsedText, text: str
) -> tuple[list[Mistake], list[Found]]:
    """The mistakes and problems, with one mistake of each line, and no problem of the value that it was read as.

    Where a value without quotes would not be valid with them either, its problem says more than the mistake.
    """
    lines = text.split("\n")
    left: dict[int, Mistake] = {}
    for mistake in mistakes:
        place = mistake.position
        is_text = mistake.code in _READ_AS_TEXT and _IS_TEXT.match(lines[place.line - 1], place.column - 1)
        if not is_text or not any(
            _is_of_value(each) and _is_value_at(place, parsed.position(each.path), lines) for each in found
        ):
            left.setdefault(place.line, mistake)
    return [*left.values()], [each for each in found if _is_left(each, left, parsed, lines)]


def _is_left(found: Found, mistakes: Mapping[int, Mistake], parsed: ParsedText, lines: Sequence[str]) -> bool:
    """Whether a problem is none of the mistakes (by line): on another line, or of the key of a wrong value."""
    key = parsed.position(found.path)
    mistake = mistakes.get(key.line)
    return mistake is None or (found.is_of_key and _is_value_at(mistake.position, key, lines))


_READ_AS_TEXT = ("not-quoted", "date")
_IS_TEXT = re.compile(r"(?![\w-]+[ \t]*=)(?:\w|[&?@$]?\{)")
"""A word or a placeholder; anything else, such as a comma, is more likely typed by mistake, and `where =` is a key."""


def _is_value_at(place: TextPosition, key: TextPosition, lines: Sequence[str]) -> bool:
    """Whether the value of the key begins at this place."""
    if place.line != key.line or key.column > place.column:
        return False
    return _BEFORE_VALUE.fullmatch(lines[place.line - 1], key.column - 1, place.column - 1) is not None


_BEFORE_VALUE = re.compile(r"(?:[^=,{\[]*=[ \t]*)?")
"""The key and what follows it; nothing before an element of a list."""


def _without_quotes(mistake: Mistake, not_text: Set[int]) -> Mistake:
    """The mistake, without advice to put its value in quotes on a line (from 1) where text is not valid."""
    if mistake.code not in _PUT_IN_QUOTES or mistake.position.line not in not_text:
        return mistake
    return mistake._replace(hint="", fix=None)


def _is_lost(found: Found, lost: frozenset[KeyPath]) -> bool:
    """Whether a problem may only be there because something had to be taken out of the text."""
    if found.code == "missing-kind" and lost & {(*found.path, "kind"), (*found.path, "*")}:
        return True
    if found.path in lost or ((*found.path[:-1], "*") in lost and found.code in ("missing", "missing-kind")):
        return True
    may_be_set = found.code in ("shared-secret", "unmarked-production")
    if may_be_set and any(each[:2] == found.path[:2] for each in lost):
        return True
    named_elsewhere = found.code in ("unknown-name", "inconsistent", "missing", "missing-kind")
    return (named_elsewhere or may_be_set) and ("*",) in lost
