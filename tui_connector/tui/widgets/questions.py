"""Questions over the screen. Enter gives the answer that writes and loses nothing, and which the border names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal, TypeAlias, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.layout import ArrangeResult
from textual.layouts.horizontal import HorizontalLayout
from textual.widget import Widget
from textual.widgets import Button, Static

from ...text import shown, shown_line
from .._textual import reply
from ..keys import key_label
from .dialog_panel import DialogPanel
from .frame import Dialog
from .prose import Prose

T = TypeVar("T")

_IN_BORDER = 24
"""Columns of an answer in the border, which has two of them with their keys; the buttons have all of it."""


class QuestionScreen(Dialog[T]):
    """A question with a letter for each answer. What Enter does is written below it, and writes or loses nothing.

    It may come from a double press, or end a paste. So no button has the focus, and no key moves between answers.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown,down", "scroll(1)", "Scroll", id="confirm.scroll", tooltip="Show more of the text"),
        Binding("pageup,up", "scroll(-1)", "Scroll back", show=False, id="confirm.scroll-back"),
    ]
    AUTO_FOCUS = ""
    QUESTION_CLASSES: ClassVar[str] = ""

    def __init__(
        self,
        question: str | Content,
        answers: Mapping[str, tuple[str, T]],
        *,
        title: str,
        details: Content | None = None,
    ) -> None:
        """`answers`: by its key, what an answer does, and what the screen returns for it.

        `details` is sanitised already, and so is a question that is a `Content`.
        """
        super().__init__()
        self._question, self._title, self._details = question, title, details
        self._answers = answers

    def compose(self) -> ComposeResult:
        with DialogPanel(classes="question") as panel:
            with VerticalScroll(can_focus=False):
                yield Static(Prose(sanitised(self._question)), classes=self.QUESTION_CLASSES, id="question")
            if self._details is not None:
                with VerticalScroll(can_focus=False, classes="details"):
                    yield Static(self._details, classes="lines")
            with _Answers(classes="answers"):
                yield from (_AnswerButton(key, label) for key, (label, _) in self._answers.items())
        panel.border_title = Content(shown_line(self._title))
        panel.border_subtitle = Content(self.keys)

    @property
    def keys(self) -> str:
        """What each key does."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "scroll":
            return self._scrolled is not None
        return super().check_action(action, parameters)

    @property
    def _scrolled(self) -> VerticalScroll | None:
        """What does not fit; the details first."""
        found = reversed([*self.query(VerticalScroll)])
        return next((each for each in found if each.max_scroll_y), None)

    def on_resize(self) -> None:
        self.call_after_refresh(self.refresh_bindings)  # once it is known whether the text needs to scroll

    def action_scroll(self, pages: int) -> None:
        """Scrolls the details, or a question that is too long; the answers stay in view."""
        text = self._scrolled
        assert text is not None
        text.scroll_relative(y=pages * max(1, text.size.height - 1), animate=False)

    def on_key(self, event: events.Key) -> None:
        """Says which keys answer, where another one is meant to: which letters do differs between questions."""
        if event.is_printable and event.key not in self.active_bindings and self._answers:
            answers = " · ".join(f"{key}: {label}" for key, (label, _) in self._answers.items())
            reply(self.app, f"{shown_line(key_label(event.key))} is not an answer here. {shown_line(answers)}")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        assert isinstance(event.button, _AnswerButton)
        self.action_answer(event.button.key)

    def action_answer(self, key: str) -> None:
        """Gives the answer of this key."""
        self.dismiss(self._answers[key][1])


class _Answers(Horizontal):
    """Beside each other, and on further lines where there is no room."""

    @property
    def layout(self) -> HorizontalLayout:
        return _WRAPPING


class _WrappingLayout(HorizontalLayout):
    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        placed = super().arrange(parent, children, size, greedy)
        x = y = bottom = 0
        for index, each in enumerate(placed):
            if x and x + each.region.width > size.width:
                x, y = 0, bottom
            placed[index] = each._replace(region=each.region.reset_offset.translate((x, y)))
            x += each.region.width + each.margin.right
            bottom = max(bottom, y + each.region.height)
        return placed


_WRAPPING = _WrappingLayout()


class _AnswerButton(Button, can_focus=False):
    """An answer to click on, which shows its key."""

    def __init__(self, key: str, label: str) -> None:
        super().__init__(Content.assemble((key, "bold"), f"  {shown_line(label)}"), compact=True)
        self.key = key


class ConfirmScreen(QuestionScreen[bool]):
    """y: yes; n, Enter or Esc: no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('y')", "Yes", id="confirm.yes"),
        Binding("n,escape", "answer('n')", "No", id="confirm.no"),
        Binding("enter", "keep", "No", show=False, id="confirm.enter"),
    ]
    KEYS: ClassVar[str] = "y: {yes} · n/Esc/Enter: {no}"

    def __init__(
        self,
        question: str | Content,
        *,
        title: str = "Confirm",
        yes: str = "Yes",
        no: str = "No",
        details: Content | None = None,
    ) -> None:
        """`yes` and `no`: what the answers do, on the buttons, such as "Delete" and "Keep"."""
        super().__init__(question, {"y": (yes, True), "n": (no, False)}, title=title, details=details)
        self._labels = yes, no
        self._is_settled = False

    def settle(self, reason: str) -> None:
        """Shows why there is nothing left to decide, instead of the question; it stays until its user closes it.

        A key that was pressed as the answer would otherwise reach the screen behind.
        """
        if self._is_settled:
            return
        self._is_settled, self._question, self._answers = True, reason, {}
        for panel in self.query(DialogPanel):
            panel.query_one("#question", Static).update(Prose(sanitised(reason)))
            panel.query_one(_Answers).remove_children()
            panel.border_subtitle = Content(self.keys)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "answer" and self._is_settled:
            return parameters[0] == "n"
        return super().check_action(action, parameters)

    def action_answer(self, key: str) -> None:
        if self._is_settled:
            self.dismiss(False)
        else:
            super().action_answer(key)

    @property
    def keys(self) -> str:
        if self._is_settled:
            return "Enter/Esc: close"
        yes, no = (shown_line(each, _IN_BORDER).lower() for each in self._labels)
        return self.KEYS.format(yes=yes, no=no)

    @property
    def key_titles(self) -> Mapping[str, str]:
        yes, no = ("", "Close") if self._is_settled else self._labels
        return {"confirm.yes": yes, "confirm.no": no, "confirm.enter": no}

    def action_keep(self) -> None:
        """Enter: the harmless answer."""
        self.dismiss(False)


class QuitScreen(ConfirmScreen):
    """Asks before the program exits; `reasons` are sentences that say what would be stopped or lost."""

    def __init__(self, reasons: Iterable[str]) -> None:
        super().__init__("\n".join([*reasons, "", "Quit?"]), title="Quit", yes="Quit", no="Stay")


class SaveScreen(ConfirmScreen):
    """Shows what will be written. ^S, which ends a form, confirms as well as y; Enter is harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "dismiss(True)", "Save", show=False, id="confirm.save"),
    ]
    KEYS: ClassVar[str] = "y/^S: {yes} · n/Esc/Enter: {no}"

    @property
    def key_titles(self) -> Mapping[str, str]:
        titles = super().key_titles
        return {**titles, "confirm.save": titles["confirm.yes"]}


class AllowScreen(ConfirmScreen):
    """A confirmation that opens by itself: Enter may be meant for the screen before, and does nothing."""

    KEYS: ClassVar[str] = "y: {yes} · n, Esc: {no}"
    QUESTION_CLASSES: ClassVar[str] = "lines"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "keep" and super().check_action(action, parameters)


WorkAnswer: TypeAlias = Literal["restore", "save", "discard"]
"""What becomes of unsaved work."""


_WORK_KEYS: Mapping[WorkAnswer, str] = {"restore": "r", "save": "^S", "discard": "^D"}


class UnsavedScreen(QuestionScreen[WorkAnswer | None]):
    """Asks what becomes of unsaved work: the answer's name, or None if nothing is to be done with it.

    It may open by an accidental Esc, or by itself, while its user types on: no letter saves or discards anything.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "answer('r')", "Restore", id="unsaved.restore"),
        Binding("ctrl+s", "answer('^S')", "Save", id="unsaved.save"),
        Binding("ctrl+d", "answer('^D')", "Discard", id="unsaved.discard"),
        Binding("enter", "keep", "Keep", id="unsaved.keep"),
        Binding("escape,q", "dismiss(None)", "Cancel", show=False, id="unsaved.cancel"),
    ]

    def __init__(
        self,
        options: Mapping[WorkAnswer, str],
        *,
        question: str,
        stay: str = "Keep editing",
        title: str = "Unsaved changes",
    ) -> None:
        """`options` are what the answers do, and `stay` what Esc does. Enter restores, or else does the same as Esc."""
        answers: dict[str, tuple[str, WorkAnswer | None]]
        answers = {_WORK_KEYS[name]: (words, name) for name, words in options.items()}
        super().__init__(question, {**answers, "Esc": (stay, None)}, title=title)
        self._enter = "r" if "r" in answers else "Esc"

    @property
    def keys(self) -> str:
        enter, stay = (shown_line(self._answers[key][0], _IN_BORDER).lower() for key in (self._enter, "Esc"))
        return f"Enter/Esc: {stay}" if self._enter == "Esc" else f"r/Enter: {enter} · Esc: {stay}"

    @property
    def key_titles(self) -> Mapping[str, str]:
        titles = {f"unsaved.{name}": words for words, name in self._answers.values() if name is not None}
        return {**titles, "unsaved.keep": self._answers[self._enter][0], "unsaved.cancel": self._answers["Esc"][0]}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "answer":
            return parameters[0] in self._answers
        return super().check_action(action, parameters)

    def action_keep(self) -> None:
        """Enter: the answer that writes and loses nothing."""
        self.action_answer(self._enter)


class DiscardScreen(UnsavedScreen):
    """Asks, where a form was cancelled, whether its changes are lost. Esc keeps them: a second one loses nothing."""

    def __init__(self, what: str = "what you changed in this form", *, save: str = "") -> None:
        """`save`: what keeping the changes is called; "" where only the form has them."""
        options: dict[WorkAnswer, str] = {"save": save} if save else {}
        super().__init__({**options, "discard": "Discard"}, question=f"Discard {what}?")


def sanitised(question: str | Content) -> Content:
    """A question as it may be shown; one that is a `Content` is sanitised already."""
    return question if isinstance(question, Content) else Content(shown(question))
