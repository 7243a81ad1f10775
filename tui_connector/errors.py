"""The root of every error that is reported to a user: a code, what happened, what to do, and where."""

from __future__ import annotations


class UserError(Exception):
    """An error that its user can act on.

    `code` is a stable name in lower case with dashes, such as "profile-missing": the program decides by it, never by
    the text. `message` says what happened, `hint` what to do about it, in a sentence or two. `place` is where: a file
    with line and column, or a key of a profile. None of them contains a secret. `str()` is the whole text as shown.
    """

    def __init__(self, code: str, message: str, hint: str = "", place: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.place = place

    @property
    def text(self) -> str:
        """The message and the hint, without the place."""
        if not self.hint:
            return self.message
        if "\n" in self.message:
            return f"{self.message}\n{self.hint}"
        return f"{self.message}{' ' if self.message.endswith(_ENDINGS) else '. '}{self.hint}"

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


class InvalidValue(UserError, ValueError):
    """A value that cannot be used: an address, an expression, a template, a filter.

    It is also a ValueError, so that validating a profile reports it at its field.
    """

    at: int | None = None
    """The character of the value at which it is wrong, from 0; its length if it ends too early; None for all of it."""
    key: str = ""
    """The key of the table that it is about, which may not be there; empty for the table, or for any other value."""
    correction: tuple[str, str] | None = None
    """A part of the value that is wrong, and what was probably meant."""


_ENDINGS = (".", "!", "?", ":", "…")
