"""A run of an incoming: reads pages, writes their items, and records its progress in the ledger."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from ..client.message import Request, RequestFailed
from ..client.pages import read_page
from ..client.spans import seconds
from ..errors import UserError
from ..runs.database import LedgerError
from ..runs.errors import END_STATES, Action, RunError, RunFailed
from ..runs.ledger import Ledger, RunEnd
from ..runs.pace import Gate, Pace, Patience
from ..runs.progress import (
    LIMIT_REACHED,
    OUTPUT_CLOSED,
    STOPPED,
    Preview,
    Progress,
    RequestCosts,
    RunWarning,
    Summary,
    Watcher,
)
from ..secrets.mask import MARK
from ..secrets.references import UnknownSecret, has_references, with_references, with_secrets, without_references
from ..templates import Json
from ..units import duration, from_timestamp
from .child_list import first_position, parents_read
from .children import ChildReader, smaller_pages
from .errors import empty_list, error_for_exception, short_list
from .incremental import MARK_AHEAD, magento_date
from .list_request import ListRequest, can_start_at
from .model import Incoming
from .page_reader import PageRead, PageReader, ReadSoFar
from .pagination import Pagination, PaginationError
from .reading import ListReader
from .sink import SinkClosed, SinkError, SinkStopped, SinkWait
from .start import (
    OpenRun,
    RunEnvironment,
    RunOptions,
    StartPoint,
    begin_run,
    start_before,
    starts_ahead,
)
from .unfound_fields import CODE as UNFOUND
from .writing import STEP, ReadTime, RunCosts, RunWriter

log = logging.getLogger(__name__)

T = TypeVar("T")


class _MarkAhead(Exception):
    """The mark is later than the store's clock; nothing has been written yet."""

    def __init__(self, clock: datetime) -> None:
        self.clock = clock


class Run:
    """One run of an incoming; `execute` runs it once."""

    def __init__(self, incoming: Incoming, options: RunOptions, environment: RunEnvironment, watcher: Watcher) -> None:
        self._name, self._incoming, self._options, self._watcher = environment.place.name, incoming, options, watcher
        self._environment, self._machine = environment, environment.machine
        self._list_request = ListRequest(
            self._name, incoming, options.since, environment.session, environment.incomings, options.within
        )
        self._pace = Pace(options.in_flight, by_response=incoming.parent is not None)
        self._costs = RequestCosts()
        self._reader: PageReader | None = None
        self._signing: asyncio.Task[Request] | None = None
        """Reads the client's secrets before the first page; the user may be prompted for one."""
        self._stopped: RunError | None = None
        self._halt = threading.Event()
        """The same for the writing thread, while it waits for another program."""
        self._opened: OpenRun | None = None
        self._started = 0.0
        self._started_at = self._machine.now()
        """By this machine's clock: the upper bound of the mark if the store sends no Date."""
        self._is_mark_ahead = False
        """Whether the mark was later than the store's clock, so that the run started before it."""
        self._limit = self._remaining = options.limit
        self._warnings: tuple[RunWarning, ...] | None = None
        """What the first pages have shown; None before them."""
        self._parents_done = 0
        """Parents whose child lists have been written."""
        self._catching_up: asyncio.TimerHandle | None = None
        """Records what was written, unless another page comes before."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"write {self._name}")
        self._patience = Patience(self._machine, seconds(incoming.patience), self._on_wait)
        self._gate = Gate(self._pace, self._patience)
        self._progress = Progress(limit=self._pace.limit)

    @property
    def progress(self) -> Progress:
        """How far the run is now: its clock, waits and requests in flight are true also while nothing arrives."""
        progress = self._progress
        if self._opened is not None:
            written = self._opened.writer.written
            progress.items, progress.expected = written.items, self._expected(written.total)
            progress.failed, progress.dropped = written.failed, written.dropped
            progress.unwritten = written.failed + written.dropped
            costs = self._total_costs()
            progress.requests, progress.retries, progress.seconds = costs.requests, costs.retries, costs.seconds
        progress.responses = self._costs.responses
        progress.latency = self._costs.seconds / max(1, self._costs.responses)
        progress.rate, progress.limit, progress.reduced = self._pace.rate, self._pace.limit, self._pace.reduced
        if isinstance(self._reader, ChildReader):
            progress.rate = progress.current_rate
            progress.parents, progress.parents_expected = self._parents_done, self._reader.parents_total
        progress.in_flight = len(self._environment.exchanges.in_flight)
        progress.set_pause(self._patience.pause(self._environment.exchanges))
        return progress

    def retry_now(self) -> None:
        """Ends a pause of the run before its next request to a store that is down."""
        self._patience.retry_now(self._environment.exchanges)

    def _expected(self, total: int | None) -> int | None:
        """How many items are done when the run ends: at the limit of its user, or at the end of the list."""
        if self._limit is None:
            return total
        at_limit = self._progress.resumed_items + self._progress.resumed_unwritten + self._limit
        return at_limit if total is None else min(total, at_limit)

    def preview(self) -> Preview:
        """What `execute` would do; sends and writes nothing. Blocks. Raises `UserError`."""
        incoming, now = self._incoming, magento_date(self._machine.now())
        fingerprint, request_line = self._list_request.identity()
        assert incoming.sink is not None
        resumable = incoming.sink.resumable
        with Ledger.copy_of(self._environment.place.ledger) as ledger:
            start = begin_run(
                ledger,
                incoming,
                self._options,
                began=now,
                fingerprint=fingerprint,
                request_line=request_line,
                resumable=resumable,
            )
        pagination, request = self._list_request.pages(start.run)
        if pagination is not None:
            position = first_position(without_references(start.position, MARK), len(self._list_request.lineage) - 1)
            request = pagination.begin(request, position).take()[0].request
        prepared = self._environment.session.prepared(self._list_request.lineage[0][1].client, request)
        since = start.run.since
        where = " ".join(start.notes) or (f"Reads what has changed since {since}." if since else "Reads everything.")
        sink = incoming.sink
        values = [] if sink.server else sink.model_dump(exclude_defaults=True, exclude={"kind"}).values()
        written = " ".join([sink.kind, *map(str, filter(None, [sink.server, *values]))])
        uri = self._environment.session.mask.uri(prepared.uri.replace(quote(MARK), MARK))
        requests = [
            f"{prepared.method} {uri}",
            *map(self._environment.session.mask.uri, self._list_request.child_uris()),
        ]
        return Preview(
            ", then for each item ".join(requests),
            where,
            written,
        )

    def stop(self, why: str, code: str = STOPPED) -> None:
        """Ends the run cleanly: no more requests are sent, and the pages that have arrived in order are written."""
        log.info("run of %s is stopped: %s", self._name, why)
        self._halt.set()
        self._stopped = RunError(Action.STOP, why, code=code)
        if self._signing is not None:
            self._signing.cancel()
        if self._reader is not None:
            self._reader.stop(self._stopped)

    async def execute(self) -> Summary:
        """Runs to the end. Raises `UserError` if the run cannot start."""
        self._started, self._started_at = self._machine.monotonic(), self._machine.now()
        fingerprint, request_line = self._list_request.identity()
        self._environment.exchanges.on_recorded.append(self._costs.record)
        try:
            secrets = await self._sink_secrets()
            loop = asyncio.get_running_loop()

            def waits(text: str) -> None:
                loop.call_soon_threadsafe(self._warn, text)

            try:
                opened = self._opened = await self._in_thread(self._open, fingerprint, request_line, secrets, waits)
            except SinkStopped:
                return self._not_begun()
            # who has planned the slices got the bounds of the range from this address
            self._patience.has_reached = (
                opened.has_reached
                or self._options.within is not None
                or await self._environment.session.has_responded(request_line.partition(" ")[2])
            )
            log.info("run of %s begins: %s", self._name, " ".join(opened.start.notes) or "everything")
            for note in opened.start.notes:
                self._watcher.note(note)
            progress, resumed = self._progress, opened.start.run
            progress.resumed = opened.start.resumes
            progress.resumed_items, progress.resumed_seconds = resumed.items, resumed.seconds
            progress.resumed_unwritten = resumed.failed + resumed.dropped
            return await self._finish(opened, await self._read_and_write(opened))
        finally:
            self._environment.exchanges.on_recorded.remove(self._costs.record)
            if self._catching_up is not None:
                self._catching_up.cancel()
            if self._opened is not None:
                await self._in_thread(self._opened.close)
            self._thread.shutdown(wait=False)

    async def _sink_secrets(self) -> dict[str, str]:
        """The values of the sink's secrets, by the key of their source. Raises `UserError`."""
        sink, session = self._incoming.sink, self._environment.session
        assert sink is not None
        capability = sink.server_capability()
        if sink.server is None or capability is None:
            return {}
        if not session.grants.has(capability):
            raise UserError(
                "server-untrusted",
                f"The profile is not trusted to write to {sink.server}",
                "Review what it can do, then allow it: tui-connector trust PROFILE.",
            )
        return {each.key: await session.secret(each, sink.server, "") for each in sink.secrets()}

    def _open(
        self, fingerprint: str, request_line: str, secrets: dict[str, str], note: Callable[[str], None]
    ) -> OpenRun:
        return OpenRun.open(
            self._environment.place,
            self._incoming,
            self._options,
            self._environment.outputs,
            fingerprint=fingerprint,
            request_line=request_line,
            now=magento_date(self._machine.now()),
            monotonic=self._machine.monotonic,
            accepts_date=partial(
                can_start_at,
                self._list_request.listed_by_date,
                self._incoming.incremental.field if self._incoming.incremental else None,
            ),
            stored=partial(with_references, mask=self._environment.session.mask),
            may_miss=self._may_miss,
            wait=SinkWait(note, self._halt, self._machine.monotonic),
            stdout=self._environment.stdout,
            secrets=secrets,
        )

    @property
    def _may_miss(self) -> str:
        """Why a complete run may not list an item that is in the store; "" if it lists all."""
        slice_items = self._options.slice_items
        if slice_items is not None and not slice_items.absence_is_proof:
            return "they may have been saved after the slices were planned"
        paginations = (incoming.pagination for _, incoming in self._list_request.lineage)
        if all(each is None or each.cannot_shift for each in paginations):
            return ""
        return 'items can move to another page while a list is read, which the pagination "keyset" rules out'

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _read_and_write(self, opened: OpenRun) -> RunEnd:
        """Reads and writes all pages; returns how that ended."""
        try:
            reader = await self._open_reader(opened.start)
            try:
                while not await self._read_pages(reader, opened.writer):
                    pass
            except _MarkAhead as ahead:
                start = await self._in_thread(start_before, opened.ledger, self._incoming, opened.start, ahead.clock)
                opened.start = start
                for note in start.notes:
                    self._watcher.note(note, warning=True, code=MARK_AHEAD)
                reader = await self._open_reader(start)
                while not await self._read_pages(reader, opened.writer):
                    pass
        except RunFailed as failed:
            return RunEnd(END_STATES[failed.error.action], str(failed), failed.error.code)
        except SinkClosed:
            opened.reader_closed = True
            return RunEnd("stopped", code=OUTPUT_CLOSED)
        except (SinkError, LedgerError) as error:
            opened.failure = error
            if isinstance(error, SinkStopped) and self._stopped is not None:
                return RunEnd("stopped", str(self._stopped), self._stopped.code)
            return RunEnd("stopped", str(error), error.code)
        except UserError as error:
            return RunEnd("failed", str(error), error.code)
        if self._limit_reached:
            return RunEnd("stopped", code=LIMIT_REACHED)
        if undated := await self._in_thread(opened.writer.missing_dates):
            return RunEnd("failed", undated, "no-dates")
        previous_total = opened.start.previous_total
        if isinstance(self._reader, ChildReader) and not self._reader.read and previous_total:
            empty = empty_list(previous_total, f"All lists of {self._list_request.lineage[-2][0]} are empty")
            return RunEnd(END_STATES[empty.action], str(empty), empty.code)
        why = reader.why_incomplete() or await self._in_thread(opened.writer.duplicates)
        code = MARK_AHEAD if self._is_mark_ahead else "incomplete"
        if why:
            return RunEnd("incomplete", why, code)
        short = short_list(reader.read, previous_total, self._incoming.max_decrease, unchanged=False)
        return RunEnd("incomplete", str(short), short.code) if short else RunEnd("complete")

    async def _open_reader(self, start: StartPoint) -> PageReader:
        """The reader of what this run reads, from where it starts."""
        pagination, request = self._list_request.pages(start.run)
        position = await self._with_secrets(start.position, request)
        reader = self._reader = self._list_reader(pagination, request, start, position)
        if isinstance(reader, ChildReader):
            self._progress.resumed_parents = self._parents_done = parents_read(position)
        if self._stopped is not None:
            reader.stop(self._stopped)
        return reader

    @property
    def _limit_reached(self) -> bool:
        return self._remaining is not None and self._remaining <= 0

    async def _with_secrets(self, position: Json, request: Request) -> Json:
        """The position with its references to secrets resolved. Raises `RunFailed` and `UserError`."""
        if not has_references(position):
            return position
        try:  # reads the secrets of the client, and logs in if it must
            client = self._list_request.lineage[0][1].client
            self._signing = asyncio.create_task(self._environment.session.signed(client, request))
            await self._signing
            return with_secrets(position, self._environment.session.mask)
        except asyncio.CancelledError:
            if self._stopped is None:
                raise
            raise RunFailed(self._stopped) from None
        except RequestFailed as error:
            raise RunFailed(error_for_exception(error, has_read=False)) from error
        except UnknownSecret as gone:
            raise PaginationError(
                f"The position of the last run refers to the secret {gone}, which the client no longer uses",
                "Use it again to resume, or start over with --full.",
            ) from gone

    def _list_reader(
        self, pagination: Pagination | None, request: Request, start: StartPoint, position: Json
    ) -> PageReader:
        """The reader of the list or, for child lists, of those and of their parents; or of what slices have read."""
        if self._options.slice_items is not None:
            return self._options.slice_items.reader(position, start.previous_total, self._incoming.max_decrease)
        run = start.run
        so_far = ReadSoFar(position, run.read, run.failed, run.expected, start.at_end, run.doubt)
        lineage = self._list_request.lineage
        if len(lineage) > 1:
            so_far = replace(so_far, failed=0, reported_total=None)
        return self._reader_of(len(lineage) - 1, pagination, request, start, so_far)

    def _reader_of(
        self, level: int, pagination: Pagination | None, request: Request, start: StartPoint, so_far: ReadSoFar
    ) -> PageReader:
        """The reader of the incoming at this level of the lineage, of which the first has no parent."""
        incoming = self._list_request.lineage[level][1]
        if level == 0:
            previous_total = start.previous_total
            if self._incoming.parent is not None and not previous_total:  # there may have been parents without items
                previous_total = None
            return self._open_list(incoming, pagination, request, so_far, previous_total=previous_total)
        name, parent = self._list_request.lineage[level - 1]
        return ChildReader(
            name,
            parent,
            incoming,
            open_parents=partial(self._reader_of, level - 1, pagination, request, start),
            open_list=partial(self._open_list, incoming, is_child=True),
            send=self._gate.guard(self._environment.session.client(incoming.client)),
            run=self._list_request.scope(start.run),
            pace=self._pace,
            patience=self._patience,
            so_far=so_far,
            note=self._watcher.note,
        )

    def _open_list(
        self,
        incoming: Incoming,
        pagination: Pagination | None,
        request: Request,
        so_far: ReadSoFar,
        *,
        is_child: bool = False,
        previous_total: int | None = None,
    ) -> ListReader:
        send = self._environment.session.client(incoming.client)
        return ListReader(
            pagination,
            request,
            self._gate.guard(send) if self._incoming.parent is not None else send,
            partial(read_page, items=incoming.items),
            expects=incoming.request,
            pace=self._pace,
            patience=self._patience,
            machine=self._machine,
            explain=self._environment.explain,
            position=so_far.position,
            at_end=so_far.at_end,
            read=so_far.read,
            failed=so_far.failed,
            reported_total=so_far.reported_total,
            previous_total=previous_total,
            max_decrease=100 if self._incoming.parent is not None else incoming.max_decrease,
            incomplete_reason=so_far.incomplete_reason,
            is_child=is_child,
        )

    async def _read_pages(self, reader: PageReader, writer: RunWriter) -> bool:
        """Reads and writes to the end, and returns True; or False if the store requires smaller pages."""
        try:
            async with aclosing(reader.pages()) as pages:
                async for batch in pages:
                    if not await self._write(batch, writer, reader):
                        break
        except RunFailed as failed:
            if failed.error.action is not Action.LIMIT:
                raise
            await reader.use_smaller_pages(failed.error.max_page_size)
            self._watcher.note(smaller_pages(failed.error.max_page_size))
            return False
        return True

    async def _write(self, pages: list[PageRead], writer: RunWriter, reader: PageReader) -> bool:
        """Writes pages; returns whether to read on."""
        whole, part = self._within_limit(pages)
        assert self._opened is not None
        clock = reader.store_time or self._started_at
        if not self._is_mark_ahead and not writer.written.read and starts_ahead(self._opened.start, clock):
            self._is_mark_ahead = True
            raise _MarkAhead(clock)
        read = ReadTime(magento_date(clock), self._elapsed())
        writer.incomplete_reason = reader.doubt
        self._parents_done = max([self._parents_done, *(parents_read(page.position) for page in whole)])
        failed = await self._in_thread(writer.add, whole, self._total_costs(), read)
        if part is not None:
            self._opened.past_position = True
            failed += await self._in_thread(writer.add_past_position, part, self._total_costs(), read)
        for each in failed:
            self._watcher.failed(each)
        self._catch_up_later(writer)
        if self._warnings is None and writer.written.read and not any(page.is_last for page in whole):
            self._warnings = self._unfound_fields(writer)
            for warning in self._warnings:
                self._watcher.note(warning.text, warning=True, code=warning.code)
        self._watcher.progress(self.progress)
        return not self._limit_reached

    def _catch_up_later(self, writer: RunWriter) -> None:
        """Makes what was written durable where the next page takes long, such as while the store does not respond."""

        def catch_up() -> None:
            with suppress(RuntimeError):  # the run has ended meanwhile
                self._thread.submit(writer.catch_up, self._total_costs())

        if self._catching_up is not None:
            self._catching_up.cancel()
        self._catching_up = asyncio.get_running_loop().call_later(STEP, catch_up)

    def _unfound_fields(self, writer: RunWriter) -> tuple[RunWarning, ...]:
        """What is lost in all items so far, because they lack fields that the profile names."""
        assert self._opened is not None
        since = "Since the run was resumed, " if self._opened.start.run.read else ""
        of_parents = self._reader.unfound_fields() if isinstance(self._reader, ChildReader) else []
        found = [*of_parents, *map(str, writer.unfound_fields())]
        return tuple(RunWarning(UNFOUND, f"{since}{each}") for each in found)

    def _within_limit(self, pages: list[PageRead]) -> tuple[list[PageRead], PageRead | None]:
        """The pages within `--limit`, the last one cut; separately if a run cannot resume in the middle of it."""
        if self._remaining is None:
            return pages, None
        whole: list[PageRead] = []
        for page in pages:
            if len(page.items) > self._remaining:
                part, self._remaining = page.first(self._remaining), 0
                return ([*whole, part], None) if part.position is not None else (whole, part)
            self._remaining -= len(page.items)
            whole.append(page)
            if self._remaining == 0:
                break
        return whole, None

    def _on_wait(self, error: RunError, pause: float) -> None:
        log.info("run of %s waits %.1f s: %s", self._name, pause, error.message)
        self._watcher.note(f"{error.message}, retrying in {duration(pause)}.", warning=True)

    def _elapsed(self) -> float:
        """Seconds since the list began to be read, by whichever clock says more: one of them may have been set."""
        assert self._opened is not None
        began, slices = self._started_at, self._options.slice_items
        if slices is not None:
            began = from_timestamp(slices.plan.created)
        elif self._opened.start.resumes:
            began = from_timestamp(self._opened.start.run.began)
        return max(self._total_costs().seconds, (self._machine.now() - began).total_seconds())

    def _total_costs(self) -> RunCosts:
        run = self._opened.start.run if self._opened else None
        retries = self._reader.counts.retries if self._reader else 0
        return RunCosts(
            self._costs.requests + (run.requests if run else 0),
            self._costs.retries + retries + (run.retries if run else 0),
            self._machine.monotonic() - self._started + (run.seconds if run else 0.0),
        )

    def _warn(self, text: str) -> None:
        self._watcher.note(text, warning=True)

    def _not_begun(self) -> Summary:
        """The summary of a run that was stopped before its sink could be opened."""
        costs, stopped = self._total_costs(), self._stopped
        assert stopped is not None
        return Summary(
            self._name,
            "stopped",
            items=0,
            failed=0,
            dropped=0,
            seconds=costs.seconds,
            requests=costs.requests,
            retries=costs.retries,
            reason=str(stopped),
            code=stopped.code,
        )

    async def _finish(self, opened: OpenRun, end: RunEnd) -> Summary:
        ended, costs = magento_date(self._machine.now()), self._total_costs()
        remarks: list[str] = []
        try:
            if opened.failure is None:
                finish = partial(opened.writer.finish, end, ended, costs, past_position=opened.past_position)
                remarks += await self._in_thread(finish)
        except (SinkError, LedgerError) as error:
            opened.failure = error
            end = RunEnd("stopped", end.reason or str(error), end.code or error.code)
        if opened.failure is not None:
            with suppress(LedgerError):  # the last recorded step counts, as after a power failure
                await self._in_thread(opened.writer.fail, end, ended, opened.failure)
        reader, written = self._reader, opened.writer.written
        counts = written.items, written.failed, costs.requests, costs.seconds
        log.info("run of %s ends, %s: %d items, %d failed, %d requests, %.1f s", self._name, end.state, *counts)
        if end.reason:
            log.info("run of %s (%s): %s", self._name, end.code, end.reason)
        remarks += reader.remarks() if reader and end.state == "complete" else []
        parents = reader if isinstance(reader, ChildReader) else None
        warnings = [each for each in self._unfound_fields(opened.writer) if each not in (self._warnings or ())]
        return Summary(
            self._name,
            end.state,
            items=written.items,
            failed=written.failed,
            dropped=written.dropped,
            seconds=costs.seconds,
            requests=costs.requests,
            retries=costs.retries,
            reason=end.reason,
            code=end.code,
            remarks=tuple(remarks),
            warnings=tuple(warnings),
            received=reader.read if reader else 0,
            expected=reader.reported_total if reader else None,
            as_requested=self._limit_reached or opened.reader_closed,
            parents=self._parents_done if parents else None,
            parents_expected=parents.parents_total if parents else None,
        )
