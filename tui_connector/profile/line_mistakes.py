"""What was probably meant on a line that is not valid TOML: headers, comments, and characters that look like others.

Mistakes in `key = value` are found by `statement_mistakes`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from .value_mistakes import in_quotes

STRING = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'')
"""Text in quotes on one line."""


class Cause(NamedTuple):
    """What is wrong with a line at a column, and the line as it was probably meant."""

    code: str
    message: str
    """The cause, in a few words."""
    hint: str
    """What to do about it; empty where the message says it."""
    line: str | None = None
    column: int = 1


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


def _invalid_character(line: str) -> Cause | None:
    """A character that TOML allows in quotes and comments only."""
    bare = STRING.sub(lambda match: " " * len(match.group()), line).partition("#")[0]
    opened = re.search(r"[\"']", bare)
    if opened is not None and not _ends_like_a_quote(bare[opened.end() :]):
        bare = bare[: opened.start()]  # what follows is text: its closing quote is missing
    key_ends = bare.find("=")
    for column, character in enumerate(bare, 1):
        name = unicodedata.name(character, "").lower() or "no name"
        called = f"Invalid character U+{ord(character):04X} ({name})"
        if not character.isascii() and character.isalnum() and column <= key_ends:
            key = line[:key_ends].strip()
            quoted = f'"{key}"' if key.isprintable() and not set(key) & set("\"'.\\") else None
            meant = line.replace(key, quoted, 1) if quoted else None
            hint = "Put a key with other letters than A–Z in quotes."
            return Cause("key-not-quoted", f"{called} in a key", hint, meant, column)
        if character in _LOOK_ALIKES:
            meant, name = _LOOK_ALIKES[character]
            kind = "a straight" if "quote" in name else "an ordinary"
            hint = f"Write {kind} {name}: {meant}"
            return Cause("look-alike", called, hint, _without_look_alikes(line, bare), column)
        if not character.isascii() and not character.isalnum():
            if character.isspace() or unicodedata.category(character) in ("Cf", "Zl", "Zp"):
                hint = (
                    "Delete it: it is invisible, or looks like a space. Then type an ordinary space if one is needed."
                )
                return Cause("invisible-character", called, hint, _without_invisible(line, bare), column)
            return Cause("look-alike", called, "Delete it, or put the text in double quotes.", None, column)
        if character == "\r" and column < len(bare):
            hint = "End lines with a line feed; your editor calls it LF or Unix."
            message = "Invalid character U+000D (carriage return)"
            return Cause("carriage-return", message, hint, line.replace("\r", "\n"), column)
        if ord(character) < 32 and character not in "\t\r":
            message = f"Invalid character U+{ord(character):04X} (control character)"
            without = line[: column - 1] + line[column:]
            return Cause("control-character", message, "Delete it.", without, column)
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


def _unquoted_expression(line: str) -> Cause | None:
    """A value that is an expression without quotes around it."""
    if _EXPRESSION.match(line) is None:
        return None
    start = line.index("=") + 1
    start += len(line[start:]) - len(line[start:].lstrip())
    text, mark, comment = line[start:].partition(" #")
    meant = f"{line[:start]}{in_quotes(text.strip())}{f'  #{comment}' if mark else ''}"
    return Cause("not-quoted", "Text without quotes", "Put the whole expression in quotes.", meant, start + 1)


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


_LIST_NAMES = ("plugins", "steps")
"""The lists of tables of a profile."""
_NAME = r"[A-Za-z][\w-]*(?:\.(?:[\w-]+|\"[^\"]*\"))*"


def _header(line: str) -> str | None:
    """The header of a table with its name joined by dots, and as many brackets on both sides."""
    match = re.match(r"(\s*)(\[+)([^\]#]*)(\]*)\s*(?:[:=,;.]\s*)?(#.*)?$", line)
    if match is None:
        return None
    parts = re.findall(r"\"[^\"]*\"|'[^']*'|[\w-]+(?:[ \t]+[\w-]+)*", match[3])
    if len(parts) == 1 and " " in parts[0].strip("\"'"):
        parts = parts[0].split()  # [clients m]
    if not parts:
        return None
    is_list = len(match[2]) > 1 or (len(match[4]) > 1 and parts[-1] in _LIST_NAMES)
    name = ".".join(f'"{part}"' if " " in part and part[0] not in "\"'" else part for part in parts)
    return f"{match[1]}{f'[[{name}]]' if is_list else f'[{name}]'}{f'  {match[5]}' if match[5] else ''}"


def _in_brackets(line: str) -> str | None:
    """The header of a table, of its name alone or in other brackets."""
    match = re.match(rf"(\s*)[(<{{]?({_NAME})[)>}}\]]*:?\s*(#.*)?$", line)
    return f"{match[1]}[{match[2]}]{f'  {match[3]}' if match[3] else ''}" if match else None


def _keys_below(line: str) -> str | None:
    match = re.match(r"(\s*(?:\[\[[^\]]+\]\]|\[[^\]]+\]))\s*[,;]?\s*([\w.-]+\s*=.*)$", line)
    return f"{match[1]}\n{match[2]}" if match else None


def _comment_after_header(line: str) -> str | None:
    match = re.match(r"\s*\[[^\]]+\]+", _blanked(line))
    if match is None:
        return None
    text = re.sub(r"\s*(?://|;|--)?\s*", "", line[match.end() :], count=1)
    return f"{line[: match.end()]}  # {text}"


_Corrected = Callable[[str], str | None]
"""The corrected line, of a line that a rule matches; None where it is not clear what was meant."""

_RULES: list[tuple[str, str, str, str, _Corrected | None]] = [
    # the likelier cause first: the first match is shown, at its group "at" where it has one
    (
        r"\s*(?:<{7}|>{7}|={7})(?:\s|$)",
        "conflict-marker",
        "A conflict marker of git",
        "Keep one of the two versions, and delete the markers.",
        None,
    ),
    (
        r"\s*(//|;|--|/\*)",
        "comment-mark",
        "Comments start with #",
        "",
        lambda line: re.sub(r"//|;|--|/\*", "#", line, count=1),
    ),
    (
        r"\s*[,.:\\|&!?+]+\s*(?:\[|$)",
        "stray-character",
        "A character where a line starts that TOML does not have there",
        "Remove it.",
        lambda line: re.sub(r"[,.:\\|&!?+]+\s*", "", line, count=1),
    ),
    (
        r"\s*[\]})]+\s*,?\s*(?:#.*)?$",
        "bracket",
        "A closing bracket that nothing opens",
        "Remove it, or look for what was closed above.",
        None,
    ),
    (
        r"\s*[-*]\s",
        "list-item",
        "A list item of another format",
        'In TOML, a list is in brackets: key = ["a", "b"]; each table of a list has a header: [[name]].',
        None,
    ),
    (
        r"\s*\[[^\]\"'=]*[\"'][^\"'=]*$",
        "quote-missing",
        "A quote in the table's name is not closed",
        "",
        lambda line: re.sub(r"([\"'])([^\"'\]]*?)(\s*\]+\s*)$", r"\1\2\1\3", line),
    ),
    (r"\s*\[+\s*\]", "table-header", "The name of the table is missing", "Write it between the brackets.", None),
    (
        r"\s*\[\[[^\]]+\](?!\])",
        "table-header",
        "One closing bracket instead of two",
        "A list of tables has two brackets on either side: [[name]].",
        _header,
    ),
    (
        r"\s*\[\[[^\]]+\]\](?P<at>\])",
        "table-header",
        "More than two closing brackets",
        "A list of tables has two brackets on either side: [[name]].",
        _header,
    ),
    (
        r"\s*\[(?!\[)[^\]]+\]\]",
        "table-header",
        "Two closing brackets instead of one",
        "A table has one bracket on either side: [name]. For a list write [[name]].",
        _header,
    ),
    (
        r"\s*\[+\s*[\w.-]+\s*=(?![^\[]*\]\s*$)",
        "table-header",
        "A bracket before the key",
        "Remove it, or close the table's name with ].",
        lambda line: re.sub(r"\[+\s*", "", line, count=1),
    ),
    (
        r"\s*\[(?:\[|(?!\[))[^\]\"']*?(?P<at>[^\w\-.\s\]\"'#])",
        "table-header",
        "An invalid character in the table's name",
        "It has letters, digits, _ and -, and dots between its parts.",
        lambda line: re.sub(r"(?<=[^\[])[,;:=\\\[{}](?=[^\]]*\])", "", line),
    ),
    (
        r"\s*\[[^\]=]*$",
        "table-header",
        "The closing bracket is missing",
        "A table's name is in brackets: [name].",
        _header,
    ),
    (
        r"\s*\[[^\]]*(\.\s*\]|\[\s*\.|\.\.)",
        "table-header",
        "A part of the table's name is missing next to a dot",
        "",
        _header,
    ),
    (
        r"\s*\[\[?\s*[\w-]+(?:\.[\w-]+)*\s+[\w-]+",
        "table-header",
        "A space in the table's name",
        'Join the parts of a name with dots, or put a name with spaces in quotes: ["a b"].',
        _header,
    ),
    (
        r"\s*\[[^\]]+\]+\s*[,;]?\s*(?P<at>[\w.-]+)\s*=",
        "one-line-each",
        "A key beside the table's name",
        "Its keys go on the lines below.",
        _keys_below,
    ),
    (
        r"\s*\[[^\]]+\]+\s*(?P<at>[,;.:=])\s*(?:#.*)?$",
        "stray-character",
        "A character after the table's name",
        "Remove it.",
        _header,
    ),
    (
        r"\s*\[[^\]]+\]+\s*(?P<at>[^\s#\]])",
        "after-header",
        "Text after the table's name",
        "Only a comment (#) may follow it; its keys go on the lines below.",
        _comment_after_header,
    ),
    (
        rf"\s*(?:[(<{{]\s*)?{_NAME}\s*(?:[)>}}\]]+:?|(?<=\w):)\s*(?:#.*)?$",
        "table-header",
        "A table's name without brackets",
        "Write it in brackets: [name].",
        _in_brackets,
    ),
]
_COMPILED = {pattern: re.compile(pattern) for pattern, *_ in _RULES}


def cause_of(line: str) -> Cause | None:
    """What was probably meant on this line, if it is no `key = value`, or has a character that is invalid there."""
    found = _unquoted_expression(line) or _invalid_character(line)
    if found is not None:
        return found
    blanked = _blanked(line)
    for pattern, code, message, hint, corrected in _RULES:
        if (match := _COMPILED[pattern].match(blanked)) is not None:
            start = match["at"] if "at" in match.groupdict() else None
            column = (len(line) - len(line.lstrip()) if start is None else match.start("at")) + 1
            return Cause(code, message, hint, corrected(line) if corrected else None, column)
    return None


def _blanked(line: str) -> str:
    """The line with an x for each character in quotes."""
    return STRING.sub(lambda match: '"' + "x" * (len(match.group()) - 2) + '"', line)


def has_open_quote(line: str) -> bool:
    """Whether a quote that opens on `line` is not closed there."""
    rest = re.sub(r'"""|\'\'\'', "", line)
    rest = STRING.sub("", rest)
    return bool(re.search(r"[\"']", rest.partition("#")[0]))
