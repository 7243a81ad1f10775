"""Keys: bindings of actions, their labels, and the queue that handles keys in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

from textual import events
from textual.actions import parse
from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.events import Key
from textual.keys import Keys, key_to_character
from textual.screen import Screen
from textual.widget import Widget

from ..secrets.plain_text import is_random
from ..text import PublicText, shown_line
from ._textual import current_bindings, is_text_field, waiting_messages
from .unread import MayOpenByItself

T = TypeVar("T")

IN_FIELD = "-in-field"
"""Suffix of the id of a binding that works in a field."""

MODIFIERS = ("ctrl+", "alt+", "shift+", "super+")
_NAMED = {
    **{key.value: key.value.capitalize() for key in Keys if "+" not in key.value},
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}

_KEYPAD = {
    "decimal": ("full_stop", "."),
    "divide": ("slash", "/"),
    "multiply": ("asterisk", "*"),
    "subtract": ("minus", "-"),
    "add": ("plus", "+"),
    "equal": ("equals_sign", "="),
    "separator": ("comma", ","),
}
"""Keys of the numeric keypad that Textual reports without their character in terminals with the kitty protocol
(https://sw.kovidgoyal.net/kitty/keyboard-protocol/#functional-key-definitions)."""


def is_on_top(screen: Screen[T]) -> bool:
    """Whether keys go to this screen. Textual's `is_current` is also true of the one below it, even if unseen."""
    return screen.app.screen_stack[-1:] == [screen]


def paste_at(time: float, text: str) -> events.Paste:
    """A paste that has arrived at this time, in seconds of the monotonic clock."""
    paste = events.Paste(text)
    paste.time = time
    return paste


def with_character(event: Key) -> Key:
    """The key with its character, which keys of the numeric keypad lack."""
    known = _KEYPAD.get(event.key)
    if known is None or event.character is not None:
        return event
    key = Key(*known)
    key.time = event.time
    return key


def letter_bindings(
    key: str, action: str, description: str, name: str, *also: str, show: bool = False
) -> list[BindingType]:
    """Binds an action to a letter outside fields, and to other keys everywhere.

    In a field, the action is Esc, then the letter; within a multiplexer's escape time the pair arrives as alt+letter.
    That binding has priority, because the field would accept the key as text.
    """
    in_field = ",".join([f"alt+{key}", *also])
    return [
        Binding(key, action, description, show=show, id=name),
        Binding(in_field, action, description, show=show, id=f"{name}{IN_FIELD}", priority=True),
    ]


@dataclass(frozen=True, slots=True)
class KeyAction:
    """An action that is available now, with its title and the labels of its keys."""

    id: str
    title: str
    keys: tuple[str, ...]
    node: DOMNode
    action: str
    shown: bool = True
    """Whether the footer shows it; it omits cursor movement."""
    after_escape: bool = False
    """Whether its letter works in a field after Esc."""
    word: str = ""
    """What the footer calls it."""

    async def run(self, app: App[object]) -> None:
        """Runs the action on its own node, as its key would."""
        if isinstance(self.node, Widget) and self.node.focusable and not isinstance(self.node, Screen):
            self.node.focus()
        elif isinstance(self.node, Widget) and not isinstance(self.node, Screen) and not self.node.has_focus_within:
            first = next((each for each in self.node.screen.focus_chain if self.node in each.ancestors), None)
            if first is not None:
                self.node.screen.set_focus(first)
        await app.run_action(self.action, default_namespace=self.node)


def actions_of(screen: Screen[object]) -> list[KeyAction]:
    """Every titled action that is available now: those that the footer shows first, then from the focus outwards."""
    reached: list[DOMNode] = [*(screen.focused.ancestors_with_self if screen.focused else ()), screen]
    others = [widget for widget in screen.walk_children(Widget) if _is_visible(widget) and widget not in reached]
    found: dict[str, KeyAction] = {}
    for node in [*reached, *others, screen.app]:
        for action in actions_in(node, screen, reached=node in reached):
            found.setdefault(action.id, action)
    return sorted(found.values(), key=lambda action: not action.shown)


def _is_visible(widget: Widget) -> bool:
    return widget.can_focus and widget.display and all(isinstance(a, App) or a.display for a in widget.ancestors)


def actions_in(node: DOMNode, screen: Screen[object], *, reached: bool) -> Iterator[KeyAction]:
    """The actions of this node. If it is `reached` by keys now, without those whose keys all do something else."""
    active, by_id = screen.active_bindings, dict[str, list[Binding]]()
    for key, binding in current_bindings(node, screen.app):
        if not binding.id or not binding.description or not is_available(node, binding.action, screen):
            continue
        if screen.is_modal and node is screen.app and not binding.priority:  # which a dialog keeps from the app
            continue
        if not reached or key not in active or active[key].binding.id == binding.id:
            by_id.setdefault(binding.id.removesuffix(IN_FIELD), []).append(binding)
    titles = key_titles(node)
    for name, group in by_id.items():
        first = group[0]
        keys = dict.fromkeys(key_label(each.key) for each in group if not each.key.startswith("alt+"))
        if not keys and screen.is_modal and node is screen.app:  # only after Esc in a field, which a dialog lacks
            continue
        title = titles.get(name) or PublicText(first.tooltip or first.description)
        after_escape = any(each.key.startswith("alt+") for each in group)
        word = titles.get(name) or PublicText(first.description)
        yield KeyAction(name, title, tuple(keys), node, first.action, first.show, after_escape, word)


def key_titles(node: DOMNode) -> Mapping[str, str]:
    """The titles of bindings that depend on the state of their screen or widget, by their ids.

    One that is empty keeps a key that only says why it does nothing out of the footer.
    """
    titles: Mapping[str, str] = getattr(node, "key_titles", {})
    return titles


def is_available(node: DOMNode, action: str, screen: Screen[object]) -> bool:
    """Whether an action that is bound on this node can be run now."""
    place, name, parameters = parse(action)
    target = {"app": screen.app, "screen": screen}.get(place, node)
    return target.check_action(name, parameters) is True


def keys_of(node: DOMNode, name: str) -> list[str]:
    """The labels of the keys that are bound to an action of this node: first those that work in a field as well."""
    bound = [(key, binding) for key, binding in current_bindings(node, node.app) if not key.startswith("alt+")]
    keys = [key for key, binding in bound if binding.id == f"{name}{IN_FIELD}"]
    keys += [key for key, binding in bound if binding.id == name]
    return [key_label(key) for key in keys]


def key_label(key: str) -> str:
    """The label of a key: "^R", "F5", "?", "Shift+Tab"."""
    if key.startswith("ctrl+"):
        rest = key.removeprefix("ctrl+")
        return f"^{rest.upper()}" if len(rest) == 1 else f"Ctrl+{key_label(rest)}"
    for modifier in MODIFIERS:
        if key.startswith(modifier):
            return modifier.capitalize() + key_label(key.removeprefix(modifier))
    if len(key) == 1:
        return key
    return _NAMED.get(key) or key_to_character(key) or key.capitalize()


def joined(keys: Sequence[str]) -> str:
    """The labels of keys that do the same, as one text: "Enter/t"; "/ or ^F" where one of them is a slash."""
    return (" or " if any("/" in key for key in keys) else "/").join(keys)


def to_keymap(keys: Mapping[str, str]) -> dict[str, str]:
    """The user's keys as a Textual keymap; in fields, a letter is bound as Esc, then the letter."""
    keymap = {}
    for name, text in keys.items():
        wanted = [key.strip() for key in text.split(",") if key.strip()]
        keymap[name] = ",".join(wanted)
        keymap[f"{name}{IN_FIELD}"] = ",".join(f"alt+{key}" if len(key) == 1 else key for key in wanted)
    return keymap


def after_pending_messages(node: DOMNode | None, top: DOMNode, arrived: Callable[[], object]) -> None:
    """Calls `arrived` from the queue of `top` after the messages that this node has received and posted so far.

    Each widget has a message queue of its own. The call passes through the queues from `node` up to `top`, and through
    that of `top` twice, because a handler may post a new message. Where a node was removed, its messages are gone too.
    """
    if node is None or node is top:
        top.call_later(top.call_later, arrived)
    elif not node.call_later(node.call_later, after_pending_messages, node.parent, top, arrived):
        top.call_later(arrived)


_POLL_INTERVAL, _MAX_POLLS = 0.1, 10
"""Seconds between two checks whether a key has been handled, and the number of checks before the next key is handled.

A count of checks, not a deadline: while the whole program is stalled, the key has no chance to be handled.
"""
_LOADING_POLL_INTERVAL = 0.02
"""Seconds between two checks whether loading has finished."""
_NOTICE_AFTER = 1.0
"""Seconds after which the user is notified that keys are waiting."""
_APP, _QUIT = "app.", "app.quit"


@runtime_checkable
class LoadsInBackground(Protocol):
    """A screen whose keys act on data that a thread loads."""

    IMMEDIATE: ClassVar[frozenset[str]]
    """The ids of the bindings that do not need the data; those of the app never do."""

    @property
    def loading_message(self) -> str:
        """What is being loaded; empty once it is loaded and has the focus."""
        ...


_NEXT_WAIT, _BURST_WAIT = 0.001, 0.004
"""Seconds in which the second character of a text that arrives at once is received, and then the rest."""
_GAP, _LATE_GAP = 0.004, 0.05
"""Seconds between two keys of such a text, and between it and a late part of it. Nobody types as fast."""
_SHORTEST, _DISTINCT = 4, 3
"""Characters, and different ones, of a text. A slow connection may deliver a few typed commands at once."""
_SHORTEST_SECRET = 7
"""Characters, as in the passwords of Magento (Magento\\User\\Model\\UserValidationRules): fewer replace no secret."""
_OPENS_FIELD = frozenset(
    {
        "app.commands",
        "configurations.add",
        "home.duplicate",
        "home.filter",
        "home.import",
        "home.new",
        "home.open-file",
        "home.rename",
        "log.edit",
        "log.filter",
        "log.new",
        "log.search",
        "page.add",
        "page.rename",
        "parts.add",
        "send.filter",
    }
)
"""Actions that open an empty field: what arrives with their key is meant for it."""


class TextFinder:
    """Finds a text that arrives at once as single keys while no field that takes them has the focus.

    Its letters would test, save and go to other steps. It becomes a paste, for the field that is to be filled in.
    """

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._part_of_text: set[int] = set()
        self._ended = self._unused = float("-inf")
        """When the last key of the last text arrived, and the same if nothing used that text."""

    async def read(self, event: Key) -> Key | events.Paste | None:
        """The event; the whole text in place of its first key, and None in place of its other keys."""
        if id(event) in self._part_of_text:
            self._part_of_text.discard(id(event))
            return None
        if not event.is_printable or not self._app.screen_stack or self._takes_text:
            return event
        await asyncio.sleep(_NEXT_WAIT)
        if not self._following(event):
            return event
        await asyncio.sleep(_BURST_WAIT)
        keys = [event, *self._following(event)]
        text = "".join(each.character or "" for each in keys)
        if not is_random(text) and not self._is_text(event, text):
            return event
        self._part_of_text = {id(each) for each in keys[1:]}
        self._ended = keys[-1].time
        return paste_at(event.time, text)

    @property
    def _takes_text(self) -> bool:
        """Whether a field takes keys as text: not that of a secret that is set, which only a paste replaces."""
        focused = self._app.focused
        return is_text_field(focused) and not getattr(focused, "locked", False)

    def _is_text(self, first: Key, text: str) -> bool:
        """Whether this is a text, and not a few commands, or one and what is meant for the field that it opens."""
        if is_text_field(self._app.focused):
            return len(text) >= _SHORTEST_SECRET
        if len(text) < _SHORTEST or len({*text}) < _DISTINCT:
            return False
        bound = self._app.screen.active_bindings.get(first.key)
        return bound is None or (bound.binding.id or "") not in _OPENS_FIELD

    def _following(self, event: Key) -> list[Key]:
        """The printable keys that arrived directly after this one, which is handled now.

        The queue has more than what arrives: keys that come back from the widgets, where this one was typed while an
        earlier one was handled, and messages of the program itself. They neither belong to a text nor end it.
        """
        found: list[Key] = []
        last = event.time
        for each in waiting_messages(self._app):
            if not isinstance(each, events.InputEvent | events.Paste) or each.is_forwarded:
                continue
            gap = _GAP if len(found) < _SHORTEST else _LATE_GAP
            if not isinstance(each, Key) or not each.is_printable or each.time - last > gap:
                break
            found.append(each)
            last = each.time
        return found

    def unused(self) -> None:
        """Called when nothing used the last text: Enter at its end, or a late part of it, is no command either."""
        self._unused = self._ended

    def is_unused(self, event: events.Event) -> bool:
        """Whether this key belongs to a text that nothing used."""
        if not isinstance(event, Key) or event.time - self._unused > _LATE_GAP:
            return False
        self._unused = event.time
        return True


class KeyQueue:
    """Holds back a key or paste until the one before it has been handled, and while the data it acts on is loading.

    Textual passes a key from widget to widget, each with a task of its own. On a busy machine, a later key that the
    screen handles directly (Esc) would overtake it, and the first one would act on whatever has the focus by then.
    Once the user was notified of waiting keys, Esc discards them. A dialog that opened by itself ignores keys until it
    can have been read.
    """

    def __init__(self, app: App[None], handle: Callable[[events.Event], Awaitable[None]]) -> None:
        """`handle` is called with each key when its turn comes."""
        self._app, self._handle = app, handle
        self._waiting: deque[events.Event] = deque()
        self._in_progress: events.Event | None = None
        self._holds: list[tuple[Screen[object], str]] = []
        self._not_awaited = ""
        """The loading message that keys no longer wait for."""
        self._waiting_since: float | None = None
        """When the first key started to wait for loading."""
        self._notified = False
        self._is_paused = False

    def pause(self) -> None:
        """Holds all keys until `resume` is called, and says nothing about it: nobody would see that."""
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        self._waiting_since, self._notified = None, False
        self._app.call_later(self._process)

    def hold(self, message: str) -> Callable[[], None]:
        """Holds keys on the current screen until the returned function is called; `message` says what they wait for."""
        hold = self._app.screen, message
        self._holds.append(hold)
        return partial(self._holds.remove, hold)

    async def submit(self, event: events.Event) -> None:
        """Handles the event now or in its turn."""
        if self._waiting_since is not None and isinstance(event, events.Key):
            if self._quits(event):
                await self._handle(event)
                return
            if event.key == "escape" and self._notified:
                self._discard()
                return
        self._waiting.append(event)
        if self._in_progress is None and self._waiting_since is None:
            await self._process()

    def put_first(self, *events: events.Event) -> None:
        """Handles these before all that wait; called while a key is handled."""
        self._waiting.extendleft(reversed(events))

    def _discard(self) -> None:
        self._waiting.clear()
        self._waiting_since, self._notified = None, False
        self._not_awaited = self._loading()

    async def _process(self) -> None:
        while self._waiting and self._in_progress is None and not self._is_paused:
            if not self._app.screen_stack:  # the program is exiting
                self._waiting.clear()
                return
            if self._must_wait(self._waiting[0]):
                self._wait()
                return
            self._waiting_since, self._notified = None, False
            event = self._waiting.popleft()
            await self._deliver(event)
            while self._waiting and self._is_text(event) and self._is_text(self._waiting[0]):
                event = self._waiting.popleft()  # the field's own queue keeps their order
                await self._deliver(event)
            if event.is_forwarded and self._app.screen_stack:
                self._in_progress = event
                node = self._app.focused or self._app.screen
                # once for the key itself, and once for the messages that handling it has posted
                after_pending_messages(
                    node, self._app, partial(after_pending_messages, node, self._app, partial(self._done, event))
                )
                self._poll(event, _MAX_POLLS)

    async def _deliver(self, event: events.Event) -> None:
        screen = self._app.screen
        unread = screen.unread if isinstance(screen, MayOpenByItself) else None
        if unread is not None and not self._quits(event) and unread.ignores(event):
            return
        await self._handle(event)

    def _is_text(self, event: events.Event) -> bool:
        """Whether it is a character for the field that has the focus."""
        field = self._app.focused if self._app.screen_stack else None
        if not isinstance(event, Key) or not is_text_field(field) or getattr(field, "locked", False):
            return False
        return event.is_printable and not self._loading()

    def _loading(self) -> str:
        """What the current screen is loading."""
        screen = self._app.screen
        held = next((message for each, message in self._holds if each is screen), "")
        return held or (screen.loading_message if isinstance(screen, LoadsInBackground) else "")

    def _binding_id(self, event: events.Key) -> str:
        """The id of the binding that this key has on the current screen; empty before that has its widgets."""
        screen = self._app.screen if self._app.screen_stack else None
        bound = screen.active_bindings.get(event.key) if screen is not None and screen.is_mounted else None
        return (bound.binding.id or "") if bound is not None else ""

    def _quits(self, event: events.Event) -> bool:
        return isinstance(event, events.Key) and self._binding_id(event) == _QUIT

    def _must_wait(self, event: events.Event) -> bool:
        loading, screen = self._loading(), self._app.screen
        if not loading:
            self._not_awaited = ""
        if not loading or loading == self._not_awaited:
            return False
        if self._quits(event):
            return False
        known = self._binding_id(event) if isinstance(event, events.Key) else ""
        if any(each is screen for each, _ in self._holds):
            return True
        return not known.startswith(_APP) and not (isinstance(screen, LoadsInBackground) and known in screen.IMMEDIATE)

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        if self._waiting_since is None:
            self._waiting_since = loop.time()
        elif not self._notified and loop.time() - self._waiting_since >= _NOTICE_AFTER:
            self._notified = True
            notice = f"{self._loading()} … Keys pressed meanwhile are applied afterwards; Esc discards them."
            self._app.notify(shown_line(notice, 200), markup=False)
        loop.call_later(_LOADING_POLL_INTERVAL, self._app.call_later, self._retry, self._waiting_since)

    async def _retry(self, since: float) -> None:
        if self._waiting_since == since:
            await self._process()

    def _poll(self, event: events.Event, more: int) -> None:
        if event is not self._in_progress:
            return
        if more:
            asyncio.get_running_loop().call_later(_POLL_INTERVAL, self._poll, event, more - 1)
        else:  # a widget that never finishes does not block later keys
            self._app.call_later(self._done, event)

    async def _done(self, event: events.Event) -> None:
        if event is self._in_progress:
            self._in_progress = None
            await self._process()
