"""The base of the guide's steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content, Span
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from ...guide.steps.methods import METHODS, GuideStep
from ...guide.steps.setup import Setup
from ...magento.diagnosis import Finding, Fix
from ...text import beginning, shown, shown_line
from .. import typed_words
from .._textual import remove_read_notifications, reply
from ..keys import is_on_top, keys_of
from ..log.dock import LogDock
from ..unused_keys import name_of
from ..widgets.choice import Choice
from ..widgets.focus_moves import move_or_say
from ..widgets.form_field import FormPath
from ..widgets.frame import TONES
from ..widgets.prose import Prose, show_text
from .context import GuideContext
from .results import PartValues


@dataclass(frozen=True, slots=True)
class Correction:
    """Where what was refused is corrected, as a button says it: a field of this step, or another step."""

    title: str
    step: GuideStep | None = None

    @property
    def action(self) -> str:
        """The id of the key that leads there."""
        return "setup.edit" if self.step is None else f"setup.jump-{self.step.value}"


def to_step(step: GuideStep) -> Correction:
    """What was refused is corrected in this step."""
    return Correction(f"Go to step {step.value}", step)


class Continue(Button):
    """Continues while the key is dispatched: what is pasted right after it belongs to the next step."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.go_on", "Continue", show=False, priority=True, id="setup.go-on")
    ]


class StepPane(VerticalScroll, can_focus=False):
    """One step: fields, a hint, the result of its test, and buttons. A successful test focuses Continue."""

    step: GuideStep
    test_label = "Test"
    continue_label = "Continue"
    _typed_over = (0, 0.0)
    """The letters of the word that is being typed where letters are keys, and when the last one came.

    Its next letters do nothing, until a pause or another key.
    """
    result_is_above: ClassVar[bool] = False
    """Whether the result is shown among the fields, next to the one that was tested."""

    class Next(Message):
        """Go to the next step."""

    class Changed(Message):
        """The setup has changed."""

    @dataclass
    class StepWanted(Message):
        """Go to this step, where what was refused is corrected."""

        step: GuideStep

    @dataclass
    class FixWanted(Message):
        """Apply the fix of a finding, at the step that it belongs to."""

        fix: Fix

    def __init__(self, work: GuideContext) -> None:
        super().__init__(id=f"step-{self.step.value}")
        self.work = work
        self._finding: Finding | None = None
        self._correction: Correction | None = None
        self._said = self._said_missing = ""
        self._said_about: PartValues | None = None
        """The result that it shows, with what is missing, and the values that it is about."""
        self._busy = self._progress = ""
        self._since = 0.0
        self._counting: Timer | None = None
        """What the step waits for, how far that is, since when (monotonic seconds), and the timer of its seconds."""
        self._has_passed = self._goes_on = False
        """Whether the result is that of a test that was passed, and whether Enter was pressed during the test."""

    @property
    def setup(self) -> Setup:
        return self.work.setup

    def compose(self) -> ComposeResult:
        yield from self.compose_fields()
        yield Static("", classes="words")
        if not self.result_is_above:
            yield from self.compose_result()
        yield from self.outcome()
        with Horizontal(classes="buttons"):
            yield from self.first_buttons()
            yield Button(self.test_label, id=f"test-{self.step.value}", compact=True, classes="test")
            yield Continue(self.continue_label, id=f"continue-{self.step.value}", compact=True, classes="continue")

    def first_buttons(self) -> ComposeResult:
        """Buttons before that of the test."""
        yield from ()

    def compose_fields(self) -> ComposeResult:
        """The fields of this step."""
        yield from ()

    def compose_result(self) -> ComposeResult:
        """The result of a test, where it is corrected, and its fix."""
        yield Static("", classes="result callout")
        yield Button("", id=f"correct-{self.step.value}", compact=True, classes="correct")
        yield Button("", id=f"fix-{self.step.value}", compact=True, classes="fix")
        yield Static("", classes="evidence")

    def outcome(self) -> ComposeResult:
        """Widgets for the outcome of a test, besides the result line."""
        yield from ()

    def begin(self) -> None:
        """Called when the step is shown; focuses the field to fill in, or the buttons where nothing is missing."""
        self.focus_buttons()

    @property
    def complete(self) -> bool:
        """Whether the step was tested or saved, so that Enter continues."""
        return not self.setup.missing(self.step)

    def focus_buttons(self) -> None:
        """Focuses a button, so that letters are keys: Continue where the step is complete, else the test."""
        self.screen.set_focus(self.query_one(".continue" if self.complete else ".test", Button))

    def on_key(self, event: events.Key) -> None:
        """↓ and ↑ go to the next and previous field, list or button, and stop at the ends."""
        if event.key in ("down", "up") and move_or_say(self, event.key):
            event.stop()
        elif event.key == "space" and isinstance(self.screen.focused, Button):
            reply(self.app, "Enter presses the button.")
            return
        elif event.is_printable and not self.is_in_use:
            self._read_letter(event)
            return
        elif event.key == "enter" and isinstance(self.screen.focused, Button) and self.ends_word(event.time):
            event.stop()
            event.prevent_default()
        self.end_word()

    def end_word(self) -> None:
        """Makes letters keys again, after a word was typed where they are: called when another key is pressed."""
        self._typed_over = 0, 0.0

    def _letters_typed_over(self, time: float) -> int:
        """The letters so far of the word that a key belongs to which was pressed at this time."""
        letters, last = self._typed_over
        return letters if time - last <= typed_words.PAUSE else 0

    def ends_word(self, time: float) -> bool:
        """Whether Enter, pressed at this time, ends a word that was typed where letters are keys.

        Then it presses no button, and says so. One letter is no word.
        """
        ended = self._letters_typed_over(time) > 1
        self.end_word()
        if ended:
            words = f"Enter did nothing: it ended the word that you typed. {self.where_to_type}"
            reply(self.app, words.strip())
        return ended

    def _read_letter(self, event: events.Key) -> None:
        """Lets a letter be a key, unless one without an action came before it: that is a word, meant for a field."""
        bound = self.screen.active_bindings.get(event.key)
        letters = self._letters_typed_over(event.time)
        if bound is None:
            self._typed_over = letters + 1, event.time
            if not isinstance(self.screen.focused, Choice):  # which says it
                reply(self.app, f"Letters are keys here: ? lists them. {self.where_to_type}".strip())
        elif letters and bound.binding.id != "app.help":
            self._typed_over = letters + 1, event.time
            event.stop()
            event.prevent_default()
            letter = event.character
            words = f"{letter} did nothing, as part of the word that you typed. Esc, then {letter}, is the key."
            reply(self.app, words)

    @property
    def has_fields(self) -> bool:
        """Whether there is a field to edit."""
        return False

    @property
    def where_to_type(self) -> str:
        """How to get to a field, for whoever has typed outside one."""
        field = self.field_to_edit
        return f"e goes to {name_of(field)}." if field is not None else ""

    @property
    def field_to_edit(self) -> Widget | None:
        """The field that e goes to: a wrong one, a missing one, or the first; None where it opens a form."""
        return None

    def key_to(self, part: Widget) -> str:
        """The label of the key that leads to this part of the step; "" where none does."""
        field = self.field_to_edit
        is_there = field is not None and part in field.ancestors_with_self
        return keys_of(self.screen, "setup.edit")[0] if is_there else ""

    def edit_field(self) -> None:
        """Focuses the field to edit."""
        if self.field_to_edit is not None:
            self.screen.set_focus(self.field_to_edit)

    @property
    def has_fix(self) -> bool:
        """Whether a fix is offered."""
        return self._finding is not None and self._finding.fix is not None

    def choose(self, name: str) -> None:
        """Selects the part of the profile with this name."""

    def open_form(self, name: str, at: FormPath = ()) -> None:
        """Opens the form of this part, at this field; where the step itself is the form, selects it."""
        self.choose(name)
        self.explain("e: edit, ↑↓: field · t: test · s: show what changes, again: save it · q: close")

    @property
    def path_here(self) -> FormPath:
        """The key of the profile at the focus; empty for the profile as a whole."""
        return ()

    def add_part(self) -> None:
        """Starts to add a part."""

    def test(self) -> None:
        """Tests the step."""

    def say(self, text: str, *, bad: bool = False) -> None:
        """Shows the result of a test; external text is sanitised here."""
        if self._counting is not None:
            self._counting.stop()
        self._busy, self._progress, self._counting, self._said_missing = "", "", None, ""
        self._has_passed = False
        self._show_result(text, bad=bad)
        self._offer(None)
        self.put(self.query_one(".evidence", Static), "")
        if text and text != self._said:
            self.call_after_refresh(self._scroll_to_result)
        self._said, self._said_about = text, self.work.values_sent()

    def _scroll_to_result(self) -> None:
        """Scrolls no further than to what to do, and its key; the details below can be scrolled to.

        The field to correct is shown with them, where there is room.
        """
        if self._correction is not None and self._correction.step is None and (field := self.field_to_edit) is not None:
            self.scroll_to_widget(field, animate=False, immediate=True)
        for each in (".result", ".correct.there", ".fix.there"):
            for widget in self.query(each):
                self.scroll_to_widget(widget, animate=False, immediate=True)
        self._show_whole_text()

    def place_result(self, before: str) -> None:
        """Moves the result of a test, and where it is corrected, to before this child."""
        for each in (".result", ".correct", ".fix", ".evidence"):
            self.move_child(self.query_one(each), before=self.query_one(before))

    def _show_whole_text(self) -> None:
        """Scrolls so that no text is cut at the top, and the result begins with its first line."""
        for text in self.query(Static):
            inside = [text, *(each for each in text.ancestors if self in each.ancestors)]
            start = sum(each.virtual_region.y for each in inside if isinstance(each, Widget))
            end = start + text.virtual_region.height
            if text.display and start < self.scroll_y < end:
                is_kept = text.has_class("result") or end > self.max_scroll_y
                self.scroll_to(y=start if is_kept else end, animate=False, immediate=True)
                return

    def forget_outdated(self) -> None:
        """Clears a refusal that was about other values: called when the step is shown again."""
        if self._said.startswith(("✘", "!")) and self._said_about != self.work.values_sent():
            self.forget()

    def _show_result(self, text: str, *, bad: bool = False) -> None:
        result = self.query_one(".result", Static)
        safe = shown(text)
        show_text(result, Prose(Content(safe, list(_result_spans(safe)))))
        result.display = bool(text)
        result.set_class(bad, "error")
        result.set_class(text.startswith("✔"), "success")
        result.set_class(text.startswith("!"), "warning")

    def explain(self, text: str) -> None:
        """Shows the hint for what has the focus."""
        self.put(self.query_one(".words", Static), text)

    @staticmethod
    def put(line: Static, text: str) -> None:
        """Shows a text, sanitised here; hides the line where it is empty."""
        show_text(line, Prose(Content(shown(text))))
        line.display = bool(text)

    def refused(self) -> Finding | None:
        """Why the last test has refused what the step shows, as it is now; None where it has not."""
        return None

    def refusal(self) -> str:
        """Why the step has ✘; "" where it has none, or says why at a field."""
        finding = self.refused()
        return words_of(finding) if finding is not None else ""

    def show_refusal(self) -> None:
        """Shows why the step has ✘, where the result of a test does not: called when the step is shown."""
        if not self._said and (words := self.refusal()):
            self._show_finding(self.refused(), words)

    def found(self, finding: Finding) -> None:
        """Shows a finding, where it is corrected, and its fix. Letters are keys afterwards: each has one."""
        self._show_finding(finding, words_of(finding))
        self.focus_next(self.query_one(self.first_button(finding), Button))

    def first_button(self, finding: Finding) -> str:
        """The selector of the button that Enter presses after this finding: what most people want, and is harmless."""
        return ".fix" if self.has_fix else ".test"

    def _show_finding(self, finding: Finding | None, words: str) -> None:
        self._finding = finding
        self.say(words, bad=True)
        if finding is not None:
            self._offer(self.way_to_correct(finding))
            self.put(self.query_one(".evidence", Static), details_of(finding))
        if finding is not None and finding.fix is not None:
            button = self.query_one(".fix", Button)
            button.label = Content.assemble(("a", "bold"), f"  {shown_line(finding.fix.label)}")
            button.add_class("there")
        self.screen.refresh_bindings()

    def refuse(self, words: str, way: Correction | None = None) -> None:
        """Says why nothing was done, and offers to go to what is to be corrected. Letters are keys afterwards."""
        self.say(words, bad=words.startswith("✘"))
        self._offer(way)
        self.screen.set_focus(self.query_one(".test" if way is None else ".correct", Button))

    def _offer(self, way: Correction | None) -> None:
        """Shows the button that leads to what is to be corrected; hides it if there is nothing."""
        self._correction, button = way, self.query_one(".correct", Button)
        if way is not None:
            key = keys_of(self.screen, way.action)[:1]
            button.label = Content.assemble((f"{key[0]}  " if key else "", "bold"), shown_line(way.title))
        elif button.has_focus:  # which would go to whatever is next
            self.screen.set_focus(self.query_one(".test", Button))
        button.set_class(way is not None, "there")

    @on(Button.Pressed, ".correct")
    def _correct(self) -> None:
        if self._correction is not None and self._correction.step is not None:
            self.post_message(self.StepWanted(self._correction.step))
        elif self._correction is not None:
            self.edit_field()

    def way_to_correct(self, finding: Finding) -> Correction | None:
        """Where the setting that this finding names is corrected; None if it names none."""
        step = _STEP_OF_SETTING.get(finding.field, self.step)
        return to_step(step) if step is not self.step else None

    def busy(self, text: str) -> None:
        """Shows what the step waits for, with the seconds. Meanwhile, letters are keys, and change no field.

        The log follows the newest request again: the one that is sent now is wanted, not one that was looked at.
        """
        self.forget()
        self.end_word()
        remove_read_notifications(self.app)
        if isinstance(self.screen, LogDock):
            self.screen.log_panel.view.action_follow()
        if self.is_in_use:
            self.screen.set_focus(self.query_one(".test", Button))
        self.say(f"… {text}")
        self._busy, self._since = text, monotonic()
        self._counting = self.set_interval(1, self._show_wait)

    def report(self, progress: str) -> None:
        """Shows how far what the step waits for has come."""
        self._progress = progress
        self._show_wait()
        self.call_after_refresh(self._scroll_to_result)

    def _show_wait(self) -> None:
        """Shows what the step waits for, how far that is, what follows, and the seconds."""
        follows = f", then step {self.step + 1}" if self._goes_on else ""
        seconds = int(monotonic() - self._since)
        waits = f"… {self._busy}{follows}{f' · {seconds} s' if seconds else ''}"
        if not is_on_top(self.screen):
            waits = "… waiting for your answer"
        self._show_result("\n".join(filter(None, [self._progress, waits])))

    def forget(self) -> None:
        """Clears the result of the last test and its fix."""
        self._goes_on = False
        self._finding, fix = None, self.query_one(".fix", Button)
        if fix.has_focus:  # which would go to whatever is next
            self.screen.set_focus(self.query_one(".test", Button))
        fix.remove_class("there")
        self.screen.refresh_bindings()
        self.say("")

    @on(Button.Pressed, ".fix")
    def fix(self) -> None:
        """Requests to apply the fix that is shown."""
        if self._finding is not None and self._finding.fix is not None:
            self.post_message(self.FixWanted(self._finding.fix))

    def apply(self, fix: Fix) -> None:
        """Applies a fix of this step, and tests again."""

    @property
    def is_in_use(self) -> bool:
        """Whether the user types or chooses in this step: a result that arrives leaves the focus there."""
        focused = self.screen.focused
        return isinstance(focused, Input | TextArea) and self in focused.ancestors

    def focus_next(self, widget: Widget) -> None:
        """Focuses what is used after a result, unless the user has gone to a field meanwhile."""
        if not self.is_in_use:
            self.screen.set_focus(widget)

    def go_on(self, *, warned: bool = False) -> None:
        """Focuses Continue after a successful test; goes on if Enter was pressed meanwhile, unless there is a warning.

        Whoever has left the button of the test since stays where they are.
        """
        goes_on = self._goes_on and not warned and is_on_top(self.screen) and self.query_one(".test").has_focus
        self._has_passed, self._goes_on = True, False
        self.focus_next(self.query_one(".continue", Button))
        self.post_message(self.Changed())
        if goes_on:
            self.go_to_next()

    @property
    def is_testing(self) -> bool:
        """Whether the values that are shown are being tested, and the step can be left once they are accepted."""
        return False

    def start_test(self) -> None:
        """Tests the step, once its fields have handled what was typed."""

    def enter(self) -> None:
        """Enter in a field or on the button: tests the step, or goes on where that is done or being done."""
        if self.is_testing:
            self._goes_on = True
            self._show_wait()
            self.screen.set_focus(self.query_one(".test", Button))
        elif self._has_passed:
            self.go_to_next()
        else:
            self.start_test()

    @on(Button.Pressed, ".test")
    def _test_pressed(self) -> None:
        if self.is_testing:
            self.enter()
        elif not self._busy:
            self.test()

    @on(Button.Pressed, ".continue")
    def go_to_next(self) -> None:
        """Goes to the next step, unless something is missing."""
        if self.check_complete():
            self.post_message(self.Next())

    def check_complete(self) -> bool:
        """Whether nothing is missing in this step; otherwise shows what is."""
        missing = self.setup.missing(self.step)
        if missing:
            self.say("\n  ".join(filter(None, [f"✘ {missing}", self.way_on])), bad=True)
            self._said_missing = missing
        return not missing

    @property
    def way_on(self) -> str:
        """What leads to the next step although this one is not complete; "" where that makes no sense."""
        return ""

    def forget_done(self) -> None:
        """Clears what was missing, and no longer is: called after each change."""
        if self._said_missing and self.setup.missing(self.step) != self._said_missing:
            self.say("")


_STEP_OF_SETTING = {
    "address": GuideStep.BASICS,
    "store-view": GuideStep.BASICS,
    "authentication": GuideStep.AUTHENTICATION,
    "applied": GuideStep.AUTHENTICATION,
    "totp": GuideStep.AUTHENTICATION,
    **dict.fromkeys((field.name for method in METHODS.values() for field in method.fields), GuideStep.AUTHENTICATION),
}
"""Where a setting that a finding names is corrected, unless it belongs to the part that was tested."""

_SUMMARY = 200
"""Characters of a summary, which may repeat what a store says, above what to do about it."""


def words_of(finding: Finding) -> str:
    """What is wrong, and what to do."""
    remedy = [f"→ {finding.remedy}"] if finding.remedy else []
    summary = finding.summary if len(finding.summary) <= _SUMMARY else f"{beginning(finding.summary, _SUMMARY)}…"
    return "\n  ".join([f"✘ {summary}", *remedy])


def details_of(finding: Finding) -> str:
    """What is less urgent than what to do: the response, and the rest of a long summary."""
    whole = [finding.summary] if len(finding.summary) > _SUMMARY else []
    # the evidence of a failure may repeat the summary
    return "\n".join([*whole, *(each for each in finding.evidence[:1] if finding.summary not in each)])


_LINE_STYLES = {
    "✔": TONES["success"],
    "✘": TONES["error"],
    "!": TONES["warning"],
    "…": TONES["muted"],
    "–": TONES["muted"],
}


def _result_spans(text: str) -> Iterator[Span]:
    """The styles of the lines of a result, by their first character."""
    start = 0
    for line in text.split("\n"):
        if style := _LINE_STYLES.get(line.lstrip()[:1]):
            yield Span(start, start + len(line), style)
        start += len(line) + 1
