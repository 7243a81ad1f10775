"""Standard output, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from tui_connector.incoming.sink import SinkClosed, SinkContext, SinkError
from tui_connector.incoming.sinks.{module} import {name} as Kind

opened = Kind().open(SinkContext(Path("."), "products", "sku"), None)
opened.sync()
try:
    for number in range({count}):
        opened.write([b'{{"sku":%d}}' % number] * 10)
        opened.sync()
    opened.close()
except SinkClosed:
    sys.exit(7)
except SinkError as error:
    sys.exit(str(error))
"""


def writer(count: int, module: str = "stdout", name: str = "StdoutSink") -> list[str]:
    return [sys.executable, "-c", WRITER.format(count=count, module=module, name=name)]


def test_lines_arrive(tmp_path: Path) -> None:
    done = subprocess.run(writer(3), capture_output=True, check=True, timeout=60)
    assert done.stdout == b"".join(b'{"sku":%d}\n' % number * 10 for number in range(3))
    assert done.stderr == b""


def test_a_reader_that_leaves_ends_the_run_cleanly() -> None:
    process = subprocess.Popen(writer(1_000_000), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b'{"sku":0}\n'
    process.stdout.close()
    assert process.wait(60) == 7
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_behind_it_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(writer(1), stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 1
    assert b"Standard output cannot be written: No space left" in done.stderr


def test_singer_messages_go_there_too() -> None:
    done = subprocess.run(writer(1, "singer", "SingerSink"), capture_output=True, check=True, timeout=60)
    kinds = [line.partition(b'"type":"')[2].partition(b'"')[0] for line in done.stdout.splitlines()]
    assert kinds == [b"SCHEMA", *[b"RECORD"] * 10, b"STATE"]
