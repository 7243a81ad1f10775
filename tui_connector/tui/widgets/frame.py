"""What frames every screen and dialog: the header line, and the footer with the keys that work now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from rich.cells import cell_len
from textual import events, on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Button, Static

from ...text import PublicText, shown_line, shown_path
from .._textual import BaseScreen, is_text_field
from ..jobs import Job, jobs_of
from ..keys import IN_FIELD, joined, key_label, key_titles, keys_of
from ..unread import MayOpenByItself, Unread
from ..viewed import viewed_on
from .focus_moves import move_focus

TONES = {
    "success": "$text-success",
    "warning": "$text-warning",
    "error": "$text-error",
    "muted": "$text-muted",
    "accent": "$accent",
}
"""What a colour means, as styles of a `Content`."""


_JOB = "app.job"
"""The action that opens the screen of a job."""


def _width(line: Widget) -> int:
    """The width of a line across the screen, also before it has its size: the first frame shows the whole line."""
    return line.size.width or line.app.size.width


class ScreenHeader(Static):
    """One line: the title and what it is about on the left, the state and the jobs in the background on the right."""

    def __init__(self, own: Job | None = None) -> None:
        """`own`: the job that the screen itself shows."""
        super().__init__("", id="header")
        self._own = own
        self._jobs: tuple[tuple[str, str], ...] = ()
        self._parts = ("", "")
        self._state: tuple[tuple[str, str], ...] = ()

    def show(self, title: str, detail: str = "", state: Iterable[tuple[str, str]] = ()) -> None:
        """`state`: texts with their tone (a key of `TONES`, or empty), from left to right. Texts are made safe here."""
        parts, given = (title, detail), tuple(state)
        if (parts, given) != (self._parts, self._state):
            self._parts, self._state = parts, given
            self._draw()

    def on_mount(self) -> None:
        jobs_of(self.app).changed.subscribe(self, lambda _: self._update_jobs())
        self._update_jobs()

    def _update_jobs(self) -> None:
        viewed = viewed_on(self.screen)
        badges = [each.badge(viewed) for each in jobs_of(self.app) if each is not self._own]
        shown = tuple(badges) if len(badges) < 3 else ((f"{len(badges)} runs", "accent"),)
        shown += tuple((key, "accent") for key in keys_of(self.app, _JOB)[:1] if badges)
        if shown != self._jobs:
            self._jobs = shown
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = max(20, _width(self) - 2)  # a blank at each end
        jobs = [part for text, tone in self._jobs for part in ((text, tone), ("  ", ""))]
        right_parts = [*jobs, *self._state] if self._state else jobs[:-1]
        right = Content.assemble(*((shown_line(text, width // 2), TONES.get(tone, "")) for text, tone in right_parts))
        room = max(0, width - right.cell_length - (2 if right_parts else 0))
        title = shown_line(self._parts[0], room)
        cut = shown_path if "/" in self._parts[1] and "://" not in self._parts[1] else shown_line
        detail = cut(self._parts[1], max(0, room - cell_len(title) - 2))
        left = Content.assemble((title, "bold"), (f"  {detail}" if detail else "", "$text-muted"))
        gap = " " * max(0, width - left.cell_length - right.cell_length)
        self.update(Content.assemble(" ", left, gap, right), layout=False)


@dataclass(frozen=True, slots=True)
class FooterKey:
    """One key of the footer."""

    key: str
    title: str
    pressed: str
    """Textual's name of the key."""
    pinned: bool
    is_way_back: bool = False
    """Whether it leaves a field or the screen: it is shown even where there is no room for all keys before it."""

    @property
    def width(self) -> int:
        return cell_len(self.key) + 1 + cell_len(self.title) + 2


_LONGEST = 24
"""Columns of what a button is called."""
_PINNED = ("app.help", "dialog.help", "app.commands")
_LEAVING = ("back", "leave", "cancel", "close", "find-close", "quit")
"""The ends of the ids of keys that leave a field, a dialog or a screen."""
_FIELD, _SET = " Typing ", " Set: Del replaces "
"""Says that keys go into a field, or that it has a secret, which they do not change."""


class KeyFooter(Static):
    """The keys that work now, the most useful first; `Help` and `Commands` always, at the right end.

    None while a dialog that opened by itself ignores them.

    While a field has the focus it says so, and shows the function and control keys that work in it. The field of a
    secret that is set takes no letters, and they are no keys either.
    """

    def __init__(self) -> None:
        super().__init__("", id="keys")
        self._keys: list[tuple[int, FooterKey]] = []
        """Each key that is shown, with the column where it starts."""
        self._drawn: tuple[object, ...] = ()
        self._is_outdated = False
        """Whether the keys have changed since they were shown, and will be shown next."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed, immediate=True)
        self._show_keys()

    def on_resize(self) -> None:
        self._show_keys()

    def _changed(self, screen: Screen[object]) -> None:
        """Shows the keys once, however often they change until then; those of a hidden screen when it is resumed."""
        if screen.is_active and not self._is_outdated:
            self._is_outdated = True
            self.call_next(self._show_keys)

    def _show_keys(self) -> None:
        self._is_outdated = False
        if not self.is_attached:
            return
        screen = self.screen
        is_unread = isinstance(screen, MayOpenByItself) and screen.unread is not None and not screen.unread.is_over
        keys, field = ([], "") if is_unread else (footer_keys(screen), _field_label(screen))
        if (drawn := (tuple(keys), field, _width(self))) != self._drawn:
            self._drawn = drawn
            self._draw(keys, field)

    def _draw(self, keys: list[FooterKey], field: str) -> None:
        pinned = [key for key in keys if key.pinned]
        others = [key for key in keys if not key.pinned]
        column = len(field) + 1 if field else 1
        room = _width(self) - sum(key.width for key in pinned)
        parts: list[Content | str | tuple[str, str]] = [(field, "bold $background on $accent"), " "] if field else [" "]
        self._keys = []
        back = next((key for key in others if key.is_way_back), None)
        reserved = back.width if back is not None else 0
        is_full = False
        for key in others:
            if key is back:
                reserved = 0
            fits = column + key.width + reserved <= room
            is_full = is_full or not fits
            if not fits or (is_full and key is not back):
                continue
            parts += self._piece(key, column)
            column += key.width
        parts.append(" " * max(0, room - column))
        column = max(room, column)
        for key in pinned:
            parts += self._piece(key, column)
            column += key.width
        self.update(Content.assemble(*parts), layout=False)

    def _piece(self, key: FooterKey, column: int) -> list[Content | str | tuple[str, str]]:
        self._keys.append((column, key))
        return [(key.key, "bold $accent"), f" {key.title}  "]

    def on_click(self, event: events.Click) -> None:
        for column, key in self._keys:
            if column <= event.x < column + key.width:
                self.app.simulate_key(key.pressed)


def _field_label(screen: Screen[object]) -> str:
    """What is said of the field that has the focus; "" where none has."""
    if not is_text_field(screen.focused):
        return ""
    return _SET if getattr(screen.focused, "locked", False) else _FIELD


def footer_keys(screen: Screen[object]) -> list[FooterKey]:
    """What the footer of this screen has to show now, one key an action.

    The `first_keys` of a node are before all others, and its `last_keys` after them.
    """
    shown: dict[str, FooterKey] = {}
    first, last = set[str](), set[str]()
    takes_text = bool(_field_label(screen))
    titles: dict[DOMNode, Mapping[str, str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.show or not active.enabled or not binding.description:
            continue
        if takes_text and len(key_label(binding.key)) == 1 and key_label(binding.key).isascii():
            continue  # it is typed into the field; Textual does not know the character of all keys
        name = (binding.id or binding.action).removesuffix(IN_FIELD)
        if active.node not in titles:
            titles[active.node] = key_titles(active.node)
        title = titles[active.node].get(name, PublicText(binding.description))
        if not title:
            continue
        is_way_back = name.rpartition(".")[2] in _LEAVING
        key = FooterKey(_printed(binding), shown_line(title), binding.key, name in _PINNED, is_way_back)
        if name not in shown or shown[name].key.startswith("Esc "):
            shown[name] = key
            if name in getattr(active.node, "first_keys", ()):
                first.add(name)
            if name in getattr(active.node, "last_keys", ()):
                last.add(name)
    keys = [key for _, key in sorted(shown.items(), key=lambda item: (item[0] not in first, item[0] in last))]
    button = screen.focused
    is_pressed = isinstance(button, Button) and not isinstance(screen, ModalScreen)
    return _with_enter(keys, str(button.label)) if is_pressed and isinstance(button, Button) else keys


def _with_enter(keys: list[FooterKey], label: str) -> list[FooterKey]:
    """The keys after Enter, which presses the focused button; beside it the key that does the same, if one does."""
    letter, _, rest = label.strip().rpartition("  ")
    title = rest.strip()
    same = next((each for each in keys if each.title == title or each.key == letter.strip()), None)
    if same is None:
        return [FooterKey("Enter", shown_line(title, _LONGEST), "enter", pinned=False), *keys]
    return [replace(same, key=joined(("Enter", same.key))), *(each for each in keys if each is not same)]


def _printed(binding: Binding) -> str:
    """A letter that works in a field after Esc is shown as such only where no other key does."""
    return f"Esc {binding.key.removeprefix('alt+')}" if binding.key.startswith("alt+") else key_label(binding.key)


T = TypeVar("T")


class Dialog(ModalScreen[T], BaseScreen[T]):
    """A screen over another one, with a footer of its own: the keys of the screen behind do not work meanwhile.

    ↑ and ↓ go to the previous and next field, from those that do not use them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1", "app.help", "Help", id="dialog.help")]
    IMMEDIATE: ClassVar[frozenset[str]] = frozenset()
    loading_message = ""
    """What is done with what was entered, before it closes or asks something: keys wait for it."""
    unread: Unread | None = None

    def on_mount(self) -> None:
        self.mount(KeyFooter())

    @on(events.ScreenResume)
    def _begin_reading(self) -> None:
        if self.unread is not None:
            self.unread.begin()

    def on_key(self, event: events.Key) -> None:
        if event.key not in ("up", "down") or self.focused is None or self.focused.allow_vertical_scroll:
            return
        bound = self.active_bindings.get(event.key)
        if bound is None or bound.binding.action.startswith("scroll_"):  # which Textual binds for every widget
            event.stop()
            move_focus(self, -1 if event.key == "up" else 1)


D = TypeVar("D", bound=Dialog[Any])


def by_itself(dialog: D) -> D:
    """A dialog that ignores keys until it can have been read.

    For one that no key of its user opens, or one after which another question, or none, is usually asked. All others
    have what is typed right after the key that opens them, however long that takes.
    """
    dialog.unread = Unread(dialog)
    return dialog
