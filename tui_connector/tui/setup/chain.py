"""The form of an outgoing, and the steps of its chain."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from ...guide.steps import kind_schemas, summaries
from ...guide.steps.chain import LOOKUPS, ChainSteps
from ...magento.entities import WRITABLE
from ...templates import Json
from ...text import shown, shown_line
from ..widgets.choice import Choice
from ..widgets.dialog_panel import DialogPanel
from ..widgets.fields import FieldRow
from ..widgets.focus_moves import move_or_say
from ..widgets.form_field import FormPath
from ..widgets.frame import Dialog
from ..widgets.ordered_list import OrderedList
from ..widgets.prose import Prose
from ..widgets.questions import DiscardScreen, WorkAnswer
from .context import GuideContext
from .entity_chooser import EntityChooser, EntityOption, offer
from .form_screen import FormScreen

_ONE = "One request is sent per entity. a adds a step; steps are sent one after the other."
_SEVERAL = (
    "Sent one after the other for each entity. Later steps can read earlier responses: "
    "@{steps.NAME.body.id} in a request, steps.NAME.status in its condition."
)


class AddStepScreen(Dialog[str | None]):
    """Asks what a new step sends: an entity or any path. Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="add-step.back")]

    def __init__(self, offers: list[EntityOption]) -> None:
        super().__init__()
        self._offers = offers

    def compose(self) -> ComposeResult:
        with DialogPanel(id="choices") as panel:
            panel.border_title = "Add a step"
            panel.border_subtitle = "Type to filter · ↑↓: select · Enter: add · Esc: cancel"
            yield EntityChooser()

    def on_mount(self) -> None:
        chooser = self.query_one(EntityChooser)
        chooser.show(self._offers)
        chooser.choose()

    @on(EntityChooser.Chosen)
    def _chosen(self, message: EntityChooser.Chosen) -> None:
        self.dismiss(message.name)

    @on(EntityChooser.PathGiven)
    def _path(self, message: EntityChooser.PathGiven) -> None:
        self.dismiss(message.path)


class ChainScreen(Dialog[None]):
    """The steps of an outgoing chain. Done applies the changes; Cancel restores what was there before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="chain.cancel"),
        Binding("ctrl+s,f8", "done", "Done", id="chain.done"),
    ]

    def __init__(self, work: GuideContext, name: str) -> None:
        super().__init__()
        self._work, self._outgoing = work, name
        self._chain = ChainSteps(work.setup, name)
        self._removed: list[Json] = []
        """The configuration before each change, to be undone."""
        self._before = deepcopy(self._setup_part())

    def compose(self) -> ComposeResult:
        with DialogPanel(id="form-over") as form:
            form.border_title = Content(shown_line(f"Outgoing {self._outgoing}: steps"))
            form.border_subtitle = "^S done · Esc cancel"
            yield Static("", id="chain-about")
            heading = "Steps, in order        a add  d remove  z undo  J K move  e edit"
            yield Static(Content(heading), classes="heading")
            yield OrderedList(part_name="the list of steps", id="chain-steps")
            yield Static("", id="chain-problems")
            with Horizontal(classes="buttons"):
                yield Button("Done", compact=True, id="chain-done")
                yield Button("Cancel", compact=True, id="chain-cancel")

    def on_mount(self) -> None:
        self._draw()
        self._list.focus()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("down", "up") and move_or_say(self, event.key):
            event.stop()
            event.prevent_default()  # the list or the dialog would move once more

    @property
    def _list(self) -> OrderedList:
        return self.query_one(OrderedList)

    def _draw(self) -> None:
        """What the draft has."""
        wrong = self._work.setup.item_problems("outgoing", self._outgoing, "steps")
        self._list.fill(summaries.steps(self._chain.steps), wrong)
        self.query_one("#chain-about", Static).update(Content(_ONE if self._chain.is_single else _SEVERAL))
        problems = self.query_one("#chain-problems", Static)
        found = self._chain.problems()
        problems.update(Prose(Content(shown("\n".join(f"✘ {each}" for each in found)))))
        problems.display = bool(found)

    @on(OrderedList.AddRequested)
    def _ask_what(self) -> None:
        may = self._work.permissions.send if self._work.setup.authenticated else {}
        look_ups = [EntityOption(uri, f"Look up: {title.lower()}", f"GET {uri}") for uri, title in LOOKUPS.items()]
        sent = [offer(name, entity, may.get(name)) for name, entity in WRITABLE.items()]
        self.app.push_screen(AddStepScreen([*look_ups, *sent]), self._add)

    def _add(self, wanted: str | None) -> None:
        if wanted is not None:
            self._removed.append(deepcopy(self._setup_part()))
            index = self._chain.add(wanted)
            self._draw()
            self._list.highlighted = index
            self._edit(index)

    @on(OrderedList.RemoveRequested)
    def _remove(self, event: OrderedList.RemoveRequested) -> None:
        self._removed.append(deepcopy(self._setup_part()))
        self._chain.remove(event.index)
        self._draw()

    @on(OrderedList.UndoRequested)
    def _undo(self) -> None:
        if self._removed:
            self._work.setup.edit(("outgoing", self._outgoing), self._removed.pop())
            self._draw()

    def _setup_part(self) -> Json:
        """The outgoing configuration in the draft."""
        return self._work.setup.at("outgoing", self._outgoing)

    @on(OrderedList.MoveRequested)
    def _move(self, event: OrderedList.MoveRequested) -> None:
        self._removed.append(deepcopy(self._setup_part()))
        self._chain.move(event.index, event.by)
        self._draw()

    @on(OrderedList.OptionSelected)
    def _open(self, event: OrderedList.OptionSelected) -> None:
        event.stop()
        self._chain.convert_request()
        self._edit(event.option_index)

    def _edit(self, index: int) -> None:
        earlier = self._chain.names[:index]
        about = "The first step: there is no response to read yet."
        if earlier:
            about = f"It can read the responses of {', '.join(earlier)}: @{{steps.{earlier[-1]}.body.id}}."
        path: FormPath = ("outgoing", self._outgoing, "steps", index)
        title = f"Step {index + 1} of {self._outgoing}"
        self.app.push_screen(FormScreen(self._work, title, kind_schemas.step, path, about), lambda _: self._draw())

    @on(Button.Pressed, "#chain-done")
    def action_done(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#chain-cancel")
    def action_cancel(self) -> None:
        """Restores what was there before; asks first where that discards something."""
        if self._setup_part() == self._before:
            self.dismiss(None)
        else:
            self.app.push_screen(DiscardScreen("the changes of these steps", save="Apply and close"), self._leave)

    def _leave(self, answer: WorkAnswer | None) -> None:
        if answer == "save":
            self.action_done()
        elif answer == "discard":
            self._work.setup.edit(("outgoing", self._outgoing), self._before)
            self.dismiss(None)


_STEPS = "One request for each entity, or several: a chain of steps. Enter opens them."


class OutgoingForm(FormScreen):
    """The fields of an outgoing, below a row that opens the steps of its chain."""

    def __init__(self, work: GuideContext, name: str) -> None:
        self._chain, self._work, self._outgoing = ChainSteps(work.setup, name), work, name
        super().__init__(work, f"Outgoing {name}", self._fields, ("outgoing", name))

    def _fields(self) -> kind_schemas.Schema:
        """Without the request where a chain has requests of its own."""
        compare = self._work.setup.table("outgoing", self._outgoing, "compare")
        schema = kind_schemas.outgoing(with_comparison=list(compare))
        own = {key: each for key, each in schema["properties"].items() if key != "request" or self._chain.is_single}
        return {**schema, "properties": own}

    def above(self) -> ComposeResult:
        yield FieldRow("steps", "Steps", Choice(self._steps(), "", id="steps"), _STEPS)

    def _steps(self) -> dict[str, str]:
        return {"": "none: one request is sent" if self._chain.is_single else " → ".join(self._chain.names)}

    def focus_beginning(self) -> None:
        self.set_focus(self.query_one("#steps"))

    def on_descendant_focus(self) -> None:
        if self.focused is not None and self.focused.id == "steps":
            self.query_one(".words", Static).update(Content(_STEPS))

    @on(Choice.OpenRequested, "#steps")
    def _open_steps(self, event: Choice.OpenRequested) -> None:
        event.stop()
        self._form.after_pending_input(self._show_steps)

    def _show_steps(self) -> None:
        self.app.push_screen(ChainScreen(self._work, self._outgoing), self._changed_steps)

    async def _changed_steps(self, _: None) -> None:
        """Shows the fields again: a chain and a single request have different ones."""
        await self.show_again()

    async def show_again(self) -> None:
        self.query_one("#steps", Choice).show("", self._steps())
        await super().show_again()
