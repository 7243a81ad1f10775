"""Prints plans and undos: what would change, as text or as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..text import beginning, count, shown_line

if TYPE_CHECKING:
    from ..outgoing.changes import EntityChange, FieldChange
    from ..outgoing.plan import PlanEntry
    from ..outgoing.source import BadEntity
    from ..outgoing.undo import NotUndone, UndoPlan
    from ..templates import Json
    from .run_output import RunOutput

_VALUE = 60
"""Characters of a value."""
_WIDTH = 400
_LINES_TOGETHER = 500
"""Lines that are masked and written together; on a terminal, each line is written immediately."""


class PlanOutput:
    """Prints the entities of one plan, then their number by action."""

    def __init__(self, name: str, output: RunOutput, mask: Callable[[str], str], *, as_json: bool) -> None:
        self._name, self._output, self._mask, self._json = name, output, mask, as_json
        self.counts: Counter[str] = Counter()
        self._lines: list[str] = []
        self._together = 1 if sys.stdout.isatty() else _LINES_TOGETHER

    @property
    def bad(self) -> int:
        """Lines of the source that cannot be sent."""
        return self.counts["bad"]

    def add(self, entry: PlanEntry | BadEntity) -> None:
        change: EntityChange | None = getattr(entry, "change", None)
        if change is None:
            self.counts["bad"] += 1
            self._output.say(f"{self._name}: line {entry.line} cannot be sent: {getattr(entry, 'message', '')}")
            return
        self.counts["refused" if change.refused else change.action] += 1
        if self._json:
            self._add(_json(change.as_json()))
        elif change.refused:
            self._add(_refused_line(change))
        elif change.action != "unchanged":
            self._add(_line(change.identifier, change.action, change.changes, change.note))

    def end(self, saved: str = "", most: int | None = None) -> None:
        """Prints the number of entities by action. `saved`: the file of the plan. `most`: the changes allowed."""
        number = self.counts
        if not number:
            self._output.note("The source contains no entities.", warning=True)
        parts = [f"{number['create']:,} to create", f"{number['change']:,} to change"]
        parts.append(f"{number['unchanged']:,} unchanged")
        parts += [f"{number['refused']:,} to be refused"] if number["refused"] else []
        parts += [f"{number['bad']:,} that cannot be sent"] if number["bad"] else []
        self.flush()
        where = f"; saved in {saved}" if saved else "; nothing was sent"
        self._output.summary(f"{self._name}: {', '.join(parts)}{where}")
        changes = number["create"] + number["change"] + number["refused"]
        if most is not None and changes > most:
            allowed = f"more than max-changes allows ({most:,}): sending would be refused."
            self._output.say(f"{self._name}: {count(changes, 'change')} are {allowed}")

    def undo(self, plan: UndoPlan, *, delete_created: bool) -> None:
        """Prints what an undo would do."""
        for entry in plan.restored:
            self._undo_line(entry.change.identifier, "restore", entry.change.changes)
        for created in plan.created:
            self._undo_line(created.identifier, "delete" if delete_created else "created")
        self.left(plan.not_undone)
        if plan.remark and (plan.restored or plan.created or plan.not_undone):
            self._output.say(f"{self._name}: {plan.remark}")
        parts = [f"{len(plan.restored):,} to restore"]
        if plan.created:
            parts.append(f"{len(plan.created):,} to delete" if delete_created else f"{len(plan.created):,} created")
        parts += [f"{len(plan.not_undone):,} not undone"] if plan.not_undone else []
        parts += [f"{plan.done_already:,} already restored"] if plan.done_already else []
        self._output.summary(f"{self._name}: {', '.join(parts)}")
        if plan.created and not delete_created:
            what = count(len(plan.created), "entity", "entities")
            self._output.say(f"{self._name}: {what} created by the run will be kept; use --delete-created to delete.")

    def left(self, entities: Sequence[NotUndone]) -> None:
        """Prints what an undo leaves as it is, or has not changed."""
        for each in entities:
            self._undo_line(each.identifier, "not undone", note=each.message, code=each.code)
        self.flush()

    def flush(self) -> None:
        """Prints the buffered lines."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._output.lines(self._mask("".join(f"{line}\n" for line in lines)))

    def _add(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) >= self._together:
            self.flush()

    def _undo_line(
        self, identifier: str, action: str, changes: tuple[FieldChange, ...] = (), note: str = "", code: str = ""
    ) -> None:
        if not self._json:
            self._add(_line(identifier, action, changes, note))
            return
        line: dict[str, Json] = {"identifier": identifier, "action": action}
        line["changes"] = [each.as_json() for each in changes]
        line |= {name: text for name, text in (("note", note), ("code", code)) if text}
        self._add(_json(line))


def _json(line: dict[str, Json]) -> str:
    """Like `text.json_text`, but secrets are masked in many lines at once."""
    return json.dumps(line).replace("\x7f", "\\u007f")


def _line(identifier: str, action: str, changes: tuple[FieldChange, ...], note: str) -> str:
    """For example "24-MB01  change  quantity: 5 → 7"."""
    fields = _fields(changes, action)
    text = "  ".join(part for part in (identifier or "(no identifier)", action, fields) if part)
    return shown_line(f"{text}  ({note})" if note else text, _WIDTH)


def _refused_line(change: EntityChange) -> str:
    """For example "NOPE-1  refused  the store has no product with this sku  (price: 5)"."""
    fields = _fields(change.changes, change.action)
    text = "  ".join((change.identifier or "(no identifier)", "refused", change.note))
    return shown_line(f"{text}  ({fields})" if fields else text, _WIDTH)


def _fields(changes: tuple[FieldChange, ...], action: str) -> str:
    return ", ".join(f"{each.field}: {_shown(each.new) if action == 'create' else _both(each)}" for each in changes)


def _both(change: FieldChange) -> str:
    old = change.as_json()["old"]
    return f"{'nothing' if old is None else _shown(old)} → {'nothing' if change.new is None else _shown(change.new)}"


def _shown(value: object) -> str:
    return beginning(json.dumps(value, ensure_ascii=False), _VALUE)
