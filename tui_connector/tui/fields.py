"""Fields one row high: text, a secret that is never shown or copied, and a choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ..guide.steps import TOKEN_LENGTH, pasted

_TOKEN_SHOWN = 4


class SecretInput(Input):
    """Takes a secret and gives it away at once: the widget keeps nothing to be copied, logged or drawn."""

    @dataclass
    class Given(Message):
        """Secrets were typed or pasted into the field `name`."""

        name: str
        values: list[str]
        by_paste: bool

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the values
            yield "name", self.name

    def __init__(self, name: str) -> None:
        super().__init__(password=True, compact=True, name=name, id=f"field-{name}", select_on_focus=False)

    def post_message(self, message: Message) -> bool:
        # the messages of Input carry the value, and Textual's console prints messages
        return False if isinstance(message, (Input.Changed, Input.Submitted)) else super().post_message(message)

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        values = pasted(event.text)
        if values:
            self.clear()
            self.post_message(self.Given(self.name or "", values, by_paste=True))

    async def action_submit(self) -> None:
        self.give()
        self.post_message(Entered(self.name or ""))

    def give(self) -> None:
        """Hands over what was typed."""
        values = pasted(self.value)
        self.clear()
        if values:
            self.post_message(self.Given(self.name or "", values, by_paste=False))

    def on_blur(self) -> None:
        self.give()

    def action_copy(self) -> None: ...

    def action_cut(self) -> None: ...


@dataclass
class Entered(Message):
    """Enter was pressed in the field of this name."""

    name: str


class Field(Horizontal):
    """A label, an input, and a mark behind it."""

    def __init__(self, name: str, label: str, widget: Input) -> None:
        super().__init__(id=f"row-{name}", classes="field")
        self.field_name = name
        self._label, self._widget = label, widget

    def compose(self) -> ComposeResult:
        yield Static(Content(self._label), classes="label")
        yield self._widget
        yield Static("", classes="mark")

    def mark(self, text: str, *, bad: bool = False) -> None:
        """Shows a short word behind the field."""
        mark = self.query_one(".mark", Static)
        mark.update(Content(text))
        mark.set_class(bad, "bad")
        self.set_class(bad, "wrong")

    def show_secret(self, secret: str) -> None:
        """How many characters there are; of a token, the last four."""
        length = len(secret)
        is_token = length >= TOKEN_LENGTH
        self._widget.placeholder = "•" * 12 + (secret[-_TOKEN_SHOWN:] if is_token else "")
        self.mark(f"{length} ✔")


class Choice(Static, can_focus=True):
    """One of a few, in one row: ↓, Enter or Space opens them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space,down", "open", "Change", id="choice.open")]

    @dataclass
    class Chosen(Message):
        """The option with this id was chosen."""

        option: str

    def __init__(self, options: dict[str, str], chosen: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes="choice")
        self.options, self.chosen = options, chosen

    def on_mount(self) -> None:
        self._say()

    def _say(self) -> None:
        self.update(Content(f"▸ {self.options[self.chosen]}  [change]"))

    def action_open(self) -> None:
        def take(option: str | None) -> None:
            if option is not None and option != self.chosen:
                self.chosen = option
                self._say()
                self.post_message(self.Chosen(option))

        self.app.push_screen(ChoiceScreen(self.options, self.chosen), take)


class ChoiceScreen(ModalScreen[str | None]):
    """The options of a choice."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="choice.back")]

    def __init__(self, options: dict[str, str], chosen: str) -> None:
        super().__init__()
        self._options, self._chosen = options, chosen

    def compose(self) -> ComposeResult:
        with Vertical(id="choices"):
            yield OptionList(*(Option(Content(title), id=key) for key, title in self._options.items()))

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = list(self._options).index(self._chosen)
        options.focus()

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)
