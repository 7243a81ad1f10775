"""The lines between the sessions of a log: where they are among its rows."""

from __future__ import annotations

from bisect import bisect_right

from ...log.view import View


class SessionHeads:
    """A line above the first row of each session that has one. Lines are counted from 0, like the indexes of rows."""

    def __init__(self) -> None:
        self._starts: list[tuple[int, str]] = []
        self._indexes: list[int] = []
        self._lines: list[int] = []
        self._titles: list[str] = []

    def __len__(self) -> int:
        return len(self._lines)

    def begin(self, session: int, title: str) -> None:
        """This session of the log has a title."""
        self._starts.append((session, title))

    def update(self, view: View) -> None:
        """Finds the first row of each session; one without rows has no line."""
        titles = {index: title for start, title in self._starts if (index := view.session_index(start)) < len(view)}
        self._indexes, self._titles = list(titles), list(titles.values())
        self._lines = [index + count for count, index in enumerate(self._indexes)]

    def title_at(self, line: int) -> str:
        """The title at this line; "" where a row is."""
        count = bisect_right(self._lines, line)
        return self._titles[count - 1] if count and self._lines[count - 1] == line else ""

    def index_at(self, line: int) -> int:
        """The index of the row at this line, or of the first one below a title."""
        count = bisect_right(self._lines, line)
        return line - count + bool(self.title_at(line))

    def line_of(self, index: int) -> int:
        return index + bisect_right(self._indexes, index)
