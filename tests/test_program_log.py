"""The log of the program itself: complete lines of several processes, without secrets, and never in anybody's way."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from tui_connector import program_log
from tui_connector.errors import UserError
from tui_connector.files import locked
from tui_connector.program_log import ProgramLog, append, frames, report
from tui_connector.secrets.mask import Mask
from tui_connector.text import hide_everywhere

log = logging.getLogger("tui_connector.client.session")


@contextmanager
def logging_to(file: Path, **options: object) -> Iterator[ProgramLog]:
    opened = ProgramLog(file, **options)  # type: ignore[arg-type]
    opened.open()
    try:
        yield opened
    finally:
        opened.close()


def test_a_line_has_a_time_a_process_a_level_and_a_module(tmp_path: Path) -> None:
    with logging_to(tmp_path / "program.log"):
        log.info("client %s opened", "magento")
        log.debug("not without --debug")
    [line] = (tmp_path / "program.log").read_text().splitlines()
    assert line[:4].isdigit()
    assert line.split(" ", 2)[2] == "INFO client.session: client magento opened"


def test_nothing_is_logged_before_and_after(tmp_path: Path) -> None:
    log.warning("before")
    with logging_to(tmp_path / "program.log"):
        pass
    log.warning("after")
    assert not (tmp_path / "program.log").exists()


def test_secrets_are_masked_by_value_and_by_place(tmp_path: Path) -> None:
    mask = Mask()
    mask.learn("known-CANARY-value", "token")
    hide_everywhere(mask)
    with logging_to(tmp_path / "program.log"):
        log.info("sent %s to https://u:pass-CANARY@shop.example/?access_token=other-CANARY", "known-CANARY-value")
        log.info("Authorization: Bearer third-CANARY")
        log.info("two\nlines")
    text = (tmp_path / "program.log").read_text()
    assert "CANARY" not in text
    assert "shop.example" in text
    assert len(text.splitlines()) == 3


class Model(BaseModel):
    number: int


def _raise(error: Exception) -> None:
    try:
        raise KeyError("first-CANARY")
    except KeyError as cause:
        raise error from cause


def test_an_exception_is_logged_with_its_places_and_causes_but_no_values(tmp_path: Path) -> None:
    try:
        Model(number="in-a-model-CANARY")  # type: ignore[arg-type]
    except ValidationError as error:
        of_model = error
    errors = [
        ValueError("don't use 'quoted-CANARY' here"),
        of_model,
        UserError("profile-missing", "no profile is named acme", "Make one."),
    ]
    with logging_to(tmp_path / "program.log"):
        for each in errors:
            try:
                _raise(each)
            except (ValueError, UserError):
                log.exception("failed")
        try:
            int("unquoted 'CANARY")
        except ValueError as error:
            logging.getLogger("asyncio").error(
                "Task exception was never retrieved\nfuture: <Task exception=CANARY>", exc_info=error
            )
    text = (tmp_path / "program.log").read_text()
    assert "CANARY" not in text
    assert "    KeyError: '…'\n" in text
    assert "    ValueError: don'…' here\n" in text
    assert "    UserError: no profile is named acme. Make one.\n" in text
    assert "test_program_log.py:" in text
    assert " _raise\n" in text
    assert " ERROR asyncio: Task exception was never retrieved\n" in text


def test_a_thread_that_fails_is_in_the_log(tmp_path: Path) -> None:
    with logging_to(tmp_path / "program.log"):
        thread = threading.Thread(target=_raise, args=[ValueError("x")], name="reader")
        thread.start()
        thread.join()
    assert "program_log: The thread reader has failed\n    ValueError: x\n" in (tmp_path / "program.log").read_text()


def test_a_full_file_is_kept_and_the_oldest_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_log, "LARGEST", 100)
    file = tmp_path / "program.log"
    for number in range(8):
        append(file, b"%d" % number * 49 + b"\n")
    assert [each.name for each in sorted(tmp_path.iterdir())] == [
        "program.log",
        "program.log.1",
        "program.log.2",
        "program.log.lock",
    ]
    assert [file.with_name(name).read_text()[0] for name in ("program.log.2", "program.log.1", "program.log")] == [
        *"246",
    ]


_WRITER = """
import sys
from pathlib import Path
from tui_connector import program_log
program_log.LARGEST, program_log.BACKUPS, program_log._LOCK_WAIT = 2_000, 1_000, 60.0
for number in range(100):
    program_log.append(Path(sys.argv[1]), f"{sys.argv[2]} {number} {'x' * 50}\\n".encode())
"""


def test_two_processes_lose_and_mix_no_line_while_files_are_rotated(tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(file), name]) for name in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    files = [each for each in tmp_path.iterdir() if not each.name.endswith(".lock")]
    assert len(files) > 3
    lines = [line for each in files for line in each.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {number} {'x' * 50}" for name in "ab" for number in range(100))


def test_who_logs_does_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_log, "_LOCK_WAIT", 60.0)
    monkeypatch.setattr(program_log, "_CLOSE_WAIT", 60.0)
    file = tmp_path / "program.log"
    with logging_to(file), locked(tmp_path / "program.log.lock"):
        for number in range(100):
            log.info("%d", number)
        assert not file.exists()
    assert [line.rpartition(" ")[2] for line in file.read_text().splitlines()] == [str(n) for n in range(100)]


def test_where_it_cannot_be_written_the_program_goes_on_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    echoed: list[str] = []
    with logging_to(tmp_path / "state" / "program.log", echo=echoed.append) as opened:
        log.info("still told")
    assert "still told" in "".join(echoed)
    assert opened.problem is not None


@pytest.mark.parametrize("what", ["link", "pipe"])
def test_it_follows_no_link_and_waits_for_no_pipe(tmp_path: Path, what: str) -> None:
    file = tmp_path / "program.log"
    if what == "link":
        (tmp_path / "other").write_text("mine\n")
        file.symlink_to(tmp_path / "other")
    else:
        os.mkfifo(file)
    with logging_to(file) as opened:
        log.info("told")
    assert opened.problem is not None
    if what == "link":
        assert (tmp_path / "other").read_text() == "mine\n"


def test_a_report_names_the_file_and_shows_no_value(tmp_path: Path) -> None:
    assert program_log.start(tmp_path)
    assert not program_log.start(tmp_path)
    with pytest.raises(ZeroDivisionError) as raised:
        _raise(ZeroDivisionError("by 'CANARY'"))
    text = report(raised.value)
    assert next(frames(raised.value)) == "ZeroDivisionError: by '…'"
    assert text.startswith("The program has failed (ZeroDivisionError). Nothing that was saved is lost.\n  ")
    assert f"the end of {tmp_path / 'program.log'}" in text
    written = (tmp_path / "program.log").read_text()
    assert "CRITICAL program_log: The program has failed\n    ZeroDivisionError: by '…'\n" in written
    assert "CANARY" not in text + written
