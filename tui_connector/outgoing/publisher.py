"""Sends the open tasks of a run: several requests at a time, in order for each identifier, until each task has ended.

All decisions are made on the event loop; the ledger is written in the run's thread, with one transaction for whatever
has arrived and is about to be sent. A request leaves only after that transaction is on the disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import replace

from ..client.layer import Send
from ..client.message import Request, RequestFailed, Response
from ..client.model import RequestTemplate
from ..client.plugins.retry import retry_after
from ..client.spans import seconds
from ..errors import InvalidValue
from ..machine import Machine
from ..runs.errors import Action, Explain, RunError, RunFailed
from ..runs.ledger import FailedRecord
from ..runs.pace import Pace, Patience
from ..secrets.mask import Mask
from ..templates import Json, PlaceholderError, Scope
from .batch import with_item_errors
from .bulk import Delivery, queued
from .chain import ChainStep
from .changes import Compare
from .errors import ItemError, Outcome, SendResult, is_unreachable, result_for_exception, result_for_response
from .feeding import MAX_TRIES, UNKNOWN_HINT, WINDOW, TaskFeeder, TaskStore, pause_after, reads
from .forbidden import Forbidden, ForbiddenBatches
from .model import Outgoing
from .open_tasks import OpenTask, OpenTasks, TaskBatch
from .queued_tasks import QueuedTasks
from .recorded_responses import as_read, was_masked
from .tasks import TaskState

log = logging.getLogger(__name__)


_TRIES_OF_BATCH = 2
"""How often a batch is sent that the store fails at, before it is sent in halves."""
_OUTAGES = 3
_FAILING = 5
"""Batches that fail one after the other, without a success, before the store counts as down: for responses that
say that it is busy, and for others."""
_STATUS = RequestTemplate(uri="bulk", method="get")


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
        key_of: Callable[[Json], tuple[Hashable, ...]] = lambda entity: (),
        delivery: Delivery | None = None,
        of_magento: bool = False,
        explain: Explain = lambda _request, _response: None,
        limit: int | None = None,
        keep_going: bool = False,
        on_failed: Callable[[FailedRecord], None] = lambda record: None,
        on_step: Callable[[], None] = lambda: None,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`run` is what `@{run…}` reads. `counts` are the tasks by state, kept up to date here.

        `repeatable`: sending an entity twice does no harm. `key_of`: the same for entities that are one in the store,
        which are compared and sent one after the other; empty without one. `limit`: how many tasks are sent at most.
        `keep_going`: also where the first tasks all fail for the same reason. `on_step` is called after each durable
        step. `delivery`: the requests of a store's queue, where the outgoing uses it. `of_magento`: the store's API
        is Magento's.
        """
        self._outgoing, self._store, self._client, self._run = outgoing, store, send, run
        self._pace, self._patience, self._machine = pace, patience, machine
        self._repeatable, self._compare, self._explain = repeatable, compare, explain
        self._remaining, self._on_step, self._of_magento = limit, on_step, of_magento
        steps = {step.name: step for step in outgoing.steps}
        self._steps: list[tuple[str, RequestTemplate, ChainStep | None]] = [
            (name, template, steps.get(name)) for name, template in outgoing.requests.items()
        ]
        self._tasks = OpenTasks(
            list(outgoing.requests),
            outgoing.keep,
            counts,
            mask,
            keep_going=keep_going,
            key_of=key_of,
            on_failed=on_failed,
            on_all_failed=self.stop,
        )
        self._delivery = delivery
        self._size = outgoing.batch if delivery is None else delivery.size
        """Tasks that are sent together."""
        self._queued: QueuedTasks | None = None
        if delivery is not None:
            self._queued = QueuedTasks(
                delivery,
                self._tasks,
                send=lambda request: self._result(request, _STATUS),
                machine=machine,
                patience=patience,
                limit=seconds(outgoing.patience),
                on_result=self._on_operation,
                on_failed=self.stop,
                on_ended=self._guard,
                note=note,
            )
        self._batches: deque[TaskBatch] = deque()
        """To be sent again, or with their next step."""
        self._feeder = TaskFeeder(
            outgoing,
            store,
            self._tasks,
            repeatable=repeatable,
            compare=compare,
            queued=self._queued,
            continued=self._batches,
            delay=self._delay,
            on_failed=self.stop,
        )
        self._forbidden = ForbiddenBatches(keep_going=keep_going)
        self._in_flight = 0
        self._requests: set[asyncio.Task[None]] = set()
        self._delays: set[asyncio.Task[None]] = set()
        self._filling: asyncio.Task[None] | None = None
        self._pausing: asyncio.Task[None] | None = None
        self._probing = False
        self._failing: set[int] = set()
        """Batches that have failed since the last success."""
        self._successes = 0
        self._stop: RunError | None = None
        self._unexpected: BaseException | None = None
        self._changed = asyncio.Event()
        self.limit_reached = False
        self.retries = 0
        """Requests that were sent again after a failure."""

    @property
    def unknown_because(self) -> str:
        """Why it is unknown whether the last such task has arrived."""
        return self._tasks.unknown_because

    # The loop

    async def publish(self) -> None:
        """Raises `RunFailed` where the run cannot continue, `LedgerError` where the ledger cannot be written."""
        try:
            if self._queued is not None:
                await self._queued.check_permission()
            await self._feeder.resume_waiting()
            await self._feeder.admit_unknown()
            while True:
                if self._unexpected is not None:
                    raise self._unexpected
                self._start_filling()
                to_send = self._take()
                if updates := self._tasks.take_updates():
                    await self._store.step(updates)
                    for batch, request, template in to_send:
                        self._launch(batch, request, template)
                    self._on_step()
                    continue
                if self._forbidden and self._has_sent_all():
                    self._decide_forbidden()
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
        if self._batches or self._delays or self._pausing is not None or self._following is not None:
            return False
        return self.limit_reached or (self._feeder.exhausted and not self._tasks.count)

    def _has_sent_all(self) -> bool:
        """Whether no request is left that could show that others are allowed than those that were forbidden."""
        working = (self._filling, self._pausing, self._following, self._stop)
        if self._in_flight or self._batches or self._delays or any(each is not None for each in working):
            return False
        return self.limit_reached or not self._feeder.ready

    @property
    def _following(self) -> asyncio.Task[None] | None:
        """Reads the results of queued requests."""
        return None if self._queued is None else self._queued.following

    def stop(self, error: RunError) -> None:
        """Sends no more requests, and waits for those in flight, so that their results are known."""
        self._stop = self._stop or error
        if self._queued is not None:
            self._queued.stop()
        for task in (*self._delays, *([self._pausing] if self._pausing else ())):
            task.cancel()
        self._changed.set()

    async def _cancel(self) -> None:
        running = [*self._requests, *self._delays]
        running += [task for task in (self._filling, self._pausing, self._following) if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _guard(self, task: asyncio.Task[None]) -> None:
        """Ends the run where a task of it fails unexpectedly."""
        self._requests.discard(task)
        self._delays.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unexpected = error
        self._changed.set()

    # From the ledger into memory

    def _start_filling(self) -> None:
        size = max(WINDOW, 2 * self._size)
        wants = len(self._feeder.ready) < max(self._pace.limit * self._size * 2, size // 2)
        more = self._tasks.to_compare or self._feeder.may_read(size)
        if self._filling is None and wants and more and self._stop is None and not self.limit_reached:
            self._filling = asyncio.create_task(self._feeder.fill(size))
            self._filling.add_done_callback(self._filled)

    def _filled(self, task: asyncio.Task[None]) -> None:
        self._filling = None
        self._guard(task)

    # From memory to the store

    def _take(self) -> list[tuple[TaskBatch, Request, RequestTemplate]]:
        """The batches to send now, which are recorded as being sent. Those whose request cannot be made have failed."""
        found: list[tuple[TaskBatch, Request, RequestTemplate]] = []
        if self._stop is not None or self._pausing is not None:
            return found
        limit = 1 if self._probing else self._pace.limit
        while self._in_flight + len(found) < limit and (batch := self._next_batch()) is not None:
            made = self._request(batch)
            if made is not None:
                found.append((batch, *made))
            if self._stop is not None:  # too many requests cannot be made
                break
        return found

    def _next_batch(self) -> TaskBatch | None:
        if self._batches and not (self._probing and self._feeder.ready):
            return self._batches.popleft()
        if not self._feeder.ready:
            return None
        size = self._size
        if self._remaining is not None:
            size = min(size, self._remaining)
            if size == 0:
                self.limit_reached = True
                return None
            self._remaining -= min(size, len(self._feeder.ready))
        if len(self._feeder.ready) < size and self._filling is not None and (self._in_flight or self._following):
            return None  # the rest of the batch is about to be read
        return TaskBatch([self._feeder.ready.popleft() for _ in range(min(size, len(self._feeder.ready)))])

    def _request(self, batch: TaskBatch) -> tuple[Request, RequestTemplate] | None:
        """The request of the batch's step, or None if none is sent: its tasks have ended, or it was divided."""
        steps: dict[str, Json] = {"steps": batch.responses} if self._outgoing.steps else {}
        scope = self._outgoing.scope(batch.entities, {**self._run, **steps})
        try:
            while batch.step < len(self._steps):
                _, template, step = self._steps[batch.step]
                if step is None or step.applies(scope):
                    break
                batch.step += 1
            else:
                for each in batch.tasks:
                    if batch.responses:
                        self._tasks.finish(each, "finished")
                    else:
                        self._tasks.finish(each, "skipped", "No step of the chain applies to it", "no-step")
                return None
            if masked := next((name for name, each in batch.responses.items() if was_masked(each)), None):
                self._tasks.fail(
                    batch, ItemError(f"The response of step {masked} contained a secret, and was not kept")
                )
                return None
            request = self._made(template, scope, batch)
        except InvalidValue as error:
            if len(batch.tasks) > 1:
                self._divide(batch)
            else:
                message = str(error) if isinstance(error, PlaceholderError) else f"The request cannot be made: {error}"
                self._tasks.fail(batch, ItemError(message, "template"))
            return None
        request = replace(request, about=replace(request.about, run=self._run))
        name = self._steps[batch.step][0]
        for each in batch.tasks:
            self._tasks.update(
                each, "sending", step=name, sent=not batch.continues, responses=self._tasks.recorded(batch)
            )
        batch.continues = False
        return request, template

    def _made(self, template: RequestTemplate, scope: Scope, batch: TaskBatch) -> Request:
        """Raises `InvalidValue`."""
        if self._delivery is None:
            return template.request(scope)
        return self._delivery.request(batch.entities, self._run)

    def _launch(self, batch: TaskBatch, request: Request, template: RequestTemplate) -> None:
        self._in_flight += 1
        self.retries += batch.failed_at >= 0 or any(each.lost for each in batch.tasks)
        task = asyncio.create_task(self._send(batch, request, template))
        self._requests.add(task)
        task.add_done_callback(self._guard)

    async def _send(self, batch: TaskBatch, request: Request, template: RequestTemplate) -> None:
        try:
            result = await self._result(request, template)
        finally:
            self._in_flight -= 1
        if self._delivery is not None and self._queued is not None:
            result, accepted = queued(result, len(self._delivery.slices(len(batch.tasks))))
            if accepted is not None:
                self._succeeded(len(batch.tasks), batch.step)
                self._queued.accepted(batch, result, accepted)
                return
            for each in batch.tasks:
                each.may_be_queued = result.outcome is Outcome.UNKNOWN
        if not reads(template):
            result = with_item_errors(result, batch.entities, batch.identifiers)
        self._on_result(batch, result)

    async def _result(self, request: Request, template: RequestTemplate) -> SendResult:
        reads = template.only_reads(request)
        try:
            response = await self._client(request)
        except RequestFailed as error:
            return result_for_exception(error, reads=reads)
        pause = retry_after(response, self._machine.now())
        result = result_for_response(response, template, reads=reads, retry_after=pause, of_magento=self._of_magento)
        return self._explained(result, request, response)

    def _explained(self, result: SendResult, request: Request, response: Response) -> SendResult:
        if result.outcome not in (Outcome.STOP, Outcome.FORBIDDEN) or result.error is None:
            return result
        if (explanation := self._explain(request, response)) is None:
            return result
        summary, remedy = explanation
        message = f"{summary.rstrip('.')} ({response.status})"
        return replace(result, error=replace(result.error, message=message, hint=remedy or result.error.hint))

    # The result of a batch

    def _on_result(self, batch: TaskBatch, result: SendResult) -> None:
        if result.outcome in (Outcome.DONE, Outcome.ACCEPTED, Outcome.FAILED, Outcome.SPLIT):
            self._succeeded(len(batch.tasks), batch.step)
        self._apply(batch, result)

    def _on_operation(self, batch: TaskBatch, result: SendResult) -> None:
        """The result of an operation of the store's queue."""
        for each in batch.tasks:
            each.may_be_queued = False
        self._apply(batch, result)
        self._changed.set()

    def _apply(self, batch: TaskBatch, result: SendResult) -> None:
        error = result.error
        if result.outcome is Outcome.DONE:
            self._done(batch, result)
            return
        assert error is not None
        log.info("%d tasks: %s (%s)", len(batch.tasks), result.outcome.name, error.code)
        match result.outcome:
            case Outcome.STOP:
                self._return(batch, error)
                self.stop(error)
            case Outcome.FORBIDDEN:
                self._return(batch, error)
                if self._forbidden.add(batch, result):
                    self.stop(_refusing_all(error))
            case Outcome.SPLIT if len(batch.tasks) > 1:
                self._divide(batch, error)
            case Outcome.FAILED | Outcome.SPLIT:
                self._tasks.fail(batch, ItemError(error.message, error.code), error.exchange, result.response)
            case Outcome.ACCEPTED:
                self._tasks.unknown(batch, error, error.hint, result.response)
            case Outcome.UNKNOWN:
                self._lost(batch, error)
            case _:
                self._failed_temporarily(batch, error, result)

    def _return(self, batch: TaskBatch, error: RunError) -> None:
        """The tasks are sent by the next run, unless this one decides otherwise."""
        for each in batch.tasks:
            recorded = self._tasks.recorded(batch)
            self._tasks.update(each, "new", error.message, error.code, error.exchange, responses=recorded)

    def _decide_forbidden(self) -> None:
        """No further request will show whether others are allowed."""
        for forbidden, at_fault in self._forbidden.take():
            if at_fault:
                self._refuse_forbidden(forbidden)
            elif (error := forbidden[1].error) is not None:
                self.stop(_refusing_all(error))

    def _refuse_forbidden(self, forbidden: Forbidden) -> None:
        """The batch is forbidden because of what is in it."""
        batch, result = forbidden
        self._apply(batch, replace(result, outcome=Outcome.SPLIT))

    def _succeeded(self, tasks: int, step: int) -> None:
        """The store works: it has decided about a request of this step."""
        for forbidden in self._forbidden.allowed(step):
            self._refuse_forbidden(forbidden)
        self._successes += 1
        self._failing.clear()
        self._probing = False
        self._patience.reset()
        self._pace.page_received(tasks, self._machine.monotonic())

    def _done(self, batch: TaskBatch, result: SendResult) -> None:
        assert result.response is not None
        exchange = result.response.exchange
        if result.unassigned:
            self._without_row(batch, result)
            return
        failed = [(each, result.items[index]) for index, each in enumerate(batch.tasks) if index in result.items]
        for each, item in failed:
            self._tasks.fail(TaskBatch([each], batch.step, batch.responses), item, exchange, result.response)
        batch.tasks = [each for index, each in enumerate(batch.tasks) if index not in result.items]
        if not batch.tasks:
            return
        name = self._steps[batch.step][0]
        if batch.step + 1 == len(self._steps):
            for each in batch.tasks:
                self._tasks.finish(each, "finished", exchange=exchange)
            return
        batch.responses = {**batch.responses, name: as_read(result)}
        batch.step, batch.tries, batch.failed_at, batch.continues = batch.step + 1, 0, -1, True
        for each in batch.tasks:  # in case the next step is not sent any more
            step = self._steps[batch.step][0]
            self._tasks.update(each, "new", step=step, exchange=exchange, responses=self._tasks.recorded(batch))
        self._batches.appendleft(batch)

    def _without_row(self, batch: TaskBatch, result: SendResult) -> None:
        """The response has errors of entities that it does not name: smaller batches tell which they are."""
        assert result.response is not None
        message = " ".join(result.unassigned)
        if len(batch.tasks) > 1 and self._repeatable:
            self._divide(batch, RunError(Action.DIVIDE, message, "", result.response.exchange, code="row-refused"))
            return
        where = f"One of {len(batch.tasks)} entities sent together was refused: " if len(batch.tasks) > 1 else ""
        self._tasks.fail(
            batch, ItemError(f"{where}{message}", "row-refused"), result.response.exchange, result.response
        )

    def _divide(self, batch: TaskBatch, error: RunError | None = None) -> None:
        """Sends the batch in halves. In a chain, they start over: earlier responses were about the whole batch."""
        if batch.step and not all(reads(template) for _, template, _ in self._steps[: batch.step]):
            message = "A batch was refused in the middle of its chain, and earlier steps cannot be sent again"
            self._tasks.fail(batch, ItemError(f"{message}: {error.message}" if error else message, "chain-divided"))
            return
        half = (len(batch.tasks) + 1) // 2
        halves = [TaskBatch(batch.tasks[:half]), TaskBatch(batch.tasks[half:])]
        if error is not None:
            for each in batch.tasks:
                self._tasks.update(each, "new", error.message, error.code, step="")
        self._batches.extendleft(reversed(halves))

    def _lost(self, batch: TaskBatch, error: RunError) -> None:
        """The connection was lost after the request had left."""
        name = self._steps[batch.step][0]
        if self._feeder.is_harmless(name):
            self._failed_temporarily(batch, error, None)
            return
        self._pace.back_off(error.status)
        self._failing.add(id(batch))
        if len(self._failing) >= _OUTAGES:
            self._pause(error)
        lost, recorded = replace(error, message=f"{error.message}; it may have arrived"), self._tasks.recorded(batch)
        to_compare: list[OpenTask] = []
        for each in batch.tasks:
            each.lost += 1
            if self._compare is None or each.lost >= MAX_TRIES:
                self._tasks.unknown(TaskBatch([each], batch.step, batch.responses), lost, UNKNOWN_HINT)
                continue
            self._tasks.update(each, "unknown", lost.message, error.code, error.exchange, step=name, responses=recorded)
            each.may_have_arrived = True
            each.task = replace(
                each.task, step=name, responses=dict(batch.responses), reason=lost.message, code=error.code
            )
            to_compare.append(each)
        if to_compare:
            self._delay(self._feeder.compare_again, TaskBatch(to_compare), pause_after(to_compare[0].lost))

    def _failed_temporarily(self, batch: TaskBatch, error: RunError, result: SendResult | None) -> None:
        outage = result is not None and result.outcome is Outcome.UNAVAILABLE
        without_success = batch.failed_at == self._successes
        batch.failed_at = self._successes
        self._failing.add(id(batch))
        self._pace.back_off(error.status)
        down = len(self._failing) >= (_OUTAGES if outage else _FAILING)
        if outage and (is_unreachable(error) or error.retry_after is not None or without_success):
            down = True
        if not (down and without_success):
            batch.tries += 1
        if batch.tries >= _TRIES_OF_BATCH and len(batch.tasks) > 1 and not outage:
            self._divide(batch, error)
            return
        if batch.tries >= MAX_TRIES:
            message = f"{error.message}; it was sent {batch.tries} times"
            response = result.response if result is not None else None
            self._tasks.fail(batch, ItemError(message, error.code), error.exchange, response)
            return
        name = self._steps[batch.step][0]
        for each in batch.tasks:
            self._tasks.update(
                each, "new", error.message, error.code, error.exchange, step=name, responses=self._tasks.recorded(batch)
            )
        if down:
            self._batches.append(batch)
            self._pause(error)
        else:
            self._delay(self._batches.append, batch, pause_after(batch.tries))

    def _delay(self, then: Callable[[TaskBatch], None], batch: TaskBatch, seconds: float) -> None:
        async def later() -> None:
            await self._machine.sleep(seconds)
            then(batch)

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


def _refusing_all(error: RunError) -> RunError:
    """The error of a run whose requests are all forbidden."""
    hint = "If only some entities are forbidden, --keep-going sends the others."
    return replace(error, hint=f"{error.hint.rstrip('.')}. {hint}" if error.hint else hint)
