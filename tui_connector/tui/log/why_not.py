"""Why a key of the log does nothing now."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from .._textual import current_bindings

_REASONS = {
    "toggle_filter": "There is no filter to turn off; f sets one.",
    "fold_probes": "Probes are one row each while the list is filtered, or shows errors only.",
    "pause": "A recorded log gets no new requests, so there is nothing to pause.",
    "divide": "Only the list is shown here; zoom the log to see the detail beside it.",
    "next_match": "Nothing was searched for; / searches.",
    "section": "b goes through the sections of a request; Enter opens the selected one.",
}
"""By the name of the action."""


def why_not(widgets: Iterable[Widget], key: str) -> str:
    """Why this key, which is bound on one of these widgets, is not active; "" where it is not bound."""
    bound = (each for one in widgets for each in current_bindings(one, one.app).key_to_bindings.get(key, ()))
    return next((reason for each in bound if (reason := _REASONS.get(each.action.partition("(")[0]))), "")
