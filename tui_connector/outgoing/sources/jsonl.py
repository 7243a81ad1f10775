"""JSON Lines: one entity per line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO, ClassVar, Literal, NoReturn

from pydantic import Field

from ...client.file_path import FilePath
from ...templates import Json
from ...text import beginning, first_repeated
from ..source import MAX_LINE, BadEntity, Source, SourceContext, SourceEntity

_BOM = b"\xef\xbb\xbf"
_CSV = re.compile(rb"\s*[A-Za-z_][^,;\t|{}\[\]]*[,;\t|]")
"""The beginning of a line that no JSON begins like: a word, and a delimiter of CSV."""
_SHOWN = 200
"""Characters of a bad line that are kept."""
_MAX_EXAMPLE = 1_000


class JsonLinesSource(Source):
    """JSON Lines: one entity per line."""

    has_lines: ClassVar = True
    endings: ClassVar = (".jsonl", ".ndjson")
    kind: Literal["jsonl"] = "jsonl"
    path: FilePath = Field(title="File", description="Relative to the profile.", examples=["stock.jsonl"])

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        with context.open_file(self.path, self.contents) as file:
            yield from json_lines(file)

    def example(self, sample: Json) -> str:
        return "" if sample is None else f"{json.dumps(sample, ensure_ascii=False)}\n"

    def contents(self, sample: Json) -> str:
        description = "JSON Lines: one entity per line as a JSON object"
        if sample is None:
            return description
        return f"{description}, such as\n{beginning(json.dumps(sample, ensure_ascii=False), _MAX_EXAMPLE)}"


def json_lines(file: BinaryIO) -> Iterator[SourceEntity | BadEntity]:
    """The entities of JSON Lines; empty lines are skipped."""
    for number, line in enumerate(whole_lines(file), 1):
        text = line.removeprefix(_BOM) if number == 1 else line
        if not text.strip():
            continue
        if len(text) > MAX_LINE:
            yield BadEntity(number, f"The line has more than {MAX_LINE:,} bytes")
            continue
        try:
            yield SourceEntity(number, strict_json(text.decode().rstrip()))
        except UnicodeDecodeError as error:
            yield BadEntity(number, f"Byte {error.start + 1} is not UTF-8", _beginning(text))
        except (ValueError, RecursionError) as error:
            csv = "; the line looks like CSV" if _CSV.match(text) else ""
            yield BadEntity(number, f"Invalid JSON: {_why(error)}{csv}", _beginning(text))


def whole_lines(file: BinaryIO) -> Iterable[bytes]:
    """The lines. A line longer than MAX_LINE is cut one byte after it, so that memory stays bounded."""
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(1 << 20)) and not rest.endswith(b"\n"):
                pass
        yield line


def strict_json(text: str) -> Json:
    """The value of a JSON text. Raises ValueError also for NaN, Infinity and duplicate keys, and RecursionError."""
    found: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    return found


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        repeated = first_repeated(name for name, _ in pairs) or ""
        raise ValueError(f"the key {repeated[:80]!r} occurs twice in an object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        where = f"character {error.pos + 1}" if error.pos < len(error.doc) else "the end of the line"
        return f"{error.msg[:1].lower()}{error.msg[1:].removesuffix(' at')} at {where}"
    if "set_int_max_str_digits" in str(error):
        return f"an integer has more than {sys.get_int_max_str_digits():,} digits"
    return str(error)


def _beginning(text: bytes) -> str:
    return text[: _SHOWN * 4].decode("utf-8", "replace").strip()[:_SHOWN]
