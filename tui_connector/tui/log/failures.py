"""Which failures a log shows, and what its rows say of failed attempts that were sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...client.exchange import Exchange, Exchanges
from ...client.failed_attempts import FailedAttempts
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


def next_shown(shown: FailuresShown, attempts: FailedAttempts) -> FailuresShown:
    """What follows: what failed for good, all failed attempts where these are others, or all exchanges."""
    if not shown:
        return "last" if attempts.failed else "all"
    return "all" if shown == "last" and attempts.retried else ""


def listed_by(wanted: Filter, shown: FailuresShown, attempts: FailedAttempts) -> Matcher:
    """The filter, and that an attempt is the last one of its request where only these are shown."""
    if shown != "last":
        return wanted
    return both(wanted, _Test(lambda exchange: attempts.next_of(exchange) is None))


def number_of(shown: FailuresShown, log: Exchanges) -> int:
    """How many exchanges a list has without a filter, as far as they are kept."""
    if not shown:
        return len(log)
    kept = len(log.failures)
    return min(kept, log.attempts.failed) if shown == "last" else kept


def next_words(shown: FailuresShown, attempts: FailedAttempts) -> str:
    """What the key of the failures lists next."""
    return f"with {attempts.retried:,} retried" if shown == "last" and attempts.retried else "all"


def why_none(shown: FailuresShown, attempts: FailedAttempts) -> str:
    """What a list without failures says."""
    if shown == "last" and attempts.retried:
        return f"Nothing failed for good. e: {count(attempts.retried, 'failed attempt')}, each sent again"
    return "No failures. e: show all"


def retry_label(exchange: Exchange, exchanges: Exchanges) -> str:
    """What follows a failed attempt that is not the last one of its request; "" for another exchange."""
    if not exchange.failed:
        return ""
    if (later := exchanges.attempts.next_of(exchange)) is not None:
        return f"→ attempt {later.attempt}" if later.attempt else f"→ #{later.number}"
    retry = exchanges.pending_retries.get(exchange.call)
    return "→ retrying" if retry is not None and retry.attempt == exchange.attempt + 1 else ""
