"""Files that runs write: durable, cut back, and never somebody else's."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sink_runs import begin, go_on, write

from tui_connector.incoming.output_file import OutputFile
from tui_connector.incoming.output_path import OutputPaths
from tui_connector.incoming.sink import SinkContext, SinkError
from tui_connector.incoming.sinks.jsonl import JsonLinesSink
from tui_connector.machine import Directories
from tui_connector.secrets.capability import Grants

SINK = JsonLinesSink(path="items.jsonl")
ONE, TWO = [b'{"id":1}'], [b'{"id":2}']


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 64 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refusal(folder: Path, sink: JsonLinesSink = SINK, **context: object) -> str:
    with pytest.raises(SinkError) as refused:
        sink.open(SinkContext(folder, **context), None)  # type: ignore[arg-type]
    return str(refused.value)


def test_somebody_elses_file_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text("my thesis\n")
    assert "already exists" in refusal(tmp_path)
    assert "Choose another file" in refusal(tmp_path)
    assert (tmp_path / "items.jsonl").read_text() == "my thesis\n"


def test_an_empty_file_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").touch()
    write(SINK, tmp_path, [ONE])
    assert (tmp_path / "items.jsonl").read_bytes() == b'{"id":1}\n'


def test_the_next_run_begins_anew_in_its_own_file(tmp_path: Path) -> None:
    last = write(SINK, tmp_path, [ONE, TWO])[-1]
    write(SINK, tmp_path, [TWO], known=last)
    assert (tmp_path / "items.jsonl").read_bytes() == b'{"id":2}\n'


def test_our_file_with_more_behind_it_is_still_ours(tmp_path: Path) -> None:
    """Killed after a write that was never recorded."""
    last = write(SINK, tmp_path, [ONE])[-1]
    with (tmp_path / "items.jsonl").open("ab") as file:
        file.write(b'{"id":')
    write(SINK, tmp_path, [TWO], known=last)
    assert (tmp_path / "items.jsonl").read_bytes() == b'{"id":2}\n'


def test_killed_before_the_first_step_was_recorded(tmp_path: Path) -> None:
    opened, start = begin(SINK, tmp_path)
    opened.write(ONE)
    left_behind = (tmp_path / "items.jsonl").read_bytes()
    opened.close()
    (tmp_path / "items.jsonl").write_bytes(left_behind)  # a kill does not tidy up
    go_on(SINK, tmp_path, start, [TWO])
    assert (tmp_path / "items.jsonl").read_bytes() == b'{"id":2}\n'


def test_what_was_there_stays_until_the_first_step(tmp_path: Path) -> None:
    """A run that the store refuses at once takes nothing away."""
    last = write(SINK, tmp_path, [ONE])[-1]
    SINK.open(SinkContext(tmp_path, known=last), None).close()
    assert (tmp_path / "items.jsonl").read_bytes() == b'{"id":1}\n'


@pytest.mark.parametrize("content", [None, b"", b'{"id":1}\n{"id":', b"x" * 10_000])
def test_a_file_that_changed_since_is_not_gone_on_with(tmp_path: Path, content: bytes | None) -> None:
    last = write(SINK, tmp_path, [ONE, TWO])[-1]
    path = tmp_path / "items.jsonl"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(SinkError, match=r"is gone or empty|no longer has the content that earlier runs wrote"):
        SINK.open(SinkContext(tmp_path), last)
    assert path.read_bytes() == (content or b"")


@pytest.mark.parametrize("position", [{}, {"rows": 3}, "x", {"bytes": "many", "tail": 0, "file": [1, 2]}])
def test_a_position_of_another_sink(tmp_path: Path, position: object) -> None:
    with pytest.raises(SinkError, match="Start over"):
        SINK.open(SinkContext(tmp_path), position)  # type: ignore[arg-type]


def test_two_runs_at_once(tmp_path: Path) -> None:
    opened, start = begin(SINK, tmp_path)
    assert "Another run is writing" in refusal(tmp_path, known=start)
    opened.close()


def test_a_symbolic_link_is_preserved(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "items.jsonl").symlink_to("data/real.jsonl")
    write(SINK, tmp_path, [ONE])
    assert (tmp_path / "items.jsonl").is_symlink()
    assert (tmp_path / "data" / "real.jsonl").read_bytes() == b'{"id":1}\n'


def test_a_folder_a_pipe_and_a_path_that_is_none(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path, JsonLinesSink(path="."))
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path, JsonLinesSink(path="pipe"))
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    nowhere = "../nowhere/items.jsonl"
    assert "not trusted to write" in refusal(tmp_path, JsonLinesSink(path=nowhere))
    typed = OutputPaths(tmp_path, typed=[nowhere])
    assert "does not exist" in refusal(tmp_path, JsonLinesSink(path=nowhere), outputs=typed)
    with pytest.raises(ValueError, match="must not contain a NUL character"):
        JsonLinesSink(path="a\0b")
    unchecked = JsonLinesSink.model_construct(path="a\0b")  # as of a sink whose path is any text
    assert "is not a valid path" in refusal(tmp_path, unchecked)
    (tmp_path / "loop").symlink_to("loop")
    assert "symbolic links" in refusal(tmp_path, JsonLinesSink(path="loop"))


def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        with pytest.raises(SinkError) as refused:  # root may write others
            OutputFile(Path("/proc/sys/kernel/version"), None, None)
        message = str(refused.value)
    else:
        (tmp_path / "items.jsonl").touch(0o400)
        message = refusal(tmp_path)
    assert "cannot be written" in message


@pytest.mark.usefixtures("small_files")
def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    """As on a full disk: said, the durable part stays, and the run goes on from there when there is room."""
    opened, position = begin(SINK, tmp_path)
    opened.write(ONE)
    position = opened.sync()
    with pytest.raises(SinkError, match="cannot grow"):
        opened.write([b'"' + b"x" * 100_000 + b'"'])
    opened.close()
    assert (tmp_path / "items.jsonl").read_bytes() == b'{"id":1}\n'
    go_on(SINK, tmp_path, position, [TWO])
    assert (tmp_path / "items.jsonl").read_bytes() == b'{"id":1}\n{"id":2}\n'


def test_a_user_without_a_name_may_write_as_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run programs as numbers that no line of /etc/passwd has."""

    def unknown(_: int) -> None:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    directories = Directories(*(tmp_path / each for each in ("config", "state", "cache", "profiles")))
    outputs = OutputPaths(tmp_path / "shop", directories, {"HOME": str(tmp_path / "home")}, Grants())
    assert outputs.refusal(tmp_path / "shop" / "items.jsonl") == ""
    assert outputs.refusal(tmp_path / "home" / ".profile") != ""
