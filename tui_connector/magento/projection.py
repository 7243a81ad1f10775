"""The parameter `fields` of Magento's REST API: which fields a response has, such as `items[sku,name],total_count`.

Where a bracket is not closed, or the response has none of the names, Magento responds with 200 and `[]` instead of the
object that was requested (Magento\\Framework\\Webapi\\Rest\\Response\\FieldsFilter).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

PARAMETER: Final = "fields"
_TOKEN: Final = re.compile(r"[\[\],]|[^\[\],]+")


def bracket_fault(fields: str) -> str:
    """Which bracket is missing, such as "a ] is missing in 'items[sku'"; "" if none."""
    depth = 0
    for each in fields:
        depth += (each == "[") - (each == "]")
        if depth < 0:
            return f"a [ is missing in {fields[:100]!r}"
    return f"a ] is missing in {fields[:100]!r}" if depth else ""


def names_at(fields: str, path: Sequence[str] = ()) -> list[str]:
    """The fields that `fields` names of the objects at `path`, without what it names of theirs."""
    above: list[str] = []
    word, names = "", list[str]()
    for token in _TOKEN.findall(fields):
        each = token.strip()
        if each == "[":
            above.append(word)
        elif each == "]":
            above = above[:-1]
        elif each not in ("", ","):
            word = each
            names += [word] if above == [*path] else []
    return names


def with_field(fields: str, path: Sequence[str], name: str) -> str:
    """`fields` with this field of the objects at `path`, too; "" unless it names others of them, and not this one."""
    if bracket_fault(fields):
        return ""
    above: list[str] = []
    word, names, end = "", set[str](), 0
    for token in _TOKEN.finditer(fields):
        each = token[0].strip()
        if each == "[":
            above.append(word)
        elif each == "]":
            above.pop()
        elif each != ",":
            word = each
            if above == [*path]:
                names.add(word)
                end = token.end()
        if each == "]" and above == [*path]:
            end = token.end()
    return f"{fields[:end]},{name}{fields[end:]}" if names and name not in names else ""
