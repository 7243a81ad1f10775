"""The steps of a chain over the screen: added, removed, put in order, and each edited by its form."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from ...guide import described, offered
from ...guide.chain import LOOK_UPS, Chain
from ...guide.words import NOT_RUN_YET
from ...magento.entities import WRITABLE
from ...text import shown, shown_line
from ..form.form import Path
from ..form.ordered_list import OrderedList
from .chooser import Chooser, Offer, offer
from .setup_form import FormScreen
from .step_pane import Work

_ONE = "One request is sent for each entity. a adds a step: then each of them is sent, one after the other."
_SEVERAL = (
    "They are sent one after the other for each entity. Later ones read the answers of earlier ones: "
    "@{steps.NAME.body.id} in a request, steps.NAME.status in its condition."
)


class AddStepScreen(ModalScreen[str | None]):
    """What the new step sends: something of Magento's list, or any path. Esc chooses nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="add-step.back")]

    def __init__(self, offers: list[Offer]) -> None:
        super().__init__()
        self._offers = offers

    def compose(self) -> ComposeResult:
        with Vertical(id="choices"):
            yield Chooser()

    def on_mount(self) -> None:
        chooser = self.query_one(Chooser)
        chooser.show(self._offers)
        chooser.choose()

    @on(Chooser.Chosen)
    def _chosen(self, message: Chooser.Chosen) -> None:
        self.dismiss(message.name)

    @on(Chooser.PathGiven)
    def _path(self, message: Chooser.PathGiven) -> None:
        self.dismiss(message.path)


class ChainScreen(ModalScreen[None]):
    """The steps of one outgoing. What is changed counts at once; Esc or Done closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Done", id="chain.leave"),
        Binding("question_mark,f1", "app.help", "Help", show=False, id="chain.help"),
    ]

    def __init__(self, work: Work, name: str) -> None:
        super().__init__()
        self._work, self._outgoing = work, name
        self._chain = Chain(work.setup, name)

    def compose(self) -> ComposeResult:
        with Vertical(id="form-over"):
            yield Static(Content(shown_line(f"Outgoing {self._outgoing}: steps")), classes="help-title")
            yield Static("", id="chain-about")
            yield Static(Content("Steps, in order        a add  d remove  J K move  Enter edit"), classes="heading")
            yield OrderedList(id="chain-steps")
            yield Static("", id="chain-problems")
            yield Static(Content(NOT_RUN_YET), classes="quiet")
            with Horizontal(classes="buttons"):
                yield Button("Done", compact=True, id="chain-done")
                yield Static(Content("Esc: done"), classes="quiet")

    def on_mount(self) -> None:
        self._draw()
        self._list.focus()

    @property
    def _list(self) -> OrderedList:
        return self.query_one(OrderedList)

    def _draw(self) -> None:
        """What the draft has."""
        self._list.fill(described.steps(self._chain.steps))
        self.query_one("#chain-about", Static).update(Content(_ONE if self._chain.single else _SEVERAL))
        problems = self.query_one("#chain-problems", Static)
        found = self._chain.problems()
        problems.update(Content(shown("\n".join(f"✘ {each}" for each in found))))
        problems.display = bool(found)

    @on(OrderedList.AddWanted)
    def _ask_what(self) -> None:
        may = self._work.permissions.send if self._work.setup.proven else {}
        look_ups = [Offer(uri, f"Look up: {title.lower()}", f"GET {uri}") for uri, title in LOOK_UPS.items()]
        sent = [offer(name, entity, may.get(name)) for name, entity in WRITABLE.items()]
        self.app.push_screen(AddStepScreen([*look_ups, *sent]), self._add)

    def _add(self, wanted: str | None) -> None:
        if wanted is not None:
            index = self._chain.add(wanted)
            self._draw()
            self._list.highlighted = index
            self._edit(index)

    @on(OrderedList.Removed)
    def _remove(self, event: OrderedList.Removed) -> None:
        self._chain.remove(event.index)
        self._draw()

    @on(OrderedList.Moved)
    def _move(self, event: OrderedList.Moved) -> None:
        self._chain.move(event.index, event.by)
        self._draw()

    @on(OrderedList.OptionSelected)
    def _open(self, event: OrderedList.OptionSelected) -> None:
        event.stop()
        self._chain.begin()
        self._edit(event.option_index)

    def _edit(self, index: int) -> None:
        earlier = self._chain.names[:index]
        about = "The first step: there is no answer to read yet."
        if earlier:
            about = f"It can read the answers of {', '.join(earlier)}: @{{steps.{earlier[-1]}.body.id}}."
        path: Path = ("outgoing", self._outgoing, "steps", index)
        title = f"Step {index + 1} of {self._outgoing}"
        self.app.push_screen(FormScreen(self._work, title, about, offered.step(), path), lambda _: self._draw())

    @on(Button.Pressed)
    def action_leave(self) -> None:
        self.dismiss(None)
