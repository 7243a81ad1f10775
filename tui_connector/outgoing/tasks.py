"""The tasks of an outgoing, one per entity and run, as its ledger has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO, get_args

from ..runs.ledger import State, state_of_ended

if TYPE_CHECKING:  # home reads ledgers, and does not wait for models
    from ..templates import Json

TaskState = Literal["new", "sending", "waiting", "finished", "failed", "skipped", "unchanged", "unknown"]
TASK_STATES: tuple[TaskState, ...] = get_args(TaskState)
OPEN_STATES: tuple[TaskState, ...] = ("new", "sending", "waiting")
"""States of tasks that the run is not done with."""


@dataclass(frozen=True, slots=True)
class Task:
    """One entity of a run. `former` is what the store had before it was sent; None if it had nothing or was not read.

    `line` is its line in the source, `attempts` how often it was sent, `exchange` the number of its last request in the
    log. `reason` and `code` say why it is in its state. `step` is the step of a chain that it is at, and `responses`
    are the responses so far by the names of their steps. `updated` is the date of its state, in UTC.
    """

    id: int
    line: int
    identifier: str
    state: TaskState
    entity: Json | None
    attempts: int
    exchange: int | None
    reason: str
    code: str
    step: str
    responses: Json
    updated: str
    former: Json


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be created; a bad line is a failed one from the start."""

    line: int
    identifier: str
    entity: str | None
    """As JSON text."""
    state: TaskState = "new"
    reason: str = ""
    code: str = ""
    text: str = ""
    """The beginning of a bad line."""


def record_name(task: Task | NewTask) -> str:
    """The task in messages and events: "line 12 (24-MB01)"."""
    return f"line {task.line}" + (f" ({task.identifier})" if task.identifier else "")


@dataclass(frozen=True, slots=True)
class TaskUpdate:
    """The new state of a task. `responses` as JSON text. None for `former` leaves what is recorded."""

    id: int
    state: TaskState
    reason: str = ""
    code: str = ""
    exchange: int | None = None
    step: str = ""
    responses: str | None = None
    keeps_entity: bool = True
    """Without its entity, only a finished task keeps `former`: an undo needs it."""
    former: str | None = None
    sent: int = 0
    """1 if it is about to be sent."""


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A run as recorded. `fingerprint` identifies the configuration, `digest` the content of the source.

    `loaded`: the source has been read to its end. Until then, no task of the run is sent.
    """

    id: int
    began: str
    ended: str | None
    state: State
    fingerprint: str
    digest: str | None
    loaded: bool
    requests: int
    retries: int
    seconds: float
    reason: str
    code: str

    def described_state(self, counts: Mapping[TaskState, int], *, is_running: bool) -> str:
        """The state for the user: never "complete" where a task failed or is unknown."""
        if is_running:
            return "running"
        if self.state == "running":
            return "interrupted"
        return state_of_ended(self.state, counts.get("failed", 0) + counts.get("unknown", 0))

    @property
    def title(self) -> str:
        """Such as "run 2, undo of run 1"."""
        return f"run {self.id}, undo of run {self.undone_run}" if self.undone_run else f"run {self.id}"

    @property
    def undone_run(self) -> int:
        """The number of the run that this one has undone; 0 if it is not an undo."""
        number = (self.digest or "").removeprefix(UNDO_DIGEST).partition(" ")[0]
        return int(number) if (self.digest or "").startswith(UNDO_DIGEST) and number.isdecimal() else 0

    @property
    def undo_stage(self) -> UndoStage:
        """Of an undo: what this run of it does."""
        _, _, rest = (self.digest or "").removeprefix(UNDO_DIGEST).partition(" ")
        return next((stage for stage in UNDO_STAGES if rest.startswith(f"{stage} ")), "restores")

    def continues(self, before: TaskRun) -> bool:
        """Whether this and the run before it are one undo, of which each run does something else."""
        same = bool(self.undone_run) and self.undone_run == before.undone_run
        return same and UNDO_STAGES.index(self.undo_stage) > UNDO_STAGES.index(before.undo_stage)


UNDO_DIGEST = "undo of "
"""The start of the digest of an undo; the number of the undone run follows."""
UndoStage = Literal["restores", "recreates", "deletes"]
UNDO_STAGES: tuple[UndoStage, ...] = get_args(UndoStage)
"""The runs of an undo in order: the second deletes entities and creates them again as they were, the third deletes
what the undone run has created. The names of these two follow the number."""
SLICES = "slices:"
"""Start of the code of a run that was sent in slices; their run id follows."""
RETRY = "retry"
"""Code of a run of which tasks are to be sent again, whatever has changed since."""


def export_entities(tasks: Iterable[Task], file: TextIO) -> tuple[int, int]:
    """Writes the entities of tasks as JSON Lines; returns how many were written, and how many are not kept."""
    written = lost = 0
    for task in tasks:
        if task.entity is None:
            lost += 1
        else:
            written += 1
            file.write(f"{json.dumps(task.entity, ensure_ascii=True)}\n")
    file.flush()
    return written, lost
