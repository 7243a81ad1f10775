"""Why a filter or a search of the log finds nothing, as far as that is known."""

from __future__ import annotations

from collections.abc import Collection

from ...client.exchange import Ring
from ...log.filter import Filter, search_for
from ...log.filter_corrections import corrected, corrected_search, unknown_field
from ...text import count, shown_line

_MAX_SEARCH = 40
"""Characters of a search in a message."""


HISTORY_SETTING = "history under [log] of the profile sets what is kept of each session (off: nothing)."
"""What to change where a request of an earlier session, or its body, is missing."""


def why_none_listed(wanted: Filter, ring: Ring, fields: Collection[str]) -> list[str]:
    """What a list says in which the filter leaves nothing, a line each; `fields`: those that its requests have."""
    meant = corrected(str(wanted), fields=fields)
    hint = f"; did you mean {shown_line(meant.meant, _MAX_SEARCH)}? a: apply" if meant else "."
    empty = f"None of {len(ring):,} matches{hint}{' ·' if meant else ''} F: disable it · f: change"
    return [empty, *filter(None, [_without_field(wanted, fields), _without_status(wanted, ring)])]


def why_none_found(search: str, ring: Ring, fields: Collection[str], *, is_history: bool = False) -> str:
    """What is said after a search of the list that found nothing; `fields`: those that its requests have.

    `is_history`: they are those of earlier sessions.
    """
    wanted, meant = search_for(search), corrected_search(search, fields=fields)
    partial = not_searched(ring, wanted)
    end = f"; did you mean {shown_line(meant.meant, _MAX_SEARCH)}?" if meant else "."
    reasons = [f"{partial}." if partial else "", _without_field(wanted, fields), _without_status(wanted, ring)]
    if is_history and (partial or not len(ring)):
        reasons.append(HISTORY_SETTING)
    return " ".join(filter(None, [f"No match for {shown_line(search, _MAX_SEARCH)}{end}", *reasons]))


def not_searched(ring: Ring, *wanted: Filter) -> str:
    """How many bodies these did not search in full, and what finds them; "" if they search none."""
    if not ring.partial or not any(each.reads_bodies for each in wanted):
        return ""
    return f"{count(ring.partial, 'body', 'bodies')} not searched in full (~i)"


def _without_field(wanted: Filter, fields: Collection[str]) -> str:
    """Which field is compared that no request has; "" for none."""
    name = unknown_field(wanted, fields)
    return f"No request here has a search criterion or parameter {shown_line(name, _MAX_SEARCH)}." if name else ""


def _without_status(wanted: Filter, ring: Ring) -> str:
    """How many requests cannot match, as they have no status, and what finds them; "" for none."""
    if not ring.without_response or not wanted.wants_status:
        return ""
    return f"{count(ring.without_response, 'request')} had no response, so no status (filter: status = none)."
