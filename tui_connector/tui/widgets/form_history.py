"""The changes of a form that are undone, the last one first, whatever their fields are."""

from __future__ import annotations

from typing import NamedTuple

from textual.widget import Widget

from ...templates import Json

FieldPath = tuple[str, ...]


class FormStep(NamedTuple):
    """One change of a field: all that was typed there before it was left or emptied, or one choice."""

    path: FieldPath
    before: Json
    """The value to restore; None where there was none."""
    widget: Widget | None = None
    """Where it was typed; that may restore more of it by itself than its value."""


class FormHistory:
    """The steps of one form. It contains no secret: those are never values of a form."""

    def __init__(self) -> None:
        self._steps: list[FormStep] = []
        self._is_open = False
        """Whether what is typed next belongs to the last step."""

    @property
    def last(self) -> FormStep | None:
        """What is undone next."""
        return self._steps[-1] if self._steps else None

    def changed(self, step: FormStep, now: Json, *, begins: bool = False) -> None:
        """Takes a change to the value `now`; `begins`: it is a step, although its field was not left since the last."""
        last = self.last
        if last is not None and last.path == step.path and last.before == now:
            self._steps.pop()
            self._is_open = False
        elif last is None or not self._is_open or begins or (last.path, last.widget) != (step.path, step.widget):
            self._steps.append(step)
            self._is_open = True

    def end(self) -> None:
        """The field was left: what is typed there later is another step."""
        self._is_open = False

    def reopen(self) -> None:
        """What changes next belongs to the last step."""
        self._is_open = True

    def pop(self) -> FormStep:
        """Removes the last step."""
        self._is_open = False
        return self._steps.pop()
