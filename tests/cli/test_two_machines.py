"""Slices on two machines that share a PostgreSQL ledger and nothing else: each has its own home and state."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import fork_server
import pytest
from http_server import Hold, reply
from listing import Listing, SearchRequest, is_mark_of, listing, product, products
from postgres import PASSWORD, Cluster, Database, postgres, postgres_cluster
from sending import OK, Sent, Store, storing

__all__ = ["postgres", "postgres_cluster"]

PROFILE = """
format = 1
name = "Shop"
[authentications.a]
kind = "bearer"
token = { env = "SHOP_TOKEN" }
[clients.shop]
authentications = ["a"]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
[incoming.items]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }
incremental = { field = "updated_at" }
sink = { kind = "postgres", SERVER }
[outgoing.stock]
client = "shop"
source = { kind = "csv", path = "stock.csv", columns = { quantity = "number" } }
identifier = "sku"
request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }
[ledger]
kind = "postgres"
LEDGER
"""
RUN = ("--run-id", "r1")


class Machines:
    """Two machines: each has a copy of the profile in a folder of its own, and its own home."""

    def __init__(self, folder: Path, environment: dict[str, str], url: str, database: Database, authority: Path):
        saved = {
            "host": "127.0.0.1",
            "port": database.cluster.port,
            "database": database.cluster.as_admin["dbname"],
            "user": database.cluster.as_admin["user"],
            "password": {"env": "LEDGER_PASSWORD"},
            "sslmode": "verify-full",
            "ca-file": str(authority),
            "schema": database.schema,
        }
        toml = {
            name: f'{{ env = "{value["env"]}" }}' if isinstance(value, dict) else json.dumps(value)
            for name, value in saved.items()
        }
        text = PROFILE.replace("URL", url)
        text = text.replace("SERVER", ", ".join(f"{name} = {value}" for name, value in toml.items()))
        text = text.replace("LEDGER\n", "".join(f"{name} = {value}\n" for name, value in toml.items()))
        self.folders = [folder / name for name in ("one", "two")]
        self.environments: list[dict[str, str]] = []
        for each in self.folders:
            each.mkdir()
            (each / "shop.toml").write_text(text)
            rows = "".join(f"S{number % 10},{number}\n" for number in range(40))
            (each / "stock.csv").write_text(f"sku,quantity\n{rows}")
            home = {name: str(each / "home") for name in environment if name == "HOME"}
            xdg = {name: str(each / name.lower()) for name in environment if name.startswith("XDG_")}
            secrets = {"SHOP_TOKEN": "a-CANARY-token", "LEDGER_PASSWORD": PASSWORD}
            (each / "home").mkdir()
            of_machine = {**environment, **home, **xdg, **secrets}
            code, digest, _ = fork_server.run("trust", each / "shop.toml", "--digest", env=of_machine, stdin=b"")
            assert code == 0
            self.environments.append({**of_machine, "TUI_CONNECTOR_TRUST": digest.decode().strip()})

    def state_files(self, machine: int, pattern: str) -> list[Path]:
        return list(Path(self.environments[machine]["XDG_STATE_HOME"]).rglob(pattern))

    async def start(self, machine: int, verb: str, *words: str) -> fork_server.AsyncProcess:
        command = (verb, str(self.folders[machine] / "shop.toml"), *words)
        pipe = asyncio.subprocess.PIPE
        return await fork_server.start(*command, env=self.environments[machine], stdout=pipe, stderr=pipe)

    async def __call__(self, machine: int, verb: str, *words: str) -> tuple[int | None, str, str]:
        process = await self.start(machine, verb, *words)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    async def plan(self, machine: int, name: str, number: int, *words: str) -> dict[str, Any]:
        code, out, err = await self(machine, "plan", name, *RUN, "--slices", str(number), "--json", *words)
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    async def slice(self, machine: int, name: str, number: int) -> int | None:
        code, _, err = await self(machine, "run", name, *RUN, "--slice", str(number))
        assert "CANARY" not in err
        return code


@pytest.fixture
async def store() -> AsyncIterator[Listing]:
    async with listing(products(*range(1, 101))) as found:
        yield found


@pytest.fixture
def machines(
    tmp_path: Path, clean_environment: dict[str, str], store: Listing, postgres: Database, postgres_cluster: Cluster
) -> Machines:
    return Machines(tmp_path, clean_environment, store.url, postgres, postgres_cluster.authority)


async def test_what_one_machine_plans_the_others_read_and_commit(machines: Machines, postgres: Database) -> None:
    plan = await machines.plan(0, "items", 4)
    assert [each["expected"] for each in plan["slices"]] == [25] * 4
    assert await machines.plan(1, "items", 4) == plan
    assert [await machines.slice(number % 2, "items", number) for number in (3, 0, 2)] == [0] * 3
    code, _, err = await machines(0, "commit", "items", *RUN)
    assert (code, "(not done: 1)" in err) == (4, True)
    code, out, err = await machines(1, "run", "items", *RUN, "--slice", "1", "--json")
    assert code == 0, err
    assert {"event": "slices", "name": "items", "done": 4, "planned": 4} in map(json.loads, out.splitlines())
    code, _, err = await machines(1, "commit", "items", *RUN)
    assert code == 0, err
    assert err.startswith("items: 100 items in ")
    assert sorted(row["id"] for row in postgres.items("items")) == list(range(1, 101))
    assert postgres.rows("SELECT count(*) FROM tui_connector_slice_data") == [(0,)]
    # each machine knows where the next run starts, also one without slices
    [(mark,)] = postgres.rows("SELECT value FROM tui_connector_incoming_mark")
    assert is_mark_of(mark, "2026-11-01 00:00:00")
    for machine in (0, 1):
        code, _, err = await machines(machine, "run", "items")
        assert (code, ", complete (" in err) == (0, True), err
        assert machines.state_files(machine, "*.sqlite") == []
    runs = postgres.rows("SELECT id, state, items FROM tui_connector_incoming_run ORDER BY id")
    assert runs[0] == (1, "complete", 100)
    assert (await machines(0, "commit", "items", *RUN))[0] == 0
    code, out, err = await machines(0, "runs", "--all", "--json")
    listed = [(each["name"], each["state"], each["counts"]) for each in json.loads(out)]
    assert listed[-1] == ("items", "complete", {"items": 100}), err
    code, out, err = await machines(0, "run", "items", "--dry-run")
    assert (code, "changed since 2026-10-31 23:5" in out) == (0, True), (out, err)


async def test_two_commits_at_once_move_the_mark_once(machines: Machines, postgres: Database) -> None:
    await machines.plan(0, "items", 2)
    assert [await machines.slice(number, "items", number) for number in (0, 1)] == [0, 0]
    both = await asyncio.gather(*(machines(machine, "commit", "items", *RUN) for machine in (0, 1)))
    assert 0 in [code for code, _, _ in both], both
    for code, _, err in both:
        assert code == 0 or "already being read by process" in err, err
    assert (await machines(0, "commit", "items", *RUN))[0] == 0
    assert postgres.rows("SELECT state, items FROM tui_connector_incoming_run") == [("complete", 100)]
    assert sorted(row["id"] for row in postgres.items("items")) == list(range(1, 101))


async def test_a_killed_slice_is_read_on_the_other_machine(
    machines: Machines, store: Listing, postgres: Database
) -> None:
    await machines.plan(0, "items", 2)
    hold = Hold()

    async def holds(asked: SearchRequest) -> None:
        if asked.after >= 70:
            await hold.wait()

    store.before = holds
    process = await machines.start(0, "run", "items", *RUN, "--slice", "1")
    await hold.reached()
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    hold.release()
    [(attempt,)] = postgres.rows("SELECT attempt FROM tui_connector_slice_attempt WHERE slice = 1")
    assert json.loads(attempt)["state"] == "running"
    assert [await machines.slice(1, "items", number) for number in (0, 1)] == [0, 0]
    assert (await machines(1, "commit", "items", *RUN))[0] == 0
    assert sorted(row["id"] for row in postgres.items("items")) == list(range(1, 101))


async def test_a_killed_commit_resumes_on_the_other_machine(
    machines: Machines, store: Listing, postgres: Database
) -> None:
    assert (await machines(0, "run", "items"))[0] == 0
    for number in range(101, 151):
        store.items[number] = product(number, "2026-11-02 00:00:00")
    await machines.plan(0, "items", 2)
    assert [await machines.slice(number, "items", number) for number in (0, 1)] == [0, 0]
    with postgres.cluster.connect() as other, other.transaction():  # the commit waits for the table until it is killed
        other.execute(f"LOCK TABLE {postgres.schema}.items IN ACCESS EXCLUSIVE MODE".encode())
        process = await machines.start(0, "commit", "items", *RUN)
        deadline = asyncio.get_running_loop().time() + 60
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
        while not postgres.rows(waits, f"{postgres.schema}.items"):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
    code, _, err = await machines(1, "commit", "items", *RUN)
    assert code == 0, err
    assert sorted(row["id"] for row in postgres.items("items")) == list(range(1, 151))
    [(mark,)] = postgres.rows("SELECT value FROM tui_connector_incoming_mark")
    assert is_mark_of(mark, "2026-11-02 00:00:00")
    assert {state for (state,) in postgres.rows("SELECT state FROM tui_connector_incoming_run")} <= {
        "complete",
        "stopped",
    }


async def test_the_first_of_two_machines_on_one_slice_counts(
    machines: Machines, store: Listing, postgres: Database
) -> None:
    await machines.plan(0, "items", 1)
    both, first_pages = asyncio.Event(), list[SearchRequest]()

    async def meet(asked: SearchRequest) -> None:
        """Neither gets its first page before both have requested it."""
        if (asked.after, asked.size) == (0, 10):
            first_pages.append(asked)
            if len(first_pages) == 2:
                both.set()
            await asyncio.wait_for(both.wait(), 60)

    store.before = meet
    assert await asyncio.gather(*(machines.slice(machine, "items", 0) for machine in (0, 1))) == [0, 0]
    assert postgres.rows("SELECT count(DISTINCT name) FROM tui_connector_slice_data") == [(1,)]
    assert (await machines(1, "commit", "items", *RUN))[0] == 0
    assert sorted(row["id"] for row in postgres.items("items")) == list(range(1, 101))


async def test_a_failed_slice_says_why(machines: Machines, postgres: Database) -> None:
    await machines.plan(0, "items", 1)
    del machines.environments[1]["SHOP_TOKEN"]
    assert await machines.slice(1, "items", 0) == 2
    [(attempt,)] = postgres.rows("SELECT attempt FROM tui_connector_slice_attempt")
    assert json.loads(attempt)["state"] == "failed"
    assert "The environment variable SHOP_TOKEN is not set" in json.loads(attempt)["reason"]


async def test_a_ledger_and_a_shared_directory_exclude_each_other(machines: Machines) -> None:
    code, _, err = await machines(0, "plan", "items", "--slices", "2", "--shared", "anywhere")
    assert (code, "are kept in its ledger, postgresql://127.0.0.1" in err) == (2, True), err


async def test_a_ledger_is_used_once_its_user_allows_it(machines: Machines, postgres: Database) -> None:
    del machines.environments[0]["TUI_CONNECTOR_TRUST"]
    code, _, err = await machines(0, "plan", "items", "--slices", "2")
    assert (code, "  - keeps its ledger in postgresql://127.0.0.1" in err) == (2, True), err
    assert postgres.rows("SELECT 1 FROM pg_tables WHERE schemaname = %s", postgres.schema) == []
    for command, *names in (("runs",), ("tasks", "stock")):
        code, _, err = await machines(0, command, *names)
        assert (code, "keeps its ledger in postgresql://127.0.0.1" in err) == (2, True), err
        code, _, err = await machines(0, command, *names, "--trust")
        assert "keeps its ledger" not in err, err


async def test_a_missing_driver_is_named(machines: Machines) -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None; sys.argv[0] = 'tui-connector'; "
        "from tui_connector.__main__ import main; main()"
    )
    words = ["plan", str(machines.folders[0] / "shop.toml"), "items", "--slices", "2"]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, *words],
        env=machines.environments[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert 'The ledger in PostgreSQL needs the extra "postgres"' in done.stderr
    assert "pip install -e '.[postgres]'" in done.stderr


# outgoing


@pytest.fixture
async def sent() -> AsyncIterator[Store]:
    async with storing() as found:
        yield found


@pytest.fixture
def senders(
    tmp_path: Path, clean_environment: dict[str, str], sent: Store, postgres: Database, postgres_cluster: Cluster
) -> Machines:
    return Machines(tmp_path, clean_environment, sent.server.url, postgres, postgres_cluster.authority)


def arrived(store: Store) -> Counter[tuple[str, float]]:
    return Counter((row["sku"], row["quantity"]) for each in store.sent for row in each.rows)


async def test_tasks_are_sent_by_two_machines_and_committed_as_one_run(senders: Machines, sent: Store) -> None:
    plan = await senders.plan(0, "stock", 3)
    assert (plan["expected"], plan["sends"]) == (40, True)
    codes = await asyncio.gather(*(senders.slice(number % 2, "stock", number) for number in range(3)))
    assert codes == [0, 0, 0]
    code, _, err = await senders(1, "commit", "stock", *RUN)
    assert code == 0, err
    assert err.startswith("stock: 40 finished in ")
    assert set(arrived(sent).values()) == {1}
    assert len(arrived(sent)) == 40
    for sku in {row["sku"] for each in sent.sent for row in each.rows}:
        quantities = [row["quantity"] for each in sent.sent for row in each.rows if row["sku"] == sku]
        assert quantities == sorted(quantities)
    code, out, err = await senders(0, "tasks", "stock", "--json", "--state", "finished")
    assert code == 0, err
    assert [json.loads(line)["line"] for line in out.splitlines()] == list(range(2, 42))
    assert senders.state_files(0, "slices-*") == []


async def test_a_killed_sender_resumes_on_the_other_machine(senders: Machines, sent: Store) -> None:
    await senders.plan(0, "stock", 1)
    hold = Hold()

    async def holds(each: Sent) -> bytes:
        if each.rows[0]["quantity"] == 20:
            await hold.wait()
        return OK

    sent.answer = holds
    process = await senders.start(0, "run", "stock", *RUN, "--slice", "0", "--in-flight", "1")
    await hold.reached()
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    hold.release()
    before = arrived(sent)
    assert 0 < len(before) <= 21
    code, _, err = await senders(1, "run", "stock", *RUN, "--slice", "0")
    assert "Resuming the run of" in err
    assert code == 0, err
    code, _, err = await senders(1, "commit", "stock", *RUN)
    assert "1 unknown" in err
    # what was being sent when the process was killed is unknown: it is neither lost nor sent again unasked
    assert len(arrived(sent)) == 40
    assert set(arrived(sent).values()) == {1}
    code, out, _ = await senders(0, "tasks", "stock", "--json", "--state", "unknown")
    assert [json.loads(line)["identifier"] for line in out.splitlines()] == ["S0"]
    assert code == 0


async def test_two_machines_do_not_send_one_slice_at_once(senders: Machines, sent: Store) -> None:
    await senders.plan(0, "stock", 1)
    hold = Hold()

    async def holds(each: Sent) -> bytes:
        await hold.wait()
        return OK

    sent.answer = holds
    process = await senders.start(0, "run", "stock", *RUN, "--slice", "0")
    await hold.reached()
    code, _, err = await senders(1, "run", "stock", *RUN, "--slice", "0")
    assert (code, "is already being sent by process" in err) == (4, True), err
    hold.release()
    await process.communicate()
    assert process.returncode == 0
    assert set(arrived(sent).values()) == {1}


async def test_an_ordinary_run_and_its_undo_use_the_shared_ledger(senders: Machines, sent: Store) -> None:
    sent.answer = lambda each: (
        reply("400 Bad Request", b'{"message": "no such product"}') if each.rows[0]["sku"] == "S7" else OK
    )
    assert (await senders(0, "run", "stock"))[0] == 1
    code, out, _ = await senders(1, "tasks", "stock")
    assert (code, "36 finished · 4 failed" in out) == (0, True), out
    assert (await senders(1, "tasks", "stock", "retry"))[0] == 0
    sent.answer = lambda each: OK
    sent.sent.clear()
    assert (await senders(1, "run", "stock"))[0] == 0
    assert set(arrived(sent)) == {("S7", number) for number in (7, 17, 27, 37)}
