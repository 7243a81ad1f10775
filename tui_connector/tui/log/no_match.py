"""Why a filter or a search of the log finds nothing, as far as that is known."""

from __future__ import annotations

from ...client.exchange import Ring
from ...log.filter import Filter, search_for
from ...log.filter_corrections import corrected, corrected_search
from ...text import count, shown_line

_MAX_SEARCH = 40
"""Characters of a search in a message."""


def why_none_listed(wanted: Filter, ring: Ring) -> list[str]:
    """What a list says in which the filter leaves nothing, a line each."""
    meant = corrected(str(wanted))
    hint = f"; did you mean {meant.meant}?" if meant else "."
    empty = f"None of {len(ring):,} matches{hint} F: disable it · f: change"
    return [empty, *filter(None, [_without_status(wanted, ring)])]


def why_none_found(search: str, ring: Ring) -> str:
    """What is said after a search of the list that found nothing."""
    wanted, meant = search_for(search), corrected_search(search)
    partial = not_searched(ring, wanted)
    end = f"; did you mean {meant.meant}?" if meant else "."
    reasons = [f"{partial}." if partial else "", _without_status(wanted, ring)]
    return " ".join(filter(None, [f"No match for {shown_line(search, _MAX_SEARCH)}{end}", *reasons]))


def not_searched(ring: Ring, *wanted: Filter) -> str:
    """How many bodies these did not search in full, and what finds them; "" if they search none."""
    if not ring.partial or not any(each.reads_bodies for each in wanted):
        return ""
    return f"{count(ring.partial, 'body', 'bodies')} not searched in full (~i)"


def _without_status(wanted: Filter, ring: Ring) -> str:
    """How many requests cannot match, as they have no status, and what finds them; "" for none."""
    if not ring.without_response or not wanted.wants_status:
        return ""
    return f"{count(ring.without_response, 'request')} had no response, so no status (filter: status = none)."
