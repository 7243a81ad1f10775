"""Directories that cannot be read or written: a clear error each time, and never a traceback."""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import NoReturn

import pytest
from program import Program
from run_command import Command

from tui_connector.errors import UserError
from tui_connector.machine import this_machine


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    """Where a directory should be: nothing can be read or made in it, whoever tries."""
    path = tmp_path / "a-file"
    path.touch()
    return path


@pytest.mark.parametrize(
    "arguments", [["profiles"], ["check", "nosuch"], ["run", "nosuch"], ["log", "nosuch"], ["schema", "--write"]]
)
def test_a_profile_directory_that_is_none_is_said(
    program: Program, environment: dict[str, str], a_file: Path, arguments: list[str]
) -> None:
    ended = program(*arguments, environ={**environment, "XDG_CONFIG_HOME": str(a_file)})
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert f"{a_file}/tui-connector/profiles" in ended.stderr
    assert "Not a directory" in ended.stderr


def test_a_schema_that_finds_no_room_is_said(program: Program) -> None:
    ended = program("schema", "--write", limit_file=0)
    assert ended.returncode == 2
    assert "tui-connector.schema.json could not be saved: File too large" in ended.stderr


def test_trust_that_cannot_be_kept_is_said(program: Program, environment: dict[str, str], a_file: Path) -> None:
    ended = program("trust", "acme", "--yes", environ={**environment, "XDG_STATE_HOME": str(a_file)})
    assert ended.returncode == 2
    assert "could not be saved" in ended.stderr
    assert "Trusted:" not in ended.stdout


async def test_a_run_whose_state_finds_no_room_says_so(command: Command) -> None:
    code, _, err = await command.run("items", limit_file=0)
    assert code == 2
    assert b"items.sqlite cannot grow: the disk is full, or a quota is reached" in err
    assert b"Traceback" not in err


async def test_out_in_a_directory_that_is_gone_is_said(command: Command) -> None:
    gone = 'cd "$(mktemp -d)"; rmdir "$PWD"; exec "$@"'
    code, _, err = await command.run("items", "--out", "x.jsonl", shell=gone)
    assert (code, err) == (2, b"--out x.jsonl: the current directory was deleted. Change to another one.\n")
    assert (await command.run("items", shell=gone))[0] == 0


def test_a_user_without_a_home_directory_is_told_what_to_set(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container often runs as a user ID that has no entry, and without HOME."""

    def no_entry(_: int) -> NoReturn:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.delenv("HOME")
    for missing in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", ""):
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            monkeypatch.setenv(name, environment["HOME"])
        if not missing:
            assert this_machine().directories.state.is_relative_to(environment["HOME"])
            continue
        monkeypatch.delenv(missing)
        with pytest.raises(UserError, match="HOME is not set") as refused:
            this_machine()
        assert refused.value.code == "no-home"
        assert missing in refused.value.hint


def test_a_relative_directory_is_ignored(
    program: Program, environment: dict[str, str], tmp_path: Path, store: dict[str, object]
) -> None:
    """A repository must not bring the program's own files along, such as records of what it is trusted with."""
    relative = {
        **environment,
        **{name: f"rel/{name}" for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")},
    }
    profile = Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles" / "acme.toml"
    repository = tmp_path / "repository"
    repository.mkdir()
    ended = program("trust", str(profile), "--yes", environ=relative, shell=f'cd "{repository}"; exec "$@"')
    assert ended.returncode == 0, ended.stderr
    assert list(repository.iterdir()) == []
    assert list((Path(environment["HOME"]) / ".local" / "state" / "tui-connector" / "trust").iterdir())
