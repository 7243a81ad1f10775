"""The rows of a list of exchanges: by session and number, although responses come in another order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator, Sequence

from ..client.exchange import Ring


class ListedRows:
    """The positions, in the ring, of the listed exchanges, in the order of their places.

    Neighbours that fold, and are of one session, are one row, at the position of the last of them.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._rows: deque[int] = deque()
        self._folded: dict[int, deque[int]] = {}
        """The positions in each row that can be folded, by the position of the row."""
        self._arrived: deque[int] = deque()
        """All positions, in the order of the responses, in which exchanges are dropped."""
        self._last_index: tuple[int, int] | None = None
        """The last position whose index was wanted, and that: each row that is drawn wants that of the selection."""

    def clear(self) -> None:
        self._last_index = None
        self._rows.clear()
        self._folded.clear()
        self._arrived.clear()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> int:
        return self._rows[index]

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._rows))

    def positions(self) -> Iterator[int]:
        """The positions of all exchanges, also of those in folded rows."""
        for row in self:
            yield from self._folded.get(row, (row,))

    def folded(self, index: int) -> Sequence[int]:
        """The positions in this row, if it is a folded one; empty for the row of one exchange, or none."""
        if not 0 <= index < len(self._rows):
            return ()
        positions = self._folded.get(self._rows[index], ())
        return tuple(positions) if len(positions) > 1 else ()

    def index(self, position: int) -> int:
        """The index of the row with this position, or of the first one after it: `len` where there is none."""
        if self._last_index is None or self._last_index[0] != position:
            place = self._ring.place
            self._last_index = position, bisect_left(self._rows, place(position), key=place)
        return self._last_index[1]

    def count_until(self, session: int, number: int) -> int:
        """How many rows there are up to this number of a session."""
        return bisect_right(self._rows, (session, number), key=lambda row: self._ring.place(row)[:2])

    def session_index(self, session: int) -> int:
        """The index of the first row of this session, or of a later one."""
        return bisect_left(self._rows, session, key=self._ring.session_at)

    def add(self, position: int, *, folds: bool, is_new: bool) -> None:
        """Adds the exchange at this position; `is_new`: it came after all others, or before all of them."""
        self._last_index = None
        if is_new:
            self._arrived.append(position)
        else:
            self._arrived.appendleft(position)
        index = self._index_to_insert(position)
        around = self._folded_beside(index, position)
        place = self._ring.place
        splits = around is not None and place(around[0]) < place(position)
        if around is not None and splits and not folds:
            before = deque[int]()
            while place(around[0]) < place(position):
                before.append(around.popleft())
            self._rows.insert(index, before[-1])
            self._folded[before[-1]] = before
            self._rows.insert(index + 1, position)
        elif around is not None and folds:
            insort(around, position, key=place)
        elif folds and index and (above := self._folded_beside(index - 1, position)) is not None:
            del self._folded[self._rows[index - 1]]
            above.append(position)
            self._rows[index - 1] = position
            self._folded[position] = above
        else:
            self._rows.insert(index, position)
            if folds:
                self._folded[position] = deque((position,))

    def _folded_beside(self, index: int, position: int) -> deque[int] | None:
        """The positions in the row at this index, where it is one that folds, and of the session of this position."""
        row = self._rows[index] if index < len(self._rows) else None
        around = self._folded.get(row) if row is not None else None
        session_at = self._ring.session_at
        return around if around is not None and session_at(around[0]) == session_at(position) else None

    def _index_to_insert(self, position: int) -> int:
        """Where it belongs: mostly at an end, or near it, where a deque is fast."""
        rows, place = self._rows, self._ring.place
        wanted = place(position)
        low, high = 0, len(rows)
        if not rows or wanted < place(rows[0]):
            return 0
        if place(rows[-1]) < wanted:
            return high
        if high > 2 * _NEAR:
            if place(rows[-_NEAR]) < wanted:
                low = high - _NEAR
            elif wanted < place(rows[_NEAR]):
                high = _NEAR
        return bisect_left(rows, wanted, low, high, key=place)

    def forget(self) -> None:
        """Drops what the ring has dropped: mostly the first rows, and among them requests that took longer."""
        self._last_index = None
        gone, first = 0, self._ring.first
        while self._arrived and self._arrived[0] < first:
            self._arrived.popleft()
            gone += 1
        kept: list[tuple[deque[int], bool]] = []
        while gone:
            row = self._rows.popleft()
            folded = self._folded.pop(row, None)
            left = deque(each for each in folded or (row,) if each >= first)
            gone -= len(folded or (row,)) - len(left)
            if left:
                kept.append((left, folded is not None))
        for left, folds in reversed(kept):
            below = self._folded_beside(0, left[-1]) if folds else None
            if below is not None:
                below.extendleft(reversed(left))
                continue
            self._rows.appendleft(left[-1])
            if folds:
                self._folded[left[-1]] = left


_NEAR = 64
"""Rows from an end of the list within which most exchanges belong."""
