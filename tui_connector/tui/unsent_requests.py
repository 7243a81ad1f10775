"""The requests of this session that were written by hand and not sent: they can be opened again."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from textual.app import App

from ..text import count, listed, shown_line

if TYPE_CHECKING:
    from ..client.message import Request

_MOST_NAMED = 2
_WIDEST_NAME = 60
"""Columns of a request in the question before quitting."""


class UnsentRequest(NamedTuple):
    """A request that was edited and not sent, and why."""

    request: Request
    reason: str
    is_logged: bool = False
    """Whether the log has an attempt to send it."""


class UnsentRequests:
    """The requests that were not sent, also those that are being sent; shared by all logs, and kept until quitting.

    Each has one or more keys: what it was edited from, and its attempts.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, UnsentRequest] = {}

    def keep(self, unsent: UnsentRequest, *keys: Hashable) -> None:
        self._kept |= dict.fromkeys(keys, unsent)

    def take(self, key: Hashable) -> UnsentRequest | None:
        """The request with this key, which is not kept any longer under any of its keys; None where there is none."""
        found = self._kept.get(key)
        self._kept = {each: unsent for each, unsent in self._kept.items() if unsent is not found}
        return found

    def unsaved_work(self) -> str:
        """What quitting would lose, as a sentence; "" for nothing. Attempts to send a request are in the log."""
        lost = {id(each): each.request for each in self._kept.values() if not each.is_logged}
        names = [shown_line(f"{each.method} {each.uri}", _WIDEST_NAME) for each in lost.values()]
        if not names:
            return ""
        return f"{count(len(names), 'request')} not sent yet, and lost then: {listed(names, _MOST_NAMED)}."


class _Records(Protocol):
    unsent: UnsentRequests


@runtime_checkable
class _HasRecords(Protocol):
    records: _Records


def unsent_requests_of(app: App[object]) -> UnsentRequests:
    """The requests of the app that were not sent; an app without records, such as one of a test, keeps none."""
    return app.records.unsent if isinstance(app, _HasRecords) else UnsentRequests()
