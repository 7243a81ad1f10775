"""Finds the cause of a value that is neither in quotes nor one that TOML has, such as `yes`, `007` or `1,000`."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..misspelling import most_similar
from . import toml

_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_NULLS = frozenset(("none", "null", "nil", "undefined"))
_UNIT = re.compile(r"[+-]?\d+(?:\.\d+)?[ \t]*(?:[A-Za-z]{1,8}|%)")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?!\d).*|\d{1,2}:\d\d(?::\d\d)?|\d{1,4}([./])\d{1,2}\1\d{1,4}.*")


class ValueMistake(NamedTuple):
    """What is wrong with a value."""

    code: str
    message: str
    """The cause, in a few words."""
    hint: str = ""
    """What to do about it; empty where the message says it."""
    corrected: str | None = None
    """The value as it was meant; None where that is not certain."""


def in_quotes(text: str) -> str:
    """A text as TOML writes it, with as few escapes as possible."""
    if "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_value(text: str) -> bool:
    """Whether a text on one line is a value as TOML writes it."""
    try:
        return list(toml.loads(f"a = {text}\n")) == ["a"]
    except (ValueError, RecursionError):
        return False


def value_mistake(written: str) -> ValueMistake:
    """The cause of a value on one line that `is_value` does not accept."""
    low = written.lower()
    if (meant := _BOOLEANS.get(low) or (low if low in ("true", "false") else "")) != "":
        return ValueMistake("boolean", f"{written} is not a boolean", f"Write {meant}, without quotes.", meant)
    if low in _NULLS:
        return ValueMistake("null", f"TOML has no {written}", "Omit the key.")
    if re.fullmatch(r"[a-z]{3,6}", low) and (meant := most_similar(low, ("true", "false"))) and low[:1] in "tf":
        return ValueMistake("boolean", f"{written} is not a boolean", f"Write {meant}.", meant)
    if (found := _number_mistake(written)) is not None:
        return found
    if _DATE.fullmatch(written) is not None:
        hint = "Dates and times are text here: put it in quotes."
        return ValueMistake("date", "A date without quotes", hint, f'"{written}"')
    if _UNIT.fullmatch(written) is not None:
        hint = "Put it in quotes, or remove the letters." if written[-1] != "%" else "Put it in quotes."
        return ValueMistake("not-quoted", "A number with a unit is text", hint, f'"{written}"')
    if (prefix := re.match(r"[A-Za-z@$]{1,2}(?=[\"'])", written)) is not None and is_value(written[prefix.end() :]):
        rest = written[prefix.end() :]
        return ValueMistake("quote-prefix", f"{prefix.group()} before the quote", "Remove it.", rest)
    if written[0] == "(" and written[-1] == ")" and is_value(f"[{written[1:-1]}]"):
        return ValueMistake("list-brackets", "A list is in [ ], not in ( )", "", f"[{written[1:-1]}]")
    if re.fullmatch(r"[^\"']+(\"{1,3}|'{1,3})", written):
        quote = written[-1]
        quoted = f"{quote}{written.rstrip(quote)}{quote}"
        return ValueMistake("quote-missing", "The opening quote is missing", "", quoted)
    return ValueMistake("not-quoted", "Text without quotes", "", in_quotes(written.rstrip(",;").rstrip()))


def _number_mistake(written: str) -> ValueMistake | None:
    number = written.replace("_", "").lstrip("+-")
    sign = written[: len(written) - len(written.lstrip("+-"))]
    if re.fullmatch(r"0\d+", number):
        hint = 'If it is text, such as a SKU, write it in quotes: "0012".'
        return ValueMistake("leading-zeros", "A number has no leading zeros", hint, f'"{written}"')
    if re.fullmatch(r"\d{1,3}([, ]\d{3})+", number):
        name = "comma" if "," in number else "space"
        new = sign + re.sub("[, ]", "", number)
        return ValueMistake("number-comma", f"A {name} in a number", f"Write {new}.", new)
    if re.fullmatch(r"\d+,\d+", number):
        new = sign + number.replace(",", ".")
        return ValueMistake("decimal-comma", "A comma in a number", f"A decimal point is a full stop: {new}.", new)
    if re.fullmatch(r"\.\d+|\d+\.", number):
        new = sign + (f"0{number}" if number[0] == "." else f"{number}0")
        return ValueMistake("number", "An incomplete number", f"Write digits on both sides of the point: {new}.", new)
    if re.fullmatch(r"(?:0[xob]?|\d+e|\d[\d_]*)?", number, re.IGNORECASE):
        return ValueMistake("number", "Not a valid number", "Write digits, such as 1000.")
    return None
