"""`on-failure`: the command or the webhook of a profile is notified of a headless run that failed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from http_server import Hold, Received, Server, reply, serving
from listing import listing, products
from run_command import Command, summary

SCRIPT = "#!/bin/sh\ncat > told.json.new && mv told.json.new told.json\n"


@pytest.fixture
async def command(tmp_path: Path, clean_environment: dict[str, str]) -> AsyncIterator[Command]:
    async with listing(products(*range(1, 21))) as store:
        store.bend = lambda asked, items: b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
        yield Command(tmp_path, clean_environment, store)


def notifier(command: Command, script: str = SCRIPT) -> Path:
    """The script that the profile calls; it runs in the home directory, and writes what it is told there."""
    file = command.folder / "notify.sh"
    file.write_text(script)
    file.chmod(0o755)
    command.change("[incoming.items]", '[on-failure]\ncommand = ["./notify.sh"]\n[incoming.items]')
    return Path(command.environment["HOME"]) / "told.json"


async def test_a_command_gets_the_summary_on_its_standard_input(command: Command) -> None:
    told = notifier(command)
    code, out, err = await command.run("items", "--json")
    assert (code, err) != (0, b"")
    data = json.loads(told.read_text())
    assert (data["profile"], data["store"], data["name"], data["direction"]) == ("shop", "Shop", "items", "incoming")
    ended = summary(out)
    assert {name: data[name] for name in ended if name != "event"} == {
        name: value for name, value in ended.items() if name != "event"
    }
    assert data["exit"] == code
    assert data["reason"]


async def test_nothing_is_told_about_a_run_that_succeeds_is_stopped_or_only_looked_at(command: Command) -> None:
    told = notifier(command)
    command.store.bend = lambda asked, items: None
    assert (await command.run("items"))[0] == 0
    assert (await command.run("items", "--limit", "5", "--full"))[0] == 0
    command.store.bend = lambda asked, items: b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
    assert (await command.run("items", "--dry-run"))[0] == 0
    hold = Hold()
    command.store.before = lambda asked: hold.wait()
    process = await command.start("items", "--full")
    await hold.reached()
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 60)
    hold.release()
    assert process.returncode == 4
    assert not told.exists()


async def test_a_commit_that_fails_is_told_and_one_that_waits_for_slices_is_not(command: Command) -> None:
    told, run_id = notifier(command), ("items", "--run-id", "r1")
    command.store.bend = lambda asked, items: None
    assert (await command.run(*run_id, verb="commit"))[0] == 4
    assert (await command.run(*run_id, "--slices", "1", verb="plan"))[0] == 0
    assert (await command.run(*run_id, verb="commit"))[0] == 4
    assert (await command.run(*run_id, "--slice", "0"))[0] == 0
    assert not told.exists()
    (command.folder / "items.jsonl").mkdir()
    code, _, err = await command.run(*run_id, verb="commit")
    assert (code, b"is a folder" in err) == (2, True)
    data = json.loads(told.read_text())
    assert (data["name"], data["direction"], data["exit"], data["state"]) == ("items", "incoming", 2, "failed")
    assert "is a folder" in data["reason"]


async def test_its_own_failure_is_reported_and_leaves_the_exit_code(command: Command) -> None:
    plain, _, _ = await command.run("items")
    notifier(command, "#!/bin/sh\necho 'no \x1b]route\x07 to mail'\nexit 7\n")
    code, _, err = await command.run("items")
    assert code == plain
    assert b"on-failure: the command" in err
    assert b"exited with status 7: no " in err
    assert b"\x1b" not in err


async def test_a_command_that_hangs_is_ended(command: Command) -> None:
    notifier(command, "#!/bin/sh\nsleep 1000\n")
    command.change('command = ["./notify.sh"]', 'command = ["./notify.sh"]\ntimeout = "200ms"')
    _, _, err = await asyncio.wait_for(command.run("items"), 60)
    assert b"on-failure: ./notify.sh did not finish within 200ms" in err


async def test_a_command_that_prints_endlessly_is_ended_before_the_disk_is_full(command: Command) -> None:
    notifier(command, "#!/bin/sh\nyes\n")
    _, _, err = await asyncio.wait_for(command.run("items"), 60)
    assert b"on-failure: the command" in err
    assert b"printed more than 1 MB" in err


def _number(file: Path) -> int:
    return int(file.read_text())


async def test_what_it_starts_in_the_background_does_not_keep_the_run(command: Command) -> None:
    notifier(command, "#!/bin/sh\nsleep 1000 &\necho $! > sleeper\n")
    _, _, err = await asyncio.wait_for(command.run("items"), 300)
    assert b"on-failure" not in err
    sleeper = _number(Path(command.environment["HOME"], "sleeper"))
    os.kill(sleeper, signal.SIGKILL)  # it was still there


@pytest.fixture
async def hook() -> AsyncIterator[Server]:
    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    async with serving(respond) as server:
        yield server


def webhook(command: Command, hook: Server, more: str = "") -> None:
    command.change(
        "[incoming.items]",
        f"""[clients.alerts]
authentications = ["a"]
[on-failure]
client = "alerts"
request = {{ method = "post", uri = "{hook.url}/hook"{more} }}
[incoming.items]""",
    )


async def test_a_webhook_gets_the_summary_by_a_client_of_the_profile(command: Command, hook: Server) -> None:
    webhook(command, hook)
    code, out, _ = await command.run("items", "--json")
    [received] = hook.received
    assert received.head.startswith(b"POST /hook ")
    assert received.header("Content-Type") == "application/json"
    assert received.header("Authorization") == "Bearer a-CANARY-token"
    data = json.loads(received.body)
    assert (data["name"], data["exit"], data["state"]) == ("items", code, summary(out)["state"])


async def test_a_webhook_may_have_a_form_of_its_own(command: Command, hook: Server) -> None:
    webhook(command, hook, ', parameters = { text = "&{store}: &{name} &{state}" }')
    await command.run("items")
    [received] = hook.received
    assert json.loads(received.body)["text"].startswith("Shop: items ")


async def test_a_webhook_that_refuses_is_reported(command: Command) -> None:
    async def refuse(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("410 Gone"))

    async with serving(refuse) as gone:
        webhook(command, gone)
        _, _, err = await command.run("items")
    assert b"on-failure: the webhook responded with status 410" in err


async def test_a_webhook_whose_secret_is_missing_leaves_the_exit_code(command: Command, hook: Server) -> None:
    plain, _, _ = await command.run("items")
    webhook(command, hook)
    missing = '[authentications.alerts]\nkind = "bearer"\ntoken = { env = "NOT_SET" }\n[clients.alerts]\n'
    command.change('[clients.alerts]\nauthentications = ["a"]', f'{missing}authentications = ["alerts"]')
    code, _, err = await command.run("items")
    assert (code, b"on-failure: " in err, b"NOT_SET" in err) == (plain, True, True), err


async def test_secrets_are_masked_in_what_is_told(command: Command) -> None:
    told = notifier(command)
    body = b'{"message": "the token a-CANARY-token is unknown"}'
    command.store.bend = lambda asked, items: (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    await command.run("items")
    assert "the token" in told.read_text()
    assert "CANARY" not in told.read_text()


@pytest.mark.parametrize("kind", ["command", "webhook"])
async def test_it_has_to_be_trusted_and_a_changed_script_again(command: Command, hook: Server, kind: str) -> None:
    told = notifier(command) if kind == "command" else None
    if told is None:
        webhook(command, hook)
    command.trusted = False
    code, _, err = await command.run("items")
    assert code == 2
    wanted = b"runs the command ./notify.sh" if told else f"sends the summary of failed runs to {hook.url}".encode()
    assert wanted in err
    if told:
        assert not told.exists()
    assert hook.received == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "name either a command or a request"),
        ('command = ["a"]\nrequest = { method = "post", uri = "b" }', "name either a command or a request"),
        ('request = { uri = "https://a.example/" }', 'use method = "post"'),
        ('request = { method = "post", uri = "hook" }', "has no base URI, so the URI must be absolute"),
        ('client = "shpo"\nrequest = { method = "post", uri = "hook" }', "unknown client 'shpo'"),
        ('command = ["a"]\nenvironment = ["TUI_CONNECTOR_X"]', "is not passed to commands"),
        ('command = ["a"]\ntimeout = "soon"', "timeout"),
    ],
)
async def test_mistakes_in_it_have_a_place(command: Command, table: str, message: str) -> None:
    command.change("[incoming.items]", f"[on-failure]\n{table}\n[incoming.items]")
    code, _, err = await command.run("items")
    assert code == 2
    assert message in err.decode()
    assert "shop.toml:1" in err.decode()


def test_the_client_of_a_webhook_is_renamed_with_it(tmp_path: Path) -> None:
    from tui_connector.guide.profiles.edit import renaming

    file = tmp_path / "shop.toml"
    file.write_text(
        'format = 1\nname = "Shop"\n[clients.alerts]\n[on-failure]\nclient = "alerts"\n'
        'request = { method = "post", uri = "https://a.example/hook" }\n'
    )
    edit: Any = renaming(tmp_path, file, "clients", "alerts", "hooks")
    assert edit.setup.document.draft["on-failure"]["client"] == "hooks"
