"""Imports on the screens: a pasted curl command, a file, and the list of what will be created."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exchanges import exchange
from guide_steps import no_demo, none_missing
from memory_keyring import NoKeyring
from screens import shown, until, until_shown
from textual import events
from textual.widgets import Input

from tui_connector.cli.screen import full_integration
from tui_connector.client.curl import curl
from tui_connector.client.exchange import RecordedBody
from tui_connector.client.message import Request
from tui_connector.guide.profiles.importing import request_in_command
from tui_connector.machine import Machine
from tui_connector.profile.importers.background import read_in_background
from tui_connector.profile.importers.model import InvalidImport
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.importing.screen import ImportScreen, ImportSourceScreen
from tui_connector.tui.log.request_form import RequestForm
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.widgets.questions import ConfirmScreen

COMMAND = """curl 'https://acme.example/rest/nl/V1/orders?searchCriteria[pageSize]=10' -g \\
  -H 'Authorization: Bearer pasteCANARY' -H 'X-Trace: of-a-test' -b 'PHPSESSID=cookieCANARY' | jq .
"""
MORE = "curl https://acme.example/rest/nl/V1/store/websites -H 'Authorization: Bearer otherCANARY'"


async def home(pilot: Any) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen) and pilot.app.screen._loaded)


async def paste(pilot: Any, text: str) -> ImportScreen:
    pilot.app.post_message(events.Paste(text))
    await until(pilot, lambda: isinstance(pilot.app.screen, ImportScreen) and "will be created" in shown(pilot.app))
    screen = pilot.app.screen
    assert isinstance(screen, ImportScreen)
    return screen


async def test_a_pasted_command_becomes_a_profile_and_another_one_a_part_of_it(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        await home(pilot)
        screen = await paste(pilot, COMMAND)
        await until_shown(pilot, "Once you trust it")
        text = shown(app)
        for line in (
            "Curl command: this will be created",
            "+ incoming orders: GET orders",
            "+ 1 secret in the keyring",
            "Not carried over",
            "Cookie PHPSESSID",
        ):
            assert line in text
        assert "CANARY" not in text
        await until_shown(pilot, "F5: create")
        await until_shown(pilot, "c Create")
        screen.query_one("#import-name", Input).focus()
        await pilot.press(*"ac")  # instead of the name that was proposed
        await pilot.press("escape", "shift+tab", *"me")
        await pilot.press("escape", "c")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET orders" in shown(app))
        path = machine.directories.profiles / "acme.toml"
        assert "CANARY" not in path.read_text()
        keyring = machine.keyring() if machine.keyring else None
        assert keyring is not None
        assert "pasteCANARY" in str(
            keyring.get_password("tui-connector/acme/integration/access-token", "tui-connector")
        )
        await paste(pilot, MORE)
        await until_shown(pilot, "client magento has the same address")
        for text in ("Add to acme", "F5: create", "c Create"):
            await until_shown(pilot, text)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET store/websites" in shown(app))
        await until_shown(pilot, "Incoming · websites")  # it is selected
        assert "[incoming.websites]" in path.read_text()


@pytest.mark.untrusted
async def test_without_a_keyring_the_pasted_secret_is_used_for_the_session(machine: Machine) -> None:
    machine = replace(machine, keyring=NoKeyring)
    settings = {"oauth/consumer/enable_integration_as_bearer": "1"}
    app = ConnectorApp(machine, no_demo)
    async with Sandbox(SandboxOptions(settings=settings), machine.now) as store, app.run_test(size=(120, 40)) as pilot:
        await home(pilot)
        token = full_integration(store)["access-token"]
        await paste(pilot, f"curl -H 'Authorization: Bearer {token}' {store.url}/rest/all/V1/store/websites")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage) and "GET store/websites" in shown(app))
        await pilot.press("home", "down")
        await until_shown(pilot, "this session only")
        await pilot.press("end", "up", "t")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until_shown(pilot, "items read")


async def test_a_file_is_imported_from_home_and_errors_are_shown(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"info": {}, "item": [')
    collection = {
        "info": {"name": "Acme"},
        "item": [{"name": "Orders", "request": "https://acme.example/rest/V1/orders"}],
    }
    (tmp_path / "collection.json").write_text(json.dumps(collection))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        for name, expected in (
            ("broken.json", "✘ line 1, column"),
            ("missing.json", "No such file"),
            ("collection.json", "+ incoming orders: GET orders"),
        ):
            await home(pilot)
            await pilot.press("i")
            await until(pilot, lambda: isinstance(app.screen, ImportSourceScreen))
            app.screen.query_one(Input).value = str(tmp_path / name)
            await pilot.press("enter")
            await until_shown(pilot, expected)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
    assert not list(machine.directories.profiles.glob("*.toml"))


HANDED_OVER = """format = 1
name = "Acme"
[authentications.integration]
kind = "basic"
username = "api"
password = { keyring = "theirs/integration/password" }
[authentications.key]
kind = "header"
header = "X-Key"
value = { keyring = "theirs/key/value" }
[clients.magento]
authentications = ["integration", "key"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"
"""


@pytest.mark.parametrize("has_keyring", [True, False])
async def test_the_secrets_of_a_hand_over_are_asked_one_by_one(
    machine: Machine, tmp_path: Path, has_keyring: bool
) -> None:
    (tmp_path / "handed.toml").write_text(HANDED_OVER)
    machine = machine if has_keyring else replace(machine, keyring=NoKeyring)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        await home(pilot)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ImportSourceScreen))
        app.screen.query_one(Input).value = str(tmp_path / "handed.toml")
        await pilot.press("enter")
        await until_shown(pilot, "Secrets to set")
        await pilot.press("c")
        await until_shown(pilot, "handed/integration/password (Password of authentication")
        await pilot.press(*"typed-CANARY", "enter")
        await until_shown(pilot, "handed/key/value (Value of authentication key, 2 of 2")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        kept = machine.keyring() if machine.keyring is not None and has_keyring else None
        if kept is not None:
            entry = kept.get_password("tui-connector/handed/integration/password", "tui-connector")
            assert "typed-CANARY" in str(entry)
        else:
            await pilot.press("home", "down")
            await until_shown(pilot, "this session only")
        assert "CANARY" not in shown(app)
    assert "CANARY" not in (machine.directories.profiles / "handed.toml").read_text()


async def test_a_pasted_command_fills_the_form_of_a_request(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        await home(pilot)
        form = RequestForm(
            Request("GET", ""), machine, "New request", "https://acme.example/rest/nl/V1", secrets=none_missing
        )
        await app.push_screen(form)
        await until(pilot, lambda: isinstance(app.focused, Input))
        command = COMMAND.replace("| jq .", "-X PUT -d '{\"a\": 1}'")
        app.post_message(events.Paste(command))
        await until_shown(pilot, "Filled from the command, without Authorization")
        request = form.edited_request()
        assert (request.method, request.body) == ("PUT", b'{"a": 1}')
        assert request.uri == "orders?searchCriteria[pageSize]=10"
        assert request.headers == (("X-Trace", "of-a-test"),)
        assert "CANARY" not in shown(app)


def test_a_request_in_a_command_has_no_secrets() -> None:
    request, left = request_in_command("curl -u me:CANARY https://me:CANARY@acme.example/x -H 'X-Api-Key: CANARY'")
    assert (request.uri, request.headers, left) == ("https://acme.example/x", (), ["X-Api-Key"])


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_command_that_was_copied_from_the_log_can_be_pasted(method: str) -> None:
    headers = (("Authorization", "Bearer •••"), ("Store", "it's"))
    body = b'{"a": "b|c"}' if method == "POST" else b""
    sent = exchange(method=method, request_headers=headers, request_body=RecordedBody(body, len(body)))
    for client, environment in (("shop", "staging"), (None, "")):
        request, _ = request_in_command(f"# a remark\n{curl(sent, 'acme', client, environment)}")
        assert (request.method, request.uri, request.body) == (method, sent.uri, body)
        assert ("Store", "it's") in request.headers


def test_a_command_that_reads_from_a_pipe_is_found_without_what_it_reads() -> None:
    request, _ = request_in_command("cat headers | curl -H @- https://acme.example/x | jq .")
    assert (request.method, request.uri) == ("GET", "https://acme.example/x")
    with pytest.raises(InvalidImport, match="the standard input"):
        request_in_command("echo '{}' | curl -d @- https://acme.example/x")


async def test_a_large_file_is_read_in_another_process(machine: Machine) -> None:
    requests = [{"name": f"r{n}", "request": f"https://acme.example/rest/V1/x/{n}"} for n in range(150)]
    text = json.dumps({"info": {"name": "Big", "description": "x" * 600_000}, "item": requests})
    found = await read_in_background(text, machine.environ)
    assert len(found.parts["incoming"]) == 150
