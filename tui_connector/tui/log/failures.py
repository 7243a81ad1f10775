"""Which failures a log shows, and what its rows say of failed attempts that were sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...client.exchange import Exchange, Exchanges
from ...log.expressions import Filter
from ...log.operators import Possible, Predicate
from ...log.view import Matcher, both
from ...text import count

FailuresShown = Literal["", "last of run", "all of run", "last", "all"]
"""Which failures a list shows in place of all exchanges: the last attempts of requests, or all attempts.

Beside a run first those of its own requests, then those of all.
"""


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
    return sum(each.call in retries for each in log.failures if not log.attempts.next_of(each))


def _final(log: Exchanges) -> Predicate:
    """Whether nothing repeats an attempt, or is about to."""
    retries = log.retries
    return lambda each: log.attempts.next_of(each) is None and each.call not in retries


def is_last_only(shown: FailuresShown) -> bool:
    """Whether only what failed for good is shown."""
    return shown in ("last of run", "last")


def is_of_run(shown: FailuresShown) -> bool:
    """Whether only failures of the run are shown."""
    return shown in ("last of run", "all of run")


def _meant(shown: FailuresShown, is_own: Predicate | None) -> Predicate | None:
    """Which failures are shown; None: all."""
    return is_own if is_of_run(shown) else None


def next_shown(shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None) -> FailuresShown:
    """What follows: what failed for good, all failed attempts where these are others, or all exchanges.

    `is_own`: which failures are of the run, None where the log is not beside one. They come first, also where there
    are none, and then the failures of all requests where these are others.
    """
    if not shown:
        if is_own is not None:
            return "last of run" if failed(log, is_own) else "all of run"
        return "last" if failed(log) else "all"
    if is_last_only(shown) and retried(log, _meant(shown, is_own)):
        return "all of run" if is_of_run(shown) else "all"
    if not is_of_run(shown) or not _others(log, is_own):
        return ""
    return "last" if failed(log) > failed(log, is_own) else "all"


def _others(log: Exchanges, is_own: Predicate | None) -> int:
    """How many failed attempts are not of the run."""
    return failed(log) + retried(log) - failed(log, is_own) - retried(log, is_own)


def listed_by(wanted: Filter, shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None) -> Matcher:
    """The filter; of failures, which are meant, and where only the last ones are shown, that nothing retries them."""
    matcher: Matcher = wanted
    if (meant := _meant(shown, is_own)) is not None:
        matcher = both(matcher, _Test(meant))
    return both(matcher, _Test(_final(log))) if is_last_only(shown) else matcher


def number_of(shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None) -> int:
    """How many exchanges a list has without a filter, as far as they are kept."""
    if not shown:
        return len(log)
    meant = _meant(shown, is_own)
    kept = len(log.failures) if meant is None else sum(map(meant, log.failures))
    return min(kept, failed(log, meant)) if is_last_only(shown) else kept


def counts(log: Exchanges, is_own: Predicate | None = None) -> str:
    """How many requests failed for good, also of the run, and how many failed attempts were sent again; "" if none."""
    failures, repeated = failed(log), retried(log)
    words = [f"{failures:,} failed"] if failures else []
    if failures and is_own is not None:
        own = failed(log, is_own)
        words[0] += f", {own:,} of this run" if own else ", none of this run"
    return " · ".join([*words, *([f"{repeated:,} retried"] if repeated else [])])


def next_words(shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None) -> str:
    """What the key of the failures lists next, such as "with 2 retried", "3 others" or "all"."""
    following = next_shown(shown, log, is_own)
    if following and is_of_run(shown) and not is_of_run(following):
        return count(_others(log, is_own), "other", "others")
    return f"with {retried(log, _meant(shown, is_own)):,} retried" if following else "all"


def shown_words(
    shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None, meant: str = ""
) -> tuple[str, str]:
    """What a list of failures is called in its title, with what the key lists next, and without.

    `meant`: which those of the run are, such as " of this run".
    """
    what = "failed for good" if is_last_only(shown) and retried(log, _meant(shown, is_own)) else "errors only"
    return f"{what}{meant if is_of_run(shown) else ''} (e: {next_words(shown, log, is_own)})", what


def why_none(shown: FailuresShown, log: Exchanges, is_own: Predicate | None = None, meant: str = "") -> str:
    """What a list without failures says. `meant`: which those of the run are, such as " of this run"."""
    if is_last_only(shown) and (number := retried(log, _meant(shown, is_own))):
        return f"Nothing failed for good. e: {count(number, 'failed attempt')}, each sent again"
    return f"No failures{meant if is_of_run(shown) else ''}. e: show {next_words(shown, log, is_own)}"


def retry_label(exchange: Exchange, exchanges: Exchanges) -> str:
    """What follows a failed attempt that is not the last one of its request; "" for another exchange."""
    if not exchange.failed:
        return ""
    if (later := exchanges.attempts.next_of(exchange)) is not None:
        return f"→ #{later}"
    return "→ retrying" if exchange.call in exchanges.retries else ""
