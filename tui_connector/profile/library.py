"""Lists, finds and names profiles with the standard library alone, so that the first screen need not wait."""

from __future__ import annotations

import os
import re
import threading
import tomllib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit

from ..errors import UserError
from ..files import FileFault, read_regular, reason
from ..misspelling import similar_names
from . import toml
from .part_names import name_like

Key = TypeVar("Key")
Value = TypeVar("Value")

BATCH = 0.05
"""Seconds in which the results of one batch are collected."""
_FEW_RESULTS = 10
"""Fewer results in a batch mean a slow disk: one more thread helps. Otherwise one thread is fastest."""
_MAX_THREADS = 64


def start_thread(work: Callable[[], None]) -> None:
    """Start `work` in a thread that does not keep the program from exiting."""
    threading.Thread(target=work, daemon=True).start()


class BatchReader(Generic[Key, Value]):
    """Calls `read` for each key, in order and in threads: one that hangs delays neither the others nor the program.

    `read` must not raise: it reports failures in what it returns.
    """

    def __init__(self, keys: Iterable[Key], read: Callable[[Key], Value]) -> None:
        self._keys = deque(keys)
        self._read = read
        self._changed = threading.Condition()
        self._results: dict[Key, Value] = {}
        self._threads = 0
        self.left = len(self._keys)
        """The number of results that have not been taken yet."""
        self._start_thread()

    def take(self) -> dict[Key, Value]:
        """The results since the last call, after `BATCH` seconds or as soon as all are there; may be empty."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._results) == self.left, BATCH)
            found, self._results = self._results, {}
            self.left -= len(found)
            if len(found) < _FEW_RESULTS:
                self._start_thread()
        return found

    def stop(self) -> None:
        """Read no further keys."""
        with self._changed:
            self._keys.clear()

    def _start_thread(self) -> None:
        if self._keys and self._threads < _MAX_THREADS:
            self._threads += 1
            start_thread(self._work)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._keys:
                    self._threads -= 1
                    return
                key = self._keys.popleft()
            value = self._read(key)
            with self._changed:
                self._results[key] = value
                if len(self._results) == self.left:
                    self._changed.notify()


MAX_SIZE = 1024 * 1024
"""Bytes; a larger file is not a profile."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Some editors write it before UTF-8; it is not part of the text."""

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


ProfileCode: TypeAlias = Literal[
    "profile-missing",  # file not found
    "profile-unreadable",  # its file or directory cannot be read as text
    "profile-unknown",  # no profile has this name
    "profile-name",  # a profile cannot have this name
    "profile-exists",  # another profile has this name
    "toml-syntax",  # the text is not TOML
    "toml-value",  # a value in a draft that no TOML document can hold
    "toml-splice",  # a change that cannot be written into the text without harm to what is there
]


class ProfileError(UserError):
    """A profile that cannot be found, read, named, or changed.

    `line` and `column` (from 1) are where in its text, `keys` where in its data, as far as that is known.
    """

    def __init__(
        self,
        code: ProfileCode,
        message: str,
        hint: str = "",
        path: Path | None = None,
        line: int | None = None,
        column: int | None = None,
        keys: tuple[str | int, ...] = (),
    ) -> None:
        if path is not None:
            place = ":".join(str(each) for each in (path, line, column) if each)
        else:
            place = ": ".join(filter(None, (f"line {line}" if line else "", ".".join(map(str, keys)))))
        super().__init__(code, message, hint, place)
        self.path, self.line, self.column, self.keys = path, line, column, keys


def read_bytes(path: Path, limit: int = MAX_SIZE) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; raises `ProfileError`."""
    try:
        return read_regular(path, limit)
    except FileNotFoundError as error:
        if path.is_symlink():
            words = "is a link to a file that does not exist"
            raise ProfileError("profile-unreadable", words, "Correct the link, or delete it.", path) from error
        hint = "List them with: tui-connector profiles"
        raise ProfileError("profile-missing", "file not found", hint, path) from error
    except FileFault as error:
        why, hint = error.strerror or "", "A profile is a regular file: give its path, or move this away."
        if error.code == "too-large":
            why, hint = "is larger than 1 MiB", "This is not a profile: choose another file, or move it away."
        raise ProfileError("profile-unreadable", why, hint, path) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        hint = "Check the path and your permission to read it."
        raise ProfileError("profile-unreadable", reason(error), hint, path) from error


def as_text(path: Path, data: bytes) -> str:
    """`data` without a byte order mark, as text; raises `ProfileError` with the line that is not UTF-8."""
    if data.startswith(UTF_16_MARKS):
        hint = "Save it as UTF-8 in your editor."
        raise ProfileError("profile-unreadable", "is UTF-16, not UTF-8", hint, path, 1)
    try:
        return data.removeprefix(BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = f"Save it as UTF-8; look at line {line}."
        raise ProfileError("profile-unreadable", "is not UTF-8", hint, path, line) from error


SUFFIX = ".toml"

_SILENCE_LIMIT = 10.0
"""Seconds without any result, after which the remaining files count as not responding."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _bad_name(name: str, why: str) -> ProfileError:
    hint = "Use up to 64 letters, digits, dots, dashes and underscores; start with a letter or digit."
    return ProfileError("profile-name", f"a profile cannot be named {name!r}: {why}", hint)


def _refused_character(name: str) -> str:
    found = re.search(r"[^A-Za-z0-9._-]", name)
    if found is None:
        return f"it starts with {name[0]!r}"
    return f"it contains {'a space' if found[0] == ' ' else repr(found[0])}"


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """A profile as lists show it. Its texts come from the file: sanitise them before they are shown."""

    name: str
    title: str
    base_uri: str | None
    path: Path
    problem: str | None
    """Why it cannot be read; None if it can."""
    modified: float | None
    """Unix time; None if the file is gone or its date cannot be read."""


class Library:
    """The profiles in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def list(self) -> list[ProfileSummary]:
        """All profiles by name, unreadable ones with their problem. Raises `ProfileError` for the directory."""
        return [*self.entries(self.paths())]

    def entries(self, paths: Sequence[Path]) -> Iterator[ProfileSummary]:
        """The summaries of these files in their order, each as soon as it and those before it are known.

        A file that does not respond (such as on a disconnected network drive) has that as its problem.
        """
        reading, found, silent = BatchReader(paths, read_summary), dict[Path, ProfileSummary](), 0.0
        for path in paths:
            while path not in found and silent < _SILENCE_LIMIT:
                results = reading.take()
                found.update(results)
                silent = 0.0 if results else silent + BATCH
            yield found.pop(path) if path in found else unread_summary(path, "does not respond")
        reading.stop()

    def find(self, name_or_path: str, folder: Path = Path()) -> Path:
        """The file of a profile, by its name here or by path, relative to `folder`; raises `ProfileError`."""
        if _NAME.fullmatch(name_or_path) and os.path.lexists(path := self.directory / (name_or_path + SUFFIX)):
            return path
        is_path = os.sep in name_or_path or name_or_path.endswith(SUFFIX)
        if is_path and "\0" not in name_or_path and os.path.lexists(path := folder / name_or_path):
            return path
        names = self._names()
        if name_or_path in names:  # it need not be a name that `path_for` allows
            return self.directory / (name_or_path + SUFFIX)
        if close := similar_names(name_or_path, names, 3):
            hint = f"Did you mean {' or '.join(close)}?"
        else:
            hint = (
                f"There are: {', '.join(names)}."
                if names
                else "There are none yet; create one with: tui-connector setup"
            )
        raise ProfileError("profile-unknown", f"no profile is named {name_or_path!r} in {self.directory}", hint)

    def path_for(self, name: str) -> Path:
        """The file that a profile of this name has or would have; raises `ProfileError`."""
        if not name:
            raise _bad_name(name, "it is empty")
        if not _NAME.fullmatch(name):
            raise _bad_name(name, "it is too long" if len(name) > 64 else _refused_character(name))
        if name.lower().endswith(SUFFIX):
            raise _bad_name(name, f"{SUFFIX} is added automatically")
        for other in self._names():
            if other != name and _key(other) == _key(name):
                raise _bad_name(name, f"{other!r} exists, and both would use the same environment variables")
        return self.directory / (name + SUFFIX)

    def new_path(self, name: str) -> Path:
        """The file of a new profile of this name; raises `ProfileError`, also where there is one already."""
        path = self.path_for(name)
        if os.path.lexists(path):
            raise ProfileError("profile-exists", f"{name} exists", "Choose another name.")
        return path

    def name_from(self, title_or_host: str) -> str:
        """A new name, from a title or the address of a store."""
        text = title_or_host.strip()
        if "://" in text:
            try:
                text = urlsplit(text).netloc.rpartition("@")[2]
            except ValueError:  # such as "http://[::1"
                text = text.partition("://")[2]
        slug = name_like(text.strip().removeprefix("www.")) or "store"
        taken = {_key(name) for name in self._names()}
        number = 1
        while _key(name := slug if number == 1 else f"{slug}-{number}") in taken:
            number += 1
        return name

    def title_from(self, *wanted: str) -> str:
        """The first of these titles that no profile has yet; where all are taken, the first one with a number.

        Raises `ProfileError` for the directory.
        """
        taken = {entry.title.casefold() for entry in self.list()}
        numbered = (f"{wanted[0]} ({number})" for number in count(2))
        return next(title for title in chain(wanted, numbered) if title.casefold() not in taken)

    def _names(self) -> tuple[str, ...]:
        return tuple(path.stem for path in self.paths())

    def paths(self) -> tuple[Path, ...]:
        """The files of all profiles, by name. Raises `ProfileError` for the directory."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return ()
        except OSError as error:
            hint = "Check the directory, or use another one with --profile-dir."
            raise ProfileError("profile-unreadable", error.strerror or str(error), hint, self.directory) from error
        stems = [name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX) and not name.startswith(".")]
        return tuple(
            self.directory / f"{stem}{SUFFIX}" for stem in sorted(stems, key=lambda stem: (stem.lower(), stem))
        )


def read_summary(path: Path) -> ProfileSummary:
    """The summary of this file. Blocks."""
    return read_with_data(path)[0]


def read_with_data(path: Path) -> tuple[ProfileSummary, dict[str, Any]]:
    """The summary of this file and its data, which may be invalid; empty where the file cannot be read. Blocks."""
    try:
        modified = os.stat(path).st_mtime
    except OSError:  # reading the file reports why
        modified = None
    text = ""
    try:
        text = as_text(path, read_bytes(path))
        data = toml.loads(text)
    except ProfileError as error:
        problem = error.message
    except RecursionError:
        problem = "is nested too deeply"
    except tomllib.TOMLDecodeError as error:
        from .syntax import explain_error  # compiles many patterns: only for an invalid text

        found = explain_error(text, error)
        problem = f"{found.position.line}:{found.position.column}: {found.message}"
    except ValueError:  # int() with more than 4,300 digits
        problem = "a number is too long"
    else:
        title = data.get("name")
        named = title if isinstance(title, str) else path.stem
        return ProfileSummary(path.stem, named, next(base_uris(data), None), path, None, modified), data
    return unread_summary(path, problem, modified), {}


def unread_summary(path: Path, problem: str | None = None, modified: float | None = None) -> ProfileSummary:
    """The summary of a file of which only the name is known, for now or because of a problem."""
    return ProfileSummary(path.stem, path.stem, None, path, problem, modified)


def _key(name: str) -> str:
    """A profile's name as it appears in its environment variables."""
    return re.sub(r"[-_.]", "_", name).upper()


def base_uris(data: Mapping[str, object]) -> Iterator[str]:
    """The base URIs of all clients, in data that may be invalid."""
    clients = data.get("clients")
    for client in clients.values() if isinstance(clients, dict) else ():
        plugins = client.get("plugins") if isinstance(client, dict) else None
        for plugin in plugins if isinstance(plugins, list) else ():
            if isinstance(plugin, dict) and plugin.get("kind") == "base-uri" and isinstance(plugin.get("uri"), str):
                yield str(plugin["uri"])
