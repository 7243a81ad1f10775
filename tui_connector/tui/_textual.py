"""Private parts of Textual that the screens use. No other module uses a private name of Textual.

`tests/tui/test_textual_parts.py` names each part, and fails when an update of Textual removes one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, cast

from textual import events, on
from textual._compositor import Compositor, CompositorMap, ReflowResult
from textual._context import active_message_pump
from textual.app import App, ScreenStackError, SuspendNotSupported
from textual.await_remove import AwaitRemove
from textual.binding import Binding, BindingsMap
from textual.content import Content
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message
from textual.message_pump import MessagePump
from textual.notifications import Notification, Notifications, SeverityLevel
from textual.screen import Screen
from textual.visual import Visual
from textual.widget import MountError, Widget
from textual.widgets._toast import Toast, ToastHolder, ToastRack
from textual.worker import WorkerFailed, active_worker

from ..text import shown
from .viewed import ViewedProfile

T = TypeVar("T")
W = TypeVar("W", bound=Widget)

BESIDE_FIELD = "beside-field"
"""The class of what can be focused beside a field, such as a list of its values."""


class _TerminalDriver(LinuxDriver):
    """Leaves the terminal alone while it is suspended: Textual expects that the app stands still meanwhile.

    What is written then would be queued for a thread that has ended, and block the app once the queue is full.
    """

    _is_suspended = False

    def suspend_application_mode(self) -> None:
        super().suspend_application_mode()
        self._is_suspended = True

    def resume_application_mode(self) -> None:
        if os.isatty(self.fileno):  # it may be gone, after which the app exits
            self._is_suspended = False
            super().resume_application_mode()

    def write(self, data: str) -> None:
        if not self._is_suspended:
            super().write(data)

    def disable_input(self) -> None:
        if not self._is_suspended:
            super().disable_input()

    def stop_application_mode(self) -> None:
        if not self._is_suspended:
            super().stop_application_mode()


class QuietApp(App[None]):
    """An app that keeps its crash for the caller: Textual would print the local variables of every frame."""

    crash: BaseException | None = None
    """The exception that ended the program."""
    key_count = 0
    """The keys and pastes that were handled so far."""
    _read: tuple[Notification, ...] = ()
    _replies: frozenset[str] = frozenset()
    """What was said about the last key, which holds until the next one."""
    _unsaid: list[Callable[[], None]] | None = None
    """The notifications that wait for the terminal; None where the app has it."""

    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        return _TerminalDriver if found is LinuxDriver else found

    @contextmanager
    def without_terminal(self) -> Iterator[None]:
        """While this lasts, the app goes on without its terminal: no key is read, and nothing is written to it.

        Not so Textual's own `suspend`, which lets through what modules print. Raises `SuspendNotSupported`. After an
        exception, with which the app exits, the terminal is left as it is.
        """
        driver = self._driver
        if driver is None or not driver.can_suspend:
            raise SuspendNotSupported("This terminal cannot be handed over.")
        self._unsaid = []
        with driver.no_automatic_restart():
            driver.suspend_application_mode()
            yield
            driver.resume_application_mode()
        unsaid, self._unsaid = self._unsaid, None
        for notify in unsaid:
            notify()
        self.refresh(layout=True)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Shows a notification, in the place of one that says the same, and of those that were read.

        So they rarely take more than two lines.
        """
        if self._unsaid is not None:
            again = partial(self.notify, message, title=title, severity=severity, timeout=timeout, markup=markup)
            self._unsaid.append(again)
            return
        same = [each for each in self._notifications if (each.message, each.title) == (message, title)]
        self._remove([*same, *self._read])
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def reply(self, message: str) -> None:
        """Says what the last key did not do, or did instead, until the next key is pressed."""
        self.notify(message, markup=False)
        self._replies |= {message}

    def notification_text(self, text: Content) -> Visual:
        """How the text of a notification is drawn."""
        return text

    def warn(self, warning: str) -> None:
        """Shows a warning; external text is sanitised here."""
        self.notify(shown(warning), severity="warning", timeout=15, markup=False)

    def mark_notifications_as_read(self) -> None:
        """Called before each key: what it shows itself is new, and what was said about the one before is over."""
        outdated = [each for each in self._notifications if each.message in self._replies]
        if outdated:
            self._remove(outdated, refresh=True)
            self._replies -= {each.message for each in outdated}
        self._read = tuple(self._notifications)

    @property
    def has_unread_notifications(self) -> bool:
        """Whether something was said since the last key was pressed."""
        return any(each not in self._read for each in self._notifications)

    def remove_read_notifications(self, *, refresh: bool = False) -> None:
        """Called when another screen or an input line opens, which they would cover, and whose keys may be others."""
        self._remove(self._read, refresh=refresh)
        self._read = ()

    def _remove(self, notifications: Iterable[Notification], *, refresh: bool = False) -> None:
        for each in tuple(notifications):
            for screen in self.screen_stack:
                for holder in screen.query("ToastHolder"):
                    if (holder.id or "").endswith(each.identity):
                        holder.remove()  # Textual removes only the text in it: an empty line would stay
            self._unnotify(each, refresh=refresh)

    def _prune(self, *nodes: Widget, parent: DOMNode | None = None) -> AwaitRemove:
        """Ends the workers of what is removed; Textual would once all its children are gone, which they may need."""
        removed = super()._prune(*nodes, parent=parent)
        for worker in tuple(self.workers):
            if _is_removed(worker.node):
                worker.cancel()
        return removed

    def _handle_exception(self, error: Exception) -> None:
        if not self._misses_what_was_removed(error):
            super()._handle_exception(error)

    def _misses_what_was_removed(self, error: Exception) -> bool:
        """Whether this happened in a widget that is being removed, or in an app that exits: other widgets go first.

        What was in its queue before is still handled, and may start a worker. Once the app exits, Textual composes no
        more widgets: a screen that just opens has none when it is mounted.
        """
        cause = error.error if isinstance(error, WorkerFailed) else error
        pump, worker = active_message_pump.get(), active_worker.get(None)
        node = worker.node if worker is not None and pump is self else pump
        is_ending = self._exit or not self.is_running or _is_removed(node)
        return is_ending and isinstance(cause, (NoMatches, MountError, ScreenStackError))

    def _fatal_error(self) -> None:
        self.crash = sys.exc_info()[1]
        self._close_messages_no_wait()


def remove_read_notifications(app: App[Any]) -> None:
    """Called when what was said no longer holds, as of another test, run or text, or would cover an input line."""
    if isinstance(app, QuietApp):
        app.remove_read_notifications(refresh=True)


def reply(app: App[Any], message: str) -> None:
    """Says what the last key did not do, or did instead, until the next key is pressed."""
    if isinstance(app, QuietApp):
        app.reply(message)


def _is_removed(node: MessagePump) -> bool:
    """Whether the removal of this widget has begun."""
    return isinstance(node, Widget) and node._pruning


def is_text_field(widget: DOMNode | None) -> bool:
    """Whether this is an `Input` or a `TextArea`; the latter is not imported for it, as home has none."""
    return widget is not None and not {"Input", "TextArea"}.isdisjoint(widget._css_type_names)


def waiting_messages(pump: MessagePump) -> list[Message]:
    """The messages in the queue of this app or widget, in order."""
    found: list[Message | None] = [pump._pending_message, *pump._message_queue.values]
    return [each for each in found if each is not None]


class PasteHandler(Widget):
    """A widget that handles a paste during dispatch, not from its queue: the next paste must reach the next field."""

    def accepts_paste(self, text: str) -> bool:
        """Whether this handles the text; otherwise the app does, as outside a field."""
        return True

    def handle_paste(self, text: str) -> None:
        """Handles the pasted text."""
        raise NotImplementedError

    def _forward_event(self, event: events.Event) -> None:
        if isinstance(event, events.Paste) and self.accepts_paste(event.text):
            event._set_forwarded()
            self.handle_paste(event.text)
        else:
            super()._forward_event(event)


class _Layout(Compositor):
    """Reports what a layout changes since the one before it.

    Textual compares with the places of widgets that were last computed. Where something has asked for one between a
    change of the styles and the layout that follows it, those are the new ones, and no `Resize` or `Show` is sent.

    It also tells the widgets their sizes in a way that does not request another layout, which would change nothing:
    where a scroll bar comes or goes, that requests its own.
    """

    _reported: CompositorMap = {}  # noqa: RUF012 - replaced, never changed

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        result = super().reflow(parent, size)
        before, now = self._reported, self._full_map
        self._reported = now
        for widget, place in now.items():
            widget._size_updated(place.region.size, place.virtual_size, place.container_size, layout=False)
        resized = {
            widget for widget in before.keys() & now.keys() if before[widget].region.size != now[widget].region.size
        }
        return result._replace(shown=now.keys() - before.keys(), resized=resized)


class _Toast(Toast):
    """A notification that is drawn as the app wants it."""

    def render(self) -> Visual:  # type: ignore[override]
        text = super().render()
        return self.app.notification_text(text) if isinstance(self.app, QuietApp) else text


class _ToastRack(ToastRack):
    """The notifications of a screen; Textual's would create its own toasts."""

    def show(self, notifications: Notifications) -> None:
        self.display = bool(notifications)
        for toast in self.query(Toast):
            if toast._notification not in notifications:
                toast.remove()
        there = {each.id for each in self.children}
        new = [each for each in notifications if not each.has_expired and self._toast_id(each) not in there]
        if new:
            self.mount_all(ToastHolder(_Toast(each), id=self._toast_id(each)) for each in new)
            self.call_later(self.scroll_end, animate=False, force=True)


class BaseScreen(Screen[T]):
    """The base of every screen: its widgets receive a `Resize` for each new size."""

    viewed: ViewedProfile | None = None
    """The profile that the screen is about."""

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self._compositor = _Layout()

    def _extend_compose(self, widgets: list[Widget]) -> None:
        super()._extend_compose(widgets)
        widgets[:] = [_ToastRack(id=each.id) if type(each) is ToastRack else each for each in widgets]

    def get_child_by_type(self, expect_type: type[W]) -> W:
        """As Textual does, which looks for its own rack of notifications by its exact type."""
        return super().get_child_by_type(cast(type[W], _ToastRack) if expect_type is ToastRack else expect_type)

    @property
    def focus_chain(self) -> list[Widget]:
        """Tab goes from field to field. What is beside one belongs to it, and is reached with → from there."""
        return [each for each in super().focus_chain if each.has_focus or not each.has_class(BESIDE_FIELD)]

    def _screen_resized(self, size: Size) -> None:
        """Textual lays out this screen again for the size that it has: when it opens, and for each dialog over it."""
        if size != self._compositor.size:
            super()._screen_resized(size)

    @on(events.ScreenResume)
    def _prepare(self, event: events.ScreenResume) -> None:
        event.refresh_styles = False  # done when each widget was mounted; a change of the theme reaches all screens
        if isinstance(self.app, QuietApp):
            self.app.remove_read_notifications()  # before Textual draws them on this screen


def current_bindings(node: DOMNode, app: App[Any]) -> BindingsMap:
    """The bindings of this node with the user's keys; Textual's public API has only those of the focused node."""
    bindings = node._bindings.copy()
    bindings.apply_keymap(app._keymap)
    return bindings


def declared_bindings(kind: type[DOMNode]) -> Iterable[Binding]:
    """The bindings that a class declares or inherits."""
    return [binding for _, binding in kind._merge_bindings()]
