"""A recording while it is written, read, rotated, replaced, cut, and after a crash."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from exchanges import exchange, exchanges, lost
from hypothesis import given

from tui_connector.client.exchange import Exchange, Exchanges
from tui_connector.client.message import Request
from tui_connector.log import compressed, files
from tui_connector.log.recording import Notice, Reader, Recording, read
from tui_connector.log.records import BadRecord, LogFailed, line, read_line
from tui_connector.secrets.mask import Mask


def _record(path: Path, log: list[Exchange], **options: int) -> Recording:
    exchanges = Exchanges()
    recording = Recording(path, **options)
    recording.start(exchanges)
    for each in log:
        exchanges.record(each)
    recording.close()
    return recording


def _numbers(found: object) -> list[int | str]:
    assert hasattr(found, "__iter__")
    return [each.number if isinstance(each, Exchange) else each.text for each in found]


@given(exchanges)
def test_a_line_reads_back(asked: Exchange) -> None:
    once = read_line(line(asked), Mask())
    assert read_line(line(once), Mask()) == once
    masked = ("uri", "reason", "request_headers", "headers", "request_body", "body", "failure_text", "note")
    assert replace(asked, original=None, **{name: getattr(once, name) for name in masked}) == once
    assert line(asked).count(b"\n") == 1
    assert line(asked).isascii()


def test_a_recording_is_the_log_and_its_owners(tmp_path: Path) -> None:
    log = [exchange(1), lost(2), exchange(3, body=b"\x00\xff", original=Request("GET", "x", body=b"CANARY-typed"))]
    path = tmp_path / "run.jsonl"
    _record(path, log)
    assert list(read(path)) == [replace(each, original=None) for each in log]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    _record(path, [exchange(4)])  # the next run goes on in the same file
    assert _numbers(read(path)) == [1, 2, 3, 4]


def test_it_rotates_by_size_and_keeps_a_few(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    log = [exchange(number, body=b"x" * 1_000) for number in range(100)]
    _record(path, log, size=10_000)
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names == ["run.jsonl", "run.jsonl.1", "run.jsonl.2", "run.jsonl.3", "run.jsonl.4"]
    kept = [number for name in reversed(names) for number in _numbers(read(tmp_path / name))]
    assert kept == list(range(100 - len(kept), 100))
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in tmp_path.iterdir())
    assert all(each.stat().st_size <= 10_000 for each in tmp_path.iterdir())


def test_after_a_crash_only_the_last_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    _record(path, [exchange(1), exchange(2)])
    os.truncate(path, path.stat().st_size - 10)
    found = _numbers(read(path))
    assert found[0] == 1
    assert f"{path}:2: this line is truncated" in str(found[1])
    _record(path, [exchange(3)])  # begins on a line of its own
    assert [each for each in _numbers(read(path)) if isinstance(each, int)] == [1, 3]


def test_a_killed_process_leaves_whole_lines(tmp_path: Path, clean_environment: dict[str, str]) -> None:
    path = tmp_path / "run.jsonl"
    program = (
        "import sys; from pathlib import Path; from exchanges import exchange\n"
        "from tui_connector.client.exchange import Exchanges; from tui_connector.log.recording import Recording\n"
        "log = Exchanges(); recording = Recording(Path(sys.argv[1])); recording.start(log)\n"
        "number = 0\n"
        "while True: number += 1; log.record(exchange(number, body=b'x' * 3000))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], env=clean_environment)
    try:
        _until(lambda: path.exists() and path.stat().st_size > 2_000_000)
    finally:
        process.kill()
        process.wait()
    found = list(read(path))
    assert len(found) > 500
    assert all(isinstance(each, Exchange) for each in found[:-1])


def test_a_full_queue_drops_and_counts_exchanges_without_blocking(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recording = _record(path, [exchange(number, body=b"x" * 5_000) for number in range(50)], queue=4_000)
    assert recording.lost == 50
    assert _numbers(read(path)) == []


def test_a_full_disk_stops_no_run_and_is_reported_at_its_end(tmp_path: Path) -> None:
    path, log = tmp_path / "run.jsonl", Exchanges()
    recording = Recording(path)
    recording.start(log)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        for number in range(100):
            log.record(exchange(number, body=b"x" * 5_000))
        with pytest.raises(LogFailed, match="cannot record: File too large"):
            recording.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert 0 < len([each for each in read(path) if isinstance(each, Exchange)]) < 100


def test_what_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.jsonl")
    with pytest.raises(LogFailed, match="is not a regular file"):
        Recording(tmp_path / "run.jsonl").start(Exchanges())
    with pytest.raises(LogFailed, match="cannot record: No such file"):
        Recording(tmp_path / "none" / "run.jsonl").start(Exchanges())


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text("format = 1\n")
    with pytest.raises(LogFailed, match="is not a recording"):
        Recording(path).start(Exchanges())
    assert path.read_text() == "format = 1\n"


def test_following_a_file_that_grows_is_rotated_replaced_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(LogFailed, match="No such file"):
        list(Reader(path).read())
    path.write_bytes(line(exchange(1)) + line(exchange(2))[:50])
    reader = Reader(path)
    assert _numbers(reader.read()) == [1]
    assert _numbers(reader.read()) == []
    with path.open("ab") as file:
        file.write(line(exchange(2))[50:] + line(exchange(3)))
    assert _numbers(reader.read()) == [2, 3]
    with path.open("ab") as file:
        file.write(line(exchange(4)))
    path.rename(tmp_path / "run.jsonl.1")
    assert _numbers(reader.read()) == [4]  # the old file to its end
    path.write_bytes(line(exchange(5)))
    one, two = _numbers(reader.read())
    assert "it was replaced by another file" in str(one)
    assert two == 5
    path.write_bytes(line(exchange(6, uri="https://x/")))
    one, two = _numbers(reader.read())
    assert "it was truncated" in str(one)
    assert two == 6
    with path.open("ab") as file:
        file.write(b'{"format":1,"uri":')
    assert _numbers(reader.read()) == []
    assert "is truncated" in str(_numbers(reader.end())[0])


def test_writing_and_following_at_once(tmp_path: Path) -> None:
    path, seen = tmp_path / "run.jsonl", list[int]()
    log, recording = Exchanges(), Recording(path)
    recording.start(log)
    reader, done = Reader(path), threading.Event()

    def follow() -> None:
        while not done.is_set() or len(seen) < 2_000:
            seen.extend(each.number for each in reader.read() if isinstance(each, Exchange))
        assert list(reader.end()) == []

    following = threading.Thread(target=follow, daemon=True)
    following.start()
    for number in range(2_000):
        log.record(exchange(number))
    recording.close()
    done.set()
    following.join(30)
    assert seen == list(range(2_000))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{}", "it is not a request record"),
        (b"[1]", "it is not a request record"),
        (b"nonsense", "Expecting value"),
        (b'{"uri":5}', "uri is not text"),
        (b'{"uri":"x","format":2}', "newer version"),
        (b'{"uri":"x","headers":[["a"]]}', "a header is not a name and a value"),
        (b'{"uri":"x","body":{"base64":"!"}}', "not valid base64"),
        (b'{"uri":"x","timings":{"total":NaN}}', "timings.total is not a number"),
        (b'{"uri":"x","number":1e999}', "number is not a number"),
        (b'{"uri":"x","number":' + b"9" * 6_000 + b"}", "integer string conversion"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"uri":"\xff"}', "utf-8"),
    ],
)
def test_a_line_that_is_none_says_why(data: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        read_line(data, Mask())


def test_a_recording_from_elsewhere_is_masked_when_it_is_read() -> None:
    secret = exchange(1, uri="https://x/?token=CANARY", request_headers=(("Authorization", "Bearer CANARY-32"),))
    assert "CANARY" not in repr(read_line(line(secret), Mask()))


def test_a_body_of_50_mb_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(line(exchange(1, body=b"x" * 50_000_000)) + line(exchange(2)))
    assert _numbers(read(path)) == [1, 2]
    path.unlink()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_compressed_recording_opens(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    with gzip.open(path, "wb") as file:
        file.write(line(exchange(1)) + line(exchange(2)))
    assert _numbers(files.read(path)) == [1, 2]


def test_a_compressed_recording_that_was_cut_off_shows_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    log = [exchange(number, body=os.urandom(1_000)) for number in range(3_000)]
    path.write_bytes(gzip.compress(b"".join(map(line, log)))[:-100_000])
    found = files.read(path)
    read_before = 0
    with pytest.raises(LogFailed, match="cannot be decompressed completely: it is truncated"):
        for read_before, _ in enumerate(found, 1):  # noqa: B007
            pass
    assert read_before > 1_000


def test_a_few_kilobytes_that_claim_to_be_terabytes_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "MOST_DECOMPRESSED", 10_000_000)
    path = tmp_path / "bomb.har.gz"
    path.write_bytes(gzip.compress(b" " * 20_000_000))
    with pytest.raises(LogFailed, match="more than 10 MB when decompressed"):
        list(files.read(path))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image, neither a recording"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"SQLite format 3\x00\x10\0", "an SQLite database"),
        (b"\0\1\2\3" * 100, "a binary file"),
        (b"\x28\xb5\x2f\xfd\x04", "compressed with zstd"),
        (gzip.compress(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", mtime=0), "a PNG image"),
    ],
)
def test_a_file_that_is_not_text_is_named_in_one_sentence(start: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.har"
    path.write_bytes(start)
    with pytest.raises(LogFailed, match=words):
        list(files.read(path))


def test_what_is_not_a_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(LogFailed, match="not a regular file"):
            list(files.read(path))


def test_a_text_that_is_something_else_has_few_notices(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text("127.0.0.1 - - GET /\n" * 500)
    notices = [each.text for each in files.read(path) if isinstance(each, Notice)]
    assert len(notices) == 4
    assert notices[-1].endswith("497 more lines were skipped: they are not recorded requests either")
