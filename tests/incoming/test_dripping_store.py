"""A store that drips in the middle of a run: its response comes byte by byte, and never to its end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import fork_server
from listing import Item, listing, products
from runs import KEYSET, RunNotes, shop

from tui_connector.machine import Machine

FOUR = {**KEYSET, "page-size": 4}


async def test_a_page_that_dripped_is_asked_for_again(tmp_path: Path, machine: Machine) -> None:
    left = [2]

    def drips(items: list[Item]) -> bool:
        if not left[0] or not any(item["id"] == 57 for item in items):
            return False
        left[0] -= 1
        return True

    async with listing(products(*range(1, 101)), drips=drips) as store:
        reader = shop(store, tmp_path, machine)
        reader.timeout = "500ms"
        summary = await reader.run()
    assert (summary.state, summary.failed) == ("complete", 0)
    assert summary.retries >= 2
    assert reader.ids() == list(range(1, 101))


async def test_a_record_that_always_drips_is_found_and_left_out(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 41))) as store:
        store.drips = lambda items: any(item["id"] == 18 for item in items)
        reader = shop(store, tmp_path, machine, pagination=FOUR)
        reader.timeout = "500ms"
        summary = await reader.run(told=(told := RunNotes()))
    assert (summary.state, summary.failed) == ("complete", 1)
    assert reader.ids() == [number for number in range(1, 41) if number != 18]
    assert told.records[0].record == "entity_id 18"
    assert "did not send the whole response within 0.5 s" in told.records[0].message


PROFILE = """
format = 1
name = "Shop"
[clients.shop]
timeout = "500ms"
[[clients.shop.plugins]]
kind = "base-uri"
uri = "{url}/rest/V1"
[incoming.items]
client = "shop"
request = {{ uri = "products" }}
items = "items"
identifier = "sku"
pagination = {{ kind = "keyset", filter = "entity_id", field = "id", page-size = 4 }}
patience = "1s"
sink = {{ kind = "jsonl", path = "items.jsonl" }}
"""


async def test_a_store_that_drips_from_some_moment_on_stops_the_run_and_the_next_one_goes_on(
    tmp_path: Path, machine: Machine, clean_environment: dict[str, str]
) -> None:
    """In processes of their own, as cron starts them."""

    async def run() -> tuple[int | None, dict[str, object]]:
        command = ("run", "--trust", tmp_path / "shop.toml", "--json")
        code, said, _ = await asyncio.to_thread(fork_server.run, *command, env=clean_environment)
        return code, json.loads(said.splitlines()[-1])

    async with listing(products(*range(1, 301))) as store:
        (tmp_path / "shop.toml").write_text(PROFILE.format(url=store.url))
        store.drips = lambda items: len(store.asked) > 20
        code, summary = await run()
        assert (code, summary["state"]) == (4, "stopped"), summary
        came = (tmp_path / "items.jsonl").read_bytes()
        store.drips = lambda items: False
        assert (await run())[0] == 0
        (tmp_path / "alone").mkdir()
        alone = shop(store, tmp_path / "alone", machine, pagination=FOUR)
        await alone.run()
    assert 0 < len(came) < alone.path.stat().st_size
    assert (tmp_path / "items.jsonl").read_bytes() == alone.path.read_bytes()
