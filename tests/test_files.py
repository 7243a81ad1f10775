"""Private files: whole or not there, for their owner only, and nothing lost between two writers."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tui_connector import files
from tui_connector.files import (
    CannotSave,
    ChangedOnDisk,
    FileFault,
    LockTimeout,
    digest,
    locked,
    make_private,
    new_private,
    read_private,
    state_remedy,
    tighten,
    try_lock,
    update_private,
    write_atomic,
    write_private,
)

STOPPING = """
import os, sys
from pathlib import Path
from tui_connector.profile.document import Document
from tui_connector import files
if "named" in sys.argv:
    del os.O_TMPFILE
    os.O_TMPFILE = os.O_DIRECTORY  # a kernel without it opens the directory, and refuses to write (EISDIR)
sync, path, count = os.fsync, Path(sys.argv[1]), int(sys.argv[3])
def stopping(descriptor):
    global count
    count -= 1
    if count == 0:
        print("syncing", flush=True)
        sys.stdin.readline()
    sync(descriptor)
def save():
    document = Document.read(path)
    document.set(("name",), sys.argv[4])
    document.save()
def export():
    with files.new_private(path) as file:
        file.write(b"new" * 1000)
ways = {
    "save": save,
    "write": lambda: files.write_private(path, b"new" * 1000),
    "update": lambda: files.update_private(path, lambda found: b"new" * 1000),
    "export": export,
}
os.fsync = stopping
try:
    ways[sys.argv[2]]()
except files.ChangedOnDisk as error:
    print("ChangedOnDisk", error.how, flush=True)
else:
    print("saved", flush=True)
"""
"""Does one write, and stops at its nth fsync until it gets a line."""


@contextmanager
def writing(path: Path, way: str, at: int = 1, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-B", "-c", STOPPING, str(path), way, str(at), *(more or ["other"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


# Two writers


SAVING = """
import os, sys, time
from pathlib import Path
from tui_connector.files import ChangedOnDisk, digest, write_atomic
sync = os.fsync
os.fsync = lambda descriptor: (time.sleep(0.2), sync(descriptor))
print("ready", flush=True)
sys.stdin.readline()
try:
    write_atomic(Path(sys.argv[1]), sys.argv[2].encode(), expect=digest(b"before"))
except ChangedOnDisk:
    print("told")
else:
    print("saved")
"""


def test_of_instances_that_save_the_same_profile_on_a_slow_disk_one_wins_and_the_others_are_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shop.toml"
    path.write_bytes(b"before")
    command = [sys.executable, "-B", "-c", SAVING, str(path)]
    saving = [
        subprocess.Popen([*command, str(each)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for each in range(6)
    ]
    assert [said(each) for each in saving] == ["ready"] * 6
    for each in saving:
        let_go(each)
    ends = [each.communicate(timeout=60)[0].strip() for each in saving]
    assert sorted(ends) == ["saved", *["told"] * 5]
    assert path.read_text() == str(ends.index("saved"))
    assert os.listdir(tmp_path) == ["shop.toml"]


def _in_place(path: Path) -> None:
    path.write_text("theirs = 1\n")


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("theirs = 1\n")
    other.replace(path)


@pytest.mark.parametrize("change", [_in_place, _replaced])
def test_what_another_program_writes_during_a_slow_fsync_is_not_lost(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "shop.toml"
    path.write_text('name = "before"\n')
    with writing(path, "save") as process:
        assert said(process) == "syncing"
        change(path)
        let_go(process)
        assert said(process) == "ChangedOnDisk changed"
    assert path.read_text() == "theirs = 1\n"
    assert os.listdir(tmp_path) == ["shop.toml"]


def test_a_profile_that_is_deleted_during_a_slow_fsync_stays_deleted(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text('name = "before"\n')
    with writing(path, "save") as process:
        assert said(process) == "syncing"
        path.unlink()
        let_go(process)
        assert said(process) == "ChangedOnDisk is gone"
    assert os.listdir(tmp_path) == []


def test_what_many_processes_add_to_one_file_at_once_is_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "list"
    script = (
        "import sys\nfrom pathlib import Path\nfrom tui_connector.files import update_private\n"
        "for turn in range(5):\n"
        "    update_private(Path(sys.argv[1]), lambda found: (found or b'') + f'{sys.argv[2]}.{turn}\\n'.encode())\n"
    )
    command = [sys.executable, "-B", "-c", script, str(path)]
    adding = [subprocess.Popen([*command, str(each)]) for each in range(8)]
    assert [each.wait(timeout=120) for each in adding] == [0] * 8
    assert sorted(path.read_text().split()) == sorted(f"{each}.{turn}" for each in range(8) for turn in range(5))


def test_a_lock_that_is_never_let_go_is_an_error_and_not_a_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOCK_WAIT", 0.1)
    (tmp_path / "shop.toml").write_text('name = "before"\n')
    with writing(tmp_path / "shop.toml", "save") as process:
        assert said(process) == "syncing"
        with pytest.raises(LockTimeout) as busy:
            write_private(tmp_path / "other", b"")
        with pytest.raises(CannotSave, match="another process") as caught:
            write_atomic(tmp_path / "new.toml", b"", expect=None)
    assert "Wait" in caught.value.hint
    assert "Wait" in state_remedy(busy.value)
    assert os.listdir(tmp_path) == ["shop.toml"]


def test_a_lock_is_held_by_one_alone_and_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "one.lock"
    script = (
        "import sys\nfrom pathlib import Path\nfrom tui_connector.files import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-B", "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert said(holder) == "held"
        assert try_lock(path) is None
        with pytest.raises(LockTimeout), locked(path, wait=0.1):
            pass
        holder.send_signal(signal.SIGKILL)
    with locked(path):
        assert try_lock(path) is None  # by another descriptor of this process, too
    descriptor = try_lock(path)
    assert descriptor is not None
    os.close(descriptor)


# Killed


@pytest.mark.parametrize("way", ["save", "write", "update", "export"])
@pytest.mark.parametrize("at", [1, 2])
def test_a_write_that_is_killed_at_a_fsync_leaves_nothing_but_the_old_or_the_new(
    tmp_path: Path, way: str, at: int
) -> None:
    path = tmp_path / "file"
    if way != "export":
        path.write_text('name = "before"\n')
    before = path.read_bytes() if path.exists() else None
    with writing(path, way, at) as process:
        assert said(process) == "syncing"
        process.send_signal(signal.SIGKILL)
    after = path.read_bytes() if path.exists() else None
    new = b'name = "other"\n' if way == "save" else b"new" * 1000
    assert after == (before if at == 1 else new)
    assert os.listdir(tmp_path) == (["file"] if path.exists() else [])


@pytest.mark.parametrize("way", ["save", "write", "update", "export"])
def test_where_a_file_needs_a_name_while_it_is_written_the_next_write_removes_what_was_left(
    tmp_path: Path, way: str
) -> None:
    path, other = tmp_path / "file", tmp_path / ".tui-connector-notes"
    if way != "export":
        path.write_text('name = "before"\n')
    other.write_text("not ours")
    with writing(path, way, 1, "other", "named") as process:
        assert said(process) == "syncing"
        process.send_signal(signal.SIGKILL)
    assert len([each for each in os.listdir(tmp_path) if each.endswith(".tmp")]) == 1
    write_private(tmp_path / "next", b"")
    assert sorted(os.listdir(tmp_path)) == sorted({other.name, "next", *(["file"] if path.exists() else [])})


def test_an_export_under_way_is_not_removed_by_another_write(tmp_path: Path) -> None:
    with writing(tmp_path / "file", "export", 1, "other", "named") as process:
        assert said(process) == "syncing"
        write_private(tmp_path / "next", b"")
        let_go(process)
        assert said(process) == "saved"
    assert sorted(os.listdir(tmp_path)) == ["file", "next"]


def test_without_proc_a_file_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def missing(source: object, *rest: object, **named: object) -> None:
        if str(source).startswith("/proc"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        link(source, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", missing)
    with new_private(tmp_path / "new") as file:
        file.write(b"x" * 3_000_000)
    write_private(tmp_path / "new", b"y" * 3_000_000)
    assert (tmp_path / "new").read_bytes() == b"y" * 3_000_000
    assert mode(tmp_path / "new") == 0o600
    assert os.listdir(tmp_path) == ["new"]


# Modes


@pytest.mark.parametrize("value", [0o000, 0o022, 0o077, 0o277])
def test_directories_and_files_are_their_owners_alone_at_each_level_whatever_the_umask(
    tmp_path: Path, value: int
) -> None:
    with umask(value):
        write_private(tmp_path / "a" / "b" / "c" / "file", b"")
        with new_private(tmp_path / "a" / "export"):
            pass
        os.close(try_lock(tmp_path / "a" / "locks" / "one") or -1)
    levels = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c", tmp_path / "a" / "locks"]
    assert [mode(each) for each in levels] == [0o700] * 4
    assert mode(tmp_path / "a" / "b" / "c" / "file") == mode(tmp_path / "a" / "export") == 0o600


def test_a_private_file_that_others_could_read_is_theirs_no_more_once_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o666)
    write_private(path, b"new")
    assert mode(path) == 0o600


def test_directories_that_were_left_open_are_closed(tmp_path: Path) -> None:
    root = tmp_path / "state"
    (root / "history" / "shop").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir(mode=0o777)
    (tmp_path / "elsewhere").chmod(0o777)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "file").write_text("")
    for each in (root, root / "history"):
        each.chmod(0o777)
    (root / "file").chmod(0o644)
    assert tighten(root) is None
    assert [mode(each) for each in (root, root / "history")] == [0o700] * 2
    assert (mode(tmp_path / "elsewhere"), mode(root / "file")) == (0o777, 0o644)
    assert tighten(tmp_path / "missing") is None
    assert tighten(root / "file" / "below") is None


def test_a_directory_that_cannot_be_closed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(tmp_path / "state"))

    monkeypatch.setattr(Path, "chmod", refused)
    warning = tighten(tmp_path / "state")
    assert warning is not None
    assert str(tmp_path / "state") in warning
    os.chmod(tmp_path / "state", 0o755)  # others may only look: that is no reason for a warning each time
    assert tighten(tmp_path / "state") is None


def test_a_directory_that_cannot_be_examined_is_not_said_to_be_open_to_others(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    for each in (circle, circle / "state", tmp_path / ("long" * 100)):
        assert tighten(each) is None


def test_what_others_may_write_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"ours")
    assert read_private(path) == b"ours"
    path.chmod(0o620)
    with pytest.raises(PermissionError, match="other users"):
        read_private(path)


# What stands there


def test_of_two_hard_links_the_other_keeps_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"old")
    os.link(tmp_path / "one", tmp_path / "two")
    write_atomic(tmp_path / "one", b"new", expect=digest(b"old"))
    assert ((tmp_path / "one").read_bytes(), (tmp_path / "two").read_bytes()) == (b"new", b"old")


def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "file")
    write_private(tmp_path / "link", b"one")
    update_private(tmp_path / "link", lambda found: (found or b"") + b", two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"one, two"
    assert os.listdir(tmp_path / "real") == ["file"]


@pytest.mark.parametrize("what", ["pipe", "directory"])
def test_what_is_no_file_is_left_alone(tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    os.mkfifo(path) if what == "pipe" else path.mkdir()
    with pytest.raises(FileFault, match=f"is a {what}"):
        write_private(path, b"")
    with pytest.raises(FileFault, match="not a file"):
        update_private(path, lambda found: b"")
    with pytest.raises(FileExistsError), new_private(path):
        pass
    assert os.listdir(tmp_path) == [what]


def test_an_export_that_fails_half_way_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "export"

    def half() -> None:
        with new_private(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert os.listdir(tmp_path) == []
    path.write_text("theirs")
    with pytest.raises(FileExistsError), new_private(path):
        pass
    path.unlink()
    with pytest.raises(FileExistsError), new_private(path):
        path.write_text("theirs")  # in the meantime
    assert path.read_text() == "theirs"
    with pytest.raises(FileExistsError):
        write_private(path, b"ours", replace=False)


# Disks


def test_a_limit_on_sizes_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    script = (
        "import sys\nfrom pathlib import Path\nfrom tui_connector.files import *\nfrom tui_connector import files\n"
        "path, new = Path(sys.argv[1]), b'x' * 9000\n"
        "for write in (lambda: files.write_private(path, new), lambda: files.update_private(path, lambda _: new)):\n"
        "    try: write()\n"
        "    except OSError as error: print(files.state_remedy(error))\n"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))

    done = subprocess.run(
        [sys.executable, "-B", "-c", script, str(path)], capture_output=True, text=True, preexec_fn=limit, check=True
    )
    assert done.stdout.count("largest size") == 2, done
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_directory_whose_fsync_fails_does_not_pass_for_one_that_was_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.toml"
    path.write_bytes(b"old")
    sync = os.fsync

    def failing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(CannotSave, match="it was written, but") as caught:
        write_atomic(path, b"new", expect=digest(b"old"))
    assert "as it was" not in caught.value.hint
    assert path.read_bytes() == b"new"
    with pytest.raises(FileFault, match="did not confirm"):
        write_private(path, b"newer")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only: set XDG_STATE_HOME"),
        (errno.EACCES, "Make it writable"),
        (errno.ENOTDIR, "a file, not a directory"),
        (errno.EIO, "reports an error"),
    ],
)
def test_what_is_wrong_with_the_state_directory_is_told_as_what_it_is(number: int, words: str) -> None:
    assert words in state_remedy(OSError(number, os.strerror(number)))


def test_a_new_file_takes_nobodys_place_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    with new_private(tmp_path / "new") as file:
        file.write(b"new")
    with pytest.raises(ChangedOnDisk):
        write_atomic(tmp_path / "new", b"other", expect=None)
    make_private(tmp_path / "below")
    assert (tmp_path / "new").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["below", "new"]
