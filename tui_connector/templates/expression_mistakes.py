"""Finds what was probably meant by an expression that is invalid, or compares with a field instead of a value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from jmespath.exceptions import LexerError
from jmespath.lexer import Lexer

QUOTED: Final = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`"""
"""A raw string, a quoted identifier or a literal."""

_QUOTED_OR = re.compile(rf"({QUOTED})", re.DOTALL)
_REPAIRS = (
    (re.compile(r"(?:^|\.)(-?\d+)(?=[.\[\s|]|$)"), r"[\1]"),
    (re.compile(r"[A-Za-z_]\w*(?:-\w+)+"), r'"\g<0>"'),
    (re.compile(r"=>"), ">="),
    (re.compile(r"=<"), "<="),
    (re.compile(r"(?<![=!<>])={1,3}(?!=)"), "=="),
    (re.compile(r"<>"), "!="),
    (re.compile(r"\band\b", re.IGNORECASE), "&&"),
    (re.compile(r"\bor\b", re.IGNORECASE), "||"),
    (re.compile(r"\bnot\s+", re.IGNORECASE), "!"),
    (re.compile(r"([=<>]\s*)(-?\d+(?:\.\d+)?)"), r"\1`\2`"),
)
"""Each is tried alone, and after those before it."""

_COMPARISONS = ("eq", "ne", "lt", "lte", "gt", "gte")
_CONTINUES = ("dot", "lbracket", "flatten", "filter", "lparen")
"""What follows an identifier that is not the whole operand."""
_CONSTANTS = ("true", "false", "null")
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_TEXT_ARGUMENTS = {"contains": 1, "starts_with": 1, "ends_with": 1, "join": 0}
"""The argument of a function that is rarely a field, from 0."""


def repaired(text: str, is_valid: Callable[[str], bool]) -> str:
    """The valid expression that was probably meant by an invalid one; "" if none is known."""
    so_far = text
    for pattern, replacement in _REPAIRS:
        alone, so_far = (_outside_quotes(each, pattern, replacement) for each in (text, so_far))
        for better in (alone, so_far):
            if better != text and is_valid(better):
                found = fields_for_values(better)
                return found.meant if found is not None else better
    return ""


def _outside_quotes(text: str, pattern: re.Pattern[str], replacement: str) -> str:
    parts = _QUOTED_OR.split(text)
    return "".join(part if place % 2 else pattern.sub(replacement, part) for place, part in enumerate(parts))


class FieldsForValues(NamedTuple):
    """Fields that an expression compares with, where values were probably meant."""

    fields: list[str]
    """As they are written, such as "complete" in double quotes."""
    meant: str
    """The expression with values in their place."""


def fields_for_values(text: str) -> FieldsForValues | None:
    """The fields of a valid expression that were probably meant as values; None if there are none.

    Double quotes are around names of fields, as in `"my-field"`; so `status == "complete"` compares two fields.
    """
    tokens = _tokens(text)
    fields, new, end = list[str](), list[str](), 0
    for at, token in enumerate(tokens):
        if not _is_for_value(tokens, at):
            continue
        start, stop = token["start"], _end_of(text, token)
        fields.append(text[start:stop])
        new += [text[end:start], _value(token)]
        end = stop
    return FieldsForValues(list(dict.fromkeys(fields)), "".join([*new, text[end:]])) if fields else None


def _tokens(text: str) -> list[Mapping[str, Any]]:
    try:
        return list(Lexer().tokenize(text))
    except LexerError:
        return []


def _end_of(text: str, token: Mapping[str, Any]) -> int:
    """Where an identifier ends; the lexer counts the end of a quoted one from its start."""
    found = _QUOTED_OR.match(text, token["start"])
    return found.end() if found is not None else int(token["start"]) + len(token["value"])


def _value(token: Mapping[str, Any]) -> str:
    name = str(token["value"])
    if token["type"] == "unquoted_identifier":
        return f"`{name}`"
    is_raw = "'" not in name and "\\" not in name
    return f"'{name}'" if is_raw else "`{}`".format(json.dumps(name, ensure_ascii=False).replace("`", "\\`"))


def _is_for_value(tokens: list[Mapping[str, Any]], at: int) -> bool:
    token = tokens[at]
    is_quoted = token["type"] == "quoted_identifier"
    if not is_quoted and (token["type"] != "unquoted_identifier" or token["value"] not in _CONSTANTS):
        return False
    before, after = tokens[at - 1]["type"] if at else "", tokens[at + 1]["type"]
    if before == "dot" or after in (*_CONTINUES, "colon"):
        return False
    if before in _COMPARISONS:
        return str(tokens[at - 2]["type"]) != "literal"
    if after in ("eq", "ne"):  # a name that needs no quotes, or a constant, before a field
        return str(tokens[at + 2]["type"]) == "unquoted_identifier" and bool(_PLAIN.fullmatch(token["value"]))
    return is_quoted and _is_text_argument(tokens, at)


def _is_text_argument(tokens: list[Mapping[str, Any]], at: int) -> bool:
    """Whether a token is the whole of an argument that is rarely a field."""
    if tokens[at - 1]["type"] not in ("lparen", "comma") or tokens[at + 1]["type"] not in ("comma", "rparen"):
        return False
    depth, number = 0, 0
    for place in range(at - 1, 0, -1):
        kind = tokens[place]["type"]
        if kind == "lparen" and not depth:
            return _TEXT_ARGUMENTS.get(str(tokens[place - 1]["value"])) == number
        depth += (kind in ("rparen", "rbracket", "rbrace")) - (kind in ("lparen", "lbracket", "lbrace", "filter"))
        number += kind == "comma" and not depth
    return False
