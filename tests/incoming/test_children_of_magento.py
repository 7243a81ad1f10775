"""Child lists of Magento: comments, media and options, in the sandbox and as a real store sent them; killed runs."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from pathlib import Path
from typing import Any

import fork_server
import pytest
import tomlkit
from child_lists import Orders, json_reply, profile_data, store_with
from http_server import Hold, Received, serving
from recordings import PLACE, needed
from runs import BEARER, NUMBERS, Shop, in_sandbox

from tui_connector.guide.checks.check import CheckResult, check_incoming
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions

ORDERS = {"request": {"uri": "orders"}, "items": "items", "identifier": "entity_id", "pagination": NUMBERS}
PRODUCTS = {"request": {"uri": "products"}, "items": "items", "identifier": "sku", "pagination": NUMBERS}
ATTRIBUTES = {
    "request": {"uri": "products/attributes"},
    "items": "items",
    "identifier": "attribute_code",
    "pagination": {"kind": "search-criteria", "order": "attribute_id", "page-size": 5},
    "filter": "options",
}
COMMENTS = {
    "parent": {"incoming": "parents", "fields": {"order_id": "entity_id"}},
    "request": {"uri": "orders/&{entity_id}/comments"},
    "identifier": "entity_id",
    "pagination": None,
}
MEDIA = {
    "parent": {"incoming": "parents", "fields": {"sku": "sku"}},
    "request": {"uri": "products/&{sku}/media"},
    "items": "@",
    "identifier": "id",
    "pagination": None,
}
OPTIONS = {
    "parent": {"incoming": "parents", "fields": {"attribute": "attribute_code"}},
    "request": {"uri": "products/attributes/&{attribute_code}/options"},
    "items": "@",
    "identifier": "value",
    "pagination": None,
}


async def checked(shop: Shop) -> CheckResult:
    saved = shop.profile({})
    async with shop.bench.session(saved) as session:
        return (await check_incoming(saved, session, "items", shop.bench.run()))[0]


@pytest.mark.parametrize(
    ("parents", "child", "key", "of"),
    [
        (ORDERS, COMMENTS, "order_id", "entity_id"),
        (PRODUCTS, MEDIA, "sku", "sku"),
        (ATTRIBUTES, OPTIONS, "attribute", "attribute_code"),
    ],
    ids=["comments", "media", "options"],
)
async def test_the_sandbox_has_them_and_check_reads_the_first_one(
    tmp_path: Path, machine: Machine, parents: dict[str, Any], child: dict[str, Any], key: str, of: str
) -> None:
    async with Sandbox(SandboxOptions(products=30, settings=BEARER), machine.now) as sandbox:
        shop = in_sandbox(sandbox, tmp_path, machine, **child)
        shop.others = {"parents": parents}
        sink = {"kind": "jsonl", "path": "parents.jsonl"}
        whole = in_sandbox(sandbox, tmp_path, machine, **parents, sink=sink)
        await whole.run()
        summary = await shop.run()
        result = await checked(shop)
    read = [json.loads(line) for line in (tmp_path / "parents.jsonl").read_bytes().splitlines()]
    assert (summary.state, summary.failed) == ("complete", 0)
    assert summary.parents_expected
    order = [each[of] for each in read]
    found = [item[key] for item in shop.items()]
    assert found == sorted(found, key=order.index)
    assert result.ok, result.finding
    assert "read" in result.summary


async def test_check_tests_the_date_at_the_parents(tmp_path: Path, machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=30, settings=BEARER), machine.now) as sandbox:
        shop = in_sandbox(sandbox, tmp_path, machine, **COMMENTS, incremental={"field": "update_at"})
        shop.others = {"parents": ORDERS}
        finding = (await checked(shop)).finding
    assert finding is not None
    assert finding.field == "incremental.field"
    assert "did you mean 'updated_at'?" in f"{finding.summary} {finding.remedy}"


@pytest.mark.parametrize(
    ("file", "child", "parent", "names"),
    [
        ("magento-recordings/264-order-comments.json", COMMENTS, {"entity_id": 1}, {"comment", "parent_id"}),
        ("magento-recordings-2.4.8/693-plan-media-after.json", MEDIA, {"sku": "24-MB01"}, {"media_type", "file"}),
        (
            "magento-recordings-2.4.8/751-plan-options.json",
            OPTIONS,
            {"attribute_code": "fabric_cmp"},
            {"label", "value"},
        ),
    ],
    ids=["comments", "media", "options"],
)
async def test_lists_as_a_real_store_sent_them(
    tmp_path: Path, machine: Machine, file: str, child: dict[str, Any], parent: dict[str, Any], names: set[str]
) -> None:
    needed(PLACE.parent / Path(file).parent)
    recording = json.loads((PLACE.parent / file).read_text())
    body = recording["response"]["body"]
    sent = json.loads(body) if isinstance(body, str) else body

    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        is_list = request.head.split(b" ")[1].endswith(b"/parents")
        writer.write(json_reply([parent] if is_list else sent))

    async with serving(respond) as server:
        shop = Shop(tmp_path, machine, server.url, dict(child))
        shop.others = {"parents": {"request": {"uri": "parents"}}}
        summary = await shop.run()
    items = sent["items"] if isinstance(sent, dict) else sent
    assert summary.state == "complete"
    [field] = child["parent"]["fields"]
    assert shop.items() == [{field: next(iter(parent.values())), **each} for each in items]
    assert all(names <= each.keys() for each in shop.items())


def write_profile(folder: Path, store: Orders, **child: Any) -> Path:
    """A profile in a file."""
    folder.mkdir(exist_ok=True)
    file = folder / "shop.toml"
    file.write_text(tomlkit.dumps(profile_data(store.url, child, {})))
    return file


async def test_killed_runs_end_as_one_that_was_left_alone(tmp_path: Path, clean_environment: dict[str, str]) -> None:
    chance = random.Random("children")
    counts = {number: chance.choice([0, 1, 3, 8]) for number in range(1, 120)}
    pages = {"kind": "page-number", "parameter": "page", "size-parameter": "size", "page-size": 3}
    async with store_with(counts) as store:
        whole = write_profile(tmp_path / "whole", store, pagination=pages)
        killed = write_profile(tmp_path / "killed", store, pagination=pages)

        async def start(profile: Path) -> fork_server.AsyncProcess:
            environment = {**clean_environment, "XDG_STATE_HOME": str(profile.parent / "state")}
            return await fork_server.start("run", "--trust", profile, "comments", env=environment)

        assert await (await start(whole)).wait() == 0
        for _ in range(3):
            wanted, hold = len(store.paths) + chance.randint(30, 80), Hold()

            async def before(path: str, wanted: int = wanted, hold: Hold = hold) -> None:
                """Responds until the run is to be killed, and no more until it has been."""
                if len(store.paths) >= wanted:
                    await hold.wait()

            store.before = before
            process = await start(killed)
            ended, moment = asyncio.ensure_future(process.wait()), asyncio.ensure_future(hold.reached())
            await asyncio.wait({ended, moment}, return_when=asyncio.FIRST_COMPLETED)
            moment.cancel()
            process.kill()
            assert await ended in (0, -signal.SIGKILL)
            hold.release()
        store.before = None
        assert await (await start(killed)).wait() == 0
    assert (tmp_path / "killed" / "comments.jsonl").read_bytes() == (tmp_path / "whole" / "comments.jsonl").read_bytes()


async def test_the_command_tells_of_parents(tmp_path: Path, clean_environment: dict[str, str]) -> None:
    async with store_with({1: 2, 2: 0, 3: 1, 4: 5}) as store:
        profile = write_profile(tmp_path, store)

        async def run(*options: str) -> tuple[int, str, str]:
            arguments = ("run", "--trust", str(profile), *options)
            code, out, err = await asyncio.to_thread(fork_server.run, *arguments, env=clean_environment)
            return code, out.decode(), err.decode()

        code, out, _ = await run("--dry-run")
        assert code == 0
        assert "/orders?searchCriteria" in out
        assert ", then for each item GET " in out
        assert "/orders/&{entity_id}/comments" in out
        assert "/orders/1/comments" not in store.paths
        code, _, err = await run("--limit", "1")
        assert (code, err.split(" in ")[0]) == (0, "comments: 1 item of 0 parents")
        del store.comments[3]
        code, out, err = await run("--json")
        events = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [each["record"] for each in events if each["event"] == "failed"] == [
        "the list of item 3 of orders (entity_id 3)"
    ]
    assert (events[-1]["parents"], events[-1]["parents_expected"], events[-1]["items"]) == (4, 4, 7)
    assert [json.loads(line)["order_id"] for line in (tmp_path / "comments.jsonl").read_bytes().splitlines()] == [
        *(1, 1, 4, 4, 4, 4, 4)
    ]
