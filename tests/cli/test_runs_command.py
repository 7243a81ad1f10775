"""`runs`: the last runs of all profiles, newest first."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any

import fork_server
from run_command import Command


def listed(command: Command, *options: str) -> list[dict[str, Any]]:
    code, out, err = fork_server.run(
        "--profile-dir", command.folder, "runs", "--json", *options, env=command.environment
    )
    assert (code, err) == (0, b"")
    found: list[dict[str, Any]] = json.loads(out)
    return found


async def test_the_last_run_of_each_configuration_newest_first(command: Command) -> None:
    assert listed(command) == []
    assert (await command.run("items"))[0] == 0
    other = command.folder / "other.toml"
    text = (command.folder / "shop.toml").read_text().replace("items.jsonl", "other.jsonl")
    other.write_text(f'{text}\n[environments.staging]\nname = "Staging"\n')
    command.store.bend = lambda asked, items: b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
    words = ("run", "--trust", other, "items", "--env", "staging")
    code, _, err = await asyncio.to_thread(fork_server.run, *words, env=command.environment)
    assert code, err
    newest, oldest = listed(command)
    assert (newest["profile"], newest["environment"], newest["ok"]) == ("other", "staging", False)
    assert newest["reason"]
    assert (oldest["profile"], oldest["state"], oldest["counts"]) == ("shop", "complete", {"items": 200})
    assert (oldest["direction"], oldest["name"]) == ("incoming", "items")
    assert oldest["requests"] > 0
    assert listed(command, "shop") == [oldest]


async def test_all_runs_that_are_kept(command: Command) -> None:
    await command.run("items", "--limit", "5")
    await command.run("items", "--full")
    await command.run("items", "--full")
    assert len(listed(command)) == 1
    found = listed(command, "--all")
    assert len(found) == 3
    assert [each["run"] for each in found] == sorted((each["run"] for each in found), reverse=True)


async def test_each_run_is_one_line_for_people(command: Command) -> None:
    def printed() -> subprocess.CompletedProcess[bytes]:
        code, out, err = fork_server.run("--profile-dir", command.folder, "runs", env=command.environment)
        return subprocess.CompletedProcess((), code, out, err)

    assert printed().stdout == b"No runs of 1 profile so far.\n"
    await command.run("items")
    [line] = printed().stdout.decode().splitlines()
    assert line.startswith("✔   just now  shop  items  complete, 200 items in ")
    [ledger] = command.state.rglob("items.sqlite")
    ledger.write_bytes(b"no ledger, but long enough to be looked at" * 50)
    damaged = printed()
    assert damaged.returncode == 1
    assert damaged.stdout.startswith("✘   just now  shop  items  unreadable: The ledger ".encode())
    assert b" is damaged: " in damaged.stdout
    code, out, _ = fork_server.run("--profile-dir", command.folder, "runs", "--json", env=command.environment)
    [found] = json.loads(out)
    assert (code, found["state"], found["ok"], found["name"]) == (1, "unreadable", False, "items")
    assert str(ledger) in found["reason"]
