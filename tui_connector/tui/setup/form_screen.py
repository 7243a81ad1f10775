"""A dialog with the form of a part of a profile, whose changes apply or are taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from ...errors import UserError
from ...files import described
from ...guide.steps import kind_schemas
from ...templates import Json
from ...text import count, shown, shown_line
from .._textual import reply
from ..keys import is_on_top
from ..text_jumps import AS_TEXT, show_in_text
from ..widgets.dialog_panel import DialogPanel
from ..widgets.focus_moves import move_or_say
from ..widgets.form import Form
from ..widgets.form_field import FormPath
from ..widgets.frame import Dialog
from ..widgets.prose import Prose, show_text
from ..widgets.questions import ConfirmScreen, DiscardScreen, WorkAnswer
from ..widgets.secret import SecretInput
from .context import GuideContext
from .form import SetupForm, field_specs_in


class FormScreen(Dialog[bool]):
    """A form over the screen; returns whether its changes apply. Cancel restores what was there before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="form.cancel", priority=True),
        Binding("ctrl+s,f8", "done", "Done", id="form.done", priority=True),
        Binding("ctrl+g", "as_text", "As text", id="form.text", priority=True, tooltip=AS_TEXT),
        Binding("ctrl+z", "undo", "Undo", id="field.restore", show=False),
        Binding("pagedown", "section(1)", "Next section", id="form.next-section", priority=True),
        Binding("pageup", "section(-1)", "Previous section", show=False, id="form.previous-section", priority=True),
    ]

    done_label = "Done"
    """What ^S does, on its button."""
    is_new = False
    """Whether the part was just added, so that its empty fields are not said to be missing yet."""
    begins_at: FormPath = ()
    """The field that has the focus first; empty for the first one."""
    finish: Callable[[], Awaitable[bool]] | None = None
    """Saves the changes, after a question over the form; False, `UserError` and OSError keep it open."""

    def __init__(
        self,
        work: GuideContext,
        title: str,
        schema: Callable[[], kind_schemas.Schema],
        path: FormPath,
        about: str = "",
    ) -> None:
        """`schema` returns that of the part as it is now."""
        super().__init__()
        self._title, self._about = title, about
        self._work, self._path = work, path
        self._before = deepcopy(work.setup.at(*path))
        self._secrets_before = work.workbench.vault.held_secrets()
        self._schema = schema
        self._form = self._new_form()
        self._field: Widget | None = None
        """The field that had the focus last: ^Z works there again after a question."""

    def _new_form(self) -> SetupForm:
        return SetupForm(self._work, field_specs_in(self._work.setup, self._schema()), self._path)

    async def show_again(self) -> None:
        """Shows the fields again after the setup was changed elsewhere; the focus stays in its field."""
        before, new = self._form, self._new_form()
        at = before.path_of(self.focused)
        if new.specs == before.specs:
            await before.show_values(new.data)
        else:
            self._form = new
            await before.remove()
            await self.query_one("#form-over VerticalScroll").mount(new)
        self._form.check()
        if self.focused is None:
            self._form.focus_at(at)

    async def show_merged(self, saved: Json) -> None:
        """Shows the fields as another program has changed them too; `saved` is the part in the file now."""
        self._before = deepcopy(saved)
        await self.show_again()

    def compose(self) -> ComposeResult:
        with DialogPanel(id="form-over") as form:
            form.border_title = Content(shown_line(self._title))
            form.border_subtitle = self._keys(has_sections=False)
            if self._about:
                yield Static(Prose(Content(shown(self._about))), classes="form-about")
            with VerticalScroll(can_focus=False):
                yield from self.above()
                yield self._form
            yield Static("", classes="words")
            with Horizontal(classes="buttons"):
                yield Button(self.done_label, compact=True, id="form-done")
                yield Button("Cancel", compact=True, id="form-cancel")

    def _keys(self, *, has_sections: bool) -> str:
        section = " · PgDn: next section" if has_sections else ""
        return f"↑↓: field{section} · ^S: {self.done_label.lower()} · Esc: cancel"

    def above(self) -> ComposeResult:
        """Widgets above the fields."""
        yield from ()

    def on_mount(self) -> None:
        self.query_one(DialogPanel).border_subtitle = self._keys(has_sections=self._form.has_sections)
        if self.is_new:
            self._form.begin()
        self._form.check()
        if not (self.begins_at and self._form.focus_at(self.begins_at)):
            self.focus_first()

    @property
    def key_titles(self) -> Mapping[str, str]:
        replaces = isinstance(self.focused, SecretInput) and self.focused.is_replacing
        return {"form.done": self.done_label, "form.cancel": "Keep old" if replaces else "Cancel"}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "section":
            return self._form.has_sections
        if action == "undo":
            return self._form.check_action(action, parameters)
        return self._work.path is not None if action == "as_text" else super().check_action(action, parameters)

    def action_as_text(self) -> None:
        """Leaves the form for the line of this field in the text of the profile."""
        path = self._form.path_of(self.focused)
        self._form.after_pending_input(lambda: self._once_drawn(partial(self._leave_for_text, path)))

    def _leave_for_text(self, path: FormPath) -> None:
        if self._work.has_unsaved:
            reply(self.app, "Save the changes first (^S).")
        else:
            show_in_text(self.app, path)

    def focus_first(self) -> None:
        """Focuses the first field that has a problem, or where the form begins."""
        if not (self._form.focus_on_problem() or self._form.focus_at(self._form.first_unvisited())):
            self.focus_beginning()
        if self.focused is None:
            self.query_one("#form-done", Button).focus()

    def focus_beginning(self) -> None:
        """Focuses what the form begins with, where no field has a problem: its first field."""
        self._form.focus_on()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("down", "up") and move_or_say(self, event.key):
            event.stop()
            event.prevent_default()  # the dialog would move once more

    def action_undo(self) -> None:
        """Undoes the last change of the form, where a button has the focus."""
        self._form.action_undo()

    def action_section(self, by: int) -> None:
        self._form.to_section(by)

    @on(Form.Focused)
    def _explain(self, event: Form.Focused) -> None:
        if self.focused is not None and self._form in self.focused.ancestors:
            self._field = self.focused
        show_text(self.query_one(".words", Static), Prose(Content(shown(event.about))))

    @on(Form.Entered)
    def _entered(self) -> None:
        self.set_focus(self.query_one("#form-done", Button))

    @on(Button.Pressed, "#form-done")
    def action_done(self) -> None:
        """Closes the form; its changes apply, once its question was answered."""
        focused = self._field if isinstance(self.focused, Button) else self.focused
        self.set_focus(None)  # which ends the input of a secret
        self._form.after_pending_input(lambda: self._once_drawn(partial(self._done, focused)))

    def _done(self, focused: Widget | None) -> None:
        if not is_on_top(self):
            return  # the key was pressed twice
        self._form.say_missing()
        is_wrong = self._form.focus_on_problem()
        if self.finish is not None:
            if not is_wrong and focused is not None and focused.is_attached:
                self.set_focus(focused)
            self.before_closing(partial(self._save, self.finish))
        elif is_wrong and (found := self._problems()):
            listed = "\n".join(f"✘ {each}" for each in found[:5])
            words = f"{count(len(found), 'problem')}. No request can be sent before this is fixed.\n{listed}"
            screen = ConfirmScreen(words, title=self._title, yes="Keep it anyway", no="Keep editing")
            self.app.push_screen(screen, self._keep)
        else:
            self.before_closing(partial(self.dismiss, True))

    def before_closing(self, then: Callable[[], object]) -> None:
        """Calls `then`, which closes the form with its changes, after what is to be asked before."""
        then()

    def _save(self, finish: Callable[[], Awaitable[bool]]) -> None:
        self.loading_message = "Saving"
        self.run_worker(self._finish(finish))

    def _problems(self) -> list[str]:
        """What is invalid in the fields of this form, one line each."""
        own, length = self._work.setup.problems(), len(self._path)
        fields = [(*self._path, *each.path) for each in self._form.specs]
        return [
            f"{'.'.join(map(str, path[length:])) or self._title}: {words}"
            for path, words in own.items()
            if path == self._path or any(path[: len(field)] == field for field in fields)
        ]

    def _keep(self, yes: bool | None) -> None:
        if yes:
            self.dismiss(True)

    async def _finish(self, finish: Callable[[], Awaitable[bool]]) -> None:
        finished = False
        try:
            finished = await finish()
        except UserError as error:
            self.notify(shown(f"Not saved: {error}"), severity="error", timeout=10, markup=False)
        except OSError as error:
            text = f"Not saved: {described(error)}"
            self.notify(shown(text), severity="error", timeout=10, markup=False)
        finally:
            self.loading_message = ""
        if finished:
            self.dismiss(True)

    def _once_drawn(self, then: Callable[[], None]) -> None:
        self.call_after_refresh(then)

    @on(Button.Pressed, "#form-cancel")
    def action_cancel(self) -> None:
        """Closes the form and restores what was there before; asks first where that discards something."""
        if isinstance(self.focused, SecretInput):
            if self.focused.restore():
                return
            self.focused.commit()  # so that what was typed is a change
        self.loading_message = "Closing the form"
        self._form.after_pending_input(lambda: self._once_drawn(self._ask_discard))

    def _ask_discard(self) -> None:
        if self._changed:
            save = "Apply and close" if self.finish is None else "Save"
            self.app.push_screen(DiscardScreen(save=save), self._leave)
        else:
            self._form.is_discarded = True
            self.dismiss(False)
        self.loading_message = ""

    @property
    def _changed(self) -> bool:
        held = self._work.workbench.vault.held_secrets()
        return self._work.setup.at(*self._path) != self._before or held != self._secrets_before

    def _leave(self, answer: WorkAnswer | None) -> None:
        if answer == "save":
            self.action_done()
        elif answer == "discard":
            self._form.is_discarded = True
            self._work.setup.edit(self._path, self._before)
            self._work.workbench.vault.restore_held(self._secrets_before)
            self.dismiss(False)
