"""The runs in slices on one screen, in a directory and in PostgreSQL: how far they are, and why slices failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from guide_steps import no_demo
from postgres import PASSWORD, Cluster, Database, postgres, postgres_cluster
from profiles import full
from runs import BEARER
from screens import shown, until, until_shown
from test_run_screen import PROFILE as RUN_PROFILE
from textual.pilot import Pilot

from tui_connector.machine import Machine
from tui_connector.outgoing.task_ledger import TaskLedger
from tui_connector.outgoing.tasks import NewTask
from tui_connector.runs.postgres_ledger import LedgerServer, LedgerSettings
from tui_connector.runs.postgres_slices import PostgresRuns
from tui_connector.runs.slice_directory import SliceDirectory
from tui_connector.runs.slices import Attempt, Commit, FailedItem, Slice, SlicePlan, SliceReport, SliceStore
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.sliced_runs import SlicedRunsScreen
from tui_connector.units import timestamp

__all__ = ["postgres", "postgres_cluster"]

PROFILE = """\
format = 1
name = "Acme store"
[clients.magento]
plugins = [{ kind = "base-uri", uri = "https://acme.test/rest/all/V1" }]
[incoming.products]
client = "magento"
request = { uri = "products" }
"""

RUNNABLE = (
    RUN_PROFILE
    + """[outgoing.stock]
client = "magento"
source = { kind = "csv", path = "stock.csv", columns = { quantity = "number", status = "integer" } }
identifier = "sku"
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = ["&{@}"] } }
compare = { preset = "stock" }
"""
)


@pytest.fixture(params=["directory", "postgres"])
def stores(request: pytest.FixtureRequest, machine: Machine) -> Iterator[dict[str, SliceStore]]:
    """A profile whose runs in slices are there, and the stores of two of them."""
    text = PROFILE
    found: dict[str, SliceStore]
    if request.param == "postgres":
        database: Database = request.getfixturevalue("postgres")
        lines = [f"{name} = {json.dumps(value)}" for name, value in database.saved.items()]
        text += "\n".join(["[ledger]", *lines, ""])
        settings = LedgerSettings.model_validate(database.saved)
        runs = PostgresRuns(LedgerServer(settings, lambda: settings.parameters({}, Path("/")), "acme", ""))
        found = {name: runs.store(name) for name in ("backfill", "nightly")}
    else:
        shared = machine.directories.state / "slices"
        found = {name: SliceDirectory(shared, name) for name in ("backfill", "nightly")}
    machine.directories.profiles.mkdir(parents=True)
    (machine.directories.profiles / "acme.toml").write_text(text)
    yield found
    for store in found.values():
        store.close()


def plan(run_id: str, created: str, number: int) -> SlicePlan:
    slices = [Slice(index=n, after=str(n * 100), until=str(n * 100 + 100), expected=100) for n in range(number)]
    return SlicePlan(
        run_id=run_id,
        profile="acme",
        name="products",
        configuration="c",
        created=created,
        requested=number,
        field="entity_id",
        by="id",
        expected=100 * number,
        slices=tuple(slices),
    )


def read(store: SliceStore, made: SlicePlan, index: int, *failed: FailedItem) -> None:
    with closing(store.new_data(index)) as data:
        data.write(b"1\n" * 100)
        data.sync()
    about = {"data": data.name, "bytes": data.bytes, "sha256": data.sha256, "items": 100 - len(failed)}
    store.finish(made, SliceReport(run_id=made.run_id, configuration="c", slice=index, failed=failed, **about))


def ran(machine: Machine, index: int, state: str, seconds: float, reason: str = "", items: int = 50) -> Attempt:
    """An attempt that was last seen so many seconds ago."""
    began, seen = (timestamp(machine.now() - timedelta(seconds=each)) for each in (seconds + 10, seconds))
    about = {"machine": f"worker-{index}", "process": 4711, "began": began, "seen": seen, "seconds": 10.0}
    return Attempt.model_validate({"slice": index, "state": state, "items": items, "reason": reason, **about})


def words(app: ConnectorApp) -> str:
    """The text of the screen without its lines, which wrap."""
    return " ".join(shown(app).replace("│", " ").split())


async def opened(pilot: Pilot[None], app: ConnectorApp) -> None:
    await until_shown(pilot, "Acme store")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ProfilePage) and app.focused is not None)
    await until_shown(pilot, "products")
    await pilot.press("S")
    await until(pilot, lambda: isinstance(app.screen, SlicedRunsScreen))


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=["small", "large"])
async def test_the_slices_of_all_machines_are_seen(
    machine: Machine, stores: dict[str, SliceStore], size: tuple[int, int]
) -> None:
    nightly, backfill = plan("nightly", "2026-11-01 00:00:00", 2), plan("backfill", "2026-11-02 00:00:00", 6)
    stores["nightly"].create(nightly)
    stores["nightly"].commit(Commit(run_id="nightly", state="complete", items=200, failed=0))
    stores["backfill"].create(backfill)
    broken = FailedItem(record="item 7", message="The store cannot read it [bold]\x1b[31m")
    read(stores["backfill"], backfill, 0, broken)
    stores["backfill"].record(ran(machine, 1, "running", 1))
    stores["backfill"].record(ran(machine, 2, "running", 3600))
    stores["backfill"].record(ran(machine, 3, "failed", 120, "The store refuses the token: it was revoked"))
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        await until_shown(pilot, "6 slices, ranges of entity_id")
        rows = [line for line in shown(app).splitlines() if " slices · " in line]
        assert ["backfill" in rows[0], "nightly" in rows[1]] == [True, True] or size == (80, 24)
        assert all(word in rows[0] for word in ("→ running", "products", "1/6 slices", "of 600 items"))
        assert all(word in rows[1] for word in ("✔ committed", "products", "2/2 slices", "200 of 200 items"))
        screen = words(app)
        for text in ("✔ 1 done", "→ 1 running", "? 1 silent", "✘ 1 failed", "○ 2 waiting"):
            assert text in screen, text
        assert "slice 3: worker-3, process 4711 · failed 2 min ago: The store refuses the token" in screen
        assert "slice 2: worker-2, process 4711 · silent for 1:00 h" in screen
        assert "slice 1: worker-1, process 4711 · 50 in 10 s" in screen
        assert "item 7: The store cannot read it [bold]" in screen
        assert "\x1b" not in screen
        # what another machine does now is seen without a key
        for index in range(1, 6):
            read(stores["backfill"], backfill, index)
        await until_shown(pilot, "6/6 slices")
        await until_shown(pilot, "to commit")
        stores["backfill"].commit(Commit(run_id="backfill", state="complete", items=599, failed=1))
        await until_shown(pilot, "incomplete")
        await pilot.press("down")
        await until_shown(pilot, "2 slices, ranges of entity_id")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))


async def test_without_a_run_in_slices_it_says_how_to_plan_one(machine: Machine, stores: dict[str, SliceStore]) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await until_shown(pilot, "Plan one: tui-connector plan acme NAME --slices N")


async def test_a_server_that_is_gone_is_said(machine: Machine, tmp_path: Path) -> None:
    machine.directories.profiles.mkdir(parents=True)
    ledger = f'[ledger]\nkind = "postgres"\nhost = "{tmp_path}"\ndatabase = "etl"\n'
    (machine.directories.profiles / "acme.toml").write_text(PROFILE + ledger)
    pytest.importorskip("psycopg")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "Cannot connect to postgresql://" in words(app))
        assert "Check host, port and database" in words(app)


async def test_a_run_on_the_screen_uses_the_shared_ledger(
    machine: Machine, postgres: Database, postgres_cluster: Cluster
) -> None:
    remote = {
        "host": "127.0.0.1",
        "password": {"env": "LEDGER_PASSWORD"},
        "sslmode": "verify-full",
        "ca-file": str(postgres_cluster.authority),
    }
    lines = [
        f"{name} = {{ env = 'LEDGER_PASSWORD' }}" if name == "password" else f"{name} = {json.dumps(value)}"
        for name, value in (postgres.saved | remote).items()
    ]
    async with Sandbox(SandboxOptions(products=40, settings=BEARER), machine.now) as sandbox:
        path = machine.directories.profiles / "acme.toml"
        path.parent.mkdir(parents=True)
        path.write_text(RUNNABLE.replace("URL", sandbox.url) + "\n".join(["[ledger]", *lines, ""]))
        (path.parent / "stock.csv").write_text("sku,source_code,quantity,status\nSYNC-0001,default,700,1\n")
        token = full(sandbox)["access-token"]
        machine = replace(machine, environ={"SHOP_TOKEN": token, "LEDGER_PASSWORD": PASSWORD})
        app = ConnectorApp(machine, no_demo)
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "products")
            await pilot.press("r", "enter")  # with the client selected: choose it from the list
            await until_shown(pilot, "complete: 40 items")
            assert postgres.rows("SELECT state, items FROM tui_connector_incoming_run") == [("complete", 40)]
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
            settings = LedgerSettings.model_validate(postgres.saved)
            server = LedgerServer(settings, lambda: settings.parameters({}, Path("/")), "acme", "")
            with TaskLedger(server.place("outgoing", "stock")) as ledger:  # sent by another machine
                run = ledger.begin("2026-11-01 00:00:00", "f", "d")
                ledger.load(run.id, [NewTask(2, "SYNC-0001", '{"sku": "SYNC-0001"}')], "2026-11-01 00:00:00")
                ledger.loaded(run.id)
            await pilot.press("end", "T")
            await until_shown(pilot, "SYNC-0001")
    assert not list(machine.directories.state.rglob("*.sqlite"))
