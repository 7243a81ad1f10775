"""What a run needs besides the store: a sink for its items, or a source that can be read. Nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...client.session import Session
from ...errors import UserError
from ...incoming.output_path import OutputPaths
from ...incoming.sink import no_sink
from ...magento.diagnosis import Finding
from ...outgoing.model import Outgoing
from ...outgoing.source import OtherProfile, Source, SourceContext, no_source
from ...outgoing.sources.incoming import IncomingSource
from ...profile.library import Library
from ...profile.model import Profile
from ..other_profile import read_other_profile, source_incoming
from ..steps.chain import sample_entity

_LONGEST = 5.0
"""Seconds that a query may take to return its first row."""


def sink_warnings(profile: Profile, session: Session, name: str) -> tuple[Finding, ...]:
    """A warning if a run of this incoming would have nowhere to write its items, or never writes its file."""
    sink = profile.incoming[name].sink
    if sink is None:
        return () if name in profile.incomings_read_by_others() else (_warning(no_sink(name), "sink"),)
    machine = session.machine
    paths = OutputPaths(session.directory, machine.directories, machine.environ)
    try:
        for path in sink.writes():
            paths.check_allowed(path)
    except UserError as error:
        return (_warning(error, "sink.path"),)
    return ()


async def source_warnings(profile: Profile, session: Session, name: str) -> tuple[Finding, ...] | None:
    """A warning if a run of this outgoing could not read its source; None if that cannot be tried.

    Files are read up to the first entity. The items of an incoming are not requested: of another profile, the file is
    read. Standard input cannot be tried.
    """
    source = profile.outgoing[name].source
    if source is None:
        return (_warning(no_source(name), "source"),)
    other = source.other_profile(profile.environment)
    try:
        if other is not None:
            await asyncio.to_thread(_read_other, source, other, session)
        elif source.reads():
            await asyncio.to_thread(_read_first, source, profile.outgoing[name], session)
        else:
            return None
    except UserError as error:
        return (_warning(error, "source"),)
    except _TakesLong:
        return None
    return ()


def _read_other(source: Source, other: OtherProfile, session: Session) -> None:
    """Blocks. Raises `UserError`."""
    library = Library(session.machine.directories.profiles)
    file, profile = read_other_profile(other, library, session.directory)
    if isinstance(source, IncomingSource):
        source_incoming(profile, file, source.name)


def _read_first(source: Source, outgoing: Outgoing, session: Session) -> None:
    """Blocks. Raises `UserError`, and `_TakesLong`."""
    known = sample_entity([(each.method, each.uri) for each in outgoing.requests.values()])
    stop = _deadline(session.machine.monotonic)
    context = SourceContext(session.directory, outgoing.identifier, check_stopped=stop, sample=known)
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
