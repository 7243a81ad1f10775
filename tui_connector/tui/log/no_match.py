"""Why a filter or a search of the log finds nothing, as far as that is known."""

from __future__ import annotations

from collections.abc import Collection

from ...client.exchange import Exchanges, Ring
from ...log.expressions import Filter
from ...log.filter_corrections import corrected, corrected_search, unknown_field
from ...log.operators import Predicate
from ...log.search import search_for
from ...log.view import View
from ...text import count, shown_line
from .failures import FailuresShown, next_words, number_of

_MAX_SEARCH = 40
"""Characters of a search in a message."""


HISTORY_SETTING = "history under [log] of the profile sets what is kept of each session (off: nothing)."
"""What to change where a request of an earlier session, or its body, is missing."""


def why_none_listed(
    wanted: Filter,
    shown: FailuresShown,
    log: Exchanges,
    fields: Collection[str],
    is_own: Predicate | None = None,
) -> list[str]:
    """What a list says in which the filter leaves nothing, a line each; `fields`: those that its requests have.

    `shown`, `is_own`: which failures it is limited to, and which of them are of the run.
    """
    number, ring = number_of(shown, log, is_own), log.failures if shown else log
    searched = count(number, "failure" if shown else "request")
    keys = f"F: disable the filter · f: change it{f' · e: {next_words(shown, log, is_own)}' if shown else ''}"
    meant = corrected(str(wanted), fields=fields)
    offer = f"Did you mean {shown_line(meant.meant, _MAX_SEARCH)}? a: apply" if meant else ""
    reasons = [offer, _without_field(wanted, fields), _without_status(wanted, ring)]
    return [f"No match in {searched}. {keys}", *filter(None, reasons)]


def why_none_found(
    search: str,
    listed: View,
    fields: Collection[str],
    *,
    only_failures: bool = False,
    is_filtered: bool = False,
    is_history: bool = False,
) -> str:
    """What is said after a search of this list that found nothing; `fields`: those that its requests have.

    `only_failures`, `is_filtered`: others were not searched. `is_history`: they are those of earlier sessions.
    """
    wanted, meant = search_for(search), corrected_search(search, fields=fields)
    partial = not_searched(wanted, listed, is_filtered=is_filtered)
    end = f"; did you mean {shown_line(meant.meant, _MAX_SEARCH)}?" if meant else "."
    limits = ["failures (e: all)"] * only_failures + ["what the filter lists (F: all)"] * is_filtered
    limited = f"Searched only {' and '.join(limits)}." if limits else ""
    reasons = [
        f"{partial}." if partial else "",
        _without_field(wanted, fields),
        _without_status(wanted, listed),
        limited,
    ]
    if is_history and (partial or not len(listed)):
        reasons.append(HISTORY_SETTING)
    return " ".join(filter(None, [f"No match for {shown_line(search, _MAX_SEARCH)}{end}", *reasons]))


def not_searched(wanted: Filter, searched: Ring | View, *, is_filtered: bool = False) -> str:
    """How many bodies a filter or a search did not search, or in part, and what lists them; "" if it searches none.

    `is_filtered`: only those were searched that a filter lists.
    """
    if not wanted.reads_bodies or not (partial := searched.partial):
        return ""
    key = "add ~i to the filter" if is_filtered else "filter ~i"
    missing = searched.without_bodies
    numbers = {"not searched in full": partial - missing, "not kept": missing}
    words = [f"{number:,} {which}" for which, number in numbers.items() if number]
    bodies = "body" if partial == 1 else "bodies"
    words[0] = words[0].replace(" ", f" {bodies} ", 1)
    return f"{', '.join(words)} ({key} to list {'it' if partial == 1 else 'them'})"


def _without_field(wanted: Filter, fields: Collection[str]) -> str:
    """Which field is compared that no request has; "" for none."""
    name = unknown_field(wanted, fields)
    return f"No request here has a search criterion or parameter {shown_line(name, _MAX_SEARCH)}." if name else ""


def _without_status(wanted: Filter, searched: Ring | View) -> str:
    """How many requests cannot match, as they have no status, and what finds them; "" for none."""
    if not wanted.wants_status or not (number := searched.without_response):
        return ""
    return f"{count(number, 'request')} had no response, so no status (filter: status = none)."
