"""JMESPath expressions as fields of a profile."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from ..errors import InvalidValue
from . import expression


def _checked(text: str) -> str:
    try:
        expression.Expression.compile(text)
    except InvalidValue as error:
        raise ValueError(str(error)) from error
    return text


ExpressionText = Annotated[str, Field(min_length=1), AfterValidator(_checked)]
"""A JMESPath expression that can be compiled."""


def holds(found: object) -> bool:
    """What JMESPath counts as true: everything but null, false and what is empty; 0 is true."""
    return found not in (None, False, "", [], {}) or (found == 0 and found is not False)


def leaves_items_out(text: str) -> bool:
    """Whether an expression holds a filter or a slice, so that its list may be shorter than what it is made from."""
    nodes = expression.nodes(expression.Expression.compile(text).tree)
    return any(node["type"] in ("filter_projection", "slice") for node, _ in nodes)
