"""What a run says when the store refuses it: the finding that `check` has, and not the bare status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from http_server import reply
from listing import Item, SearchRequest, listing, products
from profiles import TOKEN
from runs import RunNotes, shop

from tui_connector.client.message import Request, Response
from tui_connector.guide.checks.run_findings import explainer
from tui_connector.machine import Machine

DENIED = {"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "Magento_X::y"}}
MAINTENANCE = b"<html><head><title>503</title></head><body>Service Temporarily Unavailable</body></html>"


def _always(status: str, body: bytes, *headers: str) -> Callable[[SearchRequest, list[Item]], bytes | None]:
    return lambda _asked, _items: reply(status, body, *headers)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        ("401 Unauthorized", json.dumps(DENIED).encode(), "Magento_X::y"),
        ("404 Not Found", b'{"message":"Request does not match any route."}', "Magento has no such route"),
        ("403 Forbidden", b"<html><title>Attention Required! | Cloudflare</title></html>", "web server"),
    ],
)
async def test_a_refused_run_ends_with_the_finding(
    status: str, body: bytes, words: str, tmp_path: Path, machine: Machine
) -> None:
    async with listing(products(*range(1, 11)), _always(status, body)) as store:
        reader = shop(store, tmp_path, machine)
        reader.token = "CANARY-head.CANARY-claims.CANARY-signature"
        reader.bench.vault.hold(TOKEN, reader.token, reader.url)
        summary = await reader.run()
    assert summary.state in ("refused", "failed")
    assert words in summary.reason
    assert "The store responded" not in summary.reason
    assert "Run `check`" not in summary.reason


async def test_maintenance_is_named_while_a_run_waits(tmp_path: Path, impatient: Machine) -> None:
    left = 2

    def bend(_asked: SearchRequest, _items: list[Item]) -> bytes | None:
        nonlocal left
        left -= 1
        return reply("503 Service Unavailable", MAINTENANCE, "Content-Type: text/html") if left >= 0 else None

    async with listing(products(*range(1, 11)), bend) as store:
        reader = shop(store, tmp_path, impatient)
        summary = await reader.run(told=(told := RunNotes()))
    assert summary.state == "complete"
    assert reader.ids() == list(range(1, 11))
    assert any("The store is in maintenance mode" in note for note in told.notes), told.notes


async def test_another_stores_refusal_is_told_in_its_own_words(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 11)), _always("404 Not Found", b'{"message":"no such list"}')) as store:
        reader = shop(store, tmp_path, machine, pagination={"kind": "page-number"})
        saved = reader.profile({})
        explain = explainer(saved, "shop")
        elsewhere = saved.model_copy(
            update={"clients": {"shop": saved.clients["shop"].model_copy(update={"plugins": []})}}
        )
    request, response = Request("GET", "products"), Response(404, (), b'{"message":"no such list"}', 1)
    assert explain(request, response) is not None
    assert explainer(elsewhere, "shop")(request, response) is None
    assert explainer(saved, "nobody")(request, response) is None
