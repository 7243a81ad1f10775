"""Batches that were forbidden (status 403): the entity is at fault if others are allowed, otherwise access is refused.

Magento itself never responds with 403. A firewall in front of it does, also to a single entity whose texts look like an
attack, such as a description with a script in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from .errors import SendResult
from .open_tasks import TaskBatch

_AT_FIRST = 5
"""Requests that must be forbidden one after the other before access counts as refused, if none was allowed before."""
_LATER = 50
"""The same after others were allowed: a source may contain many such entities in a row."""

Forbidden = tuple[TaskBatch, SendResult]


class ForbiddenBatches:
    """Those about which nothing is decided yet; true if there are any."""

    def __init__(self, *, keep_going: bool) -> None:
        """`keep_going`: the entities are at fault in any case."""
        self._keep_going = keep_going
        self._undecided: list[Forbidden] = []
        self._allowed: set[int] = set()
        """The steps of which a request was allowed."""

    def __bool__(self) -> bool:
        return bool(self._undecided)

    def add(self, batch: TaskBatch, result: SendResult) -> bool:
        """Whether access is refused."""
        self._undecided.append((batch, result))
        most = _LATER if batch.step in self._allowed else _AT_FIRST
        return not self._keep_going and sum(other.step == batch.step for other, _ in self._undecided) >= most

    def allowed(self, step: int) -> Iterator[Forbidden]:
        """A request of this step was allowed: those whose entities are at fault."""
        self._allowed.add(step)
        found = [each for each in self._undecided if each[0].step == step]
        self._undecided = [each for each in self._undecided if each[0].step != step]
        yield from found

    def take(self) -> Iterator[tuple[Forbidden, bool]]:
        """All of them, after the last request; and whether their entities are at fault."""
        undecided, self._undecided = self._undecided, []
        for batch, result in undecided:
            yield (batch, result), self._keep_going or batch.step in self._allowed
