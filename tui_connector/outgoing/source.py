"""The base class of sources, which read the entities to send, one after another."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, ClassVar, NamedTuple, Protocol

from ..client.file_path import file_paths
from ..errors import UserError
from ..files import open_regular, reason, remedy
from ..kinds import Kind
from ..templates import Json

MAX_LINE = 64 * 1024 * 1024
"""Bytes of one line, and so of one entity."""


@dataclass(frozen=True, slots=True)
class SourceEntity:
    """An entity. `line`: where it starts in the source, from 1; the row's number where there are no lines."""

    line: int
    data: Json


@dataclass(frozen=True, slots=True)
class BadEntity:
    """A line or row that cannot be read as an entity, and why. `text`: the beginning of the line."""

    line: int
    message: str
    text: str = ""


class SourceError(UserError):
    """The source cannot be read."""

    def __init__(self, message: str, hint: str = "", code: str = "source") -> None:
        super().__init__(code, message, hint)


def no_source(name: str) -> UserError:
    """The error for an outgoing that has no source."""
    hint = 'Add one, such as source = { kind = "csv", path = "stock.csv" }.'
    return UserError("source-missing", f"The outgoing {name} has no source", hint)


class OtherProfile(NamedTuple):
    """Another profile that a source reads."""

    name: str
    """Its name, or its path relative to the folder of the profile with the source."""
    environment: str
    """Whose values it has; "" for its base values."""


@dataclass(frozen=True)
class SourceContext:
    """What a run provides to a source."""

    directory: Path
    """The profile's folder, from which relative paths start."""
    identifier: str | None = None
    """The field that identifies an entity."""
    note: Callable[[str], None] = lambda text: None
    """Tells the user how the source is read."""
    stdin: Callable[[], BinaryIO] = field(default=lambda: sys.stdin.buffer)
    check_stopped: Callable[[], None] = lambda: None
    """Raises `RunFailed` if the run is to be stopped: called during work that may take long."""
    sample: Json = None
    """An entity as the requests expect it, for messages; None if there is none."""
    read_incoming: Callable[[str, str | None], BinaryIO] | None = None
    """Reads all items of an incoming (its name, and its profile unless it is this one) as JSON Lines.

    Blocks. Raises `UserError` and `RunFailed`. None: incomings are not read here.
    """

    def open_file(self, path: str, contents: Callable[[Json], str] = lambda sample: "") -> BinaryIO:
        """A regular file, opened for reading; never hangs on a pipe or a device. Raises `SourceError`.

        `contents` describes what a missing file has to contain, such as this entity.
        """
        real = self.directory / path
        try:
            return open_regular(real)
        except (OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError):
                wanted = contents(self.sample)
                hint = "Put the file there, or correct the path of the source."
                hint = f"{hint} It has to contain {wanted}" if wanted else hint
            else:
                hint = remedy(error, "Correct the path of the source.")
            raise SourceError(f"{real} cannot be read: {reason(error)}", hint, "source-unreadable") from error


class EntitySource(Protocol):
    """What a run reads its entities from: a source of the profile, a plan, or an undo."""

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]: ...

    def digest(self, context: SourceContext) -> str | None: ...


class Source(Kind):
    """Source of the entities."""

    has_lines: ClassVar[bool] = False
    """Whether the `line` of an entity is a line of the file that it reads."""
    endings: ClassVar[tuple[str, ...]] = ()
    """How the names of its files usually end, in lower case; () where any name is usual."""

    def reads(self) -> Sequence[str]:
        """The paths of the files that it reads, as in the profile: those of its `FilePath` fields."""
        return [path for _, path in file_paths(self)]

    def example(self, sample: Json) -> str:
        """A file for it that has this entity only; "" if there is none."""
        return ""

    def contents(self, sample: Json) -> str:
        """What its file has to contain, such as this entity, for the message if it is missing; "" says nothing."""
        return ""

    def other_profile(self, environment: str) -> OtherProfile | None:
        """The other profile that it reads, if it reads one; `environment` is that of its own profile."""
        return None

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        """Yields the entities in order. Called and iterated in the run's own thread. Raises `UserError`.

        Read one entity at a time: a source may have millions.
        """
        raise SourceError(f"Sources of kind {self.kind!r} cannot be read", "Update the package that it comes from.")

    def digest(self, context: SourceContext) -> str | None:
        """Identifies the content: a run is resumed only while it is unchanged. None: it cannot be read twice.

        Blocks. Raises `UserError`.
        """
        found = hashlib.sha256()
        for path in self.reads():
            with context.open_file(path, self.contents) as file:
                while chunk := file.read(1 << 20):
                    context.check_stopped()
                    found.update(chunk)
        return found.hexdigest()
