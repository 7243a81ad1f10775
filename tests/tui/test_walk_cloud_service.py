"""Adobe Commerce as a Cloud Service, set up by keyboard in a real terminal against a stand-in."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cloud_service import CLIENT_ID, CLIENT_SECRET, TOKEN, CloudService, cloud_service
from requirements import require
from terminal import Terminal
from walking import PROGRAM


async def test_from_the_address_to_an_accepted_token(clean_environment: dict[str, str], tmp_path: Path) -> None:
    require("tmux")
    async with cloud_service() as store:
        shown = await asyncio.to_thread(_walk, tmp_path, clean_environment, store)
    accepted = [each for each in store.server.received if each.header("Authorization") == f"Bearer {TOKEN}"]
    assert accepted
    assert {each.header("Store") for each in accepted} == {"nl"}
    assert "CANARY" not in shown


def _walk(directory: Path, environment: dict[str, str], store: CloudService) -> str:
    terminal = Terminal(directory, PROGRAM, environment, 100, 40)
    try:
        terminal.wait_for("No profiles yet")
        terminal.press("n")
        terminal.wait_for("Store address")
        terminal.paste(store.address)
        terminal.press("Tab", "C-u", "n", "l", "Enter")
        terminal.wait_for("✔ Commerce REST API, REST at")
        terminal.press("Enter")
        terminal.wait_for("OAuth 2 client")
        terminal.wait_for("ims-na1.")
        terminal.press("e")
        terminal.wait_for("Typing")
        terminal.press("BTab", "C-u")
        terminal.wait_gone("ims-na1.")
        terminal.paste(store.token_uri)
        terminal.press("Tab")
        terminal.paste(CLIENT_ID)
        terminal.wait_for(CLIENT_ID)
        terminal.press("Tab")
        terminal.paste(CLIENT_SECRET)
        terminal.wait_for("••")
        terminal.press("Enter")
        terminal.wait_for("accepts it")
        return terminal.everything()
    finally:
        terminal.close()
