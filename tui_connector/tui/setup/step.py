"""What all steps of the guide have: words, a result, a button to test and one to continue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Button, Input, Static

from ...guide import kind_schemas
from ...guide.secret_sources import SecretPlace, secret_name, source
from ...guide.setup import Setup
from ...guide.texts import GuideStep
from ...magento.diagnosis import Finding, Fix
from ...magento.token_shape import unlikely_length
from ...templates import Json
from ...text import shown, shown_line
from ..widgets.form import FieldSpec, FieldType, Form, FormPath, asked
from .context import GuideContext


class Continue(Button):
    """Continues while the key is handed out: what is pasted right after it belongs to the next step already."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.go_on", "Continue", show=False, priority=True, id="setup.go-on")
    ]


class StepPane(VerticalScroll, can_focus=False):
    """One step. `test` tries it on the store; a green test puts the focus on Continue."""

    step: GuideStep
    test_label = "Test"

    class Next(Message):
        """On to the next step."""

    class Changed(Message):
        """Something of the setup has changed: the head is to be drawn again."""

    @dataclass
    class FixWanted(Message):
        """The fix that a finding offers is to be applied: the step that it belongs to does."""

        fix: Fix

    def __init__(self, work: GuideContext) -> None:
        super().__init__(id=f"step-{self.step.value}")
        self.work = work
        self._finding: Finding | None = None

    @property
    def setup(self) -> Setup:
        return self.work.setup

    def trial(self) -> dict[str, Json]:
        """The profile's data as a test uses them now."""
        return self.setup.trial_data(self.work.workbench.vault.held)

    def compose(self) -> ComposeResult:
        yield from self.asked()
        yield Static("", classes="words")
        yield Static("", classes="result callout")
        yield from self.outcome()
        with Horizontal(classes="buttons"):
            yield Button("", id=f"fix-{self.step.value}", compact=True, classes="fix")
            yield Button(self.test_label, id=f"test-{self.step.value}", compact=True, classes="test")
            yield Continue("Continue", id=f"continue-{self.step.value}", compact=True, classes="continue")

    def asked(self) -> ComposeResult:
        """The fields of this step."""
        yield from ()

    def outcome(self) -> ComposeResult:
        """What a test shows besides its words."""
        yield from ()

    def begin(self) -> None:
        """The step is shown: puts the focus where the typing starts."""
        self.query_one(".continue", Button).focus()

    def choose(self, name: str) -> None:
        """Shows the part of the profile that has this name."""

    def test(self) -> None:
        """Tries the step."""

    def say(self, text: str, *, bad: bool = False) -> None:
        """The result of a test, in words; text from outside is made safe here."""
        result = self.query_one(".result", Static)
        self.put(result, text)
        result.set_class(bad, "error")
        result.set_class(text.startswith("✔"), "success")
        if text:
            self.call_after_refresh(self.query_one(".buttons").scroll_visible, animate=False)

    def explain(self, text: str) -> None:
        """The guide's words for what has the focus."""
        self.put(self.query_one(".words", Static), text)

    @staticmethod
    def put(line: Static, text: str) -> None:
        """Shows a text, made safe here; an empty one takes no room."""
        line.update(Content(shown(text)))
        line.display = bool(text)

    def found(self, finding: Finding) -> None:
        """Shows what is wrong and what to do."""
        self._finding = finding
        told = [each for each in finding.evidence[:1] if finding.summary not in each]  # a failure's is its own words
        self.say("\n  ".join([f"✘ {finding.summary}", f"→ {finding.remedy}", *told]), bad=True)
        if finding.fix is not None:
            button = self.query_one(".fix", Button)
            button.label = Content(shown_line(f"a  {finding.fix.label}"))
            button.add_class("there")
            button.focus()

    def busy(self, text: str) -> None:
        self.forget()
        self.say(f"… {text}")

    def forget(self) -> None:
        """Takes away what the last test said, and the fix it offered."""
        self._finding = None
        self.query_one(".fix", Button).remove_class("there")
        self.say("")

    @on(Button.Pressed, ".fix")
    def fix(self) -> None:
        """Has the fix that is shown applied."""
        if self._finding is not None and self._finding.fix is not None:
            self.post_message(self.FixWanted(self._finding.fix))

    def apply(self, fix: Fix) -> None:
        """Applies a fix of this step, and tests again."""

    def go_on(self) -> None:
        """A green test: Enter continues."""
        self.screen.set_focus(self.query_one(".continue", Button))
        self.post_message(self.Changed())

    @on(Button.Pressed, ".test")
    def _test_pressed(self) -> None:
        self.test()

    @on(Button.Pressed, ".continue")
    def go_to_next(self) -> None:
        """On to the next step, where nothing is missing."""
        missing = self.setup.missing(self.step)
        if missing:
            self.say(f"✘ {missing}", bad=True)
        else:
            self.post_message(self.Next())


# Forms whose edits go into the setup, on a step or over the screen.


_UNTIL_CHECKED = 0.2
"""Seconds without a key after which what was typed is checked."""


class SetupForm(Form):
    """A form on a part of the profile. What is wrong with it is said as it is typed."""

    class Changed(Message):
        """The setup has changed by it."""

    class NoStore(Message):
        """A secret was typed before the store was known, so nobody knows where it may go; it was not taken."""

    def __init__(
        self,
        work: GuideContext,
        asked: Iterable[FieldSpec],
        path: FormPath,
        *,
        data: Json = None,
        before_edit: Callable[[], None] | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """`data` stands in for what is not in the draft yet; `before_edit` puts it there."""
        there = work.setup.at(*path)
        data = there if isinstance(there, dict) else data
        super().__init__(asked, data if isinstance(data, dict) else {}, path, self._source, id=id)
        self.work = work
        self._before_edit = before_edit
        self._checking: Timer | None = None

    def on_mount(self) -> None:
        self.call_after_refresh(self.show_at_hand)

    def show_at_hand(self) -> None:
        """Shows the secrets that are at hand."""
        for path in self._secret_places():
            glimpse = self.work.glimpse(path)
            if glimpse:
                self.held(path, glimpse)

    def held(self, path: FormPath, glimpse: str) -> None:
        """Shows that a secret is at hand, and whether it is as long as Magento's are."""
        super().held(path, glimpse)
        row = self.field(str(path[-1]))
        if row is not None and self._unlikely(path):
            row.mark(f"{len(glimpse)} ✘", bad=True)

    def _unlikely(self, path: FormPath) -> str:
        """What is odd about the length of a secret that was typed for this place."""
        work = self.work
        if (
            len(path) != 3
            or path[0] != "authentications"
            or not work.workbench.vault.held(work.setup.secret_name(path))
        ):
            return ""
        kind = work.setup.at(*path[:2], "kind")
        if kind not in ("oauth1", "bearer") or (kind == "bearer" and work.setup.store is None):
            return ""  # a bearer token of another store may have any length
        return unlikely_length(str(path[-1]), len(work.glimpse(path)))

    def _secret_places(self) -> list[FormPath]:
        asked: list[FormPath] = [(*self.path, *each.path) for each in self.asked if each.sort is FieldType.SECRET]
        named = [path for path in self.work.setup.secret_paths() if path[: len(self.path)] == self.path]
        return [*asked, *named]

    def _source(self, path: FormPath, place: str) -> dict[str, Json]:
        return source(_PLACES[place], secret_name(self.work.setup.name, path))

    @on(Form.Edited)
    def _take(self, event: Form.Edited) -> None:
        event.stop()
        if self._before_edit is not None:
            self._before_edit()
        typed_each_time = event.path[-1] == "totp" and event.value == {"ask": True}
        self.work.setup.edit(event.path[:-1] if typed_each_time else event.path, event.value)
        if self._checking is not None:
            self._checking.stop()
        self._checking = self.set_timer(_UNTIL_CHECKED, self.check)
        self.post_message(self.Changed())

    @on(Form.SecretTyped)
    def _hold(self, event: Form.SecretTyped) -> None:
        event.stop()
        if not self.work.setup.base_uri:
            self.post_message(self.NoStore())
            return
        if self._before_edit is not None:
            self._before_edit()
        self.work.hold(event.path, event.value)
        self.held(event.path, self.work.glimpse(event.path))
        self.check()
        self.post_message(self.Changed())

    def check(self) -> None:
        """Says what is wrong, each at its field."""
        odd = {path: words for path in self._secret_places() if (words := self._unlikely(path))}
        self.show_problems({**odd, **self.work.setup.problems()})


_PLACES = {
    "keyring": SecretPlace.KEYRING,
    "env": SecretPlace.ENVIRONMENT,
    "ask": SecretPlace.ASK,
}


def asked_in(setup: Setup, schema: kind_schemas.Schema) -> tuple[FieldSpec, ...]:
    """What the schema of a part asks for in this profile: a client is one of those that it has."""
    return asked(kind_schemas.named(schema, setup.draft))


class FormScreen(ModalScreen[None]):
    """A form over the screen. Changes apply immediately; Esc or Done closes it, and nothing is lost."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Done", id="form.leave", priority=True),
        Binding("question_mark,f1", "app.help", "Help", show=False, id="form.help"),
    ]

    def __init__(self, work: GuideContext, title: str, about: str, schema: kind_schemas.Schema, path: FormPath) -> None:
        super().__init__()
        self._title, self._about = title, about
        self._form = SetupForm(work, asked_in(work.setup, schema), path)

    def compose(self) -> ComposeResult:
        with Vertical(id="form-over"):
            yield Static(Content(shown_line(self._title)), classes="help-title")
            yield Static(Content(shown(self._about)), classes="form-about")
            with VerticalScroll(can_focus=False):
                yield self._form
            yield Static("", classes="words")
            with Horizontal(classes="buttons"):
                yield Button("Done", compact=True, id="form-done")
                yield Static(Content("Esc: done   Tab: next   Space, ↓: change"), classes="quiet")

    def on_mount(self) -> None:
        self._form.check()
        self._form.focus_on()
        if not self._form.entries:
            self.query_one("#form-done", Button).focus()

    def on_resize(self, event: events.Resize) -> None:
        # what is around the fields: the border, the title, its words, those for the field, the button
        self.query_one(VerticalScroll).styles.max_height = max(4, event.size.height - 11)

    @on(Form.Focused)
    def _explain(self, event: Form.Focused) -> None:
        words = self.query_one(".words", Static)
        words.update(Content(shown(event.about)))
        words.display = bool(event.about)

    @on(Form.Entered)
    def _entered(self) -> None:
        self.set_focus(self.query_one("#form-done", Button))

    @on(Button.Pressed)
    def _done(self) -> None:
        self.call_after_refresh(self._close)  # what was typed just before is taken first

    def _close(self) -> None:
        self.dismiss(None)

    def action_leave(self) -> None:
        """Esc leaves the field first; it closes from outside one."""
        if isinstance(self.focused, Input):
            self.set_focus(self.query_one("#form-done", Button))
        else:
            self._done()
