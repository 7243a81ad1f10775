"""Limits the text that the values of variables insert while a text is imported.

Values may contain other variables: without a limit, 40 lines such as a=$a$a
make terabytes of one character.
"""

from __future__ import annotations

from .model import InvalidImport, short

_MAX_INSERTED = 10_000_000
"""Characters in total; a profile has at most 1 MiB."""


class Insertions:
    """What one import inserts for its variables."""

    def __init__(self) -> None:
        self._room = _MAX_INSERTED

    def insert(self, name: str, value: str) -> str:
        """The value, to be inserted for this variable. Raises `InvalidImport` if all values together are too large."""
        self._room -= len(value)
        if self._room < 0:
            raise InvalidImport(
                "import-too-large",
                f"The values of variables such as {short(name)} insert more than {_MAX_INSERTED:,} characters",
                "Shorten the values, or insert them before the import.",
            )
        return value
