"""Unusual stores, set up by keyboard in a real terminal: each ends with a successful test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fork_server import command_in_a_terminal
from requirements import require
from terminal import Terminal
from walking import FOUR, Store, at_authentication, choose, paste_each


def test_text_typed_in_one_burst_fills_field_by_field(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    store = stores()
    four = [store["integrations"]["full"][name] for name in FOUR]
    with at_authentication(tmp_path, clean_environment, store["url"]) as terminal:
        terminal.burst(*four, b"\r")
        terminal.wait_for("accepts it")
        shown = terminal.screen()
        rows = [next(line for line in shown.splitlines() if value[-4:] in line) for value in four]
        assert [row.split("  ")[0].strip() for row in rows] == [
            "Consumer key",
            "Consumer secret",
            "Access token",
            "Access token secret",
        ]


def test_enter_after_each_paste_gives_the_same_result(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    store = stores()
    with at_authentication(tmp_path, clean_environment, store["url"]) as terminal:
        for name in FOUR:
            value = store["integrations"]["full"][name]
            terminal.paste(value)
            terminal.wait_for(value[-4:])
            terminal.press("Enter")
        terminal.wait_for("accepts it")
        assert "swapped" not in terminal.everything()


def test_paste_after_enter_belongs_to_the_next_step(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    store = stores()
    four = [store["integrations"]["full"][name] for name in FOUR]
    terminal = Terminal(tmp_path, command_in_a_terminal(), clean_environment, 80, 24)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        terminal.burst(store["url"], b"\r")
        terminal.wait_for("REST at /rest/V1")
        terminal.burst(b"\r", *four, b"\r")
        terminal.wait_for("accepts it")
    finally:
        terminal.close()


def test_refused_bearer_token_switches_to_signing_with_one_key(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    store = stores()
    full = store["integrations"]["full"]
    with at_authentication(tmp_path, clean_environment, store["url"]) as terminal:
        choose(terminal, "the third of", "Down")
        terminal.paste(full["access_token"])
        terminal.wait_for("32 of 32")
        terminal.press("Enter")
        terminal.wait_for("four tokens")
        terminal.press("a")
        terminal.wait_for("Access token secret")
        terminal.wait_for(full["access_token"][-4:])  # what was given is there still
        paste_each(terminal, [full[name] for name in FOUR if name != "access_token"])
        terminal.press("Enter")
        terminal.wait_for("accepts it")


def test_tokens_in_the_wrong_order_are_reordered(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    store = stores()
    key, secret, token, token_secret = (store["integrations"]["full"][name] for name in FOUR)
    with at_authentication(tmp_path, clean_environment, store["url"]) as terminal:
        paste_each(terminal, [key, token, secret, token_secret])
        terminal.press("Enter")
        terminal.wait_for("2 and 3 were swapped")
        rows = terminal.screen().splitlines()
        assert any("Consumer secret" in row and secret[-4:] in row for row in rows)
        assert any("Access token" in row and token[-4:] in row for row in rows)


@contextmanager
def at_one_time_code(
    stores: Callable[..., Store], environment: dict[str, str], directory: Path
) -> Iterator[tuple[Terminal, dict[str, str]]]:
    """Step 2 for an admin user whose store asks for a one-time code, and who that user is."""
    store = stores("twofactorauth/general/enable=1")
    with at_authentication(directory, environment, store["url"]) as terminal:
        choose(terminal, "TOTP secret", "Down", "Down")
        terminal.wait_for("integrations do not")
        yield terminal, store["admin"]


def test_two_factor_store_is_announced_before_the_password(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    with at_one_time_code(stores, clean_environment, tmp_path) as (terminal, admin):
        for value, mark in ((admin["username"], admin["username"]), (admin["password"], "✔")):
            terminal.paste(value)
            terminal.wait_for(mark)
            terminal.press("Enter")
        terminal.paste(admin["totp_secret"])
        terminal.wait_for(f"{len(admin['totp_secret'])} ")
        terminal.press("Enter")
        terminal.wait_for("accepts it")
        shown = terminal.everything()
    assert admin["totp_secret"] not in shown
    assert admin["password"] not in shown


def test_admin_login_with_authenticator_secret_typed_in_one_burst(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    with at_one_time_code(stores, clean_environment, tmp_path) as (terminal, admin):
        terminal.burst(admin["username"], b"\r", admin["password"], b"\r", admin["totp_secret"], b"\r")
        terminal.wait_for("accepts it")


def test_front_page_address_is_sufficient(
    stores: Callable[..., Store], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    store = stores()
    full = store["integrations"]["full"]
    front = store["url"].removeprefix("http://") + "/women/tops-women.html?p=2"
    with at_authentication(tmp_path, clean_environment, front) as terminal:
        paste_each(terminal, [full[name] for name in FOUR])
        terminal.press("Enter")
        terminal.wait_for("accepts it")
