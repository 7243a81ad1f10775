"""Sinks: the base class, the interface between a run and its sink, and the errors."""

from __future__ import annotations

import contextlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

from ..client.raw_json import json_type
from ..errors import UserError
from ..files import make_private
from ..kinds import Kind
from ..machine import how_to_install
from ..secrets.capability import Capability
from ..secrets.source import SecretSource
from ..templates import Json
from .output_path import OutputPaths

T = TypeVar("T")


class SinkError(UserError):
    """Items cannot be written; `hint` says what to do. Data made durable by `sync` stays durable."""

    _CODE: ClassVar = "sink"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(self._CODE, message, hint)


class SinkChanged(SinkError):
    """Another program has changed the output of this run or of earlier ones; it was not changed further."""

    _CODE = "output-changed"


class ForeignOutput(SinkError):
    """The output was written by something else than this configuration; it was not changed."""

    _CODE = "output-foreign"

    def __init__(self, message: str, hint: str, output: str, is_of: Callable[[Json], bool]) -> None:
        """`output`: the file or table. `is_of` tells whether a run that recorded this position has written it."""
        super().__init__(message, hint)
        self.output, self.is_of = output, is_of


class SinkMissing(SinkError):
    """The output of earlier runs is missing or differs from what they recorded: a run cannot resume from it."""

    _CODE = "output-missing"


def no_sink(name: str, hint: str = "Add one, or run it with --out FILE.") -> UserError:
    """The error for an incoming that has no sink."""
    return UserError("sink-missing", f"The incoming {name} has no sink", hint)


class SinkClosed(SinkError):
    """The reader has closed the pipe (`| head`): the run ends without an error."""

    _CODE = "output-closed"


class SinkStopped(SinkError):
    """The run was stopped while the sink waited for another program."""

    _CODE = "stopped"


class SinkWait:
    """Lets a sink wait for another program: its user is told, and the wait ends when the run is stopped."""

    def __init__(
        self,
        note: Callable[[str], None] = lambda text: None,
        stopped: threading.Event | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        """`note` is called in the writing thread; `stopped` is set when the run shall end.

        `monotonic`: the clock; without one, nothing is waited for.
        """
        self._note, self._stopped, self._monotonic = note, stopped or threading.Event(), monotonic

    def until(self, attempt: Callable[[], T | None], locked: str, timeout: float) -> T | None:
        """The result of the first attempt that is not None; None if all fail for `timeout` seconds.

        `locked` says what another program has locked. Raises `SinkStopped`.
        """
        monotonic = self._monotonic
        began, found = monotonic() if monotonic else 0.0, attempt()
        if found is not None or monotonic is None:
            return found
        if not self._stopped.is_set():
            self._note(f"{locked}, waiting up to {timeout:.0f} s.")
        while monotonic() - began < timeout:
            if self._stopped.wait(_RETRY):
                raise SinkStopped(f"The run was stopped while it waited: {locked}", "Run again to resume.")
            if (found := attempt()) is not None:
                return found
        return None


_RETRY = 0.1
"""Seconds between two attempts to get what another program has locked."""


@dataclass(frozen=True, slots=True)
class SinkContext:
    """The incoming that a sink writes for."""

    directory: Path
    """The profile's folder, from which relative paths start."""
    name: str = "items"
    """The incoming's name, the default name of a table or a stream."""
    identifier: str | None = None
    """The identifier of the incoming, if it has one."""
    cursor: str | None = None
    """The field with the date of the last change, if the incoming is incremental."""
    known: Json = None
    """The last position recorded by any run of this incoming; it identifies a file as its own output."""
    closed: Json = None
    """The position at the end of the last run; None if that run was killed.

    Anything after it was added by another program, and is never removed.
    """
    outputs: OutputPaths | None = None
    """The files that may be written; None: any in the profile's folder."""
    stdout: ByteOutput | None = None
    """What receives the items for standard output; None: standard output itself."""
    cursor_of_parent: bool = False
    """Whether the cursor is a field of the parents, and not of the items."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The values of the sink's secrets, by the key of their source."""
    uri: str = ""
    """The URI of the request, as in the profile."""
    resumes: bool = False
    """Whether this run resumes one that was interrupted."""
    reads_all: bool = True
    """Whether this run reads the whole list; otherwise an item that it does not list is not gone."""
    wait: SinkWait = field(default_factory=SinkWait)
    """How to wait for another program."""
    may_miss: str = ""
    """Why an item that a complete run of the whole list did not list may still be in the store; "" if it is gone."""

    def output(self, path: str) -> Path:
        """The file to open for a path in the profile, with symbolic links resolved. Raises `SinkError`.

        Creates missing folders of a relative path below the profile's folder, and those in the data directory.
        """
        try:
            file = self.paths.check_writable(path)
        except UserError as error:
            raise SinkError(error.message, error.hint) from error
        except ValueError as error:  # a null character
            raise SinkError(f"{path!r} is not a valid path: {error}", "Correct it.") from error
        if self.paths.is_relative(path, file):
            with contextlib.suppress(OSError, ValueError):  # opening the file reports it
                file.parent.mkdir(parents=True, exist_ok=True)
        elif self.paths.in_data_directory(file):
            with contextlib.suppress(OSError):
                make_private(file.parent)
        return file

    @property
    def paths(self) -> OutputPaths:
        """The files that may be written."""
        return self.outputs or OutputPaths(self.directory, any_name=True)


class ByteOutput(Protocol):
    """The output of sinks that write bytes."""

    def write(self, data: bytes) -> None:
        """Appends `data`, not yet durable. Raises `SinkError`."""
        ...

    def sync(self) -> dict[str, Json]:
        """Makes the written data durable; returns the position to resume from. Raises `SinkError`."""
        ...

    def close(self) -> None:
        """Closes it; data that is not durable may be lost."""
        ...


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """An item that this sink cannot write: its index in the list passed to `write`, and the reason."""

    index: int
    reason: str


class OpenSink(ABC):
    """An open sink. Its methods block, and are all called in the run's writing thread.

    A run calls `sync` once before its first `write` and records the position that it returns. Only this `sync` may
    discard the output of an earlier run; from then on, the output is known as the run's own, even if it is killed.
    """

    @abstractmethod
    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        """Writes items, each a JSON text on one line; returns those that it rejects. Raises `SinkError`."""

    deletes: ClassVar[bool] = False
    """Whether `delete` does anything: what only appends keeps what it has written."""

    def delete(self, items: Sequence[bytes]) -> None:  # noqa: B027  # optional
        """Deletes what earlier runs wrote with the identifiers of these items, which the filter now drops.

        Called after the first `sync`, and only with an identifier; items without one are ignored. Raises `SinkError`.
        """

    @abstractmethod
    def sync(self) -> Json:
        """Makes the written data durable; returns the position for the ledger. Raises `SinkError`."""

    failed: int = 0
    """Records of the run that could not be read or written; set before `complete` is called."""

    def complete(self, mark: str | None) -> None:  # noqa: B027  # optional
        """Called before the last `sync` of a complete run; `mark` is the date up to which changes have been read.

        None without dates, and where that is as before: a record failed, or earlier changes are still to be read.
        """

    def remarks(self) -> Sequence[str]:
        """Remarks for the user at the end of the run, in full sentences, such as duplicate identifiers."""
        return ()

    @abstractmethod
    def close(self) -> None:
        """Closes the sink; data written after the last `sync` may be lost."""


class Sink(Kind):
    """Where to write the items."""

    endings: ClassVar[tuple[str, ...]] = ()
    """Endings of the names of its files, in lower case: in the profile's folder, such a file needs no trust.

    None may be one that other programs run or load, such as .yaml: `output_path.py` refuses those.

    `run --out FILE` uses the sink for a name that ends so; see `of_file`.
    """

    @classmethod
    def of_file(cls, path: str) -> Self:
        """The sink for `run --out`: it writes this file. Raises ValueError for a path that is not valid.

        The other fields have their defaults; a sink with more required fields, or with more than one format, chooses.
        """
        return cls.model_validate({"path": path})

    @property
    def on_stdout(self) -> bool:
        """Whether the items go to standard output, so that nothing else may be printed there."""
        return False

    @property
    def requires_identifier(self) -> bool:
        """Whether an item without the incoming's identifier cannot be written."""
        return False

    @property
    def resumable(self) -> bool:
        """Whether it can be truncated to a position; otherwise each run starts over."""
        return not self.on_stdout

    @property
    def server(self) -> str | None:
        """The address of the server that it writes to, and that gets its secrets; None: it has none."""
        return None

    @property
    def server_facts(self) -> Mapping[str, str]:
        """What else determines whether a profile is trusted to write there, such as the mode of TLS."""
        return {}

    def server_capability(self) -> Capability | None:
        """The capability to write to the server; None if it has none."""
        if self.server is None:
            return None
        facts = self.server_facts
        how = ", ".join(f"{name} {value}" for name, value in facts.items() if value)
        return Capability.of("write", f"writes to {self.server}{how and f' ({how})'}", to=self.server, **facts)

    def secrets(self) -> Sequence[SecretSource]:
        """Its secrets."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value for value in values if isinstance(value, SecretSource)]

    def writes(self) -> Sequence[str]:
        """The paths of the files that it writes, as in the profile. It reads those of its other `FilePath` fields."""
        path = getattr(self, "path", None)
        return [path] if isinstance(path, str) else []

    @property
    def named_columns(self) -> Sequence[str]:
        """The fields of items that it names as columns; none where it writes all fields."""
        return getattr(self, "columns", None) or []

    @property
    def flattens_attributes(self) -> bool:
        """Whether Magento's custom attributes are fields of their own in its columns."""
        return getattr(self, "custom_attributes", "") == "columns"

    def alters(self, file: Path) -> bool:
        """Whether it would alter this existing file of another program. It blocks."""
        return False

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        """Opens the sink, truncated to `position`, or to start over if that is None. It blocks.

        Raises `SinkMissing` if the position no longer exists, and another `SinkError` if the file cannot be written or
        was not written by this incoming: such a file is never overwritten.
        """
        raise NotImplementedError


def identifier_problem(fields: Mapping[str, bytes], identifier: str | None) -> str:
    """Why `identifier` does not identify an item with these fields; "" if it does."""
    if identifier is None:
        return ""
    text = fields.get(identifier)
    if text is None:
        return f"it has no {identifier!r}, its identifier"
    if text == b'""':
        return f"its identifier {identifier!r} is empty"
    return "" if json_type(text) in ("text", "number") else f"its identifier {identifier!r} is neither text nor number"


def excluded_remark(number: int) -> str:
    """The remark about rows of items that the filter now drops."""
    were = "1 row of an item that no longer matches the filter was"
    return f"{were if number == 1 else f'{number:,} rows of items that no longer match the filter were'} deleted."


def has_table(position: Json, table: str) -> bool:
    """Whether a run that recorded this position has written the table with this id."""
    return bool(table) and isinstance(position, dict) and position.get("table") == table


def repeated_remark(number: int, identifier: str | None, first: str = "") -> str:
    """The remark about items whose identifier an earlier one had; `first`: the first such identifier."""
    example = f" (first: {first})" if first else ""
    return (
        f"{number} of the items had the same {identifier!r} as an earlier one and replaced it{example}. "
        f"Is {identifier!r} unique?"
    )


def import_driver(module: str, kind: str, *, extra: str) -> Any:
    """The module that a sink of this kind needs. Raises `SinkError` where the extra that contains it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise SinkError(
            f'The sink "{kind}" needs the extra "{extra}", which is not installed ({error})',
            how_to_install(extra),
        ) from error


def check_not_moved(path: Path, opened: os.stat_result) -> None:
    """Raises `SinkError` if `path` is no longer the file that was opened.

    Data written to a deleted file is lost without an error when its last descriptor is closed.
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
