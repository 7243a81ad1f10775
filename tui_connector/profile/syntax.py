"""Explains invalid TOML: where the mistake is, and what was probably meant.

`tomllib` stops at the first mistake and says what it expected there. Each common mistake has a rule with a hint below.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from typing import NamedTuple

from .positions import KeyPath, TextPosition, layout, position_finder


class Mistake(NamedTuple):
    """A mistake in a TOML text; `hint` is None if the cause is unclear."""

    position: TextPosition
    message: str
    hint: str | None


def explain_error(text: str, error: tomllib.TOMLDecodeError) -> Mistake:
    """The mistake at which `tomllib` stopped."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
    position = TextPosition(int(found[1]), int(found[2])) if found else None
    message = re.sub(r" \(at .*\)$", "", str(error))
    hint: str | None
    if other := _other_format(text):
        hint = f"This looks like {other}. A profile is TOML: [tables], and key = value, one per line."
        return Mistake(position or _end(text), message, hint)
    if duplicate := _duplicate(text, position, message):
        return duplicate
    if position is None:
        last = _line(text, text.rstrip().count("\n") + 1)
        hint = _hint(last) if _has_open_quote(last) or not _has_open_bracket(text) else None
        return Mistake(_end(text), message, hint or "Something opened with [, { or a quote is not closed.")
    line = _line(text, position.line)
    invalid = _invalid_character(line)
    if invalid is not None:
        column, character, hint = invalid
        return Mistake(TextPosition(position.line, column), f"Invalid character {character}", hint)
    return Mistake(position, message, _hint(line))


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
        return _duplicate_at(number, before, _line(text, number))
    return None


def _duplicate_at(number: int, before: str, line: str) -> Mistake | None:
    """The duplicate on a line; `before` is the valid text above it."""
    here = TextPosition(number, len(line) - len(line.lstrip()) + 1)
    header = re.match(r"\s*(\[\[?)([^\]]+)\]", line)
    if header is not None:
        return _duplicate_table(here, before, is_list=header[1] == "[[", keys=_keys(header[2]))
    known = layout(before)
    key = re.match(r"\s*([^=#\[\]{}]+?)\s*=", line)
    if key is None:
        return None
    table = next((each.path for each in reversed(known.statements) if each.is_header), ())
    path = (*table, *_keys(key[1]))
    first = known.offsets.get(path, _first_offset(known.offsets, path))
    if first is None:
        return Mistake(here, "Duplicate key", None)
    where = position_finder(before)(first).line
    return Mistake(here, f"The key {key[1]} is already defined on line {where}", "Keep one of the two lines.")


def _duplicate_table(here: TextPosition, before: str, *, is_list: bool, keys: list[str]) -> Mistake | None:
    name = ".".join(keys)
    first = _first_offset(layout(before).offsets, tuple(keys))
    if first is None:
        return None
    where = position_finder(before)(first).line
    first_line = _line(before, where).lstrip()
    if is_list and not first_line.startswith("[["):
        message = f"[[{name}]] adds to a list, but {name} is a single table or a value since line {where}"
        return Mistake(here, message, f"Write [[{name}]] on line {where}, too, or [{name}] once.")
    if not is_list and first_line.startswith("[["):
        message = f"[{name}] is a list since line {where}"
        return Mistake(here, message, f"Write [[{name}]] to add another element to it.")
    if not first_line.startswith("["):
        message = f"{name} already has a value on line {where}"
        return Mistake(here, message, f"Write all of it there, or all of it below [{name}].")
    message = f"The table [{name}] is declared twice, first on line {where}"
    return Mistake(here, message, f"Move these keys below line {where}, and remove this header.")


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
    **dict.fromkeys("“”„‟«»″＂❝❞", 'Write a straight double quote: "'),
    **dict.fromkeys("‘’‚‛′`´＇❛❜", "Write a straight single quote: '"),
    **dict.fromkeys("＝﹦", "Write an ordinary equals sign: ="),
    **dict.fromkeys("‐‑‒–—−－", "Write an ordinary hyphen: -"),
    **dict.fromkeys("，、‚", "Write an ordinary comma: ,"),
    **dict.fromkeys("．。․", "Write an ordinary full stop: ."),
    **dict.fromkeys("［【", "Write an ordinary bracket: ["),
    **dict.fromkeys("］】", "Write an ordinary bracket: ]"),
    **dict.fromkeys("｛", "Write an ordinary brace: {"),
    **dict.fromkeys("｝", "Write an ordinary brace: }"),
    **dict.fromkeys("＃", "Write an ordinary number sign: #"),
}


def _invalid_character(line: str) -> tuple[int, str, str] | None:
    """The column, name and hint of a character that TOML allows in quotes and comments only."""
    bare = _STRING.sub(lambda match: " " * len(match.group()), line).partition("#")[0]
    key_ends = bare.find("=")
    for column, character in enumerate(bare, 1):
        if not character.isascii() and character.isalnum() and column <= key_ends:
            name = unicodedata.name(character, "").lower()
            hint = "Put a key with other letters than A–Z in quotes."
            return column, f"U+{ord(character):04X} ({name}) in a key", hint
        if character in _LOOK_ALIKES or (not character.isascii() and not character.isalnum()):
            name = unicodedata.name(character, "").lower() or "no name"
            if character in _LOOK_ALIKES:
                hint = _LOOK_ALIKES[character]
            elif character.isspace() or unicodedata.category(character) in ("Cf", "Zl", "Zp"):
                hint = "Delete it: it is invisible, or looks like a space. Then type an ordinary space if one is needed"
            else:
                hint = "Delete it, or put the text in double quotes"
            return column, f"U+{ord(character):04X} ({name})", f"{hint}."
        if character == "\r" and column < len(bare):
            return column, "U+000D (carriage return)", "End lines with a line feed; your editor calls it LF or Unix."
        if ord(character) < 32 and character not in "\t\r":
            return column, f"U+{ord(character):04X} (control character)", "Delete it."
    return None


_STRING = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'')
_WORD = re.compile(r"=\s*(yes|no|on|off|true|false)\b", re.IGNORECASE)
_COLON = re.compile(r"\s*[\w.\"'-]+\s*:(\s|$|=)")
_YAML_COLON = re.compile(r"\s*[\w.\"'-]+\s*:(\s|$)")
_UNIT = re.compile(r"=\s*(\d+(?:\.\d+)?\s*[A-Za-z%]+)\s*$")
_BARE_TEXT = re.compile(r"=\s*[A-Za-z_/$~.@*][^\"'\[{]*$")

_RULES: list[tuple[str, str]] = [
    # the likelier cause first: the first match is shown
    (r"\s*(//|;|--|/\*)", "Comments start with #."),
    (r"\s*\[+\s*\]", "The name of the table is missing between the brackets."),
    (r"\s*\[\[[^\]]+\](?!\])", "A list of tables has two brackets on either side: [[name]]."),
    (r"\s*\[(?!\[)[^\]]+\]\]", "A table has one bracket on either side: [name]. For a list write [[name]]."),
    (r"\s*\[[^\]=]*$", "The closing bracket of the table is missing."),
    (r"\s*\[[^\]]*(\.\s*\]|\[\s*\.|\.\.)", "A part of the table's name is missing next to a dot."),
    (
        r"\s*\[\[?\s*[\w-]+\s+[\w-]+",
        'Join the parts of a name with dots, or put a name with spaces in quotes: ["a b"].',
    ),
    (r"\s*\[[^\]]+\]+\s*[:=]", "Write nothing after a table's name; its keys go on the lines below."),
    (r"\s*=", "The key is missing before the equals sign."),
    (r"\s*[\w.\"'-]+\s*(==|=>|:=)", "Write a single = between a key and its value."),
    (r"[^\"'#]*=\s*(None|null|nil|undefined|NULL)\b", "TOML has no null: omit the key."),
    (
        r"[^\"'#]*=\s*0\d+\s*$",
        'A number has no leading zeros. If it is text, such as a SKU, write it in quotes: "0012".',
    ),
    (r"[^\"'#]*=\s*\d+,\d+\s*$", "A decimal point is a full stop: 1.5."),
    (r"[^\"'#]*=\s*(#.*)?$", "The value is missing after the equals sign."),
    (r".*,\s*\}", "An inline table { … } has no comma after its last entry."),
    (r".*=\s*\{[^}]*$", "An inline table { … } must be on one line, without a comma after its last entry."),
    (r".*\{[^}]*=[^,}]*\S\s+[\w.-]+\s*=", "Commas separate the entries of an inline table: { a = 1, b = 2 }."),
    (r".*=\s*\[[^\]]*[\w\"']\s+[\w\"'][^\]]*\]", 'Commas separate the elements of a list: ["a", "b"].'),
    (r".*[\"'\d\]}el]\s*[;,]\s*(#.*)?$", "Remove the comma or semicolon at the end of the line."),
    (r".*[\"'\d\]}el]\s*//", "Comments start with #."),
    (r"[^=#\[]+=\s*[^\s#]+\s+[\w.-]+\s*=", "Write each key = value on its own line."),
]
_COMPILED = [(re.compile(pattern), hint) for pattern, hint in _RULES]


def _hint(line: str) -> str | None:
    """What was probably meant on this line."""
    if word := _WORD.search(line):
        meant = "true" if word[1].lower() in ("yes", "on", "true") else "false"
        if word[1] not in ("true", "false"):
            return f"Write {meant}, in lower case and without quotes."
    if _COLON.match(line):
        return "Write = between a key and its value, not a colon."
    if _has_open_quote(line):
        return "A closing quote is missing on this line."
    if re.search(r'"[^"]*\\', line):
        return "In double quotes a backslash starts an escape: use 'single quotes', or write it twice (\\\\)."
    blanked = _STRING.sub(lambda match: '"' + "x" * (len(match.group()) - 2) + '"', line)
    for pattern, hint in _COMPILED:
        if pattern.match(blanked):
            return hint
    if unit := _UNIT.search(line):
        return f'A value with a unit is text: write "{unit[1]}".'
    if _BARE_TEXT.search(line):
        return "Put text in double quotes."
    key = re.match(r"\s*([\w.\"'-]+)\s+(\S.*)$", line)
    if key is not None and "=" not in line:
        return f"Write = between a key and its value: {key[1]} = …"
    if key is not None and re.match(r"[\w.-]+\s*=", key[2]):
        return 'Put a key with a space in it in quotes: "a b" = …'
    if re.fullmatch(r"\s*[\w.\"'-]+\s*", line):
        return "A key needs a value: key = value."
    return None


def _other_format(text: str) -> str | None:
    """The format of a text that was not meant to be TOML."""
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
