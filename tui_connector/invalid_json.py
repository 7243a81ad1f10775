"""What is wrong with a JSON text that a user has written, and what to write instead."""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

_UNCLOSED: Final = "Unterminated string starting at"
_PLAIN: Final = {
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
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_STRING: Final = re.compile(_QUOTED, re.DOTALL)
_WORD: Final = re.compile(r"[^\s,:;=\[\]{}()\"'/]+")
_PLACEHOLDER: Final = re.compile(r"[&?@]\{")
_COMMENT: Final = re.compile(r"(?://|#)[^\n]*|/\*.*?(?:\*/|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)
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
_JSON_START: Final = re.compile(
    rf"""[\s\ufeff,;:.=('"`“”‘’)}}\]]*[{{\[]|"""  # a table or a list, also after stray marks
    rf"""\w*\{{\s*{_QUOTED}\s*:|"""  # a table after a stray word
    rf"""[\s,]*{_QUOTED}\s*:|"""  # the names of a table without its brace
    r"""\s*[}\]]|"""  # what is left of one
    r"""\s*(?://[^\n]*\n|/\*.*?\*/)\s*[{\[]|"""  # a comment before it
    r"""\s*"(?:[^"\\]|\\.)*\Z""",  # text without its second quote
    re.DOTALL,
)


class _Mistake(NamedTuple):
    """What to do about a mistake, the offset that is named, and what is to be removed or replaced, if anything."""

    words: str
    at: int
    end: int | None = None
    """The end of what is wrong; None where something is missing."""
    start: int | None = None
    """Where it begins, or is missing, if that is not the offset that is named."""


def begins_like_json(text: str) -> bool:
    """Whether a text can only be meant as JSON, valid or not: also after a stray comma, quote, bracket or word.

    Other text, such as a placeholder, a form's `name=value` or XML, is not.
    """
    return _JSON_START.match(text) is not None


def why_invalid_json(error: Exception) -> str:
    """What is wrong and what to do, with its place; `error` is what `json.loads` raised."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if not error.doc.strip():
        return "it is empty"
    mistake = _mistake_of(error)
    line, column = error.doc.count("\n", 0, mistake.at) + 1, mistake.at - error.doc.rfind("\n", 0, mistake.at)
    return f"{mistake.words} (line {line}, column {column})"


def json_fault(body: bytes) -> str:
    """What is wrong with a body that should be JSON, and what to do, with its place; "" where it is valid."""
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        return why_invalid_json(error)
    return ""


def wrong_part(error: json.JSONDecodeError) -> tuple[int, int]:
    """The start and end, from 0, of what is to be removed or replaced; equal where something is to be inserted."""
    mistake = _mistake_of(error)
    start = mistake.at if mistake.start is None else mistake.start
    return start, start if mistake.end is None else mistake.end


def _mistake_of(error: json.JSONDecodeError) -> _Mistake:
    return _mistake(error.doc, error.pos, error.msg.removesuffix(": "))


def _mistake(text: str, at: int, message: str) -> _Mistake:
    if message == _UNCLOSED:
        return _Mistake("the quote that opens here is not closed", at, start=len(text.rstrip(" \t\r\n}],")))
    if message in _PLAIN:
        return _Mistake(_PLAIN[message], at)
    if message == _CONTROL:
        if text[at] in "\r\n":
            return _Mistake("a closing quote is missing", at)
        return _Mistake("write control characters as escapes, such as \\t", at, at + 1)
    if text.startswith(_BYTE_ORDER_MARK):
        return _Mistake("remove the byte order mark at its start", 0, 1)
    if message in (_COMMA, _END) and (number := _number_apart(text, at)):
        return number
    if (anywhere := _not_json_anywhere(text, at)) is not None:
        return anywhere
    before = len(text[:at].rstrip()) - 1
    if text[before : before + 1] == "," and text[at : at + 1] in ("}", "]", ","):
        wrong = f"remove the comma before {text[at]}" if text[at] != "," else "remove one of the two commas"
        return _Mistake(wrong, before, before + 1)
    if message in (_NAME, _END) and (number := _comma_in_number(text, before if message == _NAME else at)):
        return number
    known = {_NAME: _no_name, _VALUE: _no_value, _COLON: _no_colon, _COMMA: _no_comma, _END: _after_the_end}
    if message not in known:
        return _Mistake(f"{message[:1].lower()}{message[1:]}", at)
    return known[message](text, at)


def _not_json_anywhere(text: str, at: int) -> _Mistake | None:
    """What to do about what JSON has nowhere; None if something else is there."""
    if comment := _COMMENT.match(text, at):
        return _Mistake("JSON has no comments: remove this one", at, comment.end())
    if text[at : at + 1] in tuple("'`"):
        return _Mistake('write double quotes (") instead of single ones', at, at + 1)
    if text[at : at + 1] in tuple("“”„‟«»‘’‚‹›″"):
        return _Mistake('write straight double quotes (")', at, at + 1)
    if _PLACEHOLDER.match(text, at):
        return _Mistake('write the placeholder in double quotes, as in "&{sku}"', at)
    return None


def _comma_in_number(text: str, comma: int) -> _Mistake | None:
    """What to do about a comma within a number, which begins at the offset that is named; None if this is not one."""
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
    return _Mistake(f"{why}: {shown}" if shown else why, number.start(), comma + 1, start=comma)


def _number_apart(text: str, at: int) -> _Mistake | None:
    """What to do about a number that is written in groups, up to or from `at`; None elsewhere."""
    begun = re.search(r"-?\d+[ \u00a0\u202f]?\Z", text[:at])
    number = _APART.match(text, begun.start()) if begun else None
    if number is None or (number["mark"] == " " and _missing_brackets(text[:at])[:1] == "]"):
        return None  # in a list, a comma may be missing
    right = number["whole"].replace(number["mark"], "")
    why = "write the number without separators"
    words = f"{why}: {right}" if len(right) <= _SHORT_NUMBER else why
    return _Mistake(words, number.start(), number.end("mark"), start=number.start("mark"))


def _missing(words: str, text: str, at: int) -> _Mistake:
    """Something is missing after what comes before this offset."""
    return _Mistake(words, len(text[:at].rstrip()))


def _extra(words: str, at: int, length: int = 1) -> _Mistake:
    """These characters are to be removed or replaced."""
    return _Mistake(words, at, at + length)


def _no_name(text: str, at: int) -> _Mistake:
    found, word = text[at : at + 1], _WORD.match(text, at)
    if not found:
        return _Mistake(f"a closing {_missing_brackets(text)} is missing", at)
    if found == ",":
        return _extra("remove the comma", at)
    if word is not None and text[word.end() :].lstrip()[:1] == '"':
        return _extra("this is not JSON: remove it", at, len(word[0]))
    if word is not None:
        return _Mistake("write the name in double quotes", at)
    return _Mistake("a name in double quotes is missing", at)


def _no_value(text: str, at: int) -> _Mistake:
    found, before = text[at : at + 1], text[:at].rstrip()[-1:]
    if before == ":" and found in ("", ",", "}", "]"):
        return _Mistake("a value is missing after the colon", at)
    if not found:
        return _Mistake(f"a closing {_missing_brackets(text)} is missing", at)
    if found in "}]" and before:
        return _Mistake(f"a closing ] is missing before {found}", at)
    if found in "}]":
        return _extra(f"remove the {found}: nothing is open", at)
    if found in ",:;=":
        return _extra(f"remove the {found}", at)
    word = _WORD.match(text, at)
    if word is None:
        return _Mistake("this is not JSON: text is written in double quotes", at)
    return _no_word(text, at, word[0], is_first=not before)


def _no_word(text: str, at: int, word: str, *, is_first: bool) -> _Mistake:
    """What to do about a word in place of a value."""
    if literal := _LITERALS.get(word.lower()):
        words = f"write {literal}" + ("" if literal != word.lower() else " in lower case")
        return _extra(words, at, len(word))
    if re.fullmatch(r"[-+]?\.\d+", word):
        return _Mistake("write a digit before the point, as in 0.5", at, start=at + word.index("."))
    if re.fullmatch(r"\+[\d.]+", word):
        return _extra("remove the +", at)
    if not is_first:
        return _Mistake("text is written in double quotes", at)
    it = f"{word} is" if len(word) <= _SHORT else "this is"
    rest = text[at + len(word) :]
    following = rest.lstrip()[:1]
    if following in ("{", "["):
        length = len(word) + rest.index(following)
        return _extra(f"{it} not JSON: remove what is before {following}", at, length)
    if following == ":":
        return _Mistake(f"{it} not JSON: write names in double quotes, and all of it in braces: {{…}}", at)
    return _Mistake(f"{it} not JSON: text is written in double quotes", at)


def _is_stray_quote(text: str, at: int) -> bool:
    """Whether a quote right after the one that has ended a string begins no other string."""
    if text[max(0, at - 1) : at + 1] != '""':
        return False
    other = _STRING.match(text, at)
    return other is None or text[other.end() :].lstrip()[:1] not in (",", ":", "}", "]")


def _no_colon(text: str, at: int) -> _Mistake:
    found = text[at : at + 1]
    if _is_stray_quote(text, at):
        return _extra(_STRAY_QUOTE, at)
    if found == "=":
        return _extra("write : instead of =", at)
    if found in ("", ",", "}", "]"):
        return _missing("a colon and a value are missing after the name", text, at)
    return _missing("a colon is missing after the name", text, at)


def _no_comma(text: str, at: int) -> _Mistake:
    found, touching = text[at : at + 1], text[at - 1 : at]
    if not found:
        return _Mistake(f"a closing {_missing_brackets(text)} is missing", at)
    if found in "}]":
        return _Mistake(f"a closing {_missing_brackets(text[:at])[0]} is missing before {found}", at)
    if found == ";":
        return _extra("write , instead of ;", at)
    if found == ":" and _missing_brackets(text[:at])[0] == "}":
        return _extra("remove the colon", at)
    if found == ":":
        return _Mistake("names are written in braces: {…}", at)
    if touching == '"' and found != '"':
        return _Mistake('a quote within text is written \\"', at, start=at - 1)
    if _is_stray_quote(text, at):
        return _extra(_STRAY_QUOTE, at)
    if touching.isalnum() and (found.isalnum() or found in "._+-"):
        return _no_number(text, at)
    word = _WORD.match(text, at)
    if _missing_brackets(text[:at])[0] == "]":
        if _VALUE_START.match(text, at) or word is None:
            return _missing("a comma is missing", text, at)
        return _extra(_AFTER_VALUE, at, len(word[0]))
    if name := _NAME_START.match(text, at):
        if name["quoted"]:
            return _missing("a comma is missing", text, at)
        return _missing("a comma is missing, and double quotes around the name", text, at)
    if word is not None and not found.isdecimal():
        return _extra(_AFTER_VALUE, at, len(word[0]))
    return _Mistake("a name has only one value: remove this one, or write a list: […, …]", at)


def _no_number(text: str, at: int) -> _Mistake:
    """What to do about a number or word that goes on where JSON ends it."""
    begun, rest = _NUMBER.search(text[:at]), _WORD.match(text, at)
    written = (begun[0] if begun else "") + (rest[0] if rest else "")
    start = begun.start() if begun else at
    if re.fullmatch(r"-?0\d+", written):
        words = "a number does not begin with 0; text is written in double quotes"
        return _Mistake(words, at, start=start + written.index("0"), end=start + written.index("0") + 1)
    if re.fullmatch(r"-?\d+\.", written):
        return _Mistake("write a digit after the point, as in 5.0", at, start=at + 1)
    what = "number" if written.lstrip("-")[:1].isdecimal() else "value"
    return _Mistake(f"this is not a valid {what}: text is written in double quotes", at, start=start)


def _after_the_end(text: str, at: int) -> _Mistake:
    found, touching = text[at : at + 1], text[at - 1 : at]
    if found in ",;":
        return _extra(f"remove the {found} after the end", at)
    if found in "}]":
        return _extra(f"remove the {found}: nothing is open", at)
    if found in ":=":
        return _Mistake("write names and values in braces: {…}", at, start=len(text) - len(text.lstrip()))
    if touching.isalnum() and (found.isalnum() or found in "._+-"):
        return _no_number(text, at)
    if _is_stray_quote(text, at):
        return _extra(_STRAY_QUOTE, at)
    if found in '{["' and text.lstrip()[:1] in ("{", "["):
        return _Mistake("only one value is possible: several are written as a list, […, …]", at)
    return _extra("nothing may follow the end of the JSON: remove it", at, len(text[at:].rstrip()))


def _missing_brackets(text: str) -> str:
    """The brackets that close what is open at the end of this text, whose strings are complete."""
    missing: list[str] = []
    for each in _STRING.sub("", text):
        if each in "{[":
            missing.append("}" if each == "{" else "]")
        elif each in "}]" and missing:
            missing.pop()
    return "".join(reversed(missing))
