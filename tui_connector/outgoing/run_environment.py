"""What a run of an outgoing is given: its user's options, and its surroundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from ..client.exchange import ExchangeLog
from ..client.session import Session
from ..machine import Machine
from ..runs.database import LedgerPlace
from ..runs.errors import Explain
from ..runs.progress import RunPause
from ..templates import Json
from .changes import Compare
from .source import EntitySource


@dataclass(frozen=True, slots=True)
class OutgoingOptions:
    """The user's options of this run. `full`: start over, although the last run can be resumed.

    `resumes`: only continue the last run; it is refused if that is not possible. `keep_going`: send every task, even if
    the first ones all fail for the same reason. `only_loads`: reads the source into tasks, and sends none of them.
    `waits`: for a store that is down, as the outgoing says.
    """

    full: bool = False
    limit: int | None = None
    in_flight: int | None = None
    resumes: bool = False
    keep_going: bool = False
    only_loads: bool = False
    waits: bool = True


class ItemReader(Protocol):
    """Reads the items of incomings, on the event loop."""

    async def read(self, name: str, profile: str | None) -> BinaryIO:
        """All items of an incoming as JSON Lines; the profile is None for the outgoing's own. Raises `UserError`."""
        ...

    def stop(self, why: str) -> None:
        """Ends the reading."""
        ...

    @property
    def pause(self) -> RunPause | None:
        """What the reading waits for; None while it works."""
        ...

    def retry_now(self) -> None:
        """Ends the pause of the reading before its next request to a store that is down."""
        ...


@dataclass(frozen=True, slots=True)
class OutgoingEnvironment:
    """The session, clock and files of a run, and what is known about its configuration elsewhere."""

    session: Session
    exchanges: ExchangeLog
    machine: Machine
    name: str
    file: Path
    """The profile."""
    ledger: LedgerPlace | None
    """None: in memory."""
    explain: Explain = lambda _request, _response: None
    compare: Compare | None = None
    """Reads the current values of entities, where the configuration says how."""
    stdin: Callable[[], BinaryIO] | None = None
    incoming: ItemReader | None = None
    """Reads incomings that are sources; None: they cannot be read."""
    sample: Json = None
    """An entity as the requests expect it, for messages; None if there is none."""
    source: EntitySource | None = None
    """Instead of the outgoing's own source: the entities of a plan or an undo."""
    environment: str = ""
    """Of the profile; "" for its base values."""
    has_reached: bool = False
    """Whether the store is known to respond at this address, whatever the ledger says."""
