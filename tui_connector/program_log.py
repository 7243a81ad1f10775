"""The log of the program itself: what it did and where it failed, for troubleshooting.

Modules use `logging` with their own names. Records are masked like all displayed text and written to `program.log` in
the state directory by a thread, so that no event loop waits for a disk. Request bodies, headers and parameters do not
belong here but in the request log.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import stat
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from .errors import UserError
from .files import locked, not_regular
from .secrets.named_values import mask_by_name
from .text import shown_line, without_secrets

FILE = "program.log"
LARGEST = 1_000_000
"""Size in bytes at which a new file is started."""
BACKUPS = 2
"""How many older files are kept."""

_LOGGERS = ("tui_connector", "asyncio")
_MAX_QUEUED = 10_000
_MAX_LINE = 2_000
_LOCK_WAIT = 2.0
_CLOSE_WAIT = 1.0
_QUOTED = re.compile(r"""["'].*["']""", re.DOTALL)


class ProgramLog(logging.Handler):
    """Writes the records of the program's loggers between `open` and `close`."""

    def __init__(self, file: Path, *, debug: bool = False, echo: Callable[[str], object] | None = None) -> None:
        """`echo` receives each line that is written, in the writing thread."""
        super().__init__(logging.DEBUG if debug else logging.INFO)
        self.file = file
        self.problem: OSError | None = None
        """Why the last write failed; None if it succeeded."""
        self._echo = echo
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="program log", daemon=True)
        self._previous_excepthook = threading.excepthook

    def open(self) -> None:
        """Starts writing records."""
        self._thread.start()
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self)
        logging.getLogger("tui_connector").setLevel(self.level)
        threading.excepthook = _thread_failed

    def close(self) -> None:
        """Writes the remaining records within a second: a disk that hangs must not keep the program from exiting."""
        threading.excepthook = self._previous_excepthook
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self)
        self._queue.put(None)
        self._thread.join(_CLOSE_WAIT)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        # masked now, while the session's secrets are known; queued, as the event loop must not wait for a disk
        if self._queue.qsize() < _MAX_QUEUED:
            self._queue.put("\n".join(_lines(record)) + "\n")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Drops a record that cannot be formatted: logging would print a traceback over the screen."""

    def _write(self) -> None:
        running, unwritten = True, b""
        while running:
            entries = list(self._queued())
            running = None not in entries
            text = "".join(filter(None, entries))
            unwritten += text.encode()
            try:
                if unwritten:
                    append(self.file, unwritten)
                unwritten, self.problem = b"", None
            except OSError as error:  # retried with the next records
                unwritten, self.problem = unwritten if len(unwritten) < LARGEST else b"", error
            if self._echo is not None and text:
                with contextlib.suppress(OSError, ValueError):  # the reader is gone, or it is closed
                    self._echo(text)

    def _queued(self) -> Iterator[str | None]:
        yield self._queue.get()
        with contextlib.suppress(Empty):
            while True:
                yield self._queue.get_nowait()


def append(file: Path, data: bytes) -> None:
    """Appends lines to a private file that several processes may write; a full one is renamed to `file.1`.

    Blocks. Raises OSError.
    """
    with locked(file.with_name(f"{file.name}.lock"), _LOCK_WAIT):
        descriptor = _open(file)
        try:
            size = os.fstat(descriptor).st_size
            if size and size + len(data) > LARGEST:
                os.close(descriptor)
                descriptor = -1
                _rotate(file)
                descriptor = _open(file)
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _open(file: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(file, flags, 0o600)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise not_regular(file, mode)
        if stat.S_IMODE(mode) != 0o600:  # a umask such as 0277 also restricts the owner
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _rotate(file: Path) -> None:
    names = [file, *(file.with_name(f"{file.name}.{number + 1}") for number in range(BACKUPS))]
    for older, newer in reversed(list(zip(names[1:], names, strict=False))):
        with contextlib.suppress(FileNotFoundError):
            os.replace(newer, older)


def _lines(record: logging.LogRecord) -> Iterator[str]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = record.getMessage()
    if record.name == "asyncio":  # its other lines show the values of a task
        text = _without_values(text.partition("\n")[0])
    name = record.name.removeprefix("tui_connector.")
    yield f"{at} {record.process} {record.levelname} {name}: {masked(text)}"
    if record.exc_info and record.exc_info[1] is not None:
        for line in frames(record.exc_info[1]):
            yield f"    {line}"


def masked(text: str) -> str:
    """`text` on one line, without secrets: known ones, and values under the names of secrets."""
    return shown_line(mask_by_name(without_secrets(text)))[:_MAX_LINE]


def frames(error: BaseException) -> Iterator[str]:
    """The traceback of an exception and its causes: places and messages, without values of variables."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield f"{type(current).__name__}: {masked(_reason(current))}".rstrip(": ")
        for frame, line in traceback.walk_tb(current.__traceback__):
            yield f"  {_place(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _reason(error: BaseException) -> str:
    """The message of an exception; without quoted values, unless it is written for users."""
    if isinstance(error, UserError):
        return str(error)
    if type(error).__module__.startswith("pydantic"):
        return ""
    return _without_values(str(error))


def _without_values(text: str) -> str:
    """`text` without quoted parts: exceptions quote the value that they are about."""
    return _QUOTED.sub("'…'", text)


def _place(file: str) -> str:
    parts = Path(file).parts
    return "/".join(parts[-3:]) if "tui_connector" not in parts else "/".join(parts[parts.index("tui_connector") + 1 :])


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = args.thread.name if args.thread is not None else "?"
        logging.getLogger(__name__).error("The thread %s has failed", name, exc_info=args.exc_value)


_current: ProgramLog | None = None


def start(state: Path, *, debug: bool = False, echo: Callable[[str], object] | None = None) -> bool:
    """Starts the log of this process in the state directory; False if it has already been started."""
    global _current
    if _current is not None:
        return False
    _current = ProgramLog(state / FILE, debug=debug, echo=echo)
    _current.open()
    return True


def end() -> ProgramLog | None:
    """Ends and returns the log of this process; None if it was not started."""
    global _current
    ended, _current = _current, None
    if ended is not None:
        ended.close()
    return ended


def report(error: BaseException) -> str:
    """The crash message for the user: where the program failed, and which file says more.

    Ends the log of this process, so that the file is complete.
    """
    logging.getLogger(__name__).critical("The program has failed", exc_info=error)
    log = end()
    places = [line for line in frames(error) if line.startswith("  ")]
    lines = [f"The program has failed ({type(error).__name__}). Nothing that was saved is lost.", *places]
    if log is None:
        lines.append("Please report it with these lines.")
    elif log.problem is not None:
        lines.append(f"Please report it with these lines: {log.file} could not be written ({log.problem.strerror}).")
    else:
        lines.append(f"Please report it with the end of {log.file}, in which secrets are masked.")
    return "\n".join(lines)
