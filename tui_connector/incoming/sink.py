"""Where items go: what a sink is, what a run and its sink say to each other, and how it fails."""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

from pydantic import Field

from ..errors import UserError
from ..kinds import Kind
from ..secrets.capability import is_inside
from ..templates import Json
from .output_path import OutputPaths
from .raw_json import shape

FilePath = Annotated[str, Field(min_length=1, json_schema_extra={"format": "path"})]
"""A file in a profile: relative to the profile's own folder, unless it is absolute."""


class SinkError(UserError):
    """Items cannot be written; `hint` says what to do. What `sync` made durable stays so."""

    _CODE: ClassVar = "sink"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(self._CODE, message, hint)


class SinkChanged(SinkError):
    """Something else has changed what this run or earlier ones wrote; it has been left as it was."""

    _CODE = "output-changed"


class SinkMissing(SinkError):
    """What earlier runs wrote is not there any more, or not what they recorded: a run cannot resume from it."""

    _CODE = "output-missing"


class SinkClosed(SinkError):
    """Nobody reads any more (`| head`): the run ends, and nothing is wrong."""

    _CODE = "output-closed"


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink is told of the incoming it writes for."""

    directory: Path
    """What a relative path is relative to: the profile's folder."""
    name: str = "items"
    """The incoming's name: a table's or a stream's, where the sink gives none."""
    identifier: str | None = None
    """The identifier of the incoming, if it has one."""
    cursor: str | None = None
    """The field with the date of the last change, where the incoming reads what has changed."""
    known: Json = None
    """The last position that was recorded for this incoming, of whatever run: by it a file is known as our own."""
    closed: Json = None
    """What the sink held in whole when the last run that wrote it ended; None where that run was killed.

    What is there besides was added by somebody else, and is never removed.
    """
    outputs: OutputPaths | None = None
    """The files that may be written; None: those in the profile's folder."""

    def output(self, path: str) -> Path:
        """The file to open for a path of the profile, without symbolic links in it. Raises `SinkError`.

        Folders that a relative path names below the profile's own are made.
        """
        try:
            file = self.paths.allowed(path)
        except UserError as error:
            raise SinkError(error.message, error.hint) from error
        except ValueError as error:  # a null character
            raise SinkError(f"{path!r} is not a valid path: {error}", "Correct it.") from error
        if is_inside(file, self.paths.folder) and not Path(path).is_absolute() and self.directory.is_dir():
            with contextlib.suppress(OSError, ValueError):  # whoever opens the file says what is wrong
                file.parent.mkdir(parents=True, exist_ok=True)
        return file

    @property
    def paths(self) -> OutputPaths:
        """The files that may be written."""
        return self.outputs or OutputPaths(self.directory, any_name=True)


class ByteOutput(Protocol):
    """Where bytes go, for the sinks that write text."""

    def write(self, data: bytes) -> None:
        """Appends `data`, not yet durable. Raises `SinkError`."""
        ...

    def sync(self) -> dict[str, Json]:
        """Makes durable what was written; the position to resume from. Raises `SinkError`."""
        ...

    def close(self) -> None:
        """Lets go; what is not durable may be there or not."""
        ...


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """An item that this sink cannot take: its place in what was written, and why."""

    index: int
    reason: str


class OpenSink(ABC):
    """A sink that is being written. It blocks, so all its methods are called in the run's writing thread.

    A run calls `sync` once before its first `write`, and records what it returns: only then is given up what an earlier
    run wrote there, and from then on what is written is known as our own, whenever the run is killed.
    """

    @abstractmethod
    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        """Adds these items, each JSON text on one line, all but those it returns. Raises `SinkError`."""

    @abstractmethod
    def sync(self) -> Json:
        """Makes durable what was written; gives the position that the ledger keeps. Raises `SinkError`."""

    def complete(self, mark: str | None) -> None:  # noqa: B027  # most sinks have nothing to do then
        """Everything has been written, and is read up to this date; called before the last `sync` of a complete run."""

    def remarks(self) -> Sequence[str]:
        """What its user should know in the end, in whole sentences, such as identifiers that came twice."""
        return ()

    @abstractmethod
    def close(self) -> None:
        """Ends without making anything durable; what `sync` did not see may be there or not."""


class Sink(Kind):
    """Where to write the items."""

    @property
    def on_stdout(self) -> bool:
        """Whether the items go to standard output, which then belongs to them alone."""
        return False

    @property
    def requires_identifier(self) -> bool:
        """Whether an item without the incoming's identifier cannot be written."""
        return False

    @property
    def resumable(self) -> bool:
        """Whether it can be cut back to a position: a pipe cannot, so a run into it always starts again."""
        return not self.on_stdout

    def writes(self) -> Sequence[str]:
        """The paths of the files that it writes, as the profile has them."""
        path = getattr(self, "path", None)
        return [path] if isinstance(path, str) else []

    def reads(self) -> Sequence[str]:
        """The paths of the files that it reads, as the profile has them."""
        return ()

    def alters(self, file: Path) -> bool:
        """Whether this file exists, was not made by this program, and would be altered. It blocks."""
        return False

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        """Opens it. Without a position (None) it starts again; with one it is cut back to it and continued. It blocks.

        Raises `SinkMissing` if a position no longer exists, another `SinkError` if the file cannot be written or is not
        known to be our own: such a file is never overwritten.
        """
        raise NotImplementedError


def identifier_problem(fields: Mapping[str, bytes], identifier: str | None) -> str:
    """Why an item of these fields cannot be told apart by `identifier`; nothing where it can."""
    if identifier is None:
        return ""
    text = fields.get(identifier)
    if text is None:
        return f"it has no {identifier!r}, its identifier"
    if text == b'""':
        return f"its identifier {identifier!r} is empty"
    return "" if shape(text) in ("text", "number") else f"its identifier {identifier!r} is neither text nor number"


def check_not_moved(path: Path, opened: os.stat_result) -> None:
    """Raises `SinkError` where `path` no longer leads to the file that was opened there.

    What is written to a file that was deleted is lost with its last descriptor, and no error says so.
    """
    try:
        found: os.stat_result | None = os.stat(path)
    except FileNotFoundError:
        found = None
    if found is None or (found.st_dev, found.st_ino) != (opened.st_dev, opened.st_ino):
        raise SinkError(
            f"{path} was {'deleted or moved' if found is None else 'replaced'} while the run was writing to it",
            "Put the file back and run again, or start over with --full.",
        )
