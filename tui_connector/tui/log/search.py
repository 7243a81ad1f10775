"""What is searched for in the log: in its list, and in the detail of the selected request."""

from __future__ import annotations

from ...client.exchange import Exchange
from ...log.search import search_for, text_found
from ...text import count
from .sending import LogHost


class LogSearch:
    """The search of the list, which the detail marks, too, until it is searched for a text of its own."""

    def __init__(self, panel: LogHost) -> None:
        self._panel = panel
        self.text = ""
        """The search of the list."""
        self._is_own = False
        """Whether the detail was searched for a text of its own."""
        self.found = 0, 0
        """The match in the detail that the cursor is on, and their number."""

    def count(self, text: str) -> None:
        """Counts the requests of the list that match; an empty text ends the search."""
        self.text = text
        self._panel.view.search(search_for(text) if text else None)

    def search_list(self, text: str) -> None:
        """Goes to the first request that matches, and marks the text in the detail."""
        self.count(text)
        self._is_own = False
        self._panel.detail.search(self.text_in(self._panel.view.selected))
        self._panel.view.find_first()

    def search_detail(self, text: str) -> None:
        """Goes to the next match in the detail."""
        self._is_own = True
        self._panel.detail.search(text)

    def text_in(self, exchange: Exchange | None) -> str:
        """What the detail marks of an exchange: what was searched for in it, or else what the list's search found."""
        if self._is_own:
            return self._panel.detail.needle
        return text_found(self.text, exchange) if exchange is not None else ""

    def found_words(self) -> str:
        """Which match in the detail is the current one, where `n` goes to the next of them."""
        view, (current, number) = self._panel.view, self.found
        exchange = self._panel.detail.exchange
        if not number:
            others = len(view.found) - bool(view.match) if view.found is not None else 0
            keys = "n" if view.has_focus else "Esc, n"
            nowhere = "not in the part that was kept" if exchange and exchange.is_partial else "not in this view"
            return f"{nowhere}; {keys}: in {count(others, 'other', 'others')}" if others else nowhere
        if current and self._panel.detail.has_focus:
            return f"{current} of {number}"
        return count(number, "match", "matches")
