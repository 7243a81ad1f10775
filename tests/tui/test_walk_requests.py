"""A run of yesterday in a real terminal: its one failure is found, understood, mended and sent again, by keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exchanges import exchange
from fork_server import command_in_a_terminal
from requirements import require
from terminal import Terminal
from walking import sandbox_process

from tui_connector.client.exchange import RecordedBody
from tui_connector.log.records import line


@pytest.fixture
def store(clean_environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    bearer = "oauth/consumer/enable_integration_as_bearer=1"
    options = ["--products", "50", "--set", bearer]
    with sandbox_process(clean_environment, *options) as found:
        yield found


def recorded(path: Path, url: str) -> None:
    """5,000 requests of a run, of which one asked for a product that is not there."""
    base = f"{url}/rest/V1/products"
    body = b'{"message":"The product that was requested doesn\'t exist. Verify the product and try again."}'
    bearer = (("Accept", "application/json"), ("Authorization", "Bearer •••(32)"))
    with path.open("wb") as file:
        for number in range(1, 5_001):
            fields: dict[str, Any] = {"uri": f"{base}/24-MB01", "request_headers": bearer}
            if number == 3_217:
                fields |= {"uri": f"{base}/24-MB0l", "status": 404, "reason": "Not Found", "body": body}
            file.write(line(exchange(number, **fields)))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 45)])
def test_find_the_failed_request_among_five_thousand(
    columns: int, rows: int, store: dict[str, Any], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    run = tmp_path / "run.jsonl"
    recorded(run, store["url"])
    profiles = Path(clean_environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "shop.toml").write_text(
        'format = 1\nname = "Shop"\n[authentications.a]\nkind = "bearer"\ntoken = { env = "SHOP_TOKEN" }\n'
        '[clients.magento]\nauthentications = ["a"]\n[[clients.magento.plugins]]\nkind = "base-uri"\n'
        f'uri = "{store["url"]}/rest/V1"\n'
    )
    environment = {**clean_environment, "SHOP_TOKEN": store["integrations"]["full"]["access_token"]}
    terminal = Terminal(tmp_path, f"{command_in_a_terminal()} log {run} --profile shop", environment, columns, rows)
    try:
        terminal.wait_for("Requests 5,000 · 1 failed")
        terminal.press("e")
        terminal.wait_for("errors only")
        terminal.wait_for("The product that was requested doesn't exist")
        terminal.press("i")
        terminal.wait_for("→ ")
        terminal.press("X")
        terminal.wait_for("Edit and resend #3217")
        terminal.press("C-u")
        terminal.wait_for("Path" + " " * 40)  # Textual takes a paste before a key that came before it
        terminal.paste("directory/currency")
        terminal.wait_for("  directory/currency")
        terminal.press("F5")
        terminal.wait_for("is not yet trusted")  # a profile that was written by hand
        terminal.wait_for("y Yes")
        terminal.press("y")
        terminal.wait_for("Turned off")  # errors only, as the list does not show what was sent now
        terminal.wait_for("#3217 edited")
        terminal.wait_for('"base_currency_code"' if rows > 24 else "200 OK")
        terminal.press("q")
        terminal.wait_for("ended: 0")
    finally:
        terminal.close()
    assert environment["SHOP_TOKEN"] not in terminal.everything()


EVIL = "EVIL \x1b[31m \x1b]52;c;x\x07 \x1b]0;t\x07 \x9b31m \x9d0;t\x9c \u202e\u2066 [@click=app.quit]x[/] \x00\x08\x7f"
FORBIDDEN = (
    rb"\x1b\](?:0|1|2|8|52);|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|EVIL \x1b\[31m"
    rb"|[\x00\x08\x7f]|(?:\xcc\x81){5}"
)


def hostile(path: Path) -> None:
    """Bodies, headers and addresses that mean harm, of every kind the detail knows."""
    evil = EVIL.encode()
    bodies = [
        RecordedBody(evil, len(evil), len(evil), "text/plain"),
        RecordedBody(b"<title>" + evil + b"</title>", 99, 99, "text/html"),
        RecordedBody(json.dumps({EVIL: [EVIL] * 3}).encode(), 99, 99, "application/json"),
        RecordedBody(json.dumps({"message": EVIL}, ensure_ascii=False).encode(), 99, 99, "application/json"),
        RecordedBody(b"\x00\x1b]52;c;x\x07" * 50, 99, 99, "image/png"),
        RecordedBody(b"a" + "\u0301".encode() * 10_000, 20_001, 20_001, "text/plain"),
        RecordedBody(b"x" * 1_000_000, 1_000_000, 1_000, "text/plain"),
        RecordedBody(b"[" * 100_000, 100_000, 1_000, "application/json"),
        RecordedBody(b'{"a":"\xff\xfe\xed\xa0\x80"}', 14, 14, "application/json"),
    ]
    headers = (("X-" + EVIL, EVIL), *((f"X-{n}", "v") for n in range(2_000)))
    with path.open("wb") as file:
        for number, body in enumerate(bodies, start=1):
            uri = f"https://acme.example/{EVIL}"
            fields = {"uri": uri, "body": body, "reason": EVIL, "headers": headers, "note": EVIL, "status": 500}
            file.write(line(exchange(number, method="GET" + EVIL, **fields)))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 45)])
def test_control_characters_of_a_recording_never_reach_the_terminal(
    columns: int, rows: int, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    require("tmux")
    run, written = tmp_path / "run.jsonl", tmp_path / "written"
    hostile(run)
    terminal = Terminal(tmp_path, f"{command_in_a_terminal()} log {run}", clean_environment, columns, rows, written)
    try:
        terminal.wait_for("Requests 9 · 1 failed · 8 retried")
        terminal.press("g")
        for number in range(1, 10):
            terminal.wait_for(f"#{number} ·")
            terminal.press("i", "z", *("j" if number < 9 else ""))  # more keys at once would be a paste
        terminal.press("/")
        terminal.wait_for("search")
        terminal.paste(EVIL)
        terminal.press("C-q")
        terminal.wait_for("ended: 0")
    finally:
        terminal.close()
    sent = re.sub(rb"\x1b\]22;\w+\x07", b"", written.read_bytes())  # Textual's own: the shape of the pointer
    assert b"EVIL" in sent
    assert re.findall(FORBIDDEN, sent)[:3] == []
