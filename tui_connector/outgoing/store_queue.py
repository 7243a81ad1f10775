"""Follows the operations that a store has queued, until each of them has ended or the queue makes no progress.

Magento's consumer executes operations in their order. So the oldest bulk is looked at first, by the number of its open
operations; its results, which are large, are read once that number is 0. An operation whose consumer was killed stays
open for ever, although later ones end; without a consumer, all of them do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ..client.body_refusal import OPEN
from ..client.message import Request
from ..machine import Machine
from ..runs.errors import Action, RunError, RunFailed
from ..runs.pace import Patience
from ..text import count
from ..units import duration
from .bulk import PERMISSION, PERMISSION_PATH, Delivery, operation_result, operations
from .errors import Outcome, SendResult

Entities = TypeVar("Entities")
"""What an operation contains."""

_FIRST_PAUSE, _PAUSE_WHILE_MOVING, _LONGEST_PAUSE = 0.25, 5.0, 30.0
"""Seconds between two looks at the queue; each is half as long again as the one before."""
_STANDSTILL = 90.0
"""Seconds without a result until the user is told: where cron starts the consumer, it does so once a minute."""
NOT_QUEUED = ("bulk-lost", "operation-open")
"""Codes of tasks whose operation will not be executed any more, as far as it is known."""
_LOOKED_AT = 2
"""Open bulks that are looked at in turn: those behind them wait for the same consumer."""
_START_CONSUMER = "Is its consumer running? Start it: bin/magento queue:consumers:start async.operations.all"


@dataclass(slots=True)
class _Bulk(Generic[Entities]):
    uuid: str
    operations: dict[int, Entities]
    """Those that have not ended, by id."""
    open: int
    moved: float
    """When one of its operations was last seen to have ended, or when it became the oldest bulk."""
    last_ended: int = -1
    """The highest id of an operation that has ended."""


class StoreQueue(Generic[Entities]):
    """The bulks of a run that have not ended."""

    def __init__(
        self,
        delivery: Delivery,
        *,
        send: Callable[[Request], Awaitable[SendResult]],
        machine: Machine,
        patience: Patience,
        limit: float,
        on_ended: Callable[[Sequence[tuple[Entities, SendResult]]], None],
        on_standstill: Callable[[Entities, RunError], None],
        note: Callable[[str], None],
    ) -> None:
        """`send` sends a request that reads. `limit`: for how many seconds nothing may move.

        `on_ended` is called with the results of operations, `on_standstill` with those that are open when the queue has
        been given up.
        """
        self._delivery, self._send, self._machine, self._patience = delivery, send, machine, patience
        self._limit, self._on_ended, self._on_standstill, self._note = limit, on_ended, on_standstill, note
        self._bulks: list[_Bulk[Entities]] = []
        """The oldest first."""
        self._moved = machine.monotonic()
        self._told = False

    @property
    def is_open(self) -> bool:
        return bool(self._bulks)

    def add(self, uuid: str, operations: dict[int, Entities]) -> None:
        """Follows the operations of a bulk, too."""
        if not self._bulks:
            self._moved = self._machine.monotonic()
        self._bulks.append(_Bulk(uuid, operations, len(operations), self._machine.monotonic()))

    async def check_permission(self) -> None:
        """Raises `RunFailed` if the results of operations cannot be read."""
        result = await self._result(self._delivery.permission_request(), has_read=False)
        if (error := result.error) is None:
            return
        what = "The results of asynchronous requests cannot be read"
        if result.response is not None and PERMISSION.encode() in result.response.body:
            message = f"{what}: the store does not allow it ({result.response.status})"
            hint = f"Grant the permission {PERMISSION_PATH} ({PERMISSION}). Nothing was sent."
            raise RunFailed(replace(error, action=Action.REFUSED, message=message, hint=hint, code="bulk-permission"))
        if result.outcome in (Outcome.STOP, Outcome.FORBIDDEN):
            raise RunFailed(error)
        raise RunFailed(replace(error, action=Action.WRONG, message=f"{what}: {error.message}"))

    async def follow(self) -> None:
        """Returns when every operation has ended. Raises `RunFailed` if nothing moves any more."""
        pause = _FIRST_PAUSE
        while self._bulks:
            before = len(self._bulks)
            moved = await self._look()
            if not self._bulks:
                return
            await self._check_standstill()
            if len(self._bulks) < before:
                pause = _FIRST_PAUSE
            await self._machine.sleep(pause)
            pause = min(pause * 1.5, _PAUSE_WHILE_MOVING if moved else _LONGEST_PAUSE)

    async def _look(self) -> bool:
        """Polls the oldest bulks; returns whether an operation has ended."""
        moved, still_open = False, 0
        for bulk in list(self._bulks):
            if len(bulk.operations) > 1:
                number = await self._number_open(bulk)
            else:
                number = 0  # its result is as small as the number
            if number == 0:
                number = await self._read_results(bulk)
            if number < bulk.open:
                bulk.open, bulk.moved, moved = number, self._machine.monotonic(), True
            if bulk.open:
                still_open += 1
            if still_open == _LOOKED_AT:
                break
        if moved:
            self._moved, self._told = self._machine.monotonic(), False
        return moved

    async def _number_open(self, bulk: _Bulk[Entities]) -> int:
        result = await self._read(bulk, f"operation-status/{OPEN}")
        found = result.body
        return found if isinstance(found, int) and result.error is None else 0

    async def _read_results(self, bulk: _Bulk[Entities]) -> int:
        """Reports the operations that have ended; returns how many have not."""
        result = await self._read(bulk, "detailed-status")
        found = operations(result.body) if result.error is None else None
        if result.response is None or found is None:
            reason = result.error.message if result.error is not None else "its status is not valid"
            self._lost(bulk, f"The store does not say what became of bulk {bulk.uuid}: {reason}", result)
            return 0
        ended: list[tuple[Entities, SendResult]] = []
        bulk.last_ended = max((number for number, each in found.items() if each.status != OPEN), default=-1)
        for number, entities in list(bulk.operations.items()):
            operation = found.get(number)
            if operation is None:
                error = self._unknown(f"The store has lost its operation in bulk {bulk.uuid}", result)
                ended.append((bulk.operations.pop(number), SendResult(Outcome.UNKNOWN, error)))
            elif operation.status != OPEN:
                ended.append((entities, operation_result(operation, result.response)))
                del bulk.operations[number]
        self._report(bulk, ended)
        return len(bulk.operations)

    def _lost(self, bulk: _Bulk[Entities], message: str, result: SendResult) -> None:
        error = self._unknown(message, result)
        ended = [(entities, SendResult(Outcome.UNKNOWN, error)) for entities in bulk.operations.values()]
        bulk.operations = {}
        self._report(bulk, ended)

    def _unknown(self, message: str, result: SendResult | None = None, code: str = "bulk-lost") -> RunError:
        exchange = result.response.exchange if result is not None and result.response is not None else None
        return RunError(Action.WAIT, message, "", exchange, code=code)

    def _report(self, bulk: _Bulk[Entities], ended: Sequence[tuple[Entities, SendResult]]) -> None:
        if not bulk.operations:
            is_oldest = bulk is self._bulks[0]
            self._bulks.remove(bulk)
            if is_oldest and self._bulks:
                self._bulks[0].moved = self._machine.monotonic()
        if ended:
            self._on_ended(ended)

    async def _check_standstill(self) -> None:
        """Gives up operations that later ones have overtaken. Raises `RunFailed` if nothing moves at all."""
        oldest = self._bulks[0]
        if self._machine.monotonic() - oldest.moved >= self._limit:
            before, oldest.open = oldest.open, await self._read_results(oldest)
            if oldest.open < before:
                self._moved = oldest.moved = self._machine.monotonic()
                return
            overtaken = list(oldest.operations)
            if self._moved <= oldest.moved:  # no other bulk has moved since
                overtaken = [number for number in overtaken if number < oldest.last_ended]
            if overtaken:
                self._give_up(oldest, overtaken)
        waited = self._machine.monotonic() - self._moved
        if not self._bulks or waited < min(self._limit, _STANDSTILL):
            return
        total = sum(len(bulk.operations) for bulk in self._bulks)
        waiting = count(total, "request waits", "requests wait")
        message = f"{waiting} in the store's queue, which has made no progress for {duration(waited)}"
        if waited < self._limit:
            if not self._told:
                self._told = True
                self._note(f"{message}. {_START_CONSUMER}.")
            return
        for bulk in self._bulks:
            for entities in bulk.operations.values():
                reason = "It waits in the store's queue, which makes no progress: is its consumer running?"
                self._on_standstill(entities, RunError(Action.WAIT, reason, code="queue-standstill"))
        hint = f"{_START_CONSUMER}. The next run waits for them again and sends none of them twice."
        raise RunFailed(RunError(Action.WAIT, message, hint, code="queue-standstill"))

    def _give_up(self, bulk: _Bulk[Entities], overtaken: Sequence[int]) -> None:
        ended = []
        for number in overtaken:
            reason = (
                f"Its operation in bulk {bulk.uuid} is still open, although later ones have ended: the consumer was "
                "probably interrupted while executing it"
            )
            error = self._unknown(reason, code="operation-open")
            ended.append((bulk.operations.pop(number), SendResult(Outcome.UNKNOWN, error)))
        self._report(bulk, ended)

    async def _read(self, bulk: _Bulk[Entities], what: str) -> SendResult:
        """Raises `RunFailed` if the store refuses it, or is down for too long."""
        result = await self._result(self._delivery.status_request(bulk.uuid, what))
        if result.outcome in (Outcome.STOP, Outcome.FORBIDDEN) and result.error is not None:
            raise RunFailed(result.error)
        return result

    async def _result(self, request: Request, *, has_read: bool = True) -> SendResult:
        """The result of a request that reads; waits for a store that is down. Raises `RunFailed`."""
        waited = False
        try:
            while True:
                await self._patience.wait_for_turn()
                result = await self._send(request)
                if result.outcome not in (Outcome.UNAVAILABLE, Outcome.RETRY) or result.error is None:
                    break
                waited = True
                await self._patience.wait(result.error, has_read=has_read)
            if waited:
                self._patience.reset()
            return result
        finally:
            self._patience.release()
