"""Slices of one run, read or sent by several processes or machines: what they share, wherever that is kept.

A run has a plan, a report for each slice that is done, and the data of the slices. A process stores data under a name
of its own; the report, which names that data, is created only once. So it does not matter how often a slice is run,
where, or at which point a process is killed: the first report counts.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import UserError
from ..secrets.named_values import mask_message
from ..text import count, listed
from .database import LedgerPlace
from .ledger import State

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,99}", re.ASCII)
"""Also matches what Airflow calls its runs, such as scheduled__2026-01-01T00:00:00+00:00."""
_DATA = re.compile(r"\d{4,}-[0-9a-f]{16}\.jsonl", re.ASCII)
_TASKS = re.compile(r"tasks-[0-9a-f]{16}", re.ASCII)

M = TypeVar("M", bound=BaseModel)


class SliceError(UserError):
    """A slice cannot be run, or the slices cannot be committed.

    `code`: "slices-missing" (run those, or `plan`, first), "slices-planned" (the run id is taken), "slices-foreign"
    (the plan was made for something else), "slices-outdated" (make a new plan), "slices-unusable" (not supported here),
    "slices" (what is shared cannot be used).
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
    """Names the tasks of an outgoing, which have a ledger for each slice."""
    expected: int | None = None
    """Items of all slices."""
    above: int | None = None
    """Items that had come after the last slice when its items were counted; None if they were not counted."""
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
    """Name of its items."""
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


class Attempt(_Saved):
    """The last time that a slice was run, and how far it is. The report of a slice counts, not this."""

    slice: int
    state: Literal["running", "done", "failed"]
    machine: str
    process: int
    began: str
    seen: str
    """When the process last said that it is alive, or ended."""
    items: int = 0
    """Items or tasks so far."""
    failed: int = 0
    """Those of them that failed."""
    requests: int = 0
    seconds: float = 0.0
    code: str = ""
    reason: str = ""
    """Why it failed, or which item failed first."""


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


class SliceData(ABC):
    """The data of a slice, written by one process. Its methods block, and raise `SliceError`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._hash = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, lines: bytes) -> None:
        """Appends whole lines."""
        self._append(lines)
        self._hash.update(lines)
        self.bytes += len(lines)

    @abstractmethod
    def _append(self, lines: bytes) -> None: ...

    @abstractmethod
    def sync(self) -> None:
        """Makes the data durable."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def discard(self) -> None:
        """Closes and removes it."""


@dataclass
class SliceStates:
    """How far the slices of a run are."""

    plan: SlicePlan
    commit: Commit | None = None
    reports: Mapping[int, SliceReport] = field(default_factory=dict)
    """Of the slices of an incoming that are done."""
    attempts: Mapping[int, Attempt] = field(default_factory=dict)

    @property
    def done(self) -> set[int]:
        return {*self.reports, *(index for index, each in self.attempts.items() if each.state == "done")}


class SliceStore(ABC):
    """What the processes of one run share. All methods block, and raise `SliceError`."""

    def __init__(self, run_id: str) -> None:
        self.run_id = check_run_id(run_id)

    @property
    @abstractmethod
    def where(self) -> str:
        """Where it is, for messages."""

    @abstractmethod
    def close(self) -> None:
        """Releases what it holds, such as a connection."""

    # plan

    def create(self, plan: SlicePlan) -> SlicePlan:
        """Saves the plan, and returns it; or the one that exists, if it was made for the same.

        So planning the same run id twice changes nothing.
        """
        if self._save_plan(plan):
            return plan
        found = self.plan()
        self._refuse_foreign(found, plan)
        if found.requested != plan.requested:
            raise self.taken(found)
        return found

    @abstractmethod
    def _save_plan(self, plan: SlicePlan) -> bool:
        """Whether there was none."""

    @abstractmethod
    def planned(self) -> SlicePlan | None:
        """The plan; None if there is none yet."""

    def taken(self, plan: SlicePlan) -> SliceError:
        """The error for a run id that has a plan with another number of slices."""
        return SliceError(
            "slices-planned",
            f"The run id {self.run_id} already has a plan for {count(plan.requested, 'slice')}",
            "Use another --run-id.",
        )

    def plan(self) -> SlicePlan:
        """The plan. Raises `SliceError`: while there is none, with the code of slices that are missing."""
        plan = self.planned()
        if plan is None:
            raise SliceError(
                "slices-missing",
                f"The run id {self.run_id} has no plan in {self.where}",
                "Run `plan` first, with the same --shared or `ledger` on every machine.",
            )
        if plan.run_id != self.run_id:
            raise self._foreign(f"it has the run id {plan.run_id!r}")
        return plan

    def plan_of(self, profile: str, name: str, environment: str, configuration: str) -> SlicePlan:
        """The plan, if it was made for this configuration. Raises `SliceError`."""
        plan = self.plan()
        asked = {"profile": profile, "name": name, "environment": environment, "configuration": configuration}
        self._refuse_foreign(plan, plan.model_copy(update=asked))
        return plan

    def _refuse_foreign(self, plan: SlicePlan, asked: SlicePlan) -> None:
        for name, what in (("profile", "profile"), ("name", "configuration"), ("environment", "environment")):
            found, wanted = getattr(plan, name), getattr(asked, name)
            if found != wanted:
                raise self._foreign(f"it was made for the {what} {found!r}, not {wanted!r}")
        if plan.configuration != asked.configuration:
            raise self._foreign("the configuration has changed since it was made, or differs on this machine")

    def _foreign(self, why: str) -> SliceError:
        return SliceError(
            "slices-foreign", f"The plan of the run {self.run_id} cannot be used: {why}", "Make a new plan."
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
                f"--slice {text}: the run {self.run_id} has {count(plan.requested, 'slice')}, counted from 0",
                "`plan` prints them.",
            )
        return plan.slices[int(index)] if int(index) < len(plan.slices) else None

    # slices

    def report(self, plan: SlicePlan, index: int) -> SliceReport | None:
        """The report of a slice; None if it is not done. Raises `SliceError` for one of another run."""
        report = self._saved_report(index)
        if report is not None and (report.run_id, report.configuration, report.slice) != (
            self.run_id,
            plan.configuration,
            index,
        ):
            raise SliceError(
                "slices-foreign",
                f"The report of slice {index} in {self.where} belongs to another run or configuration",
                f"Remove it, then run the slice again: --slice {index}.",
            )
        return report

    @abstractmethod
    def _saved_report(self, index: int) -> SliceReport | None: ...

    @abstractmethod
    def reported(self) -> set[int]:
        """The slices that have a report."""

    def finish(self, plan: SlicePlan, report: SliceReport) -> SliceReport:
        """Saves the report, and returns it; or the one that another process was first with."""
        if self._save_report(report):
            return report
        found = self.report(plan, report.slice)
        assert found is not None
        return found

    @abstractmethod
    def _save_report(self, report: SliceReport) -> bool:
        """Whether there was none; otherwise removes the data that it names."""

    def new_data(self, index: int) -> SliceData:
        """New data of a slice, with a name that no other process uses."""
        return self._new_data(f"{index:04}-{secrets.token_hex(8)}.jsonl")

    @abstractmethod
    def _new_data(self, name: str) -> SliceData: ...

    @abstractmethod
    def lines(self, report: SliceReport, offset: int, size: int) -> tuple[list[bytes], int]:
        """Lines of the data of a slice from an offset on, about `size` bytes; and where they end.

        The offset is 0, or where lines that were read before have ended. No lines: there are no more.
        """

    @abstractmethod
    def _is_intact(self, report: SliceReport) -> bool: ...

    @abstractmethod
    def attempts(self) -> dict[int, Attempt]:
        """The last attempt of each slice that was run."""

    @abstractmethod
    def record(self, attempt: Attempt) -> None:
        """Replaces the last attempt of a slice."""

    # tasks

    def new_tasks(self) -> str:
        """A name for the tasks of an outgoing."""
        return f"tasks-{secrets.token_hex(8)}"

    def tasks(self, plan: SlicePlan, index: int) -> LedgerPlace:
        """The ledger with the tasks of a slice."""
        if plan.tasks is None or not _TASKS.fullmatch(plan.tasks):
            raise SliceError("slices-foreign", f"The plan of the run {self.run_id} names no tasks", "Make a new plan.")
        return self.task_ledger(plan.tasks, index)

    @abstractmethod
    def task_ledger(self, name: str, index: int) -> LedgerPlace:
        """The ledger with the tasks of a slice, by the name that `new_tasks` gave."""

    @abstractmethod
    def discard_tasks(self, name: str) -> None:
        """Removes the ledgers with these tasks."""

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

    @abstractmethod
    def committed(self) -> Commit | None: ...

    @abstractmethod
    def commit(self, commit: Commit) -> None:
        """Records the end of the run, then removes the data of its slices."""

    def states(self, known: SliceStates | None = None) -> SliceStates | None:
        """How far the slices are; None if there is no plan. `known`: found before, of which reports are used again."""
        plan = self.planned()
        if plan is None:
            return None
        before = {} if known is None else known.reports
        reports = {}
        for index in sorted(self.reported()):
            found = before.get(index) or self._saved_report(index)
            if found is not None and index < len(plan.slices):
                reports[index] = found
        return SliceStates(plan, self.committed(), reports, self.attempts())

    def _parsed(self, text: bytes | str, model: type[M], name: str) -> M:
        """What was saved. `name`: of what it is in, for the message."""
        try:
            return model.model_validate_json(text)
        except ValidationError as error:
            [first, *_] = error.errors(include_url=False, include_input=False)
            where = ".".join(map(str, first["loc"]))
            raise SliceError(
                "slices-foreign",
                f"{name} was not written by this version of the program ({where}: {first['msg']})",
                "Use the same version on every machine, or make a new plan.",
            ) from error

    @staticmethod
    def _data_name(report: SliceReport) -> str:
        """The name of the data. Raises `SliceError` if it may lead elsewhere."""
        if not _DATA.fullmatch(report.data):
            raise SliceError("slices-foreign", f"The report of slice {report.slice} names no data of this program", "")
        return report.data


class SlicedRuns(ABC):
    """All runs in slices of a profile, in one environment of it. All methods block, and raise `SliceError`."""

    @abstractmethod
    def ids(self) -> list[str]:
        """Their run ids, those planned last first."""

    @abstractmethod
    def store(self, run_id: str) -> SliceStore:
        """What the processes of one of them share."""

    @abstractmethod
    def close(self) -> None:
        """Releases what it holds, such as a connection."""


def is_data(name: str) -> bool:
    """Whether this is the name of the data of a slice."""
    return _DATA.fullmatch(name) is not None


def is_tasks(name: str) -> bool:
    """Whether this is the name of the tasks of an outgoing."""
    return _TASKS.fullmatch(name) is not None


def saved_text(saved: BaseModel) -> bytes:
    """How a plan, a report or an attempt is saved."""
    return saved.model_dump_json(indent=1).encode() + b"\n"


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
