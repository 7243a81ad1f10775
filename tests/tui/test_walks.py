"""A new user walks the guide by keyboard in a real terminal; then a new process calls the store with what was saved."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fork_server import command_in_a_terminal, run
from keyring_service import KeyringService
from requirements import require
from terminal import Terminal
from walking import sandbox_process

PROGRAM = f"{shlex.quote(sys.executable)} -m tui_connector"
SIZES = [(80, 24), (140, 45)]


@pytest.fixture
def store(clean_environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The sandbox in a process of its own; it takes an integration's token alone, too."""
    bearer = "oauth/consumer/enable_integration_as_bearer=1"
    with sandbox_process(clean_environment, "--products", "50", "--set", bearer) as found:
        yield found


@pytest.fixture
def environment(clean_environment: dict[str, str], keyring_service: KeyringService) -> dict[str, str]:
    return {**clean_environment, "DBUS_SESSION_BUS_ADDRESS": keyring_service.address}


def authenticate(terminal: Terminal, way: str, store: dict[str, Any]) -> None:
    """Step 2, in one of the three ways."""
    terminal.wait_for("Consumer secret")
    full = store["integrations"]["full"]
    if way == "signed":
        for name in ("consumer_key", "consumer_secret", "access_token", "access_token_secret"):
            terminal.paste(full[name])
            terminal.wait_for(full[name][-4:])
        terminal.press("Enter")
        return
    terminal.press("Enter")
    terminal.wait_for("Login with user and password")
    if way == "bearer":
        terminal.press("Down", "Enter")
        terminal.wait_for("the third of")
        terminal.paste(full["access_token"])
        terminal.wait_for("32 of 32")
    else:
        terminal.press("Down", "Down", "Enter")
        terminal.wait_for("User name")
        terminal.paste(store["admin"]["username"])
        terminal.wait_for(store["admin"]["username"])
        terminal.press("Enter")
        terminal.wait_for("Sent only in the token request")
        terminal.paste(store["admin"]["password"])
        terminal.wait_for("•" * 12)
    terminal.press("Enter")


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("way", ["signed", "bearer", "admin"])
def test_from_an_address_to_a_profile_that_works(
    way: str,
    columns: int,
    rows: int,
    store: dict[str, Any],
    environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    require("tmux")
    program = PROGRAM if way == "signed" else command_in_a_terminal()
    terminal = Terminal(tmp_path, program, environment, columns, rows)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        terminal.paste(store["url"])
        terminal.wait_for(store["url"])
        terminal.press("Enter")
        terminal.wait_for("REST at /rest/V1")
        terminal.press("Enter")
        authenticate(terminal, way, store)
        terminal.wait_for("accepts it")
        terminal.press("Enter")
        terminal.wait_for("Categories")
        terminal.press("Enter")
        shown = terminal.wait_for("3 of 50 items read")  # at once, of what was added
        assert "identifies items" in shown
        assert re.search(r"Sent: #\d+ GET products\?", shown)
        terminal.press("Enter")
        terminal.wait_for("PUT products")
        terminal.press("F8")
        terminal.wait_for("Not written yet")
        terminal.press("Enter")
        terminal.wait_for("status 200")
    finally:
        terminal.close()
    profile = next((Path(environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles").glob("*.toml"))
    written = profile.read_text() + terminal.everything()
    secrets = [*store["integrations"]["full"].values(), store["admin"]["password"]]
    assert not [secret for secret in secrets if secret in written]
    code, _, errors = run("request", profile.stem, "GET", "modules", "--log", "simple", env=environment)
    assert code == 0, errors
    assert b"  200  " in errors
    if way == "signed":
        with capsys.disabled():
            print(f"\nshortest walk at {columns}×{rows}: {terminal.keys} keys and {terminal.pastes} pastes")


@pytest.mark.parametrize("key", ["5", "s"])
def test_without_a_keyring_the_profile_names_environment_variables(
    key: str, store: dict[str, Any], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    terminal = Terminal(tmp_path, command_in_a_terminal(), clean_environment, 80, 24)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        terminal.paste(store["url"])
        terminal.wait_for(store["url"])
        terminal.press("Enter")
        terminal.wait_for("REST at /rest/V1")
        terminal.press("Enter")
        authenticate(terminal, "signed", store)
        terminal.wait_for("accepts it")
        terminal.press(key)
        terminal.wait_for("From environment variables")
        assert "! No keyring is running. The" in terminal.wait_for("The profile uses environment")  # told in step 2
        terminal.press("Enter")
        terminal.wait_for("Not tested in a new process")
        terminal.press("q")
        terminal.wait_for("Profiles")
        terminal.press("q")
        terminal.wait_for("4 secrets of local-store")
        terminal.press("y")
        terminal.wait_for("ended: 0")
    finally:
        terminal.close()
    profile = next((Path(clean_environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles").glob("*.toml"))
    assert '{ env = "TUI_CONNECTOR_' in profile.read_text()


@pytest.mark.parametrize("pasted", [True, False])
def test_text_typed_right_after_n_is_the_address(
    pasted: bool, store: dict[str, Any], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    terminal = Terminal(tmp_path, command_in_a_terminal(), clean_environment, 80, 24)
    try:
        terminal.wait_for("No profiles yet")
        terminal.burst(b"n", store["url"] if pasted else store["url"].encode(), b"\r")
        assert store["url"] in terminal.wait_for("REST at /rest/V1")
    finally:
        terminal.close()
