"""A profile as text and as plain data: changes of the data are written into the text as it was read."""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path as File
from typing import Any, ClassVar, Final, Self

from ..files import check_unchanged, digest, write_atomic
from .edit import Plain, cannot_splice, rewrite
from .library import BYTE_ORDER_MARK, ProfileError, as_text, read_bytes
from .matching import PathMapping, same
from .positions import KeyPath, TextPosition, position_finder, positions
from .statements import Comment, comments

SCHEMA_LINE = "#:schema ./tui-connector.schema.json\n"
"""The first line of a new profile: where TOML editors find the schema."""

MAX_DEPTH = 100
"""Levels of tables and arrays; tomlkit has the same limit."""

_LARGEST_INTEGER = 2**63  # TOML 1.0, "Integer": 64 bits, signed


class Unset:
    """Stands for the removal of a key or an element."""


UNSET: Final = Unset()


def _invalid_toml(path: File | None, at: TextPosition, message: str, hint: str | None = None) -> ProfileError:
    return ProfileError("toml-syntax", message, hint or "", path or File("profile"), at.line, at.column)


def _invalid_value(keys: KeyPath, message: str, hint: str) -> ProfileError:
    return ProfileError("toml-value", message, hint, keys=keys)


class Document:
    """A profile as text (`text_as_read`), and as plain data that may be changed (`draft`)."""

    plain_types: ClassVar = (bool, int, float, str, datetime, date, time)

    def __init__(
        self, text: str, path: File | None = None, *, file_digest: str | None = None, byte_order_mark: bytes = b""
    ) -> None:
        """`text` is without its byte order mark, `file_digest` that of the file as read. Raises `ProfileError`."""
        self.text_as_read = text
        self.path = path
        self._data = parsed(text, path)
        self.draft: dict[str, Any] = _deep_copy(self._data)
        self._file_digest = file_digest
        self._byte_order_mark = byte_order_mark

    @classmethod
    def read(cls, path: File) -> Self:
        """The profile in a file; raises `ProfileError`."""
        data = read_bytes(path)
        mark = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
        return cls(as_text(path, data), path, file_digest=digest(data), byte_order_mark=mark)

    @classmethod
    def new(cls, data: Mapping[str, Plain]) -> Self:
        """A profile that has no file yet."""
        document = cls(SCHEMA_LINE)
        document.draft = _deep_copy(data)
        return document

    @property
    def changed(self) -> bool:
        """Whether the draft differs from what was read or saved."""
        return not same(self.draft, self._data)

    def set(self, path: KeyPath, value: Plain | Unset) -> None:
        """Change the draft. Missing tables of the path are created; the index after the last one appends.

        Raises LookupError for an index that does not exist, and for a step into a value that is not a table.
        """
        *parents, last = path
        at: Any = self.draft
        for step in parents:
            if isinstance(at, dict) and isinstance(step, str):
                if step not in at and isinstance(value, Unset):
                    return
                at = at.setdefault(step, {})
            else:
                at = at[_index(at, step, path)]
        if isinstance(at, dict) and isinstance(last, str):
            if isinstance(value, Unset):
                at.pop(last, None)
            else:
                at[last] = _deep_copy(value)
        elif isinstance(value, Unset):
            del at[_index(at, last, path)]
        elif isinstance(at, list) and last == len(at):
            at.append(_deep_copy(value))
        else:
            at[_index(at, last, path)] = _deep_copy(value)

    def text(self) -> str:
        """The text that holds the draft, changed only where the draft differs from what was read.

        It is verified: read back it is the draft, and each comment still belongs to its key, unless the key was
        removed. Raises `ProfileError` if this is not possible.
        """
        if not self.changed:
            return self.text_as_read
        check_plain((), self.draft)
        text = rewrite(self.text_as_read, self._data, self.draft, _scalar)
        self._check_data(text)
        self._check_comments(text)
        return text

    def check_unchanged(self, path: File) -> None:
        """Raises `ChangedOnDisk` if `save` to `path` would."""
        check_unchanged(path, self._file_digest if path == self.path else None)

    def save(self, path: File | None = None, *, overwrite: bool = False) -> None:
        """Write the draft to the file that it was read from, or to a new file at `path`.

        Raises what `text` raises, `ChangedOnDisk` (unless `overwrite`) and `CannotSave`, and then leaves the file as
        it was.
        """
        text = self.text()
        target = path or self.path
        if target is None:
            raise ValueError("a new profile needs a path to be saved to")
        data = self._byte_order_mark + text.encode()
        write_atomic(target, data, expect=self._file_digest if target == self.path else None, overwrite=overwrite)
        self.path, self.text_as_read, self._file_digest = target, text, digest(data)
        self._data = parsed(text, target)
        self.draft = _deep_copy(self._data)

    def _check_data(self, text: str) -> None:
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self._refused((), f"the changed text would not be valid TOML: {error}") from error
        if not same(data, self.draft):
            path = _difference(self.draft, data, ())
            raise self._refused(path, "the changed text would not have the requested meaning")

    def _check_comments(self, text: str) -> None:
        new_path = PathMapping(self._data, self.draft)
        expected: Counter[Comment] = Counter()
        old_paths: dict[Comment, KeyPath] = {}
        for comment in comments(self.text_as_read):
            path = new_path(comment.path)
            if path is None or (comment.where == "inside" and not new_path.is_list_in_both(comment.path)):
                continue  # removed with its key or its list
            moved = comment._replace(path=path)
            expected[moved] += 1
            old_paths[moved] = comment.path
        actual = Counter(comments(text))
        for comment in (expected - actual) + (actual - expected):
            reason = f"its comment would be lost or moved: {comment.text}"
            raise self._refused(old_paths.get(comment, comment.path), reason)

    def _refused(self, path: KeyPath, reason: str) -> ProfileError:
        known = positions(self.text_as_read)
        nearest = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in known)
        return cannot_splice(path, known[nearest], reason)


def parsed(text: str, path: File | None = None) -> dict[str, Any]:
    """The data of a TOML text without a byte order mark; raises `ProfileError`."""
    try:
        data = tomllib.loads(text)
        check_plain((), data)
    except tomllib.TOMLDecodeError as error:
        from .syntax import explain_error  # compiles many patterns: only for an invalid text

        found = explain_error(text, error)
        raise _invalid_toml(path, found.position, found.message, found.hint) from error
    except RecursionError as error:
        raise _too_deep(path) from error
    except ProfileError as error:
        if len(error.keys) > MAX_DEPTH:
            raise _too_deep(path) from error
        raise _invalid_toml(path, positions(text)[error.keys], error.message, error.hint) from error
    except ValueError as error:  # Python's limit for decimal numbers is 4,300 digits
        match = re.search(r"[0-9_]{4300,}", text)
        raise _invalid_toml(
            path, position_finder(text)(match.start() if match else 0), "a number is too long"
        ) from error
    return data


def _too_deep(path: File | None) -> ProfileError:
    return ProfileError("profile-unreadable", "is nested too deeply", "Use fewer levels.", path or File("profile"))


def check_plain(path: KeyPath, value: object) -> None:
    """Raise `ProfileError` for a value that a TOML document cannot hold."""
    if len(path) > MAX_DEPTH:
        raise _invalid_value(path, f"is nested more than {MAX_DEPTH} deep", "Use fewer levels.")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise _invalid_value((*path, str(key)), "does not have text as its name", "Use text as its name.")
            _check_text((*path, key), key)
            check_plain((*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_plain((*path, index), item)
    elif value is None:
        raise _invalid_value(path, "has no value, and TOML has no null", "Give it a value, or remove it.")
    elif type(value) not in Document.plain_types or (isinstance(value, time) and value.tzinfo):
        raise _invalid_value(
            path, f"is a {type(value).__name__}, which TOML cannot represent", "Use text, a number or a date."
        )
    elif isinstance(value, int) and not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
        raise _invalid_value(path, "is a number of more than 64 bits", "Write it as text, in quotes.")
    elif isinstance(value, str):
        _check_text(path, value)


def _check_text(path: KeyPath, text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _invalid_value(path, "contains half a character (a lone surrogate)", "Type or paste it again.")


def _scalar(value: object) -> str:
    """A value that is not a table or array, as TOML; invisible and bidirectional characters are escaped."""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    import tomlkit  # slow to import: only where a profile is changed

    text: str = tomlkit.item(value).as_string()
    return "".join(map(_escaped, text)) if isinstance(value, str) and not text.isascii() else text


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp"):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _deep_copy(value: object) -> Any:
    """A copy made of plain dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _deep_copy(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_deep_copy(item) for item in value]
    return value


def _index(at: object, step: str | int, path: KeyPath) -> int:
    if isinstance(at, list) and isinstance(step, int) and 0 <= step < len(at):
        return step
    raise LookupError(f"nothing at {'.'.join(map(str, path))}: no {step!r} there")


def _difference(one: object, other: object, path: KeyPath) -> KeyPath:
    """The path at which two values first differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        steps: list[str | int] = [key for key in {**one, **other} if not same(one.get(key), other.get(key))]
        if steps and steps[0] in one and steps[0] in other:
            return _difference(one[steps[0]], other[steps[0]], (*path, steps[0]))
        return (*path, *steps[:1])
    return path
