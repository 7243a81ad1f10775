"""Literal secrets in the text of a profile, which may be invalid: such a text is kept without them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ..secrets.names import is_secret_parameter
from ..text import without_secrets
from .blocks import parse
from .correction import TextEdit, apply
from .model import schema
from .positions import value_at
from .problem_fixes import value_edit
from .text_checker import Checker

_KEY = re.compile(r"([\w-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*=[ \t]*")
_LONG = re.compile(r"(\"\"\"|''')(?:.*?\1|.*\Z)", re.DOTALL)
_REST = re.compile(r"[^\n]*")
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
_ALSO_ORDINARY = frozenset({"value", "username"})
"""Keys that have a secret in some tables only; where the text is valid, the check knows which."""
_EMPTY = '""'


def without_literal_secrets(text: str) -> str | None:
    """The text with `""` in the place of each secret; None where one cannot be located.

    Where the text is invalid, the rest of each line is removed after a key that may have a secret.
    """
    text = "\n".join(_cleaned(line) for line in text.split("\n"))
    text = apply(text, _by_name(text))
    for _ in range(3):  # secrets can hide others: such as the tables of a kind that is invalid
        parsed = parse(text)
        found = {each.keys for each in Checker().check(text).literal_secrets if value_at(parsed.data, each.keys) != ""}
        if not found:
            return text
        edits = [value_edit(parsed, keys, _EMPTY, in_sound_table=True) for keys in found]
        if None in edits:
            return None
        text = apply(text, filter(None, edits))
    return None


def _cleaned(line: str) -> str:
    """The line without values that are known to be secret."""
    if without_secrets(line) == line:
        return line
    key = _KEY.search(line)
    return (
        line[: key.end()] + _EMPTY
        if key is not None and without_secrets(line[: key.end()]) == line[: key.end()]
        else ""
    )


def _by_name(text: str) -> Iterator[TextEdit]:
    parsed = parse(text)
    valid = [(each.start, each.start + len(each.text)) for each, it, _ in parsed.blocks if it.valid_text == each.text]
    at = 0
    while (key := _KEY.search(text, at)) is not None:
        at, name = key.end(), key[1].strip("\"'")
        is_valid = any(start <= key.start() < end for start, end in valid)
        value = _LONG.match(text, at) or (_STRING if is_valid else _REST).match(text, at)
        if value is None or (value.group().startswith(("{", "[")) and not is_valid and _KEY.search(value.group())):
            continue
        is_source = name in _names() and not (is_valid and name in _ALSO_ORDINARY)
        if value.group().strip("\"' ") and (is_source or is_secret_parameter(name, value.group().strip("\"' "))):
            yield TextEdit(*value.span(), _EMPTY)
            at = value.end()


@lru_cache(1)
def _names() -> frozenset[str]:
    """The keys whose value is a source of a secret."""
    found: set[str] = set()

    def add(node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                add(each)
        elif isinstance(node, dict):
            properties = node.get("properties")
            if isinstance(properties, dict):
                found.update(name for name, each in properties.items() if "SecretSource" in str(each))
            for each in node.values():
                add(each)

    add(schema())
    return frozenset(found - {"parameters"})
