"""Reads the source of a run into its tasks, and signs a first request before any of them is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from ..client.message import Request, RequestFailed
from ..client.session import Session
from ..errors import InvalidValue
from ..runs.errors import RunFailed
from ..templates import Json
from .errors import result_for_exception
from .model import Outgoing
from .new_tasks import new_task
from .run_thread import RunThread
from .source import BadEntity, SourceEntity
from .start import OpenSending
from .tasks import NewTask

_LOADED_AT_ONCE = 2_000
_LOADED_BYTES = 16_000_000
"""Entities that are read from the source in one transaction."""
_TRIED_FOR_SIGNING = 100


class TaskLoader:
    """Reads a source to its end, in the run's thread; nothing is sent before."""

    def __init__(
        self,
        outgoing: Outgoing,
        session: Session,
        in_thread: RunThread,
        *,
        now: Callable[[], str],
        refuse_stopped: Callable[[], None],
        pass_notes: Callable[[], None],
        loaded: Callable[[Sequence[NewTask]], None],
    ) -> None:
        """`refuse_stopped` raises `RunFailed` once the run is stopped.

        `pass_notes` is called when the source may have noted something, `loaded` with the tasks that were recorded.
        """
        self._outgoing, self._session, self._in_thread, self._now = outgoing, session, in_thread, now
        self._refuse_stopped, self._pass_notes, self._loaded = refuse_stopped, pass_notes, loaded
        self._signing: asyncio.Task[Request] | None = None

    def cancel(self) -> None:
        """Ends the reading of secrets that `load` waits for, once the run is stopped."""
        if self._signing is not None:
            self._signing.cancel()

    async def load(self, opened: OpenSending, values: dict[str, Json]) -> None:
        """Reads the source into tasks, unless the run has been resumed and has them.

        `values`: what expressions read of the run. Raises `UserError`, and `RunFailed` if it is stopped or refused.
        """
        if opened.entities is None:
            tasks = await self._in_thread(opened.ledger.window, opened.run.id, "new", 0, _TRIED_FOR_SIGNING)
            await self._sign([each.entity for each in tasks], values)
            return
        is_first = True
        while True:
            self._refuse_stopped()
            read = await self._in_thread(_next_entities, opened.entities)
            self._pass_notes()
            if is_first:  # reads the secrets, so that they are recognised in entities before these are written
                await self._sign([each.data for each in read if isinstance(each, SourceEntity)], values)
            is_first = False
            if not read:
                break
            self._loaded(await self._in_thread(self._record, opened, read))
        await self._in_thread(opened.ledger.loaded, opened.run.id)

    def _record(self, opened: OpenSending, read: Sequence[SourceEntity | BadEntity]) -> list[NewTask]:
        """In the run's thread."""
        field, mask = self._outgoing.identifier, self._session.mask
        new = [new_task(each, field, mask) for each in read]
        opened.ledger.load(opened.run.id, new, self._now())
        return new

    async def _sign(self, entities: Sequence[Json], values: dict[str, Json]) -> None:
        """Reads the client's secrets with the first request that can be made. Raises `UserError` and `RunFailed`."""
        step = next(iter(self._outgoing.requests))
        for entity in entities[:_TRIED_FOR_SIGNING]:
            try:
                request = self._outgoing.request_for(entity, values, step)
                self._signing = asyncio.create_task(self._session.signed(self._outgoing.client, request))
                await self._signing
                return
            except InvalidValue:
                continue  # this entity's own task says why
            except RequestFailed as error:
                result = result_for_exception(error, reads=True)
                assert result.error is not None
                raise RunFailed(result.error) from error
            except asyncio.CancelledError:
                self._refuse_stopped()
                raise
            finally:
                self._signing = None


def _next_entities(entities: Iterator[SourceEntity | BadEntity]) -> list[SourceEntity | BadEntity]:
    """The next entities of the source, bounded by their number and, roughly, their size."""
    found: list[SourceEntity | BadEntity] = []
    size = 0
    for read in entities:
        found.append(read)
        if isinstance(read, SourceEntity):
            size += _size(read.data)
        if len(found) >= _LOADED_AT_ONCE or size >= _LOADED_BYTES:
            break
    return found


def _size(data: Json) -> int:
    """The characters of the texts on the first level: large entities have large texts."""
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else (data,)
    return sum(len(value) for value in values if isinstance(value, str | list | dict))
