"""Slices of one run, read or sent by several processes or machines, which share a directory and nothing else.

The directory of a run has its plan, a report for each slice that is done, and the data of the slices. A process writes
data under a name of its own; the report, which names that data, is created only once. So it does not matter how often a
slice is run, where, or at which point a process is killed: the first report counts.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import UserError
from ..files import check_private, make_private, open_private, read_private, reason, remedy, write_private
from ..secrets.named_values import mask_message
from ..text import count, listed
from .ledger import State

_LARGEST = 64_000_000
"""Bytes of a plan or a report."""
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,99}", re.ASCII)
"""Also matches what Airflow calls its runs, such as scheduled__2026-01-01T00:00:00+00:00."""
_DATA = re.compile(r"\d{4,}-[0-9a-f]{16}\.jsonl", re.ASCII)
_TASKS = re.compile(r"tasks-[0-9a-f]{16}", re.ASCII)

M = TypeVar("M", bound=BaseModel)


class SliceError(UserError):
    """A slice cannot be run, or the slices cannot be committed.

    `code`: "slices-missing" (run those first), "slices-planned" (the run id is taken), "slices-foreign" (the plan was
    made for something else), "slices-outdated" (make a new plan), "slices-unusable" (not supported here), "slices"
    (the directory cannot be used).
    """


class _Saved(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Slice(_Saved):
    """A half-open range: above `after`, up to and including `until`."""

    index: int = Field(ge=0)
    after: str
    until: str
    expected: int | None = None
    """Items in it when it was planned; None if the store does not count them."""


class SlicePlan(_Saved):
    """What the slices of one run are. It does not change once it has been made."""

    format: Literal[1] = 1
    run_id: str
    profile: str
    name: str
    environment: str = ""
    sends: bool = False
    """Whether the slices are of an outgoing."""
    configuration: str
    """Digest of everything that determines what is read or sent."""
    created: str
    requested: int
    """Number of slices that were requested; there are fewer if the list is short."""
    field: str
    """What the ranges are of, such as entity_id."""
    by: Literal["id", "time", "hash"]
    since: str | None = None
    """Date from which changes are read."""
    last_run: str | None = None
    """The last run that had written its whole list; if there is a newer one, the slices are not committed."""
    full: bool = False
    store_time: str | None = None
    """The store's clock when the slices were planned, in UTC."""
    source: str | None = None
    """Digest of the source of an outgoing; None if it cannot be read twice."""
    tasks: str | None = None
    """Directory with the tasks of an outgoing, a ledger for each slice."""
    expected: int | None = None
    """Items of all slices."""
    slices: tuple[Slice, ...]


class FailedItem(_Saved):
    """A record that could not be read, and why."""

    record: str
    message: str


class SliceReport(_Saved):
    """The result of a slice that is done."""

    run_id: str
    configuration: str
    slice: int
    data: str
    """Name of the file with its items or tasks."""
    bytes: int
    sha256: str
    items: int
    """Items that the store sent, or tasks."""
    counted: int | None = None
    """Items that the store counted while they were read."""
    failed: tuple[FailedItem, ...] = ()
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0


class Commit(_Saved):
    """The end of a run whose slices were committed."""

    run_id: str
    state: State
    items: int
    failed: int


def check_run_id(run_id: str) -> str:
    """The run id, if it can be one. Raises `SliceError`."""
    if not _RUN_ID.fullmatch(run_id):
        raise SliceError(
            "slices",
            f"{mask_message(run_id)[:120]!r} is not a valid run id",
            "Use up to 100 letters, digits and the characters . _ : + - and start with a letter or digit.",
        )
    return run_id


def new_run_id(name: str, at: str) -> str:
    """A run id that no other run has; `at` is a date and time."""
    return f"{name[:60]}-{re.sub('[^0-9]', '', at)}-{secrets.token_hex(3)}"


def ranges(low: int, high: int, number: int) -> list[tuple[int, int]]:
    """The range above `low` up to `high`, in at most `number` parts that are as equal as possible."""
    parts = min(number, max(0, high - low))
    cuts = [low + (high - low) * each // parts for each in range(parts + 1)] if parts else []
    return list(pairwise(cuts))


def shared_directory(state: Path, shared: str | None) -> Path:
    """Where the directories of runs in slices are: as given, otherwise in the state directory."""
    return state / "slices" if shared is None else Path(os.path.abspath(shared))


class SliceDirectory:
    """The shared directory of one run. All methods block, and raise `SliceError`."""

    def __init__(self, shared: Path, run_id: str) -> None:
        """`shared` has the directories of all runs."""
        self._run_id = check_run_id(run_id)
        self.path = Path(os.path.abspath(shared)) / run_id

    # plan

    def create(self, plan: SlicePlan) -> SlicePlan:
        """Saves the plan, and returns it; or the one that exists, if it was made for the same.

        So planning the same run id twice changes nothing.
        """
        try:
            with self._explained():
                make_private(self.path)
                write_private(self.path / "plan.json", _json(plan), replace=False)
        except FileExistsError:
            found = self.plan()
            self._refuse_foreign(found, plan)
            if found.requested != plan.requested:
                raise self.taken(found) from None
            return found
        return plan

    def taken(self, plan: SlicePlan) -> SliceError:
        """The error for a run id that has a plan with another number of slices."""
        return SliceError(
            "slices-planned",
            f"The run id {self._run_id} already has a plan for {count(plan.requested, 'slice')}",
            "Use another --run-id.",
        )

    def planned(self) -> SlicePlan | None:
        """The plan; None if there is none yet. Raises `SliceError` if other users could replace what is beside it."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            check_private(self.path)
        return self._read(self.path / "plan.json", SlicePlan)

    def plan(self, code: str = "slices-planned") -> SlicePlan:
        """The plan. `code` is that of the error if there is none."""
        plan = self.planned()
        if plan is None:
            raise SliceError(
                code,
                f"The run id {self._run_id} has no plan in {self.path.parent}",
                "Run `plan` first, with the same --shared on every machine.",
            )
        if plan.run_id != self._run_id:
            raise self._foreign(f"it has the run id {plan.run_id!r}")
        return plan

    def plan_of(
        self, profile: str, name: str, environment: str, configuration: str, *, code: str = "slices-planned"
    ) -> SlicePlan:
        """The plan, if it was made for this configuration. `code` is that of the error if there is none."""
        plan = self.plan(code)
        asked = {"profile": profile, "name": name, "environment": environment, "configuration": configuration}
        self._refuse_foreign(plan, plan.model_copy(update=asked))
        return plan

    def _refuse_foreign(self, plan: SlicePlan, asked: SlicePlan) -> None:
        for field, what in (("profile", "profile"), ("name", "configuration"), ("environment", "environment")):
            found, wanted = getattr(plan, field), getattr(asked, field)
            if found != wanted:
                raise self._foreign(f"it was made for the {what} {found!r}, not {wanted!r}")
        if plan.configuration != asked.configuration:
            raise self._foreign("the configuration has changed since it was made, or differs on this machine")

    def _foreign(self, why: str) -> SliceError:
        return SliceError(
            "slices-foreign", f"The plan of the run {self._run_id} cannot be used: {why}", "Make a new plan."
        )

    def chosen(self, plan: SlicePlan, text: str) -> Slice | None:
        """The slice "3", or "3/16" where 16 were requested; None if the list is too short to have it."""
        index, _, total = text.partition("/")
        numbers = [each for each in (index, total) if each]
        if not index or any(not each.isascii() or not each.isdecimal() or len(each) > 6 for each in numbers):
            raise SliceError("slices", f"--slice {text}: not the number of a slice", 'Write it as "3", or as "3/16".')
        if (total and int(total) != plan.requested) or int(index) >= plan.requested:
            raise SliceError(
                "slices-planned",
                f"--slice {text}: the run {self._run_id} has {count(plan.requested, 'slice')}, counted from 0",
                "`plan` prints them.",
            )
        return plan.slices[int(index)] if int(index) < len(plan.slices) else None

    # slices

    def report(self, plan: SlicePlan, index: int) -> SliceReport | None:
        """The report of a slice; None if it is not done. Raises `SliceError` for one of another run."""
        report = self._read(self.path / f"{index:04}.json", SliceReport)
        if report is not None and (report.run_id, report.configuration, report.slice) != (
            self._run_id,
            plan.configuration,
            index,
        ):
            raise SliceError(
                "slices-foreign",
                f"The report of slice {index} in {self.path} belongs to another run or configuration",
                f"Remove it, then run the slice again: --slice {index}.",
            )
        return report

    def file(self, report: SliceReport) -> Path:
        """The data of a slice that is done."""
        if not _DATA.fullmatch(report.data):
            raise SliceError("slices-foreign", f"The report of slice {report.slice} names no data of this program", "")
        return self.path / report.data

    def new_data(self, index: int) -> SliceData:
        """A new file for the data of a slice."""
        with self._explained():
            return SliceData(self.path / f"{index:04}-{secrets.token_hex(8)}.jsonl")

    def finish(self, plan: SlicePlan, report: SliceReport) -> SliceReport:
        """Saves the report, and returns it; or the one that another process was first with."""
        try:
            with self._explained():
                write_private(self.path / f"{report.slice:04}.json", _json(report), replace=False)
        except FileExistsError:
            with self._explained():
                (self.path / report.data).unlink(missing_ok=True)
            found = self.report(plan, report.slice)
            assert found is not None
            return found
        return report

    # tasks

    def new_tasks(self) -> Path:
        """A new directory for the tasks of an outgoing."""
        path = self.path / f"tasks-{secrets.token_hex(8)}"
        with self._explained():
            make_private(path)
        return path

    def tasks(self, plan: SlicePlan, index: int) -> Path:
        """The ledger with the tasks of a slice."""
        if plan.tasks is None or not _TASKS.fullmatch(plan.tasks):
            raise SliceError("slices-foreign", f"The plan of the run {self._run_id} names no tasks", "Make a new plan.")
        return self.path / plan.tasks / f"{index:04}.sqlite"

    def discard_tasks(self, name: str) -> None:
        """Removes a directory of tasks."""
        with self._explained():
            shutil.rmtree(self.path / name, ignore_errors=True)

    # commit

    def reports(self, plan: SlicePlan) -> list[SliceReport]:
        """The reports of all slices, whose data is verified. Raises `SliceError`, which names all that is missing."""
        found = [(each, self.report(plan, each.index)) for each in plan.slices]
        # before all of their data is read: a commit may be tried often until the last slice is done
        refuse_open(plan, (([str(each.index) for each, report in found if report is None], "not done"),))
        reports = [report for _, report in found if report is not None]
        damaged = [str(report.slice) for report in reports if not self._is_intact(report)]
        short = [
            f"{each.index} ({report.items:,} of {_agreed(each, report):,} items)"
            for each, report in zip(plan.slices, reports, strict=True)
            if report.items + len(report.failed) < _agreed(each, report)
        ]
        refuse_open(
            plan,
            (
                (damaged, "done, but their data is missing or damaged (remove their reports)"),
                (short, "incomplete (remove their reports)"),
            ),
        )
        return reports

    def _is_intact(self, report: SliceReport) -> bool:
        hashed, size = hashlib.sha256(), 0
        with self._explained():
            try:
                with open(os.open(self.file(report), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
                    while chunk := file.read(1 << 20):
                        hashed.update(chunk)
                        size += len(chunk)
            except FileNotFoundError:
                return False
        return size == report.bytes and hashed.hexdigest() == report.sha256

    def committed(self) -> Commit | None:
        return self._read(self.path / "committed.json", Commit)

    def commit(self, commit: Commit) -> None:
        """Records the end of the run, then removes the data of its slices."""
        with self._explained():
            write_private(self.path / "committed.json", _json(commit))
            for each in list(self.path.iterdir()):
                if _DATA.fullmatch(each.name):
                    each.unlink(missing_ok=True)
                elif _TASKS.fullmatch(each.name):
                    shutil.rmtree(each, ignore_errors=True)

    def _read(self, path: Path, model: type[M]) -> M | None:
        with self._explained():
            try:
                data = read_private(path, _LARGEST)
            except FileNotFoundError:
                return None
        try:
            return model.model_validate_json(data)
        except ValidationError as error:
            [first, *_] = error.errors(include_url=False, include_input=False)
            where = ".".join(map(str, first["loc"]))
            raise SliceError(
                "slices-foreign",
                f"{path} was not written by this version of the program ({where}: {first['msg']})",
                "Use the same version on every machine, or make a new plan.",
            ) from error

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            where = error.filename or self.path
            raise SliceError("slices", f"{where} cannot be used: {reason(error)}", remedy(error)) from error


def refuse_open(plan: SlicePlan, problems: Sequence[tuple[Sequence[str], str]]) -> None:
    """Raises `SliceError`, which names the slices that cannot be committed, if there are any."""
    named = [f"{what}: {listed(slices, 20)}" for slices, what in problems if slices]
    if named:
        number = sum(len(slices) for slices, _ in problems)
        raise SliceError(
            "slices-missing",
            f"{number} of {count(len(plan.slices), 'slice')} cannot be committed ({'; '.join(named)})",
            "Nothing was changed. Run these slices, then commit again.",
        )


def _agreed(planned: Slice, report: SliceReport) -> int:
    """The number of items that a slice must have: as counted while it was read, otherwise as planned.

    Items that were deleted after the plan was made are not missing.
    """
    return (planned.expected or 0) if report.counted is None else report.counted


class SliceData:
    """A file for the data of a slice, written by one process. Its methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_private(path, os.O_WRONLY | os.O_EXCL)
        self._hash = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._file, left) :]
        self._hash.update(data)
        self.bytes += len(data)

    def sync(self) -> None:
        """Makes the data durable."""
        os.fsync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def discard(self) -> None:
        """Removes the file."""
        self.close()
        self.path.unlink(missing_ok=True)


def _json(saved: BaseModel) -> bytes:
    return saved.model_dump_json(indent=1).encode() + b"\n"
