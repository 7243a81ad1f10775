"""Explains invalid TOML: where the mistake is, what was probably meant, and how the text is corrected.

`tomllib` stops at the first mistake and says what it expected there. Each common mistake has a rule below, with a code,
a hint and, where it is clear what was meant, the corrected line.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from .correction import Correction, TextEdit, replace_line
from .positions import KeyPath, TextPosition, layout, position_finder

SYNTAX = "toml-syntax"
"""The code of a mistake whose cause is unclear."""


class Mistake(NamedTuple):
    """A mistake in a TOML text; `hint` is None if the cause is unclear, `fix` if several things may have been meant."""

    position: TextPosition
    message: str
    hint: str | None
    code: str = SYNTAX
    fix: Correction | None = None


class _Cause(NamedTuple):
    """What is wrong with a line, and the line as it was probably meant."""

    code: str
    hint: str
    line: str | None = None


def explain_error(text: str, error: tomllib.TOMLDecodeError) -> Mistake:
    """The mistake at which `tomllib` stopped."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
    position = TextPosition(int(found[1]), int(found[2])) if found else None
    message = re.sub(r" \(at .*\)$", "", str(error))
    if other := other_format(text):
        hint = f"This looks like {other}. A profile is TOML: [tables], and key = value, one per line."
        return Mistake(position or _end(text), message, hint, "other-format")
    if duplicate := _duplicate(text, position, message):
        return duplicate
    if position is None:
        return _at_the_end(text, message)
    if (opened := _opened_above(text, position.line)) is not None:
        return opened
    line = _line(text, position.line)
    if (invalid := _invalid_character(line)) is not None:
        column, character, why = invalid
        place = TextPosition(position.line, column)
        return Mistake(place, f"Invalid character {character}", why.hint, *_correction(text, position.line, why))
    cause = _cause(line)
    if cause is None:
        return Mistake(position, message, None)
    code, fix = _correction(text, position.line, cause)
    if code == "inline-table-lines":
        fix = _joined_inline_table(text, position.line) or _closed_line(text, position.line)
    return Mistake(position, message, cause.hint, code, fix)


def _correction(text: str, number: int, cause: _Cause) -> tuple[str, Correction | None]:
    if cause.line is None or cause.line == _line(text, number):
        return cause.code, None
    return cause.code, replace_line(text, number, cause.line, _TITLES.get(cause.code, cause.hint.rstrip(".")))


_TITLES = {
    "backslash": "Use single quotes",
    "boolean": "Write it in lower case",
    "carriage-return": "Start a new line there",
    "colon": "Write = instead of the colon",
    "comma-missing": "Add the comma",
    "comment-mark": "Write # instead",
    "control-character": "Delete the character",
    "decimal-comma": "Write a decimal point",
    "end-of-line": "Remove the end of the line",
    "equals-sign": "Write a single =",
    "inline-table-comma": "Remove the comma",
    "invisible-character": "Remove what is invisible",
    "key-not-quoted": "Put the key in quotes",
    "leading-zeros": "Put the number in quotes",
    "look-alike": "Write the ordinary character",
    "not-quoted": "Put the text in quotes",
    "null": "Make this line a comment",
    "one-line-each": "Start a new line",
    "quote-missing": "Add the closing quote",
    "table-header": "Correct the brackets",
}
"""What a correction does, by the code of its mistake."""


def _at_the_end(text: str, message: str) -> Mistake:
    """The mistake in a text that ends too early: its last line, or something opened above and not closed."""
    number = text.rstrip().count("\n") + 1
    last = _line(text, number)
    cause = _cause(last) if _has_open_quote(last) or not _has_open_bracket(text) else None
    if cause is not None:
        return Mistake(_end(text), message, cause.hint, *_correction(text, number, cause))
    lines = text.split("\n")
    opened = next((n for n in range(number, 0, -1) if _OPENS.match(lines[n - 1])), number)
    place = TextPosition(opened, len(lines[opened - 1].rstrip()) + 1)
    hint = "What is opened with [, { or a quote on this line is not closed."
    return Mistake(place, message, hint, "not-closed", _closed(text))


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
                moved = fix.moved(sum(len(line) + 1 for line in lines[: start - 1])) if fix else None
                column = len(lines[start - 1].rstrip()) + 1
                hint = "What is opened with [ or { on this line is not closed."
                return Mistake(TextPosition(start, column), "Unclosed bracket", hint, "not-closed", moved)
        return None
    return None


def _closed(text: str) -> Correction | None:
    """Closes the brackets that are open at the end of a text, at the end of its last line."""
    if len(re.findall(r'"""|\'\'\'', text)) % 2:
        return None
    open_brackets: list[str] = []
    for line in text.split("\n"):
        for character in _STRING.sub("", line).partition("#")[0]:
            if character in "[{":
                open_brackets.append({"[": "]", "{": "}"}[character])
            elif character in "]}" and open_brackets:
                open_brackets.pop()
    end = len(text.rstrip())
    closing = "".join(reversed(open_brackets)).replace("}", " }")
    without_comma = re.search(r",\s*$", text[:end])
    start = without_comma.start() if without_comma and "}" in closing else end
    comment = _STRING.sub("", text[text.rfind("\n", 0, end) + 1 : end])
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
            tomllib.loads(before)
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
    return Mistake(here, message, "Keep one of the two lines.", "duplicate-key", fix)


def _duplicate_table(here: TextPosition, before: str, text: str, *, is_list: bool, keys: list[str]) -> Mistake | None:
    name, code = ".".join(keys), "duplicate-table"
    first = _first_offset(layout(before).offsets, tuple(keys))
    if first is None:
        return None
    where = position_finder(before)(first).line
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
        return Mistake(here, message, f"{hint}", code, fix)
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


_HEADER_LINE = re.compile(r"\s*\[")


def _merged_table(text: str, first: int, second: int) -> Correction | None:
    """Moves the keys of the second table of a name below those of the first (lines from 1)."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def end_of(table: int) -> int:
        return next((n for n in range(table, len(lines)) if _HEADER_LINE.match(lines[n])), len(lines))

    end = end_of(second)
    body = [line for line in lines[second:end] if line.strip()]
    target = end_of(first)
    while target > first and not lines[target - 1].strip():
        target -= 1
    cut_to = min(starts[end], len(text))
    moved = "".join(f"{line}\n" for line in body)
    return Correction(
        "Move its keys to the first table of this name",
        (TextEdit(starts[target], starts[target], moved), TextEdit(starts[second - 1], cut_to, "")),
    )


def _keys(dotted: str) -> list[str]:
    """The parts of a dotted key."""
    try:
        data = tomllib.loads(f"{dotted} = 0")
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


_LOOK_ALIKES = {
    **dict.fromkeys("“”„‟«»″＂❝❞", ('"', "double quote")),
    **dict.fromkeys("‘’‚‛′`´＇❛❜", ("'", "single quote")),
    **dict.fromkeys("＝﹦", ("=", "equals sign")),
    **dict.fromkeys("‐‑‒–—−－", ("-", "hyphen")),
    **dict.fromkeys("，、", (",", "comma")),
    **dict.fromkeys("．。․", (".", "full stop")),
    **dict.fromkeys("［【", ("[", "bracket")),
    **dict.fromkeys("］】", ("]", "bracket")),
    **dict.fromkeys("｛", ("{", "brace")),
    **dict.fromkeys("｝", ("}", "brace")),
    **dict.fromkeys("＃", ("#", "number sign")),
}
"""The character that was meant, and its name."""


def _invalid_character(line: str) -> tuple[int, str, _Cause] | None:
    """The column and name of a character that TOML allows in quotes and comments only, and its cause."""
    bare = _STRING.sub(lambda match: " " * len(match.group()), line).partition("#")[0]
    key_ends = bare.find("=")
    for column, character in enumerate(bare, 1):
        name = unicodedata.name(character, "").lower() or "no name"
        called = f"U+{ord(character):04X} ({name})"
        if not character.isascii() and character.isalnum() and column <= key_ends:
            key = line[:key_ends].strip()
            quoted = f'"{key}"' if key.isprintable() and not set(key) & set("\"'.\\") else None
            meant = line.replace(key, quoted, 1) if quoted else None
            hint = "Put a key with other letters than A–Z in quotes."
            return column, f"{called} in a key", _Cause("key-not-quoted", hint, meant)
        if character in _LOOK_ALIKES:
            meant, name = _LOOK_ALIKES[character]
            kind = "a straight" if "quote" in name else "an ordinary"
            hint = f"Write {kind} {name}: {meant}."
            return column, called, _Cause("look-alike", hint, _without_look_alikes(line, bare))
        if not character.isascii() and not character.isalnum():
            if character.isspace() or unicodedata.category(character) in ("Cf", "Zl", "Zp"):
                hint = (
                    "Delete it: it is invisible, or looks like a space. Then type an ordinary space if one is needed."
                )
                return column, called, _Cause("invisible-character", hint, _without_invisible(line, bare))
            return column, called, _Cause("look-alike", "Delete it, or put the text in double quotes.")
        if character == "\r" and column < len(bare):
            hint = "End lines with a line feed; your editor calls it LF or Unix."
            return column, "U+000D (carriage return)", _Cause("carriage-return", hint, line.replace("\r", "\n"))
        if ord(character) < 32 and character not in "\t\r":
            cause = _Cause("control-character", "Delete it.", line[: column - 1] + line[column:])
            return column, f"U+{ord(character):04X} (control character)", cause
    return None


def _without_look_alikes(line: str, bare: str) -> str:
    """The line with ordinary characters instead of those that look like them, outside quotes and comments."""
    known = {character: meant for character, (meant, _) in _LOOK_ALIKES.items()}
    return (
        "".join(known.get(one, one) if one == blank else one for one, blank in zip(line, bare, strict=False))
        + (line[len(bare) :])
    )


def _without_invisible(line: str, bare: str) -> str:
    """The line with ordinary spaces instead of others, and no invisible ones, outside quotes and comments."""

    def visible(character: str) -> str:
        if character.isascii() or character.isalnum():
            return character
        if unicodedata.category(character) in ("Cf", "Zl", "Zp"):
            return ""
        return " " if character.isspace() else character

    return (
        "".join(map(visible, bare))
        if bare == line
        else "".join(visible(blank) if one == blank else one for one, blank in zip(line, bare, strict=False))
        + line[len(bare) :]
    )


_STRING = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'')
_WORD = re.compile(r"=\s*(yes|no|on|off|true|false)\b", re.IGNORECASE)
_COLON = re.compile(r"\s*[\w.\"'-]+\s*:(\s|$|=)")
_YAML_COLON = re.compile(r"\s*[\w.\"'-]+\s*:(\s|$)")
_UNIT = re.compile(r"=\s*(\d+(?:\.\d+)?\s*[A-Za-z%]+)\s*$")
_BARE_TEXT = re.compile(r"=\s*([A-Za-z_/$~.@*][^\"'\[{]*)$")
_LIST_NAMES = ("plugins", "steps")
"""The lists of tables of a profile."""

_Corrected = Callable[[str], str | None]
"""The corrected line, of a line that a rule matches; None where it is not clear what was meant."""


def _sub(pattern: str, by: str) -> _Corrected:
    """Replaces the first match outside quotes."""
    compiled = re.compile(pattern)

    def correct(line: str) -> str | None:
        match = compiled.search(_blanked(line))
        if match is None:
            return None
        groups = {f"\\{number}": line[slice(*match.span(number))] for number in range(1, compiled.groups + 1)}
        new = re.sub(r"\\\d", lambda name: groups[name.group()], by)
        return line[: match.start()] + new + line[match.end() :]

    return correct


def _header(line: str) -> str | None:
    """The header of a table with its name joined by dots, and as many brackets on both sides."""
    match = re.match(r"(\s*)(\[+)([^\]#]*)(\]*)\s*(?:[:=]\s*)?(#.*)?$", line)
    if match is None:
        return None
    parts = re.findall(r"\"[^\"]*\"|'[^']*'|[\w-]+", match[3])
    if not parts:
        return None
    is_list = len(match[2]) > 1 or (len(match[4]) > 1 and parts[-1] in _LIST_NAMES)
    name = ".".join(parts)
    return f"{match[1]}{f'[[{name}]]' if is_list else f'[{name}]'}{f'  {match[5]}' if match[5] else ''}"


def _each_on_its_own_line(line: str) -> str | None:
    second = re.search(r"=\s*[^\s#]+(\s+)[\w.-]+\s*=", _blanked(line))
    return f"{line[: second.start(1)]}\n{line[second.end(1) :]}" if second else None


def _with_commas(line: str) -> str:
    """A comma between two entries of an inline table or a list."""
    blanked = _blanked(line)
    entry = re.compile(r"([\w\"'\]}])(\s+)(?=[\w\"'.-]+\s*=)" if "{" in blanked else r"([\w\"'\]}])(\s+)(?=[\w\"'\[{])")
    start = max(blanked.find("{" if "{" in blanked else "["), 0)
    out, last = "", 0
    for match in entry.finditer(blanked, start):
        out += f"{line[last : match.end(1)]},"
        last = match.end(1)
    return out + line[last:]


_RULES: list[tuple[str, str, str, _Corrected | None]] = [
    # the likelier cause first: the first match is shown
    (r"\s*(//|;|--|/\*)", "comment-mark", "Comments start with #.", _sub(r"(?://|;|--|/\*)", "#")),
    (r"\s*\[+\s*\]", "table-header", "The name of the table is missing between the brackets.", None),
    (
        r"\s*\[\[[^\]]+\](?!\])",
        "table-header",
        "A list of tables has two brackets on either side: [[name]].",
        _header,
    ),
    (
        r"\s*\[(?!\[)[^\]]+\]\]",
        "table-header",
        "A table has one bracket on either side: [name]. For a list write [[name]].",
        _header,
    ),
    (r"\s*\[[^\]=]*$", "table-header", "The closing bracket of the table is missing.", _header),
    (
        r"\s*\[[^\]]*(\.\s*\]|\[\s*\.|\.\.)",
        "table-header",
        "A part of the table's name is missing next to a dot.",
        _header,
    ),
    (
        r"\s*\[\[?\s*[\w-]+\s+[\w-]+",
        "table-header",
        'Join the parts of a name with dots, or put a name with spaces in quotes: ["a b"].',
        _header,
    ),
    (
        r"\s*\[[^\]]+\]+\s*[:=]",
        "table-header",
        "Write nothing after a table's name; its keys go on the lines below.",
        _header,
    ),
    (r"\s*=", "key-missing", "The key is missing before the equals sign.", None),
    (
        r"\s*[\w.\"'-]+\s*(==|=>|:=)",
        "equals-sign",
        "Write a single = between a key and its value.",
        _sub(r"(?:==|=>|:=)", "="),
    ),
    (
        r"[^\"'#]*=\s*(None|null|nil|undefined|NULL)\b",
        "null",
        "TOML has no null: omit the key.",
        lambda line: f"# {line.lstrip()}",
    ),
    (
        r"[^\"'#]*=\s*0\d+\s*$",
        "leading-zeros",
        'A number has no leading zeros. If it is text, such as a SKU, write it in quotes: "0012".',
        _sub(r"=\s*(0\d+)", '= "\\1"'),
    ),
    (
        r"[^\"'#]*=\s*\d+,\d+\s*$",
        "decimal-comma",
        "A decimal point is a full stop: 1.5.",
        _sub(r"=\s*(\d+),(\d+)", "= \\1.\\2"),
    ),
    (r"[^\"'#]*=\s*(#.*)?$", "value-missing", "The value is missing after the equals sign.", None),
    (r".*[{,]\s*[\w.-]+\s*=\s*[,}]", "value-missing", "The value is missing after the equals sign.", None),
    (
        r".*,\s*\}",
        "inline-table-comma",
        "An inline table { … } has no comma after its last entry.",
        _sub(r",\s*\}", " }"),
    ),
    (
        r".*=\s*\{[^}]*$",
        "inline-table-lines",
        "An inline table { … } must be on one line, without a comma after its last entry.",
        None,
    ),
    (
        r".*\{[^}]*=[^,}]*\S\s+[\w.-]+\s*=",
        "comma-missing",
        "Commas separate the entries of an inline table: { a = 1, b = 2 }.",
        _with_commas,
    ),
    (
        r".*=\s*\[[^\]]*[\w\"']\s+[\w\"'][^\]]*\]",
        "comma-missing",
        'Commas separate the elements of a list: ["a", "b"].',
        _with_commas,
    ),
    (
        r".*[\"'\d\]}el]\s*[;,]\s*(#.*)?$",
        "end-of-line",
        "Remove the comma or semicolon at the end of the line.",
        _sub(r"\s*[;,](\s*(?:#.*)?)$", "\\1"),
    ),
    (r".*[\"'\d\]}el]\s*//", "comment-mark", "Comments start with #.", _sub(r"//", "#")),
    (
        r"[^=#\[]+=\s*[^\s#]+\s+[\w.-]+\s*=",
        "one-line-each",
        "Write each key = value on its own line.",
        _each_on_its_own_line,
    ),
]
_COMPILED = [(re.compile(pattern), code, hint, corrected) for pattern, code, hint, corrected in _RULES]
_JSON_KEY = re.compile(r"""(["'][^"']*["'])\s*:\s*""")


def _cause(line: str) -> _Cause | None:
    """What was probably meant on this line."""
    if word := _WORD.search(line):
        meant = "true" if word[1].lower() in ("yes", "on", "true") else "false"
        if word[1] not in ("true", "false"):
            start, end = word.span(1)
            hint = f"Write {meant}, in lower case and without quotes."
            return _Cause("boolean", hint, line[:start] + meant + line[end:])
    if _COLON.match(line):
        return _Cause("colon", "Write = between a key and its value, not a colon.", _without_colon(line))
    if _has_open_quote(line):
        return _Cause("quote-missing", "A closing quote is missing on this line.", _with_quote(line))
    if re.search(r'"[^"]*\\', line):
        hint = "In double quotes a backslash starts an escape: use 'single quotes', or write it twice (\\\\)."
        return _Cause("backslash", hint, _without_escapes(line))
    if re.search(r"=\s*[\[{].*[\"']\s*:", line):
        meant = _JSON_KEY.sub(r"\1 = ", line)
        return _Cause("colon", "Write = between a key and its value, not a colon.", meant)
    blanked = _blanked(line)
    for pattern, code, hint, corrected in _COMPILED:
        if pattern.match(blanked):
            return _Cause(code, hint, corrected(line) if corrected else None)
    if unit := _UNIT.search(line):
        start, end = unit.span(1)
        hint = f'A value with a unit is text: write "{unit[1]}".'
        return _Cause("not-quoted", hint, f'{line[:start]}"{unit[1].strip()}"{line[end:]}')
    if bare := _BARE_TEXT.search(line):
        return _Cause("not-quoted", "Put text in double quotes.", _quoted(line, bare.start(1)))
    key = re.match(r"\s*([\w.\"'-]+)\s+(\S.*)$", line)
    if key is not None and "=" not in line:
        with_sign = _quoted(f"{line[: key.end(1)]} = {key[2]}", key.end(1) + 3)
        return _Cause("equals-sign", f"Write = between a key and its value: {key[1]} = …", with_sign)
    if key is not None and re.match(r"[\w.-]+\s*=", key[2]):
        name = line.partition("=")[0].strip()
        meant = f'"{name}" ={line.partition("=")[2]}'
        return _Cause("key-not-quoted", 'Put a key with a space in it in quotes: "a b" = …', meant)
    if re.fullmatch(r"\s*[\w.\"'-]+\s*", line):
        return _Cause("value-missing", "A key needs a value: key = value.")
    return None


def _blanked(line: str) -> str:
    """The line with an x for each character in quotes."""
    return _STRING.sub(lambda match: '"' + "x" * (len(match.group()) - 2) + '"', line)


def _quoted(line: str, start: int) -> str | None:
    """The line with the text from `start` on in quotes, unless it is a value already."""
    text, mark, comment = line[start:].partition(" #")
    value = text.strip().rstrip(",;").rstrip()
    if not value or value[0] in "\"'[{" or re.fullmatch(r"[+-]?[\d.]+|true|false", value):
        return line
    quote = "'" if '"' in value or "\\" in value else '"'
    return None if quote in value else f"{line[:start]}{quote}{value}{quote}{f'  #{comment}' if mark else ''}"


def _without_colon(line: str) -> str | None:
    match = re.match(r"(\s*[\w.\"'-]+)\s*:\s*=?\s*", line)
    if match is None or match.end() == len(line):
        return None
    start = f"{match[1]} = "
    return _quoted(start + line[match.end() :].rstrip(","), len(start))


def _with_quote(line: str) -> str | None:
    """The line with a quote at its end, or before the bracket that follows the text."""
    rest = re.sub(r'"""|\'\'\'', "", _STRING.sub("", line)).partition("#")[0]
    opened = re.search(r"[\"']", rest)
    if opened is None:
        return None
    text = line.rstrip()
    closing = re.search(r"\s*[\]}]+$", text) if re.search(r"=\s*[\[{]", line) else None
    end = closing.start() if closing else len(text)
    while end and text[end - 1] in ",;":
        end -= 1
    return text[:end] + opened.group() + text[end:]


def _without_escapes(line: str) -> str | None:
    """Text with backslashes in single quotes, or with two of each where it has single quotes itself."""

    def literal(match: re.Match[str]) -> str:
        text = match.group()[1:-1]
        if match.group()[0] != '"' or "\\" not in text:
            return match.group()
        return f"'{text}'" if "'" not in text and '\\"' not in text else '"' + re.sub(r"\\(?!\")", r"\\\\", text) + '"'

    return _STRING.sub(literal, line)


def _closed_line(text: str, number: int) -> Correction | None:
    """Closes what is open at the end of this line, if another statement follows."""
    lines = text.split("\n")
    if number >= len(lines) or not _NEW_STATEMENT.match(lines[number]) or lines[number].rstrip().endswith(","):
        return None
    fix = _closed(lines[number - 1])
    return fix.moved(sum(len(line) + 1 for line in lines[: number - 1])) if fix else None


def _joined_inline_table(text: str, number: int) -> Correction | None:
    """Writes an inline table that starts on this line, and goes on below it, on one line."""
    lines = text.split("\n")
    depth, parts = 0, []
    for index in range(number - 1, min(len(lines), number + 199)):
        bare = _STRING.sub("", lines[index])
        if "#" in bare:
            return None  # a comment has no place in it
        depth += len(re.findall(r"[\[{]", bare)) - len(re.findall(r"[\]}]", bare))
        parts.append(lines[index].strip())
        if depth <= 0:
            joined = re.sub(r",\s*([}\]])", r" \1", re.sub(r"\{\s*", "{ ", " ".join(parts)))
            start = sum(len(line) + 1 for line in lines[: number - 1])
            end = start + sum(len(line) + 1 for line in lines[number - 1 : index + 1]) - 1
            return Correction("Write it on one line", (TextEdit(start, end, joined),))
    return None


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
    bare = "\n".join(_STRING.sub("", line).partition("#")[0] for line in text.split("\n"))
    return bare.count("[") > bare.count("]") or bare.count("{") > bare.count("}")


def _has_open_quote(line: str) -> bool:
    """Whether a quote that opens on `line` is not closed there."""
    rest = re.sub(r'"""|\'\'\'', "", line)
    rest = _STRING.sub("", rest)
    return bool(re.search(r"[\"']", rest.partition("#")[0]))
