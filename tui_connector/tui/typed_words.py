"""Words that are typed at the speed of typing where letters are keys: their letters run no further commands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from textual import events
from textual.app import App
from textual.binding import Binding
from textual.events import Key

from ..text import count
from ._textual import is_text_field, reply
from .keys import IN_FIELD, MODIFIERS, KeyQueue, key_label, key_titles

GAP = 0.3
"""Seconds between two letters that are typed as text. Who presses keys on purpose looks after the second one."""
PAUSE = 1.0
"""Seconds after which a word that was found has ended, so that letters are keys again."""
_MOVES_CURSOR = "cursor_"
"""How the actions begin that change nothing: the letter after one is the first of a word, or a key."""
_BETWEEN_STEPS = ("setup.next", "setup.previous", "setup.jump-")
"""How the ids begin of keys that go from step to step, of which several are pressed in a row."""
_CONFIRMS = frozenset({"setup.save", "outgoing.send-sample", "outgoing.undo-sample"})
"""Keys whose second press carries out what the first one has shown, which takes a moment to read."""
_EDITS = ".edit"
"""How the ids end of keys that lead to a field."""
_HELP = "question_mark"


@dataclass(slots=True)
class _Letter:
    """The letter that a word may follow, or the last one of the word that is being typed."""

    key: str
    id: str
    title: str
    time: float
    ignored: int = 0
    """The number of letters after it that did nothing."""
    has_text: bool = False
    """Whether a letter that is no key has followed."""


def _is_letter(event: Key) -> bool:
    """Whether it may be part of a word."""
    return event.is_printable and not event.key.startswith(MODIFIERS) and event.key != _HELP


class WordFinder:
    """Finds words by their speed, once their first letter was a key.

    The first letter acts at once, a digit is none. A second key that follows as fast as text waits: two keys are
    pressed on purpose, three letters are a word. It acts unless a third letter comes as fast. Then it does nothing,
    like the rest of the word and an Enter at its end, which is reported; so does at once a letter that is no key.

    Only where the property `is_beside_fields` of the screen says that a word may be typed that is meant for a field. On
    other screens, where keys are pressed one right after the other on purpose, a word starts with a letter that is no
    key: only on those with `letters_are_keys`.
    """

    def __init__(self, app: App[None], queue: KeyQueue) -> None:
        self._app, self._queue = app, queue
        self._first: _Letter | None = None
        self._held: Key | None = None
        """The second key, until it is known whether a third letter follows."""
        self._released: Key | None = None
        """The one that was found to be a key."""

    async def _release(self, held: Key) -> None:
        """Lets a key act that no letter has followed."""
        if self._held is held:
            self._first = self._held = None
            self._released = held
            await self._queue.submit(held)

    def _ends_waiting(self, held: Key, event: events.Event) -> bool:
        """What becomes of the second key at the next one; whether that belongs to a word."""
        first, self._held = self._first, None
        is_fast = isinstance(event, Key) and event.time - held.time <= GAP
        if first is not None and isinstance(event, Key) and is_fast and _is_letter(event):
            first.time, first.ignored = event.time, 2
            self._report(first)
            return True
        self._first, self._released = None, held
        if isinstance(event, Key) and is_fast and event.key == "enter":
            self._queue.put_first(held)
            reply(self._app, f"Enter did nothing: it ended the word that you typed. {self._hint}".strip())
        else:
            self._queue.put_first(held, event)
        return True

    def read(self, event: events.Event) -> bool:
        """Whether this key does nothing, at least not yet: it belongs to a word; called with each key in turn."""
        if (held := self._held) is not None:
            return self._ends_waiting(held, event)
        if event is self._released:
            self._first = self._released = None
            return False
        first, self._first = self._first, None
        if not isinstance(event, Key) or not self._app.screen_stack:
            return False
        if first is not None and first.ignored and event.key == "enter" and event.time - first.time <= PAUSE:
            reply(self._app, f"Enter did nothing: it ended the word that you typed. {self._hint}".strip())
            return True
        if not _is_letter(event):
            return False
        if self._takes_text:
            return first is not None and self._is_typed_on(first, event)
        bound = self._app.screen.active_bindings.get(event.key)
        if first is not None and bound is not None and self._may_be_key(first, event):
            self._first, self._held = first, event
            self._app.set_timer(GAP, partial(self._release, event))
            return True
        if first is not None and self._continues(first, event, bound.binding if bound is not None else None):
            first.time = event.time
            self._first = first
            first.has_text = first.has_text or bound is None
            if bound is None and not first.ignored and not hasattr(self._app.screen, "is_beside_fields"):
                return False  # the key before may have opened a list, which letters search
            first.ignored += 1
            self._report(first)
            return True
        if bound is not None and getattr(self._app.screen, "is_beside_fields", False):
            name = (bound.binding.id or "").removesuffix(IN_FIELD)
            is_move = bound.binding.action.startswith(_MOVES_CURSOR)
            title = key_titles(bound.node).get(name) or bound.binding.description
            if event.character is not None and not event.character.isdigit() and not is_move:
                self._first = _Letter(event.key, name, title, event.time)
        elif bound is None and getattr(self._app.screen, "letters_are_keys", False) and event.key.isalpha():
            self._first = _Letter(event.key, "", "", event.time)
        return False

    def _is_typed_on(self, first: _Letter, event: Key) -> bool:
        """Whether this letter belongs to a word whose first one was the key that has led to this field."""
        within = PAUSE if first.ignored else GAP
        leads_to_field = first.id.endswith(_EDITS) or first.id in _CONFIRMS
        is_word = leads_to_field and event.character is not None and event.character.isalpha()
        if not is_word or event.time - first.time > within:
            return False
        first.time, first.ignored = event.time, first.ignored + 1
        self._first = first
        self._report(first)
        return True

    @property
    def _takes_text(self) -> bool:
        focused = self._app.focused
        return is_text_field(focused) and not getattr(focused, "locked", False)

    @property
    def _hint(self) -> str:
        hint: str = getattr(self._app.screen, "where_to_type", "")
        return hint

    def _may_be_key(self, first: _Letter, event: Key) -> bool:
        """Whether it is another key than the one before, as fast as text: two keys, or the start of a word."""
        is_second = bool(first.title) and not first.ignored and not first.has_text and event.time - first.time <= GAP
        return is_second and event.key != first.key and not self._is_between_steps(first, event)

    def _is_between_steps(self, first: _Letter, event: Key) -> bool:
        bound = self._app.screen.active_bindings.get(event.key)
        name = (bound.binding.id or "").removesuffix(IN_FIELD) if bound is not None else ""
        return first.id.startswith(_BETWEEN_STEPS) and name.startswith(_BETWEEN_STEPS)

    def _continues(self, first: _Letter, event: Key, binding: Binding | None) -> bool:
        """Whether this letter belongs to the same word as the one before it."""
        if first.ignored:
            return event.time - first.time <= PAUSE
        if event.time - first.time > GAP:
            return False
        if binding is None:
            return True
        name = (binding.id or "").removesuffix(IN_FIELD)
        if self._is_between_steps(first, event):
            return False
        return event.key != first.key or name in _CONFIRMS

    def _report(self, first: _Letter) -> None:
        letters = "the letter" if first.ignored == 1 else f"the {count(first.ignored, 'letter')}"
        what = f"was a key ({first.title})" if first.title else "is no key"
        said = f"{key_label(first.key)} {what}; {letters} typed right after it did nothing."
        reply(self._app, f"{said} {self._hint}".strip())
