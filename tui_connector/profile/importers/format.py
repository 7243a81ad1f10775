"""What a module of `formats` declares as FORMAT: the format's name, which texts are in it, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ...templates import Json
from .json_text import parse_json
from .model import Import, ImportOptions, InvalidImport


@dataclass(frozen=True)
class ImportText:
    """A text to import, without blanks before it."""

    text: str

    @cached_property
    def _parsed(self) -> Json | InvalidImport:
        if not self.text.startswith(("{", "[")):
            return None
        try:
            return parse_json(self.text)
        except InvalidImport as error:
            return error

    @property
    def data(self) -> Json:
        """Its value if it is JSON, else None."""
        return None if isinstance(self._parsed, InvalidImport) else self._parsed

    @property
    def syntax_error(self) -> InvalidImport | None:
        """Why it is not valid JSON, although it starts as JSON does."""
        return self._parsed if isinstance(self._parsed, InvalidImport) else None


@dataclass(frozen=True, slots=True)
class Format:
    """A format that can be imported."""

    name: str
    """What is imported, in the plural: "HAR files"."""
    fits: Callable[[ImportText], bool]
    read: Callable[[ImportText, ImportOptions], Import]
    """Raises `InvalidImport`."""


def text_format(name: str, fits: Callable[[str], bool], read: Callable[[str, ImportOptions], Import]) -> Format:
    """A format that is not one JSON value."""
    return Format(name, lambda source: fits(source.text), lambda source, options: read(source.text, options))


def json_format(name: str, fits: Callable[[Json], bool], read: Callable[[Json, ImportOptions], Import]) -> Format:
    """A format that is one JSON value."""
    return Format(name, lambda source: fits(source.data), lambda source, options: read(source.data, options))
