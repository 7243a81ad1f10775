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


def failed(log: Exchanges, is_own: Predicate | None = None) -> int:
    """How many requests failed for good: nothing repeated their last attempt, or is about to.

    `is_own`: which failures are meant, as far as they are kept; None: all.
    """
    if is_own is not None:
        return sum(map(_final(log), filter(is_own, log.failures)))
    return log.attempts.failed - _being_retried(log)


def retried(log: Exchanges, is_own: Predicate | None = None) -> int:
    """How many failed attempts were sent again, or are about to be."""
    if is_own is not None:
        return sum(map(is_own, log.failures)) - failed(log, is_own)
    return log.attempts.retried + _being_retried(log)


def _being_retried(log: Exchanges) -> int:
    if not (retries := log.retries):
        return 0
    return sum((each.call, each.attempt + 1) in retries for each in log.failures if not log.attempts.next_of(each))


def _final(log: Exchanges) -> Predicate:
    """Whether nothing repeats an attempt, or is about to."""
    retries = log.retries
    return lambda each: log.attempts.next_of(each) is None and (each.call, each.attempt + 1) not in retries


def next_shown(shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None) -> FailuresShown:
    """What follows: what failed for good, all failed attempts where these are others, or all exchanges."""
    if not shown:
        return "last" if failed(log, is_own) else "all"
    return "all" if shown == "last" and retried(log, is_own) else ""


def listed_by(wanted: Filter, shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None) -> Matcher:
    """The filter; of failures, which are meant, and where only the last ones are shown, that nothing retries them."""
    matcher: Matcher = wanted
    if shown and is_own is not None:
        matcher = both(matcher, _Test(is_own))
    return both(matcher, _Test(_final(log))) if shown == "last" else matcher


def number_of(shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None) -> int:
    """How many exchanges a list has without a filter, as far as they are kept."""
    if not shown:
        return len(log)
    kept = len(log.failures) if is_own is None else sum(map(is_own, log.failures))
    return min(kept, failed(log, is_own)) if shown == "last" else kept


def next_words(shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None) -> str:
    """What the key of the failures lists next."""
    return f"with {number:,} retried" if shown == "last" and (number := retried(log, is_own)) else "all"


def why_none(shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None, meant: str = "") -> str:
    """What a list without failures says. `meant`: which they are, such as " of this run"."""
    if shown == "last" and (number := retried(log, is_own)):
        return f"Nothing failed for good. e: {count(number, 'failed attempt')}, each sent again"
    return f"No failures{meant}. e: show all"


def retry_label(exchange: Exchange, exchanges: Exchanges) -> str:
    """What follows a failed attempt that is not the last one of its request; "" for another exchange."""
    if not exchange.failed:
        return ""
    if (later := exchanges.attempts.next_of(exchange)) is not None:
        return f"→ attempt {later.attempt}" if later.attempt else f"→ #{later.number}"
    return "→ retrying" if (exchange.call, exchange.attempt + 1) in exchanges.retries else ""
