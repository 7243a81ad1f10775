"""The changes of a text in their order: each can be undone and made again."""

from __future__ import annotations

from typing import NamedTuple

MAX_CHARACTERS = 50_000_000
"""Characters that all changes may hold; beyond that, the oldest are forgotten."""


class TextChange(NamedTuple):
    """At offset `start`, `old` became `new`; the cursor was at `cursor` before."""

    start: int
    old: str
    new: str
    cursor: int
    group: int
    """Changes of one group are undone together."""
    after: int | None = None
    """Where the cursor was when the change was undone; None where that is not known."""


class TextHistory:
    """What was done to a text, and what was undone of it."""

    def __init__(self) -> None:
        self._done: list[TextChange] = []
        self._undone: list[TextChange] = []
        self._group = 0
        self._is_open = False
        self._size = 0

    def record(self, before: str, after: str, cursor: int | None = None, *, joined: bool = False) -> None:
        """Records a change; `joined` adds it to the group of the one before it, unless that group is closed."""
        if before == after:
            return
        start, end_before, end_after = difference(before, after)
        if not (joined and self._is_open):
            self._group += 1
        made = TextChange(
            start, before[start:end_before], after[start:end_after], start if cursor is None else cursor, self._group
        )
        self._done.append(made)
        self._undone.clear()
        self._is_open = True
        self._size += len(made.old) + len(made.new)
        while self._size > MAX_CHARACTERS and len(self._done) > 1:
            forgotten = self._done.pop(0)
            self._size -= len(forgotten.old) + len(forgotten.new)

    def close_group(self) -> None:
        """The next change is undone alone."""
        self._is_open = False

    def undo(self, text: str, at: int | None = None) -> tuple[str, int] | None:
        """The text before the last group of changes, and where the cursor was; None if there is none left.

        `at`: where the cursor is now, to which `redo` returns.
        """
        self._is_open = False
        cursor = None
        while self._done and (cursor is None or self._done[-1].group == self._undone[-1].group):
            last = self._done.pop()
            self._undone.append(last._replace(after=at if cursor is None else None))
            text = text[: last.start] + last.old + text[last.start + len(last.new) :]
            cursor = last.cursor
        return None if cursor is None else (text, min(cursor, len(text)))

    def redo(self, text: str) -> tuple[str, int] | None:
        """The text with the group of changes that was undone last, and where the cursor was; None if there is none."""
        cursor = None
        while self._undone and (cursor is None or self._undone[-1].group == self._done[-1].group):
            last = self._undone.pop()
            self._done.append(last)
            text = text[: last.start] + last.new + text[last.start + len(last.old) :]
            cursor = last.start + len(last.new) if last.after is None else last.after
        return None if cursor is None else (text, min(cursor, len(text)))


def difference(before: str, after: str) -> tuple[int, int, int]:
    """Where two texts differ: the offset of the first difference, and where it ends in each of them."""
    most = min(len(before), len(after))
    low, high = 0, most
    while low < high:  # by halves: comparing slices is fast, comparing characters is not
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    start, most = low, most - low
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if before[len(before) - middle : len(before) - low] == after[len(after) - middle : len(after) - low]:
            low = middle
        else:
            high = middle - 1
    return start, len(before) - low, len(after) - low
