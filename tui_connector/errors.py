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

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        if not self.hint:
            return text
        if "\n" in self.message:
            return f"{text}\n{self.hint}"
        return f"{text}{' ' if text.endswith(_ENDINGS) else '. '}{self.hint}"


class InvalidValue(UserError, ValueError):
    """A value that cannot be used: an address, an expression, a template, a filter.

    It is also a ValueError, so that validating a profile reports it at its field.
    """


_ENDINGS = (".", "!", "?", ":", "…")
