"""The form of step 2: the fields of an authentication, and where its secrets are."""

from __future__ import annotations

from ...guide.secret_sources import is_source
from ...guide.steps.setup import Setup
from ...profile.model import ModelPath
from ..widgets.fields import TextField
from ..widgets.form_field import FormField, FormPath
from ..widgets.secret import Secret, SecretInput, SourceField
from .authentication_fields import guide_fields, shown_fields
from .context import GuideContext
from .form import SetupForm


class AuthenticationForm(SetupForm):
    """The fields of the authentication that the guide is about."""

    def __init__(self, work: GuideContext, *, is_whole: bool) -> None:
        """`is_whole`: with every field of its kind, and not only those that the guide asks for."""
        setup = work.setup
        super().__init__(
            work,
            shown_fields(setup, is_whole=is_whole),
            _path(setup),
            data=setup.default_authentication(),
            before_edit=setup.write_authentication,
            id="way-form",
        )
        self._is_whole = is_whole

    @property
    def is_outdated(self) -> bool:
        """Whether another step has chosen another client or other places of secrets, or there are more to choose."""
        setup = self.work.setup
        shown = self.path, self.specs
        return shown != (_path(setup), tuple(shown_fields(setup, is_whole=self._is_whole))) or self._has_moved_secrets

    @property
    def _has_moved_secrets(self) -> bool:
        """Whether a secret has another source than the one that is shown."""
        for row in self.query(FormField):
            there = self.work.setup.at(*self.path, *row.spec.path)
            if isinstance(row.editor, Secret) and is_source(there) and there != row.editor.source:
                return True
        return False

    def say_saved(self) -> None:
        """Which secrets the profile has a place for, and so need not be typed, and which are at hand."""
        for row in self.query(FormField):
            place = (*self.path, *row.spec.path)
            if not isinstance(row.editor, Secret):
                continue
            if row.editor.place == "env":
                self._mark_variable(row, row.editor, place)
            elif row.editor.place != "ask" and self.work.setup.is_saved(place):
                row.mark(row.editor.show_saved())
        self.show_at_hand()

    def _mark_variable(self, row: FormField, secret: Secret, place: ModelPath) -> None:
        """Whether the variable of this secret is set, or has a value for this session."""
        name = str(secret.source["env"])
        has_value, is_set = self.work.has_variable(name, place), bool(self.work.workbench.machine.environ.get(name))
        secret.entry.has_value = secret.entry.has_value or has_value
        row.mark("set" if is_set else "session" if has_value else "not set: paste value", bad=not has_value)

    def row_with(self, name: str) -> FormField | None:
        """The row of the field with this name; where a table has it, such as the parameters of a login, that table."""
        return self.field(name) or next((row for row in self.query(FormField) if row.holds(name)), None)

    def title_of(self, name: str) -> str:
        """The title of the field with this name, also where it is in a table; "" where there is none."""
        if (row := self.field(name)) is not None:
            return row.label
        titles = {each.name: each.title for each in guide_fields(self.work.setup)}
        return titles.get(name, "") if self.row_with(name) is not None else ""

    def names_variable(self, name: str) -> bool:
        """Whether this field has the name of a variable, which letters would change; a paste finds it anyway."""
        editor = self.editor_of(name) if name else None
        secrets = [each for each in editor.ancestors if isinstance(each, Secret)] if editor is not None else []
        return any(each.place == "env" for each in secrets)

    def is_entered(self, name: str) -> bool:
        """Whether something is typed or pasted into this field: it never has the focus before its user goes there.

        So a letter that is meant as a key is not typed into it unseen, and a paste finds it anyway.
        """
        editor = self.editor_of(name) if name else None
        return isinstance(editor, SecretInput) or (
            isinstance(editor, TextField) and not isinstance(editor, SourceField)
        )


def _path(setup: Setup) -> FormPath:
    return ("authentications", setup.authentication)
