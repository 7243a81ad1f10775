"""One run of an incoming: reads its pages, writes their items, and keeps in the ledger how far it has come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from ..client.exchange import Exchange
from ..client.message import Request, RequestFailed, Response
from ..client.model import seconds
from ..errors import UserError
from ..runs.errors import Action, RunError, RunFailed
from ..runs.ledger import Ledger, LedgerError, RunEnd, State
from ..runs.pace import Pace, Patience
from ..runs.progress import Preview, Progress, Summary, Watcher
from ..secrets.mask import MARK
from ..secrets.references import SecretGone, has_references, with_references, with_secrets, without_references
from ..templates import Json
from ..units import duration
from .errors import of_failure
from .incremental import magento_date
from .model import Incoming
from .pages import Page, read_page
from .pagination import Pagination, PaginationError
from .plan import ListRequest, OpenRun, RunEnvironment, RunOptions, RunPlan, can_begin_at, plan
from .reading import ListReading, ListTotal, PageRead
from .sink import SinkClosed, SinkError
from .writing import RunCosts, RunWriter

log = logging.getLogger(__name__)

T = TypeVar("T")

_STATES: dict[Action, State] = {
    Action.WAIT: "stopped",
    Action.DIVIDE: "stopped",
    Action.LIMIT: "stopped",
    Action.STOP: "stopped",
    Action.REFUSED: "refused",
    Action.WRONG: "failed",
}


@dataclass(slots=True)
class _Costs:
    """Requests and retries since the run began, counted as they are recorded."""

    requests: int = 0
    retries: int = 0

    def record(self, exchange: Exchange) -> None:
        self.requests += 1
        self.retries += exchange.attempt > 1


class Run:
    """One run of an incoming; `go` runs it once."""

    def __init__(self, incoming: Incoming, wanted: RunOptions, surroundings: RunEnvironment, watcher: Watcher) -> None:
        self._name, self._incoming, self._wanted, self._watcher = surroundings.place.name, incoming, wanted, watcher
        self._around, self._machine = surroundings, surroundings.machine
        self._list = ListRequest(self._name, incoming, wanted.since, surroundings.session)
        self._pace = Pace(wanted.in_flight)
        self._costs = _Costs()
        self._reading: ListReading | None = None
        self._signing: asyncio.Task[Request] | None = None
        """Reads the secrets of the client, before the first page: its user may be asked for one."""
        self._stopped: RunError | None = None
        self._opened: OpenRun | None = None
        self._began = 0.0
        self._clock = self._machine.now()
        """When it began, by this machine: the bound of the mark where the store sends no Date."""
        self._left = wanted.limit
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"write {self._name}")
        self.progress = Progress(limit=self._pace.limit)

    def preview(self) -> Preview:
        """Sends nothing and writes nothing. Raises `RunImpossible` and `LedgerError`."""
        incoming, now = self._incoming, magento_date(self._machine.now())
        bound_to, asked = self._list.bound()
        assert incoming.sink is not None
        resumable = incoming.sink.resumable
        with Ledger.copy_of(self._around.place.ledger) as ledger:
            chosen = plan(
                ledger, incoming, self._wanted, began=now, bound_to=bound_to, asked=asked, resumable=resumable
            )
        pagination, request = self._list.pages(chosen)
        if pagination is not None:
            position = without_references(chosen.position, MARK)
            request = pagination.begin(request, position).take()[0].request
        prepared = self._around.session.prepared(incoming.client, request)
        since = chosen.run.since
        begins = " ".join(chosen.notes) or (f"Reads what has changed since {since}." if since else "Reads everything.")
        sink = incoming.sink.model_dump(exclude_none=True)
        uri = self._around.session.mask.uri(prepared.uri.replace(quote(MARK), MARK))
        return Preview(f"{prepared.method} {uri}", begins, " ".join(map(str, sink.values())))

    def stop(self, why: str) -> None:
        """Ends the run cleanly: nothing more is asked for, what has come in order is written."""
        log.info("run of %s is stopped: %s", self._name, why)
        self._stopped = RunError(Action.STOP, why, code="stopped")
        if self._signing is not None:
            self._signing.cancel()
        if self._reading is not None:
            self._reading.stop(self._stopped)

    async def go(self) -> Summary:
        """Raises `UserError` where it cannot start."""
        self._began, self._clock = self._machine.monotonic(), self._machine.now()
        bound_to, asked = self._list.bound()
        self._around.exchanges.on_recorded.append(self._costs.record)
        try:
            opened = self._opened = await self._in_thread(self._open, bound_to, asked)
            log.info("run of %s begins: %s", self._name, " ".join(opened.plan.notes) or "everything")
            for note in opened.plan.notes:
                self._watcher.note(note)
            self.progress.began_with = opened.plan.run.items
            return await self._end(opened, await self._outcome(opened))
        finally:
            self._around.exchanges.on_recorded.remove(self._costs.record)
            if self._opened is not None:
                await self._in_thread(self._opened.close)
            self._thread.shutdown(wait=False)

    def _open(self, bound_to: str, asked: str) -> OpenRun:
        return OpenRun.open(
            self._around.place,
            self._incoming,
            self._wanted,
            self._around.outputs,
            bound_to=bound_to,
            asked=asked,
            now=magento_date(self._machine.now()),
            monotonic=self._machine.monotonic,
            accepts=partial(can_begin_at, self._incoming),
            stored=partial(with_references, mask=self._around.session.mask),
        )

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _outcome(self, opened: OpenRun) -> RunEnd:
        """Reads and writes."""
        try:
            pagination, request = self._list.pages(opened.plan)
            position = await self._with_secrets(opened.plan.position, request)
            self._reading = self._made(pagination, request, opened.plan, position)
            if self._stopped is not None:
                self._reading.stop(self._stopped)
            while not await self._read_on(self._reading, opened.writing):
                pass
        except RunFailed as error:
            return RunEnd(_STATES[error.trouble.means], str(error), error.trouble.code)
        except SinkClosed:
            opened.closed = True
            return RunEnd("stopped")
        except (SinkError, LedgerError) as error:
            opened.broken = error
            return RunEnd("stopped", str(error), error.code)
        except UserError as error:
            return RunEnd("failed", str(error), error.code)
        if self._reached_limit:
            return RunEnd("stopped")
        if undated := await self._in_thread(opened.writing.undated):
            return RunEnd("failed", undated, "no-dates")
        why = self._why_incomplete(self._reading) or await self._in_thread(opened.writing.doubled)
        return RunEnd("incomplete", why, "incomplete") if why else RunEnd("complete")

    def _why_incomplete(self, reading: ListReading) -> str:
        """Why what was read is not proven to be the whole list; "" where it is."""
        if not reading.missing:
            return _doubt(reading)
        counts = f"The store counts {reading.counted:,} items and sent {reading.read:,}"
        if reading.unproven:
            return f"{counts}. {reading.unproven}"
        if self._incoming.pagination is None:
            return f"{counts}. Add a pagination to this incoming to read the others, or a limit with --limit"
        return f"{counts}: it omitted rows, or the list changed while it was read"

    @property
    def _reached_limit(self) -> bool:
        return self._left is not None and self._left <= 0

    async def _with_secrets(self, position: Json, request: Request) -> Json:
        """The position with the secrets that were taken out of it. Raises `RunFailed` and `UserError`."""
        if not has_references(position):
            return position
        try:  # reads the secrets of the client, and logs in if it must
            self._signing = asyncio.create_task(self._around.session.signed(self._incoming.client, request))
            await self._signing
            return with_secrets(position, self._around.session.mask)
        except asyncio.CancelledError:
            if self._stopped is None:
                raise
            raise RunFailed(self._stopped) from None
        except RequestFailed as error:
            raise RunFailed(of_failure(error, begun=False)) from error
        except SecretGone as gone:
            raise PaginationError(
                f"The position of the last run refers to the secret {gone}, which the client no longer uses",
                "Use it again to resume, or start over with --full.",
            ) from gone

    def _made(self, pagination: Pagination | None, request: Request, chosen: RunPlan, position: Json) -> ListReading:
        items = self._incoming.items

        def read(response: Response) -> Page:
            return read_page(response, items)

        return ListReading(
            pagination,
            request,
            self._around.session.client(self._incoming.client),
            read,
            expects=self._incoming.request,
            pace=self._pace,
            patience=Patience(self._machine, seconds(self._incoming.patience), self._waits),
            machine=self._machine,
            explain=self._around.explain,
            position=position,
            at_end=chosen.at_end,
            read=chosen.run.read,
            failed=chosen.run.failed,
            counted=chosen.run.expected,
            held=chosen.held,
            doubt=chosen.run.doubt,
        )

    async def _read_on(self, reading: ListReading, writing: RunWriter) -> bool:
        """Reads to the end, or until the store asks for smaller pages; then False."""
        try:
            async with aclosing(reading.pages()) as pages:
                async for some in pages:
                    if not await self._write(some, writing, reading):
                        break
        except RunFailed as error:
            if error.trouble.means is not Action.LIMIT:
                raise
            await reading.begin_smaller(error.trouble.allowed)
            self._watcher.note(f"The store allows {error.trouble.allowed} items per page: that many are requested now.")
            return False
        return True

    async def _write(self, pages: list[PageRead], writing: RunWriter, reading: ListReading) -> bool:
        """Whether to read on."""
        whole, part = self._within_limit(pages)
        store_time = magento_date(reading.store_time or self._clock)
        writing.doubt = _doubt(reading)
        failed = await self._in_thread(writing.add, whole, self._spent(), store_time)
        if part is not None:
            assert self._opened is not None
            self._opened.beyond = True
            failed += await self._in_thread(writing.add_beyond, part, self._spent(), store_time)
        for each in failed:
            self._watcher.failed(each)
        self._tell(writing, reading)
        return not self._reached_limit

    def _within_limit(self, pages: list[PageRead]) -> tuple[list[PageRead], PageRead | None]:
        """The pages within `--limit`, the last one cut; or what is of that one, where nobody can continue after it."""
        if self._left is None:
            return pages, None
        whole: list[PageRead] = []
        for page in pages:
            if len(page.items) > self._left:
                part, self._left = page.first(self._left), 0
                return ([*whole, part], None) if part.position is not None else (whole, part)
            self._left -= len(page.items)
            whole.append(page)
            if self._left == 0:
                break
        return whole, None

    def _tell(self, writing: RunWriter, reading: ListReading) -> None:
        progress, written = self.progress, writing.written
        spent = self._spent()
        progress.items, progress.expected = written.items, written.announced
        progress.failed, progress.dropped = written.failed, written.dropped
        progress.requests, progress.retries, progress.seconds = spent.requests, spent.retries, spent.seconds
        progress.rate, progress.latency = self._pace.rate, reading.counts.latency
        progress.in_flight, progress.limit = reading.counts.in_flight, self._pace.limit
        self._watcher.progress(progress)

    def _waits(self, trouble: RunError, pause: float) -> None:
        log.info("run of %s waits %.1f s: %s", self._name, pause, trouble.message)
        self._watcher.note(f"{trouble.message}, retrying in {duration(pause)}.")

    def _spent(self) -> RunCosts:
        run = self._opened.plan.run if self._opened else None
        again = self._reading.counts.again if self._reading else 0
        return RunCosts(
            self._costs.requests + (run.requests if run else 0),
            self._costs.retries + again + (run.retries if run else 0),
            self._machine.monotonic() - self._began + (run.seconds if run else 0.0),
        )

    async def _end(self, opened: OpenRun, end: RunEnd) -> Summary:
        ended, spent = magento_date(self._machine.now()), self._spent()
        remarks: list[str] = []
        try:
            if opened.broken is None:
                finish = partial(opened.writing.finish, end, ended, spent, beyond=opened.beyond)
                remarks += await self._in_thread(finish)
        except (SinkError, LedgerError) as error:
            opened.broken = error
            end = RunEnd("stopped", end.reason or str(error), end.code or error.code)
        if opened.broken is not None:
            with suppress(LedgerError):  # then the last step that it has counts, as after a power failure
                await self._in_thread(opened.writing.fail, end, ended, opened.broken)
        reading, written = self._reading, opened.writing.written
        counts = written.items, written.failed, spent.requests, spent.seconds
        log.info("run of %s ends, %s: %d items, %d failed, %d requests, %.1f s", self._name, end.state, *counts)
        if end.reason:
            log.info("run of %s (%s): %s", self._name, end.code, end.reason)
        remarks += _of_counts(reading.total) if reading and end.state == "complete" else []
        return Summary(
            self._name,
            end.state,
            items=written.items,
            failed=written.failed,
            dropped=written.dropped,
            seconds=spent.seconds,
            requests=spent.requests,
            retries=spent.retries,
            reason=end.reason,
            code=end.code,
            remarks=tuple(remarks),
            received=reading.read if reading else 0,
            expected=reading.counted if reading else None,
            as_wanted=self._reached_limit or opened.closed,
        )


def _doubt(reading: ListReading) -> str:
    """Why the items read may not be all that there were, although none is known to be missing."""
    return reading.unproven or (reading.unsure if reading.counted is None else "") or _shrunk(reading.total)


def _shrunk(total: ListTotal) -> str:
    """Why a list that became shorter while its pages were read by their places is not proven to be whole."""
    if not total.shrank:
        return ""
    return (
        f"The list became shorter while it was read by page position: the store counted {total.highest} items, "
        f"then {total.latest}. Items that moved to a page already read are missing; keyset pages cannot shift"
    )


def _of_counts(total: ListTotal) -> list[str]:
    """What the store's own counting says about what was read by it."""
    if not total.moved:
        return []
    return [
        f"The list changed while it was read by page position: the store counted {total.first} items, then "
        f"{total.last}. Some items may be missing or duplicated; keyset pages avoid this."
    ]
