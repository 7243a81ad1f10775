"""`log` from a shell: recordings, HARs, histories; printed, filtered, followed, exported."""

from __future__ import annotations

import gzip
import json
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import fork_server
import pytest
from exchanges import exchange, lost
from program import Ended, Program

from tui_connector.client.exchange import RecordedBody
from tui_connector.log.records import line

ESCAPE = b"\x1b]52;c;Q0FOQVJZ\x07\x9b31m"
HOSTILE = {
    "one line": b"x" * 5_000_000,
    "brackets": b"[" * 100_000,
    "no UTF-8": b"\xff\xfe\xfd" * 100,
    "escapes": ESCAPE + "\u202e\u2066".encode(),
    "empty": b"",
    "nested XML": b"<a>" * 100_000,
    "number": b'{"message":' + b"9" * 6_000 + b"}",
    "binary": bytes(range(256)) * 10,
}


@pytest.fixture
def program(clean_environment: dict[str, str]) -> Program:
    """Runs `tui-connector …` in a new process; no store is needed."""

    def run(*arguments: str) -> Ended:
        code, out, err = fork_server.run(*arguments, env=clean_environment)
        return subprocess.CompletedProcess(arguments, code, out.decode(), err.decode())

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(map(line, [exchange(1), exchange(2, method="PUT", status=500), lost(3)])))
    return path


def test_a_recording_is_printed_one_line_each_or_long(program: Program, recording: Path) -> None:
    ended = program("log", str(recording))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [each.split("  ")[0] for each in ended.stdout.splitlines()] == ["#1", "#2", "#3"]
    ended = program("log", str(recording), "--format", "long", "--filter", "~m put | ~s none")
    assert "#1" not in ended.stdout
    assert "500 OK" in ended.stdout
    assert "✘ no response within 30 s" in ended.stdout


def test_a_filter_that_cannot_be_read_is_pointed_at(program: Program, recording: Path) -> None:
    ended = program("log", str(recording), "--filter", "~m get ~s 4yx")
    assert ended.returncode == 2
    message, shown, pointer = ended.stderr.splitlines()
    assert "'4yx' is not a status" in message
    assert shown[pointer.index("^") :] == "4yx"
    assert "~b" in program("log", "--filter", "help").stdout
    ended = program("log", str(recording), "--filter", "stauts >= 200")
    assert (ended.stdout, ended.stderr) == ("", "No request matches --filter; did you mean status >= 200?\n")
    assert program("log", str(recording), "--filter", "! stauts >= 200").stderr == ""


def test_out_and_in_through_har_is_the_same(program: Program, recording: Path, tmp_path: Path) -> None:
    har = tmp_path / "run.har"
    assert program("log", str(recording), "--export", "har", "--out", str(har)).returncode == 0
    assert stat.S_IMODE(har.stat().st_mode) == 0o600
    assert len(json.loads(har.read_bytes())["log"]["entries"]) == 3
    assert program("log", str(har), "--export", "jsonl").stdout.encode() == recording.read_bytes()
    again = program("log", str(recording), "--export", "har", "--out", str(har))
    assert again.returncode == 2
    assert "exists" in again.stderr
    commands = program("log", str(har), "--export", "curl", "--filter", "~m put").stdout
    assert commands.startswith("curl -sS -X PUT")


def test_an_export_says_how_many_bodies_are_not_complete(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    missing, cut = RecordedBody(size=9), RecordedBody(b"[1,", 9, cut=True)
    path.write_bytes(b"".join(line(exchange(number, body=body)) for number, body in enumerate((missing, cut, b"[]"))))
    for export in ("har", "jsonl"):
        ended = program("log", str(path), "--export", export)
        assert ended.stderr == "Note: 2 requests have a body that was not kept, or only in part.\n"
    comments = [
        each["response"]["content"].get("comment") for each in json.loads(_har_of(program, path))["log"]["entries"]
    ]
    assert comments == ["the body was not kept", "only the first 3 bytes were kept", None]


def _har_of(program: Program, path: Path) -> str:
    return program("log", str(path), "--export", "har").stdout


def test_hostile_bodies_are_printed_without_a_traceback(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    headers = tuple((f"X-{number}", ESCAPE.decode("latin-1")) for number in range(2_000))
    with path.open("wb") as file:
        for number, data in enumerate(HOSTILE.values(), 1):
            body = RecordedBody(data, len(data), len(data), "application/json")
            file.write(line(exchange(number, status=400, reason="\x1b[31m", headers=headers, body=body)))
    for form in ("simple", "full"):
        ended = program("log", str(path), "--format", form)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]", ended.stdout)
    assert program("log", str(path), "--export", "har", "--filter", "~b 9999").returncode == 0
    path.unlink()


@pytest.mark.parametrize(
    ("name", "data", "code", "words"),
    [
        ("cut.jsonl", line(exchange(1))[:-9], 1, "cut.jsonl:1: this line is truncated"),
        ("bad.jsonl", line(exchange(1)) + b"\x1b]0;x\n" + line(exchange(2)), 1, "bad.jsonl:2: this line was skipped"),
        ("cut.har", b'{"log":{"entries":[{"requ', 2, "it is truncated (line 1, column"),
        (
            "x.har",
            b'{"log":{"entries":[1,{"request":{"url":"http://["}}]}}',
            1,
            "1 of 2 entries skipped (number 1): it is not an object",
        ),
        ("x.json", b'{"log": {}}', 2, "not HAR"),
        ("x.txt", b"hello\n", 1, "x.txt:1: this line was skipped: Expecting value"),
        ("empty.jsonl", b"", 0, ""),
    ],
)
def test_what_cannot_be_read_says_where(
    program: Program, tmp_path: Path, name: str, data: bytes, code: int, words: str
) -> None:
    (tmp_path / name).write_bytes(data)
    ended = program("log", str(tmp_path / name))
    assert ended.returncode == code, ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "\x1b" not in ended.stderr


def test_neither_a_file_nor_a_profile(program: Program, tmp_path: Path) -> None:
    assert "Missing argument 'FILE|PROFILE'" in program("log").stderr
    assert program("log", "nobody").returncode == 2
    ended = program("log", str(tmp_path))
    assert ended.returncode == 2
    assert "directory" in ended.stderr


def test_a_recording_is_followed_until_it_is_stopped(recording: Path, clean_environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tui_connector", "log", str(recording), "--follow", "--filter", "~s 200"]
    with subprocess.Popen(command, env=clean_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"#1 ")
        with recording.open("ab") as file:
            file.write(line(exchange(4, status=404)) + line(exchange(5)))
        assert process.stdout.readline().startswith(b"#5 ")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 4
        assert process.stderr.read().strip() == b"Stopped."


def test_a_har_is_opened_and_not_followed(program: Program, recording: Path, tmp_path: Path) -> None:
    har = tmp_path / "run.har"
    assert program("log", str(recording), "--export", "har", "--out", str(har)).returncode == 0
    ended = program("log", str(har), "--follow")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"{har} is a HAR file, which is written once" in ended.stderr
    assert "Open it without --follow, or follow a recording" in ended.stderr
    assert program("log", str(har)).stdout.count("\n") == 3


def test_a_compressed_recording_is_opened_and_not_followed(program: Program, recording: Path, tmp_path: Path) -> None:
    packed = tmp_path / "run.jsonl.gz"
    packed.write_bytes(gzip.compress(recording.read_bytes()))
    assert program("log", str(packed)).stdout == program("log", str(recording)).stdout
    ended = program("log", str(packed), "--follow")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Open it without --follow" in ended.stderr
