"""What stands in an answer beside its items: a count, a cursor, a link."""

from __future__ import annotations

import re
from functools import cache

from ...placeholder import Json
from ...placeholder.expression import Budget, Expression, ExpressionError
from ..page import Page
from ..raw_json import NotJson, members, shape, value
from . import PaginationError

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def beside(page: Page, expression: str) -> Json:
    """What the JMESPath finds in the answer, None where that is nothing. A plain path does not decode the items.

    Raises `PaginationError`.
    """
    try:
        if not _SIMPLE.fullmatch(expression):
            return _compiled(expression).find(page.data(), Budget())[0]
        place = page.text
        for name in expression.split("."):
            place = members(place).get(name, b"null") if shape(place) == "object" else b"null"
        return value(place)
    except (NotJson, ExpressionError) as error:
        raise PaginationError(f"{expression!r} cannot be worked out with the answer: {error}") from error


def counted(page: Page, expression: str | None) -> int | None:
    """How many items the list has by this expression, or by `total_count` without one."""
    if expression is None:
        return page.total
    found = beside(page, expression)
    if isinstance(found, str) and found.isdecimal() and len(found) < 19:
        found = int(found)
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise PaginationError(f"{expression!r} is no number of items in the answer", 'Correct "total".')
    return found


@cache
def _compiled(expression: str) -> Expression:
    return Expression.compile(expression)
