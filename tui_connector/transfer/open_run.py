"""What a run holds open: its ledger, its plan and its sink. All of it belongs to the writing thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..client.exchange import Exchanges
from ..client.session import Session
from ..machine import Machine
from ..placeholder import Json
from .incoming import Incoming
from .incremental import Changes
from .ledger import Ledger
from .output_path import OutputPaths
from .plan import Plan, Wanted, anew, plan
from .sink import OpenSink, SinkContext, SinkGone
from .trouble import Explain
from .writing import Writing


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands: its incoming's name, the profile's file, and its ledger (None: it leaves nothing behind)."""

    name: str
    file: Path
    ledger: Path | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run works with."""

    session: Session
    exchanges: Exchanges
    machine: Machine
    place: Place
    explain: Explain = lambda _request, _answer: None
    typed_output: str | None = None
    """The file that the user has just named as this run's output, if any."""

    @property
    def outputs(self) -> OutputPaths:
        """The files that the run may write."""
        machine, directory = self.machine, Path(os.path.realpath(self.place.file)).parent
        return OutputPaths(directory, machine.directories, machine.environ, self.session.grants, self.typed_output)


@dataclass(slots=True)
class Opened:
    """A run that can begin."""

    ledger: Ledger
    plan: Plan
    sink: OpenSink
    writing: Writing
    beyond: bool = False
    """The sink holds items behind the recorded position."""
    broken: bool = False
    """Sink or ledger failed."""
    closed: bool = False
    """Nobody reads what the sink writes any more."""

    def close(self) -> None:
        self.sink.close()
        self.ledger.close()

    @classmethod
    def open(
        cls,
        place: Place,
        incoming: Incoming,
        wanted: Wanted,
        outputs: OutputPaths,
        *,
        bound_to: str,
        asked: str,
        now: str,
        monotonic: Callable[[], float],
        accepts: Callable[[str], bool],
        stored: Callable[[Json], Json],
    ) -> Self:
        """`now` in Magento's form; `stored` gives a position as it may be written to disk.

        Raises `LedgerError` and `SinkError`.
        """
        assert incoming.sink is not None
        ledger = Ledger(place.ledger)
        try:
            resumable = incoming.sink.resumable
            chosen = plan(ledger, incoming, wanted, began=now, bound_to=bound_to, asked=asked, resumable=resumable)
            cursor = incoming.incremental.field if incoming.incremental else None
            known, closed = ledger.known_sink()
            directory = Path(os.path.realpath(place.file)).parent  # by whatever link the profile was opened
            context = SinkContext(directory, place.name, incoming.identifier, cursor, known, closed, outputs)
            try:
                sink = incoming.sink.open(context, chosen.sink)
            except SinkGone as gone:
                chosen = anew(ledger, chosen, now, incoming, f"Begins anew: {gone.message}.")
                sink = incoming.sink.open(context, None)
            changes = None
            if incoming.incremental is not None:
                changes = Changes(
                    incoming.incremental,
                    incoming.identifier,
                    ledger,
                    chosen.run,
                    drop=chosen.drops,
                    accepts=accepts,
                )
            reshape = incoming.reshape()
            writing = Writing(
                ledger,
                chosen.run,
                sink,
                changes=changes,
                reshape=reshape,
                identifier=incoming.identifier,
                needs_identifier=incoming.sink.needs_identifier,
                looks_for_doubles=incoming.pagination is not None and not incoming.pagination.holds_once,
                monotonic=monotonic,
                stored=stored,
            )
            try:
                ledger.confirm()
            except BaseException:
                sink.close()
                raise
            return cls(ledger, chosen, sink, writing)
        except BaseException:
            ledger.close()
            raise
