"""The tasks in memory that have not ended: what they are waiting for, and what the ledger is to record of them.

Of several tasks with the same identifier, or for the same entity in the store, one is open at a time; the others wait
for it, in the order of the source.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Literal

from ..client.message import Response
from ..runs.errors import Action, RunError
from ..runs.ledger import FailedRecord
from ..secrets.mask import Mask
from ..templates import Json
from .errors import ItemError
from .reasons import without_values
from .recorded_responses import recorded
from .tasks import OPEN_STATES, Task, TaskState, TaskUpdate, record_name

_FAIL_ALIKE = 50
"""Tasks that must have failed alike, without any other result."""


@dataclass(slots=True, eq=False)
class OpenTask:
    """A task in memory. `keys`: no two tasks that share one are open at the same time."""

    task: Task
    keys: tuple[Hashable, ...] = ()
    has_begun: bool = False
    """Its turn has come."""
    may_have_arrived: bool = False
    """The comparison decides whether it has arrived."""
    may_be_queued: bool = False
    """It may be in the store's queue: that the store does not have its values yet proves nothing."""
    lost: int = 0
    """How often it was looked for in the store, after the connection had been lost."""
    former: Json = None


@dataclass(slots=True, eq=False)
class TaskBatch:
    """Tasks that are sent together. `step` is the index of the next step, `responses` those of earlier ones."""

    tasks: list[OpenTask]
    step: int = 0
    responses: dict[str, Json] = field(default_factory=dict)
    tries: int = 0
    failed_at: int = -1
    """The number of successes when it last failed."""
    continues: bool = False
    """Its next request is the next step of a chain, not another attempt."""

    @property
    def entities(self) -> list[Json]:
        return [each.task.entity for each in self.tasks]

    @property
    def identifiers(self) -> list[str]:
        return [each.task.identifier for each in self.tasks]


ALL_FAILED = "all-failed"
"""Code of a run that stopped as its first tasks had all failed for the same reason."""


class FailurePattern:
    """Whether the tasks that have ended so far have all failed for the same reason, which is then the request.

    A single task that ended in another way shows that the request can succeed; then nothing is noticed any more.
    """

    def __init__(self, *, watches: bool) -> None:
        """`watches`: False if a task has succeeded before, or if the user wants to send every task in any case."""
        self._watches = watches
        self._reason: tuple[str, str] | None = None
        self.count = 0
        """Tasks that have failed alike."""

    def failed(self, task: Task, code: str, message: str) -> None:
        """A task has failed. Its values may be in the message."""
        if not self._watches:
            return
        reason = (code, without_values(message, task.identifier, task.entity))
        if self._reason not in (None, reason):
            self.ended_well()
            return
        self._reason = reason
        self.count += 1

    def ended_well(self) -> None:
        """A task has ended in another way."""
        self._watches, self.count = False, 0

    @property
    def is_clear(self) -> bool:
        return self.count >= _FAIL_ALIKE


class OpenTasks:
    """Admits tasks, records their states, and ends them."""

    def __init__(
        self,
        step_names: list[str],
        keep: Literal["failed", "all", "none"],
        counts: Counter[TaskState],
        mask: Mask,
        *,
        keep_going: bool,
        key_of: Callable[[Json], tuple[Hashable, ...]],
        on_failed: Callable[[FailedRecord], None],
        on_all_failed: Callable[[RunError], None],
    ) -> None:
        """`counts` are the tasks by state, kept up to date here. `key_of` identifies an entity; empty if nothing does.

        `on_all_failed` is called when all tasks so far have failed for the same reason, unless `keep_going`.
        """
        self._step_names, self._keep, self._counts, self._mask = step_names, keep, counts, mask
        self._key_of, self._on_failed, self._on_all_failed = key_of, on_failed, on_all_failed
        self._pattern = FailurePattern(watches=not (keep_going or counts["finished"] or counts["unchanged"]))
        self.count = 0
        self.unknown_because = ""
        """Why it is unknown whether the last such task has arrived."""
        self.to_compare: list[OpenTask] = []
        """Tasks whose turn it is, to be compared with the store or sent."""
        self._queues: dict[Hashable, deque[OpenTask]] = defaultdict(deque)
        """The open tasks of each key; the first one is not waiting for another."""
        self._updates: dict[int, TaskUpdate] = {}

    def open_task(self, task: Task) -> OpenTask:
        """The task, with its identifier without regard to case, and its entity, as keys."""
        keys: tuple[Hashable, ...] = (task.identifier.casefold(), self._key_of(task.entity))
        return OpenTask(task, tuple(key for key in keys if key not in ("", ())))

    def admit(self, task: OpenTask) -> None:
        """Makes the task the next one of its keys, or lets it wait for those before."""
        self.count += 1
        for key in task.keys:
            self._queues[key].append(task)
        self._begin_if_first(task)

    def admit_waiting(self, task: OpenTask) -> None:
        """Admits a task that is in the store's queue already."""
        self.count += 1
        task.has_begun = True
        for key in task.keys:
            self._queues[key].append(task)

    def _begin_if_first(self, task: OpenTask) -> None:
        if not task.has_begun and all(self._queues[key][0] is task for key in task.keys):
            task.has_begun = True
            self.to_compare.append(task)

    def take_updates(self) -> list[TaskUpdate]:
        """What is to be recorded in the next durable step."""
        updates, self._updates = list(self._updates.values()), {}
        return updates

    def update(
        self,
        each: OpenTask,
        state: TaskState,
        reason: str = "",
        code: str = "",
        exchange: int | None = None,
        *,
        step: str = "",
        responses: str | None = None,
        keeps_entity: bool = True,
        sent: bool = False,
    ) -> None:
        """What the next durable step records of the task. A later update of the same step replaces an earlier one."""
        task = each.task
        before = self._updates.get(task.id)
        former = None if each.former is None else json.dumps(each.former)
        self._counts[task.state] -= 1
        self._counts[state] += 1
        each.task = replace(task, state=state)
        self._updates[task.id] = TaskUpdate(
            task.id,
            state,
            reason,
            code,
            exchange if exchange is not None else before.exchange if before else None,
            step,
            responses,
            keeps_entity,
            former,
            sent + (before.sent if before else 0),
        )

    def finish(
        self,
        each: OpenTask,
        state: TaskState,
        reason: str = "",
        code: str = "",
        exchange: int | None = None,
        responses: str | None = None,
        step: str = "",
    ) -> None:
        """The task has ended; it is the turn of those that waited for it only."""
        if state in ("finished", "unchanged", "skipped"):
            self._pattern.ended_well()
        keep = self._keep
        keeps = keep == "all" or state == "unknown" or (keep == "failed" and state in ("failed", "skipped"))
        self.update(each, state, reason, code, exchange, step=step, responses=responses, keeps_entity=keeps)
        self.count -= 1
        for key in each.keys:
            self._queues[key].remove(each)
        for key in each.keys:
            if key not in self._queues:
                continue
            if self._queues[key]:
                self._begin_if_first(self._queues[key][0])
            else:
                del self._queues[key]

    def fail(
        self, batch: TaskBatch, item: ItemError, exchange: int | None = None, response: Response | None = None
    ) -> None:
        """The tasks have failed."""
        for each in batch.tasks:
            recorded = self.recorded(batch, response)
            self.finish(each, "failed", item.message, item.code, exchange, recorded, self.step_name(batch))
            self._on_failed(FailedRecord(record_name(each.task), item.message, exchange))
            self._pattern.failed(each.task, item.code, item.message)
        if self._pattern.is_clear and any(self._counts[state] for state in OPEN_STATES):
            message = f"The first {self._pattern.count} tasks have all failed for the same reason: {item.message}"
            hint = (
                "Correct the configuration or the source, then run again; --keep-going (on the screen: c) sends the "
                "other tasks anyway."
            )
            self._on_all_failed(RunError(Action.WRONG, message, hint, exchange, code=ALL_FAILED))

    def unknown(self, batch: TaskBatch, error: RunError, hint: str, response: Response | None = None) -> None:
        """The tasks end without it being known whether they have arrived."""
        self.unknown_because = error.message
        for each in batch.tasks:
            recorded, step = self.recorded(batch, response), self.step_name(batch)
            self.finish(each, "unknown", f"{error.message}. {hint}", error.code, error.exchange, recorded, step)

    def step_name(self, batch: TaskBatch) -> str:
        """The name of the batch's step; "" without steps, or after the last one."""
        return self._step_names[batch.step] if batch.step < len(self._step_names) else ""

    def recorded(self, batch: TaskBatch, response: Response | None = None) -> str | None:
        """The responses of the batch's earlier steps as the ledger keeps them, and the beginning of a last one."""
        return recorded(batch.responses, self._mask, response)
