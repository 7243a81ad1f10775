"""SQLite: one entity per row of a query."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from ...client.file_path import FilePath
from ...templates import Json
from ...text import first_repeated
from ..source import BadEntity, Source, SourceContext, SourceEntity, SourceError

_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
"""What a query may do: read. It can neither write, nor attach or create another file."""

_STEPS = 100_000
"""Steps of a query, some milliseconds, after which it is checked whether the run is to be stopped."""


class SqliteSource(Source):
    """SQLite: one entity per row of a query; the columns are its fields."""

    endings: ClassVar = (".sqlite", ".sqlite3", ".db")
    kind: Literal["sqlite"] = "sqlite"
    path: FilePath = Field(title="File", description="The database, relative to the profile.", examples=["shop.db"])
    query: str = Field(
        min_length=1,
        title="Query",
        description="A single SELECT. With ORDER BY, a stopped run can be resumed.",
        examples=["select * from stock order by sku"],
    )

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        context.open_file(self.path).close()  # for its error: SQLite says only that it cannot open the file
        location = f"{(context.directory / self.path).absolute().as_uri()}?mode=ro"
        try:
            with contextlib.closing(sqlite3.connect(location, uri=True)) as database:
                database.set_authorizer(lambda action, *_: 0 if action in _ALLOWED else 1)
                database.set_progress_handler(context.check_stopped, _STEPS)
                rows = database.execute(self.query)
                names = [column[0] for column in rows.description or ()]
                self._check(names, context.identifier)
                for number, row in enumerate(rows, 1):
                    yield _entity(number, names, row)
        except (sqlite3.Error, sqlite3.Warning) as error:
            context.check_stopped()  # which SQLite reports as "interrupted"
            raise SourceError(
                f"The query of {self.path} failed: {error}",
                "Correct the path or the query; it must be a single SELECT.",
                "source-query",
            ) from error

    def digest(self, context: SourceContext) -> str | None:
        """Identifies the rows: the file may change when they do not, and they may change in its -wal file only."""
        found = hashlib.sha256()
        for row in self.open(context):
            data = row.data if isinstance(row, SourceEntity) else row.message
            found.update(json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))
            found.update(b"\n")
        return found.hexdigest()

    def _check(self, names: list[str], identifier: str | None) -> None:
        repeated = first_repeated(names)
        if not names or repeated is not None:
            what = "returns no rows" if not names else f"returns two columns named {repeated!r}"
            raise SourceError(f"The query of {self.path} {what}", "Name each column once, with AS.", "source-query")
        if identifier is not None and identifier not in names:
            raise SourceError(
                f"The query of {self.path} returns no column {identifier!r}, which the identifier names",
                f"It returns: {', '.join(names)}.",
                "source-column-missing",
            )


def _entity(number: int, names: list[str], row: tuple[object, ...]) -> SourceEntity | BadEntity:
    data: dict[str, Json] = {}
    for name, value in zip(names, row, strict=True):
        if isinstance(value, bytes):
            return BadEntity(number, f"{name} is a blob: only text and numbers can be sent")
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            return BadEntity(number, f"{name} is an infinite number")
        data[name] = value  # type: ignore[assignment]  # text, a number or null
    return SourceEntity(number, data)
