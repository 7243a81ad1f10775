"""Standard streams that are full, closed, or read by nobody any more."""

from __future__ import annotations

from run_command import Command

NO_ROOM = b"Standard output cannot be written: No space left on device."


async def test_events_that_find_no_room_end_the_run_and_the_next_one_goes_on(command: Command) -> None:
    code, _, err = await command.run("items", "--json", shell='exec "$@" >/dev/full')
    assert (code, err) == (4, b"items: " + NO_ROOM + b" Make room on its disk, then run again.\n")
    assert (await command.run("items", "--json"))[0] == 0
    assert command.ids() == list(range(1, 201))


async def test_a_run_whose_events_nobody_reads_any_more_goes_on_to_its_end(command: Command) -> None:
    code, out, err = await command.run("items", "--full", "--json", shell='("$@"; echo $? >&2) | head -1')
    assert b'"start"' in out
    assert (code, err) == (0, b"0\n")
    assert command.ids() == list(range(1, 201))


async def test_a_dry_run_that_finds_no_room_says_so(command: Command) -> None:
    code, _, err = await command.run("items", "--dry-run", "--json", shell='exec "$@" >/dev/full')
    assert code == 4
    assert NO_ROOM in err


async def test_a_full_standard_error_changes_no_exit_code(command: Command) -> None:
    command.change("[incoming.items]", "[incoming.items]\ndisabled = true")
    assert (await command.run("items", shell='exec "$@" 2>/dev/full'))[0] == 2
