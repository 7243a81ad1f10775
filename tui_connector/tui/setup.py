"""The guide on the screen: the steps, their keys, and the live log below."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, Input, Static

from ..client.formatter import curl
from ..guide.steps import FIELD_WORDS, TITLES, WAYS, Step
from ..text import shown, shown_line
from .authentication import AuthenticationPane
from .basics import BasicsPane
from .clipboard import copy
from .help import HelpScreen
from .incoming import IncomingPane
from .log_panel import LogPanel, ZoomWanted
from .outgoing import OutgoingPane
from .save import SavePane
from .step_pane import StepPane, Work

WIDE = (100, 32)
"""Columns and rows from which on everything is side by side."""

_PANES: tuple[type[StepPane], ...] = (BasicsPane, AuthenticationPane, IncomingPane, OutgoingPane, SavePane)


def letter(key: str, action: str, description: str, name: str, *also: str, show: bool = False) -> list[BindingType]:
    """An action's keys: the letter outside a field, and others anywhere.

    In a field it is Esc, then the letter, which within a multiplexer's escape time arrives as alt and the letter. That
    one has priority, for a field would take it as text.
    """
    return [
        Binding(key, action, description, show=show, id=name),
        Binding(",".join([f"alt+{key}", *also]), action, description, show=False, id=f"{name}-in-field", priority=True),
    ]


class SetupScreen(Screen[None]):
    """Five steps, each tested against the store as it goes."""

    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave field", id="setup.leave", priority=True),
        *letter("t", "test", "Test", "setup.test", "ctrl+r", "f5", show=True),
        *letter("n", "next", "Next", "setup.next", show=True),
        *letter("p", "previous", "Back", "setup.previous"),
        *letter("s", "save", "Save", "setup.save", "ctrl+s", show=True),
        *letter("a", "fix", "Apply the fix", "setup.fix"),
        *letter("l", "zoom", "Log", "setup.log", "ctrl+l", "f2", show=True),
        *letter("u", "use_sandbox", "Use the sandbox's values", "setup.use-sandbox"),
        *letter("y", "copy", "Copy as curl", "setup.copy"),
        Binding("question_mark,f1", "help", "Help", id="setup.help", show=True),
        *letter("q", "back", "Home", "setup.back"),
        *(Binding(str(step.value), f"jump({step.value})", TITLES[step], show=False) for step in Step),
    ]

    def __init__(self, work: Work, step: Step = Step.BASICS) -> None:
        super().__init__()
        self.work = work
        self._step = step

    def compose(self) -> ComposeResult:
        yield Static("", id="head")
        with Horizontal(id="middle"):
            yield Static("", id="steps")
            with Vertical(id="form"):
                yield Static("", id="step-title")
                with ContentSwitcher(initial="step-1", id="panes"):
                    for pane in _PANES:
                        yield pane(self.work)
            with VerticalScroll(id="store-side", can_focus=False):
                yield Static("", id="store-words")
        yield LogPanel(self.work.workbench.exchanges, id="log")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.call_after_refresh(self.go_to, self._step)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE[0] and event.size.height >= WIDE[1], "wide")
        self._draw()

    @property
    def pane(self) -> StepPane:
        return self.query_one(f"#step-{self._step.value}", StepPane)

    def go_to(self, step: Step) -> None:
        self._step = step
        self.query_one("#panes", ContentSwitcher).current = f"step-{step.value}"
        self._draw()
        self.pane.begin()

    @on(StepPane.Changed)
    def _draw(self) -> None:
        setup = self.work.setup
        marks = {step: self._mark(step) for step in Step}
        dots = " ".join(f"{marks[step]}{step.value}" for step in Step)
        where = f"{setup.title or setup.name} · {setup.base_uri or 'no address yet'}"
        room = max(10, self.size.width - len(dots) - 4)
        self.query_one("#head", Static).update(Content(f" {shown_line(where, room):<{room}} {dots}"))
        title = f" {self._step.value} {TITLES[self._step]} "
        self.query_one("#step-title", Static).update(Content(title + "─" * 120))
        lines = [f"{marks[step]} {step.value} {TITLES[step].partition(' (')[0]}" for step in Step]
        self.query_one("#steps", Static).update(Content("\n".join(lines)))
        self.query_one("#store-words", Static).update(Content(shown(self._store_side())))

    def _mark(self, step: Step) -> str:
        setup = self.work.setup
        done = {
            Step.BASICS: setup.address is not None,
            Step.AUTHENTICATION: setup.proven,
            Step.INCOMING: bool(setup.incoming),
            Step.OUTGOING: bool(setup.outgoing),
            Step.SAVE: self.work.document is not None,
        }[step]
        if step is self._step:
            return "●"
        return "✔" if done else "○"

    def _store_side(self) -> str:
        """What to click in Magento, for this step."""
        words = ["In Magento"]
        if self._step is Step.AUTHENTICATION:
            words += [f"{n}. {line}" for n, line in enumerate(WAYS[self.work.setup.way].in_magento, 1)]
        elif self._step is Step.BASICS:
            words.append("Nothing to do yet. The address of the shop is enough; the guide finds the REST interface.")
        elif self._step is Step.INCOMING:
            words.append(
                "What an integration may read is ticked under System › Extensions › Integrations › Edit › API."
            )
        elif self._step is Step.OUTGOING:
            words.append("Writing needs its own ticks under API. Through store view “all” global values are written.")
        else:
            words.append("Nothing more. The four values can be read again under Edit › Integration Details.")
        if self.work.sandbox and self._step is Step.AUTHENTICATION:
            words.append("\nThis sandbox's values (u fills them in; in a field: Esc, then u)")
            words += [f"{FIELD_WORDS[n][0] if n in FIELD_WORDS else n}: {v}" for n, v in self.work.sandbox.items()]
        return "\n".join(words)

    @on(StepPane.Next)
    def action_next(self) -> None:
        if self._step is Step.SAVE:
            self.action_back()
        else:
            self.go_to(Step(self._step + 1))

    def action_previous(self) -> None:
        if self._step is not Step.BASICS:
            self.go_to(Step(self._step - 1))

    def action_jump(self, step: int) -> None:
        self.go_to(Step(step))

    def action_test(self) -> None:
        self.pane.test()

    def action_save(self) -> None:
        self.go_to(Step.SAVE)
        self.pane.test()

    def action_fix(self) -> None:
        if isinstance(self.pane, AuthenticationPane):
            self.pane.fix()

    def action_use_sandbox(self) -> None:
        if self.work.sandbox and isinstance(self.pane, AuthenticationPane):
            self.pane.use_sandbox()

    def action_leave(self) -> None:
        """Esc: leaves the field, then the zoom; it never quits and loses nothing."""
        if isinstance(self.focused, Input):
            self.set_focus(None)
        elif self.has_class("zoomed"):
            self.action_zoom()
        else:
            self.set_focus(None)

    @on(ZoomWanted)
    def action_zoom(self) -> None:
        self.toggle_class("zoomed")
        if self.has_class("zoomed"):
            self.query_one(LogPanel).view.focus()
        else:
            self.pane.begin()

    def action_copy(self) -> None:
        exchange = self.query_one(LogPanel).selected
        if exchange is None:
            self.notify("There is no request to copy yet.", markup=False)
            return
        profile = self.work.path.stem if self.work.path else None
        self.run_worker(self._copy(curl(exchange, profile)))

    async def _copy(self, text: str) -> None:
        sentence = await copy(text, self.app, self.work.workbench.machine)
        self.notify(shown_line(sentence), markup=False)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self._store_side()))

    def action_back(self) -> None:
        self.app.leave_setup()  # type: ignore[attr-defined]  # the one app
