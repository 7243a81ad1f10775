"""Secrets that cannot be had just so, walked in a real terminal: a keyring that is locked or hangs, a command."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fork_server import command_in_a_terminal, run
from keyring_service import KeyringService
from requirements import require
from terminal import Terminal
from walking import FOUR, Store, at_authentication, paste_each

PATIENT = (
    "from tui_connector.secrets import vault; vault.READ_DEADLINE = vault.WRITE_DEADLINE = 1e6;"
    "from tui_connector.__main__ import main; main()"
)
"""The program with deadlines for the keyring that no test lives to see."""


def test_locked_keyring_is_reported_and_used_once_unlocked(
    stores: Callable[..., Store],
    clean_environment: dict[str, str],
    keyring_service: KeyringService,
    tmp_path: Path,
) -> None:
    store = stores()
    keyring_service.lock()
    environment = {**clean_environment, "DBUS_SESSION_BUS_ADDRESS": keyring_service.address}
    with at_authentication(tmp_path, environment, store["url"]) as terminal:
        paste_each(terminal, [store["integrations"]["full"][name] for name in FOUR])
        terminal.press("Enter")
        terminal.wait_for("accepts it")
        terminal.wait_for("The keyring is locked and was not unlocked.")
        terminal.press("Enter")
        terminal.wait_for("Categories")
        terminal.press("F8")
        terminal.wait_for("4 Outgoing (send to the store)")
        terminal.press("F8")
        terminal.wait_for("From environment variables")
        terminal.press("Enter")
        terminal.wait_for("Not tested in a new process")
        profile = next((Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles").glob("*.toml"))
        assert '{ env = "TUI_CONNECTOR_' in profile.read_text()

        keyring_service.restart()
        terminal.press("BTab", "BTab", "Enter")
        terminal.wait_for("Prompted for each time")
        terminal.press("Up", "Enter")
        terminal.wait_for("In this computer's keyring")
        terminal.press("C-s")
        terminal.wait_for("status 200 from a new")
        terminal.press("q")
        terminal.wait_for("Profiles")
        terminal.press("q")  # nothing is lost any more
        terminal.wait_for("ended: 0")
    assert "{ keyring = " in profile.read_text()


def test_hanging_keyring_is_reported_and_blocks_nothing(
    stores: Callable[..., Store],
    clean_environment: dict[str, str],
    keyring_service: KeyringService,
    tmp_path: Path,
) -> None:
    """Neither saving nor quitting waits for it: it does not answer before all is over, nor would its deadline be."""
    store = stores()
    environment = {**clean_environment, "DBUS_SESSION_BUS_ADDRESS": keyring_service.address}
    program = f"{shlex.quote(sys.executable)} -c {shlex.quote(PATIENT)}"
    with keyring_service.hung(), at_authentication(tmp_path, environment, store["url"], program) as terminal:
        paste_each(terminal, [store["integrations"]["full"][name] for name in FOUR])
        terminal.press("Enter")
        terminal.wait_for("accepts it")
        terminal.press("Enter")
        terminal.wait_for("The keyring has not responded yet")  # and the next step is there meanwhile
        terminal.press("F8")
        terminal.wait_for("4 Outgoing (send to the store)")
        terminal.press("F8")
        terminal.wait_for("Not written yet")
        terminal.press("Tab", "Enter")
        terminal.wait_for("Prompted for each time")
        terminal.press("Down", "Enter")
        terminal.wait_for("From environment variables")
        terminal.press("C-s")
        terminal.wait_for("Not tested in a new process")
        pid = terminal.process
        terminal.press("q")
        terminal.wait_for("Profiles")
        terminal.press("q")
        terminal.wait_for("this session has what you entered")
        terminal.press("y")
        terminal.wait_for("ended: 0")
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_command_of_a_foreign_profile_runs_only_after_a_yes(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    store = stores("oauth/consumer/enable_integration_as_bearer=1")
    ran, secret = tmp_path / "ran", tmp_path / "secret"
    secret.write_text(store["integrations"]["full"]["access_token"] + "\n")
    command = ["sh", "-c", f"echo once >> {ran}; cat {secret}"]
    folder = tmp_path / "from elsewhere"  # files in it that a command names are watched for changes
    folder.mkdir()
    profile = folder / "acme.toml"
    profile.write_text(
        f"""format = 1
name = "Acme"
[authentications.integration]
kind = "bearer"
token = {{ command = {json.dumps(command)} }}
[clients.magento]
authentications = ["integration"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "{store["url"]}/rest/all/V1"
"""
    )
    command_line = f"{command_in_a_terminal()} --profile-dir {shlex.quote(str(folder))}"
    terminal = Terminal(tmp_path, command_line, clean_environment, 80, 24)
    try:
        terminal.wait_for("Acme")
        terminal.press("Enter")
        terminal.wait_for("HTTP clients")
        terminal.press("t")
        terminal.wait_for("is not yet trusted")
        terminal.wait_for("y Yes")
        terminal.wait_for("runs the command sh -c")
        terminal.press("Enter", "n")  # an Enter is no response
        terminal.wait_for("is not trusted to do this")
        assert not ran.exists()
        terminal.press("t")
        terminal.wait_for("is not yet trusted")
        terminal.wait_for("y Yes")
        terminal.press("y")
        terminal.wait_for("client magento: authenticated")
    finally:
        terminal.close()
    assert ran.read_text() == "once\n"
    code, _, errors = run("request", str(profile), "GET", "modules", "--log", "simple", env=clean_environment)
    assert code == 0, errors
    assert ran.read_text() == "once\nonce\n"
