"""What all steps of the guide have: words, a result, a button to test and one to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static

from ...guide.permissions import NOTHING_KNOWN, Permissions
from ...guide.secret_sources import SecretPlace, is_source, source
from ...guide.setup import Setup
from ...guide.words import Step
from ...guide.workbench import Workbench
from ...magento.diagnosis import Finding, Fix
from ...placeholder import Json
from ...profile.model import Path as Place
from ...text import shown, shown_line


@dataclass
class Work:
    """What the steps work on together."""

    setup: Setup
    workbench: Workbench
    profiles: Path
    path: Path | None = None
    sandbox: Mapping[str, str] = field(default_factory=dict)
    """The sandbox's values, by field, where this is the demo."""
    permissions: Permissions = NOTHING_KNOWN
    """What the last green test found the token to be allowed."""
    draft_key: str = field(default_factory=lambda: token_hex(8))
    """What it is kept under while it is not saved."""
    resumed: bool = False
    """It was left before, and what was typed then as a secret is gone."""

    def hold(self, path: Place, value: str) -> None:
        """Keeps a typed secret for this session, for the place in the profile that names it."""
        setup = self.setup
        if not is_source(setup.at(*path)):
            setup.edit(path, source(SecretPlace.KEYRING, setup.secret_name(path)))
        self.workbench.vault.hold(setup.secret_name(path), value, setup.origin_for(path))
        setup.proven = False

    def glimpse(self, path: Place) -> str:
        """What may be shown of the secret for this place, where it is at hand: of a password, how long it is."""
        found = self.workbench.vault.glimpse(self.setup.secret_name(path))
        return "•" * len(found) if path[-1] in _NEVER_SHOWN else found


_NEVER_SHOWN = ("password", "totp", "client-key-password")


class Continue(Button):
    """Goes on while the key is handed out: what is pasted right behind it belongs to the next step already."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.go_on", "Continue", show=False, priority=True, id="setup.go-on")
    ]


class StepPane(VerticalScroll, can_focus=False):
    """One step. `test` tries it on the store; a green test puts the focus on Continue."""

    step: Step
    test_label = "Test"

    class Next(Message):
        """On to the next step."""

    class Changed(Message):
        """Something of the setup has changed: the head is to be drawn anew."""

    @dataclass
    class FixWanted(Message):
        """The fix that a finding offers is to be applied: the step that it belongs to does."""

        fix: Fix

    def __init__(self, work: Work) -> None:
        super().__init__(id=f"step-{self.step.value}")
        self.work = work
        self._finding: Finding | None = None

    @property
    def setup(self) -> Setup:
        return self.work.setup

    def trial(self) -> dict[str, Json]:
        """The profile's data as a test uses them now."""
        return self.setup.trial(self.work.workbench.vault.held)

    def compose(self) -> ComposeResult:
        yield from self.asked()
        yield Static("", classes="words")
        yield Static("", classes="result")
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
        """The step is shown: puts the focus where the typing begins."""
        self.query_one(".continue", Button).focus()

    def choose(self, name: str) -> None:
        """Shows the part of the profile that has this name."""

    def test(self) -> None:
        """Tries the step."""

    def say(self, text: str, *, bad: bool = False) -> None:
        """The result of a test, in words; text from outside is made safe here."""
        result = self.query_one(".result", Static)
        self.put(result, text)
        result.set_class(bad, "bad")
        result.set_class(bool(text) and not bad, "good")
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
            button.label = Content(shown_line(f"a  {finding.fix.words}"))
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
        """A green test: Enter goes on."""
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
