"""Sends the open tasks of a run: several requests at a time, in order for each identifier, until each task has ended.

All decisions are made on the event loop; the ledger is written in the run's thread, with one transaction for whatever
has arrived and is about to be sent. A request leaves only after that transaction is on the disk.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..client.layer import Send
from ..client.message import Request, RequestFailed, Response
from ..client.model import RequestTemplate, seconds
from ..client.plugins.retry import retry_after
from ..errors import InvalidValue
from ..machine import Machine
from ..runs.errors import Action, Explain, RunError, RunFailed
from ..runs.ledger import FailedRecord
from ..runs.pace import Pace, Patience
from ..secrets.mask import Mask
from ..templates import Json, PlaceholderError, Scope
from .batch import with_item_errors
from .bulk import Accepted, Delivery, queued
from .chain import ChainStep
from .changes import Compare
from .errors import Fate, ItemError, SendResult, is_unreachable, result_for_exception, result_for_response
from .failure_pattern import FailurePattern
from .model import Outgoing
from .recorded_responses import as_read, recorded, was_masked
from .store_queue import StoreQueue
from .tasks import OPEN_STATES, Task, TaskState, TaskUpdate, record_name

log = logging.getLogger(__name__)


_MAX_TRIES = 8
"""How often a task is sent that the store fails at, while other tasks succeed."""
_TRIES_OF_BATCH = 2
"""How often a batch is sent that the store fails at, before it is sent in halves."""
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
"""Seconds before a task is sent again; doubled each time."""
_OUTAGES = 3
_FAILING = 5
"""So many groups have failed, one after the other without a success, when the store counts as down: of responses that
say that it is busy, and of others."""
_WINDOW = 500
"""Tasks that are read from the ledger at once, or two batches."""
_HELD = 4
"""Windows that may be in memory: more where one identifier occurs so often that its tasks wait for each other."""
_UNKNOWN_HINT = "Check in the store, then send it again or skip it"


class TaskStore(Protocol):
    """The ledger of the run, written in the run's own thread."""

    async def window(self, state: TaskState, after: int, limit: int) -> list[Task]:
        """The next tasks in this state, after the id `after`."""
        ...

    async def step(self, updates: Sequence[TaskUpdate]) -> None:
        """Makes the updates durable."""
        ...


@dataclass(slots=True, eq=False)
class _Work:
    """A task in memory. `key` is its identifier without regard to case, "" without one."""

    task: Task
    key: str
    settles: bool = False
    """It is unknown whether it has arrived: the comparison decides."""
    lost: int = 0
    """How often a connection was lost after it had been sent."""
    former: Json = None


@dataclass(slots=True, eq=False)
class _Group:
    """Tasks that are sent together. `step` is the index of the next step, `responses` those of earlier ones."""

    works: list[_Work]
    step: int = 0
    responses: dict[str, Json] = field(default_factory=dict)
    tries: int = 0
    failed_at: int = -1
    """The number of successes when it last failed."""
    continues: bool = False
    """Its next request is the next step of a chain, not another attempt."""

    @property
    def entities(self) -> list[Json]:
        return [work.task.entity for work in self.works]


class Publisher:
    """Publishes once; `publish` returns when no task is open any more, or raises `RunFailed`."""

    def __init__(
        self,
        outgoing: Outgoing,
        store: TaskStore,
        send: Send,
        *,
        run: dict[str, Json],
        pace: Pace,
        patience: Patience,
        machine: Machine,
        mask: Mask,
        counts: Counter[TaskState],
        repeatable: bool,
        compare: Compare | None = None,
        delivery: Delivery | None = None,
        explain: Explain = lambda _request, _response: None,
        limit: int | None = None,
        keep_going: bool = False,
        on_failed: Callable[[FailedRecord], None] = lambda record: None,
        on_step: Callable[[], None] = lambda: None,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`run` is what `@{run…}` reads. `counts` are the tasks by state, kept up to date here.

        `repeatable`: sending an entity twice does no harm. `limit`: how many tasks are sent at most.
        `keep_going`: also where the first tasks all fail for the same reason. `on_step` is called after each durable
        step. `delivery`: the requests of a store's queue, where the outgoing uses it.
        """
        self._outgoing, self._store, self._client, self._run = outgoing, store, send, run
        self._pace, self._patience, self._machine, self._mask = pace, patience, machine, mask
        self._counts, self._repeatable, self._compare, self._explain = counts, repeatable, compare, explain
        self._remaining, self._on_failed, self._on_step = limit, on_failed, on_step
        names: list[tuple[str, RequestTemplate]] = list(outgoing.requests.items())
        steps = {step.name: step for step in outgoing.steps}
        self._steps: list[tuple[str, RequestTemplate, ChainStep | None]] = [
            (name, template, steps.get(name)) for name, template in names
        ]
        self._pattern = FailurePattern(watches=not (keep_going or counts["finished"] or counts["unchanged"]))
        self._delivery = delivery
        self._size = outgoing.batch if delivery is None else delivery.size
        """Tasks that are sent together."""
        self._queue: StoreQueue[_Group] | None = None
        if delivery is not None:
            self._queue = StoreQueue(
                delivery,
                send=lambda request: self._result(request, _STATUS),
                machine=machine,
                patience=patience,
                limit=seconds(outgoing.patience),
                on_ended=self._operations_ended,
                on_standstill=self._still_waits,
                note=note,
            )
        self._following: asyncio.Task[None] | None = None
        self._updates: dict[int, TaskUpdate] = {}
        """What the next durable step records, by task."""
        self._ready: deque[_Work] = deque()
        self._groups: deque[_Group] = deque()
        """Groups to be sent again, or with their next step."""
        self._uncompared: list[_Work] = []
        self._busy: set[str] = set()
        self._held: dict[str, deque[_Work]] = defaultdict(deque)
        self._open = 0
        """Tasks in memory."""
        self._in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._delays: set[asyncio.Task[None]] = set()
        self._filling: asyncio.Task[None] | None = None
        self._pausing: asyncio.Task[None] | None = None
        self._after = 0
        self._exhausted = False
        self._probing = False
        self._failing: set[int] = set()
        """Groups that have failed since the last success."""
        self._successes = 0
        self._stop: RunError | None = None
        self._unexpected: BaseException | None = None
        self._changed = asyncio.Event()
        self.limit_reached = False
        self.retries = 0
        """Requests that were sent again after a failure."""

    # The loop

    async def publish(self) -> None:
        """Raises `RunFailed` where the run cannot continue, `LedgerError` where the ledger cannot be written."""
        try:
            if self._queue is not None:
                await self._queue.check_permission()
            await self._resume_waiting()
            await self._settle_unknown()
            while True:
                if self._unexpected is not None:
                    raise self._unexpected
                self._start_filling()
                to_send = self._take()
                if self._updates:
                    updates, self._updates = list(self._updates.values()), {}
                    await self._store.step(updates)
                    for group, request, template in to_send:
                        self._launch(group, request, template)
                    self._on_step()
                    continue
                if self._is_idle():
                    break
                self._changed.clear()
                await self._changed.wait()
        finally:
            await self._cancel()
        if self._stop is not None:
            raise RunFailed(self._stop)

    def _is_idle(self) -> bool:
        """Whether nothing is going on that could lead to another request or response."""
        if self._in_flight or self._filling is not None:
            return False
        if self._stop is not None:
            return True
        if self._groups or self._delays or self._pausing is not None or self._following is not None:
            return False
        return self.limit_reached or (self._exhausted and not self._open)

    def stop(self, error: RunError) -> None:
        """Sends no more requests, and waits for those in flight, so that their results are known."""
        self._stop = self._stop or error
        for task in (*self._delays, *([self._pausing] if self._pausing else ())):
            task.cancel()
        self._changed.set()

    async def _cancel(self) -> None:
        running = [*self._tasks, *self._delays]
        running += [task for task in (self._filling, self._pausing, self._following) if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _guard(self, task: asyncio.Task[None]) -> None:
        """Ends the run where a task of it fails unexpectedly."""
        self._tasks.discard(task)
        self._delays.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unexpected = error
        self._changed.set()

    # From the ledger into memory

    def _start_filling(self) -> None:
        size = max(_WINDOW, 2 * self._size)
        wants = len(self._ready) < max(self._pace.limit * self._size * 2, size // 2)
        more = self._uncompared or (not self._exhausted and self._open < size * _HELD)
        if self._filling is None and wants and more and self._stop is None and not self.limit_reached:
            self._filling = asyncio.create_task(self._fill(size))
            self._filling.add_done_callback(self._filled)

    def _filled(self, task: asyncio.Task[None]) -> None:
        self._filling = None
        self._guard(task)

    async def _fill(self, size: int) -> None:
        """Reads the next tasks, and compares those whose identifier is not in use with the store."""
        if not self._exhausted and self._open < size * _HELD:
            tasks = await self._store.window("new", self._after, size)
            self._exhausted = not tasks
            for task in tasks:
                self._after = task.id
                self._admit(_Work(task, task.identifier.casefold()))
        works, self._uncompared = self._uncompared, []
        try:
            await self._compare_all(works)
        except RunFailed as failed:
            self._uncompared = works + self._uncompared
            self.stop(failed.error)

    def _admit(self, work: _Work) -> None:
        """Makes the task the next one of its identifier, or lets it wait for the one before."""
        self._open += 1
        if work.key in self._busy:
            self._held[work.key].append(work)
            return
        if work.key:
            self._busy.add(work.key)
        self._uncompared.append(work)

    async def _compare_all(self, works: Sequence[_Work]) -> None:
        if not works:
            return
        if self._compare is None:
            self._make_ready(works)
            return
        for start in range(0, len(works), _WINDOW):
            some = works[start : start + _WINDOW]
            changes = await self._compare([work.task.entity for work in some])
            different: list[_Work] = []
            for work, change in zip(some, changes, strict=True):
                if change.action == "unchanged" and work.settles:
                    self._finish(work, "finished", "It has arrived: the store has these values", "settled")
                elif change.action == "unchanged" and self._outgoing.send == "changed":
                    self._finish(work, "unchanged")
                else:
                    if not work.settles:
                        work.former = change.former
                    different.append(work)
            self._make_ready(different)

    def _make_ready(self, works: Iterable[_Work]) -> None:
        for work in works:
            work.settles = False
            if self._restores_step(work):
                continue
            self._ready.append(work)

    def _restores_step(self, work: _Work) -> bool:
        """Queues a task of a chain at the step where it stopped; False if it starts at the first one."""
        names = [name for name, _, _ in self._steps]
        task = work.task
        if task.step not in names[1:] or not isinstance(task.responses, dict):
            return False
        responses = {name: task.responses[name] for name in names if name in task.responses}
        self._groups.append(_Group([work], names.index(task.step), responses))
        return True

    async def _settle_unknown(self) -> None:
        """Decides about tasks of an interrupted run that may or may not have arrived."""
        after = 0
        while tasks := await self._store.window("unknown", after, _WINDOW):
            after = tasks[-1].id
            for task in tasks:
                if self._can_settle(task):
                    self._admit(_Work(task, task.identifier.casefold(), not self._is_harmless(task.step)))

    def _can_settle(self, task: Task) -> bool:
        return task.entity is not None and (self._compare is not None or self._is_harmless(task.step))

    def _is_harmless(self, step: str) -> bool:
        """Whether the request that may have arrived can be sent again in any case."""
        template = self._outgoing.requests.get(step)
        return self._repeatable or (template is not None and _reads(template))

    # From memory to the store

    def _take(self) -> list[tuple[_Group, Request, RequestTemplate]]:
        """The groups to send now, which are recorded as being sent. Groups whose request cannot be made have failed."""
        found: list[tuple[_Group, Request, RequestTemplate]] = []
        if self._stop is not None or self._pausing is not None:
            return found
        limit = 1 if self._probing else self._pace.limit
        while self._in_flight + len(found) < limit and (group := self._next_group()) is not None:
            made = self._request(group)
            if made is not None:
                found.append((group, *made))
            if self._stop is not None:  # too many requests cannot be made
                break
        return found

    def _next_group(self) -> _Group | None:
        if self._groups and not (self._probing and self._ready):
            return self._groups.popleft()
        if not self._ready:
            return None
        size = self._size
        if self._remaining is not None:
            size = min(size, self._remaining)
            if size == 0:
                self.limit_reached = True
                return None
            self._remaining -= min(size, len(self._ready))
        if len(self._ready) < size and self._filling is not None and (self._in_flight or self._following):
            return None  # the rest of the batch is about to be read
        return _Group([self._ready.popleft() for _ in range(min(size, len(self._ready)))])

    def _request(self, group: _Group) -> tuple[Request, RequestTemplate] | None:
        """The request of the group's step, or None if none is sent: its tasks have ended, or it was divided."""
        steps: dict[str, Json] = {"steps": group.responses} if self._outgoing.steps else {}
        scope = self._outgoing.scope(group.entities, {**self._run, **steps})
        try:
            while group.step < len(self._steps):
                _, template, step = self._steps[group.step]
                if step is None or step.applies(scope):
                    break
                group.step += 1
            else:
                for work in group.works:
                    if group.responses:
                        self._finish(work, "finished")
                    else:
                        self._finish(work, "skipped", "No step of the chain applies to it", "no-step")
                return None
            if masked := next((name for name, each in group.responses.items() if was_masked(each)), None):
                self._fail(group, ItemError(f"The response of step {masked} contained a secret, and was not kept"))
                return None
            request = self._made(template, scope, group)
        except InvalidValue as error:
            if len(group.works) > 1:
                self._divide(group)
            else:
                message = str(error) if isinstance(error, PlaceholderError) else f"The request cannot be made: {error}"
                self._fail(group, ItemError(message, "template"))
            return None
        request = replace(request, about=replace(request.about, run=self._run))
        name = self._steps[group.step][0]
        for work in group.works:
            self._update(work, "sending", step=name, sent=not group.continues, responses=self._recorded(group))
        group.continues = False
        return request, template

    def _made(self, template: RequestTemplate, scope: Scope, group: _Group) -> Request:
        """Raises `InvalidValue`."""
        if self._delivery is None:
            return template.request(scope)
        return self._delivery.request(group.entities, self._run)

    def _launch(self, group: _Group, request: Request, template: RequestTemplate) -> None:
        self._in_flight += 1
        self.retries += group.failed_at >= 0 or any(work.lost for work in group.works)
        task = asyncio.create_task(self._send(group, request, template))
        self._tasks.add(task)
        task.add_done_callback(self._guard)

    async def _send(self, group: _Group, request: Request, template: RequestTemplate) -> None:
        try:
            result = await self._result(request, template)
        finally:
            self._in_flight -= 1
        if self._delivery is not None:
            self._on_queued(group, *queued(result, len(self._delivery.slices(len(group.works)))))
            return
        if not _reads(template):
            result = with_item_errors(result, group.entities, [work.task.identifier for work in group.works])
        self._on_result(group, result)

    async def _result(self, request: Request, template: RequestTemplate) -> SendResult:
        reads = template.only_reads(request)
        try:
            response = await self._client(request)
        except RequestFailed as error:
            return result_for_exception(error, reads=reads)
        pause = retry_after(response, self._machine.now())
        result = result_for_response(response, template, reads=reads, retry_after=pause)
        return self._explained(result, request, response)

    def _explained(self, result: SendResult, request: Request, response: Response) -> SendResult:
        if result.fate is not Fate.STOP or result.error is None:
            return result
        if (explanation := self._explain(request, response)) is None:
            return result
        summary, remedy = explanation
        message = f"{summary.rstrip('.')} ({response.status})"
        return replace(result, error=replace(result.error, message=message, hint=remedy or result.error.hint))

    # The result of a group

    def _on_result(self, group: _Group, result: SendResult) -> None:
        if result.fate in (Fate.DONE, Fate.ACCEPTED, Fate.FAILED, Fate.DIVIDE):
            self._succeeded(len(group.works))
        self._settle(group, result)

    def _settle(self, group: _Group, result: SendResult) -> None:
        error = result.error
        if result.fate is Fate.DONE:
            self._done(group, result)
            return
        assert error is not None
        log.info("%d tasks: %s (%s)", len(group.works), result.fate.name, error.code)
        match result.fate:
            case Fate.STOP:
                for work in group.works:
                    recorded = self._recorded(group)
                    self._update(work, "new", error.message, error.code, error.exchange, responses=recorded)
                self.stop(error)
            case Fate.FAILED:
                self._fail(group, ItemError(error.message, error.code), error.exchange, result)
            case Fate.DIVIDE if len(group.works) > 1:
                self._divide(group, error)
            case Fate.DIVIDE:
                self._fail(group, ItemError(error.message, error.code), error.exchange, result)
            case Fate.ACCEPTED:
                recorded, name = self._recorded(group, result.response), self._steps[group.step][0]
                for work in group.works:
                    self._finish(work, "unknown", str(error), error.code, error.exchange, recorded, name)
            case Fate.UNKNOWN:
                self._lost(group, error)
            case _:
                self._failed_temporarily(group, error, result)

    def _succeeded(self, tasks: int) -> None:
        """The store works: it has decided about a request."""
        self._successes += 1
        self._failing.clear()
        self._probing = False
        self._patience.reset()
        self._pace.page_received(tasks, self._machine.monotonic())

    def _done(self, group: _Group, result: SendResult) -> None:
        assert result.response is not None
        exchange = result.response.exchange
        if result.unassigned:
            self._without_row(group, result)
            return
        failed = [(work, result.items[index]) for index, work in enumerate(group.works) if index in result.items]
        for work, item in failed:
            self._fail(_Group([work], group.step, group.responses), item, exchange, result)
        group.works = [work for index, work in enumerate(group.works) if index not in result.items]
        if not group.works:
            return
        name = self._steps[group.step][0]
        if group.step + 1 == len(self._steps):
            for work in group.works:
                self._finish(work, "finished", exchange=exchange)
            return
        group.responses = {**group.responses, name: as_read(result)}
        group.step, group.tries, group.failed_at, group.continues = group.step + 1, 0, -1, True
        for work in group.works:  # in case the next step is not sent any more
            step = self._steps[group.step][0]
            self._update(work, "new", step=step, exchange=exchange, responses=self._recorded(group))
        self._groups.appendleft(group)

    def _without_row(self, group: _Group, result: SendResult) -> None:
        """The response has errors of entities that it does not name: smaller batches tell which they are."""
        assert result.response is not None
        message = " ".join(result.unassigned)
        if len(group.works) > 1 and self._repeatable:
            self._divide(group, RunError(Action.DIVIDE, message, "", result.response.exchange, code="row-refused"))
            return
        where = f"One of {len(group.works)} entities sent together was refused: " if len(group.works) > 1 else ""
        self._fail(group, ItemError(f"{where}{message}", "row-refused"), result.response.exchange, result)

    def _divide(self, group: _Group, error: RunError | None = None) -> None:
        """Sends the group in halves. In a chain, they start over: earlier responses were about the whole group."""
        if group.step and not all(_reads(template) for _, template, _ in self._steps[: group.step]):
            message = "A batch was refused in the middle of its chain, and earlier steps cannot be sent again"
            self._fail(group, ItemError(f"{message}: {error.message}" if error else message, "chain-divided"))
            return
        half = (len(group.works) + 1) // 2
        halves = [_Group(group.works[:half]), _Group(group.works[half:])]
        for work in group.works if error is not None else ():
            self._update(work, "new", error.message if error else "", error.code if error else "", step="")
        self._groups.extendleft(reversed(halves))

    def _lost(self, group: _Group, error: RunError) -> None:
        """The connection was lost after the request had left."""
        name = self._steps[group.step][0]
        if self._is_harmless(name):
            self._failed_temporarily(group, error, None)
            return
        self._pace.back_off(self._machine.monotonic())
        self._failing.add(id(group))
        if len(self._failing) >= _OUTAGES:
            self._pause(error)
        message, recorded = f"{error.message}; it may have arrived", self._recorded(group)
        settled: list[_Work] = []
        for work in group.works:
            work.lost += 1
            if self._compare is None or work.lost >= _MAX_TRIES:
                hint = f"{message}. {_UNKNOWN_HINT}"
                self._finish(work, "unknown", hint, error.code, error.exchange, recorded, name)
                continue
            self._update(work, "unknown", message, error.code, error.exchange, step=name, responses=recorded)
            work.settles, work.task = True, replace(work.task, step=name, responses=dict(group.responses))
            settled.append(work)
        if settled:
            self._delay(self._back_to_comparison, _Group(settled), _pause_after(settled[0].lost))

    def _back_to_comparison(self, group: _Group) -> None:
        self._uncompared += group.works

    def _failed_temporarily(self, group: _Group, error: RunError, result: SendResult | None) -> None:
        outage = result is not None and result.fate is Fate.OUTAGE
        without_success = group.failed_at == self._successes
        group.failed_at = self._successes
        self._failing.add(id(group))
        self._pace.back_off(self._machine.monotonic())
        down = len(self._failing) >= (_OUTAGES if outage else _FAILING)
        if outage and (is_unreachable(error) or error.retry_after is not None or without_success):
            down = True
        if not (down and without_success):
            group.tries += 1
        if group.tries >= _TRIES_OF_BATCH and len(group.works) > 1 and not outage:
            self._divide(group, error)
            return
        if group.tries >= _MAX_TRIES:
            message = f"{error.message}; it was sent {group.tries} times"
            self._fail(group, ItemError(message, error.code), error.exchange, result)
            return
        name = self._steps[group.step][0]
        for work in group.works:
            self._update(
                work, "new", error.message, error.code, error.exchange, step=name, responses=self._recorded(group)
            )
        if down:
            self._groups.append(group)
            self._pause(error)
        else:
            self._delay(self._groups.append, group, _pause_after(group.tries))

    def _delay(self, then: Callable[[_Group], None], group: _Group, seconds: float) -> None:
        async def later() -> None:
            await self._machine.sleep(seconds)
            then(group)

        task = asyncio.create_task(later())
        self._delays.add(task)
        task.add_done_callback(self._guard)

    def _pause(self, error: RunError) -> None:
        """Sends nothing for a while, then a single request, until the store responds again."""
        if self._pausing is None and self._stop is None:
            self._pausing = asyncio.create_task(self._wait_for_store(error))
            self._pausing.add_done_callback(self._paused)

    async def _wait_for_store(self, error: RunError) -> None:
        try:
            await self._patience.wait(error, has_read=self._successes > 0)
        except RunFailed as failed:
            self.stop(failed.error)
        finally:
            self._patience.release()
            self._probing = True

    def _paused(self, task: asyncio.Task[None]) -> None:
        self._pausing = None
        self._guard(task)

    # In the store's queue

    def _on_queued(self, group: _Group, result: SendResult, accepted: Accepted | None) -> None:
        """What the queue has accepted is waited for."""
        if accepted is None or self._delivery is None or result.response is None:
            self._on_result(group, result)
            return
        self._succeeded(len(group.works))
        exchange = result.response.exchange
        waiting: dict[int, _Group] = {}
        for number, each in enumerate(self._delivery.slices(len(group.works))):
            part = _Group(group.works[each], tries=group.tries)
            if number in accepted.operations:
                waiting[number] = part
                place: dict[str, Json] = {_BULK: {"uuid": accepted.bulk, "operation": number}}
                for work in part.works:
                    self._update(work, "waiting", exchange=exchange, responses=json.dumps(place))
                    work.task = replace(work.task, responses=place)
            else:
                dropped = ItemError("The store's queue has left it out without a reason", "dropped")
                self._fail(part, accepted.refused.get(number, dropped), exchange, result)
        if waiting:
            self._follow(accepted.bulk, waiting)

    def _follow(self, bulk: str, operations: dict[int, _Group]) -> None:
        assert self._queue is not None
        self._queue.add(bulk, operations)
        self._start_following(self._queue)

    def _start_following(self, queue: StoreQueue[_Group]) -> None:
        if self._following is None and queue.is_open and self._stop is None:
            self._following = asyncio.create_task(self._follow_queue(queue))
            self._following.add_done_callback(self._followed)

    async def _follow_queue(self, queue: StoreQueue[_Group]) -> None:
        try:
            await queue.follow()
        except RunFailed as failed:
            self.stop(failed.error)

    def _followed(self, task: asyncio.Task[None]) -> None:
        self._following = None
        self._guard(task)
        if self._queue is not None and not task.cancelled() and self._unexpected is None:
            self._start_following(self._queue)  # a bulk may have been accepted after the last look

    async def _resume_waiting(self) -> None:
        """Follows what an earlier part of the run has put into the store's queue."""
        bulks: dict[str, dict[int, _Group]] = {}
        after = 0
        while tasks := await self._store.window("waiting", after, _WINDOW):
            after = tasks[-1].id
            for task in tasks:
                work = _Work(task, task.identifier.casefold())
                self._open += 1
                if work.key:
                    self._busy.add(work.key)
                place = task.responses.get(_BULK) if isinstance(task.responses, dict) else None
                uuid, number = (place.get("uuid"), place.get("operation")) if isinstance(place, dict) else (None, None)
                if self._queue is None or not isinstance(uuid, str) or not isinstance(number, int):
                    self._finish(work, "unknown", f"It was left in the store's queue. {_UNKNOWN_HINT}", "queued")
                    continue
                bulks.setdefault(uuid, {}).setdefault(number, _Group([])).works.append(work)
        for uuid, operations in bulks.items():
            self._follow(uuid, operations)

    def _operations_ended(self, ended: Sequence[tuple[_Group, SendResult]]) -> None:
        """Operations have results; those that are to be sent again for the same reason are sent together."""
        together: dict[tuple[Fate, str], tuple[_Group, SendResult]] = {}
        for group, result in ended:
            if result.fate is Fate.DONE:
                result = with_item_errors(result, group.entities, [work.task.identifier for work in group.works])
            if result.fate in (Fate.AGAIN, Fate.UNKNOWN):
                reason = result.error.message if result.error is not None else ""
                whole, _ = together.setdefault((result.fate, reason), (_Group([], tries=group.tries), result))
                whole.works += group.works
            else:
                self._settle(group, result)
        for group, result in together.values():
            self._settle(group, result)
        self._changed.set()

    def _still_waits(self, group: _Group, error: RunError) -> None:
        for work in group.works:
            responses = json.dumps(work.task.responses)
            self._update(work, "waiting", error.message, error.code, responses=responses)

    # The ends of tasks

    def _fail(
        self, group: _Group, item: ItemError, exchange: int | None = None, result: SendResult | None = None
    ) -> None:
        for work in group.works:
            responses = self._recorded(group, result.response if result else None)
            name = self._steps[group.step][0] if group.step < len(self._steps) else ""
            self._finish(work, "failed", item.message, item.code, exchange, responses, name)
            self._on_failed(FailedRecord(record_name(work.task), item.message, exchange))
            self._pattern.failed(work.task.identifier, item.code, item.message)
        if self._pattern.is_clear and any(self._counts[state] for state in OPEN_STATES):
            message = f"The first {self._pattern.count} tasks have all failed for the same reason: {item.message}"
            hint = "Correct the configuration or the source, then run again; --keep-going sends the other tasks anyway."
            self.stop(RunError(Action.WRONG, message, hint, exchange, code="all-failed"))

    def _finish(
        self,
        work: _Work,
        state: TaskState,
        reason: str = "",
        code: str = "",
        exchange: int | None = None,
        responses: str | None = None,
        step: str = "",
    ) -> None:
        """The task has ended; the next one of its identifier is its successor."""
        if state in ("finished", "unchanged", "skipped"):
            self._pattern.ended_well()
        keep = self._outgoing.keep
        keeps = keep == "all" or state == "unknown" or (keep == "failed" and state in ("failed", "skipped"))
        self._update(work, state, reason, code, exchange, step=step, responses=responses, keeps=keeps)
        self._open -= 1
        key = work.key
        if not key:
            return
        if following := self._held.get(key):
            self._uncompared.append(following.popleft())
        else:
            self._held.pop(key, None)
            self._busy.discard(key)

    def _update(
        self,
        work: _Work,
        state: TaskState,
        reason: str = "",
        code: str = "",
        exchange: int | None = None,
        *,
        step: str = "",
        responses: str | None = None,
        keeps: bool = True,
        sent: bool = False,
    ) -> None:
        """What the next durable step records of the task. A later update of the same step replaces an earlier one."""
        task = work.task
        before = self._updates.get(task.id)
        former = None if work.former is None else json.dumps(work.former)
        self._counts[task.state] -= 1
        self._counts[state] += 1
        work.task = replace(task, state=state)
        self._updates[task.id] = TaskUpdate(
            task.id,
            state,
            reason,
            code,
            exchange if exchange is not None else before.exchange if before else None,
            step,
            responses,
            keeps,
            former,
            sent + (before.sent if before else 0),
        )

    def _recorded(self, group: _Group, response: Response | None = None) -> str | None:
        return recorded(group.responses, self._mask, response)


_BULK = "bulk"
"""Marks where in the store's queue a waiting task is: the UUID of the bulk, and the operation's number."""
_STATUS = RequestTemplate(uri="bulk", method="get")


def _reads(template: RequestTemplate) -> bool:
    """Whether sending the request again changes nothing."""
    return template.only_reads(Request(template.method.upper(), template.uri))


def _pause_after(tries: int) -> float:
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** max(0, tries - 1))
