"""A row of a form: the label, the editor of the value, and what is said of it."""

from __future__ import annotations

from textual.widget import Widget

from ...templates import Json
from ...text import PublicText, public, shown_line
from .field_specs import FieldSpec, FieldType
from .fields import FieldRow
from .pairs import Pairs
from .secret import TOKEN_LENGTH, Secret
from .secret_marks import SecretMarks
from .text_areas import JsonField

FormPath = tuple[str | int, ...]

ACCEPTED, RIGHT_LENGTH = " ✔", f" of {TOKEN_LENGTH}"
"""After the length of a secret: a test has accepted it, or it was not tested and has the length of Magento's tokens."""


class FormField(SecretMarks, FieldRow):
    """A row of the form."""

    _is_refused = False
    _wrong_at: FormPath = ()
    """Where in the value the problem is that is shown."""
    _has_wrong_key = False
    """Whether it is that of the last key of this path, and not of its value."""

    def __init__(self, spec: FieldSpec, editor: Widget, value: Json) -> None:
        super().__init__("-".join(spec.path), spec.title, editor, spec.about)
        self.spec, self.editor, self.value = spec, editor, value
        self.set_class(spec.type is FieldType.VARIANT, "kind")
        self.set_class(isinstance(editor, (Pairs, JsonField)), "tall")

    @property
    def section(self) -> str:
        """The group or variant that the field belongs to; empty if none."""
        return self.spec.path[0] if len(self.spec.path) > 1 or self.spec.type is FieldType.VARIANT else ""

    @property
    def field_help(self) -> str:
        """What the field takes, and how one of several lines is left: once something was typed, ↑ and ↓ stay in it."""
        if isinstance(self.editor, JsonField):
            return public(self.about, PublicText(" Tab leaves the field." if self.about else "Tab leaves the field."))
        return self.editor.field_help(self.about) if isinstance(self.editor, Secret) else self.about

    def help_text(self) -> str:
        return public(self.label, PublicText("\n"), self.field_help) if self.field_help else ""

    def show_refused(self, refused: bool) -> None:
        """Shows whether the value was refused."""
        if refused or self._is_refused:
            self._is_refused = refused
            self.mark_typed("")

    def mark_typed(self, text: str) -> None:
        mark = self._mark
        if self._is_refused:
            mark = f"{mark.removesuffix(ACCEPTED).removesuffix(RIGHT_LENGTH).rstrip(' ✘')} ✘".strip()
        FieldRow.mark(self, text or mark, bad=(self._is_mark_bad or self._is_refused) and not text)

    def holds(self, name: str) -> bool:
        """Whether this table has a row with this name."""
        return isinstance(self.editor, Pairs) and self.editor.row(name) is not None

    @property
    def is_empty(self) -> bool:
        """Whether the field has neither a value nor a secret."""
        if isinstance(self.editor, Secret):
            return self.editor.entry.is_empty
        return self.value in (None, "", [], {})

    def problem_at(self, path: FormPath, words: str, *, is_of_key: bool = False) -> None:
        """Shows a problem at this path in the value, or else that two rows have one name; "" is none."""
        name = self.editor.duplicate if isinstance(self.editor, Pairs) else ""
        if not words and name:
            path, words, is_of_key = (name,), f"two rows are named {shown_line(name)}; the last one is used", True
        self._wrong_at, self._has_wrong_key = path, is_of_key
        self.problem(words)

    def first_wrong(self) -> Widget | None:
        """The widget that has what the problem is about."""
        return self.editor_at(self._wrong_at, of_key=self._has_wrong_key)

    def move_to_problem(self) -> None:
        """Moves the cursor to what the problem is about, in JSON."""
        if isinstance(self.editor, JsonField):
            self.editor.move_to_problem(self._wrong_at, of_key=self._has_wrong_key)

    def editor_at(self, path: FormPath, *, of_key: bool = False) -> Widget | None:
        """The widget in which the value at this path in that of the field is edited, or its key; else the first one."""
        if self.editor.can_focus:
            return self.editor
        if path and isinstance(self.editor, Pairs) and (pair := self.editor.row(str(path[0]))) is not None:
            return pair.editor_of(key=of_key and len(path) == 1)
        return next((each for each in self.editor.query(Widget) if each.can_focus), None)


def row_of(widget: Widget) -> FormField | None:
    """The row that a widget is in."""
    return next((node for node in widget.ancestors if isinstance(node, FormField)), None)
