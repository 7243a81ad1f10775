"""Explains invalid TOML: where the mistake is, what was probably meant, and how the text is corrected.

`tomllib` stops at the first mistake and says what it expected there. The rules of common mistakes (`line_mistakes`)
say what was probably meant on that line; what opens, repeats or ends elsewhere is looked for here.
"""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

from . import toml
from .correction import Correction, TextEdit, apply, line_start, replace_line
from .line_mistakes import STRING, Cause, cause_of, has_open_quote
from .open_brackets import state_after, statement_line
from .positions import KeyPath, TextPosition, layout, position_finder
from .statement_mistakes import StatementMistake, first_mistake
from .text_blocks import HEADER, blocks, own_end
from .text_history import difference

SYNTAX = "toml-syntax"
"""The code of a mistake whose cause is unclear."""


class Mistake(NamedTuple):
    """A mistake in a TOML text; `hint` is None if the cause is unclear, `fix` if several things may have been meant."""

    position: TextPosition
    message: str
    hint: str | None
    code: str = SYNTAX
    fix: Correction | None = None
    first: int = 0
    """The line of what it repeats, which the message names; 0 if it repeats nothing."""

    def moved(self, lines: int, characters: int) -> Mistake:
        """The same mistake in a text that has so much more in front."""
        place = TextPosition(self.position.line + lines, self.position.column)
        fix = self.fix.moved(characters) if self.fix else None
        if not self.first:
            return self._replace(position=place, fix=fix)
        first = self.first + lines
        message = self.message.replace(f"on line {self.first}", f"on line {first}")
        return self._replace(position=place, message=message, fix=fix, first=first)


def explain_error(text: str, error: tomllib.TOMLDecodeError) -> Mistake:
    """The mistake at which `tomllib` stopped."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
    position = TextPosition(int(found[1]), int(found[2])) if found else None
    message = re.sub(r" \(at .*\)$", "", str(error))
    if isinstance(error, toml.KeyTooLong):
        return Mistake(position or _end(text), message, "No key of a profile has as many.", "key-too-long")
    if other := other_format(text):
        hint = f"This looks like {other}. A profile is TOML: [tables], and key = value, one per line."
        return Mistake(position or _end(text), message, hint, "other-format")
    if duplicate := _duplicate(text, position, message):
        return duplicate
    if message == _UNCLOSED and (number := _line_with_open_quote(text)) is not None:
        position = TextPosition(number, 1)
    if message.startswith(_BACKSLASH) and position is not None and has_open_quote(_line(text, position.line - 1)):
        position = TextPosition(position.line - 1, 1)
    if position is not None and (opened := _opened_above(text, position.line)) is not None:
        return opened
    number = position.line if position is not None else text.rstrip().count("\n") + 1
    line = _line(text, number)
    is_short = len(line) <= _MAX_LINE
    if is_short and (cause := cause_of(line)) is not None:
        return Mistake(TextPosition(number, cause.column), cause.message, cause.hint, *_correction(text, number, cause))
    if is_short and (mistake := _in_statement(text, number)) is not None:
        return mistake
    if position is None:
        return _not_closed(text, message)
    if message in _NO_STATEMENT:
        hint = "Write key = value, a [table], or # before a comment."
        return Mistake(
            TextPosition(number, 1), "This line is neither a key with a value nor a table", hint, "statement"
        )
    return Mistake(position, message, None)


def _in_statement(text: str, number: int) -> Mistake | None:
    """The mistake in the statement that a line is part of."""
    lines = text.split("\n")
    start = line_start(lines, statement_line(lines, min(number, len(lines)) - 1) + 1)
    found = first_mistake(text, start)
    if found is None:
        return None
    place = position_finder(text)(found.at)
    fix = _corrected_statement(text, start, found)
    if found.code == "inline-table-lines":
        fix = _joined_inline_table(text, place.line)
    return Mistake(place, found.message, found.hint, found.code, fix)


def _corrected_statement(text: str, start: int, found: StatementMistake) -> Correction | None:
    """Corrects all mistakes of the statement that starts at `start`; None where it is not clear what was meant."""
    new, codes, more = text, {found.code}, found
    for _ in range(_MAX_CORRECTIONS if len(text) <= _LARGE else 1):
        if not more.edits:
            break
        new = apply(new, more.edits)
        codes.add(more.code)
        if (following := first_mistake(new, start)) is None:
            break
        more = following
    if new == text:
        return None
    title = _title(found.code, found.message, found.hint) if len(codes) == 1 else "Correct the line"
    before, end, new_end = difference(text, new)
    return Correction(title, (TextEdit(before, end, new[before:new_end]),))


_MAX_CORRECTIONS = 30
"""Mistakes of one statement that are corrected together."""
_LARGE = 10_000
"""Characters of a text in which they are corrected one by one: each is looked for from the start of the statement."""
_MAX_LINE = 2_500
"""Characters of a line in which a cause is looked for: the time grows with the square of it."""
_UNCLOSED = 'Expected "\'"'
"""What `tomllib` says at the end of the text of a single quote without a second one."""

_NO_STATEMENT = ("Invalid statement", "Expected '=' after a key in a key/value pair")
"""What `tomllib` says of a line that is no statement."""
_BACKSLASH = "Unescaped '\\'"
"""What `tomllib` says at the start of the next line of a backslash at the end of one, in double quotes."""


def _line_with_open_quote(text: str) -> int | None:
    """The last line on which a quote opens and is not closed."""
    lines = text.split("\n")
    return next((number for number in range(len(lines), 0, -1) if has_open_quote(lines[number - 1])), None)


def _correction(text: str, number: int, cause: Cause) -> tuple[str, Correction | None]:
    if cause.line is None or cause.line == _line(text, number):
        return cause.code, None
    return cause.code, replace_line(text, number, cause.line, _title(cause.code, cause.message, cause.hint))


def _title(code: str, message: str, hint: str) -> str:
    """What a correction does; of a boolean, the hint says which value is meant."""
    return hint.rstrip(".") if code == "boolean" else _TITLES.get(code, message)


_TITLES = {
    "after-header": "Make it a comment",
    "backslash": "Use single quotes",
    "bracket": "Remove it",
    "carriage-return": "Start a new line there",
    "colon": "Write = instead",
    "comma": "Remove the comma",
    "comma-missing": "Add the comma",
    "comment-mark": "Write # instead",
    "control-character": "Delete the character",
    "date": "Put it in quotes",
    "decimal-comma": "Write a decimal point",
    "end-of-line": "Remove it",
    "equals-sign": "Write =",
    "equals-sign-repeated": "Remove it",
    "inline-table": "Write the braces",
    "inline-table-comma": "Remove the comma",
    "invisible-character": "Remove what is invisible",
    "key-dots": "Remove the dot",
    "key-not-quoted": "Put the key in quotes",
    "leading-zeros": "Put the number in quotes",
    "list-brackets": "Write the brackets",
    "look-alike": "Write the ordinary character",
    "not-closed": "Close it",
    "not-quoted": "Put the text in quotes",
    "null": "Make this line a comment",
    "number": "Complete the number",
    "number-comma": "Write it without",
    "one-line-each": "Start a new line",
    "quote-inside": "Use the other quotes",
    "quote-missing": "Correct the quotes",
    "quote-prefix": "Remove it",
    "quotes-doubled": "Write single ones",
    "stray-character": "Remove it",
    "table-header": "Correct the brackets",
    "word-before-key": "Remove the word",
}
"""What a correction does, by the code of its mistake."""


def _not_closed(text: str, message: str) -> Mistake:
    """What was opened and not closed, in a text that ends too early."""
    if (mistake := _open_long_text(text)) is not None:
        return mistake
    number = text.rstrip().count("\n") + 1
    lines = text.split("\n")
    opened = next((n for n in range(number, 0, -1) if _OPENS.match(lines[n - 1])), None)
    if opened is None:
        return Mistake(_end(text), message, None)
    place = TextPosition(opened, len(lines[opened - 1].rstrip()) + 1)
    what = re.search(r"\[|\{|\"\"\"|\'\'\'", lines[opened - 1])
    message = f"The {what.group() if what else 'bracket'} is not closed"
    return Mistake(place, message, "What is opened on this line is not closed.", "not-closed", _closed(text))


def _open_long_text(text: str) -> Mistake | None:
    """Three quotes that are open at the end of the text."""
    lines, depth, quote, opened = text.split("\n"), 0, "", 0
    for number, line in enumerate(lines, 1):
        before = quote
        depth, quote = state_after(line, depth, quote)
        if quote and (not before or quote in line):
            opened = number
    if not quote:
        return None
    fix = _long_text_closed(lines, opened, quote) if len(text) <= _LARGE else None
    place = TextPosition(opened, lines[opened - 1].rindex(quote) + 1)
    return Mistake(place, f"The {quote} is not closed", f"Write {quote} at the end of the text.", "not-closed", fix)


def _long_text_closed(lines: list[str], opened: int, quote: str) -> Correction | None:
    """Closes a text at the end of the first line, from the one it opens on, with which the rest is valid."""
    for end in range(opened, min(len(lines), opened + _MAX_LINES_OF_TEXT) + 1):
        before, after = "\n".join(lines[:end]).rstrip(), "\n".join(["", *lines[end:]])
        for closing in (quote, f"{quote} }}", f"{quote}]", f"{quote}] }}"):
            try:
                toml.loads(f"{before}{closing}{after}")
            except tomllib.TOMLDecodeError:
                continue
            return Correction(f"Close it with {closing}", (TextEdit(len(before), len(before), closing),))
    return None


_MAX_LINES_OF_TEXT = 20
"""Lines of a text at whose ends it may have been meant to be closed."""


_OPENS = re.compile(r"\s*[\w.\"'-]+\s*=\s*(?:[\[{]|\"\"\"|\'\'\')")
_NEW_STATEMENT = re.compile(r"\s*(?:[A-Za-z_][\w-]*(?:\.[\w-]+)*\s*=|\[\[?[A-Za-z])")


def _opened_above(text: str, number: int) -> Mistake | None:
    """A bracket that was opened above line `number` and never closed, if a statement starts on that line."""
    lines = text.split("\n")
    if number > len(lines):
        return None
    for start in range(number - 1, max(0, number - 20), -1):
        opened = re.match(r"\s*[\w.\"'-]+\s*=\s*[\[{]", lines[start - 1])
        if opened is None:
            continue
        for end in range(start + 1, number + 1):
            before = "\n".join(lines[start - 1 : end - 1])
            if _NEW_STATEMENT.match(lines[end - 1]) and _has_open_bracket(before):
                fix = _closed(before)
                moved = fix.moved(line_start(lines, start)) if fix else None
                column = len(lines[start - 1].rstrip()) + 1
                message = f"The {opened.group()[-1]} is not closed"
                hint = "What is opened on this line is not closed."
                return Mistake(TextPosition(start, column), message, hint, "not-closed", moved)
        return None
    return None


def _closed(text: str) -> Correction | None:
    """Closes the brackets that are open at the end of a text, at the end of its last line."""
    if len(re.findall(r'"""|\'\'\'', text)) % 2:
        return None
    open_brackets: list[str] = []
    for line in text.split("\n"):
        for character in STRING.sub("", line).partition("#")[0]:
            if character in "[{":
                open_brackets.append({"[": "]", "{": "}"}[character])
            elif character in "]}" and open_brackets:
                open_brackets.pop()
    end = len(text.rstrip())
    closing = "".join(reversed(open_brackets)).replace("}", " }")
    without_comma = re.search(r",\s*$", text[:end])
    start = without_comma.start() if without_comma and "}" in closing else end
    comment = STRING.sub("", text[text.rfind("\n", 0, end) + 1 : end])
    if not closing or "#" in comment:
        return None
    return Correction(f"Close it with {closing.strip()}", (TextEdit(start, end, closing),))


def _end(text: str) -> TextPosition:
    return position_finder(text)(len(text))


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[min(number, len(lines)) - 1]


_DUPLICATE = re.compile(r"Cannot (?:declare|mutate|overwrite|redefine)")


def _duplicate(text: str, position: TextPosition | None, message: str) -> Mistake | None:
    """A key or a table that is defined a second time, if that is what tomllib's message says."""
    if not _DUPLICATE.match(message):
        return None
    line = position.line if position is not None else text.rstrip().count("\n") + 1
    # tomllib reports the end of the value, which may be many lines below its key
    for number in range(line, 0, -1):
        before = "\n".join(text.split("\n")[: number - 1]) + "\n"
        try:
            toml.loads(before)
        except tomllib.TOMLDecodeError:
            continue
        return _duplicate_at(number, before, text)
    return None


def _duplicate_at(number: int, before: str, text: str) -> Mistake | None:
    """The duplicate on a line; `before` is the valid text above it."""
    line = _line(text, number)
    here = TextPosition(number, len(line) - len(line.lstrip()) + 1)
    header = re.match(r"\s*(\[\[?)([^\]]+)\]", line)
    if header is not None:
        return _duplicate_table(here, before, text, is_list=header[1] == "[[", keys=_keys(header[2]))
    known = layout(before)
    key = re.match(r"\s*([^=#\[\]{}]+?)\s*=", line)
    if key is None:
        return None
    table = next((each.path for each in reversed(known.statements) if each.is_header), ())
    path = (*table, *_keys(key[1]))
    first = known.offsets.get(path, _first_offset(known.offsets, path))
    if first is None:
        return Mistake(here, "Duplicate key", None, "duplicate-key")
    where = position_finder(before)(first).line
    message = f"The key {key[1]} is already defined on line {where}"
    fix = None
    if re.match(r"\s*[^=]+=\s*[^\[{]", line) and not re.search(r'"""|\'\'\'', line):
        fix = replace_line(text, number, f"# {line.lstrip()}", "Make this line a comment")
    return Mistake(here, message, "Keep one of the two lines.", "duplicate-key", fix, where)


def _duplicate_table(here: TextPosition, before: str, text: str, *, is_list: bool, keys: list[str]) -> Mistake | None:
    name, code = ".".join(keys), "duplicate-table"
    first = _first_offset(layout(before).offsets, tuple(keys))
    if first is None:
        return None
    written = [each for each in blocks(before) if _header_keys(each.text) == keys]
    where = position_finder(before)(first).line
    if written:  # the last one: the table may be in an element of a list
        own = written[0] if written[0].text.lstrip().startswith("[[") else written[-1]
        where = own.line + 1
    first_line = _line(before, where)
    is_first_list = first_line.lstrip().startswith("[[")
    if is_list and not is_first_list:
        message = f"[[{name}]] adds to a list, but {name} is a single table or a value since line {where}"
        hint = f"Write [[{name}]] on line {where}, too, or [{name}] once."
        header = re.match(r"(\s*)\[(.*?)\]", first_line)
        is_table = header is not None and _keys(header[2]) == keys
        fix = (
            replace_line(text, where, f"{header[1]}[[{header[2]}]]{first_line[header.end() :]}", f"Write [[{name}]]")
            if header is not None and is_table
            else None
        )
        return Mistake(here, message, hint, code, fix)
    if not is_list and is_first_list:
        message = f"[{name}] is a list since line {where}"
        line = re.sub(r"\[(.*?)\]", r"[[\1]]", _line(text, here.line), count=1)
        hint = f"Write [[{name}]] to add another element to it."
        return Mistake(here, message, hint, code, replace_line(text, here.line, line, f"Write [[{name}]]"))
    if not first_line.lstrip().startswith("["):
        message = f"{name} already has a value on line {where}"
        return Mistake(here, message, f"Write all of it there, or all of it below [{name}].", code)
    message = f"The table [{name}] is declared twice, first on line {where}"
    hint = f"Move these keys below line {where}, and remove this header."
    return Mistake(here, message, hint, code, _merged_table(text, where, here.line))


_TABLE_HEADER = re.compile(r"\s*\[\[?([^\]]+)\]\]?[ \t]*(#.*)?")


def _header_keys(block: str) -> list[str]:
    """The path of the table of a block; empty where it has no header."""
    header = _TABLE_HEADER.match(block) if HEADER.match(block) else None
    return _keys(header[1]) if header is not None else []


def _merged_table(text: str, first: int, second: int) -> Correction | None:
    """Moves the keys of the second table of a name, with their comments, below those of the first (lines from 1)."""
    lines, found = text.split("\n"), [*blocks(text)]
    numbers = {each.line + 1: number for number, each in enumerate(found)}
    if first not in numbers or second not in numbers:
        return None
    into, number = numbers[first], numbers[second]
    header = _TABLE_HEADER.match(lines[second - 1])
    start, end, target = own_end(found, number - 1), own_end(found, number), own_end(found, into)
    above = [line for line in lines[start : second - 1] if line.strip()]
    moved = [*above, *([header[2]] if header is not None and header[2] else []), *lines[second:end]]
    while moved and not moved[0].strip():
        moved.pop(0)
    kept = start
    while not lines[kept].strip():
        kept += 1
    while kept > start and end < found[number].end_line and not lines[end].strip():
        end += 1  # the blank lines above the header are those above the next one
    is_last = number == len(found) - 1
    cut = (start, len(lines)) if is_last else (kept, end)
    removed = TextEdit(line_start(lines, cut[0] + 1), min(line_start(lines, cut[1] + 1), len(text)), "")
    at = line_start(lines, target + 1)
    edits = (TextEdit(at, at, "".join(f"{line}\n" for line in moved)), removed)
    return Correction("Move its keys to the first table of this name", edits)


def _keys(dotted: str) -> list[str]:
    """The parts of a dotted key."""
    try:
        data = toml.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return [dotted]
    keys = []
    at: object = data
    while isinstance(at, dict):
        key, at = next(iter(at.items()))
        keys.append(str(key))
    return keys


def _first_offset(offsets: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Where this path, or else the nearest table above it, first appears; indices of lists are ignored."""
    for length in range(len(path), 0, -1):
        found = [at for known, at in offsets.items() if tuple(k for k in known if isinstance(k, str)) == path[:length]]
        if found:
            return min(found)
    return None


def _joined_inline_table(text: str, number: int) -> Correction | None:
    """Writes an inline table that starts on this line and continues below on one line."""
    lines = text.split("\n")
    depth = 0
    parts: list[str] = []
    for index in range(number - 1, min(len(lines), number + 199)):
        bare = STRING.sub("", lines[index])
        if "#" in bare:
            return None  # a comment has no place in it
        depth += len(re.findall(r"[\[{]", bare)) - len(re.findall(r"[\]}]", bare))
        part = lines[index].strip()
        if parts and parts[-1][-1:] not in ("{", "[", ",", "") and part[:1] not in ("}", "]", ",", ""):
            parts[-1] += ","
        parts.append(part)
        if depth <= 0:
            joined = re.sub(r",\s*([}\]])", r" \1", re.sub(r"\{\s*", "{ ", " ".join(parts)))
            edit = TextEdit(line_start(lines, number), line_start(lines, index + 2) - 1, joined)
            return Correction("Write it on one line", (edit,))
    return None


_YAML_COLON = re.compile(r"\s*[\w.\"'-]+\s*:(\s|$)")


def other_format(text: str) -> str | None:
    """The format of a text that was not meant to be TOML; None if it was."""
    start = text.lstrip()[:200]
    if re.match(r"\{|\[\s*[{\"\d]|\[\s*\[\s*[\"\d{]", start) and not re.match(r"\[\[?\s*[\"\w. -]+\]\]?\s", start):
        return "JSON"
    if re.match(r"<(\?xml|!doctype|html)", start, re.IGNORECASE):
        return "XML or HTML"
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if lines and lines[0].strip() == "---":
        return "YAML"
    if len(lines) > 1 and all(_YAML_COLON.match(line) or re.match(r"\s*- ", line) for line in lines):
        return "YAML"
    return None


def _has_open_bracket(text: str) -> bool:
    """Whether a bracket, a brace or a multi-line string is open at the end of `text`."""
    if len(re.findall(r'"""|\'\'\'', text)) % 2:
        return True
    bare = "\n".join(STRING.sub("", line).partition("#")[0] for line in text.split("\n"))
    return bare.count("[") > bare.count("]") or bare.count("{") > bare.count("}")
