"""Standard streams that are full, closed, or read by nobody any more."""

from __future__ import annotations

from pathlib import Path

import fork_server
import pytest
from program import Program
from run_command import Command, summary

FULL = Path("/dev/full")
NO_ROOM = b"Standard output cannot be written: No space left on device."


async def test_events_that_find_no_room_end_the_run_and_the_next_one_goes_on(command: Command) -> None:
    code, _, err = await command.run("items", "--json", stdout=FULL)
    assert (code, err) == (4, b"items: " + NO_ROOM + b" Free some disk space, then run again.\n")
    _, listed, _ = fork_server.run("--profile-dir", command.folder, "runs", env=command.environment)
    assert listed.startswith("✘".encode())  # which no user has wanted
    assert (await command.run("items", "--json"))[0] == 0
    assert command.ids() == list(range(1, 201))


async def test_a_run_whose_events_nobody_reads_any_more_goes_on_to_its_end(command: Command) -> None:
    code, out, err = await command.run("items", "--full", "--json", shell='("$@"; echo $? >&2) | head -1')
    assert b'"start"' in out
    assert (code, err) == (0, b"0\n")
    assert command.ids() == list(range(1, 201))


async def test_a_dry_run_that_finds_no_room_says_so(command: Command) -> None:
    code, _, err = await command.run("items", "--dry-run", "--json", stdout=FULL)
    assert code == 4
    assert NO_ROOM in err


async def test_a_full_standard_error_changes_no_exit_code(command: Command) -> None:
    command.change("[incoming.items]", "[incoming.items]\ndisabled = true")
    assert (await command.run("items", stderr=FULL))[0] == 2


@pytest.mark.parametrize("shell", ['exec "$@" 2>/dev/full', 'exec 3>&1; ("$@" 2>&1 >&3) | exec <&-'])
async def test_a_log_that_cannot_be_printed_is_no_failure_of_the_network(command: Command, shell: str) -> None:
    _, out, _ = await command.run("items", "--json", "--log", "simple", shell=shell)
    assert summary(out)["state"] == "complete"
    assert command.ids() == list(range(1, 201))


async def test_items_do_not_go_to_a_standard_output_that_is_closed(command: Command) -> None:
    code, _, err = await command.run("items", "--out", "-", shell='exec "$@" >&-')
    assert code == 2
    assert b"Standard output is closed" in err
    assert command.store.asked == []


async def test_a_run_needs_no_standard_error(command: Command) -> None:
    target = command.folder / "e.jsonl"
    assert await command.run("items", "--out", str(target), closed=2) == (0, b"", b"")
    assert target.read_bytes().count(b"\n") == 200


COMMANDS = (
    ["check", "acme"],
    ["check"],
    ["demo"],
    ["header", "acme", "GET", "products"],
    ["log", "acme"],
    ["profiles"],
    ["request", "acme", "GET", "modules"],
    ["schema"],
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_works_where_a_stream_is_closed_or_of_another_encoding(
    program: Program, arguments: list[str]
) -> None:
    for closed, encoding in ((0, "ascii"), (1, None), (2, None)):
        ended = program(*arguments, closed=closed, encoding=encoding)
        assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), (closed, ended.stderr)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_that_finds_no_room_says_so_in_one_line(program: Program, arguments: list[str]) -> None:
    program("request", "acme", "GET", "modules")
    ended = program(*arguments, stdout=FULL)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("Not everything could be written: No space left on device.")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["schema"], ["request", "acme", "GET", "modules"]]
)
def test_a_command_whose_output_nobody_reads_was_stopped(program: Program, arguments: list[str]) -> None:
    ended = program(*arguments, shell='("$@" 2>/dev/null; echo $? >&2) | exec <&-', forking=True)
    assert ended.stderr == "4\n"


def test_what_needs_a_terminal_says_so_without_a_standard_input(program: Program) -> None:
    for ended in (program(shell='exec "$@" <&-'), program("setup", closed=0)):
        assert ended.returncode == 2
        assert "This needs a terminal" in ended.stderr
    nothing = program("secrets", "set", "acme", closed=0)
    assert "Traceback" not in nothing.stderr


def test_a_message_that_nobody_can_be_told_is_an_exit_code(program: Program) -> None:
    assert program("check", "nosuch", shell='exec "$@" 2>/dev/full', forking=True).returncode == 2
    assert program("nosuch", shell='exec "$@" 2>/dev/full', forking=True).returncode == 2
