"""An address where a secret belongs is not taken, and no secret hides where requests are sent."""

from __future__ import annotations

import pytest
from guide_steps import choose, draft, guide, to_authentication, work_of
from screens import shown, until, until_shown
from textual import events

from tui_connector.client.message import Request
from tui_connector.client.uri import public_address
from tui_connector.guide.misplaced_secrets import is_store_address
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.secrets.cleaning import SecretKind
from tui_connector.secrets.mask import MARK, Mask
from tui_connector.text import shown as safe
from tui_connector.text import shown_line
from tui_connector.tui.log.sending_question import sending_question

STORE = "http://127.0.0.1:8437"


@pytest.mark.parametrize("cut", [0, 8])  # also one whose beginning was lost
async def test_the_stores_address_is_not_taken_for_a_token(machine: Machine, sandbox: Sandbox, cut: int) -> None:
    async with guide(machine, sandbox, tokens=True) as pilot:
        await to_authentication(pilot)
        await pilot.press("e")
        pilot.app.post_message(events.Paste(sandbox.url[cut:]))
        await until_shown(pilot, "This is an address, not a secret")
        assert "consumer-key" not in str(draft(pilot))
        assert not work_of(pilot).workbench.mask.values()
        await pilot.press("escape", "1")
        screen = await until_shown(pilot, "● 1")
        assert f"{sandbox.url}/rest/all/V1" in screen
        assert MARK not in screen
        await pilot.press("2")
        await until_shown(pilot, "● 2")
        pilot.app.post_message(events.Paste("CANARYtokenaCANARYtoken0a1b2c3dd"))
        await until_shown(pilot, "c3dd")
        await until(pilot, lambda: "This is an address" not in shown(pilot.app))


async def test_a_password_that_is_part_of_the_address_does_not_hide_it(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox) as pilot:
        await to_authentication(pilot)
        work = work_of(pilot)
        work.workbench.vault.hold("acme/admin/password", sandbox.url.removeprefix("http://"), sandbox.url)
        await pilot.press("escape", "1")
        await until_shown(pilot, "● 1")
        header = shown(pilot.app).splitlines()[0]
        assert f"{sandbox.url}/rest/all/V1" in header


async def test_a_password_that_is_a_word_masks_no_text_of_the_program(machine: Machine, sandbox: Sandbox) -> None:
    async with guide(machine, sandbox, (120, 45)) as pilot:
        await to_authentication(pilot)
        await choose(pilot, "#way", "Login with user and password")
        await until_shown(pilot, "Password")
        words = ("password", "dedicated", "permissions", "commands", "values", "keyring", "request", "selected")
        for word in words:
            work_of(pilot).workbench.mask.learn(word, "the password of another system")
        assert safe("a dedicated user") == f"a {MARK} user"
        for keys in (["escape", "1"], ["escape", "2"], ["tab"], ["e"]):
            await pilot.press(*keys)
            await pilot.pause()
        screen = await until_shown(pilot, "Use a dedicated admin user that has only the permissions")
        form = "\n".join(line for line in screen.splitlines() if "╭─ Requests" not in line)
        for shown_text in ("Login with user and password", "Password  ", "→ keyring", "Demo values", "Commands"):
            assert shown_text in form
        await pilot.press("f1")
        screen = await until_shown(pilot, "Esc: close")
        assert "add a dedicated user" in screen
        assert MARK not in screen


@pytest.mark.parametrize(
    ("value", "kind", "is_one"),
    [
        (f"{STORE}/", SecretKind.TOKEN, True),
        ("27.0.0.1:8437", SecretKind.TOKEN, True),
        ("https://other.example/admin", SecretKind.TOKEN, True),
        ("0123456789abcdef0123456789abcdef", SecretKind.TOKEN, False),
        ("eyJhbGciOiJIUzI1NiJ9.e30.CANARY", SecretKind.TOKEN, False),
        (f"{STORE}/", SecretKind.TEXT, True),
        ("127.0.0.1", SecretKind.TEXT, False),  # a poor password, but one
        ("https://other.example/admin", SecretKind.TEXT, False),
    ],
)
def test_what_is_an_address(value: str, kind: SecretKind, is_one: bool) -> None:
    assert is_store_address(value, kind, f"{STORE}/rest/all/V1") is is_one


@pytest.mark.parametrize("secret", ["127.0.0.1:8437", STORE, "http://127", "8437/rest/CANARY", "CANARY"])
def test_an_origin_is_shown_and_secrets_after_it_are_not(secret: str) -> None:
    mask = Mask()
    mask.learn(secret, "a secret")
    address = public_address(f"{STORE}/rest/CANARY/V1")
    assert shown_line(address).startswith(STORE)
    assert shown_line(address, 30).startswith(STORE)
    assert ("CANARY" in safe(address)) is ("CANARY" not in secret)
    assert f"to {STORE}?" in sending_question(Request("POST", "/rest/V1/products"), f"{STORE}/").plain


def test_text_that_is_not_an_address_is_masked_as_ever() -> None:
    mask = Mask()
    mask.learn("CANARY.example", "a secret")
    for text in ("CANARY.example", "ftp://CANARY.example", "https://user:CANARY.example@shop.example/"):
        assert "CANARY" not in shown_line(public_address(text))
    assert public_address("\x1b[31m") == "\x1b[31m"
    assert shown_line(public_address("https://shop.example/\x1b[31m")) == "https://shop.example/\\x1b[31m"
