"""A save puts the whole new file in the place of the old one, or leaves the old one as it was."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_errors import user_error

from tui_connector import files
from tui_connector.files import CannotSave, ChangedOnDisk, digest, write_atomic
from tui_connector.profile.document import Document
from tui_connector.profile.library import MAX_SIZE, ProfileError
from tui_connector.secrets.mask import Mask

NOBODY = 65534


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "shop.toml"
    path.write_text('name = "shop"   # ours\n')
    return path


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that another user may reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def renamed(path: Path, name: str = "store") -> Document:
    document = Document.read(path)
    document.set(("name",), name)
    return document


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_after_a_save_the_document_is_unchanged(profile: Path) -> None:
    document = renamed(profile)
    assert document.changed
    document.save()
    assert profile.read_text() == document.text_as_read == 'name = "store"   # ours\n'
    assert not document.changed
    document.set(("name",), "again")
    document.save()
    assert profile.read_text() == 'name = "again"   # ours\n'
    assert os.listdir(profile.parent) == ["shop.toml"]


def test_a_known_secret_is_not_written(profile: Path) -> None:
    mask = Mask()
    mask.learn("1canary1CANARY2canary2", "acme/admin/password")
    before = profile.read_text()
    document = renamed(profile, "see 1canary1CANARY2canary2")
    with user_error("secret-in-profile", match="contain the secret acme/admin/password"):
        document.save()
    assert profile.read_text() == before


def test_a_file_that_has_a_secret_already_can_be_changed(profile: Path) -> None:
    mask = Mask()
    mask.learn("1canary1CANARY2canary2", "acme/admin/password")
    profile.write_text('name = "see 1canary1CANARY2canary2"\n')
    document = Document.read(profile)
    document.set(("description",), "leaked before")
    document.save()
    profile.unlink()  # no file keeps it


def test_a_changed_file_is_only_overwritten_on_request(profile: Path) -> None:
    document = renamed(profile)
    profile.write_text("other = 1\n")
    with pytest.raises(ChangedOnDisk) as caught:
        document.save()
    assert caught.value.how == "changed"
    assert profile.read_text() == "other = 1\n"
    assert document.changed
    document.save(overwrite=True)
    assert profile.read_text() == 'name = "store"   # ours\n'


def test_a_file_that_appears_while_another_is_written_stays_unless_it_may_be_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sync = tmp_path / "shop.toml", os.fsync

    def meanwhile(descriptor: int) -> None:
        if not path.exists():
            path.write_text("other = 1\n")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(ChangedOnDisk) as caught:
        write_atomic(path, b"ours = 1\n", expect=None)
    assert (caught.value.how, path.read_text()) == ("appeared", "other = 1\n")
    path.unlink()
    write_atomic(path, b"ours = 1\n", expect=None, overwrite=True)
    assert path.read_text() == "ours = 1\n"
    assert os.listdir(tmp_path) == ["shop.toml"]


def test_a_file_that_was_only_touched_did_not_change(profile: Path) -> None:
    document = renamed(profile)
    os.utime(profile, (1, 1))
    document.save()
    assert "store" in profile.read_text()


def test_a_deleted_file_is_only_restored_on_request(profile: Path) -> None:
    document = renamed(profile)
    profile.unlink()
    with pytest.raises(ChangedOnDisk) as caught:
        document.save()
    assert caught.value.how == "is gone"
    assert not profile.exists()
    document.save(overwrite=True)
    assert "store" in profile.read_text()


def test_a_new_profile_never_replaces_a_file(profile: Path) -> None:
    document = Document.new({"name": "new"})
    with pytest.raises(ChangedOnDisk) as caught:
        document.save(profile)
    assert caught.value.how == "appeared"
    assert "shop" in profile.read_text()


def test_a_file_that_appears_in_the_last_moment_is_not_clobbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new.toml"
    write = files._write

    def appears(*args: object, **named: object) -> None:
        path.write_text("mine = 1\n")
        write(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "_write", appears)
    with pytest.raises(ChangedOnDisk):
        Document.new({"name": "new"}).save(path)
    assert path.read_text() == "mine = 1\n"
    assert os.listdir(tmp_path) == ["new.toml"]


@pytest.mark.parametrize("appears", [False, True])
def test_a_file_system_without_hard_links_does_not_clobber_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, appears: bool
) -> None:
    path = tmp_path / "new.toml"

    def link(*_: object, **__: object) -> None:
        if appears:
            path.write_text("mine = 1\n")
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    if appears:
        with pytest.raises(ChangedOnDisk):
            write_atomic(path, b"new = 1\n", expect=None)
        assert path.read_text() == "mine = 1\n"
    else:
        write_atomic(path, b"new = 1\n", expect=None)
        assert path.read_text() == "new = 1\n"
    assert os.listdir(tmp_path) == ["new.toml"]


def test_a_new_file_and_its_directories_are_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "config" / "profiles" / "new.toml"
    before = os.umask(0)
    try:
        Document.new({"name": "new"}).save(path)
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert mode(path.parent) == mode(path.parent.parent) == 0o700


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o666])
def test_a_file_keeps_its_mode_whatever_the_umask(profile: Path, kept: int) -> None:
    profile.chmod(kept)
    before = os.umask(0o077)
    try:
        renamed(profile).save()
    finally:
        os.umask(before)
    assert mode(profile) == kept


def test_a_symbolic_link_stays_and_its_target_is_written(profile: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "link.toml"
    link.symlink_to(profile)
    renamed(link).save()
    assert link.is_symlink()
    assert "store" in profile.read_text()
    assert os.listdir(link.parent) == ["link.toml"]


def test_a_link_to_nothing_makes_its_target(tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(tmp_path / "target.toml")
    Document.new({"name": "new"}).save(link)
    assert link.is_symlink()
    assert "new" in (tmp_path / "target.toml").read_text()


def test_a_cycle_of_links_is_an_error(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.symlink_to(two)
    two.symlink_to(one)
    with user_error("profile-unreadable"):
        Document.read(one)
    with pytest.raises(CannotSave):
        Document.new({"name": "new"}).save(one)


def test_a_lone_surrogate_is_refused_before_the_file_is_touched(profile: Path) -> None:
    document = renamed(profile, "\ud800")
    before = profile.stat()
    with user_error("toml-value"):
        document.save()
    assert profile.stat() == before


def test_a_special_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "directory.toml").mkdir()
    for path in [tmp_path / "pipe.toml", tmp_path / "directory.toml", Path("/dev/null"), Path("a\0b")]:
        for overwrite in (False, True):
            with pytest.raises(CannotSave):
                write_atomic(path, b"", expect=None, overwrite=overwrite)


@pytest.mark.parametrize("name", ["pipe", "directory", "/dev/zero", "/dev/tty", "socket", "large", "a\0b"])
def test_a_special_file_never_hangs_a_reader(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    with open(tmp_path / "large", "wb") as file:
        file.truncate(50 * MAX_SIZE)
    with pytest.raises(ProfileError) as caught:
        Document.read(tmp_path / name)
    assert caught.value.hint


# Run by another process, in which things go wrong

SAVE = """
import os, sys
from pathlib import Path
import tomlkit  # while the interpreter's files may be read
from tui_connector.profile.document import Document
from tui_connector.errors import UserError
path = Path(sys.argv[1])
if os.geteuid() == 0 and sys.argv[3] != "0":  # the interpreter may be where only root can start it
    os.setgroups([]), os.setgid(int(sys.argv[3])), os.setuid(int(sys.argv[3]))
try:
    document = Document.read(path) if path.exists() else Document.new({})
    document.set(("name",), "x" * int(sys.argv[2]))
    document.save(path)
except UserError as error:
    print(error.code, getattr(error, "reason", error.message), "|", error.hint)
else:
    print("saved")
"""


def saved_elsewhere(path: Path, size: int = 1, *, limit: int | None = None, user: int = 0) -> str:
    def prepare() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-B", "-c", SAVE, str(path), str(size), str(user)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=prepare, check=False)
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_write_cut_short_leaves_the_old_file_and_nothing_else(profile: Path) -> None:
    said = saved_elsewhere(profile, 100_000, limit=50_000)
    assert said.startswith("file-not-saved")
    assert os.strerror(errno.EFBIG) in said
    assert profile.read_text() == 'name = "shop"   # ours\n'
    assert os.listdir(profile.parent) == ["shop.toml"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_leaves_the_old_file(profile: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Some file systems notice only at fsync; no test may fill a real disk."""

    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    document = renamed(profile)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotSave) as caught:
        document.save()
    assert caught.value.reason == os.strerror(number)
    assert caught.value.hint
    assert profile.read_text() == 'name = "shop"   # ours\n'
    assert os.listdir(profile.parent) == ["shop.toml"]
    assert document.changed


def test_a_directory_that_may_not_be_written_is_an_error(open_directory: Path) -> None:
    path = open_directory / "shop.toml"
    path.write_text("a = 1\n")
    path.chmod(0o666)
    open_directory.chmod(0o555)
    assert saved_elsewhere(path, user=NOBODY).startswith(f"file-not-saved {os.strerror(errno.EACCES)}")
    assert saved_elsewhere(open_directory / "new.toml", user=NOBODY).startswith("file-not-saved")
    assert path.read_text() == "a = 1\n"
    open_directory.chmod(0o755)


def test_a_file_that_may_not_be_written_is_an_error_even_where_its_directory_may(open_directory: Path) -> None:
    path = open_directory / "shop.toml"
    path.write_text("a = 1\n")
    path.chmod(0o444)
    open_directory.chmod(0o777)
    assert saved_elsewhere(path, user=NOBODY).startswith(f"file-not-saved {os.strerror(errno.EACCES)}")
    assert path.read_text() == "a = 1\n"
    assert os.listdir(open_directory) == ["shop.toml"]


def test_a_file_that_may_not_be_read_is_an_error(open_directory: Path) -> None:
    path = open_directory / "shop.toml"
    path.write_text("a = 1\n")
    path.chmod(0o000)
    assert saved_elsewhere(path, user=NOBODY).startswith(f"profile-unreadable {os.strerror(errno.EACCES)}")
    path.chmod(0o600)


ENDLESS = """
import sys
from pathlib import Path
from tui_connector.files import digest, write_atomic
path, data = Path(sys.argv[1]), [b"a" * 200_000, b"b" * 200_000]
print("ready", flush=True)
while True:
    write_atomic(path, data[0], expect=digest(data[1]))
    write_atomic(path, data[1], expect=digest(data[0]))
"""


def after_a_save(path: Path) -> str:
    """What the file is once it is another one than now."""
    before, deadline = digest(path.read_bytes()), time.monotonic() + 60
    while (found := digest(path.read_bytes())) == before:
        assert time.monotonic() < deadline
    return found


def test_a_killed_save_leaves_the_old_file_or_the_new_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    whole = {digest(b"a" * 200_000), digest(b"b" * 200_000)}
    seen, moments = set(), random.Random(5)
    for _ in range(25):
        path.write_bytes(b"b" * 200_000)
        command = [sys.executable, "-B", "-c", ENDLESS, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            for _ in range(moments.randrange(3)):  # a reader in the meantime sees whole files too
                seen.add(after_a_save(path))
            for _ in range(moments.randrange(40)):
                seen.add(digest(path.read_bytes()))
            process.send_signal(signal.SIGKILL)
        seen.add(digest(path.read_bytes()))
    assert seen == whole
