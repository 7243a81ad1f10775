"""Dialogs with a field: a line of input, a path, a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import ClassVar, TypeVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from ..errors import UserError
from ..files import described
from ..profile.part_names import name_like
from ..secrets.token_shape import looks_like_token
from ..text import shown, shown_line
from .path_completion import complete_path
from .widgets.dialog_panel import DialogPanel
from .widgets.frame import Dialog, by_itself
from .widgets.questions import sanitised
from .widgets.safe_input import SafeInput

T = TypeVar("T")

_MOST_NAMES = 40
"""Names of files that are listed below a field."""


class FieldDialog(Dialog[T | None]):
    """A dialog with a field. What it refuses stays in the field, below the reason; Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete_path", "Complete", id="line.complete", tooltip="Complete the path", priority=True),
        Binding("ctrl+s", "apply", "OK", show=False, id="line.apply"),
    ]
    path_endings: Collection[str] | None = None
    """Of the files whose path Tab completes, none for any file; None where the field is not for a path."""

    def compose_error(self) -> ComposeResult:
        """The lines for the reason, and for the paths to choose from."""
        yield Static("", classes="refusal lines")
        yield Static("", classes="quiet", id="path-names")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "complete_path":
            return self.path_endings is not None
        return super().check_action(action, parameters)

    async def action_apply(self) -> None:
        """Does what Enter in the field does, by the key that ends a form."""
        await self.query_one(Input).action_submit()

    def action_complete_path(self) -> None:
        """Completes the path; where there are several, lists them."""
        self.loading_message = "Reading the directory"
        self.run_worker(self._complete_path(), exclusive=True)

    async def _complete_path(self) -> None:
        field = self.query_one(Input)
        try:
            found = await asyncio.to_thread(complete_path, field.value, self.path_endings or ())
        finally:
            self.loading_message = ""
        names = found.names if len(found.names) > 1 else []
        self.query_one(".refusal").remove_class("bad")
        self._list_names("")
        if found.text != field.value:
            with self.prevent(Input.Changed):
                field.value = found.text
        elif not found.names:
            self.show_error("No file starts like this.")
        more = f"  + {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        listed = "  ".join(shown_line(name, 60) for name in names[:_MOST_NAMES])
        self._list_names(f"{listed}{more}")

    @on(Input.Changed)
    def _forget_names(self) -> None:
        self._list_names("")

    def _list_names(self, names: str) -> None:
        listed = self.query_one("#path-names", Static)
        listed.update(Content(names))
        listed.display = bool(names)

    def show_error(self, text: str) -> None:
        """Shows why the text is refused; external text is sanitised here."""
        note = self.query_one(".refusal", Static)
        note.update(Content(f"✘ {shown(text)}"))
        note.add_class("bad")

    def refuse(self, error: UserError) -> None:
        """Shows why what was entered cannot be used."""
        self.show_error(str(error))

    def attempt(self, work: Awaitable[T], doing: str) -> None:
        """Closes the dialog with the result of `work`; where that raises `UserError` or OSError, it stays open."""
        self.loading_message = doing
        self.run_worker(self._attempt(work))

    async def _attempt(self, work: Awaitable[T]) -> None:
        try:
            result = await work
        except UserError as error:
            self.refuse(error)
        except OSError as error:
            self.show_error(described(error))
        else:
            self.dismiss(result)
        finally:
            self.loading_message = ""


class EntryScreen(FieldDialog[T]):
    """A line of text. Enter closes the dialog with what `apply` returns for it, unless that raises an error."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="line.back")]
    hides_text: ClassVar[bool] = False
    """Whether it is a secret, of which only dots are drawn; nothing is an answer, too."""

    def __init__(
        self,
        question: str | Content,
        value: str = "",
        *,
        apply: Callable[[str], Awaitable[T]],
        title: str = "Enter a value",
        is_danger: bool = False,
        note: str = "",
        path_endings: Collection[str] | None = None,
    ) -> None:
        """`value` is selected: what is typed replaces it."""
        super().__init__()
        self.path_endings = path_endings
        self._question, self._value, self._is_danger = question, value, is_danger
        self._apply, self._title, self._note = apply, title, note

    def compose(self) -> ComposeResult:
        with DialogPanel(classes="question danger" if self._is_danger else "question") as panel:
            yield Static(sanitised(self._question))
            field = _DialogInput(self._value, compact=True, password=self.hides_text)
            field.is_suggestion = True
            yield field
            yield from self.compose_error()
            if self._note:
                yield Static(Content(self._note), classes="quiet")
        panel.border_title = Content(shown_line(self._title))
        panel.border_subtitle = f"Enter: OK · {'' if self.path_endings is None else 'Tab: complete · '}Esc: cancel"

    def on_mount(self) -> None:
        self.query_one(_DialogInput).focus()

    def enter(self, text: str) -> None:
        """Applies what was typed."""
        if text or self.hides_text:  # "Enter: later" is an answer to a prompt for a secret
            self.attempt(self._apply(text), self._title)
        else:
            self.show_error("Nothing entered. Esc cancels.")


class NameScreen(EntryScreen[T]):
    """A name. Where it is invalid, a valid one like it is proposed, which Enter uses."""

    _typed = _proposed = ""
    """What was refused last, and the name that Enter uses instead; "" where there is none."""

    def enter(self, text: str) -> None:
        if self._proposed and text == self._typed:
            text = self.query_one(_DialogInput).value = self._proposed
        self._typed = text
        super().enter(text)

    def refuse(self, error: UserError) -> None:
        is_invalid = error.code in _INVALID_NAMES and not looks_like_token(self._typed)
        proposed = name_like(self._typed) if is_invalid else ""
        self._proposed = proposed if proposed != self._typed else ""
        self.show_error(f"{error}{f'{chr(10)}→ Enter uses {self._proposed}.' if self._proposed else ''}")


_INVALID_NAMES = ("invalid-name", "profile-name")


class SecretEntryScreen(EntryScreen[str]):
    """A secret that is not shown. Enter returns it."""

    hides_text = True

    def __init__(self, question: str) -> None:
        super().__init__(question, apply=_as_typed, title="Secret")


async def _as_typed(text: str) -> str:
    return text


class _DialogInput(SafeInput):
    """The input of the dialog. A secret stays out of messages, which Textual's console prints."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "OK", id="line.enter")]

    async def action_submit(self) -> None:
        if isinstance(self.screen, EntryScreen):
            self.screen.enter(self.value.strip())

    def post_message(self, message: Message) -> bool:
        hidden = self.password and isinstance(message, (Input.Changed, Input.Submitted))
        return False if hidden else super().post_message(message)


async def answer_of(app: App[None], dialog: Dialog[T]) -> T | None:
    """What a dialog that opens by itself returned; None where it was closed.

    For workers, whose dialog closes on a later message.
    """
    response_future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

    def answered(response: T | None) -> None:
        if not response_future.done():
            response_future.set_result(response)

    app.push_screen(by_itself(dialog), answered)
    return await response_future
