"""A profile as text, and as plain data: the text is the truth, and the data a view of its last valid state.

Text is typed (`edit_text`), data is changed by forms (`draft`, `set`) and written into the text; one history of changes
undoes both.
"""

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

from ..errors import UserError
from ..files import check_unchanged, digest, write_atomic
from ..secrets.plain_text import known_secrets_in
from . import toml
from .library import BYTE_ORDER_MARK, MAX_SIZE, UTF_16_MARKS, ProfileError, as_text, read_bytes
from .matching import PathMapping, same
from .positions import KeyPath, TextPosition, position_finder, positions
from .statements import Comment, comments
from .text_edit import Plain, cannot_splice, rewrite
from .text_history import TextHistory

SCHEMA_LINE = "#:schema ./tui-connector.schema.json\n"
"""The first line of a new profile: where TOML editors find the schema."""

MAX_DEPTH = 100
"""Levels of tables and arrays; tomlkit has the same limit."""

_SURROGATE = re.compile("[\udc80-\udcff]")
_KEEP_BYTES = "surrogateescape"
"""Bytes that are not UTF-8 stay as they are in a text that is typed."""

_LARGEST_INTEGER = 2**63  # TOML 1.0, "Integer": 64 bits, signed


class Unset:
    """Represents the removal of a key or an element."""


UNSET: Final = Unset()


def _invalid_toml(path: File | None, at: TextPosition, message: str, hint: str | None = None) -> ProfileError:
    return ProfileError("toml-syntax", message, hint or "", path or File("profile"), at.line, at.column)


def _invalid_value(keys: KeyPath, message: str, hint: str) -> ProfileError:
    return ProfileError("toml-value", message, hint, keys=keys)


class Document:
    """A profile as text (`text()`) and as plain data (`draft`).

    `text_as_read` is what its file had when it was read or saved. A text that is typed need not be valid: `draft` then
    is what the last valid text said, and `problem` why the text is invalid.
    """

    plain_types: ClassVar = (bool, int, float, str, datetime, date, time)

    def __init__(
        self, text: str, path: File | None = None, *, file_digest: str | None = None, byte_order_mark: bytes = b""
    ) -> None:
        """`text` is without its byte order mark, `file_digest` that of the file as read. Raises `ProfileError`."""
        self.path = path
        self._file_digest = file_digest
        self._byte_order_mark = byte_order_mark
        self._load(text)
        self._parse()
        if self._problem is not None:
            raise self._problem

    def _load(self, text: str) -> None:
        self.text_as_read = self._text = text
        self.history = TextHistory()
        self._data: dict[str, Any] = {}
        self._draft: dict[str, Any] | None = None  # a copy of the data, made when somebody may change it
        self._keys_before: dict[KeyPath, tuple[str, ...]] = {}  # those that a removed key followed in its table
        self._problem: ProfileError | None = None
        self._is_parsed = False

    @classmethod
    def read(cls, path: File) -> Self:
        """The profile in a file; raises `ProfileError`."""
        document = cls.open(path)
        if document.problem is not None:
            raise document.problem
        return document

    @classmethod
    def open(cls, path: File) -> Self:
        """The profile in a file, whose text may be invalid TOML. Raises `ProfileError` if it cannot be read as text."""
        return cls._opened(path, read_bytes(path))

    @classmethod
    def _opened(cls, path: File, data: bytes) -> Self:
        mark, text = _decoded(path, data)
        document = cls("", path, file_digest=digest(data), byte_order_mark=mark)
        document._load(text)
        return document

    @classmethod
    def new(cls, data: Mapping[str, Plain]) -> Self:
        """A profile that has no file yet."""
        document = cls(SCHEMA_LINE)
        document.draft = _deep_copy(data)
        return document

    @property
    def draft(self) -> dict[str, Any]:
        """The data, which forms may change; while the text is invalid, that of its last valid state."""
        self._parse()
        if self._draft is None:
            self._draft = _deep_copy(self._data)
        return self._draft

    @draft.setter
    def draft(self, data: dict[str, Any]) -> None:
        self._parse()
        self._draft = data

    @property
    def problem(self) -> ProfileError | None:
        """Why the text is not valid TOML; None if it is."""
        self._parse()
        return self._problem

    def _parse(self) -> None:
        """Reads the text, if it has changed since."""
        if self._is_parsed:
            return
        self._is_parsed = True
        try:
            if _SURROGATE.search(self._text):
                as_text(self.path or File("profile"), self._text.encode("utf-8", _KEEP_BYTES))
            self._data, self._problem = parsed(self._text, self.path), None
        except ProfileError as error:
            self._problem = error
            return
        self._draft = None

    @property
    def data(self) -> Mapping[str, Any]:
        """What the text says; as long as it is not edited, what the file says."""
        return self._data

    @property
    def changed(self) -> bool:
        """Whether there is something that has not been read or saved."""
        return self._text != self.text_as_read or self._is_draft_changed()

    def _is_draft_changed(self) -> bool:
        return self._is_parsed and self._draft is not None and not same(self._draft, self._data)

    def set(self, path: KeyPath, value: Plain | Unset) -> None:
        """Change the draft. Missing tables of the path are created; the index after the last one appends.

        A key that is removed and set again keeps its place in its table.

        Raises LookupError for an index that does not exist, and for a step into a value that is not a table, and
        `ProfileError` while the text is invalid: nothing can be written into it.
        """
        if self.problem is not None:
            raise self.problem
        *parents, last = path
        at: Any = self.draft
        for index, step in enumerate(parents, 1):
            if isinstance(at, dict) and isinstance(step, str):
                if step not in at:
                    if isinstance(value, Unset):
                        return
                    self._add(at, path[:index], {})
                at = at[step]
            else:
                at = at[_index(at, step, path)]
        if isinstance(at, dict) and isinstance(last, str):
            if not isinstance(value, Unset):
                self._add(at, path, _deep_copy(value))
            elif last in at:
                keys = list(at)
                self._keys_before[tuple(path)] = tuple(keys[: keys.index(last)])
                del at[last]
        elif isinstance(value, Unset):
            del at[_index(at, last, path)]
        elif isinstance(at, list) and last == len(at):
            at.append(_deep_copy(value))
        else:
            at[_index(at, last, path)] = _deep_copy(value)

    def _add(self, table: dict[str, Any], path: KeyPath, value: Any) -> None:
        """Sets a key of the draft, in the place from which it was removed."""
        key, before = str(path[-1]), self._keys_before.pop(tuple(path), None)
        is_new = key not in table
        table[key] = value
        if is_new and before is not None:
            others = list(table)[:-1]
            place = max((index for index, each in enumerate(others, 1) if each in before), default=0)
            for each in others[place:]:
                table[each] = table.pop(each)

    def text(self) -> str:
        """The text with the changes of the draft: it differs from the text before only where the draft does.

        It is verified: read back it is the draft, and each comment still belongs to its key, unless the key was
        removed. Raises `ProfileError` if this is not possible.
        """
        if not self._is_draft_changed():
            return self._text
        if self._problem is not None:
            raise self._problem
        draft = self.draft
        check_plain((), draft)
        text = rewrite(self._text, self._data, draft, _scalar)
        self._check_data(text)
        self._check_comments(text)
        return text

    def edit_text(self, text: str, cursor: int | None = None, *, joined: bool = False, later: bool = False) -> None:
        """Replaces the text by what was typed.

        `cursor` is where the cursor was before; `joined` makes the change part of the one before, to be undone with it.
        With `later` the text is parsed when the data is needed, or elsewhere, which calls `use_parsed`.

        Raises `ProfileError` if changes of the draft cannot be written into the text before.
        """
        self.commit()
        self.history.record(self._text, text, cursor, joined=joined)
        self._set_text(text)
        if not later:
            self._parse()

    def use_parsed(self, data: dict[str, Any], *, is_current: bool) -> None:
        """A text that was typed is valid and has this data: the current text, or one before it."""
        if self._is_draft_changed() or (self._is_parsed and self._problem is None):
            return
        self._data, self._draft = data, None
        if is_current:
            self._is_parsed, self._problem = True, None

    def commit(self) -> None:
        """Writes the changes of the draft into the text, as one change that can be undone. Raises `ProfileError`."""
        text = self.text()
        if self._is_draft_changed():
            self.history.record(self._text, text)
            self._set_text(text)

    def undo(self, at: int | None = None) -> int | None:
        """Undoes the last change, of text or draft; returns where the cursor belongs. None if there is nothing left.

        `at`: where the cursor is now, to which `redo` returns.
        """
        self.commit()
        return self._move(self.history.undo(self._text, at))

    def redo(self) -> int | None:
        """Makes the change again that was undone last; returns as `undo`."""
        self.commit()
        return self._move(self.history.redo(self._text))

    def _move(self, moved: tuple[str, int] | None) -> int | None:
        if moved is None:
            return None
        self._set_text(moved[0])
        return moved[1]

    def _set_text(self, text: str) -> None:
        self._text, self._is_parsed = text, False

    def rebase(self, data: bytes) -> None:
        """The file has these bytes now: they are what `save` expects to replace. The text stays.

        Raises `ProfileError` if they are UTF-16.
        """
        assert self.path is not None
        self._byte_order_mark, self.text_as_read = _decoded(self.path, data)
        self._file_digest = digest(data)

    def rebase_text(self, text: str) -> None:
        """The text that is edited was made from this one, which the file no longer has: `save` refuses to replace it.

        The text stays.
        """
        self.text_as_read = text
        self._file_digest = digest(self.file_data)

    @property
    def file_data(self) -> bytes:
        """The bytes of the file as it was read or saved."""
        return self._byte_order_mark + self.text_as_read.encode("utf-8", _KEEP_BYTES)

    @property
    def file_digest(self) -> str | None:
        """The digest of the file as it was read or saved; None if there was none."""
        return self._file_digest

    def allow_overwriting(self, data: bytes | None) -> None:
        """Lets `save` replace these bytes, to which another program has changed the file; None: it was deleted."""
        self._file_digest = None if data is None else digest(data)

    def check_unchanged(self, path: File) -> None:
        """Raises `ChangedOnDisk` if `save` to `path` would."""
        check_unchanged(path, self._file_digest if path == self.path else None)

    def save(self, path: File | None = None, *, overwrite: bool = False) -> None:
        """Write the text to the file that it was read from, or to a new file at `path`; it may be invalid.

        Raises what `text` raises, `UserError` for a secret that the file did not have, `ChangedOnDisk` (unless
        `overwrite`) and `CannotSave`, and then leaves the file as it was.
        """
        self.commit()
        self._check_secrets()
        target = path or self.path
        if target is None:
            raise ValueError("a new profile needs a path to be saved to")
        data = self._byte_order_mark + self._text.encode("utf-8", _KEEP_BYTES)
        if len(data) > MAX_SIZE:
            hint = "Split it into several profiles, or remove what is not needed."
            raise UserError("too-large", f"Not saved: {target.name} would be larger than 1 MiB", hint)
        write_atomic(target, data, expect=self._file_digest if target == self.path else None, overwrite=overwrite)
        self.path, self.text_as_read, self._file_digest = target, self._text, digest(data)
        self.history.close_group()

    def _check_secrets(self) -> None:
        """Raises `UserError` if the text has a known secret that the file did not have."""
        known = known_secrets_in(self._text)
        new = [label for secret, label in known.items() if secret not in self.text_as_read]
        if new:
            hint = "Remove it from the text, and enter it in its own field."
            raise UserError("secret-in-profile", f"Not saved: the file would contain the secret {new[0]}", hint)

    def _check_data(self, text: str) -> None:
        try:
            data = toml.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self._refused((), f"the changed text would not be valid TOML: {error}") from error
        if not same(data, self.draft):
            path = _difference(self.draft, data, ())
            raise self._refused(path, "the changed text would not have the requested meaning")

    def _check_comments(self, text: str) -> None:
        new_path = PathMapping(self._data, self.draft)
        expected: Counter[Comment] = Counter()
        old_paths: dict[Comment, KeyPath] = {}
        for comment in comments(self._text):
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
        known = positions(self._text)
        nearest = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in known)
        return cannot_splice(path, known[nearest], reason)


def text_of(path: File, data: bytes) -> str:
    """The text of a file as `Document.open` has it. Raises `ProfileError` for UTF-16."""
    return _decoded(path, data)[1]


def _decoded(path: File, data: bytes) -> tuple[bytes, str]:
    """The byte order mark of a file and its text, with each byte that is not UTF-8 as half a character."""
    if data.startswith(UTF_16_MARKS):
        as_text(path, data)  # raises
    mark = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
    return mark, data.removeprefix(mark).decode("utf-8", _KEEP_BYTES)


def parsed(text: str, path: File | None = None) -> dict[str, Any]:
    """The data of a TOML text without a byte order mark; raises `ProfileError`."""
    try:
        data = toml.loads(text)
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
        raise _invalid_toml(path, long_number(text), "a number is too long") from error
    return data


def long_number(text: str) -> TextPosition:
    """Where the number is that is too long for Python."""
    match = re.search(r"[0-9_]{4300,}", text)
    return position_finder(text)(match.start() if match else 0)


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
