"""`run --plan`, `--apply` and `--undo`, headless, in processes of their own."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fork_server
import pytest
from profiles import full
from runs import BEARER

from tui_connector.sandbox.server import Sandbox, SandboxOptions

PROFILE = """
format = 1
name = "Acme store"
[authentications.token]
kind = "bearer"
token = { env = "SHOP_TOKEN" }
[clients.shop]
authentications = ["token"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
[[clients.shop.plugins]]
kind = "content-type"
[outgoing.stock]
client = "shop"
source = { kind = "csv", path = "stock.csv", columns = { quantity = "number", status = "integer" } }
identifier = "sku"
batch = 20
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = "&{@}" } }
compare = { preset = "stock" }
[outgoing.unknown]
client = "shop"
source = { kind = "csv", path = "stock.csv" }
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = "&{@}" } }
"""
SAME_NAME = """
[incoming.stock]
client = "shop"
request = { uri = "inventory/source-items" }
items = "items"
pagination = { kind = "search-criteria" }
"""
ROWS = ("SYNC-0001,default,700,1", "SYNC-0002,default,8.5,1", "NO-SUCH,default,1,1")


class Planner:
    """The program, with a profile for a running sandbox."""

    def __init__(self, folder: Path, environment: dict[str, str], sandbox: Sandbox) -> None:
        self.folder, self.sandbox = folder, sandbox
        self.environment = {**environment, "SHOP_TOKEN": full(sandbox)["access-token"]}
        self.profile = folder / "shop.toml"
        self.profile.write_text(PROFILE.replace("URL", sandbox.url))
        self.write(*ROWS)

    def write(self, *rows: str) -> None:
        (self.folder / "stock.csv").write_text("\n".join(["sku,source_code,quantity,status", *rows]) + "\n")

    async def __call__(self, command: str, *words: str | Path) -> tuple[int, str, str]:
        process = await self.start(command, *words)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def start(self, command: str, *words: str | Path) -> fork_server.AsyncProcess:
        trust = ["--trust"] if command in ("run", "plan", "commit") else []
        pipe, given = asyncio.subprocess.PIPE, self.folder / "stdin"
        given.write_bytes(b"")
        with given.open("rb") as file:
            streams: dict[str, Any] = {"stdin": file.fileno(), "stdout": pipe, "stderr": pipe}
            return await fork_server.start(command, *trust, self.profile, *words, env=self.environment, **streams)

    async def quantities(self) -> dict[str, Any]:
        """The rows of the default source that a plan of the store as it is now would change, by sku."""
        code, out, err = await self("run", "stock", "--plan", "--json")
        assert code == 0, err
        return {line["identifier"]: line for line in map(json.loads, out.splitlines())}

    def writes(self) -> int:
        """Requests that the store received and that could change it."""
        return sum(
            entry["method"] == "POST" and str(entry["path"]).endswith("source-items")
            for entry in self.sandbox.journal()
        )


@pytest.fixture
async def planner(tmp_path: Path, clean_environment: dict[str, str]) -> AsyncIterator[Planner]:
    options = SandboxOptions(products=60, settings=BEARER)
    async with Sandbox(options, lambda: datetime(2026, 11, 29, tzinfo=UTC)) as sandbox:
        yield Planner(tmp_path, clean_environment, sandbox)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - of a store that tells nobody
            await asyncio.sleep(0.01)


async def test_a_plan_shows_what_would_change_and_sends_nothing(planner: Planner) -> None:
    code, out, err = await planner("run", "stock", "--plan")
    assert code == 0
    assert out.splitlines()[1].startswith("SYNC-0002  change  quantity: ")
    assert out.splitlines()[1].endswith(" → 8.5")
    assert "NO-SUCH  create  " in out
    assert "(the store has no product with this sku)" in out
    assert "stock: 1 to create, 2 to change, 0 unchanged; nothing was sent" in err
    assert planner.writes() == 0


async def test_an_incoming_with_the_same_name_does_not_hide_an_outgoing(planner: Planner) -> None:
    planner.profile.write_text(f"{planner.profile.read_text()}{SAME_NAME}")
    plan = str(planner.folder / "plan.jsonl")
    code, out, err = await planner("run", "stock", "--plan", plan)
    assert code == 0, err
    assert f"1 to create, 2 to change, 0 unchanged; saved in {plan}" in err
    assert planner.writes() == 0
    code, out, err = await planner("run", "stock", "--apply", plan)
    assert planner.writes() > 0
    code, out, err = await planner("run", "stock", "--undo", "last")
    assert "needs the NAME of an outgoing" not in err
    code, out, err = await planner("run", "stock", "--out", "-")
    assert code == 0, err
    assert "source_code" in out
    sent = planner.writes()
    planner.profile.write_text(f'{planner.profile.read_text()}sink = {{ kind = "jsonl", path = "read.jsonl" }}\n')
    code, out, err = await planner("run", "stock", "--direction", "incoming")
    assert code == 0, err
    assert " items in " in err
    assert planner.writes() == sent, "a command to read does not send"
    code, out, err = await planner("run", "stock", "--direction", "outgoing", "--full")
    assert " items in " not in err
    for options, why in (
        (("stock", "--direction", "incoming", "--plan"), "--plan is for outgoing configurations"),
        (("--direction", "outgoing"), "--direction outgoing needs a NAME"),
        (("nothing", "--direction", "outgoing"), "named 'nothing'"),
    ):
        code, out, err = await planner("run", *options)
        assert (code, why in err) == (2, True), err


async def test_with_json_each_line_of_a_plan_is_an_entity(planner: Planner) -> None:
    code, out, err = await planner("run", "stock", "--plan", "--json")
    assert (code, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["identifier"], line["action"]) for line in lines] == [
        ("SYNC-0001", "change"),
        ("SYNC-0002", "change"),
        ("NO-SUCH", "create"),
    ]
    [change] = [each for each in lines[0]["changes"] if each["field"] == "quantity"]
    assert change["new"] == 700
    assert isinstance(change["old"], int | float)
    code, out, _ = await planner("run", "stock", "--plan", "--json", "--limit", "1")
    assert (code, len(out.splitlines())) == (0, 1)


async def test_a_saved_plan_is_applied_and_the_next_one_is_empty(planner: Planner) -> None:
    plan = planner.folder / "stock.plan"
    code, _, err = await planner("run", "stock", "--plan", plan)
    assert (code, f"saved in {plan}" in err) == (0, True)
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert planner.environment["SHOP_TOKEN"] not in plan.read_text()
    planner.write("SYNC-0003,default,1,1")  # what is applied is the plan, not the source as it is now
    code, out, err = await planner("run", "stock", "--apply", plan, "--json")
    assert code == 0, err
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["tasks"]["finished"], last["state"]) == ("summary", 3, "complete")
    planner.write(*ROWS)
    assert {line["action"] for line in (await planner.quantities()).values()} == {"unchanged"}
    assert planner.writes() == 1
    code, out, _ = await planner("run", "stock", "--json")
    assert json.loads(out.splitlines()[-1])["tasks"]["unchanged"] == 3


async def test_a_plan_is_refused_if_the_store_has_changed_since(planner: Planner) -> None:
    plan = planner.folder / "stock.plan"
    await planner("run", "stock", "--plan", plan)
    planner.write("SYNC-0001,default,701,1")
    assert (await planner("run", "stock"))[0] == 0
    writes = planner.writes()
    code, _, err = await planner("run", "stock", "--apply", plan)
    assert code == 2
    assert "The store has changed since the plan was made: SYNC-0001: quantity is 701 now" in err
    assert planner.writes() == writes


async def test_an_undo_restores_former_values_and_deletes_only_on_request(planner: Planner) -> None:
    before = await planner.quantities()
    assert (await planner("run", "stock"))[0] == 0
    code, out, err = await planner("run", "stock", "--undo", "last", "--plan")
    assert code == 0
    assert "SYNC-0001  restore  quantity: 700 → " in out
    assert "NO-SUCH  created" in out
    assert planner.writes() == 1
    code, out, err = await planner("run", "stock", "--undo", "1")
    assert code == 0, err
    assert "1 entity created by the run will be kept; use --delete-created to delete." in err
    code, out, err = await planner("run", "stock", "--undo", "1", "--delete-created", "--json")
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["state"] == "complete"
    assert await planner.quantities() == before
    code, out, _ = await planner("run", "stock", "--undo", "1", "--json")
    assert (code, json.loads(out.splitlines()[-1])["tasks"]) == (0, {})


async def test_a_run_that_was_sent_in_slices_is_undone_as_any_other(planner: Planner) -> None:
    before = await planner.quantities()
    assert (await planner("plan", "stock", "--slices", "2", "--run-id", "r1"))[0] == 0
    for number in ("0", "1"):
        assert (await planner("run", "stock", "--slice", number, "--run-id", "r1"))[0] == 0
    code, _, err = await planner("commit", "stock", "--run-id", "r1")
    assert code == 0, err
    assert await planner.quantities() != before
    code, _, err = await planner("run", "stock", "--undo", "last", "--delete-created")
    assert code == 0, err
    assert await planner.quantities() == before


async def test_the_undo_of_a_run_that_changed_nothing_says_what_it_did(planner: Planner) -> None:
    for _ in range(2):
        assert (await planner("run", "stock"))[0] == 0
    code, out, err = await planner("run", "stock", "--undo", "last")
    assert (code, out) == (0, "")
    assert re.fullmatch(
        r"stock: run 2 of [\d :TZ-]+ has changed nothing \(3 unchanged\): there is nothing to undo.\n", err
    )
    code, out, _ = await planner("run", "stock", "--undo", "last", "--json")
    assert json.loads(out.splitlines()[-1])["state"] == "complete"


async def test_an_undo_that_was_stopped_is_continued_and_not_undone(planner: Planner) -> None:
    rows = [f"SYNC-{number:04},default,{700 + number},1" for number in (1, 2, 3)]
    rows += [f"SKU-{number:06},default,{700 + number},1" for number in range(1, 36)]
    planner.write(*rows)
    before = await planner.quantities()
    assert (await planner("run", "stock"))[0] == 0
    sent = planner.writes()
    planner.sandbox.change({"sandbox/latency_ms": "100"})
    process = await planner.start("run", "stock", "--undo", "last", "--in-flight", "1")
    await until(lambda: planner.writes() > sent)
    process.send_signal(signal.SIGTERM)
    _, err = await process.communicate()
    assert process.returncode == 4
    assert b"Stopped by SIGTERM; repeat the undo to continue" in err
    planner.sandbox.change({"sandbox/latency_ms": "0"})
    assert await planner.quantities() != before
    code, _, text = await planner("run", "stock", "--undo", "last")
    assert code == 0
    assert "stock: The undo of run 1 was not completed; continuing it." in text.splitlines()
    assert await planner.quantities() == before


async def test_a_plan_that_is_stopped_before_it_is_applied_has_sent_nothing(planner: Planner) -> None:
    plan = planner.folder / "stock.plan"
    assert (await planner("run", "stock", "--plan", plan))[0] == 0
    planner.sandbox.change({"sandbox/latency_ms": "5000"})
    seen = len(planner.sandbox.journal())
    process = await planner.start("run", "stock", "--apply", plan, "--json")
    await until(lambda: len(planner.sandbox.journal()) > seen)
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    last = [json.loads(line) for line in out.splitlines()][-1]
    assert (process.returncode, last["state"], last["reason"]) == (4, "stopped", "Stopped by SIGINT. Nothing was sent.")
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["start", "summary"]


async def test_a_run_is_neither_undone_nor_repeated_in_another_store(planner: Planner) -> None:
    planner.write(*ROWS, "SYNC-0003,nowhere,1,1")
    assert (await planner("run", "stock"))[0] == 1
    written, sent = planner.profile.read_text(), planner.writes()
    planner.profile.write_text(written.replace("/rest/all/", "/rest/default/"))
    code, out, err = await planner("run", "stock", "--undo", "last")
    assert (code, out) == (2, "")
    assert "stock: Run 1 was not sent to " in err
    assert (await planner("tasks", "stock", "retry"))[0] == 0
    code, _, err = await planner("run", "stock")
    assert code == 2
    assert "The tasks to be sent again are of run 1, which was not sent to " in err
    assert planner.writes() == sent
    planner.profile.write_text(written.replace("batch = 20", "batch = 5"))
    assert (await planner("run", "stock"))[0] == 1, "a corrected configuration may send them"
    assert (await planner("run", "stock", "--undo", "last", "--plan"))[0] == 0


async def test_what_someone_else_changed_since_is_not_undone(planner: Planner) -> None:
    assert (await planner("run", "stock"))[0] == 0
    planner.write("SYNC-0001,default,3,1")
    assert (await planner("run", "stock"))[0] == 0
    code, out, _ = await planner("run", "stock", "--undo", "1")
    assert code == 1
    assert "SYNC-0001  not undone  (changed since the run: quantity)" in out
    code, out, _ = await planner("run", "stock", "--undo", "1", "--json")
    assert (code, json.loads(out.splitlines()[-1])["state"]) == (1, "ended")
    planner.write(*ROWS)
    assert [line["action"] for line in (await planner.quantities()).values()] == ["change", "change", "unchanged"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("unknown", "--plan"), "The current values of these entities cannot be read"),
        (("--plan", "stock"), "write the NAME first, as in `run PROFILE stock --plan`"),
        (("stock", "--apply", "missing.plan"), "missing.plan cannot be read"),
        (("stock", "--apply", "stock.csv"), "stock.csv is not a plan"),
        (("stock", "--plan", "stock.csv"), "stock.csv exists and is not a plan"),
        (("stock", "--undo", "nine"), "not the number of a run"),
        (("stock", "--undo", "last"), "has not been run yet"),
        (("stock", "--delete-created"), "--delete-created requires --undo"),
        (("stock", "--apply", "a", "--plan"), "--apply and --plan: these options cannot be combined"),
        (("stock", "unknown", "--plan", "a"), "--plan needs a single outgoing"),
        (("--undo", "last"), "--undo needs the NAME of an outgoing"),
    ],
)
async def test_what_cannot_be_planned_says_why(planner: Planner, words: tuple[str, ...], message: str) -> None:
    here = [planner.folder / word if word.endswith((".plan", ".csv")) else word for word in words]
    code, out, err = await planner("run", *here)
    assert (code, out) == (2, "")
    assert message in err
    assert planner.writes() == 0


async def test_a_plan_without_permission_to_read_names_the_permission(planner: Planner) -> None:
    planner.environment["SHOP_TOKEN"] = full(planner.sandbox, "none")["access-token"]
    code, out, err = await planner("run", "stock", "--plan")
    assert (code, out) == (3, "")
    assert "The current values cannot be read" in err
    assert "Reading them needs the permission Magento_InventoryApi::source." in err


async def test_a_plan_says_that_it_is_larger_than_allowed(planner: Planner) -> None:
    written = planner.profile.read_text()
    planner.profile.write_text(written.replace("[outgoing.stock]", "[outgoing.stock]\nmax-changes = 2"))
    code, out, err = await planner("run", "stock", "--plan")
    assert (code, len(out.splitlines())) == (0, 3)
    assert "stock: 3 changes are more than max-changes allows (2): sending would be refused." in err.splitlines()


async def test_a_plan_of_an_empty_source_says_so(planner: Planner) -> None:
    for file in planner.profile.parent.glob("stock.*"):
        file.write_text("")
    code, out, err = await planner("run", "stock", "--plan")
    assert (code, out) == (0, "")
    assert "stock: The source contains no entities." in err.splitlines()


async def test_an_interrupted_plan_says_that_nothing_was_sent(planner: Planner) -> None:
    sqlite3.connect(planner.folder / "shop.db").close()
    query = (
        "with recursive r(n) as (select 1 union all select n + 1 from r) select 'S' || n as sku, n as quantity from r"
    )
    source = f'source = {{ kind = "sqlite", path = "shop.db", query = "{query}" }}'
    before, _, after = planner.profile.read_text().partition('source = { kind = "csv"')
    planner.profile.write_text(f"{before}{source}\n{after.partition(chr(10))[2]}")
    process = await planner.start("run", "stock", "--plan")
    assert process.stdout is not None
    assert await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 4
    assert "stock: Stopped by SIGINT. Nothing was sent." in err.decode().splitlines()


async def test_plans_and_undo_belong_to_one_environment(planner: Planner) -> None:
    planner.profile.write_text(planner.profile.read_text() + '[environments.staging]\nclients.shop.timeout = "20s"\n')
    plan = planner.folder / "stock.plan"
    staging = ("run", "stock", "--env", "staging")
    code, _, err = await planner(*staging, "--plan", plan)
    assert code == 0
    assert "stock (staging): 1 to create" in err
    code, _, err = await planner("run", "stock", "--apply", plan)
    assert code == 2
    assert "stock (default): The plan is for the environment staging, not for default." in err
    assert planner.writes() == 0
    assert (await planner(*staging, "--apply", plan))[0] == 0
    code, _, err = await planner("run", "stock", "--undo", "last")
    assert code == 2
    assert "has not been run yet" in err
    code, out, _ = await planner(*staging, "--undo", "last", "--plan")
    assert out.startswith("SYNC-0001  restore")
