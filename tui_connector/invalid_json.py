"""What is wrong with a JSON text that a user has written, and what to write instead."""

from __future__ import annotations

import json
import re
from typing import Final

_PLAIN: Final = {
    "Unterminated string starting at": "the quote that opens here is not closed",
    "Invalid \\escape": "a backslash is written twice: \\\\",
    "Invalid \\uXXXX escape": "\\u needs four hexadecimal digits; a backslash itself is written twice: \\\\",
}
"""By the message of the `json` module, which has no other code: what to do, wherever it is."""
_NAME, _VALUE, _COLON = (
    "Expecting property name enclosed in double quotes",
    "Expecting value",
    "Expecting ':' delimiter",
)
_COMMA, _END, _CONTROL = "Expecting ',' delimiter", "Extra data", "Invalid control character at"
_BYTE_ORDER_MARK: Final = "\ufeff"
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_WORD: Final = re.compile(r"[^\s,:;=\[\]{}()\"'/]+")
_PLACEHOLDER: Final = re.compile(r"[&?@]\{")
_NUMBER: Final = re.compile(r"[-+\w.]*\Z")
_COMMA_NUMBER: Final = re.compile(
    r"(?P<whole>-?\d[\d.]*),(?P<rest>[\d.]+(?:,[\d.]+)*)(?P<exponent>[eE][-+]?\d+)?(?![\w.])(?!\s*:)"
)
_GROUPED: Final = re.compile(r"-?[1-9]\d{0,2}(?:\.\d{3})+")
"""A whole number with a point before each three digits, as it is written in much of Europe."""
_APART: Final = re.compile(
    r"(?P<whole>-?[1-9]\d{0,2}(?P<mark>['’_ \u00a0\u202f])\d{3}(?:(?P=mark)\d{3})*(?:\.\d+)?)(?![\w.'’])"
)
"""A number with a mark other than a comma before each three digits."""
_NAME_START: Final = re.compile(rf"(?P<quoted>{_STRING.pattern})\s*:|{_WORD.pattern}\s*:", re.DOTALL)
_VALUE_START: Final = re.compile(r'["\[{\d-]|(?:true|false|null)\b', re.IGNORECASE)
_AFTER_VALUE: Final = "this is not JSON: remove it, or write all of the text in double quotes"
_LITERALS: Final = {
    **{word: word for word in ("true", "false", "null")},
    **dict.fromkeys(("none", "nil", "undefined", "nan", "infinity"), "null"),
    **dict.fromkeys(("yes", "on"), "true"),
    **dict.fromkeys(("no", "off"), "false"),
}
"""By what is written for it in other languages, in lower case."""
_STRAY_QUOTE: Final = 'remove one of these two quotes; a quote within text is written \\"'
_SHORT: Final = 8
"""Characters of a word that is repeated; a longer one may be a secret."""
_SHORT_NUMBER: Final = 12
"""Characters of a number that is repeated; a longer one may be a card's or an account's."""


def why_invalid_json(error: Exception) -> str:
    """What is wrong and what to do, with its place; `error` is what `json.loads` raised."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if not error.doc.strip():
        return "it is empty"
    line, column = invalid_json_place(error)
    return f"{_mistake_of(error)[0]} (line {line}, column {column})"


def invalid_json_place(error: json.JSONDecodeError) -> tuple[int, int]:
    """The line and the column of what is to be corrected, from 1."""
    _, at = _mistake_of(error)
    return error.doc.count("\n", 0, at) + 1, at - error.doc.rfind("\n", 0, at)


def _mistake_of(error: json.JSONDecodeError) -> tuple[str, int]:
    return _mistake(error.doc, error.pos, error.msg.removesuffix(": "))


def _mistake(text: str, at: int, message: str) -> tuple[str, int]:
    """What to do about it, and where."""
    if message in _PLAIN:
        return _PLAIN[message], at
    if message == _CONTROL:
        ends_line = text[at] in "\r\n"
        return "a closing quote is missing" if ends_line else "write control characters as escapes, such as \\t", at
    if text.startswith(_BYTE_ORDER_MARK):
        return "remove the byte order mark at its start", 0
    if message in (_COMMA, _END) and (number := _number_apart(text, at)):
        return number
    if (anywhere := _not_json_anywhere(text[at:])) is not None:
        return anywhere, at
    before = len(text[:at].rstrip()) - 1
    if text[before : before + 1] == "," and text[at : at + 1] in ("}", "]", ","):
        wrong = f"remove the comma before {text[at]}" if text[at] != "," else "remove one of the two commas"
        return wrong, before
    if message in (_NAME, _END) and (number := _comma_in_number(text, before if message == _NAME else at)):
        return number
    known = {_NAME: _no_name, _VALUE: _no_value, _COLON: _no_colon, _COMMA: _no_comma, _END: _after_the_end}
    if message not in known:
        return f"{message[:1].lower()}{message[1:]}", at
    return known[message](text, at), at


def _not_json_anywhere(rest: str) -> str | None:
    """What to do about what JSON has nowhere; None if it begins with something else."""
    if rest.startswith(("//", "/*", "#", "<!--")):
        return "JSON has no comments: remove this one"
    if rest[:1] in ("'", "`"):
        return 'write double quotes (") instead of single ones'
    if rest[:1] in tuple("“”„‟«»‘’‚‹›″"):
        return 'write straight double quotes (")'
    if _PLACEHOLDER.match(rest):
        return 'write the placeholder in double quotes, as in "&{sku}"'
    return None


def _comma_in_number(text: str, comma: int) -> tuple[str, int] | None:
    """What to do about a comma within a number, and where the number begins; None if this is not one."""
    begun = _NUMBER.search(text[:comma])
    number = _COMMA_NUMBER.match(text, begun.start()) if begun else None
    if number is None or number.end("whole") != comma:
        return None
    whole, rest, exponent = number["whole"], number["rest"], number["exponent"] or ""
    is_in_groups = re.fullmatch(r"-?[1-9]\d{0,2}", whole) is not None
    if is_in_groups and re.fullmatch(r"\d{3}", rest):
        rights = [f"{whole}{rest}{exponent}", f"{whole}.{rest}{exponent}"]
        why = "write the number without the comma, or with a decimal point"
    elif is_in_groups and re.fullmatch(r"\d{3}(,\d{3})*(\.\d+)?", rest):
        rights, why = [f"{whole}{rest.replace(',', '')}{exponent}"], "write the number without separators"
    elif rest.isdecimal() and ("." not in whole or _GROUPED.fullmatch(whole)):
        rights = [f"{whole.replace('.', '')}.{rest}{exponent}"]
        why = "write a decimal point, not a comma"
    else:
        lists = "" if "." in whole else "; several values are written as a list: […, …]"
        rights, why = [], f"a number has no comma{lists}"
    shown = " or ".join(rights) if all(len(each) <= _SHORT_NUMBER for each in rights) else ""
    return (f"{why}: {shown}" if shown else why), number.start()


def _number_apart(text: str, at: int) -> tuple[str, int] | None:
    """What to do about a number that is written in groups, up to or from `at`, and where it begins; None elsewhere."""
    begun = re.search(r"-?\d+[ \u00a0\u202f]?\Z", text[:at])
    number = _APART.match(text, begun.start()) if begun else None
    if number is None or (number["mark"] == " " and _missing_brackets(text[:at])[:1] == "]"):
        return None  # in a list, a comma may be missing
    right = number["whole"].replace(number["mark"], "")
    why = "write the number without separators"
    return (f"{why}: {right}" if len(right) <= _SHORT_NUMBER else why), number.start()


def _no_name(text: str, at: int) -> str:
    found, word = text[at : at + 1], _WORD.match(text, at)
    if not found:
        return f"a closing {_missing_brackets(text)} is missing"
    if found == ",":
        return "remove the comma"
    if word is not None:
        return "write the name in double quotes"
    return "a name in double quotes is missing"


def _no_value(text: str, at: int) -> str:
    found, before = text[at : at + 1], text[:at].rstrip()[-1:]
    if before == ":" and found in ("", ",", "}", "]"):
        return "a value is missing after the colon"
    if not found:
        return f"a closing {_missing_brackets(text)} is missing"
    if found in "}]":
        return f"a closing ] is missing before {found}" if before else f"remove the {found}: nothing is open"
    if found in ",:;=":
        return f"remove the {found}"
    word = _WORD.match(text, at)
    if word is None:
        return "this is not JSON: text is written in double quotes"
    return _no_word(text, word[0], word.end(), is_first=not before)


def _no_word(text: str, word: str, end: int, *, is_first: bool) -> str:
    """What to do about a word in place of a value."""
    if literal := _LITERALS.get(word.lower()):
        return f"write {literal}" + ("" if literal != word.lower() else " in lower case")
    if re.fullmatch(r"[-+]?\.\d+", word):
        return "write a digit before the point, as in 0.5"
    if re.fullmatch(r"\+[\d.]+", word):
        return "remove the +"
    if not is_first:
        return "text is written in double quotes"
    it = f"{word} is" if len(word) <= _SHORT else "this is"
    following = text[end:].lstrip()[:1]
    if following in ("{", "["):
        return f"{it} not JSON: remove what is before {following}"
    if following == ":":
        return f"{it} not JSON: write names in double quotes, and all of it in braces: {{…}}"
    return f"{it} not JSON: text is written in double quotes"


def _is_stray_quote(text: str, at: int) -> bool:
    """Whether a quote right after the one that has ended a string begins no other string."""
    if text[max(0, at - 1) : at + 1] != '""':
        return False
    other = _STRING.match(text, at)
    return other is None or text[other.end() :].lstrip()[:1] not in (",", ":", "}", "]")


def _no_colon(text: str, at: int) -> str:
    found = text[at : at + 1]
    if _is_stray_quote(text, at):
        return _STRAY_QUOTE
    if found == "=":
        return "write : instead of ="
    if found in ("", ",", "}", "]"):
        return "a colon and a value are missing after the name"
    return "a colon is missing after the name"


def _no_comma(text: str, at: int) -> str:
    found, touching = text[at : at + 1], text[at - 1 : at]
    if not found:
        return f"a closing {_missing_brackets(text)} is missing"
    if found in "}]":
        return f"a closing {_missing_brackets(text[:at])[0]} is missing before {found}"
    if found == ";":
        return "write , instead of ;"
    if found == ":":
        return "remove the colon" if _missing_brackets(text[:at])[0] == "}" else "names are written in braces: {…}"
    if touching == '"' and found != '"':
        return 'a quote within text is written \\"'
    if _is_stray_quote(text, at):
        return _STRAY_QUOTE
    if touching.isalnum() and (found.isalnum() or found in "._+-"):
        return _no_number(text, at)
    if _missing_brackets(text[:at])[0] == "]":
        return "a comma is missing" if _VALUE_START.match(text, at) else _AFTER_VALUE
    if name := _NAME_START.match(text, at):
        return "a comma is missing" if name["quoted"] else "a comma is missing, and double quotes around the name"
    if _WORD.match(text, at) and not found.isdecimal():
        return _AFTER_VALUE
    return "a name has only one value: remove this one, or write a list: […, …]"


def _no_number(text: str, at: int) -> str:
    """What to do about a number or word that goes on where JSON ends it."""
    begun, rest = _NUMBER.search(text[:at]), _WORD.match(text, at)
    written = (begun[0] if begun else "") + (rest[0] if rest else "")
    if re.fullmatch(r"-?0\d+", written):
        return "a number does not begin with 0; text is written in double quotes"
    if re.fullmatch(r"-?\d+\.", written):
        return "write a digit after the point, as in 5.0"
    what = "number" if written.lstrip("-")[:1].isdecimal() else "value"
    return f"this is not a valid {what}: text is written in double quotes"


def _after_the_end(text: str, at: int) -> str:
    found, touching = text[at : at + 1], text[at - 1 : at]
    if found in ",;":
        return f"remove the {found} after the end"
    if found in "}]":
        return f"remove the {found}: nothing is open"
    if found in ":=":
        return "write names and values in braces: {…}"
    if touching.isalnum() and (found.isalnum() or found in "._+-"):
        return _no_number(text, at)
    if _is_stray_quote(text, at):
        return _STRAY_QUOTE
    if found in '{["' and text.lstrip()[:1] in ("{", "["):
        return "only one value is possible: several are written as a list, […, …]"
    return "nothing may follow the end of the JSON: remove it"


def _missing_brackets(text: str) -> str:
    """The brackets that close what is open at the end of this text, whose strings are complete."""
    missing: list[str] = []
    for each in _STRING.sub("", text):
        if each in "{[":
            missing.append("}" if each == "{" else "]")
        elif each in "}]" and missing:
            missing.pop()
    return "".join(reversed(missing))
