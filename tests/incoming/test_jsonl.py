"""JSON Lines, plain and compressed."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import require
from sink_runs import begin, go_on, write

from tui_connector.incoming.sinks.jsonl import JsonLinesSink

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
dumped = st.tuples(values, st.booleans()).map(
    lambda drawn: json.dumps(drawn[0], ensure_ascii=drawn[1]).encode("utf-8", "surrogatepass")
)
steps_of = st.lists(st.lists(dumped, max_size=5), min_size=1, max_size=5)


def parsed(lines: bytes) -> list[Any]:
    return [json.loads(line.decode("utf-8", "surrogatepass")) for line in lines.split(b"\n")[:-1]]


@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz"])
@settings(max_examples=12, deadline=None)
@given(steps=steps_of, data=st.data())
def test_every_item_is_a_line_and_a_resumed_run_ends_the_same(name: str, steps: Any, data: st.DataObject) -> None:
    sink = JsonLinesSink(path=name)
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as stopped:
        write(sink, Path(whole), steps)
        done = data.draw(st.integers(0, len(steps)))
        positions = write(sink, Path(stopped), steps)
        with (Path(stopped) / name).open("ab") as file:
            file.write(data.draw(st.binary(max_size=20)))
        go_on(sink, Path(stopped), positions[done], steps[done:])
        ended, undisturbed = (Path(stopped) / name).read_bytes(), (Path(whole) / name).read_bytes()
    assert ended == undisturbed
    lines = gzip.decompress(ended) if name.endswith(".gz") else ended
    assert parsed(lines) == parsed(b"".join(item + b"\n" for step in steps for item in step))


def test_compressed_files_are_read_by_gunzip(tmp_path: Path) -> None:
    require("gunzip")
    sink = JsonLinesSink(path="items", compress="gzip")
    positions = write(sink, tmp_path, [[b'{"id":%d}' % number] * 100 for number in range(20)])
    go_on(sink, tmp_path, positions[5], [[b"[]"]])
    shutil.copy(tmp_path / "items", tmp_path / "copy.gz")
    lines = subprocess.run(["gunzip", "-c", str(tmp_path / "copy.gz")], capture_output=True, check=True).stdout
    assert lines == b"".join(b'{"id":%d}\n' % number * 100 for number in range(5)) + b"[]\n"


def test_what_the_store_sent_stays_as_it_was_sent(tmp_path: Path) -> None:
    odd = [b'{"a":1.10,"b":1e400}', b"9" * 5_000, rb'"\ud800 \/ \u00ef"', b'{ "a" : 1 }']
    write(JsonLinesSink(path="odd"), tmp_path, [odd])
    assert (tmp_path / "odd").read_bytes().split(b"\n")[:4] == odd


def test_an_item_of_30_megabytes(tmp_path: Path) -> None:
    opened, _ = begin(JsonLinesSink(path="large"), tmp_path)
    opened.write([b'"' + b"x" * 30_000_000 + b'"'])
    opened.sync()
    opened.close()
    assert (tmp_path / "large").stat().st_size == 30_000_003
