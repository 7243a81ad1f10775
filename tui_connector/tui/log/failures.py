"""Which failures a log shows, and what its rows say of failed attempts that were sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...client.exchange import Exchange, Exchanges
from ...log.filter import Filter
from ...log.operators import Possible, Predicate
from ...log.view import Matcher, both
from ...text import count

FailuresShown = Literal["", "last", "all"]
"""Which failures a list shows in place of all exchanges: the last attempts of requests, or all attempts."""


@dataclass(frozen=True, slots=True)
class _Test:
    """A test of each exchange."""

    matches: Predicate
    possible: Possible | None = None


def failed(log: Exchanges) -> int:
    """How many requests failed for good: nothing repeated their last attempt, or is about to."""
    return log.attempts.failed - _being_retried(log)


def retried(log: Exchanges) -> int:
    """How many failed attempts were sent again, or are about to be."""
    return log.attempts.retried + _being_retried(log)


def _being_retried(log: Exchanges) -> int:
    if not (retries := log.retries):
        return 0
    return sum((each.call, each.attempt + 1) in retries for each in log.failures if not log.attempts.next_of(each))


def next_shown(shown: FailuresShown, log: Exchanges) -> FailuresShown:
    """What follows: what failed for good, all failed attempts where these are others, or all exchanges."""
    if not shown:
        return "last" if failed(log) else "all"
    return "all" if shown == "last" and retried(log) else ""


def listed_by(wanted: Filter, shown: FailuresShown, log: Exchanges) -> Matcher:
    """The filter, and that nothing retries an attempt where only what failed for good is shown."""
    if shown != "last":
        return wanted
    retries = log.retries

    def is_final(exchange: Exchange) -> bool:
        return log.attempts.next_of(exchange) is None and (exchange.call, exchange.attempt + 1) not in retries

    return both(wanted, _Test(is_final))


def number_of(shown: FailuresShown, log: Exchanges) -> int:
    """How many exchanges a list has without a filter, as far as they are kept."""
    if not shown:
        return len(log)
    kept = len(log.failures)
    return min(kept, failed(log)) if shown == "last" else kept


def next_words(shown: FailuresShown, log: Exchanges) -> str:
    """What the key of the failures lists next."""
    return f"with {number:,} retried" if shown == "last" and (number := retried(log)) else "all"


def why_none(shown: FailuresShown, log: Exchanges) -> str:
    """What a list without failures says."""
    if shown == "last" and (number := retried(log)):
        return f"Nothing failed for good. e: {count(number, 'failed attempt')}, each sent again"
    return "No failures. e: show all"


def retry_label(exchange: Exchange, exchanges: Exchanges) -> str:
    """What follows a failed attempt that is not the last one of its request; "" for another exchange."""
    if not exchange.failed:
        return ""
    if (later := exchanges.attempts.next_of(exchange)) is not None:
        return f"→ attempt {later.attempt}" if later.attempt else f"→ #{later.number}"
    return "→ retrying" if (exchange.call, exchange.attempt + 1) in exchanges.retries else ""
