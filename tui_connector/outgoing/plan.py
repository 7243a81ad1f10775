"""What a run would change, before anything is sent: computed from a source, saved in a file, and applied exactly.

A plan's file has one JSON object a line: a head with the store and the configuration it is for, the entities with
their changes, and an end with their number and a digest. It contains no secrets.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final, Self, get_args

import msgspec

from ..client.message import Request
from ..client.session import Session
from ..client.uri import is_absolute
from ..errors import UserError
from ..files import new_private, open_regular, reason, remedy
from ..runs.errors import Action, RunError, RunFailed
from ..runs.fingerprint import compared, digest
from ..secrets.mask import Mask
from ..templates import Json, Template
from ..text import beginning, count
from .changes import Compare, EntityAction, EntityChange, FieldChange
from .equality import ABSENT
from .model import Outgoing
from .new_tasks import new_task
from .source import BadEntity, EntitySource, SourceContext, SourceEntity

_VERSION: Final = 1
_WINDOW: Final = 2_000
"""Entities that are compared together."""
_TURN: Final = 50
"""Entities after which other work on the event loop has its turn."""
_NAMED: Final = 3
"""Entities that an error message names."""


class PlanError(UserError):
    """A plan that cannot be saved, read or applied."""


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """An entity of the source, and what sending it would change."""

    line: int
    entity: Json
    change: EntityChange


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What a plan was made for. `store`: the address of the REST API, with the store view that is written to.

    `created` is the date in UTC. `environment`: of the profile, "" for its base values.
    """

    profile: str
    outgoing: str
    store: str
    fingerprint: str
    created: str = ""
    environment: str = ""


def plan_head(
    profile: Path, name: str, outgoing: Outgoing, session: Session, created: str = "", environment: str = ""
) -> PlanHead:
    """The head of a plan for this configuration as it is now."""
    identity = fingerprint(outgoing.model_copy(update={"source": None}), session)  # the plan has the entities itself
    return PlanHead(profile.stem, name, store_address(outgoing, session), identity, created, environment)


def store_address(outgoing: Outgoing, session: Session) -> str:
    """Where requests of this outgoing are sent: the address that relative URIs start from, with the store view."""
    first = Template.parse(next(iter(outgoing.requests.values())).uri).pieces[:1]
    written = first[0].partition("?")[0] if first and isinstance(first[0], str) else ""
    place = f"{written[: written.rfind('/') + 1]}-" if written.startswith("/") or is_absolute(written) else "-"
    return session.prepared(outgoing.client, Request("GET", place)).uri.removesuffix("-")


def fingerprint(outgoing: Outgoing, session: Session) -> str:
    """Identifies where it is sent and, after a slash, what: a run is resumed, a plan applied only while unchanged."""
    parts = [compared(outgoing), session.written_headers(outgoing.client)]
    return f"{_store_identity(outgoing, session)}/{digest(parts)}"


def sends_elsewhere(outgoing: Outgoing, session: Session, fingerprint: str) -> bool:
    """Whether what has this fingerprint was sent to another store, or store view, than this outgoing sends to now."""
    before, separator, _ = fingerprint.partition("/")
    return bool(separator) and before != _store_identity(outgoing, session)


def _store_identity(outgoing: Outgoing, session: Session) -> str:
    return digest(store_address(outgoing, session))[:16]


async def limited(
    entries: AsyncGenerator[PlanEntry | BadEntity, None], limit: int | None
) -> AsyncGenerator[PlanEntry | BadEntity, None]:
    """The first `limit` entries of a plan; all of them for None."""
    async with aclosing(entries):
        number = 0
        async for entry in entries:
            yield entry
            number += 1
            if number == limit:
                return


async def planned(
    source: EntitySource, context: SourceContext, outgoing: Outgoing, read_current: Compare, mask: Mask
) -> AsyncGenerator[PlanEntry | BadEntity, None]:
    """The entities of a source with their changes, in its order. Sends only requests that read.

    Raises `UserError` and `RunFailed`.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="plan") as thread:  # a database belongs to one thread
        loop = asyncio.get_running_loop()
        entities = await loop.run_in_executor(thread, source.open, context)
        read = await loop.run_in_executor(thread, _next, entities)
        comparing = asyncio.ensure_future(_changes(read, read_current))
        try:
            while read:
                changes = await comparing
                following = await loop.run_in_executor(thread, _next, entities)
                comparing = asyncio.ensure_future(_changes(following, read_current))  # while these are printed
                for number, entry in enumerate(_compared(read, changes, outgoing, mask)):
                    if number % _TURN == 0:
                        await asyncio.sleep(0)
                    yield entry
                read = following
        finally:
            comparing.cancel()
            await asyncio.gather(comparing, return_exceptions=True)


async def _changes(read: Sequence[SourceEntity | BadEntity], read_current: Compare) -> Sequence[EntityChange]:
    entities = [each.data for each in read if isinstance(each, SourceEntity)]
    return await read_current(entities) if entities else []


def _compared(
    read: Sequence[SourceEntity | BadEntity], found: Sequence[EntityChange], outgoing: Outgoing, mask: Mask
) -> Iterator[PlanEntry | BadEntity]:
    changes = iter(found)
    suspicious = _is_suspicious(read, mask)  # after reading: the secrets are known now
    for each in read:
        if isinstance(each, BadEntity):
            yield each
            continue
        change = next(changes)
        if suspicious or not change.identifier:
            task = new_task(each, outgoing.identifier, mask)
            if task.state == "failed":
                yield BadEntity(each.line, task.reason)
                continue
            change = change if change.identifier else replace(change, identifier=task.identifier)
        yield PlanEntry(each.line, each.data, change)


def _is_suspicious(read: Sequence[SourceEntity | BadEntity], mask: Mask) -> bool:
    """Whether one of these entities may be unfit to be sent (see `new_task`); a quick check of all of them together."""
    try:
        data = msgspec.json.encode([each.data for each in read if isinstance(each, SourceEntity)])
    except (ValueError, TypeError, RecursionError, OverflowError):
        return True
    return b"\\u0000" in data or b"eyJ" in data or b"null" in data or mask.mask_known_bytes(data) != data


def _next(entities: Iterator[SourceEntity | BadEntity]) -> list[SourceEntity | BadEntity]:
    return list(itertools.islice(entities, _WINDOW))


class PlanWriter:
    """Writes a plan to a file, an entry at a time. Blocks."""

    def __init__(self, file: BinaryIO, head: PlanHead, mask: Mask) -> None:
        self._file, self._mask = file, mask
        self._digest = hashlib.sha256()
        self._counts: Counter[str] = Counter()
        self._write({"plan": _VERSION, **{name: getattr(head, name) for name in PlanHead.__slots__}})

    def add(self, entry: PlanEntry | BadEntity) -> None:
        """Raises `PlanError` if the entry contains a secret."""
        if isinstance(entry, BadEntity):
            self._write({"line": entry.line, "invalid": self._mask.mask_known(entry.message)})
            return
        change = entry.change
        line: dict[str, Json] = {"line": entry.line, "identifier": change.identifier, "action": change.action}
        line["changes"] = [_change_json(each) for each in change.changes]
        line |= {"entity": entry.entity, "former": change.former}
        line |= {"note": change.note} if change.note else {}
        line |= {"refused": True} if change.refused else {}
        text = json.dumps(line, ensure_ascii=False)
        if self._mask.mask_known(text) != text:
            message = f"The plan would contain a secret of this profile, in the entity of line {entry.line}"
            raise PlanError("plan-secret", message, "Remove it from the source; a plan is an ordinary file.")
        self._counts[change.action] += 1
        self._write(line)

    def end(self) -> None:
        """Writes the last line, which shows that the plan is complete."""
        counts: dict[str, Json] = dict(self._counts)
        end: dict[str, Json] = {"end": self._digest.hexdigest(), "counts": counts}
        self._file.write(json.dumps(end).encode() + b"\n")

    def _write(self, line: dict[str, Json]) -> None:
        data = json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        self._digest.update(data)
        self._file.write(data)


async def save_plan(
    path: Path,
    head: PlanHead,
    entries: AsyncIterator[PlanEntry | BadEntity],
    mask: Mask,
    on_entry: Callable[[PlanEntry | BadEntity], None] = lambda entry: None,
) -> None:
    """Saves a plan in a file of mode 0600, replacing an earlier plan.

    `on_entry` is called with each entry. Raises `PlanError`, and what reading the entries raises; then
    the file is unchanged.
    """
    stack = ExitStack()
    try:
        await asyncio.to_thread(_refuse_other_file, path)
        try:
            writer = PlanWriter(
                await asyncio.to_thread(stack.enter_context, new_private(path, replace=True)), head, mask
            )
            async for entry in entries:
                on_entry(entry)
                writer.add(entry)
            writer.end()
        except BaseException:
            await asyncio.to_thread(stack.__exit__, *sys.exc_info())
            raise
        await asyncio.to_thread(stack.close)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> PlanError:
    return PlanError("plan-unwritable", f"The plan cannot be written to {path}: {reason(error)}", remedy(error))


def _refuse_other_file(path: Path) -> None:
    if not os.path.lexists(path):
        return
    with suppress(PlanError), _open(path) as file:
        _head(file, path)
        return
    hint = "Choose another file, or delete this one first."
    raise PlanError("plan-exists", f"{path} exists and is not a plan", hint)


def _change_json(change: FieldChange) -> dict[str, Json]:
    found: dict[str, Json] = {"field": change.field, "new": change.new}
    return found if change.old is ABSENT else {**found, "old": change.old}


@dataclass(slots=True)
class SavedPlan:
    """A saved plan, whose file is complete and unaltered. A context manager. `digest` identifies its content."""

    path: Path
    head: PlanHead
    digest: str
    counts: dict[str, int]
    _file: BinaryIO = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> SavedPlan:
        """Opens a plan, after checking the whole file. Blocks. Raises `PlanError`."""
        file = _open(path)
        try:
            head = _head(file, path)
            file.seek(0)
            found, end = hashlib.sha256(), {}
            for line in file:
                if line.startswith(b'{"end": '):
                    end = json.loads(line)
                    break
                found.update(line)
            if end.get("end") != found.hexdigest() or file.readline():
                raise _altered(path)
            return cls(path, head, found.hexdigest(), dict(end["counts"]), file)
        except BaseException as error:
            file.close()
            if isinstance(error, _UNREADABLE):
                raise _altered(path) from error
            raise

    def entries(self) -> Iterator[PlanEntry]:
        """Every entity in order. Blocks. Raises `PlanError`."""
        return (each for each in self.lines() if isinstance(each, PlanEntry))

    def lines(self) -> Iterator[PlanEntry | BadEntity]:
        """Every entity and every invalid line of the source, in order. Blocks. Raises `PlanError`."""
        self._file.seek(0)
        self._file.readline()
        for line in self._file:
            try:
                entry = _parsed(line)
            except _UNREADABLE as error:  # its digest was computed again
                raise _altered(self.path) from error
            if entry is None:
                return
            yield entry

    def copy(self, path: Path) -> None:
        """Writes the plan to another file, replacing what is there. Blocks. Raises `PlanError`."""
        try:
            self._file.seek(0)
            with new_private(path, replace=True) as file:
                shutil.copyfileobj(self._file, file)
        except OSError as error:
            raise _unwritable(path, error) from error

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refuse_other(self, head: PlanHead) -> None:
        """Raises `PlanError` if the plan has another environment, store, profile or configuration than `head`."""
        mine = self.head
        hint = "Make a new plan for it."
        if mine.environment != head.environment:
            names = f"{mine.environment or 'default'}, not for {head.environment or 'default'}"
            raise PlanError("plan-environment", f"The plan is for the environment {names}", hint)
        if mine.store != head.store:
            raise PlanError("plan-store", f"The plan is for the store {mine.store}, not for {head.store}", hint)
        if (mine.profile, mine.outgoing) != (head.profile, head.outgoing):
            names = f"{mine.outgoing} of the profile {mine.profile}, not for {head.outgoing} of {head.profile}"
            raise PlanError("plan-profile", f"The plan is for {names}", hint)
        if mine.fingerprint != head.fingerprint:
            raise PlanError("plan-configuration", "The configuration has changed since the plan was made", hint)

    async def refuse_changed_store(self, read_current: Compare) -> None:
        """Raises `PlanError` if the store has other values than when the plan was made, and `RunFailed`.

        Entities that already have the planned values are accepted: they were sent before a run was interrupted.
        """
        changed: list[str] = []
        number = 0
        entries = self.entries()
        while window := await asyncio.to_thread(lambda: list(itertools.islice(entries, _WINDOW))):
            now = await read_current([each.entity for each in window])
            for entry, change in zip(window, now, strict=True):
                same = change.action == entry.change.action and change.changes == entry.change.changes
                if not same and change.action != "unchanged":
                    number += 1
                    changed += [_described(entry, change)] if len(changed) < _NAMED else []
        if number:
            more = f", and {count(number - len(changed), 'more entity', 'more entities')}" if number > _NAMED else ""
            message = f"The store has changed since the plan was made: {'; '.join(changed)}{more}"
            raise PlanError("plan-outdated", message, "Make a new plan. Nothing was sent.")

    @property
    def run_digests(self) -> tuple[str, str]:
        """Identify this plan as the source of a run: of the changed entities only, and of all."""
        return self.digest, f"{self.digest} all"

    def source(self, *, unchanged: bool = False) -> EntitySource:
        """The entities that the plan changes, as the source of a run. `unchanged`: the other ones, too."""
        return _PlannedEntities(self, unchanged)


@dataclass(frozen=True, slots=True)
class _PlannedEntities:
    plan: SavedPlan
    unchanged: bool

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        for entry in self.plan.lines():
            if isinstance(entry, BadEntity):
                yield entry
            elif self.unchanged or entry.change.action != "unchanged":
                yield SourceEntity(entry.line, entry.entity)

    def digest(self, context: SourceContext) -> str | None:
        return self.plan.run_digests[self.unchanged]


def _described(entry: PlanEntry, now: EntityChange) -> str:
    """One entity whose current values are not those of the plan."""
    before = {each.field: each.old for each in entry.change.changes}
    for each in now.changes:
        if each.field not in before or before[each.field] != each.old:
            old = "absent" if each.old is ABSENT else beginning(json.dumps(each.old, ensure_ascii=False), 60)
            return f"{entry.change.identifier}: {each.field} is {old} now"
    return f"{entry.change.identifier}: {now.action} instead of {entry.change.action}"


_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a line raises that no plan has."""


def _parsed(line: bytes) -> PlanEntry | BadEntity | None:
    """An entity of a plan or an invalid line of its source; None for the end. Raises what is in `_UNREADABLE`."""
    data = json.loads(line)
    if "end" in data and "line" not in data:
        return None
    number, invalid = data["line"], data.get("invalid")
    if type(number) is not int or not 0 <= number < 1 << 63:
        raise TypeError("line")
    if invalid is not None:
        return BadEntity(number, str(invalid))
    if data["action"] not in get_args(EntityAction):
        raise ValueError("action")
    changes = tuple(FieldChange(str(each["field"]), each.get("old", ABSENT), each["new"]) for each in data["changes"])
    note, refused = str(data.get("note", "")), data.get("refused") is True
    change = EntityChange(str(data["identifier"]), data["action"], changes, data["former"], note, refused)
    return PlanEntry(number, data["entity"], change)


def _altered(path: Path) -> PlanError:
    return PlanError("plan-altered", f"{path} is not complete, or was changed after it was saved", "Make a new plan.")


def _open(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except (OSError, ValueError) as error:
        message = f"The plan {path} cannot be read: {reason(error)}"
        raise PlanError("plan-unreadable", message, remedy(error)) from error


def _head(file: BinaryIO, path: Path) -> PlanHead:
    try:
        line = file.readline(100_000)
        data = json.loads(line)
        version = data["plan"]
        if version == _VERSION:
            data.setdefault("environment", "")  # plans of earlier versions have none
            return PlanHead(**{name: str(data[name]) for name in PlanHead.__slots__})
    except (OSError, *_UNREADABLE) as error:
        raise PlanError("plan-invalid", f"{path} is not a plan", "Make one with --plan FILE.") from error
    raise PlanError("plan-version", f"{path} was made by another version of this program", "Make a new plan.")


def too_many(changes: int, most: int) -> RunFailed:
    """The refusal of a run that would change more entities than its configuration allows."""
    message = f"The run would change {changes:,} entities, more than max-changes allows ({most:,})"
    hint = "Check the plan (--plan). If it is right, raise max-changes."
    return RunFailed(RunError(Action.WRONG, message, hint, code="max-changes"))
