"""A file or link that another user put where this program writes gets nothing of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from exchanges import exchange

from tui_connector.cli.errors import CommandFailed
from tui_connector.cli.out_option import output_file
from tui_connector.client.exchange import Exchanges
from tui_connector.files import write_private
from tui_connector.incoming.output_path import OutputPaths
from tui_connector.incoming.sink import SinkContext, SinkError
from tui_connector.incoming.sinks.jsonl import JsonLinesSink
from tui_connector.log.recording import Recording
from tui_connector.log.records import LogFailed
from tui_connector.planted_files import PlantedFile, check_owner, resolved

OTHER = 12_345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")


def record(path: Path) -> None:
    exchanges, recording = Exchanges(), Recording(path)
    recording.start(exchanges)
    exchanges.record(exchange(1))
    recording.close()


def write(path: Path) -> None:
    paths = OutputPaths(path.parent, typed=[str(path)])
    JsonLinesSink(path=str(path)).open(SinkContext(path.parent, outputs=paths), None).close()


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """A directory such as /tmp."""
    path = tmp_path / "public"
    path.mkdir()
    path.chmod(0o1777)
    return path


def planted(path: Path, mode: int = 0o666) -> Path:
    path.touch()
    path.chmod(mode)
    os.chown(path, OTHER, OTHER)
    return path


@as_root
def test_a_file_that_another_user_put_into_a_public_directory_is_not_written(public: Path) -> None:
    path = planted(public / "items.jsonl")
    with pytest.raises(LogFailed, match="belongs to another user") as refused:
        record(path)
    assert "move it away, or choose another path" in str(refused.value)
    with pytest.raises(SinkError, match="belongs to another user"):
        write(path)
    assert path.read_bytes() == b""


@as_root
def test_a_link_that_another_user_put_into_a_public_directory_is_not_followed(public: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.jsonl"
    link, folder = public / "items.jsonl", public / "folder"
    link.symlink_to(target)
    folder.symlink_to(tmp_path)
    for each in (link, folder):
        os.lchown(each, OTHER, OTHER)
    for path in (link, folder / "target.jsonl"):
        with pytest.raises(LogFailed, match="belongs to another user"):
            record(path)
        with pytest.raises(SinkError, match="belongs to another user"):
            write(path)
        with pytest.raises(PlantedFile):
            write_private(path, b"")
        with pytest.raises(CommandFailed, match="belongs to another user"):
            output_file(str(path))
    assert not target.exists()


@as_root
def test_files_of_others_that_are_meant_are_written(tmp_path: Path) -> None:
    """Those of the user for whom root works, and those of a group that shares a directory."""
    home, shared = tmp_path / "home", tmp_path / "shared"
    home.mkdir()
    os.chown(home, OTHER, OTHER)
    shared.mkdir()
    os.chown(shared, OTHER + 1, OTHER)
    shared.chmod(0o2775)
    path = planted(home / "items.jsonl", 0o640)
    write(path)
    record(path)
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (OTHER, 0o600)
    path = planted(shared / "items.jsonl", 0o664)
    write(path)
    with pytest.raises(LogFailed, match="belongs to another user"):  # who could read whole responses
        record(path)


def test_own_files_keep_their_mode_as_outputs_and_are_closed_as_recordings(public: Path) -> None:
    output, recording, link = public / "items.jsonl", public / "run.jsonl", public / "link.jsonl"
    for each in (output, recording):
        each.touch()
        each.chmod(0o664)
    link.symlink_to("run.jsonl")
    write(output)
    record(link)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (output, recording)] == [0o664, 0o600]


def test_what_is_no_file_has_no_owner_that_matters(tmp_path: Path) -> None:
    check_owner(Path(os.devnull), os.stat(os.devnull), private=True)
    assert resolved(Path("/dev/stdout")) == Path(os.path.realpath("/dev/stdout"))
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "up").symlink_to("../" + tmp_path.name)
    for path in ("circle", "missing/../x", "up/up/x", "x\0y"):
        if "\0" in path:
            with pytest.raises(ValueError, match="null"):
                resolved(tmp_path / path)
        else:
            assert resolved(tmp_path / path) == Path(os.path.realpath(tmp_path / path))
