"""What was probably meant on a line that is not valid TOML: the common mistakes, each with its corrected line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

STRING = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'')
"""Text in quotes on one line."""


class Cause(NamedTuple):
    """What is wrong with a line, and the line as it was probably meant."""

    code: str
    hint: str
    line: str | None = None


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


def invalid_character(line: str) -> tuple[int, str, Cause] | None:
    """The column and name of a character that TOML allows in quotes and comments only, and its cause."""
    bare = STRING.sub(lambda match: " " * len(match.group()), line).partition("#")[0]
    opened = re.search(r"[\"']", bare)
    if opened is not None and not _ends_like_a_quote(bare[opened.end() :]):
        bare = bare[: opened.start()]  # what follows is text: its closing quote is missing
    key_ends = bare.find("=")
    for column, character in enumerate(bare, 1):
        name = unicodedata.name(character, "").lower() or "no name"
        called = f"U+{ord(character):04X} ({name})"
        if not character.isascii() and character.isalnum() and column <= key_ends:
            key = line[:key_ends].strip()
            quoted = f'"{key}"' if key.isprintable() and not set(key) & set("\"'.\\") else None
            meant = line.replace(key, quoted, 1) if quoted else None
            hint = "Put a key with other letters than A–Z in quotes."
            return column, f"{called} in a key", Cause("key-not-quoted", hint, meant)
        if character in _LOOK_ALIKES:
            meant, name = _LOOK_ALIKES[character]
            kind = "a straight" if "quote" in name else "an ordinary"
            hint = f"Write {kind} {name}: {meant}."
            return column, called, Cause("look-alike", hint, _without_look_alikes(line, bare))
        if not character.isascii() and not character.isalnum():
            if character.isspace() or unicodedata.category(character) in ("Cf", "Zl", "Zp"):
                hint = (
                    "Delete it: it is invisible, or looks like a space. Then type an ordinary space if one is needed."
                )
                return column, called, Cause("invisible-character", hint, _without_invisible(line, bare))
            return column, called, Cause("look-alike", "Delete it, or put the text in double quotes.")
        if character == "\r" and column < len(bare):
            hint = "End lines with a line feed; your editor calls it LF or Unix."
            return column, "U+000D (carriage return)", Cause("carriage-return", hint, line.replace("\r", "\n"))
        if ord(character) < 32 and character not in "\t\r":
            cause = Cause("control-character", "Delete it.", line[: column - 1] + line[column:])
            return column, f"U+{ord(character):04X} (control character)", cause
    return None


def _ends_like_a_quote(text: str) -> bool:
    """Whether a text ends with a character that looks like a quote and has no counterpart in it."""
    end = text.rstrip()[-1:]
    meant = _LOOK_ALIKES.get(end, ("", ""))[0]
    alike = sum(_LOOK_ALIKES.get(each, ("",))[0] == meant for each in text)
    return meant in ("'", '"') and alike % 2 == 1


_OPERATOR = r"(?:[=!<>]=|[<>]|&&|\|\|)"
_EXPRESSION = re.compile(
    r"\s*[\w.-]+\s*=\s*(?!true\b|false\b|inf\b|nan\b)"
    rf"(?:(?:[A-Za-z_@*&(!]|\[[?*])[^#]*?(?:{_OPERATOR}|`|\[[?*\d]|\w\()|(?:{STRING.pattern})\s*{_OPERATOR})"
)
"""A key with a value that looks like JMESPath and has no quotes around all of it."""


def unquoted_expression(line: str) -> tuple[int, Cause] | None:
    """The column of a value that is an expression without quotes around it, and its cause; None for another line."""
    if _EXPRESSION.match(line) is None:
        return None
    start = line.index("=") + 1
    start += len(line[start:]) - len(line[start:].lstrip())
    text, mark, comment = line[start:].partition(" #")
    meant = f"{line[:start]}{_in_quotes(text.strip())}{f'  #{comment}' if mark else ''}"
    return start + 1, Cause("not-quoted", "Put the whole expression in quotes.", meant)


def _in_quotes(text: str) -> str:
    """A text as TOML writes it, with as few escapes as possible."""
    if "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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


_WORD = re.compile(r"=\s*(yes|no|on|off|true|false)\b", re.IGNORECASE)
_COLON = re.compile(r"\s*[\w.\"'-]+\s*:(\s|$|=)")
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


def cause_of(line: str) -> Cause | None:
    """What was probably meant on this line."""
    if word := _WORD.search(line):
        meant = "true" if word[1].lower() in ("yes", "on", "true") else "false"
        if word[1] not in ("true", "false"):
            start, end = word.span(1)
            hint = f"Write {meant}, in lower case and without quotes."
            return Cause("boolean", hint, line[:start] + meant + line[end:])
    if _COLON.match(line):
        return Cause("colon", "Write = between a key and its value, not a colon.", _without_colon(line))
    if has_open_quote(line):
        return Cause("quote-missing", "A closing quote is missing on this line.", _with_quote(line))
    if re.search(r'"[^"]*\\', line):
        hint = "In double quotes a backslash starts an escape: use 'single quotes', or write it twice (\\\\)."
        return Cause("backslash", hint, _without_escapes(line))
    if re.search(r"=\s*[\[{].*[\"']\s*:", line):
        meant = _JSON_KEY.sub(r"\1 = ", line)
        return Cause("colon", "Write = between a key and its value, not a colon.", meant)
    blanked = _blanked(line)
    for pattern, code, hint, corrected in _COMPILED:
        if pattern.match(blanked):
            return Cause(code, hint, corrected(line) if corrected else None)
    if unit := _UNIT.search(line):
        start, end = unit.span(1)
        hint = f'A value with a unit is text: write "{unit[1]}".'
        return Cause("not-quoted", hint, f'{line[:start]}"{unit[1].strip()}"{line[end:]}')
    if bare := _BARE_TEXT.search(line):
        return Cause("not-quoted", "Put text in double quotes.", _quoted(line, bare.start(1)))
    key = re.match(r"\s*([\w.\"'-]+)\s+(\S.*)$", line)
    if key is not None and "=" not in line:
        with_sign = _quoted(f"{line[: key.end(1)]} = {key[2]}", key.end(1) + 3)
        return Cause("equals-sign", f"Write = between a key and its value: {key[1]} = …", with_sign)
    if key is not None and re.match(r"[\w.-]+\s*=", key[2]):
        name = line.partition("=")[0].strip()
        meant = f'"{name}" ={line.partition("=")[2]}'
        return Cause("key-not-quoted", 'Put a key with a space in it in quotes: "a b" = …', meant)
    if re.fullmatch(r"\s*[\w.\"'-]+\s*", line):
        return Cause("value-missing", "A key needs a value: key = value.")
    return None


def _blanked(line: str) -> str:
    """The line with an x for each character in quotes."""
    return STRING.sub(lambda match: '"' + "x" * (len(match.group()) - 2) + '"', line)


def _quoted(line: str, start: int) -> str:
    """The line with the text from `start` on in quotes, unless it is a value already."""
    text, mark, comment = line[start:].partition(" #")
    value = text.strip().rstrip(",;").rstrip()
    if not value or value[0] in "\"'[{" or re.fullmatch(r"[+-]?[\d.]+|true|false", value):
        return line
    return f"{line[:start]}{_in_quotes(value)}{f'  #{comment}' if mark else ''}"


def _without_colon(line: str) -> str | None:
    match = re.match(r"(\s*[\w.\"'-]+)\s*:\s*=?\s*", line)
    if match is None or match.end() == len(line):
        return None
    start = f"{match[1]} = "
    return _quoted(start + line[match.end() :].rstrip(","), len(start))


def _with_quote(line: str) -> str | None:
    """The line with a quote at its end, or before the bracket that follows the text."""
    rest = re.sub(r'"""|\'\'\'', "", STRING.sub("", line)).partition("#")[0]
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

    return STRING.sub(literal, line)


def has_open_quote(line: str) -> bool:
    """Whether a quote that opens on `line` is not closed there."""
    rest = re.sub(r'"""|\'\'\'', "", line)
    rest = STRING.sub("", rest)
    return bool(re.search(r"[\"']", rest.partition("#")[0]))
