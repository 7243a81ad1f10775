"""What all steps of the guide have: words, a result, a button to test and one to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static

from ..guide.steps import Setup, Step
from ..guide.workbench import Workbench
from ..magento.diagnosis import Finding
from ..profile.document import Document
from ..text import shown


@dataclass
class Work:
    """What the steps work on together."""

    setup: Setup
    workbench: Workbench
    profiles: Path
    document: Document | None = None
    path: Path | None = None
    sandbox: Mapping[str, str] = field(default_factory=dict)
    """The sandbox's values, by field, where this is the demo."""
    permitted: dict[str, bool] = field(default_factory=dict)


class StepPane(VerticalScroll, can_focus=False):
    """One step. `test` tries it on the store; a green test puts the focus on Continue."""

    step: Step
    test_label = "Test"

    class Next(Message):
        """On to the next step."""

    class Changed(Message):
        """Something of the setup has changed: the head is to be drawn anew."""

    def __init__(self, work: Work) -> None:
        super().__init__(id=f"step-{self.step.value}")
        self.work = work
        self._finding: Finding | None = None

    @property
    def setup(self) -> Setup:
        return self.work.setup

    def compose(self) -> ComposeResult:
        yield from self.asked()
        yield Static("", classes="words")
        yield Static("", classes="result")
        with Horizontal(classes="buttons"):
            yield Button(self.test_label, id=f"test-{self.step.value}", compact=True, classes="test")
            yield Button("Continue", id=f"continue-{self.step.value}", compact=True, classes="continue")

    def asked(self) -> ComposeResult:
        """The fields of this step."""
        yield from ()

    def begin(self) -> None:
        """The step is shown: puts the focus where the typing begins."""
        self.query_one(".continue", Button).focus()

    def test(self) -> None:
        """Tries the step."""

    def say(self, text: str, *, bad: bool = False) -> None:
        """The result of a test, in words; text from outside is made safe here."""
        result = self.query_one(".result", Static)
        result.update(Content(shown(text)))
        result.set_class(bad, "bad")
        result.set_class(bool(text) and not bad, "good")
        if text:
            self.call_after_refresh(self.query_one(".buttons").scroll_visible, animate=False)

    def explain(self, text: str) -> None:
        """The guide's words for what has the focus."""
        self.query_one(".words", Static).update(Content(shown(text)))

    def found(self, finding: Finding) -> None:
        """Shows what is wrong and what to do."""
        self._finding = finding
        evidence = f"\n  {finding.evidence[0]}" if finding.evidence else ""
        self.say(f"✘ {finding.summary}\n  → {finding.remedy}{evidence}", bad=True)

    def busy(self, text: str) -> None:
        self._finding = None
        self.say(f"… {text}")

    def go_on(self) -> None:
        """A green test: Enter goes on."""
        self.query_one(".continue", Button).focus()
        self.post_message(self.Changed())

    @on(Button.Pressed, ".test")
    def _test_pressed(self) -> None:
        self.test()

    @on(Button.Pressed, ".continue")
    def _continue_pressed(self) -> None:
        missing = self.setup.missing(self.step)
        if missing:
            self.say(f"✘ {missing}", bad=True)
        else:
            self.post_message(self.Next())
