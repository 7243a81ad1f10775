"""What a key does only when it is pressed again, after its first press has shown a doubt."""

from __future__ import annotations

from textual.app import App

from ._textual import QuietApp


class SecondPress:
    """Whether the last key has shown a doubt, and this one accepts it: any other key, or change, needs a new doubt."""

    def __init__(self) -> None:
        self._doubt: object = None
        self._shown_at = 0
        """The number of the key that has shown the doubt."""

    @property
    def is_awaited(self) -> bool:
        """Whether a doubt was shown."""
        return self._doubt is not None

    def accepts(self, app: App[object], doubt: object) -> bool:
        """Whether this doubt was shown by the key before; otherwise the caller shows it now."""
        now = app.key_count if isinstance(app, QuietApp) else 0
        accepted = doubt == self._doubt and now - self._shown_at <= 1
        self._doubt, self._shown_at = doubt, now
        return accepted

    def forget(self) -> None:
        """Called when what the doubt was about has changed."""
        self._doubt = None
