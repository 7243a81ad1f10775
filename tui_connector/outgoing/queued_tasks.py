"""Tasks in the store's queue: what it has accepted waits there until its operation has a result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from ..client.message import Request
from ..machine import Machine
from ..runs.errors import RunError, RunFailed
from ..runs.pace import Patience
from ..templates import Json
from .batch import with_item_errors
from .bulk import Accepted, Delivery
from .errors import ItemError, Outcome, SendResult
from .open_tasks import OpenTasks, TaskBatch
from .store_queue import StoreQueue
from .tasks import Task

_BULK = "bulk"
"""Marks where in the store's queue a waiting task is: the UUID of the bulk, and the operation's number."""


class QueuedTasks:
    """The waiting tasks of a run. Their results are read by a task of the event loop, `following`."""

    def __init__(
        self,
        delivery: Delivery,
        tasks: OpenTasks,
        *,
        send: Callable[[Request], Awaitable[SendResult]],
        machine: Machine,
        patience: Patience,
        limit: float,
        on_result: Callable[[TaskBatch, SendResult], None],
        on_failed: Callable[[RunError], None],
        on_ended: Callable[[asyncio.Task[None]], None],
        note: Callable[[str], None],
    ) -> None:
        """`send` sends a request that reads. `limit`: for how many seconds nothing may move.

        `on_result` is called with the results of operations, `on_failed` when the queue cannot be followed, and
        `on_ended` with each ended task of the event loop.
        """
        self._delivery, self._tasks = delivery, tasks
        self._on_result, self._on_failed, self._on_ended = on_result, on_failed, on_ended
        self._queue: StoreQueue[TaskBatch] = StoreQueue(
            delivery,
            send=send,
            machine=machine,
            patience=patience,
            limit=limit,
            on_ended=self._operations_ended,
            on_standstill=self._still_waits,
            note=note,
        )
        self._stopped = False
        self.following: asyncio.Task[None] | None = None

    async def check_permission(self) -> None:
        """Raises `RunFailed` if the results of operations cannot be read."""
        await self._queue.check_permission()

    def stop(self) -> None:
        """Follows nothing more; what is being followed is cancelled by the publisher."""
        self._stopped = True

    def accepted(self, batch: TaskBatch, result: SendResult, accepted: Accepted) -> None:
        """The queue has accepted the batch, or some of its operations."""
        exchange = result.response.exchange if result.response is not None else None
        waiting: dict[int, TaskBatch] = {}
        for number, each in enumerate(self._delivery.slices(len(batch.tasks))):
            part = TaskBatch(batch.tasks[each], tries=batch.tries)
            if number in accepted.operations:
                waiting[number] = part
                place: dict[str, Json] = {_BULK: {"uuid": accepted.bulk, "operation": number}}
                for task in part.tasks:
                    self._tasks.update(task, "waiting", exchange=exchange, responses=json.dumps(place))
                    task.task = replace(task.task, responses=place)
            else:
                dropped = ItemError("The store's queue dropped it without giving a reason", "dropped")
                self._tasks.fail(part, accepted.refused.get(number, dropped), exchange, result.response)
        if waiting:
            self.follow(accepted.bulk, waiting)

    def follow(self, bulk: str, operations: dict[int, TaskBatch]) -> None:
        """Waits for the results of these operations of a bulk."""
        self._queue.add(bulk, operations)
        self._start()

    def _start(self) -> None:
        if self.following is None and self._queue.is_open and not self._stopped:
            self.following = asyncio.create_task(self._follow())
            self.following.add_done_callback(self._followed)

    async def _follow(self) -> None:
        try:
            await self._queue.follow()
        except RunFailed as failed:
            self._on_failed(failed.error)

    def _followed(self, task: asyncio.Task[None]) -> None:
        self.following = None
        self._on_ended(task)
        if not task.cancelled() and task.exception() is None:
            self._start()  # a bulk may have been accepted after the last look

    def _operations_ended(self, ended: Sequence[tuple[TaskBatch, SendResult]]) -> None:
        """Operations have results; those that are to be sent again for the same reason are sent together."""
        together: dict[tuple[Outcome, str], tuple[TaskBatch, SendResult]] = {}
        for batch, result in ended:
            if result.outcome is Outcome.DONE:
                result = with_item_errors(result, batch.entities, batch.identifiers)
            if result.outcome in (Outcome.RETRY, Outcome.UNKNOWN):
                reason = result.error.message if result.error is not None else ""
                whole, _ = together.setdefault((result.outcome, reason), (TaskBatch([], tries=batch.tries), result))
                whole.tasks += batch.tasks
            else:
                self._on_result(batch, result)
        for batch, result in together.values():
            self._on_result(batch, result)

    def _still_waits(self, batch: TaskBatch, error: RunError) -> None:
        for each in batch.tasks:
            responses = json.dumps(each.task.responses)
            self._tasks.update(each, "waiting", error.message, error.code, responses=responses)


def place_in_queue(task: Task) -> tuple[str, int] | None:
    """Where a waiting task is in the store's queue: the UUID of the bulk, and the operation's number."""
    place = task.responses.get(_BULK) if isinstance(task.responses, dict) else None
    uuid, number = (place.get("uuid"), place.get("operation")) if isinstance(place, dict) else (None, None)
    return (uuid, number) if isinstance(uuid, str) and isinstance(number, int) else None
