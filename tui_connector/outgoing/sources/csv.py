"""CSV: one entity per row, the first row names the fields. Nothing is guessed silently: what was detected is reported.

Each cell is text unless a rule for its column says otherwise, so that `0012` stays as it is. A row that cannot be read
is a bad one, and the next line is read as a row of its own: a quote that is never closed does not swallow the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import BinaryIO, ClassVar, Literal

from pydantic import Field

from ...client.file_path import FilePath
from ...kinds import Model
from ...misspelling import did_you_mean
from ...templates import Json
from ...text import count, first_repeated, listed
from ..source import BadEntity, Source, SourceContext, SourceEntity, SourceError
from .jsonl import strict_json, whole_lines

ColumnType = Literal["text", "number", "integer", "boolean", "json"]
Delimiter = Literal["auto", ",", ";", "|", "tab"]

_DELIMITERS = {",": ",", ";": ";", "|": "|", "tab": "\t"}
_SAMPLE = 1_000
"""Rows by which the decimal separator is detected."""
_SEPARATOR_LINE = re.compile(rb"sep=(.)\r?\n?")
_NUMBERS = {".": re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"), ",": re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?")}
_SEPARATED = re.compile(r"[+-]?\d[\d.,]*[.,][\d.,]*")
_THOUSANDS_OR_DECIMALS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
"""1.000 is a thousand in one country, and one in another."""
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_SET_DECIMAL = 'Set decimal = "," or decimal = "." in the source; lines that do not fit it fail.'
_MAX_DIGITS = 300
_MAX_CELL = 16 * 1024 * 1024
"""Characters of a cell: as much is held in memory after a quote that is never closed."""
_OTHER_FILES = {"PK\x03\x04": "an Excel workbook or another ZIP file", "\x1f\udc8b": "compressed (gzip)"}
"""By how they begin, as decoded with surrogateescape."""
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class CsvFormat(Model):
    """How CSV is read."""

    delimiter: Delimiter = Field(
        "auto",
        title="Delimiter",
        description='Between two cells. "auto": detected in the first row, and reported.',
        examples=[";"],
    )
    decimal: Literal["auto", ".", ","] = Field(
        "auto",
        title="Decimal separator",
        description='In columns of type number. "auto": detected in the first rows, and reported.',
        examples=[","],
    )
    columns: dict[str, ColumnType] = Field(
        default_factory=dict,
        title="Column types",
        description="text, number, integer, boolean or json, by column. Other columns are text, so that 0012 stays "
        '0012: a 5 is then sent as "5". An empty cell of a column that is not text is left out of the entity.',
        examples=[{"quantity": "number"}],
    )

    def rows(self, file: BinaryIO, name: str, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        """The entities of a file. Raises `SourceError` if its header is not usable."""
        return _CsvReader(self, file, name, context).entities()


class _CsvFile(Model):
    path: FilePath = Field(title="File", description="Relative to the profile.", examples=["stock.csv"])


class CsvSource(CsvFormat, _CsvFile, Source):  # the file comes before how it is read
    """CSV: one entity per row, the first row names the fields."""

    has_lines: ClassVar = True
    endings: ClassVar = (".csv", ".tsv", ".tab", ".psv")
    kind: Literal["csv"] = "csv"

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        with context.open_file(self.path, self.contents) as file:
            yield from self.rows(file, self.path, context)

    def contents(self, sample: Json) -> str:
        if not isinstance(sample, dict):
            return "CSV: a first line with the names of the fields, then one entity per line"
        flat = {name: value for name, value in sample.items() if not isinstance(value, (dict, list))}
        return f"CSV: the names of the fields, then one entity per line, such as\n{self._written(flat).rstrip()}"

    def example(self, sample: Json) -> str:
        if not isinstance(sample, dict) or any(isinstance(value, (dict, list)) for value in sample.values()):
            return ""
        return self._written(sample)

    def _written(self, entity: Mapping[str, Json]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=_DELIMITERS.get(self.delimiter, ","), lineterminator="\n")
        values = [str(value).lower() if isinstance(value, bool) else value for value in entity.values()]
        writer.writerows([entity, values])
        return text.getvalue()


class _Lines:
    """The lines of a file as text, each with its number; they can be read again from a line on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._replay: list[str] = []
        self.number = 0
        """The number of the latest line."""
        self._source = iter(self._decoded(file))
        self._record: list[str] = []
        """The lines of the current record."""

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        start = file.read(2)
        if start in _BOMS:
            # newline="" keeps the line breaks inside quotes as they are
            yield from io.TextIOWrapper(_Prefixed(start, file), encoding="utf-16", errors="surrogateescape", newline="")
            return
        first = True
        for line in whole_lines(_Prefixed(start, file)):
            text = line.removeprefix(b"\xef\xbb\xbf") if first else line
            if first and (separator := _SEPARATOR_LINE.fullmatch(text)):
                self.declared = separator[1].decode("latin-1")
                yield ""
            else:
                yield text.decode("utf-8", "surrogateescape")
            first = False

    declared: str = ""
    """The delimiter that Excel's first line `sep=;` declares."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._replay.pop() if self._replay else next(self._source)
        self.number += 1
        self._record.append(line)
        return line

    def begin_record(self) -> int:
        """The number of the line that comes next."""
        self._record = []
        return self.number + 1

    def rewind(self) -> int:
        """Goes back to the second line of the current record; returns how many lines will be read again."""
        again = self._record[1:]
        self._replay += reversed(again)
        self.number -= len(again)
        return len(again)


class _Prefixed(io.BufferedReader):
    """A file of which a few bytes have been read already."""

    def __init__(self, start: bytes, file: BinaryIO) -> None:
        super().__init__(_PrefixedRaw(start, file))


class _PrefixedRaw(io.RawIOBase):
    def __init__(self, start: bytes, file: BinaryIO) -> None:
        self._start, self._inner = start, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any writable buffer
        data = self._start[: len(buffer)] or self._inner.read(len(buffer))
        self._start = self._start[len(data) :] if self._start else b""
        buffer[: len(data)] = data
        return len(data)


class _CsvReader:
    """Reads one file."""

    def __init__(self, form: CsvFormat, file: BinaryIO, name: str, context: SourceContext) -> None:
        self._form, self._name, self._context = form, name, context
        self._lines = _Lines(file)
        self._delimiter = ","
        self._decimal = "."
        self._is_decimal_known = False
        self._header: list[str] = []

    def entities(self) -> Iterator[SourceEntity | BadEntity]:
        csv.field_size_limit(_MAX_CELL)
        if not self._read_header():
            return
        sample: list[tuple[int, list[str] | BadEntity]] = []
        rows = self._rows()
        sample += islice(rows, _SAMPLE)
        decimal = self._detected_decimal([row for _, row in sample if isinstance(row, list)])
        self._decimal, self._is_decimal_known = decimal or ".", decimal is not None
        self._report()
        for line, row in sample:
            yield self._entity(line, row)
        sample.clear()
        yield from (self._entity(line, row) for line, row in rows)

    def _read_header(self) -> bool:
        """Reads the first row that is not empty; False if there is none. Raises `SourceError`."""
        first = ""
        for line in self._lines:
            first = line
            if first.strip():
                break
        if not first.strip():
            return False
        delimiter = self._form.delimiter
        if delimiter == "auto":
            declared = self._lines.declared
            self._delimiter = declared if declared in _DELIMITERS.values() else _likely_delimiter(first)
        else:
            self._delimiter = _DELIMITERS[delimiter]
        if kind := next((kind for start, kind in _OTHER_FILES.items() if first.startswith(start)), None):
            message = f"{self._name} is {kind}, not CSV"
            raise SourceError(message, "Save it as CSV UTF-8, uncompressed.", "source-not-csv")
        if first.lstrip().startswith(("{", "[{")) or first.strip() == "[":
            hint = 'If each line is one entity, use kind = "jsonl" (for standard input: format = "jsonl").'
            raise SourceError(f"{self._name} is JSON, not CSV", hint, "source-not-csv")
        if "\0" in first:
            message = f"{self._name} is not UTF-8: probably UTF-16 without a byte order mark"
            raise SourceError(message, "Save it as CSV UTF-8.", "source-not-csv")
        if "\r" in first.rstrip("\r\n") and '"' not in first:
            message = f"The lines of {self._name} end with a carriage return only, as old Macs wrote them"
            raise SourceError(message, "Save the file as CSV UTF-8.", "source-line-ends")
        try:
            [header] = csv.reader([first], delimiter=self._delimiter, strict=True)
        except (csv.Error, ValueError) as error:
            raise SourceError(
                f"The first row of {self._name} cannot be read: it is not valid CSV",
                "It must name the columns, in one line.",
                "source-header",
            ) from error
        while header and not header[-1].strip():
            header.pop()
        self._header = [name.strip() for name in header]
        self._check_header()
        return True

    def _check_header(self) -> None:
        names, context = self._header, self._context
        repeated = first_repeated(filter(None, names))
        if repeated is not None:
            message = f"The first row of {self._name} names the column {repeated!r} twice"
            raise SourceError(message, "Name each column once.", "source-header")
        if any("\udc80" <= letter <= "\udcff" for name in names for letter in name):
            raise SourceError(
                f"The first row of {self._name} is not UTF-8", "Save the file as CSV UTF-8.", "source-header"
            )
        wanted = [(name, "the source's table of columns names") for name in self._form.columns]
        if context.identifier is not None:
            wanted.append((context.identifier, "the identifier names"))
        for name, what in wanted:
            if name not in names:
                columns = f"Its columns are: {listed([*filter(None, names)])}{did_you_mean(name, names) or '.'}"
                if len(names) == 1:
                    columns += ' If they are separated by something else, set "delimiter".'
                raise SourceError(
                    f"{self._name} has no column {name!r}, which {what}", columns, "source-column-missing"
                )

    def _report(self) -> None:
        """Tells what was detected, where there was a choice."""
        found = []
        if self._form.delimiter == "auto":
            found.append("delimiter " + ("tab" if self._delimiter == "\t" else f"'{self._delimiter}'"))
        if self._form.decimal == "auto" and "number" in self._form.columns.values():
            found.append(f"decimal {'comma' if self._decimal == ',' else 'point'}")
        if found:
            self._context.note(
                f"{self._name}: {', '.join(found)}, columns {listed([name for name in self._header if name])}."
            )

    def _detected_decimal(self, rows: Sequence[Sequence[str]]) -> str | None:
        """None where no number shows it. Raises `SourceError` where numbers leave it open, or contradict each other."""
        if self._form.decimal != "auto":
            return self._form.decimal
        places = [self._header.index(name) for name, kind in self._form.columns.items() if kind == "number"]
        cells = (row[place].strip() for row in rows for place in places if place < len(row))
        found: dict[str, str] = {}
        open_: dict[str, str] = {}
        for cell in filter(_SEPARATED.fullmatch, cells):
            of_kind = open_ if _THOUSANDS_OR_DECIMALS.fullmatch(cell) else found
            of_kind.setdefault(_decimal_of(cell), cell)
        for separator, cell in open_.items():
            found.setdefault(separator, cell)
        if len(found) > 1:
            raise SourceError(
                f"Numbers in {self._name} are written with a decimal comma ({found[',']}) and with a decimal point "
                f"({found['.']}), unless one of them separates thousands",
                _SET_DECIMAL,
                "source-decimal",
            )
        if found == open_ and open_:
            [(separator, cell)] = open_.items()
            other = "." if separator == "," else ","
            raise SourceError(
                f"Numbers in {self._name} such as {cell} can be thousands or decimals, and no other number shows which",
                f'If {cell} is {cell.replace(",", ".")}, set decimal = "{separator}" in the source; otherwise set '
                f'decimal = "{other}", and write the numbers without separators of thousands.',
                "source-decimal",
            )
        return next(iter(found), None)

    def _rows(self) -> Iterator[tuple[int, list[str] | BadEntity]]:
        """The rows that are not empty, each with the number of its first line."""
        while True:
            line = self._lines.begin_record()
            reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, BadEntity(line, self._csv_error(str(error), line), self._first_line())
                self._lines.rewind()
                continue
            problem = self._shape_problem(row)
            if problem and self._lines.number > line:
                problem += f"; a quote in it is closed in line {self._lines.number} only"
            if problem:
                yield line, BadEntity(line, problem, self._first_line())
                self._lines.rewind()
            elif row and any(map(str.strip, row)):
                yield line, row

    def _csv_error(self, text: str, line: int) -> str:
        """`line`: where the record begins; one that goes on over many lines lacks a closing quote."""
        if self._lines.number > line or "end of data" in text:
            return "A quote that opens in this row is never closed, or a quote in the cell is not doubled"
        if "field limit" in text:
            return f"A cell has more than {_MAX_CELL:,} characters, or a quote before it is never closed"
        return f"Not valid CSV: {text}"

    def _first_line(self) -> str:
        return "".join(self._lines._record[:1]).rstrip("\r\n")[:200]

    def _shape_problem(self, row: list[str]) -> str:
        expected = len(self._header)
        if not row or not any(map(str.strip, row)):
            return ""
        if any("\udc80" <= letter <= "\udcff" for cell in row if not cell.isascii() for letter in cell):
            return "The row is not UTF-8: save the file as CSV UTF-8"
        if len(row) < expected:
            return f"The row has {count(len(row), 'cell')}, but the header has {count(expected, 'column')}"
        if any(cell.strip() for cell in row[expected:]):
            return f"The row has {count(len(row), 'cell')}, but the header has only {count(expected, 'column')}"
        return ""

    def _entity(self, line: int, row: list[str] | BadEntity) -> SourceEntity | BadEntity:
        if isinstance(row, BadEntity):
            return row
        data: dict[str, Json] = {}
        columns: Mapping[str, ColumnType] = self._form.columns
        for name, cell in zip(self._header, row, strict=False):
            if not name:
                if cell.strip():
                    what = f"{cell.strip()[:80]!r} is in a column without a name"
                    return BadEntity(line, what, self._delimiter.join(row)[:200])
                continue  # spreadsheets save empty columns
            kind = columns.get(name, "text")
            if kind == "text":
                data[name] = cell
            elif cell.strip():
                try:
                    data[name] = self._value(cell.strip(), kind)
                except (ValueError, RecursionError) as error:
                    return BadEntity(line, f"{name}: {cell.strip()[:80]!r} {error}", self._delimiter.join(row)[:200])
        return SourceEntity(line, data)

    def _value(self, cell: str, kind: ColumnType) -> Json:
        if kind == "json":
            try:
                return strict_json(cell)
            except ValueError as error:
                raise ValueError(f"is not valid JSON: {error}") from error
        if kind == "boolean":
            if cell.lower() not in _BOOLEANS:
                raise ValueError("is not a boolean: true, false, 1, 0, yes or no")
            return _BOOLEANS[cell.lower()]
        if kind == "number" and not self._is_decimal_known and _THOUSANDS_OR_DECIMALS.fullmatch(cell):
            raise ValueError("can be thousands or decimals: set decimal in the source")
        return _number(cell, self._decimal, whole=kind == "integer")


def _decimal_of(cell: str) -> str:
    """The decimal separator of a number with separators. What stands in it several times separates thousands."""
    last = max(cell.rfind(","), cell.rfind("."))
    other = "." if cell[last] == "," else ","
    return other if cell.count(cell[last]) > 1 else cell[last]


def _number(cell: str, decimal: str, *, whole: bool) -> Json:
    """The number; an integer where it has no decimals. Raises ValueError that completes a sentence."""
    match = _NUMBERS[decimal].fullmatch(cell)
    what = f"a number with a decimal {'comma' if decimal == ',' else 'point'}, without a separator of thousands"
    if match is None or not cell.isascii() or len(cell) > _MAX_DIGITS:
        raise ValueError(f"is not {'an integer' if whole else what}")
    if match[1] is None and match[2] is None:
        return int(cell)
    if whole:
        raise ValueError("is not an integer")
    value = float(cell.replace(",", "."))
    if value in (float("inf"), float("-inf")):
        raise ValueError("is too large a number")
    return value


def _likely_delimiter(header: str) -> str:
    """The delimiter that occurs most often in the first row, outside quotes; a comma if none does."""
    plain = re.sub(r'"(?:[^"]|"")*"', "", header)
    counts = {delimiter: plain.count(delimiter) for delimiter in _DELIMITERS.values()}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else ","
