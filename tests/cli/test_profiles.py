"""`profiles`, and commands that name a profile, with things in the directory that are not profiles."""

from __future__ import annotations

import os
from pathlib import Path

import fork_server
import pytest


@pytest.fixture
def directory(clean_environment: dict[str, str]) -> Path:
    found = Path(clean_environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
    found.mkdir(parents=True)
    os.mkfifo(found / "pipe.toml")
    (found / "folder.toml").mkdir()
    (found / "dangling.toml").symlink_to(found / "none")
    (found / "zero.toml").symlink_to("/dev/zero")
    (found / "closed.toml").write_text('format = 1\nname = "Closed"\n')
    (found / "good.toml").write_text('format = 1\nname = "Good"\n')
    if os.geteuid() != 0:  # root may read everything
        (found / "closed.toml").chmod(0)
    return found


def call(environment: dict[str, str], *arguments: str) -> tuple[int, list[str]]:
    code, out, err = fork_server.run(*arguments, env=environment)
    return code, (out + err).decode().splitlines()


def test_profiles_lists_what_is_no_profile_with_the_reason(clean_environment: dict[str, str], directory: Path) -> None:
    code, lines = call(clean_environment, "profiles")
    assert code == 0
    closed = "Closed" if os.geteuid() == 0 else "Permission denied"
    assert [line.split(None, 1) for line in lines] == [
        ["closed", closed],
        ["dangling", "is a link to a file that does not exist"],
        ["folder", "is a directory, not a file"],
        ["good", "Good"],
        ["pipe", "is a pipe, not a file"],
        ["zero", "is a device, not a file"],
    ]


def test_archived_profiles_are_listed_with_an_option(clean_environment: dict[str, str], directory: Path) -> None:
    for path in directory.glob("[!gc]*"):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    (directory / "closed.toml").chmod(0o600)
    assert call(clean_environment, "profiles", "archive", "good") == (0, [])
    code, lines = call(clean_environment, "profiles")
    assert (code, lines) == (0, ["closed  Closed", "1 archived, not listed: tui-connector profiles --archived"])
    assert call(clean_environment, "profiles", "--archived") == (0, ["good  Good"])
    assert call(clean_environment, "profiles", "check", str(directory / "good.toml"))[0] == 0
    assert call(clean_environment, "profiles", "archive", "good", "--undo") == (0, [])
    assert call(clean_environment, "profiles") == (0, ["closed  Closed", "good    Good"])
    code, [line] = call(clean_environment, "profiles", "archive", "/etc/hostname")
    assert code == 2
    assert "whose profiles are listed" in line


@pytest.mark.parametrize("command", ["check", "run", "trust"])
@pytest.mark.parametrize("name", ["pipe", "folder", "dangling", "zero", "/dev/zero", "/dev/stdin"])
def test_what_is_no_profile_is_one_sentence_and_no_waiting(
    clean_environment: dict[str, str], directory: Path, command: str, name: str
) -> None:
    code, lines = call(clean_environment, command, name)
    assert code == 2
    assert len(lines) == 1
    assert name in lines[0]
    assert " is a " in lines[0]
