"""Items changed and chosen on their way: JMESPath on each one, decoded only where there is such an expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..placeholder.expression import Budget, Expression, ExpressionError
from .expression_field import holds
from .raw_json import NotJson, text_of, value
from .sink import Rejected


@dataclass(frozen=True, slots=True)
class Reshaped:
    """What became of the items of a page."""

    items: Sequence[bytes]
    left_out: int
    """How many the filter left out."""
    rejected: Sequence[Rejected]
    """Those whose filter or transform cannot be worked out, by their place among what was given."""


class Reshape:
    """The filter, and the transform of what it leaves."""

    def __init__(self, transform: str | None, filter: str | None) -> None:  # noqa: A002 - the profile's word
        """Raises `ExpressionError` where one of them is no JMESPath."""
        self._transform = Expression.compile(transform) if transform else None
        self._filter = Expression.compile(filter) if filter else None

    def __call__(self, items: Sequence[bytes]) -> Reshaped:
        """Never raises: an item that fails is returned as rejected, and the others go on."""
        if self._transform is None and self._filter is None:
            return Reshaped(items, 0, ())
        kept: list[bytes] = []
        rejected: list[Rejected] = []
        for index, item in enumerate(items):
            try:
                reshaped = self._reshaped(item)
            except _Failed as failure:
                rejected.append(Rejected(index, str(failure)))
            else:
                kept.extend(reshaped)
        return Reshaped(kept, len(items) - len(kept) - len(rejected), rejected)

    def _reshaped(self, item: bytes) -> Sequence[bytes]:
        """The item as it goes on, or nothing where the filter leaves it out."""
        try:
            decoded = value(item)
        except NotJson as error:
            raise _Failed(f"it cannot be decoded: {error}") from error
        if self._filter is not None:
            try:
                found, _ = self._filter.find(decoded, Budget())
            except ExpressionError as error:
                raise _Failed(f"the filter cannot be worked out: {_words(error)}") from error
            if not holds(found):
                return ()
        if self._transform is None:
            return (item,)
        try:
            made, why = self._transform.find(decoded, Budget())
        except ExpressionError as error:
            raise _Failed(f"the transform cannot be worked out: {_words(error)}") from error
        if why is not None:
            raise _Failed(f"the transform finds nothing: {_words(why)}")
        return (text_of(made),)


class _Failed(Exception):
    """Why an item does not go on."""


def _words(error: ExpressionError) -> str:
    return f"{error.message}. {error.hint}" if error.hint else error.message
