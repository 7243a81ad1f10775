"""CSV: one item a row, for spreadsheets and databases."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field

from ...client.file_path import FilePath
from ...client.raw_json import encode_json, json_type, members, plain_text
from ...templates import Json
from ..columns import DistinctNames
from ..output_file import OutputFile
from ..sink import OpenSink, RejectedItem, Sink, SinkContext, SinkMissing

_EXTRA = "extra"
_VALUE = "value"

_FORMULA = re.compile(r"'*[\s\x00-\x1f\ufeff]*[=+\-@＝＋－＠]|'*[\t\r\n]")
"""How a text starts that a spreadsheet calculates, calls a program with, or may (OWASP, CSV Injection); with quotes
before it, it could be taken for one that was escaped."""
_SIGN_WITHIN = re.compile(r"(?<![,;|\s'\"\x00-\x1f\ufeff])([,;|\s'\"\x00-\x1f\ufeff]++)([=+\-@＝＋－＠])")
"""A sign after what may separate cells, and spaces and quotes."""
_FUNCTION = re.compile(r"\w\(")
_NUMBER = re.compile(r" *[+-]([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? *")


_DELIMITERS = {".tsv": "tab", ".tab": "tab", ".psv": "|"}
"""By the ending of a file's name, where it is not the default."""


class CsvSink(Sink):
    """CSV: one item a row."""

    endings: ClassVar = (".csv", *_DELIMITERS)
    kind: Literal["csv"] = "csv"
    path: FilePath = Field(title="File", description="Relative to the profile.", examples=["products.csv"])
    columns: DistinctNames | None = Field(
        None,
        title="Columns",
        description="The fields to write. By default the first item defines the columns, and further fields of other "
        f'items go into a last column, "{_EXTRA}", as JSON.',
        examples=[["sku", "name", "price"]],
    )
    delimiter: Literal[",", ";", "|", "tab"] = Field(
        ",", title="Delimiter", description="Spreadsheets in much of Europe expect a semicolon.", examples=[";"]
    )
    formulas: Literal["escape", "keep"] = Field(
        "escape",
        title="Formulas",
        description='"escape": text that a spreadsheet would run as a formula (it begins with =, +, -, @, a tab or a '
        "line break) gets a ' before it, also within a text after another delimiter or a line break; numbers such as "
        '-5 do not. "keep": text is written as the store sent it.',
    )

    @classmethod
    def of_file(cls, path: str) -> Self:
        ending = os.path.splitext(path)[1].lower()
        return cls.model_validate({"path": path, "delimiter": _DELIMITERS.get(ending, ",")})

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        written = self._written(position)
        file = OutputFile(context.output(self.path), position, context.known, context.closed)
        return _OpenCsv(file, self, written)

    def _written(self, position: Json) -> list[str]:
        """The columns whose header is in the file; none where it has none yet. Raises `SinkMissing`."""
        if position is None:
            return []
        recorded = position if isinstance(position, dict) else {}
        columns = recorded.get("columns")
        written = [str(name) for name in columns] if isinstance(columns, list) else []
        if (written and written != (self.columns or written)) or recorded.get("delimiter") != self.delimiter:
            raise SinkMissing(f"{self.path} has columns that differ from the sink's", "Start over with --full.")
        if recorded.get("formulas", self.formulas) != self.formulas:
            raise SinkMissing(
                f'{self.path} was started with formulas = "{recorded["formulas"]}"', "Start over with --full."
            )
        return written


class _OpenCsv(OpenSink):
    """RFC 4180, in UTF-8. Numbers as the store wrote them, lists and objects as JSON, and text as it is.

    Unless formulas are kept, text that a spreadsheet would execute gets a ' before it, and so does text that looks as
    if it had got one: a reader that takes it away again has what the store sent.
    """

    def __init__(self, file: OutputFile, config: CsvSink, written: list[str]) -> None:
        self._file, self._config = file, config
        self._columns = written or config.columns
        self._header_written = bool(written)
        """The header is in the file."""
        self._synced = bool(written)

    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        rows: list[list[str]] = []
        rejected: list[RejectedItem] = []
        for index, item in enumerate(items):
            fields = members(item) if json_type(item) == "object" else None
            if self._columns is None:
                self._columns = [_VALUE] if fields is None else default_columns(fields)
            if not self._header_written:
                rows.append(self._columns)
                self._header_written = True
            if self._config.columns and fields is None:
                rejected.append(RejectedItem(index, f"it is a single {json_type(item)} and has no columns"))
                continue
            rows.append(self._row(item, fields))
        self._file.write(self._lines(rows))
        return rejected

    def sync(self) -> Json:
        # named columns are there even when no item is, but not before the ledger knows the file as ours
        if self._synced and self._columns is not None and not self._header_written:
            self._file.write(self._lines([self._columns]))
            self._header_written = True
        self._synced = True
        position = self._file.sync()
        columns: list[Json] = [*(self._columns or [])] if self._header_written else []
        return {**position, "columns": columns, "delimiter": self._config.delimiter, "formulas": self._config.formulas}

    def close(self) -> None:
        self._file.close()

    def _row(self, item: bytes, fields: dict[str, bytes] | None) -> list[str]:
        assert self._columns is not None
        if self._config.columns:
            return [cell_text((fields or {}).get(name, b"null")) for name in self._columns]
        if self._columns == [_VALUE]:
            return [cell_text(item)]
        *named, _ = self._columns
        if fields is None:
            return ["" for _ in named] + [cell_text(item)]
        row = [cell_text(fields.pop(name, b"null")) for name in named]
        left = b",".join(encode_json(name) + b":" + text for name, text in fields.items())
        return [*row, plain_text(b"{" + left + b"}") if left else ""]

    def _lines(self, rows: list[list[str]]) -> bytes:
        lines = io.StringIO()
        delimiter = "\t" if self._config.delimiter == "tab" else self._config.delimiter
        if self._config.formulas == "escape":
            rows = [[_escaped(text, delimiter) for text in row] for row in rows]
        csv.writer(lines, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
        return lines.getvalue().encode(errors="backslashreplace")  # a lone surrogate has no bytes of its own


def default_columns(fields: dict[str, bytes]) -> list[str]:
    """The columns of the first item, and one for the rest whose name none of them has."""
    extra = _EXTRA
    while extra in fields:
        extra = f"_{extra}"
    return [*fields, extra]


def _escaped(text: str, delimiter: str) -> str:
    escaped = _SIGN_WITHIN.sub(_Guard(text, delimiter), text)
    return f"'{escaped}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else escaped


class _Guard:
    """Puts a ' before a sign where a spreadsheet that separates by another delimiter has the start of a cell.

    Quotes are no help there: they only count at the start of a cell. Of a quoted text, it also takes each line for one.
    """

    def __init__(self, text: str, delimiter: str) -> None:
        self._text, self._others = text, {*",;|\t\r\n"} - {delimiter}
        self._line_end, self._calls = -1, False

    def __call__(self, found: re.Match[str]) -> str:
        before, sign = found.groups()
        if self._others.isdisjoint(before) or not (sign in "=＝" or self._has_call(found.end())):
            return found[0]
        return f"{before}'{sign}"

    def _has_call(self, at: int) -> bool:
        """Whether the rest of the line calls a function or a program (DDE: cmd|'…'!A0); "- two items" does not.

        Each line is searched once, from its first sign on.
        """
        if at > self._line_end:
            end = self._text.find("\n", at)
            self._line_end = len(self._text) if end < 0 else end
            program = self._text.find("|", at, self._line_end)
            has_program = 0 <= program < self._text.rfind("!", at, self._line_end)
            self._calls = has_program or _FUNCTION.search(self._text, at, self._line_end) is not None
        return self._calls


def cell_text(text: bytes) -> str:
    """A JSON value in a cell: empty for null, JSON for lists and objects."""
    return "" if text == b"null" else plain_text(text)
