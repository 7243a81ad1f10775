"""How the parts of a run's screen share its rows: a pure function of its size and of what there is to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from textual.geometry import Size

from ..log.dock import is_wide
from ..log.layout import MIN_HEIGHT_WITH_DETAIL

_FRAME = 2
"""Rows of the header and the footer."""
_STATE = 4
"""Most lines of the state of a run that has not failed."""
_CHARTS, _ENDED_CHARTS = 5, 8
"""Rows that charts need, and those that they have at most once the run has ended."""
_MESSAGES, _ENDED_MESSAGES = 3, 5
"""Rows that the messages need, and those that they may have of any share once the run has ended."""
_LIST = 5
"""Rows that show the newest requests."""
_WIDE_LOG = 14
"""Rows of a log that shows a list and a detail beside it, in borders."""


@dataclass(frozen=True, slots=True)
class RunNeeds:
    """What there is to show of a run. `state` and `messages` are lines."""

    state: int = 1
    messages: int = 1
    has_charts: bool = True
    """Whether the charts are to be shown, where they have room."""
    ended: bool = False
    failed: bool = False
    """Whether it has ended, and something failed: its log is read then."""


class RunRows(NamedTuple):
    """Rows of the parts of the screen, from top to bottom; 0 for one that is not shown."""

    bar: int
    state: int
    tiles: int
    charts: int
    messages: int
    log: int


def run_rows(size: Size, needs: RunNeeds) -> RunRows:
    """The rows of each part on a screen of this size; header and footer have one each.

    The log never has less than what shows a request, and after a failure its detail. Of the rest, what is worth least
    gives way first: the charts, then the messages, the tiles, the bar, and only then lines of the state.
    """
    wide = is_wide(size)
    log = _WIDE_LOG if wide else MIN_HEIGHT_WITH_DETAIL if needs.failed else _LIST
    room = max(1, size.height - _FRAME - log)
    state = min(room, needs.state if needs.failed else min(needs.state, _STATE))
    parts = {"bar": 1, "tiles": 4 if wide else 2, "messages": _MESSAGES, "charts": _CHARTS if needs.has_charts else 0}
    spare, fits = room - state, True
    for name, least in parts.items():
        fits = fits and least <= spare
        parts[name] = least if fits else 0
        spare -= parts[name]
    charts, messages = parts["charts"], parts["messages"]
    most_charts, most_messages = _shares(spare + messages + charts + log, charts, needs, wide=wide)
    if messages:
        more = max(0, min(spare, min(most_messages, needs.messages + (2 if wide else 1)) - messages))
        messages, spare = messages + more, spare - more
    if charts:
        more = max(0, min(spare, most_charts - charts))
        charts, spare = charts + more, spare - more
    return RunRows(parts["bar"], state, parts["tiles"], charts, messages, log + spare)


def _shares(rows: int, charts: int, needs: RunNeeds, *, wide: bool) -> tuple[int, int]:
    """How many of these rows, which they share with the log, charts and messages may have."""
    if not wide:
        return charts, (rows - charts) // 2
    if needs.ended:
        return _ENDED_CHARTS, max(_ENDED_MESSAGES, (rows - charts) // 5)
    return rows // 3, rows * 2 // 9
