"""Which row the list selects while it follows: the newest one, or the request that the newest probes diagnose."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

from ...client.exchange import Exchange
from .rows import folds

_MAX_PROBES, _PAUSE_BEFORE_PROBE = 50, 1.0
"""Probes after a failed request, and seconds before each of them, up to which they belong to that request."""


class Rows(Protocol):
    """The rows of a list, from the oldest to the newest."""

    def exchange_at(self, index: int) -> Exchange | None:
        """The exchange in this row, the newest one of a folded row; None where there is none."""

    def is_followed(self, exchange: Exchange) -> bool:
        """Whether another attempt has followed this failed one."""

    def folded_at(self, index: int) -> tuple[Exchange, ...]:
        """The exchanges of a folded row; empty for the row of one exchange."""


def index_to_follow(rows: Rows, last: int) -> int:
    """The newest row, `last`; where that is a probe sent right after another request, such as a test, that request.

    Of probes alone, the last one that succeeded: others only ruled something out.
    """
    folded = rows.folded_at(last)
    if any(_pause(before, after) > _PAUSE_BEFORE_PROBE for before, after in pairwise(folded)):
        return last  # the newest of them are about something else than what is before this row
    later = next(iter(folded), rows.exchange_at(last))
    decided = last if later is None or _succeeded(later) or folded else -1
    for index in range(last - 1, max(-1, last - _MAX_PROBES), -1):
        exchange = rows.exchange_at(index)
        if exchange is None or later is None or later.purpose != "probe":
            break
        if _pause(exchange, later) > _PAUSE_BEFORE_PROBE:
            break
        if not folds(exchange) and not rows.is_followed(exchange):
            return index
        if decided < 0 and _succeeded(exchange):
            decided = index
        later = exchange
    return last if decided < 0 else decided


def _pause(before: Exchange, after: Exchange) -> float:
    """The seconds between the end of the one and the start of the other."""
    return (after.at - before.at).total_seconds() - before.timings.total


def _succeeded(exchange: Exchange) -> bool:
    return exchange.status is not None and exchange.status < 400
