"""The screen of the guide: its steps, their keys, and the live log below."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import ClassVar, Literal

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, ContentSwitcher, Static

from ...client.exchange import Exchange
from ...client.message import Request, Response
from ...guide.checks.permissions import boxes_text, chosen
from ...guide.requests.resend import NewRequests, resend, variables_to_set
from ...guide.steps.methods import STEP_OF, TITLES, GuideStep, in_magento
from ...guide.workbench import profile_of
from ...profile.model import ModelPath, Profile
from ...profile.problems import check_data
from ...text import PublicText, public, shown, shown_line
from .._textual import reply
from ..clipboard import copy
from ..exit import lost_secrets
from ..keys import letter_bindings
from ..log.dock import LogDock
from ..log.panel import LogPanel
from ..log.sending import LogContext
from ..text_jumps import AS_TEXT, TextHolder, show_in_text
from ..viewed import ViewedProfile
from ..widgets.form_field import FormField, FormPath
from ..widgets.frame import TONES, KeyFooter, ScreenHeader
from ..widgets.prose import Prose, show_text
from ..widgets.questions import UnsavedScreen, WorkAnswer
from ..widgets.secret import SecretInput
from .authentication import AuthenticationPane
from .authentication_fields import guide_fields
from .basics import BasicsPane
from .context import GuideContext
from .draft_writer import DraftWriter
from .incoming import IncomingPane
from .outgoing import OutgoingPane
from .save import SavePane
from .step import StepPane

_PANES: tuple[type[StepPane], ...] = (BasicsPane, AuthenticationPane, IncomingPane, OutgoingPane, SavePane)
"""Each is mounted when its step is shown first: to mount all of them takes longer than the rest of the screen."""

_PATIENCE = 3.0
"""Seconds after which the user is told that the keyring is slow."""

_FIXED_AT = {
    "address": GuideStep.BASICS,
    "store-view": GuideStep.BASICS,
    "authentication": GuideStep.AUTHENTICATION,
    "applied": GuideStep.AUTHENTICATION,
    "one-time-code": GuideStep.AUTHENTICATION,
    "signed-origin": GuideStep.AUTHENTICATION,
    "dialect": GuideStep.AUTHENTICATION,
    "login": GuideStep.AUTHENTICATION,
    "page-size": GuideStep.INCOMING,
}


def _step_of(path: ModelPath) -> GuideStep | None:
    """The step that sets up what is at this path of the profile."""
    return next((step for family, step in STEP_OF.items() if path[:1] == (family,)), None)


_TONES = {"✔": "success", "✘": "error", "●": "accent", "◐": "", "–": "muted", "○": "muted"}
MARKS = "● this step · ✔ tested (5: saved) · ◐ set up, not tested here · – skipped · ○ open · ✘ invalid or refused"
"""What the marks of the steps mean."""


def stepper(marks: Mapping[GuideStep, str], current: GuideStep) -> Content:
    """The steps on one line, the current one bold."""
    parts: list[tuple[str, str]] = []
    for step in GuideStep:
        style = TONES.get(_TONES[marks[step]], "") + (" bold" if step is current else "")
        parts += [(" ── ", TONES["muted"])] if parts else []
        parts.append((f"{marks[step]} {step.value} {TITLES[step].partition(' (')[0]}", style))
    return Content.assemble(" ", *parts)


class SetupScreen(LogDock, TextHolder):
    """Five steps, each tested against the store as it goes."""

    @dataclass
    class Finished(Message):
        """The profile is saved, and the user went on from the last step."""

        path: Path

    @dataclass
    class TextWanted(Message):
        """The guide was left for the text of its profile, at this key."""

        path: Path
        key: FormPath

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="setup.leave", priority=True),
        *letter_bindings("a", "fix", "Apply the fix", "setup.fix", "f6", show=True),
        *letter_bindings("u", "use_sandbox", "Demo values", "setup.use-sandbox", "f9", show=True),
        *letter_bindings("t", "test", "Test", "setup.test", "f5", "ctrl+r", show=True),
        *letter_bindings("n", "next", "Next", "setup.next", "f8", show=True),
        *letter_bindings("s", "save", "Save", "setup.save", "ctrl+s", show=True),
        *letter_bindings("l", "zoom", "Log", "setup.log", "ctrl+l", "f2", show=True),
        *letter_bindings("p", "previous", "Back", "setup.previous", "f7", show=True),
        Binding("e", "edit", "Edit", id="setup.edit"),
        Binding("ctrl+g", "as_text", "As text", show=False, id="setup.as-text", priority=True, tooltip=AS_TEXT),
        *letter_bindings("c", "copy_boxes", "Copy the resources to tick", "setup.copy-boxes", "f3"),
        *letter_bindings("y", "copy", "Copy as curl", "setup.copy"),
        *letter_bindings("q", "back", "Close", "setup.back", "f10", show=True),
        *(
            Binding(str(step.value), f"jump({step.value})", TITLES[step], show=False, id=f"setup.jump-{step.value}")
            for step in GuideStep
        ),
    ]

    def __init__(
        self,
        work: GuideContext,
        step: GuideStep = GuideStep.BASICS,
        part: str = "",
        begin_with: Literal["step", "form", "add"] = "step",
        at: FormPath = (),
    ) -> None:
        """`begin_with`: the step with `part` selected, the form of `part` at a field, or adding another part."""
        super().__init__()
        self._begin_with, self._at = begin_with, at
        self.work = work
        self.viewed = ViewedProfile(work.path, None) if work.path is not None else None
        self._step, self._part = step, part
        self._draft_writer = DraftWriter(work)
        self._pane_lock = asyncio.Lock()
        self._asked_keyring = False

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield Static("", id="stepper")
        with Horizontal(id="middle"):
            with (
                Vertical(id="form", classes="panel -active"),
                ContentSwitcher(id="panes", initial=f"step-{self._step.value}"),
            ):
                yield self._new_pane(self._step)
            side = VerticalScroll(Static("", id="store-words"), id="store-side", classes="panel", can_focus=False)
            side.border_title = "In Magento"
            yield side
        yield LogPanel(self.work.workbench.exchanges, self._log_context(), id="log")
        yield KeyFooter()

    def _new_pane(self, step: GuideStep) -> StepPane:
        return next(pane for pane in _PANES if pane.step is step)(self.work)

    def _log_context(self) -> LogContext:
        """The context of the log; requests are resent with the current setup."""
        work = self.work

        def profile() -> Profile:
            return profile_of(work.data_with_typed())

        async def send(exchange: Exchange, request: Request) -> Response:
            of_client = profile_of(work.data_with_typed(), [("clients", exchange.client)])
            return await resend(work.workbench, of_client, exchange, request)

        def named_profile() -> Profile | None:
            """As a shell has it, which knows nothing of what was typed here."""
            return check_data(work.setup.draft)[0]

        machine = work.workbench.machine
        return LogContext(
            machine,
            lambda: work.path.stem if work.path else None,
            send,
            NewRequests(work.workbench, profile),
            unset=lambda client: variables_to_set(machine, work.path, named_profile, client),
            history=lambda: work.workbench.history_keeps,
        )

    async def on_mount(self) -> None:
        # before the first paint, so that an immediate paste has its field
        await self.go_to(self._step)
        if self.work.lacks_secrets and self._step is not GuideStep.AUTHENTICATION:
            note = "! Drafts contain no secrets. Enter them again in step 2 (Esc 2)."
            self.pane.say("\n".join(filter(None, [note, self.pane.refusal()])))
        if self._begin_with == "add":
            self.pane.add_part()
        elif self._part and self._begin_with == "form":
            self.pane.open_form(self._part, self._at)
        elif self._part:
            self.pane.choose(self._part)

    def resized(self) -> None:
        self._fit()
        self._draw()

    def _fit(self) -> None:
        """Leaves the log what steps without a list or a file do not need, and the file that is saved what it needs.

        A class would style all widgets again.
        """
        middle, is_wide = self.query_one("#middle"), self.has_class("wide")
        brief = self._step in (GuideStep.BASICS, GuideStep.AUTHENTICATION)
        middle.styles.max_height = 24 if brief and is_wide else None
        shows_file = self._step is GuideStep.SAVE and is_wide
        middle.styles.height = "12fr" if shows_file else None
        self.log_panel.styles.min_height = 6 if shows_file else None

    def begin(self) -> None:
        self.pane.begin()

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        """Only widgets of the current step take the focus; a slow test of another step may end later."""
        of_step = next((each for each in widget.ancestors if isinstance(each, StepPane)), None) if widget else None
        if of_step is None or of_step.step is self._step:
            super().set_focus(widget, scroll_visible, from_app_focus)

    @property
    def pane(self) -> StepPane:
        return self.query_one(f"#step-{self._step.value}", StepPane)

    async def go_to(self, step: GuideStep) -> None:
        """Shows this step and ends the zoom of the log. Once it returns, keys and pastes reach the step's fields."""
        panes = self.query_one("#panes", ContentSwitcher)
        async with self._pane_lock:
            if not panes.query(f"#step-{step.value}"):
                await panes.add_content(self._new_pane(step))
        self.remove_class("zoomed")
        self._step = step
        panes.current = f"step-{step.value}"
        self.pane.forget_outdated()
        self.pane.end_word()
        self._fit()
        self._changed()
        self.pane.begin()
        self.pane.show_refusal()
        self.refresh_bindings()

    @on(SavePane.Merged)
    async def _show_merged(self) -> None:
        """Shows the other steps from the start once they are needed: their fields have what was there before."""
        async with self._pane_lock:
            for pane in [*self.query(StepPane)]:
                if pane is not self.pane:
                    await pane.remove()
        self._changed()

    @on(StepPane.Changed)
    def _changed(self) -> None:
        self.pane.forget_done()
        self._draw()
        self._save_draft_soon()

    @work
    async def _save_draft_soon(self) -> None:
        problem = await self._draft_writer.save_soon(self._step)
        if problem:
            self.notify(shown_line(f"The draft could not be saved: {problem}"), severity="warning", markup=False)
        if self.work.setup.authenticated and not self._asked_keyring and self._holds_secrets():
            self._asked_keyring = True
            await self._ask_keyring()

    def _holds_secrets(self) -> bool:
        """Whether saving will write to the keyring."""
        return any(map(self.work.workbench.vault.held, self.work.setup.keyring_names()))

    async def _ask_keyring(self) -> None:
        """Says if the keyring does not respond. If it cannot be used, step 2 says so before anything is typed."""
        waiting = self.set_timer(_PATIENCE, self._say_keyring_is_slow)
        await self.work.workbench.vault.state(writing=False)
        waiting.stop()

    def _say_keyring_is_slow(self) -> None:
        self.pane.explain(
            "The keyring has not responded yet. Is a window waiting for its password? You can continue meanwhile."
        )

    def unsaved_work(self) -> str:
        title, said = self.work.setup.title, []
        if self._draft_writer.unsaved:
            said.append(f"The setup of {title} is not saved. It is kept as a draft, listed on the home screen.")
        if names := self._secrets_only_here():
            said.append(lost_secrets(len(names), title, names))
        return "\n".join(said)

    def _secrets_only_here(self) -> list[str]:
        """The names of the secrets that quitting would lose, with those that are being typed."""
        names = [str(path[-1]) for path in self.work.secrets_only_here()]
        for each in self.app.screen.query(SecretInput):
            row = next((above for above in each.ancestors if isinstance(above, FormField)), None)
            if each.value and row is not None:
                names.append(row.spec.name)
        return list(dict.fromkeys(names))

    def _unsaved_secrets(self) -> str:
        """The names of the secrets of the keyring that have new values here."""
        return ", ".join(str(path[-1]) for path in self.work.unsaved_secrets())

    def before_exit(self) -> None:
        self._draft_writer.save(self._step)
        self.work.workbench.end_history()

    def _draw(self) -> None:
        setup = self.work.setup
        wrong = {step for path in setup.problems() if (step := _step_of(path)) is not None}
        if setup.sample_problems():
            wrong.add(GuideStep.OUTGOING)
        if not setup.base_uri:  # the address comes from the test
            wrong -= {GuideStep.BASICS}
        wrong |= {GuideStep.BASICS} if setup.typed_view is not None else set()
        wrong |= {GuideStep.SAVE} if setup.typed_name is not None else set()
        marks = {step: self._mark(step, wrong) for step in GuideStep}
        state = (
            []
            if self.has_class("wide")
            else [(f"{marks[step]}{step.value} ", _TONES[marks[step]]) for step in GuideStep]
        )
        unsaved = self.work.has_unsaved
        saving = ("changed", "warning") if unsaved else ("saved", "success")
        if not setup.saved:
            saving = ("not saved", "muted")
        address = setup.shown_address or "no address yet"
        self.query_one(ScreenHeader).show(setup.title, address, [*state, saving])
        self.query_one("#form").border_title = Content(f"{self._step.value} {TITLES[self._step]}")
        self.query_one("#stepper", Static).update(stepper(marks, self._step), layout=False)
        show_text(self.query_one("#store-words", Static), Prose(Content(shown(self._store_side()))))

    def _mark(self, step: GuideStep, wrong: set[GuideStep]) -> str:
        """The mark of a step; `wrong` are those whose parts of the profile are invalid."""
        work, setup = self.work, self.work.setup
        if step is self._step:
            return "●"
        if step in wrong:
            return "✘"
        family, part = {
            GuideStep.BASICS: ("clients", setup.client),
            GuideStep.AUTHENTICATION: ("authentications", setup.authentication),
        }.get(step, ("", ""))
        if family and work.refusal(family, part):
            return "✘"
        accepted = setup.authenticated and work.is_tested("authentications", setup.authentication)
        match step:
            case GuideStep.BASICS:
                is_set, is_done = not setup.missing(step), setup.store is not None or accepted
            case GuideStep.AUTHENTICATION:
                is_set, is_done = setup.has_authentication and not work.lacks_secrets, accepted
            case GuideStep.INCOMING | GuideStep.OUTGOING:
                family = step.name.lower()
                names = setup.table(family)
                if any(work.refusal(family, name) for name in names):
                    return "✘"
                is_set, is_done = bool(names), all(work.is_tested(family, name) for name in names)
            case GuideStep.SAVE:
                is_set = is_done = setup.saved and not work.has_unsaved
        if is_set:
            return "✔" if is_done else "◐"
        return "–" if step in work.skipped else "○"

    def _store_side(self) -> PublicText:
        """What to click in Magento, for this step."""
        words = [*in_magento(self._step, self.work.setup.auth_kind)]
        if self._step not in (GuideStep.BASICS, GuideStep.SAVE) and (boxes := self._boxes()):
            copies = PublicText("\nc copies this (in a field: F3).")
            words.append(public(PublicText("\nFor this setup: "), boxes, copies))
        if self.work.sandbox and self._step is GuideStep.AUTHENTICATION:
            words.append(PublicText("\nThis sandbox's values (u fills them in; in a field: F9)"))
            values = {each.title: self.work.sandbox.get(each.name) for each in guide_fields(self.work.setup)}
            words += [public(title, PublicText(": "), value) for title, value in values.items() if value is not None]
        return PublicText("\n".join(words))

    def _boxes(self) -> str:
        """The resources to tick in Magento for the configurations; empty where none is needed."""
        setup = self.work.setup
        reads, sends = chosen(setup.incoming, setup.outgoing)
        return boxes_text(reads, sends, setup.auth_kind) if reads or sends else ""

    async def action_go_on(self) -> None:
        """Enter on Continue."""
        if not self.pane.ends_word(monotonic()) and self.pane.check_complete():
            await self.action_next()

    @on(StepPane.StepWanted)
    async def _correct(self, message: StepPane.StepWanted) -> None:
        await self.go_to(message.step)

    @on(StepPane.FixWanted)
    async def _apply(self, message: StepPane.FixWanted) -> None:
        """A fix is applied at the step that it belongs to."""
        step = _FIXED_AT.get(message.fix.target, self._step)
        if step is not self._step or self.zoomed:
            await self.go_to(step)
        self.pane.apply(message.fix)

    @on(StepPane.Next)
    async def action_next(self) -> None:
        if self._step is GuideStep.SAVE:
            await self._leave(finished=True)
        else:
            if self._step in (GuideStep.INCOMING, GuideStep.OUTGOING):
                self.work.skipped.add(self._step)
            await self.go_to(GuideStep(self._step + 1))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        match action:
            case "fix":
                return self.pane.has_fix
            case "use_sandbox":
                return isinstance(self.pane, AuthenticationPane) and self.pane.has_demo_values
            case "edit":
                return self.pane.has_fields
            case "as_text":
                return self.work.path is not None
            case "leave":
                return not isinstance(self.focused, Button)
            case "test":
                return self._step is not GuideStep.SAVE  # which has this key for itself
            case "next":
                return self._step is not GuideStep.SAVE  # after which Enter opens the profile
            case "previous":
                return self._step is not GuideStep.BASICS
            case _:
                return True

    def why_not(self, action: str) -> str:
        if action != "leave" or not isinstance(self.focused, Button):
            return super().why_not(action)
        return f"Esc leaves a field, and there is none here; {self.key_of('back')} closes the guide."

    async def action_previous(self) -> None:
        await self.go_to(GuideStep(self._step - 1))

    async def action_jump(self, step: int) -> None:
        await self.go_to(GuideStep(step))

    def action_test(self) -> None:
        self.pane.test()

    def action_edit(self) -> None:
        """Focuses the field to edit."""
        self.pane.edit_field()

    def key_to(self, part: Widget) -> str:
        return ("" if self.zoomed else self.pane.key_to(part)) or super().key_to(part)

    def action_as_text(self) -> None:
        """Leaves the guide for the line of this field in the text of the profile."""
        if self.work.has_unsaved:
            reply(self.app, "Save the changes first (^S).")
        else:
            show_in_text(self.app, self.pane.path_here)

    def show_text(self, key: FormPath) -> None:
        if self.work.path is not None:
            path = self.work.path
            self._close()
            self.app.post_message(self.TextWanted(path, key))

    async def action_save(self) -> None:
        """Shows what will be written; writes it where that is shown already."""
        if self._step is not GuideStep.SAVE or self.zoomed:
            await self.go_to(GuideStep.SAVE)
        else:
            self.pane.test()

    def action_fix(self) -> None:
        self.pane.fix()

    def action_use_sandbox(self) -> None:
        if self.work.sandbox and isinstance(self.pane, AuthenticationPane):
            self.pane.use_sandbox()

    def action_leave(self) -> None:
        """Esc: leaves the field for the buttons, or the zoom; it never quits and loses nothing."""
        if isinstance(self.focused, SecretInput):
            typed = bool(self.focused.value)
            if self.focused.restore() and typed:  # where nothing was typed, Esc leaves the field, too
                return
        if self.is_in_log and self.log_panel.leave():
            return
        self.pane.end_word()
        if not self.leave_log():
            self.pane.focus_buttons()

    def on_paste(self, event: events.Paste) -> None:
        if not self.zoomed and isinstance(self.pane, AuthenticationPane):
            self.pane.on_paste(event)

    def action_copy(self) -> None:
        self.log_panel.action_copy()

    @work
    async def action_copy_boxes(self) -> None:
        """Copies the resources to tick, for whoever creates the integration or role."""
        boxes = self._boxes()
        if boxes:
            said = await copy(boxes, "the resources to tick", self.app, self.work.workbench.machine)
        else:
            said = "Nothing selected yet. Add incoming and outgoing first (steps 3 and 4)."
        self.notify(shown_line(said), markup=False)

    @property
    def key_titles(self) -> Mapping[str, str]:
        """The test is called as on its button; Esc keeps a secret whose replacement has begun."""
        pane = next(pane for pane in _PANES if pane.step is self._step)
        replaces = isinstance(self.focused, SecretInput) and self.focused.is_replacing
        return {"setup.test": pane.test_label, "setup.leave": "Keep old" if replaces else "Leave"}

    @property
    def where_to_type(self) -> str:
        """How to get to a field, for whoever has pasted outside one."""
        return self.pane.where_to_type

    @property
    def is_beside_fields(self) -> bool:
        """Whether the focus is in a step, where a word may be typed that is meant for a field."""
        return not self.zoomed and not self.is_in_log

    def help_text(self) -> str:
        return PublicText(f"In Magento\n{self._store_side()}\n\nThe steps: {MARKS}.")

    async def action_back(self) -> None:
        """Closes the guide; unsaved changes are kept as a draft, and what was typed for the session."""
        await self._leave()

    async def _leave(self, *, finished: bool = False) -> None:
        """Closes the guide; `finished`: the profile's page is wanted next. New secrets of the keyring ask first."""
        problem = await self._draft_writer.save_soon(self._step)
        if problem:
            self.notify(shown_line(f"Not closed: the draft could not be saved. {problem}"), markup=False)
            return
        vault, key = self.work.workbench.vault, self.work.draft_key
        if self._draft_writer.unsaved:
            kept = " What you entered is kept until the program exits." if self.work.secrets_only_here() else ""
            vault.keep_for_draft(key, self.work.setup.title)
            what = f"{self.work.setup.title} is" if self.work.path is None else f"Changes of {self.work.path.name} are"
            words = f"{what} not saved, but kept as a draft.{kept}"
            self.notify(shown_line(words), markup=False)
        elif self.work.unsaved_secrets() and (await vault.state(writing=False)).usable:
            self._ask_secrets()
            return
        else:
            vault.forget_draft(key)
        self._close(finished=finished)

    def _ask_secrets(self) -> None:
        """Asks what becomes of new values for secrets of the keyring, where nothing else is unsaved."""

        async def chosen(option: str | None) -> None:
            if option == "save":
                await self.action_save()
            elif option == "discard":
                self._close(discard=True)

        options: dict[WorkAnswer, str] = {"save": "Save in step 5", "discard": "Discard and close"}
        question = f"What you entered is not saved: {self._unsaved_secrets()}."
        screen = UnsavedScreen(options, question=question, stay="Back to the guide", title="Secrets")
        self.app.push_screen(screen, chosen)

    def _close(self, *, finished: bool = False, discard: bool = False) -> None:
        """Closes the guide; the saved profile uses what was typed for it in this session, unless it is discarded."""
        work = self.work
        if not discard:
            work.keep_tests()
        used = [] if discard else work.use_in_session(keyring=True)
        if used and not work.setup.authenticated:
            names = ", ".join(str(path[-1]) for path in used)
            words = f"This session uses what you entered, which no test has accepted yet: {names}."
            self.notify(shown_line(words), markup=False)
        work.keep_results()
        work.forget_unsaved_secrets()
        self.dismiss()
        if finished and work.path is not None and not self._draft_writer.unsaved:
            self.app.post_message(self.Finished(work.path))
