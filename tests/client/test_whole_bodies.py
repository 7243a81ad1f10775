"""Whole bodies that the log keeps in memory: what a search finds in them, what is shown, and when they are dropped."""

from __future__ import annotations

import asyncio
import json
import zlib

from http_server import Received, reply, serving
from profiles import TOKEN, bearer, profile

from tui_connector.client.exchange import Exchange
from tui_connector.client.message import Request
from tui_connector.client.whole_bodies import WholeBodies, WholeBody
from tui_connector.client.wire import Bounds
from tui_connector.guide.workbench import Workbench
from tui_connector.log.blocks import Block, BlockTexts
from tui_connector.log.filter import parse
from tui_connector.secrets.mask import Mask

SECRET = "a-CANARY-bearer-token"


def _finds(exchange: Exchange, text: str) -> bool:
    wanted = parse(text)
    assert wanted.possible is not None
    is_possible = wanted.possible(Block([exchange], lambda: BlockTexts().of(0, [exchange])))
    assert is_possible or not wanted.matches(exchange)
    return wanted.matches(exchange)


async def test_a_page_of_a_run_is_searched_and_shown_to_its_end_without_secrets(workbench: Workbench) -> None:
    page = json.dumps({"items": [{"sku": f"SKU-{n}"} for n in range(1_000)], "echo": SECRET}).encode()

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", page))

    async with serving(response) as shop:
        saved = profile(f"{shop.url}/rest/V1", bearer())
        workbench.vault.hold(TOKEN, SECRET, shop.url)
        async with workbench.session(saved, Bounds(kept=100, keeps_whole=True)) as session:
            await session.client("shop")(Request("GET", "products"))
            await session.client("shop")(Request("GET", "products"))
    older, found = workbench.exchanges
    assert found.body.cut
    assert len(found.body.data) <= 100
    assert _finds(found, "SKU-999")
    assert _finds(found, '~b \'"sku": "SKU-999"\'')
    assert not _finds(found, "SKU-1000")
    assert not _finds(found, SECRET)
    whole = found.with_whole_body().body
    assert (whole.cut, len(whole.data)) == (False, len(page) - len(SECRET) + len("•••".encode()))
    assert SECRET.encode() not in whole.data
    assert workbench.exchanges.partial == 0
    workbench.exchanges.whole_bodies.clear()
    assert not _finds(found, "SKU-999")
    assert found.with_whole_body() is found
    assert workbench.exchanges.partial == 2
    assert older.body.is_partial


def test_the_oldest_bodies_are_dropped_once_the_compressed_ones_fill_their_room() -> None:
    data = [json.dumps({"items": [f"{n} {each}" for each in range(2_000)]}).encode() for n in range(5)]
    room = sum(len(zlib.compress(each, 1)) for each in data[2:]) + len(data[0])
    bodies, kept = WholeBodies(room), [WholeBody(each, "application/json", Mask()) for each in data]
    for body in kept:
        bodies.add(body)
        bodies.compress(body)
    assert [body.masked() for body in kept[-3:]] == data[-3:]
    assert kept[-1].is_kept
    assert not kept[0].is_kept
    bodies.compress(kept[0])  # its thread was late
    assert kept[0].masked() is None
