"""The tasks of an outgoing's last run, in groups; what a user does with them is written to their ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from ...errors import InvalidValue, UserError
from ...files import open_regular, reason, remedy
from ...invalid_json import why_invalid_json
from ...outgoing.new_tasks import new_task
from ...outgoing.source import SourceEntity
from ...outgoing.task_ledger import TaskFilter, TaskLedger, TaskReader
from ...outgoing.tasks import Task, TaskRun, TaskState, export_entities
from ...templates import Json
from ...text import beginning, count, shown
from ...units import timestamp
from .plans import Sender

LISTED: Final = 5_000
"""Tasks that are read at once."""
RETRIABLE: Final[tuple[TaskState, ...]] = ("failed", "unknown", "skipped")
"""States of tasks that may be sent again."""
_FIRST: Final[tuple[TaskState, ...]] = ("failed", "unknown")
"""States that are listed first."""


_SKIPPABLE: Final[tuple[TaskState, ...]] = ("new", "failed", "unknown", "sending", "waiting")
_LONGEST_LINE = 4_000
"""Characters of a line of the source that are shown."""

TaskAction = Literal["edit", "retry", "skip", "log", "source"]


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of the source, as it is now, without secrets."""

    file: Path
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """Tasks in one state or, with a reason, for one reason; without a state, all of them.

    `reasons`: the reason as the tasks have it, without their identifiers.
    """

    count: int
    state: TaskState | None = None
    reason: str | None = None
    code: str | None = None
    reasons: Sequence[str] = ()

    def filter(self, states: Sequence[TaskState] = ()) -> TaskFilter:
        """Those of the group; of the group of all, those in these states."""
        return TaskFilter((self.state,) if self.state else states, code=self.code, reasons=self.reasons)

    def is_same(self, other: TaskGroup) -> bool:
        """Whether it is this group, which may have grown since."""
        if (self.state, self.code, self.reason is None) != (other.state, other.code, other.reason is None):
            return False
        return self.reason is None or not {*self.reasons}.isdisjoint(other.reasons)


@dataclass(frozen=True, slots=True)
class TaskList:
    """The last run, its groups, and the first tasks of the chosen one."""

    run: TaskRun | None = None
    is_running: bool = False
    groups: Sequence[TaskGroup] = ()
    chosen: TaskGroup = field(default_factory=lambda: TaskGroup(0))
    tasks: Sequence[Task] = ()


class TaskBook:
    """Reads and corrects tasks. Everything in it blocks, and raises `UserError`."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender

    def read(self, chosen: TaskGroup | None = None) -> TaskList:
        """The tasks of this group, or of the first one that needs attention."""
        with TaskReader(self.sender.ledger) as reader:
            run = reader.last()
            if run is None:
                return TaskList()
            groups = _groups(reader, run.id)
            found = next((each for each in groups if chosen is not None and each.is_same(chosen)), None)
            if found is None:
                found = next((each for each in groups if each.state in (*_FIRST, "new")), groups[0])
            tasks = list(reader.tasks(run.id, found.filter(), limit=LISTED))
            return TaskList(run, reader.is_running, groups, found, tasks)

    def source_file(self, task: Task) -> Path | None:
        """The file that has the task's line, if its source is one with lines and the entity was never read."""
        source = self.sender.outgoing.source
        if task.entity is not None or task.state != "failed" or source is None or not source.has_lines:
            return None
        return self.sender.file.parent / next(iter(source.reads()))

    def source_line(self, task: Task) -> SourceLine | None:
        """The line of an entity that was never read, as the source has it now; None where it has none."""
        path, found = self.source_file(task), ""
        if path is None:
            return None
        with suppress(OSError, ValueError), open_regular(path) as file:
            is_utf16 = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
            file.seek(0)
            lines = TextIOWrapper(file, "utf-16" if is_utf16 else "utf-8-sig", errors="replace", newline="\n")
            found = next(islice(lines, task.line - 1, None), "")
        text = self.sender.workbench.mask.text(found.rstrip("\r\n"))
        return SourceLine(path, task.line, beginning(text, _LONGEST_LINE)) if found else None

    def actions(self, task: Task) -> frozenset[TaskAction]:
        """What can be done with the task."""
        found: set[TaskAction] = set()
        if task.entity is not None and task.state in (*RETRIABLE, "new"):
            found |= {"edit", "retry"}
        if task.state in _SKIPPABLE:
            found.add("skip")
        if task.exchange is not None or task.identifier:
            found.add("log")
        if self.source_file(task) is not None:
            found.add("source")
        return frozenset(found)

    def retry(self, wanted: TaskFilter) -> str:
        """Opens tasks again, to be sent; returns what was done. Raises `UserError` if there is none."""
        with TaskLedger(self.sender.ledger) as ledger:
            found, lost = ledger.retry(_loaded(ledger.last()), wanted, self._now())
        kept = "its entity is not kept" if lost == 1 else "their entities are not kept"
        left = f"{count(lost, 'task')} cannot be sent again: {kept}. Correct the source and run it." if lost else ""
        if not found:
            raise UserError("task-not-kept", left or "None of these tasks can be sent again")
        return f"{count(found, 'task')} to be sent again. {left}".strip()

    def skip(self, wanted: TaskFilter) -> str:
        """Gives tasks up; returns what was done."""
        with TaskLedger(self.sender.ledger) as ledger:
            found = ledger.skip(_loaded(ledger.last()), wanted, self._now())
        return f"{count(found, 'task')} skipped."

    def replace(self, task: Task, entity: Json) -> None:
        """Corrects the entity of a task, and opens it again."""
        sender = self.sender
        checked = new_task(SourceEntity(task.line, entity), sender.outgoing.identifier, sender.workbench.mask)
        if checked.state == "failed":
            raise UserError(checked.code or "entity", checked.reason)
        with TaskLedger(sender.ledger) as ledger:
            _loaded(ledger.last())
            ledger.replace_entity(task.id, checked.identifier, entity, self._now())

    def export(self, wanted: TaskFilter, file: Path) -> str:
        """Writes entities to a new file as JSON Lines; returns what was done."""
        with TaskReader(self.sender.ledger) as reader:
            run = reader.run(None)
            try:
                with file.open("x", encoding="utf-8") as out:
                    written, lost = export_entities(reader.tasks(run.id, wanted), out)
            except (OSError, ValueError) as error:
                message = f"{file} cannot be written: {reason(error)}"
                raise UserError("export", message, remedy(error, "Choose another file.")) from error
        left = f" {count(lost, 'entity', 'entities')} not exported: not kept, or a bad line." if lost else ""
        return f"{count(written, 'entity', 'entities')} written to {file}.{left}"

    def _now(self) -> str:
        return timestamp(self.sender.workbench.machine.now())


def _loaded(run: TaskRun | None) -> TaskRun:
    if run is None or not run.loaded:
        message = "The last run has not read its whole source, and has sent nothing"
        raise UserError("not-loaded", message, "Run it again.")
    return run


def _groups(reader: TaskReader, run: int) -> list[TaskGroup]:
    """All tasks, then each state with the reasons in it; those that need attention first."""
    counts = reader.counts(run)
    found = [TaskGroup(sum(counts.values()))]
    reasons = reader.reasons(run)
    for state in (*_FIRST, *(each for each in counts if each not in _FIRST)):
        if counts[state]:
            found.append(TaskGroup(counts[state], state))
            alike = [each for each in reasons if each.state == state]
            found += [TaskGroup(each.count, state, each.reason, each.code, each.reasons) for each in alike]
    return found


def former_values(task: Task) -> Json:
    """What the store had before; None if it had nothing or was not read."""
    former = task.former
    return former.get("present") if isinstance(former, Mapping) and "present" in former else former


def entity_text(entity: Json) -> str:
    """The entity as JSON to be edited; nothing in it is hidden or changed on the screen.

    Raises `InvalidValue` if it contains a secret.
    """
    for is_ascii in (False, True):
        text = json.dumps(entity, ensure_ascii=is_ascii, indent=2).replace("\x7f", "\\u007f")
        if shown(text) == text:
            return text
    raise InvalidValue(
        "entity-secret", "The entity contains a secret, and cannot be edited here. Correct it in the source."
    )


def entity_of(text: str) -> Json:
    """The entity that was typed. Raises `InvalidValue`."""
    try:
        entity: Json = json.loads(text, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise InvalidValue("entity-json", f"Invalid JSON: {why_invalid_json(error)}") from error
    return entity


def _not_json(name: str) -> Json:
    raise ValueError(f"{name} is not a value of JSON")
