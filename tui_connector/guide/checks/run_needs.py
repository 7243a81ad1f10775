"""What a run needs besides the store: a sink for its items, or a source that can be read. Nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ...client.session import Session
from ...errors import UserError
from ...incoming.output_file import check_can_write
from ...incoming.output_path import OutputPaths
from ...incoming.sink import Sink, no_sink
from ...machine import Machine
from ...magento.diagnosis import Finding
from ...outgoing.model import Outgoing
from ...outgoing.source import OtherProfile, Source, SourceContext, no_source
from ...outgoing.sources.incoming import IncomingSource
from ...profile.library import Library
from ...profile.model import Profile
from ...templates import Json
from ..other_profile import read_other_profile, source_incoming
from ..steps.chain import sample_entity

_LONGEST = 5.0
"""Seconds that a query may take to return its first row."""


def sink_warnings(profile: Profile, session: Session, name: str) -> tuple[Finding, ...]:
    """A warning if a run of this incoming would have nowhere to write its items, or never writes its file."""
    sink = profile.incoming[name].sink
    if sink is None:
        return () if name in profile.incomings_read_by_others() else (_warning(no_sink(name), "sink"),)
    try:
        _check_files(sink, session.directory, session.machine)
    except UserError as error:
        return (_warning(error, "sink.path"),)
    return ()


def check_sink(profile: Profile, name: str, directory: Path, machine: Machine) -> None:
    """Raises `UserError` if a run of this incoming could not write its file, with the field to change.

    Nothing is changed or sent, and no secret is read: another environment may have another file, or another folder.
    """
    sink = profile.incoming[name].sink
    try:
        if sink is not None:
            _check_files(sink, directory, machine)
    except UserError as error:
        of = f", in the environment {profile.environment_label}" if profile.environment_label else ""
        field = f"To write elsewhere{of}: Enter on incoming {name}, field File of its Sink (sink.path)."
        raise UserError(error.code, error.message, f"{error.hint} {field}".strip()) from error


def _check_files(sink: Sink, directory: Path, machine: Machine) -> None:
    paths = OutputPaths(directory, machine.directories, machine.environ)
    for path in sink.writes():
        real = paths.check_allowed(path)
        if directory.is_dir():  # of a profile that was never saved, it may not be there yet
            check_can_write(real, creates_folder=paths.creates_folder(path, real))


async def source_warnings(profile: Profile, session: Session, name: str) -> tuple[Finding, ...] | None:
    """A warning if a run of this outgoing could not read its source; None if that cannot be tried.

    Files are read up to the first entity. The items of an incoming are not requested: of another profile, the file is
    read. Standard input cannot be tried.
    """
    try:
        is_read = await check_source(profile, name, session.directory, session.machine)
    except UserError as error:
        return (_warning(error, "source"),)
    return () if is_read else None


async def check_source(profile: Profile, name: str, directory: Path, machine: Machine, sample: Json = None) -> bool:
    """Whether the source of this outgoing could be read; False if that cannot be tried. Raises `UserError`.

    Nothing is sent, and no secret is read. `sample`: an entity for messages; None: the one that the guide has for it.
    """
    source = profile.outgoing[name].source
    if source is None:
        raise no_source(name)
    other = source.other_profile(profile.environment)
    try:
        if other is not None:
            await asyncio.to_thread(_read_other, source, other, directory, machine)
        elif source.reads():
            await asyncio.to_thread(_read_first, source, profile.outgoing[name], directory, machine, sample)
        else:
            return False
    except _TakesLong:
        return False
    return True


def _read_other(source: Source, other: OtherProfile, directory: Path, machine: Machine) -> None:
    """Blocks. Raises `UserError`."""
    file, profile = read_other_profile(other, Library(machine.directories.profiles), directory)
    if isinstance(source, IncomingSource):
        source_incoming(profile, file, source.name)


def _read_first(source: Source, outgoing: Outgoing, directory: Path, machine: Machine, sample: Json) -> None:
    """Blocks. Raises `UserError`, and `_TakesLong`."""
    known = sample or sample_entity([(each.method, each.uri) for each in outgoing.requests.values()])
    stop = _deadline(machine.monotonic)
    context = SourceContext(directory, outgoing.identifier, check_stopped=stop, sample=known)
    next(source.open(context), None)


class _TakesLong(Exception):
    """The first entity has not been read yet."""


def _deadline(monotonic: Callable[[], float]) -> Callable[[], None]:
    end = monotonic() + _LONGEST

    def check() -> None:
        if monotonic() > end:
            raise _TakesLong

    return check


def _warning(error: UserError, field: str) -> Finding:
    return Finding(error.code, error.message, (), error.hint, field)
