"""What is written of a run is recorded as a step only where it is whole: not after a failure, nor past a limit."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tui_connector.incoming.model import ItemTransform
from tui_connector.incoming.output_file import OutputFile
from tui_connector.incoming.page_reader import PageRead
from tui_connector.incoming.sink import SinkError
from tui_connector.incoming.sinks.jsonl import JsonLinesSink, OpenJsonLines
from tui_connector.incoming.unfound_fields import ColumnSearch
from tui_connector.incoming.writing import ReadTime, RunCosts, RunWriter
from tui_connector.runs.ledger import Ledger, last_run

COSTS = RunCosts(requests=1, retries=0, seconds=1.0)
READ = ReadTime(store_began=None, elapsed=0.0)


@dataclass
class Writing:
    """A run that writes pages of two items; no step is due meanwhile."""

    folder: Path
    writer: RunWriter

    def page(self, number: int, size: int = 10) -> PageRead:
        items = [b'{"id": %d, "name": "%s"}' % (each, b"x" * size) for each in (2 * number - 1, 2 * number)]
        request: Any = None  # only a reader asks for it
        return PageRead(items, request, {"page": number}, is_last=False, total=None)

    def recorded(self) -> tuple[int, Any]:
        """The lines that a run would keep when it resumes, and the position where it reads on."""
        run, _ = last_run(self.folder / "ledger.db")
        assert run is not None
        kept = (self.folder / "items.jsonl").read_bytes()[: run.sink["bytes"]]  # type: ignore[index,call-overload]
        assert not kept or kept.endswith(b"}\n")
        assert kept.count(b"\n") == run.items
        return run.items, run.position


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Writing]:
    with Ledger(tmp_path / "ledger.db") as ledger:
        run = ledger.begin("2026-01-01 00:00:00", "same", "GET /items", None, moves_mark=True, forget=False)
        sink = OpenJsonLines(OutputFile(tmp_path / "items.jsonl", None, None), compressed=False)
        writer = RunWriter(
            ledger,
            run,
            sink,
            changes=None,
            transform=ItemTransform(None, None),
            columns=ColumnSearch(JsonLinesSink(path="items.jsonl")),
            identifier="id",
            requires_identifier=False,
            monotonic=lambda: 100.0,
            stored=lambda position: position,
        )
        ledger.confirm()
        yield Writing(tmp_path, writer)
        sink.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_is_written_in_part_is_in_no_step(writing: Writing) -> None:
    writer = writing.writer
    writer.add([writing.page(1)], COSTS, READ)
    with largest_file(1_000_000), pytest.raises(SinkError, match="maximum size"):
        writer.add([writing.page(2), writing.page(3, size=600_000)], COSTS, READ)
    writer.catch_up(COSTS)  # it was due before the run could end
    assert writing.recorded()[0] in (0, 2, 4)
    with pytest.raises(SinkError, match="maximum size"):
        writer.add([writing.page(4)], COSTS, READ)
    assert writing.recorded()[0] in (0, 2, 4)


def test_a_page_that_is_cut_by_a_limit_is_in_no_step(writing: Writing) -> None:
    writer = writing.writer
    writer.add([writing.page(1)], COSTS, READ)
    part = replace(writing.page(2), items=writing.page(2).items[:1], position=None)
    writer.add_past_position(part, COSTS, READ)
    writer.catch_up(COSTS)
    assert writing.recorded() == (2, {"page": 1})
