"""What an expression reads: the names it begins with, found without any data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic import JsonValue as Json

from .expression import Expression
from .template import Placeholder, Template

Names: TypeAlias = tuple[str, ...]
"""Names from the root of the data downwards, such as ("steps", "find", "status"); () is all of it."""

_IN_TURN = {"subexpression", "pipe", "index_expression"}
"""Each child goes on from what the one before it has found."""
_BY_ELEMENT = {"projection", "value_projection", "filter_projection", "flatten"}
"""The first child is the list or the object; the others go on from what is in it."""


def reads(expression: Expression) -> frozenset[Names]:
    """What the expression reads, each as far as names alone say it.

    An index, a wildcard, a filter or a function ends what can be said: `steps.find.body.items[0].id` reads
    ("steps", "find", "body", "items"), and `keys(steps)` all of ("steps",).
    """
    return frozenset(_read(expression.tree, ()))


def read_of_run(value: Json) -> frozenset[Names]:
    """What the placeholders `@{…}` in all texts of `value` read of the run."""
    if isinstance(value, str):
        pieces = Template.parse(value).pieces
        found = [reads(each.expression) for each in pieces if isinstance(each, Placeholder) and each.sigil == "@"]
    else:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        found = [read_of_run(each) for each in inside]
    return frozenset().union(*found)


def _read(node: Any, start: Names | None) -> Iterator[Names]:
    """What `node` reads of the data at `start`; None is somewhere inside what was counted as read already."""
    found: list[Names] = []
    end = _follow(node, start, found)
    yield from found
    if end is not None:
        yield end


def _follow(node: Any, start: Names | None, found: list[Names]) -> Names | None:
    """Where `node` leads from `start`. What it reads on the way, or takes as a whole, goes to `found`."""
    kind, children = node["type"], [child for child in node["children"] if isinstance(child, dict)]
    if kind in ("current", "identity"):
        return start
    if kind == "field":
        return None if start is None else (*start, node["value"])
    if kind in _IN_TURN:
        for child in children:
            start = _follow(child, start, found)
        return start
    if kind in _BY_ELEMENT:
        found.extend(_read(children[0], start))
        children, start = children[1:], None
    elif kind in ("index", "slice") and start is not None:
        found.append(start)
    elif kind == "expref":
        start = None  # a function applies it to what its other argument holds
    for child in children:
        found.extend(_read(child, start))
    return None
