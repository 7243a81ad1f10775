"""The base of the app: keys and pastes are handled one after another, and its user's own keys apply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from textual import events, on
from textual.content import Content
from textual.visual import Visual

from ..text import count, shown_line
from ._textual import QuietApp, is_text_field
from .keys import KeyQueue, TextFinder, key_label, paste_at, to_keymap, with_character
from .typed_words import WordFinder
from .unused_keys import why_unused
from .widgets.focus_marks import FocusMarks


class KeyboardApp(QuietApp):
    """Handles keys and pastes in the order in which they were entered, also while a screen is loading."""

    def __init__(self, own_keys: Mapping[str, str]) -> None:
        """`own_keys`: by the id of a binding, what its user has set in place of its keys."""
        super().__init__()
        self._own_keys = own_keys
        self.set_keymap(to_keymap(own_keys))
        self._key_queue = KeyQueue(self, self._handle_key)
        self._text_finder = TextFinder(self)
        self._word_finder = WordFinder(self, self._key_queue)
        self._focus_marks = FocusMarks()

    def notification_text(self, text: Content) -> Visual:
        from .widgets.prose import Prose

        return Prose(text)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            key = with_character(event)
            if (read := await self._text_finder.read(event)) is not None:
                await self._key_queue.submit(key if read is event else read)
        elif isinstance(event, events.Paste) and not event.is_forwarded:
            lines = event.text.replace("\r\n", "\n").replace("\r", "\n")  # most terminals end lines like Enter does
            await self._key_queue.submit(paste_at(event.time, lines))
        else:
            if isinstance(event, events.MouseDown):
                self.mark_notifications_as_read()
            await super().on_event(event)

    async def _handle_key(self, event: events.Event) -> None:
        """Handles a key or paste whose turn has come."""
        if self._text_finder.is_unused(event):
            return
        self.key_count += 1
        self.mark_notifications_as_read()
        if not self._word_finder.read(event):
            await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """Says why a key does nothing, or where it does something, unless a widget has said so."""
        if not self.screen_stack or self.has_unread_notifications:
            return
        reason = why_unused(self.screen, event.key)
        is_free = event.is_printable and event.key not in self.screen.active_bindings
        if not reason and is_free and not is_text_field(self.focused):
            hint = getattr(self.screen, "where_to_type", "")
            reason = f"{key_label(event.key)} is no key here: ? lists the keys. {hint}".strip()
        if reason:
            self.reply(shown_line(reason))

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _follow_focus(self, event: events.DescendantFocus | events.DescendantBlur) -> None:
        if event.widget.is_attached:
            self._focus_marks.follow(event.widget.screen)

    def hold_keys(self, message: str) -> Callable[[], None]:
        """Holds keys on the current screen until the returned function is called; `message` says what they wait for."""
        return self._key_queue.hold(message)

    def report_unused_paste(self, text: str) -> None:
        """Says that a text pasted outside a field did nothing, and where to type."""
        self._text_finder.unused()
        hint = getattr(self.screen, "where_to_type", "")
        said = f"{count(len(text), 'character')} pasted outside a field: nothing was done. {hint}".strip()
        self.notify(said, timeout=8, markup=False)

    async def check_own_keys(self, file: str) -> None:
        """Leaves out those of the user's own keys that cannot be used, and says so; `file` has them."""
        from .key_settings import all_bindings, check_keys

        bound = await asyncio.to_thread(all_bindings)
        keys, warnings = check_keys(self._own_keys, bound)
        self.set_keymap(to_keymap(keys))
        for warning in warnings:
            self.warn(f"{file}: {warning}")
