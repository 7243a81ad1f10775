"""Values of the field with the date of the last change: moments, or numbers that stand for them.

Stores write moments with a space or a "T", with and without a time zone or fractions of a second. They are compared as
moments, and numbers as numbers; only a text of `sortable` may be compared as text. A moment without a time zone is in
UTC.
"""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from ..units import timestamp

_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,9})?", re.ASCII)
_DATE_LENGTH = len("2026-01-31")
_NUMBER_OFFSET = 10**27
"""Makes every number positive, so that its digits sort as it does."""
NO_MOMENT = (0, 0)
"""Sort key of what is neither moment nor number."""
_FIRST_MILLISECONDS = Decimal(10**11)
"""From here on, numbers are taken for milliseconds: as seconds they would be in the year 5138."""
_FIRST_TIME = Decimal(631_152_000)
"""The year 1990 in seconds: smaller numbers count something else, such as rows."""
_MAX_FUTURE = Decimal(10 * 366 * 86_400)
"""Seconds after the store's clock up to which a number may be a time."""


def is_number(value: str) -> bool:
    """Whether this is a number used instead of a date: a time in seconds or milliseconds, or the number of a row."""
    return _NUMBER.fullmatch(value) is not None


def is_time_number(value: str) -> bool:
    """Whether this is a number of seconds or milliseconds since 1970."""
    return is_number(value) and abs(Decimal(value)) >= _FIRST_TIME


def moment_of(value: str) -> datetime | None:
    """The moment that is written here; None for a number, and where it cannot be read."""
    if is_number(value):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@lru_cache(maxsize=4_096)  # each date of a page is compared several times
def sort_key(value: str) -> tuple[int, int]:
    """Sort key of moments (in microseconds) and of numbers; before both is what is neither."""
    if is_number(value):
        return 1, int(Decimal(value).scaleb(9))
    moment = moment_of(value)
    return NO_MOMENT if moment is None else (2, round(moment.timestamp() * 1_000_000))


def sortable(value: str) -> str:
    """The value as a text that sorts as it does among others of its kind."""
    moment = moment_of(value)
    if moment is None:
        return f"{sort_key(value)[1] + _NUMBER_OFFSET:028d}"
    fraction = f".{moment.microsecond:06d}" if moment.microsecond else ""
    with contextlib.suppress(OverflowError):  # at the end of the year 9999
        moment = moment.astimezone(UTC)
    return timestamp(moment) + fraction


def latest(*values: str | None) -> str | None:
    """The latest of these, the first of those that are equal; None if there is none."""
    return max(filter(None, values), default=None, key=sort_key)


def earlier(value: str, span: timedelta) -> str:
    """The value `span` earlier, in the same format; unchanged if it is neither moment nor number.

    A number is a time in seconds or, if it is that large, in milliseconds, or a row number. All have an overlap: rows
    get their numbers before they become visible, and not in order.
    """
    if is_number(value):
        number = Decimal(value)
        before = number - Decimal(str(span.total_seconds())) * _unit(number)
        return _plain_number(max(before, Decimal(0)) if number >= 0 else before)
    moment = moment_of(value)
    return value if moment is None else written_like(moment - span, value)


def is_after(value: str, moment: datetime) -> bool:
    """Whether the value is later than this moment; False for row numbers."""
    if is_number(value):
        number = Decimal(value)
        as_number = Decimal(int(moment.timestamp())) * _unit(number)
        return as_number < number <= as_number + _MAX_FUTURE * _unit(number)
    written = moment_of(value)
    return written is not None and written > moment


def at_most(value: str, limit: datetime) -> str:
    """The value, or the moment `limit` in the same format where that is earlier. Row numbers have no limit."""
    return written_like(limit, value) if is_after(value, limit) else value


def written_like(moment: datetime, example: str) -> str:
    """A moment in the format and the time zone of `example`, which is a moment or a number, without a fraction.

    A store may write its local time without a time zone: it would take one that is added for another moment.
    """
    if is_number(example):
        return _plain_number(Decimal(int(moment.timestamp())) * _unit(Decimal(example)))
    like = datetime.fromisoformat(example)
    local = moment.astimezone(like.tzinfo or UTC)
    if len(example) == _DATE_LENGTH:
        return local.date().isoformat()
    written = local.replace(tzinfo=like.tzinfo).isoformat("T" if "T" in example else " ", "seconds")
    return written.removesuffix("+00:00") + "Z" if example.endswith("Z") else written


def _unit(number: Decimal) -> int:
    """How many of it are a second, if it is a time."""
    return 1000 if abs(number) >= _FIRST_MILLISECONDS else 1


def _plain_number(number: Decimal) -> str:
    return format(number.normalize(), "f")
