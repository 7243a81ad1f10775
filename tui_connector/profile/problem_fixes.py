"""Corrects a problem of meaning in the text: a key or a value is written in place of another one, moved or set."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from ..templates import Json
from .blocks import ParsedBlock, ParsedText, block_layout
from .correction import Correction, TextEdit, line_start
from .document import SCHEMA_LINE, UNSET, Document
from .environment_names import TABLE
from .found import Found
from .library import ProfileError
from .model import ModelPath
from .positions import TextPosition, TextSpan, places_of_key, position_finder, problem_offset, value_at
from .statements import comments
from .text_blocks import TextBlock
from .text_history import difference
from .unknown_keys import name_of
from .value_mistakes import in_quotes

_KEY = re.compile(r"([\w-]+|\"[^\"]*\"|'[^']*')\s*=\s*$")
_COMMENT = re.compile(r"[ \t]*#")
_NUMBER = re.compile(r"[+-]?\d[\d_]*(?:\.\d+)?")


def fix_of(found: Found, parsed: ParsedText, text: str, place: tuple[TextBlock, TextSpan] | None) -> Correction | None:
    if found.code == "missing" and found.path == ("format",):
        start = len(SCHEMA_LINE) if text.startswith(SCHEMA_LINE) else 0
        return Correction("Add format = 1", (TextEdit(start, start, "format = 1\n"),))
    if found.is_of_key and found.code == "unknown-name":
        return _renamed_everywhere(found, parsed)
    if found.setting is not None:
        return _set(text, *found.setting)
    if place is None:
        return None
    block, span = place
    if found.is_of_key or found.owner is not None:
        if found.owner is not None:
            return _moved_key(found, parsed, text, block, span)
        if found.is_set:
            return _as_comment(block, span) if _is_whole(parsed, block) else None
        right = (*found.path[:-1], found.suggestion or "")
        return None if span_of(parsed, right) else _renamed(found, block, span)  # the table may have that key already
    if found.path == ("format",) and found.code != "newer-format":
        return written_value(block, span, "1")
    if found.suggestion:
        return written_value(block, span, f'"{found.suggestion}"')
    if found.correction is not None:
        return _corrected(block, span, *found.correction)
    written = block.text[span.value_start : span.end]
    bare = written.strip("\"'")
    match found.expected:
        case "string_type" if written[0] not in "[{":
            return written_value(block, span, f'"{bare}"')
        case "bool_type" if bare.lower() in ("true", "false", "yes", "no", "on", "off"):
            return written_value(block, span, "true" if bare.lower() in ("true", "yes", "on") else "false")
        case "int_type" | "float_type" if _NUMBER.fullmatch(bare):
            return written_value(block, span, bare)
        case "list_type" if written[0] not in "[{" and found.value is not None:
            return written_value(block, span, json.dumps(found.value, ensure_ascii=False))
        case "list_type" if written[0] not in "[{":
            return written_value(block, span, f"[{written}]")
    return None


def value_edit(parsed: ParsedText, path: ModelPath, value: str, *, in_sound_table: bool = False) -> TextEdit | None:
    """Replaces the value at this path; None where it is not written, or its own lines have mistakes.

    `in_sound_table`: nor where other lines of its table have any. What these say is a guess, which is not enough to
    know that all of a secret is replaced.
    """
    found = span_of(parsed, path)
    if found is None:
        return None
    sound = any(found[0] is block and _is_as_written(block, inside) for block, inside, _ in parsed.blocks)
    return _replaced(*found, value) if sound or not in_sound_table else None


def span_of(parsed: ParsedText, path: ModelPath) -> tuple[TextBlock, TextSpan] | None:
    """The block and the place of a key or element; None where it is not written, or its own lines have mistakes."""
    for number in parsed.numbers_above(path):
        block, inside, table = parsed.blocks[number]
        known, _ = block_layout(inside.valid_text)
        base = known.statements[0].path if inside.header else ()
        if (span := known.value_span((*base, *path[len(table) :]))) is not None:
            written = span if _is_as_written(block, inside) else _as_written(span, inside.valid_text, block.text)
            return None if written is None else (block, written)
    return None


def _as_written(span: TextSpan, valid: str, text: str) -> TextSpan | None:
    """The span of the valid text in the text with mistakes, which has the same lines; None if it has one itself."""
    first, last = valid.count("\n", 0, span.start), valid.count("\n", 0, span.end)
    lines, original = valid.split("\n"), text.split("\n")
    if lines[first : last + 1] != original[first : last + 1]:
        return None
    by = line_start(original, first + 1) - line_start(lines, first + 1)
    return replace(span, start=span.start + by, value_start=span.value_start + by, end=span.end + by, children=[])


def _is_whole(parsed: ParsedText, block: TextBlock) -> bool:
    """Whether a block has no mistakes."""
    return any(each is block and _is_as_written(each, inside) for each, inside, _ in parsed.blocks)


def _is_as_written(block: TextBlock, inside: ParsedBlock) -> bool:
    return inside.valid_text == block.text


def value_position(block: TextBlock, span: TextSpan, at: int | None = None) -> TextPosition:
    """Where the value starts or, of a text, where its character `at` (from 0) is."""
    line, column = position_finder(block.text)(problem_offset(block.text, span, at))
    return TextPosition(block.line + line, column)


def _replaced(block: TextBlock, span: TextSpan, value: str) -> TextEdit:
    return TextEdit(block.start + span.value_start, block.start + span.end, value)


def written_value(block: TextBlock, span: TextSpan, value: str) -> Correction:
    return Correction(f"Write {value}", (_replaced(block, span, value),))


def _corrected(block: TextBlock, span: TextSpan, wrong: str, right: str) -> Correction | None:
    """A text with another part in place of the wrong one; None where it is not known which part that is."""
    written, title = block.text[span.value_start : span.end], f"Write {right}"
    if written == f"'{wrong}'" and "'" in right:
        return Correction(title, (_replaced(block, span, in_quotes(right)),))
    if written[:1] == '"':
        wrong, right = (part.replace("\\", "\\\\").replace('"', '\\"') for part in (wrong, right))
    elif written[:1] != "'" or "'" in right:
        return None
    if written.count(wrong) != 1:
        return None
    start = block.start + span.value_start + written.index(wrong)
    return Correction(title, (TextEdit(start, start + len(wrong), right),))


def _set(text: str, path: ModelPath, value: Any, title: str) -> Correction | None:
    """Sets a key, in the table that it belongs to; None in a text with mistakes."""
    value = list(value) if isinstance(value, tuple) else value
    try:
        document = Document(text)
        document.set(path, value)
        new = document.text()
    except (ProfileError, LookupError):
        return None
    start, end, new_end = difference(text, new)
    key = ".".join(map(str, path[2:] if path[0] == TABLE else path))
    return Correction(title or f"Set {key} = {inline(value)}", (TextEdit(start, end, new[start:new_end]),))


def inline(value: Json) -> str:
    """A value as TOML on one line; tables are not nested, and have bare keys."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {inline(each)}' for key, each in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def _renamed(found: Found, block: TextBlock, span: TextSpan) -> Correction | None:
    """The key with its right name; of a dotted key, the last part."""
    if not found.suggestion:
        return None
    key = block.text[span.start : span.value_start]
    match = _KEY.search(key)
    if match is None:
        return None
    start = block.start + span.start
    edit = TextEdit(start + match.start(1), start + match.end(1), found.suggestion)
    if found.value is None:
        return Correction(f"Rename {match[1]} to {found.suggestion}", (edit,))
    value = json.dumps(found.value, ensure_ascii=False)
    return Correction(f"Write {found.suggestion} = {value}", (edit, _replaced(block, span, value)))


def _renamed_everywhere(found: Found, parsed: ParsedText) -> Correction | None:
    """The key of an override with its right name, in headers and dotted keys."""
    edits = [
        TextEdit(block.start + start, block.start + end, found.suggestion)
        for block, inside, _ in parsed.blocks
        if _is_as_written(block, inside)
        if str(found.path[-1]) in block.text or "\\" in block.text
        for start, end in places_of_key(block.text, found.path)
    ]
    if not edits or not found.suggestion:
        return None
    return Correction(f"Rename {found.path[-1]} to {found.suggestion}", tuple(edits))


def _moved_key(found: Found, parsed: ParsedText, text: str, block: TextBlock, span: TextSpan) -> Correction | None:
    """The key in its own table: its lines, with the comment above them, or its value where that has no header."""
    key = str(found.path[-1])
    meant = found.suggestion or key
    where = f"[{name_of(found.owner or ())}]" if found.owner else "the top of the file"
    target = next(((b, p) for b, p, table in parsed.blocks if table == found.owner), None)
    if target is None:
        where = where.strip("[]") if value_at(parsed.data, found.owner or ()) is not None else where
        title = f"Move it to {where}{f' as {meant}' if meant != key else ''}"
        return _moved_value(found, parsed, text, (*(found.owner or ()), meant), title)
    title = f"Move it to {where}{f' as {meant}' if meant != key else ''}"
    if not _is_whole(parsed, block) or span not in block_layout(block.text)[0].statements:
        return None
    start = block.text.rfind("\n", 0, span.start) + 1
    while (above := block.text.rfind("\n", 0, max(start - 1, 0)) + 1) < start and _COMMENT.match(block.text, above):
        start = above
    end = block.text.find("\n", span.end) + 1 or len(block.text)
    key_end = len(block.text[: span.value_start].rstrip().removesuffix("=").rstrip())
    lines = f"{block.text[start : span.start]}{meant}{block.text[key_end:end]}".rstrip("\n") + "\n"
    into, inside = target
    statements = block_layout(inside.valid_text)[0].statements if _is_as_written(into, inside) else []
    at = into.text.find("\n", statements[-1].end) + 1 if statements else 0
    if statements and not at:  # the last line of the file has no end
        at, lines = len(into.text), "\n" + lines.rstrip("\n")
    edits = (
        TextEdit(into.start + at, into.start + at, lines),
        TextEdit(block.start + start, block.start + end, ""),
    )
    return Correction(title, edits)


def _moved_value(found: Found, parsed: ParsedText, text: str, path: ModelPath, title: str) -> Correction | None:
    """The value at another path; None in a text with mistakes, and where a comment would be lost."""
    try:
        document = Document(text)
        value, headers = value_at(document.data, found.path), {table for _, _, table in parsed.blocks}
        for length in range(len(found.path), 0, -1):  # a table that only this key made
            document.set(found.path[:length], UNSET)
            if found.path[: length - 1] in headers or value_at(document.draft, found.path[: length - 1]):
                break
        document.set(path, value)
        new = document.text()
    except (ProfileError, LookupError):
        return None
    if len(comments(new)) < len(comments(text)):
        return None
    start, end, new_end = difference(text, new)
    return Correction(title, (TextEdit(start, end, new[start:new_end]),))


def _as_comment(block: TextBlock, span: TextSpan) -> Correction | None:
    """The lines of a key as comments; None where other keys are on them."""
    if span not in block_layout(block.text)[0].statements:
        return None
    start = block.text.rfind("\n", 0, span.start) + 1
    end = block.text.find("\n", span.end)
    lines = block.text[start : end if end >= 0 else len(block.text)]
    edits, at = [], block.start + start
    for line in lines.split("\n"):
        edits.append(TextEdit(at, at, "# "))
        at += len(line) + 1
    return Correction("Make this line a comment" if len(edits) == 1 else "Make these lines a comment", tuple(edits))
