"""What the processes of a run in slices share, in a directory that all machines have."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import BaseModel

from ..files import check_private, make_private, open_private, read_private, reason, remedy, write_private
from .slices import (
    Attempt,
    Commit,
    SliceData,
    SlicedRuns,
    SliceError,
    SlicePlan,
    SliceReport,
    SliceStore,
    is_data,
    is_tasks,
    saved_text,
)

SHARED = "TUI_CONNECTOR_SHARED"
"""The variable with the directory that all machines share, where a command has no `--shared`."""
_LARGEST = 64_000_000
"""Bytes of a plan or a report."""
_REPORT = re.compile(r"(\d{4,})\.json", re.ASCII)
_ATTEMPT = re.compile(r"\d{4,}\.attempt", re.ASCII)

M = TypeVar("M", bound=BaseModel)


def shared_directory(state: Path, shared: str | None) -> Path:
    """Where the directories of runs in slices are: as given, otherwise in the state directory."""
    return state / "slices" if shared is None else Path(os.path.abspath(shared))


class SliceDirectories(SlicedRuns):
    """The runs in slices of a profile that are in a shared directory."""

    def __init__(self, shared: Path, profile: str, environment: str) -> None:
        self._shared, self._profile, self._environment = shared, profile, environment
        self._plans: dict[str, SlicePlan] = {}
        """Those that were read; a plan does not change."""

    def ids(self) -> list[str]:
        try:
            names = [each.name for each in os.scandir(self._shared) if each.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SliceError("slices", f"{self._shared} cannot be read: {reason(error)}", remedy(error)) from error
        for name in {*names} - {*self._plans}:
            with contextlib.suppress(SliceError):  # what is not a run of this program
                if (plan := SliceDirectory(self._shared, name).planned()) is not None:
                    self._plans[name] = plan
        plans = (self._plans[name] for name in names if name in self._plans)
        mine = [each for each in plans if (each.profile, each.environment) == (self._profile, self._environment)]
        return [each.run_id for each in sorted(mine, key=lambda each: (each.created, each.run_id), reverse=True)]

    def store(self, run_id: str) -> SliceDirectory:
        return SliceDirectory(self._shared, run_id)

    def close(self) -> None:
        """Nothing is held."""


class SliceDirectory(SliceStore):
    """The shared directory of one run."""

    def __init__(self, shared: Path, run_id: str) -> None:
        """`shared` has the directories of all runs."""
        super().__init__(run_id)
        self.path = Path(os.path.abspath(shared)) / run_id

    @property
    def where(self) -> str:
        return str(self.path)

    def close(self) -> None:
        """Nothing is held."""

    def _save_plan(self, plan: SlicePlan) -> bool:
        with self._explained():
            make_private(self.path)
        return self._create("plan.json", plan)

    def planned(self) -> SlicePlan | None:
        """Raises `SliceError` if other users could replace what is beside it."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            check_private(self.path)
        return self._read("plan.json", SlicePlan)

    def _saved_report(self, index: int) -> SliceReport | None:
        return self._read(f"{index:04}.json", SliceReport)

    def reported(self) -> set[int]:
        with self._explained():
            return {int(found[1]) for name in os.listdir(self.path) if (found := _REPORT.fullmatch(name))}

    def _save_report(self, report: SliceReport) -> bool:
        if self._create(f"{report.slice:04}.json", report):
            return True
        with self._explained():
            (self.path / report.data).unlink(missing_ok=True)
        return False

    def _new_data(self, name: str) -> SliceData:
        with self._explained():
            return _DataFile(self.path / name)

    def lines(self, report: SliceReport, offset: int, size: int) -> tuple[list[bytes], int]:
        path = self.path / self._data_name(report)
        with self._explained(), _opened(path) as file:
            file.seek(offset)
            lines = file.readlines(size)
        return [line.rstrip(b"\n") for line in lines], offset + sum(map(len, lines))

    def _is_intact(self, report: SliceReport) -> bool:
        hashed, size = hashlib.sha256(), 0
        with self._explained():
            try:
                with _opened(self.path / self._data_name(report)) as file:
                    while chunk := file.read(1 << 20):
                        hashed.update(chunk)
                        size += len(chunk)
            except FileNotFoundError:
                return False
        return size == report.bytes and hashed.hexdigest() == report.sha256

    def attempts(self) -> dict[int, Attempt]:
        with self._explained():
            names = [name for name in os.listdir(self.path) if _ATTEMPT.fullmatch(name)]
        found = (self._read(name, Attempt) for name in names)
        return {each.slice: each for each in found if each is not None}

    def record(self, attempt: Attempt) -> None:
        with self._explained():
            write_private(self.path / f"{attempt.slice:04}.attempt", saved_text(attempt))

    def task_ledger(self, name: str, index: int) -> Path:
        return self.path / name / f"{index:04}.sqlite"

    def discard_tasks(self, name: str) -> None:
        with self._explained():
            shutil.rmtree(self.path / name, ignore_errors=True)

    def committed(self) -> Commit | None:
        return self._read("committed.json", Commit)

    def commit(self, commit: Commit) -> None:
        with self._explained():
            write_private(self.path / "committed.json", saved_text(commit))
            for each in list(self.path.iterdir()):
                if is_data(each.name):
                    each.unlink(missing_ok=True)
                elif is_tasks(each.name):
                    shutil.rmtree(each, ignore_errors=True)

    def _create(self, name: str, saved: BaseModel) -> bool:
        """Whether there was no such file."""
        try:
            with self._explained():
                write_private(self.path / name, saved_text(saved), replace=False)
        except FileExistsError:
            return False
        return True

    def _read(self, name: str, model: type[M]) -> M | None:
        path = self.path / name
        with self._explained():
            try:
                data = read_private(path, _LARGEST)
            except FileNotFoundError:
                return None
        return self._parsed(data, model, str(path))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            where = error.filename or self.path
            raise SliceError("slices", f"{where} cannot be used: {reason(error)}", remedy(error)) from error


def _opened(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


class _DataFile(SliceData):
    """A file with the data of a slice."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._path = path
        self._file = open_private(path, os.O_WRONLY | os.O_EXCL)

    def _append(self, lines: bytes) -> None:
        left = memoryview(lines)
        with self._explained():
            while left:
                left = left[os.write(self._file, left) :]

    def sync(self) -> None:
        with self._explained():
            os.fsync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def discard(self) -> None:
        self.close()
        with self._explained():
            self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"{self._path} cannot be written: {reason(error)}"
            raise SliceError("slices", message, remedy(error)) from error
