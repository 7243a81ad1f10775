"""From the ledger into memory: reads the next tasks, and compares them with the store where that is configured.

Tasks of an interrupted run come first: those in the store's queue are waited for, and of those that may have arrived,
the comparison decides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ..client.message import Request
from ..client.model import RequestTemplate
from ..runs.errors import Action, RunError, RunFailed
from .changes import Compare
from .errors import ACCEPTED, ItemError
from .model import Outgoing
from .open_tasks import OpenTask, OpenTasks, TaskBatch
from .queued_tasks import QueuedTasks, place_in_queue
from .store_queue import NOT_QUEUED
from .tasks import Task, TaskState, TaskUpdate

MAX_TRIES = 8
"""How often a task is sent that the store fails at, while other tasks succeed; and how often one is looked for."""
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
"""Seconds before a task is sent again; doubled each time."""
WINDOW = 500
"""Tasks that are read from the ledger at once, or two batches."""
HELD = 4
"""Windows that may be in memory: more where one identifier occurs so often that its tasks wait for each other."""
UNREAD = "not-compared"
"""Code of tasks whose entities could not be compared with the store."""
UNKNOWN_HINT = "Check in the store, then send it again or skip it"
_QUEUED_HINT = (
    "The store does not have its values, but it may still be in the store's queue. Look there (System › Action Log › "
    "Bulk Actions), then send it again or skip it"
)


class TaskStore(Protocol):
    """The ledger of the run, written in the run's own thread."""

    async def window(self, state: TaskState, after: int, limit: int) -> list[Task]:
        """The next tasks in this state, after the id `after`."""
        ...

    async def step(self, updates: Sequence[TaskUpdate]) -> None:
        """Makes the updates durable."""
        ...


class TaskFeeder:
    """Fills `ready` with tasks to send, and `continued` with those that resume in the middle of a chain."""

    def __init__(
        self,
        outgoing: Outgoing,
        store: TaskStore,
        tasks: OpenTasks,
        *,
        repeatable: bool,
        compare: Compare | None,
        queued: QueuedTasks | None,
        continued: deque[TaskBatch],
        delay: Callable[[Callable[[TaskBatch], None], TaskBatch, float], None],
        on_failed: Callable[[RunError], None],
    ) -> None:
        """`delay` calls a function with a batch after some seconds; `on_failed` is called if values cannot be read."""
        self._outgoing, self._store, self._tasks = outgoing, store, tasks
        self._repeatable, self._compare, self._queued = repeatable, compare, queued
        self._continued, self._delay, self._on_failed = continued, delay, on_failed
        self.ready: deque[OpenTask] = deque()
        self._after = 0
        self.exhausted = False
        """No task is left in the ledger."""

    def may_read(self, size: int) -> bool:
        """Whether the next `size` tasks may be read, so that memory stays bounded."""
        return not self.exhausted and self._tasks.count < size * HELD

    async def fill(self, size: int) -> None:
        """Reads the next tasks, and compares those whose identifier is not in use with the store."""
        if self.may_read(size):
            new = await self._store.window("new", self._after, size)
            self.exhausted = not new
            for task in new:
                self._after = task.id
                self._tasks.admit(self._tasks.open_task(task))
        tasks, self._tasks.to_compare = self._tasks.to_compare, []
        try:
            await self._compare_all(tasks)
        except RunFailed as failed:
            self._tasks.to_compare = tasks + self._tasks.to_compare
            self._on_failed(failed.error)

    async def _compare_all(self, tasks: Sequence[OpenTask]) -> None:
        if not tasks:
            return
        if self._compare is None:
            self._make_ready(tasks)
            return
        for start in range(0, len(tasks), WINDOW):
            some = tasks[start : start + WINDOW]
            changes = await self._compare([each.task.entity for each in some])
            different: list[OpenTask] = []
            queued: list[OpenTask] = []
            for each, change in zip(some, changes, strict=True):
                if change.action == "unchanged" and each.may_have_arrived:
                    self._tasks.finish(each, "finished", "It has arrived: the store has these values", "settled")
                elif change.action == "unchanged" and self._outgoing.send == "changed":
                    self._tasks.finish(each, "unchanged")
                elif change.unread and each.may_have_arrived:
                    error = RunError(Action.WAIT, change.note, code=UNREAD)
                    self._tasks.unknown(TaskBatch([each]), error, UNKNOWN_HINT)
                elif change.unread:
                    self._tasks.fail(TaskBatch([each]), ItemError(change.note, UNREAD))
                elif change.not_stored:
                    self._tasks.fail(TaskBatch([each]), ItemError(change.note, "not-stored"))
                elif each.may_be_queued:
                    queued.append(each)
                else:
                    if not each.may_have_arrived:
                        each.former = change.former
                    different.append(each)
            self._make_ready(different)
            self._look_again(queued)

    def compare_again(self, batch: TaskBatch) -> None:
        """Compares tasks with the next ones that are read."""
        self._tasks.to_compare += batch.tasks

    def _look_again(self, tasks: Sequence[OpenTask]) -> None:
        """Compares tasks again later that may be in the store's queue; in the end, they stay unknown."""
        waiting: list[OpenTask] = []
        for each in tasks:
            each.lost += 1
            if each.lost >= MAX_TRIES:
                error = RunError(Action.WAIT, each.task.reason or "It may have arrived", code=each.task.code)
                self._tasks.unknown(TaskBatch([each]), error, _QUEUED_HINT)
            else:
                waiting.append(each)
        if waiting:
            self._delay(self.compare_again, TaskBatch(waiting), pause_after(waiting[0].lost))

    def _make_ready(self, tasks: Iterable[OpenTask]) -> None:
        for each in tasks:
            each.may_have_arrived = False
            if self._restores_step(each):
                continue
            self.ready.append(each)

    def _restores_step(self, each: OpenTask) -> bool:
        """Queues a task of a chain at the step where it stopped; False if it starts at the first one."""
        names = list(self._outgoing.requests)
        task = each.task
        if task.step not in names[1:] or not isinstance(task.responses, dict):
            return False
        responses = {name: task.responses[name] for name in names if name in task.responses}
        self._continued.append(TaskBatch([each], names.index(task.step), responses))
        return True

    async def admit_unknown(self) -> None:
        """Decides about tasks of an interrupted run that may or may not have arrived."""
        after = 0
        while tasks := await self._store.window("unknown", after, WINDOW):
            after = tasks[-1].id
            for task in tasks:
                if not self._can_settle(task):
                    continue
                each = self._tasks.open_task(task)
                each.may_have_arrived = not self.is_harmless(task.step)
                in_queue = self._queued is not None and task.code not in NOT_QUEUED
                each.may_be_queued = each.may_have_arrived and (in_queue or task.code == ACCEPTED)
                self._tasks.admit(each)

    async def resume_waiting(self) -> None:
        """Follows what an earlier part of the run has put into the store's queue."""
        bulks: dict[str, dict[int, TaskBatch]] = {}
        after = 0
        while tasks := await self._store.window("waiting", after, WINDOW):
            after = tasks[-1].id
            for task in tasks:
                each, place = self._tasks.open_task(task), place_in_queue(task)
                self._tasks.admit_waiting(each)
                if self._queued is None or place is None:
                    error = RunError(Action.WAIT, "It was left in the store's queue", code="queued")
                    self._tasks.unknown(TaskBatch([each]), error, UNKNOWN_HINT)
                    continue
                bulks.setdefault(place[0], {}).setdefault(place[1], TaskBatch([])).tasks.append(each)
        for uuid, operations in bulks.items():
            assert self._queued is not None
            self._queued.follow(uuid, operations)

    def _can_settle(self, task: Task) -> bool:
        return task.entity is not None and (self._compare is not None or self.is_harmless(task.step))

    def is_harmless(self, step: str) -> bool:
        """Whether the request that may have arrived can be sent again in any case."""
        template = self._outgoing.requests.get(step)
        return self._repeatable or (template is not None and reads(template))


def reads(template: RequestTemplate) -> bool:
    """Whether sending the request again changes nothing."""
    return template.only_reads(Request(template.method.upper(), template.uri))


def pause_after(tries: int) -> float:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** max(0, tries - 1))
