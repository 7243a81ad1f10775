"""A run of an incoming: everything once, in order, and again after whatever stopped it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from http_server import Hold
from listing import listing, products
from runs import BEARER, KEYSET, NUMBERS, RunNotes, Shop, in_sandbox, shop
from user_errors import user_error

from tui_connector.client.message import Request
from tui_connector.incoming.run import Run
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.magento.entities import READABLE
from tui_connector.sandbox.server import Sandbox, SandboxOptions

SPARSE = (*range(1, 40), *range(100, 130, 3), 5_000, 5_001, *range(90_000, 90_100, 2), 1_000_000)


@pytest.mark.parametrize("counts", [True, False], ids=["counts", "does-not-count"])
@pytest.mark.parametrize(
    "ids", [(), (7,), tuple(range(1, 11)), tuple(range(1, 12)), tuple(range(1, 301)), SPARSE], ids=len
)
async def test_a_keyset_reads_every_item_once_in_order(
    tmp_path: Path, machine: Machine, ids: tuple[int, ...], counts: bool
) -> None:
    async with listing(products(*ids), counts=counts) as store:
        summary = await (reader := shop(store, tmp_path, machine)).run()
    assert summary.state == "complete"
    assert reader.ids() == list(ids)
    assert summary.items == len(ids)


@pytest.mark.parametrize("ids", [(), (7,), tuple(range(1, 300)), SPARSE], ids=len)
async def test_an_id_that_is_not_answered_still_pages(tmp_path: Path, machine: Machine, ids: tuple[int, ...]) -> None:
    async with listing(products(*ids), answers_id=False) as store:
        reader = shop(store, tmp_path, machine, pagination={**KEYSET, "field": ""})
        assert (await reader.run()).state == "complete"
    assert [item["sku"] for item in reader.items()] == [f"S{number}" for number in ids]


@pytest.mark.parametrize("counts", [True, False], ids=["counts", "does-not-count"])
@pytest.mark.parametrize("ids", [(), (7,), tuple(range(1, 21)), tuple(range(1, 300))], ids=len)
async def test_page_numbers_read_every_item_once_in_order(
    tmp_path: Path, machine: Machine, ids: tuple[int, ...], counts: bool
) -> None:
    async with listing(products(*ids), counts=counts) as store:
        reader = shop(store, tmp_path, machine, pagination=NUMBERS)
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(ids)


async def test_a_filter_of_the_request_stays_beside_that_of_the_keyset(tmp_path: Path, machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=60, settings=BEARER), machine.now) as sandbox:
        uri = (
            "products?searchCriteria[filter_groups][0][filters][0][field]=price"
            "&searchCriteria[filter_groups][0][filters][0][value]=50"
            "&searchCriteria[filter_groups][0][filters][0][condition_type]=gt&searchCriteria[pageSize]=3"
        )
        reader = in_sandbox(sandbox, tmp_path, machine, request={"uri": uri})
        assert (await reader.run()).state == "complete"
        whole = in_sandbox(sandbox, tmp_path / "whole", machine)
        whole.directory.mkdir()
        await whole.run()
    wanted = [item["sku"] for item in whole.items() if item["price"] > 50]
    assert 0 < len(wanted) < 60
    assert [item["sku"] for item in reader.items()] == wanted


async def test_a_condition_type_magento_does_not_know_is_refused_before_it_finds_nothing(
    tmp_path: Path, machine: Machine
) -> None:
    """In the text of a profile it is an error of the profile; a placeholder is only known when the run begins."""
    place = "searchCriteria[filter_groups][0][filters][0]"
    uri = f"products?{place}[field]=price&{place}[value]=1&{place}[condition_type]=@{{'moreq'}}"
    async with listing(products(1)) as store:
        summary = await shop(store, tmp_path, machine, request={"uri": uri}).run()
    assert summary.state == "failed"
    assert "moreq" in summary.reason
    assert store.asked == []


@pytest.mark.parametrize("name", sorted(READABLE))
async def test_the_presets_read_the_sandbox_whole(tmp_path: Path, machine: Machine, name: str) -> None:
    preset = {"pagination": None, "identifier": None, **READABLE[name].configuration("shop")}
    async with Sandbox(SandboxOptions(products=230, settings=BEARER), machine.now) as sandbox:
        reader = in_sandbox(sandbox, tmp_path, machine, **preset)
        reader.incoming["sink"] = {"kind": "jsonl", "path": "items.jsonl"}
        summary = await reader.run()
        total = await _counted(reader)
    assert summary.state == "complete"
    assert len(reader.items()) == summary.items == total
    assert total > 0
    assert len({json.dumps(item, sort_keys=True) for item in reader.items()}) == total


async def _counted(reader: Shop) -> int:
    """The sandbox's own count: that of the search, or of the list that is all there is; a single entity is one."""
    saved = reader.profile({})
    uri = saved.incoming["items"].request.uri + "?searchCriteria[pageSize]=1"
    async with reader.bench.session(saved) as session:
        found = json.loads((await session.client("shop")(Request("GET", uri))).body)
    if isinstance(found, list):
        return len(found)
    return int(found.get("total_count", 1)) if isinstance(found, dict) else 1


async def test_what_a_store_does_not_do_is_asked_for_once(tmp_path: Path, machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=1, settings=BEARER), machine.now) as sandbox:
        reader = in_sandbox(sandbox, tmp_path, machine, request={"uri": "carts/licence/list"})
        summary = await reader.run()
    assert (summary.state, summary.requests) == ("failed", 1)
    assert "This stand-in for a store does not offer" in summary.reason
    assert "GET /V1/carts/licence/list" in summary.reason


async def test_a_stopped_run_goes_on_and_ends_as_if_it_had_never_been(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*SPARSE, *range(2_000_000, 2_000_400))) as store:
        whole = shop(store, tmp_path / "whole", machine)
        whole.directory.mkdir()
        await whole.run()
        reader = shop(store, tmp_path, machine)
        states = []
        for after in (25, 60, 200):
            told = RunNotes()

            def stop_late(run: Run, after: int = after, told: RunNotes = told) -> None:
                told.at = lambda progress: run.stop("enough") if progress.items >= after else None

            states.append((await reader.run(told=told, on_run=stop_late)).state)
        states.append((await reader.run()).state)
    assert states == ["stopped", "stopped", "stopped", "complete"]
    assert reader.path.read_bytes() == whole.path.read_bytes()


async def test_limit_ends_early_and_the_next_run_goes_on(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 101))) as store:
        reader = shop(store, tmp_path, machine)
        assert (await reader.run(RunOptions(limit=25))).items == 25
        assert reader.ids() == list(range(1, 26))
        assert (await reader.run()).state == "complete"
        assert reader.ids() == list(range(1, 101))


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS], ids=["keyset", "numbers"])
async def test_a_limit_below_a_page_is_gone_on_from_too(
    tmp_path: Path, machine: Machine, pagination: dict[str, object]
) -> None:
    async with listing(products(*range(3, 300, 3))) as store:
        reader = shop(store, tmp_path, machine, pagination=pagination)
        for limit, read in ((4, 4), (5, 9), (1, 10), (1, 11), (25, 36)):
            await reader.run(RunOptions(limit=limit))
            assert reader.ids() == list(range(3, 3 * read + 1, 3))
        assert (await reader.run()).state == "complete"
    assert reader.ids() == list(range(3, 300, 3))


async def test_a_changed_request_begins_anew_and_says_so(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 101))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=25))
        told = RunNotes()
        summary = await reader.run(told=told, request={"uri": "products?fields=items[id,sku]"})
    assert summary.items == 100
    assert "configuration has changed" in told.notes[0]
    assert reader.ids() == list(range(1, 101))


async def test_a_second_run_is_refused_and_told_who_holds_it(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 101))) as store:
        hold = Hold()
        store.before = lambda asked: hold.wait()
        reader = shop(store, tmp_path, machine)
        first = asyncio.create_task(reader.run())
        await hold.reached()
        with user_error("already-running", match=r"by process \d+ on"):
            await reader.run()
        hold.release()
        assert (await first).state == "complete"
    assert reader.ids() == list(range(1, 101))
